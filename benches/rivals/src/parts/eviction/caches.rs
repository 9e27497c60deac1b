//! The caches: hashlet with each policy, and what a program would use in its place.
//!
//! | name | what it is |
//! |---|---|
//! | `hashlet_recent`, `hashlet_frequent`, `hashlet_random` | a store with `LeastRecent`, `LeastFrequent`, `Random` |
//! | `moka`, `quick_cache` | this cache with a weight for each entry, of maps of strings: what most programs write |
//! | `moka_record`, `quick_cache_record` | the same of records: the values one after another, in one block. The names of the fields are in the program: the least that a program can keep |
//! | `moka_keys`, `quick_cache_keys` | the same of nothing: only the policy |
//! | `redis_lru`, `redis_lfu`, `valkey_lru`, `valkey_lfu` | a server with `allkeys-lru` or `allkeys-lfu`, with its default samples |

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use hashlet::{Eviction, Limits, Store};
use quick_cache::sync::DefaultLifecycle;
use redis::Connection;

use crate::data::Data;
use crate::folder::Folder;
use crate::heap;
use crate::rivals;
use crate::server::{Server, Settings};
use crate::support::maps::Seeded;

/// The field that a request reads.
const FIELD: &str = "name";

pub(super) trait Cache {
    /// Answers requests: reads a field of each of these pieces, and writes the whole piece if it is missing. Returns how
    /// many were there.
    fn serve(&self, data: &Data, pieces: &[u32]) -> usize {
        let mut hits = 0;
        for piece in pieces {
            let piece = *piece as usize;
            if self.reads(data.key(piece)) {
                hits += 1;
            } else {
                self.write(data, piece);
            }
        }
        hits
    }

    /// Whether a key is there. This is a use of it.
    fn reads(&self, key: &[u8]) -> bool;
    fn write(&self, data: &Data, piece: usize);
    fn keys(&self) -> usize;
    /// The bytes that it has asked of the allocator.
    fn bytes(&self) -> usize;
}

/// A cache with a capacity: a limit in bytes, weight, or keys.
pub(super) type Make = fn(usize) -> Box<dyn Cache>;

/// How a cache is told how much it may hold.
pub(super) enum Capacity {
    /// Its limit is in bytes that it counts itself.
    Bytes(Make),
    /// Its limit is a weight, which has to be found.
    Weight(Make),
    Keys(Make),
}

/// Those that are there. Valkey is asked where there is no Redis.
pub(super) fn subjects() -> Vec<&'static str> {
    let server = rivals::SERVERS.iter().map(|(name, _)| *name).find(|name| rivals::program(name).is_some());
    let is_there = |name: &&str| match name.split_once('_') {
        Some((name, "lru" | "lfu")) => server == Some(name),
        _ => true,
    };
    SUBJECTS.into_iter().filter(is_there).collect()
}

/// All of them, in the order of tables.
pub(crate) const SUBJECTS: [&str; 13] = [
    "hashlet_recent",
    "hashlet_frequent",
    "hashlet_random",
    "moka",
    "moka_record",
    "quick_cache",
    "quick_cache_record",
    "redis_lru",
    "redis_lfu",
    "valkey_lru",
    "valkey_lfu",
    "moka_keys",
    "quick_cache_keys",
];

pub(super) fn find(name: &str) -> Capacity {
    match name {
        "hashlet_recent" => Capacity::Bytes(|bytes| Box::new(store(Eviction::LeastRecent, bytes))),
        "hashlet_frequent" => Capacity::Bytes(|bytes| Box::new(store(Eviction::LeastFrequent, bytes))),
        "hashlet_random" => Capacity::Bytes(|bytes| Box::new(store(Eviction::Random, bytes))),
        "moka" => Capacity::Weight(|weight| Box::new(Moka::<Strings>::weighted(weight))),
        "moka_record" => Capacity::Weight(|weight| Box::new(Moka::<Record>::weighted(weight))),
        "moka_keys" => Capacity::Keys(|keys| Box::new(Moka::<Nothing>::weighted(keys))),
        "quick_cache" => Capacity::Weight(|weight| Box::new(Quick::<Strings>::weighted(weight))),
        "quick_cache_record" => Capacity::Weight(|weight| Box::new(Quick::<Record>::weighted(weight))),
        "quick_cache_keys" => Capacity::Keys(|keys| Box::new(Quick::<Nothing>::weighted(keys))),
        "redis_lru" => Capacity::Bytes(|bytes| Box::new(Remote::start("redis", LRU, bytes))),
        "redis_lfu" => Capacity::Bytes(|bytes| Box::new(Remote::start("redis", LFU, bytes))),
        "valkey_lru" => Capacity::Bytes(|bytes| Box::new(Remote::start("valkey", LRU, bytes))),
        "valkey_lfu" => Capacity::Bytes(|bytes| Box::new(Remote::start("valkey", LFU, bytes))),
        name => panic!("no cache is called {name}"),
    }
}

