//! Values of single fields as bytes, for `Typed` and `TypedHashes`, whose errors differ.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::Codec;
use super::error::CodecError;

type Result<T, E> = std::result::Result<T, CodecError<E>>;

pub(super) fn decode<T: DeserializeOwned, E>(
    codec: &impl Codec,
    key: &[u8],
    field: &[u8],
    bytes: &[u8],
) -> Result<T, E> {
    codec.decode(PhantomData, bytes).map_err(CodecError::decode(key, field))
}

pub(super) fn encode<T: Serialize + ?Sized, E>(
    codec: &impl Codec,
    key: &[u8],
    field: &[u8],
    value: &T,
) -> Result<Vec<u8>, E> {
    let mut bytes = Vec::new();
    codec.encode(value, &mut bytes).map_err(CodecError::encode(key, field))?;
    Ok(bytes)
}

pub(super) fn encode_all<'v, F: AsRef<[u8]>, T: Serialize + ?Sized + 'v, E>(
    codec: &impl Codec,
    key: &[u8],
    pairs: impl IntoIterator<Item = (F, &'v T)>,
) -> Result<Vec<(F, Vec<u8>)>, E> {
    let pairs = pairs.into_iter();
    pairs.map(|(field, value)| encode(codec, key, field.as_ref(), value).map(|bytes| (field, bytes))).collect()
}
