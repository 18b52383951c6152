//! The pipeline of GitLab, from a merge request to its apply: each script is run as the runner would run it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::chown;

use serde_json::{Value, json};

use super::pipeline::{Machine, Step, document};
use crate::support::cli::Run;
use crate::support::git::git;

struct Gitlab(Machine);

impl Gitlab {
    fn applied() -> Self {
        let gitlab = Self(Machine::with("gitlab-ci"));
        gitlab.0.check_out("applies", "origin/main");
        let digest = gitlab.0.digest("applies");
        gitlab.job("apply", "applies", &[("CI_PIPELINE_SOURCE", "web"), ("ROLLCALL_DIGEST", &digest)]).ends_with(0);
        gitlab.0.all_accept();
        gitlab
    }

    /// Runs the script of a job.
    fn job(&self, name: &str, clone: &str, more: &[(&str, &str)]) -> Run {
        let pipeline = document("examples/gitlab-ci/.gitlab-ci.yml");
        let job = &pipeline[name];
        let script = job["script"].as_array().unwrap_or_else(|| panic!("no job {name}"));
        // One shell runs both; a job without the first has that of the job that it extends.
        let extended = job["extends"].as_str().map_or(&Value::Null, |extended| &pipeline[extended]);
        let before = [job, extended].iter().find_map(|job| job["before_script"].as_array());
        let script: Vec<&str> =
            before.into_iter().flatten().chain(script).map(|line| line.as_str().expect("text")).collect();
        let mut environment: BTreeMap<String, String> = BTreeMap::new();
        let sha = self.0.commit_of(clone, "HEAD");
        for (name, value) in [
            ("CI_API_V4_URL", "https://gitlab.example.com/api/v4"),
            ("CI_PROJECT_ID", "11"),
            ("CI_MERGE_REQUEST_PROJECT_ID", "11"),
            ("CI_MERGE_REQUEST_IID", "7"),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
            ("CI_DEFAULT_BRANCH", "main"),
            ("CI_COMMIT_SHA", &sha),
            ("CI_PROJECT_DIR", &self.0.path(clone).to_string_lossy()),
            ("CI_PIPELINE_SOURCE", "push"),
            ("ROLLCALL_HOME", &self.0.path("home").to_string_lossy()),
        ]
        .into_iter()
        .chain(more.iter().copied())
        {
            environment.insert(name.to_owned(), value.to_owned());
        }
        // What writes to the host has its token, and nothing else has.
        if matches!(name, "note" | "reviewed") {
            environment.insert("ROLLCALL_API_TOKEN".to_owned(), "t0ken".to_owned());
        }
        // The images of these two have a plain shell only.
        let shell: &[&str] =
            if matches!(name, "note" | "reviewed") { &["sh", "-e"] } else { &["bash", "-eo", "pipefail"] };
        self.0.run(&Step { script: script.join("\n"), environment }, shell, clone)
    }

    fn propose(&self, branch: &str, old: &str, new: &str) {
        let origin = self.0.path("origin");
        git(&origin, &["checkout", "-q", "-b", branch, "main"]);
        self.0.edit("access/people.yaml", old, new);
        self.0.commit(branch);
        git(&origin, &["checkout", "-q", "main"]);
        self.0.check_out("plans", &format!("origin/{branch}"));
    }

    /// What the host knows of the merge request whose merge is checked out.
    fn answer_for(&mut self, notes: &Value) {
        let sha = self.0.commit_of("applies", "HEAD");
        let merged = json!([{ "iid": 7, "state": "merged", "target_branch": "main", "source_project_id": 11, "sha": "5ead",
                              "merge_commit_sha": sha, "squash_commit_sha": null }]);
        self.0.answer(&format!("commits/{sha}/merge_requests"), &merged.to_string());
        let pipeline = |id: u32, sha: &str, source: &str| json!({ "id": id, "sha": sha, "source": source });
        let pipelines = json!([
            pipeline(3, "5ead", "push"),
            pipeline(2, "5ead", "merge_request_event"),
            pipeline(1, "01d", "merge_request_event")
        ]);
        self.0.answer("merge_requests/7/pipelines", &pipelines.to_string());
        self.0.answer(
            "pipelines/2/jobs?scope=success",
            &json!([{ "id": 8, "name": "note" }, { "id": 9, "name": "plan" }]).to_string(),
        );
        self.0.answer("merge_requests/7/notes?per_page=100&page=1", &notes.to_string());
        self.0.answer("merge_requests/7/notes?per_page=100&page=", "[]");
    }
}

const ADDED: (&str, &str) =
    ("users:\n", "users:\n  li@example.com: { access: { north-quarries: { role: operator, sites: [pit-2] } } }\n");

fn note_of(id: u32, author: u32, body: &str) -> Value {
    json!({ "id": id, "author": { "id": author }, "body": body })
}

