//! The embedded store: one SQLite file, a user store in its own right and not a mirror of manifests.
//!
//! `schemas/store.sql` is its schema and documents it. [`create`](SqliteStore::create) makes a file, and only `init` asks
//! for that; [`SqliteReader`] can't write, which is what `plan` holds; [`SqliteStore`] executes actions. What needs no
//! settings is held by triggers in the file, what depends on rules (seats, onboarding, the own account) by `execute`.
//!
//! Deliberately absent: any decision about what should be, and a clock: the time of a change comes with it.

mod access;
mod account;
mod ahead;
mod batch;
mod catalog;
mod credentials;
mod execute;
mod invitations;
mod lock_outs;
mod mails;
mod membership;
mod open;
mod read;
mod required;
mod reset_mails;
mod rights;
mod unlocked;
mod value;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

pub use invitations::{Answerer, StoredInvitation};
pub use lock_outs::LockOutNote;
pub use mails::{DueMail, MailReason, MailState, StoredMail, token_hash};
pub use reset_mails::ResetMail;
use unlocked::Stamp;

use super::{Capabilities, Effect, Info, Reader, StoreError, Which, Writer, Yielded};
use crate::model::{LiveState, Names};
use crate::plan::Action;
use crate::rules::{Identity, Rules};

/// How many actions make one transaction: large enough that syncing the disk costs nothing, small enough that other
/// writers get their turn within a second.
const GROUP: usize = 1_000;

/// An embedded store that is only read.
#[derive(Debug)]
pub struct SqliteReader {
    connection: Connection,
    path: PathBuf,
    rules: Rules,
    /// Set where it is read without locks.
    stamp: Option<Stamp>,
}

/// An embedded store that is written.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
    rules: Rules,
    /// The compared key of the account behind this run.
    own: Option<String>,
    /// The number of the newest lock-out of which the run knew when it planned.
    known_lock_outs: Option<i64>,
    /// Seats in use, and the version of the file's data for which that was counted.
    seats: Option<(i64, i64)>,
    /// What the last batch yielded.
    secrets: Vec<Yielded>,
}

impl SqliteReader {
    /// Opens the store at `path` for reading.
    ///
    /// # Errors
    /// If there is no such store, it can't be read, it is of a newer version, or its identity rule is not that of
    /// `rules`.
    pub fn open(path: &Path, rules: &Rules) -> Result<Self, StoreError> {
        let (connection, stamp) = open::reader(path, &rules.identity)?;
        Ok(Self { connection, path: path.to_owned(), rules: rules.clone(), stamp })
    }

    /// Every invitation that there ever was, by key and then in the order in which they were made.
    pub fn list_invitations(&self) -> Result<Vec<StoredInvitation>, StoreError> {
        let found = invitations::list(&self.connection);
        self.check_unchanged()?;
        found.map_err(|error| open::unreadable(&self.path, error))
    }

    /// The keys of those who are invited and of whose invitation there is nothing any more, sorted.
    pub fn list_forgotten_invitations(&self) -> Result<Vec<String>, StoreError> {
        let found = invitations::list_forgotten(&self.connection);
        self.check_unchanged()?;
        found.map_err(|error| open::unreadable(&self.path, error))
    }

    /// Mails about resets of passwords that did not go out, in the order in which they were made.
    pub fn list_open_reset_mails(&self) -> Result<Vec<ResetMail>, StoreError> {
        let found = reset_mails::open(&self.connection);
        self.check_unchanged()?;
        found.map_err(|error| open::unreadable(&self.path, error))
    }

    /// Whether there is any organization.
    pub fn has_organization(&self) -> Result<bool, StoreError> {
        let found = self.connection.query_row("SELECT EXISTS (SELECT 1 FROM organizations)", [], |row| row.get(0));
        self.check_unchanged()?;
        found.map_err(|error| open::unreadable(&self.path, error))
    }

    /// How many mails have to go out.
    pub fn count_due_mails(&self) -> Result<usize, StoreError> {
        let found = mails::count_due(&self.connection);
        self.check_unchanged()?;
        found.map_err(|error| open::unreadable(&self.path, error))
    }

