//! The calls that threads make during saves, each thread on its own keys, and the model of these calls. The number of a
//! thread and the number of a call determine the call. So the state after any number of calls can be computed later. A
//! snapshot of one instant holds one of these states for each thread.
//!
//! The keys of thread 1 are:
//! - `p1:…`: small hashes that change their encoding now and then.
//! - `t1:…`: large tables.
//! - `r1:…`: tables that are renamed, and hardly changed otherwise.
//! - `m1`: a table that loses the fields of some segments one by one. So segments are merged long after the last change
//!   of the others.
//! - `s1`: a hash in which fields expire.
//! - `k1:…`: keys that expire.

mod model;

use std::sync::OnceLock;

use hashlet::{Overwrite, SetOptions, Store, When};

use crate::support::source::{Source, mix};
use crate::support::time::{BEGINNING, END, time};
pub(crate) use model::Model;

/// The number of fields of a large table, which has several segments.
pub(crate) const LARGE: usize = 2_500;
const PACKED: usize = 12;
const TABLES: usize = 3;

#[derive(Clone, Debug)]
pub(crate) enum Call {
    Set(String, String, String),
    SetMany(String, std::ops::Range<usize>, String),
    /// Gives all fields the same new value.
    Bump(String, String),
    Remove(String, String),
    RemoveMany(String, std::ops::Range<usize>),
    /// Removes four of five fields, equally many from each segment.
    Thin(String),
    Clear(String),
    Rename(String, String),
    Copy(String, String),
    Expire(String, u64),
    Persist(String),
    ExpireField(String, String, u64),
    /// Sets a field that expires soon. No other call has its name.
    SetShort(String, String, u64),
    /// Sets this many fields of a new key that expires soon.
    SetShortKey(String, usize, u64),
}

impl Call {
    /// The call with this number that a thread makes. The first calls fill its tables.
    pub(crate) fn of(thread: usize, number: u64) -> Self {
        let mut source = Source::Seed(mix((thread as u64) << 40 | number));
        let value = match source.below(40) {
            0 => "long".repeat(400),
            length => format!("{number:0>length$}"),
        };
        let packed = |source: &mut Source<'_>| format!("p{thread}:{}", source.below(PACKED));
        let table = |source: &mut Source<'_>| format!("t{thread}:{}", source.below(TABLES));
        let any = |source: &mut Source<'_>| if source.one_in(4) { table(source) } else { packed(source) };
        let large = |source: &mut Source<'_>| format!("f{}", source.below(LARGE));
        let small = |source: &mut Source<'_>| format!("f{}", source.below(20));
        // A late deadline is long after the test, and a soon one may pass during it.
        let late = END - mix(number) % 1_000_000;
        let soon = BEGINNING + number + source.below(400) as u64;
        match number {
            0..3 => return Self::SetMany(format!("t{thread}:{number}"), 0..LARGE, value),
            3 => return Self::SetMany(format!("s{thread}"), 0..LARGE / 2, value),
            _ => {}
        }
        match number % 32 {
            5 => return Self::rename_in_turn(thread, number / 32),
            16 | 0 => return Self::shrink_in_turn(thread, number / 16),
            _ => {}
        }
        match source.below(256) {
            0 => Self::SetMany(table(&mut source), 0..LARGE, value),
            1..=2 => Self::Bump(table(&mut source), value),
            3..=5 => Self::Rename(table(&mut source), table(&mut source)),
            6 => Self::Copy(table(&mut source), table(&mut source)),
            7 => Self::Clear(table(&mut source)),
            8 => Self::RemoveMany(table(&mut source), source.below(200)..LARGE),
            9..=40 => Self::Set(table(&mut source), large(&mut source), value),
            41..=55 => Self::Remove(table(&mut source), large(&mut source)),
            56..=65 => Self::ExpireField(table(&mut source), large(&mut source), late),
            66..=75 => Self::Expire(any(&mut source), late),
            76..=80 => Self::Persist(any(&mut source)),
            81..=95 => Self::SetMany(packed(&mut source), 0..3 + source.below(20), value),
            96..=105 => Self::RemoveMany(packed(&mut source), source.below(6)..24),
            106..=120 => Self::Bump(packed(&mut source), value),
            121..=140 => Self::Rename(packed(&mut source), packed(&mut source)),
            141..=150 => Self::Copy(packed(&mut source), packed(&mut source)),
            151..=160 => Self::Clear(packed(&mut source)),
            161..=170 => Self::ExpireField(packed(&mut source), small(&mut source), late),
            171..=180 => Self::Remove(packed(&mut source), small(&mut source)),
            181..=195 => Self::Set(format!("s{thread}"), large(&mut source), value),
            196..=200 => Self::Remove(format!("s{thread}"), large(&mut source)),
            201..=215 => Self::SetShort(format!("s{thread}"), format!("short:{number}"), soon),
            216..=225 => Self::SetShortKey(format!("k{thread}:{number}"), 1 + source.below(16), soon),
            _ => Self::Set(packed(&mut source), small(&mut source), value),
        }
    }

