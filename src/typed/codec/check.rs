//! `check_codec`: a test of the rules that a codec has to keep.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Codec;

/// Tests that a codec keeps the rules of [`Codec`], for the tests of a program that has a codec of its own.
///
/// It is about one type of values. The samples should be of each kind that the type has, such as all variants and empty
/// lists, and each has to be equal to itself, so a NaN is none. It tests that:
///
/// * each sample comes back equal from what the codec has appended for it, and `encode` keeps the bytes before it,
/// * bytes after a sample are not ignored,
/// * hostile bytes cause no panic: cut-off and damaged samples, long lengths, deep nesting, and bytes without any order. They
///   may be read as a value, because any bytes are a value in some formats.
///
/// It does not measure memory. A codec that believes a length aborts the process here, which is a failed test, too.
///
/// O(n²) for a sample of n bytes up to some hundred bytes, and O(n) beyond. Small samples find as much as large ones.
///
/// ```
/// # #[cfg(feature = "json")]
/// hashlet::check_codec(&hashlet::Json, [vec![Some("Ada".to_owned()), None], vec![]]);
/// ```
///
/// # Panics
/// If the codec breaks a rule. The text says which one, for which sample and for which bytes.
#[track_caller]
pub fn check_codec<C, T>(codec: &C, samples: impl IntoIterator<Item = T>)
where
    C: Codec,
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let mut fault = None;
    for sample in samples {
        fault = fault.or_else(|| fault_of_sample(codec, &sample).err());
    }
    let fault = fault.or_else(|| fault_of_bytes::<T>(codec).err());
    if let Some(fault) = fault {
        panic!("the codec breaks a rule for `{}`: {fault}", std::any::type_name::<T>());
    }
}

/// What stands in the buffer before the sample is appended.
const BEFORE: &[u8] = b"before";

/// At how many places a sample is cut off and damaged.
const PLACES: usize = 256;

fn fault_of_sample<C: Codec, T>(codec: &C, sample: &T) -> Result<(), String>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let mut bytes = BEFORE.to_vec();
    codec.encode(sample, &mut bytes).map_err(|error| format!("it does not encode {sample:?}: {error}"))?;
    let bytes = match bytes.strip_prefix(BEFORE) {
        Some(bytes) => bytes.to_vec(),
        None => return Err(format!("`encode` does not append to the bytes that are there, for {sample:?}")),
    };
    match decode::<C, T>(codec, &bytes)? {
        Ok(value) if value == *sample => {}
        Ok(value) => return Err(format!("{sample:?} is read as {value:?} from {}", shown(&bytes))),
        Err(error) => return Err(format!("it does not decode {sample:?} from {}: {error}", shown(&bytes))),
    }
    for tail in [&[0][..], &[1], &[0xff], &[0; 9], &bytes] {
        if tail.is_empty() {
            continue;
        }
        let longer = [&bytes, tail].concat();
        if decode::<C, T>(codec, &longer)?.is_ok_and(|value| value == *sample) {
            return Err(format!("bytes are left after {sample:?} and are ignored, in {}", shown(&longer)));
        }
    }
    for at in (0..bytes.len()).step_by(bytes.len().div_ceil(PLACES).max(1)) {
        _ = decode::<C, T>(codec, &bytes[..at])?;
        _ = decode::<C, T>(codec, &bytes[at..])?;
        for byte in [0, 1, 0x7f, 0x80, 0xff, bytes[at] ^ 1, bytes[at] ^ 0x80] {
            let mut damaged = bytes.clone();
            damaged[at] = byte;
            _ = decode::<C, T>(codec, &damaged)?;
        }
        // A length that is as long as it can be, in the notations of most formats.
        for long in [&[0xff; 8][..], &[0x7f, 0xff, 0xff, 0xff], &[0xff, 0xff, 0xff, 0xff, 0x7f]] {
            _ = decode::<C, T>(codec, &[&bytes[..at], long, &bytes[at..]].concat())?;
        }
    }
    Ok(())
}

/// Decodes bytes that have nothing to do with any sample.
fn fault_of_bytes<T: DeserializeOwned>(codec: &impl Codec) -> Result<(), String> {
    for byte in 0..=u8::MAX {
        for count in [0, 1, 9, 10_000] {
            _ = decode::<_, T>(codec, &vec![byte; count])?;
        }
    }
    let mut state = 0_u64;
    for len in (0..64).cycle().take(4_096) {
        let mut byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let bytes: Vec<u8> = (0..len).map(|_| byte()).collect();
        _ = decode::<_, T>(codec, &bytes)?;
    }
    Ok(())
}

/// Returns what the codec reads, or its refusal as text; and as an error that it panics.
fn decode<C: Codec, T: DeserializeOwned>(codec: &C, bytes: &[u8]) -> Result<Result<T, String>, String> {
    let decode = || codec.decode(PhantomData::<T>, bytes).map_err(|reason| reason.to_string());
    catch_unwind(AssertUnwindSafe(decode)).map_err(|_| format!("`decode` panics on {}", shown(bytes)))
}

/// The bytes in hexadecimal, or the first of them if they are many.
fn shown(bytes: &[u8]) -> String {
    const MANY: usize = 100;
    let hex: Vec<String> = bytes.iter().take(MANY).map(|byte| format!("{byte:02x}")).collect();
    let rest = if bytes.len() > MANY { format!(" … of {} bytes", bytes.len()) } else { String::new() };
    format!("[{}{rest}]", hex.join(" "))
}
