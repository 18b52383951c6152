//! Plan files in the hands of somebody who writes them: ids and digests, by a computation of their own.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The id of an action, of its names.
fn id(action: &Value) -> String {
    let parts = ["user", "organization", "site", "role"].map(|part| action[part].as_str().map(encoded));
    let kind = action["action"].as_str().unwrap_or_default().to_owned();
    std::iter::once(kind).chain(parts.into_iter().flatten()).collect::<Vec<_>>().join(" ")
}

/// The digest of a plan document, as the contract words it.
pub(crate) fn digest(plan: &Value) -> String {
    let member = |action: &Value, name: &str| action.get(name).cloned().unwrap_or(Value::Null);
    let row = |action: &Value| {
        let names = ["action", "user", "organization", "site", "role", "before", "after", "else"];
        Value::Array(names.map(|name| member(action, name)).to_vec())
    };
    let mut rows: Vec<Value> = plan["actions"].as_array().into_iter().flatten().map(row).collect();
    // Null stands before every text.
    rows.sort_by_key(|row| (0..5).map(|at| row[at].as_str().map(str::to_owned)).collect::<Vec<_>>());
    let store = json!({ "kind": plan["store"]["kind"], "id": plan["store"]["id"] });
    let text = serde_json_canonicalizer::to_vec(&json!({ "format": 1, "store": store, "actions": rows }));
    let hash = Sha256::digest(text.unwrap_or_default());
    hash.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// Makes ids, needs and the digest those of what the plan says now.
pub(crate) fn seal(plan: &mut Value) {
    if !plan.is_object() {
        return;
    }
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    if let Some(actions) = plan["actions"].as_array_mut() {
        for action in actions.iter_mut().filter(|action| action.is_object()) {
            let (old, new) = (action["id"].as_str().unwrap_or_default().to_owned(), id(action));
            action["id"] = new.clone().into();
            renamed.insert(old, new);
        }
        for need in actions.iter_mut().filter_map(|action| action.get_mut("needs")?.as_array_mut()).flatten() {
            if let Some(new) = need.as_str().and_then(|old| renamed.get(old)) {
                *need = new.clone().into();
            }
        }
    }
    if plan["store"].is_object() {
        plan["digest"] = digest(plan).into();
    }
}
