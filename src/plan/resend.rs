//! The plan of `invitations resend`: one invitation goes out again, or for the first time, because an operator says so
//! (`language.md` §3, 11).
//!
//! Nobody is invited here who has no account yet: access is what manifests declare. Nobody is let in whom they keep out,
//! and nothing goes out that carries more than they say.

use super::assemble::assembled;
use super::diff::{Drafts, carries_more, more_than_declared, resend_draft};
use super::{Cause, Inputs, Plan, WaitsFor};
use crate::model::{DeclaredStatus, Name, Standing, Status};

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
    let Some(live) = inputs.live.find(identity) else { return Resend::Unknown };
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
            let is_out = matches!(desired.status, Some(DeclaredStatus::Inactive | DeclaredStatus::Absent));
            if is_out || !matches!(desired.standing(inputs.at), Standing::Wanted(_)) {
                return Resend::KeptOut;
            }
            if carries_more(inputs, &desired, &live) {
                return Resend::CarriesMore;
            }
            if let Some(role) = more_than_declared(inputs, &live) {
                return Resend::RoleIsMore(role);
            }
        }
    }
    let Some(mut change) = resend_draft(inputs, &live) else { return Resend::NotWhilePending };
    for draft in &mut change.drafts {
        draft.action.cause = Cause::Operator;
    }
    let counters = super::diff::balances_of(inputs);
    match assembled(
        (inputs, inputs),
        Drafts { changes: vec![change], counters, unmanaged: Vec::new() },
        Vec::new(),
        (None, None),
    ) {
        Ok(plan) if plan.deferred.iter().any(|deferred| deferred.waits_for == WaitsFor::Seat) => Resend::NoSeat,
        Ok(plan) => Resend::Planned(Box::new(plan)),
        Err(_) => Resend::NotInvited(live.status),
    }
}
