//! Patterns of keys: a prefix, or a glob as Redis has it.
//!
//! A glob is taken apart once, into its literal beginning and a list of parts. Matching is a loop over the parts that
//! remembers one place to go back to: where the last `*` stands, and how much it has taken so far. More is not needed,
//! because a later `*` can take everything that an earlier one could. So it takes at most as many steps as the product of
//! the two lengths, and constant memory.
//!
//! Rejected: Redis's own way, a function that calls itself for each `*`. It took exponential time for some patterns
//! (CVE-2022-36021), and finds nothing for patterns of more than 1,000 stars (CVE-2024-31228).

use std::fmt;

/// The most parts of a glob that is sent to a server as it is. One of more than 1,000 stars would find nothing there.
const MOST_PARTS: usize = 1_000;

/// Which keys are looked for: those with a prefix, or those that match a glob. See
/// [`Store::scan_keys_matching`](crate::Store::scan_keys_matching), [`Store::iter_keys_matching`](crate::Store::iter_keys_matching)
/// and [`Store::clear_matching`](crate::Store::clear_matching).
///
/// ```
/// use hashlet::KeyPattern;
///
/// assert!(KeyPattern::prefix("user:").matches("user:123"));
/// assert!(KeyPattern::prefix("50%*").matches("50%* off")); // a prefix has no special characters
/// assert!(KeyPattern::glob("user:*:cart").matches("user:123:cart"));
/// assert!(KeyPattern::glob("h[a-e]ll?").matches("hello"));
/// assert!(!KeyPattern::glob("h[^a-e]llo").matches("hello"));
/// ```
///
/// # Globs
/// A glob is compared with the whole key, byte by byte.
///
/// | part | matches |
/// |---|---|
/// | `*` | any bytes, or none |
/// | `?` | one byte, whichever it is |
/// | `[abc]`, `[a-z]` | one of these bytes |
/// | `[^abc]`, `[^a-z]` | one byte that is none of these |
/// | `\x` | the byte `x`, also between brackets |
/// | any other byte | itself |
///
/// The corner cases are Redis's: no glob is wrong. `[z-a]` is `[a-z]`. The end of the glob closes an open bracket. `[]`
/// matches nothing, and `[^]` matches any byte. In `[a-]`, the range ends with `]`, and the bracket stays open. A `\` at
/// the end stands for itself. The empty key is matched by `*` and by the empty glob, and not by `**`.
///
/// Two things differ from Redis. A range between a byte below 128 and one above it has all bytes between them. Redis takes
/// bytes from 128 on for negative numbers on some processors, and finds others. And Redis finds nothing for globs of more
/// than 1,000 stars.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyPattern {
    /// As it was given.
    text: Box<[u8]>,
    /// With how many bytes that stand for themselves it begins.
    literal: Box<[u8]>,
    /// What follows these, or `None` if it may be anything.
    rest: Option<Box<[Part]>>,
    /// The fewest bytes of a key that matches.
    least: usize,
    /// Whether a server takes the text for the same pattern.
    is_plain: bool,
}

/// A part of a glob.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    Star,
    Any,
    Byte(u8),
    Class(Box<Class>),
}

/// A set of bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Class {
    bytes: [u64; 4],
    /// Whether servers on all processors take it for the same set.
    is_plain: bool,
}

impl KeyPattern {
    /// The keys that begin with these bytes. An empty prefix matches all keys. O(prefix).
    #[must_use]
    pub fn prefix(prefix: impl AsRef<[u8]>) -> Self {
        let prefix = prefix.as_ref();
        Self { text: prefix.into(), literal: prefix.into(), rest: None, least: prefix.len(), is_plain: false }
    }

    /// The keys that match a glob; see [Globs](Self#globs). O(glob).
    #[must_use]
    pub fn glob(glob: impl AsRef<[u8]>) -> Self {
        let text = glob.as_ref();
        let parts = parts(text);
        let literal: Box<[u8]> =
            parts.iter().map_while(|part| if let Part::Byte(byte) = part { Some(*byte) } else { None }).collect();
        let least = parts.iter().filter(|part| **part != Part::Star).count();
        let rest = match &parts[literal.len()..] {
            [Part::Star] => None,
            rest => Some(rest.into()),
        };
        let is_plain = parts.len() <= MOST_PARTS
            && parts.iter().all(|part| if let Part::Class(class) = part { class.is_plain } else { true });
        Self { text: text.into(), literal, rest, least, is_plain }
    }

    /// Returns whether a key matches. O(key) for a prefix. For a glob O(key) in the usual case, and at most
    /// O(key * glob).
    #[must_use]
    pub fn matches(&self, key: impl AsRef<[u8]>) -> bool {
        let key = key.as_ref();
        let Some(behind) = key.strip_prefix(&*self.literal) else { return false };
        match &self.rest {
            None => true,
            Some(rest) => key.len() >= self.least && matches(rest, behind),
        }
    }

    /// The bytes with which each key begins that matches.
    pub(crate) fn literal(&self) -> &[u8] {
        &self.literal
    }

