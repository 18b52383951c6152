//! Modulr Courtage: insurance brokers.

use super::Service;

const CATALOG: &str = "\
organizations:
  cabinet:
    sites:
      contact-box: { kind: mailbox }
      claims-box: { kind: mailbox }
      agenda: { kind: calendar }
";
pub(super) const RULES: &str =
    "{ extends: modulr, seats: { max: 3 }, attributes: { clearance: { values: [low, mid, high] } } }";
const ADMIN: &str =
    "  aroy: { name: Ana Roy, attributes: { portfolio_scope: all }, access: { cabinet: administrator } }\n";

/// The line of a user of the whole portfolio.
pub(super) fn user(login: &str, access: &str, more: &str) -> String {
    format!(
        "  {login}: {{ name: {login}, {more} attributes: {{ portfolio_scope: all }}, access: {{ cabinet: {access} }} }}\n"
    )
}

/// A store for three active accounts, with an administrator and these users.
pub(super) fn service(users: &str) -> Service {
    Service::new(RULES, &format!("{CATALOG}users:\n{ADMIN}{users}"))
}

/// Sets the account that rollcall itself uses.
fn own_account(service: &Service, key: &str) {
    service.0.edit("rollcall.yaml", "guards: {", &format!("guards: {{ self: {key},"));
}

#[test]
fn mod_1_deactivations_free_seats_and_a_plan_says_how_many_are_missing() {
    let service = service(&["broy", "croy", "droy", "eroy"].map(|login| user(login, "guest", "")).concat());
    let waiting = service.list("deferred");
    let shortfalls: Vec<_> = waiting.iter().map(|one| (one["user"].clone(), one["shortfall"].clone())).collect();
    assert_eq!(waiting.len(), 2, "{shortfalls:?}");
    assert!(waiting.iter().all(|one| one["waits_for"] == "seat" && one["shortfall"] == 2), "{shortfalls:?}");
    service.run(["plan"]).ends_with(0).prints("2 seats missing");
    service.apply();
    // Deactivated accounts do not count, and go first.
    service.declare("users:", "inactive: [broy]\nusers:");
    let ids = service.ids();
    assert_eq!(ids.first().map(String::as_str), Some("deactivate_user broy"), "{ids:?}");
    assert!(ids.contains(&"create_user droy".to_owned()), "{ids:?}");
    assert_eq!(service.action("create_user droy")["needs"], serde_json::json!(["deactivate_user broy"]));
    service.apply();
    assert_eq!(service.rows("SELECT key FROM users WHERE status = 'active' ORDER BY key"), ["aroy", "croy", "droy"]);
}

#[test]
fn mod_2_nobody_deactivates_their_own_account() {
    let service = service(&user("broy", "administrator", ""));
    service.apply();
    own_account(&service, "aroy");
    service.declare("users:", "inactive: [aroy]\nusers:");
    assert_eq!(service.waits(), ["deactivate_user aroy self"]);
    assert_eq!(service.ids(), [""; 0]);
}

#[test]
fn mod_2_a_plan_that_deactivates_asks_which_account_acts() {
    let service = service(&user("broy", "guest", ""));
    service.apply();
    assert!(!service.run(["plan"]).all().contains("guards.self"));
    service.declare("users:", "inactive: [broy]\nusers:");
    service.run(["plan"]).ends_with(0).tells("`guards.self` is not set, and this store refuses `deactivate_user`");
    own_account(&service, "none");
    assert!(!service.run(["plan"]).all().contains("guards.self"));
}

#[test]
fn mod_3_a_deletion_falls_back_to_closing_an_account_that_was_used() {
    let service = service(&(user("broy", "guest", "") + &user("croy", "guest", "")));
    service.apply();
    // Whoever still has the first password has never been in; ben has chosen another one.
    service.0.sql("UPDATE credentials SET must_change = 0 WHERE user_id = (SELECT id FROM users WHERE key = 'broy')");
    for login in ["broy", "croy"] {
        service.declare(&format!("{login}: {{"), &format!("{login}: {{ status: absent,"));
    }
    service.apply();
    let later = ["--format", "json", "--at", "2099-01-01T00:00:00Z"];
    let plan = service.run([&["plan"], &later[..]].concat()).ends_with(0).json();
    let ways: Vec<_> = plan["actions"].as_array().unwrap().iter().map(|one| (&one["id"], &one["else"])).collect();
    assert_eq!(format!("{ways:?}").matches("String(\"close_user\")").count(), 2, "{ways:?}");
    let applied = service.run(["apply", "--yes", "--at", "2099-01-01T00:00:00Z"]);
    applied.ends_with(0).prints("done: closed, since an account that was used can't be deleted\n  broy");
    let left = "SELECT key || ' ' || status FROM users ORDER BY key";
    assert_eq!(service.rows(left), ["aroy active", "broy closed"]);
}

