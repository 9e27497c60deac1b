//! The methods of `Hashes` on a server. Each is one command of the server, or one script where there is none.

use std::time::SystemTime;

use redis::{Cmd, Value};

use super::answer::{
    bytes, count, done, flag, integer, list, only, outcome, page, pairs, parsed, some_bytes, time, ttl,
};
use super::call::{EXPIRE, EXPIRE_FIELDS, INCREMENT_AND_EXPIRE, Repeat, ScriptCall};
use super::deadline::{ServerTime, condition as condition_word};
use super::{Remote, RemoteError};
use crate::expiry::{ExpireCondition, ExpireOutcome, SetOptions, Touch, Ttl, When};
use crate::hash::Sample;
use crate::hashes::{Across, Hashes};
use crate::scan::{Cursor, Page};
use crate::store::Overwrite;
use crate::value::{Arguments, HashMut, HashRef, HashValue};

type Result<T> = std::result::Result<T, RemoteError>;

/// The keys that a server looks at for one page of a walk over all keys.
const KEYS_A_PAGE: usize = 1_000;
/// The most fields that are drawn at once. A server takes no number that is much larger.
const MOST_DRAWN: usize = u32::MAX as usize;

/// A command on a key.
fn command(name: &str, key: impl AsRef<[u8]>) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(key.as_ref());
    command
}

/// Adds fields, after their number.
fn counted(command: &mut Cmd, fields: &[&[u8]]) {
    command.arg("FIELDS").arg(fields.len()).arg(fields);
}

impl Hashes for Remote {
    type Error = RemoteError;

    #[track_caller]
    fn set(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool> {
        self.set_many(key, [(field, value)]).map(|new| new == 1)
    }

    #[track_caller]
    fn set_many<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        pairs: impl IntoIterator<Item = (F, V)>,
    ) -> Result<usize> {
        let (key, pairs) = (key.as_ref(), Arguments::pairs(pairs));
        let pairs = pairs.as_pairs();
        self.check(key, &pairs)?;
        if pairs.is_empty() {
            return Ok(0);
        }
        let mut set = command("HSET", key);
        pairs.iter().for_each(|(field, value)| _ = set.arg(field).arg(value));
        self.tell(&set, count)
    }

    #[track_caller]
    fn get(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        self.ask(command("HGET", key).arg(field.as_ref()), bytes)
    }

