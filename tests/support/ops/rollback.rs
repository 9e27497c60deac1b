//! Updates that succeed, or are rolled back after some of their calls.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use hashlet::{Error, HashMut, Store};

use super::FiledCall;
use crate::support::model::Model;
use crate::support::reply::Reply;
use crate::support::source::{Bytes, Source};

/// How a closure ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// With success, after all its calls.
    Well,
    /// With an error, after this many of its calls.
    Error(usize),
    /// With a panic, after this many of its calls.
    Panic(usize),
}

/// Why an update failed.
#[derive(Debug, PartialEq)]
pub(crate) enum Failure {
    Meant,
    Refused(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// The payload of an intended panic.
struct Meant;

impl End {
    /// A third of all updates is rolled back. `None` is an update that cannot be rolled back.
    pub(crate) fn decode(source: &mut Source<'_>) -> Option<Self> {
        match source.below(6) {
            0..=2 => None,
            3 => Some(Self::Well),
            4 => Some(Self::Error(source.below(6))),
            _ => Some(Self::Panic(source.below(6))),
        }
    }

    /// The calls that are made before the closure ends.
    fn made<T>(self, calls: &[T]) -> &[T] {
        match self {
            Self::Well => calls,
            Self::Error(after) | Self::Panic(after) => &calls[..after.min(calls.len())],
        }
    }

    fn come(self) -> Result<(), Failure> {
        match self {
            Self::Well => Ok(()),
            Self::Error(_) => Err(Failure::Meant),
            Self::Panic(_) => resume_unwind(Box::new(Meant)),
        }
    }
}

/// The answers of the calls that were made, even if the update was rolled back.
pub(crate) fn on_store(store: &Store, keys: &[Bytes], calls: &[(usize, FiledCall)], end: End) -> Reply {
    match keys {
        [key] => run(calls, end, |work| store.try_update(key, |hash| work(&mut [hash]))),
        [first, second] => {
            run(calls, end, |work| store.try_update_many([first, second], |hashes| work(&mut hashes.each_mut())))
        }
        [_, _, _] => run(calls, end, |work| {
            store.try_update_slice(keys, |hashes| work(&mut hashes.iter_mut().collect::<Vec<_>>()))
        }),
        _ => unreachable!("one to three keys"),
    }
}

/// The same on a hash that is there, or no call at all.
pub(crate) fn on_existing(store: &Store, key: &Bytes, calls: &[(usize, FiledCall)], end: End) -> Reply {
    if !store.contains_key(key) {
        let result = store.try_update_existing(key, |_| -> Result<(), Failure> { unreachable!("there is no key") });
        assert_eq!(result, Ok(None));
        return Reply::Value(None);
    }
    run(calls, end, |work| {
        store.try_update_existing(key, |hash| work(&mut [hash])).map(|done| done.expect("the key is there"))
    })
}

type Work<'w> = &'w mut dyn FnMut(&mut [&mut HashMut<'_>]) -> Result<(), Failure>;

fn run(calls: &[(usize, FiledCall)], end: End, update: impl FnOnce(Work<'_>) -> Result<(), Failure>) -> Reply {
    let mut reply = None;
    let mut work = |hashes: &mut [&mut HashMut<'_>]| {
        let count = hashes.len();
        reply = Some(Reply::each(end.made(calls).iter().map(|(at, call)| call.on_view(hashes[at % count]))));
        end.come()
    };
    match (catch_unwind(AssertUnwindSafe(|| update(&mut work))), end) {
        (Ok(Err(Failure::Refused(error))), _) => {
            assert!(reply.is_none(), "the closure was called");
            return Reply::Failed(error);
        }
        (Ok(Ok(())), End::Well) | (Ok(Err(Failure::Meant)), End::Error(_)) => {}
        (Err(panic), End::Panic(_)) if panic.is::<Meant>() => {}
        (Err(panic), _) => resume_unwind(panic),
        (Ok(result), _) => panic!("{result:?} of {end:?}"),
    }
    reply.expect("the closure was called")
}

/// The answers of the model. If the update is rolled back, the calls are made on a copy of it.
pub(crate) fn on_model(
    model: &mut Model,
    keys: &[Bytes],
    calls: &[(usize, FiledCall)],
    end: End,
    answer: &Reply,
) -> Reply {
    if (1..keys.len()).any(|at| keys[..at].contains(&keys[at])) {
        return Reply::Failed(Error::RepeatedKey);
    }
    match end {
        End::Well => calls_on_model(model, keys, calls, answer),
        End::Error(_) | End::Panic(_) => calls_on_model(&mut model.clone(), keys, end.made(calls), answer),
    }
}

/// The answers of the model to calls on the hashes of these keys.
pub(crate) fn calls_on_model(model: &mut Model, keys: &[Bytes], calls: &[(usize, FiledCall)], answer: &Reply) -> Reply {
    Reply::each(calls.iter().zip(answer.parts()).map(|((at, call), answer)| {
        model.hash(keys[at % keys.len()].as_ref(), |hash| call.on_model_with_room(hash, answer))
    }))
}
