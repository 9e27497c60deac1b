//! Objects: structs as hashes, each member in a field of its own. The docs of `Typed` tell which members are plain text
//! and which are written by the codec.
//!
//! | file | content |
//! |---|---|
//! | `ser.rs`, `text.rs` | writing: a struct becomes members, and a member becomes the bytes of its field |
//! | `human_readable.rs` | writing: the codec, too, writes members in their human-readable form |
//! | `de.rs`, `member.rs` | reading: members become a struct, and the bytes of a field become a member |
//! | `order.rs` | the order in which a struct gets its members |
//! | `hints.rs` | repeated reading, for types with questions that cannot be answered at once |
//! | `guess.rs` | the answer to a type that asks what a member is (`deserialize_any`) |
//! | `facts.rs`, `candidates.rs`, `probe.rs` | what is known of a type, what a member can be, what a type accepts |
//! | `shape.rs` | the kinds of values that a type requests from a codec |
//! | `update.rs` | the fields that an update writes and removes |
//! | `error.rs` | the errors of this module |

mod candidates;
mod de;
mod error;
mod facts;
mod guess;
mod hints;
mod human_readable;
mod member;
mod order;
mod probe;
mod ser;
mod shape;
mod text;
mod update;

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Deref;

use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed};

use super::codec::Codec;
use super::error::{CodecError, Reason};
use super::view::{Result, Typed};
use crate::error::Error;
use crate::expiry::SetOptions;
use crate::store::Store;
use crate::value::{HashMut, HashRef};
use error::ObjectError;
use hints::{Hints, Loaded};
use member::MemberDeserializer;
use update::Changes;

/// Structs as hashes: each member is in a field of its name, so that it can be read, incremented or given a deadline on
/// its own. String-keyed maps work in the same way, and so does everything else that serde treats as a struct or a map.
///
/// | member | content of its field |
/// |---|---|
/// | numbers, `bool`, `char` | their text: `increment` works on numbers, and people recognise them |
/// | strings, bytes (`serde_bytes`) | the same bytes |
/// | variants without data | their names |
/// | `None` | no such field |
/// | `Some`, newtypes | as the value inside; but an `Option` inside is what the [`Codec`] writes |
/// | everything else: vectors, tuples, structs, maps, variants with data, `()` | what the [`Codec`] writes |
///
/// Serde's attributes `rename`, `default`, `skip` and their like work, and so does `with`, on an `Option` too. Members
/// are written in their human-readable form (`is_human_readable`) whatever the codec, so addresses and dates are text.
/// A struct gets its members in its own order, so that an adjacently tagged enum (`tag` and `content`) gets its tag
/// first.
///
/// # Types that ask what a member is
/// Some types ask a format what it holds (`deserialize_any`). Plain text does not tell a number from a string, so what
/// happens depends on the type:
///
/// * **Types that become whatever they are given are refused.** They are `flatten`, untagged and internally tagged
///   enums, and `serde_json::Value`. So is every other type that accepts a `bool` beside numbers or strings, such as a
///   flag that may be written as `true`, `1` or `"yes"`. They can be saved, but loading them is an error that names the
///   member. [`set`](Self::set) and [`get`](Self::get) can keep such values in fields of their own, with a
///   self-describing codec such as `Json`.
/// * **Types that accept several notations of one thing are read.** Examples are `rust_decimal::Decimal`, the times of
///   the crate `time`, and a list that may also be a single string. Such a type is offered the text as a string, as a
///   number, and as what the codec reads there, until it accepts one. The struct variant of an adjacently tagged enum
///   is such a type too, but [`Bincode`](crate::Bincode) and [`Postcard`](crate::Postcard) write no names for its
///   members, so loading it is an error.
///
/// If the type accepts two notations whose bytes are the same, loading is an error. It names the member and the remedy,
/// a `#[serde(with = …)]` that asks for one of them:
///
/// * **Integers and floats**, as in `serde_json::Number`. The text `5` is refused, because the float 5 has the same
///   text. The text `5.5` is read.
/// * **Text and lists or maps, with a codec that is not self-describing**, such as `Bincode` and `Postcard`. Such
///   members are refused. The types of the crate `time` are read all the same, because the encoded lists that they
///   accept are shorter than their texts.
/// * **Text and `()`**. The bytes that the codec writes for `()` are refused, such as the JSON text `null`.
///
/// Two such cases are not detected. A type that takes a number and a string of the same text for different things gets
/// the string. A type that accepts strings as well as lists or maps gets a list or map wherever the text is one in
/// JSON, even if it was saved as a string.
///
/// **Cost.** A type that asks nothing is read once. Otherwise it is read again from the start for each open question:
/// at most six for each type that asks, and one for each `Option` that is `None` and has a `with` function. A map of
/// prices is read no more often than a single price.
impl<S: Deref<Target = Store>, C: Codec> Typed<S, C> {
    /// Replaces a hash by a struct, in one atomic step: its members become the fields, and all other fields are
    /// removed. The key's deadline stays, and deadlines of fields are removed. If all members are `None`, no hash is
    /// left. O(members).
    ///
    /// The field of a `skip_serializing` member is removed too, because the struct does not write it. Loading then
    /// fails unless the member has a `default`. [`update_object`](Self::update_object) leaves such fields alone, and
    /// [`set_member`](Self::set_member) writes a single member in the same notation.
    /// [`save_object_with`](Self::save_object_with) saves with a deadline, or only if there is no such key yet.
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
    /// [`CodecError::Encode`](crate::CodecError::Encode) if the value is no struct or string-keyed map, or a member
    /// cannot be written. [`CodecError::Refused`](crate::CodecError::Refused) if the store refuses the write; it also
    /// does so if the old and the new fields together exceed a limit. Nothing is changed then.
    #[track_caller]
    pub fn save_object<T: Serialize + ?Sized>(&self, key: impl AsRef<[u8]>, value: &T) -> Result<()> {
        let key = key.as_ref();
        let members = to_members(&self.codec, key, value)?;
        self.store.update_with_room(key, |hash| Ok(save(hash, &members)?))
    }

