//! In an emergency: `--target`, and `deactivate`, which stays whatever the next run finds declared.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use rollcall::journal::{Holder, Journal, Who, holder};

use crate::support::cli::{Repository, Run};

fn with_people() -> Repository {
    let repository = Repository::applied();
    for key in ["ana@example.com", "ben@example.com"] {
        repository.run(["invitations", "accept", key]).ends_with(0);
    }
    repository
}

fn status(repository: &Repository, key: &str) -> String {
    repository.store().query_row("SELECT status FROM users WHERE key = ?1", [key], |row| row.get(0)).expect("a status")
}

#[test]
fn a_target_is_planned_alone_with_what_it_needs() {
    let repository = Repository::small();
    let plan = repository.run(["plan", "--target", "ben@example.com", "--format", "json"]).ends_with(0).json();
    let ids: Vec<&str> = plan["actions"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert!(ids.iter().any(|id| id.starts_with("invite_user")), "{ids:?}");
    assert!(ids.iter().any(|id| id.contains("create_site")), "{ids:?}");
    assert!(!ids.iter().any(|id| id.contains("ana") || id.contains("pit-2") || id.contains("manager")), "{ids:?}");
    let digest = plan["digest"].as_str().expect("a digest");
    repository.run(["apply", "--target", "ben@example.com", "--approved", digest]).ends_with(0);
    assert_eq!(status(&repository, "ben@example.com"), "invited");
    repository.run(["plan", "--target", "ben@example.com"]).ends_with(0).prints("no changes");
    // The next run does the rest and undoes nothing.
    let rest = repository.run(["plan"]);
    rest.ends_with(0);
    assert!(rest.out.contains("ana@example.com") && !rest.out.contains("ben@example.com"), "{rest}");
}

#[test]
fn an_unknown_key_is_answered_with_the_likely_ones() {
    let repository = with_people();
    repository.run(["plan", "--target", "bne@example.com"]).ends_with(3).tells("ben@example.com").prints_nothing();
    repository.run(["apply", "--target", "bne@example.com", "--yes"]).ends_with(3);
    repository.run(["deactivate", "bne@example.com", "--yes"]).ends_with(3).tells("ben@example.com").prints_nothing();
}

#[test]
fn a_lock_out_needs_no_valid_manifests_and_stays() {
    let repository = with_people();
    let good = repository.read("access/all.yaml");
    repository.write("access/all.yaml", "users: [\n");
    repository.run(["deactivate", "ben@example.com"]).ends_with(3).tells("--yes");
    let run = repository.run(["deactivate", "BEN@example.com", "--yes"]);
    run.ends_with(0).tells("status: inactive").tells("not valid");
    assert_eq!(status(&repository, "ben@example.com"), "inactive");
    assert!(repository.read(".rollcall/journal-local.jsonl").contains("deactivate_user"));
    repository.run(["deactivate", "ben@example.com"]).ends_with(0).prints("inactive already");
    repository.write("access/all.yaml", &good);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["apply", "--target", "ben@example.com", "--yes"]).ends_with(0);
    assert_eq!(status(&repository, "ben@example.com"), "inactive");
    let plan = repository.run(["plan", "--format", "json"]).json();
    assert_eq!(plan["deferred"][0]["waits_for"], "decision");
    repository.edit("access/all.yaml", "  ben@example.com:\n", "  ben@example.com:\n    status: active\n");
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(status(&repository, "ben@example.com"), "active");
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0).tells("`status: active`: it does not undo");
}

#[test]
fn a_cancelled_invitation_is_not_sent_again() {
    let repository = Repository::applied();
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0).prints("cancelled");
    repository.run(["apply", "--yes"]).ends_with(0);
    let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    assert_eq!(plan["actions"].as_array().map(Vec::len), Some(0), "{plan}");
    assert_eq!(plan["deferred"][0]["waits_for"], "decision");
    repository.edit("access/all.yaml", "  ben@example.com:\n", "  ben@example.com:\n    status: active\n");
    repository.run(["apply", "--yes"]).ends_with(0).prints("invited");
}

#[test]
fn what_was_stripped_stays_so() {
    let repository = with_people();
    repository.edit(
        "rollcall.yaml",
        "rules: default",
        "rules: { extends: default, offboarding: [strip], allows: { delete: null } }",
    );
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    assert_eq!(plan["actions"].as_array().map(Vec::len), Some(0), "{plan}");
    assert!(!plan["deferred"].as_array().unwrap().is_empty(), "{plan}");
}

#[test]
fn the_last_admin_can_be_locked_out_and_what_is_protected_can_not() {
    let repository = with_people();
    repository.write(
        "rollcall.yaml",
        &format!(
            "{}guards: {{ self: ana@example.com, protected_users: [ben@example.com] }}\n",
            repository.read("rollcall.yaml")
        ),
    );
    repository.run(["deactivate", "ana@example.com", "--yes"]).ends_with(1).tells("guards.self");
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(1).tells("guards.protected_users");
    repository.edit("rollcall.yaml", "self: ana@example.com, protected_users: [ben@example.com]", "min_admins: 1");
    repository.run(["deactivate", "ana@example.com", "--yes"]).ends_with(0);
    assert_eq!(status(&repository, "ana@example.com"), "inactive");
}

