//! Fields of accounts: which there are, what they may hold, how their values compare, which of them are access.
//!
//! A field is named by its dotted name: `home.company`, `api.routes`, `attributes.clearance`. Core fields are those of
//! the language; attributes are what a store has beside them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::Rules;
use super::formats::FieldFormat;
use crate::model::{Name, Names, Value, known};

/// The core fields of the language (`language.md` §2), in its order; further fields are attributes.
pub const CORE_FIELDS: &[&str] = &[
    "login",
    "email",
    "name",
    "given_name",
    "family_name",
    "phone",
    "mobile",
    "language",
    "timezone",
    "job_title",
    "department",
    "user_type",
    "kind",
    "mfa",
    "home",
    "api",
];

/// When a field has to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldRequired {
    /// Never.
    Never,
    /// When the account is made.
    Onboarding,
    /// Always.
    Always,
}

/// How a declared and a live value compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// Byte for byte.
    Exact,
    /// Without case.
    Case,
    /// By their digits, and a leading `+`.
    Digits,
    /// Without spaces at the ends.
    Trimmed,
}

/// Who switches two-factor authentication on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MfaSetBy {
    /// An administrator.
    Administrator,
    /// The person, by enrolling: never an action.
    Person,
    /// The licence, for everybody.
    Licence,
}

/// What an empty list means in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmptyMeaning {
    /// Nothing.
    None,
    /// Everything.
    All,
}

/// How an API secret is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApiSecret {
    /// Once, when it is made.
    Once,
}

/// A core field of accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Field {
    /// When it has to be set.
    pub required: Option<FieldRequired>,
    /// The form of its text.
    pub format: Option<FieldFormat>,
    /// The only values that it may have.
    pub values: Option<Vec<String>>,
    /// Domains that an address should have.
    pub domains: Option<Vec<String>>,
    /// Domains of private addresses, which are advised against; not asked where `domains` says which are expected.
    pub private_domains: Option<Vec<String>>,
    /// Whether it can never change.
    pub immutable: Option<bool>,
    /// Whether it can't be read back.
    pub write_only: Option<bool>,
    /// How values compare.
    pub compare: Option<Comparison>,
    /// Of `home`: its units.
    pub units: Option<Vec<String>>,
    /// Of `mfa`: who switches it on.
    pub set_by: Option<MfaSetBy>,
    /// Of `api`: what an empty list of routes means.
    pub empty_routes: Option<EmptyMeaning>,
    /// Of `api`: how its secret is shown.
    pub secret: Option<ApiSecret>,
}

/// The type of an attribute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttributeType {
    /// `true` or `false`.
    Bool,
    /// Any text.
    #[default]
    Text,
    /// One of `values`.
    Enum,
    /// One of `values`, which stand in ascending order.
    Ordinal,
    /// A set of texts, of `values` where there are such.
    Set,
    /// A day.
    Date,
}

/// A further field of accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Attribute {
    /// Its type; may be left out only where the extended rule set states it.
    #[serde(rename = "type")]
    pub kind: AttributeType,
    /// The only values that it may have.
    pub values: Option<Vec<String>>,
    /// When it has to be set.
    pub required: Option<FieldRequired>,
    /// Whether it can never change.
    pub immutable: Option<bool>,
    /// Whether it can't be read back.
    pub write_only: Option<bool>,
    /// How values compare.
    pub compare: Option<Comparison>,
    /// Whether it is access: exact, left out means none.
    pub access: Option<bool>,
    /// What an empty set means.
    pub empty: Option<EmptyMeaning>,
    /// Of a set whose entries are given together or not at all: how many there are.
    pub all_or_none: Option<u32>,
    /// Whether its holder administers users.
    pub admin: Option<bool>,
}

/// How bad an unmet requirement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequirementSeverity {
    /// Nothing is planned.
    Error,
    /// Worth a look.
    Warning,
}

/// Fields that have to be set together: when every field of `when` has its value, one of `any_of` has to be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// The condition.
    pub when: BTreeMap<String, RequirementValue>,
    /// One of these has to be set then.
    pub any_of: Vec<String>,
    /// How bad it is otherwise.
    pub severity: RequirementSeverity,
}