    /// Replaces a hash by a struct with deadlines or on conditions, in one atomic step, and returns whether it was saved:
    /// `false` if a condition is not met, and then nothing is changed. With [`SetOptions::new`] it does what
    /// [`save_object`](Self::save_object) does. O(members).
    ///
    /// * [`only_new_key`](SetOptions::only_new_key) saves only if there is no such key, and
    ///   [`only_present_key`](SetOptions::only_present_key) only if there is one. The conditions on fields are about the
    ///   fields of the members.
    /// * [`expire_key`](SetOptions::expire_key) gives the whole object a deadline. [`expire`](SetOptions::expire) gives one
    ///   to the field of each member, and a member that is set later does not have it. If either deadline is in the past,
    ///   no hash is left, and the answer is `true`.
    /// * Without a deadline for the key, the key's deadline stays. With [`keep_ttl`](SetOptions::keep_ttl), those of the
    ///   members' fields stay too.
    /// * If all members are `None` and the conditions are met, no hash is left, whatever deadline was to be set.
    ///
    /// ```
    /// # #[cfg(feature = "json")] {
    /// use std::time::Duration;
    /// use hashlet::{Json, SetOptions, Store};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Session {
    ///     user: String,
    ///     visits: u64,
    /// }
    ///
    /// let store = Store::new();
    /// let sessions = store.typed(Json);
    /// let new = SetOptions::new().only_new_key().expire_key(Duration::from_secs(3_600));
    /// assert!(sessions.save_object_with("session:9", &Session { user: "ada".into(), visits: 0 }, new)?);
    /// assert!(!sessions.save_object_with("session:9", &Session { user: "eve".into(), visits: 0 }, new)?);
    /// assert_eq!(sessions.get_member::<String>("session:9", "user")?.as_deref(), Some("ada"));
    /// assert!(store.ttl("session:9").left().is_some());
    /// # }
    /// # Ok::<(), hashlet::CodecError>(())
    /// ```
    ///
    /// # Errors
    /// As [`save_object`](Self::save_object). Nothing is changed then.
    #[track_caller]
    pub fn save_object_with<T: Serialize + ?Sized>(
        &self,
        key: impl AsRef<[u8]>,
        value: &T,
        options: SetOptions,
    ) -> Result<bool> {
        let key = key.as_ref();
        let members = to_members(&self.codec, key, value)?;
        self.store.update_with_room(key, |hash| Ok(save_with(hash, &members, options)?))
    }

