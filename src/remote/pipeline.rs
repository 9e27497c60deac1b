//! Many requests that are sent together. Doing them again changes nothing more.

use super::RemoteError;
use super::call::{Caller, Repeat};
use super::servers::Servers;
use crate::sync::assert_outside_closures;

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

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of its commands.
    pub(super) fn commands(&self) -> usize {
        self.commands
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

    fn clear(&mut self) {
        self.bytes.clear();
        self.commands = 0;
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
    /// Sends a pipeline, and empties it when the server has done all of it.
    #[track_caller]
    pub(super) fn send(&self, pipeline: &mut Pipeline) -> Result<(), RemoteError> {
        assert_outside_closures();
        if pipeline.commands() == 0 {
            return Ok(());
        }
        let answers = self.exchange(Repeat::Harmless, |connection| S::exchange_all(connection, pipeline).map(Ok))?;
        pipeline.clear();
        answers.into_iter().try_for_each(|answer| answer.map(drop))
    }
}
