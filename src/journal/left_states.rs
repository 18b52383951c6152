//! In which state runs of rollcall left things: what a plan asks to tell drift from what was held back.
//!
//! Only a journal that is whole is asked: what anybody may have written tells nothing.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde_json::Value as Json;

use super::describe::{is_whole_done_with, whole_of};
use super::record::{Ended, Entry, LookedUp};
use super::{JournalError, Names, revive, verify};
use crate::plan::History;
use crate::rules::Identity;

/// What was carried out in the store with this identity; `None` where there is no journal of it, or one that was altered.
///
/// # Errors
/// If it can't be read.
pub fn left_states(
    path: &Path,
    store: &str,
    identity: &Identity,
    names: &mut Names,
) -> Result<Option<History>, JournalError> {
    let mut tried: BTreeMap<u64, Json> = BTreeMap::new();
    let mut history: Option<History> = None;
    let read = verify(path, |record| match &record.entry {
        Entry::Intent { store: of, action, then: _ } if of == store => {
            if is_whole_done_with(action) {
                tried.insert(record.seq, whole_of(action).clone());
            }
        }
        Entry::Outcome { intent, outcome: Ended::Done | Ended::Rewritten | Ended::AlreadyTrue, .. }
        | Entry::LookedUp { intent, found: LookedUp::Achieved, .. } => {
            let history = history.get_or_insert_default();
            if let Some(action) = tried.remove(intent).and_then(|action| revive(names, &action)) {
                history.note(names, identity, &action);
            }
        }
        Entry::Intent { .. }
        | Entry::Outcome { .. }
        | Entry::LookedUp { .. }
        | Entry::Began(_)
        | Entry::Delivered { .. }
        | Entry::Resets { .. }
        | Entry::Released { .. }
        | Entry::Over { .. }
        | Entry::Recovered { .. }
        | Entry::Missing { .. } => {}
    });
    match read {
        Ok(()) => Ok(history),
        Err(JournalError::Altered { .. }) => Ok(None),
        Err(JournalError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
