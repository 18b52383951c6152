//! One-time secrets between a store and a sink: each is handed over once, right after the batch that yielded it, and is
//! then forgotten. Who is left without one is told, in the report and by every later plan.

use jiff::Timestamp;

use super::outcome::Outcome;
use super::steps::steps;
use super::{ApplyError, Options, with_causes};
use crate::plan::{Action, Plan, yields};
use crate::secret::{Delivery, OneTimeSecret, SecretKind, Sink};

/// At most so many actions that yield a secret make one batch: so many people are without one at worst where the run is
/// killed right after the store has done it.
const TOGETHER: usize = 8;

/// A secret that was made, and that no sink took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The key of the user whose it is.
    pub user: String,
    /// What it opens.
    pub kind: SecretKind,
    /// Why it was not taken.
    pub why: String,
}

/// Where secrets of a run go.
pub(super) struct Outlet<'a> {
    sink: Option<&'a (dyn Sink + Sync)>,
    store: &'a str,
    run: &'a str,
    /// Why nothing more is handed over.
    failure: Option<String>,
    pub(super) undelivered: Vec<Undelivered>,
}

impl<'a> Outlet<'a> {
    /// The outlet of a run of this plan, tried if the plan needs one.
    pub(super) fn of_plan(plan: &'a Plan, options: &Options<'a>) -> Result<Self, ApplyError> {
        let mut yielding = (0_u32..).zip(&plan.actions).filter(|(_, action)| yields(options.rules, action).is_some());
        let is_needed = yielding.any(|(index, _)| options.done.binary_search(&index).is_err());
        let outlet = Self::new(&plan.store.name, options);
        if is_needed {
            outlet.probe()?;
        }
        Ok(outlet)
    }

    /// The outlet of a run in the store with this name.
    pub(super) fn new(store: &'a str, options: &Options<'a>) -> Self {
        Self { sink: options.secrets, store, run: options.run, failure: None, undelivered: Vec::new() }
    }

    /// Tries the sink, if there is one.
    pub(super) fn probe(&self) -> Result<(), ApplyError> {
        self.sink.map_or(Ok(()), Sink::probe).map_err(ApplyError::Sink)
    }

    /// Why an action that yields a secret can't be done.
    pub(super) fn closed(&self) -> Option<String> {
        match (&self.failure, self.sink) {
            (Some(why), _) => Some(format!("its one-time secret could not be handed over: {why}")),
            (None, None) => Some("the settings name no sink for its one-time secret".to_owned()),
            (None, Some(_)) => None,
        }
    }

    /// Hands a secret over; whether it was taken.
    pub(super) fn deliver(&mut self, user: &str, kind: SecretKind, at: Timestamp, secret: &OneTimeSecret) -> bool {
        let why = match (self.closed(), self.sink) {
            (None, Some(sink)) => {
                match sink.deliver(&Delivery { store: self.store, user, kind, at, run: self.run, secret }) {
                    Ok(()) => return true,
                    Err(error) => with_causes(&error),
                }
            }
            (closed, _) => closed.unwrap_or_default(),
        };
        self.failure.get_or_insert_with(|| why.clone());
        self.undelivered.push(Undelivered { user: user.to_owned(), kind, why });
        false
    }
}

/// How many of the first of these actions make one batch, of at most `size`: none that is done in two steps.
pub(super) fn bounded(options: &Options<'_>, actions: &[&Action], size: usize) -> usize {
    let in_two = actions[..size].iter().position(|action| steps(options.rules, action).is_some());
    let size = in_two.unwrap_or(size);
    let mut yielding = (0..size).filter(|&at| yields(options.rules, actions[at]).is_some());
    yielding.nth(TOGETHER).unwrap_or(size).max(1)
}

/// Whether a secret is handed over although the read-back did not confirm its action: the store said that it did it.
pub(super) const fn is_worth_telling(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Done | Outcome::FellBack(_) | Outcome::Rewritten(_) | Outcome::Unknown(_) => true,
        Outcome::AlreadyTrue
        | Outcome::Conflict(_)
        | Outcome::Refused(_)
        | Outcome::Failed(_)
        | Outcome::Skipped { .. }
        | Outcome::NotTried => false,
    }
}
