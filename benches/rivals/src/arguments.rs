//! The words of the command.

use crate::parts::{self, PARTS, Part};

pub(crate) struct Arguments {
    pub(crate) parts: Vec<&'static Part>,
    pub(crate) scale: f64,
    pub(crate) repeats: usize,
    pub(crate) fresh: bool,
    pub(crate) baseline: bool,
}

pub(crate) const FULL: f64 = 1.0;
pub(crate) const REPEATS: usize = 3;

impl Arguments {
    /// What the words say, or what is wrong with them.
    pub(crate) fn parse(words: &[String]) -> Result<Self, String> {
        let mut new = Self { parts: Vec::new(), scale: FULL, repeats: REPEATS, fresh: false, baseline: false };
        let mut only_tables = false;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = |what| words.next().ok_or(format!("{word} wants {what}"));
            match word.as_str() {
                "--scale" => new.scale = number("a number")?.parse().map_err(|_| "--scale wants a number")?,
                "--repeats" => new.repeats = number("a count")?.parse().map_err(|_| "--repeats wants a count")?,
                "--fresh" => new.fresh = true,
                "--baseline" => new.baseline = true,
                "all" => new.parts = PARTS.to_vec(),
                "tables" => only_tables = true,
                name => new.parts.push(parts::find(name).ok_or_else(|| format!("nothing is called {name}"))?),
            }
        }
        if !(new.scale > 0.0 && new.scale <= FULL) || new.repeats == 0 {
            return Err("a scale is above 0 and at most 1, and one repeat is the least".to_owned());
        }
        if new.parts.is_empty() && !only_tables {
            return Err("nothing to measure is named".to_owned());
        }
        Ok(new)
    }
}

pub(crate) fn usage() -> String {
    let part = |part: &&Part| format!("  {:<13} {:>4.1} min  {}\n", part.name, part.minutes, part.about);
    let parts: String = PARTS.iter().map(part).collect();
    format!(
        "hashlet-rivals [all | tables | PART ...] [--scale X] [--repeats N] [--fresh] [--baseline]\n\n{parts}  \
         {:<13} {:>4.1} min  all of these, at full scale with {REPEATS} repeats on two cores\n  \
         {:<13} {:>8}  only render what is measured already\n\n\
         --scale X    sizes and counts times X, at most 1; below 1 the results go to `quick/`, and the pages stay\n\
         --repeats N  how often everything is measured ({REPEATS})\n\
         --fresh      forgets what is measured already of these parts, instead of going on from there\n\
         --baseline   makes these counts of instructions the ones that later ones are compared with\n",
        "all",
        PARTS.iter().map(|part| part.minutes).sum::<f64>(),
        "tables",
        ""
    )
}
