//! Scans page by page, while other threads work.

use std::collections::BTreeMap;

use shuttle::thread;

use super::explore::explore;
use super::scene::{LATER, Scene, Shape, text};
use crate::scan::{Cursor, Page};
use crate::store::Overwrite;

/// How often each item is met on all pages.
fn met<T: Ord>(page: impl Fn(Option<Cursor>) -> Page<T>) -> BTreeMap<T, usize> {
    let (mut cursor, mut met) = (None, BTreeMap::new());
    loop {
        let page = page(cursor);
        page.items.into_iter().for_each(|item| *met.entry(item).or_default() += 1);
        cursor = page.next;
        if cursor.is_none() {
            return met;
        }
    }
}

/// Checks that each name in `stays` is met once, each in `passes` at most once, and no other.
fn assert_met(met: &BTreeMap<String, usize>, stays: &[&str], passes: &[&str]) {
    for name in stays {
        assert_eq!(met.get(*name), Some(&1), "{name} of {met:?}");
    }
    for (name, times) in met {
        assert!(*times == 1 && (stays.contains(&&**name) || passes.contains(&&**name)), "{name} of {met:?}");
    }
}

#[test]
fn a_field_that_stays_is_met_once_however_its_hash_changes() {
    const STAYS: [&str; 3] = ["0", "1", "2"];
    const PASSES: [&str; 5] = ["3", "4", "5", "6", "7"];
    explore(|| {
        // The hash is packed with the fields that stay, becomes a table with all, and packed again.
        let scene = Scene::of(Shape::draw(2).max_fields(7));
        scene.set_many("a", STAYS.map(|field| (field, ""))).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                scene.set_many("a", PASSES.map(|field| (field, ""))).unwrap();
                scene.remove_many("a", PASSES);
                scene.set_many("a", PASSES.map(|field| (field, "longer"))).unwrap();
            });
            scope.spawn(|| {
                scene.rename("a", "a", Overwrite::Yes).unwrap();
                scene.expire("a", LATER);
                scene.shrink_to_fit();
            });
            let met = met(|cursor| {
                let page = scene.scan("a", cursor, 1);
                Page { items: page.items.iter().map(|(field, _)| text(field)).collect(), next: page.next }
            });
            assert_met(&met, &STAYS, &PASSES);
        });
        scene.validate();
    });
}

#[test]
fn a_key_that_stays_is_met_once_whatever_comes_and_goes() {
    const STAYS: [&str; 3] = ["0", "1", "2"];
    const PASSES: [&str; 4] = ["3", "4", "5", "6"];
    explore(|| {
        let scene = Scene::of(Shape::draw(2));
        STAYS.iter().chain(&PASSES[..2]).for_each(|key| _ = scene.set(key, "x", "1").unwrap());
        thread::scope(|scope| {
            scope.spawn(|| {
                scene.rename("3", "5", Overwrite::Yes).unwrap();
                scene.copy("0", "6", Overwrite::No).unwrap();
                scene.clear("4");
                scene.set_many("1", [("y", "1"), ("z", "1")]).unwrap();
            });
            scope.spawn(|| {
                scene.reserve(2_000); // it rebuilds the tables of keys
                scene.retain(|key, _| key != b"6");
                scene.shrink_to_fit();
            });
            let keys = met(|cursor| {
                let page = scene.scan_keys(cursor, 1);
                Page { items: page.items.iter().map(|key| text(key)).collect(), next: page.next }
            });
            // A renamed key may be met under both names.
            assert_met(&keys, &STAYS, &PASSES);
            let mut all = BTreeMap::new();
            scene.iter_keys().for_each(|key| *all.entry(text(&key)).or_default() += 1);
            assert_met(&all, &STAYS, &PASSES);
        });
        scene.validate();
    });
}
