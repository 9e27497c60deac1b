//! The recipes of `examples/`, run on four threads. Each keeps its promises. The code is that of the examples.

#[path = "../examples/cache.rs"]
mod cache;
#[path = "../examples/configuration.rs"]
mod configuration;
#[path = "../examples/hierarchical.rs"]
mod hierarchical;
#[path = "../examples/shopping_cart.rs"]
mod shopping_cart;
#[path = "../examples/user_profile.rs"]
mod user_profile;
#[path = "../examples/versioned.rs"]
mod versioned;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use cache::Cache;
use configuration::Configuration;
use hashlet::{CodecError, Limits, ManualClock, Store};
use hierarchical::Trees;
use serde_json::{Value, json};
use shopping_cart::Carts;
use user_profile::{Preferences, Profile, Profiles};
use versioned::{Documents, Version};

const THREADS: usize = 4;

/// The number of steps of each thread: 10,000 at full scale.
fn steps() -> usize {
    (10_000.0 * crate::support::scale()) as usize
}

/// Runs all steps on each of four threads. A step gets the thread's number and its own.
fn on_four_threads(step: impl Fn(usize, usize) + Sync) {
    thread::scope(|scope| {
        for number in 0..THREADS {
            let step = &step;
            scope.spawn(move || (0..steps()).for_each(|at| step(number, at)));
        }
    });
}

