//! Sessions that several threads use, and that outlast a restart of the program. Each is created together with its time
//! to live in one step. Use prolongs it, and it is gone on time. Run it with
//! `cargo run --release --features journal --example session_store`.

#![allow(clippy::print_stdout, reason = "it tells what it has done")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use hashlet::{Durable, Gone, Janitor, JournalError, JournalOptions, ManualClock, SetOptions, Store, WhenFull};

const IDLE: Duration = Duration::from_secs(30 * 60);
const TOKEN: Duration = Duration::from_secs(60);

/// The sessions of a web program.
struct Sessions {
    store: Durable,
}

impl Sessions {
    /// Opens a session, unless one of this name exists. The session and its time to live are written in one step, so no
    /// crash and no other thread can leave behind a session that never ends. When this returns, the session outlasts a
    /// loss of power: a user who has logged in stays so. All threads that wait for that share one sync of the disk.
    fn open(&self, id: &str, user: &str) -> Result<bool, Box<dyn Error>> {
        let options = SetOptions::new().only_new_key().expire_key(IDLE);
        let is_new = self.store.set_with(id, [("user", user), ("pages", "0")], options)?.is_some();
        self.store.sync()?;
        Ok(is_new)
    }

    /// Closes a session. It must not be back after a crash, and `clear` alone cannot tell that the journal has failed.
    fn close(&self, id: &str) -> Result<bool, JournalError> {
        let existed = self.store.clear(id);
        self.store.sync()?;
        Ok(existed)
    }

    /// Counts a page, and prolongs the session. A session that another thread has closed stays closed. This waits for no
    /// disk. A loss of power may take back the pages of the last tenth of a second.
    fn visit(&self, id: &str) -> hashlet::Result<Option<i64>> {
        self.store.try_update_existing(id, |session| {
            session.expire(IDLE);
            session.increment("pages", 1)
        })
    }

    /// Issues a token for one form. It expires earlier than its session.
    fn give_token(&self, id: &str, token: &str) -> hashlet::Result<()> {
        self.store.set_with(id, [("token", token)], SetOptions::new().only_present_key().expire(TOKEN))?;
        Ok(())
    }

    /// Takes the token back. If several threads try, exactly one gets it. After a crash, nobody gets it a second time.
    fn redeem(&self, id: &str) -> Result<Option<Vec<u8>>, JournalError> {
        let token = self.store.take(id, "token");
        self.store.sync()?;
        Ok(token)
    }
}

/// Returns the user whose session expires next. The listener is told when the janitor or a request first meets the
/// session.
fn next_end(expired: &Receiver<Gone>) -> Option<String> {
    expired.iter().find_map(|expired| match expired {
        Gone::KeyExpired { hash, .. } => hash.get_str("user").ok()?.map(str::to_owned),
        _ => None,
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("hashlet-sessions-{}", std::process::id()));
    let result = run(&folder);
    std::fs::remove_dir_all(&folder)?;
    result
}

fn run(folder: &Path) -> Result<(), Box<dyn Error>> {
    // A real program would not set a clock. Here time has to pass faster.
    let clock = ManualClock::new();
    let (sender, expired) = sync_channel(1_000);
    let builder = Store::builder().clock(&clock).listener(sender, WhenFull::Lose);
    let start = || builder.clone().open(folder, JournalOptions::new()).map(|store| Sessions { store });
    let sessions = start()?;

    assert!(sessions.open("s:ada", "ada")? && sessions.open("s:grace", "grace")? && sessions.open("s:eve", "eve")?);
    assert!(!sessions.open("s:ada", "eve")?, "it is taken");
    assert!(sessions.close("s:eve")?);

    // Four threads serve pages.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|_| _ = sessions.visit("s:ada")));
        }
    });
    assert_eq!(sessions.visit("s:ada")?, Some(4_001));

    // The program ends and starts again. The sessions are there, with the time that they have left.
    drop(sessions);
    let sessions = start()?;
    let janitor = Janitor::start(Arc::clone(sessions.store.store()), Duration::from_millis(10));
    assert_eq!(sessions.visit("s:ada")?, Some(4_002));
    assert_eq!(sessions.visit("s:eve")?, None);

    // One of two forms arrives in time, and one of four threads may use its token.
    sessions.give_token("s:ada", "a form")?;
    let redeemed = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| sessions.redeem("s:ada"))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()?.ok().flatten()).count()
    });
    assert_eq!(redeemed, 1);
    sessions.give_token("s:ada", "another form")?;
    clock.advance(TOKEN);
    assert_eq!(sessions.redeem("s:ada")?, None);

    // Ada goes on reading, and Grace does not.
    clock.advance(IDLE - TOKEN - Duration::from_secs(1));
    assert!(sessions.visit("s:ada")?.is_some());
    clock.advance(Duration::from_secs(1));
    assert_eq!(sessions.visit("s:grace")?, None);
    assert_eq!(sessions.store.key_count(), 1);
    assert_eq!(next_end(&expired).as_deref(), Some("grace"));

    drop(janitor);
    sessions.store.close()?; // tells whether everything was written
    println!("1 session is open, 1 has ended, 1 was closed, and 4003 pages were served over a restart");
    Ok(())
}
