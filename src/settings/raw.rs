//! `rollcall.yaml` as written: shapes for serde and schemars. What is left out is `None` here; [`super::check`] fills
//! in the defaults.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

use super::secret::{SecretReference, Sink};
use crate::policy::{AskedOf, PolicySeverity};
use crate::rules::{InlineRules, Period};

/// The settings of an access repository.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSettings {
    /// The version of this format: 1.
    #[schemars(required, extend("const" = 1))]
    pub(super) version: Option<u32>,
    /// Files and folders with manifests, below this file (default: `access`).
    pub(super) manifests: Option<Vec<String>>,
    /// A time zone of the IANA database, which says when a date begins and ends (default: UTC).
    pub(super) time_zone: Option<String>,
    /// The store that holds where `--store` names none.
    pub(super) store: Option<String>,
    /// Stores by name.
    #[serde(default)]
    #[schemars(required, extend("minProperties" = 1))]
    pub(super) stores: BTreeMap<String, RawStore>,
    /// What is managed.
    #[serde(default)]
    #[schemars(required)]
    pub(super) manage: RawManage,
    /// What a plan has to pass before anything is written.
    #[serde(default)]
    pub(super) guards: RawGuards,
    /// Where one-time secrets go.
    pub(super) secrets: Option<RawSecrets>,
    /// How mails about invitations go out (default: into the folder `.rollcall/outbox`).
    pub(super) mail: Option<RawMail>,
    /// What has to hold of everything that is declared, and of every plan, by name.
    #[serde(default)]
    pub(super) policies: BTreeMap<String, RawPolicy>,
}

/// Something that has to hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Policy")]
pub(super) struct RawPolicy {
    /// Of what it is asked, one by one. What is asked of actions and plans is left out by `rollcall validate`.
    #[serde(rename = "for")]
    pub(super) of: AskedOf,
    /// An expression of the Common Expression Language (CEL) that has to be true.
    pub(super) require: String,
    /// What holds where the policy is kept, in one line: `every organization has at least two managers`.
    pub(super) message: String,
    /// Whether nothing is applied where it is not kept, or that is only told (default: `error`).
    #[serde(default)]
    pub(super) severity: PolicySeverity,
}

/// A store: exactly one of `sqlite`, `scim`, `keycloak`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Store")]
pub(super) struct RawStore {
    /// The embedded store.
    pub(super) sqlite: Option<RawSqlite>,
    /// A store that speaks SCIM 2.0. Not yet supported.
    pub(super) scim: Option<RawScim>,
    /// A Keycloak realm. Not yet supported.
    pub(super) keycloak: Option<RawKeycloak>,
    /// How the system behind it behaves: a built-in rule set, a file below this one, or rules (default: `default`).
    pub(super) rules: Option<RawRules>,
}

/// The embedded store.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Sqlite")]
pub(super) struct RawSqlite {
    /// Its file, relative to this one or absolute; `rollcall init` makes it.
    pub(super) path: String,
}

/// A store that speaks SCIM 2.0.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read for its shape; not supported yet")]
#[schemars(rename = "Scim")]
pub(super) struct RawScim {
    /// Its base address.
    url: String,
    /// The token to read with; all that a plan uses.
    read_token: Option<SecretReference>,
    /// The token to write with.
    write_token: Option<SecretReference>,
}

/// A Keycloak realm.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read for its shape; not supported yet")]
#[schemars(rename = "Keycloak")]
pub(super) struct RawKeycloak {
    /// Its base address.
    url: String,
    /// The realm.
    realm: Option<String>,
    /// The client to log in as.
    client_id: Option<String>,
    /// The secret of that client.
    client_secret: Option<SecretReference>,
}

/// The rules of a store.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "StoreRules", untagged)]
pub(super) enum RawRules {
    /// A built-in rule set, or a file (`rules/ours.yaml`).
    Named(String),
    /// Rules, written here.
    Inline(InlineRules),
}

/// What is managed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Manage")]
pub(super) struct RawManage {
    /// All declared organizations, or these: then only memberships and grants in them change.
    pub(super) organizations: Option<RawScope>,
    /// Whether accounts are managed as well, and not their access alone: profile, status, onboarding and off-boarding
    /// (default: `true` with all organizations, `false` with a list).
    pub(super) accounts: Option<bool>,
    /// What becomes of live people whom no manifest names. There is no default.
    #[schemars(required)]
    pub(super) absent_users: Option<AbsentUsers>,
    /// Whether organizations, sites and roles are written (default: `create` for an embedded store).
    pub(super) catalog: Option<CatalogMode>,
    /// The time between a deactivation and a deletion (default: `30d`).
    pub(super) grace: Option<Period>,
}

/// Organizations that are managed.
#[derive(Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "ManagedOrganizations", untagged)]
pub(super) enum RawScope {
    /// All declared ones.
    All(#[schemars(extend("const" = "all"))] String),
    /// These.
    List(Vec<String>),
}

/// What becomes of live people whom no manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AbsentUsers {
    /// They are deactivated, or what else the rules have that can be undone.
    Deactivate,
    /// They are listed.
    Report,
}

/// Whether organizations, sites and roles are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CatalogMode {
    /// They are made and changed as declared.
    Create,
    /// They have to be there already, and are never written.
    Existing,
}

