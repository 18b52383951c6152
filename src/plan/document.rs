//! The plan as JSON: `plan --format json`, and later the plan file (`contract.md` §1 and §2).
//!
//! The types mirror the document member by member. On writing everything is there and sorted, null stands in; on
//! reading nothing may be missing or unknown. Deliberately absent: how a plan becomes one (`documented`), and any text for
//! people, which `report` writes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::impact_document::{ImpactDocument, PersonImpactDocument};
use super::{BaseDocument, Cause, Risk, StoreRef, WaitsFor};
use crate::document::printed_schema_of;
use crate::model::ActionKind;

/// The version of the document.
pub const FORMAT: u32 = 1;

/// A plan as JSON. Its actions and people are lists, or on writing [`Actions`](super::Actions) and
/// [`ImpactPeople`](super::ImpactPeople).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanDocument<A = Vec<ActionDocument>, P = Vec<PersonImpactDocument>> {
    /// The version of this document: 1.
    #[schemars(range(min = 1, max = 1))]
    pub format: u32,
    /// The store that the plan is for.
    pub store: StoreDocument,
    /// What a reviewer approves: `sha256:` and 64 hex digits.
    #[schemars(regex(pattern = r"^sha256:[0-9a-f]{64}$"))]
    pub digest: String,
    /// What it was computed against.
    pub basis: BasisDocument,
    /// Its sums.
    pub summary: SummaryDocument,
    /// What is done, in an executable order.
    pub actions: A,
    /// Whose reach the changes of the catalog among them change.
    pub affected: Vec<AffectedDocument>,
    /// What it comes to for people: what they reach afterwards that they could not before, and the other way round.
    pub impact: ImpactDocument<P>,
    /// What is wanted and has to wait.
    pub deferred: Vec<DeferredDocument>,
    /// What is live and gets no action.
    pub unmanaged: Vec<UnmanagedDocument>,
    /// What ends within 14 days.
    pub expiring: Vec<ExpiringDocument>,
    /// Whose password is older than the rules allow; `rollcall reset-password` ends one.
    pub passwords_due: Vec<PasswordDueDocument>,
    /// Limits, and how near the plan comes to them.
    pub guards: Vec<GuardDocument>,
    /// What it was compared with (`--base`); null where it was not.
    #[serde(deserialize_with = "Option::deserialize")]
    pub base: Option<BaseDocument>,
    /// Warnings.
    pub diagnostics: Vec<DiagnosticDocument>,
}

/// A store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreDocument {
    /// Its name in the settings.
    pub name: String,
    /// Its kind, for example `sqlite`.
    pub kind: String,
    /// Its own identity; the address of a remote store.
    pub id: String,
    /// Where it is: the path of an embedded store as the settings have it, the address of a remote one.
    pub address: String,
}

impl From<StoreRef> for StoreDocument {
    fn from(store: StoreRef) -> Self {
        let StoreRef { name, kind, id, address } = store;
        Self { name, kind, id, address }
    }
}

impl From<StoreDocument> for StoreRef {
    fn from(store: StoreDocument) -> Self {
        let StoreDocument { name, kind, id, address } = store;
        Self { name, kind, id, address }
    }
}

/// What a plan was computed against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasisDocument {
    /// A hash of the merged meaning of the manifests.
    pub desired: String,
    /// A hash of the live state.
    pub live: String,
    /// A hash of the rules of the store.
    pub rules: String,
    /// The time for which it was computed.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// When it would be another plan by time alone.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub valid_until: Option<Timestamp>,
    /// What the actions open beyond the places that they name, sorted by place.
    pub includes: Vec<IncludesDocument>,
}

/// A site or an organization that includes others, as the plan leaves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncludesDocument {
    /// The organization, or that of the site.
    pub organization: String,
    /// The site; null for the organization.
    #[serde(deserialize_with = "Option::deserialize")]
    pub site: Option<String>,
    /// All that is reached through it, also through what it includes.
    pub includes: Vec<String>,
}

/// Sums.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SummaryDocument {
    /// How people fare.
    pub people: PeopleDocument,
    /// How many actions of each kind; kinds without any are left out.
    pub actions: BTreeMap<String, u32>,
    /// How many requests its invitations make, where the rules limit how many people one takes; null where they do not.
    #[serde(deserialize_with = "Option::deserialize")]
    pub invitation_batches: Option<usize>,
}

/// How people fare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeopleDocument {
    /// Account created, invited or reactivated.
    pub join: u32,
    /// Account deactivated, stripped, closed or deleted, or invitation cancelled for good.
    pub leave: u32,
    /// Of all others: can do something that they could not.
    pub gain: u32,
    /// Of all others: can't do something that they could.
    pub lose: u32,
}

