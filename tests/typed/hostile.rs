//! Bytes that no codec has written are errors in every typed read, whatever they claim. They never take more memory
//! than a small multiple of their length.

#![cfg(all(feature = "json", feature = "bincode", feature = "postcard"))]

#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard};

use hashlet::{Codec, HashValue};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde::de::DeserializeOwned;
use support::everything::{Asking, Bytes, Everything, Tree};
use support::{heap, typed_reads};

#[global_allocator]
static HEAP: heap::Bounded = heap::Bounded;

/// The lock that every test holds, because the peak of the heap is that of the whole process.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The most memory that decoding may take: for a string as long as the bytes, for elements of 32 bytes for each byte,
/// and an allowance.
fn bound(bytes: &[u8]) -> usize {
    64 * 1_024 + 64 * bytes.len()
}

fn decode<T: DeserializeOwned>(codec: impl Codec + Copy, bytes: &[u8]) -> bool {
    heap::reset_peak();
    let before = heap::live();
    let decoded = codec.decode(PhantomData::<T>, bytes);
    let taken = heap::peak() - before;
    assert!(taken <= bound(bytes), "{taken} bytes for {} of {}", bytes.len(), std::any::type_name::<T>());
    decoded.is_ok()
}

fn encoded<T: serde::Serialize>(codec: impl Codec + Copy, value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec.encode(value, &mut bytes).unwrap();
    bytes
}

#[test]
fn a_length_that_exceeds_the_bytes_is_refused_at_once() {
    let _alone = alone();
    lengths_are_refused(hashlet::Bincode);
    lengths_are_refused(hashlet::Postcard);
}

fn lengths_are_refused(codec: impl Codec + Copy) {
    let lens = [255, 1 << 16, 1 << 20, 1 << 32, (1 << 33) - 1, 1 << 33, 1 << 40, (1 << 63) - 1, u64::MAX];
    for len in lens {
        for rest in [0, 1, 100, 100_000] {
            let mut bytes = encoded(codec, &len);
            bytes.resize(bytes.len() + rest, 0);
            if len > rest as u64 + 1_024 {
                assert!(!decode::<Vec<()>>(codec, &bytes));
                assert!(!decode::<Vec<[(); 8]>>(codec, &bytes));
                assert!(!decode::<HashMap<(), ()>>(codec, &bytes));
                assert!(!decode::<HashSet<()>>(codec, &bytes));
            }
            if len <= rest as u64 {
                continue;
            }
            assert!(!decode::<String>(codec, &bytes));
            assert!(!decode::<Bytes>(codec, &bytes));
            assert!(!decode::<Vec<u8>>(codec, &bytes));
            assert!(!decode::<Vec<u32>>(codec, &bytes));
            assert!(!decode::<Vec<String>>(codec, &bytes));
            assert!(!decode::<BTreeMap<u8, u8>>(codec, &bytes));
            assert!(!decode::<HashMap<u8, ()>>(codec, &bytes));
            assert!(!decode::<HashValue>(codec, &bytes));
            typed_reads::run(codec, bytes.get(..200.min(bytes.len())).unwrap());
            // Many nested levels announce the same length.
            let nested: Vec<u8> = bytes.iter().copied().cycle().take(100 * (bytes.len() - rest)).collect();
            assert!(!decode::<Tree>(codec, &nested));
            assert!(!decode::<Vec<Vec<Vec<u64>>>>(codec, &nested));
        }
    }
}

#[test]
fn levels_without_end_are_refused() {
    let _alone = alone();
    levels_are_refused(hashlet::Bincode);
    levels_are_refused(hashlet::Postcard);
}

fn levels_are_refused(codec: impl Codec + Copy) {
    assert!(decode::<Tree>(codec, &[0]));
    assert!(!decode::<Tree>(codec, &[1; 1_000_000]));
    assert!(!decode::<Endless>(codec, &[1; 1_000_000]));
    let mut within = vec![1; 60];
    within.push(0);
    assert!(decode::<Tree>(codec, &within));
    typed_reads::run(codec, &[1; 2_000]);
}

