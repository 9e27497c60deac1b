//! `set_with`: fields with deadlines and on conditions, for which the servers' HSETEX is not enough. It sets no deadline of
//! the key, and does not tell how many fields are new.

use std::collections::HashMap;

use redis::Value;

use super::RemoteError;
use super::answer::count;
use super::call::{Caller, Repeat, SET_WITH, ScriptCall};
use super::deadline::{ServerTime, condition as condition_word};
use super::servers::Servers;
use crate::expiry::{FieldTtl, Presence, SetOptions};

impl<S: Servers> Caller<S> {
    /// Sets pairs, whose lengths are checked.
    #[track_caller]
    pub(super) fn set_pairs_with(
        &self,
        key: &[u8],
        pairs: Vec<(&[u8], &[u8])>,
        options: SetOptions,
    ) -> Result<Option<usize>, RemoteError> {
        let presence = |presence, absent, present| match presence {
            Presence::Any => "",
            Presence::Absent => absent,
            Presence::Present => present,
        };
        let mut call = ScriptCall::new(&SET_WITH, &[key]);
        call.push(presence(options.key_presence, "NX", "XX"));
        call.push(presence(options.field_presence, "FNX", "FXX"));
        match options.fields {
            FieldTtl::Drop => ["DROP", ""].iter().for_each(|word| call.push(word)),
            FieldTtl::Keep => ["KEEP", ""].iter().for_each(|word| call.push(word)),
            FieldTtl::Set(when) => {
                let when = ServerTime::of(when)?;
                call.push(when.command("HPEXPIRE", "HPEXPIREAT"));
                call.push_number(when.millis);
            }
        }
        match options.key {
            Some((when, condition)) => {
                let when = ServerTime::of(when)?;
                call.push(when.command("PEXPIRE", "PEXPIREAT"));
                call.push_number(when.millis);
                call.push(condition_word(condition).unwrap_or_default());
            }
            None => ["", "", ""].iter().for_each(|word| call.push(word)),
        }
        // Of a repeated field the last value counts, and the field is counted once.
        let last: HashMap<&[u8], &[u8]> = pairs.into_iter().collect();
        for (field, value) in last {
            call.push(field);
            call.push(value);
        }
        self.run(&call, Repeat::Doubles, |answer| match answer {
            Value::Nil => Ok(None),
            new => count(new).map(Some),
        })
    }
}
