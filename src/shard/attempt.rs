//! Attempts: work on records that is rolled back unless it ends well.

use std::array;
use std::iter::once;
use std::marker::PhantomData;

use crate::hash::{Context, Record, Recorded, Undo};
use crate::shard::Visit;

/// The holder of the records of a call, which settles them when it is dropped.
pub(crate) trait Attempted<'a> {
    /// The context of all records.
    fn context(&self) -> Context<'a>;
    fn records(&mut self) -> impl Iterator<Item = &mut Record>;
    /// Makes the settling of the records count as no change.
    fn uncount(&mut self);
}

impl<'a> Attempted<'a> for Visit<'a> {
    #[inline]
    fn context(&self) -> Context<'a> {
        self.cx
    }

    #[inline]
    fn records(&mut self) -> impl Iterator<Item = &mut Record> {
        once(self.lend().0)
    }

    fn uncount(&mut self) {
        self.shard.uncount_visit();
    }
}

/// Runs a closure on the records, of which there are `N`, each with a context of its own. After an error or a panic, the
/// records are as they were before.
#[inline(always)] // It has two callers, each with records of its own kind.
pub(crate) fn attempt<'a, const N: usize, R, E>(
    held: &mut impl Attempted<'a>,
    work: impl FnOnce([(&mut Record, Context<'_>); N]) -> Result<R, E>,
) -> Result<R, E> {
    let cx = held.context();
    let mut attempt = Attempt::begin(held, array::from_fn(|_| Undo::default()));
    let terms: [_; N] = attempt.undo.each_ref().map(|undo| cx.terms_noting(undo));
    let mut records = attempt.held.records();
    let result = work(terms.each_ref().map(|terms| (records.next().expect("a record for each"), cx.on(terms))));
    drop(records);
    attempt.ends_well = result.is_ok();
    result
}

/// [`attempt`] on as many records as there are.
pub(crate) fn attempt_all<'a, R, E>(
    held: &mut impl Attempted<'a>,
    work: impl FnOnce(Vec<(&mut Record, Context<'_>)>) -> Result<R, E>,
) -> Result<R, E> {
    let cx = held.context();
    let undo = held.records().map(|_| Undo::default()).collect::<Vec<_>>();
    let mut attempt = Attempt::begin(held, undo);
    let terms: Vec<_> = attempt.undo.iter().map(|undo| cx.terms_noting(undo)).collect();
    let records = attempt.held.records().zip(&terms).map(|(record, terms)| (record, cx.on(terms)));
    let result = work(records.collect());
    attempt.ends_well = result.is_ok();
    result
}

/// Rolls back when it is dropped, unless the work ended well.
struct Attempt<'h, 'a, U: AsMut<[Undo]>, H: Attempted<'a>> {
    held: &'h mut H,
    /// One for each record.
    undo: U,
    /// How much the call had recorded before.
    recorded: Recorded,
    ends_well: bool,
    lifetime: PhantomData<Context<'a>>,
}

impl<'h, 'a, U: AsMut<[Undo]>, H: Attempted<'a>> Attempt<'h, 'a, U, H> {
    #[inline(always)]
    fn begin(held: &'h mut H, undo: U) -> Self {
        let cx = held.context();
        if let Some(room) = cx.room() {
            room.hold_freed();
        }
        Self { held, undo, recorded: cx.recorded(), ends_well: false, lifetime: PhantomData }
    }
}

impl<'a, U: AsMut<[Undo]>, H: Attempted<'a>> Drop for Attempt<'_, 'a, U, H> {
    #[inline]
    fn drop(&mut self) {
        if self.ends_well {
            self.undo.as_mut().iter_mut().for_each(|undo| undo.commit(|| self.held.context()));
        } else {
            let cx = self.held.context();
            for (record, undo) in self.held.records().zip(self.undo.as_mut()) {
                record.command(cx, |record| undo.roll_back(record, cx));
            }
            cx.forget_recorded(self.recorded);
            self.held.uncount();
        }
    }
}
