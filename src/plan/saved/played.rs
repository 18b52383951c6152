//! One account after one action: what `saved` plays on a copy of what is live.
//!
//! Deliberately absent: whether the action may be done, and what it takes of what spans users.

use super::super::held::Held;
use super::{Action, Inputs};
use crate::model::{ActionKind, Fact, Invitation, InvitationState, LiveRecord, LiveView, Name, Status, Value, known};

/// The account after an action of its own.
pub(super) fn changed(
    inputs: &Inputs<'_>,
    action: &Action,
    (key, identity): (Name, Name),
    account: Option<LiveRecord>,
) -> Option<LiveRecord> {
    let rules = inputs.rules;
    let facts = action.after.iter().flat_map(|after| &after.facts).copied();
    let status = action.after.as_ref().and_then(|after| after.value(known::STATUS)).and_then(Value::text);
    let status = status.and_then(|status| Status::from_word(inputs.names.text(status)));
    let pending = Some(Invitation { state: InvitationState::Pending, sent: Some(inputs.at), ends: None });
    let mut account = match (account, action.kind) {
        (_, ActionKind::InviteUser | ActionKind::CreateUser) => {
            let begins = if action.kind == ActionKind::InviteUser { Status::Invited } else { Status::Active };
            LiveRecord {
                id: identity,
                key,
                identity: Some(identity),
                status: status.unwrap_or(begins),
                facts: Vec::new(),
                memberships: Vec::new(),
                grants: Vec::new(),
                invitation: pending.filter(|_| status.unwrap_or(begins) == Status::Invited),
            }
        }
        (account, _) => account?,
    };
    let mut held =
        Held { memberships: std::mem::take(&mut account.memberships), grants: std::mem::take(&mut account.grants) };
    held.act(rules, action);
    match action.kind {
        ActionKind::InviteUser | ActionKind::CreateUser | ActionKind::UpdateUser | ActionKind::ChangeAccess => {
            set(&mut account.facts, facts);
        }
        ActionKind::RenameUser => (account.key, account.identity) = (key, Some(identity)),
        ActionKind::DeactivateUser | ActionKind::CloseUser => account.status = status.unwrap_or(Status::Inactive),
        ActionKind::StripUser => {
            held = Held::default();
            set(&mut account.facts, facts);
        }
        ActionKind::ReactivateUser => {
            account.status = Status::Active;
            if !rules.reactivation_restores() {
                held = Held::default();
            }
        }
        ActionKind::SendInvitation => (account.status, account.invitation) = (Status::Invited, pending),
        ActionKind::ResendInvitation => account.invitation = pending,
        ActionKind::CancelInvitation if matches!(account.status, Status::Preloaded | Status::Invited) => return None,
        ActionKind::CancelInvitation => account.invitation = None,
        ActionKind::DeleteUser => return None,
        ActionKind::AddMembership
        | ActionKind::ChangeRole
        | ActionKind::UpdateMembership
        | ActionKind::RemoveMembership
        | ActionKind::GrantSite
        | ActionKind::ChangeSiteRole
        | ActionKind::RevokeSite
        | ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::DeleteSite
        | ActionKind::CreateRole
        | ActionKind::UpdateRole
        | ActionKind::DeleteRole => {}
    }
    (account.memberships, account.grants) = (held.memberships, held.grants);
    Some(account)
}

fn set(facts: &mut Vec<Fact>, after: impl Iterator<Item = Fact>) {
    for fact in after.filter(|fact| fact.field != known::STATUS) {
        facts.retain(|one| one.field != fact.field);
        facts.push(fact);
    }
}

/// The account as a value of its own.
pub(super) fn record_of(live: LiveView<'_>) -> LiveRecord {
    LiveRecord {
        id: live.id,
        key: live.key,
        identity: live.identity,
        status: live.status,
        facts: live.facts.to_vec(),
        memberships: live.memberships.to_vec(),
        grants: live.grants.to_vec(),
        invitation: live.invitation,
    }
}
