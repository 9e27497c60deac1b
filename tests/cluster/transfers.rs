//! Transfers while slots move, while primaries change and after one is killed: no sum is wrong, no transfer is lost but for
//! those that the servers say they may lose, and none is done twice. The same with WATCH loses some, so the test can fail.

use std::time::Instant;

use hashlet::{Hashes, RemoteCluster};
use redis::cluster::ClusterConnection;
use redis::{ConnectionLike, ErrorKind, RedisResult, ServerErrorKind, Value};

use super::bank::{self, Books, Outcome, TAGS, THREADS, Teller, found, tag};
use super::servers::{Cluster, Node, PATIENT, QUICK, each, say, wait_until};
use crate::support::scale;

/// Transfers and counts on each cluster at full scale, while slots move.
const STEPS: f64 = 200_000.0;
/// Slots that move at full scale, at least.
const MOVES: f64 = 200.0;

fn steps() -> usize {
    (STEPS * scale()) as usize / THREADS
}

fn moves() -> usize {
    (MOVES * scale()) as usize + 10
}

/// Moves slots of the accounts from primary to primary: one key after the other, and at once where the server can.
fn move_slots(cluster: &Cluster, moves: usize) {
    let slots = bank::slots(cluster);
    for at in 0..moves {
        let slot = slots[at % TAGS];
        let (from, _) = cluster.owner(slot);
        let to = cluster.other_primary(from, at / TAGS);
        if cluster.is_valkey() && at % 2 == 1 {
            cluster.migrate_at_once(slot, to);
        } else {
            cluster.migrate(slot, to);
        }
    }
}

#[test]
fn nothing_is_lost_or_doubled_while_slots_move() {
    each("moving slots", |cluster| {
        let (remote, books, begin) = (cluster.open(), Books::default(), Instant::now());
        bank::open(&remote);
        bank::work(&books, steps(), || remote.clone(), || move_slots(cluster, moves()));
        let [done, unknown, failed] = books.sums();
        assert_eq!((unknown, failed), (0, 0), "{}: slots that move lose no connection", cluster.name);
        for number in 0..TAGS {
            let found = found(&remote, number);
            let [transfers, counts] = [&books.transfers, &books.counts].map(|known| known[number].numbers()[0]);
            assert_eq!(found.balance, 0, "{}: {found:?}", cluster.name);
            assert_eq!(
                found.transfers, [transfers; 2],
                "{}: a transfer was lost or done twice: {found:?}",
                cluster.name
            );
            assert_eq!(found.count, counts, "{}: a count was lost or done twice: {found:?}", cluster.name);
        }
        say(&format!(
            "{}: {done} transfers and counts while {} slots moved: none lost, none double, {:.1?}",
            cluster.name,
            moves(),
            begin.elapsed()
        ));
    });
}

/// Transfers with WATCH, over the cluster client of the crate `redis`. A transaction that a server refuses because the slot has
/// moved is sent to the server that has it now, as cluster clients do with everything. But that server watches nothing.
struct Watching(ClusterConnection);

