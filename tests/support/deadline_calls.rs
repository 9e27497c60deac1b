//! The calls on deadlines, made on each interface of a hash that has them: by its key in a store, and on the views of
//! closures. They are also made on the model.

use hashlet::{HashMut, HashRef, Store};

use super::model::ModelHash;
use super::ops::deadlines::{DeadlineCall, DeadlineChange, DeadlineLook, SetPlan};
use super::reply::Reply;
use super::source::Bytes;

/// The reads that have the same name on every interface. Those of a store take the key first.
macro_rules! look {
    ($look:expr, $hash:expr, [$($key:expr)?]) => {
        match $look {
            DeadlineLook::Ttl => Reply::from($hash.ttl($($key)?)),
            DeadlineLook::Deadline => Reply::from($hash.deadline($($key)?)),
            DeadlineLook::FieldTtl(field) => Reply::from($hash.field_ttl($($key,)? field)),
            DeadlineLook::FieldTtls(fields) => Reply::each($hash.field_ttls($($key,)? fields)),
            DeadlineLook::FieldDeadline(field) => Reply::from($hash.field_deadline($($key,)? field)),
            DeadlineLook::FieldDeadlines(fields) => Reply::each($hash.field_deadlines($($key,)? fields)),
        }
    };
}

/// The writes that have the same name on every interface. Those of a store take the key first.
macro_rules! change {
    ($change:expr, $hash:expr, [$($key:expr)?], fields: $fields:expr, options: $options:expr) => {
        match $change {
            DeadlineChange::Expire(time_to_live) => Reply::from($hash.expire($($key,)? *time_to_live)),
            DeadlineChange::ExpireAt(time) => Reply::from($hash.expire($($key,)? *time)),
            DeadlineChange::ExpireIf(when, condition) => Reply::from($hash.expire_if($($key,)? *when, *condition)),
            DeadlineChange::Persist => Reply::from($hash.persist($($key)?)),
            DeadlineChange::ExpireField(field, when) => Reply::from($hash.expire_field($($key,)? field, *when)),
            DeadlineChange::ExpireFieldIf(field, when, condition) => {
                Reply::from($hash.expire_field_if($($key,)? field, *when, *condition))
            }
            DeadlineChange::ExpireFields(fields, when, condition) => {
                Reply::each($hash.expire_fields_if($($key,)? fields, *when, *condition))
            }
            DeadlineChange::ExpireAll(when) => {
                let mut fields: Vec<Vec<u8>> = $fields;
                fields.sort_unstable();
                Reply::each($hash.expire_fields($($key,)? fields, *when))
            }
            DeadlineChange::PersistField(field) => Reply::from($hash.persist_field($($key,)? field)),
            DeadlineChange::PersistFields(fields) => Reply::each($hash.persist_fields($($key,)? fields)),
            DeadlineChange::SetWith(pairs, plan) => {
                Reply::from($hash.set_with($($key,)? pairs.iter().map(|(f, v)| (f, v)), $options(plan)))
            }
            DeadlineChange::Touch(field, touch) => Reply::from($hash.get_and_expire($($key,)? field, *touch)),
            DeadlineChange::TouchMany(fields, touch) => Reply::from($hash.get_many_and_expire($($key,)? fields, *touch)),
            DeadlineChange::CompareAndSet(field, expected, new) => {
                let current = $hash.get($($key,)? field).map(|value| -> Vec<u8> { value.into() });
                let expected = expected.as_ref().map(Bytes::as_ref).or(current.as_deref());
                let new = new.as_ref().map(Bytes::as_ref);
                Reply::from($hash.compare_and_set_keep_ttl($($key,)? field, expected, new))
            }
            DeadlineChange::IncrementExpiring(field, by, when) => {
                Reply::from($hash.increment_and_expire($($key,)? field, *by, *when))
            }
        }
    };
}

impl DeadlineLook {
    pub(crate) fn on_ref(&self, hash: &HashRef<'_>) -> Reply {
        look!(self, hash, [])
    }

    pub(crate) fn on_model(&self, hash: &ModelHash<'_>) -> Reply {
        look!(self, hash, [])
    }
}

impl DeadlineCall {
    pub(crate) fn on_store(&self, store: &Store, key: &Bytes) -> Reply {
        match self {
            Self::Look(look) => look!(look, store, [key]),
            Self::Change(change) => change!(change, store, [key], fields: store.fields(key), options: SetPlan::options),
        }
    }

    pub(crate) fn on_view(&self, hash: &mut HashMut<'_>) -> Reply {
        match self {
            Self::Look(look) => look!(look, hash, []),
            Self::Change(change) => {
                let fields = || hash.iter().map(|(field, _)| field.to_vec()).collect();
                change!(change, hash, [], fields: fields(), options: SetPlan::options)
            }
        }
    }

    pub(crate) fn on_model(&self, hash: &mut ModelHash<'_>) -> Reply {
        match self {
            Self::Look(look) => look.on_model(hash),
            Self::Change(change) => {
                let fields = || hash.iter().map(|(field, _)| field.to_vec()).collect();
                change!(change, hash, [], fields: fields(), options: SetPlan::clone)
            }
        }
    }
}
