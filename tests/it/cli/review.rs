//! What a plan tells a reviewer who reads no YAML: who gets or keeps which power, by name and by value.

use serde_json::{Value, json};

use crate::support::cli::{Repository, Run};

const CATALOG: &str = "\
organizations:
  north: { sites: { p1: {}, p2: {}, p3: {} } }
  south: { sites: { s1: {} } }
roles:
  manager: { rank: 40, site_access: all, admin: true }
  operator: { rank: 20 }
  user: { rank: 10 }
";

fn settings(rules: &str, more: &str) -> String {
    format!(
        "version: 1\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {rules} }} }}\n\
         manage: {{ absent_users: deactivate }}\n{more}"
    )
}

/// The two organizations, with these users and rules; nothing is applied.
fn declared(rules: &str, more: &str, users: &str) -> Repository {
    let repository = Repository::empty();
    repository.write("rollcall.yaml", &settings(rules, more));
    repository.write("access/catalog.yaml", CATALOG);
    repository.write("access/users.yaml", users);
    repository.run(["init"]).ends_with(0);
    repository
}

/// Like [`declared`], applied, and everybody has accepted.
fn settled(rules: &str, more: &str, users: &str) -> Repository {
    let repository = declared(rules, more, users);
    repository.run(["apply", "--yes"]).ends_with(0);
    accept_all(&repository);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository
}

fn accept_all(repository: &Repository) {
    let list = "SELECT key FROM users WHERE status = 'invited' ORDER BY key";
    let keys: Vec<String> = {
        let store = repository.store();
        let mut rows = store.prepare(list).expect("a query");
        rows.query_map([], |row| row.get(0)).expect("rows").map(|key| key.expect("a key")).collect()
    };
    for key in keys {
        repository.run(["invitations", "accept", &key]).ends_with(0);
    }
}

fn plan(repository: &Repository) -> Run {
    repository.run(["plan"])
}

const ADM: &str = "  adm@example.com: { access: { north: manager, south: manager } }\n";

#[test]
fn an_escalation_that_waits_for_acceptance_is_named() {
    let users = format!("users:\n{ADM}  pend@example.com: {{ access: {{ north: user }} }}\n");
    let repository = declared("default", "", &users);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/users.yaml", "{ north: user }", "{ \"*\": manager }");
    plan(&repository)
        .ends_with(0)
        .prints("1 membership and 1 role change wait")
        .prints("waits: manager of north and south (escalation)\n")
        .prints("no changes");
    let document = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    let deferred: Vec<&Value> = document["deferred"].as_array().expect("a list").iter().collect();
    let pend: Vec<&&Value> = deferred.iter().filter(|entry| entry["user"] == "pend@example.com").collect();
    assert_eq!(pend.len(), 2, "{document:#}");
    for entry in pend {
        assert_eq!(entry["after"]["role"], "manager", "{entry:#}");
        assert_eq!((&entry["role"], &entry["risk"]), (&Value::Null, &json!(["escalation"])), "{entry:#}");
    }
}

#[test]
fn what_starts_later_is_named_also_where_less_is_there_today() {
    let users = format!(
        "users:\n{ADM}  new@example.com: {{ access: {{ north: {{ role: manager, starts: 2100-01-01 }} }} }}\n  \
         op@example.com: {{ teams: [later], access: {{ north: operator }} }}\nteams:\n  later: {{ access: {{ \
         north: {{ role: manager, starts: 2100-02-01 }} }} }}\n"
    );
    let repository = declared("default", "time_zone: Europe/Paris\n", &users);
    repository.run(["apply", "--yes"]).ends_with(0);
    let run = plan(&repository);
    run.prints("new@example.com starts 2100-01-01: ").prints("op@example.com starts 2100-02-01: 1 role change waits");
    assert_eq!(run.out.matches("waits: manager of north (escalation)").count(), 2, "{run}");
}

