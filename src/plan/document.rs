//! The plan as JSON: `plan --format json`, and later the plan file (`contract.md` §1 and §2).
//!
//! The types mirror the document member by member. On writing everything is there and sorted, null stands in; on
//! reading nothing may be missing or unknown. Deliberately absent: any text for people, which `report` writes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value as Json;

use super::{
    Action, Affected, Cause, Deferred, Effects, Expiring, Origin, Places, Plan, Risk, Subject, Unmanaged, WaitsFor,
    state_json,
};
use crate::diagnostic::Diagnostic;
use crate::document::printed_schema_of;
use crate::model::{ActionKind, Name, Names, SourceLabel, known};

/// The version of the document.
pub const FORMAT: u32 = 1;

/// A plan as JSON. Its actions are a list, or on writing [`Actions`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanDocument<A = Vec<ActionDocument>> {
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
    /// What is wanted and has to wait.
    pub deferred: Vec<DeferredDocument>,
    /// What is live and gets no action.
    pub unmanaged: Vec<UnmanagedDocument>,
    /// What ends within 14 days.
    pub expiring: Vec<ExpiringDocument>,
    /// Limits, and how near the plan comes to them.
    pub guards: Vec<GuardDocument>,
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
}

/// Sums.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SummaryDocument {
    /// How people fare.
    pub people: PeopleDocument,
    /// How many actions of each kind; kinds without any are left out.
    pub actions: BTreeMap<String, u32>,
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

/// The actions of a plan on their way out: each is made when it is written, so that a plan with millions of them is
/// never held a second time as a document.
#[derive(Clone, Copy)]
pub struct Actions<'a> {
    plan: &'a Plan,
    names: &'a Names,
    places: &'a dyn Places,
}

impl Serialize for Actions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { plan, names, places } = *self;
        serializer.collect_seq(plan.actions.iter().map(|action| action_document(names, action, &plan.actions, places)))
    }
}

/// The document of a plan, to be written. Guards are left empty: a plan does not know them.
#[must_use]
pub fn document<'a>(plan: &'a Plan, names: &'a Names, places: &'a dyn Places) -> PlanDocument<Actions<'a>> {
    let Plan {
        store,
        digest,
        desired,
        live,
        rules,
        at,
        valid_until,
        live_people: _,
        declared_people: _,
        gaps: _,
        people,
        effects,
        census: _,
        counts,
        actions: _,
        deferred,
        unmanaged,
        expiring,
        diagnostics,
    } = plan;
    let mut diagnostics: Vec<DiagnosticDocument> =
        diagnostics.iter().map(|diagnostic| diagnostic_document(diagnostic, places)).collect();
    diagnostics.sort_by(|a, b| {
        (&a.file, a.line, a.column, &a.code, &a.message).cmp(&(&b.file, b.line, b.column, &b.code, &b.message))
    });
    PlanDocument {
        format: FORMAT,
        store: StoreDocument { name: store.name.clone(), kind: store.kind.clone(), id: store.id.clone() },
        digest: digest.clone(),
        basis: BasisDocument {
            desired: desired.clone(),
            live: live.clone(),
            rules: rules.clone(),
            at: *at,
            valid_until: *valid_until,
        },
        summary: SummaryDocument {
            people: PeopleDocument { join: people.join, leave: people.leave, gain: people.gain, lose: people.lose },
            actions: counts
                .iter()
                .filter(|&(_, &count)| count > 0)
                .map(|(kind, &count)| (kind.as_str().to_owned(), count))
                .collect(),
        },
        actions: Actions { plan, names, places },
        affected: affected(plan, names, effects),
        deferred: deferred.iter().map(|deferred| deferred_document(names, deferred, places)).collect(),
        unmanaged: unmanaged
            .iter()
            .map(|Unmanaged { kind, name, reason }| UnmanagedDocument {
                kind: (*kind).to_owned(),
                name: name.clone(),
                reason: (*reason).to_owned(),
            })
            .collect(),
        expiring: expiring.iter().map(|expiring| expiring_document(names, expiring, places)).collect(),
        guards: Vec::new(),
        diagnostics,
    }
}

fn affected(plan: &Plan, names: &Names, effects: &Effects) -> Vec<AffectedDocument> {
    let texts = |list: &[Name]| list.iter().map(|&name| names.text(name).to_owned()).collect();
    let catalog = plan.actions.iter().filter(|action| action.subject.user.is_none());
    let mut affected: Vec<AffectedDocument> = catalog
        .filter_map(|action| {
            let Affected { gain, lose, organizations } = effects.affected.get(&action.subject)?;
            let action = action_id(names, action.kind, &action.subject);
            Some(AffectedDocument { action, gain: texts(gain), lose: texts(lose), organizations: texts(organizations) })
        })
        .collect();
    affected.sort_by(|a, b| a.action.cmp(&b.action));
    affected
}

