//! What all error types have in common: no error tells what its source tells, names are shown as text, and one question
//! finds out whether a store is full.

use std::error::Error as StdError;

use crate::support::told::told;
use hashlet::{Error, ExpireOutcome, FieldError, Limits, Store};

const FULL: Error = Error::Full { size: 2, limit: 1 };

/// Every reason to refuse a write.
fn refusals() -> [Error; 12] {
    let (size, limit) = (2, 1);
    [
        FULL,
        Error::KeyTooLong { size, limit },
        Error::FieldTooLong { size, limit },
        Error::ValueTooLong { size, limit },
        Error::TooManyFields { size, limit },
        Error::RepeatedKey,
        Error::NotAnInteger,
        Error::NotAFloat,
        Error::NotFinite,
        Error::Overflow,
        Error::JournalFailed,
        Error::Unlogged,
    ]
}

fn field_errors<E>(inner: impl IntoIterator<Item = E>) -> Vec<FieldError<E>> {
    let (key, field) = (b"k".to_vec(), b"f".to_vec());
    let not_utf8 = String::from_utf8(vec![255]).unwrap_err().utf8_error();
    let mut errors = vec![
        FieldError::NotText { key: key.clone(), field: field.clone(), error: not_utf8 },
        FieldError::NameNotText { key: key.clone(), field: field.clone(), error: not_utf8 },
        FieldError::NotParsed { key, field, reason: "a".parse::<u8>().unwrap_err().into() },
    ];
    errors.extend(inner.into_iter().map(FieldError::Refused));
    errors
}

/// Asserts that an error tells nothing twice, and all that its innermost one tells.
fn is_told_once<E: StdError + 'static>(errors: impl IntoIterator<Item = E>) {
    errors.into_iter().for_each(|error| _ = told(&error));
}

#[test]
fn no_error_of_a_store_tells_what_its_source_tells() {
    is_told_once(refusals());
    is_told_once(field_errors(refusals()));
    for error in refusals() {
        assert_eq!(
            told(&FieldError::<Error>::from(error)),
            [error.to_string()],
            "what only holds an error is that error"
        );
    }
}

#[test]
fn a_full_store_is_found_by_one_question() {
    for error in refusals() {
        let is_full = matches!(error, Error::Full { .. });
        assert_eq!(error.is_full(), is_full, "{error}");
        assert_eq!(FieldError::<Error>::from(error).is_full(), is_full, "{error}");
    }
    assert!(!field_errors([FULL])[0].is_full());
    use ExpireOutcome::{Deleted, Full, Missing, NotMet, Set};
    assert_eq!([Missing, NotMet, Set, Deleted, Full].map(ExpireOutcome::is_full), [false, false, false, false, true]);
    let store = Store::builder().limits(Limits::default().max_bytes(100_000)).build();
    assert!(store.set("k", "f", vec![0; 200_000]).unwrap_err().is_full());
    let refused = store.try_update("k", |hash| -> Result<(), FieldError> {
        hash.set("f", vec![0; 200_000])?;
        Ok(())
    });
    assert!(refused.unwrap_err().is_full());
}

