//! Users and memberships with `starts`: what goes, goes at once; only what comes waits for the day (`language.md` §3.6
//! and §3.9).

use serde_json::{Value, json};

use super::leavers::{ids, north};
use crate::support::cli::Repository;

/// What a plan waits for `start` with: action, before, after.
fn waiting(repository: &Repository) -> Vec<(String, Value, Value)> {
    let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    let deferred = plan["deferred"].as_array().expect("a list").iter().filter(|one| one["waits_for"] == "start");
    let told = deferred
        .map(|one| (one["action"].as_str().expect("a kind").to_owned(), one["before"].clone(), one["after"].clone()));
    told.collect()
}

fn declare(repository: &Repository, user: &str) {
    repository.write("access/ana.yaml", &format!("users: {{ ana@example.com: {{ starts: 2126-06-01, {user} }} }}\n"));
}

/// With extra roles `x`, which ana has, and `y`, and roles that can't be compared.
fn with_more() -> Repository {
    let rules = "{ extends: default, attributes: { tags: { type: set, access: true, empty: none } } }";
    let repository = north("absent_users: deactivate", rules);
    repository.edit(
        "access/catalog.yaml",
        "roles:\n",
        "roles:\n  x: { applies_to: extra }\n  y: { applies_to: extra }\n  other: {}\n",
    );
    repository.sql(
        "insert into roles(name,applies_to) values ('x','[\"extra\"]'), ('y','[\"extra\"]'); \
         insert into roles(name) values ('other'); insert into extra_roles values (3,1,4); \
         update memberships set default_site_id = 1 where user_id = 3; \
         insert into user_attributes values (3,'api.enabled','true'), (3,'attributes.tags','[\"t1\",\"t2\"]')",
    );
    repository
}

const KEPT: &str = "api: { enabled: true }, attributes: { tags: [t1, t2] },";

#[test]
fn a_site_that_goes_does_so_before_the_start_also_if_it_is_preselected() {
    let repository = north("absent_users: deactivate", "default");
    repository.sql("update memberships set default_site_id = 1 where user_id = 3");
    declare(&repository, "access: { north: { role: operator, sites: [pit-2] } }");
    let expected = ["update_membership ana@example.com north", "revoke_site ana@example.com north pit-1"];
    assert_eq!(ids(&repository), expected);
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(ids(&repository), [""; 0]);
    assert_eq!(waiting(&repository), []);
}

#[test]
fn what_one_action_takes_and_gives_is_split_at_the_start() {
    let repository = with_more();
    declare(
        &repository,
        &format!(
            "{KEPT} access: {{ north: {{ role: operator, extra_roles: [y], default_site: pit-1, sites: [pit-1, pit-2] }} }}"
        ),
    );
    assert_eq!(ids(&repository), ["update_membership ana@example.com north"]);
    let [(kind, before, after)] = waiting(&repository).try_into().expect("one");
    assert_eq!(
        (&*kind, before, after),
        ("update_membership", json!({"extra_roles": []}), json!({"extra_roles": ["y"]}))
    );
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
    let extra: u32 =
        repository.store().query_row("select count(*) from extra_roles", [], |row| row.get(0)).expect("a count");
    assert_eq!(extra, 0, "x is gone, and y has not come");

    // API access that goes, and of a set what is not wanted any more.
    let access = "access: { north: { role: operator, default_site: pit-1, sites: [pit-1, pit-2] } }";
    declare(&repository, &format!("attributes: {{ tags: [t2, t3] }}, {access}"));
    assert_eq!(ids(&repository), ["change_access ana@example.com"]);
    let [(kind, before, after)] = waiting(&repository).try_into().expect("one");
    assert_eq!(kind, "change_access");
    assert_eq!(before, json!({"attributes": {"tags": ["t2"]}}));
    assert_eq!(after, json!({"attributes": {"tags": ["t2", "t3"]}}));
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(ids(&repository), [""; 0]);
}

#[test]
fn what_cannot_be_taken_alone_is_told_before_the_start() {
    let repository = with_more();
    let access = "access: { north: { role: other, extra_roles: [x], default_site: pit-1, sites: [pit-1, pit-2] } }";
    declare(&repository, &format!("{KEPT} {access}"));
    assert_eq!(ids(&repository), [""; 0]);
    repository.run(["plan"]).ends_with(0).tells(
        "`ana@example.com` keeps until the day on which they start what can't be taken without giving something else",
    );
}

#[test]
fn who_is_renamed_at_the_start_loses_at_once_what_goes() {
    let repository = north("absent_users: deactivate", "default");
    repository.sql("update users set key = 'old@example.com' where id = 3");
    declare(&repository, "previously: old@example.com, access: { north: { role: operator, sites: [pit-2] } }");
    assert_eq!(ids(&repository), ["revoke_site old@example.com north pit-1"]);
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(ids(&repository), [""; 0]);
    assert_eq!(waiting(&repository).iter().map(|(kind, ..)| &**kind).collect::<Vec<_>>(), ["rename_user"]);
}

#[test]
fn an_inactive_account_is_not_compared_before_the_start_and_its_return_is_told() {
    let repository = north("absent_users: deactivate", "default");
    repository.sql("update users set status = 'inactive' where id = 3");
    for access in ["{ role: reader }", "{ role: operator, sites: [pit-1, pit-2] }", "manager"] {
        declare(&repository, &format!("status: active, access: {{ north: {access} }}"));
        assert_eq!(ids(&repository), [""; 0], "{access}");
        let kinds: Vec<String> = waiting(&repository).into_iter().map(|(kind, ..)| kind).collect();
        assert!(kinds.iter().any(|kind| kind == "reactivate_user"), "{access}: {kinds:?}");
        repository.run(["plan"]).ends_with(0).prints("reactivation");
    }
}

#[test]
fn a_grant_waits_with_the_membership_that_begins_later() {
    let repository = north("absent_users: deactivate", "default");
    repository.write(
        "access/ana.yaml",
        "users: { ana@example.com: { access: { north: { role: operator, starts: 2126-01-01 } } } }\n\
         site_grants: [{ site: north/pit-2, users: [ana@example.com] }]\n",
    );
    let kinds: Vec<String> = waiting(&repository).into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, ["add_membership", "grant_site"]);
    repository.run(["plan"]).ends_with(0).prints("removed (was operator, 2 sites)  starts later");
}