#[test]
fn mod_3_an_account_with_another_password_since_or_with_the_api_counts_as_used() {
    let api = "api: { enabled: true, routes: all },";
    let service = service(&(user("broy", "guest", "") + &user("croy", "guest", api)));
    service.apply();
    service.0.sql("UPDATE users SET created_at = '2020-01-01T00:00:00Z', activated_at = '2020-01-01T00:00:00Z'");
    for login in ["broy", "croy"] {
        service.declare(&format!("{login}: {{"), &format!("{login}: {{ status: absent,"));
    }
    service.apply();
    service.run(["apply", "--yes", "--at", "2099-01-01T00:00:00Z"]).ends_with(0);
    let left = "SELECT key || ' ' || status FROM users ORDER BY key";
    assert_eq!(service.rows(left), ["aroy active", "broy closed", "croy closed"]);
}

#[test]
fn mod_4_a_key_that_differs_only_by_case_makes_no_second_account() {
    let service = service(&user("broy", "guest", ""));
    service.apply();
    service.declare("  broy: {", "  BRoy: {");
    service.run(["plan"]).ends_with(3).tells("`BRoy` and the live account `broy` differ only by case");
    service.run(["apply", "--yes"]).ends_with(3);
    assert_eq!(service.rows("SELECT key FROM users ORDER BY key"), ["aroy", "broy"]);
    // A rename says that it is the same person.
    service.declare("  BRoy: {", "  BRoy: { previously: broy,");
    service.apply();
    assert_eq!(service.rows("SELECT key FROM users ORDER BY key"), ["BRoy", "aroy"]);
    service.declare("  BRoy: { previously: broy,", "  bpetit: { previously: BROY,");
    service.run(["plan"]).ends_with(3).tells("`BROY` and the live account `BRoy` differ only by case");
    service.declare("  bpetit: { previously: BROY,", "  BRoy: { previously: broy,");
    // Where case counts by the rules, it is told.
    service.0.edit("rollcall.yaml", "extends: modulr,", "extends: modulr, identity: { case: sensitive },");
    service.declare("  BRoy: { previously: broy,", "  bRoy: {");
    service.run(["plan"]).ends_with(0).tells("`bRoy` and the live account `BRoy` differ only by case");
}

#[test]
fn mod_4_a_leaver_in_another_case_is_no_leaver_whom_nobody_knows() {
    let service = service(&(user("broy", "guest", "") + &user("croy", "guest", "")));
    service.apply();
    service.declare("users:", "inactive: [BROY]\nusers:");
    for command in ["validate", "plan"] {
        service.run([command]).ends_with(3).tells("`BROY` under `inactive` and the declared key `broy`");
    }
    // Somebody who is live and declared by nobody is found as well.
    service.declare("inactive: [BROY]", "inactive: [CROY]");
    service.declare(&user("croy", "guest", ""), "");
    service.run(["plan"]).ends_with(3).tells("`CROY` and the live account `croy` differ only by case");
    service.declare("inactive: [CROY]", "inactive: [croy]");
    service.apply();
    assert_eq!(service.rows("SELECT key FROM users WHERE status = 'inactive'"), ["croy"]);
}

#[test]
fn mod_4_the_own_account_in_another_case_is_an_error() {
    let service = service(&user("broy", "administrator", ""));
    service.apply();
    own_account(&service, "ARoy");
    service.declare("users:", "inactive: [aroy]\nusers:");
    service.run(["plan"]).ends_with(3).tells("`guards.self` has `ARoy`, which differs from `aroy` only by case");
    service.0.edit("rollcall.yaml", "self: ARoy,", "self: none, protected_users: [AROY],");
    service.run(["plan"]).ends_with(3).tells("`guards.protected_users` has `AROY`");
}

