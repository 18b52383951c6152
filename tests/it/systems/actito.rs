//! Actito: marketing automation.

use serde_json::{Value, json};

use super::Service;
use crate::support::plan_files::seal;

const CATALOG: &str = "\
organizations:
  licence:
    sites:
      shop: { kind: entity }
      club: { kind: entity }
      retail: { kind: entity_group, includes: [shop, club] }
      solo: { kind: entity_group, includes: [shop] }
";

/// The line of a user with everything that is required.
pub(super) fn user(login: &str, access: &str) -> String {
    format!(
        "  {login}: {{ given_name: {login}, family_name: Roy, language: fr, email: {login}@example.com, \
         attributes: {{ sex: f }}, access: {{ licence: {access} }} }}\n"
    )
}

/// A licence with an administrator and these users.
fn service_under(rules: &str, users: &str) -> Service {
    let admin = user("aroy", "{ role: administrator, sites: [solo] }");
    Service::new(rules, &format!("{CATALOG}users:\n{admin}{users}"))
}

pub(super) fn service(users: &str) -> Service {
    service_under("actito", users)
}

#[test]
fn act_1_another_login_is_a_mistake_with_advice() {
    let service = service(&user("broy", "user"));
    service.apply();
    service.declare("  broy: {", "  bpetit: { previously: broy,");
    let run = service.run(["plan"]);
    run.ends_with(3).tells("`broy` can't become `bpetit`: the keys of this store never change");
    run.tells("--> access/all.yaml:10:").tells("declare `broy` absent if the person gets a new account");
}

#[test]
fn act_2_people_set_up_their_password_through_a_professional_address() {
    let rules = "{ extends: actito, fields: { email: { domains: [example.com] }, mobile: { required: onboarding } } }";
    let service = service_under(rules, &user("broy", "user").replace("broy@example.com", "broy@mail.example.net"));
    let run = service.run(["plan"]);
    run.ends_with(0).tells("broy@mail.example.net");
    assert_eq!(
        service.waits().iter().filter(|line| line.starts_with("create") && line.ends_with(" field")).count(),
        2,
        "{run}"
    );
    for login in ["aroy", "broy"] {
        service.declare(&format!("{login}: {{"), &format!("{login}: {{ mobile: '+3225550100',"));
    }
    service.apply();
    assert_eq!(service.rows("SELECT mobile FROM users"), ["+3225550100", "+3225550100"]);
    service.run(["rules", "show", "actito"]).ends_with(0).prints("secret: none");
}

#[test]
fn act_2_a_private_address_is_told_also_where_no_domains_are_named() {
    let service = service(&user("broy", "user").replace("broy@example.com", "broy@Gmail.com"));
    let run = service.run(["plan"]);
    run.ends_with(0).tells("`broy@Gmail.com` looks like a private address").tells("domains: […]");
    assert!(!run.err.contains("aroy@example.com"), "{run}");
    // Where domains are named they decide.
    let rules = "{ extends: actito, fields: { email: { domains: [gmail.com] } } }";
    let service = service_under(rules, &user("broy", "user").replace("broy@example.com", "broy@gmail.com"));
    let run = service.run(["plan"]);
    run.ends_with(0).tells("`aroy@example.com` is not an address at one of the expected domains");
    assert!(!run.err.contains("broy@gmail.com"), "{run}");
}

/// Its membership is stored nowhere until it has a role.
#[test]
fn act_3_an_account_that_somebody_added_by_hand_gets_its_role_and_its_group() {
    let service = service(&(user("broy", "{ role: user, sites: [solo] }") + &user("croy", "{}")));
    service.declare("users:", "site_grants: [{ site: licence/solo, users: [croy] }]\nusers:");
    let hand = |login: &str| {
        service.0.sql(&format!("INSERT INTO users (key, email) VALUES ('{login}', '{login}@example.com')"));
    };
    ["broy", "croy"].into_iter().for_each(hand);
    assert!(service.ids().contains(&"change_role broy licence".to_owned()), "{:?}", service.ids());
    service.apply();
    let held = "SELECT u.key || ' ' || coalesce(r.name, '-') || ' ' || s.name FROM users u
                JOIN memberships m ON m.user_id = u.id LEFT JOIN roles r ON r.id = m.role_id
                JOIN site_grants g ON g.user_id = u.id JOIN sites s ON s.id = g.site_id ORDER BY 1";
    assert_eq!(service.rows(held), ["aroy administrator solo", "broy user solo", "croy - solo"]);
}

