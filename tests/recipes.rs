//! The recipes of `examples/` keep their promises on a store: those that they keep on any hashes, and those of expiry and
//! limits.

pub(crate) mod promises;

use std::thread;
use std::time::Duration;

use hashlet::{CodecError, Json, Limits, ManualClock, Store, TypedHashes};
use promises::THREADS;
use promises::cache::Cache;
use promises::configuration::Configuration;
use promises::versioned::Documents;
use serde_json::json;

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
    let cache = Cache { hashes: &store, time_to_live: Duration::from_secs(60) };
    for round in 0..ROUNDS {
        thread::scope(|scope| {
            for number in 0..THREADS {
                let cache = &cache;
                scope.spawn(move || {
                    for at in 0..steps() / ROUNDS {
                        let (topic, name) = (format!("topic {}", at % 7), (at % 31).to_string());
                        let value: [usize; 3] = cache.get_or(&topic, &name, || [round, number, at]).unwrap();
                        assert_eq!(value[0], round, "of an earlier round");
                        assert_eq!((value[2] % 7, value[2] % 31), (at % 7, at % 31));
                    }
                });
            }
        });
        clock.advance(cache.time_to_live - tick);
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
fn a_setting_that_does_not_fit_leaves_all_as_they_were() {
    let store = Store::builder().limits(Limits::default().max_string(100)).build();
    let configuration = Configuration { hashes: &store };
    configuration.set("component", [("a", &1), ("b", &1)]).unwrap();
    let long = json!("long".repeat(100));
    let error = configuration.set("component", [("a", &json!(-1)), ("b", &long)]).unwrap_err();
    assert!(matches!(error, CodecError::Refused(_)), "{error}");
    assert_eq!(TypedHashes::new(&store, Json).get::<i64>("config:component", "a").unwrap(), Some(1));
}