/// A store that takes at most so many bytes.
pub(super) fn store(policy: Eviction, bytes: usize) -> Store {
    Store::builder().limits(Limits::default().max_bytes(bytes)).eviction(policy).build()
}

impl Cache for Store {
    fn reads(&self, key: &[u8]) -> bool {
        self.get(key, FIELD).is_some()
    }

    fn write(&self, data: &Data, piece: usize) {
        self.set_many(data.key(piece), data.pairs(piece)).expect("it evicts");
    }

    fn keys(&self) -> usize {
        self.key_count()
    }

    fn bytes(&self) -> usize {
        self.stats().bytes
    }
}

/// What a cache of this process holds, and how much an entry weighs: about the bytes that it takes.
trait Form: Clone + Send + Sync + 'static {
    fn of(data: &Data, piece: usize) -> Self;
    fn weight(&self) -> usize;
    /// Reads the field of a request, if the form has fields.
    fn field(&self) -> Option<&[u8]>;
}

/// A map of strings.
#[derive(Clone)]
struct Strings(Arc<HashMap<String, String>>);

impl Form for Strings {
    fn of(data: &Data, piece: usize) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        Self(Arc::new(data.pairs(piece).map(|(field, value)| (text(field), text(value))).collect()))
    }

    fn weight(&self) -> usize {
        let each = |(field, value): (&String, &String)| field.len() + value.len() + 2 * size_of::<String>();
        self.0.iter().map(each).sum()
    }

    fn field(&self) -> Option<&[u8]> {
        self.0.get(FIELD).map(String::as_bytes)
    }
}

/// Values one after another, each behind its length. The one that is read is the first.
#[derive(Clone)]
struct Record(Arc<[u8]>);

impl Form for Record {
    fn of(data: &Data, piece: usize) -> Self {
        let mut record = Vec::with_capacity(128);
        for (_, value) in data.pairs(piece) {
            record.push(u8::try_from(value.len()).expect("a short value"));
            record.extend_from_slice(value);
        }
        Self(record.into())
    }

    fn weight(&self) -> usize {
        self.0.len()
    }

    fn field(&self) -> Option<&[u8]> {
        self.0.get(1..1 + usize::from(self.0[0]))
    }
}

/// No value at all. Each key weighs 1.
#[derive(Clone)]
struct Nothing;

impl Form for Nothing {
    fn of(_: &Data, _: usize) -> Self {
        Self
    }

    fn weight(&self) -> usize {
        0
    }

    fn field(&self) -> Option<&[u8]> {
        Some(&[])
    }
}

type Key = Box<[u8]>;

/// The weight of an entry: its bytes, and those that any cache takes for it. Nothing weighs 1.
fn weight<V: Form>(key: &Key, value: &V) -> usize {
    match value.weight() {
        0 => 1,
        bytes => bytes + key.len() + 64,
    }
}

struct Moka<V> {
    before: usize,
    cache: moka::sync::Cache<Key, V, Seeded>,
}

impl<V: Form> Moka<V> {
    fn weighted(capacity: usize) -> Self {
        collect();
        let before = heap::live();
        let cache = moka::sync::Cache::builder()
            .max_capacity(capacity as u64)
            .weigher(|key: &Key, value: &V| weight(key, value) as u32)
            .build_with_hasher(Seeded::default());
        Self { before, cache }
    }
}

/// Frees what moka has evicted and kept until no thread can see it any more. That is not counted.
fn collect() {
    for _ in 0..1_000 {
        crossbeam_epoch::pin().flush();
    }
}

impl<V: Form> Cache for Moka<V> {
    fn reads(&self, key: &[u8]) -> bool {
        self.cache.get(key).is_some_and(|value| value.field().is_some())
    }

    fn write(&self, data: &Data, piece: usize) {
        self.cache.insert(data.key(piece).into(), V::of(data, piece));
    }

    /// Exact, and only after what it does in the background has been done.
    fn keys(&self) -> usize {
        self.cache.run_pending_tasks();
        self.cache.entry_count() as usize
    }

    fn bytes(&self) -> usize {
        self.cache.run_pending_tasks();
        collect();
        heap::live().saturating_sub(self.before)
    }
}

#[derive(Clone)]
struct Weights;

impl<V: Form> quick_cache::Weighter<Key, V> for Weights {
    fn weight(&self, key: &Key, value: &V) -> u64 {
        weight(key, value) as u64
    }
}

