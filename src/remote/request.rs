//! A request: a command, and where its keys stand in it.

use redis::{Arg, Cmd, ToRedisArgs};

use super::servers::Node;

/// A command with its arguments, which knows for which server it is.
pub(super) struct Request {
    pub(super) command: Cmd,
    place: Place,
}

/// Which server a request is for.
enum Place {
    /// That of these keys: so many words, from this one on.
    Keys {
        first: usize,
        keys: usize,
    },
    Node(Node),
    /// Any will do.
    Any,
}

impl Request {
    /// A command on a key.
    pub(super) fn new(name: &str, key: impl AsRef<[u8]>) -> Self {
        Self::of_keys(name, &[key.as_ref()])
    }

    /// A command on keys, which stand behind its name.
    pub(super) fn of_keys(name: &str, keys: &[&[u8]]) -> Self {
        let mut command = redis::cmd(name);
        command.arg(keys);
        Self { command, place: Place::Keys { first: 1, keys: keys.len() } }
    }

    /// A script on keys, by its hash or its text.
    pub(super) fn of_script(name: &str, script: &str, keys: &[&[u8]]) -> Self {
        let mut command = redis::cmd(name);
        command.arg(script).arg(keys.len()).arg(keys);
        Self { command, place: Place::Keys { first: 3, keys: keys.len() } }
    }

    /// A command for a certain server.
    pub(super) fn to_node(name: &str, node: &Node) -> Self {
        Self { command: redis::cmd(name), place: Place::Node(node.clone()) }
    }

    /// A command that any server can do.
    pub(super) fn to_any(name: &str) -> Self {
        Self { command: redis::cmd(name), place: Place::Any }
    }

    pub(super) fn arg(&mut self, argument: impl ToRedisArgs) -> &mut Self {
        self.command.arg(argument);
        self
    }

    /// Its words, with its name.
    pub(super) fn words(&self) -> impl Iterator<Item = &[u8]> {
        self.command.args_iter().filter_map(|word| match word {
            Arg::Simple(word) => Some(word),
            _ => None, // the place of a cursor, which hashlet does not use
        })
    }

    /// Its keys. There are none if it is for a certain server or for any.
    pub(super) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let (first, keys) = match self.place {
            Place::Keys { first, keys } => (first, keys),
            Place::Node(_) | Place::Any => (0, 0),
        };
        self.words().skip(first).take(keys)
    }

    /// The server that it is for, if it is for a certain one.
    pub(super) fn node(&self) -> Option<&Node> {
        match &self.place {
            Place::Node(node) => Some(node),
            Place::Keys { .. } | Place::Any => None,
        }
    }

    /// The same script by its text, so that a server that does not know it yet learns it.
    pub(super) fn with_text(&self, text: &str) -> Self {
        let keys: Vec<&[u8]> = self.keys().collect();
        let mut request = Self::of_script("EVAL", text, &keys);
        self.words().skip(3 + keys.len()).for_each(|word| _ = request.arg(word));
        request
    }
}
