//! The recipes of `examples/` keep their promises on a store: those that they keep on any hashes, and those of expiry and
//! limits.

pub(crate) mod promises;

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use hashlet::{CodecError, Eviction, Json, Limits, ManualClock, Store, TypedHashes};
use promises::THREADS;
use promises::cache::Cache;
use promises::configuration::Configuration;
use promises::loading::{self, ASKERS, all_ask, ask};
use promises::versioned::Documents;
use serde_json::json;

use crate::support::config::{self, on_every_configuration, on_every_configuration_with_clock};

/// The number of steps of each thread: 10,000 at full scale.
fn steps() -> usize {
    (10_000.0 * crate::support::scale()) as usize
}

#[test]
fn recipes_keep_their_promises_on_four_threads() {
    promises::keep_all(&Store::new(), steps());
}

#[test]
fn a_version_that_does_not_fit_takes_no_number() {
    let store = Store::builder().limits(Limits::default().max_string(100)).build();
    let documents = Documents { hashes: &store };
    assert_eq!(documents.save("document", "short").unwrap(), 1);
    documents.save("document", "long".repeat(100)).unwrap_err();
    assert_eq!(documents.save("document", "short").unwrap(), 2);
}

#[test]
fn what_is_cached_is_gone_on_the_tick() {
    const ROUNDS: usize = 20;
    let clock = ManualClock::new();
    let store = Store::builder().clock(&clock).build();
    let tick = Duration::from_millis(1);
    let time_to_live = Duration::from_secs(60);
    let cache = Cache::new(&store, time_to_live);
    for round in 0..ROUNDS {
        thread::scope(|scope| {
            for number in 0..THREADS {
                let cache = &cache;
                scope.spawn(move || {
                    for at in 0..steps() / ROUNDS {
                        let (topic, name) = (format!("topic {}", at % 7), (at % 31).to_string());
                        let value: [usize; 3] = ask(cache, (&topic, &name), || Ok([round, number, at])).unwrap();
                        assert_eq!(value[0], round, "of an earlier round");
                        assert_eq!((value[2] % 7, value[2] % 31), (at % 7, at % 31));
                    }
                });
            }
        });
        clock.advance(time_to_live - tick);
        let kept: usize = store.keys().iter().map(|topic| store.size(topic)).sum();
        assert_eq!(kept, (7 * 31).min(steps() / ROUNDS), "each is there until its time");
        clock.advance(tick);
        thread::scope(|scope| {
            for number in 0..THREADS {
                let cache = &cache;
                scope.spawn(move || assert_eq!(cache.get::<[usize; 3]>("topic 0", &number.to_string()).unwrap(), None));
            }
        });
        assert!(store.is_empty(), "all are gone on the tick");
    }
}

#[test]
fn a_missing_value_is_loaded_once_on_every_configuration() {
    on_every_configuration(|_, store| loading::keep_all(store, steps() / 100));
}

#[test]
fn what_has_expired_is_loaded_again_once() {
    on_every_configuration_with_clock(|_, store, clock| {
        let (time_to_live, tick) = (Duration::from_secs(60), Duration::from_millis(1));
        let cache = Cache::new(store, time_to_live);
        let at = ("topic", "name");
        for round in 0..3 {
            assert_eq!(all_ask(&cache, at, |_| Ok(round)), (vec![Some(Ok(round)); ASKERS], 1));
            clock.advance(time_to_live - tick);
            assert_eq!(ask(&cache, at, || Err(0)), Ok(round));
            clock.advance(tick);
        }
        let cache = Cache::new(store, Duration::ZERO);
        assert_eq!(all_ask(&cache, at, |_| Ok(9)), (vec![Some(Ok(9)); ASKERS], 1), "what has expired at once, too");
        assert!(store.is_empty());
    });
}

