//! The operations whose instructions are counted: `instructions NAME TIMES` does one so many times, on a store that is
//! the same each time, hash seed included; `instructions names` tells which there are.
//!
//! The packed hashes are profiles of 8 fields, 1,000 of them; the table is one hash of 10,000 fields. Which key and
//! which field comes next does not depend on how often: `TIMES` requests of 10 times as many begin the same.

#![allow(clippy::print_stdout, reason = "the report reads it")]

#[path = "../../../support/random.rs"]
#[allow(dead_code, reason = "Zipf's law is for the others")]
mod random;

use std::hint::black_box;

use hashlet::{Eviction, HashMut, Limits, Store};

use random::Random;

const SEED: u64 = 7;
const KEYS: usize = 1_000;
const FIELDS: [&str; 8] = ["name", "email", "phone", "city", "country", "joined", "visits", "language"];
const COUNTER: &str = "visits";
const TABLE: &str = "table";
const TABLE_FIELDS: usize = 10_000;
/// Values to set, each of another length than its neighbours.
const CITIES: [&str; 4] = ["Rome", "Athens", "Valencia", "Ulaanbaatar"];

/// What is done once, to the request of this number.
type Operation = fn(&Store, &Request);

const OPERATIONS: [(&str, Operation); 19] = [
    ("get", get),
    ("get_limited", get),
    ("get_least_recent", get),
    ("get_least_frequent", get),
    ("get_missing", |store, request| {
        assert!(black_box(store.get(&request.key, "absent")).is_none());
    }),
    ("contains", |store, request| assert!(store.contains(&request.key, request.field))),
    ("get_all", |store, request| assert_eq!(black_box(store.get_all(&request.key)).len(), FIELDS.len())),
    ("set_same_length", |store, request| {
        assert_eq!(store.set(&request.key, "phone", &request.phone), Ok(false));
    }),
    ("set_other_length", |store, request| {
        assert_eq!(store.set(&request.key, "city", request.city), Ok(false));
    }),
    ("set_new", |store, request| assert_eq!(store.set(&request.key, &request.new, "value"), Ok(true))),
    ("increment", |store, request| assert!(store.increment(&request.key, COUNTER, 1).is_ok())),
    ("update_three", |store, request| {
        assert!(store.update(&request.key, |hash| three(hash, request)).is_ok());
    }),
    ("try_update_three", |store, request| {
        assert!(store.try_update(&request.key, |hash| three(hash, request)).is_ok());
    }),
    ("remove_reinsert", |store, request| {
        assert!(store.remove(&request.key, "country"));
        assert_eq!(store.set(&request.key, "country", "Iceland"), Ok(true));
    }),
    ("table_get", |store, request| {
        assert!(black_box(store.get(TABLE, &request.table_field)).is_some());
    }),
    ("table_set_same_length", |store, request| {
        assert_eq!(store.set(TABLE, &request.table_field, &request.phone), Ok(false));
    }),
    ("table_set_other_length", |store, request| {
        assert_eq!(store.set(TABLE, &request.table_field, request.city), Ok(false));
    }),
    ("table_update_three", |store, request| {
        assert!(store.update(TABLE, |hash| three_of_table(hash, request)).is_ok());
    }),
    ("table_try_update_three", |store, request| {
        assert!(store.try_update(TABLE, |hash| three_of_table(hash, request)).is_ok());
    }),
];

fn get(store: &Store, request: &Request) {
    assert!(black_box(store.get(&request.key, request.field)).is_some());
}

/// The store of an operation: it has a limit, and a policy, where that is what is counted. Nothing is evicted.
fn empty(name: &str) -> Store {
    let policy = match name {
        "get_limited" => Eviction::Refuse,
        "get_least_recent" => Eviction::LeastRecent,
        "get_least_frequent" => Eviction::LeastFrequent,
        _ => return Store::builder().hash_seed(SEED).build(),
    };
    Store::builder().hash_seed(SEED).limits(Limits::default().max_bytes(1 << 30)).eviction(policy).build()
}

/// Changes three fields of a profile.
#[inline]
fn three(hash: &mut HashMut<'_>, request: &Request) -> hashlet::Result<i64> {
    hash.set("phone", &request.phone)?;
    hash.set("city", request.city)?;
    hash.increment(COUNTER, 1)
}

/// The same with fields of the table: one keeps its length, one does not, and one is a counter.
#[inline]
fn three_of_table(hash: &mut HashMut<'_>, request: &Request) -> hashlet::Result<i64> {
    hash.set(&request.table_field, &request.phone)?;
    hash.set("item:000001", request.city)?;
    hash.increment(COUNTER, 1)
}

/// What all operations are given.
struct Request {
    key: String,
    field: &'static str,
    /// A field that no hash has, another each time.
    new: String,
    table_field: String,
    phone: String,
    city: &'static str,
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [word] if word == "names" => OPERATIONS.iter().for_each(|(name, _)| println!("{name}")),
        [name, times] => {
            let (name, operation) = OPERATIONS.iter().find(|(known, _)| known == name).expect("a known name");
            run(&filled(empty(name)), *operation, times.parse().expect("a number"));
        }
        _ => panic!("names, or the name of an operation and how often it is done"),
    }
}

/// Everything but the operation itself costs the same, however often.
fn run(store: &Store, operation: Operation, times: usize) {
    let requests = requests();
    for request in &requests[..times] {
        operation(store, request);
    }
    // Freeing takes its instructions too, and more the more there is: nothing is freed.
    std::process::exit(0);
}

fn phone(random: &mut Random) -> String {
    format!("+1-555-{:04}-{:04}", random.below(10_000), random.below(10_000))
}

fn filled(store: Store) -> Store {
    let mut random = Random::new(SEED);
    for key in 0..KEYS {
        let values =
            ["Ada Lovelace", "ada@example.com", &phone(&mut random), "Lisbon", "Portugal", "2015-12-10", "7", "en"];
        let pairs = FIELDS.iter().zip(values);
        assert_eq!(store.set_many(format!("user:{key:07}"), pairs), Ok(FIELDS.len()));
    }
    for field in 0..TABLE_FIELDS {
        assert_eq!(store.set(TABLE, format!("item:{field:06}"), phone(&mut random)), Ok(true));
    }
    store
}

fn requests() -> Vec<Request> {
    const MOST: usize = 10_000;
    let mut random = Random::new(SEED);
    let request = |number| Request {
        key: format!("user:{:07}", random.below(KEYS)),
        field: random.pick(&FIELDS),
        new: format!("new{number:05}"),
        table_field: format!("item:{:06}", random.below(TABLE_FIELDS)),
        phone: phone(&mut random),
        city: random.pick(&CITIES),
    };
    (0..MOST).map(request).collect()
}
