//! Floor 6: executes a guarded plan and obeys it; nothing is left to choose here.
//!
//! For each batch that the store forms of ready actions: intents are journalled and synced, the batch is executed,
//! what was touched is read back, outcomes are journalled and synced, and then reported. A failed action skips only
//! what needs it. An attempt whose end is unknown is looked up, of this run at once and of an earlier one before
//! anything else; it is never repeated by itself, and where the store can't tell, it is reported.
//!
//! Deliberately absent: the clock (a function of the caller tells the time), retries of writes (the next plan has
//! what is still missing), and any way in that goes around the guards.

mod attempt;
mod document;
mod execution;
mod lookup;
mod outcome;
mod queue;
mod reset;
mod reset_document;
mod secrets;
mod steps;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;

pub use document::{
    ReportAction, ReportChange, ReportDocument, ReportFound, ReportLookUp, ReportMail, ReportWithoutSecret, schema,
};
pub use outcome::{ApplyReport, ClosedIntent, MailAbout, MailOutcome, MailWord, Outcome, OutcomeWord, RunEnd, Verdict};
pub use reset::{Reset, ResetReport, reset_passwords};
pub use reset_document::{ResetDocument, ResetUser, SkippedUser, reset_schema};
pub use secrets::Undelivered;

use crate::guard::GuardedPlan;
use crate::journal::{Journal, JournalError, LookedUp, Run, Who};
use crate::model::Names;
use crate::rules::Rules;
use crate::secret::{Sink, SinkError};
use crate::store::{StoreError, Writer};
use execution::Execution;
use secrets::Outlet;

/// What a run needs to know.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Tells runs apart in the journal.
    pub run: &'a str,
    /// Who started it.
    pub who: &'a Who,
    /// How keys and values compare.
    pub rules: &'a Rules,
    /// Tells the time; it goes into the journal and to the store.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// How often a read-back is repeated that does not show a write yet.
    pub repeats: u32,
    /// How long to wait before each repetition.
    pub wait: Duration,
    /// After so many requests in a row that failed as a whole, the run ends.
    pub give_up_after: u32,
    /// Positions of actions that an earlier run of the same plan did, in rising order: they are not repeated.
    pub done: &'a [u32],
    /// What takes one-time secrets. Without one, nothing is done that yields one.
    pub secrets: Option<&'a (dyn Sink + Sync)>,
}

impl<'a> Options<'a> {
    /// The usual patience: three more looks half a second apart, and an end after three failed requests.
    #[must_use]
    pub fn new(run: &'a str, who: &'a Who, rules: &'a Rules, clock: &'a (dyn Fn() -> Timestamp + Sync)) -> Self {
        let (repeats, wait, give_up_after) = (3, Duration::from_millis(500), 3);
        Self { run, who, rules, clock, repeats, wait, give_up_after, done: &[], secrets: None }
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

/// A request to stop. The batch in hand is finished and journalled; the rest is not tried.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks the run to stop.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What happens during a run. Everything told is in the journal already.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// An open intent of an earlier run was looked up.
    LookedUp(&'a ClosedIntent),
    /// An action has its outcome.
    Settled {
        /// Its position in the plan.
        index: u32,
        /// Its outcome.
        outcome: &'a Outcome,
        /// How many actions have one now.
        settled: usize,
        /// How many there are.
        total: usize,
    },
}

/// Nothing could be begun, and nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// What became of an earlier attempt could not be read.
    #[error("the store can't be read, so nothing was changed")]
    Store(#[from] StoreError),
    /// The journal can't be written.
    #[error("nothing was changed")]
    Journal(#[from] JournalError),
    /// The sink takes no one-time secret.
    #[error("nothing was changed")]
    Sink(#[source] SinkError),
}

/// Executes a plan: one outcome for each action.
///
/// # Errors
/// Only before anything is written. Whatever goes wrong later is in the report.
pub async fn run<S: Writer>(
    plan: &GuardedPlan,
    names: &mut Names,
    store: &mut S,
    journal: &mut Journal,
    options: &Options<'_>,
    stop: &Stop,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<ApplyReport, ApplyError> {
    let plan = plan.plan();
    let outlet = Outlet::of_plan(plan, options)?;
    journal.begin(Run {
        id: options.run.to_owned(),
        who: options.who.clone(),
        plan: plan.digest.clone(),
        store: plan.store.id.clone(),
    });
    let looked_up = lookup::close_open_intents(&plan.store.id, names, store, journal, options).await?;
    for intent in &looked_up {
        progress(Progress::LookedUp(intent));
    }
    let undecided = looked_up.iter().filter(|intent| intent.found == LookedUp::Unknown);
    let undecided = undecided.map(|intent| intent.id.clone()).collect();
    let execution = Execution::new(plan, (names, store, journal), (options, outlet), undecided, progress);
    let ended = execution.finish(stop).await;
    Ok(ApplyReport {
        run: options.run.to_owned(),
        end: ended.end,
        looked_up,
        outcomes: ended.outcomes,
        has_written: ended.has_written,
        undelivered: ended.undelivered,
        mails: Vec::new(),
    })
}

/// Counts requests in a row that failed as a whole. Why, where they are too many.
fn ends_run(failures: &mut u32, failure: Option<String>, options: &Options<'_>) -> Option<String> {
    *failures = if failure.is_some() { *failures + 1 } else { 0 };
    failure.filter(|_| *failures >= options.give_up_after)
}

/// An error with its causes, in one line.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
