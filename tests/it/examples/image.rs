//! The image and the hooks for commits. No container is built here: what can be told without that is checked.

use std::fs;
use std::process::Command;

use crate::support::cli::{BINARY, Repository, Run};
use crate::support::folders::{copy, of_repository};
use crate::support::git::git;
use crate::support::linters::linter;

fn dockerfile() -> String {
    fs::read_to_string(of_repository("Dockerfile")).expect("the Dockerfile")
}

#[test]
fn the_image_is_pinned_small_and_runs_as_nobody_in_particular() {
    Run::of(Command::new(linter("hadolint")).arg(of_repository("Dockerfile"))).ends_with(0);
    let text = dockerfile();
    let stages: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("FROM ")).collect();
    assert_eq!(stages.len(), 2, "what builds is not in the image");
    for stage in stages {
        let image = stage.split(' ').next().expect("an image");
        let digest = image.split_once("@sha256:").map_or("", |(_, digest)| digest);
        assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{image} is not pinned");
    }
    let last = text.rsplit("FROM ").next().expect("a stage");
    let users: Vec<&str> = last.lines().filter_map(|line| line.strip_prefix("USER ")).collect();
    assert_eq!(users, ["10001:10001"], "by number, so that a cluster can tell that it is not root");
    let copied: Vec<&str> = last.lines().filter(|line| line.starts_with("COPY")).collect();
    assert_eq!(copied, ["COPY --from=build /build/target/release/rollcall /usr/local/bin/rollcall"]);
    assert!(text.contains("cargo build --locked --release"));
    let pinned = fs::read_to_string(of_repository("Cargo.toml")).expect("the manifest");
    let version = pinned.lines().find_map(|line| line.strip_prefix("rust-version = \"")).expect("a version");
    assert!(text.contains(&format!("FROM rust:{}.", version.trim_end_matches('"'))), "not the Rust of Cargo.toml");
}

/// What the build copies is there, is let in by `.dockerignore`, and is all that it needs.
#[test]
fn what_the_image_is_built_from_is_there() {
    let ignored = fs::read_to_string(of_repository(".dockerignore")).expect("a list");
    let let_in: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert!(ignored.starts_with("*\n"), "all else stays out: `.git`, stores, secrets");
    let folder = tempfile::tempdir().expect("a folder");
    let mut count = 0;
    let text = dockerfile();
    for line in text.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--")) {
        let mut words: Vec<&str> = line.split(' ').collect();
        let to = words.pop().expect("where to");
        for from in words {
            assert!(let_in.contains(&from), "{from} is not let in by .dockerignore");
            let (source, target) = (of_repository(from), folder.path().join(if to == "./" { from } else { to }));
            if source.is_dir() {
                fs::create_dir(&target).expect("a folder");
                copy(&source, &target);
            } else {
                fs::copy(&source, &target).unwrap_or_else(|error| panic!("{from}: {error}"));
            }
            count += 1;
        }
    }
    assert_eq!(count, let_in.len());
    // Cargo reads it; what the sources include is there as well.
    let mut cargo = Command::new(env!("CARGO"));
    let cargo = cargo.args(["metadata", "--offline", "--locked", "--no-deps", "--format-version", "1"]);
    Run::of(cargo.current_dir(folder.path())).ends_with(0).prints("\"name\":\"rollcall\"");
    for file in crate::support::folders::tree(&folder.path().join("src")) {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        for included in text.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(file.parent().expect("a folder").join(included).is_file(), "{}: {included}", file.display());
        }
    }
}

/// The hooks as pre-commit runs them, from a repository that takes them by their definition.
#[test]
fn the_hooks_hold_back_a_commit_with_a_mistake() {
    let repository = Repository::empty();
    let definition = fs::read_to_string(of_repository(".pre-commit-hooks.yaml")).expect("the hooks");
    let hooks = tempfile::tempdir().expect("a folder");
    fs::write(hooks.path().join(".pre-commit-hooks.yaml"), definition).expect("written");
    git(hooks.path(), &["init", "-q", "-b", "main"]);
    git(hooks.path(), &["add", "-A"]);
    git(hooks.path(), &["commit", "-q", "-m", "hooks"]);
    git(hooks.path(), &["tag", "v1"]);

    repository.run(["init"]).ends_with(0);
    repository.write(
        ".pre-commit-config.yaml",
        &format!(
            "repos:\n- repo: file://{}\n  rev: v1\n  hooks: [{{ id: rollcall-validate }}, {{ id: rollcall-fmt }}]\n",
            hooks.path().display()
        ),
    );
    git(repository.path(), &["init", "-q", "-b", "main"]);
    git(repository.path(), &["add", "-A"]);
    let home = tempfile::tempdir().expect("a folder");
    let run = || {
        let path = std::env::vars().find(|(name, _)| name == "PATH").map(|(_, path)| path).expect("a path");
        let bin = std::path::Path::new(BINARY).parent().expect("a folder");
        let mut command = Command::new(linter("pre-commit"));
        command.args(["run", "--all-files", "--color", "never"]).current_dir(repository.path());
        command.env("PRE_COMMIT_HOME", home.path()).env("PATH", format!("{}:{path}", bin.display()));
        Run::of(&mut command)
    };
    run().ends_with(0).prints("rollcall validate").prints("rollcall fmt --check");
    // A role that nobody declares.
    repository.edit("access/example.yaml", "example-works: manager", "example-works: manger");
    run().ends_with(1).prints("unknown role `manger`");
    repository.edit("access/example.yaml", "example-works: manger", "example-works: manager");
    repository.edit("access/example.yaml", "  member: { rank: 10 }\n", "");
    repository.edit("access/example.yaml", "roles:\n", "roles:\n  member: { rank: 10 }\n");
    let order = run();
    order.prints("rollcall validate");
    assert_eq!(order.code, repository.run(["fmt", "--check"]).code.map(|code| i32::from(code != 0)), "{order}");
    // Only taken away, and now missing.
    git(repository.path(), &["rm", "-q", "-f", "--cached", "access/example.yaml"]);
    fs::remove_file(repository.file("access/example.yaml")).expect("removed");
    repository.write("access/more.yaml", "users:\n  li@example.com: { access: { example-works: manager } }\n");
    git(repository.path(), &["add", "access/more.yaml"]);
    run().ends_with(1).prints("unknown");
}
