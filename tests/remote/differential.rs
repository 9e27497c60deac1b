//! The random commands that `tests/differential` sends to servers directly.

#![allow(dead_code, reason = "this binary needs no replies of servers")]

#[path = "../differential/answer.rs"]
pub(crate) mod answer;
#[path = "../differential/command.rs"]
pub(crate) mod command;
#[path = "../differential/expiry.rs"]
mod expiry;