/// The document of one of the plan's `actions`.
#[must_use]
pub fn action_document(names: &Names, action: &Action, actions: &[Action], places: &dyn Places) -> ActionDocument {
    let Action { kind, subject, before, after, fall_back, cause, risk, needs, reason, origins: lines } = action;
    let SubjectTexts { user, organization, site, role } = SubjectTexts::of(names, subject);
    let state = |state: &Option<_>| state.as_ref().map(|state| members(state_json(names, state)));
    let mut risk = risk.clone();
    risk.sort_unstable_by_key(|risk| risk.as_str());
    let mut needs: Vec<String> = needs
        .iter()
        .filter_map(|&need| actions.get(need as usize))
        .map(|need| action_id(names, need.kind, &need.subject))
        .collect();
    needs.sort_unstable();
    ActionDocument {
        id: action_id(names, *kind, subject),
        action: *kind,
        user: user.map(str::to_owned),
        organization: organization.map(str::to_owned),
        site: site.map(str::to_owned),
        role: role.map(str::to_owned),
        before: state(before),
        after: state(after),
        fall_back: *fall_back,
        cause: *cause,
        risk,
        needs,
        reason: (*reason).to_owned(),
        origins: origins(names, lines, places),
    }
}

/// The name of an action within its plan: `KIND USER ORG SITE ROLE`, empty parts left out. Names are percent-encoded
/// but for the unreserved characters of RFC 3986 and `@`, so that a space only ever parts.
#[must_use]
pub fn action_id(names: &Names, kind: ActionKind, subject: &Subject) -> String {
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');
    let SubjectTexts { user, organization, site, role } = SubjectTexts::of(names, subject);
    let mut id = kind.as_str().to_owned();
    for part in [user, organization, site, role].into_iter().flatten() {
        id.push(' ');
        id.extend(utf8_percent_encode(part, ENCODED));
    }
    id
}

/// The compact form of a mistake or remark; the words beside its place, and the other places, go before its help.
#[must_use]
pub fn diagnostic_document(diagnostic: &Diagnostic, places: &dyn Places) -> DiagnosticDocument {
    let Diagnostic { code, severity, message, primary, secondary, help } = diagnostic;
    let place = primary.as_ref().map(|label| places.place(label.span.start));
    let others = secondary.iter().map(|label| {
        let (file, line, column) = places.place(label.span.start);
        format!("{}: {file}:{line}:{column}", label.text)
    });
    let words = primary.iter().map(|label| label.text.clone()).chain(others).chain(help.clone());
    let words: Vec<String> = words.filter(|words| !words.is_empty()).collect();
    DiagnosticDocument {
        code: code.as_str().to_owned(),
        severity: severity.as_str().to_owned(),
        message: message.clone(),
        line: place.as_ref().map(|&(_, line, _)| line),
        column: place.as_ref().map(|&(_, _, column)| column),
        file: place.map(|(file, _, _)| file),
        help: (!words.is_empty()).then(|| words.join("; ")),
    }
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

/// The texts of a subject, in the order in which actions are sorted. The whole platform is no organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SubjectTexts<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) organization: Option<&'a str>,
    pub(super) site: Option<&'a str>,
    pub(super) role: Option<&'a str>,
}

impl<'a> SubjectTexts<'a> {
    pub(super) fn of(names: &'a Names, subject: &Subject) -> Self {
        let &Subject { user, organization, site, role } = subject;
        let text = |name: Option<Name>| name.filter(|&name| name != known::PLATFORM).map(|name| names.text(name));
        Self { user: text(user), organization: text(organization), site: text(site), role: text(role) }
    }
}

fn members(state: Json) -> BTreeMap<String, Json> {
    match state {
        Json::Object(members) => members.into_iter().collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => BTreeMap::new(),
    }
}

fn origins(names: &Names, origins: &[Origin], places: &dyn Places) -> Vec<OriginDocument> {
    let mut documents: Vec<OriginDocument> = origins
        .iter()
        .map(|&Origin { position, via }| {
            let (file, line, column) = places.place(position);
            let via = via.map(|label| match label {
                SourceLabel::Team(team) => format!("team:{}", names.text(team)),
                SourceLabel::SiteGrant => "site_grant".to_owned(),
            });
            OriginDocument { file, line, column, via }
        })
        .collect();
    documents.sort_unstable();
    documents.dedup();
    documents
}

fn deferred_document(names: &Names, deferred: &Deferred, places: &dyn Places) -> DeferredDocument {
    let Deferred { kind, subject, waits_for, shortfall, since, until: _, origins: lines } = deferred;
    let SubjectTexts { user, organization, site, role } = SubjectTexts::of(names, subject);
    DeferredDocument {
        action: *kind,
        user: user.map(str::to_owned),
        organization: organization.map(str::to_owned),
        site: site.map(str::to_owned),
        role: role.map(str::to_owned),
        waits_for: *waits_for,
        shortfall: *shortfall,
        since: *since,
        origins: origins(names, lines, places),
    }
}

fn expiring_document(names: &Names, expiring: &Expiring, places: &dyn Places) -> ExpiringDocument {
    let &Expiring { user, organization, site, at, ref after, origins: ref lines } = expiring;
    let subject = Subject { user: Some(user), organization, site, role: None };
    let texts = SubjectTexts::of(names, &subject);
    ExpiringDocument {
        user: names.text(user).to_owned(),
        organization: texts.organization.map(str::to_owned),
        site: texts.site.map(str::to_owned),
        at,
        after: after.as_ref().map(|state| members(state_json(names, state))),
        origins: origins(names, lines, places),
    }
}
