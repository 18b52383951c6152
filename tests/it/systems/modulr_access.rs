//! Modulr Courtage: access in fields, and the API (MOD-8 to MOD-12).

use super::modulr::{RULES, service, user};

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
fn mod_9_the_three_options_are_given_together_or_not_at_all() {
    let service = service(&user("broy", "guest", ""));
    service.apply();
    let line =
        |more: &str| user("broy", "guest", "").replace("portfolio_scope: all", &format!("portfolio_scope: all{more}"));
    for some in ["[health]", "[health, legal]", "[health, legal, staff, tax]"] {
        let some = line(&format!(", restricted_documents: {some}"));
        service.declare(&line(""), &some);
        let run = service.run(["validate"]);
        run.ends_with(3).tells("of 3, which are given together").tells("access/all.yaml:9");
        service.declare(&some, &line(""));
    }
    // The store refuses it too, whoever made the plan; what is in it all the same is left alone.
    service.declare(&line(""), &line(", restricted_documents: [health, legal, staff]"));
    service.run(["plan", "--out", "saved.json"]).ends_with(0);
    let named = "{ extends: modulr, attributes: { restricted_documents: { all_or_none: 2 } } }";
    let settings = service.0.read("rollcall.yaml");
    service.0.write("rollcall.yaml", &settings.replace(RULES, named));
    service.run(["apply", "--yes"]).ends_with(3);
    service.0.write("rollcall.yaml", &settings);
    service.declare(&line(", restricted_documents: [health, legal, staff]"), &line(""));
    service.0.sql(
        "INSERT INTO user_attributes (user_id, field, value)
         SELECT id, 'attributes.restricted_documents', '[\"health\"]' FROM users WHERE key = 'broy'",
    );
    service.run(["import", "--out", "written"]).ends_with(0);
    service.run(["plan", "--manifests", "written"]).ends_with(0).prints("no changes");
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
    // Whoever comes with the whole portfolio is shown as somebody who gets more than others.
    assert_eq!(service.risks("create_user croy"), ["escalation"]);
    assert_eq!(service.risks("create_user broy"), [""; 0]);
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
    service
        .run(["plan"])
        .ends_with(0)
        .prints("broy has not enrolled for two-factor authentication yet, which nobody else can do");
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
fn mod_12_every_route_is_seen_wherever_the_api_is_turned_on() {
    let on = "api: { enabled: true, routes: all },";
    let service = service(&user("broy", "guest", on));
    let every = serde_json::json!({ "api": { "enabled": true, "routes": "all" } });
    assert_eq!(service.action("change_access broy")["after"], every);
    service.run(["plan"]).ends_with(0).prints("api.enabled (none) → true, api.routes everything");
    service.apply();
    service.declare(on, "api: { enabled: false },");
    service.apply();
    service.declare("api: { enabled: false },", on);
    assert_eq!(service.action("change_access broy")["after"], every);
    service.run(["plan"]).ends_with(0).prints("api.routes everything");
    service.run(["plan", "--out", "saved.json"]).ends_with(0);
    service.run(["apply", "saved.json", "--yes"]).ends_with(0);
    assert_eq!(service.ids(), [""; 0]);
    // An account that comes back comes back with it.
    service.declare("broy: {", "broy: { status: inactive,");
    service.apply();
    service.declare("status: inactive,", "status: active,");
    service.run(["plan"]).ends_with(0).prints("api.enabled true, api.routes everything");
}

#[test]
fn mod_12_a_route_is_a_verb_and_a_path() {
    let service = service("");
    for route in ["clients", "GET", "GET clients", "get /clients", "FETCH /clients", "GET  /clients", "GET /a b"] {
        let api = user("broy", "guest", &format!("api: {{ enabled: true, routes: [GET /x, '{route}'] }},"));
        service.declare("users:\n", &format!("users:\n{api}"));
        service.run(["validate"]).ends_with(3).tells(&format!("`{route}` in `api.routes` of `broy` is no route"));
        service.declare(&api, "");
    }
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
