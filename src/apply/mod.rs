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
mod lookup;
mod outcome;
mod queue;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;

pub use document::{ReportAction, ReportChange, ReportDocument, ReportFound, ReportLookUp, ReportMail, schema};
pub use outcome::{ApplyReport, ClosedIntent, MailOutcome, MailWord, Outcome, OutcomeWord, RunEnd, Verdict};

use crate::guard::GuardedPlan;
use crate::journal::{Journal, JournalError, LookedUp, Run, Who};
use crate::model::{ActionKind, Names};
use crate::plan::{Action, action_id};
use crate::rules::Rules;
use crate::store::{StoreError, Writer};
use attempt::Attempt;
use queue::Queue;

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
    /// Positions of actions that an earlier run of the same plan did: they are not repeated.
    pub done: &'a [u32],
}

impl<'a> Options<'a> {
    /// The usual patience: three more looks half a second apart, and an end after three failed requests.
    #[must_use]
    pub fn new(run: &'a str, who: &'a Who, rules: &'a Rules, clock: &'a (dyn Fn() -> Timestamp + Sync)) -> Self {
        Self { run, who, rules, clock, repeats: 3, wait: Duration::from_millis(500), give_up_after: 3, done: &[] }
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
    let undecided: BTreeSet<&str> =
        looked_up.iter().filter(|intent| intent.found == LookedUp::Unknown).map(|intent| intent.id.as_str()).collect();

    let mut told = Told { progress, settled: 0, total: plan.actions.len() };
    let mut queue = Queue::new(&plan.actions);
    for &index in options.done.iter().filter(|&&index| (index as usize) < plan.actions.len()) {
        told.settle(&mut queue, index, Outcome::AlreadyTrue);
    }
    let exchanged = exchanged(&plan.actions);
    let mut end = RunEnd::Whole;
    let mut has_written = false;
    let mut failures = 0;
    loop {
        let ready = queue.ready();
        if ready.is_empty() {
            break;
        }
        if stop.is_requested() {
            end = RunEnd::Interrupted;
            break;
        }
        if let Some(&index) = ready.iter().find(|&&index| is_undecided(names, &undecided, queue.action(index))) {
            let why = "whether an earlier attempt succeeded is not known, and the store can't tell; it is not repeated";
            told.settle(&mut queue, index, Outcome::Unknown(why.to_owned()));
            continue;
        }
        let actions: Vec<&Action> = ready.iter().map(|&index| queue.action(index)).collect();
        let size = store.group(&actions).clamp(1, actions.len());
        let (ready, actions) = (&ready[..size], &actions[..size]);
        let then = |index: &u32| exchanged.get(index).map(|&then| queue.action(then));
        let intents = actions.iter().copied().zip(ready.iter().map(then));
        let lines = match journal.intents_then(names, options.now(), intents) {
            Ok(lines) => lines,
            Err(error) => {
                end = RunEnd::JournalBroken(with_causes(&error));
                break;
            }
        };
        let attempt = Attempt::make(store, names, actions, options).await;
        has_written |= attempt.has_written;
        let ended = lines.iter().zip(&attempt.outcomes).filter_map(|(&line, outcome)| {
            outcome.ended().map(|ended| (line, ended, outcome.detail().map(str::to_owned)))
        });
        let journalled = journal.outcomes(options.now(), ended);
        for (&index, outcome) in ready.iter().zip(attempt.outcomes) {
            told.settle(&mut queue, index, outcome);
        }
        if let Err(error) = journalled {
            end = RunEnd::JournalBroken(with_causes(&error));
            break;
        }
        match attempt.failure {
            None => failures = 0,
            Some(why) => {
                failures += 1;
                if failures >= options.give_up_after {
                    end = RunEnd::StoreOutOfReach(why);
                    break;
                }
            }
        }
    }
    let (run, outcomes) = (options.run.to_owned(), queue.into_outcomes());
    Ok(ApplyReport { run, end, looked_up, outcomes, has_written, mails: Vec::new() })
}

/// Of each invitation that is cancelled for another one, by position: the other one. It is for the same person, who may
/// have another key by then.
fn exchanged(actions: &[Action]) -> BTreeMap<u32, u32> {
    let invitations = (0_u32..).zip(actions).filter(|(_, action)| action.kind == ActionKind::InviteUser);
    let pairs = invitations.flat_map(|(index, invitation)| {
        let is_exchanged = |need: &&u32| {
            let cancelled = &actions[**need as usize];
            let is_same_line = !cancelled.origins.is_empty() && cancelled.origins == invitation.origins;
            cancelled.kind == ActionKind::CancelInvitation
                && (cancelled.subject.user == invitation.subject.user || is_same_line)
        };
        invitation.needs.iter().filter(is_exchanged).map(move |&need| (need, index))
    });
    pairs.collect()
}

/// Whether this would repeat a creation or an invitation whose end nobody knows.
fn is_undecided(names: &Names, undecided: &BTreeSet<&str>, action: &Action) -> bool {
    let brings_somebody = match action.kind {
        ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::CreateOrganization
        | ActionKind::CreateSite
        | ActionKind::CreateRole => true,
        ActionKind::UpdateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::UpdateSite
        | ActionKind::DeleteSite
        | ActionKind::UpdateRole
        | ActionKind::DeleteRole
        | ActionKind::UpdateUser
        | ActionKind::ChangeAccess
        | ActionKind::RenameUser
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::ReactivateUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::CancelInvitation
        | ActionKind::AddMembership
        | ActionKind::ChangeRole
        | ActionKind::UpdateMembership
        | ActionKind::RemoveMembership
        | ActionKind::GrantSite
        | ActionKind::ChangeSiteRole
        | ActionKind::RevokeSite => false,
    };
    !undecided.is_empty()
        && brings_somebody
        && undecided.contains(action_id(names, action.kind, &action.subject).as_str())
}

/// Tells about outcomes and counts them.
struct Told<'a> {
    progress: &'a mut dyn FnMut(Progress<'_>),
    settled: usize,
    total: usize,
}

impl Told<'_> {
    fn settle(&mut self, queue: &mut Queue<'_>, index: u32, outcome: Outcome) {
        let skipped = queue.settle(index, outcome);
        for index in std::iter::once(index).chain(skipped) {
            self.settled += 1;
            if let Some(outcome) = queue.outcome(index) {
                (self.progress)(Progress::Settled { index, outcome, settled: self.settled, total: self.total });
            }
        }
    }
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
