//! What an operation on a record gets besides its arguments.
//!
//! The hash layer knows no layer above it. Whoever works on a record hands it a [`Context`]: the rules, the instant,
//! and what a running save has already written. Inside a store the context also has a [`Port`]. Through it the record
//! reserves room, writes ahead of a save, tells what has expired, and notes its [effects](Effect). A stand-alone value
//! has no port, so it asks nobody.
//!
//! The context itself holds what every operation reads. A record calls the port only where a flag says that somebody
//! wants the call. So in a store without limit, listener and save each question costs one comparison.

use std::cell::Cell;

use crate::error::Result;
use crate::hash::Effect;
use crate::hash::undo::Undo;
use crate::hash::{Pair, Record};
use crate::options::Rules;
use crate::saving::{Epoch, Mark, Saver, Unsaved};
use crate::time::{NOW_OF_VALUES, Now};

/// What a record may ask of the call that works on it.
pub(crate) trait Port {
    /// Begins a command on records that take this many bytes.
    fn begin(&self, footprint: usize);
    /// Reserves this many more bytes of the store's room for the command.
    ///
    /// # Errors
    /// `Full` if there is no room for them.
    fn reserve(&self, bytes: usize) -> Result<()>;
    /// The records of the command take this many bytes by now. Counts them if that is more than what is reserved.
    fn raise(&self, footprint: usize);
    /// The records of the command take this many bytes. Counts them in place of what was reserved.
    fn measure(&self, footprint: usize);
    /// The call has changed a shard's memory from one number of bytes to another. Counts the difference in place of
    /// everything that the call's commands have reserved and measured.
    fn settle(&self, before: usize, after: usize);
    /// Keeps bytes reserved that become free from now on to the end of the call. So the call can put back what they
    /// held.
    fn hold_freed(&self);
    /// Whether little room is left.
    fn is_short_of_room(&self) -> bool;
    /// Writes something to the running snapshot before it is changed.
    fn save_ahead(&self, mark: Mark, write: &mut dyn FnMut(&mut Saver<'_>));
    /// Leaves something that was removed to the running save, which has not written it yet. Returns it if no save needs
    /// it.
    fn leave(&self, removed: Box<dyn Unsaved>) -> Option<Box<dyn Unsaved>>;
    /// Tells the running save the new key of a table that it has not written completely.
    fn table_moved(&self, key: &[u8]);
    /// Tells the listener what has expired under a key.
    fn tell_expired(&self, rules: &Rules, key: &[u8], expired: ExpiredPart<'_>);
    /// Takes something of this many bytes, to drop it when no lock is held any more.
    fn retire(&self, old: Box<dyn Send>, bytes: usize);
    /// Records an effect on the record of a key.
    #[cfg(feature = "recorder")]
    fn record(&self, key: &[u8], effect: &Effect<'_>);
    /// The number of effects that are recorded.
    #[cfg(feature = "recorder")]
    fn recorded(&self) -> usize;
    /// Forgets all recorded effects but the first ones, because they were rolled back.
    #[cfg(feature = "recorder")]
    fn forget_recorded(&self, kept: usize);
}

/// What has expired and was removed.
pub(crate) enum ExpiredPart<'a> {
    Field(Pair<'a>),
    /// The key, with the fields that it still had.
    Key(Record),
}

/// The way from the records that a call changes to its port, with flags that say what nobody needs to ask the port.
pub(crate) struct Link<'a> {
    port: &'a (dyn Port + 'a),
    epoch: Cell<Epoch>,
    /// Whether the store has a limit to its bytes.
    has_limit: bool,
    /// Whether somebody wants to know what has expired.
    has_listener: bool,
    /// Whether somebody records the effects.
    #[cfg(feature = "recorder")]
    has_recorder: bool,
    /// Where the effects on a record are noted, if the call can be rolled back.
    undo: Option<&'a Undo>,
}

impl<'a> Link<'a> {
    #[inline]
    pub(crate) fn new(port: &'a (dyn Port + 'a), has_limit: bool, has_listener: bool) -> Self {
        Self {
            port,
            epoch: Cell::default(),
            has_limit,
            has_listener,
            #[cfg(feature = "recorder")]
            has_recorder: false,
            undo: None,
        }
    }

    /// The same link for a call whose effects are recorded.
    #[cfg(feature = "recorder")]
    pub(crate) fn recording(self, has_recorder: bool) -> Self {
        Self { has_recorder, ..self }
    }
}

impl Link<'_> {
    #[cfg(feature = "recorder")]
    #[inline]
    fn has_recorder(&self) -> bool {
        self.has_recorder
    }

