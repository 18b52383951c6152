//! A change beside its base: why each action is there now, settings that the change can't decide, and plans of some causes
//! only.

use std::fs;

use serde_json::Value;

use super::history::{commit, git};
use crate::support::cli::{Repository, Run};

const MANIFEST: &str = "\
organizations:
  north: { sites: { pit-1: {}, pit-2: {} } }
roles:
  manager: { rank: 40, admin: true, site_access: all }
  viewer: { rank: 10 }
users:
  ana@example.com: { access: { north: manager } }
  ben@example.com: { access: { north: { role: viewer, sites: [pit-1] } } }
  max@example.com: { expires: 2026-12-05, access: { north: viewer } }
  zoe@example.com: { access: { north: { role: viewer, sites: [pit-1] } } }
teams:
  audit: { members: [zoe@example.com], access: { north: { sites: [pit-2], starts: 2026-12-01 } } }
";

const BEFORE: &str = "2026-11-20T00:00:00Z";
const AFTER: &str = "2026-12-06T00:00:00Z";

/// Four people, as declared and committed on `main`.
fn repository() -> Repository {
    let repository = Repository::small();
    repository.write("access/all.yaml", MANIFEST);
    repository.run(["apply", "--yes", "--at", BEFORE]).ends_with(0);
    for user in ["ana", "ben", "max", "zoe"] {
        repository.run(["invitations", "accept", &format!("{user}@example.com")]).ends_with(0);
    }
    git(repository.path(), &["init", "-q", "-b", "main"]);
    commit(repository.path(), "one");
    repository
}

/// What the change of this pull request adds.
fn declare_li(repository: &Repository) {
    repository.edit("access/all.yaml", "  zoe@", "  li@example.com: { access: { north: viewer } }\n  zoe@");
}

const UNGRANT_BEN: &str =
    "DELETE FROM site_grants WHERE user_id = (SELECT id FROM users WHERE key = 'ben@example.com')";

/// The cause of each action, by its id.
fn causes(document: &Value) -> Vec<(String, String)> {
    let actions = document["actions"].as_array().expect("actions").iter();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let mut causes: Vec<_> = actions.map(|action| (text(&action["id"]), text(&action["cause"]))).collect();
    causes.sort();
    causes
}

fn plan(repository: &Repository, arguments: &[&str]) -> Run {
    repository.run(["plan", "--base", "main"].iter().chain(arguments))
}

#[track_caller]
fn are(repository: &Repository, at: &str, expected: &[(&str, &str)]) {
    let document = plan(repository, &["--at", at, "--format", "json"]).ends_with(0).json();
    let causes = causes(&document);
    let causes: Vec<(&str, &str)> = causes.iter().map(|(id, cause)| (id.as_str(), cause.as_str())).collect();
    assert_eq!(causes, expected);
}

#[test]
fn each_action_says_why_it_is_there_now() {
    let repository = repository();
    are(&repository, BEFORE, &[]);
    declare_li(&repository);
    are(&repository, BEFORE, &[("invite_user li@example.com", "manifest")]);
    repository.sql(UNGRANT_BEN);
    are(
        &repository,
        AFTER,
        &[
            ("deactivate_user max@example.com", "expiry"),
            ("grant_site ben@example.com north pit-1", "drift"),
            ("grant_site zoe@example.com north pit-2", "deferred"),
            ("invite_user li@example.com", "manifest"),
        ],
    );
    let told = plan(&repository, &["--at", AFTER]);
    told.ends_with(0)
        .prints("max@example.com  deactivated (was viewer of north)  expiry")
        .prints("ben@example.com  gains site pit-1 again             drift            access/all.yaml:8\n")
        .prints("zoe@example.com  gains site pit-2                   possible now     access/all.yaml:13\n")
        .prints("causes: 1 this change, 1 drift, 1 expiry, 1 possible now\n");
    // Drift says which line it goes against, as the base has it.
    let document = plan(&repository, &["--at", AFTER, "--format", "json"]).json();
    let restores = &document["base"]["restores"];
    assert_eq!(restores.as_array().map(Vec::len), Some(1));
    assert_eq!(restores[0]["action"], "grant_site ben@example.com north pit-1");
    assert_eq!(restores[0]["origins"][0]["file"], "access/all.yaml");
    assert_eq!(restores[0]["origins"][0]["line"], 8);
    assert_eq!(document["base"]["causes"]["drift"], 1);
    // The digest is that of the same plan without a base, and without one nothing is known.
    let alone = repository.run(["plan", "--at", AFTER, "--format", "json"]).json();
    assert_eq!(alone["digest"], document["digest"]);
    assert_eq!(alone["base"], Value::Null);
    assert_eq!(alone["actions"][0]["cause"], "unknown");
}

