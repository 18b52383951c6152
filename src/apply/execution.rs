//! One plan being executed: batch after batch of what is ready, until everything has an outcome or the run has to end.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::attempt::Attempt;
use super::outcome::{Outcome, RunEnd};
use super::queue::Queue;
use super::secrets::{Outlet, Undelivered, bounded, is_worth_telling};
use super::steps::{self, Changed};
use super::{Options, Progress, Stop, ends_run, with_causes};
use crate::journal::{Journal, JournalError, describe, describe_yielding};
use crate::model::{ActionKind, Names};
use crate::plan::{Action, Plan, action_id, yields};
use crate::store::{Writer, Yielded};

/// A run in the middle of its plan.
pub(super) struct Execution<'a, S> {
    names: &'a mut Names,
    store: &'a mut S,
    journal: &'a mut Journal,
    options: &'a Options<'a>,
    outlet: Outlet<'a>,
    queue: Queue<'a>,
    told: Told<'a>,
    /// Of each invitation that is cancelled for another one, by position: the other one.
    exchanged: BTreeMap<u32, u32>,
    /// Actions of an earlier run of which nobody knows whether they were done.
    undecided: BTreeSet<String>,
    has_written: bool,
    /// Requests in a row that failed as a whole.
    failures: u32,
}

/// What came of a run.
pub(super) struct Ended {
    pub(super) end: RunEnd,
    /// One for each action of the plan.
    pub(super) outcomes: Vec<Outcome>,
    /// Whether anything was written or may have been.
    pub(super) has_written: bool,
    pub(super) undelivered: Vec<Undelivered>,
}

