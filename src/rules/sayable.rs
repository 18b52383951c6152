//! What a manifest can say of a store (`language.md` §3, 12): texts, names, roles, and users with all they reach.
//!
//! `import` leaves out what is refused here and `plan` reports it as unmanaged: both ask this file, so that nobody
//! loses an account because no manifest could have named it. Deliberately absent: how anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use unicode_normalization::is_nfc;

use super::questions::KEPT_ELSEWHERE;
use super::whole::whole;
use super::{
    AttributeType, EmptyMeaning, Identity, Named, RolePlace, Rules, is_day, mixed_script, readable, refuse_name,
};
use crate::diagnostic::find_secret;
use crate::model::{Catalog, CatalogKey, Fields, Grant, List, LiveView, Membership, Name, Names, Status, Value, known};
use crate::source::is_hidden;

/// Why a text can't stand in a manifest: line breaks would be lost on review, hidden characters and secrets are errors.
#[must_use]
pub fn refuse_text(text: &str) -> Option<&'static str> {
    if text.chars().any(char::is_control) {
        return Some("has a control character or a line break");
    }
    if find_secret(text).is_some() {
        return Some("looks like a secret");
    }
    text.chars().any(is_hidden).then_some("has an invisible character")
}

/// Why a text can't be an entry of a set: it would be read as none, as another one, or as two.
#[must_use]
pub fn refuse_entry(text: &str) -> Option<&'static str> {
    if text.trim().is_empty() {
        return Some("is empty");
    }
    if text.trim() != text {
        return Some("has a space at an end");
    }
    refuse_text(text)
}

/// Why a text can't be the name of something that is declared.
#[must_use]
pub fn refuse_declared(named: Named, name: &str) -> Option<&'static str> {
    refuse_name(named, name).map(|(why, _)| why).or_else(|| refuse_spelling(name))
}

/// Why a text that is a valid key by the rules can't stand as one in a manifest.
#[must_use]
pub fn refuse_key(identity: &Identity, key: &str) -> Option<&'static str> {
    refuse_spelling(key).or_else(|| identity.refuse_written(key).map(|(why, _)| why))
}

fn refuse_spelling(text: &str) -> Option<&'static str> {
    if !is_nfc(text) {
        return Some("is not in Unicode normalization form C");
    }
    if mixed_script(&readable(text)).is_some() {
        return Some("mixes letters of several scripts that look alike");
    }
    refuse_text(text)
}

/// Why a user can't be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// A clause that follows the key.
    pub why: &'static str,
    /// What it is about, as in the store: a role, an organization, a site or a field.
    pub what: Option<String>,
}

impl Refused {
    const fn because(why: &'static str) -> Self {
        Self { why, what: None }
    }

    fn about(why: &'static str, what: impl Into<String>) -> Self {
        Self { why, what: Some(what.into()) }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            None => formatter.write_str(self.why),
            Some(what) => write!(formatter, "{}: `{}`", self.why, what.escape_debug()),
        }
    }
}

/// What of a store's catalog can be said, and by that which users.
#[derive(Clone)]
pub struct Sayable<'a> {
    names: &'a Names,
    rules: &'a Rules,
    catalog: &'a Catalog,
    /// Roles that can be declared, with all that they include.
    roles: BTreeSet<Name>,
    /// What includes without a circle.
    without_circles: BTreeSet<CatalogKey>,
    /// What is its own parent, straight or through others.
    own_parents: BTreeSet<CatalogKey>,
}

/// The names under `includes`.
fn included(names: &Names, fields: &Fields) -> Vec<Name> {
    match fields.get(&known::INCLUDES) {
        Some(Value::Set(list)) => names.elements(*list).to_vec(),
        Some(Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_)) | None => Vec::new(),
    }
}

