//! What an operator's lock-out means for a user: how it is done, that it stays, who is taken out again, and that it is
//! told where a manifest ends it.
//!
//! Deliberately absent: who is locked out ([`crate::plan::locked_out`]), and everything else about a user.

use jiff::Timestamp;

use super::context::Context;
use super::draft::{Change, Draft, own_line, status_state};
use super::leaving::{Leaving, leave};
use super::user::mark;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{ActionKind, DeclaredStatus, LiveView, Name, Status, UserView};
use crate::plan::locked_out::{LET_IN, LockedOut, is_back, is_given_back, is_in};
use crate::plan::{Cause, Obstacle, WaitsFor};

/// What an operator asks for in an emergency. Where the rules know no way that can be undone, the account is deactivated
/// all the same: rules that somebody wrote into the settings take nobody's way out of an emergency.
pub(super) fn lock_out(context: &Context<'_>, live: &LiveView<'_>) -> Change {
    let mut change = Change::default();
    let reason = "locked out by an operator";
    let leaving = Leaving { key: live.key, reason, position: None, leaves_others: false };
    leave(context, live, &leaving, &mut change);
    let rules = context.inputs.rules;
    let is_in = live.status == Status::Active || !rules.knows_invitations();
    if is_in && rules.reversible_offboarding().is_none() {
        for draft in &mut change.drafts {
            draft.waits_for = None;
            draft.action.after = Some(status_state(Status::Inactive));
        }
    }
    change.drafts.iter_mut().for_each(|draft| mark(context, draft));
    change
}

/// Who was locked out by an operator gets nothing back by default: only `status: active` undoes it. Nor does anybody get
/// the key whose account would be in under it.
pub(super) fn keep_locked_out(
    context: &Context<'_>,
    desired: &UserView<'_>,
    live: Option<&LiveView<'_>>,
    change: &mut Change,
) {
    let is_renamed = context.renamed.users.contains_key(&desired.identity);
    let Some(locked_out) = LockedOut::of(context.inputs, desired, is_renamed) else { return };
    let comes_in = is_renamed && locked_out.is_present && live.is_some_and(|live| is_in(context.inputs, live));
    let obstacle = match (locked_out.waits, desired.status) {
        (false, Some(DeclaredStatus::Active)) => {
            return let_in(context, desired, (locked_out.since, comes_in), change);
        }
        (true, Some(DeclaredStatus::Active)) => Obstacle::LockedOutSince,
        (_, None | Some(DeclaredStatus::Inactive | DeclaredStatus::Preloaded | DeclaredStatus::Absent)) => {
            Obstacle::LockedOut
        }
    };
    let lets_in = |draft: &Draft| match draft.action.kind {
        ActionKind::ResendInvitation => true,
        ActionKind::RenameUser => comes_in,
        _ => draft.gains,
    };
    for draft in change.drafts.iter_mut().filter(|draft| lets_in(draft)) {
        let is_renewal = draft.action.kind == ActionKind::ResendInvitation;
        if draft.waits_for.is_none() || (is_renewal && draft.waits_for == Some(WaitsFor::Decision)) {
            draft.waits_for = Some(WaitsFor::Decision);
            draft.obstacle = Some(obstacle.clone());
        }
    }
}

/// Whom a manifest lets in again after an operator's lock-out: whoever reviews the plan is told so. `comes_in`: by an
/// account that takes the key.
fn let_in(
    context: &Context<'_>,
    desired: &UserView<'_>,
    (since, comes_in): (Option<Timestamp>, bool),
    change: &mut Change,
) {
    let lets_in = |draft: &Draft| draft.gains || comes_in && draft.action.kind == ActionKind::RenameUser;
    let is_open = |draft: &&mut Draft| lets_in(draft) && draft.waits_for.is_none();
    let mut is_any = false;
    for draft in change.drafts.iter_mut().filter(is_open) {
        draft.action.reason = LET_IN;
        is_any = true;
    }
    if is_any {
        let key = context.inputs.names.text(desired.key);
        let zone = &context.inputs.policy.time_zone;
        let since = since.map(|since| format!(" on {}", since.to_zoned(zone.clone()).date())).unwrap_or_default();
        let message = format!("`{key}` was locked out by an operator{since}, and is let in again");
        let position = desired.status_position.unwrap_or(desired.position);
        let found = Diagnostic::warning(Code::LockedOutLetIn, message).at(position, "this line lets the person in");
        change.diagnostics.push(found);
    }
}

/// Whoever was locked out by an operator, as the journal or the store says, and is in again without any run having let the person in,
/// is taken out again before anything else is done, and the store remembers it.
pub(super) fn lock_out_again(
    context: &Context<'_>,
    desired: Option<&UserView<'_>>,
    live: &LiveView<'_>,
    change: &mut Change,
) {
    let former = desired.and_then(|desired| desired.previous).map(|previous| previous.identity);
    let keys: Vec<Name> =
        [live.identity, desired.map(|desired| desired.identity), former].into_iter().flatten().collect();
    let is_given_back = is_given_back(context.inputs, live, &keys);
    if !(is_given_back || is_back(context.inputs, live, &keys)) || !context.reach.whole_account(live, true) {
        return;
    }
    // What ends for good is declared, and takes the person out as well.
    let ends = |draft: &Draft| matches!(draft.action.kind, ActionKind::DeleteUser | ActionKind::CloseUser);
    if change.drafts.iter().any(|draft| ends(draft) && draft.waits_for.is_none()) {
        return;
    }
    let mut again = lock_out(context, live);
    if again.drafts.is_empty() {
        return;
    }
    for draft in &mut again.drafts {
        draft.action.cause = Cause::Operator;
        draft.action.reason = if is_given_back {
            "locked out by an operator, and given access by hand"
        } else {
            "locked out by an operator, which the store has forgotten"
        };
        draft.action.origins = desired.map_or_else(Vec::new, |desired| own_line(desired.position));
    }
    *change = again;
}
