//! Adds any amount to any text, in both encodings, as integers and as floats. The answers are those of the model, which
//! reads and writes numbers with std alone. The text of a sum is read back as that sum, and an error leaves the value
//! as it was.

use hashlet::{HashValue, Thresholds};

use super::config;
use super::model::{Hash, ModelHash};
use super::ops::{Call, Change, OwnedCall};
use super::reply::Reply;

const FIELD: &str = "number";

/// Adds the amount as an integer, and its bits as a float.
pub(crate) fn run(amount: [u8; 8], text: &[u8]) {
    let integer = Change::Increment(FIELD.into(), i64::from_le_bytes(amount));
    let float = Change::IncrementFloat(FIELD.into(), f64::from_le_bytes(amount));
    for thresholds in [config::packed(), config::table()] {
        for value in [None, Some(text)] {
            for order in [[&integer, &float], [&float, &integer]] {
                let mut number = Number::new(thresholds, value);
                order.into_iter().for_each(|change| number.change(change));
            }
        }
    }
}

/// A hash with a number between two other fields, and the model of it.
struct Number {
    value: HashValue,
    model: Hash,
}

impl Number {
    fn new(thresholds: Thresholds, text: Option<&[u8]>) -> Self {
        let mut value = HashValue::with_thresholds(thresholds);
        let mut model = Hash::default();
        let pairs = [("before", Some(&b"1"[..])), (FIELD, text), ("behind", Some(b"-1"))];
        for (field, text) in pairs.into_iter().filter_map(|(field, text)| Some((field, text?))) {
            value.set(field, text).expect("within limits");
            ModelHash::alone(&mut model).set(field, text).expect("within limits");
        }
        Self { value, model }
    }

    fn text(&self) -> Option<String> {
        self.value.get(FIELD).map(|text| String::from_utf8(text.into()).expect("a number is ASCII"))
    }

    fn change(&mut self, change: &Change) {
        let reply = self.step(change.clone());
        let Some(again) = self.reads_back(&reply) else { return };
        let text = self.text();
        assert_eq!(self.step(again), reply, "nothing added to {text:?}");
        assert_eq!(self.text(), text, "nothing added");
    }

    /// Makes a call on both, and checks that they hold the same afterwards.
    fn step(&mut self, change: Change) -> Reply {
        let call = OwnedCall::Call(Call::Change(change));
        let reply = call.on_value(&mut self.value);
        assert_eq!(reply, call.on_model(&mut ModelHash::alone(&mut self.model)), "{call:?}: right is the model");
        assert_eq!(Reply::pairs(&self.value), Reply::pairs(self.model.iter()), "after {call:?}: right is the model");
        reply
    }

    /// Checks that the text of a sum is canonical and reads back as the sum. Returns the call that adds 0 to it.
    fn reads_back(&self, reply: &Reply) -> Option<Change> {
        match *reply {
            Reply::Integer(sum) => {
                assert_eq!(self.text().expect("it is written").parse(), Ok(sum));
                Some(Change::Increment(FIELD.into(), 0))
            }
            Reply::Float(sum) => {
                let text = self.text().expect("it is written");
                assert_eq!(text.parse().map(f64::to_bits), Ok(sum.to_bits()), "{text}");
                let is_plain =
                    text.strip_prefix('-').unwrap_or(&text).bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.'));
                assert!(is_plain && text != "-0", "{text}");
                Some(Change::IncrementFloat(FIELD.into(), 0.0))
            }
            Reply::Failed(_) => None,
            ref other => panic!("{other:?}"),
        }
    }
}
