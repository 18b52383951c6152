//! Waivers: one guard or one policy, one digest, on the command line of one run. None can stand in a file.

use std::fmt;
use std::str::FromStr;

use super::Guard;
use crate::document::nearest;

/// What can be waived.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Waived {
    /// A guard.
    Guard(Guard),
    /// The policy with this name.
    Policy(String),
}

/// What the name of a policy begins with where it stands among guards: its place in the settings.
const POLICIES: &str = "policies.";

impl Waived {
    /// The policy with this name.
    #[must_use]
    pub fn policy(name: &str) -> Self {
        Self::Policy(name.to_owned())
    }
}

impl fmt::Display for Waived {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guard(guard) => to.write_str(guard.as_str()),
            Self::Policy(name) => write!(to, "{POLICIES}{name}"),
        }
    }
}

impl FromStr for Waived {
    type Err = NoWaiver;

    fn from_str(text: &str) -> Result<Self, NoWaiver> {
        match text.strip_prefix(POLICIES) {
            Some(name) if !name.is_empty() => Ok(Self::policy(name)),
            Some(_) | None => text.parse().map(Self::Guard),
        }
    }
}

/// Lifts one guard, or one policy, from the plan with one digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// What is waived.
    pub waived: Waived,
    /// The digest: `sha256:` and 64 hex digits.
    pub digest: String,
}

/// What was written is no waiver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoWaiver {
    /// There is no digest.
    #[error("a waiver names a guard and the digest of one plan, such as {0}=sha256:…; `rollcall plan` prints it")]
    NoDigest(String),
    /// There is no such guard.
    #[error("there is no guard `{name}`; {advice}")]
    NoGuard {
        /// What was written.
        name: String,
        /// What could be meant.
        advice: String,
    },
    /// It is no guard that can be waived.
    #[error("`{0}` can't be waived: what it protects gets no action; change the settings if that is wrong")]
    NotWaivable(String),
    /// This is no digest.
    #[error("`{0}` is no digest; it begins with sha256: and has 64 hex digits")]
    NotADigest(String),
}

impl FromStr for Guard {
    type Err = NoWaiver;

    fn from_str(text: &str) -> Result<Self, NoWaiver> {
        if let Some(guard) = Self::ALL.into_iter().find(|guard| guard.as_str() == text) {
            return Ok(guard);
        }
        let name = text.escape_debug().to_string();
        if matches!(text, "self" | "protected_users" | "seats") {
            return Err(NoWaiver::NotWaivable(name));
        }
        let advice = match nearest(text, Self::ALL.into_iter().map(Self::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}, {POLICIES}NAME", Self::ALL.map(Self::as_str).join(", ")),
        };
        Err(NoWaiver::NoGuard { name, advice })
    }
}

impl FromStr for Waiver {
    type Err = NoWaiver;

    fn from_str(text: &str) -> Result<Self, NoWaiver> {
        let (waived, digest) = match text.split_once('=') {
            Some((waived, digest)) => (waived.parse::<Waived>()?, digest),
            None => return Err(NoWaiver::NoDigest(text.parse::<Waived>()?.to_string())),
        };
        if !is_digest(digest) {
            return Err(NoWaiver::NotADigest(digest.escape_debug().to_string()));
        }
        Ok(Self { waived, digest: digest.to_owned() })
    }
}

/// Whether a text has the form of a plan's digest.
#[must_use]
pub fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:");
    digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
