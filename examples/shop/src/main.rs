//! A small shop as a web service: what a program with hashlet and axum looks like from the first line to a clean end.
//!
//! ```sh
//! cargo run --release -- shop-data 127.0.0.1:8080
//! curl -d '{"user":"ada","name":"Ada Lovelace"}' -H content-type:application/json http://127.0.0.1:8080/profiles
//! curl -d '{"user":"ada"}' -H content-type:application/json http://127.0.0.1:8080/sessions
//! ```
//!
//! | file | what it shows |
//! |---|---|
//! | `main.rs` | open the journal or begin a new one, serve, and stop cleanly |
//! | `shop.rs` | the state, the routes, and one place that makes changes durable before they are answered |
//! | `sessions.rs` | sessions that slide; listing and removing keys by their prefix |
//! | `profiles.rs` | a struct as a hash: created once, read, changed by a closure that can fail |
//! | `carts.rs` | counters with a bound and a deadline |
//! | `orders.rs` | one atomic step over four hashes, with order numbers that never repeat |
//! | `flags.rs` | settings, and a log of everything that changes them |
//! | `limits.rs` | a limit of requests, in a store that may be forgotten |
//! | `metrics.rs` | counters for Prometheus, and whether the journal works |
//! | `refusal.rs` | one error type for all handlers |
//!
//! It has no passwords. A real shop checks one before it begins a session.

mod carts;
mod flags;
mod limits;
mod metrics;
mod orders;
mod profiles;
mod refusal;
mod sessions;
mod shop;

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use std::{env, io, thread};

use hashlet::{JournalOptions, Limits, Store, Watch, WhenFull};
use shop::Shop;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// How long a request may go on after the program was told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Opening and closing a journal block as long as the disk takes, so both happen outside of the runtime.
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, address] = &*arguments else { return Err("usage: hashlet-shop FOLDER ADDRESS".into()) };

    // The store that the folder holds, or a new one. No call waits for the disk; `shop::durable` does, once a request.
    let (sender, changes) = sync_channel(1_000);
    let journal = Store::builder()
        .limits(Limits::default().max_bytes(1 << 30))
        .watch(Watch::prefix(flags::KEY).values(true).old_values(true), sender, WhenFull::Lose)
        .open(folder, JournalOptions::new())?;
    let audit = thread::spawn(move || flags::audit(&changes));
    let shop = Arc::new(Shop::new(journal));

    let runtime = Runtime::new()?;
    let served = runtime.block_on(serve(Arc::clone(&shop), address));
    drop(runtime); // ends all tasks, which have clones of the shop, and waits for what runs in `spawn_blocking`

    let shop = Arc::into_inner(shop).expect("all tasks have ended");
    shop.close()?; // tells whether everything was written
    audit.join().expect("it does not panic"); // the store is gone, and the sender with it
    Ok(served?)
}

/// Answers requests until the program is told to stop, and those that have begun by then.
async fn serve(shop: Arc<Shop>, address: &str) -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);

    let (told, is_told) = oneshot::channel::<()>();
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        drop(told);
    };
    let service = shop::routes(shop).into_make_service_with_connect_info::<SocketAddr>();
    let serve = axum::serve(listener, service).with_graceful_shutdown(stop);
    let too_slow = async {
        _ = is_told.await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = serve => served,
        () = too_slow => {
            eprintln!("some requests did not end");
            Ok(())
        }
    }
}