#[test]
fn a_new_key_does_not_undo_a_lock_out() {
    let repository = Repository::applied();
    repository.run(["deactivate", "--yes", "ben@example.com"]).ends_with(0);
    repository.edit("access/all.yaml", "ben@example.com:\n", "bo@example.com:\n    previously: ben@example.com\n");
    let run = repository.run(["plan"]);
    run.ends_with(0).prints("no changes").prints("bo@example.com");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "    previously: ben", "    status: active\n    previously: ben");
    repository.run(["plan"]).ends_with(0).prints("invited");
}

#[test]
fn the_store_remembers_a_lock_out_without_the_journal() {
    let repository = Repository::applied();
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0).prints("invitation cancelled");
    std::fs::remove_file(repository.file(".rollcall/journal-local.jsonl")).expect("the journal");
    for _ in 0..2 {
        let run = repository.run(["apply", "--yes"]);
        assert!(!run.out.contains("invited"), "{}{}", run.out, run.err);
    }
    repository.run(["plan"]).prints("no changes").prints("ben@example.com was locked out");
    repository.edit("access/all.yaml", "ben@example.com:\n", "ben@example.com:\n    status: active\n");
    repository.run(["plan"]).prints("invited: operator of north");
}

#[test]
fn a_store_that_was_made_without_a_memory_of_lock_outs_gets_one() {
    let repository = Repository::applied();
    repository.sql("DROP TRIGGER users_lock_out_follows; DROP TRIGGER users_lock_out_ends; DROP TABLE lock_outs");
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0);
    std::fs::remove_file(repository.file(".rollcall/journal-local.jsonl")).expect("the journal");
    repository.run(["plan"]).ends_with(0).prints("no changes").prints("ben@example.com was locked out");
}

const JOURNAL: &str = ".rollcall/journal-local.jsonl";

/// The statement for the store that a message names.
#[track_caller]
fn statement(told: &str) -> String {
    let (_, rest) = told.split_once("sqlite3 .rollcall/store.db \"").unwrap_or_else(|| panic!("no statement: {told}"));
    rest.split_once('"').expect("its end").0.to_owned()
}

fn git(folder: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com"];
    let run = Command::new("git").args(identity).args(arguments).current_dir(folder).output().expect("git is there");
    assert!(run.status.success(), "{arguments:?}: {run:?}");
}

#[test]
fn with_broken_settings_the_other_ways_are_named_and_work() {
    let repository = with_people();
    repository.write(".gitignore", "/.rollcall/\n");
    git(repository.path(), &["init", "-q"]);
    git(repository.path(), &["add", "."]);
    git(repository.path(), &["commit", "-q", "-m", "good"]);
    let good = repository.read("rollcall.yaml");
    for broken in ["version: 1\nstores: [\n", "version: 7\n", "\u{0}"] {
        repository.write("rollcall.yaml", broken);
        let run = repository.run(["-q", "deactivate", "ben@example.com", "--yes"]);
        run.ends_with(3).tells("rollcall.yaml:").prints_nothing();
        run.tells("help: settings that were good before will do: `git log --oneline -- rollcall.yaml`");
        run.tells("in the vendor's own console");
        assert_eq!(status(&repository, "ben@example.com"), "active");
        repository.sql(&format!("BEGIN; {}; ROLLBACK", statement(&run.err).split("; SELECT").next().unwrap()));
    }
    git(repository.path(), &["checkout", "-q", "HEAD", "--", "rollcall.yaml"]);
    assert_eq!(repository.read("rollcall.yaml"), good);
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0);
    // Settings that are not there, and a command line that is wrong, tell it as well.
    std::fs::remove_file(repository.file("rollcall.yaml")).unwrap();
    let run = repository.run(["deactivate", "Ana@example.com", "--yes"]);
    run.ends_with(3).tells("there is no rollcall.yaml to read").tells("git log");
    let deed = statement(&run.err);
    repository.store().execute(deed.split(';').next().unwrap(), []).unwrap();
    assert_eq!(status(&repository, "ana@example.com"), "inactive");
    repository.write("rollcall.yaml", &good);
    let plan = repository.run(["plan"]);
    assert!(!plan.out.contains("reactivated"), "{plan}");
    let run = repository.run(["deactivate", "ana@example.com", "--yes", "--store", "other"]);
    run.ends_with(3).tells("there is no store `other`").tells("sqlite3 .rollcall/store.db");
}

/// What stands in a message is typed into a shell by somebody who is half asleep.
#[test]
fn no_key_is_put_into_a_statement_that_would_do_something_else_there() {
    let repository = with_people();
    repository.write("rollcall.yaml", "version: 7\n");
    for key in ["x'; DELETE FROM users; --", "$(id)@example.com", "`id`", "a\"b"] {
        let run = repository.run(["deactivate", key, "--yes"]);
        run.ends_with(3).tells("WHERE key = 'KEY' COLLATE NOCASE");
        assert!(!run.err.contains("DELETE") && !run.err.contains("(id)") && !run.err.contains("`id`"), "{run}");
    }
}

