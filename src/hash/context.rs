//! What an operation on a record gets besides its arguments.
//!
//! The hash layer knows no layer above it. Whoever works on a record hands it a [`Context`]: the rules, the instant,
//! and what a running save has already written. Inside a store the context also has a [`Port`]. Through it the record
//! reserves room, writes ahead of a save, tells what has expired or was evicted, and notes its [effects](Effect). A
//! stand-alone value has no port, so it asks nobody.
//!
//! The context itself holds what every operation reads. A record calls the port only where a flag says that somebody
//! wants the call. So in a store without limit, listener and save each question costs one comparison.

use crate::error::Result;
use crate::hash::Effect;
use crate::hash::undo::Undo;
use crate::hash::{Pair, Record};
use crate::options::Rules;
use crate::saving::{Epoch, Mark, Saver, Unsaved};
use crate::time::{NOW_OF_VALUES, Now};

/// Whether this build has anybody who could record effects: a journal, a watcher, or a recorder. Otherwise nobody pays
/// for the question.
const MAY_RECORD: bool = cfg!(any(feature = "journal", feature = "watch", feature = "recorder"));

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
    /// Reserves room for the key of a record without fields, which is about to get some.
    ///
    /// # Errors
    /// `TooManyKeys` if there is none.
    fn reserve_key(&self) -> Result<()>;
    /// The call has changed the keys of a shard from one number to another. Counts them in place of those reserved.
    fn settle_keys(&self, before: usize, after: usize);
    /// Keeps bytes reserved that become free from now on to the end of the call. So the call can put back what they
    /// held.
    fn hold_freed(&self);
    /// Counts this many bytes for as long as the store lives. Returns whether there is room for them.
    fn take_for_good(&self, bytes: usize) -> bool;
    /// Whether little room is left.
    fn is_short_of_room(&self) -> bool;
    /// The call uses the key with this hash, and must not evict it. Its record takes this many bytes. Returns the tick
    /// at which the key is used; see `eviction.rs`.
    fn uses(&self, hash: u64, bytes: usize) -> u8;
    /// The same for a key that comes.
    fn arrives(&self, hash: u64) -> u8;
    /// Writes something to the running snapshot before it is changed.
    fn save_ahead(&self, mark: Mark, write: &mut dyn FnMut(&mut Saver<'_>));
    /// Leaves something that was removed to the running save, which has not written it yet. Returns it if no save needs
    /// it.
    fn leave(&self, removed: Box<dyn Unsaved>) -> Option<Box<dyn Unsaved>>;
    /// Tells the running save the new key of a table that it has not written completely.
    fn table_moved(&self, key: &[u8]);
    /// Tells the listener what is gone under a key.
    fn tell_gone(&self, key: &[u8], part: GonePart<'_>);
    /// Counts keys that have expired and were removed, and fields that have expired by their own deadlines.
    fn count_expired(&self, keys: usize, fields: usize);
    /// Takes something of this many bytes, to drop it when no lock is held any more.
    fn retire(&self, old: Box<dyn Send>, bytes: usize);
    /// Records an effect on the record of a key.
    fn record(&self, key: &[u8], effect: &Effect<'_>);
    /// How much is recorded, as a mark for `forget_recorded`.
    fn recorded(&self) -> Recorded;
    /// Forgets what was recorded after a mark, because it was rolled back.
    fn forget_recorded(&self, kept: Recorded);
}

/// How much a call has recorded so far, for each of those that record.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Recorded {
    /// Bytes of the journal's entry, or effects in the recorder.
    #[cfg_attr(not(any(feature = "journal", feature = "recorder")), expect(dead_code, reason = "nobody logs"))]
    pub(crate) logged: usize,
    /// Changes that the watcher will be told of.
    pub(crate) told: usize,
}

/// What a store has removed by itself.
pub(crate) enum GonePart<'a> {
    /// A field that has expired.
    Field(Pair<'a>),
    /// A key that has expired, with the fields that it still had.
    Expired(Record),
    /// A key that was evicted.
    Evicted(Record),
}

/// The terms on which a call works on records: the instant, the epoch of saves, and the port, with flags that say what
/// nobody needs to ask the port.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    now: &'a Now<'a>,
    epoch: Epoch,
    port: Option<&'a (dyn Port + 'a)>,
    /// Whether the store has a limit to its bytes.
    has_limit: bool,
    /// Whether somebody wants to know what the store removes by itself.
    has_listener: bool,
    /// Whether somebody records the effects.
    has_recorder: bool,
    /// Where the effects on a record are noted, if the call can be rolled back.
    undo: Option<&'a Undo>,
}