    /// Reads a struct from a hash, all members of one instant. Returns `None` if there is no such key. O(members).
    /// [`get_member`](Self::get_member) reads a single member.
    ///
    /// # Errors
    /// [`CodecError::Decode`](crate::CodecError::Decode) if the hash holds no `T`.
    #[track_caller]
    pub fn load_object<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>) -> Result<Option<T>> {
        self.store.read(key, |hash| hash.typed(&self.codec).load_object())
    }

    /// Reads a struct from a hash, passes it to a closure, and writes it back as the closure leaves it, in one atomic
    /// step. Returns what the closure returns. If there is no such key, it returns `None` and does not call the
    /// closure.
    ///
    /// * **Fields removed:** those that the struct wrote before the closure ran and does not write afterwards. Examples
    ///   are a member that has become `None`, a removed entry of a map, and the content of another variant.
    /// * **Fields kept:** all others. Examples are fields that the type does not know, and members that it reads but
    ///   never writes (`skip_serializing`).
    /// * **Fields renamed:** a member may be read under another name than it is written under (`alias`). Then only the
    ///   field that is written remains, and none if the member has become `None`. The same holds for a key of a map
    ///   that was read from another text, such as `01` for `1`.
    /// * **Deadlines:** they stay, as in an increment.
    ///
    /// The struct is written whatever the closure returns, even an `Err`. For a closure that can fail, use
    /// [`try_update_object`](Self::try_update_object), which then writes nothing.
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
    /// As [`load_object`](Self::load_object) and [`save_object`](Self::save_object). The hash stays as it was then.
    ///
    /// # Panics
    /// If the closure panics or calls any store. The hash stays as it was then.
    #[track_caller]
    pub fn update_object<T: Serialize + DeserializeOwned, R>(
        &self,
        key: impl AsRef<[u8]>,
        update: impl FnOnce(&mut T) -> R,
    ) -> Result<Option<R>> {
        self.store.update(key, |hash| hash.typed(&self.codec).update_object(update))
    }

    /// Changes a struct in a hash by a closure that can fail, in one atomic step. If the closure returns `Err`, nothing
    /// is written, and the same holds if the struct cannot be encoded afterwards. Otherwise as
    /// [`update_object`](Self::update_object).
    ///
    /// The closure's error type must be able to hold a [`CodecError`], because the call itself can fail with one. An error
    /// type of your own needs one `From` for it:
    ///
    /// ```
    /// # #[cfg(feature = "json")] {
    /// use hashlet::{CodecError, Json, Store};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Account {
    ///     owner: String,
    ///     balance: u64,
    /// }
    ///
    /// #[derive(Debug)]
    /// enum Refusal {
    ///     NotEnough { missing: u64 },
    ///     Store(CodecError),
    /// }
    ///
    /// impl From<CodecError> for Refusal {
    ///     fn from(error: CodecError) -> Self {
    ///         Self::Store(error)
    ///     }
    /// }
    ///
    /// fn take(account: &mut Account, amount: u64) -> Result<u64, Refusal> {
    ///     let missing = amount.saturating_sub(account.balance);
    ///     account.balance = account.balance.checked_sub(amount).ok_or(Refusal::NotEnough { missing })?;
    ///     Ok(account.balance)
    /// }
    ///
    /// let store = Store::new();
    /// let typed = store.typed(Json);
    /// typed.save_object("account:1", &Account { owner: "Ada".into(), balance: 50 })?;
    /// let withdraw = |amount| typed.try_update_object("account:1", |account: &mut Account| take(account, amount));
    /// assert!(matches!(withdraw(30), Ok(Some(20))));
    /// assert!(matches!(withdraw(30), Err(Refusal::NotEnough { missing: 10 })));
    /// assert_eq!(typed.get_member::<u64>("account:1", "balance")?, Some(20));
    /// # }
    /// # Ok::<(), hashlet::CodecError>(())
    /// ```
    ///
    /// # Errors
    /// Those of the closure, and those of [`update_object`](Self::update_object), converted to the closure's error
    /// type. The hash stays as it was then.
    ///
    /// # Panics
    /// If the closure panics or calls any store. The hash stays as it was then.
    ///
    /// # Locking
    /// The closure runs under the write lock of the key's shard, as in
    /// [`Store::try_update`](crate::Store::try_update).
    #[track_caller]
    pub fn try_update_object<T: Serialize + DeserializeOwned, R, E: From<CodecError>>(
        &self,
        key: impl AsRef<[u8]>,
        update: impl FnOnce(&mut T) -> std::result::Result<R, E>,
    ) -> std::result::Result<Option<R>, E> {
        self.store.try_update(key, |hash| hash.typed(&self.codec).try_update_object(update))
    }

    /// Sets one member of an object, and returns whether its field is new. The field then holds what
    /// [`save_object`](Self::save_object) writes there: plain text for strings and numbers. ([`set`](Self::set) would
    /// write them with the [`Codec`].) As in `set`, a missing key is created, and a deadline of the field is removed.
    /// `None` removes the field, and returns `false`. O(1), plus writing the value.
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
    /// [`CodecError::Encode`](crate::CodecError::Encode) if the codec or the value itself refuses.
    /// [`CodecError::Refused`](crate::CodecError::Refused) if the store does. Nothing is changed then.
    #[track_caller]
    pub fn set_member<T: Serialize + ?Sized>(
        &self,
        key: impl AsRef<[u8]>,
        member: impl AsRef<[u8]>,
        value: &T,
    ) -> Result<bool> {
        let (key, member) = (key.as_ref(), member.as_ref());
        match member_bytes::<C, T, Error>(&self.codec, key, member, value)? {
            Some(bytes) => Ok(self.store.set(key, member, bytes)?),
            None => {
                self.store.remove(key, member);
                Ok(false)
            }
        }
    }

    /// Returns one member of an object, or `None` if there is no such field or key. It reads the notation that
    /// [`save_object`](Self::save_object) and [`set_member`](Self::set_member) write, as
    /// [`load_object`](Self::load_object) does. ([`get`](Self::get) reads the notation that [`set`](Self::set) writes.)
    /// O(1), plus reading the value.
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
    /// [`CodecError::Decode`](crate::CodecError::Decode) if the member is no `T`.
    ///
    /// # Locking
    /// The value is decoded in place, under the lock of its hash, so `T` must not call any store.
    #[track_caller]
    pub fn get_member<T: DeserializeOwned>(
        &self,
        key: impl AsRef<[u8]>,
        member: impl AsRef<[u8]>,
    ) -> Result<Option<T>> {
        self.store.read(key, |hash| hash.typed(&self.codec).get_member(member))
    }
}

