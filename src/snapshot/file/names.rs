//! The names of the files beside a snapshot: the lock file, the temporary, and the older snapshots that are kept.
//!
//! ```text
//! store.hashlet.lock
//! store.hashlet.4711-0123456789abcdef0123456789abcdef.tmp
//! stem          process and 32 hex digits
//! store.hashlet.000042.old
//! stem          number
//! ```
//!
//! 1. The stem is the file's name. If that name is too long for the endings, the stem is its beginning, `~` and a
//!    checksum of the whole name.
//! 2. Two files whose temporaries cannot be told apart have the same stem, and so the same lock. Two long names may
//!    share a stem. One of the two saves is then refused as `Locked` while the other runs, and nothing worse happens.
//! 3. Each temporary's name is made once, by one process: the digits hold 128 bits of the operating system's
//!    randomness. The process number is only there for people who look into the folder. Two containers can have the
//!    same number.
//! 4. Every name of this form is taken for a temporary, whatever program made it. The process number must be canonical
//!    decimal, and the digits lower case.
//! 5. In the same way, every name of the last form is taken for an older snapshot. Its number has at least six digits,
//!    and no more zeros in front than these need. A file whose name is too long to be its own stem has no older ones,
//!    because two such files could take each other's.

use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;

use crate::process::Process;

const LOCK: &str = ".lock";
const TEMPORARY: &str = ".tmp";
const OLD: &str = ".old";
const DIGITS: usize = 32;
/// The longest ending of a temporary's name: a dot, a process of ten digits, a dash, the random digits and `.tmp`.
const LONGEST_ENDING: usize = 1 + 10 + 1 + DIGITS + TEMPORARY.len();
/// The most bytes of a name that every file system allows. Most allow 255; eCryptfs, which some network storage uses,
/// allows 143.
const LONGEST_NAME: usize = 143;
const LONGEST_STEM: usize = LONGEST_NAME - LONGEST_ENDING;

/// Makes and recognizes the names beside one file.
#[derive(Debug)]
pub(super) struct Names {
    stem: OsString,
    /// Whether the stem is the whole name of the file.
    is_whole: bool,
}

impl Names {
    pub(super) fn beside(name: &OsStr) -> Self {
        let bytes = name.as_encoded_bytes();
        if bytes.len() <= LONGEST_STEM {
            return Self { stem: name.to_owned(), is_whole: true };
        }
        let checksum = format!("~{:08x}", crc32c::crc32c(bytes));
        let mut stem = name.to_string_lossy().into_owned();
        let is_end = |&at: &usize| stem.is_char_boundary(at);
        stem.truncate((0..=LONGEST_STEM - checksum.len()).rev().find(is_end).unwrap_or_default());
        Self { stem: (stem + &checksum).into(), is_whole: false }
    }

    pub(super) fn lock(&self) -> OsString {
        self.with(LOCK)
    }

    /// Returns a name that was never returned before.
    pub(super) fn temporary(&self) -> OsString {
        let (process, random) = (Process::current().id(), random());
        self.with(&format!(".{process}-{random:0DIGITS$x}{TEMPORARY}"))
    }

    /// Whether this is the name of a temporary of this file.
    pub(super) fn is_temporary(&self, name: &OsStr) -> bool {
        let ending = name.as_encoded_bytes().strip_prefix(self.stem.as_encoded_bytes());
        let ending = ending.and_then(|ending| std::str::from_utf8(ending).ok());
        let parts = ending.and_then(|ending| ending.strip_prefix('.')?.strip_suffix(TEMPORARY)?.split_once('-'));
        parts.is_some_and(|(process, digits)| is_process(process) && is_random(digits))
    }

    /// The name of the older snapshot with this number. `None` if the file cannot have older ones; see 5 above.
    pub(super) fn old(&self, number: u64) -> Option<OsString> {
        self.is_whole.then(|| self.with(&format!(".{number:06}{OLD}")))
    }

    /// The number of the older snapshot of this file that has this name, if it is the name of one.
    pub(super) fn old_number(&self, name: &OsStr) -> Option<u64> {
        let ending = name.as_encoded_bytes().strip_prefix(self.stem.as_encoded_bytes())?;
        let digits = str::from_utf8(ending).ok()?.strip_prefix('.')?.strip_suffix(OLD)?;
        let number = digits.parse().ok()?;
        self.old(number).filter(|own| own == name).map(|_| number)
    }

    fn with(&self, ending: &str) -> OsString {
        let mut name = self.stem.clone();
        name.push(ending);
        name
    }
}

fn is_process(text: &str) -> bool {
    text.parse::<u32>().is_ok_and(|number| number.to_string() == text)
}

fn is_random(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns a random number that no other process draws, and that this process draws only once.
///
/// `RandomState` gets its keys from the operating system once for each thread, so a forked child goes on with its
/// parent's keys. The process, a counter and the time are therefore hashed as well, and tell parent and child apart.
pub(super) fn random() -> u128 {
    static DRAWS: AtomicU64 = AtomicU64::new(0);
    let draw = (Process::current().id(), DRAWS.fetch_add(1, Relaxed), SystemTime::now());
    let half = || u128::from(RandomState::new().hash_one(draw)); // each `RandomState` has other keys
    half() << 64 | half()
}
