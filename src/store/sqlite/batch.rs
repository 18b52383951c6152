//! How many actions make one request: a form for invitations takes so many addresses, and one answer to each question
//! for all of them, where the rules say so.

use crate::model::{ActionKind, Grant, Name, Value, known};
use crate::plan::{Action, State};
use crate::rules::{BatchSame, Rules};

/// What a form for invitations asks once; what may differ is left out.
#[derive(Debug, PartialEq, Eq)]
struct Form {
    organizations: Option<Vec<Name>>,
    roles: Option<Vec<Option<Name>>>,
    sites: Option<(Vec<Grant>, Vec<Option<Name>>)>,
    user_type: Option<Value>,
    send: Option<Value>,
}

impl Form {
    fn of(state: &State, same: &[BatchSame]) -> Self {
        let State { facts: _, memberships, grants } = state;
        let asks = |question| same.contains(&question);
        Self {
            organizations: asks(BatchSame::Memberships)
                .then(|| memberships.iter().map(|membership| membership.organization).collect()),
            roles: asks(BatchSame::Role).then(|| {
                let roles = memberships.iter().map(|membership| membership.role);
                std::iter::once(state.role()).chain(roles).collect()
            }),
            sites: asks(BatchSame::Sites)
                .then(|| (grants.clone(), memberships.iter().map(|membership| membership.default_site).collect())),
            user_type: asks(BatchSame::UserType).then(|| state.value(known::USER_TYPE).unwrap_or(Value::Null)),
            send: asks(BatchSame::Send).then(|| state.value(known::STATUS).unwrap_or(Value::Null)),
        }
    }
}

/// How many of the first of these actions make one request, `most` at most.
pub(super) fn size(rules: &Rules, ready: &[&Action], most: usize) -> usize {
    let (batch_max, same) = rules.invitation_batch();
    let mut form = None;
    let mut invited = 0;
    for (at, action) in ready.iter().take(most).enumerate() {
        let (ActionKind::InviteUser, Some(after)) = (action.kind, &action.after) else { continue };
        let other = Form::of(after, same);
        let is_same = form.as_ref().is_none_or(|form| *form == other);
        if at > 0 && (invited == batch_max || !is_same) {
            return at;
        }
        invited += 1;
        form = Some(other);
    }
    ready.len().min(most)
}
