//! One-time secrets: handed to the sink once, found nowhere else, and never lost without a word.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::cli::{Repository, Run};

const FILE: &str = "{ file: .rollcall/secrets }";
const PEOPLE: &str = "\
users:
  aroy: { email: aroy@example.com, access: {} }
  broy: { email: broy@example.com, access: {} }
  croy: { email: croy@example.com, access: {} }
";

/// A store under rules with first passwords, which go to this sink, and three people who are to get an account.
fn repository(sink: &str) -> Repository {
    let repository = Repository::empty();
    repository.write("rollcall.yaml", &settings(&format!("secrets: {{ sink: {sink} }}")));
    repository.write("access/all.yaml", PEOPLE);
    repository.run(["init"]).ends_with(0);
    repository
}

fn settings(secrets: &str) -> String {
    format!(
        "version: 1\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: cauca }} }}\n\
         manage: {{ absent_users: report }}\nguards: {{ protected_users: [proot] }}\n{secrets}\n"
    )
}

/// The sink that is a command: a shell script, which is also given the probe.
fn script(script: &str) -> String {
    format!("{{ command: [sh, -c, '{script}'] }}")
}

/// What the file sink has taken: user, kind and secret of each line.
fn taken(repository: &Repository, file: &str) -> Vec<(String, String, String)> {
    let text = repository.read(file);
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let part = |line: &Value, part: &str| line[part].as_str().unwrap_or_default().to_owned();
    lines
        .filter(|line| line.get("probe").is_none())
        .map(|line| (part(&line, "user"), part(&line, "kind"), part(&line, "secret")))
        .collect()
}

fn keys(repository: &Repository) -> Vec<String> {
    let store = repository.store();
    let mut statement = store.prepare("SELECT key FROM users ORDER BY key").expect("a table");
    statement.query_map([], |row| row.get(0)).expect("rows").map(|row| row.expect("a key")).collect()
}

/// Every file below a folder that holds this text.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else {
            let bytes = fs::read(&path).expect("a file");
            if bytes.windows(text.len()).any(|part| part == text.as_bytes()) {
                found.push(path.file_name().expect("a name").to_string_lossy().into_owned());
            }
        }
    }
    found
}

#[track_caller]
fn assert_nowhere(repository: &Repository, runs: &[Run], sink: &str) {
    let taken = taken(repository, &format!(".rollcall/{sink}"));
    assert!(!taken.is_empty());
    for (user, _, secret) in taken {
        assert!(secret.len() >= 24, "{user}");
        assert_eq!(files_with(repository.path(), &secret), [sink], "the secret of {user}");
        assert!(runs.iter().all(|run| !run.all().contains(&secret)), "printed: the secret of {user}");
    }
}

