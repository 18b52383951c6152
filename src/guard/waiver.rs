//! Waivers: one guard, one digest, on the command line of one run. None can stand in a file.

use std::str::FromStr;

use super::Guard;
use crate::document::nearest;

/// Lifts one guard from the plan with one digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The guard.
    pub guard: Guard,
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
            None => format!("there are: {}", Self::ALL.map(Self::as_str).join(", ")),
        };
        Err(NoWaiver::NoGuard { name, advice })
    }
}

impl FromStr for Waiver {
    type Err = NoWaiver;

    fn from_str(text: &str) -> Result<Self, NoWaiver> {
        let (guard, digest) = match text.split_once('=') {
            Some((guard, digest)) => (guard.parse::<Guard>()?, digest),
            None => return Err(NoWaiver::NoDigest(text.parse::<Guard>()?.as_str().to_owned())),
        };
        if !is_digest(digest) {
            return Err(NoWaiver::NotADigest(digest.escape_debug().to_string()));
        }
        Ok(Self { guard, digest: digest.to_owned() })
    }
}

/// Whether a text has the form of a plan's digest.
#[must_use]
pub fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:");
    digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
