//! A rate limiter: a client may make a limited number of requests in a window of time. Several threads count them. Run
//! it with `cargo run --release --example rate_limiter`.

#![allow(clippy::print_stdout, reason = "it tells what it has done")]

use std::error::Error;
use std::thread;
use std::time::Duration;

use hashlet::{ManualClock, Store};

const WINDOW: Duration = Duration::from_secs(60);
const ALLOWED: i64 = 100;

struct Limiter<'a> {
    store: &'a Store,
}

impl Limiter<'_> {
    /// Counts a request, and returns whether it is within the limit. The first request of a client opens a window.
    /// Counting and setting the deadline is one step, so no counter is left behind that never expires.
    fn allows(&self, client: &str, route: &str) -> hashlet::Result<bool> {
        Ok(self.store.increment_and_expire(key(client), route, 1, WINDOW)? <= ALLOWED)
    }

    /// Returns how long a client that is over the limit has to wait.
    fn wait(&self, client: &str, route: &str) -> Duration {
        self.store.field_ttl(key(client), route).left().unwrap_or_default()
    }
}

/// Each client has a hash of its own, with a counter for each route. A hash is behind one lock, so threads that serve
/// different clients rarely wait for each other.
fn key(client: &str) -> String {
    format!("requests:{client}")
}

fn main() -> Result<(), Box<dyn Error>> {
    let clock = ManualClock::new();
    let store = Store::builder().clock(&clock).build();
    let limiter = Limiter { store: &store };

    // Four threads serve 400 requests of one client. Exactly 100 get through, whatever thread serves them.
    let serve = || (0..100).filter(|_| limiter.allows("ada", "/search").is_ok_and(|allowed| allowed)).count();
    let served: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(serve)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
    });
    assert_eq!(served, 100);

    // Half a minute later the window is still the one that the first request opened: later requests have not prolonged
    // it.
    clock.advance(WINDOW / 2);
    assert!(!limiter.allows("ada", "/search")?);
    assert_eq!(limiter.wait("ada", "/search"), WINDOW / 2);
    assert!(limiter.allows("grace", "/search")?, "each client has a window of its own");

    // When the window is over, the client starts anew. A client that does not come back leaves nothing behind.
    clock.advance(WINDOW / 2);
    assert!(limiter.allows("ada", "/search")?);
    clock.advance(WINDOW);
    assert_eq!(store.key_count(), 0);
    println!("of 400 requests in a window {served} were served");
    Ok(())
}
