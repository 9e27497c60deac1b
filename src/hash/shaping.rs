//! Records and the shapes of their store.

use std::sync::Arc;

use crate::hash::{Port, Record};
use crate::options::Rules;
use crate::shapes::{Kind, Shapes};

impl Record {
    /// The bytes that the record's shape saves, if it has one.
    #[inline]
    pub(crate) fn saved_bytes(&self, rules: &Rules) -> Option<usize> {
        match self {
            Self::Packed(packed) => packed.saved_bytes(rules),
            Self::Table(_) => None,
        }
    }

    /// Whether the record has no shape, and is small enough to have one.
    #[inline]
    pub(crate) fn could_have_shape(&self) -> bool {
        matches!(self, Self::Packed(packed) if !packed.is_shaped() && packed.could_take_shape())
    }

    /// Whether the record has no shape, and there may be one for it. Asked when its names have changed.
    #[inline]
    pub(crate) fn wants_shape(&self, rules: &Rules) -> bool {
        match (self, rules.shapes.as_deref()) {
            (Self::Packed(packed), Some(shapes)) => !packed.is_shaped() && shapes.may_have(packed.len()),
            _ => false,
        }
    }

    /// Whether the record has no shape, or one of which fields are missing, and there may be one for it. Asked in a census.
    pub(crate) fn wants_better_shape(&self, rules: &Rules) -> bool {
        match (self, rules.shapes.as_deref()) {
            (Self::Packed(packed), Some(shapes)) => packed.lacks_shape() && shapes.may_have(packed.len()),
            _ => false,
        }
    }

    /// Gives the record the shape of its names, if there is one. Returns whether it has one.
    pub(crate) fn take_shape(&mut self, rules: &Rules) -> bool {
        match (self, rules.shapes.as_deref()) {
            (Self::Packed(packed), Some(shapes)) => packed.take_shape(shapes, rules),
            _ => false,
        }
    }

    /// [`take_shape`](Self::take_shape) when a call has changed the record's names. Tests can have them learned at once,
    /// which takes room, if the store has a limit.
    #[inline(never)]
    pub(crate) fn settle_shape(&mut self, rules: &Rules, room: Option<&dyn Port>) {
        if !self.take_shape(rules) && rules.shapes.as_deref().is_some_and(Shapes::is_eager) {
            self.learn_shape(rules, room);
            self.take_shape(rules);
        }
    }

    /// The record's kind, if it could take a shape that is worth it.
    pub(crate) fn kind(&self, rules: &Rules) -> Option<Kind> {
        match self {
            Self::Packed(packed) => packed.kind(rules),
            Self::Table(_) => None,
        }
    }

    /// Learns the record's names. What is learned takes room, if the store has a limit.
    pub(crate) fn learn_shape(&self, rules: &Rules, room: Option<&dyn Port>) {
        if let (Self::Packed(packed), Some(shapes)) = (self, rules.shapes.as_deref()) {
            packed.learn_shape(shapes, rules, takes(room));
        }
    }

    /// The shapes for the record when it leaves the store, if it has one.
    #[inline]
    pub(crate) fn lend_shapes(&self, rules: &Rules) -> Option<Arc<Shapes>> {
        match self {
            Self::Packed(packed) if packed.is_shaped() => {
                rules.shapes.as_ref().map(|shapes| Shapes::lend(shapes, packed.number()))
            }
            _ => None,
        }
    }

    /// Takes the names back.
    #[cfg(feature = "recorder")]
    pub(crate) fn leave_shape(&mut self, rules: &Rules) {
        if let Self::Packed(packed) = self {
            packed.leave_shape(rules);
        }
    }
}

/// Takes bytes for as long as the store lives, if it has a limit. Returns whether there is room for them.
pub(crate) fn takes(room: Option<&dyn Port>) -> impl Fn(usize) -> bool {
    move |bytes| room.is_none_or(|room| room.take_for_good(bytes))
}
