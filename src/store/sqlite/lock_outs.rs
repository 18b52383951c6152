//! Whom an operator locked out, by every key that the account had since then, whatever became of the account.
//!
//! Whoever lets the person in again, because a manifest says `status: active` after it, ends it; a run that did not know
//! of it lets nobody in. Which line of a manifest is older than a lock-out nobody can tell, so one that may be older
//! waits, until a run has seen the manifests without it. Deliberately absent: manifests.

use jiff::Timestamp;
use rusqlite::Connection;

use super::execute::{Stop, Turn, conflict};
use crate::model::{ActionKind, LiveState, Names};
use crate::plan::{Action, Cause};
use crate::rules::Identity;

/// What makes the table, and what keeps it, in a store that was made without them, as with the table of journals.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS lock_outs (identity TEXT PRIMARY KEY CHECK (identity <> ''), \
                     at TEXT NOT NULL, user_id INTEGER, number INTEGER NOT NULL DEFAULT 0, \
                     waits INTEGER NOT NULL DEFAULT 1 CHECK (waits IN (0, 1)), ended TEXT) STRICT;";
const COLUMNS: &str = "ALTER TABLE lock_outs ADD COLUMN user_id INTEGER; \
                       ALTER TABLE lock_outs ADD COLUMN number INTEGER NOT NULL DEFAULT 0; \
                       ALTER TABLE lock_outs ADD COLUMN waits INTEGER NOT NULL DEFAULT 1 CHECK (waits IN (0, 1)); \
                       ALTER TABLE lock_outs ADD COLUMN ended TEXT;";
const TRIGGERS: &str = "CREATE INDEX IF NOT EXISTS lock_outs_by_user ON lock_outs (user_id);
CREATE TRIGGER IF NOT EXISTS users_lock_out_follows AFTER UPDATE OF identity ON users
WHEN NEW.identity IS NOT NULL AND NEW.identity IS NOT OLD.identity
BEGIN
    INSERT OR REPLACE INTO lock_outs (identity, at, user_id, number, waits)
    SELECT NEW.identity, at, user_id, number, waits FROM lock_outs
    WHERE user_id = NEW.id AND ended IS NULL ORDER BY number DESC LIMIT 1;
END;
CREATE TRIGGER IF NOT EXISTS users_lock_out_ends AFTER UPDATE OF status ON users
WHEN NEW.status = 'active' AND OLD.status = 'inactive'
BEGIN
    UPDATE lock_outs SET ended = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE user_id = NEW.id AND ended IS NULL;
END;";

/// What the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Absent,
    /// With nothing but keys and times.
    Old,
    Whole,
}

fn form(connection: &Connection) -> rusqlite::Result<Form> {
    let sql = "SELECT count(*), count(*) FILTER (WHERE name = 'ended') FROM pragma_table_info('lock_outs')";
    let (columns, ended): (i64, i64) =
        connection.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(match (columns, ended) {
        (0, _) => Form::Absent,
        (_, 0) => Form::Old,
        (_, _) => Form::Whole,
    })
}

/// Makes the table where it is not as it should be.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'users_lock_out_%'";
    let triggers: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    let form = form(connection)?;
    if form == Form::Whole && triggers == 2 {
        return Ok(());
    }
    let columns = if form == Form::Old { COLUMNS } else { "" };
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {TABLE} {columns} {TRIGGERS} COMMIT"))
}

/// Whether an action gives somebody something, or may.
fn gives(kind: ActionKind) -> bool {
    match kind {
        ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::ReactivateUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::AddMembership
        | ActionKind::GrantSite
        | ActionKind::ChangeRole
        | ActionKind::ChangeSiteRole
        | ActionKind::UpdateMembership
        | ActionKind::ChangeAccess
        // The account of somebody else may take the key.
        | ActionKind::RenameUser => true,
        ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::DeleteSite
        | ActionKind::CreateRole
        | ActionKind::UpdateRole
        | ActionKind::DeleteRole
        | ActionKind::UpdateUser
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::CancelInvitation
        | ActionKind::RemoveMembership
        | ActionKind::RevokeSite => false,
    }
}

/// The compared key and the row of the account that an action is about, before it is done.
pub(super) struct Subject {
    identity: String,
    user: Option<i64>,
}

/// Whom an action is about; a conflict where it gives something to somebody who was locked out since the plan.
pub(super) fn check(turn: &Turn<'_>, action: &Action) -> Result<Option<Subject>, Stop> {
    let identity = |key| turn.rules.identity.normalize(turn.names.text(key)).ok();
    let Some(identity) = action.subject.user.and_then(identity) else { return Ok(None) };
    let is_end = action.cause == Cause::Operator;
    if !is_end && !gives(action.kind) {
        return Ok(None);
    }
    let user = match super::read::find(turn.connection, turn.rules, &identity)?.as_slice() {
        [user] => Some(*user),
        _ => None,
    };
    if let Some(known) = turn.known_lock_outs.filter(|_| gives(action.kind)) {
        let sql = "SELECT EXISTS (SELECT 1 FROM lock_outs WHERE number > ?3 AND ended IS NULL AND \
                   (identity = ?1 OR user_id = ?2))";
        let is_out: bool =
            turn.connection.prepare_cached(sql)?.query_row((&identity, user, known), |row| row.get(0))?;
        if is_out {
            return Err(conflict("an operator locked the person out since the plan"));
        }
    }
    Ok(Some(Subject { identity, user }))
}

