//! The work of the threads, and the checks after their end. The threads make a mix of calls on a bounded set of keys,
//! so that memory is bounded too.
//!
//! - `user:N`: small hashes, some of them popular. `revision` and `checked` of each are always the same number.
//! - `account:N`: amounts that are moved from one account to another. Their sum stays the same.
//! - `list:N`: hashes that grow past 128 fields and shrink again. The first one grows to thousands of fields.
//! - `session:N`: keys that expire, with fields that expire before them.
//! - `counts`: the number of times that each thread has counted.

use std::time::{Duration, Instant};

use hashlet::{Encoding, HashMut, Overwrite, SetOptions, Store};

use crate::latency::Latencies;
use crate::random::{Random, Zipf};

const USERS: usize = 200_000;
const ACCOUNTS: usize = 1_000;
const AMOUNT: i64 = 1_000;
const LISTS: usize = 32;
const SESSIONS: usize = 5_000;
pub(crate) const LONGEST_LIFE: Duration = Duration::from_secs(3);

const PROFILE: [(&str, &str); 4] =
    [("name", "Ada Lovelace"), ("email", "ada@example.com"), ("city", "London"), ("note", "the first of all")];

/// Fills in the keys that are always there, and five of eight users. That is about the share of users that exist once
/// as many are added as removed.
pub(crate) fn begin(store: &Store) -> hashlet::Result<()> {
    (0..USERS).filter(|n| n % 8 < 5).try_for_each(|n| store.set_many(format!("user:{n}"), PROFILE).map(drop))?;
    (0..ACCOUNTS).try_for_each(|n| store.set(format!("account:{n}"), "amount", AMOUNT.to_string()).map(drop))
}

/// The random choices of one thread, and its own counts.
pub(crate) struct Worker<'a> {
    store: &'a Store,
    latencies: &'a Latencies,
    random: Random,
    users: Zipf,
    name: String,
    counted: i64,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(store: &'a Store, latencies: &'a Latencies, number: usize) -> Self {
        let (random, users) = (Random::new(number as u64), Zipf::new(USERS));
        Self { store, latencies, random, users, name: format!("thread {number}"), counted: 0 }
    }

    /// Makes a random call.
    pub(crate) fn step(&mut self) -> hashlet::Result<()> {
        match self.random.below(100) {
            0..25 => self.look_at_user(),
            25..50 => self.change_user()?,
            50..54 => self.move_user()?,
            54..62 => self.move_amount()?,
            62..70 => self.count()?,
            70..80 => self.change_list()?,
            80..97 => self.use_session()?,
            _ => self.scan(),
        }
        Ok(())
    }

    /// The number of times that this thread has counted, by its own account.
    pub(crate) fn counted(self) -> (String, i64) {
        (self.name, self.counted)
    }

    fn call<R>(&self, call: impl FnOnce(&Store) -> R) -> R {
        let start = Instant::now();
        let result = call(self.store);
        self.latencies.count(start.elapsed());
        result
    }

    fn popular_user(&mut self) -> String {
        format!("user:{}", self.users.sample(&mut self.random))
    }

    fn any_user(&mut self) -> String {
        format!("user:{}", self.random.below(USERS))
    }

    fn session(&mut self) -> String {
        format!("session:{}", self.random.below(SESSIONS))
    }

    /// A random time to live, up to the longest one.
    fn life(&mut self) -> Duration {
        Duration::from_millis(1 + self.random.below(LONGEST_LIFE.as_millis() as usize) as u64)
    }

    fn text(&mut self, longest: usize) -> String {
        "x".repeat(self.random.below(longest))
    }

    fn look_at_user(&mut self) {
        let key = self.popular_user();
        match self.random.below(4) {
            0 => _ = self.call(|store| store.get(key, "name")),
            1 => _ = self.call(|store| store.get_all(key)),
            2 => {
                let others = [self.popular_user(), self.popular_user(), self.popular_user()];
                _ = self.call(|store| store.get_across(others, "name"));
            }
            _ => {
                let is_whole = self.call(|store| store.read(&key, |user| user.get("revision") == user.get("checked")));
                assert!(is_whole, "half an update of {key} was seen");
            }
        }
    }

    fn change_user(&mut self) -> hashlet::Result<()> {
        let (key, text) = (self.popular_user(), self.text(60));
        match self.random.below(4) {
            0 => _ = self.call(|store| store.set(key, "note", text))?,
            1 => _ = self.call(|store| store.set_many(key, PROFILE))?,
            2 => _ = self.call(|store| store.remove(key, "note")),
            _ => self.call(|store| store.update(key, revise))?,
        }
        Ok(())
    }

    fn move_user(&mut self) -> hashlet::Result<()> {
        let (key, other) = (self.any_user(), self.any_user());
        match self.random.below(4) {
            0 => _ = self.call(|store| store.copy(key, other, Overwrite::Yes))?,
            1..3 => _ = self.call(|store| store.rename(key, other, Overwrite::Yes))?,
            _ => _ = self.call(|store| store.clear(key)),
        }
        Ok(())
    }

    fn move_amount(&mut self) -> hashlet::Result<()> {
        let from = self.random.below(ACCOUNTS);
        let to = (from + 1 + self.random.below(ACCOUNTS - 1)) % ACCOUNTS;
        let amount = self.random.below(100) as i64;
        let keys = [format!("account:{from}"), format!("account:{to}")];
        self.call(|store| {
            store.update_many(keys, |[from, to]| {
                from.increment("amount", -amount)?;
                to.increment("amount", amount).map(drop)
            })
        })?
    }

    fn count(&mut self) -> hashlet::Result<()> {
        self.counted += 1;
        let counted = self.call(|store| store.increment("counts", &self.name, 1))?;
        assert_eq!(counted, self.counted, "{} has lost a count", self.name);
        Ok(())
    }

    /// Sets or removes some neighbouring fields. On average about half of all fields exist; their number goes up and
    /// down.
    fn change_list(&mut self) -> hashlet::Result<()> {
        let list = self.random.below(LISTS);
        let key = format!("list:{list}");
        let (fields, neighbours) = if list == 0 { (16_384, 128) } else { (256, 32) };
        let first = self.random.below(fields);
        let fields: Vec<String> = (first..first + neighbours).map(|n| format!("item {}", n % fields)).collect();
        match self.random.below(20) {
            0 => _ = self.call(|store| store.rename("list:1", "list:2", Overwrite::Yes))?,
            n if n % 2 == 0 => _ = self.call(|store| store.remove_many(key, &fields)),
            _ => {
                let text = self.text(30);
                self.call(|store| store.set_many(key, fields.iter().map(|field| (field, &text))))?;
            }
        }
        Ok(())
    }

    fn use_session(&mut self) -> hashlet::Result<()> {
        let (key, life) = (self.session(), self.life());
        match self.random.below(4) {
            0 => {
                let options = SetOptions::new().expire_key(life);
                self.call(|store| store.set_with(key, [("user", "ada"), ("pages", "0")], options))?;
            }
            1 => {
                let (options, text) = (SetOptions::new().only_present_key().expire(life / 4), self.text(40));
                self.call(|store| store.set_with(key, [("token", text)], options))?;
            }
            2 => _ = self.call(|store| store.get(key, "token")),
            _ => _ = self.call(|store| store.expire(key, life)),
        }
        Ok(())
    }

    fn scan(&mut self) {
        let first = self.call(|store| store.scan_keys(None, 10));
        _ = self.call(|store| store.scan_keys(first.next, 10));
        _ = self.call(|store| store.scan("list:0", None, 10));
    }
}

