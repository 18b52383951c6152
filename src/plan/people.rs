//! How people fare by a plan, each counted once in each column that fits (`contract.md` §2).

use std::collections::BTreeMap;

use super::diff::Draft;
use super::{Inputs, People, State};
use crate::model::{ActionKind, LiveView, Name, Status};

#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "four independent answers about one person")]
struct Fare<'a> {
    starts: bool,
    ends: bool,
    gains: bool,
    loses: bool,
    /// The access that ends, and that begins.
    had: Option<&'a State>,
    offered: Option<&'a State>,
}

/// Counts the people of these drafts.
pub(super) fn count<'a>(inputs: &Inputs<'_>, drafts: impl Iterator<Item = &'a Draft>) -> People {
    let mut fares: BTreeMap<Name, Fare<'_>> = BTreeMap::new();
    for draft in drafts {
        if let Some(role) = draft.action.subject.role.filter(|_| draft.gains || draft.loses) {
            for key in holders(inputs, role) {
                let fare = fares.entry(key).or_default();
                fare.gains |= draft.gains;
                fare.loses |= draft.loses;
            }
        }
        let Some(user) = draft.action.subject.user else { continue };
        let fare = fares.entry(user).or_default();
        match draft.action.kind {
            ActionKind::InviteUser | ActionKind::CreateUser | ActionKind::ReactivateUser => {
                fare.starts = true;
                fare.offered = draft.action.after.as_ref();
            }
            ActionKind::DeactivateUser
            | ActionKind::StripUser
            | ActionKind::CloseUser
            | ActionKind::DeleteUser
            | ActionKind::CancelInvitation => {
                fare.ends = true;
                fare.had = draft.action.before.as_ref();
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
            | ActionKind::ChangeAccess
            | ActionKind::RenameUser
            | ActionKind::SendInvitation
            | ActionKind::ResendInvitation
            | ActionKind::AddMembership
            | ActionKind::ChangeRole
            | ActionKind::UpdateMembership
            | ActionKind::RemoveMembership
            | ActionKind::GrantSite
            | ActionKind::ChangeSiteRole
            | ActionKind::RevokeSite => {
                fare.gains |= draft.gains;
                fare.loses |= draft.loses;
            }
        }
    }
    let mut people = People::default();
    for fare in fares.values() {
        match (fare.starts, fare.ends) {
            (true, false) => people.join += 1,
            (false, true) => people.leave += 1,
            // Cancelled and invited anew: the person stays, and what is offered changes.
            (true, true) => {
                people.gain += u32::from(has_more(fare.offered, fare.had));
                people.lose += u32::from(has_more(fare.had, fare.offered));
            }
            (false, false) => {
                people.gain += u32::from(fare.gains);
                people.lose += u32::from(fare.loses);
            }
        }
    }
    people
}

/// Whether one state has a membership or a grant that the other has not.
fn has_more(one: Option<&State>, other: Option<&State>) -> bool {
    let Some(one) = one else { return false };
    let Some(other) = other else { return true };
    one.memberships.iter().any(|membership| !other.memberships.contains(membership))
        || one.grants.iter().any(|grant| !other.grants.contains(grant))
}

/// Active people who hold a role today, by the key that their own actions have: a role's own change is theirs too.
fn holders(inputs: &Inputs<'_>, role: Name) -> Vec<Name> {
    let active = inputs.live.users().filter(|live| live.status == Status::Active);
    let key = |live: LiveView<'_>| {
        let declared = live.identity.and_then(|identity| inputs.desired.find(identity));
        declared.map_or(live.key, |declared| declared.key)
    };
    active.filter(|live| live.holds(inputs.names, role)).map(key).collect()
}