/// Organizations and sites that are their own parents, straight or through others.
fn own_parents(catalog: &Catalog) -> BTreeSet<CatalogKey> {
    let parent = |fields: &Fields| fields.get(&known::PARENT).copied().and_then(Value::text);
    let mut parents: BTreeMap<CatalogKey, CatalogKey> = BTreeMap::new();
    for (&name, organization) in &catalog.organizations {
        let own = parent(&organization.fields).map(CatalogKey::Organization);
        parents.extend(own.map(|parent| (CatalogKey::Organization(name), parent)));
        parents.extend(organization.sites.iter().filter_map(|(&site, of)| {
            Some((CatalogKey::Site(name, site), CatalogKey::Site(name, parent(&of.fields)?)))
        }));
    }
    let mut own = BTreeSet::new();
    let mut walks: BTreeMap<CatalogKey, CatalogKey> = BTreeMap::new();
    for &start in parents.keys() {
        let mut at = Some(start);
        while let Some(key) = at.filter(|key| !walks.contains_key(key)) {
            walks.insert(key, start);
            at = parents.get(&key).copied();
        }
        // Whatever this walk comes back to is on a circle.
        while let Some(key) = at.filter(|key| walks.get(key) == Some(&start) && !own.contains(key)) {
            own.insert(key);
            at = parents.get(&key).copied();
        }
    }
    own
}

impl<'a> Sayable<'a> {
    /// For the live catalog of a store with these rules.
    #[must_use]
    pub fn new(names: &'a Names, rules: &'a Rules, catalog: &'a Catalog) -> Self {
        let (none, without_circles, own_parents) = (BTreeSet::new(), BTreeSet::new(), own_parents(catalog));
        let mut sayable = Self { names, rules, catalog, roles: none, without_circles, own_parents };
        sayable.roles = sayable.whole_roles();
        sayable.without_circles = sayable.without_circles();
        sayable
    }

    /// Roles whose includes can be said down to the last one.
    fn whole_roles(&self) -> BTreeSet<Name> {
        let sayable = self.catalog.roles.iter().filter(|&(&name, _)| self.refuse_own(name).is_none());
        whole(sayable.map(|(&name, role)| {
            let includes = self.names.elements(role.includes);
            let missing = includes.iter().copied().filter(|&included| !self.is_given(included));
            (name, if self.is_given(name) { Vec::new() } else { missing.collect() })
        }))
    }

    /// Organizations, and sites, that include neither themselves nor anything that does.
    fn without_circles(&self) -> BTreeSet<CatalogKey> {
        let organizations = &self.catalog.organizations;
        let includes = |fields: &Fields, key: &dyn Fn(Name) -> CatalogKey| {
            let list = included(self.names, fields);
            list.into_iter().map(key).filter(|&key| self.is_there(key)).collect::<Vec<CatalogKey>>()
        };
        whole(organizations.iter().flat_map(|(&name, organization)| {
            let own = (CatalogKey::Organization(name), includes(&organization.fields, &CatalogKey::Organization));
            let sites = organization.sites.iter().map(move |(&site, of)| {
                (CatalogKey::Site(name, site), includes(&of.fields, &|other| CatalogKey::Site(name, other)))
            });
            std::iter::once(own).chain(sites).collect::<Vec<_>>()
        }))
    }

    fn is_there(&self, key: CatalogKey) -> bool {
        match key {
            CatalogKey::Organization(name) => self.catalog.organizations.contains_key(&name),
            CatalogKey::Site(organization, site) => self.catalog.has_site(organization, site),
            CatalogKey::Role(role) => self.catalog.roles.contains_key(&role),
        }
    }

