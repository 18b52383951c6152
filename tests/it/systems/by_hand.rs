//! What somebody did in the store by hand, or a manifest says in a word that is none there: it is shown and taken back, or
//! refused at its line, and no plan stops over it.

use super::{Service, modulr};

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