    #[track_caller]
    fn get_many<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let fields = Arguments::fields(fields);
        let fields = fields.as_fields();
        if fields.is_empty() {
            return Ok(Vec::new());
        }
        self.ask(command("HMGET", key).arg(&fields), |values| list(values, bytes))
    }

    #[track_caller]
    fn get_all(&self, key: impl AsRef<[u8]>) -> Result<HashValue> {
        Ok(self.ask(&command("HGETALL", key), pairs)?.into_iter().collect())
    }

    #[track_caller]
    fn fields(&self, key: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>> {
        self.ask(&command("HKEYS", key), |fields| list(fields, some_bytes))
    }

    #[track_caller]
    fn values(&self, key: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>> {
        self.ask(&command("HVALS", key), |values| list(values, some_bytes))
    }

    #[track_caller]
    fn contains(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<bool> {
        self.ask(command("HEXISTS", key).arg(field.as_ref()), flag)
    }

    #[track_caller]
    fn value_len(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<usize>> {
        let (key, field) = (key.as_ref(), field.as_ref());
        match self.ask(command("HSTRLEN", key).arg(field), count)? {
            0 => Ok(self.get(key, field)?.map(|value| value.len())), // empty or absent
            len => Ok(Some(len)),
        }
    }

    #[track_caller]
    fn size(&self, key: impl AsRef<[u8]>) -> Result<usize> {
        self.ask(&command("HLEN", key), count)
    }

    #[track_caller]
    fn set_if_absent(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool> {
        let (key, field, value) = (key.as_ref(), field.as_ref(), value.as_ref());
        self.check(key, &[(field, value)])?;
        self.tell(command("HSETNX", key).arg(field).arg(value), flag)
    }

    #[track_caller]
    fn compare_and_set(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<bool> {
        let (key, field) = (key.as_ref(), field.as_ref());
        self.check(key, &[(field, new.unwrap_or_default())])?;
        match new {
            Some(new) => self.change_if(key, field, expected, "HSET", &[field, new]),
            None => self.change_if(key, field, expected, "HDEL", &[field]),
        }
    }

    #[track_caller]
    fn remove(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<bool> {
        self.remove_many(key, [field]).map(|removed| removed == 1)
    }

    #[track_caller]
    fn remove_many<F: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, fields: impl IntoIterator<Item = F>) -> Result<usize> {
        let fields = Arguments::fields(fields);
        let fields = fields.as_fields();
        if fields.is_empty() {
            return Ok(0);
        }
        self.tell(command("HDEL", key).arg(&fields), count)
    }

    #[track_caller]
    fn take(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        let mut take = command("HGETDEL", key);
        counted(&mut take, &[field.as_ref()]);
        self.tell(&take, |values| bytes(only(values)?))
    }

    #[track_caller]
    fn increment(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, amount: i64) -> Result<i64> {
        let (key, field) = (key.as_ref(), field.as_ref());
        self.check(key, &[(field, b"")])?;
        self.tell(command("HINCRBY", key).arg(field).arg(amount), integer)
    }

    #[track_caller]
    fn increment_float(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, amount: f64) -> Result<f64> {
        self.add_float(key.as_ref(), field.as_ref(), amount)
    }

    #[track_caller]
    fn read<R>(&self, key: impl AsRef<[u8]>, read: impl FnOnce(&HashRef<'_>) -> R) -> Result<R> {
        self.read_copy(key.as_ref(), read)
    }

    #[track_caller]
    fn update<R>(&self, key: impl AsRef<[u8]>, mut update: impl FnMut(&mut HashMut<'_>) -> R) -> Result<R> {
        self.update_copies([key.as_ref()], |[hash]| Ok(update(hash)))
    }

    #[track_caller]
    fn try_update<R, E: From<RemoteError>>(
        &self,
        key: impl AsRef<[u8]>,
        mut update: impl FnMut(&mut HashMut<'_>) -> std::result::Result<R, E>,
    ) -> std::result::Result<R, E> {
        self.update_copies([key.as_ref()], |[hash]| update(hash))
    }

    #[track_caller]
    fn random_field(&self, key: impl AsRef<[u8]>) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        Ok(self.random_fields(key, Sample::Distinct(1))?.pop())
    }

    #[track_caller]
    fn random_fields(&self, key: impl AsRef<[u8]>, sample: Sample) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let count = match sample {
            Sample::Distinct(count) => count.min(MOST_DRAWN) as i64,
            Sample::WithRepeats(count) => -(count.min(Sample::MAX_REPEATS) as i64),
        };
        self.ask(command("HRANDFIELD", key).arg(count).arg("WITHVALUES"), pairs)
    }

    #[track_caller]
    fn contains_key(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.ask(&command("EXISTS", key), flag)
    }

    #[track_caller]
    fn clear(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.tell(&command("UNLINK", key), flag)
    }

    #[track_caller]
    fn clear_many<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<usize> {
        let keys = Arguments::fields(keys);
        let keys = keys.as_fields();
        if keys.is_empty() {
            return Ok(0);
        }
        self.tell(redis::cmd("UNLINK").arg(&keys), count)
    }

    #[track_caller]
    fn rename(&self, key: impl AsRef<[u8]>, new: impl AsRef<[u8]>, overwrite: Overwrite) -> Result<bool> {
        let (key, new) = (key.as_ref(), new.as_ref());
        self.rules().check_key(new)?;
        let name = match overwrite {
            Overwrite::Yes => "RENAME",
            Overwrite::No => "RENAMENX",
        };
        let read = match overwrite {
            Overwrite::Yes => |answer| done(answer).map(|()| true),
            Overwrite::No => flag,
        };
        match self.tell(command(name, key).arg(new), read) {
            Err(RemoteError::Server(text)) if text.contains("no such key") => Ok(false),
            result => result,
        }
    }

    #[track_caller]
    fn copy(&self, key: impl AsRef<[u8]>, new: impl AsRef<[u8]>, overwrite: Overwrite) -> Result<bool> {
        let (key, new) = (key.as_ref(), new.as_ref());
        self.rules().check_key(new)?;
        if key == new {
            return Ok(overwrite == Overwrite::Yes && self.contains_key(key)?); // a server refuses it
        }
        let mut copy = command("COPY", key);
        copy.arg(new);
        if overwrite == Overwrite::Yes {
            copy.arg("REPLACE");
        }
        self.tell(&copy, flag)
    }

    #[track_caller]
    fn keys(&self) -> Result<Vec<Vec<u8>>> {
        let mut keys = self.walk(|| {
            let (mut keys, mut cursor) = (Vec::new(), None);
            loop {
                let page = self.scan_keys(cursor, KEYS_A_PAGE)?;
                keys.extend(page.items);
                cursor = page.next;
                if cursor.is_none() {
                    return Ok::<_, RemoteError>(keys);
                }
            }
        })?;
        keys.sort_unstable();
        keys.dedup(); // a scan may return a key twice
        Ok(keys)
    }

    #[track_caller]
    fn key_count(&self) -> Result<usize> {
        self.ask(&redis::cmd("DBSIZE"), count)
    }

    #[track_caller]
    fn clear_all(&self) -> Result<()> {
        // It is done at once. Only freeing the memory takes its time, which nobody has to wait for.
        self.tell(redis::cmd("FLUSHDB").arg("ASYNC"), done)
    }

    #[track_caller]
    fn scan(&self, key: impl AsRef<[u8]>, cursor: Option<Cursor>, count: usize) -> Result<Page<(Vec<u8>, Vec<u8>)>> {
        let mut scan = command("HSCAN", key);
        scan.arg(Cursor::for_server(cursor)).arg("COUNT").arg(count.clamp(1, MOST_DRAWN));
        self.ask(&scan, |answer| page(answer, pairs))
    }

    #[track_caller]
    fn scan_keys(&self, cursor: Option<Cursor>, count: usize) -> Result<Page<Vec<u8>>> {
        let mut scan = redis::cmd("SCAN");
        scan.arg(Cursor::for_server(cursor)).arg("COUNT").arg(count.clamp(1, MOST_DRAWN)).arg("TYPE").arg("hash");
        self.ask(&scan, |answer| page(answer, |keys| list(keys, some_bytes)))
    }

    #[track_caller]
    fn expire_if(
        &self,
        key: impl AsRef<[u8]>,
        when: impl Into<When>,
        condition: ExpireCondition,
    ) -> Result<ExpireOutcome> {
        let when = ServerTime::of(when.into())?;
        let mut call = ScriptCall::new(&EXPIRE, &[key.as_ref()]);
        call.push(when.command("PEXPIRE", "PEXPIREAT"));
        call.push_number(when.millis);
        condition_word(condition).iter().for_each(|word| call.push(word));
        self.run(&call, Repeat::Doubles, outcome)
    }

    #[track_caller]
    fn ttl(&self, key: impl AsRef<[u8]>) -> Result<Ttl> {
        self.ask(&command("PTTL", key), ttl)
    }

    #[track_caller]
    fn deadline(&self, key: impl AsRef<[u8]>) -> Result<Option<SystemTime>> {
        self.ask(&command("PEXPIRETIME", key), time)
    }

    #[track_caller]
    fn persist(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.tell(&command("PERSIST", key), flag)
    }

    #[track_caller]
    fn expire_field_if(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        when: impl Into<When>,
        condition: ExpireCondition,
    ) -> Result<ExpireOutcome> {
        Ok(self.expire_fields_if(key, [field], when, condition)?.pop().unwrap_or(ExpireOutcome::Missing))
    }

    #[track_caller]
    fn expire_fields_if<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
        when: impl Into<When>,
        condition: ExpireCondition,
    ) -> Result<Vec<ExpireOutcome>> {
        let (fields, when) = (Arguments::fields(fields), ServerTime::of(when.into())?);
        let fields = fields.as_fields();
        if fields.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = ScriptCall::new(&EXPIRE_FIELDS, &[key.as_ref()]);
        call.push(when.command("HPEXPIRE", "HPEXPIREAT"));
        call.push_number(when.millis);
        call.push(condition_word(condition).unwrap_or_default());
        fields.iter().for_each(|field| call.push(field));
        self.run(&call, Repeat::Doubles, |answers| each_of(&fields, answers, outcome, &ExpireOutcome::Missing))
    }

    #[track_caller]
    fn field_ttl(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Ttl> {
        Ok(self.field_ttls(key, [field])?.pop().unwrap_or(Ttl::Missing))
    }

    #[track_caller]
    fn field_ttls<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Ttl>> {
        let fields = Arguments::fields(fields);
        self.each_field(command("HPTTL", key), &fields.as_fields(), Repeat::Harmless, ttl, Ttl::Missing)
    }

    #[track_caller]
    fn field_deadline(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<SystemTime>> {
        Ok(self.field_deadlines(key, [field])?.pop().flatten())
    }

    #[track_caller]
    fn field_deadlines<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Option<SystemTime>>> {
        let fields = Arguments::fields(fields);
        self.each_field(command("HPEXPIRETIME", key), &fields.as_fields(), Repeat::Harmless, time, None)
    }

    #[track_caller]
    fn persist_field(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<bool> {
        Ok(self.persist_fields(key, [field])?.pop().unwrap_or(false))
    }

    #[track_caller]
    fn persist_fields<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<bool>> {
        let fields = Arguments::fields(fields);
        self.each_field(command("HPERSIST", key), &fields.as_fields(), Repeat::Doubles, flag, false)
    }

    #[track_caller]
    fn set_with<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        pairs: impl IntoIterator<Item = (F, V)>,
        options: SetOptions,
    ) -> Result<Option<usize>> {
        let (key, pairs) = (key.as_ref(), Arguments::pairs(pairs));
        let pairs = pairs.as_pairs();
        self.check(key, &pairs)?;
        self.set_pairs_with(key, pairs, options)
    }

    #[track_caller]
    fn get_and_expire(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        touch: impl Into<Touch>,
    ) -> Result<Option<Vec<u8>>> {
        Ok(self.get_many_and_expire(key, [field], touch)?.pop().flatten())
    }

    #[track_caller]
    fn get_many_and_expire<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
        touch: impl Into<Touch>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let fields = Arguments::fields(fields);
        let mut get = command("HGETEX", key);
        match touch.into() {
            Touch::Persist => _ = get.arg("PERSIST"),
            Touch::Expire(when) => {
                let when = ServerTime::of(when)?;
                get.arg(when.command("PX", "PXAT")).arg(when.millis);
            }
        }
        self.each_field(get, &fields.as_fields(), Repeat::Doubles, bytes, None)
    }

    #[track_caller]
    fn increment_and_expire(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        amount: i64,
        when: impl Into<When>,
    ) -> Result<i64> {
        let (key, field, when) = (key.as_ref(), field.as_ref(), ServerTime::of(when.into())?);
        self.check(key, &[(field, b"")])?;
        let mut call = ScriptCall::new(&INCREMENT_AND_EXPIRE, &[key]);
        call.push(field);
        call.push_number(amount);
        call.push(when.command("HPEXPIRE", "HPEXPIREAT"));
        call.push_number(when.millis);
        self.run(&call, Repeat::Doubles, parsed)
    }
}

impl Across for Remote {
    #[allow(clippy::needless_pass_by_value, reason = "an array written in place reads best")]
    #[track_caller]
    fn update_many<K: AsRef<[u8]>, const N: usize, R>(
        &self,
        keys: [K; N],
        mut update: impl FnMut(&mut [HashMut<'_>; N]) -> R,
    ) -> Result<R> {
        self.update_copies(keys.each_ref().map(AsRef::as_ref), |hashes| Ok(update(hashes)))
    }

    #[allow(clippy::needless_pass_by_value, reason = "an array written in place reads best")]
    #[track_caller]
    fn try_update_many<K: AsRef<[u8]>, const N: usize, R, E: From<RemoteError>>(
        &self,
        keys: [K; N],
        update: impl FnMut(&mut [HashMut<'_>; N]) -> std::result::Result<R, E>,
    ) -> std::result::Result<R, E> {
        self.update_copies(keys.each_ref().map(AsRef::as_ref), update)
    }
}

/// Reads an answer for each of these fields. There are none if there is no key.
fn each_of<T: Clone>(fields: &[&[u8]], answers: Value, read: fn(Value) -> Result<T>, missing: &T) -> Result<Vec<T>> {
    let answers = list(answers, read)?;
    match answers.len() {
        0 => Ok(vec![missing.clone(); fields.len()]),
        len if len == fields.len() => Ok(answers),
        len => Err(RemoteError::unexpected(&Value::Array(vec![Value::Nil; len]))),
    }
}

impl Remote {
    /// Fails for a key, field or value that is too long for a store.
    fn check(&self, key: &[u8], pairs: &[(&[u8], &[u8])]) -> Result<()> {
        self.rules().check_key(key)?;
        for (field, value) in pairs {
            self.rules().check_pair(field, value)?;
        }
        Ok(())
    }

    /// Makes a call that has an answer for each of these fields, or none if there is no key.
    #[track_caller]
    fn each_field<T: Clone>(
        &self,
        mut command: Cmd,
        fields: &[&[u8]],
        repeat: Repeat,
        read: fn(Value) -> Result<T>,
        missing: T,
    ) -> Result<Vec<T>> {
        if fields.is_empty() {
            return Ok(Vec::new());
        }
        counted(&mut command, fields);
        self.call(&command, repeat, |answers| each_of(fields, answers, read, &missing))
    }
}
