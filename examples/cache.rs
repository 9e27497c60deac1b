//! A read-through cache. A value that is missing is loaded once, however many threads ask for it, and is kept for a
//! while. A full cache forgets what was used least. Run it with
//! `cargo run --release --features json --example cache`.

#![allow(clippy::print_stdout, reason = "it tells what it has done")]

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use hashlet::{CodecError, Eviction, Hashes, Json, Limits, ManualClock, SetOptions, Store, TypedHashes};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Values that take long to compute or to fetch, by topic and name. Each is kept for the same time.
///
/// A topic is a hash, and its names are the fields. All of it can be forgotten in one step, and a store with
/// [`Eviction`] evicts all of it in one step. So a topic should be small, for example what is known about one user. A
/// value that belongs to no other gets a topic of its own.
///
/// On a server, processes share the values. Each process loads for itself, and to forget a topic does not stop another
/// process that is loading from keeping what it gets.
#[derive(Debug)]
pub(crate) struct Cache<'a, H> {
    hashes: &'a H,
    time_to_live: Duration,
    flights: Flights,
}

/// The values that threads are waiting for now, by topic and name.
type Flights = Mutex<HashMap<(String, String), Arc<Flight>>>;

/// One load of a missing value, or several in turn if loads fail.
#[derive(Debug, Default)]
struct Flight {
    /// Who holds this lock may load. The others wait for it.
    turn: Mutex<()>,
    /// What was loaded, as JSON, so that every waiting thread can read a value of its own.
    loaded: OnceLock<Vec<u8>>,
    /// Whether the value was set or forgotten since the flight began. What is loaded may be older than that. The lock
    /// is held while a loaded value is written.
    is_outdated: Mutex<bool>,
    /// The number of threads in the flight. It changes only under the lock of the flights.
    asking: AtomicUsize,
}

impl<'a, H: Hashes> Cache<'a, H> {
    pub(crate) fn new(hashes: &'a H, time_to_live: Duration) -> Self {
        Self { hashes, time_to_live, flights: Flights::default() }
    }

    /// Returns a kept value. One that cannot be read counts as missing, for example one that an older program has kept.
    pub(crate) fn get<T: DeserializeOwned>(&self, topic: &str, name: &str) -> Result<Option<T>, CodecError<H::Error>> {
        match TypedHashes::new(self.hashes, Json).get(topic, name) {
            Err(CodecError::Decode { .. }) => Ok(None),
            value => value,
        }
    }

    /// Returns the kept value, or loads it and keeps it. Of all threads that ask for a missing value at the same time,
    /// one loads. The others wait for it and get the same value. No lock is held meanwhile that calls for other values
    /// need.
    ///
    /// * If `load` fails or panics, nothing is kept, and only this call fails. One of the waiting threads loads next. So
    ///   threads that wait for a source that is down fail one after the other.
    /// * If the value cannot be kept, for example because it is too large ([`hashlet::Error::Full`]), it is returned all
    ///   the same, to those who wait, too. The next call loads again.
    /// * If the value is [`put`](Self::put) or [forgotten](Self::forget) during the load, what was loaded goes to those
    ///   who had asked before, and is not kept.
    /// * `load` may ask the cache for other values, but never for its own, nor in a circle: that would wait forever.
    ///
    /// # Errors
    /// The error of `load`. That of the hashes if they cannot be read. [`CodecError::Encode`] if the value is none in
    /// JSON.
    pub(crate) fn get_or_insert_with<T, E>(
        &self,
        topic: &str,
        name: &str,
        load: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
        E: From<CodecError<H::Error>>,
    {
        if let Some(value) = self.get(topic, name)? {
            return Ok(value);
        }
        let asker = Asker::join(&self.flights, topic, name);
        let flight = &*asker.flight;
        let turn = lock(&flight.turn);
        if let Some(json) = flight.loaded.get() {
            drop(turn); // all who have waited can read it at once
            // It cannot be read only if this caller expects another type than the one who loaded.
            return serde_json::from_slice(json).or_else(|_| load());
        }
        // Another flight may have ended between the look above and this one. What it has kept goes to this caller only:
        // it may be forgotten by now, and then it must not reach those who ask later.
        if let Some(value) = self.get(topic, name)? {
            return Ok(value);
        }
        let value = load()?;
        let json = to_json(topic, name, &value)?;
        let is_outdated = lock(&flight.is_outdated);
        if !*is_outdated {
            _ = self.write(topic, name, &json); // whether it is kept or not, all who wait get it
        }
        drop(is_outdated);
        _ = flight.loaded.set(json);
        Ok(value)
    }

    /// Keeps a value. The value and its deadline are written in one step, so no value is left behind that never
    /// expires.
    pub(crate) fn put<T: Serialize>(&self, topic: &str, name: &str, value: &T) -> Result<(), CodecError<H::Error>> {
        let json = to_json(topic, name, value)?;
        self.outdate(|at| at.0 == topic && at.1 == name);
        self.write(topic, name, &json).map_err(CodecError::Refused)
    }

    /// Forgets all values of a topic, for example because the data behind them has changed. No call that begins
    /// afterwards gets a value from before.
    pub(crate) fn forget(&self, topic: &str) -> Result<bool, H::Error> {
        self.outdate(|at| at.0 == topic);
        self.hashes.clear(topic)
    }

    /// The number of threads that load a value or wait for it.
    pub(crate) fn asking(&self, topic: &str, name: &str) -> usize {
        let at = (topic.to_owned(), name.to_owned());
        lock(&self.flights).get(&at).map_or(0, |flight| flight.asking.load(Relaxed))
    }

    /// Sees to it that the flights of these values keep nothing from now on, and that nobody joins them. This waits for
    /// one that is writing, but never for a loader.
    fn outdate(&self, concerns: impl Fn(&(String, String)) -> bool) {
        let flights: Vec<_> = lock(&self.flights).extract_if(|at, _| concerns(at)).collect();
        for (_, flight) in flights {
            *lock(&flight.is_outdated) = true;
        }
    }

    fn write(&self, topic: &str, name: &str, json: &[u8]) -> Result<(), H::Error> {
        self.hashes.set_with(topic, [(name, json)], SetOptions::new().expire(self.time_to_live))?;
        Ok(())
    }
}

fn to_json<E>(topic: &str, name: &str, value: &impl Serialize) -> Result<Vec<u8>, CodecError<E>> {
    serde_json::to_vec(value).map_err(|error| CodecError::Encode {
        key: topic.into(),
        field: name.into(),
        reason: error.into(),
    })
}

/// Locks it, even if a loader has panicked. All that the locks here protect is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread's part in a flight.
struct Asker<'c> {
    flights: &'c Flights,
    at: (String, String),
    flight: Arc<Flight>,
}

