//! Debian's control files: records of `Field: value` lines, separated by blank lines.
//!
//! ```text
//! Package: hello
//! Version: 2.10-3
//! Description: example package based on GNU hello
//!  The GNU hello program produces a familiar, friendly greeting.
//!  .
//!  It allows non-programmers to use a classic computer science tool.
//! ```
//! A line that begins with a space or a tab continues the value above it. A value keeps such lines unchanged, so that
//! it can be written back. Its first line is stored without the blanks around it. Lines that begin with `#` are
//! comments. See deb822(5).

use std::fmt;

/// One package: its fields in the order of the file.
pub(crate) type Record = Vec<(String, String)>;

/// A line that does not belong into a control file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// The number of the line, counted from 1.
    pub(crate) line: usize,
    pub(crate) what: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for Malformed {}

/// Reads all records of a control file.
pub(crate) fn parse(file: &[u8]) -> Result<Vec<Record>, Malformed> {
    let mut records = Vec::new();
    let mut record = Record::new();
    for (number, bytes) in file.split(|byte| *byte == b'\n').enumerate() {
        let malformed = |what| Malformed { line: number + 1, what };
        let line = std::str::from_utf8(bytes).map_err(|_| malformed("not UTF-8"))?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() {
            if !record.is_empty() {
                records.push(std::mem::take(&mut record));
            }
        } else if line.starts_with([' ', '\t']) {
            let (_, value) =
                record.last_mut().ok_or_else(|| malformed("continues a field, but there is none above"))?;
            value.push('\n');
            value.push_str(line);
        } else if !line.starts_with('#') {
            let (field, value) = line.split_once(':').ok_or_else(|| malformed("neither `Field: value` nor blank"))?;
            if field.is_empty() || field.contains(char::is_whitespace) {
                return Err(malformed("a field name is empty or has a blank in it"));
            }
            if record.iter().any(|(known, _)| known == field) {
                return Err(malformed("the record has this field already"));
            }
            record.push((field.to_owned(), value.trim().to_owned()));
        }
    }
    if !record.is_empty() {
        records.push(record);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(fields: &[(&str, &str)]) -> Record {
        fields.iter().map(|&(field, value)| (field.to_owned(), value.to_owned())).collect()
    }

    fn malformed(file: &[u8]) -> (usize, &'static str) {
        let error = parse(file).expect_err("malformed");
        (error.line, error.what)
    }

    #[test]
    fn blank_lines_part_records() {
        let two = vec![record(&[("Package", "a"), ("Version", "1:2")]), record(&[("Package", "b")])];
        assert_eq!(parse(b"Package: a\nVersion: 1:2\n\nPackage: b\n"), Ok(two.clone()));
        assert_eq!(parse(b"\n\nPackage:a\r\nVersion:\t1:2 \n \n\t\n\nPackage: b"), Ok(two));
    }

    #[test]
    fn continued_values_keep_their_lines() {
        let file = b"Conffiles:\n /etc/a 0123\n /etc/b 4567\nDescription: short\n long\n .\n\tend\n";
        let conffiles = ("Conffiles", "\n /etc/a 0123\n /etc/b 4567");
        let description = ("Description", "short\n long\n .\n\tend");
        assert_eq!(parse(file), Ok(vec![record(&[conffiles, description])]));
    }

    #[test]
    fn comments_are_no_part_of_a_record() {
        let file = b"# of the file\nPackage: a\n# of a field\nTag: x,\n# of a value\n y\n";
        assert_eq!(parse(file), Ok(vec![record(&[("Package", "a"), ("Tag", "x,\n y")])]));
    }

    #[test]
    fn an_empty_file_has_no_records() {
        assert_eq!(parse(b""), Ok(vec![]));
        assert_eq!(parse(b"\n# nothing\n\n"), Ok(vec![]));
    }

    #[test]
    fn malformed_lines_are_named() {
        assert_eq!(malformed(b" continued\n").0, 1);
        assert_eq!(malformed(b"Package: a\n\n continued\n"), (3, "continues a field, but there is none above"));
        assert_eq!(malformed(b"Package: a\njust a line\n"), (2, "neither `Field: value` nor blank"));
        assert_eq!(malformed(b": value\n").1, "a field name is empty or has a blank in it");
        assert_eq!(malformed(b"two words: value\n").1, "a field name is empty or has a blank in it");
        assert_eq!(malformed(b"A: 1\nB: 2\nA: 3\n"), (3, "the record has this field already"));
        assert_eq!(malformed(b"A: 1\nB: \xFF\n"), (2, "not UTF-8"));
    }
}
