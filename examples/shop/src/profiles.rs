//! A profile is a struct in a hash: each member is in a field of its own, so others can count in it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use hashlet::SetOptions;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::sessions::SignedIn;
use crate::shop::Shop;

#[derive(Serialize, Deserialize)]
pub struct Profile {
    name: String,
    email: Option<String>,
    /// Counted by `sessions::begin`.
    visits: u64,
    /// Counted by `orders::place`.
    orders: u64,
}

#[derive(Deserialize)]
pub struct New {
    user: String,
    name: String,
}

#[derive(Deserialize)]
pub struct Changes {
    name: Option<String>,
    email: Option<String>,
}

pub fn key(user: &str) -> String {
    format!("profile:{user}")
}

pub async fn create(State(shop): State<Arc<Shop>>, Json(new): Json<New>) -> Result<StatusCode, Refusal> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if new.user.is_empty() || new.user.len() > 32 || !new.user.bytes().all(is_allowed) {
        return Err(Refusal::Wrong("a user has 1 to 32 letters, digits or -"));
    }
    let profile = Profile { name: new.name, email: None, visits: 0, orders: 0 };
    if !shop.data.save_object_with(key(&new.user), &profile, SetOptions::new().only_new_key())? {
        return Err(Refusal::Taken("there is a user of this name"));
    }
    Ok(StatusCode::CREATED)
}

pub async fn show(State(shop): State<Arc<Shop>>, SignedIn { user, .. }: SignedIn) -> Result<Json<Profile>, Refusal> {
    Ok(Json(shop.data.load_object(key(&user))?.ok_or(Refusal::Missing("there is no such profile"))?))
}

/// All changes, or none if one of them is refused.
pub async fn change(
    State(shop): State<Arc<Shop>>,
    SignedIn { user, .. }: SignedIn,
    Json(changes): Json<Changes>,
) -> Result<StatusCode, Refusal> {
    let changed = shop.data.try_update_object(key(&user), |profile: &mut Profile| {
        if let Some(name) = changes.name {
            profile.name = name;
        }
        if let Some(email) = changes.email {
            if !email.contains('@') {
                return Err(Refusal::Wrong("this is no address")); // the name stays too
            }
            profile.email = Some(email);
        }
        Ok(())
    })?;
    changed.ok_or(Refusal::Missing("there is no such profile"))?;
    Ok(StatusCode::NO_CONTENT)
}