#[test]
fn what_was_held_back_is_no_drift() {
    let repository = repository();
    declare_li(&repository);
    repository.run(["apply", "--yes", "--at", BEFORE]).ends_with(0);
    repository.edit("access/all.yaml", "li@example.com: { access: { north: viewer } }", LI_WITH_A_SITE);
    commit(repository.path(), "two");
    // The site waits for the invitation to be accepted, in the base as well.
    are(&repository, BEFORE, &[]);
    repository.run(["invitations", "accept", "li@example.com"]).ends_with(0);
    are(&repository, BEFORE, &[("grant_site li@example.com north pit-1", "deferred")]);
    // Without a journal nobody remembers.
    fs::remove_dir_all(repository.file(".rollcall/outbox")).expect("mails");
    fs::remove_file(repository.file(".rollcall/journal-local.jsonl")).expect("the journal");
    are(&repository, BEFORE, &[("grant_site li@example.com north pit-1", "drift")]);
}

const LI_WITH_A_SITE: &str = "li@example.com: { access: { north: { role: viewer, sites: [pit-1] } } }";

#[test]
fn what_was_done_and_undone_since_is_drift() {
    let repository = repository();
    repository.run(["apply", "--yes", "--at", AFTER]).ends_with(0);
    are(&repository, AFTER, &[]);
    // Max was deactivated when the day came, and zoe got the site; somebody turned both back in the store.
    repository.sql("UPDATE users SET status = 'active' WHERE key = 'max@example.com'");
    repository.sql(
        "DELETE FROM site_grants WHERE user_id = (SELECT id FROM users WHERE key = 'zoe@example.com')
         AND site_id = (SELECT id FROM sites WHERE name = 'pit-2')",
    );
    are(
        &repository,
        AFTER,
        &[("deactivate_user max@example.com", "drift"), ("grant_site zoe@example.com north pit-2", "drift")],
    );
}

#[test]
fn only_actions_of_the_causes_that_were_asked_for_are_done() {
    let repository = repository();
    declare_li(&repository);
    repository.sql(UNGRANT_BEN);
    let document = plan(&repository, &["--at", AFTER, "--cause", "expiry,drift", "--format", "json"]).json();
    let done = [("deactivate_user max@example.com", "expiry"), ("grant_site ben@example.com north pit-1", "drift")];
    let told = causes(&document);
    assert_eq!(told.iter().map(|(id, cause)| (&**id, &**cause)).collect::<Vec<_>>(), done);
    let whole = plan(&repository, &["--at", AFTER, "--format", "json"]).json();
    assert_ne!(document["digest"], whole["digest"], "it is the digest of what is done");
    assert_eq!(document["summary"]["people"]["join"], 0, "guards and sums are those of the reduced plan");
    let text = plan(&repository, &["--at", AFTER, "--cause", "expiry,drift"]);
    text.prints("apply exactly this with: rollcall apply --base main --cause expiry,drift --at");
    let digest = document["digest"].as_str().expect("a digest");
    let approved = ["apply", "--base", "main", "--cause", "expiry,drift", "--at", AFTER, "--approved", digest];
    repository.run(approved).ends_with(0).prints("2 actions: 2 done");
    are(
        &repository,
        AFTER,
        &[("grant_site zoe@example.com north pit-2", "deferred"), ("invite_user li@example.com", "manifest")],
    );
    // A scheduled job.
    let job = ["apply", "--yes", "--base", "main", "--cause", "expiry,deferred,drift", "--at", AFTER];
    repository.run(job).ends_with(0).prints("1 action: 1 done");
    repository.run(job).ends_with(0).prints("no changes");
    are(&repository, AFTER, &[("invite_user li@example.com", "manifest")]);
}

