//! Attempts of earlier runs of which no end is known: a run was killed, or an answer was lost and the store silent.

use super::attempt::{Look, look};
use super::outcome::ClosedIntent;
use super::{ApplyError, Options};
use crate::journal::{Journal, LookedUp, OpenIntent, is_reset, revive};
use crate::model::Names;
use crate::plan::{Action, Shown};
use crate::store::Writer;

/// Looks up and journals what became of every open intent of the store with this identity. Those that the store
/// can't tell stay open.
pub(super) async fn close_open_intents<S: Writer>(
    identity: &str,
    names: &mut Names,
    store: &mut S,
    journal: &mut Journal,
    options: &Options<'_>,
) -> Result<Vec<ClosedIntent>, ApplyError> {
    let intents: Vec<OpenIntent> = journal.open_intents().filter(|intent| intent.store == identity).cloned().collect();
    if intents.is_empty() {
        return Ok(Vec::new());
    }
    let actions: Vec<Option<Action>> = intents.iter().map(|intent| revive(names, &intent.action)).collect();
    let looks: Vec<Look<'_>> = intents
        .iter()
        .zip(&actions)
        .filter_map(|(intent, action)| action.as_ref().map(|action| Look { action, since: intent.at }))
        .collect();
    let (shown, unread) = look(store, names, &looks, options).await;
    if let Some(error) = unread {
        return Err(error.into());
    }
    let mut shown = shown.into_iter();
    let closed: Vec<ClosedIntent> = intents
        .iter()
        .zip(&actions)
        .map(|(intent, action)| {
            let (found, detail) = match action.as_ref().and_then(|_| shown.next()) {
                Some(Shown::After) => (LookedUp::Achieved, None),
                Some(Shown::Before) => (LookedUp::NotAchieved, None),
                Some(Shown::Rewritten(what) | Shown::Other(what)) => (LookedUp::Changed, Some(what)),
                Some(Shown::Unknown(why)) => (LookedUp::Unknown, Some(why)),
                None if is_reset(&intent.action) => {
                    (LookedUp::Changed, Some("a reset of a password is not repeated by itself".to_owned()))
                }
                None => (LookedUp::Unknown, Some("another version of rollcall wrote the intent".to_owned())),
            };
            let id = intent.action.get("id").and_then(|id| id.as_str()).unwrap_or_default().to_owned();
            ClosedIntent { run: intent.run.clone(), id, found, detail }
        })
        .collect();
    let entries =
        intents.iter().zip(&closed).map(|(intent, closed)| (intent.line, closed.found, closed.detail.clone()));
    journal.looked_up(options.now(), entries)?;
    Ok(closed)
}
