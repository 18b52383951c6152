//! An action as the journal has it, and back: the members of the plan's JSON (`contract.md` §2) that say what is done.

use serde_json::{Value as Json, json};

use crate::model::{ActionKind, Name, Names};
use crate::plan::{Action, Cause, ResetUser, State, Subject, action_id, read_state, state_json};
use crate::secret::SecretKind;

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

/// The action with the one-time secret that it yields, which is named and never told.
#[must_use]
pub fn describe_yielding(names: &Names, action: &Action, secret: Option<SecretKind>) -> Json {
    let mut described = describe(names, action);
    if let Some(kind) = secret {
        described["secret"] = json!(kind);
    }
    described
}

/// One step of an action that the store makes in several, with the whole of it.
#[must_use]
pub fn describe_step(names: &Names, step: &Action, whole: &Action) -> Json {
    let mut described = describe(names, step);
    described["whole"] = describe(names, whole);
    described
}

/// The action of which this describes a step, or the action itself.
#[must_use]
pub fn whole_of(described: &Json) -> &Json {
    described.get("whole").unwrap_or(described)
}

/// Whether the action of which this describes a step is done when the step is: it is with the last one, which adds what
/// the first one removes.
pub(super) fn is_whole_done_with(described: &Json) -> bool {
    described.get("whole").is_none() || described["action"] != json!(ActionKind::RemoveMembership)
}

/// The word for a reset of a password, which is no action of a plan.
const RESET: &str = "reset_password";

/// The reset of the password of this user, and whether it yields a new one.
#[must_use]
pub fn describe_reset(ResetUser { key, id }: &ResetUser, secret: Option<SecretKind>) -> Json {
    let mut described =
        json!({ "id": format!("{RESET} {key}"), "action": RESET, "user": key, "cause": Cause::Operator });
    if let Some(id) = id {
        described[ACCOUNT] = json!(id);
    }
    if let Some(kind) = secret {
        described["secret"] = json!(kind);
    }
    described
}

/// The member with the store's own id of the account.
const ACCOUNT: &str = "account";

/// The store's own id of the account whose password this resets, where it was noted.
pub(super) fn account_of(described: &Json) -> Option<&str> {
    described.get(ACCOUNT)?.as_str()
}

/// What kind of action this describes; `None` of a reset of a password, which is none of a plan.
pub(super) fn kind_of(described: &Json) -> Option<ActionKind> {
    serde_json::from_value(described.get("action")?.clone()).ok()
}

/// Whether this describes the reset of a password.
#[must_use]
pub fn is_reset(described: &Json) -> bool {
    described.get("action").and_then(Json::as_str) == Some(RESET)
}

/// The action that was described, as far as a look-up needs it; `None` if this is no description of one.
#[must_use]
pub fn revive(names: &mut Names, described: &Json) -> Option<Action> {
    let kind = kind_of(described)?;
    let fall_back = serde_json::from_value(described.get("else")?.clone()).ok()?;
    let mut part = |part: &str| match described.get(part)? {
        Json::Null => Some(None),
        Json::String(text) => Some(Some(names.intern(text))),
        Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => None,
    };
    let subject =
        Subject { user: part("user")?, organization: part("organization")?, site: part("site")?, role: part("role")? };
    let mut side = |side: &Json| match side {
        Json::Object(members) => read_state(names, kind, subject, members),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => None,
    };
    let (before, after) = (described.get("before")?, described.get("after")?);
    let before = if before.is_null() { None } else { Some(side(before)?) };
    let after = if after.is_null() { None } else { Some(side(after)?) };
    Some(Action { fall_back, ..Action::new(kind, subject, before, after) })
}
