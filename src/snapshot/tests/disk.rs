//! A disk in memory that can fail any operation, and lose power after it.
//!
//! Every operation is counted, and logged with its changes. A *crash image* is a state that a loss of power after some
//! of the operations may leave on the disk (`image.rs`). It is itself a disk, on which everything is settled. Folders
//! exist without being created. There is only one user, and no current folder that could change.

mod content;
mod fault;
mod handles;
mod image;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use self::content::{Change, Content};
pub(crate) use self::content::{DEFAULT_MODE, Mode};
pub(crate) use self::fault::{Failure, Fault, Kind};
use self::handles::{SimulatedFile, SimulatedLock, SimulatedReader};
use crate::snapshot::SnapshotError;
use crate::snapshot::disk::Disk;
use crate::snapshot::file::folder;

/// A handle of a simulated disk. Its clones are handles of the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The content that no loss of power takes away.
    settled: Content,
    /// The content that the running system sees: the settled content with every change in the log.
    seen: Content,
    log: Vec<Operation>,
    /// The numbers of the files that are locked, whatever names they still have.
    locked: BTreeSet<usize>,
    fault: Option<Fault>,
}

/// An operation that was tried, and its change. There is none if the operation only looked, or failed.
#[derive(Debug)]
struct Operation {
    kind: Kind,
    change: Option<Change>,
}

impl SimulatedDisk {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A disk with this content, all of which is settled.
    fn of(content: Content) -> Self {
        let state = State { settled: content.clone(), seen: content, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Puts a file at the path and settles everything, as if it had been there for long. Crash images begin from now.
    pub(crate) fn put(&self, path: impl AsRef<Path>, bytes: &[u8], mode: Mode) {
        let mut state = self.0.lock();
        state.seen.put(path.as_ref(), bytes, mode);
        state.settle();
    }

    /// Settles everything, and empties the log.
    pub(crate) fn settle(&self) {
        self.0.lock().settle();
    }

    /// The bytes of a file, for a test to look at. This is not an operation.
    pub(crate) fn bytes(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        Some(self.0.lock().seen.file(path.as_ref())?.bytes.clone())
    }

    pub(crate) fn mode(&self, path: impl AsRef<Path>) -> Option<Mode> {
        Some(self.0.lock().seen.file(path.as_ref())?.mode)
    }

    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.0.lock().seen.paths().map(Path::to_owned).collect()
    }

    /// The operations since the log began, including failed ones.
    pub(crate) fn operations(&self) -> Vec<Kind> {
        self.0.lock().log.iter().map(|operation| operation.kind).collect()
    }

    /// Makes later operations fail as the fault says. `None` heals the disk.
    pub(crate) fn fail(&self, fault: Option<Fault>) {
        self.0.lock().fault = fault;
    }

    /// Tries an operation that changes nothing and answers from what is seen.
    fn look<R>(&self, kind: Kind, answer: impl FnOnce(&Content) -> io::Result<R>) -> io::Result<R> {
        let mut state = self.0.lock();
        state.try_to(kind)?;
        answer(&state.seen)
    }

    /// Tries an operation that changes something.
    fn change(&self, kind: Kind, change: impl FnOnce(&Content) -> io::Result<Change>) -> io::Result<()> {
        let mut state = self.0.lock();
        state.try_to(kind)?;
        let change = change(&state.seen)?;
        state.make(change);
        Ok(())
    }

    /// Tries a sync. A sync that fails is a change too; see [`Change::Sync`].
    fn settle_some(&self, kind: Kind, change: impl FnOnce(bool) -> Change) -> io::Result<()> {
        let mut state = self.0.lock();
        let result = state.try_to(kind);
        state.make(change(result.is_ok()));
        result
    }
}

impl State {
    fn settle(&mut self) {
        self.settled = self.seen.clone();
        self.log.clear();
    }

    /// Logs an operation, and fails if the fault says so.
    fn try_to(&mut self, kind: Kind) -> io::Result<()> {
        self.try_some(kind, 0).map(drop)
    }

    /// Logs an operation on this many bytes, and returns how many of them it processes.
    fn try_some(&mut self, kind: Kind, bytes: usize) -> io::Result<usize> {
        self.log.push(Operation { kind, change: None });
        self.fault.as_mut().map_or(Ok(bytes), |fault| fault.strike(kind, bytes))
    }

    /// Makes the change of the operation that was logged last.
    fn make(&mut self, change: Change) {
        self.seen.make(&change, change.outcomes() - 1);
        self.log.last_mut().expect("it was logged").change = Some(change);
    }
}

impl Disk for SimulatedDisk {
    type Lock = SimulatedLock;
    type File = SimulatedFile;
    type Readable = SimulatedReader;
    type Access = Mode;