    /// Whether it matches all keys.
    #[cfg(feature = "redis")]
    pub(crate) fn is_any(&self) -> bool {
        self.literal.is_empty() && self.rest.is_none()
    }

    /// A glob for a server, which matches each key that this pattern matches. It matches others too if servers take the
    /// pattern for another.
    #[cfg(feature = "redis")]
    pub(crate) fn to_glob(&self) -> Vec<u8> {
        if self.is_plain {
            return self.text.to_vec();
        }
        let mut glob = Vec::with_capacity(self.literal.len() + 1);
        for &byte in &self.literal {
            if matches!(byte, b'*' | b'?' | b'[' | b'\\') {
                glob.push(b'\\');
            }
            glob.push(byte);
        }
        glob.push(b'*');
        glob
    }
}

impl fmt::Debug for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.rest.is_none() && self.text == self.literal { "prefix" } else { "glob" };
        write!(f, "KeyPattern::{kind}(b\"{}\")", self.text.escape_ascii())
    }
}

/// Whether parts match all these bytes.
fn matches(parts: &[Part], key: &[u8]) -> bool {
    let (mut part, mut at) = (0, 0);
    // Where the last star stands, and up to which byte it reaches.
    let mut star: Option<(usize, usize)> = None;
    loop {
        match parts.get(part) {
            Some(Part::Star) if part + 1 == parts.len() => return true,
            Some(Part::Star) => {
                star = Some((part, at));
                part += 1;
                continue;
            }
            Some(one) if key.get(at).is_some_and(|byte| one.has(*byte)) => {
                (part, at) = (part + 1, at + 1);
                continue;
            }
            None if at == key.len() => return true,
            _ => {}
        }
        match star {
            // The last star takes one byte more.
            Some((place, reach)) if reach < key.len() => {
                star = Some((place, reach + 1));
                (part, at) = (place + 1, reach + 1);
            }
            _ => return false,
        }
    }
}

/// Takes a glob apart. Stars that follow each other are one, except where there is nothing else.
fn parts(glob: &[u8]) -> Vec<Part> {
    let (mut parts, mut left) = (Vec::new(), glob);
    while let Some((&first, rest)) = left.split_first() {
        left = rest;
        parts.push(match (first, rest) {
            (b'*', _) => {
                if let Some(Part::Star) = parts.last() {
                    continue;
                }
                Part::Star
            }
            (b'?', _) => Part::Any,
            (b'[', _) => Part::Class(Box::new(Class::read(&mut left))),
            (b'\\', [escaped, behind @ ..]) => {
                left = behind;
                Part::Byte(*escaped)
            }
            _ => Part::Byte(first),
        });
    }
    if let [Part::Star] = &parts[..]
        && glob.len() > 1
    {
        parts = vec![Part::Any, Part::Star]; // the empty key is matched by one star only
    }
    parts
}

impl Part {
    /// Whether it matches this byte.
    fn has(&self, byte: u8) -> bool {
        match self {
            Self::Star | Self::Any => true,
            Self::Byte(own) => *own == byte,
            Self::Class(class) => class.has(byte),
        }
    }
}

impl Class {
    /// Reads what stands behind a `[`, as far as the class goes.
    fn read(left: &mut &[u8]) -> Self {
        let mut class = Self { bytes: [0; 4], is_plain: true };
        let is_inverted = left.first() == Some(&b'^');
        if is_inverted {
            *left = &left[1..];
        }
        loop {
            *left = match *left {
                [] => break,
                [b'\\', escaped, rest @ ..] => {
                    class.add(*escaped, *escaped);
                    rest
                }
                [b']', rest @ ..] => {
                    *left = rest;
                    break;
                }
                [first, b'-', last, rest @ ..] => {
                    class.add(*first.min(last), *first.max(last));
                    rest
                }
                [byte, rest @ ..] => {
                    class.add(*byte, *byte);
                    rest
                }
            };
        }
        if is_inverted {
            class.bytes = class.bytes.map(|bits| !bits);
        }
        class
    }

    fn add(&mut self, first: u8, last: u8) {
        self.is_plain &= first.is_ascii() == last.is_ascii();
        (first..=last).for_each(|byte| self.bytes[usize::from(byte / 64)] |= 1 << (byte % 64));
    }

