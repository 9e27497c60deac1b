//! A struct as a hash: a member in each field. What is plain text and what the codec writes, the docs of the methods say.
//!
//! | file | what |
//! |---|---|
//! | `ser.rs`, `text.rs` | a struct becomes members, and a member the bytes of its field |
//! | `people.rs` | a member is written as for people by the codec too |
//! | `de.rs`, `member.rs` | members become a struct, and the bytes of a field a member |
//! | `order.rs` | in which order a struct is handed its members |
//! | `hints.rs` | reading again, when a type has asked what cannot be answered at once |
//! | `guess.rs` | the answer to a type that asks what a member is |
//! | `facts.rs`, `candidates.rs`, `probe.rs` | what is known of such types, what a member can be, what a type takes at all |
//! | `shape.rs` | what a type asks a codec for |
//! | `update.rs` | what an update writes and removes |
//! | `error.rs` | what is wrong with an object |

mod candidates;
mod de;
mod error;
mod facts;
mod guess;
mod hints;
mod member;
mod order;
mod people;
mod probe;
mod ser;
mod shape;
mod text;
mod update;

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed};

use super::codec::Codec;
use super::error::{CodecError, Reason};
use super::view::{Result, Typed};
use crate::expiry::SetOptions;
use crate::value::{HashMut, HashRef};
use error::ObjectError;
use hints::{Hints, Loaded};
use member::MemberDeserializer;
use update::Changes;

