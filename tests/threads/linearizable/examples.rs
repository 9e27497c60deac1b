//! Histories written by hand: some that the checker must refuse, and some that look wrong but are right.

use super::checker::is_linearizable;
use super::history::{Event, History};
use crate::support::model::{Bounds, Model};
use crate::support::ops::{Call, Change, Expected, FiledCall, Look, Op};
use crate::support::reply::Reply;
use crate::support::source::Bytes;

/// One call: when it began and ended, the call itself, and its answer.
type Example = (std::ops::Range<usize>, Op, Reply);

fn history(examples: impl IntoIterator<Item = Example>) -> History {
    let event = |(thread, (ticks, op, answer)): (usize, Example)| {
        let (called, returned) = (2 * ticks.start, 2 * ticks.end + 1);
        Event { thread, op, answer, called, returned }
    };
    let mut before = Model::new(Bounds::DEFAULT);
    for key in ["k", "l"] {
        before.hash(key.as_bytes(), |hash| hash.set_many([("f", "0"), ("g", "0")])).unwrap();
    }
    History { before, events: examples.into_iter().enumerate().map(event).collect() }
}

fn accepts(examples: impl IntoIterator<Item = Example>) {
    let history = history(examples);
    assert!(is_linearizable(&history), "refused:\n{history}");
}

fn refuses(examples: impl IntoIterator<Item = Example>) {
    let history = history(examples);
    assert!(!is_linearizable(&history), "accepted:\n{history}");
}

fn look(key: &str, look: Look) -> Op {
    Op::Call(key.into(), FiledCall::Call(Call::Look(look)))
}

fn change(key: &str, change: Change) -> Op {
    Op::Call(key.into(), FiledCall::Call(Call::Change(change)))
}

fn value(text: &str) -> Option<Bytes> {
    Some(text.into())
}

/// Sets the field `f` of `k`, which exists.
fn set(text: &str) -> (Op, Reply) {
    (change("k", Change::Set("f".into(), text.into())), Reply::Flag(false))
}

fn get(text: &str) -> (Op, Reply) {
    (look("k", Look::Get("f".into())), Reply::Value(value(text)))
}

fn get_both(first: &str, second: &str) -> (Op, Reply) {
    let fields = vec!["f".into(), "g".into()];
    (look("k", Look::GetMany(fields)), Reply::Values(vec![value(first), value(second)]))
}

fn set_both(text: &str) -> (Op, Reply) {
    let pairs = ["f", "g"].map(|field| (field.into(), text.into()));
    (change("k", Change::SetMany(pairs.into())), Reply::Count(0))
}

fn increment(sum: i64) -> (Op, Reply) {
    (change("k", Change::Increment("f".into(), 1)), Reply::Integer(sum))
}

/// One step on the field `f` of both keys: reads both, and then sets one of them.
fn read_both_and_set(read: [&str; 2], at: usize, text: &str) -> (Op, Reply) {
    let read_at = |at| (at, FiledCall::Call(Call::Look(Look::Get("f".into()))));
    let set = (at, FiledCall::Call(Call::Change(Change::Set("f".into(), text.into()))));
    let answers = read.map(|text| Reply::Value(value(text))).into_iter().chain([Reply::Flag(false)]);
    (Op::UpdateMany(vec!["k".into(), "l".into()], vec![read_at(0), read_at(1), set]), Reply::Many(answers.collect()))
}

fn at(ticks: std::ops::Range<usize>, (op, answer): (Op, Reply)) -> Example {
    (ticks, op, answer)
}

#[test]
fn a_stale_read_is_refused() {
    refuses([at(0..1, set("1")), at(2..3, get("0"))]);
    accepts([at(0..2, set("1")), at(1..3, get("0"))]);
    accepts([at(0..2, set("1")), at(1..3, get("1"))]);
}

#[test]
fn a_read_of_what_nobody_wrote_is_refused() {
    refuses([at(0..5, set("1")), at(1..4, get("2"))]);
    refuses([at(0..1, get("1")), at(2..3, set("1"))]);
}

#[test]
fn a_lost_update_is_refused() {
    refuses([at(0..3, increment(1)), at(1..2, increment(1))]);
    refuses([at(0..3, increment(1)), at(1..2, increment(2)), at(4..5, get("1"))]);
    accepts([at(0..3, increment(2)), at(1..2, increment(1)), at(4..5, get("2"))]);
}

#[test]
fn half_a_write_of_two_fields_is_refused() {
    refuses([at(0..5, set_both("1")), at(1..2, get_both("1", "0"))]);
    refuses([at(0..5, set_both("1")), at(1..2, get_both("0", "1"))]);
    accepts([at(0..5, set_both("1")), at(1..2, get_both("0", "0")), at(3..4, get_both("1", "1"))]);
}

#[test]
fn an_old_value_after_a_new_one_is_refused() {
    refuses([at(0..9, set("1")), at(1..2, get("1")), at(3..4, get("0"))]);
    accepts([at(0..9, set("1")), at(1..4, get("1")), at(2..5, get("0"))]);
}

