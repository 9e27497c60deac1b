//! hashlet and a DashMap on glibc's allocator and on mimalloc, each with pages as they come and with huge pages.
//!
//! As in the part `beside`, both work at the same time, each on a core of its own, and change cores from one repeat to
//! the next. glibc asks the kernel for huge pages if `GLIBC_TUNABLES` says so. That needs `always` or `madvise` in
//! `/sys/kernel/mm/transparent_hugepage/enabled`, but no root and no pages set aside. mimalloc has a variable for it too.
//! Times are the processor's. The figure `huge` tells how many bytes of a store really are on huge pages.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::thread;

use super::{Part, instructions, operations};
use crate::child::{self, Figures, Task};
use crate::data::{Data, generator, scaled};
use crate::operations::Operation::{self, Get, MissingKey, Remove, SetNew, SetOther, SetSame};
use crate::operations::Requests;
use crate::rivals::with_rival;
use crate::support::random::Random;
use crate::support::rival::Rival;
use crate::support::rounds::median;
use crate::support::workload::SEED;
use crate::threads::cpu_time;

pub(crate) const PART: Part = Part {
    name: "allocators",
    about: "hashlet and a DashMap on two allocators, with huge pages and without",
    groups: &["glibc", "glibc_huge", "mimalloc", "mimalloc_huge"],
    subjects: |_| super::alone(),
    repeats: 1,
    minutes: 8.0,
    run: measure,
};

/// The first argument of a process that measures one rival on the allocator that it has.
pub(crate) const WORD: &str = "allocator";

/// The groups, each with the variable that it sets.
pub(crate) const SETTINGS: [(&str, Option<(&str, &str)>); 4] = [
    ("glibc", None),
    ("glibc_huge", Some(("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"))),
    ("mimalloc", None),
    ("mimalloc_huge", Some(("MIMALLOC_ALLOW_LARGE_OS_PAGES", "1"))),
];
pub(crate) const OPERATIONS: [&str; 6] = ["get", "missing_key", "set_same", "set_new", "remove", "set_other"];
const RIVALS: [&str; 2] = ["hashlet", "dashmap"];
const REPEATS: usize = 5;
const REQUESTS: usize = 50_000;
const ROUNDS: usize = 3;

fn measure(task: &Task, scale: f64) -> Figures {
    let program = if task.group.starts_with("mimalloc") { on_mimalloc() } else { this() };
    let variables = SETTINGS.iter().find(|(group, _)| *group == task.group).and_then(|(_, variable)| *variable);
    let variables: Vec<_> = variables.into_iter().collect();
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for repeat in 0..REPEATS {
        let figures = |rival: usize| {
            let core = (repeat + rival) % 2;
            let arguments = [WORD, RIVALS[rival], &scale.to_string()];
            let text = child::start_as(&program, &variables, Some(core), &arguments, None);
            let text = text.unwrap_or_else(|error| panic!("{task:?}: {error}"));
            serde_json::from_str::<Figures>(&text).expect("figures")
        };
        let (ours, theirs) = thread::scope(|scope| {
            let theirs = scope.spawn(|| figures(1));
            (figures(0), theirs.join().expect("its figures"))
        });
        for (name, figure) in &ours {
            all.entry(format!("hashlet/{name}")).or_default().push(*figure);
            all.entry(format!("dashmap/{name}")).or_default().push(theirs[name]);
            if let Some(name) = name.strip_suffix(" ns") {
                all.entry(format!("{name} x")).or_default().push(theirs[&format!("{name} ns")] / figure);
            }
        }
    }
    all.into_iter().map(|(name, figures)| (name, median(figures))).collect()
}

fn this() -> PathBuf {
    std::env::current_exe().expect("the path of this program")
}

/// This program with mimalloc, in a folder of its own beside that of this one.
fn on_mimalloc() -> PathBuf {
    let this = this();
    let target = this.ancestors().nth(2).expect("a program is built into target/release").join("mimalloc");
    let target = target.to_str().expect("a path in UTF-8");
    instructions::build(&["--features", "mimalloc", "--bin", "hashlet-rivals", "--target-dir", target])
}

/// What one rival takes on the allocator of this process.
pub(crate) fn measure_one(rival: &str, scale: f64) -> Figures {
    with_rival!(shared rival, R => measure_rival::<R>(scale))
}

fn measure_rival<R: Rival>(scale: f64) -> Figures {
    // The store comes first. An allocator can keep what the making of the data has freed, and give it to the store.
    let (count, piece) = generator("profiles");
    let keys = scaled(count, scale);
    let before = [resident(), on_huge_pages()];
    let store = R::new();
    for (key, pairs) in (0..keys).map(piece) {
        let pairs: Vec<_> = pairs.iter().map(|(field, value)| (&field[..], &value[..])).collect();
        assert_eq!(store.set_many(&key, &pairs), pairs.len());
    }
    let bytes = |now: f64, before: f64| (now - before) / keys as f64;
    let mut figures = Figures::from([
        ("resident bytes".to_owned(), bytes(resident(), before[0])),
        ("huge bytes".to_owned(), bytes(on_huge_pages(), before[1])),
    ]);
    let data = Data::new("profiles", scale);
    let count = operations::requests::<R>(REQUESTS, scale);
    let mut random = Random::new(SEED);
    let mut order: Vec<usize> = (0..data.len()).collect();
    random.shuffle(&mut order);
    let mut times: BTreeMap<Operation, Vec<f64>> = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut time = |requests: &Requests, operation| {
            times.entry(operation).or_default().push(processor_time(requests, &store));
        };
        let mut next = order.iter().cycle().skip(round * count);
        let new_fields = Requests::draw(&data, SetNew, count, &mut random, |_| *next.next().expect("a cycle"));
        time(&new_fields, SetNew);
        time(&new_fields.turned_into(Remove), Remove);
        for operation in [Get, MissingKey, SetSame, SetOther] {
            let requests = Requests::draw(&data, operation, count, &mut random, |random| random.below(data.len()));
            time(&requests, operation);
            if operation == SetOther {
                requests.undo(&store, &data);
            }
        }
    }
    for (operation, times) in times {
        figures.insert(format!("{} ns", operation.name()), median(times));
    }
    super::leave(store);
    figures
}

/// The processor's time of a request in nanoseconds. Other programs hardly change it.
fn processor_time<R: Rival>(requests: &Requests, store: &R) -> f64 {
    let start = cpu_time();
    let sum = requests.work(store);
    let time = cpu_time() - start;
    requests.check(sum);
    time.as_secs_f64() * 1e9 / requests.len() as f64
}

/// The bytes of this process that are in memory.
fn resident() -> f64 {
    kib("/proc/self/status", "VmRSS:")
}

/// Those of them that are on huge pages.
fn on_huge_pages() -> f64 {
    kib("/proc/self/smaps_rollup", "AnonHugePages:")
}

/// A line of a file of the kernel, in bytes. 0 where there is none.
fn kib(path: &str, name: &str) -> f64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) * 1024.0
}
