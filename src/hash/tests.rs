//! What the record promises to those who build on it: encodings, their boundaries, marks and long values.

use super::context::{Nobody, Terms};
use super::*;
use crate::saving::Epoch;
use crate::time::{Clock, Now};

fn rules(thresholds: Thresholds) -> Rules {
    Rules::with_thresholds(thresholds)
}

/// Runs one call on a record, as a visit would.
fn call<R>(record: &mut Record, rules: &Rules, work: impl FnOnce(&mut Record, Context<'_>) -> R) -> R {
    let now = Now::on(&Clock::System);
    let terms = Terms::of_change(&now, Epoch::after_one_save(), &Nobody, false, false);
    let cx = Context::new(rules, &terms);
    let began = record.encoding();
    let result = work(record, cx);
    record.choose_encoding(began, cx);
    record.validate(rules);
    result
}

#[test]
fn marks_travel_through_changes_and_conversions() {
    let mark = Mark::default().other();
    let rules = rules(Thresholds::default().max_fields(4));
    let mut record = Record::new(mark, b"key");
    call(&mut record, &rules, |record, cx| record.set(b"a", &[7; 300], cx)).unwrap();
    assert_eq!((record.encoding(), record.mark()), (Encoding::Packed, mark), "wide ends");
    let many: Vec<[u8; 1]> = (0..9).map(|n| [n]).collect();
    let pairs: Vec<Pair<'_>> = many.iter().map(|field| (&field[..], &b"value"[..])).collect();
    call(&mut record, &rules, |record, cx| record.put_many(&pairs, cx));
    assert_eq!((record.encoding(), record.mark()), (Encoding::Table, mark));
    let fields: Vec<&[u8]> = many[1..].iter().map(|field| &field[..]).collect();
    call(&mut record, &rules, |record, cx| record.remove_many(&fields, cx));
    assert_eq!((record.encoding(), record.mark()), (Encoding::Packed, mark));
    assert_eq!(record.key(), b"key");
}

#[test]
fn two_mib_values_overwritten_a_thousand_times_stay_out_of_the_arena() {
    const LONG: usize = 2 << 20;
    let rules = rules(Thresholds::default().max_fields(0));
    let mut record = Record::new(Mark::default().other(), b"key");
    for n in 0..200 {
        call(&mut record, &rules, |record, cx| record.set(format!("field:{n}").as_bytes(), b"short", cx)).unwrap();
    }
    let short = record.heap_bytes();
    let mut long = vec![0; LONG + 1_000];
    for round in 0..1_000_usize {
        long[0] = round as u8;
        let value = &long[..LONG + round];
        call(&mut record, &rules, |record, cx| record.set(b"field:7", value, cx)).unwrap();
        // The value, its field and a slot in the vector of boxes: nothing of the arena, no old value.
        assert!(record.heap_bytes() < short + value.len() + 100, "{} bytes, {short} before", record.heap_bytes());
    }
    call(&mut record, &rules, |record, cx| record.set(b"field:7", b"short again", cx)).unwrap();
    assert!(record.heap_bytes() < short / 8 * 9 + 100, "{} bytes, {short} before", record.heap_bytes());
}

#[test]
fn an_emptied_arena_gives_its_bytes_back() {
    let rules = rules(Thresholds::default().max_fields(0));
    let mut record = Record::new(Mark::default().other(), b"key");
    let fields: Vec<String> = (0..5_000).map(|n| format!("field:{n}")).collect();
    for field in &fields {
        call(&mut record, &rules, |record, cx| record.set(field.as_bytes(), &[0; 50], cx)).unwrap();
    }
    let full = record.heap_bytes();
    for field in &fields[1..] {
        let removed = call(&mut record, &rules, |record, cx| record.remove(field.as_bytes(), cx));
        assert!(removed, "{field}");
    }
    assert!(record.heap_bytes() < full / 100, "{} bytes of {full}", record.heap_bytes());
}