#[test]
fn a_secret_is_in_the_sink_and_nowhere_else() {
    let repository = repository(FILE);
    let runs = [
        repository.run(["plan", "-vv", "--out", "plan.json"]),
        repository.run(["apply", "-vv", "--yes", "--format", "json", "--log-format", "json"]),
        repository.run(["reset-password", "aroy", "--yes", "-vv"]),
        repository.run(["reset-password", "broy", "--yes", "--format", "json", "-vv"]),
        repository.run(["plan", "-vv"]),
        repository.run(["export", "--format", "json"]),
        repository.run(["explain", "aroy"]),
    ];
    for run in &runs {
        run.ends_with(0);
    }
    assert_nowhere(&repository, &runs, "secrets");
    let taken = taken(&repository, ".rollcall/secrets");
    let users: Vec<_> = taken.iter().map(|(user, kind, _)| format!("{kind} {user}")).collect();
    assert_eq!(users, ["password aroy", "password broy", "password croy", "password aroy", "password broy"]);
    let mode = fs::metadata(repository.file(".rollcall/secrets")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // The first password of aroy opens nothing any more, the second one does.
    let (salt, digest) = verifier(&repository, "aroy");
    assert_ne!(digest_of(&salt, &taken[0].2), digest);
    assert_eq!(digest_of(&salt, &taken[3].2), digest);
    assert!(repository.read(".rollcall/journal-local.jsonl").contains("reset_password aroy"));
}

fn verifier(repository: &Repository, key: &str) -> (String, String) {
    let question = "SELECT verifier FROM credentials c JOIN users u ON u.id = c.user_id WHERE key = ?1";
    let text: String = repository.store().query_row(question, [key], |row| row.get(0)).expect("a verifier");
    let mut parts = text.strip_prefix("sha256:").expect("a kind").split(':').map(str::to_owned);
    (parts.next().expect("a salt"), parts.next().expect("a digest"))
}

fn digest_of(salt: &str, secret: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(format!("{salt}{secret}"));
    digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn without_a_sink_nothing_that_yields_a_secret_is_planned() {
    let repository = repository(FILE);
    repository.write("rollcall.yaml", &settings(""));
    let way_out = "secrets: { sink: { file: .rollcall/secrets } }";
    repository.run(["validate"]).ends_with(0).tells("no-secret-sink").tells(way_out);
    for run in [repository.run(["plan"]), repository.run(["apply", "--yes"])] {
        run.ends_with(3).tells("`aroy` gets a first password").tells("access/all.yaml:2:").tells(way_out);
    }
    assert_eq!(keys(&repository), [""; 0]);
    // Whoever has an account already needs none.
    repository.sql("INSERT INTO users (key, email) VALUES ('aroy', 'aroy@example.com')");
    repository.write("access/all.yaml", "users:\n  aroy: { email: aroy@example.com, access: {} }\n");
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository.run(["reset-password", "aroy", "--yes"]).ends_with(3).tells(way_out);
}

#[test]
fn a_file_that_others_could_get_at_is_no_sink() {
    let repository = repository(FILE);
    let secrets = repository.file(".rollcall/secrets");
    let refused = |why: &str| {
        for command in [&["plan"][..], &["apply", "--yes"]] {
            repository.run(command).ends_with(3).tells(".rollcall/secrets").tells(why);
        }
        assert_eq!(keys(&repository), [""; 0]);
    };
    fs::write(&secrets, "").expect("written");
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o644)).expect("set");
    refused("chmod 600");
    fs::remove_file(&secrets).expect("removed");
    symlink(repository.file("elsewhere"), &secrets).expect("linked");
    refused("is a link");
    fs::remove_file(&secrets).expect("removed");
    // A folder of the name that leads out of the repository, and a path that climbs out of it.
    let outside = tempfile::tempdir().expect("a folder");
    symlink(outside.path(), repository.file("kept")).expect("linked");
    for file in ["kept/secrets", "../secrets"] {
        repository.write("rollcall.yaml", &settings(&format!("secrets: {{ sink: {{ file: {file} }} }}")));
        repository.run(["plan"]).ends_with(3).tells("outside of the access repository");
    }
    assert_eq!(fs::read_dir(outside.path()).expect("a folder").count(), 0);
    assert!(!repository.file("elsewhere").exists());
}

#[test]
fn a_file_that_git_would_keep_is_no_sink() {
    let repository = repository("{ file: secrets.jsonl }");
    let git = |arguments: &[&str]| {
        let command = Command::new("git").args(arguments).current_dir(repository.path()).output().expect("git");
        assert!(command.status.success(), "{command:?}");
    };
    git(&["init", "-q"]);
    repository.run(["plan"]).ends_with(3).tells("secrets.jsonl").tells("git does not ignore it").tells(".gitignore");
    fs::write(repository.file(".gitignore"), "/.rollcall/\n/secrets.jsonl\n").expect("written");
    repository.run(["plan"]).ends_with(0);
    // What is tracked is kept whatever is ignored.
    fs::write(repository.file("secrets.jsonl"), "").expect("written");
    fs::set_permissions(repository.file("secrets.jsonl"), fs::Permissions::from_mode(0o600)).expect("set");
    git(&["add", "-f", "secrets.jsonl"]);
    repository.run(["apply", "--yes"]).ends_with(3).tells("git does not ignore it");
    git(&["rm", "-q", "--cached", "secrets.jsonl"]);
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(taken(&repository, "secrets.jsonl").len(), 3);
}

#[test]
fn a_sink_that_fails_when_it_is_tried_stops_everything_before_the_first_write() {
    for (sink, why) in
        [(script("cat >&2; exit 7"), "ended with 7"), ("{ command: [no-such-program] }".to_owned(), "can't be started")]
    {
        let repository = repository(&sink);
        repository.run(["plan"]).ends_with(0);
        let run = repository.run(["apply", "--yes"]);
        run.ends_with(1).tells(why).tells("nothing was changed");
        assert!(!run.err.contains("probe"), "the output of the sink is shown: {run}");
        assert_eq!(keys(&repository), [""; 0]);
        assert_eq!(repository.read(".rollcall/journal-local.jsonl"), "");
    }
}

