//! A tour of hashlet: `cargo run --release --features journal --example tour`.

#![allow(clippy::print_stdout, reason = "a tour talks")]

use std::collections::BTreeMap;
use std::error::Error;
use std::thread;

use hashlet::{FieldError, HashValue, JournalOptions, SaveOptions, Store, Thresholds};

fn main() -> Result<(), Box<dyn Error>> {
    basic_use()?;
    atomic_update()?;
    counters_from_several_threads()?;
    encodings()?;
    let store = memory()?;
    snapshot(&store)?;
    journal()
}

fn basic_use() -> Result<(), FieldError> {
    println!("Basic use");
    let store = Store::new();
    store.set("user:123", "name", "John Doe")?;
    let new = store.set_many("user:123", [("email", "john@example.com"), ("city", "Oslo"), ("visits", "0")])?;
    println!("  {new} more fields set, user:123 now has {}", store.size("user:123"));

    // Values are bytes. These calls ask for text, or for what is written as text.
    println!("  name is {}", value(&store, "user:123", "name")?);
    println!("  phone is {}", value(&store, "user:123", "phone")?);
    println!("  visits are {:?}", store.get_parsed::<u64>("user:123", "visits")?);
    for (field, value) in BTreeMap::<String, String>::try_from(store.get_all("user:123"))? {
        println!("    {field} = {value}");
    }

    // A closure reads the hash in place: nothing is copied, and no other thread writes to it meanwhile.
    let longest = store.read("user:123", |user| user.iter().map(|(_, value)| value.len()).max());
    println!("  the longest value has {} bytes", longest.unwrap_or(0));

    store.remove("user:123", "city");
    store.clear("user:123");
    println!("  cleared, the store has {} keys\n", store.key_count());
    Ok(())
}

fn atomic_update() -> Result<(), FieldError> {
    println!("One atomic step");
    let store = Store::new();
    store.set_many("stock", [("apples", "5"), ("pears", "1")])?;

    // The closure is one atomic step: no other thread sees the stock between its reads and its writes.
    let take = |fruit: &str, wanted: i64| {
        store.try_update("stock", |stock| -> Result<bool, FieldError> {
            if stock.get_parsed::<i64>(fruit)?.unwrap_or(0) < wanted {
                return Ok(false);
            }
            // If one of these fails, neither is done.
            stock.increment(fruit, -wanted)?;
            stock.increment("sold", wanted)?;
            Ok(true)
        })
    };
    println!("  take 3 apples: {}", take("apples", 3)?);
    println!("  take 3 apples: {}", take("apples", 3)?);
    println!("  left: {}, sold: {}", value(&store, "stock", "apples")?, value(&store, "stock", "sold")?);

    // Numbers are checked, and a call that fails changes nothing.
    store.set("stock", "apples", "many")?;
    if let Err(error) = store.increment("stock", "apples", 1) {
        println!("  one apple more: {error}\n");
    }
    Ok(())
}

fn counters_from_several_threads() -> Result<(), FieldError> {
    println!("Counters from 4 threads");
    let store = Store::new();
    thread::scope(|scope| {
        let counting = |page: &'static str| {
            for _ in 0..100_000 {
                store.increment("visits", page, 1)?;
                store.increment("visits", "all", 1)?;
            }
            Ok::<_, FieldError>(())
        };
        let threads = ["/", "/about", "/", "/news"].map(|page| scope.spawn(move || counting(page)));
        threads.into_iter().try_for_each(|thread| thread.join().expect("the thread does not panic"))
    })?;
    for page in ["/", "/about", "/news", "all"] {
        println!("  {page}: {}", value(&store, "visits", page)?);
    }
    println!();
    Ok(())
}

fn encodings() -> hashlet::Result<()> {
    println!("Small hashes are packed, big ones are tables");
    let thresholds = Thresholds::default().max_fields(100);
    let mut hash = HashValue::with_thresholds(thresholds);
    let show = |hash: &HashValue| {
        println!("  {} fields: {}, {} bytes", hash.len(), hash.encoding(), hash.memory_usage());
    };
    hash.set_many((0..100).map(|i| (format!("field:{i}"), "value")))?;
    show(&hash);
    hash.set("one more", "value")?;
    show(&hash);
    // The hash is packed again only at half the threshold. So a hash near the threshold does not change back and forth.
    hash.remove_many((0..50).map(|i| format!("field:{i}")));
    show(&hash);
    hash.remove("one more");
    show(&hash);
    println!();
    Ok(())
}

fn memory() -> hashlet::Result<Store> {
    println!("Memory");
    let store = Store::new();
    let mut payload = 0;
    for number in 0..100_000 {
        let key = format!("user:{number}");
        let fields = [
            ("name", format!("User {number}")),
            ("email", format!("user{number}@example.com")),
            ("joined", format!("2024-{:02}-{:02}", number % 12 + 1, number % 28 + 1)),
            ("visits", (number % 1_000).to_string()),
        ];
        payload += key.len() + fields.iter().map(|(field, value)| field.len() + value.len()).sum::<usize>();
        store.set_many(key, fields)?;
    }
    let stats = store.stats();
    println!("  {} keys, {} fields, {} packed, {} tables", stats.keys, stats.fields, stats.packed, stats.tables);
    println!("  {} bytes of data a key, {} bytes of memory\n", payload / stats.keys, stats.bytes / stats.keys);
    Ok(store)
}

fn snapshot(store: &Store) -> Result<(), Box<dyn Error>> {
    println!("A snapshot while others write");
    let folder = std::env::temp_dir().join(format!("hashlet-tour-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let path = folder.join("store.hashlet");

    // Changes after the beginning of a save are not in its snapshot, even those of the save's own progress closure.
    let renaming = SaveOptions::new().progress(|_| {
        store.set("user:1", "name", "somebody else").expect("within the limits");
    });
    let report = store.save_with(&path, renaming)?;
    println!("  {} keys in {} bytes, {:.0?} until the disk had them", report.keys, report.bytes, report.duration);
    println!("  user:1 is {} now", value(store, "user:1", "name")?);
    let loaded = Store::load(&path)?;
    println!("  user:1 was {} then, and there were {} keys\n", value(&loaded, "user:1", "name")?, loaded.key_count());

    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn journal() -> Result<(), Box<dyn Error>> {
    println!("A journal: changes that outlast a crash");
    let folder = std::env::temp_dir().join(format!("hashlet-tour-journal-{}", std::process::id()));
    let store = Store::builder().open(&folder, JournalOptions::new())?;
    for _ in 0..1_000 {
        store.increment("visits", "/", 1)?;
    }
    store.sync()?; // everything so far outlasts a loss of power
    println!("  {} visits are safe, in a log of {} bytes", value(&store, "visits", "/")?, store.status().log_bytes);
    drop(store); // without `close`; what was synced would be there after a crash, too

    let store = Store::builder().open(&folder, JournalOptions::new())?;
    println!("  opened again: {} visits, from {} calls", value(&store, "visits", "/")?, store.recovery().entries);
    let report = store.checkpoint()?;
    println!("  a checkpoint makes a snapshot of {} bytes of them, and begins a new log", report.bytes);
    store.close()?;

    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// The value of a field as text.
fn value(store: &Store, key: &str, field: &str) -> Result<String, FieldError> {
    Ok(store.get_string(key, field)?.unwrap_or("missing".into()))
}
