//! An action as the journal has it, and back: the members of the plan's JSON (`contract.md` §2) that say what is done.

use serde_json::{Map, Value as Json, json};

use crate::model::{ActionKind, Fact, Grant, List, Membership, Name, Names, Topic, Value, known};
use crate::plan::{Action, Cause, State, Subject, action_id, state_json};

/// The action with its subject, before and after.
#[must_use]
pub fn describe(names: &Names, action: &Action) -> Json {
    let Subject { user, organization, site, role } = action.subject;
    let text = |name: Option<Name>| name.map(|name| names.text(name));
    let state = |state: &Option<State>| state.as_ref().map(|state| state_json(names, state));
    let mut described = json!({
        "id": action_id(names, action.kind, &action.subject),
        "action": action.kind,
        "user": text(user),
        "organization": text(organization),
        "site": text(site),
        "role": text(role),
        "before": state(&action.before),
        "after": state(&action.after),
        "else": action.fall_back,
    });
    // Who was locked out by an operator is found again by this.
    if action.cause == Cause::Operator {
        described["cause"] = json!(action.cause.as_str());
    }
    described
}

/// The action that was described, as far as a look-up needs it; `None` if this is no description of one.
#[must_use]
pub fn revive(names: &mut Names, described: &Json) -> Option<Action> {
    let kind = serde_json::from_value::<ActionKind>(described.get("action")?.clone()).ok()?;
    let fall_back = serde_json::from_value(described.get("else")?.clone()).ok()?;
    let mut part = |part: &str| optional(names, described.get(part)?);
    let subject = Subject {
        user: part("user")?.text(),
        organization: part("organization")?.text(),
        site: part("site")?.text(),
        role: part("role")?.text(),
    };
    let mut side = |side: &Json| match side {
        Json::Object(members) => state(names, kind, subject, members),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => None,
    };
    let (before, after) = (described.get("before")?, described.get("after")?);
    let before = if before.is_null() { None } else { Some(side(before)?) };
    let after = if after.is_null() { None } else { Some(side(after)?) };
    Some(Action { fall_back, ..Action::new(kind, subject, before, after) })
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

/// What [`state_json`] made of a state.
fn state(names: &mut Names, kind: ActionKind, subject: Subject, members: &Map<String, Json>) -> Option<State> {
    let mut state = State::default();
    for (member, json) in members {
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
        access(names, known::PLATFORM, members, &mut state)?;
    }
    Some(state)
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
