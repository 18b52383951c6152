//! How people fare by a plan, each counted once in each column that fits (`contract.md` §2).

use std::collections::BTreeMap;

use super::People;
use super::diff::Draft;
use crate::model::{ActionKind, Name};

#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "four independent answers about one person")]
struct Fare {
    starts: bool,
    ends: bool,
    gains: bool,
    loses: bool,
}

/// Counts the people of these drafts.
pub(super) fn count<'a>(drafts: impl Iterator<Item = &'a Draft>) -> People {
    let mut fares: BTreeMap<Name, Fare> = BTreeMap::new();
    for draft in drafts {
        let Some(user) = draft.action.subject.user else { continue };
        let fare = fares.entry(user).or_default();
        match draft.action.kind {
            ActionKind::InviteUser | ActionKind::CreateUser | ActionKind::ReactivateUser => fare.starts = true,
            ActionKind::DeactivateUser
            | ActionKind::StripUser
            | ActionKind::CloseUser
            | ActionKind::DeleteUser
            | ActionKind::CancelInvitation => fare.ends = true,
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
            // Cancelled and invited anew: the person stays, with less than was offered.
            (true, true) => people.lose += 1,
            (false, false) => {
                people.gain += u32::from(fare.gains);
                people.lose += u32::from(fare.loses);
            }
        }
    }
    people
}
