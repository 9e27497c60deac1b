//! Random keys: all are equally likely, and what has expired is never drawn.

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use crate::support::config::{on_every_configuration, on_every_configuration_with_clock};
use crate::support::even::assert_even;

fn key(number: usize) -> Vec<u8> {
    format!("k{number}").into_bytes()
}

#[test]
fn every_key_is_as_likely_as_any_other() {
    on_every_configuration(|_, store| {
        assert_eq!(store.random_key(), None);
        for (len, step) in [(1, 1), (2, 1), (3, 1), (100, 1), (5_000, 500), (5_000, 1)] {
            store.clear_all();
            (0..len).for_each(|n| _ = store.set(key(n), "f", "v").unwrap());
            // Some are gone, so that segments are filled unevenly.
            (0..len).filter(|n| n % step != 0).for_each(|n| _ = store.clear(key(n)));
            store.reserve(if step > 1 { 20_000 } else { 0 });
            let mut counts: HashMap<Vec<u8>, usize> = (0..len).step_by(step).map(|n| (key(n), 0)).collect();
            let draws = if len > 1_000 && step == 1 { 5 * len } else { 40 * counts.len() };
            for _ in 0..draws {
                let drawn = store.random_key().expect("there are keys");
                *counts.get_mut(&drawn).expect("a key that is there") += 1;
            }
            assert_even(counts.values().copied());
        }
    });
}

#[test]
fn what_has_expired_is_not_drawn() {
    on_every_configuration_with_clock(|_, store, clock| {
        for stay in [0, 1, 3, 500] {
            store.clear_all();
            for n in 0..2_000 {
                store.set(key(n), "f", "v").unwrap();
                if n >= stay {
                    store.expire(key(n), Duration::from_secs(1));
                } else {
                    store.set(key(n), "gone", "v").unwrap();
                    store.expire_field(key(n), "gone", Duration::from_secs(1));
                }
            }
            assert!(store.random_key().is_some());
            clock.advance(Duration::from_secs(1));
            let mut drawn: Vec<Vec<u8>> = (0..20 * stay + 1).filter_map(|_| store.random_key()).collect();
            drawn.sort_unstable();
            drawn.dedup();
            let mut expected: Vec<Vec<u8>> = (0..stay).map(key).collect();
            expected.sort_unstable();
            if stay <= 3 {
                assert_eq!(drawn, expected);
            }
            assert!(drawn.iter().all(|key| expected.contains(key)));
        }
    });
}

#[test]
fn a_key_that_stays_is_found_while_others_come_and_go() {
    on_every_configuration(|_, store| {
        store.set("stays", "f", "v").unwrap();
        thread::scope(|scope| {
            let writers: Vec<_> = (0..2)
                .map(|me| {
                    scope.spawn(move || {
                        for n in 0..2_000 {
                            store.set(format!("{me}:{}", n % 50), "f", "v").unwrap();
                            store.clear(format!("{me}:{}", (n * 7) % 50));
                        }
                    })
                })
                .collect();
            while !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
                assert!(store.random_key().is_some());
            }
        });
    });
}
