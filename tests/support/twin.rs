//! A second store beside a store, which knows only the effects that calls had on the first one. Replayed, they make it
//! equal to the first one. Undone, they make it as it was before.

use std::collections::BTreeMap;
use std::time::SystemTime;

use hashlet::{ManualClock, Store, StoreBuilder};

type Fields = BTreeMap<Vec<u8>, (Vec<u8>, Option<SystemTime>)>;
type Contents = BTreeMap<Vec<u8>, (Option<SystemTime>, Fields)>;

pub(crate) struct Twin {
    store: Store,
    before: Contents,
}

impl Twin {
    /// The twin of an empty store, which records from now on. Both have the same hash seed, because what was removed
    /// comes back as it was. On the twin nothing ever expires.
    pub(crate) fn of(store: &Store, builder: StoreBuilder) -> Self {
        let clock = ManualClock::new();
        clock.set(SystemTime::UNIX_EPOCH);
        store.record_effects();
        Self { store: builder.clock(&clock).build(), before: Contents::new() }
    }

    /// Replays what has happened to the store since the last time.
    pub(crate) fn follow(&mut self, store: &Store) {
        store.purge_expired(usize::MAX);
        let effects = store.take_effects();
        let now = contents(store);
        self.store.replay(&effects);
        assert_eq!(contents(&self.store), now, "left is the twin, right the store: {effects:?}");
        self.store.undo(&effects);
        assert_eq!(contents(&self.store), self.before, "left is undone, right the store from before: {effects:?}");
        self.store.validate();
        self.store.replay(&effects);
        self.store.validate();
        assert_eq!(contents(&self.store), now, "left is the twin again, right the store: {effects:?}");
        self.before = now;
    }
}

fn contents(store: &Store) -> Contents {
    let mut contents = Contents::new();
    store.for_each(|key, hash| {
        let field = |(field, value): (&[u8], &[u8])| (field.to_vec(), (value.to_vec(), hash.field_deadline(field)));
        contents.insert(key.to_vec(), (hash.deadline(), hash.iter().map(field).collect()));
    });
    contents
}
