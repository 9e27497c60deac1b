//! Two processes hash differently. So the order and the collisions of one process say nothing about those of another.
//! The other processes are this test binary, run again.

use std::io::{Write, stdout};
use std::process::Command;

use hashlet::{Store, Thresholds};

const KEYS: usize = 64;
const FIELDS: usize = 1_000;
/// The beginning of the line that the other process prints.
const ORDER: &str = "the order is ";

/// The keys of a store and the fields of a table, in the order of this process.
fn orders() -> [Vec<Vec<u8>>; 2] {
    let store = Store::builder().shards(1).thresholds(Thresholds::default().max_fields(16)).build();
    store.set_many("0", (0..FIELDS).map(|n| (n.to_string(), ""))).unwrap();
    (1..KEYS).for_each(|n| assert_eq!(store.set(n.to_string(), "f", "v"), Ok(true)));
    [store.keys(), store.fields("0")]
}

#[test]
#[ignore = "it is what the other processes do"]
fn process_that_tells_its_order() {
    let line = orders().map(|names| names.join(&b","[..])).join(&b";"[..]);
    let text = format!("\n{ORDER}{}\n", String::from_utf8(line).unwrap());
    stdout().write_all(text.as_bytes()).unwrap();
}

/// The same of another process.
fn orders_of_another() -> [Vec<Vec<u8>>; 2] {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command
        .args(["keys::hash_order::process_that_tells_its_order", "--exact", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let told = text.lines().find_map(|line| line.strip_prefix(ORDER)).expect("it tells");
    let (keys, fields) = told.split_once(';').unwrap();
    [keys, fields].map(|names| names.split(',').map(|name| name.as_bytes().to_vec()).collect())
}

#[test]
fn keys_and_fields_come_in_another_order_in_another_process() {
    let here = orders();
    assert_eq!(orders(), here, "one process has one order");
    let there = [(); 2].map(|()| orders_of_another());
    for (left, right) in [(&here, &there[0]), (&here, &there[1]), (&there[0], &there[1])] {
        for (left, right) in left.iter().zip(right) {
            // On average, one of 64 names has the same place in two random orders.
            let alike = left.iter().zip(right).filter(|(left, right)| left == right).count();
            assert!(alike < 16, "{alike} names stand where they stand in another process");
            let sorted = |names: &[Vec<u8>]| {
                let mut names = names.to_vec();
                names.sort_unstable();
                names
            };
            assert_eq!(sorted(left), sorted(right));
        }
    }
}