/// Reads the struct in a hash.
pub(super) fn load<C: Codec, T: DeserializeOwned, S>(
    codec: &C,
    key: &[u8],
    hash: HashRef<'_>,
) -> std::result::Result<Option<T>, CodecError<S>> {
    Ok(object(codec, key, hash)?.map(|loaded| loaded.value))
}

fn object<'a, C: Codec, T: DeserializeOwned, S>(
    codec: &'a C,
    key: &[u8],
    hash: HashRef<'a>,
) -> std::result::Result<Option<Loaded<'a, T>>, CodecError<S>> {
    if hash.is_empty() { Ok(None) } else { of_members(codec, hash).map(Some).map_err(|error| error.on_loading(key)) }
}

/// Makes a hash hold these members and no other fields, and leaves it as it was if that is refused.
pub(super) fn save(hash: &mut HashMut<'_>, members: &[Member]) -> crate::error::Result<()> {
    hash.set_many(members.iter().map(|(member, bytes)| (member, bytes)))?;
    keep_members(hash, members);
    Ok(())
}

/// The same with deadlines or on conditions, and returns whether the members are saved.
pub(super) fn save_with(hash: &mut HashMut<'_>, members: &[Member], options: SetOptions) -> crate::error::Result<bool> {
    let Some((first, _)) = members.first() else {
        // There is nothing to set. `set_with` would change nothing then, and the old fields would stay.
        let is_allowed = options.allow(!hash.is_empty(), std::iter::empty());
        if is_allowed {
            hash.clear();
        }
        return Ok(is_allowed);
    };
    if hash.set_with(members.iter().map(|(member, bytes)| (member, bytes)), options)?.is_none() {
        return Ok(false);
    }
    match hash.contains(first) {
        true => keep_members(hash, members),
        false => hash.clear(), // the deadline is in the past: all members have expired at once
    }
    Ok(true)
}

