//! Connections that are closed, silent, out of step, or lead to the wrong server.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hashlet::{Across, CopyError, CopyOptions, Hashes, Overwrite, Remote, RemoteError, RemoteOptions, Sample, Store};

use super::fake::Fake;
use super::proxy::Proxy;
use super::servers::each;

/// Makes this many connections that rest.
fn fill_pool(remote: &Remote, connections: usize) {
    let calls = thread::available_parallelism().map_or(2, usize::from) * 200;
    thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| (0..calls).for_each(|_| _ = remote.get("k", "n").unwrap()));
        }
    });
}

#[test]
fn a_restart_that_closed_all_connections_costs_no_call() {
    each("closed connections", 0, |server| {
        let proxy = Proxy::start(&server.socket, &format!("closed-{}", server.short_name()));
        let options = RemoteOptions::new().idle_connections(64);
        let remote = Remote::open_with(&proxy.url(server.database), options).unwrap();
        remote.set("k", "n", "0").unwrap();
        for round in 1..=3 {
            fill_pool(&remote, 16);
            proxy.close();
            let read = remote.get("k", "n").map(|n| n.map(|n| String::from_utf8(n).unwrap()));
            assert_eq!(read.unwrap(), Some((2 * round - 2).to_string()), "{}: a read", server.name);
            assert_eq!(remote.increment("k", "n", 1).unwrap(), 2 * round - 1, "{}: a write after it", server.name);
            fill_pool(&remote, 16);
            proxy.close();
            assert_eq!(remote.increment("k", "n", 1).unwrap(), 2 * round, "{}: a write first", server.name);
        }
    });
}

#[test]
fn silent_connections_cost_a_call_one_short_wait() {
    let (is_silent, last_old, meet) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), 16);
    let waiting = Arc::new((Mutex::new(0), std::sync::Condvar::new()));
    let (silent, old, gate) = (Arc::clone(&is_silent), Arc::clone(&last_old), Arc::clone(&waiting));
    let fake = Fake::start("silent", move |connection, words| {
        if silent.load(Ordering::SeqCst) && connection <= old.load(Ordering::SeqCst) {
            return None;
        }
        if words[0] == "HGET" && !silent.load(Ordering::SeqCst) {
            // All calls run at once, so each has a connection of its own.
            let mut number = gate.0.lock().unwrap();
            *number += 1;
            gate.1.notify_all();
            let _all_here = gate.1.wait_while(number, |number| *number < meet).unwrap();
        }
        Some(if words[0] == "PING" { "+PONG\r\n" } else { "$1\r\n1\r\n" }.to_string())
    });
    let timeout = Duration::from_millis(1_000);
    let remote = Remote::open_with(&fake.url(), RemoteOptions::new().timeout(timeout)).unwrap();
    thread::scope(|scope| {
        for _ in 0..meet {
            scope.spawn(|| remote.get("k", "n").unwrap());
        }
    });
    assert_eq!(fake.connections(), meet);
    last_old.store(meet, Ordering::SeqCst);
    thread::sleep(Duration::from_millis(1_100)); // so that they are asked first
    is_silent.store(true, Ordering::SeqCst);
    let start = Instant::now();
    assert_eq!(remote.get("k", "n").unwrap().as_deref(), Some(&b"1"[..]));
    let took = start.elapsed();
    assert!(took < timeout, "{took:?}: sixteen short waits are four timeouts");
    assert_eq!(fake.connections(), meet + 1);
}

#[test]
fn after_a_fail_over_the_old_connections_are_given_up() {
    let is_replica = Arc::new(AtomicBool::new(false));
    let replica = Arc::clone(&is_replica);
    let fake = Fake::start("replica", move |connection, words| {
        if words[0] == "HGET" {
            thread::sleep(Duration::from_millis(200)); // so that two calls need two connections
            return Some("$-1\r\n".to_string());
        }
        Some(if replica.load(Ordering::SeqCst) && connection <= 2 {
            "-READONLY You can't write against a read only replica.\r\n".to_string()
        } else {
            ":1\r\n".to_string()
        })
    });
    let remote = Remote::open(&fake.url()).unwrap();
    thread::scope(|scope| (0..2).for_each(|_| _ = scope.spawn(|| remote.get("k", "f").unwrap())));
    assert!(remote.set("k", "f", "v").unwrap());
    assert_eq!(fake.connections(), 2);
    is_replica.store(true, Ordering::SeqCst);
    let refused = remote.set("k", "f", "v");
    assert!(matches!(&refused, Err(RemoteError::Server(text)) if text.starts_with("READONLY")), "{refused:?}");
    assert!(remote.set("k", "f", "v").unwrap(), "the next call has a new connection");
    assert_eq!(fake.connections(), 3);
}

