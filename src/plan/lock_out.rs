//! The plan of `deactivate`: one account is locked out, whatever the manifests say, in the way that the rules have.
//!
//! It asks neither scope nor counters: an admin whose account was taken over is locked out even if nobody is left to
//! administer. What the settings protect is refused all the same. Deliberately absent: manifests.

use super::assemble::assembled;
use super::diff::{Counter, Drafts, lock_out_draft};
use super::{Cause, Inputs, Plan, WaitsFor};
use crate::model::{Name, Status};

/// What can be done about an account that is to be locked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockOut {
    /// There is no such account.
    Unknown,
    /// More than one account has this key.
    Ambiguous,
    /// It is the account behind the token.
    OwnAccount,
    /// The settings protect it.
    Protected,
    /// Another application keeps it.
    KeptElsewhere,
    /// Nobody can log in with it, or nothing is left that could be taken.
    Already(Status),
    /// The store has no way to do it now.
    Waits(WaitsFor),
    /// One action does it.
    Planned {
        /// The plan.
        plan: Box<Plan>,
        /// The organizations that are left without any active admin, sorted by text; [`known::PLATFORM`](crate::model::known::PLATFORM) is the
        /// platform.
        without_admin: Vec<Name>,
    },
}

/// How the account with this key, as compared, is locked out.
#[must_use]
pub fn lock_out(inputs: &Inputs<'_>, identity: Name) -> LockOut {
    if inputs.live.ambiguous().contains(&identity) {
        return LockOut::Ambiguous;
    }
    if inputs.is_own_account(identity) {
        return LockOut::OwnAccount;
    }
    if inputs.is_protected(identity) {
        return LockOut::Protected;
    }
    let Some(live) = inputs.live.find(identity) else { return LockOut::Unknown };
    if inputs.rules.keeps_elsewhere(&live) {
        return LockOut::KeptElsewhere;
    }
    let (mut change, counters) = lock_out_draft(inputs, &live);
    let Some(draft) = change.drafts.first_mut() else { return LockOut::Already(live.status) };
    if let Some(waits_for) = draft.waits_for {
        return LockOut::Waits(waits_for);
    }
    draft.action.cause = Cause::Operator;
    let last = counters.iter().filter(|(_, balance)| balance.today <= 1).filter_map(|(&counter, _)| match counter {
        Counter::Admin(organization) => Some(organization),
        Counter::Seat => None,
    });
    let mut without_admin: Vec<Name> = last.collect();
    without_admin.sort_unstable_by_key(|&organization| inputs.names.text(organization));
    let drafts = Drafts { changes: vec![change], counters, unmanaged: Vec::new() };
    match assembled((inputs, inputs), drafts, Vec::new(), (None, None)) {
        Ok(plan) => LockOut::Planned { plan: Box::new(plan), without_admin },
        Err(_) => LockOut::Waits(WaitsFor::Decision),
    }
}
