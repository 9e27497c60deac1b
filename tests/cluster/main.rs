//! A cluster through hashlet, while its slots move and its primaries change and die. `servers.rs` says how the clusters are
//! started. It is a binary of its own, because it takes its time and a dozen servers.

#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

mod bank;
mod calls;
mod copies;
#[path = "../remote/differential.rs"]
mod differential;
#[cfg(feature = "json")]
mod recipes;
mod redirects;
#[path = "../remote/rounds.rs"]
mod rounds;
mod servers;
mod transfers;
