//! What a full store forgets, if it evicts.

use crate::eviction::Used;
use crate::hash::{Context, Record};
use crate::random::Random;
use crate::shard::{MOST_FOUND, Sample, Shard};
use crate::store::Store;
use crate::store::room::Room;
use crate::sync::hand_over;
use crate::time::Now;

/// So often a call tries to evict without waiting for a lock that another call holds.
const PATIENT_TRIES: u32 = 8;

impl Store {
    /// Evicts keys until the store is within its limits, whatever has made it exceed them.
    pub(crate) fn evict_what_is_too_much(&self) {
        if let Some(room) = self.room.as_ref().filter(|room| room.is_exceeded()) {
            self.evict(room, &Used::default());
        }
    }

    /// The same for what a journal held. First evicts the hashes that no write could have made, because they would take
    /// all others along.
    #[cfg(feature = "journal")]
    pub(crate) fn evict_what_was_recovered(&self) {
        if let Some(room) = self.room.as_ref().filter(|room| room.is_exceeded()) {
            let now = Now::on(&self.clock);
            for shard in &self.shards {
                let shard = shard.read();
                let too_large = shard.records().filter(|record| room.never_fits(record.heap_bytes()));
                let hashes: Vec<u64> = too_large.map(|record| self.rules.hash(record.key())).collect();
                drop(shard);
                self.evict_keys(hashes, room, &now, true);
            }
            self.evict(room, &Used::default());
        }
    }

    /// Evicts keys until the store is within its limits, but none whose hashes are spared. Each call that uses keys does
    /// this at its end, and spares these. If nothing else is left, it gives unused memory back. Then what is left fits,
    /// because the call was admitted.
    ///
    /// It takes samples at places that it draws, each for as many keys as will have to go. Where something has expired,
    /// that goes instead. It holds one lock at a time, and each for at most 32 keys. It waits for a lock only if it has
    /// found nothing in some tries in a row without waiting.
    pub(super) fn evict(&self, room: &Room, spared: &Used) {
        let now = Now::on(&self.clock);
        let mut random = Random::of_call(&self.rules);
        let mut has_shrunk = false;
        let mut tries = PATIENT_TRIES;
        while room.is_exceeded() {
            let waits = tries == 0;
            let count = room.keys_over().clamp(1, MOST_FOUND);
            let mut sample = Sample::new(&self.rules, room.ticks.now(), spared, count);
            if (0..sample.places()).any(|_| self.purge_or_add_to(&mut sample, room, &now, &mut random, waits)) {
                continue;
            }
            let hashes = sample.into_hashes();
            if !hashes.is_empty() && self.evict_keys(hashes, room, &now, waits) {
                tries = PATIENT_TRIES;
            } else if !waits {
                tries -= 1;
            } else if !has_shrunk {
                self.shrink_in_call(&self.call_at(now.clone()));
                has_shrunk = true;
            } else {
                return;
            }
        }
    }

    /// Adds the keys of one place to a sample: of a shard that it draws, and of the next ones if there are few keys. If
    /// it meets something that has expired, it purges that instead, and returns `true`. It passes over shards that are
    /// locked, unless it waits.
    fn purge_or_add_to(
        &self,
        sample: &mut Sample<'_>,
        room: &Room,
        now: &Now<'_>,
        random: &mut Random,
        waits: bool,
    ) -> bool {
        sample.begin_place();
        let first = random.below(self.shards.len());
        for index in (first..self.shards.len()).chain(0..first) {
            let lock = &self.shards[index];
            let Some(shard) = (if waits { Some(lock.read()) } else { lock.try_read() }) else { continue };
            if shard.is_overdue(now) {
                drop(shard);
                return self.purge_shard_by(
                    || if waits { Some(lock.write()) } else { lock.try_write() },
                    now,
                    |_, _| false,
                );
            }
            shard.add_to(sample, &room.ticks.newest(index), random);
            if sample.has_enough() {
                break;
            }
        }
        false
    }