#[test]
fn what_needs_something_of_another_cause_waits_and_says_so() {
    let repository = repository();
    // Somebody took the site away from ben in the store, and the site itself; today's manifests call it otherwise.
    repository.sql(UNGRANT_BEN);
    repository.edit("access/all.yaml", "pit-1: {}, pit-2: {}", "pit-1: { name: Pit one }, pit-2: {}, pit-3: {}");
    repository.edit(
        "access/all.yaml",
        "role: viewer, sites: [pit-1] } } }\n  max",
        "role: viewer, sites: [pit-1, pit-3] } } }\n  max",
    );
    let document = plan(&repository, &["--at", BEFORE, "--cause", "manifest", "--format", "json"]).json();
    let told = causes(&document);
    assert!(told.iter().all(|(_, cause)| cause == "manifest"), "{told:?}");
    assert_eq!(told.len(), 3, "{told:?}");
    let drift = plan(&repository, &["--at", BEFORE, "--cause", "drift", "--format", "json"]).json();
    assert_eq!(causes(&drift), [("grant_site ben@example.com north pit-1".to_owned(), "drift".to_owned())]);
    // A site that somebody deleted is drift; that it is called otherwise in this change makes it this change.
    repository.sql("DELETE FROM site_grants WHERE site_id = (SELECT id FROM sites WHERE name = 'pit-1')");
    repository.sql("DELETE FROM sites WHERE name = 'pit-1'");
    let drift = plan(&repository, &["--at", BEFORE, "--cause", "drift", "--format", "json"]).ends_with(0).json();
    assert_eq!(causes(&drift), []);
    let waits = drift["deferred"].as_array().expect("a list").iter().filter(|one| one["waits_for"] == "decision");
    let users: Vec<_> = waits.map(|one| one["user"].as_str().expect("a user")).collect();
    assert_eq!(users, ["ben@example.com", "zoe@example.com"]);
    plan(&repository, &["--at", BEFORE, "--cause", "drift"])
        .ends_with(0)
        .prints("needs something of another cause, which is left out here");
}

