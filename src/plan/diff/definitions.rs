//! What roles give: as they are in the store, and as this plan leaves them.
//!
//! Whoever comes to a role gets what it gives at that time, whatever is declared of it. A role that nobody may change
//! stays what it is, and one that is made less has to be so before (`lesser_roles`). Deliberately absent: who holds a
//! role, and which roles make admins (`admin_roles`).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::catalog::widens;
use crate::model::{Catalog, Name, Role};
use crate::plan::Inputs;
use crate::plan::reach::{with_one_as_it_was, with_vendor};

/// Every role of both sides. The catalogs hold nothing but roles.
pub(super) struct Definitions {
    /// As live; with those that the vendor brings and the store does not list.
    present: Catalog,
    /// As this plan leaves them, if nothing of it has to wait.
    planned: Catalog,
    /// Live roles that this plan makes less, whatever else it does to them.
    pub(super) narrowed: BTreeSet<Name>,
}

impl Definitions {
    pub(super) fn new(inputs: &Inputs<'_>) -> Self {
        let (declared, live) = (&inputs.desired.catalog.roles, &inputs.live.catalog.roles);
        let present = with_vendor(declared, live);
        let mut planned = present.clone();
        let mut narrowed = BTreeSet::new();
        for (&name, role) in declared {
            match live.get(&name) {
                Some(_) if !inputs.changes_roles() => {}
                Some(live) => {
                    if widens(inputs, role, live) {
                        narrowed.insert(name);
                    }
                    planned.insert(name, role.clone());
                }
                None => {
                    planned.insert(name, role.clone());
                }
            }
        }
        let catalog = |roles: BTreeMap<Name, Role>| Catalog { roles, ..Catalog::default() };
        Self { present: catalog(present), planned: catalog(planned), narrowed }
    }

    /// Leaves a role what it is.
    pub(super) fn hold(&mut self, name: Name) {
        if let Some(role) = self.present.roles.get(&name) {
            self.planned.roles.insert(name, role.clone());
        }
    }

    /// Whether `to`, as it will be, gives something that `from` does not: as it is, or as it will be by then.
    pub(super) fn escalates(&self, inputs: &Inputs<'_>, from: Option<Name>, to: Option<Name>) -> bool {
        let is_more = |catalog: &Catalog| inputs.rules.escalates(catalog, inputs.names, from, to);
        match with_one_as_it_was(&self.present, &self.planned, from) {
            Cow::Borrowed(planned) => is_more(planned),
            Cow::Owned(mixed) => is_more(&mixed) || is_more(&self.planned),
        }
    }

    /// Whether `to`, as it will be, takes something away that `from` gives as it is.
    pub(super) fn loses(&self, inputs: &Inputs<'_>, from: Option<Name>, to: Option<Name>) -> bool {
        let mixed = with_one_as_it_was(&self.present, &self.planned, from);
        inputs.rules.loses(&mixed, inputs.names, from, to)
    }

    /// Whether `to` gives something that `from` does not, both as they are.
    pub(super) fn escalates_today(&self, inputs: &Inputs<'_>, from: Option<Name>, to: Option<Name>) -> bool {
        inputs.rules.escalates(&self.present, inputs.names, from, to)
    }

    /// Whether a role, or one that it includes, gives power over others or reaches every site, as it will be.
    pub(super) fn is_powerful(&self, inputs: &Inputs<'_>, role: Name) -> bool {
        let roles = self.planned.roles_through(inputs.names, role);
        let is_admin = |role: &Name| self.planned.roles.get(role).is_some_and(|role| role.admin);
        roles.iter().any(|role| is_admin(role) || self.planned.reaches_all(Some(*role)))
    }

    /// Whether holders of the role reach every site today.
    pub(super) fn reached_all(&self, role: Option<Name>) -> bool {
        self.present.reaches_all(role)
    }

    /// Of a role and what it includes today, whatever this plan makes less.
    pub(super) fn narrowed_through(&self, inputs: &Inputs<'_>, role: Name) -> Vec<Name> {
        let mut found = self.present.roles_through(inputs.names, role);
        found.retain(|role| self.narrowed.contains(role));
        found
    }
}
