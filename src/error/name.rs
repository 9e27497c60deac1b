//! Keys and fields in the texts of errors.

use std::fmt;

/// The most bytes of a name that a text shows.
const SHOWN: usize = 256;

/// A key or a field, as every error shows it: in quotes, as text if it is text, and as the bytes of a Rust literal if it is
/// not. Quotes and line breaks in a text are escaped. Of a long name only the beginning is shown, with the length.
pub(crate) struct Name<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.0.len();
        match std::str::from_utf8(self.0) {
            Ok(text) if len <= SHOWN => write!(f, "{text:?}"),
            Ok(text) => {
                let end = (0..=SHOWN).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
                write!(f, "{:?}… ({len} bytes)", &text[..end])
            }
            Err(_) if len <= SHOWN => write!(f, "b\"{}\"", self.0.escape_ascii()),
            Err(_) => write!(f, "b\"{}\"… ({len} bytes)", self.0[..SHOWN].escape_ascii()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_as_text_if_it_is_text() {
        let shown = |name: &[u8]| Name(name).to_string();
        assert_eq!(shown(b"user:1"), r#""user:1""#);
        assert_eq!(shown("größe".as_bytes()), r#""größe""#);
        assert_eq!(shown(b""), r#""""#);
        assert_eq!(shown(b"a \"b\"\n\x1b[0m"), r#""a \"b\"\n\u{1b}[0m""#);
        assert_eq!(shown(b"\xff\0a"), r#"b"\xff\x00a""#);
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let text = Name("x".repeat(255).as_bytes()).to_string();
        assert_eq!(text.len(), 257);
        let text = Name(format!("{}ö{}", "x".repeat(255), "y".repeat(100)).as_bytes()).to_string();
        assert_eq!(text, format!("\"{}\"… (357 bytes)", "x".repeat(255)));
        let bytes = Name(&[0xff; 65_536]).to_string();
        assert!(bytes.ends_with("\"… (65536 bytes)") && bytes.len() < 1_100, "{bytes}");
    }
}
