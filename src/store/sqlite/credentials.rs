//! What opens an account, or the API in its name: only how to recognise it is kept, never the secret itself.
//!
//! A password and an API secret that are made here are shown once, to whoever asked for the action ([`Yielded`]); an
//! action that comes to nothing shows none.

use std::fmt::Write as _;

use hashbrown::HashMap;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};

use super::account::{self, Account};
use super::execute::{Stop, Turn, conflict, failed, refused};
use super::open::has_table;
use super::read::Moment;
use super::reset_mails;
use super::rights;
use super::value::{Fields, Plain};
use crate::model::Status;
use crate::rules::PasswordReset;
use crate::secret::{OneTimeSecret, SecretKind, generate};
use crate::store::{Effect, Yielded};

/// What makes the table, and what keeps it, in a store that was made without them, as with the table of lock-outs.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS credentials (user_id INTEGER NOT NULL REFERENCES users (id), \
                     kind TEXT NOT NULL CHECK (kind IN ('password', 'api')), verifier TEXT CHECK (verifier <> ''), \
                     must_change INTEGER NOT NULL DEFAULT 0 CHECK (must_change IN (0, 1)), set_at TEXT NOT NULL, \
                     PRIMARY KEY (user_id, kind)) STRICT, WITHOUT ROWID;";
const TRIGGERS: &str = "CREATE TRIGGER IF NOT EXISTS users_credentials_go BEFORE DELETE ON users
BEGIN DELETE FROM credentials WHERE user_id = OLD.id; END;
CREATE TRIGGER IF NOT EXISTS credentials_inserted BEFORE INSERT ON credentials
BEGIN SELECT RAISE(ABORT, 'there is no such user') WHERE NOT EXISTS (SELECT 1 FROM users WHERE id = NEW.user_id); END;";

/// Makes the table where it is not as it should be.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name IN \
               ('credentials', 'users_credentials_go', 'credentials_inserted')";
    let parts: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    if parts == 3 {
        return Ok(());
    }
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {TABLE} {TRIGGERS} COMMIT"))
}

/// Makes a new secret of this kind; the old one opens nothing any more.
pub(super) fn issue(turn: &mut Turn<'_>, user: i64, kind: SecretKind) -> Result<(), Stop> {
    let (shortest, symbols) = (turn.rules.shortest_password(), turn.rules.wants_symbols());
    let secret = generate(shortest, symbols).map_err(|error| failed(error.to_string()))?;
    let salt: String = turn.connection.query_row("SELECT lower(hex(randomblob(16)))", [], |row| row.get(0))?;
    let verifier = verifier(&salt, &secret);
    let must_change = kind == SecretKind::Password && turn.rules.forces_new_password();
    set(turn, user, kind, Some(&verifier), must_change)?;
    turn.secrets.push(Yielded { index: turn.index, kind, secret });
    Ok(())
}

/// `sha256:SALT:DIGEST`, where the digest is that of the salt, in hexadecimal, and the secret behind it. What is made
/// here is random and long, so that nobody finds it by trying, however fast that goes.
fn verifier(salt: &str, secret: &OneTimeSecret) -> String {
    let digest = Sha256::new().chain_update(salt).chain_update(secret.reveal()).finalize();
    let mut text = format!("sha256:{salt}:");
    for byte in digest {
        // A text takes whatever is written to it.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn set(
    turn: &Turn<'_>,
    user: i64,
    kind: SecretKind,
    verifier: Option<&str>,
    must_change: bool,
) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT OR REPLACE INTO credentials (user_id, kind, verifier, must_change, set_at) \
                       VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![user, kind.as_str(), verifier, must_change, turn.at.to_string()];
    turn.connection.prepare_cached(SQL)?.execute(values).map(|_| ())
}

fn withdraw(turn: &Turn<'_>, user: i64, kind: SecretKind) -> rusqlite::Result<()> {
    let sql = "DELETE FROM credentials WHERE user_id = ?1 AND kind = ?2";
    turn.connection.prepare_cached(sql)?.execute(params![user, kind.as_str()]).map(|_| ())
}

/// What becomes of the API secret with a change of fields: turning the API on makes a new one, off ends it.
pub(super) fn follow_api(turn: &mut Turn<'_>, user: i64, live: &Fields, after: &Fields) -> Result<(), Stop> {
    let Some(wanted) = after.get("api.enabled") else { return Ok(()) };
    let is_on = |value: Option<&Plain>| matches!(value, Some(Plain::Bool(true)));
    match (is_on(live.get("api.enabled")), is_on(Some(wanted))) {
        (false, true) if turn.rules.shows_api_secret_once() => issue(turn, user, SecretKind::Api),
        (_, false) => Ok(withdraw(turn, user, SecretKind::Api)?),
        (false | true, true) => Ok(()),
    }
}

/// Ends the password of an active account: another one is made, or the person has to choose one.
pub(super) fn reset(turn: &mut Turn<'_>, key: &str) -> Result<Effect, Stop> {
    let Some(account) = account::find(turn, key)? else { return Err(conflict(format!("there is no account `{key}`"))) };
    check_active(&account)?;
    rights::check_not_own(turn, &account)?;
    match turn.rules.password_reset() {
        PasswordReset::Generated => issue(turn, account.id, SecretKind::Password)?,
        PasswordReset::ByPerson => {
            set(turn, account.id, SecretKind::Password, None, false)?;
            reset_mails::queue(turn, account.id)?;
        }
        PasswordReset::NotStated => return Err(refused("the rules of this store do not say how passwords are reset")),
    }
    Ok(Effect::Done)
}

fn check_active(account: &Account) -> Result<(), Stop> {
    match account.status {
        Status::Active => Ok(()),
        status @ (Status::Preloaded | Status::Invited | Status::Inactive | Status::Closed) => {
            Err(conflict(format!("`{}` is {}, so nobody logs in with it", account.key, status.as_str())))
        }
    }
}

/// Since when the password of each active account is the one that it is, by row id: since it was set here, else since the
/// account was active for the first time. A text that is no time is as good as none.
pub(super) fn password_times(connection: &Connection) -> rusqlite::Result<HashMap<i64, Timestamp>> {
    const SQL: &str = "SELECT u.id, ifnull(c.set_at, ifnull(u.activated_at, u.created_at)) FROM users u \
                       LEFT JOIN credentials c ON c.user_id = u.id AND c.kind = 'password' WHERE u.status = 'active'";
    const WITHOUT: &str = "SELECT id, ifnull(activated_at, created_at) FROM users WHERE status = 'active'";
    let mut statement = connection.prepare(if has_table(connection, "credentials")? { SQL } else { WITHOUT })?;
    let mut rows = statement.query([])?;
    let mut times = HashMap::new();
    while let Some(row) = rows.next()? {
        if let Ok(Moment(since)) = row.get(1) {
            times.insert(row.get(0)?, since);
        }
    }
    Ok(times)
}
