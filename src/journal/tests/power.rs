//! Losses of power after each operation. Each may keep or lose any part of the data that was not synced.

use super::*;
use crate::random::Random;
use crate::snapshot::tests::scaled;
use crate::store::Overwrite;

/// What one step of a history does.
#[derive(Clone, Copy, Debug)]
enum Step {
    Call(usize),
    Sync,
    Checkpoint,
    /// Closes the journal and opens it again.
    Close,
    /// Opens the journal again without closing it, as after a kill.
    Reopen,
}

/// Makes one of several calls, each an atomic step.
fn call(store: &Store, clock: &ManualClock, kind: usize, n: usize) {
    let key = |n: usize| format!("key:{}", n % 3);
    let field = |n: usize| format!("field:{}", n % 7);
    match kind % 12 {
        0 => drop(store.set(key(n), field(n), n.to_string())),
        1 => drop(store.set_many(key(n), (0..6).map(|at| (field(n + at), "x".repeat(n % 40))))),
        2 => drop(store.increment(key(n), "counter", 1)),
        3 => _ = store.remove(key(n), field(n)),
        4 => drop(store.rename(key(n), key(n + 1), Overwrite::Yes)),
        5 => drop(store.copy(key(n), key(n + 1), Overwrite::Yes)),
        6 => drop(store.expire(key(n), Duration::from_millis(20))),
        7 => drop(store.expire_field(key(n), field(n), Duration::from_millis(10))),
        8 => {
            let moved = store.update_many([key(n), key(n + 1)], |[from, to]| {
                let value = from.take(field(n)).unwrap_or_default();
                to.set(field(n), value).unwrap();
                from.set("moved", n.to_string()).unwrap();
            });
            moved.unwrap();
        }
        9 => _ = store.clear(key(n)),
        10 if n.is_multiple_of(5) => store.clear_all(),
        _ => {
            let failed = store.try_update(key(n), |hash| {
                hash.set("undone", "1")?;
                hash.increment("undone", i64::MAX)
            });
            assert!(failed.is_err());
            clock.advance(Duration::from_millis(7)); // a part of a step in which nothing is written
        }
    }
}

/// What the store held after each step, and how many operations of the disk had been done then.
struct History {
    disk: SimulatedDisk,
    clock: ManualClock,
    states: Vec<State>,
}

struct State {
    step: Step,
    /// Operations that were done before this step and after it.
    operations: (usize, usize),
    contents: Contents,
    /// Whether the step promises that this state outlasts a loss of power.
    is_durable: bool,
}

impl History {
    /// Takes the steps on a new disk.
    fn of(steps: &[Step], durability: Durability) -> Self {
        let (disk, clock) = (SimulatedDisk::new(), ManualClock::new());
        let mut journal = open(&disk, &clock, durability).unwrap().0;
        let mut states = Vec::new();
        let first = (0, disk.operations().len());
        states.push(State { step: Step::Sync, operations: first, contents: Contents::new(), is_durable: true });
        for (n, &step) in steps.iter().enumerate() {
            let before = disk.operations().len();
            match step {
                Step::Call(kind) => call(&journal.store, &clock, kind, n),
                Step::Sync => journal.sync().unwrap(),
                Step::Checkpoint => {
                    journal.checkpoint().unwrap();
                    journal.create_next_log();
                }
                Step::Close => {
                    journal.close(true).unwrap();
                    drop(journal);
                    journal = open(&disk, &clock, durability).unwrap().0;
                }
                Step::Reopen => {
                    drop(journal);
                    journal = open(&disk, &clock, durability).unwrap().0;
                }
            }
            let contents = contents(&journal.store);
            let is_durable = durability == Durability::Always || !matches!(step, Step::Call(_));
            states.push(State { step, operations: (before, disk.operations().len()), contents, is_durable });
        }
        Self { disk, clock, states }
    }

