//! What the text of a plan says of power: who keeps it, who gets it back, who takes it over, and until when access is
//! given.

use super::super::support::cli::Repository;

const ALL: &str = "access/all.yaml";
const CATALOG: &str = "\
organizations: { north: { sites: { pit-1: {}, pit-2: {} } }, south: {} }
roles:
  viewer: { rank: 10 }
  operator: { rank: 20 }
  manager: { rank: 40, site_access: all, admin: true }
users:
  ana@example.com: { access: { north: manager } }
  sam@example.com: { access: { south: manager } }
";

fn settings(more: &str, rules: &str) -> String {
    format!(
        "version: 1\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {rules} }} }}\n\
         manage: {{ absent_users: report }}\n{more}"
    )
}

/// Ana and Sam administer one organization each; whoever else is declared is in as well.
fn repository(users: &str) -> Repository {
    let repository = Repository::empty();
    repository.write("rollcall.yaml", &settings("guards: { removals: { min_count: 50 } }\n", "default"));
    repository.write(ALL, &format!("{CATALOG}{users}"));
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.sql("UPDATE users SET status = 'active'");
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository
}

#[test]
fn a_role_of_the_own_account_that_is_exchanged_in_two_steps_waits_for_somebody_else() {
    let rules = "{ extends: alteia, roles: { vendor: { operator: { rank: 10 } } } }";
    let repository = Repository::empty();
    repository.write("rollcall.yaml", &settings("guards: { self: kim@example.com }\n", rules));
    let all = "organizations: { north: { sites: { pit: {} } } }\nusers:\n  ana@example.com: { access: { north: manager } }\n  \
               kim@example.com: { access: { north: { role: operator, sites: [pit] } } }\n";
    repository.write(ALL, all);
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.sql("UPDATE users SET status = 'active'");
    repository.write(ALL, &all.replace("{ role: operator, sites: [pit] }", "manager"));
    repository.run(["plan"]).ends_with(0).prints("no changes").prints("would lose the old role for a moment");
    repository.run(["apply", "--yes"]).ends_with(0).prints("no changes");
}

#[test]
fn a_leaver_who_keeps_everything_for_now_is_told_before_all_else() {
    let repository = repository("");
    repository.edit(
        ALL,
        "sam@example.com: { access: { south: manager } }",
        "sam@example.com: { access: { south: manager, north: manager } }",
    );
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit(ALL, "users:", "inactive: [sam@example.com]\nusers:");
    let plan = repository.run(["plan"]);
    plan.ends_with(0)
        .prints("  ! sam@example.com is to leave and keeps all access, everywhere, until south has another admin")
        .prints("rollcall deactivate sam@example.com")
        .prints("no changes, though 1 person who is to leave keeps all access");
    repository.run(["deactivate", "sam@example.com", "--yes"]).ends_with(0);
    // What it came to is told although there is nothing to do.
    repository.run(["plan"]).ends_with(0).prints("too few active admins in south").prints("no changes\n");
}

#[test]
fn who_comes_back_with_power_is_an_escalation() {
    for role in ["lead", "manager"] {
        let repository = repository("");
        // A role of which an invitation would be an escalation, by `site_access` alone.
        repository.edit(ALL, "  manager:", "  lead: { rank: 30, site_access: all }\n  manager:");
        repository
            .write(ALL, &format!("{}  ben@example.com: {{ access: {{ north: {role} }} }}\n", repository.read(ALL)));
        repository.run(["apply", "--yes"]).ends_with(0);
        repository.sql("UPDATE users SET status = 'active'");
        repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0);
        repository.run(["apply", "--yes"]).ends_with(0);
        repository.edit(ALL, "ben@example.com: { ", "ben@example.com: { status: active, ");
        repository
            .run(["plan"])
            .ends_with(0)
            .prints("! ben@example.com")
            .prints("escalation")
            .prints("escalations 1 of 20");
        // With less, it is none.
        repository.edit(ALL, &format!("active, access: {{ north: {role}"), "active, access: { north: viewer");
        repository.run(["plan"]).ends_with(0).prints("escalations 0 of 20");
    }
}

#[test]
fn a_role_that_becomes_an_admin_role_names_everybody_who_becomes_one() {
    let users: String = (10..40)
        .map(|at| format!("  p{at}@example.com: {{ access: {{ north: operator }} }}\n"))
        .collect::<Vec<_>>()
        .concat();
    let repository = repository(&users);
    repository.edit(ALL, "operator: { rank: 20 }", "operator: { rank: 20, admin: true }");
    let plan = repository.run(["plan"]);
    plan.prints("30 people become admins of north: p10@example.com")
        .prints("p25@example.com")
        .prints("p39@example.com");
}

