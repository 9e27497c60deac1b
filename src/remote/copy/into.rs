//! From servers into a store: a walk over the keys of each, and the hashes of each page.

use std::time::Instant;

use super::sealed::Which;
use super::{CopyError, CopyOptions, CopyReport, CopySource};
use crate::hash::Record;
use crate::hashes::Hashes;
use crate::options::Rules;
use crate::pattern::KeyPattern;
use crate::remote::call::Caller;
use crate::remote::changes::Loaded;
use crate::remote::servers::Servers;
use crate::store::{Overwrite, Store};
use crate::sync::assert_outside_closures;

/// The keys of one page of the walk.
const KEYS_A_PAGE: usize = 200;
/// The most fields of the hashes that are loaded together, unless one alone has more. The server loads them in one step,
/// during which it does nothing else.
const FIELDS_A_STEP: usize = 10_000;

impl Store {
    /// Copies all hashes of a server, or of all primaries of a cluster, with all deadlines into this store. What the store has
    /// under the same keys is replaced, everything else stays. O(n).
    ///
    /// It is not of one instant: a hash that others change meanwhile is copied as it is before or after the change, and
    /// a key that is added or removed meanwhile is copied or not. Each hash is put into the store in one step. If a server is
    /// restarted or another one takes its place, the copy of its keys begins anew, and so does its progress. If slots of a
    /// cluster move meanwhile, or a primary changes, hashes may be missing, and [`CopyReport::topology_changed`] says so. At its
    /// beginning it waits for primaries that cannot be reached, at most for
    /// [`RemoteOptions::patience`](crate::RemoteOptions::patience). If one dies while its keys are walked over, the copy fails.
    /// Memory: a copy of hashes with 10,000 fields, or of the largest hash if it has more.
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
    /// limit of this store, or if there is no room for it or for its deadlines. Then the store still has what it had under
    /// this key, and the hashes that were copied before.
    #[track_caller]
    pub fn copy_from(&self, from: &impl CopySource, options: CopyOptions<'_>) -> Result<CopyReport, CopyError> {
        match from.which() {
            Which::Remote(remote) => self.copy_all_from(remote.caller(), options),
            Which::Cluster(cluster) => self.copy_all_from(cluster.caller(), options),
        }
    }

    #[track_caller]
    fn copy_all_from<S: Servers>(
        &self,
        from: &Caller<S>,
        mut options: CopyOptions<'_>,
    ) -> Result<CopyReport, CopyError> {
        assert_outside_closures();
        let (begin, state) = (Instant::now(), from.state()?);
        let expected_keys = from.key_count()? as u64;
        let mut report = CopyReport::default();
        for node in &state.topology.nodes {
            report = from.walk(node, &KeyPattern::prefix(""), KEYS_A_PAGE, report, |report, page| {
                let keys: Vec<&[u8]> = page.iter().map(|key| &key[..]).collect();
                let mut left = &keys[..];
                while !left.is_empty() {
                    let hashes = from.load_some(left, FIELDS_A_STEP)?;
                    let (loaded, not_yet) = left.split_at(hashes.len());
                    left = not_yet;
                    for (key, Loaded { before: hash, .. }) in loaded.iter().zip(hashes) {
                        if hash.len() > 0 {
                            let bytes = self.take_over(key, &hash, from.rules())?;
                            report.count(key, hash.len(), bytes);
                        }
                    }
                }
                options.tell(report, expected_keys);
                Ok::<_, CopyError>(())
            })?;
        }
        let topology_changed = S::SPLITS_KEYS && from.has_changed(&state)?;
        Ok(CopyReport { duration: begin.elapsed(), topology_changed, ..report })
    }

    /// Puts a hash in the place of what is there, and returns the bytes of its fields and values.
    fn take_over(&self, key: &[u8], hash: &Record, rules: &Rules) -> Result<usize, CopyError> {
        let taken = self.put_hash(key, hash, rules, Overwrite::Yes);
        taken.map_err(|error| CopyError::Refused { key: key.to_vec(), error })?;
        Ok(hash.pairs(rules).map(|(field, value)| field.len() + value.len()).sum())
    }
}
