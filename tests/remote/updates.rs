//! Updates in a closure, with others at work.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hashlet::{Across, Error, ExpireOutcome, Hashes, Remote, RemoteError, SetOptions, Store};

use super::servers::each;

const FAR: Duration = Duration::from_secs(4_102_444_800);

/// Fields with values and deadlines, and the deadline of the key.
type Hash = (BTreeMap<Vec<u8>, (Vec<u8>, Option<SystemTime>)>, Option<SystemTime>);

fn hash<H: Hashes>(hashes: &H, key: &str) -> Hash {
    let look = |hash: &hashlet::HashRef<'_>| {
        let field = |(field, value): (&[u8], &[u8])| (field.to_vec(), (value.to_vec(), hash.field_deadline(field)));
        (hash.iter().map(field).collect(), hash.deadline())
    };
    hashes.read(key, look).unwrap()
}

/// What closures do, one after the other, and each from the state before it.
fn work<H: Across>(hashes: &H) -> Vec<Hash> {
    let far = |seconds: u64| UNIX_EPOCH + FAR + Duration::from_secs(seconds);
    let mut states = Vec::new();
    let mut step = |update: &mut dyn FnMut(&mut hashlet::HashMut<'_>)| {
        hashes.update("k", update).unwrap();
        states.push(hash(hashes, "k"));
    };
    step(&mut |hash| {
        hash.set_many([("a", "1"), ("b", "2"), ("c", "3"), ("d", "x")]).unwrap();
        assert_eq!(hash.expire_field("a", far(1)), ExpireOutcome::Set);
        hash.set_with([("e", "5"), ("f", "6")], SetOptions::new().expire(far(2)).expire_key(far(9))).unwrap();
    });
    step(&mut |hash| {
        assert_eq!(hash.len(), 6);
        hash.increment("a", 41).unwrap(); // keeps its deadline
        hash.set("e", "gone is the deadline").unwrap();
        assert!(hash.persist_field("f"));
        assert!(hash.remove("b"));
        assert_eq!(hash.increment("d", 1), Err(Error::NotAnInteger));
    });
    step(&mut |hash| {
        hash.expire_fields(["a", "c", "d"], far(3));
        assert!(hash.persist());
        hash.increment_float("c", 0.1).unwrap();
    });
    step(&mut |hash| assert_eq!(hash.retain(|_, value| value.len() > 1), 2));
    step(&mut |hash| {
        hash.clear();
        hash.set("new", "1").unwrap();
        hash.expire(far(4));
    });
    step(&mut |hash| {
        hash.clear();
        hash.set("newer", "1").unwrap(); // no deadline of the key
    });
    step(&mut |hash| assert_eq!(hash.expire(UNIX_EPOCH), ExpireOutcome::Deleted));
    step(&mut |hash| {
        hash.set_many((0..3_000).map(|n| (format!("field {n}"), n.to_string()))).unwrap();
        hash.expire_fields((0..2_500).map(|n| format!("field {n}")), far(5));
    });
    step(&mut |hash| {
        hash.remove_many((0..1_500).map(|n| format!("field {n}")));
        hash.persist_fields((1_500..2_600).map(|n| format!("field {n}")));
    });
    let refused: Result<(), H::Error> = hashes.try_update("k", |hash| {
        hash.set("field 2999", "lost")?;
        hash.increment("field 2999", 1)?;
        Ok(())
    });
    refused.unwrap_err();
    states.push(hash(hashes, "k"));
    let moved: Result<bool, H::Error> = hashes.update_many(["k", "l"], |[from, to]| {
        let value = from.take("field 2000").unwrap();
        to.set("moved", value).unwrap()
    });
    assert!(moved.unwrap());
    hashes.update_many(["k", "k"], |_| ()).unwrap_err();
    states.extend([hash(hashes, "k"), hash(hashes, "l")]);
    hashes.update("k", |hash| hash.clear()).unwrap();
    states.push(hash(hashes, "k"));
    states
}

