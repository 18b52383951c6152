//! Scope: a list of organizations, access without accounts (`language.md` §3, 7 and 8).

use serde_json::Value;

use crate::support::cli::Repository;

const LISTED: &str = "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: default } }\n\
                      manage:\n  organizations: [north]\n  absent_users: deactivate\n";

const MANIFEST: &str = "\
organizations:
  north: { sites: { pit-1: {} } }
  south: { sites: { yard: {} } }
roles:
  manager: { rank: 40, site_access: all, admin: true }
  operator: { rank: 20 }
users:
  ana@example.com: { access: { north: manager, south: manager } }
  ben@example.com: { access: { north: { role: operator, sites: [pit-1] }, south: operator } }
  kim@example.com: { access: { south: operator } }
  max@example.com: { access: { north: operator } }
";

/// Four people of two organizations, all active; from then on only `north` is managed.
fn two_organizations(settings: &str) -> Repository {
    let repository = Repository::empty();
    repository.write("rollcall.yaml", &LISTED.replace("  organizations: [north]\n", ""));
    repository.write("access/all.yaml", MANIFEST);
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    for key in ["ana", "ben", "kim", "max"] {
        repository.run(["invitations", "accept", &format!("{key}@example.com")]).ends_with(0);
    }
    repository.write("rollcall.yaml", settings);
    repository
}

fn manifest(users: &str) -> String {
    let (head, _) = MANIFEST.split_once("users:\n").expect("users");
    format!("{head}users:\n{users}")
}

/// `kind user organization` of each action, sorted.
fn actions(plan: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").replace("@example.com", "");
    let line = |action: &Value| {
        format!("{} {} {}", text(&action["action"]), text(&action["user"]), text(&action["organization"]))
    };
    let mut lines: Vec<String> = plan["actions"].as_array().expect("actions").iter().map(line).collect();
    lines.sort();
    lines
}

fn unmanaged(plan: &Value) -> Vec<String> {
    let list = plan["unmanaged"].as_array().expect("a list");
    list.iter().map(|one| format!("{} {}", one["kind"].as_str().unwrap(), one["name"].as_str().unwrap())).collect()
}

#[test]
fn with_a_list_who_also_belongs_elsewhere_loses_only_what_is_in_scope() {
    for accounts in ["", "  accounts: true\n"] {
        let repository = two_organizations(&format!("{LISTED}{accounts}"));
        repository.write("access/all.yaml", &manifest("  ana@example.com: { access: { north: manager } }\n"));
        let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
        // Max belongs nowhere else: with accounts he is deactivated, without them he loses the membership.
        let max = if accounts.is_empty() { "remove_membership max north" } else { "deactivate_user max -" };
        let mut expected = vec!["remove_membership ben north".to_owned(), max.to_owned()];
        expected.sort();
        assert_eq!(actions(&plan), expected);
        let listed = unmanaged(&plan);
        for entry in ["organization south", "user ben@example.com", "user kim@example.com"] {
            assert!(listed.iter().any(|one| one == entry), "{entry}: {listed:?}");
        }
        repository.run(["plan"]).prints("belongs only to organizations out of scope");
        repository.run(["apply", "--yes"]).ends_with(0);
        repository.run(["plan"]).ends_with(0).prints("no changes");
        let south: u32 = repository
            .store()
            .query_row(
                "SELECT count(*) FROM memberships m JOIN organizations o ON o.id = m.organization_id \
                        WHERE o.name = 'south'",
                [],
                |row| row.get(0),
            )
            .expect("a count");
        assert_eq!(south, 3);
    }
}

#[test]
fn without_a_list_an_absent_member_of_an_undeclared_organization_keeps_that() {
    let repository = two_organizations(&LISTED.replace("  organizations: [north]\n", ""));
    let text = manifest("  ana@example.com: { access: { north: manager } }\n");
    repository.write("access/all.yaml", &text.replace("  south: { sites: { yard: {} } }\n", ""));
    let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    assert_eq!(actions(&plan), ["deactivate_user max -", "remove_membership ben north"]);
}

#[test]
fn what_is_declared_outside_of_the_list_is_an_error_at_its_line() {
    let repository = two_organizations(LISTED);
    let text =
        "  ana@example.com: { access: { north: manager } }\n  ben@example.com:\n    access:\n      south: operator\n";
    repository.write("access/all.yaml", &manifest(text));
    let run = repository.run(["validate"]);
    run.ends_with(3).tells("error[outside-scope]: organization `south` is outside of the scope");
    run.tells("access/all.yaml:11:7");
    repository.edit("access/all.yaml", "south: operator", "\"*\": operator");
    repository.run(["plan"]).ends_with(3).tells("outside-scope");
    // What others manage there may be said.
    repository.edit("access/all.yaml", "\"*\": operator", "{ \"*\": operator, south: unmanaged }");
    repository.run(["validate"]).ends_with(0);
}

