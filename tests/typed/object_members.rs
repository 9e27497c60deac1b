//! A member of an object has the same notation whatever call has written it.

use std::time::Duration;

use hashlet::{Codec, CodecError, Error, Limits, SetOptions};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use crate::support::config::{
    on_every_configuration, on_every_configuration_with_clock, on_every_configuration_within,
};
use crate::support::everything::{Everything, NewtypeOfOption, Tree, Variant};
use crate::support::user::{User, ada, named};

promises! {
    a_member_that_was_set_is_what_saving_the_object_writes
    a_member_of_a_saved_object_is_read
    a_member_that_is_none_has_no_field
    a_missing_key_is_created_and_a_deadline_goes
    a_member_of_another_type_is_an_error_that_names_it_and_stays
    a_member_that_cannot_be_written_changes_nothing
    a_price_is_read_alone
}

/// A value in which every member has a field.
fn everything() -> Everything {
    Everything {
        i64: -7,
        f64: 0.1,
        text: "\"quoted\"".into(),
        option: Some(3),
        option_of_many: Some(vec![1]),
        option_of_option: Some(None),
        variant: Variant::Tuple(1, "x".into()),
        optional_variant: Some(Variant::Renamed),
        newtype_of_option: NewtypeOfOption(None),
        sequence: vec!["a".into(), "b".into()],
        tree: Some(Tree(vec![Tree(vec![])])),
        ..Everything::default()
    }
}

/// Repeats an expression for each member that has a field.
macro_rules! each_member {
    ($value:ident, |$name:ident, $member:ident| $do:expr) => {
        each_member! { $value, |$name, $member| $do;
            boolean i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 character bytes byte_array option option_of_many
            option_of_option unit unit_struct variant optional_variant newtype newtype_of_option sequence nothings tuple
            tuple_struct map numbered structure tree defaulted }
        let ($name, $member) = ("a text", &$value.text);
        $do;
    };
    ($value:ident, |$name:ident, $member:ident| $do:expr; $($field:ident)*) => {
        $({
            let ($name, $member) = (stringify!($field), &$value.$field);
            $do;
        })*
    };
}

/// Gives `got` the type of the first argument.
fn same<T>(_: &T, got: Option<T>) -> Option<T> {
    got
}

fn a_member_that_was_set_is_what_saving_the_object_writes(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        let value = everything();
        typed.save_object("saved", &value).unwrap();
        each_member!(value, |name, member| assert!(typed.set_member("key", name, member).unwrap(), "{name}"));
        assert!(store.get_all("key") == store.get_all("saved"));
        each_member!(value, |name, member| assert!(!typed.set_member("key", name, member).unwrap(), "{name}"));
        assert_eq!(typed.load_object("key").unwrap(), Some(value));
        typed.set_member("key", "a text", "Eve").unwrap();
        assert_eq!(store.get("key", "a text").as_deref(), Some(&b"Eve"[..]));
        assert_eq!(typed.load_object::<Everything>("key").unwrap().unwrap().text, "Eve");
    });
}

fn a_member_of_a_saved_object_is_read(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        let value = everything();
        each_member!(value, |name, member| assert_eq!(same(member, typed.get_member("key", name).unwrap()), None));
        typed.save_object("key", &value).unwrap();
        each_member!(value, |name, member| assert_eq!(typed.get_member("key", name).unwrap().as_ref(), Some(member)));
        assert_eq!(typed.get_member::<String>("key", "missing").unwrap(), None);
        store.set("key", "visits", "7").unwrap();
        store.increment("key", "visits", 1).unwrap();
        assert_eq!(typed.get_member("key", "visits").unwrap(), Some(8));
    });
}

fn a_member_that_is_none_has_no_field(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        assert!(!typed.set_member("key", "nickname", &None::<String>).unwrap());
        assert!(!store.contains_key("key"), "nothing is no field");
        typed.save_object("key", &User { nickname: Some("Countess".into()), ..ada() }).unwrap();
        assert!(!typed.set_member("key", "nickname", &None::<String>).unwrap());
        assert_eq!(typed.load_object("key").unwrap(), Some(ada()));
        assert_eq!(typed.get_member::<Option<String>>("key", "nickname").unwrap(), None);
        assert!(typed.set_member("key", "nickname", &Some("Ada")).unwrap());
        assert_eq!(typed.get_member::<Option<String>>("key", "nickname").unwrap(), Some(Some("Ada".into())));
    });
}

fn a_missing_key_is_created_and_a_deadline_goes(codec: impl Codec + Copy) {
    on_every_configuration_with_clock(|_, store, clock| {
        let typed = store.typed(codec);
        assert!(typed.set_member("new", "name", "Ada").unwrap());
        assert_eq!(store.get("new", "name").as_deref(), Some(&b"Ada"[..]));
        let for_a_minute = SetOptions::new().expire(Duration::from_secs(60));
        store.set_with("key", [("name", "Ada"), ("visits", "1")], for_a_minute).unwrap();
        assert!(!typed.set_member("key", "name", "Eve").unwrap());
        clock.advance(Duration::from_secs(60));
        assert_eq!(typed.get_member::<String>("key", "name").unwrap().as_deref(), Some("Eve"));
        assert_eq!(typed.get_member::<u64>("key", "visits").unwrap(), None);
    });
}

fn a_member_of_another_type_is_an_error_that_names_it_and_stays(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        typed.save_object("key", &ada()).unwrap();
        let before = store.get_all("key");
        let refused = |error: CodecError, member| {
            assert!(matches!(error, CodecError::Decode { .. }), "{error}");
            assert_eq!(named(&error), member);
        };
        refused(typed.get_member::<u64>("key", "name").unwrap_err(), "name");
        refused(typed.get_member::<bool>("key", "visits").unwrap_err(), "visits");
        refused(typed.get_member::<(u64, u64, u64, u64)>("key", "tags").unwrap_err(), "tags");
        refused(typed.get_member::<Decimal>("key", "name").unwrap_err(), "name");
        assert!(store.get_all("key") == before);
    });
}

fn a_member_that_cannot_be_written_changes_nothing(codec: impl Codec + Copy) {
    struct Refuses;
    impl Serialize for Refuses {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not me"))
        }
    }
    on_every_configuration_within(Limits::default().max_string(64), |_, store| {
        let typed = store.typed(codec);
        typed.save_object("key", &ada()).unwrap();
        let before = store.get_all("key");
        let error = typed.set_member("key", "name", &Refuses).unwrap_err();
        assert!(matches!(error, CodecError::Encode { .. }), "{error}");
        assert_eq!(named(&error), "name");
        let error = typed.set_member("key", "name", &"x".repeat(65)).unwrap_err();
        assert!(matches!(error, CodecError::Refused(Error::ValueTooLong { .. })), "{error}");
        assert!(store.get_all("key") == before);
    });
}

fn a_price_is_read_alone(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        typed.set_member("key", "price", &Decimal::new(1_999, 2)).unwrap();
        assert_eq!(store.get("key", "price").as_deref(), Some(&b"19.99"[..]));
        assert_eq!(typed.get_member("key", "price").unwrap(), Some(Decimal::new(1_999, 2)));
        store.increment_float("key", "price", 0.01).unwrap();
        assert_eq!(typed.get_member("key", "price").unwrap(), Some(Some(Decimal::new(20, 0))));
    });
}