/// A value in a condition; `null`: the field is not set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RequirementValue {
    /// A truth value.
    Bool(bool),
    /// A text.
    Text(String),
    /// Not set.
    Null,
}

/// What a rule set calls by a name: in `require` and in `mail.needs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedField {
    /// The roles of a user.
    Role,
    /// The status.
    Status,
    /// A field, by its dotted name (`email`, `home.company`, `attributes.clearance`).
    Field(String),
    /// A core field of several parts, as a whole: `home` or `api`.
    Parts(&'static str),
}

const ATTRIBUTES: &str = "attributes.";
const API_ROUTES: &str = "api.routes";
const MFA: &str = "mfa";

impl Rules {
    /// The rule of an attribute, by the dotted name of its field.
    #[must_use]
    pub fn attribute(&self, field: &str) -> Option<&Attribute> {
        self.attributes.get(field.strip_prefix(ATTRIBUTES)?)?.as_ref()
    }

    /// The fields that a new account, or every account, can't do without, by their dotted names; the key is not among
    /// them, since everybody has one.
    pub fn required_fields(&self) -> impl Iterator<Item = (String, FieldRequired)> {
        let key = self.identity.key_field().as_str();
        let core = self.fields.iter().filter(move |(name, _)| name.as_str() != key);
        let core = core.filter_map(|(name, field)| Some((name.clone(), field.as_ref()?.required?)));
        let attributes = self.attributes.iter();
        let attributes =
            attributes.filter_map(|(name, field)| Some((format!("{ATTRIBUTES}{name}"), field.as_ref()?.required?)));
        core.chain(attributes).filter(|&(_, required)| required != FieldRequired::Never)
    }

    /// Whether a field has to be set at some time, by its dotted name; the key always is.
    #[must_use]
    pub fn is_required(&self, field: &str) -> bool {
        let of_attribute = || self.attribute(field).and_then(|attribute| attribute.required);
        let required = self.field(field).map_or_else(of_attribute, |core| core.required);
        required.is_some_and(|required| required != FieldRequired::Never)
    }

    /// What a rule set means by a name: `role`, `status`, a core field or a part of one, or an attribute with or
    /// without `attributes.` before it. A core field goes before an attribute of the same name.
    #[must_use]
    pub fn named_field(&self, name: &str) -> Option<NamedField> {
        if let Some(attribute) = name.strip_prefix(ATTRIBUTES) {
            return self.attributes.contains_key(attribute).then(|| NamedField::Field(name.to_owned()));
        }
        match name {
            "role" => return Some(NamedField::Role),
            "status" => return Some(NamedField::Status),
            "home" => return Some(NamedField::Parts("home.")),
            "api" => return Some(NamedField::Parts("api.")),
            _ if name.starts_with("home.") || name.starts_with("api.") => {
                return Some(NamedField::Field(name.to_owned()));
            }
            _ => {}
        }
        if CORE_FIELDS.contains(&name) {
            return Some(NamedField::Field(name.to_owned()));
        }
        self.attributes.contains_key(name).then(|| NamedField::Field(format!("{ATTRIBUTES}{name}")))
    }

    /// The rule of a core field, by the name of the field; `home.company` is a part of `home`.
    #[must_use]
    pub fn field(&self, field: &str) -> Option<&Field> {
        let core = field.split_once('.').map_or(field, |(core, _)| core);
        self.fields.get(core)?.as_ref()
    }

    /// Whether a field is access: exact, left out means none.
    #[must_use]
    pub fn is_access(&self, field: &str) -> bool {
        field.starts_with("api.") || self.attribute(field).is_some_and(|attribute| attribute.access == Some(true))
    }

    /// Whether an empty list of API routes means that none is open; where nobody states it, it may mean every one.
    #[must_use]
    pub fn reads_no_routes_as_none(&self) -> bool {
        self.field(API_ROUTES).and_then(|rule| rule.empty_routes) == Some(EmptyMeaning::None)
    }

    /// Access attributes of which an empty value means everything.
    pub fn open_when_empty(&self) -> impl Iterator<Item = &str> {
        let is_open =
            |attribute: &Attribute| attribute.access == Some(true) && attribute.empty == Some(EmptyMeaning::All);
        self.attributes
            .iter()
            .filter(move |(_, attribute)| attribute.as_ref().is_some_and(is_open))
            .map(|(name, _)| name.as_str())
    }

