//! Puts tables where the README marks their places.

use std::path::Path;
use std::{fs, io};

use crate::progress::say;

const END: &str = "<!-- end -->";

/// Replaces what stands between `<!-- figures:NAME -->` and `<!-- end -->`, for each name that has a mark.
pub(super) fn insert(blocks: &[(&str, String)], path: &Path) -> io::Result<()> {
    let before = fs::read_to_string(path)?;
    let mut text = before.clone();
    let (mut inserted, mut unmarked) = (Vec::new(), Vec::new());
    for (name, block) in blocks {
        let mark = format!("<!-- figures:{name} -->");
        let Some(start) = text.find(&mark).map(|at| at + mark.len()) else {
            unmarked.push(*name);
            continue;
        };
        let Some(length) = text[start..].find(END) else {
            return Err(io::Error::other(format!("README.md has {mark} without {END} behind it")));
        };
        text.replace_range(start..start + length, &format!("\n{block}\n"));
        inserted.push(*name);
    }
    if text != before {
        fs::write(path, text)?;
    }
    say(&format!("README.md: {} tables; without a mark: {}", inserted.len(), unmarked.join(", ")));
    Ok(())
}
