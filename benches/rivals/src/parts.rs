//! What can be measured: the parts, and on whom.

pub(crate) mod allocators;
mod bench;
mod beside;
mod cores;
pub(crate) mod eviction;
mod fields;
mod growth;
mod instructions;
pub(crate) mod journal;
mod latency;
mod memory;
mod operations;
mod pauses;
pub(crate) mod persistence;
mod remote;
mod shapes;
mod threads;

use crate::child::{Figures, Task};
use crate::rivals;

pub(crate) use self::allocators::{OPERATIONS as ON_ALLOCATORS, SETTINGS};
pub(crate) use self::cores::{CORES, KEYS as KEYS_ON_CORES, MIXES, SHARDS, THINKING};
pub(crate) use self::fields::SIZES;
pub(crate) use self::growth::{FIELD_STEPS, KEY_STEPS};
pub(crate) use self::instructions::{compare, write_baseline};
pub(crate) use self::shapes::OPERATIONS as ON_SHAPES;
pub(crate) use self::threads::{OPERATIONS as ON_THREADS, THREADS};

/// One family of figures, measured group by group, subject by subject, each in a process of its own.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) groups: &'static [&'static str],
    /// Who is measured in a group.
    pub(crate) subjects: fn(group: &str) -> Vec<&'static str>,
    /// Repeats beyond which nothing is learnt: the figure is exact, or repeats are inside.
    pub(crate) repeats: usize,
    /// What it takes at full scale with three repeats, on two cores, all rivals and both servers there.
    pub(crate) minutes: f64,
    pub(crate) run: fn(&Task, f64) -> Figures,
}

pub(crate) const PARTS: &[&Part] = &[
    &memory::PART,
    &operations::PART,
    &beside::PART,
    &threads::PART,
    &cores::PART,
    &allocators::PART,
    &shapes::PART,
    &fields::PART,
    &latency::PART,
    &growth::PART,
    &pauses::PART,
    &persistence::PART,
    &journal::PART,
    &remote::PART,
    &eviction::PART,
    &instructions::PART,
    &bench::ENCODING,
    &bench::EXPIRY,
    &bench::TYPED,
    &bench::TRAFFIC,
];

pub(crate) fn find(name: &str) -> Option<&'static Part> {
    PARTS.iter().find(|part| part.name == name).copied()
}

/// Those that threads can share.
fn shared() -> Vec<&'static str> {
    rivals::SHARED.to_vec()
}

/// Those, and the bare map.
fn in_process() -> Vec<&'static str> {
    [&rivals::SHARED[..], &[rivals::BARE]].concat()
}

/// Those, and hashlet without its packed encoding.
fn both_encodings() -> Vec<&'static str> {
    [in_process(), vec![rivals::TABLES]].concat()
}

/// Those, and the servers that are there.
fn everybody() -> Vec<&'static str> {
    [both_encodings(), servers()].concat()
}

fn servers() -> Vec<&'static str> {
    rivals::SERVERS.iter().map(|(name, _)| *name).filter(|name| rivals::program(name).is_some()).collect()
}

/// hashlet alone.
fn alone() -> Vec<&'static str> {
    vec![rivals::SHARED[0]]
}

/// Keeps a store of this process until its end, which frees everything at once.
fn leave<R: crate::support::rival::Rival>(store: R) {
    if R::IN_PROCESS {
        Box::leak(Box::new(store));
    }
}
