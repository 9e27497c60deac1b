//! A proxy in front of a server, which cuts a connection after any byte of a request or an answer.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

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
    /// The connections so far.
    clients: Vec<UnixStream>,
    held: Vec<UnixStream>,
}

pub(crate) struct Proxy {
    path: PathBuf,
    plan: Arc<Mutex<Plan>>,
}

impl Proxy {
    /// Starts it before the server at a socket.
    pub(crate) fn start(server: &str, name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hashlet-proxy-{}-{name}", std::process::id()));
        let _none_there = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let plan = Arc::new(Mutex::new(Plan::default()));
        let (server, plans) = (server.to_string(), Arc::clone(&plan));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = UnixStream::connect(&server).unwrap();
                plans.lock().unwrap().clients.push(client.try_clone().unwrap());
                for is_request in [true, false] {
                    let ends = [client.try_clone().unwrap(), server.try_clone().unwrap()];
                    let plan = Arc::clone(&plans);
                    thread::spawn(move || pass(ends, is_request, &plan));
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
        for client in self.plan.lock().unwrap().clients.drain(..) {
            let _closed = client.shutdown(Shutdown::Both);
        }
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

/// Passes bytes on in one direction, until the plan cuts the connection or somebody else closes it.
fn pass([client, server]: [UnixStream; 2], is_request: bool, plan: &Mutex<Plan>) {
    let (mut from, mut to) = if is_request { (&client, &server) } else { (&server, &client) };
    let mut bytes = [0; 4096];
    while let Ok(len @ 1..) = from.read(&mut bytes) {
        let mut plan = plan.lock().unwrap();
        let passed = if is_request { &mut plan.sent } else { &mut plan.answered };
        let before = *passed;
        *passed += len;
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