#[test]
fn a_later_role_of_lower_rank_that_never_takes_its_place_is_not_told() {
    let users = format!(
        "users:\n{ADM}  op@example.com: {{ teams: [later], access: {{ north: operator }} }}\nteams:\n  later: {{ access: {{ \
         north: {{ role: helper, starts: 2100-02-01 }} }} }}\n"
    );
    let repository = declared("default", "", &users);
    let helper = "  user: { rank: 10 }\n  helper: { rank: 5, includes: [manager] }\n";
    repository.edit("access/catalog.yaml", "  user: { rank: 10 }\n", helper);
    repository.run(["apply", "--yes"]).ends_with(0);
    let run = plan(&repository);
    assert!(!run.ends_with(0).out.contains("waiting"), "{run}");
}

#[test]
fn many_places_that_wait_are_folded_and_roles_never() {
    let mut catalog = "organizations:\n".to_owned();
    for index in 0..40 {
        catalog.push_str(&format!("  org-{index:02}: {{}}\n"));
    }
    let users = format!("{catalog}users:\n{ADM}  pend@example.com: {{ access: {{ north: user }} }}\n");
    let repository = declared("default", "", &users);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/users.yaml", "{ north: user }", "{ \"*\": manager }");
    plan(&repository).prints("waits: manager of north, org-00, org-01 and 39 more (escalation)");
    repository.run(["plan", "-v"]).prints("org-38, org-39 and south (escalation)");
}

const ATTRIBUTES: &str = "{ extends: default, attributes: { boss: { type: bool, access: true, admin: true }, clearance: \
                          { type: ordinal, values: [low, mid, high], access: true, empty: all } } }";

#[test]
fn an_invitation_names_access_fields() {
    let users = "users:\n  adm@example.com: { attributes: { clearance: all }, access: { north: manager, south: manager } }\n  \
         cal@example.com: { access: { north: operator }, api: { enabled: true, routes: all }, attributes: { boss: \
         true, clearance: all } }\n";
    // The secret of the API has to go somewhere.
    let repository = declared(ATTRIBUTES, "secrets: { sink: { file: .rollcall/secrets } }\n", users);
    plan(&repository).ends_with(0).prints(
        "! cal@example.com  invited: operator of north, api.enabled true, api.routes everything, attributes.boss true, \
         attributes.clearance everything",
    );
}

#[test]
fn an_admin_attribute_makes_an_invitation_an_escalation() {
    let users = "users:\n  adm@example.com: { attributes: { clearance: low }, access: { north: manager } }\n  \
                 cal@example.com: { access: { north: user }, attributes: { boss: true, clearance: low } }\n";
    let repository = declared(ATTRIBUTES, "", users);
    plan(&repository)
        .prints("! cal@example.com  invited: user of north, attributes.boss true, attributes.clearance low");
}

#[test]
fn an_invitation_names_the_address_where_the_key_is_a_login() {
    let users = "users:\n  cal: { email: elsewhere@example.com, access: { north: operator } }\n";
    let rules = "{ extends: default, identity: { key: login } }";
    let repository = declared(rules, "", users);
    plan(&repository).prints("+ cal            invited: operator of north, mails to elsewhere@example.com");
}

#[test]
fn values_that_matter_are_told_among_many_harmless_ones() {
    let rules = "{ extends: default, attributes: { a1: { type: text }, a2: { type: text }, a3: { type: text }, a4: { \
                 type: text }, z: { type: bool, access: true, admin: true } } }";
    let before = "attributes: { a1: x, a2: x, a3: x, a4: x }, given_name: A, family_name: B, mfa: true";
    let users = format!("users:\n{ADM}  bob@example.com: {{ {before}, access: {{ north: user }} }}\n");
    let repository = settled(rules, "", &users);
    let after = "attributes: { a1: y, a2: y, a3: y, a4: y, z: true }, given_name: C, family_name: D, mfa: false";
    repository.edit("access/users.yaml", before, after);
    let run = plan(&repository);
    run.ends_with(0)
        .prints("mfa true → false")
        .prints("attributes.z (none) → true")
        .prints("and 3 other fields change")
        .prints("1 account's address or two-factor authentication changes");
}

