//! What single operations take on one thread: all of them on the profiles, uniform and by Zipf's law, and the common
//! ones on the other shapes.

use super::Part;
use crate::child::{Figures, Task};
use crate::data::{Data, SHAPES, scaled};
use crate::operations::Operation::{self, *};
use crate::operations::Requests;
use crate::rivals::{UNSHAPED, with_rival};
use crate::support::random::{Random, Zipf};
use crate::support::rival::Rival;
use crate::support::rounds::median;
use crate::support::workload::SEED;

pub(crate) const PART: Part = Part {
    name: "operations",
    about: "time of each operation on one thread",
    groups: &SHAPES,
    subjects: |group| match group {
        "profiles" => [super::everybody(), vec![UNSHAPED]].concat(),
        _ => super::everybody(),
    },
    repeats: usize::MAX,
    minutes: 19.5,
    run: |task, scale| with_rival!(any task.subject.as_str(), R => measure::<R>(task, scale)),
};

const REQUESTS: usize = 50_000;
const ROUNDS: usize = 3;
/// A call to another process takes some twenty times as long, so fewer will do.
const SHARE_OF_A_SERVER: usize = 20;

/// Reads come first: what increments and updates write is not undone.
const ON_PROFILES: [Operation; 14] = [
    Look,
    Get,
    MissingField,
    MissingKey,
    Contains,
    GetAll,
    GetAcross,
    GetManyAcross,
    SetSame,
    SetAcross,
    Reinsert,
    Increment,
    Update,
    SetOther,
];
const ON_OTHERS: [Operation; 6] = [Look, Get, MissingField, GetAll, SetSame, SetOther];
/// One hash as a whole is no single operation.
const ON_BIG: [Operation; 5] = [Look, Get, MissingField, SetSame, SetOther];

fn measure<R: Rival>(task: &Task, scale: f64) -> Figures {
    let data = Data::new(&task.group, scale);
    let store = R::new();
    data.fill(&store, 0..data.len());
    let count = requests::<R>(REQUESTS, scale);
    let mut random = Random::new(SEED);
    let mut figures = Figures::new();

    let (operations, zipf) = match task.group.as_str() {
        "profiles" => (&ON_PROFILES[..], Some(Zipf::new(data.len()))),
        "big" => (&ON_BIG[..], None),
        _ => (&ON_OTHERS[..], None),
    };
    for &operation in operations {
        let name = operation.name();
        let pieces = data.len();
        let uniform = rounds(&store, &data, operation, count, &mut random, |random| random.below(pieces));
        figures.insert(format!("{name}/uniform ns"), uniform);
        if let Some(zipf) = &zipf {
            let zipf = rounds(&store, &data, operation, count, &mut random, |random| zipf.sample(random));
            figures.insert(format!("{name}/zipf ns"), zipf);
        }
    }
    let (set_new, remove) = new_fields(&store, &data, count, &mut random);
    figures.insert("set_new/uniform ns".into(), set_new);
    figures.insert("remove/uniform ns".into(), remove);

    super::leave(store);
    figures
}

/// How many requests are drawn for a rival.
pub(super) fn requests<R: Rival>(count: usize, scale: f64) -> usize {
    scaled(if R::IN_PROCESS { count } else { count / SHARE_OF_A_SERVER }, scale)
}

/// The median nanoseconds of an operation in some rounds, each on requests of its own.
pub(super) fn rounds<R: Rival>(
    store: &R,
    data: &Data,
    operation: Operation,
    count: usize,
    random: &mut Random,
    mut pick: impl FnMut(&mut Random) -> usize,
) -> f64 {
    let round = |_| {
        let requests = Requests::draw(data, operation, count, random, &mut pick);
        let time = requests.time(store).as_secs_f64() * 1e9 / requests.len() as f64;
        if operation == SetOther {
            requests.undo(store, data);
        }
        time
    };
    median((0..ROUNDS).map(round).collect())
}

/// A field that is new added to one key after another, and removed again.
fn new_fields<R: Rival>(store: &R, data: &Data, count: usize, random: &mut Random) -> (f64, f64) {
    let mut order: Vec<usize> = (0..data.len()).collect();
    random.shuffle(&mut order);
    let count = count.min(order.len());
    let (mut set, mut removed) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let mut pieces = order.iter().cycle().skip(round * count);
        let pick = |_: &mut Random| *pieces.next().expect("a cycle has no end");
        let requests = Requests::draw(data, SetNew, count, random, pick);
        set.push(requests.time(store).as_secs_f64() * 1e9 / count as f64);
        let requests = requests.turned_into(Remove);
        removed.push(requests.time(store).as_secs_f64() * 1e9 / count as f64);
    }
    (median(set), median(removed))
}
