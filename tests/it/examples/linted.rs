//! What linters and schemas say of the pipelines, and what none of them knows.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rollcall::settings;
use serde_json::Value;

use super::pipeline::document;
use crate::support::cli::Run;
use crate::support::folders::{of_repository, tree};
use crate::support::linters::linter;

const WORKFLOWS: &str = "examples/github-actions/.github/workflows";
const GITLAB: &str = "examples/gitlab-ci/.gitlab-ci.yml";

fn workflows() -> Vec<PathBuf> {
    let found = tree(&of_repository(WORKFLOWS));
    assert!(found.len() >= 4, "{found:?}");
    found
}

/// The workflows by name, and their jobs.
fn jobs() -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for file in workflows() {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let workflow = document(&format!("{WORKFLOWS}/{name}"));
        for (job, about) in workflow["jobs"].as_object().expect("jobs") {
            all.push((name.clone(), job.clone(), about.clone()));
        }
    }
    all
}

/// The shell of each step.
fn scripts(job: &Value) -> Vec<String> {
    let steps = job["steps"].as_array().expect("steps").iter();
    steps.filter_map(|step| Some(step["run"].as_str()?.to_owned())).collect()
}

fn fits(schema: &[&str], file: &Path) -> Run {
    Run::of(Command::new(linter("check-jsonschema")).args(schema).arg(file))
}

#[test]
fn workflows_fit_the_schema_of_their_host() {
    let github = ["--builtin-schema", "vendor.github-workflows"];
    for workflow in workflows() {
        fits(&github, &workflow).ends_with(0);
    }
    let gitlab = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"];
    fits(&gitlab, &of_repository(GITLAB)).ends_with(0);
    // What does not fit is told.
    let folder = tempfile::tempdir().expect("a folder");
    let broken = folder.path().join("broken.yml");
    fs::write(&broken, "on: push\njobs: { a: { runs-on: x, stepps: [] } }\n").expect("written");
    fits(&github, &broken).ends_with(1);
    fs::write(&broken, "a: { script: x, resource_group: [1] }\n").expect("written");
    fits(&gitlab, &broken).ends_with(1);
}

#[test]
fn an_audit_of_the_workflows_finds_nothing() {
    let audit = |path: &Path| {
        let mut command = Command::new(linter("zizmor"));
        Run::of(command.args(["--offline", "--no-progress", "--no-config"]).arg(path))
    };
    audit(&of_repository(WORKFLOWS)).ends_with(0);
    let folder = tempfile::tempdir().expect("a folder");
    let broken = folder.path().join("broken.yml");
    let text = "on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      \
                - run: echo ${{ github.event.pull_request.title }}\n";
    fs::write(&broken, text).expect("written");
    let run = audit(&broken);
    for found in ["dangerous-triggers", "template-injection", "excessive-permissions"] {
        run.prints(found);
    }
}

