//! Reports for reviews, as files and on standard output.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::support::cli::Repository;

/// A store in which ana and ben are active, and manifests that take ben out and make ana lose nothing.
fn changed() -> Repository {
    let repository = Repository::applied();
    repository.sql("UPDATE users SET status = 'active'");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "{ role: operator, sites: [pit-1] }", "manager");
    repository.edit(
        "access/all.yaml",
        "users:\n",
        "users:\n  li@example.com: { access: { north: { role: operator, sites: [pit-2] } } }\n",
    );
    repository
}

const ALL: [&str; 7] =
    ["plan", "--report", "markdown=plan.md", "--report", "github=plan.txt", "--report", "gitlab=plan.json"];

fn issues(repository: &Repository, file: &str) -> Vec<Value> {
    serde_json::from_str(&repository.read(file)).expect("a list of issues")
}

#[test]
fn one_run_writes_several_reports_beside_its_result() {
    let repository = changed();
    let run = repository.run(ALL);
    run.ends_with(0).prints("ben@example.com");
    let comment = repository.read("plan.md");
    assert!(
        comment.starts_with(
            "<!-- rollcall:local -->\n### rollcall · `local`: 1 person joins, 1 gains access, 1 escalation\n"
        ),
        "{comment}"
    );
    assert!(comment.contains("> **Escalation** `ben@example.com`: `manager` of `north` (was `operator`), every site (2) — an admin: can invite and remove people"), "{comment}");
    assert!(
        comment.contains(
            "| `li@example.com` |  | invited: `operator` of `north`, `pit-2`; 1 mail | `access/all.yaml`:8 |"
        ),
        "{comment}"
    );
    let digest = run
        .out
        .split("--approved ")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .expect("a digest")
        .to_owned();
    assert!(comment.contains(&format!("digest `{digest}`")), "{comment}");
    let commands = repository.read("plan.txt");
    assert_eq!(
        commands,
        "::warning file=access/all.yaml,line=12,col=15,title=rollcall escalation::escalation: ben@example.com: manager of \
         north (was operator), every site (2) (access/all.yaml:12)\n"
    );
    let issues = issues(&repository, "plan.json");
    assert_eq!(issues.len(), 1, "{issues:?}");
    assert_eq!(issues[0]["location"]["path"], "access/all.yaml");
    assert_eq!(issues[0]["location"]["lines"]["begin"], 12);
    assert_eq!(issues[0]["severity"], "critical");
    // The next run takes their place, and what nobody did is not there.
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(ALL).ends_with(0);
    assert!(repository.read("plan.md").contains("`local`: no changes"));
    assert_eq!(repository.read("plan.txt"), "");
    assert_eq!(repository.read("plan.json").trim(), "[]");
    repository.run(ALL).ends_with(0);
}

#[test]
fn formats_print_one_report_and_nothing_else() {
    let repository = changed();
    let comment = repository.run(["plan", "--format", "markdown"]);
    assert!(comment.ends_with(0).out.starts_with("<!-- rollcall:local -->"), "{comment}");
    let commands = repository.run(["plan", "--format", "github"]);
    assert!(commands.ends_with(0).out.lines().all(|line| line.starts_with("::")), "{commands}");
    assert_eq!(repository.run(["plan", "--format", "gitlab"]).ends_with(0).json().as_array().map(Vec::len), Some(1));
    let valid = repository.run(["validate", "--format", "gitlab"]);
    assert_eq!(valid.ends_with(0).json(), Value::Array(Vec::new()));
    for (arguments, told) in [
        (
            ["apply", "--format", "github"],
            "github and gitlab are formats of `rollcall plan` and `rollcall validate` only",
        ),
        (["validate", "--format", "markdown"], "markdown and html are formats of `rollcall plan` only"),
    ] {
        repository.run(arguments).ends_with(3).tells(told).prints_nothing();
    }
    repository
        .run(["validate", "--report", "markdown=x.md"])
        .ends_with(3)
        .tells("reports as markdown or html are ones of a plan");
    repository
        .run(["plan", "--report", "pdf=x"])
        .ends_with(3)
        .tells("FORMAT=FILE, with one of: markdown, html, github, gitlab");
}

