//! Calls from many threads, and calls within calls. Each is one step, nothing is half done, and no thread waits for
//! ever.

mod closures;
mod linearizable;
mod steps;
