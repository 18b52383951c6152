//! People under `inactive:`, and others who are to be kept out (`language.md` §2, §3.5 and §3.8): they leave whatever
//! else stands there, and nothing is done to whom the scope leaves out.

use crate::support::cli::Repository;

const CATALOG: &str = "\
roles:
  manager: { rank: 40, site_access: all, admin: true }
  operator: { rank: 20 }
  reader: { rank: 5 }
organizations: { north: { sites: { pit-1: {}, pit-2: {} } } }
users:
  boss@example.com: { access: { north: manager } }
  boss2@example.com: { access: { north: manager } }
";

const LIVE: &str = "
insert into roles(name,rank,site_access,admin) values
    ('manager',40,'all',1), ('operator',20,'selected',0), ('reader',5,'selected',0);
insert into organizations(name) values ('north');
insert into sites(organization_id,name) values (1,'pit-1'), (1,'pit-2');
insert into users(key) values ('boss@example.com'), ('boss2@example.com'), ('ana@example.com');
insert into memberships values (1,1,1,null), (2,1,1,null), (3,1,2,null);
insert into site_grants values (3,1,1,null), (3,1,2,null);
";

/// Two managers and an operator of both sites of `north`, all active; ana is declared nowhere as yet.
pub(super) fn north(manage: &str, rules: &str) -> Repository {
    let repository = Repository::empty();
    let store = format!("{{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {rules} }} }}");
    let guards = "guards: { removals: { max_percent: 100, min_count: 50 } }\n";
    repository.write("rollcall.yaml", &format!("version: 1\nstores: {store}\nmanage: {{ {manage} }}\n{guards}"));
    repository.write("access/catalog.yaml", CATALOG);
    repository.run(["init"]).ends_with(0);
    repository.sql(LIVE);
    repository
}

/// The ids of a plan's actions.
pub(super) fn ids(repository: &Repository) -> Vec<String> {
    let document = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    let ids = document["actions"].as_array().expect("actions").iter();
    ids.map(|action| action["id"].as_str().expect("an id").to_owned()).collect()
}

fn status(repository: &Repository, key: &str) -> String {
    let sql = "select status from users where key = ?1";
    repository.store().query_row(sql, [key], |row| row.get(0)).expect("a status")
}

const DEACTIVATED: [&str; 1] = ["deactivate_user ana@example.com"];

#[test]
fn a_leaver_whose_access_no_manifest_can_say_is_deactivated() {
    let cases = [
        "insert into roles(name,rank,admin,grantable) values ('root',50,1,0); update memberships set role_id=4 where user_id=3",
        "insert into sites(organization_id,name) values (1,'s*'); insert into site_grants values (3,1,3,null)",
        "insert into roles(name,rank) values ('r*',50); update memberships set role_id=4 where user_id=3",
    ];
    for case in cases {
        let repository = north("absent_users: deactivate", "default");
        repository.sql(case);
        repository.write("access/leavers.yaml", "inactive: [ana@example.com]\n");
        assert_eq!(ids(&repository), DEACTIVATED, "{case}");
        repository.run(["apply", "--yes"]).ends_with(0);
        assert_eq!(status(&repository, "ana@example.com"), "inactive", "{case}");
        repository.run(["plan"]).ends_with(0).prints("no changes");
    }
}

#[test]
fn who_leaves_loses_also_what_is_left_to_others() {
    let cases = [
        "users: { ana@example.com: { access: unmanaged } }\ninactive: [ana@example.com]\n",
        "users: { ana@example.com: { access: { north: unmanaged } } }\ninactive: [ana@example.com]\n",
        "users: { ana@example.com: { access: { north: { role: unmanaged, sites: unmanaged } } } }\ninactive: [ana@example.com]\n",
        "users: { ana@example.com: { status: inactive, access: unmanaged } }\n",
        "users: { ana@example.com: { expires: 2020-01-01, access: unmanaged } }\n",
    ];
    for accounts in ["", ", accounts: true"] {
        for case in cases {
            let repository = north(&format!("organizations: [north], absent_users: deactivate{accounts}"), "default");
            repository
                .sql("insert into organizations(name) values ('else'); insert into memberships values (3,2,2,null)");
            repository.write("access/ana.yaml", case);
            assert_eq!(ids(&repository), ["remove_membership ana@example.com north"], "{case}");
            repository.run(["apply", "--yes"]).ends_with(0);
            let places = "select count(*) from memberships where user_id = 3";
            let left: u32 = repository.store().query_row(places, [], |row| row.get(0)).expect("a count");
            assert_eq!(left, 1, "{case}");
            repository.run(["plan"]).ends_with(0).prints("no changes");
        }
    }
}

