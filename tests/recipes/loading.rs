//! What the cache of `examples/cache.rs` promises to threads that ask for missing values, on any hashes. Loaders wait until
//! the other threads ask, too, so no test depends on time.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use hashlet::{CodecError, Hashes};
use serde::de::DeserializeOwned;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};

use super::cache::Cache;

/// The threads that ask for a value at the same time.
pub(crate) const ASKERS: usize = 8;
const AN_HOUR: Duration = Duration::from_secs(3_600);

/// A value that JSON cannot hold.
#[derive(Debug, Deserialize)]
struct NoJson;

impl Serialize for NoJson {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("there is no JSON for it"))
    }
}

/// Why there is no value: the loader of this number has failed, or the hashes have.
#[derive(Debug)]
enum Failed<E> {
    Load(usize),
    Hashes(CodecError<E>),
}

impl<E> From<CodecError<E>> for Failed<E> {
    fn from(error: CodecError<E>) -> Self {
        Self::Hashes(error)
    }
}

/// Asks for a value. The loader may fail with a number.
pub(crate) fn ask<H: Hashes, T: Serialize + DeserializeOwned>(
    cache: &Cache<'_, H>,
    (topic, name): (&str, &str),
    load: impl FnOnce() -> Result<T, usize>,
) -> Result<T, usize> {
    cache.get_or_insert_with(topic, name, || load().map_err(Failed::Load)).map_err(|failed| match failed {
        Failed::Load(number) => number,
        Failed::Hashes(error) => panic!("{error}"),
    })
}

/// Has eight threads ask for a missing value at the same time. Returns their answers, in which a panic is `None`, and the
/// number of loaders that ran. A loader gets the number of those before it. The first one runs on when all threads ask.
pub(crate) fn all_ask<H: Hashes + Sync, T: Serialize + DeserializeOwned + Send>(
    cache: &Cache<'_, H>,
    at: (&str, &str),
    load: impl Fn(usize) -> Result<T, usize> + Sync,
) -> (Vec<Option<Result<T, usize>>>, usize) {
    let loads = AtomicUsize::new(0);
    let load = || {
        let before = loads.fetch_add(1, SeqCst);
        // A second loader meanwhile is what the tests look for. Then nobody has to wait.
        while before == 0 && cache.asking(at.0, at.1) < ASKERS && loads.load(SeqCst) == 1 {
            thread::yield_now();
        }
        load(before)
    };
    let answers = thread::scope(|scope| {
        let askers = [(); ASKERS].map(|()| scope.spawn(|| ask(cache, at, load)));
        askers.map(|asker| asker.join().ok()).into()
    });
    assert_eq!(cache.asking(at.0, at.1), 0, "no flight is left behind");
    (answers, loads.into_inner())
}

/// All of them, one after the other. The hashes are empty before and after each.
pub(crate) fn keep_all<H: Hashes + Sync>(hashes: &H, steps: usize) {
    for keep in [
        one_loads_for_all,
        other_values_do_not_wait,
        errors_are_not_kept,
        a_panic_stops_nobody_else,
        what_changes_during_a_load_wins,
        what_cannot_be_read_is_loaded,
        nothing_is_loaded_twice,
        nothing_forgotten_comes_back,
    ] {
        assert!(hashes.is_empty().unwrap());
        keep(hashes, steps);
        hashes.clear_all().unwrap();
    }
}

fn one_loads_for_all<H: Hashes + Sync>(hashes: &H, _: usize) {
    let cache = Cache::new(hashes, AN_HOUR);
    let (answers, loads) = all_ask(&cache, ("topic", "name"), |_| Ok("value".to_owned()));
    assert_eq!((answers, loads), (vec![Some(Ok("value".to_owned())); ASKERS], 1));
    assert_eq!(cache.get("topic", "name").unwrap(), Some("value".to_owned()));
    assert!(hashes.field_ttl("topic", "name").unwrap().left().is_some());
    assert_eq!(ask(&cache, ("topic", "name"), || Err::<String, _>(0)), Ok("value".to_owned()), "it is kept");
}

