//! Fields that have to be set together: what the rules refuse, the store refuses as well, whoever planned it.
//!
//! Only where all of them are columns of the account, which one action changes at once; of access and attributes one
//! action after the other changes a part, and what is between them is judged by the plan.

use super::account::{column, load};
use super::execute::{Stop, Turn, refused};
use super::value::{Fields, Plain};
use crate::rules::{NamedField, RequirementSeverity, RequirementValue};

/// Refuses a change after which the account lacks what the rules demand. A requirement that none of the changed fields is
/// about is not asked: somebody may have edited the store.
pub(super) fn check(turn: &Turn<'_>, (id, key): (i64, &str), changed: &Fields) -> Result<(), Stop> {
    let requirements = turn.rules.require.iter().flatten();
    for requirement in requirements.filter(|one| one.severity == RequirementSeverity::Error) {
        let named = requirement.when.keys().chain(&requirement.any_of);
        let Some(fields) = named.map(|name| field(turn, name)).collect::<Option<Vec<String>>>() else { continue };
        if !fields.iter().any(|field| changed.contains_key(field)) {
            continue;
        }
        let live = load(turn, id, fields.iter())?;
        let key_field = turn.rules.identity.key_field().as_str();
        let is_set = |name: &String| name == key_field || live.get(name).is_some_and(is_set);
        let holds = |(name, wanted): (&String, &RequirementValue)| match wanted {
            RequirementValue::Bool(wanted) => is_set(name) == *wanted,
            RequirementValue::Null => !is_set(name),
            RequirementValue::Text(wanted) => matches!(live.get(name), Some(Plain::Text(text)) if text == wanted),
        };
        if requirement.when.iter().all(holds) && !requirement.any_of.iter().any(is_set) {
            return Err(refused(format!("`{key}` needs `{}`", requirement.any_of.join("` or `"))));
        }
    }
    Ok(())
}

/// The column that the rules mean, if it is one.
fn field(turn: &Turn<'_>, name: &str) -> Option<String> {
    match turn.rules.named_field(name)? {
        NamedField::Field(field) => column(&field).map(str::to_owned),
        NamedField::Role | NamedField::Status | NamedField::Parts(_) => None,
    }
}

fn is_set(value: &Plain) -> bool {
    match value {
        Plain::Null | Plain::Bool(false) => false,
        Plain::Text(text) => !text.trim().is_empty(),
        Plain::Set(list) => !list.is_empty(),
        Plain::Bool(true) | Plain::Number(_) => true,
    }
}
