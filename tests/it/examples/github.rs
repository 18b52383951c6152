//! The workflows of GitHub, from a pull request to its apply: each step is run as the runner would run it.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::pipeline::{Machine, Step, document};
use crate::support::cli::Run;
use crate::support::git::git;

/// What stands for the expressions of a step; one that is not here ends the test.
type Values<'a> = &'a [(&'a str, &'a str)];

/// The bash of a runner for `shell: bash`.
const SHELL: [&str; 4] = ["bash", "--noprofile", "--norc", "-eo"];

struct Github(Machine);

impl Github {
    /// `main` is applied, and everybody has accepted.
    fn applied() -> Self {
        let github = Self(Machine::with("github-actions"));
        github.0.check_out("applies", "origin/main");
        let digest = github.0.digest("applies");
        github.apply(&[("GITHUB_EVENT_NAME", "workflow_dispatch")], "", &digest).ends_with(0);
        github.remember().ends_with(0);
        github.0.all_accept();
        github
    }

    /// Runs a step of a workflow, by the names of both.
    fn step(&self, (workflow, job, step): (&str, &str, &str), clone: &str, more: Values<'_>) -> Run {
        let file = format!("examples/{}/.github/workflows/{workflow}.yml", self.0.example());
        let workflow = document(&file);
        assert_eq!(workflow["defaults"]["run"]["shell"], "bash", "{file}");
        let job = &workflow["jobs"][job];
        let steps = job["steps"].as_array().unwrap_or_else(|| panic!("{file}: no such job"));
        let found =
            steps.iter().find(|known| known["name"] == step).unwrap_or_else(|| panic!("{file}: no step {step}"));
        let value = |value: &Value| {
            let text = value.as_str().expect("a text");
            let Some(expression) = text.strip_prefix("${{ ").and_then(|text| text.strip_suffix(" }}")) else {
                return text.to_owned();
            };
            let known = more.iter().find(|(name, _)| *name == expression);
            known.unwrap_or_else(|| panic!("{file}, {step}: {expression} has no value")).1.to_owned()
        };
        let mut environment: BTreeMap<String, String> = BTreeMap::new();
        for given in [&job["env"], &found["env"]].into_iter().filter_map(Value::as_object) {
            environment.extend(given.iter().map(|(name, given)| (name.clone(), value(given))));
        }
        let path = |name: &str| self.0.path(name).to_string_lossy().into_owned();
        for (name, file) in
            [("GITHUB_OUTPUT", "temp/output"), ("GITHUB_PATH", "temp/path"), ("GITHUB_STEP_SUMMARY", "temp/summary")]
        {
            fs::write(self.0.path(file), "").expect("written");
            environment.insert(name.to_owned(), path(file));
        }
        for (name, value) in
            [("RUNNER_TEMP", &*path("temp")), ("GITHUB_REPOSITORY", "example/access"), ("GITHUB_EVENT_NAME", "push")]
        {
            environment.insert(name.to_owned(), value.to_owned());
        }
        environment.insert("GITHUB_SHA".to_owned(), self.0.commit_of(clone, "HEAD"));
        for (name, value) in more.iter().filter(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_')) {
            environment.insert((*name).to_owned(), (*value).to_owned());
        }
        if environment.contains_key("ROLLCALL_HOME") {
            environment.insert("ROLLCALL_HOME".to_owned(), path("home"));
        }
        let step = Step { script: found["run"].as_str().expect("a script").to_owned(), environment };
        self.0.run(&step, &[&SHELL[..], &["pipefail"]].concat(), clone)
    }

