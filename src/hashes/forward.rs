//! The list of the methods of `Hashes` and `Across`, and the implementations that only pass calls on: those of a store,
//! and those of what holds something that implements the traits.

use std::borrow::Borrow;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Across, ExactExpiry, Hashes, Pairs};
use crate::error::Error;
use crate::expiry::{ExpireCondition, ExpireOutcome, SetOptions, Touch, Ttl, When};
use crate::hash::Sample;
#[cfg(feature = "journal")]
use crate::journal::Durable;
use crate::pattern::KeyPattern;
use crate::scan::{Cursor, Page};
use crate::store::{Overwrite, Store, TransferOutcome};
use crate::value::{HashMut, HashRef, HashValue};

/// Hands the methods to a macro, after its own arguments. Those under `plain` return no `Result` on a store. Generic
/// parameters are in brackets.
macro_rules! vocabulary {
    ($macro:ident! $($arguments:tt)*) => {
        $macro! {
            $($arguments)*
            plain {
                get(key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Option<Vec<u8>>;
                get_many[F: AsRef<[u8]>](key: impl AsRef<[u8]>, fields: impl IntoIterator<Item = F>) -> Vec<Option<Vec<u8>>>;
                get_many_across[K: AsRef<[u8]>, F: AsRef<[u8]>](
                    keys: impl IntoIterator<Item = K>, fields: impl IntoIterator<Item = F>
                ) -> Vec<Vec<Option<Vec<u8>>>>;
                get_all(key: impl AsRef<[u8]>) -> HashValue;
                fields(key: impl AsRef<[u8]>) -> Vec<Vec<u8>>;
                values(key: impl AsRef<[u8]>) -> Vec<Vec<u8>>;
                contains(key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> bool;
                value_len(key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Option<usize>;
                size(key: impl AsRef<[u8]>) -> usize;
                remove(key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> bool;
                remove_many[F: AsRef<[u8]>](key: impl AsRef<[u8]>, fields: impl IntoIterator<Item = F>) -> usize;
                take(key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Option<Vec<u8>>;
                take_many[F: AsRef<[u8]>](
                    key: impl AsRef<[u8]>, fields: impl IntoIterator<Item = F>
                ) -> Vec<Option<Vec<u8>>>;
                read[R](key: impl AsRef<[u8]>, read: impl FnOnce(&HashRef<'_>) -> R) -> R;
                update[R](key: impl AsRef<[u8]>, update: impl FnMut(&mut HashMut<'_>) -> R) -> R;
                update_existing[R](key: impl AsRef<[u8]>, update: impl FnMut(&mut HashMut<'_>) -> R) -> Option<R>;
                random_field(key: impl AsRef<[u8]>) -> Option<(Vec<u8>, Vec<u8>)>;
                random_fields(key: impl AsRef<[u8]>, sample: Sample) -> Pairs;
                random_field_names(key: impl AsRef<[u8]>, sample: Sample) -> Vec<Vec<u8>>;
                random_key() -> Option<Vec<u8>>;
                contains_key(key: impl AsRef<[u8]>) -> bool;
                clear(key: impl AsRef<[u8]>) -> bool;
                clear_many[K: AsRef<[u8]>](keys: impl IntoIterator<Item = K>) -> usize;
                keys() -> Vec<Vec<u8>>;
                key_count() -> usize;
                is_empty() -> bool;
                clear_all() -> ();
                scan(key: impl AsRef<[u8]>, cursor: Option<Cursor>, count: usize) -> Page<(Vec<u8>, Vec<u8>)>;
                scan_fields(key: impl AsRef<[u8]>, cursor: Option<Cursor>, count: usize) -> Page<Vec<u8>>;
                scan_keys(cursor: Option<Cursor>, count: usize) -> Page<Vec<u8>>;
                scan_keys_matching(
                    pattern: impl Borrow<KeyPattern>, cursor: Option<Cursor>, count: usize
                ) -> Page<Vec<u8>>;
                clear_matching(pattern: impl Borrow<KeyPattern>) -> usize;
                expire(key: impl AsRef<[u8]>, when: impl Into<When>) -> ExpireOutcome;
                expire_if(key: impl AsRef<[u8]>, when: impl Into<When>, condition: ExpireCondition) -> ExpireOutcome;
                ttl(key: impl AsRef<[u8]>) -> Ttl;
                deadline(key: impl AsRef<[u8]>) -> Option<SystemTime>;
                persist(key: impl AsRef<[u8]>) -> bool;
                expire_field(key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, when: impl Into<When>) -> ExpireOutcome;
                expire_field_if(
                    key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, when: impl Into<When>, condition: ExpireCondition
                ) -> ExpireOutcome;
                expire_fields[F: AsRef<[u8]>](
                    key: impl AsRef<[u8]>, fields: impl IntoIterator<Item = F>, when: impl Into<When>
                ) -> Vec<ExpireOutcome>;
                expire_fields_if[F: AsRef<[u8]>](
                    key: impl AsRef<[u8]>,
                    fields: impl IntoIterator<Item = F>,
                    when: impl Into<When>,
                    condition: ExpireCondition
                ) -> Vec<ExpireOutcome>;
                field_ttl(key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Ttl;
                field_ttls[F: AsRef<[u8]>](key: impl AsRef<[u8]>, fields: impl IntoIterator<Item = F>) -> Vec<Ttl>;
                field_deadline(key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Option<SystemTime>;
                field_deadlines[F: AsRef<[u8]>](
                    key: impl AsRef<[u8]>, fields: impl IntoIterator<Item = F>
                ) -> Vec<Option<SystemTime>>;
                persist_field(key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> bool;
                persist_fields[F: AsRef<[u8]>](key: impl AsRef<[u8]>, fields: impl IntoIterator<Item = F>) -> Vec<bool>;
            }
            refusable {
                set(key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> bool;
                set_many[F: AsRef<[u8]>, V: AsRef<[u8]>](
                    key: impl AsRef<[u8]>, pairs: impl IntoIterator<Item = (F, V)>
                ) -> usize;
                set_if_absent(key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> bool;
                compare_and_set(
                    key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, expected: Option<&[u8]>, new: Option<&[u8]>
                ) -> bool;
                compare_and_set_keep_ttl(
                    key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, expected: Option<&[u8]>, new: Option<&[u8]>
                ) -> bool;
                increment(key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, amount: i64) -> i64;
                increment_existing(key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, amount: i64) -> Option<i64>;
                increment_float(key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, amount: f64) -> f64;
                rename(key: impl AsRef<[u8]>, new: impl AsRef<[u8]>, overwrite: Overwrite) -> TransferOutcome;
                copy(key: impl AsRef<[u8]>, new: impl AsRef<[u8]>, overwrite: Overwrite) -> TransferOutcome;
                set_with[F: AsRef<[u8]>, V: AsRef<[u8]>](
                    key: impl AsRef<[u8]>, pairs: impl IntoIterator<Item = (F, V)>, options: SetOptions
                ) -> Option<usize>;
                get_and_expire(
                    key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, touch: impl Into<Touch>
                ) -> Option<Vec<u8>>;
                get_many_and_expire[F: AsRef<[u8]>](
                    key: impl AsRef<[u8]>, fields: impl IntoIterator<Item = F>, touch: impl Into<Touch>
                ) -> Vec<Option<Vec<u8>>>;
                increment_and_expire(
                    key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, amount: i64, when: impl Into<When>
                ) -> i64;
            }
        }
    };
}
#[cfg(feature = "redis")]
pub(crate) use vocabulary;

/// The methods of a store: each calls the store's own.
macro_rules! on_store {
    (
        plain { $($plain:ident $([$($of_plain:tt)*])? ($($argument:ident: $type:ty),* $(,)?) -> $answer:ty;)* }
        refusable { $($write:ident $([$($of_write:tt)*])? ($($argument_:ident: $type_:ty),* $(,)?) -> $answer_:ty;)* }
    ) => {
        $(
            #[inline]
            #[track_caller]
            fn $plain $(<$($of_plain)*>)? (&self $(, $argument: $type)*) -> Result<$answer, Error> {
                Ok(Store::$plain(self $(, $argument)*))
            }
        )*
        $(
            #[inline]
            #[track_caller]
            fn $write $(<$($of_write)*>)? (&self $(, $argument_: $type_)*) -> Result<$answer_, Error> {
                Store::$write(self $(, $argument_)*)
            }
        )*
    };
}

#[allow(clippy::unit_arg, reason = "one of the methods returns nothing")]
impl Hashes for Store {
    type Error = Error;

    vocabulary! { on_store! }

    #[inline]
    #[track_caller]
    fn try_update<R, E: From<Error>>(
        &self,
        key: impl AsRef<[u8]>,
        update: impl FnMut(&mut HashMut<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        Store::try_update(self, key, update)
    }

    #[inline]
    #[track_caller]
    fn try_update_existing<R, E: From<Error>>(
        &self,
        key: impl AsRef<[u8]>,
        update: impl FnMut(&mut HashMut<'_>) -> Result<R, E>,
    ) -> Result<Option<R>, E> {
        Store::try_update_existing(self, key, update)
    }

    #[inline]
    #[track_caller]
    fn set_many_across<K, P, F, V>(&self, hashes: impl IntoIterator<Item = (K, P)>) -> Vec<Result<usize, Self::Error>>
    where
        K: AsRef<[u8]>,
        P: IntoIterator<Item = (F, V)>,
        F: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        Store::set_many_across(self, hashes)
    }
}

impl Across for Store {
    #[inline]
    #[track_caller]
    fn update_many<K: AsRef<[u8]>, const N: usize, R>(
        &self,
        keys: [K; N],
        update: impl FnMut(&mut [HashMut<'_>; N]) -> R,
    ) -> Result<R, Error> {
        Store::update_many(self, keys, update)
    }

    #[inline]
    #[track_caller]
    fn try_update_many<K: AsRef<[u8]>, const N: usize, R, E: From<Error>>(
        &self,
        keys: [K; N],
        update: impl FnMut(&mut [HashMut<'_>; N]) -> Result<R, E>,
    ) -> Result<R, E> {
        Store::try_update_many(self, keys, update)
    }

    #[inline]
    #[track_caller]
    fn update_slice<K: AsRef<[u8]>, R>(
        &self,
        keys: &[K],
        update: impl FnMut(&mut [HashMut<'_>]) -> R,
    ) -> Result<R, Error> {
        Store::update_slice(self, keys, update)
    }

    #[inline]
    #[track_caller]
    fn try_update_slice<K: AsRef<[u8]>, R, E: From<Error>>(
        &self,
        keys: &[K],
        update: impl FnMut(&mut [HashMut<'_>]) -> Result<R, E>,
    ) -> Result<R, E> {
        Store::try_update_slice(self, keys, update)
    }
}

impl ExactExpiry for Store {}

/// The methods of what holds a `$held`.
macro_rules! on_held {
    (
        $held:ty;
        plain { $($plain:ident $([$($of_plain:tt)*])? ($($argument:ident: $type:ty),* $(,)?) -> $answer:ty;)* }
        refusable { $($write:ident $([$($of_write:tt)*])? ($($argument_:ident: $type_:ty),* $(,)?) -> $answer_:ty;)* }
    ) => {
        $(
            #[inline]
            #[track_caller]
            fn $plain $(<$($of_plain)*>)? (&self $(, $argument: $type)*) -> Result<$answer, Self::Error> {
                <$held as Hashes>::$plain(&**self $(, $argument)*)
            }
        )*
        $(
            #[inline]
            #[track_caller]
            fn $write $(<$($of_write)*>)? (&self $(, $argument_: $type_)*) -> Result<$answer_, Self::Error> {
                <$held as Hashes>::$write(&**self $(, $argument_)*)
            }
        )*
    };
}

/// Implements the traits for types that hold something that implements them, and that lend it by `Deref`.
macro_rules! hold {
    ($($(#[$attribute:meta])* [$($generic:ident)?] $holder:ty => $held:ty;)*) => {$(
        $(#[$attribute])*
        impl $(<$generic: Hashes>)? Hashes for $holder {
            type Error = <$held as Hashes>::Error;

            vocabulary! { on_held! $held; }

            #[inline]
            #[track_caller]
            fn try_update<R, E: From<Self::Error>>(
                &self,
                key: impl AsRef<[u8]>,
                update: impl FnMut(&mut HashMut<'_>) -> Result<R, E>,
            ) -> Result<R, E> {
                <$held as Hashes>::try_update(&**self, key, update)
            }

            #[inline]
            #[track_caller]
            fn try_update_existing<R, E: From<Self::Error>>(
                &self,
                key: impl AsRef<[u8]>,
                update: impl FnMut(&mut HashMut<'_>) -> Result<R, E>,
            ) -> Result<Option<R>, E> {
                <$held as Hashes>::try_update_existing(&**self, key, update)
            }

            #[inline]
            #[track_caller]
            fn set_many_across<K, P, F, V>(
                &self,
                hashes: impl IntoIterator<Item = (K, P)>,
            ) -> Vec<Result<usize, Self::Error>>
            where
                K: AsRef<[u8]>,
                P: IntoIterator<Item = (F, V)>,
                F: AsRef<[u8]>,
                V: AsRef<[u8]>,
            {
                <$held as Hashes>::set_many_across(&**self, hashes)
            }
        }

        $(#[$attribute])*
        impl $(<$generic: Across>)? Across for $holder {
            #[inline]
            #[track_caller]
            fn update_many<K: AsRef<[u8]>, const N: usize, R>(
                &self,
                keys: [K; N],
                update: impl FnMut(&mut [HashMut<'_>; N]) -> R,
            ) -> Result<R, Self::Error> {
                <$held as Across>::update_many(&**self, keys, update)
            }

            #[inline]
            #[track_caller]
            fn try_update_many<K: AsRef<[u8]>, const N: usize, R, E: From<Self::Error>>(
                &self,
                keys: [K; N],
                update: impl FnMut(&mut [HashMut<'_>; N]) -> Result<R, E>,
            ) -> Result<R, E> {
                <$held as Across>::try_update_many(&**self, keys, update)
            }

            #[inline]
            #[track_caller]
            fn update_slice<K: AsRef<[u8]>, R>(
                &self,
                keys: &[K],
                update: impl FnMut(&mut [HashMut<'_>]) -> R,
            ) -> Result<R, Self::Error> {
                <$held as Across>::update_slice(&**self, keys, update)
            }

            #[inline]
            #[track_caller]
            fn try_update_slice<K: AsRef<[u8]>, R, E: From<Self::Error>>(
                &self,
                keys: &[K],
                update: impl FnMut(&mut [HashMut<'_>]) -> Result<R, E>,
            ) -> Result<R, E> {
                <$held as Across>::try_update_slice(&**self, keys, update)
            }
        }

        $(#[$attribute])*
        impl $(<$generic: ExactExpiry>)? ExactExpiry for $holder {}
    )*};
}

hold! {
    [T] &T => T;
    [T] Arc<T> => T;
    #[cfg(feature = "journal")]
    [] Durable => Store;
}
