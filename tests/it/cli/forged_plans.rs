//! Plan files that somebody wrote, with a digest that fits: actions that say more than their kind does, values that no
//! manifest of today declares, and removals of what these give.

use serde_json::{Value, json};

use super::super::support::cli::{Repository, Run};
use super::super::support::plan_files::seal;

const ALL: &str = "access/all.yaml";

const BOSS: &str = "attributes: { boss: { type: bool, access: true, admin: true }, clearance: { type: enum, values: \
                    [low, high], access: true }, note: { type: text } }";

/// Login keys, and attributes of every meaning.
fn settings(more: &str) -> String {
    format!(
        "version: 1\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {{ extends: default, \
         identity: {{ key: login }}, {more} }} }} }}\nmanage: {{ absent_users: deactivate }}\nguards: {{ min_admins: 0 }}\n"
    )
}

const MANIFEST: &str = "\
organizations:
  north: { name: North, sites: { pit-1: {}, pit-2: {} } }
  south: { sites: { yard: {} } }
roles:
  manager: { rank: 40, site_access: all, admin: true }
  operator: { rank: 20 }
  viewer: { rank: 10 }
  aide: { applies_to: [extra] }
users:
  ana: { email: ana@example.com, mfa: true, access: { north: manager, south: manager } }
  ben:
    email: ben@example.com
    mfa: true
    attributes: { clearance: low, note: a }
    access: { north: { role: operator, extra_roles: [aide], sites: [pit-1], default_site: pit-1 }, south: viewer }
";

/// Ana and ben are in, and everything is as declared.
fn repository() -> Repository {
    let repository = Repository::empty();
    repository.write("rollcall.yaml", &settings(BOSS));
    repository.write(ALL, MANIFEST);
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    for key in ["ana", "ben"] {
        repository.run(["invitations", "accept", key]).ends_with(0);
    }
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository
}

/// An action as a file has it, about a user unless its subject says otherwise: `USER ORG SITE`.
fn action(kind: &str, subject: &str, before: Value, after: Value) -> Value {
    let mut parts = subject.split(' ').map(Value::from);
    let mut next = || parts.next().unwrap_or(Value::Null);
    let mut action = json!({ "id": "", "action": kind, "user": next(), "organization": next(), "site": next(),
                             "role": null, "before": null, "after": null, "else": null, "cause": "manifest",
                             "risk": [], "needs": [], "reason": "declared", "origins": [] });
    (action["before"], action["after"]) = (before, after);
    action
}

/// Everything that can be seen of who is who and has what.
fn shown(repository: &Repository) -> String {
    let query = "SELECT group_concat(line, char(10) ORDER BY line) FROM (
        SELECT 'user ' || key || ' ' || status || ' ' || coalesce(email, '') || ' ' || coalesce(mfa, '') || ' ' ||
               coalesce(given_name, '') || ' ' || coalesce(kind, '') AS line FROM users
        UNION ALL SELECT 'attribute ' || user_id || ' ' || field || ' ' || coalesce(value, '') FROM user_attributes
        UNION ALL SELECT 'member ' || user_id || ' ' || organization_id || ' ' || coalesce(role_id, '') || ' ' ||
               coalesce(default_site_id, '') FROM memberships
        UNION ALL SELECT 'extra ' || user_id || ' ' || role_id FROM extra_roles
        UNION ALL SELECT 'grant ' || user_id || ' ' || site_id FROM site_grants
        UNION ALL SELECT 'role ' || name || ' ' || admin FROM roles
        UNION ALL SELECT 'organization ' || name || ' ' || coalesce(display_name, '') FROM organizations)";
    repository.store().query_row(query, [], |row| row.get(0)).expect("what is there")
}

/// The file with these actions in the place of its own is refused with this code, and nothing is written.
#[track_caller]
fn refused(repository: &Repository, code: i32, actions: &[Value]) -> Run {
    repository.run(["plan", "--out", "p.json"]).ends_with(0);
    let mut plan: Value = serde_json::from_str(&repository.read("p.json")).expect("a plan");
    plan["actions"] = actions.to_vec().into();
    seal(&mut plan);
    repository.write("p.json", &plan.to_string());
    let before = shown(repository);
    let run = repository.run(["apply", "p.json", "--yes"]);
    run.ends_with(code);
    assert_eq!(shown(repository), before, "{run}");
    run
}

