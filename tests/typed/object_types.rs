//! Members of types for which plain text is not enough: times, prices, tagged enums. They are read back unchanged with
//! every codec.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

use chrono::{DateTime, TimeZone, Utc};
use hashlet::{Codec, CodecError, Store};
use rust_decimal::Decimal;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use time::OffsetDateTime;

use crate::support::config::on_every_configuration;
use crate::support::told::in_one_line;
use crate::support::user::named;

promises! {
    an_adjacently_tagged_enum_is_loaded_whatever_the_order_of_its_fields
    a_struct_gets_its_members_in_its_own_order
    a_none_with_a_function_of_its_own_comes_back
    a_missing_member_that_is_no_option_is_an_error
    prices_and_times_come_back_as_members
    a_map_of_prices_is_an_object
    a_member_that_asks_is_changed_by_an_update
    a_type_that_accepts_only_numbers_gets_a_number
    what_could_be_text_or_a_list_or_a_map_comes_back_or_is_an_error_with_the_remedy
    a_string_is_read_by_a_type_that_accepts_lists_too
    a_map_of_times_is_an_object_however_many_there_are
    what_could_be_an_integer_or_a_float_comes_back_or_is_an_error_with_the_remedy
    what_could_be_text_or_unit_is_an_error_with_the_remedy
    a_type_that_ignores_errors_cannot_ignore_an_error_with_the_remedy
    a_text_that_is_no_price_does_not_change_how_others_are_read
    a_type_that_ignores_errors_sees_no_error_of_a_guess
    a_text_that_is_no_price_is_an_error_with_the_reason_and_the_remedy
    a_type_that_asks_nothing_is_read_once_and_a_map_of_prices_a_few_times
    a_type_that_changes_its_mind_is_refused_in_the_end
}

