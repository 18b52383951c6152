//! The states of an action from JSON: what `state_json` wrote, in a journal or in a plan file.
//!
//! Deliberately absent: whether what is read makes sense for an action, which the reader of plan files asks.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::{State, Subject};
use crate::model::{ActionKind, Fact, Grant, List, Membership, Name, Names, Topic, Value, known};

/// What [`state_json`](super::state_json()) made of a state of such an action; `None` if it made no such thing.
#[must_use]
pub fn read_state<'a>(
    names: &mut Names,
    kind: ActionKind,
    subject: Subject,
    members: impl IntoIterator<Item = (&'a String, &'a Json)>,
) -> Option<State> {
    let members: BTreeMap<&str, &Json> = members.into_iter().map(|(name, json)| (name.as_str(), json)).collect();
    let mut state = State::default();
    for (&member, &json) in &members {
        match json {
            Json::Object(places) if member == "access" => {
                for (organization, place) in places {
                    let organization = names.intern(organization);
                    access(names, organization, place.as_object()?, &mut state)?;
                }
            }
            Json::Object(granted) if member == "sites" => {
                sites(names, subject.organization?, granted, &mut state)?;
            }
            Json::Object(nested) => {
                for (inner, json) in nested {
                    let field = names.intern(&format!("{member}.{inner}"));
                    state.facts.push(Fact::new(field, value(names, json)?));
                }
            }
            // Among all the access of an account, these are its roles on the platform.
            Json::Null | Json::String(_) | Json::Array(_)
                if (member == "role" || member == "extra_roles") && is_about_account(kind) => {}
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                let field = names.intern(member);
                state.facts.push(Fact::new(field, value(names, json)?));
            }
        }
    }
    if is_about_account(kind) && members.contains_key("extra_roles") {
        platform(names, &members, &mut state)?;
    }
    Some(state)
}

/// Null or a text.
fn optional(names: &mut Names, json: &Json) -> Option<Value> {
    match json {
        Json::Null => Some(Value::Null),
        Json::String(text) => Some(Value::Text(names.intern(text))),
        Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

fn list(names: &mut Names, json: &Json) -> Option<List> {
    let elements: Option<Vec<Name>> =
        json.as_array()?.iter().map(|text| text.as_str().map(|text| names.intern(text))).collect();
    elements.map(|elements| names.list(&elements))
}

fn value(names: &mut Names, json: &Json) -> Option<Value> {
    match json {
        Json::Null | Json::String(_) => optional(names, json),
        Json::Bool(value) => Some(Value::Bool(*value)),
        Json::Number(number) => Some(Value::Number(i32::try_from(number.as_i64()?).ok()?)),
        Json::Array(_) => list(names, json).map(Value::Set),
        Json::Object(_) => None,
    }
}

/// The roles on the platform, which stand beside the access in places.
fn platform(names: &mut Names, members: &BTreeMap<&str, &Json>, state: &mut State) -> Option<()> {
    state.memberships.push(Membership {
        organization: known::PLATFORM,
        role: optional(names, members.get("role")?)?.text(),
        extra_roles: list(names, members.get("extra_roles")?)?,
        default_site: None,
    });
    Some(())
}

/// The access in one place. A place may have sites and say nothing of a membership.
fn access(names: &mut Names, organization: Name, place: &Map<String, Json>, state: &mut State) -> Option<()> {
    if let Some(extra_roles) = place.get("extra_roles") {
        state.memberships.push(Membership {
            organization,
            role: optional(names, place.get("role")?)?.text(),
            extra_roles: list(names, extra_roles)?,
            default_site: place.get("default_site").map_or(Some(Value::Null), |site| optional(names, site))?.text(),
        });
    }
    match place.get("sites") {
        Some(granted) => sites(names, organization, granted.as_object()?, state),
        None => Some(()),
    }
}

fn sites(names: &mut Names, organization: Name, granted: &Map<String, Json>, state: &mut State) -> Option<()> {
    for (site, role) in granted {
        let role = optional(names, role)?.text();
        state.grants.push(Grant { organization, site: names.intern(site), role });
    }
    Some(())
}

/// Whether an action carries access of an account, rather than fields of one membership or grant.
const fn is_about_account(kind: ActionKind) -> bool {
    match kind.topic() {
        Topic::Account | Topic::Fields => true,
        Topic::Catalog | Topic::Membership | Topic::SiteGrant => false,
    }
}