/// A role that stands in `update_membership`, an access attribute in `update_user`: each made somebody an admin whom no
/// manifest makes one, as a plain change.
#[test]
fn an_action_that_says_more_than_its_kind_does_is_no_plan_file() {
    let repository = repository();
    let change = |before: Value, after: Value| (before, after);
    let boss = |on: Value| json!({ "attributes": { "boss": on } });
    let (status, role) = (|to: &str| json!({ "status": to }), |to: &str| json!({ "role": to }));
    let none = Value::Null;
    let whole = |role: &str| json!({ "role": role, "extra_roles": ["aide"], "default_site": "pit-1" });
    let cases = [
        ("update_membership", "ben north", change(role("operator"), role("manager"))),
        ("update_membership", "ben north", change(whole("operator"), whole("manager"))),
        ("update_membership", "zoe north", change(role("operator"), role("manager"))),
        ("update_membership", "ben north", change(status("active"), status("active"))),
        ("update_user", "ben", change(boss(none.clone()), boss(json!(true)))),
        (
            "update_user",
            "ben",
            change(json!({ "attributes": { "clearance": "low" } }), json!({ "attributes": { "clearance": "high" } })),
        ),
        ("update_user", "ben", change(json!({ "api": { "enabled": null } }), json!({ "api": { "enabled": true } }))),
        ("update_user", "ben", change(status("active"), status("inactive"))),
        ("update_user", "ben", change(json!({ "key": "ben" }), json!({ "key": "eve" }))),
        ("update_user", "ben", change(json!({ "email": "ben@example.com" }), json!({ "mfa": true }))),
        ("update_user", "ben", change(json!({}), json!({}))),
        ("update_user", "ben", change(json!({ "mfa": true }), json!({ "mfa": "no" }))),
        (
            "update_user",
            "ben",
            change(json!({ "attributes": { "other": null } }), json!({ "attributes": { "other": "x" } })),
        ),
        ("change_access", "ben", change(json!({ "email": "ben@example.com" }), json!({ "email": "eve@example.com" }))),
        (
            "change_access",
            "ben",
            change(json!({ "attributes": { "note": "a" } }), json!({ "attributes": { "note": "b" } })),
        ),
        ("change_access", "ben", change(boss(none.clone()), boss(json!("yes")))),
        (
            "change_role",
            "ben north",
            change(
                json!({ "role": "operator", "default_site": "pit-1" }),
                json!({ "role": "operator", "default_site": "pit-2" }),
            ),
        ),
        ("change_role", "ben north", change(whole("operator"), whole("viewer"))),
        ("grant_site", "ben north pit-2", change(none.clone(), json!({ "role": null, "extra_roles": [] }))),
        ("add_membership", "ben south", change(none.clone(), role("viewer"))),
        ("remove_membership", "ben south", change(role("viewer"), none.clone())),
        ("rename_user", "eve", change(json!({ "key": "ben", "mfa": true }), json!({ "key": "eve", "mfa": false }))),
        ("reactivate_user", "ben", change(status("closed"), status("active"))),
        ("reactivate_user", "ben", change(status("inactive"), json!({ "status": "active", "mfa": false }))),
        ("deactivate_user", "ben", change(status("inactive"), status("active"))),
        ("send_invitation", "ben", change(status("inactive"), status("invited"))),
        ("resend_invitation", "ben", change(json!({ "invitation": "pending" }), json!({ "invitation": "pending" }))),
        ("invite_user", "eve", change(none.clone(), json!({ "status": "active" }))),
        ("invite_user", "eve", change(none.clone(), json!({ "email": "eve@example.com" }))),
        // Under these rules nobody is made without an invitation, and nothing is stripped or closed.
        ("create_user", "eve", change(none.clone(), status("active"))),
        ("strip_user", "ben", change(status("active"), status("active"))),
        ("close_user", "ben", change(status("active"), status("closed"))),
    ];
    for (kind, subject, (before, after)) in cases {
        let run = refused(&repository, 3, &[action(kind, subject, before, after)]);
        run.tells("make the plan anew");
    }
    let mut organization =
        action("update_organization", "", json!({ "grantable": true }), json!({ "grantable": false }));
    (organization["user"], organization["organization"]) = (Value::Null, "north".into());
    refused(&repository, 3, &[organization]).tells("says something of `grantable`");
    let mut made = action("create_role", "", Value::Null, json!({ "admin": "yes" }));
    (made["user"], made["role"]) = (Value::Null, "chief".into());
    refused(&repository, 3, &[made]).tells("gives `admin` a value that it can't have");
}

