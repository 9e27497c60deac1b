//! The bodies of the fuzz targets. Each accepts any bytes. `fuzz/fuzz_targets` calls them, and `tests/corpus.rs` runs
//! the corpora through them on stable.

#[cfg(feature = "snapshot")]
use super::forge::Forge;
use super::number;
use super::scenario::Scenario;
#[cfg(feature = "snapshot")]
use super::source::Source;
#[cfg(feature = "snapshot")]
use super::specimen::{self, builder, check_loaded};
#[cfg(all(feature = "json", feature = "bincode"))]
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

/// Two bytes choose a codec, an encoding and a member of a struct. Every typed read of the rest must be a value, or an
/// error that names the key and the field. The store must stay unchanged.
#[cfg(all(feature = "json", feature = "bincode"))]
pub(crate) fn typed_decode(bytes: &[u8]) {
    let [how, member, bytes @ ..] = bytes else { return };
    let (table, member) = (how & 1 == 1, usize::from(*member));
    match how & 2 {
        0 => typed_reads::run_in(hashlet::Json, bytes, table, member),
        _ => typed_reads::run_in(hashlet::Bincode, bytes, table, member),
    }
}
