//! A mistake in a document, with its place: told by serde's reader, or found by looking at what was read.

use serde_yaml::Error;
use serde_yaml::budget::BudgetBreach;

use super::tree::{Document, Place, names_a_secret};
use crate::diagnostic::{Code, Diagnostic, FileId, Position, Span};

/// A mistake in settings or rules. The file is a name; whoever knows the number of the file makes a [`Diagnostic`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}{}", help.as_deref().map(|help| format!("; {help}")).unwrap_or_default())]
pub struct Mistake {
    /// The stable name of this kind of mistake.
    pub code: Code,
    /// The file as named when it was read: relative to the access repository, or a built-in rule set.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Bytes from the beginning of the file.
    pub offset: u32,
    /// Length in bytes; 0 marks a point.
    pub length: u32,
    /// One sentence without a full stop; names the object, and never a secret.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
    /// The line may hold a secret by mistake: it must not be shown.
    pub hides_source: bool,
}

impl Mistake {
    /// A mistake at a place of a file.
    #[must_use]
    pub fn new(code: Code, file: &str, place: Place, message: impl Into<String>) -> Self {
        let Place { line, column, offset, length } = place;
        let message = message.into();
        Self { code, file: file.to_owned(), line, column, offset, length, message, help: None, hides_source: false }
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// As a diagnostic of the file with this number. Where the line must not be shown, the place stands in the message
    /// instead.
    #[must_use]
    pub fn diagnostic(&self, number: FileId) -> Diagnostic {
        let Self { code, file: name, line, column, offset, length, message, help, hides_source } = self;
        let mut diagnostic = if *hides_source {
            Diagnostic::error(*code, format!("{message} ({name}:{line}:{column})"))
        } else {
            Diagnostic::error(*code, message.clone()).at(Span::new(Position::new(number, *offset), *length), "")
        };
        diagnostic.help.clone_from(help);
        diagnostic
    }

    /// Serde sometimes blames the key for its value: then the value is the place.
    pub(super) fn moved_to_value(mut self, document: &Document) -> Self {
        if matches!(self.code, Code::WrongType | Code::InvalidValue)
            && let Some(place) = document.root.value_of_key_at(self.offset)
        {
            let Place { line, column, offset, length } = place;
            Self { line, column, offset, length, ..self }
        } else {
            self.hides_source |= document.hides(self.line);
            self
        }
    }

    pub(super) fn too_large(file: &str, length: usize, most: usize) -> Self {
        let message = format!("`{file}` has {length} bytes, at most {most} are read");
        Self::new(Code::TooLarge, file, Place::START, message)
    }

    pub(super) fn from_yaml(file: &str, text: &str, error: &Error) -> Self {
        let error = error.without_snippet();
        let place = error.location().map_or(Place::START, Place::of);
        let (code, message, help) = explain(error);
        let mut mistake = Self::new(code, file, place, message);
        mistake.help = help;
        let line = text.lines().nth(place.line.saturating_sub(1) as usize);
        mistake.hides_source = line.is_some_and(names_a_secret);
        mistake
    }
}

/// Code, message and advice for what the reader found. Values stay out of messages: one of them may be a secret.
fn explain(error: &Error) -> (Code, String, Option<String>) {
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            (Code::UnknownKey, format!("unknown key `{}`", printable(field)), one_of(field, expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            (Code::InvalidValue, format!("`{}` is not possible here", printable(variant)), one_of(variant, expected))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().map(|key| format!(" `{}`", printable(key))).unwrap_or_default();
            (Code::DuplicateKey, format!("the key{key} stands here twice"), Some("keep one of them".to_owned()))
        }
        Error::SerdeMissingField { field, .. } => {
            (Code::InvalidValue, format!("the key `{field}` is missing"), Some(format!("add `{field}`")))
        }
        Error::SerdeInvalidType { expected, .. } => (Code::WrongType, format!("expected {expected}"), None),
        Error::SerdeInvalidValue { expected, .. } => (Code::InvalidValue, format!("expected {expected}"), None),
        Error::InvalidBooleanStrict { .. } => {
            (Code::WrongType, "expected `true` or `false`".to_owned(), Some("other words are text".to_owned()))
        }
        Error::NullIntoString { .. } => (
            Code::WrongType,
            "expected text, and null is not text".to_owned(),
            Some("write \"\" for no text".to_owned()),
        ),
        Error::Unexpected { expected, .. } => (Code::WrongType, format!("expected {expected}"), None),
        Error::InvalidScalar { ty, .. } => {
            let expected = match ty.as_bytes().first() {
                Some(b'u') => "a whole number from 0 on",
                Some(b'i') => "a whole number",
                _ => ty,
            };
            (Code::WrongType, format!("expected {expected}"), None)
        }
        Error::MultipleDocuments { .. } => {
            (Code::SecondDocument, "a second YAML document begins here".to_owned(), Some("keep one".to_owned()))
        }
        Error::MergeKeyNotAllowed { .. } | Error::UnsupportedTag { .. } | Error::UnknownAnchor { .. } => feature(),
        Error::Budget { breach, .. } => match breach {
            BudgetBreach::Aliases { .. } | BudgetBreach::Anchors { .. } | BudgetBreach::MergeKeys { .. } => feature(),
            BudgetBreach::Documents { .. } => {
                (Code::SecondDocument, "a second YAML document begins here".to_owned(), Some("keep one".to_owned()))
            }
            _ => (Code::TooLarge, "nested too deeply or too large".to_owned(), None),
        },
        Error::Message { msg, .. } => (Code::InvalidValue, msg.clone(), None),
        error => {
            let text = error_text(error);
            let code = if ["recursion", "nest", "depth"].iter().any(|word| text.contains(word)) {
                Code::TooLarge
            } else {
                Code::Syntax
            };
            (code, text, None)
        }
    }
}

fn feature() -> (Code, String, Option<String>) {
    let message = "anchors, aliases, merge keys and tags are not allowed".to_owned();
    (Code::YamlFeature, message, Some("write the value out; quote it if it is text".to_owned()))
}

fn error_text(error: &Error) -> String {
    serde_yaml::MessageFormatter::format_message(&serde_yaml::UserMessageFormatter, error).into_owned()
}

fn printable(text: &str) -> String {
    text.escape_debug().take(80).collect()
}

/// The nearest of what is possible, or all of it.
fn one_of(found: &str, expected: &[&str]) -> Option<String> {
    if let Some(near) = nearest(found, expected.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    (!expected.is_empty()).then(|| format!("possible: {}", expected.join(", ")))
}

/// The candidate that is most like `found`, if any is like it.
pub(crate) fn nearest<'a>(found: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(found, candidate), candidate))
        .filter(|&(distance, candidate)| distance * 3 <= candidate.chars().count().max(3))
        .min()
        .map(|(_, candidate)| candidate)
}
