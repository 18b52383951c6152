//! Changes of a role that were stopped between their two steps: the old membership is gone, the new one is not there.
//!
//! What manifests declare is added by the next plan in any case. What they leave to others is known here alone, so the
//! plan takes it from here. Deliberately absent: what is live.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use serde_json::Value as Json;

use super::record::{Ended, Entry, LookedUp, Record};
use super::{JournalError, medium};

/// The changes of roles in the store with this identity, as described, of which the first step was done, or may have
/// been, and the second one was not; none where there is no journal.
///
/// # Errors
/// If it can't be read.
pub fn half_changed(path: &Path, store: &str) -> Result<Vec<Json>, JournalError> {
    const WORD: &[u8] = b"\"whole\"";
    let unreadable = |source| JournalError::Unreadable { path: path.display().to_string(), source };
    let file = match medium::open_to_read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened.map_err(unreadable)?,
    };
    let mut lines = BufReader::new(file);
    let mut text = Vec::new();
    let mut any = false;
    let mut tried: BTreeMap<u64, Step> = BTreeMap::new();
    let mut half: BTreeMap<Place, Json> = BTreeMap::new();
    loop {
        text.clear();
        if lines.read_until(b'\n', &mut text).map_err(unreadable)? == 0 {
            break;
        }
        // Most journals know of no such change, and need not be understood line by line.
        any = any || text.windows(WORD.len()).any(|part| part == WORD);
        let Some(Record { seq, entry, .. }) = any.then(|| Record::parse(&text)).flatten() else { continue };
        let (intent, is_done) = match entry {
            Entry::Intent { store: of, action, then: _ } => {
                let step = if of == store { step(&action) } else { None };
                tried.extend(step.map(|step| (seq, step)));
                continue;
            }
            Entry::Outcome { intent, outcome, .. } => match outcome {
                Ended::Done | Ended::AlreadyTrue | Ended::Rewritten => (intent, true),
                Ended::Conflict | Ended::Refused | Ended::Failed => (intent, false),
                Ended::Unknown => continue,
            },
            Entry::LookedUp { intent, found, .. } => match found {
                LookedUp::Achieved => (intent, true),
                LookedUp::NotAchieved => (intent, false),
                LookedUp::Changed | LookedUp::Unknown => continue,
            },
            Entry::Began(_) | Entry::Delivered { .. } | Entry::Recovered { .. } | Entry::Missing { .. } => continue,
        };
        match tried.remove(&intent).filter(|_| is_done) {
            Some(Step::Begins(place, whole)) => drop(half.insert(place, whole)),
            Some(Step::Settles(place)) => drop(half.remove(&place)),
            None => {}
        }
    }
    // What has no end yet may have been done: if it was not, the membership is live, and that counts.
    let open = tried.into_values().filter_map(|step| match step {
        Step::Begins(place, whole) => Some((place, whole)),
        Step::Settles(_) => None,
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
}

fn step(action: &Json) -> Option<Step> {
    let text = |part: &str| action.get(part)?.as_str().map(str::to_owned);
    let place = (text("user")?, text("organization")?);
    match (action.get("action")?.as_str()?, action.get("whole")) {
        ("remove_membership", Some(whole)) => Some(Step::Begins(place, whole.clone())),
        ("remove_membership" | "add_membership" | "change_role", _) => Some(Step::Settles(place)),
        _ => None,
    }
}
