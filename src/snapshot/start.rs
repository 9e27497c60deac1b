//! Loading a store when a program starts: the file may not be there yet, or may be damaged.

use std::io;
use std::path::{Path, PathBuf};

use crate::snapshot::file::{file_name, older};
use crate::snapshot::{Disk, LoadOptions, LoadReport, SnapshotError, SystemDisk};
use crate::store::{Store, StoreBuilder};
use crate::sync::assert_outside_closures;

type Result<T> = std::result::Result<T, SnapshotError>;

impl Store {
    /// Loads a store with default options, or returns an empty one if there is no file. See
    /// [`StoreBuilder::load_or_new`].
    ///
    /// # Errors
    /// As of [`StoreBuilder::load_or_new`].
    #[track_caller]
    pub fn load_or_new(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().load_or_new(path)
    }

    /// Loads the newest whole snapshot into a store with default options. See [`StoreBuilder::load_newest`].
    ///
    /// # Errors
    /// As of [`StoreBuilder::load_newest`].
    #[track_caller]
    pub fn load_newest(path: impl AsRef<Path>) -> Result<(Self, LoadReport)> {
        Self::builder().load_newest(path)
    }

    /// Loads the newest whole snapshot into a store with default options, or returns an empty store if there is none.
    /// See [`StoreBuilder::load_newest_or_new`].
    ///
    /// # Errors
    /// As of [`StoreBuilder::load_newest_or_new`].
    #[track_caller]
    pub fn load_newest_or_new(path: impl AsRef<Path>) -> Result<(Self, LoadReport)> {
        Self::builder().load_newest_or_new(path)
    }
}

impl StoreBuilder {
    /// Loads a store as [`load`](Self::load) does, or returns an empty one if nothing is at the path, as when a program
    /// starts for the first time. O(n).
    ///
    /// Nothing else is taken for an absent file: not a damaged one, not one that may not be read, and not a link that
    /// leads nowhere. A missing folder is an error too, because it may be a disk that is not mounted, and because the
    /// store could not be saved there. Older snapshots beside the path are not looked for.
    ///
    /// ```
    /// use hashlet::Store;
    /// # let path = std::env::temp_dir().join(format!("hashlet-load-or-new-{}", std::process::id()));
    ///
    /// let store = Store::builder().shards(16).load_or_new(&path)?;
    /// assert!(store.is_empty()); // the first start
    /// store.set("user:1", "name", "Ada")?;
    /// store.save(&path)?;
    /// assert_eq!(Store::load_or_new(&path)?.key_count(), 1); // the next one
    /// # std::fs::remove_file(&path)?;
    /// # std::fs::remove_file(format!("{}.lock", path.display()))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As of [`load`](Self::load), except that an absent file is none. [`Io`](SnapshotError::Io) also if the path does
    /// not end in a file's name.
    #[track_caller]
    pub fn load_or_new(self, path: impl AsRef<Path>) -> Result<Store> {
        self.load_or_new_on(&SystemDisk, path.as_ref())
    }