#[test]
fn what_was_reviewed_is_applied_once_it_is_merged() {
    let mut gitlab = Gitlab::applied();
    let before = fs::read(gitlab.0.path("home/store.db")).expect("the store");
    gitlab.propose("more", ADDED.0, ADDED.1);
    gitlab.job("plan", "plans", &[]).ends_with(0).prints("li@example.com").prints("this change");
    assert_eq!(fs::read(gitlab.0.path("home/store.db")).expect("the store"), before, "plan writes nothing");
    let quality: Value = serde_json::from_str(&gitlab.0.read("plans/quality.json")).expect("a report");
    assert!(quality.is_array());
    let body = gitlab.0.read("plans/plan.md");
    let marker = body.lines().next().expect("a line").to_owned();

    // The first note, then its replacement on the second page; those of others are left alone.
    gitlab.0.answer("/user", "{\"id\": 5}");
    gitlab.0.answer("order_by=created_at&per_page=100&page=1", "[]");
    gitlab.job("note", "plans", &[]).ends_with(0);
    let calls = gitlab.0.calls();
    assert!(
        calls.contains("--request POST ") && calls.trim_end().ends_with("projects/11/merge_requests/7/notes"),
        "{calls}"
    );
    let sent: Value = serde_json::from_str(&gitlab.0.sent()).expect("a document");
    assert_eq!(sent, json!({ "body": body }));
    let forged = json!([note_of(1, 6, &format!("{marker}\nforged")), note_of(2, 5, "another")]);
    gitlab.0.answer("order_by=created_at&per_page=100&page=1", &forged.to_string());
    let old = json!([note_of(3, 5, &format!("{marker}\nold"))]);
    gitlab.0.answer("order_by=created_at&per_page=100&page=2", &old.to_string());
    gitlab.job("note", "plans", &[]).ends_with(0);
    let calls = gitlab.0.calls();
    assert!(
        calls.contains("--request PUT ") && calls.trim_end().ends_with("/notes/3") && !calls.contains("POST"),
        "{calls}"
    );
    assert!(!gitlab.0.folder().join("plans/head").exists());

    git(&gitlab.0.path("origin"), &["merge", "-q", "--no-ff", "-m", "merge", "more"]);
    gitlab.0.check_out("applies", "origin/main");
    gitlab.answer_for(&json!([note_of(3, 5, &body), note_of(4, 6, &format!("{marker} sha256:{}", "1".repeat(64)))]));
    gitlab.0.answer("jobs/9/artifacts/plan.json", &gitlab.0.read("plans/plan.json"));
    gitlab.job("reviewed", "applies", &[]).ends_with(0);
    let handed = gitlab.0.read("applies/reviewed.env");
    let digest = handed.trim().strip_prefix("REVIEWED=").expect("a digest").to_owned();
    assert!(body.contains(&format!("digest `{digest}`")));

    let other = format!("sha256:{}", "0".repeat(64));
    let run = gitlab.job("apply", "applies", &[("REVIEWED", &other)]);
    run.ends_with(5).prints("something that was merged is not done yet");
    assert_eq!(fs::read(gitlab.0.path("home/store.db")).expect("the store"), before);
    gitlab.job("apply", "applies", &[("REVIEWED", &digest)]).ends_with(0).prints("1 action: 1 done");
    assert_eq!(gitlab.0.read("home/applied-commit").trim(), gitlab.0.commit_of("applies", "HEAD"));
    assert_eq!(gitlab.0.people(), ["ana@example.com active", "ben@example.com active", "li@example.com invited"]);

    // What nobody reviewed: a note that shows two digests, none, no merge request.
    let two = format!("{body} sha256:{}", "1".repeat(64));
    for notes in [json!([note_of(3, 5, &two)]), json!([note_of(3, 6, &body)])] {
        gitlab.answer_for(&notes);
        gitlab.job("reviewed", "applies", &[]).ends_with(1).prints("has no plan that could be applied");
    }
    let sha = gitlab.0.commit_of("applies", "HEAD");
    gitlab.0.answer(&format!("commits/{sha}/merge_requests"), "[]");
    gitlab.job("reviewed", "applies", &[]).ends_with(1).prints("no merge request of this project");
}

