//! What goes where: one JSON document or text on standard output, everything else on standard error.

use std::fs;
use std::io::Read as _;
use std::process::Stdio;

use serde_json::{Value, json};

use super::super::support::cli::Repository;

fn schema(name: &str) -> jsonschema::Validator {
    let path = format!("{}/schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_str(&fs::read_to_string(&path).expect(&path)).expect(&path);
    jsonschema::draft202012::new(&schema).expect(name)
}

#[track_caller]
fn fits(name: &str, document: &Value) {
    let mistakes: Vec<String> = schema(name).iter_errors(document).map(|error| error.to_string()).collect();
    assert_eq!(mistakes, Vec::<String>::new(), "{document:#}");
}

#[test]
fn plans_and_reports_are_one_document_each() {
    let repository = Repository::small();
    let plan = repository.run(["plan", "--format", "json"]);
    plan.ends_with(0).tells_nothing();
    fits("plan", &plan.json());
    assert_eq!(plan.json()["actions"].as_array().unwrap().len(), 7);

    let report = repository.run(["apply", "--yes", "--format", "json"]);
    report.ends_with(0).tells_nothing();
    fits("apply-report", &report.json());
    assert_eq!(report.json()["counts"], json!({ "done": 7 }));
    assert_eq!(report.json()["digest"], plan.json()["digest"]);

    let plan = repository.run(["plan", "--format", "json"]);
    fits("plan", &plan.ends_with(0).json());
    assert_eq!(plan.json()["actions"], json!([]));
    let report = repository.run(["apply", "--format", "json"]);
    fits("apply-report", &report.ends_with(0).json());
    assert_eq!(report.json()["actions"], json!([]));
}

/// Also a run that writes nothing prints its report, and one only.
#[test]
fn a_run_that_does_not_begin_prints_its_report() {
    let repository = Repository::small();
    let other = format!("sha256:{}", "0".repeat(64));
    let run = repository.run(["apply", "--approved", &other, "--format", "json"]);
    run.ends_with(5).tells("another one now");
    fits("apply-report", &run.json());
    assert_eq!(run.json()["counts"], json!({ "not_tried": 7 }));
    assert_eq!(run.json()["verdict"], "nothing_written");
    assert!(run.json()["stopped_by"].as_str().is_some_and(|why| why.contains("another one now")), "{run}");
    let run = repository.run(["apply", "--format", "json"]);
    run.ends_with(3).tells("--yes");
    assert_eq!(run.json()["diagnostics"][0]["code"], "command-line", "{run}");
    repository.run(["plan"]).ends_with(0).prints("7 actions: ");
}

#[test]
fn mistakes_are_a_document_where_json_is_asked_for() {
    let repository = Repository::small();
    repository.edit("access/all.yaml", "role: operator", "role: oparator");
    for command in [["plan", "--format", "json"], ["validate", "--format", "json"]] {
        let run = repository.run(command);
        let document = run.ends_with(3).tells_nothing().json();
        let found = &document["diagnostics"][0];
        assert_eq!((&found["code"], &found["severity"]), (&json!("unknown-role"), &json!("error")), "{run}");
        assert_eq!(
            (&found["file"], &found["line"], &found["column"]),
            (&json!("access/all.yaml"), &json!(11), &json!(30))
        );
    }
    repository.edit("access/all.yaml", "role: oparator", "role: operator");
    let valid = repository.run(["validate", "--format", "json"]);
    assert_eq!(valid.ends_with(0).json(), json!({ "format": 1, "diagnostics": [] }));
}

/// Advice stands apart from what is wrong, and is never cut out of it.
#[test]
fn help_is_advice_and_nothing_else() {
    let repository = Repository::applied();
    let told = |arguments: &[&str]| {
        let run = repository.run([arguments, &["--format", "json"]].concat());
        let found = run.json()["diagnostics"][0].clone();
        (found["message"].as_str().expect("a message").to_owned(), found["help"].as_str().map(str::to_owned))
    };
    let (message, help) = told(&["-C", "/nowhere", "plan"]);
    let nowhere = "there is no rollcall.yaml to read in /nowhere; there is no such folder: No such file";
    assert!(message.starts_with(nowhere), "{message}");
    assert_eq!(help.as_deref(), Some("name the access repository with -C DIR"));
    let (message, help) = told(&["deactivate", "ana; zoe", "--yes"]);
    assert_eq!(message, "nobody has the key `ana; zoe`");
    assert!(help.is_some_and(|help| help.contains("rollcall explain")), "{message}");
    let (message, help) = told(&["deactivate", "anna@example.com", "--yes"]);
    assert_eq!(message, "nobody has the key `anna@example.com`");
    assert!(help.is_some_and(|help| help.starts_with("did you mean `ana@example.com`")), "{message}");
}

#[test]
fn every_command_keeps_to_one_document() {
    let repository = Repository::applied();
    for command in [
        &["explain", "ana@example.com"][..],
        &["explain", "north"],
        &["explain", "north/pit-1"],
        &["explain", "nobody"],
        &["invitations", "list"],
        &["invitations", "accept", "ana@example.com"],
        &["import", "--out", "written"],
        &["init"],
        &["schema", "plan"],
        &["schema"],
    ] {
        let run = repository.run(command.iter().chain(&["--format", "json"]));
        assert!(matches!(run.code, Some(0 | 1)), "{run}");
        run.json();
    }
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    let repository = Repository::small();
    let plan = repository.run(["plan", "--format", "json", "--at", "2026-11-22T09:00:00Z"]);
    let folder = repository.path().to_str().unwrap();
    for command in [
        &["--format", "json", "plan", "--at", "2026-11-22T09:00:00Z"][..],
        &["-C", folder, "plan", "--format", "json", "--at", "2026-11-22T09:00:00Z"],
        &["plan", "-C", folder, "--format=json", "--at=2026-11-22T09:00:00Z"],
        &["--store", "local", "plan", "--manifests", "access", "--format", "json", "--at", "2026-11-22T09:00:00Z"],
        &["plan", "--color", "never", "--format", "json", "--at", "2026-11-22T09:00:00Z", "--log-format", "json"],
    ] {
        let other = repository.run(command);
        assert_eq!(other.ends_with(0).out, plan.out, "the same inputs give the same bytes");
    }
    assert_eq!(plan.json()["basis"]["at"], "2026-11-22T09:00:00Z");
}

#[test]
fn the_repository_may_be_elsewhere() {
    let repository = Repository::small();
    let elsewhere = Repository::empty();
    let folder = repository.path().to_str().unwrap();
    let plan = elsewhere.run(["-C", folder, "plan"]);
    plan.ends_with(0).prints(&format!("rollcall -C {folder} apply --approved sha256:"));
    elsewhere.run(["-C", folder, "apply", "--yes"]).ends_with(0);
    elsewhere.run(["-C", folder, "import", "--out", "written"]).ends_with(0);
    assert!(repository.file("written/users.yaml").exists(), "`--out` is relative to the repository");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing is written here");
}

#[test]
fn quiet_says_less_and_verbose_says_more() {
    let repository = Repository::small();
    repository.edit("access/all.yaml", "sites: [pit-1]", "sites: [pit-1, \"none-*\"]");
    let plain = repository.run(["plan"]);
    plain.ends_with(0).tells("warning[").tells("1 warning");
    let quiet = repository.run(["plan", "-q"]);
    quiet.ends_with(0).tells_nothing();
    assert_eq!(quiet.out, plain.out, "results are printed");
    let verbose = repository.run(["-v", "plan"]);
    verbose.ends_with(0).tells("warning[").tells("planned").prints("7 actions: ");
}

#[test]
fn log_lines_are_json_where_asked_for() {
    let repository = Repository::small();
    let run = repository.run(["plan", "-vv", "--log-format", "json"]);
    run.ends_with(0);
    assert!(run.err.lines().count() >= 2, "{run}");
    for line in run.err.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["level"].is_string() && line["timestamp"].is_string(), "{line}");
    }
}

