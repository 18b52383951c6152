//! The threat model of the README: each of its sentences is held by tests. Those of a topic stand with that topic; what
//! is about the whole of a run is here.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::support::cli::{BINARY, Repository, Run};
use crate::support::folders::{of_repository, tree};
use crate::support::git::git;

/// The tests of each sentence: files below `tests/it`, and names in them.
const HELD: [(&str, &[(&str, &str)]); 22] = [
    (
        "T1",
        &[
            ("cli/base.rs", "a_change_decides_neither_the_store_nor_secrets_nor_guards"),
            ("cli/base.rs", "a_store_that_only_the_change_names_is_not_there"),
            ("cli/base.rs", "a_base_without_valid_settings_is_refused"),
            ("cli/against.rs", "settings_of_the_change_are_told_and_do_not_hold"),
            ("cli/policies.rs", "a_change_can_not_take_out_the_policy_that_refuses_it"),
            ("cli/policies.rs", "a_policy_that_a_change_brings_is_not_asked_yet_but_has_to_be_one"),
        ],
    ),
    ("T2", &[("cli/base.rs", "reports_for_reviewers_begin_with_changed_settings")]),
    (
        "T3",
        &[
            ("threats.rs", "planning_runs_git_alone_connects_to_nothing_and_asks_for_no_secret"),
            ("cli/history.rs", "the_likely_cause_is_told_from_git_and_nothing_of_the_repository_is_run"),
            ("cli/against.rs", "only_the_repository_is_opened_and_only_git_is_run"),
        ],
    ),
    (
        "T4",
        &[
            ("threats.rs", "nothing_outside_of_the_repository_is_read_or_shown"),
            ("cli/broken_store.rs", "manifests_from_elsewhere_are_refused"),
            ("cli/base.rs", "links_of_the_base_are_not_followed"),
            ("cli/elsewhere.rs", "a_link_leads_no_store_and_no_mail_out_of_the_repository"),
        ],
    ),
    ("T5", &[("threats.rs", "planning_runs_git_alone_connects_to_nothing_and_asks_for_no_secret")]),
    (
        "T6",
        &[
            ("cli/tracked.rs", "a_store_or_a_journal_that_is_in_git_is_neither_planned_for_nor_written"),
            ("cli/tracked.rs", "a_store_elsewhere_and_a_folder_that_is_a_link_are_looked_for_too"),
            ("cli/safety.rs", "a_journal_or_its_folder_is_not_reached_through_links"),
            ("examples/github.rs", "a_pull_request_brings_neither_a_store_nor_a_journal_nor_commands_to_the_runner"),
        ],
    ),
    (
        "T7",
        &[
            ("cli/against.rs", "neither_a_store_nor_a_journal_nor_a_secret_is_looked_at"),
            ("cli/against.rs", "only_the_repository_is_opened_and_only_git_is_run"),
            ("cli/against.rs", "it_stands_by_itself"),
        ],
    ),
    (
        "T8",
        &[
            ("cli/broken.rs", "every_mistake_of_settings_has_its_place"),
            ("cli/broken.rs", "a_hundred_thousand_mistakes_are_bounded"),
            ("cli/broken.rs", "patterns_that_ask_for_hours_are_refused"),
            ("cli/codes.rs", "manifests_without_anybody_never_mean_everybody"),
        ],
    ),
    (
        "T9",
        &[
            ("report/markdown.rs", "names_can_not_ping_link_hide_or_break_a_table"),
            ("report/html.rs", "names_are_text_and_nothing_is_loaded"),
            ("cli/hostile.rs", "hostile_manifests_are_written_out"),
            ("cli/hostile.rs", "hostile_names_of_a_store_are_written_out"),
            ("examples/github.rs", "a_pull_request_brings_neither_a_store_nor_a_journal_nor_commands_to_the_runner"),
        ],
    ),
    (
        "T22",
        &[
            ("cli/policies.rs", "an_expression_that_takes_too_long_is_ended"),
            ("cli/policies.rs", "a_policy_that_can_not_be_asked_makes_settings_invalid"),
            ("cli/policies.rs", "a_policy_that_can_not_be_answered_refuses_whatever_its_severity"),
        ],
    ),
    (
        "T10",
        &[
            ("threats.rs", "planning_leaves_each_byte_of_store_and_journal"),
            ("cli/safety.rs", "a_plan_needs_no_right_to_write"),
        ],
    ),
    ("T11", &[("threats.rs", "what_plans_names_nothing_that_writes")]),
    ("T12", &[("threats.rs", "a_store_over_the_network_is_refused_before_its_tokens_are_asked_for")]),
    (
        "T13",
        &[
            ("cli/codes.rs", "an_approval_holds_for_its_plan_only"),
            ("cli/saved.rs", "a_stale_plan_writes_nothing_and_says_what_changed"),
            ("examples/github.rs", "what_was_reviewed_is_applied_once_it_is_merged"),
        ],
    ),
    (
        "T14",
        &[
            ("cli/forged_plans.rs", "an_action_that_says_more_than_its_kind_does_is_no_plan_file"),
            ("cli/saved_misuse.rs", "guards_count_what_a_saved_plan_does_and_not_what_the_manifests_say_by_now"),
            ("cli/saved_misuse.rs", "nobody_is_let_in_by_a_saved_plan_with_more_than_the_manifests_of_today_give"),
            ("cli/saved_misuse.rs", "what_a_file_says_beside_its_actions_is_never_shown"),
        ],
    ),
    (
        "T15",
        &[
            ("cli/guards.rs", "too_many_removals_are_refused_and_waived_for_one_plan_only"),
            ("cli/guards.rs", "waivers_are_judged_before_anything_is_read"),
        ],
    ),
    (
        "T16",
        &[
            ("examples/linted.rs", "each_job_of_a_workflow_has_no_more_rights_than_it_needs"),
            ("examples/linted.rs", "no_job_of_the_pipeline_has_both_the_store_and_the_token"),
            ("examples/linted.rs", "one_apply_runs_at_a_time"),
        ],
    ),
    (
        "T17",
        &[
            ("examples/github.rs", "what_nobody_reviewed_is_not_applied"),
            ("examples/gitlab.rs", "what_was_reviewed_is_applied_once_it_is_merged"),
            ("examples/github.rs", "a_run_that_is_started_again_gives_nothing_that_was_taken_back_since"),
            ("examples/gitlab.rs", "a_job_that_is_started_again_gives_nothing_that_was_taken_back_since"),
        ],
    ),
    (
        "T18",
        &[
            ("examples/github.rs", "a_fork_is_compared_with_its_base_and_nothing_else"),
            ("examples/gitlab.rs", "a_fork_has_no_store"),
            ("examples/linted.rs", "an_audit_of_the_workflows_finds_nothing"),
        ],
    ),
    ("T19", &[("cli/base.rs", "each_action_says_why_it_is_there_now")]),
    (
        "T20",
        &[
            ("cli/altered_journal.rs", "a_changed_line_in_the_middle_of_the_journal_stops_an_apply"),
            ("cli/safety.rs", "a_store_that_its_journal_does_not_know_is_neither_planned_for_nor_written"),
        ],
    ),
    (
        "T21",
        &[
            ("cli/one_time_secrets.rs", "a_secret_is_in_the_sink_and_nowhere_else"),
            ("cli/one_time_secrets.rs", "a_file_that_others_could_get_at_is_no_sink"),
            ("cli/one_time_secrets.rs", "a_file_that_git_would_keep_is_no_sink"),
            ("cli/broken.rs", "a_secret_that_is_written_down_is_never_repeated"),
        ],
    ),
];

