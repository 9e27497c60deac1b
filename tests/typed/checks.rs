//! The crate's codecs pass `check_codec`, and codecs that break a rule do not.

use std::collections::BTreeMap;

use crate::support::everything::{Bytes, Everything, Newtype, NewtypeOfOption, Tree, Variant};
use hashlet::{Codec, check_codec};

promises! {
    the_codecs_of_the_crate_keep_the_rules
    bytes_after_a_value_are_an_error
}

fn the_codecs_of_the_crate_keep_the_rules(codec: impl Codec + Copy) {
    check_codec(&codec, [Everything { option: Some(1), sequence: vec!["é".into()], ..Default::default() }]);
    check_codec(&codec, [Variant::Unit, Variant::Newtype(u64::MAX), Variant::Tuple(-1, "x".into())]);
    check_codec(&codec, [Tree(vec![Tree::default(), Tree(vec![Tree::default()])])]);
    check_codec(&codec, [NewtypeOfOption(None), NewtypeOfOption(Some(0))]);
    check_codec(&codec, ["", "a", "\u{1f600}\n\"\\"].map(|text| Newtype(text.into())));
    check_codec(&codec, [vec![], vec![()], vec![(); 9]]);
    check_codec(&codec, [()]);
    check_codec(&codec, [Bytes(vec![]), Bytes(vec![0, 255])]);
    check_codec(&codec, [i128::MIN, -1, 0, i128::MAX]);
    check_codec(&codec, [f64::MIN_POSITIVE, -0.0, 1e300]);
    check_codec(&codec, [BTreeMap::new(), BTreeMap::from([("a".to_owned(), vec![Some('x'), None])])]);
    check_codec(&codec, ["x".repeat(10_000)]);
}

fn bytes_after_a_value_are_an_error(codec: impl Codec + Copy) {
    fn refused<T: serde::Serialize + serde::de::DeserializeOwned>(codec: impl Codec, value: &T) {
        let mut bytes = Vec::new();
        codec.encode(value, &mut bytes).unwrap();
        for tail in [0, 1, b'}', 255] {
            bytes.push(tail);
            assert!(codec.decode(std::marker::PhantomData::<T>, &bytes).is_err(), "{bytes:?}");
            bytes.pop();
        }
    }
    refused(codec, &());
    refused(codec, &true);
    refused(codec, &"text".to_owned());
    refused(codec, &vec![1_u8, 2]);
    refused(codec, &Variant::Unit);
    refused(codec, &Everything::default());
}

/// Codecs that break a rule each.
#[cfg(feature = "json")]
mod broken {
    use std::error::Error;
    use std::panic::catch_unwind;

    use hashlet::{Codec, Json, check_codec};
    use serde::Serialize;
    use serde::de::DeserializeSeed;

    type Reason = Box<dyn Error + Send + Sync>;

    /// What a codec does wrong.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Fault {
        None,
        IgnoresTheRest,
        ClearsTheBuffer,
        LosesTheLastByte,
        Overflows,
        RefusesAll,
        ReadsAnotherValue,
    }

    #[derive(Clone, Copy)]
    struct Broken(Fault);

    impl Codec for Broken {
        fn encode<T: Serialize + ?Sized>(&self, value: &T, bytes: &mut Vec<u8>) -> Result<(), Reason> {
            if self.0 == Fault::ClearsTheBuffer {
                bytes.clear();
            }
            if self.0 == Fault::RefusesAll {
                return Err("not today".into());
            }
            Json.encode(value, bytes)?;
            if self.0 == Fault::LosesTheLastByte {
                bytes.pop();
            }
            if self.0 == Fault::ReadsAnotherValue && bytes.ends_with(b"7") {
                bytes.push(b'7');
            }
            Ok(())
        }

        fn decode<'de, S: DeserializeSeed<'de>>(&self, seed: S, bytes: &'de [u8]) -> Result<S::Value, Reason> {
            match self.0 {
                Fault::IgnoresTheRest => Ok(seed.deserialize(&mut serde_json::Deserializer::from_slice(bytes))?),
                Fault::Overflows => {
                    assert!(bytes.first() != Some(&255), "a length is too long");
                    Json.decode(seed, bytes)
                }
                _ => Json.decode(seed, bytes),
            }
        }
    }

    fn message(fault: Fault) -> String {
        let check =
            || check_codec(&Broken(fault), [(1, "x".to_owned()), (7, "y".to_owned())].map(|pair| (pair.1, pair.0)));
        let check_of_numbers = || check_codec(&Broken(fault), [1, 7]);
        let failed =
            if fault == Fault::ReadsAnotherValue { catch_unwind(check_of_numbers) } else { catch_unwind(check) };
        *failed.expect_err("it has to fail").downcast::<String>().expect("it is text")
    }

    #[test]
    fn a_codec_that_breaks_a_rule_is_told_which_one() {
        let says = |fault, text: &str| {
            let message = message(fault);
            assert!(message.starts_with("the codec breaks a rule for `"), "{message}");
            assert!(message.contains(text), "{fault:?}: {message}");
        };
        says(Fault::IgnoresTheRest, "bytes are left");
        says(Fault::ClearsTheBuffer, "does not append");
        says(Fault::LosesTheLastByte, "does not decode");
        says(Fault::Overflows, "panics on [ff");
        says(Fault::RefusesAll, "not today");
        says(Fault::ReadsAnotherValue, "7 is read as 77");
        check_codec(&Broken(Fault::None), [1, 7]);
    }
}