    /// When each account was made, by key as spelled. A time is as somebody may have written it by hand.
    pub fn creation_times(&self) -> Result<Vec<(String, String)>, StoreError> {
        let found = read::creation_times(&self.connection);
        self.check_unchanged()?;
        found.map_err(|error| open::unreadable(&self.path, error))
    }

    /// What was read without locks is used only if nobody wrote in the meantime.
    fn check_unchanged(&self) -> Result<(), StoreError> {
        self.stamp.map_or(Ok(()), |stamp| stamp.check(&self.path))
    }

    /// The last line, number and hash, of the journal with this name that the store has seen.
    pub fn journal_seen(&self, name: &str) -> Result<Option<(u64, String)>, StoreError> {
        open::remembered(&self.connection, name).map_err(|error| open::unreadable(&self.path, error))
    }

    /// Every compared key that an operator ever locked out, and when, as far as the store remembers it; also whom a
    /// manifest has let in again.
    pub fn list_lock_outs(&self) -> Result<Vec<(String, String)>, StoreError> {
        let found = lock_outs::all(&self.connection);
        self.check_unchanged()?;
        found.map_err(|error| open::unreadable(&self.path, error))
    }

    /// How long to wait for others at most.
    pub fn wait_at_most(&mut self, time: Duration) -> Result<(), StoreError> {
        self.connection.busy_timeout(time).map_err(|error| open::unreadable(&self.path, error))
    }
}

impl SqliteStore {
    /// Makes a new, empty store at `path`, for this identity rule; only its owner may read it.
    ///
    /// # Errors
    /// If something is there already, or the file can't be made; then nothing is left behind.
    pub fn create(path: &Path, identity: &Identity) -> Result<(), StoreError> {
        open::create(path, identity)
    }

    /// Opens the store at `path` for writing. `own_account` is the key of the account that must lose nothing.
    ///
    /// # Errors
    /// As for [`SqliteReader::open`], if it can't be written, or if `own_account` is no key.
    pub fn open(path: &Path, rules: Rules, own_account: Option<&str>) -> Result<Self, StoreError> {
        let own = own_account
            .map(|key| {
                let why =
                    |error| StoreError::invalid(format!("the own account `{key}` {error}; correct `guards.self`"));
                rules.identity.normalize(key).map_err(why)
            })
            .transpose()?;
        let connection = open::writer(path, &rules.identity)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            rules,
            own,
            known_lock_outs: None,
            seats: None,
            secrets: Vec::new(),
        })
    }

    /// Every invitation that there ever was, by key and then in the order in which they were made.
    pub fn list_invitations(&self) -> Result<Vec<StoredInvitation>, StoreError> {
        invitations::list(&self.connection).map_err(|error| open::unreadable(&self.path, error))
    }

    /// Answers a pending invitation at the time `at`: whoever has its token, or somebody in place of the person.
    ///
    /// # Errors
    /// If the store can't be written; a refusal is an [`Effect`].
    pub fn answer_invitation(&mut self, who: Answerer<'_>, accept: bool, at: Timestamp) -> Result<Effect, StoreError> {
        execute::answer(self, who, accept, at)
    }

    /// The key to which the mail with this token was sent.
    pub fn key_of_token(&self, token: &str) -> Result<Option<String>, StoreError> {
        mails::key_of_token(&self.connection, token).map_err(|error| open::unreadable(&self.path, error))
    }

    /// The mails that have to go out, with what they say now: those about invitations, then those about resets of
    /// passwords, in the order in which they were queued. `language` is the attribute that holds the language of a user,
    /// where it is no field of its own. Mails about what has ended by the time `at` are withdrawn.
    pub fn due_mails(&mut self, language: Option<&str>, at: Timestamp) -> Result<Vec<DueMail>, StoreError> {
        execute::in_transaction(self, &Names::new(), at, |turn| mails::due(turn, language))
    }

    /// Notes that these mails are about to be handed over at the time `at`, each with the hash of the token that it
    /// carries. Whether each still has to go out: not, where another run has begun with it since it was read.
    pub fn begin_mails(&mut self, mails: &[(&DueMail, Option<&str>)], at: Timestamp) -> Result<Vec<bool>, StoreError> {
        execute::in_transaction(self, &Names::new(), at, |turn| {
            mails.iter().map(|(mail, hash)| mails::begin(turn, mail, *hash)).collect()
        })
    }

    /// Notes what became of mails, each with what the server said.
    pub fn end_mails(
        &mut self,
        mails: &[(&DueMail, MailState, Option<&str>)],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        execute::in_transaction(self, &Names::new(), at, |turn| {
            mails.iter().try_for_each(|(mail, state, detail)| mails::end(turn, mail, *state, *detail))
        })
    }

    /// Makes the organization of a store that is one, unless any is there.
    pub fn make_only_organization(&mut self, name: &str) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO organizations (name) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM organizations)";
        self.connection.execute(SQL, [name]).map(|_| ()).map_err(|error| open::unwritable(&self.path, error))
    }

    /// Keeps the last line, number and hash, of the journal with this name: [`SqliteReader::journal_seen`].
    pub fn remember_journal(&mut self, name: &str, line: u64, hash: &str) -> Result<(), StoreError> {
        open::remember(&self.connection, name, line, hash).map_err(|error| open::unwritable(&self.path, error))
    }

    /// Says which lock-out was the newest before what is executed was planned: whoever is locked out after it is given
    /// nothing.
    pub fn know_lock_outs(&mut self, newest: i64) {
        self.known_lock_outs = Some(newest);
    }

    /// Writes down what a run has to say about people who are locked out, by their keys as compared: all of it or
    /// nothing.
    pub fn note_lock_outs(&mut self, notes: &[(&str, LockOutNote)], at: Timestamp) -> Result<(), StoreError> {
        let at = at.to_string();
        let written = (|| {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for &(identity, note) in notes {
                let users = read::find(&transaction, &self.rules, identity)?;
                lock_outs::write(&transaction, &users, (identity, note, &at))?;
            }
            transaction.commit()
        })();
        written.map_err(|error| open::unwritable(&self.path, error))
    }

    /// How long to wait for other writers at most.
    pub fn wait_at_most(&mut self, time: Duration) -> Result<(), StoreError> {
        self.connection.busy_timeout(time).map_err(|error| open::unwritable(&self.path, error))
    }
}

