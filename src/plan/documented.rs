//! From a plan to its JSON document. Moments are told in whole seconds.
//!
//! Everything is sorted by text. Deliberately absent: the shape of the document (`document`).

use std::collections::BTreeMap;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::document::{
    ActionDocument, AffectedDocument, BasisDocument, DeferredDocument, DiagnosticDocument, ExpiringDocument, FORMAT,
    IncludesDocument, OriginDocument, PasswordDueDocument, PeopleDocument, PlanDocument, StoreDocument,
    SummaryDocument, UnmanagedDocument,
};
use super::impact_document::{ImpactPeople, impact_document};
use super::{
    Action, Affected, Deferred, Effects, Expiring, Origin, PasswordDue, Places, Plan, Risk, State, Subject, Unmanaged,
    state_json,
};
use crate::diagnostic::Diagnostic;
use crate::model::{ActionKind, Name, Names, SourceLabel, known};

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

/// The document of a plan, to be written. Guards and base are left empty: a plan does not know them.
#[must_use]
pub fn document<'a>(
    plan: &'a Plan,
    names: &'a Names,
    places: &'a dyn Places,
) -> PlanDocument<Actions<'a>, ImpactPeople<'a>> {
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
        batches,
        actions: _,
        deferred,
        unmanaged,
        expiring,
        passwords_due,
        diagnostics,
    } = plan;
    let mut diagnostics: Vec<DiagnosticDocument> =
        diagnostics.iter().map(|diagnostic| diagnostic_document(diagnostic, places)).collect();
    diagnostics.sort_by(|a, b| {
        (&a.file, a.line, a.column, &a.code, &a.message).cmp(&(&b.file, b.line, b.column, &b.code, &b.message))
    });
    PlanDocument {
        format: FORMAT,
        store: StoreDocument::from(store.clone()),
        digest: digest.clone(),
        basis: BasisDocument {
            desired: desired.clone(),
            live: live.clone(),
            rules: rules.clone(),
            at: seconds(*at),
            valid_until: valid_until.map(seconds),
            includes: includes(names, effects),
        },
        summary: SummaryDocument {
            people: PeopleDocument { join: people.join, leave: people.leave, gain: people.gain, lose: people.lose },
            actions: counts
                .iter()
                .filter(|&(_, &count)| count > 0)
                .map(|(kind, &count)| (kind.as_str().to_owned(), count))
                .collect(),
            invitation_batches: *batches,
        },
        actions: Actions { plan, names, places },
        affected: affected(plan, names, effects),
        impact: impact_document(names, &effects.impact),
        deferred: deferred.iter().map(|deferred| deferred_document(names, deferred, places)).collect(),
        unmanaged: unmanaged
            .iter()
            .map(|Unmanaged { kind, name, reason, is_always_told: _, people: _ }| UnmanagedDocument {
                kind: (*kind).to_owned(),
                name: name.clone(),
                reason: reason.clone().into_owned(),
            })
            .collect(),
        expiring: expiring.iter().map(|expiring| expiring_document(names, expiring, places)).collect(),
        passwords_due: passwords_due
            .iter()
            .map(|&PasswordDue { user, since, due }| PasswordDueDocument {
                user: names.text(user).to_owned(),
                since: seconds(since),
                due: seconds(due),
            })
            .collect(),
        guards: Vec::new(),
        base: None,
        diagnostics,
    }
}

fn includes(names: &Names, effects: &Effects) -> Vec<IncludesDocument> {
    let mut includes: Vec<IncludesDocument> = effects
        .through
        .iter()
        .map(|(&(organization, site), opened)| {
            let own = site.unwrap_or(organization);
            let others = opened.iter().filter(|&&one| one != own);
            let mut includes: Vec<String> = others.map(|&name| names.text(name).to_owned()).collect();
            includes.sort_unstable();
            let organization = names.text(organization).to_owned();
            IncludesDocument { organization, site: site.map(|site| names.text(site).to_owned()), includes }
        })
        .collect();
    includes.sort_unstable();
    includes
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
    let Action { kind, subject, before, after, fall_back, cause, risk, needs, reason, origins: lines, restores: _ } =
        action;
    let SubjectTexts { user, organization, site, role } = SubjectTexts::of(names, subject);
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
        before: members(names, before.as_ref()),
        after: members(names, after.as_ref()),
        fall_back: *fall_back,
        cause: *cause,
        risk: sorted(risk),
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

/// The moment without parts of a second; nothing that is decided here depends on them.
fn seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn sorted(risk: &[Risk]) -> Vec<Risk> {
    let mut risk = risk.to_vec();
    risk.sort_unstable_by_key(|risk| risk.as_str());
    risk
}

fn members(names: &Names, state: Option<&State>) -> Option<BTreeMap<String, Json>> {
    Some(match state_json(names, state?) {
        Json::Object(members) => members.into_iter().collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => BTreeMap::new(),
    })
}

pub(super) fn origins(names: &Names, origins: &[Origin], places: &dyn Places) -> Vec<OriginDocument> {
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
    let Deferred { kind, subject, before, after, risk, waits_for, shortfall, since, origins: lines, .. } = deferred;
    let SubjectTexts { user, organization, site, role } = SubjectTexts::of(names, subject);
    DeferredDocument {
        action: *kind,
        user: user.map(str::to_owned),
        organization: organization.map(str::to_owned),
        site: site.map(str::to_owned),
        role: role.map(str::to_owned),
        before: members(names, before.as_ref()),
        after: members(names, after.as_ref()),
        risk: sorted(risk),
        waits_for: *waits_for,
        shortfall: *shortfall,
        since: since.map(seconds),
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
        at: seconds(at),
        after: members(names, after.as_ref()),
        origins: origins(names, lines, places),
    }
}
