//! The digest of a plan: what a reviewer approves.

use std::fmt::Write as _;

use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::document::FORMAT;
use super::documented::SubjectTexts;
use super::{Action, StoreRef, state_json};
use crate::model::{ActionKind, Names};

/// Of how many actions the text is held at a time.
const CHUNK: usize = 4096;

/// One action as the digest sees it: a JSON array in this order.
type Row<'a> = (
    &'static str,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    Option<Json>,
    Option<Json>,
    Option<&'static str>,
);

/// `sha256:` and the hex digits of SHA-256 over the canonical JSON (RFC 8785) of the store's kind and id and of what
/// the actions do, sorted by kind, user, organization, site and role (`contract.md` §2).
///
/// Origins, reasons, causes, risks, needs and the order of execution are not in it. The text is hashed some actions at a
/// time and never held as a whole: plans can have millions of them.
#[must_use]
pub fn digest(store: &StoreRef, names: &Names, actions: &[Action]) -> String {
    let mut order: Vec<&Action> = actions.iter().collect();
    order.sort_by_cached_key(|action| (action.kind.as_str(), SubjectTexts::of(names, &action.subject)));
    let mut hash = Sha256::new();
    // RFC 8785 sorts members: actions, format, store with id, kind.
    hash.update(br#"{"actions":["#);
    for (index, some) in order.chunks(CHUNK).enumerate() {
        // The text costs far more than hashing it, so it is made on all cores.
        let texts: Vec<Vec<u8>> = some.par_iter().map(|action| canonical(&row(names, action))).collect();
        for (place, text) in texts.iter().enumerate() {
            if index + place > 0 {
                hash.update(b",");
            }
            hash.update(text);
        }
    }
    hash.update(format!(r#"],"format":{FORMAT},"store":{{"id":"#));
    hash.update(canonical(&store.id));
    hash.update(br#","kind":"#);
    hash.update(canonical(&store.kind));
    hash.update(b"}}");
    let mut text = String::from("sha256:");
    for byte in hash.finalize() {
        // Writing to a `String` can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn row<'a>(names: &'a Names, action: &Action) -> Row<'a> {
    let SubjectTexts { user, organization, site, role } = SubjectTexts::of(names, &action.subject);
    (
        action.kind.as_str(),
        user,
        organization,
        site,
        role,
        action.before.as_ref().map(|state| state_json(names, state)),
        action.after.as_ref().map(|state| state_json(names, state)),
        action.fall_back.map(ActionKind::as_str),
    )
}

/// The canonical form of a value (RFC 8785).
fn canonical(value: &impl Serialize) -> Vec<u8> {
    // Texts, booleans and whole numbers all have one.
    serde_json_canonicalizer::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sha2::{Digest as _, Sha256};

    use super::digest;
    use crate::model::{ActionKind, Grant, List, Membership, Names, Value, known};
    use crate::plan::{Action, Cause, State, StoreRef, Subject};

    fn store() -> StoreRef {
        StoreRef {
            name: "local".to_owned(),
            kind: "sqlite".to_owned(),
            id: "a \"quoted\" \u{1f511} id".to_owned(),
            address: "s.db".to_owned(),
        }
    }

    fn actions(names: &mut Names) -> Vec<Action> {
        let [zoe, ana, north, pit, operator, manager] =
            ["zoé@example.com", "ana@example.com", "north", "pit\u{20}1", "operator", "manager"]
                .map(|text| names.intern(text));
        let action =
            |kind, subject, before, after, fall_back| Action { fall_back, ..Action::new(kind, subject, before, after) };
        let role = |role| Some(State::field(known::ROLE, Value::Text(role)));
        let account = State {
            facts: Vec::new(),
            memberships: vec![Membership {
                organization: north,
                role: Some(operator),
                extra_roles: List::EMPTY,
                default_site: None,
            }],
            grants: vec![Grant { organization: north, site: pit, role: None }],
        };
        let user = |user| Subject { user: Some(user), ..Subject::default() };
        let in_north = |user| Subject { user: Some(user), organization: Some(north), ..Subject::default() };
        vec![
            action(ActionKind::DeleteUser, user(zoe), Some(account), None, Some(ActionKind::CloseUser)),
            action(ActionKind::ChangeRole, in_north(ana), role(operator), role(manager), None),
            action(ActionKind::ChangeRole, user(ana), role(operator), role(manager), None),
        ]
    }

    #[test]
    fn streaming_hashes_the_canonical_form_of_the_whole() {
        let mut names = Names::new();
        let mut actions = actions(&mut names);
        let whole = json!({
            "format": 1,
            "store": { "kind": "sqlite", "id": "a \"quoted\" \u{1f511} id" },
            "actions": [
                ["change_role", "ana@example.com", null, null, null,
                    { "role": "operator" }, { "role": "manager" }, null],
                ["change_role", "ana@example.com", "north", null, null,
                    { "role": "operator" }, { "role": "manager" }, null],
                ["delete_user", "zoé@example.com", null, null, null,
                    { "access": { "north": { "role": "operator", "extra_roles": [], "default_site": null,
                        "sites": { "pit 1": null } } } }, null, "close_user"],
            ],
        });
        let bytes = serde_json_canonicalizer::to_vec(&whole).expect("json");
        let hex: Vec<String> = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let found = digest(&store(), &names, &actions);
        assert_eq!(found, format!("sha256:{}", hex.concat()));
        actions.reverse();
        assert_eq!(digest(&store(), &names, &actions), found, "the order of execution is not in it");
    }

    #[test]
    fn every_part_of_it_counts() {
        let mut names = Names::new();
        let original = actions(&mut names);
        let found = digest(&store(), &names, &original);
        let renamed = StoreRef { name: "other".to_owned(), ..store() };
        assert_eq!(digest(&renamed, &names, &original), found, "a name in the settings is not the store");
        for elsewhere in [StoreRef { id: "b".to_owned(), ..store() }, StoreRef { kind: "scim".to_owned(), ..store() }] {
            assert_ne!(digest(&elsewhere, &names, &original), found);
        }
        let change = |change: fn(&mut Action)| {
            let mut actions = original.clone();
            change(&mut actions[0]);
            digest(&store(), &names, &actions)
        };
        assert_ne!(change(|action| action.fall_back = None), found);
        assert_ne!(change(|action| action.before = None), found);
        assert_ne!(change(|action| action.after = action.before.clone()), found);
        assert_ne!(change(|action| action.kind = ActionKind::CloseUser), found);
        assert_ne!(change(|action| action.subject.user = None), found);
        assert_eq!(change(|action| action.cause = Cause::Drift), found);
    }
}
