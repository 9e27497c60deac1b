//! One hash in each encoding beside a bare `HashMap<Box<[u8]>, Box<[u8]>>`: what the default thresholds rest on.
//!
//! `cargo bench --bench encoding` measures with criterion. `cargo bench --bench encoding -- --ratios` runs the same
//! workloads in interleaved rounds and prints `workload/fields subject figure unit`: `ns` is the median time of one
//! operation, `x_hashbrown` that time as a multiple of the bare map's (1.45 is slower than it), `bytes` what one hash
//! has asked of the allocator. It adds two families on which `max_packed_bytes` rests: replacing one value in hashes
//! of 1 to 60 KiB, once of many short values (`replace_other/4096B`) and once of eight long ones
//! (`replace_other/4096B_in_8`).
//!
//! - The map is std's, which is hashbrown's, with ahash, as hashlet uses: no lock, no store, nothing around it.
//! - A field is `field0007`, a value has 23 letters: 32 bytes, 33 with their length in a packed hash.
//! - **No lookup is predictable.** About 4,096 fields are alive at a time, in as many hashes as that makes (4,096 of 1
//!   field, 32 of 128), which fits the second-level cache in every form. Each operation picks one of these hashes and
//!   one of its fields at random, and every round draws anew, so neither branches nor addresses can be learnt.
//! - A lookup hands out a borrowed value and looks at its length only. Lookups do not wait for each other.
//! - `replace_other` writes a value of 16 to 30 letters over another such, so 1 in 15 has the old length.
//! - `build` fills an empty hash in one call, `grow` field by field; both give the time of one field, without the drop.

mod support;

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};

use support::random::Random;
use support::rounds::{Rounds, line, say};
use support::subject::{Hashbrown, Packed, Subject, Table};
use support::workload::{SEED, letters};

/// Fields alive at a time.
const ALIVE: usize = 4_096;
/// Operations in a round.
const QUERIES: usize = 32_768;
const ROUNDS: usize = 31;
/// Fields in a hash.
const SIZES: [usize; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const VALUE_BYTES: usize = 23;
/// Bytes of packed entries in a hash.
const PACKED_BYTES: [usize; 9] = [1_024, 2_048, 4_096, 8_192, 16_384, 24_576, 32_768, 49_152, 61_440];
const LONG_VALUES: usize = 8;

fn main() {
    let ratios = std::env::args().any(|argument| argument == "--ratios");
    if support::smoke() {
        print_ratios(&[1, 8, 128], &[4_096], 1, 1_024);
    } else if ratios {
        print_ratios(&SIZES, &PACKED_BYTES, ROUNDS, QUERIES);
    }
    if !ratios {
        measure_with_criterion();
    }
}

#[derive(Clone, Copy)]
enum Workload {
    Hit,
    Miss,
    Build,
    Grow,
    ReplaceSame,
    ReplaceOther,
}

const WORKLOADS: [(&str, Workload); 6] = [
    ("hit", Workload::Hit),
    ("miss", Workload::Miss),
    ("build", Workload::Build),
    ("grow", Workload::Grow),
    REPLACE_SAME,
    REPLACE_OTHER,
];
const REPLACE_SAME: (&str, Workload) = ("replace_same", Workload::ReplaceSame);
const REPLACE_OTHER: (&str, Workload) = ("replace_other", Workload::ReplaceOther);

/// How many hashes of what fields are alive.
struct Shape {
    hashes: usize,
    fields: Vec<String>,
    absent: Vec<String>,
    value: String,
    /// Lengths of other values: the usual one, a third more or less.
    other: std::ops::Range<usize>,
    letters: String,
}

impl Shape {
    fn new(fields: usize, value_bytes: usize) -> Self {
        let letters = letters(&mut Random::new(SEED), value_bytes * 2);
        Self {
            hashes: (ALIVE / fields).max(4),
            fields: (0..fields).map(|i| format!("field{i:04}")).collect(),
            absent: (0..fields).map(|i| format!("other{i:04}")).collect(),
            value: letters[..value_bytes].to_owned(),
            other: value_bytes - value_bytes / 3..value_bytes + value_bytes / 3 + 1,
            letters,
        }
    }

    fn queries(&self, count: usize, random: &mut Random) -> Vec<Query> {
        let query = |_| Query {
            hash: random.below(self.hashes) as u16,
            field: random.below(self.fields.len()) as u16,
            length: (self.other.start + random.below(self.other.len())) as u16,
        };
        (0..count).map(query).collect()
    }
}

/// One operation: on which field of which hash, and the length of another value for it.
struct Query {
    hash: u16,
    field: u16,
    length: u16,
}

/// The hashes of one subject, all of one shape.
struct Alive<'a, S> {
    shape: &'a Shape,
    hashes: Vec<S>,
}

impl<'a, S: Subject> Alive<'a, S> {
    fn new(shape: &'a Shape) -> Self {
        let hashes = (0..shape.hashes).map(|_| S::build(&shape.fields, &shape.value)).collect();
        Self { shape, hashes }
    }