#[test]
fn act_3_at_most_one_rights_configuration() {
    let service = service(&(user("broy", "reviewer") + &user("croy", "{}")));
    service.apply();
    let held = "SELECT u.key || ' ' || coalesce(r.name, '-') FROM users u JOIN memberships m ON m.user_id = u.id
                LEFT JOIN roles r ON r.id = m.role_id ORDER BY u.key";
    assert_eq!(service.rows(held), ["aroy administrator", "broy reviewer", "croy -"]);
    service.declare("licence: reviewer", "licence: { role: reviewer, extra_roles: [user] }");
    service.run(["plan"]).ends_with(3).tells("can't be given as an extra role");
    service.declare("licence: { role: reviewer, extra_roles: [user] }", "licence: partner");
    service.declare(
        "organizations:",
        "roles: { partner: { grantable: false, applies_to: [organization] } }\norganizations:",
    );
    service.run(["plan"]).ends_with(3).tells("partner");
    service.declare("grantable: false, ", "");
    // Custom ones can be made, and no order between them is stated.
    let risks = service.risks("change_role broy licence");
    assert!(risks.contains(&"escalation".to_owned()) && risks.contains(&"removal".to_owned()), "{risks:?}");
    service.apply();
}

#[test]
fn act_4_a_group_of_several_entities_needs_a_default_one_among_them() {
    let service = service(&user("broy", "{ role: user, sites: [retail] }"));
    service.run(["plan"]).ends_with(3).tells("`licence` needs a default site among its 2");
    service.declare("[retail]", "[retail], default_site: retail");
    service.run(["plan"]).ends_with(3).tells("`retail` can't be a default site");
    service.declare("default_site: retail", "default_site: club");
    service.apply();
    let held = "SELECT s.name FROM memberships m JOIN sites s ON s.id = m.default_site_id";
    assert_eq!(service.rows(held), ["club"]);
    assert_eq!(
        service.rows("SELECT s.name FROM site_grants g JOIN sites s ON s.id = g.site_id ORDER BY 1"),
        ["retail", "solo"]
    );
    service.run(["explain", "licence/club"]).ends_with(0).prints("broy");
    // One of another group is none of theirs, entities are not granted, and there is one group a user.
    for (sites, told) in [
        ("[solo], default_site: club", "without a grant on it"),
        ("[shop]", "site `shop` can't be granted"),
        ("[retail, solo], default_site: club", "2 sites in `licence`, at most 1"),
    ] {
        service.declare("[retail], default_site: club", sites);
        service.run(["plan"]).ends_with(3).tells(told);
        service.declare(&format!("sites: {sites}"), "sites: [retail], default_site: club");
    }
    // A group of one entity needs none.
    service.declare("[retail], default_site: club", "[solo]");
    service.apply();
    assert_eq!(service.rows(held), [""; 0]);
}

#[test]
fn act_4_the_new_entity_group_takes_the_place_of_the_old_one_and_the_default_entity_follows_it() {
    let service = service(&user("broy", "{ role: user, sites: [retail], default_site: club }"));
    service.declare(
        "      solo:",
        "      toys: { kind: entity }\n      media: { kind: entity_group, includes: [club, toys] }\n      solo:",
    );
    service.apply();
    let needs = |id: &str| service.action(id)["needs"].clone();
    let [switch, change] = ["grant_site broy licence media", "update_membership broy licence"];
    // One action, never in two groups or in none, and never a default entity of a group that is not granted yet.
    service.declare("[retail], default_site: club", "[media], default_site: toys");
    service.run(["plan"]).ends_with(0).prints("site retail → media").prints("1 loses access and 1 gains access");
    assert_eq!(service.ids(), [switch, change]);
    let action = service.action(switch);
    assert_eq!(action["before"], serde_json::json!({ "access": { "licence": { "sites": { "retail": null } } } }));
    assert_eq!(action["after"], serde_json::json!({ "role": null }));
    assert_eq!(
        (&action["risk"], needs(change)),
        (&serde_json::json!(["mail", "removal"]), serde_json::json!([switch]))
    );
    service.apply();
    // A default entity that only the old group gave goes before that group.
    service.declare("[media], default_site: toys", "[solo]");
    let switch = "grant_site broy licence solo";
    assert_eq!(service.ids(), [change, switch]);
    assert_eq!(needs(switch), serde_json::json!([change]));
    service.apply();
    service.declare("{ role: user, sites: [solo] }", "{ role: user, sites: [media], default_site: club }");
    assert_eq!(needs(change), serde_json::json!(["grant_site broy licence media"]));
    service.apply();
}

