//! A limit of requests for each address. Nobody misses these counts after a restart, so they are in no journal.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::refusal::Refusal;
use crate::shop::Shop;

const WINDOW: Duration = Duration::from_secs(60);

/// A hash for each address, because a hash is behind one lock. Its count goes a minute after the first request.
pub async fn limit(
    State(shop): State<Arc<Shop>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let key = format!("requests:{}", from.ip());
    match shop.memory.store().increment_and_expire(key, "count", 1, WINDOW) {
        Ok(count) if count <= shop.requests_a_minute => Ok(next.run(request).await),
        Ok(_) => Err(Refusal::TooManyRequests),
        Err(error) if error.is_full() => Err(Refusal::TooManyRequests), // so many addresses are an attack
        Err(error) => Err(error.into()),
    }
}
