//! The keys of a store as plain maps, and as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Milliseconds since 1970-01-01 00:00 UTC.
pub(crate) type Deadline = u64;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hash {
    pub(crate) deadline: Option<Deadline>,
    pub(crate) fields: BTreeMap<Vec<u8>, (Vec<u8>, Option<Deadline>)>,
}

/// All keys, also those that have expired: nothing here reads a clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents(pub(crate) BTreeMap<Vec<u8>, Hash>);

/// One change of a log.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect<'a> {
    Put { field: &'a [u8], value: &'a [u8] },
    Remove { field: &'a [u8] },
    FieldDeadline { field: &'a [u8], deadline: Option<Deadline> },
    KeyDeadline { deadline: Option<Deadline> },
    Clear,
    MoveTo { key: &'a [u8] },
    CopyTo { key: &'a [u8] },
}

impl Contents {
    /// Does an effect again. See the format's page for those on what is not there.
    pub(crate) fn redo(&mut self, key: &[u8], effect: Effect<'_>) {
        match effect {
            Effect::Put { field, value } => {
                let hash = self.0.entry(key.to_vec()).or_default();
                hash.fields.entry(field.to_vec()).or_default().0 = value.to_vec();
            }
            Effect::Remove { field } => {
                if let Some(hash) = self.0.get_mut(key) {
                    hash.fields.remove(field);
                    if hash.fields.is_empty() {
                        self.0.remove(key);
                    }
                }
            }
            Effect::FieldDeadline { field, deadline } => {
                if let Some((_, old)) = self.0.get_mut(key).and_then(|hash| hash.fields.get_mut(field)) {
                    *old = deadline;
                }
            }
            Effect::KeyDeadline { deadline } => {
                if let Some(hash) = self.0.get_mut(key) {
                    hash.deadline = deadline;
                }
            }
            Effect::Clear => _ = self.0.remove(key),
            Effect::MoveTo { key: new } | Effect::CopyTo { key: new } if new == key => {}
            Effect::MoveTo { key: new } => {
                let hash = self.0.remove(key);
                self.replace(new, hash);
            }
            Effect::CopyTo { key: new } => self.replace(new, self.0.get(key).cloned()),
        }
    }

    fn replace(&mut self, key: &[u8], hash: Option<Hash>) {
        match hash {
            Some(hash) => _ = self.0.insert(key.to_vec(), hash),
            None => _ = self.0.remove(key),
        }
    }

    /// A line of JSON for each key.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(key, hash)| hash.to_json(key))
    }
}

impl Hash {
    /// The key comes first, so this is no `Value`, which would sort its members.
    fn to_json(&self, key: &[u8]) -> String {
        let fields: Map<_, _> =
            self.fields.iter().map(|(field, (value, _))| (text(field), text(value).into())).collect();
        let deadlines =
            self.fields.iter().filter_map(|(field, (_, deadline))| Some((text(field), (*deadline)?.into())));
        let deadlines: Map<_, _> = deadlines.collect();
        let mut line = format!("{{\"key\":{},\"fields\":{}", Value::from(text(key)), Value::from(fields));
        if let Some(deadline) = self.deadline {
            line.push_str(&format!(",\"deadline\":{deadline}"));
        }
        if !deadlines.is_empty() {
            line.push_str(&format!(",\"field_deadlines\":{}", Value::from(deadlines)));
        }
        line.push('}');
        line
    }
}

/// Bytes as text: a byte that is not UTF-8 becomes `\xNN`, and a backslash becomes two, so no two strings of bytes have
/// the same text.
pub(crate) fn text(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', r"\\"));
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02X}")));
    }
    text
}
