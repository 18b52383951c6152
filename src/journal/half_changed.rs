//! Changes of a role that were stopped between their two steps: the old membership is gone, the new one is not there.
//!
//! What manifests declare is added by the next plan in any case. What they leave to others is known here alone, so the
//! plan takes it from here. Access follows from it, so the journal is verified from its first line: one that was altered
//! tells nothing. Deliberately absent: what is live.

use std::collections::BTreeMap;
use std::io::{self, BufReader};
use std::path::Path;

use serde_json::Value as Json;

use super::record::{Ended, Entry, LookedUp};
use super::{JournalError, medium, verify};

/// The changes of roles in the store with this identity, as described, of which the first step was done, or may have
/// been, and the second one was not. None where there is no journal, or one that was altered.
///
/// # Errors
/// If it can't be read.
pub fn half_changed(path: &Path, store: &str) -> Result<Vec<Json>, JournalError> {
    // Most journals know of no such change, and need not be understood line by line.
    match medium::open_to_read(path).and_then(|file| medium::has_text(&mut BufReader::new(file), b"\"whole\":{")) {
        Ok(true) => {}
        Ok(false) => return Ok(Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(JournalError::Unreadable { path: path.display().to_string(), source }),
    }
    let mut tried: BTreeMap<u64, Step> = BTreeMap::new();
    let mut half: BTreeMap<Place, Json> = BTreeMap::new();
    let read = verify(path, |record| {
        let (intent, is_done) = match &record.entry {
            Entry::Intent { store: of, action, then: _ } => {
                let step = if of == store { step(action) } else { None };
                tried.extend(step.map(|step| (record.seq, step)));
                return;
            }
            Entry::Outcome { intent, outcome, .. } => match outcome {
                Ended::Done | Ended::AlreadyTrue | Ended::Rewritten => (intent, true),
                Ended::Conflict | Ended::Refused | Ended::Failed => (intent, false),
                Ended::Unknown => return,
            },
            Entry::LookedUp { intent, found, .. } => match found {
                LookedUp::Achieved => (intent, true),
                LookedUp::NotAchieved => (intent, false),
                LookedUp::Changed | LookedUp::Unknown => return,
            },
            Entry::Began(_)
            | Entry::Delivered { .. }
            | Entry::Released { .. }
            | Entry::Recovered { .. }
            | Entry::Missing { .. } => return,
        };
        match tried.remove(intent).filter(|_| is_done) {
            Some(Step::Begins(place, whole)) => drop(half.insert(place, whole)),
            Some(Step::Settles(place)) => drop(half.remove(&place)),
            Some(Step::Ends(user)) => half.retain(|(of, _), _| *of != user),
            None => {}
        }
    });
    match read {
        Ok(()) => {}
        Err(JournalError::Altered { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    // What has no end yet may have been done: if it was not, the membership is live, and that counts.
    let open = tried.into_values().filter_map(|step| match step {
        Step::Begins(place, whole) => Some((place, whole)),
        Step::Settles(_) | Step::Ends(_) => None,
    });
    half.extend(open);
    Ok(half.into_values().collect())
}

/// A user and an organization, as in the store.
type Place = (String, String);

/// What an action does to a membership that is half changed.
enum Step {
    /// The membership goes, so that another one can come.
    Begins(Place, Json),
    /// Somebody has decided about it.
    Settles(Place),
    /// This user has no access any more, wherever it was.
    Ends(String),
}

fn step(action: &Json) -> Option<Step> {
    let text = |part: &str| action.get(part)?.as_str().map(str::to_owned);
    let user = text("user")?;
    let place = || Some((text("user")?, text("organization")?));
    match (action.get("action")?.as_str()?, action.get("whole")) {
        ("remove_membership", Some(whole)) => Some(Step::Begins(place()?, whole.clone())),
        ("remove_membership" | "add_membership" | "change_role", _) => Some(Step::Settles(place()?)),
        ("strip_user" | "close_user" | "delete_user", _) => Some(Step::Ends(user)),
        _ => None,
    }
}
