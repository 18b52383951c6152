//! Mails about resets of passwords: one for each reset that leaves the choice of another password to the person.
//!
//! They are handed over like those about invitations (`mails`). A mail is withdrawn where it would be of no use any more:
//! there was another reset after it, the account is not active, or the person has another password by now.

use super::execute::Turn;
use jiff::Timestamp;
use rusqlite::Connection;

use super::mails::{ADDRESSEE, ADDRESSEE_COLUMNS, DueMail, MailReason, StoredMail, addressee, withdraw};
use super::open::has_table;
use super::read::Moment;
use super::value;

pub(super) const TABLE: &str = "reset_mails";

/// What makes the table in a store that was made without it.
const MAKE: &str = "CREATE TABLE IF NOT EXISTS reset_mails (
        id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, reset_at TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('waiting', 'begun', 'sent', 'refused', 'unknown', 'withdrawn')),
        attempts INTEGER NOT NULL DEFAULT 0, tried TEXT, detail TEXT) STRICT";

/// Queues the mail about the reset of a password; one about an earlier reset that did not go out does not have to any
/// more.
pub(super) fn queue(turn: &Turn<'_>, user: i64) -> rusqlite::Result<()> {
    let connection = turn.connection;
    if !has_table(connection, TABLE)? {
        connection.execute_batch(MAKE)?;
    }
    let sql = "UPDATE reset_mails SET state = 'withdrawn', detail = 'there was another reset after it' \
               WHERE user_id = ?1 AND state = 'waiting'";
    connection.prepare_cached(sql)?.execute([user])?;
    let sql = "INSERT INTO reset_mails (user_id, reset_at, state) VALUES (?1, ?2, 'waiting')";
    connection.prepare_cached(sql)?.execute((user, turn.at.to_string())).map(|_| ())
}

/// A mail about the reset of a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetMail {
    /// The key of the user.
    pub key: String,
    /// When the password ended.
    pub reset: Option<Timestamp>,
    /// What became of it.
    pub mail: StoredMail,
}

/// Those that did not go out, or of which nobody knows it.
pub(super) fn open(connection: &Connection) -> rusqlite::Result<Vec<ResetMail>> {
    if !has_table(connection, TABLE)? {
        return Ok(Vec::new());
    }
    let sql = "SELECT u.key, m.reset_at, m.state, m.tried, m.detail FROM reset_mails m JOIN users u ON u.id = m.user_id \
               WHERE m.state NOT IN ('sent', 'withdrawn') ORDER BY m.id";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let time = |column| row.get::<_, Option<Moment>>(column).map(|time| time.map(|Moment(time)| time));
        let mail = StoredMail { state: row.get(2)?, tried: time(3)?, detail: row.get(4)? };
        Ok(ResetMail { key: value::lossy(row, 0)?, reset: time(1)?, mail })
    })?;
    rows.collect()
}

/// The mails that have to go out. Those that are of no use any more are withdrawn.
pub(super) fn due(turn: &Turn<'_>, language: Option<&str>) -> rusqlite::Result<Vec<DueMail>> {
    let connection = turn.connection;
    if !has_table(connection, TABLE)? {
        return Ok(Vec::new());
    }
    let store: String = connection.query_row("SELECT store_id FROM meta", [], |row| row.get(0))?;
    let sql = format!(
        "SELECT {ADDRESSEE}, m.id, m.attempts, m.state = 'begun', m.reset_at, u.status = 'active', EXISTS ( \
         SELECT 1 FROM credentials c WHERE c.user_id = u.id AND c.kind = 'password' AND c.verifier IS NULL) \
         FROM reset_mails m LEFT JOIN users u ON u.id = m.user_id WHERE m.state IN ('waiting', 'begun') ORDER BY m.id"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let (mut due, mut ended) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let reason = MailReason::Reset(row.get(ADDRESSEE_COLUMNS)?);
        let is_active = row.get::<_, Option<bool>>(ADDRESSEE_COLUMNS + 4)? == Some(true);
        let is_open: bool = row.get(ADDRESSEE_COLUMNS + 5)?;
        match addressee(turn, row, language)? {
            Some(addressee) if is_active && is_open => due.push(DueMail {
                reason,
                store: store.clone(),
                attempts: row.get(ADDRESSEE_COLUMNS + 1)?,
                is_begun: row.get(ADDRESSEE_COLUMNS + 2)?,
                sent: row.get::<_, Moment>(ADDRESSEE_COLUMNS + 3).ok().map(|Moment(at)| at),
                ..addressee
            }),
            Some(_) if is_active => ended.push((reason, "the person has another password by now")),
            Some(_) | None => ended.push((reason, "the account is not active any more")),
        }
    }
    for (reason, why) in ended {
        withdraw(connection, reason, why)?;
    }
    Ok(due)
}
