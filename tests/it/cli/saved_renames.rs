//! Renames of saved plans: the same account, organization, site or role as a plan made now would rename, or none.

use serde_json::Value;

use super::super::support::cli::{Repository, Run};
use super::super::support::plan_files::seal;

const ALL: &str = "access/all.yaml";

fn settings(manage: &str, guards: &str) -> String {
    format!(
        "version: 1\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {{ extends: default, \
         onboarding: create }} }} }}\nmanage: {{ absent_users: report{manage} }}\nguards: {{ min_admins: 0{guards} }}\n"
    )
}

const ORGANIZATIONS: &str = "{ north: { sites: { pit-1: {}, pit-2: {} } }, south: {} }";
const ROLES: &str = "{ manager: { rank: 40, admin: true }, operator: { rank: 20 }, viewer: { rank: 10 } }";
const USERS: &str = "  ana@example.com: { access: { north: manager, south: manager } }
  boss@example.com: { access: { south: manager } }
  clerk@example.com: { access: { north: { role: viewer, sites: [pit-1] } } }
  dan@example.com: { access: { north: { role: operator, sites: [pit-2] } } }
";
/// Live, and declared by nobody any more.
const GONE: &str = "  stray@example.com: { access: { north: viewer } }
  robot@example.com: { kind: service, access: { north: viewer } }
";

fn manifest(organizations: &str, roles: &str, users: &str) -> String {
    format!("organizations: {organizations}\nroles: {roles}\nusers:\n{users}")
}

/// Everybody is in.
fn repository() -> Repository {
    let repository = Repository::empty();
    repository.write("rollcall.yaml", &settings("", ""));
    repository.write(ALL, &manifest(ORGANIZATIONS, ROLES, &format!("{USERS}{GONE}")));
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.write(ALL, &manifest(ORGANIZATIONS, ROLES, USERS));
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository
}

/// Every name with what it names.
fn shown(repository: &Repository) -> String {
    let query = "SELECT group_concat(line, char(10) ORDER BY line) FROM (
        SELECT 'user ' || id || ' ' || key || ' ' || status AS line FROM users
        UNION ALL SELECT 'role ' || id || ' ' || name FROM roles
        UNION ALL SELECT 'organization ' || id || ' ' || name FROM organizations
        UNION ALL SELECT 'site ' || id || ' ' || name FROM sites
        UNION ALL SELECT 'member ' || user_id || ' ' || organization_id || ' ' || role_id FROM memberships)";
    repository.store().query_row(query, [], |row| row.get(0)).expect("what is there")
}

#[track_caller]
fn is_stale(repository: &Repository, id: &str) -> Run {
    let before = shown(repository);
    let run = repository.run(["apply", "p.json", "--yes"]);
    run.ends_with(5).prints(id).tells("nothing was written");
    assert_eq!(shown(repository), before, "{run}");
    run
}

/// The saved plan with another former name in its rename.
fn renamed_from(text: &str, kind: &str, former: &str) -> String {
    let mut plan: Value = serde_json::from_str(text).expect("a plan");
    for action in plan["actions"].as_array_mut().expect("actions") {
        if action["action"] == kind {
            action["before"]["key"] = former.into();
        }
    }
    seal(&mut plan);
    assert_ne!(plan.to_string(), text);
    plan.to_string()
}

const CHIEF: &str =
    "  chief@example.com: { previously: clerk@example.com, access: { north: { role: viewer, sites: [pit-1] } } }\n";

/// The manifests of today give the new key to another account: that one's owner would have the access of both.
#[test]
fn a_saved_rename_of_a_user_is_stale_where_the_manifests_of_today_name_another_former_key() {
    let repository = repository();
    let clerk = "  clerk@example.com: { access: { north: { role: viewer, sites: [pit-1] } } }\n";
    let first = manifest(ORGANIZATIONS, ROLES, &USERS.replace(clerk, CHIEF));
    repository.write(ALL, &first);
    repository.run(["plan", "--out", "p.json"]).ends_with(0);
    let boss = "  boss@example.com: { access";
    let chief = "  chief@example.com: { previously: boss@example.com, access";
    repository.write(ALL, &manifest(ORGANIZATIONS, ROLES, &USERS.replace(boss, chief)));
    is_stale(&repository, "rename_user chief@example.com").prints("previously");
    repository.run(["plan"]).ends_with(0).prints("1 action");
    repository.write(ALL, &first);
    repository.run(["apply", "p.json", "--yes"]).ends_with(0).prints("1 done");
}

#[test]
fn a_plan_file_renames_no_account_but_the_one_that_the_manifests_name() {
    let repository = repository();
    let clerk = "  clerk@example.com: { access: { north: { role: viewer, sites: [pit-1] } } }\n";
    repository.write(ALL, &manifest(ORGANIZATIONS, ROLES, &USERS.replace(clerk, CHIEF)));
    repository.run(["plan", "--out", "p.json"]).ends_with(0);
    let whole = repository.read("p.json");
    let forged = |former: &str| renamed_from(&whole, "rename_user", former);
    for former in ["boss", "ana", "stray", "robot"] {
        repository.write("p.json", &forged(&format!("{former}@example.com")));
        is_stale(&repository, "rename_user chief@example.com");
    }
    for guards in [", self: boss@example.com", ", protected_users: [boss@example.com]"] {
        repository.write("rollcall.yaml", &settings("", guards));
        repository.write("p.json", &forged("boss@example.com"));
        is_stale(&repository, "rename_user chief@example.com");
    }
    repository.write("rollcall.yaml", &settings("", ""));
    repository.run(["deactivate", "dan@example.com", "--yes"]).ends_with(0);
    repository.write("p.json", &forged("dan@example.com"));
    is_stale(&repository, "rename_user chief@example.com");

    // The right one, where a plan made now would not rename it either.
    repository.write("p.json", &whole);
    for guards in [", self: clerk@example.com", ", protected_users: [clerk@example.com]"] {
        repository.write("rollcall.yaml", &settings("", guards));
        is_stale(&repository, "rename_user chief@example.com");
    }
    repository.write("rollcall.yaml", &settings("", ""));
    repository.run(["apply", "p.json", "--yes"]).ends_with(0).prints("1 done");
}

