//! Taking over a store that people made by hand: what `import` writes, and what becomes of what it can't write.

use crate::support::cli::Repository;

/// An empty access repository whose store has this, made by hand.
fn store_with(sql: &str) -> Repository {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: default } }\n\
         manage: { absent_users: deactivate }\n",
    );
    repository.run(["init"]).ends_with(0);
    std::fs::remove_dir_all(repository.file("access")).ok();
    repository.sql(
        "INSERT INTO organizations(name) VALUES ('north'), ('south'); INSERT INTO roles(name, rank, admin) VALUES \
         ('manager', 40, 1), ('viewer', 10, 0); INSERT INTO users(key, status) VALUES ('ana@example.com', 'active'), \
         ('bo@example.com', 'active'); INSERT INTO memberships(user_id, organization_id, role_id) SELECT u.id, o.id, \
         r.id FROM users u, organizations o, roles r WHERE (u.key, r.name) IN (VALUES ('ana@example.com', 'manager'), \
         ('bo@example.com', 'viewer'));",
    );
    repository.sql(sql);
    repository
}

const SITES: &str = "INSERT INTO sites(organization_id, name) SELECT id, column1 FROM organizations, (VALUES ('hall'), \
                     ('desk'), ('a/b'), ('one'), ('two')) WHERE organizations.name = 'north';";

#[test]
fn includes_that_no_manifest_can_say_stay_and_are_told() {
    let repository = store_with(&format!(
        "{SITES} UPDATE sites SET includes = '[\"a/b\",\"desk\"]' WHERE name = 'hall'; \
         INSERT INTO site_grants(user_id, organization_id, site_id) SELECT m.user_id, m.organization_id, s.id FROM \
         memberships m JOIN sites s ON s.organization_id = m.organization_id JOIN users u ON u.id = m.user_id \
         WHERE s.name = 'hall' AND u.key = 'bo@example.com';"
    ));
    repository.run(["import", "--out", "access"]).ends_with(0).tells("site north/hall refers in `includes`");
    repository.run(["plan"]).ends_with(0).prints("no changes").prints("site north/hall: its `includes` can't be said");
    // Who says them takes them over.
    repository.edit("access/organizations.yaml", "hall: {}", "hall: { includes: [desk] }");
    repository.run(["plan"]).ends_with(0).prints("-a/b");
}

#[test]
fn what_includes_itself_is_no_reason_for_manifests_that_are_not_valid() {
    let repository = store_with(&format!(
        "{SITES} UPDATE sites SET includes = '[\"two\"]' WHERE name = 'one'; UPDATE sites SET includes = '[\"one\"]' \
         WHERE name = 'two'; UPDATE organizations SET includes = '[\"south\"]' WHERE name = 'north'; UPDATE \
         organizations SET includes = '[\"north\"]' WHERE name = 'south';"
    ));
    let import = repository.run(["import", "--out", "access"]);
    import.ends_with(0).tells("site north/one includes itself").tells("organization south includes itself");
    repository.run(["plan"]).ends_with(0).prints("no changes").prints("organization south: its `includes`");
}

