//! Who reaches what: memberships and grants, with the sites of roles that reach all and what places include.
//!
//! `people` compares the reach of a person before and after a plan; `explain` names the ways. A reach is a map from
//! places to the roles that one has there. Deliberately absent: accounts, and any word about actions.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Catalog, Grant, Membership, Name, Names, Role, SiteAccess, known};
use crate::rules::Rules;

/// An organization, or a site of it; [`known::PLATFORM`] for the whole platform.
pub(super) type Place = (Name, Option<Name>);

/// The roles that somebody has in one place, by whatever way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Roles {
    /// Main roles, or those of grants; `None` where one is there without a role of its own.
    main: BTreeSet<Option<Name>>,
    /// Roles beside the main one.
    extra: BTreeSet<Name>,
}

impl Roles {
    /// All of them by name, in no order that may be printed.
    pub(super) fn named(&self) -> Vec<Name> {
        self.main.iter().flatten().chain(&self.extra).copied().collect()
    }
}

/// Every place that somebody reaches.
pub(super) type Reach = BTreeMap<Place, Roles>;

/// What a person reaches with this access in this catalog.
pub(super) fn reach(
    names: &Names,
    rules: &Rules,
    catalog: &Catalog,
    memberships: &[Membership],
    grants: &[Grant],
) -> Reach {
    let mut reach = Reach::new();
    let is_default_given = rules.gives_default_site();
    for membership in memberships {
        let Membership { organization, role, extra_roles, default_site } = *membership;
        let extra = names.elements(extra_roles);
        let default_site = default_site.filter(|_| is_default_given);
        for site in default_site.into_iter().flat_map(|site| catalog.sites_through(names, organization, site)) {
            reach.entry((organization, Some(site))).or_default().main.insert(None);
        }
        if organization == known::PLATFORM && role.is_none() && extra.is_empty() {
            continue;
        }
        for organization in catalog.organizations_through(names, organization) {
            let here = reach.entry((organization, None)).or_default();
            here.main.insert(role);
            here.extra.extend(extra.iter().copied());
            let sites = catalog.organizations.get(&organization).filter(|_| catalog.reaches_all(role));
            for &site in sites.into_iter().flat_map(|organization| organization.sites.keys()) {
                reach.entry((organization, Some(site))).or_default().main.insert(None);
            }
        }
    }
    for grant in grants {
        for site in catalog.sites_through(names, grant.organization, grant.site) {
            reach.entry((grant.organization, Some(site))).or_default().main.insert(grant.role);
        }
    }
    reach
}

/// The catalog before and after a plan, and which roles it makes more or less.
pub(super) struct Catalogs<'a> {
    pub(super) names: &'a Names,
    pub(super) rules: &'a Rules,
    pub(super) before: Catalog,
    pub(super) after: Catalog,
    /// Roles whose holders can do more afterwards, or less; also by what the roles include.
    pub(super) widened: BTreeSet<Name>,
    pub(super) narrowed: BTreeSet<Name>,
}

impl<'a> Catalogs<'a> {
    pub(super) fn new(names: &'a Names, rules: &'a Rules, before: Catalog, after: Catalog) -> Self {
        let (mut widened, mut narrowed) = (BTreeSet::new(), BTreeSet::new());
        for &role in before.roles.keys() {
            if before.roles.get(&role) == after.roles.get(&role) && names_no_role(names, &before, role) {
                continue;
            }
            if can_more(names, (&before, role), (&after, role)) {
                widened.insert(role);
            }
            if can_more(names, (&after, role), (&before, role)) {
                narrowed.insert(role);
            }
        }
        Self { names, rules, before, after, widened, narrowed }
    }

    /// Whether there is something in `after` that `before` did not give.
    pub(super) fn gains(&self, before: &Reach, after: &Reach) -> bool {
        after.iter().any(|(place, to)| before.get(place).is_none_or(|from| self.adds(from, to)))
    }

    /// Whether there was something in `before` that `after` does not give.
    pub(super) fn loses(&self, before: &Reach, after: &Reach) -> bool {
        before.iter().any(|(place, from)| after.get(place).is_none_or(|to| self.takes(from, to)))
    }