/// Changes the struct in a hash. If anything fails, nothing is changed. `S` is the error of what holds the hash.
pub(super) fn change<C: Codec, T: Serialize + DeserializeOwned, R, S: From<Error>, E: From<CodecError<S>>>(
    codec: &C,
    hash: &mut HashMut<'_>,
    update: impl FnOnce(&mut T) -> std::result::Result<R, E>,
) -> std::result::Result<Option<R>, E> {
    let view = hash.view();
    let key = view.key();
    let Some(mut loaded) = object::<C, T, S>(codec, key, view)? else { return Ok(None) };
    let before = names(key, &loaded.value)?;
    let result = update(&mut loaded.value)?;
    let after = to_members(codec, key, &loaded.value)?;
    let Changes { new, gone } = update::changes(codec, view, &loaded, before, &after);
    let new = new.into_iter().map(|(member, bytes)| (member, bytes));
    hash.set_with(new, SetOptions::new().keep_ttl()).map_err(|error| CodecError::Refused(S::from(error)))?;
    hash.remove_many(gone);
    Ok(Some(result))
}

/// Returns the bytes of the field of a member, or `None` if the member is absent.
pub(super) fn member_bytes<C: Codec, T: Serialize + ?Sized, S>(
    codec: &C,
    key: &[u8],
    member: &[u8],
    value: &T,
) -> std::result::Result<Option<Vec<u8>>, CodecError<S>> {
    text::bytes_of(Some(codec), value).map_err(|error| error.of(member).on_saving(key))
}

/// Reads a value from the field of a member.
pub(super) fn member<C: Codec, T: DeserializeOwned, S>(
    codec: &C,
    key: &[u8],
    member: &[u8],
    bytes: &[u8],
) -> std::result::Result<T, CodecError<S>> {
    of_member(codec, member, bytes).map_err(|error| error.on_loading(key))
}

/// Removes all fields that are none of these members.
fn keep_members(hash: &mut HashMut<'_>, members: &[Member]) {
    if hash.len() > members.len() {
        let kept: HashSet<&[u8]> = members.iter().map(|(member, _)| &**member).collect();
        hash.retain(|field, _| kept.contains(field));
    }
}

/// The name of a member. In a struct it is a constant.
type Name = Cow<'static, [u8]>;

/// The name of a member, and the bytes that its field holds.
type Member = (Name, Vec<u8>);

/// Returns the members of a struct or a string-keyed map, without those that are absent. If a map has a name twice, the
/// last one counts.
pub(super) fn to_members<C: Codec, T: Serialize + ?Sized, S>(
    codec: &C,
    key: &[u8],
    value: &T,
) -> std::result::Result<Vec<Member>, CodecError<S>> {
    members_of(codec, value).map_err(|error| error.on_saving(key))
}

fn members_of<C: Codec, T: Serialize + ?Sized>(codec: &C, value: &T) -> std::result::Result<Vec<Member>, ObjectError> {
    value.serialize(ser::Object(Some(codec)))
}

/// Returns the names of these members. It costs little, because the members are not written.
fn names<T: Serialize, S>(key: &[u8], value: &T) -> std::result::Result<Vec<Name>, CodecError<S>> {
    let members = value.serialize(ser::Object::<OnlyText>(None)).map_err(|error| error.on_saving(key))?;
    Ok(members.into_iter().map(|(name, _)| name).collect())
}

/// Reads a value whose members are these fields.
fn of_members<'a, C: Codec, T: DeserializeOwned>(
    codec: &'a C,
    hash: HashRef<'a>,
) -> std::result::Result<Loaded<'a, T>, ObjectError> {
    hints::read(|hints| T::deserialize(de::Object { codec, hash, hints }))
}

/// Reads a value that is this member.
fn of_member<'a, C: Codec, T: DeserializeOwned>(
    codec: &'a C,
    member: &'a [u8],
    bytes: &'a [u8],
) -> std::result::Result<T, ObjectError> {
    let once = |hints: &Hints<'a>| T::deserialize(MemberDeserializer::new(codec, member, bytes, hints));
    hints::read(|hints| once(hints).map_err(|error| error.of(member))).map(|loaded| loaded.value)
}

/// The codec for keys of maps, which can only be plain text.
struct OnlyText;

impl Codec for OnlyText {
    fn encode<T: Serialize + ?Sized>(&self, _: &T, _: &mut Vec<u8>) -> std::result::Result<(), Reason> {
        Err("a key of a map is no plain text".into())
    }

    fn decode<'de, S: DeserializeSeed<'de>>(&self, _: S, _: &'de [u8]) -> std::result::Result<S::Value, Reason> {
        Err("a key of a map can only be plain text".into())
    }
}
