//! Saving the profiles until the disk has them, and loading them again in a process of its own, as after a restart.
//!
//! | subject | saves | loads |
//! |---|---|---|
//! | `hashlet` | `save` | `load` |
//! | `raw` | the bytes of that file, in pieces of 64 KiB | the same |
//! | `bincode` | std's map of maps, encoded into a file | the same, decoded |
//! | `redb` | a row a field, in order, in one transaction | opens it and reads every row |
//! | `fjall` | a row a field, in order, as one ingestion | opens it and reads every row |
//! | `redis`, `valkey` | `SAVE` without compression | as the server's log tells it |
//!
//! Files were just written when they are read, so no disk is measured there.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::time::Instant;

use hashlet::Store;
use redb::{ReadableDatabase, ReadableTable};

use super::Part;
use crate::child::{self, Figures};
use crate::data::{Data, PROFILES, scaled};
use crate::folder::Folder;
use crate::rivals;
use crate::server::Server;
use crate::support::rival::Rival;

pub(crate) const PART: Part = Part {
    name: "persistence",
    about: "saving and loading the profiles",
    groups: &["profiles"],
    subjects: |_| [vec!["hashlet", "raw", "bincode", "redb", "fjall"], super::servers()].concat(),
    repeats: usize::MAX,
    minutes: 3.5,
    run: |task, scale| save(&task.subject, scale),
};

/// The first argument of a process that only loads.
pub(crate) const LOAD: &str = "load";

const FIELDS: usize = 8;
/// Bytes that are written and read at a time where nobody has a say in it.
const PIECE: usize = 64 << 10;
const BINCODE: bincode::config::Configuration = bincode::config::standard();
const TABLE: redb::TableDefinition<'_, (&[u8], &[u8]), &[u8]> = redb::TableDefinition::new("fields");
const KEYSPACE: &str = "fields";

type Maps = HashMap<Vec<u8>, HashMap<Vec<u8>, Vec<u8>>>;

fn save(subject: &str, scale: f64) -> Figures {
    let folder = Folder::new();
    let path = folder.path().join("saved");
    if rivals::SERVERS.iter().any(|(name, _)| *name == subject) {
        return server(subject, folder.path(), scaled(PROFILES, scale));
    }
    let data = Data::new("profiles", scale);
    let seconds = match subject {
        "hashlet" => {
            let store = filled(&data);
            timed(|| assert_eq!(store.save(&path).expect("a save that succeeds").keys, data.len() as u64))
        }
        "raw" => {
            let mut bytes = Vec::new();
            filled(&data).save_to(&mut bytes).expect("memory takes everything");
            timed(|| save_raw(&bytes, &path))
        }
        "bincode" => {
            let maps = maps(&data);
            timed(|| save_bincode(&maps, &path))
        }
        "redb" => timed(|| save_redb(&data, &path)),
        "fjall" => timed(|| save_fjall(&data, &path)),
        _ => panic!("nobody called {subject} saves anything"),
    };
    let told = child::start(&[LOAD, subject], Some(&path)).expect("a process that loads");
    let mut figures: Figures = serde_json::from_str(&told).expect("figures");
    let loaded = figures.remove("rows").expect("how much was loaded");
    let expected = if subject == "raw" { fs::metadata(&path).expect("the file").len() as usize } else { rows(&data) };
    assert_eq!(loaded, expected as f64, "all of it was loaded");
    figures.insert("save s".into(), seconds);
    figures.insert("disk MB".into(), size(&path) as f64 / 1e6);
    figures
}

/// Loads what was saved, and counts its fields, or its bytes where there are only bytes.
pub(crate) fn load(subject: &str, path: &Path) -> Figures {
    let start = Instant::now();
    let (rows, seconds) = match subject {
        "hashlet" => {
            let store: &Store = Box::leak(Box::new(Store::load(path).expect("what was saved can be loaded")));
            let seconds = start.elapsed();
            (store.stats().fields, seconds)
        }
        "raw" => {
            let bytes = load_raw(path);
            (bytes, start.elapsed())
        }
        "bincode" => {
            let bytes = fs::read(path).expect("the file that was saved");
            let (maps, _) = bincode::decode_from_slice(&bytes, BINCODE).expect("what was encoded");
            let (maps, seconds): (&Maps, _) = (Box::leak(Box::new(maps)), start.elapsed());
            (maps.values().map(HashMap::len).sum(), seconds)
        }
        "redb" => {
            let rows = load_redb(path).expect("what was saved can be read");
            (rows, start.elapsed())
        }
        "fjall" => {
            let rows = load_fjall(path).expect("what was saved can be read");
            (rows, start.elapsed())
        }
        _ => panic!("nobody called {subject} loads anything"),
    };
    Figures::from([("load s".into(), seconds.as_secs_f64()), ("rows".into(), rows as f64)])
}