impl<'c> Asker<'c> {
    fn join(flights: &'c Flights, topic: &str, name: &str) -> Self {
        let at = (topic.to_owned(), name.to_owned());
        let mut open = lock(flights);
        let flight = Arc::clone(open.entry(at.clone()).or_default());
        flight.asking.fetch_add(1, Relaxed);
        Self { flights, at, flight }
    }
}

impl Drop for Asker<'_> {
    /// Who leaves with a value closes the flight: who asks from now on finds the value kept, or loads again. Without a
    /// value, the last one does.
    fn drop(&mut self) {
        let mut open = lock(self.flights);
        let is_last = self.flight.asking.fetch_sub(1, Relaxed) == 1;
        let is_open = open.get(&self.at).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight));
        if is_open && (is_last || self.flight.loaded.get().is_some()) {
            open.remove(&self.at);
        }
    }
}

#[allow(dead_code, reason = "the tests take the rest")]
fn main() -> Result<(), Box<dyn Error>> {
    // A real program would not set a clock. Here time has to pass faster.
    let clock = ManualClock::new();
    let limits = Limits::default().max_bytes(1 << 20);
    let store = Store::builder().limits(limits).eviction(Eviction::LeastFrequent).clock(&clock).build();
    let an_hour = Duration::from_secs(3_600);
    let cache = Cache::new(&store, an_hour);

    let rendered = AtomicUsize::new(0);
    let render = |id: usize| {
        rendered.fetch_add(1, Relaxed);
        Ok::<_, CodecError>(format!("<h1>Page {id}</h1>").repeat(20))
    };

    // Eight threads ask for a page that is missing. One renders it, here only when the other seven wait for it.
    thread::scope(|scope| {
        let ask = || {
            let page: Result<String, CodecError> = cache.get_or_insert_with("page:0", "html", || {
                while cache.asking("page:0", "html") < 8 {
                    thread::yield_now();
                }
                render(0)
            });
            assert!(page.is_ok_and(|html| html.contains("Page 0")));
        };
        (0..8).for_each(|_| _ = scope.spawn(ask));
    });
    assert_eq!(rendered.swap(0, Relaxed), 1);

    // An error goes to the caller, and is not kept.
    let number = |text: &str| -> Result<u64, Box<dyn Error>> {
        cache.get_or_insert_with("numbers", "answer", || Ok(text.parse()?))
    };
    assert!(number("forty-two").is_err());
    assert_eq!(number("42")?, 42);
    cache.put("numbers", "answer", &43)?;
    assert_eq!(number("not needed")?, 43);

    // There are more pages than the cache can hold. The one that is asked for again and again stays.
    let page = |id: usize| cache.get_or_insert_with(&format!("page:{id}"), "html", || render(id));
    for id in 1..=10_000 {
        page(id)?;
        page(0)?;
    }
    assert_eq!(rendered.swap(0, Relaxed), 10_000);
    let stats = store.stats();
    assert!(stats.bytes <= 1 << 20 && store.key_count() < 10_000);
    println!("of 10001 pages, {} are kept in {} bytes", store.key_count(), stats.bytes);

    // A page is gone on time, or when what it shows has changed.
    clock.advance(an_hour);
    assert_eq!(cache.get::<String>("page:0", "html")?, None);
    page(0)?;
    assert!(cache.forget("page:0")?);
    page(0)?;
    assert_eq!(rendered.into_inner(), 2);
    Ok(())
}
