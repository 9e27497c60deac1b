//! kevy-embedded: with its data in memory only and as many shards as the others, or with a log.

use std::path::Path;

use kevy_embedded::{AppendFsync, Config, Store};

use crate::support::maps::SHARDS;
use crate::support::rival::{Pair, Rival};

pub(crate) struct Kevy(Store);

impl Kevy {
    /// A store that syncs a log a shard every second. The logs are never written anew.
    pub(crate) fn logging(folder: &Path, shards: usize) -> Self {
        let config = Config::default().with_shards(shards).with_persist(folder);
        let config = config.with_appendfsync(AppendFsync::EverySec).with_auto_aof_rewrite(0, u64::MAX);
        Self(Store::open(config).expect("a folder that takes logs"))
    }
}

impl Rival for Kevy {
    const NAME: &str = "kevy";
    type Whole = Vec<(Vec<u8>, Vec<u8>)>;

    fn new() -> Self {
        let config = Config::default().with_shards(SHARDS).with_ttl_reaper_manual();
        Self(Store::open(config).expect("a store without files"))
    }

    fn set_many(&self, key: &[u8], pairs: &[Pair<'_>]) -> usize {
        self.0.hset(key, pairs).expect("a hash")
    }

    fn set(&self, key: &[u8], field: &[u8], value: &[u8]) -> bool {
        self.set_many(key, &[(field, value)]) == 1
    }

    fn look<R>(&self, key: &[u8], field: &[u8], at: impl FnOnce(Option<&[u8]>) -> R) -> R {
        self.0.with_key(key, |store| at(store.hget(key, field).expect("a hash")))
    }

    fn get_all(&self, key: &[u8]) -> Self::Whole {
        self.0.hgetall(key).expect("a hash")
    }

    fn len(whole: &Self::Whole) -> usize {
        whole.len()
    }

    fn remove(&self, key: &[u8], field: &[u8]) -> bool {
        self.0.hdel(key, &[field]).expect("a hash") == 1
    }

    fn increment(&self, key: &[u8], field: &[u8], amount: i64) -> i64 {
        self.0.hincrby(key, field, amount).expect("an integer")
    }

    fn update(&self, key: &[u8], counter: &[u8], pairs: [Pair<'_>; 2]) -> i64 {
        self.0.with_key(key, |store| {
            store.hset_borrowed(key, &pairs).expect("a hash");
            store.hincrby(key, counter, 1).expect("an integer")
        })
    }

    fn key_count(&self) -> usize {
        self.0.dbsize()
    }

    fn get(&self, key: &[u8], field: &[u8]) -> Option<Vec<u8>> {
        self.0.hget(key, field).expect("a hash")
    }

    fn contains(&self, key: &[u8], field: &[u8]) -> bool {
        self.0.hexists(key, field).expect("a hash")
    }
}
