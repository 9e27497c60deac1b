//! What calls on a cluster mean: keys on different primaries, keys of different slots in one call, scripts that a node does
//! not know, and calls about all keys.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, SystemTime};

use hashlet::{
    Across, AnyHashes, Cursor, ExpireOutcome, Hashes, KeyPattern, Overwrite, RemoteCluster, RemoteError, RemoteOptions,
    SetOptions,
};

use super::differential::command::Command;
use super::rounds;
use super::servers::{Cluster, each};
use crate::support::source::Bytes;

/// Each cluster gets this many random commands at full scale.
const COMMANDS: f64 = 30_000.0;

fn key(number: usize) -> String {
    format!("key:{number}")
}

#[test]
fn keys_are_spread_over_the_primaries_and_found_again() {
    each("spread keys", |cluster| {
        let remote = cluster.open();
        for number in 0..300 {
            remote.set(key(number), "n", number.to_string()).unwrap();
        }
        let on_each: Vec<usize> = cluster
            .primaries()
            .into_iter()
            .map(|node| match node.ask(&["DBSIZE"]) {
                Ok(redis::Value::Int(keys)) => keys as usize,
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(on_each.len() == 3 && on_each.iter().all(|keys| *keys > 0), "{on_each:?}");
        assert_eq!(remote.key_count().unwrap(), 300);
        let expected: BTreeSet<Vec<u8>> = (0..300).map(|number| key(number).into_bytes()).collect();
        assert_eq!(remote.keys().unwrap().into_iter().collect::<BTreeSet<_>>(), expected);
        let walked: Vec<Vec<u8>> = remote.iter_keys().collect::<Result<_, _>>().unwrap();
        assert_eq!(walked.into_iter().collect::<BTreeSet<_>>(), expected);
        let (mut paged, mut cursor) = (BTreeSet::new(), None);
        loop {
            let page = remote.scan_keys(cursor, 7).unwrap();
            paged.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(paged, expected);
        assert_eq!(remote.get(key(7), "n").unwrap().as_deref(), Some(&b"7"[..]));
        assert_eq!(remote.update(key(8), |hash| hash.increment("n", 1)).unwrap().unwrap(), 9);
        let (sevens, all) = (KeyPattern::glob("key:*7"), KeyPattern::prefix("key:"));
        let found: BTreeSet<Vec<u8>> = remote.iter_keys_matching(&sevens).collect::<Result<_, _>>().unwrap();
        assert_eq!(found, expected.iter().filter(|key| key.ends_with(b"7")).cloned().collect());
        let mut sent = found.iter().map(|key| cluster.slot(std::str::from_utf8(key).unwrap())).collect::<Vec<_>>();
        sent.dedup();
        assert!(sent.len() > 1, "keys of several slots are removed in one call");
        assert_eq!(remote.clear_matching(sevens).unwrap(), 30);
        assert_eq!(remote.iter_keys_matching(&all).count(), 270);
        let drawn: BTreeSet<Vec<u8>> = (0..300).filter_map(|_| remote.random_key().unwrap()).collect();
        assert!(drawn.len() > 100 && drawn.iter().all(|key| all.matches(key) && !key.ends_with(b"7")), "{drawn:?}");
        for server in [0, 1 << 40, u64::MAX] {
            let forged = [7u64.to_le_bytes(), server.to_le_bytes()].concat().try_into().unwrap();
            let mut cursor = Some(Cursor::from_bytes(forged));
            while let Some(at) = cursor {
                cursor = remote.scan_keys(Some(at), 100).unwrap().next;
            }
        }
        remote.clear_all().unwrap();
        assert!(remote.is_empty().unwrap());
    });
}

#[test]
fn a_cluster_answers_as_a_store() {
    each("commands", |cluster| {
        let slot = |key: &Bytes| redis::cluster_routing::Slot::for_key(&key.0);
        let is_apart = |command: &Command| match command.keys() {
            [one, other] => slot(one) != slot(other),
            _ => false,
        };
        rounds::run(cluster.name, COMMANDS, || cluster.open(), is_apart);
    });
}

/// Two keys of different slots.
fn apart(cluster: &Cluster) -> [String; 2] {
    let other = (1..).map(key).find(|other| cluster.slot(other) != cluster.slot(&key(0)));
    [key(0), other.expect("another slot")]
}

#[test]
fn keys_of_different_slots_are_refused_before_anything_is_sent() {
    each("different slots", |cluster| {
        let (remote, [a, b]) = (cluster.open(), apart(cluster));
        remote.set(&a, "f", "v").unwrap();
        let calls = |cluster: &Cluster| {
            let numbers = cluster.alive().map(|node| {
                let info = node.text(&["INFO", "commandstats"]).unwrap();
                // Those of the test itself and of the nodes among each other are others.
                let is_ours = |line: &&str| {
                    ["unlink", "rename", "copy", "evalsha", "eval"]
                        .iter()
                        .any(|name| line.starts_with(&format!("cmdstat_{name}")))
                };
                info.lines().filter(is_ours).map(str::to_string).collect::<Vec<_>>()
            });
            numbers.collect::<Vec<_>>()
        };
        let before = calls(cluster);
        let mut ran = 0;
        let results: [Result<(), RemoteError>; 6] = [
            remote.clear_many([&a, &b]).map(drop),
            remote.rename(&a, &b, Overwrite::Yes).map(drop),
            remote.rename(&a, &b, Overwrite::No).map(drop),
            remote.copy(&a, &b, Overwrite::Yes).map(drop),
            remote.update_tagged("", [&a, &b], |_| ran += 1),
            cluster.open_any().update_many([&a, &b], |_| ran += 1),
        ];
        for (at, result) in results.into_iter().enumerate() {
            assert!(matches!(result, Err(RemoteError::CrossSlot)), "{} {at}: {result:?}", cluster.name);
        }
        assert_eq!((ran, calls(cluster)), (0, before), "{}: nothing was sent", cluster.name);
        assert!(remote.contains_key(&a).unwrap());
    });
}

#[test]
fn keys_of_one_tag_are_changed_in_one_step() {
    each("tags", |cluster| {
        let remote = cluster.open();
        let total = remote.update_tagged("user:1", ["cart", "orders"], |[cart, orders]| {
            cart.set("apples", "2").unwrap();
            orders.increment("orders", 1).unwrap() + cart.len() as i64
        });
        assert_eq!(total.unwrap(), 2);
        assert_eq!(remote.get("{user:1}cart", "apples").unwrap().as_deref(), Some(&b"2"[..]));
        let failed = remote.try_update_tagged("user:1", ["cart", "orders"], |[cart, orders]| {
            cart.clear();
            orders.increment("orders", 1)?;
            Err::<(), _>(RemoteError::Unsupported("on purpose".into()))
        });
        assert!(matches!(failed, Err(RemoteError::Unsupported(_))), "{failed:?}");
        assert_eq!(remote.get("{user:1}orders", "orders").unwrap().as_deref(), Some(&b"1"[..]));
        let twice = remote.update_tagged("user:1", ["cart", "cart"], |_| ());
        assert!(matches!(twice, Err(RemoteError::Refused(_))), "{twice:?}");
        assert!(remote.rename("{user:1}cart", "{user:1}old", Overwrite::Yes).unwrap().is_done());
        assert!(remote.copy("{user:1}old", "{user:1}copy", Overwrite::No).unwrap().is_done());
        assert_eq!(remote.clear_many(["{user:1}old", "{user:1}copy", "{user:1}none"]).unwrap(), 2);
        let any: AnyHashes = cluster.open_any();
        any.update_many(["{t}a", "{t}b"], |[a, b]| {
            a.set("f", "1").unwrap();
            b.set("f", "2").unwrap();
        })
        .unwrap();
        assert_eq!(any.get("{t}b", "f").unwrap().as_deref(), Some(&b"2"[..]));
    });
}

/// Each kind of call that is a script.
fn scripts(remote: &RemoteCluster, key: &str) {
    let later = Duration::from_secs(1_000);
    assert_eq!(remote.update(key, |hash| hash.increment("n", 1)).unwrap().unwrap(), 1);
    assert_eq!(remote.expire(key, later).unwrap(), ExpireOutcome::Set);
    assert_eq!(remote.expire_field(key, "n", later).unwrap(), ExpireOutcome::Set);
    assert_eq!(remote.increment_and_expire(key, "m", 1, later).unwrap(), 1);
    assert_eq!(remote.set_with(key, [("f", "1")], SetOptions::new().expire(later)).unwrap(), Some(1));
    assert_eq!(remote.increment_float(key, "f", 0.5).unwrap(), 1.5);
    assert_eq!(remote.expire(key, SystemTime::UNIX_EPOCH).unwrap(), ExpireOutcome::Deleted);
    assert!(!remote.contains_key(key).unwrap());
}

#[test]
fn a_node_that_does_not_know_a_script_learns_it() {
    each("new nodes", |cluster| {
        let remote = cluster.open();
        for _ in 0..2 {
            for node in cluster.primaries() {
                node.ask(&["SCRIPT", "FLUSH"]).unwrap();
            }
            (0..20).for_each(|number| scripts(&remote, &key(number)));
        }
    });
}

/// While a slot moves, new keys are on the new node, to which each call has to be asked for. It may know no script.
#[test]
fn calls_find_keys_in_a_slot_that_is_moving() {
    each("a slot that stays on the way", |cluster| {
        let remote = cluster.open();
        let slot = cluster.slot("{moving}");
        remote.set("{moving}old", "f", "v").unwrap();
        let (from, _) = cluster.owner(slot);
        let to = cluster.other_primary(from, 0);
        let number = slot.to_string();
        to.ask(&["CLUSTER", "SETSLOT", &number, "IMPORTING", &from.id]).unwrap();
        from.ask(&["CLUSTER", "SETSLOT", &number, "MIGRATING", &to.id]).unwrap();
        to.ask(&["SCRIPT", "FLUSH"]).unwrap();
        for round in 0..2 {
            scripts(&remote, &format!("{{moving}}new{round}"));
        }
        assert_eq!(remote.get("{moving}old", "f").unwrap().as_deref(), Some(&b"v"[..]));
        // A key that is removed by a step of a script is not there for the next one, and would be asked for elsewhere.
        let past = SystemTime::UNIX_EPOCH;
        assert_eq!(remote.expire("{moving}old", past).unwrap(), ExpireOutcome::Deleted, "{}", cluster.name);
        for (at, options) in
            [SetOptions::new().expire(past), SetOptions::new().expire(past).expire_key(past)].into_iter().enumerate()
        {
            to.ask(&["CLUSTER", "SETSLOT", &number, "STABLE"]).unwrap();
            from.ask(&["CLUSTER", "SETSLOT", &number, "STABLE"]).unwrap();
            let key = format!("{{moving}}set{at}");
            remote.set(&key, "f", "v").unwrap();
            to.ask(&["CLUSTER", "SETSLOT", &number, "IMPORTING", &from.id]).unwrap();
            from.ask(&["CLUSTER", "SETSLOT", &number, "MIGRATING", &to.id]).unwrap();
            assert_eq!(remote.set_with(&key, [("f", "w")], options).unwrap(), Some(0), "{} {at}", cluster.name);
            assert!(!remote.contains_key(&key).unwrap());
        }
        to.ask(&["CLUSTER", "SETSLOT", &number, "STABLE"]).unwrap();
        from.ask(&["CLUSTER", "SETSLOT", &number, "STABLE"]).unwrap();
    });
}

/// Lets a slot begin to move, and returns its number and the old and the new node.
fn open_slot(cluster: &Cluster, key: &str) -> (String, String, String) {
    let slot = cluster.slot(key);
    let (from, _) = cluster.owner(slot);
    let (to, number) = (cluster.other_primary(from, 0), slot.to_string());
    to.ask(&["CLUSTER", "SETSLOT", &number, "IMPORTING", &from.id]).unwrap();
    from.ask(&["CLUSTER", "SETSLOT", &number, "MIGRATING", &to.id]).unwrap();
    (number, from.id.clone(), to.id.clone())
}

/// Lets it stay where it is.
fn close_slot(cluster: &Cluster, (number, from, to): &(String, String, String)) {
    for id in [to, from] {
        cluster.node(id).ask(&["CLUSTER", "SETSLOT", number, "STABLE"]).unwrap();
    }
}

/// The field that has expired was all that the key had. In a slot that is moving away, a key that is gone is asked for elsewhere.
#[test]
fn an_update_in_which_a_deadline_passes_sets_the_other_fields_in_a_slot_that_is_moving() {
    each("a deadline that passes", |cluster| {
        let remote = cluster.open();
        remote.set("{passes}k", "f", "old").unwrap();
        let slot = open_slot(cluster, "{passes}k");
        let updated = remote.update("{passes}k", |hash| {
            let soon = SystemTime::now() + Duration::from_millis(50);
            hash.set_with([("f", "short")], SetOptions::new().expire(soon)).unwrap();
            hash.set_with([("g", "long")], SetOptions::new().expire(Duration::from_secs(1_000))).unwrap();
            while SystemTime::now() <= soon + Duration::from_millis(5) {
                thread::sleep(Duration::from_millis(10));
            }
        });
        updated.unwrap_or_else(|error| panic!("{}: {error}", cluster.name));
        assert_eq!(remote.get("{passes}k", "g").unwrap().as_deref(), Some(&b"long"[..]), "{}", cluster.name);
        assert_eq!(remote.fields("{passes}k").unwrap(), [b"g"], "{}", cluster.name);
        close_slot(cluster, &slot);
    });
}

#[test]
fn calls_on_several_keys_wait_for_all_of_them_while_their_slot_is_moving() {
    each("several keys of an open slot", |cluster| {
        let remote = cluster.open();
        let hasty = RemoteOptions::new().patience(Duration::from_millis(1)).retries(0);
        let hasty = RemoteCluster::open_with(&cluster.name_of_all(), hasty).unwrap();
        for key in ["{open}a", "{open}b"] {
            remote.set(key, "f", "v").unwrap();
        }
        let slot = open_slot(cluster, "{open}a");
        // They are still together.
        remote
            .update_tagged("open", ["a", "b"], |[a, b]| (a.set("f", "1").unwrap(), b.set("f", "2").unwrap()))
            .unwrap();
        assert!(remote.copy("{open}a", "{open}b", Overwrite::Yes).unwrap().is_done());
        // What does not exist is nowhere.
        let results: [Result<(), RemoteError>; 4] = [
            hasty.update_tagged("open", ["a", "none"], |[a, _]| _ = a.set("f", "9").unwrap()),
            hasty.copy("{open}a", "{open}none", Overwrite::Yes).map(drop),
            hasty.rename("{open}a", "{open}none", Overwrite::Yes).map(drop),
            hasty.clear_many(["{open}a", "{open}none"]).map(drop),
        ];
        for (at, result) in results.into_iter().enumerate() {
            let name = cluster.name;
            assert!(
                matches!(&result, Err(RemoteError::Server(text)) if text.contains("TRYAGAIN")),
                "{name} {at}: {result:?}"
            );
        }
        assert_eq!(remote.get("{open}a", "f").unwrap().as_deref(), Some(&b"1"[..]), "{}", cluster.name);
        assert_eq!(remote.get("{open}none", "f").unwrap(), None, "{}", cluster.name);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| remote.copy("{open}a", "{open}none", Overwrite::Yes));
            close_slot(cluster, &slot);
            assert!(waiting.join().unwrap().unwrap().is_done());
        });
    });
}

