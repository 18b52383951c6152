//! The report on resets of passwords as JSON: `reset-password --format json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::document::{ReportMail, ReportWithoutSecret};
use super::outcome::{Outcome, OutcomeWord};
use super::reset::ResetReport;
use crate::document::printed_schema_of;

/// What came of resets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResetDocument {
    /// The version of this format: 1.
    pub format: u32,
    /// The name of the store.
    pub store: String,
    /// The run, as in the journal; null where nothing was tried.
    pub run: Option<String>,
    /// Why it ended early, where it was not asked to.
    pub stopped_by: Option<String>,
    /// One entry for each account that was chosen, in the order in which they are done.
    pub users: Vec<ResetUser>,
    /// Whose new password was made, and not taken by the sink: it is lost, and another one has to be made.
    pub without_secret: Vec<ReportWithoutSecret>,
    /// Mails that tell people to choose another password.
    pub mails: Vec<ReportMail>,
    /// Active accounts that are left alone.
    pub skipped: Vec<SkippedUser>,
}

/// An account, and what came of the reset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResetUser {
    /// The key of the user.
    pub user: String,
    /// What came of it.
    pub outcome: OutcomeWord,
    /// More about it.
    pub detail: Option<String>,
}

/// An account that is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkippedUser {
    /// The key of the user.
    pub user: String,
    /// Why.
    pub reason: String,
}

/// The JSON Schema of [`ResetDocument`], for `schemas/reset-report.schema.json`.
#[must_use]
pub fn reset_schema() -> Json {
    printed_schema_of::<ResetDocument>(
        "reset-report.schema.json",
        "rollcall reset report",
        "What `rollcall reset-password --format json` prints: whose password was reset, and who was told. It holds no secret.",
    )
}

impl ResetReport {
    /// The report as it is printed, on these users of this store.
    #[must_use]
    pub fn document(&self, store: &str, users: &[String], skipped: Vec<SkippedUser>) -> ResetDocument {
        let of = |(user, outcome): (&String, &Outcome)| ResetUser {
            user: user.clone(),
            outcome: outcome.word(),
            detail: outcome.detail().map(str::to_owned),
        };
        ResetDocument {
            format: 1,
            store: store.to_owned(),
            run: Some(self.run.clone()).filter(|run| !run.is_empty()),
            stopped_by: self.stopped_by.clone(),
            users: users.iter().zip(&self.outcomes).map(of).collect(),
            without_secret: self.undelivered.iter().map(Into::into).collect(),
            mails: self.mails.iter().map(Into::into).collect(),
            skipped,
        }
    }
}
