//! Values as text and as what is read from text.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::net::{AddrParseError, IpAddr};
use std::num::ParseIntError;
use std::str::{FromStr, Utf8Error};

use crate::support::config::on_every_configuration;
use crate::support::told::told;
use hashlet::{Error, FieldError, HashValue, Hashes, Store};

#[test]
fn a_value_is_read_as_any_type_that_is_read_from_text() {
    on_every_configuration(|_, store| {
        let pairs = [("i", "-12"), ("u", "255"), ("f", "2.5"), ("b", "true"), ("ip", "::1"), ("c", "ö"), ("empty", "")];
        store.set_many("k", pairs).unwrap();
        assert_eq!(store.get_parsed("k", "i").unwrap(), Some(-12_i64));
        assert_eq!(store.get_parsed("k", "u").unwrap(), Some(255_u8));
        assert_eq!(store.get_parsed("k", "f").unwrap(), Some(2.5_f64));
        assert_eq!(store.get_parsed("k", "b").unwrap(), Some(true));
        assert_eq!(store.get_parsed("k", "ip").unwrap(), Some("::1".parse::<IpAddr>().unwrap()));
        assert_eq!(store.get_parsed("k", "c").unwrap(), Some('ö'));
        assert_eq!(store.get_parsed("k", "empty").unwrap(), Some(String::new()));
        assert_eq!(store.get_parsed::<String>("k", "none").unwrap(), None);
        assert_eq!(store.get_parsed::<String>("none", "i").unwrap(), None);
        assert_eq!(store.read("k", |hash| hash.get_parsed("u").unwrap()), Some(255_u16));
        assert_eq!(store.update("k", |hash| hash.get_parsed("u").unwrap()), Some(255_u16));
        assert_eq!(store.get_all("k").get_parsed("u").unwrap(), Some(255_u16));
        assert_eq!(store.get_all("k").get_parsed::<u16>("none").unwrap(), None);
    });
}

/// A type whose error is an error of its own.
#[derive(Debug, PartialEq)]
struct Even(u32);

#[derive(Debug, PartialEq)]
enum NotEven {
    NoNumber(ParseIntError),
    Odd(u32),
}

impl fmt::Display for NotEven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNumber(_) => f.write_str("no number"),
            Self::Odd(number) => write!(f, "{number} is odd"),
        }
    }
}

impl StdError for NotEven {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        if let Self::NoNumber(error) = self { Some(error) } else { None }
    }
}

impl FromStr for Even {
    type Err = NotEven;

    fn from_str(text: &str) -> Result<Self, NotEven> {
        match text.parse().map_err(NotEven::NoNumber)? {
            even if even % 2 == 0 => Ok(Self(even)),
            odd => Err(NotEven::Odd(odd)),
        }
    }
}

/// A type whose error is a text.
#[derive(Debug)]
struct Colour;

impl FromStr for Colour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "red" { Ok(Self) } else { Err(format!("{text} is no colour")) }
    }
}

/// A type whose error is a literal.
#[derive(Debug)]
struct Never;

impl FromStr for Never {
    type Err = &'static str;

    fn from_str(_: &str) -> Result<Self, &'static str> {
        Err("never")
    }
}