#[test]
fn with_a_list_a_leaver_without_a_membership_in_it_is_out_of_scope() {
    let repository = north("organizations: [north], accounts: true, absent_users: report", "default");
    repository.sql("insert into users(key) values ('none@example.com')");
    for manifest in ["inactive: [none@example.com]\n", "users: { none@example.com: { status: inactive } }\n"] {
        repository.write("access/none.yaml", manifest);
        let plan = repository
            .run(["plan"])
            .ends_with(0)
            .prints("user none@example.com: has no membership in scope")
            .out
            .clone();
        assert!(plan.contains("no changes"), "{plan}");
    }
}

#[test]
fn before_the_day_nothing_is_done_to_a_leaver_who_is_named_nowhere_else() {
    for absent in ["deactivate", "report"] {
        let repository = north(&format!("absent_users: {absent}"), "default");
        repository.write("access/leavers.yaml", "inactive: [{ user: ana@example.com, from: 2026-12-24 }]\n");
        let plan = |at: &str| repository.run(["plan", "--format", "json", "--at", at]).ends_with(0).json();
        let before = plan("2026-12-20T12:00:00Z");
        assert_eq!(before["actions"], serde_json::json!([]), "{absent}");
        assert_eq!(before["expiring"][0]["user"], "ana@example.com");
        assert_eq!(before["expiring"][0]["at"], "2026-12-24T00:00:00Z");
        assert_eq!(before["basis"]["valid_until"], "2026-12-24T00:00:00Z");
        let text = repository.run(["plan", "--at", "2026-12-20T12:00:00Z"]).ends_with(0).out.clone();
        assert!(text.contains("named only under `inactive`, from a later day on"), "{text}");
        assert!(!text.contains("no manifest names this person"), "{text}");
        assert_eq!(plan("2026-12-24T00:00:00Z")["actions"][0]["id"], DEACTIVATED[0]);
    }
}

#[test]
fn a_leaver_whose_invitation_cannot_be_cancelled_is_told_with_what_is_done_then() {
    for (offboarding, kind) in [("[deactivate, delete]", "deactivate_user"), ("[strip, delete]", "strip_user")] {
        let rules = format!("{{ extends: default, offboarding: {offboarding}, invitations: {{ cancel: false }} }}");
        let repository = north("absent_users: deactivate", &rules);
        repository.write("access/new.yaml", "users: { new@example.com: { access: { north: reader } } }\n");
        repository.run(["apply", "--yes", "--target", "new@example.com"]).ends_with(0);
        for manifest in [
            "inactive: [new@example.com, ana@example.com]\n",
            "users: { new@example.com: { status: inactive }, ana@example.com: { status: inactive } }\n",
        ] {
            repository.write("access/new.yaml", manifest);
            let run = repository.run(["plan", "--format", "json"]);
            let plan = run.ends_with(0).json();
            let waiting = plan["deferred"].as_array().expect("a list");
            let told: Vec<(&str, &str)> = waiting
                .iter()
                .map(|one| (one["action"].as_str().expect("a kind"), one["waits_for"].as_str().expect("a reason")))
                .collect();
            assert_eq!(told, [(kind, "acceptance")]);
            let run = repository.run(["plan"]);
            run.ends_with(0).tells("the pending invitation of `new@example.com` can't be cancelled in this store");
            run.tells("`rollcall deactivate new@example.com` keeps it from being accepted");
        }
    }
}

