//! What must not happen however the machine, or somebody on it, behaves: nobody is invited twice without a word.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use rollcall::journal::{Journal, verify};

use super::super::support::cli::{Repository, Run};

const JOURNAL: &str = ".rollcall/journal-local.jsonl";
const STORE: &str = ".rollcall/store.db";

fn lose_the_store(repository: &Repository) {
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(repository.file(&format!("{STORE}{suffix}"))).ok();
    }
}

#[test]
fn a_lost_store_is_not_begun_anew_beside_its_journal() {
    let repository = Repository::applied();
    lose_the_store(&repository);
    for command in [&["init"][..], &["plan"], &["apply", "--yes"], &["explain", "north"], &["invitations", "list"]] {
        let run = repository.run(command);
        run.ends_with(1).tells("from a backup").tells("move `./.rollcall/journal-local.jsonl` away").prints_nothing();
        assert!(!repository.file(STORE).exists(), "{run}");
    }
    // The way out that the message names.
    fs::rename(repository.file(JOURNAL), repository.file("old.jsonl")).unwrap();
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
}

#[test]
fn a_store_that_its_journal_does_not_know_is_neither_planned_for_nor_written() {
    let repository = Repository::applied();
    lose_the_store(&repository);
    fs::rename(repository.file(JOURNAL), repository.file("kept")).unwrap();
    repository.run(["init"]).ends_with(0);
    fs::rename(repository.file("kept"), repository.file(JOURNAL)).unwrap();
    for command in [&["plan"][..], &["plan", "--format", "json"], &["apply", "--yes"]] {
        let run = repository.run(command);
        run.ends_with(1).tells("everybody would be invited again");
        assert!(!run.out.contains("\"actions\""), "no plan is shown\n{run}");
    }
    let users: i64 = repository.store().query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap();
    assert_eq!(users, 0);
}

