//! The journal of a scenario's store. From time to time the store is synced, and its folder is copied and opened again,
//! as after a kill. The copy holds what the model holds then. In between, checkpoints are made, and the scenario goes on
//! with a store that was opened again.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use hashlet::{Durability, Durable, Error, JournalError, JournalOptions, ManualClock, Store, StoreBuilder, WhenFull};

use super::config;
use super::folder::Folder;
use super::model::Bounds;
use super::ops::saves::Loading;
use super::scenario::{World, compare};
use super::source::{Source, mix};

pub(crate) struct Journaled {
    durable: Durable,
    /// It is dropped after the journal in it.
    folder: Folder,
    source: Source<'static>,
}

/// The journal is synced when the scenario says so, and its checkpoints come then.
fn options() -> JournalOptions {
    JournalOptions::new().durability(Durability::Every(Duration::from_secs(3_600))).checkpoint_after(u64::MAX, 1.0)
}

impl Journaled {
    pub(crate) fn begin(builder: StoreBuilder, seed: u64) -> Self {
        let folder = Folder::in_memory();
        let durable = builder.open(folder.path(), options()).expect("a journal in an empty folder");
        Self { durable, folder, source: Source::Seed(mix(seed)) }
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        self.durable.store()
    }

    /// Opens a copy of the folder with everything that is synced.
    fn open_copy(&self, builder: StoreBuilder) -> Result<(Durable, Folder), JournalError> {
        self.durable.sync().expect("a sync");
        let copy = self.folder.copy();
        Ok((builder.open(copy.path(), options())?, copy))
    }
}

impl World {
    /// Does nothing, or one of the things that can happen to a journal.
    pub(crate) fn look_after_journal(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        match journal.source.below(24) {
            0 => drop(journal.durable.checkpoint().expect("a checkpoint")),
            1 => self.check_journal(),
            2 => {
                let loading = journal.loading();
                self.reopen(loading);
            }
            _ => {}
        }
    }

    /// Checks that a copy of the journal holds what the store holds. What had expired when it was opened is gone, and
    /// the listener is not told of it.
    pub(crate) fn check_journal(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        let loading = journal.loading();
        let clock = ManualClock::new();
        clock.set(self.clock.now());
        let bounds = Bounds { bytes: None, ..self.model.bounds() };
        let (listener, told) = sync_channel(1);
        let builder = loading.builder(bounds, &clock).listener(listener, WhenFull::Lose);
        let (copy, _folder) = journal.open_copy(builder).expect("a copy of the journal is opened");
        assert_eq!(copy.recovery().bytes_cut, 0, "{:?}", copy.recovery());
        assert!(told.try_recv().is_err(), "the listener was told");
        compare(&copy, &self.model);
    }

    /// Goes on with a copy of the journal. If the store is nearly full, its contents may not fit within the limit again.
    pub(crate) fn reopen(&mut self, loading: Loading) {
        let bounds = self.model.bounds();
        let builder = self.listened(loading.builder(bounds, &self.clock));
        let Some(journal) = &mut self.journal else { return };
        match journal.open_copy(builder) {
            Ok((durable, folder)) => {
                self.store = Arc::clone(durable.store());
                // The old journal is dropped before its folder.
                journal.durable = durable;
                journal.folder = folder;
                self.model.forget_evicted(&self.store, &[]);
                compare(&self.store, &self.model);
            }
            Err(JournalError::TooLarge { error: Error::Full { size, limit }, .. }) => {
                assert!(Some(limit) == bounds.bytes && size > limit, "{size} bytes of {limit}");
                self.check_journal();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

impl Journaled {
    fn loading(&mut self) -> Loading {
        let config = self.source.one_of(&config::all());
        Loading { config, hash_seed: self.source.below(256) as u64 }
    }
}
