//! Every exit code, and on which stream it is explained.

use std::fs;

use super::super::support::cli::{Repository, Run};

#[test]
fn done_is_0_and_changes_are_2_where_asked_for() {
    let repository = Repository::small();
    repository.run(["plan"]).ends_with(0).prints("7 actions: ").tells_nothing();
    repository.run(["plan", "--detailed-exitcode"]).ends_with(2).prints("7 actions: ");
    repository.run(["apply", "--yes"]).ends_with(0).prints("7 actions: 7 done").tells_nothing();
    repository.run(["plan", "--detailed-exitcode"]).ends_with(0).prints("no changes");
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn nothing_to_do_needs_no_yes() {
    let repository = Repository::applied();
    repository.run(["apply"]).ends_with(0).prints("no changes").tells_nothing();
}

#[test]
fn without_a_terminal_apply_needs_a_yes() {
    let repository = Repository::small();
    let before = fs::read(repository.file(".rollcall/store.db")).unwrap();
    repository.run(["apply"]).ends_with(3).tells("use --yes");
    assert!(fs::read(repository.file(".rollcall/store.db")).unwrap() == before, "nothing was written");
}

#[test]
fn a_store_that_is_not_there_is_1_with_advice() {
    let repository = Repository::small();
    fs::remove_file(repository.file(".rollcall/store.db")).unwrap();
    for command in [
        &["plan"][..],
        &["apply", "--yes"],
        &["import", "--out", "new"],
        &["explain", "ana@example.com"],
        &["invitations", "list"],
        &["invitations", "accept", "ana@example.com"],
    ] {
        let run = repository.run(command);
        run.ends_with(1).prints_nothing().tells("rollcall init");
        assert!(!repository.file(".rollcall/store.db").exists(), "only init makes store files\n{run}");
    }
    repository.run(["validate"]).ends_with(0).prints("valid: 2 users, 1 organization, 2 roles");
}

#[test]
fn a_file_that_is_no_store_is_told() {
    let repository = Repository::small();
    repository
        .write(".rollcall/store.db", "this is no database, and long enough to be looked at as one, or so it says");
    repository.run(["plan"]).ends_with(3).prints_nothing().tells("store.db");
    repository.write(".rollcall/store.db", "");
    let run = repository.run(["plan"]);
    assert!(matches!(run.code, Some(1 | 3)), "an empty file is no empty store\n{run}");
}

#[test]
fn the_command_line_is_judged_with_3() {
    let repository = Repository::small();
    for command in [
        &["plan", "--frobnicate"][..],
        &["frobnicate"],
        &[],
        &["plan", "--at", "tomorrow"],
        &["plan", "--format", "xml"],
        &["import"],
        &["explain"],
        &["schema", "nothing"],
        &["completions", "nosuchshell"],
        &["plan", "-v", "-q"],
        &["invitations"],
    ] {
        repository.run(command).ends_with(3).prints_nothing();
    }
    repository.run(["plan", "--store", "nowhere"]).ends_with(3).prints_nothing().tells("nowhere").tells("local");
    repository.run(["plan", "--manifests", "nowhere"]).ends_with(3).prints_nothing().tells("nowhere");
    repository.run(["plan", "-C", "nowhere"]).ends_with(3).prints_nothing().tells("nowhere").tells("-C DIR");
    repository.run(["plan", "-C", "access"]).ends_with(3).prints_nothing().tells("access").tells("rollcall init");
}

#[test]
fn help_and_version_are_results() {
    let repository = Repository::empty();
    repository.run(["--version"]).ends_with(0).prints("rollcall ").tells_nothing();
    let help = repository.run(["--help"]);
    help.ends_with(0).tells_nothing();
    for word in ["Exit codes", "0 done", "1 could not", "2 there are", "3 invalid", "4 refused", "5 stale", "6 applied"]
    {
        help.prints(word);
    }
    for command in ["init", "validate", "plan", "apply", "import", "explain", "invitations", "schema", "completions"] {
        help.prints(command);
        repository.run([command, "--help"]).ends_with(0).prints("Usage: rollcall").tells_nothing();
    }
}

#[test]
fn wrong_settings_and_manifests_are_3_with_their_lines() {
    let repository = Repository::small();
    repository.edit("access/all.yaml", "ben@example.com:", "ben@example.com:\n    status: gone");
    for command in [&["validate"][..], &["plan"], &["apply", "--yes"], &["explain", "ana@example.com"]] {
        repository.run(command).ends_with(3).prints_nothing().tells("access/all.yaml:11:").tells("1 error");
    }
    repository.edit("rollcall.yaml", "stores", "stroes");
    for command in [&["validate"][..], &["plan"], &["apply"], &["import", "--out", "new"], &["invitations", "list"]] {
        repository.run(command).ends_with(3).prints_nothing().tells("rollcall.yaml:2:1").tells("did you mean `stores`");
    }
    fs::remove_file(repository.file("rollcall.yaml")).unwrap();
    repository.run(["plan"]).ends_with(3).prints_nothing().tells("rollcall init");
}

#[test]
fn manifests_without_anybody_never_mean_everybody() {
    let repository = Repository::applied();
    repository.edit("access/all.yaml", "users:", "users: {}\nteams: {}\n#");
    let text = repository.read("access/all.yaml");
    let end = text.find("#\n").unwrap();
    repository.write("access/all.yaml", &text[..end]);
    repository.run(["validate"]).ends_with(0);
    for command in [&["plan"][..], &["apply", "--yes"]] {
        repository.run(command).ends_with(3).prints_nothing().tells("no-user-declared").tells("2 people");
    }
    let empty = Repository::small();
    empty.write("access/all.yaml", "");
    empty.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn import_overwrites_nothing() {
    let repository = Repository::applied();
    let before = repository.read("access/all.yaml");
    repository.run(["import", "--out", "access"]).ends_with(3).prints_nothing().tells("nothing is overwritten");
    repository.write("deep/er/x.yml", "");
    repository.run(["import", "--out", "deep"]).ends_with(3).prints_nothing();
    repository.write("file", "");
    repository.run(["import", "--out", "file"]).ends_with(1).prints_nothing();
    assert_eq!(repository.read("access/all.yaml"), before);
}

#[test]
fn an_approval_holds_for_its_plan_only() {
    let repository = Repository::small();
    let digest = |run: &Run| run.json()["digest"].as_str().unwrap().to_owned();
    let approved = digest(&repository.run(["plan", "--format", "json"]));
    let again = digest(&repository.run(["plan", "--format", "json", "--at", "2027-01-01T00:00:00Z"]));
    assert_eq!(again, approved, "time alone changes nothing yet");
    repository.edit("access/all.yaml", "ben@example.com", "kim@example.com");
    let run = repository.run(["apply", "--approved", &approved]);
    run.ends_with(5).tells("another one now").tells(&approved);
    repository.run(["apply", "--approved", "sha256:\u{1b}[2J"]).ends_with(3).tells("is no digest");
    repository.run(["plan"]).ends_with(0).prints("7 actions: ");
    let now = digest(&repository.run(["plan", "--format", "json"]));
    repository.run(["apply", "--approved", &now]).ends_with(0).prints("7 done");
}

#[test]
fn a_failure_among_others_is_6() {
    let repository = Repository::applied();
    repository.edit("access/all.yaml", "ben@example.com:", "ben@example.com:\n    given_name: Ben");
    repository.edit("access/all.yaml", "users:", "users:\n  kim@example.com: { access: {} }");
    repository.sql(
        "CREATE TRIGGER stubborn BEFORE UPDATE OF given_name ON users
         BEGIN SELECT RAISE(ABORT, 'names are carved in stone'); END",
    );
    let run = repository.run(["apply", "--yes"]);
    run.ends_with(6).prints("carved in stone").prints("1 done");
    repository.sql("DROP TRIGGER stubborn");
    repository.run(["apply", "--yes"]).ends_with(0).prints("1 done");
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn where_nothing_could_be_written_it_is_1() {
    let repository = Repository::applied();
    repository.edit("access/all.yaml", "ben@example.com:", "ben@example.com:\n    given_name: Ben");
    repository.sql("CREATE TRIGGER stubborn BEFORE UPDATE OF given_name ON users BEGIN SELECT RAISE(ABORT, 'no'); END");
    repository.run(["apply", "--yes"]).ends_with(1);
}
