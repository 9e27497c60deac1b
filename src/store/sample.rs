//! Random fields of one key.

use crate::hash::{Sample, Scope};
use crate::store::Store;

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
}
