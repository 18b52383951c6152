//! Keys that only small and capital letters keep apart from a live one, where the store tells the two apart: most likely
//! one person, for whom a second account would be made or was made by hand, or whom a line under `inactive` would miss.
//!
//! Where nobody states that case counts it is an error, as `manifest` says it of two declared keys; where it does count
//! it is told. Deliberately absent: settings that name such a key (`protection`), and whoever is locked out
//! (`locked_out`).

use std::collections::HashMap;

use super::Inputs;
use crate::diagnostic::{Code, Diagnostic, shell_word};
use crate::model::{LiveView, Name, Status};
use crate::rules::{KeyCase, Rules};

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
    let is_named = |identity: Name| desired.find(identity).is_some() || desired.leavers.contains_key(&identity);
    let others = live.users().filter(|user| user.status != Status::Closed);
    let others: Vec<LiveView<'_>> = others.filter(|user| !user.identity.is_some_and(is_named)).collect();
    // Texts are made only where there is somebody whom no manifest names.
    if others.is_empty() {
        return Vec::new();
    }
    let lower = |user: &LiveView<'_>| (user.key_text(names).to_lowercase(), user.identity.unwrap_or(user.key));
    let mut found: Vec<Diagnostic> = beside(inputs, &others.iter().filter(|user| is_in(user)).map(lower).collect());
    if unknown.is_empty() {
        return sorted(found);
    }
    let by_lower: HashMap<String, Name> = others.iter().map(lower).collect();
    for (key, position, former) in unknown {
        let text = names.text(key);
        let other = by_lower.get(&text.to_lowercase()).filter(|&&other| Some(other) != former);
        if let Some(&other) = other {
            let message = format!("`{text}` and the live account `{}` differ only by case", names.text(other));
            found.push(of_code(rules)(Code::LookAlike, message).at(position, "another account by this spelling").help(
                "write the key as it is live, or keep it with `previously`; two people: declare them both, and state \
                 `identity.case` in the rules",
            ));
        }
    }
    sorted(found)
}

/// Whether nobody has locked the account out.
const fn is_in(live: &LiveView<'_>) -> bool {
    match live.status {
        Status::Active | Status::Invited | Status::Preloaded => true,
        Status::Inactive | Status::Closed => false,
    }
}

/// The keys of live accounts that a manifest names, beside those of whom none does, by their small letters: whoever
/// leaves may go on by the other one.
fn beside(inputs: &Inputs<'_>, others: &HashMap<String, Name>) -> Vec<Diagnostic> {
    let Inputs { names, desired, live, rules, .. } = *inputs;
    if others.is_empty() {
        return Vec::new();
    }
    let users = desired.users().map(|user| {
        let former = user.previous.map(|previous| previous.identity);
        (user.identity, user.key, user.position, former)
    });
    let leavers = desired.leavers.iter().filter(|&(&identity, _)| desired.find(identity).is_none());
    let leavers = leavers.map(|(&identity, leaver)| (identity, leaver.key, leaver.position, None));
    let known = users.chain(leavers).filter(|&(identity, ..)| live.row_of(identity).is_some());
    let told = known.filter_map(|(_, key, position, former)| {
        let text = names.text(key);
        let other = names.text(*others.get(&text.to_lowercase()).filter(|&&other| Some(other) != former)?);
        let message = format!("`{text}` and the live account `{other}`, whom no manifest names, differ only by case");
        let help = format!(
            "one person: end the other account with `rollcall deactivate {}`; two people: declare them both, and state \
             `identity.case` in the rules",
            shell_word(other)
        );
        Some(of_code(rules)(Code::LookAlike, message).at(position, "another account has this spelling").help(help))
    });
    told.collect()
}

/// Two people by what the rules state, or nobody knows.
fn of_code(rules: &Rules) -> fn(Code, String) -> Diagnostic {
    if rules.identity.case == Some(KeyCase::Sensitive) { Diagnostic::warning } else { Diagnostic::error }
}

fn sorted(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    found.sort_by_key(|one| one.primary.as_ref().map(|label| label.span.start));
    found
}
