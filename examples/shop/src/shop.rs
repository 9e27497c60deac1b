//! The state that all handlers share, and the routes.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{delete, get, post};
use hashlet::{Durable, Janitor, JournalError, Json, Limits, Store, Typed};

use crate::refusal::Refusal;
use crate::{carts, flags, limits, metrics, orders, profiles, sessions};

/// A store whose values are read and written as JSON. It owns its store, so it can be a part of the state.
pub type View = Typed<Arc<Store>, Json>;

pub struct Shop {
    /// Has `data` as its store. Only this one can wait for the disk.
    pub journal: Durable,
    /// What must not be lost.
    pub data: View,
    /// What may be forgotten with the process, and costs no disk: limits of requests, and counts of them.
    pub memory: View,
    /// How many requests an address may make in a minute.
    pub requests_a_minute: i64,
    _janitors: [Janitor; 2],
}

impl Shop {
    pub fn new(journal: Durable) -> Self {
        let data = Arc::clone(journal.store());
        let memory = Arc::new(Store::builder().limits(Limits::default().max_bytes(64 << 20)).build());
        let requests_a_minute = env::var("SHOP_REQUESTS_A_MINUTE").ok().and_then(|number| number.parse().ok());
        Self {
            journal,
            _janitors: [&data, &memory].map(|store| Janitor::start(Arc::clone(store), Duration::from_secs(1))),
            data: Typed::new(data, Json),
            memory: Typed::new(memory, Json),
            requests_a_minute: requests_a_minute.unwrap_or(600),
        }
    }

    /// Everything is on the disk when this returns `Ok`.
    pub fn close(self) -> Result<(), JournalError> {
        self.journal.close()
    }
}

pub fn routes(shop: Arc<Shop>) -> Router {
    Router::new()
        .route("/profiles", post(profiles::create))
        .route("/profile", get(profiles::show).patch(profiles::change))
        .route("/sessions", post(sessions::begin).get(sessions::list).delete(sessions::end_all))
        .route("/session", delete(sessions::end))
        .route("/cart", get(carts::show).post(carts::add))
        .route("/cart/{product}", delete(carts::remove))
        .route("/orders", get(orders::list).post(orders::place))
        .route("/orders/{number}", get(orders::show))
        .route("/flags/{name}", get(flags::show).put(flags::set))
        // From here on, each layer is around those above it.
        .layer(from_fn_with_state(Arc::clone(&shop), durable))
        .layer(from_fn_with_state(Arc::clone(&shop), limits::limit))
        .route("/metrics", get(metrics::show))
        .layer(from_fn_with_state(Arc::clone(&shop), metrics::count))
        .with_state(shop)
}

/// Answers a request that may have changed something only when the disk has the change. No thread waits for that, and all
/// requests that wait at the same time share one sync. One rule here also covers the calls that cannot tell that the
/// journal has failed, such as `clear`.
async fn durable(State(shop): State<Arc<Shop>>, request: Request, next: Next) -> Result<Response, Refusal> {
    let is_read = request.method() == Method::GET;
    let response = next.run(request).await;
    if !is_read {
        shop.journal.synced().await.map_err(Refusal::Journal)?;
    }
    Ok(response)
}
