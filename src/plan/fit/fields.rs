//! Fields of users against the rules: whether the store has them, and what they may hold.

use crate::diagnostic::{Code, Diagnostic, Position};
use crate::model::{DeclaredFact, Name, Names, UserView, Value, known};
use crate::rules::{FieldRequired, Requirement, RequirementSeverity, RequirementValue, Rules};

/// Fields that every store has, whatever its rules list.
const ALWAYS: [Name; 1] = [known::KIND];

/// What is wrong with one declared field.
pub(super) fn fit(names: &Names, rules: &Rules, user: &UserView<'_>, declared: &DeclaredFact) -> Option<Diagnostic> {
    let field = declared.fact.field;
    let text = names.text(field);
    let position = Position::new(user.position.file, declared.offset);
    if let Some(attribute) = text.strip_prefix("attributes.") {
        let Some(rule) = rules.attribute(text) else {
            let known = rules.attributes.keys().map(String::as_str);
            return Some(unknown(&format!("attribute `{attribute}`"), known, position, "`attributes` of the rules"));
        };
        return values(names, rule.values.as_deref(), declared.fact.value, text, position);
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
    let address = declared.fact.value.text().map(|value| names.text(value)).filter(|address| !address.is_empty())?;
    let domains = rule.domains.as_deref()?;
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    if domains.iter().any(|known| known.eq_ignore_ascii_case(domain)) {
        return None;
    }
    let message = format!("`{address}` is not an address at one of the expected domains");
    let help = format!("expected domains: {}", domains.join(", "));
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

/// Fields that a new account can't do without; whoever is there already may go on without.
pub(super) fn required(names: &Names, rules: &Rules, user: &UserView<'_>) -> Vec<Diagnostic> {
    let key = rules.identity.key_field().as_str();
    let core = rules.fields.iter().filter(|(name, _)| name.as_str() != key);
    let core = core.filter_map(|(name, field)| Some((name.clone(), field.as_ref()?.required?)));
    let attributes = rules.attributes.iter();
    let attributes =
        attributes.filter_map(|(name, field)| Some((format!("attributes.{name}"), field.as_ref()?.required?)));
    core.chain(attributes)
        .filter_map(|(field, required)| {
            let value = names.find(&field).and_then(|name| Some((name, user.value(name)?)));
            let is_empty = |value: Value| matches!(value, Value::Null | Value::Text(known::PLATFORM));
            match (required, value) {
                (FieldRequired::Never, _) => None,
                (FieldRequired::Always, Some((name, value))) if is_empty(value) => {
                    let message = format!("`{field}` of `{}` can't be empty", names.text(user.key));
                    Some(Diagnostic::error(Code::RequiredField, message).at(user.value_position(name), ""))
                }
                (FieldRequired::Onboarding | FieldRequired::Always, Some((_, value))) if !is_empty(value) => None,
                (FieldRequired::Onboarding | FieldRequired::Always, _) => {
                    let message = format!("`{}` has no `{field}`, which a new account needs", names.text(user.key));
                    let diagnostic = Diagnostic::warning(Code::RequiredField, message).at(user.position, "");
                    Some(diagnostic.help(format!("add `{field}`; without it nobody new is let in")))
                }
            }
        })
        .collect()
}

/// Fields that have to be set together.
pub(super) fn together(names: &Names, rules: &Rules, user: &UserView<'_>) -> Vec<Diagnostic> {
    let declared = |field: &str| names.find(field).and_then(|name| user.value(name)).unwrap_or(Value::Null);
    let is_set = |field: &str| match declared(field) {
        Value::Null | Value::Bool(false) => false,
        Value::Text(text) => text != known::PLATFORM,
        Value::Set(list) => !list.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    };
    let holds = |(field, value): (&String, &RequirementValue)| match value {
        RequirementValue::Bool(wanted) => is_set(field) == *wanted,
        RequirementValue::Text(wanted) => declared(field).text().is_some_and(|text| names.text(text) == wanted),
        RequirementValue::Null => !is_set(field),
    };
    let unmet = |requirement: &&Requirement| {
        requirement.when.iter().all(holds) && !requirement.any_of.iter().any(|field| is_set(field))
    };
    rules
        .require
        .iter()
        .flatten()
        .filter(unmet)
        .map(|requirement| {
            let key = names.text(user.key);
            let fields = requirement.any_of.join("` or `");
            let message = format!("`{key}` needs `{fields}`");
            let diagnostic = match requirement.severity {
                RequirementSeverity::Error => Diagnostic::error(Code::RequiredField, message),
                RequirementSeverity::Warning => Diagnostic::warning(Code::RequiredField, message),
            };
            let because: Vec<&str> = requirement.when.keys().map(String::as_str).collect();
            diagnostic
                .at(user.position, "")
                .help(format!("asked for by the rules because of `{}`", because.join("`, `")))
        })
        .collect()
}
