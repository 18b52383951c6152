//! Keys that only small and capital letters keep apart from a live one, where the store tells the two apart: most likely
//! one person, for whom a second account would be made, or whom a line under `inactive` would miss.
//!
//! Where nobody states that case counts it is an error, as `manifest` says it of two declared keys; where it does count
//! it is told. Deliberately absent: settings that name such a key (`protection`), and whoever is locked out
//! (`locked_out`).

use std::collections::HashMap;

use super::Inputs;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Name, Status};
use crate::rules::KeyCase;

/// The key of somebody live whom no manifest names, where it differs by case alone, and where that was written.
pub(super) fn written_otherwise(inputs: &Inputs<'_>) -> Vec<Diagnostic> {
    let Inputs { names, desired, live, rules, .. } = *inputs;
    if rules.identity.case() == KeyCase::Insensitive {
        return Vec::new();
    }
    let is_known = |identity: Name| live.row_of(identity).is_some() || live.ambiguous().contains(&identity);
    let users = desired.users().filter(|user| !is_known(user.identity)).map(|user| {
        let former = user.previous.map(|previous| previous.identity);
        (user.key, user.position, former)
    });
    let leavers = desired.leavers.iter().filter(|&(&identity, _)| !is_known(identity));
    let leavers = leavers.filter(|&(&identity, _)| desired.find(identity).is_none());
    let leavers = leavers.map(|(_, leaver)| (leaver.key, leaver.position, None));
    let former = desired.former_keys().filter(|(user, old)| !is_known(old.identity) && !is_known(user.identity));
    let former = former.map(|(_, old)| (old.name, old.position, None));
    let unknown: Vec<_> = users.chain(leavers).chain(former).collect();
    // Texts of all who are live are made only where somebody is new.
    if unknown.is_empty() {
        return Vec::new();
    }
    let is_named = |identity: Name| desired.find(identity).is_some() || desired.leavers.contains_key(&identity);
    let others = live.users().filter(|user| user.status != Status::Closed);
    let others = others.filter(|user| !user.identity.is_some_and(is_named));
    let by_lower: HashMap<String, Name> =
        others.map(|user| (user.key_text(names).to_lowercase(), user.identity.unwrap_or(user.key))).collect();
    let mut found: Vec<Diagnostic> = Vec::new();
    for (key, position, former) in unknown {
        let text = names.text(key);
        let other = by_lower.get(&text.to_lowercase()).filter(|&&other| Some(other) != former);
        if let Some(&other) = other {
            let message = format!("`{text}` and the live account `{}` differ only by case", names.text(other));
            let is_stated = rules.identity.case == Some(KeyCase::Sensitive);
            let of_code = if is_stated { Diagnostic::warning } else { Diagnostic::error };
            found.push(of_code(Code::LookAlike, message).at(position, "another account by this spelling").help(
                "write the key as it is live, or keep it with `previously`; two people: declare them both, and state \
                 `identity.case` in the rules",
            ));
        }
    }
    found.sort_by_key(|one| one.primary.as_ref().map(|label| label.span.start));
    found
}
