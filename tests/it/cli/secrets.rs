//! A secret that somebody wrote where none may stand: refused at its line, and never printed, by no command and in no
//! format.

use super::super::support::cli::{Repository, Run};

const STORE: &str = ".rollcall/store.db";

/// What stands for a secret in these tests, each in a shape that gives it away.
const SECRETS: [&str; 5] = ["hunter2", "s3cr3t", "abcdefghijklmnopqrstuvwxyz", "MIIEabc", "4711-0815"];

#[track_caller]
fn keeps_silent(run: &Run) {
    for secret in SECRETS {
        assert!(!run.all().contains(secret), "{run}");
    }
    assert!(!run.err.contains("panicked"), "{run}");
}

/// Demands that each command ends with 3, and that none prints a secret.
#[track_caller]
fn refused(repository: &Repository, code: &str, place: &str) {
    let commands: [&[&str]; 9] = [
        &["validate"],
        &["validate", "--format", "json"],
        &["plan"],
        &["plan", "--format", "json", "-v"],
        &["apply", "--yes"],
        &["explain", "ana@example.com"],
        &["import", "--out", "seen"],
        &["export", "--format", "json"],
        &["deactivate", "ana@example.com", "--yes"],
    ];
    for command in commands {
        let run = repository.run(command);
        keeps_silent(&run);
        if command[0] == "validate" || command[0] == "plan" {
            run.ends_with(3);
            let told = run.all();
            let is_json = command.contains(&"json");
            let place = place
                .rsplit_once(':')
                .filter(|_| is_json)
                .map_or(place.to_owned(), |(_, column)| format!("\"column\": {column}"));
            assert!(told.contains(code) && told.contains(&place), "{code} at {place}\n{run}");
        }
    }
}

#[test]
fn none_stands_in_settings() {
    let token = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
    let in_clear = "secret-in-clear";
    for (old, new, code, place) in [
        ("path: .rollcall/store.db", "path: 'postgres://u:hunter2@host/db'", in_clear, "2:36"),
        ("stores:", "manifests: ['https://u:hunter2@x.example/repo']\nstores:", in_clear, "2:13"),
        ("rules: default", "rules: 'https://u:hunter2@x.example/rules.yaml'", in_clear, "2:65"),
        ("stores:", "guards: { self: '-----BEGIN RSA PRIVATE KEY-----MIIEabc' }\nstores:", in_clear, "2:17"),
        ("stores:", "guards: { self: \"-----BEGIN RSA PRIVATE KEY-----\\nMIIEabc\", x: 1 }\nstores:", in_clear, "2:17"),
        ("stores:", "guards: { protected_users: ['https://bob:s3cr3t@x.example'] }\nstores:", in_clear, "2:29"),
        ("stores:", &format!("store: {token}\nstores:"), in_clear, "2:8"),
        ("stores:", &format!("token: {token}\nstores:"), in_clear, "2:8"),
        (
            "sqlite: { path: .rollcall/store.db }",
            "scim: { url: 'https://u:hunter2@id.example.com/scim', read_token: { env: A } }",
            in_clear,
            "2:33",
        ),
        (
            "sqlite: { path: .rollcall/store.db }",
            "scim: { url: 'https://id.example.com/scim?token=hunter2' }",
            in_clear,
            "2:33",
        ),
        ("stores:", "passwort: hunter2\nstores:", "unknown-key", "2:1"),
        ("stores:", "secret: [hunter2]\nstores:", "unknown-key", "2:1"),
        ("stores:", "guards: { pin: 4711-0815 }\nstores:", "unknown-key", "2:11"),
        ("store.db }", "store.db, password: hunter2 }", "unknown-key", "2:56"),
    ] {
        let repository = Repository::small();
        repository.edit("rollcall.yaml", old, new);
        refused(&repository, code, &format!("rollcall.yaml:{place}"));
        let told = repository.run(["validate"]);
        told.tells("take it out");
    }
}

