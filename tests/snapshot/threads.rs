//! Saves while other threads write: each snapshot is of one instant.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use crate::support::check;
use crate::support::config::on_every_configuration;
use crate::support::scale;
use crate::support::source::{Source, mix};
use hashlet::{Overwrite, Store};

const ACCOUNTS: usize = 200;
const FIELDS: usize = 2_000;

fn account(number: usize) -> String {
    format!("account {number}")
}

fn number(store: &Store, key: &str, field: &str) -> i64 {
    store.get(key, field).map_or(0, |text| String::from_utf8(text).unwrap().parse().unwrap())
}

/// Moves money between two accounts. An account that becomes empty is removed.
fn transfer(store: &Store, source: &mut Source<'_>) {
    let (from, to, amount) = (source.below(ACCOUNTS), source.below(ACCOUNTS), source.below(50) as i64);
    if from == to {
        return;
    }
    store
        .update_many([account(from), account(to)], |[from, to]| {
            if from.increment("balance", -amount).unwrap() == 0 {
                from.clear();
            }
            to.increment("balance", amount).unwrap();
        })
        .unwrap();
}

/// Gives all fields of a hash the next generation, and the hash another name.
fn renew(store: &Store, me: usize, generation: usize) {
    let [old, new] = [generation - 1, generation].map(|generation| format!("hash {me} {}", generation % 7));
    let text = generation.to_string();
    store.update(&old, |hash| {
        hash.set_many((0..FIELDS).map(|field| (format!("f{field}"), &text))).unwrap();
    });
    assert!(store.rename(&old, &new, Overwrite::Yes).unwrap().is_done());
}

#[test]
fn every_snapshot_taken_among_writers_is_of_one_instant() {
    let saves = (50.0 * scale()).max(3.0) as usize;
    on_every_configuration(|_, store| {
        for n in 0..ACCOUNTS {
            store.set(account(n), "balance", "1000").unwrap();
        }
        for me in 0..2 {
            store.set_many(format!("hash {me} 0"), (0..FIELDS).map(|field| (format!("f{field}"), "0"))).unwrap();
        }
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for me in 0..2 {
                let done = &done;
                scope.spawn(move || {
                    let mut source = Source::Seed(mix(me as u64));
                    for generation in 1.. {
                        renew(store, me, generation);
                        store.set("generations", me.to_string(), generation.to_string()).unwrap();
                        (0..100).for_each(|_| transfer(store, &mut source));
                        if done.load(SeqCst) {
                            return;
                        }
                    }
                });
            }
            for _ in 0..saves {
                let told = [number(store, "generations", "0"), number(store, "generations", "1")];
                let mut snapshot = Vec::new();
                store.save_to(&mut snapshot).unwrap();
                check(&Store::load_from(&snapshot[..]).unwrap(), told);
            }
            done.store(true, SeqCst);
        });
    });
}

fn check(snapshot: &Store, told: [i64; 2]) {
    check::store(snapshot);
    let sum: i64 = (0..ACCOUNTS).map(|n| number(snapshot, &account(n), "balance")).sum();
    assert_eq!(sum, 1_000 * ACCOUNTS as i64);
    for (me, told) in told.into_iter().enumerate() {
        let keys: Vec<_> =
            snapshot.keys().into_iter().filter(|key| key.starts_with(format!("hash {me}").as_bytes())).collect();
        let [key] = &keys[..] else { panic!("{} names of one hash", keys.len()) };
        let hash = snapshot.get_all(key);
        assert_eq!(hash.len(), FIELDS);
        let mut values: Vec<&[u8]> = hash.iter().map(|(_, value)| value).collect();
        values.dedup();
        assert_eq!(values.len(), 1, "generations of one hash");
        let generation: i64 = str::from_utf8(values[0]).unwrap().parse().unwrap();
        // The snapshot holds every call that had returned when the save began. The hash may be one generation ahead of
        // the number that is written after it.
        assert!(generation >= told, "generation {generation} after {told}");
        assert!((0..=1).contains(&(generation - number(snapshot, "generations", &me.to_string()))));
    }
}
