//! A proxy in front of a server, which cuts a connection after any byte of a request or an answer.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::servers::say;

/// The place at which a connection is cut: when this many bytes have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    Request(usize),
    Answer(usize),
    /// The request passes, and its answer is kept back for ever.
    NoAnswer,
}

#[derive(Default)]
struct Plan {
    cut: Option<Cut>,
    /// Bytes that clients have sent and servers have answered since the plan was made.
    sent: usize,
    answered: usize,
    /// The most bytes that were sent without an answer between them, over all connections.
    longest: usize,
    since_answer: usize,
    /// The connections that are open, each with its number.
    clients: Vec<(usize, UnixStream)>,
    held: Vec<UnixStream>,
}

pub(crate) struct Proxy {
    path: PathBuf,
    plan: Arc<Mutex<Plan>>,
}

impl Proxy {
    /// Starts it before the server at a socket.
    pub(crate) fn start(server: &str, name: &str) -> Self {
        let path = socket_path(&format!("proxy-{name}"));
        let listener = UnixListener::bind(&path).unwrap();
        let plan = Arc::new(Mutex::new(Plan::default()));
        let (server, plans) = (server.to_string(), Arc::clone(&plan));
        thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                // Without files for another connection this one is closed, and the client tries again.
                let begun = client.and_then(|client| begin(number, &client, &server, &plans));
                if let Err(error) = begun {
                    say(&format!("proxy {server}: {error}"));
                    thread::sleep(Duration::from_millis(10));
                }
            }
        });
        Self { path, plan }
    }

    pub(crate) fn url(&self, database: u8) -> String {
        format!("unix://{}?db={database}", self.path.display())
    }

    /// Counts from now on, and cuts one connection.
    pub(crate) fn plan(&self, cut: Option<Cut>) {
        let mut plan = self.plan.lock().unwrap();
        (plan.cut, plan.sent, plan.answered) = (cut, 0, 0);
    }

    /// Closes all connections.
    pub(crate) fn close(&self) {
        for (_, client) in self.plan.lock().unwrap().clients.drain(..) {
            let _closed = client.shutdown(Shutdown::Both);
        }
    }

    /// The most bytes that were sent without an answer between them.
    pub(crate) fn longest_request(&self) -> usize {
        self.plan.lock().unwrap().longest
    }

    /// The bytes that were sent and answered, and whether the cut is still to come.
    pub(crate) fn passed(&self) -> (usize, usize, bool) {
        let plan = self.plan.lock().unwrap();
        (plan.sent, plan.answered, plan.cut.is_some())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.path);
    }
}

/// The path of a socket that is not there yet. Systems take about 100 bytes, which a folder for temporary files may exceed.
pub(crate) fn socket_path(name: &str) -> PathBuf {
    let (mut folder, name) = (std::env::temp_dir(), format!("hashlet-{}-{name}", std::process::id()));
    if folder.as_os_str().len() + name.len() > 100 {
        folder = PathBuf::from("/tmp");
    }
    let path = folder.join(name);
    let _none_there = std::fs::remove_file(&path);
    path
}

/// Connects a client to the server.
fn begin(number: usize, client: &UnixStream, server: &str, plans: &Arc<Mutex<Plan>>) -> std::io::Result<()> {
    let server = UnixStream::connect(server)?;
    let both = || Ok::<_, std::io::Error>([client.try_clone()?, server.try_clone()?]);
    let ends = [(true, both()?), (false, both()?)];
    plans.lock().unwrap().clients.push((number, client.try_clone()?));
    for (is_request, ends) in ends {
        let plan = Arc::clone(plans);
        thread::spawn(move || {
            pass(ends, is_request, &plan);
            plan.lock().unwrap().clients.retain(|(other, _)| *other != number);
        });
    }
    Ok(())
}

/// Passes bytes on in one direction, until the plan cuts the connection or somebody else closes it.
fn pass([client, server]: [UnixStream; 2], is_request: bool, plan: &Mutex<Plan>) {
    let (mut from, mut to) = if is_request { (&client, &server) } else { (&server, &client) };
    let mut bytes = [0; 4096];
    while let Ok(len @ 1..) = from.read(&mut bytes) {
        let mut plan = plan.lock().unwrap();
        let passed = if is_request { &mut plan.sent } else { &mut plan.answered };
        let before = *passed;
        *passed += len;
        plan.since_answer = if is_request { plan.since_answer + len } else { 0 };
        plan.longest = plan.longest.max(plan.since_answer);
        if plan.cut == Some(Cut::NoAnswer) && !is_request {
            plan.cut = None;
            plan.held.extend([client, server]); // so that nobody closes them
            return;
        }
        let last = match plan.cut {
            Some(Cut::Request(at)) if is_request && before + len > at => at - before,
            Some(Cut::Answer(at)) if !is_request && before + len > at => at - before,
            _ => {
                drop(plan);
                if to.write_all(&bytes[..len]).is_err() {
                    break;
                }
                continue;
            }
        };
        plan.cut = None;
        drop(plan);
        let _closed = to.write_all(&bytes[..last]);
        break;
    }
    for end in [client, server] {
        let _closed = end.shutdown(Shutdown::Both);
    }
}
