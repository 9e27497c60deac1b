//! Saves and loads in a scenario. A snapshot holds the state of the model at the beginning of the save, whatever
//! happened during the save, and whether or not the save before it failed.

use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use hashlet::{Error, ManualClock, SaveOptions, SaveReport, SnapshotError, Store, StoreBuilder};

use super::check;
use super::model::{Bounds, Model};
use super::ops::Op;
use super::ops::saves::{Ends, Loading, Save};
use super::scenario::{World, compare};

/// The payload of an intended panic.
struct Intended;

/// A writer that fails at one of its writes.
struct Output {
    bytes: Vec<u8>,
    left: usize,
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(1).ok_or(ErrorKind::StorageFull)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Save {
    /// Saves and makes the calls during the save, and the remaining calls after it. Then compares everything with the
    /// model.
    pub(crate) fn run(&self, world: &mut World, ops: &[Op]) {
        let begun = Moment::of(world);
        let mut left = ops.iter();
        let output = self.save(world, &mut left);
        if let Some(bytes) = &output {
            begun.check(bytes, &self.loading);
        }
        for op in left {
            world.step(op);
        }
        world.compare();
        if output.is_none() {
            // After a save that has failed, the next one is complete.
            let mut bytes = Vec::new();
            world.store.save_to(&mut bytes).expect("a save after one that has failed");
            Moment::of(world).check(&bytes, &self.loading);
        }
    }

    fn save<'a>(&self, world: &mut World, ops: &mut impl Iterator<Item = &'a Op>) -> Option<Vec<u8>> {
        let mut output = Output { bytes: Vec::new(), left: usize::MAX };
        if let Ends::WriterFails(behind) = self.ends {
            output.left = behind;
        }
        let World { store, model, clock, .. } = world;
        let mut blocks = 0;
        let options = SaveOptions::new().block_bytes(self.block_bytes).progress(|_| {
            blocks += 1;
            if self.ends == Ends::CallbackPanics(blocks) {
                resume_unwind(Box::new(Intended));
            }
            for op in ops.take(self.at_once) {
                let Op::Save(other, _) = op else {
                    op.on_both(store, model, clock);
                    continue;
                };
                let mut snapshot = Vec::new();
                match store.save_to(&mut snapshot) {
                    Err(SnapshotError::Busy) => {}
                    // That happens only while the last blocks are written, after the walk over the store.
                    Ok(_) => Moment::at(model, clock).check(&snapshot, &other.loading),
                    Err(error) => panic!("{error}"),
                }
            }
        });
        match catch_unwind(AssertUnwindSafe(|| store.save_to_with(&mut output, options))) {
            Ok(Ok(report)) => {
                self.check_report(report, &output.bytes);
                Some(output.bytes)
            }
            Ok(Err(SnapshotError::Io(error))) => {
                assert_eq!(error.kind(), ErrorKind::StorageFull);
                None
            }
            Ok(Err(error)) => panic!("{error}"),
            Err(panic) if panic.is::<Intended>() => None,
            Err(panic) => resume_unwind(panic),
        }
    }

    fn check_report(&self, report: SaveReport, bytes: &[u8]) {
        assert_eq!(report.bytes, bytes.len() as u64);
        assert!(report.fields >= report.keys);
    }
}

/// The contents of the store at one instant, as the model has them.
struct Moment {
    model: Model,
    clock: ManualClock,
}

impl Moment {
    fn of(world: &World) -> Self {
        Self::at(&world.model, &world.clock)
    }

    fn at(model: &Model, now: &ManualClock) -> Self {
        let clock = ManualClock::new();
        clock.set(now.now());
        Self { model: model.clone(), clock }
    }

    /// Checks that a snapshot holds these contents.
    fn check(&self, snapshot: &[u8], loading: &Loading) {
        let bounds = Bounds { bytes: None, ..self.model.bounds() };
        let loaded = loading.builder(bounds, &self.clock).load_from(snapshot).expect("what was saved is loaded");
        compare(&loaded, &self.model);
    }
}

impl Loading {
    pub(crate) fn builder(&self, bounds: Bounds, clock: &ManualClock) -> StoreBuilder {
        check::seeded(
            self.config.builder().limits(bounds.limits()).eviction(bounds.eviction).clock(clock),
            self.hash_seed,
        )
    }

    /// Replaces the store by its snapshot. If the store is nearly full, its contents may not fit within the limit
    /// again.
    pub(crate) fn run(&self, world: &mut World) {
        let mut snapshot = Vec::new();
        world.store.save_to(&mut snapshot).expect("a save into memory");
        let bounds = world.model.bounds();
        let builder = world.listened(self.builder(bounds, &world.clock));
        match builder.load_from(&snapshot[..]) {
            Ok(loaded) => {
                world.store = Arc::new(loaded);
                world.model.forget_evicted(&world.store, &[]);
            }
            Err(SnapshotError::TooLarge(Error::Full { size, limit })) => {
                assert!(Some(limit) == bounds.bytes && size > limit, "{size} bytes of {limit}");
                Moment::of(world).check(&snapshot, self);
            }
            Err(error) => panic!("{error}"),
        }
        world.compare();
    }
}

/// The same contents in another store: saved, and loaded again.
pub(crate) fn reload(store: &Store, builder: StoreBuilder) -> Store {
    let mut snapshot = Vec::new();
    store.save_to(&mut snapshot).expect("a save into memory");
    builder.load_from(&snapshot[..]).expect("what was saved is loaded")
}
