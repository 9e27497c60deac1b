//! Switches of the shop, all in one hash, and a log of who has thrown which.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use axum::Json;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use hashlet::{Change, ChangeKind};

use crate::refusal::Refusal;
use crate::shop::{Shop, View};

pub const KEY: &str = "flags";

/// A flag that was never set is off. Reading it creates nothing.
pub fn is_on(data: &View, name: &str) -> Result<bool, Refusal> {
    Ok(data.store().get_parsed(KEY, name)?.unwrap_or(false))
}

pub async fn show(State(shop): State<Arc<Shop>>, Path(name): Path<String>) -> Result<Json<bool>, Refusal> {
    Ok(Json(is_on(&shop.data, &name)?))
}

pub async fn set(
    State(shop): State<Arc<Shop>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    Json(is_on): Json<bool>,
) -> Result<StatusCode, Refusal> {
    if !from.ip().is_loopback() {
        return Err(Refusal::Missing("flags are set on the machine of the shop"));
    }
    shop.data.store().set(KEY, name, is_on.to_string())?;
    Ok(StatusCode::NO_CONTENT)
}

/// Writes a line for each change of a flag, whichever code has made it. Ends when the store is gone.
pub fn audit(changes: &Receiver<Change>) {
    let text =
        |bytes: Option<Vec<u8>>| bytes.map_or("unset".into(), |bytes| String::from_utf8_lossy(&bytes).into_owned());
    let mut last = 0;
    for Change { sequence, kind, .. } in changes {
        if sequence != last + 1 {
            eprintln!("{} changes of flags were not told", sequence - last - 1);
        }
        last = sequence;
        if let ChangeKind::FieldSet { field, value, before, .. } = kind {
            eprintln!("flag {}: {} -> {}", text(Some(field)), text(before), text(value));
        }
    }
}
