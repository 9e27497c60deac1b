//! What goes to one marked place: tables with what is said over and under them.

use super::table::Table;
use crate::results::Results;

pub(super) struct Block {
    /// Of the marked place.
    pub(super) name: &'static str,
    /// What the tables are called where they are listed.
    pub(super) title: &'static str,
    /// Where the figures come from.
    pub(super) part: &'static str,
    pub(super) text: String,
}

impl Block {
    /// Nothing when nothing was measured. A caption says what each figure is, and in which unit.
    pub(super) fn new(
        results: &Results,
        (name, part, title): (&'static str, &'static str, &'static str),
        tables: &[(&str, Table)],
        note: Option<&str>,
    ) -> Option<Self> {
        results.of(part).next()?;
        let tables = tables.iter().map(|(caption, table)| format!("{caption}:\n\n{}", table.markdown()));
        let mut texts: Vec<String> = tables.collect();
        texts.extend(note.map(|note| format!("{note}\n")));
        Some(Self { name, title, part, text: texts.join("\n") })
    }
}
