//! Resets of passwords, killed anywhere: who has no password any more is told once, and nobody else is.

use std::collections::BTreeSet;

use super::repository::Repository;
use super::{SAMPLE, kills_all, need_strace, traced};

const SETTINGS: &str = "\
version: 1
stores:
  local:
    sqlite: { path: .rollcall/store.db }
    rules: { extends: default, password: { set_by: [person], reset_all: active } }
manage: { absent_users: report }
";

/// Whose password ended, and who was told so, by the mails in the folder.
fn ended_and_told(repository: &Repository) -> (BTreeSet<String>, Vec<String>) {
    let store = rusqlite::Connection::open(repository.path().join(".rollcall/store.db")).expect("a store");
    let sql = "SELECT u.key FROM users u JOIN credentials c ON c.user_id = u.id WHERE c.verifier IS NULL";
    let mut statement = store.prepare(sql).expect(sql);
    let ended = statement.query_map([], |row| row.get(0)).expect(sql).map(|row| row.expect("a key")).collect();
    let Ok(mails) = std::fs::read_dir(repository.path().join(".rollcall/outbox")) else { return (ended, Vec::new()) };
    let to = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        text.lines().find_map(|line| line.strip_prefix("To: ")).expect("an address").to_owned()
    };
    let mut told: Vec<String> = mails.map(|entry| to(entry.expect("an entry").path())).collect();
    told.sort();
    (ended, told)
}

#[test]
fn act_7_killed_anywhere_in_resets_each_person_without_a_password_is_told_once() {
    need_strace();
    let people = ["ana@example.com", "ben@example.com", "cy@example.com"];
    let lines = people.map(|key| format!("  {key}: {{ access: {{}} }}\n")).concat();
    let template = Repository::of(SETTINGS, &format!("users:\n{lines}"));
    for key in people {
        template.sql(&format!(
            "INSERT INTO users (key, status, activated_at) VALUES ('{key}', 'active', '2026-01-01T00:00:00Z')"
        ));
    }
    let command = ["reset-password", "--all-active", "--yes"];
    let whole = template.copy();
    let (ended, calls) = traced(&whole, &command, None);
    assert_eq!(ended.code, Some(0), "{}", ended.streams);
    assert_eq!(ended_and_told(&whole), (people.map(str::to_owned).into(), people.map(str::to_owned).to_vec()));
    let step = if kills_all() { 1 } else { calls.len().div_ceil(SAMPLE) };
    let mut numbers = BTreeSet::new();
    for (at, call) in calls.iter().enumerate().skip(step / 2).step_by(step) {
        let repository = template.copy();
        traced(&repository, &command, Some(call));
        let after = format!("killed at call {} of {}: {} {}", at + 1, calls.len(), call.0, call.1);
        let again = repository.run(&["apply", "--yes"]);
        assert_eq!(again.code, Some(0), "{after}: the next apply\n{}", again.streams);
        let (ended, told) = ended_and_told(&repository);
        assert_eq!(told, ended.iter().cloned().collect::<Vec<_>>(), "{after}");
        let again = repository.run(&["apply", "--yes"]);
        assert!(again.code == Some(0) && again.streams.contains("no changes"), "{after}\n{}", again.streams);
        assert_eq!(ended_and_told(&repository).1, told, "{after}");
        // Whoever was left out is named, and can be done alone.
        let left_out: Vec<&str> = people.into_iter().filter(|key| !ended.contains(*key)).collect();
        let is_begun = again.streams.contains("has not reached");
        assert!(!is_begun || left_out.iter().all(|key| again.streams.contains(key)), "{after}\n{}", again.streams);
        assert!(is_begun || left_out.is_empty() || left_out.len() == people.len(), "{after}\n{}", again.streams);
        let rest = repository.run(&["reset-password", "--left-out", "--yes"]);
        assert_eq!(rest.code, Some(0), "{after}: the rest\n{}", rest.streams);
        let everybody = people.map(str::to_owned).to_vec();
        let expected = if is_begun || left_out.is_empty() { everybody } else { Vec::new() };
        assert_eq!(ended_and_told(&repository).1, expected, "{after}: the rest\n{}", rest.streams);
        numbers.insert(told.len());
    }
    assert!(numbers.len() > 1, "the kills came too early or too late: {numbers:?}");
}