/// The ids in the section of the README, in their order.
fn sentences() -> Vec<String> {
    let readme = fs::read_to_string(of_repository("README.md")).expect("the README");
    let section = readme.split("\n## Threat model\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let rows = section.expect("a section").lines().filter_map(|line| line.strip_prefix("| T")?.split(" | ").next());
    rows.map(|number| format!("T{number}")).collect()
}

#[test]
fn every_sentence_of_the_threat_model_is_held_by_tests() {
    let held: Vec<&str> = HELD.iter().map(|(id, _)| *id).collect();
    assert_eq!(sentences(), held, "the sentences of the README, and those that tests are listed for");
    let mut missing = Vec::new();
    for (id, tests) in HELD {
        assert!(!tests.is_empty(), "{id}");
        for (file, test) in tests {
            let path = of_repository("tests/it").join(file);
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{id}: {file}: {error}"));
            if !text.contains(&format!("#[test]\nfn {test}() {{")) {
                missing.push(format!("{id}: {file}: {test}"));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new(), "tests that are not there");
}

/// Settings under which something is run, resolved and connected to by whoever applies.
const BUSY: &str = "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db } } }\n\
                    manage: { absent_users: deactivate }\nguards: { min_admins: 0 }\n\
                    secrets: { sink: { command: [touch, marker] } }\n\
                    mail: { from: a@example.com, smtp: { host: 127.0.0.1, port: 9, tls: none, user: me, \
                    password: { command: [touch, marker] } } }\n";

/// A repository that is applied and committed on `main`, and then these settings, committed too.
fn busy() -> Repository {
    let repository = Repository::applied();
    repository.write("rollcall.yaml", BUSY);
    git(repository.path(), &["init", "-q", "-b", "main"]);
    git(repository.path(), &["add", "rollcall.yaml", "access", ".gitignore"]);
    git(repository.path(), &["commit", "-q", "-m", "one"]);
    let added = "users:\n  li@example.com: { access: { north: operator } }\n";
    repository.edit("access/all.yaml", "users:\n", added);
    repository
}

/// The bytes of what rollcall keeps, but for what SQLite keeps beside its file while it reads.
fn kept(repository: &Repository) -> BTreeMap<String, Vec<u8>> {
    let files = tree(&repository.file(".rollcall")).into_iter().filter(|path| path.is_file());
    let named = files.map(|path| (path.to_string_lossy().into_owned(), fs::read(&path).expect("a file")));
    named.filter(|(name, _)| !name.ends_with("-wal") && !name.ends_with("-shm")).collect()
}

/// What the kernel sees, where the repository asks in every way it can for something to be run.
#[test]
fn planning_runs_git_alone_connects_to_nothing_and_asks_for_no_secret() {
    let repository = busy();
    repository.write(".gitattributes", "* filter=run diff=run\n");
    for name in ["post-index-change", "post-checkout", "reference-transaction"] {
        repository.write(&format!(".git/hooks/{name}"), "#!/bin/sh\ntouch marker\n");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(repository.file(&format!(".git/hooks/{name}")), mode).expect("set");
    }
    for setting in ["core.fsmonitor", "filter.run.smudge", "filter.run.clean", "diff.run.textconv", "core.pager"] {
        git(repository.path(), &["config", setting, "touch marker"]);
    }
    for more in [&[][..], &["--base", "main"], &["--against", "main"]] {
        let trace = tempfile::NamedTempFile::new().expect("a file");
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-e", "trace=execve,connect,sendto", "-o"]).arg(trace.path());
        command.args([BINARY, "plan"]).args(more).current_dir(repository.path());
        Run::of(&mut command).ends_with(0).prints("li@example.com");
        let trace = fs::read_to_string(trace.path()).expect("a trace");
        assert!(trace.contains("execve("), "{trace}");
        for line in trace.lines() {
            let is_git = line.contains("execve(") && (line.contains("/git\"") || line.contains(BINARY));
            assert!(is_git || line.contains("+++") || line.contains("---"), "{more:?}: {line}");
        }
        assert!(!repository.file("marker").exists(), "{more:?}");
    }
}

#[test]
fn planning_leaves_each_byte_of_store_and_journal() {
    let repository = busy();
    let before = kept(&repository);
    assert!(before.len() >= 2, "{:?}", before.keys());
    for more in
        [&[][..], &["--base", "main"], &["--out", "plan.json"], &["--against", "main"], &["--detailed-exitcode"]]
    {
        let run = repository.run(["plan"].iter().chain(more));
        assert!(matches!(run.code, Some(0 | 2)), "{run}");
        assert_eq!(kept(&repository).keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>(), "{run}");
        assert!(kept(&repository) == before, "{run}");
    }
}

#[test]
fn nothing_outside_of_the_repository_is_read_or_shown() {
    let outside = tempfile::tempdir().expect("a folder");
    let secret = outside.path().join("all.yaml");
    fs::write(&secret, "users:\n  hidden@example.com: { access: {} }\nword: geheim\n").expect("written");
    let refused = |repository: &Repository, what: &str| {
        for more in [&["--base", "main"][..], &["--against", "main"]] {
            let run = repository.run(["plan"].iter().chain(more));
            assert_eq!(run.code, Some(3), "{what}: {run}");
            assert!(!run.out.contains("hidden") && !run.err.contains("hidden"), "{what}: {run}");
            assert!(!run.out.contains("geheim") && !run.err.contains("geheim"), "{what}: {run}");
        }
    };
    let change = |what: &str, change: &dyn Fn(&Repository)| {
        let repository = busy();
        change(&repository);
        refused(&repository, what);
    };
    let elsewhere = outside.path().to_string_lossy().into_owned();
    let file = secret.to_string_lossy().into_owned();
    change("manifests", &|repository| repository.write("rollcall.yaml", &format!("{BUSY}manifests: [{elsewhere}]\n")));
    change("manifests, by ..", &|repository| {
        let up = format!("..{}", "/..".repeat(20));
        repository.write("rollcall.yaml", &format!("{BUSY}manifests: [\"{up}{elsewhere}\"]\n"));
    });
    change("rules", &|repository| {
        repository.write("rollcall.yaml", &BUSY.replace("store.db } }", &format!("store.db }}, rules: \"{file}\" }}")));
    });
    let link = |repository: &Repository, to: &Path, name: &str| {
        let _ = fs::remove_file(repository.file(name));
        let _ = fs::remove_dir_all(repository.file(name));
        symlink(to, repository.file(name)).expect("a link");
    };
    change("a link to a file", &|repository| link(repository, &secret, "access/more.yaml"));
    change("a link to a folder", &|repository| link(repository, outside.path(), "access"));
    change("a link to the settings", &|repository| link(repository, &secret, "rollcall.yaml"));
}

/// The types say it as well: who holds a reader has nothing to write with.
#[test]
fn what_plans_names_nothing_that_writes() {
    for file in ["plan.rs", "against.rs", "access.rs", "show.rs", "reports.rs", "review.rs"] {
        let text = fs::read_to_string(of_repository("src/cli").join(file)).expect("a source");
        for writer in ["SqliteStore", "Writer", "Journal::open", "write_token"] {
            assert!(!text.contains(writer), "{file} names {writer}");
        }
    }
}

#[test]
fn a_store_over_the_network_is_refused_before_its_tokens_are_asked_for() {
    let repository = Repository::applied();
    let tokens = "read_token: { command: [touch, marker] }, write_token: { command: [touch, marker] }";
    let far = format!("stores: {{ far: {{ scim: {{ url: \"https://127.0.0.1:9\", {tokens} }} }} }}\n");
    repository.write("rollcall.yaml", &format!("version: 1\n{far}manage: {{ absent_users: report }}\n"));
    for command in [&["plan"][..], &["validate"], &["apply", "--yes"]] {
        repository.run(command).ends_with(3).tells("error[not-yet-supported]");
    }
    assert!(!repository.file("marker").exists());
}