#[test]
fn mod_4_the_way_around_locks_out_nobody_with_a_like_key() {
    let service = service(&user("broy", "guest", ""));
    service.apply();
    service.0.sql("INSERT INTO users (key) VALUES ('BROY')");
    let settings = service.0.read("rollcall.yaml");
    service.0.write("rollcall.yaml", "version: 7\n");
    let run = service.run(["deactivate", "broy", "--yes"]);
    run.ends_with(3);
    let statement = run.err.split('"').nth(1).expect("a statement").to_owned();
    service.0.write("rollcall.yaml", &settings);
    service.0.sql(&statement.replace("SELECT changes();", ""));
    assert_eq!(service.rows("SELECT key FROM users WHERE status = 'inactive'"), ["broy"]);
}

#[test]
fn mod_4_a_first_password_has_two_kinds_of_characters_and_is_changed_at_the_next_log_in() {
    let service = service(&user("broy", "guest", ""));
    service.apply();
    let secrets = service.secrets();
    assert_eq!(secrets.len(), 2);
    for (user, kind, secret) in &secrets {
        let has = |is_kind: fn(&char) -> bool| secret.chars().any(|c| is_kind(&c));
        let kinds = [has(char::is_ascii_lowercase), has(char::is_ascii_uppercase), has(char::is_ascii_digit)];
        assert!(secret.len() >= 20 && kinds.iter().filter(|&&is_there| is_there).count() >= 2, "{user} {kind}");
    }
    let forced = "SELECT u.key || ' ' || c.must_change FROM credentials c JOIN users u ON u.id = c.user_id ORDER BY 1";
    assert_eq!(service.rows(forced), ["aroy 1", "broy 1"]);
    // An update leaves the password as it is.
    let kept = service.rows("SELECT verifier FROM credentials ORDER BY user_id");
    service.declare("name: broy,", "name: Ben Roy,");
    service.apply();
    assert_eq!(service.rows("SELECT verifier FROM credentials ORDER BY user_id"), kept);
    assert_eq!(service.secrets(), secrets);
    // The login can be changed, and the password stays with the account.
    service.declare("  broy: {", "  bpetit: { previously: broy,");
    service.apply();
    assert_eq!(service.rows("SELECT verifier FROM credentials ORDER BY user_id"), kept);
    // The rules of an installation may ask for more.
    let longer = RULES.replace("extends: modulr,", "extends: modulr, password: { min_length: 40 },");
    let service = Service::new(&longer, &format!("{CATALOG}users:\n{ADMIN}"));
    service.apply();
    assert_eq!(service.secrets()[0].2.len(), 40);
}

#[test]
fn mod_5_the_optional_fields_are_written_and_the_full_name_is_required() {
    let more = "job_title: Broker, department: Claims, email: broy@example.com, phone: '+33155501001',";
    let service = service(&user("broy", "guest", more));
    service.apply();
    let fields = "SELECT job_title || ' ' || department || ' ' || email || ' ' || phone FROM users WHERE key = 'broy'";
    assert_eq!(service.rows(fields), ["Broker Claims broy@example.com +33155501001"]);
    service.declare("users:", "users:\n  croy: { attributes: { portfolio_scope: all }, access: { cabinet: guest } }");
    let run = service.run(["plan"]);
    run.ends_with(0);
    assert_eq!(service.waits(), ["create_user croy field"]);
}

#[test]
fn mod_6_home_units_are_no_access() {
    let service = service(&user("broy", "guest", "home: { company: North, agency: Lille },"));
    service.apply();
    assert_eq!(
        service.rows("SELECT field || ' ' || value FROM user_attributes WHERE field LIKE 'home.%' ORDER BY field"),
        ["home.agency \"Lille\"", "home.company \"North\""]
    );
    service.declare("agency: Lille", "agency: Arras");
    assert_eq!(service.ids(), ["update_user broy"]);
    assert!(!service.risks("update_user broy").contains(&"escalation".to_owned()));
    service.declare("agency: Arras", "region: Arras");
    service.run(["plan"]).ends_with(3).tells("region");
}

