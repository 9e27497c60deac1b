//! The plots: which figures are drawn.

use std::path::Path;
use std::{fs, io};

use super::eviction::at_equal_bytes;
use super::plot::{self, Bars, Lines, Outcome, Panel, Series};
use crate::parts::eviction::{HITS, SHARES, STREAMS};
use crate::parts::{FIELD_STEPS, KEY_STEPS, SIZES};
use crate::results::Results;
use crate::rivals::{BARE, TABLES, UNSHAPED};

/// Draws what was measured.
pub(super) fn draw(results: &Results, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let outcome = || -> Outcome {
        lines(
            results,
            folder,
            "fields",
            ("fields", "short"),
            "get",
            &SIZES,
            &Lines {
                title: "Copying a value, by the fields of its hash; at the line, hashlet makes a table of it",
                x: "fields of a hash",
                y: "nanoseconds",
                mark: Some(128.5),
            },
        )?;
        lines(
            results,
            folder,
            "fields_set_other",
            ("fields", "short"),
            "set_other",
            &SIZES,
            &Lines {
                title: "Overwriting a value with one of another length, by the fields of its hash",
                x: "fields of a hash",
                y: "nanoseconds",
                mark: Some(128.5),
            },
        )?;
        lines(
            results,
            folder,
            "growth_keys",
            ("growth", "keys"),
            "get",
            &KEY_STEPS,
            &Lines {
                title: "Copying a value, by the number of keys",
                x: "keys of two fields",
                y: "nanoseconds",
                mark: None,
            },
        )?;
        lines(
            results,
            folder,
            "growth_keys_insert",
            ("growth", "keys"),
            "insert",
            &KEY_STEPS,
            &Lines {
                title: "Setting a field of a new key, on the way to so many keys",
                x: "keys of two fields",
                y: "nanoseconds",
                mark: None,
            },
        )?;
        lines(
            results,
            folder,
            "growth_fields",
            ("growth", "one_hash"),
            "get",
            &FIELD_STEPS,
            &Lines {
                title: "Copying a value, by the number of fields of one hash",
                x: "fields of one hash",
                y: "nanoseconds",
                mark: Some(128.5),
            },
        )?;
        lines(
            results,
            folder,
            "growth_memory",
            ("memory", "keys"),
            "",
            &KEY_STEPS,
            &Lines {
                title: "Resident memory of a key of two fields, by the number of keys",
                x: "keys of two fields",
                y: "resident bytes a key",
                mark: None,
            },
        )?;
        memory(results, folder)?;
        throughput(results, folder)?;
        pauses(results, folder)?;
        hits(results, folder)?;
        front(results, folder)
    };
    outcome().map_err(|error| io::Error::other(format!("{}: {error}", folder.display())))
}

/// A line for each subject of a group, a point for each size.
fn lines(
    results: &Results,
    folder: &Path,
    name: &str,
    (part, group): (&str, &str),
    operation: &str,
    sizes: &[usize],
    lines: &Lines<'_>,
) -> Outcome {
    let point = |subject: &str, size: usize| {
        let figure =
            if operation.is_empty() { format!("{size} bytes_resident") } else { format!("{operation}/{size} ns") };
        Some((size as f64, results.median(part, group, subject, &figure)?))
    };
    let points = |subject: &&str| -> Series {
        ((*subject).to_owned(), sizes.iter().filter_map(|size| point(subject, *size)).collect())
    };
    let subjects = results.subjects(part);
    let series: Vec<Series> = subjects.iter().map(points).filter(|(_, points)| !points.is_empty()).collect();
    if series.is_empty() {
        return Ok(());
    }
    lines.draw(&folder.join(format!("{name}.svg")), &series)
}

