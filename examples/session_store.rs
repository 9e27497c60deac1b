//! Sessions that several threads use. Each is created together with its time to live in one step. Use prolongs it, and
//! it is gone on time. Run it with `cargo run --release --example session_store`.

#![allow(clippy::print_stdout, reason = "it tells what it has done")]

use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use hashlet::{Expired, Janitor, ManualClock, SetOptions, Store, WhenFull};

const IDLE: Duration = Duration::from_secs(30 * 60);
const TOKEN: Duration = Duration::from_secs(60);

/// The sessions of a web program.
struct Sessions {
    store: Arc<Store>,
}

impl Sessions {
    /// Opens a session, unless one of this name exists. The session and its time to live are written in one step, so no
    /// crash and no other thread can leave behind a session that never ends.
    fn open(&self, id: &str, user: &str) -> hashlet::Result<bool> {
        let options = SetOptions::new().only_new_key().expire_key(IDLE);
        Ok(self.store.set_with(id, [("user", user), ("pages", "0")], options)?.is_some())
    }

    /// Counts a page, and prolongs the session. A session that another thread has closed stays closed.
    fn visit(&self, id: &str) -> hashlet::Result<Option<i64>> {
        self.store.try_update(id, |session| {
            if session.is_empty() {
                return Ok(None);
            }
            session.expire(IDLE);
            session.increment("pages", 1).map(Some)
        })
    }

    /// Issues a token for one form. It expires earlier than its session.
    fn give_token(&self, id: &str, token: &str) -> hashlet::Result<()> {
        self.store.set_with(id, [("token", token)], SetOptions::new().only_present_key().expire(TOKEN))?;
        Ok(())
    }

    /// Takes the token back. If several threads try, exactly one gets it.
    fn redeem(&self, id: &str) -> Option<Vec<u8>> {
        self.store.take(id, "token")
    }
}

/// Returns the user whose session expires next. The listener is told when the janitor or a request first meets the
/// session.
fn next_end(expired: &Receiver<Expired>) -> Option<String> {
    expired.iter().find_map(|expired| match expired {
        Expired::Key { hash, .. } => hash.get("user").map(|user| String::from_utf8_lossy(user).into_owned()),
        _ => None,
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    // A real program would not set a clock. Here time has to pass faster.
    let clock = ManualClock::new();
    let (sender, expired) = sync_channel(1_000);
    let store = Arc::new(Store::builder().clock(&clock).listener(sender, WhenFull::Lose).build());
    let sessions = Sessions { store: Arc::clone(&store) };
    let janitor = Janitor::start(Arc::clone(&store), Duration::from_millis(10));

    assert!(sessions.open("s:ada", "ada")? && sessions.open("s:grace", "grace")?);
    assert!(!sessions.open("s:ada", "eve")?, "it is taken");

    // Four threads serve pages.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|_| _ = sessions.visit("s:ada")));
        }
    });
    assert_eq!(sessions.visit("s:ada")?, Some(4_001));

    // One of two forms arrives in time, and one of four threads may use its token.
    sessions.give_token("s:ada", "a form")?;
    let redeemed = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| sessions.redeem("s:ada"))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok().flatten()).count()
    });
    assert_eq!(redeemed, 1);
    sessions.give_token("s:ada", "another form")?;
    clock.advance(TOKEN);
    assert_eq!(sessions.redeem("s:ada"), None);

    // Ada goes on reading, and Grace does not.
    clock.advance(IDLE - TOKEN - Duration::from_secs(1));
    assert!(sessions.visit("s:ada")?.is_some());
    clock.advance(Duration::from_secs(1));
    assert_eq!(sessions.visit("s:grace")?, None);
    assert_eq!(store.key_count(), 1);
    assert_eq!(next_end(&expired).as_deref(), Some("grace"));

    drop(janitor);
    println!("1 session is open, 1 has ended, 4001 pages were served");
    Ok(())
}
