//! Calls from many threads, and calls within calls: each is one step, nothing is half done, and nobody waits for ever.

mod closures;
mod linearizable;
mod steps;
