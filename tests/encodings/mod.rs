//! The two encodings of a hash: when one becomes the other, and that nothing is lost where a layout changes its form.

mod boundaries;
mod conversions;
