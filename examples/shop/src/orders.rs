//! An order is what was in a cart. The orders of a user are one hash: numbers, and orders as JSON.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::carts::{self, Cart};
use crate::refusal::Refusal;
use crate::sessions::SignedIn;
use crate::shop::{Shop, View};
use crate::{flags, profiles};

pub const COUNTERS: &str = "counters";
pub const LAST_ORDER: &str = "last order";

#[derive(Serialize, Deserialize)]
pub struct Order {
    number: i64,
    items: Cart,
    cents: i64,
}

fn key(user: &str) -> String {
    format!("orders:{user}")
}

/// Makes an order of a cart, in one step: the number is taken, the order is there, it is counted, and the cart is empty; or
/// nothing has happened. A crash changes nothing about that, because one step in memory is one step in the journal.
fn order(data: &View, user: &str) -> Result<Order, Refusal> {
    let keys = [COUNTERS.to_owned(), carts::key(user), key(user), profiles::key(user)];
    data.store().try_update_many(keys, |[counters, cart, orders, profile]| {
        let items: Cart = cart.typed(hashlet::Json).load_object()?.ok_or(Refusal::Wrong("the cart is empty"))?;
        let cents = items.iter().map(|(product, count)| carts::price(product).unwrap_or(0) * count).sum();
        let order = Order { number: counters.increment(LAST_ORDER, 1)?, items, cents };
        orders.typed(hashlet::Json).set(order.number.to_string(), &order)?;
        if profile.is_empty() {
            return Err(Refusal::Missing("there is no such profile")); // `increment` would create half of one
        }
        profile.increment("orders", 1)?;
        cart.clear();
        Ok(order)
    })
}

pub async fn place(
    State(shop): State<Arc<Shop>>,
    SignedIn { user, .. }: SignedIn,
) -> Result<(StatusCode, Json<Order>), Refusal> {
    if flags::is_on(&shop.data, "closed")? {
        return Err(Refusal::Wrong("the shop is closed"));
    }
    Ok((StatusCode::CREATED, Json(order(&shop.data, &user)?)))
}

pub async fn list(State(shop): State<Arc<Shop>>, SignedIn { user, .. }: SignedIn) -> Result<Json<Vec<Order>>, Refusal> {
    let mut orders: Vec<Order> = shop.data.get_all(key(&user))?.into_iter().map(|(_, order)| order).collect();
    orders.sort_unstable_by_key(|order| order.number); // a hash has no order
    Ok(Json(orders))
}

pub async fn show(
    State(shop): State<Arc<Shop>>,
    SignedIn { user, .. }: SignedIn,
    Path(number): Path<i64>,
) -> Result<Json<Order>, Refusal> {
    let order = shop.data.get(key(&user), number.to_string())?;
    Ok(Json(order.ok_or(Refusal::Missing("there is no such order"))?))
}