#[test]
fn no_invitation_goes_out_again_to_a_leaver_nor_while_the_manifests_are_not_valid() {
    for absent in ["deactivate", "report"] {
        let repository = north(&format!("absent_users: {absent}"), "default");
        repository.write("access/new.yaml", "users: { new@example.com: { access: { north: manager } } }\n");
        repository.run(["apply", "--yes", "--target", "new@example.com"]).ends_with(0);
        repository.run(["invitations", "decline", "new@example.com"]).ends_with(0);
        repository.write("access/new.yaml", "inactive: [new@example.com]\n");
        repository
            .run(["invitations", "resend", "new@example.com", "--yes"])
            .ends_with(1)
            .tells("the manifests do not let new@example.com in");
        repository.write("access/typo.yaml", "users: [\n");
        repository
            .run(["invitations", "resend", "new@example.com", "--yes"])
            .ends_with(3)
            .tells("the manifests are not valid, so whom they let in is not known")
            .tells("`rollcall validate` lists what is wrong");
        let sql = "select count(*) from invitations where state = 'pending'";
        let pending: u32 = repository.store().query_row(sql, [], |row| row.get(0)).expect("a count");
        assert_eq!(pending, 0);
    }
}

#[test]
fn no_invitation_goes_out_again_to_whom_nobody_declares() {
    let repository = north("absent_users: report", "default");
    repository.write("access/new.yaml", "users: { new@example.com: { access: { north: manager } } }\n");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["invitations", "decline", "new@example.com"]).ends_with(0);
    std::fs::remove_file(repository.file("access/new.yaml")).expect("a file");
    let resend = ["invitations", "resend", "new@example.com", "--yes"];
    repository.run(resend).ends_with(1).tells("the manifests do not let new@example.com in");
    repository.write("access/new.yaml", "users: { new@example.com: { access: { north: manager } } }\n");
    repository.run(resend).ends_with(0);
}

#[test]
fn a_tombstone_with_a_list_is_told_as_absent() {
    let repository = north("organizations: [north], absent_users: report", "default");
    repository.write("access/ana.yaml", "users: { ana@example.com: { status: absent } }\n");
    repository.run(["plan"]).ends_with(0).prints("declared absent");
}

#[test]
fn whose_key_is_no_valid_one_is_locked_out_by_the_statement_that_is_told() {
    for key in ["root", "a b@example.com", "ana@example.com "] {
        let repository = north("absent_users: deactivate", "default");
        repository.store().execute("insert into users(key) values (?1)", [key]).expect("typed by hand");
        repository.sql("insert into memberships values (4,1,1,null)");
        for manifest in ["users: { ana@example.com: { access: {} } }\n", "users: [\n"] {
            repository.write("access/ana.yaml", manifest);
            let run = repository.run(["deactivate", key, "--yes"]);
            run.ends_with(1).tells("which is no valid one: no action can name it");
            run.tells(&format!("UPDATE users SET status = 'inactive' WHERE key = '{key}'"));
            assert!(!run.err.contains("nobody has the key"), "{run}");
            assert_eq!(status(&repository, "ana@example.com"), "active");
        }
        repository.write("access/ana.yaml", "users: { ana@example.com: { access: {} } }\n");
        repository.run(["explain", key]).ends_with(0).prints("which is no valid one");
        repository.run(["plan", "--target", key]).ends_with(1).tells("which is no valid one");
    }
}

#[test]
fn a_site_that_cannot_be_renamed_is_kept_under_its_former_name() {
    for manage in ["catalog: existing", "organizations: [north], catalog: existing"] {
        let repository = north(&format!("absent_users: deactivate, {manage}"), "default");
        repository.edit("access/catalog.yaml", "pit-1: {}", "pit-A: { previously: pit-1 }");
        repository.write(
            "access/ana.yaml",
            "users: { ana@example.com: { access: { north: { role: operator, sites: [pit-A, pit-2] } } } }\n",
        );
        assert_eq!(ids(&repository), [""; 0]);
        let run = repository.run(["plan"]);
        run.ends_with(0).tells("site `pit-1` can't become `pit-A`: the catalog of this store is not written");
        run.prints("north stays as it is: the catalog of this store is not written (`manage.catalog`)");
        // Whoever is not to have it loses it all the same.
        repository.edit("access/ana.yaml", "pit-A, ", "");
        assert_eq!(ids(&repository), ["revoke_site ana@example.com north pit-1"]);
    }
}

