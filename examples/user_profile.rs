//! User profiles: each struct is a hash, so that a program can read, count and change one member by itself. Run it with
//! `cargo run --release --features json --example user_profile`.

#![allow(clippy::print_stdout, reason = "it tells what it has done")]

use std::error::Error;
use std::thread;

use hashlet::{CodecError, Hashes, Json, Store, TypedHashes};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) nickname: Option<String>,
    pub(crate) visits: u64,
    pub(crate) preferences: Preferences,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Preferences {
    pub(crate) theme: String,
    pub(crate) notifications: bool,
}

#[derive(Debug)]
pub(crate) struct Profiles<'a, H> {
    pub(crate) hashes: &'a H,
}

impl<H: Hashes> Profiles<'_, H> {
    /// Saves a profile in one step, so that no thread ever sees half of it.
    pub(crate) fn put(&self, id: u64, profile: &Profile) -> Result<(), CodecError<H::Error>> {
        TypedHashes::new(self.hashes, Json).save_object(key(id), profile)
    }

    pub(crate) fn get(&self, id: u64) -> Result<Option<Profile>, CodecError<H::Error>> {
        TypedHashes::new(self.hashes, Json).load_object(key(id))
    }

    /// Reads only the members that a page needs.
    pub(crate) fn preferences(&self, id: u64) -> Result<Option<Preferences>, CodecError<H::Error>> {
        TypedHashes::new(self.hashes, Json).get(key(id), "preferences")
    }

    /// Changes any members of an existing profile, in one step.
    pub(crate) fn change(&self, id: u64, change: impl FnMut(&mut Profile)) -> Result<bool, CodecError<H::Error>> {
        Ok(TypedHashes::new(self.hashes, Json).update_object(key(id), change)?.is_some())
    }

    /// Counts a visit without reading the rest, because a number in a struct is a number in the hash. A profile that is gone
    /// stays gone: `increment` would make one that has nothing but visits.
    pub(crate) fn visit(&self, id: u64) -> Result<Option<i64>, H::Error> {
        self.hashes.increment_existing(key(id), "visits", 1)
    }
}

fn key(id: u64) -> String {
    format!("user:{id}")
}

#[allow(dead_code, reason = "the tests take the rest")]
fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::new();
    let profiles = Profiles { hashes: &store };
    let preferences = Preferences { theme: "dark".into(), notifications: true };
    let john =
        Profile { name: "John Doe".into(), email: "john@example.com".into(), nickname: None, visits: 0, preferences };
    profiles.put(123, &john)?;
    assert_eq!(profiles.get(123)?, Some(john));
    assert_eq!(profiles.preferences(123)?.map(|preferences| preferences.theme), Some("dark".into()));
    assert!(!store.contains("user:123", "nickname"), "`None` takes no room");

    // Four threads: two serve pages, two change the profile as a whole. No thread loses the changes of another.
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..1_000).for_each(|_| _ = profiles.visit(123)));
            scope.spawn(|| {
                for _ in 0..1_000 {
                    let toggle = |profile: &mut Profile| profile.preferences.notifications ^= true;
                    _ = profiles.change(123, toggle);
                }
            });
        }
    });
    let john = profiles.get(123)?.ok_or("he is there")?;
    assert_eq!((john.visits, john.preferences.notifications), (2_000, true));
    assert!(!profiles.change(456, |_| ())?, "there is no such user");
    assert_eq!(profiles.visit(456)?, None);
    assert_eq!(profiles.get(456)?, None, "and no half of one");
    println!("{} has come {} times", john.name, john.visits);
    Ok(())
}
