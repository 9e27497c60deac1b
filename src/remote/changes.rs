//! What an update sends to the server: what its closure has seen, and the commands that make the hash on the server what
//! the closure has made of the copy.

use std::collections::BTreeMap;

use super::RemoteError;
use super::call::ScriptCall;
use super::deadline::{LATEST, too_late};
use crate::hash::{Pair, Record};
use crate::options::Rules;
use crate::time::Deadline;
use crate::value::Parts;

/// The most arguments of one command in a script. Lua can hand over some thousands at once.
const ARGUMENTS: usize = 1_000;

/// A hash as it was loaded.
pub(super) struct Loaded {
    pub(super) before: Record,
    /// The key's PEXPIRETIME. A key whose fields have all expired may still have one.
    pub(super) key_time: i64,
}

impl Loaded {
    /// Whether there are no fields, but a key with a deadline: all fields have expired, and the server has not removed
    /// the key yet. What is set there would get the deadline.
    fn is_left_over(&self) -> bool {
        self.before.len() == 0 && self.key_time >= 0
    }

    /// Adds what was seen of the hash to the arguments of the script `apply.lua`.
    pub(super) fn push_seen(&self, seen: Parts, after: &Record, rules: &Rules, call: &mut ScriptCall) {
        let Parts { mut fields, mut size, mut key, all, emptied } = seen;
        // The key lost its deadline because the hash was empty. So that must be true at the server as well.
        if emptied && (key || after.len() > 0) {
            (size, key) = (true, true);
        }
        // The deadline of what is left over is removed, or replaced.
        size |= self.is_left_over() && after.len() > 0;
        if all {
            for (field, _) in self.before.pairs(rules) {
                fields.entry(field.to_vec()).or_insert(false);
            }
        }
        let value = |field: &[u8]| self.before.get(field, rules);
        let present: Vec<Pair<'_>> = fields.keys().filter_map(|field| Some((&field[..], value(field)?))).collect();
        call.push_number(present.len());
        for (field, value) in &present {
            call.push(field);
            call.push(value);
        }
        call.push_number(fields.len() - present.len());
        fields.keys().filter(|field| value(field).is_none()).for_each(|field| call.push(field));
        let timed = fields.iter().filter(|(_, with_deadline)| **with_deadline);
        let timed = timed.filter_map(|(field, _)| Some((field, self.before.field_deadline(field, rules)?)));
        let timed: Vec<(&Vec<u8>, Deadline)> = timed.collect();
        call.push_number(timed.len());
        for (field, deadline) in timed {
            call.push(field);
            call.push_number(deadline.millis().map_or(-1, u64::cast_signed));
        }
        // A field that was seen and is still there tells that there is a hash. Without one, the server may have a key whose
        // fields have all expired. Then there is no hash, and what is set would get the deadline of the old one.
        match (self.before.len(), present.is_empty()) {
            (len, _) if size || all => call.push_number(len),
            (0, _) if key => call.push("0"),
            (1.., true) if key => call.push("some"),
            (_, true) if after.len() > 0 => call.push("not left over"),
            _ => call.push(""),
        }
        if key {
            call.push_number(self.key_time);
        } else {
            call.push("");
        }
    }
}

/// The commands that make one hash of another.
#[derive(Default)]
pub(super) struct Changes<'a>(Vec<Command<'a>>);

/// The name of a command, and its arguments after the key.
struct Command<'a> {
    name: &'static str,
    option: Option<(&'static str, u64)>,
    /// Whether the arguments are counted, after the word FIELDS.
    is_counted: bool,
    words: Vec<&'a [u8]>,
    width: usize,
}

