//! A store as a cache: how often it finds what is asked for, beside moka, quick_cache and the servers at equal bytes, and
//! what its policies cost.
//!
//! - [`streams`]: the requests
//! - [`caches`]: who is asked
//! - [`hits`]: how often a key is found
//! - [`calls`], [`bytes`], [`waits`]: what noting the use of keys costs, and how long a call evicts

mod bytes;
mod caches;
mod calls;
mod hits;
mod streams;
mod waits;

use super::Part;

pub(crate) use self::caches::SUBJECTS as CACHES;
pub(crate) use self::calls::KEYS as CALLED_KEYS;
pub(crate) use self::hits::SHARES;
pub(crate) use self::streams::STREAMS;
pub(crate) use self::waits::{MIXES as WAIT_MIXES, POLICIES as WAIT_POLICIES};

pub(crate) const HITS: &str = "hits";
/// The groups that are about hashlet alone.
pub(crate) const CALLS: &str = "calls";
pub(crate) const BYTES: &str = "bytes";
pub(crate) const WAITS: &str = "waits";

pub(crate) const PART: Part = Part {
    name: "eviction",
    about: "hit rates of a full cache at equal bytes, and what policies cost",
    groups: &[HITS, CALLS, BYTES, WAITS],
    subjects: |group| if group == HITS { caches::subjects() } else { super::alone() },
    repeats: 1,
    minutes: 15.0,
    run: |task, scale| match (task.group.as_str(), task.subject.as_str()) {
        (CALLS, calls::ONCE) => calls::measure_once(scale),
        (CALLS, _) => calls::measure(scale),
        (BYTES, _) => bytes::measure(scale),
        (WAITS, _) => waits::measure(scale),
        (HITS, _) => hits::measure(task, scale),
        _ => hits::measure_one(task, scale),
    },
};