#[test]
fn a_redirected_address_is_no_quiet_change() {
    let rules = "{ extends: default, identity: { key: login } }";
    let users = "users:\n  bob: { email: bob@example.com, access: { north: user } }\n";
    let repository = settled(rules, "", users);
    repository.edit("access/users.yaml", "email: bob@example.com", "email: eve@example.com");
    plan(&repository)
        .prints("email bob@example.com → eve@example.com")
        .prints("people: nobody's access changes; 1 account's address or two-factor authentication changes\n");
}

#[test]
fn a_new_role_is_told_with_what_it_gives() {
    let users = format!("users:\n{ADM}  bob@example.com: {{ access: {{ north: user }} }}\n");
    let repository = settled("default", "", &users);
    repository.edit(
        "access/catalog.yaml",
        "  user: { rank: 10 }\n",
        "  user: { rank: 10 }\n  helper: { rank: 5, includes: [manager], permissions: [a, b] }\n",
    );
    repository.edit("access/users.yaml", "{ north: user }", "{ north: helper }");
    let run = plan(&repository);
    run.ends_with(0)
        .prints("role helper")
        .prints("new role: rank 5, includes manager, permissions a and b")
        .prints("! bob@example.com  user → helper")
        .prints("escalation");
    repository.edit("access/users.yaml", "users:\n", "users:\n  new@example.com: { access: { north: helper } }\n");
    plan(&repository).prints("! new@example.com  invited: helper of north");
}

#[test]
fn people_whose_access_is_left_to_others_are_listed() {
    let users = format!("users:\n{ADM}  bob@example.com: {{ access: {{ north: user }} }}\n");
    let repository = settled("default", "", &users);
    repository.edit("access/users.yaml", "{ north: user }", "unmanaged");
    plan(&repository)
        .prints("no changes")
        .prints("unmanaged  1 user, left as they are")
        .prints("user bob@example.com: a manifest leaves all of its access to others (`unmanaged`)");
    repository.edit("access/users.yaml", "access: unmanaged", "access: { north: { role: user, sites: unmanaged } }");
    plan(&repository).prints("user bob@example.com: a manifest leaves some of its access to others (`unmanaged`)");
}

#[test]
fn becoming_a_service_account_is_an_escalation() {
    let users = format!("users:\n{ADM}  bob@example.com: {{ access: {{ north: user }} }}\n");
    let repository = settled("default", "", &users);
    repository.edit("access/users.yaml", "bob@example.com: {", "bob@example.com: { kind: service,");
    let run = plan(&repository);
    run.prints("! bob@example.com  kind").prints("→ service").prints("escalation");
}

#[test]
fn patterns_that_protect_nearly_everybody_are_warned_about() {
    let users = format!("users:\n{ADM}  bob@example.com: {{ access: {{ north: user }} }}\n");
    for (pattern, told) in [
        ("*", Some("protects 2 of 2 people")),
        ("*@example.com", Some("protects 2 of 2 people")),
        ("adm*", Some("protects every admin")),
        ("bob*", None),
        ("adm@example.com", None),
    ] {
        let repository = settled("default", "", &users);
        repository.edit(
            "rollcall.yaml",
            "manage:",
            &format!("guards: {{ protected_users: [\"{pattern}\"] }}\nmanage:"),
        );
        let run = plan(&repository);
        match told {
            Some(told) => drop(run.tells("warning[protects-most]").tells(told)),
            None => assert!(!run.err.contains("protects-most"), "{run}"),
        }
    }
}

#[test]
fn the_organizations_without_an_admin_are_named() {
    let users = format!("users:\n{ADM}  bob@example.com: {{ access: {{ north: user }} }}\n");
    let repository = settled("default", "guards: { removals: { max_percent: 100 } }\n", &users);
    repository.edit("access/users.yaml", ADM, "");
    plan(&repository)
        .prints("north and south would be left with too few admins without adm@example.com (1 admin missing)");
}

