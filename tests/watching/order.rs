//! The order of changes, with several threads that write.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::sync::mpsc::sync_channel;
use std::thread;

use hashlet::{Change, ChangeKind, Overwrite, Store, Watch, WhenFull};

use crate::support::check;
use crate::support::config;
use crate::support::follower::Follower;
use crate::support::source::Source;

const THREADS: usize = 4;
const CALLS: usize = 400;

/// Makes random calls on a few keys from all threads at once.
fn write_together(store: &Store) {
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let start = &start;
            scope.spawn(move || {
                let mut source = Source::Seed(number as u64);
                start.wait();
                for n in 0..CALLS {
                    let key = |source: &mut Source<'_>| format!("k{}", source.below(4));
                    let field = format!("f{}", source.below(3));
                    let value = format!("{number}:{n}");
                    let (one, other) = (key(&mut source), key(&mut source));
                    match source.below(12) {
                        0 => _ = store.remove(&one, &field),
                        1 => _ = store.clear(&one),
                        2 => _ = store.rename(&one, &other, Overwrite::Yes).unwrap(),
                        3 => _ = store.copy(&one, &other, Overwrite::Yes).unwrap(),
                        4 => _ = store.update(&one, |hash| hash.set(&field, &value)).unwrap(),
                        5 if one != other => store
                            .update_many([&one, &other], |[one, other]| {
                                other.set(&field, &value).unwrap();
                                one.remove(&field);
                            })
                            .unwrap(),
                        6 => _ = store.set_many(&one, [("f0", &value), ("f1", &value)]).unwrap(),
                        7 if n % 50 == 0 => store.clear_all(),
                        _ => _ = store.set(&one, &field, &value).unwrap(),
                    }
                }
            });
        }
    });
}

#[test]
fn the_changes_of_four_threads_make_a_second_store_equal() {
    for config in config::all() {
        let _told = config::Told(config.name);
        let (mut follower, builder) = Follower::of(config.builder(), config.builder(), "");
        let store = builder.build();
        write_together(&store);
        // Each change holds what was there before, and the follower compares that too.
        assert!(follower.follow().len() > CALLS);
        follower.compare(&store);
        check::store(&store);
    }
}

#[test]
fn the_numbers_of_a_key_rise_and_its_last_value_is_that_of_the_store() {
    for config in config::all() {
        let _told = config::Told(config.name);
        let (sender, changes) = sync_channel(2 * THREADS * CALLS);
        let store = config.builder().watch(Watch::all().values(true), sender, WhenFull::Lose).build();
        let start = Barrier::new(THREADS);
        thread::scope(|scope| {
            for number in 0..THREADS {
                let (store, start) = (&store, &start);
                scope.spawn(move || {
                    start.wait();
                    for n in 0..CALLS {
                        store.set(format!("k{}", n % 3), "f", format!("{number}:{n}")).unwrap();
                    }
                });
            }
        });
        let mut last: BTreeMap<Vec<u8>, (u64, Vec<u8>)> = BTreeMap::new();
        let mut count = 0;
        for Change { sequence, key, kind, .. } in changes.try_iter() {
            count += 1;
            assert_eq!(sequence, count, "in the order of the numbers");
            let ChangeKind::FieldSet { value: Some(value), .. } = kind else { panic!("{kind:?}") };
            last.insert(key, (sequence, value));
        }
        assert_eq!(count as usize, THREADS * CALLS);
        for (key, (_, value)) in last {
            assert_eq!(store.get(&key, "f"), Some(value));
        }
    }
}
