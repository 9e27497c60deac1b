//! The bytes of the model. It cannot know when memory is full, so it believes a store that refuses a write, as long as
//! that write would have made something grow; and it leaves everything as it is, as the store has to.

use super::{Hash, Model, ModelHash};
use crate::support::ops::deadlines::{DeadlineCall, DeadlineChange, FieldTtl, SetPlan};
use crate::support::ops::{Call, Change, FiledCall, Op};
use crate::support::reply::Reply;

impl FiledCall {
    /// The answer of the model, or the store's if that is a refusal that may be.
    pub(crate) fn on_model_with_room(&self, hash: &mut ModelHash<'_>, answer: &Reply) -> Reply {
        if !answer.is_full() {
            return self.on_model(hash);
        }
        let mut grown = hash.hash.clone();
        let reply = self.write().on_model(&mut ModelHash::new(hash.bounds, hash.now, &mut grown));
        let grows = grown.len() > hash.len() || grown.bytes() > hash.hash.bytes();
        assert!(grows, "{self:?} is refused, and takes no room: {reply:?}");
        answer.clone()
    }

    /// The call without deadlines, which may be past and leave nothing of what was written.
    fn write(&self) -> Self {
        match self {
            Self::Deadline(DeadlineCall::Change(DeadlineChange::SetWith(pairs, plan))) => {
                let plan = SetPlan { fields: FieldTtl::Keep, key: None, ..*plan };
                Self::Deadline(DeadlineCall::Change(DeadlineChange::SetWith(pairs.clone(), plan)))
            }
            Self::Deadline(DeadlineCall::Change(DeadlineChange::IncrementExpiring(field, by, _))) => {
                Self::Call(Call::Change(Change::Increment(field.clone(), *by)))
            }
            call => call.clone(),
        }
    }
}

impl Op {
    /// Checks that a copy or a new name may be refused. A copy is judged by what the hash has allocated, its deadlines
    /// and its free places included, so it may be refused over a hash of as many bytes.
    pub(crate) fn assert_grows(&self, model: &Model) {
        let mut grown = model.clone();
        let reply = self.on_model(&mut grown, &Reply::Done);
        let is_copy = matches!(self, Self::Copy([key, new], _) if key != new) && reply == Reply::Flag(true);
        assert!(is_copy || grown.bytes() > model.bytes(), "{self:?} is refused, and takes no room: {reply:?}");
    }
}

impl Model {
    fn bytes(&self) -> usize {
        self.hashes.iter().map(|(key, hash)| key.len() + hash.bytes()).sum()
    }
}

impl Hash {
    fn bytes(&self) -> usize {
        self.iter().map(|(field, value)| field.len() + value.len()).sum()
    }
}
