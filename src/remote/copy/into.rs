//! From a server into a store: a walk over the keys, and the hashes of each page.

use std::time::Instant;

use super::{CopyError, CopyOptions, CopyReport, Source};
use crate::error::Error;
use crate::hash::Record;
use crate::hashes::Hashes;
use crate::options::Rules;
use crate::remote::changes::Loaded;
use crate::store::Store;
use crate::sync::assert_outside_closures;

/// The keys of one page of the walk. The server loads the hashes of a page in one step, during which it does nothing
/// else.
const KEYS_A_PAGE: usize = 200;

impl Store {
    /// Copies all hashes of a server with all deadlines into this store. What the store has under the same keys is
    /// replaced, everything else stays. O(n).
    ///
    /// It is not of one instant: a hash that others change meanwhile is copied as it is before or after the change, and
    /// a key that is added or removed meanwhile is copied or not. Each hash is put into the store in one step. Memory:
    /// a copy of about 200 hashes.
    ///
    /// ```no_run
    /// use hashlet::{CopyOptions, Remote, Store};
    ///
    /// let server = Remote::open("redis://127.0.0.1/")?;
    /// let store = Store::new();
    /// let options = CopyOptions::new().progress(|so_far| println!("{} of {}", so_far.keys, so_far.expected_keys));
    /// store.copy_from(&server, options)?;
    /// store.save("data.hashlet")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`CopyError::Remote`] if the server cannot be reached or refuses. [`CopyError::Refused`] if a hash exceeds a
    /// limit of this store.
    #[track_caller]
    pub fn copy_from(&self, from: &impl Source, mut options: CopyOptions<'_>) -> Result<CopyReport, CopyError> {
        assert_outside_closures();
        let (begin, remote) = (Instant::now(), from.remote());
        let expected_keys = remote.key_count()? as u64;
        let (mut report, mut cursor) = (CopyReport::default(), None);
        loop {
            let page = remote.scan_keys(cursor, KEYS_A_PAGE)?;
            let keys: Vec<&[u8]> = page.items.iter().map(|key| &key[..]).collect();
            if !keys.is_empty() {
                let (_, hashes) = remote.load(&keys)?;
                for (key, Loaded { before: hash, .. }) in keys.into_iter().zip(hashes) {
                    if hash.len() > 0 {
                        let bytes = self.take_over(key, &hash, remote.rules())?;
                        report.count(key, hash.len(), bytes);
                    }
                }
            }
            options.tell(&report, expected_keys);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(CopyReport { duration: begin.elapsed(), ..report });
            }
        }
    }

    /// Puts a hash in the place of what is there, and returns the bytes of its fields and values.
    fn take_over(&self, key: &[u8], hash: &Record, rules: &Rules) -> Result<usize, CopyError> {
        let mut bytes = 0;
        let taken = self.try_update(key, |new| -> Result<(), Error> {
            new.clear();
            new.set_many(hash.pairs().inspect(|(field, value)| bytes += field.len() + value.len()))?;
            for (field, deadline) in hash.timed_fields(rules) {
                if let Some(time) = deadline.time() {
                    new.expire_field(field, time);
                }
            }
            if let Some(time) = hash.deadline().time() {
                new.expire(time);
            }
            Ok(())
        });
        taken.map_err(|error| CopyError::Refused { key: key.to_vec(), error })?;
        Ok(bytes)
    }
}
