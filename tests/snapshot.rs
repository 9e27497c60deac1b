//! A store that is saved and loaded again is the same store.

#![cfg(feature = "snapshot")]

mod support;

use hashlet::{SaveOptions, Store};
use support::config::on_every_configuration;

#[test]
fn what_is_saved_is_loaded() {
    on_every_configuration(|config, store| {
        for n in 0..3_000 {
            store.set_many(format!("user:{n}"), [("name", format!("name {n}")), ("visits", n.to_string())]).unwrap();
        }
        for n in 0..5_000 {
            store.set("big", format!("field:{n}"), vec![n as u8; n % 300]).unwrap();
        }
        store.set("", "", "").unwrap();
        for _ in 0..3 {
            let mut snapshot = Vec::new();
            let mut calls = 0;
            let report = store.save_to_with(&mut snapshot, SaveOptions::new().progress(|_| calls += 1)).unwrap();
            assert!(calls > 1);
            assert_eq!((report.keys, report.fields), (3_002, 11_001));
            let loaded = config.builder().load_from(&snapshot[..]).unwrap();
            support::check::store(&loaded);
            assert_eq!(loaded.key_count(), 3_002);
            for key in store.keys() {
                assert_eq!(loaded.get_all(&key), store.get_all(&key));
            }
            store.set("big", "one more", "x").unwrap();
            store.remove("big", "one more");
        }
    });
    let _ = Store::new();
}
