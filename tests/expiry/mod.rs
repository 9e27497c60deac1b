//! Expiry: the keys and fields that expire, when they do, and what happens then. The deadlines of keys and those of
//! fields have a file each. It tests the calls that set deadlines, and those that deadlines survive.

mod expired;
mod field_deadlines;
mod key_deadlines;
mod listener;
mod purge;
mod stored_deadlines;