/// By the address mails go elsewhere, by `mfa` a password is enough; names are what people read.
#[test]
fn a_saved_plan_writes_no_value_that_no_manifest_of_today_declares() {
    let repository = repository();
    let of = |field: &str, from: Value, to: Value| {
        action("update_user", "ben", json!({ field: from }), json!({ field: to }))
    };
    let whose = |action: Value, user: &str| {
        let mut action = action;
        action["user"] = user.into();
        action
    };
    let declared = "the manifests of today do not declare this";
    for forged in [
        of("email", json!("ben@example.com"), json!("eve@example.com")),
        of("mfa", json!(true), json!(false)),
        of("given_name", Value::Null, json!("Eve")),
        of("given_name", Value::Null, json!("A".repeat(100_000))),
        of("phone", Value::Null, json!("+1555666")),
        of("kind", Value::Null, json!("service")),
        action(
            "update_user",
            "ben",
            json!({ "attributes": { "note": "a" } }),
            json!({ "attributes": { "note": "b" } }),
        ),
        action(
            "change_access",
            "ben",
            json!({ "attributes": { "clearance": "low" } }),
            json!({ "attributes": { "clearance": null } }),
        ),
    ] {
        refused(&repository, 5, &[forged]).prints(declared);
    }
    refused(&repository, 5, &[whose(of("mfa", json!(true), json!(false)), "ana")]).prints(declared);
    for hidden in ["\u{202e}nimda", "a\u{1b}[2J", "a\u{200b}b", "a\u{0}b"] {
        let run = refused(&repository, 3, &[of("given_name", Value::Null, json!(hidden))]);
        run.tells("gives `given_name` a value");
    }
    let broken = json!("x\r\nBcc: eve@example.com");
    refused(&repository, 3, &[of("email", json!("ben@example.com"), broken)]).tells("gives `email` a value");
    let place = |field: &str, from: Value, to: Value| {
        let mut action = action("update_organization", "", json!({ field: from }), json!({ field: to }));
        (action["user"], action["organization"]) = (Value::Null, "north".into());
        action
    };
    refused(&repository, 5, &[place("name", json!("North"), json!("South"))]).prints(declared);
    refused(&repository, 3, &[place("name", json!("North"), json!("N\u{1b}[2J"))]).tells("gives `name` a value");
    let mut role = action("update_role", "", json!({ "rank": 20 }), json!({ "rank": 15 }));
    (role["user"], role["role"]) = (Value::Null, "operator".into());
    refused(&repository, 5, &[role]).prints(declared);

    // Kim is invited, and to no other address than the declared one, with no other fields.
    repository.edit(
        ALL,
        "  ben:\n",
        "  kim: { email: kim@example.com, mfa: true, access: { north: viewer } }\n  ben:\n",
    );
    let access = json!({ "north": { "role": "viewer", "extra_roles": [], "default_site": null, "sites": {} } });
    for more in [
        json!({ "email": "eve@example.com", "mfa": true }),
        json!({ "email": "kim@example.com", "mfa": false }),
        json!({ "email": "kim@example.com", "mfa": true, "given_name": "Kim" }),
        json!({ "email": "kim@example.com", "kind": "service" }),
    ] {
        let mut after = more;
        (after["status"], after["access"]) = ("invited".into(), access.clone());
        let run = refused(&repository, 5, &[action("invite_user", "kim", Value::Null, after)]);
        run.prints(declared);
    }
    repository.run(["plan", "--out", "p.json"]).ends_with(0);
    repository.run(["apply", "p.json", "--yes"]).ends_with(0).prints("1 done");
}