impl Watching {
    fn try_transfer(&mut self, tag: &str, amount: i64) -> RedisResult<bool> {
        let keys = ["a", "b"].map(|name| format!("{{{tag}}}{name}"));
        redis::cmd("WATCH").arg(&keys).exec(&mut self.0)?;
        let mut change = redis::pipe();
        change.atomic();
        for (key, amount) in keys.iter().zip([-amount, amount]) {
            let number = |field: &str, connection: &mut ClusterConnection| -> RedisResult<i64> {
                let value: Option<i64> = redis::cmd("HGET").arg(key).arg(field).query(connection)?;
                Ok(value.unwrap_or(0))
            };
            let (balance, transfers) = (number("balance", &mut self.0)?, number("transfers", &mut self.0)?);
            change.cmd("HSET").arg(key).arg("balance").arg(balance + amount).arg("transfers").arg(transfers + 1);
        }
        let transaction = change.get_packed_pipeline();
        loop {
            // MULTI and each command have an answer before that to EXEC.
            match self.0.req_packed_commands(&transaction, keys.len() + 1, 1) {
                Ok(answers) => return Ok(answers != [Value::Nil]),
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::ExecAbort) => {
                    redis::cmd("EXISTS").arg(&keys[0]).exec(&mut self.0)?; // the client learns who has the slot
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Teller for Watching {
    fn transfer(&mut self, tag: &str, amount: i64) -> Outcome {
        loop {
            match self.try_transfer(tag, amount) {
                Ok(true) => return Outcome::Done,
                Ok(false) => {}
                Err(_) => return Outcome::Unknown,
            }
        }
    }

    fn count(&mut self, tag: &str) -> Outcome {
        match redis::cmd("HINCRBY").arg(format!("{{{tag}}}count")).arg("n").arg(1).exec(&mut self.0) {
            Ok(()) => Outcome::Done,
            Err(_) => Outcome::Unknown,
        }
    }
}

#[test]
fn transfers_with_watch_fail_the_same_test() {
    each("WATCH", |cluster| {
        let (remote, begin) = (cluster.open(), Instant::now());
        let mut wrong = 0;
        // Usually the first round loses some.
        for round in 1..=50 {
            remote.clear_all().unwrap();
            bank::open(&remote);
            let books = Books::default();
            let urls: Vec<String> = cluster.alive().map(Node::url).collect();
            let client = redis::cluster::ClusterClient::new(urls).unwrap();
            let teller = || Watching(client.get_connection().unwrap());
            bank::work(&books, 100, teller, || move_slots(cluster, 3 * TAGS));
            for number in 0..TAGS {
                let found = found(&remote, number);
                let [done, unknown, _] = books.transfers[number].numbers();
                let is_right = |transfers: u64| (done..=done + unknown).contains(&transfers);
                let is_wrong = found.balance != 0 || !found.transfers.into_iter().all(is_right);
                wrong += usize::from(is_wrong);
            }
            if wrong > 0 {
                say(&format!(
                    "{}: with WATCH, {wrong} of {TAGS} pairs are wrong after {round} rounds and {} transfers and counts, {:.1?}",
                    cluster.name,
                    books.sums()[0],
                    begin.elapsed()
                ));
                break;
            }
        }
        assert!(wrong > 0, "{}: WATCH has lost nothing, so the test cannot fail", cluster.name);
    });
}

/// What is acknowledged is there, but for what may be lost of each pair, and what is there was asked for. Returns how many
/// transfers were lost.
fn check(cluster: &Cluster, remote: &RemoteCluster, books: &Books, may_be_lost: impl Fn(usize) -> u64) -> u64 {
    let of_pair = |number: usize| {
        let found = found(remote, number);
        let [done, unknown, _] = books.transfers[number].numbers();
        assert_eq!(found.balance, 0, "{}: half of a transfer: {found:?}", cluster.name);
        let [transfers, others] = found.transfers;
        assert_eq!(transfers, others, "{}: half of a transfer: {found:?}", cluster.name);
        assert!(transfers <= done + unknown, "{}: {found:?}, {done} done and {unknown} unknown", cluster.name);
        let most = may_be_lost(number);
        assert!(transfers + most >= done, "{}: {found:?} of {done} done, {most} may be lost", cluster.name);
        let [counts, unknown_counts, _] = books.counts[number].numbers();
        assert!(found.count <= counts + unknown_counts, "{}: {found:?}, {counts} counts", cluster.name);
        assert!(most > 0 || found.count >= counts, "{}: {found:?}, {counts} counts", cluster.name);
        done.saturating_sub(transfers)
    };
    (0..TAGS).map(of_pair).sum()
}

#[test]
fn nothing_is_lost_while_primaries_hand_over() {
    each("CLUSTER FAILOVER", |cluster| {
        let (remote, books, begin) = (cluster.open(), Books::default(), Instant::now());
        bank::open(&remote);
        bank::work(
            &books,
            steps() / 10,
            || remote.clone(),
            || {
                // Each once, because Redis's primaries do not vote for two successors of one within a long time.
                let slots: Vec<usize> = cluster.primaries().iter().map(|node| cluster.a_slot(node)).collect();
                slots.into_iter().for_each(|slot| cluster.hand_over(slot));
            },
        );
        let [done, unknown, failed] = books.sums();
        assert_eq!(failed, 0, "{}", cluster.name);
        check(cluster, &remote, &books, |_| 0);
        say(&format!(
            "{}: {done} transfers and counts while 3 primaries handed over: none lost, {unknown} unknown, {:.1?}",
            cluster.name,
            begin.elapsed()
        ));
    });
}

/// The replica has what was acknowledged before a mark that it has, because it gets everything in the order of the primary. What
/// comes later is kept from it, so it is lost with the primary, acknowledged or not.
#[test]
fn a_primary_that_is_killed_takes_only_what_no_replica_had() {
    each("kill -9", |cluster| {
        let (remote, books, begin) = (cluster.open(), Books::default(), Instant::now());
        bank::open(&remote);
        let slots = bank::slots(cluster);
        let (victim, replica) = cluster.pair(slots[0]);
        let of_victim: Vec<usize> =
            (0..TAGS).filter(|number| cluster.owner(slots[*number]).0.id == victim.id).collect();
        let done = |number: usize| books.transfers[number].numbers()[0];
        let done_of_victim = || of_victim.iter().map(|number| done(*number)).collect::<Vec<_>>();
        let go_on = |what: &str| {
            let before = done_of_victim();
            wait_until(what, || done_of_victim().iter().zip(&before).all(|(now, before)| now > before));
        };
        // How many transfers of each pair the replica has for certain, and how many were acknowledged when it took over.
        let (mut safe, mut at_death) = (Vec::new(), Vec::new());
        bank::work(
            &books,
            steps() / 10,
            || remote.clone(),
            || {
                let mut marks = victim.connect().unwrap();
                for mark in 0..10 {
                    go_on("transfers go on");
                    safe = done_of_victim();
                    let key = format!("{{{}}}mark", tag(of_victim[0]));
                    redis::cmd("HSET").arg(&key).arg("n").arg(mark).exec(&mut marks).unwrap();
                    let replicas: usize = redis::cmd("WAIT").arg(1).arg(0).query(&mut marks).unwrap();
                    assert!(replicas >= 1);
                }
                // What comes now does not reach the replica: it stands still, and more waits for it than the system keeps.
                replica.signal("STOP");
                let key = format!("{{{}}}large", tag(of_victim[0]));
                redis::cmd("HSET").arg(&key).arg("f").arg("v".repeat(32 << 20)).exec(&mut marks).unwrap();
                go_on("transfers go on without the replica");
                victim.kill();
                replica.signal("CONT");
                cluster.take_for_dead_after(QUICK);
                wait_until("a replica takes over", || cluster.owner(slots[0]).0.id != victim.id);
                at_death = done_of_victim();
                cluster.take_for_dead_after(PATIENT);
                go_on("transfers go on after the death");
            },
        );
        let [all_done, unknown, failed] = books.sums();
        assert_eq!(failed, 0, "{}", cluster.name);
        // Each thread may have had an answer in its hands that was not noted yet.
        let may_be_lost = |number: usize| match of_victim.iter().position(|of_victim| *of_victim == number) {
            Some(at) => at_death[at] - safe[at] + THREADS as u64,
            None => 0,
        };
        let lost = check(cluster, &remote, &books, may_be_lost);
        let most: u64 = (0..TAGS).map(may_be_lost).sum();
        assert!(lost > 0, "{}: the replica had everything, so the test has shown nothing", cluster.name);
        say(&format!(
            "{}: {all_done} transfers and counts, and a primary was killed: {lost} transfers lost, of at most {most} that its \
             replica had not confirmed, {unknown} unknown, {:.1?}",
            cluster.name,
            begin.elapsed()
        ));
    });
}
