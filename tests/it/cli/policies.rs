//! Policies on the command line: what they refuse, how that is told, where they come from, and that they fail closed.

use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::Value;

use super::history::{commit, git};
use crate::support::cli::{Repository, Run};

const SETTINGS: &str = "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db } } }\n\
                        manage: { absent_users: deactivate }\n";

const TWO: &str = "\
policies:
  two-managers:
    for: organization
    require: organization.members.filter(m, m.role == \"manager\").size() >= 2
    message: every organization has at least two managers
";

/// One that is kept, with these lines instead.
fn policy(of: &str, require: &str) -> String {
    format!("policies:\n  p:\n    for: {of}\n    require: {require}\n    message: it holds\n")
}

fn with(policies: &str) -> Repository {
    let repository = Repository::small();
    repository.write("rollcall.yaml", &format!("{SETTINGS}{policies}"));
    repository
}

fn diagnostics<'a>(document: &'a Value, code: &str) -> Vec<&'a Value> {
    let all = document["diagnostics"].as_array().expect("diagnostics").iter();
    all.filter(|one| one["code"] == code).collect()
}

fn users(repository: &Repository) -> i64 {
    repository.store().query_row("SELECT count(*) FROM users", [], |row| row.get(0)).expect("a count")
}

#[test]
fn a_policy_that_is_not_kept_refuses_the_plan_in_every_format() {
    let repository = with(TWO);
    repository
        .run(["validate"])
        .ends_with(4)
        .tells(
            "error[policy-violated]: `north` does not keep to policy `two-managers`: every organization has at least",
        )
        .tells("access/all.yaml:2:3");
    let plan = repository.run(["plan"]);
    plan.ends_with(4)
        .prints("refused by policy `two-managers`: every organization has at least two managers\n  north\n")
        .prints("policies.two-managers not kept by 1   REFUSED")
        .prints("If this is meant: rollcall apply --waive policies.two-managers=sha256:");
    let document = repository.run(["plan", "--format", "json"]).ends_with(4).json();
    let guards = document["guards"].as_array().expect("guards");
    let guard = guards.iter().find(|guard| guard["name"] == "policies.two-managers").expect("the policy");
    assert_eq!((&guard["count"], &guard["limit"], &guard["refused"]), (&1.into(), &0.into(), &true.into()));
    let [found] = diagnostics(&document, "policy-violated")[..] else { panic!("{document:#}") };
    assert_eq!((&found["file"], &found["line"]), (&"access/all.yaml".into(), &2.into()));
    let comment = repository.run(["plan", "--format", "markdown"]);
    comment
        .ends_with(4)
        .prints("> **Refused** by policy `two-managers`: every organization has at least two managers\\\n> `north`")
        .prints("- `north` does not keep to policy `two-managers`: every organization has at least two managers (`access/all.yaml`:2)");
    repository.run(["plan", "--format", "html"]).ends_with(4).prints("two-managers").prints("access/all.yaml:2");
    for command in ["plan", "validate"] {
        repository.run([command, "--format", "github"]).ends_with(4).prints(
            "::error file=access/all.yaml,line=2,col=3,title=rollcall policy-violated::`north` does not keep to",
        );
        let issues: Value = repository.run([command, "--format", "gitlab"]).ends_with(4).json();
        let issues = issues.as_array().expect("issues");
        let of_policy = issues.iter().find(|one| one["check_name"] == "rollcall/policy-violated").expect("an issue");
        assert_eq!(of_policy["location"]["path"], "access/all.yaml");
    }
    repository.run(["apply", "--yes"]).ends_with(4).tells("refused by guard `policies.two-managers`");
    assert_eq!(users(&repository), 0);
}

#[test]
fn a_warning_is_told_and_refuses_nothing() {
    let repository = with(&TWO.replace("    require", "    severity: warning\n    require"));
    repository.run(["validate"]).ends_with(0).tells("warning[policy-violated]: `north`");
    let plan = repository.run(["plan"]);
    plan.ends_with(0).tells("warning[policy-violated]: `north`");
    assert!(!plan.out.contains("policies."), "{plan}");
    repository.run(["apply", "--yes"]).ends_with(0);
}

