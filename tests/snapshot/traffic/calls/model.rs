//! The contents of one thread's keys after a given number of its calls.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use hashlet::Store;

use super::{Call, numbered, thinned};
use crate::support::source::mix;

/// No deadline.
const NEVER: u64 = u64::MAX;

/// What is left of a hash: its deadline, and its fields that have not expired.
type Left<'a> = (u64, BTreeMap<&'a str, &'a (String, u64)>);

/// A hash, and a sum over its fields. Fields that expire soon are not in the sum.
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

    /// What is left of the hash at a time.
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

/// The contents of one thread's keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    hashes: BTreeMap<String, ModelHash>,
    sum: u64,
}

impl Model {
    /// The contents of a thread's keys in a store.
    pub(crate) fn of(store: &Store, thread: usize) -> Self {
        let mut model = Self::default();
        store.for_each(|key, hash| {
            let key = String::from_utf8(key.to_vec()).unwrap();
            if key[1..].split(':').next() != Some(&*thread.to_string())
                || !key.starts_with(['p', 't', 'r', 'm', 's', 'k'])
            {
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
            Call::Thin(key) => self.edit(key, |hash| thinned().for_each(|field| hash.remove(field))),
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

    /// Whether the contents of both are the same at a time.
    pub(crate) fn equals(&self, other: &Self, now: u64) -> bool {
        self.sum == other.sum && self.differences(other, now).is_empty()
    }

    /// The keys in which they differ at a time, each with the numbers of fields on both sides.
    pub(crate) fn differences(&self, other: &Self, now: u64) -> BTreeMap<String, [Option<usize>; 2]> {
        let keys = self.hashes.keys().chain(other.hashes.keys());
        let sides = |key: &String| [self, other].map(|model| model.hashes.get(key).and_then(|hash| hash.at(now)));
        let different = keys.map(|key| (key, sides(key))).filter(|(_, [left, right])| left != right);
        different.map(|(key, sides)| (key.clone(), sides.map(|side| Some(side?.1.len())))).collect()
    }

    /// Removes what has expired.
    pub(crate) fn purge(&mut self, now: u64) {
        self.hashes.retain(|_, hash| hash.deadline > now);
        for hash in self.hashes.values_mut() {
            hash.fields.retain(|_, (_, deadline)| *deadline > now);
        }
    }
}

/// What a hash adds to its model's sum. It is 0 if all of the hash expires soon.
fn share(key: &str, hash: &ModelHash) -> u64 {
    let is_short = key.starts_with('k') || hash.sum == 0;
    if is_short { 0 } else { sum_of(key, "", hash.deadline) ^ mix(hash.sum) }
}
