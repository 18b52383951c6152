//! State → YAML: what `import` writes. Effective access only: nobody can tell from a store what was a team.
//!
//! What can't be said in a manifest (a name that would be refused, an account without a valid key) is left out and
//! listed, so that nothing goes missing in silence. Everything is sorted by text.

use std::collections::{BTreeMap, BTreeSet};

use super::emit::{Yaml, document};
use super::write_users;
use crate::model::{
    AppliesTo, CatalogKey, Fields, LiveState, Name, Names, Organization, Role, Site, SiteAccess, Value, known,
};
use crate::rules::{Named, RoleFields, RolePlace, RoleSiteAccess, Rules, Sayable, refuse_declared, refuse_text};

/// The first line of each file: tells editors where the schema is.
pub const MODELINE: &str = "# yaml-language-server: $schema=../schemas/manifest.schema.json";

/// Something live that no manifest can say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unsayable {
    /// `user`, `organization`, `site` or `role`.
    pub kind: &'static str,
    /// Its name: a key, a name, or `ORG/SITE`. As in the store: it may hold anything.
    pub name: String,
    /// Why, as a clause that follows the name.
    pub reason: String,
}

/// Manifests that say what a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Name and text of each file, sorted by name.
    pub files: Vec<(String, String)>,
    /// What is left out, sorted.
    pub unsayable: Vec<Unsayable>,
    /// How many accounts are in the files.
    pub accounts: usize,
}

/// A state of which not everything is known, or that joins other manifests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partial {
    /// Whether nobody has stated who reaches which site, so that a manifest leaves it to others.
    pub leaves_sites: bool,
    /// Organizations that are declared elsewhere already.
    pub organizations: BTreeSet<String>,
    /// Roles that are declared elsewhere already.
    pub roles: BTreeSet<String>,
    /// Organizations of which nobody has stated who belongs to them, so that a manifest leaves that to others.
    pub left_alone: BTreeSet<String>,
    /// To how many organizations one person may belong, where that is limited: whoever belongs to as many leaves none to
    /// others.
    pub most_organizations: Option<u32>,
    /// Access fields of which nobody has stated what they hold, by key as spelled: a manifest leaves them to others.
    pub left_fields: BTreeMap<String, BTreeSet<String>>,
}

/// What is being written.
pub(super) struct Writer<'a> {
    pub(super) names: &'a Names,
    pub(super) rules: &'a Rules,
    pub(super) live: &'a LiveState,
    pub(super) sayable: Sayable<'a>,
    pub(super) partial: &'a Partial,
    pub(super) unsayable: Vec<Unsayable>,
    pub(super) accounts: usize,
}

/// Writes what a store holds as manifests: `organizations.yaml`, `roles.yaml`, and `users.yaml` (`users-0001.yaml`…
/// above 5,000 users). Read back, they mean the same.
#[must_use]
pub fn write(names: &Names, rules: &Rules, live: &LiveState) -> Written {
    write_partial(names, rules, live, &Partial::default())
}

/// As [`write()`], of a state of which not everything is known, or that joins other manifests.
#[must_use]
pub fn write_partial(names: &Names, rules: &Rules, live: &LiveState, partial: &Partial) -> Written {
    let sayable = Sayable::new(names, rules, &live.catalog);
    let mut writer = Writer { names, rules, live, sayable, partial, unsayable: Vec::new(), accounts: 0 };
    let mut files = Vec::new();
    let mut add = |name: String, entries: Vec<(String, Yaml)>| files.push((name, document(MODELINE, &entries)));
    add("organizations.yaml".to_owned(), vec![("organizations".to_owned(), writer.organizations())]);
    add("roles.yaml".to_owned(), vec![("roles".to_owned(), writer.roles())]);
    for (name, entries) in write_users::files(&mut writer) {
        add(name, entries);
    }
    let accounts = writer.accounts;
    let mut unsayable = writer.unsayable;
    unsayable.sort();
    unsayable.dedup();
    Written { files, unsayable, accounts }
}