#[test]
fn who_is_left_without_a_secret_is_told_until_there_is_another_one() {
    // It takes one, and no more.
    let sink = script(
        "text=$(cat); case $text in *probe*) exit 0;; *aroy*) echo \"$text\" >> .rollcall/kept;; *) exit 5;; esac",
    );
    let repository = repository(&sink);
    let run = repository.run(["apply", "--yes", "--format", "json"]);
    run.ends_with(6).tells("broy").tells("ended with 5").tells("rollcall reset-password broy");
    let report = run.json();
    assert_eq!(report["without_secret"][0]["user"], "broy");
    assert_eq!(report["without_secret"][0]["kind"], "password");
    let lacking = "`broy` has no password that anybody knows";
    for command in [&["plan"][..], &["plan", "--format", "json"], &["apply", "--yes"]] {
        let run = repository.run(command);
        assert!(run.all().contains(lacking) && run.all().contains("rollcall reset-password broy"), "{run}");
        assert!(!run.all().contains("`aroy` has no password"), "{run}");
    }
    repository.run(["reset-password", "broy", "--yes"]).ends_with(6).tells("ended with 5");
    // With a sink that works, the rest is made, and everybody gets one.
    repository.write("rollcall.yaml", &settings("secrets: { sink: { file: .rollcall/secrets } }"));
    repository.run(["apply", "--yes"]).tells(lacking);
    for user in ["broy", "croy"] {
        let run = repository.run(["reset-password", user, "--yes"]);
        run.ends_with(0).prints(&format!("{user}: password reset"));
    }
    let run = repository.run(["apply", "--yes"]);
    run.ends_with(0);
    assert!(!run.all().contains("no password that anybody knows"), "{run}");
    assert_nowhere(&repository, &[run], "secrets");
}

#[test]
fn a_run_that_is_killed_before_a_secret_is_handed_over_leaves_word() {
    let sink = script("text=$(cat); case $text in *probe*) exit 0;; *) kill -9 $PPID;; esac");
    let repository = repository(&sink);
    assert_eq!(repository.run(["apply", "--yes"]).code, None, "it was killed");
    let lost = keys(&repository);
    assert!(!lost.is_empty(), "the store had it");
    repository.write("rollcall.yaml", &settings("secrets: { sink: { file: .rollcall/secrets } }"));
    let plan = repository.run(["plan"]);
    let apply = repository.run(["apply", "--yes"]);
    let after = repository.run(["plan"]);
    for (user, run) in lost.iter().flat_map(|user| [&plan, &apply, &after].map(|run| (user, run))) {
        run.ends_with(0).tells(&format!("`{user}` has no password that anybody knows"));
        run.tells("as far as the journal knows no sink took it");
        run.tells(&format!("rollcall reset-password {user}"));
    }
    assert_eq!(keys(&repository), ["aroy", "broy", "croy"]);
    for user in &lost {
        repository.run(["reset-password", user, "--yes"]).ends_with(0);
    }
    let run = repository.run(["plan"]);
    assert!(!run.all().contains("no password that anybody knows"), "{run}");
    let with_one: std::collections::BTreeSet<_> =
        taken(&repository, ".rollcall/secrets").into_iter().map(|(user, _, _)| user).collect();
    assert_eq!(with_one.into_iter().collect::<Vec<_>>(), ["aroy", "broy", "croy"]);
}

#[test]
fn a_secret_that_the_sink_took_before_the_run_was_killed_is_not_told_as_lost() {
    // All three are made in one batch; the run is killed when the second one is handed over.
    let sink = script(
        "text=$(cat); case $text in *probe*) exit 0;; *aroy*) echo \"$text\" >> .rollcall/kept;; *) kill -9 $PPID;; esac",
    );
    let repository = repository(&sink);
    assert_eq!(repository.run(["apply", "--yes"]).code, None, "it was killed");
    assert_eq!(keys(&repository), ["aroy", "broy", "croy"]);
    repository.write("rollcall.yaml", &settings("secrets: { sink: { file: .rollcall/secrets } }"));
    for command in [&["plan"][..], &["apply", "--yes"], &["plan"]] {
        let run = repository.run(command);
        assert!(!run.all().contains("`aroy` has no password"), "{run}");
        for lost in ["broy", "croy"] {
            run.ends_with(0).tells(&format!("`{lost}` has no password that anybody knows"));
        }
    }
}

