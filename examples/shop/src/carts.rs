//! A cart is a hash of counts. It is kept for 30 days after its last change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use crate::refusal::Refusal;
use crate::sessions::SignedIn;
use crate::shop::Shop;

/// What the shop sells, and for how many cents.
const CATALOGUE: [(&str, i64); 3] = [("apples", 120), ("bread", 350), ("cheese", 899)];
const MOST: i64 = 99;
const KEPT: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Products with their counts.
pub type Cart = BTreeMap<String, i64>;

#[derive(Deserialize)]
pub struct Add {
    product: String,
    count: i64,
}

pub fn key(user: &str) -> String {
    format!("cart:{user}")
}

pub fn price(product: &str) -> Option<i64> {
    CATALOGUE.iter().find(|(name, _)| *name == product).map(|&(_, cents)| cents)
}

pub async fn show(State(shop): State<Arc<Shop>>, SignedIn { user, .. }: SignedIn) -> Result<Json<Cart>, Refusal> {
    Ok(Json(shop.data.load_object(key(&user))?.unwrap_or_default()))
}

/// Returns how many of the product are in the cart now.
pub async fn add(
    State(shop): State<Arc<Shop>>,
    SignedIn { user, .. }: SignedIn,
    Json(add): Json<Add>,
) -> Result<Json<i64>, Refusal> {
    price(&add.product).ok_or(Refusal::Missing("there is no such product"))?;
    let count = shop.data.store().try_update(key(&user), |cart| {
        let count = cart.increment(&add.product, add.count)?;
        if !(1..=MOST).contains(&count) {
            return Err(Refusal::Wrong("1 to 99 of a product")); // takes the increment back
        }
        if cart.expire(KEPT).is_full() {
            return Err(Refusal::Full);
        }
        Ok(count)
    })?;
    Ok(Json(count))
}

pub async fn remove(
    State(shop): State<Arc<Shop>>,
    SignedIn { user, .. }: SignedIn,
    Path(product): Path<String>,
) -> Result<StatusCode, Refusal> {
    match shop.data.store().remove(key(&user), product) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Refusal::Missing("it is not in the cart")),
    }
}