#[test]
fn a_role_that_goes_after_its_last_holder_is_told_with_that_holder() {
    let repository = north("absent_users: report", "default");
    repository.edit("access/catalog.yaml", "reader: { rank: 5 }", "reader: { status: absent }");
    repository.write("access/ana.yaml", "users: { ana@example.com: { status: absent } }\n");
    let deactivated = |at: &str| {
        let set = format!(
            "update memberships set role_id = 3 where user_id = 3; update users set status = 'inactive' where id = 3; update users set deactivated_at = {at} where id = 3"
        );
        repository.sql(&set);
    };
    deactivated("'2026-11-20T00:00:00Z'");
    let plan = || repository.run(["plan", "--at", "2026-11-25T00:00:00Z"]).ends_with(0).out.clone();
    assert!(
        plan().contains("role reader is deleted after ana@example.com, whose time of grace is not over, not before"),
        "{}",
        plan()
    );
    deactivated("null");
    let told = plan();
    assert!(told.contains("role reader is deleted after ana@example.com, whose time of grace is not over"), "{told}");
    assert!(told.contains("since when ana@example.com is deactivated is not known"), "{told}");
    deactivated("'2030-01-01T00:00:00Z'");
    let told = plan();
    assert!(told.contains("ana@example.com was deactivated on 2030-01-01 by the store, which is to come"), "{told}");
}

#[test]
fn two_live_organizations_of_one_rename_are_told_in_plain_words() {
    let repository = north("absent_users: report", "default");
    repository.sql("insert into organizations(name) values ('old')");
    repository.edit("access/catalog.yaml", "north: {", "north: { previously: old,");
    repository.run(["plan"]).ends_with(3).tells("the store has an organization `old` and an organization `north`");
}

#[test]
fn a_bracket_that_is_never_closed_is_one_mistake() {
    let repository = north("absent_users: report", "default");
    repository.write("access/ana.yaml", "users: [\n");
    let run = repository.run(["validate"]);
    run.ends_with(3).tells("unclosed bracket");
    assert!(!run.err.contains("wrong-type"), "{run}");
}

/// Whoever leaves with all access keeps none where no manifest says anything; who leaves what is declared keeps the rest.
#[test]
fn an_undeclared_organization_counts_nobody_who_leaves_with_all_access() {
    let strip = "{ extends: default, offboarding: [strip, close], undo: { strip: true }, allows: null }";
    let one = "organization east: no manifest names it, and 1 person keeps access there";
    let two = "organization east: no manifest names it, and 2 people keep access there";
    for rules in ["default", strip] {
        let repository = north("absent_users: deactivate", rules);
        repository.sql(
            "insert into organizations(name) values ('east'); insert into memberships values (2,2,3,null), (3,2,3,null)",
        );
        let kind = if rules == strip { "strip_user ana@example.com" } else { DEACTIVATED[0] };
        let ana = "users: { ana@example.com: { access: { north: operator } } }\n";
        for manifest in [
            ana.replace("{ access", "{ expires: 2020-01-01, access"),
            ana.replace("{ access", "{ status: inactive, access"),
            "inactive: [ana@example.com]\n".to_owned(),
        ] {
            repository.write("access/users.yaml", &manifest);
            assert_eq!(ids(&repository), [kind]);
            repository.run(["plan"]).ends_with(0).prints(one);
        }
        repository.write("access/users.yaml", "users: {}\n");
        assert_eq!(ids(&repository), ["remove_membership ana@example.com north"]);
        repository.run(["plan"]).ends_with(0).prints(two);
    }
}

#[test]
fn a_leaver_named_by_a_former_key_is_declared_and_the_list_follows_the_rename() {
    let repository = north("absent_users: report", "default");
    let bea = "users: { bea@example.com: { previously: ana@example.com, access: { north: operator } } }\n";
    repository.write("access/users.yaml", &format!("{bea}inactive: [ana@example.com]\n"));
    let plan = repository.run(["plan"]);
    plan.ends_with(0).prints("deactivated (was operator of north");
    assert!(!format!("{}{}", plan.out, plan.err).contains("declared nowhere"), "{plan}");
    repository.run(["apply", "--yes"]).ends_with(0);
    let after = repository.run(["plan"]);
    after.ends_with(0);
    let told = format!("{}{}", after.out, after.err);
    assert!(told.contains("name `bea@example.com` under `inactive` instead of `ana@example.com`"), "{after}");
}
