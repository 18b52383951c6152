//! Secrets by reference. A value in place of a reference is refused without being repeated.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// Where a secret is found when it is needed; never the secret.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum SecretReference {
    /// A variable of the environment.
    Env(#[schemars(regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"))] String),
    /// A file that holds it.
    File(String),
    /// A command that prints it: program and arguments, no shell.
    Command(#[schemars(length(min = 1))] Vec<String>),
}

const EXPECTED: &str = "a secret is named and never written here; write `{ env: NAME }`, `{ file: PATH }` or \
                        `{ command: [PROGRAM, …] }`";

impl<'de> Deserialize<'de> for SecretReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReferenceVisitor)
    }
}

struct ReferenceVisitor;

/// Refuses a value without repeating it.
fn literal<E: Error, T>() -> Result<T, E> {
    Err(E::custom(EXPECTED))
}

impl<'de> Visitor<'de> for ReferenceVisitor {
    type Value = SecretReference;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a reference to a secret")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        literal()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        literal()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        literal()
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Self::Value, E> {
        literal()
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Self::Value, E> {
        literal()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        literal()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        literal()
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<Self::Value, E> {
        literal()
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        literal()
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some(key) = map.next_key::<String>()? else { return literal() };
        let reference = match key.as_str() {
            "env" => SecretReference::Env(map.next_value()?),
            "file" => SecretReference::File(map.next_value()?),
            "command" => SecretReference::Command(map.next_value()?),
            _ => return literal(),
        };
        let more = map.next_key::<String>()?.is_some();
        if more || !reference.is_possible() { literal() } else { Ok(reference) }
    }
}

impl SecretReference {
    /// Whether it can be a reference; a value under `env` is most often the secret itself.
    fn is_possible(&self) -> bool {
        match self {
            Self::Env(name) => {
                !name.starts_with(|first: char| first.is_ascii_digit())
                    && !name.is_empty()
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            }
            Self::File(path) => !path.is_empty() && !path.contains('\0'),
            Self::Command(command) => command.first().is_some_and(|program| !program.is_empty()),
        }
    }
}