/// Whether a codec is self-describing.
fn is_self_describing(codec: impl Codec + Copy) -> bool {
    let mut bytes = Vec::new();
    codec.encode(&(), &mut bytes).unwrap();
    bytes == b"null"
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", content = "its")]
enum Event {
    Nothing,
    Number(u32),
    Text(String),
    Optional(Option<u8>),
    Tuple(i8, String),
    List(Vec<u8>),
    Newtype(Inner),
    Struct { x: i32, y: Option<String> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    x: u8,
}

fn an_adjacently_tagged_enum_is_loaded_whatever_the_order_of_its_fields(codec: impl Codec + Copy) {
    use Event::{List, Newtype, Nothing, Number, Optional, Struct, Text, Tuple};
    let events = [
        Nothing,
        Number(5),
        Text("5".into()),
        Text(r#"{"x":1}"#.into()),
        Optional(None),
        Optional(Some(5)),
        Tuple(-1, "x".into()),
        List(vec![1, 2]),
        Newtype(Inner { x: 1 }),
        Struct { x: -5, y: None },
        Struct { x: 5, y: Some("y".into()) },
    ];
    on_every_configuration(|config, _| {
        for _ in 0..20 {
            let store = config.store(); // each has another seed
            let typed = store.typed(codec);
            for event in &events {
                typed.save_object("key", event).unwrap();
                let content = store.take("key", "its");
                if let Some(content) = content {
                    let tag = store.take("key", "what").unwrap();
                    store.set("key", "its", content).unwrap();
                    store.set("key", "what", tag).unwrap();
                }
                let loaded = typed.load_object::<Event>("key");
                if matches!(event, Struct { .. }) && !is_self_describing(codec) {
                    assert_eq!(named(&loaded.unwrap_err()), "its", "bincode has no names for its members");
                } else {
                    assert_eq!(loaded.unwrap().as_ref(), Some(event));
                    typed.update_object("key", |event: &mut Event| *event = Number(7)).unwrap();
                    assert_eq!(typed.load_object("key").unwrap(), Some(Number(7)));
                }
            }
        }
    });
}

fn a_struct_gets_its_members_in_its_own_order(codec: impl Codec + Copy) {
    /// The names of the members, in the order in which they came.
    struct Names(Vec<String>);
    impl<'de> Deserialize<'de> for Names {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct All;
            impl<'de> Visitor<'de> for All {
                type Value = Names;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a struct")
                }
                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                    let mut names = Vec::new();
                    while let Some(left) = map.size_hint()
                        && let Some((name, value)) = map.next_entry::<String, String>()?
                    {
                        assert_eq!(map.size_hint(), Some(left - 1));
                        assert_eq!(name, value);
                        names.push(name);
                    }
                    Ok(Names(names))
                }
            }
            deserializer.deserialize_struct("Names", &["d", "none", "b", "a", "nothing", "c"], All)
        }
    }
    let set = |store: &Store, names: &[&str]| {
        store.clear("key");
        names.iter().for_each(|name| _ = store.set("key", name, name).unwrap());
        store.typed(codec).load_object::<Names>("key").unwrap().unwrap().0
    };
    on_every_configuration(|_, store| {
        for names in [["a", "b", "c", "d"], ["d", "b", "a", "c"], ["b", "d", "c", "a"]] {
            assert_eq!(set(store, &names), ["d", "b", "a", "c"]);
        }
        for names in [["u", "b", "v", "d"], ["d", "u", "v", "b"], ["d", "b", "u", "v"]] {
            let mut all = set(store, &names);
            all[2..].sort();
            assert_eq!(all, ["d", "b", "u", "v"], "what it does not know comes last");
        }
    });
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Times {
    name: String,
    #[serde(with = "chrono::serde::ts_seconds_option")]
    seconds: Option<DateTime<Utc>>,
    #[serde(with = "chrono::serde::ts_milliseconds_option")]
    milliseconds: Option<DateTime<Utc>>,
    #[serde(with = "time::serde::timestamp::option")]
    timestamp: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    text: Option<OffsetDateTime>,
    plain: Option<DateTime<Utc>>,
}

fn times() -> Times {
    let chrono = Utc.timestamp_opt(1_700_000_000, 0).unwrap();
    let time = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
    Times {
        name: "Ada".into(),
        seconds: Some(chrono),
        milliseconds: Some(chrono),
        timestamp: Some(time),
        text: Some(time),
        plain: Some(chrono),
    }
}

fn a_none_with_a_function_of_its_own_comes_back(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        for none in 0..32 {
            let mut value = times();
            (none & 1 > 0).then(|| value.seconds.take());
            (none & 2 > 0).then(|| value.milliseconds.take());
            (none & 4 > 0).then(|| value.timestamp.take());
            (none & 8 > 0).then(|| value.text.take());
            (none & 16 > 0).then(|| value.plain.take());
            typed.save_object("key", &value).unwrap();
            assert_eq!(store.contains("key", "seconds"), value.seconds.is_some());
            assert_eq!(typed.load_object("key").unwrap().as_ref(), Some(&value));
            let called = Cell::new(0);
            let change = |times: &mut Times| {
                called.set(called.get() + 1);
                std::mem::swap(&mut times.seconds, &mut times.milliseconds);
            };
            typed.update_object("key", change).unwrap().unwrap();
            assert_eq!(called.get(), 1, "the type is read again, the closure is not called again");
            std::mem::swap(&mut value.seconds, &mut value.milliseconds);
            assert_eq!(typed.load_object("key").unwrap().as_ref(), Some(&value));
        }
    });
}

