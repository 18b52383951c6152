//! An action as JSON, and back: the one seam between the journal and the shape of actions.
//!
//! Fields stand flat in `before` and `after`, whole memberships and grants in lists beside them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value as Json, json};

use crate::model::{ActionKind, Fact, Grant, List, Membership, Name, Names, Value};
use crate::plan::{Action, Cause, State, Subject};

/// What stands as it is in the parts of an action's id: what RFC 3986 calls unreserved, and what keys and names are
/// made of otherwise.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

const MEMBERSHIPS: &str = "memberships";
const GRANTS: &str = "grants";

/// The id of an action: `KIND USER ORG SITE ROLE`, empty parts left out, names percent-encoded.
#[must_use]
pub fn action_key(names: &Names, action: &Action) -> String {
    let Subject { user, organization, site, role } = action.subject;
    let mut id = action.kind.as_str().to_owned();
    for name in [user, organization, site, role].into_iter().flatten() {
        id.push(' ');
        id.extend(utf8_percent_encode(names.text(name), ENCODED));
    }
    id
}

/// The action with its subject, before and after.
#[must_use]
pub fn describe(names: &Names, action: &Action) -> Json {
    let Subject { user, organization, site, role } = action.subject;
    json!({
        "id": action_key(names, action),
        "action": action.kind,
        "user": optional(names, user),
        "organization": optional(names, organization),
        "site": optional(names, site),
        "role": optional(names, role),
        "before": state(names, action.before.as_ref()),
        "after": state(names, action.after.as_ref()),
        "else": action.fall_back,
    })
}

/// The action that was described, as far as a look-up needs it; `None` if this is no description of one.
#[must_use]
pub fn revive(names: &mut Names, described: &Json) -> Option<Action> {
    let kind = serde_json::from_value::<ActionKind>(described.get("action")?.clone()).ok()?;
    let fall_back = serde_json::from_value(described.get("else")?.clone()).ok()?;
    let mut subject = |part: &str| read_optional(names, described.get(part)?);
    let subject = Subject {
        user: subject("user")?,
        organization: subject("organization")?,
        site: subject("site")?,
        role: subject("role")?,
    };
    let before = read_state(names, described.get("before")?)?;
    let after = read_state(names, described.get("after")?)?;
    Some(Action {
        kind,
        subject,
        before,
        after,
        fall_back,
        cause: Cause::Unknown,
        risk: Vec::new(),
        needs: Vec::new(),
        reason: "",
        origins: Vec::new(),
    })
}

fn optional(names: &Names, name: Option<Name>) -> Json {
    name.map_or(Json::Null, |name| names.text(name).into())
}

fn list(names: &Names, list: List) -> Json {
    names.sorted_texts(list).into()
}

fn state(names: &Names, state: Option<&State>) -> Json {
    let Some(State { facts, memberships, grants }) = state else { return Json::Null };
    let mut object = Map::new();
    for &Fact { field, value } in facts {
        let value = match value {
            Value::Null => Json::Null,
            Value::Text(text) => names.text(text).into(),
            Value::Bool(value) => value.into(),
            Value::Number(number) => number.into(),
            Value::Set(set) => list(names, set),
        };
        object.insert(names.text(field).to_owned(), value);
    }
    if !memberships.is_empty() {
        let mut sorted: Vec<&Membership> = memberships.iter().collect();
        sorted.sort_unstable_by_key(|membership| names.text(membership.organization));
        let described = sorted.into_iter().map(|&Membership { organization, role, extra_roles, default_site }| {
            json!({
                "organization": names.text(organization),
                "role": optional(names, role),
                "extra_roles": list(names, extra_roles),
                "default_site": optional(names, default_site),
            })
        });
        object.insert(MEMBERSHIPS.to_owned(), described.collect());
    }
    if !grants.is_empty() {
        let mut sorted: Vec<&Grant> = grants.iter().collect();
        sorted.sort_unstable_by_key(|grant| (names.text(grant.organization), names.text(grant.site)));
        let described = sorted.into_iter().map(|&Grant { organization, site, role }| {
            json!({
                "organization": names.text(organization),
                "site": names.text(site),
                "role": optional(names, role),
            })
        });
        object.insert(GRANTS.to_owned(), described.collect());
    }
    Json::Object(object)
}

/// The outer `None`: neither a text nor null.
#[allow(clippy::option_option, reason = "the outer one is a mistake, the inner one is null")]
fn read_optional(names: &mut Names, json: &Json) -> Option<Option<Name>> {
    match json {
        Json::Null => Some(None),
        Json::String(text) => Some(Some(names.intern(text))),
        Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

fn read_list(names: &mut Names, json: &Json) -> Option<List> {
    let elements: Option<Vec<Name>> =
        json.as_array()?.iter().map(|text| text.as_str().map(|text| names.intern(text))).collect();
    elements.map(|elements| names.list(&elements))
}

#[allow(clippy::option_option, reason = "the outer one is a mistake, the inner one is null")]
fn read_state(names: &mut Names, json: &Json) -> Option<Option<State>> {
    let object = match json {
        Json::Null => return Some(None),
        Json::Object(object) => object,
        Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => return None,
    };
    let mut state = State::default();
    for (field, value) in object {
        if field == MEMBERSHIPS {
            for json in value.as_array()? {
                state.memberships.push(Membership {
                    organization: names.intern(json.get("organization")?.as_str()?),
                    role: read_optional(names, json.get("role")?)?,
                    extra_roles: read_list(names, json.get("extra_roles")?)?,
                    default_site: read_optional(names, json.get("default_site")?)?,
                });
            }
        } else if field == GRANTS {
            for json in value.as_array()? {
                state.grants.push(Grant {
                    organization: names.intern(json.get("organization")?.as_str()?),
                    site: names.intern(json.get("site")?.as_str()?),
                    role: read_optional(names, json.get("role")?)?,
                });
            }
        } else {
            let value = match value {
                Json::Null => Value::Null,
                Json::String(text) => Value::Text(names.intern(text)),
                Json::Bool(value) => Value::Bool(*value),
                Json::Number(number) => Value::Number(i32::try_from(number.as_i64()?).ok()?),
                Json::Array(_) => Value::Set(read_list(names, value)?),
                Json::Object(_) => return None,
            };
            state.facts.push(Fact::new(names.intern(field), value));
        }
    }
    Some(Some(state))
}
