//! A lock-out by an operator stays: through nothing to take, a new key, a deletion, a backup, and a line that was there
//! before it. Only `status: active` that a manifest says after it lets the person in again.

use rollcall::model::{ActionKind, Names, Value, known};
use rollcall::plan::{Action, State, Subject};
use rollcall::store::sqlite::{LockOutNote, SqliteStore};
use rollcall::store::{Effect, Reader as _, Which, Writer as _};

use crate::support::cli::Repository;
use crate::support::{at, now, open_rules};

const JOURNAL: &str = ".rollcall/journal-local.jsonl";
const STRIPS: &str = "{ extends: default, offboarding: [strip], allows: { delete: null } }";

/// Two people of one organization, both in.
fn with_people(rules: &str) -> Repository {
    let repository = Repository::small();
    repository.edit("rollcall.yaml", "rules: default", &format!("rules: {rules}"));
    repository.run(["apply", "--yes"]).ends_with(0);
    for key in ["ana@example.com", "ben@example.com"] {
        repository.run(["invitations", "accept", key]).ends_with(0);
    }
    repository
}

fn lock_out(repository: &Repository, key: &str) {
    repository.run(["deactivate", key, "--yes"]).ends_with(0);
}

/// Applies, and demands that nothing is done and that this is told to wait.
#[track_caller]
fn waits(repository: &Repository, why: &str) {
    repository.run(["plan"]).ends_with(0).prints("no changes").prints(why);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes").prints(why);
}

fn declare(repository: &Repository, of: &str, status: &str) {
    repository.edit("access/all.yaml", &format!("  {of}:\n"), &format!("  {of}:\n    {status}\n"));
}

#[test]
fn a_lock_out_with_nothing_left_to_take_is_remembered() {
    for rules in ["default", STRIPS] {
        let repository = with_people(rules);
        // Nothing is left of the access at that moment.
        let gone = if rules == STRIPS {
            "DELETE FROM memberships WHERE user_id = 2"
        } else {
            "UPDATE users SET status = 'inactive' WHERE key = 'ben@example.com'"
        };
        repository.sql(gone);
        lock_out(&repository, "ben@example.com");
        std::fs::remove_file(repository.file(JOURNAL)).ok();
        if rules == STRIPS {
            waits(&repository, "ben@example.com was locked out");
        }
        let locked = "SELECT count(*) FROM lock_outs WHERE identity = 'ben@example.com' AND ended IS NULL";
        let locked: i64 = repository.store().query_row(locked, [], |row| row.get(0)).expect("a number");
        assert_eq!(locked, 1, "{rules}");
        declare(&repository, "ben@example.com", "status: active");
        repository.run(["plan"]).ends_with(0).prints("ben@example.com");
    }
}

/// Found by a what-if tester: who had declined was locked out, and `resend` let the person in with the old access.
#[test]
fn who_declined_and_was_locked_out_is_sent_nothing() {
    let repository = Repository::applied();
    repository.run(["invitations", "decline", "ben@example.com"]).ends_with(0);
    lock_out(&repository, "ben@example.com");
    waits(&repository, "ben@example.com was locked out");
    let run = repository.run(["invitations", "resend", "ben@example.com", "--yes"]);
    assert_ne!(run.code, Some(0), "{run}");
    // Where no invitation is ever cancelled the account stays.
    let keeps = "{ extends: default, invitations: { cancel: false } }";
    let repository = Repository::small();
    repository.edit("rollcall.yaml", "rules: default", &format!("rules: {keeps}"));
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["invitations", "decline", "ben@example.com"]).ends_with(0);
    lock_out(&repository, "ben@example.com");
    let run = repository.run(["invitations", "resend", "ben@example.com", "--yes"]);
    run.ends_with(1).tells("was locked out");
}

