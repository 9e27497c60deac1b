//! Shopping carts with one item in each field. Several threads add and remove items at the same time, and no item is
//! lost. Run it with `cargo run --release --features json --example shopping_cart`.

#![allow(clippy::print_stdout, reason = "it tells what it has done")]

use std::collections::BTreeMap;
use std::error::Error;
use std::thread;
use std::time::SystemTime;

use hashlet::{CodecError, Hashes, Json, Store, TypedHashes};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) quantity: u32,
    pub(crate) added: SystemTime,
    pub(crate) changed: SystemTime,
}

#[derive(Debug)]
pub(crate) struct Carts<'a, H> {
    pub(crate) hashes: &'a H,
}

impl<H: Hashes> Carts<'_, H> {
    /// Puts more of an item into a cart, and returns its new quantity. Reading, adding and writing is one step.
    pub(crate) fn add(&self, cart: &str, item: &str, quantity: u32) -> Result<u32, CodecError<H::Error>> {
        let now = SystemTime::now();
        let add = |present: Option<Item>| {
            let present = present.unwrap_or(Item { quantity: 0, added: now, changed: now });
            Some(Item { quantity: present.quantity.saturating_add(quantity), changed: now, ..present })
        };
        Ok(TypedHashes::new(self.hashes, Json).update(cart, item, add)?.map_or(0, |item| item.quantity))
    }

    /// Sets the quantity of an item. 0 removes the item.
    pub(crate) fn set_quantity(&self, cart: &str, item: &str, quantity: u32) -> Result<(), CodecError<H::Error>> {
        let now = SystemTime::now();
        let set = |present: Option<Item>| {
            let added = present.map_or(now, |item| item.added);
            (quantity > 0).then_some(Item { quantity, added, changed: now })
        };
        TypedHashes::new(self.hashes, Json).update(cart, item, set)?;
        Ok(())
    }

    /// Removes an item, and returns it.
    pub(crate) fn remove(&self, cart: &str, item: &str) -> Result<Option<Item>, CodecError<H::Error>> {
        TypedHashes::new(self.hashes, Json).take(cart, item)
    }

    /// Returns the items of a cart, as they are at one instant.
    pub(crate) fn items(&self, cart: &str) -> Result<BTreeMap<String, Item>, CodecError<H::Error>> {
        Ok(TypedHashes::new(self.hashes, Json).get_all(cart)?.into_iter().map(text).collect())
    }

    /// Empties a cart into an order. Items that are added afterwards belong to the next order.
    pub(crate) fn check_out(&self, cart: &str) -> Result<BTreeMap<String, Item>, CodecError<H::Error>> {
        Ok(TypedHashes::new(self.hashes, Json).take_all(cart)?.into_iter().map(text).collect())
    }
}

/// Turns the name of an item into text.
fn text((item, data): (Vec<u8>, Item)) -> (String, Item) {
    (String::from_utf8_lossy(&item).into_owned(), data)
}

#[allow(dead_code, reason = "the tests take the rest")]
fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::new();
    let carts = Carts { hashes: &store };
    carts.add("cart:1", "apples", 2)?;
    carts.add("cart:1", "pears", 1)?;
    carts.set_quantity("cart:1", "apples", 3)?;
    carts.set_quantity("cart:1", "pears", 0)?;
    assert_eq!(carts.items("cart:1")?.len(), 1);
    assert_eq!(carts.remove("cart:1", "apples")?.map(|item| item.quantity), Some(3));
    assert!(!store.contains_key("cart:1"), "an empty cart is none");

    // Three threads fill a cart, and a fourth one checks out again and again. Every item ends up in exactly one order.
    let sell = || carts.check_out("cart:2").map_or(0, |order| order.values().map(|item| item.quantity).sum::<u32>());
    let sold = thread::scope(|scope| {
        for item in ["apples", "pears", "plums"] {
            let carts = &carts;
            scope.spawn(move || (0..1_000).for_each(|_| _ = carts.add("cart:2", item, 1)));
        }
        scope.spawn(|| (0..100).map(|_| sell()).sum::<u32>()).join().unwrap_or(0)
    });
    assert_eq!(sold + sell(), 3_000);
    println!("3000 pieces were put into a cart, and all of them sold");
    Ok(())
}