    /// Why the `includes` of an organization or a site can't be declared, if so. They are one: who could say a part of
    /// them only would take the rest away.
    #[must_use]
    pub fn refuse_includes(&self, key: CatalogKey, fields: &Fields) -> Option<&'static str> {
        let is_bad = |&other: &Name| match key {
            CatalogKey::Site(organization, _) => !self.has_site(organization, other),
            CatalogKey::Organization(_) | CatalogKey::Role(_) => !self.has_organization(other),
        };
        let list = included(self.names, fields);
        if list.iter().any(is_bad) {
            return Some("refers in `includes` to something that can't be said");
        }
        let is_circular = !list.is_empty() && !self.without_circles.contains(&key);
        is_circular.then_some("includes itself, straight or through others")
    }

    /// Why the `parent` of an organization or a site can't be declared, if so.
    #[must_use]
    pub fn refuse_parent(&self, key: CatalogKey, parent: Value) -> Option<&'static str> {
        let Value::Text(parent) = parent else { return None };
        let is_sayable = match key {
            CatalogKey::Site(organization, _) => self.has_site(organization, parent),
            CatalogKey::Organization(_) | CatalogKey::Role(_) => self.has_organization(parent),
        };
        if !is_sayable && parent != known::EMPTY {
            return Some("refers in `parent` to something that can't be said");
        }
        self.own_parents.contains(&key).then_some("is its own parent, straight or through others")
    }

    /// Whether a role comes with the store and needs no declaration: one that may be changed is looked at as any other.
    fn is_given(&self, role: Name) -> bool {
        let text = self.names.text(role);
        let may_differ = self.rules.is_open_role(text) && self.catalog.roles.contains_key(&role);
        self.rules.vendor_role(text).is_some() && !may_differ
    }

    /// Why a role can't be declared for what it says itself.
    fn refuse_own(&self, name: Name) -> Option<&'static str> {
        let text = self.names.text(name);
        if let Some(why) = refuse_declared(Named::Role, text) {
            return Some(why);
        }
        if self.is_given(name) {
            return None;
        }
        let Some(role) = self.catalog.roles.get(&name) else { return Some("is not in the catalog") };
        let display = role.name.map(|name| self.names.text(name));
        let is_bad = |text: &str| refuse_text(text).is_some();
        let is_bad_permission = |text: &str| text.is_empty() || mixed_script(text).is_some() || is_bad(text);
        if self.rules.outranked(role.rank).is_some() {
            return Some("ranks above a role that always keeps every right");
        }
        (self.names.sorted_texts(role.permissions).into_iter().any(is_bad_permission) || display.is_some_and(is_bad))
            .then_some("has a name or a permission that can't be said")
    }

    /// Why a role can't be declared, if so. Those of the vendor count as declared.
    #[must_use]
    pub fn refuse_role(&self, name: Name) -> Option<&'static str> {
        self.refuse_own(name).or_else(|| {
            let is_whole = self.roles.contains(&name) || self.is_given(name);
            (!is_whole).then_some("includes a role that can't be said, or itself")
        })
    }

    /// Whether an organization is there and can be declared.
    #[must_use]
    pub fn has_organization(&self, organization: Name) -> bool {
        refuse_declared(Named::Organization, self.names.text(organization)).is_none()
            && self.catalog.organizations.contains_key(&organization)
    }

    /// Whether a site is there and can be declared.
    #[must_use]
    pub fn has_site(&self, organization: Name, site: Name) -> bool {
        refuse_declared(Named::Site, self.names.text(site)).is_none() && self.catalog.has_site(organization, site)
    }

    /// Why an account can't be declared, if so.
    #[must_use]
    pub fn refuse_user(&self, view: &LiveView<'_>) -> Option<Refused> {
        if view.status == Status::Closed {
            return Some(Refused::because("is closed"));
        }
        if self.rules.keeps_elsewhere(view) {
            return Some(Refused::because(KEPT_ELSEWHERE));
        }
        if view.identity.is_none() {
            return Some(Refused::because("has no valid, unique key"));
        }
        if let Some(why) = refuse_key(&self.rules.identity, view.key_text(self.names)) {
            return Some(Refused::because(why));
        }
        let stray = view.grants.iter().find(|grant| view.membership(grant.organization).is_none());
        if let Some(grant) = stray {
            let organization = self.names.text(grant.organization);
            return Some(Refused::about("has a site in an organization without being a member", organization));
        }
        view.memberships
            .iter()
            .find_map(|membership| self.refuse_membership(view, membership))
            .or_else(|| self.refuse_access_fields(view))
    }

    fn refuse_membership(&self, view: &LiveView<'_>, membership: &Membership) -> Option<Refused> {
        let Membership { organization, role, extra_roles, default_site } = *membership;
        let is_platform = organization == known::PLATFORM;
        if !is_platform && !self.has_organization(organization) {
            let what = self.names.text(organization);
            return Some(Refused::about("is a member of an organization that can't be said", what));
        }
        let place = if is_platform { RolePlace::Platform } else { RolePlace::Organization };
        let extra_roles = self.names.elements(extra_roles);
        let extra = || extra_roles.iter().find_map(|&role| self.refuse_given(role, RolePlace::Extra));
        if let Some(refused) = role.and_then(|role| self.refuse_given(role, place)).or_else(extra) {
            return Some(refused);
        }
        let reaches_all = self.catalog.reaches_all(role);
        for grant in view.grants_in(organization).filter(|grant| grant_counts(grant, reaches_all)) {
            if !self.has_site(organization, grant.site) {
                return Some(Refused::about("has a site that can't be said", self.full(organization, grant.site)));
            }
            if let Some(refused) = grant.role.and_then(|role| self.refuse_given(role, RolePlace::Site)) {
                return Some(refused);
            }
        }
        let site = default_site?;
        let reaches = |grant: &Grant| self.catalog.sites_through(self.names, organization, grant.site).contains(&site);
        let is_granted = view.grants_in(organization).any(|grant| grant.site == site || reaches(grant));
        let is_said =
            self.has_site(organization, site) && (is_granted || reaches_all || self.rules.gives_default_site());
        let why = "has a default site that can't be said or is not granted";
        (!is_said).then(|| Refused::about(why, self.full(organization, site)))
    }

    fn full(&self, organization: Name, site: Name) -> String {
        format!("{}/{}", self.names.text(organization), self.names.text(site))
    }

    fn refuse_given(&self, role: Name, place: RolePlace) -> Option<Refused> {
        let text = self.names.text(role);
        if self.refuse_role(role).is_some() {
            return Some(Refused::about("has a role that can't be said", text));
        }
        let can_be_given = match self.rules.roles.vendor.get(text) {
            Some(fields) => fields.can_be_given(place),
            None => self.catalog.roles.get(&role).is_some_and(|role| {
                let applies = match place {
                    RolePlace::Organization => role.applies_to.organization,
                    RolePlace::Site => role.applies_to.site,
                    RolePlace::Platform => role.applies_to.platform,
                    RolePlace::Extra => role.applies_to.extra,
                };
                applies && role.grantable
            }),
        };
        (!can_be_given).then(|| Refused::about("has a role where it can't be granted", text))
    }

    /// Access fields are exact: one that can't be said would be taken away if its user were declared without it.
    fn refuse_access_fields(&self, view: &LiveView<'_>) -> Option<Refused> {
        let is_lost = |field: Name, value: Value| {
            self.rules.is_access(self.names.text(field))
                && self.refuse_value(field, value).is_some()
                && !self.rules.same_value(self.names, field, Value::Null, value)
        };
        let fact = view.facts.iter().find(|fact| is_lost(fact.field, fact.value))?;
        Some(Refused::about("has access that can't be said in a field", self.names.text(fact.field)))
    }

    /// Why a manifest can't say this value of a user's field, as a clause that follows the field.
    #[must_use]
    pub fn refuse_value(&self, field: Name, value: Value) -> Option<&'static str> {
        if let Some(why) = self.rules.refuse_field(self.names, field, value) {
            return Some(why);
        }
        let text = self.names.text(field);
        let texts = texts(self.names, value);
        let is_text = matches!(value, Value::Text(_));
        if is_text && texts.iter().all(|text| text.trim().is_empty()) && self.rules.is_required(text) {
            return Some("is empty, and the rules demand it");
        }
        let is_address = field == known::LOGIN || field == known::EMAIL;
        if is_address && texts.iter().any(|text| mixed_script(&readable(text)).is_some()) {
            return Some("mixes letters of several scripts that look alike");
        }
        // Units of a field are chosen in the store; all other names of fields come from the rules.
        if matches!(value, Value::Set(_)) && texts.iter().any(|text| refuse_entry(text).is_some()) {
            return Some("has an entry that no manifest can say");
        }
        texts.into_iter().chain([text]).find_map(refuse_text)
    }
}

