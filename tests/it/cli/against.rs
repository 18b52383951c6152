//! Two revisions compared with each other: no store, no journal and no secret is there to be read.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use super::history::{commit, git};
use crate::support::cli::{BINARY, Repository, Run};

const MANIFEST: &str = "\
organizations:
  north: { sites: { pit-1: {}, pit-2: {} } }
roles:
  manager: { rank: 40, admin: true, site_access: all }
  viewer: { rank: 10 }
users:
  ana@example.com: { access: { north: manager } }
  ben@example.com: { given_name: Ben, access: { north: { role: viewer, sites: [pit-1] } } }
  kim@example.com: { starts: 2026-12-24, access: { north: viewer } }
  max@example.com: { expires: 2026-12-05, access: { north: viewer } }
  old@example.com: { status: inactive, access: { north: viewer } }
  gone@example.com: { status: absent }
";

const SETTINGS: &str = "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db } } }\n\
                        manage: { absent_users: deactivate }\n";
const AT: &str = "2026-11-20T00:00:00Z";

/// What is checked out for a pull request: there never was a store.
fn repository() -> Repository {
    let repository = Repository::empty();
    repository.write("rollcall.yaml", SETTINGS);
    repository.write("access/all.yaml", MANIFEST);
    git(repository.path(), &["init", "-q", "-b", "main"]);
    commit(repository.path(), "one");
    repository
}

fn plan(repository: &Repository, arguments: &[&str]) -> Run {
    repository.run(["plan", "--against", "main", "--at", AT].iter().chain(arguments))
}

