//! What the names of results are called where people read them.

use crate::parts::{Part, find};
use crate::results::Results;

pub(super) const OURS: &str = "hashlet";
pub(super) const FIRST_RIVAL: &str = "dashmap";

/// Operations in the order of tables, and what each does.
pub(super) const OPERATIONS: [(&str, &str); 16] = [
    ("look", "read a value without copying it"),
    ("get", "copy a value"),
    ("missing_field", "look up a missing field"),
    ("missing_key", "look up a missing key"),
    ("contains", "ask whether a field exists"),
    ("get_all", "copy a whole hash"),
    ("get_across", "copy one field of 64 hashes, per hash"),
    ("get_many_across", "copy three fields of 64 hashes, per hash"),
    ("set_same", "overwrite a value, same length"),
    ("set_across", "overwrite a value of each of 64 hashes, per hash"),
    ("set_other", "overwrite a value, other length"),
    ("set_new", "add a field"),
    ("remove", "remove that field again"),
    ("reinsert", "remove a field and set it again"),
    ("increment", "add 1 to a number"),
    ("update", "change three fields in one step"),
];

/// Those that are measured on every shape of data.
pub(super) const ON_ALL_SHAPES: [&str; 8] =
    ["look", "get", "missing_field", "get_all", "set_same", "set_other", "set_new", "remove"];

/// The shapes of data beside the profiles.
pub(super) const SHAPES: [(&str, &str); 4] = [
    ("carts", "carts of 3 JSON values"),
    ("big", "one hash of 1,000,000 fields"),
    ("middle", "hashes of 128 fields"),
    ("packages", "Debian packages"),
];

/// Said where fields are added to hashes of 128.
pub(super) const PROMOTES: &str = "Hashes of 128 fields, adding a field and removing it again: these two measure tables. \
                                   The added field is the 129th, and it makes a table of a packed hash.";

pub(super) fn operation(name: &str) -> &'static str {
    OPERATIONS.iter().find(|(known, _)| *known == name).map_or("", |(_, words)| words)
}

/// Whether an operation on a shape measures tables, because it adds the 129th field.
pub(super) fn promotes(shape: &str, operation: &str) -> bool {
    shape == "middle" && ["set_new", "remove"].contains(&operation)
}

/// What a subject is called over a column or beside a bar.
pub(super) fn subject(name: &str) -> &str {
    match name {
        "hashlet_tables" => "hashlet, tables only",
        "hashlet_unshaped" => "hashlet without shapes",
        "dashmap" => "DashMap",
        "dashmap_strings" => "DashMap of Strings",
        "sharded" => "64 locked maps",
        "kevy" => "kevy-embedded",
        "redis" => "Redis",
        "valkey" => "Valkey",
        "bare" => "one map, no lock",
        "raw" => "the same bytes, raw",
        "hashlet_recent" => "hashlet, LeastRecent",
        "hashlet_frequent" => "hashlet, LeastFrequent",
        "hashlet_random" => "hashlet, Random",
        "moka_record" => "moka of records",
        "quick_cache_record" => "quick_cache of records",
        "redis_lru" => "Redis, allkeys-lru",
        "redis_lfu" => "Redis, allkeys-lfu",
        "valkey_lru" => "Valkey, allkeys-lru",
        "valkey_lfu" => "Valkey, allkeys-lfu",
        "moka_keys" => "moka",
        "quick_cache_keys" => "quick_cache",
        other => other,
    }
}

/// The command that measures a part.
pub(super) fn command(part: &str) -> String {
    format!("cargo run --release --manifest-path benches/rivals/Cargo.toml -- {part}")
}

/// The only group of a part that is about hashlet alone.
pub(super) fn only_group(part: &str) -> &'static str {
    find(part).map_or("", |part: &Part| part.groups[0])
}

/// A figure of hashlet in a part that is about it alone.
pub(super) fn alone(results: &Results, part: &str, figure: &str) -> Option<f64> {
    results.median(part, only_group(part), OURS, figure)
}

/// `a, b and c`.
pub(super) fn listed<S: AsRef<str>>(texts: &[S]) -> String {
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    match texts.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        last => last.map_or(String::new(), |(last, _)| (*last).to_owned()),
    }
}
