//! The plan of `invitations resend`: one invitation goes out again, or for the first time, because an operator says so
//! (`language.md` §3, 11).
//!
//! Nobody is invited here who has no account yet, but who declined and is declared (CRED-10): access is what manifests
//! declare. Nobody is let in whom they keep out,
//! and nothing goes out that carries more than they say.

use super::assemble::assembled;
use super::diff::{Change, Drafts, carries_more, invite_again_draft, more_than_declared, resend_draft};
use super::{Cause, Inputs, Plan, WaitsFor};
use crate::model::{DeclaredStatus, Name, Standing, Status, UserView};

/// What can be done about an invitation that an operator wants to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resend {
    /// There is no such account.
    Unknown,
    /// More than one account has this key.
    Ambiguous,
    /// The settings protect it.
    Protected,
    /// Another application keeps it.
    KeptElsewhere,
    /// Nothing is there to be accepted: the account has this status.
    NotInvited(Status),
    /// The manifests do not let the person in.
    KeptOut,
    /// The manifests keep the invitation back.
    KeptBack,
    /// The person has no account, and what would be invited to is not there yet, or something is missing.
    Waits,
    /// It carries more than is declared.
    CarriesMore,
    /// It carries a role that is more in the store than it is declared, and that an apply makes less.
    RoleIsMore(Name),
    /// The store sends no invitation again while it is pending.
    NotWhilePending,
    /// No seat is left.
    NoSeat,
    /// One action does it.
    Planned(Box<Plan>),
}

/// How the invitation of the account with this key, as compared, goes out.
#[must_use]
pub fn resend(inputs: &Inputs<'_>, identity: Name) -> Resend {
    if inputs.live.ambiguous().contains(&identity) {
        return Resend::Ambiguous;
    }
    let Some(live) = inputs.live.find(identity) else { return invite_again(inputs, identity) };
    if inputs.is_protected(identity) {
        return Resend::Protected;
    }
    if inputs.rules.keeps_elsewhere(&live) {
        return Resend::KeptElsewhere;
    }
    if !matches!(live.status, Status::Preloaded | Status::Invited) {
        return Resend::NotInvited(live.status);
    }
    match inputs.desired.find(identity) {
        // Whom nobody declares nobody lets in, whatever the settings do about such accounts.
        None => return Resend::KeptOut,
        Some(desired) => {
            if is_kept_out(inputs, &desired) {
                return Resend::KeptOut;
            }
            if desired.status == Some(DeclaredStatus::Preloaded) {
                return Resend::KeptBack;
            }
            if carries_more(inputs, &desired, &live) {
                return Resend::CarriesMore;
            }
            if let Some(role) = more_than_declared(inputs, (live.memberships, live.grants)) {
                return Resend::RoleIsMore(role);
            }
        }
    }
    match resend_draft(inputs, &live) {
        Some(change) => planned(inputs, change).unwrap_or(Resend::NotInvited(live.status)),
        None => Resend::NotWhilePending,
    }
}

/// Somebody who declined, and whose account is gone with the entry that was away for a time.
fn invite_again(inputs: &Inputs<'_>, identity: Name) -> Resend {
    if !inputs.live.declined.contains(&identity) {
        return Resend::Unknown;
    }
    if inputs.is_protected(identity) {
        return Resend::Protected;
    }
    let Some(desired) = inputs.desired.find(identity).filter(|desired| !is_kept_out(inputs, desired)) else {
        return Resend::KeptOut;
    };
    if desired.status == Some(DeclaredStatus::Preloaded) {
        return Resend::KeptBack;
    }
    let Some(change) = invite_again_draft(inputs, &desired) else { return Resend::Waits };
    let mut carried = change.drafts.iter().filter_map(|draft| draft.action.after.as_ref());
    if let Some(role) = carried.find_map(|one| more_than_declared(inputs, (&one.memberships, &one.grants))) {
        return Resend::RoleIsMore(role);
    }
    let resend = planned(inputs, change);
    let goes_out = |resend: &Resend| match resend {
        Resend::Planned(plan) => !plan.actions.is_empty(),
        _ => true,
    };
    resend.filter(goes_out).unwrap_or(Resend::Waits)
}

fn is_kept_out(inputs: &Inputs<'_>, desired: &UserView<'_>) -> bool {
    matches!(desired.status, Some(DeclaredStatus::Inactive | DeclaredStatus::Absent))
        || !matches!(desired.standing(inputs.at), Standing::Wanted(_))
}

/// The plan of what an operator asks for; `None` where there is none.
fn planned(inputs: &Inputs<'_>, mut change: Change) -> Option<Resend> {
    for draft in &mut change.drafts {
        draft.action.cause = Cause::Operator;
    }
    let counters = super::diff::balances_of(inputs);
    let drafts = Drafts { changes: vec![change], counters, unmanaged: Vec::new() };
    let plan = assembled((inputs, inputs), drafts, Vec::new(), (None, None)).ok()?;
    let is_full = plan.deferred.iter().any(|deferred| deferred.waits_for == WaitsFor::Seat);
    Some(if is_full { Resend::NoSeat } else { Resend::Planned(Box::new(plan)) })
}