#[test]
fn an_invitation_that_can_not_be_cancelled_lets_nobody_in_who_is_locked_out() {
    let keeps = "{ extends: default, invitations: { cancel: false } }";
    let repository = Repository::small();
    repository.edit("rollcall.yaml", "rules: default", &format!("rules: {keeps}"));
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0).prints("can't be accepted any more");
    repository.run(["invitations", "accept", "ben@example.com"]).ends_with(1).tells("locked `ben@example.com` out");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["invitations", "accept", "ben@example.com"]).ends_with(1);
    declare(&repository, "ben@example.com", "status: active");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["invitations", "accept", "ben@example.com"]).ends_with(0);
}

#[test]
fn who_is_declared_and_has_no_account_can_be_locked_out() {
    let repository = Repository::small();
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0).prints("has no account");
    repository.run(["apply", "--yes"]).ends_with(0);
    waits(&repository, "ben@example.com was locked out");
    declare(&repository, "ben@example.com", "status: active");
    repository.run(["apply", "--yes"]).ends_with(0).prints("ben@example.com");
}

#[test]
fn a_deactivation_is_remembered_through_a_rename_in_a_manifest() {
    let repository = with_people("default");
    lock_out(&repository, "ben@example.com");
    repository.edit("access/all.yaml", "  ben@example.com:\n", "  old@example.com:\n    previously: ben@example.com\n");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "  old@example.com:\n    previously: ben@example.com\n", "  ben@example.com:\n");
    waits(&repository, "ben@example.com was locked out");
}

#[test]
fn a_deactivation_is_remembered_through_a_deletion() {
    let repository = with_people("default");
    repository.edit("rollcall.yaml", "absent_users: deactivate }", "absent_users: deactivate, grace: 0d }");
    repository.write(
        "rollcall.yaml",
        &format!("{}guards: {{ deletions: {{ max_count: 1 }} }}\n", repository.read("rollcall.yaml")),
    );
    lock_out(&repository, "ben@example.com");
    declare(&repository, "ben@example.com", "status: absent");
    repository.run(["apply", "--yes"]).ends_with(0);
    let left: i64 = repository.store().query_row("SELECT count(*) FROM users", [], |row| row.get(0)).expect("a number");
    assert_eq!(left, 1);
    repository.edit("access/all.yaml", "    status: absent\n", "");
    waits(&repository, "ben@example.com was locked out");
}

#[test]
fn a_lock_out_is_of_every_way_to_write_the_key() {
    let repository = Repository::empty();
    let rules = "{ extends: default, identity: { key: login, case: sensitive }, onboarding: create, \
                 offboarding: [strip], allows: null }";
    repository.write(
        "rollcall.yaml",
        &format!(
            "version: 1\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {rules} }} }}\n\
             manage: {{ absent_users: report }}\n"
        ),
    );
    let users = |key: &str| {
        format!(
            "organizations: {{ north: {{}} }}\nroles: {{ operator: {{ rank: 20 }} }}\n\
             users: {{ {key}: {{ email: ben@example.com, access: {{ north: operator }} }} }}\n"
        )
    };
    repository.write("access/all.yaml", &users("ben"));
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    lock_out(&repository, "ben");
    repository.write("access/all.yaml", &users("Ben"));
    waits(&repository, "Ben was locked out");
}

#[test]
fn a_lock_out_goes_along_with_a_key_that_is_changed_in_the_store() {
    let repository = with_people(STRIPS);
    lock_out(&repository, "ben@example.com");
    repository.sql("UPDATE users SET key = 'new@example.com' WHERE key = 'ben@example.com'");
    repository.edit("access/all.yaml", "  ben@example.com:\n", "  new@example.com:\n");
    waits(&repository, "new@example.com was locked out");
    // One that SQL can't compare is found by its account.
    repository.sql("UPDATE users SET key = 'béa@example.com' WHERE key = 'new@example.com'");
    repository.edit("access/all.yaml", "  new@example.com:\n", "  béa@example.com:\n");
    waits(&repository, "béa@example.com was locked out");
}

