//! On what the figures were measured: machine, allocator, versions. Figures of different environments are never mixed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::rivals;

/// The folder of this workspace.
pub(crate) const FOLDER: &str = env!("CARGO_MANIFEST_DIR");
/// The folder of the crate.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Crates whose versions stand under the tables.
const CRATES: [&str; 14] = [
    "ahash",
    "bincode",
    "dashmap",
    "fjall",
    "hashbrown",
    "hashlet",
    "kevy-embedded",
    "moka",
    "papaya",
    "parking_lot",
    "quick_cache",
    "redb",
    "redis",
    "scc",
];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Environment {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory: String,
    pub(crate) kernel: String,
    pub(crate) allocator: String,
    pub(crate) rustc: String,
    /// Those of the lock file.
    pub(crate) crates: BTreeMap<String, String>,
    /// Those that are named to this process.
    pub(crate) servers: BTreeMap<String, String>,
    /// A checksum of the sources of hashlet, which has one version for many states.
    pub(crate) sources: String,
}

impl Environment {
    pub(crate) fn here() -> Self {
        let unknown = || "unknown".to_owned();
        Self {
            cpu: told_by("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: cores(),
            memory: told_by("/proc/meminfo", "MemTotal").map_or_else(unknown, |kib| gib(&kib)),
            kernel: first_line("uname", &["-sr"]).map_or_else(unknown, |version| without_suffix(&version)),
            allocator: first_line("getconf", &["GNU_LIBC_VERSION"]).unwrap_or_else(|| "the system's".to_owned()),
            rustc: first_line("rustc", &["--version"]).unwrap_or_else(unknown),
            crates: crates(),
            servers: rivals::SERVERS
                .iter()
                .filter_map(|(name, _)| Some(((*name).to_owned(), rivals::version(name)?)))
                .collect(),
            sources: sources(),
        }
    }

    /// A short name for it. Servers do not count: who measures without them keeps the rest.
    pub(crate) fn id(&self) -> String {
        let without = Self { servers: BTreeMap::new(), ..self.clone() };
        checksum(serde_json::to_string(&without).expect("it is text").as_bytes())
    }

    /// What figures depend on, a fact each.
    pub(crate) fn facts(&self) -> Vec<String> {
        let machine = [self.cpu.clone(), format!("{} cores", self.cores), self.memory.clone()];
        let system = [self.kernel.clone(), self.allocator.clone(), self.rustc.clone()];
        let crates = self.crates.iter().map(|(name, version)| format!("{name} {version}"));
        let servers = self.servers.iter().map(|(name, version)| format!("the server {name} {version}"));
        let sources = format!("sources of hashlet {}", self.sources);
        machine.into_iter().chain(system).chain(crates).chain(servers).chain([sources]).collect()
    }
}

/// The cores of the machine, also where this process may use only some of them.
fn cores() -> usize {
    let told = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    match told.lines().filter(|line| line.starts_with("processor")).count() {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        cores => cores,
    }
}

/// The first line that a program prints.
pub(crate) fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().filter(|_| output.status.success()).map(str::to_owned)
}

/// A kernel's version without what its builder has added.
fn without_suffix(version: &str) -> String {
    version.split('-').next().unwrap_or_default().to_owned()
}

/// The value of the first `name : value` of a file of the kernel.
fn told_by(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn gib(kib: &str) -> String {
    let kib = kib.split(' ').next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0);
    format!("{:.0} GiB", kib / f64::from(1 << 20))
}

fn crates() -> BTreeMap<String, String> {
    let lock = fs::read_to_string(Path::new(FOLDER).join("Cargo.lock")).unwrap_or_default();
    let quoted = |line: &str, name| Some(line.strip_prefix(name)?.strip_suffix('"')?.to_owned());
    let mut versions = BTreeMap::new();
    let mut package = String::new();
    for line in lock.lines() {
        if let Some(name) = quoted(line, "name = \"") {
            package = name;
        } else if let Some(version) = quoted(line, "version = \"")
            && CRATES.contains(&package.as_str())
        {
            versions.insert(package.clone(), version); // the newest comes last, and is the one used here
        }
    }
    versions
}

fn sources() -> String {
    let mut paths = Vec::new();
    list(&Path::new(ROOT).join("src"), &mut paths);
    paths.sort();
    let bytes: Vec<_> = paths.iter().filter_map(|path| fs::read(path).ok()).flatten().collect();
    checksum(&bytes)
}

fn list(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            list(&entry.path(), paths);
        } else {
            paths.push(entry.path());
        }
    }
}

fn checksum(bytes: &[u8]) -> String {
    format!("{:08x}", crc32c::crc32c(bytes))
}

/// The day in Greenwich, `2026-11-22`.
pub(crate) fn today() -> String {
    let days = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() / 86_400);
    // Counted from the first of March of the year 0, so that the leap day is a year's last.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, year) = if month < 10 { (month + 3, year) } else { (month - 9, year + 1) };
    format!("{:04}-{month:02}-{day:02}", year + era * 400)
}
