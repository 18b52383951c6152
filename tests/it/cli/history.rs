//! The likely cause of a refusal, from git: told where the history says it, not guessed, and nothing is ever run.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::guards::{declare, people, repository};
use crate::support::cli::{Repository, Run};
pub(super) use crate::support::git::git;

#[test]
fn the_likely_cause_is_told_from_git_and_nothing_of_the_repository_is_run() {
    let repository = repository("", &people("north", 0..30));
    repository.run(["apply", "--yes"]).ends_with(0);
    let folder = repository.path();
    git(folder, &["init", "-q", "-b", "trunk"]);
    git(folder, &["add", "access", "rollcall.yaml"]);
    git(folder, &["commit", "-q", "-m", "one"]);
    declare(&repository, &people("north", 0..4));
    let words = "most likely cause: access/people.yaml declared 31 people at trunk and declares 5 now\n";
    repository.run(["plan"]).ends_with(4).prints(words);
    git(folder, &["commit", "-q", "-a", "-m", "two"]);
    let words = "most likely cause: access/people.yaml declared 31 people at trunk~1 and declares 5 now\n";
    repository.run(["plan"]).ends_with(4).prints(words);
    repository.run(["apply", "--yes"]).ends_with(4).prints(words);

    // Every setting by which a repository can make git run something.
    let marker = repository.file("marker");
    let run = format!("touch {}", marker.display());
    let hook = repository.file("hooks/run");
    repository.write("hooks/run", &format!("#!/bin/sh\n{run}\ncat\n"));
    Command::new("chmod").arg("+x").arg(&hook).status().unwrap();
    for name in ["post-index-change", "reference-transaction", "pre-commit"] {
        fs::copy(&hook, folder.join("hooks").join(name)).unwrap();
    }
    let hook = hook.to_string_lossy().into_owned();
    for (name, value) in [
        ("core.fsmonitor", hook.as_str()),
        ("core.hooksPath", "hooks"),
        ("core.pager", &hook),
        ("pager.ls-tree", &hook),
        ("pager.cat-file", &hook),
        ("core.sshCommand", &hook),
        ("core.editor", &hook),
        ("core.askPass", &hook),
        ("core.alternateRefsCommand", &hook),
        ("diff.external", &hook),
        ("diff.evil.textconv", &hook),
        ("filter.evil.smudge", &hook),
        ("filter.evil.clean", &hook),
        ("gpg.program", &hook),
        ("alias.ls-tree", &format!("!{run}")),
        ("credential.helper", &format!("!{run}")),
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", "file:///"),
        ("remote.origin.uploadpack", &hook),
        ("protocol.ext.allow", "always"),
        ("protocol.file.allow", "always"),
        ("protocol.allow", "always"),
    ] {
        git(folder, &["config", name, value]);
    }
    let _ = fs::remove_file(&marker);
    repository.write(".gitattributes", "* filter=evil diff=evil\n");
    repository.run(["plan"]).ends_with(4).prints(words);
    assert!(!marker.exists(), "something was run");
    // With an object missing, git would fetch it by what the configuration names.
    for entry in fs::read_dir(folder.join(".git/objects")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name.len() == 2) {
            fs::remove_dir_all(path).unwrap();
        }
    }
    for url in ["file:///", "ext::sh -c touch% marker", "/"] {
        let text = fs::read_to_string(folder.join(".git/config")).unwrap();
        let text: Vec<String> =
            text.lines()
                .map(|line| {
                    if line.trim_start().starts_with("url =") { format!("\turl = \"{url}\"") } else { line.to_owned() }
                })
                .collect();
        fs::write(folder.join(".git/config"), text.join("\n")).unwrap();
        let refused = repository.run(["plan"]);
        refused.ends_with(4).prints("refused by guard `removals`");
        assert!(!refused.out.contains("likely cause"), "what can't be read is not guessed\n{refused}");
        assert!(!marker.exists(), "something was run\n{refused}");
    }
}

pub(super) fn commit(folder: &Path, message: &str) {
    git(folder, &["add", "-A", "access", "rollcall.yaml"]);
    git(folder, &["commit", "-q", "--allow-empty", "-m", message]);
}

