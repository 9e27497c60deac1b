//! Many requests that are sent together. Doing them again changes nothing more.

use redis::Value;

use super::RemoteError;
use super::answer::{list, some_bytes};
use super::call::{Caller, Repeat};
use super::request::Request;
use super::servers::Servers;
use crate::sync::assert_outside_closures;

/// Requests in the protocol of the servers: `*` and the number of words, then for each word `$`, its length, and itself. The
/// word after the name is a key. In a cluster, all keys should be on one server.
#[derive(Default)]
pub(super) struct Pipeline {
    bytes: Vec<u8>,
    /// Where each command begins.
    begins: Vec<usize>,
}

impl Pipeline {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of its commands.
    pub(super) fn commands(&self) -> usize {
        self.begins.len()
    }

    /// Begins a command of this many words.
    pub(super) fn begin(&mut self, words: usize) {
        self.begins.push(self.bytes.len());
        self.head(b'*', words);
    }

    /// Adds words to the command.
    pub(super) fn words(&mut self, words: &[&[u8]]) {
        for word in words {
            self.head(b'$', word.len());
            self.bytes.extend_from_slice(word);
            self.bytes.extend_from_slice(b"\r\n");
        }
    }

    /// Adds a whole command.
    pub(super) fn command(&mut self, words: &[&[u8]]) {
        self.begin(words.len());
        self.words(words);
    }

    /// Adds a request.
    pub(super) fn request(&mut self, request: &Request) {
        self.begins.push(self.bytes.len());
        self.bytes.extend_from_slice(&request.command.get_packed_command());
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.begins.clear();
    }

    /// The commands, each as a request for the server of its key.
    fn requests(&self) -> impl Iterator<Item = Result<Request, RemoteError>> {
        self.begins.iter().map(|begin| {
            let words = list(redis::parse_redis_value(&self.bytes[*begin..])?, some_bytes)?;
            let [name, key, words @ ..] = &words[..] else { return Err(RemoteError::unexpected(&Value::Nil)) };
            let mut request = Request::new(&String::from_utf8_lossy(name), key);
            words.iter().for_each(|word| _ = request.arg(word));
            Ok(request)
        })
    }

    fn head(&mut self, kind: u8, number: usize) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut left = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (left % 10) as u8;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&digits[at..]);
        self.bytes.extend_from_slice(b"\r\n");
    }
}

impl<S: Servers> Caller<S> {
    /// Sends a pipeline, and empties it when servers have done all of it. Returns whether all of it was done where it was
    /// sent. What another server has is sent there, one command after the other.
    #[track_caller]
    pub(super) fn send(&self, pipeline: &mut Pipeline) -> Result<bool, RemoteError> {
        let answers = self.answers(pipeline)?;
        let is_elsewhere = |answer: &Result<Value, RemoteError>| answer.as_ref().is_err_and(RemoteError::is_elsewhere);
        let moved = S::SPLITS_KEYS && answers.iter().any(is_elsewhere);
        if moved {
            // All of them, because those of one key must stay in order.
            for request in pipeline.requests() {
                self.call(&request?, Repeat::Harmless, |_| Ok(()))?;
            }
        } else {
            answers.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        pipeline.clear();
        Ok(!moved)
    }

    /// Sends a pipeline, and returns the answers to it.
    #[track_caller]
    pub(super) fn answers(&self, pipeline: &Pipeline) -> Result<Vec<Result<Value, RemoteError>>, RemoteError> {
        assert_outside_closures();
        if pipeline.commands() == 0 {
            return Ok(Vec::new());
        }
        let patience = self.options().patience;
        self.exchange(Repeat::Harmless, patience, |connection| S::exchange_all(connection, pipeline))
    }
}