impl Writer<'_> {
    pub(super) fn refuse(&mut self, kind: &'static str, name: impl Into<String>, reason: impl Into<String>) {
        self.unsayable.push(Unsayable { kind, name: name.into(), reason: reason.into() });
    }

    fn organizations(&mut self) -> Yaml {
        let live = self.live;
        let mut entries = BTreeMap::new();
        for (&name, organization) in &live.catalog.organizations {
            let text = self.names.text(name);
            if self.partial.organizations.contains(text) {
                continue;
            }
            match refuse_declared(Named::Organization, text) {
                Some(reason) => self.refuse("organization", text, reason),
                None => {
                    entries.insert(text.to_owned(), self.organization(name, organization));
                }
            }
        }
        Yaml::Block(entries.into_iter().collect())
    }

    fn organization(&mut self, organization_key: Name, organization: &Organization) -> Yaml {
        let organization_name = self.names.text(organization_key);
        let Organization { fields, sites, position: _ } = organization;
        let key = CatalogKey::Organization(organization_key);
        let mut entries = self.fields(("organization", organization_name), key, fields);
        let mut written = BTreeMap::new();
        let is_default = |site: &&Site| site.fields.get(&known::DEFAULT) == Some(&Value::Bool(true));
        let has_one_default = sites.values().filter(is_default).count() <= 1;
        for (&name, site) in sites {
            let text = self.names.text(name);
            let full = format!("{organization_name}/{text}");
            if let Some(reason) = refuse_declared(Named::Site, text) {
                self.refuse("site", full, reason);
                continue;
            }
            let key = CatalogKey::Site(organization_key, name);
            let mut fields = self.fields(("site", &full), key, &site.fields);
            if !has_one_default && is_default(&site) {
                self.refuse("site", &full, "is one of several default sites of its organization");
                fields.retain(|(field, _)| field != "default");
            }
            written.insert(text.to_owned(), Yaml::Short(fields));
        }
        if !written.is_empty() {
            entries.push(("sites".to_owned(), Yaml::Block(written.into_iter().collect())));
        }
        Yaml::Block(entries)
    }

    /// Fields of an organization or a site, in the order of the language.
    fn fields(&mut self, of: (&'static str, &str), key: CatalogKey, fields: &Fields) -> Vec<(String, Yaml)> {
        let (kind, name) = of;
        let mut entries = Vec::new();
        for field in [known::NAME, known::KIND, known::PARENT, known::DEFAULT, known::INCLUDES] {
            let Some(&value) = fields.get(&field) else { continue };
            let refused = match field {
                known::PARENT => self.sayable.refuse_parent(key, value),
                known::INCLUDES => self.sayable.refuse_includes(key, fields),
                _ => None,
            };
            if let Some(reason) = refused {
                self.refuse(kind, name, reason);
            } else if let Some(value) = self.value(of, field, value) {
                entries.push((self.names.text(field).to_owned(), value));
            }
        }
        let mut attributes = BTreeMap::new();
        for (&field, &value) in fields {
            let Some(attribute) = self.names.text(field).strip_prefix("attributes.") else { continue };
            let reason = match value {
                // Without a type in the rules they would be read back as texts.
                Value::Bool(_) | Value::Number(_) => {
                    Some("is a number or a truth value, and manifests have texts here")
                }
                Value::Null | Value::Text(_) | Value::Set(_) => refuse_text(attribute),
            };
            if let Some(reason) = reason {
                self.refuse(kind, name, format!("its attribute `{}` {reason}", attribute.escape_debug()));
            } else if let Some(value) = self.value(of, field, value) {
                attributes.insert(attribute.to_owned(), value);
            }
        }
        if !attributes.is_empty() {
            entries.push(("attributes".to_owned(), Yaml::Short(attributes.into_iter().collect())));
        }
        entries
    }

    /// A value as YAML; `None` if there is nothing to write, or it can't be said, which is noted.
    pub(super) fn value(&mut self, of: (&'static str, &str), field: Name, value: Value) -> Option<Yaml> {
        let texts = match value {
            Value::Null => return None,
            Value::Bool(value) => return Some(Yaml::word(if value { "true" } else { "false" })),
            Value::Number(number) => return Some(Yaml::Word(number.to_string())),
            Value::Text(text) => vec![self.names.text(text)],
            Value::Set(list) => self.names.sorted_texts(list),
        };
        if let Some(reason) = texts.iter().find_map(|text| refuse_text(text)) {
            let reason = format!("its field `{}` {reason}", self.names.text(field));
            self.refuse(of.0, of.1, reason);
            return None;
        }
        Some(match value {
            Value::Set(_) => Yaml::texts(texts),
            Value::Text(_) | Value::Null | Value::Bool(_) | Value::Number(_) => Yaml::text(&texts.concat()),
        })
    }

    fn roles(&mut self) -> Yaml {
        let live = self.live;
        let mut entries = BTreeMap::new();
        for (&name, role) in &live.catalog.roles {
            let text = self.names.text(name);
            let is_given = match self.rules.vendor_role(text) {
                Some(brought) => !self.rules.is_open_role(text) || self.is_as_brought(role, brought),
                None => role.vendor,
            };
            if is_given {
                // One that was altered in the store is brought back: nobody can say that it be otherwise.
                if self.rules.vendor_role(text).is_some_and(|brought| !self.is_as_brought(role, brought)) {
                    self.refuse("role", text, "comes with the store, and is not what the rules say of it");
                }
                continue;
            }
            if self.partial.roles.contains(text) {
                continue;
            }
            match self.sayable.refuse_role(name) {
                Some(reason) => self.refuse("role", text, reason),
                None => {
                    entries.insert(text.to_owned(), Yaml::Short(self.role(role)));
                }
            }
        }
        Yaml::Block(entries.into_iter().collect())
    }

    /// Whether a role of the vendor is as the vendor brings it.
    fn is_as_brought(&self, role: &Role, brought: &RoleFields) -> bool {
        let RoleFields { name, rank, includes, permissions, site_access, admin, protected, grantable, applies_to } =
            brought;
        let applies = applies_to.as_ref().map_or_else(AppliesTo::default, |places| AppliesTo {
            organization: places.contains(&RolePlace::Organization),
            site: places.contains(&RolePlace::Site),
            platform: places.contains(&RolePlace::Platform),
            extra: places.contains(&RolePlace::Extra),
        });
        let is_same = |list, texts: &Option<Vec<String>>| {
            let texts: BTreeSet<&str> = texts.iter().flatten().map(String::as_str).collect();
            self.names.sorted_texts(list).into_iter().eq(texts)
        };
        role.name.map(|name| self.names.text(name)) == name.as_deref()
            && role.rank == *rank
            && is_same(role.includes, includes)
            && is_same(role.permissions, permissions)
            && (role.site_access == SiteAccess::All) == (*site_access == Some(RoleSiteAccess::All))
            && role.admin == (*admin == Some(true))
            && role.protected == (*protected == Some(true))
            && role.grantable == (*grantable != Some(false))
            && role.applies_to == applies
    }

    fn role(&self, role: &Role) -> Vec<(String, Yaml)> {
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
        let mut entries = Vec::new();
        let mut add = |key: &str, value: Yaml| entries.push((key.to_owned(), value));
        if let Some(name) = name {
            add("name", Yaml::text(self.names.text(*name)));
        }
        if let Some(rank) = rank {
            add("rank", Yaml::Word(rank.to_string()));
        }
        for (key, list) in [("includes", includes), ("permissions", permissions)] {
            if !list.is_empty() {
                add(key, Yaml::texts(self.names.sorted_texts(*list)));
            }
        }
        match site_access {
            SiteAccess::Selected => {}
            SiteAccess::All => add("site_access", Yaml::word("all")),
        }
        for (key, value, usual) in
            [("admin", *admin, false), ("protected", *protected, false), ("grantable", *grantable, true)]
        {
            if value != usual {
                add(key, Yaml::word(if value { "true" } else { "false" }));
            }
        }
        if *applies_to != AppliesTo::default() {
            let AppliesTo { organization, site, platform, extra } = *applies_to;
            let places = [(extra, "extra"), (organization, "organization"), (platform, "platform"), (site, "site")];
            let places = places.into_iter().filter_map(|(applies, place)| applies.then_some(Yaml::word(place)));
            add("applies_to", Yaml::List(places.collect()));
        }
        entries
    }
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
