//! What is done to an account that is not managed as a whole: because accounts are not, or because it also belongs to
//! organizations out of scope (`language.md` §3, 8).
//!
//! Off-boarding such an account is losing what is managed; bringing it back is nobody's to do here. `user` asks before
//! it does anything to a whole account. Deliberately absent: who is in scope ([`crate::plan::scope`]).

use super::access::{Delta, deltas};
use super::access_drafts::{Differences, access_drafts};
use super::admins::{self, Person};
use super::context::Context;
use super::draft::{Change, own_line};
use super::leaving::{Leaving, leave};
use super::{fields, power};
use crate::diagnostic::{FileId, Position};
use crate::model::{
    AccessRow, DeclaredStatus, Effective, LiveView, Membership, Name, Selector, Status, UserView, Window, known,
};
use crate::plan::scope::Belongs;
use crate::plan::{Obstacle, Unmanaged, WaitsFor};

const NOT_MANAGED: &str = "accounts are not managed, so its status is left alone";
const ELSEWHERE: &str = "also belongs to organizations out of scope, so the account is left alone";

/// A declared account that gets no action.
pub(super) fn left_alone(
    context: &Context<'_>,
    key: Name,
    live: Option<&LiveView<'_>>,
    reason: &'static str,
) -> Change {
    let unmanaged = power::left_alone(context, context.inputs.names.text(key), live, reason);
    Change { unmanaged: Some(unmanaged), ..Change::default() }
}

fn unmanaged(context: &Context<'_>, key: Name, reason: &'static str) -> Unmanaged {
    Unmanaged::new("user", context.inputs.names.text(key).to_owned(), reason)
}

/// The account of somebody whose access a manifest leaves to others, in whole or in part.
pub(super) fn left_to_others(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>) -> Option<Unmanaged> {
    match live.status {
        Status::Inactive | Status::Closed => return None,
        Status::Preloaded | Status::Invited | Status::Active => {}
    }
    let names = context.inputs.names;
    let is_all = |row: &AccessRow| {
        let is_everywhere = matches!(row.organization, Selector::Pattern(pattern) if names.text(pattern) == "*");
        is_everywhere && row.left_alone.membership
    };
    let sources = desired.links.iter().flat_map(|link| &desired.desired.source(link.source).closure);
    let of_sources = sources.flat_map(|&source| desired.desired.rows_of(source));
    let rows = || desired.rows.iter().chain(of_sources.clone());
    if rows().any(is_all) {
        return Some(told(context, desired, live, "a manifest leaves all of its access to others (`unmanaged`)"));
    }
    let is_partly = rows().any(|row| row.left_alone.any()) || !fields::left_alone(context, desired).is_empty();
    let reason = "a manifest leaves some of its access to others (`unmanaged`)";
    is_partly.then(|| told(context, desired, live, reason))
}

/// With what is administered by what others manage.
fn told(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>, reason: &str) -> Unmanaged {
    let reason = power::left_to_others(context, desired, live) + reason;
    Unmanaged::new("user", context.inputs.names.text(desired.key).to_owned(), reason).always_told()
}

/// Where a person can be in so many organizations only, and is in others out of scope, which stay: a new membership that
/// has no room waits for a decision. Of these differences the first has its draft at `from`.
pub(super) fn keep_to_the_limit(
    context: &Context<'_>,
    live: Option<&LiveView<'_>>,
    wanted: &Effective,
    (deltas, from): (&[Delta], usize),
    change: &mut Change,
) {
    let Some(max) = context.inputs.rules.most_organizations() else { return };
    let memberships = live.map_or(&[][..], |live| live.memberships);
    let is_outside = |one: &Membership| one.organization != known::PLATFORM && !context.in_scope(one.organization);
    let outside: Vec<Name> =
        memberships.iter().filter(|one| is_outside(one)).map(|membership| membership.organization).collect();
    let is_inside = |one: &&Membership| one.organization != known::PLATFORM && context.in_scope(one.organization);
    let inside = wanted.memberships.iter().filter(is_inside).count();
    if outside.is_empty() || outside.len() + inside <= max as usize {
        return;
    }
    for (draft, _) in
        change.drafts[from..].iter_mut().zip(deltas).filter(|(_, delta)| matches!(delta, Delta::AddMembership(_)))
    {
        if draft.waits_for.is_none() {
            draft.waits_for = Some(WaitsFor::Decision);
            draft.obstacle = Some(Obstacle::NoRoom(outside.clone()));
        }
    }
}

