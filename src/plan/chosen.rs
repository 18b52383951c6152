//! Actions that were chosen from a plan, by their causes: the rest is left to another run.

use std::collections::{BTreeMap, BTreeSet};

use super::action::{Action, Risk, Subject};
use super::{Deferred, Obstacle, Plan, WaitsFor};
use crate::model::ActionKind;

/// Actions that were chosen from a plan.
#[derive(Debug, Clone, Default)]
pub struct Chosen(BTreeSet<(ActionKind, Subject)>);

impl Chosen {
    /// Those of a plan that are meant. Who is let in again loses what is too much, whatever the cause of that is.
    #[must_use]
    pub fn of(plan: &Plan, is_meant: impl Fn(&Action) -> bool) -> Self {
        let lets_in = |&need: &u32| {
            let needed = &plan.actions[need as usize];
            needed.kind == ActionKind::ReactivateUser && is_meant(needed)
        };
        let belongs = |action: &Action| action.risk.contains(&Risk::Removal) && action.needs.iter().any(lets_in);
        let meant = plan.actions.iter().filter(|action| is_meant(action) || belongs(action));
        Self(meant.map(|action| (action.kind, action.subject)).collect())
    }

    /// How many they are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none was chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn holds(&self, kind: ActionKind, subject: Subject) -> bool {
        self.0.contains(&(kind, subject))
    }

    /// Gives a part what the whole plan knows: causes, and what waits in any case. What was chosen and can't be done
    /// without what was not waits, too.
    pub(super) fn complete<K: Ord>(&self, part: &mut Plan, whole: &Plan, key: impl Fn(&Deferred) -> K) {
        let known: BTreeMap<(ActionKind, Subject), &Action> =
            whole.actions.iter().map(|action| ((action.kind, action.subject), action)).collect();
        for action in &mut part.actions {
            if let Some(known) = known.get(&(action.kind, action.subject)) {
                action.cause = known.cause;
                action.restores.clone_from(&known.restores);
            }
        }
        part.deferred.retain(|deferred| self.holds(deferred.kind, deferred.subject));
        // All of it could be done in the whole plan, so nobody has to decide anything but this.
        for deferred in &mut part.deferred {
            match deferred.waits_for {
                WaitsFor::Seat | WaitsFor::Successor => {}
                WaitsFor::Acceptance
                | WaitsFor::Key
                | WaitsFor::Grace
                | WaitsFor::Decision
                | WaitsFor::Start
                | WaitsFor::Catalog
                | WaitsFor::Field
                | WaitsFor::Enrolment
                | WaitsFor::OwnAccount
                | WaitsFor::Protected => {
                    deferred.waits_for = WaitsFor::Decision;
                    deferred.obstacle = Some(Obstacle::OtherCause);
                }
            }
        }
        part.deferred.extend(whole.deferred.iter().cloned());
        part.deferred.sort_by_key(key);
    }
}