#[test]
fn a_reset_that_is_killed_is_told_as_well_and_not_repeated() {
    let repository = repository(FILE);
    repository.run(["apply", "--yes"]).ends_with(0);
    let sink = script("text=$(cat); case $text in *probe*) exit 0;; *) kill -9 $PPID;; esac");
    repository.write("rollcall.yaml", &settings(&format!("secrets: {{ sink: {sink} }}")));
    assert_eq!(repository.run(["reset-password", "broy", "--yes"]).code, None, "it was killed");
    repository.write("rollcall.yaml", &settings("secrets: { sink: { file: .rollcall/secrets } }"));
    let old = verifier(&repository, "broy");
    repository.run(["apply", "--yes"]).ends_with(0).tells("`broy` has no password that anybody knows");
    assert_eq!(verifier(&repository, "broy"), old);
    repository.run(["apply", "--yes"]).ends_with(0).tells("rollcall reset-password broy");
    repository.run(["reset-password", "broy", "--yes"]).ends_with(0);
    let run = repository.run(["apply", "--yes"]);
    assert!(!run.all().contains("no password") && !run.all().contains("cut off"), "{run}");
    // Of an account that is gone nothing is told.
    repository.sql("DELETE FROM users WHERE key = 'croy'");
    repository.run(["reset-password", "croy", "--yes"]).ends_with(3);
}

#[test]
fn a_store_that_was_made_without_credentials_gets_them() {
    let repository = repository(FILE);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.sql(
        "DROP TRIGGER users_credentials_go; DROP TRIGGER credentials_inserted; DROP TABLE credentials; \
         UPDATE users SET activated_at = '2020-01-01T00:00:00Z'",
    );
    repository.write(
        "rollcall.yaml",
        &settings(&format!("secrets: {{ sink: {FILE} }}"))
            .replace("rules: cauca", "rules: { extends: cauca, password: { rotation: 180d } }"),
    );
    // Since when a password is the one that it is can be told without the table.
    repository.run(["plan"]).ends_with(0).prints("aroy");
    repository.run(["reset-password", "aroy", "--yes"]).ends_with(0);
    assert_eq!(taken(&repository, ".rollcall/secrets").len(), 4);
    assert!(verifier(&repository, "aroy").1.len() == 64);
    // An account takes them with it.
    repository.sql("DELETE FROM users WHERE key = 'aroy'");
    let kept: i64 =
        repository.store().query_row("SELECT count(*) FROM credentials", [], |row| row.get(0)).expect("a count");
    assert_eq!((keys(&repository), kept), (vec!["broy".to_owned(), "croy".to_owned()], 0));
}

#[test]
fn a_reset_spares_the_own_account_and_protected_ones_and_asks() {
    let repository = repository(FILE);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.sql("INSERT INTO users (key) VALUES ('proot'); UPDATE users SET status = 'inactive' WHERE key = 'croy'");
    repository.edit("rollcall.yaml", "guards: {", "guards: { self: aroy,");
    let before = taken(&repository, ".rollcall/secrets").len();
    for (user, why) in [("aroy", "guards.self"), ("proot", "guards.protected_users"), ("croy", "not active")] {
        repository.run(["reset-password", user, "--yes"]).ends_with(1).tells(why);
    }
    repository.run(["reset-password", "brooy", "--yes"]).ends_with(3).tells("did you mean `broy`?");
    repository.run(["reset-password", "broy"]).ends_with(3).tells("--yes");
    repository.run(["reset-password"]).ends_with(3);
    repository.run(["reset-password", "broy", "--all-active", "--yes"]).ends_with(3);
    // The vendor does not say that all can be reset at once.
    repository.run(["reset-password", "--all-active", "--yes"]).ends_with(1).tells("password.reset_all");
    assert_eq!(taken(&repository, ".rollcall/secrets").len(), before);
    let mut terminal = crate::support::terminal::Terminal::start(
        repository.path(),
        &format!("{} reset-password broy", crate::support::cli::BINARY),
    );
    terminal.shows("the password of broy will stop working at once");
    terminal.shows("reset 1 password?");
    terminal.types("n\n");
    let (code, _) = terminal.ends();
    assert_eq!((code, taken(&repository, ".rollcall/secrets").len()), (Some(0), before));
}

