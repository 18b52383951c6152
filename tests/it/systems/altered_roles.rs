//! A role of the vendor that somebody altered in the store: what its row says is what its holders can do, and a plan
//! brings it back to the rules.

use serde_json::json;

use super::{Service, actito, cauca, modulr};

/// Two organizations of Alteia with a manager of both and an operator of one, all active.
fn alteia() -> Service {
    let service = Service::new(
        "alteia",
        "organizations: { quarries: { sites: { pit-1: {}, pit-2: {} } }, mines: {} }\nusers:\n  \
         ana@example.com: { access: { quarries: manager, mines: manager } }\n  \
         ben@example.com: { access: { quarries: { role: operator, sites: [pit-1] } } }\n",
    );
    service.run(["apply", "--yes"]).ends_with(0);
    for key in service.rows("SELECT key FROM users") {
        service.run(["invitations", "accept", &key]).ends_with(0);
    }
    service.apply();
    service
}

const ALL_POWER: &str = "UPDATE roles SET admin = 1, site_access = 'all', rank = 40 WHERE name = 'operator'";

#[test]
fn alt_1_a_role_that_was_made_one_of_admins_in_the_store_is_brought_back() {
    let service = alteia();
    service.0.sql(ALL_POWER);
    assert_eq!(service.ids(), ["update_role operator"]);
    assert_eq!(service.risks("update_role operator"), ["removal"]);
    assert_eq!(service.action("update_role operator")["before"]["admin"], json!(true));
    service.run(["plan"]).ends_with(0).prints("1 person loses access in quarries: ben@example.com");
    service.apply();
    let role = "SELECT admin || ' ' || site_access || ' ' || ifnull(rank, '-') FROM roles WHERE name = 'operator'";
    assert_eq!(service.rows(role), ["0 selected -"]);
}

#[test]
fn alt_1_a_saved_plan_brings_a_role_of_the_vendor_back() {
    let service = alteia();
    service.0.sql(ALL_POWER);
    service.run(["plan", "--out", "plan.json"]).ends_with(0);
    service.run(["apply", "plan.json", "--yes"]).ends_with(0);
    assert_eq!(service.rows("SELECT name FROM roles WHERE admin = 1"), ["manager"]);
    assert_eq!(service.ids(), [""; 0]);
}

#[test]
fn alt_1_admins_are_counted_by_what_the_store_makes_of_a_role() {
    let service = alteia();
    service.0.sql(ALL_POWER);
    service.declare("quarries: manager, mines: manager", "quarries: user, mines: manager");
    // Ben administers nobody any more once the role is as the rules have it.
    assert_eq!(service.waits(), ["change_role ana@example.com successor"]);
    // Where the role stays what it is, he does.
    service.0.edit("rollcall.yaml", "grace: 30d", "grace: 30d, catalog: existing");
    assert_eq!(service.ids(), ["change_role ana@example.com quarries"]);
}

#[test]
fn alt_2_whom_a_role_of_the_vendor_lets_reach_every_site_is_what_the_store_says() {
    let service = alteia();
    service.0.sql(ALL_POWER);
    service.run(["explain", "quarries/pit-2"]).ends_with(0).prints("ben@example.com");
    service.run(["explain", "ben@example.com"]).ends_with(0).prints("in the store: operator, every site (2)");
    service.0.sql("UPDATE roles SET site_access = 'selected' WHERE name = 'manager'");
    service.run(["explain", "ana@example.com"]).ends_with(0).prints("only the sites that are granted");
}

#[test]
fn cred_7_a_level_that_was_raised_in_the_store_is_judged_by_that() {
    let service = Service::new(
        "credivera",
        "organizations: { acme: { sites: { welders: { kind: assignment, default: true } } } }\nusers:\n  \
         ana@example.com: { given_name: Ana, family_name: Roy, user_type: employee, access: { acme: { role: \
         super_admin, sites: [welders] } } }\n  \
         ben@example.com: { given_name: Ben, family_name: Roy, user_type: employee, access: { acme: { role: \
         manager, sites: [welders] } } }\n",
    );
    service.run(["apply", "--yes"]).ends_with(0);
    for key in ["ana@example.com", "ben@example.com"] {
        service.run(["invitations", "accept", key]).ends_with(0);
    }
    service.apply();
    service.0.sql(
        "INSERT OR IGNORE INTO roles (name) VALUES ('verifier');
         UPDATE roles SET rank = 60, admin = 1, includes = '[\"super_admin\"]', permissions = '[\"see_credentials\"]',
         applies_to = '[\"organization\"]' WHERE name = 'verifier'",
    );
    service.declare("role: manager", "role: verifier");
    // The level is made less before anybody comes to it.
    let change = service.action("change_role ben@example.com acme");
    assert_eq!((&change["risk"], &change["needs"]), (&json!(["mail", "removal"]), &json!(["update_role verifier"])));
    // Where it stays what it is, it is more than what Ben had.
    service.0.edit("rollcall.yaml", "grace: 30d", "grace: 30d, catalog: existing");
    assert_eq!(service.ids(), ["change_role ben@example.com acme"]);
    assert!(service.risks("change_role ben@example.com acme").contains(&"escalation".to_owned()));
    let told = service.list("unmanaged");
    let is_verifier = |one: &&serde_json::Value| one["kind"] == "role" && one["name"] == "verifier";
    let reason = told.iter().find(is_verifier).unwrap_or_else(|| panic!("{told:?}"))["reason"].to_string();
    assert!(reason.contains("differs") && reason.contains("catalog: existing"), "{reason}");
}

