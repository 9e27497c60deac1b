//! A scenario: a configuration and the calls to make. It runs on a store and on the model side by side. Proptest, the
//! fuzz targets and the long seeded runs use this one type. A failure prints its place and how to repeat it.

use std::cell::Cell;
use std::iter::once;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use hashlet::{Eviction, Gone, HashValue, ManualClock, Store, StoreBuilder, WhenFull};

use super::check;
use super::config::{self, Config};
#[cfg(feature = "watch")]
use super::follower::Follower;
#[cfg(all(feature = "journal", feature = "testing"))]
use super::journaled::Journaled;
use super::model::{Bounds, Hash, Model, ModelHash};
use super::ops::{Op, Shape, saves};
use super::reply::Reply;
use super::source::{Source, mix};
use super::time::BEGINNING;
#[cfg(feature = "recorder")]
use super::twin::Twin;

/// Limits so low that calls exceed them all the time.
const TIGHT: Bounds = Bounds { fields: 20, string: 200, key: 24, ..Bounds::DEFAULT };

/// Limits on the bytes of a store, which many or long values exceed.
const SMALL: Bounds = Bounds { bytes: Some(60_000), ..Bounds::DEFAULT };
const SMALLER: Bounds = Bounds { bytes: Some(25_000), ..Bounds::DEFAULT };

/// Half of the stores with such a limit evict.
const EVICTIONS: [Eviction; 8] = [
    Eviction::Refuse,
    Eviction::Refuse,
    Eviction::Refuse,
    Eviction::Refuse,
    Eviction::LeastRecent,
    Eviction::LeastFrequent,
    Eviction::SoonestDeadline,
    Eviction::Random,
];

/// Each shape, with the number of calls of a seeded run. Shapes with many keys need many calls to fill. In hashes with
/// many fields, each call costs more.
const SHAPES: [(Shape, usize); 5] = [
    (shape(3, 6), 4_000),
    (shape(4, 40), 4_000),
    (shape(2, 300), 3_000),
    (shape(3_000, 3), 10_000),
    (shape(2, 3_000), 1_000),
];

const fn shape(keys: usize, fields: usize) -> Shape {
    Shape { keys, fields, now: BEGINNING }
}

#[derive(Debug)]
pub(crate) struct Scenario {
    config: Config,
    bounds: Bounds,
    hash_seed: u64,
    /// Whether the store has a listener.
    listens: bool,
    /// The value of `HASHLET_SEED` that repeats this scenario, if it came from a seed.
    seed: Option<u64>,
    /// The module of the test that reads the seed.
    test: &'static str,
    pub(crate) ops: Vec<Op>,
}

