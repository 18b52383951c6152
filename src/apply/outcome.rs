//! What came of each action, and of the whole.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secrets::Undelivered;
use crate::journal::Ended;

/// What came of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and read back.
    Done,
    /// It was so already.
    AlreadyTrue,
    /// The subject has changed since the plan: how.
    Conflict(String),
    /// The store's rules refuse it: why.
    Refused(String),
    /// It could not be done: why.
    Failed(String),
    /// Done in the other way that the action allows, and read back: which, and why.
    FellBack(String),
    /// Done, and the store made another value of it: which.
    Rewritten(String),
    /// Nobody knows: why.
    Unknown(String),
    /// It needs an action that was not achieved.
    Skipped {
        /// The position of that action in the plan.
        need: u32,
    },
    /// The run ended before.
    NotTried,
}

impl Outcome {
    /// Whether what was wanted is there now.
    #[must_use]
    pub const fn is_achieved(&self) -> bool {
        match self {
            Self::Done | Self::FellBack(_) | Self::AlreadyTrue | Self::Rewritten(_) => true,
            Self::Conflict(_)
            | Self::Refused(_)
            | Self::Failed(_)
            | Self::Unknown(_)
            | Self::Skipped { .. }
            | Self::NotTried => false,
        }
    }

    /// Its kind.
    #[must_use]
    pub const fn word(&self) -> OutcomeWord {
        match self {
            Self::Done | Self::FellBack(_) => OutcomeWord::Done,
            Self::AlreadyTrue => OutcomeWord::AlreadyTrue,
            Self::Conflict(_) => OutcomeWord::Conflict,
            Self::Refused(_) => OutcomeWord::Refused,
            Self::Failed(_) => OutcomeWord::Failed,
            Self::Rewritten(_) => OutcomeWord::Rewritten,
            Self::Unknown(_) => OutcomeWord::Unknown,
            Self::Skipped { .. } => OutcomeWord::Skipped,
            Self::NotTried => OutcomeWord::NotTried,
        }
    }

    /// More about it, where there is more.
    #[must_use]
    pub const fn detail(&self) -> Option<&str> {
        match self {
            Self::Conflict(text)
            | Self::Refused(text)
            | Self::Failed(text)
            | Self::FellBack(text)
            | Self::Rewritten(text)
            | Self::Unknown(text) => Some(text.as_str()),
            Self::Done | Self::AlreadyTrue | Self::Skipped { .. } | Self::NotTried => None,
        }
    }

    /// How the journal has it; `None` for what was never begun.
    #[must_use]
    pub(super) const fn ended(&self) -> Option<Ended> {
        match self {
            Self::Done | Self::FellBack(_) => Some(Ended::Done),
            Self::AlreadyTrue => Some(Ended::AlreadyTrue),
            Self::Conflict(_) => Some(Ended::Conflict),
            Self::Refused(_) => Some(Ended::Refused),
            Self::Failed(_) => Some(Ended::Failed),
            Self::Rewritten(_) => Some(Ended::Rewritten),
            Self::Unknown(_) => Some(Ended::Unknown),
            Self::Skipped { .. } | Self::NotTried => None,
        }
    }
}

/// The kind of an [`Outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeWord {
    /// Done, and read back.
    Done,
    /// It was so already.
    AlreadyTrue,
    /// Done, and the store made another value of it.
    Rewritten,
    /// The subject has changed since the plan.
    Conflict,
    /// The store's rules refuse it.
    Refused,
    /// It could not be done.
    Failed,
    /// Nobody knows.
    Unknown,
    /// It needs an action that was not achieved.
    Skipped,
    /// The run ended before.
    NotTried,
}

impl OutcomeWord {
    /// Every kind, in the order in which they are counted up.
    pub const ALL: [Self; 9] = [
        Self::Done,
        Self::AlreadyTrue,
        Self::Rewritten,
        Self::Conflict,
        Self::Refused,
        Self::Failed,
        Self::Unknown,
        Self::Skipped,
        Self::NotTried,
    ];

