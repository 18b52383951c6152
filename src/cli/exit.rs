//! Exit codes (`contract.md` §5), and how a command fails.

use std::process::ExitCode;

use clap::error::ErrorKind;

use super::edge;
use super::printer;
use crate::diagnostic::{Code, Severity, mask};
use crate::plan::DiagnosticDocument;
use crate::store::StoreError;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done; a prompt answered no.
    Done,
    /// Could not be done, or interrupted with nothing written.
    Failed,
    /// `plan --detailed-exitcode`: there are actions.
    Changes,
    /// Invalid settings, manifests or command line.
    Invalid,
    /// A guard or a policy refused the plan.
    Refused,
    /// An approved or waived plan is stale.
    Stale,
    /// Applied in part; interrupted after a write; a value that the store rewrote.
    Partial,
}

impl Exit {
    /// The code.
    pub(super) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Changes => 2,
            Self::Invalid => 3,
            Self::Refused => 4,
            Self::Stale => 5,
            Self::Partial => 6,
        })
    }

    /// Prints what clap has to say: help and version are results, the rest is a mistake on the command line.
    pub(super) fn of_usage(error: &clap::Error) -> ExitCode {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            // Where even that can't be printed, the code says it.
            let _ = error.print();
            return Self::Done.code();
        }
        printer::usage(error);
        if edge::asks_for_json() {
            let words = error.to_string();
            let told = words.lines().next().unwrap_or_default();
            let told = anyhow::anyhow!(told.strip_prefix("error: ").unwrap_or(told).to_owned());
            printer::failure_alone(Failure::document(&told, Code::CommandLine, None));
        }
        Self::Invalid.code()
    }
}

/// What went wrong, and what to do about it: one sentence for people, two members for programs.
#[derive(Debug, thiserror::Error)]
#[error("{message}; {help}")]
struct Advised {
    message: String,
    help: String,
}

/// An error of which the way out is known.
pub(super) fn advised(message: impl Into<String>, help: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Advised { message: message.into(), help: help.into() })
}

/// The same, for what came of an error.
pub(super) fn advised_by(
    cause: impl std::error::Error + Send + Sync + 'static,
    message: impl Into<String>,
    help: impl Into<String>,
) -> anyhow::Error {
    anyhow::Error::new(cause).context(Advised { message: message.into(), help: help.into() })
}

/// A command that could not go on.
#[derive(Debug)]
pub(super) struct Failure {
    /// The code to end with.
    pub(super) exit: Exit,
    /// What to print; `None` where it was printed already.
    pub(super) error: Option<anyhow::Error>,
    /// The stable name of what went wrong, for programs.
    pub(super) code: Code,
    /// The file that it is about, with line and column where these are known.
    pub(super) place: Option<(String, Option<(u32, u32)>)>,
}

impl Failure {
    /// Everything was said already.
    pub(super) const fn told(exit: Exit) -> Self {
        Self { exit, error: None, code: Code::CouldNotBeDone, place: None }
    }

    /// Says what it is, where that is more than the exit code tells.
    pub(super) fn with_code(self, code: Code) -> Self {
        Self { code, ..self }
    }

    /// Says which file it is about, and where in it.
    pub(super) fn in_file(self, file: &str, place: Option<(u32, u32)>) -> Self {
        Self { place: Some((file.to_owned(), place)), ..self }
    }

    /// As a diagnostic for programs: what is told, and the advice apart from it.
    pub(super) fn document(
        error: &anyhow::Error,
        code: Code,
        place: Option<(String, Option<(u32, u32)>)>,
    ) -> DiagnosticDocument {
        let advised = error.downcast_ref::<Advised>();
        let whole = advised.map(ToString::to_string);
        // Texts that others wrote have semicolons as well: what is advice is known by its type alone.
        let texts = error.chain().map(|cause| match (cause.to_string(), advised) {
            (text, Some(advised)) if Some(&text) == whole.as_ref() => mask(&advised.message).into_owned(),
            (text, _) => mask(&text).into_owned(),
        });
        let message = texts.collect::<Vec<_>>().join(": ");
        let help = advised.map(|advised| mask(&advised.help).into_owned());
        let (file, place) = place.map_or((None, None), |(file, place)| (Some(file), place));
        DiagnosticDocument {
            code: code.as_str().to_owned(),
            severity: Severity::Error.as_str().to_owned(),
            message,
            file,
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            help,
        }
    }

    /// The command line or the settings are wrong.
    pub(super) fn invalid(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Invalid, error: Some(error.into()), code: Code::CommandLine, place: None }
    }

    /// Somebody interrupted the program before anything was written.
    pub(super) fn interrupted() -> Self {
        Self::failed(anyhow::anyhow!("interrupted; nothing was changed"))
    }

    /// It could not be done.
    pub(super) fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Failed, error: Some(error.into()), code: Code::CouldNotBeDone, place: None }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let failure = if error.is_invalid { Self::invalid(error) } else { Self::failed(error) };
        failure.with_code(Code::StoreUnusable)
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, advised, advised_by};
    use crate::diagnostic::Code;

    /// What programs are told, and the advice apart from it.
    fn document(error: &anyhow::Error) -> (String, Option<String>) {
        let document = Failure::document(error, Code::CouldNotBeDone, None);
        (document.message, document.help)
    }

    #[test]
    fn advice_is_what_was_given_as_such() {
        let interrupted = Failure::interrupted().error.expect("something is told");
        assert_eq!(document(&interrupted), ("interrupted; nothing was changed".to_owned(), None));
        let error = advised("nobody has the key `a; b`", "name another; or none");
        assert_eq!(error.to_string(), "nobody has the key `a; b`; name another; or none");
        let help = Some("name another; or none".to_owned());
        assert_eq!(document(&error), ("nobody has the key `a; b`".to_owned(), help.clone()));
        // Also where a cause follows, or something was said first.
        let cause = std::io::Error::other("a cause; of all things");
        let error = advised_by(cause, "it can't be read", "name another; or none");
        assert_eq!(document(&error), ("it can't be read: a cause; of all things".to_owned(), help.clone()));
        let error = error.context("nothing is saved; at all");
        let message = "nothing is saved; at all: it can't be read: a cause; of all things".to_owned();
        assert_eq!(document(&error), (message, help));
    }
}
