//! Attempts: work on records that is rolled back unless it ends well.

use std::array;
use std::marker::PhantomData;

use crate::hash::{Context, Record, Recorded, Undo};
use crate::shard::Visit;

/// The holder of the records of a call, which settles them when it is dropped.
pub(crate) trait Attempted<'a, const N: usize> {
    /// The context of all records.
    fn context(&self) -> Context<'a>;
    fn records(&mut self) -> [&mut Record; N];
    /// Makes the settling of the records count as no change.
    fn uncount(&mut self);
}

impl<'a> Attempted<'a, 1> for Visit<'a> {
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

/// Runs a closure on records, each with a context of its own. After an error or a panic, the records are as they were
/// before.
#[inline(always)] // It has two callers, each with records of its own kind.
pub(crate) fn attempt<'a, const N: usize, R, E>(
    held: &mut impl Attempted<'a, N>,
    work: impl FnOnce([(&mut Record, Context<'_>); N]) -> Result<R, E>,
) -> Result<R, E> {
    let cx = held.context();
    if let Some(room) = cx.room() {
        room.hold_freed();
    }
    let mut guard = Attempt {
        held,
        undo: array::from_fn(|_| Undo::default()),
        recorded: cx.recorded(),
        ends_well: false,
        lifetime: PhantomData,
    };
    let terms = guard.undo.each_ref().map(|undo| cx.terms_noting(undo));
    let mut next = terms.iter();
    let result = work(guard.held.records().map(|record| (record, next.next().map_or(cx, |terms| cx.on(terms)))));
    guard.ends_well = result.is_ok();
    result
}

/// Rolls back when it is dropped, unless the work ended well.
struct Attempt<'h, 'a, const N: usize, H: Attempted<'a, N>> {
    held: &'h mut H,
    undo: [Undo; N],
    /// How much the call had recorded before.
    recorded: Recorded,
    ends_well: bool,
    lifetime: PhantomData<Context<'a>>,
}

impl<'a, const N: usize, H: Attempted<'a, N>> Drop for Attempt<'_, 'a, N, H> {
    #[inline]
    fn drop(&mut self) {
        if self.ends_well {
            self.undo.iter_mut().for_each(|undo| undo.commit(|| self.held.context()));
        } else {
            let cx = self.held.context();
            for (record, undo) in self.held.records().into_iter().zip(&mut self.undo) {
                record.command(cx, |record| undo.roll_back(record, cx));
            }
            cx.forget_recorded(self.recorded);
            self.held.uncount();
        }
    }
}