#[test]
fn mod_7_profiles_are_a_ladder_to_which_others_can_be_added() {
    let service = service(&user("broy", "guest", ""));
    service.apply();
    for (from, to, risk) in
        [("guest", "user", "escalation"), ("user", "manager", "escalation"), ("manager", "user", "removal")]
    {
        service.declare(&user("broy", from, ""), &user("broy", to, ""));
        let risks = service.risks("change_role broy cabinet");
        assert!(
            risks.contains(&risk.to_owned())
                && !(risks.contains(&"escalation".to_owned()) && risks.contains(&"removal".to_owned())),
            "{risks:?}"
        );
        service.apply();
    }
    service.declare("organizations:", "roles: { trainee: { rank: 5, applies_to: [organization] } }\norganizations:");
    service.declare(&user("broy", "user", ""), &user("broy", "trainee", ""));
    service.apply();
    service.declare("trainee: {", "administrator: { rank: 1 }, trainee: {");
    service.run(["plan"]).ends_with(3).tells("`administrator`");
    service.declare("administrator: { rank: 1 }, ", "administrator: { status: absent }, ");
    service.run(["plan"]).ends_with(3).tells("`administrator`");
    service.declare("administrator: { status: absent }, ", "");
}

#[test]
fn mod_7_what_the_first_three_profiles_may_do_can_be_changed_and_they_can_be_deleted() {
    let service = service(&(user("broy", "guest", "") + &user("croy", "manager", "")));
    service.apply();
    // Who has the profile can do more then.
    service.declare("organizations:", "roles: { guest: { rank: 25, applies_to: [organization] } }\norganizations:");
    assert_eq!(service.ids(), ["update_role guest"]);
    assert_eq!(service.risks("update_role guest"), ["escalation"]);
    service.apply();
    assert_eq!(service.rows("SELECT name || ' ' || rank FROM roles WHERE name = 'guest'"), ["guest 25"]);
    service.declare(&user("broy", "guest", ""), &user("broy", "user", ""));
    assert_eq!(service.risks("change_role broy cabinet"), ["removal"], "guests are above users here");
    service.declare(&user("broy", "user", ""), &user("broy", "guest", ""));
    // An import writes what was changed, and nothing of what is as the vendor brings it.
    service.run(["import", "--out", "written"]).ends_with(0);
    let written = service.0.read("written/roles.yaml");
    assert!(written.contains("guest") && written.contains("25") && !written.contains("manager"), "{written}");
    service.run(["plan", "--manifests", "written"]).ends_with(0).prints("no changes");
    // Nobody has a deleted one, and it can't be given any more.
    service.declare("guest: { rank: 25, applies_to: [organization] }", "guest: { status: absent }");
    service.run(["plan"]).ends_with(3).tells("guest");
    service.declare(&user("broy", "guest", ""), &user("broy", "user", ""));
    service.apply();
    assert_eq!(service.rows("SELECT name FROM roles WHERE name = 'guest'"), [""; 0]);
}

#[test]
fn mod_7_no_profile_is_above_the_one_that_keeps_every_right() {
    let service = service(&user("broy", "administrator", ""));
    service.apply();
    service.declare("organizations:", "roles: { owner: { rank: 41, applies_to: [organization] } }\norganizations:");
    service.run(["validate"]).ends_with(3).tells("`owner` ranks above `administrator`");
    // One that somebody made in the store is no more than that either, and nobody is managed by it.
    service.declare("roles: { owner: { rank: 41, applies_to: [organization] } }\n", "");
    service.0.sql(
        "INSERT INTO roles (name, rank, admin, applies_to) VALUES ('owner', 50, 1, '[\"organization\"]');
         UPDATE memberships SET role_id = (SELECT id FROM roles WHERE name = 'owner')
         WHERE user_id = (SELECT id FROM users WHERE key = 'broy')",
    );
    assert!(service.risks("change_role broy cabinet").contains(&"escalation".to_owned()));
    service.run(["import", "--out", "written"]).ends_with(0);
    service.run(["plan", "--manifests", "written"]).ends_with(0).prints("no changes");
}

#[test]
fn mod_7_a_profile_that_is_declared_absent_and_was_never_given_is_told() {
    let service = service("");
    service.apply();
    service.declare("organizations:", "roles: { guest: { status: absent } }\norganizations:");
    assert_eq!(service.ids(), [""; 0]);
    let told = service.list("unmanaged");
    assert!(told.iter().any(|one| one["kind"] == "role" && one["name"] == "guest"), "{told:?}");
    let reason = told[0]["reason"].as_str().unwrap();
    assert!(reason.contains("declared absent and not in the store"), "{reason}");
}