#[test]
fn what_is_not_parsed_is_an_error_that_names_key_and_field_and_has_the_type_s_error_as_its_source() {
    on_every_configuration(|_, store| {
        store.set_many("k", [("f", "7"), ("word", "seven")]).unwrap();
        let error = store.get_parsed::<Even>("k", "f").unwrap_err();
        assert!(matches!(&error, FieldError::NotParsed { key, field, .. } if key == b"k" && field == b"f"));
        assert_eq!(error.source().unwrap().downcast_ref(), Some(&NotEven::Odd(7)));
        assert_eq!(told(&error), [r#"field "f" of hash "k" cannot be parsed"#, "7 is odd"]);
        let says = [r#"field "word" of hash "k" cannot be parsed"#, "no number", "invalid digit found in string"];
        assert_eq!(told(&store.get_parsed::<Even>("k", "word").unwrap_err()), says);
        assert_eq!(told(&store.get_parsed::<Colour>("k", "f").unwrap_err())[1..], ["7 is no colour"]);
        assert_eq!(told(&store.get_parsed::<Never>("k", "f").unwrap_err())[1..], ["never"]);
        let error = store.get_parsed::<IpAddr>("k", "f").unwrap_err();
        assert!(error.source().unwrap().is::<AddrParseError>());

        let in_closures = [
            store.read("k", |hash| hash.get_parsed::<Even>("f").unwrap_err()),
            store.update("k", |hash| hash.get_parsed::<Even>("f").unwrap_err()),
        ];
        for error in in_closures {
            assert_eq!(told(&error), [r#"field "f" of hash "k" cannot be parsed"#, "7 is odd"]);
        }
        let of_value = store.get_all("k").get_parsed::<Even>("f").unwrap_err();
        assert_eq!(told(&of_value), [r#"field "f" cannot be parsed"#, "7 is odd"], "it has no key");
        let by_trait = Hashes::get_parsed::<Even>(&store, "k", "f").unwrap_err();
        assert_eq!(told(&by_trait), [r#"field "f" of hash "k" cannot be parsed"#, "7 is odd"]);
        assert_eq!(store.size("k"), 2);
    });
}

#[test]
fn a_value_that_is_not_text_is_an_error_that_names_key_and_field() {
    on_every_configuration(|_, store| {
        let (key, field): (&[u8], &[u8]) = (b"\xffkey", "größe".as_bytes());
        store.set_many(key, [(field, &b"a\xff"[..]), (b"text", b"a")]).unwrap();
        let errors = [
            store.get_string(key, field).unwrap_err(),
            store.get_parsed::<u8>(key, field).unwrap_err(),
            Hashes::get_string(store, key, field).unwrap_err(),
            Hashes::get_parsed::<u8>(store, key, field).unwrap_err(),
            store.read(key, |hash| hash.get_str(field).unwrap_err()),
            store.read(key, |hash| hash.get_parsed::<u8>(field).unwrap_err()),
            store.update(key, |hash| hash.get_str(field).unwrap_err()),
        ];
        for error in errors {
            assert!(matches!(&error, FieldError::NotText { .. }), "{error}");
            assert_eq!(error.source().unwrap().downcast_ref::<Utf8Error>().unwrap().valid_up_to(), 1);
            assert_eq!(told(&error)[0], r#"field "größe" of hash b"\xffkey" is not text"#);
        }
        assert_eq!(store.get_all(key).get_str(field).unwrap_err().to_string(), r#"field "größe" is not text"#);
        assert_eq!(store.get_string(key, "text").unwrap().as_deref(), Some("a"));
        assert_eq!(store.get_string(key, "none").unwrap(), None);
        assert_eq!(store.read(key, |hash| hash.get_str("text").unwrap().map(str::len)), Some(1));
        assert_eq!(store.update(key, |hash| hash.get_str("text").unwrap().map(str::len)), Some(1));
        assert_eq!(store.get_all(key).get_str("text").unwrap(), Some("a"));
        assert_eq!(store.get_all(key).get_str("none").unwrap(), None);
    });
}

#[test]
fn a_hash_becomes_a_map_of_text() {
    on_every_configuration(|_, store| {
        let pairs = (0..40).map(|n| (format!("feld{n}ö"), format!("wert{n}ü")));
        store.set_many("k", pairs.clone()).unwrap();
        let sorted: BTreeMap<String, String> = store.get_all("k").try_into().unwrap();
        assert_eq!(sorted, pairs.clone().collect());
        let map: HashMap<String, String> = store.get_all("k").try_into().unwrap();
        assert_eq!(map, pairs.collect());
    });
}

#[test]
fn a_hash_with_other_bytes_becomes_an_error_that_names_the_field() {
    type Map = HashMap<String, String>;
    let error = Map::try_from(HashValue::from([("a", &b"b"[..]), ("photo", b"\xff\xd8")])).unwrap_err();
    assert!(matches!(&error, FieldError::NotText { field, .. } if field == b"photo"));
    assert_eq!(told(&error)[0], r#"field "photo" is not text"#);
    let error = BTreeMap::<String, String>::try_from(HashValue::from([(&b"\xff"[..], "text")])).unwrap_err();
    assert!(matches!(&error, FieldError::NameNotText { field, .. } if field == b"\xff"));
    assert_eq!(told(&error)[0], r#"the name b"\xff" of a field is not text"#);
    assert!(Map::try_from(HashValue::new()).unwrap().is_empty());
}

/// A closure can read, parse and write with one error type, and `?`.
#[test]
fn the_error_is_that_of_a_closure_that_reads_and_writes() {
    let store = Store::new();
    store.set_many("k", [("n", "3"), ("word", "three")]).unwrap();
    let double = |field: &str| {
        store.try_update("k", |hash| -> Result<i64, FieldError> {
            hash.set("touched", "1")?;
            let number: i64 = hash.get_parsed(field)?.unwrap_or(0);
            Ok(hash.increment(field, number)?)
        })
    };
    assert_eq!(double("n").unwrap(), 6);
    store.remove("k", "touched");
    assert!(matches!(double("word"), Err(FieldError::NotParsed { .. })));
    assert!(!store.contains("k", "touched"), "rolled back");
    store.set("k", "n", "9223372036854775807").unwrap();
    let error = double("n").unwrap_err();
    assert!(matches!(error, FieldError::Refused(Error::Overflow)));
    assert_eq!(told(&error), [Error::Overflow.to_string()]);
}

/// What the bounds of the methods take.
#[test]
fn common_types_can_be_read() {
    fn check<T: FromStr<Err: Into<Box<dyn StdError + Send + Sync>>>>() {}
    check::<i64>();
    check::<f64>();
    check::<bool>();
    check::<char>();
    check::<String>();
    check::<IpAddr>();
    check::<std::path::PathBuf>();
    check::<std::net::SocketAddr>();
    check::<std::num::NonZeroU64>();
    fn is_error<E: StdError>() {}
    is_error::<FieldError<Infallible>>();
    is_error::<FieldError>();
}