/// Each process of a server has its keys in another order, so it has other keys after the same cursor.
#[test]
fn a_walk_begins_anew_if_the_server_is_another_one() {
    let (process, changes) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (running, left) = (Arc::clone(&process), Arc::clone(&changes));
    let fake = Fake::start_process("restarted", process, move |_, words| {
        Some(match words[0].as_str() {
            "SCAN" => {
                let (is_first, number) = (words[1] == "0", running.load(Ordering::SeqCst));
                let key = if is_first == (number % 2 == 0) { "a" } else { "b" };
                if is_first && left.load(Ordering::SeqCst) > 0 {
                    left.fetch_sub(1, Ordering::SeqCst);
                    running.fetch_add(1, Ordering::SeqCst); // another process answers from now on
                }
                format!("*2\r\n$1\r\n{}\r\n*1\r\n$1\r\n{key}\r\n", if is_first { 5 } else { 0 })
            }
            "HSET" | "UNLINK" => {
                running.fetch_add(left.swap(0, Ordering::SeqCst), Ordering::SeqCst);
                ":1\r\n".to_string()
            }
            "DBSIZE" => ":2\r\n".to_string(),
            _ => "*5\r\n$1\r\n1\r\n$1\r\n0\r\n:-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n*0\r\n".to_string(), // a hash
        })
    });
    let remote = Remote::open_with(&fake.url(), RemoteOptions::new().retries(1)).unwrap();
    for replaced in 0..=1 {
        changes.store(replaced, Ordering::SeqCst);
        assert_eq!(remote.keys().unwrap(), [b"a", b"b"]);
        changes.store(replaced, Ordering::SeqCst);
        let store = Store::new();
        let report = store.copy_from(&remote, CopyOptions::new()).unwrap();
        assert_eq!((report.keys, store.key_count()), (2, 2));
    }
    changes.store(2, Ordering::SeqCst);
    let keys = remote.keys();
    assert!(matches!(keys, Err(RemoteError::Wire(_))), "{keys:?}");
    changes.store(2, Ordering::SeqCst);
    let copied = Store::new().copy_from(&remote, CopyOptions::new());
    assert!(matches!(copied, Err(CopyError::Remote(RemoteError::Wire(_)))), "{copied:?}");
    // Another process may not have what was copied to the one before.
    let store = Store::new();
    store.set("k", "f", "v").unwrap();
    store.copy_to(&remote, CopyOptions::new()).unwrap();
    changes.store(1, Ordering::SeqCst);
    let copied = store.copy_to(&remote, CopyOptions::new());
    assert!(matches!(copied, Err(CopyError::Remote(RemoteError::Wire(_)))), "{copied:?}");
}

#[test]
fn an_answer_of_another_kind_is_unknown_after_a_change() {
    let fake = Fake::start("odd", |_, words| {
        Some(match words[0].as_str() {
            "HGETALL" | "HRANDFIELD" => "*3\r\n$1\r\na\r\n$6\r\nsecret\r\n$1\r\nb\r\n".to_string(),
            "HGET" => "*1\r\n$6\r\nsecret\r\n".to_string(),
            _ => "$6\r\nsecret\r\n".to_string(),
        })
    });
    let remote = Remote::open_with(&fake.url(), RemoteOptions::new().retries(1)).unwrap();
    let reads: [Result<(), RemoteError>; 4] = [
        remote.get("k", "f").map(drop),
        remote.get_all("k").map(drop),
        remote.random_fields("k", Sample::Distinct(2)).map(drop),
        remote.size("k").map(drop),
    ];
    for read in reads {
        assert!(matches!(read, Err(RemoteError::Wire(_))), "{read:?}");
        assert!(!format!("{read:?}").contains("secret"), "{read:?}");
    }
    let second = Duration::from_secs(1);
    let changes: [Result<(), RemoteError>; 9] = [
        remote.set("k", "f", "v").map(drop),
        remote.remove("k", "f").map(drop),
        remote.take("k", "f").map(drop),
        remote.compare_and_set("k", "f", None, Some(b"v")).map(drop),
        remote.increment("k", "f", 1).map(drop),
        remote.increment_and_expire("k", "f", 1, second).map(drop),
        remote.expire_field("k", "f", second).map(drop),
        remote.rename("k", "l", Overwrite::Yes).map(drop),
        remote.clear("k").map(drop),
    ];
    let before = fake.connections();
    for (at, change) in changes.into_iter().enumerate() {
        assert!(matches!(change, Err(RemoteError::Unknown(_))), "{at}: {change:?}");
        assert!(!format!("{change:?}").contains("secret"), "{at}: {change:?}");
    }
    let _unknown = remote.set("k", "f", "v");
    assert_eq!(fake.connections(), before + 1, "a connection that may be out of step is closed");
}

