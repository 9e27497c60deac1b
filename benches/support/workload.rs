//! The three shapes of data. Each is a pure function of a number, so nothing has to be stored to know what was put in.
//!
//! | shape | key | fields | payload |
//! |---|---|---|---|
//! | [`Profile`] | `user:0123456` | 8, of a person | 153.0 bytes a key in the mean, key and field names included |
//! | [`big_field`] | one | any number, `item:123456` | 27.9 bytes a field in the mean of the first million |
//! | [`Middle`] | `h:012345` | 128, `field_000` to `field_127` | 4,104 bytes a hash, key included |

use super::random::Random;

/// Where all randomness of the benches begins.
pub(crate) const SEED: u64 = 0x5EED_0F4A_5417_0001;

/// The fields of a profile. Phone numbers are all equally long.
pub(crate) const PROFILE_FIELDS: [&str; 8] =
    ["name", "email", "phone", "city", "country", "joined", "visits", "language"];
pub(crate) const PHONE: usize = 2;
pub(crate) const CITY: usize = 3;

const GIVEN_NAMES: [&str; 16] = [
    "Ada", "Alan", "Barbara", "Claude", "Donald", "Dorothy", "Edsger", "Emmy", "Frances", "Grace", "John", "Kathleen",
    "Leslie", "Margaret", "Niklaus", "Sophie",
];
const FAMILY_NAMES: [&str; 16] = [
    "Allen", "Babbage", "Dijkstra", "Germain", "Hamilton", "Hopper", "Johnson", "Knuth", "Lamport", "Liskov",
    "Lovelace", "Noether", "Shannon", "Turing", "Vaughan", "Wirth",
];
const CITIES: [&str; 16] = [
    "Athens", "Berlin", "Bogota", "Canberra", "Dublin", "Helsinki", "Kyoto", "Lagos", "Lisbon", "Montreal", "Nairobi",
    "Santiago", "Uppsala", "Valencia", "Vienna", "Warsaw",
];
const COUNTRIES: [&str; 16] = [
    "Canada", "Chile", "Finland", "Germany", "Greece", "Ireland", "Italy", "Japan", "Kenya", "Nigeria", "Norway",
    "Paraguay", "Poland", "Portugal", "Thailand", "Zimbabwe",
];
const LANGUAGES: [&str; 4] = ["en-GB", "de-DE", "ja-JP", "pt-BR"];

/// The key of a profile, also of the millions of keys that other benches insert.
pub(crate) type ProfileKey = [u8; 12];

pub(crate) fn profile_key(number: usize) -> ProfileKey {
    let mut key = *b"user:0000000";
    let mut rest = number;
    for digit in key[5..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    key
}

/// A person with eight fields.
pub(crate) struct Profile {
    pub(crate) key: ProfileKey,
    pub(crate) values: [String; 8],
}

impl Profile {
    pub(crate) fn new(number: usize) -> Self {
        let mut random = Random::new(SEED ^ ((number as u64) << 20));
        let (given, family) = (random.pick(&GIVEN_NAMES), random.pick(&FAMILY_NAMES));
        let values = [
            format!("{given} {family}"),
            format!("{given}.{family}@example.com").to_lowercase(),
            phone(&mut random),
            random.pick(&CITIES).to_owned(),
            random.pick(&COUNTRIES).to_owned(),
            joined(&mut random),
            random.below(1_000).to_string(),
            random.pick(&LANGUAGES).to_owned(),
        ];
        Self { key: profile_key(number), values }
    }

    pub(crate) fn pairs(&self) -> [(&[u8], &[u8]); 8] {
        std::array::from_fn(|i| (PROFILE_FIELDS[i].as_bytes(), self.values[i].as_bytes()))
    }

    /// Bytes of the key, the fields and the values.
    pub(crate) fn payload(&self) -> usize {
        self.key.len() + payload(&self.pairs())
    }
}

/// A telephone number of 16 bytes.
pub(crate) fn phone(random: &mut Random) -> String {
    format!("+1-555-{:04}-{:04}", random.below(10_000), random.below(10_000))
}

/// An instant of 20 bytes.
fn joined(random: &mut Random) -> String {
    let (year, month, day) = (2010 + random.below(15), 1 + random.below(12), 1 + random.below(28));
    let (hour, minute, second) = (random.below(24), random.below(60), random.below(60));
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A field of the one big hash and its value of 10 to 24 bytes.
pub(crate) fn big_field(number: usize) -> (String, String) {
    let mut random = Random::new(SEED ^ ((number as u64) << 20));
    let length = 10 + random.below(15);
    (format!("item:{number}"), letters(&mut random, length))
}

/// A hash of 128 fields of 9 bytes with values of 23 bytes.
pub(crate) struct Middle {
    pub(crate) key: String,
    fields: Vec<(String, String)>,
}

impl Middle {
    pub(crate) const FIELDS: usize = 128;

    pub(crate) fn new(number: usize) -> Self {
        let mut random = Random::new(SEED ^ ((number as u64) << 20));
        let field = |i| (format!("field_{i:03}"), letters(&mut random, 23));
        Self { key: format!("h:{number:06}"), fields: (0..Self::FIELDS).map(field).collect() }
    }

    pub(crate) fn pairs(&self) -> Vec<(&[u8], &[u8])> {
        self.fields.iter().map(|(field, value)| (field.as_bytes(), value.as_bytes())).collect()
    }

    pub(crate) fn payload(&self) -> usize {
        self.key.len() + payload(&self.pairs())
    }
}

/// Random lower-case letters.
pub(crate) fn letters(random: &mut Random, length: usize) -> String {
    (0..length).map(|_| char::from(b'a' + random.below(26) as u8)).collect()
}

fn payload(pairs: &[(&[u8], &[u8])]) -> usize {
    pairs.iter().map(|(field, value)| field.len() + value.len()).sum()
}
