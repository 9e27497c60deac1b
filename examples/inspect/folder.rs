//! Reads a journal's folder, and tells which of its files count.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use crate::bytes::{Damage, Flaw};
use crate::contents::Contents;
use crate::log::{Log, Rest};
use crate::snapshot::Snapshot;

#[derive(Default)]
pub(crate) struct Folder {
    bases: BTreeMap<u64, Snapshot>,
    logs: BTreeMap<u64, Log>,
    others: Vec<OsString>,
}

/// What a folder holds.
pub(crate) struct Found {
    /// The base that counts. 0 stands for none.
    base: u64,
    /// The logs that count, in their order.
    logs: Vec<u64>,
    /// Bytes at the end of the last log that are torn.
    torn: Option<u64>,
    pub(crate) contents: Contents,
}

/// A file that is damaged or missing.
#[derive(Debug)]
pub(crate) struct DamagedFile {
    name: String,
    damage: Damage,
}

impl Folder {
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let mut folder = Self::default();
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name();
            if let Some(generation) = generation(&name, "base-") {
                folder.bases.insert(generation, Snapshot::read(&fs::read(path.join(&name))?));
            } else if let Some(generation) = generation(&name, "log-") {
                folder.logs.insert(generation, Log::read(fs::read(path.join(&name))?));
            } else {
                folder.others.push(name);
            }
        }
        folder.others.sort();
        Ok(folder)
    }

    /// Whether nothing here belongs to a journal.
    pub(crate) fn is_empty(&self) -> bool {
        self.bases.is_empty() && self.logs.is_empty()
    }

    /// Finds out which files count, and what they hold.
    pub(crate) fn find(&self) -> Result<Found, DamagedFile> {
        let mut damaged: Vec<(u64, DamagedFile)> = Vec::new();
        for base in self.bases.keys().rev().copied().chain([0]) {
            match self.chain(base) {
                // An older base, with all logs since then, holds the same as the damaged one.
                Ok(logs) if damaged.iter().all(|(base, _)| logs.contains(base)) => return self.redo(base, logs),
                Ok(_) => {}
                Err(file) => damaged.push((base, file)),
            }
        }
        Err(damaged.swap_remove(0).1)
    }

    /// The logs that continue a base, each one the log before it.
    fn chain(&self, base: u64) -> Result<Vec<u64>, DamagedFile> {
        let mut number = None;
        if let Some(snapshot) = self.bases.get(&base) {
            let name = format!("base-{base}");
            if let Some(damage) = &snapshot.damage {
                return Err(DamagedFile { name, damage: damage.clone() });
            }
            match snapshot.head.and_then(|head| head.origin) {
                Some(origin) if origin.generation == base => number = Some(origin.folder),
                _ => return Err(damaged(name, "it is no base, or that of another generation")),
            }
        }
        let mut left = BTreeMap::new();
        for (&generation, log) in self.logs.range(base..) {
            let name = format!("log-{generation}");
            match (log.head, &log.rest) {
                (None, Rest::Damage(damage)) => return Err(DamagedFile { name, damage: damage.clone() }),
                (None, _) => {}
                (Some(head), _) if head.origin.generation != generation => {
                    return Err(damaged(name, "the log has the name of another one"));
                }
                (Some(head), _) if *number.get_or_insert(head.origin.folder) != head.origin.folder => {
                    return Err(damaged(name, "the log belongs to another folder"));
                }
                // A log of a base that was never completed.
                (Some(head), _) if head.previous.generation == generation && generation != base => {}
                (Some(head), _) => _ = left.insert(generation, head.previous.generation),
            }
        }
        let mut chain = Vec::new();
        if base > 0 {
            left.remove(&base).ok_or_else(|| damaged(format!("log-{base}"), "it is missing"))?;
            chain.push(base);
        }
        while !left.is_empty() {
            let last = chain.last().copied().unwrap_or(0);
            let next = left.iter().find(|(_, previous)| **previous == last).map(|(generation, _)| *generation);
            let Some(next) = next else {
                let missing = left.values().min().copied().unwrap_or(0);
                return Err(damaged(format!("log-{missing}"), "it is missing"));
            };
            left.remove(&next);
            chain.push(next);
        }
        Ok(chain)
    }

    fn redo(&self, base: u64, logs: Vec<u64>) -> Result<Found, DamagedFile> {
        let mut contents = self.bases.get(&base).map(|base| base.contents.clone()).unwrap_or_default();
        let mut torn = None;
        for (at, generation) in logs.iter().enumerate() {
            let log = &self.logs[generation];
            let next = logs.get(at + 1).and_then(|next| self.logs[next].head).map(|head| head.previous);
            let redone = log.redo(&mut contents, next);
            redone.map_err(|damage| DamagedFile { name: format!("log-{generation}"), damage })?;
            if let (Rest::Torn { at }, None) = (&log.rest, next) {
                torn = Some(*at);
            }
        }
        Ok(Found { base, logs, torn, contents })
    }
}

/// The generation in the name of a base or a log. A number has one way of writing, without zeros in front.
fn generation(name: &OsString, kind: &str) -> Option<u64> {
    let digits = name.to_str()?.strip_prefix(kind)?;
    digits.parse().ok().filter(|number: &u64| *number > 0 && number.to_string() == digits)
}

fn damaged(name: String, what: Flaw) -> DamagedFile {
    DamagedFile { name, damage: Damage { at: 0, what } }
}

impl fmt::Display for DamagedFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, damage: Damage { at, what } } = self;
        write!(out, "{name} is damaged at byte {at}: {what}")
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.find();
        let counts = |is_counted: fn(&Found, u64) -> bool, generation| match &found {
            Ok(found) if is_counted(found, generation) => "counts",
            Ok(_) => "does not count",
            Err(_) => "is perhaps needed",
        };
        for (generation, base) in &self.bases {
            let counts = counts(|found, generation| found.base == generation, *generation);
            write!(out, "base-{generation}, {} bytes: {counts}\n{base}", base.bytes)?;
        }
        for (generation, log) in &self.logs {
            let counts = counts(|found, generation| found.logs.contains(&generation), *generation);
            write!(out, "log-{generation}, {} bytes: {counts}\n{log}", log.bytes())?;
        }
        for name in &self.others {
            let what = match name.to_string_lossy() {
                name if name == "lock" => "the lock file",
                name if name.ends_with(".tmp") => "a base that is being written, or was not finished",
                name if name.ends_with(".damaged") => "set aside by a salvage",
                _ => "no file of a journal",
            };
            writeln!(out, "{}: {what}", name.display())?;
        }
        match found {
            Ok(Found { torn, contents, .. }) => {
                if let Some(at) = torn {
                    writeln!(out, "The last log has a torn end from byte {at} on, which was promised to nobody.")?;
                }
                let fields: usize = contents.0.values().map(|hash| hash.fields.len()).sum();
                writeln!(out, "The journal is whole. It holds {} keys with {fields} fields.", contents.0.len())
            }
            Err(file) => writeln!(out, "The journal is damaged: {file}."),
        }
    }
}