fn a_missing_member_that_is_no_option_is_an_error(codec: impl Codec + Copy) {
    #[derive(Debug, Serialize, Deserialize)]
    struct Required {
        #[serde(with = "chrono::serde::ts_seconds")]
        seconds: DateTime<Utc>,
        #[serde(with = "chrono::serde::ts_seconds_option")]
        option: Option<DateTime<Utc>>,
        price: Decimal,
        list: Vec<u8>,
    }
    let store = Store::new();
    let typed = store.typed(codec);
    let seconds = Utc.timestamp_opt(1_700_000_000, 0).unwrap();
    for member in ["seconds", "price", "list"] {
        typed.save_object("key", &Required { seconds, option: None, price: Decimal::ONE, list: vec![] }).unwrap();
        assert!(typed.load_object::<Required>("key").unwrap().unwrap().option.is_none());
        store.remove("key", member);
        let error = typed.load_object::<Required>("key").unwrap_err();
        assert_eq!(named(&error), member);
        assert!(in_one_line(&error).ends_with("the member is missing"), "{error}");
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cart {
    customer: String,
    total: Decimal,
    discount: Option<Decimal>,
    shipping: Price,
    gift: Option<Price>,
    ends: OffsetDateTime,
    paid: Option<OffsetDateTime>,
    day: time::Date,
    clock: time::Time,
    weekday: time::Weekday,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Price(Decimal);

fn cart(cents: i64) -> Cart {
    let price = Decimal::new(cents, 2);
    let ends = OffsetDateTime::from_unix_timestamp(1_700_000_000 + cents).unwrap();
    let is_odd = cents % 2 != 0;
    Cart {
        customer: "12".into(),
        total: price,
        discount: is_odd.then_some(price),
        shipping: Price(price),
        gift: is_odd.then_some(Price(price)),
        ends,
        paid: is_odd.then_some(ends),
        day: ends.date(),
        clock: ends.time(),
        weekday: ends.weekday(),
    }
}

fn prices_and_times_come_back_as_members(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        for cents in [0, 1, -1, 100, 1_999, i64::MAX, i64::MIN].map(|cents| cents / 1_000_000_000) {
            typed.save_object("key", &cart(cents)).unwrap();
            assert_eq!(store.get("key", "total").unwrap(), Decimal::new(cents, 2).to_string().into_bytes());
            assert_eq!(typed.load_object("key").unwrap(), Some(cart(cents)));
        }
        for (text, expected) in [("5", 500), ("-5", -500), ("5.00", 500), ("0.05", 5), ("1e1", 1_000)] {
            store.set("key", "total", text).unwrap();
            let total = typed.load_object::<Cart>("key").unwrap().unwrap().total;
            assert_eq!(total, Decimal::new(expected, 2), "as somebody else has written it");
        }
        store.set("key", "total", "1").unwrap();
        store.increment_float("key", "total", 0.5).unwrap();
        assert_eq!(typed.load_object::<Cart>("key").unwrap().unwrap().total, Decimal::new(15, 1));
    });
}

fn a_map_of_prices_is_an_object(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        let prices: HashMap<String, Decimal> =
            (0..500).map(|cents| (format!("item {cents}"), Decimal::new(cents * 25, 2))).collect();
        typed.save_object("key", &prices).unwrap();
        assert_eq!(typed.load_object("key").unwrap(), Some(prices));
        let options = BTreeMap::from([(1, Some(OffsetDateTime::UNIX_EPOCH)), (-7, Some(OffsetDateTime::UNIX_EPOCH))]);
        typed.save_object("key", &options).unwrap();
        assert_eq!(typed.load_object("key").unwrap(), Some(options));
    });
}

fn a_member_that_asks_is_changed_by_an_update(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        typed.save_object("key", &cart(1_999)).unwrap();
        let called = Cell::new(0);
        let change = |cart: &mut Cart| {
            called.set(called.get() + 1);
            cart.total *= Decimal::TWO;
            (cart.discount, cart.paid) = (None, None);
        };
        typed.update_object("key", change).unwrap().unwrap();
        assert_eq!(called.get(), 1);
        assert_eq!(store.get("key", "total").as_deref(), Some(&b"39.98"[..]));
        let expected = Cart { total: Decimal::new(3_998, 2), discount: None, paid: None, ..cart(1_999) };
        assert_eq!(typed.load_object("key").unwrap(), Some(expected));
    });
}

/// A number that is read from any number, and from nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Lenient(f64);

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Lenient;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_i64<E>(self, number: i64) -> Result<Lenient, E> {
                Ok(Lenient(number as f64))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Lenient, E> {
                Ok(Lenient(number))
            }
        }
        deserializer.deserialize_any(Number)
    }
}

fn a_type_that_accepts_only_numbers_gets_a_number(codec: impl Codec + Copy) {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Numbers {
        first: Lenient,
        second: Option<Lenient>,
        price: Decimal,
    }
    let store = Store::new();
    let typed = store.typed(codec);
    for number in [-0.5, 0.1, 1e300, -1e-300, f64::INFINITY] {
        let value = Numbers { first: Lenient(number), second: Some(Lenient(-number)), price: Decimal::TEN };
        typed.save_object("key", &value).unwrap();
        assert_eq!(typed.load_object("key").unwrap(), Some(value));
    }
    let map: BTreeMap<u32, Lenient> = (0..1_000).map(|at| (at, Lenient(f64::from(at) + 0.25))).collect();
    typed.save_object("key", &map).unwrap();
    assert_eq!(typed.load_object("key").unwrap(), Some(map));
    let map: BTreeMap<u32, Whole> = (0..1_000).map(|at| (at, Whole(i64::from(at) - 500))).collect();
    typed.save_object("key", &map).unwrap();
    assert_eq!(typed.load_object("key").unwrap(), Some(map));
}

