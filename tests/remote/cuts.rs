//! A connection is lost at each byte of the requests and answers of many calls. What was acknowledged is done once, reads
//! are answered, and everything else is `Unknown` and done once or not at all.

use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hashlet::{Across, ExpireCondition, Hashes, Overwrite, Remote, RemoteError, RemoteOptions, SetOptions, Touch};

use super::proxy::{Cut, Proxy};
use super::servers::{each, say};
use crate::support::scale;

/// A call, and its answer as text.
type Call = fn(&Remote) -> Result<String, RemoteError>;

fn text(answer: impl Debug) -> String {
    format!("{answer:?}")
}

fn far(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(4_102_444_800 + seconds)
}

const CALLS: &[(&str, Call)] = &[
    ("get", |remote| remote.get("k", "n").map(text)),
    ("get_many", |remote| remote.get_many("k", ["n", "none"]).map(text)),
    ("get_all", |remote| remote.get_all("l").map(text)),
    ("value_len", |remote| remote.value_len("k", "empty").map(text)),
    ("size", |remote| remote.size("k").map(text)),
    ("read", |remote| remote.read("k", |hash| text((hash.len(), hash.field_deadline("t"))))),
    ("scan", |remote| remote.scan("l", None, 10).map(text)),
    ("scan_keys", |remote| remote.scan_keys(None, 100).map(|page| text(page.items.len()))),
    ("field_deadlines", |remote| remote.field_deadlines("k", ["t", "n"]).map(text)),
    ("set", |remote| remote.set("k", "new", "1").map(text)),
    ("set_many", |remote| remote.set_many("k", [("n", "2"), ("new", "1")]).map(text)),
    ("set_if_absent", |remote| remote.set_if_absent("k", "new", "1").map(text)),
    ("compare_and_set", |remote| remote.compare_and_set("k", "n", Some(b"1"), Some(b"2")).map(text)),
    ("compare_and_remove", |remote| remote.compare_and_set("k", "n", Some(b"1"), None).map(text)),
    ("remove", |remote| remote.remove("k", "n").map(text)),
    ("remove_many", |remote| remote.remove_many("k", ["n", "t"]).map(text)),
    ("take", |remote| remote.take("k", "n").map(text)),
    ("increment", |remote| remote.increment("k", "n", 5).map(text)),
    ("increment_float", |remote| remote.increment_float("k", "t", 0.5).map(text)),
    ("increment_and_expire", |remote| remote.increment_and_expire("k", "n", 5, far(1)).map(text)),
    ("set_with", |remote| {
        remote.set_with("k", [("n", "7"), ("new", "8")], SetOptions::new().expire(far(2)).expire_key(far(3))).map(text)
    }),
    ("get_and_expire", |remote| remote.get_and_expire("k", "n", far(4)).map(text)),
    ("get_many_and_expire", |remote| remote.get_many_and_expire("k", ["t", "n"], Touch::Persist).map(text)),
    ("expire", |remote| remote.expire("k", far(5)).map(text)),
    ("expire_fields_if", |remote| remote.expire_fields_if("k", ["n", "t"], far(6), ExpireCondition::IfNone).map(text)),
    ("persist", |remote| remote.persist("l").map(text)),
    ("persist_field", |remote| remote.persist_field("k", "t").map(text)),
    ("rename", |remote| remote.rename("k", "m", Overwrite::No).map(text)),
    ("copy", |remote| remote.copy("k", "l", Overwrite::Yes).map(text)),
    ("clear", |remote| remote.clear("k").map(text)),
    ("clear_many", |remote| remote.clear_many(["k", "l", "none"]).map(text)),
    ("clear_all", |remote| remote.clear_all().map(text)),
    ("update", |remote| {
        remote.update("k", |hash| {
            let n = hash.increment("n", 5);
            text((n, hash.remove("t")))
        })
    }),
    ("try_update", |remote| remote.try_update("k", |hash| Ok(text(hash.increment("n", 5)?)))),
    ("update_many", |remote| {
        remote.update_many(["k", "l"], |[k, l]| text((k.increment("n", -1), l.increment("n", 1))))
    }),
];

/// The calls that change nothing come first.
const READS: usize = 9;

fn start_over(remote: &Remote) {
    remote.clear_all().unwrap();
    remote.set_many("k", [("n", "1"), ("t", "2.5"), ("empty", "")]).unwrap();
    remote.expire_field("k", "t", far(0)).unwrap();
    remote.set("l", "n", "10").unwrap();
    remote.expire("l", far(0)).unwrap();
}

