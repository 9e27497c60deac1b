//! The rules of counters: the texts that count as numbers, the text that is written back, and errors, which leave the
//! value as it was.

use crate::support::config::on_every_configuration;
use hashlet::{Error, Store};

fn text(store: &Store, field: &str) -> Option<String> {
    store.get("k", field).map(|value| String::from_utf8(value).unwrap())
}

#[test]
fn a_missing_field_counts_as_zero() {
    on_every_configuration(|_, store| {
        assert_eq!(store.increment("k", "i", 5), Ok(5));
        assert_eq!(store.increment("k", "zero", 0), Ok(0));
        assert_eq!(store.increment_float("k", "f", 1.5), Ok(1.5));
        assert_eq!(["i", "zero", "f"].map(|field| text(store, field).unwrap()), ["5", "0", "1.5"]);
    });
}

#[test]
fn integers_are_canonical_text_and_nothing_else() {
    let good = ["0", "1", "-1", "10", "-10", "42", "9223372036854775806", "-9223372036854775807"];
    let bad: [&[u8]; 22] = [
        b"",
        b"+1",
        b"01",
        b"-01",
        b"-0",
        b"+0",
        b"00",
        b" 1",
        b"1 ",
        b"1.5",
        b"1.0",
        b"1e3",
        b"-",
        b"--1",
        b"0x10",
        b"1_000",
        b"one",
        b"1\n",
        b"\0",
        b"\xff",
        b"9223372036854775808",
        b"-9223372036854775809",
    ];
    on_every_configuration(|_, store| {
        for number in good {
            store.set("k", "f", number).unwrap();
            assert_eq!(store.increment("k", "f", 0).map(|sum| sum.to_string()), Ok(number.into()));
            assert_eq!(store.increment("k", "f", 1), Ok(number.parse::<i64>().unwrap() + 1));
        }
        for value in bad {
            store.set("k", "f", value).unwrap();
            assert_eq!(store.increment("k", "f", 1), Err(Error::NotAnInteger), "{}", value.escape_ascii());
            assert_eq!(store.get("k", "f").as_deref(), Some(value), "an error leaves the value");
        }
    });
}

#[test]
fn integers_overflow_in_both_directions_without_a_trace() {
    let cases = [
        ("9223372036854775807", 1),
        ("9223372036854775807", i64::MAX),
        ("1", i64::MAX),
        ("-9223372036854775808", -1),
        ("-9223372036854775808", i64::MIN),
        ("-1", i64::MIN),
    ];
    on_every_configuration(|_, store| {
        for (value, by) in cases {
            store.set("k", "f", value).unwrap();
            assert_eq!(store.increment("k", "f", by), Err(Error::Overflow), "{value} + {by}");
            assert_eq!(text(store, "f").as_deref(), Some(value));
        }
        for (value, by, sum) in
            [("9223372036854775807", i64::MIN, -1), ("0", i64::MIN, i64::MIN), ("-1", i64::MAX, i64::MAX - 1)]
        {
            store.set("k", "f", value).unwrap();
            assert_eq!(store.increment("k", "f", by), Ok(sum));
            assert_eq!(text(store, "f"), Some(sum.to_string()));
        }
    });
}

#[test]
fn counters_walk_through_every_width_of_text() {
    on_every_configuration(|_, store| {
        let mut sum = 0;
        let steps = (0..19).map(|digits| 10_i64.pow(digits) - 1);
        for by in steps.clone().chain(steps.map(|step| -2 * step)) {
            sum += by;
            assert_eq!(store.increment("k", "f", by), Ok(sum));
            assert_eq!(text(store, "f"), Some(sum.to_string()));
        }
    });
}

#[test]
fn floats_are_read_as_std_reads_them_and_written_shortest() {
    // The value, the increment, the text afterwards.
    let cases = [
        ("10.5", 0.1, "10.6"),
        ("3", 0.0, "3"),
        ("3.0", 0.0, "3"),
        ("+1", 1.0, "2"),
        (".5", 0.0, "0.5"),
        ("5.", 0.0, "5"),
        ("007", 0.0, "7"),
        ("5.0e3", 200.0, "5200"),
        ("-1.5", 1.5, "0"),
        ("-0", 0.0, "0"),
        ("-0", -0.0, "0"),
        ("0.1", 0.2, "0.30000000000000004"),
        ("1e21", 0.0, "1000000000000000000000"),
        ("1e-7", 0.0, "0.0000001"),
        ("9007199254740993", 0.0, "9007199254740992"),
    ];
    on_every_configuration(|_, store| {
        for (value, by, after) in cases {
            store.set("k", "f", value).unwrap();
            let sum = store.increment_float("k", "f", by).unwrap();
            assert_eq!(text(store, "f").as_deref(), Some(after), "{value} + {by}");
            assert_eq!(sum.to_string(), after, "the answer is the number written");
        }
    });
}