#[test]
fn strangers_and_forgotten_organizations_say_who_keeps_what() {
    let repository = repository("");
    let without_sam = CATALOG.replace("  sam@example.com: { access: { south: manager } }\n", "");
    repository.write(ALL, &without_sam);
    repository
        .run(["plan"])
        .ends_with(0)
        .prints("user sam@example.com: keeps manager (admin) of south, every site: no manifest names this person");
    repository.write(ALL, &without_sam.replace(", south: {}", ""));
    repository
        .run(["plan"])
        .ends_with(0)
        .prints("organization south: no manifest names it, and 1 person keeps access there; admins: sam@example.com");
}

#[test]
fn a_rename_says_what_power_goes_along_and_that_the_domain_changes() {
    let repository = repository("  ben@example.com: { access: { north: viewer } }\n");
    repository.edit(ALL, "ana@example.com: {", "ana@example.org: { previously: ana@example.com,");
    repository.edit(ALL, "ben@example.com: {", "bob@example.com: { previously: ben@example.com,");
    let plan = repository.run(["plan"]);
    plan.ends_with(0)
        .prints("renamed from ana@example.com; takes over manager of north, every site (2); another mail domain, example.org")
        .prints("renamed from ben@example.com  ");
}

#[test]
fn a_waived_guard_of_an_organization_is_shown_as_waived() {
    let users: String = (10..30)
        .map(|at| format!("  p{at}@example.com: {{ access: {{ south: operator, north: viewer }} }}\n"))
        .collect::<Vec<_>>()
        .concat();
    let more: String = (10..90)
        .map(|at| format!("  q{at}@example.com: {{ access: {{ north: viewer }} }}\n"))
        .collect::<Vec<_>>()
        .concat();
    let repository = repository(&format!("{users}{more}"));
    repository.write("rollcall.yaml", &settings("", "default"));
    let text = repository.read(ALL);
    repository.write(ALL, &text.replace("{ south: operator, north: viewer }", "{ north: viewer }"));
    let refused = repository.run(["plan", "--format", "json"]);
    refused.ends_with(4);
    let plan: serde_json::Value = refused.json();
    let waiver = format!("removals={}", plan["digest"].as_str().expect("a digest"));
    repository.run(["apply", "--yes", "--waive", &waiver]).ends_with(0).prints("in south (waived)");
}

#[test]
fn what_keeps_a_deletion_waiting_is_told_with_a_way_out() {
    let repository = repository("  fay@example.com: { access: { south: viewer } }\n");
    repository.run(["deactivate", "fay@example.com", "--yes"]).ends_with(0);
    repository.edit(ALL, "south: {}", "south: { status: absent }");
    repository.edit(ALL, "{ access: { south: manager } }", "{ access: {} }");
    repository.edit(ALL, "{ access: { south: viewer } }", "{ access: {} }");
    repository
        .run(["plan", "--waive", "min_admins"])
        .prints("fay@example.com still depends on what shall be deleted, and keeps it: ")
        .prints("take it away in the store");
}

#[test]
fn another_time_than_the_clock_s_is_told_and_goes_along() {
    let repository = repository("");
    repository.edit(ALL, "users:", "users:\n  ben@example.com: { access: { north: viewer } }");
    let plan = repository.run(["plan", "--at", "2199-01-01T00:00:00Z", "--out", "p.json"]);
    plan.ends_with(0)
        .prints("   as of 2199-01-01T00:00:00Z\n")
        .prints("rollcall apply --at 2199-01-01T00:00:00Z --approved");
    plan.tells("rollcall apply p.json --at 2199-01-01T00:00:00Z");
    repository
        .run(["apply", "--at", "2199-01-01T00:00:00Z", "--yes"])
        .ends_with(0)
        .prints("   as of 2199-01-01T00:00:00Z\n");
}

#[test]
fn until_when_and_what_later_is_told_with_access() {
    let repository = repository("");
    let users = "  ben@example.com: { access: { north: { role: operator, sites: [pit-1], expires: 2199-03-31 } } }\n  \
                 cal@example.com: { access: { north: { role: operator, sites: all } } }\n  \
                 dot@example.com: { access: { \"*\": { role: viewer, sites: [\"pit-*\"] } } }\n  \
                 eve@example.com: { expires: 2199-04-30, access: { north: viewer } }\n";
    repository.write(ALL, &format!("{CATALOG}{users}"));
    repository
        .run(["plan"])
        .ends_with(0)
        .prints("invited: operator of north, pit-1, until 2199-03-31")
        .prints("invited: operator of north, pit-1 and pit-2, also later sites")
        .prints("also later sites like \"pit-*\", also later organizations")
        .prints("invited: viewer of north, until 2199-04-30");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.sql("UPDATE users SET status = 'active'");
    repository.edit(
        ALL,
        "cal@example.com: { access: { ",
        "cal@example.com: { access: { south: { role: viewer, expires: 2199-03-31 }, ",
    );
    repository.edit(ALL, "sites: [pit-1], expires", "sites: [pit-1, pit-2], expires");
    repository
        .run(["plan"])
        .ends_with(0)
        .prints("becomes viewer, until 2199-03-31")
        .prints("gains site pit-2, until 2199-03-31");
}

