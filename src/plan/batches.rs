//! Which invitations go into one request: a form takes so many addresses, and one answer to each question for all of
//! them, where the rules say so.
//!
//! Deliberately absent: what is ready when, which only a run knows; a plan counts the batches of its own order.

use super::{Action, State};
use crate::model::{ActionKind, Grant, Name, Value, known};
use crate::rules::{BatchSame, Rules};

/// What a form for invitations asks once; what may differ is left out.
#[derive(Debug, PartialEq, Eq)]
pub struct InvitationForm {
    organizations: Option<Vec<Name>>,
    roles: Option<Vec<Option<Name>>>,
    sites: Option<(Vec<Grant>, Vec<Option<Name>>)>,
    user_type: Option<Value>,
    send: Option<Value>,
}

impl InvitationForm {
    /// What the form of an invitation that leads to this says, where it asks these questions once for all.
    #[must_use]
    pub fn of(state: &State, same: &[BatchSame]) -> Self {
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

/// How many requests the invitations of a plan make in its order, where the rules limit what one takes; `None`: they do
/// not.
pub(super) fn invitation_batches(rules: &Rules, actions: &[Action]) -> Option<usize> {
    let (batch_max, same) = rules.invitation_batch();
    if batch_max == usize::MAX {
        return None;
    }
    let invited = actions.iter().filter(|action| action.kind == ActionKind::InviteUser);
    let forms = invited.filter_map(|action| Some(InvitationForm::of(action.after.as_ref()?, same)));
    let mut batches: usize = 0;
    let mut open: Option<(InvitationForm, usize)> = None;
    for form in forms {
        let invited = open.take().filter(|(other, invited)| *other == form && *invited < batch_max);
        batches += usize::from(invited.is_none());
        open = Some((form, invited.map_or(0, |(_, invited)| invited) + 1));
    }
    Some(batches)
}
