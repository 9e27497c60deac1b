//! The promises of snapshots when operations or the power fail.

pub(crate) mod disk;
mod failures;
mod images;
mod kept;
mod locks;
mod names;
mod power;
mod replacing;
mod store;
mod system;

use std::io::Write;
use std::path::Path;

use super::SnapshotError;
use super::disk::Disk;
use super::file::SavePath;

/// Scales the number of cases of a heavy test by `HASHLET_SCALE`. At 1 all cases run. A plain `cargo test` runs a
/// fiftieth of them.
pub(crate) fn scaled(count: usize) -> usize {
    let scale = std::env::var("HASHLET_SCALE").map_or(0.02, |text| text.parse().expect("HASHLET_SCALE is a number"));
    (count as f64 * scale).ceil() as usize
}

/// The file that is replaced.
const PATH: &str = "folder/store.hashlet";
/// A temporary of that file, which a dead writer has left behind.
const STALE: &str = "folder/store.hashlet.4711-0123456789abcdef0123456789abcdef.tmp";
/// The number of the operation in a replacement that removes that temporary. The ones before it look at the path, the
/// lock and the folder, and take the lock.
const REMOVAL: usize = 4;

/// Bytes that are never zero, and differ from one position to the next and from one seed to the next.
fn pattern(seed: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| ((seed * 31 + at) % 251) as u8 + 1).collect()
}

/// The length of three writes. Each is longer than a sector, and none is a multiple of a sector.
const LENGTH: usize = 700 + 1_100 + 513;

fn replace<D: Disk>(disk: &D, path: impl AsRef<Path>, sync: bool, bytes: &[u8]) -> Result<(), SnapshotError> {
    SavePath::lock(disk, path.as_ref())?.replace(sync, |file| {
        let (first, rest) = bytes.split_at(bytes.len().min(700));
        let (second, third) = rest.split_at(rest.len().min(1_100));
        [first, second, third].iter().try_for_each(|part| Ok(file.write_all(part)?))
    })
}
