//! Plans that come to more than was seen of them: what a role gives, and what a site includes, is in no digest.

use serde_json::Value;

use crate::support::cli::{BINARY, Repository};
use crate::support::terminal::Terminal;

const ALL: &str = "access/all.yaml";
const CATALOG: &str = "\
roles:
  manager: { rank: 40, site_access: all, admin: true }
  operator: { rank: 20 }
  reader: { rank: 5 }
organizations:
  north: { sites: { pit-1: {}, pit-2: {} } }
  south: { sites: { yard: {} } }
users:
  boss@example.com: { access: { north: manager, south: manager } }
  ana@example.com: { access: { north: { role: operator, sites: [pit-1] } } }
  ben@example.com: { access: { north: { role: reader, sites: [pit-1] } } }
";
/// Ana comes to another organization, and Ben to another role and another site.
const WISHES: [(&str, &str); 2] = [
    ("sites: [pit-1] } } }\n  ben", "sites: [pit-1] }, south: operator } }\n  ben"),
    ("{ role: reader, sites: [pit-1] }", "{ role: reader, sites: [pit-1, pit-2] }"),
];

fn repository(manage: &str) -> Repository {
    let repository = Repository::empty();
    let settings = |manage: &str| {
        format!(
            "version: 1\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {{ extends: default, \
             onboarding: create }} }} }}\nmanage: {{ absent_users: report{manage} }}\n"
        )
    };
    repository.write("rollcall.yaml", &settings(""));
    repository.write(ALL, CATALOG);
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.write("rollcall.yaml", &settings(manage));
    repository
}

fn wish(repository: &Repository) {
    for (old, new) in WISHES {
        repository.edit(ALL, old, new);
    }
}

fn digest(repository: &Repository) -> String {
    let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    plan["digest"].as_str().expect("a digest").to_owned()
}

/// The plan of the wishes is saved, nothing in it is an escalation; then something changes. What says why it is stale.
fn is_stale_after(change: impl Fn(&Repository), why: &str) {
    let repository = repository("");
    wish(&repository);
    repository.run(["plan", "--out", "plan.json"]).ends_with(0);
    let saved: Value = serde_json::from_str(&repository.read("plan.json")).expect("a plan");
    assert_eq!(saved["actions"].as_array().expect("actions").len(), 2, "{saved}");
    change(&repository);
    let digest = saved["digest"].as_str().expect("a digest");
    for approved in [&["--yes"][..], &["--approved", digest]] {
        let run = repository.run([&["apply", "plan.json"][..], approved].concat());
        run.ends_with(5).prints(why).tells("nothing was written");
    }
    // Only what is told can be applied.
    repository.run(["plan", "--out", "plan.json"]).ends_with(0);
    repository.run(["apply", "plan.json", "--yes"]).ends_with(0);
}

fn apply_apart(repository: &Repository, old: &str, new: &str) {
    let wished = repository.read(ALL);
    repository.write(ALL, CATALOG);
    repository.edit(ALL, old, new);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.write(ALL, &wished);
    repository.edit(ALL, old, new);
}

const ROLE: &str = "add_membership ana@example.com south: it is an escalation by what role `operator` gives by now; \
                    the plan did not say so";

#[test]
fn a_saved_plan_is_stale_once_a_role_that_it_gives_is_one_of_admins_in_the_store() {
    for raised in ["operator: { rank: 20, admin: true }", "operator: { rank: 20, site_access: all }"] {
        let raise = |repository: &Repository| apply_apart(repository, "operator: { rank: 20 }", raised);
        is_stale_after(raise, ROLE);
    }
    is_stale_after(|repository| repository.sql("UPDATE roles SET admin = 1 WHERE name = 'operator'"), ROLE);
    // Also by a role that it includes.
    let old = "operator: { rank: 20 }";
    let new = "operator: { rank: 20, includes: [manager] }";
    is_stale_after(|repository| apply_apart(repository, old, new), ROLE);
}

#[test]
fn a_saved_plan_is_stale_once_a_role_that_it_gives_is_one_of_admins_in_the_manifests() {
    let old = "operator: { rank: 20 }";
    is_stale_after(|repository| repository.edit(ALL, old, "operator: { rank: 20, admin: true }"), ROLE);
}

#[test]
fn a_saved_plan_is_stale_once_a_site_that_it_gives_includes_others() {
    let why = "grant_site ben@example.com north pit-2: `pit-2` includes `pit-1` by now; the plan did not say so";
    let include = |repository: &Repository| apply_apart(repository, "pit-2: {}", "pit-2: { includes: [pit-1] }");
    is_stale_after(include, why);
}

#[test]
fn a_saved_plan_holds_where_what_it_gives_became_less_or_others_became_more() {
    for (old, new) in [
        ("reader: { rank: 5 }", "reader: { rank: 5, admin: true }"),
        ("operator: { rank: 20 }", "operator: { rank: 10 }"),
        ("pit-1: {}", "pit-1: { includes: [pit-2] }"),
    ] {
        let repository = repository("");
        wish(&repository);
        repository.run(["plan", "--out", "plan.json"]).ends_with(0);
        apply_apart(&repository, old, new);
        repository.run(["apply", "plan.json", "--yes"]).ends_with(0).prints("2 done");
    }
    // What was told is done, also of a site that includes others.
    let repository = repository("");
    apply_apart(&repository, "pit-2: {}", "pit-2: { includes: [pit-1] }");
    repository.edit(ALL, "operator: { rank: 20 }", "operator: { rank: 20, admin: true }");
    wish(&repository);
    repository.run(["plan", "--out", "plan.json"]).ends_with(0);
    let saved: Value = serde_json::from_str(&repository.read("plan.json")).expect("a plan");
    let expected = serde_json::json!([{ "organization": "north", "site": "pit-2", "includes": ["pit-1"] }]);
    assert_eq!(saved["basis"]["includes"], expected);
    repository.run(["apply", "plan.json", "--yes"]).ends_with(0).prints("3 done");
}

/// Where roles are not changed a plan made now has the same actions.
#[test]
fn a_yes_is_not_for_a_role_that_became_one_of_admins_while_the_question_stood() {
    let repository = repository(", catalog: existing");
    wish(&repository);
    let before = digest(&repository);
    let mut terminal = Terminal::start(repository.path(), &format!("exec '{BINARY}' apply"));
    terminal.shows("[y/N]");
    repository.sql("UPDATE roles SET admin = 1 WHERE name = 'operator'");
    assert_eq!(digest(&repository), before);
    terminal.types("y\n");
    let (code, shown) = terminal.ends();
    assert_eq!(code, Some(5), "{shown}");
    assert!(shown.contains("comes to more"), "{shown}");
    assert!(repository.run(["plan"]).out.contains("2 actions"), "{shown}");
}