#[test]
fn a_waiver_lifts_one_policy_from_one_plan() {
    let other = "  nobody:\n    for: user\n    require: user.key == \"x\"\n    message: nobody is declared\n";
    let repository = with(&format!("{TWO}{other}"));
    let document = repository.run(["plan", "--format", "json"]).ends_with(4).json();
    let digest = document["digest"].as_str().expect("a digest");
    let two = format!("policies.two-managers={digest}");
    let nobody = format!("policies.nobody={digest}");
    repository.run(["apply", "--yes", "--waive", &two]).ends_with(4).tells("refused by guard `policies.nobody`");
    let elsewhere = two.replace(&digest[60..], &"0".repeat(digest.len() - 60));
    repository.run(["apply", "--yes", "--waive", &elsewhere, "--waive", &nobody]).ends_with(5);
    repository.run(["apply", "--yes", "--waive", "policies=x"]).ends_with(3).tells("policies.NAME");
    assert_eq!(users(&repository), 0);
    repository.run(["apply", "--yes", "--waive", &two, "--waive", &nobody]).ends_with(0);
    assert_eq!(users(&repository), 2);
}

#[test]
fn policies_of_today_are_asked_of_a_plan_that_was_saved_or_approved() {
    let repository = with("");
    repository.run(["plan", "--out", "plan.json"]).ends_with(0);
    let digest = repository.run(["plan", "--format", "json"]).json()["digest"].as_str().expect("a digest").to_owned();
    repository.write("rollcall.yaml", &format!("{SETTINGS}{TWO}"));
    repository.run(["apply", "plan.json", "--yes"]).ends_with(4).tells("policies.two-managers");
    repository.run(["apply", "--approved", &digest]).ends_with(4).tells("policies.two-managers");
    assert_eq!(users(&repository), 0);
    repository.write("rollcall.yaml", &format!("{SETTINGS}{}", policy("action", "action.kind != \"invite_user\"")));
    repository.run(["apply", "plan.json", "--yes"]).ends_with(4).prints("invite_user ana@example.com");
    assert_eq!(users(&repository), 0);
    repository.write("rollcall.yaml", SETTINGS);
    repository.run(["apply", "plan.json", "--yes"]).ends_with(0);
}

#[test]
fn a_policy_changes_nothing_that_a_plan_does() {
    let repository = with("");
    let without = repository.run(["plan", "--format", "json", "--at", "2026-11-26T00:00:00Z"]).json();
    let many = format!(
        "{TWO}{}",
        "  p:\n    for: plan\n    require: plan.joins < 2 && plan.actions.size() > 3\n    message: few\n"
    );
    repository.write("rollcall.yaml", &format!("{SETTINGS}{many}"));
    let with = repository.run(["plan", "--format", "json", "--at", "2026-11-26T00:00:00Z"]).ends_with(4).json();
    for member in ["digest", "basis", "summary", "actions", "impact", "deferred", "unmanaged", "expiring"] {
        assert_eq!(without[member], with[member], "{member}");
    }
}