/// Four loaders have to run at the same time, and each of them asks for one more value.
fn other_values_do_not_wait<H: Hashes + Sync>(hashes: &H, _: usize) {
    let cache = Cache::new(hashes, AN_HOUR);
    let names = ["a", "b", "c", "d"];
    let (together, loads) = (Barrier::new(names.len()), AtomicUsize::new(0));
    thread::scope(|scope| {
        let (cache, together, loads) = (&cache, &together, &loads);
        for name in names.into_iter().cycle().take(2 * names.len()) {
            let load = move || {
                loads.fetch_add(1, SeqCst);
                together.wait();
                let part = ask(cache, ("parts", name), || Ok(format!("part {name}")))?;
                Ok(format!("whole of {part}"))
            };
            scope.spawn(move || assert_eq!(ask(cache, ("topic", name), load), Ok(format!("whole of part {name}"))));
        }
    });
    assert_eq!(loads.into_inner(), names.len());
    assert_eq!((hashes.size("topic").unwrap(), hashes.size("parts").unwrap()), (names.len(), names.len()));
}

fn errors_are_not_kept<H: Hashes + Sync>(hashes: &H, _: usize) {
    let cache = Cache::new(hashes, AN_HOUR);
    let (answers, loads) = all_ask(&cache, ("topic", "name"), Err::<usize, _>);
    let mut errors: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().unwrap_err()).collect();
    errors.sort_unstable();
    assert_eq!(errors, Vec::from_iter(0..ASKERS), "each has the error of its own loader");
    assert_eq!(loads, ASKERS);
    assert!(hashes.is_empty().unwrap());

    let third = |number| if number < 2 { Err(number) } else { Ok(number) };
    let (answers, loads) = all_ask(&cache, ("topic", "name"), third);
    let count = |wanted| answers.iter().filter(|answer| **answer == Some(wanted)).count();
    assert_eq!([count(Err(0)), count(Err(1)), count(Ok(2)), loads], [1, 1, ASKERS - 2, 3]);
    assert_eq!(ask(&cache, ("topic", "name"), || Err(9)), Ok(2));
}

fn a_panic_stops_nobody_else<H: Hashes + Sync>(hashes: &H, _: usize) {
    let cache = Cache::new(hashes, AN_HOUR);
    let second = |number| if number == 0 { resume_unwind(Box::new("a loader panics")) } else { Ok(number) };
    let (answers, loads) = all_ask(&cache, ("topic", "name"), second);
    let count = |wanted| answers.iter().filter(|answer| **answer == wanted).count();
    assert_eq!([count(None), count(Some(Ok(1))), loads], [1, ASKERS - 1, 2]);
    assert_eq!(cache.get("topic", "name").unwrap(), Some(1));
    let (answers, _) =
        all_ask(&cache, ("topic", "other"), |_| -> Result<usize, usize> { resume_unwind(Box::new("all")) });
    assert_eq!(answers, vec![None; ASKERS]);
    assert_eq!(ask(&cache, ("topic", "other"), || Ok(2)), Ok(2));
}

/// Two threads ask for a value, and it changes while one of them loads it.
fn what_changes_during_a_load_wins<H: Hashes + Sync>(hashes: &H, _: usize) {
    let cache = Cache::new(hashes, AN_HOUR);
    let at = ("topic", "name");
    let changed_by = |change: &dyn Fn()| {
        let ((started, starts), (go, gone)) = (mpsc::channel(), mpsc::channel::<()>());
        let load = move || {
            started.send(()).unwrap();
            gone.recv().unwrap();
            Ok(1)
        };
        thread::scope(|scope| {
            let cache = &cache;
            let loader = scope.spawn(move || ask(cache, at, load));
            starts.recv().unwrap();
            let waiter = scope.spawn(move || ask(cache, at, || Err(0)));
            while cache.asking(at.0, at.1) < 2 {
                thread::yield_now();
            }
            change();
            go.send(()).unwrap();
            assert_eq!(loader.join().unwrap(), Ok(1));
            assert_eq!(waiter.join().unwrap(), Ok(1), "who has asked before the change");
        });
        assert_eq!(cache.asking(at.0, at.1), 0);
        let kept = cache.get::<usize>(at.0, at.1).unwrap();
        hashes.clear_all().unwrap();
        kept
    };
    let forget = || assert!(!cache.forget("topic").unwrap(), "nothing is kept yet");
    assert_eq!(changed_by(&|| _ = cache.forget("another topic").unwrap()), Some(1));
    assert_eq!(changed_by(&|| cache.put("topic", "another name", &2).unwrap()), Some(1));
    assert_eq!(changed_by(&forget), None);
    let put = || {
        cache.put("topic", "name", &2).unwrap();
        assert_eq!(ask(&cache, at, || Err(0)), Ok(2), "what is kept is returned while another thread loads");
    };
    assert_eq!(changed_by(&put), Some(2));
    let load_again = || {
        forget();
        assert_eq!(ask(&cache, at, || Ok(3)), Ok(3), "this waits for no load from before");
    };
    assert_eq!(changed_by(&load_again), Some(3));
    let fail_again = || {
        forget();
        assert_eq!(ask(&cache, at, || Err::<usize, _>(4)), Err(4));
    };
    assert_eq!(changed_by(&fail_again), None);
}

