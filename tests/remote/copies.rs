//! Everything that a store holds goes to a server and comes back, with all deadlines.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hashlet::{CopyError, CopyOptions, Error, Hashes, Limits, Remote, SetOptions, Store, Ttl};

use super::proxy::{Cut, Proxy};
use super::servers::{each, say};
use crate::support::scale;

/// Profiles at full scale.
const PROFILES: f64 = 1_000_000.0;

fn far(seconds: usize) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(4_102_444_800 + seconds as u64)
}

/// Small hashes, of which one in four has deadlines, and one large hash.
fn profiles(number: usize) -> Store {
    let store = Store::new();
    for n in 0..number {
        let key = format!("user:{n}");
        let (name, mail) = (format!("Name {n}"), format!("{n}@example.com"));
        let visits = (n % 1_000).to_string();
        let fields = [
            ("name", &name[..]),
            ("email", &mail),
            ("visits", &visits),
            ("country", "de"),
            ("language", "en"),
            ("theme", "dark"),
            ("active", "1"),
            ("note", ""),
        ];
        store.set_many(&key, fields).unwrap();
        if n % 4 == 0 {
            store.set_with(&key, [("token", "x"), ("code", "1")], SetOptions::new().expire(far(n % 7))).unwrap();
            store.expire_field(&key, "note", far(100));
        }
        if n % 8 == 0 {
            store.expire(&key, far(n % 11));
        }
    }
    store.set_many("large", (0..20_000).map(|n| (format!("field {n}"), "v".repeat(n % 100)))).unwrap();
    store.expire_fields("large", (0..15_000).map(|n| format!("field {n}")), far(5));
    store
}

type Contents = (BTreeMap<Vec<u8>, (Vec<u8>, Option<SystemTime>)>, Option<SystemTime>);

fn contents(store: &Store, key: &[u8]) -> Contents {
    store.read(key, |hash| {
        let field = |(field, value): (&[u8], &[u8])| (field.to_vec(), (value.to_vec(), hash.field_deadline(field)));
        (hash.iter().map(field).collect(), hash.deadline())
    })
}

fn assert_equal(copy: &Store, store: &Store, name: &str) {
    assert_eq!(copy.key_count(), store.key_count(), "{name}");
    for key in store.iter_keys() {
        assert_eq!(contents(copy, &key), contents(store, &key), "{name}: {}", key.escape_ascii());
    }
}

#[test]
fn profiles_go_out_and_come_back_equal() {
    let store = profiles((PROFILES * scale()) as usize);
    let stats = store.stats();
    each("copies", 8, |server| {
        let remote = server.open();
        remote.set("user:1", "old", "to be replaced").unwrap();
        remote.expire("user:1", Duration::from_secs(1_000)).unwrap();
        let (begin, mut told) = (Instant::now(), 0);
        let options = CopyOptions::new().progress(|so_far| {
            assert!(so_far.keys >= told && so_far.expected_keys > 0);
            told = so_far.keys;
        });
        let out = store.copy_to(&remote, options).unwrap();
        let out_time = begin.elapsed();
        assert_eq!((out.keys, told), (stats.keys as u64, stats.keys as u64), "{}", server.name);
        let (copy, begin) = (Store::new(), Instant::now());
        copy.set("user:2", "old", "to be replaced").unwrap();
        copy.expire("user:2", Duration::from_secs(1_000));
        let back = copy.copy_from(&remote, CopyOptions::new()).unwrap();
        say(&format!("{} hashes to {} in {out_time:.1?} and back in {:.1?}", out.keys, server.name, begin.elapsed()));
        assert!(back.keys >= out.keys && back.fields >= out.fields && back.bytes >= out.bytes, "{back:?} {out:?}");
        assert_equal(&copy, &store, server.name);
    });
}

#[test]
fn a_lost_connection_does_not_spoil_a_copy() {
    let store = profiles(2_000);
    each("copies over lost connections", 9, |server| {
        let proxy = Proxy::start(&server.socket, &format!("copies-{}", server.short_name()));
        let remote = Remote::open(&proxy.url(server.database)).unwrap();
        for cut in [Cut::Request(150_001), Cut::Request(300_003), Cut::Answer(1_001), Cut::Answer(15_001)] {
            proxy.plan(Some(cut));
            store.copy_to(&remote, CopyOptions::new()).unwrap();
            assert!(!proxy.passed().2, "{}: {cut:?} came", server.name);
            let copy = Store::new();
            copy.copy_from(&server.open(), CopyOptions::new()).unwrap();
            assert_equal(&copy, &store, server.name);
        }
        for cut in [Cut::Request(3_000), Cut::Answer(100_001), Cut::Answer(200_003)] {
            proxy.plan(Some(cut));
            let copy = Store::new();
            copy.copy_from(&remote, CopyOptions::new()).unwrap();
            assert!(!proxy.passed().2, "{}: {cut:?} came", server.name);
            assert_equal(&copy, &store, server.name);
        }
    });
}

