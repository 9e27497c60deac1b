//! hashlet answers as Redis and Valkey do. Random commands go to a store and to a real server, and every reply is
//! compared. `replies.rs` says how the servers are found, and `deviations.rs` lists the intended differences.

mod answer;
mod command;
mod deviations;
mod expiry;
mod globs;
mod replies;
mod round;
mod server;
