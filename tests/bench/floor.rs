//! The least that a program with this data has to do: the declared content as JSON into maps, and the rows of the
//! store. Nothing is checked, merged or compared.

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row};
use serde::Deserialize;

use crate::repository::{JSON, STORE};

/// The first argument of the process that is the floor.
pub(crate) const WORD: &str = "floor";

#[derive(Deserialize)]
#[allow(dead_code, reason = "read to be held")]
struct User {
    given_name: String,
    family_name: String,
    language: Option<String>,
    job_title: Option<String>,
    access: BTreeMap<String, Membership>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "read to be held")]
struct Membership {
    role: String,
    sites: Vec<String>,
}

#[allow(dead_code, reason = "read to be held")]
struct Account {
    id: i64,
    key: String,
    status: String,
    version: i64,
    role: Option<i64>,
    mfa: Option<bool>,
    profile: [Option<String>; 13],
}

/// The command that runs the floor on a folder.
pub(crate) fn command(folder: &Path) -> Vec<String> {
    let own = std::env::current_exe().expect("this program");
    [own.as_path(), Path::new(WORD), folder].iter().map(|part| part.to_str().expect("UTF-8").to_owned()).collect()
}

/// The process that is the floor.
pub(crate) fn run(folder: &Path) {
    let mut users: HashMap<String, User> = HashMap::new();
    let mut files: Vec<_> =
        std::fs::read_dir(folder.join(JSON)).expect("JSON").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    for file in files {
        let text = std::fs::read(file).expect("a file");
        users.extend(serde_json::from_slice::<HashMap<String, User>>(&text).expect("JSON"));
    }
    let store = Connection::open_with_flags(folder.join(STORE), OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the store");
    let accounts = rows(
        &store,
        "SELECT id, key, status, version, role_id, mfa, login, email, name, given_name, family_name, phone, mobile, \
         language, timezone, job_title, department, user_type, kind FROM users",
        account,
    );
    let memberships =
        rows(&store, "SELECT user_id, organization_id, role_id, default_site_id FROM memberships", |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, Option<i64>>(2)?,
                row.get::<_, Option<i64>>(3)?,
            ))
        });
    let grants = rows(&store, "SELECT user_id, organization_id, site_id, role_id FROM site_grants", |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, Option<i64>>(3)?))
    });
    // Nothing is given back at the end: the floor is what can't be saved.
    std::mem::forget(black_box((users, accounts, memberships, grants)));
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let mut profile: [Option<String>; 13] = Default::default();
    for (column, field) in (6..).zip(&mut profile) {
        *field = row.get(column)?;
    }
    Ok(Account {
        id: row.get(0)?,
        key: row.get(1)?,
        status: row.get(2)?,
        version: row.get(3)?,
        role: row.get(4)?,
        mfa: row.get(5)?,
        profile,
    })
}

fn rows<T>(store: &Connection, query: &str, parse: fn(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
    let mut statement = store.prepare(query).expect("a query");
    statement.query_map([], parse).expect("rows").map(|row| row.expect("a row")).collect()
}