#[test]
fn closures_do_on_a_server_what_they_do_on_a_store() {
    let expected = work(&Store::new());
    each("closures", 2, |server| {
        for (at, (theirs, ours)) in work(&server.open()).iter().zip(&expected).enumerate() {
            assert_eq!(theirs, ours, "{}: after step {at}", server.name);
        }
    });
}

#[test]
fn an_update_runs_again_only_if_what_it_has_read_has_changed() {
    each("conflicts", 3, |server| {
        let (remote, other) = (server.open(), server.open());
        type Change = fn(&Remote);
        let changes: [(&str, Change); 6] = [
            ("value", |other| _ = other.set("k", "read", "2").unwrap()),
            ("other value", |other| _ = other.set("k", "unread", "2").unwrap()),
            ("deadline", |other| _ = other.expire_field("k", "read", FAR).unwrap()),
            ("deadline of the key", |other| _ = other.expire("k", Duration::from_secs(1_000)).unwrap()),
            ("new field", |other| _ = other.set("k", "new", "").unwrap()),
            ("key", |other| _ = other.clear("k").unwrap()),
        ];
        type Look = fn(&mut hashlet::HashMut<'_>);
        let looks: [(&str, Look, [bool; 6]); 6] = [
            ("get", |hash| _ = hash.get("read"), [true, false, false, false, false, true]),
            ("set", |hash| _ = hash.set("read", "x").unwrap(), [true, false, true, false, false, true]),
            ("len", |hash| _ = hash.len(), [false, false, false, false, true, true]),
            ("iter", |hash| _ = hash.iter().count(), [true, true, false, false, true, true]),
            ("ttl", |hash| _ = hash.ttl(), [false, false, false, true, false, true]),
            ("absent", |hash| _ = hash.contains("new"), [false, false, false, false, true, false]),
        ];
        for (looked, look, conflicts) in looks {
            for ((changed, change), conflict) in changes.iter().zip(conflicts) {
                other.clear("k").unwrap();
                other.set_many("k", [("read", "1"), ("unread", "1")]).unwrap();
                let mut runs = 0;
                let updated = remote.update("k", |hash| {
                    runs += 1;
                    look(hash);
                    hash.set("written", runs.to_string()).unwrap();
                    if runs == 1 {
                        // Another client, in the middle of the update.
                        std::thread::scope(|scope| scope.spawn(|| change(&other)).join().unwrap());
                    }
                });
                updated.unwrap();
                assert_eq!(runs, 1 + u8::from(conflict), "{}: {looked}, and another changes {changed}", server.name);
                assert_eq!(remote.get("k", "written").unwrap(), Some(runs.to_string().into_bytes()));
            }
        }
        let few = hashlet::RemoteOptions::new().attempts(3);
        let remote = Remote::open_with(&server.url(), few).unwrap();
        let mut runs = 0;
        let contended = remote.update("k", |hash| {
            runs += 1;
            std::thread::scope(|scope| scope.spawn(|| other.increment("k", "n", 1).unwrap()).join().unwrap());
            hash.increment("n", 1)
        });
        assert!(matches!(contended, Err(RemoteError::Contended { attempts: 3 })) && runs == 3, "{contended:?}");
        assert_eq!(remote.get("k", "n").unwrap().as_deref(), Some(&b"3"[..]));
    });
}

#[test]
fn what_cannot_be_done_is_refused_and_changes_nothing() {
    each("refusals", 4, |server| {
        let remote = server.open();
        remote.set_many("k", [("number", "1"), ("text", "x")]).unwrap();
        let before = hash(&remote, "k");
        let long_key = vec![0; 65_537];
        assert!(matches!(remote.set(&long_key, "f", "v"), Err(RemoteError::Refused(Error::KeyTooLong { .. }))));
        assert!(matches!(remote.increment("k", "text", 1), Err(RemoteError::Refused(Error::NotAnInteger))));
        assert!(matches!(remote.increment_float("k", "text", 1.0), Err(RemoteError::Refused(Error::NotAFloat))));
        assert!(matches!(remote.increment_float("k", "number", f64::NAN), Err(RemoteError::Refused(Error::NotFinite))));
        let minute = Duration::from_secs(60);
        assert!(matches!(
            remote.increment_and_expire("k", "text", 1, minute),
            Err(RemoteError::Refused(Error::NotAnInteger))
        ));
        assert!(matches!(
            remote.increment_and_expire("k", "number", i64::MAX, minute),
            Err(RemoteError::Refused(Error::Overflow))
        ));
        assert_eq!(remote.increment_and_expire("big", "number", i64::MAX, minute).unwrap(), i64::MAX);
        for too_late in [Duration::MAX, Duration::from_millis(1 << 46)] {
            assert!(matches!(remote.expire("k", too_late), Err(RemoteError::Unsupported(_))));
            assert!(matches!(remote.expire_field("k", "text", too_late), Err(RemoteError::Unsupported(_))));
            let update = remote.update("k", |hash| hash.expire_field("text", too_late));
            assert!(matches!(update, Err(RemoteError::Unsupported(_))), "{update:?}");
        }
        assert_eq!(hash(&remote, "k"), before);

        // Something that is no hash, written by another client.
        let client = redis::Client::open(server.url()).unwrap();
        redis::cmd("SET").arg("string").arg("v").exec(&mut client.get_connection().unwrap()).unwrap();
        assert!(matches!(remote.get("string", "f"), Err(RemoteError::WrongType)));
        assert!(matches!(remote.set("string", "f", "v"), Err(RemoteError::WrongType)));
        assert!(matches!(remote.update("string", |hash| hash.len()), Err(RemoteError::WrongType)));
        assert!(matches!(remote.increment_and_expire("string", "f", 1, minute), Err(RemoteError::WrongType)));
        let mut keys = remote.keys().unwrap();
        keys.sort_unstable();
        assert_eq!(keys, [&b"big"[..], b"k"], "only hashes");
    });
}

#[test]
fn a_panic_in_a_closure_changes_nothing() {
    each("panics", 5, |server| {
        let remote = server.open();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            remote.update("k", |hash| {
                hash.set("f", "v").unwrap();
                panic!("in the closure");
            })
        }));
        assert!(panicked.is_err() && remote.is_empty().unwrap());
        assert!(remote.set("k", "f", "v").unwrap(), "calls work as before");
        let nested = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            remote.update("k", |_| remote.get("k", "f").unwrap())
        }));
        assert!(nested.is_err(), "a call from inside a closure panics, as on a store");
    });
}