#[test]
fn who_waits_for_another_run_is_told_which_one_and_what_can_be_done() {
    let repository = with_people();
    let path = repository.file(JOURNAL);
    let mut held = Journal::open(&path).unwrap();
    assert_eq!(holder(&path), None);
    let since: Timestamp = "2026-11-22T03:00:00Z".parse().unwrap();
    let who = Who { user: Some("kim".to_owned()), actor: None, job: Some("42".to_owned()) };
    held.held_by(&path, &Holder { process: 4_711, command: "rollcall apply --yes".to_owned(), since, who });
    for command in [["deactivate", "ben@example.com", "--yes"].as_slice(), &["apply", "--yes"]] {
        let mut child =
            repository.command(command).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a run");
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        for told in ["process 4711, `rollcall apply --yes`, since 2026-11-22T03:00:00Z, by kim, job 42", "`kill 4711`"]
        {
            assert!(line.contains(told), "{told}: {line}");
        }
        assert_eq!(
            line.contains("not to wait, do it in the store itself: sqlite3"),
            command[0] == "deactivate",
            "{line}"
        );
    }
    drop(held);
    assert_eq!(holder(&path), None, "a run takes its note away");

    // One that could not leave a note, or was found before it did.
    // Other tests start programs, which have a lock of this process until they begin.
    let held = Journal::open_within(&path, Duration::from_secs(20), &mut || {}).unwrap();
    let mut child = repository
        .command(["deactivate", "ben@example.com", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a run");
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    assert!(line.contains("which one is not known") && line.contains("sqlite3 .rollcall/store.db"), "{line}");
    drop(held);
    told.read_to_string(&mut line).unwrap();
    assert!(child.wait().unwrap().success(), "{line}");
    assert_eq!(status(&repository, "ben@example.com"), "inactive");
    assert_eq!(holder(&path), None, "{line}");
}

#[test]
fn a_note_of_who_has_the_journal_is_not_written_through_a_link() {
    let repository = with_people();
    let target = repository.file("victim");
    std::fs::write(&target, "kept").unwrap();
    std::os::unix::fs::symlink(&target, repository.file(".rollcall/journal-local.holder")).unwrap();
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(repository.read("victim"), "kept");
}

/// At three in the morning the disk is full, the journal is a folder, the store is held by somebody's shell.
#[test]
fn whatever_keeps_a_lock_out_from_being_done_the_way_around_is_named() {
    let deactivate = |repository: &Repository| -> Run {
        let run = repository.run(["-q", "deactivate", "ben@example.com", "--yes"]);
        run.ends_with(1).tells("sqlite3 .rollcall/store.db");
        statement(&run.err);
        run
    };
    let repository = with_people();
    std::fs::remove_file(repository.file(JOURNAL)).unwrap();
    std::fs::create_dir(repository.file(JOURNAL)).unwrap();
    deactivate(&repository).tells("check what it is");
    let repository = with_people();
    let settings = repository.read("rollcall.yaml");
    repository.write("rollcall.yaml", &format!("{settings}guards: {{ protected_users: [ben@example.com] }}\n"));
    deactivate(&repository).tells("guards.protected_users");
}

/// A login typed into the store by hand with its accent apart from its letter is that of the same person.
#[test]
fn a_login_with_its_accents_apart_is_locked_out_and_leaves() {
    let rules = "{ extends: default, identity: { key: login, case: sensitive }, onboarding: create }";
    for by_list in [false, true] {
        let repository = Repository::empty();
        repository.write(
            "rollcall.yaml",
            &format!(
                "version: 1\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {rules} }} }}\n\
                 manage: {{ absent_users: report }}\nguards: {{ min_admins: 0 }}\n"
            ),
        );
        let catalog = "organizations: { north: {} }\nroles: { chief: { admin: true } }\n\
                       users: { ana: { email: ana@example.com, access: { north: chief } } }\n";
        repository.write("access/all.yaml", catalog);
        repository.run(["init"]).ends_with(0);
        repository.run(["apply", "--yes"]).ends_with(0);
        repository.sql("INSERT INTO users (key, status, email) VALUES ('e\u{301}ric', 'active', 'eric@example.com')");
        repository.sql("INSERT INTO memberships (user_id, organization_id, role_id) VALUES (2, 1, 1)");
        if by_list {
            repository.write("access/all.yaml", &format!("{catalog}inactive: [\u{e9}ric]\n"));
            repository.run(["apply", "--yes"]).ends_with(0);
            repository.run(["plan"]).ends_with(0).prints("no changes");
        } else {
            repository.run(["deactivate", "\u{e9}ric", "--yes"]).ends_with(0);
        }
        let status: String = repository
            .store()
            .query_row("SELECT status FROM users WHERE id = 2", [], |row| row.get(0))
            .expect("the account");
        assert_eq!(status, "inactive", "{by_list}");
    }
}