    fn has(&self, byte: u8) -> bool {
        self.bytes[usize::from(byte / 64)] >> (byte % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Redis's way, with its order of questions. It calls itself for each star.
    fn of_redis(mut pattern: &[u8], mut key: &[u8]) -> bool {
        while let (Some(&first), false) = (pattern.first(), key.is_empty()) {
            match first {
                b'*' => {
                    while pattern.get(1) == Some(&b'*') {
                        pattern = &pattern[1..];
                    }
                    return pattern.len() == 1 || (0..key.len()).any(|at| of_redis(&pattern[1..], &key[at..]));
                }
                b'?' => {}
                b'[' => {
                    pattern = &pattern[1..];
                    let is_inverted = pattern.first() == Some(&b'^');
                    pattern = &pattern[usize::from(is_inverted)..];
                    let mut has = false;
                    loop {
                        if pattern.len() >= 2 && pattern[0] == b'\\' {
                            pattern = &pattern[1..];
                            has |= pattern[0] == key[0];
                        } else if pattern.is_empty() || pattern[0] == b']' {
                            break;
                        } else if pattern.len() >= 3 && pattern[1] == b'-' {
                            let (first, last) = (pattern[0].min(pattern[2]), pattern[0].max(pattern[2]));
                            pattern = &pattern[2..];
                            has |= (first..=last).contains(&key[0]);
                        } else {
                            has |= pattern[0] == key[0];
                        }
                        pattern = &pattern[1..];
                    }
                    if has == is_inverted {
                        return false;
                    }
                }
                _ => {
                    if first == b'\\' && pattern.len() >= 2 {
                        pattern = &pattern[1..];
                    }
                    if pattern[0] != key[0] {
                        return false;
                    }
                }
            }
            pattern = pattern.get(1..).unwrap_or_default();
            key = &key[1..];
            if key.is_empty() {
                while pattern.first() == Some(&b'*') {
                    pattern = &pattern[1..];
                }
            }
        }
        pattern.is_empty() && key.is_empty()
    }

    /// All strings of these bytes up to this length.
    fn strings(bytes: &[u8], longest: usize) -> Vec<Vec<u8>> {
        let mut strings = vec![Vec::new()];
        let mut first = 0;
        for _ in 0..longest {
            let end = strings.len();
            for at in first..end {
                for &byte in bytes {
                    strings.push([&strings[at][..], &[byte]].concat());
                }
            }
            first = end;
        }
        strings
    }

    #[test]
    fn all_short_globs_match_as_in_redis() {
        let keys = strings(b"ac-]", 2);
        for glob in strings(b"*?[]^-\\ac", 5) {
            let pattern = KeyPattern::glob(&glob);
            for key in &keys {
                let expected = of_redis(&glob, key) || (key.is_empty() && glob == b"*");
                assert_eq!(pattern.matches(key), expected, "{pattern:?} {}", key.escape_ascii());
                assert!(!expected || key.starts_with(pattern.literal()), "{pattern:?}");
            }
        }
    }

    #[test]
    fn globs_of_many_stars_match_as_in_redis() {
        let keys = strings(b"ab", 6);
        for glob in strings(b"*ab?", 6) {
            let pattern = KeyPattern::glob(&glob);
            for key in keys.iter().skip(1) {
                assert_eq!(pattern.matches(key), of_redis(&glob, key), "{pattern:?} {}", key.escape_ascii());
            }
        }
    }

    #[test]
    fn a_class_knows_all_bytes() {
        for first in 0..=255 {
            for last in (0..=255).step_by(5) {
                let glob = [b'[', b'\\', first, b'x', b'-', last, b']'];
                let (inverted, pattern) = ([&b"[^"[..], &glob[1..]].concat(), KeyPattern::glob(glob));
                let inverted = KeyPattern::glob(inverted);
                for byte in 0..=255u8 {
                    let has = byte == first || (last.min(b'x')..=last.max(b'x')).contains(&byte);
                    assert_eq!(pattern.matches([byte]), has, "{pattern:?} {byte}");
                    assert_eq!(inverted.matches([byte]), !has, "{inverted:?} {byte}");
                }
            }
        }
    }

    #[test]
    fn hostile_globs_end_soon() {
        // A function that calls itself for each star takes 2^100 steps for the first, and overflows its stack for the last.
        let key = vec![b'a'; 2_000];
        for (glob, expected) in [
            ("a*".repeat(100) + "b", false),
            ("*a".repeat(1_000), true),
            ("*a".repeat(1_000) + "b", false),
            ("*a*?[a-c]".repeat(300) + "[^a]", false),
            ("*".repeat(1_000_000) + "a", true),
            ("[".repeat(1_000_000), false),
            ("\\".repeat(1_000_000), false),
        ] {
            assert_eq!(KeyPattern::glob(&glob).matches(&key), expected, "{}", &glob[..9]);
        }
    }

    #[cfg(feature = "redis")]
    #[test]
    fn a_server_gets_a_glob_that_matches_all_of_it() {
        let glob = |pattern: KeyPattern| String::from_utf8_lossy(&pattern.to_glob()).into_owned();
        assert_eq!(glob(KeyPattern::prefix("a*[b]?\\c")), "a\\*\\[b]\\?\\\\c*");
        assert_eq!(glob(KeyPattern::prefix("")), "*");
        assert_eq!(glob(KeyPattern::glob("a[^b-c]*\\")), "a[^b-c]*\\");
        assert_eq!(glob(KeyPattern::glob("")), "");
        assert_eq!(glob(KeyPattern::glob(b"\\*a[b-\xff]")), "\\*a*");
        assert_eq!(glob(KeyPattern::glob("a".to_string() + &"*b".repeat(1_001))), "a*");
    }
}
