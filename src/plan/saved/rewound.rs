//! What spans users, counted as it was before a run that was cut off.
//!
//! An organization below its floor keeps as many admins as the plan found there, and a store over its seats pays the
//! excess once. Counted from what is live in the middle of a plan, what the first run gave would raise the one and
//! hide the other. So what was done is undone on a copy, and the whole plan is played from there.

use std::collections::BTreeSet;

use super::{Action, Balances, Changed, Inputs, Place, Play, SavedPlan, SavedRenames, State, Subject};
use crate::model::{ActionKind, Fact, List, Membership, Name, Value, known};

/// What the actions that are still to do take and is not there, played from before the first run; `None` if what it
/// did can't be undone exactly.
pub(super) fn short(
    saved: &SavedPlan,
    (inputs, renames): (&Inputs<'_>, &SavedRenames),
    done: &[u32],
) -> Option<Vec<Changed>> {
    let mut play = Play::new(saved, inputs, renames);
    let was_done = || done.iter().filter_map(|&at| saved.actions.get(at as usize));
    let touched: BTreeSet<Name> = was_done().flat_map(|action| play.touched(action)).collect();
    // What comes back by playing stands in another order than what was read.
    let places = |play: &Play<'_>| -> Vec<Vec<Place>> {
        let accounts = touched.iter().map(|&identity| play.account(identity));
        let of = |account: Option<_>| account.map_or_else(Vec::new, |account| play.balances.places(&account));
        let mut places: Vec<Vec<Place>> = accounts.map(of).collect();
        for of_one in &mut places {
            of_one.sort_unstable();
        }
        places
    };
    let today = places(&play);
    for inverse in was_done().rev().filter_map(inverse) {
        play.play_account(&inverse);
    }
    let before = play.accounts.clone();
    for action in was_done() {
        play.play_account(action);
    }
    if places(&play) != today {
        return None;
    }
    let flips: Vec<(Name, bool)> = was_done().rev().filter_map(role_before).collect();
    play.balances = Balances::before(inputs, &before, &flips);
    (play.accounts, play.first) = (before.clone(), before);
    let mut short = Vec::new();
    for (action, at) in saved.actions.iter().zip(0_u32..) {
        let what = play.play(action, at).filter(|_| done.binary_search(&at).is_err());
        short.extend(what.map(|what| Changed { action: Some(at), what }));
    }
    Some(short)
}

/// The action that undoes another one of an account, as far as seats and admin places go.
fn inverse(action: &Action) -> Option<Action> {
    if let ([ended], Some(before), Some(after)) = (action.ended_memberships(), &action.before, &action.after) {
        return Some(switched_back(action, (ended, before), after));
    }
    let kind = match action.kind {
        ActionKind::InviteUser | ActionKind::CreateUser => ActionKind::DeleteUser,
        ActionKind::DeleteUser | ActionKind::StripUser => ActionKind::CreateUser,
        // Without a word on the status, nobody had accepted.
        ActionKind::CancelInvitation => ActionKind::InviteUser,
        // Each of these leaves the account with the status that it names.
        ActionKind::DeactivateUser | ActionKind::CloseUser | ActionKind::ReactivateUser => ActionKind::DeactivateUser,
        ActionKind::AddMembership => ActionKind::RemoveMembership,
        ActionKind::RemoveMembership => ActionKind::AddMembership,
        ActionKind::ChangeRole
        | ActionKind::UpdateMembership
        | ActionKind::UpdateUser
        | ActionKind::ChangeAccess
        | ActionKind::RenameUser => action.kind,
        ActionKind::SendInvitation
        | ActionKind::ResendInvitation
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
        | ActionKind::DeleteRole => return None,
    };
    let mut inverse = Action { kind, before: action.after.clone(), after: action.before.clone(), ..action.clone() };
    if kind == ActionKind::RenameUser {
        let key = action.before.as_ref().and_then(|before| before.value(known::KEY)).and_then(Value::text);
        inverse.subject.user = key.or(inverse.subject.user);
    }
    Some(inverse)
}

/// The action by which somebody goes back to the organization from which another one took them.
fn switched_back(action: &Action, (ended, before): (&Membership, &State), after: &State) -> Action {
    let extra_roles = match after.value(known::EXTRA_ROLES) {
        Some(Value::Set(roles)) => roles,
        Some(_) | None => List::EMPTY,
    };
    let begun = Membership {
        organization: action.subject.organization.unwrap_or(known::PLATFORM),
        role: after.role(),
        extra_roles,
        default_site: after.value(known::DEFAULT_SITE).and_then(Value::text),
    };
    let facts = vec![
        Fact::new(known::ROLE, Value::optional_text(ended.role)),
        Fact::new(known::EXTRA_ROLES, Value::Set(ended.extra_roles)),
        Fact::new(known::DEFAULT_SITE, Value::optional_text(ended.default_site)),
    ];
    Action {
        subject: Subject { organization: Some(ended.organization), ..action.subject },
        before: Some(State { facts: Vec::new(), memberships: vec![begun], grants: after.grants.clone() }),
        after: Some(State { facts, memberships: Vec::new(), grants: before.grants.clone() }),
        ..action.clone()
    }
}

/// Whether a role made admins before an action on it, if the action changed that.
fn role_before(action: &Action) -> Option<(Name, bool)> {
    let role = action.subject.role?;
    let flag = action.before.as_ref().and_then(|before| before.value(known::ADMIN));
    match (action.kind, flag) {
        (ActionKind::CreateRole, _) => Some((role, false)),
        (ActionKind::UpdateRole | ActionKind::DeleteRole, Some(flag)) => Some((role, flag == Value::Bool(true))),
        (_, _) => None,
    }
}
