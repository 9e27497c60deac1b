//! Threads that lock shards, event by event, on more cores than this machine has.
//!
//! # The model
//! Each thread stays on a core of its own. It thinks, chooses a shard, takes its lock for reading or for writing, holds
//! it for a measured time, releases it, and begins again. Times are nanoseconds. All times but those of the line and of
//! pauses are drawn from half to one and a half times their mean; otherwise threads can stay in step for ever. Chance
//! comes from a seed, so the same costs always give the same result.
//!
//! **The lock's cache line.** To take and to release a lock, also for reading, a core has to write to the line of the
//! lock. If another core has written to it last, the line moves, which takes `transfer`. The line serves one core at a
//! time, in the order of arrival. If the holder before was another core, the line with what the lock protects moves
//! too, while the lock is held, so the hold is longer by `data` transfers. The cost does not depend on the distance
//! between two cores. On machines of several sockets it does.
//!
//! **The lock** is that of parking_lot 0.13, as its source has it:
//! - Readers share, a writer excludes. A writer first keeps new readers out, and then waits for the old ones.
//! - Whoever finds the lock taken tries ten times more: after pauses first, then after a yield of its core to the
//!   system. If somebody sleeps already, nobody tries again before sleeping.
//! - Whoever releases the lock wakes the first sleeper in the queue, and if that is a reader, all readers up to and
//!   including the first writer. Who is woken has to take the lock like anybody else, and others may be faster.
//! - About every 0.5 ms (drawn between 0 and 1 ms), a release is fair: the woken threads get the lock directly.
//!
//! Two things are simpler than in reality. Those who try again do so at fixed times and not when the line arrives, and
//! their looks at the lock do not take the line away from its holder. So the model waits a little less than reality
//! does.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::support::random::Random;

/// What the machine and the calls take, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Costs {
    /// Moving a cache line from the core that has written to it last.
    pub(crate) transfer: f64,
    /// A yield of the core when nobody else wants it.
    pub(crate) yielding: f64,
    /// From the release of a lock until a thread that it wakes runs.
    pub(crate) wake: f64,
    /// What the releasing thread spends on waking others.
    pub(crate) waking: f64,
}

/// What one thread does again and again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Work {
    /// How many of a hundred calls are writes.
    pub(crate) writes: usize,
    /// How long a reader and a writer hold the lock when nobody else is there.
    pub(crate) read: f64,
    pub(crate) write: f64,
    /// Transfers by which the hold grows when the holder before was another core: of reads, and of writes.
    pub(crate) data: [f64; 2],
    /// From the release of one lock to the next call for one.
    pub(crate) between: f64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// Calls in a nanosecond, of all threads together.
    pub(crate) rate: f64,
    /// The part of their time that the threads waited for a lock or its line.
    pub(crate) waiting: f64,
    /// How many of all calls have slept.
    pub(crate) slept: f64,
}

/// The pauses of the first three tries, in nanoseconds: 2, 4 and 8 times the processor's instruction.
const PAUSES: [f64; 3] = [20.0, 40.0, 80.0];
const TRIES: usize = 10;
/// Fair releases are this far apart, at most.
const FAIR_NS: usize = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    /// Asks for the lock.
    Ask,
    /// Has moved the line to its core and looks whether the lock is free.
    Try,
    /// As a writer that keeps readers out, looks whether the last one has gone.
    TryAlone,
    /// Releases the lock.
    Release,
    /// Has moved the line to its core and releases it.
    Released,
}

#[derive(Default)]
struct Lock {
    readers: usize,
    has_writer: bool,
    /// Those that sleep, in order.
    queue: VecDeque<usize>,
    /// The writer that sleeps until the last reader is gone.
    alone: Option<usize>,
    /// When the line is free, and the core that has written to it last.
    line_free: f64,
    line_at: Option<usize>,
    /// The core that held the lock last.
    held_by: Option<usize>,
    next_fair: f64,
}

struct Thread {
    random: Random,
    shard: usize,
    is_write: bool,
    tries: usize,
    asked: f64,
    waited: f64,
    /// Whether it has found the lock taken in this call, and slept for it.
    has_waited: bool,
    has_slept: bool,
    done: usize,
    slept: usize,
}