/// A hash that was empty for a moment has lost its deadline, if it was: another client may have set a field meanwhile.
#[test]
fn the_deadline_of_a_key_is_lost_only_with_all_its_fields() {
    each("emptied hashes", 3, |server| {
        let (remote, other) = (server.open(), server.open());
        type Change = fn(&mut hashlet::HashMut<'_>);
        let later = || Duration::from_secs(1_000);
        let changes: [(&str, bool, Change, bool); 4] = [
            ("remove and set", true, |hash| _ = (hash.remove("only"), hash.set("new", "1").unwrap()), true),
            (
                "expire and remove",
                false,
                |hash| _ = (hash.expire(Duration::from_secs(1_000)), hash.remove("only")),
                true,
            ),
            (
                "expire, remove and set",
                false,
                |hash| {
                    hash.expire(Duration::from_secs(1_000));
                    assert!(hash.take("only").is_some());
                    hash.set("new", "1").unwrap();
                },
                true,
            ),
            ("expire in the past", true, |hash| _ = hash.expire(UNIX_EPOCH), false),
        ];
        for (name, has_deadline, change, keeps) in changes {
            for is_disturbed in [false, true] {
                other.clear("k").unwrap();
                other.set("k", "only", "1").unwrap();
                if has_deadline {
                    other.expire("k", later()).unwrap();
                }
                let mut runs = 0;
                let updated = remote.update("k", |hash| {
                    runs += 1;
                    if is_disturbed && runs == 1 {
                        let add = || _ = other.set("k", "others", "1").unwrap();
                        std::thread::scope(|scope| scope.spawn(add).join().unwrap());
                    }
                    change(hash);
                });
                updated.unwrap();
                let told = format!("{}: {name}, disturbed: {is_disturbed}", server.name);
                assert_eq!(runs, 1 + u8::from(is_disturbed), "{told}");
                // As if the other client had come first.
                let is_kept = is_disturbed && keeps;
                assert_eq!(remote.deadline("k").unwrap().is_some(), is_kept, "{told}");
            }
        }
        // Who only removes needs to know nothing.
        other.clear("k").unwrap();
        other.set("k", "only", "1").unwrap();
        let mut runs = 0;
        let removed = remote.update("k", |hash| {
            runs += 1;
            let add = || _ = other.set("k", "others", "1").unwrap();
            std::thread::scope(|scope| scope.spawn(add).join().unwrap());
            hash.remove("only")
        });
        assert!(removed.unwrap() && runs == 1);
        assert_eq!(remote.fields("k").unwrap(), [b"others"]);
    });
}

/// A deadline in the past removes the whole hash, so the whole hash must still be as it was.
#[test]
fn an_update_that_removes_a_hash_by_a_deadline_removes_all_of_it() {
    each("hashes with deadlines in the past", 5, |server| {
        let (remote, other) = (server.open(), server.open());
        type Change = fn(&mut hashlet::HashMut<'_>);
        let changes: [(&str, Change); 2] = [
            ("expire", |hash| assert_eq!(hash.expire(UNIX_EPOCH), ExpireOutcome::Deleted)),
            ("set_with", |hash| {
                _ = hash.set_with([("own", "1")], SetOptions::new().expire_key(UNIX_EPOCH)).unwrap();
            }),
        ];
        for (name, change) in changes {
            for others in [&["f"][..], &["f", "g"]] {
                other.clear("k").unwrap();
                other.set_many("k", others.iter().map(|field| (field, "1"))).unwrap();
                let mut runs = 0;
                let updated = remote.update("k", |hash| {
                    runs += 1;
                    if runs == 1 {
                        let replace = || other.update("k", |hash| (hash.set("new", "1").unwrap(), hash.remove("f")));
                        let replaced = std::thread::scope(|scope| scope.spawn(replace).join().unwrap());
                        assert_eq!(replaced.unwrap(), (true, true));
                    }
                    change(hash);
                });
                updated.unwrap();
                let told = format!("{}: {name}, {others:?}", server.name);
                assert_eq!(runs, 2, "{told}");
                assert!(remote.get_all("k").unwrap().is_empty(), "{told}: a field was left");
            }
        }
    });
}

/// A closure that takes long: its deadlines have passed when the server learns of them.
#[test]
fn a_deadline_that_has_passed_when_an_update_ends_removes_what_it_is_for() {
    each("deadlines that have passed", 4, |server| {
        let remote = server.open();
        let soon = Duration::from_millis(20);
        for has_others in [false, true] {
            remote.clear("k").unwrap();
            remote.set_many("k", [("old", "1"), ("untimed", "1")]).unwrap();
            remote.expire_field("k", "untimed", FAR).unwrap();
            let updated: Result<(), RemoteError> = remote.update_many(["k", "l"], |[k, l]| {
                k.set_with([("new", "1"), ("newer", "1")], SetOptions::new().expire(soon)).unwrap();
                assert_eq!(k.expire_field("old", soon), ExpireOutcome::Set);
                assert!(k.persist_field("untimed"));
                if has_others {
                    k.set("stays", "1").unwrap();
                }
                k.remove("untimed");
                l.set("done", "1").unwrap();
                std::thread::sleep(2 * soon);
            });
            updated.unwrap();
            let left = remote.fields("k").unwrap();
            assert_eq!(left, if has_others { vec![b"stays".to_vec()] } else { vec![] }, "{}", server.name);
            assert_eq!(remote.take("l", "done").unwrap().as_deref(), Some(&b"1"[..]), "{}", server.name);
        }
        remote.clear("k").unwrap();
        let updated = remote.update("k", |hash| {
            hash.set("f", "1").unwrap();
            let outcome = hash.expire(soon);
            std::thread::sleep(2 * soon);
            outcome
        });
        assert_eq!(updated.unwrap(), ExpireOutcome::Set);
        assert!(!remote.contains_key("k").unwrap(), "{}", server.name);
    });
}

/// A key of another type comes between the load and the write: nothing is written to any key.
#[test]
fn an_update_of_several_keys_is_done_whole_or_not_at_all() {
    each("halves", 4, |server| {
        let remote = server.open();
        let mut client = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
        remote.set("b", "f", "v").unwrap();
        let updated = remote.update_many(["a", "b"], |[a, b]| {
            a.set("f", "v").unwrap();
            b.expire(Duration::from_secs(1_000)); // reads no field
            std::thread::scope(|scope| {
                let set = || redis::cmd("SET").arg("b").arg("a string").exec(&mut client).unwrap();
                scope.spawn(set).join().unwrap();
            });
        });
        assert!(matches!(updated, Err(RemoteError::WrongType)), "{}: {updated:?}", server.name);
        assert_eq!(remote.size("a").unwrap(), 0, "{}: half of an update", server.name);
        assert_eq!(remote.ttl("b").unwrap(), hashlet::Ttl::Never, "{}: it is not hashlet's", server.name);
    });
}

/// As the guide says: what has no fields in it works on keys of every type.
#[test]
fn calls_on_whole_keys_work_on_other_types() {
    each("other types", 5, |server| {
        let remote = server.open();
        let mut client = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
        let mut string = |key: &str| redis::cmd("SET").arg(key).arg("v").exec(&mut client).unwrap();
        let minute = Duration::from_secs(60);
        string("s");
        assert!(remote.contains_key("s").unwrap() && remote.key_count().unwrap() == 1);
        assert_eq!(remote.expire("s", minute).unwrap(), ExpireOutcome::Set);
        assert!(remote.ttl("s").unwrap().left().is_some() && remote.deadline("s").unwrap().is_some());
        assert!(remote.persist("s").unwrap());
        assert!(remote.copy("s", "t", hashlet::Overwrite::No).unwrap());
        assert!(remote.rename("s", "u", hashlet::Overwrite::No).unwrap());
        let none = remote.set_with("t", [("f", "v")], SetOptions::new().only_new_key()).unwrap();
        assert_eq!(none, None);
        assert!(remote.keys().unwrap().is_empty());
        assert!(remote.clear("t").unwrap());
        assert_eq!(remote.clear_many(["s", "u"]).unwrap(), 1);
        string("s");
        remote.clear_all().unwrap();
        assert!(!remote.contains_key("s").unwrap());
    });
}

/// The field that has expired was all that the key had, so the server would remove the key.
#[test]
fn an_update_in_which_a_deadline_passes_keeps_the_deadline_of_the_key() {
    each("a deadline that passes", 4, |server| {
        let remote = server.open();
        remote.set("k", "f", "old").unwrap();
        assert_eq!(remote.expire("k", Duration::from_secs(10_000)).unwrap(), ExpireOutcome::Set);
        let before = remote.deadline("k").unwrap();
        remote
            .update("k", |hash| {
                let soon = SystemTime::now() + Duration::from_millis(50);
                hash.set_with([("f", "short")], SetOptions::new().expire(soon)).unwrap();
                hash.set_with([("g", "long")], SetOptions::new().expire(Duration::from_secs(1_000))).unwrap();
                while SystemTime::now() <= soon + Duration::from_millis(5) {
                    std::thread::sleep(Duration::from_millis(10));
                }
            })
            .unwrap();
        assert!(before.is_some());
        assert_eq!(remote.deadline("k").unwrap(), before, "{}", server.name);
        assert_eq!(remote.fields("k").unwrap(), [b"g"], "{}", server.name);
    });
}
