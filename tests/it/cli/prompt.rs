//! The question that `apply` asks, on a pseudo-terminal.

use std::io::{Read, Write as _};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::super::support::cli::{BINARY, Repository};

/// Runs `apply` where a person sits, who answers; gives the exit code and what stood on the terminal.
fn apply(repository: &Repository, answer: &str) -> (Option<i32>, String) {
    apply_with(repository, "", answer)
}

/// `apply` on a pseudo-terminal. `script` belongs to util-linux: it makes the terminal, and hands on what it is given.
fn on_a_terminal(repository: &Repository, options: &str) -> Child {
    Command::new("script")
        .args(["-q", "-e", "-c", &format!("'{BINARY}' apply {options}"), "/dev/null"])
        .current_dir(repository.path())
        .env("TERM", "dumb")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script, of util-linux")
}

fn apply_with(repository: &Repository, options: &str, answer: &str) -> (Option<i32>, String) {
    let mut child = on_a_terminal(repository, options);
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(answer.as_bytes()).expect("an answer");
    let output = child.wait_with_output().expect("an end");
    drop(stdin);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_yes_applies() {
    let repository = Repository::small();
    let (code, terminal) = apply(&repository, "y\n");
    assert_eq!(code, Some(0), "{terminal}");
    assert!(terminal.contains("apply these 7 actions? [y/N]"), "{terminal}");
    assert!(terminal.contains("7 actions: 7 done"), "{terminal}");
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn anything_else_changes_nothing() {
    let repository = Repository::small();
    for answer in ["n\n", "\n", "yes please\n", "\u{4}"] {
        let (code, terminal) = apply(&repository, answer);
        assert_eq!(code, Some(0), "a prompt answered no is done\n{terminal}");
        assert!(terminal.contains("nothing was changed"), "{answer:?}: {terminal}");
    }
    repository.run(["plan"]).ends_with(0).prints("7 actions: ");
}

/// What stands on the terminal when the question comes.
fn until_asked(stdout: &mut impl Read) -> String {
    let (mut terminal, mut part) = (String::new(), [0_u8; 4096]);
    while !terminal.contains("[y/N]") {
        let length = stdout.read(&mut part).expect("a terminal");
        assert!(length > 0, "it ended without a question: {terminal}");
        terminal.push_str(&String::from_utf8_lossy(&part[..length]));
    }
    terminal
}

#[test]
fn an_interrupt_instead_of_an_answer_changes_nothing_and_says_so() {
    let repository = Repository::small();
    let mut child = on_a_terminal(&repository, "");
    let (mut stdin, mut stdout) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
    let mut terminal = until_asked(&mut stdout);
    stdin.write_all(b"\x03").expect("an interrupt");
    stdout.read_to_string(&mut terminal).expect("a terminal");
    assert_eq!(child.wait().expect("an end").code(), Some(1), "{terminal}");
    assert!(terminal.contains("interrupted; nothing was changed"), "{terminal}");
    repository.run(["plan"]).ends_with(0).prints("7 actions: ");
}

#[test]
fn nothing_is_asked_where_nothing_is_to_be_done() {
    let repository = Repository::applied();
    let (code, terminal) = apply(&repository, "");
    assert_eq!(code, Some(0), "{terminal}");
    assert!(terminal.contains("no changes") && !terminal.contains("[y/N]"), "{terminal}");
}

/// Who is asked has to see what for, also where a program reads the result.
#[test]
fn the_plan_is_shown_before_asking_for_json_too() {
    let repository = Repository::small();
    for (answer, count) in [("n\n", "not_tried"), ("y\n", "done")] {
        let (code, terminal) = apply_with(&repository, "--format json > report.json", answer);
        assert_eq!(code, Some(0), "{terminal}");
        let (plan, question) = terminal.split_once("apply these 7 actions? [y/N]").expect("a question");
        assert!(plan.contains("ana@example.com") && plan.contains("digest sha256:"), "{terminal}");
        assert!(!question.contains("\"format\""), "{terminal}");
        let report: Value = serde_json::from_str(&repository.read("report.json")).expect("one document");
        assert_eq!(report["counts"], json!({ count: 7 }));
    }
}

/// Who answers a prompt has seen a plan; what somebody else changed before the answer is seen first.
#[test]
fn a_yes_is_not_for_what_changed_while_the_question_stood() {
    for options in ["", "plan.json"] {
        let repository = Repository::applied();
        repository.run(["invitations", "accept", "ben@example.com"]).ends_with(0);
        repository.edit("access/all.yaml", "sites: [pit-1]", "sites: [pit-1, pit-2]");
        repository.run(["plan", "--out", "plan.json"]).ends_with(0);
        let mut child = Command::new("script")
            .args(["-q", "-e", "-c", &format!("'{BINARY}' apply {options}"), "/dev/null"])
            .current_dir(repository.path())
            .env("TERM", "dumb")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script, of util-linux");
        let mut terminal = child.stdout.take().expect("a pipe");
        let mut shown = Vec::new();
        while !String::from_utf8_lossy(&shown).contains("[y/N]") {
            let mut byte = [0];
            assert_eq!(terminal.read(&mut byte).expect("a terminal"), 1, "{}", String::from_utf8_lossy(&shown));
            shown.push(byte[0]);
        }
        repository.sql("UPDATE users SET status = 'inactive' WHERE key = 'ben@example.com'");
        repository.sql("DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE key = 'ben@example.com')");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(b"y\n").expect("an answer");
        terminal.read_to_end(&mut shown).expect("a terminal");
        drop(stdin);
        let shown = String::from_utf8_lossy(&shown);
        assert_eq!(child.wait().expect("an end").code(), Some(5), "{options}: {shown}");
        assert!(shown.contains("nothing was written"), "{shown}");
        let grants: i64 =
            repository.store().query_row("SELECT count(*) FROM site_grants", [], |row| row.get(0)).expect("grants");
        assert_eq!(grants, 0, "{shown}");
    }
}

#[test]
fn nobody_waits_for_a_person_who_thinks_about_an_answer() {
    let repository = Repository::applied();
    repository.edit("access/all.yaml", "sites: [pit-1]", "sites: [pit-1, pit-2]");
    repository.edit("access/all.yaml", "users:\n", "users:\n  kim@example.com: { access: { north: operator } }\n");
    let mut child = on_a_terminal(&repository, "");
    let (mut stdin, mut stdout) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
    let mut terminal = until_asked(&mut stdout);
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0).prints("invitation cancelled");
    stdin.write_all(b"y\n").expect("an answer");
    stdout.read_to_string(&mut terminal).expect("a terminal");
    // What was shown is what is done, and not a line of it was about ben.
    assert_eq!(child.wait().expect("an end").code(), Some(0), "{terminal}");
    assert!(terminal.contains("1 action: 1 done"), "{terminal}");
    repository.run(["plan"]).ends_with(0).prints("no changes").prints("ben@example.com was locked out");
}
