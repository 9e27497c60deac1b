//! The resident memory of a process, as Linux tells it.

use std::fs;

/// The anonymous pages of a process that lie in memory: heap, mapped tables and stacks, but no program text. Nothing where
/// the system does not tell.
///
/// They are those of `smaps_rollup`, which counts pages one by one. The sums of `statm` and `status` (`VmRSS`) may lag
/// by some 64 pages a core, which would be felt in a store of few megabytes.
pub(super) fn bytes(process: u32) -> Option<usize> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Anonymous:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? << 10)
}
