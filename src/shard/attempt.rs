//! Attempts: work on records that is rolled back unless it ends well.

use std::marker::PhantomData;

use crate::hash::{Context, Record, Recorded, Undo};
use crate::shard::{Count, Fixed, Visit};

/// The holder of the records of a call, which settles them when it is dropped.
pub(crate) trait Attempted<'a> {
    /// How many records there are.
    type Count: Count;

    /// The context of all records.
    fn context(&self) -> Context<'a>;
    fn records(&mut self) -> <Self::Count as Count>::List<&mut Record>;
    /// Makes the settling of the records count as no change.
    fn uncount(&mut self);
}

impl<'a> Attempted<'a> for Visit<'a> {
    type Count = Fixed<1>;

    #[inline]
    fn context(&self) -> Context<'a> {
        self.cx
    }

    #[inline]
    fn records(&mut self) -> [&mut Record; 1] {
        [self.lend().0]
    }

    fn uncount(&mut self) {
        self.shard.uncount_visit();
    }
}

/// Runs a closure on records, of which there are so many, each with a context of its own. After an error or a panic, the
/// records are as they were before.
#[inline(always)] // It has few callers, each with records of its own kind.
pub(crate) fn attempt<'a, H: Attempted<'a>, R, E>(
    held: &mut H,
    len: usize,
    work: impl FnOnce(<H::Count as Count>::List<(&mut Record, Context<'_>)>) -> Result<R, E>,
) -> Result<R, E> {
    let cx = held.context();
    if let Some(room) = cx.room() {
        room.hold_freed();
    }
    let mut guard = Attempt {
        held,
        undo: H::Count::list(len, |_| Undo::default()),
        recorded: cx.recorded(),
        ends_well: false,
        lifetime: PhantomData,
    };
    let undo = guard.undo.as_ref();
    let terms = H::Count::list(len, |at| cx.terms_noting(&undo[at]));
    let mut next = terms.as_ref().iter();
    let with_context = |record| (record, next.next().map_or(cx, |terms| cx.on(terms)));
    let result = work(H::Count::map(guard.held.records(), with_context));
    guard.ends_well = result.is_ok();
    result
}

/// Rolls back when it is dropped, unless the work ended well.
struct Attempt<'h, 'a, H: Attempted<'a>> {
    held: &'h mut H,
    /// One for each record.
    undo: <H::Count as Count>::List<Undo>,
    /// How much the call had recorded before.
    recorded: Recorded,
    ends_well: bool,
    lifetime: PhantomData<Context<'a>>,
}

impl<'a, H: Attempted<'a>> Drop for Attempt<'_, 'a, H> {
    #[inline]
    fn drop(&mut self) {
        if self.ends_well {
            self.undo.as_mut().iter_mut().for_each(|undo| undo.commit(|| self.held.context()));
        } else {
            let cx = self.held.context();
            for (record, undo) in self.held.records().as_mut().iter_mut().zip(self.undo.as_mut()) {
                record.command(cx, |record| undo.roll_back(record, cx));
            }
            cx.forget_recorded(self.recorded);
            self.held.uncount();
        }
    }
}
