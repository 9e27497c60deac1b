//! What expires, when, and what becomes of it. Deadlines of keys and of fields have a file each, which says what sets
//! them and what they survive.

mod expired;
mod field_deadlines;
mod key_deadlines;
mod listener;
mod purge;
mod stored_deadlines;