#[test]
fn cred_7_a_scope_of_some_organizations_changes_no_role_of_the_vendor() {
    let service = alteia();
    service.0.sql(ALL_POWER);
    service.declare(", mines: {} }", " }");
    service.declare(", mines: manager", "");
    service.0.edit("rollcall.yaml", "grace: 30d", "grace: 30d, organizations: [quarries]");
    assert_eq!(service.ids(), [""; 0]);
    let told = service.list("unmanaged");
    assert!(told.iter().any(|one| one["kind"] == "role" && one["name"] == "operator"), "{told:?}");
}

/// A town of CAUCA with two managers, one who supports them and one who only triggers.
fn town() -> Service {
    let groups = [
        ("aroy", "municipality_manager"),
        ("broy", "municipality_manager"),
        ("croy", "manager_support"),
        ("droy", "trigger_only"),
    ];
    let service = cauca::service(&groups.map(|(login, group)| cauca::member(login, group, "")).concat());
    service.apply();
    service
}

#[test]
fn cauca_7_permissions_that_were_changed_in_the_store_are_brought_back() {
    let service = town();
    let permissions = "SELECT permissions FROM roles WHERE name = 'trigger_only'";
    let before = service.rows(permissions);
    service.0.sql("UPDATE roles SET permissions = '[\"social_media\"]' WHERE name = 'trigger_only'");
    assert_eq!(service.ids(), ["update_role trigger_only"]);
    assert_eq!(service.risks("update_role trigger_only"), ["escalation", "removal"]);
    service.apply();
    assert_eq!(service.rows(permissions), before);
}

#[test]
fn cauca_8_a_move_between_groups_is_judged_by_what_the_store_has_of_them() {
    let service = town();
    service.declare(&cauca::member("broy", "municipality_manager", ""), &cauca::member("broy", "manager_support", ""));
    assert!(!service.risks("change_role broy beauceville").contains(&"escalation".to_owned()));
    service.0.sql("UPDATE roles SET permissions = '[\"everything\"]' WHERE name = 'manager_support'");
    service.0.edit("rollcall.yaml", "grace: 30d", "grace: 30d, catalog: existing");
    assert!(service.risks("change_role broy beauceville").contains(&"escalation".to_owned()));
}

#[test]
fn mod_7_profiles_that_were_altered_in_the_store_are_brought_back_unless_they_are_declared() {
    let service = modulr::service(&(modulr::user("broy", "administrator", "") + &modulr::user("croy", "guest", "")));
    service.apply();
    service.0.sql("UPDATE roles SET admin = 0, protected = 0 WHERE name = 'administrator'");
    service.0.sql("UPDATE roles SET rank = 30 WHERE name = 'guest'");
    assert_eq!(service.ids(), ["update_role guest", "update_role administrator"]);
    assert_eq!(service.risks("update_role administrator"), ["escalation"]);
    assert_eq!(service.risks("update_role guest"), ["removal"]);
    // What can be declared is imported as it is; what can't is told.
    let import = service.run(["import", "--out", "written"]);
    import.ends_with(0).tells("administrator");
    assert!(!import.err.contains("role guest"), "{}", import.err);
    assert!(service.0.read("written/roles.yaml").contains("guest"));
    let plan = service.run(["plan", "--manifests", "written", "--format", "json"]).ends_with(0).json();
    let actions = plan["actions"].as_array().expect("actions");
    assert_eq!(actions.iter().map(|one| &one["id"]).collect::<Vec<_>>(), ["update_role administrator"]);
    service.apply();
}

#[test]
fn mod_7_a_profile_that_was_altered_in_the_store_can_be_deleted_and_one_that_is_given_can_not() {
    let service = modulr::service(&modulr::user("croy", "guest", ""));
    service.apply();
    service.declare("cabinet: guest", "cabinet: user");
    service.0.sql("UPDATE roles SET rank = 35, admin = 1 WHERE name = 'guest'");
    service.declare("organizations:", "roles: { guest: { status: absent } }\norganizations:");
    assert_eq!(service.ids(), ["change_role croy cabinet", "delete_role guest"]);
    assert!(service.risks("change_role croy cabinet").contains(&"removal".to_owned()));
    service.apply();
    assert_eq!(service.rows("SELECT name FROM roles WHERE name = 'guest'"), [""; 0]);
    service.0.sql("UPDATE roles SET admin = 0 WHERE name = 'administrator'");
    service.declare("guest: { status: absent }", "administrator: { status: absent }");
    service.run(["plan"]).ends_with(3).tells("`administrator`");
}

#[test]
fn act_3_a_configuration_that_no_longer_administers_in_the_store_is_brought_back() {
    let service = actito::service("");
    service.apply();
    service.0.sql("UPDATE roles SET admin = 0 WHERE name = 'administrator'");
    assert_eq!(service.ids(), ["update_role administrator"]);
    assert_eq!(service.risks("update_role administrator"), ["escalation"]);
    service.apply();
    assert_eq!(service.rows("SELECT name FROM roles WHERE admin = 1"), ["administrator"]);
}

#[test]
fn what_the_vendor_brings_and_the_store_never_made_is_no_difference() {
    for rules in ["alteia", "credivera", "modulr", "cauca", "actito"] {
        let service = Service::new(rules, "organizations: { one: {} }\n");
        let plan = service.run(["plan", "--format", "json"]).ends_with(0).json();
        assert!(!plan["actions"].to_string().contains("_role"), "{rules}: {plan:#}");
        assert!(!plan["unmanaged"].to_string().contains("\"role\""), "{rules}: {plan:#}");
        let import = service.run(["import", "--out", "written"]);
        assert!(!import.err.contains("role "), "{rules}: {}", import.err);
    }
}