#[test]
fn the_shell_of_the_steps_is_clean() {
    let check = |dialect: &str, script: &str| {
        let mut command = Command::new(linter("shellcheck"));
        let command = command.args(["--shell", dialect, "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("shellcheck");
        child.stdin.take().expect("its input").write_all(script.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("its end");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for (workflow, name, job) in jobs() {
        for script in scripts(&job) {
            let (is_clean, told) = check("bash", &script);
            assert!(is_clean, "{workflow}, {name}:\n{told}");
        }
    }
    for (name, job) in document(GITLAB).as_object().expect("jobs") {
        for script in ["before_script", "script"].iter().filter_map(|part| job[part].as_array()).flatten() {
            let (is_clean, told) = check("sh", script.as_str().expect("text"));
            assert!(is_clean, "{GITLAB}, {name}:\n{told}");
        }
    }
    assert!(!check("sh", "rm $1").0, "it finds nothing at all");
}

/// The mail server that the settings show, with its lines let in.
#[test]
fn the_mail_server_that_stands_there_as_a_comment_is_valid() {
    for example in ["github-actions", "gitlab-ci"] {
        let text = fs::read_to_string(of_repository(&format!("examples/{example}/rollcall.yaml"))).expect("settings");
        let (before, mail) = text.split_once("# mail:\n").expect("a mail server");
        let lines: Vec<&str> = mail.lines().map(|line| line.strip_prefix("# ").expect("a comment")).collect();
        let mail = lines.join("\n");
        let parsed = settings::parse(&format!("{before}mail:\n{mail}"), &|_| Err("there is none".to_owned()));
        let parsed = parsed.unwrap_or_else(|mistakes| panic!("{example}: {mistakes:?}"));
        assert!(format!("{:?}", parsed.mail).contains("mail.example.com"), "{example}");
    }
}

/// What no linter holds: no text of a pull request in a script, no secret, no trigger that hands rights to a fork, no
/// right beyond what a job needs.
#[test]
fn each_job_of_a_workflow_has_no_more_rights_than_it_needs() {
    let mut rights = Vec::new();
    for file in workflows() {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let workflow = document(&format!("{WORKFLOWS}/{name}"));
        assert_eq!(workflow["permissions"], serde_json::json!({}), "{name}");
        for trigger in ["pull_request_target", "workflow_run", "issue_comment"] {
            assert!(workflow["on"].get(trigger).is_none(), "{name}: {trigger}");
        }
        let text = fs::read_to_string(&file).expect("a workflow");
        assert!(!text.contains("secrets."), "{name}: a secret of the repository");
    }
    for (workflow, name, job) in jobs() {
        let about = format!("{workflow}, {name}");
        assert!(job["timeout-minutes"].is_u64(), "{about}: no limit of time");
        for script in scripts(&job) {
            assert!(!script.contains("${{"), "{about}: a value is pasted into a script:\n{script}");
        }
        for step in job["steps"].as_array().expect("steps") {
            if let Some(uses) = step["uses"].as_str() {
                let commit = uses.split_once('@').map_or("", |(_, commit)| commit);
                let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
                assert!(is_commit, "{about}: {uses} is no commit");
                if uses.starts_with("actions/checkout@") {
                    assert_eq!(step["with"]["persist-credentials"], false, "{about}");
                }
            }
        }
        let may = job["permissions"].as_object().unwrap_or_else(|| panic!("{about}: no permissions"));
        let may: Vec<String> =
            may.iter().map(|(what, how)| format!("{what}: {}", how.as_str().unwrap_or("?"))).collect();
        let runner = job["runs-on"].as_array().map_or("hosted", |labels| labels[1].as_str().expect("a label"));
        rights.push(format!("{workflow} {name}: {runner}, {}", may.join(", ")));
    }
    assert_eq!(
        rights,
        [
            "rollcall-apply.yml reviewed: hosted, contents: read, actions: read, pull-requests: read",
            "rollcall-apply.yml apply: rollcall-apply, contents: read, actions: read",
            "rollcall-drift.yml plan: rollcall-plan, contents: read",
            "rollcall-drift.yml issue: hosted, issues: write",
            "rollcall-plan.yml plan: rollcall-plan, contents: read",
            "rollcall-plan.yml comment: hosted, pull-requests: write",
            "rollcall-plan.yml fork: hosted, contents: read",
            "rollcall-scheduled.yml apply: rollcall-apply, contents: read",
        ]
    );
}

/// The same in the pipeline of GitLab, where a token is a variable with the scope of an environment.
#[test]
fn no_job_of_the_pipeline_has_both_the_store_and_the_token() {
    let mut of_store = Vec::new();
    for (name, job) in document(GITLAB).as_object().expect("jobs") {
        let Some(script) = job["script"].as_array() else { continue };
        let script: String = script.iter().map(|line| line.as_str().expect("text")).collect();
        let scope = job["environment"]["name"].as_str();
        let has_token = script.contains("ROLLCALL_API_TOKEN");
        assert_eq!(has_token, scope == Some("rollcall-notes"), "{name}");
        if script.contains("ROLLCALL_HOME") {
            let is_tagged = job["tags"] == serde_json::json!(["rollcall-plan"]) || job["extends"] == ".apply";
            assert!(is_tagged && !has_token, "{name}");
            of_store.push(name.clone());
        }
    }
    of_store.sort();
    assert_eq!(of_store, ["apply", "drift", "due", "plan"]);
}

/// Whatever writes the store stands in one line, and is never cut off.
#[test]
fn one_apply_runs_at_a_time() {
    let mut count = 0;
    for (workflow, name, job) in jobs() {
        let applies = scripts(&job).iter().any(|script| script.contains("rollcall apply"));
        let is_of_apply = job["runs-on"].as_array().is_some_and(|labels| labels[1] == "rollcall-apply");
        assert_eq!(
            is_of_apply,
            scripts(&job)
                .iter()
                .any(|script| script.contains("\n  rollcall apply") || script.contains("\nrollcall apply")),
            "{workflow}, {name}"
        );
        if applies && is_of_apply {
            let expected = serde_json::json!({ "group": "rollcall-apply", "cancel-in-progress": false });
            assert_eq!(job["concurrency"], expected, "{workflow}, {name}");
            assert!(job["environment"].is_string(), "{workflow}, {name}: which branch may use it is said by nothing");
            assert!(job["if"].as_str().expect("a condition").contains("github.ref == 'refs/heads/main'"));
            count += 1;
        }
    }
    assert_eq!(count, 2);
    let gitlab = document(GITLAB);
    for (name, job) in gitlab.as_object().expect("jobs") {
        let scripts = job["script"].as_array().into_iter().flatten();
        if scripts.map(|script| script.as_str().expect("text")).any(|script| script.contains("rollcall apply ")) {
            assert_eq!(job["extends"], ".apply", "{name}");
            assert!(job["environment"].is_string(), "{name}");
            count += 1;
        }
    }
    assert_eq!(count, 4);
    assert_eq!(gitlab[".apply"]["resource_group"], "rollcall");
    assert_eq!(gitlab[".apply"]["interruptible"], false);
}
