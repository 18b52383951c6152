//! The commands of the README, and of that of each example, print what it says.
//!
//! Blocks that begin with ```` ```console ```` hold commands after `$ ` and what they print. They run in order, in one
//! folder, by `sh`; standard output and standard error are shown as they come. For the README of an example that folder
//! is a copy of the example, otherwise it is empty. A block ```` ```yaml FILE ```` or ```` ```sql FILE ```` is written to
//! that file before what follows runs; a block ```` ```diff FILE ```` or ```` ```csv FILE ```` shows a file that is there.
//! `UPDATE_README=1` writes what is printed, and what such a file holds, into the README.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::support::cli::BINARY;
use super::support::folders::{copy, folders, of_repository, tree};

/// A part of a README.
enum Part<'a> {
    /// What is not looked at.
    Text(&'a str),
    /// The lines of a `console` block.
    Console(Vec<Step<'a>>),
    /// A file to write, with its block.
    Written { name: &'a str, text: String, block: String },
    /// A file that is there, as it is shown below this line.
    Shown { name: &'a str, text: String, line: &'a str },
}

/// A command and what it prints.
struct Step<'a> {
    command: &'a str,
    output: String,
}

/// The lines up to the end of a block, which is taken, too.
fn block<'a>(lines: &mut impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    lines.take_while(|line| line.trim_end() != "```")
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let named = |languages: [&str; 2]| {
            languages.iter().find_map(|language| line.strip_prefix("```")?.strip_prefix(language)?.strip_prefix(' '))
        };
        if line.trim_end() == "```console" {
            let mut steps: Vec<Step<'_>> = Vec::new();
            for line in block(&mut lines) {
                match (line.strip_prefix("$ "), steps.last_mut()) {
                    (Some(command), _) => steps.push(Step { command: command.trim_end(), output: String::new() }),
                    (None, Some(step)) => step.output.push_str(line),
                    (None, None) => panic!("a console block begins with `{line}`"),
                }
            }
            parts.push(Part::Console(steps));
        } else if let Some(name) = named(["yaml", "sql"]) {
            let text: String = block(&mut lines).collect();
            let block = format!("{line}{text}```\n");
            parts.push(Part::Written { name: name.trim(), text, block });
        } else if let Some(name) = named(["diff", "csv"]) {
            parts.push(Part::Shown { name: name.trim(), text: block(&mut lines).collect(), line });
        } else {
            parts.push(Part::Text(line));
        }
    }
    parts
}

/// Runs a command as a reader would type it; `rollcall` is the binary under test.
fn shell(folder: &Path, bin: &Path, command: &str) -> String {
    let script = format!("exec 2>&1; PATH='{}':$PATH; {command}", bin.display());
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder)
        .env("COLUMNS", "110")
        .env("NO_COLOR", "1")
        // Set by git where a hook runs the tests: the repository of the commands is the one that they make.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .output()
        .expect("sh");
    // Lines of mails and lists end as their formats say; nobody sees that, and no README should hold it.
    String::from_utf8(output.stdout).expect("text").replace("\r\n", "\n")
}

/// The text without what differs from run to run: ids, digests, times.
fn normalised(text: &str) -> String {
    let mut normal = String::new();
    let mut word = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_ascii_alphanumeric() || "-:.".contains(character) {
            word.push(character);
            continue;
        }
        let digest = word.strip_prefix("sha256:").unwrap_or(&word);
        let is_id = digest.len() >= 8 && digest.chars().all(|c| c.is_ascii_hexdigit());
        let is_day = word.len() == 10 && word.chars().all(|c| c.is_ascii_digit() || c == '-');
        normal.push_str(match word.parse::<jiff::Timestamp>() {
            Ok(_) => "TIME",
            Err(_) if is_id => "ID",
            Err(_) if is_day => "DAY",
            Err(_) => &word,
        });
        word.clear();
        normal.push(character);
    }
    normal.pop();
    normal
}

#[test]
fn what_differs_from_run_to_run_is_told_apart() {
    let text = "store local (sqlite, b10909433e65cac1), ends 2026-11-29T10:00:00Z, digest sha256:0123abcd… 2026-11-29";
    assert_eq!(normalised(text), "store local (sqlite, ID), ends TIME, digest ID… DAY");
    assert_eq!(normalised("21 actions: 21 done\n"), "21 actions: 21 done\n");
}

/// What came of the commands of a README.
#[derive(Default)]
struct Outcome {
    /// The README with what was printed.
    printed: String,
    /// Each difference, for a person.
    differences: String,
    /// How many commands ran.
    count: usize,
}

