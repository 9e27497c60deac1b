//! Random fields of one key, and random keys.

use crate::hash::{Context, Sample, Scope, Terms};
use crate::random::{Random, weighted};
use crate::scan::Cursor;
use crate::store::Store;

/// How often a random key is drawn among those that may have expired, before what has expired is removed in order.
const DRAWS: usize = 16;

/// # Random fields
impl Store {
    /// Returns a random field with its value, or `None` if there is no such key. All fields are equally likely. O(1).
    /// Do not use it for secrets, because the random numbers can be guessed.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("coin", [("heads", "1"), ("tails", "2")])?;
    /// let (side, _) = store.random_field("coin").expect("the coin has two sides");
    /// assert!(side == b"heads" || side == b"tails");
    /// assert_eq!(store.random_field("nowhere"), None);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "HRANDFIELD")]
    #[track_caller]
    pub fn random_field(&self, key: impl AsRef<[u8]>) -> Option<(Vec<u8>, Vec<u8>)> {
        self.look(key.as_ref(), Scope::Hash, |record, cx| {
            record?.random_field(cx.rules).map(|(field, value)| (field.to_vec(), value.to_vec()))
        })
    }

    /// Returns random fields with their values, all of one instant and in no particular order. [`Sample`] chooses
    /// between different fields and draws that may repeat. All fields, and all choices of fields, are equally likely.
    /// The result is empty if the key is missing. It is all fields if more different ones are asked for than exist.
    /// There are at most [`Sample::MAX_REPEATS`] draws. O(fields returned).
    ///
    /// ```
    /// use hashlet::Sample;
    ///
    /// # let store = hashlet::Store::new();
    /// store.set_many("deck", (1..=52).map(|card| (card.to_string(), "")))?;
    /// assert_eq!(store.random_fields("deck", Sample::Distinct(5)).len(), 5);
    /// assert_eq!(store.random_fields("deck", Sample::Distinct(usize::MAX)).len(), 52);
    /// assert_eq!(store.random_fields("deck", Sample::WithRepeats(100)).len(), 100);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "HRANDFIELD")]
    #[track_caller]
    pub fn random_fields(&self, key: impl AsRef<[u8]>, sample: Sample) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.look(key.as_ref(), Scope::Hash, |record, cx| {
            record.map_or_else(Vec::new, |record| record.random_fields(sample, cx.rules))
        })
    }

    /// [`random_fields`](Self::random_fields) without the values, for hashes whose values are large. O(fields returned),
    /// and it copies no value.
    ///
    /// ```
    /// use hashlet::Sample;
    ///
    /// # let store = hashlet::Store::new();
    /// store.set_many("photos", [("sunrise", vec![0; 100_000]), ("sunset", vec![1; 100_000])])?;
    /// let names: Vec<Vec<u8>> = store.random_field_names("photos", Sample::Distinct(1));
    /// assert!(names == [b"sunrise"] || names == [b"sunset"]);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "HRANDFIELD")]
    #[track_caller]
    pub fn random_field_names(&self, key: impl AsRef<[u8]>, sample: Sample) -> Vec<Vec<u8>> {
        self.look(key.as_ref(), Scope::Hash, |record, cx| {
            record.map_or_else(Vec::new, |record| record.random_field_names(sample, cx.rules))
        })
    }
}

/// # Random keys
impl Store {
    /// Returns a random key, or `None` if there are no keys. An expired key is never returned. Do not use it for secrets,
    /// because the random numbers can be guessed.
    ///
    /// All keys are equally likely while nobody adds or removes keys. Two cases are exceptions. Calls that add or remove keys
    /// at the same time can shift the odds of others a little. And where nearly all keys have expired and are not removed
    /// yet, keys whose hash follows a gap are more likely than others.
    ///
    /// O(shards), plus a walk over up to about 900 keys and the segments of one shard. Expired keys that it draws are removed.
    /// After 16 of them, it removes what has expired shard by shard, until it finds a key that has not.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// assert_eq!(store.random_key(), None);
    /// store.set("user:1", "name", "Ada")?;
    /// store.set("user:2", "name", "Grace")?;
    /// let key = store.random_key().expect("there are two keys");
    /// assert!(store.contains_key(key));
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "RANDOMKEY")]
    #[must_use]
    #[track_caller]
    pub fn random_key(&self) -> Option<Vec<u8>> {
        let now = self.now();
        let terms = Terms::of_look(&now);
        let cx = Context::new(&self.rules, &terms);
        let mut random = Random::of_call(&self.rules);
        for _ in 0..DRAWS {
            let counts: Vec<usize> = self.shards.iter().map(|shard| shard.read().len()).collect();
            let at = weighted(&counts, &mut random)?;
            let shard = self.shards[at].read();
            let Some(record) = shard.draw(&mut random) else { continue }; // its keys were removed meanwhile
            let (key, may_have_expired) = (record.key().to_vec(), record.is_overdue(Scope::Hash, cx));
            drop(shard);
            if !may_have_expired || self.contains_key(&key) {
                return Some(key);
            }
        }
        // Nearly everything has expired. What is left is found in the order of a scan.
        let point = Cursor::at_number(random.number());
        let from = |cursor| self.scan_keys(cursor, 1).items.pop();
        from(Some(point)).or_else(|| from(None))
    }
}