#[test]
fn mod_13_an_api_secret_is_handed_over_once_and_turning_the_api_off_and_on_makes_another_one() {
    let service = service(&user("broy", "guest", "api: { enabled: true, routes: all },"));
    service.apply();
    let of_api = || service.secrets().into_iter().filter(|(_, kind, _)| kind == "api").collect::<Vec<_>>();
    let first = of_api();
    assert_eq!(first.iter().map(|(user, _, _)| user.as_str()).collect::<Vec<_>>(), ["broy"]);
    service.declare("routes: all", "routes: [GET /clients/$]");
    service.apply();
    assert_eq!(of_api(), first, "other routes leave the secret as it is");
    service.declare("api: { enabled: true, routes: [GET /clients/$] }", "api: { enabled: false }");
    service.apply();
    assert_eq!(service.rows("SELECT verifier FROM credentials WHERE kind = 'api'"), [""; 0]);
    service.declare("api: { enabled: false }", "api: { enabled: true, routes: all }");
    service.apply();
    let both = of_api();
    assert!(both.len() == 2 && both[0] == first[0] && both[1].2 != first[0].2);
    let journal = service.0.read(".rollcall/journal-local.jsonl");
    let shown = service.run(["plan", "-v"]).all() + &service.run(["explain", "broy"]).all() + &journal;
    assert!(service.secrets().iter().all(|(_, _, secret)| !shown.contains(secret)));
}

#[test]
fn mod_14_one_mailbox_of_several_is_the_default_one() {
    let service = service(&user("broy", "{ role: guest, sites: [contact-box, claims-box] }", ""));
    service.run(["plan"]).ends_with(3).tells("needs a default site among its 2");
    service.declare("claims-box] }", "claims-box, agenda], default_site: agenda }");
    service.run(["plan"]).ends_with(3).tells("`agenda` can't be a default site");
    service.declare("default_site: agenda", "default_site: claims-box");
    service.run(["plan"]).ends_with(0).prints("everything; default site (none) → claims-box");
    service.apply();
    let held = "SELECT s.name FROM memberships m JOIN sites s ON s.id = m.default_site_id";
    assert_eq!(service.rows(held), ["claims-box"]);
    service.declare("default_site: claims-box", "default_site: contact-box");
    service.apply();
    assert_eq!(service.rows(held), ["contact-box"]);
    // A calendar alone has no mailbox that could be the default one.
    service.declare("[contact-box, claims-box, agenda], default_site: contact-box", "[agenda]");
    service.apply();
    assert_eq!(service.rows(held), [""; 0]);
}

#[test]
fn mod_14_who_has_no_mailbox_has_no_default_one_and_that_is_told() {
    let service = service(&user("broy", "{ role: guest, sites: [agenda] }", ""));
    let told = "no mailbox in `cabinet`, so no default one";
    service.run(["validate"]).ends_with(0).tells(told);
    service.declare("sites: [agenda]", "sites: [agenda, contact-box], default_site: contact-box");
    service.declare("cabinet: administrator", "cabinet: { role: administrator, sites: unmanaged }");
    assert!(!service.run(["validate"]).all().contains(told));
    // Who leaves needs none.
    service.declare("sites: [agenda, contact-box], default_site: contact-box", "sites: [agenda]");
    service.declare("broy: {", "broy: { status: inactive,");
    assert!(!service.run(["validate"]).all().contains(told));
}

#[test]
fn mod_15_nobody_is_reactivated_at_the_limit_of_seats() {
    let service = service(&["broy", "croy"].map(|login| user(login, "guest", "")).concat());
    service.apply();
    service.declare("users:", "inactive: [broy]\nusers:");
    service.declare(&user("croy", "guest", ""), &(user("croy", "guest", "") + &user("droy", "guest", "")));
    service.apply();
    service.declare("inactive: [broy]\n", "");
    service.declare("broy: {", "broy: { status: active,");
    assert_eq!(service.waits(), ["reactivate_user broy seat"]);
    service.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(service.rows("SELECT status FROM users WHERE key = 'broy'"), ["inactive"]);
}
