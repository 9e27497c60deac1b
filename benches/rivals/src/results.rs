//! The one machine-readable file: a line of JSON for each environment and each cell, a cell being one subject of one
//! group of one part, measured once. Lines are appended as they come, so that an interruption loses one cell.

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::child::{Figures, Task};
use crate::environment::{self, Environment};
use crate::rivals;
use crate::support::rounds::median;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Environment(Environment),
    Cell(Cell),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// The [`Environment::id`] of where it was measured.
    pub(crate) environment: String,
    pub(crate) date: String,
    pub(crate) scale: f64,
    pub(crate) part: String,
    pub(crate) group: String,
    pub(crate) subject: String,
    pub(crate) repeat: usize,
    pub(crate) seconds: f64,
    pub(crate) figures: Figures,
}

pub(crate) struct Results {
    path: PathBuf,
    environments: Vec<Environment>,
    cells: Vec<Cell>,
}

impl Results {
    /// Reads what is there. A last line that an interruption has cut short is left out.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let mut new = Self { path: path.into(), environments: Vec::new(), cells: Vec::new() };
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(new),
            text => text?,
        };
        for (number, line) in text.lines().enumerate() {
            match serde_json::from_str(line) {
                Ok(Line::Environment(environment)) => new.environments.push(environment),
                Ok(Line::Cell(cell)) => new.cells.push(cell),
                Err(_) if !text.ends_with('\n') && number + 1 == text.lines().count() => new.rewrite()?,
                Err(error) => return Err(io::Error::other(format!("{}:{}: {error}", path.display(), number + 1))),
            }
        }
        Ok(new)
    }

    /// Leaves out cells, and environments that have none left.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Cell) -> bool) -> io::Result<()> {
        let before = self.cells.len();
        self.cells.retain(keep);
        if self.cells.len() == before {
            return Ok(());
        }
        let cells = &self.cells;
        self.environments.retain(|environment| cells.iter().any(|cell| cell.environment == environment.id()));
        self.rewrite()
    }

    fn rewrite(&self) -> io::Result<()> {
        let environments = self.environments.iter().cloned().map(Line::Environment);
        let lines = environments.chain(self.cells.iter().cloned().map(Line::Cell));
        let text: String = lines.map(|line| text(&line)).collect();
        let new = self.path.with_extension("new");
        fs::write(&new, text)?;
        fs::rename(new, &self.path)
    }

    pub(crate) fn has(&self, task: &Task, repeat: usize) -> bool {
        self.of(&task.part)
            .any(|cell| cell.group == task.group && cell.subject == task.subject && cell.repeat == repeat)
    }

    /// Adds what was measured here and now.
    pub(crate) fn append(
        &mut self,
        task: &Task,
        environment: &Environment,
        (scale, repeat, seconds): (f64, usize, f64),
        figures: Figures,
    ) -> io::Result<()> {
        let cell = Cell {
            environment: environment.id(),
            date: environment::today(),
            scale,
            part: task.part.clone(),
            group: task.group.clone(),
            subject: task.subject.clone(),
            repeat,
            seconds,
            figures,
        };
        let mut lines = String::new();
        if !self.environments.contains(environment) {
            self.environments.push(environment.clone());
            lines += &text(&Line::Environment(environment.clone()));
        }
        lines += &text(&Line::Cell(cell.clone()));
        self.cells.push(cell);
        let mut file = File::options().create(true).append(true).open(&self.path)?;
        file.write_all(lines.as_bytes())?;
        file.sync_data()
    }

    /// The cells of a part.
    pub(crate) fn of<'a>(&'a self, part: &'a str) -> impl Iterator<Item = &'a Cell> {
        self.cells.iter().filter(move |cell| cell.part == part)
    }

    /// The subjects of a part, in the order of tables.
    pub(crate) fn subjects<'a>(&'a self, part: &'a str) -> Vec<&'a str> {
        let mut subjects: Vec<&str> = Vec::new();
        for cell in self.of(part).filter(|cell| cell.repeat == 0) {
            if !subjects.contains(&cell.subject.as_str()) {
                subjects.push(&cell.subject);
            }
        }
        subjects.sort_by_key(|subject| rivals::place(subject));
        subjects
    }

    /// The median of a figure over the repeats.
    pub(crate) fn median(&self, part: &str, group: &str, subject: &str, figure: &str) -> Option<f64> {
        let cells = self.of(part).filter(|cell| cell.group == group && cell.subject == subject);
        let figures: Vec<_> = cells.filter_map(|cell| cell.figures.get(figure).copied()).collect();
        (!figures.is_empty()).then(|| median(figures))
    }

    /// The day on which a part was measured, or the first and the last.
    pub(crate) fn date(&self, part: &str) -> Option<String> {
        let first = self.of(part).map(|cell| &cell.date).min()?;
        let last = self.of(part).map(|cell| &cell.date).max()?;
        Some(if first == last { first.clone() } else { format!("{first} to {last}") })
    }

    /// Where a part was measured: the last environment that tells of it, with the servers that were there.
    pub(crate) fn environment(&self, part: &str) -> Option<&Environment> {
        let id = &self.of(part).last()?.environment;
        let all = self.environments.iter().filter(|environment| environment.id() == *id);
        all.max_by_key(|environment| environment.servers.len())
    }
}

fn text(line: &Line) -> String {
    serde_json::to_string(line).expect("a line is text") + "\n"
}