    /// Nobody records effects yet.
    #[cfg(not(feature = "recorder"))]
    #[inline]
    fn has_recorder(&self) -> bool {
        false
    }

    #[cold]
    #[inline(never)]
    fn note<'e>(&self, effect: impl FnOnce() -> Option<(&'e [u8], Effect<'e>)>) {
        if let Some((key, effect)) = effect() {
            if let Some(undo) = self.undo {
                undo.note(&effect);
            }
            self.pass_on(key, &effect);
        }
    }

    #[cold]
    #[inline(never)]
    fn record<'e>(&self, effect: impl FnOnce() -> Option<(&'e [u8], Effect<'e>)>) {
        if let Some((key, effect)) = effect() {
            self.pass_on(key, &effect);
        }
    }

    #[cfg(feature = "recorder")]
    fn pass_on(&self, key: &[u8], effect: &Effect<'_>) {
        if self.has_recorder {
            self.port.record(key, effect);
        }
    }

    #[cfg(not(feature = "recorder"))]
    fn pass_on(&self, _: &[u8], _: &Effect<'_>) {}
}

/// See the module's documentation. It takes only three words, because one function hands it to the next.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) now: &'a Now<'a>,
    link: Option<&'a Link<'a>>,
}

impl<'a> Context<'a> {
    /// The context of records that a call on a store changes in this epoch.
    #[inline]
    pub(crate) fn of_change(rules: &'a Rules, now: &'a Now<'a>, link: &'a Link<'a>, epoch: Epoch) -> Self {
        link.epoch.set(epoch);
        Self { rules, now, link: Some(link) }
    }

    /// The context of a record of a store that is only read.
    #[inline]
    pub(crate) fn of_look(rules: &'a Rules, now: &'a Now<'a>) -> Self {
        Self { rules, now, link: None }
    }

    /// The context of a stand-alone value.
    #[inline]
    pub(crate) fn of_value(rules: &'a Rules) -> Self {
        Self::of_look(rules, &NOW_OF_VALUES)
    }

    /// The same context at another instant.
    pub(crate) fn at<'b>(&self, now: &'b Now<'b>) -> Context<'b>
    where
        'a: 'b,
    {
        Context { now, ..*self }
    }

