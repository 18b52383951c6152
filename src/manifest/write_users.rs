//! Users and what they reach, as manifests.

use std::collections::BTreeMap;

use super::emit::Yaml;
use super::sayable::{refuse_key, refuse_name};
use super::write::{Writer, refuse_site};
use crate::model::{Grant, LiveView, Membership, Name, Status, Value, known};
use crate::rules::{AttributeType, CORE_FIELDS, EmptyMeaning};

/// The most users in one file (`contract.md` §5).
const USERS_PER_FILE: usize = 5_000;

/// Grants that can't stand beside the membership: site as `ORG/SITE` and role → keys.
type SiteGrants = BTreeMap<(String, Option<String>), Vec<String>>;

/// A user as written.
struct User {
    fields: Vec<(String, Yaml)>,
    grants: Vec<(String, Option<String>)>,
}

/// Name and content of each file with users.
pub(super) fn files(writer: &mut Writer<'_>) -> Vec<(String, Vec<(String, Yaml)>)> {
    let live = writer.live;
    let mut users: BTreeMap<String, User> = BTreeMap::new();
    for view in live.users() {
        let key = view.key_text(writer.names).to_owned();
        match writer.user(&view, &key) {
            Ok(user) => {
                users.insert(key, user);
            }
            Err(reason) => writer.refuse("user", key, reason),
        }
    }
    let is_split = users.len() > USERS_PER_FILE;
    let users: Vec<(String, User)> = users.into_iter().collect();
    let mut chunks: Vec<&[(String, User)]> = users.chunks(USERS_PER_FILE).collect();
    if chunks.is_empty() {
        chunks.push(&[]);
    }
    let named = chunks.into_iter().zip(1..).map(|(chunk, number)| {
        let name = if is_split { format!("users-{number:04}.yaml") } else { "users.yaml".to_owned() };
        (name, content(chunk))
    });
    named.collect()
}

fn content(users: &[(String, User)]) -> Vec<(String, Yaml)> {
    let mut grants = SiteGrants::new();
    for (key, user) in users {
        for grant in &user.grants {
            grants.entry(grant.clone()).or_default().push(key.clone());
        }
    }
    let users = users.iter().map(|(key, user)| (key.clone(), Yaml::Block(user.fields.clone()))).collect();
    let mut content = vec![("users".to_owned(), Yaml::Block(users))];
    if !grants.is_empty() {
        let grants = grants.into_iter().map(|((site, role), users)| {
            let mut entry = vec![("site".to_owned(), Yaml::Text(site))];
            entry.extend(role.map(|role| ("role".to_owned(), Yaml::Text(role))));
            entry.push(("users".to_owned(), Yaml::texts(users.iter().map(String::as_str))));
            Yaml::Short(entry)
        });
        content.push(("site_grants".to_owned(), Yaml::List(grants.collect())));
    }
    content
}