#[test]
fn an_unknown_organization_in_the_list_is_an_error_in_the_settings() {
    let repository = two_organizations(&LISTED.replace("[north]", "[north, nroth]"));
    repository.write("access/all.yaml", &manifest("  ana@example.com: { access: { north: manager } }\n"));
    let run = repository.run(["validate"]);
    run.ends_with(3).tells("lists `nroth`, which no manifest declares").tells("rollcall.yaml:4:26").tells("`north`");
}

#[test]
fn without_accounts_only_access_changes() {
    let settings = LISTED.replace("  organizations: [north]\n", "  accounts: false\n");
    let repository = two_organizations(&settings);
    repository.sql("UPDATE users SET status = 'inactive' WHERE key = 'kim@example.com'");
    repository.write(
        "access/all.yaml",
        &manifest(
            "  ana@example.com: { given_name: Ana, access: { north: manager } }\n  \
             ben@example.com: { status: inactive }\n  \
             kim@example.com: { status: active, access: { south: operator } }\n  \
             zoe@example.com: { access: { north: operator } }\n",
        ),
    );
    let run = repository.run(["plan", "--format", "json"]);
    let plan = run.ends_with(0).json();
    let expected = [
        "remove_membership ana south",
        "remove_membership ben north",
        "remove_membership ben south",
        "remove_membership max north",
    ];
    // Ana is the last admin of the south and stays.
    let found = actions(&plan);
    assert_eq!(found, expected[1..], "{found:?}");
    let deferred = plan["deferred"].as_array().expect("a list");
    assert!(
        deferred.iter().any(|one| one["user"] == "zoe@example.com" && one["waits_for"] == "decision"),
        "{deferred:?}"
    );
    assert!(plan["diagnostics"].as_array().unwrap().iter().any(|one| one["code"] == "no-account"));
    assert!(unmanaged(&plan).contains(&"user kim@example.com".to_owned()));
}

#[test]
fn an_existing_catalog_is_never_written() {
    let repository = Repository::small();
    repository.edit("rollcall.yaml", "absent_users: deactivate", "absent_users: deactivate, catalog: existing");
    let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    assert_eq!(plan["actions"].as_array().map(Vec::len), Some(0));
    assert!(plan["deferred"].as_array().unwrap().iter().any(|one| one["waits_for"] == "catalog"));
}

#[test]
fn services_and_protected_people_are_left_alone_unless_declared() {
    let repository =
        two_organizations(&format!("{LISTED}  accounts: true\nguards: {{ protected_users: [\"m*@example.com\"] }}\n"));
    repository.sql("UPDATE users SET kind = 'service' WHERE key = 'ben@example.com'");
    repository.write("access/all.yaml", &manifest("  ana@example.com: { access: { north: manager } }\n"));
    let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    assert_eq!(actions(&plan), [""; 0]);
}

/// What others manage never gets an action, whatever is live.
#[test]
fn what_is_left_to_others_gets_no_action() {
    let repository = two_organizations(&LISTED.replace("  organizations: [north]\n", ""));
    repository.write(
        "access/all.yaml",
        &manifest(
            "  ana@example.com: { access: unmanaged }\n  \
             ben@example.com: { access: { north: { role: unmanaged, sites: unmanaged }, south: unmanaged } }\n  \
             kim@example.com: { access: { south: { role: operator, extra_roles: unmanaged } } }\n  \
             max@example.com: { access: { north: { role: operator, sites: unmanaged } } }\n",
        ),
    );
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository.sql("DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE key = 'ana@example.com')");
    repository.run(["plan"]).ends_with(0).prints("no changes");
    // Another source that gives what is left to others is an error that shows both places.
    repository
        .write("access/team.yaml", "teams: { crew: { members: [ben@example.com], access: { south: operator } } }\n");
    let run = repository.run(["plan"]);
    run.ends_with(3).tells("conflicting-unmanaged").tells("access/team.yaml:1").tells("access/all.yaml:9");
}

/// Law 1 within a scope: what is imported is what is live, and nothing of the rest.
#[test]
fn import_writes_what_is_in_scope_and_then_nothing_is_to_be_done() {
    for accounts in ["", "  accounts: true\n"] {
        let repository = two_organizations(&format!("{LISTED}{accounts}"));
        repository.run(["import", "--out", "imported"]).ends_with(0);
        let users = repository.read("imported/users.yaml");
        assert!(users.contains("ben@example.com") && !users.contains("kim@example.com"), "{users}");
        repository.run(["plan", "--manifests", "imported"]).ends_with(0).prints("no changes");
    }
}

