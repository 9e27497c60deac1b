//! What is made of the results: the tables of the README and the plots.
//!
//! - [`table`]: a table in Markdown, its best cells bold
//! - [`tables`]: which tables there are
//! - [`readme`]: where they go
//! - [`plot`]: lines and bars as SVG
//! - [`plots`]: which plots there are

mod plot;
mod plots;
mod readme;
mod table;
mod tables;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::{fs, io};

use crate::environment::ROOT;
use crate::progress::say;
use crate::results::Results;

const TABLES: &str = "tables.md";
const PLOTS: &str = "plots";

/// Writes all tables into one file and all plots into a folder, and the tables into the README when they are of full
/// scale.
pub(crate) fn write(results: &Results, folder: &Path, is_full: bool) -> io::Result<()> {
    let blocks = tables::blocks(results);
    let text: Vec<_> = blocks.iter().map(|(name, text)| format!("## {name}\n\n{text}")).collect();
    fs::write(folder.join(TABLES), text.join("\n"))?;
    plots::draw(results, &folder.join(PLOTS))?;
    say(&format!("{} and {} are in {}", TABLES, PLOTS, folder.display()));
    if is_full {
        readme::insert(&blocks, &Path::new(ROOT).join("README.md"))?;
    }
    Ok(())
}
