//! The end of an account with a tombstone (`language.md` §3, 5 and 7): first its log-in, then, after the grace, the
//! account itself.
//!
//! Deliberately absent: tombstones of organizations, sites and roles (`tombstones`).

use jiff::Timestamp;

use super::context::Context;
use super::draft::{Change, Counter, Draft, Need, account_state, own_line, status_state, user_subject};
use super::leaving::{Leaving, leave, mark_undo};
use super::pending;
use crate::model::{ActionKind, LiveView, Status, UserView};
use crate::plan::{Obstacle, WaitsFor};
use crate::rules::OffBoarding;

const REASON: &str = "declared absent";

/// What has to be done with the account of somebody who is declared absent.
pub(super) fn absent(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>, change: &mut Change) {
    let position = desired.status_position.unwrap_or(desired.position);
    let leaving = Leaving { key: desired.key, reason: REASON, position: Some(position), leaves_others: false };
    // Where there are no invitations, whoever has such a status in the store has an account like any other.
    let is_in = !context.inputs.rules.knows_invitations();
    match live.status {
        Status::Preloaded | Status::Invited if !is_in => match pending::cancellation(context, desired.key, live) {
            // One that has ended is taken off the list.
            Some(mut draft) => {
                draft.action.origins = own_line(position);
                change.push(draft.because(REASON));
            }
            None => leave(context, live, &leaving, change),
        },
        Status::Active | Status::Preloaded | Status::Invited
            if context.inputs.rules.reversible_offboarding().is_some() =>
        {
            let first = change.drafts.len();
            leave(context, live, &leaving, change);
            let is_deactivated =
                change.drafts[first..].iter().any(|draft| draft.action.kind == ActionKind::DeactivateUser);
            let then = if is_deactivated { LiveView { status: Status::Inactive, ..*live } } else { *live };
            let before = (change.drafts.len() > first).then(|| u32::try_from(first).unwrap_or(u32::MAX));
            let mut draft = end(context, desired, &then);
            if let Some(before) = before {
                if !is_deactivated {
                    // Nothing is left of the access by then, and the place of an admin is taken once.
                    draft.takes.clear();
                    if let Some(state) = &mut draft.action.before {
                        (state.memberships, state.grants) = (Vec::new(), Vec::new());
                    }
                }
                draft.needs.push(Need::Own(before));
            }
            // Who was stripped before can log in and do nothing.
            let since = if before.is_none() { context.inputs.left_since(desired, live) } else { None };
            let mut draft = after_grace(context, draft, since);
            if before.is_some() && draft.waits_for == Some(WaitsFor::Grace) {
                draft.wait = (None, Some(context.inputs.policy.grace.after(context.inputs.at)));
            }
            change.push(draft);
        }
        // There is no step before the last: the tombstone has to be enough.
        Status::Active | Status::Preloaded | Status::Invited => {
            change.push(end(context, desired, live));
        }
        Status::Inactive => {
            let since = context.inputs.left_since(desired, live);
            change.push(after_grace(context, end(context, desired, live), since));
        }
        // Closed is as far as it goes where not every account can be deleted.
        Status::Closed => {
            let rules = context.inputs.rules;
            if rules.final_offboarding() == Some(OffBoarding::Delete) && !rules.keeps_used_accounts() {
                change.push(end(context, desired, live));
            }
        }
    }
}

/// The end waits for the grace, counted from this date; without one, for as long as nobody knows better.
fn after_grace(context: &Context<'_>, mut draft: Draft, since: Option<Timestamp>) -> Draft {
    let grace = context.inputs.policy.grace;
    let until = since.map(|since| grace.after(since));
    if grace.seconds() == 0 || until.is_some_and(|until| until <= context.inputs.at) {
        return draft;
    }
    draft.wait = (since, until);
    draft.waiting(WaitsFor::Grace)
}

/// The deletion, or the closing.
fn end(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>) -> Draft {
    let rules = context.inputs.rules;
    let before = Some(account_state(live));
    let subject = user_subject(desired.key);
    let way = rules.final_offboarding();
    let mut draft = match way {
        Some(OffBoarding::Close) => {
            Draft::new(ActionKind::CloseUser, subject, before, Some(status_state(Status::Closed)))
        }
        Some(OffBoarding::Delete | OffBoarding::Deactivate | OffBoarding::Strip) | None => {
            Draft::new(ActionKind::DeleteUser, subject, before, None)
        }
    };
    match way {
        Some(way) => mark_undo(context, &mut draft, way),
        None => draft = Draft { obstacle: Some(Obstacle::NoEnd), ..draft.waiting(WaitsFor::Decision) },
    }
    if way == Some(OffBoarding::Delete) && rules.keeps_used_accounts() && rules.closes_accounts() {
        draft.action.fall_back = Some(ActionKind::CloseUser);
    }
    let after = draft.action.after.as_ref().map(|_| Status::Closed);
    let is_freed = rules.counts_seat(live.status) && !after.is_some_and(|after| rules.counts_seat(after));
    // What the store may close instead may keep its seat.
    let is_sure = draft.action.fall_back.is_none() || !rules.counts_seat(Status::Closed);
    if is_freed && is_sure {
        draft.gives.push(Counter::Seat);
    }
    draft.loses = true;
    draft.takes.extend(context.admin_places(live).into_iter().map(Counter::Admin));
    draft.action.origins = own_line(desired.status_position.unwrap_or(desired.position));
    draft.because(REASON)
}
