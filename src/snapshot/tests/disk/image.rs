//! The states that a loss of power may leave on a disk.
//!
//! Any part of a change that no sync has settled may have reached the disk, independently of other changes. For a
//! write, that is the sectors up to any one of them, or the length with zeros for data. For a name, it is all or
//! nothing. Changes are applied in the order in which they were made, so a hole that a lost write leaves before a kept
//! one reads as zeros. A sync of a file settles its bytes and its mode. A sync of a folder settles the names in it.
//! Neither does the work of the other. Only one thing is taken for granted: a name leads to its new file or to its old
//! one. POSIX promises this to readers, and every file system keeps it through a loss of power.

use std::collections::HashMap;
use std::path::Path;

use super::{Change, Content, SimulatedDisk};
use crate::random::Random;
use crate::snapshot::file::folder;

/// All that a log of operations may leave: the settled content, and every change with the number of its outcomes. A
/// settled change has one outcome.
struct Remains<'a> {
    settled: &'a Content,
    changes: Vec<(&'a Change, usize)>,
}

impl Remains<'_> {
    /// The content if each change has the given outcome. All of a settled change is left.
    fn content(&self, outcomes: &[usize]) -> Content {
        let mut content = self.settled.clone();
        for ((change, possible), &outcome) in self.changes.iter().zip(outcomes) {
            content.make(change, if *possible == 1 { change.outcomes() - 1 } else { outcome });
        }
        content
    }

    /// The outcomes that follow these, if outcomes are counted up like the digits of a number. `None` after the last.
    fn next(&self, mut outcomes: Vec<usize>) -> Option<Vec<usize>> {
        for ((_, possible), outcome) in self.changes.iter().zip(&mut outcomes) {
            *outcome += 1;
            if *outcome < *possible {
                return Some(outcomes);
            }
            *outcome = 0;
        }
        None
    }
}

impl SimulatedDisk {
    /// Shows every disk that a loss of power after this many operations may leave, and returns their number. It grows
    /// exponentially with the number of unsettled changes.
    pub(crate) fn each_image(&self, operations: usize, mut look: impl FnMut(&SimulatedDisk)) -> usize {
        let mut images = 0;
        let mut outcomes = vec![0; operations];
        loop {
            let image = SimulatedDisk::of(self.0.lock().remains(operations).content(&outcomes));
            look(&image); // it may use this disk as well, so nothing is locked here
            images += 1;
            match self.0.lock().remains(operations).next(outcomes) {
                Some(next) => outcomes = next,
                None => return images,
            }
        }
    }

    /// Draws one of the disks that a loss of power after this many operations may leave. Some draws keep nearly all
    /// unsettled changes, and some nearly none. If each of many changes had even chances, these would never be drawn.
    pub(crate) fn random_image(&self, operations: usize, random: &mut Random) -> SimulatedDisk {
        let state = self.0.lock();
        let remains = state.remains(operations);
        let (lost, whole) = (random.below(5), random.below(5));
        let outcomes = remains.changes.iter().map(|&(_, possible)| match random.below(8) {
            draw if draw < lost => 0,
            draw if draw >= 8 - whole => possible - 1,
            _ => random.below(possible),
        });
        SimulatedDisk::of(remains.content(&outcomes.collect::<Vec<_>>()))
    }
}

impl super::State {
    fn remains(&self, operations: usize) -> Remains<'_> {
        let mut files = HashMap::<usize, bool>::new();
        let mut folders = HashMap::<&Path, bool>::new();
        let mut changes = Vec::new();
        // Backwards, because the next sync decides.
        for change in self.log[..operations].iter().rev().filter_map(|operation| operation.change.as_ref()) {
            let is_settled = match change {
                Change::Sync { number, succeeded } => {
                    files.insert(*number, *succeeded);
                    true
                }
                Change::SyncFolder { folder, succeeded } => {
                    folders.insert(folder, *succeeded);
                    true
                }
                Change::SetMode { number, .. } | Change::Write { number, .. } => files.get(number) == Some(&true),
                Change::Create { path, .. }
                | Change::Remove { path }
                | Change::Link { name: path, .. }
                | Change::Rename { to: path, .. } => folders.get(folder(path)) == Some(&true),
            };
            changes.push((change, if is_settled { 1 } else { change.outcomes() }));
        }
        changes.reverse();
        Remains { settled: &self.settled, changes }
    }
}