fn ids(repository: &Repository, arguments: &[&str]) -> Vec<String> {
    let document = plan(repository, arguments).json();
    let actions = document["actions"].as_array().expect("actions").iter();
    actions.map(|action| action["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn a_change_is_compared_with_its_base_and_nothing_else() {
    let repository = repository();
    plan(&repository, &["--format", "json", "--detailed-exitcode"]).ends_with(0);
    plan(&repository, &[]).ends_with(0).prints("no store   4 people there, 6 declared now").prints("no changes");
    repository.edit(
        "access/all.yaml",
        "given_name: Ben, access: { north: { role: viewer, sites: [pit-1] } }",
        "given_name: Benjamin, access: { north: { role: manager } }",
    );
    repository.edit("access/all.yaml", "  old@", "  li@example.com: { access: { north: viewer } }\n  old@");
    repository.edit("access/all.yaml", "  max@example.com: { expires: 2026-12-05, access: { north: viewer } }\n", "");
    let run = plan(&repository, &["--detailed-exitcode"]);
    run.ends_with(2)
        .prints("compared with main (")
        .prints("  - max@example.com  deactivated (was viewer of north)")
        .prints("  + li@example.com   invited: viewer of north")
        .prints("  ! ben@example.com  viewer → manager")
        .prints("people: 1 joins, 1 leaves")
        .prints("no store was read: who accepted, and what else is in it, is not known, and this can't be applied\n");
    assert!(!run.out.contains("rollcall apply") && !run.out.contains("digest"), "{run}");
    assert_eq!(
        ids(&repository, &["--format", "json"]),
        [
            "deactivate_user max@example.com",
            "update_user ben@example.com",
            "change_role ben@example.com north",
            "invite_user li@example.com"
        ]
    );
    let document = plan(&repository, &["--format", "json"]).json();
    assert_eq!(document["store"]["kind"], "git");
    assert_eq!(document["store"]["id"], document["base"]["commit"]);
    assert_eq!(document["base"]["causes"], serde_json::json!({ "manifest": 4 }));
    assert!(!repository.file(".rollcall").exists(), "nothing was made");
    // A base of which the same is declared twice is no change.
    commit(repository.path(), "two");
    assert_eq!(ids(&repository, &["--format", "json"]), [""; 0]);
}

#[test]
fn neither_a_store_nor_a_journal_nor_a_secret_is_looked_at() {
    let repository = repository();
    let settings = "secrets: { sink: { file: /nonexistent/secrets } }\n\
                    mail: { from: a@example.com, smtp: { host: mail.example.com, user: me, password: { env: NOBODY_SETS_IT } } }\n";
    repository.write("rollcall.yaml", &format!("{SETTINGS}{settings}"));
    commit(repository.path(), "with secrets");
    // Whoever opened one of these would fail.
    repository.write(".rollcall/store.db", "no store at all");
    repository.write(".rollcall/journal-local.jsonl", "no journal at all\n");
    repository.edit("access/all.yaml", "  old@", "  li@example.com: { access: { north: viewer } }\n  old@");
    let mode = |mode| fs::set_permissions(repository.file(".rollcall"), fs::Permissions::from_mode(mode)).expect("set");
    mode(0);
    let run = plan(&repository, &[]);
    mode(0o755);
    run.ends_with(0).prints("invited").tells_nothing();
    assert_eq!(repository.read(".rollcall/store.db"), "no store at all");
}

/// What is opened, run and connected to, as the kernel sees it.
#[test]
fn only_the_repository_is_opened_and_only_git_is_run() {
    let repository = repository();
    repository.edit("access/all.yaml", "  old@", "  li@example.com: { access: { north: viewer } }\n  old@");
    repository.write("rollcall.yaml", &SETTINGS.replace(".rollcall/store.db", "/etc/hostname"));
    let trace = tempfile::NamedTempFile::new().expect("a file");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", "trace=execve,connect,open,openat", "-o"]).arg(trace.path());
    command.args([BINARY, "plan", "--against", "main", "--at", AT]).current_dir(repository.path());
    Run::of(&mut command).ends_with(0).prints("invited");
    let trace = fs::read_to_string(trace.path()).expect("a trace");
    let of = |call: &str| trace.lines().filter(|line| line.contains(call)).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(of("connect("), [""; 0]);
    for line in of("execve(") {
        assert!(line.contains("/git\"") || line.contains(BINARY), "{line}");
    }
    let opened: Vec<String> =
        of("open").into_iter().filter(|line| line.contains("(AT_FDCWD") || line.contains("open(")).collect();
    assert!(opened.iter().any(|line| line.contains("all.yaml")), "{opened:?}");
    for line in opened {
        assert!(!line.contains(".rollcall") && !line.contains("/etc/hostname") && !line.contains("O_CREAT"), "{line}");
    }
}

#[test]
fn settings_of_the_change_are_told_and_do_not_hold() {
    let repository = repository();
    repository.write("rollcall.yaml", &format!("{SETTINGS}guards: {{ invitations: {{ max_count: 0 }}, removals: {{ max_percent: 100, min_count: 100 }} }}\n"));
    repository.edit("access/all.yaml", "  old@", "  li@example.com: { access: { north: viewer } }\n  old@");
    let run = plan(&repository, &[]);
    run.ends_with(4).prints("REFUSED").tells("would be refused by guard `invitations`");
    assert!(run.out.starts_with("changed settings (compared with main, "), "{run}");
    let document = plan(&repository, &["--format", "json"]).ends_with(4).json();
    let refused = document["guards"].as_array().expect("guards").iter().filter(|guard| guard["refused"] == true);
    assert_eq!(refused.map(|guard| &guard["name"]).collect::<Vec<_>>(), [&Value::from("invitations")]);
}

#[test]
fn what_is_not_of_the_change_is_left_out() {
    let repository = repository();
    // The day of kim and that of max come in the base as well.
    let later = "2027-01-01T00:00:00Z";
    let document = repository.run(["plan", "--against", "main", "--at", later, "--format", "json"]).ends_with(0).json();
    assert_eq!(document["actions"], serde_json::json!([]));
    repository.edit("access/all.yaml", "expires: 2026-12-05", "expires: 2027-12-05");
    let document = repository.run(["plan", "--against", "main", "--at", later, "--format", "json"]).ends_with(0).json();
    // Whoever is out comes back by `status: active` only, as in a store.
    assert_eq!(document["actions"], serde_json::json!([]));
    let waits = document["deferred"].as_array().expect("a list").iter();
    let waits: Vec<_> = waits.map(|one| (&one["action"], &one["user"], &one["waits_for"])).collect();
    let [action, user, decision] = ["reactivate_user", "max@example.com", "decision"].map(Value::from);
    assert_eq!(waits.first(), Some(&(&action, &user, &decision)));
    assert!(waits.iter().all(|(_, of, _)| **of == user), "{waits:?}");
}

#[test]
fn it_stands_by_itself() {
    let repository = repository();
    for option in [&["--base", "main"][..], &["--out", "plan.json"], &["--base", "main", "--cause", "drift"]] {
        plan(&repository, option).ends_with(3).tells("cannot be used with");
    }
    repository.run(["apply", "--against", "main"]).ends_with(3);
    repository.run(["plan", "--against", "nobody"]).ends_with(3).tells("there is no revision `nobody`");
    repository.edit("access/all.yaml", "north: manager", "north: manger");
    plan(&repository, &[]).ends_with(3).tells("unknown-role");
    commit(repository.path(), "broken");
    repository.edit("access/all.yaml", "north: manger", "north: manager");
    plan(&repository, &[])
        .ends_with(3)
        .tells("error: the manifests of `main` are not valid, so nothing can be compared with them");
}