/// A time for the queue of events. Times are never NaN.
#[derive(Clone, Copy, PartialEq)]
struct At(f64);

impl Eq for At {}

impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for At {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

struct Simulation<'a> {
    costs: Costs,
    work: Work,
    pick: &'a dyn Fn(&mut Random) -> usize,
    now: f64,
    events: BinaryHeap<Reverse<(At, usize, usize, u8)>>,
    number: usize,
    locks: Vec<Lock>,
    threads: Vec<Thread>,
    random: Random,
}

/// Lets so many threads make so many calls each, on shards that `pick` chooses.
pub(crate) fn simulate(
    (threads, shards, calls): (usize, usize, usize),
    costs: Costs,
    work: Work,
    seed: u64,
    pick: &dyn Fn(&mut Random) -> usize,
) -> Outcome {
    let mut random = Random::new(seed);
    let thread = |_| Thread {
        random: Random::new(random.next()),
        shard: 0,
        is_write: false,
        tries: 0,
        asked: 0.0,
        waited: 0.0,
        has_waited: false,
        has_slept: false,
        done: 0,
        slept: 0,
    };
    let threads: Vec<_> = (0..threads).map(thread).collect();
    let locks = (0..shards).map(|_| Lock::default()).collect();
    let events = BinaryHeap::new();
    Simulation { costs, work, pick, now: 0.0, events, number: 0, locks, threads, random }.run(calls)
}

