//! The calls of a history. They are the calls that promise to be one step. Keys and fields are so few that calls meet.
//! Each write writes a new value, so that a read shows which write it saw.

use std::thread::yield_now;
use std::time::Duration;

use hashlet::{ManualClock, Overwrite, Store, When};

use super::race::THREADS;
use crate::support::ops::deadlines::{DeadlineCall, DeadlineChange, DeadlineLook};
use crate::support::ops::{Call, Change, Expected, FiledCall, FiledLook, Look, Op, OwnedCall, Shape};
use crate::support::reply::Reply;
use crate::support::source::{Bytes, Source, mix, numbered};
use crate::support::time::BEGINNING;

const FIELDS: usize = 3;
const CALLS: usize = 6;
const SHAPE: Shape = Shape { keys: 2, fields: FIELDS, now: BEGINNING + 10 };

/// The calls before a history, one after the other, and the calls of each thread in it.
#[derive(Debug)]
pub(crate) struct Programme {
    pub(crate) before: Vec<Op>,
    pub(crate) of_thread: Vec<Vec<Op>>,
}

/// Chooses the calls of a programme.
struct Author {
    source: Source<'static>,
    /// Whether some calls concern both keys.
    joins: bool,
    /// Whether some fields have deadlines, of which some have passed.
    expires: bool,
    values: usize,
}

impl Programme {
    pub(crate) fn of(seed: u64) -> Self {
        let mut source = Source::Seed(mix(seed));
        let (joins, expires) = (source.one_in(2), source.one_in(3));
        let mut author = Author { source, joins, expires, values: 0 };
        let before = author.contents();
        let of_thread = (0..THREADS).map(|_| (0..CALLS).map(|_| author.op()).collect()).collect();
        Self { before, of_thread }
    }
}

impl Author {
    /// The calls that give the keys their contents before the history.
    fn contents(&mut self) -> Vec<Op> {
        let mut ops = Vec::new();
        for key in (0..SHAPE.keys).map(key) {
            if !self.source.one_in(4) {
                ops.push(changed(&key, Change::SetMany(self.pairs())));
            }
            if self.expires {
                let soon = When::After(Duration::from_millis(10));
                ops.push(timed(&key, DeadlineChange::ExpireField(self.field(), soon)));
                if self.source.one_in(3) {
                    ops.push(timed(&key, DeadlineChange::ExpireAll(soon)));
                }
                if self.source.one_in(4) {
                    ops.push(timed(&key, DeadlineChange::ExpireIf(soon, hashlet::ExpireCondition::Always)));
                }
            }
        }
        ops.push(Op::Clock(SHAPE.now));
        ops
    }

    fn op(&mut self) -> Op {
        if self.expires && self.source.one_in(3) {
            return self.op_on_deadlines();
        }
        if self.joins && self.source.one_in(3) {
            return self.op_on_both();
        }
        let key = self.key();
        match self.source.below(16) {
            0..=3 => looked(&key, self.look()),
            4 => Op::Read(key, vec![FiledLook::Look(self.look()), FiledLook::Look(Look::All)]),
            5 => Op::GetAll(key, vec![OwnedCall::Call(Call::Look(Look::All))]),
            6 => self.source.one_of(&[Op::Fields, Op::Values, Op::ContainsKey])(key),
            7 if self.source.one_in(2) => Op::Clear(key),
            9 if self.source.one_in(2) => Op::IncrementExisting(key, self.field(), 1),
            9 => Op::UpdateExisting(key, (0..3).map(|_| self.call()).collect()),
            7..=8 => Op::Update(key, (0..3).map(|_| self.call()).collect()),
            _ => changed(&key, self.change()),
        }
    }

    fn op_on_deadlines(&mut self) -> Op {
        match DeadlineCall::decode(&mut self.source, SHAPE) {
            // This call would be two steps, because it reads the fields first.
            DeadlineCall::Change(DeadlineChange::ExpireAll(_)) => Op::PurgeExpired(1),
            // Without an expected value, the test reads it first. That makes it two steps.
            DeadlineCall::Change(DeadlineChange::CompareAndSet(field, None, new)) => {
                let expected = Some(written(self.source.below(self.values.max(1))));
                timed(&self.key(), DeadlineChange::CompareAndSet(field, expected, new))
            }
            call => Op::Call(self.key(), FiledCall::Deadline(call)),
        }
    }

    fn op_on_both(&mut self) -> Op {
        let first = self.source.below(2);
        let keys = [key(first), key(1 - first)];
        let overwrite = self.source.one_of(&[Overwrite::Yes, Overwrite::No]);
        match self.source.below(8) {
            0 => Op::Rename(keys, overwrite),
            1 => Op::Copy(keys, overwrite),
            2 => Op::GetAcross(keys.into(), self.field()),
            3 => Op::UpdateMany(keys.into(), [0, 1].map(|at| (at, FiledCall::Call(Call::Look(Look::All)))).into()),
            4..=5 => {
                let (field, amount) = (self.field(), 1 + self.source.below(9) as i64);
                let moved = [(0, -amount), (1, amount)]
                    .map(|(at, by)| (at, FiledCall::Call(Call::Change(Change::Increment(field.clone(), by)))));
                Op::UpdateMany(keys.into(), moved.into())
            }
            _ => Op::UpdateMany(keys.into(), (0..4).map(|at| (at % 2, self.call())).collect()),
        }
    }