    fn absolute(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }

    fn lock(&self, path: &Path) -> Result<SimulatedLock, SnapshotError> {
        let mut state = self.0.lock();
        state.try_to(Kind::Lock)?;
        if state.seen.file(path).is_none() {
            let change = Change::Create { path: path.to_owned(), mode: DEFAULT_MODE };
            state.make(change);
        }
        let number = state.seen.number(path)?;
        if !state.locked.insert(number) {
            return Err(SnapshotError::Locked);
        }
        Ok(SimulatedLock { disk: self.clone(), number })
    }

    fn is_lock_at(&self, lock: &SimulatedLock, path: &Path) -> io::Result<bool> {
        self.look(Kind::LookAtLock, |seen| Ok(seen.is_at(lock.number, path)))
    }

    fn names(&self, of: &Path, is_wanted: impl Fn(&OsStr) -> bool) -> io::Result<Vec<OsString>> {
        self.look(Kind::List, |seen| {
            let names = seen.paths().filter(|path| folder(path) == of).filter_map(Path::file_name);
            Ok(names.filter(|name| is_wanted(name)).map(OsStr::to_owned).collect())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(Kind::Remove, |seen| {
            seen.number(path)?;
            Ok(Change::Remove { path: path.to_owned() })
        })
    }

    fn access(&self, path: &Path) -> io::Result<Option<Mode>> {
        self.look(Kind::Access, |seen| Ok(seen.file(path).map(|file| file.mode)))
    }

    fn create(&self, path: &Path, private: bool) -> io::Result<SimulatedFile> {
        let mut number = 0;
        self.change(Kind::Create, |seen| {
            if seen.file(path).is_some() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            number = seen.files();
            Ok(Change::Create { path: path.to_owned(), mode: if private { 0o600 } else { DEFAULT_MODE } })
        })?;
        Ok(SimulatedFile::new(self, number))
    }

    fn set_access(&self, file: &SimulatedFile, mode: &Mode) -> io::Result<()> {
        self.change(Kind::SetAccess, |_| Ok(Change::SetMode { number: file.number, mode: *mode }))
    }

    fn sync(&self, file: &SimulatedFile) -> io::Result<()> {
        self.settle_some(Kind::Sync, |succeeded| Change::Sync { number: file.number, succeeded })
    }

    #[cfg(feature = "journal")]
    fn sync_data(&self, file: &SimulatedFile) -> io::Result<()> {
        self.settle_some(Kind::Sync, |succeeded| Change::Sync { number: file.number, succeeded })
    }

    #[cfg(feature = "journal")]
    fn sync_at(&self, path: &Path) -> io::Result<()> {
        let number = self.0.lock().seen.number(path)?;
        self.settle_some(Kind::Sync, |succeeded| Change::Sync { number, succeeded })
    }

    #[cfg(feature = "journal")]
    fn create_folder(&self, _: &Path) -> io::Result<()> {
        Ok(()) // folders exist without being created
    }

    fn is_file_at(&self, file: &SimulatedFile, path: &Path) -> io::Result<bool> {
        self.look(Kind::LookAtFile, |seen| Ok(seen.is_at(file.number, path)))
    }

    fn is_same(&self, one: &Path, other: &Path) -> io::Result<bool> {
        self.look(Kind::Compare, |seen| Ok(seen.number(one)? == seen.number(other)?))
    }

    fn is_absent(&self, path: &Path) -> io::Result<bool> {
        self.look(Kind::LookAtPath, |seen| Ok(seen.file(path).is_none()))
    }

    fn link(&self, file: &Path, name: &Path) -> io::Result<()> {
        self.change(Kind::Link, |seen| {
            if seen.file(name).is_some() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            Ok(Change::Link { number: seen.number(file)?, name: name.to_owned() })
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(Kind::Rename, |seen| {
            Ok(Change::Rename { number: seen.number(from)?, from: from.to_owned(), to: to.to_owned() })
        })
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.settle_some(Kind::SyncFolder, |succeeded| Change::SyncFolder { folder: folder.to_owned(), succeeded })
    }

    fn open(&self, path: &Path) -> io::Result<(SimulatedReader, Option<u64>)> {
        let number = self.look(Kind::Open, |seen| seen.number(path))?;
        let length = self.0.lock().seen.numbered(number).bytes.len();
        Ok((SimulatedReader::new(self, number), Some(length as u64)))
    }
}
