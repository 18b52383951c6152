//! Fields that have to be set together, by the rules: what is declared and, where it is known, what is live beside it.
//!
//! A profile field that is left out stays as it is live, an access field that is left out is taken away, and what others
//! manage is theirs. Where nothing is known of the store, what others manage may well be set.

use crate::diagnostic::{Code, Diagnostic, Position};
use crate::model::{DeclaredStatus, Effective, LiveView, Membership, Name, Names, UserView, Value, known};
use crate::rules::{NamedField, Requirement, RequirementSeverity, RequirementValue, Rules};

/// A user of whom a requirement asks what they will have.
pub(in crate::plan) struct Holder<'a> {
    pub(in crate::plan) names: &'a Names,
    pub(in crate::plan) rules: &'a Rules,
    pub(in crate::plan) user: &'a UserView<'a>,
    /// What reaches the user.
    pub(in crate::plan) access: &'a Effective,
    /// The account; `None`: there is none, or the store was not asked.
    pub(in crate::plan) live: Option<&'a LiveView<'a>>,
}

/// Requirements that a user does not meet, of those that speak of nothing but fields: errors.
pub(super) fn unmet_by_fields(holder: &Holder<'_>) -> Vec<Diagnostic> {
    let is_of_fields = |requirement: &&Requirement| {
        requirement.when.keys().chain(&requirement.any_of).all(|name| match holder.rules.named_field(name) {
            Some(NamedField::Field(_) | NamedField::Parts(_) | NamedField::Status) => true,
            Some(NamedField::Role) | None => false,
        })
    };
    let of_fields = holder.rules.require.iter().flatten().filter(is_of_fields);
    let severe = of_fields.filter(|one| one.severity == RequirementSeverity::Error);
    severe.filter(|one| holder.is_unmet(one)).filter_map(|one| holder.told(one)).collect()
}

/// Requirements of this severity that a user does not meet, each at the line that leaves it unmet. With a live account
/// only those of which a line says a part: for the others no manifest can be blamed.
pub(in crate::plan) fn unmet(holder: &Holder<'_>, severity: RequirementSeverity) -> Vec<Diagnostic> {
    let requirements = holder.rules.require.iter().flatten().filter(|one| one.severity == severity);
    requirements
        .filter(|requirement| holder.is_unmet(requirement))
        .filter_map(|requirement| holder.told(requirement))
        .collect()
}