/// Everything that the database holds.
fn state(remote: &Remote) -> String {
    let mut keys = remote.keys().unwrap();
    keys.sort_unstable();
    let hash = |key: Vec<u8>| {
        let look = |hash: &hashlet::HashRef<'_>| {
            let mut fields: Vec<String> =
                hash.iter().map(|(field, value)| text((field, value, hash.field_deadline(field)))).collect();
            fields.sort_unstable();
            (fields, hash.deadline())
        };
        text((remote.read(&key, look).unwrap(), key))
    };
    keys.into_iter().map(hash).collect()
}

#[test]
fn a_lost_connection_loses_and_doubles_nothing() {
    each("lost connections", 7, |server| {
        let (start, mut cuts, mut unknown) = (Instant::now(), 0, 0);
        let proxy = Proxy::start(&server.socket, &server.short_name());
        let (direct, one) = (server.open(), RemoteOptions::new().idle_connections(1));
        let remote = Remote::open_with(&proxy.url(server.database), one).unwrap();
        for (at, (name, call)) in CALLS.iter().enumerate() {
            start_over(&direct);
            let before = state(&direct);
            call(&remote).unwrap(); // the server has the scripts from now on, and there is a connection
            start_over(&direct);
            proxy.plan(None);
            let expected = call(&remote).unwrap();
            let (sent, answered, _) = proxy.passed();
            let after = state(&direct);
            let every = (1.0 / scale()).ceil().max(1.0) as usize;
            let requests = (0..sent).step_by(every).map(Cut::Request);
            for cut in requests.chain((0..answered).step_by(every).map(Cut::Answer)) {
                let told = |what: &str| format!("{}, {name}, {cut:?} of {sent} and {answered}: {what}", server.name);
                start_over(&direct);
                let _connected = remote.size("none").unwrap();
                proxy.plan(Some(cut));
                let result = call(&remote);
                let (all_sent, _, is_to_come) = proxy.passed();
                if is_to_come {
                    // The server's time is sometimes a few digits shorter.
                    assert!(matches!(cut, Cut::Answer(at) if at + 6 > answered), "{}", told("it was not cut"));
                    continue;
                }
                cuts += 1;
                let now = state(&direct);
                match result {
                    Ok(answer) => {
                        assert_eq!(answer, expected, "{}", told("a wrong answer"));
                        assert_eq!(now, after, "{}", told("acknowledged, and not done once"));
                    }
                    Err(RemoteError::Unknown(_)) => {
                        unknown += 1;
                        assert!(at >= READS, "{}", told("a call that only reads can be repeated"));
                        assert_eq!(all_sent, sent, "{}", told("the request had not left"));
                        let is_done = matches!(cut, Cut::Answer(_));
                        assert_eq!(now, if is_done { &after } else { &before }[..], "{}", told("half done"));
                    }
                    Err(error) => panic!("{}", told(&error.to_string())),
                }
            }
        }
        say(&format!(
            "{cuts} cuts in {} calls on {}: {unknown} unknown, none lost, none double, {:.1?}",
            CALLS.len(),
            server.name,
            start.elapsed()
        ));
        // Connections that were closed while no call used them: the next call takes another one.
        start_over(&direct);
        for n in 2..=4 {
            proxy.close();
            assert_eq!(remote.increment("k", "n", 1).unwrap(), n, "{}", server.name);
        }
    });
}

#[test]
fn a_call_without_an_answer_ends_in_time() {
    each("missing answers", 15, |server| {
        let proxy = Proxy::start(&server.socket, &format!("silent-{}", server.short_name()));
        // A shared server can be busy for a while with other tests.
        let options = RemoteOptions::new().timeout(Duration::from_secs(3));
        let remote = Remote::open_with(&proxy.url(server.database), options).unwrap();
        proxy.plan(Some(Cut::NoAnswer));
        let start = Instant::now();
        let unknown = remote.increment("k", "n", 1);
        assert!(matches!(unknown, Err(RemoteError::Unknown(_))), "{}: {unknown:?}", server.name);
        assert!(start.elapsed() >= Duration::from_millis(2_900));
        assert_eq!(remote.increment("k", "n", 1).unwrap(), 2, "{}: the next call has a connection", server.name);
        proxy.plan(Some(Cut::NoAnswer));
        assert_eq!(remote.get("k", "n").unwrap().as_deref(), Some(&b"2"[..]), "{}: it only reads", server.name);
    });
}