    /// A link to the same port through which no effects are noted.
    pub(super) fn link_noting_nothing(&self) -> Option<Link<'a>> {
        self.link.map(|link| Link {
            epoch: link.epoch.clone(),
            undo: None,
            #[cfg(feature = "recorder")]
            has_recorder: false,
            ..*link
        })
    }

    /// A link to the same port for one record whose effects are noted here.
    pub(crate) fn link_noting<'b>(&self, undo: &'b Undo) -> Option<Link<'b>>
    where
        'a: 'b,
    {
        self.link.map(|link| Link { epoch: link.epoch.clone(), undo: Some(undo), ..*link })
    }

    /// The same context with another link.
    pub(crate) fn over<'b>(&self, link: Option<&'b Link<'b>>) -> Context<'b>
    where
        'a: 'b,
    {
        Context { rules: self.rules, now: self.now, link }
    }

    /// Where the effects on the record are noted, or `None` if the call cannot be rolled back.
    #[inline]
    pub(crate) fn undo(&self) -> Option<&'a Undo> {
        self.link.and_then(|link| link.undo)
    }

    /// Notes an effect that the call is about to have on the record of a key, for whoever can roll it back and for
    /// whoever records it. Asks for key and effect only if somebody wants them.
    #[inline]
    pub(super) fn note<'e>(&self, effect: impl FnOnce() -> Option<(&'e [u8], Effect<'e>)>) {
        if let Some(link) = self.link
            && (link.undo.is_some() || link.has_recorder())
        {
            link.note(effect);
        }
    }

    /// [`note`](Self::note) for a packed record. A call that can be rolled back needs no effects of it, because it
    /// keeps a copy of the block.
    #[inline]
    pub(super) fn record<'e>(&self, effect: impl FnOnce() -> Option<(&'e [u8], Effect<'e>)>) {
        if let Some(link) = self.link
            && link.has_recorder()
        {
            link.record(effect);
        }
    }

    /// The number of effects that this call has recorded so far.
    #[cfg(feature = "recorder")]
    pub(crate) fn recorded(&self) -> usize {
        self.link.filter(|link| link.has_recorder).map_or(0, |link| link.port.recorded())
    }

    /// Forgets all recorded effects but the first ones.
    #[cfg(feature = "recorder")]
    pub(crate) fn forget_recorded(&self, kept: usize) {
        if let Some(link) = self.link.filter(|link| link.has_recorder) {
            link.port.forget_recorded(kept);
        }
    }

    /// The port, if the store has a limit to its bytes.
    #[inline]
    pub(crate) fn room(&self) -> Option<&'a (dyn Port + 'a)> {
        self.link.filter(|link| link.has_limit).map(|link| link.port)
    }

    /// Whether the store has a limit and little room left. Tables then keep little unused memory.
    #[inline]
    pub(crate) fn is_short_of_room(&self) -> bool {
        self.room().is_some_and(|port| port.is_short_of_room())
    }

    /// Whether the store has a listener for what has expired.
    #[inline]
    pub(crate) fn has_listener(&self) -> bool {
        self.link.is_some_and(|link| link.has_listener)
    }

    /// Tells the listener, if there is one, what has expired under a key.
    pub(crate) fn tell_expired(&self, key: &[u8], expired: ExpiredPart<'_>) {
        if let Some(link) = self.link
            && link.has_listener
        {
            link.port.tell_expired(self.rules, key, expired);
        }
    }

    /// The mark for what this call changes.
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        self.link.map_or_else(Mark::default, |link| link.epoch.get().mark())
    }

    /// Whether a save is running to which the changes of this call do not belong.
    #[inline]
    pub(crate) fn is_saving(&self) -> bool {
        self.link.is_some_and(|link| link.epoch.get().is_saving())
    }

    /// Writes something to the running snapshot before this call changes it.
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

    /// Disposes of something that was removed and may take long to drop. The running save gets it if it has not written
    /// it completely. Otherwise it is dropped when no lock is held any more.
    pub(crate) fn part_with(&self, removed: Box<dyn Unsaved>, is_saved: bool) {
        let Some(link) = self.link else { return };
        let left = if !is_saved && self.is_saving() { link.port.leave(removed) } else { Some(removed) };
        if let Some(removed) = left {
            let bytes = removed.heap_bytes();
            link.port.retire(Box::new(removed), bytes);
        }
    }

    /// Tells the saver the new key of a table that it has not written completely.
    pub(crate) fn table_moved(&self, key: &[u8]) {
        if let Some(link) = self.link
            && self.is_saving()
        {
            link.port.table_moved(key);
        }
    }

    /// Takes something of this many bytes that may take long to drop. Drops it when no lock is held any more.
    pub(crate) fn retire(&self, old: impl Send + 'static, bytes: usize) {
        if let Some(link) = self.link {
            link.port.retire(Box::new(old), bytes);
        }
    }
}

/// A port for tests of records alone. It refuses nothing and keeps nothing.
#[cfg(test)]
pub(crate) struct Nobody;

#[cfg(test)]
impl Port for Nobody {
    fn begin(&self, _: usize) {}

    fn reserve(&self, _: usize) -> Result<()> {
        Ok(())
    }

    fn raise(&self, _: usize) {}

    fn measure(&self, _: usize) {}

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

    #[cfg(feature = "recorder")]
    fn record(&self, _: &[u8], _: &Effect<'_>) {}

    #[cfg(feature = "recorder")]
    fn recorded(&self) -> usize {
        0
    }

    #[cfg(feature = "recorder")]
    fn forget_recorded(&self, _: usize) {}
}
