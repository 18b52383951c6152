//! The question that `apply` asks, on a pseudo-terminal.

use serde_json::{Value, json};

use super::super::support::cli::{BINARY, Repository};
use super::super::support::terminal::Terminal;

/// Runs `apply` where a person sits, who answers; gives the exit code and what stood on the terminal.
fn apply(repository: &Repository, answer: &str) -> (Option<i32>, String) {
    apply_with(repository, "", answer)
}

fn on_a_terminal(repository: &Repository, options: &str) -> Terminal {
    Terminal::start(repository.path(), &format!("exec '{BINARY}' apply {options}"))
}

fn apply_with(repository: &Repository, options: &str, answer: &str) -> (Option<i32>, String) {
    let mut terminal = on_a_terminal(repository, options);
    terminal.types(answer);
    terminal.ends()
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

#[test]
fn an_interrupt_instead_of_an_answer_changes_nothing_and_says_so() {
    let repository = Repository::small();
    // Whoever starts the program may have blocked these signals; a process inherits that.
    for start in ["", "env --block-signal=INT --block-signal=TERM "] {
        let mut terminal = Terminal::start(repository.path(), &format!("exec {start}'{BINARY}' apply"));
        terminal.shows("[y/N]");
        terminal.types("\u{3}");
        let (code, terminal) = terminal.ends();
        assert_eq!(code, Some(1), "{terminal}");
        assert!(terminal.contains("interrupted; nothing was changed"), "{terminal}");
        repository.run(["plan"]).ends_with(0).prints("7 actions: ");
    }
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
        let mut terminal = on_a_terminal(&repository, options);
        terminal.shows("[y/N]");
        repository.sql("UPDATE users SET status = 'inactive' WHERE key = 'ben@example.com'");
        repository.sql("DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE key = 'ben@example.com')");
        terminal.types("y\n");
        let (code, shown) = terminal.ends();
        assert_eq!(code, Some(5), "{options}: {shown}");
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
    let mut terminal = on_a_terminal(&repository, "");
    terminal.shows("[y/N]");
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0).prints("invitation cancelled");
    terminal.types("y\n");
    let (code, terminal) = terminal.ends();
    // What was shown is what is done, and not a line of it was about ben.
    assert_eq!(code, Some(0), "{terminal}");
    assert!(terminal.contains("1 action: 1 done"), "{terminal}");
    repository.run(["plan"]).ends_with(0).prints("no changes").prints("ben@example.com was locked out");
}
