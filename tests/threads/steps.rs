//! Calls from many threads. Each is one step, and a reader sees a step completely or not at all. Tests run fixed
//! numbers of calls, never for a fixed time.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

use crate::support::check;
use crate::support::config::on_every_configuration;
use crate::support::source::Source;
use hashlet::Store;

const THREADS: usize = 4;

/// Runs `work` on all threads at once, and returns their results.
fn together<R: Send>(work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let start = Barrier::new(THREADS);
    let run = &|number| {
        start.wait();
        work(number)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || run(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn no_increment_is_lost() {
    on_every_configuration(|_, store| {
        let each = 2_000;
        together(|_| {
            for n in 0..each {
                store.increment("k", "i", 1).unwrap();
                store.increment_float("k", "f", 0.5).unwrap();
                store.update("k", |hash| hash.increment(format!("u{}", n % 8), 1)).unwrap();
            }
        });
        let total = THREADS * each;
        assert_eq!(store.get("k", "i"), Some(total.to_string().into_bytes()));
        assert_eq!(store.get("k", "f"), Some((total / 2).to_string().into_bytes()));
        for n in 0..8 {
            assert_eq!(store.get("k", format!("u{n}")), Some((total / 8).to_string().into_bytes()));
        }
    });
}

#[test]
fn set_if_absent_has_one_winner() {
    on_every_configuration(|_, store| {
        let rounds = 300;
        let won = together(|me| {
            (0..rounds)
                .filter(|round| store.set_if_absent(format!("k{round}"), "owner", me.to_string()).unwrap())
                .collect::<Vec<_>>()
        });
        assert_eq!(won.iter().map(Vec::len).sum::<usize>(), rounds);
        for (me, rounds) in won.iter().enumerate() {
            assert!(
                rounds.iter().all(|round| store.get(format!("k{round}"), "owner") == Some(me.to_string().into_bytes()))
            );
        }
    });
}

#[test]
fn compare_and_set_has_one_winner_a_round() {
    on_every_configuration(|_, store| {
        let rounds: usize = 500;
        store.set("k", "round", "0").unwrap();
        let won = together(|_| {
            let take = |round: usize| {
                let (now, next) = (round.to_string(), (round + 1).to_string());
                store.compare_and_set("k", "round", Some(now.as_bytes()), Some(next.as_bytes())).unwrap()
            };
            // The current round is tried until one of the threads has won it.
            let current = || -> usize { String::from_utf8(store.get("k", "round").unwrap()).unwrap().parse().unwrap() };
            let mut won = 0;
            while current() < rounds {
                won += usize::from(take(current().min(rounds - 1)));
            }
            won
        });
        assert_eq!(won.iter().sum::<usize>(), rounds);
    });
}

#[test]
fn every_taken_value_goes_to_one_thread() {
    on_every_configuration(|_, store| {
        let all = 2_000;
        store.set_many("k", (0..all).map(|n| (n.to_string(), n.to_string()))).unwrap();
        let mut taken: Vec<Vec<u8>> =
            together(|_| (0..all).filter_map(|n| store.take("k", n.to_string())).collect::<Vec<_>>()).concat();
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), all);
        assert!(store.is_empty());
    });
}

/// The fields that a writer always sets together.
const TOGETHER: [&str; 5] = ["a", "b", "c", "d", "e"];

#[test]
fn no_reader_sees_half_a_write() {
    on_every_configuration(|_, store| {
        let writing = AtomicUsize::new(2);
        together(|me| {
            if me < 2 {
                for turn in 0..1_500 {
                    // The lengths convert the hash in both directions, and sometimes there is no hash at all.
                    let value = format!("{me}-{turn}").repeat(1 + turn % 7);
                    store.set_many("k", TOGETHER.map(|field| (field, &value))).unwrap();
                    if turn % 50 == 0 {
                        store.clear("k");
                    }
                }
                writing.fetch_sub(1, SeqCst);
            } else {
                while writing.load(SeqCst) > 0 {
                    look(store);
                }
            }
        });
        look(store);
    });
}

/// Checks that every way to read several fields returns all of one write, or nothing.
fn look(store: &Store) {
    let same = |values: Vec<Option<Vec<u8>>>| {
        assert!(values.windows(2).all(|pair| pair[0] == pair[1]), "a torn read: {values:?}");
    };
    same(store.get_many("k", TOGETHER));
    let all = store.get_all("k");
    same(TOGETHER.map(|field| all.get(field).map(<[u8]>::to_vec)).into());
    same(store.read("k", |hash| TOGETHER.map(|field| hash.get(field).map(<[u8]>::to_vec)).into()));
    assert!([0, TOGETHER.len()].contains(&all.len()));
    assert!([0, TOGETHER.len()].contains(&store.fields("k").len()));
    let mut values = store.values("k");
    values.dedup();
    assert!(values.len() <= 1, "a torn read: {values:?}");
}

#[test]
fn money_moved_inside_update_is_conserved() {
    on_every_configuration(|_, store| {
        let accounts = 8;
        store.set_many("bank", (0..accounts).map(|n| (n.to_string(), "100"))).unwrap();
        let done = AtomicBool::new(false);
        together(|me| {
            let sum = || -> i64 {
                let parse = |value: &[u8]| str::from_utf8(value).unwrap().parse::<i64>().unwrap();
                store.read("bank", |bank| bank.iter().map(|(_, value)| parse(value)).sum())
            };
            if me == 0 {
                while !done.load(SeqCst) {
                    assert_eq!(sum(), 100 * accounts as i64);
                }
                return;
            }
            let mut source = Source::Seed(me as u64);
            for _ in 0..2_000 {
                let (from, to, amount) = (source.below(accounts), source.below(accounts), source.below(1_000) as i64);
                store.update("bank", |bank| {
                    bank.increment(from.to_string(), -amount).unwrap();
                    bank.increment(to.to_string(), amount).unwrap();
                });
            }
            if me == THREADS - 1 {
                done.store(true, SeqCst);
            }
        });
    });
}

#[test]
fn counters_and_records_are_sound_after_a_mixed_load() {
    on_every_configuration(|_, store| {
        together(|me| {
            let mut source = Source::Seed(me as u64);
            for _ in 0..10_000 {
                let (key, field, value) = (source.key(50), source.field(12), source.value());
                match source.below(16) {
                    0..=5 => _ = store.set(&key, &field, &value),
                    6 => _ = store.set_many(&key, (0..source.below(40)).map(|n| (n.to_string(), &value))),
                    7 => _ = store.increment(&key, &field, 1),
                    8..=9 => _ = store.take(&key, &field),
                    10 => _ = store.clear(&key),
                    11 => store.update(&key, |hash| {
                        hash.remove(&field);
                        _ = hash.set(&value, &field);
                    }),
                    12 => _ = store.get_all(&key),
                    13 => _ = store.keys(),
                    14 => assert!(store.stats().keys <= 100),
                    _ if source.one_in(200) => store.clear_all(),
                    _ => _ = store.get(&key, &field),
                }
            }
        });
        check::store(store);
        let stats = store.stats();
        assert_eq!(stats.keys, store.keys().len());
        assert_eq!(stats.fields, store.keys().iter().map(|key| store.size(key)).sum::<usize>());
        store.clear_all();
        let stats = store.stats();
        assert_eq!((stats.keys, stats.fields, stats.packed, stats.tables), (0, 0, 0, 0));
    });
}
