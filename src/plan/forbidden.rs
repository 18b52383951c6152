//! What the settings of today keep a saved plan from doing, whoever made it, and what an action gives or takes, as far
//! as that is seen from it alone: where it can't be seen, it does both.
//!
//! Deliberately absent: what today's plan would do (`saved/today`).

use super::shown::keys_touched;
use super::{Action, Inputs, State};
use crate::model::{ActionKind, Fact, Grant, Name, Names, Value, known};

/// What the settings of today keep an action from doing, whoever made the plan.
pub(super) fn forbidden(action: &Action, inputs: &Inputs<'_>) -> Option<String> {
    let identity = |key| inputs.rules.identity.normalize(inputs.names.text(key)).ok();
    let mut identities = keys_touched(action).filter_map(identity).filter_map(|key| inputs.names.find(&key));
    // What these take is judged by value, by the planner and by the store itself.
    let by_value =
        matches!(action.kind, ActionKind::UpdateMembership | ActionKind::ChangeAccess | ActionKind::RenameUser);
    let is_denied = inputs.rules.denies_self(action.kind)
        || inputs.rebuilds(action.kind, &action.subject)
        || !by_value && takes_away(action, inputs);
    let is_own = |identity| inputs.is_own_account(identity) && is_denied;
    identities.find_map(|identity| match (inputs.is_protected(identity), is_own(identity)) {
        (true, _) => Some("the settings protect this account".to_owned()),
        (false, true) => Some("the account that rollcall itself uses does not do this to itself".to_owned()),
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
        ActionKind::AddMembership => !action.ended_memberships().is_empty(),
        ActionKind::GrantSite => !action.ended_grants().is_empty(),
        ActionKind::ChangeRole | ActionKind::ChangeSiteRole => {
            let (from, to) = (role(&action.before), role(&action.after));
            inputs.rules.loses(&inputs.live.catalog, inputs.names, from, to)
        }
        ActionKind::UpdateOrganization | ActionKind::UpdateSite => {
            adds(inputs.names, known::INCLUDES, (action.after.as_ref(), action.before.as_ref()))
        }
        ActionKind::CreateOrganization
        | ActionKind::CreateSite
        | ActionKind::CreateRole
        | ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::UpdateUser
        | ActionKind::ReactivateUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation => false,
    }
}

/// Whether an action may let somebody do more.
pub(super) fn gives(action: &Action, inputs: &Inputs<'_>) -> bool {
    let (before, after) = (action.before.as_ref(), action.after.as_ref());
    let names = inputs.names;
    match action.kind {
        ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::RenameUser
        | ActionKind::ReactivateUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::AddMembership
        | ActionKind::GrantSite
        | ActionKind::CreateRole
        | ActionKind::UpdateRole => true,
        ActionKind::ChangeRole | ActionKind::ChangeSiteRole => {
            let role = |state: Option<&State>| state.and_then(State::role);
            let (from, to) = (role(before), role(after));
            let is_unknown = to.is_some_and(|to| !inputs.live.catalog.roles.contains_key(&to));
            let mut catalogs = [&inputs.live.catalog, &inputs.desired.catalog].into_iter();
            let grants = |state: Option<&State>| state.map_or_else(Vec::new, |state| state.grants.clone());
            is_unknown
                || catalogs.any(|catalog| inputs.rules.escalates(catalog, names, from, to))
                || adds(names, known::EXTRA_ROLES, (before, after))
                || grants(after).iter().any(|grant: &Grant| !grants(before).contains(grant))
        }
        ActionKind::UpdateMembership => {
            let default_site = after.and_then(|after| after.value(known::DEFAULT_SITE)).and_then(Value::text);
            adds(names, known::EXTRA_ROLES, (before, after)) || default_site.is_some()
        }
        ActionKind::ChangeAccess => {
            let value = |field: Name| before.and_then(|before| before.value(field)).unwrap_or(Value::Null);
            let facts = after.into_iter().flat_map(|after| &after.facts);
            let changes: Vec<_> = facts.map(|fact| (fact.field, value(fact.field), fact.value)).collect();
            inputs.rules.fields_escalate(names, &changes)
        }
        // Absence takes nothing from a service account, and who has the way into an account has what it can do.
        ActionKind::UpdateUser => {
            let value = |field: Name| before.and_then(|before| before.value(field)).unwrap_or(Value::Null);
            let is_more = |fact: &Fact| {
                *fact == Fact::new(known::KIND, Value::Text(known::SERVICE))
                    || inputs.rules.opens_account(names.text(fact.field), (value(fact.field), fact.value))
                    || fact.value.is_set() && inputs.rules.is_second_factor(names.text(fact.field))
            };
            after.is_some_and(|after| after.facts.iter().any(is_more))
        }
        // A new name may be one that somebody else knows as another thing.
        ActionKind::UpdateOrganization | ActionKind::UpdateSite => {
            adds(names, known::INCLUDES, (before, after))
                || after.is_some_and(|after| after.value(known::KEY).is_some())
        }
        ActionKind::CreateOrganization | ActionKind::CreateSite => adds(names, known::INCLUDES, (before, after)),
        ActionKind::DeleteOrganization
        | ActionKind::DeleteSite
        | ActionKind::DeleteRole
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::CancelInvitation
        | ActionKind::RemoveMembership
        | ActionKind::RevokeSite => false,
    }
}

/// Whether a field has an element after an action that it had not before.
fn adds(names: &Names, field: Name, (before, after): (Option<&State>, Option<&State>)) -> bool {
    let of = |state: Option<&State>| match state.and_then(|state| state.value(field)) {
        Some(Value::Set(list)) => names.elements(list).to_vec(),
        Some(Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_)) | None => Vec::new(),
    };
    let before = of(before);
    of(after).iter().any(|element| !before.contains(element))
}
