//! Somebody new who has the name, or the address, of somebody live whom no manifest names: most likely one person whose
//! key was changed, in the store or in the manifests, for whom a second account would be made while the first one ends.
//!
//! It is told and nothing more: two people may have one name. Where a key never changes it is another user, and nothing
//! is told. Keys that only small and capital letters keep apart are told elsewhere (`written_otherwise`).

use std::collections::{BTreeSet, HashMap};

use super::Inputs;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{DeclaredStatus, LiveView, Name, Names, Status, UserView, Value, known};
use crate::rules::{KeyField, Rules};

/// What is compared of two accounts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Mark {
    /// The address, where it is not the key.
    Address(String),
    /// The login, where it is not the key.
    Login(String),
    /// The name of a person.
    Person(String),
}

/// A warning for each declared user whom the store does not have, and who looks like somebody whom no manifest names.
/// With a target for nobody else.
pub(super) fn same_person(inputs: &Inputs<'_>, target: Option<Name>) -> Vec<Diagnostic> {
    let Inputs { names, desired, live, rules, .. } = *inputs;
    if rules.identity.immutable == Some(true) {
        return Vec::new();
    }
    let is_known = |identity: Name| live.row_of(identity).is_some() || live.ambiguous().contains(&identity);
    let is_new = |user: &UserView<'_>| {
        let is_meant = target.is_none_or(|target| user.identity == target);
        let is_ending = user.status == Some(DeclaredStatus::Absent) || desired.leavers.contains_key(&user.identity);
        let former = user.previous.is_some_and(|previous| is_known(previous.identity));
        is_meant && !is_ending && !former && !is_known(user.identity)
    };
    let new: Vec<UserView<'_>> = desired.users().filter(is_new).collect();
    // Texts of all who are live are made only where somebody is new.
    if new.is_empty() {
        return Vec::new();
    }
    let former: BTreeSet<Name> = desired.former_keys().map(|(_, previous)| previous.identity).collect();
    let is_named = |identity: Name| {
        desired.find(identity).is_some() || desired.leavers.contains_key(&identity) || former.contains(&identity)
    };
    let mut by_mark: HashMap<Mark, Name> = HashMap::new();
    for other in live.users().filter(|user| is_undeclared(user) && !user.identity.is_some_and(is_named)) {
        for mark in marks((names, rules), |field| other.value(field)) {
            let first = by_mark.entry(mark).or_insert(other.key);
            if names.text(other.key) < names.text(*first) {
                *first = other.key;
            }
        }
    }
    let told = |user: &UserView<'_>| {
        let marks = marks((names, rules), |field| user.value(field).unwrap_or(Value::Null));
        let found = marks.into_iter().find_map(|mark| Some((*by_mark.get(&mark)?, mark)));
        let is_told_elsewhere = |other: Name| names.text(other).to_lowercase() == names.text(user.key).to_lowercase();
        let found = found.filter(|&(other, _)| !is_told_elsewhere(other));
        found.map(|(other, mark)| warning(inputs, user, names.text(other), &mark))
    };
    let mut found: Vec<Diagnostic> = new.iter().filter_map(told).collect();
    found.sort_by_key(|one| one.primary.as_ref().map(|label| label.span.start));
    found
}

/// Whether an account is one of a person that may end because nobody declares it.
fn is_undeclared(live: &LiveView<'_>) -> bool {
    !live.is_service() && !matches!(live.status, Status::Inactive | Status::Closed)
}

fn warning(inputs: &Inputs<'_>, user: &UserView<'_>, other: &str, mark: &Mark) -> Diagnostic {
    let same = match mark {
        Mark::Address(address) => format!("the address `{address}`"),
        Mark::Login(login) => format!("the login `{login}`"),
        Mark::Person(name) => format!("the name `{name}`"),
    };
    let key = inputs.names.text(user.key);
    let message = format!("`{key}` is nobody in the store, where `{other}`, whom no manifest names, has {same} too");
    let is_renamed = !inputs.rules.identity.is_immutable();
    let rename = if is_renamed { format!(", or give it this one by `previously: {other}`") } else { String::new() };
    let help = format!("one person: declare them by the key that is live{rename}; two people: declare both");
    Diagnostic::warning(Code::LookAlike, message).at(user.position, "another account by this key").help(help)
}

/// By what an account may be known beside its key, the surest first.
fn marks((names, rules): (&Names, &Rules), value: impl Fn(Name) -> Value) -> Vec<Mark> {
    let text = |field: Name| value(field).text().filter(|&text| text != known::EMPTY).map(|text| names.text(text));
    let key = rules.identity.key_field();
    // An address of several people says nothing of one.
    let address = text(known::EMAIL).filter(|text| key != KeyField::Email && !rules.personal.looks_shared(text));
    let login = text(known::LOGIN).filter(|_| key != KeyField::Login);
    let parts = || Some(format!("{} {}", text(known::GIVEN_NAME)?, text(known::FAMILY_NAME)?));
    let person = text(known::NAME).map(str::to_owned).or_else(parts);
    let address = address.map(|address| Mark::Address(address.to_lowercase()));
    let login = login.map(|login| Mark::Login(login.to_owned()));
    [address, login, person.map(Mark::Person)].into_iter().flatten().collect()
}