/// Writes one new number into two fields.
fn revise(user: &mut HashMut<'_>) -> hashlet::Result<()> {
    let revision = user.increment("revision", 1)?;
    user.set("checked", revision.to_string()).map(drop)
}

fn number(bytes: Option<&[u8]>) -> Option<i64> {
    str::from_utf8(bytes?).ok()?.parse().ok()
}

/// Checks a store after all threads have ended and all sessions have expired. `counted` has the counts of each thread.
///
/// # Panics
/// If a check fails.
pub(crate) fn check(store: &Store, counted: &[(String, i64)]) {
    let (mut keys, mut fields, mut accounts, mut sum) = (0, 0, 0, 0);
    store.for_each(|key, hash| {
        (keys, fields) = (keys + 1, fields + hash.len());
        assert!(!hash.is_empty() && hash.iter().count() == hash.len(), "{key:?} counts what it does not hold");
        let family = str::from_utf8(key).expect("all keys are text").split(':').next();
        match family {
            Some("account") => (accounts, sum) = (accounts + 1, sum + number(hash.get("amount")).expect("an amount")),
            Some("user") => assert_eq!(hash.get("revision"), hash.get("checked"), "half an update"),
            Some("list") if hash.len() > 128 => assert_eq!(hash.encoding(), Encoding::Table),
            Some("list") if hash.len() <= 64 => assert_eq!(hash.encoding(), Encoding::Packed),
            Some("list" | "counts") => {}
            other => panic!("a key of {other:?} should have expired"),
        }
    });
    let stats = store.stats();
    assert_eq!((stats.keys, stats.fields, stats.packed + stats.tables), (keys, fields, keys), "the store's own counts");
    assert_eq!((accounts, sum), (ACCOUNTS, AMOUNT * ACCOUNTS as i64), "accounts and the sum of their amounts");
    for (thread, counted) in counted {
        assert_eq!(store.read("counts", |counts| number(counts.get(thread))), Some(*counted), "counts of {thread}");
    }
}

/// Whether two stores hold the same keys, fields and values.
pub(crate) fn is_same(one: &Store, other: &Store) -> bool {
    one.key_count() == other.key_count() && one.iter_keys().all(|key| one.get_all(&key) == other.get_all(&key))
}