    fn call(&mut self) -> FiledCall {
        let is_look = self.source.one_in(2);
        FiledCall::Call(if is_look { Call::Look(self.look()) } else { Call::Change(self.change()) })
    }

    fn look(&mut self) -> Look {
        match self.source.below(8) {
            0..=2 => Look::Get(self.field()),
            3 => Look::GetMany((0..FIELDS).map(numbered).collect()),
            4 => Look::Contains(self.field()),
            5 => Look::ValueLen(self.field()),
            6 => Look::Size,
            _ => Look::All,
        }
    }

    fn change(&mut self) -> Change {
        match self.source.below(16) {
            0..=2 => Change::Set(self.field(), self.value()),
            3..=4 => Change::SetMany(self.pairs()),
            5 => Change::SetIfAbsent(self.field(), self.value()),
            6..=7 => {
                let expected = match self.source.below(3) {
                    0 => Expected::Absent,
                    _ => Expected::Value(written(self.source.below(self.values.max(1)))),
                };
                let new = if self.source.one_in(3) { None } else { Some(self.value()) };
                Change::CompareAndSet(self.field(), expected, new)
            }
            8 => Change::Remove(self.field()),
            9 => Change::RemoveMany(vec![self.field(), self.field()]),
            10..=11 => Change::Take(self.field()),
            12 => Change::IncrementFloat(self.field(), 0.5),
            _ => Change::Increment(self.field(), self.source.one_of(&[1, 1, -3])),
        }
    }

    fn key(&mut self) -> Bytes {
        key(self.source.below(SHAPE.keys))
    }

    fn field(&mut self) -> Bytes {
        numbered(self.source.below(FIELDS))
    }

    fn pairs(&mut self) -> Vec<(Bytes, Bytes)> {
        let value = self.value();
        (0..FIELDS).filter(|_| !self.source.one_in(4)).map(|field| (numbered(field), value.clone())).collect()
    }

    fn value(&mut self) -> Bytes {
        self.values += 1;
        written(self.values)
    }
}

fn key(number: usize) -> Bytes {
    format!("k{number}").into()
}

/// A value: mostly a number, and sometimes a text so long that its hash is converted.
fn written(number: usize) -> Bytes {
    if number.is_multiple_of(7) { format!("{number:0>300}").into() } else { (number * 10).to_string().into() }
}

fn looked(key: &Bytes, look: Look) -> Op {
    Op::Call(key.clone(), FiledCall::Call(Call::Look(look)))
}

fn changed(key: &Bytes, change: Change) -> Op {
    Op::Call(key.clone(), FiledCall::Call(Call::Change(change)))
}

fn timed(key: &Bytes, change: DeadlineChange) -> Op {
    Op::Call(key.clone(), FiledCall::Deadline(DeadlineCall::Change(change)))
}

/// The calls that read everything.
pub(crate) fn looks() -> impl Iterator<Item = Op> {
    let whole = || [FiledLook::Look(Look::All), FiledLook::Deadline(DeadlineLook::Deadline)];
    let fields = || (0..FIELDS).map(|field| FiledLook::Deadline(DeadlineLook::FieldDeadline(numbered(field))));
    (0..SHAPE.keys).map(move |number| Op::Read(key(number), whole().into_iter().chain(fields()).collect()))
}

/// Makes a call, and only that one. (In a scenario, some calls make others as a check.) Closures give other threads
/// time to see what they must not see.
pub(crate) fn make(op: &Op, store: &Store, clock: &ManualClock) -> Reply {
    match op {
        Op::Call(key, FiledCall::Call(Call::Look(Look::Size))) => store.size(key).into(),
        Op::ContainsKey(key) => store.contains_key(key).into(),
        Op::PurgeExpired(budget) => {
            store.purge_expired(*budget);
            Reply::Done
        }
        Op::Read(key, looks) => store.read(key, |hash| Reply::each(slowly(looks).map(|look| look.on_ref(hash)))),
        Op::Update(key, calls) => store.update(key, |hash| Reply::each(slowly(calls).map(|call| call.on_view(hash)))),
        Op::UpdateMany(keys, calls) => {
            let keys: &[Bytes; 2] = keys[..].try_into().expect("two keys");
            let update = store.update_many(keys.each_ref(), |hashes| {
                Reply::each(slowly(calls).map(|(at, call)| call.on_view(&mut hashes[*at])))
            });
            update.into()
        }
        op => op.on_store(store, clock),
    }
}

fn slowly<T>(calls: &[T]) -> impl Iterator<Item = &T> {
    calls.iter().inspect(|_| yield_now())
}