#[test]
fn the_longest_floats_read_back_the_same() {
    on_every_configuration(|_, store| {
        for number in
            [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 1.797e-310, 1e308, -1e-300, 123_456_789.123_456_79]
        {
            store.clear("k");
            assert_eq!(store.increment_float("k", "f", number), Ok(number));
            assert_eq!(text(store, "f"), Some(number.to_string()));
            assert_eq!(store.increment_float("k", "f", 0.0).map(f64::to_bits), Ok(number.to_bits()));
        }
    });
}

#[test]
fn what_is_no_finite_number_is_not_a_float() {
    let bad: [&[u8]; 17] = [
        b"",
        b" 1",
        b"1 ",
        b"one",
        b"inf",
        b"-inf",
        b"infinity",
        b"nan",
        b"NaN",
        b"1e400",
        b"-1e400",
        b"0x1p3",
        b"1,5",
        b"1_0",
        b"e5",
        b".",
        b"1\xff",
    ];
    on_every_configuration(|_, store| {
        for value in bad {
            store.set("k", "f", value).unwrap();
            assert_eq!(store.increment_float("k", "f", 1.0), Err(Error::NotAFloat), "{}", value.escape_ascii());
            assert_eq!(store.get("k", "f").as_deref(), Some(value), "an error leaves the value");
        }
    });
}

#[test]
fn an_increment_must_be_finite() {
    on_every_configuration(|_, store| {
        store.set("k", "f", "1.50").unwrap();
        for by in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(store.increment_float("k", "f", by), Err(Error::NotFinite));
            assert_eq!(store.increment_float("new", "f", by), Err(Error::NotFinite));
        }
        assert_eq!(text(store, "f").as_deref(), Some("1.50"));
        assert!(!store.contains_key("new"));
    });
}

#[test]
fn floats_overflow_in_both_directions_without_a_trace() {
    on_every_configuration(|_, store| {
        for (value, by) in [("1e308", 1e308), ("-1e308", -1e308), ("1.7976931348623157e308", f64::MAX)] {
            store.set("k", "f", value).unwrap();
            assert_eq!(store.increment_float("k", "f", by), Err(Error::Overflow), "{value} + {by}");
            assert_eq!(text(store, "f").as_deref(), Some(value));
        }
        store.clear("k");
        assert_eq!(store.increment_float("k", "f", 1e308), Ok(1e308));
        assert_eq!(store.increment_float("k", "f", 1e308), Err(Error::Overflow));
        assert_eq!(store.increment_float("k", "f", -1e308), Ok(0.0));
        assert_eq!(text(store, "f").as_deref(), Some("0"));
    });
}

#[test]
fn a_zero_is_never_negative() {
    on_every_configuration(|_, store| {
        for by in [0.0, -0.0] {
            store.clear("k");
            assert!(store.increment_float("k", "f", by).unwrap().is_sign_positive());
            assert_eq!(text(store, "f").as_deref(), Some("0"));
            assert_eq!(store.increment("k", "f", 1), Ok(1), "it is an integer too");
        }
    });
}

#[test]
fn texts_longer_than_any_number_are_none() {
    on_every_configuration(|_, store| {
        for (len, is_read) in [(20, true), (5_119, true), (5_120, false), (1 << 20, false)] {
            store.set("k", "f", format!("1.{}", "0".repeat(len - 2))).unwrap();
            let sum = store.increment_float("k", "f", 1.0);
            assert_eq!(sum, if is_read { Ok(2.0) } else { Err(Error::NotAFloat) }, "{len} bytes");
            store.set("k", "f", "1".repeat(len)).unwrap();
            assert_eq!(store.increment("k", "f", 1), Err(Error::NotAnInteger), "{len} digits");
        }
    });
}
