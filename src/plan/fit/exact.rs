//! Access fields where empty means everything: what is left out can't mean nothing there, so it has to be said.
//!
//! Whoever is declared inactive has no access to say anything about. Deliberately absent: whether a value is one of
//! those that the field may have (`fields`).

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{DeclaredStatus, Names, UserView, Value, known};
use crate::rules::Rules;

/// Access fields of one user that would open everything by saying nothing (`language.md` §3, 2).
pub(super) fn fit(names: &Names, rules: &Rules, user: &UserView<'_>) -> Vec<Diagnostic> {
    if matches!(user.status, Some(DeclaredStatus::Inactive | DeclaredStatus::Absent)) {
        return Vec::new();
    }
    let declared = |field: &str| names.find(field).and_then(|name| user.value(name)).unwrap_or(Value::Null);
    let has_api = declared("api.enabled") == Value::Bool(true);
    let routes = (has_api && !rules.reads_no_routes_as_none()).then(|| "api.routes".to_owned());
    let open = rules.open_when_empty().map(|attribute| format!("attributes.{attribute}"));
    open.chain(routes)
        .filter(|field| says_nothing(declared(field)))
        .map(|field| {
            let message =
                format!("`{field}` of `{}` says nothing, which this store reads as everything", names.text(user.key));
            let position = names.find(&field).map_or(user.position, |name| user.value_position(name));
            let help =
                format!("write what is meant, or `{}: all`", field.rsplit_once('.').map_or("", |(_, last)| last));
            Diagnostic::error(Code::RequiredField, message).at(position, "").help(help)
        })
        .collect()
}

fn says_nothing(value: Value) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text == known::EMPTY,
        Value::Set(list) => list.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