/// What fails closed before anything is asked: settings that are not valid.
#[test]
fn a_policy_that_can_not_be_asked_makes_settings_invalid() {
    for (policies, place, message) in [
        (policy("user", "user.domain =="), "rollcall.yaml:7:28", "policy `p` can't be asked: it is no expression"),
        (policy("user", "user.domian == \"a\""), "rollcall.yaml:7:18", "a user has no field `domian`"),
        (policy("user", "\"user.domian == 'a'\""), "rollcall.yaml:7:19", "a user has no field `domian`"),
        (
            policy("user", "|\n      true &&\n      user.domian == 'a'"),
            "rollcall.yaml:9:11",
            "a user has no field `domian`",
        ),
        (
            policy("user", ">-\n      true &&\n      user.domian == 'a'"),
            "rollcall.yaml:",
            "a user has no field `domian`",
        ),
        (policy("user", "user.key"), "rollcall.yaml:7:18", "it gives a string, and has to give true or false"),
        (policy("user", "user.key > 3"), "rollcall.yaml:7:23", "a string can't be compared with an int"),
        (policy("user", "plan.joins == 0"), "rollcall.yaml:7:14", "there is no variable `plan`"),
        (policy("user", "user.key.matches(\"(\")"), "rollcall.yaml:7:31", "the pattern of `matches` is none"),
        (
            policy("user", &format!("user.key == \"{}\"", "a".repeat(5_000))),
            "rollcall.yaml:7:14",
            "at most 4000 are read",
        ),
        (
            policy("user", &format!("{}true{}", "(".repeat(900), ")".repeat(900))),
            "rollcall.yaml:7:14",
            "policy `p` can't be asked: it is nested more than 60 deep",
        ),
        (
            policy("membership", "'(membership.user == \"x\" ? membership : user).teams.all(t, t != \"ops\")'"),
            "rollcall.yaml:7:",
            "both sides of `?:` have to be of one type",
        ),
        (policy("users", "true"), "rollcall.yaml:6:10", "users"),
        (policy("user", "true").replace("  p:", "  P q:"), "rollcall.yaml:5:3", "can't be the name of a policy"),
        (policy("user", "true").replace("it holds", "\"\""), "rollcall.yaml:8:14", "the message of a policy"),
        (
            policy("user", "true").replace("    message: it holds\n", ""),
            "rollcall.yaml:7:",
            "the key `message` is missing",
        ),
        (policy("user", "true").replace("message: it holds", "level: 3"), "rollcall.yaml:8:5", "level"),
    ] {
        let repository = with(&policies);
        for command in [&["validate"][..], &["plan"], &["apply", "--yes"]] {
            let run = repository.run(command);
            run.ends_with(3).tells(message);
            assert!(run.all().contains(place), "{place}: {run}");
        }
        assert_eq!(users(&repository), 0);
    }
}

/// What fails closed when it is asked: nothing is applied, whatever the severity, and no waiver lifts it.
#[test]
fn a_policy_that_can_not_be_answered_refuses_whatever_its_severity() {
    for (of, require, why) in [
        ("user", "user.fields.language == \"fr\"", "there is no `language`"),
        ("user", "user.expires > now", "can't be done with"),
        ("user", "user.fields.given_name", "there is no `given_name`"),
        ("membership", "1 / membership.sites.size() > 0", "it divides by zero"),
        ("action", "action.after.nothing == 3", "there is no `nothing`"),
        ("plan", "plan.joins / (plan.leaves * 2) == 1", "it divides by zero"),
    ] {
        let warning = policy(of, require).replace("    for", "    severity: warning\n    for");
        for policies in [policy(of, require), warning] {
            let repository = with(&policies);
            let plan = repository.run(["plan"]);
            plan.ends_with(4).tells("error[policy-unanswered]: policy `p` can't be answered for").tells(why);
            plan.prints("refused by policy `p`").prints("mend the policy first");
            plan.prints("policies.p can't be answered for ");
            assert!(!plan.out.contains("not kept by 0"), "{plan}");
            assert!(plan.all().contains("rollcall.yaml:"), "{plan}");
            let document = repository.run(["plan", "--format", "json"]).json();
            let digest = document["digest"].as_str().expect("a digest");
            let guards = document["guards"].as_array().expect("guards");
            let guard = guards.iter().find(|guard| guard["name"] == "policies.p").expect("the policy");
            assert!(guard["unanswered"].as_u64().is_some_and(|count| count > 0), "{guard}");
            let [found] = diagnostics(&document, "policy-unanswered")[..] else { panic!("{document:#}") };
            assert!(found["file"] == "rollcall.yaml" && found["line"].is_u64() && found["help"].is_string(), "{found}");
            repository.run(["apply", "--yes", "--waive", &format!("policies.p={digest}")]).ends_with(4);
            let valid = repository.run(["validate"]);
            valid.ends_with(if matches!(of, "action" | "plan") { 0 } else { 4 });
            assert_eq!(users(&repository), 0);
        }
    }
}