impl Scenario {
    /// A scenario with as many calls as the bytes describe. Any bytes are a scenario.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let mut source = Source::Bytes(bytes);
        let config = source.one_of(&config::all());
        let (mut scenario, mut shape, _) = Self::choose(config, &mut source);
        while source.has_more() {
            scenario.ops.push(shape.draw(&mut source));
        }
        scenario
    }

    /// A long scenario. Seeds that follow each other use all configurations by turns.
    pub(crate) fn from_seed(seed: u64) -> Self {
        let configs = config::all();
        let config = configs[(seed % configs.len() as u64) as usize];
        let mut source = Source::Seed(mix(seed));
        let (mut scenario, mut shape, len) = Self::choose(config, &mut source);
        scenario.seed = Some(seed);
        scenario.ops.extend((0..len).map(|_| shape.draw(&mut source)));
        scenario
    }

    fn choose(config: Config, source: &mut Source<'_>) -> (Self, Shape, usize) {
        let (shape, len) = source.one_of(&SHAPES);
        let bounds: Bounds =
            source.one_of(&[Bounds::DEFAULT, Bounds::DEFAULT, Bounds::DEFAULT, TIGHT, TIGHT, SMALL, SMALLER]);
        let eviction = source.one_of(&EVICTIONS);
        let keys = if eviction == Eviction::Refuse { None } else { source.one_of(&[None, None, Some(40)]) };
        let bounds = Bounds { eviction, keys, ..bounds };
        let hash_seed = source.below(256) as u64;
        let listens = source.one_in(4);
        (Self { config, bounds, hash_seed, listens, seed: None, test: "model::calls", ops: Vec::new() }, shape, len)
    }

    /// A scenario with saves: the store is filled, and then saved several times, with calls that are hard for a save.
    pub(crate) fn of_saves(seed: u64) -> Self {
        let configs = config::all();
        let config = configs[(seed % configs.len() as u64) as usize];
        let mut source = Source::Seed(mix(seed));
        let (mut scenario, mut shape, _) = Self::choose(config, &mut source);
        scenario.seed = Some(seed);
        scenario.test = "model::saves";
        for _ in 0..3 {
            scenario.ops.extend(saves::contents(&mut source, shape));
            for _ in 0..4 {
                let calls = source.one_of(&[10, 100, 300]);
                scenario.ops.push(saves::save_among(&mut source, &mut shape, calls));
                scenario.ops.extend((0..20).map(|_| shape.draw(&mut source)));
            }
        }
        scenario
    }

    /// Makes every call on a store and on the model. The touched hashes are validated after every third call only,
    /// because validation purges them. The whole store is compared after calls on all hashes, and after every 1,000
    /// calls.
    pub(crate) fn run(&self) {
        let mut world = World::new(self);
        self.step_by_step(|step, op| {
            world.step(op);
            if step % 3 == 0 {
                op.keys().iter().for_each(|key| check::key(&world.store, key));
            }
            if op.changes_all() || step % 1_000 == 999 {
                world.compare();
            }
        });
        world.compare();
        #[cfg(all(feature = "journal", feature = "testing"))]
        world.check_journal();
    }

    /// The same for one owned value, on which the calls of all keys are made.
    pub(crate) fn run_on_value(&self) {
        let mut value = HashValue::with_thresholds(self.config.thresholds);
        let mut hash = Hash::default();
        self.step_by_step(|_, op| {
            for call in op.owned_calls() {
                assert_eq!(
                    call.on_value(&mut value),
                    call.on_model(&mut ModelHash::alone(&mut hash)),
                    "left is the value, right the model"
                );
            }
        });
        assert_eq!(value, hash.iter().collect::<HashValue>());
    }

    fn step_by_step(&self, mut work: impl FnMut(usize, &Op)) {
        let failure = Failure { scenario: self, step: Cell::new(0) };
        for (step, op) in self.ops.iter().enumerate() {
            failure.step.set(step);
            work(step, op);
        }
    }
}

/// A store and the model, side by side.
pub(crate) struct World {
    pub(crate) store: Arc<Store>,
    pub(crate) model: Model,
    pub(crate) clock: ManualClock,
    listener: Option<(SyncSender<Gone>, Receiver<Gone>)>,
    /// Follows the store of some scenarios as a watcher, by the changes that it is told.
    #[cfg(feature = "watch")]
    follower: Option<Follower>,
    /// Follows the store of some other scenarios by the effects of its calls.
    #[cfg(feature = "recorder")]
    twin: Option<Twin>,
    /// The journal of the store in some other scenarios.
    #[cfg(all(feature = "journal", feature = "testing"))]
    pub(crate) journal: Option<Journaled>,
}

impl World {
    fn new(Scenario { config, bounds, hash_seed, listens, .. }: &Scenario) -> Self {
        let clock = ManualClock::new();
        let mut world = Self {
            store: Arc::new(Store::new()),
            model: Model::new(*bounds),
            clock: clock.clone(),
            listener: listens.then(|| sync_channel(16)),
            #[cfg(feature = "watch")]
            follower: None,
            #[cfg(feature = "recorder")]
            twin: None,
            #[cfg(all(feature = "journal", feature = "testing"))]
            journal: None,
        };
        let builder = config.builder().limits(bounds.limits()).eviction(bounds.eviction).clock(&clock);
        #[cfg_attr(not(feature = "watch"), expect(unused_mut, reason = "nobody can watch the store"))]
        let mut builder = world.listened(check::seeded(builder, *hash_seed));
        #[cfg(feature = "watch")]
        if let Some(prefix) =
            [Some(""), None, None, Some("k1")][(*hash_seed % 8) as usize / 2].filter(|_| hash_seed % 2 == 0)
        {
            let (follower, watching) = Follower::of(builder, config.builder(), prefix);
            world.follower = Some(follower);
            builder = watching;
        }
        #[cfg(all(feature = "journal", feature = "testing"))]
        if hash_seed % 16 == 2 {
            let journal = Journaled::begin(builder, *hash_seed);
            world.store = Arc::clone(journal.store());
            world.journal = Some(journal);
            return world;
        }
        world.store = Arc::new(builder.build());
        #[cfg(feature = "recorder")]
        if hash_seed % 4 == 1 {
            world.twin = Some(Twin::of(&world.store, check::seeded(config.builder(), *hash_seed)));
        }
        world
    }

