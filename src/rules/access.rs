//! How access works: memberships, roles and sites, and which of two accesses contains the other.
//!
//! What can't be compared is not contained, so that it counts as an escalation. Deliberately absent: access fields of
//! accounts (`fields`).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NoneMark, Rules};
use crate::model::{Catalog, Name, Names};

/// Fewest and most of something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Span {
    /// Fewest.
    pub min: Option<u32>,
    /// Most.
    pub max: Option<u32>,
}

/// How people belong to organizations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Memberships {
    /// `false`: the membership exists with the account and is stored nowhere.
    pub stored: Option<bool>,
    /// In how many organizations one person may be.
    pub per_user: Option<Span>,
    /// How many roles a membership has.
    pub role: Option<Span>,
    /// Whether there are roles beside the main one.
    pub extra_roles: Option<bool>,
}

/// How a role is exchanged for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleChange {
    /// In one step.
    Replace,
    /// By removing the old one and adding the new one.
    RemoveThenAdd,
}

/// What is lost when a role is exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleChangeLoss {
    /// Site grants in the organization.
    Sites,
    /// Extra roles in the organization.
    ExtraRoles,
}

/// How two roles are compared; what can't be compared is not contained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleComparison {
    /// By rank.
    Rank,
    /// By permissions, with those of included roles.
    Permissions,
}

/// A role as settings and rules write it. What is left out has the default of the language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RoleFields {
    /// A name for people.
    pub name: Option<String>,
    /// Its place in the order of roles; higher contains lower.
    pub rank: Option<i32>,
    /// Roles whose permissions it has as well.
    pub includes: Option<Vec<String>>,
    /// Its own permissions.
    pub permissions: Option<Vec<String>>,
    /// Which sites it reaches: `selected` (the default) or `all`.
    pub site_access: Option<RoleSiteAccess>,
    /// Whether its holder administers users.
    pub admin: Option<bool>,
    /// Whether the role itself may not be changed.
    pub protected: Option<bool>,
    /// Whether it may be given at all (default: yes).
    pub grantable: Option<bool>,
    /// Where it may be given (default: organization and site).
    pub applies_to: Option<Vec<RolePlace>>,
}

impl RoleFields {
    /// Whether the role can be given in a place: in organizations and on sites, if not stated.
    #[must_use]
    pub fn can_be_given(&self, place: RolePlace) -> bool {
        let is_usual = match place {
            RolePlace::Organization | RolePlace::Site => true,
            RolePlace::Platform | RolePlace::Extra => false,
        };
        self.grantable.unwrap_or(true) && self.applies_to.as_ref().map_or(is_usual, |places| places.contains(&place))
    }
}

/// Which sites a role reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleSiteAccess {
    /// Those that are granted.
    Selected,
    /// Every one.
    All,
}

/// A place in which a role may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RolePlace {
    /// As the role of a membership.
    Organization,
    /// As the role of a site grant.
    Site,
    /// On the whole platform.
    Platform,
    /// As an extra role.
    Extra,
}

/// How roles compare, and those that the vendor brings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Roles {
    /// How two roles are compared; by rank if not stated.
    pub compare: Option<RoleComparison>,
    /// Whether roles can be made.
    pub create: Option<bool>,
    /// Roles that the vendor brings; they count as declared.
    pub vendor: BTreeMap<String, RoleFields>,
}

/// Who sets the site that is preselected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SiteDefault {
    /// Nobody.
    None,
    /// The organization, by a site marked `default`.
    Organization,
    /// Each user, by `default_site`.
    User,
}

/// When a default site is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DefaultRequired {
    /// With any site.
    Any,
    /// With more than one.
    Many,
}