#[test]
fn a_backup_of_the_store_does_not_undo_a_deactivation() {
    let repository = with_people("default");
    let copies = ["store.db", "store.db-wal"];
    repository.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    let path = |name: &str| repository.file(&format!(".rollcall/{name}"));
    std::fs::copy(path(copies[0]), path("backup.db")).expect("a copy");
    lock_out(&repository, "ben@example.com");
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        std::fs::remove_file(path(name)).ok();
    }
    std::fs::copy(path("backup.db"), path(copies[0])).expect("put back");
    // The plan takes the person out again, whatever line is there.
    let again = "locked out by an operator, which the store has forgotten";
    repository.run(["plan", "--detailed-exitcode"]).ends_with(2).prints(again);
    declare(&repository, "ben@example.com", "status: active");
    repository.run(["plan", "--detailed-exitcode"]).ends_with(2).prints(again);
    repository.edit("access/all.yaml", "    status: active\n", "");
    // The two ways out.
    lock_out(&repository, "ben@example.com");
    repository.run(["apply", "--yes"]).ends_with(0);
    let status = "SELECT status FROM users WHERE key = 'ben@example.com'";
    let status: String = repository.store().query_row(status, [], |row| row.get(0)).expect("a status");
    assert_eq!(status, "inactive");
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        std::fs::remove_file(path(name)).ok();
    }
    std::fs::copy(path("backup.db"), path(copies[0])).expect("put back");
    repository.run(["plan"]).ends_with(0).prints(again);
    repository.run(["deactivate", "ben@example.com", "--release", "--yes"]).ends_with(0);
    declare(&repository, "ben@example.com", "status: active");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "    status: active\n", "");
    let plan = repository.run(["plan"]);
    assert!(!plan.all().contains("locked out"), "{plan}");
}

#[test]
fn a_store_that_forgot_a_cancelled_invitation_remembers_it_after_an_apply() {
    let repository = Repository::applied();
    lock_out(&repository, "ben@example.com");
    repository.sql("DELETE FROM lock_outs");
    waits(&repository, "ben@example.com was locked out");
    std::fs::remove_file(repository.file(JOURNAL)).expect("the journal");
    waits(&repository, "ben@example.com was locked out");
}

#[test]
fn a_line_that_is_older_than_the_lock_out_waits() {
    let repository = with_people("default");
    declare(&repository, "ben@example.com", "status: active");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0).tells("does not undo this lock-out");
    waits(&repository, "the line `status: active` may be older");
    // Taken out, seen without it, and said again.
    repository.edit("access/all.yaml", "    status: active\n", "");
    repository.run(["apply", "--yes"]).ends_with(0);
    declare(&repository, "ben@example.com", "status: active");
    repository.run(["apply", "--yes"]).ends_with(0).prints("ben@example.com");
    // Or released by name.
    lock_out(&repository, "ben@example.com");
    waits(&repository, "the line `status: active` may be older");
    repository.run(["deactivate", "ben@example.com", "--release"]).ends_with(3).tells("--yes");
    repository.run(["deactivate", "ben@example.com", "--release", "--yes"]).ends_with(0).prints("counts from now on");
    repository.run(["apply", "--yes"]).ends_with(0).prints("ben@example.com");
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository.run(["deactivate", "ben@example.com", "--release", "--yes"]).ends_with(3).tells("no operator locked");
}

/// A run that planned before the lock-out, and writes after it.
#[test]
fn a_lock_out_between_the_plan_and_the_write_is_not_lost() {
    let repository = with_people("default");
    repository.sql("DELETE FROM users WHERE key = 'ben@example.com'");
    let path = repository.file(".rollcall/store.db");
    let mut store = SqliteStore::open(&path, open_rules(), None).expect("a store");
    let mut names = Names::new();
    let live = now(store.read(&mut names, Which::All)).expect("read");
    store.know_lock_outs(live.newest_lock_out);
    let user = names.intern("ben@example.com");
    let after = State::field(known::STATUS, Value::Text(known::INVITED));
    let invite =
        Action::new(ActionKind::InviteUser, Subject { user: Some(user), ..Subject::default() }, None, Some(after));
    let at = at("09:00:00");
    store.note_lock_outs(&[("ben@example.com", LockOutNote::Holds { waits: false })], at).expect("written");
    let effects = now(store.execute(&names, &[&invite], at)).expect("executed");
    assert!(matches!(&effects[..], [Effect::Conflict(why)] if why.contains("locked the person out")), "{effects:?}");
    // Known to the plan, it was let in by what a manifest says.
    store.know_lock_outs(live.newest_lock_out + 1);
    let effects = now(store.execute(&names, &[&invite], at)).expect("executed");
    assert_eq!(effects, [Effect::Done]);
}