    /// The words for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::AlreadyTrue => "already true",
            Self::Rewritten => "rewritten",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
            Self::NotTried => "not tried",
        }
    }
}

/// How the whole went, for the exit code (`contract.md` §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything is as planned.
    Complete,
    /// Nothing was written, and not everything is as planned.
    NothingWritten,
    /// Something was written or may have been, and not everything is as planned; or a store rewrote a value.
    Partial,
}

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEnd {
    /// Nothing was tried: why.
    NotBegun(String),
    /// Nothing was left to do.
    Whole,
    /// It was asked to stop.
    Interrupted,
    /// Several requests in a row failed as a whole: the last reason.
    StoreOutOfReach(String),
    /// The journal can't be written: why.
    JournalBroken(String),
}

/// What came of an open intent of an earlier run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedIntent {
    /// The run that left it open.
    pub run: String,
    /// The id of its action, as the journal has it.
    pub id: String,
    /// What the look-up found.
    pub found: crate::journal::LookedUp,
    /// More about it.
    pub detail: Option<String>,
}

/// What came of a mail, which goes out once what it is about is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailOutcome {
    /// The key of the user.
    pub user: String,
    /// What it is about.
    pub about: MailAbout,
    /// Whether it went out.
    pub word: MailWord,
    /// Why it did not.
    pub detail: Option<String>,
}

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailAbout {
    /// An invitation.
    Invitation,
    /// The reset of a password.
    Password,
}

/// Whether a mail went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailWord {
    /// The server took it, or it lies in the folder.
    Sent,
    /// It did not go out, and the next run hands it over.
    Waiting,
    /// It was refused for good: nothing is tried again by itself.
    Refused,
    /// Nobody knows whether it was taken: nothing is tried again by itself.
    Unknown,
}

/// What came of a plan. Outcomes stand at the positions of their actions in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyReport {
    /// The run, as given by the caller.
    pub run: String,
    /// Why it ended.
    pub end: RunEnd,
    /// Open intents of earlier runs.
    pub looked_up: Vec<ClosedIntent>,
    /// One for each action of the plan.
    pub outcomes: Vec<Outcome>,
    /// Whether anything was written or may have been.
    pub has_written: bool,
    /// One-time secrets that were made, and that the sink did not take.
    pub undelivered: Vec<Undelivered>,
    /// Mails that were due, also of earlier runs.
    pub mails: Vec<MailOutcome>,
}

impl ApplyReport {
    /// The report on a plan of so many actions of which none was tried: why.
    #[must_use]
    pub fn not_begun(run: String, actions: usize, why: String) -> Self {
        Self {
            run,
            end: RunEnd::NotBegun(why),
            looked_up: Vec::new(),
            outcomes: vec![Outcome::NotTried; actions],
            has_written: false,
            undelivered: Vec::new(),
            mails: Vec::new(),
        }
    }

    /// How many actions had which outcome; outcomes that no action had are left out.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<OutcomeWord, usize> {
        let mut counts = BTreeMap::new();
        for outcome in &self.outcomes {
            *counts.entry(outcome.word()).or_default() += 1;
        }
        counts
    }

    /// Whether it was asked to stop before its end.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.end == RunEnd::Interrupted
    }

    /// How the whole went.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let mut is_complete = self.end == RunEnd::Whole && self.undelivered.is_empty();
        for outcome in &self.outcomes {
            is_complete &= outcome.is_achieved() && outcome.word() != OutcomeWord::Rewritten;
        }
        let mut has_written = self.has_written;
        for mail in &self.mails {
            is_complete &= mail.word == MailWord::Sent;
            has_written |= matches!(mail.word, MailWord::Sent | MailWord::Unknown);
        }
        match (is_complete, has_written) {
            (true, _) => Verdict::Complete,
            (false, true) => Verdict::Partial,
            (false, false) => Verdict::NothingWritten,
        }
    }
}
