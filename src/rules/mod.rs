//! Floor 2: how the system behind a store behaves, as data, and the questions about it.
//!
//! A rule set is one typed structure ([`Rules`]) read from YAML. Whoever has to decide something asks a question that
//! stands beside the data, and does not read the field. `None` means that the vendor does not state it; the careful
//! answer then holds, and it stands in the question, once.
//!
//! Deliberately absent: what is declared, what is live, and any decision about it.

mod access;
mod address;
mod check;
mod fields;
mod formats;
mod identity;
mod lifecycle;
mod load;
mod names;
mod passwords;
mod period;
mod questions;
mod rotation;
mod sayable;
mod shape;
mod whole;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use access::{
    DefaultRequired, Memberships, RoleChange, RoleChangeLoss, RoleComparison, RoleFields, RolePlace, RoleSiteAccess,
    Roles, SiteDefault, SiteRules, Sites, Span,
};
pub use address::{readable, refuse_wrapped};
pub use fields::{
    ApiSecret, Attribute, AttributeType, CORE_FIELDS, Comparison, EmptyMeaning, Field, FieldRequired, MfaSetBy,
    NamedField, Requirement, RequirementSeverity, RequirementValue,
};
pub use formats::{FieldFormat, is_day};
pub use identity::{Identity, KeyCase, KeyField, KeyRefused, Personal, SameEmail, SharedAccounts, is_mail_address};
pub use lifecycle::{
    AllWord, Amount, BatchSame, Carries, Creation, CreationSecret, DeleteAllowed, Denials, ExistingAccount,
    Invitations, Needs, OffBoarding, OnBoarding, PendingTakes, Reactivation, Renewal, Restores, SeatRefusal, Seats,
    Undo,
};
pub use load::{BUILT_IN, ReadFile, RuleFile, about, from_inline, load, parse, read_document, schema};
pub use names::{Named, folded, mixed_script, refuse_name, without_accents};
pub use passwords::PasswordReset;
pub use period::Period;
pub use questions::KEPT_ELSEWHERE;
pub use rotation::Rotation;
pub use sayable::{Refused, Sayable, grant_counts, refuse_declared, refuse_entry, refuse_key, refuse_text};
pub use shape::InlineRules;

use crate::model::{ActionKind, Topic};

/// How many organizations a store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Organizations {
    /// As many as are declared.
    Many,
    /// The store is one organization: declared, never created.
    One,
    /// None: the platform role is the access, and there are no sites.
    #[serde(untagged)]
    None(NoneMark),
}

/// `false` in YAML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "bool", into = "bool")]
#[schemars(with = "bool", extend("const" = false))]
pub struct NoneMark;

impl TryFrom<bool> for NoneMark {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value { Err("expected `false`") } else { Ok(Self) }
    }
}

impl From<NoneMark> for bool {
    fn from(NoneMark: NoneMark) -> Self {
        false
    }
}

/// What a file that was exported from the store tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportScope {
    /// Everybody.
    All,
    /// Only people of organizations that the exporter has access to.
    ExporterOrganizations,
}

/// What a store says about its exports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// Whom an export holds.
    pub complete: Option<ExportScope>,
}

/// How passwords are made and changed; rollcall never holds one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Password {
    /// Who may set one.
    pub set_by: Option<Vec<PasswordSetBy>>,
    /// Fewest characters.
    pub min_length: Option<u32>,
    /// Kinds of characters that have to be in it.
    pub classes: Option<PasswordClasses>,
    /// Whether the person has to choose a new one after an administrator set it.
    pub forced_change: Option<bool>,
    /// How long one may be kept.
    pub rotation: Option<Rotation>,
    /// Whether an administrator can end one that the person chooses, who then chooses another.
    pub reset: Option<bool>,
    /// Whose passwords a reset of all resets; where that is stated, one can be reset as well.
    pub reset_all: Option<ResetAll>,
}

/// Who may set a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PasswordSetBy {
    /// An administrator.
    Administrator,
    /// The person.
    Person,
}

/// Whose passwords a reset of all resets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetAll {
    /// Those of active accounts.
    Active,
}