#[test]
fn act_4_a_switch_of_the_group_is_done_whole_or_not_at_all_and_its_saved_plan_is_finished_or_stale() {
    let service = service(&user("broy", "{ role: user, sites: [solo] }"));
    service.declare("      solo:", "      late: { kind: entity_group, includes: [club] }\n      solo:");
    service.apply();
    let groups = "SELECT s.name FROM site_grants g JOIN sites s ON s.id = g.site_id JOIN users u ON u.id = g.user_id
                  WHERE u.key = 'broy' ORDER BY 1";
    let old = "{ role: user, sites: [solo] }";
    service.declare(old, "{ role: user, sites: [late] }");
    service.run(["plan", "--out", "plan.json"]).ends_with(0);
    let apply = |file: &str| service.run(["apply", file, "--yes"]);
    // The new grant fails, and the old one is still there.
    service.0.sql("CREATE TRIGGER stop BEFORE INSERT ON site_grants BEGIN SELECT RAISE(ABORT, 'stopped'); END");
    apply("plan.json").prints("stopped");
    assert_eq!(service.rows(groups), ["solo"]);
    service.0.sql("DROP TRIGGER stop");
    // Somebody gave another group meanwhile: nothing is taken away that was not reviewed.
    let give = |group: &str| {
        service.0.sql(&format!(
            "DELETE FROM site_grants WHERE user_id = (SELECT id FROM users WHERE key = 'broy');
             INSERT INTO site_grants (user_id, organization_id, site_id)
             SELECT u.id, s.organization_id, s.id FROM users u, sites s WHERE u.key = 'broy' AND s.name = '{group}'"
        ));
    };
    give("retail");
    apply("plan.json").ends_with(5).prints("grant_site broy licence late");
    assert_eq!(service.rows(groups), ["retail"]);
    give("solo");
    // What the manifests give today is taken by no saved plan.
    service.declare("{ role: user, sites: [late] }", old);
    apply("plan.json").ends_with(5);
    service.declare(old, "{ role: user, sites: [late] }");
    apply("plan.json").ends_with(0).prints("1 action: 1 done");
    assert_eq!(service.rows(groups), ["late"]);
    apply("plan.json").ends_with(0).prints("1 action: 1 already true");
    // A plan that saw no other group adds no second one.
    service.0.sql("DELETE FROM site_grants WHERE user_id = (SELECT id FROM users WHERE key = 'broy')");
    service.run(["plan", "--out", "again.json"]).ends_with(0);
    give("solo");
    let run = apply("again.json");
    assert_ne!(run.code, Some(0), "{run}");
    assert_eq!(service.rows(groups), ["solo"]);
    // Nor does one that would end one group, where somebody added a second one meanwhile.
    service.run(["plan", "--out", "switch.json"]).ends_with(0);
    service.0.sql(
        "INSERT INTO site_grants (user_id, organization_id, site_id)
         SELECT u.id, s.organization_id, s.id FROM users u, sites s WHERE u.key = 'broy' AND s.name = 'retail'",
    );
    apply("switch.json").ends_with(5).prints("the account has more access");
    assert_eq!(service.rows(groups), ["retail", "solo"]);
    service.apply();
    assert_eq!(service.rows(groups), ["late"]);
}

#[test]
fn act_4_a_group_that_can_not_come_keeps_nobody_in_the_old_one() {
    let service = service(&user("broy", "{ role: user, sites: [solo] }"));
    service.apply();
    // The new one is not in the store, and may not be made: the old one goes all the same.
    service.declare("      solo:", "      late: { kind: entity_group, includes: [club] }\n      solo:");
    service.declare(
        "broy@example.com, attributes: { sex: f }, access: { licence: { role: user, sites: [solo] }",
        "broy@example.com, attributes: { sex: f }, access: { licence: { role: user, sites: [late] }",
    );
    service.0.edit("rollcall.yaml", "manage: {", "manage: { catalog: existing,");
    assert_eq!(service.ids(), ["revoke_site broy licence solo"]);
    assert!(service.waits().contains(&"grant_site broy late catalog".to_owned()), "{:?}", service.waits());
    // Where it may be made, it is made first, and one that nobody has any more is deleted after the switch.
    service.0.edit("rollcall.yaml", "catalog: existing,", "");
    assert_eq!(service.ids(), ["create_site licence late", "grant_site broy licence late"]);
    service.apply();
    // The account that rollcall itself uses loses nothing, and so gets no other one.
    service.0.edit("rollcall.yaml", "guards: {", "guards: { self: broy,");
    service.declare("sites: [late] }", "sites: [retail], default_site: club }");
    assert_eq!(service.ids(), [""; 0]);
    assert_eq!(service.waits().len(), 3, "{:?}", service.waits());
}