impl<'a> Terms<'a> {
    const OF_VALUES: Terms<'static> = Terms::of_look(&NOW_OF_VALUES);

    /// The terms of a call that only reads.
    #[inline]
    pub(crate) const fn of_look(now: &'a Now<'a>) -> Self {
        Self {
            now,
            epoch: Epoch::FIRST,
            port: None,
            has_limit: false,
            has_listener: false,
            has_recorder: false,
            undo: None,
        }
    }

    /// The terms of a call that changes what a store holds, in this epoch.
    #[inline]
    pub(crate) fn of_change(
        now: &'a Now<'a>,
        epoch: Epoch,
        port: &'a (dyn Port + 'a),
        has_limit: bool,
        has_listener: bool,
    ) -> Self {
        Self { epoch, port: Some(port), has_limit, has_listener, ..Self::of_look(now) }
    }

    /// The terms of a change that nobody wants to know of, in a record without deadlines that has this mark.
    #[inline]
    pub(crate) fn of_quiet_change(mark: Mark) -> &'static Terms<'static> {
        const MARKED: [Terms<'static>; 2] =
            [Terms::OF_VALUES, Terms { epoch: Epoch::FIRST.marked(), ..Terms::OF_VALUES }];
        if mark == Mark::default() { &MARKED[0] } else { &MARKED[1] }
    }

    /// The same terms for a call whose effects are recorded.
    pub(crate) fn recording(self, has_recorder: bool) -> Self {
        Self { has_recorder, ..self }
    }

    #[inline]
    fn has_recorder(&self) -> bool {
        MAY_RECORD && self.has_recorder
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

    fn pass_on(&self, key: &[u8], effect: &Effect<'_>) {
        if let Some(port) = self.port.filter(|_| self.has_recorder()) {
            port.record(key, effect);
        }
    }
}

/// See the module's documentation. It takes only two words, so that one function hands it to the next in registers.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) rules: &'a Rules,
    terms: &'a Terms<'a>,
}

impl<'a> Context<'a> {
    #[inline]
    pub(crate) fn new(rules: &'a Rules, terms: &'a Terms<'a>) -> Self {
        Self { rules, terms }
    }

    /// The context of a stand-alone value.
    #[inline]
    pub(crate) fn of_value(rules: &'a Rules) -> Self {
        Self { rules, terms: &Terms::OF_VALUES }
    }

    /// The instant of the call.
    #[inline]
    pub(crate) fn now(&self) -> &'a Now<'a> {
        self.terms.now
    }

    /// The same terms at another instant.
    pub(super) fn terms_at<'b>(&self, now: &'b Now<'b>) -> Terms<'b>
    where
        'a: 'b,
    {
        Terms { now, ..*self.terms }
    }