#[test]
fn what_was_never_declared_is_told_as_not_declared() {
    let repository = settled("default", "guards: { removals: { max_percent: 100 } }\n", &format!("users:\n{ADM}"));
    repository.sql("INSERT INTO users (key) VALUES ('hand@example.com')");
    let run = plan(&repository);
    run.prints("- hand@example.com  deactivated").prints("not declared");
    assert!(!run.out.contains("no longer"), "{run}");
}

#[test]
fn a_deletion_that_waits_names_what_and_because_of_whom() {
    let users = format!("users:\n{ADM}  bob@example.com: {{ access: {{ north: {{ role: user, sites: [p1] }} }} }}\n");
    let repository = settled("default", "guards: { deletions: { max_count: 9 } }\n", &users);
    repository.edit("access/catalog.yaml", "p1: {}", "p1: { status: absent }");
    repository.edit("access/users.yaml", "access: { north: { role: user, sites: [p1] } }", "access: unmanaged");
    plan(&repository)
        .prints("bob@example.com still depends on what shall be deleted, and keep")
        .prints("waits: deletion of site north/p1");
}

#[test]
fn a_lock_out_by_an_operator_is_told_as_one() {
    let users = format!("users:\n{ADM}  pen@example.com: {{ access: {{ north: user }} }}\n");
    let repository = declared("default", "", &users);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["deactivate", "pen@example.com", "--yes"]).ends_with(0);
    plan(&repository).prints(
        "pen@example.com was locked out, or had the invitation cancelled, by an operator; only `status: active` lets the person in again: 1 \
         invitation waits",
    );
}

#[test]
fn a_role_that_is_protected_with_its_holder_names_the_holder() {
    let users = format!("users:\n{ADM}  bob@example.com: {{ access: {{ north: operator }} }}\n");
    let repository = settled("default", "guards: { protected_users: [bob@example.com] }\n", &users);
    accept_all(&repository);
    repository.sql(
        "INSERT INTO users (key) VALUES ('bob@example.com'); INSERT INTO memberships (user_id, organization_id, role_id) \
         SELECT users.id, organizations.id, roles.id FROM users, organizations, roles WHERE users.key = \
         'bob@example.com' AND organizations.name = 'north' AND roles.name = 'operator'",
    );
    repository.edit("access/catalog.yaml", "operator: { rank: 20 }", "operator: { rank: 15 }");
    plan(&repository)
        .prints("role operator is held by bob@example.com, protected by the settings, and is not made less");
}

#[test]
fn a_deletion_that_waits_for_its_grace_says_until_when() {
    let users = format!("users:\n{ADM}  bob@example.com: {{ access: {{ north: user }} }}\n");
    let repository = settled(
        "default",
        "time_zone: Europe/Paris\nguards: { deletions: { max_count: 9 }, removals: { max_percent: 100 } }\n",
        &users,
    );
    repository.edit(
        "access/users.yaml",
        "bob@example.com: { access: { north: user } }",
        "bob@example.com: { status: absent }",
    );
    repository.sql(
        "UPDATE users SET status = 'inactive', deactivated_at = '2026-11-20T08:00:00Z' WHERE key = 'bob@example.com'",
    );
    repository
        .run(["plan", "--at", "2026-11-22T09:00:00Z"])
        .prints("bob@example.com was deactivated 2 days ago, and is not deleted before 2026-12-20 09:00 CET");
}

#[test]
fn a_deletion_after_a_strip_says_stripped() {
    let users = format!("users:\n{ADM}  bob@example.com: {{ access: {{ north: user }} }}\n");
    let settings = "guards: { deletions: { max_count: 9 }, removals: { max_percent: 100 } }\n";
    let repository = settled("{ extends: default, offboarding: [strip, delete] }", settings, &users);
    let bob = "bob@example.com: { access: { north: user } }";
    repository.edit("access/users.yaml", bob, "bob@example.com: { status: inactive }");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/users.yaml", "status: inactive", "status: absent");
    let run = repository.run(["plan"]);
    run.ends_with(0).prints("bob@example.com was stripped of all access just now, and is not deleted before");
    assert!(!run.out.contains("deactivated"), "{run}");
}

