//! One-time secrets, and what takes them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A one-time secret. Nothing shows it, and it is wiped from memory when it goes.
pub struct OneTimeSecret(Zeroizing<String>);

impl OneTimeSecret {
    /// This text as a secret.
    #[must_use]
    pub fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The text itself: for the store that it opens, and for a sink.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OneTimeSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OneTimeSecret(…)")
    }
}

/// What a one-time secret opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretKind {
    /// An account: the password until the person chooses another one.
    Password,
    /// The API, in the name of an account.
    Api,
}

impl SecretKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Password, Self::Api];

    /// The word used in the journal, in stores and for sinks.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Api => "api",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A secret on its way to a sink.
#[derive(Debug)]
pub struct Delivery<'a> {
    /// The store, by its name in the settings.
    pub store: &'a str,
    /// Whose it is: the key of a user.
    pub user: &'a str,
    /// What it opens.
    pub kind: SecretKind,
    /// When it was made.
    pub at: Timestamp,
    /// The run that made it, as in the journal.
    pub run: &'a str,
    /// The secret.
    pub secret: &'a OneTimeSecret,
}

impl Delivery<'_> {
    /// The line that a sink takes, with its line feed: a JSON object. It is wiped when it goes.
    #[must_use]
    pub fn line(&self) -> Zeroizing<Vec<u8>> {
        #[derive(Serialize)]
        struct Line<'a> {
            format: u32,
            store: &'a str,
            user: &'a str,
            kind: SecretKind,
            at: Timestamp,
            run: &'a str,
            secret: &'a str,
        }
        let Self { store, user, kind, at, run, secret } = self;
        // Large enough that it never moves: what it would leave behind is not wiped. A character is escaped by six.
        let room = 512 + 6 * (store.len() + user.len() + run.len() + secret.reveal().len());
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        let line = Line { format: 1, store, user, kind: *kind, at: *at, run, secret: secret.reveal() };
        // Neither texts nor times can fail to be written as JSON.
        if serde_json::to_writer(&mut *bytes, &line).is_err() {
            bytes.clear();
        }
        bytes.push(b'\n');
        bytes
    }
}

/// A sink takes no secret: why, and what to do about it. It never says which secret.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SinkError {
    message: String,
    #[source]
    source: Option<std::io::Error>,
}

impl SinkError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    pub(super) fn of(message: impl Into<String>, source: std::io::Error) -> Self {
        Self { message: message.into(), source: Some(source) }
    }
}

/// Takes one-time secrets.
pub trait Sink {
    /// Whether it would take a secret now. None is handed over.
    fn probe(&self) -> Result<(), SinkError>;

    /// Takes one secret. What returns without an error has it for good.
    fn deliver(&self, delivery: &Delivery<'_>) -> Result<(), SinkError>;
}

#[cfg(test)]
mod tests {
    use super::{Delivery, OneTimeSecret, SecretKind};
    use crate::secret::generate;

    #[test]
    fn a_secret_shows_itself_nowhere() {
        let secret = generate(0, false).expect("randomness");
        let delivery = Delivery {
            store: "local",
            user: "ana",
            kind: SecretKind::Password,
            at: jiff::Timestamp::UNIX_EPOCH,
            run: "1",
            secret: &secret,
        };
        for shown in [format!("{secret:?}"), format!("{secret:#?}"), format!("{delivery:?}")] {
            assert!(!shown.contains(secret.reveal()), "{shown}");
        }
    }

    #[test]
    fn a_line_is_one_json_object_whatever_the_names_are() {
        let secret = OneTimeSecret::new(zeroize::Zeroizing::new("a\"b\nc".to_owned()));
        let (store, user) = ("lo\ncal", "\u{1}\"ana\"");
        let at = jiff::Timestamp::UNIX_EPOCH;
        let line = Delivery { store, user, kind: SecretKind::Api, at, run: "1", secret: &secret }.line();
        assert_eq!(line.iter().position(|&byte| byte == b'\n'), Some(line.len() - 1));
        let read: serde_json::Value = serde_json::from_slice(&line).expect("JSON");
        assert_eq!((read["user"].as_str(), read["secret"].as_str()), (Some(user), Some("a\"b\nc")));
        assert_eq!(read["kind"], "api");
    }
}