/// An action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionDocument {
    /// Its name within the plan: `KIND USER ORG SITE ROLE`, empty parts left out, names percent-encoded.
    pub id: String,
    /// What is done.
    pub action: ActionKind,
    /// The key of a user.
    #[serde(deserialize_with = "Option::deserialize")]
    pub user: Option<String>,
    /// An organization.
    #[serde(deserialize_with = "Option::deserialize")]
    pub organization: Option<String>,
    /// A site.
    #[serde(deserialize_with = "Option::deserialize")]
    pub site: Option<String>,
    /// A role, of role actions only.
    #[serde(deserialize_with = "Option::deserialize")]
    pub role: Option<String>,
    /// What is set before; null where the subject is not there.
    #[serde(deserialize_with = "Option::deserialize")]
    pub before: Option<BTreeMap<String, Json>>,
    /// What is set after; null where the subject is not there.
    #[serde(deserialize_with = "Option::deserialize")]
    pub after: Option<BTreeMap<String, Json>>,
    /// What is done instead if the store refuses.
    #[serde(deserialize_with = "Option::deserialize", rename = "else")]
    pub fall_back: Option<ActionKind>,
    /// Why now.
    pub cause: Cause,
    /// What is dangerous about it.
    pub risk: Vec<Risk>,
    /// The ids of actions that have to be done before.
    pub needs: Vec<String>,
    /// Why, in words.
    pub reason: String,
    /// The lines that want it.
    pub origins: Vec<OriginDocument>,
}

/// Whose reach a change of the catalog changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AffectedDocument {
    /// The id of the action.
    pub action: String,
    /// Keys of people who can do more by it.
    pub gain: Vec<String>,
    /// Keys of people who can do less by it.
    pub lose: Vec<String>,
    /// Where; the whole platform is the empty text.
    pub organizations: Vec<String>,
}

/// A line of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OriginDocument {
    /// Path of the file, relative to the access repository.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// `team:NAME` or `site_grant`; null for the user's own access.
    #[serde(deserialize_with = "Option::deserialize")]
    pub via: Option<String>,
}

/// What has to wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeferredDocument {
    /// What would be done.
    pub action: ActionKind,
    /// The key of a user.
    #[serde(deserialize_with = "Option::deserialize")]
    pub user: Option<String>,
    /// An organization.
    #[serde(deserialize_with = "Option::deserialize")]
    pub organization: Option<String>,
    /// A site.
    #[serde(deserialize_with = "Option::deserialize")]
    pub site: Option<String>,
    /// A role.
    #[serde(deserialize_with = "Option::deserialize")]
    pub role: Option<String>,
    /// What is set before, as in an action.
    #[serde(deserialize_with = "Option::deserialize")]
    pub before: Option<BTreeMap<String, Json>>,
    /// What would be set after, as in an action: the role that is wanted, for example.
    #[serde(deserialize_with = "Option::deserialize")]
    pub after: Option<BTreeMap<String, Json>>,
    /// What would be dangerous about it.
    pub risk: Vec<Risk>,
    /// What it waits for.
    pub waits_for: WaitsFor,
    /// How many are missing, of what is counted.
    #[serde(deserialize_with = "Option::deserialize")]
    pub shortfall: Option<u32>,
    /// Since when, where that is known.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub since: Option<Timestamp>,
    /// The lines that want it.
    pub origins: Vec<OriginDocument>,
}

/// What is live and gets no action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnmanagedDocument {
    /// `user`, `organization`, `site` or `role`.
    pub kind: String,
    /// A key, a name, or `ORG/SITE`.
    pub name: String,
    /// Why it is left alone.
    pub reason: String,
}

/// What ends soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpiringDocument {
    /// Who loses it.
    pub user: String,
    /// Where.
    #[serde(deserialize_with = "Option::deserialize")]
    pub organization: Option<String>,
    /// On which site.
    #[serde(deserialize_with = "Option::deserialize")]
    pub site: Option<String>,
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// What is held there afterwards, `{role}`; null where nothing is.
    #[serde(deserialize_with = "Option::deserialize")]
    pub after: Option<BTreeMap<String, Json>>,
    /// The lines that say so.
    pub origins: Vec<OriginDocument>,
}

/// A password that is older than the rules allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordDueDocument {
    /// Whose it is.
    pub user: String,
    /// Since when no other one is known: it was set or reset then, or the account became active.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Timestamp,
    /// When another one was due.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub due: Timestamp,
}

/// A limit, and how near the plan comes to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardDocument {
    /// Its name in the settings.
    pub name: String,
    /// Where it counts; null for the whole store.
    #[serde(deserialize_with = "Option::deserialize")]
    pub organization: Option<String>,
    /// What the plan comes to.
    pub count: u32,
    /// What it may come to.
    pub limit: u32,
    /// Whether it refuses the plan.
    pub refused: bool,
    /// Of a policy: of how much it can't be answered; left out where it can of everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<u32>,
}

/// A mistake or remark, in compact form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiagnosticDocument {
    /// The stable name of its kind.
    pub code: String,
    /// `error` or `warning`.
    pub severity: String,
    /// One sentence.
    pub message: String,
    /// Path of the file to mend; null where there is none.
    #[serde(deserialize_with = "Option::deserialize")]
    pub file: Option<String>,
    /// Line, from 1.
    #[serde(deserialize_with = "Option::deserialize")]
    pub line: Option<u32>,
    /// Column in characters, from 1.
    #[serde(deserialize_with = "Option::deserialize")]
    pub column: Option<u32>,
    /// The way out, with what stands beside the place.
    #[serde(deserialize_with = "Option::deserialize")]
    pub help: Option<String>,
}

/// The JSON Schema of the document, for `schemas/plan.schema.json`.
#[must_use]
pub fn schema() -> Json {
    printed_schema_of::<PlanDocument>(
        "plan.schema.json",
        "rollcall plan",
        "What `rollcall plan --format json` prints: an ordered list of actions, and what it was computed against.",
    )
}
