//! The effort of calls, counted in comparisons of two strings and in hashes of one. An attacker can choose names and
//! their order. On any machine, these counts show whether that can make a lookup or an insertion expensive.

mod hostile;
mod order;

use std::cell::Cell;

#[derive(Clone, Copy, Debug, Default)]
struct Effort {
    comparisons: usize,
    hashes: usize,
}

thread_local! {
    static SPENT: Cell<Effort> = const { Cell::new(Effort { comparisons: 0, hashes: 0 }) };
}

/// Counts a comparison of two strings of equal length, or of two keys.
pub(crate) fn compared() {
    SPENT.with(|spent| spent.set(Effort { comparisons: spent.get().comparisons + 1, ..spent.get() }));
}

/// Counts a hash of a string. Hashes for the tags of packed hashes are not counted.
pub(crate) fn hashed() {
    SPENT.with(|spent| spent.set(Effort { hashes: spent.get().hashes + 1, ..spent.get() }));
}

/// The effort of some work on this thread.
fn of(work: impl FnOnce()) -> Effort {
    let before = SPENT.get();
    work();
    let after = SPENT.get();
    Effort { comparisons: after.comparisons - before.comparisons, hashes: after.hashes - before.hashes }
}

/// The efforts of many calls.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    calls: usize,
    all: Effort,
    most: Effort,
}

impl Sum {
    fn of<T>(items: impl IntoIterator<Item = T>, mut work: impl FnMut(T)) -> Self {
        items.into_iter().fold(Self::default(), |sum, item| {
            let one = of(|| work(item));
            Self { calls: sum.calls + 1, all: sum.all.join(one, |a, b| a + b), most: sum.most.join(one, usize::max) }
        })
    }
}

impl Effort {
    fn join(self, other: Self, join: impl Fn(usize, usize) -> usize) -> Self {
        Self { comparisons: join(self.comparisons, other.comparisons), hashes: join(self.hashes, other.hashes) }
    }
}
