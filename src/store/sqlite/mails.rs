//! Mails about invitations and resets of passwords: queued in the transaction that sends the invitation or ends the
//! password, handed over by `mail` afterwards.
//!
//! A row is one reason for one mail. It stays `waiting` until whoever takes mails has taken it, or has refused it for
//! good; the mail about an invitation that ended before is withdrawn. While it is handed over it is `begun`; of one that
//! stays so nobody knows whether it was taken. What a mail says is read when it goes out.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use sha2::{Digest as _, Sha256};

use super::execute::{Stop, Turn};
use super::open::has_table;
use super::read::{Moment, invitation_columns};
use super::reset_mails;
use super::value::{self, Plain};
use crate::model::{ActionKind, Invitation, InvitationState};
use crate::rules::KeyField;
use crate::secret::hex;

/// What becomes of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailState {
    /// It has to go out.
    Waiting,
    /// It was taken.
    Sent,
    /// It was refused for good.
    Refused,
    /// Nobody knows whether it was taken.
    Unknown,
    /// What it is about ended before it went out.
    Withdrawn,
}

impl MailState {
    /// Its word, in the store and for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMail {
    /// Whether it went out: the word of a [`MailState`].
    pub state: String,
    /// When it was last begun to be handed over.
    pub tried: Option<Timestamp>,
    /// What the server said last.
    pub detail: Option<String>,
}

/// Why there is a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailReason {
    /// The invitation with this number in the store.
    Invitation(i64),
    /// The reset of a password with this number in the store.
    Reset(i64),
}

impl MailReason {
    /// The table and the column that know it, and its number there.
    const fn row(self) -> (&'static str, &'static str, i64) {
        match self {
            Self::Invitation(number) => (TABLE, "invitation_id", number),
            Self::Reset(number) => (reset_mails::TABLE, "id", number),
        }
    }
}

/// A mail that has to go out, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueMail {
    /// Why it goes out.
    pub reason: MailReason,
    /// The identity of the store.
    pub store: String,
    /// How often it was begun to be handed over.
    pub attempts: i64,
    /// Whether an earlier run began to hand it over, and did not live to say what came of it.
    pub is_begun: bool,
    /// The key of the user, as spelled.
    pub key: String,
    /// The address of the user; `None`: there is none any more.
    pub address: Option<String>,
    /// The name of the user, as far as it is known.
    pub name: Option<String>,
    /// The language of the user, as the store has it.
    pub language: Option<String>,
    /// When the invitation was sent, or the password ended.
    pub sent: Option<Timestamp>,
    /// When the invitation ends by itself.
    pub ends: Option<Timestamp>,
    /// The names of the organizations that the user belongs to.
    pub organizations: Vec<String>,
}

const TABLE: &str = "invitation_mails";

/// What makes the tables in a store that was made without them, as with that of journals.
const TABLES: &str = "CREATE TABLE IF NOT EXISTS invitation_mails (
        invitation_id INTEGER PRIMARY KEY REFERENCES invitations (id),
        state TEXT NOT NULL CHECK (state IN ('waiting', 'begun', 'sent', 'refused', 'unknown', 'withdrawn')),
        attempts INTEGER NOT NULL DEFAULT 0, tried TEXT, detail TEXT) STRICT;
    CREATE TABLE IF NOT EXISTS invitation_tokens (
        hash TEXT PRIMARY KEY CHECK (length(hash) = 64),
        invitation_id INTEGER NOT NULL REFERENCES invitations (id)) STRICT, WITHOUT ROWID";

/// The longest text that is kept of what a server said.
const LONGEST_DETAIL: usize = 1_000;

/// The form in which the store knows a token.
#[must_use]
pub fn token_hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// Queues the mail about the pending invitation of an account, if the rules send one for an action of this kind.
pub(super) fn queue(turn: &Turn<'_>, user: i64, kind: ActionKind) -> Result<(), Stop> {
    let sql = "SELECT ifnull(email, '') <> '' FROM users WHERE id = ?1";
    let has_address = turn.rules.identity.key_field() == KeyField::Email
        || turn.connection.prepare_cached(sql)?.query_row([user], |row| row.get(0))?;
    if !turn.rules.mails(kind, has_address) {
        return Ok(());
    }
    if !has_table(turn.connection, TABLE)? {
        turn.connection.execute_batch(TABLES)?;
    }
    let sql = "INSERT INTO invitation_mails (invitation_id, state) \
               SELECT id, 'waiting' FROM invitations WHERE user_id = ?1 AND state = 'pending'";
    turn.connection.prepare_cached(sql)?.execute([user])?;
    Ok(())
}