/// Structs as hashes: each member in a field of its name, so that one alone can be read, incremented or given a deadline.
///
/// Also string-keyed maps, and whatever else serde takes for a struct or a map. Of the members:
///
/// | what | in the field |
/// |---|---|
/// | numbers, `bool`, `char` | their text: `increment` works on numbers, and people recognise them |
/// | strings, bytes (`serde_bytes`) | themselves |
/// | variants without data | their names |
/// | `None` | there is no such field |
/// | `Some`, newtypes | what is in them; an `Option` in there is what the [`Codec`] writes |
/// | everything else: vectors, tuples, structs, maps, variants with data, `()` | what the [`Codec`] writes |
///
/// `rename`, `default`, `skip` and their like work, and so does `with`, on an `Option` too. Members are written as for people
/// (`is_human_readable`), whatever the codec: addresses and dates are text. A struct is handed its members in its own order,
/// so that an adjacently tagged enum (`tag` and `content`) gets its tag first.
///
/// # Types that ask what a member is
/// Plain text does not tell a number from a string, and some types ask (`deserialize_any`):
///
/// * Types that take whatever they are given are refused: `flatten`, untagged and internally tagged enums,
///   `serde_json::Value`, and every other type that takes a `bool` beside numbers or strings, as a flag that may be written
///   as `true`, `1` or `"yes"`. They can be saved, but loading them is an error that names the member. [`get`](Self::get)
///   reads them where [`set`](Self::set) has written them.
/// * Types that know what they are, and allow for several notations, come back: `rust_decimal::Decimal`, the times of the
///   crate `time`, a list that may also be a single string. They are handed their text as a string, as a number, and as what
///   the codec reads there, until they take it. The struct variant of an adjacently tagged enum is such a type too, but
///   [`Bincode`](crate::Bincode) has no names for what is in it, and loading it is an error.
///
/// Such a type may take two notations that look the same. Then loading is an error that names the member and the remedy, a
/// `#[serde(with = …)]` that asks for one of them:
///
/// * **Integers and floats**, as `serde_json::Number`: the text `5` is refused, because a float of 5 has the same text.
///   `5.5` is read.
/// * **Text and lists or maps, with a codec that does not tell which it has written**, as `Bincode`: refused. The types of
///   the crate `time` are read all the same, because the lists that they take are too short to be their texts.
/// * **Text and `()`**: what the codec writes for `()` is refused, in JSON the text `null`.
///
/// Two such cases are not seen. A type that means different things by a number and by a string of the same text gets the
/// string. And a type that takes strings and lists or maps gets a string that is a JSON list or map as such.
///
/// A type is read again from the start for each question that it has to be asked, up to six for a type that asks, and for each
/// `Option` with a function of its own that is `None`. A map of prices asks no more often than one price. Types that do not
/// ask are read once.
impl<C: Codec> Typed<'_, C> {
    /// Puts a struct in the place of a hash, in one atomic step: its members become the fields, and fields that are none of
    /// its members go. A key's deadline stays, those of fields go. A struct all of whose members are `None` leaves no hash.
    ///
    /// What the struct does not write goes too: the field of a `skip_serializing` member, and then loading fails unless the
    /// member has a `default`. [`update_object`](Self::update_object) leaves such fields alone, and
    /// [`set_member`](Self::set_member) writes a single member in the same notation. O(members).
    ///
    /// ```
    /// # #[cfg(feature = "json")] {
    /// use hashlet::{Json, Store};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Debug, PartialEq, Serialize, Deserialize)]
    /// struct User {
    ///     name: String,
    ///     visits: u64,
    ///     tags: Vec<String>,
    /// }
    ///
    /// let store = Store::new();
    /// let ada = User { name: "Ada".into(), visits: 1, tags: vec!["admin".into()] };
    /// store.typed(Json).save_object("user:1", &ada)?;
    /// assert_eq!(store.get("user:1", "name").as_deref(), Some(&b"Ada"[..]));
    /// store.increment("user:1", "visits", 1)?;
    /// let loaded: Option<User> = store.typed(Json).load_object("user:1")?;
    /// assert_eq!(loaded, Some(User { visits: 2, ..ada }));
    /// # }
    /// # Ok::<(), hashlet::CodecError>(())
    /// ```
    ///
    /// # Errors
    /// [`CodecError::Encode`](crate::CodecError::Encode) if it is no struct or string-keyed map, or a member cannot be written;
    /// [`CodecError::Refused`](crate::CodecError::Refused) if the store refuses, as it does if the old fields and the new ones
    /// together pass a limit. Nothing is changed then.
    pub fn save_object<T: Serialize + ?Sized>(&self, key: impl AsRef<[u8]>, value: &T) -> Result<()> {
        let key = key.as_ref();
        let members = to_members(&self.codec, key, value)?;
        self.store.update_with_room(key, |hash| {
            hash.set_many(members.iter().map(|(member, bytes)| (member, bytes)))?;
            keep_members(hash, &members);
            Ok(())
        })
    }

    /// Reads a struct out of a hash, of one instant, or `None` if there is no such key. [`get_member`](Self::get_member) reads a
    /// single member. O(members).
    ///
    /// # Errors
    /// [`CodecError::Decode`](crate::CodecError::Decode) if the hash is no `T`.
    pub fn load_object<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>) -> Result<Option<T>> {
        let key = key.as_ref();
        self.store.read(key, |hash| Ok(self.object(key, *hash)?.map(|object| object.value)))
    }

    /// Lends a struct in a hash to a closure, and puts it back as that leaves it, in one atomic step. Returns what the closure
    /// returns, or `None` if there is no such key; it is not called then.
    ///
    /// Fields that the struct wrote before the closure and does not write after it go: a member that has become `None`, a
    /// removed entry of a map, the content of another variant. Everything else stays: fields that the type does not know, and
    /// members that it reads but never writes (`skip_serializing`). A member that was read under another name (`alias`) than
    /// the one it is written under has one field afterwards, that of the latter, and none if it has become `None`. So has a
    /// key of a map that was read from another text, as `01` for `1`. Deadlines stay, as in an increment.
    ///
    /// O(members), plus one more reading of the struct for each field that was read but is not written.
    ///
    /// ```
    /// # #[cfg(feature = "json")] {
    /// use hashlet::{Json, Store};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct User {
    ///     visits: u64,
    ///     nickname: Option<String>,
    ///     #[serde(skip_serializing)]
    ///     password: String,
    /// }
    ///
    /// let store = Store::new();
    /// store.set_many("user:1", [("visits", "1"), ("nickname", "Countess"), ("password", "secret"), ("token", "7f")])?;
    /// store.typed(Json).update_object("user:1", |user: &mut User| {
    ///     user.visits += 1;
    ///     user.nickname = None;
    /// })?;
    /// assert_eq!(store.get_many("user:1", ["visits", "nickname"]), [Some(b"2".to_vec()), None]);
    /// assert!(store.contains("user:1", "password") && store.contains("user:1", "token"));
    /// # }
    /// # Ok::<(), hashlet::CodecError>(())
    /// ```
    ///
    /// # Errors
    /// As of [`load_object`](Self::load_object) and [`save_object`](Self::save_object); the hash is as it was then.
    ///
    /// # Panics
    /// If the closure does, or calls any store; the hash is as it was then.
    pub fn update_object<T: Serialize + DeserializeOwned, R>(
        &self,
        key: impl AsRef<[u8]>,
        update: impl FnOnce(&mut T) -> R,
    ) -> Result<Option<R>> {
        let key = key.as_ref();
        self.store.update(key, |hash| self.change_object(key, hash, |value| Ok(update(value))))
    }

    /// Lends a struct in a hash to a closure that can fail, and puts it back as that leaves it, in one atomic step. If the
    /// closure returns `Err`, nothing is put back. Otherwise as [`update_object`](Self::update_object).
    ///
    /// ```
    /// # #[cfg(feature = "json")] {
    /// use hashlet::{Json, Store};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Account {
    ///     owner: String,
    ///     balance: u64,
    /// }
    ///
    /// let store = Store::new();
    /// let typed = store.typed(Json);
    /// typed.save_object("account:1", &Account { owner: "Ada".into(), balance: 50 })?;
    /// let withdraw = |amount| {
    ///     typed.try_update_object("account:1", |account: &mut Account| -> Result<u64, Box<dyn std::error::Error>> {
    ///         account.balance = account.balance.checked_sub(amount).ok_or("not enough")?;
    ///         Ok(account.balance)
    ///     })
    /// };
    /// assert!(matches!(withdraw(30), Ok(Some(20))));
    /// assert!(withdraw(30).is_err());
    /// assert_eq!(typed.get_member::<u64>("account:1", "balance")?, Some(20));
    /// # }
    /// # Ok::<(), hashlet::CodecError>(())
    /// ```
    ///
    /// # Errors
    /// Those of the closure, and those of [`update_object`](Self::update_object), turned into the closure's error type; the
    /// hash is as it was then.
    ///
    /// # Panics
    /// If the closure does, or calls any store; the hash is as it was then.
    ///
    /// # Locking
    /// The closure runs under the write lock of the key's shard, as in
    /// [`Store::try_update`](crate::Store::try_update).
    pub fn try_update_object<T: Serialize + DeserializeOwned, R, E: From<CodecError>>(
        &self,
        key: impl AsRef<[u8]>,
        update: impl FnOnce(&mut T) -> std::result::Result<R, E>,
    ) -> std::result::Result<Option<R>, E> {
        let key = key.as_ref();
        self.store.try_update(key, |hash| self.change_object(key, hash, update))
    }

    /// Changes the struct in a hash, unless something fails.
    fn change_object<T: Serialize + DeserializeOwned, R, E: From<CodecError>>(
        &self,
        key: &[u8],
        hash: &mut HashMut<'_>,
        update: impl FnOnce(&mut T) -> std::result::Result<R, E>,
    ) -> std::result::Result<Option<R>, E> {
        let view = hash.view();
        let Some(mut loaded) = self.object::<T>(key, view)? else { return Ok(None) };
        let before = names(key, &loaded.value)?;
        let result = update(&mut loaded.value)?;
        let after = to_members(&self.codec, key, &loaded.value)?;
        let Changes { new, gone } = update::changes(&self.codec, view, &loaded, before, &after);
        let new = new.into_iter().map(|(member, bytes)| (member, bytes));
        hash.set_with(new, SetOptions::new().keep_ttl()).map_err(CodecError::from)?;
        hash.remove_many(gone);
        Ok(Some(result))
    }

    /// Sets one member of an object, and returns whether its field is new. The field then holds what
    /// [`save_object`](Self::save_object) writes there: plain text for strings and numbers, where [`set`](Self::set) writes
    /// what the [`Codec`] does. A missing key is created, and a deadline of the field goes, as in `set`. `None` removes the
    /// field, and returns `false`. O(1), and writing the value.
    ///
    /// ```
    /// # #[cfg(feature = "json")] {
    /// use hashlet::{Json, Store};
    ///
    /// let store = Store::new();
    /// let typed = store.typed(Json);
    /// assert!(typed.set_member("user:1", "name", "Eve")?);
    /// assert_eq!(store.get("user:1", "name").as_deref(), Some(&b"Eve"[..]));
    /// typed.set("user:1", "name", "Eve")?; // a value of its own, and no member of an object
    /// assert_eq!(store.get("user:1", "name").as_deref(), Some(&b"\"Eve\""[..]));
    /// assert!(!typed.set_member("user:1", "name", &None::<String>)?);
    /// assert!(!store.contains_key("user:1"));
    /// # }
    /// # Ok::<(), hashlet::CodecError>(())
    /// ```
    ///
    /// # Errors
    /// [`CodecError::Encode`](crate::CodecError::Encode) if the codec or the value itself refuses,
    /// [`CodecError::Refused`](crate::CodecError::Refused) if the store does. Nothing is changed then.
    pub fn set_member<T: Serialize + ?Sized>(
        &self,
        key: impl AsRef<[u8]>,
        member: impl AsRef<[u8]>,
        value: &T,
    ) -> Result<bool> {
        let (key, member) = (key.as_ref(), member.as_ref());
        match text::bytes_of(Some(&self.codec), value).map_err(|error| error.of(member).on_saving(key))? {
            Some(bytes) => Ok(self.store.set(key, member, bytes)?),
            None => {
                self.store.remove(key, member);
                Ok(false)
            }
        }
    }

    /// Returns one member of an object, or `None` if there is no such field or key. It reads what
    /// [`save_object`](Self::save_object) and [`set_member`](Self::set_member) write, as [`load_object`](Self::load_object)
    /// reads it, where [`get`](Self::get) reads what [`set`](Self::set) writes. O(1), and reading the value.
    ///
    /// ```
    /// # #[cfg(feature = "json")] {
    /// use hashlet::{Json, Store};
    ///
    /// let store = Store::new();
    /// store.set_many("user:1", [("name", "Ada"), ("tags", r#"["admin"]"#)])?;
    /// let typed = store.typed(Json);
    /// assert_eq!(typed.get_member::<String>("user:1", "name")?.as_deref(), Some("Ada"));
    /// assert_eq!(typed.get_member::<Vec<String>>("user:1", "tags")?.map_or(0, |tags| tags.len()), 1);
    /// assert_eq!(typed.get_member::<u64>("user:1", "visits")?, None);
    /// # }
    /// # Ok::<(), hashlet::CodecError>(())
    /// ```
    ///
    /// # Errors
    /// [`CodecError::Decode`](crate::CodecError::Decode) if it is no `T`.
    ///
    /// # Locking
    /// The value is read in place, under the lock of its hash: `T` must not call any store.
    pub fn get_member<T: DeserializeOwned>(
        &self,
        key: impl AsRef<[u8]>,
        member: impl AsRef<[u8]>,
    ) -> Result<Option<T>> {
        let (key, member) = (key.as_ref(), member.as_ref());
        self.store.read(key, |hash| {
            let Some(bytes) = hash.get(member) else { return Ok(None) };
            of_member(&self.codec, member, bytes).map(Some).map_err(|error| error.on_loading(key))
        })
    }

    fn object<'a, T: DeserializeOwned>(&'a self, key: &[u8], hash: HashRef<'a>) -> Result<Option<Loaded<'a, T>>> {
        if hash.is_empty() {
            Ok(None)
        } else {
            of_members(&self.codec, hash).map(Some).map_err(|error| error.on_loading(key))
        }
    }
}

