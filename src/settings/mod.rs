//! Floor 3: `rollcall.yaml` → [`Settings`] (`language.md` §1).
//!
//! [`load`] reads the file at the root of the access repository and the rule files that it names; [`parse`] does the
//! same from texts. Shape comes first (serde, strict), then everything that only shows when fields are seen together:
//! those mistakes are all reported in one run. Settings name things: manifests, stores, secrets by reference. Nothing
//! is opened or resolved here, and nothing outside of the access repository is ever read.

mod check;
mod check_mail;
mod check_policies;
mod file;
mod mail;
mod paths;
mod place;
mod raw;
mod review;
mod secret;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

pub use file::{FILE_NAME, Refused, load, parse, texts};
pub use mail::{Links, Mail, MailTransport};
pub use place::place_of;
pub use raw::{AbsentUsers, CatalogMode, CountLimit, MailLanguage, RemovalLimit, Smtp, SmtpTls};
pub use review::{ChangedSetting, Holds, changed_settings, under_review};
pub use secret::{SecretReference, Sink};

use crate::document::{self, nearest};
use crate::policy::{Policy, variables_in_words};
use crate::rules::{Identity, Period, Rules};

/// What `rollcall.yaml` says, with every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Files and folders with manifests, relative to the access repository.
    pub manifests: Vec<String>,
    /// When a date begins and ends.
    pub time_zone: TimeZone,
    /// The store that holds where none is named on the command line.
    pub default_store: Option<String>,
    /// Stores by name; at least one.
    pub stores: BTreeMap<String, StoreSettings>,
    /// What is managed.
    pub manage: Manage,
    /// What a plan has to pass.
    pub guards: Guards,
    /// Where one-time secrets go.
    pub secrets: Option<Sink>,
    /// How mails about invitations go out.
    pub mail: Mail,
    /// What has to hold, by name; sorted by it.
    pub policies: Vec<Policy>,
}

/// What settings with mistakes say all the same of how manifests are read.
#[derive(Debug, Clone, PartialEq)]
pub struct Readable {
    /// Files and folders with manifests, relative to the access repository.
    pub manifests: Vec<String>,
    /// When a date begins and ends; UTC where that is one of the mistakes.
    pub time_zone: TimeZone,
    default_store: Option<String>,
    /// The stores of which all is known that matters here.
    stores: BTreeMap<String, StoreSettings>,
    /// How many stores there are, with those of which it is not.
    count: usize,
}

impl Readable {
    /// The rules of the store with this name, or of the default one; `None` where that is not known.
    #[must_use]
    pub fn rules(&self, store: Option<&str>) -> Option<&Rules> {
        let only = || self.stores.values().next().filter(|_| self.count == 1);
        let store = match store.or(self.default_store.as_deref()) {
            Some(name) => self.stores.get(name),
            None => only(),
        };
        store.map(|store| &store.rules)
    }
}

/// A store.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreSettings {
    /// What it is, and where.
    pub kind: StoreKind,
    /// The name of its rule set: a built-in one, a file, or `inline`.
    pub rules_name: String,
    /// How the system behind it behaves.
    pub rules: Rules,
}

/// What a store is, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreKind {
    /// The embedded store.
    Sqlite {
        /// Its file, relative to the access repository unless absolute.
        path: PathBuf,
    },
}

/// What is managed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manage {
    /// The organizations that are managed; `None`: all declared ones.
    pub organizations: Option<Vec<ListedOrganization>>,
    /// Whether accounts are managed, and not their access alone.
    pub accounts: bool,
    /// What becomes of live people whom no manifest names.
    pub absent_users: AbsentUsers,
    /// Whether the catalog is written; `None`: as usual for the kind of store ([`Settings::catalog`]).
    pub catalog: Option<CatalogMode>,
    /// The time between a deactivation and a deletion.
    pub grace: Period,
}

/// An organization that is named in the settings; whether it is declared, whoever reads the manifests finds out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedOrganization {
    /// Its name.
    pub name: String,
    /// Where it stands in the settings, in bytes from their beginning.
    pub offset: u32,
    /// How many bytes it takes there.
    pub length: u32,
}

/// What a plan has to pass before anything is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guards {
    /// People who lose something.
    pub removals: RemovalLimit,
    /// People who are invited.
    pub invitations: CountLimit,
    /// People who can do more in a way that matters.
    pub escalations: CountLimit,
    /// Mails.
    pub mails: CountLimit,
    /// Accounts and other things that end for good.
    pub deletions: CountLimit,
    /// Active holders of something with `admin: true` that each organization keeps.
    pub min_admins: u32,
    /// Patterns of keys of accounts that get no action at all.
    pub protected_users: Vec<String>,
    /// The account behind the token; `None`: not stated, or `none`.
    pub own_account: Option<String>,
    /// Whether the settings say which one that is, or that there is `none`.
    pub states_own_account: bool,
}

impl Guards {
    /// The patterns of protected accounts in the form in which keys are compared.
    #[must_use]
    pub fn protected_patterns(&self, identity: &Identity) -> Vec<String> {
        self.protected_users.iter().map(|pattern| identity.normalize_pattern(pattern)).collect()
    }
}

/// A store was named that the settings do not have, or none was named and there is no default.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoStore(String);

impl Settings {
    /// The store with this name, or the default one: that of `store`, else the only one there is.
    ///
    /// # Errors
    /// If there is none; the message names those that are there.
    pub fn store(&self, name: Option<&str>) -> Result<(&str, &StoreSettings), NoStore> {
        let names = || self.stores.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let Some(name) = name.or(self.default_store.as_deref()) else {
            let mut stores = self.stores.iter();
            return match (stores.next(), stores.next()) {
                (Some((name, store)), None) => Ok((name, store)),
                (_, _) => Err(NoStore(format!(
                    "no store is named; write `store: NAME` into {FILE_NAME} or use --store NAME, with one of: {}",
                    names()
                ))),
            };
        };
        if let Some((name, store)) = self.stores.get_key_value(name) {
            return Ok((name, store));
        }
        let advice = match nearest(name, self.stores.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", names()),
        };
        Err(NoStore(format!("there is no store `{}` in {FILE_NAME}; {advice}", name.escape_debug())))
    }

    /// Whether organizations, sites and roles of a store are written: as stated, else yes for an embedded store.
    #[must_use]
    pub fn catalog(&self, store: &StoreSettings) -> CatalogMode {
        self.manage.catalog.unwrap_or(match store.kind {
            StoreKind::Sqlite { .. } => CatalogMode::Create,
        })
    }
}

impl StoreSettings {
    /// The file of an embedded store, for an access repository in `repository`.
    #[must_use]
    pub fn sqlite_path(&self, repository: &Path) -> PathBuf {
        match &self.kind {
            StoreKind::Sqlite { path } => repository.join(path),
        }
    }
}

/// The JSON Schema of `rollcall.yaml`.
#[must_use]
pub fn schema() -> serde_json::Value {
    let description = "`rollcall.yaml` at the root of an access repository: stores, scope, guards, and where the \
                       manifests are. Secrets are references, never values.";
    let mut schema = document::schema_of::<raw::RawSettings>("settings.schema.json", "rollcall settings", description);
    // Only in rules, `null` means something.
    document::refuse_nulls(&mut schema, "Rules");
    if let Some(serde_json::Value::String(about)) = schema.pointer_mut("/$defs/Policy/properties/require/description") {
        about.push_str(&variables_in_words());
    }
    schema
}

#[cfg(test)]
mod tests;