    /// Each of two tables is renamed in turn to one of twelve keys.
    fn rename_in_turn(thread: usize, turn: u64) -> Self {
        let (table, turn) = (turn % 2, turn / 2);
        let key = |turn: u64| format!("r{thread}:{table}:{}", turn * 5 % 12);
        match turn {
            0 => Self::SetMany(key(1), 0..LARGE, turn.to_string()),
            _ => Self::Rename(key(turn), key(turn + 1)),
        }
    }

    /// A table of four segments is filled, and thinned until two neighbours are just too large to be merged. Then it
    /// loses one field after the other, at its lower and upper ends by turns.
    fn shrink_in_turn(thread: usize, turn: u64) -> Self {
        let key = format!("m{thread}");
        match turn as usize % 128 {
            0 => Self::SetMany(key, 0..LARGE, turn.to_string()),
            1 => Self::Thin(key),
            step if step % 2 == 0 => Self::Remove(key, in_hash_order()[THIN * (step / 2)].clone()),
            step => Self::Remove(key, in_hash_order()[LARGE - THIN * (step / 2)].clone()),
        }
    }

    pub(crate) fn run(&self, store: &Store) {
        let at = |deadline: u64| When::At(time(deadline));
        match self {
            Self::Set(key, field, value) => _ = store.set(key, field, value).unwrap(),
            Self::SetMany(key, fields, value) => _ = store.set_many(key, numbered(fields, value)).unwrap(),
            Self::Bump(key, value) => store.update(key, |hash| {
                let fields: Vec<_> = hash.iter().map(|(field, _)| field.to_vec()).collect();
                fields.iter().for_each(|field| assert!(!hash.set(field, value).unwrap()));
            }),
            Self::Remove(key, field) => _ = store.remove(key, field),
            Self::RemoveMany(key, fields) => _ = store.remove_many(key, numbered(fields, "").map(|(field, _)| field)),
            Self::Thin(key) => _ = store.remove_many(key, thinned()),
            Self::Clear(key) => _ = store.clear(key),
            Self::Rename(key, new) => _ = store.rename(key, new, Overwrite::Yes).unwrap(),
            Self::Copy(key, new) => _ = store.copy(key, new, Overwrite::Yes).unwrap(),
            Self::Expire(key, deadline) => _ = store.expire(key, time(*deadline)),
            Self::Persist(key) => _ = store.persist(key),
            Self::ExpireField(key, field, deadline) => _ = store.expire_field(key, field, at(*deadline)),
            Self::SetShort(key, field, deadline) => {
                _ = store.set_with(key, [(field, "")], SetOptions::new().expire(at(*deadline))).unwrap();
            }
            Self::SetShortKey(key, fields, deadline) => {
                let options = SetOptions::new().expire_key(at(*deadline));
                _ = store.set_with(key, numbered(&(0..*fields), ""), options).unwrap();
            }
        }
    }
}

fn numbered(fields: &std::ops::Range<usize>, value: &str) -> impl Iterator<Item = (String, String)> {
    fields.clone().map(move |n| (format!("f{n}"), value.to_owned()))
}

/// A table that is thinned keeps one of this many fields.
const THIN: usize = 5;

/// The fields of a large table in hash order, which is the same for all stores of a process.
fn in_hash_order() -> &'static [String] {
    static ORDER: OnceLock<Vec<String>> = OnceLock::new();
    ORDER.get_or_init(|| {
        let store = Store::new();
        store.set_many("table", numbered(&(0..LARGE), "")).unwrap();
        let page = store.scan("table", None, LARGE);
        page.items.into_iter().map(|(field, _)| String::from_utf8(field).unwrap()).collect()
    })
}

fn thinned() -> impl Iterator<Item = &'static str> {
    in_hash_order().iter().enumerate().filter(|(at, _)| at % THIN != 0).map(|(_, field)| &**field)
}