    /// Whether roles in one place give more than before.
    pub(super) fn adds(&self, from: &Roles, to: &Roles) -> bool {
        let is_new = |role: &Option<Name>| !from.main.iter().any(|had| !self.is_more(*had, *role));
        to.main.iter().any(is_new)
            || to.extra.iter().any(|role| !from.extra.contains(role) || self.widened.contains(role))
    }

    /// Whether roles in one place give less than before.
    pub(super) fn takes(&self, from: &Roles, to: &Roles) -> bool {
        let is_lost = |role: &Option<Name>| !to.main.iter().any(|has| !self.is_less(*role, *has));
        from.main.iter().any(is_lost)
            || from.extra.iter().any(|role| !to.extra.contains(role) || self.narrowed.contains(role))
    }

    /// Whether `to` as it will be gives something that `from` does not, as it was or as it will be.
    fn is_more(&self, from: Option<Name>, to: Option<Name>) -> bool {
        let is_more = |catalog: &Catalog| self.rules.escalates(catalog, self.names, from, to);
        match (from, to) {
            (Some(from), Some(to)) if from == to => self.widened.contains(&to),
            // What `from` will be by then counts as well, if it is there: its own change may come before.
            _ => {
                let is_there = from.is_some_and(|from| self.after.roles.contains_key(&from));
                is_more(&with_one_as_it_was(&self.before, &self.after, from)) || (is_there && is_more(&self.after))
            }
        }
    }

    /// Whether `from` as it was gave something that `to` as it will be does not.
    fn is_less(&self, from: Option<Name>, to: Option<Name>) -> bool {
        match (from, to) {
            (Some(from), Some(to)) if from == to => self.narrowed.contains(&to),
            _ => self.rules.loses(&with_one_as_it_was(&self.before, &self.after, from), self.names, from, to),
        }
    }
}

/// The roles that are there: as the store has them, and those that the vendor brings where it does not list them.
pub(super) fn with_vendor(declared: &BTreeMap<Name, Role>, live: &BTreeMap<Name, Role>) -> BTreeMap<Name, Role> {
    let mut roles = live.clone();
    for (&name, role) in declared.iter().filter(|(_, role)| role.vendor) {
        roles.entry(name).or_insert_with(|| role.clone());
    }
    roles
}

/// The roles as they will be, but one as it was.
pub(super) fn with_one_as_it_was<'c>(before: &Catalog, after: &'c Catalog, one: Option<Name>) -> Cow<'c, Catalog> {
    let was = one.and_then(|one| Some((one, before.roles.get(&one)?)));
    match was {
        Some((name, role)) if after.roles.get(&name) != Some(role) => {
            let mut roles = after.roles.clone();
            roles.insert(name, role.clone());
            Cow::Owned(Catalog { roles, ..Catalog::default() })
        }
        Some(_) | None => Cow::Borrowed(after),
    }
}

fn names_no_role(names: &Names, catalog: &Catalog, role: Name) -> bool {
    catalog.roles.get(&role).is_none_or(|role| names.elements(role.includes).is_empty())
}

/// Whether holders of a role can do more by the second catalog than by the first.
fn can_more(names: &Names, from: (&Catalog, Name), to: (&Catalog, Name)) -> bool {
    let Some(after) = to.0.roles.get(&to.1) else { return false };
    let Some(before) = from.0.roles.get(&from.1) else { return true };
    (after.admin && !before.admin)
        || (after.site_access == SiteAccess::All && before.site_access == SiteAccess::Selected)
        || after.rank > before.rank
        || !powers(names, to.0, to.1).is_subset(&powers(names, from.0, from.1))
}

/// The permissions of a role and of those that it includes, and these roles themselves.
fn powers(names: &Names, catalog: &Catalog, role: Name) -> BTreeSet<Name> {
    let mut powers = BTreeSet::new();
    for role in catalog.roles_through(names, role) {
        powers.insert(role);
        let permissions = catalog.roles.get(&role).map(|role| role.permissions);
        powers.extend(permissions.iter().flat_map(|&list| names.elements(list).to_vec()));
    }
    powers
}
