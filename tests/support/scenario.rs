//! A scenario: a configuration and the calls to make, run on a store and on the model side by side. One type for
//! proptest, the fuzz targets and the long seeded runs; a failure tells where it stood and how to see it again.

use std::cell::Cell;

use hashlet::{HashValue, Store};

use super::check;
use super::config::{self, Config};
use super::model::{Bounds, Fields, Model, ModelHash};
use super::ops::{Op, Shape};
use super::reply::Reply;
use super::source::{Source, mix};

/// Limits low enough to be met all the time.
const TIGHT: Bounds = Bounds { fields: 20, string: 200, key: 24 };

/// Each shape with the number of calls a seeded run makes on it: wide ones need many calls to fill, hashes with many
/// fields cost more a call.
const SHAPES: [(Shape, usize); 5] = [
    (Shape { keys: 3, fields: 6 }, 4_000),
    (Shape { keys: 4, fields: 40 }, 4_000),
    (Shape { keys: 2, fields: 300 }, 3_000),
    (Shape { keys: 3_000, fields: 3 }, 10_000),
    (Shape { keys: 2, fields: 3_000 }, 1_000),
];

#[derive(Debug)]
pub(crate) struct Scenario {
    config: Config,
    bounds: Bounds,
    hash_seed: u64,
    /// What `HASHLET_SEED` has to be to see this scenario again, when it came from a seed.
    seed: Option<u64>,
    pub(crate) ops: Vec<Op>,
}

impl Scenario {
    /// As many calls as the bytes describe; any bytes are a scenario.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let mut source = Source::Bytes(bytes);
        let config = source.one_of(&config::all());
        let (mut scenario, shape, _) = Self::choose(config, &mut source);
        while source.has_more() {
            scenario.ops.push(Op::decode(&mut source, shape));
        }
        scenario
    }

    /// A long scenario; neighbouring seeds take turns at the configurations.
    pub(crate) fn from_seed(seed: u64) -> Self {
        let configs = config::all();
        let config = configs[(seed % configs.len() as u64) as usize];
        let mut source = Source::Seed(mix(seed));
        let (mut scenario, shape, len) = Self::choose(config, &mut source);
        scenario.seed = Some(seed);
        scenario.ops.extend((0..len).map(|_| Op::decode(&mut source, shape)));
        scenario
    }

    fn choose(config: Config, source: &mut Source<'_>) -> (Self, Shape, usize) {
        let (shape, len) = source.one_of(&SHAPES);
        let bounds = if source.one_in(4) { TIGHT } else { Bounds::DEFAULT };
        let hash_seed = source.below(256) as u64;
        (Self { config, bounds, hash_seed, seed: None, ops: Vec::new() }, shape, len)
    }

    /// Makes every call on a store and on the model. The touched hashes are validated after each call; everything is
    /// after calls on all hashes, and every 1,000 calls.
    pub(crate) fn run(&self) {
        let builder = self.config.builder().limits(self.bounds.limits());
        let store = check::seeded(builder, self.hash_seed).build();
        let mut model = Model::new(self.bounds);
        self.step_by_step(|step, op| {
            assert_eq!(op.on_store(&store), op.on_model(&mut model), "left is the store, right the model");
            op.keys().iter().for_each(|key| check::key(&store, key));
            if op.changes_all() || step % 1_000 == 999 {
                compare(&store, &mut model);
            }
        });
        compare(&store, &mut model);
    }

    /// The same for an owned value, which takes the calls of all keys.
    pub(crate) fn run_on_value(&self) {
        let mut value = HashValue::with_thresholds(self.config.thresholds);
        let mut fields = Fields::new();
        self.step_by_step(|_, op| {
            for call in op.owned_calls() {
                assert_eq!(
                    call.on_value(&mut value),
                    call.on_model(&mut ModelHash::alone(&mut fields)),
                    "left is the value, right the model"
                );
            }
        });
        assert_eq!(value, fields.iter().collect::<HashValue>());
    }

    fn step_by_step(&self, mut work: impl FnMut(usize, &Op)) {
        let failure = Failure { scenario: self, step: Cell::new(0) };
        for (step, op) in self.ops.iter().enumerate() {
            failure.step.set(step);
            work(step, op);
        }
    }
}

/// The whole store against the whole model.
fn compare(store: &Store, model: &mut Model) {
    check::store(store);
    assert_eq!(Op::Counts.on_store(store), Op::Counts.on_model(model));
    assert_eq!(Op::Keys.on_store(store), Op::Keys.on_model(model));
    for key in model.keys() {
        let expected = model.hash(&key, |hash| Reply::pairs(hash.iter()));
        assert_eq!(Reply::pairs(store.get_all(&key).iter()), expected);
    }
}

/// Tells step, configuration, last calls and seed while a panic passes through.
struct Failure<'a> {
    scenario: &'a Scenario,
    step: Cell<usize>,
}

impl Drop for Failure<'_> {
    #[allow(clippy::print_stderr, reason = "part of a failing test's message")]
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let Scenario { config, bounds, hash_seed, seed, ops } = self.scenario;
        let step = self.step.get();
        eprintln!(
            "at step {step} of {} on {}, hash seed {hash_seed}, {bounds:?}; the last calls were",
            ops.len(),
            config.name
        );
        for op in &ops[step.saturating_sub(4)..=step] {
            eprintln!("    {op:?}");
        }
        if let Some(seed) = seed {
            eprintln!("to see it again: HASHLET_SEED={seed} cargo test --features testing --test model");
        }
    }
}
