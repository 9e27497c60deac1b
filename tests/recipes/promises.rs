//! What the recipes of `examples/` promise on any hashes, with four threads at work. The code is that of the examples.

#![allow(dead_code, reason = "each test binary runs what it needs")]

#[path = "../../examples/cache.rs"]
pub(crate) mod cache;
#[path = "../../examples/configuration.rs"]
pub(crate) mod configuration;
#[path = "../../examples/hierarchical.rs"]
mod hierarchical;
#[path = "loading.rs"]
pub(crate) mod loading;
#[path = "../../examples/shopping_cart.rs"]
mod shopping_cart;
#[path = "../../examples/user_profile.rs"]
mod user_profile;
#[path = "../../examples/versioned.rs"]
pub(crate) mod versioned;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use cache::Cache;
use configuration::Configuration;
use hashlet::{CodecError, Hashes};
use hierarchical::Trees;
use serde_json::{Value, json};
use shopping_cart::Carts;
use user_profile::{Preferences, Profile, Profiles};
use versioned::{Documents, Version};

pub(crate) const THREADS: usize = 4;

/// Runs all steps on each of four threads. A step gets the thread's number and its own.
pub(crate) fn on_four_threads(steps: usize, step: impl Fn(usize, usize) + Sync) {
    thread::scope(|scope| {
        for number in 0..THREADS {
            let step = &step;
            scope.spawn(move || (0..steps).for_each(|at| step(number, at)));
        }
    });
}

/// All of them, one after the other. The hashes are empty before and after each.
pub(crate) fn keep_all<H: Hashes + Sync>(hashes: &H, steps: usize) {
    for keep in [
        no_item_is_lost,
        version_numbers_have_no_gaps,
        both_paths_are_kept,
        values_are_kept,
        settings_are_whole,
        no_visit_is_lost,
        loading::keep_all,
    ] {
        assert!(hashes.is_empty().unwrap());
        keep(hashes, steps);
        hashes.clear_all().unwrap();
    }
}

pub(crate) fn no_item_is_lost<H: Hashes + Sync>(hashes: &H, steps: usize) {
    let carts = Carts { hashes };
    let (added, ordered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let check_out = || {
        let order = carts.check_out("cart").unwrap();
        let pieces: u32 = order.values().map(|item| item.quantity).sum();
        ordered.fetch_add(pieces as usize, Ordering::Relaxed);
    };
    on_four_threads(steps, |number, at| {
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
    assert!(hashes.is_empty().unwrap());

    carts.set_quantity("cart", "apples", 2).unwrap();
    let first = carts.items("cart").unwrap()["apples"].clone();
    carts.set_quantity("cart", "apples", 5).unwrap();
    let second = carts.items("cart").unwrap()["apples"].clone();
    assert_eq!((first.added, second.quantity), (second.added, 5));
    carts.set_quantity("cart", "apples", 0).unwrap();
    assert!(hashes.is_empty().unwrap());
}

pub(crate) fn version_numbers_have_no_gaps<H: Hashes + Sync>(hashes: &H, steps: usize) {
    let documents = Documents { hashes };
    on_four_threads(steps, |number, at| {
        let saved = documents.save("document", (number, at)).unwrap();
        let version: Version<(usize, usize)> = documents.version("document", saved).unwrap().unwrap();
        assert_eq!(version.value, (number, at), "a number belongs to one version");
        assert!(documents.latest::<(usize, usize)>("document").unwrap().is_some());
    });
    assert_eq!(documents.count("document").unwrap(), (THREADS * steps) as u64);
    let mut next = [0; THREADS];
    for number in 1..=documents.count("document").unwrap() {
        let version: Version<(usize, usize)> = documents.version("document", number).unwrap().unwrap();
        let (writer, at) = version.value;
        assert_eq!(at, next[writer], "the versions of a writer are in its order");
        next[writer] += 1;
    }
}

pub(crate) fn both_paths_are_kept<H: Hashes + Sync>(hashes: &H, steps: usize) {
    let trees = Trees { hashes };
    let add = |place: &mut Value| *place = json!(place.as_u64().unwrap_or(0) + 1);
    on_four_threads(steps, |number, at| {
        let path = ["shared.left.count", "shared.right.count", "shared.left.deep.er.count", "other"][number];
        assert!(trees.update("key", path, add).unwrap());
        assert!(trees.update("key", "shared.all", add).unwrap());
        assert!(trees.set("key", &format!("shared.last.{number}"), &json!(at)).unwrap());
        assert!(!trees.set("key", "shared.all.below", &json!(at)).unwrap(), "a number has no parts");
    });
    let (each, last) = (steps, steps - 1);
    let shared = json!({
        "left": {"count": each, "deep": {"er": {"count": each}}},
        "right": {"count": each},
        "all": THREADS * each,
        "last": {"0": last, "1": last, "2": last, "3": last},
    });
    assert_eq!(trees.all("key").unwrap(), json!({"shared": shared, "other": each}));
    assert_eq!(trees.get("key", "shared.right.count").unwrap(), Some(json!(each)));
}

pub(crate) fn values_are_kept<H: Hashes + Sync>(hashes: &H, steps: usize) {
    let cache = Cache::new(hashes, Duration::from_secs(1_000));
    on_four_threads(steps, |number, at| {
        let (topic, name) = (format!("topic {}", at % 7), (at % 31).to_string());
        let value: [usize; 2] =
            cache.get_or_insert_with(&topic, &name, || Ok::<_, CodecError<H::Error>>([number, at])).unwrap();
        assert_eq!((value[1] % 7, value[1] % 31), (at % 7, at % 31));
    });
    let topics = hashes.keys().unwrap();
    let kept: usize = topics.iter().map(|topic| hashes.size(topic).unwrap()).sum();
    assert_eq!(kept, (7 * 31).min(steps));
    assert!(hashes.field_ttl("topic 0", "0").unwrap().left().is_some());
    assert!(cache.forget("topic 0").unwrap() && !cache.forget("topic 0").unwrap());
}

pub(crate) fn settings_are_whole<H: Hashes + Sync>(hashes: &H, steps: usize) {
    let configuration = Configuration { hashes };
    let names = ["a", "b", "c", "d"];
    configuration.set("component", names.map(|name| (name, &0))).unwrap();
    on_four_threads(steps, |number, at| match number {
        0 | 1 => {
            let value = json!(number * steps + at);
            configuration.set("component", names.map(|name| (name, &value))).unwrap();
        }
        _ => {
            let all = configuration.all("component").unwrap();
            assert_eq!(all.len(), names.len());
            assert!(all.values().all(|value| *value == all["a"] && *value != json!(-1)), "{all:?}");
        }
    });
    assert!(configuration.get::<i64>("component", "a").unwrap().is_some_and(|value| value >= 0));
    assert!(configuration.remove("component", Some("a")).unwrap());
    assert!(configuration.remove("component", None).unwrap());
}

pub(crate) fn no_visit_is_lost<H: Hashes + Sync>(hashes: &H, steps: usize) {
    let profiles = Profiles { hashes };
    let preferences = Preferences { theme: "dark".into(), notifications: true };
    let profile =
        Profile { name: "Ada".into(), email: "ada@example.com".into(), nickname: None, visits: 0, preferences };
    profiles.put(1, &profile).unwrap();
    on_four_threads(steps, |number, at| match number {
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
    assert_eq!(last.visits, 2 * steps as u64);
    assert_eq!(last.nickname, Some((steps - 1).to_string()));
}