#[test]
fn an_expression_that_takes_too_long_is_ended() {
    let people: String = (0..3_000)
        .fold(String::new(), |all, at| format!("{all}  p{at}@example.com: {{ access: {{ north: viewer }} }}\n"));
    let manifest = format!("organizations:\n  north: {{}}\nroles:\n  viewer: {{ rank: 1 }}\nusers:\n{people}");
    let members = "organization.members";
    let loops = format!("{members}.all(a, {members}.all(b, {members}.all(c, a.role == b.role && b.role == c.role)))");
    let repository = with(&policy("organization", &loops));
    repository.write("access/all.yaml", &manifest);
    let begun = std::time::Instant::now();
    repository
        .run(["validate"])
        .ends_with(4)
        .tells("policy `p` can't be answered for `north`: it takes too many steps");
    assert!(begun.elapsed().as_secs() < 120, "{:?}", begun.elapsed());
}

/// A repository whose base demands two managers, and a change that takes one of them out, with these policies.
fn change(policies: &str) -> Repository {
    let repository = with(TWO);
    repository.edit("access/all.yaml", "north: { role: operator, sites: [pit-1] }", "north: manager");
    git(repository.path(), &["init", "-q", "-b", "main"]);
    commit(repository.path(), "one");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository.edit(
        "access/all.yaml",
        "    access: { north: manager }\n  ben",
        "    access: { north: operator }\n  ben",
    );
    repository.write("rollcall.yaml", &format!("{SETTINGS}{policies}"));
    repository
}

fn against_and_beside(repository: &Repository) -> [Run; 2] {
    [repository.run(["plan", "--base", "main"]), repository.run(["plan", "--against", "main"])]
}

#[test]
fn a_change_can_not_take_out_the_policy_that_refuses_it() {
    let weaker = TWO.replace(">= 2", ">= 0");
    let warning = TWO.replace("    message", "    severity: warning\n    message");
    for policies in ["", &weaker, &warning, &policy("user", "true")] {
        let repository = change(policies);
        for run in against_and_beside(&repository) {
            run.ends_with(4).prints("policies.two-managers").tells("`north` does not keep to policy `two-managers`");
        }
        repository.run(["apply", "--yes", "--base", "main"]).ends_with(4);
        let document = repository.run(["plan", "--base", "main", "--format", "json"]).json();
        let settings = document["base"]["settings"].as_array().expect("settings");
        let of_policies = |one: &&Value| one["name"].as_str().is_some_and(|name| name.starts_with("policies"));
        let changed: Vec<&Value> = settings.iter().filter(of_policies).collect();
        assert!(!changed.is_empty() && changed.iter().all(|one| one["holds"] == "base"), "{document:#}");
        let comment = repository.run(["plan", "--base", "main", "--format", "markdown"]);
        comment.ends_with(4).prints("**Settings**").prints("policies.two-managers");
    }
}

#[test]
fn a_policy_that_a_change_brings_is_not_asked_yet_but_has_to_be_one() {
    let strict = format!("{TWO}  nobody:\n    for: user\n    require: user.key == \"x\"\n    message: nobody\n");
    let repository = change(&strict);
    repository.run(["validate"]).ends_with(4).tells("policy `nobody`");
    for run in against_and_beside(&repository) {
        run.ends_with(4);
        assert!(!run.all().contains("keep to policy `nobody`"), "{run}");
    }
    repository.edit("rollcall.yaml", "user.key == \"x\"", "user.nothing");
    for run in against_and_beside(&repository) {
        run.ends_with(3).tells("a user has no field `nothing`");
    }
}

