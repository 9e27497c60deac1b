//! `DashMap<String, HashMap<String, String>>` with std's hashers: what most programs write.

use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::LazyLock;

use dashmap::DashMap;

use crate::support::maps::number;
use crate::support::rival::{Pair, Rival};

type Fields = HashMap<String, String>;

pub(crate) struct Strings(DashMap<String, Fields>);

/// One state for all of a process: two of its maps grow at the same calls, as those of the others do.
static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl Strings {
    fn change<R>(&self, key: &[u8], change: impl FnOnce(&mut Fields) -> R) -> R {
        change(&mut self.0.entry(text(key).to_owned()).or_default())
    }
}

impl Rival for Strings {
    const NAME: &str = "dashmap_strings";
    type Whole = Fields;

    fn new() -> Self {
        Self(DashMap::with_hasher(STATE.clone()))
    }

    fn set_many(&self, key: &[u8], pairs: &[Pair<'_>]) -> usize {
        self.change(key, |fields| pairs.iter().filter(|(field, value)| set(fields, field, value)).count())
    }

    fn set(&self, key: &[u8], field: &[u8], value: &[u8]) -> bool {
        self.change(key, |fields| set(fields, field, value))
    }

    fn look<R>(&self, key: &[u8], field: &[u8], at: impl FnOnce(Option<&[u8]>) -> R) -> R {
        match self.0.get(text(key)) {
            Some(fields) => at(fields.get(text(field)).map(String::as_bytes)),
            None => at(None),
        }
    }

    fn get_all(&self, key: &[u8]) -> Fields {
        self.0.get(text(key)).map(|fields| fields.clone()).unwrap_or_default()
    }

    fn len(whole: &Fields) -> usize {
        whole.len()
    }

    fn remove(&self, key: &[u8], field: &[u8]) -> bool {
        let Some(mut fields) = self.0.get_mut(text(key)) else { return false };
        let removed = fields.remove(text(field)).is_some();
        drop(fields);
        self.0.remove_if(text(key), |_, fields| fields.is_empty());
        removed
    }

    fn increment(&self, key: &[u8], field: &[u8], amount: i64) -> i64 {
        self.change(key, |fields| add(fields, field, amount))
    }

    fn update(&self, key: &[u8], counter: &[u8], pairs: [Pair<'_>; 2]) -> i64 {
        self.change(key, |fields| {
            for (field, value) in pairs {
                set(fields, field, value);
            }
            add(fields, counter, 1)
        })
    }

    fn key_count(&self) -> usize {
        self.0.len()
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the workloads are text")
}

fn set(fields: &mut Fields, field: &[u8], value: &[u8]) -> bool {
    fields.insert(text(field).to_owned(), text(value).to_owned()).is_none()
}

fn add(fields: &mut Fields, field: &[u8], amount: i64) -> i64 {
    let sum = fields.get(text(field)).map_or(0, |value| number(value.as_bytes())) + amount;
    fields.insert(text(field).to_owned(), sum.to_string());
    sum
}
