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

use crate::plan::Plan;

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
