//! The sessions of a web service in a hashlet store: a `SessionStore` for the crate tower-sessions, which axum services
//! use.
//!
//! Each session is a hash. Each of its entries is a field, as JSON, so that other code can read or count a single one. The
//! expiry date is the deadline of the key, so nobody has to clean up: a session that has expired is absent at once, and a
//! `hashlet::Janitor` gives its memory back. With `Expiry::OnInactivity`, tower-sessions saves a session that was used
//! with a later date, which prolongs it.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use hashlet::{ExpireOutcome, SetOptions, Store};
use tower_sessions_core::session::{Id, Record};
use tower_sessions_core::session_store::{Error, Result, SessionStore};

/// A session without entries has this field, because a hash without fields does not exist.
const HEAD: &str = "";

#[derive(Clone, Debug)]
pub struct HashletSessions(pub Arc<Store>);

fn key(id: &Id) -> String {
    format!("session:{id}")
}

/// The fields of a session. The names of entries get a dot, so that none is the head.
fn fields(record: &Record) -> Result<Vec<(String, Vec<u8>)>> {
    let mut fields = vec![(HEAD.to_string(), Vec::new())];
    for (name, value) in &record.data {
        let json = serde_json::to_vec(value).map_err(|error| Error::Encode(error.to_string()))?;
        fields.push((format!(".{name}"), json));
    }
    Ok(fields)
}

fn refused(error: hashlet::Error) -> Error {
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for HashletSessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let options = SetOptions::new().only_new_key().expire_key(SystemTime::from(record.expiry_date));
        while self.0.set_with(key(&record.id), fields(record)?, options).map_err(refused)?.is_none() {
            record.id = Id::default(); // another session has this id
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let fields = fields(record)?;
        self.0.try_update(key(&record.id), |session| {
            session.clear();
            session.set_many(fields).map_err(refused)?;
            match session.expire(SystemTime::from(record.expiry_date)) {
                ExpireOutcome::Full => Err(Error::Backend("the store is full".into())),
                _ => Ok(()),
            }
        })
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        self.0.read(key(id), |session| {
            let Some(deadline) = session.deadline() else { return Ok(None) }; // there is no such session any more
            let mut record = Record { id: *id, data: Default::default(), expiry_date: deadline.into() };
            for (name, json) in session.iter().filter(|(name, _)| *name != HEAD.as_bytes()) {
                let value = serde_json::from_slice(json).map_err(|error| Error::Decode(error.to_string()))?;
                record.data.insert(String::from_utf8_lossy(&name[1..]).into_owned(), value);
            }
            Ok(Some(record))
        })
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.0.clear(key(id));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hashlet::ManualClock;
    use serde_json::json;
    use time::OffsetDateTime;

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn a_session_is_created_saved_prolonged_loaded_and_deleted() {
        let clock = ManualClock::new();
        let sessions = HashletSessions(Arc::new(Store::builder().clock(&clock).build()));
        let after = |seconds| OffsetDateTime::from(clock.now() + Duration::from_secs(seconds));

        let mut ada = Record { id: Id(7), data: Default::default(), expiry_date: after(60) };
        sessions.create(&mut ada).await.unwrap();
        assert_eq!(sessions.load(&ada.id).await.unwrap(), Some(ada.clone()), "without entries");
        let mut grace = Record { id: Id(7), ..ada.clone() };
        sessions.create(&mut grace).await.unwrap();
        assert_ne!(grace.id, ada.id, "an id that is taken is not used twice");

        ada.data.insert("cart".into(), json!({ "apples": 2 }));
        ada.data.insert("".into(), json!("an empty name"));
        sessions.save(&ada).await.unwrap();
        assert_eq!(sessions.load(&ada.id).await.unwrap(), Some(ada.clone()));
        ada.data.remove("cart");
        clock.advance(Duration::from_secs(50));
        ada.expiry_date = after(60); // it was used
        sessions.save(&ada).await.unwrap();
        clock.advance(Duration::from_secs(50));
        assert_eq!(sessions.load(&ada.id).await.unwrap(), Some(ada.clone()), "prolonged, and without the cart");
        assert_eq!(sessions.load(&grace.id).await.unwrap(), None, "expired");
        clock.advance(Duration::from_secs(10));
        assert_eq!(sessions.load(&ada.id).await.unwrap(), None, "expired at its date");

        let mut ada = Record { expiry_date: after(60), ..ada };
        sessions.create(&mut ada).await.unwrap();
        sessions.delete(&ada.id).await.unwrap();
        assert_eq!(sessions.load(&ada.id).await.unwrap(), None);
        assert!(sessions.0.is_empty());
    }
}
