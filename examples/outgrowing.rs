//! A program that outgrows its process: the same code sells seats from a store, then from a server that has the store's
//! data, and the data come back. Run it with `cargo run --release --features redis --example outgrowing`, and the URL of a
//! Redis or Valkey server with an empty database if there is one: `-- redis://127.0.0.1/`.

#![allow(clippy::print_stdout, reason = "it tells what it has done")]

use std::error::Error;
use std::time::Duration;

use hashlet::{Across, CopyOptions, FieldError, Remote, SetOptions, Store};

const IDLE: Duration = Duration::from_secs(30 * 60);
const WINDOW: Duration = Duration::from_secs(60);
const ALLOWED: i64 = 1_000;

/// A box office, on whatever has the vocabulary of a store.
pub(crate) struct BoxOffice<'a, H> {
    pub(crate) hashes: &'a H,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Sale {
    Sold,
    SoldOut,
    /// The customer has asked too often.
    TooMany,
    /// The customer has not logged in, or too long ago.
    LoggedOut,
}

impl<H: Across> BoxOffice<'_, H> {
    pub(crate) fn announce(&self, show: &str, seats: u32) -> Result<(), H::Error> {
        self.hashes.set(format!("show:{show}"), "free", seats.to_string())?;
        Ok(())
    }

    pub(crate) fn log_in(&self, customer: &str) -> Result<(), H::Error> {
        let options = SetOptions::new().expire_key(IDLE);
        self.hashes.set_with(session(customer), [("customer", customer)], options)?;
        Ok(())
    }

    /// Sells a seat: it is taken from the show and noted in the customer's session, both or neither.
    pub(crate) fn sell(&self, show: &str, customer: &str) -> Result<Sale, H::Error> {
        let requests = format!("requests:{customer}");
        if self.hashes.increment_and_expire(requests, "sell", 1, WINDOW)? > ALLOWED {
            return Ok(Sale::TooMany);
        }
        let keys = [format!("show:{show}"), session(customer)];
        // Nothing but the hashes is changed here, because a server may make the closure run again.
        self.hashes.try_update_many(keys, |[show_hash, session]| {
            if session.is_empty() {
                return Ok(Sale::LoggedOut);
            }
            if show_hash.get("free").is_none_or(|free| free == b"0") {
                return Ok(Sale::SoldOut);
            }
            show_hash.increment("free", -1)?;
            session.increment(format!("seats:{show}"), 1)?;
            session.expire(IDLE);
            Ok(Sale::Sold)
        })
    }

    /// Returns the seats that are free, and those that a customer has.
    pub(crate) fn seats(&self, show: &str, customer: &str) -> Result<[i64; 2], FieldError<H::Error>> {
        let free = self.hashes.get_parsed(format!("show:{show}"), "free")?;
        let taken = self.hashes.get_parsed(session(customer), format!("seats:{show}"))?;
        Ok([free.unwrap_or(0), taken.unwrap_or(0)])
    }
}

fn session(customer: &str) -> String {
    format!("session:{customer}")
}

/// Sells seats until there are none. The customers have logged in.
pub(crate) fn sell_out<H: Across>(hashes: &H, show: &str, customers: [&str; 2]) -> Result<usize, H::Error> {
    let office = BoxOffice { hashes };
    let mut sold = 0;
    for customer in customers.into_iter().cycle() {
        match office.sell(show, customer)? {
            Sale::Sold => sold += 1,
            Sale::SoldOut | Sale::TooMany | Sale::LoggedOut => break,
        }
    }
    Ok(sold)
}

/// The store's data go to a server, the same code goes on there, and the data come back.
pub(crate) fn move_out_and_in(store: &Store, server: &Remote) -> Result<Store, Box<dyn Error>> {
    let out = store.copy_to(server, CopyOptions::new())?;
    BoxOffice { hashes: server }.announce("matinee", 20)?;
    assert_eq!(sell_out(server, "matinee", ["ada", "grace"])?, 20);

    let back = Store::new();
    let copied = back.copy_from(server, CopyOptions::new())?;
    assert_eq!(BoxOffice { hashes: &back }.seats("matinee", "ada")?, [0, 10]);
    assert!(back.ttl("session:ada").left().is_some_and(|left| left <= IDLE), "deadlines go along");
    println!("{} hashes went out, {} came back", out.keys, copied.keys);
    Ok(back)
}

/// Where it begins: a store with two customers, and a show that is sold out.
pub(crate) fn first_night() -> Result<Store, FieldError> {
    let store = Store::new();
    let office = BoxOffice { hashes: &store };
    office.announce("premiere", 100)?;
    assert_eq!(office.sell("premiere", "ada")?, Sale::LoggedOut);
    office.log_in("ada")?;
    office.log_in("grace")?;
    assert_eq!(sell_out(&store, "premiere", ["ada", "grace"])?, 100);
    assert_eq!(office.seats("premiere", "grace")?, [0, 50]);
    Ok(store)
}

#[allow(dead_code, reason = "the tests take the rest")]
fn main() -> Result<(), Box<dyn Error>> {
    let store = first_night()?;
    match std::env::args().nth(1) {
        Some(url) => _ = move_out_and_in(&store, &Remote::open(&url)?)?,
        None => println!("100 seats were sold; with the URL of a server, more would be sold there"),
    }
    Ok(())
}
