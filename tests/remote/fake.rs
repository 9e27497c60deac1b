//! A server that answers as a test wants: what real servers do only after a fail-over, or behind a firewall.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::proxy::socket_path;

/// The answer to the words of a request on the connection of this number, from 1 on. Nothing is no answer, ever.
type Answer = dyn Fn(usize, &[String]) -> Option<String> + Send + Sync;

pub(crate) struct Fake {
    path: PathBuf,
    connections: Arc<AtomicUsize>,
}

impl Fake {
    /// Starts it. It does by itself what a client asks for when it connects.
    pub(crate) fn start(
        name: &str,
        answer: impl Fn(usize, &[String]) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self::start_process(name, Arc::default(), answer)
    }

    /// Starts it with a number that tells one process of a server from another.
    pub(crate) fn start_process(
        name: &str,
        process: Arc<AtomicUsize>,
        answer: impl Fn(usize, &[String]) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let path = socket_path(&format!("fake-{name}"));
        let listener = UnixListener::bind(&path).unwrap();
        let (connections, answer): (Arc<AtomicUsize>, Arc<Answer>) = (Arc::default(), Arc::new(answer));
        let count = Arc::clone(&connections);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (number, answer) = (count.fetch_add(1, Ordering::SeqCst) + 1, Arc::clone(&answer));
                let process = Arc::clone(&process);
                thread::spawn(move || serve(&client, &process, |words| answer(number, words)));
            }
        });
        Self { path, connections }
    }

    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// The connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.path);
    }
}

fn serve(mut client: &UnixStream, process: &AtomicUsize, answer: impl Fn(&[String]) -> Option<String>) {
    let mut requests = BufReader::new(client.try_clone().unwrap());
    while let Some(words) = read_request(&mut requests) {
        let usual = match words[0].as_str() {
            "SELECT" | "CLIENT" => Some("+OK\r\n".to_string()),
            "INFO" => {
                let process = process.load(Ordering::SeqCst);
                let info = format!("redis_version:8.2.3\r\nredis_mode:standalone\r\nrun_id:{process}\r\n");
                Some(format!("${}\r\n{info}\r\n", info.len()))
            }
            _ => answer(&words),
        };
        if usual.is_some_and(|answer| client.write_all(answer.as_bytes()).is_err()) {
            return;
        }
    }
}

fn read_request(from: &mut impl BufRead) -> Option<Vec<String>> {
    let mut number = |kind: char| {
        let mut line = String::new();
        from.read_line(&mut line).ok()?;
        let number: usize = line.trim_end().strip_prefix(kind)?.parse().ok()?;
        if kind == '*' {
            return Some((number, String::new()));
        }
        let mut word = vec![0; number + 2];
        from.read_exact(&mut word).ok()?;
        Some((number, String::from_utf8_lossy(&word[..number]).into_owned()))
    };
    let (words, _) = number('*')?;
    (0..words).map(|_| Some(number('$')?.1)).collect()
}
