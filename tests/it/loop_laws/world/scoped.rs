//! The same worlds with other scopes: lists of organizations, access without accounts, a catalog that has to be there;
//! and what of a world is left to others.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rollcall::model::LeftAlone;
use rollcall::plan::Scope;

use super::{DECLARED, Person, USERS, World, key};
use crate::support::turnover::Turnover;

/// What the settings manage, of a world that declares less than all.
#[derive(Debug, Clone)]
pub(in crate::loop_laws) struct Scoped {
    scope: Scope,
    undeclared: Option<&'static str>,
    is_catalog_given: bool,
    reports_absent: bool,
}

/// Scopes of every kind.
pub(in crate::loop_laws) fn scopes() -> impl Strategy<Value = Scoped> {
    let list = prop::option::weighted(0.6, prop::sample::subsequence(DECLARED.to_vec(), 1..=2));
    let undeclared = prop::option::weighted(0.3, prop::sample::select(DECLARED.to_vec()));
    (list, prop::bool::ANY, undeclared, prop::bool::weighted(0.3), prop::bool::weighted(0.3)).prop_map(
        |(list, accounts, undeclared, is_catalog_given, reports_absent)| {
            let organizations = list.map(|list| list.into_iter().map(str::to_owned).collect::<BTreeSet<_>>());
            Scoped { scope: Scope { organizations, accounts }, undeclared, is_catalog_given, reports_absent }
        },
    )
}

impl World {
    /// The same world with another scope: what would be declared outside of it is not.
    pub(in crate::loop_laws) fn scoped(&self, scope: &Scoped) -> Self {
        let mut world = Self {
            scope: scope.scope.clone(),
            is_catalog_given: scope.is_catalog_given,
            reports_absent: scope.reports_absent,
            ..self.without_turnover()
        };
        world.organizations.retain(|name| Some(*name) != scope.undeclared);
        let inside: BTreeSet<&str> =
            world.organizations.iter().copied().filter(|organization| world.is_in_scope(organization)).collect();
        let declared = world.organizations.clone();
        for person in world.declared.values_mut() {
            // What is left to others may be said of any organization that is declared.
            person
                .access
                .retain(|name, place| inside.contains(name) || place.left.membership && declared.contains(name));
        }
        world.granted.retain(|_| inside.contains("north"));
        world
    }

    /// The same world, in which nothing is renamed or has a tombstone: then both sides call everything by one name.
    pub(in crate::loop_laws) fn without_turnover(&self) -> Self {
        let mut world = Self { turnover: Turnover::default(), own_is_former: false, ..self.clone() };
        for person in world.declared.values_mut().filter(|person| person.status == "absent") {
            person.status = "inactive";
        }
        world
    }

    /// The same world, in which the manifests make sites and roles include what they do in another one.
    pub(in crate::loop_laws) fn linked(&self, other: &Self) -> Self {
        let mut world = self.clone();
        world.turnover.declared_links = other.turnover.declared_links;
        world
    }

    /// The same world after the manifests were changed: they say of people, roles and sites what another world's say.
    pub(in crate::loop_laws) fn declaring(&self, other: &Self) -> Self {
        let Self { declared, team, granted, role_flips, .. } = other.without_turnover();
        let mut world = Self { declared, team, granted, role_flips, ..self.without_turnover() };
        for person in world.declared.values_mut().filter(|person| person.status == "preloaded" && !self.invites) {
            person.status = "";
        }
        world
    }

    /// The key of one of the people.
    pub(in crate::loop_laws) fn person(&self, number: usize) -> String {
        self.todays_key(USERS[number % USERS.len()])
    }

    /// Keys of people whom the manifests keep out: declared inactive, or not at all.
    pub(in crate::loop_laws) fn kept_out(&self) -> Vec<String> {
        let is_out = |user: &&str| self.declared.get(*user).is_none_or(|person| person.status == "inactive");
        USERS.iter().copied().filter(is_out).map(key).collect()
    }

    /// Whether a manifest says that this person is to be let in, whatever happened.
    pub(in crate::loop_laws) fn is_let_in(&self, user: &str) -> bool {
        self.declared.iter().any(|(name, person)| key(name) == user && person.status == "active")
    }

    /// Whether memberships of this organization are in scope.
    pub(in crate::loop_laws) fn is_in_scope(&self, organization: &str) -> bool {
        self.organizations.contains(organization)
            && self.scope.organizations.as_ref().is_none_or(|listed| listed.contains(organization))
    }

    /// Whether a manifest names the user, and whether it says `inactive`.
    pub(in crate::loop_laws) fn names(&self, user: &str) -> (bool, bool) {
        let declared = self.declared.iter().find(|(name, _)| key(name) == user);
        (declared.is_some(), declared.is_some_and(|(_, person)| person.status == "inactive"))
    }

    /// Whether only access is managed, and no account.
    pub(in crate::loop_laws) fn leaves_accounts(&self) -> bool {
        !self.scope.accounts
    }

    /// Whether organizations are managed by a list.
    pub(in crate::loop_laws) fn has_list(&self) -> bool {
        self.scope.organizations.is_some()
    }

    /// Whether the catalog is never written.
    pub(in crate::loop_laws) fn is_catalog_given(&self) -> bool {
        self.is_catalog_given
    }

    /// Whether nothing is done to whom no manifest names.
    pub(in crate::loop_laws) fn reports_absent(&self) -> bool {
        self.reports_absent
    }

    /// Everything that is left to others of accounts that nobody declares inactive: key, organization, and what.
    pub(in crate::loop_laws) fn left_to_others(&self) -> Vec<(String, &'static str, LeftAlone)> {
        let people = self.declared.iter().filter(|(_, person)| person.status != "inactive");
        let places = people.flat_map(|(user, person)| {
            DECLARED.into_iter().map(move |organization| (key(user), organization, person.left_in(organization)))
        });
        places.filter(|(_, organization, left)| left.any() && self.organizations.contains(organization)).collect()
    }

    /// Keys of users for whom somebody has to decide: what the rules demand is left to others, or an account is.
    pub(in crate::loop_laws) fn undecided(&self) -> BTreeSet<String> {
        let lacks = |person: &Person| self.demands_role && DECLARED.iter().any(|one| person.left_in(one).role);
        let people = self.declared.iter().filter(|(_, person)| self.leaves_accounts() || lacks(person));
        people.map(|(user, _)| self.declared_key(user)).collect()
    }
}