/// Kinds of characters in a password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordClasses {
    /// The kinds that count.
    pub of: Vec<CharacterClass>,
    /// How many of them have to be there.
    pub min: u32,
}

/// A kind of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CharacterClass {
    /// Lower-case letters.
    Lower,
    /// Upper-case letters.
    Upper,
    /// Digits.
    Digit,
    /// Anything else.
    Symbol,
}

/// Which changes the system tells people about by mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Mail {
    /// Whether any change of an account's profile or access mails, one for all that changes in one user at once.
    pub update: Option<bool>,
    /// The field that has to be set for a mail to go out, `email` if not stated.
    pub needs: Option<String>,
    /// By kind of action; a kind that is not here, or `None`, is not stated: see [`Rules::mails`].
    #[serde(flatten)]
    pub actions: BTreeMap<ActionKind, Option<bool>>,
}

/// A rule set. Everything is optional: left out or `null` is "not stated by the vendor".
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// The rule set that this one changes, built in or a file: maps merge, everything else replaces. `default` if left
    /// out; `null`: none, so that all that is not stated here is not stated.
    pub extends: Option<String>,
    /// What makes a person the same person.
    #[serde(deserialize_with = "shape::or_default")]
    #[schemars(with = "Option<Identity>")]
    pub identity: Identity,
    /// One account, one person.
    #[serde(deserialize_with = "shape::or_default")]
    #[schemars(with = "Option<Personal>")]
    pub personal: Personal,
    /// Kinds of accounts that the store keeps: `human`, `service`.
    pub kinds: Option<Vec<String>>,
    /// How people get an account.
    pub onboarding: Option<OnBoarding>,
    /// What a new account is made with.
    #[serde(deserialize_with = "shape::or_default")]
    #[schemars(with = "Option<Creation>")]
    pub creation: Creation,
    /// How invitations live; `null`: there are none.
    pub invitations: Option<Invitations>,
    /// Ways to end an account, best first.
    pub offboarding: Option<Vec<OffBoarding>>,
    /// Which of them the store allows when.
    #[serde(deserialize_with = "shape::or_default")]
    #[schemars(with = "Option<Allows>")]
    pub allows: Allows,
    /// Which of them can be undone.
    #[serde(deserialize_with = "shape::or_default")]
    #[schemars(with = "Option<Undo>")]
    pub undo: Undo,
    /// What comes back with an account.
    #[serde(deserialize_with = "shape::or_default")]
    #[schemars(with = "Option<Reactivation>")]
    pub reactivation: Reactivation,
    /// How many organizations there are.
    pub organizations: Option<Organizations>,
    /// Kinds of organizations.
    pub organization_kinds: Option<Vec<String>>,
    /// How people belong to organizations.
    #[serde(deserialize_with = "shape::or_default")]
    #[schemars(with = "Option<Memberships>")]
    pub memberships: Memberships,
    /// How a role is exchanged for another.
    pub role_change: Option<RoleChange>,
    /// What is lost with it.
    pub role_change_loses: Option<Vec<RoleChangeLoss>>,
    /// How roles compare, and those that the vendor brings.
    #[serde(deserialize_with = "shape::or_default")]
    #[schemars(with = "Option<Roles>")]
    pub roles: Roles,
    /// How sites work; `false`: there are none.
    #[serde(deserialize_with = "shape::or_default")]
    #[schemars(with = "Option<Sites>")]
    pub sites: Sites,
    /// Core fields that the store has, by name; others are an error.
    #[serde(deserialize_with = "shape::or_default")]
    #[schemars(with = "Option<BTreeMap<String, Option<Field>>>")]
    pub fields: BTreeMap<String, Option<Field>>,
    /// Further fields that the store has, by name.
    #[serde(deserialize_with = "shape::or_default")]
    #[schemars(with = "Option<BTreeMap<String, Option<Attribute>>>")]
    pub attributes: BTreeMap<String, Option<Attribute>>,
    /// Fields that have to be set together.
    pub require: Option<Vec<Requirement>>,
    /// How many accounts there may be; `null`: no limit is stated.
    pub seats: Option<Seats>,
    /// What the store refuses.
    #[serde(deserialize_with = "shape::or_default")]
    #[schemars(with = "Option<Denials>")]
    pub denials: Denials,
    /// What it sends mail about.
    #[serde(deserialize_with = "shape::or_default")]
    #[schemars(with = "Option<Mail>")]
    pub mail: Mail,
    /// How it treats passwords.
    #[serde(deserialize_with = "shape::or_default")]
    #[schemars(with = "Option<Password>")]
    pub password: Password,
    /// What its exports hold.
    #[serde(deserialize_with = "shape::or_default")]
    #[schemars(with = "Option<Scope>")]
    pub scope: Scope,
    /// What the vendor calls roles, attributes and kinds, by the word used here. No manifest is read by these words:
    /// whoever writes one is told the word that is meant. In files of people roles and kinds may be called by them.
    #[serde(deserialize_with = "shape::or_default")]
    #[schemars(with = "Option<BTreeMap<String, Vec<String>>>")]
    pub words: BTreeMap<String, Vec<String>>,
}

