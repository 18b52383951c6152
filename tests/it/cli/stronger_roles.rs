//! Roles that are more in the store than they are declared: what somebody gets is what the store gives (`rules.md`,
//! `escalates`), whether a plan may change the role, has to wait with that, or is of one person only.

use serde_json::{Value, json};

use crate::support::cli::{Repository, Run};

const CATALOG: &str = "\
roles:
  manager: { rank: 40, site_access: all, admin: true }
  operator: { rank: 20 }
  reader: { rank: 5 }
organizations: { north: { sites: { pit-1: {}, pit-2: {} } } }
users:
  boss@example.com: { access: { north: manager } }
  zoe@example.com: { access: { north: manager } }
";

/// Two managers, and Ana, an operator of both sites, who is declared by a file of her own.
fn repository(manage: &str, guards: &str) -> Repository {
    let repository = Repository::empty();
    let settings = |manage: &str, guards: &str| {
        format!(
            "version: 1\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {{ extends: default, \
             onboarding: create }} }} }}\nmanage: {{ absent_users: report, {manage} }}\nguards: {{ {guards} }}\n"
        )
    };
    repository.write("rollcall.yaml", &settings("", MANY));
    repository.write("access/catalog.yaml", CATALOG);
    ana(&repository, "{ role: operator, sites: [pit-1, pit-2] }");
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.write("rollcall.yaml", &settings(manage, guards));
    repository
}

fn ana(repository: &Repository, access: &str) {
    repository
        .write("access/ana.yaml", &format!("users: {{ ana@example.com: {{ access: {{ north: {access} }} }} }}\n"));
}

/// `id risks <- needs` of each action.
fn actions(plan: &Value) -> Vec<String> {
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().expect("a list").iter().map(|one| one.as_str().expect("a text").to_owned()).collect()
    };
    let line = |action: &Value| {
        let mut line = format!("{} [{}]", action["id"].as_str().expect("an id"), texts(&action["risk"]).join(" "));
        let needs = texts(&action["needs"]);
        if !needs.is_empty() {
            line.push_str(&format!(" <- {}", needs.join(", ")));
        }
        line.replace("@example.com", "")
    };
    plan["actions"].as_array().expect("actions").iter().map(line).collect()
}

