//! hashlet answers as Redis and Valkey do: random commands go to a store and to a real server, and every reply is
//! compared. `replies.rs` says how the servers are found, `deviations.rs` what differs on purpose.

mod answer;
mod command;
mod deviations;
mod expiry;
mod replies;
mod round;
mod server;