#[test]
fn a_scan_goes_on_after_the_slot_of_its_hash_has_moved() {
    each("a scan and a move", |cluster| {
        let remote = cluster.open();
        let fields: BTreeSet<Vec<u8>> = (0..5_000).map(|n| format!("f{n}").into_bytes()).collect();
        remote.set_many("{scan}k", fields.iter().map(|field| (field, "v"))).unwrap();
        let (mut seen, mut cursor) = (BTreeSet::new(), None);
        for page_number in 0.. {
            let page = remote.scan("{scan}k", cursor, 100).unwrap();
            seen.extend(page.items.into_iter().map(|(field, _)| field));
            cursor = page.next;
            if page_number == 20 {
                let slot = cluster.slot("{scan}k");
                cluster.migrate(slot, cluster.other_primary(cluster.owner(slot).0, 0));
            }
            if cursor.is_none() {
                break;
            }
        }
        // It may leave out some, and these calls leave out none.
        assert!(seen.is_subset(&fields), "{}", cluster.name);
        let all = remote.get_all("{scan}k").unwrap();
        assert_eq!(all.iter().map(|(field, _)| field.to_vec()).collect::<BTreeSet<_>>(), fields, "{}", cluster.name);
        assert_eq!(remote.read("{scan}k", |hash| hash.len()).unwrap(), fields.len(), "{}", cluster.name);
    });
}
