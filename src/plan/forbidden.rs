//! What the settings of today keep a saved plan from doing, whoever made it.
//!
//! Deliberately absent: what today's plan would do.

use super::shown::keys_touched;
use super::{Action, Inputs, State};
use crate::model::ActionKind;

/// What the settings of today keep an action from doing, whoever made the plan.
pub(super) fn forbidden(action: &Action, inputs: &Inputs<'_>) -> Option<String> {
    let identity = |key| inputs.rules.identity.normalize(inputs.names.text(key)).ok();
    let mut identities = keys_touched(action).filter_map(identity).filter_map(|key| inputs.names.find(&key));
    // What these take is judged by value, by the planner and by the store itself.
    let by_value =
        matches!(action.kind, ActionKind::UpdateMembership | ActionKind::ChangeAccess | ActionKind::RenameUser);
    let is_own = |identity| inputs.is_own_account(identity) && !by_value && takes_away(action, inputs);
    identities.find_map(|identity| match (inputs.is_protected(identity), is_own(identity)) {
        (true, _) => Some("the settings protect this account".to_owned()),
        (false, true) => Some("it takes something from the account that rollcall itself uses".to_owned()),
        (false, false) => None,
    })
}

/// Whether an action takes access away, as far as that is seen from it alone.
pub(super) fn takes_away(action: &Action, inputs: &Inputs<'_>) -> bool {
    let role = |state: &Option<State>| state.as_ref().and_then(State::role);
    match action.kind {
        ActionKind::DeleteOrganization
        | ActionKind::DeleteSite
        | ActionKind::DeleteRole
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::CancelInvitation
        | ActionKind::RemoveMembership
        | ActionKind::RevokeSite
        | ActionKind::RenameUser
        | ActionKind::UpdateMembership
        | ActionKind::ChangeAccess
        | ActionKind::UpdateRole => true,
        ActionKind::ChangeRole | ActionKind::ChangeSiteRole => {
            let (from, to) = (role(&action.before), role(&action.after));
            inputs.rules.loses(&inputs.live.catalog, inputs.names, from, to)
        }
        ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::CreateRole
        | ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::UpdateUser
        | ActionKind::ReactivateUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::AddMembership
        | ActionKind::GrantSite => false,
    }
}
