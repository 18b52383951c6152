//! A journal in which a line was altered: what follows it may be anybody's, so nothing is applied until somebody has
//! looked, nobody is let in again by it, and a lock-out can still be done.

use std::fs;

use rollcall::journal::{JournalError, glance, locked_out, verify};

use super::super::support::cli::Repository;

const JOURNAL: &str = ".rollcall/journal-local.jsonl";

/// Ben is locked out, and runs came after that.
fn with_lock_out() -> Repository {
    let repository = Repository::applied();
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "ana@example.com:\n", "ana@example.com:\n    given_name: Ana\n");
    repository.run(["apply", "--yes"]).ends_with(0).tells_nothing();
    repository
}

fn lines(repository: &Repository) -> Vec<String> {
    repository.read(JOURNAL).lines().map(str::to_owned).collect()
}

fn put(repository: &Repository, lines: &[String]) {
    repository.write(JOURNAL, &(lines.join("\n") + "\n"));
}

/// The keys that the journal remembers as locked out.
fn remembered(repository: &Repository) -> Vec<String> {
    let path = repository.file(JOURNAL);
    let store = glance(&path).unwrap().unwrap().store.unwrap();
    locked_out(&path, &store).unwrap().into_keys().collect()
}

/// Demands that a plan tells this line and an apply refuses it, changes nothing, and names the ways out.
#[track_caller]
fn assert_told(repository: &Repository, line: u64) {
    let told = format!("line {line} of the journal");
    repository.edit("access/all.yaml", "given_name: Ana", "given_name: Anna");
    let before = (repository.read(JOURNAL), fs::read(repository.file(".rollcall/store.db")).unwrap());
    let plan = repository.run(["plan"]);
    plan.ends_with(0).tells(&format!("warning: {told}")).tells("`apply` refuses to run").prints("Anna");
    for command in [&["apply", "--yes"][..], &["-q", "apply", "--yes"], &["apply", "--yes", "--format", "json"]] {
        let run = repository.run(command);
        run.ends_with(1);
        if command.contains(&"json") {
            let message = run.json()["diagnostics"][0]["message"].as_str().expect("a message").to_owned();
            assert!(message.contains(&told) && message.contains("move it away"), "{message}");
        } else {
            run.prints_nothing();
        }
        run.tells(&told).tells("from a backup").tells("move it away");
        run.tells("locked out: ben@example.com; declare `status: inactive`");
    }
    let after = (repository.read(JOURNAL), fs::read(repository.file(".rollcall/store.db")).unwrap());
    assert!(before == after, "something was written");
    repository.edit("access/all.yaml", "given_name: Anna", "given_name: Ana");
}

#[test]
fn a_changed_line_in_the_middle_of_the_journal_stops_an_apply() {
    let repository = with_lock_out();
    let good = lines(&repository);
    for at in [0, 3, good.len() / 2, good.len() - 2] {
        let mut changed = good.clone();
        changed[at] = changed[at].replacen("\"at\":\"20", "\"at\":\"19", 1);
        assert_ne!(changed, good);
        put(&repository, &changed);
        assert_told(&repository, at as u64 + 1);
    }
    // The ways out that the message names.
    put(&repository, &good);
    repository.run(["apply", "--yes"]).ends_with(0).tells_nothing();
    fs::rename(repository.file(JOURNAL), repository.file("evidence")).unwrap();
    repository.run(["apply", "--yes"]).ends_with(0).tells("is empty or new").prints("ben@example.com was locked out");
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn a_removed_line_in_the_middle_of_the_journal_stops_an_apply() {
    let repository = with_lock_out();
    let mut removed = lines(&repository);
    removed.remove(6);
    put(&repository, &removed);
    assert_told(&repository, 6);
    // The first one has nothing before it.
    let repository = with_lock_out();
    let mut removed = lines(&repository);
    removed.remove(0);
    put(&repository, &removed);
    assert_told(&repository, 1);
}

#[test]
fn swapped_lines_in_the_middle_of_the_journal_stop_an_apply() {
    let repository = with_lock_out();
    let mut swapped = lines(&repository);
    swapped.swap(6, 9);
    put(&repository, &swapped);
    assert_told(&repository, 6);
}

#[test]
fn a_last_line_that_a_kill_cut_off_is_no_altered_one() {
    let repository = with_lock_out();
    let good = repository.read(JOURNAL);
    repository.write(JOURNAL, &format!("{good}{{\"seq\":99,\"prev\":\"sha"));
    repository.run(["plan"]).ends_with(0).tells("a run was cut off").prints("no changes");
    repository.edit("access/all.yaml", "given_name: Ana", "given_name: Anna");
    let run = repository.run(["apply", "--yes"]);
    run.ends_with(0).prints("1 done");
    assert!(!run.err.contains("is not what rollcall wrote"), "{run}");
    assert!(repository.read(JOURNAL).contains("\"recovered\""));
    verify(&repository.file(JOURNAL), |_| {}).unwrap();
    repository.run(["apply", "--yes"]).ends_with(0).tells_nothing();
}

/// Otherwise whoever can write the file lets somebody in again.
#[test]
fn an_altered_journal_never_ends_a_lock_out() {
    let repository = with_lock_out();
    assert_eq!(remembered(&repository), ["ben@example.com"]);
    repository.edit("access/all.yaml", "  ben@example.com:\n", "  ben@example.com:\n    status: active\n");
    let before = lines(&repository);
    repository.run(["apply", "--yes"]).ends_with(0).prints("invited");
    assert_eq!(remembered(&repository), Vec::<String>::new(), "a run let him in again");
    let whole = lines(&repository);
    for at in 0..whole.len() - 1 {
        let mut altered = whole.clone();
        altered[at] = altered[at].replacen("\"at\":\"20", "\"at\":\"19", 1);
        put(&repository, &altered);
        assert_eq!(remembered(&repository), ["ben@example.com"], "line {} was altered", at + 1);
    }
    // A line in between, and the rest of it as it was.
    let mut inserted = before.clone();
    inserted.insert(3, before[3].clone());
    inserted.extend_from_slice(&whole[before.len()..]);
    put(&repository, &inserted);
    assert_eq!(remembered(&repository), ["ben@example.com"]);
}

#[test]
fn a_lock_out_is_done_and_journalled_though_a_line_was_altered() {
    let repository = Repository::applied();
    let mut altered = lines(&repository);
    // The last two: one of them is in the tail that every run reads.
    let at = altered.len() - 2;
    altered[at] = altered[at].replacen("\"at\":\"20", "\"at\":\"19", 1);
    put(&repository, &altered);
    let told = format!("warning: line {} of the journal", at + 1);
    let run = repository.run(["deactivate", "ben@example.com", "--yes"]);
    run.ends_with(0).tells(&told).tells("done all the same").prints("invitation cancelled");
    let rest = repository.read(JOURNAL);
    assert!(rest.starts_with(&altered.join("\n")), "the evidence stays");
    assert!(rest.contains("cancel_invitation"));
    assert_eq!(remembered(&repository), ["ben@example.com"]);
    assert!(matches!(verify(&repository.file(JOURNAL), |_| {}), Err(JournalError::Altered { .. })), "it stays broken");
    repository.run(["apply", "--yes"]).ends_with(1).tells("locked out: ben@example.com");
    repository.run(["plan"]).ends_with(0).prints("no changes").prints("ben@example.com was locked out");
}
