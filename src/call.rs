//! One call of a user: the instant it runs at, the room it claims, and what it leaves behind.

use std::cell::{Cell, RefCell};

use crate::error::Result;
use crate::listener::{Listener, Outbox};
use crate::options::Rules;
use crate::room::{Claim, Room};
use crate::saving::{Epoch, Mark, Saver, Saving, Unsaved};
use crate::time::{NOW_OF_VALUES, Now};

/// What one call needs besides its arguments: made before the first lock is taken, and dropped after the last one is
/// released.
pub(crate) struct Call<'a> {
    now: Now<'a>,
    saving: &'a Saving,
    epoch: Cell<Epoch>,
    claim: Option<Claim<'a>>,
    outbox: Option<Outbox<'a>>,
    retired: RefCell<Retired>,
}

#[derive(Default)]
struct Retired {
    kept: Vec<Box<dyn Send>>,
    bytes: usize,
}

/// The most bytes that a call keeps to drop them later. A closure that overwrites long values again and again would
/// otherwise keep all of them.
const RETIRED_MAX: usize = 8 << 20;

impl<'a> Call<'a> {
    /// A call on a store, which may have a limit to its bytes, and somebody who listens.
    #[inline]
    pub(crate) fn new(
        now: Now<'a>,
        saving: &'a Saving,
        room: Option<&'a Room>,
        listener: Option<&'a Listener>,
    ) -> Self {
        Self {
            now,
            saving,
            epoch: Cell::default(),
            claim: room.map(Claim::new),
            outbox: listener.map(Outbox::new),
            retired: RefCell::default(),
        }
    }

    pub(crate) fn now(&self) -> &Now<'a> {
        &self.now
    }

    /// The allocator's bytes of a shard have changed by the call's doing.
    #[inline]
    pub(crate) fn settle(&self, before: usize, after: usize) {
        if let Some(claim) = &self.claim {
            claim.settle(before, after);
        }
    }

    /// For calls that take one lock after the other, between two of them: drops what was kept so far, and tells what has
    /// expired.
    pub(crate) fn pass_lock(&self) {
        drop(self.retired.take());
        if let Some(outbox) = &self.outbox {
            outbox.send();
        }
    }

    /// Takes room for so many bytes, or refuses, if the store has a limit.
    pub(crate) fn claim(&self, bytes: usize) -> Result<()> {
        self.claim.as_ref().map_or(Ok(()), |claim| claim.take(bytes))
    }
}

/// What an operation on a record is told besides its arguments.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) now: &'a Now<'a>,
    call: Option<&'a Call<'a>>,
}

impl<'a> Context<'a> {
    /// For the records of a store that are changed under the locks that are held now, the call's last ones or the only
    /// ones at a time: here it is decided whether the call belongs to a snapshot.
    #[inline]
    pub(crate) fn of_change(rules: &'a Rules, call: &'a Call<'a>) -> Self {
        call.epoch.set(call.saving.epoch());
        Self { rules, now: &call.now, call: Some(call) }
    }

    /// For a record of a store that is looked at.
    pub(crate) fn of_look(rules: &'a Rules, now: &'a Now<'a>) -> Self {
        Self { rules, now, call: None }
    }

    /// The same at another instant.
    pub(crate) fn at<'b>(&self, now: &'b Now<'b>) -> Context<'b>
    where
        'a: 'b,
    {
        Context { now, ..*self }
    }

    /// For a record of a stand-alone value.
    pub(crate) fn of_value(rules: &'a Rules) -> Self {
        Self { rules, now: &NOW_OF_VALUES, call: None }
    }

    /// What the call claims of the store's room, if the store has a limit.
    #[inline]
    pub(crate) fn claim(&self) -> Option<&'a Claim<'a>> {
        self.call?.claim.as_ref()
    }

    /// Whether the store has a limit and little room left, so that tables should hold nothing in stock.
    #[inline]
    pub(crate) fn is_short_of_room(&self) -> bool {
        self.claim().is_some_and(Claim::is_short)
    }

    /// Where to put what has expired, if somebody listens.
    pub(crate) fn outbox(&self) -> Option<&'a Outbox<'a>> {
        self.call?.outbox.as_ref()
    }

    /// The mark of what is as this call leaves it.
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        self.call.map_or_else(Mark::default, |call| call.epoch.get().mark())
    }

    /// Whether a save is on that does not hold what this call does.
    #[inline]
    pub(crate) fn is_saving(&self) -> bool {
        self.call.is_some_and(|call| call.epoch.get().is_saving())
    }

    /// Writes something to the snapshot before this call changes it.
    #[cold]
    pub(crate) fn save_ahead(&self, write: impl FnOnce(&mut Saver<'_>)) {
        if let Some(call) = self.call {
            call.saving.ahead(self.mark(), write);
        }
    }

    /// Leaves something to the saver that is removed before it was written as a whole; gives it back if nobody wants it.
    pub(crate) fn leave_to_saver<U: Unsaved + 'static>(&self, removed: Box<U>) -> Option<Box<U>> {
        match self.call {
            Some(call) if self.is_saving() => call.saving.leave(removed),
            _ => Some(removed),
        }
    }

    /// Tells the saver that a table which is not written as a whole has another key.
    pub(crate) fn table_moved(&self, key: &[u8]) {
        if let Some(call) = self.call
            && self.is_saving()
        {
            call.saving.table_moved(key);
        }
    }

    /// Takes something of so many bytes, which may take long to give back, and drops it when no lock is held any more;
    /// at once if the call keeps much already.
    pub(crate) fn retire(&self, old: impl Send + 'static, bytes: usize) {
        let Some(call) = self.call else { return };
        let mut retired = call.retired.borrow_mut();
        if retired.bytes + bytes <= RETIRED_MAX || retired.kept.is_empty() {
            retired.bytes += bytes;
            retired.kept.push(Box::new(old));
        }
    }
}
