//! A lock-out by an operator stays, whatever manifests lie in the folder at that moment or are read by a later run, and
//! where a message had the operator do it without this program.

use std::process::Command;

use crate::support::cli::Repository;

const KEY: &str = "ben@example.com";

fn with_people() -> Repository {
    let repository = Repository::applied();
    for key in ["ana@example.com", KEY] {
        repository.run(["invitations", "accept", key]).ends_with(0);
    }
    repository
}

fn status(repository: &Repository, key: &str) -> String {
    repository.store().query_row("SELECT status FROM users WHERE key = ?1", [key], |row| row.get(0)).expect("a status")
}

fn declare_active(repository: &Repository) {
    repository.edit("access/all.yaml", "  ben@example.com:\n", "  ben@example.com:\n    status: active\n");
}

fn declare_nothing(repository: &Repository) {
    repository.edit("access/all.yaml", "    status: active\n", "");
}

/// Does what a message says, by the shell: `None` where there is no `sqlite3` to do it with.
fn do_it(repository: &Repository, told: &str) -> Option<String> {
    let (_, rest) = told.split_once("sqlite3 .rollcall/store.db \"").unwrap_or_else(|| panic!("no statement: {told}"));
    let line = format!("sqlite3 .rollcall/store.db \"{}\"", rest.split_once('"').expect("its end").0);
    let run = Command::new("sh").args(["-c", &line]).current_dir(repository.path()).output().expect("a shell");
    if run.status.code() == Some(127) {
        return None;
    }
    assert!(run.status.success(), "{line}: {run:?}");
    Some(String::from_utf8_lossy(&run.stdout).trim().to_owned())
}

#[test]
fn the_statement_of_the_way_around_is_not_undone_by_a_line_that_stood_there() {
    let repository = with_people();
    declare_active(&repository);
    repository.run(["apply", "--yes"]).ends_with(0);
    let good = repository.read("rollcall.yaml");
    repository.write("rollcall.yaml", &format!("{good}x: 1\n"));
    let run = repository.run(["deactivate", KEY, "--yes"]);
    run.ends_with(3);
    let Some(printed) = do_it(&repository, &run.err) else { return };
    assert_eq!(printed, "1");
    repository.write("rollcall.yaml", &good);
    for _ in 0..2 {
        let plan = repository.run(["apply", "--yes"]);
        plan.ends_with(0).prints("may be older");
        assert_eq!(status(&repository, KEY), "inactive");
    }
    // Done once more by rollcall it stands in the journal, too, and a later decision counts.
    repository.run(["deactivate", KEY, "--yes"]).ends_with(0);
    declare_nothing(&repository);
    repository.run(["apply", "--yes"]).ends_with(0);
    declare_active(&repository);
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(status(&repository, KEY), "active");
}

#[test]
fn the_statement_holds_the_key_with_its_quotes_doubled() {
    let repository = with_people();
    repository.sql("UPDATE users SET key = 'o''brien@example.com' WHERE key = 'ben@example.com'");
    repository.write("rollcall.yaml", "version: 7\n");
    let run = repository.run(["deactivate", "o'brien@example.com", "--yes"]);
    run.ends_with(3).tells("WHERE key = 'o''brien@example.com' COLLATE NOCASE");
    if let Some(printed) = do_it(&repository, &run.err) {
        assert_eq!(printed, "1");
        assert_eq!(status(&repository, "o'brien@example.com"), "inactive");
    }
}