/// Removes what is none of these members.
fn keep_members(hash: &mut HashMut<'_>, members: &[Member]) {
    if hash.len() > members.len() {
        let kept: HashSet<&[u8]> = members.iter().map(|(member, _)| &**member).collect();
        hash.retain(|field, _| kept.contains(field));
    }
}

/// The name of a member, which of a struct is a constant.
type Name = Cow<'static, [u8]>;

/// A member, and what its field holds.
type Member = (Name, Vec<u8>);

/// The members of a struct or a string-keyed map, without those that are absent; of a name that comes twice the last one.
fn to_members<C: Codec, T: Serialize + ?Sized>(codec: &C, key: &[u8], value: &T) -> Result<Vec<Member>> {
    members_of(codec, value).map_err(|error| error.on_saving(key))
}

fn members_of<C: Codec, T: Serialize + ?Sized>(codec: &C, value: &T) -> std::result::Result<Vec<Member>, ObjectError> {
    value.serialize(ser::Object(Some(codec)))
}

/// The names of these members. Nothing is written, so that it costs little.
fn names<T: Serialize>(key: &[u8], value: &T) -> Result<Vec<Name>> {
    let members = value.serialize(ser::Object::<OnlyText>(None)).map_err(|error| error.on_saving(key))?;
    Ok(members.into_iter().map(|(name, _)| name).collect())
}