/// A type that asks what it is given (`deserialize_any`), by a visitor with these methods.
macro_rules! asking {
    ($($name:ident($inner:ty) { $($methods:tt)* })*) => {
        $(#[derive(Clone, Debug, PartialEq, Serialize)]
        struct $name($inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Takes;
                impl<'de> Visitor<'de> for Takes {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(stringify!($name))
                    }
                    $($methods)*
                }
                deserializer.deserialize_any(Takes)
            }
        })*
    };
}

asking! {
    Whole(i64) {
        fn visit_i64<E>(self, number: i64) -> Result<Whole, E> {
            Ok(Whole(number))
        }
    }

    Words(Vec<String>) {
        fn visit_str<E>(self, text: &str) -> Result<Words, E> {
            Ok(Words(vec![text.into()]))
        }
        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Words, A::Error> {
            Deserialize::deserialize(SeqAccessDeserializer::new(list)).map(Words)
        }
    }

    Raw(Vec<u8>) {
        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Raw, E> {
            Ok(Raw(bytes.into()))
        }
        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Raw, A::Error> {
            Deserialize::deserialize(SeqAccessDeserializer::new(list)).map(Raw)
        }
    }

    Colour((u8, u8, u8)) {
        /// Three digits, as `fff`.
        fn visit_str<E: Error>(self, text: &str) -> Result<Colour, E> {
            let [r, g, b] = text.as_bytes() else { return Err(E::custom("not three digits")) };
            let digit = |digit: u8| u8::from_str_radix(&char::from(digit).to_string(), 16).map(|digit| digit * 17);
            Ok(Colour((digit(*r).map_err(E::custom)?, digit(*g).map_err(E::custom)?, digit(*b).map_err(E::custom)?)))
        }
        /// With or without opacity.
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Colour, A::Error> {
            let mut next = || list.next_element::<u8>()?.ok_or_else(|| A::Error::custom("too short"));
            let colour = (next()?, next()?, next()?);
            _ = next();
            Ok(Colour(colour))
        }
    }

    Digits((u8,)) {
        fn visit_u64<E: Error>(self, number: u64) -> Result<Digits, E> {
            number.try_into().map(|number| Digits((number,))).map_err(E::custom)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Digits, A::Error> {
            let all = Vec::deserialize(SeqAccessDeserializer::new(list))?;
            all.first().map(|number| Digits((*number,))).ok_or_else(|| A::Error::custom("too short"))
        }
    }

    Place(Address) {
        fn visit_str<E>(self, text: &str) -> Result<Place, E> {
            Ok(Place(Address { host: text.into(), port: 80 }))
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Place, A::Error> {
            Deserialize::deserialize(MapAccessDeserializer::new(map)).map(Place)
        }
    }

    Table(BTreeMap<String, String>) {
        fn visit_str<E>(self, text: &str) -> Result<Table, E> {
            Ok(Table([("".into(), text.into())].into()))
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Table, A::Error> {
            Deserialize::deserialize(MapAccessDeserializer::new(map)).map(Table)
        }
    }

    Nothing(()) {
        fn visit_str<E: Error>(self, text: &str) -> Result<Nothing, E> {
            if text.len() < 9 { Ok(Nothing(())) } else { Err(E::custom("too long")) }
        }
        fn visit_unit<E>(self) -> Result<Nothing, E> {
            Ok(Nothing(()))
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Address {
    host: String,
    port: u16,
}

/// Asserts that an error names the member and the remedy.
#[track_caller]
fn names_the_remedy(error: &CodecError) {
    let text = in_one_line(error);
    assert!(matches!(error, CodecError::Decode { .. }) && text.contains("serde(with"), "{text}");
    assert_eq!(named(error), "member");
}

/// Saves a member of this type. Then checks that every call reads it if `is_read`, and otherwise that every call fails.
fn is_read_or_refused<T>(codec: impl Codec + Copy, value: &T, is_read: bool)
where
    T: Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned,
{
    let store = Store::new();
    let typed = store.typed(codec);
    let object = BTreeMap::from([("member".to_owned(), value.clone())]);
    typed.save_object("key", &object).unwrap();
    let before = store.get_all("key");
    if is_read {
        assert_eq!(typed.load_object("key").unwrap(), Some(object.clone()));
        assert_eq!(typed.get_member("key", "member").unwrap().as_ref(), Some(value));
        assert_eq!(typed.get_member("key", "member").unwrap(), Some(Some(value.clone())));
        let update = |loaded: &mut BTreeMap<String, T>| assert_eq!(loaded, &object);
        typed.update_object("key", update).unwrap().unwrap();
    } else {
        names_the_remedy(&typed.load_object::<BTreeMap<String, T>>("key").unwrap_err());
        names_the_remedy(&typed.get_member::<T>("key", "member").unwrap_err());
        names_the_remedy(&typed.get_member::<Option<T>>("key", "member").unwrap_err());
        let update = |_: &mut BTreeMap<String, T>| unreachable!("it cannot be read");
        names_the_remedy(&typed.update_object("key", update).unwrap_err());
    }
    assert!(store.get_all("key") == before);
}

fn what_could_be_text_or_a_list_or_a_map_comes_back_or_is_an_error_with_the_remedy(codec: impl Codec + Copy) {
    let is_read = is_self_describing(codec);
    for words in [&["a", "b"][..], &["one"], &[], &["[]", "{}"]] {
        is_read_or_refused(codec, &Words(words.iter().map(|word| (*word).to_owned()).collect()), is_read);
    }
    for bytes in [&b"12"[..], &[255, 0], &[]] {
        is_read_or_refused(codec, &Raw(bytes.into()), is_read);
    }
    for colour in [(102, 102, 102), (48, 49, 50)] {
        is_read_or_refused(codec, &Colour(colour), is_read);
    }
    is_read_or_refused(codec, &Digits((b'5',)), is_read);
    for (host, port) in [("localhost", 8080), ("", 0), ("1.2", 50)] {
        is_read_or_refused(codec, &Place(Address { host: host.into(), port }), is_read);
    }
    is_read_or_refused(codec, &Table([("a".into(), "b".into())].into()), is_read);
    is_read_or_refused(codec, &Table([].into()), is_read);
}

fn a_string_is_read_by_a_type_that_accepts_lists_too(codec: impl Codec + Copy) {
    let store = Store::new();
    let typed = store.typed(codec);
    for text in ["", "a", "one", "a, b", "null", "[", "{\"a\"}", "5"] {
        store.set("key", "member", text).unwrap();
        if is_self_describing(codec) {
            assert_eq!(typed.get_member("key", "member").unwrap(), Some(Words(vec![text.into()])));
            let place = Place(Address { host: text.into(), port: 80 });
            assert_eq!(typed.get_member("key", "member").unwrap(), Some(place));
        } else {
            names_the_remedy(&typed.get_member::<Words>("key", "member").unwrap_err());
            names_the_remedy(&typed.get_member::<Place>("key", "member").unwrap_err());
        }
    }
    for text in ["fff", "012"] {
        store.set("key", "member", text).unwrap();
        assert_eq!(typed.get_member::<Colour>("key", "member").is_ok(), is_self_describing(codec));
    }
}

fn a_map_of_times_is_an_object_however_many_there_are(codec: impl Codec + Copy) {
    let store = Store::new();
    let typed = store.typed(codec);
    let time = |at: i64| OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 86_400_123_456_789).unwrap();
    let times: BTreeMap<i64, OffsetDateTime> = (0..2_000).map(|at| (at, time(at * 7))).collect();
    typed.save_object("key", &times).unwrap();
    assert!(readings(|| typed.load_object::<Counted<BTreeMap<i64, OffsetDateTime>>>("key").unwrap().unwrap()) <= 4);
    assert_eq!(typed.load_object("key").unwrap(), Some(times.clone()));
    let days: BTreeMap<i64, time::Date> = times.iter().map(|(at, time)| (*at, time.date())).collect();
    typed.save_object("key", &days).unwrap();
    assert_eq!(typed.load_object("key").unwrap(), Some(days));
    let clocks: BTreeMap<i64, time::Time> = times.iter().map(|(at, time)| (*at, time.time())).collect();
    typed.save_object("key", &clocks).unwrap();
    assert_eq!(typed.load_object("key").unwrap(), Some(clocks));
    let offsets: BTreeMap<i8, time::UtcOffset> =
        (-25..=25).map(|hour| (hour, time::UtcOffset::from_hms(hour, 0, 0).unwrap())).collect();
    typed.save_object("key", &offsets).unwrap();
    assert_eq!(typed.load_object("key").unwrap(), Some(offsets));
    let durations: BTreeMap<i64, time::Duration> = times.keys().map(|at| (*at, time::Duration::minutes(*at))).collect();
    typed.save_object("key", &durations).unwrap();
    assert_eq!(typed.load_object("key").unwrap(), Some(durations));
}

fn what_could_be_an_integer_or_a_float_comes_back_or_is_an_error_with_the_remedy(codec: impl Codec + Copy) {
    use serde_json::Number;
    for number in [0.1, -1.5, -0.0, 1e20, -1e25, 1e300, f64::MAX, 5e-324] {
        is_read_or_refused(codec, &Number::from_f64(number).unwrap(), true);
    }
    for number in [0.0, 5.0, -7.0, 1e15, 9e18, 1e19] {
        is_read_or_refused(codec, &Number::from_f64(number).unwrap(), false);
        is_read_or_refused(codec, &Number::from(number as i64), false);
    }
    is_read_or_refused(codec, &Lenient(2.0), false);
    is_read_or_refused(codec, &Lenient(2.5), true);
    is_read_or_refused(codec, &Whole(2), true);
    is_read_or_refused(codec, &Decimal::TWO, true);
}

fn what_could_be_text_or_unit_is_an_error_with_the_remedy(codec: impl Codec + Copy) {
    is_read_or_refused(codec, &Nothing(()), false);
    let store = Store::new();
    store.set("key", "member", "text").unwrap();
    assert_eq!(store.typed(codec).get_member("key", "member").unwrap(), Some(Nothing(())));
}

fn a_type_that_ignores_errors_cannot_ignore_an_error_with_the_remedy(codec: impl Codec + Copy) {
    #[derive(Clone, Debug, PartialEq, Serialize)]
    struct OrNone<T>(Option<T>);
    impl<'de, T: Deserialize<'de>> Deserialize<'de> for OrNone<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Ok(Self(T::deserialize(deserializer).ok()))
        }
    }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Text(String),
    }
    let store = Store::new();
    let typed = store.typed(codec);
    store.set("key", "member", "2").unwrap();
    names_the_remedy(&typed.get_member::<OrNone<Lenient>>("key", "member").unwrap_err());
    names_the_remedy(&typed.get_member::<OrNone<Untagged>>("key", "member").unwrap_err());
    let update = |_: &mut BTreeMap<String, OrNone<Untagged>>| ();
    names_the_remedy(&typed.update_object("key", update).unwrap_err());
    assert_eq!(store.get("key", "member").as_deref(), Some(&b"2"[..]));
}

fn a_text_that_is_no_price_does_not_change_how_others_are_read(codec: impl Codec + Copy) {
    let store = Store::new();
    let typed = store.typed(codec);
    let exact = "0.1234567890123456789012345678";
    for at in 0..20 {
        store.set("key", format!("a{at}"), "1e-40").unwrap();
        store.set("key", format!("b{at}"), exact).unwrap();
    }
    let prices = typed.load_object::<BTreeMap<String, Decimal>>("key").unwrap().unwrap();
    let is_exact = |(name, price): (&String, &Decimal)| name.starts_with('a') || price.to_string() == exact;
    assert!(prices.len() == 40 && prices.iter().all(is_exact), "{prices:?}");
}

fn a_type_that_ignores_errors_sees_no_error_of_a_guess(codec: impl Codec + Copy) {
    fn or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Lenient, D::Error> {
        Ok(Lenient::deserialize(deserializer).unwrap_or(Lenient(0.0)))
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Tolerant {
        #[serde(deserialize_with = "or_zero")]
        number: Lenient,
        price: Decimal,
    }
    let store = Store::new();
    let typed = store.typed(codec);
    let value = Tolerant { number: Lenient(2.5), price: Decimal::ONE };
    typed.save_object("key", &value).unwrap();
    assert_eq!(typed.load_object("key").unwrap(), Some(value));
    store.set("key", "number", "no number").unwrap();
    assert_eq!(typed.load_object::<Tolerant>("key").unwrap().unwrap().number, Lenient(0.0), "that is its own error");
}

fn a_text_that_is_no_price_is_an_error_with_the_reason_and_the_remedy(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        for (member, bad) in [("total", "many"), ("discount", ""), ("shipping", "{}"), ("ends", "5"), ("paid", "null")]
        {
            typed.save_object("key", &cart(1)).unwrap();
            store.set("key", member, bad).unwrap();
            let error = typed.load_object::<Cart>("key").unwrap_err();
            assert_eq!(named(&error), member);
            let text = in_one_line(&error);
            assert!(text.contains("neither as a string, nor as a number") && text.contains("serde(with"), "{text}");
            assert!(bad != "many" || text.contains("many"), "what the type has said to it: {text}");
            store.set("key", member, [255, 0]).unwrap();
            assert_eq!(named(&typed.load_object::<Cart>("key").unwrap_err()), member);
        }
    });
}

thread_local! {
    static READ: Cell<usize> = const { Cell::new(0) };
}

/// How often [`Counted`] is read during `work`.
fn readings<R>(work: impl FnOnce() -> R) -> usize {
    READ.set(0);
    work();
    READ.get()
}

/// A type that counts how often it is read.
#[derive(Debug, Serialize)]
struct Counted<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Counted<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        READ.set(READ.get() + 1);
        T::deserialize(deserializer).map(Self)
    }
}

