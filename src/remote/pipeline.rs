//! Many requests that are sent together. Doing them again changes nothing more.

use super::call::{Lost, Repeat, receive};
use super::{Remote, RemoteError};

/// Requests in the protocol of the servers: `*` and the number of words, then for each word `$`, its length, and itself.
#[derive(Default)]
pub(super) struct Pipeline {
    bytes: Vec<u8>,
    commands: usize,
}

impl Pipeline {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Begins a command of this many words.
    pub(super) fn begin(&mut self, words: usize) {
        self.commands += 1;
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

impl Remote {
    /// Sends a pipeline, and empties it when the server has done all of it.
    pub(super) fn send(&self, pipeline: &mut Pipeline) -> Result<(), RemoteError> {
        if pipeline.commands == 0 {
            return Ok(());
        }
        let refused = self.exchange(Repeat::Harmless, |connection| {
            connection.send_packed_command(&pipeline.bytes).map_err(Lost::BeforeRequest)?;
            let mut refused = Ok(());
            for _ in 0..pipeline.commands {
                let answer = receive(connection)?;
                if refused.is_ok() {
                    refused = answer.map(drop);
                }
            }
            Ok(refused)
        });
        pipeline.bytes.clear();
        pipeline.commands = 0;
        refused
    }
}