/// Thirty people of one file, applied and committed on `trunk`.
pub(super) fn thirty() -> Repository {
    let repository = repository("", &people("north", 0..30));
    repository.run(["apply", "--yes"]).ends_with(0);
    git(repository.path(), &["init", "-q", "-b", "trunk"]);
    commit(repository.path(), "one");
    repository
}

#[track_caller]
fn tells_no_cause(run: &Run) {
    run.ends_with(4).prints("refused by guard");
    assert!(!run.out.contains("likely cause"), "{run}");
}

const PEOPLE_BEFORE: &str = "most likely cause: access/people.yaml declared 31 people at trunk~1 and declares 5 now\n";

#[test]
fn without_git_no_cause_is_told() {
    let repository = repository("", &people("north", 0..30));
    repository.run(["apply", "--yes"]).ends_with(0);
    declare(&repository, &people("north", 0..4));
    tells_no_cause(&repository.run(["plan"]));
    // Nor without the program.
    git(repository.path(), &["init", "-q"]);
    tells_no_cause(&Run::of(repository.command(["plan"]).env("PATH", "/nowhere")));
}

#[test]
fn a_repository_without_a_commit_tells_no_cause() {
    let repository = repository("", &people("north", 0..30));
    repository.run(["apply", "--yes"]).ends_with(0);
    git(repository.path(), &["init", "-q"]);
    declare(&repository, &people("north", 0..4));
    tells_no_cause(&repository.run(["plan"]));
}

#[test]
fn objects_that_are_packed_are_read() {
    let repository = thirty();
    declare(&repository, &people("north", 0..4));
    commit(repository.path(), "two");
    git(repository.path(), &["gc", "-q", "--aggressive", "--prune=now"]);
    repository.run(["plan"]).ends_with(4).prints(PEOPLE_BEFORE);
}

#[test]
fn a_detached_head_is_called_head() {
    let repository = thirty();
    declare(&repository, &people("north", 0..4));
    commit(repository.path(), "two");
    git(repository.path(), &["checkout", "-q", "--detach"]);
    repository.run(["plan"]).ends_with(4).prints("declared 31 people at HEAD~1 and declares 5 now\n");
}

/// The checkout of many a CI service: one commit, and nothing before it.
#[test]
fn a_shallow_clone_tells_only_what_it_holds() {
    let repository = thirty();
    declare(&repository, &people("north", 0..4));
    commit(repository.path(), "two");
    let origin = format!("file://{}", repository.path().display());
    let clone = |depth: &str| {
        let copy = Repository::empty();
        git(copy.path(), &["clone", "-q", "--depth", depth, &origin, "."]);
        fs::create_dir(copy.file(".rollcall")).expect("a folder");
        fs::copy(repository.file(".rollcall/store.db"), copy.file(".rollcall/store.db")).expect("the store");
        copy
    };
    let shallow = clone("1");
    let run = shallow.run(["plan"]);
    tells_no_cause(&run);
    // A change that is not committed shows against the one commit.
    declare(&shallow, "");
    let words = "declared 5 people at trunk and declares 1 now";
    assert!(!shallow.run(["plan"]).out.contains(words), "four of thirty explain nothing");
    clone("2").run(["plan"]).ends_with(4).prints(PEOPLE_BEFORE);
}

#[test]
fn what_moved_to_another_file_is_no_cause() {
    let repository = thirty();
    // All move, and most are taken out in the same change: the file that has fewer is told, and not the move.
    let text = repository.read("access/people.yaml");
    repository.write("access/more.yaml", &text);
    fs::remove_file(repository.file("access/people.yaml")).expect("removed");
    commit(repository.path(), "moved");
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository.write(
        "access/more.yaml",
        &format!(
            "users:\n  ana@example.com: {{ access: {{ north: manager, south: manager }} }}\n{}",
            people("north", 0..4)
        ),
    );
    repository.run(["plan"]).ends_with(4).prints("access/more.yaml declared 31 people at trunk and declares 5 now\n");
    commit(repository.path(), "fewer");
    repository.run(["plan"]).ends_with(4).prints("access/more.yaml declared 31 people at trunk~1 and declares 5 now\n");
}