#[test]
fn a_field_that_lacks_is_named() {
    let rules =
        "{ extends: default, fields: { given_name: { required: onboarding }, phone: { required: onboarding } } }";
    let users = "users:\n  bob@example.com: { phone: \"+49 30 901820\", access: { north: user } }\n";
    let repository = declared(rules, "", users);
    plan(&repository).prints("bob@example.com lacks `given_name`, which the store demands");
}

#[test]
fn explain_tells_both_ways_to_a_site_and_the_line_of_extra_roles() {
    let catalog = "  auditor: { applies_to: [extra] }\n  read: { rank: 1, applies_to: [site] }\n";
    let users = "users:\n  adm@example.com:\n    access:\n      north: { role: manager, sites: { p1: read } }\n      \
                 south: { role: manager, extra_roles: [auditor] }\n";
    let repository = declared("{ extends: default, sites: { roles: true } }", "", users);
    repository.edit("access/catalog.yaml", "  user: { rank: 10 }\n", &format!("  user: {{ rank: 10 }}\n{catalog}"));
    repository
        .run(["explain", "north/p1"])
        .ends_with(0)
        .prints("adm@example.com   read; manager, every site (3), by membership")
        .prints("  manager  own access");
    let document = repository.run(["explain", "north/p1", "--format", "json"]).ends_with(0).json();
    assert_eq!(document["places"][0]["holders"][0]["membership"]["declared"]["role"], "manager", "{document:#}");
    repository.run(["explain", "adm@example.com"]).prints("manager with auditor  own access  access/users.yaml:5");
    let document = repository.run(["explain", "adm@example.com", "--format", "json"]).json();
    assert_eq!(document["users"][0]["access"][2]["because"][0]["extra_roles"], json!(["auditor"]), "{document:#}");
}

#[test]
fn deactivating_the_last_admin_warns_and_is_done() {
    let users = format!("users:\n{ADM}  bob@example.com: {{ access: {{ north: manager }} }}\n");
    let repository = settled("default", "", &users);
    repository
        .run(["deactivate", "adm@example.com", "--yes"])
        .ends_with(0)
        .tells("adm@example.com is the last active admin of south: nobody is left to administer users there")
        .prints("adm@example.com: deactivated");
    let run = repository.run(["deactivate", "bob@example.com", "--yes"]);
    run.ends_with(0).tells("bob@example.com is the last active admin of north:");
    let none = settled("default", "", &users);
    let run = none.run(["deactivate", "bob@example.com", "--yes"]);
    assert!(!run.ends_with(0).err.contains("last active admin"), "{run}");
}

#[test]
fn a_guard_that_refuses_below_its_limit_says_why() {
    let users = format!("users:\n{ADM}  bob@example.com: {{ access: {{ north: user }} }}\n");
    let more = "guards: { min_admins: 0, removals: { max_percent: 100 } }\n";
    let repository = settled("default", more, &users);
    repository.write("access/users.yaml", "users:\n  new@example.com: { access: { north: user } }\n");
    let run = plan(&repository);
    run.ends_with(4).prints("removals 2 of 2   REFUSED: nobody active would be left");
}

#[test]
fn a_refused_share_is_told_as_configured() {
    let mut users = format!("users:\n{ADM}");
    for index in 0..41 {
        users.push_str(&format!("  user-{index:02}@example.com: {{ access: {{ north: user }} }}\n"));
    }
    let repository = settled("default", "", &users);
    repository
        .write("access/users.yaml", &format!("users:\n{ADM}  user-00@example.com: {{ access: {{ north: user }} }}\n"));
    plan(&repository).ends_with(4).prints("at most 10 (25 %) may go at once");
}

#[test]
fn empty_is_told_as_everything_where_it_means_that() {
    let users = "users:\n  adm@example.com: { attributes: { clearance: all }, access: { north: manager, south: manager } }\n  \
                 ben@example.com: { attributes: { clearance: all }, access: { north: user } }\n";
    let repository = settled(ATTRIBUTES, "", users);
    repository.edit(
        "access/users.yaml",
        "ben@example.com: { attributes: { clearance: all }",
        "ben@example.com: { attributes: { clearance: mid }",
    );
    plan(&repository).prints("- ben@example.com  attributes.clearance everything → mid");
}

