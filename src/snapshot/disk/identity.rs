//! What stands at a path: a file or something else, and whether it is a certain file.

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

/// Whether an open file is the one that stands at a path. Nothing standing there is an answer, not an error.
#[cfg(unix)]
pub(super) fn is_same_file(file: &File, at_path: io::Result<Metadata>) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    match at_path {
        Ok(found) => {
            let metadata = file.metadata()?;
            Ok((found.dev(), found.ino()) == (metadata.dev(), metadata.ino()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Elsewhere std cannot tell two files apart, so only a file that is gone is noticed.
#[cfg(not(unix))]
pub(super) fn is_same_file(_: &File, at_path: io::Result<Metadata>) -> io::Result<bool> {
    match at_path {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
