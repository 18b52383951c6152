//! Live state → a JSON document: `export --format json`. Everything that a manifest could say of people, and status.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use super::Days;
use crate::document::printed_schema_of;
use crate::model::{LiveState, LiveView, Membership, Names, SiteAccess, Status, Value, known};
use crate::plan::StoreDocument;
use crate::rules::Rules;

/// Everybody in a store, with their access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExportDocument {
    /// The version of this format: 1.
    pub format: u32,
    /// The store.
    pub store: StoreDocument,
    /// Everybody, by key.
    pub users: Vec<ExportedUser>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExportedUser {
    /// The key.
    pub key: String,
    /// The status.
    pub status: Status,
    /// The day on which the account was made, where the store tells.
    pub created: Option<String>,
    /// Set fields by name; nested ones with dots: `attributes.clearance`. `all` where what is not set means everything.
    pub fields: BTreeMap<String, Json>,
    /// The role on the whole platform.
    pub role: Option<String>,
    /// Further roles on the whole platform.
    pub extra_roles: Vec<String>,
    /// Memberships, by organization.
    pub access: Vec<ExportedMembership>,
}

/// Access to an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExportedMembership {
    /// The organization.
    pub organization: String,
    /// The role.
    pub role: Option<String>,
    /// Roles beside it.
    pub extra_roles: Vec<String>,
    /// Whether the role reaches every site.
    pub all_sites: bool,
    /// The preselected site.
    pub default_site: Option<String>,
    /// Granted sites, by name.
    pub sites: Vec<ExportedGrant>,
}

/// Access to a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExportedGrant {
    /// The site.
    pub site: String,
    /// The role on it, where the store has such.
    pub role: Option<String>,
}

/// The JSON Schema of [`ExportDocument`].
#[must_use]
pub fn schema() -> Json {
    printed_schema_of::<ExportDocument>(
        "export.schema.json",
        "People of a store",
        "What `rollcall export --format json` writes: everybody with an account, and what they have access to.",
    )
}

/// The document of what a store holds.
#[must_use]
pub fn document(names: &Names, rules: &Rules, live: &LiveState, store: StoreDocument, days: &Days) -> ExportDocument {
    let user = |view| {
        let mut user = user(names, live, &view, days);
        user.fields.extend(everything(names, rules, &view));
        user
    };
    let mut users: Vec<ExportedUser> = live.users().map(user).collect();
    users.sort_by(|a, b| a.key.cmp(&b.key));
    ExportDocument { format: 1, store, users }
}

/// Access fields that mean everything while there is nothing in them.
fn everything(names: &Names, rules: &Rules, view: &LiveView<'_>) -> BTreeMap<String, Json> {
    let attributes = rules.open_when_empty().map(|name| format!("attributes.{name}"));
    let has_api = view.value(known::API_ENABLED) == Value::Bool(true);
    let routes = has_api.then(|| names.text(known::API_ROUTES).to_owned());
    let is_open = |field: &String| {
        let value = names.find(field).map_or(Value::Null, |name| view.value(name));
        rules.is_everything(field, value)
    };
    attributes.chain(routes).filter(is_open).map(|field| (field, Json::from(names.text(known::ALL)))).collect()
}

fn user(names: &Names, live: &LiveState, view: &LiveView<'_>, days: &Days) -> ExportedUser {
    let key = view.key_text(names).to_owned();
    let fields = view.facts.iter().map(|fact| (names.text(fact.field).to_owned(), json(names, fact.value))).collect();
    let platform = view.membership(known::PLATFORM);
    let others = view.memberships.iter().filter(|membership| membership.organization != known::PLATFORM);
    let mut access: Vec<ExportedMembership> = others.map(|one| membership(names, live, view, one)).collect();
    access.sort_by(|a, b| a.organization.cmp(&b.organization));
    ExportedUser {
        created: days.get(&key).cloned(),
        key,
        status: view.status,
        fields,
        role: platform.and_then(|platform| platform.role).map(|role| names.text(role).to_owned()),
        extra_roles: platform.map(|platform| texts(names, platform)).unwrap_or_default(),
        access,
    }
}

fn membership(names: &Names, live: &LiveState, view: &LiveView<'_>, membership: &Membership) -> ExportedMembership {
    let text = |name| names.text(name).to_owned();
    let Membership { organization, role, extra_roles: _, default_site } = *membership;
    let mut sites: Vec<ExportedGrant> = view
        .grants_in(organization)
        .map(|grant| ExportedGrant { site: text(grant.site), role: grant.role.map(text) })
        .collect();
    sites.sort_by(|a, b| a.site.cmp(&b.site));
    ExportedMembership {
        organization: text(organization),
        role: role.map(text),
        extra_roles: texts(names, membership),
        all_sites: live.catalog.role(role).is_some_and(|role| role.site_access == SiteAccess::All),
        default_site: default_site.map(text),
        sites,
    }
}

fn texts(names: &Names, membership: &Membership) -> Vec<String> {
    names.sorted_texts(membership.extra_roles).into_iter().map(str::to_owned).collect()
}

fn json(names: &Names, value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Text(text) => names.text(text).into(),
        Value::Bool(truth) => truth.into(),
        Value::Number(number) => number.into(),
        Value::Set(list) => names.sorted_texts(list).into(),
    }
}
