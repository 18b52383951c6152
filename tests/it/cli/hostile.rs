//! Names that would do harm never reach the terminal as they are, whatever the command.

use super::super::support::cli::{BINARY, Repository, Run};
use super::super::support::terminal::Terminal;

/// In the store as rows, by which way ever they came there.
const KEYS: [&str; 6] = [
    "\u{1b}[2J\u{1b}]0;owned\u{7}@example.com",
    "\u{202e}moc.elpmaxe@nimda",
    "Robert'); DROP TABLE users;--@example.com",
    "=cmd()@example.com",
    "@everyone",
    "two\nlines\r@example.com",
];

/// None of them can be declared, so all are left alone.
const REASON: &str = "has no valid, unique key";

#[track_caller]
fn harmless(run: &Run) {
    let bad = run.all().chars().find(|&c| (c.is_control() && c != '\n') || "\u{202e}\u{200b}\u{9b}".contains(c));
    assert!(bad.is_none(), "{bad:?} in {run}");
    assert!(!run.all().contains("panicked"), "{run}");
    assert!(!run.all().contains("two\nlines"), "a line feed of a name is written out\n{run}");
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn hostile() -> Repository {
    let repository = Repository::applied();
    repository.run(["invitations", "accept", "ana@example.com"]).ends_with(0);
    for key in KEYS {
        repository.sql(&format!(
            "INSERT INTO users (key, status, given_name) VALUES ({0}, 'active', {0});
             INSERT INTO memberships (user_id, organization_id, role_id) SELECT u.id, o.id, r.id
               FROM users u, organizations o, roles r
               WHERE u.key = {0} AND o.name = 'north' AND r.name = 'operator'",
            quoted(key)
        ));
    }
    let names = "\u{1b}[31m\u{202e}pit";
    repository.sql(&format!(
        "INSERT INTO sites (organization_id, name, display_name) SELECT id, {0}, {0} FROM organizations;
         INSERT INTO organizations (name, display_name) VALUES ({0}, {0});
         INSERT INTO roles (name, display_name) VALUES ({0}, {0})",
        quoted(names)
    ));
    repository
}

#[test]
fn hostile_names_of_a_store_are_written_out() {
    let repository = hostile();
    let escape = "\u{1b}[2J";
    for command in [
        &["plan"][..],
        &["plan", "-v"],
        &["plan", "-vv", "--log-format", "json"],
        &["explain", "ana@example.com"],
        &["explain", "north"],
        &["explain", "north/pit-1"],
        &["explain", "everyone"],
        &["explain", "Robert"],
        &["explain", escape],
        &["explain", "north/\u{1b}[2J"],
        &["invitations", "list"],
        &["invitations", "accept", escape],
        &["invitations", "decline", "\u{202e}x"],
        &["import", "--out", "seen"],
        &["import", "--out", "a\u{1b}[2Jb"],
        &["import", "--out", "a\u{1b}[2Jb"],
        &["plan", "--store", escape],
        &["plan", "--manifests", escape],
        &["plan", "-C", escape],
        &["apply", "--approved", escape],
        &["apply", "--yes", "-v"],
        &["plan"],
    ] {
        harmless(&repository.run(command));
    }
    repository.run(["plan"]).ends_with(0);
    let users: i64 = repository.store().query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap();
    assert_eq!(users, 2 + 6, "the table is still there");
}

#[test]
fn arguments_that_clap_refuses_are_written_out() {
    let repository = Repository::empty();
    for command in [
        &["\u{1b}[2J"][..],
        &["--\u{1b}[2J"],
        &["plan", "\u{1b}[2J"],
        &["plan", "--at", "\u{1b}[2J"],
        &["plan", "--format", "\u{1b}[2J"],
        &["schema", "\u{202e}x"],
    ] {
        let run = repository.run(command);
        run.ends_with(3);
        harmless(&run);
    }
}

#[test]
fn what_is_imported_from_a_hostile_store_can_be_planned() {
    let repository = hostile();
    repository.run(["import", "--out", "seen"]).ends_with(0).tells("left out");
    let run = repository.run(["plan", "--manifests", "seen"]);
    run.ends_with(0).prints("no changes").prints("unmanaged");
    assert_eq!(run.out.matches(REASON).count(), KEYS.len(), "{run}");
    harmless(&run);
}

#[test]
fn hostile_manifests_are_written_out() {
    let repository = Repository::small();
    for text in [
        "users:\n  \"\\e[2J@example.com\": { access: {} }\n",
        "users:\n  ben@example.com: { access: { \"\\e[2J\": operator } }\n",
        "\"\\e[2J\": 1\n",
        "users: {\u{1b}[2J}\n",
        "users:\n  \u{202e}x@example.com: {}\n",
        "roles: { \"a\\nb\": {} }\n",
        "users: \u{0}\n",
    ] {
        repository.write("access/hostile.yaml", text);
        for command in ["validate", "plan"] {
            let run = repository.run([command]);
            run.ends_with(3);
            harmless(&run);
        }
    }
    repository.write("access/hostile.yaml", "");
    repository.write("access/\u{1b}[2J\u{202e}.yaml", "users: [\n");
    let run = repository.run(["validate"]);
    run.ends_with(3);
    harmless(&run);
    repository.edit("rollcall.yaml", "stores: { local", "stores: { \"\\e[2J\": { sqlite: { path: \"\\e\" } }, local");
    harmless(&repository.run(["plan"]));
    harmless(&repository.run(["init"]));
}

/// Fields are free text, and may hold what they like.
#[test]
fn hostile_profiles_are_written_out() {
    let repository = Repository::applied();
    repository.edit("access/all.yaml", "ana@example.com:", "ana@example.com:\n    given_name: Ana");
    repository.sql("UPDATE users SET given_name = char(27) || '[2J' || char(8238) || char(10) || 'x'");
    let run = repository.run(["plan"]);
    run.ends_with(0).prints("given name \"\\u{1b}[2J\\u{202e}\\nx\" → Ana");
    harmless(&run);
    harmless(&repository.run(["apply", "--yes"]));
}

/// A path that nobody sees is refused; one that only looks odd is printed as it is.
#[test]
fn settings_with_hidden_characters_are_refused() {
    let settings = "version: 1\nstores: { NAME: { sqlite: { path: PATH } } }\nmanage: { absent_users: report }\n";
    for (name, path) in [
        ("local", "\"s\\e[31mX.db\""),
        ("local", "\"s\\u202EX.db\""),
        ("\"lo\\u202Ecal\"", "store.db"),
        ("local", "\"store.db\" }, rules: \"\\u202Ex.yaml\", x: { path: a"),
    ] {
        let repository = Repository::empty();
        repository.write("rollcall.yaml", &settings.replace("NAME", name).replace("PATH", path));
        for command in ["init", "validate", "plan"] {
            let run = repository.run([command]);
            run.ends_with(3);
            harmless(&run);
        }
    }
}

/// A terminal shows what a program would read, without doing what stands in it.
#[test]
fn an_export_on_a_terminal_is_written_out() {
    let repository = Repository::applied();
    repository.sql("UPDATE users SET given_name = 'x' || char(27) || '[2J' || char(155) || '31m' || char(8238)");
    let command = format!("exec '{BINARY}' export --format csv");
    let (code, screen) = Terminal::start(repository.path(), &command).ends();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("x\\u{1b}[2J\\u{9b}31m\\u{202e}"), "{screen:?}");
    assert!(!screen.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{screen:?}");
    assert!(screen.contains("\r\n") && !screen.contains("\\r"), "lines stay lines: {screen:?}");
    let (piped, written) = (
        repository.run(["export", "--format", "csv"]),
        repository.run(["export", "--format", "csv", "--out", "all.csv"]),
    );
    assert!(piped.ends_with(0).out.contains("x\u{1b}[2J\u{9b}31m\u{202e}"), "for a program it stays as it is: {piped}");
    written.ends_with(0);
    assert_eq!(repository.read("all.csv"), piped.out);
}

#[test]
fn names_of_what_is_left_out_are_shortened() {
    let repository = Repository::applied();
    let long = "x".repeat(50_000);
    repository.sql(&format!(
        "INSERT INTO users (key, status) VALUES ('{long} y', 'active'); INSERT INTO roles (name) VALUES ('{long}z');
         INSERT INTO organizations (name) VALUES ('{long}o');
         INSERT INTO users (key, status) VALUES ('zoe@example.com', 'active');
         INSERT INTO memberships (user_id, organization_id) SELECT u.id, o.id FROM users u, organizations o
           WHERE u.key = 'zoe@example.com' AND o.name = '{long}o'"
    ));
    let run = repository.run(["import", "--out", "seen"]);
    run.ends_with(0).tells("left out: user").tells("left out: role").tells("left out: user zoe@example.com");
    for line in run.err.lines() {
        assert!(
            line.chars().count() < 400,
            "{} characters: {}",
            line.len(),
            line.chars().take(300).collect::<String>()
        );
    }
    // For a program nothing is cut.
    let json = repository.run(["import", "--out", "again", "--format", "json"]).ends_with(0).json();
    assert!(json["left_out"].as_array().expect("a list").iter().any(|one| one["name"] == format!("{long}z")));
}
