//! The lines of the journal.

use std::fmt;

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Who changes something, as far as the caller knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The user of the machine.
    #[serde(default)]
    pub user: Option<String>,
    /// Who made a CI system run.
    #[serde(default)]
    pub actor: Option<String>,
    /// The job of that CI system.
    #[serde(default)]
    pub job: Option<String>,
}

/// One run of one plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Tells runs apart; given by the caller.
    pub id: String,
    /// Who started it.
    pub who: Who,
    /// The digest of the plan.
    pub plan: String,
    /// The store's own identity.
    pub store: String,
}

/// How an intent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Done, and read back.
    Done,
    /// It was so already.
    AlreadyTrue,
    /// The subject had changed since the plan.
    Conflict,
    /// The store's rules refused it.
    Refused,
    /// It could not be done.
    Failed,
    /// Done, and the store made another value of it.
    Rewritten,
    /// Nobody knows.
    Unknown,
}

/// What a look-up found about an open intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookedUp {
    /// What it wanted is there.
    Achieved,
    /// What it began from is there.
    NotAchieved,
    /// Something else is there: whatever the attempt did is over.
    Changed,
    /// The store could not tell.
    Unknown,
}

impl LookedUp {
    /// The word used in the journal and in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Achieved => "achieved",
            Self::NotAchieved => "not achieved",
            Self::Changed => "changed since",
            Self::Unknown => "unknown",
        }
    }

    /// Whether there is nothing left to look up.
    #[must_use]
    pub const fn closes(self) -> bool {
        match self {
            Self::Achieved | Self::NotAchieved | Self::Changed => true,
            Self::Unknown => false,
        }
    }
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// The first thing that a run says.
    Began(Box<Run>),
    /// An action is about to be done.
    Intent {
        /// The store's own identity: an intent is looked up where it was meant to be done.
        store: String,
        /// The action as described.
        action: serde_json::Value,
        /// The invitation that is to go out in the place of the one that this action cancels, as described: it has what
        /// would be forgotten with the account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        then: Option<serde_json::Value>,
    },
    /// What came of an intent.
    Outcome {
        /// The line of the intent.
        intent: u64,
        /// How it ended.
        outcome: Ended,
        /// More about it.
        detail: Option<String>,
    },
    /// What a later run found about an intent.
    LookedUp {
        /// The line of the intent.
        intent: u64,
        /// What it found.
        found: LookedUp,
        /// More about it.
        detail: Option<String>,
    },
    /// A sink took the one-time secret that an intent yielded.
    Delivered {
        /// The line of the intent.
        secret: u64,
    },
    /// An operator is about to have the passwords of all active accounts reset, one after the other.
    Resets {
        /// The store's own identity.
        store: String,
        /// The keys of the users, as in the store.
        users: Vec<String>,
        /// The store's own ids of the accounts, which stay where a key is changed: one for each key, in their order;
        /// empty where none was noted.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ids: Vec<String>,
    },
    /// An operator let a `status: active` count that may be older than a lock-out.
    Released {
        /// The store's own identity.
        store: String,
        /// The key of the person, as compared.
        user: String,
    },
    /// An apply has seen that what was cut off is wanted no more: whoever lost it then is not to be in, or not in that
    /// organization.
    Over {
        /// The store's own identity.
        store: String,
        /// The key of the person, as compared.
        user: String,
        /// The organization; null: wherever it was.
        organization: Option<String>,
    },
    /// The lines just before were torn by a kill while they were written; they stay as they are.
    Recovered {
        /// The first of them.
        first_line: u64,
        /// How many they are.
        lines: u64,
    },
    /// The store remembers this line as the last one, and it was not here when the run began: the end of this journal
    /// was cut off, or another journal stood in its place.
    Missing {
        /// Its number.
        line: u64,
        /// Its hash.
        hash: String,
    },
}

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The number of the line, from 1.
    pub seq: u64,
    /// The hash of the line before it: `sha256:` and 64 hex digits, zeros before the first line.
    pub prev: String,
    /// Where the oldest intent began that was open then, in bytes; else this line itself. Nothing before it has to be
    /// read to go on.
    pub from: u64,
    /// When it was written.
    pub at: Timestamp,
    /// By which run.
    pub run: String,
    /// What it says.
    pub entry: Entry,
}

impl Record {
    /// The line without its end. JSON escapes line breaks in texts, so it is one line.
    pub(super) fn to_line(&self) -> Vec<u8> {
        // Neither a type here nor a map in it can fail to be written as JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// `None` where the line holds no record.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

/// Of a line, what makes it a link of the chain.
#[derive(Debug, Deserialize)]
pub(super) struct Link<'a> {
    /// The number of the line.
    pub(super) seq: u64,
    /// The hash of the line before it, which has nothing in it that JSON escapes.
    pub(super) prev: &'a str,
    entry: LinkEntry,
}

/// What a line says, as far as the chain has to know.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LinkEntry {
    Began(IgnoredAny),
    Intent(IgnoredAny),
    Outcome(IgnoredAny),
    LookedUp(IgnoredAny),
    Delivered(IgnoredAny),
    Resets(IgnoredAny),
    Released(IgnoredAny),
    Over(IgnoredAny),
    Recovered { first_line: u64, lines: u64 },
    Missing(IgnoredAny),
}

impl<'a> Link<'a> {
    /// `None` where the line holds no record.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// The first torn line for which it accounts, and how many they are.
    pub(super) fn recovered(&self) -> Option<(u64, u64)> {
        match self.entry {
            LinkEntry::Recovered { first_line, lines } => Some((first_line, lines)),
            LinkEntry::Began(_)
            | LinkEntry::Intent(_)
            | LinkEntry::Outcome(_)
            | LinkEntry::LookedUp(_)
            | LinkEntry::Delivered(_)
            | LinkEntry::Resets(_)
            | LinkEntry::Released(_)
            | LinkEntry::Over(_)
            | LinkEntry::Missing(_) => None,
        }
    }
}

/// The hash of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hash([u8; 32]);

impl Hash {
    /// What the first line continues.
    pub(super) const START: Self = Self([0; 32]);

    pub(super) fn of(line: &[u8]) -> Self {
        Self(Sha256::digest(line).into())
    }

    /// The hash that is printed so.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:")?.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}