/// `action user role waits_for` of each entry.
fn waiting(plan: &Value) -> Vec<String> {
    let entries = plan["deferred"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().unwrap_or("-").replace("@example.com", "");
    let line = |one: &Value| ["action", "user", "role", "waits_for"].map(|field| text(&one[field])).join(" ");
    entries.map(line).collect()
}

fn plan_of(repository: &Repository, arguments: &[&str]) -> Value {
    plan_run(repository, arguments).ends_with(0).json()
}

fn plan_run(repository: &Repository, arguments: &[&str]) -> Run {
    repository.run(["plan", "--format", "json"].iter().chain(arguments))
}

fn role_of(repository: &Repository, key: &str) -> (String, bool, String) {
    let query = "SELECT r.name, r.admin, r.site_access FROM users u JOIN memberships m ON m.user_id = u.id \
                 JOIN roles r ON r.id = m.role_id WHERE u.key = ?1";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    repository.store().query_row(query, [key], row).expect("a member")
}

fn count_of(plan: &Value, guard: &str) -> Value {
    let guards = plan["guards"].as_array().expect("a list");
    let is_it = |one: &&Value| one["name"] == guard && one["organization"].is_null();
    guards.iter().find(is_it).expect("a guard")["count"].clone()
}

const STRONG_READER: &str = "UPDATE roles SET admin = 1, site_access = 'all' WHERE name = 'reader'";
const MANY: &str = "removals: { max_percent: 100, min_count: 50 }";

#[test]
fn who_comes_to_a_role_that_is_made_less_waits_with_it_for_a_successor() {
    let repository = repository("", MANY);
    repository.edit(
        "access/catalog.yaml",
        "manager: { rank: 40, site_access: all, admin: true }",
        "manager: { rank: 5 }",
    );
    ana(&repository, "{ role: manager, sites: [pit-1, pit-2] }");
    let plan = plan_of(&repository, &[]);
    assert!(actions(&plan).is_empty(), "{:?}", actions(&plan));
    assert_eq!(waiting(&plan), ["update_role - manager successor", "change_role ana - successor"]);
    repository.run(["plan"]).prints("ana@example.com waits until role manager is changed");
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(role_of(&repository, "ana@example.com").0, "operator");
    // Who has it today reaches every site today.
    let found = repository.run(["explain", "north/pit-2"]);
    found.ends_with(0).prints("3 people").prints("in the store: manager, every site (2)");
}

#[test]
fn a_saved_plan_brings_nobody_to_a_role_that_a_plan_made_now_makes_less_before() {
    let repository = repository("", MANY);
    ana(&repository, "{ role: manager, sites: [pit-1, pit-2] }");
    repository.run(["plan", "--out", "plan.json"]).ends_with(0);
    repository.edit(
        "access/catalog.yaml",
        "manager: { rank: 40, site_access: all, admin: true }",
        "manager: { rank: 5 }",
    );
    repository.run(["apply", "plan.json", "--yes"]).ends_with(5).prints("until role `manager` is made less");
    assert_eq!(role_of(&repository, "ana@example.com").0, "operator");
}

#[test]
fn who_comes_to_a_role_that_a_protected_account_keeps_strong_waits_with_it() {
    let repository = repository("", &format!("{MANY}, protected_users: [root@example.com]"));
    repository.sql(
        "INSERT INTO users (key) VALUES ('root@example.com');
         INSERT INTO memberships (user_id, organization_id, role_id) SELECT u.id, o.id, r.id FROM users u, \
         organizations o, roles r WHERE u.key = 'root@example.com' AND r.name = 'manager'",
    );
    repository.edit(
        "access/catalog.yaml",
        "manager: { rank: 40, site_access: all, admin: true }",
        "manager: { rank: 5 }",
    );
    ana(&repository, "{ role: manager, sites: [pit-1] }");
    let plan = plan_of(&repository, &[]);
    assert_eq!(waiting(&plan), ["update_role - manager protected", "change_role ana - protected"]);
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(role_of(&repository, "ana@example.com").0, "operator");
}

#[test]
fn a_role_that_stays_stronger_than_declared_is_judged_by_what_it_is_in_the_store() {
    for (manage, reason) in [
        ("catalog: existing", "differs, and a role is not changed with `catalog: existing`"),
        ("organizations: [north]", "differs, and a role is not changed with a list of organizations"),
    ] {
        let repository = repository(manage, &format!("{MANY}, escalations: {{ max_count: 0 }}"));
        repository.sql(STRONG_READER);
        ana(&repository, "{ role: reader, sites: [pit-1] }");
        let plan = plan_run(&repository, &[]).ends_with(4).json();
        assert_eq!(
            actions(&plan),
            ["change_role ana north [escalation removal]", "revoke_site ana north pit-2 [removal]"],
            "{manage}"
        );
        assert_eq!((count_of(&plan, "escalations"), &plan["summary"]["people"]["gain"]), (json!(1), &json!(1)));
        assert_eq!(plan["unmanaged"], json!([{ "kind": "role", "name": "reader", "reason": reason }]));
        repository.run(["plan"]).ends_with(4).prints("operator → reader, every site (2)");
        repository.run(["apply", "--yes"]).ends_with(4);
        assert_eq!(role_of(&repository, "ana@example.com").0, "operator");
    }
}

#[test]
fn the_role_of_a_grant_that_stays_stronger_than_declared_is_judged_by_what_it_is_in_the_store() {
    let repository = repository("catalog: existing", MANY);
    repository.sql(STRONG_READER);
    repository.edit("rollcall.yaml", "onboarding: create", "onboarding: create, sites: { roles: true }");
    ana(&repository, "{ role: operator, sites: { pit-1: reader, pit-2: operator } }");
    let plan = plan_of(&repository, &[]);
    let all = actions(&plan);
    assert_eq!(all[0], "change_site_role ana north pit-1 [escalation]", "{all:?}");
    ana(&repository, "{ role: operator, sites: { pit-1: operator, pit-2: operator } }");
    repository.run(["apply", "--yes"]).ends_with(0);
    ana(&repository, "{ role: operator, sites: { pit-1: reader, pit-2: operator } }");
    let plan = plan_of(&repository, &[]);
    assert_eq!(actions(&plan), ["change_site_role ana north pit-1 [escalation removal]"]);
}

#[test]
fn a_role_that_reaches_less_in_the_store_than_declared_is_told_and_explained() {
    let repository = repository("catalog: existing", MANY);
    repository.edit("access/catalog.yaml", "operator: { rank: 20 }", "operator: { rank: 20, site_access: all }");
    ana(&repository, "operator");
    repository
        .run(["plan"])
        .ends_with(0)
        .prints("no changes")
        .prints("role operator: differs, and a role is not changed");
    let found = repository.run(["explain", "ana@example.com"]);
    found.ends_with(0).prints("in the store: operator, only the sites that are granted");
    let found = repository.run(["explain", "--format", "json", "north"]).ends_with(0).json();
    let holders = found["places"][0]["holders"].as_array().expect("holders").clone();
    let reach = |key: &str| {
        let holder = holders.iter().find(|one| one["user"] == key).expect("a holder");
        (holder["access"]["reaches"].clone(), holder["access"]["live_reaches"].clone())
    };
    assert_eq!(reach("ana@example.com"), (json!(2), Value::Null));
    assert_eq!(reach("boss@example.com"), (json!(2), json!(2)));
}

#[test]
fn a_role_is_made_less_before_somebody_comes_to_it_also_in_a_plan_for_one_person() {
    let repository = repository("", &format!("{MANY}, escalations: {{ max_count: 0 }}"));
    let user = |key: &str| format!("INSERT INTO users (key, status) VALUES ('{key}@example.com', 'active');");
    repository.sql(&format!("{STRONG_READER}; {}", user("max")));
    repository.sql(
        "INSERT INTO users (key, status) VALUES ('out@example.com', 'inactive');
         INSERT INTO memberships (user_id, organization_id, role_id) SELECT u.id, o.id, r.id FROM users u, \
         organizations o, roles r WHERE u.key = 'out@example.com' AND r.name = 'reader'",
    );
    let people = "users:\n  max@example.com: { access: { north: reader } }\n  \
                  new@example.com: { access: { north: reader } }\n  \
                  out@example.com: { status: active, access: { north: reader } }\n";
    repository.write("access/more.yaml", people);
    let plan = plan_of(&repository, &[]);
    let all = actions(&plan);
    assert_eq!(all[0], "update_role reader [removal]", "{all:?}");
    for action in [
        "add_membership max north [] <- update_role reader",
        "reactivate_user out [access_returns] <- update_role reader",
    ] {
        assert!(all.iter().any(|one| one == action), "{action}: {all:?}");
    }
    assert_eq!(count_of(&plan, "escalations"), 0);
    for key in ["max@example.com", "out@example.com", "new@example.com"] {
        let plan = plan_of(&repository, &["--target", key]);
        let ids = actions(&plan);
        assert_eq!(ids[0], "update_role reader [removal]", "{ids:?}");
        let is_about = |one: &Value| one["user"].is_null() || one["user"] == key;
        assert!(plan["actions"].as_array().expect("actions").iter().all(is_about), "{ids:?}");
    }
    repository.run(["apply", "--yes", "--target", "max@example.com"]).ends_with(0);
    let weak = ("reader".to_owned(), false, "selected".to_owned());
    assert_eq!(role_of(&repository, "max@example.com"), weak);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn who_loses_by_the_role_as_it_is_does_not_wait_for_it_to_be_less() {
    let repository = repository("", &format!("{MANY}, protected_users: [root@example.com]"));
    repository
        .sql("UPDATE roles SET rank = 10 WHERE name = 'reader'; INSERT INTO users (key) VALUES ('root@example.com')");
    repository.sql(
        "INSERT INTO memberships (user_id, organization_id, role_id) SELECT u.id, o.id, r.id FROM users u, \
         organizations o, roles r WHERE u.key = 'root@example.com' AND r.name = 'reader'",
    );
    ana(&repository, "{ role: reader, sites: [pit-1, pit-2] }");
    let plan = plan_of(&repository, &[]);
    assert_eq!(actions(&plan), ["change_role ana north [removal]"]);
    assert_eq!(waiting(&plan), ["update_role - reader protected"]);
}

#[test]
fn a_role_that_nobody_declares_is_compared_by_what_it_is_in_the_store() {
    for (rank, risk, loses, gains) in
        [(3, "escalation", 0, 1), (100, "removal", 1, 0), (20, "escalation removal", 1, 1)]
    {
        let repository = repository("", MANY);
        repository.sql(&format!(
            "INSERT INTO roles (name, rank, site_access) VALUES ('legacy', {rank}, 'selected');
             UPDATE memberships SET role_id = (SELECT id FROM roles WHERE name = 'legacy') \
             WHERE user_id = (SELECT id FROM users WHERE key = 'ana@example.com')"
        ));
        for tombstone in ["{}\n", "roles: { legacy: { status: absent } }\n"] {
            repository.write("access/gone.yaml", tombstone);
            let plan = plan_run(&repository, &[]).json();
            let expected = format!("change_role ana north [{risk}]");
            assert!(actions(&plan).contains(&expected), "{expected}: {:?}", actions(&plan));
            assert_eq!(count_of(&plan, "removals"), loses, "{rank}");
            assert_eq!(count_of(&plan, "escalations"), gains, "{rank}");
            let people = &plan["summary"]["people"];
            assert_eq!((&people["lose"], &people["gain"]), (&json!(loses), &json!(gains)), "{rank}");
        }
    }
}

#[test]
fn whom_a_new_definition_of_both_roles_gives_something_gains() {
    let repository = repository("", MANY);
    repository.edit("access/catalog.yaml", "operator: { rank: 20 }", "operator: { rank: 20, permissions: [a, b] }");
    repository.edit("access/catalog.yaml", "reader: { rank: 5 }", "reader: { rank: 5, permissions: [a, c] }");
    ana(&repository, "{ role: reader, sites: [pit-1, pit-2] }");
    let fares = |plan: &Value| {
        let people = &plan["summary"]["people"];
        let counts = ["escalations", "removals"].map(|guard| count_of(plan, guard));
        (people["gain"].clone(), people["lose"].clone(), counts)
    };
    let expected = (json!(1), json!(1), [json!(1), json!(1)]);
    assert_eq!(fares(&plan_of(&repository, &[])), expected);
    // The same where the roles are in the store already.
    ana(&repository, "{ role: operator, sites: [pit-1, pit-2] }");
    repository.run(["apply", "--yes"]).ends_with(0);
    ana(&repository, "{ role: reader, sites: [pit-1, pit-2] }");
    assert_eq!(fares(&plan_of(&repository, &[])), expected);
}

#[test]
fn who_leaves_a_role_that_is_made_less_loses_what_it_gives_today() {
    let repository = repository("", MANY);
    repository.sql("UPDATE roles SET rank = 30 WHERE name = 'operator'");
    repository.edit("access/catalog.yaml", "operator: { rank: 20 }", "operator: { rank: 4 }");
    ana(&repository, "{ role: reader, sites: [pit-1, pit-2] }");
    let plan = plan_of(&repository, &[]);
    let all = actions(&plan);
    assert!(all.contains(&"change_role ana north [escalation removal]".to_owned()), "{all:?}");
    assert_eq!((count_of(&plan, "removals"), count_of(&plan, "escalations")), (json!(1), json!(1)));
}

/// Found by a property: the redefinition waited for the own account, which waited for the redefinition.
#[test]
fn the_own_account_leaves_a_role_that_is_made_less_and_comes_to_it_elsewhere_in_one_plan() {
    let repository = repository("", "self: ana@example.com, min_admins: 0");
    repository.edit("access/catalog.yaml", "operator: { rank: 20 }", "operator: { rank: 20, admin: true }");
    repository.edit("access/catalog.yaml", "{ north: { sites", "{ south: {}, north: { sites");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/catalog.yaml", "operator: { rank: 20, admin: true }", "operator: { rank: 20 }");
    let access = "{ north: manager, south: operator }";
    repository.write("access/ana.yaml", &format!("users: {{ ana@example.com: {{ access: {access} }} }}\n"));
    let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    assert_eq!(waiting(&plan), [""; 0], "{plan:#}");
    let lines = actions(&plan);
    let of = |id: &str| lines.iter().find(|line| line.starts_with(id)).unwrap_or_else(|| panic!("{lines:?}"));
    assert!(of("update_role operator").contains("<- change_role ana north"), "{lines:?}");
    assert!(of("add_membership ana south").contains("<- update_role operator"), "{lines:?}");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

/// A rank above says nothing of permissions, unless it is that of admins.
#[test]
fn a_role_of_lower_rank_with_permissions_of_its_own_is_more_than_a_higher_one_without() {
    let repository = repository("", "escalations: { max_count: 0 }");
    repository.edit("access/catalog.yaml", "reader: { rank: 5 }", "reader: { rank: 5, permissions: [users.admin] }");
    ana(&repository, "{ role: reader, sites: [pit-1, pit-2] }");
    let run = repository.run(["plan", "--format", "json"]);
    let lines = actions(&run.ends_with(4).json());
    assert!(lines.iter().any(|line| line.starts_with("change_role ana north [escalation removal]")), "{lines:?}");
    // A manager, who runs the organization, only loses by it.
    ana(&repository, "manager");
    let digest = repository.run(["plan", "--format", "json"]).json()["digest"].as_str().expect("a digest").to_owned();
    repository.run(["apply", "--yes", "--waive", &format!("escalations={digest}")]).ends_with(0);
    ana(&repository, "{ role: reader, sites: [pit-1, pit-2] }");
    let lines = actions(&repository.run(["plan", "--format", "json"]).ends_with(0).json());
    assert!(lines.iter().any(|line| line.starts_with("change_role ana north [removal]")), "{lines:?}");
}

#[test]
fn no_invitation_goes_out_again_with_a_role_that_is_more_than_declared() {
    let repository = repository("", MANY);
    let settings = repository.read("rollcall.yaml");
    repository.write("rollcall.yaml", &settings.replace("onboarding: create", "onboarding: invite"));
    let new = "users: { new@example.com: { access: { north: reader } } }\n";
    repository.write("access/new.yaml", new);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["invitations", "decline", "new@example.com"]).ends_with(0);
    repository.sql(STRONG_READER);
    let resend = ["invitations", "resend", "new@example.com", "--yes"];
    let run = repository.run(resend);
    run.ends_with(1)
        .tells("the role reader, which new@example.com is to get, is more in the store")
        .tells("apply first");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(resend).ends_with(0).prints("invitation sent");
}

/// Found by the laws (law 1): the invitation waited for the change of a role that was taken from the person before.
#[test]
fn an_invitation_goes_out_after_what_is_too_much_is_taken_away() {
    let repository = Repository::empty();
    let carries = "{ organizations: 1, sites: 0, extra_roles: false, attributes: false }";
    let settings = |onboarding: &str| {
        format!(
            "version: 1\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {{ extends: default, \
             onboarding: {onboarding}, invitations: {{ carries: {carries}, pending_takes: {{ role: true, sites: true }} \
             }} }} }} }}\nmanage: {{ absent_users: deactivate }}\nguards: {{ min_admins: 1 }}\n"
        )
    };
    let catalog = |admin: bool| {
        format!(
            "organizations: {{ south: {{}} }}\nroles:\n  manager: {{ rank: 40, admin: true }}\n  operator: {{ rank: 20, admin: \
             {admin}, applies_to: [organization, extra] }}\n"
        )
    };
    repository.write("rollcall.yaml", &settings("invite"));
    repository.write("access/catalog.yaml", &catalog(true));
    repository.write(
        "access/people.yaml",
        "users:\n  li@example.com: { access: { south: { role: manager, extra_roles: [operator] } } }\n  \
         zoe@example.com: { status: preloaded, access: { south: operator } }\n",
    );
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["invitations", "accept", "li@example.com"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.write("rollcall.yaml", &settings("create"));
    repository.write("access/catalog.yaml", &catalog(false));
    repository.write("access/people.yaml", "users: { zoe@example.com: { access: {} } }\n");
    let plan = plan_of(&repository, &[]);
    assert_eq!(
        actions(&plan),
        ["remove_membership zoe south [removal]", "send_invitation zoe [mail] <- remove_membership zoe south"]
    );
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
}