    /// What a step handed on.
    fn output(&self, name: &str) -> String {
        let text = self.0.read("temp/output");
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}=")).map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {name} in {text}"))
    }

    /// What GitHub checks out for a pull request of this branch: its merge into `main`.
    fn propose(&self, branch: &str, change: impl Fn()) {
        let origin = self.0.path("origin");
        git(&origin, &["checkout", "-q", "-b", branch, "main"]);
        change();
        self.0.commit(branch);
        git(&origin, &["checkout", "-q", "--detach", "main"]);
        git(&origin, &["merge", "-q", "--no-ff", "-m", "merge", branch]);
        git(&origin, &["branch", "-f", &format!("try-{branch}"), "HEAD"]);
        git(&origin, &["checkout", "-q", "main"]);
        self.0.check_out("plans", &format!("origin/try-{branch}"));
    }

    fn plan(&self) -> Run {
        self.step(("rollcall-plan", "plan", "Plan"), "plans", &[])
    }

    fn comment(&self) -> Run {
        let values = [("github.token", "t0ken"), ("github.event.pull_request.number", "7")];
        self.step(("rollcall-plan", "comment", "Comment"), "plans", &values)
    }

    /// Merges a branch; the runner that applies has it.
    fn merge(&self, branch: &str) {
        git(&self.0.path("origin"), &["merge", "-q", "--no-ff", "-m", "merge", branch]);
        self.check_out_to_apply();
    }

    fn check_out_to_apply(&self) {
        self.0.check_out("applies", "origin/main");
        let run = self.step(("rollcall-apply", "apply", "Remove all but the journal"), "applies", &[]);
        run.ends_with(0);
    }

    fn find(&self) -> Run {
        self.step(("rollcall-apply", "reviewed", "Find what was reviewed"), "applies", &[("github.token", "t0ken")])
    }

    fn apply(&self, more: Values<'_>, reviewed: &str, typed: &str) -> Run {
        let values = [&[("needs.reviewed.outputs.digest", reviewed), ("inputs.digest", typed)], more].concat();
        self.step(("rollcall-apply", "apply", "Apply"), "applies", &values)
    }

    fn remember(&self) -> Run {
        self.step(("rollcall-apply", "apply", "Remember what is applied"), "applies", &[])
    }

    /// What GitHub knows of the pull request whose merge is checked out.
    fn answer_for(&mut self, comments: &Value) {
        let sha = self.0.commit_of("applies", "HEAD");
        let pull = json!([{ "number": 7, "merged_at": "2026-11-26T09:00:00Z", "merge_commit_sha": sha,
                            "base": { "ref": "main" }, "head": { "sha": "5ead" } }]);
        self.0.answer(&format!("commits/{sha}/pulls"), &pull.to_string());
        let run = |id: u32, from: &str| json!({ "id": id, "head_repository": { "full_name": from } });
        let runs = json!({ "workflow_runs": [run(98, "stranger/access"), run(42, "example/access"), run(41, "example/access")] });
        self.0.answer("runs?event=pull_request&status=success&head_sha=5ead", &runs.to_string());
        self.0.answer("issues/7/comments", &comments.to_string());
    }
}

fn comment_of(id: u32, who: &str, body: &str) -> Value {
    json!({ "id": id, "user": { "login": who }, "body": body })
}

const BOT: &str = "github-actions[bot]";

/// What a step shows while the runner takes no commands, since others wrote it, and what it tells the runner.
fn around(run: &Run) -> (&str, &str) {
    let (before, rest) = run.out.split_once("::stop-commands::").expect("it stops");
    assert_eq!(before, "", "{run}");
    let (end, rest) = rest.split_once('\n').expect("a line");
    rest.split_once(&format!("::{end}::\n")).expect("it goes on")
}

/// Somebody joins, and Ben gets another site.
fn change(machine: &Machine) {
    machine.edit("access/people.yaml", "sites: [pit-1] } } }", "sites: [pit-1, pit-2] } } }\n  li@example.com: { given_name: Li, access: { north-quarries: { role: operator, sites: [pit-2] } } }");
}

