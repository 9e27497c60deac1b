//! What the threads of a traffic do, each on keys of its own, and the model of it. A call is chosen by its thread's and its
//! own number alone, so the state after the first so many calls can be computed later; a snapshot of an instant holds for
//! each thread one of these states.
//!
//! The keys of thread 1 are `p1:…`, small hashes that are converted now and then; `t1:…`, large tables; `s1`, a table in which
//! fields expire; and `k1:…`, keys that expire.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use hashlet::{Overwrite, SetOptions, Store, When};

use crate::support::source::{Source, mix};
use crate::support::time::{BEGINNING, END, time};

/// Fields of a large table: some segments.
pub(crate) const LARGE: usize = 2_500;
const PACKED: usize = 12;
const TABLES: usize = 3;
/// No deadline.
const NEVER: u64 = u64::MAX;

#[derive(Clone, Debug)]
pub(crate) enum Call {
    Set(String, String, String),
    SetMany(String, std::ops::Range<usize>, String),
    /// Gives all fields the same new value.
    Bump(String, String),
    Remove(String, String),
    RemoveMany(String, std::ops::Range<usize>),
    Clear(String),
    Rename(String, String),
    Copy(String, String),
    Expire(String, u64),
    Persist(String),
    ExpireField(String, String, u64),
    /// Sets a field that will expire soon, in a step; it has a name of its own.
    SetShort(String, String, u64),
    /// Sets so many fields of a new key that will expire soon.
    SetShortKey(String, usize, u64),
}

impl Call {
    /// The call of this number that a thread makes; the first ones fill its tables.
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
        // Some other time than any other thread's, long after the test or soon.
        let late = END - mix(number) % 1_000_000;
        let soon = BEGINNING + number + source.below(400) as u64;
        match number {
            0..3 => return Self::SetMany(format!("t{thread}:{number}"), 0..LARGE, value),
            3 => return Self::SetMany(format!("s{thread}"), 0..LARGE / 2, value),
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
            Self::Clear(key) => _ = store.clear(key),
            Self::Rename(key, new) => _ = store.rename(key, new, Overwrite::Yes).unwrap(),
            Self::Copy(key, new) => _ = store.copy(key, new, Overwrite::Yes).unwrap(),
            Self::Expire(key, deadline) => _ = store.expire_at(key, time(*deadline)),
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

/// The deadline of a hash, and its fields that have not expired.
type Left<'a> = (u64, BTreeMap<&'a str, &'a (String, u64)>);

/// A hash, and a sum over all that is in it but what will expire soon.
#[derive(Clone, Debug)]
pub(crate) struct ModelHash {
    deadline: u64,
    fields: BTreeMap<String, (String, u64)>,
    sum: u64,
}

impl Default for ModelHash {
    fn default() -> Self {
        Self { deadline: NEVER, fields: BTreeMap::new(), sum: 0 }
    }
}

impl ModelHash {
    fn set(&mut self, field: &str, value: &str, deadline: u64) {
        self.remove(field);
        self.sum = self.sum.wrapping_add(sum_of(field, value, deadline));
        self.fields.insert(field.to_owned(), (value.to_owned(), deadline));
    }

    fn remove(&mut self, field: &str) {
        if let Some((value, deadline)) = self.fields.remove(field) {
            self.sum = self.sum.wrapping_sub(sum_of(field, &value, deadline));
        }
    }

    /// What is left of it at a time.
    fn at(&self, now: u64) -> Option<Left<'_>> {
        let fields = self.fields.iter().filter(|(_, (_, deadline))| *deadline > now);
        let fields: BTreeMap<_, _> = fields.map(|(field, rest)| (&**field, rest)).collect();
        (self.deadline > now && !fields.is_empty()).then_some((self.deadline, fields))
    }
}

fn sum_of(field: &str, value: &str, deadline: u64) -> u64 {
    if field.starts_with("short:") {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    (field, value, deadline).hash(&mut hasher);
    hasher.finish()
}

/// What one thread's keys hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    hashes: BTreeMap<String, ModelHash>,
    sum: u64,
}

impl Model {
    /// What a store holds of a thread's keys.
    pub(crate) fn of(store: &Store, thread: usize) -> Self {
        let mut model = Self::default();
        store.for_each(|key, hash| {
            let key = String::from_utf8(key.to_vec()).unwrap();
            if key[1..].split(':').next() != Some(&*thread.to_string()) || !key.starts_with(['p', 't', 's', 'k']) {
                return;
            }
            let millis = |deadline: Option<std::time::SystemTime>| {
                deadline.map_or(NEVER, |time| time.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64)
            };
            model.edit(&key, |copy| {
                copy.deadline = millis(hash.deadline());
                for (field, value) in &hash.iter().collect::<Vec<_>>() {
                    let [field, value] = [field, value].map(|text| str::from_utf8(text).unwrap());
                    copy.set(field, value, millis(hash.field_deadline(field)));
                }
            });
        });
        model
    }