#[test]
fn a_clone_without_the_journal_goes_on_and_says_so() {
    let repository = Repository::applied();
    fs::remove_file(repository.file(JOURNAL)).unwrap();
    repository.run(["plan"]).ends_with(0).prints("no changes").tells("there is no journal");
    repository.edit("access/all.yaml", "role: operator, sites: [pit-1]", "role: operator, sites: [pit-1, pit-2]");
    repository.run(["invitations", "accept", "ben@example.com"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0).tells("is empty or new").prints("1 action: 1 done");
    repository.run(["apply", "--yes"]).ends_with(0).tells_nothing();
    assert!(repository.read(JOURNAL).contains("\"missing\""), "an audit finds it");
    verify(&repository.file(JOURNAL), |_| {}).unwrap();
}

#[test]
fn a_journal_that_is_not_whole_is_told() {
    let whole = Repository::applied();
    let text = whole.read(JOURNAL);
    let lines: Vec<&str> = text.lines().collect();
    let cut = lines[..lines.len() - 1].join("\n") + "\n";
    for (journal, told) in [
        (cut, "the end of the journal"),
        (String::new(), "is empty or new"),
        (format!("{text}rubbish\n"), "line 16 at the end of the journal"),
        (format!("{text}rubbish\nmore\n"), "lines 16 to 17 at the end of the journal"),
        (format!("{text}{{\"seq\":16"), "goes on after line 15"),
    ] {
        let repository = Repository::applied();
        assert_eq!(lines.len(), 15);
        // Another run of the same: the store, and what it has seen, go with the journal.
        fs::copy(whole.file(STORE), repository.file(STORE)).unwrap();
        repository.write(JOURNAL, &journal);
        repository.run(["-q", "apply", "--yes"]).ends_with(0).tells("warning: ").tells(told);
    }
    whole.run(["apply", "--yes"]).ends_with(0).tells_nothing();
}

#[test]
fn nobody_is_invited_again_because_the_store_came_from_an_old_backup() {
    let repository = Repository::applied();
    fs::copy(repository.file(STORE), repository.file("backup")).unwrap();
    let zoe = "  zoe@example.com:\n    access: { north: operator }\n";
    repository.write("access/more.yaml", &format!("users:\n{zoe}"));
    repository.run(["apply", "--yes"]).ends_with(0).tells_nothing();
    fs::copy(repository.file("backup"), repository.file(STORE)).unwrap();
    let told = "1 of these people has been invited already";
    repository.run(["plan"]).ends_with(0).tells(told).prints("zoe@example.com");
    repository.run(["apply", "--yes"]).ends_with(1).tells(told).tells("goes on after line 15");
    let digest = repository.run(["plan", "--format", "json"]).json()["digest"].as_str().unwrap().to_owned();
    repository.run(["apply", "--approved", &digest]).ends_with(0).tells(told);
    repository.run(["apply", "--yes"]).ends_with(0).tells_nothing();
}

#[test]
fn another_journal_in_the_place_of_its_own_is_told() {
    let repository = Repository::applied();
    let end = |repository: &Repository| repository.read(JOURNAL).lines().count();
    let other = Repository::applied();
    fs::copy(repository.file(STORE), other.file(STORE)).unwrap();
    fs::remove_file(other.file(JOURNAL)).unwrap();
    other.edit("access/all.yaml", "ana@example.com:", "ana@example.com:\n    given_name: Ana");
    other.run(["apply", "--yes"]).ends_with(0).tells("is empty or new");
    // The store goes on with the journal of the other folder, which is shorter.
    fs::copy(other.file(STORE), repository.file(STORE)).unwrap();
    assert!(end(&other) < end(&repository));
    repository.run(["apply", "--yes"]).ends_with(0).tells("is another one than the store has seen");
}

/// Stores that were made before there was a table for it.
#[test]
fn a_store_without_a_memory_of_its_journal_gets_one() {
    let repository = Repository::small();
    repository.sql("DROP TABLE journals");
    repository.run(["plan"]).ends_with(0).tells_nothing();
    repository.run(["apply", "--yes"]).ends_with(0).tells_nothing();
    let line: i64 = repository.store().query_row("SELECT line FROM journals", [], |row| row.get(0)).unwrap();
    assert_eq!(line, 15);
}

#[test]
fn a_journal_or_its_folder_is_not_reached_through_links() {
    let outside = tempfile::tempdir().unwrap();
    let repository = Repository::small();
    let target = outside.path().join("victim");
    fs::write(&target, "").unwrap();
    symlink(&target, repository.file(JOURNAL)).unwrap();
    repository.run(["apply", "--yes"]).ends_with(1).tells("a link, which is not followed");
    repository.run(["plan"]).ends_with(1).tells("a link, which is not followed");
    assert_eq!(fs::read_to_string(&target).unwrap(), "");
    fs::remove_file(&target).unwrap();
    repository.run(["apply", "--yes"]).ends_with(1).tells("a link, which is not followed");
    assert!(!target.exists(), "made through a link to nowhere");

    let repository = Repository::small();
    fs::rename(repository.file(".rollcall"), outside.path().join("moved")).unwrap();
    symlink(outside.path().join("moved"), repository.file(".rollcall")).unwrap();
    for (command, code) in [(&["apply", "--yes"][..], 3), (&["plan"], 1)] {
        repository.run(command).ends_with(code).tells("leads out of the access repository");
    }
    fs::remove_file(outside.path().join("moved/store.db")).unwrap();
    repository.run(["init"]).ends_with(3).tells("leads out of the access repository");
    assert_eq!(fs::read_dir(outside.path().join("moved")).unwrap().count(), 0, "nothing is made there");
}

/// A pipe would hold the run up for ever.
#[test]
fn a_journal_that_is_a_pipe_is_refused() {
    let repository = Repository::small();
    nix::unistd::mkfifo(&repository.file(JOURNAL), nix::sys::stat::Mode::S_IRWXU).unwrap();
    repository.run(["apply", "--yes"]).ends_with(1).tells("it is no file");
    repository.run(["plan"]).ends_with(1).tells("it is no file");
}

#[test]
fn a_second_apply_waits_and_plans_from_what_the_first_left() {
    let repository = Repository::small();
    let held = Journal::open(&repository.file(JOURNAL)).unwrap();
    let mut child =
        repository.command(["apply", "--yes"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    assert!(line.contains("another run has the journal") && line.contains("5 minutes"), "{line}");
    // What changes while it waits is what it applies.
    repository.edit(
        "access/all.yaml",
        "  ben@example.com:\n    access: { north: { role: operator, sites: [pit-1] } }\n",
        "",
    );
    drop(held);
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert!(child.wait().unwrap().success(), "{out}");
    assert!(!out.contains("ben@example.com") && out.contains("ana@example.com"), "{out}");
}

#[test]
fn settings_that_change_while_an_apply_waits_end_it() {
    let repository = Repository::small();
    let held = Journal::open(&repository.file(JOURNAL)).unwrap();
    let mut child =
        repository.command(["apply", "--yes"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    told.read_line(&mut text).unwrap();
    let settings = repository.read("rollcall.yaml");
    repository.write("rollcall.yaml", &format!("{settings}\nguards: {{ min_admins: 2 }}\n"));
    drop(held);
    told.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{text}");
    assert!(text.contains("settings were changed while this run waited"), "{text}");
}

/// Whoever plans may be allowed to read and nothing else, as in a pipeline for pull requests.
#[test]
fn a_plan_needs_no_right_to_write() {
    let repository = Repository::applied();
    fs::copy(env!("CARGO_BIN_EXE_rollcall"), repository.file("program")).unwrap();
    let mode = |name: &str, mode: u32| {
        fs::set_permissions(repository.file(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let plan = || {
        // Where this was built may be closed to others.
        let mut command = Command::new(repository.file("program"));
        command.arg("plan").current_dir(repository.path()).stdin(Stdio::null());
        if nix::unistd::geteuid().is_root() {
            // Nothing is forbidden to root; to nobody it is.
            command.uid(65_534).gid(65_534);
        }
        Run::of(&mut command)
    };
    for (name, bits) in [("", 0o755), (STORE, 0o444), (JOURNAL, 0o400), (".rollcall", 0o555)] {
        mode(name, bits);
    }
    plan().ends_with(0).prints("no changes");
    // What a writer has not brought into the file yet is not there for such a reader: it is told, and not left out.
    mode(".rollcall", 0o755);
    mode(STORE, 0o644);
    let writer = repository.store();
    writer.execute_batch("UPDATE users SET given_name = 'Ana'").unwrap();
    for suffix in ["-wal", "-shm"] {
        fs::copy(repository.file(&format!("{STORE}{suffix}")), repository.file(&format!("kept{suffix}"))).unwrap();
    }
    drop(writer);
    fs::copy(repository.file("kept-wal"), repository.file(&format!("{STORE}-wal"))).unwrap();
    mode(".rollcall", 0o555);
    let run = plan();
    run.ends_with(1).tells("which only who may write its folder can read").prints_nothing();
    mode(".rollcall", 0o755);
    fs::remove_file(repository.file(&format!("{STORE}-wal"))).unwrap();
    mode(".rollcall", 0o555);
    mode(STORE, 0o000);
    plan().ends_with(1).tells("see that this user may read").prints_nothing();
    mode(".rollcall", 0o755);
}

#[test]
fn an_apply_says_that_it_waits_for_the_store() {
    let repository = Repository::small();
    let other = repository.store();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut child =
        repository.command(["apply", "--yes"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    assert!(line.contains("another program holds the store; waiting for it, up to 30 seconds"), "{line}");
    other.execute_batch("COMMIT").unwrap();
    assert!(child.wait().unwrap().success());
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn a_link_to_the_settings_is_no_manifest() {
    let repository = Repository::small();
    symlink("../rollcall.yaml", repository.file("access/x.yaml")).unwrap();
    let run = repository.run(["validate"]);
    run.ends_with(3).tells("`access/x.yaml` is the settings by another name").tells("1 error");
}

#[test]
fn a_protection_that_is_nobodys_is_a_warning() {
    let repository = Repository::applied();
    let settings = repository.read("rollcall.yaml");
    for (guards, told) in [
        ("{ self: anna@example.com }", Some("`guards.self` has `anna@example.com`")),
        ("{ protected_users: [\"svc-*\"] }", Some("`guards.protected_users` has `svc-*`")),
        ("{ self: ana@example.com, protected_users: [\"BEN@*\", \"an*@example.com\"] }", None),
        ("{ self: none }", None),
    ] {
        repository.write("rollcall.yaml", &format!("{settings}\nguards: {guards}\n"));
        let run = repository.run(["plan"]);
        run.ends_with(0);
        match told {
            Some(told) => drop(run.tells("warning[protects-nobody]").tells(told)),
            None => drop(run.tells_nothing()),
        }
    }
}

/// Whoever stands under `guards.self` is never off-boarded: a person there whom nobody declares is told.
#[test]
fn an_own_account_that_nobody_declares_is_a_warning() {
    let repository = Repository::applied();
    repository.run(["invitations", "accept", "ana@example.com"]).ends_with(0);
    repository.run(["invitations", "accept", "ben@example.com"]).ends_with(0);
    let settings = repository.read("rollcall.yaml");
    repository.sql("INSERT INTO users (key, status, kind) VALUES ('eve@example.com', 'active', NULL)");
    repository.sql("INSERT INTO users (key, status, kind) VALUES ('ci-bot@example.com', 'active', 'service')");
    repository.write("rollcall.yaml", &format!("{settings}\nguards: {{ self: Eve@example.com }}\n"));
    let run = repository.run(["plan"]);
    run.ends_with(0)
        .tells("warning[own-account-undeclared]")
        .tells("`guards.self` is `eve@example.com`, a person whom");
    repository.write("access/eve.yaml", "users: { eve@example.com: { access: {} } }\n");
    repository.run(["plan"]).ends_with(0).tells_nothing();
    repository.write("access/eve.yaml", "# nobody\nroles: {}\n");
    repository.write("rollcall.yaml", &format!("{settings}\nguards: {{ self: ci-bot@example.com }}\n"));
    let run = repository.run(["plan"]);
    assert!(!run.ends_with(0).all().contains("own-account-undeclared"), "{run}");
}
