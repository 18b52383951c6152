//! What is left of a user's drafts when only a part of the store could be read (law 4).

use super::draft::{Change, Need};
use crate::model::ActionKind;

/// Takes out removals, invitations, creations and reactivations, and all that needs one.
pub(super) fn withhold(change: &mut Change) {
    let mut dropped: Vec<bool> = Vec::with_capacity(change.drafts.len());
    for draft in &change.drafts {
        dropped.push(draft.loses || needs_whole_read(draft.action.kind));
    }
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
    let mut at = 0;
    change.drafts.retain(|_| {
        at += 1;
        !dropped[at - 1]
    });
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
