//! Prints what a snapshot, or the journal of a store, holds, and where it is damaged:
//! `cargo run --release --example inspect -- PATH`.
//!
//! The path is that of a snapshot, of a base or a log of a journal, or of a journal's folder. The program reads the bytes
//! by itself, as `src/snapshot/format.rs` draws them, and not with the code of the crate. So it also checks that page.
//! It writes nothing, and takes no lock. If a process uses the folder meanwhile, a file may be gone when its turn comes;
//! inspect a copy then. Files are read into memory as a whole.
//!
//! With `--export` it prints a line of JSON for each key of a snapshot, a base or a folder, in the order of the keys:
//!
//! ```json
//! {"key":"user:1","fields":{"name":"Ada","token":"x"},"deadline":1767225600000,"field_deadlines":{"token":1767222000000}}
//! ```
//! Deadlines are milliseconds since 1970, and are left out where there is none. What has expired is printed too. In each
//! text, a byte that is not UTF-8 is written as `\xNN`, with two hex digits, and a backslash as `\\`. JSON then writes
//! each of these backslashes as two.
//!
//! The exit code is 0 if everything is whole, and otherwise 1. A torn end of the last log is no damage.

#![allow(clippy::print_stderr, reason = "a program that reports")]

mod bytes;
mod contents;
mod folder;
mod log;
mod snapshot;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::fs;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use contents::Contents;
use folder::Folder;
use log::{Log, Rest};
use snapshot::Snapshot;

fn main() -> ExitCode {
    let (mut paths, mut is_export) = (Vec::new(), false);
    for argument in std::env::args_os().skip(1) {
        if argument == "--export" {
            is_export = true;
        } else {
            paths.push(argument);
        }
    }
    let [path] = &*paths else {
        eprintln!(
            "inspect: give the path of a snapshot, of a base, of a log, or of a journal's folder, and --export or not"
        );
        return ExitCode::FAILURE;
    };
    let path = Path::new(path);
    let out = &mut BufWriter::new(io::stdout().lock());
    let done = if is_export { export(path, out) } else { report(path, out) };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS, // as with `head`
        Err(error) => {
            eprint!("inspect: {}: {error}", path.display());
            let mut source = error.source();
            while let Some(error) = source {
                eprint!(": {error}");
                source = error.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// What is at a path.
enum Inspected {
    Snapshot(Snapshot),
    Log(Log),
    Folder(Folder),
}

fn inspect(path: &Path) -> Result<Inspected, Box<dyn Error>> {
    if fs::metadata(path)?.is_dir() {
        let folder = Folder::read(path)?;
        return if folder.is_empty() {
            Err("no journal is in this folder".into())
        } else {
            Ok(Inspected::Folder(folder))
        };
    }
    let bytes = fs::read(path)?;
    match bytes.first_chunk() {
        Some(&snapshot::MAGIC) => Ok(Inspected::Snapshot(Snapshot::read(&bytes))),
        Some(&log::MAGIC) => Ok(Inspected::Log(Log::read(bytes))),
        None if bytes.is_empty() => Err("the file is empty, as is a log that was created ahead of time".into()),
        _ => Err("the file begins neither as a snapshot nor as a log".into()),
    }
}

/// Prints a report, and returns whether everything is whole.
fn report(path: &Path, out: &mut impl Write) -> Result<bool, Box<dyn Error>> {
    let is_whole = match inspect(path)? {
        Inspected::Snapshot(snapshot) => {
            write!(out, "{}: a snapshot, {} bytes\n{snapshot}", path.display(), snapshot.bytes)?;
            snapshot.damage.is_none()
        }
        Inspected::Log(log) => {
            write!(out, "{}: a log, {} bytes\n{log}", path.display(), log.bytes())?;
            !matches!(log.rest, Rest::Damage(_))
        }
        Inspected::Folder(folder) => {
            write!(out, "{}: a journal\n{folder}", path.display())?;
            folder.find().is_ok()
        }
    };
    out.flush()?;
    Ok(is_whole)
}

/// Prints all keys as JSON.
fn export(path: &Path, out: &mut impl Write) -> Result<bool, Box<dyn Error>> {
    let contents: Contents = match inspect(path)? {
        Inspected::Snapshot(Snapshot { damage: Some(damage), .. }) => {
            return Err(format!("the snapshot is damaged at byte {}: {}", damage.at, damage.what).into());
        }
        Inspected::Snapshot(snapshot) => snapshot.contents,
        Inspected::Log(_) => return Err("a log holds changes and no keys; export its folder".into()),
        Inspected::Folder(folder) => folder.find().map_err(|file| file.to_string())?.contents,
    };
    for line in contents.lines() {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(true)
}
