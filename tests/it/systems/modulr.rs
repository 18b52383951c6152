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
const RULES: &str = "{ extends: modulr, seats: { max: 3 }, attributes: { clearance: { values: [low, mid, high] } } }";
const ADMIN: &str =
    "  aroy: { name: Ana Roy, attributes: { portfolio_scope: all }, access: { cabinet: administrator } }\n";

/// The line of a user of the whole portfolio.
fn user(login: &str, access: &str, more: &str) -> String {
    format!(
        "  {login}: {{ name: {login}, {more} attributes: {{ portfolio_scope: all }}, access: {{ cabinet: {access} }} }}\n"
    )
}

/// A store for three active accounts, with an administrator and these users.
fn service(users: &str) -> Service {
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
fn mod_3_a_deletion_falls_back_to_closing_an_account_that_was_used() {
    let service = service(&(user("broy", "guest", "") + &user("croy", "guest", "")));
    service.apply();
    service.0.sql("UPDATE users SET activated_at = NULL WHERE key = 'croy'");
    for login in ["broy", "croy"] {
        service.declare(&format!("{login}: {{"), &format!("{login}: {{ status: absent,"));
    }
    service.apply();
    let later = ["--format", "json", "--at", "2099-01-01T00:00:00Z"];
    let plan = service.run([&["plan"], &later[..]].concat()).ends_with(0).json();
    let ways: Vec<_> = plan["actions"].as_array().unwrap().iter().map(|one| (&one["id"], &one["else"])).collect();
    assert_eq!(format!("{ways:?}").matches("String(\"close_user\")").count(), 2, "{ways:?}");
    service.run(["apply", "--yes", "--at", "2099-01-01T00:00:00Z"]).ends_with(0);
    let left = "SELECT key || ' ' || status FROM users ORDER BY key";
    assert_eq!(service.rows(left), ["aroy active", "broy closed"]);
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
fn mod_8_raising_the_clearance_is_an_escalation() {
    let service = service(&user("broy", "guest", ""));
    service.apply();
    let line = |clearance: &str| {
        user("broy", "guest", "").replace("portfolio_scope: all", &format!("portfolio_scope: all{clearance}"))
    };
    for (from, to, risk) in [
        ("", ", clearance: low", "escalation"),
        (", clearance: low", ", clearance: high", "escalation"),
        (", clearance: high", ", clearance: mid", "removal"),
        (", clearance: mid", "", "removal"),
    ] {
        service.declare(&line(from), &line(to));
        assert_eq!(service.risks("change_access broy"), [risk], "{from} to {to}");
        service.apply();
    }
    service.declare(&line(""), &line(", clearance: top"));
    service.run(["plan"]).ends_with(3).tells("top");
}

#[test]
fn mod_9_restricted_documents_are_a_privilege() {
    let service = service(&user("broy", "guest", ""));
    service.apply();
    let line =
        |more: &str| user("broy", "guest", "").replace("portfolio_scope: all", &format!("portfolio_scope: all{more}"));
    let all = ", restricted_documents: [health, legal, staff]";
    service.declare(&line(""), &line(all));
    assert_eq!(service.risks("change_access broy"), ["escalation"]);
    service.apply();
    service.declare(&line(all), &line(""));
    assert_eq!(service.risks("change_access broy"), ["removal"]);
    service.apply();
}

#[test]
fn mod_10_widening_or_removing_the_portfolio_scope_is_an_escalation() {
    let service = service(&user("broy", "guest", "").replace("scope: all", "scope: [cars]"));
    service.apply();
    for (from, to, risk) in [
        ("scope: [cars]", "scope: [cars, homes]", "escalation"),
        ("scope: [cars, homes]", "scope: [homes]", "removal"),
        (
            "broy,  attributes: { portfolio_scope: [homes] }",
            "broy,  attributes: { portfolio_scope: all }",
            "escalation",
        ),
    ] {
        service.declare(from, to);
        assert_eq!(service.risks("change_access broy"), [risk], "{from} to {to}");
        service.apply();
    }
    // An empty one would mean everything: that has to be said in words.
    service.declare("broy,  attributes: { portfolio_scope: all }", "broy,  attributes: { portfolio_scope: [] }");
    service.run(["plan"]).ends_with(3).tells("portfolio_scope");
}

#[test]
fn mod_10_an_account_never_sees_more_than_is_declared_not_even_for_a_moment() {
    let narrow = user("broy", "guest", "").replace("scope: all", "scope: [cars], clearance: low");
    let service = service(&(narrow + &user("croy", "guest", "")));
    let created = service.action("create_user broy");
    assert_eq!(created["after"]["attributes"], serde_json::json!({ "portfolio_scope": ["cars"] }));
    // What an account lacks until it is given may follow; everything is what it has without any.
    assert!(service.ids().contains(&"change_access broy".to_owned()), "{:?}", service.ids());
    assert_eq!(service.action("create_user croy")["after"]["attributes"], serde_json::Value::Null);
    // A reader sees both, and the first mailbox beside what else the account is made with.
    let shown = service.run(["plan"]);
    shown.ends_with(0).prints("created: guest of cabinet, attributes.portfolio_scope cars");
    shown.prints("created: guest of cabinet, attributes.portfolio_scope everything");
    service.0.sql(
        "CREATE TRIGGER stop BEFORE INSERT ON user_attributes WHEN NEW.field = 'attributes.clearance'
         BEGIN SELECT RAISE(ABORT, 'stopped'); END",
    );
    // Every prefix of the plan holds: the account that is there is narrow.
    service.run(["apply", "--yes"]).ends_with(6).prints("stopped");
    let scope = "SELECT a.value FROM user_attributes a JOIN users u ON u.id = a.user_id WHERE u.key = 'broy'";
    assert_eq!(service.rows(scope), ["[\"cars\"]"]);
    service.0.sql("DROP TRIGGER stop");
    service.apply();
    assert_eq!(service.rows(scope), ["\"low\"", "[\"cars\"]"]);
}

#[test]
fn mod_11_two_factor_authentication_waits_for_the_enrolment_of_the_person() {
    let service = service(&user("broy", "guest", "mfa: true,"));
    service.apply();
    assert_eq!(service.rows("SELECT key FROM users WHERE mfa = 1"), [""; 0]);
    assert_eq!(service.waits(), ["update_user broy enrolment"]);
    service.run(["plan"]).ends_with(0).prints("broy has not enrolled yet");
    // Beside a change that is made.
    service.declare("mfa: true,", "mfa: true, job_title: Broker,");
    assert_eq!(service.ids(), ["update_user broy"]);
    service.apply();
    assert_eq!(service.rows("SELECT key FROM users WHERE mfa = 1"), [""; 0]);
    service.0.sql("UPDATE users SET mfa = 1 WHERE key = 'broy'");
    assert_eq!(service.waits(), [""; 0]);
    // Who has enrolled stays so.
    service.declare("mfa: true,", "mfa: false,");
    assert_eq!(service.ids(), [""; 0]);
}

#[test]
fn mod_12_every_route_of_the_api_has_to_be_asked_for_in_words() {
    let service = service(&user("broy", "guest", "api: { enabled: true, routes: [GET /clients/$] },"));
    assert!(service.risks("change_access broy").contains(&"escalation".to_owned()));
    service.apply();
    service.declare("[GET /clients/$]", "[]");
    service.run(["plan"]).ends_with(3).tells("routes");
    for (from, to, risk) in [
        ("[]", "[GET /clients/$, POST /clients]", "escalation"),
        ("[GET /clients/$, POST /clients]", "all", "escalation"),
        ("routes: all", "routes: [GET /clients/$]", "removal"),
    ] {
        service.declare(from, to);
        assert_eq!(service.risks("change_access broy"), [risk], "{from} to {to}");
        service.apply();
    }
}

#[test]
fn mod_12_turning_the_api_off_is_no_escalation_and_turning_it_on_no_removal() {
    let on = "api: { enabled: true, routes: [GET /clients/$] },";
    let service = service(&user("broy", "guest", on));
    assert_eq!(service.risks("change_access broy"), ["escalation"], "there were no routes while it was off");
    let run = service.run(["plan"]);
    run.ends_with(0).prints("api.enabled (none) → true, api.routes \"GET /clients/$\"");
    service.apply();
    service.declare(on, "");
    assert_eq!(service.risks("change_access broy"), ["removal"], "the list goes, and with it the way in");
    let run = service.run(["plan"]);
    run.ends_with(0).prints("1 loses access");
    assert!(!run.out.contains("everything"), "{run}");
    service.apply();
    service.declare("name: broy, ", "name: broy, api: { enabled: true, routes: all },");
    assert_eq!(service.risks("change_access broy"), ["escalation"]);
    service.apply();
}

#[test]
fn mod_12_a_route_is_one_line_and_is_never_empty() {
    let service = service("");
    for route in [r#""""#, r#"" ""#, r#""GET /x\nDELETE /clients""#, r#"" GET /x""#] {
        let api = user("broy", "guest", &format!("api: {{ enabled: true, routes: [{route}] }},"));
        service.declare("users:\n", &format!("users:\n{api}"));
        service.run(["validate"]).ends_with(3).tells("routes");
        service.declare(&api, "");
    }
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