/// How sites work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SiteRules {
    /// Kinds of sites.
    pub kinds: Option<Vec<String>>,
    /// Kinds of sites that can be granted; all if not stated.
    pub grantable_kinds: Option<Vec<String>>,
    /// Fewest sites of a member.
    pub min: Option<u32>,
    /// Most sites of a member.
    pub max: Option<u32>,
    /// Whether a grant has a role of its own.
    pub roles: Option<bool>,
    /// Who sets the preselected site.
    pub default: Option<SiteDefault>,
    /// Kinds of sites that can be the preselected one; all if not stated.
    pub default_kinds: Option<Vec<String>>,
    /// When one is required.
    pub default_required: Option<DefaultRequired>,
    /// Whether the default site is given without a grant.
    pub default_given: Option<bool>,
}

/// How sites work, or `false` where there are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Sites {
    /// There are none.
    None(NoneMark),
    /// There are some.
    Some(SiteRules),
}

impl Default for Sites {
    fn default() -> Self {
        Self::Some(SiteRules::default())
    }
}

impl Sites {
    /// How sites work, unless there are none.
    #[must_use]
    pub const fn rules(&self) -> Option<&SiteRules> {
        match self {
            Self::None(NoneMark) => None,
            Self::Some(rules) => Some(rules),
        }
    }
}

impl SiteRules {
    /// Whether a site of this kind (`None`: without one) can be granted: any can, if not stated.
    #[must_use]
    pub fn can_be_granted(&self, kind: Option<&str>) -> bool {
        is_listed(self.grantable_kinds.as_deref(), kind)
    }

    /// Whether each user has a preselected site of their own: not, if not stated.
    #[must_use]
    pub fn has_default_of_user(&self) -> bool {
        match self.default {
            Some(SiteDefault::User) => true,
            Some(SiteDefault::None | SiteDefault::Organization) | None => false,
        }
    }

    /// Whether a user of so many sites has to have a preselected one among them: not, if not stated.
    #[must_use]
    pub fn demands_default(&self, sites: usize) -> bool {
        let fewest = match self.default_required {
            Some(DefaultRequired::Any) => 1,
            Some(DefaultRequired::Many) => 2,
            None => return false,
        };
        self.has_default_of_user() && sites >= fewest
    }

    /// The kinds of sites of which everybody has a preselected one, in words, where everybody has.
    #[must_use]
    pub fn default_of_everybody(&self) -> Option<String> {
        let is_demanded = self.has_default_of_user() && self.default_required == Some(DefaultRequired::Any);
        let kinds = self.default_kinds.as_ref().map_or_else(|| "site".to_owned(), |kinds| kinds.join(" or "));
        is_demanded.then_some(kinds)
    }

    /// Whether a site of this kind (`None`: without one) can be the preselected one: any can, if not stated.
    #[must_use]
    pub fn can_be_default(&self, kind: Option<&str>) -> bool {
        is_listed(self.default_kinds.as_deref(), kind)
    }
}

fn is_listed(kinds: Option<&[String]>, kind: Option<&str>) -> bool {
    kinds.is_none_or(|kinds| kind.is_some_and(|kind| kinds.iter().any(|listed| listed == kind)))
}

impl Rules {
    /// Whether grants can have a role of their own: not, if not stated.
    #[must_use]
    pub fn has_site_roles(&self) -> bool {
        self.sites.rules().is_some_and(|sites| sites.roles == Some(true))
    }

    /// Whether the site that a user has preselected is given without a grant: not, if not stated.
    #[must_use]
    pub fn gives_default_site(&self) -> bool {
        self.sites.rules().is_some_and(|sites| sites.default_given == Some(true))
    }

    /// Whether a membership may lack a role: it may, unless the rules state a minimum.
    #[must_use]
    pub fn allows_no_role(&self) -> bool {
        self.memberships.role.and_then(|span| span.min).unwrap_or(0) == 0
    }

    /// Whether losing the last membership is off-boarding, because an account can't be without one.
    #[must_use]
    pub fn demands_membership(&self) -> bool {
        self.fewest_organizations() > 0
    }

