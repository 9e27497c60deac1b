//! The inputs that the fuzzers have found worth keeping. Every file of every corpus in `fuzz/corpus` passes the checks
//! of its target, on stable. `fuzz/README.md` says how the files were chosen.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::config::Told;
use support::{heap, targets};

#[global_allocator]
static HEAP: heap::Bounded = heap::Bounded;

/// The files of a folder in `fuzz/`, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file of it").path()).collect();
    files.sort_unstable();
    files
}

fn replay(target: &str, check: fn(&[u8])) {
    let files = files(&format!("corpus/{target}"));
    assert!(!files.is_empty(), "no inputs of {target}");
    for file in files {
        let bytes = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let _told = Told(file.display());
        check(&bytes);
    }
}

macro_rules! replays {
    ($($(#[$feature:meta])? $target:ident)*) => {
        mod every_kept_input_passes {
            $($(#[$feature])? #[test] fn $target() { super::replay(stringify!($target), super::targets::$target); })*
        }

        const TARGETS: &[&str] = &[$(stringify!($target)),*];
    };
}

replays! {
    #[cfg(feature = "snapshot")]
    dump_restore
    hash_ops
    #[cfg(feature = "journal")]
    log_read
    number
    #[cfg(feature = "snapshot")]
    snapshot_load
    #[cfg(feature = "snapshot")]
    snapshot_resigned
    store_ops
    #[cfg(all(feature = "json", feature = "bincode", feature = "postcard"))]
    typed_decode
}

#[test]
fn every_target_has_inputs_that_are_replayed() {
    let names = |folder| -> Vec<String> {
        let name = |file: PathBuf| file.file_stem().expect("a name").to_string_lossy().into_owned();
        files(folder).into_iter().map(name).collect()
    };
    assert_eq!(names("fuzz_targets"), TARGETS);
    assert_eq!(names("corpus"), TARGETS);
}