#[test]
fn what_is_its_own_parent_is_no_reason_for_manifests_that_are_not_valid() {
    let repository = store_with(&format!(
        "{SITES} UPDATE sites SET parent = 'one' WHERE name = 'one'; UPDATE sites SET parent = 'desk' WHERE name = \
         'hall'; UPDATE sites SET parent = 'hall' WHERE name = 'desk'; UPDATE sites SET parent = 'one' WHERE name = \
         'two'; UPDATE organizations SET parent = 'south' WHERE name = 'north'; UPDATE organizations SET parent = \
         'north' WHERE name = 'south';"
    ));
    let import = repository.run(["import", "--out", "access"]);
    import.ends_with(0);
    for of in ["site north/one", "site north/hall", "site north/desk", "organization north", "organization south"] {
        import.tells(&format!("{of} is its own parent, straight or through others"));
    }
    assert!(!import.err.contains("north/two"), "{import}");
    assert!(repository.read("access/organizations.yaml").contains("two: { parent: one }"));
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn nothing_is_written_through_a_link_out_of_the_repository() {
    let repository = store_with("");
    let outside = tempfile::tempdir().expect("a folder");
    for link in ["imported", "plans"] {
        std::os::unix::fs::symlink(outside.path(), repository.file(link)).expect("a link");
    }
    repository.write("access/a.yaml", "users: { ana@example.com: { access: {} } }\n");
    for command in [
        &["import", "--out", "imported"][..],
        &["export", "--format", "json", "--out", "plans/x.json"],
        &["plan", "--out", "plans/plan.json"],
    ] {
        repository.run(command).ends_with(3).tells("is a link that leads out of the access repository");
    }
    assert_eq!(std::fs::read_dir(outside.path()).expect("a folder").count(), 0);
}

#[test]
fn explain_of_a_place_says_who_may_not_log_in() {
    let repository = store_with("");
    repository.write(
        "access/a.yaml",
        "organizations: { north: {}, south: {} }\nroles: { manager: { rank: 40, admin: true }, viewer: { rank: 10 } }\n\
         inactive: [ { user: zoe@example.com } ]\nusers:\n  ana@example.com: { access: { \"*\": manager } }\n  \
         bo@example.com: { expires: 2026-01-31, access: { \"*\": viewer } }\n  cy@example.com: { status: inactive, \
         access: { north: viewer } }\n  di@example.com: { starts: 2099-01-01, access: { north: viewer } }\n  \
         zoe@example.com: { access: { north: viewer } }\n",
    );
    let explain = repository.run(["explain", "north"]);
    explain
        .ends_with(0)
        .prints("bo@example.com   viewer; over since")
        .prints("cy@example.com   viewer; declared inactive");
    explain
        .prints("di@example.com   viewer; not before 2099-01-01")
        .prints("zoe@example.com   viewer; named under `inactive`");
    let document = repository.run(["explain", "north", "--format", "json"]).ends_with(0).json();
    let holders = document["places"][0]["holders"].as_array().expect("holders").iter();
    let in_now: Vec<_> = holders.filter(|holder| holder["may_log_in"] == true).map(|holder| &holder["user"]).collect();
    assert_eq!(in_now, ["ana@example.com"], "{document:#}");
}

#[test]
fn characters_that_move_a_cursor_do_not_reach_a_terminal_in_json_either() {
    let repository = store_with("INSERT INTO users(key, status) VALUES ('x@example.com', 'active')");
    repository.sql("UPDATE users SET given_name = 'a' || char(155) || char(8238) || 'b' WHERE key = 'x@example.com'");
    let plan = repository.run(["export", "--format", "json"]);
    plan.ends_with(0).prints("a\\u009b\\u202eb");
    assert_eq!(plan.json()["users"].as_array().map(Vec::len), Some(3));
}

/// Each of them can be said, and not both: what is written is refused, and that is told at once.
#[test]
fn an_import_of_look_alikes_tells_that_its_manifests_are_refused() {
    // The second one is Cyrillic.
    let repository = store_with("INSERT INTO roles(name) VALUES ('copp'), ('\u{441}\u{43e}\u{440}\u{440}');");
    let run = repository.run(["import", "--out", "access"]);
    run.ends_with(3).prints("2 accounts written to access").tells("error[look-alike]").tells("access/roles.yaml:");
    run.tells("give one of these another name in the store and import again");
    repository.run(["validate"]).ends_with(3).tells("error[look-alike]");
    let run = repository.run(["import", "--out", "again", "--format", "json"]);
    let document = run.ends_with(3).json();
    assert_eq!(document["diagnostics"][0]["code"], "look-alike", "{run}");
    assert_eq!(document["diagnostics"][0]["file"], "again/roles.yaml", "{run}");
    // The way out.
    repository.sql("UPDATE roles SET name = 'corr' WHERE name NOT GLOB '*[a-z]*'");
    repository.run(["import", "--out", "mended"]).ends_with(0).tells_nothing();
    repository.run(["plan", "--manifests", "mended"]).ends_with(0).prints("no changes");
}

#[test]
fn an_import_of_keys_that_look_alike_tells_so() {
    let repository = store_with(
        "INSERT INTO users(key, status) VALUES ('copp@example.com', 'active'), \
         ('\u{441}\u{43e}\u{440}\u{440}@example.com', 'active');",
    );
    let run = repository.run(["import", "--out", "access"]);
    run.ends_with(3).tells("error[look-alike]").tells("access/users.yaml:").tells("it counts as not declared");
}
