//! What tasks do that wait for a sync.

use std::task::{Poll, Waker};

use super::{Position, Tail, Unlogged};
use crate::sync::atomic::Ordering::Relaxed;

impl Tail {
    /// Whether everything up to a position is synced. If not, the waker is woken when it is, or when the journal has
    /// failed. `number` is that of the waker, which is kept until then.
    pub(crate) fn poll_synced(
        &self,
        position: Position,
        number: &mut Option<u64>,
        waker: &Waker,
    ) -> Poll<Result<(), Unlogged>> {
        if !self.process.is_current() {
            return Poll::Ready(Err(Unlogged));
        }
        let waker = waker.clone(); // foreign code, as is the drop of another one, so neither runs under the lock
        let mut state = self.state.lock();
        let answer = if state.synced >= position {
            Ok(())
        } else if !state.works() {
            Err(Unlogged)
        } else {
            let next = state.next_waker;
            let number = *number.get_or_insert(next);
            state.next_waker += u64::from(number == next);
            let before = state.wakers.insert(number, (position, waker));
            self.present.fetch_add(before.is_none().into(), Relaxed);
            self.want_worker(&mut state);
            drop(state);
            drop(before);
            return Poll::Pending;
        };
        *number = None;
        Poll::Ready(answer)
    }

    /// Forgets a waker whose task no longer waits.
    pub(crate) fn forget_waker(&self, number: u64) {
        let forgotten = self.lock().and_then(|mut state| state.wakers.remove(&number));
        self.present.fetch_sub(forgotten.is_some().into(), Relaxed);
        drop(forgotten); // after the lock, because it may run foreign code
    }
}
