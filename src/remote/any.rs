//! A store, a server or a cluster, whichever the configuration names.

use std::borrow::Borrow;
use std::sync::Arc;
use std::time::SystemTime;

use super::cluster::SCHEME;
use super::forward::pass_on;
use super::{Remote, RemoteCluster, RemoteError};
use crate::error::Error;
use crate::expiry::{ExpireCondition, ExpireOutcome, SetOptions, Touch, Ttl, When};
use crate::hash::Sample;
use crate::hashes::{Across, Hashes, Pairs};
#[cfg(feature = "journal")]
use crate::journal::{Durable, JournalOptions};
use crate::pattern::KeyPattern;
use crate::scan::{Cursor, Page};
use crate::store::{Overwrite, Store, TransferOutcome};
use crate::value::{HashMut, HashRef, HashValue};

/// Hashes in this process, on a server or on a cluster: what a line of a configuration names. It has the methods of
/// [`Hashes`](crate::Hashes) and [`Across`](crate::Across). Updates of several keys on a cluster are
/// [`CrossSlot`](RemoteError::CrossSlot) unless the keys have the same tag.
///
/// ```
/// use hashlet::{AnyHashes, Hashes};
///
/// let name = std::env::var("MY_HASHES").unwrap_or("memory:".into()); // or redis://127.0.0.1/, or redis+cluster://10.0.0.1,10.0.0.2
/// let hashes = AnyHashes::open(&name)?;
/// hashes.set("user:1", "name", "Ada")?;
/// assert_eq!(hashes.get("user:1", "name")?.as_deref(), Some(&b"Ada"[..]));
/// # Ok::<(), hashlet::RemoteError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum AnyHashes {
    /// A store in this process.
    Local(Arc<Store>),
    /// A store with a journal.
    #[cfg(feature = "journal")]
    Journal(Durable),
    /// A server.
    Remote(Remote),
    /// A cluster.
    Cluster(RemoteCluster),
}

impl AnyHashes {
    /// Opens what is named: `memory:` is an empty store, `journal:folder` a store with the journal in this folder,
    /// `redis+cluster://host,host` a cluster, as [`RemoteCluster::open`] takes it, and everything else the URL of a server, as
    /// [`Remote::open`] takes it.
    ///
    /// # Errors
    /// Those of [`Remote::open`] and [`RemoteCluster::open`]. `Journal` if the journal is not opened. [`RemoteError::Unsupported`] for a journal if
    /// this build is without the feature `journal`.
    #[track_caller]
    pub fn open(name: &str) -> Result<Self, RemoteError> {
        if name == "memory:" {
            return Ok(Self::Local(Arc::default()));
        }
        match name.strip_prefix("journal:") {
            Some(folder) => Self::open_journal(folder),
            None if name.starts_with(SCHEME) => RemoteCluster::open(name).map(Self::Cluster),
            None => Remote::open(name).map(Self::Remote),
        }
    }

    #[cfg(feature = "journal")]
    #[track_caller]
    fn open_journal(folder: &str) -> Result<Self, RemoteError> {
        Ok(Self::Journal(Store::builder().open(folder, JournalOptions::new())?))
    }

    #[cfg(not(feature = "journal"))]
    fn open_journal(_: &str) -> Result<Self, RemoteError> {
        Err(RemoteError::Unsupported("a journal, without the feature `journal` of hashlet".into()))
    }
}

/// Calls a method of a trait on whatever is inside.
macro_rules! on_any {
    ($any:expr, $trait:ident::$method:ident ($($argument:expr),*)) => {
        match $any {
            AnyHashes::Local(store) => $trait::$method(&**store, $($argument),*).map_err(RemoteError::from),
            #[cfg(feature = "journal")]
            AnyHashes::Journal(store) => $trait::$method(store, $($argument),*).map_err(RemoteError::from),
            AnyHashes::Remote(remote) => $trait::$method(remote, $($argument),*),
            AnyHashes::Cluster(cluster) => $trait::$method(cluster.caller(), $($argument),*),
        }
    };
}

/// The error of a closure on a store, or of the store itself.
enum Failed<E> {
    Closure(E),
    Store(Error),
}

