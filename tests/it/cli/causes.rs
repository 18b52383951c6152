//! The likely cause of a refusal where it is no file that lost people: settings, changed roles and lines, missing files,
//! and what is said where git can't tell.

use std::fs;
use std::process::Command;

use super::guards::{applied, declare, people, repository};
use super::history::{commit, git, thirty};
use crate::support::cli::{Repository, Run};

/// Thirty people of a folder beside the usual one.
fn two_folders() -> Repository {
    let repository = repository("manifests: [access, more/b.yaml]\n", "");
    repository.write("more/b.yaml", &format!("users:\n{}", people("north", 0..30)));
    repository.run(["apply", "--yes"]).ends_with(0);
    git(repository.path(), &["init", "-q", "-b", "trunk"]);
    git(repository.path(), &["add", "access", "more", "rollcall.yaml"]);
    git(repository.path(), &["commit", "-q", "-m", "one"]);
    repository
}

#[test]
fn a_list_of_manifests_that_was_narrowed_is_the_cause_and_no_file() {
    let repository = two_folders();
    repository.edit("rollcall.yaml", "[access, more/b.yaml]", "[access]");
    let words = "most likely cause: rollcall.yaml:4: `manifests` no longer reads more/b.yaml (30 people) since trunk\n";
    repository.run(["plan"]).ends_with(4).prints(words);
    repository.run(["apply", "--yes"]).ends_with(4).prints(words);
    commit(repository.path(), "narrowed");
    repository.run(["plan"]).ends_with(4).prints("no longer reads more/b.yaml (30 people) since trunk~1\n");
    // What the command line names in place of the setting is no change of it.
    let run = repository.run(["plan", "--manifests", "access"]);
    run.ends_with(4);
    assert!(!run.out.contains("`manifests`"), "{run}");
}

#[test]
fn a_file_that_is_missing_or_empty_is_told_as_that() {
    let repository = two_folders();
    let text = repository.read("more/b.yaml");
    repository.write("more/b.yaml", "");
    let words = "more/b.yaml declared 30 people at trunk and declares 0 now: the file is empty\n";
    repository.run(["plan"]).ends_with(4).prints(words);
    repository.write("more/b.yaml", &text);
    fs::create_dir(repository.file("access/team")).expect("a folder");
    fs::rename(repository.file("more/b.yaml"), repository.file("access/team/b.yaml")).expect("moved");
    repository.edit("rollcall.yaml", "[access, more/b.yaml]", "[access]");
    repository.run(["plan"]).ends_with(0).prints("no changes");
    commit(repository.path(), "moved");
    fs::remove_file(repository.file("access/team/b.yaml")).expect("removed");
    let words = "access/team/b.yaml declared 30 people at trunk and declares 0 now: the file is missing\n";
    repository.run(["plan"]).ends_with(4).prints(words);
}

#[test]
fn a_setting_that_was_changed_is_the_cause() {
    let repository = thirty();
    repository.edit("rollcall.yaml", "absent_users: deactivate", "absent_users: report");
    declare(&repository, &people("north", 0..4));
    commit(repository.path(), "who is absent is only listed");
    repository.run(["plan"]).ends_with(0);
    repository.edit("rollcall.yaml", "absent_users: report", "absent_users: deactivate");
    let words = "rollcall.yaml:3: `manage.absent_users` is `deactivate` and was `report` at trunk\n";
    repository.run(["plan"]).ends_with(4).prints(words);

    // The scope.
    repository.edit(
        "rollcall.yaml",
        "{ absent_users: deactivate",
        "{ organizations: [south], absent_users: deactivate",
    );
    declare(&repository, &people("south", 0..1));
    commit(repository.path(), "only one organization");
    repository.run(["plan"]).ends_with(3);
    declare(&repository, "");
    repository.edit("access/people.yaml", "north: manager, ", "");
    commit(repository.path(), "only one organization");
    repository.run(["plan"]).ends_with(0);
    repository.edit("rollcall.yaml", "organizations: [south], ", "");
    let words = "rollcall.yaml:3: `manage.organizations` is `all` and was `[south]` at trunk\n";
    repository.run(["plan"]).ends_with(4).prints(words);
}

#[test]
fn a_limit_that_was_lowered_is_the_cause() {
    let repository = thirty();
    let settings = repository.read("rollcall.yaml");
    repository
        .write("rollcall.yaml", &format!("{settings}guards: {{ removals: {{ max_percent: 100, min_count: 5 }} }}\n"));
    declare(&repository, &people("north", 0..4));
    commit(repository.path(), "two");
    repository.run(["plan"]).ends_with(0);
    repository.write("rollcall.yaml", &settings);
    let words = "`guards.removals` is `{ max_percent: 25, min_count: 5 }` and was `{ max_percent: 100, min_count: 5 }` at trunk\n";
    repository.run(["plan"]).ends_with(4).prints(words);
}

#[test]
fn a_setting_that_makes_no_difference_is_no_cause() {
    let repository = thirty();
    declare(&repository, &people("north", 0..4));
    repository.edit("rollcall.yaml", "absent_users: deactivate", "absent_users: deactivate, grace: 31d");
    let words = "most likely cause: access/people.yaml declared 31 people at trunk and declares 5 now\n";
    repository.run(["plan"]).ends_with(4).prints(words);
}