    /// Asserts that a disk after this many operations holds a state that nothing promised has been lost of. Returns its
    /// number.
    fn assert_holds(&self, image: &SimulatedDisk, done: usize, told: &str) -> usize {
        let operations = self.disk.operations();
        let told = || {
            format!(
                "{told}, after {:?} of {:?}",
                &operations[..done],
                self.states.iter().map(|it| it.step).collect::<Vec<_>>()
            )
        };
        let (journal, _) =
            open(image, &self.clock, Durability::Always).unwrap_or_else(|error| panic!("{error}: {}", told()));
        #[cfg(feature = "testing")]
        journal.store.validate();
        let found = contents(&journal.store);
        let promised = self.states.iter().rposition(|state| state.is_durable && state.operations.1 <= done);
        let promised = promised.unwrap_or(0);
        let begun = self.states.iter().rposition(|state| state.operations.0 <= done).unwrap_or(0);
        // What has expired since is gone.
        let possible = (promised..=begun).find(|&at| self.at_the_end(at) == found);
        let state = possible.unwrap_or_else(|| {
            panic!("{}: {found:?} is none of {promised}..={begun}: {:?}", told(), self.at_the_end(promised))
        });
        // The journal goes on.
        journal.store.set("after", "the", "crash").unwrap();
        drop(journal);
        let (journal, recovery) = open(image, &self.clock, Durability::Always).unwrap();
        assert_eq!(recovery.bytes_cut, 0, "{}", told());
        assert!(journal.store.contains_key("after"), "{}", told());
        state
    }

    /// The contents of a state, without what has expired by the end of the history.
    fn at_the_end(&self, state: usize) -> Contents {
        let now = self.clock.now();
        let lives = |deadline: &Option<SystemTime>| deadline.is_none_or(|deadline| deadline > now);
        let mut contents = self.states[state].contents.clone();
        contents.retain(|_, (deadline, fields)| {
            fields.retain(|_, (_, deadline)| lives(deadline));
            lives(deadline) && !fields.is_empty()
        });
        contents
    }

    /// Loses power after every operation, in some of the possible ways.
    fn lose_power(&self, images: usize, random: &mut Random, told: &str) -> usize {
        let mut states = std::collections::BTreeSet::new();
        for done in self.states[0].operations.0..=self.disk.operations().len() {
            for _ in 0..images {
                let image = self.disk.random_image(done, random);
                states.insert(self.assert_holds(&image, done, told));
            }
        }
        states.len()
    }
}

#[test]
fn a_loss_of_power_after_any_operation_leaves_a_prefix_with_all_that_was_promised() {
    use Step::{Call, Checkpoint, Close, Reopen, Sync};
    let steps = [
        Call(0),
        Call(1),
        Call(6),
        Sync,
        Call(2),
        Call(8),
        Checkpoint,
        Call(3),
        Call(4),
        Sync,
        Call(5),
        Reopen,
        Call(7),
        Call(11),
        Call(0),
        Checkpoint,
        Call(10),
        Call(1),
        Close,
        Call(2),
        Call(9),
        Sync,
        Call(0),
    ];
    for durability in [Durability::Always, Durability::Os, EVERY] {
        let history = History::of(&steps, durability);
        let seen = history.lose_power(8, &mut Random::seeded(1), &format!("{durability:?}"));
        assert!(seen > 12, "{durability:?}: only {seen} states were seen");
    }
}

/// Every way in which a short history can be lost.
#[test]
fn every_image_of_a_first_write_and_a_first_checkpoint_holds_what_was_promised() {
    let steps = [Step::Call(0), Step::Call(2), Step::Sync, Step::Call(0), Step::Checkpoint, Step::Call(2)];
    let history = History::of(&steps, EVERY);
    let mut images = 0;
    for done in 0..=history.disk.operations().len() {
        images += history.disk.each_image(done, |image| _ = history.assert_holds(image, done, "every image"));
    }
    assert!(images > 150, "{images}");
}

#[test]
fn random_histories_lose_nothing_that_was_promised() {
    for seed in 0..scaled(3_000) {
        let mut random = Random::seeded(seed as u64);
        let steps: Vec<Step> = (0..3 + random.below(25))
            .map(|_| match random.below(12) {
                0 => Step::Sync,
                1 => Step::Checkpoint,
                2 => Step::Close,
                3 => Step::Reopen,
                _ => Step::Call(random.below(12)),
            })
            .collect();
        let durability = [Durability::Always, Durability::Os, EVERY][random.below(3)];
        let history = History::of(&steps, durability);
        for _ in 0..20 {
            let done = random.below(history.disk.operations().len() + 1);
            let image = history.disk.random_image(done, &mut random);
            history.assert_holds(&image, done, &format!("seed {seed}, {durability:?}"));
        }
    }
}
