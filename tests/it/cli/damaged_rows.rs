//! Rows that point to nothing, as somebody leaves them who edits the file without its triggers and foreign keys: a
//! damaged store, which is told, and from which nothing is done.

use super::super::support::cli::Repository;

/// A store with an attribute, an extra role and a grant, all of ben; then edited with nothing that holds it together.
fn damaged(sql: &str) -> Repository {
    let repository = Repository::applied();
    for user in ["ana", "ben"] {
        repository.run(["invitations", "accept", &format!("{user}@example.com")]).ends_with(0);
    }
    let store = repository.store();
    let triggers: Vec<String> = store
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .and_then(|mut names| names.query_map([], |row| row.get(0))?.collect())
        .expect("triggers");
    store.pragma_update(None, "foreign_keys", false).expect("a pragma");
    for name in triggers {
        store.execute_batch(&format!("DROP TRIGGER {name}")).expect("loose");
    }
    store.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    repository
}

const BEN: &str = "(SELECT id FROM users WHERE key = 'ben@example.com')";

#[test]
fn rows_that_belong_to_nobody_make_a_store_damaged() {
    let membership = "INSERT INTO memberships(user_id, organization_id) SELECT 99, id FROM organizations";
    for (sql, told) in [
        (membership.to_owned(), "a row of `memberships` has the user_id 99"),
        (membership.replace("99", "-1"), "a row of `memberships` has the user_id -1"),
        (
            "INSERT INTO site_grants(user_id, organization_id, site_id) SELECT 99, organization_id, id FROM sites LIMIT 1"
                .to_owned(),
            "a row of `site_grants` has the user_id 99",
        ),
        (
            "INSERT INTO extra_roles(user_id, role_id) SELECT 99, id FROM roles LIMIT 1".to_owned(),
            "a row of `extra_roles` has the user_id 99",
        ),
        (
            "INSERT INTO user_attributes(user_id, field, value) VALUES (99, 'attributes.a', '\"b\"')".to_owned(),
            "a row of `user_attributes` has the user_id 99",
        ),
        (format!("DELETE FROM users WHERE id = {BEN}"), "a row of `memberships` has the user_id"),
        (
            format!(
                "INSERT INTO organizations(name) VALUES ('south'); INSERT INTO extra_roles(user_id, organization_id, \
                 role_id) SELECT {BEN}, o.id, r.id FROM organizations o, roles r WHERE o.name = 'south' LIMIT 1"
            ),
            "an extra role is in an organization of which the account is no member",
        ),
        (
            "INSERT INTO organizations(name) VALUES ('south'); UPDATE site_grants SET organization_id = (SELECT id FROM \
             organizations WHERE name = 'south')"
                .to_owned(),
            "a site grant is in another organization than its site",
        ),
        (
            "INSERT INTO sites(organization_id, name) VALUES (99, 'lost')".to_owned(),
            "a site is in an organization that is not there",
        ),
        (
            format!("UPDATE users SET identity = 'other@example.com' WHERE id = {BEN}"),
            "has the compared key of another one",
        ),
    ] {
        let repository = damaged(&sql);
        let plan = repository.run(["plan"]);
        plan.ends_with(1).prints("READ ONLY IN PART").prints(told).prints("take it from a backup");
        for command in [&["apply", "--yes"][..], &["import", "--out", "seen"]] {
            repository.run(command).ends_with(1);
        }
        assert!(!repository.file("seen").exists(), "{sql}");
    }
}

/// Invitations are a history: those of accounts that are gone stay.
#[test]
fn invitations_of_accounts_that_are_gone_are_no_damage() {
    let repository =
        damaged("INSERT INTO invitations(user_id, user_key, state) VALUES (99, 'x@example.com', 'expired')");
    repository.run(["plan"]).ends_with(0).prints("no changes").tells_nothing();
}