#[test]
fn what_cannot_be_copied_is_refused_by_name() {
    each("refused copies", 10, |server| {
        let remote = server.open();
        let store = Store::new();
        store.set("k", "f", "v").unwrap();
        store.expire_field("k", "f", Duration::MAX);
        let refused = store.copy_to(&remote, CopyOptions::new());
        assert!(matches!(&refused, Err(CopyError::TooLate { key }) if key == b"k"), "{refused:?}");
        assert!(remote.is_empty().unwrap());

        remote.set("long", "f", "v".repeat(1_000)).unwrap();
        let small = Store::builder().limits(Limits::default().max_string(100)).build();
        small.set("long", "f", "as before").unwrap();
        let refused = small.copy_from(&remote, CopyOptions::new());
        assert!(matches!(&refused, Err(CopyError::Refused { key, .. }) if key == b"long"), "{refused:?}");
        assert_eq!(small.get("long", "f").as_deref(), Some(&b"as before"[..]));

        // What expires on the way is absent in the end.
        remote.clear_all().unwrap();
        store.set("k", "f", "v").unwrap();
        store.set("k", "soon", "v").unwrap();
        store.expire_field("k", "soon", Duration::from_millis(50));
        store.copy_to(&remote, CopyOptions::new()).unwrap();
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!(remote.get_many("k", ["f", "soon"]).unwrap(), [Some(b"v".to_vec()), None]);
        let copy = Store::new();
        copy.copy_from(&remote, CopyOptions::new()).unwrap();
        assert_eq!((copy.size("k"), copy.field_ttl("k", "f")), (1, Ttl::Never));
    });
}

/// Another client replaces hashes by strings during the copy. That is as if it had removed them.
#[test]
fn a_key_that_becomes_another_type_meanwhile_is_left_out() {
    each("copies of other types", 10, |server| {
        let remote = server.open();
        remote.set_many("stays", [("f", "v")]).unwrap();
        let mut client = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
        let is_done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                    let mut changes = redis::pipe();
                    for n in 0..20 {
                        changes.cmd("SET").arg(format!("k{n}")).arg("a string");
                    }
                    changes.exec(&mut client).unwrap();
                    let mut changes = redis::pipe();
                    for n in 0..20 {
                        changes.cmd("DEL").arg(format!("k{n}"));
                        changes.cmd("HSET").arg(format!("k{n}")).arg("f").arg("v");
                    }
                    changes.exec(&mut client).unwrap();
                }
            });
            let copies: Vec<_> = (0..200)
                .map(|_| {
                    let copy = Store::new();
                    copy.copy_from(&remote, CopyOptions::new()).map(|_| copy)
                })
                .collect();
            is_done.store(true, std::sync::atomic::Ordering::Relaxed);
            for copy in copies {
                let copy = copy.unwrap_or_else(|error| panic!("{}: {error}", server.name));
                assert_eq!(copy.get("stays", "f").as_deref(), Some(&b"v"[..]), "{}", server.name);
                assert!(copy.iter_keys().all(|key| copy.get(key, "f").as_deref() == Some(&b"v"[..])));
            }
        });
    });
}

/// A limited store refuses a hash if there is no room for its deadlines: it would live for ever.
#[test]
fn a_copy_never_loses_deadlines_for_want_of_room() {
    each("copies into little room", 10, |server| {
        let remote = server.open();
        let (fields, later) = (|| (0..2_000).map(|n| format!("f{n}")), Duration::from_secs(100_000));
        remote.set_many("k", fields().map(|field| (field, "v"))).unwrap();
        remote.expire_fields("k", fields(), later).unwrap();
        remote.expire("k", 2 * later).unwrap();
        let (mut refused, mut copied) = (0, 0);
        for bytes in (20_000..250_000).step_by(2_000) {
            let store = Store::builder().limits(Limits::default().max_bytes(bytes)).build();
            match store.copy_from(&remote, CopyOptions::new()) {
                Ok(_) => {
                    copied += 1;
                    let lost = store.read("k", |k| k.iter().filter(|(f, _)| k.field_deadline(f).is_none()).count());
                    assert_eq!((store.size("k"), lost), (2_000, 0), "{}: {bytes} bytes", server.name);
                    assert!(store.deadline("k").is_some(), "{}: {bytes} bytes", server.name);
                }
                Err(CopyError::Refused { key, error }) => {
                    refused += 1;
                    assert!(key == b"k" && matches!(error, Error::Full { .. }), "{error}");
                    assert!(!store.contains_key("k"), "{}: {bytes} bytes", server.name);
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert!(refused > 0 && copied > 0, "{refused} refused, {copied} copied");
    });
}

/// Each field has a deadline of its own: the commands are as many as the fields, and are sent in parts all the same.
#[test]
fn large_hashes_are_copied_in_parts() {
    let store = Store::new();
    for key in ["large", "larger"] {
        store.set_many(key, (0..30_000).map(|n| (format!("field {n}"), "v"))).unwrap();
        store.update(key, |hash| (0..30_000).for_each(|n| _ = hash.expire_field(format!("field {n}"), far(n))));
    }
    for n in 0..50 {
        store.set_many(format!("k{n}"), (0..300).map(|n| (format!("field {n}"), "v"))).unwrap();
    }
    each("large copies", 10, |server| {
        let proxy = Proxy::start(&server.socket, &format!("large-{}", server.short_name()));
        let remote = Remote::open(&proxy.url(server.database)).unwrap();
        store.copy_to(&remote, CopyOptions::new()).unwrap();
        let longest = proxy.longest_request();
        assert!(longest < 1 << 20, "{}: {longest} bytes were sent without waiting for an answer", server.name);
        let copy = Store::new();
        copy.copy_from(&remote, CopyOptions::new()).unwrap();
        assert_equal(&copy, &store, server.name);
    });
}
