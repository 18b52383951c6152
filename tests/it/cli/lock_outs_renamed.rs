//! Nobody comes back under a key that an operator locked out by the account of somebody else: only `status: active` lets
//! that key in again.

use crate::support::cli::Repository;

const KEY: &str = "ben@example.com";
const ALL: &str = "access/all.yaml";

const CATALOG: &str = "\
organizations: { north: { sites: { pit-1: {} } } }
roles: { manager: { rank: 40, admin: true }, viewer: { rank: 10 } }
users:
  ana@example.com: { access: { north: manager } }
";
const BEN: &str = "  ben@example.com: { access: { north: viewer } }\n";
const ZOE: &str = "  zoe@example.com: { access: { north: manager } }\n";
const RENAMED: &str = "  ben@example.com: { previously: zoe@example.com, access: { north: manager } }\n";

fn declare(repository: &Repository, users: &[&str]) {
    repository.write(ALL, &format!("{CATALOG}{}", users.concat()));
}

/// These people are in.
fn with(users: &[&str]) -> Repository {
    let repository = Repository::small();
    let settings = repository.read("rollcall.yaml");
    repository.write(
        "rollcall.yaml",
        &format!(
            "{}\nguards: {{ deletions: {{ max_count: 5 }} }}\n",
            settings.replace("absent_users: deactivate", "absent_users: deactivate, grace: 0d")
        ),
    );
    declare(&repository, users);
    repository.run(["apply", "--yes"]).ends_with(0);
    for key in ["ana@example.com", KEY, "zoe@example.com"] {
        repository.run(["invitations", "accept", key]);
    }
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository
}

fn accounts(repository: &Repository) -> String {
    let query = "SELECT group_concat(key || ' ' || status, ', ' ORDER BY key) FROM users";
    repository.store().query_row(query, [], |row| row.get(0)).expect("accounts")
}

fn lock_out(repository: &Repository) {
    repository.run(["deactivate", KEY, "--yes"]).ends_with(0);
}

/// Zoe keeps the account, under the key of zoe, and that is told; then a decision lets ben in.
#[track_caller]
fn waits_until_decided(repository: &Repository) {
    let before = accounts(repository);
    for command in [&["plan"][..], &["apply", "--yes"], &["plan", "--out", "p.json"], &["apply", "p.json", "--yes"]] {
        let run = repository.run(command);
        run.ends_with(0);
        if command.len() < 3 {
            run.prints("ben@example.com was locked out").prints("only `status: active` lets the person in");
        }
        assert_eq!(accounts(repository), before, "{run}");
    }
    repository.edit(ALL, "ben@example.com: { previously", "ben@example.com: { status: active, previously");
    repository.run(["plan"]).ends_with(0).prints("renamed from zoe@example.com").tells("is let in again");
    repository.run(["apply", "--yes"]).ends_with(0);
    assert!(accounts(repository).contains("ben@example.com active"), "{}", accounts(repository));
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn an_account_that_is_in_does_not_take_the_key_of_somebody_locked_out_who_was_renamed() {
    let repository = with(&[BEN, ZOE]);
    lock_out(&repository);
    let old = "  ben-old@example.com: { previously: ben@example.com, status: inactive }\n";
    declare(&repository, &[ZOE, old]);
    repository.run(["apply", "--yes"]).ends_with(0);
    assert!(accounts(&repository).contains("ben-old@example.com inactive"), "{}", accounts(&repository));
    declare(&repository, &[RENAMED, &old.replace("previously: ben@example.com, ", "")]);
    waits_until_decided(&repository);
}

#[test]
fn an_account_that_is_in_does_not_take_the_key_of_somebody_locked_out_who_was_deleted() {
    let repository = with(&[BEN, ZOE]);
    lock_out(&repository);
    declare(&repository, &["  ben@example.com: { status: absent }\n", ZOE]);
    repository.run(["apply", "--yes"]).ends_with(0);
    assert!(!accounts(&repository).contains(KEY), "{}", accounts(&repository));
    declare(&repository, &[RENAMED]);
    waits_until_decided(&repository);
}

#[test]
fn an_account_that_is_in_does_not_take_the_key_of_somebody_locked_out_without_an_account() {
    let repository = with(&[ZOE]);
    declare(&repository, &[BEN, ZOE]);
    lock_out(&repository);
    declare(&repository, &[RENAMED]);
    // Whether a `status: active` is older than the lock-out is known after an apply without one.
    waits_until_decided(&repository);
}

#[test]
fn a_saved_rename_does_not_take_a_key_that_was_locked_out_since() {
    let repository = with(&[ZOE]);
    declare(&repository, &[RENAMED]);
    repository.run(["plan", "--out", "p.json"]).ends_with(0).prints("renamed");
    declare(&repository, &[BEN, ZOE]);
    lock_out(&repository);
    declare(&repository, &[RENAMED]);
    let run = repository.run(["apply", "p.json", "--yes"]);
    run.ends_with(5).prints("rename_user ben@example.com").prints("locked");
    assert!(accounts(&repository).contains("zoe@example.com active"), "{}", accounts(&repository));
}

#[test]
fn an_account_that_is_not_in_may_take_the_key_and_stays_out() {
    let repository = with(&[BEN, ZOE]);
    lock_out(&repository);
    declare(&repository, &[ZOE, "  ben-old@example.com: { previously: ben@example.com, status: inactive }\n"]);
    repository.run(["apply", "--yes"]).ends_with(0);
    // A slip is taken back: the account is as locked out under the one key as under the other.
    declare(&repository, &[ZOE, "  ben@example.com: { previously: ben-old@example.com, access: { north: viewer } }\n"]);
    repository.run(["apply", "--yes"]).ends_with(0).prints("only `status: active`");
    assert!(accounts(&repository).contains("ben@example.com inactive"), "{}", accounts(&repository));
}
