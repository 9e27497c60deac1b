//! Those whom a store tells what its calls do, and what one call has to tell them.

use std::cell::{Cell, RefCell};

use crate::hash::{Effect, GonePart};
use crate::options::Rules;
use crate::store::feed::Feed;
use crate::store::listener::{Gone, Listener};
use crate::store::watch::Change;
use crate::time::Now;
use crate::value::HashValue;

/// The listener and the watcher of a store. A store that has neither has no audience, and a call asks only once.
pub(super) struct Audience {
    listener: Option<Listener>,
    feed: Option<Feed>,
}

impl Audience {
    pub(super) fn of(listener: Option<Listener>, feed: Option<Feed>) -> Option<Self> {
        (listener.is_some() || feed.is_some()).then_some(Self { listener, feed })
    }

    pub(super) fn listener(&self) -> Option<&Listener> {
        self.listener.as_ref()
    }

    pub(super) fn feed(&self) -> Option<&Feed> {
        self.feed.as_ref()
    }
}

/// What one call has to tell. It is sent on drop, when no lock is held.
pub(super) struct Outbox<'a> {
    audience: &'a Audience,
    rules: &'a Rules,
    /// Expired and evicted keys and fields, for the listener.
    gone: RefCell<Vec<Gone>>,
    /// Changes for the watcher which are not numbered yet.
    changes: RefCell<Vec<Change>>,
    /// Whether changes of this call are numbered, and may not be sent yet.
    has_queued: Cell<bool>,
}

impl<'a> Outbox<'a> {
    pub(super) fn new(audience: &'a Audience, rules: &'a Rules) -> Self {
        Self { audience, rules, gone: RefCell::default(), changes: RefCell::default(), has_queued: Cell::new(false) }
    }

    pub(super) fn has_listener(&self) -> bool {
        self.audience.listener.is_some()
    }

    pub(super) fn has_feed(&self) -> bool {
        cfg!(feature = "watch") && self.audience.feed.is_some()
    }

    pub(super) fn put_gone(&self, key: &[u8], part: GonePart<'_>) {
        let key = key.to_vec();
        self.gone.borrow_mut().push(match part {
            GonePart::Field((field, value)) => Gone::FieldExpired { key, field: field.to_vec(), value: value.to_vec() },
            GonePart::Expired(record) => Gone::KeyExpired { key, hash: HashValue::of(record, self.rules) },
            GonePart::Evicted(record) => {
                let deadline = record.deadline().time();
                Gone::KeyEvicted { key, hash: HashValue::of(record, self.rules), deadline }
            }
        });
    }

    pub(super) fn put_effect(&self, key: &[u8], effect: &Effect<'_>, now: &Now<'_>) {
        if let Some(feed) = &self.audience.feed {
            feed.gather(&mut self.changes.borrow_mut(), key, effect, now, self.rules);
        }
    }

    pub(super) fn put_clear_all(&self) {
        if let Some(feed) = &self.audience.feed {
            feed.gather_clear_all(&mut self.changes.borrow_mut());
        }
    }

    /// The number of changes, as a mark for [`forget_changes`](Self::forget_changes).
    pub(super) fn changes(&self) -> usize {
        self.changes.borrow().len()
    }

    /// Forgets the changes after a mark.
    pub(super) fn forget_changes(&self, kept: usize) {
        self.changes.borrow_mut().truncate(kept);
    }

    /// Gives the changes so far their place among those of other calls. The locks under which they were made are still
    /// held.
    pub(super) fn seal(&self) {
        let mut changes = self.changes.borrow_mut();
        if let Some(feed) = &self.audience.feed
            && !changes.is_empty()
        {
            feed.queue(&mut changes);
            self.has_queued.set(true);
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn send(&self) {
        if let Some(listener) = &self.audience.listener {
            self.gone.take().into_iter().for_each(|gone| listener.tell(gone));
        }
        if let Some(feed) = &self.audience.feed
            && self.has_queued.take()
        {
            feed.send();
        }
    }
}

impl Drop for Outbox<'_> {
    #[inline]
    fn drop(&mut self) {
        self.send();
    }
}
