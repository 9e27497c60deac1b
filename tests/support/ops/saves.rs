//! Saves and loads as data, and the calls that are hardest for a running save.

use super::{Call, Change, FiledCall, Op, Shape, Sieve, another_key, overwrite};
use crate::support::config::{self, Config};
use crate::support::source::{Source, numbered};

/// How a store is saved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Save {
    /// The largest size of a block, which is written under one lock.
    pub(crate) block_bytes: usize,
    /// The number of calls that are made between two blocks.
    pub(crate) at_once: usize,
    pub(crate) ends: Ends,
    pub(crate) loading: Loading,
}

/// How a save ends. If it fails, it does so after this many blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    Well,
    WriterFails(usize),
    CallbackPanics(usize),
}

/// What a snapshot is loaded into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loading {
    pub(crate) config: Config,
    pub(crate) hash_seed: u64,
}

impl Loading {
    pub(super) fn decode(source: &mut Source<'_>) -> Self {
        Self { config: source.one_of(&config::all()), hash_seed: source.below(256) as u64 }
    }
}

impl Save {
    fn decode(source: &mut Source<'_>) -> Self {
        Self {
            block_bytes: source.one_of(&[1, 1, 1, 1, 100, 3_000, 65_536]),
            at_once: source.one_of(&[1, 1, 2, 5]),
            ends: match source.below(8) {
                0 => Ends::WriterFails(source.one_of(&[0, 1, 2, 5, 40, 300])),
                1 => Ends::CallbackPanics(source.one_of(&[1, 2, 5, 40, 300])),
                _ => Ends::Well,
            },
            loading: Loading::decode(source),
        }
    }
}

impl Op {
    /// A save, and calls during it.
    pub(super) fn decode_save(source: &mut Source<'_>, shape: Shape) -> Self {
        let save = Save::decode(source);
        let calls = source.one_of(&[0, 5, 20, 60]);
        Self::Save(save, disturbances(source, shape, calls))
    }

    /// Sets all fields that a scenario has.
    fn fill(source: &mut Source<'_>, shape: Shape) -> Self {
        let value = source.value();
        let pairs = (0..shape.fields).map(|field| (numbered(field), value.clone()));
        let all = Change::SetMany(pairs.collect());
        Self::Call(source.key(shape.keys), FiledCall::Call(Call::Change(all)))
    }

    /// Removes a run of fields, up to all of them.
    fn drain(source: &mut Source<'_>, shape: Shape) -> Self {
        let (first, count) = (source.below(shape.fields), source.below(shape.fields + 1));
        let fields = (first..first + count).map(|field| numbered(field % shape.fields));
        Self::Call(another_key(source, shape), FiledCall::Call(Call::Change(Change::RemoveMany(fields.collect()))))
    }
}

/// Calls to be made during a save. Calls that move, copy, empty or fill whole hashes and segments are more frequent
/// than elsewhere.
pub(crate) fn disturbances(source: &mut Source<'_>, mut shape: Shape, calls: usize) -> Vec<Op> {
    let mut ops = Vec::new();
    while ops.len() < calls {
        let op = match source.below(32) {
            0..=3 => Op::Rename([another_key(source, shape), another_key(source, shape)], overwrite(source)),
            4..=5 => Op::Copy([another_key(source, shape), another_key(source, shape)], overwrite(source)),
            6..=7 => Op::drain(source, shape),
            8 => Op::fill(source, shape),
            9 => Op::Clear(another_key(source, shape)),
            10 => Op::PurgeExpired(source.one_of(&[1, 10, usize::MAX])),
            11 => Op::ShrinkToFit,
            12 if source.one_in(4) => Op::ClearAll,
            13 if source.one_in(2) => Op::Retain(Sieve::decode(source)),
            _ => match shape.draw(source) {
                Op::Reload(_) => continue,
                // A save within a save is refused, so it needs no calls.
                Op::Save(save, _) => Op::Save(save, Vec::new()),
                op => op,
            },
        };
        shape.follow(&op);
        ops.push(op);
    }
    ops
}

/// The calls that fill a store before a save.
pub(crate) fn contents(source: &mut Source<'_>, shape: Shape) -> Vec<Op> {
    let keys = 0..shape.keys.min(4_000);
    let few = keys.map(|key| {
        let set = Change::Set(source.field(shape.fields), source.value());
        Op::Call(format!("k{key}").into(), FiledCall::Call(Call::Change(set)))
    });
    let mut ops: Vec<Op> = few.collect();
    ops.extend((0..shape.keys.min(3)).map(|_| Op::fill(source, shape)));
    ops
}

/// A save, and this many calls during it.
pub(crate) fn save_among(source: &mut Source<'_>, shape: &mut Shape, calls: usize) -> Op {
    let op = Op::Save(Save::decode(source), disturbances(source, *shape, calls));
    shape.follow(&op);
    op
}
