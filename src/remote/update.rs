//! Updates in a closure: the hashes are loaded into records, the closure runs on them, and the server compares what the
//! closure has seen and applies what it has changed, in one script. If something differs, all of it is done again.
//!
//! Rejected: loading only the values by HGETALL, which takes the server a tenth of the time of the script, and the deadlines
//! when a closure asks for them. It would see values and deadlines of different instants, and could rightly panic.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use redis::Value;

use super::RemoteError;
use super::answer::{array, bytes, count, flag, integer, pairs, pairs_of, parsed};
use super::call::{APPLY, Caller, LOAD, Repeat, ScriptCall};
use super::changes::{Changes, Loaded};
use super::pipeline::Pipeline;
use super::request::Request;
use super::servers::Servers;
use crate::error::Error;
use crate::hash::{Context, Record, Terms};
use crate::random::Random;
use crate::saving::Mark;
use crate::sync::{InClosure, assert_outside_closures};
use crate::time::{Deadline, Now};
use crate::value::{HashMut, HashRef, Seen};

/// The longest pause after the first attempt, and after any.
const PAUSES: [Duration; 2] = [Duration::from_micros(100), Duration::from_millis(10)];

impl<S: Servers> Caller<S> {
    /// Lends a copy of a hash to a closure.
    #[track_caller]
    pub(super) fn read_copy<R>(&self, key: &[u8], read: impl FnOnce(&HashRef<'_>) -> R) -> Result<R, RemoteError> {
        assert_outside_closures();
        let (now, mut loaded) = self.load(&[key])?;
        let terms = Terms::of_look(&now);
        let record = loaded.pop().map(|loaded| loaded.before).unwrap_or_default();
        let _inside = InClosure::enter();
        Ok(read(&HashRef::new(&record, Context::new(self.rules(), &terms))))
    }

    /// Lends copies of hashes to a closure, and changes the hashes if it returns `Ok`.
    #[track_caller]
    pub(super) fn update_copies<const N: usize, R, E: From<RemoteError>>(
        &self,
        keys: [&[u8]; N],
        mut update: impl FnMut(&mut [HashMut<'_>; N]) -> Result<R, E>,
    ) -> Result<R, E> {
        self.update_all_copies(&keys, |hashes| update(hashes.try_into().expect("one for each key")))
    }

    /// [`update_copies`](Self::update_copies) of as many hashes as there are keys.
    #[track_caller]
    pub(super) fn update_all_copies<R, E: From<RemoteError>>(
        &self,
        keys: &[&[u8]],
        mut update: impl FnMut(&mut [HashMut<'_>]) -> Result<R, E>,
    ) -> Result<R, E> {
        assert_outside_closures();
        if keys.iter().collect::<HashSet<_>>().len() < keys.len() {
            return Err(RemoteError::from(Error::RepeatedKey).into());
        }
        self.attempt(|| {
            let (now, loaded) = self.load(keys)?;
            let terms = Terms::of_look(&now);
            let cx = Context::new(self.rules(), &terms);
            let mut records: Vec<Record> = loaded.iter().map(|loaded| copy(&loaded.before)).collect();
            let seen: Vec<Seen> = keys.iter().map(|_| Seen::default()).collect();
            let result = {
                let hashes = records.iter_mut().zip(&seen).map(|(record, seen)| HashMut::watched(record, cx, seen));
                let mut hashes: Vec<HashMut<'_>> = hashes.collect();
                let _inside = InClosure::enter();
                update(&mut hashes)?
            };
            let is_done = self.apply(keys, &loaded, &records, &seen)?;
            Ok(is_done.then_some(result))
        })
    }

    /// Adds to the floating-point number in a field, by the rules of a record. Only the field is loaded.
    #[track_caller]
    pub(super) fn add_float(&self, key: &[u8], field: &[u8], amount: f64) -> Result<f64, RemoteError> {
        self.rules().check_key(key)?;
        self.attempt(|| {
            let value = self.ask(Request::new("HGET", key).arg(field), bytes)?;
            let cx = Context::of_value(self.rules());
            let mut record = Record::new(Mark::default(), key);
            if let Some(value) = &value {
                record.put_many(&[(field, value)], cx);
            }
            let sum = HashMut::new(&mut record, cx).increment_float(field, amount)?;
            let new = record.get(field, self.rules()).unwrap_or_default();
            let words: [&[u8]; 5] = [b"KEEPTTL", b"FIELDS", b"1", field, new];
            Ok(self.change_if(key, field, value.as_deref(), "HSETEX", &words)?.then_some(sum))
        })
    }

    /// Runs a command on a key if a field has this value, or is absent.
    #[track_caller]
    pub(super) fn change_if(
        &self,
        key: &[u8],
        field: &[u8],
        expected: Option<&[u8]>,
        name: &str,
        words: &[&[u8]],
    ) -> Result<bool, RemoteError> {
        let mut call = ScriptCall::new(&APPLY, &[key]);
        match expected {
            Some(value) => [b"1", field, value, b"0"].iter().for_each(|word| call.push(word)),
            None => [&b"0"[..], b"1", field].iter().for_each(|word| call.push(word)),
        }
        ["0", "", "", "1", name].iter().for_each(|word| call.push(word));
        call.push_number(words.len());
        words.iter().for_each(|word| call.push(word));
        self.run(&call, Repeat::Doubles, flag)
    }

    /// Runs an attempt until it says that it was not in vain.
    fn attempt<R, E: From<RemoteError>>(&self, mut attempt: impl FnMut() -> Result<Option<R>, E>) -> Result<R, E> {
        let attempts = self.options().attempts;
        let [mut most, most_of_all] = PAUSES;
        for number in 1..=attempts {
            if let Some(result) = attempt()? {
                return Ok(result);
            }
            if number < attempts {
                // A random pause, so that those who compete do not go on competing.
                let nanos = usize::try_from(most.as_nanos()).unwrap_or(usize::MAX);
                thread::sleep(Duration::from_nanos(Random::of_call(self.rules()).below(nanos) as u64));
                most = most_of_all.min(most * 2);
            }
        }
        Err(RemoteError::Contended { attempts }.into())
    }

    /// Loads hashes with their deadlines, all of one instant of the server. Nothing in them has expired at that instant.
    #[track_caller]
    pub(super) fn load(&self, keys: &[&[u8]]) -> Result<(Now<'static>, Vec<Loaded>), RemoteError> {
        let (now, loaded) =
            self.run(&ScriptCall::new(&LOAD, keys), Repeat::Harmless, |answer| self.all(keys, answer))?;
        match loaded.len() == keys.len() {
            true => Ok((now, loaded)),
            false => Err(RemoteError::unexpected(&Value::Nil)),
        }
    }

    /// Loads the first of these hashes and those behind it, as long as they have together at most this many fields. What is
    /// no hash has none.
    #[track_caller]
    pub(super) fn load_some(&self, keys: &[&[u8]], fields: usize) -> Result<Vec<Loaded>, RemoteError> {
        if S::SPLITS_KEYS { self.load_each(keys, fields) } else { self.load_together(keys, fields) }
    }

    #[track_caller]
    fn load_together(&self, keys: &[&[u8]], fields: usize) -> Result<Vec<Loaded>, RemoteError> {
        let (_, loaded) = self.run(&load_call(keys, fields), Repeat::Harmless, |answer| self.all(keys, answer))?;
        if loaded.is_empty() { Err(RemoteError::unexpected(&Value::Nil)) } else { Ok(loaded) }
    }

    /// The same for keys that are on one server of a cluster, but in different slots: each has a request to itself. What that
    /// server does not answer, such as a key that has moved, is loaded as by any call.
    #[track_caller]
    fn load_each(&self, keys: &[&[u8]], fields: usize) -> Result<Vec<Loaded>, RemoteError> {
        let mut sizes = Pipeline::default();
        keys.iter().for_each(|key| sizes.request(&Request::new("HLEN", key)));
        let sizes = self.answers(&sizes)?.into_iter().map(|size| size.and_then(count).unwrap_or(0));
        let together = sizes.scan(0, |sum, size| {
            *sum += size;
            Some(*sum)
        });
        let number = together.take_while(|sum| *sum <= fields).count().max(1);
        let keys = &keys[..number];
        let mut loads = Pipeline::default();
        keys.iter().for_each(|key| loads.request(&load_call(&[key], fields).request));
        let answers = self.answers(&loads)?.into_iter();
        let loaded = keys.iter().zip(answers).map(|(key, answer)| {
            let mut loaded = match answer {
                Ok(answer) => self.all(&[key], answer)?.1,
                Err(_) => self.load_together(&[key], fields)?,
            };
            loaded.pop().ok_or_else(|| RemoteError::unexpected(&Value::Nil))
        });
        loaded.collect()
    }

    /// Reads the answer of the script `load.lua`.
    fn all(&self, keys: &[&[u8]], answer: Value) -> Result<(Now<'static>, Vec<Loaded>), RemoteError> {
        let mut values = array(answer)?.into_iter();
        let mut next = || values.next().ok_or_else(|| RemoteError::unexpected(&Value::Nil));
        let (seconds, micros): (u64, u64) = (parsed(next()?)?, parsed(next()?)?);
        let now = seconds.saturating_mul(1_000).saturating_add(micros / 1_000);
        let mut loaded = Vec::with_capacity(keys.len());
        for key in keys {
            let Ok(key_time) = next() else { break };
            loaded.push(self.read_loaded(key, key_time, next()?, next()?)?);
        }
        Ok((Now::frozen_at(Deadline::of_millis(now)), loaded))
    }

    /// Makes a record of what the script `load.lua` tells of a key.
    fn read_loaded(&self, key: &[u8], key_time: Value, fields: Value, timed: Value) -> Result<Loaded, RemoteError> {
        let cx = Context::of_value(self.rules());
        let mut before = Record::new(Mark::default(), key);
        let fields = pairs(fields)?;
        before.put_many(&fields.iter().map(|(field, value)| (&field[..], &value[..])).collect::<Vec<_>>(), cx);
        for (field, time) in pairs_of(timed, integer)? {
            before.set_field_deadline(&field, Deadline::of_millis(time.cast_unsigned()), cx);
        }
        let key_time = integer(key_time)?;
        if let (Ok(millis), 1..) = (u64::try_from(key_time), before.len()) {
            before.set_deadline(Deadline::of_millis(millis), cx);
        }
        Ok(Loaded { before, key_time })
    }

    /// Has the server compare what was seen, and make the hashes what they have become. Returns whether it did.
    #[track_caller]
    fn apply(&self, keys: &[&[u8]], loaded: &[Loaded], records: &[Record], seen: &[Seen]) -> Result<bool, RemoteError> {
        let rules = self.rules();
        let changes = loaded.iter().zip(records).map(|(loaded, after)| Changes::between(loaded, after, rules));
        let changes: Vec<Changes<'_>> = changes.collect::<Result<_, _>>()?;
        if changes.iter().all(Changes::is_empty) {
            return Ok(true); // everything was read at one instant
        }
        let mut call = ScriptCall::new(&APPLY, keys);
        for ((loaded, after), seen) in loaded.iter().zip(records).zip(seen) {
            loaded.push_seen(seen.take(), after, rules, &mut call);
        }
        changes.iter().for_each(|changes| changes.push(&mut call));
        self.run(&call, Repeat::Doubles, flag)
    }
}

/// A call that loads the first of these hashes and those behind it, as long as they have together at most this many fields.
fn load_call(keys: &[&[u8]], fields: usize) -> ScriptCall {
    let mut call = ScriptCall::new(&LOAD, keys);
    call.push_number(fields);
    call
}

/// A copy of a record, with its deadlines.
fn copy(record: &Record) -> Record {
    record.with_key(Mark::default(), record.key())
}
