//! A struct as real programs have them, and the member that an error names.

use hashlet::CodecError;
use serde::{Deserialize, Serialize};

use super::everything::Variant;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) visits: u64,
    pub(crate) nickname: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) role: Variant,
}

pub(crate) fn ada() -> User {
    let role = Variant::Struct { text: "since 1815".into(), option: None };
    User { name: "Ada".into(), visits: 7, nickname: None, tags: vec!["x".into()], role }
}

/// The member at fault, in an error about the hash `key`.
pub(crate) fn named(error: &CodecError) -> String {
    match error {
        CodecError::Decode { key, field, .. } | CodecError::Encode { key, field, .. } => {
            assert_eq!(key, b"key");
            String::from_utf8(field.clone()).unwrap()
        }
        _ => panic!("{error}"),
    }
}
