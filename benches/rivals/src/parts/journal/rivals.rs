//! The others: what they keep a log for, as fast as they can.

use std::time::Duration;

use fjall::{KeyspaceCreateOptions, PersistMode};

use super::calls::together;
use super::{bytes, folder, levels, replay, spell, syncs};
use crate::child::Figures;
use crate::data::Data;
use crate::parts::THREADS;
use crate::rivals::{Kevy, Redis};
use crate::server::Settings;
use crate::support::maps::SHARDS;
use crate::support::rival::Rival;
use crate::support::rounds::median;

/// Rounds of those who sync every second, each with at least one sync.
const ROUNDS: usize = 3;
const TIME: Duration = Duration::from_millis(1_200);

const EVERYSEC: Settings = &["--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0"];
const ALWAYS: Settings = &["--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"];
const TABLE: redb::TableDefinition<'_, (&[u8], &[u8]), &[u8]> = redb::TableDefinition::new("fields");

/// With one log, as it is by default, and with as many as the others have shards: the better rate of the two.
pub(super) fn kevy(scale: f64) -> Figures {
    let data = Data::new("profiles", scale);
    let mut figures = Figures::new();
    for shards in [1, SHARDS] {
        let folder = folder();
        let store = Kevy::logging(folder.path(), shards);
        data.fill(&store, 0..data.len());
        for (name, rate) in every_second(&store, &data, scale, &THREADS) {
            let best = figures.entry(name).or_insert(0.0);
            *best = f64::max(*best, rate);
        }
    }
    figures
}

/// One call after the other over a socket.
pub(super) fn redis(scale: f64) -> Figures {
    let data = Data::new("profiles", scale);
    let store = Redis::start(EVERYSEC);
    data.fill(&store, 0..data.len());
    let mut figures = every_second(&store, &data, scale, &THREADS[..1]);
    drop(store);

    let data = syncs::data(scale);
    let store = Redis::start(ALWAYS);
    data.fill(&store, 0..data.len());
    figures.extend(syncs::rates(&data, scale, &|[key, field, value]| store.set(key, field, value)));
    figures.extend([bytes::of_a_set(&data, scale, store.folder(), |list| store.set_together(list), || {})]);
    drop(store);

    let store = Redis::start(EVERYSEC);
    let sets = replay::each(scale, |list| store.set_together(list));
    figures.insert("replay Mop/s".into(), sets as f64 / store.restart().as_secs_f64() / 1e6);
    figures
}

/// Millions of sets a second in rounds that contain a sync.
fn every_second<R: Rival + Sync>(store: &R, data: &Data, scale: f64, threads: &[usize]) -> Figures {
    let mut rings = levels::rings(data, if R::IN_PROCESS { scale } else { scale / 10.0 });
    let set = |[key, field, value]: [&[u8]; 3]| store.set(key, field, value);
    let mut rate = |threads: usize| {
        let round = |round| together(&mut rings[..threads], Some(round), spell(TIME, scale), &set).rate / 1e6;
        median((0..ROUNDS).map(round).collect())
    };
    threads.iter().map(|&threads| (format!("everysec/{threads} Mop/s"), rate(threads))).collect()
}

/// A row a field. Each set is synced by itself.
pub(super) fn fjall(scale: f64) -> Figures {
    let measure = || -> fjall::Result<Figures> {
        let data = syncs::data(scale);
        let folder = folder();
        let database = fjall::Database::builder(folder.path()).open()?;
        let keyspace = database.keyspace("fields", KeyspaceCreateOptions::default)?;
        let insert = |[key, field, value]: [&[u8]; 3]| keyspace.insert([key, b"/", field].concat(), value);
        let sync = || database.persist(PersistMode::SyncAll);
        for piece in 0..data.len() {
            for (field, value) in data.pairs(piece) {
                insert([data.key(piece), field, value])?;
            }
        }
        sync()?;
        let set = |strings: [&[u8]; 3]| {
            insert(strings).and_then(|()| sync()).expect("a database that takes it");
            false
        };
        let mut figures = syncs::rates(&data, scale, &set);
        let insert = |strings: [&[u8]; 3]| {
            insert(strings).expect("a database that takes it");
            0
        };
        let of_a_set = bytes::of_a_set(
            &data,
            scale,
            folder.path(),
            |list| list.check(list.each(insert)),
            || sync().expect("a disk that takes it"),
        );
        figures.extend([of_a_set]);
        Ok(figures)
    };
    measure().expect("a database that takes everything")
}

/// A row a field. Each set is a transaction, which is synced when it has ended.
pub(super) fn redb(scale: f64) -> Figures {
    let data = syncs::data(scale);
    let folder = folder();
    let database = redb::Database::create(folder.path().join("rows")).expect("a file");
    let write = |rows: &mut dyn Iterator<Item = [&[u8]; 3]>| -> Result<(), redb::Error> {
        let mut transaction = database.begin_write()?;
        transaction.set_durability(redb::Durability::Immediate)?;
        let mut table = transaction.open_table(TABLE)?;
        for [key, field, value] in rows {
            table.insert((key, field), value)?;
        }
        drop(table);
        Ok(transaction.commit()?)
    };
    let fields = |piece| data.pairs(piece).map(move |(field, value)| (piece, field, value));
    let mut rows = (0..data.len()).flat_map(fields).map(|(piece, field, value)| [data.key(piece), field, value]);
    write(&mut rows).expect("a database that takes everything");
    let set = |strings: [&[u8]; 3]| {
        write(&mut std::iter::once(strings)).expect("a database that takes it");
        false
    };
    syncs::rates(&data, scale, &set)
}
