//! Users and what they reach, as manifests.

use std::collections::BTreeMap;

use super::emit::Yaml;
use super::write::Writer;
use crate::model::{LiveView, Membership, Status, Value, known};
use crate::rules::{CORE_FIELDS, EmptyMeaning, grant_counts};

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
    writer.accounts = users.len();
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
            entry.push(("users".to_owned(), Yaml::texts(users.iter().map(String::as_str))));
            entry.extend(role.map(|role| ("role".to_owned(), Yaml::Text(role))));
            Yaml::Short(entry)
        });
        content.push(("site_grants".to_owned(), Yaml::List(grants.collect())));
    }
    content
}

impl Writer<'_> {
    /// A user, or why it can't be declared.
    fn user(&mut self, view: &LiveView<'_>, key: &str) -> Result<User, String> {
        if let Some(refused) = self.sayable.refuse_user(view) {
            return Err(refused.to_string());
        }
        let mut user = User { fields: self.profile(view, key), grants: Vec::new() };
        match view.status {
            Status::Preloaded | Status::Inactive => {
                user.fields.push(("status".to_owned(), Yaml::word(view.status.as_str())));
            }
            Status::Invited | Status::Active | Status::Closed => {}
        }
        let memberships = view.memberships.iter().filter(|one| one.organization != known::PLATFORM).count();
        let has_room = self.partial.most_organizations.is_none_or(|most| memberships < most as usize);
        let left_alone = self.partial.left_alone.iter().filter(|_| has_room);
        let left_alone = left_alone.map(|name| (name.clone(), Yaml::word("unmanaged")));
        let mut access: BTreeMap<String, Yaml> = left_alone.collect();
        for membership in view.memberships {
            if membership.organization == known::PLATFORM {
                user.fields.extend(self.roles_of(membership));
                continue;
            }
            let organization = self.names.text(membership.organization).to_owned();
            access.insert(organization, self.membership(membership, view, &mut user.grants));
        }
        user.fields.push(("access".to_owned(), Yaml::Block(access.into_iter().collect())));
        Ok(user)
    }

    fn roles_of(&self, membership: &Membership) -> Vec<(String, Yaml)> {
        let mut entries = Vec::new();
        if let Some(role) = membership.role {
            entries.push(("role".to_owned(), Yaml::text(self.names.text(role))));
        }
        if !membership.extra_roles.is_empty() {
            let texts = self.names.sorted_texts(membership.extra_roles);
            entries.push(("extra_roles".to_owned(), Yaml::texts(texts)));
        }
        entries
    }

    /// Access to one organization. Sites that can't stand beside the membership go to `apart`.
    fn membership(
        &self,
        membership: &Membership,
        view: &LiveView<'_>,
        apart: &mut Vec<(String, Option<String>)>,
    ) -> Yaml {
        let organization = self.names.text(membership.organization);
        let reaches_all = self.live.catalog.reaches_all(membership.role);
        let mut sites: Vec<(String, Option<String>)> = view
            .grants_in(membership.organization)
            .filter(|grant| grant_counts(grant, reaches_all))
            .map(|grant| {
                let role = grant.role.map(|role| self.names.text(role).to_owned());
                (self.names.text(grant.site).to_owned(), role)
            })
            .collect();
        sites.sort();
        let mut fields = self.roles_of(membership);
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
        if self.partial.leaves_sites && !reaches_all && !fields.is_empty() {
            fields.push(("sites".to_owned(), Yaml::word("unmanaged")));
        }
        if let Some(site) = membership.default_site {
            fields.push(("default_site".to_owned(), Yaml::text(self.names.text(site))));
        }
        match fields.as_slice() {
            // Without a role there is nothing beside which the sites could be left to others.
            [] if self.partial.leaves_sites => Yaml::word("unmanaged"),
            [(key, role)] if key == "role" => role.clone(),
            _ => Yaml::Short(fields),
        }
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
            if let Some(reason) = self.sayable.refuse_value(fact.field, fact.value) {
                self.refuse("user", key, format!("its field `{}` {reason}", field.escape_debug()));
            } else if fact.field == known::KIND {
                if view.is_service() {
                    fields.insert(place_of("kind"), ("kind".to_owned(), Yaml::word("service")));
                }
            } else if let Some(value) = self.value(("user", key), fact.field, fact.value) {
                match field.split_once('.') {
                    Some(("attributes", name)) if self.rules.says_all(name, fact.value) => {
                        attributes.insert(name.to_owned(), Yaml::word("all"));
                    }
                    Some(("attributes", name)) => drop(attributes.insert(name.to_owned(), value)),
                    Some(("home", unit)) => drop(home.insert(unit.to_owned(), value)),
                    Some(("api", part)) => {
                        let value = self.routes(fact.value, part, value);
                        api.extend(value.map(|value| (part.to_owned(), value)));
                    }
                    Some(_) => {}
                    None => drop(fields.insert(place_of(field), (field.to_owned(), value))),
                }
            }
        }
        self.add_everything(view, &mut api, &mut attributes);
        for field in self.partial.left_fields.get(key).into_iter().flatten() {
            match field.split_once('.') {
                Some(("attributes", name)) => drop(attributes.insert(name.to_owned(), Yaml::word("unmanaged"))),
                Some(("api", _)) => drop(fields.insert(place_of("api"), ("api".to_owned(), Yaml::word("unmanaged")))),
                Some(_) | None => {}
            }
        }
        for (name, map) in [("home", home), ("api", api), ("attributes", attributes)] {
            if !map.is_empty() {
                let value = Yaml::Short(map.into_iter().collect());
                fields.insert(place_of(name), (name.to_owned(), value));
            }
        }
        fields.into_values().collect()
    }

    /// `None` where a set is empty and nobody states what that means: left out, it is the same to the store.
    fn routes(&self, live: Value, part: &str, value: Yaml) -> Option<Yaml> {
        if part != "routes" {
            return Some(value);
        }
        let is_empty = live == Value::Set(crate::model::List::EMPTY);
        let meaning = self.rules.field("api").and_then(|api| api.empty_routes);
        match meaning {
            _ if live == Value::Text(known::ALL) => Some(Yaml::word("all")),
            Some(EmptyMeaning::All) if is_empty => Some(Yaml::word("all")),
            None if is_empty => None,
            Some(EmptyMeaning::All | EmptyMeaning::None) | None => Some(value),
        }
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
}

/// The place of a field among the core fields; attributes follow.
fn place_of(field: &str) -> usize {
    CORE_FIELDS.iter().position(|core| *core == field).unwrap_or(CORE_FIELDS.len())
}
