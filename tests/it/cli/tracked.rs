//! A store or a journal in git would belong to whoever proposes a change.

use std::fs;

use crate::support::cli::Repository;
use crate::support::git::git;

fn in_git(repository: &Repository) {
    git(repository.path(), &["init", "-q", "-b", "main"]);
    git(repository.path(), &["add", "rollcall.yaml", "access", ".gitignore"]);
    git(repository.path(), &["commit", "-q", "-m", "one"]);
}

#[test]
fn a_store_or_a_journal_that_is_in_git_is_neither_planned_for_nor_written() {
    for file in [
        ".rollcall/store.db",
        ".rollcall/store.db-wal",
        ".rollcall/journal-local.jsonl",
        ".rollcall/outbox/mail.eml",
        ".rollcall/secrets",
    ] {
        let repository = Repository::applied();
        in_git(&repository);
        repository.run(["plan"]).ends_with(0);
        let was = fs::read(repository.file(".rollcall/store.db")).expect("the store");
        if !repository.file(file).exists() {
            repository.write(file, "");
        }
        git(repository.path(), &["add", "-f", file]);
        let told = format!("`{file}` is in git, and belongs to this machine alone");
        for arguments in [&["plan"][..], &["plan", "--base", "HEAD"], &["apply", "--yes"]] {
            let run = repository.run(arguments);
            run.ends_with(1).prints_nothing().tells(&told).tells("`git rm --cached -r .rollcall`");
        }
        assert_eq!(fs::read(repository.file(".rollcall/store.db")).expect("the store"), was);
        // What reads no store does not mind; an emergency is no time for it.
        repository.run(["validate"]).ends_with(0);
        repository.run(["plan", "--against", "HEAD"]).ends_with(0);
        // The way out that is named.
        git(repository.path(), &["rm", "-q", "--cached", "-r", ".rollcall"]);
        let _ = fs::remove_file(repository.file(".rollcall/store.db-wal"));
        repository.run(["plan"]).ends_with(0);
    }
    let repository = Repository::applied();
    in_git(&repository);
    git(repository.path(), &["add", "-f", ".rollcall/store.db"]);
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0);
}

#[test]
fn a_store_elsewhere_and_a_folder_that_is_a_link_are_looked_for_too() {
    let repository = Repository::empty();
    let settings = |path: &str| {
        format!(
            "version: 1\nstores: {{ local: {{ sqlite: {{ path: {path} }} }} }}\nmanage: {{ absent_users: report }}\n"
        )
    };
    repository.write("rollcall.yaml", &settings("data/live.db"));
    repository.write("access/all.yaml", "organizations: { north: {} }\n");
    repository.run(["init"]).ends_with(0);
    in_git(&repository);
    repository.run(["plan"]).ends_with(0);
    git(repository.path(), &["add", "data/live.db"]);
    repository.run(["plan"]).ends_with(1).tells("`data/live.db` is in git").tells("`git rm --cached data/live.db`");
    // By its whole path, and through a folder that a change made a link.
    repository.write("rollcall.yaml", &settings(&repository.file("data/live.db").to_string_lossy()));
    repository.run(["plan"]).ends_with(1).tells("`data/live.db` is in git");
    std::os::unix::fs::symlink("data", repository.file("linked")).expect("linked");
    repository.write("rollcall.yaml", &settings("linked/live.db"));
    repository.run(["plan"]).ends_with(1).tells("`data/live.db` is in git");

    let repository = Repository::applied();
    in_git(&repository);
    fs::rename(repository.file(".rollcall"), repository.file("kept")).expect("renamed");
    std::os::unix::fs::symlink("kept", repository.file(".rollcall")).expect("linked");
    git(repository.path(), &["add", "-f", ".rollcall"]);
    repository.run(["plan"]).ends_with(1).tells("`.rollcall` is in git");
}

/// What says that the rest stays out of git may be in it.
#[test]
fn a_file_that_keeps_the_folder_is_no_mistake() {
    let repository = Repository::applied();
    in_git(&repository);
    repository.write(".rollcall/.gitignore", "*\n!.gitignore\n");
    git(repository.path(), &["add", "-f", ".rollcall/.gitignore"]);
    repository.run(["plan"]).ends_with(0);
}

#[test]
fn init_tells_where_git_would_take_a_store() {
    let repository = Repository::empty();
    repository.write(".gitignore", "/target/\n");
    git(repository.path(), &["init", "-q", "-b", "main"]);
    let run = repository.run(["init"]);
    run.ends_with(0).tells("git does not ignore `.rollcall/store.db`").tells("add `/.rollcall/`");
    assert_eq!(repository.read(".gitignore"), "/target/\n", "it overwrites nothing");
    repository.write(".gitignore", "/.rollcall/\n");
    repository.run(["init"]).ends_with(0).tells_nothing();
}

/// Where git can't say what it has, nothing is taken for sure.
#[test]
fn a_store_of_which_git_does_not_tell_is_refused() {
    let repository = Repository::applied();
    in_git(&repository);
    // A repository that git does not read.
    let config = repository.read(".git/config");
    repository.write(".git/config", "[core\n");
    repository.run(["plan"]).ends_with(1).tells("git does not say").tells("`safe.directory`");
    repository.run(["apply", "--yes"]).ends_with(1).tells("git does not say");
    repository.write(".git/config", &config);
    repository.run(["plan"]).ends_with(0);
    // A submodule on the way to the store.
    let settings = repository.read("rollcall.yaml").replace(".rollcall/store.db", "data/store.db");
    fs::create_dir(repository.file("data")).expect("a folder");
    fs::rename(repository.file(".rollcall/store.db"), repository.file("data/store.db")).expect("moved");
    repository.write("rollcall.yaml", &settings);
    git(&repository.file("data"), &["init", "-q", "-b", "main"]);
    git(&repository.file("data"), &["add", "-f", "store.db"]);
    git(&repository.file("data"), &["commit", "-q", "-m", "one"]);
    git(repository.path(), &["-c", "advice.addEmbeddedRepo=false", "add", "-f", "data"]);
    git(repository.path(), &["commit", "-q", "-m", "two"]);
    repository.run(["plan"]).ends_with(1).tells("`data` is in git");
}
