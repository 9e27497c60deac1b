//! A table in Markdown.

/// Which cell of a row is the best.
#[derive(Clone, Copy)]
pub(super) enum Best {
    Least,
    Most,
    /// Rows that do not compare anything.
    None,
}

pub(super) struct Table {
    /// What stands over the rows' names, and over each cell.
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<(String, Vec<Cell>)>,
    pub(super) best: Best,
}

#[derive(Clone)]
pub(super) struct Cell {
    text: String,
    /// What it is compared by.
    value: Option<f64>,
}

impl Cell {
    /// A figure, or nothing when it was not measured.
    pub(super) fn figure(value: Option<f64>) -> Self {
        Self { text: value.map_or("-".to_owned(), number), value }
    }

    /// A figure that is not compared with its neighbours: a bound, or what they are made of.
    pub(super) fn aside(value: Option<f64>) -> Self {
        Self { text: value.map_or("-".to_owned(), |value| format!("*{}*", number(value))), value: None }
    }

    pub(super) fn ratio(above: Option<f64>, below: Option<f64>) -> Self {
        let ratio = above.zip(below).map(|(above, below)| above / below);
        Self { text: ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")), value: None }
    }

    /// A figure and whose it is.
    pub(super) fn named(value: f64, name: &str) -> Self {
        Self { text: format!("{} ({name})", number(value)), value: Some(value) }
    }

    /// What is no figure.
    pub(super) fn words(text: &str) -> Self {
        Self { text: text.to_owned(), value: None }
    }

    /// More to say behind the figure.
    pub(super) fn with(mut self, text: &str) -> Self {
        if !self.is_empty() {
            self.text += text;
        }
        self
    }

    /// The text without emphasis.
    pub(super) fn plain(&self) -> &str {
        self.text.trim_matches('*')
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text == "-"
    }
}

/// A figure with three digits or so.
pub(super) fn number(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        100.0.. => 0,
        10.0..100.0 => 1,
        1.0..10.0 => 2,
        _ => 3,
    };
    grouped(&format!("{value:.digits$}"))
}

/// A count, every three digits apart.
pub(super) fn count(count: usize) -> String {
    grouped(&count.to_string())
}

fn grouped(text: &str) -> String {
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) && digit.is_ascii_digit() {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

impl Table {
    /// Leaves out columns without a figure: of subjects that only other groups of a part have.
    pub(super) fn without_empty_columns(mut self) -> Self {
        for column in (0..self.head.len() - 1).rev() {
            if self.rows.iter().all(|(_, cells)| cells[column].is_empty()) {
                self.head.remove(column + 1);
                self.rows.iter_mut().for_each(|(_, cells)| drop(cells.remove(column)));
            }
        }
        self
    }

    /// Rows without a figure are left out. Whoever looks as good as the best of a row is bold, too.
    pub(super) fn markdown(&self) -> String {
        let mut lines = vec![row(self.head.iter().cloned()), row(self.head.iter().map(|_| "---".to_owned()))];
        for (name, cells) in self.rows.iter().filter(|(_, cells)| !cells.iter().all(Cell::is_empty)) {
            let values = cells.iter().filter_map(|cell| cell.value);
            let best = match self.best {
                Best::Least => values.min_by(f64::total_cmp),
                Best::Most => values.max_by(f64::total_cmp),
                Best::None => None,
            };
            let cell = |cell: &Cell| match cell.value {
                Some(value) if best.is_some_and(|best| number(value) == number(best)) => format!("**{}**", cell.text),
                _ => cell.text.clone(),
            };
            lines.push(row(std::iter::once(name.clone()).chain(cells.iter().map(cell))));
        }
        lines.concat()
    }
}

fn row(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}