#[test]
fn what_was_reviewed_is_applied_once_it_is_merged() {
    let mut github = Github::applied();
    let before = fs::read(github.0.path("home/store.db")).expect("the store");
    assert_eq!(github.0.read("home/applied-commit").trim(), github.0.commit_of("applies", "HEAD"));
    github.propose("more", || change(&github.0));
    let run = github.plan();
    run.ends_with(0);
    assert_eq!(github.output("report"), "yes");
    let (shown, told) = around(&run);
    assert!(shown.contains("li@example.com") && shown.contains("this change"), "{run}");
    assert_eq!(told, "", "nobody loses or escalates");
    assert_eq!(fs::read(github.0.path("home/store.db")).expect("the store"), before, "plan writes nothing");

    // The first comment, then its replacement; those of others are left alone.
    let body = github.0.read("temp/rollcall/plan.md");
    let marker = body.lines().next().expect("a line").to_owned();
    github.0.answer("issues/7/comments", "[]");
    github.comment().ends_with(0);
    assert!(github.0.calls().contains("--method POST repos/example/access/issues/7/comments"));
    assert_eq!(github.0.sent(), body);
    let old = comment_of(12, BOT, &format!("{marker}\nold"));
    let first = json!([comment_of(10, "mallory", &format!("{marker}\nforged")), comment_of(11, BOT, "another tool")]);
    // Two pages, one after the other, as they come.
    github.0.answer("issues/7/comments", &format!("{first}{}", json!([old])));
    github.comment().ends_with(0);
    let calls = github.0.calls();
    assert!(
        calls.contains("--method PATCH repos/example/access/issues/comments/12 ") && !calls.contains("POST"),
        "{calls}"
    );
    // Where the host can't be asked, no second comment is written.
    github.0.forget("issues/7/comments");
    assert_ne!(github.comment().code, Some(0));
    assert!(!github.0.calls().contains("--method"));

    github.merge("more");
    let comments = json!([comment_of(12, BOT, &body), comment_of(13, "kim", "what is `sha256:0000`?")]);
    github.answer_for(&comments);
    github.find().ends_with(0);
    let digest = github.output("digest");
    assert_eq!(github.output("run"), "42", "the newest of this repository, and not of a fork");
    assert!(body.contains(&format!("digest `{digest}`")));

    // Another digest than the one that was seen: nothing is done.
    let other = format!("sha256:{}", "0".repeat(64));
    github.apply(&[], &other, "").ends_with(5);
    assert_eq!(fs::read(github.0.path("home/store.db")).expect("the store"), before);
    github.remember().ends_with(0).prints("something that was merged is not done yet");
    assert_ne!(github.0.read("home/applied-commit").trim(), github.0.commit_of("applies", "HEAD"));
    // The one that was.
    github.apply(&[], &digest, "").ends_with(0).prints("2 actions: 2 done");
    github.remember().ends_with(0);
    assert_eq!(github.0.read("home/applied-commit").trim(), github.0.commit_of("applies", "HEAD"));
    assert_eq!(github.0.people(), ["ana@example.com active", "ben@example.com active", "li@example.com invited"]);
    // Those who plan have the journal.
    assert_eq!(github.0.read("home/journal-local.jsonl"), github.0.read("applies/.rollcall/journal-local.jsonl"));
    // The same run once more does nothing again.
    github.apply(&[], &digest, "").ends_with(0).prints("already true");
}

/// A change that was merged, never applied and reverted since: its run, started again, would give it once more.
#[test]
fn a_run_that_is_started_again_gives_nothing_that_was_taken_back_since() {
    const PROMOTED: (&str, &str) = ("{ role: operator, sites: [pit-1] }", "manager");
    for is_revert_done in [true, false] {
        let github = Github::applied();
        github.propose("promote", || github.0.edit("access/people.yaml", PROMOTED.0, PROMOTED.1));
        github.plan().ends_with(0);
        let document: Value = serde_json::from_str(&github.0.read("temp/rollcall/plan.json")).expect("a plan");
        let digest = document["digest"].as_str().expect("a digest").to_owned();
        github.merge("promote");
        let promoted = github.0.commit_of("applies", "HEAD");
        // Its apply was cancelled. Then it is reverted, and that is applied; or its apply begins and fails.
        github.0.edit(
            "access/people.yaml",
            "ben@example.com: { given_name: Ben, access: { north-quarries: manager }",
            "ben@example.com: { given_name: Ben, access: { north-quarries: { role: operator, sites: [pit-1] } }",
        );
        github.0.commit("revert");
        github.check_out_to_apply();
        let by_hand = [("GITHUB_EVENT_NAME", "workflow_dispatch")];
        let typed = if is_revert_done { github.0.digest("applies") } else { format!("sha256:{}", "2".repeat(64)) };
        github.apply(&by_hand, "", &typed).ends_with(if is_revert_done { 0 } else { 5 });
        if is_revert_done {
            github.remember().ends_with(0);
            assert_eq!(github.0.read("home/applied-commit").trim(), github.0.commit_of("applies", "HEAD"));
        }
        let (applied, before) = (github.0.read("home/applied-commit"), fs::read(github.0.path("home/store.db")));
        github.0.check_out("applies", &promoted);
        let why = "it may give what was taken back since: read the plan of the workflow `rollcall drift`";
        github.apply(&[], &digest, "").ends_with(1).prints(why);
        // The same by hand, with the digest that was typed then.
        let again = github.0.digest("applies");
        github.apply(&by_hand, "", &again).ends_with(1).prints(why);
        github.remember().ends_with(0);
        assert_eq!(github.0.read("home/applied-commit"), applied, "nothing goes back");
        assert_eq!(fs::read(github.0.path("home/store.db")).expect("the store"), before.expect("the store"));
        let step = ("rollcall-scheduled", "apply", "Apply what is due");
        github.step(step, "applies", &[]).ends_with(1).prints("was taken back since");
        // The way on.
        github.0.check_out("applies", "origin/main");
        let digest = github.0.digest("applies");
        github.apply(&by_hand, "", &digest).ends_with(0);
        github.remember().ends_with(0);
        assert_eq!(github.0.read("home/applied-commit").trim(), github.0.commit_of("applies", "HEAD"));
    }
}

