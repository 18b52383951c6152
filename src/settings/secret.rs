//! Where one-time secrets go; how a secret is named is said one floor down.

use schemars::JsonSchema;

pub use crate::secret::SecretReference;

/// What takes one-time secrets.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sink {
    /// A file of mode 0600, relative to the access repository unless absolute.
    File(String),
    /// A command fed on standard input: program and arguments, no shell.
    Command(Vec<String>),
}