fn info(connection: &Connection, path: &Path) -> Result<Info, StoreError> {
    let id = connection
        .query_row("SELECT store_id FROM meta", [], |row| row.get(0))
        .map_err(|error| open::unreadable(path, error))?;
    let capabilities = Capabilities { writes_catalog: true, clock_can_be_set: true };
    Ok(Info { kind: "sqlite", id, capabilities })
}

impl Reader for SqliteReader {
    async fn info(&mut self) -> Result<Info, StoreError> {
        info(&self.connection, &self.path)
    }

    async fn read(&mut self, names: &mut Names, which: Which<'_>) -> Result<LiveState, StoreError> {
        let live = read::read(&mut self.connection, &self.rules, names, which);
        self.check_unchanged()?;
        live.map_err(|error| open::unreadable(&self.path, error))
    }
}

impl Reader for SqliteStore {
    async fn info(&mut self) -> Result<Info, StoreError> {
        info(&self.connection, &self.path)
    }

    async fn read(&mut self, names: &mut Names, which: Which<'_>) -> Result<LiveState, StoreError> {
        read::read(&mut self.connection, &self.rules, names, which).map_err(|error| open::unreadable(&self.path, error))
    }
}

impl Writer for SqliteStore {
    fn group(&self, ready: &[&Action]) -> usize {
        batch::size(&self.rules, ready, GROUP)
    }

    async fn execute(&mut self, names: &Names, batch: &[&Action], at: Timestamp) -> Result<Vec<Effect>, StoreError> {
        execute::execute(self, names, batch, at)
    }

    async fn rehearse(&mut self, names: &Names, batch: &[&Action], at: Timestamp) -> Result<Vec<Effect>, StoreError> {
        execute::rehearse(self, names, batch, at)
    }

    fn take_secrets(&mut self) -> Vec<Yielded> {
        std::mem::take(&mut self.secrets)
    }

    async fn reset_password(&mut self, key: &str, at: Timestamp) -> Result<Effect, StoreError> {
        execute::reset_password(self, key, at)
    }
}
