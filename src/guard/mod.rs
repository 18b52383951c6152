//! Floor 4: what a plan has to pass before anything is written.
//!
//! [`check`] is the only way to a [`GuardedPlan`], and the executor takes nothing else, so an unguarded apply does not
//! compile. Today every plan passes: the limits that count people, and the waivers that lift one of them for one
//! digest, come with the next issue. What a plan may not do at all (seats, the last admin, own account, protected
//! users) is no guard but is deferred by the planner.
//!
//! ```compile_fail,E0451
//! fn unguarded(plan: rollcall::plan::Plan) -> rollcall::guard::GuardedPlan {
//!     rollcall::guard::GuardedPlan { plan }
//! }
//! ```

use crate::model::ActionKind;
use crate::plan::{Cause, Plan};

/// A plan that passed the guards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardedPlan {
    plan: Plan,
}

impl GuardedPlan {
    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// Passes what an operator asked for by name in an emergency: one action that locks one account out. Guards that count
/// people say nothing about it, and it works while a plan would be refused. `None` for every other plan.
#[must_use]
pub fn lock_out(plan: Plan) -> Option<GuardedPlan> {
    let is_lock_out =
        |kind| matches!(kind, ActionKind::DeactivateUser | ActionKind::StripUser | ActionKind::CancelInvitation);
    let is_one = match plan.actions.as_slice() {
        [action] => action.cause == Cause::Operator && is_lock_out(action.kind),
        [] | [_, _, ..] => false,
    };
    is_one.then_some(GuardedPlan { plan })
}

/// Passes a plan through the guards.
///
/// ```
/// fn guarded(plan: rollcall::plan::Plan) -> rollcall::guard::GuardedPlan {
///     rollcall::guard::check(plan)
/// }
/// ```
#[must_use]
pub const fn check(plan: Plan) -> GuardedPlan {
    GuardedPlan { plan }
}
