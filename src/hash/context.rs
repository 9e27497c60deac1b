//! What an operation on a record is told besides its arguments, and what it may ask for.
//!
//! The hash layer knows nobody above it. Whoever works on a record hands it a [`Context`]: the rules, the instant, and what a
//! save has written already. Inside of a store the context has a [`Port`] as well, through which the record asks for room,
//! writes ahead of a save, and tells what has expired. A stand-alone value has none, and nothing is asked then.
//!
//! What each operation reads stands in the context itself. The port is called only where a flag says that somebody wants it, so
//! a store without limit, listener and save pays a comparison for it. So does a call that nobody takes back: only where a call
//! can be rolled back, each change of a record notes first what it takes to undo it (see `undo.rs`).

use std::cell::Cell;

use crate::error::Result;
use crate::hash::undo::Undo;
use crate::hash::{Pair, Record};
use crate::options::Rules;
use crate::saving::{Epoch, Mark, Saver, Unsaved};
use crate::time::{NOW_OF_VALUES, Now};

/// What a record may ask of the call that works on it.
pub(crate) trait Port {
    /// Reserves bytes of the store's room.
    ///
    /// # Errors
    /// `Full` if there is no room for them.
    fn reserve(&self, bytes: usize) -> Result<()>;
    /// Bytes that are reserved now: where a work begins that [`correct`](Self::correct) is to measure.
    fn reserved(&self) -> isize;
    /// The work that began at this reservation has changed a footprint from one number of bytes to another, whatever it
    /// reserved and corrected meanwhile.
    fn correct(&self, begun: isize, before: usize, after: usize);
    /// A measured change of what is allocated takes the place of what was reserved for it.
    fn settle(&self, before: usize, after: usize);
    /// From now on to the end of the call, bytes that become free stay reserved, so that what they held can be put back.
    fn hold_freed(&self);
    /// Whether little room is left.
    fn is_short_of_room(&self) -> bool;
    /// Has something written to the running snapshot before it is changed.
    fn save_ahead(&self, mark: Mark, write: &mut dyn FnMut(&mut Saver<'_>));
    /// Leaves something to the running save that is removed before it was written; gives it back if no save wants it.
    fn leave(&self, removed: Box<dyn Unsaved>) -> Option<Box<dyn Unsaved>>;
    /// Tells the running save that a table which is not written as a whole has another key.
    fn table_moved(&self, key: &[u8]);
    /// Tells whoever listens what has expired under a key.
    fn tell_expired(&self, rules: &Rules, key: &[u8], expired: ExpiredPart<'_>);
    /// Takes something of so many bytes, to drop it when no lock is held any more.
    fn retire(&self, old: Box<dyn Send>, bytes: usize);
}

/// What has expired and was removed.
pub(crate) enum ExpiredPart<'a> {
    Field(Pair<'a>),
    /// The key, with the fields that it still had.
    Key(Record),
}

/// How the records that one call changes reach its port, and what they need not ask it.
pub(crate) struct Link<'a> {
    port: &'a (dyn Port + 'a),
    epoch: Cell<Epoch>,
    /// Whether the store has a limit to its bytes.
    has_limit: bool,
    /// Whether somebody wants to know what has expired.
    has_listener: bool,
    /// Where the changes of a record are noted that can be rolled back.
    undo: Option<&'a Undo>,
}

impl<'a> Link<'a> {
    #[inline]
    pub(crate) fn new(port: &'a (dyn Port + 'a), has_limit: bool, has_listener: bool) -> Self {
        Self { port, epoch: Cell::default(), has_limit, has_listener, undo: None }
    }
}

/// See the module's documentation. Three words, because it is handed from function to function.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) now: &'a Now<'a>,
    link: Option<&'a Link<'a>>,
}

impl<'a> Context<'a> {
    /// For the records of a store that a call changes in this epoch.
    #[inline]
    pub(crate) fn of_change(rules: &'a Rules, now: &'a Now<'a>, link: &'a Link<'a>, epoch: Epoch) -> Self {
        link.epoch.set(epoch);
        Self { rules, now, link: Some(link) }
    }

    /// For a record of a store that is only read.
    #[inline]
    pub(crate) fn of_look(rules: &'a Rules, now: &'a Now<'a>) -> Self {
        Self { rules, now, link: None }
    }

    /// For a record of a stand-alone value.
    #[inline]
    pub(crate) fn of_value(rules: &'a Rules) -> Self {
        Self::of_look(rules, &NOW_OF_VALUES)
    }

    /// The same at another instant.
    pub(crate) fn at<'b>(&self, now: &'b Now<'b>) -> Context<'b>
    where
        'a: 'b,
    {
        Context { now, ..*self }
    }