#[test]
fn none_stands_in_a_rule_file() {
    let repository = Repository::small();
    repository.edit("rollcall.yaml", "rules: default", "rules: ours.yaml");
    repository.write("ours.yaml", "seats: { max: 4 }\nroles: { vendor: { 'https://u:hunter2@x.example': {} } }\n");
    refused(&repository, "secret-in-clear", "ours.yaml:2:20");
    repository.write("ours.yaml", "seats: { max: 4, pin: 4711-0815 }\n");
    refused(&repository, "unknown-key", "ours.yaml:1:18");
}

#[test]
fn none_stands_in_a_manifest() {
    let repository = Repository::small();
    for (old, new, code, place) in [
        ("{ north: manager }", "{ north: ghp_abcdefghijklmnopqrstuvwxyz0123456789 }", "secret-in-clear", "9:22"),
        (
            "access: { north: manager }",
            "access: {}\n    email: 'postgres://u:hunter2@host'",
            "secret-in-clear",
            "10:12",
        ),
        ("access: { north: manager }", "{ access: {}, job_title: xoxb-4711-0815-abcdef }", "secret-in-clear", "9:30"),
        ("access: { north: manager }", "{ access: {}, pin: 4711-0815, role: nobody }", "unknown-key", "9:19"),
        ("access: { north: manager }", "{ access: {}, mot_de_passe: hunter2 }", "unknown-key", "9:19"),
        ("access: { north: manager }", "{ access: {}, favourite: hunter2 }", "unknown-key", "9:19"),
        ("ana@example.com:", "password hunter2: { access: {} }\n  ana@example.com:", "invalid-key", "8:3"),
        ("ana@example.com:", "password=hunter2: { access: {} }\n  ana@example.com:", "secret-in-clear", "8:3"),
    ] {
        let before = repository.read("access/all.yaml");
        repository.edit("access/all.yaml", old, new);
        refused(&repository, code, &format!("access/all.yaml:{place}"));
        repository.write("access/all.yaml", &before);
    }
}

/// What stands behind a key that nobody knows is not shown, and the key is.
#[test]
fn an_excerpt_ends_with_an_unknown_key() {
    let repository = Repository::small();
    repository.edit("access/all.yaml", "access: { north: manager }", "{ access: {}, favourite: hunter2, role: x }");
    let run = repository.run(["validate"]);
    run.ends_with(3).tells("{ access: {}, favourite: …");
    keeps_silent(&run);
}

#[test]
fn none_is_repeated_from_the_command_line() {
    let repository = Repository::applied();
    let token = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
    let commands: [&[&str]; 9] = [
        &["plan", "--store", token],
        &["plan", "--manifests", "https://u:hunter2@x.example/repo"],
        &["plan", "-C", "https://u:hunter2@x.example/repo"],
        &["plan", "--at", "password=hunter2"],
        &["plan", "--password=hunter2"],
        &["plan", token],
        &["explain", token],
        &["deactivate", token, "--yes"],
        &["apply", "--approved", token],
    ];
    for command in commands {
        let run = repository.run(command);
        // That nobody is called so is what `explain` was asked for.
        let is_answer = command[0] == "explain";
        run.ends_with(if is_answer { 1 } else { 3 });
        assert!(run.all().contains(if is_answer { "is called `***`" } else { "error" }), "{run}");
        keeps_silent(&run);
        keeps_silent(&repository.run(command.iter().copied().chain(["--format", "json"])));
    }
    assert!(repository.file(STORE).is_file());
}

/// A live value that looks like one is left alone, since no manifest may say it.
#[test]
fn none_is_imported() {
    let repository = Repository::applied();
    repository.sql("UPDATE users SET given_name = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789' WHERE key LIKE 'ben@%'");
    let run = repository.run(["import", "--out", "seen"]);
    run.ends_with(0);
    keeps_silent(&run);
    let users = repository.read("seen/users.yaml");
    assert!(users.contains("ana@example.com") && !users.contains("abcdefghijklmnopqrstuvwxyz"), "{users}");
    let run = repository.run(["validate", "--manifests", "seen"]);
    run.ends_with(0);
}
