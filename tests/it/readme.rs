//! The commands of the README print what the README says.
//!
//! Blocks that begin with ```` ```console ```` hold commands after `$ ` and what they print. They run in order, in one
//! folder, by `sh`; standard output and standard error are shown as they come. A block ```` ```yaml FILE ```` or
//! ```` ```sql FILE ```` is written to that file before what follows runs. `UPDATE_README=1` writes what is printed
//! into the README.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::cli::BINARY;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A part of the README.
enum Part<'a> {
    /// What is not looked at.
    Text(&'a str),
    /// The lines of a `console` block.
    Console(Vec<Step<'a>>),
    /// A file to write, with its block.
    File { name: &'a str, text: String, block: String },
}

/// A command and what it prints.
struct Step<'a> {
    command: &'a str,
    output: String,
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let file = line.strip_prefix("```yaml ").or_else(|| line.strip_prefix("```sql "));
        if line.trim_end() == "```console" {
            let mut steps: Vec<Step<'_>> = Vec::new();
            for line in lines.by_ref().take_while(|line| line.trim_end() != "```") {
                match (line.strip_prefix("$ "), steps.last_mut()) {
                    (Some(command), _) => steps.push(Step { command: command.trim_end(), output: String::new() }),
                    (None, Some(step)) => step.output.push_str(line),
                    (None, None) => panic!("a console block begins with `{line}`"),
                }
            }
            parts.push(Part::Console(steps));
        } else if let Some(name) = file {
            let text: String = lines.by_ref().take_while(|line| line.trim_end() != "```").collect();
            let block = format!("{line}{text}```\n");
            parts.push(Part::File { name: name.trim(), text, block });
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
        .output()
        .expect("sh");
    String::from_utf8(output.stdout).expect("text")
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

#[test]
fn the_commands_of_the_readme_print_what_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let bin = Path::new(BINARY).parent().expect("the folder of the binary");
    let text = fs::read_to_string(root().join("README.md")).expect("the README");
    let mut printed = String::new();
    let mut differences = String::new();
    let mut count = 0;
    for part in parts(&text) {
        match part {
            Part::Text(text) => printed.push_str(text),
            Part::File { name, text, block } => {
                let path = folder.path().join(name);
                fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
                fs::write(path, text).expect("written");
                printed.push_str(&block);
            }
            Part::Console(steps) => {
                printed.push_str("```console\n");
                for Step { command, output } in steps {
                    let now = shell(folder.path(), bin, command);
                    let now = now.trim_matches('\n');
                    let is_same = normalised(output.trim_matches('\n')) == normalised(now);
                    if !is_same {
                        let _ = write!(differences, "$ {command}\n--- README\n{output}\n--- printed\n{now}\n");
                    }
                    let _ = writeln!(printed, "$ {command}");
                    let now = if is_same { output } else { format!("{now}\n") };
                    printed.push_str(if now == "\n" { "" } else { &now });
                    count += 1;
                }
                printed.push_str("```\n");
            }
        }
    }
    assert!(count > 8, "the README shows {count} commands");
    let update = std::env::vars().any(|(name, value)| name == "UPDATE_README" && value == "1");
    if update && !differences.is_empty() {
        fs::write(root().join("README.md"), printed).expect("the README");
    } else {
        assert!(differences.is_empty(), "{differences}\nrun: UPDATE_README=1 cargo test --test it readme");
    }
}

/// The first of the two commands at the top, with the binary that is built already.
#[test]
fn the_quickstart_plans_applies_and_plans_again() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let command = "sh examples/quickstart/run.sh";
    assert!(readme.contains(&format!("```sh\n{command}\n```")), "the README names another command");
    let before = tree(&root().join("examples/quickstart"));
    let output =
        Command::new("sh").args(["-c", command]).current_dir(root()).env("ROLLCALL", BINARY).output().expect("sh");
    let out = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{out}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("21 actions: 21 done"), "{out}");
    assert!(out.trim_end().ends_with("no changes"), "{out}");
    assert_eq!(tree(&root().join("examples/quickstart")), before, "the checkout stays as it is");
}

/// The second one is what the checks run, too.
#[test]
fn the_test_command_is_the_one_of_the_checks() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    assert!(readme.contains("```sh\ncargo test\n```"), "the README names another command");
    if let Ok(checks) = fs::read_to_string(root().join(".ci/run")) {
        assert!(checks.contains("cargo test"), "{checks}");
    }
}

fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(tree(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}
