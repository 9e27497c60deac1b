//! Checks whether a history is linearizable. It is if its calls can be put in one order in which the naive model
//! answers as the store did. Each call has to take effect between its beginning and its end. The check is a depth-first
//! search (Wing and Gong, 1993) that visits no state twice. A state is the set of calls done so far and the contents
//! that they have left (Lowe, 2017).

use std::collections::HashSet;

use super::history::{Event, History};
use crate::support::model::Model;

pub(crate) fn is_linearizable(history: &History) -> bool {
    history.objects().iter().all(|object| Search::new(&object.events).completes(0, object.before.clone()))
}

struct Search<'a> {
    events: &'a [Event],
    /// The states from which the remaining calls cannot be done: the calls done, one bit each, and the contents.
    been: HashSet<(u64, Model)>,
}

impl<'a> Search<'a> {
    fn new(events: &'a [Event]) -> Self {
        assert!(events.len() < u64::BITS as usize, "{} calls", events.len());
        Self { events, been: HashSet::new() }
    }

    /// Whether the calls that are not done can follow in some order.
    fn completes(&mut self, done: u64, model: Model) -> bool {
        let events = self.events;
        let left = || events.iter().enumerate().filter(|(at, _)| done & 1 << at == 0);
        // A call that began after another one had returned comes after it.
        let Some(first_return) = left().map(|(_, event)| event.returned).min() else { return true };
        if self.been.contains(&(done, model.clone())) {
            return false;
        }
        for (at, event) in left().filter(|(_, event)| event.called < first_return) {
            let mut after = model.clone();
            if event.agrees(&mut after) && self.completes(done | 1 << at, after) {
                return true;
            }
        }
        self.been.insert((done, model));
        false
    }
}