#[test]
fn a_change_decides_neither_the_store_nor_secrets_nor_guards() {
    let repository = repository();
    let elsewhere = repository.file("elsewhere.db");
    fs::copy(repository.file(".rollcall/store.db"), &elsewhere).expect("a copy");
    repository.write(
        "rollcall.yaml",
        &format!(
            "version: 1\nstores: {{ local: {{ sqlite: {{ path: {} }}, rules: rules/ours.yaml }} }}\n\
             manage: {{ absent_users: report }}\nsecrets: {{ sink: {{ command: [touch, marker] }} }}\n\
             mail: {{ from: x@example.com, outbox: stolen }}\n\
             guards: {{ removals: {{ max_percent: 100, min_count: 99 }}, self: ana@example.com }}\n",
            elsewhere.display()
        ),
    );
    repository.write("rules/ours.yaml", "extends: default\n");
    declare_li(&repository);
    let run = plan(&repository, &["--at", BEFORE]);
    run.ends_with(0).prints(".rollcall/store.db)   4 people live").prints("removals 0 of 2 ");
    assert!(run.out.starts_with("changed settings (compared with main, "), "they come first\n{run}");
    run.prints("  ! stores.local.sqlite.path   .rollcall/store.db → ")
        .prints("  ! guards.removals.max_percent   not stated → 100   the stricter of both holds\n")
        .prints("  ! guards.self   not stated → ana@example.com   as in main for this run\n")
        .prints("  ! manage.absent_users   deactivate → report   a part of the change\n")
        .prints("  ! rules/ours.yaml: extends   not stated → default   as in main for this run\n")
        .prints("  ! secrets.sink.command   not stated → [\"touch\",\"marker\"]   as in main for this run\n");
    let document = plan(&repository, &["--at", BEFORE, "--format", "json"]).json();
    let settings = document["base"]["settings"].as_array().expect("a list");
    let outbox = settings.iter().find(|one| one["name"] == "mail.outbox").expect("it is told");
    assert_eq!((&outbox["base"], &outbox["holds"]), (&Value::Null, &Value::from("base")));
    repository.run(["apply", "--base", "main", "--yes", "--at", BEFORE]).ends_with(0);
    assert!(!repository.file("stolen").exists() && !repository.file("marker").exists(), "settings of the change held");
    let people = rusqlite::Connection::open(&elsewhere).expect("the copy");
    let li: u32 =
        people.query_row("SELECT count(*) FROM users WHERE key LIKE 'li@%'", [], |row| row.get(0)).expect("a count");
    assert_eq!(li, 0, "the other store was written");
}

#[test]
fn a_store_that_only_the_change_names_is_not_there() {
    let repository = repository();
    repository.edit("rollcall.yaml", "stores: { local:", "stores: { other: { sqlite: { path: o.db } }, local:");
    plan(&repository, &["--store", "other"]).ends_with(3).tells("there is no store `other`");
}

#[test]
fn a_revision_is_a_commit_and_nothing_else() {
    let repository = repository();
    for revision in
        ["-x", "--output=x", "main:access", ":/one", "main..main", "^main", "nobody", "", "HEAD~7", "main\nx"]
    {
        let run = repository.run(["plan", &format!("--base={revision}")]);
        run.ends_with(3).prints_nothing().tells("there is no revision `");
    }
    repository.run(["plan", "--base=nobody"]).tells("`git fetch origin main`").tells("`fetch-depth: 0`");
    for revision in ["main", "HEAD", "refs/heads/main", "@"] {
        repository.run(["plan", "--at", BEFORE, "--base", revision]).ends_with(0).prints("no changes");
    }
    assert!(!repository.file("x").exists());
    // What stands in place of the repository's folder may lead elsewhere: to where this user has no repository.
    fs::rename(repository.file(".git"), repository.file("git-was")).expect("moved");
    plan(&repository, &[]).ends_with(3).tells("there is no git repository");
    repository.write(".git", "gitdir: /nonexistent/elsewhere\n");
    plan(&repository, &[]).ends_with(3).tells("there is no git repository");
}

#[test]
fn a_base_without_valid_settings_is_refused() {
    let repository = repository();
    git(repository.path(), &["rm", "-q", "--cached", "rollcall.yaml"]);
    git(repository.path(), &["commit", "-q", "-m", "without"]);
    plan(&repository, &[]).ends_with(3).tells("`main` has no rollcall.yaml to take the settings from");
    let settings = repository.read("rollcall.yaml");
    repository.write("rollcall.yaml", "version: 7\n");
    commit(repository.path(), "broken");
    repository.write("rollcall.yaml", &settings);
    plan(&repository, &[]).ends_with(3).tells("the rollcall.yaml of `main` is not valid");
}

#[test]
fn a_base_whose_manifests_are_not_valid_tells_no_cause() {
    let repository = repository();
    repository.edit("access/all.yaml", "north: manager", "north: manger");
    commit(repository.path(), "broken");
    repository.edit("access/all.yaml", "north: manger", "north: manager");
    declare_li(&repository);
    let told = "the manifests of `main` are not valid, so what each action is because of is not known";
    plan(&repository, &["--at", BEFORE]).ends_with(0).tells(told);
    are(&repository, BEFORE, &[("invite_user li@example.com", "unknown")]);
    plan(&repository, &["--at", BEFORE, "--cause", "manifest"]).ends_with(3).tells("so `--cause` can't choose");
}

