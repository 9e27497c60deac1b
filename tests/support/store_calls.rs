//! The calls on a store. They are made on the store and on the model.

use std::collections::BTreeSet;
use std::slice::from_ref;

use hashlet::{Cursor, Encoding, Error, HashMut, ManualClock, Page, Sample, Store};

use super::model::Model;
use super::ops::{Call, Change, FiledCall, Op, rollback};
use super::reply::Reply;
use super::source::Bytes;
use super::time::time;

impl Op {
    pub(crate) fn on_store(&self, store: &Store, clock: &ManualClock) -> Reply {
        match self {
            Self::Call(key, call) => call.on_store(store, key),
            Self::Update(key, calls) => {
                store.update(key, |hash| Reply::each(calls.iter().map(|call| call.on_view(hash))))
            }
            Self::UpdateMany(keys, calls) => match &keys[..] {
                [first, second] => update_many(store, [first, second], calls),
                [_, _, _] => {
                    let on_key = |hashes: &mut [HashMut<'_>]| {
                        Reply::each(calls.iter().map(|(at, call)| call.on_view(&mut hashes[at % 3])))
                    };
                    store.update_slice(keys, on_key).into()
                }
                _ => unreachable!("two or three keys"),
            },
            Self::UpdateExisting(key, calls) => {
                let answer = store.update_existing(key, |hash| {
                    assert!(!hash.is_empty(), "the closure runs without a key");
                    Reply::each(calls.iter().map(|call| call.on_view(hash)))
                });
                Reply::if_there(answer)
            }
            Self::TryUpdateExisting(key, calls, end) => rollback::on_existing(store, key, calls, *end),
            Self::IncrementExisting(key, field, by) => {
                store.increment_existing(key, field, *by).map_or_else(Reply::Failed, Reply::if_there)
            }
            Self::TryUpdate(keys, calls, end) => rollback::on_store(store, keys, calls, *end),
            Self::RetainFields(key, sieve) => {
                store.update(key, |hash| hash.retain(|field, value| sieve.keeps(field, [value]))).into()
            }
            Self::Read(key, looks) => store.read(key, |hash| Reply::each(looks.iter().map(|look| look.on_ref(hash)))),
            Self::GetAll(key, calls) => {
                let mut copy = store.get_all(key);
                Reply::each(calls.iter().map(|call| call.on_value(&mut copy)))
            }
            Self::GetAcross(keys, field) => Reply::values(store.get_across(keys, field)),
            Self::GetManyAcross(keys, fields) => Reply::each(store.get_many_across(keys, fields)),
            Self::SetManyAcross(keys, pairs) => {
                let pairs = pairs.iter().map(|pairs| pairs.iter().map(|(field, value)| (field, value)));
                Reply::each(store.set_many_across(keys.iter().zip(pairs)))
            }
            Self::RandomFields(key, sample) => {
                let drawn = store.random_fields(key, *sample);
                for (field, value) in &drawn {
                    assert_eq!(store.get(key, field).as_ref(), Some(value), "drawn, and not a member");
                }
                if let Sample::Distinct(_) = sample {
                    let distinct: BTreeSet<_> = drawn.iter().collect();
                    assert_eq!(distinct.len(), drawn.len(), "drawn more than once");
                }
                drawn.len().into()
            }
            Self::RandomFieldNames(key, sample) => {
                let drawn = store.random_field_names(key, *sample);
                assert!(drawn.iter().all(|field| store.contains(key, field)), "drawn, and not a member");
                if let Sample::Distinct(_) = sample {
                    assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), drawn.len(), "drawn more than once");
                }
                drawn.len().into()
            }
            Self::ScanFields(key, count) => Reply::names(walk(*count, |cursor| store.scan_fields(key, cursor, *count))),
            Self::Scan(key, count) => Reply::pairs(walk(*count, |cursor| store.scan(key, cursor, *count))),
            Self::Fields(key) => Reply::names(store.fields(key)),
            Self::Values(key) => Reply::names(store.values(key)),
            Self::ContainsKey(key) => {
                check_encoding(store, key);
                store.contains_key(key).into()
            }
            Self::Clear(key) => store.clear(key).into(),
            Self::ClearMany(keys) => store.clear_many(keys).into(),
            Self::Rename([key, new], overwrite) => store.rename(key, new, *overwrite).into(),
            Self::Copy([key, new], overwrite) => store.copy(key, new, *overwrite).into(),
            Self::ClearAll => {
                store.clear_all();
                Reply::Done
            }
            Self::Retain(sieve) => {
                store.retain(|key, hash| sieve.keeps(key, hash.iter().flat_map(<[_; 2]>::from))).into()
            }
            Self::RetainWith(field) => store.retain(|_, hash| hash.contains(field)).into(),
            Self::ShrinkToFit => {
                let before = store.stats().bytes;
                store.shrink_to_fit();
                assert!(store.stats().bytes <= before, "shrinking takes memory");
                Reply::Done
            }
            Self::ForEach => {
                let mut hashes = Vec::new();
                store.for_each(|key, hash| hashes.push((key.to_vec(), hash.to_value())));
                Reply::hashes(hashes)
            }
            Self::Keys => Reply::names(store.keys()),
            Self::ScanKeys(count) => Reply::names(walk(*count, |cursor| store.scan_keys(cursor, *count))),
            Self::IterKeys => Reply::names(store.iter_keys()),
            Self::ScanKeysMatching(pattern, count) => {
                let (mut keys, mut cursor) = (Vec::new(), None);
                loop {
                    let page = store.scan_keys_matching(pattern, cursor, *count);
                    keys.extend(page.items);
                    cursor = page.next;
                    if cursor.is_none() {
                        break Reply::names(keys);
                    }
                }
            }
            Self::ClearMatching(pattern) => store.clear_matching(pattern).into(),
            Self::RandomKey => {
                let key = store.random_key();
                assert!(key.as_ref().is_none_or(|key| store.contains_key(key)), "drawn, and not there");
                key.is_some().into()
            }
            Self::Counts => {
                let stats = store.stats();
                assert_eq!(stats.packed + stats.tables, stats.keys);
                assert_eq!(store.is_empty(), stats.keys == 0);
                Reply::each([stats.keys, stats.fields, store.key_count()])
            }
            Self::Reserve(keys) => {
                store.reserve(*keys);
                Reply::Done
            }
            Self::PurgeExpired(budget) => {
                if store.purge_expired(*budget).is_complete {
                    assert_eq!(store.purge_expired(1).fields, 0, "left by a complete purge");
                } else {
                    assert_ne!(*budget, usize::MAX, "an incomplete purge");
                }
                Reply::Done
            }
            Self::Clock(millis) => {
                // When the clock steps back, an expired field that no call has seen would come back. So everything is
                // seen here.
                if time(*millis) < clock.now() {
                    store.purge_expired(usize::MAX);
                }
                clock.set(time(*millis));
                Reply::Done
            }
            Self::Save(..) | Self::Reload(_) => unreachable!("a scenario does them itself"),
        }
    }

    /// The answer of the model. If the store is full and refuses a write, the model takes the store's answer.
    pub(crate) fn on_model(&self, model: &mut Model, answer: &Reply) -> Reply {
        match self {
            Self::Call(key, call) => model.hash(key.as_ref(), |hash| call.on_model_with_room(hash, answer)),
            Self::Update(key, calls) => model.hash(key.as_ref(), |hash| {
                Reply::each(
                    calls.iter().zip(answer.parts()).map(|(call, answer)| call.on_model_with_room(hash, answer)),
                )
            }),
            Self::UpdateMany(keys, calls) => {
                if (1..keys.len()).any(|at| keys[..at].contains(&keys[at])) {
                    return Reply::Failed(Error::RepeatedKey);
                }
                rollback::calls_on_model(model, keys, calls, answer)
            }
            Self::UpdateExisting(key, _) | Self::TryUpdateExisting(key, ..) | Self::IncrementExisting(key, ..)
                if !model.contains_key(key.as_ref()) =>
            {
                Reply::Value(None)
            }
            Self::UpdateExisting(key, calls) => Self::Update(key.clone(), calls.clone()).on_model(model, answer),
            Self::TryUpdateExisting(key, calls, end) => rollback::on_model(model, from_ref(key), calls, *end, answer),
            Self::IncrementExisting(key, field, by) => {
                let call = FiledCall::Call(Call::Change(Change::Increment(field.clone(), *by)));
                Self::Call(key.clone(), call).on_model(model, answer)
            }
            Self::TryUpdate(keys, calls, end) => rollback::on_model(model, keys, calls, *end, answer),
            Self::RetainFields(key, sieve) => {
                model.hash(key.as_ref(), |hash| hash.retain(|field, value| sieve.keeps(field, [value]))).into()
            }
            Self::Read(key, looks) => {
                model.hash(key.as_ref(), |hash| Reply::each(looks.iter().map(|look| look.on_model(hash))))
            }
            Self::GetAll(key, calls) => {
                model.on_copy(key.as_ref(), |hash| Reply::each(calls.iter().map(|call| call.on_model(hash))))
            }
            Self::GetAcross(keys, field) => {
                let on_key = |key: &Bytes| model.hash(key.as_ref(), |hash| hash.get(field).map(<[u8]>::to_vec));
                Reply::values(keys.iter().map(on_key))
            }
            Self::GetManyAcross(keys, fields) => Reply::each(keys.iter().map(|key| {
                model.hash(key.as_ref(), |hash| {
                    Reply::values(fields.iter().map(|field| hash.get(field).map(<[u8]>::to_vec)))
                })
            })),
            Self::SetManyAcross(keys, pairs) => {
                let sets = pairs.iter().map(|pairs| FiledCall::Call(Call::Change(Change::SetMany(pairs.clone()))));
                Reply::each(
                    keys.iter().zip(sets).zip(answer.parts()).map(|((key, set), answer)| {
                        model.hash(key.as_ref(), |hash| set.on_model_with_room(hash, answer))
                    }),
                )
            }
            Self::RandomFields(key, sample) | Self::RandomFieldNames(key, sample) => model.hash(key.as_ref(), |hash| {
                Reply::Count(match (sample, hash.len()) {
                    (Sample::Distinct(count), len) => len.min(*count),
                    (Sample::WithRepeats(_), 0) => 0,
                    (Sample::WithRepeats(count), _) => *count,
                })
            }),
            Self::Scan(key, _) => model.hash(key.as_ref(), |hash| Reply::pairs(hash.iter())),
            Self::Fields(key) | Self::ScanFields(key, _) => {
                model.hash(key.as_ref(), |hash| Reply::names(hash.iter().map(|(field, _)| field.to_vec())))
            }
            Self::Values(key) => {
                model.hash(key.as_ref(), |hash| Reply::names(hash.iter().map(|(_, value)| value.to_vec())))
            }
            Self::ContainsKey(key) => model.contains_key(key.as_ref()).into(),
            Self::Clear(key) => model.clear(key.as_ref()).into(),
            Self::ClearMany(keys) => keys.iter().filter(|key| model.clear(key.as_ref())).count().into(),
            Self::Rename(..) | Self::Copy(..) if answer.is_full() => {
                self.assert_grows(model);
                answer.clone()
            }
            Self::Rename([key, new], overwrite) => model.rename(key.as_ref(), new.as_ref(), *overwrite).into(),
            Self::Copy([key, new], overwrite) => model.copy(key.as_ref(), new.as_ref(), *overwrite).into(),
            Self::ClearAll => {
                model.clear_all();
                Reply::Done
            }
            Self::Retain(sieve) => {
                model.retain(|key, hash| sieve.keeps(key, hash.iter().flat_map(<[_; 2]>::from))).into()
            }
            Self::RetainWith(field) => model.retain(|_, hash| hash.contains(field)).into(),
            Self::ShrinkToFit | Self::Reserve(_) | Self::PurgeExpired(_) => Reply::Done,
            Self::Save(..) | Self::Reload(_) => Reply::Done,
            Self::ForEach => Reply::hashes(model.hashes().map(|(key, hash)| (key.clone(), hash.iter()))),
            Self::Keys | Self::ScanKeys(_) | Self::IterKeys => Reply::names(model.keys()),
            Self::ScanKeysMatching(pattern, _) => {
                Reply::names(model.keys().into_iter().filter(|key| pattern.matches(key)))
            }
            Self::ClearMatching(pattern) => model.retain(|key, _| !pattern.matches(key)).into(),
            Self::RandomKey => (model.key_count() > 0).into(),
            Self::Counts => Reply::each([model.key_count(), model.field_count(), model.key_count()]),
            Self::Clock(millis) => {
                model.set_clock(*millis);
                Reply::Done
            }
        }
    }
}

