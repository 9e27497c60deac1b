//! The methods of `Hashes` on servers. Each is one command, or one script where there is none. What is about all keys is one
//! command for each server.

use std::borrow::Borrow;
use std::cell::Cell;
use std::time::SystemTime;

use redis::Value;

use super::RemoteError;
use super::answer::{
    bytes, count, done, flag, integer, list, only, outcome, page, pairs, parsed, part, some_bytes, time, ttl,
};
use super::call::{Caller, EXPIRE, EXPIRE_FIELDS, INCREMENT_AND_EXPIRE, Repeat, ScriptCall};
use super::deadline::{ServerTime, condition as condition_word};
use super::pipeline::Pipeline;
use super::request::Request;
use super::servers::{Node, Servers};
use crate::expiry::{ExpireCondition, ExpireOutcome, SetOptions, Touch, Ttl, When};
use crate::hash::Sample;
use crate::hashes::{Across, Hashes};
use crate::pattern::KeyPattern;
use crate::random::{Random, weighted};
use crate::scan::{Cursor, Page};
use crate::store::{Overwrite, TransferOutcome};
use crate::value::{Arguments, HashMut, HashRef, HashValue};

type Result<T> = std::result::Result<T, RemoteError>;

/// The keys that a server looks at for one page of a walk over all keys, or that are sent together.
const KEYS_A_PAGE: usize = 1_000;
/// How often a random key is drawn before one is looked for, because the others were no hashes.
const DRAWS: usize = 16;
/// The most fields that are drawn at once. A server takes no number that is much larger.
const MOST_DRAWN: usize = u32::MAX as usize;

/// Adds fields, after their number.
fn counted(request: &mut Request, fields: &[&[u8]]) {
    request.arg("FIELDS").arg(fields.len()).arg(fields);
}

