//! Every figure of `benches/README.md`, from one command: hashlet beside everything a user would take instead.
//!
//! ```sh
//! .ci/servers cargo run --release --manifest-path benches/rivals/Cargo.toml -- all
//! ```
//! measures, writes `results.jsonl` and from it the plots and the tables of `benches/README.md` and of the README, between
//! `<!-- figures:NAME -->` and `<!-- end -->`. An interrupted run goes on where it was when it is started again. `-- tables`
//! measures nothing and only writes tables and plots. Without words it says which parts there are and how long they take;
//! `--scale 0.01` tries everything in some minutes and leaves these pages alone. `.ci/servers` brings Redis and Valkey;
//! without them their columns are missing, and the command says so.
//!
//! - [`rivals`]: who is measured, all behind one trait
//! - [`data`], [`operations`]: with what, and by which calls
//! - [`parts`]: the families of figures
//! - [`schedule`], [`child`], [`results`]: in what order, each in a process of its own, and where it is kept
//! - [`report`]: the tables and the plots

mod arguments;
mod child;
#[path = "../../../examples/packages/control.rs"]
#[allow(dead_code, reason = "its tests and errors are for the example")]
mod control;
mod data;
mod environment;
mod folder;
#[path = "../../../tests/support/heap.rs"]
mod heap;
mod operations;
mod parts;
mod progress;
mod report;
mod results;
mod rivals;
mod schedule;
mod server;
#[path = "../../support/mod.rs"]
mod support;
mod threads;

use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use arguments::{Arguments, FULL};
use environment::{Environment, FOLDER};
use progress::say;
use results::Results;

#[cfg(not(feature = "mimalloc"))]
#[global_allocator]
static HEAP: heap::Switched = heap::Switched;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static HEAP: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RESULTS: &str = "results.jsonl";
/// Where the results of a smaller scale go.
const QUICK: &str = "quick";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == child::WORD) {
        return child::main(&words[1..]);
    }
    let arguments = match Arguments::parse(&words) {
        Ok(arguments) => arguments,
        Err(error) => {
            say(&format!("{error}\n\n{}", arguments::usage()));
            return ExitCode::FAILURE;
        }
    };
    match run(&arguments) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            say(&format!("{failed} cells FAILED; the same command tries them again"));
            ExitCode::FAILURE
        }
        Err(error) => {
            say(&format!("hashlet-rivals: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<usize> {
    let is_full = arguments.scale == FULL;
    let folder = Path::new(FOLDER).join(if is_full { "" } else { QUICK });
    fs::create_dir_all(&folder)?;
    let mut results = Results::read(&folder.join(RESULTS))?;
    let failed = if arguments.parts.is_empty() {
        0
    } else {
        for (name, variable) in rivals::SERVERS {
            if rivals::program(name).is_none() {
                say(&format!("WITHOUT {name}: neither {variable} nor the PATH leads to one; .ci/servers brings it"));
            }
        }
        schedule::run(arguments, &Environment::here(), &mut results)?
    };
    report::write(&results, &folder, is_full)?;
    Ok(failed)
}
