//! The last time that all passwords were to be reset: for whom, and who was tried since. Whoever was not is left out.
//!
//! Deliberately absent: whose password is another one by now, which the store knows.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use serde_json::Value as Json;

use super::describe::{is_reset, kind_of};
use super::record::{Ended, Entry, LookedUp, Record};
use super::{JournalError, medium};
use crate::model::ActionKind;
use crate::plan::{ResetOfAll, ResetUser};

/// What the journal knows of it in the store with this identity; `None` where there was none, or no journal.
///
/// # Errors
/// If it can't be read.
pub fn reset_of_all(path: &Path, store: &str) -> Result<Option<ResetOfAll>, JournalError> {
    const WORD: &[u8] = b"\"resets\"";
    let unreadable = |source| JournalError::Unreadable { path: path.display().to_string(), source };
    let file = match medium::open_to_read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(unreadable)?,
    };
    let mut lines = BufReader::new(file);
    let mut text = Vec::new();
    let mut found = Found::default();
    loop {
        text.clear();
        if lines.read_until(b'\n', &mut text).map_err(unreadable)? == 0 {
            return Ok(found.reset);
        }
        // What comes before the first one need not be understood.
        if found.reset.is_none() && !text.windows(WORD.len()).any(|part| part == WORD) {
            continue;
        }
        if let Some(record) = Record::parse(&text) {
            found.note(record, store);
        }
    }
}

#[derive(Default)]
struct Found {
    reset: Option<ResetOfAll>,
    tried: BTreeMap<u64, Step>,
}

enum Step {
    Resets(String),
    Renames { from: String, to: String },
}

impl Found {
    fn note(&mut self, Record { seq, at, entry, .. }: Record, store: &str) {
        match entry {
            Entry::Resets { store: of, users, ids } if of == store => {
                let mut ids = ids.into_iter();
                let users = users.into_iter().map(|key| ResetUser { key, id: ids.next() }).collect();
                self.reset = Some(ResetOfAll { at, users, tried: BTreeSet::new() });
                self.tried.clear();
            }
            Entry::Intent { store: of, action, then: _ } if of == store => {
                let Some(step) = step(&action) else { return };
                if let (Step::Resets(user), Some(reset)) = (&step, &mut self.reset) {
                    // Until there is word that it was not done it may have been.
                    reset.tried.insert(user.clone());
                }
                self.tried.insert(seq, step);
            }
            Entry::Outcome { intent, outcome, .. } => match outcome {
                Ended::Done | Ended::Rewritten | Ended::AlreadyTrue => self.end(intent, true),
                Ended::Conflict | Ended::Refused | Ended::Failed => self.end(intent, false),
                Ended::Unknown => {}
            },
            Entry::LookedUp { intent, found, .. } => match found {
                LookedUp::Achieved => self.end(intent, true),
                LookedUp::NotAchieved => self.end(intent, false),
                LookedUp::Changed | LookedUp::Unknown => {}
            },
            Entry::Resets { .. }
            | Entry::Intent { .. }
            | Entry::Began(_)
            | Entry::Delivered { .. }
            | Entry::Released { .. }
            | Entry::Over { .. }
            | Entry::Recovered { .. }
            | Entry::Missing { .. } => {}
        }
    }

    fn end(&mut self, intent: u64, is_done: bool) {
        let (Some(step), Some(reset)) = (self.tried.remove(&intent), &mut self.reset) else { return };
        match step {
            Step::Resets(user) if !is_done => drop(reset.tried.remove(&user)),
            Step::Renames { from, to } if is_done => {
                if reset.tried.remove(&from) {
                    reset.tried.insert(to.clone());
                }
                for user in reset.users.iter_mut().filter(|user| user.key == from) {
                    user.key.clone_from(&to);
                }
            }
            Step::Resets(_) | Step::Renames { .. } => {}
        }
    }
}

fn step(action: &Json) -> Option<Step> {
    let text = |part: &Json| part.as_str().map(str::to_owned);
    let user = text(action.get("user")?)?;
    if is_reset(action) {
        return Some(Step::Resets(user));
    }
    let renames = kind_of(action)? == ActionKind::RenameUser;
    let from = text(action.get("before")?.get("key")?).filter(|_| renames)?;
    Some(Step::Renames { from, to: user })
}
