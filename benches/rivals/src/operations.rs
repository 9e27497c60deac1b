//! What is done to a store, and what has to come of it.
//!
//! Requests are drawn before the clock starts, and lie one after another with their keys, fields and values in one
//! block, so that reading them costs the same for everybody and no cache miss of its own. Each list knows what the
//! answers have to add up to.

use std::time::{Duration, Instant};

use crate::data::Data;
use crate::support::random::Random;
use crate::support::rival::Rival;
use crate::support::workload::{CITY, PHONE, PROFILE_FIELDS, letters, phone};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// The length and the first byte of a value, read where it lies.
    Look,
    /// An owned copy of a value.
    Get,
    /// A copy of a value that is not there: the key is, the field is not.
    MissingField,
    MissingKey,
    Contains,
    /// An owned copy of a hash.
    GetAll,
    /// Copies of one field of 64 hashes. One key counts as an operation.
    GetAcross,
    /// Copies of three fields of 64 hashes. One key counts as an operation.
    GetManyAcross,
    /// A value of the same length over another.
    SetSame,
    /// The same in 64 hashes. One key counts as an operation.
    SetAcross,
    /// A value of half to one and a half times the length over another.
    SetOther,
    /// A field that its hash does not have yet, no key twice.
    SetNew,
    /// That field, removed again.
    Remove,
    /// A field removed and set again: the two as one operation.
    Reinsert,
    /// A field that only this thread sets, set and removed again: the two as one operation.
    OwnField {
        thread: usize,
    },
    /// One added to a number.
    Increment,
    /// In one atomic step one added to a number, a value of the same length set, and one of another.
    Update,
    /// So many of a hundred are `SetSame`, the others `Get`.
    Mixed {
        writes: usize,
    },
}

pub(crate) const ACROSS: usize = 64;
/// The fields that are asked for together.
const SEVERAL: [&str; 3] = [PROFILE_FIELDS[0], PROFILE_FIELDS[CITY], PROFILE_FIELDS[PHONE]];
const COUNTER: usize = 6;

/// One request: where its strings begin, and how long they are.
struct Request {
    at: u32,
    key: u16,
    field: u16,
    value: u32,
    piece: u32,
}

pub(crate) struct Requests {
    operation: Operation,
    bytes: Vec<u8>,
    list: Vec<Request>,
    /// The sum of all answers.
    expected: usize,
}

impl Operation {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Look => "look".into(),
            Self::Get => "get".into(),
            Self::MissingField => "missing_field".into(),
            Self::MissingKey => "missing_key".into(),
            Self::Contains => "contains".into(),
            Self::GetAll => "get_all".into(),
            Self::GetAcross => "get_across".into(),
            Self::GetManyAcross => "get_many_across".into(),
            Self::SetSame => "set_same".into(),
            Self::SetAcross => "set_across".into(),
            Self::SetOther => "set_other".into(),
            Self::SetNew => "set_new".into(),
            Self::Remove => "remove".into(),
            Self::Reinsert => "reinsert".into(),
            Self::OwnField { .. } => "set_new+remove".into(),
            Self::Increment => "increment".into(),
            Self::Update => "update".into(),
            Self::Mixed { writes } => format!("{}/{writes}", 100 - writes),
        }
    }

    /// The same operation, done by this thread of several.
    pub(crate) fn of_thread(self, thread: usize) -> Self {
        if let Self::OwnField { .. } = self { Self::OwnField { thread } } else { self }
    }
}