/// A bar for each subject in each group: `(its name, the group and the figure it is of)`.
fn bars(
    results: &Results,
    path: &Path,
    part: &str,
    (title, y, is_logarithmic): (&str, &str, bool),
    groups: &[(&str, &str, &str)],
) -> Outcome {
    let names: Vec<String> = results.subjects(part).into_iter().map(str::to_owned).collect();
    if names.is_empty() {
        return Ok(());
    }
    let group = |(name, group, figure): &(&str, &str, &str)| {
        ((*name).to_owned(), names.iter().map(|subject| results.median(part, group, subject, figure)).collect())
    };
    let groups: Vec<(String, Vec<Option<f64>>)> = groups.iter().map(group).collect();
    if groups.iter().all(|(_, values)| values.iter().all(Option::is_none)) {
        return Ok(());
    }
    Bars { title, y, names: &names, is_logarithmic }.draw(path, &groups)
}

fn memory(results: &Results, folder: &Path) -> Outcome {
    let of = ("Resident memory of a profile of 8 fields (153 bytes in all)", "resident bytes a key", false);
    let groups = [
        ("1,000,000 profiles", "profiles", "each bytes_resident"),
        ("worst from 0.7 to 1.4 million", "profiles", "worst bytes_resident"),
    ];
    bars(results, &folder.join("memory.svg"), "memory", of, &groups)
}

fn throughput(results: &Results, folder: &Path) -> Outcome {
    let of = ("Reads and writes on 1,000,000 profiles, keys drawn uniformly", "million operations a second", false);
    let groups = [
        ("reads only, 1 thread", "profiles", "100/0/1/uniform Mop/s"),
        ("reads only, 2 threads", "profiles", "100/0/2/uniform Mop/s"),
        ("5 % writes, 2 threads", "profiles", "95/5/2/uniform Mop/s"),
        ("half writes, 2 threads", "profiles", "50/50/2/uniform Mop/s"),
    ];
    bars(results, &folder.join("throughput.svg"), "threads", of, &groups)
}

fn pauses(results: &Results, folder: &Path) -> Outcome {
    let of = ("Longest single call, interruptions left out", "milliseconds", true);
    let groups = [
        ("to 4,000,000 fields of one hash", "one_hash", "own ms"),
        ("to 4,000,000 keys", "keys", "own ms"),
        ("2 MiB over 2 MiB in one hash", "long_values", "own ms"),
    ];
    bars(results, &folder.join("pauses.svg"), "pauses", of, &groups)
}

/// A plot for each size of the cache.
fn hits(results: &Results, folder: &Path) -> Outcome {
    for ((share, _), words) in SHARES.iter().zip(["a tenth", "half"]) {
        let title = format!("Hits of a cache with the memory that hashlet takes for {words} of the keys");
        let names: Vec<String> = at_equal_bytes(results).into_iter().map(str::to_owned).collect();
        let group = |(stream, words): &(&str, &str)| {
            let figure = format!("{share}/{stream} hits");
            let of = |name: &String| results.median("eviction", HITS, name, &figure);
            ((*words).to_owned(), names.iter().map(of).collect())
        };
        let groups: Vec<(String, Vec<Option<f64>>)> = STREAMS.iter().map(group).collect();
        if !names.is_empty() {
            let bars = Bars { title: &title, y: "per cent of the requests", names: &names, is_logarithmic: false };
            bars.draw(&folder.join(format!("eviction_{share}.svg")), &groups)?;
        }
    }
    Ok(())
}

/// What tells most, for the README.
fn front(results: &Results, folder: &Path) -> Outcome {
    let panel = |title, is_more_better, part, group, figure| {
        let names = results.subjects(part).into_iter().filter(|subject| ![BARE, TABLES, UNSHAPED].contains(subject));
        let bars = names.filter_map(|name| Some((name.to_owned(), results.median(part, group, name, figure)?)));
        Panel { title, is_more_better, bars: bars.collect() }
    };
    let panels = [
        panel(
            "Resident memory of a profile of 153 bytes, bytes (less is better)",
            false,
            "memory",
            "profiles",
            "each bytes_resident",
        ),
        panel(
            "Two threads, 5 % writes, million operations a second",
            true,
            "threads",
            "profiles",
            "95/5/2/uniform Mop/s",
        ),
    ];
    if panels.iter().any(|panel| panel.bars.is_empty()) {
        return Ok(());
    }
    plot::panels(&folder.join("front.svg"), &panels)
}