#[test]
fn in_a_file_that_is_not_the_store_nobody_is_told_to_write() {
    let missing = |repository: &Repository| std::fs::remove_file(repository.file(".rollcall/store.db")).unwrap();
    let write = |repository: &Repository, bytes: &[u8]| {
        std::fs::write(repository.file(".rollcall/store.db"), bytes).unwrap();
    };
    let damaged = |repository: &Repository| {
        repository.sql("PRAGMA wal_checkpoint(TRUNCATE)");
        let mut bytes = std::fs::read(repository.file(".rollcall/store.db")).unwrap();
        bytes.truncate(bytes.len() / 2);
        write(repository, &bytes);
    };
    let empty = |repository: &Repository| write(repository, b"");
    let foreign = |repository: &Repository| write(repository, &[b'x'; 4096]);
    let tables = |repository: &Repository| repository.sql("DROP TABLE meta");
    for deed in [&missing as &dyn Fn(&Repository), &damaged, &empty, &foreign, &tables] {
        let repository = with_people();
        deed(&repository);
        let run = repository.run(["deactivate", KEY, "--yes"]);
        assert_ne!(run.code, Some(0), "{run}");
        run.tells("put the backup of `.rollcall/store.db` back").tells("then run this again");
        assert!(!run.err.contains("UPDATE"), "{run}");
    }
}