#[test]
fn what_live_includes_let_people_reach_is_told_where_the_catalog_is_not_written() {
    let repository = repository("  ben@example.com: { access: { north: { role: viewer, sites: [pit-1] } } }\n");
    repository.sql(
        "UPDATE sites SET includes = '[\"pit-2\"]' WHERE name = 'pit-1';
         UPDATE organizations SET includes = '[\"south\"]' WHERE name = 'north'",
    );
    repository.run(["plan"]).ends_with(0).prints("-pit-2").prints("-south");
    repository.write("rollcall.yaml", &settings("", "default").replace("report }", "report, catalog: existing }"));
    let plan = repository.run(["plan"]);
    plan.ends_with(0).prints("no changes");
    plan.prints(
        "organization north: its `includes` differ (in the store also south), and are not changed with `catalog:",
    );
    plan.prints("site north/pit-1: its `includes` differ (in the store also pit-2)");
    repository.run(["explain", "north/pit-2"]).ends_with(0).prints("ben@example.com").prints("through pit-1");
    repository.run(["explain", "south"]).ends_with(0).prints("ben@example.com").prints("through north");
    // What is declared and not there is no access either.
    repository.sql("UPDATE sites SET includes = NULL; UPDATE organizations SET includes = NULL");
    repository.edit(ALL, "pit-1: {}", "pit-1: { includes: [pit-2] }");
    repository.run(["plan"]).ends_with(0).prints("no changes").prints("(in the store not pit-2)");
    repository.run(["explain", "ben@example.com"]).ends_with(0).prints("through pit-1").prints("not in the store");
}

#[test]
fn sites_that_only_the_store_has_count_for_a_role_that_reaches_every_site() {
    let repository = repository("");
    repository.edit(ALL, "north: { sites: { pit-1: {}, pit-2: {} } }", "north: {}");
    repository.edit(ALL, "users:", "users:\n  ben@example.com: { access: { north: manager, south: manager } }");
    let plan = repository.run(["plan"]);
    plan.ends_with(0).prints("manager of north, every site (2)").prints("every site (none yet)");
    assert!(!plan.out.contains("(0)"), "{}", plan.out);
    let explained = repository.run(["explain", "ana@example.com"]);
    explained.ends_with(0).prints("manager, every site (2)");
    repository.run(["explain", "sam@example.com"]).ends_with(0).prints("manager, every site (none yet)");
}

#[test]
fn whoever_is_known_by_another_key_in_the_store_is_hinted_at() {
    let rules = "{ extends: default, onboarding: create, identity: { key: login, immutable: false } }";
    let repository = Repository::empty();
    repository.write("rollcall.yaml", &settings("guards: { removals: { min_count: 50 } }\n", rules));
    let users = "  ben: { email: ben@example.com, name: Ben Roy, access: { north: viewer } }\n  \
                 cy: { email: cy@example.com, name: Cy Roy, access: { north: viewer } }\n";
    let catalog = CATALOG.replace("@example.com", "");
    repository.write(ALL, &format!("{catalog}{users}"));
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    let run = repository.run(["plan"]);
    run.ends_with(0).prints("no changes");
    assert!(!run.err.contains("previously"), "{}", run.err);
    // The address goes before the name.
    repository.sql("UPDATE users SET key = 'broy' WHERE key = 'ben'; UPDATE users SET key = 'croy' WHERE key = 'cy'");
    repository.edit(ALL, "email: cy@example.com", "email: cyril@example.com");
    let run = repository.run(["plan"]);
    run.ends_with(0).tells("`ben` is nobody in the store, where `broy`").tells("the address `ben@example.com` too");
    run.tells("`cy` is nobody in the store, where `croy`").tells("the name `Cy Roy` too").tells("`previously: croy`");
    // Either way out ends it.
    repository.edit(ALL, "  ben: {", "  broy: {");
    repository.edit(ALL, "  cy: {", "  cy: { previously: croy,");
    let run = repository.run(["plan"]);
    run.ends_with(0).prints("renamed from croy");
    assert!(!run.err.contains("nobody in the store"), "{}", run.err);
    // Whoever is named is somebody else, and so is everybody where a key never changes.
    repository.edit(ALL, "previously: croy,", "");
    repository.edit(ALL, "users:", "inactive: [croy]\nusers:");
    assert!(!repository.run(["plan"]).err.contains("nobody in the store"));
    repository.edit(ALL, "inactive: [croy]\n", "");
    repository.edit("rollcall.yaml", "immutable: false", "immutable: true");
    assert!(!repository.run(["plan"]).err.contains("nobody in the store"));
}
