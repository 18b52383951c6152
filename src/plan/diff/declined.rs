//! Who declined, and whose account is gone since the entry was away for a time: the answer still holds (`systems.md`
//! CRED-10).

use super::context::Context;
use super::draft::{Change, Draft};
use crate::model::{ActionKind, InvitationState, UserView};
use crate::plan::locked_out::is_locked_out;
use crate::plan::{Obstacle, WaitsFor};

/// Holds back the first step of the onboarding of somebody who declined.
pub(super) fn hold(context: &Context<'_>, desired: &UserView<'_>, first: &mut Draft) {
    if first.action.kind == ActionKind::InviteUser && has_declined(context, desired) {
        first.waits_for = Some(WaitsFor::Decision);
        first.obstacle = Some(Obstacle::Ended(InvitationState::Declined, false));
    }
}

/// Whether the person answered the last invitation with no, and only an operator may ask again . What an operator's lock-out
/// means goes before.
fn has_declined(context: &Context<'_>, desired: &UserView<'_>) -> bool {
    let inputs = context.inputs;
    let former = desired.previous.map(|previous| previous.identity);
    let mut keys = std::iter::once(desired.identity).chain(former);
    !inputs.rules.renews(InvitationState::Declined)
        && keys.any(|key| inputs.live.declined.contains(&key) && !is_locked_out(inputs, key))
}

/// Of an onboarding that is held back only for it, the first step, because an operator says so.
pub(super) fn again(onboarding: Change) -> Option<Draft> {
    let first = onboarding.drafts.into_iter().next()?;
    let is_declined = first.obstacle == Some(Obstacle::Ended(InvitationState::Declined, false));
    is_declined.then(|| Draft { waits_for: None, obstacle: None, ..first }.because("asked for by an operator"))
}