impl<'a> Changes<'a> {
    /// # Errors
    /// `Unsupported` if there is a deadline that the server cannot hold.
    pub(super) fn between(loaded: &'a Loaded, after: &'a Record, rules: &'a Rules) -> Result<Self, RemoteError> {
        let before = &loaded.before;
        let mut set = Vec::new();
        let mut set_until: BTreeMap<u64, Vec<&[u8]>> = BTreeMap::new();
        let mut expire: BTreeMap<u64, Vec<&[u8]>> = BTreeMap::new();
        let mut persist = Vec::new();
        let has_deadlines = before.has_deadlines() || after.has_deadlines();
        let deadline_in = |record: &Record, field| {
            if has_deadlines { record.field_deadline(field, rules).and_then(Deadline::millis) } else { None }
        };
        let mut kept = 0;
        for (field, value) in after.pairs(rules) {
            let old = before.get(field, rules);
            kept += usize::from(old.is_some());
            let (deadline, old_deadline) = (deadline_in(after, field), deadline_in(before, field));
            if deadline != old_deadline && deadline.is_some_and(|deadline| deadline > LATEST) {
                return Err(too_late());
            }
            match (old == Some(value), deadline) {
                (true, _) if deadline == old_deadline => {}
                (true, Some(deadline)) => expire.entry(deadline).or_default().push(field),
                (true, None) => persist.push(field),
                (false, Some(deadline)) => set_until.entry(deadline).or_default().extend([field, value]),
                (false, None) => set.extend([field, value]),
            }
        }
        let is_removed = |field: &&[u8]| kept < before.len() && after.get(field, rules).is_none();
        let removed: Vec<&[u8]> = before.pairs(rules).map(|(field, _)| field).filter(is_removed).collect();

        // First what the server may refuse for want of memory. It judges all commands of a script alike.
        let mut changes = Self::default();
        changes.add("HSET", None, false, 2, &set);
        // The latest deadline first. If one has passed when the server comes to it, so have all that follow. In the other order
        // a field that has expired already could take the key with it, and the key's deadline, before a later one is set.
        for (deadline, words) in set_until.into_iter().rev() {
            changes.add("HSETEX", Some(("PXAT", deadline)), true, 2, &words);
        }
        for (deadline, words) in expire {
            changes.add("HPEXPIREAT", Some(("", deadline)), true, 1, &words);
        }
        changes.add("HPERSIST", None, true, 1, &persist);
        let (old, new) = (before.deadline().millis(), after.deadline().millis());
        if after.len() > 0 && (old != new || loaded.is_left_over()) {
            match new {
                Some(deadline) if deadline > LATEST => return Err(too_late()),
                Some(deadline) => changes.0.push(Command::of_key("PEXPIREAT", Some(("", deadline)))),
                None => changes.0.push(Command::of_key("PERSIST", None)),
            }
        }
        // At the end, because the last field takes the key with it.
        changes.add("HDEL", None, false, 1, &removed);
        Ok(changes)
    }

    /// Adds a command, which takes its words in groups.
    fn add(
        &mut self,
        name: &'static str,
        option: Option<(&'static str, u64)>,
        is_counted: bool,
        width: usize,
        words: &[&'a [u8]],
    ) {
        for words in words.chunks(ARGUMENTS) {
            self.0.push(Command { name, option, is_counted, words: words.to_vec(), width });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the commands to the arguments of the script `apply.lua`.
    pub(super) fn push(&self, call: &mut ScriptCall) {
        call.push_number(self.0.len());
        for Command { name, option, is_counted, words, width } in &self.0 {
            let mut arguments: Vec<Vec<u8>> = Vec::new();
            if let Some((option, number)) = option {
                if !option.is_empty() {
                    arguments.push(option.as_bytes().to_vec());
                }
                arguments.push(number.to_string().into_bytes());
            }
            if *is_counted {
                arguments.push(b"FIELDS".to_vec());
                arguments.push((words.len() / width).to_string().into_bytes());
            }
            call.push(name);
            call.push_number(arguments.len() + words.len());
            arguments.iter().for_each(|word| call.push(word));
            words.iter().for_each(|word| call.push(word));
        }
    }
}

impl Command<'_> {
    fn of_key(name: &'static str, option: Option<(&'static str, u64)>) -> Self {
        Self { name, option, is_counted: false, words: Vec::new(), width: 1 }
    }
}