#[test]
fn a_former_key_that_is_locked_out_is_not_given_away_by_advice() {
    let repository = Repository::applied();
    lock_out(&repository, "ben@example.com");
    repository.edit("access/all.yaml", "  ben@example.com:\n", "  bo@example.com:\n    previously: ben@example.com\n");
    let plan = repository.run(["plan"]);
    plan.ends_with(0).prints("no changes");
    assert!(!plan.all().contains("take this line out"), "{plan}");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "    previously: ben@example.com\n", "");
    waits(&repository, "bo@example.com was locked out");
}

#[test]
fn a_closed_account_is_not_said_to_come_back() {
    let repository = with_people("default");
    repository.sql("UPDATE users SET status = 'closed' WHERE key = 'ben@example.com'");
    declare(&repository, "ben@example.com", "status: active");
    let plan = repository.run(["plan"]);
    plan.ends_with(0).prints("ben@example.com has a closed account");
    assert!(!plan.out.contains("undoes a deactivation"), "{plan}");
}

#[test]
fn rules_take_nobodys_way_to_lock_out() {
    let repository = with_people("{ extends: default, offboarding: [delete] }");
    lock_out(&repository, "ben@example.com");
    let status = "SELECT status FROM users WHERE key = 'ben@example.com'";
    let status: String = repository.store().query_row(status, [], |row| row.get(0)).expect("a status");
    assert_eq!(status, "inactive");
    waits(&repository, "ben@example.com was deactivated");
    declare(&repository, "ben@example.com", "status: active");
    repository.run(["apply", "--yes"]).ends_with(0).prints("ben@example.com");
}

/// As a store has it that was made when only cancelled invitations and stripped accounts were remembered.
#[test]
fn an_older_memory_of_lock_outs_is_kept() {
    let repository = Repository::applied();
    repository.sql(
        "DROP TRIGGER users_lock_out_follows; DROP TRIGGER users_lock_out_ends; DROP TABLE lock_outs; \
         CREATE TABLE lock_outs (identity TEXT PRIMARY KEY CHECK (identity <> ''), at TEXT NOT NULL) STRICT; \
         DELETE FROM users WHERE key = 'ben@example.com'; \
         INSERT INTO lock_outs VALUES ('ben@example.com', '2026-11-20T00:00:00Z')",
    );
    waits(&repository, "ben@example.com was locked out");
    declare(&repository, "ben@example.com", "status: active");
    repository.run(["apply", "--yes"]).ends_with(0).prints("ben@example.com");
    lock_out(&repository, "ben@example.com");
    waits(&repository, "ben@example.com was locked out");
}

