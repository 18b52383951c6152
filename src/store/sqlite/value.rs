//! Values between three worlds: names of a plan, plain values to compare and store, and columns of the file.

use std::collections::BTreeMap;

use rusqlite::Row;
use rusqlite::types::{FromSqlError, ToSql, ToSqlOutput, Type, ValueRef};
use serde_json::Value as Json;

use crate::model::{Fact, Name, Names, Value, known};
use crate::plan::State;

/// A value that knows no table of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plain {
    Null,
    Text(String),
    Bool(bool),
    Number(i32),
    /// Sorted, without repetition.
    Set(Vec<String>),
}

/// Fields by name.
pub(super) type Fields = BTreeMap<String, Plain>;

impl Plain {
    /// A value of a plan.
    pub(super) fn of(names: &Names, value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Text(text) => Self::Text(names.text(text).to_owned()),
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => Self::Number(number),
            Value::Set(list) => Self::Set(names.sorted_texts(list).into_iter().map(str::to_owned).collect()),
        }
    }

    /// The same in a table of names.
    pub(super) fn intern(&self, names: &mut Names) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => Value::Text(names.intern(text)),
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(*number),
            Self::Set(texts) => {
                let elements: Vec<Name> = texts.iter().map(|text| names.intern(text)).collect();
                Value::Set(names.list(&elements))
            }
        }
    }

    /// Whether the store makes no difference between the two: not set, empty and `false` are one.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self == other || (self.is_empty() && other.is_empty())
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Null | Self::Bool(false) => true,
            Self::Text(text) => text.is_empty(),
            Self::Set(texts) => texts.is_empty(),
            Self::Bool(true) | Self::Number(_) => false,
        }
    }

    /// For a message; whole, since it is a value that somebody declared or stored.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Null => "not set".to_owned(),
            Self::Text(text) => format!("`{text}`"),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Set(texts) => format!("[{}]", texts.join(", ")),
        }
    }

    pub(super) fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Text(text) => Json::from(text.as_str()),
            Self::Bool(value) => Json::from(*value),
            Self::Number(number) => Json::from(*number),
            Self::Set(texts) => Json::from(texts.as_slice()),
        }
    }

    /// `None` where the JSON is nothing that a field can hold.
    pub(super) fn from_json(json: Json) -> Option<Self> {
        match json {
            Json::Null => Some(Self::Null),
            Json::Bool(value) => Some(Self::Bool(value)),
            Json::Number(number) => i32::try_from(number.as_i64()?).ok().map(Self::Number),
            Json::String(text) => Some(Self::Text(text)),
            Json::Array(elements) => {
                let text = |element| match element {
                    Json::String(text) => Some(text),
                    Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => None,
                };
                let mut texts: Vec<String> = elements.into_iter().map(text).collect::<Option<_>>()?;
                texts.sort_unstable();
                texts.dedup();
                Some(Self::Set(texts))
            }
            Json::Object(_) => None,
        }
    }
}

/// As a column: sets are JSON, truth values 0 and 1.
impl ToSql for Plain {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Null => None::<bool>.to_sql().map(|_| ToSqlOutput::from(rusqlite::types::Null)),
            Self::Text(text) => text.to_sql(),
            Self::Bool(value) => Ok(ToSqlOutput::from(*value)),
            Self::Number(number) => Ok(ToSqlOutput::from(*number)),
            Self::Set(_) => Ok(ToSqlOutput::from(self.to_json().to_string())),
        }
    }
}

/// Text, truth or number out of a JSON column.
pub(super) fn json(row: &Row<'_>, column: usize) -> rusqlite::Result<Plain> {
    let text = row.get_ref(column)?;
    let ValueRef::Text(text) = text else { return Ok(Plain::Null) };
    let bad = |error: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error)
    };
    let json = serde_json::from_slice(text).map_err(|error| bad(error.into()))?;
    Plain::from_json(json).ok_or_else(|| bad("a value that no field can hold".into()))
}

/// Further fields out of a column with a JSON object.
pub(super) fn json_fields(row: &Row<'_>, column: usize, fields: &mut Fields) -> rusqlite::Result<()> {
    let bad = |error: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error)
    };
    let object: BTreeMap<String, Json> = serde_json::from_str(text(row, column)?).map_err(|error| bad(error.into()))?;
    for (field, value) in object {
        let value = Plain::from_json(value).ok_or_else(|| bad("a value that no field can hold".into()))?;
        fields.insert(field, value);
    }
    Ok(())
}

/// The text in a column, borrowed.
pub(super) fn text<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row str> {
    row.get_ref(column)?.as_str().map_err(|error| conversion(column, error))
}

/// The text in a column, with a mark in the place of what is no text.
pub(super) fn lossy(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    let bytes = row.get_ref(column)?.as_bytes().map_err(|error| conversion(column, error))?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

/// The text in a column that may be empty.
pub(super) fn optional_text<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<Option<&'row str>> {
    row.get_ref(column)?.as_str_or_null().map_err(|error| conversion(column, error))
}

/// What could be read of a row, or, in words, why it could not: only what the row itself holds is at fault.
pub(super) fn of_row<T>(
    read: rusqlite::Result<T>,
    row: impl FnOnce() -> String,
) -> rusqlite::Result<Result<T, String>> {
    match read {
        Ok(found) => Ok(Ok(found)),
        Err(error) if error.sqlite_error_code().is_none() => {
            Ok(Err(format!("{} holds what rollcall can't read ({error})", row())))
        }
        Err(error) => Err(error),
    }
}

fn conversion(column: usize, error: FromSqlError) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

/// The fields of a state of a plan. The key and the status are no fields: they have actions of their own.
pub(super) fn fields(names: &Names, state: Option<&State>) -> Fields {
    let facts = state.map_or(&[][..], |state| &state.facts);
    let is_field = |fact: &&Fact| fact.field != known::KEY && fact.field != known::STATUS;
    let plain = |fact: &Fact| (names.text(fact.field).to_owned(), Plain::of(names, fact.value));
    facts.iter().filter(is_field).map(plain).collect()
}
