//! What is known beside a file: what manifests declare that new ones are to join, and what the store holds that a file of
//! people can't say.
//!
//! None of it is declared otherwise, and none of it is taken away only because a file is silent about it: a role keeps
//! its rank, and an account its access in fields.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Catalog, Desired, LiveState, Names, Organization, Role, SiteAccess, Value, known};
use crate::rules::{RoleFields, RolePlace, RoleSiteAccess, Rules};

/// What is known when a file is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Organizations with their sites that the manifests declare, which new ones are to join.
    pub organizations: BTreeMap<String, BTreeSet<String>>,
    /// Roles that these declare.
    pub roles: BTreeSet<String>,
    /// Keys of people whom these declare, as compared.
    pub users: BTreeSet<String>,
    /// Roles as these manifests, else the store, have them.
    role_fields: BTreeMap<String, RoleFields>,
    /// Organizations of the store with their sites.
    stored: BTreeMap<String, BTreeSet<String>>,
    /// What organizations of either are called for people, by their names.
    titles: BTreeMap<String, String>,
    /// Accounts of the store, by key as compared.
    accounts: BTreeMap<String, Account>,
}

/// What the store holds of somebody that a file can't say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// Fields that are access and are set, by their dotted names.
    pub(super) access_fields: BTreeSet<String>,
    /// Organizations to which the person belongs without a role.
    pub(super) without_role: BTreeSet<String>,
    /// Organizations to which the person belongs.
    pub(super) organizations: BTreeSet<String>,
}

impl Known {
    /// What manifests declare.
    #[must_use]
    pub fn declared(names: &Names, desired: &Desired) -> Self {
        let text = |name| names.text(name).to_owned();
        let own_roles = || desired.catalog.roles.iter().filter(|(_, role)| !role.vendor);
        Self {
            organizations: places(names, &desired.catalog),
            roles: own_roles().map(|(&name, _)| text(name)).collect(),
            users: desired.users().map(|user| text(user.identity)).collect(),
            role_fields: own_roles().map(|(&name, role)| (text(name), fields_of(names, role))).collect(),
            stored: BTreeMap::new(),
            titles: titles(names, &desired.catalog),
            accounts: BTreeMap::new(),
        }
    }

    /// Adds what the store holds. What manifests declare goes before.
    pub fn add_store(&mut self, names: &Names, rules: &Rules, live: &LiveState) {
        for (&name, role) in &live.catalog.roles {
            let name = names.text(name);
            let is_given = match rules.vendor_role(name) {
                Some(_) => !rules.is_open_role(name),
                None => role.vendor,
            };
            if !is_given {
                self.role_fields.entry(name.to_owned()).or_insert_with(|| fields_of(names, role));
            }
        }
        self.stored = places(names, &live.catalog);
        for (name, title) in titles(names, &live.catalog) {
            self.titles.entry(name).or_insert(title);
        }
        for view in live.users() {
            let Some(identity) = view.identity else { continue };
            let is_held = |field: &str, value: Value| rules.is_access(field) && value != Value::Null;
            let access_fields = view.facts.iter().map(|fact| (names.text(fact.field), fact.value));
            let without_role = view.memberships.iter().filter(|one| one.role.is_none() && one.extra_roles.is_empty());
            let account = Account {
                access_fields: access_fields
                    .filter(|&(field, value)| is_held(field, value))
                    .map(|(field, _)| field.to_owned())
                    .collect(),
                organizations: view
                    .memberships
                    .iter()
                    .filter(|one| one.organization != known::PLATFORM)
                    .map(|one| names.text(one.organization).to_owned())
                    .collect(),
                without_role: without_role.map(|one| names.text(one.organization).to_owned()).collect(),
            };
            self.accounts.insert(names.text(identity).to_owned(), account);
        }
    }

    /// Whether there are manifests that the new ones join.
    pub(super) fn has_manifests(&self) -> bool {
        !(self.organizations.is_empty() && self.roles.is_empty() && self.users.is_empty())
    }

