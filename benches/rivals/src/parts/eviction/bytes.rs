//! What the use of keys takes in memory: the bytes of a store with `LeastRecent` beyond those of one without a policy,
//! both with the same keys, by the store and by the allocator.
//!
//! Slots are counted by their number: a table of keys has a power of two of them, of which seven eighths may be taken.

use hashlet::{Eviction, Store};

use super::caches::store;
use crate::child::Figures;
use crate::data::{Data, scaled};
use crate::heap;

/// Numbers of keys: 100 different ones between 100,000 and twice as many, and a large one.
const FEWEST: usize = 100_000;
const STEPS: usize = 20;
const ROOMY: usize = 4 << 30;

pub(super) fn measure(scale: f64) -> Figures {
    heap::Switched::on();
    let data = Data::new("profiles", scale);
    let fewest = scaled(FEWEST, scale);
    let mut of_each = Vec::new();
    let mut figures = Figures::new();
    for step in 0..=STEPS {
        of_each.push(added(&data, fewest + fewest * step / STEPS));
    }
    let all = added(&data, data.len());
    let least = of_each.iter().map(|added| added.told).fold(f64::MAX, f64::min);
    let most = of_each.iter().map(|added| added.told).fold(0.0, f64::max);
    for (name, figure) in [
        ("all told", all.told),
        ("all asked", all.asked),
        ("all taken", all.taken),
        ("least told", least),
        ("most told", most),
    ] {
        figures.insert(format!("{name} bytes"), figure);
    }
    figures
}

/// Bytes for each key, by the store itself and by two figures of the allocator.
struct Added {
    told: f64,
    asked: f64,
    taken: f64,
}

fn added(data: &Data, keys: usize) -> Added {
    // One after the other, so that the second one does not use what the first one has left.
    let [with, without] = [Eviction::LeastRecent, Eviction::Refuse].map(|policy| {
        let (asked, taken) = (heap::live(), heap::taken());
        let store: Store = store(policy, ROOMY);
        data.fill(&store, 0..keys);
        let figures = [store.stats().bytes, heap::live() - asked, heap::taken() - taken];
        assert_eq!(store.key_count(), keys);
        figures.map(|bytes| bytes as f64)
    });
    let [told, asked, taken] = [0, 1, 2].map(|figure| (with[figure] - without[figure]) / keys as f64);
    Added { told, asked, taken }
}
