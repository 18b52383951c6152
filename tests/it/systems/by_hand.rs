//! What somebody did in the store by hand, or a manifest says in a word that is none there: it is shown and taken back, or
//! refused at its line, and no plan stops over it.

use super::{Service, actito, modulr, text};

/// A role on a site where sites have none is taken away like any other that nobody declares.
#[test]
fn cred_8_a_role_that_was_put_on_a_site_by_hand_is_taken_away() {
    let service = Service::new(
        "credivera",
        "organizations: { acme: { sites: { welders: { kind: assignment, default: true } } } }\nusers:\n  ana@example.com: { \
         given_name: Ana, family_name: Roy, user_type: employee, access: { acme: { role: super_admin, sites: [welders] } } \
         }\n",
    );
    service.apply();
    service.run(["invitations", "accept", "ana@example.com"]).ends_with(0);
    service.0.sql("UPDATE site_grants SET role_id = (SELECT id FROM roles WHERE name = 'super_admin')");
    let roles = "SELECT ifnull((SELECT name FROM roles WHERE id = role_id), '-') FROM site_grants";
    assert_eq!(service.rows(roles), ["super_admin"]);
    assert_eq!(service.ids(), ["change_site_role ana@example.com acme welders"]);
    service.run(["plan", "--out", "plan.json"]).ends_with(0);
    service.run(["apply", "plan.json", "--yes"]).ends_with(0);
    assert_eq!(service.rows(roles), ["-"]);
    assert_eq!(service.ids(), [""; 0]);
}

/// `all` and `unmanaged` stand in the place of a list only where they mean something.
#[test]
fn mod_9_all_is_no_value_of_a_list_where_empty_means_nothing() {
    let service = modulr::service(&modulr::user("broy", "guest", ""));
    let line = modulr::user("broy", "guest", "");
    let all = line.replace("portfolio_scope: all", "portfolio_scope: all, restricted_documents: all");
    service.declare(&line, &all);
    for command in ["validate", "plan"] {
        service.run([command]).ends_with(3).tells("attribute `restricted_documents` has to be a list");
    }
}

#[test]
fn a_list_that_is_no_access_is_not_unmanaged() {
    let service = Service::new(
        "{ extends: default, attributes: { plain: { type: set, values: [a, b] }, tags: { type: set, values: [a, b], access: \
         true, empty: none } } }",
        "organizations: { north: {} }\nroles: { user: { rank: 1 } }\nusers:\n  ana@example.com: { access: { north: user }, \
         attributes: { plain: [a], tags: unmanaged } }\n",
    );
    service.run(["validate"]).ends_with(0);
    for (from, to) in [("plain: [a]", "plain: all"), ("plain: all", "plain: unmanaged"), ("unmanaged }", "all }")] {
        service.declare(from, to);
        service.run(["validate"]).ends_with(3).tells("has to be a list");
    }
}

/// ALT-7: blocking is for administrators of the service, and so is what undoes it.
#[test]
fn alt_7_nobody_is_unblocked_where_the_rules_name_nobody_who_does_it() {
    let service = Service::new(
        "alteia",
        "organizations: { quarries: {} }\nusers:\n  ana@example.com: { access: { quarries: manager } }\n  \
         ben@example.com: { access: { quarries: operator } }\n",
    );
    service.run(["apply", "--yes"]).ends_with(0);
    for key in service.rows("SELECT key FROM users") {
        service.run(["invitations", "accept", &key]).ends_with(0);
    }
    service.apply();
    service.0.sql("UPDATE users SET status = 'inactive' WHERE key = 'ben@example.com'");
    service.declare("ben@example.com: {", "ben@example.com: { status: active,");
    service.run(["plan"]).ends_with(0).prints("by the rules nobody undoes that from here").prints("no changes");
    service.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(service.rows("SELECT status FROM users WHERE key = 'ben@example.com'"), ["inactive"]);
}

/// ALT-1, ALT-2: four main roles, and only a manager reaches every site; the modules' roles are held beside them.
#[test]
fn alt_1_there_is_no_fifth_main_role() {
    let service = Service::new(
        "alteia",
        "organizations: { quarries: {} }\nroles: { boss: { admin: true, site_access: all } }\nusers:\n  ana@example.com: { \
         access: { quarries: boss } }\n",
    );
    service
        .run(["validate"])
        .ends_with(3)
        .tells("role `boss` can't be a main role")
        .tells("contributor, manager, operator, user");
    service.declare("boss: { admin: true, site_access: all }", "boss: { applies_to: [extra] }");
    service.declare("quarries: boss", "quarries: { role: user, extra_roles: [boss] }");
    service.run(["validate"]).ends_with(0);
}

/// Somebody inactive whom somebody made an administrator in the store meanwhile.
fn made_more_while_out(access: &str) -> Service {
    let service = actito::service(&actito::user("broy", access));
    service.apply();
    service.0.sql(
        "UPDATE users SET status = 'inactive' WHERE key = 'broy';
         UPDATE memberships SET role_id = (SELECT id FROM roles WHERE name = 'administrator')
         WHERE user_id = (SELECT id FROM users WHERE key = 'broy')",
    );
    service.declare("broy: {", "broy: { status: active,");
    service
}

