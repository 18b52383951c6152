//! The catalog: organizations, their sites, and roles. The same shape for what is declared and what is live.
//!
//! The maps are ordered by handle, which is enough for looking up and comparing; printers sort by text.

use std::collections::{BTreeMap, HashSet};

use super::fact::{Fact, Value};
use super::known;
use super::name::{List, Name, Names};
use crate::diagnostic::Position;

/// Fields of an organization or a site: `name` `kind` `parent` `default` `includes` `attributes.…`. Declared: a field
/// that is left out is not managed. Live: a field that is missing is not set.
pub type Fields = BTreeMap<Name, Value>;

/// An organization with its sites.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Organization {
    /// Its own fields.
    pub fields: Fields,
    /// Its sites by name.
    pub sites: BTreeMap<Name, Site>,
    /// Where it is declared; `None` when live.
    pub position: Option<Position>,
}

/// A site of an organization.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Site {
    /// Its own fields.
    pub fields: Fields,
    /// Where it is declared; `None` when live.
    pub position: Option<Position>,
}

/// Which sites a role reaches in its organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SiteAccess {
    /// Those that are granted.
    #[default]
    Selected,
    /// Every one, without a grant.
    All,
}

/// Places in which a role may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::struct_excessive_bools, reason = "a set of four places")]
pub struct AppliesTo {
    /// As the role of a membership.
    pub organization: bool,
    /// As the role of a site grant.
    pub site: bool,
    /// On the whole platform.
    pub platform: bool,
    /// As an extra role.
    pub extra: bool,
}

impl Default for AppliesTo {
    /// Memberships and sites, as `language.md` §3 has it for a role that does not say.
    fn default() -> Self {
        Self { organization: true, site: true, platform: false, extra: false }
    }
}

/// A role. What is left out of a declaration has the default of the language, so roles compare exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent fields of the language")]
pub struct Role {
    /// A name for people, where there is one.
    pub name: Option<Name>,
    /// Its place in the order of roles; higher contains lower.
    pub rank: Option<i32>,
    /// Roles whose permissions it has as well.
    pub includes: List,
    /// Its own permissions.
    pub permissions: List,
    /// Which sites it reaches.
    pub site_access: SiteAccess,
    /// Whether its holder administers users.
    pub admin: bool,
    /// Whether the role itself may not be changed.
    pub protected: bool,
    /// Whether it may be given at all.
    pub grantable: bool,
    /// Where it may be given.
    pub applies_to: AppliesTo,
    /// Whether it comes with the rules and not from a manifest.
    pub vendor: bool,
    /// Where it is declared; `None` when live or from the rules.
    pub position: Option<Position>,
}

impl Default for Role {
    fn default() -> Self {
        Self {
            name: None,
            rank: None,
            includes: List::EMPTY,
            permissions: List::EMPTY,
            site_access: SiteAccess::Selected,
            admin: false,
            protected: false,
            grantable: true,
            applies_to: AppliesTo::default(),
            vendor: false,
            position: None,
        }
    }
}

impl Role {
    /// The role as facts, for plans and stores.
    pub fn facts(&self, names: &Names) -> Vec<Fact> {
        let Self {
            name,
            rank,
            includes,
            permissions,
            site_access,
            admin,
            protected,
            grantable,
            applies_to,
            vendor: _,
            position: _,
        } = self;
        let places = [
            (applies_to.organization, known::ORGANIZATION),
            (applies_to.site, known::SITE),
            (applies_to.platform, known::PLATFORM_WORD),
            (applies_to.extra, known::EXTRA),
        ];
        let places: Vec<Name> = places.into_iter().filter_map(|(on, word)| on.then_some(word)).collect();
        vec![
            Fact::new(known::NAME, Value::optional_text(*name)),
            Fact::new(known::RANK, rank.map_or(Value::Null, Value::Number)),
            Fact::new(known::INCLUDES, Value::Set(*includes)),
            Fact::new(known::PERMISSIONS, Value::Set(*permissions)),
            Fact::new(
                known::SITE_ACCESS,
                Value::Text(match site_access {
                    SiteAccess::Selected => known::SELECTED,
                    SiteAccess::All => known::ALL,
                }),
            ),
            Fact::new(known::ADMIN, Value::Bool(*admin)),
            Fact::new(known::PROTECTED, Value::Bool(*protected)),
            Fact::new(known::GRANTABLE, Value::Bool(*grantable)),
            Fact::new(known::APPLIES_TO, Value::Set(names.list(&places))),
        ]
    }

