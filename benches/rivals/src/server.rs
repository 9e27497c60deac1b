//! A server of our own, with its data in our folder.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use redis::{Client, Connection, ConnectionAddr, Value};

use crate::support::workload::Profile;

/// Keys that travel together.
const BATCH: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// Where a server's program is: it runs behind the socket that a variable names, or stands on the path.
pub(crate) fn program(name: &str, variable: &str) -> Option<PathBuf> {
    if let Some(socket) = std::env::var_os(variable) {
        let mut connection = connect(Path::new(&socket)).expect("the server that the variable names answers");
        let info: String =
            redis::cmd("INFO").arg("server").query(&mut connection).expect("a server tells about itself");
        return info.lines().find_map(|line| line.strip_prefix("executable:")).map(PathBuf::from);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn connect(socket: &Path) -> redis::RedisResult<Connection> {
    Client::open(ConnectionAddr::Unix(socket.into()))?.get_connection()
}

/// Words of a server's command line.
pub(crate) type Settings = &'static [&'static str];

pub(crate) struct Server {
    program: PathBuf,
    folder: PathBuf,
    settings: Settings,
    process: Child,
    connection: Connection,
}

impl Server {
    pub(crate) fn start(program: &Path, folder: &Path, settings: Settings) -> Self {
        let (process, connection) = start(program, folder, settings);
        Self { program: program.into(), folder: folder.into(), settings, process, connection }
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn fill(&mut self, profiles: usize) {
        for first in (0..profiles).step_by(BATCH) {
            let mut batch = redis::pipe();
            for number in first..profiles.min(first + BATCH) {
                let profile = Profile::new(number);
                let set = batch.cmd("HSET").arg(&profile.key);
                for (field, value) in profile.pairs() {
                    set.arg(field).arg(value);
                }
            }
            let new: Vec<usize> = batch.query(&mut self.connection).expect("the server answers");
            assert!(new.into_iter().all(|new| new == 8));
        }
    }

    pub(crate) fn save(&mut self) {
        redis::cmd("SAVE").exec(&mut self.connection).expect("the server saves");
    }

    /// How long the server takes to load what it has saved, or its log where it keeps one.
    pub(crate) fn restart(&mut self, profiles: usize) -> Duration {
        self.stop();
        (self.process, self.connection) = start(&self.program, &self.folder, self.settings);
        let keys: Value = redis::cmd("DBSIZE").query(&mut self.connection).expect("the server answers");
        assert_eq!(keys, Value::Int(profiles as i64));
        let log = std::fs::read_to_string(log(&self.folder)).expect("the server's log");
        let rest = ["DB loaded from disk: ", "DB loaded from append only file: "]
            .iter()
            .find_map(|words| log.split(words).nth(1));
        let told = rest.and_then(|rest| rest.split(' ').next());
        Duration::from_secs_f64(told.and_then(|seconds| seconds.parse().ok()).expect("the log tells seconds"))
    }

    /// Another connection to it.
    #[allow(dead_code, reason = "only the rivals have connections of their own")]
    pub(crate) fn connect(&self) -> redis::RedisResult<Connection> {
        connect(&self.folder.join(SOCKET))
    }

    /// Where it listens, as a URL.
    #[allow(dead_code, reason = "only a part of the parts connects by it")]
    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.folder.join(SOCKET).display())
    }

    fn stop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        _ = std::fs::remove_file(self.folder.join(DUMP));
    }
}

const DUMP: &str = "dump.rdb";
const SOCKET: &str = "server.sock";

fn log(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

/// Starts a server, and waits until it has loaded.
fn start(program: &Path, folder: &Path, settings: Settings) -> (Child, Connection) {
    let socket = folder.join(SOCKET);
    _ = std::fs::remove_file(&socket);
    let mut process = Command::new(program)
        .args(["--port", "0", "--save", "", "--dbfilename", DUMP])
        .args(settings)
        .arg("--dir")
        .arg(folder)
        .arg("--unixsocket")
        .arg(&socket)
        .stdin(Stdio::null())
        .stdout(File::create(log(folder)).expect("a file for the log"))
        .spawn()
        .expect("the server starts");
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        if let Ok(mut connection) = connect(&socket)
            && redis::cmd("PING").exec(&mut connection).is_ok()
        {
            return (process, connection);
        }
        thread::sleep(PAUSE);
    }
    _ = process.kill();
    _ = process.wait();
    panic!("{} does not answer", program.display());
}