/// Notes what an action that was done means for it.
pub(super) fn note(turn: &Turn<'_>, action: &Action, subject: Option<&Subject>) -> Result<(), Stop> {
    let Some(Subject { identity, user }) = subject else { return Ok(()) };
    match action.kind {
        ActionKind::DeactivateUser | ActionKind::CancelInvitation | ActionKind::StripUser
            if action.cause == Cause::Operator =>
        {
            insert(turn.connection, identity, *user, &turn.at.to_string(), true)?;
        }
        ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::ReactivateUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::AddMembership
        | ActionKind::GrantSite => {
            // Access of an account with which nobody can log in lets nobody in: a role that is changed by removing and
            // adding the membership.
            turn.connection
                .prepare_cached(
                    "UPDATE lock_outs SET ended = ?3 WHERE ended IS NULL AND (identity = ?1 OR user_id = ?2) AND \
                     NOT EXISTS (SELECT 1 FROM users WHERE id = ?2 AND status IN ('inactive', 'closed'))",
                )?
                .execute((identity, user, turn.at.to_string()))?;
        }
        ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::DeleteSite
        | ActionKind::CreateRole
        | ActionKind::UpdateRole
        | ActionKind::DeleteRole
        | ActionKind::UpdateUser
        | ActionKind::ChangeAccess
        | ActionKind::RenameUser
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::CancelInvitation
        | ActionKind::ChangeRole
        | ActionKind::UpdateMembership
        | ActionKind::RemoveMembership
        | ActionKind::ChangeSiteRole
        | ActionKind::RevokeSite => {}
    }
    Ok(())
}

/// Whether the person with this account is locked out.
pub(super) fn holds(connection: &Connection, user: i64) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM lock_outs WHERE ended IS NULL AND \
               (user_id = ?1 OR identity = (SELECT identity FROM users WHERE id = ?1)))";
    connection.prepare_cached(sql)?.query_row([user], |row| row.get(0))
}

fn insert(connection: &Connection, identity: &str, user: Option<i64>, at: &str, waits: bool) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO lock_outs (identity, at, user_id, number, waits) \
             VALUES (?1, ?2, ?3, (SELECT ifnull(max(number), 0) + 1 FROM lock_outs), ?4)",
        )?
        .execute((identity, at, user, waits))?;
    Ok(())
}

/// What a run has to say about somebody who is locked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockOutNote {
    /// The person is locked out. `waits`: a `status: active` that manifests say may be older than that.
    Holds {
        /// Whether it may be.
        waits: bool,
    },
    /// Manifests were seen that do not say `status: active`: one that they say later counts.
    Decided,
    /// The person was let in again.
    Ended,
}

/// Writes down what a run has to say about the person with this compared key.
pub(super) fn write(
    connection: &Connection,
    users: &[i64],
    (identity, note, at): (&str, LockOutNote, &str),
) -> rusqlite::Result<()> {
    let user = match users {
        [user] => Some(*user),
        _ => None,
    };
    let sql = match note {
        LockOutNote::Holds { waits } => return insert(connection, identity, user, at, waits),
        LockOutNote::Decided => {
            "UPDATE lock_outs SET waits = 0 WHERE ended IS NULL AND (identity = ?1 OR user_id = ?2) AND ?3 <> ''"
        }
        LockOutNote::Ended => "UPDATE lock_outs SET ended = ?3 WHERE ended IS NULL AND (identity = ?1 OR user_id = ?2)",
    };
    connection.execute(sql, (identity, user, at))?;
    Ok(())
}

/// Reads all that hold.
pub(super) fn read(
    connection: &Connection,
    identity: &Identity,
    names: &mut Names,
    live: &mut LiveState,
) -> rusqlite::Result<()> {
    let sql = match form(connection)? {
        Form::Absent => return Ok(()),
        Form::Old => "SELECT identity, NULL, 1, at FROM lock_outs",
        // An account whose compared key SQL can't work out is found by its row.
        Form::Whole => {
            "SELECT identity, NULL, waits, at FROM lock_outs WHERE ended IS NULL UNION ALL \
             SELECT NULL, u.key, l.waits, l.at FROM lock_outs l JOIN users u ON u.id = l.user_id \
             WHERE l.ended IS NULL AND u.identity IS NULL"
        }
    };
    live.newest_lock_out = newest(connection)?;
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name = match row.get_ref(0)?.as_str_or_null()? {
            Some(compared) => names.intern(compared),
            None => match row.get_ref(1)?.as_str().ok().and_then(|key| identity.normalize(key).ok()) {
                Some(compared) => names.intern(&compared),
                None => continue,
            },
        };
        live.locked_out.insert(name);
        // A time that somebody typed otherwise is not known.
        let since = row.get_ref(3)?.as_str().ok().and_then(|at| at.parse::<Timestamp>().ok());
        live.locked_out_since.extend(since.map(|since| (name, since)));
        if row.get(2)? {
            live.waiting_lock_outs.insert(name);
        }
    }
    Ok(())
}

/// The number of the newest one, 0 without any.
fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    match form(connection)? {
        Form::Absent | Form::Old => Ok(0),
        Form::Whole => connection.query_row("SELECT ifnull(max(number), 0) FROM lock_outs", [], |row| row.get(0)),
    }
}

/// Every compared key that was ever locked out, and when; also where it does not hold any more.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    if form(connection)? == Form::Absent {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare("SELECT identity, at FROM lock_outs ORDER BY identity")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
