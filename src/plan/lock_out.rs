//! The plan of `deactivate`: one account is locked out, whatever the manifests say, in the way that the rules have.
//!
//! It asks neither scope nor counters: an admin whose account was taken over is locked out even if nobody is left to
//! administer. What the settings protect is refused all the same. Deliberately absent: manifests.

use std::collections::BTreeMap;

use super::assemble::assembled;
use super::diff::{Drafts, lock_out_draft};
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
    /// Nobody can log in with it, or nothing is left that could be taken.
    Already(Status),
    /// The store has no way to do it now.
    Waits(WaitsFor),
    /// One action does it.
    Planned(Box<Plan>),
}

/// How the account with this key, as compared, is locked out.
#[must_use]
pub fn lock_out(inputs: &Inputs<'_>, identity: Name) -> LockOut {
    if inputs.live.ambiguous().contains(&identity) {
        return LockOut::Ambiguous;
    }
    let Some(live) = inputs.live.find(identity) else { return LockOut::Unknown };
    if inputs.is_own_account(identity) {
        return LockOut::OwnAccount;
    }
    if inputs.is_protected(identity) {
        return LockOut::Protected;
    }
    let mut change = lock_out_draft(inputs, &live);
    let Some(draft) = change.drafts.first_mut() else { return LockOut::Already(live.status) };
    if let Some(waits_for) = draft.waits_for {
        return LockOut::Waits(waits_for);
    }
    draft.action.cause = Cause::Operator;
    let drafts = Drafts { changes: vec![change], counters: BTreeMap::new(), unmanaged: Vec::new() };
    match assembled((inputs, inputs), drafts, Vec::new(), None) {
        Ok(plan) => LockOut::Planned(Box::new(plan)),
        Err(_) => LockOut::Waits(WaitsFor::Decision),
    }
}