fn a_type_that_asks_nothing_is_read_once_and_a_map_of_prices_a_few_times(codec: impl Codec + Copy) {
    let store = Store::new();
    let typed = store.typed(codec);
    typed.save_object("key", &crate::support::user::ada()).unwrap();
    assert_eq!(readings(|| typed.load_object::<Counted<crate::support::user::User>>("key").unwrap().unwrap()), 1);
    typed.save_object("key", &cart(1)).unwrap();
    let types = 5; // prices, and four of times
    let questions = if is_self_describing(codec) { 1 } else { 3 }; // whether it takes anything, lists and maps
    assert!(readings(|| typed.load_object::<Counted<Cart>>("key").unwrap().unwrap()) <= 1 + types * questions);
    let prices: BTreeMap<u32, Decimal> = (0..2_000).map(|at| (at, Decimal::new(at.into(), 1))).collect();
    typed.save_object("key", &prices).unwrap();
    let count = readings(|| typed.load_object::<Counted<BTreeMap<u32, Decimal>>>("key").unwrap().unwrap());
    assert_eq!(count, 1 + questions);
    let prices: BTreeMap<u32, Lenient> = (0..2_000).map(|at| (at, Lenient(f64::from(at) - 1_000.5))).collect();
    typed.save_object("key", &prices).unwrap();
    assert!(readings(|| typed.load_object::<Counted<BTreeMap<u32, Lenient>>>("key").unwrap().unwrap()) <= 8);
}