#[test]
fn a_settled_deployment_of_many_accounts_has_one_secret_for_each() {
    let repository = repository(FILE);
    let people: Vec<String> =
        (0..60).map(|n| format!("  u{n:02}: {{ email: u{n:02}@example.com, access: {{}} }}\n")).collect();
    repository.write("access/all.yaml", &format!("users:\n{}", people.concat()));
    let run = repository.run(["apply", "--yes"]);
    run.ends_with(0);
    let taken = taken(&repository, ".rollcall/secrets");
    let users: std::collections::BTreeSet<_> = taken.iter().map(|(user, _, _)| user).collect();
    let secrets: std::collections::BTreeSet<_> = taken.iter().map(|(_, _, secret)| secret).collect();
    assert_eq!((taken.len(), users.len(), secrets.len()), (60, 60, 60));
    assert_nowhere(&repository, &[run], "secrets");
}

/// A repository in which the secret of broy alone was made and not handed over.
fn with_a_lost_secret() -> Repository {
    let sink = script("text=$(cat); case $text in *broy*) exit 5;; *) exit 0;; esac");
    let repository = repository(&sink);
    repository.run(["apply", "--yes"]).ends_with(6).tells("the password of broy was made and is lost");
    repository.write("rollcall.yaml", &settings("secrets: { sink: { file: .rollcall/secrets } }"));
    // Nothing is handed to a sink that has failed.
    repository.run(["reset-password", "croy", "--yes"]).ends_with(0);
    repository
}

const NOBODY_KNOWS: &str = "has no password that anybody knows";

#[test]
fn a_lost_secret_is_told_under_a_key_that_was_changed_by_hand() {
    let repository = with_a_lost_secret();
    repository.sql("UPDATE users SET key = 'b.roy' WHERE key = 'broy'");
    repository.edit("access/all.yaml", "broy: {", "b.roy: {");
    let run = repository.run(["plan"]);
    run.ends_with(0).tells(&format!("`b.roy` {NOBODY_KNOWS}")).tells("rollcall reset-password b.roy");
    assert_eq!(run.err.matches(NOBODY_KNOWS).count(), 1, "{run}");
    repository.run(["reset-password", "b.roy", "--yes"]).ends_with(0);
    assert!(!repository.run(["plan"]).all().contains(NOBODY_KNOWS));
}

#[test]
fn a_lost_secret_of_a_reset_is_told_under_a_key_that_was_changed_by_hand() {
    let repository = repository(FILE);
    repository.run(["apply", "--yes"]).ends_with(0);
    let sink = script("text=$(cat); case $text in *probe*) exit 0;; *) exit 5;; esac");
    repository.write("rollcall.yaml", &settings(&format!("secrets: {{ sink: {sink} }}")));
    repository.run(["reset-password", "aroy", "--yes"]).ends_with(6);
    repository.write("rollcall.yaml", &settings("secrets: { sink: { file: .rollcall/secrets } }"));
    repository.sql("UPDATE users SET key = 'a.roy' WHERE key = 'aroy'");
    repository.edit("access/all.yaml", "aroy: {", "a.roy: {");
    let run = repository.run(["plan"]);
    run.ends_with(0).tells(&format!("`a.roy` {NOBODY_KNOWS}"));
    assert_eq!(run.err.matches(NOBODY_KNOWS).count(), 1, "{run}");
    repository.run(["reset-password", "a.roy", "--yes"]).ends_with(0);
    assert!(!repository.run(["plan"]).all().contains(NOBODY_KNOWS));
}

#[test]
fn a_lost_secret_is_told_no_more_where_an_administrator_has_set_another_one() {
    let repository = with_a_lost_secret();
    repository.run(["plan"]).tells(&format!("`broy` {NOBODY_KNOWS}"));
    repository.sql(
        "UPDATE credentials SET verifier = 'sha256:00:00', set_at = '2100-01-01T00:00:00Z' \
         WHERE user_id = (SELECT id FROM users WHERE key = 'broy')",
    );
    let run = repository.run(["plan"]);
    run.ends_with(0);
    assert!(!run.all().contains(NOBODY_KNOWS), "{run}");
}
