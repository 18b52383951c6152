//! The apply report as JSON: `apply --format json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::outcome::{ApplyReport, MailAbout, MailOutcome, MailWord, Outcome, OutcomeWord, RunEnd, Verdict};
use super::secrets::Undelivered;
use crate::document::printed_schema_of;
use crate::journal::LookedUp;
use crate::model::{ActionKind, Name, Names};
use crate::plan::{Action, Plan, StoreDocument, action_id};
use crate::secret::SecretKind;

/// What came of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportDocument {
    /// The version of this format: 1.
    pub format: u32,
    /// The store.
    pub store: StoreDocument,
    /// The digest of the plan.
    pub digest: String,
    /// The run, as in the journal.
    pub run: String,
    /// How the whole went.
    pub verdict: Verdict,
    /// Whether it was asked to stop before its end.
    pub interrupted: bool,
    /// Why it ended early, where it was not asked to.
    pub stopped_by: Option<String>,
    /// How many actions had which outcome.
    pub counts: BTreeMap<OutcomeWord, usize>,
    /// One entry for each action, in the order of the plan.
    pub actions: Vec<ReportAction>,
    /// Mails that were due, also of earlier runs.
    pub mails: Vec<ReportMail>,
    /// What became of attempts that an earlier run left open.
    pub looked_up: Vec<ReportLookUp>,
    /// Whose one-time secrets were made, and not taken by the sink: they are lost, and others have to be made.
    pub without_secret: Vec<ReportWithoutSecret>,
    /// Of a saved plan that is stale: why.
    pub changed: Vec<ReportChange>,
    /// Of a saved plan: the ids of what a plan of now would do besides.
    pub besides: Vec<String>,
}

/// Somebody whose one-time secret is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportWithoutSecret {
    /// The key of the user.
    pub user: String,
    /// What it would open.
    pub kind: SecretKind,
    /// Why the sink did not take it.
    pub why: String,
}

impl From<&Undelivered> for ReportWithoutSecret {
    fn from(one: &Undelivered) -> Self {
        Self { user: one.user.clone(), kind: one.kind, why: one.why.clone() }
    }
}

/// Why a saved plan does not hold any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportChange {
    /// The id of the action that does not hold; null where the whole plan does not.
    pub id: Option<String>,
    /// What the plan saw, and what is live.
    pub what: String,
}

/// An action and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportAction {
    /// The id of the action, as in the plan.
    pub id: String,
    /// What it does.
    pub action: ActionKind,
    /// The key of a user.
    pub user: Option<String>,
    /// An organization.
    pub organization: Option<String>,
    /// A site.
    pub site: Option<String>,
    /// A role, of role actions only.
    pub role: Option<String>,
    /// What came of it.
    pub outcome: OutcomeWord,
    /// More about it.
    pub detail: Option<String>,
    /// Of a skipped action: the id of the action that it needed.
    pub needed: Option<String>,
}

/// A mail, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportMail {
    /// The key of the user.
    pub user: String,
    /// What it is about.
    pub about: MailAbout,
    /// Whether it went out.
    pub outcome: MailWord,
    /// Why it did not.
    pub detail: Option<String>,
}

impl From<&MailOutcome> for ReportMail {
    fn from(mail: &MailOutcome) -> Self {
        let MailOutcome { user, about, word, detail } = mail;
        Self { user: user.clone(), about: *about, outcome: *word, detail: detail.clone() }
    }
}

/// An attempt that an earlier run left open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportLookUp {
    /// The run that left it open.
    pub run: String,
    /// The id of its action.
    pub id: String,
    /// What was found.
    pub found: ReportFound,
    /// More about it.
    pub detail: Option<String>,
}

/// What a look-up found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportFound {
    /// What it wanted is there.
    Achieved,
    /// What it began from is there.
    NotAchieved,
    /// Something else is there.
    Changed,
    /// The store could not tell.
    Unknown,
}

impl From<LookedUp> for ReportFound {
    fn from(found: LookedUp) -> Self {
        match found {
            LookedUp::Achieved => Self::Achieved,
            LookedUp::NotAchieved => Self::NotAchieved,
            LookedUp::Changed => Self::Changed,
            LookedUp::Unknown => Self::Unknown,
        }
    }
}

/// The JSON Schema of [`ReportDocument`], for `schemas/apply-report.schema.json`.
#[must_use]
pub fn schema() -> Json {
    printed_schema_of::<ReportDocument>(
        "apply-report.schema.json",
        "rollcall apply report",
        "What `rollcall apply --format json` prints: what came of each action of a plan, and of the run as a whole.",
    )
}

impl ApplyReport {
    /// The report as it is printed.
    #[must_use]
    pub fn document(&self, names: &Names, plan: &Plan) -> ReportDocument {
        let id = |action: &Action| action_id(names, action.kind, &action.subject);
        let text = |name: Option<Name>| name.map(|name| names.text(name).to_owned());
        let actions = plan.actions.iter().zip(&self.outcomes).map(|(action, outcome)| ReportAction {
            id: id(action),
            action: action.kind,
            user: text(action.subject.user),
            organization: text(action.subject.organization),
            site: text(action.subject.site),
            role: text(action.subject.role),
            outcome: outcome.word(),
            detail: outcome.detail().map(str::to_owned),
            needed: match outcome {
                Outcome::Skipped { need } => plan.actions.get(*need as usize).map(id),
                Outcome::Done
                | Outcome::FellBack(_)
                | Outcome::AlreadyTrue
                | Outcome::Conflict(_)
                | Outcome::Refused(_)
                | Outcome::Failed(_)
                | Outcome::Rewritten(_)
                | Outcome::Unknown(_)
                | Outcome::NotTried => None,
            },
        });
        let looked_up = self.looked_up.iter().map(|intent| ReportLookUp {
            run: intent.run.clone(),
            id: intent.id.clone(),
            found: intent.found.into(),
            detail: intent.detail.clone(),
        });
        ReportDocument {
            format: 1,
            store: StoreDocument::from(plan.store.clone()),
            digest: plan.digest.clone(),
            run: self.run.clone(),
            verdict: self.verdict(),
            interrupted: self.is_interrupted(),
            stopped_by: match &self.end {
                RunEnd::Whole | RunEnd::Interrupted => None,
                RunEnd::NotBegun(why) | RunEnd::StoreOutOfReach(why) | RunEnd::JournalBroken(why) => Some(why.clone()),
            },
            counts: self.counts(),
            actions: actions.collect(),
            mails: self.mails.iter().map(Into::into).collect(),
            looked_up: looked_up.collect(),
            without_secret: self.undelivered.iter().map(Into::into).collect(),
            changed: Vec::new(),
            besides: Vec::new(),
        }
    }
}