/// How many mails have to go out.
pub(super) fn count_due(connection: &Connection) -> rusqlite::Result<usize> {
    let mut due = 0;
    for table in [TABLE, reset_mails::TABLE] {
        if has_table(connection, table)? {
            let sql = format!("SELECT count(*) FROM {table} WHERE state IN ('waiting', 'begun')");
            due += connection.query_row(&sql, [], |row| row.get::<_, i64>(0))?;
        }
    }
    Ok(usize::try_from(due).unwrap_or(0))
}

/// What became of each mail, by the number of its invitation.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<HashMap<i64, StoredMail>> {
    if !has_table(connection, TABLE)? {
        return Ok(HashMap::new());
    }
    let mut statement = connection.prepare("SELECT invitation_id, state, tried, detail FROM invitation_mails")?;
    let rows = statement.query_map([], |row| {
        let tried = row.get::<_, Option<Moment>>(2)?.map(|Moment(time)| time);
        Ok((row.get(0)?, StoredMail { state: row.get(1)?, tried, detail: row.get(3)? }))
    })?;
    rows.collect()
}

/// The mails that have to go out. Those about what has ended are withdrawn.
pub(super) fn due(turn: &Turn<'_>, language: Option<&str>) -> rusqlite::Result<Vec<DueMail>> {
    let mut due = due_of_invitations(turn, language)?;
    due.extend(reset_mails::due(turn, language)?);
    Ok(due)
}

fn due_of_invitations(turn: &Turn<'_>, language: Option<&str>) -> rusqlite::Result<Vec<DueMail>> {
    let connection = turn.connection;
    if !has_table(connection, TABLE)? {
        return Ok(Vec::new());
    }
    // Whoever made the first table by hand has to have the second one, too.
    connection.execute_batch(TABLES)?;
    let store: String = connection.query_row("SELECT store_id FROM meta", [], |row| row.get(0))?;
    let sql = format!(
        "SELECT {ADDRESSEE}, m.invitation_id, m.attempts, m.state = 'begun', i.state, i.sent, i.ends \
         FROM invitation_mails m JOIN invitations i ON i.id = m.invitation_id LEFT JOIN users u ON u.id = i.user_id \
         WHERE m.state IN ('waiting', 'begun') ORDER BY m.invitation_id"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let (mut due, mut ended) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let invitation: i64 = row.get(ADDRESSEE_COLUMNS)?;
        let (state, sent, ends) = invitation_columns(row, ADDRESSEE_COLUMNS + 3)?;
        let is_pending = Invitation { state, sent, ends }.state_at(turn.at) == InvitationState::Pending;
        match addressee(turn, row, language)?.filter(|_| is_pending) {
            None => ended.push(invitation),
            Some(addressee) => due.push(DueMail {
                reason: MailReason::Invitation(invitation),
                store: store.clone(),
                attempts: row.get(ADDRESSEE_COLUMNS + 1)?,
                is_begun: row.get(ADDRESSEE_COLUMNS + 2)?,
                sent,
                ends,
                ..addressee
            }),
        }
    }
    for invitation in ended {
        withdraw(connection, MailReason::Invitation(invitation), "the invitation ended before")?;
    }
    Ok(due)
}

/// Notes that a mail does not have to go out any more, and why.
pub(super) fn withdraw(connection: &Connection, reason: MailReason, why: &str) -> rusqlite::Result<()> {
    let (table, column, number) = reason.row();
    let sql = format!("UPDATE {table} SET state = 'withdrawn', detail = ?2 WHERE {column} = ?1");
    connection.prepare_cached(&sql)?.execute((number, why)).map(|_| ())
}

/// The columns of a user `u` that [`addressee`] reads, the first ones of its rows.
pub(super) const ADDRESSEE: &str = "u.id, u.key, u.email, u.given_name, u.family_name, u.name, u.language";

/// How many they are.
pub(super) const ADDRESSEE_COLUMNS: usize = 7;

