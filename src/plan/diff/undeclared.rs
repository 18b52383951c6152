//! A live account that no manifest declares: reversible steps only (`language.md` §3, 5 and 7), and what is told of those
//! that are left alone.
//!
//! Whoever is named under `inactive` and nowhere else is one of them. Deliberately absent: how somebody leaves (`user`),
//! and who is in scope ([`crate::plan::scope`]).

use super::context::Context;
use super::draft::Change;
use super::leaving::{Leaving, leave};
use super::{power, scoped};
use crate::model::{LiveView, Status};
use crate::plan::{AbsentUsers, Unmanaged};
use crate::rules::KEPT_ELSEWHERE;

/// What is done to it.
pub(super) fn diff(context: &Context<'_>, live: &LiveView<'_>) -> Change {
    let left_alone = |reason: &'static str| {
        let unmanaged = power::left_alone(context, live.key_text(context.inputs.names), Some(live), reason);
        Change { unmanaged: Some(unmanaged), ..Change::default() }
    };
    let leaver = live.identity.and_then(|identity| context.inputs.desired.leavers.get(&identity));
    // Whoever is named under `inactive` is named, whatever else no manifest could say of the account.
    if let (Some(identity), Some(leaver)) = (live.identity, leaver) {
        if context.reach.leaves_out_named(live) {
            return left_alone("has no membership in scope");
        }
        if context.inputs.rules.keeps_elsewhere(live) {
            return left_alone(KEPT_ELSEWHERE);
        }
        if !leaver.has_left(context.inputs.at) {
            return match live.status {
                Status::Inactive | Status::Closed => Change::default(),
                Status::Preloaded | Status::Invited | Status::Active => {
                    left_alone("named only under `inactive`, from a later day on")
                }
            };
        }
        let mut change = Change::default();
        let position = Some(leaver.position);
        let leaving = Leaving { key: live.key, reason: "named under `inactive`", position, leaves_others: false };
        if context.reach.whole_account(live, true) {
            leave(context, live, &leaving, &mut change);
        } else {
            scoped::lose(context, &scoped::nobody(context, live, identity), live, &leaving, &mut change);
        }
        return change;
    }
    // Nobody could have declared this account, so that it is not declared says nothing about it.
    if let Some(refused) = context.sayable.refuse_user(live) {
        return left_alone(refused.why);
    }
    let Some(identity) = live.identity else { return Change::default() };
    match live.status {
        Status::Inactive | Status::Closed => return Change::default(),
        Status::Preloaded | Status::Invited | Status::Active => {}
    }
    if live.is_service() {
        return left_alone("a service account that no manifest names");
    }
    if context.inputs.is_protected(identity) {
        let Change { unmanaged, .. } = left_alone("protected by the settings");
        return Change { unmanaged: unmanaged.map(Unmanaged::always_told), ..Change::default() };
    }
    if let Some(reason) = context.reach.refuse_absent(live) {
        return left_alone(reason);
    }
    match context.inputs.policy.absent_users {
        AbsentUsers::Report => left_alone("no manifest names this person"),
        AbsentUsers::Deactivate => {
            let mut change = Change::default();
            let leaving = Leaving { key: live.key, reason: "not declared", position: None, leaves_others: true };
            if context.reach.whole_account(live, false) {
                leave(context, live, &leaving, &mut change);
            } else {
                scoped::lose(context, &scoped::nobody(context, live, identity), live, &leaving, &mut change);
            }
            change
        }
    }
}
