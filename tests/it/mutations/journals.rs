//! Journals: lines and words of a real one taken out, repeated, exchanged and put in. Nothing panics, and whoever
//! audits never takes for a record what no run wrote, but for the last one: only what follows could vouch for it.

use std::fs;

use rollcall::journal::{
    JournalError, attempts_of, attempts_since, done_since, glance, locked_out, verify, verify_chain,
};

use super::{Dice, mutate, run_on};
use crate::support::cli::Repository;

fn journal(repository: &Repository) -> Vec<u8> {
    fs::read(repository.file(".rollcall/journal-local.jsonl")).expect("a journal")
}

fn corpus() -> Vec<Vec<u8>> {
    let repository = Repository::applied();
    let first = journal(&repository);
    repository.edit("access/all.yaml", "ben@example.com", "kim@example.com");
    repository.run(["apply", "--yes"]);
    repository.run(["deactivate", "ana@example.com", "--yes"]).ends_with(0);
    let second = journal(&repository);
    assert!(second.len() > first.len());
    vec![first, second]
}

#[test]
fn mutations_of_journals_are_told_from_what_was_written() {
    let corpus = corpus();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    let records = |text: &[u8]| {
        fs::write(&path, text).expect("written");
        let mut found: Vec<String> = Vec::new();
        let verified = verify(&path, |record| found.push(format!("{record:?}")));
        // What finds the break without a look at what the lines say finds it as well.
        let is_altered = |result: &Result<(), JournalError>| matches!(result, Err(JournalError::Altered { .. }));
        assert!(!is_altered(&verified) || is_altered(&verify_chain(&path)), "{verified:?}");
        (verified.is_ok(), found)
    };
    let written: Vec<Vec<String>> = corpus.iter().map(|text| records(text).1).collect();
    assert!(written.iter().all(|records| records.len() > 5));
    // Half of the inputs are whole lines in another order or number: what an editor of the file would do.
    let input = |dice: &mut Dice| {
        if dice.below(2) == 0 {
            return mutate(dice, &corpus);
        }
        let text: &Vec<u8> = dice.one(&corpus);
        let mut lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
        match dice.below(3) {
            0 => drop(lines.remove(dice.below(lines.len()))),
            1 => {
                let (a, b) = (dice.below(lines.len()), dice.below(lines.len()));
                lines.swap(a, b);
            }
            _ => lines.truncate(dice.below(lines.len() + 1)),
        }
        lines.concat()
    };
    run_on("journals", 6, &input, &|text| {
        let (_, mut found) = records(text);
        // What stands behind a line vouches for it; behind the last one there is nothing.
        found.pop();
        assert!(written.iter().any(|written| written.starts_with(&found)), "a record that nobody wrote: {found:?}");
        glance(&path).ok();
        locked_out(&path, "local").ok();
        done_since(&path, 1).ok();
        attempts_of(&path, "sha256:0").ok();
        attempts_since(&path, "sha256:0").ok();
    });
}
