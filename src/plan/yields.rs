//! Which actions yield a one-time secret: rules alone decide, so that a sink is asked for before anything is written.

use super::action::{Action, State};
use crate::model::{ActionKind, Value, known};
use crate::rules::Rules;
use crate::secret::SecretKind;

/// The one-time secret that an action yields, if any. One that carries an API that is on beside a first password yields
/// both; the password stands for them.
#[must_use]
pub fn yields(rules: &Rules, action: &Action) -> Option<SecretKind> {
    let is_on = |state: &Option<State>| {
        state.as_ref().and_then(|state| state.value(known::API_ENABLED)) == Some(Value::Bool(true))
    };
    let turns_api_on = rules.shows_api_secret_once() && is_on(&action.after) && !is_on(&action.before);
    match action.kind {
        ActionKind::CreateUser if rules.creates_with_secret() => Some(SecretKind::Password),
        ActionKind::CreateUser | ActionKind::InviteUser | ActionKind::ChangeAccess => {
            turns_api_on.then_some(SecretKind::Api)
        }
        ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::DeleteSite
        | ActionKind::CreateRole
        | ActionKind::UpdateRole
        | ActionKind::DeleteRole
        | ActionKind::UpdateUser
        | ActionKind::RenameUser
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::ReactivateUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::CancelInvitation
        | ActionKind::AddMembership
        | ActionKind::ChangeRole
        | ActionKind::UpdateMembership
        | ActionKind::RemoveMembership
        | ActionKind::GrantSite
        | ActionKind::ChangeSiteRole
        | ActionKind::RevokeSite => None,
    }
}
