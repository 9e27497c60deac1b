//! What Prometheus asks for.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::orders::{COUNTERS, LAST_ORDER};
use crate::refusal::Refusal;
use crate::shop::Shop;

const ANSWERS: &str = "answers";

/// Counts each answer, by its route and its status. The field is what Prometheus calls the labels.
pub async fn count(State(shop): State<Arc<Shop>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let labels = format!("{{route=\"{route}\",status=\"{}\"}}", response.status().as_u16());
    _ = shop.memory.store().increment(ANSWERS, labels, 1); // a full store must not fail the request
    response
}

/// Microseconds, so it runs in the task.
pub async fn show(State(shop): State<Arc<Shop>>) -> Result<String, Refusal> {
    let (stats, journal) = (shop.data.store().stats(), shop.journal.status());
    let orders: u64 = shop.data.store().get_parsed(COUNTERS, LAST_ORDER)?.unwrap_or(0); // creates no counter
    let answers: BTreeMap<String, u64> = shop.memory.load_object(ANSWERS)?.unwrap_or_default();

    let mut text = String::new();
    let mut add = |kind: &str, name: &str, value: &dyn Display| {
        text += &format!("# TYPE shop_{name} {kind}\nshop_{name} {value}\n");
    };
    add("counter", "orders_total", &orders);
    add("gauge", "keys", &stats.keys);
    add("gauge", "bytes", &stats.bytes);
    add("counter", "expired_keys_total", &stats.expired_keys);
    add("counter", "refused_writes_total", &stats.refused);
    add("counter", "lost_changes_total", &stats.lost_changes);
    add("gauge", "journal_waiting_bytes", &journal.waiting_bytes);
    add("gauge", "journal_log_bytes", &journal.log_bytes);
    add("gauge", "was_closed", &u8::from(shop.journal.recovery().was_closed)); // 0: killed, or a new folder
    add("gauge", "journal_failed", &u8::from(journal.failure.is_some()));
    add("gauge", "checkpoint_failed", &u8::from(journal.checkpoint_failure.is_some()));
    text += "# TYPE shop_answers_total counter\n";
    text.extend(answers.iter().map(|(labels, count)| format!("shop_answers_total{labels} {count}\n")));
    Ok(text)
}