/// What no manifest can say gets no action and is listed, by `plan` and `import` alike; it never outlives what it comes
/// with.
#[test]
fn a_grant_of_a_site_that_no_manifest_can_say_is_left_alone_and_told() {
    let repository = Repository::applied();
    for key in ["ana@example.com", "ben@example.com"] {
        repository.run(["invitations", "accept", key]).ends_with(0);
    }
    // Ana's role reaches every site, so a grant of one says nothing; Kim is declared nowhere.
    repository.sql(
        "INSERT INTO sites (organization_id, name) SELECT id, 'pit*9' FROM organizations WHERE name = 'north';
         INSERT INTO users (key, status) VALUES ('kim@example.com', 'active');
         INSERT INTO memberships (user_id, organization_id, role_id) SELECT u.id, o.id, r.id FROM users u, organizations o, roles r
             WHERE u.key = 'kim@example.com' AND o.name = 'north' AND r.name = 'operator';
         INSERT INTO site_grants (user_id, organization_id, site_id) SELECT u.id, s.organization_id, s.id FROM users u, sites s
             WHERE s.name = 'pit*9' AND u.key <> 'li@example.com';",
    );
    let grants = |key: &str| -> Vec<String> {
        let store = repository.store();
        let sql = "SELECT s.name FROM site_grants g JOIN sites s ON s.id = g.site_id JOIN users u ON u.id = g.user_id \
                   WHERE u.key = ?1 ORDER BY 1";
        let mut statement = store.prepare(sql).unwrap();
        let rows = statement.query_map([key], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let left = |plan: &serde_json::Value| -> Vec<String> {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let unmanaged = plan["unmanaged"].as_array().unwrap().iter().filter(|one| one["kind"] == "user");
        unmanaged.map(|one| format!("{}: {}", text(&one["name"]), text(&one["reason"]))).collect()
    };
    let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    assert_eq!(plan["actions"].as_array().map(Vec::len), Some(0), "{plan}");
    let ben =
        "ben@example.com: has a site that no manifest can say, and keeps it; give the site another name in the store";
    let kim = "kim@example.com: has a site that can't be said";
    assert_eq!(left(&plan), [ben, kim]);
    repository.run(["plan"]).ends_with(0).prints("no changes").prints(ben);
    // An import leaves both out, and a plan of what it wrote leaves both alone.
    let import = repository.run(["import", "--out", "imported"]);
    import.ends_with(0).tells("ben@example.com").tells("kim@example.com").tells("has a site that can't be said");
    let plan = repository.run(["plan", "--manifests", "imported", "--format", "json"]).ends_with(0).json();
    assert_eq!(plan["actions"].as_array().map(Vec::len), Some(0), "{plan}");
    assert_eq!(left(&plan), ["ben@example.com: has a site that can't be said", kim]);
    // Other access of the same person is managed as ever.
    repository.edit("access/all.yaml", "sites: [pit-1]", "sites: [pit-2]");
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(grants("ben@example.com"), ["pit*9", "pit-2"]);
    // With the membership it ends.
    repository.edit(
        "access/all.yaml",
        "    access: { north: { role: operator, sites: [pit-2] } }\n",
        "    access: {}\n",
    );
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(grants("ben@example.com"), Vec::<String>::new());
    let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    assert_eq!((left(&plan), plan["actions"].as_array().map(Vec::len)), (vec![kim.to_owned()], Some(0)));
    assert_eq!(grants("kim@example.com"), ["pit*9"]);
}

#[test]
fn what_is_renamed_or_deleted_outside_of_the_list_is_an_error_at_its_line() {
    let repository = two_organizations(LISTED);
    let users = "  ana@example.com: { access: { north: manager } }\n";
    for (old, new, message) in [
        ("south: { sites: { yard: {} } }", "south: { status: absent }", "organization `south` is outside of the scope"),
        ("south: { sites: { yard: {} } }", "sud: { previously: south }", "organization `sud` is outside of the scope"),
        ("operator: { rank: 20 }", "operator: { status: absent }", "role `operator` is outside of the scope"),
    ] {
        repository.write("access/all.yaml", &manifest(users).replace(old, new));
        repository.run(["validate"]).ends_with(3).tells("error[outside-scope]").tells(message);
    }
}

/// Advice to rename it would make another one of the list's.
#[test]
fn an_organization_outside_of_the_list_is_nobody_s_former_name() {
    let repository = two_organizations(LISTED);
    repository.write("rollcall.yaml", &LISTED.replace("[north]", "[west]"));
    let users = "  ana@example.com: { access: { west: manager } }\n";
    let west = "  west: { sites: { yard: {} } }\n";
    let text = manifest(users)
        .replace("  south: { sites: { yard: {} } }\n", west)
        .replace("  north: { sites: { pit-1: {} } }\n", "");
    repository.write("access/all.yaml", &text);
    let plan = repository.run(["plan"]);
    assert!(!plan.ends_with(0).all().contains("previously"), "{plan}");
    // Where all are managed it is told.
    repository
        .write("rollcall.yaml", &LISTED.replace("  organizations: [north]\n", "").replace("deactivate", "report"));
    repository.run(["plan"]).ends_with(0).tells("by `previously: south`");
}
