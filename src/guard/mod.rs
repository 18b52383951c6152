//! Floor 4: what a plan has to pass before anything is written.
//!
//! [`judge`] holds what the planner counted ([`Census`]) against the limits of the settings; [`ask`] asks the policies of
//! what is declared and planned. [`check`] is the only way to a [`GuardedPlan`], and the executor takes nothing else, so
//! an unguarded apply does not compile. A [`Waiver`] lifts one guard, or one policy, for one digest. What a plan may not
//! do at all (seats, the last admin, own account, protected users) is no guard that counts: the planner defers it.
//!
//! Deliberately absent: a way around all guards at once, and any count that the planner did not make.
//!
//! ```compile_fail,E0451
//! fn unguarded(plan: rollcall::plan::Plan) -> rollcall::guard::GuardedPlan {
//!     rollcall::guard::GuardedPlan { plan }
//! }
//! ```

mod limit;
mod policies;
mod waiver;

pub use limit::{Limit, removal_limit};
pub use policies::{Declared, Unanswered, Verdict, Verdicts, Violation, ask, told};
pub use waiver::{NoWaiver, Waived, Waiver, is_digest};

use crate::model::{ActionKind, Name, Names};
use crate::plan::{Cause, Census, GuardDocument, Headcount, Plan};
use crate::policy::PolicySeverity;
use crate::settings::Guards;

/// A guard, by its name in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guard {
    /// People who lose an account or any access.
    Removals,
    /// People to whom an invitation goes out.
    Invitations,
    /// People who can do more in a way that matters.
    Escalations,
    /// Mails.
    Mails,
    /// What ends for good.
    Deletions,
    /// The floor of active admins. It refuses no plan: the planner defers what would go below it.
    MinAdmins,
}

impl Guard {
    /// Every guard, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::Removals, Self::Invitations, Self::Escalations, Self::Mails, Self::Deletions, Self::MinAdmins];

    /// Its name in the settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Removals => "removals",
            Self::Invitations => "invitations",
            Self::Escalations => "escalations",
            Self::Mails => "mails",
            Self::Deletions => "deletions",
            Self::MinAdmins => "min_admins",
        }
    }
}

/// Why a guard refuses a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// There is more than its limit.
    OverLimit,
    /// Nobody active would be left where somebody was.
    Emptied,
}

/// What a guard says of a plan, for the store or for one organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    /// The guard.
    pub guard: Guard,
    /// Where it counts; `None` for the whole store.
    pub organization: Option<Name>,
    /// What the plan comes to.
    pub count: u32,
    /// What it may come to, and where that comes from.
    pub limit: Limit,
    /// Who is there, where the guard counts a share of them.
    pub people: Option<Headcount>,
    /// Why the guard refuses; also where that is waived.
    pub why: Option<Why>,
    /// Whether a waiver lifts the guard from this plan.
    pub is_waived: bool,
}

impl Ruling {
    /// Whether the plan may not be applied.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        self.why.is_some() && !self.is_waived
    }
}

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

/// Passes what an operator asked for by name: one action that locks one account out, or sends one invitation, or makes it
/// anew for somebody who had declined. Guards
/// that count people say nothing about it, and it works while a plan would be refused. `None` for every other plan.
#[must_use]
pub fn by_operator(plan: Plan) -> Option<GuardedPlan> {
    let is_operators = |kind| {
        matches!(
            kind,
            ActionKind::DeactivateUser
                | ActionKind::StripUser
                | ActionKind::InviteUser
                | ActionKind::CancelInvitation
                | ActionKind::SendInvitation
                | ActionKind::ResendInvitation
        )
    };
    let is_one = match plan.actions.as_slice() {
        [action] => action.cause == Cause::Operator && is_operators(action.kind),
        [] | [_, _, ..] => false,
    };
    is_one.then_some(GuardedPlan { plan })
}

/// A plan that did not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Guards refuse it.
    #[error("refused by a guard: {}", .judgement.refusing().join(", "))]
    ByGuard {
        /// The plan.
        plan: Box<Plan>,
        /// What all guards say of it.
        judgement: Judgement,
    },
    /// A waiver is for another plan than this.
    #[error(
        "the plan is another one now: {} was waived for {}, it is {}; review it again",
        .waiver.waived, .waiver.digest, .plan.digest
    )]
    Stale {
        /// The plan.
        plan: Box<Plan>,
        /// The waiver.
        waiver: Waiver,
    },
}

/// What guards and policies say of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// What each guard says that counts.
    pub rulings: Vec<Ruling>,
    /// What each policy comes to, by name, and whether a waiver lifts it from this plan.
    pub verdicts: Vec<(Verdict, bool)>,
}

impl From<Vec<Ruling>> for Judgement {
    fn from(rulings: Vec<Ruling>) -> Self {
        Self { rulings, verdicts: Vec::new() }
    }
}

impl Judgement {
    /// Whether the plan may not be applied.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.rulings.iter().any(Ruling::is_refused) || self.refused_by_policies().next().is_some()
    }

    /// The policies that refuse it, by name.
    pub fn refused_by_policies(&self) -> impl Iterator<Item = &Verdict> {
        let refusing = self.verdicts.iter().filter(|(verdict, is_waived)| verdict.refuses() && !is_waived);
        refusing.map(|(verdict, _)| verdict)
    }

    /// The names of the guards and policies that refuse, each once, in the order in which they are shown: rulings of one
    /// guard stand apart, that of the store and those of its organizations.
    #[must_use]
    pub fn refusing(&self) -> Vec<String> {
        let refuses = |guard: &Guard| self.rulings.iter().any(|ruling| ruling.guard == *guard && ruling.is_refused());
        let guards = Guard::ALL.iter().filter(|guard| refuses(guard)).map(|guard| guard.as_str().to_owned());
        let policies = self.refused_by_policies().map(|verdict| Waived::policy(&verdict.policy.name).to_string());
        guards.chain(policies).collect()
    }
}

