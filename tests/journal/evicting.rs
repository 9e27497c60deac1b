//! A journal of a store that evicts: an evicted key is a removed one.

use hashlet::{Eviction, Limits, Store};

use super::{contents, open, quiet};
use crate::support::check;
use crate::support::folder::Folder;

const POLICIES: [Eviction; 4] =
    [Eviction::LeastRecent, Eviction::LeastFrequent, Eviction::SoonestDeadline, Eviction::Random];

#[test]
fn what_was_evicted_does_not_come_back() {
    for policy in POLICIES {
        let folder = Folder::in_memory();
        let builder = || Store::builder().limits(Limits::default().max_bytes(200_000)).eviction(policy);
        let journal = builder().open(folder.path(), quiet()).unwrap();
        for n in 0..4_000 {
            journal.set_many((n % 2_500).to_string(), [(n.to_string(), "x".repeat(60))]).unwrap();
        }
        let before = contents(&journal);
        assert!(journal.stats().evicted_keys > 1_000);
        drop(journal);
        // Without a limit there is everything that was there, and nothing else.
        let journal = open(folder.path());
        assert_eq!(contents(&journal), before, "{policy:?}");
        drop(journal);
        // A hash that would never fit with a lower one takes no others along.
        let journal = open(folder.path());
        journal.set("large", "f", "x".repeat(1 << 20)).unwrap();
        drop(journal);
        let journal = builder().open(folder.path(), quiet()).unwrap();
        assert!(!journal.contains_key("large") && journal.key_count() > before.len() / 2, "{policy:?}");
        let before = contents(&journal);
        drop(journal);
        // With a lower one, something has to go. It stays away.
        let lower = Store::builder().limits(Limits::default().max_bytes(150_000).max_keys(300)).eviction(policy);
        let journal = lower.open(folder.path(), quiet()).unwrap();
        check::store(&journal);
        let fewer = contents(&journal);
        assert!(fewer.len() <= 300 && fewer.iter().all(|(key, hash)| before.get(key) == Some(hash)));
        for key in before.keys() {
            journal.set(key, "new", "v").unwrap();
        }
        let after = contents(&journal);
        drop(journal);
        assert_eq!(contents(&open(folder.path())), after, "{policy:?}");
    }
}
