//! Sessions that end half an hour after their last use.
//!
//! The key of a session begins with its user, so that all sessions of a user can be found and removed.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use hashlet::{KeyPattern, SetOptions, unix_millis};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use crate::profiles;
use crate::refusal::Refusal;
use crate::shop::{Shop, View};

const IDLE: Duration = Duration::from_secs(30 * 60);

#[derive(Serialize, Deserialize)]
struct Session {
    user: String,
    begun: u64,
}

#[derive(Deserialize)]
pub struct SignIn {
    user: String,
}

#[derive(Serialize)]
pub struct Token {
    token: String,
}

/// The user of a request. A handler that takes one is for users who have signed in.
pub struct SignedIn {
    pub user: String,
    token: String,
}

fn key(token: &str) -> String {
    format!("session:{token}")
}

fn all_of(user: &str) -> KeyPattern {
    KeyPattern::prefix(format!("session:{user}:")) // no user has a colon in the name
}

/// Looks at a session, and prolongs it when a tenth of its time is over. So most uses write nothing.
fn user_of(data: &View, token: &str) -> Result<String, Refusal> {
    let (session, left) = data.store().read(key(token), |session| {
        let left = session.ttl().left();
        session.typed(hashlet::Json).load_object::<Session>().map(|session| (session, left))
    })?;
    if left.is_some_and(|left| left < IDLE * 9 / 10) {
        data.store().expire(key(token), IDLE);
    }
    Ok(session.ok_or(Refusal::SignedOut)?.user)
}

impl FromRequestParts<Arc<Shop>> for SignedIn {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shop: &Arc<Shop>) -> Result<Self, Refusal> {
        let header = parts.headers.get("authorization").and_then(|header| header.to_str().ok());
        let token = header.and_then(|header| header.strip_prefix("Bearer ")).ok_or(Refusal::SignedOut)?;
        Ok(Self { user: user_of(&shop.data, token)?, token: token.to_owned() })
    }
}

pub async fn begin(
    State(shop): State<Arc<Shop>>,
    Json(SignIn { user }): Json<SignIn>,
) -> Result<(StatusCode, Json<Token>), Refusal> {
    let visits = shop.data.store().increment_existing(profiles::key(&user), "visits", 1)?; // creates no half profile
    visits.ok_or(Refusal::Missing("there is no such user"))?;
    let session = Session { user, begun: unix_millis(SystemTime::now()) };
    let new = SetOptions::new().only_new_key().expire_key(IDLE);
    loop {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system has random numbers");
        let token = format!("{}:{:032x}", session.user, u128::from_be_bytes(bytes));
        if shop.data.save_object_with(key(&token), &session, new)? {
            return Ok((StatusCode::CREATED, Json(Token { token })));
        }
    }
}

/// When each session of the user has begun. A search by prefix looks at all keys, so it runs where blocking is allowed.
pub async fn list(State(shop): State<Arc<Shop>>, SignedIn { user, .. }: SignedIn) -> Result<Json<Vec<u64>>, Refusal> {
    let list = move || {
        let keys = shop.data.store().iter_keys_matching(all_of(&user));
        keys.filter_map(|key| shop.data.get_member(key, "begun").transpose()).collect::<Result<_, _>>()
    };
    Ok(Json(spawn_blocking(list).await.expect("it does not panic")?))
}

pub async fn end(State(shop): State<Arc<Shop>>, session: SignedIn) -> StatusCode {
    shop.data.store().clear(key(&session.token));
    StatusCode::NO_CONTENT
}

/// Signs a user out everywhere.
pub async fn end_all(State(shop): State<Arc<Shop>>, SignedIn { user, .. }: SignedIn) -> Json<usize> {
    let end_all = move || shop.data.store().clear_matching(all_of(&user));
    Json(spawn_blocking(end_all).await.expect("it does not panic"))
}
