//! A mistake in a document, with its place: told by serde's reader, or found by looking at what was read.

use serde_yaml::Error;
use serde_yaml::budget::BudgetBreach;

use super::tree::{Document, Place};
use crate::diagnostic::{Code, Diagnostic, FileId, Position, Span, mask, names_a_secret, names_a_secret_key};

/// What follows a word that is none of those that can stand in its place.
const NOT_POSSIBLE: &str = " is not possible here";

/// In so many lines, of which the first names a secret, nothing is shown where the document could not be read.
const LINES_BELOW_A_SECRET: usize = 5;

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
        let message = mask(&message.into()).into_owned();
        Self { code, file: file.to_owned(), line, column, offset, length, message, help: None, hides_source: false }
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(mask(&help.into()).into_owned());
        self
    }

    /// As a diagnostic of the file with this number. Whether its line may be shown ([`Self::hides_source`]) is for
    /// whoever prints it to respect.
    #[must_use]
    pub fn diagnostic(&self, number: FileId) -> Diagnostic {
        let Self { code, file: _, line: _, column: _, offset, length, message, help, hides_source: _ } = self;
        let place = Span::new(Position::new(number, *offset), *length);
        let mut diagnostic = Diagnostic::error(*code, message.clone()).at(place, "");
        diagnostic.help.clone_from(help);
        diagnostic
    }

    /// With line and column counted in `text`, in which the offset is right.
    pub(super) fn counted_in(mut self, text: &str) -> Self {
        let Some(before) = text.get(..self.offset as usize) else { return self };
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        // No editor shows the byte order mark at the beginning.
        let mark = usize::from(start == 0 && before.starts_with('\u{FEFF}'));
        self.line = number(before.matches('\n').count() + 1);
        self.column = number(before[start..].chars().count() + 1 - mark);
        self
    }

    /// The key that the mapping at the place lacks, if that is the mistake.
    pub(super) fn missing_key(&self) -> Option<&str> {
        self.message.strip_prefix("the key `")?.strip_suffix("` is missing")
    }

    /// With what the tree knows: serde sometimes blames the key for its value, and then the value is the place.
    pub(super) fn placed_in(mut self, document: &Document) -> Self {
        self.hides_source = document.hides(self.line);
        if self.hides_source && self.message.ends_with(NOT_POSSIBLE) {
            // What stands in the place of a word may be the secret itself.
            self.message = format!("this{NOT_POSSIBLE}");
        }
        if let Some(rest) = self.message.strip_prefix("this has to be ")
            && let Some(key) = document.root.key_of(self.offset)
        {
            self.message = format!("`{}` has to be {rest}", printable(key));
        }
        match document.root.value_of_key_at(self.offset) {
            Some(Place { line, column, offset, length })
                if matches!(self.code, Code::WrongType | Code::InvalidValue) =>
            {
                let hides_source = self.hides_source || document.hides(line);
                Self { line, column, offset, length, hides_source, ..self }
            }
            Some(_) | None => self,
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
        if let Some(help) = help {
            mistake = mistake.help(help);
        }
        // Without a tree, a value may stand some lines below its key.
        let before = (place.line as usize).saturating_sub(LINES_BELOW_A_SECRET);
        mistake.hides_source = text.lines().skip(before).take(LINES_BELOW_A_SECRET).any(names_a_secret);
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
            (Code::InvalidValue, format!("`{}`{NOT_POSSIBLE}", printable(variant)), one_of(variant, expected))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().map(|key| format!(" `{}`", printable(key))).unwrap_or_default();
            (Code::DuplicateKey, format!("the key{key} stands here twice"), Some("keep one of them".to_owned()))
        }
        Error::SerdeMissingField { field, .. } => {
            (Code::InvalidValue, format!("the key `{field}` is missing"), Some(format!("add `{field}`")))
        }
        Error::SerdeInvalidType { expected, .. } => (Code::WrongType, wanted(expected), Some(how(expected))),
        Error::Unexpected { expected, .. } => (Code::WrongType, wanted(expected), Some(how(expected))),
        Error::SerdeInvalidValue { expected, .. } => (Code::InvalidValue, wanted(expected), Some(how(expected))),
        Error::InvalidBooleanStrict { .. } => {
            (Code::WrongType, "expected `true` or `false`".to_owned(), Some("other words are text".to_owned()))
        }
        Error::NullIntoString { .. } => (
            Code::WrongType,
            "expected text, and null is not text".to_owned(),
            Some("write a text, or take it out".to_owned()),
        ),
        Error::InvalidScalar { ty, .. } => {
            let expected = match *ty {
                "u8" => "a whole number from 0 to 255",
                "u16" => "a whole number from 0 to 65535",
                "u32" => "a whole number from 0 to 4294967295",
                "i32" => "a whole number from -2147483648 to 2147483647",
                _ if ty.starts_with(['i', 'u']) => "a whole number",
                _ => ty,
            };
            (Code::WrongType, wanted(expected), Some(how(expected)))
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
        // What types say of themselves ends in advice where there is any.
        Error::Message { msg, .. } => match msg.rsplit_once("; ") {
            Some((message, help)) => (Code::InvalidValue, message.to_owned(), Some(help.to_owned())),
            None => (Code::InvalidValue, msg.clone(), None),
        },
        error => {
            let text = error_text(error);
            if text.contains("after enum variant") {
                let message = "more than one of those that exclude each other stands here".to_owned();
                return (Code::InvalidValue, message, Some("keep one of them".to_owned()));
            }
            let code = if ["recursion", "nest", "depth"].iter().any(|word| text.contains(word)) {
                Code::TooLarge
            } else {
                Code::Syntax
            };
            (code, text, None)
        }
    }
}

