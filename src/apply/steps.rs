//! A change of role that the store makes by removing the membership and adding another one: two steps, each journalled
//! and live by itself (`rules.md`, `remove_then_add`).
//!
//! The store is asked first whether both would be done, so that no role goes where the new one can't follow. Where the
//! run is stopped between them, the journal knows both, and the next plan adds what is missing.

use super::attempt::Attempt;
use super::outcome::Outcome;
use super::reset::outcome_of;
use super::{Options, with_causes};
use crate::journal::{Journal, JournalError, describe, describe_step};
use crate::model::{ActionKind, Names, known};
use crate::plan::Action;
use crate::rules::Rules;
use crate::store::Writer;

/// The two steps of an action, if the store makes it in two.
pub(super) fn steps(rules: &Rules, action: &Action) -> Option<[Action; 2]> {
    let is_whole = |state: &crate::plan::State| state.value(known::EXTRA_ROLES).is_some();
    let carries_all = action.before.as_ref().is_some_and(is_whole) && action.after.as_ref().is_some_and(is_whole);
    let is_in_two = action.kind == ActionKind::ChangeRole
        && rules.role_change_rebuilds()
        && rules.stores_memberships()
        && action.subject.organization.is_some()
        && carries_all;
    is_in_two.then(|| {
        let step =
            |kind, before, after| Action { cause: action.cause, ..Action::new(kind, action.subject, before, after) };
        [
            step(ActionKind::RemoveMembership, action.before.clone(), None),
            step(ActionKind::AddMembership, None, action.after.clone()),
        ]
    })
}

/// What came of both steps.
pub(super) struct Changed {
    /// Of the action as a whole.
    pub(super) outcome: Outcome,
    /// Whether anything was written or may have been.
    pub(super) has_written: bool,
    /// Why a request failed as a whole.
    pub(super) failure: Option<String>,
    /// Why the journal can't be written.
    pub(super) unwritable: Option<JournalError>,
}

impl Changed {
    fn to(outcome: Outcome) -> Self {
        Self { outcome, has_written: false, failure: None, unwritable: None }
    }
}

/// Does both steps, or none where the second one could not follow.
pub(super) async fn change<S: Writer>(
    store: &mut S,
    names: &mut Names,
    journal: &mut Journal,
    (whole, steps): (&Action, &[Action; 2]),
    options: &Options<'_>,
) -> Changed {
    if let Some(outcome) = obstacle(store, names, steps, options).await {
        let ended = outcome.ended().map(|ended| (ended, outcome.detail().map(str::to_owned)));
        let journalled = journal.described(options.now(), [describe(names, whole)]).and_then(|lines| {
            let ended = lines.into_iter().zip(ended).map(|(line, (ended, detail))| (line, ended, detail));
            journal.outcomes(options.now(), ended)
        });
        return Changed { unwritable: journalled.err(), ..Changed::to(outcome) };
    }
    let mut changed = Changed::to(Outcome::Done);
    for (step, is_second) in steps.iter().zip([false, true]) {
        let lines = match journal.described(options.now(), [describe_step(names, step, whole)]) {
            Ok(lines) => lines,
            Err(error) => {
                let why = with_causes(&error);
                changed.outcome = if is_second { half_done(&why) } else { Outcome::NotTried };
                changed.unwritable = Some(error);
                return changed;
            }
        };
        let Attempt { mut outcomes, has_written, failure } = Attempt::make(store, names, &[step], options).await;
        let outcome = outcomes.pop().unwrap_or_else(|| Outcome::Unknown("it was not looked up".to_owned()));
        changed.has_written |= has_written;
        changed.failure = failure;
        let ended = outcome.ended().map(|ended| (ended, outcome.detail().map(str::to_owned)));
        let ended = lines.into_iter().zip(ended).map(|(line, (ended, detail))| (line, ended, detail));
        changed.unwritable = journal.outcomes(options.now(), ended).err();
        let is_achieved = outcome.is_achieved();
        changed.outcome = match (is_second, is_achieved) {
            (true, false) => half_done(outcome.detail().unwrap_or_default()),
            (false, _) | (true, true) => outcome,
        };
        if !is_achieved {
            break;
        }
        if let Some(error) = changed.unwritable.as_ref().filter(|_| !is_second) {
            changed.outcome = half_done(&with_causes(error));
            break;
        }
    }
    changed
}

fn half_done(why: &str) -> Outcome {
    Outcome::Failed(format!("the old role is gone, and the new one could not be given: {why}; apply again"))
}

/// What keeps the two steps from being done one after the other, if anything does.
async fn obstacle<S: Writer>(
    store: &mut S,
    names: &Names,
    steps: &[Action; 2],
    options: &Options<'_>,
) -> Option<Outcome> {
    let effects = match store.rehearse(names, &steps.each_ref(), options.now()).await {
        Ok(effects) => effects,
        Err(error) => return Some(Outcome::Failed(with_causes(&error))),
    };
    let mut outcomes = effects.into_iter().map(outcome_of);
    outcomes.find(|outcome| !outcome.is_achieved()).map(|outcome| {
        let why = outcome.detail().unwrap_or_default();
        let why = format!("the new role could not follow, so the old one stays: {why}");
        match outcome {
            Outcome::Conflict(_) => Outcome::Conflict(why),
            Outcome::Refused(_) => Outcome::Refused(why),
            Outcome::Done
            | Outcome::FellBack(_)
            | Outcome::AlreadyTrue
            | Outcome::Failed(_)
            | Outcome::Rewritten(_)
            | Outcome::Unknown(_)
            | Outcome::Skipped { .. }
            | Outcome::NotTried => Outcome::Failed(why),
        }
    })
}