#[test]
fn a_job_that_is_started_again_gives_nothing_that_was_taken_back_since() {
    const PROMOTED: (&str, &str) = (
        "Ben, access: { north-quarries: { role: operator, sites: [pit-1] } }",
        "Ben, access: { north-quarries: manager }",
    );
    let gitlab = Gitlab::applied();
    gitlab.propose("promote", PROMOTED.0, PROMOTED.1);
    gitlab.job("plan", "plans", &[]).ends_with(0);
    let document: Value = serde_json::from_str(&gitlab.0.read("plans/plan.json")).expect("a plan");
    let digest = document["digest"].as_str().expect("a digest").to_owned();
    git(&gitlab.0.path("origin"), &["merge", "-q", "--no-ff", "-m", "merge", "promote"]);
    gitlab.0.check_out("applies", "origin/main");
    let promoted = gitlab.0.commit_of("applies", "HEAD");
    fs::copy(gitlab.0.path("plans/plan.json"), gitlab.0.path("applies/plan.json")).expect("the artifact");
    // Its job was cancelled, it is reverted, and that is applied.
    gitlab.0.edit("access/people.yaml", PROMOTED.1, PROMOTED.0);
    gitlab.0.commit("revert");
    gitlab.0.check_out("applies", "origin/main");
    let nothing = gitlab.0.digest("applies");
    gitlab.job("apply", "applies", &[("CI_PIPELINE_SOURCE", "web"), ("ROLLCALL_DIGEST", &nothing)]).ends_with(0);
    let applied = gitlab.0.commit_of("applies", "HEAD");
    assert_eq!(gitlab.0.read("home/applied-commit").trim(), applied);
    let before = fs::read(gitlab.0.path("home/store.db")).expect("the store");
    gitlab.0.check_out("applies", &promoted);
    let why = "so it may give what was taken back since: read the plan of the drift report";
    gitlab.job("apply", "applies", &[("REVIEWED", &digest)]).ends_with(1).prints(why);
    gitlab.job("due", "applies", &[]).ends_with(1).prints(why);
    assert_eq!(fs::read(gitlab.0.path("home/store.db")).expect("the store"), before);
    assert_eq!(gitlab.0.read("home/applied-commit").trim(), applied, "nothing goes back");
}

/// After its merge nothing could be applied.
#[test]
fn a_policy_that_its_own_manifests_break_makes_the_check_red() {
    let gitlab = Gitlab::applied();
    let origin = gitlab.0.path("origin");
    git(&origin, &["checkout", "-q", "-b", "policy", "main"]);
    gitlab.0.demand_two_managers();
    gitlab.0.commit("policy");
    git(&origin, &["checkout", "-q", "main"]);
    gitlab.0.check_out("plans", "origin/policy");
    let base = gitlab.0.commit_of("plans", "origin/main");
    for job in ["plan", "fork"] {
        let run = gitlab.job(job, "plans", &[("CI_MERGE_REQUEST_DIFF_BASE_SHA", &base)]);
        run.ends_with(4).tells("does not keep to policy `two-managers`");
        let quality = gitlab.0.read("plans/quality.json");
        assert!(quality.contains("rollcall/policy-violated"), "{quality}");
    }
}

#[test]
fn a_branch_that_is_behind_or_brings_a_journal_is_not_planned() {
    let gitlab = Gitlab::applied();
    gitlab.propose("more", ADDED.0, ADDED.1);
    gitlab.0.edit("access/people.yaml", "given_name: Ben", "given_name: Benjamin");
    gitlab.0.commit("meanwhile");
    gitlab.job("plan", "plans", &[]).ends_with(1).prints("main has gone on; rebase");
    gitlab.propose("journal", ADDED.0, ADDED.1);
    fs::create_dir(gitlab.0.path("plans/.rollcall")).expect("a folder");
    gitlab.job("plan", "plans", &[]).ends_with(1).prints("only the machine of the store may have: .rollcall");
}

#[test]
fn a_fork_has_no_store() {
    let gitlab = Gitlab::applied();
    gitlab.propose("fork", ADDED.0, ADDED.1);
    fs::remove_file(gitlab.0.path("home/store.db")).expect("removed");
    let base = gitlab.0.commit_of("plans", "origin/main");
    // The runner clones as another user than the one of the image; only the superuser can hand files to somebody.
    for place in ["plans", "plans/.git"] {
        let _ = chown(gitlab.0.path(place), Some(10_001), Some(10_001));
    }
    let run = gitlab.job("fork", "plans", &[("CI_MERGE_REQUEST_DIFF_BASE_SHA", &base)]);
    run.ends_with(0).prints("no store was read");
    assert!(gitlab.0.read("plans/plan.md").contains("li@example.com"));
    assert_eq!(gitlab.0.calls(), "");
}

#[test]
fn schedules_report_drift_and_apply_what_is_due() {
    let gitlab = Gitlab::applied();
    gitlab.0.check_out("plans", "origin/main");
    gitlab.job("drift", "plans", &[]).ends_with(0);
    let store = rusqlite::Connection::open(gitlab.0.path("home/store.db")).expect("the store");
    store.execute("DELETE FROM site_grants", []).expect("deleted");
    drop(store);
    gitlab.0.check_out("plans", "origin/main");
    gitlab.job("drift", "plans", &[]).ends_with(2).prints("drift");
    // Drift is reported, and not due; what was merged and not applied is neither.
    gitlab.0.edit("access/people.yaml", ADDED.0, ADDED.1);
    gitlab.0.commit("li");
    gitlab.0.check_out("applies", "origin/main");
    gitlab.job("due", "applies", &[]).ends_with(0).prints("no changes");
    assert_eq!(gitlab.0.people().len(), 2);
    fs::remove_file(gitlab.0.path("home/applied-commit")).expect("removed");
    gitlab.job("due", "applies", &[]).ends_with(1).prints("nothing was applied yet");
}
