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
    /// A guard refused the plan.
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
        let texts: Vec<String> = error.chain().map(|cause| mask(&cause.to_string()).into_owned()).collect();
        // Messages end in advice where there is any, and a cause follows the whole.
        let (first, causes) = texts.split_first().map_or(("", &[][..]), |(first, causes)| (first.as_str(), causes));
        let (message, help) = first.rsplit_once("; ").map_or((first, None), |(message, help)| (message, Some(help)));
        let message = std::iter::once(message).chain(causes.iter().map(String::as_str)).collect::<Vec<_>>().join(": ");
        let (file, place) = place.map_or((None, None), |(file, place)| (Some(file), place));
        DiagnosticDocument {
            code: code.as_str().to_owned(),
            severity: Severity::Error.as_str().to_owned(),
            message,
            file,
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            help: help.map(str::to_owned),
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