/// Mistakes are told at their lines, whichever report is asked for.
#[test]
fn where_something_is_wrong_the_reports_say_so() {
    let repository = changed();
    repository.edit("access/all.yaml", "north: manager", "north: manger");
    repository.run(ALL).ends_with(3);
    let comment = repository.read("plan.md");
    assert!(
        comment.starts_with("<!-- rollcall:local -->\n### rollcall · `local`: there is no plan: 1 mistake\n"),
        "{comment}"
    );
    assert!(comment.contains("| `access/all.yaml:10` | unknown role `manger` |"), "{comment}");
    let commands = repository.read("plan.txt");
    assert!(
        commands.starts_with(
            "::error file=access/all.yaml,line=10,col=22,title=rollcall unknown-role::unknown role `manger`"
        ),
        "{commands}"
    );
    let issues = issues(&repository, "plan.json");
    assert_eq!(issues[0]["check_name"], "rollcall/unknown-role");
    assert_eq!(issues[0]["location"]["lines"]["begin"], 10);
    let valid = repository.run(["validate", "--format", "github"]);
    assert_eq!(valid.ends_with(3).out, commands);
    repository.run(["validate", "--report", "gitlab=valid.json"]).ends_with(3);
    assert_eq!(repository.read("valid.json"), repository.read("plan.json"));
    // So do settings, and a store that is not there.
    fs::remove_file(repository.file(".rollcall/store.db")).expect("removed");
    repository.edit("access/all.yaml", "manger", "manager");
    repository.run(ALL).ends_with(1);
    assert!(repository.read("plan.txt").starts_with("::error "), "{}", repository.read("plan.txt"));
    repository.write("rollcall.yaml", "version: 1\nstors: {}\n");
    repository.run(ALL).ends_with(3);
    assert!(repository.read("plan.txt").contains("file=rollcall.yaml,line=2,"), "{}", repository.read("plan.txt"));
    assert!(repository.read("plan.md").contains("`rollcall.yaml:2`"), "{}", repository.read("plan.md"));
}

#[test]
fn refusals_stand_first() {
    let repository = changed();
    repository
        .write("rollcall.yaml", &(repository.read("rollcall.yaml") + "guards: { escalations: { max_count: 0 } }\n"));
    repository.run(ALL).ends_with(4);
    let comment = repository.read("plan.md");
    let refused = comment.find("> **Refused** by guard `escalations`: this plan gives 1 person").expect("a refusal");
    assert!(refused < comment.find("**Escalation**").expect("an escalation"), "{comment}");
    assert!(comment.contains("guards: **refused**") && comment.contains("--waive escalations=sha256:"), "{comment}");
    assert!(!comment.contains("--approved"), "what is refused is not offered: {comment}");
    assert!(repository.read("plan.txt").starts_with("::error title=rollcall refused::refused by guard `escalations`"));
    assert_eq!(issues(&repository, "plan.json")[0]["severity"], "blocker");
}

#[test]
fn a_report_takes_the_place_of_another_one_only() {
    let repository = changed();
    repository.write("notes.md", "my notes\n");
    symlink("/tmp", repository.file("out")).expect("a link");
    symlink("notes.md", repository.file("link.md")).expect("a link");
    fs::create_dir(repository.file("folder")).expect("a folder");
    for (file, told) in [
        ("markdown=notes.md", "something else than a report of rollcall is there"),
        ("github=access/all.yaml", "it would be read as a manifest or as settings"),
        ("markdown=new.YML", "it would be read as a manifest or as settings"),
        ("gitlab=out/plan.json", "a link that leads out of the access repository"),
        ("markdown=link.md", "something else than a report of rollcall is there"),
        ("markdown=folder", "something else than a report of rollcall is there"),
        ("markdown=.rollcall/store.db", "something else than a report of rollcall is there"),
        ("markdown=nowhere/plan.md", "is not there"),
    ] {
        repository.run(["plan", "--report", file]).ends_with(3).tells(told).prints_nothing();
    }
    assert_eq!(repository.read("notes.md"), "my notes\n");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let file = elsewhere.path().join("plan.md");
    repository.run(["plan".to_owned(), "--report".to_owned(), format!("markdown={}", file.display())]).ends_with(0);
    assert!(fs::read_to_string(file).expect("a report").starts_with("<!-- rollcall:local -->"));
    let left: Vec<_> = fs::read_dir(elsewhere.path()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "nothing is left beside it");
}

