//! How somebody leaves: the end of a log-in, by what the store can do.
//!
//! Deliberately absent: who leaves (`user`, `undeclared`), accounts that are not managed as a whole (`scoped`), and the
//! end of the account itself (`endings`).

use super::context::Context;
use super::draft::{Change, Counter, Draft, account_state, own_line, status_state, user_subject};
use super::pending_told::leaves_at_acceptance;
use super::{fields, pending};
use crate::diagnostic::Position;
use crate::model::{ActionKind, LiveView, Name, Status};
use crate::plan::action::Risk;
use crate::plan::{Obstacle, WaitsFor};
use crate::rules::OffBoarding;

/// Who leaves, why, and which line says so.
pub(super) struct Leaving {
    pub(super) key: Name,
    pub(super) reason: &'static str,
    pub(super) position: Option<Position>,
    /// Whether what others manage stays where the account itself does: nobody has said that the person leaves.
    pub(super) leaves_others: bool,
}

/// Takes the log-in away: deactivates, strips or cancels the invitation, by what the store can do.
pub(super) fn leave(context: &Context<'_>, live: &LiveView<'_>, leaving: &Leaving, change: &mut Change) {
    let rules = context.inputs.rules;
    let key = leaving.key;
    let mut draft = match (live.status, rules.reversible_offboarding()) {
        (Status::Inactive | Status::Closed, _) => return,
        // Somebody gave it that status in the store: no answer will come.
        (Status::Preloaded | Status::Invited, way) if !rules.knows_invitations() => {
            match end_now(context, live, leaving, way) {
                Some(draft) => draft,
                None => return,
            }
        }
        // One that has ended is taken off the list: sent again, it would let the person in.
        (Status::Preloaded | Status::Invited, _) => match pending::cancellation(context, key, live) {
            Some(draft) => draft,
            None if pending::has_ended(context, live) => return,
            None => {
                change.diagnostics.push(leaves_at_acceptance(context, live, leaving.position));
                at_acceptance(context, key, live)
            }
        },
        (Status::Active, way) => match end_now(context, live, leaving, way) {
            Some(draft) => draft,
            None => return,
        },
    };
    draft.loses = true;
    draft.takes.extend(context.admin_places(live).into_iter().map(Counter::Admin));
    draft.action.origins = leaving.position.map_or_else(Vec::new, own_line);
    change.push(draft.because(leaving.reason));
}

/// The end of a log-in that waits for nobody's answer; `None` where nothing is left to be taken.
fn end_now(context: &Context<'_>, live: &LiveView<'_>, leaving: &Leaving, way: Option<OffBoarding>) -> Option<Draft> {
    let (rules, subject) = (context.inputs.rules, user_subject(leaving.key));
    match way {
        Some(OffBoarding::Strip) => {
            let is_bare = live.memberships.is_empty() && live.grants.is_empty();
            if is_bare && fields::stripped(context, live).is_empty() {
                return None;
            }
            let mut before = account_state(live);
            before.facts.extend(fields::stripped(context, live));
            let after = Some(status_state(live.status));
            let mut draft = Draft::new(ActionKind::StripUser, subject, Some(before), after);
            mark_undo(context, &mut draft, OffBoarding::Strip);
            Some(draft)
        }
        Some(OffBoarding::Deactivate) => {
            let after = Some(status_state(Status::Inactive));
            let mut draft = Draft::new(ActionKind::DeactivateUser, subject, Some(account_state(live)), after);
            mark_undo(context, &mut draft, OffBoarding::Deactivate);
            if rules.counts_seat(live.status) && !rules.counts_seat(Status::Inactive) {
                draft.gives.push(Counter::Seat);
            }
            Some(draft)
        }
        // Absence takes reversible steps only, and this store has none.
        Some(OffBoarding::Delete | OffBoarding::Close) | None => {
            let draft = Draft::new(ActionKind::DeactivateUser, subject, Some(account_state(live)), None);
            Some(Draft { obstacle: Some(Obstacle::NothingReversible), ..draft.waiting(WaitsFor::Decision) })
        }
    }
}

/// The end of the log-in of somebody whose invitation can't be cancelled: it has to wait for the answer.
fn at_acceptance(context: &Context<'_>, key: Name, live: &LiveView<'_>) -> Draft {
    let (kind, after) = match context.inputs.rules.reversible_offboarding() {
        Some(OffBoarding::Strip) => (ActionKind::StripUser, live.status),
        Some(OffBoarding::Deactivate | OffBoarding::Delete | OffBoarding::Close) | None => {
            (ActionKind::DeactivateUser, Status::Inactive)
        }
    };
    let before = Some(account_state(live));
    let mut draft =
        Draft::new(kind, user_subject(key), before, Some(status_state(after))).waiting(WaitsFor::Acceptance);
    draft.wait = live.invitation.map_or((None, None), |invitation| (invitation.sent, invitation.ends));
    draft
}

/// Marks what can't be undone.
pub(super) fn mark_undo(context: &Context<'_>, draft: &mut Draft, way: OffBoarding) {
    if !context.inputs.rules.can_undo(way) {
        draft.risk(Risk::Irreversible);
    }
}
