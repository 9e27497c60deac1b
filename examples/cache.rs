//! A cache: results of expensive computations are kept for a while, and gone on time. Run it with
//! `cargo run --release --features json --example cache`.

#![allow(clippy::print_stdout, reason = "it tells what it has done")]

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use hashlet::{CodecError, Hashes, Json, ManualClock, SetOptions, Store, TypedHashes};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[derive(Debug)]
pub(crate) struct Cache<'a, H> {
    pub(crate) hashes: &'a H,
    pub(crate) time_to_live: Duration,
}

impl<H: Hashes> Cache<'_, H> {
    /// Keeps a value. The value and its deadline are written in one step, so no value is left behind that never
    /// expires.
    pub(crate) fn put<T: Serialize>(&self, topic: &str, name: &str, value: &T) -> Result<(), CodecError<H::Error>> {
        let options = SetOptions::new().expire(self.time_to_live);
        TypedHashes::new(self.hashes, Json).set_with(topic, [(name, value)], options)?;
        Ok(())
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, topic: &str, name: &str) -> Result<Option<T>, CodecError<H::Error>> {
        TypedHashes::new(self.hashes, Json).get(topic, name)
    }

    /// Returns the kept value, or computes it now. No lock is held meanwhile, so threads that miss at the same time all
    /// compute. A value that cannot be read counts as missing, for example one that an older program has kept.
    pub(crate) fn get_or<T: Serialize + DeserializeOwned>(
        &self,
        topic: &str,
        name: &str,
        compute: impl FnOnce() -> T,
    ) -> Result<T, CodecError<H::Error>> {
        if let Ok(Some(value)) = self.get(topic, name) {
            return Ok(value);
        }
        let value = compute();
        self.put(topic, name, &value)?;
        Ok(value)
    }

    /// Forgets all values of a topic, for example because the data behind them has changed.
    pub(crate) fn forget(&self, topic: &str) -> Result<bool, H::Error> {
        self.hashes.clear(topic)
    }
}

#[allow(dead_code, reason = "the tests take the rest")]
fn main() -> Result<(), Box<dyn Error>> {
    // A real program would not set a clock. Here time has to pass faster.
    let clock = ManualClock::new();
    let store = Store::builder().clock(&clock).build();
    let cache = Cache { hashes: &store, time_to_live: Duration::from_secs(3_600) };

    let computed = AtomicUsize::new(0);
    let factors = |number: u64| {
        cache.get_or("factors", &number.to_string(), || {
            computed.fetch_add(1, Ordering::Relaxed);
            (1..=number).filter(|factor| number.is_multiple_of(*factor)).collect::<Vec<_>>()
        })
    };
    assert_eq!(factors(12)?, [1, 2, 3, 4, 6, 12]);

    // Four threads ask for the same ten numbers again and again.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|step| _ = factors(10 + step % 10)));
        }
    });
    let computed = computed.into_inner();
    assert!((10..=40).contains(&computed), "each at most once a thread");

    // A millisecond before the hour is over all values are there. At the hour all are gone.
    clock.advance(cache.time_to_live - Duration::from_millis(1));
    assert_eq!(store.size("factors"), 10);
    clock.advance(Duration::from_millis(1));
    assert_eq!(cache.get::<Vec<u64>>("factors", "12")?, None);
    assert_eq!(store.key_count(), 0);

    // A value that another program has kept under this name, of another type, is computed anew.
    cache.put("factors", "6", &"1, 2, 3, 6")?;
    let again: Vec<u64> = cache.get_or("factors", "6", || vec![1, 2, 3, 6])?;
    assert_eq!(cache.get("factors", "6")?, Some(again));
    assert!(cache.forget("factors")?);
    println!("of 4000 answers {computed} were computed");
    Ok(())
}
