//! Floor 5: intents and outcomes on disk, in a hash chain; the audit reads it.
//!
//! A file of JSON lines that only grows. What is about to be done is written and synced before it is done, what came
//! of it before it is reported, once a batch each. Every line holds its number and the hash of the line before it, so
//! that an altered or cut line is found; a line that was torn by a kill stays where it is and is accounted for by a
//! `recovered` entry. An intent without an outcome is open: the next run looks it up and closes it.
//!
//! Lines that are cut off at the very end leave no trace in the file: [`Journal::head`] is what to keep elsewhere, and
//! [`Journal::standing`] what to ask before the next run. What an apply needs from the journal is which attempts are
//! open; a store that does all of a batch or nothing shows by itself what became of them, so a journal that is not whole
//! is told, and noted in it, and does not keep a lock-out at three in the morning from being done. A line that was
//! altered is another matter: what follows it may be anybody's, so [`Journal::check_whole`] and [`verify`] fail, the one
//! by the tail and the other by all of it, and it is for the caller to say what may be done all the same. Lines are
//! appended to such a journal as well, and it stays broken where it was broken.
//!
//! Deliberately absent: the clock, secrets, and what becomes of an open intent, which only the store can tell.

mod chain;
mod cut_off;
mod describe;
mod half_changed;
mod holder;
mod left_since;
mod left_states;
mod locked_out;
mod medium;
mod record;
mod reset_of_all;
mod run_lock;
mod runs;
mod standing;
mod undelivered;

use std::fs::TryLockError;
use std::io::{BufReader, Read, Seek};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

pub use cut_off::{CutOff, cut_off};
pub use describe::{describe, describe_reset, describe_step, describe_yielding, is_reset, revive, whole_of};
pub use half_changed::half_changed;
pub use holder::{Holder, holder};
pub use left_since::left_since;
pub use left_states::left_states;
pub use locked_out::{JournalledLockOut, locked_out};
pub use medium::{FileMedium, Medium};
pub use record::{Ended, Entry, LookedUp, Record, Run, Who};
pub use reset_of_all::reset_of_all;
pub use run_lock::run_lock_of;
pub use runs::{Attempt, attempts_of, attempts_since};
pub use standing::{Glance, Head, Standing, done_since, glance};
pub use undelivered::{Lost, Undelivered, undelivered};

use crate::model::Names;
use crate::plan::{Action, ResetUser};
use chain::Chain;
use holder::HolderNote;
use run_lock::RunLock;

/// The journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another run has it.
    #[error("the journal `{0}` is in use by another run; wait for that run to end, then try again")]
    Locked(String),
    /// It can't be opened or read.
    #[error("the journal `{path}` can't be opened; check what it is and its permissions")]
    Unreadable {
        /// Its path.
        path: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A line is not what was written.
    #[error(
        "line {line} of the journal `{path}` is not what rollcall wrote: {why}; put the file back from a backup, or keep \
         it as evidence, find out who changed it (or whether the disk was full), and move it away to begin a new one"
    )]
    Altered {
        /// Its path.
        path: String,
        /// The number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A line could not be written.
    #[error("the journal `{path}` can't be written, so nothing more is changed; make room or mend its permissions")]
    Unwritable {
        /// Its path.
        path: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A write failed before; what the file ends with is not known.
    #[error("the journal `{0}` failed before in this run; start another run, which recovers it")]
    Broken(String),
    /// Nobody said for which run this is.
    #[error("no run has begun in the journal `{0}`")]
    NoRun(String),
}

/// An action that was about to be done and of which no end is known.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenIntent {
    /// The line of its intent.
    pub line: u64,
    /// The run that made it.
    pub run: String,
    /// The identity of the store in which it was to be done.
    pub store: String,
    /// When it was made.
    pub at: Timestamp,
    /// The action as described; [`revive`] makes an action of it.
    pub action: serde_json::Value,
    /// Where its line begins, in bytes.
    offset: u64,
}

/// A journal that is open for one run.
pub struct Journal {
    path: String,
    /// Gone before the lock is.
    note: Option<HolderNote>,
    /// The store itself, of which another journal may tell as well.
    store_lock: Option<RunLock>,
    medium: Box<dyn Medium + Send>,
    chain: Chain,
    /// The store of the first run in it.
    store: Option<String>,
    run: Option<Run>,
    has_begun: bool,
    is_broken: bool,
    /// A line that should be here and is not; to be noted before the run is.
    missing: Option<Head>,
}

