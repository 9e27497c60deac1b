//! A channel that is full, and a receiver that is gone.

use std::sync::mpsc::{TrySendError, sync_channel};
use std::thread;

use hashlet::{Change, Store, Watch, WhenFull};

use crate::support::config;

const THREADS: usize = 4;
const CALLS: usize = 500;

fn write_together(store: &Store) {
    thread::scope(|scope| {
        for number in 0..THREADS {
            scope.spawn(move || {
                for n in 0..CALLS {
                    store.set(format!("k{}", n % 5), format!("f{number}"), n.to_string()).unwrap();
                }
            });
        }
    });
}

#[test]
fn a_full_channel_loses_and_stops_nobody_and_the_numbers_show_it() {
    for config in config::all() {
        let _told = config::Told(config.name);
        let (sender, changes) = sync_channel(10);
        let store = config.builder().watch(Watch::all(), sender, WhenFull::Lose).build();
        write_together(&store); // nobody receives meanwhile
        let told: Vec<u64> = changes.try_iter().map(|change| change.sequence).collect();
        assert_eq!(told, (1..=10).collect::<Vec<_>>());
        let lost = THREADS * CALLS - 10;
        assert_eq!(store.stats().lost_changes, lost);
        store.set("k", "f", "1").unwrap();
        assert_eq!(changes.try_recv().unwrap().sequence, 11 + lost as u64);
        assert_eq!(store.stats().lost_changes, lost);
    }
}

#[test]
fn a_receiver_may_call_the_store_if_changes_may_be_lost() {
    for config in config::all() {
        let (sender, changes) = sync_channel(10);
        let store = config.builder().watch(Watch::prefix("k"), sender, WhenFull::Lose).build();
        thread::scope(|scope| {
            let store = &store;
            let receiver = scope.spawn(move || {
                let mut own = 0..200;
                for Change { key, .. } in changes.iter().take_while(|change| change.key != b"kend") {
                    store.increment("seen", &key, 1).unwrap(); // not watched
                    if let Some(n) = own.next() {
                        store.set("k", "from the receiver", n.to_string()).unwrap(); // watched
                    }
                }
            });
            write_together(store);
            while !receiver.is_finished() {
                store.set("kend", "f", "1").unwrap(); // the one before may be lost
            }
        });
    }
}

#[test]
fn nothing_is_lost_by_who_waits() {
    for config in config::all() {
        let _told = config::Told(config.name);
        let (sender, changes) = sync_channel(1);
        let store = config.builder().watch(Watch::all(), sender, WhenFull::Wait).build();
        thread::scope(|scope| {
            let receiver = scope.spawn(move || {
                let told: Vec<u64> = changes.iter().take(THREADS * CALLS).map(|change| change.sequence).collect();
                assert_eq!(told, (1..=(THREADS * CALLS) as u64).collect::<Vec<_>>());
            });
            write_together(&store);
            receiver.join().unwrap();
        });
        assert_eq!(store.stats().lost_changes, 0);
    }
}

#[test]
fn a_call_does_not_return_before_its_changes_are_in_the_channel() {
    for when_full in [WhenFull::Lose, WhenFull::Wait] {
        let (sender, changes) = sync_channel(1);
        let store = Store::builder().watch(Watch::all(), sender.clone(), when_full).build();
        store.set("k", "f", "1").unwrap();
        let first = changes.try_recv().unwrap();
        store.set("k", "f", "2").unwrap();
        // There is room for one message, and the second change has it.
        let Err(TrySendError::Full(first)) = sender.try_send(first) else { panic!("the second change is not there") };
        assert_eq!((first.sequence, changes.recv().unwrap().sequence), (1, 2));
    }
}

#[test]
fn a_receiver_that_is_gone_stops_nobody() {
    for when_full in [WhenFull::Lose, WhenFull::Wait] {
        for config in config::all() {
            let (sender, changes) = sync_channel(1);
            let store = config.builder().watch(Watch::all(), sender, when_full).build();
            store.set("k", "f", "1").unwrap();
            drop(changes);
            write_together(&store);
            assert_eq!((store.size("k"), store.stats().lost_changes), (1, 0));
        }
    }
}