#[test]
fn colours_are_for_terminals_and_those_who_ask() {
    let repository = Repository::small();
    let plain = repository.run(["plan"]);
    assert!(!plain.out.contains('\u{1b}'), "{plain}");
    assert_eq!(repository.run(["plan", "--color", "never"]).out, plain.out);
    let coloured = repository.run(["plan", "--color", "always"]);
    assert!(coloured.out.contains("\u{1b}[32m+"), "{coloured}");
    let asked = repository.command(["plan", "--color", "always"]).env("NO_COLOR", "1").output().unwrap();
    assert_eq!(String::from_utf8(asked.stdout).unwrap(), coloured.out, "who asks for colours gets them");
    let without: String = without_colours(&coloured.out);
    assert_eq!(without, plain.out, "colour carries nothing that the words don't");
    repository.edit("access/all.yaml", "role: operator", "role: oparator");
    assert!(repository.run(["plan", "--color", "always"]).err.contains('\u{1b}'));
    assert!(!repository.run(["plan"]).err.contains('\u{1b}'));
}

fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

/// Law 7: planning holds a reader only.
#[test]
fn plan_leaves_the_store_as_it_is() {
    let repository = Repository::applied();
    // Rows that stand in the write-ahead log only, with a writer that is still there.
    let writer = repository.store();
    writer.execute_batch("UPDATE users SET given_name = 'Ana' WHERE key = 'ana@example.com'").unwrap();
    repository.edit("access/all.yaml", "ben@example.com:", "ben@example.com:\n    given_name: Ben");
    let files = ["", "-wal"].map(|suffix| repository.file(&format!(".rollcall/store.db{suffix}")));
    let content = || files.each_ref().map(|file| fs::read(file).unwrap());
    let before = content();
    assert!(!before[1].is_empty(), "something is pending");
    for command in [&["plan"][..], &["explain", "ana@example.com"], &["invitations", "list"], &["validate"]] {
        repository.run(command).ends_with(0);
        assert!(content() == before, "{command:?} changed the store");
    }
    drop(writer);
    let before = fs::read(&files[0]).unwrap();
    repository.run(["plan"]).ends_with(0).prints("profile changed");
    assert!(fs::read(&files[0]).unwrap() == before, "plan changed the store");
    let journal = repository.read(".rollcall/journal-local.jsonl");
    repository.run(["plan"]).ends_with(0);
    assert_eq!(repository.read(".rollcall/journal-local.jsonl"), journal);
}

