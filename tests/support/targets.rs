//! The bodies of the fuzz targets. Each accepts any bytes. `fuzz/fuzz_targets` calls them, and `tests/corpus.rs` runs
//! the corpora through them on stable.

#[cfg(feature = "journal")]
use super::check;
#[cfg(feature = "journal")]
use super::folder::Folder;
#[cfg(feature = "snapshot")]
use super::forge::Forge;
#[cfg(feature = "journal")]
use super::forge::log::{Block, ForgedLog};
use super::number;
use super::scenario::Scenario;
#[cfg(feature = "snapshot")]
use super::source::Source;
#[cfg(feature = "snapshot")]
use super::specimen::{self, builder, check_loaded};
#[cfg(all(feature = "json", feature = "bincode", feature = "postcard"))]
use super::typed_reads;

/// The bytes are a scenario. One owned value, on which the calls of all keys are made, must answer as the model does.
pub(crate) fn hash_ops(bytes: &[u8]) {
    Scenario::from_bytes(bytes).run_on_value();
}

/// The bytes are a scenario. A store must answer every call, on one key, on several and on all, as the model does.
pub(crate) fn store_ops(bytes: &[u8]) {
    Scenario::from_bytes(bytes).run();
}

/// Eight bytes are an amount, and the rest is the text to which it is added.
pub(crate) fn number(bytes: &[u8]) {
    if let Some((amount, text)) = bytes.split_first_chunk() {
        number::run(*amount, text);
    }
}

/// The bytes are a snapshot. Loading it must be an error, or give a valid store that is the same when it is saved and
/// loaded again.
#[cfg(feature = "snapshot")]
pub(crate) fn snapshot_load(bytes: &[u8]) {
    let clock = hashlet::ManualClock::new();
    if let Ok(store) = builder(&clock).load_from(bytes) {
        check_loaded(&store, &clock, &mut Source::Seed(0), 10);
    }
}

/// The bytes tell how a valid snapshot is changed, with new checksums. The rest are calls on the store that is loaded.
#[cfg(feature = "snapshot")]
pub(crate) fn snapshot_resigned(bytes: &[u8]) {
    static SPECIMENS: std::sync::LazyLock<[Forge; 2]> =
        std::sync::LazyLock::new(|| [3, 150].map(|fields| Forge::parse(&specimen::snapshot(fields))));
    let mut source = Source::Bytes(bytes);
    let mut forge = SPECIMENS[source.below(2)].clone();
    for _ in 0..=source.below(8) {
        forge.mutate(&mut source);
    }
    let clock = hashlet::ManualClock::new();
    if let Ok(store) = builder(&clock).load_from(&forge.render()[..]) {
        check_loaded(&store, &clock, &mut source, 20);
    }
}

/// The first byte tells what the others are: a dump as it is, or changes to a valid dump, which gets new checksums.
/// Restoring it must be an error that changes nothing, or give a valid hash that is the same when it is dumped and
/// restored again.
#[cfg(feature = "snapshot")]
pub(crate) fn dump_restore(bytes: &[u8]) {
    static SPECIMENS: std::sync::LazyLock<Vec<Forge>> = std::sync::LazyLock::new(|| {
        let store = builder(&hashlet::ManualClock::new()).build();
        specimen::fill(&store, 150);
        let dump = |key: &str| Forge::parse(&store.dump(key).expect("a hash"));
        ["k0", "k1", "k4", "k5", "k6"].map(dump).into()
    });
    let Some((&how, rest)) = bytes.split_first() else { return };
    let dump = match usize::from(how).checked_rem(SPECIMENS.len() + 1) {
        Some(at @ 1..) => {
            let (mut forge, mut source) = (SPECIMENS[at - 1].clone(), Source::Bytes(rest));
            for _ in 0..=source.below(8) {
                forge.mutate(&mut source);
            }
            forge.render()
        }
        _ => rest.to_vec(),
    };
    let clock = hashlet::ManualClock::new();
    let store = builder(&clock).build();
    store.set("k", "old", "v").expect("a short value");
    let before = specimen::contents(&store, b"k");
    match store.restore("k", &dump, hashlet::Overwrite::Yes) {
        Ok(hashlet::TransferOutcome::Done) => {
            let again = super::check::seeded(builder(&clock), 2).build();
            let dump = store.dump("k").expect("it is there");
            let done = again.restore("other", dump, hashlet::Overwrite::No).expect("what was dumped is restored");
            assert!(done.is_done());
            assert_eq!(specimen::contents(&again, b"other"), specimen::contents(&store, b"k"));
            super::check::store(&again);
        }
        Ok(hashlet::TransferOutcome::TargetExists) => panic!("it may be overwritten"),
        Ok(hashlet::TransferOutcome::NoSource) | Err(_) => assert_eq!(specimen::contents(&store, b"k"), before),
    }
    super::check::store(&store);
}

/// The first byte tells what the others are: a log as it is, the entries of a log, or changes to two valid logs that
/// follow each other. All but the first get new checksums. Opening the journal must be an error that changes nothing, or
/// give a valid store that is the same when it is opened again. Salvage must be an error or give a valid store as well.
#[cfg(feature = "journal")]
pub(crate) fn log_read(bytes: &[u8]) {
    opens_log(bytes);
}