    /// Evicts keys with these hashes, until the store is within its limits. Passes over shards that are locked, unless
    /// it waits. Returns whether it has passed over none.
    fn evict_keys(&self, mut hashes: Vec<u64>, room: &Room, now: &Now<'_>, waits: bool) -> bool {
        let mut has_passed = false;
        hashes.sort_by_key(|hash| self.shard_index(*hash));
        for hashes in hashes.chunk_by(|one, next| self.shard_index(*one) == self.shard_index(*next)) {
            let call = self.call_at(now.clone());
            let lock = self.shard_of(hashes[0]);
            let Some(mut shard) = (if waits { Some(lock.write()) } else { lock.try_write() }) else {
                has_passed = true;
                continue;
            };
            let terms = call.terms();
            let cx = Context::new(&self.rules, &terms);
            let evicted =
                hashes.iter().take_while(|_| room.is_exceeded()).filter(|hash| shard.evict(**hash, cx)).count();
            room.count_evicted(evicted);
            terms.end();
            hand_over(shard);
        }
        !has_passed
    }

    /// Finds a record for a call that reads. Notes its use, and counts whether it is there, if the store does so.
    #[cold]
    #[inline(never)]
    pub(super) fn find_noting<'s>(&self, shard: &'s Shard, hash: u64, key: &[u8]) -> Option<&'s Record> {
        let record = match &self.room {
            Some(room) if self.rules.eviction.notes_use() => {
                shard.find_noting(hash, key, self.rules.eviction, room.ticks.now())
            }
            _ => shard.find(hash, key),
        };
        if let Some(lookups) = &self.lookups {
            lookups.count(self.shard_index(hash), record.is_some());
        }
        record
    }
}

#[cfg(all(test, not(hashlet_shuttle)))]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::thread;

    use crate::{Error, Eviction, Limits, Store};

    /// Runs a closure while another thread is inside a closure of a call on this key, which has made its hash large.
    fn while_a_closure_runs(store: &Store, key: &str, len: usize, work: impl FnOnce()) {
        let (entered, has_entered) = sync_channel(0);
        let (leave, may_leave) = sync_channel(0);
        thread::scope(|scope| {
            scope.spawn(move || {
                let failed = store.try_update(key, |hash| {
                    hash.set("f", vec![b'v'; len])?;
                    entered.send(()).unwrap();
                    may_leave.recv().unwrap();
                    Err::<(), _>(Error::Overflow)
                });
                assert_eq!(failed, Err(Error::Overflow));
            });
            has_entered.recv().unwrap();
            work();
            leave.send(()).unwrap();
        });
    }

    #[test]
    fn a_write_that_evicts_does_not_wait_for_closures_elsewhere() {
        for policy in [Eviction::LeastRecent, Eviction::SoonestDeadline, Eviction::Random] {
            let limits = Limits::default().max_keys(100);
            let store = Store::builder().shards(8).limits(limits).eviction(policy).build();
            (0..100).for_each(|n| _ = store.set(format!("{n}"), "f", "v").unwrap());
            let shard = |key: &str| store.shard_index(store.rules.hash(key.as_bytes()));
            let key = store.keys().pop().map(|key| String::from_utf8(key).unwrap()).unwrap();
            while_a_closure_runs(&store, &key, 1, || {
                let elsewhere = (100..).map(|n: u32| n.to_string()).filter(|new| shard(new) != shard(&key));
                elsewhere.take(500).for_each(|new| _ = store.set(new, "f", "v").unwrap());
            });
            assert_eq!((store.key_count(), store.stats().evicted_keys), (100, 500));
        }
    }

    #[test]
    fn a_write_that_is_rolled_back_evicts_nothing() {
        let limits = Limits::default().max_bytes(200_000);
        let store = Store::builder().shards(8).limits(limits).eviction(Eviction::LeastRecent).build();
        (0..1_000).for_each(|n| _ = store.set(format!("{n}"), "f", "v").unwrap());
        let shard = |key: &str| store.shard_index(store.rules.hash(key.as_bytes()));
        while_a_closure_runs(&store, "large", 150_000, || {
            let elsewhere = (0..1_000).map(|n: u32| n.to_string()).filter(|key| shard(key) != shard("large"));
            elsewhere.for_each(|key| _ = store.set(key, "f", "w").unwrap());
        });
        assert_eq!((store.key_count(), store.stats().evicted_keys), (1_000, 0));
    }
}
