//! Threads that start together again and again, and record when each of their calls began and ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{spawn, yield_now};

use hashlet::{ManualClock, Store};

use super::calls::{Programme, looks, make};
use super::history::{Event, History};
use crate::support::config::Config;
use crate::support::model::{Bounds, Model};
use crate::support::ops::Op;

pub(crate) const THREADS: usize = 4;

/// A history that is being made.
struct Race {
    store: Store,
    clock: ManualClock,
    of_thread: Vec<Vec<Op>>,
    ready: AtomicUsize,
    ticks: AtomicUsize,
}

impl Race {
    fn run(&self, thread: usize) -> Vec<Event> {
        self.ready.fetch_add(1, SeqCst);
        while self.ready.load(SeqCst) < THREADS {
            yield_now();
        }
        self.make_all(thread, &self.of_thread[thread])
    }

    fn make_all(&self, thread: usize, ops: &[Op]) -> Vec<Event> {
        let make = |op: &Op| {
            let called = self.ticks.fetch_add(1, SeqCst);
            let answer = make(op, &self.store, &self.clock);
            let returned = self.ticks.fetch_add(1, SeqCst);
            Event { thread, op: op.clone(), answer, called, returned }
        };
        ops.iter().map(make).collect()
    }
}

/// Threads that wait for races.
pub(crate) struct Team(Vec<Member>);

/// A thread. It gets races, and returns what it has done in each.
struct Member {
    start: Sender<Arc<Race>>,
    events: Receiver<Vec<Event>>,
}

impl Team {
    pub(crate) fn new() -> Self {
        let member = |thread| {
            let (start, races) = channel::<Arc<Race>>();
            let (finish, events) = channel();
            spawn(move || races.iter().try_for_each(|race| finish.send(race.run(thread))));
            Member { start, events }
        };
        Self((0..THREADS).map(member).collect())
    }

    /// Runs a programme, and then the calls that read everything. Returns the history.
    pub(crate) fn run(&self, config: &Config, programme: Programme) -> History {
        let clock = ManualClock::new();
        let store = config.builder().clock(&clock).build();
        let mut before = Model::new(Bounds::DEFAULT);
        programme.before.iter().for_each(|op| op.on_both(&store, &mut before, &clock));
        let (ready, ticks) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let race = Arc::new(Race { store, clock, of_thread: programme.of_thread, ready, ticks });
        for member in &self.0 {
            member.start.send(Arc::clone(&race)).expect("a thread that waits");
        }
        let results = self.0.iter().map(|member| member.events.recv().expect("no call panics"));
        let mut events: Vec<Event> = results.flatten().collect();
        events.extend(race.make_all(THREADS, &looks().collect::<Vec<_>>()));
        crate::support::check::store(&race.store);
        History { before, events }
    }
}