/// What a plan has to pass.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Guards")]
pub(super) struct RawGuards {
    /// People who lose something, of the store and of each organization.
    #[serde(default)]
    pub(super) removals: RemovalLimit,
    /// People who are invited (default: at most 200).
    pub(super) invitations: Option<CountLimit>,
    /// People who can do more in a way that matters (default: at most 20).
    pub(super) escalations: Option<CountLimit>,
    /// Mails (default: at most 500).
    pub(super) mails: Option<CountLimit>,
    /// Accounts and other things that end for good (default: none).
    pub(super) deletions: Option<CountLimit>,
    /// Active holders of something with `admin: true` that each organization keeps (default: 1).
    pub(super) min_admins: Option<u32>,
    /// Keys, or patterns with `*`, of accounts that get no action at all.
    #[serde(default)]
    pub(super) protected_users: Vec<String>,
    /// The account behind the token, or `none` (default: none for an embedded store).
    #[serde(rename = "self")]
    pub(super) own: Option<String>,
}

/// How many people may lose something in one plan: the larger of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RemovalLimit {
    /// Of all active and invited people, in percent.
    #[schemars(range(max = 100))]
    pub max_percent: u32,
    /// As a number, but never more than half of them.
    pub min_count: u32,
}

impl Default for RemovalLimit {
    fn default() -> Self {
        Self { max_percent: 25, min_count: 5 }
    }
}

/// How many there may be in one plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountLimit {
    /// At most so many.
    pub max_count: u32,
}

/// Where one-time secrets go.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Secrets")]
pub(super) struct RawSecrets {
    /// What takes them.
    pub(super) sink: Sink,
}

/// How mails about invitations go out: to `smtp`, else into the folder `outbox`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MailSettings")]
pub(super) struct RawMail {
    /// The address that they come from, with or without a name: `Access <access@example.com>`.
    #[schemars(required)]
    pub(super) from: Option<String>,
    /// A folder that takes them as `.eml` files, where no server is named (default: `.rollcall/outbox`).
    pub(super) outbox: Option<String>,
    /// The server that takes them.
    pub(super) smtp: Option<Smtp>,
    /// The address to write to with questions, and to which answers go (default: `from`).
    pub(super) contact: Option<String>,
    /// The name of what people are invited to.
    pub(super) service: Option<String>,
    /// The language of mails to people whose language is not known to be one of these (default: `en`).
    pub(super) language: Option<MailLanguage>,
    /// The field of a user that says the language: `language` (the default), or `attributes.NAME`.
    #[schemars(regex(pattern = "^(language|attributes\\..+)$"))]
    pub(super) language_field: Option<String>,
    /// Where a person accepts, declines, reads the terms, and chooses another password.
    #[serde(default)]
    pub(super) links: RawLinks,
}

/// Addresses of web pages. `{token}` stands for a text that nobody can guess, another one for each mail, and `{key}` for
/// the key of the user.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MailLinks")]
pub(super) struct RawLinks {
    /// Where the invitation is accepted.
    pub(super) accept: Option<String>,
    /// Where it is declined.
    pub(super) decline: Option<String>,
    /// Where the terms can be read; without `{token}`.
    pub(super) terms: Option<String>,
    /// Where another password is chosen in place of one that was reset; without `{token}`.
    pub(super) password: Option<String>,
}

/// A language that mails are written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailLanguage {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// Its name, which its certificate has to be for.
    pub host: String,
    /// Its port (default: 465 for `implicit`, 587 for `starttls`, 25 for `none`).
    pub port: Option<u16>,
    /// How the connection is encrypted (default: `implicit`).
    pub tls: Option<SmtpTls>,
    /// Who logs in.
    pub user: Option<String>,
    /// With what.
    pub password: Option<SecretReference>,
    /// A file with the certificates (PEM) that are trusted in place of those of the machine.
    pub ca: Option<String>,
    /// How long to wait for the server, at each step (default: `30s`).
    pub timeout: Option<Period>,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// From the first byte.
    #[default]
    Implicit,
    /// After a plain greeting; a server that does not offer it gets no mail.
    #[serde(rename = "starttls")]
    StartTls,
    /// Not at all: only for a server on this machine.
    None,
}

impl<'de> Deserialize<'de> for RawRules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RulesVisitor)
    }
}

struct RulesVisitor;

impl<'de> Visitor<'de> for RulesVisitor {
    type Value = RawRules;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a rule set, a file, or a mapping of rules")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<RawRules, E> {
        Ok(RawRules::Named(name.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawRules, A::Error> {
        InlineRules::deserialize(MapAccessDeserializer::new(map)).map(RawRules::Inline)
    }
}

impl<'de> Deserialize<'de> for RawScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScopeVisitor)
    }
}

struct ScopeVisitor;

impl<'de> Visitor<'de> for ScopeVisitor {
    type Value = RawScope;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("`all` or a list of organizations")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<RawScope, E> {
        match word {
            "all" => Ok(RawScope::All(word.to_owned())),
            _ => Err(E::invalid_value(Unexpected::Other("a text"), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawScope, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = list.next_element()? {
            names.push(name);
        }
        Ok(RawScope::List(names))
    }
}