    /// Loads the newest whole snapshot among the file at the path and the older ones that [`SaveOptions::keep`] has kept
    /// beside it. Returns the store, and which snapshot it comes from. O(n) for each snapshot that is tried.
    ///
    /// A snapshot is passed over if it is damaged or cannot be read, and the report tells why. A snapshot that is whole
    /// is never passed over: if the newest one exceeds a limit of the store, or was written by a later version of this
    /// crate, nothing is loaded. The files stay as they are.
    ///
    /// If a snapshot was passed over, what was written after the loaded one is lost. A program should say so, or stop.
    ///
    /// ```
    /// use hashlet::{SaveOptions, Store};
    /// # let folder = std::env::temp_dir().join(format!("hashlet-load-newest-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("store.hashlet");
    ///
    /// let store = Store::new();
    /// for name in ["Ada", "Ada Lovelace"] {
    ///     store.set("user:1", "name", name)?;
    ///     store.save_with(&path, SaveOptions::new().keep(2))?;
    /// }
    /// std::fs::write(&path, "spoilt")?;
    /// let (store, report) = Store::load_newest(&path)?;
    /// assert_eq!(store.get("user:1", "name").as_deref(), Some(&b"Ada"[..]));
    /// assert_eq!(report.path, Some(folder.join("store.hashlet.000001.old")));
    /// for (path, error) in &report.passed_over {
    ///     println!("{}: {error}", path.display()); // store.hashlet: the input is not a hashlet snapshot
    /// }
    /// # assert_eq!(report.passed_over.len(), 1);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`SaveOptions::keep`]: crate::SaveOptions::keep
    ///
    /// # Errors
    /// - [`Io`](SnapshotError::Io) if there is no snapshot at all, as of [`load`](Self::load); if the folder is missing or
    ///   cannot be listed; or if the path does not end in a file's name.
    /// - [`NoneLoaded`](SnapshotError::NoneLoaded) if there are snapshots, and none was loaded. It names each that was
    ///   tried. If the last one is [`TooLarge`](SnapshotError::TooLarge) or
    ///   [`UnsupportedVersion`](SnapshotError::UnsupportedVersion), older ones were not tried.
    #[track_caller]
    pub fn load_newest(self, path: impl AsRef<Path>) -> Result<(Store, LoadReport)> {
        let found = self.load_newest_on(&SystemDisk, path.as_ref())?;
        found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no snapshot at the path").into())
    }

    /// Does what [`load_newest`](Self::load_newest) does, but returns an empty store if there is no snapshot at all. The
    /// `path` of the report is `None` then.
    ///
    /// ```
    /// use hashlet::Store;
    /// # let path = std::env::temp_dir().join(format!("hashlet-newest-or-new-{}", std::process::id()));
    ///
    /// let (store, report) = Store::load_newest_or_new(&path)?;
    /// assert!(store.is_empty() && report.path.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As of [`load_newest`](Self::load_newest), except that the absence of all snapshots is none. A missing folder is
    /// one, as of [`load_or_new`](Self::load_or_new).
    #[track_caller]
    pub fn load_newest_or_new(self, path: impl AsRef<Path>) -> Result<(Store, LoadReport)> {
        let found = self.clone().load_newest_on(&SystemDisk, path.as_ref())?;
        Ok(found.unwrap_or_else(|| (self.build(), LoadReport::default())))
    }

    #[track_caller]
    fn load_or_new_on<D: Disk>(self, disk: &D, path: &Path) -> Result<Store> {
        assert_outside_closures();
        file_name(path)?;
        match self.clone().load_on(disk, path, LoadOptions::new()) {
            Err(error) if is_not_found(&error) && disk.is_absent(path)? => Ok(self.build()),
            result => result,
        }
    }

    /// Returns `None` if there is no snapshot.
    #[track_caller]
    pub(in crate::snapshot) fn load_newest_on<D: Disk>(
        self,
        disk: &D,
        path: &Path,
    ) -> Result<Option<(Store, LoadReport)>> {
        assert_outside_closures();
        file_name(path)?;
        let mut tried: Vec<(PathBuf, SnapshotError)> = Vec::new();
        let mut left = vec![path.to_owned()];
        while let Some(next) = left.pop() {
            let error = match self.clone().load_file(disk, &next) {
                Ok(store) => return Ok(Some((store, LoadReport { path: Some(next), passed_over: tried }))),
                Err(error) => error,
            };
            let is_whole = matches!(error, SnapshotError::TooLarge(_) | SnapshotError::UnsupportedVersion { .. });
            let is_newest = tried.is_empty();
            tried.push((next, error));
            if is_whole {
                break;
            }
            if is_newest {
                left.extend(older(disk, path)?.into_iter().rev());
            }
        }
        if let [(_, error)] = &*tried
            && is_not_found(error)
            && disk.is_absent(path)?
        {
            return Ok(None);
        }
        Err(SnapshotError::NoneLoaded { tried })
    }

    /// Loads from a regular file. A pipe is refused, because opening it would wait.
    fn load_file<D: Disk>(self, disk: &D, path: &Path) -> Result<Store> {
        disk.access(path)?;
        self.load_on(disk, path, LoadOptions::new())
    }
}

fn is_not_found(error: &SnapshotError) -> bool {
    matches!(error, SnapshotError::Io(error) if error.kind() == io::ErrorKind::NotFound)
}
