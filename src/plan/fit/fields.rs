//! Fields of users against the rules: whether the store has them, and what they may hold.
//!
//! Each field by itself, then those that a new account needs. Deliberately absent: attributes by themselves, which can't
//! even be read against the rules, those that have to be set together (`together`), and whether a value may change.

use crate::diagnostic::{Code, Diagnostic, Position};
use crate::model::{DeclaredFact, Name, Names, UserView, Value, known};
use crate::rules::{FieldRequired, Rules};

/// Fields that every store has, whatever its rules list.
const ALWAYS: [Name; 1] = [known::KIND];

/// What is wrong with one declared field.
pub(super) fn fit(names: &Names, rules: &Rules, user: &UserView<'_>, declared: &DeclaredFact) -> Option<Diagnostic> {
    let field = declared.fact.field;
    let text = names.text(field);
    let position = Position::new(user.position.file, declared.offset);
    if text.starts_with("attributes.") {
        // `manifest` needs the rules to read an attribute at all, and has judged its name and value.
        let Value::Set(list) = declared.fact.value else { return None };
        let entries = names.elements(list).len();
        let whole = rules.lacks_entries(text, entries)?;
        let message =
            format!("`{text}` of `{}` has {entries} of {whole}, which are given together", names.text(user.key));
        let help = format!("list all {whole}, or none");
        return Some(Diagnostic::error(Code::OutsideLimits, message).at(position, "").help(help));
    }
    let Some(rule) = rules.field(text) else {
        if ALWAYS.contains(&field) {
            return kinds(names, rules, declared.fact.value, position);
        }
        let core = text.split_once('.').map_or(text, |(core, _)| core);
        let known = rules.fields.keys().map(String::as_str);
        return Some(unknown(&format!("field `{core}`"), known, position, "`fields` of the rules"));
    };
    if let Some(unit) = text.strip_prefix("home.")
        && let Some(units) = &rule.units
        && !units.iter().any(|known| known == unit)
    {
        return Some(unknown(&format!("home unit `{unit}`"), units.iter().map(String::as_str), position, "the rules"));
    }
    if field == known::KIND
        && let Some(found) = kinds(names, rules, declared.fact.value, position)
    {
        return Some(found);
    }
    if let Some(found) = values(names, rule.values.as_deref(), declared.fact.value, text, position) {
        return Some(found);
    }
    if let (Value::Set(list), Some(format)) = (declared.fact.value, rule.format) {
        let mut entries = names.sorted_texts(list).into_iter();
        let (entry, why) = entries.find_map(|entry| Some((entry, format.refuses(entry)?)))?;
        let message = format!("`{entry}` in `{text}` of `{}` {why}", names.text(user.key));
        return Some(Diagnostic::error(Code::InvalidValue, message).at(position, "").help("correct it"));
    }
    // `all` and `unmanaged` are no entries, and stand for every part of it.
    if text.starts_with("api.") {
        return None;
    }
    let address = declared.fact.value.text().map(|value| names.text(value)).filter(|address| !address.is_empty())?;
    if let Some(why) = rule.format.and_then(|format| format.refuses(address)) {
        let message = format!("`{text}` of `{}` {why}: `{address}`", names.text(user.key));
        return Some(
            Diagnostic::error(Code::InvalidValue, message).at(position, "").help("correct it, or leave it out"),
        );
    }
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let is_at = |domains: &[String]| domains.iter().any(|known| known.eq_ignore_ascii_case(domain));
    let (message, help) = match (rule.domains.as_deref(), rule.private_domains.as_deref()) {
        (Some(domains), _) if !is_at(domains) => {
            let message = format!("`{address}` is not an address at one of the expected domains");
            (message, format!("expected domains: {}", domains.join(", ")))
        }
        (None, Some(domains)) if is_at(domains) => {
            let message = format!("`{address}` looks like a private address, and a professional one is advised");
            (
                message,
                format!(
                    "name the domains that are expected with `fields: {{ {text}: {{ domains: […] }} }}` of the rules"
                ),
            )
        }
        (Some(_) | None, _) => return None,
    };
    Some(Diagnostic::warning(Code::InvalidValue, message).at(position, "").help(help))
}

fn kinds(names: &Names, rules: &Rules, value: Value, position: Position) -> Option<Diagnostic> {
    let kinds = rules.kinds.as_deref()?;
    values(names, Some(kinds), value, "kind", position)
}

fn unknown<'a>(what: &str, known: impl Iterator<Item = &'a str>, position: Position, place: &str) -> Diagnostic {
    let known: Vec<&str> = known.collect();
    let help = if known.is_empty() {
        format!("declare it under {place}, or leave it out")
    } else {
        format!("this store has: {}; declare it under {place}, or leave it out", known.join(", "))
    };
    Diagnostic::error(Code::NotInRules, format!("this store has no {what}")).at(position, "").help(help)
}

fn values(
    names: &Names,
    allowed: Option<&[String]>,
    value: Value,
    field: &str,
    position: Position,
) -> Option<Diagnostic> {
    let allowed = allowed?;
    let wrong = |text: &str| !text.is_empty() && !allowed.iter().any(|known| known == text);
    let text = match value {
        Value::Text(text) => Some(names.text(text)).filter(|text| wrong(text)),
        Value::Set(list) => names.sorted_texts(list).into_iter().find(|text| wrong(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }?;
    let message = format!("`{text}` is no value of `{field}`");
    let help = format!("values there are: {}", allowed.join(", "));
    Some(Diagnostic::error(Code::InvalidValue, message).at(position, "").help(help))
}

/// Required fields that are declared, and empty: to leave one out is to leave it alone, and to empty it is a mistake.
pub(super) fn emptied(names: &Names, fields: &[(String, FieldRequired)], user: &UserView<'_>) -> Vec<Diagnostic> {
    fields
        .iter()
        .filter_map(|(field, _)| {
            let name = names.find(field)?;
            user.value(name).filter(|&value| is_empty(names, value))?;
            let message = format!("`{field}` of `{}` can't be empty: the store demands it", names.text(user.key));
            let help = "write it; left out, it stays as it is where the account is there already";
            Some(Diagnostic::error(Code::RequiredField, message).at(user.value_position(name), "").help(help))
        })
        .collect()
}

/// Fields that a new account can't do without; whoever is there already may go on without.
pub(super) fn lacking(names: &Names, fields: &[(String, FieldRequired)], user: &UserView<'_>) -> Vec<Diagnostic> {
    fields
        .iter()
        .filter(|(field, required)| {
            let value = names.find(field).and_then(|name| user.value(name));
            *required != FieldRequired::Never && value.is_none_or(|value| is_empty(names, value))
        })
        .map(|(field, _)| {
            let message = format!("`{}` has no `{field}`, which a new account needs", names.text(user.key));
            let diagnostic = Diagnostic::warning(Code::RequiredField, message).at(user.position, "");
            diagnostic.help(format!("add `{field}`; without it nobody new is let in"))
        })
        .collect()
}

fn is_empty(names: &Names, value: Value) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => names.text(text).trim().is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Set(_) => false,
    }
}