impl<S: Servers> Hashes for Caller<S> {
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
        let mut set = Request::new("HSET", key);
        pairs.iter().for_each(|(field, value)| _ = set.arg(field).arg(value));
        self.tell(&set, count)
    }

    #[track_caller]
    fn get(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        self.ask(Request::new("HGET", key).arg(field.as_ref()), bytes)
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
        self.ask(Request::new("HMGET", key).arg(&fields), |values| list(values, bytes))
    }

    #[track_caller]
    fn get_many_across<K: AsRef<[u8]>, F: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Vec<Option<Vec<u8>>>>> {
        let (keys, fields) = (Arguments::fields(keys), Arguments::fields(fields));
        let (keys, fields) = (keys.as_fields(), fields.as_fields());
        if S::SPLITS_KEYS || fields.is_empty() {
            return keys.into_iter().map(|key| self.get_many(key, &fields)).collect();
        }
        let mut answers = Vec::with_capacity(keys.len());
        for keys in keys.chunks(KEYS_A_PAGE) {
            let mut gets = Pipeline::default();
            keys.iter().for_each(|key| gets.request(Request::new("HMGET", key).arg(&fields)));
            for answer in self.answers(&gets)? {
                answers.push(list(answer?, bytes)?);
            }
        }
        Ok(answers)
    }

    #[track_caller]
    fn get_all(&self, key: impl AsRef<[u8]>) -> Result<HashValue> {
        Ok(self.ask(&Request::new("HGETALL", key), pairs)?.into_iter().collect())
    }

    #[track_caller]
    fn fields(&self, key: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>> {
        self.ask(&Request::new("HKEYS", key), |fields| list(fields, some_bytes))
    }

    #[track_caller]
    fn values(&self, key: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>> {
        self.ask(&Request::new("HVALS", key), |values| list(values, some_bytes))
    }

    #[track_caller]
    fn contains(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<bool> {
        self.ask(Request::new("HEXISTS", key).arg(field.as_ref()), flag)
    }

    #[track_caller]
    fn value_len(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<usize>> {
        let (key, field) = (key.as_ref(), field.as_ref());
        match self.ask(Request::new("HSTRLEN", key).arg(field), count)? {
            0 => Ok(self.get(key, field)?.map(|value| value.len())), // empty or absent
            len => Ok(Some(len)),
        }
    }

    #[track_caller]
    fn size(&self, key: impl AsRef<[u8]>) -> Result<usize> {
        self.ask(&Request::new("HLEN", key), count)
    }

    #[track_caller]
    fn set_if_absent(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool> {
        let (key, field, value) = (key.as_ref(), field.as_ref(), value.as_ref());
        self.check(key, &[(field, value)])?;
        self.tell(Request::new("HSETNX", key).arg(field).arg(value), flag)
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
    fn compare_and_set_keep_ttl(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<bool> {
        let (key, field) = (key.as_ref(), field.as_ref());
        self.check(key, &[(field, new.unwrap_or_default())])?;
        match new {
            Some(new) => self.change_if(key, field, expected, "HSETEX", &[b"KEEPTTL", b"FIELDS", b"1", field, new]),
            None => self.compare_and_set(key, field, expected, None),
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
        self.tell(Request::new("HDEL", key).arg(&fields), count)
    }

    #[track_caller]
    fn take(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        let mut take = Request::new("HGETDEL", key);
        counted(&mut take, &[field.as_ref()]);
        self.tell(&take, |values| bytes(only(values)?))
    }

    #[track_caller]
    fn take_many<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let fields = Arguments::fields(fields);
        self.each_field(Request::new("HGETDEL", key), &fields.as_fields(), Repeat::Doubles, bytes, None)
    }

    #[track_caller]
    fn increment(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, amount: i64) -> Result<i64> {
        let (key, field) = (key.as_ref(), field.as_ref());
        self.check(key, &[(field, b"")])?;
        self.tell(Request::new("HINCRBY", key).arg(field).arg(amount), integer)
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
        self.ask(Request::new("HRANDFIELD", key).arg(drawn(sample)).arg("WITHVALUES"), pairs)
    }

    #[track_caller]
    fn random_field_names(&self, key: impl AsRef<[u8]>, sample: Sample) -> Result<Vec<Vec<u8>>> {
        self.ask(Request::new("HRANDFIELD", key).arg(drawn(sample)), |fields| list(fields, some_bytes))
    }

    #[track_caller]
    fn random_key(&self) -> Result<Option<Vec<u8>>> {
        self.random_key_of_all()
    }

    #[track_caller]
    fn contains_key(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.ask(&Request::new("EXISTS", key), flag)
    }

    #[track_caller]
    fn clear(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.tell(&Request::new("UNLINK", key), flag)
    }

    #[track_caller]
    fn clear_many<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<usize> {
        let keys = Arguments::fields(keys);
        let keys = keys.as_fields();
        if keys.is_empty() {
            return Ok(0);
        }
        self.tell(&Request::of_keys("UNLINK", &keys), count)
    }

    #[track_caller]
    fn rename(&self, key: impl AsRef<[u8]>, new: impl AsRef<[u8]>, overwrite: Overwrite) -> Result<TransferOutcome> {
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
        match self.tell(&Request::of_keys(name, &[key, new]), read) {
            Ok(true) => Ok(TransferOutcome::Done),
            Ok(false) => Ok(TransferOutcome::TargetExists),
            Err(RemoteError::Server(text)) if text.contains("no such key") => Ok(TransferOutcome::NoSource),
            Err(error) => Err(error),
        }
    }

    #[track_caller]
    fn copy(&self, key: impl AsRef<[u8]>, new: impl AsRef<[u8]>, overwrite: Overwrite) -> Result<TransferOutcome> {
        let (key, new) = (key.as_ref(), new.as_ref());
        self.rules().check_key(new)?;
        if key == new {
            return Ok(TransferOutcome::to_itself(self.contains_key(key)?, overwrite)); // a server refuses it
        }
        let mut copy = Request::of_keys("COPY", &[key, new]);
        if overwrite == Overwrite::Yes {
            copy.arg("REPLACE");
        }
        Ok(match self.tell(&copy, flag)? {
            true => TransferOutcome::Done,
            false if overwrite == Overwrite::No && self.contains_key(key)? => TransferOutcome::TargetExists,
            false => TransferOutcome::NoSource,
        })
    }

    #[track_caller]
    fn keys(&self) -> Result<Vec<Vec<u8>>> {
        let keys = self.on_all(|node| {
            self.walk(node, &KeyPattern::prefix(""), KEYS_A_PAGE, Vec::new(), |keys, page| {
                keys.extend(page);
                Ok::<_, RemoteError>(())
            })
        })?;
        let mut keys: Vec<Vec<u8>> = keys.into_iter().flatten().collect();
        keys.sort_unstable();
        keys.dedup(); // a scan may return a key twice
        Ok(keys)
    }

    #[track_caller]
    fn key_count(&self) -> Result<usize> {
        let counts = self.on_all(|node| self.ask(&Request::to_node("DBSIZE", node), count))?;
        Ok(counts.into_iter().sum())
    }

    #[track_caller]
    fn clear_all(&self) -> Result<()> {
        let mut cleared: Vec<Node> = Vec::new();
        let result = self.on_all(|node| {
            if !cleared.contains(node) {
                // It is done at once. Only freeing the memory takes its time, which nobody has to wait for.
                self.tell(Request::to_node("FLUSHDB", node).arg("ASYNC"), done)?;
                cleared.push(node.clone());
            }
            Ok(())
        });
        match result {
            // The others have nothing left, so this is no error after which all is as before.
            Err(error) if !cleared.is_empty() => Err(error.after_a_part()),
            result => result.map(drop),
        }
    }

    #[track_caller]
    fn scan(&self, key: impl AsRef<[u8]>, cursor: Option<Cursor>, count: usize) -> Result<Page<(Vec<u8>, Vec<u8>)>> {
        let mut scan = Request::new("HSCAN", key);
        scan.arg(Cursor::for_server(cursor).1).arg("COUNT").arg(count.clamp(1, MOST_DRAWN));
        self.ask(&scan, |answer| page(answer, pairs))
    }

    #[track_caller]
    fn scan_fields(&self, key: impl AsRef<[u8]>, cursor: Option<Cursor>, count: usize) -> Result<Page<Vec<u8>>> {
        let mut scan = Request::new("HSCAN", key);
        scan.arg(Cursor::for_server(cursor).1).arg("COUNT").arg(count.clamp(1, MOST_DRAWN)).arg("NOVALUES");
        self.ask(&scan, |answer| page(answer, |fields| list(fields, some_bytes)))
    }

    #[track_caller]
    fn scan_keys(&self, cursor: Option<Cursor>, count: usize) -> Result<Page<Vec<u8>>> {
        self.scan_keys_matching(KeyPattern::prefix(""), cursor, count)
    }

    #[track_caller]
    fn scan_keys_matching(
        &self,
        pattern: impl Borrow<KeyPattern>,
        cursor: Option<Cursor>,
        count: usize,
    ) -> Result<Page<Vec<u8>>> {
        let (first, begin) = Cursor::for_server(cursor);
        self.patiently(|| {
            let mut nodes = self.nodes()?.into_iter().filter(|node| node.id >= first);
            let Some(node) = nodes.next() else { return Ok(Page { items: Vec::new(), next: None }) };
            let at = if node.id == first { begin } else { 0 }; // the server at which the scan was may be gone
            let (items, next) = self.scan_node(&node, pattern.borrow(), at, count)?;
            let next = match next {
                Some(next) => Some(Cursor::of_server(node.id, next)),
                None => nodes.next().map(|node| Cursor::of_server(node.id, 0)),
            };
            Ok(Page { items, next })
        })
    }

    #[track_caller]
    fn clear_matching(&self, pattern: impl Borrow<KeyPattern>) -> Result<usize> {
        let removed = Cell::new(0); // counts on if a walk begins anew
        self.on_all(|node| {
            self.walk(node, pattern.borrow(), KEYS_A_PAGE, (), |(), page| {
                if !S::SPLITS_KEYS {
                    removed.set(removed.get() + self.clear_many(page)?);
                    return Ok(());
                }
                page.into_iter().try_for_each(|key| {
                    removed.set(removed.get() + usize::from(self.clear(key)?));
                    Ok::<_, RemoteError>(())
                })
            })
        })?;
        Ok(removed.get())
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
        self.ask(&Request::new("PTTL", key), ttl)
    }

    #[track_caller]
    fn deadline(&self, key: impl AsRef<[u8]>) -> Result<Option<SystemTime>> {
        self.ask(&Request::new("PEXPIRETIME", key), time)
    }

    #[track_caller]
    fn persist(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.tell(&Request::new("PERSIST", key), flag)
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
        self.each_field(Request::new("HPTTL", key), &fields.as_fields(), Repeat::Harmless, ttl, Ttl::Missing)
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
        self.each_field(Request::new("HPEXPIRETIME", key), &fields.as_fields(), Repeat::Harmless, time, None)
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
        self.each_field(Request::new("HPERSIST", key), &fields.as_fields(), Repeat::Doubles, flag, false)
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
        let mut get = Request::new("HGETEX", key);
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

impl<S: Servers> Across for Caller<S> {
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

    #[track_caller]
    fn update_slice<K: AsRef<[u8]>, R>(
        &self,
        keys: &[K],
        mut update: impl FnMut(&mut [HashMut<'_>]) -> R,
    ) -> Result<R> {
        let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        self.update_all_copies(&keys, |hashes| Ok(update(hashes)))
    }

    #[track_caller]
    fn try_update_slice<K: AsRef<[u8]>, R, E: From<RemoteError>>(
        &self,
        keys: &[K],
        update: impl FnMut(&mut [HashMut<'_>]) -> std::result::Result<R, E>,
    ) -> std::result::Result<R, E> {
        let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        self.update_all_copies(&keys, update)
    }
}

/// The number by which a server is asked for a sample.
fn drawn(sample: Sample) -> i64 {
    match sample {
        Sample::Distinct(count) => count.min(MOST_DRAWN) as i64,
        Sample::WithRepeats(count) => -(count.min(Sample::MAX_REPEATS) as i64),
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

impl<S: Servers> Caller<S> {
    /// Fails for a key, field or value that is too long for a store.
    fn check(&self, key: &[u8], pairs: &[(&[u8], &[u8])]) -> Result<()> {
        self.rules().check_key(key)?;
        for (field, value) in pairs {
            self.rules().check_pair(field, value)?;
        }
        Ok(())
    }

    /// Returns hashes among the keys of a server that match a pattern, and where its walk goes on.
    #[track_caller]
    pub(super) fn scan_node(
        &self,
        node: &Node,
        pattern: &KeyPattern,
        at: u64,
        count: usize,
    ) -> Result<(Vec<Vec<u8>>, Option<u64>)> {
        let mut scan = Request::to_node("SCAN", node);
        scan.arg(at).arg("COUNT").arg(count.clamp(1, MOST_DRAWN)).arg("TYPE").arg("hash");
        if !pattern.is_any() {
            scan.arg("MATCH").arg(pattern.to_glob());
        }
        let (mut keys, next) = self.ask(&scan, |answer| {
            let (next, keys) = part(answer)?;
            Ok((list(keys, some_bytes)?, next))
        })?;
        keys.retain(|key| pattern.matches(key));
        Ok((keys, next))
    }

    /// Draws a server, as likely as it has keys, and then a key of it.
    #[track_caller]
    fn random_key_of_all(&self) -> Result<Option<Vec<u8>>> {
        let mut random = Random::of_process();
        let nodes = self.on_all(|node| Ok((node.clone(), self.ask(&Request::to_node("DBSIZE", node), count)?)))?;
        let (nodes, keys): (Vec<_>, Vec<_>) = nodes.into_iter().unzip();
        for _ in 0..DRAWS {
            let Some(at) = weighted(&keys, &mut random) else { return Ok(None) };
            if let Some(key) = self.ask(&Request::to_node("RANDOMKEY", &nodes[at]), bytes)?
                && self.ask(&Request::new("TYPE", &key), |kind| Ok(kind == Value::SimpleString("hash".into())))?
            {
                return Ok(Some(key));
            }
        }
        self.iter_keys().next().transpose()
    }

    /// Makes a call that has an answer for each of these fields, or none if there is no key.
    #[track_caller]
    fn each_field<T: Clone>(
        &self,
        mut request: Request,
        fields: &[&[u8]],
        repeat: Repeat,
        read: fn(Value) -> Result<T>,
        missing: T,
    ) -> Result<Vec<T>> {
        if fields.is_empty() {
            return Ok(Vec::new());
        }
        counted(&mut request, fields);
        self.call(&request, repeat, |answers| each_of(fields, answers, read, &missing))
    }
}