/// After its merge nothing could be applied.
#[test]
fn a_policy_that_its_own_manifests_break_makes_the_check_red() {
    let github = Github::applied();
    github.propose("policy", || github.0.demand_two_managers());
    for (job, step) in [("plan", "Plan"), ("fork", "Plan against the base")] {
        let run = github.step(("rollcall-plan", job, step), "plans", &[]);
        run.ends_with(4);
        let (shown, told) = around(&run);
        assert!(shown.contains("does not keep to policy `two-managers`"), "{run}");
        assert!(told.contains("::error file=access/people.yaml,line=") && told.contains("policy-violated"), "{run}");
        assert!(!github.0.read("temp/rollcall/plan.md").is_empty(), "reviewers still have a report");
    }
}

#[test]
fn what_nobody_reviewed_is_not_applied() {
    let mut github = Github::applied();
    github.propose("more", || change(&github.0));
    github.plan().ends_with(0);
    let body = github.0.read("temp/rollcall/plan.md");
    github.merge("more");
    let refused = |github: &Github, why: &str| {
        let run = github.find();
        run.ends_with(1).prints(why);
        assert_eq!(github.0.read("temp/output"), "", "{run}");
    };
    // A comment of somebody else, one that was edited to show two, none at all.
    let forged = format!("{body}\nsha256:{}", "1".repeat(64));
    for comments in [json!([comment_of(12, "mallory", &body)]), json!([comment_of(12, BOT, &forged)]), json!([])] {
        github.answer_for(&comments);
        refused(&github, "pull request 7 has no plan that could be applied");
    }
    github.answer_for(&json!([comment_of(12, BOT, &body)]));
    // Only the run of a fork.
    github.0.answer(
        "runs?event=pull_request",
        &json!({ "workflow_runs": [{ "id": 98, "head_repository": { "full_name": "stranger/access" } }] }).to_string(),
    );
    let sha = github.0.commit_of("applies", "HEAD");
    github.0.answer("runs?event=pull_request&status=success&head_sha=5ead", "{\"workflow_runs\": []}");
    refused(&github, "has no plan that could be applied");
    // Pushed without a pull request.
    github.0.answer(&format!("commits/{sha}/pulls"), "[]");
    refused(&github, "no pull request was merged as this commit");
    // What somebody read is applied by hand, and nothing else.
    let typed = format!("sha256:{}", "2".repeat(64));
    let by_hand = [("GITHUB_EVENT_NAME", "workflow_dispatch")];
    github.apply(&by_hand, "", &typed).ends_with(5);
    github.apply(&by_hand, "", "$(touch marker)").ends_with(3);
    assert!(!github.0.path("applies/marker").exists());
    let digest = github.0.digest("applies");
    github.apply(&by_hand, "", &digest).ends_with(0).prints("2 actions: 2 done");
}

#[test]
fn a_pull_request_brings_neither_a_store_nor_a_journal_nor_commands_to_the_runner() {
    let github = Github::applied();
    github.propose("journal", || {
        let folder = github.0.path("origin/.rollcall");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("journal-local.jsonl"), "{}\n").expect("written");
        fs::write(github.0.path("origin/.gitignore"), "").expect("written");
    });
    github.plan().ends_with(1).prints("brings files that only the machine of the store may have");
    assert_eq!(github.0.read("temp/output"), "");
    git(&github.0.path("origin"), &["checkout", "-q", "main"]);

    github.propose("words", || {
        github.0.edit(
            "access/people.yaml",
            "given_name: Ana",
            "given_name: \"::set-output name=report::x\", nonsense: \"\\n::error::x\"",
        );
    });
    let run = github.plan();
    run.ends_with(3);
    let (before, after) = around(&run);
    assert!(before.contains("nonsense"), "{run}");
    assert!(after.starts_with("::error file=access/people.yaml,line="), "{run}");
    assert!(github.0.read("temp/rollcall/plan.md").contains("there is no plan"), "reviewers are told");
    assert_eq!(github.output("report"), "yes");
}

