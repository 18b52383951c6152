//! Two runs on one store whose journals know nothing of each other: clones of one access repository, two names of a store.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use crate::support::cli::Repository;

const CATALOG: &str =
    "organizations: { north: {} }\nroles: { manager: { rank: 40, admin: true }, user: { rank: 10 } }\n";

/// An access repository on the store of another one; `ana` and `ben` have these roles.
fn clone_of(first: Option<&Repository>, ana: &str, ben: &str) -> Repository {
    let repository = Repository::empty();
    let store = first.unwrap_or(&repository).file(".rollcall/store.db");
    repository.write(
        "rollcall.yaml",
        &format!(
            "version: 1\nstores: {{ local: {{ sqlite: {{ path: {} }}, rules: default }} }}\n\
             manage: {{ absent_users: deactivate }}\nguards: {{ min_admins: 1 }}\n",
            store.display()
        ),
    );
    let users = format!(
        "users:\n  ana@example.com: {{ access: {{ north: {ana} }} }}\n  ben@example.com: {{ access: {{ north: {ben} }} }}\n"
    );
    repository.write("access/a.yaml", &format!("{CATALOG}{users}"));
    repository
}

#[test]
fn a_run_from_another_clone_waits_and_plans_from_what_it_finds_then() {
    let first = clone_of(None, "manager", "manager");
    first.run(["init"]).ends_with(0);
    first.run(["apply", "--yes"]).ends_with(0);
    for who in ["ana@example.com", "ben@example.com"] {
        first.run(["invitations", "accept", who]).ends_with(0);
    }
    // Each of the two leaves an admin, the other one.
    let second = clone_of(Some(&first), "user", "manager");
    let held = File::create(first.file(".rollcall/store.db.lock")).expect("the lock");
    held.lock().expect("nobody has it");
    let mut run = second.command(["apply", "--yes"]);
    let mut run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("rollcall runs");
    let mut told = BufReader::new(run.stderr.take().expect("a pipe"));
    let mut line = String::new();
    told.read_line(&mut line).expect("a line");
    assert!(line.contains("another run has the store"), "{line}");
    first.sql(
        "UPDATE memberships SET role_id = (SELECT id FROM roles WHERE name = 'user') WHERE user_id = \
         (SELECT id FROM users WHERE key = 'ben@example.com')",
    );
    drop(held);
    let mut shown = String::new();
    run.stdout.take().expect("a pipe").read_to_string(&mut shown).expect("text");
    told.read_to_string(&mut line).expect("text");
    assert_eq!(run.wait().expect("an end").code(), Some(0), "{shown}{line}");
    let admins: i64 = first
        .store()
        .query_row(
            "SELECT count(*) FROM memberships m JOIN roles r ON r.id = m.role_id WHERE r.name = 'manager'",
            [],
            |row| row.get(0),
        )
        .expect("admins");
    assert_eq!(admins, 1, "{shown}{line}");
}

#[test]
fn the_lock_of_a_store_is_never_taken_through_a_link() {
    let repository = clone_of(None, "manager", "user");
    repository.run(["init"]).ends_with(0);
    std::os::unix::fs::symlink("../elsewhere", repository.file(".rollcall/store.db.lock")).expect("a link");
    repository.run(["apply", "--yes"]).ends_with(1).tells("store.db.lock").tells("it is a link");
    assert!(!repository.file("elsewhere").exists());
}
