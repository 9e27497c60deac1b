//! The store of a schedule, and what is left in it.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};

use super::linear::said;
use crate::options::Thresholds;
use crate::snapshot::SaveOptions;
use crate::store::{Store, StoreBuilder};
use crate::{Gone, HashRef, ManualClock, SnapshotError, Ttl, WhenFull};

/// A time to live. Models advance the clock by it, so that it is over.
pub(super) const SOON: Duration = Duration::from_millis(10);
/// A time to live that is never over in a model.
pub(super) const LATER: Duration = Duration::from_secs(3_600);

/// Properties of a store on which its answers must not depend.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    shards: usize,
    /// The most fields of a packed hash. It makes tables of all hashes, of none, or of those with more than one or two
    /// fields.
    max_fields: usize,
    /// It decides which keys share a shard.
    hash_seed: u64,
    pub(super) is_listened_to: bool,
    /// Whether packed hashes leave their names to shapes from the first hash on.
    is_eager: bool,
}

impl Shape {
    pub(super) const PLAIN: Self =
        Self { shards: 1, max_fields: 128, hash_seed: 1, is_listened_to: true, is_eager: false };
    pub(super) const EAGER: Self = Self { shards: 2, is_eager: true, ..Self::PLAIN };

    /// Draws a shape with at most this many shards.
    pub(super) fn draw(max_shards: usize) -> Self {
        let mut draw = thread_rng();
        Self {
            shards: draw.gen_range(1..=max_shards),
            max_fields: [128, 0, 1, 2][draw.gen_range(0..4)],
            hash_seed: draw.gen_range(0..8),
            is_listened_to: draw.gen_range(0..2) == 0,
            is_eager: draw.gen_range(0..4) == 0,
        }
    }

    pub(super) fn max_fields(self, max_fields: usize) -> Self {
        Self { max_fields, ..self }
    }
}

/// A store with its clock, and with what its listener was told.
pub(super) struct Scene {
    store: Store,
    pub(super) clock: ManualClock,
    expired: Mutex<Receiver<Gone>>,
}

impl Deref for Scene {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Scene {
    pub(super) fn of(shape: Shape) -> Self {
        Self::with(shape, |builder| builder)
    }

    pub(super) fn with(shape: Shape, set_up: impl FnOnce(StoreBuilder) -> StoreBuilder) -> Self {
        let clock = ManualClock::new();
        let (sender, expired) = sync_channel(100);
        let mut builder = builder(shape).clock(&clock);
        if shape.is_listened_to {
            builder = builder.listener(sender, WhenFull::Lose);
        }
        Self { store: set_up(builder).build(), clock, expired: Mutex::new(expired) }
    }

    /// What the listener was told since the last call, sorted.
    pub(super) fn told(&self) -> Vec<String> {
        let mut told: Vec<String> = self.expired.lock().unwrap().try_iter().map(|expired| tell(&expired)).collect();
        told.sort();
        told
    }

    /// The contents of a snapshot that is saved now.
    pub(super) fn saved(&self) -> Contents {
        self.try_save().unwrap()
    }

    pub(super) fn try_save(&self) -> Result<Contents, SnapshotError> {
        let mut snapshot = Vec::new();
        // Between any two records the saver releases the lock.
        self.save_to_with(&mut snapshot, SaveOptions::new().block_bytes(1))?;
        let loaded = Store::builder().shards(1).hash_seed(1).clock(&self.clock).load_from(&snapshot[..]).unwrap();
        loaded.validate();
        Ok(contents(&loaded))
    }
}

pub(super) fn builder(shape: Shape) -> StoreBuilder {
    let thresholds = Thresholds::default().max_fields(shape.max_fields);
    let builder = Store::builder().shards(shape.shards).thresholds(thresholds).hash_seed(shape.hash_seed);
    if shape.is_eager { builder.eager_shapes() } else { builder }
}

fn tell(gone: &Gone) -> String {
    match gone {
        Gone::KeyExpired { key, hash } | Gone::KeyEvicted { key, hash, .. } => {
            format!("{} {:?}", text(key), fields(&hash.view()))
        }
        Gone::FieldExpired { key, field, value } => format!("{} {}={}", text(key), text(field), text(value)),
    }
}

pub(super) type Fields = BTreeMap<String, (String, Ttl)>;
pub(super) type Contents = BTreeMap<String, (Ttl, Fields)>;

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The fields of a hash with their values and deadlines, in order.
pub(super) fn fields(hash: &HashRef<'_>) -> Fields {
    hash.iter().map(|(field, value)| (text(field), (text(value), hash.field_ttl(field)))).collect()
}

/// The fields of a key, as text.
pub(super) fn all(scene: &Scene, key: &str) -> String {
    said(fields(&scene.get_all(key).view()))
}

/// All that a store holds, read one shard at a time.
pub(super) fn contents(store: &Store) -> Contents {
    let mut contents = Contents::new();
    store.for_each(|key, hash| _ = contents.insert(text(key), (hash.ttl(), fields(hash))));
    contents
}