    fn edit(&mut self, key: &str, change: impl FnOnce(&mut ModelHash)) {
        let mut hash = self.take(key).unwrap_or_default();
        change(&mut hash);
        self.put(key, hash);
    }

    fn take(&mut self, key: &str) -> Option<ModelHash> {
        let hash = self.hashes.remove(key)?;
        self.sum = self.sum.wrapping_sub(share(key, &hash));
        Some(hash)
    }

    fn put(&mut self, key: &str, hash: ModelHash) {
        if !hash.fields.is_empty() {
            self.sum = self.sum.wrapping_add(share(key, &hash));
            self.hashes.insert(key.to_owned(), hash);
        }
    }

    pub(crate) fn run(&mut self, call: &Call) {
        match call {
            Call::Set(key, field, value) => self.edit(key, |hash| hash.set(field, value, NEVER)),
            Call::SetMany(key, fields, value) => {
                self.edit(key, |hash| {
                    numbered(fields, value).for_each(|(field, value)| hash.set(&field, &value, NEVER));
                });
            }
            Call::Bump(key, value) => self.edit(key, |hash| {
                let fields: Vec<_> = hash.fields.keys().cloned().collect();
                fields.iter().for_each(|field| hash.set(field, value, NEVER));
            }),
            Call::Remove(key, field) => self.edit(key, |hash| hash.remove(field)),
            Call::RemoveMany(key, fields) => {
                self.edit(key, |hash| numbered(fields, "").for_each(|(field, _)| hash.remove(&field)));
            }
            Call::Clear(key) => drop(self.take(key)),
            Call::Rename(key, new) => {
                if let Some(hash) = self.take(key) {
                    self.take(new);
                    self.put(new, hash);
                }
            }
            Call::Copy(key, new) => {
                if let Some(hash) = self.hashes.get(key).cloned() {
                    self.take(new);
                    self.put(new, hash);
                }
            }
            Call::Expire(key, deadline) => self.edit(key, |hash| hash.deadline = *deadline),
            Call::Persist(key) => self.edit(key, |hash| hash.deadline = NEVER),
            Call::ExpireField(key, field, deadline) => self.edit(key, |hash| {
                if let Some((value, _)) = hash.fields.get(field).cloned() {
                    hash.set(field, &value, *deadline);
                }
            }),
            Call::SetShort(key, field, deadline) => self.edit(key, |hash| hash.set(field, "", *deadline)),
            Call::SetShortKey(key, fields, deadline) => self.edit(key, |hash| {
                numbered(&(0..*fields), "").for_each(|(field, value)| hash.set(&field, &value, NEVER));
                hash.deadline = *deadline;
            }),
        }
    }

    /// Whether both hold the same at a time.
    pub(crate) fn equals(&self, other: &Self, now: u64) -> bool {
        self.sum == other.sum && self.differences(other, now).is_empty()
    }

    /// The keys in which they differ at a time, each with how many fields either has.
    pub(crate) fn differences(&self, other: &Self, now: u64) -> BTreeMap<String, [Option<usize>; 2]> {
        let keys = self.hashes.keys().chain(other.hashes.keys());
        let sides = |key: &String| [self, other].map(|model| model.hashes.get(key).and_then(|hash| hash.at(now)));
        let different = keys.map(|key| (key, sides(key))).filter(|(_, [left, right])| left != right);
        different.map(|(key, sides)| (key.clone(), sides.map(|side| Some(side?.1.len())))).collect()
    }

    /// Forgets what has expired.
    pub(crate) fn purge(&mut self, now: u64) {
        self.hashes.retain(|_, hash| hash.deadline > now);
        for hash in self.hashes.values_mut() {
            hash.fields.retain(|_, (_, deadline)| *deadline > now);
        }
    }
}

/// What a hash adds to its model's sum: nothing if all of it will expire soon.
fn share(key: &str, hash: &ModelHash) -> u64 {
    let is_short = key.starts_with('k') || hash.sum == 0;
    if is_short { 0 } else { sum_of(key, "", hash.deadline) ^ mix(hash.sum) }
}
