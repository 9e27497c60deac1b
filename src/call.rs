//! One call of a user: the instant it runs at, and what it leaves behind.

use std::cell::RefCell;

use crate::rules::Rules;
use crate::time::{NOW_OF_VALUES, Now};

/// What one call needs besides its arguments: made before the first lock is taken, and dropped after the last one is
/// released.
#[derive(Default)]
pub(crate) struct Call {
    now: Now,
    retired: RefCell<Option<Vec<Box<dyn Send>>>>,
}

/// What an operation on a record is told besides its arguments.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) rules: &'a Rules,
    #[expect(dead_code, reason = "deadlines are compared with it, and no record has one yet")]
    pub(crate) now: &'a Now,
    call: Option<&'a Call>,
}

impl<'a> Context<'a> {
    /// For a record of a store that is changed.
    pub(crate) fn of_change(rules: &'a Rules, call: &'a Call) -> Self {
        Self { rules, now: &call.now, call: Some(call) }
    }

    /// For a record of a store that is looked at.
    pub(crate) fn of_look(rules: &'a Rules, now: &'a Now) -> Self {
        Self { rules, now, call: None }
    }

    /// For a record of a stand-alone value.
    pub(crate) fn of_value(rules: &'a Rules) -> Self {
        Self { rules, now: &NOW_OF_VALUES, call: None }
    }

    /// Takes something whose memory may take long to give back, and drops it when no lock is held any more.
    pub(crate) fn retire(&self, old: impl Send + 'static) {
        if let Some(call) = self.call {
            call.retired.borrow_mut().get_or_insert_default().push(Box::new(old));
        }
    }
}