#[test]
fn a_plan_file_renames_no_account_that_is_out_of_scope() {
    let repository = repository();
    let users = format!("  ana@example.com: {{ access: {{ north: manager }} }}\n{CHIEF}");
    repository.write("rollcall.yaml", &settings(", organizations: [north], accounts: true", ""));
    repository.write(ALL, &manifest("{ north: { sites: { pit-1: {}, pit-2: {} } } }", ROLES, &users));
    repository.run(["plan", "--out", "p.json"]).ends_with(0);
    let whole = repository.read("p.json");
    for former in ["boss", "ana", "stray"] {
        repository.write("p.json", &renamed_from(&whole, "rename_user", &format!("{former}@example.com")));
        is_stale(&repository, "rename_user chief@example.com");
    }
    repository.write("p.json", &whole);
    repository.run(["apply", "p.json", "--yes"]).ends_with(0).prints("1 done");
}

/// What is called so by the manifests of today is something else: whoever holds it would hold another thing.
#[test]
fn a_saved_rename_in_the_catalog_is_stale_where_the_manifests_of_today_name_another_former_name() {
    let roles = |first: &str, second: &str| ROLES.replace("operator", first).replace("viewer", second);
    let of_roles = |first: &str, second: &str, names: [&str; 2]| {
        let users = USERS.replace("operator", names[0]).replace("viewer", names[1]);
        manifest(ORGANIZATIONS, &roles(first, second), &users)
    };
    let of_sites = |first: &str, second: &str, names: [&str; 2]| {
        let organizations = ORGANIZATIONS.replace("pit-1: {}", first).replace("pit-2: {}", second);
        manifest(&organizations, ROLES, &USERS.replace("pit-1", names[0]).replace("pit-2", names[1]))
    };
    let of_organizations = |north: &str, south: &str, names: [&str; 2]| {
        let organizations = ORGANIZATIONS.replace("north: { ", north).replace("south: {}", south);
        let users = USERS.replace("north:", names[0]).replace("south:", names[1]);
        manifest(&organizations, ROLES, &users)
    };
    let cases = [
        (
            "update_role",
            "update_role vx",
            of_roles("operator", "vx", ["operator", "vx"]).replace("vx: { ", "vx: { previously: viewer, "),
            of_roles("vx", "viewer", ["vx", "viewer"]).replace("vx: { ", "vx: { previously: operator, "),
            "operator",
        ),
        (
            "update_site",
            "update_site north px",
            of_sites("px: { previously: pit-1 }", "pit-2: {}", ["px", "pit-2"]),
            of_sites("pit-1: {}", "px: { previously: pit-2 }", ["pit-1", "px"]),
            "pit-2",
        ),
        (
            "update_organization",
            "update_organization east",
            of_organizations("north: { ", "east: { previously: south }", ["north:", "east:"]),
            of_organizations("east: { previously: north, ", "south: {}", ["east:", "south:"]),
            "north",
        ),
    ];
    for (kind, id, first, second, other) in cases {
        let repository = repository();
        repository.write(ALL, &first);
        repository.run(["plan", "--out", "p.json"]).ends_with(0);
        let whole = repository.read("p.json");
        repository.write(ALL, &second);
        repository.run(["plan"]).ends_with(0);
        is_stale(&repository, id);
        repository.write(ALL, &first);
        repository.write("p.json", &renamed_from(&whole, kind, other));
        is_stale(&repository, id);
        repository.write("p.json", &whole);
        repository.run(["apply", "p.json", "--yes"]).ends_with(0);
        repository.run(["plan"]).ends_with(0);
    }
}

#[test]
fn nobody_and_nothing_is_renamed_unless_the_manifests_of_today_say_so() {
    let repository = repository();
    // Zed is another person after all, and east another organization.
    let zed =
        USERS.replace("  clerk@example.com: { access", "  zed@example.com: { previously: clerk@example.com, access");
    let east = ORGANIZATIONS.replace("south: {}", "east: { previously: south }");
    let of_east = USERS.replace("south:", "east:");
    for (renamed, id) in [
        (manifest(ORGANIZATIONS, ROLES, &zed), "rename_user zed@example.com"),
        (manifest(&east, ROLES, &of_east), "update_organization east"),
    ] {
        repository.write(ALL, &renamed);
        repository.run(["plan", "--out", "p.json"]).ends_with(0);
        let both = renamed.replace("previously: clerk@example.com, ", "").replace("{ previously: south }", "{}");
        repository.write(ALL, &both);
        is_stale(&repository, id).prints("previously");
    }
}