#[test]
fn no_item_of_a_cart_is_lost() {
    let store = Store::new();
    let carts = Carts { store: &store };
    let (added, ordered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let check_out = || {
        let order = carts.check_out("cart").unwrap();
        let pieces: u32 = order.values().map(|item| item.quantity).sum();
        ordered.fetch_add(pieces as usize, Ordering::Relaxed);
    };
    on_four_threads(|number, at| {
        let item = ["apples", "pears", "plums"][(number + at) % 3];
        match at % 50 {
            0 => check_out(),
            1 => {
                let taken = carts.remove("cart", item).unwrap().map_or(0, |item| item.quantity);
                ordered.fetch_add(taken as usize, Ordering::Relaxed);
            }
            _ => {
                carts.add("cart", item, 1 + at as u32 % 3).unwrap();
                added.fetch_add(1 + at % 3, Ordering::Relaxed);
            }
        }
    });
    check_out();
    assert_eq!(ordered.into_inner(), added.into_inner());
    assert!(store.is_empty());

    carts.set_quantity("cart", "apples", 2).unwrap();
    let first = carts.items("cart").unwrap()["apples"].clone();
    carts.set_quantity("cart", "apples", 5).unwrap();
    let second = carts.items("cart").unwrap()["apples"].clone();
    assert_eq!((first.added, second.quantity), (second.added, 5));
    carts.set_quantity("cart", "apples", 0).unwrap();
    assert!(store.is_empty());
}

#[test]
fn version_numbers_have_no_gaps() {
    let store = Store::new();
    let documents = Documents { store: &store };
    on_four_threads(|number, at| {
        let saved = documents.save("document", (number, at)).unwrap();
        let version: Version<(usize, usize)> = documents.version("document", saved).unwrap().unwrap();
        assert_eq!(version.value, (number, at), "a number belongs to one version");
        assert!(documents.latest::<(usize, usize)>("document").unwrap().is_some());
    });
    assert_eq!(documents.count("document"), (THREADS * steps()) as u64);
    let mut next = [0; THREADS];
    for number in 1..=documents.count("document") {
        let version: Version<(usize, usize)> = documents.version("document", number).unwrap().unwrap();
        let (writer, at) = version.value;
        assert_eq!(at, next[writer], "the versions of a writer are in its order");
        next[writer] += 1;
    }
}

#[test]
fn a_version_that_does_not_fit_takes_no_number() {
    let store = Store::builder().limits(Limits::default().max_string(100)).build();
    let documents = Documents { store: &store };
    assert_eq!(documents.save("document", "short").unwrap(), 1);
    documents.save("document", "long".repeat(100)).unwrap_err();
    assert_eq!(documents.save("document", "short").unwrap(), 2);
}

#[test]
fn paths_written_by_two_threads_are_both_kept() {
    let store = Store::new();
    let trees = Trees { store: &store };
    let add = |place: &mut Value| *place = json!(place.as_u64().unwrap_or(0) + 1);
    on_four_threads(|number, at| {
        let path = ["shared.left.count", "shared.right.count", "shared.left.deep.er.count", "other"][number];
        assert!(trees.update("key", path, add).unwrap());
        assert!(trees.update("key", "shared.all", add).unwrap());
        assert!(trees.set("key", &format!("shared.last.{number}"), json!(at)).unwrap());
        assert!(!trees.set("key", "shared.all.below", json!(at)).unwrap(), "a number has no parts");
    });
    let (each, last) = (steps(), steps() - 1);
    let shared = json!({
        "left": {"count": each, "deep": {"er": {"count": each}}},
        "right": {"count": each},
        "all": THREADS * each,
        "last": {"0": last, "1": last, "2": last, "3": last},
    });
    assert_eq!(trees.all("key").unwrap(), json!({"shared": shared, "other": each}));
    assert_eq!(trees.get("key", "shared.right.count").unwrap(), Some(json!(each)));
}

#[test]
fn what_is_cached_is_gone_on_the_tick() {
    const ROUNDS: usize = 20;
    let clock = ManualClock::new();
    let store = Store::builder().clock(&clock).build();
    let tick = Duration::from_millis(1);
    let cache = Cache { store: &store, time_to_live: Duration::from_secs(60) };
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
fn updates_of_a_configuration_are_seen_and_done_as_a_whole() {
    let store = Store::builder().limits(Limits::default().max_string(100)).build();
    let configuration = Configuration { store: &store };
    let names = ["a", "b", "c", "d"];
    configuration.set("component", names.map(|name| (name, &0))).unwrap();
    on_four_threads(|number, at| match number {
        0 | 1 => {
            let value = json!(number * steps() + at);
            configuration.set("component", names.map(|name| (name, &value))).unwrap();
            let long = json!("long".repeat(100));
            let error = configuration.set("component", [("a", &json!(-1)), ("b", &long)]).unwrap_err();
            assert!(matches!(error, CodecError::Refused(_)), "{error}");
        }
        _ => {
            let all = configuration.all("component").unwrap();
            assert_eq!(all.len(), names.len());
            assert!(all.values().all(|value| *value == all["a"] && *value != json!(-1)), "{all:?}");
        }
    });
    assert!(configuration.get::<i64>("component", "a").unwrap().is_some_and(|value| value >= 0));
    assert!(configuration.remove("component", Some("a")));
    assert!(configuration.remove("component", None));
}

#[test]
fn profiles_lose_no_visit_and_no_change() {
    let store = Store::new();
    let profiles = Profiles { store: &store };
    let preferences = Preferences { theme: "dark".into(), notifications: true };
    let profile =
        Profile { name: "Ada".into(), email: "ada@example.com".into(), nickname: None, visits: 0, preferences };
    profiles.put(1, &profile).unwrap();
    on_four_threads(|number, at| match number {
        0 | 1 => _ = profiles.visit(1).unwrap(),
        2 => {
            let change = |profile: &mut Profile| {
                profile.preferences.theme = at.to_string();
                profile.nickname = Some(at.to_string());
            };
            assert!(profiles.change(1, change).unwrap());
        }
        _ => {
            let seen = profiles.get(1).unwrap().unwrap();
            let theme = if seen.nickname.is_some() { &seen.preferences.theme } else { "dark" };
            assert_eq!(seen.nickname.as_deref().unwrap_or("dark"), theme, "half of a change");
            assert!(profiles.preferences(1).unwrap().is_some());
        }
    });
    let last = profiles.get(1).unwrap().unwrap();
    assert_eq!(last.visits, 2 * steps() as u64);
    assert_eq!(last.nickname, Some((steps() - 1).to_string()));
}
