//! Making and opening store files, and what is said when that does not work.
//!
//! A file that is not there, or is something else, is an error with advice and never an empty store.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, ffi, params};

use super::unlocked::{self, Stamp};
use super::{credentials, lock_outs};
use crate::rules::Identity;
use crate::store::{StoreError, Trouble};

/// The schema, as documented.
const SCHEMA: &str = include_str!("../../../schemas/store.sql");
/// `PRAGMA application_id` of the schema: "roll".
const APPLICATION_ID: i64 = 1_919_904_876;
/// `PRAGMA user_version` of the schema.
const VERSION: i64 = 1;
/// What brings a store of version n (from 1 on) to version n + 1.
const MIGRATIONS: &[&str] = &[];
/// How long a writer waits for another one: a transaction of a thousand actions takes well under a second.
const PATIENCE: Duration = Duration::from_secs(30);
/// After so long people begin to wonder.
const UNTOLD: Duration = Duration::from_secs(2);

/// Makes a store file.
pub(super) fn create(path: &Path, identity: &Identity) -> Result<(), StoreError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        let message =
            format!("can't create the store `{}`; see that its folder exists and can be written", path.display());
        StoreError::unavailable(message, error)
    };
    if path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| failed(error.into()))?;
    }
    // The file gets its name when it is whole: one killed while it was made is never mistaken for a store.
    let unfinished = unfinished(path);
    remove_with_companions(&unfinished);
    let made = fill(&unfinished, identity).and_then(|()| match fs::hard_link(&unfinished, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !path.exists() => {
            fs::rename(&unfinished, path).map_err(Into::into)
        }
        other => other.map_err(Into::into),
    });
    remove_with_companions(&unfinished);
    made.map_err(|error| if path.exists() { exists(path) } else { failed(error) })
}

fn exists(path: &Path) -> StoreError {
    StoreError::invalid(format!(
        "`{}` exists already and is not overwritten; remove it first if its users may be lost",
        path.display()
    ))
}

fn unfinished(path: &Path) -> PathBuf {
    with_suffix(path, ".unfinished")
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove_with_companions(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        // What can't be removed stands in the way of the next step, which then says so.
        fs::remove_file(with_suffix(path, suffix)).ok();
    }
}

fn fill(path: &Path, identity: &Identity) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    connection.execute_batch(SCHEMA)?;
    connection.execute(
        "INSERT INTO meta (one, store_id, key_field, key_case) VALUES (1, lower(hex(randomblob(16))), ?1, ?2)",
        [identity.key_field().as_str(), identity.case().as_str()],
    )?;
    connection.execute_batch("COMMIT")?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Opens a store for reading only; with a stamp to check afterwards where that goes without locks.
pub(super) fn reader(path: &Path, identity: &Identity) -> Result<(Connection, Option<Stamp>), StoreError> {
    finish_rollback(path);
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let (connection, stamp) = match connection.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0)) {
        Err(error) if needs_rights(&error) => {
            drop(connection);
            let (connection, stamp) = unlocked::open(path)?;
            (connection, Some(stamp))
        }
        // It was waited for once, and that is enough.
        Err(error) if is_held(&error) => return Err(unreadable(path, error)),
        // Whatever else is wrong shows when it is checked.
        Ok(_) | Err(_) => (connection, None),
    };
    connection.pragma_update(None, "query_only", true).map_err(|error| unreadable(path, error))?;
    let version = check(&connection, path)?;
    if version < VERSION {
        let message = format!(
            "the store `{}` was made by an older rollcall; run `rollcall apply` once, which brings it up to date",
            path.display()
        );
        return Err(StoreError { trouble: Trouble::Other, ..StoreError::invalid(message) });
    }
    check_identity(&connection, path, identity)?;
    Ok((connection, stamp))
}

/// Undoes what another program left half done in a file without a write-ahead log: SQLite takes that back by itself, and
/// only who may write can have it do so. Where it can't be done, whoever reads next says why.
fn finish_rollback(path: &Path) {
    let is_left = fs::metadata(with_suffix(path, "-journal")).is_ok_and(|left| left.len() > 0);
    if !is_left {
        return;
    }
    if let Ok(connection) = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE) {
        let _ = connection.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0));
    }
}

