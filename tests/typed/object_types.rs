//! Members of types for which plain text is not enough: times, prices, tagged enums. They are read back unchanged with
//! every codec.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

use chrono::{DateTime, TimeZone, Utc};
use hashlet::{Codec, Store};
use rust_decimal::Decimal;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use time::OffsetDateTime;

use crate::support::config::on_every_configuration;
use crate::support::user::named;

promises! {
    an_adjacently_tagged_enum_is_loaded_whatever_the_order_of_its_fields
    a_struct_is_handed_its_members_in_its_own_order
    an_option_with_a_function_of_its_own_comes_back_as_none
    a_member_that_is_no_option_is_missing_as_before
    prices_and_times_come_back_as_members
    a_map_of_prices_is_an_object
    a_member_that_asks_is_changed_by_an_update
    a_type_that_takes_only_numbers_gets_a_number
    a_type_that_makes_something_of_errors_gets_none_of_a_guess
    a_price_that_is_none_is_an_error_that_says_why_and_the_remedy
    a_type_that_asks_nothing_is_read_once_and_a_map_of_prices_a_few_times
    a_type_that_changes_its_mind_is_refused_in_the_end
}

/// Whether a codec tells a type what its bytes are.
fn says_what_it_is(codec: impl Codec + Copy) -> bool {
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
                if matches!(event, Struct { .. }) && !says_what_it_is(codec) {
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

fn a_struct_is_handed_its_members_in_its_own_order(codec: impl Codec + Copy) {
    /// The names of its fields, as they came.
    struct Names(Vec<String>);
    impl<'de> Deserialize<'de> for Names {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct All;
            impl<'de> Visitor<'de> for All {
                type Value = Names;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a struct")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
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

fn an_option_with_a_function_of_its_own_comes_back_as_none(codec: impl Codec + Copy) {
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

fn a_member_that_is_no_option_is_missing_as_before(codec: impl Codec + Copy) {
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
        assert!(error.to_string().ends_with("the member is missing"), "{error}");
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

/// A number that is read as whatever number comes, and from nothing else.
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

fn a_type_that_takes_only_numbers_gets_a_number(codec: impl Codec + Copy) {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Numbers {
        first: Lenient,
        second: Option<Lenient>,
        price: Decimal,
    }
    let store = Store::new();
    let typed = store.typed(codec);
    for number in [0.0, 1.0, -1.0, 0.1, 1e300, -1e-300, f64::INFINITY] {
        let value = Numbers { first: Lenient(number), second: Some(Lenient(-number)), price: Decimal::TEN };
        typed.save_object("key", &value).unwrap();
        assert_eq!(typed.load_object("key").unwrap(), Some(value));
    }
    let map: BTreeMap<u32, Lenient> = (0..1_000).map(|at| (at, Lenient(f64::from(at) / 4.0))).collect();
    typed.save_object("key", &map).unwrap();
    assert_eq!(typed.load_object("key").unwrap(), Some(map));
}

fn a_type_that_makes_something_of_errors_gets_none_of_a_guess(codec: impl Codec + Copy) {
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

fn a_price_that_is_none_is_an_error_that_says_why_and_the_remedy(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        for (member, bad) in [("total", "many"), ("discount", ""), ("shipping", "{}"), ("ends", "5"), ("paid", "null")]
        {
            typed.save_object("key", &cart(1)).unwrap();
            store.set("key", member, bad).unwrap();
            let error = typed.load_object::<Cart>("key").unwrap_err();
            assert_eq!(named(&error), member);
            let text = error.to_string();
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

/// How often the types below are read meanwhile.
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
    assert!(readings(|| typed.load_object::<Counted<Cart>>("key").unwrap().unwrap()) <= 1 + types);
    let prices: BTreeMap<u32, Decimal> = (0..2_000).map(|at| (at, Decimal::new(at.into(), 1))).collect();
    typed.save_object("key", &prices).unwrap();
    assert_eq!(readings(|| typed.load_object::<Counted<BTreeMap<u32, Decimal>>>("key").unwrap().unwrap()), 2);
    let prices: BTreeMap<u32, Lenient> = (0..2_000).map(|at| (at, Lenient(f64::from(at) - 1_000.5))).collect();
    typed.save_object("key", &prices).unwrap();
    assert!(readings(|| typed.load_object::<Counted<BTreeMap<u32, Lenient>>>("key").unwrap().unwrap()) <= 8);
}

fn a_type_that_changes_its_mind_is_refused_in_the_end(codec: impl Codec + Copy) {
    /// Takes small numbers as text and large ones as numbers only.
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