    /// Whether a value of an access attribute is less than everything where none at all would be everything: an account
    /// without it would see more than anybody declared.
    #[must_use]
    pub fn narrows(&self, field: &str, value: Value) -> bool {
        let is_open = field.starts_with(ATTRIBUTES) && self.is_access(field) && self.is_everything(field, Value::Null);
        is_open && !self.is_everything(field, value)
    }

    /// How many entries a set has to have that has some and not all, where they are given together or not at all.
    #[must_use]
    pub fn lacks_entries(&self, field: &str, entries: usize) -> Option<u32> {
        let whole = self.attribute(field)?.all_or_none?;
        (entries > 0 && entries != whole as usize).then_some(whole)
    }

    /// Whether a field can be read back and compared.
    #[must_use]
    pub fn is_readable(&self, field: &str) -> bool {
        let write_only = match self.attribute(field) {
            Some(attribute) => attribute.write_only,
            None => self.field(field).and_then(|rule| rule.write_only),
        };
        write_only != Some(true)
    }

    /// Whether a field can never change: it can, if not stated.
    #[must_use]
    pub fn is_immutable(&self, field: &str) -> bool {
        let immutable = match self.attribute(field) {
            Some(attribute) => attribute.immutable,
            None => self.field(field).and_then(|rule| rule.immutable),
        };
        immutable == Some(true)
    }

    /// Whether a field is written by others only: two-factor authentication, where the person or the licence switches
    /// it on.
    #[must_use]
    pub fn is_set_by_others(&self, field: &str) -> bool {
        field == MFA
            && match self.field(MFA).and_then(|rule| rule.set_by) {
                Some(MfaSetBy::Person | MfaSetBy::Licence) => true,
                Some(MfaSetBy::Administrator) | None => false,
            }
    }

    /// Whether two-factor authentication is switched on by the enrolment of the person: not, if not stated.
    #[must_use]
    pub fn needs_enrolment(&self) -> bool {
        match self.field(MFA).and_then(|rule| rule.set_by) {
            Some(MfaSetBy::Person) => true,
            Some(MfaSetBy::Administrator | MfaSetBy::Licence) | None => false,
        }
    }

    /// Attributes whose holder administers users, by the dotted names of their fields.
    pub fn admin_attributes(&self) -> impl Iterator<Item = String> {
        let is_admin = |attribute: &Attribute| attribute.admin == Some(true);
        let attributes = self.attributes.iter();
        attributes
            .filter(move |(_, attribute)| attribute.as_ref().is_some_and(is_admin))
            .map(|(name, _)| format!("{ATTRIBUTES}{name}"))
    }

    /// What an empty value of a field means; `None`: not stated.
    fn empty_meaning(&self, field: &str) -> Option<EmptyMeaning> {
        match self.attribute(field) {
            Some(attribute) => Some(attribute.empty.unwrap_or(EmptyMeaning::None)),
            None if field == API_ROUTES => self.field(field).and_then(|rule| rule.empty_routes),
            None => Some(EmptyMeaning::None),
        }
    }