impl Simulation<'_> {
    fn run(&mut self, calls: usize) -> Outcome {
        let wanted = calls * self.threads.len();
        for thread in 0..self.threads.len() {
            // They do not begin in step.
            let after = self.threads[thread].random.below(1_000) as f64;
            self.next_call(thread, after);
        }
        let mut done = 0;
        while done < wanted {
            let Reverse((At(now), _, thread, step)) = self.events.pop().expect("somebody can always go on");
            self.now = now;
            match Step::of(step) {
                Step::Ask => {
                    self.threads[thread].asked = now;
                    let arrives = self.fetch_line(thread);
                    self.at(arrives, thread, Step::Try);
                }
                Step::Try => self.try_lock(thread),
                Step::TryAlone => self.try_alone(thread),
                Step::Release => {
                    let arrives = self.fetch_line(thread);
                    self.threads[thread].waited += arrives - now;
                    self.at(arrives, thread, Step::Released);
                }
                Step::Released => {
                    done += 1;
                    self.release(thread);
                }
            }
        }
        let all: f64 = self.now * self.threads.len() as f64;
        let sum = |of: fn(&Thread) -> f64| self.threads.iter().map(of).sum::<f64>();
        Outcome {
            rate: done as f64 / self.now,
            waiting: sum(|thread| thread.waited) / all,
            slept: sum(|thread| thread.slept as f64) / sum(|thread| thread.done as f64),
        }
    }

    /// A time with this mean.
    fn about(&mut self, mean: f64) -> f64 {
        mean * (0.5 + self.random.below(1_000) as f64 / 1_000.0)
    }

    fn at(&mut self, time: f64, thread: usize, step: Step) {
        self.number += 1;
        self.events.push(Reverse((At(time), self.number, thread, step as u8)));
    }

    /// Begins a call after this time.
    fn next_call(&mut self, thread: usize, after: f64) {
        let writes = self.work.writes;
        let state = &mut self.threads[thread];
        state.shard = (self.pick)(&mut state.random);
        state.is_write = state.random.below(100) < writes;
        state.tries = 0;
        (state.has_waited, state.has_slept) = (false, false);
        self.at(self.now + after, thread, Step::Ask);
    }

    /// When the line of the lock has come to the core of this thread.
    fn fetch_line(&mut self, thread: usize) -> f64 {
        let lock = &mut self.locks[self.threads[thread].shard];
        let moves = lock.line_at.is_some_and(|core| core != thread);
        let starts = self.now.max(lock.line_free);
        let arrives = if moves { starts + self.costs.transfer } else { self.now };
        lock.line_free = lock.line_free.max(arrives);
        lock.line_at = Some(thread);
        arrives
    }

    fn try_lock(&mut self, thread: usize) {
        let Thread { shard, is_write, .. } = self.threads[thread];
        let lock = &mut self.locks[shard];
        if lock.has_writer {
            return self.wait(thread, Step::Try);
        }
        if !is_write {
            lock.readers += 1;
            return self.hold(thread);
        }
        lock.has_writer = true;
        self.threads[thread].tries = 0;
        self.try_alone(thread);
    }

    fn try_alone(&mut self, thread: usize) {
        if self.locks[self.threads[thread].shard].readers > 0 {
            return self.wait(thread, Step::TryAlone);
        }
        self.hold(thread);
    }

    /// Tries again later, or sleeps.
    fn wait(&mut self, thread: usize, step: Step) {
        let (costs, now) = (self.costs, self.now);
        let state = &mut self.threads[thread];
        state.has_waited = true;
        let lock = &mut self.locks[state.shard];
        let others_sleep = step == Step::Try && (!lock.queue.is_empty() || lock.alone.is_some());
        if !others_sleep && state.tries < TRIES {
            let pause = PAUSES.get(state.tries).copied().unwrap_or(costs.yielding);
            state.tries += 1;
            return self.at(now + pause, thread, step);
        }
        state.has_slept = true;
        if step == Step::TryAlone {
            lock.alone = Some(thread);
        } else {
            lock.queue.push_back(thread);
        }
    }

    fn hold(&mut self, thread: usize) {
        let (work, costs) = (self.work, self.costs);
        // Whoever has waited needs the line again to take the lock.
        let begins = if self.threads[thread].has_waited { self.fetch_line(thread) } else { self.now };
        let state = &mut self.threads[thread];
        let lock = &mut self.locks[state.shard];
        state.waited += begins - state.asked;
        state.slept += usize::from(state.has_slept);
        let moves = lock.held_by.is_some_and(|core| core != thread);
        lock.held_by = Some(thread);
        let time = if state.is_write { work.write } else { work.read };
        let more = if moves { work.data[usize::from(state.is_write)] * costs.transfer } else { 0.0 };
        let time = self.about(time);
        self.at(begins + time + more, thread, Step::Release);
    }

    fn release(&mut self, thread: usize) {
        self.threads[thread].done += 1;
        let Thread { shard, is_write, .. } = self.threads[thread];
        let wakes = if is_write { self.release_write(shard) } else { self.release_read(shard) };
        let waking = if wakes { self.costs.waking } else { 0.0 };
        let pause = self.about(self.work.between + waking);
        self.next_call(thread, pause);
    }

    /// Whether somebody was woken.
    fn release_read(&mut self, shard: usize) -> bool {
        let lock = &mut self.locks[shard];
        lock.readers -= 1;
        if lock.readers > 0 {
            return false;
        }
        let Some(writer) = lock.alone.take() else { return false };
        self.threads[writer].tries = 0;
        let wake = self.about(self.costs.wake);
        self.at(self.now + wake, writer, Step::TryAlone);
        true
    }

    /// Whether somebody was woken.
    fn release_write(&mut self, shard: usize) -> bool {
        let lock = &mut self.locks[shard];
        lock.has_writer = false;
        if lock.queue.is_empty() {
            return false;
        }
        let first_writer = lock.queue.iter().position(|&thread| self.threads[thread].is_write);
        let count = first_writer.map_or(lock.queue.len(), |at| at + 1);
        let woken: Vec<usize> = lock.queue.drain(..count).collect();
        let is_fair = self.now >= lock.next_fair;
        if is_fair {
            lock.next_fair = self.now + self.random.below(FAIR_NS) as f64;
        }
        for thread in woken {
            self.threads[thread].tries = 0;
            let is_write = self.threads[thread].is_write;
            let lock = &mut self.locks[shard];
            let step = if is_fair && is_write {
                lock.has_writer = true;
                Step::TryAlone
            } else if is_fair {
                lock.readers += 1;
                self.hand_over(thread);
                continue;
            } else {
                Step::Try
            };
            let wake = self.about(self.costs.wake);
            self.at(self.now + wake, thread, step);
        }
        true
    }

    /// Gives the lock to a reader that sleeps. It holds the lock from now on, and works when it is awake.
    fn hand_over(&mut self, thread: usize) {
        let before = self.now;
        self.now += self.about(self.costs.wake);
        self.hold(thread);
        self.now = before;
    }
}

