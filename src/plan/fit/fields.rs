//! Fields of users against the rules: whether the store has them, and what they may hold.
//!
//! Each field by itself, then those that a new account needs, then those that have to be set together. Deliberately
//! absent: attributes by themselves, which can't even be read against the rules, and whether a value may change.

use crate::diagnostic::{Code, Diagnostic, Position};
use crate::model::{DeclaredFact, DeclaredStatus, Effective, Membership, Name, Names, UserView, Value, known};
use crate::rules::{FieldRequired, NamedField, Requirement, RequirementSeverity, RequirementValue, Rules};

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
    // `all` and `unmanaged` are no entries.
    if text == names.text(known::API_ROUTES) {
        return None;
    }
    let address = declared.fact.value.text().map(|value| names.text(value)).filter(|address| !address.is_empty())?;
    if let Some(why) = rule.format.and_then(|format| format.refuses(address)) {
        let message = format!("`{text}` of `{}` {why}: `{address}`", names.text(user.key));
        return Some(
            Diagnostic::error(Code::InvalidValue, message).at(position, "").help("correct it, or leave it out"),
        );
    }
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

/// Fields that are never empty, and are.
pub(super) fn emptied(names: &Names, fields: &[(String, FieldRequired)], user: &UserView<'_>) -> Vec<Diagnostic> {
    fields
        .iter()
        .filter(|(_, required)| *required == FieldRequired::Always)
        .filter_map(|(field, _)| {
            let name = names.find(field)?;
            user.value(name).filter(|&value| is_empty(value))?;
            let message = format!("`{field}` of `{}` can't be empty", names.text(user.key));
            Some(Diagnostic::error(Code::RequiredField, message).at(user.value_position(name), ""))
        })
        .collect()
}

/// Fields that a new account can't do without; whoever is there already may go on without.
pub(super) fn lacking(names: &Names, fields: &[(String, FieldRequired)], user: &UserView<'_>) -> Vec<Diagnostic> {
    fields
        .iter()
        .filter(|(field, required)| {
            let value = names.find(field).and_then(|name| user.value(name));
            *required != FieldRequired::Never && value.is_none_or(is_empty)
        })
        .map(|(field, _)| {
            let message = format!("`{}` has no `{field}`, which a new account needs", names.text(user.key));
            let diagnostic = Diagnostic::warning(Code::RequiredField, message).at(user.position, "");
            diagnostic.help(format!("add `{field}`; without it nobody new is let in"))
        })
        .collect()
}

fn is_empty(value: Value) -> bool {
    matches!(value, Value::Null | Value::Text(known::EMPTY))
}

/// Fields that have to be set together. `access` is what reaches the user.
pub(super) fn together(names: &Names, rules: &Rules, user: &UserView<'_>, access: &Effective) -> Vec<Diagnostic> {
    let holder = Holder { names, rules, user, access };
    let unmet = |requirement: &&Requirement| {
        requirement.when.iter().all(|(name, value)| holder.holds(name, value))
            && !requirement.any_of.iter().any(|name| holder.is_set(name))
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

/// A user of whom a requirement asks what they have.
struct Holder<'a> {
    names: &'a Names,
    rules: &'a Rules,
    user: &'a UserView<'a>,
    access: &'a Effective,
}

impl Holder<'_> {
    fn is_set(&self, name: &str) -> bool {
        match self.rules.named_field(name) {
            None => false,
            Some(NamedField::Status) => true,
            // What others manage may well be set.
            Some(NamedField::Role) => {
                self.roles().next().is_some() || self.access.left_alone.iter().any(|(_, left_alone)| left_alone.role)
            }
            Some(NamedField::Field(field)) => self.value(&field).is_some_and(Value::is_set),
            Some(NamedField::Parts(prefix)) => self.user.facts.iter().any(|declared| {
                self.names.text(declared.fact.field).starts_with(prefix) && declared.fact.value.is_set()
            }),
        }
    }

    fn holds(&self, name: &str, wanted: &RequirementValue) -> bool {
        let wanted = match wanted {
            RequirementValue::Bool(wanted) => return self.is_set(name) == *wanted,
            RequirementValue::Null => return !self.is_set(name),
            RequirementValue::Text(wanted) => wanted.as_str(),
        };
        let has = |name: Name| self.names.text(name) == wanted;
        match self.rules.named_field(name) {
            None | Some(NamedField::Parts(_)) => false,
            // Who is declared without a status is to be active.
            Some(NamedField::Status) => self.user.status.unwrap_or(DeclaredStatus::Active).as_str() == wanted,
            Some(NamedField::Role) => self.roles().any(has),
            Some(NamedField::Field(field)) => match self.value(&field) {
                Some(Value::Text(text)) => has(text),
                Some(Value::Set(list)) => self.names.elements(list).iter().copied().any(has),
                Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => false,
            },
        }
    }

    fn value(&self, field: &str) -> Option<Value> {
        self.user.value(self.names.find(field)?)
    }

    /// The roles of memberships, extra ones among them, and of site grants.
    fn roles(&self) -> impl Iterator<Item = Name> {
        let extra = |membership: &Membership| self.names.elements(membership.extra_roles).to_vec();
        let memberships = self.access.memberships.iter();
        let memberships = memberships.flat_map(move |membership| membership.role.into_iter().chain(extra(membership)));
        memberships.chain(self.access.grants.iter().filter_map(|grant| grant.role))
    }
}