fn a_type_that_changes_its_mind_is_refused_in_the_end(codec: impl Codec + Copy) {
    /// Accepts small numbers only as text, and large ones only as numbers.
    #[derive(Debug)]
    struct Fickle;
    impl<'de> Deserialize<'de> for Fickle {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Either;
            impl Visitor<'_> for Either {
                type Value = Fickle;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a number")
                }
                fn visit_str<E: Error>(self, text: &str) -> Result<Fickle, E> {
                    if text.len() == 1 { Ok(Fickle) } else { Err(E::custom("too long")) }
                }
                fn visit_u64<E: Error>(self, number: u64) -> Result<Fickle, E> {
                    if number > 9 { Ok(Fickle) } else { Err(E::custom("too small")) }
                }
            }
            deserializer.deserialize_any(Either)
        }
    }
    let store = Store::new();
    let typed = store.typed(codec);
    let fickle = |count: u32| (0..count).map(|at| (at, if at % 2 == 0 { 1 } else { 10 })).collect::<BTreeMap<_, _>>();
    typed.save_object("key", &fickle(20)).unwrap();
    assert_eq!(typed.load_object::<BTreeMap<u32, Fickle>>("key").unwrap().unwrap().len(), 20);
    typed.save_object("key", &fickle(2_000)).unwrap();
    let count = readings(|| typed.load_object::<Counted<BTreeMap<u32, Fickle>>>("key").unwrap_err());
    assert!(count < 200, "{count} readings");
}
