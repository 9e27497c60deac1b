//! A real server behind a unix socket.

use std::path::Path;

use redis::{Client, Connection, ConnectionAddr, Pipeline, Value};

use crate::support::source::Bytes;

pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) variable: &'static str,
    connection: Connection,
}

impl Server {
    /// Panics if there is no server, or if its database is not empty, because it will be emptied.
    pub(crate) fn connect(name: &'static str, variable: &'static str, socket: &Path) -> Self {
        let connection = Client::open(ConnectionAddr::Unix(socket.into())).and_then(|client| client.get_connection());
        let connection = connection
            .unwrap_or_else(|error| panic!("{name} does not answer at {variable}={}: {error}", socket.display()));
        let mut server = Self { name, variable, connection };
        assert_eq!(
            server.call(&["DBSIZE"]),
            Value::Int(0),
            "{variable} has to name a throw-away server: it is emptied"
        );
        server
    }

    /// Empties the server, and sets the largest sizes that it keeps in its compact encoding.
    pub(crate) fn start_over(&mut self, entries: usize, value: usize) {
        for words in [
            &["FLUSHDB"][..],
            &["CONFIG", "SET", "hash-max-listpack-entries", &entries.to_string()],
            &["CONFIG", "SET", "hash-max-listpack-value", &value.to_string()],
        ] {
            assert_eq!(self.call(words), Value::Okay, "{words:?}");
        }
    }

    pub(crate) fn batch(&mut self) -> Batch<'_> {
        Batch { connection: &mut self.connection, pipeline: Pipeline::new() }
    }

    fn call(&mut self, words: &[&str]) -> Value {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut self.connection).unwrap_or_else(|error| panic!("{}: {words:?}: {error}", self.name))
    }
}

impl Drop for Server {
    /// Empties the database for the next run, even after a failure.
    fn drop(&mut self) {
        _ = redis::cmd("FLUSHDB").exec(&mut self.connection);
    }
}

/// Commands that are sent together.
pub(crate) struct Batch<'a> {
    connection: &'a mut Connection,
    pipeline: Pipeline,
}

impl Batch<'_> {
    pub(crate) fn add(&mut self, words: &[Bytes]) {
        let command = self.pipeline.cmd(std::str::from_utf8(&words[0].0).expect("the name of a command"));
        for word in &words[1..] {
            command.arg(&word.0);
        }
    }

    /// Sends the commands, and returns the reply to each. An error reply is a value, too.
    pub(crate) fn send(mut self) -> Vec<Value> {
        self.pipeline.ignore_errors().query(self.connection).expect("the server answers")
    }
}