    /// In how many organizations one person has to be: in none, unless stated.
    #[must_use]
    pub fn fewest_organizations(&self) -> u32 {
        self.memberships.per_user.and_then(|span| span.min).unwrap_or(0)
    }

    /// Whether a membership is something of its own: it is, if not stated; else it exists with the account.
    #[must_use]
    pub fn stores_memberships(&self) -> bool {
        self.memberships.stored.unwrap_or(true)
    }

    /// Whether a membership can have roles beside the main one: it can, if not stated.
    #[must_use]
    pub fn has_extra_roles(&self) -> bool {
        self.memberships.extra_roles.unwrap_or(true)
    }

    /// The fields of a role that the vendor brings, if this is one.
    #[must_use]
    pub fn vendor_role(&self, role: &str) -> Option<&RoleFields> {
        self.roles.vendor.get(role)
    }

    /// Whether a role of the vendor may be changed and deleted: only where that is stated.
    #[must_use]
    pub fn is_open_role(&self, role: &str) -> bool {
        self.vendor_role(role).is_some_and(|fields| fields.protected == Some(false))
    }

    /// Whether a role of the vendor always keeps every right: it administers users, and can't be touched.
    #[must_use]
    pub fn keeps_every_right(&self, role: &str) -> bool {
        self.vendor_role(role).is_some_and(|fields| fields.protected == Some(true) && fields.admin == Some(true))
    }

    /// The role of the vendor above which this rank would be, though that one always keeps every right.
    #[must_use]
    pub fn outranked(&self, rank: Option<i32>) -> Option<&str> {
        let is_below = |fields: &RoleFields| rank.zip(fields.rank).is_some_and(|(rank, kept)| rank > kept);
        let vendor = self.roles.vendor.iter();
        let mut outranked = vendor.filter(|(name, fields)| self.keeps_every_right(name) && is_below(fields));
        outranked.next().map(|(name, _)| name.as_str())
    }

    /// Whether roles can be made beside those of the vendor: they can, if not stated.
    #[must_use]
    pub fn creates_roles(&self) -> bool {
        self.roles.create.unwrap_or(true)
    }

    /// Whether roles other than those beside the main one can be made. Where the vendor brings main roles and does not
    /// state that there can be others, there are none.
    #[must_use]
    pub fn creates_main_roles(&self) -> bool {
        let is_main = |fields: &RoleFields| fields.can_be_given(RolePlace::Organization);
        let are_given = self.has_extra_roles() && self.roles.vendor.values().any(is_main);
        self.roles.create.unwrap_or(!are_given)
    }

    /// Whether a role is exchanged by ending the membership and adding it again, with all that hangs on it: not, if
    /// not stated.
    #[must_use]
    pub fn role_change_rebuilds(&self) -> bool {
        match self.role_change {
            Some(RoleChange::RemoveThenAdd) => true,
            Some(RoleChange::Replace) | None => false,
        }
    }

    /// In how many organizations one person may be, where that is limited.
    #[must_use]
    pub fn most_organizations(&self) -> Option<u32> {
        self.memberships.per_user?.max
    }

    /// Whether exchanging a role loses this.
    #[must_use]
    pub fn role_change_loses(&self, loss: RoleChangeLoss) -> bool {
        self.role_change_loses.iter().flatten().any(|&lost| lost == loss)
    }

    /// Whether going from role `from` to role `to` (`None`: no role) gives something that was not there: `to` is not
    /// contained in `from`. What can't be compared is not contained. Both directions can hold.
    ///
    /// By rank a higher role contains a lower one, unless that includes roles that the higher one lacks and that are no
    /// less, or has other permissions than the higher one; a role of admins that states none has them all.
    #[must_use]
    pub fn escalates(&self, catalog: &Catalog, names: &Names, from: Option<Name>, to: Option<Name>) -> bool {
        self.exceeds(catalog, names, (from, to), Stated::Counts)
    }

