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
mod reset;
mod reset_document;
mod secrets;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
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
use crate::journal::{Journal, JournalError, LookedUp, Run, Who, describe, describe_yielding};
use crate::model::{ActionKind, Names};
use crate::plan::{Action, action_id, yields};
use crate::rules::Rules;
use crate::secret::{Sink, SinkError};
use crate::store::{StoreError, Writer, Yielded};
use attempt::Attempt;
use queue::Queue;
use secrets::{Outlet, bounded, is_worth_telling};

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
    let mut outlet = Outlet::of_plan(plan, options)?;
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
        if let Some((index, outcome)) = held_back(names, (&queue, &ready), &undecided, (&outlet, options)) {
            told.settle(&mut queue, index, outcome);
            continue;
        }
        let actions: Vec<&Action> = ready.iter().map(|&index| queue.action(index)).collect();
        if let Some(steps) = steps::steps(options.rules, actions[0]) {
            let changed = steps::change(store, names, journal, (actions[0], &steps), options).await;
            has_written |= changed.has_written;
            told.settle(&mut queue, ready[0], changed.outcome);
            if let Some(error) = changed.unwritable {
                end = RunEnd::JournalBroken(with_causes(&error));
                break;
            }
            if let Some(why) = ends_run(&mut failures, changed.failure, options) {
                end = RunEnd::StoreOutOfReach(why);
                break;
            }
            continue;
        }
        let size = bounded(options, &actions, store.group(&actions).clamp(1, actions.len()));
        let (ready, actions) = (&ready[..size], &actions[..size]);
        let then = |index: &u32| exchanged.get(index).map(|&then| describe(names, queue.action(then)));
        let described = actions
            .iter()
            .zip(ready)
            .map(|(&action, index)| (describe_yielding(names, action, yields(options.rules, action)), then(index)));
        let lines = match journal.described_then(options.now(), described) {
            Ok(lines) => lines,
            Err(error) => {
                end = RunEnd::JournalBroken(with_causes(&error));
                break;
            }
        };
        let attempt = Attempt::make(store, names, actions, options).await;
        has_written |= attempt.has_written;
        let delivered = hand_over(store, names, (&mut outlet, options), (actions, &attempt.outcomes));
        let delivered = delivered.into_iter().map(|index| lines[index]);
        let ended = lines.iter().zip(&attempt.outcomes).filter_map(|(&line, outcome)| {
            outcome.ended().map(|ended| (line, ended, outcome.detail().map(str::to_owned)))
        });
        let journalled = journal.ended(options.now(), ended, delivered);
        for (&index, outcome) in ready.iter().zip(attempt.outcomes) {
            told.settle(&mut queue, index, outcome);
        }
        if let Err(error) = journalled {
            end = RunEnd::JournalBroken(with_causes(&error));
            break;
        }
        if let Some(why) = ends_run(&mut failures, attempt.failure, options) {
            end = RunEnd::StoreOutOfReach(why);
            break;
        }
    }
    Ok(ApplyReport {
        run: options.run.to_owned(),
        end,
        looked_up,
        outcomes: queue.into_outcomes(),
        has_written,
        undelivered: outlet.undelivered,
        mails: Vec::new(),
    })
}

/// Counts requests in a row that failed as a whole. Why, where they are too many.
fn ends_run(failures: &mut u32, failure: Option<String>, options: &Options<'_>) -> Option<String> {
    *failures = if failure.is_some() { *failures + 1 } else { 0 };
    failure.filter(|_| *failures >= options.give_up_after)
}

/// Hands the secrets of a batch over. The positions in it of the actions of which every secret was taken.
fn hand_over<S: Writer>(
    store: &mut S,
    names: &Names,
    (outlet, options): (&mut Outlet<'_>, &Options<'_>),
    (actions, outcomes): (&[&Action], &[Outcome]),
) -> BTreeSet<usize> {
    let mut delivered = BTreeSet::new();
    let mut refused = BTreeSet::new();
    for Yielded { index, kind, secret } in store.take_secrets() {
        let user = actions.get(index).and_then(|action| action.subject.user);
        let (Some(user), Some(outcome)) = (user, outcomes.get(index)) else { continue };
        if !is_worth_telling(outcome) {
            continue;
        }
        let is_taken = outlet.deliver(names.text(user), kind, options.now(), &secret);
        if is_taken {
            delivered.insert(index)
        } else {
            refused.insert(index)
        };
    }
    &delivered - &refused
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

/// A ready action that is not tried, and what is told of it: it may have been done before, or yields a secret that
/// nobody takes.
fn held_back(
    names: &Names,
    (queue, ready): (&Queue<'_>, &[u32]),
    undecided: &BTreeSet<&str>,
    (outlet, options): (&Outlet<'_>, &Options<'_>),
) -> Option<(u32, Outcome)> {
    let find = |is_it: &dyn Fn(&Action) -> bool| ready.iter().copied().find(|&index| is_it(queue.action(index)));
    if let Some(index) = find(&|action| is_undecided(names, undecided, action)) {
        let why = "whether an earlier attempt succeeded is not known, and the store can't tell; it is not repeated";
        return Some((index, Outcome::Unknown(why.to_owned())));
    }
    let why = outlet.closed()?;
    find(&|action| yields(options.rules, action).is_some()).map(|index| (index, Outcome::Failed(why)))
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
