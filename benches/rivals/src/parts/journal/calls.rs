//! Threads that call a store again and again for some time.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::data::Data;
use crate::operations::{Operation, Requests};
use crate::support::random::Random;
use crate::threads::{cpu_time, stay_on};

/// The requests of a thread, in lists that are done one after the other, again and again. Whether the time is over is
/// asked after each list.
pub(super) struct Ring {
    lists: Vec<Requests>,
    next: usize,
}

/// What threads have done in some time.
pub(super) struct Seen {
    /// Calls a second, of all threads together.
    pub(super) rate: f64,
    /// The nanoseconds of a call, for the thread that makes it.
    pub(super) nanoseconds: f64,
    /// Those of them in which the thread was on a processor.
    pub(super) on_processor: f64,
}

impl Ring {
    /// So many lists of so many values, each of the same length as the one that it overwrites.
    pub(super) fn draw(data: &Data, (lists, each): (usize, usize), random: &mut Random) -> Self {
        let pick = |random: &mut Random| random.below(data.len());
        let list = |_| Requests::draw(data, Operation::SetSame, each, random, pick);
        Self { lists: (0..lists).map(list).collect(), next: 0 }
    }

    /// Does the next list, and returns its length. `set` returns whether a field is new.
    pub(super) fn do_next(&mut self, set: impl Fn([&[u8]; 3]) -> bool) -> usize {
        let list = &self.lists[self.next];
        self.next = (self.next + 1) % self.lists.len();
        list.check(list.each(|strings| usize::from(set(strings))));
        list.len()
    }
}

/// A thread for each ring calls `set` until the time is over. If the first core is named, each thread stays on a core of
/// its own. Where threads wait for the disk, they should go to the core that is free.
pub(super) fn together(
    rings: &mut [Ring],
    first_core: Option<usize>,
    time: Duration,
    set: &(impl Fn([&[u8]; 3]) -> bool + Sync),
) -> Seen {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let barrier = &Barrier::new(rings.len());
    let work = |thread: usize, ring: &mut Ring| {
        if let Some(first) = first_core {
            stay_on((first + thread) % cores);
        }
        ring.do_next(set); // a server has to be connected to first
        barrier.wait();
        let (start, cpu, mut calls) = (Instant::now(), cpu_time(), 0);
        loop {
            calls += ring.do_next(set);
            let elapsed = start.elapsed();
            if elapsed >= time {
                return [calls as f64, elapsed.as_secs_f64(), (cpu_time() - cpu).as_secs_f64()];
            }
        }
    };
    let seen: Vec<[f64; 3]> = std::thread::scope(|scope| {
        let start = |(thread, ring)| scope.spawn(move || work(thread, ring));
        let threads: Vec<_> = rings.iter_mut().enumerate().map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let [calls, seconds, on_processor] = [0, 1, 2].map(|place: usize| seen.iter().map(|one| one[place]).sum::<f64>());
    Seen {
        rate: seen.iter().map(|[calls, seconds, _]| calls / seconds).sum(),
        nanoseconds: seconds * 1e9 / calls,
        on_processor: on_processor * 1e9 / calls,
    }
}
