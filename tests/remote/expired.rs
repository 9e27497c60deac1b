//! What has expired, and what the server has not removed yet: it does that some time later. The documentation of `Remote`
//! says what calls answer until then.

use std::thread;
use std::time::Duration;

use hashlet::{ExpireOutcome, Hashes, Overwrite, Remote, SetOptions, Ttl};

use super::servers::each;

/// How often each call is made.
const ROUNDS: usize = 30;
const HOUR: Duration = Duration::from_secs(3_600);

/// A hash with a field that has just expired, and perhaps another one. The key has a deadline.
fn expired(remote: &Remote, has_other: bool) {
    remote.clear_many(["k", "l"]).unwrap();
    remote.set("k", "t", "old").unwrap();
    if has_other {
        remote.set("k", "other", "1").unwrap();
    }
    remote.expire("k", HOUR).unwrap();
    remote.expire_field("k", "t", Duration::from_millis(1)).unwrap();
    thread::sleep(Duration::from_millis(4));
}

#[test]
fn an_expired_field_is_absent() {
    each("expired fields", 5, |server| {
        let (remote, is_redis) = (server.open(), server.name.starts_with("Redis"));
        for _ in 0..ROUNDS {
            // Anew for each call, because many of them make a server remove what they meet.
            let start = || expired(&remote, true);
            start();
            assert_eq!(remote.get("k", "t").unwrap(), None);
            start();
            assert!(!remote.contains("k", "t").unwrap());
            start();
            assert_eq!(remote.fields("k").unwrap(), [b"other"]);
            start();
            assert_eq!(remote.field_ttl("k", "t").unwrap(), Ttl::Missing);
            start();
            assert!(!remote.persist_field("k", "t").unwrap());
            // Redis alone would give the field its old value back.
            start();
            assert_eq!(remote.expire_field("k", "t", HOUR).unwrap(), ExpireOutcome::Missing, "{}", server.name);
            start();
            let outcome = remote.expire_fields("k", ["t", "other", "t"], HOUR).unwrap();
            assert_eq!(
                outcome,
                [ExpireOutcome::Missing, ExpireOutcome::Set, ExpireOutcome::Missing],
                "{}",
                server.name
            );
            assert_eq!(remote.get("k", "t").unwrap(), None, "{}: it is not back", server.name);
            start();
            assert_eq!(remote.get_and_expire("k", "t", HOUR).unwrap(), None);
            assert_eq!(remote.get("k", "t").unwrap(), None, "{}: it is not back", server.name);
            start();
            assert_eq!(remote.take("k", "t").unwrap(), None);
            start();
            assert!(remote.set_if_absent("k", "t", "new").unwrap());
            start();
            assert!(remote.compare_and_set("k", "t", None, Some(b"new")).unwrap());
            start();
            assert_eq!(remote.increment("k", "t", 5).unwrap(), 5);
            assert_eq!(remote.field_ttl("k", "t").unwrap(), Ttl::Never);
            start();
            assert_eq!(remote.increment_and_expire("k", "t", 5, HOUR).unwrap(), 5);
            assert!(remote.field_ttl("k", "t").unwrap().left().is_some_and(|left| left > HOUR / 2));
            start();
            let options = SetOptions::new().only_new_fields().keep_ttl();
            assert_eq!(remote.set_with("k", [("t", "new")], options).unwrap(), Some(1));
            assert_eq!(remote.get("k", "t").unwrap().as_deref(), Some(&b"new"[..]), "{}: it is kept", server.name);
            start();
            assert_eq!(remote.increment_float("k", "t", 0.5).unwrap(), 0.5);
            assert_eq!(remote.get("k", "t").unwrap().as_deref(), Some(&b"0.5"[..]), "{}: it is kept", server.name);
            start();
            let update = remote.update("k", |hash| {
                assert_eq!((hash.len(), hash.expire_field("t", HOUR)), (1, ExpireOutcome::Missing));
                hash.increment("t", 5)
            });
            assert_eq!(update.unwrap(), Ok(5));
            // What only the answer tells, and only on Redis.
            start();
            assert!(remote.set("k", "t", "new").unwrap() || is_redis, "it is new");
            assert_eq!(
                (remote.get("k", "t").unwrap(), remote.field_ttl("k", "t").unwrap()),
                (Some(b"new".to_vec()), Ttl::Never)
            );
            start();
            assert!(!remote.remove("k", "t").unwrap() || is_redis, "it was absent");
        }
    });
}