/// No value is kept. So a call gets what it has loaded itself, or what was being loaded when it began.
#[test]
fn nothing_from_before_the_call_is_returned_if_nothing_is_kept() {
    let store = Store::new();
    let cache = Cache::new(&store, Duration::ZERO);
    let (loads, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    promises::on_four_threads(steps(), |_, _| {
        let before = ended.load(SeqCst);
        let mut own = 0;
        let load = || {
            own = loads.fetch_add(1, SeqCst) + 1;
            thread::yield_now();
            Ok(own)
        };
        let value = ask(&cache, ("topic", "name"), load).unwrap();
        assert!(value > before, "load {before} had ended before the call, which got load {value}");
        ended.fetch_max(own, SeqCst);
    });
}

#[test]
fn no_flight_is_left_behind() {
    let store = Store::new();
    let cache = Cache::new(&store, Duration::from_secs(60));
    let third = |number| match number {
        0 => Err(0),
        1 => resume_unwind(Box::new("a loader panics")),
        _ => Ok(number),
    };
    assert_eq!(all_ask(&cache, ("topic", "name"), third).1, 3);
    assert_eq!(all_ask(&cache, ("topic", "other"), Err::<usize, _>).1, ASKERS);
    let shown = format!("{cache:?}");
    assert!(shown.contains("flights: Mutex { data: {}"), "{shown}");
}

/// Runs `test` on caches of 100,000 bytes, of each policy and configuration.
fn on_every_small_cache(test: impl Fn(Eviction, &Store, &Cache<'_, Store>)) {
    use Eviction::{LeastFrequent, LeastRecent, Random, Refuse, SoonestDeadline};
    for policy in [LeastFrequent, LeastRecent, Random, Refuse, SoonestDeadline] {
        for config in &config::all() {
            let _told = config::Told(config.name);
            let limits = Limits::default().max_bytes(100_000);
            let store = config.builder().limits(limits).eviction(policy).build();
            test(policy, &store, &Cache::new(&store, Duration::from_secs(60)));
            crate::support::check::store(&store);
        }
    }
}

#[test]
fn what_was_evicted_is_loaded_again_once() {
    on_every_small_cache(|policy, store, cache| {
        if policy == Eviction::Refuse {
            return;
        }
        for round in 0..2 {
            assert_eq!(all_ask(cache, ("topic", "name"), |_| Ok(round)), (vec![Some(Ok(round)); ASKERS], 1));
            let fill = |n: usize| {
                let at = format!("{round}:{n}");
                assert_eq!(ask(cache, (&at, "name"), || Ok("x".repeat(500))).map(|value| value.len()), Ok(500));
            };
            // To ask for the key would be one more use of it.
            let is_evicted = || !store.keys().contains(&b"topic".to_vec());
            let evicted = (0..100).find(|batch| {
                (0..1_000).for_each(|n| fill(1_000 * batch + n));
                is_evicted()
            });
            assert!(evicted.is_some(), "{policy:?}");
            assert!(store.stats().bytes <= 100_000);
        }
    });
}

#[test]
fn what_is_too_large_for_the_cache_is_given_to_all_who_ask() {
    on_every_small_cache(|policy, store, cache| {
        let at = ("topic", "name");
        assert_eq!(ask(cache, ("topic", "other"), || Ok(1)), Ok(1));
        for round in ["a", "b"] {
            let large = round.repeat(100_000);
            let (answers, loads) = all_ask(cache, at, |_| Ok(large.clone()));
            assert!(answers.iter().all(|answer| answer.as_ref() == Some(&Ok(large.clone()))), "{policy:?}");
            assert_eq!(loads, 1, "{policy:?}");
            assert!(!store.contains("topic", "name") && store.contains("topic", "other"), "{policy:?}");
        }
        assert!(cache.put("topic", "name", &"x".repeat(100_000)).is_err_and(|error| error.is_full()));
    });
}

#[test]
fn a_setting_that_does_not_fit_leaves_all_as_they_were() {
    let store = Store::builder().limits(Limits::default().max_string(100)).build();
    let configuration = Configuration { hashes: &store };
    configuration.set("component", [("a", &1), ("b", &1)]).unwrap();
    let long = json!("long".repeat(100));
    let error = configuration.set("component", [("a", &json!(-1)), ("b", &long)]).unwrap_err();
    assert!(matches!(error, CodecError::Refused(_)), "{error}");
    assert_eq!(TypedHashes::new(&store, Json).get::<i64>("config:component", "a").unwrap(), Some(1));
}