/// The same. Returns whether the journal was opened without salvage.
#[cfg(feature = "journal")]
pub(crate) fn opens_log(bytes: &[u8]) -> bool {
    static SPECIMENS: std::sync::LazyLock<[ForgedLog; 2]> = std::sync::LazyLock::new(specimen_logs);
    let Some((&how, rest)) = bytes.split_first() else { return false };
    let mut source = Source::Bytes(rest);
    let logs = match how % 3 {
        0 => vec![(1, rest.to_vec())],
        1 => {
            // Each block has one entry or several. A byte of 255 ends an entry, and one of 254 ends a block.
            let blocks = rest.split(|byte| *byte == 254);
            let entries = |block: &[u8]| block.split(|byte| *byte == 255).map(<[u8]>::to_vec).collect();
            vec![(1, ForgedLog::of(blocks.map(entries).map(Block::of).collect()).render())]
        }
        _ => {
            let mut logs = SPECIMENS.clone();
            for _ in 0..=source.below(8) {
                logs[source.below(2)].mutate(&mut source);
            }
            let [first, mut second] = logs;
            if source.one_in(2) {
                second.previous[1] = first.blocks.len() as u64 + 1;
                second.previous[2] = first.render().len() as u64;
            }
            vec![(1, first.render()), (2, second.render())]
        }
    };
    let folder = Folder::in_memory();
    for (generation, log) in &logs {
        std::fs::write(folder.path().join(format!("log-{generation}")), log).expect("a file");
    }
    let clock = hashlet::ManualClock::new();
    let options = hashlet::JournalOptions::new()
        .durability(hashlet::Durability::Every(std::time::Duration::from_secs(3_600)))
        .checkpoint_after(u64::MAX, 1.0);
    let open = |salvages: bool| builder(&clock).open(folder.path(), options.clone().salvage(salvages));
    let told_of_refusal = match open(false) {
        Ok(journal) => {
            check_opened(&journal);
            let contents: Vec<_> = journal.keys().iter().map(|key| specimen::contents(&journal, key)).collect();
            drop(journal);
            let again = open(false).expect("what was opened is opened again");
            assert_eq!(again.recovery().bytes_cut, 0);
            let same = again.keys().iter().map(|key| specimen::contents(&again, key)).collect::<Vec<_>>();
            assert_eq!(same, contents);
            return true;
        }
        Err(error) => error.to_string(),
    };
    for (generation, log) in &logs {
        let now = std::fs::read(folder.path().join(format!("log-{generation}"))).expect("a file");
        assert_eq!(&now, log, "changed by {told_of_refusal}");
    }
    if let Ok(journal) = open(true) {
        check_opened(&journal);
        assert!(!journal.recovery().damage.is_empty(), "{told_of_refusal}");
        drop(journal);
        check_opened(&open(false).expect("what was salvaged is opened"));
    }
    false
}

#[cfg(feature = "journal")]
fn check_opened(store: &hashlet::Store) {
    check::store(store);
    store.set("hashlet", "is", "open").expect("it goes on");
}

/// Two logs that follow each other, with effects of every kind.
#[cfg(feature = "journal")]
fn specimen_logs() -> [ForgedLog; 2] {
    let (folder, clock) = (Folder::in_memory(), hashlet::ManualClock::new());
    for log in 0..2 {
        let journal = builder(&clock).open(folder.path(), hashlet::JournalOptions::new()).expect("a journal");
        if log == 0 {
            specimen::fill(&journal, 3);
            journal.sync().expect("a sync");
        }
        journal.rename("k2", "renamed", hashlet::Overwrite::Yes).expect("a rename");
        journal.copy("k3", "copied", hashlet::Overwrite::Yes).expect("a copy");
        journal.remove("k3", "f1");
        journal.persist("k4");
        journal.sync().expect("a sync");
        journal.clear("k5");
        let both = journal.update_many(["k0", "k1"], |[one, other]| {
            one.clear();
            other.set("f0", "moved")
        });
        both.expect("two keys").expect("a short value");
        if log == 1 {
            journal.clear_all();
            journal.set("key", "field", "value").expect("a short value");
        }
        journal.close().expect("a close");
    }
    [1, 2].map(|log| ForgedLog::parse(&std::fs::read(folder.path().join(format!("log-{log}"))).expect("a log")))
}

/// Two bytes choose a codec, an encoding and a member of a struct. Every typed read of the rest must be a value, or an
/// error that names the key and the field. The store must stay unchanged.
#[cfg(all(feature = "json", feature = "bincode", feature = "postcard"))]
pub(crate) fn typed_decode(bytes: &[u8]) {
    let [how, member, bytes @ ..] = bytes else { return };
    let (table, member) = (how & 1 == 1, usize::from(*member));
    match how & 6 {
        0 => typed_reads::run_in(hashlet::Json, bytes, table, member),
        2 => typed_reads::run_in(hashlet::Bincode, bytes, table, member),
        _ => typed_reads::run_in(hashlet::Postcard, bytes, table, member),
    }
}