#[test]
fn an_update_of_a_hash_that_has_expired_begins_anew() {
    each("expired hashes", 4, |server| {
        let remote = server.open();
        for _ in 0..ROUNDS {
            expired(&remote, false);
            let seen = remote.update("k", |hash| {
                let seen = (hash.len(), hash.deadline());
                hash.set("new", "1").unwrap();
                seen
            });
            assert_eq!(seen.unwrap(), (0, None), "{}", server.name);
            assert_eq!(remote.ttl("k").unwrap(), Ttl::Never, "{}: the deadline was that of the old hash", server.name);
            expired(&remote, false);
            let set = remote.update("k", |hash| {
                hash.set("new", "1").unwrap();
                hash.expire(2 * HOUR)
            });
            assert_eq!(set.unwrap(), ExpireOutcome::Set);
            assert!(remote.ttl("k").unwrap().left().is_some_and(|left| left > HOUR));
            // Another client's hash is not the old one any more.
            expired(&remote, false);
            let mut runs = 0;
            let updated = remote.update("k", |hash| {
                runs += 1;
                if runs == 1 {
                    let other = || _ = remote.set_with("k", [("a", "1")], SetOptions::new().expire_key(HOUR)).unwrap();
                    thread::scope(|scope| scope.spawn(other).join().unwrap());
                }
                hash.set("new", "1").unwrap()
            });
            assert!(updated.unwrap());
            assert!(remote.ttl("k").unwrap().left().is_some(), "{}: the other client's deadline", server.name);
        }
    });
}

#[test]
fn an_update_during_which_a_hash_expires_begins_anew() {
    each("expiring hashes", 4, |server| {
        let remote = server.open();
        for _ in 0..ROUNDS / 3 {
            remote.clear("k").unwrap();
            remote.set("k", "t", "old").unwrap();
            remote.expire("k", HOUR).unwrap();
            remote.expire_field("k", "t", Duration::from_millis(30)).unwrap();
            let mut runs = 0;
            let updated = remote.update("k", |hash| {
                runs += 1;
                thread::sleep(Duration::from_millis(40));
                hash.set("new", "1").unwrap()
            });
            assert!(updated.unwrap());
            let told = format!("{}, {runs} runs", server.name);
            assert_eq!(remote.ttl("k").unwrap(), Ttl::Never, "{told}: the deadline was that of the old hash");
            assert_eq!(remote.fields("k").unwrap(), [b"new"], "{told}");
        }
    });
}

/// Takes the hash if it is absent, and lets somebody else do something in the middle of it.
fn own(remote: &Remote, owner: &str, mut meanwhile: impl FnMut()) -> bool {
    let mut runs = 0;
    let update = remote.update("k", |hash| {
        runs += 1;
        let owns = hash.set_with([(owner, "1")], SetOptions::new().only_new_key()).unwrap().is_some();
        if runs == 1 {
            meanwhile();
        }
        owns
    });
    update.unwrap()
}

/// Of two updates that set fields only in a hash that is absent, one comes too late.
#[test]
fn only_one_update_finds_a_hash_that_has_expired_absent() {
    each("owners of expired hashes", 11, |server| {
        let (remote, other) = (server.open(), server.open());
        for has_deadline in [false, true] {
            for _ in 0..ROUNDS {
                expired(&remote, false);
                if !has_deadline {
                    remote.persist("k").unwrap();
                }
                let mut others = false;
                let ours = own(&remote, "ours", || {
                    thread::scope(|scope| others = scope.spawn(|| own(&other, "other", || ())).join().unwrap());
                });
                let told = format!("{}, a deadline: {has_deadline}", server.name);
                assert_eq!((ours, others), (false, true), "{told}");
                assert_eq!(remote.fields("k").unwrap(), [b"other"], "{told}");
            }
        }
    });
}

/// An update takes the hash for one that is there, and meanwhile all its fields expire.
#[test]
fn an_update_that_has_looked_for_a_key_sees_that_all_fields_have_expired() {
    each("expiring keys", 4, |server| {
        let remote = server.open();
        for _ in 0..ROUNDS / 3 {
            remote.clear("k").unwrap();
            remote.set("k", "t", "old").unwrap();
            remote.expire_field("k", "t", Duration::from_millis(30)).unwrap();
            let found = remote.update("k", |hash| {
                let is_there = hash.ttl() != Ttl::Missing;
                thread::sleep(Duration::from_millis(40));
                hash.set("new", "1").unwrap();
                is_there
            });
            assert!(!found.unwrap(), "{}", server.name);
        }
    });
}

/// Both answers are possible: the key is still there, or not.
#[test]
fn single_calls_take_a_hash_that_has_expired_for_one_that_is_there() {
    each("expired keys", 11, |server| {
        let (remote, mut still_there) = (server.open(), 0);
        for _ in 0..ROUNDS {
            expired(&remote, false);
            assert!(remote.get_all("k").unwrap().is_empty() && remote.fields("k").unwrap().is_empty());
            assert_eq!(remote.random_field("k").unwrap(), None);
            still_there += usize::from(remote.contains_key("k").unwrap());
            let outcome = remote.expire("k", HOUR).unwrap();
            assert!([ExpireOutcome::Set, ExpireOutcome::Missing].contains(&outcome));
            let new = remote.set_with("k", [("new", "1")], SetOptions::new().only_new_key()).unwrap();
            assert!([None, Some(1)].contains(&new));
            let _either = remote.rename("k", "l", Overwrite::Yes).unwrap();
            expired(&remote, false);
            assert!(remote.set("k", "new", "1").unwrap());
            assert_eq!(remote.fields("k").unwrap(), [b"new"]);
        }
        assert!(still_there <= ROUNDS);
    });
}
