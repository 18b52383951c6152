//! Exit codes (`contract.md` §5), and how a command fails.

use std::process::ExitCode;

use clap::error::ErrorKind;

use super::printer;
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
}

impl Failure {
    /// Everything was said already.
    pub(super) const fn told(exit: Exit) -> Self {
        Self { exit, error: None }
    }

    /// The command line or the settings are wrong.
    pub(super) fn invalid(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Invalid, error: Some(error.into()) }
    }

    /// Somebody interrupted the program before anything was written.
    pub(super) fn interrupted() -> Self {
        Self::failed(anyhow::anyhow!("interrupted; nothing was changed"))
    }

    /// It could not be done.
    pub(super) fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Failed, error: Some(error.into()) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if error.is_invalid { Self::invalid(error) } else { Self::failed(error) }
    }
}