fn update_many<const N: usize>(store: &Store, keys: [&Bytes; N], calls: &[(usize, FiledCall)]) -> Reply {
    let on_key =
        |hashes: &mut [HashMut<'_>; N]| Reply::each(calls.iter().map(|(at, call)| call.on_view(&mut hashes[at % N])));
    store.update_many(keys, on_key).into()
}

/// Checks that all interfaces report the same encoding and bytes of a hash. The model knows neither.
fn check_encoding(store: &Store, key: &Bytes) {
    let encoding = store.encoding(key);
    assert_eq!(encoding.is_some(), store.contains_key(key));
    assert_eq!(encoding.is_some(), store.memory_usage(key).is_some());
    let encoding = encoding.unwrap_or(Encoding::Packed);
    assert_eq!(store.read(key, |hash| hash.encoding()), encoding);
    assert_eq!(store.update(key, |hash| hash.encoding()), encoding);
    assert_eq!(store.get_all(key).encoding(), encoding);
}

/// Everything that a scan returns from the first page to the last. Every page but the last has to be full.
fn walk<T>(count: usize, mut page: impl FnMut(Option<Cursor>) -> Page<T>) -> Vec<T> {
    let (mut items, mut cursor) = (Vec::new(), None);
    loop {
        let page = page(cursor);
        assert!(page.next.is_none() || page.items.len() >= count.max(1), "a page before the last is full");
        items.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return items;
        }
    }
}
