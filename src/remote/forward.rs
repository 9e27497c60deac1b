//! `Hashes` and `Across` for `Remote` and `RemoteCluster`, whose calls are all made by a `Caller`.

use std::borrow::Borrow;
use std::time::SystemTime;

use super::{Remote, RemoteCluster, RemoteError};
use crate::expiry::{ExpireCondition, ExpireOutcome, SetOptions, Touch, Ttl, When};
use crate::hash::Sample;
use crate::hashes::{Across, Hashes, Pairs};
use crate::pattern::KeyPattern;
use crate::scan::{Cursor, Page};
use crate::store::{Overwrite, TransferOutcome};
use crate::value::{HashMut, HashRef, HashValue};

/// The methods of `Hashes`, each of which `$call!` passes on.
macro_rules! pass_on {
    (
        $call:ident!;
        plain { $($plain:ident $([$($of_plain:tt)*])? ($($argument:ident: $type:ty),* $(,)?) -> $answer:ty;)* }
        refusable { $($write:ident $([$($of_write:tt)*])? ($($argument_:ident: $type_:ty),* $(,)?) -> $answer_:ty;)* }
    ) => {
        $(
            #[track_caller]
            fn $plain $(<$($of_plain)*>)? (&self $(, $argument: $type)*) -> Result<$answer, RemoteError> {
                $call!(self, Hashes::$plain($($argument),*))
            }
        )*
        $(
            #[track_caller]
            fn $write $(<$($of_write)*>)? (&self $(, $argument_: $type_)*) -> Result<$answer_, RemoteError> {
                $call!(self, Hashes::$write($($argument_),*))
            }
        )*
    };
}
pub(super) use pass_on;

/// Calls a method of a trait on the caller inside.
macro_rules! by_caller {
    ($remote:expr, $trait:ident::$method:ident ($($argument:expr),*)) => {
        $trait::$method($remote.caller(), $($argument),*)
    };
}

macro_rules! forward {
    ($($type:ty),*) => {$(
        impl Hashes for $type {
            type Error = RemoteError;

            crate::hashes::vocabulary! { pass_on! by_caller!; }

            #[track_caller]
            fn try_update<R, E: From<RemoteError>>(
                &self,
                key: impl AsRef<[u8]>,
                update: impl FnMut(&mut HashMut<'_>) -> Result<R, E>,
            ) -> Result<R, E> {
                self.caller().try_update(key, update)
            }
        }
    )*};
}

forward! { Remote, RemoteCluster }

impl Across for Remote {
    #[track_caller]
    fn update_many<K: AsRef<[u8]>, const N: usize, R>(
        &self,
        keys: [K; N],
        update: impl FnMut(&mut [HashMut<'_>; N]) -> R,
    ) -> Result<R, RemoteError> {
        self.caller().update_many(keys, update)
    }

    #[track_caller]
    fn try_update_many<K: AsRef<[u8]>, const N: usize, R, E: From<RemoteError>>(
        &self,
        keys: [K; N],
        update: impl FnMut(&mut [HashMut<'_>; N]) -> Result<R, E>,
    ) -> Result<R, E> {
        self.caller().try_update_many(keys, update)
    }

    #[track_caller]
    fn update_slice<K: AsRef<[u8]>, R>(
        &self,
        keys: &[K],
        update: impl FnMut(&mut [HashMut<'_>]) -> R,
    ) -> Result<R, RemoteError> {
        self.caller().update_slice(keys, update)
    }

    #[track_caller]
    fn try_update_slice<K: AsRef<[u8]>, R, E: From<RemoteError>>(
        &self,
        keys: &[K],
        update: impl FnMut(&mut [HashMut<'_>]) -> Result<R, E>,
    ) -> Result<R, E> {
        self.caller().try_update_slice(keys, update)
    }
}
