//! What a plan never hides among other things: power that somebody gets, and access that somebody keeps.

use std::fmt::Write as _;

use crate::support::cli::Repository;

const SETTINGS: &str = "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: default } }\n";

const REPORT: &str = "manage: { absent_users: report }\n";

const CATALOG: &str = "\
organizations:
  north: { sites: { a: {}, b: {}, c: {}, d: {}, e: {}, f: {}, g: {} } }
roles:
  adm: { rank: 40, admin: true }
  user: { rank: 10 }
  read: { rank: 1, applies_to: [site] }
  write: { rank: 2, applies_to: [site] }
  boss: { rank: 50, applies_to: [site], admin: true }
";

const ADA: &str = "  ada@example.com: { access: { north: adm } }\n";

/// An access repository with these users; `more` goes to the settings. Nothing is applied.
fn declared(more: &str, users: &str) -> Repository {
    let repository = Repository::empty();
    repository.write("rollcall.yaml", &format!("{SETTINGS}{more}"));
    repository.write("access/catalog.yaml", CATALOG);
    repository.write("access/users.yaml", &format!("users:\n{ADA}{users}"));
    repository.run(["init"]).ends_with(0);
    repository
}

/// Like [`declared`], applied; everybody has accepted.
fn settled(more: &str, users: &str) -> Repository {
    let repository = declared(more, users);
    for _ in 0..2 {
        repository.run(["apply", "--yes"]).ends_with(0);
        repository.sql("UPDATE users SET status = 'active' WHERE status = 'invited'");
        repository.sql("UPDATE invitations SET state = 'accepted' WHERE state = 'pending'");
    }
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository
}

#[test]
fn an_admin_role_on_one_of_many_sites_is_named() {
    let repository = settled(REPORT, "  ben@example.com: { access: { north: user } }\n");
    let access = "{ north: { role: user, sites: { \"*\": read, d: boss } } }";
    repository.edit(
        "access/users.yaml",
        "ben@example.com: { access: { north: user } }",
        &format!("ben@example.com: {{ access: {access} }}\n  zoe@example.com: {{ access: {access} }}"),
    );
    let plan = repository.run(["plan"]);
    plan.ends_with(0).prints("gains d as boss and 6 sites as read");
    plan.prints("invited: user of north, d as boss and 6 sites as read");
}

#[test]
fn a_promotion_is_told_before_many_smaller_changes() {
    let writes = "{ north: { role: user, sites: { \"*\": write } } }";
    let repository = settled(REPORT, &format!("  kim@example.com: {{ access: {writes} }}\n"));
    repository.edit("access/users.yaml", writes, "{ north: { role: adm, sites: { \"*\": read, g: boss } } }");
    repository.run(["plan"]).ends_with(0).prints("user → adm, g: write → boss, 6 sites: write → read");
}

/// Many people with an invitation that is not accepted, for whom something waits.
fn crowd(access: &str) -> String {
    let mut users = String::new();
    for number in 100..230 {
        writeln!(users, "  p{number}@example.com: {{ access: {{ north: {access} }} }}").expect("text");
    }
    users
}

#[test]
fn access_that_stays_is_told_before_all_that_waits() {
    let repository =
        settled("manage: { absent_users: deactivate }\n", "  zed@example.com: { access: { north: adm } }\n");
    let users = repository.read("access/users.yaml");
    repository.write("access/users.yaml", &format!("{users}{}", crowd("user")));
    repository.run(["apply", "--yes"]).ends_with(0);
    for settings in ["guards: { self: zed@example.com }\n", "guards: { min_admins: 2 }\n"] {
        repository.write("rollcall.yaml", &format!("{SETTINGS}manage: {{ absent_users: deactivate }}\n{settings}"));
        let crowd = crowd("{ role: user, sites: [a] }");
        repository.write("access/users.yaml", &format!("users:\n{ADA}{crowd}"));
        let plan = repository.run(["plan"]);
        plan.ends_with(0);
        let all = plan.all();
        let waiting: Vec<&str> = all.lines().skip_while(|line| !line.starts_with("waiting")).collect();
        let is_named = waiting.first().is_some_and(|line| line.contains("zed@example.com"));
        assert!(is_named, "{all}");
    }
}

#[test]
fn an_admin_whom_nobody_declares_is_told_among_many() {
    let repository = settled(REPORT, "");
    for number in 100..130 {
        repository.sql(&format!("INSERT INTO users(key, status) VALUES ('p{number}@example.com', 'active')"));
    }
    repository.sql("INSERT INTO users(key, status) VALUES ('zed@example.com', 'active')");
    repository.sql(
        "INSERT INTO memberships(user_id, organization_id, role_id) SELECT u.id, o.id, r.id FROM users u, organizations \
         o, roles r WHERE u.key = 'zed@example.com' AND o.name = 'north' AND r.name = 'adm'",
    );
    repository.run(["plan"]).ends_with(0).prints("user zed@example.com: keeps adm (admin) of north");
}

#[test]
fn an_organization_that_nobody_declares_any_more_says_who_keeps_access() {
    let repository = settled(REPORT, "  ben@example.com: { access: { north: user } }\n");
    repository.write("access/catalog.yaml", &CATALOG[CATALOG.find("roles:").expect("roles")..]);
    repository
        .write("access/users.yaml", "users: { ada@example.com: { access: {} }, ben@example.com: { access: {} } }\n");
    // However many come before it.
    let many: Vec<String> = (10..30).map(|number| format!("('a{number}')")).collect();
    repository.sql(&format!("INSERT INTO organizations(name) VALUES {}", many.join(", ")));
    repository
        .run(["plan"])
        .ends_with(0)
        .prints("organization north: no manifest names it, and 2 people keep access there");
}
