//! One batch: executed, then read back until the store shows it or patience ends.

use jiff::Timestamp;

use super::outcome::Outcome;
use super::{Options, with_causes};
use crate::model::{Name, Names};
use crate::plan::{Action, Seen, Shown, keys_touched, shows};
use crate::store::{Effect, Reader, StoreError, Which, Writer};

/// What came of a batch.
pub(super) struct Attempt {
    /// One for each action.
    pub(super) outcomes: Vec<Outcome>,
    /// Whether anything was written or may have been.
    pub(super) has_written: bool,
    /// Why a request failed as a whole.
    pub(super) failure: Option<String>,
}

impl Attempt {
    pub(super) async fn make<S: Writer>(
        store: &mut S,
        names: &mut Names,
        batch: &[&Action],
        options: &Options<'_>,
    ) -> Self {
        let at = options.now();
        let (mut effects, mut failure) = match store.execute(names, batch, at).await {
            Ok(effects) => (effects, None),
            Err(error) => {
                let why = with_causes(&error);
                (vec![Effect::Unknown(why.clone()); batch.len()], Some(why))
            }
        };
        effects.resize(batch.len(), Effect::Unknown("the store gave no answer for it".to_owned()));

        let unsure: Vec<Look<'_>> = batch
            .iter()
            .zip(&effects)
            .filter(|(_, effect)| settled(effect).is_none())
            .map(|(&action, _)| Look { action, since: at })
            .collect();
        let (shown, unread) = look(store, names, &unsure, options).await;
        if let Some(error) = unread {
            failure.get_or_insert_with(|| with_causes(&error));
        }

        let mut has_written = false;
        let mut shown = shown.into_iter();
        let outcomes = effects.into_iter().map(|effect| {
            has_written |= matches!(effect, Effect::Done | Effect::FellBack(_) | Effect::Rewritten(_));
            let outcome = settled(&effect).or_else(|| shown.next().map(|shown| judge(effect, shown)));
            let outcome = outcome.unwrap_or_else(|| Outcome::Unknown("it was not looked up".to_owned()));
            has_written |=
                matches!(outcome, Outcome::Done | Outcome::FellBack(_) | Outcome::Rewritten(_) | Outcome::Unknown(_));
            outcome
        });
        let outcomes = outcomes.collect();
        Self { outcomes, has_written, failure }
    }
}

/// An effect that needs no look: the store says that it did nothing.
fn settled(effect: &Effect) -> Option<Outcome> {
    match effect {
        Effect::Conflict(how) => Some(Outcome::Conflict(how.clone())),
        Effect::Refused(why) => Some(Outcome::Refused(why.clone())),
        Effect::Failed(why) => Some(Outcome::Failed(why.clone())),
        Effect::Done | Effect::FellBack(_) | Effect::AlreadyTrue | Effect::Rewritten(_) | Effect::Unknown(_) => None,
    }
}

/// What the store said, against what it shows.
fn judge(effect: Effect, shown: Shown) -> Outcome {
    use Effect::{AlreadyTrue, Conflict, Done, Failed, FellBack, Refused, Rewritten, Unknown};
    match (effect, shown) {
        (AlreadyTrue, Shown::After) => Outcome::AlreadyTrue,
        (FellBack(how), Shown::After) => Outcome::FellBack(how),
        (Done | Rewritten(_) | Unknown(_), Shown::After) => Outcome::Done,
        // The store may also take two values to be one that the rules keep apart.
        (Rewritten(what), Shown::Rewritten(_))
        | (Done | FellBack(_) | AlreadyTrue | Unknown(_), Shown::Rewritten(what)) => Outcome::Rewritten(what),

        (Done | FellBack(_) | Rewritten(_), Shown::Before) => Outcome::Failed("accepted but not applied".to_owned()),
        (AlreadyTrue, Shown::Before) => Outcome::Failed("said to be so already, and it is not".to_owned()),
        (Unknown(why), Shown::Before) => Outcome::Failed(format!("{why}; looked up: nothing was changed")),

        (Done | FellBack(_) | Rewritten(_), Shown::Other(what)) => {
            Outcome::Failed(format!("accepted but not applied: {what}"))
        }
        (AlreadyTrue, Shown::Other(what)) => Outcome::Failed(format!("said to be so already, and it is not: {what}")),
        (Unknown(why), Shown::Other(what)) => Outcome::Failed(format!("{why}; looked up: {what}")),

        (Done | FellBack(_) | Rewritten(_) | AlreadyTrue, Shown::Unknown(why)) => {
            Outcome::Unknown(format!("accepted, and could not be read back: {why}"))
        }
        (Unknown(why), Shown::Unknown(unread)) => {
            Outcome::Unknown(format!("{why}; it could not be looked up: {unread}"))
        }

        (Conflict(text), _) => Outcome::Conflict(text),
        (Refused(text), _) => Outcome::Refused(text),
        (Failed(text), _) => Outcome::Failed(text),
    }
}

/// An action to look for.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) action: &'a Action,
    /// When it was attempted.
    pub(super) since: Timestamp,
}

/// What the store shows of each action. A read right after a write may be stale, so it is repeated, with waits, as
/// long as something is not shown; only what is still open is read again. With the error of the last read, if that
/// failed as a whole.
pub(super) async fn look<S: Reader>(
    store: &mut S,
    names: &mut Names,
    looks: &[Look<'_>],
    options: &Options<'_>,
) -> (Vec<Shown>, Option<StoreError>) {
    let mut found = vec![Shown::Unknown("it was not read".to_owned()); looks.len()];
    let mut open: Vec<usize> = (0..looks.len()).collect();
    let mut failure = None;
    for repeat in 0..=options.repeats {
        if open.is_empty() {
            break;
        }
        if repeat > 0 && !options.wait.is_zero() {
            tokio::time::sleep(options.wait).await;
        }
        match read(store, names, open.iter().map(|&at| looks[at].action)).await {
            Err(error) => {
                let why = with_causes(&error);
                for &at in &open {
                    found[at] = Shown::Unknown(why.clone());
                }
                failure = Some(error);
            }
            Ok(live) => {
                failure = None;
                let seen = Seen { names, rules: options.rules, live: &live, at: options.now(), since: None };
                for &at in &open {
                    let Look { action, since } = looks[at];
                    found[at] = shows(action, &Seen { since: Some(since), ..seen });
                }
            }
        }
        open.retain(|&at| !matches!(found[at], Shown::After | Shown::Rewritten(_)));
    }
    (found, failure)
}

async fn read<'a, S: Reader>(
    store: &mut S,
    names: &mut Names,
    actions: impl Iterator<Item = &'a Action>,
) -> Result<crate::model::LiveState, StoreError> {
    let mut keys: Vec<Name> = actions.flat_map(keys_touched).collect();
    keys.sort_unstable();
    keys.dedup();
    // Reading adds names to the table, so the keys can't be borrowed from it.
    let mut keys: Vec<String> = keys.into_iter().map(|key| names.text(key).to_owned()).collect();
    keys.sort_unstable();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    store.read(names, Which::Users(&keys)).await
}
