//! What only a process knows: the clock, the environment, the terminal, threads.

#![allow(clippy::disallowed_methods, reason = "this is the edge that the rest of the program is kept from")]

use std::io::{self, IsTerminal as _};

use jiff::Timestamp;
use tokio::runtime::Runtime;

use super::exit::Failure;
use crate::journal::Who;

/// The time of the run: as given, or the clock.
pub(super) fn now(at: Option<Timestamp>) -> Timestamp {
    at.unwrap_or_else(Timestamp::now)
}

/// Whether the environment lets us use colours (<https://no-color.org>).
pub(super) fn wants_colour() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var("TERM").as_deref() != Ok("dumb")
}

/// The width of the terminal, where the shell tells it.
pub(super) fn columns() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.parse().ok().filter(|&columns| columns >= 40)
}

/// What a program that is started needs to be found and to find its user's own settings, and nothing else.
pub(super) fn where_programs_are() -> Vec<(&'static str, std::ffi::OsString)> {
    ["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))).collect()
}

/// Whether a person can be asked.
pub(super) fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Who runs this, for the journal: the user of the machine, and what GitHub or GitLab say about their job.
pub(super) fn who() -> Who {
    let first = |names: &[&str]| {
        names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty() && value.len() < 1_000))
    };
    Who {
        user: first(&["USER", "LOGNAME", "USERNAME"]),
        actor: first(&["GITHUB_ACTOR", "GITLAB_USER_LOGIN"]),
        job: first(&["GITHUB_RUN_ID", "CI_JOB_URL"]),
    }
}

/// A name for this run: when it began, and the number of the process.
pub(super) fn run_id() -> String {
    format!("{}-{}", Timestamp::now(), std::process::id())
}

/// A runtime on which the main thread works and a second one listens for signals.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(anyhow::Error::new(error).context("no thread can be started")))
}
