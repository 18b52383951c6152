//! The file: what is opened, made and refused.

use std::fs;
use std::path::Path;

use rollcall::rules::{Identity, KeyCase, KeyField, Rules};
use rollcall::store::sqlite::{SqliteReader, SqliteStore};
use rollcall::store::{Reader, StoreError};
use rusqlite::Connection;

use super::{Home, world};
use crate::support::{now, open_rules};

fn open_both(path: &Path, rules: &Rules) -> [Result<(), StoreError>; 2] {
    [SqliteReader::open(path, rules).map(|_| ()), SqliteStore::open(path, rules.clone(), None).map(|_| ())]
}

fn assert_refused(path: &Path, rules: &Rules, is_invalid: bool, advice: &str) {
    for opened in open_both(path, rules) {
        let error = opened.expect_err(advice);
        assert!(error.message.contains(advice), "{} does not contain {advice}", error.message);
        assert_eq!(error.is_invalid, is_invalid, "{error:?}");
    }
}

#[test]
fn a_missing_file_is_no_empty_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    assert_refused(&path, &open_rules(), false, "run `rollcall init`");
    assert!(!path.exists(), "opening makes nothing");
    assert_refused(folder.path(), &open_rules(), true, "is no file");
}

#[test]
fn a_file_that_is_something_else_is_refused() {
    let home = Home::new();
    let other = home.folder.path().join("other.db");
    fs::write(&other, "").expect("a file");
    assert_refused(&other, &home.rules, true, "is no store of rollcall");
    fs::write(&other, "users: {}\n".repeat(1_000)).expect("a file");
    assert_refused(&other, &home.rules, true, "is no SQLite file");
    fs::remove_file(&other).expect("a file");
    Connection::open(&other).and_then(|other| other.execute_batch("CREATE TABLE users (id)")).expect("a database");
    assert_refused(&other, &home.rules, true, "is no store of rollcall");
}

#[test]
fn a_newer_store_is_refused() {
    let home = Home::new();
    home.shell().pragma_update(None, "user_version", 2).expect("a pragma");
    assert_refused(&home.path(), &home.rules, true, "use a newer rollcall");
    home.shell().pragma_update(None, "user_version", 0).expect("a pragma");
    assert_refused(&home.path(), &home.rules, true, "backup");
}

#[test]
fn a_damaged_file_is_an_error() {
    let home = world();
    let shell = home.shell();
    shell.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a checkpoint");
    drop(shell);
    let mut bytes = fs::read(home.path()).expect("a file");
    for byte in &mut bytes[4096..] {
        *byte = 0x5a;
    }
    fs::write(home.path(), bytes).expect("a file");
    for opened in open_both(&home.path(), &home.rules) {
        let error = opened.expect_err("a damaged file");
        assert!(error.message.contains("damaged"), "{}", error.message);
    }
}

#[test]
fn identity_rules_that_contradict_the_store_are_refused() {
    let home = Home::new();
    let mut rules = open_rules();
    rules.identity = Identity { key: Some(KeyField::Login), case: Some(KeyCase::Insensitive), ..Identity::default() };
    assert_refused(&home.path(), &rules, true, "was made for the key `email`");
    let home = Home::with(rules.clone());
    assert!(open_both(&home.path(), &rules).iter().all(Result::is_ok));
    rules.identity.case = None;
    assert_refused(&home.path(), &rules, true, "correct `identity`");
    let own = SqliteStore::open(&home.path(), home.rules.clone(), Some("svc-*")).expect_err("no key");
    assert!(own.is_invalid && own.message.contains("guards.self"), "{}", own.message);
}

#[test]
fn creating_overwrites_nothing() {
    let home = world();
    let before = home.show();
    let error = SqliteStore::create(&home.path(), &home.rules.identity).expect_err("it is there");
    assert!(error.message.contains("not overwritten"), "{}", error.message);
    assert_eq!(home.show(), before);
    let left: Vec<_> = fs::read_dir(home.folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .filter(|name| !matches!(name.as_str(), "store.db" | "store.db-wal" | "store.db-shm"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    // What a killed `init` left behind is in nobody's way.
    let path = home.folder.path().join("deep/er/store.db");
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(home.folder.path().join("deep/er/store.db.unfinished"), "half").expect("a file");
    SqliteStore::create(&path, &home.rules.identity).expect("a new store");
    assert!(open_both(&path, &home.rules).iter().all(Result::is_ok));
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let mode = fs::metadata(home.path()).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn each_store_has_an_id_of_its_own() {
    let id = |home: &Home| now(home.store().info()).expect("what it is").id;
    let (a, b) = (Home::new(), Home::new());
    assert_eq!(id(&a), id(&a));
    assert_ne!(id(&a), id(&b));
}

#[cfg(unix)]
#[test]
fn a_file_that_can_only_be_read_is_not_opened_for_writing() {
    use std::os::unix::fs::PermissionsExt;
    let home = world();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o400)).expect("permissions");
    // Whoever may do everything may write it all the same.
    if fs::OpenOptions::new().append(true).open(home.path()).is_ok() {
        return;
    }
    let error = SqliteStore::open(&home.path(), home.rules.clone(), None).expect_err("read-only");
    assert!(error.message.contains("write"), "{}", error.message);
    SqliteReader::open(&home.path(), &home.rules).expect("reading is enough for a plan");
}