fn server(name: &str, folder: &Path, profiles: usize) -> Figures {
    let program = rivals::program(name).expect("a server that was found before");
    let mut server = Server::start(&program, folder, &["--appendonly", "no", "--rdbcompression", "no"]);
    server.fill(profiles);
    let seconds = timed(|| server.save());
    let load = server.restart(profiles).as_secs_f64();
    let disk = size(&folder.join("dump.rdb")) as f64 / 1e6;
    Figures::from([("save s".into(), seconds), ("load s".into(), load), ("disk MB".into(), disk)])
}

fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn rows(data: &Data) -> usize {
    data.len() * FIELDS
}

fn filled(data: &Data) -> Store {
    let store = <Store as Rival>::new();
    data.fill(&store, 0..data.len());
    store
}

fn maps(data: &Data) -> Maps {
    let hash = |piece| data.pairs(piece).map(|(field, value)| (field.to_vec(), value.to_vec())).collect();
    (0..data.len()).map(|piece| (data.key(piece).to_vec(), hash(piece))).collect()
}

fn save_raw(bytes: &[u8], path: &Path) {
    let mut file = File::create(path).expect("a file");
    for piece in bytes.chunks(PIECE) {
        file.write_all(piece).expect("a file that takes it");
    }
    file.sync_all().expect("a disk that takes it");
}

fn load_raw(path: &Path) -> usize {
    let (mut file, mut piece, mut bytes) = (File::open(path).expect("the file"), vec![0; PIECE], 0);
    loop {
        match file.read(&mut piece).expect("a file that can be read") {
            0 => return bytes,
            read => bytes += read,
        }
    }
}

fn save_bincode(maps: &Maps, path: &Path) {
    let mut out = BufWriter::with_capacity(PIECE, File::create(path).expect("a file"));
    bincode::encode_into_std_write(maps, &mut out, BINCODE).expect("maps can be encoded");
    out.into_inner().expect("a file that takes it").sync_all().expect("a disk that takes it");
}

/// The fields of all keys, both in order.
fn sorted(data: &Data) -> impl Iterator<Item = [&[u8]; 3]> {
    (0..data.len()).flat_map(|piece| {
        let key = data.key(piece);
        let mut rows: Vec<_> = data.pairs(piece).map(|(field, value)| [key, field, value]).collect();
        rows.sort_unstable();
        rows
    })
}

fn save_redb(data: &Data, path: &Path) {
    let save = || -> Result<(), redb::Error> {
        let database = redb::Database::create(path)?;
        let transaction = database.begin_write()?;
        let mut table = transaction.open_table(TABLE)?;
        for [key, field, value] in sorted(data) {
            table.insert((key, field), value)?;
        }
        drop(table);
        Ok(transaction.commit()?)
    };
    save().expect("a database that takes everything");
}

fn load_redb(path: &Path) -> Result<usize, redb::Error> {
    let database = redb::Database::open(path)?;
    let transaction = database.begin_read()?;
    let (mut rows, mut bytes) = (0, 0);
    for row in transaction.open_table(TABLE)?.iter()? {
        rows += 1;
        bytes += row?.1.value().len();
    }
    assert!(bytes > rows, "values are longer than a byte");
    Ok(rows)
}

fn save_fjall(data: &Data, path: &Path) {
    let save = || -> fjall::Result<()> {
        let database = fjall::Database::builder(path).open()?;
        let keyspace = database.keyspace(KEYSPACE, fjall::KeyspaceCreateOptions::default)?;
        let mut ingestion = keyspace.start_ingestion()?;
        for [key, field, value] in sorted(data) {
            ingestion.write([key, b"/", field].concat(), value)?;
        }
        ingestion.finish()?;
        database.persist(fjall::PersistMode::SyncAll)
    };
    save().expect("a database that takes everything");
}

fn load_fjall(path: &Path) -> fjall::Result<usize> {
    let database = fjall::Database::builder(path).open()?;
    let keyspace = database.keyspace(KEYSPACE, fjall::KeyspaceCreateOptions::default)?;
    let (mut rows, mut bytes) = (0, 0);
    for row in keyspace.iter() {
        rows += 1;
        bytes += row.value()?.len();
    }
    assert!(bytes > rows, "values are longer than a byte");
    Ok(rows)
}

/// The bytes of a file, or of all files in a folder.
fn size(path: &Path) -> u64 {
    let metadata = fs::metadata(path).expect("what was saved");
    if !metadata.is_dir() {
        return metadata.len();
    }
    let files = fs::read_dir(path).expect("a folder that can be read");
    files.map(|file| size(&file.expect("a file").path())).sum()
}
