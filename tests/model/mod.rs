//! Random calls, on a store and on the naive model of `support/model.rs` side by side: every answer is the model's.

mod calls;
#[cfg(feature = "snapshot")]
mod saves;
