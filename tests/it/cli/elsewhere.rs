//! What settings and links name is what it says it is: nothing is written outside of the repository, into a file of
//! another kind, or for another person than the one who was named.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use rusqlite::Connection;

use crate::support::cli::{BINARY, Repository, Run};

const SETTINGS: &str = "version: 1\nstores: { local: { sqlite: { path: STORE } } }\nmanage: { absent_users: report }\n";

#[test]
fn a_sink_is_no_file_of_another_kind() {
    for (file, why) in [
        (".rollcall/store.db", "belongs to a store"),
        (".rollcall/store.db-wal", "belongs to a store"),
        (".rollcall/journal-local.jsonl", "is a journal"),
        ("rollcall.yaml", "is a YAML file"),
        ("access/all.yaml", "is a YAML file"),
        ("access/secrets", "stands among the manifests"),
        (".git/config", "belongs to git"),
    ] {
        let repository = Repository::applied();
        let before = repository.read("rollcall.yaml");
        repository.write("rollcall.yaml", &format!("{before}secrets: {{ sink: {{ file: {file} }} }}\n"));
        let run = repository.run(["validate"]);
        run.ends_with(3).tells(&format!("`{file}` {why}")).tells("rollcall.yaml:4:");
        repository.run(["apply", "--yes"]).ends_with(3);
    }
}

#[test]
fn an_outbox_is_no_folder_of_git_and_none_of_manifests() {
    for folder in [".git/hooks", "access"] {
        let repository = Repository::small();
        let before = repository.read("rollcall.yaml");
        let mail = format!("{before}mail: {{ from: access@example.com, outbox: {folder} }}\n");
        repository.write("rollcall.yaml", &mail);
        repository.run(["apply", "--yes"]).ends_with(3).tells("rollcall.yaml:4:");
    }
}

#[test]
fn a_link_leads_no_store_and_no_mail_out_of_the_repository() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let is_empty = || fs::read_dir(elsewhere.path()).expect("readable").next().is_none();

    let repository = Repository::empty();
    repository.write("rollcall.yaml", &SETTINGS.replace("STORE", "sub/x.db"));
    symlink(elsewhere.path(), repository.file("sub")).expect("linked");
    let run = repository.run(["init", "--format", "json"]);
    run.ends_with(3).tells("leads out of the access repository");
    let place = &run.json()["diagnostics"][0];
    assert_eq!((&place["file"], &place["line"]), (&"rollcall.yaml".into(), &2.into()));
    assert!(is_empty());

    let repository = Repository::small();
    symlink(elsewhere.path(), repository.file(".rollcall/outbox")).expect("linked");
    repository.run(["apply", "--yes"]).ends_with(3).tells("leads out of the access repository");
    assert!(is_empty());

    // What is named by its whole path is meant.
    let repository = Repository::empty();
    let path = elsewhere.path().join("x.db");
    repository.write("rollcall.yaml", &SETTINGS.replace("STORE", &path.to_string_lossy()));
    repository.run(["init"]).ends_with(0);
    assert!(path.exists());
}

#[test]
fn what_is_done_unseen_is_done_for_a_whole_key_and_never_for_a_name_that_somebody_chose() {
    let repository = Repository::applied();
    let all = repository.read("access/all.yaml");
    let cyd = "  cyd@example.com: { name: zoe@example.com, access: { north: manager } }\n";
    repository.write("access/all.yaml", &format!("{all}{cyd}"));
    for key in ["zoe@example.com", "zoe", "cyd@example", "cyd"] {
        let run = repository.run(["apply", "--yes", "--target", key]);
        run.ends_with(3).tells(&format!("nobody has the key `{key}`")).tells("did you mean `cyd@example.com`?");
    }
    // What could be the address of somebody else is no part of a name, and a plan writes nothing.
    repository.run(["plan", "--target", "zoe@example.com"]).ends_with(3).tells("did you mean `cyd@example.com`?");
    repository.run(["plan", "--target", "zoe"]).ends_with(0).prints("cyd@example.com");
    repository.run(["plan", "--target", "CYD@Example.com"]).ends_with(0).prints("cyd@example.com");
}

#[test]
fn a_file_left_by_a_writer_that_was_killed_is_taken_back_by_whoever_reads_next() {
    let repository = Repository::applied();
    let path = repository.file(".rollcall/store.db");
    repository.sql("PRAGMA journal_mode = delete");
    // A copy in the middle of a transaction is what a kill leaves.
    let copy = repository.file("copy.db");
    let store = Connection::open(&path).expect("the store");
    store
        .execute_batch(
            "PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN IMMEDIATE; UPDATE users SET status = 'inactive'",
        )
        .expect("begun");
    for number in 0..2_000 {
        let sql = format!("INSERT INTO organizations (name) VALUES ('o{number}')");
        store.execute_batch(&sql).expect("one more");
    }
    fs::copy(&path, &copy).expect("copied");
    fs::copy(repository.file(".rollcall/store.db-journal"), repository.file("copy.db-journal")).expect("copied");
    drop(store);
    fs::copy(&copy, &path).expect("put back");
    fs::copy(repository.file("copy.db-journal"), repository.file(".rollcall/store.db-journal")).expect("put back");
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0);
}

/// Runs a command with at most so many files open.
fn with_few_files(repository: &Repository, arguments: &[&str], most: u32) -> Run {
    let mut shell = Command::new("sh");
    let script = format!("ulimit -n {most}; exec \"$0\" \"$@\"");
    Run::of(shell.arg("-c").arg(script).arg(BINARY).args(arguments).current_dir(repository.path()))
}

#[test]
fn a_limit_of_the_system_ends_with_a_code_that_means_so() {
    let repository = Repository::applied();
    for most in 4..20 {
        let run = with_few_files(&repository, &["plan"], most);
        assert!(matches!(run.code, Some(0 | 1 | 3)), "{run}");
    }
}