    /// Whether a value of a field means everything there is, where `all` and empty are words for that.
    #[must_use]
    pub fn is_everything(&self, field: &str, value: Value) -> bool {
        let empty_is_all = self.empty_meaning(field) == Some(EmptyMeaning::All);
        match value {
            Value::Null | Value::Text(known::EMPTY) => empty_is_all,
            Value::Text(known::ALL) => empty_is_all || field == API_ROUTES,
            Value::Set(list) => empty_is_all && list.is_empty(),
            Value::Text(_) | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Whether a declared and a live value of a field are the same to the store.
    #[must_use]
    pub fn same_value(&self, names: &Names, field: Name, declared: Value, live: Value) -> bool {
        if declared == live {
            return true;
        }
        let field = names.text(field);
        match (declared, live) {
            _ if self.is_everything(field, declared) && self.is_everything(field, live) => true,
            // A text that is known to be empty and one that is not set are the same; so are an empty set and none.
            (Value::Text(text), Value::Null) | (Value::Null, Value::Text(text)) => text == known::EMPTY,
            (Value::Set(list), Value::Null) | (Value::Null, Value::Set(list)) => list.is_empty(),
            (Value::Bool(value), Value::Null) | (Value::Null, Value::Bool(value)) => !value,
            (Value::Text(declared), Value::Text(live)) => {
                let stated = match self.attribute(field) {
                    Some(attribute) => attribute.compare,
                    None => self.field(field).and_then(|rule| rule.compare),
                };
                same_text(stated.unwrap_or(Comparison::Exact), names.text(declared), names.text(live))
            }
            (Value::Set(declared), Value::Set(live)) => {
                let texts =
                    |list| names.elements(list).iter().map(|&one| whole(names.text(one)).into_owned()).collect();
                let (declared, live): (BTreeSet<String>, BTreeSet<String>) = (texts(declared), texts(live));
                declared == live
            }
            (Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_) | Value::Set(_), _) => false,
        }
    }

    /// The place of a value among those of an ordinal, from 1; 0: not set. `None`: the field is no ordinal, or the
    /// value is not one of its values.
    fn ordinal(&self, names: &Names, field: &str, value: Value) -> Option<usize> {
        let attribute = self.attribute(field).filter(|attribute| attribute.kind == AttributeType::Ordinal)?;
        match value {
            Value::Null => Some(0),
            Value::Text(text) => {
                let text = names.text(text);
                let place = attribute.values.as_ref()?.iter().position(|value| value == text)?;
                Some(place + 1)
            }
            Value::Bool(_) | Value::Number(_) | Value::Set(_) => None,
        }
    }

    /// Whether access fields that change at once (field, from, to) give something that was not there. While the API is
    /// turned on or off, its routes are no gain or loss of their own.
    #[must_use]
    pub fn fields_escalate(&self, names: &Names, changes: &[(Name, Value, Value)]) -> bool {
        let turns_api = changes
            .iter()
            .any(|&(field, from, to)| field == known::API_ENABLED && !self.same_value(names, field, from, to));
        let counts = |field: Name| !(turns_api && field == known::API_ROUTES);
        changes.iter().any(|&(field, from, to)| counts(field) && self.value_escalates(names, field, from, to))
    }

    /// Whether an access field that goes from `from` to `to` gives something that was not there. What can't be
    /// compared is not contained, so both directions can hold.
    #[must_use]
    pub fn value_escalates(&self, names: &Names, field: Name, from: Value, to: Value) -> bool {
        if self.same_value(names, field, from, to) {
            return false;
        }
        let field = names.text(field);
        // Where nobody says what empty means, going there may be going to everything.
        let to_the_unknown = self.empty_meaning(field).is_none()
            && match to {
                Value::Null => true,
                Value::Set(list) => list.is_empty(),
                Value::Text(_) | Value::Bool(_) | Value::Number(_) => false,
            };
        if self.is_everything(field, from) {
            return false;
        }
        if to_the_unknown || self.is_everything(field, to) {
            return true;
        }
        match (from, to) {
            (_, Value::Null | Value::Bool(false)) => false,
            (_, Value::Bool(true)) => true,
            (Value::Set(from), Value::Set(to)) => {
                let from = names.elements(from);
                names.elements(to).iter().any(|element| !from.contains(element))
            }
            (_, Value::Set(to)) => !to.is_empty(),
            (from, to) => match (self.ordinal(names, field, from), self.ordinal(names, field, to)) {
                (Some(from), Some(to)) => to > from,
                (None, _) | (_, None) => true,
            },
        }
    }
}

/// Letters with their accents apart are the same text as whole ones, which manifests have.
fn same_text(comparison: Comparison, declared: &str, live: &str) -> bool {
    let (declared, live) = (whole(declared), whole(live));
    match comparison {
        Comparison::Exact => declared == live,
        Comparison::Case => declared.to_lowercase() == live.to_lowercase(),
        Comparison::Trimmed => declared.trim() == live.trim(),
        Comparison::Digits => digits(&declared) == digits(&live),
    }
}

/// The text in Unicode normalization form C.
fn whole(text: &str) -> Cow<'_, str> {
    if is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

fn digits(text: &str) -> String {
    let plus = text.trim_start().starts_with('+').then_some('+');
    plus.into_iter().chain(text.chars().filter(char::is_ascii_digit)).collect()
}
