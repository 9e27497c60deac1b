//! The calls of threads and their answers, in the order in which the calls began and ended.

use std::fmt;

use crate::support::model::Model;
use crate::support::ops::Op;
use crate::support::reply::Reply;

/// One call. It took effect at some instant between its two ticks. All ticks are different.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) thread: usize,
    pub(crate) op: Op,
    pub(crate) answer: Reply,
    pub(crate) called: usize,
    pub(crate) returned: usize,
}

/// Calls on a store that had these contents before.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) before: Model,
    pub(crate) events: Vec<Event>,
}

impl Event {
    fn overlaps(&self, other: &Self) -> bool {
        self.called < other.returned && other.called < self.returned
    }

    fn shares_a_key(&self, other: &Self) -> bool {
        self.op.keys().iter().any(|key| other.op.keys().contains(key))
    }

    /// Makes the call on the model, and returns whether the answer is the same.
    pub(crate) fn agrees(&self, model: &mut Model) -> bool {
        self.op.on_model(model, &self.answer) == self.answer
    }
}

impl History {
    /// The histories of single keys. The whole is linearizable exactly if each of them is (Herlihy and Wing, 1990).
    /// Keys that a call joins have one history.
    pub(crate) fn objects(&self) -> Vec<Self> {
        let mut objects: Vec<Vec<Event>> = Vec::new();
        for event in self.events.iter().filter(|event| !event.op.keys().is_empty()) {
            let is_joined = |object: &mut Vec<Event>| object.iter().any(|other| event.shares_a_key(other));
            let joined = objects.extract_if(.., is_joined).flatten();
            let object = joined.chain([event.clone()]).collect();
            objects.push(object);
        }
        objects.into_iter().map(|events| Self { before: self.before.clone(), events }).collect()
    }

    /// The number of calls that overlap another call on the same key.
    pub(crate) fn overlapping(&self) -> usize {
        let meets = |event: &&Event| self.events.iter().any(|other| event.is_another_that_meets(other));
        self.events.iter().filter(meets).count()
    }

    /// Whether the calls would answer the same one after the other, in the order in which they began.
    pub(crate) fn is_in_order_of_calls(&self) -> bool {
        let mut events: Vec<&Event> = self.events.iter().collect();
        events.sort_unstable_by_key(|event| event.called);
        let mut model = self.before.clone();
        events.iter().all(|event| event.agrees(&mut model))
    }
}

impl Event {
    fn is_another_that_meets(&self, other: &Self) -> bool {
        self.called != other.called && self.overlaps(other) && self.shares_a_key(other)
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "before: {:?}", self.before)?;
        let mut events: Vec<&Event> = self.events.iter().collect();
        events.sort_unstable_by_key(|event| event.called);
        for Event { thread, op, answer, called, returned } in events {
            writeln!(f, "{called:3} to {returned:3}, thread {thread}: {op:?} -> {answer:?}")?;
        }
        Ok(())
    }
}
