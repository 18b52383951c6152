//! Whom an operator locked out where no row of an account remembers it: the invitation was cancelled, or all access
//! taken away. Whoever lets the person in again, because a manifest says so, ends it.

use rusqlite::Connection;

use super::execute::{Stop, Turn};
use super::open::has_table;
use crate::model::{ActionKind, LiveState, Names, Value, known};
use crate::plan::{Action, Cause};

const TABLE: &str = "lock_outs";

/// What makes the table in a store that was made without it, as with that of journals.
const LOCK_OUTS: &str =
    "CREATE TABLE IF NOT EXISTS lock_outs (identity TEXT PRIMARY KEY CHECK (identity <> ''), at TEXT NOT NULL) STRICT";

/// Notes what an action that was done means for it.
pub(super) fn note(turn: &Turn<'_>, action: &Action) -> Result<(), Stop> {
    let identity = |key| turn.rules.identity.normalize(turn.names.text(key)).ok();
    let Some(user) = action.subject.user.and_then(identity) else { return Ok(()) };
    let connection = turn.connection;
    match action.kind {
        ActionKind::CancelInvitation | ActionKind::StripUser if action.cause == Cause::Operator => {
            connection.execute(LOCK_OUTS, [])?;
            connection
                .prepare_cached("INSERT OR REPLACE INTO lock_outs (identity, at) VALUES (?1, ?2)")?
                .execute((user, turn.at.to_string()))?;
        }
        ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::ReactivateUser
        | ActionKind::SendInvitation
        | ActionKind::AddMembership
        | ActionKind::GrantSite
            if has_table(connection, TABLE)? =>
        {
            connection.prepare_cached("DELETE FROM lock_outs WHERE identity = ?1")?.execute([user])?;
        }
        ActionKind::RenameUser if has_table(connection, TABLE)? => {
            let from = action.before.as_ref().and_then(|before| before.value(known::KEY)).and_then(Value::text);
            if let Some(from) = from.and_then(identity) {
                connection
                    .prepare_cached("UPDATE OR REPLACE lock_outs SET identity = ?2 WHERE identity = ?1")?
                    .execute((from, user))?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Reads all of them.
pub(super) fn read(connection: &Connection, names: &mut Names, live: &mut LiveState) -> rusqlite::Result<()> {
    if !has_table(connection, TABLE)? {
        return Ok(());
    }
    let mut statement = connection.prepare_cached("SELECT identity FROM lock_outs")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        live.locked_out.insert(names.intern(row.get_ref(0)?.as_str()?));
    }
    Ok(())
}
