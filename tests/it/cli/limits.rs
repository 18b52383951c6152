//! A limit of the machine on the size of files, as a full disk: told, with nothing half written in place.

use std::fmt::Write as _;
use std::process::Stdio;

use super::super::support::cli::{BINARY, Repository, Run};

/// A repository with so many people that what is written about them is larger than the limit.
fn repository() -> Repository {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        "version: 1\nstores: { local: { sqlite: { path: s.db } } }\nmanage: { absent_users: report }\nguards: { \
         invitations: { max_count: 9999 }, escalations: { max_count: 9999 }, mails: { max_count: 9999 } }\n",
    );
    let people = (0..1500).fold(String::new(), |mut people, number| {
        let _ = writeln!(people, "  user-{number}@example.com: {{ access: {{ north: operator }} }}");
        people
    });
    repository.write(
        "access/a.yaml",
        &format!("organizations: {{ north: {{}} }}\nroles: {{ operator: {{ rank: 1 }} }}\nusers:\n{people}"),
    );
    repository.run(["init"]).ends_with(0);
    repository
}

/// Runs a command under a limit of 80 blocks, whatever the shell takes for one.
fn limited(repository: &Repository, arguments: &[&str]) -> Run {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -f 80; exec \"$0\" \"$@\"", BINARY]).args(arguments);
    Run::of(command.current_dir(repository.path()).stdin(Stdio::null()))
}

#[test]
fn a_file_that_may_not_grow_is_told() {
    let repository = repository();
    // The catalog was made before the journal had no room.
    for (arguments, code, words) in [
        (&["plan", "--out", "p.json"][..], 1, "the plan can't be saved"),
        (&["apply", "--yes", "-q"], 6, "nothing can be journalled"),
    ] {
        let run = limited(&repository, arguments);
        run.ends_with(code).tells("error: ").tells(words);
        assert!(!repository.file("p.json").exists(), "{run}");
    }
    repository.run(["apply", "--yes"]).ends_with(0);
    for arguments in [
        &["import", "--out", "seen"][..],
        &["export", "--format", "json", "--out", "people.json"],
        &["export", "--format", "csv", "--out", "people.csv"],
    ] {
        let run = limited(&repository, arguments);
        run.ends_with(1).tells("error: ").tells("can't be");
        assert!(["seen", "people.json", "people.csv"].iter().all(|name| !repository.file(name).exists()), "{run}");
    }
    let fresh = Repository::empty();
    limited(&fresh, &["init"]).ends_with(1).tells("error: ");
    assert!(!fresh.file(".rollcall/store.db").exists());
    fresh.run(["init"]).ends_with(0);
}