#[test]
fn act_5_whoever_comes_back_with_more_than_is_declared_is_told_before() {
    let service = made_more_while_out("{ role: user, sites: [solo] }");
    // The rules do not state that an inactive account takes anything, so it goes right after (`language.md` §3, 6).
    let run = service.run(["plan"]);
    run.ends_with(0).tells("warning[returns-with-more]").tells("`broy` comes back with more than is declared");
    run.tells("rollcall deactivate broy").tells("access/all.yaml:10");
    assert_eq!(service.ids(), ["reactivate_user broy", "change_role broy licence"]);
    // A store that takes it from who is out needs no such word.
    let rules = "{ extends: actito, reactivation: { inactive_takes: true } }";
    service.0.edit("rollcall.yaml", "rules: actito", &format!("rules: {rules}"));
    let run = service.run(["plan"]);
    assert!(!run.all().contains("returns-with-more"), "{run}");
    assert_eq!(service.ids(), ["change_role broy licence", "reactivate_user broy"]);
    service.0.edit("rollcall.yaml", rules, "actito");
    service.apply();
    assert_eq!(service.rows("SELECT status FROM users WHERE key = 'broy'"), ["active"]);
}

#[test]
fn act_5_nobody_comes_back_with_more_where_the_lesser_role_is_not_there() {
    let service = made_more_while_out("{ role: user, sites: [solo] }");
    service.declare("role: user", "role: own");
    service.declare("organizations:\n", "roles: { own: { applies_to: [organization] } }\norganizations:\n");
    service.0.edit("rollcall.yaml", "manage: {", "manage: { catalog: existing,");
    assert_eq!(service.ids(), [""; 0]);
    assert!(service.waits().contains(&"reactivate_user broy catalog".to_owned()), "{:?}", service.waits());
    service.0.edit("rollcall.yaml", "catalog: existing", "catalog: create");
    service.apply();
    assert_eq!(
        service.rows("SELECT r.name FROM memberships m JOIN roles r ON r.id = m.role_id ORDER BY 1"),
        ["administrator", "own"]
    );
}

#[test]
fn act_5_a_part_of_a_plan_that_lets_somebody_in_takes_what_is_too_much_as_well() {
    let service = made_more_while_out("{ role: user, sites: [solo] }");
    let git = |arguments: &[&str]| {
        let options = ["-c", "user.name=x", "-c", "user.email=x@example.com"];
        let run =
            std::process::Command::new("git").args(options).args(arguments).current_dir(service.0.path()).output();
        assert!(run.as_ref().is_ok_and(|run| run.status.success()), "{run:?}");
    };
    service.declare("broy: { status: active,", "broy: {");
    git(&["init", "-q"]);
    git(&["add", "access", "rollcall.yaml"]);
    git(&["commit", "-qm", "before"]);
    service.declare("broy: {", "broy: { status: active,");
    let causes = |run: crate::support::cli::Run| -> Vec<String> {
        let plan = run.ends_with(0).json();
        let actions = plan["actions"].as_array().expect("actions").clone();
        actions.iter().map(|one| format!("{} {}", text(&one["id"]), text(&one["cause"]))).collect()
    };
    let whole = causes(service.run(["plan", "--base", "HEAD", "--format", "json"]));
    let part = causes(service.run(["plan", "--base", "HEAD", "--cause", "deferred", "--format", "json"]));
    assert_eq!(whole, ["reactivate_user broy deferred", "change_role broy licence manifest"]);
    assert_eq!(part, whole);
}

#[test]
fn act_8_seats_that_service_accounts_take_are_named_where_somebody_waits_for_one() {
    let service = Service::new(
        "{ extends: actito, seats: { max: 2 } }",
        "organizations:\n  licence: { sites: { shop: { kind: entity }, solo: { kind: entity_group, includes: [shop] } } }\nusers: {}\n",
    );
    service.0.sql("INSERT INTO users (key, kind) VALUES ('robot', 'service'), ('feed', 'service')");
    service.declare("users: {}\n", &format!("users:\n{}", actito::user("aroy", "administrator")));
    assert_eq!(service.waits(), ["create_user aroy seat"]);
    let told = "2 of them are taken by service accounts, which no plan gives back: `feed`, `robot`";
    let run = service.run(["plan"]);
    run.ends_with(0).tells("warning[no-seat-free]").tells("no seat is free of the 2 that this store has").tells(told);
    service.0.sql("INSERT INTO users (key, kind) VALUES ('third', 'service')");
    let run = service.run(["plan"]);
    run.ends_with(0).tells("warning[over-seats]").tells("3 of them are taken by service accounts");
    assert!(!run.all().contains("no-seat-free"), "{run}");
}

#[test]
fn mod_1_a_service_account_that_manifests_name_is_not_told_as_one_that_no_plan_gives_back() {
    let robot = modulr::user("robot", "guest", "kind: service,");
    let service = modulr::service(&robot);
    service.apply();
    // One is declared, and a plan may end it; of the other no manifest knows.
    service.0.sql("INSERT INTO users (key, kind) VALUES ('feed', 'service')");
    service.declare("users:", &format!("users:\n{}", modulr::user("broy", "guest", "")));
    assert_eq!(service.waits(), ["create_user broy seat"]);
    let run = service.run(["plan"]);
    run.ends_with(0).tells("warning[no-seat-free]");
    run.tells("1 of them is taken by a service account, which no plan gives back: `feed`");
    service.0.sql("INSERT INTO users (key, kind) VALUES ('third', 'service')");
    let run = service.run(["plan"]);
    run.ends_with(0).tells("warning[over-seats]").tells("which no plan gives back: `feed`, `third`");
    assert!(!run.err.contains("`robot`"), "{run}");
}
