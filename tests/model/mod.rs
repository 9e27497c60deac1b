//! Random calls on a store and on the naive model of `support/model.rs`. The store must answer every call as the model
//! does.

mod calls;
#[cfg(feature = "snapshot")]
mod saves;