/// Whom a mail goes to: a mail without a reason as yet. `None`: there is no such account.
pub(super) fn addressee(
    turn: &Turn<'_>,
    row: &rusqlite::Row<'_>,
    language: Option<&str>,
) -> rusqlite::Result<Option<DueMail>> {
    let Some(user) = row.get::<_, Option<i64>>(0)? else { return Ok(None) };
    let key: String = row.get(1)?;
    let text = |at: usize| -> rusqlite::Result<Option<String>> {
        Ok(row.get::<_, Option<String>>(at)?.filter(|text| !text.trim().is_empty()))
    };
    let address = match turn.rules.identity.key_field() {
        KeyField::Email => Some(key.clone()),
        KeyField::Login => text(2)?,
    };
    let parts: Vec<String> = [text(3)?, text(4)?].into_iter().flatten().collect();
    let name = if parts.is_empty() { text(5)? } else { Some(parts.join(" ")) };
    let language = match language {
        Some(attribute) => attribute_of(turn.connection, user, attribute)?,
        None => text(6)?,
    };
    Ok(Some(DueMail {
        reason: MailReason::Invitation(0),
        store: String::new(),
        attempts: 0,
        is_begun: false,
        key,
        address,
        name,
        language,
        sent: None,
        ends: None,
        organizations: organizations_of(turn.connection, user)?,
    }))
}

fn attribute_of(connection: &Connection, user: i64, attribute: &str) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT value FROM user_attributes WHERE user_id = ?1 AND field = ?2";
    let value = connection.prepare_cached(sql)?.query_row((user, attribute), |row| value::json(row, 0)).optional()?;
    Ok(match value {
        Some(Plain::Text(text)) => Some(text),
        Some(Plain::Null | Plain::Bool(_) | Plain::Number(_) | Plain::Set(_)) | None => None,
    })
}

fn organizations_of(connection: &Connection, user: i64) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT ifnull(nullif(o.display_name, ''), o.name) FROM memberships m \
               JOIN organizations o ON o.id = m.organization_id WHERE m.user_id = ?1 ORDER BY 1";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map([user], |row| row.get(0))?.collect()
}

/// Notes that a mail is about to be handed over; whether nobody else has begun with it.
pub(super) fn begin(turn: &Turn<'_>, mail: &DueMail, hash: Option<&str>) -> rusqlite::Result<bool> {
    let (table, column, number) = mail.reason.row();
    let sql = format!(
        "UPDATE {table} SET state = 'begun', attempts = attempts + 1, tried = ?3 \
         WHERE {column} = ?1 AND state IN ('waiting', 'begun') AND attempts = ?2"
    );
    let mut statement = turn.connection.prepare_cached(&sql)?;
    if statement.execute((number, mail.attempts, turn.at.to_string()))? == 0 {
        return Ok(false);
    }
    if let (Some(hash), MailReason::Invitation(invitation)) = (hash, mail.reason) {
        let sql = "INSERT INTO invitation_tokens (hash, invitation_id) VALUES (?1, ?2)";
        turn.connection.prepare_cached(sql)?.execute((hash, invitation))?;
    }
    Ok(true)
}

/// Notes what became of a mail.
pub(super) fn end(turn: &Turn<'_>, mail: &DueMail, state: MailState, detail: Option<&str>) -> rusqlite::Result<()> {
    let detail: Option<String> = detail.map(|detail| detail.chars().take(LONGEST_DETAIL).collect());
    let (table, column, number) = mail.reason.row();
    let sql = format!("UPDATE {table} SET state = ?2, detail = ?3 WHERE {column} = ?1 AND state = 'begun'");
    turn.connection.prepare_cached(&sql)?.execute((number, state.as_str(), detail))?;
    Ok(())
}

/// The key to which the mail with this token was sent.
pub(super) fn key_of_token(connection: &Connection, token: &str) -> rusqlite::Result<Option<String>> {
    let Some((invitation, _)) = find_token(connection, token)? else { return Ok(None) };
    let sql = "SELECT user_key FROM invitations WHERE id = ?1";
    connection.prepare_cached(sql)?.query_row([invitation], |row| row.get(0)).optional()
}

/// The invitation that a token belongs to, and its account.
pub(super) fn find_token(connection: &Connection, token: &str) -> rusqlite::Result<Option<(i64, i64)>> {
    if !has_table(connection, TABLE)? {
        return Ok(None);
    }
    let sql = "SELECT i.id, i.user_id FROM invitation_tokens t JOIN invitations i ON i.id = t.invitation_id \
               WHERE t.hash = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([token_hash(token)], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}
