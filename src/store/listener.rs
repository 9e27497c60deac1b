//! The listener, which is told of keys and fields that the store has removed by itself: expired and evicted ones.

use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::SystemTime;

use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use crate::value::HashValue;

/// A key or field that a store has removed by itself; see [`StoreBuilder::listener`](crate::StoreBuilder::listener).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gone {
    /// A key that has expired by its own deadline.
    KeyExpired {
        /// The key.
        key: Vec<u8>,
        /// The hash that it held, without the fields that had expired before it by their own deadlines.
        hash: HashValue,
    },
    /// A field that has expired by its own deadline.
    FieldExpired {
        /// The key of its hash.
        key: Vec<u8>,
        /// The field.
        field: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
    },
    /// A key that was [evicted](crate::StoreBuilder::eviction), because the store was full.
    KeyEvicted {
        /// The key.
        key: Vec<u8>,
        /// The hash that it held. The deadlines of its fields are not told.
        hash: HashValue,
        /// The deadline of the key, which had not come.
        deadline: Option<SystemTime>,
    },
}

/// What a store does when the channel of its [`listener`](crate::StoreBuilder::listener) or of its
/// [watcher](crate::StoreBuilder::watch) is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhenFull {
    /// Messages without room are lost, and counted in [`Stats::lost`](crate::Stats::lost) or
    /// [`Stats::lost_changes`](crate::Stats::lost_changes).
    Lose,
    /// The call that has something to tell waits for room, with no lock of the store held. Any call can be one that
    /// removes something expired, a save too, and any write can be one that evicts. So the receiving thread must not do
    /// what could wait for such a call, because it could wait for itself:
    ///
    /// - It must not call the store.
    /// - It must not save with an [`Autosave`](crate::Autosave) of the store, nor close or drop one.
    /// - It must not drop a [`Janitor`](crate::Janitor) of the store.
    /// - It must not write a checkpoint of a journal of the store, nor close or drop the [`Durable`](crate::Durable).
    /// - It must not receive from a second channel with this choice, such as the listener's beside the watcher's. While
    ///   it waits at the empty one, a call can wait for room in the full one. Give each channel a thread of its own.
    Wait,
}

/// The store's end of the channel.
#[derive(Debug)]
pub(crate) struct Listener {
    sender: SyncSender<Gone>,
    when_full: WhenFull,
    lost: AtomicUsize,
}

impl Listener {
    pub(crate) fn new(sender: SyncSender<Gone>, when_full: WhenFull) -> Self {
        Self { sender, when_full, lost: AtomicUsize::new(0) }
    }

    /// The number of messages that were lost because the channel was full.
    pub(crate) fn lost(&self) -> usize {
        self.lost.load(Relaxed)
    }

    pub(super) fn tell(&self, gone: Gone) {
        // If the other end is gone, nobody listens any more, so a failed send is no error.
        match self.when_full {
            WhenFull::Wait => drop(self.sender.send(gone)),
            WhenFull::Lose => {
                if let Err(TrySendError::Full(_)) = self.sender.try_send(gone) {
                    self.lost.fetch_add(1, Relaxed);
                }
            }
        }
    }
}