#[test]
fn links_of_the_base_are_not_followed() {
    let repository = repository();
    repository.write("elsewhere/more.yaml", "users:\n  kim@example.com: { access: { north: viewer } }\n");
    std::os::unix::fs::symlink("../elsewhere/more.yaml", repository.file("access/more.yaml")).expect("a link");
    commit(repository.path(), "a link");
    plan(&repository, &["--at", BEFORE]).ends_with(0).tells("`access/more.yaml` of `main` is a link");
    are(&repository, BEFORE, &[("invite_user kim@example.com", "manifest")]);
}

#[test]
fn causes_need_a_base_and_saved_plans_have_theirs() {
    let repository = repository();
    repository.run(["plan", "--cause", "drift"]).ends_with(3).tells("--base <REV>");
    plan(&repository, &["--cause", "operator"]).ends_with(3).tells("causes are: manifest (this change), drift");
    declare_li(&repository);
    plan(&repository, &["--at", BEFORE, "--cause", "manifest", "--out", "plan.json"])
        .ends_with(0)
        .tells("rollcall apply plan.json --at");
    let saved: Value = serde_json::from_str(&repository.read("plan.json")).expect("a document");
    assert_eq!(causes(&saved), [("invite_user li@example.com".to_owned(), "manifest".to_owned())]);
    repository.run(["apply", "plan.json", "--base", "main"]).ends_with(3).tells("cannot be used with");
    repository.run(["apply", "plan.json", "--yes", "--at", BEFORE]).ends_with(0).prints("1 action: 1 done");
}

#[test]
fn an_account_that_an_operator_locked_out_is_taken_out_whatever_the_cause() {
    let repository = repository();
    repository.run(["deactivate", "zoe@example.com", "--yes"]).ends_with(0);
    repository.sql("UPDATE users SET status = 'active' WHERE key = 'zoe@example.com'");
    let document = plan(&repository, &["--at", BEFORE, "--cause", "expiry", "--format", "json"]).json();
    let ids: Vec<_> = causes(&document).into_iter().filter(|(_, cause)| cause == "operator").collect();
    let whole = repository.run(["plan", "--at", BEFORE, "--format", "json"]).json();
    let expected: Vec<_> = causes(&whole).into_iter().filter(|(_, cause)| cause == "operator").collect();
    assert_eq!(ids, expected);
}

/// What a change does to settings stands on top of what reviewers read.
#[test]
fn reports_for_reviewers_begin_with_changed_settings() {
    let repository = repository();
    let settings = repository.read("rollcall.yaml");
    repository.write("rollcall.yaml", &format!("{settings}guards: {{ escalations: {{ max_count: 1000 }} }}\n"));
    declare_li(&repository);
    let report = ["--report", "markdown=plan.md", "--report", "html=plan.html", "--at", BEFORE];
    plan(&repository, &report).ends_with(0);
    let comment = repository.read("plan.md");
    let at = |text: &str| comment.find(text).unwrap_or_else(|| panic!("{text}\n{comment}"));
    assert!(at("> **Settings**: changed settings (compared with main, ") < at("| who |"), "{comment}");
    assert!(at("guards.escalations") < at("| who |"), "{comment}");
    assert!(repository.read("plan.html").contains("guards.escalations"), "told on the page");
    let against = ["plan", "--against", "main", "--report", "markdown=against.md", "--at", BEFORE];
    repository.run(against).ends_with(0);
    assert!(repository.read("against.md").contains("li@example.com"), "{}", repository.read("against.md"));
}

