//! The servers to test with: those whose unix sockets `HASHLET_VALKEY_SOCKET` and `HASHLET_REDIS_SOCKET` name. Use
//! throw-away servers, because databases are emptied. `.ci/servers cargo test --all-features --test remote` starts both.
//! Without servers nothing is tested, and each test prints so.

use std::ffi::OsString;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use hashlet::{Hashes, Remote};

const SERVERS: [(&str, &str); 2] = [("Valkey 9.1", "HASHLET_VALKEY_SOCKET"), ("Redis 8.2", "HASHLET_REDIS_SOCKET")];

/// Servers have 16 databases if nobody asks for more. Tests that name the same one wait for each other.
static DATABASES: [Mutex<()>; 16] = [const { Mutex::new(()) }; 16];

/// A server, and one database in it.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) socket: String,
    pub(crate) database: u8,
}

impl Server {
    pub(crate) fn url(&self) -> String {
        format!("unix://{}?db={}", self.socket, self.database)
    }

    /// For the names of files.
    pub(crate) fn short_name(&self) -> String {
        self.name.replace([' ', '.'], "-")
    }

    pub(crate) fn open(&self) -> Remote {
        Remote::open(&self.url()).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

/// Runs a test on each server, in an empty database.
pub(crate) fn each(test: &str, database: u8, run: impl Fn(&Server)) {
    let _alone = DATABASES[usize::from(database)].lock().unwrap_or_else(PoisonError::into_inner);
    for (name, variable) in SERVERS {
        let Some(socket) = std::env::var_os(variable).map(OsString::into_string) else {
            say(&format!("{test}: NOT TESTED with {name}: {variable} is not set; `.ci/servers` starts the servers"));
            continue;
        };
        let server = Server { name, socket: socket.expect("UTF-8"), database };
        server.open().clear_all().unwrap();
        run(&server);
        server.open().clear_all().unwrap();
    }
}

/// Writes past the test harness, which captures the output of passing tests. It must be seen if nothing was tested.
pub(crate) fn say(text: &str) {
    writeln!(std::io::stderr(), "remote: {text}").expect("stderr is open");
}
