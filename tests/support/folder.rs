//! A folder for the files of one test.

#![allow(dead_code, reason = "tests and examples take the part they need")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A folder that is removed, with everything in it, when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        Self::within(&std::env::temp_dir())
    }

    /// A folder in memory, on systems that have such a place, for tests that sync often.
    pub(crate) fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Self::within(memory) } else { Self::new() }
    }

    /// A folder in another one.
    pub(crate) fn within(outer: &Path) -> Self {
        static FOLDERS: AtomicU64 = AtomicU64::new(0);
        let name = format!("hashlet-test-{}-{}", std::process::id(), FOLDERS.fetch_add(1, Relaxed));
        let path = outer.join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A copy of the folder with its files as they are now, as after a kill of whoever uses them. Bases are copied before
    /// logs.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::in_memory();
        for name in self.names() {
            fs::copy(self.0.join(&name), copy.0.join(&name)).unwrap();
        }
        copy
    }

    /// The path to which a test saves.
    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("store.hashlet")
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// The number of temporary files: those that are being written, and those of savers that have died.
    pub(crate) fn temporaries(&self) -> usize {
        self.names().iter().filter(|name| name.ends_with(".tmp")).count()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