/// Found by a what-if tester: `resend` let in whom the manifests had taken out after the invitation ended.
#[test]
fn an_invitation_that_has_ended_lets_nobody_in_whom_the_manifests_keep_out() {
    let repository = Repository::applied();
    let people = "  bo@example.com: { access: { north: manager } }\n  cy@example.com: { access: { north: manager } }\n  \
                  di@example.com: { access: { north: manager } }\n";
    let text = repository.read("access/all.yaml");
    repository.write("access/all.yaml", &format!("{text}{people}"));
    repository.run(["apply", "--yes"]).ends_with(0);
    for key in ["bo", "cy", "di"] {
        repository.run(["invitations", "decline", &format!("{key}@example.com")]).ends_with(0);
    }
    let less = "  cy@example.com: { status: inactive }\n  di@example.com: { access: { north: operator } }\n";
    repository.write("access/all.yaml", &format!("{text}{less}"));
    for key in ["bo", "cy", "di"] {
        let run = repository.run(["invitations", "resend", &format!("{key}@example.com"), "--yes"]);
        run.ends_with(1).tells("manifests");
    }
    let plan = repository.run(["plan"]);
    plan.ends_with(0).prints("bo@example.com").prints("cy@example.com");
    assert!(plan.all().contains("`di@example.com` has ended, and carries more than is declared"), "{plan}");
    repository.run(["apply", "--yes"]).ends_with(0);
    let left = "SELECT count(*) FROM users WHERE key LIKE 'bo@%' OR key LIKE 'cy@%'";
    let left: i64 = repository.store().query_row(left, [], |row| row.get(0)).expect("a number");
    assert_eq!(left, 0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

/// Found by an attacker: one row that is no text stopped everything, a lock-out included.
#[test]
fn beside_rows_that_can_not_be_read_somebody_else_is_locked_out() {
    let deeds = [
        (
            "INSERT INTO users (key, status) VALUES ('inv' || cast(x'ff' AS text) || '@example.com', 'active')",
            "`users`",
        ),
        ("UPDATE users SET name = cast(x'ff' AS text) WHERE key = 'ana@example.com'", "`users` with id 1"),
        ("INSERT INTO organizations (name) VALUES ('o' || cast(x'ff' AS text))", "`organizations` with id 2"),
        ("INSERT INTO sites (organization_id, name) VALUES (1, 's' || cast(x'ff' AS text))", "`sites` with id 3"),
        ("INSERT INTO roles (name) VALUES ('r' || cast(x'ff' AS text))", "`roles` with id 3"),
    ];
    for (deed, row) in deeds {
        let repository = with_people("default");
        repository.sql(deed);
        let plan = repository.run(["plan"]);
        plan.ends_with(1);
        assert!(plan.all().contains(row), "{deed} lacks {row}: {plan}");
        let apply = repository.run(["apply", "--yes"]);
        apply.ends_with(1).tells("read in part");
        lock_out(&repository, "ben@example.com");
        let status = "SELECT status FROM users WHERE key = 'ben@example.com'";
        let status: String = repository.store().query_row(status, [], |row| row.get(0)).expect("a status");
        assert_eq!(status, "inactive", "{deed}");
    }
}

/// Who let somebody's `status: active` count stands in the journal, as everything that an operator does.
#[test]
fn a_release_is_journalled() {
    let repository = with_people("default");
    lock_out(&repository, "ben@example.com");
    let before = repository.read(JOURNAL).lines().count();
    repository.run(["deactivate", "ben@example.com", "--release", "--yes"]).ends_with(0);
    let journal = repository.read(JOURNAL);
    let new: Vec<serde_json::Value> =
        journal.lines().skip(before).map(|line| serde_json::from_str(line).expect("a line")).collect();
    assert!(new[0]["entry"]["began"]["who"].is_object(), "{journal}");
    assert_eq!(new[1]["entry"]["released"]["user"], "ben@example.com", "{journal}");
    assert_eq!(new.len(), 2, "{journal}");
    repository.run(["plan"]).ends_with(0).tells_nothing();
    repository.run(["apply", "--yes"]).ends_with(0);
}

#[test]
fn a_role_that_changes_in_two_steps_lets_nobody_in_who_is_locked_out() {
    let repository = with_people("{ extends: default, role_change: remove_then_add }");
    declare(&repository, "ben@example.com", "status: active");
    repository.run(["apply", "--yes"]).ends_with(0);
    lock_out(&repository, "ben@example.com");
    repository.edit(
        "access/all.yaml",
        "  operator: { rank: 20 }\n",
        "  operator: { rank: 20 }\n  viewer: { rank: 10 }\n",
    );
    repository.edit("access/all.yaml", "role: operator, sites: [pit-1]", "role: viewer, sites: [pit-1]");
    repository.run(["apply", "--yes"]).ends_with(0).prints("operator → viewer");
    waits(&repository, "the line `status: active` may be older");
    // Nor by the journal, where the store has forgotten it.
    repository.sql("DELETE FROM lock_outs");
    waits(&repository, "may be older");
}