/// Whether another program holds the file.
fn is_held(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Whether this user may not do what reading takes.
fn needs_rights(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied))
}

/// Opens a store for writing, and brings an older one up to date.
pub(super) fn writer(path: &Path, identity: &Identity) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    if connection.is_readonly("main").map_err(|error| unwritable(path, error))? {
        return Err(StoreError::unavailable(
            format!("the store `{}` can't be written; give this user the right to write it", path.display()),
            io::Error::from(io::ErrorKind::PermissionDenied),
        ));
    }
    let version = check(&connection, path)?;
    check_identity(&connection, path, identity)?;
    migrate(&connection, version).map_err(|error| unwritable(path, error))?;
    lock_outs::prepare(&connection).map_err(|error| unwritable(path, error))?;
    credentials::prepare(&connection).map_err(|error| unwritable(path, error))?;
    connection.pragma_update(None, "foreign_keys", true).map_err(|error| unwritable(path, error))?;
    // What is reported as done has to outlast a power cut.
    connection.pragma_update(None, "synchronous", "full").map_err(|error| unwritable(path, error))?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

/// What makes the table for [`remember`] in a store that was made without it. It is no version of its own: nobody who
/// does not know it has to do without anything.
const JOURNALS: &str = "CREATE TABLE IF NOT EXISTS journals
    (name TEXT PRIMARY KEY, line INTEGER NOT NULL, hash TEXT NOT NULL) STRICT, WITHOUT ROWID";

/// Keeps the last line of the journal with this name.
pub(super) fn remember(connection: &Connection, name: &str, line: u64, hash: &str) -> rusqlite::Result<()> {
    connection.execute(JOURNALS, [])?;
    let line = i64::try_from(line).unwrap_or(i64::MAX);
    connection
        .execute("INSERT OR REPLACE INTO journals (name, line, hash) VALUES (?1, ?2, ?3)", params![name, line, hash])?;
    Ok(())
}

/// The last line of the journal with this name, as kept by [`remember`].
pub(super) fn remembered(connection: &Connection, name: &str) -> rusqlite::Result<Option<(u64, String)>> {
    if !has_table(connection, "journals")? {
        return Ok(None);
    }
    let row = connection.query_row("SELECT line, hash FROM journals WHERE name = ?1", [name], |row| {
        Ok((row.get::<_, i64>(0)?, row.get(1)?))
    });
    // A number that no line has is as good as none.
    let kept =
        row.optional()?.and_then(|(line, hash)| Some((u64::try_from(line).ok().filter(|&line| line > 0)?, hash)));
    Ok(kept)
}

/// Whether the store has a table: not each one is older than the store.
pub(super) fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
    connection.prepare_cached(sql)?.query_row([name], |row| row.get(0))
}

fn migrate(connection: &Connection, version: i64) -> rusqlite::Result<()> {
    if version >= VERSION {
        return Ok(());
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    // Another program may have been faster.
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for step in MIGRATIONS.iter().skip(usize::try_from(version - 1).unwrap_or(usize::MAX)) {
        connection.execute_batch(step)?;
    }
    connection.pragma_update(None, "user_version", VERSION)?;
    connection.execute_batch("COMMIT")
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            return Err(StoreError::invalid(format!(
                "the store `{}` is no file; correct its `path` in the settings",
                path.display()
            )));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let message = format!(
                "there is no store at `{}`; run `rollcall init` to make it, or correct its `path` in the settings",
                path.display()
            );
            return Err(StoreError { message, is_invalid: false, trouble: Trouble::NoStore, source: None });
        }
        Err(error) => {
            let message = format!("can't look at the store `{}`; see who may read it and its folder", path.display());
            return Err(StoreError::unavailable(message, error));
        }
    }
    let mut connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| unreadable(path, error))?;
    connection.busy_handler(Some(wait)).map_err(|error| unreadable(path, error))?;
    Ok(connection)
}

