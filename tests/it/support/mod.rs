//! What several topics need.

pub(crate) mod actions;
pub(crate) mod cases;
pub(crate) mod cli;
pub(crate) mod disk;
pub(crate) mod faulty;
pub(crate) mod folders;
pub(crate) mod git;
pub(crate) mod linters;
pub(crate) mod memory;
pub(crate) mod plan_files;
pub(crate) mod plans;
pub(crate) mod scripted;
pub(crate) mod show;
pub(crate) mod terminal;
pub(crate) mod turnover;

use rollcall::rules::{Invitations, OnBoarding, Period, Rules};

/// Runs a future to its end on this thread.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// A time of the day on which all tests play.
pub(crate) fn at(time: &str) -> jiff::Timestamp {
    format!("2026-11-22T{time}Z").parse().expect("a time")
}

/// Rules under which everything is allowed: e-mail keys, invitations that last seven days.
pub(crate) fn open_rules() -> Rules {
    let mut rules = Rules { onboarding: Some(OnBoarding::Invite), ..Rules::default() };
    rules.identity.immutable = Some(false);
    rules.invitations = Some(Invitations {
        ttl: Some("7d".parse::<Period>().expect("a period")),
        suppressible: Some(true),
        resend: Some(true),
        cancel: Some(true),
        ..Invitations::default()
    });
    rules
}
