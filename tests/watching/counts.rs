//! What `Stats` counts.

use std::time::Duration;

use hashlet::{Error, ExpireOutcome, Limits, Overwrite};

use crate::support::config::{on_every_configuration_with_clock, on_every_configuration_with_clock_within};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn what_has_expired_is_counted_once_it_is_removed() {
    on_every_configuration_with_clock(|_, store, clock| {
        let counts = || {
            let stats = store.stats();
            (stats.expired_keys, stats.expired_fields)
        };
        for n in 0..50 {
            let key = format!("k{n}");
            store.set_many(&key, [("f", "1"), ("g", "2"), ("h", "3")]).unwrap();
            store.expire_field(&key, "f", SECOND);
            store.expire(&key, 2 * SECOND);
        }
        store.expire("k0", Duration::ZERO); // removed, not expired
        assert_eq!(counts(), (0, 0));
        clock.advance(SECOND);
        assert_eq!(store.get("k1", "f"), None);
        store.purge_expired(usize::MAX);
        assert_eq!(counts(), (0, 49));
        clock.advance(SECOND);
        store.set("k1", "f", "new").unwrap();
        store.purge_expired(usize::MAX);
        assert_eq!(counts(), (49, 49), "the fields of an expired key are not counted");
    });
}

#[test]
fn what_is_refused_for_want_of_room_is_counted_once() {
    let limits = Limits::default().max_bytes(200_000);
    on_every_configuration_with_clock_within(limits, |_, store, clock| {
        let refused = || store.stats().refused;
        store.set("k", "f", "1").unwrap();
        assert_eq!(refused(), 0);
        let long = "v".repeat(300_000);
        assert!(matches!(store.set("k", "f", &long), Err(Error::Full { .. })));
        assert_eq!(refused(), 1);
        store.update("k", |hash| {
            assert!(hash.set("f", &long).is_err());
            assert!(hash.set_many([("g", &long)]).is_err());
        });
        assert_eq!(refused(), 3);
        assert!(store.try_update("k", |hash| hash.set("f", &long)).is_err());
        assert_eq!(refused(), 4);
        assert!(matches!(store.set("k".repeat(70_000), "f", "1"), Err(Error::KeyTooLong { .. })));
        store.reserve(10_000_000);
        assert_eq!(refused(), 4, "neither of these wants room that it has to get");
        // A call that finds room at the second try is not refused.
        while store.stats().bytes < 150_000 {
            let key = format!("old{}", store.key_count());
            store.set(&key, "f", "v".repeat(1_000)).unwrap();
            assert_eq!(store.expire(&key, SECOND), ExpireOutcome::Set);
        }
        let before = refused();
        clock.advance(SECOND);
        assert!(store.set("k", "f", "v".repeat(60_000)).is_ok());
        store.rename("k", "l", Overwrite::Yes).unwrap();
        assert_eq!(refused(), before);
    });
}