/// Waits for a lock, a little longer each time, and says so once it takes long. SQLite tells how often it has asked and
/// nothing else, so the file is named by the error at the end.
fn wait(count: i32) -> bool {
    const LONGEST_NAP: u64 = 50;
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    // 1, 2, 4, 8, 16, 32 and then 50 milliseconds each.
    let nap = |count: u64| if count < 6 { 1 << count } else { LONGEST_NAP };
    let waited = |count: u64| if count < 6 { (1 << count) - 1 } else { 63 + (count - 6).saturating_mul(LONGEST_NAP) };
    let before = |count: u64, time: Duration| u128::from(waited(count)) < time.as_millis();
    if !before(count, PATIENCE) {
        return false;
    }
    if !before(count, UNTOLD) && count.checked_sub(1).is_some_and(|last| before(last, UNTOLD)) {
        tracing::warn!("another program holds the store; waiting for it, up to {} seconds", PATIENCE.as_secs());
    }
    std::thread::sleep(Duration::from_millis(nap(count)));
    true
}

/// Whether the file is a store that this rollcall understands; its version.
fn check(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let number = |name: &str| {
        connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(|error| unreadable(path, error))
    };
    if number("application_id")? != APPLICATION_ID {
        return Err(StoreError::invalid(format!(
            "`{}` is no store of rollcall; correct its `path` in the settings, or put the store back from a backup; only \
             where there never was one, move the file away and run `rollcall init`",
            path.display()
        )));
    }
    let version = number("user_version")?;
    if version > VERSION {
        return Err(StoreError::invalid(format!(
            "the store `{}` has version {version}, this rollcall knows versions up to {VERSION}; use a newer rollcall",
            path.display()
        )));
    }
    if version < 1 {
        return Err(StoreError::invalid(format!(
            "the store `{}` has version {version}, which there never was; take it from a backup",
            path.display()
        )));
    }
    Ok(version)
}

fn check_identity(connection: &Connection, path: &Path, identity: &Identity) -> Result<(), StoreError> {
    let (field, case): (String, String) = connection
        .query_row("SELECT key_field, key_case FROM meta", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(|error| unreadable(path, error))?;
    let (rules_field, rules_case) = (identity.key_field().as_str(), identity.case().as_str());
    if (field.as_str(), case.as_str()) == (rules_field, rules_case) {
        return Ok(());
    }
    Err(StoreError::invalid(format!(
        "the store `{}` was made for the key `{field}` (case: {case}), its rules say `{rules_field}` (case: \
         {rules_case}); correct `identity` in the rules, or let `rollcall init` make another store",
        path.display()
    )))
}

/// The extended codes with which SQLite says that a file could not be made longer: of a write, and of the index of the
/// log beside the store.
const NO_ROOM: [i32; 2] = [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_SHMSIZE];

/// What to say when reading fails.
pub(super) fn unreadable(path: &Path, error: rusqlite::Error) -> StoreError {
    explain(path, "read", error)
}

/// What to say when writing fails.
pub(super) fn unwritable(path: &Path, error: rusqlite::Error) -> StoreError {
    explain(path, "write", error)
}

fn explain(path: &Path, doing: &str, error: rusqlite::Error) -> StoreError {
    let is_another = error.sqlite_error_code() == Some(ErrorCode::NotADatabase);
    let has_room = error.sqlite_error_code() != Some(ErrorCode::DiskFull)
        && error.sqlite_error().is_none_or(|error| !NO_ROOM.contains(&error.extended_code));
    let trouble = match error.sqlite_error_code() {
        _ if !has_room => Trouble::NoRoom,
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::Unknown) => Trouble::NoStore,
        Some(_) | None => Trouble::Other,
    };
    let advice = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program holds it (a `sqlite3` shell, a backup, another run); end that, then try again"
        }
        Some(ErrorCode::NotADatabase) => {
            "it is no SQLite file; correct its `path` in the settings, or put the store back from a backup; only where \
             there never was one, move the file away and run `rollcall init`"
        }
        Some(ErrorCode::DatabaseCorrupt) => "it is damaged; take it from a backup",
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "see that this user may read and write it and its folder"
        }
        _ if !has_room => "there is no room left on the device; make room",
        // What SQLite calls an error of SQL is a table or a column that is not there.
        Some(ErrorCode::Unknown) => {
            "its tables are not those of a store, as if some were dropped; take it from a backup"
        }
        _ => "SQLite names the cause; see that the disk is sound and has room, or take the file from a backup",
    };
    let message = format!("can't {doing} the store `{}`: {advice}", path.display());
    // A file that is something else is a mistake in the settings, whatever it is.
    StoreError { is_invalid: is_another, trouble, ..StoreError::unavailable(message, error) }
}
