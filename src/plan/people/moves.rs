//! Who joins and who leaves, and what they reach from then on, or reached until then.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::super::Inputs;
use super::super::diff::Draft;
use super::super::held::after;
use super::super::impact::{self, ImpactCourse, PersonImpact};
use super::super::reach::Reach;
use super::{Context, find};
use crate::model::{ActionKind, LiveView, Name, Status, Value, known};

/// What the actions for a person do to the account.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    /// It begins, or is let in again.
    pub(super) starts: bool,
    /// It ends.
    pub(super) ends: bool,
    /// Another invitation goes out in the place of one that was not sent, which lets the person in like the sending of
    /// it.
    pub(super) is_sent: bool,
}

impl Turn {
    pub(super) fn of(inputs: &Inputs<'_>, key: Name, drafts: &[&Draft]) -> Self {
        let is = |kinds: fn(ActionKind) -> bool| drafts.iter().any(|draft| kinds(draft.action.kind));
        let (starts, ends) = (is(begins), is(finishes));
        Self { starts, ends, is_sent: starts && ends && is_sent_anew(inputs, key, drafts) }
    }

    pub(super) const fn course(self) -> ImpactCourse {
        match self {
            Self { is_sent: true, .. } | Self { starts: true, ends: false, .. } => ImpactCourse::Joins,
            Self { starts: false, ends: true, .. } => ImpactCourse::Leaves,
            Self { starts: true, ends: true, .. } | Self { starts: false, ends: false, .. } => ImpactCourse::Stays,
        }
    }
}

impl Context<'_> {
    /// What the actions come to for each of these people; of those who stay without what they reach.
    pub(super) fn impacts(&self, of_users: &BTreeMap<Name, Vec<&Draft>>) -> BTreeMap<Name, PersonImpact> {
        let one = |(&key, drafts): (&Name, &Vec<&Draft>)| match Turn::of(self.inputs, key, drafts).course() {
            ImpactCourse::Stays => {
                let mut impact = PersonImpact::new(key, ImpactCourse::Stays);
                impact.add_drafts(self.inputs, drafts);
                (key, impact)
            }
            course => (key, self.moved(key, course, drafts)),
        };
        of_users.par_iter().map(one).collect()
    }

    /// What somebody who joins reaches from then on, and who leaves reached until then.
    fn moved(&self, key: Name, course: ImpactCourse, drafts: &[&Draft]) -> PersonImpact {
        let mut impact = PersonImpact::new(key, course);
        (impact.gains, impact.loses) = (course == ImpactCourse::Joins, course == ImpactCourse::Leaves);
        impact.add_drafts(self.inputs, drafts);
        let live = find(self.inputs, key);
        let nothing = Reach::new();
        if course == ImpactCourse::Joins {
            let makes = |draft: &&Draft| matches!(draft.action.kind, ActionKind::InviteUser | ActionKind::CreateUser);
            let live = live.filter(|_| !drafts.iter().any(makes));
            if let Some(live) = &live {
                impact.add_account(self.inputs, live);
            }
            let held = after(self.inputs, &live.unwrap_or_else(|| nobody(key)), drafts, &mut BTreeMap::new());
            let reached = self.reach(&self.catalogs.after, &held.memberships, &held.grants);
            impact.organizations = impact::compared(&self.catalogs, &nothing, &reached);
        } else if let Some(live) = live.filter(|live| !matches!(live.status, Status::Inactive | Status::Closed)) {
            impact.add_account(self.inputs, &live);
            let reached = self.reach(&self.catalogs.before, live.memberships, live.grants);
            impact.organizations = impact::compared(&self.catalogs, &reached, &nothing);
        }
        impact
    }
}

/// Whether a person joins by an action of this kind (`contract.md` §2): account created, invited or reactivated.
const fn begins(kind: ActionKind) -> bool {
    matches!(
        kind,
        ActionKind::InviteUser | ActionKind::CreateUser | ActionKind::ReactivateUser | ActionKind::SendInvitation
    )
}

/// Whether a person leaves by an action of this kind.
const fn finishes(kind: ActionKind) -> bool {
    matches!(
        kind,
        ActionKind::DeactivateUser
            | ActionKind::StripUser
            | ActionKind::CloseUser
            | ActionKind::DeleteUser
            | ActionKind::CancelInvitation
    )
}

/// Whether somebody whose invitation was held back is invited by these drafts.
fn is_sent_anew(inputs: &Inputs<'_>, key: Name, drafts: &[&Draft]) -> bool {
    let invites = |draft: &&Draft| {
        let after = draft.action.after.as_ref();
        let status = after.and_then(|after| after.value(known::STATUS));
        draft.action.kind == ActionKind::InviteUser && status == Some(Value::Text(Status::Invited.name()))
    };
    find(inputs, key).is_some_and(|live| live.status == Status::Preloaded) && drafts.iter().any(invites)
}

/// An account that is not there: nothing but drafts says what it reaches.
pub(super) const fn nobody(key: Name) -> LiveView<'static> {
    LiveView {
        row: usize::MAX,
        id: key,
        key,
        identity: None,
        status: Status::Closed,
        inactive_since: None,
        password_since: None,
        facts: &[],
        memberships: &[],
        grants: &[],
        invitation: None,
    }
}