/// A store that nobody may write can be planned against.
#[test]
fn a_store_that_is_read_only_can_be_planned_against() {
    use std::os::unix::fs::PermissionsExt as _;
    let repository = Repository::applied();
    let store = repository.file(".rollcall/store.db");
    fs::set_permissions(&store, fs::Permissions::from_mode(0o400)).unwrap();
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let repository = Repository::small();
    let limits = "guards: { invitations: { max_count: 5000 }, mails: { max_count: 5000 } }\nmanage:";
    repository.edit("rollcall.yaml", "manage:", limits);
    let people = (0..3_000).map(|number| format!("  user-{number}@example.com: {{ access: {{}} }}\n"));
    let manifest: String = std::iter::once(repository.read("access/all.yaml")).chain(people).collect();
    repository.write("access/all.yaml", &manifest);
    for format in ["text", "json"] {
        let mut child = repository
            .command(["plan", "-v", "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut [0; 16]).unwrap();
        drop(out);
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(!err.contains("panicked") && !err.contains("error"), "{err}");
        assert!(output.status.code() == Some(0), "{:?}: {err}", output.status);
    }
}

#[test]
fn a_result_that_can_not_be_written_is_no_success() {
    let repository = Repository::small();
    let full = || fs::File::options().write(true).open("/dev/full").expect("a full device");
    for command in [&["plan"][..], &["plan", "--format", "json"], &["apply", "--yes"], &["explain", "ben@example.com"]]
    {
        let mut program = repository.command(command);
        let status = program.stdout(full()).stderr(Stdio::null()).status().expect("rollcall runs");
        assert_eq!(status.code(), Some(1), "{command:?}");
    }
    repository.run(["plan"]).ends_with(0).prints("7 actions: ");
}

/// What nobody reads is summed up; the document has all.
#[test]
fn many_diagnostics_are_folded_in_text_and_whole_in_json() {
    let repository = Repository::small();
    let person = |at: usize, role: &str| format!("  q{at:02}@example.com: {{ access: {{ north: {role} }} }}\n");
    let users = (0..60).map(|at| person(at, &format!("role-{at}"))).collect::<Vec<String>>().concat();
    repository.write("access/many.yaml", &format!("users:\n{users}"));
    let text = repository.run(["validate"]);
    text.ends_with(3)
        .tells("10 more are not printed (-v prints them, --format json has all):\n  error[unknown-role]: 10\n");
    text.tells("60 errors");
    assert_eq!(text.err.matches("error[unknown-role]: unknown role").count(), 50, "{text}");
    let all = repository.run(["validate", "-v"]);
    assert_eq!(all.ends_with(3).err.matches("error[unknown-role]: unknown role").count(), 60, "{all}");
    let json = repository.run(["validate", "--format", "json"]);
    assert_eq!(json.ends_with(3).json()["diagnostics"].as_array().map(Vec::len), Some(60), "{json}");

    // The same slip ten times.
    let users = (0..10).map(|at| person(at, "oprator")).collect::<Vec<String>>().concat();
    repository.write("access/many.yaml", &format!("users:\n{users}"));
    let text = repository.run(["validate"]);
    text.ends_with(3).tells("access/many.yaml:2:").tells("and 9 more places: access/many.yaml:3:").tells("10 errors");
    assert_eq!(text.err.matches("did you mean `operator`?").count(), 1, "{text}");
    assert_eq!(repository.run(["validate", "-v"]).err.matches("did you mean `operator`?").count(), 10);
    let json = repository.run(["validate", "--format", "json"]);
    assert_eq!(json.json()["diagnostics"].as_array().map(Vec::len), Some(10), "{json}");
}

/// A name of so many characters that it is cut in its middle, where this stands.
fn long_name(middle: &str) -> String {
    format!("{}-{middle}-{}", "north".repeat(12), "works".repeat(12))
}

#[test]
fn with_v_no_key_and_no_name_is_cut() {
    let repository = Repository::small();
    let (organization, key) = (long_name("harbour"), format!("{}@{}.example.com", "a".repeat(60), "b".repeat(60)));
    let text = repository.read("access/all.yaml").replace("north:", &format!("{organization}:"));
    repository.write("access/all.yaml", &format!("{text}  {key}:\n    access: {{ {organization}: operator }}\n"));
    let short = repository.run(["plan"]);
    assert!(!short.ends_with(0).out.contains(&organization) && !short.out.contains(&key), "{short}");
    short.prints("north…works").prints("aaa…bbb");
    let verbose = repository.run(["plan", "-v"]);
    verbose.ends_with(0).prints(&organization).prints(&key);
    assert!(!verbose.out.split("digest").next().unwrap().contains('…'), "{verbose}");
    let applied = repository.run(["apply", "-v", "--yes"]);
    applied.ends_with(0).prints(&format!("{key} "));
    repository.run(["explain", "-v", &key]).ends_with(0).prints(&organization);
}

/// Otherwise access to the one reads like access to the other.
#[test]
fn two_long_names_that_would_be_cut_to_the_same_are_told_apart() {
    let repository = Repository::small();
    let (one, other) = (long_name("one"), long_name("two"));
    let text = repository.read("access/all.yaml").replace("north:", &format!("{one}:"));
    let text = text.replacen("roles:\n", &format!("  {other}: {{}}\nroles:\n"), 1);
    repository.write("access/all.yaml", &text);
    let plan = repository.run(["plan"]);
    plan.ends_with(0).prints(&one).prints(&other);
    assert!(!plan.out.split("digest").next().unwrap().contains('…'), "{plan}");
    repository.run(["apply", "--yes"]).ends_with(0).prints(&one);
    repository.run(["explain", "ben@example.com"]).ends_with(0).prints(&one);
}
