//! A second store that knows a store only from the changes that its watcher is told. Applied by the calls of anybody, they
//! make it equal to the first one.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::SystemTime;

use hashlet::{
    Change, ChangeKind, ExpireOutcome, HashValue, ManualClock, Overwrite, SetOptions, Store, StoreBuilder, Watch,
    WhenFull,
};

type Fields = BTreeMap<Vec<u8>, (Vec<u8>, Option<SystemTime>)>;
type Contents = BTreeMap<Vec<u8>, (Option<SystemTime>, Fields)>;

/// Room for the changes of any one call of a scenario.
const ROOM: usize = 20_000;

pub(crate) struct Follower {
    store: Store,
    prefix: &'static str,
    changes: Receiver<Change>,
    last: u64,
}

impl Follower {
    /// A follower of the keys with this prefix, and the builder of the store that it watches. Nothing ever expires in the
    /// store of the follower, which is built by the other builder.
    pub(crate) fn of(builder: StoreBuilder, own: StoreBuilder, prefix: &'static str) -> (Self, StoreBuilder) {
        let (sender, changes) = sync_channel(ROOM);
        let watch = Watch::prefix(prefix).values(true).old_values(true);
        let clock = ManualClock::new();
        clock.set(SystemTime::UNIX_EPOCH);
        let follower = Self { store: own.clock(&clock).build(), prefix, changes, last: 0 };
        (follower, builder.watch(watch, sender, WhenFull::Lose))
    }

    /// Applies all changes so far. Returns them.
    pub(crate) fn follow(&mut self) -> Vec<Change> {
        let changes: Vec<Change> = self.changes.try_iter().collect();
        for change in &changes {
            self.last += 1;
            assert_eq!(change.sequence, self.last, "a gap");
            self.apply(change);
        }
        changes
    }

    /// Checks that both stores hold the same under the prefix, once everything that has expired is removed.
    pub(crate) fn compare(&mut self, store: &Store) {
        store.purge_expired(usize::MAX);
        self.follow();
        let mut expected = contents(store);
        expected.retain(|key, _| key.starts_with(self.prefix.as_bytes()));
        assert_eq!(contents(&self.store), expected, "left is the follower, right the store");
        assert_eq!(store.stats().lost_changes, 0);
    }

    fn apply(&self, Change { key, kind, .. }: &Change) {
        let store = &self.store;
        assert!(key.starts_with(self.prefix.as_bytes()) || *kind == ChangeKind::AllRemoved, "{key:?}");
        let told = |change: &dyn std::fmt::Debug| format!("{}: {change:?}", key.escape_ascii());
        match kind {
            ChangeKind::FieldSet { field, value, before, is_new } => {
                assert_eq!((*is_new, before), (!store.contains(key, field), &store.get(key, field)), "{}", told(kind));
                let value = value.as_ref().expect("values are asked for");
                store.set_with(key, [(field, value)], SetOptions::new().keep_ttl()).unwrap();
            }
            ChangeKind::FieldRemoved { field, before } | ChangeKind::FieldExpired { field, before } => {
                assert_eq!(*before, store.take(key, field), "{}", told(kind));
                assert!(before.is_some(), "{}", told(kind));
            }
            ChangeKind::FieldDeadline { field, deadline: Some(deadline) } => {
                assert_eq!(store.expire_field(key, field, *deadline), ExpireOutcome::Set, "{}", told(kind));
            }
            ChangeKind::FieldDeadline { field, deadline: None } => _ = store.persist_field(key, field),
            ChangeKind::KeyDeadline { deadline: Some(deadline) } => {
                assert_eq!(store.expire(key, *deadline), ExpireOutcome::Set, "{}", told(kind));
            }
            ChangeKind::KeyDeadline { deadline: None } => _ = store.persist(key),
            ChangeKind::KeyRemoved { before }
            | ChangeKind::KeyExpired { before }
            | ChangeKind::KeyEvicted { before } => {
                assert_eq!(*before.as_ref().expect("old values are asked for"), store.get_all(key), "{}", told(kind));
                assert!(store.clear(key), "{}", told(kind));
            }
            ChangeKind::KeyRenamed { to } if !to.starts_with(self.prefix.as_bytes()) => assert!(store.clear(key)),
            ChangeKind::KeyRenamed { to } => assert!(store.rename(key, to, Overwrite::Yes).unwrap().is_done()),
            ChangeKind::KeyCopied { from } => assert!(store.copy(from, key, Overwrite::Yes).unwrap().is_done()),
            ChangeKind::AllRemoved => store.clear_all(),
            _ => panic!("{}", told(kind)),
        }
    }
}

/// The names of changes with their keys and fields, in order.
pub(crate) fn names(changes: &[Change]) -> Vec<String> {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let name = |Change { key, kind, .. }: &Change| {
        let (name, other) = match kind {
            ChangeKind::FieldSet { field, .. } => ("set", Some(field)),
            ChangeKind::FieldRemoved { field, .. } => ("removed", Some(field)),
            ChangeKind::FieldExpired { field, .. } => ("expired", Some(field)),
            ChangeKind::FieldDeadline { field, .. } => ("deadline", Some(field)),
            ChangeKind::KeyDeadline { .. } => ("deadline", None),
            ChangeKind::KeyRemoved { .. } => ("removed", None),
            ChangeKind::KeyExpired { .. } => ("expired", None),
            ChangeKind::KeyEvicted { .. } => ("evicted", None),
            ChangeKind::KeyRenamed { to } => ("renamed", Some(to)),
            ChangeKind::KeyCopied { from } => ("copied", Some(from)),
            _ => ("all removed", None),
        };
        let other = other.map_or_else(String::new, |other| format!("/{}", text(other)));
        format!("{}{other} {name}", text(key))
    };
    changes.iter().map(name).collect()
}

pub(crate) fn hash(pairs: &[(&str, &str)]) -> HashValue {
    pairs.iter().copied().collect()
}

fn contents(store: &Store) -> Contents {
    let mut contents = Contents::new();
    store.for_each(|key, hash| {
        let field = |(field, value): (&[u8], &[u8])| (field.to_vec(), (value.to_vec(), hash.field_deadline(field)));
        contents.insert(key.to_vec(), (hash.deadline(), hash.iter().map(field).collect()));
    });
    contents
}
