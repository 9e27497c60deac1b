//! A few questions about the packages.

use std::cmp::Reverse;

use hashlet::Store;

/// The number of lines of an answer.
const TOP: usize = 5;

pub(crate) fn ask(store: &Store) -> hashlet::Result<()> {
    let packages = store.keys();

    println!("The biggest packages, in KiB");
    let mut sizes: Vec<_> = packages.iter().map(|key| (number(store, key, "Installed-Size"), key)).collect();
    sizes.sort_unstable_by_key(|&(size, key)| (Reverse(size), key));
    for (_, key) in sizes.into_iter().take(TOP) {
        let asked = store.get_many(key, ["Installed-Size", "Package", "Version", "Section"]);
        let [size, name, version, section] = std::array::from_fn(|i| text(asked[i].as_deref()));
        println!("  {size:>8} {name} {version} ({section})");
    }

    println!("The biggest sections, in packages");
    for key in &packages {
        if let Some(section) = store.get(key, "Section") {
            store.increment("sections", section, 1)?;
        }
    }
    top(store, "sections");

    println!("What most packages depend on");
    for key in &packages {
        // The closure reads the record in place. The writes come after it, because a closure must not call a store.
        let needed: Vec<String> = store.read(key, |package| {
            let lists = ["Pre-Depends", "Depends"].into_iter().filter_map(|field| package.get(field));
            lists.flat_map(|list| text(Some(list)).split(',').map(first_name).map(str::to_owned)).collect()
        });
        store.update("needed", |counts| needed.iter().try_for_each(|name| counts.increment(name, 1).map(drop)))?;
    }
    top(store, "needed");

    println!("The most long-winded description");
    let words = |key: &Vec<u8>| store.value_len(key, "Description").unwrap_or(0);
    if let Some(key) = packages.iter().max_by_key(|key| words(key)) {
        let description = store.get(key, "Description").unwrap_or_default();
        let first_line = text(Some(&description)).lines().next().unwrap_or("");
        println!("  {}: {} bytes, beginning with “{first_line}”", text(Some(key)), description.len());
    }
    Ok(())
}

/// Prints the fields of a hash with the highest counts.
fn top(store: &Store, key: &str) {
    let mut counts: Vec<_> = store.fields(key).into_iter().map(|field| (number(store, key, &field), field)).collect();
    counts.sort_unstable_by(|(a, first), (b, second)| b.cmp(a).then(first.cmp(second)));
    for (count, field) in counts.iter().take(TOP) {
        println!("  {count:>8} {}", text(Some(field)));
    }
}

/// The first name in `name (>= 1.0) | other`, without its architecture.
fn first_name(dependency: &str) -> &str {
    dependency.trim().split([' ', '(', '|', ':']).next().unwrap_or("")
}

fn number(store: &Store, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> u64 {
    text(store.get(key, field).as_deref()).parse().unwrap_or(0)
}

fn text(bytes: Option<&[u8]>) -> &str {
    bytes.map_or("", |bytes| std::str::from_utf8(bytes).unwrap_or("(not text)"))
}
