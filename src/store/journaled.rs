//! What a call tells the journal of its store, and how it waits for the journal.
//!
//! A call gathers its effects, and appends them to the tail of the journal under its locks ([`TermsUnderLock`]). After
//! its last lock, a call that writes waits until they are as safe as the journal promises ([`Call::keep_promise`]).
//! A call that only purges does not wait.

#[cfg(feature = "journal")]
use std::cell::{Cell, RefCell};
use std::ops::Deref;

#[cfg(feature = "journal")]
use crate::error::Error;
use crate::error::Result;
use crate::hash::{Effect, Terms};
use crate::saving::Epoch;
use crate::store::Store;
use crate::store::call::Call;
use crate::store::locks::Locked;
#[cfg(feature = "journal")]
use crate::sync::assert_outside_closures;
#[cfg(feature = "journal")]
use crate::tail::{Entry, Position, Tail};

/// The terms of a call under its locks. They end before the locks: when this is dropped, what the call has done is
/// appended to the journal, and gets its place among what the watcher is told.
pub(crate) struct TermsUnderLock<'a> {
    terms: Terms<'a>,
    call: &'a Call<'a>,
}

impl<'a> TermsUnderLock<'a> {
    #[inline]
    pub(super) fn new(terms: Terms<'a>, call: &'a Call<'a>) -> Self {
        Self { terms, call }
    }

    /// Ends the work of the call under its present locks, which the caller releases next.
    #[inline]
    pub(crate) fn end(self) {}
}

impl<'a> Deref for TermsUnderLock<'a> {
    type Target = Terms<'a>;

    #[inline]
    fn deref(&self) -> &Terms<'a> {
        &self.terms
    }
}

impl Drop for TermsUnderLock<'_> {
    #[inline]
    fn drop(&mut self) {
        self.call.append();
    }
}

/// Whether the journal has what a call did, as safely as it promises.
#[must_use]
pub(crate) struct Logged {
    #[cfg(feature = "journal")]
    is_logged: bool,
}

impl Logged {
    /// For a call that tells its caller nothing of the journal.
    #[inline]
    pub(super) fn ignore(self) {}

    /// # Errors
    /// `Unlogged`.
    #[inline]
    pub(super) fn or_unlogged<R>(self, result: R) -> Result<R> {
        #[cfg(feature = "journal")]
        if !self.is_logged {
            return Err(Error::Unlogged);
        }
        Ok(result)
    }
}

impl Store {
    /// Fails if the store has a journal that has failed or is closed. Otherwise waits while too much waits to be written
    /// to it. Each write that can be refused asks this before its first lock.
    #[inline]
    #[track_caller]
    pub(super) fn check_journal(&self) -> Result<()> {
        #[cfg(feature = "journal")]
        if let Some(tail) = &self.journal {
            return check(tail);
        }
        Ok(())
    }

    /// Waits, before the first lock of a write that cannot be refused, while too much waits to be written to the journal.
    #[inline]
    #[track_caller]
    pub(super) fn wait_for_journal(&self) {
        #[cfg(feature = "journal")]
        if let Some(tail) = &self.journal {
            assert_outside_closures(); // before it waits: the lock of the closure may be what the journal waits for
            tail.wait_for_room();
        }
    }

    /// Ends a quiet change under the lock of its shard: appends its effect to the journal, releases the lock, and waits
    /// until the effect is as safe as the journal promises. `tell` passes on what the change has done, if anything.
    #[cfg_attr(not(feature = "journal"), expect(unused_variables, reason = "only a journal is told"))]
    #[cfg_attr(not(feature = "journal"), expect(clippy::needless_pass_by_value, reason = "the lock ends here"))]
    #[inline(always)]
    pub(super) fn end_quiet_change(
        &self,
        locked: Locked<'_>,
        key: &[u8],
        epoch: Epoch,
        tell: impl FnOnce(&mut dyn FnMut(&Effect<'_>)),
    ) -> Logged {
        #[cfg(feature = "journal")]
        if let Some(tail) = &self.journal {
            return log(tail, locked, key, epoch, tell);
        }
        Logged {
            #[cfg(feature = "journal")]
            is_logged: true,
        }
    }
}

#[cfg(feature = "journal")]
#[inline(never)]
#[track_caller]
fn check(tail: &Tail) -> Result<()> {
    assert_outside_closures();
    if tail.is_refusing() {
        return Err(Error::JournalFailed);
    }
    tail.wait_for_room();
    Ok(())
}

/// A function of its own, so that a store without a journal pays for one comparison.
#[cfg(feature = "journal")]
#[inline(never)]
fn log(
    tail: &Tail,
    locked: Locked<'_>,
    key: &[u8],
    epoch: Epoch,
    tell: impl FnOnce(&mut dyn FnMut(&Effect<'_>)),
) -> Logged {
    let mut appended = None;
    tell(&mut |effect| appended = Some(tail.append_effect(epoch.log(), key, effect)));
    drop(locked);
    Logged { is_logged: appended.is_none_or(|position| tail.keep_promise(position).is_ok()) }
}

impl Call<'_> {
    /// Waits until what the call did is as safe as the journal promises. The call holds no lock any more.
    #[inline]
    pub(super) fn keep_promise(&self) -> Logged {
        Logged {
            #[cfg(feature = "journal")]
            is_logged: self.journaled.as_ref().is_none_or(Journaled::keep_promise),
        }
    }
}

/// The part of a call that is for the journal.
#[cfg(feature = "journal")]
pub(super) struct Journaled<'a> {
    tail: &'a Tail,
    entry: RefCell<Entry>,
    /// Which log the call appends to. Read with the epoch, under the locks.
    log: Cell<usize>,
    appended: Cell<Option<Position>>,
}

#[cfg(feature = "journal")]
impl<'a> Journaled<'a> {
    #[inline]
    pub(super) fn new(tail: &'a Tail) -> Self {
        Self { tail, entry: RefCell::new(Entry::new()), log: Cell::new(0), appended: Cell::new(None) }
    }

    pub(super) fn begin(&self, epoch: Epoch) {
        self.log.set(epoch.log());
    }

    pub(super) fn push(&self, key: &[u8], effect: &Effect<'_>) {
        self.entry.borrow_mut().push(key, effect);
    }

    pub(super) fn push_clear_all(&self) {
        self.entry.borrow_mut().push_clear_all();
    }

    pub(super) fn len(&self) -> usize {
        self.entry.borrow().len()
    }

    pub(super) fn truncate(&self, len: usize) {
        self.entry.borrow_mut().truncate(len);
    }

    pub(super) fn is_refusing(&self) -> bool {
        self.tail.is_refusing()
    }

    /// Appends what the call has done since the last time.
    #[inline]
    pub(super) fn append(&self) {
        let mut entry = self.entry.borrow_mut();
        if !entry.is_empty() {
            self.appended.set(Some(self.tail.append(self.log.get(), &entry)));
            entry.truncate(0);
        }
    }

    fn keep_promise(&self) -> bool {
        self.appended.take().is_none_or(|position| self.tail.keep_promise(position).is_ok())
    }
}