/// Bob is deactivated from a checkout of yesterday, in which no line says `status: active`.
#[test]
fn manifests_of_yesterday_settle_nothing() {
    let repository = with_people();
    repository.run(["deactivate", KEY, "--yes"]).ends_with(0);
    declare_active(&repository);
    repository.run(["apply", "--yes"]).ends_with(0).prints("may be older");
    assert_eq!(status(&repository, KEY), "inactive");
    // Nor where the person had nothing left to take.
    repository.run(["deactivate", KEY, "--yes"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0).prints("may be older");
}

#[test]
fn other_manifests_settle_nothing() {
    let repository = with_people();
    declare_active(&repository);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.write(
        "other/all.yaml",
        "organizations: { north: {} }\nroles: { manager: { rank: 40, admin: true } }\n\
         users: { ana@example.com: { access: { north: manager } } }\n",
    );
    repository.run(["deactivate", KEY, "--yes", "--manifests", "other"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0).prints("may be older");
    // They do not name the person.
    let run = repository.run(["apply", "--yes", "--manifests", "other"]);
    assert_eq!(run.code, Some(0), "{run}");
    repository.run(["apply", "--yes"]).ends_with(0).prints("may be older");
    // They do, without the line, and are not those of the settings.
    let text = repository.read("access/all.yaml").replace("    status: active\n", "");
    repository.write("other/all.yaml", &text);
    repository.run(["apply", "--yes", "--manifests", "other"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0).prints("may be older");
    assert_eq!(status(&repository, KEY), "inactive");
    // Those of the settings do.
    declare_nothing(&repository);
    repository.run(["apply", "--yes"]).ends_with(0);
    declare_active(&repository);
    let plan = repository.run(["plan"]);
    plan.ends_with(0).prints("had been locked out by an operator");
    assert!(plan.all().contains("`ben@example.com` was locked out by an operator on 20"), "{plan}");
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(status(&repository, KEY), "active");
}

#[test]
fn with_broken_manifests_a_key_without_an_account_is_locked_out() {
    let repository = Repository::small();
    let good = repository.read("access/all.yaml");
    repository.write("access/all.yaml", "users: [\n");
    let run = repository.run(["deactivate", KEY, "--yes"]);
    run.ends_with(0).tells("the manifests can't be read, and nobody in the store has the key ben@example.com");
    repository.run(["deactivate", "ben", "--yes"]).ends_with(3);
    repository.write("access/all.yaml", &good);
    let run = repository.run(["apply", "--yes"]);
    run.ends_with(0).prints("ben@example.com was locked out");
    let invited: i64 = repository
        .store()
        .query_row("SELECT count(*) FROM users WHERE key = 'ben@example.com'", [], |row| row.get(0))
        .expect("a number");
    assert_eq!(invited, 0, "{run}");
}

#[test]
fn who_is_protected_and_has_no_account_is_not_locked_out() {
    let repository = Repository::small();
    let settings = repository.read("rollcall.yaml");
    repository.write(
        "rollcall.yaml",
        &format!("{settings}guards: {{ self: ana@example.com, protected_users: [ben@example.com] }}\n"),
    );
    repository.run(["deactivate", KEY, "--yes"]).ends_with(1).tells("guards.protected_users");
    repository.run(["deactivate", "ana@example.com", "--yes"]).ends_with(1).tells("guards.self");
    let count = "SELECT count(*) FROM lock_outs";
    assert_eq!(repository.store().query_row(count, [], |row| row.get::<_, i64>(0)), Ok(0));
}

#[test]
fn a_journal_that_was_deleted_is_told_by_a_plan() {
    let repository = with_people();
    std::fs::remove_file(repository.file(".rollcall/journal-local.jsonl")).expect("the journal");
    repository.run(["plan"]).ends_with(0).tells("there is no journal").tells("the store has seen line");
}

/// A copy of the store is put back that is older than a lock-out.
fn put_back(repository: &Repository) {
    put_back_after(repository, || {
        repository.run(["deactivate", KEY, "--yes"]).ends_with(0);
    });
}

/// A copy of the store is put back that is older than all this.
fn put_back_after(repository: &Repository, things_happen: impl FnOnce()) {
    let path = |name: &str| repository.file(&format!(".rollcall/{name}"));
    repository.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    std::fs::copy(path("store.db"), path("backup.db")).expect("a copy");
    things_happen();
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        std::fs::remove_file(path(name)).ok();
    }
    std::fs::copy(path("backup.db"), path("store.db")).expect("put back");
}

#[test]
fn who_is_in_again_by_an_old_backup_is_planned_out_again() {
    let repository = with_people();
    declare_active(&repository);
    repository.run(["apply", "--yes"]).ends_with(0);
    put_back(&repository);
    assert_eq!(status(&repository, KEY), "active");
    let reason = "locked out by an operator, which the store has forgotten";
    repository.run(["plan", "--detailed-exitcode"]).ends_with(2).prints(reason);
    repository.run(["apply", "--yes"]).ends_with(0).prints("deactivated");
    assert_eq!(status(&repository, KEY), "inactive");
    repository.run(["apply", "--yes"]).ends_with(0).prints("may be older");
    // By the store alone.
    std::fs::remove_file(repository.file(".rollcall/journal-local.jsonl")).expect("the journal");
    repository.run(["apply", "--yes"]).ends_with(0).prints("may be older");
    assert_eq!(status(&repository, KEY), "inactive");
}

/// The backup may be older than a rename that came before the lock-out: the journal knows both keys.
#[test]
fn who_is_in_again_under_a_former_key_is_planned_out_again() {
    for is_still_said in [true, false] {
        let repository = with_people();
        put_back_after(&repository, || {
            for (from, to) in [(KEY, "ben.b@example.com"), ("ben.b@example.com", "ben.c@example.com")] {
                let all = repository.read("access/all.yaml").replace(&format!("    previously: {KEY}\n"), "");
                let renamed = format!("  {to}:\n    previously: {from}\n");
                repository.write("access/all.yaml", &all.replace(&format!("  {from}:\n"), &renamed));
                repository.run(["apply", "--yes"]).ends_with(0).prints("renamed");
            }
            repository.run(["deactivate", "ben.c@example.com", "--yes"]).ends_with(0);
        });
        let all = repository.read("access/all.yaml");
        let line = "    previously: ben.b@example.com\n";
        let is_said = |text: &str| if is_still_said { format!("    previously: {text}\n") } else { String::new() };
        repository.write("access/all.yaml", &all.replace(line, &is_said(KEY)));
        assert_eq!(status(&repository, KEY), "active");
        repository.run(["plan", "--detailed-exitcode"]).ends_with(2);
        repository.run(["apply", "--yes"]).ends_with(0);
        let query = "SELECT count(*) FROM users WHERE key LIKE 'ben%' AND status <> 'inactive'";
        let left: u32 = repository.store().query_row(query, [], |row| row.get(0)).expect("a count");
        assert_eq!(left, 0, "{is_still_said}");
        repository.run(["apply", "--yes"]).ends_with(0);
        // By the store alone.
        std::fs::remove_file(repository.file(".rollcall/journal-local.jsonl")).expect("the journal");
        repository.run(["apply", "--yes"]).ends_with(0);
        let left: u32 = repository.store().query_row(query, [], |row| row.get(0)).expect("a count");
        assert_eq!(left, 0, "{is_still_said}");
    }
}

/// Whoever was let in under a key after it was given up is not who is locked out.
#[test]
fn a_former_key_of_somebody_locked_out_may_be_somebody_else_s() {
    let repository = with_people();
    put_back_after(&repository, || {
        repository.edit(
            "access/all.yaml",
            "  ben@example.com:\n",
            "  ben.b@example.com:\n    previously: ben@example.com\n",
        );
        repository.run(["apply", "--yes"]).ends_with(0);
        let all = repository.read("access/all.yaml").replace("    previously: ben@example.com\n", "");
        repository.write("access/all.yaml", &format!("{all}  ben@example.com: {{ access: {{ north: operator }} }}\n"));
        repository.run(["apply", "--yes"]).ends_with(0);
        repository.run(["deactivate", "ben.b@example.com", "--yes"]).ends_with(0);
    });
    let explained = repository.run(["explain", KEY]);
    explained.ends_with(0);
    assert!(!explained.all().contains("locked out"), "{explained}");
}

/// Where the plan can't take the person out, nothing that was approved covers it.
#[test]
fn who_is_in_again_and_stays_so_is_never_done() {
    let repository = with_people();
    put_back(&repository);
    let settings = repository.read("rollcall.yaml");
    repository.write("rollcall.yaml", &format!("{settings}guards: {{ protected_users: [ben@example.com] }}\n"));
    let plan = repository.run(["plan", "--format", "json"]);
    plan.ends_with(1);
    let digest = plan.json()["digest"].as_str().expect("a digest").to_owned();
    repository.run(["plan"]).ends_with(1).tells("rollcall deactivate ben@example.com");
    repository.run(["apply", "--approved", &digest]).ends_with(1).tells("locked out is in again");
    repository.run(["deactivate", KEY, "--release", "--yes"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(status(&repository, KEY), "active");
}

#[test]
fn a_saved_plan_that_leaves_somebody_in_is_not_applied() {
    let repository = with_people();
    repository.edit("access/all.yaml", "  ana@example.com:\n", "  ana@example.com:\n    given_name: Ana Maria\n");
    repository.run(["plan", "--out", "saved.json"]).ends_with(0);
    put_back(&repository);
    repository.run(["apply", "saved.json", "--yes"]).ends_with(1);
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(status(&repository, KEY), "inactive");
}

#[test]
fn a_lock_out_is_explained() {
    let repository = Repository::small();
    repository
        .run(["explain", "north"])
        .ends_with(0)
        .prints("2 people, 0 can log in")
        .prints("no account in the store");
    let repository = with_people();
    declare_active(&repository);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["explain", "north"]).ends_with(0).prints("2 people\n");
    repository.run(["deactivate", KEY, "--yes"]).ends_with(0);
    let run = repository.run(["explain", KEY]);
    run.ends_with(0).prints("locked out by an operator").prints(" since 20").prints("may be older and waits");
    let found = repository.run(["explain", KEY, "--format", "json"]).ends_with(0).json();
    assert_eq!(found["users"][0]["locked_out"]["status_active_waits"], true, "{found}");
    repository.run(["explain", "north"]).ends_with(0).prints("2 people, 1 can log in").prints("; locked out by");
    // Access that the store lacks is not on its way.
    repository.sql("DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE key = 'ben@example.com')");
    let run = repository.run(["explain", KEY]);
    run.ends_with(0).prints("not in the store: the person is locked out");
    assert!(!run.out.contains("not in the store yet"), "{run}");
}