    /// Sets the field that a fact is about, as far as roles have it; the reverse of [`facts`](Self::facts).
    pub fn set(&mut self, names: &Names, fact: Fact) {
        let list = |value: Value| if let Value::Set(list) = value { list } else { List::EMPTY };
        let is_true = fact.value == Value::Bool(true);
        match fact.field {
            known::NAME => self.name = fact.value.text(),
            known::RANK => self.rank = if let Value::Number(rank) = fact.value { Some(rank) } else { None },
            known::INCLUDES => self.includes = list(fact.value),
            known::PERMISSIONS => self.permissions = list(fact.value),
            known::SITE_ACCESS if fact.value == Value::Text(known::ALL) => self.site_access = SiteAccess::All,
            known::SITE_ACCESS => self.site_access = SiteAccess::Selected,
            known::ADMIN => self.admin = is_true,
            known::PROTECTED => self.protected = is_true,
            known::GRANTABLE => self.grantable = is_true,
            known::APPLIES_TO => {
                let places = names.elements(list(fact.value));
                self.applies_to = AppliesTo {
                    organization: places.contains(&known::ORGANIZATION),
                    site: places.contains(&known::SITE),
                    platform: places.contains(&known::PLATFORM_WORD),
                    extra: places.contains(&known::EXTRA),
                };
            }
            _ => {}
        }
    }
}

/// What names one thing of the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CatalogKey {
    /// An organization.
    Organization(Name),
    /// A site of an organization.
    Site(Name, Name),
    /// A role.
    Role(Name),
}

/// Organizations with their sites, and roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// Organizations by name.
    pub organizations: BTreeMap<Name, Organization>,
    /// Roles by name.
    pub roles: BTreeMap<Name, Role>,
}

impl Catalog {
    /// Whether the organization has this site.
    #[must_use]
    pub fn has_site(&self, organization: Name, site: Name) -> bool {
        self.organizations.get(&organization).is_some_and(|organization| organization.sites.contains_key(&site))
    }

    /// Whether holders of the role reach every site of their organization.
    #[must_use]
    pub fn reaches_all(&self, role: Option<Name>) -> bool {
        self.role(role).is_some_and(|role| role.site_access == SiteAccess::All)
    }

    /// The role with this name, if there is one.
    #[must_use]
    pub fn role(&self, role: Option<Name>) -> Option<&Role> {
        role.and_then(|role| self.roles.get(&role))
    }

    /// The role itself, first, and every role that it includes.
    #[must_use]
    pub fn roles_through(&self, names: &Names, role: Name) -> Vec<Name> {
        let mut found = vec![role];
        let mut seen = HashSet::from([role]);
        let mut at = 0;
        while let Some(role) = found.get(at) {
            at += 1;
            let Some(role) = self.roles.get(role) else { continue };
            for &included in names.elements(role.includes).iter() {
                if seen.insert(included) {
                    found.push(included);
                }
            }
        }
        found
    }

    /// Whether holders of the role administer users, by it or by a role that it includes.
    #[must_use]
    pub fn makes_admin(&self, names: &Names, role: Name) -> bool {
        self.roles_through(names, role).iter().any(|role| self.roles.get(role).is_some_and(|role| role.admin))
    }

    /// The site itself, first, and every site that is reached through it.
    #[must_use]
    pub fn sites_through(&self, names: &Names, organization: Name, site: Name) -> Vec<Name> {
        let sites = self.organizations.get(&organization).map(|organization| &organization.sites);
        through(names, site, |site| sites.and_then(|sites| sites.get(&site)).map(|site| &site.fields))
    }

    /// The organization itself, first, and every organization that it includes.
    #[must_use]
    pub fn organizations_through(&self, names: &Names, organization: Name) -> Vec<Name> {
        through(names, organization, |name| self.organizations.get(&name).map(|organization| &organization.fields))
    }
}

/// What is there and includes nothing but what is there; circles end.
fn through<'c>(names: &Names, start: Name, fields: impl Fn(Name) -> Option<&'c Fields>) -> Vec<Name> {
    let mut found = vec![start];
    let mut seen = HashSet::from([start]);
    let mut at = 0;
    while let Some(&name) = found.get(at) {
        at += 1;
        let Some(Value::Set(list)) = fields(name).and_then(|fields| fields.get(&known::INCLUDES)) else { continue };
        for &included in names.elements(*list).iter() {
            if fields(included).is_some() && seen.insert(included) {
                found.push(included);
            }
        }
    }
    found
}