/// Reviewers of a change see what it does first; nothing that anybody loses is folded away.
#[test]
fn a_comment_sets_apart_what_the_change_is_not_about() {
    let repository = repository();
    declare_li(&repository);
    repository.sql(UNGRANT_BEN);
    plan(&repository, &["--at", AFTER, "--report", "markdown=plan.md", "--report", "html=plan.html"]).ends_with(0);
    let comment = repository.read("plan.md");
    let at = |text: &str| comment.find(text).unwrap_or_else(|| panic!("{text}\n{comment}"));
    let aside = at("<details><summary>Also reverts drift (1), does what was wanted before (1)</summary>");
    assert!(at("| `li@example.com` |") < aside && at("| `max@example.com` |") < aside, "{comment}");
    assert!(aside < at("| `ben@example.com` |") && aside < at("| `zoe@example.com` |"), "{comment}");
    // The page tells them apart by a flag.
    let page = repository.read("plan.html");
    let data = page.split_once("id=\"data\">").and_then(|(_, rest)| rest.split_once("</script>")).expect("data").0;
    let data: Value = serde_json::from_str(data).expect("JSON");
    let flagged =
        data["impact"].as_array().expect("people").iter().filter(|one| one[2].as_u64().is_some_and(|f| f & 8 > 0));
    let mut flagged: Vec<&str> =
        flagged.filter_map(|one| data["texts"][usize::try_from(one[0].as_u64()?).ok()?].as_str()).collect();
    flagged.sort_unstable();
    assert_eq!(flagged, ["ben@example.com", "max@example.com", "zoe@example.com"]);
    // Without a base nobody knows what is of the change.
    repository.run(["plan", "--at", AFTER, "--report", "markdown=plan.md"]).ends_with(0);
    assert!(!repository.read("plan.md").contains("Also"), "{}", repository.read("plan.md"));
}

/// Git takes a tag before a branch: whoever may push a tag would decide what the base is.
#[test]
fn a_name_that_means_a_tag_and_a_branch_is_no_base() {
    let repository = repository();
    declare_li(&repository);
    commit(repository.path(), "two");
    git(repository.path(), &["update-ref", "refs/remotes/origin/base", "HEAD~1"]);
    repository.run(["plan", "--base", "origin/base", "--at", BEFORE]).ends_with(0).prints("li@example.com");
    for (tag, base) in [("origin/base", "origin/base"), ("main", "main~1")] {
        git(repository.path(), &["tag", tag, "HEAD"]);
        for option in ["--base", "--against"] {
            let run = repository.run(["plan", option, base, "--at", BEFORE]);
            run.ends_with(3).tells("is short for different things").tells(&format!("refs/tags/{tag}"));
        }
    }
    repository
        .run(["plan", "--base", "refs/remotes/origin/base", "--at", BEFORE])
        .ends_with(0)
        .prints("li@example.com");
}

/// What a change of the catalog gives somebody is of the change, whatever else is done for them.
#[test]
fn what_the_catalog_gives_is_not_put_down_to_another_action() {
    let repository = repository();
    repository.edit("access/all.yaml", "pit-2: {} }", "pit-2: {}, yard: {} }");
    repository.run(["apply", "--yes", "--at", BEFORE]).ends_with(0);
    commit(repository.path(), "two");
    repository.sql(UNGRANT_BEN);
    repository.edit("access/all.yaml", "sites: { pit-1: {}", "sites: { pit-1: { includes: [yard] }");
    plan(&repository, &["--at", BEFORE, "--report", "markdown=plan.md"]).ends_with(0);
    let comment = repository.read("plan.md");
    let row =
        comment.lines().find(|line| line.starts_with("| `ben@example.com` |")).unwrap_or_else(|| panic!("{comment}"));
    assert!(row.contains("this change") && row.contains("`north`/`pit-1` changes"), "{comment}");
    assert!(comment.find("| `ben@").expect("ben") < comment.find("<details>").expect("details"), "{comment}");
}

