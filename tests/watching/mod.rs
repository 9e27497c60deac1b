//! A watcher is told each change of what it watches, in order, and nothing else. `model/` checks on random calls that the
//! changes alone make a second store equal to the first one.

mod changes;
mod counts;
mod order;
mod room;
