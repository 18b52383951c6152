//! Floor 0: what went wrong, where, and the way out.
//!
//! A [`Diagnostic`] has a stable [`Code`], a [`Severity`], a message, labelled places in the files people wrote and
//! help. This floor knows nothing of files, YAML or terminals: a place is a [`Position`] (file number and byte
//! offset), which `source` turns into path, line and column and `report` prints with a snippet.
//!
//! Messages repeat what people wrote, and people write secrets where they must not: whatever looks like one is masked
//! when a diagnostic is made, so no output has to think of it.

mod code;
mod secret;
mod shell;

pub use code::Code;
pub use secret::{MASK, ends_in_a_private_key, find_secret, mask, names_a_secret, names_a_secret_key};
pub use shell::shell_word;

/// A file that was read in this run; `source` knows its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A place in a file: eight bytes, so that every declared fact can keep one.
///
/// Line and column are computed only when a position is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The file.
    pub file: FileId,
    /// Bytes from the beginning of the file.
    pub offset: u32,
}

impl Position {
    /// The place `offset` bytes into `file`.
    #[must_use]
    pub const fn new(file: FileId, offset: u32) -> Self {
        Self { file, offset }
    }
}

/// A stretch of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Where it begins.
    pub start: Position,
    /// Its length in bytes; 0 marks a point.
    pub length: u32,
}

impl Span {
    /// A stretch of `length` bytes from `start`.
    #[must_use]
    pub const fn new(start: Position, length: u32) -> Self {
        Self { start, length }
    }
}

impl From<Position> for Span {
    fn from(start: Position) -> Self {
        Self { start, length: 0 }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing is planned while it stands.
    Error,
    /// Worth a look; the plan goes on.
    Warning,
}

impl Severity {
    /// The word used in every output format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A place with a few words beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The words; may be empty.
    pub text: String,
}

/// How a message ends that stands for others.
const NOT_SHOWN: &str = " are not shown";

/// One mistake or remark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable name of this kind of mistake.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// One sentence without a full stop; names the object.
    pub message: String,
    /// The place to mend, where there is one (a missing file has none).
    pub primary: Option<Label>,
    /// Other places that matter, such as the first of two declarations.
    pub secondary: Vec<Label>,
    /// The way out.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error with this code and message, as yet without a place.
    #[must_use]
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message)
    }

    /// A warning with this code and message, as yet without a place.
    #[must_use]
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message)
    }

    /// What stands for so many more of a kind that are counted and not kept.
    #[must_use]
    pub fn rest(code: Code, severity: Severity, more: usize) -> Self {
        Self::new(code, severity, format!("{more} more of `{}`{NOT_SHOWN}", code.as_str()))
    }

    /// Whether it stands for others that are not kept: to be read after all that are.
    #[must_use]
    pub fn is_rest(&self) -> bool {
        self.primary.is_none() && self.message.ends_with(NOT_SHOWN)
    }

    fn new(code: Code, severity: Severity, message: impl Into<String>) -> Self {
        let message = masked(message.into());
        Self { code, severity, message, primary: None, secondary: Vec::new(), help: None }
    }

    /// Says where to mend it, with a few words (may be empty) beside the snippet.
    #[must_use]
    pub fn at(mut self, span: impl Into<Span>, text: impl Into<String>) -> Self {
        self.primary = Some(Label { span: span.into(), text: masked(text.into()) });
        self
    }

    /// Adds another place that matters.
    #[must_use]
    pub fn and(mut self, span: impl Into<Span>, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span: span.into(), text: masked(text.into()) });
        self
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(masked(help.into()));
        self
    }
}

/// The text as it was, where it holds no secret.
fn masked(text: String) -> String {
    match mask(&text) {
        std::borrow::Cow::Borrowed(_) => text,
        std::borrow::Cow::Owned(masked) => masked,
    }
}

/// Whether any of them is an error.
#[must_use]
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}
