//! One error type for all handlers and for the closures of atomic steps.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hashlet::{CodecError, Error, JournalError};
use serde::Serialize;

#[derive(Debug)]
pub enum Refusal {
    SignedOut,
    Missing(&'static str),
    Wrong(&'static str),
    Taken(&'static str),
    TooManyRequests,
    Full,
    Journal(JournalError),
    Store(CodecError),
}

/// `Error`, `FieldError` and `CodecError`: whatever a call on a store may return.
impl<E: Into<CodecError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        let error = error.into();
        if error.is_full() { Self::Full } else { Self::Store(error) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body {
            error: &'static str,
        }
        let (status, error) = match self {
            Self::SignedOut => (StatusCode::UNAUTHORIZED, "sign in first"),
            Self::Missing(what) => (StatusCode::NOT_FOUND, what),
            Self::Wrong(what) => (StatusCode::BAD_REQUEST, what),
            Self::Taken(what) => (StatusCode::CONFLICT, what),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "try again in a minute"),
            Self::Full => (StatusCode::INSUFFICIENT_STORAGE, "the shop is full"),
            Self::Journal(error) => {
                eprintln!("{error}");
                (StatusCode::SERVICE_UNAVAILABLE, "the disk has failed")
            }
            Self::Store(CodecError::Refused(Error::JournalFailed | Error::Unlogged)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "the disk has failed")
            }
            Self::Store(CodecError::Refused(
                Error::KeyTooLong { .. } | Error::FieldTooLong { .. } | Error::ValueTooLong { .. } | Error::Overflow,
            )) => (StatusCode::BAD_REQUEST, "too long, or too large"),
            Self::Store(error) => {
                eprintln!("{error}"); // names the key and the field
                (StatusCode::INTERNAL_SERVER_ERROR, "a mistake of ours")
            }
        };
        (status, Json(Body { error })).into_response()
    }
}
