//! Every end with an error, for programs: one JSON document on standard output, with a code, and the place where there
//! is one.

use std::fs;

use serde_json::{Value, json};

use super::super::support::cli::Repository;

/// Demands that a command ends so, with one diagnostic: code, file, line and column.
#[track_caller]
fn ends(repository: &Repository, arguments: &[&str], exit: i32, code: &str, place: &Value) {
    let run = repository.run(arguments.iter().copied().chain(["--format", "json"]));
    run.ends_with(exit);
    let document = run.json();
    let found = document["diagnostics"].as_array().unwrap_or_else(|| panic!("{run}"));
    assert_eq!(document["format"], 1, "{run}");
    assert_eq!(found.len(), 1, "{run}");
    assert_eq!((&found[0]["code"], &found[0]["severity"]), (&json!(code), &json!("error")), "{run}");
    let told = json!([found[0]["file"], found[0]["line"], found[0]["column"]]);
    assert_eq!(&told, place, "{run}");
    assert!(found[0]["message"].as_str().is_some_and(|message| !message.is_empty()), "{run}");
}

#[test]
fn of_settings() {
    let nowhere = json!([null, null, null]);
    let empty = Repository::empty();
    ends(&empty, &["plan"], 3, "unreadable", &json!(["rollcall.yaml", null, null]));
    let repository = Repository::small();
    ends(&repository, &["plan", "--store", "other"], 3, "command-line", &nowhere);
    let settings = repository.read("rollcall.yaml");
    repository.edit("rollcall.yaml", "stores: {", "stores: { other: { sqlite: { path: o.db } },");
    ends(&repository, &["plan"], 3, "invalid-settings", &json!(["rollcall.yaml", 2, 1]));
    repository.write("rollcall.yaml", &(settings.clone() + "guards: { self: '*' }\n"));
    for command in ["validate", "plan"] {
        ends(&repository, &[command], 3, "invalid-settings", &json!(["rollcall.yaml", 4, 17]));
    }
    repository.run(["validate"]).ends_with(3).tells("rollcall.yaml:4:17").tells("write `none`");
    for (manifests, code) in [("[access, acces]", "unreadable"), ("[access, ./acces/]", "unreadable")] {
        repository.write("rollcall.yaml", &format!("{settings}manifests: {manifests}\n"));
        ends(&repository, &["validate"], 3, code, &json!(["rollcall.yaml", 4, 21]));
        repository.run(["validate"]).ends_with(3).tells("rollcall.yaml:4:21").tells("check that it exists");
    }
    // What the command line names has no line.
    repository.write("rollcall.yaml", &settings);
    ends(&repository, &["validate", "--manifests", "acces"], 3, "unreadable", &json!(["acces", 1, 1]));
}

#[test]
fn of_stores_and_journals() {
    let nowhere = json!([null, null, null]);
    let repository = Repository::applied();
    repository.edit("access/all.yaml", "ben@example.com:", "kim@example.com: { access: {} }\n  ben@example.com:");
    let manifests = repository.read("access/all.yaml");
    repository.write("access/all.yaml", "users: {}\n");
    ends(&repository, &["plan"], 3, "no-user-declared", &json!(["rollcall.yaml", 1, 1]));
    repository.write("access/all.yaml", &manifests);
    let journal = repository.read(".rollcall/journal-local.jsonl");
    fs::remove_file(repository.file(".rollcall/journal-local.jsonl")).unwrap();
    fs::create_dir(repository.file(".rollcall/journal-local.jsonl")).unwrap();
    ends(&repository, &["apply", "--yes"], 1, "journal-unusable", &nowhere);
    fs::remove_dir(repository.file(".rollcall/journal-local.jsonl")).unwrap();
    repository.write(".rollcall/journal-local.jsonl", &journal);
    fs::remove_file(repository.file(".rollcall/store.db")).unwrap();
    for command in [&["plan"][..], &["apply", "--yes"], &["explain", "ana@example.com"], &["init"]] {
        ends(&repository, command, 1, "store-unusable", &nowhere);
    }
    repository.write(".rollcall/store.db", "no store");
    ends(&repository, &["plan"], 3, "store-unusable", &nowhere);
}

#[test]
fn of_the_command_line() {
    let nowhere = json!([null, null, null]);
    let repository = Repository::applied();
    ends(&repository, &["plan", "--target", "nobody"], 3, "command-line", &nowhere);
    ends(&repository, &["plan", "--frmat", "x"], 3, "command-line", &nowhere);
    ends(&repository, &["apply", "missing.json", "--yes"], 3, "command-line", &nowhere);
    ends(&repository, &["deactivate", "nobody", "--yes"], 3, "command-line", &nowhere);
    let run = repository.run(["plan", "--at", "yesterday"]);
    run.ends_with(3).tells("write a time with its zone, such as 2026-12-01T00:00:00Z");
    assert!(!run.err.contains("parse"), "{run}");
    repository.run(["validate", "--manifests", ""]).ends_with(3).tells("name a file or a folder");
}

/// A failure after the result is no second document.
#[test]
fn of_a_plan_that_can_not_be_saved() {
    let repository = Repository::small();
    let run = repository.run(["plan", "--format", "json", "--out", "missing/plan.json"]);
    run.ends_with(1).tells("can't be saved");
    assert!(run.json()["digest"].is_string(), "{run}");
}
