//! Checks of what is at a path: whether it is a regular file, and whether it is a certain open file.

use std::fs::{File, Metadata};
use std::io;

/// Fails for a folder, a pipe, a device or a socket.
pub(super) fn refuse_all_but_files(metadata: &Metadata, told: &'static str) -> io::Result<()> {
    if metadata.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else if !metadata.is_file() {
        Err(io::Error::new(io::ErrorKind::InvalidInput, told))
    } else {
        Ok(())
    }
}

/// Whether an open file is the one at a path. Returns `false`, not an error, if nothing is there.
#[cfg(unix)]
pub(super) fn is_same_file(file: &File, at_path: io::Result<Metadata>) -> io::Result<bool> {
    match at_path {
        Ok(found) => are_same(&found, &file.metadata()?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// On other systems std cannot tell two files apart, so this notices only that nothing is at the path.
#[cfg(not(unix))]
pub(super) fn is_same_file(_: &File, at_path: io::Result<Metadata>) -> io::Result<bool> {
    match at_path {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether both belong to the same file.
#[cfg(unix)]
pub(super) fn are_same(one: &Metadata, other: &Metadata) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// On other systems std cannot tell two files apart. Two snapshots can agree in their length and in the time of their
/// last change, because clocks of file systems are coarse. Whoever asks removes the second name of a file, so a wrong
/// `true` would lose a snapshot. A wrong `false` only keeps one twice.
#[cfg(not(unix))]
pub(super) fn are_same(_: &Metadata, _: &Metadata) -> io::Result<bool> {
    Ok(false)
}
