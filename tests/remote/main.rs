//! A server through hashlet: calls mean what they mean on a store, and lost connections and other clients lose nothing.
//! `servers.rs` says how the servers are found. Each test has a database to itself, whose number it names. It is a binary
//! of its own, because it runs itself again as another process.

#![cfg(unix)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

mod calls;
mod connections;
mod contention;
mod copies;
mod cuts;
mod differential;
mod expired;
mod fake;
mod finding;
mod proxy;
#[cfg(feature = "json")]
mod recipes;
mod rounds;
mod servers;
#[cfg(feature = "json")]
mod typed;
mod updates;