impl<E> From<Error> for Failed<E> {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl<E: From<RemoteError>> Failed<E> {
    fn into_closure_error(self) -> E {
        match self {
            Self::Closure(error) => error,
            Self::Store(error) => RemoteError::from(error).into(),
        }
    }
}

impl Hashes for AnyHashes {
    type Error = RemoteError;

    crate::hashes::vocabulary! { pass_on! on_any!; }

    #[track_caller]
    fn try_update<R, E: From<RemoteError>>(
        &self,
        key: impl AsRef<[u8]>,
        mut update: impl FnMut(&mut HashMut<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        match self {
            Self::Local(store) => Store::try_update(store, key, update),
            #[cfg(feature = "journal")]
            Self::Journal(store) => Store::try_update(store, key, update),
            Self::Remote(remote) => remote.try_update(key, &mut update),
            Self::Cluster(cluster) => cluster.try_update(key, &mut update),
        }
    }

    #[track_caller]
    fn set_many_across<K, P, F, V>(&self, hashes: impl IntoIterator<Item = (K, P)>) -> Vec<Result<usize, RemoteError>>
    where
        K: AsRef<[u8]>,
        P: IntoIterator<Item = (F, V)>,
        F: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let on_store = |store: &Store, hashes| {
            let answers = store.set_many_across(hashes).into_iter();
            answers.map(|answer| answer.map_err(RemoteError::from)).collect()
        };
        match self {
            Self::Local(store) => on_store(store, hashes),
            #[cfg(feature = "journal")]
            Self::Journal(store) => on_store(store, hashes),
            Self::Remote(remote) => remote.set_many_across(hashes),
            Self::Cluster(cluster) => cluster.set_many_across(hashes),
        }
    }
}

impl Across for AnyHashes {
    #[track_caller]
    fn update_many<K: AsRef<[u8]>, const N: usize, R>(
        &self,
        keys: [K; N],
        update: impl FnMut(&mut [HashMut<'_>; N]) -> R,
    ) -> Result<R, RemoteError> {
        on_any!(self, Across::update_many(keys, update))
    }

    #[track_caller]
    fn try_update_many<K: AsRef<[u8]>, const N: usize, R, E: From<RemoteError>>(
        &self,
        keys: [K; N],
        mut update: impl FnMut(&mut [HashMut<'_>; N]) -> Result<R, E>,
    ) -> Result<R, E> {
        let on_store = |store: &Store, keys, update: &mut dyn FnMut(&mut [HashMut<'_>; N]) -> Result<R, E>| {
            let result = store.try_update_many::<K, N, R, _>(keys, |hashes| update(hashes).map_err(Failed::Closure));
            result.map_err(Failed::into_closure_error)
        };
        match self {
            Self::Local(store) => on_store(store, keys, &mut update),
            #[cfg(feature = "journal")]
            Self::Journal(store) => on_store(store, keys, &mut update),
            Self::Remote(remote) => remote.try_update_many(keys, update),
            Self::Cluster(cluster) => cluster.caller().try_update_many(keys, update),
        }
    }

    #[track_caller]
    fn update_slice<K: AsRef<[u8]>, R>(
        &self,
        keys: &[K],
        update: impl FnMut(&mut [HashMut<'_>]) -> R,
    ) -> Result<R, RemoteError> {
        on_any!(self, Across::update_slice(keys, update))
    }

    #[track_caller]
    fn try_update_slice<K: AsRef<[u8]>, R, E: From<RemoteError>>(
        &self,
        keys: &[K],
        mut update: impl FnMut(&mut [HashMut<'_>]) -> Result<R, E>,
    ) -> Result<R, E> {
        let on_store = |store: &Store, update: &mut dyn FnMut(&mut [HashMut<'_>]) -> Result<R, E>| {
            let result = store.try_update_slice::<K, R, _>(keys, |hashes| update(hashes).map_err(Failed::Closure));
            result.map_err(Failed::into_closure_error)
        };
        match self {
            Self::Local(store) => on_store(store, &mut update),
            #[cfg(feature = "journal")]
            Self::Journal(store) => on_store(store, &mut update),
            Self::Remote(remote) => remote.try_update_slice(keys, update),
            Self::Cluster(cluster) => cluster.caller().try_update_slice(keys, update),
        }
    }
}