#[test]
fn act_4_a_plan_file_says_no_more_of_a_switch_than_the_planner_does() {
    let service = service(&user("broy", "{ role: user, sites: [solo] }"));
    service.apply();
    service.declare(
        "access: { licence: { role: user, sites: [solo] }",
        "access: { licence: { role: user, sites: [retail], default_site: club }",
    );
    service.run(["plan", "--out", "plan.json"]).ends_with(0);
    let whole: Value = serde_json::from_str(&service.0.read("plan.json")).expect("JSON");
    let at = whole["actions"].as_array().expect("actions").iter().position(|one| one["action"] == "grant_site");
    let at = at.expect("a switch");
    assert_eq!(whole["actions"][at]["before"], json!({ "access": { "licence": { "sites": { "solo": null } } } }));
    for before in [
        // The new site itself, more than one, one in another organization, with a membership, and nothing at all.
        json!({ "access": { "licence": { "sites": { "retail": null } } } }),
        json!({ "access": { "licence": { "sites": { "solo": null, "other": null } } } }),
        json!({ "access": { "elsewhere": { "sites": { "solo": null } } } }),
        json!({ "role": null, "access": { "licence": { "sites": { "solo": null } } } }),
        json!({ "access": { "licence": { "role": "user", "extra_roles": [], "default_site": null, "sites": {} } } }),
        json!({}),
    ] {
        let mut other = whole.clone();
        other["actions"][at]["before"] = before.clone();
        seal(&mut other);
        service.0.write("forged.json", &other.to_string());
        let run = service.run(["apply", "forged.json", "--yes"]);
        assert!(run.code == Some(3), "{before}: {run}");
    }
    // Nobody goes from one site to another where a person may have several.
    service.0.edit("rollcall.yaml", "rules: actito", "rules: { extends: actito, sites: { max: 2 } }");
    service.run(["apply", "plan.json", "--yes"]).ends_with(3);
    service.0.edit("rollcall.yaml", "rules: { extends: actito, sites: { max: 2 } }", "rules: actito");
    service.run(["apply", "plan.json", "--yes"]).ends_with(0);
}

#[test]
fn act_5_deactivation_can_be_undone() {
    let service = service(&user("broy", "{ role: user, sites: [solo] }"));
    service.apply();
    service.declare("users:", "inactive: [broy]\nusers:");
    assert_eq!(service.ids(), ["deactivate_user broy"]);
    service.apply();
    assert_eq!(service.rows("SELECT key FROM users WHERE status = 'inactive'"), ["broy"]);
    service.declare("inactive: [broy]\n", "");
    service.declare("broy: {", "broy: { status: active,");
    assert!(service.risks("reactivate_user broy").contains(&"access_returns".to_owned()));
    service.run(["apply", "--yes"]).ends_with(0);
    service.apply();
    assert_eq!(service.rows("SELECT key FROM users WHERE status = 'inactive'"), [""; 0]);
}

#[test]
fn act_6_a_deletion_is_final_and_the_login_can_be_used_anew() {
    let service = service(&user("broy", "user"));
    service.apply();
    let old = service.rows("SELECT id || '' FROM users WHERE key = 'broy'");
    service.declare("broy: {", "broy: { status: absent,");
    service.apply();
    let plan = service.run(["plan", "--format", "json", "--at", "2099-01-01T00:00:00Z"]).ends_with(0).json();
    assert_eq!(plan["actions"][0]["id"], "delete_user broy");
    assert!(plan["actions"][0]["risk"].as_array().unwrap().contains(&"irreversible".into()));
    service.run(["apply", "--yes", "--at", "2099-01-01T00:00:00Z"]).ends_with(0);
    assert_eq!(service.rows("SELECT key FROM users"), ["aroy"]);
    service.declare("status: absent, ", "");
    service.apply();
    let new = service.rows("SELECT id || '' FROM users WHERE key = 'broy'");
    assert!(new.len() == 1 && new != old);
}

