//! `rollcall invitations`: what an operator does about one.

use serde_json::Value;

use super::super::support::cli::Repository;

fn states(repository: &Repository, key: &str) -> Vec<String> {
    let list = repository.run(["invitations", "list", "--format", "json"]).ends_with(0).json();
    let of_key = list.as_array().unwrap().iter().filter(|one| one["user"] == key);
    of_key.map(|one| one["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_declined_invitation_goes_out_again_when_an_operator_says_so() {
    let repository = Repository::applied();
    repository.run(["invitations", "decline", "ben@example.com"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes").prints("ben@example.com");
    repository.run(["invitations", "resend", "ben@example.com"]).ends_with(3).tells("use --yes");
    repository.run(["invitations", "resend", "BEN@example.com", "--yes"]).ends_with(0).prints("invitation sent");
    assert_eq!(states(&repository, "ben@example.com"), ["declined", "pending"]);
    repository.run(["invitations", "accept", "ben@example.com"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
    let why = "ben@example.com is active, and has no invitation to accept";
    repository.run(["invitations", "resend", "ben@example.com", "--yes"]).ends_with(1).tells(why);
}

#[test]
fn a_pending_invitation_is_sent_again_where_the_rules_say_so() {
    let repository = Repository::applied();
    repository.run(["invitations", "resend", "ana@example.com", "--yes"]).ends_with(0).prints("1 done");
    assert_eq!(states(&repository, "ana@example.com"), ["cancelled", "pending"]);
    repository.run(["plan"]).ends_with(0).prints("no changes");
    let rules = "rules: { extends: default, invitations: { resend: null } }";
    repository.edit("rollcall.yaml", "rules: default", rules);
    repository.run(["invitations", "resend", "ana@example.com", "--yes"]).ends_with(1).tells("while it is pending");
    assert_eq!(states(&repository, "ana@example.com").len(), 2);
}

/// Who is let in by it is not in now.
#[test]
fn an_invitation_that_goes_out_again_is_judged_like_a_first_one() {
    let escalations = |plan: &Value| -> (Vec<String>, Value) {
        let is_risk = |action: &&Value| action["risk"].as_array().expect("risks").contains(&"escalation".into());
        let actions = plan["actions"].as_array().expect("actions").iter().filter(is_risk);
        let guards = plan["guards"].as_array().expect("guards").iter().find(|one| one["name"] == "escalations");
        let ids = actions.map(|action| action["id"].as_str().expect("an id").to_owned());
        (ids.collect(), guards.expect("a guard")["count"].clone())
    };
    let plan = |repository: &Repository| repository.run(["plan", "--format", "json"]).ends_with(0).json();
    let ids = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<Vec<String>>();
    let repository = Repository::small();
    let renewing = "rules: { extends: default, invitations: { renew: both } }";
    repository.edit("rollcall.yaml", "rules: default", renewing);
    assert_eq!(escalations(&plan(&repository)), (ids(&["invite_user ana@example.com"]), 1.into()));
    repository.run(["apply", "--yes"]).ends_with(0);
    for user in ["ana@example.com", "ben@example.com"] {
        repository.run(["invitations", "decline", user]).ends_with(0);
    }
    // Ana would be a manager, Ben an operator.
    assert_eq!(escalations(&plan(&repository)), (ids(&["resend_invitation ana@example.com"]), 1.into()));
    repository.run(["plan"]).prints("! ana@example.com  invitation sent again: manager");
    let settings = repository.read("rollcall.yaml");
    repository.write("rollcall.yaml", &format!("{settings}guards: {{ escalations: {{ max_count: 0 }} }}\n"));
    repository.run(["apply", "--yes"]).ends_with(4).tells("`escalations`");
    repository.run(["plan", "--out", "p.json"]).ends_with(4);
    repository.run(["apply", "p.json", "--yes"]).ends_with(4).tells("`escalations`");
    // No guard is asked of what an operator does by name.
    for user in ["ana@example.com", "ben@example.com"] {
        repository.run(["invitations", "resend", user, "--yes"]).ends_with(0);
    }
    repository.run(["apply", "--yes"]).ends_with(0).prints("no changes");
}

#[test]
fn an_invitation_that_was_held_back_goes_out_when_a_seat_is_free() {
    let repository = Repository::small();
    repository.edit("access/all.yaml", "  ben@example.com:\n", "  ben@example.com:\n    status: preloaded\n");
    repository.run(["apply", "--yes"]).ends_with(0);
    let settings = repository.read("rollcall.yaml");
    let seats = "rules: { extends: default, seats: { max: 1, counts: [active, invited] } }";
    // What the manifests keep back no operator sends past them (`language.md` §3, 5: its invitation is not sent).
    let resend = ["invitations", "resend", "ben@example.com", "--yes"];
    repository.run(resend).ends_with(1).tells("`status: preloaded`").tells("take that line out, and apply");
    assert_eq!(states(&repository, "ben@example.com"), ["suppressed"]);
    repository.edit("access/all.yaml", "    status: preloaded\n", "");
    repository.write("rollcall.yaml", &settings.replace("rules: default", seats));
    repository.run(resend).ends_with(1).tells("no seat is left");
    repository.write("rollcall.yaml", &settings);
    repository.run(["invitations", "resend", "ben@example.com", "--yes"]).ends_with(0);
    assert_eq!(states(&repository, "ben@example.com"), ["pending"]);
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn whoever_had_the_invitation_cancelled_is_not_invited_again_by_itself() {
    let repository = Repository::applied();
    let cancelled = repository.run(["invitations", "cancel", "ben@example.com", "--yes"]);
    cancelled.ends_with(0).prints("invitation cancelled").tells("not invited again unless");
    for _ in 0..2 {
        repository.run(["apply", "--yes"]).ends_with(0).prints("no changes").prints("ben@example.com");
    }
    let run = repository.run(["invitations", "resend", "ben@example.com", "--yes"]);
    run.ends_with(1).tells("the last invitation of that key was cancelled at 20").tells("with `status: active`");
    repository.edit("access/all.yaml", "  ben@example.com:\n", "  ben@example.com:\n    status: active\n");
    repository.run(["apply", "--yes"]).ends_with(0).prints("invited");
    repository.run(["invitations", "accept", "ben@example.com"]).ends_with(0);
    let why = "has no invitation to cancel; `rollcall deactivate`";
    repository.run(["invitations", "cancel", "ben@example.com", "--yes"]).ends_with(1).tells(why);
}

#[test]
fn protected_people_are_left_alone() {
    let repository = Repository::applied();
    let settings = repository.read("rollcall.yaml");
    repository.write("rollcall.yaml", &format!("{settings}guards: {{ protected_users: [ana@example.com] }}\n"));
    for command in ["resend", "cancel"] {
        repository.run(["invitations", command, "ana@example.com", "--yes"]).ends_with(1).tells("protected");
    }
    assert_eq!(states(&repository, "ana@example.com"), ["pending"]);
}

/// It is in the list, so it is not answered as if nobody had ever heard of it.
#[test]
fn whoever_had_the_invitation_cancelled_is_known() {
    let repository = Repository::applied();
    repository.run(["invitations", "cancel", "ben@example.com", "--yes"]).ends_with(0);
    assert_eq!(states(&repository, "ben@example.com"), ["cancelled"]);
    for command in [&["invitations", "cancel", "BEN@example.com", "--yes"][..], &["deactivate", "ben@example.com"]] {
        repository.run(command).ends_with(0).prints("locked out already").prints("was cancelled at 20");
    }
    let resend = ["invitations", "resend", "ben@example.com", "--yes"];
    let run = repository.run(resend);
    assert!(!run.err.contains("nobody has the key"), "{run}");
    // The way out that the message names.
    run.ends_with(1).tells("declare the key with `status: active`, and run `rollcall apply`");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "  ben@example.com:\n", "  ben@example.com:\n    status: active\n");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(resend).ends_with(0);
    // Nobody asked for this one: it was the plan that cancelled it.
    repository.edit(
        "access/all.yaml",
        "  ben@example.com:\n    status: active\n    access: { north: { role: operator, sites: [pit-1] } }\n",
        "",
    );
    repository.run(["apply", "--yes"]).ends_with(0);
    let run = repository.run(["deactivate", "ben@example.com", "--yes"]);
    run.ends_with(3).tells("was cancelled at 20").tells("declare `status: inactive`");
    repository.run(["invitations", "resend", "bne@example.com", "--yes"]).ends_with(3).tells("nobody has the key");
}

/// An invitation that is out can't be kept back: who declares that hears it, with a way that leads there.
#[test]
fn preloaded_declared_while_the_invitation_is_out_is_told() {
    let repository = Repository::applied();
    repository.edit("access/all.yaml", "  ben@example.com:\n", "  ben@example.com:\n    status: preloaded\n");
    let plan = repository.run(["plan"]);
    plan.ends_with(0).prints("no changes").tells("warning[waits-for-acceptance]").tells("access/all.yaml:11:13");
    plan.tells("`ben@example.com` is declared `preloaded`, and the invitation is out already");
    repository.edit("access/all.yaml", "status: preloaded", "status: inactive");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "status: inactive", "status: preloaded");
    repository.run(["apply", "--yes"]).ends_with(0);
    let status = "SELECT status FROM users WHERE key = 'ben@example.com'";
    let status: String = repository.store().query_row(status, [], |row| row.get(0)).expect("a status");
    assert_eq!(status, "preloaded");
    repository.run(["plan"]).ends_with(0).prints("no changes").tells_nothing();
}
