//! The two encodings of a hash: the moments at which one becomes the other, and the sizes at which a layout changes its
//! form. Nothing is lost there.

mod boundaries;
mod conversions;