#[cfg(feature = "serde")]
#[test]
fn the_errors_of_typed_values_are_told_once_and_name_key_and_field() {
    use hashlet::CodecError;
    let errors = |key: &[u8], field: &[u8]| -> [CodecError; 2] {
        let (key, field) = (key.to_vec(), field.to_vec());
        [
            CodecError::Decode { key: key.clone(), field: field.clone(), reason: "a reason".into() },
            CodecError::Encode { key, field, reason: "a reason".into() },
        ]
    };
    let shown = |key: &[u8], field: &[u8]| errors(key, field).map(|error| crate::support::told::in_one_line(&error));
    let says = ["read", "written"];
    assert_eq!(shown(b"k", b"f"), says.map(|what| format!(r#"field "f" of hash "k" cannot be {what}: a reason"#)));
    assert_eq!(shown(b"k", b""), says.map(|what| format!(r#"hash "k" cannot be {what}: a reason"#)));
    let bytes = shown(b"\xff", "größe".as_bytes());
    assert_eq!(bytes, says.map(|what| format!(r#"field "größe" of hash b"\xff" cannot be {what}: a reason"#)));
    for error in refusals() {
        let held = CodecError::from(error);
        assert_eq!((told(&held), held.is_full()), (vec![error.to_string()], error.is_full()));
    }
    for error in field_errors(refusals()) {
        let (is_full, said) = (error.is_full(), told(&error).pop());
        let error = CodecError::from(error);
        assert_eq!((error.is_full(), told(&error).pop()), (is_full, said));
    }
}

#[cfg(feature = "snapshot")]
#[test]
fn the_errors_of_snapshots_are_told_once() {
    use hashlet::SnapshotError;
    let path = Some("a path".into());
    is_told_once([
        SnapshotError::Io(std::io::Error::other("a reason")),
        SnapshotError::NotASnapshot,
        SnapshotError::UnsupportedVersion { version: 9, flags: 1 },
        SnapshotError::Corrupt { path, offset: 1, what: "a flaw" },
        SnapshotError::Busy,
        SnapshotError::Locked,
        SnapshotError::Forked,
    ]);
    for error in refusals() {
        let held = SnapshotError::TooLarge(error);
        assert_eq!((told(&held).pop(), held.is_full()), (Some(error.to_string()), error.is_full()));
    }
    let store = Store::new();
    store.set("k", "f", vec![0; 200_000]).unwrap();
    let mut bytes = Vec::new();
    store.save_to(&mut bytes).unwrap();
    let refused = Store::builder().limits(Limits::default().max_bytes(100_000)).load_from(&bytes[..]);
    assert!(refused.unwrap_err().is_full());
}

#[cfg(feature = "journal")]
fn journal_errors() -> Vec<hashlet::JournalError> {
    use std::sync::Arc;

    use hashlet::JournalError;
    let reason = || Arc::new(std::io::Error::other("a reason"));
    let mut errors = vec![
        JournalError::Io { path: "a path".into(), error: reason() },
        JournalError::Corrupt { file: "a file".into(), offset: 1, what: "a flaw" },
        JournalError::UnsupportedVersion { file: "a file".into(), version: 9, flags: 1 },
        JournalError::Locked { folder: "a folder".into() },
        JournalError::Busy,
        JournalError::Failed { error: reason() },
        JournalError::Closed,
        JournalError::Forked,
    ];
    errors.extend(refusals().map(|error| JournalError::TooLarge { file: "a file".into(), error }));
    errors
}

#[cfg(feature = "journal")]
#[test]
fn the_errors_of_a_journal_are_told_once() {
    assert_eq!(journal_errors().iter().filter(|error| error.is_full()).count(), 1);
    is_told_once(journal_errors());
}

#[cfg(feature = "redis")]
mod of_servers {
    use hashlet::{CopyError, Remote, RemoteError};

    use super::*;

    fn errors() -> Vec<RemoteError> {
        let mut errors = vec![
            RemoteError::Server("OOM command not allowed when used memory > 'maxmemory'.".into()),
            RemoteError::Server("BUSY a script".into()),
            RemoteError::Denied("a text".into()),
            RemoteError::Wire("a reason".into()),
            RemoteError::Unknown("a reason".into()),
            RemoteError::WrongType,
            RemoteError::CrossSlot,
            RemoteError::Contended { attempts: 3 },
            RemoteError::Unsupported("a text".into()),
        ];
        errors.extend(refusals().map(RemoteError::Refused));
        #[cfg(feature = "journal")]
        errors.extend(journal_errors().into_iter().map(RemoteError::Journal));
        errors
    }

    #[test]
    fn they_are_told_once() {
        is_told_once(errors());
        is_told_once(field_errors(errors()));
        is_told_once(errors().into_iter().map(CopyError::Remote));
        is_told_once([CopyError::TooLate { key: vec![255] }, CopyError::Busy]);
        for error in refusals() {
            let held = CopyError::Refused { key: "größe".into(), error };
            let says = [r#"the store refuses the hash "größe""#.to_string(), error.to_string()];
            assert_eq!((told(&held), held.is_full()), (says.to_vec(), error.is_full()));
        }
        #[cfg(feature = "serde")]
        is_told_once(errors().into_iter().map(hashlet::CodecError::<RemoteError>::from));
    }

    /// The client's errors return as their source what they show.
    #[test]
    fn what_the_client_has_found_is_told_once() {
        let error = Remote::open("unix:///nowhere/socket").unwrap_err();
        assert!(matches!(error, RemoteError::Wire(_)), "{error:?}");
        let told = told(&error);
        assert!(told.len() > 1 && told[1..].join(" ").to_lowercase().contains("no such file"), "{told:?}");
    }

    #[test]
    fn a_full_store_and_a_full_server_are_found_by_one_question() {
        let full = |error: &&RemoteError| match error {
            RemoteError::Refused(error) => error.is_full(),
            RemoteError::Server(text) => text.starts_with("OOM"),
            #[cfg(feature = "journal")]
            RemoteError::Journal(error) => error.is_full(),
            _ => false,
        };
        assert!(errors().iter().filter(full).count() >= 2);
        for (error, expected) in errors().into_iter().zip(errors().iter().map(|error| full(&error))) {
            assert_eq!(error.is_full(), expected, "{error}");
            let error = FieldError::from(error);
            assert_eq!(error.is_full(), expected, "{error}");
            let FieldError::Refused(error) = error else { panic!("{error}") };
            #[cfg(feature = "serde")]
            let error = {
                let error = hashlet::CodecError::from(error);
                assert_eq!(error.is_full(), expected, "{error}");
                let hashlet::CodecError::Refused(error) = error else { panic!("{error}") };
                error
            };
            assert_eq!(CopyError::from(error).is_full(), expected);
        }
        assert!(!CopyError::Busy.is_full());
    }
}