#[test]
fn days_are_told_in_the_zone_of_the_settings() {
    let users = format!("users:\n{ADM}  bob@example.com: {{ expires: 2026-12-01, access: {{ north: user }} }}\n");
    let repository = declared("default", "time_zone: Asia/Tokyo\n", &users);
    repository.run(["apply", "--yes", "--at", "2026-11-20T00:00:00Z"]).ends_with(0);
    repository
        .run(["plan", "--at", "2026-11-22T09:00:00Z"])
        .prints("bob@example.com loses the account at the end of 2026-12-01 (");
    repository
        .run(["explain", "bob@example.com", "--at", "2026-11-22T09:00:00Z"])
        .prints("until the end of 2026-12-01");
}

#[test]
fn moments_are_told_in_seconds() {
    let users = format!("users:\n{ADM}  bob@example.com: {{ expires: 2100-12-01, access: {{ north: user }} }}\n");
    let repository = declared("default", "", &users);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/users.yaml", "{ north: user }", "{ north: manager }");
    repository.sql("UPDATE invitations SET sent = substr(sent, 1, 19) || '.123456789Z'");
    let document = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    let deferred = document["deferred"].as_array().expect("a list");
    assert!(deferred.iter().any(|entry| entry["since"].is_string()), "{document:#}");
    let moments = deferred.iter().map(|entry| &entry["since"]).chain([&document["basis"]["at"]]);
    for moment in moments.filter_map(Value::as_str) {
        assert!(!moment.contains('.'), "{moment}");
    }
}

#[test]
fn a_first_platform_role_is_an_addition() {
    let rules = "default";
    let users = format!("users:\n{ADM}  bob@example.com: {{ access: {{ north: user }} }}\n");
    let repository = declared(rules, "", &users);
    repository.edit(
        "access/catalog.yaml",
        "  user: { rank: 10 }\n",
        "  user: { rank: 10 }\n  support: { rank: 1, applies_to: [platform] }\n",
    );
    repository.run(["apply", "--yes"]).ends_with(0);
    accept_all(&repository);
    repository.edit("access/users.yaml", "bob@example.com: {", "bob@example.com: { role: support,");
    plan(&repository).prints("+ bob@example.com  platform role no role → support");
}

#[test]
fn what_a_site_reaches_goes_with_the_line_that_said_so_and_by_hand_it_is_taken_away() {
    let repository = Repository::applied();
    for user in ["ana", "ben"] {
        repository.run(["invitations", "accept", &format!("{user}@example.com")]).ends_with(0);
    }
    repository.sql("UPDATE sites SET includes = '[\"pit-2\"]' WHERE name = 'pit-1'");
    let plan = repository.run(["plan"]);
    plan.ends_with(0).prints("pit-1").prints("includes").prints("1 loses");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository.edit("access/all.yaml", "pit-1: {}", "pit-1: { includes: [pit-2] }");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "pit-1: { includes: [pit-2] }", "pit-1: {}");
    repository.run(["plan"]).ends_with(0).prints("1 action: 1 site changed");
}

#[test]
fn whom_the_settings_shield_is_named_among_many_that_are_left_alone() {
    let repository = Repository::applied();
    for bot in 'a'..='n' {
        repository.sql(&format!("INSERT INTO users (key, kind) VALUES ('bot-{bot}@example.com', 'service')"));
    }
    repository.sql("INSERT INTO users (key) VALUES ('mallory@example.com')");
    let settings = repository.read("rollcall.yaml");
    repository.write("rollcall.yaml", &format!("{settings}guards: {{ protected_users: [\"mal*\"] }}\n"));
    repository
        .run(["plan"])
        .ends_with(0)
        .prints("user mallory@example.com: protected by the settings")
        .prints("more (use -v");
}