    /// Gives a builder the listener of this world, if there is one.
    pub(crate) fn listened(&self, builder: StoreBuilder) -> StoreBuilder {
        match &self.listener {
            Some((sender, _)) => builder.listener(sender.clone(), WhenFull::Lose),
            None => builder,
        }
    }

    /// Makes a call on both.
    pub(crate) fn step(&mut self, op: &Op) {
        match op {
            #[cfg(all(feature = "snapshot", feature = "testing"))]
            Op::Save(save, ops) => save.run(self, ops),
            #[cfg(all(feature = "snapshot", feature = "testing"))]
            Op::Reload(loading) => {
                // The store that is loaded is another one. It has recorded nothing, and nobody watches it.
                #[cfg(feature = "recorder")]
                drop(self.twin.take());
                #[cfg(feature = "watch")]
                drop(self.follower.take());
                #[cfg(feature = "journal")]
                if self.journal.is_some() {
                    self.reopen(*loading);
                    return;
                }
                loading.run(self);
            }
            #[cfg(not(all(feature = "snapshot", feature = "testing")))]
            Op::Save(..) | Op::Reload(_) => {}
            op => op.on_both(&self.store, &mut self.model, &self.clock),
        }
        #[cfg(feature = "watch")]
        if let Some(follower) = &mut self.follower {
            follower.follow();
        }
        for gone in self.listener.iter().flat_map(|(_, told)| told.try_iter()) {
            if let Gone::KeyExpired { hash, .. } | Gone::KeyEvicted { hash, .. } = gone {
                check::value(&hash);
            }
        }
    }

    pub(crate) fn compare(&mut self) {
        #[cfg(feature = "watch")]
        if let Some(follower) = &mut self.follower {
            follower.compare(&self.store);
        }
        #[cfg(feature = "recorder")]
        if let Some(twin) = &mut self.twin {
            twin.follow(&self.store);
        }
        #[cfg(all(feature = "journal", feature = "testing"))]
        self.look_after_journal();
        compare(&self.store, &self.model);
    }
}

impl Op {
    pub(crate) fn on_both(&self, store: &Store, model: &mut Model, clock: &ManualClock) {
        if let Self::SetManyAcross(keys, pairs) = self
            && keys.len() > 1
            && model.bounds().evicts()
        {
            // What one of these calls has written may be evicted by the next one, and the model learns of it only then.
            for (key, pairs) in keys.iter().zip(pairs) {
                Self::SetManyAcross(vec![key.clone()], vec![pairs.clone()]).on_both(store, model, clock);
            }
            return;
        }
        let answer = self.on_store(store, clock);
        assert_eq!(answer, self.on_model(model, &answer), "left is the store, right the model");
        model.forget_evicted(store, self.keys());
    }
}

/// Compares the whole store with the whole model.
pub(crate) fn compare(store: &Store, model: &Model) {
    check::store(store);
    let stats = store.stats();
    assert_eq!((stats.keys, stats.fields), (model.key_count(), model.field_count()));
    assert_eq!(Reply::names(store.keys()), Reply::names(model.keys()));
    for (key, hash) in model.hashes() {
        store.read(key, |found| {
            assert_eq!(Reply::pairs(found.iter()), Reply::pairs(hash.iter()));
            let fields = hash.iter().map(|(field, _)| found.field_deadline(field));
            assert!(once(found.deadline()).chain(fields).eq(hash.deadlines()), "deadlines of {}", key.escape_ascii());
        });
    }
}

/// Prints the step, the configuration, the last calls and the seed when a panic passes through it.
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
        let Scenario { config, bounds, hash_seed, seed, test, ops, .. } = self.scenario;
        let step = self.step.get();
        eprintln!(
            "at step {step} of {} on {} ({} shards), hash seed {hash_seed}, {bounds:?}; the last calls were",
            ops.len(),
            config.name,
            config.shards,
        );
        for op in &ops[step.saturating_sub(4)..=step] {
            eprintln!("    {op:?}");
        }
        if let Some(seed) = seed {
            eprintln!("to see it again: HASHLET_SEED={seed} cargo test --features testing --test suite {test}::");
        }
    }
}