impl Requests {
    /// Draws requests on pieces that `pick` chooses.
    pub(crate) fn draw(
        data: &Data,
        operation: Operation,
        count: usize,
        random: &mut Random,
        mut pick: impl FnMut(&mut Random) -> usize,
    ) -> Self {
        let mut new = Self { operation, bytes: Vec::new(), list: Vec::with_capacity(count), expected: 0 };
        let mut across = PROFILE_FIELDS[0].as_bytes();
        for number in 0..count {
            let piece = pick(random);
            let key = data.key(piece);
            let (field, value) = data.pair(piece, random.below(data.fields(piece)));
            match operation {
                Operation::Look | Operation::Get => new.push(piece, key, field, b"", answer(value)),
                Operation::MissingField => new.push(piece, key, &another(field), b"", 0),
                Operation::MissingKey => new.push(piece, &another(key), field, b"", 0),
                Operation::Contains => new.push(piece, key, field, b"", 1),
                Operation::GetAll => new.push(piece, key, field, b"", data.fields(piece)),
                Operation::GetAcross => {
                    if number % ACROSS == 0 {
                        across = field;
                    }
                    let value = data.pairs(piece).find(|(name, _)| *name == across).map_or(b"".as_slice(), |(_, v)| v);
                    new.push(piece, key, across, b"", answer(value));
                }
                Operation::GetManyAcross => {
                    let of = |wanted: &str| data.pairs(piece).find(|(name, _)| *name == wanted.as_bytes());
                    let expected = SEVERAL.iter().filter_map(|name| of(name)).map(|(_, value)| answer(value)).sum();
                    new.push(piece, key, b"", b"", expected);
                }
                Operation::SetSame | Operation::SetAcross => new.push(piece, key, field, &like(value, random), 0),
                Operation::SetOther => {
                    let length = 1.max(value.len() / 2 + random.below(value.len() + 1));
                    new.push(piece, key, field, letters(random, length).as_bytes(), 0);
                }
                Operation::SetNew | Operation::Remove => {
                    new.push(piece, key, format!("new:{piece}").as_bytes(), b"Ada", 1);
                }
                Operation::Reinsert => new.push(piece, key, field, value, 2),
                Operation::OwnField { thread } => new.push(piece, key, format!("new:{thread}").as_bytes(), b"Ada", 2),
                Operation::Increment => new.push(piece, key, PROFILE_FIELDS[COUNTER].as_bytes(), b"", 0),
                Operation::Update => {
                    let length = 4 + random.below(12);
                    let values = phone(random) + &letters(random, length);
                    new.push(piece, key, PROFILE_FIELDS[COUNTER].as_bytes(), values.as_bytes(), 0);
                }
                Operation::Mixed { writes } if random.below(100) < writes => {
                    new.push(piece, key, field, &like(value, random), 0);
                }
                Operation::Mixed { .. } => new.push(piece, key, field, b"", answer(value)),
            }
        }
        new
    }

