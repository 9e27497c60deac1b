//! The bytes of the model. The model cannot know when memory is full, so it accepts that a store refuses a write, if
//! that write would have made something grow. It then leaves everything as it is, as the store must do.

use hashlet::{ExpireCondition, Touch, TransferOutcome};

use super::{Hash, Model, ModelHash};
use crate::support::ops::deadlines::{DeadlineCall, DeadlineChange, FieldTtl, SetPlan};
use crate::support::ops::{Call, Change, FiledCall, Op};
use crate::support::reply::Reply;
use crate::support::source::Bytes;

impl FiledCall {
    /// The answer of the model. If the store refused the write and was allowed to, it is the store's answer.
    pub(crate) fn on_model_with_room(&self, hash: &mut ModelHash<'_>, answer: &Reply) -> Reply {
        if answer.parts().iter().any(Reply::is_full) {
            return self.on_model_field_by_field(hash, answer);
        }
        if !answer.is_full() {
            return self.on_model(hash);
        }
        let mut grown = hash.hash.clone();
        let reply = self.write().on_model(&mut ModelHash::new(hash.bounds, hash.now, &mut grown));
        let grows = grown.len() > hash.len() || grown.bytes() > hash.hash.bytes() || self.adds_deadline(hash);
        assert!(grows, "{self:?} is refused, and takes no room: {reply:?}");
        answer.clone()
    }

    /// Sets the deadlines of several fields, except for those that the store refused.
    fn on_model_field_by_field(&self, hash: &mut ModelHash<'_>, answer: &Reply) -> Reply {
        let Self::Deadline(DeadlineCall::Change(change)) = self else { panic!("{self:?} is no such call") };
        let (fields, when, condition) = match change {
            DeadlineChange::ExpireFields(fields, when, condition) => (fields.clone(), *when, *condition),
            DeadlineChange::ExpireAll(when) => {
                let mut fields: Vec<Bytes> = hash.iter().map(|(field, _)| field.into()).collect();
                fields.sort_unstable();
                (fields, *when, ExpireCondition::Always)
            }
            other => panic!("{other:?} is no such call"),
        };
        let expire = |(field, part): (Bytes, &Reply)| {
            let call = DeadlineChange::ExpireFieldIf(field, when, condition);
            Self::Deadline(DeadlineCall::Change(call)).on_model_with_room(hash, part)
        };
        Reply::Many(fields.into_iter().zip(answer.parts()).map(expire).collect())
    }

    /// Whether the call adds a deadline where there is none.
    fn adds_deadline(&self, hash: &ModelHash<'_>) -> bool {
        let Self::Deadline(DeadlineCall::Change(change)) = self else { return false };
        let untimed = |field: &Bytes| hash.field_deadline(field).is_none();
        let timed_at_all = |touch: &Touch| matches!(touch, Touch::Expire(_));
        match change {
            DeadlineChange::Expire(_) | DeadlineChange::ExpireAt(_) | DeadlineChange::ExpireIf(..) => {
                hash.deadline().is_none()
            }
            DeadlineChange::ExpireField(field, _)
            | DeadlineChange::ExpireFieldIf(field, ..)
            | DeadlineChange::IncrementExpiring(field, ..) => untimed(field),
            DeadlineChange::Touch(field, touch) => timed_at_all(touch) && untimed(field),
            DeadlineChange::TouchMany(fields, touch) => timed_at_all(touch) && fields.iter().any(untimed),
            DeadlineChange::SetWith(pairs, plan) => {
                let fields = matches!(plan.fields, FieldTtl::Set(_)) && pairs.iter().any(|(field, _)| untimed(field));
                fields || plan.key.is_some() && hash.deadline().is_none()
            }
            _ => false,
        }
    }

    /// The same call without deadlines. With a deadline in the past, nothing would be left of what it writes.
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
    /// Checks that a copy or a new name may be refused. A copy is judged by the bytes that the hash has allocated,
    /// including its deadlines and free places. So it may be refused even if it replaces a hash of the same contents.
    pub(crate) fn assert_grows(&self, model: &Model) {
        let mut grown = model.clone();
        let reply = self.on_model(&mut grown, &Reply::Done);
        let is_copy =
            matches!(self, Self::Copy([key, new], _) if key != new) && reply == Reply::Transfer(TransferOutcome::Done);
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