/// Runs what stands in a README, in this folder.
fn follow(readme: &str, folder: &Path) -> Outcome {
    let bin = Path::new(BINARY).parent().expect("the folder of the binary");
    let mut outcome = Outcome::default();
    let Outcome { printed, differences, count } = &mut outcome;
    for part in parts(readme) {
        match part {
            Part::Text(text) => printed.push_str(text),
            Part::Written { name, text, block } => {
                let path = folder.join(name);
                fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
                fs::write(path, text).expect("written");
                printed.push_str(&block);
            }
            Part::Shown { name, text, line } => {
                let there = fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
                if there != text {
                    let _ = write!(differences, "{name}\n--- README\n{text}\n--- there\n{there}\n");
                }
                let _ = write!(printed, "{line}{there}```\n");
            }
            Part::Console(steps) => {
                printed.push_str("```console\n");
                for Step { command, output } in steps {
                    let now = shell(folder, bin, command);
                    let now = now.trim_matches('\n');
                    let is_same = normalised(output.trim_matches('\n')) == normalised(now);
                    if !is_same {
                        let _ = write!(differences, "$ {command}\n--- README\n{output}\n--- printed\n{now}\n");
                    }
                    let _ = writeln!(printed, "$ {command}");
                    let now = if is_same { output } else { format!("{now}\n") };
                    printed.push_str(if now == "\n" { "" } else { &now });
                    *count += 1;
                }
                printed.push_str("```\n");
            }
        }
    }
    outcome
}

/// What differs, or nothing: where it is asked for, the README is written anew instead.
fn settle(readme: &Path, outcome: &Outcome) -> String {
    let update = std::env::vars().any(|(name, value)| name == "UPDATE_README" && value == "1");
    if update && !outcome.differences.is_empty() {
        fs::write(readme, &outcome.printed).expect("the README");
        return String::new();
    }
    outcome.differences.clone()
}

const ADVICE: &str = "run: UPDATE_README=1 cargo test --test it readme";

#[test]
fn a_readme_holds_no_carriage_return() {
    let folder = tempfile::tempdir().expect("a folder");
    let readme = "```console\n$ printf 'a\\r\\nb\\r\\n'\na\nb\n```\n";
    let outcome = follow(readme, folder.path());
    assert_eq!((outcome.printed.as_str(), outcome.differences.as_str()), (readme, ""));
}

#[test]
fn the_commands_of_the_readme_print_what_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let readme = of_repository("README.md");
    let outcome = follow(&fs::read_to_string(&readme).expect("the README"), folder.path());
    assert!(outcome.count > 8, "the README shows {} commands", outcome.count);
    let differences = settle(&readme, &outcome);
    assert!(differences.is_empty(), "{differences}\n{ADVICE}");
}

#[test]
fn the_commands_of_each_example_print_what_its_readme_says() {
    let mut failed = String::new();
    let examples = folders(&of_repository("examples"));
    assert!(!examples.is_empty(), "there are no examples");
    for example in examples {
        let name = example.file_name().expect("a name").to_string_lossy();
        let folder = tempfile::tempdir().expect("a folder");
        copy(&example, folder.path());
        // Somebody may have tried the example where it stands.
        let _ = fs::remove_dir_all(folder.path().join(".rollcall"));
        let readme = example.join("README.md");
        let text = fs::read_to_string(&readme).unwrap_or_else(|error| panic!("examples/{name}/README.md: {error}"));
        let outcome = follow(&text, folder.path());
        let differences = settle(&readme, &outcome);
        if outcome.count == 0 {
            let _ = writeln!(failed, "=== examples/{name}: its README shows no command");
        }
        if !differences.is_empty() {
            let _ = writeln!(failed, "=== examples/{name}\n{differences}");
        }
    }
    assert!(failed.is_empty(), "{failed}\n{ADVICE}");
}

/// A difference is told, and a block that is written or shown is what the commands find.
#[test]
fn a_readme_that_says_something_else_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("change.patch"), "+new\n").expect("written");
    let readme = "```yaml a/b.yaml\nx: 1\n```\n```diff change.patch\n+new\n```\n\
                  ```console\n$ cat a/b.yaml change.patch\nx: 1\n+new\n```\n";
    let outcome = follow(readme, folder.path());
    assert_eq!((outcome.printed.as_str(), outcome.differences.as_str(), outcome.count), (readme, "", 1));
    for (right, wrong) in [("```diff change.patch\n+new", "```diff change.patch\n+old"), ("x: 1\n+new", "x: 1\n+old")] {
        assert!(readme.contains(right));
        let outcome = follow(&readme.replace(right, wrong), folder.path());
        assert_eq!(outcome.printed, readme);
        assert!(outcome.differences.contains("+old"), "{}", outcome.differences);
    }
}

/// The first of the two commands at the top, with the binary that is built already.
#[test]
fn the_quickstart_plans_applies_and_plans_again() {
    let readme = fs::read_to_string(of_repository("README.md")).expect("the README");
    let command = "sh examples/quickstart/run.sh";
    assert!(readme.contains(&format!("```sh\n{command}\n```")), "the README names another command");
    let before = tree(&of_repository("examples/quickstart"));
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(of_repository(""))
        .env("ROLLCALL", BINARY)
        .output()
        .expect("sh");
    let out = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{out}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("21 actions: 21 done"), "{out}");
    assert!(out.trim_end().ends_with("no changes"), "{out}");
    assert_eq!(tree(&of_repository("examples/quickstart")), before, "the checkout stays as it is");
}

/// The second one is what the checks run, too.
#[test]
fn the_test_command_is_the_one_of_the_checks() {
    let readme = fs::read_to_string(of_repository("README.md")).expect("the README");
    assert!(readme.contains("```sh\ncargo test\n```"), "the README names another command");
    if let Ok(checks) = fs::read_to_string(of_repository(".ci/run")) {
        assert!(checks.contains("cargo test"), "{checks}");
    }
}