/// A value whose members are these fields.
fn of_members<'a, C: Codec, T: DeserializeOwned>(
    codec: &'a C,
    hash: HashRef<'a>,
) -> std::result::Result<Loaded<'a, T>, ObjectError> {
    hints::read(|hints| T::deserialize(de::Object { codec, hash, hints }))
}

/// A value that this member is.
fn of_member<'a, C: Codec, T: DeserializeOwned>(
    codec: &'a C,
    member: &'a [u8],
    bytes: &'a [u8],
) -> std::result::Result<T, ObjectError> {
    let once = |hints: &Hints<'a>| T::deserialize(MemberDeserializer::new(codec, member, bytes, hints));
    hints::read(|hints| once(hints).map_err(|error| error.of(member))).map(|loaded| loaded.value)
}

/// Where nothing but plain text can be: the keys of maps.
struct OnlyText;

impl Codec for OnlyText {
    fn encode<T: Serialize + ?Sized>(&self, _: &T, _: &mut Vec<u8>) -> std::result::Result<(), Reason> {
        Err("a key of a map that is no plain text".into())
    }

    fn decode<'de, S: DeserializeSeed<'de>>(&self, _: S, _: &'de [u8]) -> std::result::Result<S::Value, Reason> {
        Err("a key of a map can only be plain text".into())
    }
}