#[test]
fn act_7_passwords_of_one_or_of_all_active_people_are_reset_and_a_policy_says_who_is_due() {
    let rules = "{ extends: actito, password: { rotation: 6mo } }";
    let service = service_under(rules, &(user("broy", "user") + &user("croy", "user") + &user("droy", "user")));
    service.apply();
    let ended = "SELECT u.key FROM credentials c JOIN users u ON u.id = c.user_id WHERE c.verifier IS NULL ORDER BY 1";
    service
        .run(["reset-password", "broy", "--yes"])
        .ends_with(0)
        .prints("broy: password reset")
        .prints("1 password mail written")
        .tells("a mail tells how");
    assert_eq!(service.rows(ended), ["broy"]);
    assert_eq!(service.secrets(), [], "the person chooses another one, and nobody else knows it");
    // All active people, and the confirmation names their number: not who is inactive, a service, or without an address.
    service.0.sql(
        "UPDATE users SET status = 'inactive' WHERE key = 'croy'; INSERT INTO users (key, kind) VALUES ('api', 'service');
         INSERT INTO users (key) VALUES ('lost')",
    );
    service.run(["reset-password", "--all-active"]).ends_with(3).tells("the passwords of 3 people").tells("--yes");
    let run = service.run(["reset-password", "--all-active", "--yes", "--format", "json"]);
    run.ends_with(6).tells("lost is left alone: it has no address");
    let users: Vec<_> = run.json()["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["user"].clone(), one["outcome"].clone()))
        .collect();
    assert_eq!(users, ["aroy", "broy", "droy"].map(|user| (user.into(), "done".into())));
    assert_eq!(service.rows(ended), ["aroy", "broy", "droy"]);
    // Never part of a plan; whoever is due is said there, in every format.
    service.0.sql("UPDATE credentials SET set_at = '2020-01-01T00:00:00Z' WHERE user_id = (SELECT id FROM users WHERE key = 'droy')");
    service.0.sql("DELETE FROM users WHERE key = 'lost'");
    let plan = service.plan();
    let due: Vec<_> = plan["passwords_due"].as_array().unwrap().iter().map(|one| one["user"].clone()).collect();
    assert_eq!(due, ["droy"]);
    assert_eq!(plan["passwords_due"][0]["due"], "2020-07-01T00:00:00Z");
    let shown = service.run(["plan"]);
    // Reset then, and whether another one was chosen since is not known.
    shown.ends_with(0).prints("droy has set no other password since 2020-01-01, as far as the store knows");
    shown.prints("another one was due on 2020-07-01");
    shown.prints("rollcall reset-password KEY");
    assert!(!service.ids().iter().any(|id| id.contains("password")));
    service.run(["reset-password", "droy", "--yes"]).ends_with(0);
    assert_eq!(service.plan()["passwords_due"], serde_json::json!([]));
}

#[test]
fn act_7_who_had_no_address_at_a_reset_of_all_is_named_until_it_is_done() {
    let service = service(&(user("broy", "user") + &user("croy", "user")));
    service.apply();
    // As if they had been there for long.
    service.0.sql("UPDATE users SET activated_at = '2020-01-01T00:00:00Z', created_at = '2020-01-01T00:00:00Z'");
    service.0.sql("UPDATE users SET email = NULL WHERE key = 'broy'");
    let all = ["reset-password", "--all-active", "--yes"];
    service.run(all).ends_with(6).tells("broy is left alone: it has no address");
    let run = service.run(["plan"]);
    run.ends_with(0).tells("has not reached 1 person: broy (no mail can go there)");
    run.tells("once they have an address, `rollcall reset-password --left-out` goes on");
    service.run(["reset-password", "--left-out", "--yes"]).ends_with(1).tells("broy is left alone: it has no address");
    service.0.sql("UPDATE users SET email = 'broy@example.com' WHERE key = 'broy'");
    service.run(["plan"]).ends_with(0).tells("has not reached 1 person: broy\n");
    service.run(all).ends_with(3).tells("--anew");
    let run = service.run(["reset-password", "--left-out", "--yes"]);
    run.ends_with(0).prints("broy: password reset");
    assert!(!run.out.contains("croy"), "{run}");
    assert!(!service.run(["plan"]).all().contains("has not reached"));
}

#[test]
fn act_8_accounts_are_made_up_to_the_number_of_the_licence() {
    let service =
        service_under("{ extends: actito, seats: { max: 2 } }", &(user("broy", "user") + &user("croy", "user")));
    assert_eq!(service.waits(), ["create_user croy seat"]);
    service.apply();
    // Whether a deactivated account counts is not stated: it does.
    service.declare("users:", "inactive: [broy]\nusers:");
    service.apply();
    assert_eq!(service.waits(), ["create_user croy seat"]);
}

#[test]
fn act_9_service_users_are_left_alone_and_reported() {
    let service = service("");
    service.apply();
    service.0.sql("INSERT INTO users (key, kind) VALUES ('api-1', 'service'); INSERT INTO users (key, kind) VALUES ('left', 'human');");
    assert_eq!(service.ids(), ["deactivate_user left"]);
    assert!(service.list("unmanaged").iter().any(|one| one["name"] == "api-1"));
    service.declare(
        "users:\n",
        &format!("users:\n{}", user("api-2", "user").replace("{ given", "{ kind: service, given")),
    );
    service.run(["plan"]).ends_with(3).tells("kind");
}

#[test]
fn act_9_a_live_service_user_is_left_alone_whatever_a_manifest_says_and_is_not_imported() {
    let service = service("");
    service.apply();
    service.0.sql("INSERT INTO users (key, kind, email) VALUES ('crm', 'service', 'crm@example.com')");
    let line = user("crm", "user");
    for users in
        [line.clone(), "  crm: { status: absent }\n".to_owned(), line.replace("{ given", "{ status: inactive, given")]
    {
        service.declare("users:\n", &format!("users:\n{users}"));
        assert_eq!(service.ids(), [""; 0], "{users}");
        assert!(service.list("unmanaged").iter().any(|one| one["name"] == "crm"), "{users}");
        service.declare(&users, "");
    }
    service.run(["import", "--out", "imported"]).ends_with(0).tells("crm");
    service.run(["--manifests", "imported", "plan"]).ends_with(0);
}

#[test]
fn act_9_no_command_touches_a_service_user_and_no_list_of_people_has_one() {
    let service = service("");
    service.apply();
    service.0.sql("INSERT INTO users (key, kind, email) VALUES ('crm', 'service', 'crm@example.com')");
    let before = service.rows("SELECT status || version FROM users WHERE key = 'crm'");
    for words in [["deactivate", "crm", "--yes"], ["reset-password", "crm", "--yes"]] {
        let run = service.run(words);
        assert_ne!(run.code, Some(0), "{run}");
        run.tells("is a service account, which is managed elsewhere");
    }
    let list = service.run(["export", "--format", "csv"]);
    list.ends_with(0).tells("left out: user crm is a service account");
    assert!(list.out.contains("aroy") && !list.out.contains("crm"), "{list}");
    service
        .run(["export", "--format", "xlsx", "--out", "sheets"])
        .ends_with(0)
        .tells("left out: user crm is a service");
    assert_eq!(service.rows("SELECT status || version FROM users WHERE key = 'crm'"), before);
    assert_eq!(service.rows("SELECT identity FROM lock_outs"), [""; 0]);
}

#[test]
fn act_10_accounts_are_searched_and_viewed() {
    let service = service(&user("broy", "{ role: user, sites: [solo] }"));
    service.apply();
    service.run(["explain", "broy"]).ends_with(0).prints("user").prints("solo");
    service.run(["explain", "bro"]).ends_with(0).prints("broy");
    // The profile is there to be looked at, and who is who where keys are only listed.
    let run = service.run(["explain", "broy"]);
    run.prints("broy@example.com").prints("attributes.sex").prints("given_name");
    service.0.sql("UPDATE users SET family_name = 'Leroy' WHERE key = 'broy'");
    service.run(["explain", "broy"]).prints("in the store: Leroy");
    for place in ["licence", "licence/solo"] {
        service.run(["explain", place]).ends_with(0).prints("broy (\"broy Roy\")");
    }
    let document = service.run(["explain", "licence", "--format", "json"]).ends_with(0).json();
    let holders = document["places"][0]["holders"].as_array().expect("holders");
    assert!(holders.iter().any(|holder| holder["user"] == "broy" && holder["name"] == "broy Roy"), "{holders:?}");
}