impl Holder<'_> {
    fn is_unmet(&self, requirement: &Requirement) -> bool {
        requirement.when.iter().all(|(name, value)| self.holds(name, value))
            && !requirement.any_of.iter().any(|name| self.may_be_set(name))
    }

    fn told(&self, requirement: &Requirement) -> Option<Diagnostic> {
        let key = self.names.text(self.user.key);
        let message = format!("`{key}` needs `{}`", requirement.any_of.join("` or `"));
        let diagnostic = match requirement.severity {
            RequirementSeverity::Error => Diagnostic::error(Code::RequiredField, message),
            RequirementSeverity::Warning => Diagnostic::warning(Code::RequiredField, message),
        };
        let emptied = requirement.any_of.iter().find_map(|name| self.declared_at(name));
        let position = match (self.live, requirement.severity) {
            (None, _) | (Some(_), RequirementSeverity::Warning) => emptied.unwrap_or(self.user.position),
            (Some(_), RequirementSeverity::Error) => {
                emptied.or_else(|| requirement.when.keys().find_map(|name| self.declared_at(name)))?
            }
        };
        let because: Vec<&str> = requirement.when.keys().map(String::as_str).collect();
        let is_of_store = self.live.is_some() && requirement.severity == RequirementSeverity::Error;
        let live = if is_of_store { ", with what is live" } else { "" };
        Some(
            diagnostic
                .at(position, "")
                .help(format!("asked for by the rules because of `{}`{live}", because.join("`, `"))),
        )
    }

    /// Where a field is declared, if it is. Roles count as declared with the user.
    fn declared_at(&self, name: &str) -> Option<Position> {
        match self.rules.named_field(name)? {
            NamedField::Status => self.user.status_position,
            NamedField::Role => Some(self.user.position),
            NamedField::Field(field) => {
                let field = self.names.find(&field)?;
                self.user.value(field).map(|_| self.user.value_position(field))
            }
            NamedField::Parts(prefix) => {
                let mut facts = self.user.facts.iter();
                let part = facts.find(|declared| self.names.text(declared.fact.field).starts_with(prefix))?;
                Some(Position::new(self.user.position.file, part.offset))
            }
        }
    }

    /// Whether a field is set, or others manage it and nothing is known of what they gave.
    fn may_be_set(&self, name: &str) -> bool {
        match self.rules.named_field(name) {
            None => false,
            Some(NamedField::Status) => true,
            Some(NamedField::Role) => {
                let is_left = || self.access.left_alone.iter().any(|(_, left_alone)| left_alone.role);
                !self.roles().is_empty() || (self.live.is_none() && is_left())
            }
            Some(NamedField::Field(field)) => match self.value(&field) {
                Known::As(value) => self.says_something(value),
                Known::ByOthers => true,
            },
            Some(NamedField::Parts(prefix)) => self.parts(prefix).into_iter().any(|value| self.says_something(value)),
        }
    }

    fn holds(&self, name: &str, wanted: &RequirementValue) -> bool {
        if let Some(NamedField::Field(field)) = self.rules.named_field(name)
            && matches!(self.value(&field), Known::ByOthers)
        {
            return false;
        }
        let wanted = match wanted {
            RequirementValue::Bool(wanted) => return self.may_be_set(name) == *wanted,
            RequirementValue::Null => return !self.may_be_set(name),
            RequirementValue::Text(wanted) => wanted.as_str(),
        };
        let has = |name: Name| self.names.text(name) == wanted;
        match self.rules.named_field(name) {
            None | Some(NamedField::Parts(_)) => false,
            // Who is declared without a status is to be active.
            Some(NamedField::Status) => self.user.status.unwrap_or(DeclaredStatus::Active).as_str() == wanted,
            Some(NamedField::Role) => self.roles().into_iter().any(has),
            Some(NamedField::Field(field)) => match self.value(&field) {
                Known::As(Value::Text(text)) => has(text),
                Known::As(Value::Set(list)) => self.names.elements(list).iter().copied().any(has),
                Known::As(Value::Null | Value::Bool(_) | Value::Number(_)) | Known::ByOthers => false,
            },
        }
    }

    /// What a field will hold. The field that is the key is never empty.
    fn value(&self, field: &str) -> Known {
        if field == self.rules.identity.key_field().as_str() {
            return Known::As(Value::Text(self.user.key));
        }
        let Some(name) = self.names.find(field) else { return Known::As(Value::Null) };
        let live = self.live.map(|live| live.value(name));
        let is_access = self.rules.is_access(field);
        match self.user.value(name) {
            Some(Value::Text(known::UNMANAGED)) if is_access => live.map_or(Known::ByOthers, Known::As),
            Some(value) => Known::As(value),
            None if is_access => Known::As(Value::Null),
            None => Known::As(live.unwrap_or(Value::Null)),
        }
    }

    /// What the parts of a field will hold, such as those of `home`.
    fn parts(&self, prefix: &str) -> Vec<Value> {
        let declared = self.user.facts.iter().map(|declared| declared.fact.field);
        let live = self.live.into_iter().flat_map(|live| live.facts).map(|fact| fact.field);
        let fields = declared.chain(live).map(|field| self.names.text(field));
        let value = |field| match self.value(field) {
            Known::As(value) => value,
            Known::ByOthers => Value::Null,
        };
        fields.filter(|field| field.starts_with(prefix)).map(value).collect()
    }

    fn says_something(&self, value: Value) -> bool {
        value.is_set() && value.text().is_none_or(|text| !self.names.text(text).trim().is_empty())
    }

    /// The roles of memberships, extra ones among them, and of site grants; those of today where others manage them.
    fn roles(&self) -> Vec<Name> {
        let of = |membership: &Membership| {
            let extra = self.names.elements(membership.extra_roles).to_vec();
            membership.role.into_iter().chain(extra)
        };
        let is_left = |membership: &&Membership| self.access.left_alone_in(membership.organization).role;
        let by_others = self.live.into_iter().flat_map(|live| live.memberships).filter(is_left);
        let memberships = self.access.memberships.iter().chain(by_others).flat_map(of);
        memberships.chain(self.access.grants.iter().filter_map(|grant| grant.role)).collect()
    }
}

/// What is known of the value that a field will have.
enum Known {
    /// It will be this one.
    As(Value),
    /// Others manage it, and the store was not asked.
    ByOthers,
}