#[test]
fn a_file_that_is_gone_declares_nobody() {
    let repository = thirty();
    repository.write("access/more.yaml", "users:\n  zoe@example.com: { access: { north: manager, south: manager } }\n");
    fs::remove_file(repository.file("access/people.yaml")).expect("removed");
    let words = "access/people.yaml declared 31 people at trunk and declares 0 now: the file is missing\n";
    repository.run(["plan"]).ends_with(4).prints(words);
}

#[test]
fn a_change_some_revisions_ago_is_found_also_behind_a_merge_and_a_broken_revision() {
    let repository = thirty();
    let folder = repository.path();
    git(folder, &["checkout", "-q", "-b", "change"]);
    declare(&repository, &people("north", 0..4));
    commit(folder, "fewer");
    let good = repository.read("access/people.yaml");
    repository.write("access/people.yaml", "users: [\n");
    commit(folder, "broken");
    repository.write("access/people.yaml", &good);
    commit(folder, "mended");
    repository.run(["plan"]).ends_with(4).prints("declared 31 people at change~3 and declares 5 now\n");
    git(folder, &["checkout", "-q", "trunk"]);
    git(folder, &["merge", "-q", "--no-ff", "-m", "merge", "change"]);
    repository.run(["plan"]).ends_with(4).prints(PEOPLE_BEFORE);
}

#[test]
fn an_access_repository_within_another_repository_is_read_by_its_own_paths() {
    let repository = repository("", &people("north", 0..30));
    repository.run(["apply", "--yes"]).ends_with(0);
    let outer = Repository::empty();
    let inner = outer.file("company/access-repository");
    fs::create_dir_all(inner.parent().expect("a folder")).expect("the folder");
    let copied = Command::new("cp").arg("-r").arg(repository.path()).arg(&inner).status().expect("cp is there");
    assert!(copied.success());
    git(outer.path(), &["init", "-q", "-b", "trunk"]);
    git(outer.path(), &["add", "company/access-repository/access"]);
    git(outer.path(), &["commit", "-q", "-m", "one"]);
    declare(&repository, &people("north", 0..4));
    fs::copy(repository.file("access/people.yaml"), inner.join("access/people.yaml")).expect("copied");
    let words = "access/people.yaml declared 31 people at trunk and declares 5 now\n";
    for arguments in [&["plan"][..], &["plan", "--manifests", "access"], &["plan", "--manifests", "./access/"]] {
        let mut words_of = vec!["-C", "company/access-repository"];
        words_of.extend(arguments);
        outer.run(words_of).ends_with(4).prints(words);
    }
}

/// Leavers and tombstones are counted as what they are.
#[test]
fn tombstones_and_leavers_are_told_where_they_were_added() {
    let repository = thirty();
    let text = repository.read("access/people.yaml");
    repository.write("access/people.yaml", &text.replace("{ access: { north: operator } }", "{ status: absent }"));
    let words = "access/people.yaml declared 0 leavers at trunk and declares 30 now\n";
    repository.run(["plan"]).ends_with(4).prints(words);
    repository.write("access/people.yaml", &text);
    let keys: Vec<String> = (0..30).map(|at| format!("  - p{at:03}@example.com\n")).collect();
    repository.write("access/left.yaml", &format!("inactive:\n{}", keys.concat()));
    repository.run(["plan"]).ends_with(4).prints("access/left.yaml declared 0 leavers at trunk and declares 30 now\n");
}

/// What a pull request can bring along: a folder that looks like a repository of its own, with settings of its own.
#[test]
fn a_bare_repository_among_the_files_is_not_believed() {
    let repository = thirty();
    let other = Repository::empty();
    git(other.path(), &["init", "-q", "-b", "evil"]);
    other.write("access/people.yaml", &format!("users:\n{}", people("north", 0..90)));
    git(other.path(), &["add", "access"]);
    git(other.path(), &["commit", "-q", "-m", "one"]);
    fs::remove_dir_all(repository.file(".git")).expect("removed");
    for name in ["HEAD", "config", "objects", "refs"] {
        let copied = Command::new("cp")
            .arg("-r")
            .arg(other.file(".git").join(name))
            .arg(repository.path())
            .status()
            .expect("cp");
        assert!(copied.success());
    }
    git(repository.path(), &["config", "--file", "config", "core.bare", "true"]);
    declare(&repository, &people("north", 0..4));
    tells_no_cause(&repository.run(["plan"]));
}