#[test]
fn a_fork_is_compared_with_its_base_and_nothing_else() {
    let github = Github::applied();
    github.propose("fork", || change(&github.0));
    // There is no store, as on a machine of the host.
    fs::rename(github.0.path("home/store.db"), github.0.path("home/elsewhere.db")).expect("renamed");
    github.step(("rollcall-plan", "fork", "Install rollcall"), "plans", &[]).ends_with(0);
    let calls = github.0.calls();
    assert!(calls.starts_with("docker create registry.example.com/rollcall@sha256:"), "{calls}");
    assert!(github.0.path("temp/bin/rollcall").is_file());
    let place = github.0.read("temp/path");
    assert_eq!(place.trim(), github.0.path("temp/bin").to_string_lossy());
    let run = github.step(("rollcall-plan", "fork", "Plan against the base"), "plans", &[]);
    run.ends_with(0).prints("no store was read");
    assert!(github.0.read("temp/summary").contains("li@example.com"), "{}", github.0.read("temp/summary"));
    assert!(github.0.read("temp/rollcall/plan.html").contains("li@example.com"));
    assert_eq!(github.0.calls(), "", "nobody is asked, nothing is written");
}

#[test]
fn drift_is_an_issue_that_comes_and_goes() {
    let mut github = Github::applied();
    github.0.check_out("plans", "origin/main");
    let report = |github: &Github| {
        github.step(("rollcall-drift", "plan", "Plan"), "plans", &[]).ends_with(0);
        github.output("code")
    };
    let issue = |github: &Github, code: &str| {
        let values = [("github.token", "t0ken"), ("needs.plan.outputs.code", code)];
        let step = ("rollcall-drift", "issue", "Open, replace or close the issue");
        github.step(step, "plans", &values).ends_with(0);
        github.0.calls()
    };
    github.0.answer("issues?state=open", "[]");
    assert_eq!(report(&github), "0");
    assert!(!issue(&github, "0").contains("--method"), "there is nothing to close");
    let store = rusqlite::Connection::open(github.0.path("home/store.db")).expect("the store");
    store.execute("DELETE FROM site_grants", []).expect("deleted");
    drop(store);
    assert_eq!(report(&github), "2");
    assert!(github.0.read("temp/summary").contains("drift"), "{}", github.0.read("temp/summary"));
    assert!(issue(&github, "2").contains("--method POST repos/example/access/issues "));
    let body = github.0.sent();
    assert!(body.contains("ben@example.com"), "{body}");
    let marker = body.lines().next().expect("a line");
    let known = json!([{ "number": 3, "body": null }, { "number": 5, "body": format!("{marker}\nold") }]);
    github.0.answer("issues?state=open", &known.to_string());
    assert!(issue(&github, "2").contains("--method PATCH repos/example/access/issues/5 --field body=@"));
    assert!(issue(&github, "0").contains("--method PATCH repos/example/access/issues/5 --field state=closed"));
}

#[test]
fn a_schedule_applies_what_time_brings_and_nothing_that_was_merged_since() {
    let github = Github::applied();
    let step = ("rollcall-scheduled", "apply", "Apply what is due");
    // Ben accepted, and an end has come; Li was merged, and her plan was never applied.
    github.propose("end", || {
        github.0.edit("access/people.yaml", "sites: [pit-1] }", "sites: [pit-1], expires: 2026-01-01 }");
    });
    git(&github.0.path("origin"), &["checkout", "-q", "main"]);
    github.0.edit(
        "access/people.yaml",
        "users:\n",
        "users:\n  zoe@example.com: { starts: 2026-01-01, access: { north-quarries: operator } }\n",
    );
    github.0.commit("zoe");
    github.check_out_to_apply();
    let run = github.step(step, "applies", &[]);
    run.ends_with(0).prints("no changes");
    assert!(!github.0.people().iter().any(|person| person.starts_with("zoe@")), "{run}");
    // Once it was applied, what comes to be due is done: a site that somebody may have since they accepted.
    let digest = github.0.digest("applies");
    github.apply(&[("GITHUB_EVENT_NAME", "workflow_dispatch")], "", &digest).ends_with(0);
    github.remember().ends_with(0);
    github.0.edit(
        "access/people.yaml",
        "north-quarries: operator } }",
        "north-quarries: { role: operator, sites: [pit-2] } } }",
    );
    github.0.commit("more for zoe");
    github.check_out_to_apply();
    let digest = github.0.digest("applies");
    github.apply(&[("GITHUB_EVENT_NAME", "workflow_dispatch")], "", &digest).ends_with(0);
    github.remember().ends_with(0);
    github.0.all_accept();
    github.step(step, "applies", &[]).ends_with(0).prints("1 action: 1 done");
    // Without a first apply nobody knows what was merged since.
    fs::remove_file(github.0.path("home/applied-commit")).expect("removed");
    github.step(step, "applies", &[]).ends_with(1).prints("nothing was applied yet");
}