/// Hosts name files as the checkout has them.
#[test]
fn files_are_named_from_where_the_run_began() {
    let repository = changed();
    let outer = tempfile::tempdir().expect("a folder");
    fs::rename(repository.path(), outer.path().join("100%, done")).expect("moved");
    let run = crate::support::cli::Run::of(
        std::process::Command::new(crate::support::cli::BINARY)
            .args(["-C", "100%, done", "plan", "--format", "github"])
            .current_dir(outer.path()),
    );
    assert!(run.ends_with(0).out.starts_with("::warning file=100%25%2C done/access/all.yaml,line="), "{run}");
}

/// The page holds what everybody reaches before the plan beside what it changes.
#[test]
fn a_page_holds_the_access_of_everybody() {
    let repository = changed();
    repository.run(["plan", "--report", "html=plan.html"]).ends_with(0);
    let page = repository.read("plan.html");
    let data = page.split("id=\"data\">").nth(1).and_then(|rest| rest.split("</script>").next()).expect("data");
    let data: Value = serde_json::from_str(data).expect("JSON");
    let text =
        |number: &Value| data["texts"][usize::try_from(number.as_u64().expect("a number")).expect("small")].clone();
    let people: Vec<Value> = data["people"].as_array().expect("people").iter().map(|person| text(&person[0])).collect();
    assert_eq!(people, ["ana@example.com", "ben@example.com"]);
    let changed: Vec<Value> =
        data["impact"].as_array().expect("people").iter().map(|person| text(&person[0])).collect();
    assert_eq!(changed, ["ben@example.com", "li@example.com"], "escalations first");
    let lines = data["lines"].to_string();
    assert!(lines.contains("li@example.com: { access: { north: { role: operator, sites: [pit-2] } } }"), "{lines}");
    assert!(page.contains("<h1>local: 1 person joins, 1 gains access, 1 escalation</h1>"), "{page}");
    let printed = repository.run(["plan", "--format", "html"]);
    assert!(printed.ends_with(0).out.starts_with("<!doctype html>"), "{printed}");
    repository.edit("access/all.yaml", "north: manager", "north: manger");
    repository.run(["plan", "--report", "html=plan.html"]).ends_with(3);
    assert!(repository.read("plan.html").contains("unknown role `manger`"), "{}", repository.read("plan.html"));
}

/// A removal that does not happen yet is nothing that a reviewer should find out later.
#[test]
fn a_removal_that_waits_is_told_at_its_line() {
    let repository = Repository::applied();
    repository.sql("UPDATE users SET status = 'active'");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "  ana@example.com:\n", "  ana@example.com:\n    status: inactive\n");
    repository.run(ALL).ends_with(0);
    let told = "kept for now: north would be left with too few admins without ana@example.com (1 admin missing): 1 \
                deactivation waits";
    assert_eq!(
        repository.read("plan.txt"),
        format!("::warning file=access/all.yaml,line=9,col=13,title=rollcall kept::{told}\n")
    );
    let issues = issues(&repository, "plan.json");
    assert_eq!(issues.len(), 1, "{issues:?}");
    assert_eq!((&issues[0]["check_name"], &issues[0]["description"]), (&"rollcall/kept".into(), &told.into()));
    assert_eq!(issues[0]["location"], serde_json::json!({ "path": "access/all.yaml", "lines": { "begin": 9 } }));
    // One that is refused stands at its line as well, below the refusal.
    let settings = repository.read("rollcall.yaml");
    let strict = "guards: { min_admins: 0, removals: { max_percent: 0, min_count: 0 } }\n";
    repository.write("rollcall.yaml", &format!("{settings}{strict}"));
    repository.run(ALL).ends_with(4);
    let commands = repository.read("plan.txt");
    let mut lines = commands.lines();
    assert!(lines.next().is_some_and(|line| line.starts_with("::error title=rollcall refused::")), "{commands}");
    let removal = lines.next().unwrap_or_default();
    assert!(removal.starts_with("::notice file=access/all.yaml,line=9,"), "{commands}");
}
