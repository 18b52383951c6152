//! The end of an account with a tombstone (`language.md` §3, 5 and 7): first its log-in, then, after the grace, the
//! account itself.
//!
//! Deliberately absent: tombstones of organizations, sites and roles (`tombstones`).

use super::admins::When;
use super::context::Context;
use super::draft::{Change, Counter, Draft, Need, account_state, own_line, status_state, user_subject};
use super::pending;
use super::user::{Leaving, leave, mark_undo};
use crate::model::{ActionKind, LiveView, Status, UserView};
use crate::plan::WaitsFor;
use crate::rules::{DeleteAllowed, OffBoarding};

const REASON: &str = "declared absent";

/// What has to be done with the account of somebody who is declared absent.
pub(super) fn absent(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>, change: &mut Change) {
    let position = desired.status_position.unwrap_or(desired.position);
    let leaving = Leaving { key: desired.key, reason: REASON, position: Some(position) };
    match live.status {
        Status::Preloaded | Status::Invited => match pending::cancellation(context, desired.key, live) {
            // One that has ended is taken off the list.
            Some(mut draft) => {
                draft.action.origins = own_line(position);
                change.push(draft.because(REASON));
            }
            None => leave(context, live, &leaving, change),
        },
        Status::Active if context.inputs.rules.reversible_offboarding().is_some() => {
            let first = change.drafts.len();
            leave(context, live, &leaving, change);
            let is_deactivated =
                change.drafts[first..].iter().any(|draft| draft.action.kind == ActionKind::DeactivateUser);
            let then = if is_deactivated { LiveView { status: Status::Inactive, ..*live } } else { *live };
            let before = (change.drafts.len() > first).then(|| u32::try_from(first).unwrap_or(u32::MAX));
            let mut draft = end(context, desired, &then, change.drafts.len() == first || is_deactivated);
            if let Some(before) = before {
                if !is_deactivated {
                    // Nothing is left of the access by then.
                    if let Some(state) = &mut draft.action.before {
                        (state.memberships, state.grants) = (Vec::new(), Vec::new());
                    }
                }
                draft.needs.push(Need::Own(before));
            }
            let grace = context.inputs.policy.grace;
            if grace.seconds() > 0 {
                draft.wait = (None, Some(grace.after(context.inputs.at)));
                draft = draft.waiting(WaitsFor::Grace);
            }
            change.push(draft);
        }
        // There is no step before the last: the tombstone has to be enough.
        Status::Active => {
            change.push(end(context, desired, live, true));
        }
        Status::Inactive => {
            let mut draft = end(context, desired, live, true);
            let grace = context.inputs.policy.grace;
            if grace.seconds() > 0 {
                let until = live.inactive_since.map(|since| grace.after(since));
                if until.is_none_or(|until| until > context.inputs.at) {
                    draft.wait = (live.inactive_since, until);
                    draft = draft.waiting(WaitsFor::Grace);
                }
            }
            change.push(draft);
        }
        // Closed is as far as it goes where not every account can be deleted.
        Status::Closed => {
            let rules = context.inputs.rules;
            if way(context) == Some(OffBoarding::Delete) && rules.allows.delete != Some(DeleteAllowed::NeverUsed) {
                change.push(end(context, desired, live, true));
            }
        }
    }
}

/// The first of delete and close that the store can do.
fn way(context: &Context<'_>) -> Option<OffBoarding> {
    context.inputs.rules.offboarding.iter().flatten().copied().find(|way| match way {
        OffBoarding::Delete | OffBoarding::Close => true,
        OffBoarding::Deactivate | OffBoarding::Strip => false,
    })
}

/// The deletion, or the closing.
fn end(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>, gives_seat: bool) -> Draft {
    let rules = context.inputs.rules;
    let before = Some(account_state(live));
    let subject = user_subject(desired.key);
    let way = way(context);
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
        None => draft = draft.waiting(WaitsFor::Decision),
    }
    let can_close = rules.offboarding.iter().flatten().any(|&way| way == OffBoarding::Close);
    if way == Some(OffBoarding::Delete) && rules.allows.delete == Some(DeleteAllowed::NeverUsed) && can_close {
        draft.action.fall_back = Some(ActionKind::CloseUser);
    }
    let after = draft.action.after.as_ref().map(|_| Status::Closed);
    let is_freed = rules.counts_seat(live.status) && !after.is_some_and(|after| rules.counts_seat(after));
    // What the store may close instead may keep its seat.
    let is_sure = draft.action.fall_back.is_none() || !rules.counts_seat(Status::Closed);
    if gives_seat && is_freed && is_sure {
        draft.gives.push(Counter::Seat);
    }
    draft.loses = true;
    draft.takes.extend(context.admin_places(live, When::Meanwhile).into_iter().map(Counter::Admin));
    draft.action.origins = own_line(desired.status_position.unwrap_or(desired.position));
    draft.because(REASON)
}