/// When a way to end an account is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Allows {
    /// When an account can be deleted.
    pub delete: Option<DeleteAllowed>,
}

impl Rules {
    /// The word used here for one of the vendor's, however it is spelled, if that is one of these.
    pub fn meant<'a>(&self, text: &str, mut words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let text = folded(text);
        words.find(|word| {
            let vendor = self.words.get(*word);
            vendor.is_some_and(|vendor| vendor.iter().any(|word| folded(word) == text))
        })
    }

    /// Whether there are organizations at all.
    #[must_use]
    pub fn has_organizations(&self) -> bool {
        self.organization_limit() != Some(0)
    }

    /// How many organizations the store can have; `None`: as many as are declared, and so it is if not stated.
    #[must_use]
    pub fn organization_limit(&self) -> Option<usize> {
        match self.organizations {
            Some(Organizations::None(NoneMark)) => Some(0),
            Some(Organizations::One) => Some(1),
            Some(Organizations::Many) | None => None,
        }
    }

    /// Whether organizations may be created; the one organization of a store never is.
    #[must_use]
    pub fn creates_organizations(&self) -> bool {
        self.organization_limit().is_none()
    }

    /// The field that has to be set for a mail to go out.
    #[must_use]
    pub fn mail_field(&self) -> NamedField {
        let email = || NamedField::Field(KeyField::Email.as_str().to_owned());
        self.mail.needs.as_deref().and_then(|needs| self.named_field(needs)).unwrap_or_else(email)
    }

    /// Whether an action of this kind sends a mail, to somebody whose [`Rules::mail_field`] is set or not. Not stated
    /// counts as a mail, except for the catalog and for access and profile changes, about which `mail.update` speaks.
    #[must_use]
    pub fn mails(&self, kind: ActionKind, has_field: bool) -> bool {
        if !has_field {
            return false;
        }
        if let Some(Some(stated)) = self.mail.actions.get(&kind) {
            return *stated;
        }
        match kind.topic() {
            Topic::Catalog => false,
            Topic::Fields | Topic::Membership | Topic::SiteGrant => self.mail.update.unwrap_or(true),
            Topic::Account => true,
        }
    }

    /// Whether the mail about an action of this kind is one with the mails about whatever else changes in the account
    /// at the same time, whichever key of `mail` asks for it: locking out, stripping and bringing back are such changes,
    /// where no mail of their own is stated.
    #[must_use]
    pub fn shares_mail(&self, kind: ActionKind) -> bool {
        let is_stated = || self.mail.actions.get(&kind).is_some_and(Option::is_some);
        match kind.topic() {
            Topic::Fields | Topic::Membership | Topic::SiteGrant => self.mails(kind, true),
            Topic::Account => {
                let changes = [ActionKind::StripUser, ActionKind::DeactivateUser, ActionKind::ReactivateUser];
                changes.contains(&kind) && !is_stated()
            }
            Topic::Catalog => false,
        }
    }
}

#[cfg(test)]
mod tests;