struct Quick<V: Form> {
    before: usize,
    cache: quick_cache::sync::Cache<Key, V, Weights, Seeded, DefaultLifecycle<Key, V>>,
}

impl<V: Form> Quick<V> {
    fn weighted(capacity: usize) -> Self {
        let before = heap::live();
        // It wants to know about how many entries it will hold.
        let profile: Data = [crate::data::profile(0)].into_iter().collect();
        let entries = capacity / weight(&profile.key(0).into(), &V::of(&profile, 0));
        let cache = quick_cache::sync::Cache::with(
            entries,
            capacity as u64,
            Weights,
            Seeded::default(),
            DefaultLifecycle::default(),
        );
        drop(profile);
        Self { before, cache }
    }
}

impl<V: Form> Cache for Quick<V> {
    fn reads(&self, key: &[u8]) -> bool {
        self.cache.get(key).is_some_and(|value| value.field().is_some())
    }

    fn write(&self, data: &Data, piece: usize) {
        self.cache.insert(data.key(piece).into(), V::of(data, piece));
    }

    fn keys(&self) -> usize {
        self.cache.len()
    }

    fn bytes(&self) -> usize {
        heap::live().saturating_sub(self.before)
    }
}

const LRU: &str = "allkeys-lru";
const LFU: &str = "allkeys-lfu";
const SETTINGS: Settings = &["--appendonly", "no"];
/// Requests that travel together. A key that comes twice among them, and is missing, is missed twice.
pub(super) const BATCH: usize = 64;

/// A server.
struct Remote {
    /// What it had taken when it was empty.
    at_first: usize,
    connection: RefCell<Connection>,
    _server: Server,
    _folder: Folder,
}

impl Remote {
    /// A server that may take so many bytes more than an empty one.
    fn start(name: &str, policy: &str, bytes: usize) -> Self {
        let folder = Folder::new();
        let program = rivals::program(name).expect("a server that was found before");
        let server = Server::start(&program, folder.path(), SETTINGS);
        let connection = RefCell::new(server.connect().expect("the server answers"));
        let mut new = Self { at_first: 0, connection, _server: server, _folder: folder };
        new.at_first = new.used_memory();
        for (setting, value) in [("maxmemory-policy", policy), ("maxmemory", &(new.at_first + bytes).to_string())] {
            let mut set = redis::cmd("CONFIG");
            set.arg("SET").arg(setting).arg(value);
            set.exec(&mut *new.connection.borrow_mut()).expect("a setting that it knows");
        }
        new
    }

    fn used_memory(&self) -> usize {
        let info: String =
            redis::cmd("INFO").arg("memory").query(&mut *self.connection.borrow_mut()).expect("the server answers");
        let told = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        told.and_then(|bytes| bytes.trim().parse().ok()).expect("the server tells what it has taken")
    }

    fn set(data: &Data, piece: usize) -> redis::Cmd {
        let mut set = redis::cmd("HSET");
        set.arg(data.key(piece));
        for (field, value) in data.pairs(piece) {
            set.arg(field).arg(value);
        }
        set
    }
}

impl Cache for Remote {
    /// The reads of a batch travel together, and after them the writes.
    fn serve(&self, data: &Data, pieces: &[u32]) -> usize {
        let connection = &mut *self.connection.borrow_mut();
        let mut hits = 0;
        for batch in pieces.chunks(BATCH) {
            let mut reads = redis::pipe();
            for piece in batch {
                reads.cmd("HGET").arg(data.key(*piece as usize)).arg(FIELD);
            }
            let values: Vec<Option<Vec<u8>>> = reads.query(connection).expect("the server answers");
            let mut writes = redis::pipe();
            let mut missing = 0;
            for (piece, _) in batch.iter().zip(&values).filter(|(_, value)| value.is_none()) {
                writes.add_command(Self::set(data, *piece as usize)).ignore();
                missing += 1;
            }
            if missing > 0 {
                writes.exec(connection).expect("the server evicts");
            }
            hits += batch.len() - missing;
        }
        hits
    }

    fn reads(&self, key: &[u8]) -> bool {
        let value: Option<Vec<u8>> =
            redis::cmd("HGET").arg(key).arg(FIELD).query(&mut *self.connection.borrow_mut()).expect("an answer");
        value.is_some()
    }

    fn write(&self, data: &Data, piece: usize) {
        Self::set(data, piece).exec(&mut *self.connection.borrow_mut()).expect("the server evicts");
    }

    fn keys(&self) -> usize {
        redis::cmd("DBSIZE").query(&mut *self.connection.borrow_mut()).expect("the server answers")
    }

    fn bytes(&self) -> usize {
        self.used_memory() - self.at_first
    }
}