    /// Whether going from role `from` to role `to` takes something away. It is the other direction of
    /// [`escalates`](Self::escalates), but that somebody who rises in rank loses no permissions.
    #[must_use]
    pub fn loses(&self, catalog: &Catalog, names: &Names, from: Option<Name>, to: Option<Name>) -> bool {
        self.exceeds(catalog, names, (to, from), Stated::IsOfItsRank)
    }

    /// Whether the second role is not contained in the first.
    fn exceeds(
        &self,
        catalog: &Catalog,
        names: &Names,
        (from, to): (Option<Name>, Option<Name>),
        stated: Stated,
    ) -> bool {
        if from == to {
            return false;
        }
        let Some(to_name) = to else { return false };
        let Some(from_name) = from else { return true };
        let (Some(from), Some(to)) = (catalog.role(from), catalog.role(to)) else { return true };
        // More of these is more, whatever rank or permissions say.
        if (to.admin && !from.admin) || to.site_access > from.site_access {
            return true;
        }
        // Nothing is more than every right, whatever rank somebody gave it.
        match (self.keeps_every_right(names.text(from_name)), self.keeps_every_right(names.text(to_name))) {
            (true, _) => return false,
            (false, true) => return true,
            (false, false) => {}
        }
        match self.roles.compare.unwrap_or(RoleComparison::Rank) {
            RoleComparison::Rank => match (from.rank, to.rank) {
                (Some(high), Some(low)) if low < high => {
                    carries_more(catalog, names, (from_name, high), to_name, stated)
                }
                (Some(_) | None, Some(_) | None) => true,
            },
            RoleComparison::Permissions => {
                let had = permissions(catalog, names, from_name);
                !permissions(catalog, names, to_name).is_subset(&had)
            }
        }
    }
}

/// What the permissions of two roles mean of which one ranks above the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stated {
    /// A higher role has those that it states and no others; one of admins that states none has them all.
    Counts,
    /// A higher role has all of them: rank alone speaks.
    IsOfItsRank,
}

/// Whether a role of lower rank carries something that the higher one does not: by the roles that it includes, or by
/// its permissions.
fn carries_more(catalog: &Catalog, names: &Names, (higher, rank): (Name, i32), lower: Name, stated: Stated) -> bool {
    let (had, has) = (with_included(catalog, names, higher), with_included(catalog, names, lower));
    let roles = |of: &BTreeSet<Name>| of.iter().filter_map(|role| catalog.roles.get(role)).collect::<Vec<_>>();
    let had_admin = roles(&had).iter().any(|role| role.admin);
    let had_sites = roles(&had).iter().map(|role| role.site_access).max();
    let is_more = |role: &Name| match catalog.roles.get(role) {
        None => true,
        Some(role) => {
            role.rank.is_none_or(|included| included >= rank)
                || (role.admin && !had_admin)
                || Some(role.site_access) > had_sites
        }
    };
    if has.difference(&had).filter(|&&role| role != lower).any(is_more) {
        return true;
    }
    let had = permissions(catalog, names, higher);
    // Who runs an organization may do what others may, where nothing else is stated; nobody else has what is not.
    let is_unstated = had.is_empty() && had_admin;
    stated == Stated::Counts && !is_unstated && !permissions(catalog, names, lower).is_subset(&had)
}

/// The role itself and every role that it includes.
fn with_included(catalog: &Catalog, names: &Names, role: Name) -> BTreeSet<Name> {
    catalog.roles_through(names, role).into_iter().collect()
}

/// The permissions of a role with those of the roles that it includes.
fn permissions(catalog: &Catalog, names: &Names, role: Name) -> BTreeSet<Name> {
    let roles = with_included(catalog, names, role);
    let lists = roles.iter().filter_map(|role| catalog.roles.get(role)).map(|role| role.permissions);
    lists.flat_map(|list| names.elements(list).to_vec()).collect()
}
