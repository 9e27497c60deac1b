//! Saves and loads a large store, and shows the progress as a bar. Run it with
//! `cargo run --release --example progress`. Another number of hashes can be given after `--`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it tells what it does")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use hashlet::{LoadOptions, Progress, SaveOptions, Store};

/// Draws the bar over the last one. The numbers of a running save are estimates, so the bar may end before its right
/// edge.
fn draw(what: &str, Progress { keys, expected_keys, bytes, .. }: Progress) {
    const WIDTH: u64 = 40;
    let filled = (keys * WIDTH).checked_div(expected_keys).unwrap_or(WIDTH).min(WIDTH) as usize;
    let (done, open) = ("#".repeat(filled), ".".repeat(WIDTH as usize - filled));
    eprint!("\r{what} [{done}{open}] {keys} of {expected_keys} hashes, {} MB ", bytes / 1_000_000);
}

/// Draws the bar once for each megabyte, although progress is reported every 64 KiB.
fn bar(what: &str) -> impl FnMut(Progress) {
    let mut drawn = 0;
    move |so_far| {
        if so_far.bytes >= drawn + 1_000_000 {
            drawn = so_far.bytes;
            draw(what, so_far);
        }
    }
}

fn fill(store: &Store, hashes: usize) -> hashlet::Result<()> {
    store.reserve(hashes);
    for n in 0..hashes {
        let fields =
            [("name", format!("User {n}")), ("email", format!("user{n}@example.com")), ("visits", n.to_string())];
        store.set_many(format!("user:{n}"), fields)?;
    }
    Ok(())
}

fn save_and_load(path: &Path, hashes: usize) -> Result<(), Box<dyn Error>> {
    let store = Store::new();
    fill(&store, hashes)?;

    let saved = store.save_with(path, SaveOptions::new().progress(bar("saving ")))?;
    eprintln!();
    assert_eq!((saved.keys, saved.fields), (hashes as u64, 3 * hashes as u64));
    assert_eq!(saved.bytes, fs::metadata(path)?.len());

    let mut last = Progress::default();
    let mut bar = bar("loading");
    let options = LoadOptions::new().progress(|so_far| {
        bar(so_far);
        last = so_far;
    });
    let loaded = Store::builder().load_with(path, options)?;
    eprintln!();
    assert_eq!((last.keys, last.expected_keys, loaded.key_count()), (saved.keys, saved.keys, hashes));
    for n in (0..hashes).step_by(1_000) {
        assert_eq!(loaded.get_all(format!("user:{n}")), store.get_all(format!("user:{n}")));
    }

    println!("{hashes} hashes: {} MB, saved in {:.2?}", saved.bytes / 1_000_000, saved.duration);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let hashes = std::env::args().nth(1).map_or(Ok(1_000_000), |number| number.parse())?;
    let path = std::env::temp_dir().join(format!("hashlet-progress-{}", std::process::id()));
    let result = save_and_load(&path, hashes);
    let lock = PathBuf::from(format!("{}.lock", path.display()));
    for file in [path, lock].iter().filter(|file| file.exists()) {
        fs::remove_file(file)?;
    }
    result
}
