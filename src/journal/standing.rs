//! Whether this is the journal that somebody remembers: of this store, with its end.
//!
//! The chain finds what was altered within the file. What it can't find, lines cut off at the end, an emptied file, a
//! journal of another store, takes something that is kept elsewhere: the identity of the store, and the last line that
//! the store has seen.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::record::{Ended, Entry, Hash, LookedUp, Record};
use super::{Journal, JournalError, medium};

/// The last line of a journal, as kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its number, from 1.
    pub line: u64,
    /// Its hash, as printed in the line after it.
    pub hash: String,
}

/// How a journal stands to the last line that was kept of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It ends with that line.
    Same,
    /// It goes on after that line: a run was killed, or what kept the line is older than the journal.
    Longer,
    /// It holds nothing.
    Empty,
    /// It ends before that line.
    Shorter,
    /// It has another line in that place.
    Other,
}

/// What a look at a journal finds, without a lock and without verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// The identity of the store for which it began; `None` where no line says so.
    pub store: Option<String>,
    /// Whether nothing was ever written to it.
    pub is_empty: bool,
}

/// Looks at the journal in `path`; `None` if there is none.
///
/// # Errors
/// If it can't be read, or is a link.
pub fn glance(path: &Path) -> Result<Option<Glance>, JournalError> {
    let unreadable = |source| JournalError::Unreadable { path: path.display().to_string(), source };
    let file = match medium::open_to_read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(unreadable)?,
    };
    let is_empty = file.metadata().map_err(unreadable)?.len() == 0;
    let store = first_store(file).map_err(unreadable)?;
    Ok(Some(Glance { store, is_empty }))
}

/// The store that the first line with one names: all later ones are of the same, since no other is let in.
pub(super) fn first_store(existing: impl Read) -> io::Result<Option<String>> {
    let mut lines = BufReader::new(existing);
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        match Record::parse(&line).map(|record| record.entry) {
            Some(Entry::Began(run)) => return Ok(Some(run.store)),
            Some(Entry::Intent { store, .. }) => return Ok(Some(store)),
            Some(
                Entry::Outcome { .. }
                | Entry::LookedUp { .. }
                | Entry::Delivered { .. }
                | Entry::Resets { .. }
                | Entry::Released { .. }
                | Entry::Over { .. }
                | Entry::Recovered { .. }
                | Entry::Missing { .. },
            )
            | None => {}
        }
    }
}

/// The identities of the actions that were done by what the journal says after this line. A store that has seen no
/// more than this line, and lacks what they did, is older than the journal.
///
/// # Errors
/// If it can't be read, or is a link.
pub fn done_since(path: &Path, line: u64) -> Result<BTreeSet<String>, JournalError> {
    let unreadable = |source| JournalError::Unreadable { path: path.display().to_string(), source };
    let mut lines = match medium::open_to_read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        opened => BufReader::new(opened.map_err(unreadable)?),
    };
    for _ in 0..line {
        if lines.skip_until(b'\n').map_err(unreadable)? == 0 {
            return Ok(BTreeSet::new());
        }
    }
    let mut tried: BTreeMap<u64, String> = BTreeMap::new();
    let mut done = BTreeSet::new();
    let mut text = Vec::new();
    loop {
        text.clear();
        if lines.read_until(b'\n', &mut text).map_err(unreadable)? == 0 {
            return Ok(done);
        }
        let Some(Record { seq, entry, .. }) = Record::parse(&text) else { continue };
        match entry {
            Entry::Intent { action, .. } => {
                let id = action.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
                tried.insert(seq, id.to_owned());
            }
            Entry::Outcome { intent, outcome: Ended::Done | Ended::Rewritten, .. }
            | Entry::LookedUp { intent, found: LookedUp::Achieved, .. } => {
                done.extend(tried.remove(&intent));
            }
            Entry::Outcome { .. }
            | Entry::LookedUp { .. }
            | Entry::Began(_)
            | Entry::Delivered { .. }
            | Entry::Resets { .. }
            | Entry::Released { .. }
            | Entry::Over { .. }
            | Entry::Recovered { .. }
            | Entry::Missing { .. } => {}
        }
    }
}

impl Journal {
    /// How it stands to the line that was kept of the journal in `path`, which is this one. Its file is read up to
    /// that line where it goes on after it.
    ///
    /// # Errors
    /// If it has to be read, and can't be.
    pub fn standing(&self, path: &Path, kept: &Head) -> Result<Standing, JournalError> {
        let head = self.head();
        Ok(match head.line.cmp(&kept.line) {
            std::cmp::Ordering::Equal if head.hash == kept.hash => Standing::Same,
            std::cmp::Ordering::Equal => Standing::Other,
            std::cmp::Ordering::Less if head.line == 0 => Standing::Empty,
            std::cmp::Ordering::Less => Standing::Shorter,
            std::cmp::Ordering::Greater => {
                let unreadable = |source| JournalError::Unreadable { path: path.display().to_string(), source };
                let file = medium::open_to_read(path).map_err(unreadable)?;
                let hash = hash_of_line(file, kept.line).map_err(unreadable)?;
                if hash.as_ref() == Some(&kept.hash) { Standing::Longer } else { Standing::Other }
            }
        })
    }
}

fn hash_of_line(existing: impl Read, number: u64) -> io::Result<Option<String>> {
    let mut lines = BufReader::new(existing);
    for _ in 1..number {
        if lines.skip_until(b'\n')? == 0 {
            return Ok(None);
        }
    }
    let mut line = Vec::new();
    lines.read_until(b'\n', &mut line)?;
    line.pop_if(|byte| *byte == b'\n');
    Ok(Some(Hash::of(&line).to_string()))
}