#[test]
fn roles_and_lines_that_were_changed_are_told_with_their_file() {
    let repository = applied("", &people("north", 0..30));
    git(repository.path(), &["init", "-q", "-b", "trunk"]);
    commit(repository.path(), "one");
    repository.edit("access/catalog.yaml", "operator: { rank: 20 }", "operator: { rank: 20, admin: true }");
    let words =
        "most likely cause: access/catalog.yaml changed 1 role (`operator`) since trunk, which reaches 30 people\n";
    repository.run(["plan"]).ends_with(4).prints("refused by guard `escalations`").prints(words);
    repository.edit("access/catalog.yaml", "operator: { rank: 20, admin: true }", "operator: { rank: 20 }");
    let text = repository.read("access/people.yaml");
    repository.write("access/people.yaml", &text.replace("north: operator", "north: manager"));
    let words = "most likely cause: access/people.yaml changed 30 lines of access since trunk\n";
    repository.run(["plan"]).ends_with(4).prints("refused by guard `escalations`").prints(words);
    // Back again is a removal.
    commit(repository.path(), "managers");
    let digest = super::guards::planned(&repository);
    repository.run(["apply", "--yes", "--waive", &format!("escalations={digest}")]).ends_with(0);
    repository.write("access/people.yaml", &text);
    repository.run(["plan"]).ends_with(4).prints("refused by guard `removals`").prints(words);
}

#[test]
fn one_line_that_many_share_is_told_with_how_many_it_reaches() {
    let members: Vec<String> = (0..30).map(|at| format!("p{at:03}@example.com")).collect();
    let user = |key: &String| format!("  {key}: {{ access: {{ south: operator }} }}\n");
    let users = members.iter().map(user).collect::<Vec<String>>().concat();
    let repository = applied("", &users);
    let crew =
        |access: &str| format!("teams:\n  crew: {{ members: [{}], access: {{ {access} }} }}\n", members.join(", "));
    repository.write("access/teams.yaml", &crew("north: operator"));
    repository.run(["apply", "--yes"]).ends_with(0);
    git(repository.path(), &["init", "-q", "-b", "trunk"]);
    commit(repository.path(), "one");
    repository.write("access/teams.yaml", &crew(""));
    let words = "most likely cause: access/teams.yaml lost 1 line of access since trunk, which reaches 30 people\n";
    repository.run(["plan"]).ends_with(4).prints(words);
    repository.write("access/teams.yaml", &crew("north: manager"));
    let words = "most likely cause: access/teams.yaml changed 1 line of access since trunk, which reaches 30 people\n";
    repository.run(["plan"]).ends_with(4).prints(words);
}

const UNTOLD: &str = "which change is to blame can't be told: ";

#[track_caller]
fn tells(run: &Run, words: &str) {
    run.ends_with(4).prints(&format!("{UNTOLD}{words}"));
    assert!(!run.out.contains("likely cause"), "{run}");
}

#[test]
fn what_is_missing_for_a_cause_is_said_in_one_line_and_only_in_a_refusal() {
    let repository = repository("", &people("north", 0..30));
    repository.run(["apply", "--yes"]).ends_with(0);
    assert!(!repository.run(["plan"]).all().contains(UNTOLD));
    declare(&repository, &people("north", 0..4));
    tells(&repository.run(["plan"]), "there is no git repository here to compare with\n");
    git(repository.path(), &["init", "-q", "-b", "trunk"]);
    tells(&repository.run(["plan"]), "nothing is committed yet to compare with\n");
    let without = Run::of(repository.command(["plan"]).env("PATH", "/nowhere"));
    tells(&without, "there is no git repository here to compare with\n");
    commit(repository.path(), "one");
    commit(repository.path(), "none");
    let run = repository.run(["plan"]);
    assert!(!run.ends_with(4).out.contains(UNTOLD), "the whole history is there\n{run}");

    let copy = Repository::empty();
    let origin = format!("file://{}", repository.path().display());
    repository.write("access/more.yaml", "");
    commit(repository.path(), "two");
    git(copy.path(), &["clone", "-q", "--depth", "1", &origin, "."]);
    fs::create_dir(copy.file(".rollcall")).expect("a folder");
    fs::copy(repository.file(".rollcall/store.db"), copy.file(".rollcall/store.db")).expect("the store");
    tells(&copy.run(["plan"]), "this clone is shallow; fetch its history (in CI: `fetch-depth: 0`");
    let unshallow = Command::new("git").args(["fetch", "-q", "--unshallow"]).current_dir(copy.path()).status();
    assert!(unshallow.expect("git is there").success());
    assert!(!copy.run(["plan"]).ends_with(4).out.contains(UNTOLD));
}

/// With nobody declared there is no plan to refuse; which file is empty is said there too.
#[test]
fn where_nobody_is_declared_empty_files_are_named() {
    let repository = repository("", &people("north", 0..3));
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.write("access/people.yaml", "");
    let run = repository.run(["plan"]);
    run.ends_with(3).tells("no-user-declared").tells("access/people.yaml:1:1").tells("this file is empty");
    repository.write("access/people.yaml", "users: {}\n");
    let run = repository.run(["plan"]);
    assert!(!run.ends_with(3).err.contains("this file is empty"), "{run}");
}