    /// Organizations that manifests or the store have, sorted.
    pub(super) fn organization_names(&self) -> BTreeSet<&str> {
        self.organizations.keys().chain(self.stored.keys()).map(String::as_str).collect()
    }

    /// What an organization is called for people, where that is known.
    pub(super) fn title(&self, organization: &str) -> Option<&str> {
        self.titles.get(organization).map(String::as_str)
    }

    /// Sites that manifests or the store have in an organization, sorted.
    pub(super) fn site_names(&self, organization: &str) -> BTreeSet<&str> {
        let of = [&self.organizations, &self.stored].map(|places| places.get(organization));
        of.into_iter().flatten().flatten().map(String::as_str).collect()
    }

    /// Keys of accounts, as compared, with the organizations to which they belong.
    pub(super) fn belonging(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        self.accounts.iter().map(|(identity, account)| (identity.as_str(), &account.organizations))
    }

    /// The account with this key, as compared.
    pub(super) fn account(&self, identity: &str) -> Option<&Account> {
        self.accounts.get(identity)
    }

    /// A role as manifests or the store have it; `None` for those that only the rules have.
    pub(super) fn role_fields(&self, role: &str) -> Option<&RoleFields> {
        self.role_fields.get(role)
    }

    /// The role with this name that the rules, manifests or the store have: exactly, else the only one that differs by
    /// case, else the one that the vendor calls so.
    pub(super) fn find_role<'r>(&'r self, rules: &'r Rules, text: &str) -> Option<(&'r str, &'r RoleFields)> {
        let lower = text.to_lowercase();
        let like: Vec<&str> = self.role_names(rules).into_iter().filter(|role| role.to_lowercase() == lower).collect();
        let found = match like.as_slice() {
            _ if let Some(&role) = like.iter().find(|role| **role == text) => role,
            &[role] => role,
            [] => rules.meant(text, self.role_names(rules).into_iter())?,
            _ => return None,
        };
        Some((found, self.role_fields(found).or_else(|| rules.vendor_role(found))?))
    }

    /// The roles that the rules, manifests or the store have, sorted.
    pub(super) fn role_names<'r>(&'r self, rules: &'r Rules) -> BTreeSet<&'r str> {
        rules.roles.vendor.keys().chain(self.role_fields.keys()).map(String::as_str).collect()
    }
}

/// Organizations with their sites.
fn places(names: &Names, catalog: &Catalog) -> BTreeMap<String, BTreeSet<String>> {
    let text = |name| names.text(name).to_owned();
    let organizations = catalog.organizations.iter();
    organizations
        .map(|(&name, organization)| (text(name), organization.sites.keys().map(|&site| text(site)).collect()))
        .collect()
}

/// The names for people that organizations have.
fn titles(names: &Names, catalog: &Catalog) -> BTreeMap<String, String> {
    let title = |organization: &Organization| organization.fields.get(&known::NAME).copied().and_then(Value::text);
    let titled = catalog.organizations.iter().filter_map(|(&name, organization)| Some((name, title(organization)?)));
    titled.map(|(name, title)| (names.text(name).to_owned(), names.text(title).to_owned())).collect()
}

/// A role as rules would write it.
fn fields_of(names: &Names, role: &Role) -> RoleFields {
    let Role {
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
    } = role;
    let texts = |list| Some(names.sorted_texts(list).into_iter().map(str::to_owned).collect());
    let places = [
        (applies_to.organization, RolePlace::Organization),
        (applies_to.site, RolePlace::Site),
        (applies_to.platform, RolePlace::Platform),
        (applies_to.extra, RolePlace::Extra),
    ];
    RoleFields {
        name: name.map(|name| names.text(name).to_owned()),
        rank: *rank,
        includes: texts(*includes),
        permissions: texts(*permissions),
        site_access: Some(match site_access {
            SiteAccess::Selected => RoleSiteAccess::Selected,
            SiteAccess::All => RoleSiteAccess::All,
        }),
        admin: Some(*admin),
        protected: Some(*protected),
        grantable: Some(*grantable),
        applies_to: Some(places.into_iter().filter(|(applies, _)| *applies).map(|(_, place)| place).collect()),
    }
}