/// Passes a plan through the guards.
///
/// ```
/// use rollcall::guard::{GuardedPlan, Refused, Verdicts, Waiver, check};
/// use rollcall::plan::Plan;
/// use rollcall::settings::Guards;
///
/// fn guarded(
///     plan: Plan,
///     limits: &Guards,
///     verdicts: Verdicts,
///     waivers: &[Waiver],
/// ) -> Result<GuardedPlan, Refused> {
///     check(plan, limits, verdicts, waivers)
/// }
/// ```
///
/// # Errors
/// If a guard or a policy that is not waived refuses it, if policies were asked of another plan, or a waiver names one.
pub fn check(plan: Plan, limits: &Guards, verdicts: Verdicts, waivers: &[Waiver]) -> Result<GuardedPlan, Refused> {
    if let Some(waiver) = waivers.iter().find(|waiver| waiver.digest != plan.digest) {
        return Err(Refused::Stale { plan: Box::new(plan), waiver: waiver.clone() });
    }
    let is_of_it = verdicts.digest.as_ref() == Some(&plan.digest);
    let judgement = judge_all(&plan, limits, verdicts, waivers);
    if !is_of_it || judgement.is_refused() {
        return Err(Refused::ByGuard { plan: Box::new(plan), judgement });
    }
    Ok(GuardedPlan { plan })
}

/// What guards and policies say of a plan. A waiver for another plan lifts nothing, and none lifts a policy of which it
/// can't be said whether it is kept.
#[must_use]
pub fn judge_all(plan: &Plan, limits: &Guards, verdicts: Verdicts, waivers: &[Waiver]) -> Judgement {
    let rulings = judge(plan, limits, waivers);
    let is_waived = |verdict: &Verdict| {
        let waived = Waived::policy(&verdict.policy.name);
        verdict.unanswered.is_none()
            && waivers.iter().any(|waiver| waiver.waived == waived && waiver.digest == plan.digest)
    };
    let verdicts = verdicts.all.into_iter().map(|verdict| {
        let is_waived = is_waived(&verdict);
        (verdict, is_waived)
    });
    Judgement { rulings, verdicts: verdicts.collect() }
}

/// What each guard says of a plan: of the whole store first, guard by guard, then of each organization in which
/// somebody loses something, by name. A waiver for another plan lifts nothing.
///
/// Names of organizations are only compared, so rulings of organizations come in the order of handles; who prints
/// them sorts by text ([`documents`]).
#[must_use]
pub fn judge(plan: &Plan, limits: &Guards, waivers: &[Waiver]) -> Vec<Ruling> {
    let is_waived =
        |guard| waivers.iter().any(|waiver| waiver.waived == Waived::Guard(guard) && waiver.digest == plan.digest);
    let Census { store, organizations, invited, escalated, mails, deletions, short_of_admins: _ } = &plan.census;
    let removals = |organization, headcount: Headcount| {
        let limit = removal_limit(headcount.people, limits.removals);
        let why = if headcount.lose > limit.most {
            Some(Why::OverLimit)
        } else {
            headcount.is_emptied().then_some(Why::Emptied)
        };
        let (guard, is_waived) = (Guard::Removals, is_waived(Guard::Removals));
        Ruling { guard, organization, count: headcount.lose, limit, people: Some(headcount), why, is_waived }
    };
    let counted = |guard, count: u32, most: u32| Ruling {
        guard,
        organization: None,
        count,
        limit: Limit::of_settings(most),
        people: None,
        why: (count > most).then_some(Why::OverLimit),
        is_waived: is_waived(guard),
    };
    let mut rulings = vec![
        removals(None, *store),
        counted(Guard::Invitations, *invited, limits.invitations.max_count),
        counted(Guard::Escalations, *escalated, limits.escalations.max_count),
        counted(Guard::Mails, *mails, limits.mails.max_count),
        counted(Guard::Deletions, *deletions, limits.deletions.max_count),
    ];
    let touched = organizations.iter().filter(|(_, of)| of.lose > 0 || of.moved > 0 || of.is_emptied());
    rulings.extend(touched.map(|(&organization, &headcount)| removals(Some(organization), headcount)));
    rulings
}

/// What guards and policies say, as JSON: guards of the store first, then policies that can refuse, then guards of
/// organizations by name.
#[must_use]
pub fn documents(names: &Names, judgement: &Judgement) -> Vec<GuardDocument> {
    let Judgement { rulings, verdicts } = judgement;
    let policies = verdicts.iter().filter_map(|(verdict, is_waived)| {
        let can_refuse = verdict.policy.severity == PolicySeverity::Error || verdict.unanswered.is_some();
        can_refuse.then(|| GuardDocument {
            name: Waived::policy(&verdict.policy.name).to_string(),
            organization: None,
            count: u32::try_from(verdict.violations.len()).unwrap_or(u32::MAX),
            limit: 0,
            refused: verdict.refuses() && !is_waived,
            unanswered: verdict.unanswered.as_ref().map(|of| u32::try_from(of.count).unwrap_or(u32::MAX)),
        })
    });
    let mut documents: Vec<GuardDocument> = rulings
        .iter()
        .map(|ruling| GuardDocument {
            name: ruling.guard.as_str().to_owned(),
            organization: ruling.organization.map(|organization| names.text(organization).to_owned()),
            count: ruling.count,
            limit: ruling.limit.most,
            refused: ruling.is_refused(),
            unanswered: None,
        })
        .chain(policies)
        .collect();
    documents.sort_by(|a, b| a.organization.cmp(&b.organization));
    documents
}

#[cfg(test)]
mod tests;
