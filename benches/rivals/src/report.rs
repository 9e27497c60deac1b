//! What is made of the results: the tables of `benches/README.md`, the one table of the README, and the plots.
//!
//! - [`table`]: a table in Markdown, its best cells bold
//! - [`block`]: tables with what is said over and under them
//! - [`tables`], [`alone`]: which tables there are, with rivals and of hashlet alone
//! - [`journal`]: the table of the journal, with what is wanted of it
//! - [`eviction`]: the tables of a store as a cache
//! - [`remote`]: the table of hashlet on a server, with what is wanted of it
//! - [`front`]: the table of the README
//! - [`runs`]: when and where all of it was measured, told once
//! - [`words`]: what the names of results are called where people read them
//! - [`places`]: where tables go
//! - [`plot`]: lines and bars as SVG
//! - [`plots`]: which plots there are

mod alone;
mod block;
mod eviction;
mod front;
mod journal;
mod places;
mod plot;
mod plots;
mod remote;
mod runs;
mod table;
mod tables;
#[cfg(test)]
mod tests;
mod threads;
mod words;

use std::path::Path;
use std::{fs, io};

use crate::environment::ROOT;
use crate::progress::say;
use crate::results::Results;

const TABLES: &str = "tables.md";
const PLOTS: &str = "plots";
/// The pages with marked places.
const PAGES: [&str; 2] = ["README.md", "benches/README.md"];

/// Writes all tables into one file and all plots into a folder, and the tables into the pages when they are of full
/// scale.
pub(crate) fn write(results: &Results, folder: &Path, is_full: bool) -> io::Result<()> {
    let blocks = tables::blocks(results);
    let runs = runs::block(results, &blocks);
    let mut texts: Vec<(&str, String)> = blocks.into_iter().map(|block| (block.name, block.text)).collect();
    texts.push(("runs", runs));
    texts.extend(front::text(results).map(|text| ("front", text)));
    let text: Vec<_> = texts.iter().map(|(name, text)| format!("## {name}\n\n{text}")).collect();
    fs::write(folder.join(TABLES), text.join("\n"))?;
    plots::draw(results, &folder.join(PLOTS))?;
    say(&format!("{} and {} are in {}", TABLES, PLOTS, folder.display()));
    if is_full {
        let paths = PAGES.map(|page| Path::new(ROOT).join(page));
        let unplaced = places::fill(&texts, &paths)?;
        let without =
            if unplaced.is_empty() { "every one".to_owned() } else { format!("all but {}", unplaced.join(", ")) };
        say(&format!("tables in {}: {without}", PAGES.join(" and ")));
    }
    Ok(())
}