/// Another address is another way into an account: it stands in each report.
#[test]
fn another_address_is_told_in_every_report() {
    let repository = Repository::small();
    repository.edit("rollcall.yaml", "rules: default", "rules: { extends: default, identity: { key: login } }");
    let manifest = |address: &str| {
        format!(
            "organizations: {{ north: {{}} }}\nroles: {{ viewer: {{ rank: 10 }} }}\nusers:\n  \
             ben: {{ email: {address}, access: {{ north: viewer }} }}\n"
        )
    };
    std::fs::remove_dir_all(repository.file(".rollcall")).expect("the store");
    repository.run(["init"]).ends_with(0);
    repository.write("access/all.yaml", &manifest("ben@example.com"));
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["invitations", "accept", "ben"]).ends_with(0);
    git(repository.path(), &["init", "-q", "-b", "main"]);
    commit(repository.path(), "one");
    repository.write("access/all.yaml", &manifest("ben@elsewhere.example"));
    let report = ["--report", "markdown=plan.md", "--report", "html=plan.html", "--report", "github=plan.txt"];
    plan(&repository, &report).ends_with(0);
    let comment = repository.read("plan.md");
    assert!(comment.contains("1 account's key, address or two-factor authentication changes"), "{comment}");
    assert!(
        comment.lines().any(|line| line.starts_with("| `ben` |") && line.contains("ben@elsewhere.example")),
        "{comment}"
    );
    let annotations = repository.read("plan.txt");
    assert!(
        annotations.contains("file=access/all.yaml,line=4") && annotations.contains("logs in otherwise"),
        "{annotations}"
    );
    assert!(repository.read("plan.html").contains("ben@elsewhere.example"));
    let document = plan(&repository, &["--format", "json"]).json();
    assert_eq!(document["impact"]["ways_in"], 1);
    assert_eq!(document["impact"]["people"][0]["ways_in"][0]["after"], "ben@elsewhere.example");
}

/// No number of refusals, and no length of names, drops one from the comment.
#[test]
fn a_comment_names_each_refusal_however_long_names_are() {
    let repository = repository();
    let policies: Vec<String> = (0..40)
        .map(|at| {
            format!(
                "  p{at:02}: {{ for: user, require: 'user.domain == \"x.example\"', message: {} }}\n",
                "long ".repeat(60)
            )
        })
        .collect();
    let settings = repository.read("rollcall.yaml");
    repository.write("rollcall.yaml", &format!("{settings}policies:\n{}", policies.concat()));
    let users: Vec<String> = (0..12)
        .map(|at| {
            let key = format!("{}{at}@{}.example.com", "`".repeat(50), vec!["a".repeat(50); 3].join("."));
            format!("  \"{key}\": {{ access: {{ north: viewer }} }}\n")
        })
        .collect();
    repository.edit("access/all.yaml", "  zoe@", &format!("{}  zoe@", users.concat()));
    let comment = repository.run(["plan", "--at", BEFORE, "--format", "markdown"]);
    comment.ends_with(4);
    for at in 0..40 {
        let found = comment.out.lines().any(|line| line.contains("**Refused**") && line.contains(&format!("p{at:02}")));
        assert!(found, "p{at:02}: {comment}");
    }
    assert!(comment.out.len() <= 65_536 && comment.out.contains("digest `sha256:"), "{comment}");
}

/// Whoever reads only the comment of a comparison knows what it is not.
#[test]
fn a_comparison_says_in_every_report_that_no_store_was_read() {
    let repository = repository();
    declare_li(&repository);
    let report = ["plan", "--against", "main", "--report", "markdown=plan.md", "--report", "html=plan.html"];
    repository.run(report).ends_with(0);
    for file in ["plan.md", "plan.html"] {
        let text = repository.read(file).to_lowercase().replace("&#39;", "'");
        assert!(text.contains("no store was read") && text.contains("this can't be applied"), "{text}");
    }
}