#[derive(serde::Deserialize)]
struct Endless(#[allow(dead_code, reason = "it is only read")] Option<Box<Endless>>);

#[test]
fn levels_without_end_are_refused_in_json() {
    let _alone = alone();
    assert!(!decode::<Tree>(hashlet::Json, "[".repeat(1_000_000).as_bytes()));
    assert!(decode::<Endless>(hashlet::Json, b"null"));
    typed_reads::run(hashlet::Json, "[".repeat(2_000).as_bytes());
    typed_reads::run(hashlet::Json, r#"{"Struct":{"text":"","option":"#.repeat(200).as_bytes());
}

#[test]
fn bytes_after_a_value_are_refused() {
    let _alone = alone();
    fn refused(codec: impl Codec + Copy) {
        let bytes = encoded(codec, &Everything::default());
        assert!(decode::<Everything>(codec, &bytes));
        for tail in [&[0][..], &[1], &[255], b"}", b"null", &bytes] {
            assert!(!decode::<Everything>(codec, &[&bytes, tail].concat()));
        }
        assert!(!decode::<()>(codec, &[&encoded(codec, &())[..], &[0]].concat()));
    }
    refused(hashlet::Json);
    refused(hashlet::Bincode);
    refused(hashlet::Postcard);
}

#[test]
fn more_empty_elements_than_the_allowance_are_refused() {
    let _alone = alone();
    fn refused(codec: impl Codec + Copy) {
        assert!(decode::<Vec<()>>(codec, &encoded(codec, &vec![(); 1_000])));
        assert!(!decode::<Vec<()>>(codec, &encoded(codec, &vec![(); 10_000])));
    }
    refused(hashlet::Bincode);
    refused(hashlet::Postcard);
}

/// A type that asks is offered one guess after the other. Each guess could take the text for something large.
#[test]
fn texts_that_a_type_asks_about_are_read_or_refused_within_bounds() {
    let _alone = alone();
    let texts = [
        "9".repeat(50_000),
        format!("0.{}1", "0".repeat(50_000)),
        "1e9".repeat(20_000),
        "[".repeat(50_000),
        format!("[{}[]]", "[],".repeat(20_000)),
        r#"{"a":"#.repeat(10_000),
        format!("\"{}\"", "\\u0000".repeat(10_000)),
        "x".repeat(50_000),
        "12".into(),
    ];
    fn read(codec: impl Codec + Copy, texts: &[String]) {
        let store = hashlet::Store::builder().shards(1).build();
        store.set_many("key", texts.iter().enumerate().map(|(at, text)| (at.to_string(), text))).unwrap();
        let all: Vec<u8> = texts.concat().into();
        heap::reset_peak();
        let before = heap::live();
        for at in 0..texts.len() {
            drop(store.typed(codec).get_member::<Asking>("key", at.to_string()));
        }
        drop(store.typed(codec).load_object::<BTreeMap<u32, Asking>>("key"));
        drop(store.typed(codec).load_object::<BTreeMap<u32, Option<Asking>>>("key"));
        assert!(heap::peak() - before <= bound(&all), "{} bytes for {}", heap::peak() - before, all.len());
    }
    for text in &texts {
        for count in [1, 40] {
            read(hashlet::Json, &vec![text.clone(); count]);
            read(hashlet::Bincode, &vec![text.clone(); count]);
            read(hashlet::Postcard, &vec![text.clone(); count]);
        }
    }
    read(hashlet::Json, &texts);
    read(hashlet::Bincode, &texts);
    read(hashlet::Postcard, &texts);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases((2_000.0 * support::scale()) as u32))]

    #[test]
    fn any_bytes_are_read_or_refused_by_json(bytes in vec(any::<u8>(), 0..300)) {
        let _alone = alone();
        typed_reads::run(hashlet::Json, &bytes);
    }

    #[test]
    fn any_bytes_are_read_or_refused_by_bincode(bytes in vec(any::<u8>(), 0..300)) {
        let _alone = alone();
        decode::<Everything>(hashlet::Bincode, &bytes);
        typed_reads::run(hashlet::Bincode, &bytes);
    }

    #[test]
    fn any_bytes_are_read_or_refused_by_postcard(bytes in vec(any::<u8>(), 0..300)) {
        let _alone = alone();
        decode::<Everything>(hashlet::Postcard, &bytes);
        typed_reads::run(hashlet::Postcard, &bytes);
    }

    #[test]
    fn damaged_values_are_read_or_refused_by_postcard(at in any::<Index>(), byte in any::<u8>(), end in any::<Index>()) {
        let _alone = alone();
        let value = Everything { option: Some(1), sequence: vec!["a".into()], ..Default::default() };
        let bytes = damaged(encoded(hashlet::Postcard, &value), at, byte, end);
        decode::<Everything>(hashlet::Postcard, &bytes);
        typed_reads::run(hashlet::Postcard, &bytes);
    }

    #[test]
    fn damaged_values_are_read_or_refused_by_json(at in any::<Index>(), byte in any::<u8>(), end in any::<Index>()) {
        let _alone = alone();
        let value = Everything { option: Some(1), sequence: vec!["a".into()], ..Default::default() };
        typed_reads::run(hashlet::Json, &damaged(encoded(hashlet::Json, &value), at, byte, end));
    }

    #[test]
    fn damaged_values_are_read_or_refused_by_bincode(at in any::<Index>(), byte in any::<u8>(), end in any::<Index>()) {
        let _alone = alone();
        let value = Everything { option: Some(1), sequence: vec!["a".into()], ..Default::default() };
        let bytes = damaged(encoded(hashlet::Bincode, &value), at, byte, end);
        decode::<Everything>(hashlet::Bincode, &bytes);
        typed_reads::run(hashlet::Bincode, &bytes);
    }
}

/// Changes one byte, and sometimes cuts the end off.
fn damaged(mut bytes: Vec<u8>, at: Index, byte: u8, end: Index) -> Vec<u8> {
    *at.get_mut(&mut bytes) = byte;
    let end = end.index(2 * bytes.len());
    bytes.truncate(end.max(1));
    bytes
}
