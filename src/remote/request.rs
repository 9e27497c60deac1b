//! A request: a command with its arguments.

use redis::{Arg, Cmd, ToRedisArgs};

use super::servers::Node;

/// A command with its arguments.
pub(super) struct Request {
    pub(super) command: Cmd,
}

impl Request {
    /// A command on a key.
    pub(super) fn new(name: &str, key: impl AsRef<[u8]>) -> Self {
        Self::of_keys(name, &[key.as_ref()])
    }

    /// A command on keys, which stand behind its name.
    pub(super) fn of_keys(name: &str, keys: &[&[u8]]) -> Self {
        let mut request = Self::to_any(name);
        request.arg(keys);
        request
    }

    /// A script on keys, by its hash.
    pub(super) fn of_script(name: &str, script: &str, keys: &[&[u8]]) -> Self {
        let mut request = Self::to_any(name);
        request.arg(script).arg(keys.len()).arg(keys);
        request
    }

    /// A command for a certain server.
    pub(super) fn to_node(name: &str, _: &Node) -> Self {
        Self::to_any(name)
    }

    /// A command that any server can do.
    pub(super) fn to_any(name: &str) -> Self {
        Self { command: redis::cmd(name) }
    }

    /// The same script by its text, so that a server that does not know it yet learns it.
    pub(super) fn with_text(&self, text: &str) -> Self {
        let mut request = Self::to_any("EVAL");
        request.arg(text);
        for word in self.command.args_iter().skip(2) {
            if let Arg::Simple(word) = word {
                request.arg(word);
            }
        }
        request
    }

    pub(super) fn arg(&mut self, argument: impl ToRedisArgs) -> &mut Self {
        self.command.arg(argument);
        self
    }
}