fn what_cannot_be_read_is_loaded<H: Hashes + Sync>(hashes: &H, _: usize) {
    let cache = Cache::new(hashes, AN_HOUR);
    let at = ("topic", "name");
    cache.put("topic", "name", &"of an older program").unwrap();
    assert_eq!(all_ask(&cache, at, |_| Ok(1)), (vec![Some(Ok(1)); ASKERS], 1));
    hashes.set("topic", "name", "no JSON").unwrap();
    assert_eq!(ask(&cache, at, || Ok(2)), Ok(2));
    assert_eq!(cache.get("topic", "name").unwrap(), Some(2));

    hashes.clear_all().unwrap();
    let (started, starts) = mpsc::channel();
    thread::scope(|scope| {
        let cache = &cache;
        scope.spawn(move || {
            let load = || {
                started.send(()).unwrap();
                while cache.asking(at.0, at.1) < 2 {
                    thread::yield_now();
                }
                Ok(3)
            };
            assert_eq!(ask(cache, at, load), Ok(3));
        });
        starts.recv().unwrap();
        assert_eq!(ask(cache, at, || Ok("text".to_owned())), Ok("text".to_owned()), "of another type");
    });
    assert_eq!(cache.get("topic", "name").unwrap(), Some(3));

    let no_json = cache.get_or_insert_with("topic", "other", || Ok::<_, CodecError<H::Error>>(NoJson));
    assert!(matches!(no_json, Err(CodecError::Encode { .. })), "{no_json:?}");
    assert_eq!(ask(&cache, ("topic", "other"), || Ok(5)), Ok(5));
}

/// Four threads ask for the same values in the same order, so they often meet.
fn nothing_is_loaded_twice<H: Hashes + Sync>(hashes: &H, steps: usize) {
    let cache = Cache::new(hashes, AN_HOUR);
    let loads = AtomicUsize::new(0);
    super::on_four_threads(steps, |_, at| {
        let (topic, name) = (format!("topic {}", at % 7), at.to_string());
        let load = || {
            loads.fetch_add(1, SeqCst);
            Ok(at)
        };
        assert_eq!(ask(&cache, (&topic, &name), load), Ok(at));
    });
    assert_eq!(loads.into_inner(), steps);
}

/// One thread changes the data, and forgets what was loaded. All ask. Nobody gets what was forgotten before the call.
fn nothing_forgotten_comes_back<H: Hashes + Sync>(hashes: &H, steps: usize) {
    let cache = Cache::new(hashes, AN_HOUR);
    let (data, forgotten) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let ask_now = || {
        let at_least = forgotten.load(SeqCst);
        let load = || {
            let loaded = data.load(SeqCst);
            thread::yield_now();
            Ok(loaded)
        };
        let value = ask(&cache, ("topic", "name"), load).unwrap();
        assert!(value >= at_least, "{value} was forgotten with {at_least}");
    };
    let changing = Arc::new(()); // the thread that changes the data has one more of it until it ends
    thread::scope(|scope| {
        let (changing, until_its_end) = (&changing, Arc::clone(&changing));
        let (cache, data, forgotten, ask_now) = (&cache, &data, &forgotten, &ask_now);
        scope.spawn(move || {
            let _until_its_end = until_its_end;
            for newer in 1..=steps.min(2_000) {
                data.store(newer, SeqCst);
                cache.forget("topic").unwrap();
                forgotten.store(newer, SeqCst);
                // The others begin to load. Every other time, the data changes while they do, and they end.
                (0..newer % 8).for_each(|_| thread::yield_now());
                if newer % 2 == 0 {
                    ask_now();
                }
            }
        });
        for _ in 1..super::THREADS {
            scope.spawn(move || {
                while Arc::strong_count(changing) > 1 {
                    ask_now();
                }
            });
        }
    });
}
