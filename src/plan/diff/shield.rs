//! A role is not made less while the account behind the token, or a protected one, holds it: these lose nothing.
//!
//! A protected account gets no action, so such a role stays. The own account may be on its way to another role; then
//! that comes first. It is looked at when the drafts of all users are known.

use std::collections::BTreeSet;

use super::context::Context;
use super::draft::{Change, Draft, Need};
use super::tombstones::dependents_by_text;
use crate::model::{ActionKind, Grant, LiveView, Membership, Name};
use crate::plan::WaitsFor;

/// Makes losing changes of roles wait for what takes the own account off them, or holds them back.
pub(super) fn settle(context: &Context<'_>, changes: &mut [Change]) {
    let Some((catalog, users)) = changes.split_first_mut() else { return };
    let is_losing = |draft: &&mut Draft| draft.action.kind == ActionKind::UpdateRole && draft.loses;
    for draft in catalog.drafts.iter_mut().filter(is_losing) {
        let Some(role) = draft.action.subject.role else { continue };
        let mut held_by = BTreeSet::new();
        for live in context.inputs.live.users().filter(|live| live.holds(context.inputs.names, role)) {
            let Some(identity) = live.identity else { continue };
            if context.inputs.is_protected(identity) {
                draft.waits_for = Some(WaitsFor::Protected);
                held_by.insert(live.key);
            } else if context.inputs.is_own_account(identity) {
                match leaving(context, users, identity, &live, role) {
                    Some(needs) => draft.needs.extend(needs),
                    None if draft.waits_for != Some(WaitsFor::Protected) => {
                        draft.waits_for = Some(WaitsFor::OwnAccount);
                        held_by.insert(live.key);
                    }
                    None => {}
                }
            }
        }
        if !held_by.is_empty() {
            draft.obstacle = Some(dependents_by_text(context, held_by));
        }
    }
}

/// What takes a user off a role wherever they hold it; `None` if they stay with it somewhere.
fn leaving(
    context: &Context<'_>,
    changes: &[Change],
    identity: Name,
    live: &LiveView<'_>,
    role: Name,
) -> Option<Vec<Need>> {
    let names = context.inputs.names;
    let desired = context.inputs.desired.find(identity)?;
    let wanted = context.effective(&desired, Some(live));
    let holds = |membership: &Membership| {
        membership.role == Some(role) || names.elements(membership.extra_roles).contains(&role)
    };
    // Where the role is new to them they come to it when it has been made less (`lesser_roles`).
    let stays = |one: &Membership| holds(one) && live.membership(one.organization).is_some_and(holds);
    let keeps = |grant: &Grant| grant.role == Some(role) && live.grants.contains(grant);
    if wanted.memberships.iter().any(stays) || wanted.grants.iter().any(keeps) {
        return None;
    }
    let is_own = |draft: &&Draft| draft.action.subject.user == Some(desired.key);
    let drafts: Vec<&Draft> = changes.iter().flat_map(|change| &change.drafts).filter(is_own).collect();
    let mut needs = Vec::new();
    for membership in live.memberships.iter().filter(|membership| holds(membership)) {
        let is_main = membership.role == Some(role);
        let is_extra = names.elements(membership.extra_roles).contains(&role);
        for (is_held, kind) in [(is_main, ActionKind::ChangeRole), (is_extra, ActionKind::UpdateMembership)] {
            if is_held {
                let place = Some(membership.organization).filter(|&place| place != crate::model::known::PLATFORM);
                needs.push(taking_off(&drafts, &[kind, ActionKind::RemoveMembership], place, None)?);
            }
        }
    }
    for grant in live.grants.iter().filter(|grant| grant.role == Some(role)) {
        let place = Some(grant.organization);
        let on_site =
            taking_off(&drafts, &[ActionKind::ChangeSiteRole, ActionKind::RevokeSite], place, Some(grant.site));
        needs.push(on_site.or_else(|| taking_off(&drafts, &[ActionKind::RemoveMembership], place, None))?);
    }
    Some(needs)
}

/// The need for the draft of one of these kinds in this place, unless there is none or it has to wait itself.
fn taking_off(drafts: &[&Draft], kinds: &[ActionKind], organization: Option<Name>, site: Option<Name>) -> Option<Need> {
    let is_it = |draft: &&&Draft| {
        let subject = draft.action.subject;
        kinds.contains(&draft.action.kind) && subject.organization == organization && subject.site == site
    };
    let found = drafts.iter().find(is_it).filter(|draft| draft.waits_for.is_none())?;
    Some(Need::Action(found.action.kind, found.action.subject))
}