/// What the reader expected, in words of the language.
fn wanted(expected: &str) -> String {
    match expected {
        "mapping start" => "this has to be a mapping".to_owned(),
        "sequence start" => "this has to be a list".to_owned(),
        "scalar" | "string scalar" | "a string" => "this has to be text".to_owned(),
        other => format!("expected {other}"),
    }
}

/// How that is written.
fn how(expected: &str) -> String {
    match expected {
        "mapping start" => "write it as a mapping: `{ NAME: VALUE }`".to_owned(),
        "sequence start" => "write it as a list: `[…]`".to_owned(),
        "scalar" | "string scalar" | "a string" => "write one text".to_owned(),
        other => format!("write {other}"),
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
    if lacks_space(found) {
        return Some("write a space after the colon".to_owned());
    }
    let near = nearest(found, expected.iter().copied());
    // A key that is to name a secret is meant where there is one that does; `secrets` says where they go.
    if names_a_secret_key(found) && near.is_none_or(|near| near == "secrets" || !names_a_secret_key(near)) {
        return Some("take it out: a secret is named (`{ env: NAME }`) and never written here".to_owned());
    }
    if let Some(near) = near {
        return Some(format!("did you mean `{near}`?"));
    }
    (!expected.is_empty()).then(|| format!("possible: {}", expected.join(", ")))
}

/// Whether a key has swallowed what was to be its value: `key:{ … }` is one word up to the next colon.
pub(crate) fn lacks_space(key: &str) -> bool {
    key.contains(":{") || key.contains(":[")
}

/// The candidate that is most like `found`, if any is like it.
pub(crate) fn nearest<'a>(found: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody means a name that is many times as long, and comparing a whole file with it would take all day.
    let comparable = |candidate: &&str| found.len() <= 8 * candidate.len().max(3);
    candidates
        .filter(comparable)
        .map(|candidate| (strsim::damerau_levenshtein(found, candidate), candidate))
        .filter(|&(distance, candidate)| distance * 3 <= candidate.chars().count().max(3))
        .min()
        .map(|(_, candidate)| candidate)
}