impl Writer<'_> {
    /// A user, or why it can't be declared.
    fn user(&mut self, view: &LiveView<'_>, key: &str) -> Result<User, String> {
        let status = match view.status {
            Status::Closed => return Err("is closed".to_owned()),
            Status::Preloaded => Some("preloaded"),
            Status::Inactive => Some("inactive"),
            Status::Invited | Status::Active => None,
        };
        if view.identity.is_none() {
            return Err("has no valid key, or one that another account has as well".to_owned());
        }
        if let Some(reason) = refuse_key(key) {
            return Err(reason.to_owned());
        }
        let mut user = User { fields: self.profile(view, key), grants: Vec::new() };
        if let Some(status) = status {
            user.fields.push(("status".to_owned(), Yaml::word(status)));
        }
        let mut access = BTreeMap::new();
        for membership in view.memberships {
            if membership.organization == known::PLATFORM {
                user.fields.extend(self.platform(membership)?);
                continue;
            }
            let organization = self.names.text(membership.organization);
            if refuse_name(organization).is_some()
                || !self.live.catalog.organizations.contains_key(&membership.organization)
            {
                return Err(format!("is a member of `{}`, which can't be said", organization.escape_debug()));
            }
            let value = self.membership(membership, view, &mut user.grants)?;
            access.insert(organization.to_owned(), value);
        }
        if let Some(grant) = view.grants.iter().find(|grant| view.membership(grant.organization).is_none()) {
            let organization = self.names.text(grant.organization).escape_debug();
            return Err(format!("has a site in `{organization}` without being a member"));
        }
        user.fields.push(("access".to_owned(), Yaml::Block(access.into_iter().collect())));
        Ok(user)
    }

    fn platform(&self, membership: &Membership) -> Result<Vec<(String, Yaml)>, String> {
        let mut entries = Vec::new();
        if let Some(role) = membership.role {
            entries.push(("role".to_owned(), Yaml::Text(self.given_role(role, Place::Platform)?)));
        }
        entries.extend(self.extra_roles(membership)?);
        Ok(entries)
    }

    fn extra_roles(&self, membership: &Membership) -> Result<Option<(String, Yaml)>, String> {
        if membership.extra_roles.is_empty() {
            return Ok(None);
        }
        let roles = self.names.elements(membership.extra_roles);
        for &role in roles.iter() {
            self.given_role(role, Place::Extra)?;
        }
        Ok(Some(("extra_roles".to_owned(), Yaml::texts(self.names.sorted_texts(membership.extra_roles)))))
    }

    /// The text of a role that a user has, if it can be said in that place.
    fn given_role(&self, role: Name, place: Place) -> Result<String, String> {
        let text = self.names.text(role);
        if self.refuse_role(role).is_some() {
            return Err(format!("has the role `{}`, which can't be said", text.escape_debug()));
        }
        if let Some(role) = self.live.catalog.roles.get(&role) {
            let applies = match place {
                Place::Organization => role.applies_to.organization,
                Place::Site => role.applies_to.site,
                Place::Platform => role.applies_to.platform,
                Place::Extra => role.applies_to.extra,
            };
            if !applies || !role.grantable {
                return Err(format!("has the role `{text}` where it can't be granted"));
            }
        }
        Ok(text.to_owned())
    }

    /// Access to one organization. Sites that can't stand beside the membership go to `apart`.
    fn membership(
        &self,
        membership: &Membership,
        view: &LiveView<'_>,
        apart: &mut Vec<(String, Option<String>)>,
    ) -> Result<Yaml, String> {
        let organization = self.names.text(membership.organization);
        let reaches_all = self.live.catalog.reaches_all(membership.role);
        // Under a role that reaches every site, a grant says something only if it has a role of its own.
        let counts = |grant: &&Grant| !(reaches_all && grant.role.is_none());
        let mut sites: Vec<(String, Option<String>)> = Vec::new();
        for grant in view.grants_in(membership.organization).filter(counts) {
            let site = self.names.text(grant.site);
            if refuse_site(site).is_some() || !self.live.catalog.has_site(membership.organization, grant.site) {
                return Err(format!("has the site `{organization}/{}`, which can't be said", site.escape_debug()));
            }
            let role = grant.role.map(|role| self.given_role(role, Place::Site)).transpose()?;
            sites.push((site.to_owned(), role));
        }
        sites.sort();
        let mut fields = Vec::new();
        if let Some(role) = membership.role {
            fields.push(("role".to_owned(), Yaml::Text(self.given_role(role, Place::Organization)?)));
        }
        fields.extend(self.extra_roles(membership)?);
        // Sites without a role beside them would make no membership, and a mapping has a role for each site.
        let with_role = sites.iter().any(|(_, role)| role.is_some());
        let (beside, others): (Vec<_>, Vec<_>) =
            sites.into_iter().partition(|(_, role)| !fields.is_empty() && role.is_some() == with_role);
        apart.extend(others.into_iter().map(|(site, role)| (format!("{organization}/{site}"), role)));
        if with_role && !beside.is_empty() {
            let map = beside.into_iter().filter_map(|(site, role)| Some((site, Yaml::Text(role?)))).collect();
            fields.push(("sites".to_owned(), Yaml::Short(map)));
        } else if !beside.is_empty() {
            fields.push(("sites".to_owned(), Yaml::texts(beside.iter().map(|(site, _)| site.as_str()))));
        }
        if let Some(site) = membership.default_site {
            let text = self.names.text(site);
            let is_granted = view.grants_in(membership.organization).any(|grant| grant.site == site);
            let is_given = self.rules.sites.rules().is_some_and(|sites| sites.default_given == Some(true));
            let is_there = self.live.catalog.has_site(membership.organization, site) && refuse_site(text).is_none();
            if !is_there || !(is_granted || is_given || reaches_all) {
                let site = text.escape_debug();
                return Err(format!("has the default site `{organization}/{site}`, which is not granted"));
            }
            fields.push(("default_site".to_owned(), Yaml::text(text)));
        }
        Ok(match fields.as_slice() {
            [(key, role)] if key == "role" => role.clone(),
            _ => Yaml::Short(fields),
        })
    }

    /// Profile fields in the order of the language. One that can't be said is left out, which means that it is not
    /// managed, and is noted.
    fn profile(&mut self, view: &LiveView<'_>, key: &str) -> Vec<(String, Yaml)> {
        let mut fields: BTreeMap<usize, (String, Yaml)> = BTreeMap::new();
        let mut home = BTreeMap::new();
        let mut api = BTreeMap::new();
        let mut attributes = BTreeMap::new();
        let names = self.names;
        for fact in view.facts {
            let field = names.text(fact.field);
            if fact.field == known::KIND {
                if view.is_service() {
                    fields.insert(place_of("kind"), ("kind".to_owned(), Yaml::word("service")));
                }
            } else if let Some(attribute) = field.strip_prefix("attributes.") {
                if let Some(value) = self.attribute(key, attribute, fact.field, fact.value) {
                    attributes.insert(attribute.to_owned(), value);
                }
            } else if self.rules.field(field).is_none() {
                self.refuse("user", key, format!("its field `{}` is not in the rules", field.escape_debug()));
            } else if let Some(value) = self.value(("user", key), fact.field, fact.value) {
                match field.split_once('.') {
                    Some(("home", unit)) => drop(home.insert(unit.to_owned(), value)),
                    Some(("api", part)) => drop(api.insert(part.to_owned(), self.routes(fact.value, part, value))),
                    Some(_) => {}
                    None => drop(fields.insert(place_of(field), (field.to_owned(), value))),
                }
            }
        }
        self.add_everything(view, &mut api, &mut attributes);
        for (name, map) in [("home", home), ("api", api), ("attributes", attributes)] {
            if !map.is_empty() {
                let value = Yaml::Short(map.into_iter().collect());
                fields.insert(place_of(name), (name.to_owned(), value));
            }
        }
        fields.into_values().collect()
    }

    fn routes(&self, live: Value, part: &str, value: Yaml) -> Yaml {
        let is_everything = live == Value::Text(known::ALL)
            || (live == Value::Set(crate::model::List::EMPTY) && self.empty_routes_are_all());
        if part == "routes" && is_everything { Yaml::word("all") } else { value }
    }

    fn empty_routes_are_all(&self) -> bool {
        self.rules.field("api").is_some_and(|api| api.empty_routes == Some(EmptyMeaning::All))
    }

    /// Where empty means everything, that is said in words.
    fn add_everything(
        &self,
        view: &LiveView<'_>,
        api: &mut BTreeMap<String, Yaml>,
        attributes: &mut BTreeMap<String, Yaml>,
    ) {
        let enabled = view.value(known::API_ENABLED) == Value::Bool(true);
        if enabled && self.empty_routes_are_all() && view.value(known::API_ROUTES) == Value::Null {
            api.insert("routes".to_owned(), Yaml::word("all"));
        }
        for (name, rule) in &self.rules.attributes {
            let Some(rule) = rule else { continue };
            let is_set =
                self.names.find(&format!("attributes.{name}")).is_some_and(|field| view.value(field) != Value::Null);
            if rule.access == Some(true) && rule.empty == Some(EmptyMeaning::All) && !is_set {
                attributes.insert(name.clone(), Yaml::word("all"));
            }
        }
    }

    fn attribute(&mut self, key: &str, attribute: &str, field: Name, value: Value) -> Option<Yaml> {
        let shown = attribute.escape_debug();
        let Some(Some(rule)) = self.rules.attributes.get(attribute) else {
            self.refuse("user", key, format!("its attribute `{shown}` is not in the rules"));
            return None;
        };
        let texts: Vec<&str> = match value {
            Value::Text(text) => vec![self.names.text(text)],
            Value::Set(list) => self.names.sorted_texts(list),
            Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
        };
        let is_all = matches!(value, Value::Text(_) | Value::Set(_))
            && (value == Value::Text(known::ALL) || texts.concat().is_empty());
        if rule.empty == Some(EmptyMeaning::All) && is_all && rule.kind != AttributeType::Bool {
            return Some(Yaml::word("all"));
        }
        let fits = match (rule.kind, value) {
            (AttributeType::Bool, Value::Bool(_)) | (AttributeType::Set, Value::Set(_)) => true,
            (
                AttributeType::Text | AttributeType::Enum | AttributeType::Ordinal | AttributeType::Date,
                Value::Text(text),
            ) => self.names.text(text) != "unmanaged" || rule.access != Some(true),
            (_, Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Set(_)) => false,
        };
        let is_possible = |text: &str| {
            text.is_empty() || rule.values.as_ref().is_none_or(|values| values.iter().any(|value| value == text))
        };
        if !fits || !texts.iter().all(|text| is_possible(text)) {
            self.refuse("user", key, format!("its attribute `{shown}` has a value that the rules do not have"));
            return None;
        }
        self.value(("user", key), field, value)
    }
}

/// Where a role is given.
#[derive(Debug, Clone, Copy)]
enum Place {
    Organization,
    Site,
    Platform,
    Extra,
}

/// The place of a field among the core fields; attributes follow.
fn place_of(field: &str) -> usize {
    CORE_FIELDS.iter().position(|core| *core == field).unwrap_or(CORE_FIELDS.len())
}
