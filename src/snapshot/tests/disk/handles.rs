//! The handles of the simulated disk: open files and locks.

use std::io::{self, Read, Write};

use super::{Change, Kind, SimulatedDisk};

#[derive(Debug)]
pub(crate) struct SimulatedFile {
    disk: SimulatedDisk,
    pub(super) number: usize,
    at: usize,
}

impl SimulatedFile {
    pub(super) fn new(disk: &SimulatedDisk, number: usize) -> Self {
        Self { disk: disk.clone(), number, at: 0 }
    }
}

impl Write for SimulatedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.0.lock();
        let written = state.try_some(Kind::Write, bytes.len())?;
        state.make(Change::Write { number: self.number, at: self.at, bytes: bytes[..written].to_owned() });
        self.at += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct SimulatedReader {
    disk: SimulatedDisk,
    number: usize,
    at: usize,
}

impl SimulatedReader {
    pub(super) fn new(disk: &SimulatedDisk, number: usize) -> Self {
        Self { disk: disk.clone(), number, at: 0 }
    }
}

impl Read for SimulatedReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut state = self.disk.0.lock();
        let wanted = into.len().min(state.seen.numbered(self.number).bytes.len() - self.at);
        let read = state.try_some(Kind::Read, wanted)?;
        into[..read].copy_from_slice(&state.seen.numbered(self.number).bytes[self.at..self.at + read]);
        self.at += read;
        Ok(read)
    }
}

/// Releases its lock when dropped.
#[derive(Debug)]
pub(crate) struct SimulatedLock {
    pub(super) disk: SimulatedDisk,
    pub(super) number: usize,
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        self.disk.0.lock().locked.remove(&self.number);
    }
}