#[test]
fn a_refused_password_is_not_tried_again() {
    let fake = Fake::start("password", |_, _| Some("-WRONGPASS invalid username-password pair\r\n".to_string()));
    let denied = Remote::open(&format!("{}?user=ada&pass=sEcret", fake.url()));
    assert!(matches!(&denied, Err(RemoteError::Denied(text)) if !text.contains("sEcret")), "{denied:?}");
    assert_eq!(fake.connections(), 1);
    let fake = Fake::start("no-password", |_, _| Some("-NOAUTH Authentication required.\r\n".to_string()));
    let remote = Remote::open(&fake.url()).unwrap();
    assert!(matches!(remote.get("k", "f"), Err(RemoteError::Denied(_))));
    assert!(matches!(remote.set("k", "f", "v"), Err(RemoteError::Denied(_))));
}

/// Whatever the URL asks for.
#[test]
fn answers_are_read_in_one_protocol() {
    each("protocols", 0, |server| {
        let remote = Remote::open(&format!("{}&protocol=resp3", server.url())).unwrap();
        remote.set("k", "f", "v").unwrap();
        let pair = (b"f".to_vec(), b"v".to_vec());
        assert_eq!(remote.get_all("k").unwrap().get("f"), Some(&b"v"[..]), "{}", server.name);
        assert_eq!(remote.random_field("k").unwrap(), Some(pair.clone()));
        assert_eq!(remote.random_fields("k", Sample::WithRepeats(2)).unwrap(), [pair.clone(), pair.clone()]);
        assert_eq!(remote.scan("k", None, 10).unwrap().items, [pair]);
        assert_eq!(remote.update("k", |hash| hash.len()).unwrap(), 1);
        assert_eq!(remote.increment_float("k", "n", 0.5).unwrap(), 0.5);
        assert!(!remote.rename("none", "new", Overwrite::Yes).unwrap().is_done());
    });
}

/// Users who may not do all that a call takes.
#[test]
fn what_a_user_may_not_do_changes_nothing() {
    each("permissions", 13, |server| {
        let mut admin = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
        let user = format!("few-{}", server.database);
        let rules = ["SETUSER", &user, "reset", "on", ">pw", "~*", "&*", "+@all"];
        let no: Vec<String> = ["pexpire", "pexpireat", "hpexpire", "hpexpireat", "persist", "hdel"]
            .map(|command| format!("-{command}"))
            .to_vec();
        redis::cmd("ACL").arg(&rules).arg(&no).exec(&mut admin).unwrap();
        let few = Remote::open(&format!("{}&user={user}&pass=pw", server.url())).unwrap();
        let remote = server.open();
        remote.set_many("k", [("f", "1"), ("n", "1")]).unwrap();
        remote.set("l", "f", "1").unwrap();
        let later = Duration::from_secs(1_000);
        type Call = fn(&Remote, Duration) -> Result<(), RemoteError>;
        let calls: [(&str, Call); 8] = [
            ("update", |few, later| {
                few.update("k", |hash| {
                    hash.set("f", "2").unwrap();
                    hash.expire(later);
                })
            }),
            ("update of a field", |few, later| {
                few.update("k", |hash| {
                    hash.set("f", "2").unwrap();
                    hash.expire_field("n", later);
                })
            }),
            ("update_many", |few, _| {
                few.update_many(["k", "l"], |[k, l]| {
                    k.set("f", "2").unwrap();
                    l.remove("f");
                })
            }),
            ("increment_and_expire", |few, later| few.increment_and_expire("k", "n", 1, later).map(drop)),
            ("set_with", |few, later| {
                few.set_with("k", [("f", "2")], hashlet::SetOptions::new().expire(later)).map(drop)
            }),
            ("set_with for the key", |few, later| {
                few.set_with("k", [("f", "2")], hashlet::SetOptions::new().expire_key(later)).map(drop)
            }),
            ("expire", |few, later| few.expire("k", later).map(drop)),
            ("remove", |few, _| few.remove("k", "f").map(drop)),
        ];
        for (name, call) in calls {
            let denied = call(&few, later);
            assert!(matches!(denied, Err(RemoteError::Denied(_))), "{}, {name}: {denied:?}", server.name);
            let now = ["k", "l"].map(|key| remote.get_all(key).unwrap());
            let value = |at: usize, field: &str| now[at].get(field).map(|value| value.to_vec());
            let one = Some(b"1".to_vec());
            assert_eq!([value(0, "f"), value(0, "n"), value(1, "f")], [one.clone(), one.clone(), one], "{name}");
            assert_eq!(
                (remote.ttl("k").unwrap(), remote.field_ttl("k", "n").unwrap()),
                (hashlet::Ttl::Never, hashlet::Ttl::Never)
            );
        }
        assert!(!few.set("k", "f", "2").unwrap(), "what is allowed is done");
        let wrong = Remote::open(&format!("{}&user={user}&pass=sEcret", server.url()));
        assert!(matches!(&wrong, Err(RemoteError::Denied(text)) if !text.contains("sEcret")), "{wrong:?}");
        redis::cmd("ACL").arg(&["DELUSER", &user]).exec(&mut admin).unwrap();
    });
}