    /// The same terms, but no effects are noted.
    pub(super) fn terms_noting_nothing(&self) -> Terms<'a> {
        Terms { undo: None, has_recorder: false, ..*self.terms }
    }

    /// The same terms for one record, whose effects are noted here.
    pub(crate) fn terms_noting<'b>(&self, undo: &'b Undo) -> Terms<'b>
    where
        'a: 'b,
    {
        Terms { undo: Some(undo), ..*self.terms }
    }

    /// The same rules on other terms.
    pub(crate) fn on<'b>(&self, terms: &'b Terms<'b>) -> Context<'b>
    where
        'a: 'b,
    {
        Context { rules: self.rules, terms }
    }

    /// Where the effects on the record are noted, or `None` if the call cannot be rolled back.
    #[inline]
    pub(crate) fn undo(&self) -> Option<&'a Undo> {
        self.terms.undo
    }

    /// Notes an effect that the call is about to have on the record of a key, for whoever can roll it back and for
    /// whoever records it. Asks for key and effect only if somebody wants them.
    #[inline]
    pub(super) fn note<'e>(&self, effect: impl FnOnce() -> Option<(&'e [u8], Effect<'e>)>) {
        if self.terms.undo.is_some() || self.terms.has_recorder() {
            self.terms.note(effect);
        }
    }

    /// [`note`](Self::note) for a packed record. A call that can be rolled back needs no effects of it, because it
    /// keeps a copy of the block.
    #[inline]
    pub(super) fn record<'e>(&self, effect: impl FnOnce() -> Option<(&'e [u8], Effect<'e>)>) {
        if self.terms.has_recorder() {
            self.terms.record(effect);
        }
    }

    /// How much this call has recorded so far, as a mark for `forget_recorded`.
    #[inline]
    pub(crate) fn recorded(&self) -> Recorded {
        self.terms.port.filter(|_| self.terms.has_recorder()).map_or_else(Recorded::default, |port| port.recorded())
    }

    /// Forgets what this call has recorded after a mark.
    #[inline]
    pub(crate) fn forget_recorded(&self, kept: Recorded) {
        if let Some(port) = self.terms.port.filter(|_| self.terms.has_recorder()) {
            port.forget_recorded(kept);
        }
    }

    /// The port, if the store has a limit to its bytes.
    #[inline]
    pub(crate) fn room(&self) -> Option<&'a (dyn Port + 'a)> {
        if self.terms.has_limit { self.terms.port } else { None }
    }

    /// Whether the store has a limit and little room left. Tables then keep little unused memory.
    #[inline]
    pub(crate) fn is_short_of_room(&self) -> bool {
        self.room().is_some_and(|port| port.is_short_of_room())
    }

    /// Whether the store has a listener for what it removes by itself.
    #[inline]
    pub(crate) fn has_listener(&self) -> bool {
        self.terms.has_listener
    }

    /// Tells the listener, if there is one, what is gone under a key.
    pub(crate) fn tell_gone(&self, key: &[u8], part: GonePart<'_>) {
        if let Some(port) = self.terms.port.filter(|_| self.terms.has_listener) {
            port.tell_gone(key, part);
        }
    }

    /// Counts keys that have expired and were removed, and fields that have expired by their own deadlines.
    pub(crate) fn count_expired(&self, keys: usize, fields: usize) {
        if let Some(port) = self.terms.port {
            port.count_expired(keys, fields);
        }
    }

    /// The mark for what this call changes.
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        self.terms.epoch.mark()
    }

    /// Whether a save is running to which the changes of this call do not belong.
    #[inline]
    pub(crate) fn is_saving(&self) -> bool {
        self.terms.epoch.is_saving()
    }

    /// Writes something to the running snapshot before this call changes it.
    #[cold]
    pub(crate) fn save_ahead(&self, write: impl FnOnce(&mut Saver<'_>)) {
        debug_assert!(self.terms.port.is_some(), "a change that nobody is asked about is not what a save still needs");
        if let Some(port) = self.terms.port {
            let mut write = Some(write);
            port.save_ahead(self.mark(), &mut |saver| {
                if let Some(write) = write.take() {
                    write(saver);
                }
            });
        }
    }

    /// Disposes of something that was removed and may take long to drop. The running save gets it if it has not written
    /// it completely. Otherwise it is dropped when no lock is held any more.
    pub(crate) fn part_with(&self, removed: Box<dyn Unsaved>, is_saved: bool) {
        let Some(port) = self.terms.port else { return };
        let left = if !is_saved && self.is_saving() { port.leave(removed) } else { Some(removed) };
        if let Some(removed) = left {
            let bytes = removed.heap_bytes();
            port.retire(Box::new(removed), bytes);
        }
    }

    /// Tells the saver the new key of a table that it has not written completely.
    pub(crate) fn table_moved(&self, key: &[u8]) {
        if let Some(port) = self.terms.port
            && self.is_saving()
        {
            port.table_moved(key);
        }
    }

    /// Takes something of this many bytes that may take long to drop. Drops it when no lock is held any more.
    pub(crate) fn retire(&self, old: impl Send + 'static, bytes: usize) {
        if let Some(port) = self.terms.port {
            port.retire(Box::new(old), bytes);
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

    fn reserve_key(&self) -> Result<()> {
        Ok(())
    }

    fn settle_keys(&self, _: usize, _: usize) {}

    fn hold_freed(&self) {}

    fn take_for_good(&self, _: usize) -> bool {
        true
    }

    fn is_short_of_room(&self) -> bool {
        false
    }

    fn uses(&self, _: u64, _: usize) -> u8 {
        0
    }

    fn arrives(&self, _: u64) -> u8 {
        0
    }

    fn save_ahead(&self, _: Mark, _: &mut dyn FnMut(&mut Saver<'_>)) {}

    fn leave(&self, removed: Box<dyn Unsaved>) -> Option<Box<dyn Unsaved>> {
        Some(removed)
    }

    fn table_moved(&self, _: &[u8]) {}

    fn tell_gone(&self, _: &[u8], _: GonePart<'_>) {}

    fn count_expired(&self, _: usize, _: usize) {}

    fn retire(&self, _: Box<dyn Send>, _: usize) {}

    fn record(&self, _: &[u8], _: &Effect<'_>) {}

    fn recorded(&self) -> Recorded {
        Recorded::default()
    }

    fn forget_recorded(&self, _: Recorded) {}
}