impl<'a, S: Writer> Execution<'a, S> {
    pub(super) fn new(
        plan: &'a Plan,
        (names, store, journal): (&'a mut Names, &'a mut S, &'a mut Journal),
        (options, outlet): (&'a Options<'a>, Outlet<'a>),
        undecided: BTreeSet<String>,
        progress: &'a mut dyn FnMut(Progress<'_>),
    ) -> Self {
        Self {
            names,
            store,
            journal,
            options,
            outlet,
            queue: Queue::new(&plan.actions),
            told: Told { progress, settled: 0, total: plan.actions.len() },
            exchanged: exchanged(&plan.actions),
            undecided,
            has_written: false,
            failures: 0,
        }
    }

    /// Executes what the options do not call done already.
    pub(super) async fn finish(mut self, stop: &Stop) -> Ended {
        let total = self.told.total;
        for &index in self.options.done.iter().filter(|&&index| (index as usize) < total) {
            self.told.settle(&mut self.queue, index, Outcome::AlreadyTrue);
        }
        let end = loop {
            if let ControlFlow::Break(end) = self.turn(stop).await {
                break end;
            }
        };
        Ended {
            end,
            outcomes: self.queue.into_outcomes(),
            has_written: self.has_written,
            undelivered: self.outlet.undelivered,
        }
    }

    /// One batch, one change in two steps, or one action that is not tried.
    async fn turn(&mut self, stop: &Stop) -> ControlFlow<RunEnd> {
        let ready = self.queue.ready();
        let Some(&first) = ready.first() else { return ControlFlow::Break(RunEnd::Whole) };
        if stop.is_requested() {
            return ControlFlow::Break(RunEnd::Interrupted);
        }
        if let Some((index, outcome)) = self.held_back(&ready) {
            self.told.settle(&mut self.queue, index, outcome);
            return ControlFlow::Continue(());
        }
        let action = self.queue.action(first);
        match steps::steps(self.options.rules, action) {
            Some(steps) => self.change(first, (action, &steps)).await,
            None => self.batch(&ready).await,
        }
    }

    /// Changes a role in two steps.
    async fn change(&mut self, index: u32, (whole, steps): (&Action, &[Action; 2])) -> ControlFlow<RunEnd> {
        let changed = steps::change(self.store, self.names, self.journal, (whole, steps), self.options).await;
        let Changed { outcome, has_written, failure, unwritable } = changed;
        self.has_written |= has_written;
        self.told.settle(&mut self.queue, index, outcome);
        if let Some(error) = unwritable {
            return ControlFlow::Break(RunEnd::JournalBroken(with_causes(&error)));
        }
        self.go_on(failure)
    }

    /// Journals intents, has the store execute as many of these actions as it takes at once, hands secrets over, and
    /// journals outcomes.
    async fn batch(&mut self, ready: &[u32]) -> ControlFlow<RunEnd> {
        let actions: Vec<&Action> = ready.iter().map(|&index| self.queue.action(index)).collect();
        let size = bounded(self.options, &actions, self.store.group(&actions).clamp(1, actions.len()));
        let (ready, actions) = (&ready[..size], &actions[..size]);
        let lines = {
            let (names, queue, exchanged) = (&*self.names, &self.queue, &self.exchanged);
            let then = |index: &u32| exchanged.get(index).map(|&then| describe(names, queue.action(then)));
            let rules = self.options.rules;
            let yielding = |&action: &&Action| describe_yielding(names, action, yields(rules, action));
            let described = actions.iter().zip(ready).map(|(action, index)| (yielding(action), then(index)));
            match self.journal.described_then(self.options.now(), described) {
                Ok(lines) => lines,
                Err(error) => return ControlFlow::Break(RunEnd::JournalBroken(with_causes(&error))),
            }
        };
        let attempt = Attempt::make(self.store, self.names, actions, self.options).await;
        self.has_written |= attempt.has_written;
        let delivered = self.hand_over(actions, &lines, &attempt.outcomes);
        let ended = lines.iter().zip(&attempt.outcomes).filter_map(|(&line, outcome)| {
            outcome.ended().map(|ended| (line, ended, outcome.detail().map(str::to_owned)))
        });
        let journalled = delivered.and_then(|()| self.journal.outcomes(self.options.now(), ended));
        for (&index, outcome) in ready.iter().zip(attempt.outcomes) {
            self.told.settle(&mut self.queue, index, outcome);
        }
        match journalled {
            Ok(()) => self.go_on(attempt.failure),
            Err(error) => ControlFlow::Break(RunEnd::JournalBroken(with_causes(&error))),
        }
    }

    /// Goes on, unless too many requests in a row failed as a whole.
    fn go_on(&mut self, failure: Option<String>) -> ControlFlow<RunEnd> {
        match ends_run(&mut self.failures, failure, self.options) {
            Some(why) => ControlFlow::Break(RunEnd::StoreOutOfReach(why)),
            None => ControlFlow::Continue(()),
        }
    }

    /// Hands the secrets of a batch over, and journals each action of which the sink took every secret right after it
    /// did. Where that can't be journalled any more the others are handed over all the same: nobody has them twice.
    fn hand_over(&mut self, actions: &[&Action], lines: &[u64], outcomes: &[Outcome]) -> Result<(), JournalError> {
        let mut yielded: BTreeMap<usize, Vec<Yielded>> = BTreeMap::new();
        for secret in self.store.take_secrets() {
            yielded.entry(secret.index).or_default().push(secret);
        }
        let mut journalled = Ok(());
        for (index, secrets) in yielded {
            let user = actions.get(index).and_then(|action| action.subject.user);
            let (Some(user), Some(outcome), Some(&line)) = (user, outcomes.get(index), lines.get(index)) else {
                continue;
            };
            if !is_worth_telling(outcome) {
                continue;
            }
            let mut is_taken = true;
            for Yielded { kind, secret, .. } in secrets {
                is_taken &= self.outlet.deliver(self.names.text(user), kind, self.options.now(), &secret);
            }
            if is_taken && journalled.is_ok() {
                journalled = self.journal.delivered(self.options.now(), line);
            }
        }
        journalled
    }

    /// A ready action that is not tried, and what is told of it: it may have been done before, or yields a secret that
    /// nobody takes.
    fn held_back(&self, ready: &[u32]) -> Option<(u32, Outcome)> {
        let find = |is_it: &dyn Fn(&Action) -> bool| ready.iter().copied().find(|&at| is_it(self.queue.action(at)));
        if let Some(index) = find(&|action| is_undecided(self.names, &self.undecided, action)) {
            let why = "whether an earlier attempt succeeded is not known, and the store can't tell; it is not repeated";
            return Some((index, Outcome::Unknown(why.to_owned())));
        }
        let why = self.outlet.closed()?;
        find(&|action| yields(self.options.rules, action).is_some()).map(|index| (index, Outcome::Failed(why)))
    }
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
fn is_undecided(names: &Names, undecided: &BTreeSet<String>, action: &Action) -> bool {
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