#[test]
fn names_and_messages_of_policies_break_no_comment() {
    let message = "<img src=x> @somebody [a](http://x.example) | **b** `c` <!-- --> &lt; #1";
    let repository = with("");
    let policies = policy("user", "user.key == \"x\"").replace("it holds", &format!("'{message}'"));
    repository.write("rollcall.yaml", &format!("{SETTINGS}{policies}"));
    let comment = repository.run(["plan", "--format", "markdown"]);
    comment.ends_with(4);
    for event in Parser::new_ext(&comment.out, Options::all()) {
        match event {
            Event::Html(text) | Event::InlineHtml(text) => assert!(!text.contains("img"), "{text}: {comment}"),
            Event::Text(text) => assert!(!text.contains("@somebody") && !text.contains("#1"), "{text}: {comment}"),
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => panic!("a link: {comment}"),
            _ => {}
        }
    }
    assert!(!comment.out.contains("**b**"), "{comment}");
    let page = repository.run(["plan", "--format", "html"]);
    assert!(!page.out.contains("<img src=x>"), "{page}");
    let hidden = policies.replace("<img", "\u{202e}<img");
    repository.write("rollcall.yaml", &format!("{SETTINGS}{hidden}"));
    repository.run(["plan"]).ends_with(3);
}

#[test]
fn a_lock_out_asks_no_policy() {
    let repository = with("");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.sql("UPDATE users SET status = 'active'");
    repository.write("rollcall.yaml", &format!("{SETTINGS}{TWO}"));
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0);
}

/// Which actions give admin, of those that a plan has for one person, and through which roles and fields.
#[test]
fn an_action_gives_admin_where_it_makes_the_admin() {
    let before = "\
organizations: { north: {}, south: {} }
roles:
  super: { rank: 50, site_access: all, includes: [manager] }
  manager: { rank: 40, site_access: all, admin: true }
  lead: { rank: 30 }
  viewer: { rank: 1 }
users:
  ana@example.com: { access: { north: manager, south: viewer } }
  ben@example.com: { given_name: Ben, access: { north: viewer, south: viewer } }
  kim@example.com: { access: { north: viewer } }
  max@example.com: { access: { north: lead } }
";
    let after = "\
organizations: { north: {}, south: {} }
roles:
  super: { rank: 50, site_access: all, includes: [manager] }
  manager: { rank: 40, site_access: all, admin: true }
  lead: { rank: 30, includes: [manager] }
  viewer: { rank: 1 }
users:
  ana@example.com: { access: { north: super, south: lead } }
  ben@example.com: { given_name: Benno, access: { north: manager } }
  kim@example.com: { access: { north: super } }
  max@example.com: { access: { north: lead } }
";
    let repository = with("");
    repository.write("access/all.yaml", before);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.sql("UPDATE users SET status = 'active'");
    repository.write("access/all.yaml", after);
    repository.write("rollcall.yaml", &format!("{SETTINGS}{}", policy("action", "\"!action.gives_admin\"")));
    let document = repository.run(["plan", "--format", "json"]).ends_with(4).json();
    let mut found: Vec<String> = diagnostics(&document, "policy-violated")
        .iter()
        .map(|one| one["message"].as_str().expect("a message").split('`').nth(1).expect("a name").to_owned())
        .collect();
    found.sort();
    let expected = [
        "change_role ana@example.com south",
        "change_role ben@example.com north",
        "change_role kim@example.com north",
        "update_role lead",
    ];
    assert_eq!(found, expected, "{document:#}");
    let declared = policy("user", "user.key.startsWith(\"b\") || user.memberships.all(m, m.admin) && user.admin");
    repository.write("rollcall.yaml", &format!("{SETTINGS}{declared}"));
    repository.run(["validate"]).ends_with(0);
}

/// Two lines alike but for their role and where they come from: which one is first must not depend on files.
#[test]
fn the_order_of_sources_does_not_depend_on_the_order_of_declarations() {
    let head = "organizations: { north: {} }\nroles: { manager: { rank: 40 }, viewer: { rank: 1 } }\n\
                users:\n  ana@example.com: { teams: [TEAMS], access: {} }\nteams:\n";
    let (one, two) = ("  a: { access: { north: viewer } }\n", "  b: { access: { north: manager } }\n");
    for require in ["user.sources[0].role == \"manager\"", "user.sources[0].via == \"team:b\""] {
        let repository = with(&policy("user", require));
        for (teams, order) in [("a, b", [one, two]), ("b, a", [two, one]), ("a, b", [two, one])] {
            repository.write("access/all.yaml", &format!("{}{}", head.replace("TEAMS", teams), order.concat()));
            repository.run(["validate"]).ends_with(0);
        }
    }
}
