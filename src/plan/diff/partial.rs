//! What is left of a user's drafts when only a part of the store could be read (law 4).
//!
//! Whatever could rest on something that was not seen is dropped, and so is all that needs it. Deliberately absent:
//! which part is missing; the answer is the same for all.

use super::draft::{Change, Draft, Need};
use crate::model::ActionKind;

/// Takes out removals, invitations, creations and reactivations, and all that needs one.
pub(super) fn withhold(change: &mut Change) {
    let drops = |draft: &Draft| draft.loses || needs_whole_read(draft.action.kind);
    let mut dropped: Vec<bool> = change.drafts.iter().map(drops).collect();
    loop {
        let more: Vec<usize> = (0..change.drafts.len())
            .filter(|&at| !dropped[at])
            .filter(|&at| {
                change.drafts[at].needs.iter().any(|need| matches!(need, Need::Own(other) if dropped[*other as usize]))
            })
            .collect();
        if more.is_empty() {
            break;
        }
        for at in more {
            dropped[at] = true;
        }
    }
    let mut places = Vec::with_capacity(dropped.len());
    let mut next = 0;
    for &is_dropped in &dropped {
        places.push(next);
        next += u32::from(!is_dropped);
    }
    let mut is_dropped = dropped.iter().copied();
    change.drafts.retain(|_| !is_dropped.next().unwrap_or(false));
    for draft in &mut change.drafts {
        for need in &mut draft.needs {
            if let Need::Own(other) = need {
                *other = places[*other as usize];
            }
        }
    }
}

/// Kinds of actions that a partial read must not lead to, whether or not they take something away.
const fn needs_whole_read(kind: ActionKind) -> bool {
    match kind {
        ActionKind::CreateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::CreateSite
        | ActionKind::DeleteSite
        | ActionKind::CreateRole
        | ActionKind::DeleteRole
        | ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::RenameUser
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::ReactivateUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::CancelInvitation
        | ActionKind::RemoveMembership
        | ActionKind::RevokeSite => true,
        ActionKind::UpdateOrganization
        | ActionKind::UpdateSite
        | ActionKind::UpdateRole
        | ActionKind::UpdateUser
        | ActionKind::ChangeAccess
        | ActionKind::AddMembership
        | ActionKind::ChangeRole
        | ActionKind::UpdateMembership
        | ActionKind::GrantSite
        | ActionKind::ChangeSiteRole => false,
    }
}