#[test]
fn two_winners_of_one_value_are_refused() {
    let take = || (change("k", Change::Take("f".into())), Reply::Value(value("0")));
    refuses([at(0..3, take()), at(1..2, take())]);
    let swap = |won| {
        let call = Change::CompareAndSet("f".into(), Expected::Value("0".into()), value("1"));
        (change("k", call), Reply::Flag(won))
    };
    refuses([at(0..3, swap(true)), at(1..2, swap(true))]);
    refuses([at(0..3, swap(false)), at(1..2, swap(false))]);
    accepts([at(0..3, swap(false)), at(1..2, swap(true))]);
}

#[test]
fn writes_seen_in_two_orders_are_refused() {
    let writes = || [at(0..9, set("1")), at(0..9, set("2"))];
    let reads = |first, second| [at(1..2, get(first)), at(3..4, get(second))];
    accepts(writes().into_iter().chain(reads("1", "2")));
    accepts(writes().into_iter().chain(reads("2", "1")));
    // The third read sees the value that the second one has seen replaced.
    refuses(writes().into_iter().chain(reads("1", "2")).chain([at(5..6, get("1"))]));
}

#[test]
fn calls_that_begin_in_one_order_may_take_effect_in_any_other() {
    let writes = || (1..=5).map(|n| at(n..20, set(&n.to_string())));
    let reads = |order: [usize; 5]| (0..5).map(move |n| at(6 + 2 * n..7 + 2 * n, get(&order[n].to_string())));
    accepts(writes().chain(reads([3, 5, 1, 4, 2])));
    accepts(writes().chain(reads([5, 4, 3, 2, 1])));
    refuses(writes().chain(reads([5, 4, 5, 2, 1])));
}

#[test]
fn a_call_takes_effect_although_its_thread_learns_of_it_late() {
    // The first set returns last. Meanwhile its value is read, overwritten, and the new value is read.
    accepts([at(0..9, set("1")), at(1..2, get("1")), at(3..4, set("2")), at(5..6, get("2")), at(10..11, get("2"))]);
    refuses([at(0..9, set("1")), at(1..2, get("1")), at(3..4, set("2")), at(5..6, get("2")), at(10..11, get("1"))]);
}

#[test]
fn write_skew_across_two_keys_is_refused() {
    let skew = [at(0..3, read_both_and_set(["0", "0"], 0, "1")), at(1..2, read_both_and_set(["0", "0"], 1, "1"))];
    refuses(skew);
    let serial = [at(0..3, read_both_and_set(["0", "1"], 0, "1")), at(1..2, read_both_and_set(["0", "0"], 1, "1"))];
    accepts(serial);
}

#[test]
fn a_cycle_through_two_keys_is_refused() {
    // Each reader sees one key before the write that the other reader has seen.
    let get_across = |first: &str, second: &str| {
        let keys = vec!["k".into(), "l".into()];
        (Op::GetAcross(keys, "f".into()), Reply::Values(vec![value(first), value(second)]))
    };
    let writes = || {
        let set = |key| change(key, Change::Set("f".into(), "1".into()));
        ["k", "l"].map(|key| at(0..9, (set(key), Reply::Flag(false))))
    };
    refuses(writes().into_iter().chain([at(1..4, get_across("1", "0")), at(2..3, get_across("0", "1"))]));
    accepts(writes().into_iter().chain([at(1..4, get_across("1", "0")), at(2..3, get_across("1", "1"))]));
    accepts(writes().into_iter().chain([at(1..4, get_across("1", "0")), at(2..3, get_across("0", "0"))]));
}

#[test]
fn a_moved_hash_is_never_at_both_keys_nor_at_none() {
    let rename = || {
        (Op::Rename(["k".into(), "m".into()], hashlet::Overwrite::Yes), Reply::Transfer(hashlet::TransferOutcome::Done))
    };
    let is_there = |key: &str, there| (Op::ContainsKey(key.into()), Reply::Flag(there));
    refuses([at(0..9, rename()), at(1..2, is_there("k", false)), at(3..4, is_there("m", false))]);
    refuses([at(0..9, rename()), at(1..2, is_there("m", true)), at(3..4, is_there("k", true))]);
    accepts([at(0..9, rename()), at(1..2, is_there("m", false)), at(3..4, is_there("k", false))]);
}

#[test]
fn keys_that_no_call_joins_are_histories_of_their_own() {
    let of_l = || (look("l", Look::Size), Reply::Count(2));
    assert_eq!(history([at(0..1, set("1")), at(0..1, of_l()), at(2..3, get("1"))]).objects().len(), 2);
    let joined = [at(0..1, set("1")), at(0..1, of_l()), at(2..3, read_both_and_set(["1", "0"], 0, "2"))];
    assert_eq!(history(joined).objects().len(), 1);
    // An error on one key is found, whatever the calls on the other.
    refuses([at(0..1, set("1")), at(0..1, of_l()), at(2..3, get("0"))]);
}
