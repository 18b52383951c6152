//! What both sides have in the fields of a user: the profile, and what is access.

use std::collections::BTreeMap;

use super::explain::Scene;
use crate::diagnostic::Position;
use crate::model::{LiveView, Name, Names, UserView, Value, known};

/// What one side has in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldSide {
    /// The value.
    pub value: Value,
    /// Whether it means everything there is.
    pub is_everything: bool,
}

/// A field on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldExplanation {
    /// The field, by its dotted name.
    pub field: Name,
    /// What is declared, and where; `None` if nothing is.
    pub declared: Option<(FieldSide, Position)>,
    /// What is live; `None` if there is no account, or no live state was given.
    pub live: Option<FieldSide>,
    /// Whether a line leaves it to others.
    pub is_left_alone: bool,
    /// Whether both sides are the same to the store, or the declared one does not speak.
    pub is_same: bool,
}

/// What a person is called, as declared, else as live: the full name, else its parts.
pub(super) fn person(names: &Names, user: Option<&UserView<'_>>, account: Option<&LiveView<'_>>) -> Option<String> {
    let value = |field: Name| {
        let declared = user.and_then(|user| user.value(field)).or_else(|| account.map(|account| account.value(field)));
        declared.and_then(Value::text).filter(|&text| text != known::EMPTY).map(|text| names.text(text))
    };
    let parts = || {
        let parts: Vec<&str> = [known::GIVEN_NAME, known::FAMILY_NAME].into_iter().filter_map(value).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    };
    value(known::NAME).map(str::to_owned).or_else(parts)
}

/// Fields in which either side has something, but for the key.
pub(super) fn fields(
    scene: Scene<'_>,
    user: Option<&UserView<'_>>,
    account: Option<&LiveView<'_>>,
) -> Vec<FieldExplanation> {
    let Scene { names, rules, .. } = scene;
    let key = rules.identity.key_field();
    let declared = user.iter().flat_map(|user| user.facts).map(|declared| declared.fact.field);
    let live = account.iter().flat_map(|account| account.facts).filter(|fact| fact.value.is_set());
    // Where nothing would mean everything, that is worth a line.
    let open = rules.open_when_empty().filter_map(|name| names.find(&format!("attributes.{name}")));
    let found: BTreeMap<&str, Name> = declared
        .chain(live.map(|fact| fact.field))
        .chain(open)
        .map(|field| (names.text(field), field))
        .filter(|(text, _)| *text != key.as_str())
        .collect();
    let explain = |(text, field): (&str, Name)| {
        let declared = user.and_then(|user| Some((user.value(field)?, user.value_position(field))));
        let live = account.map(|account| account.value(field));
        let is_left_alone = rules.is_access(text) && declared.is_some_and(|(value, _)| value == UNMANAGED);
        let wanted = match declared {
            Some((value, _)) => Some(value),
            // Access that is left out is none; other fields that are left out are not managed.
            None => (user.is_some() && rules.is_access(text)).then_some(Value::Null),
        };
        let is_same = !rules.is_readable(text)
            || live.is_none_or(|live| {
                is_left_alone || wanted.is_some_and(|wanted| rules.same_value(names, field, wanted, live))
            });
        let side = |value| FieldSide { value, is_everything: rules.is_everything(text, value) };
        let declared = declared.map(|(value, position)| (side(value), position));
        FieldExplanation { field, declared, live: live.map(side), is_left_alone, is_same }
    };
    found.into_iter().map(explain).collect()
}

const UNMANAGED: Value = Value::Text(known::UNMANAGED);