fn texts(names: &Names, value: Value) -> Vec<&str> {
    match value {
        Value::Text(text) => vec![names.text(text)],
        Value::Set(list) => names.sorted_texts(list),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

impl Rules {
    /// Why a field of a user can't have this value by the rules, as a clause that follows the field; null stands for what
    /// is not set.
    #[must_use]
    pub fn refuse_field(&self, names: &Names, field: Name, value: Value) -> Option<&'static str> {
        let text = names.text(field);
        let is_text = matches!(value, Value::Text(_));
        let fits = if field == known::KIND {
            matches!(value, Value::Text(known::HUMAN | known::SERVICE))
        } else if let Some(attribute) = text.strip_prefix("attributes.") {
            let Some(Some(_)) = self.attributes.get(attribute) else { return Some("is not in the rules") };
            self.fits_attribute(names, attribute, value)
        } else if self.field(text).is_none() {
            return Some("is not in the rules");
        } else if field == known::MFA || field == known::API_ENABLED {
            matches!(value, Value::Bool(_))
        } else if field == known::API_ROUTES {
            matches!(value, Value::Set(_) | Value::Text(known::ALL))
        } else {
            is_text && !text.starts_with("api.")
        };
        if !fits && value != Value::Null {
            return Some("has a value that the rules do not have");
        }
        let is_word = field == known::API_ROUTES && is_text;
        let rule = self.field(text).filter(|_| !is_word)?;
        let is_refused = |text: &str| {
            let is_none_of = rule.values.as_ref().is_some_and(|values| !values.iter().any(|value| value == text));
            !text.is_empty() && (is_none_of || rule.format.is_some_and(|format| format.refuses(text).is_some()))
        };
        texts(names, value).into_iter().any(is_refused).then_some("has a value that the rules do not have")
    }

    fn fits_attribute(&self, names: &Names, attribute: &str, value: Value) -> bool {
        let Some(Some(rule)) = self.attributes.get(attribute) else { return false };
        if self.says_all(attribute, value) {
            return true;
        }
        let is_listed = |text: &str| rule.values.as_ref().is_none_or(|values| values.iter().any(|value| value == text));
        match (rule.kind, value) {
            (AttributeType::Bool, Value::Bool(_)) | (AttributeType::Set, Value::Set(List::EMPTY)) => true,
            (AttributeType::Set, Value::Set(list)) => {
                let is_whole = rule.all_or_none.is_none_or(|whole| names.elements(list).len() == whole as usize);
                is_whole && texts(names, value).into_iter().all(is_listed)
            }
            (
                AttributeType::Text | AttributeType::Enum | AttributeType::Ordinal | AttributeType::Date,
                Value::Text(text),
            ) => {
                let text = names.text(text);
                let is_day = rule.kind != AttributeType::Date || is_day(text);
                let is_word = text == "unmanaged" && rule.access == Some(true);
                text.is_empty() || (is_listed(text) && is_day && !is_word)
            }
            (_, Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Set(_)) => false,
        }
    }

    /// Whether this value of an attribute is said with the word `all`, since empty means everything.
    #[must_use]
    pub fn says_all(&self, attribute: &str, value: Value) -> bool {
        let Some(Some(rule)) = self.attributes.get(attribute) else { return false };
        let is_all = match value {
            Value::Text(text) => text == known::ALL || text == known::EMPTY,
            Value::Set(list) => list.is_empty(),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        };
        rule.empty == Some(EmptyMeaning::All) && is_all && rule.kind != AttributeType::Bool
    }
}

/// Under a role that reaches every site, a grant says something only if it has a role of its own.
#[must_use]
pub const fn grant_counts(grant: &Grant, reaches_all: bool) -> bool {
    !reaches_all || grant.role.is_some()
}
