//! Changes of a role that were stopped between their two steps: what is gone, and what was to come in its place.

use std::collections::BTreeMap;

use super::{Grant, LiveState, LiveView, Membership, Name};
use crate::model::{Catalog, CatalogKey, Names};

/// A membership with its sites.
pub type Seat = (Membership, Vec<Grant>);

/// A membership, with its sites, that is gone and has not come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HalfChange {
    /// As it was.
    pub from: Seat,
    /// As it was to be, without what is gone; `None` where its organization or its role is.
    pub to: Option<Seat>,
    /// What was to come with it and is in no catalog any more, sorted.
    pub gone: Vec<CatalogKey>,
}

impl HalfChange {
    /// A change of `from` to `to`, of which only that can still come which this catalog has.
    #[must_use]
    pub fn of(from: Seat, to: Seat, catalog: &Catalog, names: &Names) -> Self {
        let mut gone = Vec::new();
        let mut is_there = |key: CatalogKey| {
            let organization = |name| catalog.organizations.get(&name);
            let found = match key {
                CatalogKey::Organization(name) => organization(name).is_some(),
                CatalogKey::Site(of, name) => organization(of).is_some_and(|one| one.sites.contains_key(&name)),
                CatalogKey::Role(name) => catalog.roles.contains_key(&name),
            };
            if !found {
                gone.push(key);
            }
            found
        };
        let (mut membership, mut grants) = to;
        let organization = membership.organization;
        let mut is_whole = is_there(CatalogKey::Organization(organization));
        is_whole &= membership.role.is_none_or(|role| is_there(CatalogKey::Role(role)));
        if is_whole {
            let mut extra_roles = names.elements(membership.extra_roles).to_vec();
            extra_roles.retain(|&role| is_there(CatalogKey::Role(role)));
            membership.extra_roles = names.list(&extra_roles);
            membership.default_site =
                membership.default_site.filter(|&site| is_there(CatalogKey::Site(organization, site)));
            grants.retain(|grant| {
                is_there(CatalogKey::Site(organization, grant.site))
                    && grant.role.is_none_or(|role| is_there(CatalogKey::Role(role)))
            });
        }
        gone.sort_unstable();
        gone.dedup();
        Self { from, to: is_whole.then_some((membership, grants)), gone }
    }
}

/// Changes that were stopped half-way, by account, as its key is compared, and organization.
pub type HalfChanged = BTreeMap<(Name, Name), HalfChange>;

impl LiveState {
    /// This state as it was before the changes of roles that were stopped half-way, as far as they are still to be seen:
    /// what a plan saw that is to be gone on with. `None` where nothing is.
    #[must_use]
    pub fn before_half_changes(&self) -> Option<Self> {
        self.with_half_changes(|change| Some(&change.from))
    }

    /// This state as the changes of roles that were stopped half-way are to leave it, as far as they can still be gone on
    /// with. `None` where nothing is.
    #[must_use]
    pub fn after_half_changes(&self) -> Option<Self> {
        self.with_half_changes(|change| change.to.as_ref())
    }

    /// Accounts, by row, that belong nowhere in an organization since a change of their role there was stopped.
    pub fn unfinished(&self) -> impl Iterator<Item = (LiveView<'_>, Name, &HalfChange)> {
        let rows = if self.half_changed.is_empty() { 0 } else { self.users.len() };
        (0..rows)
            .flat_map(move |row| self.half_changes_of(row).map(move |(place, change)| (self.user(row), place, change)))
    }

    fn with_half_changes(&self, side: impl Fn(&HalfChange) -> Option<&Seat>) -> Option<Self> {
        let mut is_other = false;
        let mut before = Self {
            catalog: self.catalog.clone(),
            evidence: self.evidence.clone(),
            locked_out: self.locked_out.clone(),
            locked_out_since: self.locked_out_since.clone(),
            cut_off: self.cut_off.clone(),
            declined: self.declined.clone(),
            waiting_lock_outs: self.waiting_lock_outs.clone(),
            newest_lock_out: self.newest_lock_out,
            ..Self::default()
        };
        for (row, raw) in self.users.iter().enumerate() {
            let LiveView { status, facts, memberships, grants, invitation, .. } = self.user(row);
            let (mut memberships, mut grants) = (memberships.to_vec(), grants.to_vec());
            for (organization, change) in self.half_changes_of(row) {
                let Some((membership, sites)) = side(change) else { continue };
                is_other = true;
                grants.retain(|grant| grant.organization != organization);
                memberships.push(*membership);
                grants.extend(sites);
            }
            memberships.sort_unstable();
            grants.sort_unstable();
            before.push_columns(raw.id, raw.key, raw.identity, status, facts, &memberships, &grants, invitation);
        }
        before.inactive_since.clone_from(&self.inactive_since);
        before.password_since.clone_from(&self.password_since);
        is_other.then_some(before)
    }

    /// Of the account in this row: organizations to which it does not belong since a change was stopped.
    fn half_changes_of(&self, row: usize) -> impl Iterator<Item = (Name, &HalfChange)> {
        let user = self.user(row);
        let of_user = self.half_changed.iter().filter(move |((of, _), _)| Some(*of) == user.identity);
        of_user
            .filter(move |((_, organization), _)| user.membership(*organization).is_none())
            .map(|((_, organization), change)| (*organization, change))
    }
}