    /// Does what every query asks, or builds every hash anew, and says how long that took.
    fn run(&mut self, workload: Workload, queries: &[Query]) -> Duration {
        let Shape { fields, absent, value, letters, .. } = self.shape;
        match workload {
            Workload::Hit => self.look_up(fields, queries, queries.len() * value.len()),
            Workload::Miss => self.look_up(absent, queries, 0),
            Workload::Build => self.renew(|| S::build(fields, value)),
            Workload::Grow => self.renew(|| {
                let mut hash = S::new();
                assert!(fields.iter().all(|field| hash.set(field, value)));
                hash
            }),
            Workload::ReplaceSame => self.replace(queries, |_| value),
            Workload::ReplaceOther => self.replace(queries, |query| &letters[..query.length.into()]),
        }
    }

    fn look_up(&self, fields: &[String], queries: &[Query], expected: usize) -> Duration {
        let start = Instant::now();
        let mut bytes = 0;
        for query in queries {
            let hash = &self.hashes[usize::from(query.hash)];
            bytes += hash.get(&fields[usize::from(query.field)]).map_or(0, <[u8]>::len);
        }
        let time = start.elapsed();
        assert_eq!(bytes, expected);
        time
    }

    fn replace<'v>(&mut self, queries: &[Query], value: impl Fn(&Query) -> &'v str) -> Duration {
        let start = Instant::now();
        let mut new = 0;
        for query in queries {
            let hash = &mut self.hashes[usize::from(query.hash)];
            let field = &self.shape.fields[usize::from(query.field)];
            new += usize::from(hash.set(field, value(query)));
        }
        let time = start.elapsed();
        assert_eq!(new, 0);
        time
    }

    fn renew(&mut self, hash: impl Fn() -> S) -> Duration {
        let start = Instant::now();
        let hashes = (0..self.hashes.len()).map(|_| hash()).collect();
        let time = start.elapsed();
        self.hashes = hashes;
        time
    }

    /// How many operations one run does.
    fn operations(&self, workload: Workload, queries: &[Query]) -> usize {
        match workload {
            Workload::Build | Workload::Grow => self.hashes.len() * self.shape.fields.len(),
            _ => queries.len(),
        }
    }
}

fn print_ratios(sizes: &[usize], packed_bytes: &[usize], rounds: usize, operations: usize) {
    let mut random = Random::new(SEED);
    for &fields in sizes {
        let shape = Shape::new(fields, VALUE_BYTES);
        for (name, workload) in WORKLOADS {
            compare(&format!("{name}/{fields}"), workload, &shape, rounds, operations, &mut random);
        }
        let name = format!("memory/{fields}");
        let packed = Packed::build(&shape.fields, &shape.value).0.memory_usage();
        let table = Table::build(&shape.fields, &shape.value).0.memory_usage();
        line(&name, Packed::NAME, packed as f64, "bytes");
        line(&name, Table::NAME, table as f64, "bytes");
    }
    say("");
    for &bytes in packed_bytes {
        // An entry is its field, its value, and a byte for the length of the field.
        let short = Shape::new(bytes / (9 + VALUE_BYTES + 1), VALUE_BYTES);
        let long = Shape::new(LONG_VALUES, bytes / LONG_VALUES - 10);
        for (name, workload) in [REPLACE_SAME, REPLACE_OTHER] {
            for (shape, kind) in [(&short, ""), (&long, "_in_8")] {
                let name = format!("{name}/{bytes}B{kind}");
                compare(&name, workload, shape, rounds, operations, &mut random);
            }
        }
    }
}

/// Prints the times of the three subjects, and each beside the bare map's.
fn compare(name: &str, workload: Workload, shape: &Shape, rounds: usize, operations: usize, random: &mut Random) {
    if !support::wanted(name) {
        return;
    }
    let mut packed = Alive::<Packed>::new(shape);
    let mut table = Alive::<Table>::new(shape);
    let mut hashbrown = Alive::<Hashbrown>::new(shape);
    let queries: Vec<_> = (0..rounds).map(|_| shape.queries(operations, random)).collect();
    let operations = packed.operations(workload, &queries[0]) as f64;
    let times = Rounds::run(
        rounds,
        &mut [
            &mut |round| packed.run(workload, &queries[round]),
            &mut |round| table.run(workload, &queries[round]),
            &mut |round| hashbrown.run(workload, &queries[round]),
        ],
    );
    for (subject, name_of) in [Packed::NAME, Table::NAME, Hashbrown::NAME].into_iter().enumerate() {
        line(name, name_of, times.median(subject) / operations * 1e9, "ns");
    }
    line(name, Packed::NAME, times.ratio(0, 2), "x_hashbrown");
    line(name, Table::NAME, times.ratio(1, 2), "x_hashbrown");
}

fn measure_with_criterion() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(20)
        .configure_from_args();
    for (name, workload) in WORKLOADS {
        for fields in SIZES {
            let shape = Shape::new(fields, VALUE_BYTES);
            measure_one::<Packed>(&mut criterion, name, workload, &shape);
            measure_one::<Table>(&mut criterion, name, workload, &shape);
            measure_one::<Hashbrown>(&mut criterion, name, workload, &shape);
        }
    }
    criterion.final_summary();
}

fn measure_one<S: Subject>(criterion: &mut Criterion, name: &str, workload: Workload, shape: &Shape) {
    let mut alive = Alive::<S>::new(shape);
    let queries = shape.queries(QUERIES, &mut Random::new(SEED));
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(alive.operations(workload, &queries) as u64));
    group.bench_function(BenchmarkId::new(S::NAME, shape.fields.len()), |bencher| {
        bencher.iter_custom(|runs| (0..runs).map(|_| alive.run(workload, &queries)).sum());
    });
    group.finish();
}
