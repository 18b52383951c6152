//! What a plan does for each person: actions of their own, and changes of the catalog by which they fare otherwise.

use std::collections::{BTreeMap, HashMap};

use super::markdown::{PersonRow, person_row};
use super::words::Context;
use crate::model::{Name, Topic};
use crate::plan::{Action, Cause, PersonImpact, Plan, Subject};

/// The actions of a plan by whom they are for.
pub(super) struct Doings<'a> {
    own: HashMap<Name, Vec<&'a Action>>,
    through: HashMap<Name, Vec<&'a Action>>,
}

impl<'a> Doings<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        let mut own: HashMap<Name, Vec<&Action>> = HashMap::new();
        let mut catalog: BTreeMap<Subject, &Action> = BTreeMap::new();
        for action in &plan.actions {
            match action.subject.user {
                Some(user) => own.entry(user).or_default().push(action),
                None if action.kind.topic() == Topic::Catalog => {
                    catalog.insert(action.subject, action);
                }
                None => {}
            }
        }
        let mut through: HashMap<Name, Vec<&Action>> = HashMap::new();
        for (subject, affected) in &plan.effects.affected {
            let Some(&action) = catalog.get(subject) else { continue };
            for &user in affected.gain.iter().chain(&affected.lose) {
                let actions = through.entry(user).or_default();
                if actions.last().is_none_or(|last| last.subject != action.subject) {
                    actions.push(action);
                }
            }
        }
        Self { own, through }
    }

    /// The actions of their own.
    pub(super) fn own(&self, user: Name) -> &[&'a Action] {
        self.own.get(&user).map(Vec::as_slice).unwrap_or_default()
    }

    /// The changes of the catalog by which they fare otherwise.
    pub(super) fn through(&self, user: Name) -> &[&'a Action] {
        self.through.get(&user).map(Vec::as_slice).unwrap_or_default()
    }

    /// How somebody fares, in words.
    pub(super) fn row(&self, context: Context<'_>, person: &PersonImpact) -> PersonRow {
        person_row(context, person, self.own(person.user), self.through(person.user))
    }

    /// Whether all that is done for a person, if anything, would be done without the change under review, too.
    pub(super) fn is_aside(&self, user: Name) -> bool {
        let mut all = self.own(user).iter().chain(self.through(user)).peekable();
        all.peek().is_some() && all.all(|action| is_of_no_change(action.cause))
    }
}

const fn is_of_no_change(cause: Cause) -> bool {
    match cause {
        Cause::Manifest | Cause::Unknown => false,
        Cause::Drift | Cause::Expiry | Cause::Deferred | Cause::Operator => true,
    }
}