    /// A way to the same port for one record whose changes are noted.
    pub(crate) fn link_noting<'b>(&self, undo: &'b Undo) -> Option<Link<'b>>
    where
        'a: 'b,
    {
        self.link.map(|link| Link { epoch: link.epoch.clone(), undo: Some(undo), ..*link })
    }

    /// The same over another link.
    pub(crate) fn over<'b>(&self, link: Option<&'b Link<'b>>) -> Context<'b>
    where
        'a: 'b,
    {
        Context { rules: self.rules, now: self.now, link }
    }

    /// Where a record notes what it takes to undo a change, before it makes it; `None` if nobody can take the call back.
    #[inline]
    pub(crate) fn undo(&self) -> Option<&'a Undo> {
        self.link.and_then(|link| link.undo)
    }

    /// The port, if the store has a limit to its bytes.
    #[inline]
    pub(crate) fn room(&self) -> Option<&'a (dyn Port + 'a)> {
        self.link.filter(|link| link.has_limit).map(|link| link.port)
    }

    /// Whether the store has a limit and little room left, so that tables should hold nothing in stock.
    #[inline]
    pub(crate) fn is_short_of_room(&self) -> bool {
        self.room().is_some_and(|port| port.is_short_of_room())
    }

    /// Whether somebody wants to know what has expired.
    #[inline]
    pub(crate) fn has_listener(&self) -> bool {
        self.link.is_some_and(|link| link.has_listener)
    }

    /// Tells whoever listens what has expired under a key.
    pub(crate) fn tell_expired(&self, key: &[u8], expired: ExpiredPart<'_>) {
        if let Some(link) = self.link
            && link.has_listener
        {
            link.port.tell_expired(self.rules, key, expired);
        }
    }

    /// The mark of what is as this call leaves it.
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        self.link.map_or_else(Mark::default, |link| link.epoch.get().mark())
    }

    /// Whether a save is on that does not hold what this call does.
    #[inline]
    pub(crate) fn is_saving(&self) -> bool {
        self.link.is_some_and(|link| link.epoch.get().is_saving())
    }

    /// Writes something to the snapshot before this call changes it.
    #[cold]
    pub(crate) fn save_ahead(&self, write: impl FnOnce(&mut Saver<'_>)) {
        if let Some(link) = self.link {
            let mut write = Some(write);
            link.port.save_ahead(self.mark(), &mut |saver| {
                if let Some(write) = write.take() {
                    write(saver);
                }
            });
        }
    }

    /// Parts with something that is removed and may take long to drop. If a save is running and has not written it as a
    /// whole, the save gets it. Otherwise it is dropped when no lock is held any more.
    pub(crate) fn part_with(&self, removed: Box<dyn Unsaved>, is_saved: bool) {
        let Some(link) = self.link else { return };
        let left = if !is_saved && self.is_saving() { link.port.leave(removed) } else { Some(removed) };
        if let Some(removed) = left {
            let bytes = removed.heap_bytes();
            link.port.retire(Box::new(removed), bytes);
        }
    }

    /// Tells the saver that a table which is not written as a whole has another key.
    pub(crate) fn table_moved(&self, key: &[u8]) {
        if let Some(link) = self.link
            && self.is_saving()
        {
            link.port.table_moved(key);
        }
    }

    /// Takes something of so many bytes, which may take long to give back, and drops it when no lock is held any more.
    pub(crate) fn retire(&self, old: impl Send + 'static, bytes: usize) {
        if let Some(link) = self.link {
            link.port.retire(Box::new(old), bytes);
        }
    }
}

/// A port for tests of records alone, behind which nobody is.
#[cfg(test)]
pub(crate) struct Nobody;

#[cfg(test)]
impl Port for Nobody {
    fn reserve(&self, _: usize) -> Result<()> {
        Ok(())
    }

    fn reserved(&self) -> isize {
        0
    }

    fn correct(&self, _: isize, _: usize, _: usize) {}

    fn settle(&self, _: usize, _: usize) {}

    fn hold_freed(&self) {}

    fn is_short_of_room(&self) -> bool {
        false
    }

    fn save_ahead(&self, _: Mark, _: &mut dyn FnMut(&mut Saver<'_>)) {}

    fn leave(&self, removed: Box<dyn Unsaved>) -> Option<Box<dyn Unsaved>> {
        Some(removed)
    }

    fn table_moved(&self, _: &[u8]) {}

    fn tell_expired(&self, _: &Rules, _: &[u8], _: ExpiredPart<'_>) {}

    fn retire(&self, _: Box<dyn Send>, _: usize) {}
}