/// Whether a declared user is out of scope.
pub(super) fn is_out(context: &Context<'_>, desired: &UserView<'_>, live: Option<&LiveView<'_>>) -> bool {
    context.reach.leaves_out(context.inputs.names, desired, live)
}

/// What is done to a declared account that is not managed as a whole, where that is something else than usual.
pub(super) fn instead(
    context: &Context<'_>,
    desired: &UserView<'_>,
    live: &LiveView<'_>,
    leaving: &Leaving,
) -> Option<Change> {
    let mut change = Change::default();
    match (live.status, desired.status) {
        (
            Status::Active | Status::Preloaded | Status::Invited,
            None | Some(DeclaredStatus::Active | DeclaredStatus::Preloaded),
        ) => {
            return None;
        }
        (Status::Inactive | Status::Closed, _) => {
            fields::update_profile(context, desired, live, &mut change);
            let stays = matches!(desired.status, Some(DeclaredStatus::Inactive | DeclaredStatus::Absent));
            change.unmanaged = (!stays).then(|| unmanaged(context, live.key, why(context)));
        }
        (
            Status::Active | Status::Preloaded | Status::Invited,
            Some(DeclaredStatus::Inactive | DeclaredStatus::Absent),
        ) => {
            fields::update_profile(context, desired, live, &mut change);
            lose(context, desired, live, leaving, &mut change);
        }
    }
    Some(change)
}

fn why(context: &Context<'_>) -> &'static str {
    if context.reach.accounts() { ELSEWHERE } else { NOT_MANAGED }
}

/// An account that no manifest names, as a user to whom nothing is given.
pub(super) fn nobody<'a>(context: &Context<'a>, live: &LiveView<'_>, identity: Name) -> UserView<'a> {
    UserView {
        desired: context.inputs.desired,
        key: live.key,
        identity,
        // Whoever uses it says where, if anywhere.
        position: Position::new(FileId(0), 0),
        status: None,
        status_position: None,
        window: Window::ALWAYS,
        previous: None,
        facts: &[],
        rows: &[],
        links: &[],
    }
}

/// Takes what is managed of an account's access, and leaves the account itself.
pub(super) fn lose(
    context: &Context<'_>,
    desired: &UserView<'_>,
    live: &LiveView<'_>,
    leaving: &Leaving,
    change: &mut Change,
) {
    change.unmanaged = Some(unmanaged(context, live.key, why(context)));
    if context.inputs.rules.demands_membership() && context.reach.belongs(live) == Belongs::Inside {
        return leave_if_managed(context, live, leaving, change);
    }
    // Who leaves does so whatever is left to others (`language.md` §2).
    let (facts, rows, links) = if leaving.leaves_others {
        (fields::left_alone(context, desired), desired.rows, desired.links)
    } else {
        (Vec::new(), &[][..], &[][..])
    };
    let desired = UserView { facts: &facts, rows, links, ..*desired };
    let from = change.drafts.len();
    fields::change_live_access(context, &desired, live, change);
    let wanted = context.nothing_but_left_alone(&desired, live);
    let deltas = deltas(context, &wanted, live.memberships, live.grants);
    access_drafts(context, &Differences::new(&desired, Some(live), None, &deltas), change);
    admins::settle(
        context,
        &Person { desired: &desired, live: Some(live), wanted: &wanted, activation: None, comes_back: false },
        change,
    );
    let is_pending = matches!(live.status, Status::Preloaded | Status::Invited);
    for draft in &mut change.drafts[from..] {
        draft.action.reason = leaving.reason;
        draft.action.origins = leaving.position.map_or_else(Vec::new, own_line);
        let takes = context.inputs.rules.pending_takes();
        if is_pending && !(takes.role() && takes.sites()) {
            draft.waits_for = Some(WaitsFor::Acceptance);
        }
    }
}

/// Off-boarding where the account is managed, else somebody has to decide: the rules demand a membership, so the last
/// one can't just end.
pub(super) fn leave_if_managed(context: &Context<'_>, live: &LiveView<'_>, leaving: &Leaving, change: &mut Change) {
    let from = change.drafts.len();
    leave(context, live, leaving, change);
    if !context.reach.whole_account(live, true) {
        for draft in &mut change.drafts[from..] {
            draft.waits_for = Some(WaitsFor::Decision);
            draft.obstacle = Some(Obstacle::LastMembership);
        }
    }
}
