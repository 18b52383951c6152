//! The states of an action as JSON: what `before` and `after` hold in plans, digests and journals.
//!
//! Fields stand under their names, dotted ones nested; the access of an account stands under `access`, by
//! organization; the grants of a membership under `sites`. Which of the two it is follows from the state alone: only a
//! membership says something about `role`, `extra_roles` or `default_site` as fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::State;
use crate::model::{Fact, Grant, List, Membership, Name, Names, Value, known};

/// The JSON form of a state (`contract.md` §1, §2): an object whose members are sorted by text.
#[must_use]
pub fn state_json(names: &Names, state: &State) -> Json {
    let State { facts, memberships, grants } = state;
    let mut object = Map::new();
    for fact in facts {
        insert(&mut object, names.text(fact.field), value_json(names, fact.value));
    }
    if memberships.is_empty() && is_membership(facts) {
        if !grants.is_empty() {
            object.insert("sites".to_owned(), sites_json(names, grants.iter()));
        }
    } else {
        insert_access(&mut object, names, memberships, grants);
    }
    sorted(object)
}

fn is_membership(facts: &[Fact]) -> bool {
    facts.iter().any(|fact| [known::ROLE, known::EXTRA_ROLES, known::DEFAULT_SITE].contains(&fact.field))
}

/// Only the first dot nests: the name of an attribute may have dots of its own.
fn insert(object: &mut Map<String, Json>, field: &str, value: Json) {
    let Some((outer, inner)) = field.split_once('.') else {
        object.insert(field.to_owned(), value);
        return;
    };
    let nested = object.entry(outer).or_insert_with(|| Json::Object(Map::new()));
    if let Json::Object(nested) = nested {
        nested.insert(inner.to_owned(), value);
    }
}

pub(super) fn value_json(names: &Names, value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Text(text) => Json::from(names.text(text)),
        Value::Bool(value) => Json::from(value),
        Value::Number(number) => Json::from(number),
        Value::Set(list) => list_json(names, list),
    }
}

fn list_json(names: &Names, list: List) -> Json {
    Json::from(names.sorted_texts(list))
}

fn name_json(names: &Names, name: Option<Name>) -> Json {
    name.map_or(Json::Null, |name| Json::from(names.text(name)))
}

fn sites_json<'a>(names: &Names, grants: impl Iterator<Item = &'a Grant>) -> Json {
    sorted(grants.map(|grant| (names.text(grant.site).to_owned(), name_json(names, grant.role))).collect())
}

fn insert_access(object: &mut Map<String, Json>, names: &Names, memberships: &[Membership], grants: &[Grant]) {
    let mut places: BTreeMap<&str, Map<String, Json>> = BTreeMap::new();
    for membership in memberships {
        let &Membership { organization, role, extra_roles, default_site } = membership;
        if organization == known::PLATFORM {
            object.insert("role".to_owned(), name_json(names, role));
            object.insert("extra_roles".to_owned(), list_json(names, extra_roles));
            continue;
        }
        let place = places.entry(names.text(organization)).or_default();
        place.insert("role".to_owned(), name_json(names, role));
        place.insert("extra_roles".to_owned(), list_json(names, extra_roles));
        place.insert("default_site".to_owned(), name_json(names, default_site));
        place.insert("sites".to_owned(), Json::Object(Map::new()));
    }
    for grant in grants {
        // A store may hold a grant without a membership: then the place has sites and says nothing of a role.
        let place = places.entry(names.text(grant.organization)).or_default();
        if let Json::Object(sites) = place.entry("sites").or_insert_with(|| Json::Object(Map::new())) {
            sites.insert(names.text(grant.site).to_owned(), name_json(names, grant.role));
        }
    }
    if !places.is_empty() {
        let access = places.into_iter().map(|(organization, place)| (organization.to_owned(), Json::Object(place)));
        object.insert("access".to_owned(), Json::Object(access.collect()));
    }
}

/// Sorts the members of objects at every depth: maps of `serde_json` keep the order of insertion here.
fn sorted(object: Map<String, Json>) -> Json {
    let mut members: Vec<(String, Json)> = object.into_iter().collect();
    members.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let members = members.into_iter().map(|(name, value)| match value {
        Json::Object(nested) => (name, sorted(nested)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => (name, value),
    });
    Json::Object(members.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::state_json;
    use crate::model::{Fact, Grant, List, Membership, Names, Value, known};
    use crate::plan::State;

    #[test]
    fn an_account_nests_fields_and_access() {
        let mut names = Names::new();
        let [clearance, company, north, south, pit, read, operator, a, b] =
            ["attributes.clearance.level", "home.company", "north", "south", "pit", "read", "operator", "a", "b"]
                .map(|text| names.intern(text));
        // Handles in another order than texts: the output must not follow them.
        let routes = names.list(&[b, a]);
        let state = State {
            facts: vec![
                Fact::new(known::STATUS, Value::Text(known::ACTIVE)),
                Fact::new(clearance, Value::Number(3)),
                Fact::new(company, Value::Null),
                Fact::new(known::API_ROUTES, Value::Set(routes)),
                Fact::new(known::API_ENABLED, Value::Bool(true)),
            ],
            memberships: vec![
                Membership { organization: south, role: None, extra_roles: List::EMPTY, default_site: None },
                Membership { organization: north, role: Some(operator), extra_roles: routes, default_site: Some(pit) },
                Membership {
                    organization: known::PLATFORM,
                    role: Some(operator),
                    extra_roles: List::EMPTY,
                    default_site: None,
                },
            ],
            grants: vec![
                Grant { organization: north, site: read, role: None },
                Grant { organization: north, site: pit, role: Some(read) },
            ],
        };
        let text = serde_json::to_string(&state_json(&names, &state)).expect("json");
        let expected = concat!(
            r#"{"access":{"north":{"default_site":"pit","extra_roles":["a","b"],"role":"operator","#,
            r#""sites":{"pit":"read","read":null}},"#,
            r#""south":{"default_site":null,"extra_roles":[],"role":null,"sites":{}}},"#,
            r#""api":{"enabled":true,"routes":["a","b"]},"attributes":{"clearance.level":3},"extra_roles":[],"#,
            r#""home":{"company":null},"role":"operator","status":"active"}"#
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn a_membership_has_its_sites() {
        let mut names = Names::new();
        let [north, pit, operator] = ["north", "pit", "operator"].map(|text| names.intern(text));
        let state = State {
            facts: vec![Fact::new(known::ROLE, Value::Text(operator))],
            memberships: Vec::new(),
            grants: vec![Grant { organization: north, site: pit, role: None }],
        };
        assert_eq!(state_json(&names, &state), json!({ "role": "operator", "sites": { "pit": null } }));
    }
}