/// What narrows an account, or is demanded of it, is not left out of its invitation.
#[test]
fn an_invitation_without_what_narrows_the_account_is_not_sent_by_a_saved_plan() {
    let repository = Repository::empty();
    let narrowed = "attributes: { areas: { type: set, access: true, empty: all } }, \
                    fields: { given_name: { required: onboarding } }";
    repository.write("rollcall.yaml", &settings(narrowed));
    let (catalog, _) = MANIFEST.split_once("users:").expect("users");
    let kim = "kim: { email: kim@example.com, given_name: Kim, attributes: { areas: [a] }, access: { north: viewer } }";
    repository.write(ALL, &format!("{catalog}users: {{}}\n"));
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.write(ALL, &format!("{catalog}users:\n  {kim}\n"));
    let plan = repository.run(["plan", "--out", "p.json", "--format", "json"]);
    plan.ends_with(0);
    let whole = plan.json()["actions"].as_array().expect("actions").clone();
    assert_eq!(whole.len(), 1, "{plan}");
    for left_out in ["attributes", "given_name"] {
        let mut forged = whole.clone();
        forged[0]["after"].as_object_mut().expect("fields").remove(left_out);
        refused(&repository, 5, &forged).prints("it leaves out");
    }
}

#[test]
fn a_saved_plan_takes_nothing_that_the_manifests_of_today_keep() {
    let repository = repository();
    let role = |to: Value| json!({ "role": to });
    let extra = |to: Value| json!({ "extra_roles": to });
    let site = |to: Value| json!({ "default_site": to });
    let bare = json!({ "role": "viewer", "extra_roles": [], "default_site": null });
    let forged = [
        (action("revoke_site", "ben north pit-1", role(Value::Null), Value::Null), "keep `north/pit-1`"),
        (action("remove_membership", "ben south", bare, Value::Null), "keep the membership in `south`"),
        (action("change_role", "ben north", role(json!("operator")), role(json!("viewer"))), "give `operator`"),
        (action("change_role", "ana north", role(json!("manager")), role(json!("viewer"))), "give `manager`"),
        (action("update_membership", "ben north", extra(json!(["aide"])), extra(json!([]))), "keep `aide`"),
        (action("update_membership", "ben north", site(json!("pit-1")), site(json!(null))), "this default site"),
        (action("update_membership", "ben north", site(json!("pit-1")), site(json!("pit-2"))), "this default site"),
    ];
    for (one, why) in forged {
        refused(&repository, 5, &[one]).prints(why);
    }
}

/// A grant beside a role that reaches every site would stay with the next role.
#[test]
fn a_saved_plan_grants_no_site_that_a_role_or_another_site_reaches_anyway() {
    let repository = repository();
    let forged = action("grant_site", "ana north pit-1", Value::Null, json!({ "role": null }));
    refused(&repository, 5, &[forged]).prints("in another way");
}

/// A role that a manifest of today can't give there is less than the one of before, and stays where it was put.
#[test]
fn a_saved_plan_lowers_nobody_to_a_role_that_cannot_be_given_there() {
    let repository = repository();
    let more = "viewer: { rank: 10 }\n  write: { rank: 12, applies_to: [site] }\n  kept: { rank: 12, grantable: false }\n  \
                beside: { rank: 12, applies_to: [extra] }\n  whole: { rank: 12, applies_to: [platform] }";
    repository.edit(ALL, "viewer: { rank: 10 }", more);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit(ALL, "{ role: operator, extra", "{ role: viewer, extra");
    let role = |to: &str| json!({ "role": to });
    for to in ["write", "kept", "beside", "whole"] {
        let forged = action("change_role", "ben north", role("operator"), role(to));
        refused(&repository, 5, &[forged]).prints("can't be given there");
    }
    repository.run(["plan", "--out", "p.json"]).ends_with(0);
    repository.run(["apply", "p.json", "--yes"]).ends_with(0).prints("1 done");
}

#[test]
fn a_saved_plan_writes_no_default_site_that_no_manifest_of_today_declares() {
    let repository = repository();
    repository.edit(ALL, "yard: {}", "yard: {}, dock: {}");
    repository.edit(ALL, ", south: viewer", "");
    repository.run(["apply", "--yes"]).ends_with(0);
    let sites = ", south: { role: viewer, sites: [yard, dock], default_site: yard }";
    repository.edit(ALL, "default_site: pit-1 }", &format!("default_site: pit-1 }}{sites}"));
    let after = json!({ "role": "viewer", "extra_roles": [], "default_site": "dock" });
    let forged = action("add_membership", "ben south", Value::Null, after);
    refused(&repository, 5, &[forged]).prints("do not declare this default site");
    repository.run(["plan", "--out", "p.json"]).ends_with(0);
    repository.run(["apply", "p.json", "--yes"]).ends_with(0).prints("3 done");
}
