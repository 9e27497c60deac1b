//! Puts tables where pages mark their places.

use std::path::PathBuf;
use std::{fs, io};

const END: &str = "<!-- end -->";

/// Replaces what stands between `<!-- figures:NAME -->` and `<!-- end -->` in these pages, and returns the names that no page
/// has a mark for.
pub(super) fn fill<'a>(texts: &[(&'a str, String)], pages: &[PathBuf]) -> io::Result<Vec<&'a str>> {
    let mut unplaced: Vec<&str> = texts.iter().map(|(name, _)| *name).collect();
    for path in pages {
        let before = fs::read_to_string(path)?;
        let mut page = before.clone();
        for (name, text) in texts {
            let mark = format!("<!-- figures:{name} -->");
            let Some(start) = page.find(&mark).map(|at| at + mark.len()) else { continue };
            let Some(length) = page[start..].find(END) else {
                return Err(io::Error::other(format!("{} has {mark} without {END} behind it", path.display())));
            };
            page.replace_range(start..start + length, &format!("\n{text}\n"));
            unplaced.retain(|unplaced| unplaced != name);
        }
        if page != before {
            fs::write(path, page)?;
        }
    }
    Ok(unplaced)
}