impl Journal {
    /// Opens the journal in this file, made if it is not there, and locks it until the value is dropped. Verified is
    /// its tail: from the oldest intent that is still open, or the last line, on. [`verify`] verifies all of it.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        Self::open_within(path, Duration::ZERO, &mut || {})
    }

    /// Like [`open`](Self::open), and waits for as long as `patience` says while another run has it; `waiting` is told
    /// once.
    pub fn open_within(path: &Path, patience: Duration, waiting: &mut dyn FnMut()) -> Result<Self, JournalError> {
        let text = path.display().to_string();
        let (medium, existing) = medium::open(path, patience, waiting)?;
        Self::resume(text, existing, Box::new(medium))
    }

    /// Looks at the journal in this file without taking it: nothing can be written. `None` if there is none, or if
    /// another run has it.
    pub fn look(path: &Path) -> Result<Option<Self>, JournalError> {
        let text = path.display().to_string();
        let unreadable = |source| JournalError::Unreadable { path: path.display().to_string(), source };
        let file = match medium::open_to_read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(unreadable)?,
        };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(unreadable(source)),
            Ok(()) => Self::resume(text, file, Box::new(medium::ReadOnly)).map(Some),
        }
    }

    /// Goes on after the lines in `existing`, writing to `medium`; `path` is for messages.
    pub fn resume(
        path: impl Into<String>,
        mut existing: impl Read + Seek,
        medium: Box<dyn Medium + Send>,
    ) -> Result<Self, JournalError> {
        let path = path.into();
        let chain = Chain::of_tail(&path, &mut existing)?;
        let store = existing
            .rewind()
            .and_then(|()| standing::first_store(existing))
            .map_err(|source| JournalError::Unreadable { path: path.clone(), source })?;
        let (run, missing, note, store_lock) = (None, None, None, None);
        Ok(Self { path, note, store_lock, medium, chain, store, run, has_begun: false, is_broken: false, missing })
    }

    /// Leaves beside the file in `path`, which is this one, who has it, as long as the value lives: whoever waits for it
    /// is told. Where that can't be written nobody is told, and nothing else is different.
    pub fn held_by(&mut self, path: &Path, holder: &Holder) {
        self.note = HolderNote::leave(path, holder);
    }

    /// Fails where a line was altered, as far as it was read when it was opened.
    ///
    /// # Errors
    /// The line, and what is wrong with it.
    pub fn check_whole(&self) -> Result<(), JournalError> {
        self.chain.check_whole(&self.path)
    }

    /// Says for which run the following lines are. Nothing is written until there is something to say.
    pub fn begin(&mut self, run: Run) {
        self.run = Some(run);
        self.has_begun = false;
    }

    /// The last line: who keeps it elsewhere sees later whether the end was cut off.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { line: self.chain.lines, hash: self.chain.last.to_string() }
    }

    /// The identity of the store for which it began; `None` where no line says so.
    #[must_use]
    pub fn store(&self) -> Option<&str> {
        self.store.as_deref()
    }

    /// Lines at the end that are no records and that no kill leaves, first and last. They stay, and the next write
    /// accounts for them.
    #[must_use]
    pub fn foreign_lines(&self) -> Option<(u64, u64)> {
        self.chain.foreign()
    }

    /// Has noted, before the next run begins, that this line should be here and is not.
    pub fn note_missing(&mut self, line: Head) {
        self.missing = Some(line);
    }

    /// Intents of which no end is known, oldest first.
    pub fn open_intents(&self) -> impl Iterator<Item = &OpenIntent> {
        self.chain.open.values()
    }

    /// Writes and syncs that these actions are about to be done. The line of each intent, in order.
    pub fn intents<'a>(
        &mut self,
        names: &Names,
        at: Timestamp,
        actions: impl IntoIterator<Item = &'a Action>,
    ) -> Result<Vec<u64>, JournalError> {
        self.intents_then(names, at, actions.into_iter().map(|action| (action, None)))
    }

    /// Like [`intents`](Self::intents); beside an action the one that is to follow it, if what that has would be
    /// forgotten in between: [`cut_off()`] finds it again.
    pub fn intents_then<'a>(
        &mut self,
        names: &Names,
        at: Timestamp,
        actions: impl IntoIterator<Item = (&'a Action, Option<&'a Action>)>,
    ) -> Result<Vec<u64>, JournalError> {
        let described =
            |(action, then): (_, Option<&Action>)| (describe(names, action), then.map(|then| describe(names, then)));
        self.described_then(at, actions.into_iter().map(described))
    }

    /// The same of actions that are described already.
    pub fn described(
        &mut self,
        at: Timestamp,
        actions: impl IntoIterator<Item = serde_json::Value>,
    ) -> Result<Vec<u64>, JournalError> {
        self.described_then(at, actions.into_iter().map(|action| (action, None)))
    }

    /// The same of actions that are described already, and of those that follow them.
    pub fn described_then(
        &mut self,
        at: Timestamp,
        actions: impl IntoIterator<Item = (serde_json::Value, Option<serde_json::Value>)>,
    ) -> Result<Vec<u64>, JournalError> {
        let store = self.run.as_ref().map(|run| run.store.clone()).unwrap_or_default();
        let intent = |(action, then)| Entry::Intent { store: store.clone(), action, then };
        self.write(at, actions.into_iter().map(intent))
    }

    /// Writes and syncs what came of intents, by their lines.
    pub fn outcomes(
        &mut self,
        at: Timestamp,
        outcomes: impl IntoIterator<Item = (u64, Ended, Option<String>)>,
    ) -> Result<(), JournalError> {
        let entry = |(intent, outcome, detail)| Entry::Outcome { intent, outcome, detail };
        self.write(at, outcomes.into_iter().map(entry)).map(|_| ())
    }

    /// Writes and syncs that a sink took the one-time secret which the intent in this line yielded.
    pub fn delivered(&mut self, at: Timestamp, intent: u64) -> Result<(), JournalError> {
        self.write(at, std::iter::once(Entry::Delivered { secret: intent })).map(|_| ())
    }

    /// Writes and syncs that the passwords of these users are about to be reset, since all are to be.
    pub fn resets(&mut self, at: Timestamp, users: &[ResetUser]) -> Result<(), JournalError> {
        let store = self.run.as_ref().map(|run| run.store.clone()).unwrap_or_default();
        // Ids of some alone could not be told apart.
        let ids = users.iter().map(|user| user.id.clone()).collect::<Option<_>>().unwrap_or_default();
        let users = users.iter().map(|user| user.key.clone()).collect();
        self.write(at, std::iter::once(Entry::Resets { store, users, ids })).map(|_| ())
    }

    /// Writes and syncs what a look-up found about open intents, by their lines. All but those of which it is still
    /// not known are closed.
    pub fn looked_up(
        &mut self,
        at: Timestamp,
        found: impl IntoIterator<Item = (u64, LookedUp, Option<String>)>,
    ) -> Result<(), JournalError> {
        let entries = found.into_iter().map(|(intent, found, detail)| Entry::LookedUp { intent, found, detail });
        self.write(at, entries).map(|_| ())
    }

    /// Writes and syncs that an operator is about to let a `status: active` count that may be older than the lock-out of
    /// the person with this compared key.
    pub fn released(&mut self, at: Timestamp, user: &str) -> Result<(), JournalError> {
        let store = self.run.as_ref().map(|run| run.store.clone()).unwrap_or_default();
        self.write(at, std::iter::once(Entry::Released { store, user: user.to_owned() })).map(|_| ())
    }

    /// Writes and syncs that what was cut off is wanted no more: of these people, by their compared keys, in the
    /// organization where one is named.
    pub fn over(&mut self, at: Timestamp, ended: &[(String, Option<String>)]) -> Result<(), JournalError> {
        let store = self.run.as_ref().map(|run| run.store.clone()).unwrap_or_default();
        let entry = |(user, organization): &(String, Option<String>)| Entry::Over {
            store: store.clone(),
            user: user.clone(),
            organization: organization.clone(),
        };
        self.write(at, ended.iter().map(entry)).map(|_| ())
    }

    /// Appends entries in one write and syncs once, after whatever has to be said first. Their lines.
    fn write(&mut self, at: Timestamp, entries: impl Iterator<Item = Entry>) -> Result<Vec<u64>, JournalError> {
        if self.is_broken {
            return Err(JournalError::Broken(self.path.clone()));
        }
        let Some(run) = &self.run else { return Err(JournalError::NoRun(self.path.clone())) };
        let mut entries = entries.peekable();
        if entries.peek().is_none() {
            return Ok(Vec::new());
        }
        // If this fails half-way, nobody knows what the file ends with: the next opening finds out.
        self.is_broken = true;
        let mut bytes = self.chain.recover(at, &run.id);
        if let Some(Head { line, hash }) = self.missing.take() {
            self.chain.push(at, &run.id, Entry::Missing { line, hash }, &mut bytes);
        }
        if !self.has_begun {
            self.chain.push(at, &run.id, Entry::Began(Box::new(run.clone())), &mut bytes);
        }
        let lines = entries.map(|entry| self.chain.push(at, &run.id, entry, &mut bytes)).collect();
        self.medium
            .append(&bytes)
            .and_then(|()| self.medium.sync())
            .map_err(|source| JournalError::Unwritable { path: self.path.clone(), source })?;
        self.is_broken = false;
        self.has_begun = true;
        Ok(lines)
    }
}

/// Reads and verifies all of the journal in `path` without a lock, for audits. Each record is handed over, up to a line
/// that was altered.
pub fn verify(path: &Path, mut record: impl FnMut(&Record)) -> Result<(), JournalError> {
    let text = path.display().to_string();
    let file = medium::open_to_read(path).map_err(|source| JournalError::Unreadable { path: text.clone(), source })?;
    let each = |one: &Record, is_whole: bool| {
        if is_whole {
            record(one);
        }
    };
    Chain::START.read(&text, BufReader::new(file), each)?.check_whole(&text)
}

/// Verifies all of the journal in `path` without a lock, as [`verify`] does, and hands nothing over: linear in its size,
/// and several times faster.
pub fn verify_chain(path: &Path) -> Result<(), JournalError> {
    let text = path.display().to_string();
    let file = medium::open_to_read(path).map_err(|source| JournalError::Unreadable { path: text.clone(), source })?;
    Chain::START.verify(&text, BufReader::with_capacity(1 << 18, file))
}