    fn push(&mut self, piece: usize, key: &[u8], field: &[u8], value: &[u8], expected: usize) {
        let at = u32::try_from(self.bytes.len()).expect("requests are few");
        for string in [key, field, value] {
            self.bytes.extend_from_slice(string);
        }
        let (key, field) = (key.len() as u16, field.len() as u16);
        self.list.push(Request { at, key, field, value: value.len() as u32, piece: piece as u32 });
        self.expected += expected;
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The same requests for another operation with the same answers.
    pub(crate) fn turned_into(mut self, operation: Operation) -> Self {
        self.operation = operation;
        self
    }

    fn strings(&self, request: &Request) -> [&[u8]; 3] {
        let bytes = &self.bytes[request.at as usize..];
        let (key, rest) = bytes.split_at(request.key.into());
        let (field, rest) = rest.split_at(request.field.into());
        [key, field, &rest[..request.value as usize]]
    }

    /// Does everything, says how long it took and checks what came of it.
    pub(crate) fn time<R: Rival>(&self, store: &R) -> Duration {
        let before = self.counters(store);
        let start = Instant::now();
        let sum = self.work(store);
        let time = start.elapsed();
        self.check(sum);
        if let (Some(before), Some(after)) = (before, self.counters(store)) {
            assert_eq!(after - before, self.list.len() as i64, "every increment counts");
        }
        if let (Operation::SetSame | Operation::SetAcross | Operation::SetOther, Some(last)) =
            (self.operation, self.list.last())
        {
            let [key, field, value] = self.strings(last);
            assert_eq!(store.get(key, field).as_deref(), Some(value), "what was set last is there");
        }
        time
    }

    /// Sets what was in the fields of these pieces at first.
    pub(crate) fn undo<R: Rival>(&self, store: &R, data: &Data) {
        for request in &self.list {
            let [key, field, _] = self.strings(request);
            let before = data.pairs(request.piece as usize).find(|(name, _)| *name == field);
            let (field, value) = before.expect("only fields of the data are written over");
            assert!(!store.set(key, field, value), "the field is there");
        }
    }

    pub(crate) fn check(&self, sum: usize) {
        assert_eq!(sum, self.expected, "the answers to {:?}", self.operation);
    }

    /// The numbers in all counters that will be, or have been, incremented.
    fn counters<R: Rival>(&self, store: &R) -> Option<i64> {
        if !matches!(self.operation, Operation::Increment | Operation::Update) {
            return None;
        }
        let mut requests: Vec<_> = self.list.iter().collect();
        requests.sort_unstable_by_key(|request| request.piece);
        requests.dedup_by_key(|request| request.piece);
        let number = |request| {
            let [key, field, _] = self.strings(request);
            store.look(key, field, |value| crate::support::maps::number(value.expect("a counter")))
        };
        Some(requests.into_iter().map(number).sum())
    }

    /// Does everything and adds up the answers.
    pub(crate) fn work<R: Rival>(&self, store: &R) -> usize {
        let [phone, city] = [PHONE, CITY].map(|field| PROFILE_FIELDS[field].as_bytes());
        match self.operation {
            Operation::Look => self.each(|[key, field, _]| store.look(key, field, |value| value.map_or(0, answer))),
            Operation::Get | Operation::MissingField | Operation::MissingKey => {
                self.each(|[key, field, _]| store.get(key, field).map_or(0, |value| answer(&value)))
            }
            Operation::Contains => self.each(|[key, field, _]| usize::from(store.contains(key, field))),
            Operation::GetAll => self.each(|[key, _, _]| R::len(&store.get_all(key))),
            Operation::GetAcross => self.across(store),
            Operation::GetManyAcross => self.many_across(store),
            Operation::SetAcross => self.set_across(store),
            Operation::SetSame | Operation::SetOther | Operation::SetNew => {
                self.each(|[key, field, value]| usize::from(store.set(key, field, value)))
            }
            Operation::Remove => self.each(|[key, field, _]| usize::from(store.remove(key, field))),
            Operation::Reinsert => self.each(|[key, field, value]| {
                usize::from(store.remove(key, field)) + usize::from(store.set(key, field, value))
            }),
            Operation::OwnField { .. } => self.each(|[key, field, value]| {
                usize::from(store.set(key, field, value)) + usize::from(store.remove(key, field))
            }),
            Operation::Increment => self.each(|[key, field, _]| usize::from(store.increment(key, field, 1) <= 0)),
            Operation::Update => self.each(|[key, field, values]| {
                let (number, name) = values.split_at(16);
                usize::from(store.update(key, field, [(phone, number), (city, name)]) <= 0)
            }),
            Operation::Mixed { .. } => self.each(|[key, field, value]| {
                if value.is_empty() {
                    store.get(key, field).map_or(0, |value| answer(&value))
                } else {
                    usize::from(store.set(key, field, value))
                }
            }),
        }
    }

    /// Adds up what this answers to each request.
    pub(crate) fn each(&self, answer: impl Fn([&[u8]; 3]) -> usize) -> usize {
        self.list.iter().map(|request| answer(self.strings(request))).sum()
    }

    fn across<R: Rival>(&self, store: &R) -> usize {
        let mut keys: Vec<&[u8]> = Vec::with_capacity(ACROSS);
        let mut sum = 0;
        for requests in self.list.chunks(ACROSS) {
            let [_, field, _] = self.strings(&requests[0]);
            keys.clear();
            keys.extend(requests.iter().map(|request| self.strings(request)[0]));
            sum += store.get_across(&keys, field).iter().flatten().map(|value| answer(value)).sum::<usize>();
        }
        sum
    }

    fn many_across<R: Rival>(&self, store: &R) -> usize {
        let fields = SEVERAL.map(str::as_bytes);
        let mut keys: Vec<&[u8]> = Vec::with_capacity(ACROSS);
        let mut sum = 0;
        for requests in self.list.chunks(ACROSS) {
            keys.clear();
            keys.extend(requests.iter().map(|request| self.strings(request)[0]));
            let values = store.get_many_across(&keys, &fields);
            sum += values.iter().flatten().flatten().map(|value| answer(value)).sum::<usize>();
        }
        sum
    }

    fn set_across<R: Rival>(&self, store: &R) -> usize {
        let mut sum = 0;
        for requests in self.list.chunks(ACROSS) {
            let hashes = requests.iter().map(|request| {
                let [key, field, value] = self.strings(request);
                (key, vec![(field, value)])
            });
            sum += store.set_many_across(&hashes.collect::<Vec<_>>());
        }
        sum
    }
}

/// What a value adds to the sum when it is read.
fn answer(value: &[u8]) -> usize {
    value.len() + usize::from(value.first().copied().unwrap_or(0))
}

/// A string of the same length that is nowhere in the data.
fn another(string: &[u8]) -> Vec<u8> {
    let mut other = string.to_vec();
    other[string.len() - 1] = b'~';
    other
}

/// Another value of the same length and with the same first character, so that it counts as the same answer. A number
/// stays a number.
fn like(value: &[u8], random: &mut Random) -> Vec<u8> {
    let text = std::str::from_utf8(value).expect("the workloads are text");
    let first = text.chars().next().map_or(0, char::len_utf8);
    let mut other = value[..first].to_vec();
    if value.iter().all(u8::is_ascii_digit) {
        other.extend(value[first..].iter().map(|_| b'0' + random.below(10) as u8));
    } else {
        other.extend_from_slice(letters(random, value.len() - first).as_bytes());
    }
    other
}
