//! What runs of a plan set out to do, and what of it they did: the question of whoever applies an approved or saved plan
//! once more.
//!
//! Deliberately absent: what is live, which may be something else by now.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::describe::{is_whole_done_with, whole_of};
use super::record::{Ended, Entry, LookedUp, Record};
use super::{JournalError, medium};

/// An action that a run set out to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// As described: of a step, the whole of it.
    pub action: Json,
    /// When it was found to be done, if it was.
    pub done: Option<Timestamp>,
}

/// Every action that runs of the plan with this digest set out to do, in their order; nothing where there is no journal.
///
/// # Errors
/// If it can't be read, or is a link.
pub fn attempts_of(path: &Path, digest: &str) -> Result<Vec<Attempt>, JournalError> {
    let mut runs: BTreeSet<String> = BTreeSet::new();
    read(path, digest, |run, began| match began {
        Some(plan) if plan == digest => {
            runs.insert(run.to_owned());
            Part::Goes
        }
        _ if runs.contains(run) => Part::Goes,
        _ => Part::Other,
    })
}

/// Every action that the last run of the plan with this digest, and all runs after it, set out to do: what there may be
/// of a plan whose run was broken off and that was gone on with.
///
/// # Errors
/// If it can't be read, or is a link.
pub fn attempts_since(path: &Path, digest: &str) -> Result<Vec<Attempt>, JournalError> {
    let mut has_begun = false;
    read(path, digest, |_, began| match began {
        Some(plan) if plan == digest => {
            has_begun = true;
            Part::Begins
        }
        _ if has_begun => Part::Goes,
        _ => Part::Other,
    })
}

/// What a line is to whoever reads.
enum Part {
    /// Nothing before it counts any more.
    Begins,
    Goes,
    Other,
}

/// Reads the attempts of the lines that `part` takes: it is asked with the run of each line, and with the digest where one
/// begins, from the first line that names this digest; those before need not be understood.
fn read(
    path: &Path,
    digest: &str,
    mut part: impl FnMut(&str, Option<&str>) -> Part,
) -> Result<Vec<Attempt>, JournalError> {
    let unreadable = |source| JournalError::Unreadable { path: path.display().to_string(), source };
    let mut lines = match medium::open_to_read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => BufReader::new(opened.map_err(unreadable)?),
    };
    let mut found: Vec<Attempt> = Vec::new();
    let mut open: BTreeMap<u64, usize> = BTreeMap::new();
    let mut text = Vec::new();
    let mut is_named = false;
    loop {
        text.clear();
        if lines.read_until(b'\n', &mut text).map_err(unreadable)? == 0 {
            return Ok(found);
        }
        is_named = is_named || text.windows(digest.len().max(1)).any(|part| part == digest.as_bytes());
        if !is_named {
            continue;
        }
        let Some(Record { seq, at, run, entry, .. }) = Record::parse(&text) else { continue };
        let began = if let Entry::Began(began) = &entry { Some(began.plan.as_str()) } else { None };
        let part = part(&run, began);
        if matches!(part, Part::Begins) {
            found.clear();
            open.clear();
        }
        match entry {
            Entry::Intent { action, .. } if !matches!(part, Part::Other) => {
                if is_whole_done_with(&action) {
                    open.insert(seq, found.len());
                }
                found.push(Attempt { action: whole_of(&action).clone(), done: None });
            }
            // Whoever tells the end of an attempt may be a later run.
            Entry::Outcome { intent, outcome: Ended::Done | Ended::Rewritten | Ended::AlreadyTrue, .. }
            | Entry::LookedUp { intent, found: LookedUp::Achieved, .. } => {
                if let Some(attempt) = open.remove(&intent).and_then(|place| found.get_mut(place)) {
                    attempt.done = Some(at);
                }
            }
            Entry::Began(_)
            | Entry::Intent { .. }
            | Entry::Outcome { .. }
            | Entry::LookedUp { .. }
            | Entry::Delivered { .. }
            | Entry::Resets { .. }
            | Entry::Released { .. }
            | Entry::Over { .. }
            | Entry::Recovered { .. }
            | Entry::Missing { .. } => {}
        }
    }
}