impl Step {
    fn of(number: u8) -> Self {
        [Self::Ask, Self::Try, Self::TryAlone, Self::Release, Self::Released][usize::from(number)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Costs = Costs { transfer: 0.0, yielding: 400.0, wake: 5_000.0, waking: 1_000.0 };
    const READS: Work = Work { writes: 0, read: 100.0, write: 100.0, data: [0.0, 0.0], between: 100.0 };
    const WRITES: Work = Work { writes: 100, ..READS };

    fn run(threads: usize, shards: usize, costs: Costs, work: Work) -> Outcome {
        simulate((threads, shards, 5_000), costs, work, 7, &|random| random.below(shards))
    }

    fn is_near(figure: f64, expected: f64) -> bool {
        (figure / expected - 1.0).abs() < 0.05
    }

    #[test]
    fn one_thread_takes_the_time_of_its_calls_and_never_waits() {
        for work in [READS, WRITES] {
            let outcome = run(1, 1, Costs { transfer: 100.0, ..FREE }, work);
            assert!(is_near(outcome.rate, 1.0 / 200.0), "{outcome:?}");
            assert_eq!((outcome.waiting, outcome.slept), (0.0, 0.0));
        }
    }

    #[test]
    fn readers_share_a_lock_and_are_held_up_by_its_line_alone() {
        let outcome = run(8, 1, FREE, READS);
        assert!(is_near(outcome.rate, 8.0 / 200.0) && outcome.waiting == 0.0, "{outcome:?}");
        // The line serves one core at a time: twice for each call.
        let outcome = run(8, 1, Costs { transfer: 100.0, ..FREE }, READS);
        assert!(is_near(outcome.rate, 1.0 / 200.0) && outcome.waiting > 0.5, "{outcome:?}");
    }

    #[test]
    fn writers_of_one_lock_are_at_most_as_fast_as_it_is_held() {
        let outcome = run(8, 1, FREE, WRITES);
        assert!(outcome.rate <= 1.0 / 100.0 && outcome.rate > 0.3 / 100.0, "{outcome:?}");
        assert!(outcome.waiting > 0.5 && outcome.slept > 0.0, "{outcome:?}");
    }

    #[test]
    fn writers_of_many_locks_hardly_wait() {
        let outcome = run(8, 1024, FREE, WRITES);
        assert!(outcome.waiting < 0.01 && is_near(outcome.rate, 8.0 / 200.0), "{outcome:?}");
        assert!(run(8, 16, FREE, WRITES).waiting > outcome.waiting);
    }

    #[test]
    fn nobody_sleeps_for_ever() {
        // Waking takes longer than all else, and everybody wants one lock.
        let slow = Costs { wake: 20_000.0, waking: 8_000.0, ..FREE };
        for writes in [5, 50, 100] {
            let work = Work { writes, between: 1_000.0, ..READS };
            let mut random = Random::new(1);
            let outcome = simulate((32, 1, 2_000), slow, work, random.next(), &|_| 0);
            assert!(outcome.rate > 0.0002, "{outcome:?}");
        }
    }

    #[test]
    fn a_writer_waits_for_readers_and_keeps_new_ones_out() {
        let outcome = run(8, 1, FREE, Work { writes: 50, ..READS });
        let [reads, writes] = [READS, WRITES].map(|work| run(8, 1, FREE, work).rate);
        assert!(outcome.rate < reads && outcome.rate > writes / 2.0, "{outcome:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_outcome() {
        let work = Work { writes: 20, ..READS };
        let costs = Costs { transfer: 70.0, ..FREE };
        assert_eq!(run(16, 4, costs, work), run(16, 4, costs, work));
    }
}
