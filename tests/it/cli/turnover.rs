//! Renames, tombstones and the grace before a deletion, on the command line.

use crate::support::cli::Repository;

const CATALOG: &str = "\
organizations:
  north: { sites: { pit-1: {} } }
roles:
  manager: { rank: 40, admin: true }
  operator: { rank: 20 }
";

const DEACTIVATES: &str = "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: default } }\n\
                           manage: { absent_users: deactivate }\nguards: { deletions: { max_count: 5 } }\n";

/// Ana and Ben, active, under these rules; deletions pass the guards.
fn repository(rules: &str) -> Repository {
    let repository = Repository::empty();
    let settings = format!(
        "version: 1\nstores: {{ local: {{ sqlite: {{ path: .rollcall/store.db }}, rules: {rules} }} }}\n\
         manage: {{ absent_users: deactivate }}\nguards: {{ deletions: {{ max_count: 5 }} }}\n"
    );
    repository.write("rollcall.yaml", &settings);
    declare(&repository, CATALOG, "{ access: { north: operator } }", "ben");
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes", "--at", "2026-11-22T10:00:00Z"]).ends_with(0);
    repository
}

/// Declares Ana, an admin, and another user.
fn declare(repository: &Repository, catalog: &str, user: &str, key: &str) {
    let text = format!(
        "{catalog}users:\n  ana@example.com: {{ access: {{ north: manager }} }}\n  {key}@example.com: {user}\n"
    );
    repository.write("access/all.yaml", &text);
}

const CREATES: &str = "{ extends: default, onboarding: create }";

/// The ids of a plan's actions, and what waits for what, since when.
fn plan(repository: &Repository, at: &str) -> (Vec<String>, Vec<(String, serde_json::Value)>) {
    let document = repository.run(["plan", "--format", "json", "--at", at]).ends_with(0).json();
    let list = |name: &str| document[name].as_array().expect("a list").clone();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let waits = list("deferred")
        .into_iter()
        .map(|one| (format!("{} {}", text(&one["action"]), text(&one["waits_for"])), one["since"].clone()));
    (list("actions").iter().map(|one| text(&one["id"])).collect(), waits.collect())
}

const SOON: &str = "2026-11-22T11:00:00Z";

#[test]
fn both_names_live_is_an_error_at_both_places() {
    let repository = repository(CREATES);
    let text = repository.read("access/all.yaml") + "  roy@example.com: { access: {} }\n";
    repository.write("access/all.yaml", &text);
    repository.run(["apply", "--yes", "--at", SOON]).ends_with(0);
    declare(&repository, CATALOG, "{ previously: ben@example.com, access: {} }", "roy");
    let run = repository.run(["plan"]);
    run.ends_with(3).tells("former-name").tells("access/all.yaml:8:34").tells("declared here").prints_nothing();
    // Organizations, sites and roles as well.
    repository.sql("INSERT INTO organizations (name) VALUES ('south'); INSERT INTO roles (name) VALUES ('driver');
                    INSERT INTO sites (organization_id, name) SELECT id, 'pit-2' FROM organizations WHERE name = 'north';");
    for (old, new, kind) in [
        ("north: { sites", "south: { previously: north, sites", "an organization"),
        ("pit-1: {}", "pit-2: { previously: pit-1 }", "a site"),
        ("operator: { rank", "driver: { previously: operator, rank", "a role"),
    ] {
        let catalog = CATALOG.replace(old, new);
        let users = if kind == "an organization" { "north: manager" } else { "\u{0}" };
        declare(&repository, &catalog, "{ access: {} }", "ben");
        repository.write("access/all.yaml", &repository.read("access/all.yaml").replace(users, "south: manager"));
        repository.run(["plan"]).ends_with(3).tells(&format!("the store has {kind}")).tells("former name here");
    }
}

#[test]
fn a_rename_that_is_done_leaves_a_line_that_can_go_and_one_of_nobody_is_told() {
    let repository = repository(CREATES);
    declare(&repository, CATALOG, "{ previously: ben@example.com, access: { north: operator } }", "roy");
    let (ids, _) = plan(&repository, SOON);
    assert_eq!(ids, ["rename_user roy@example.com"]);
    repository.run(["apply", "--yes", "--at", SOON]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes").tells("rename-done").tells("take this line out");
    let catalog = CATALOG
        .replace("operator: { rank", "driver: { previously: dirver, rank")
        .replace("pit-1: {}", "pit-1: {}, pit-2: { previously: pti-1 }");
    declare(&repository, &catalog, "{ previously: bne@example.com, access: { north: driver } }", "kim");
    let run = repository.run(["plan"]);
    run.ends_with(0).tells("unknown-former-name").prints("kim@example.com");
    for (kind, old) in [("user", "bne@example.com"), ("role", "dirver"), ("site", "pti-1")] {
        run.tells(&format!("the store has no {kind} `{old}`"));
    }
}

#[test]
fn keys_that_never_change_are_not_renamed() {
    let repository = repository("{ extends: default, onboarding: create, identity: { immutable: true } }");
    declare(&repository, CATALOG, "{ previously: ben@example.com, access: { north: operator } }", "roy");
    let run = repository.run(["validate"]);
    run.ends_with(3).tells("previously");
    repository.run(["plan"]).ends_with(3).prints_nothing();
}

#[test]
fn a_renamed_person_may_be_ended_in_the_same_plan() {
    let repository = repository(CREATES);
    declare(&repository, CATALOG, "{ previously: ben@example.com, status: absent }", "roy");
    let (ids, waits) = plan(&repository, SOON);
    assert_eq!(ids, ["rename_user roy@example.com", "deactivate_user roy@example.com"]);
    assert_eq!(waits[0].0, "delete_user grace");
    repository.run(["apply", "--yes", "--at", SOON]).ends_with(0);
    assert_eq!(plan(&repository, "2026-12-22T10:59:59Z").1[0], ("delete_user grace".to_owned(), SOON.into()));
    let (ids, waits) = plan(&repository, "2026-12-22T11:00:00Z");
    assert_eq!((ids, waits.len()), (vec!["delete_user roy@example.com".to_owned()], 0));
}

#[test]
fn what_can_not_be_deleted_is_closed_instead_and_the_plan_says_so() {
    let repository = repository(
        "{ extends: default, onboarding: create, offboarding: [deactivate, delete, close], allows: { delete: never_used } }",
    );
    declare(&repository, CATALOG, "{ status: absent }", "ben");
    repository.run(["apply", "--yes", "--at", SOON]).ends_with(0);
    let late = "2027-01-22T11:00:00Z";
    let document = repository.run(["plan", "--format", "json", "--at", late]).ends_with(0).json();
    assert_eq!(document["actions"][0]["id"], "delete_user ben@example.com");
    assert_eq!(document["actions"][0]["else"], "close_user");
    repository.run(["apply", "--yes", "--at", late]).ends_with(0);
    let status: String = repository
        .store()
        .query_row("SELECT status FROM users WHERE key = 'ben@example.com'", [], |row| row.get(0))
        .expect("a status");
    assert_eq!(status, "closed");
    assert_eq!(plan(&repository, late), (vec![], vec![]));
}

#[test]
fn a_plan_saved_before_a_deletion_falls_due_is_stale_from_then_on() {
    let repository = repository(CREATES);
    declare(&repository, CATALOG, "{ status: absent }", "ben");
    repository.run(["apply", "--yes", "--at", SOON]).ends_with(0);
    let text = repository.read("access/all.yaml") + "  kim@example.com: { access: {} }\n";
    repository.write("access/all.yaml", &text);
    repository.run(["plan", "--out", "plan.json", "--at", "2026-12-01T00:00:00Z"]).ends_with(0);
    let saved: serde_json::Value = serde_json::from_str(&repository.read("plan.json")).expect("a plan");
    assert_eq!(saved["basis"]["valid_until"], "2026-12-22T11:00:00Z");
    let run = repository.run(["apply", "plan.json", "--yes", "--at", "2026-12-22T11:00:00Z"]);
    run.ends_with(5).prints("the plan was valid until");
    repository.run(["apply", "plan.json", "--yes", "--at", "2026-12-22T10:00:00Z"]).ends_with(0);
}

#[test]
fn somebody_in_grace_who_is_declared_again_stays() {
    let repository = repository(CREATES);
    declare(&repository, CATALOG, "{ status: absent }", "ben");
    repository.run(["apply", "--yes", "--at", SOON]).ends_with(0);
    declare(&repository, CATALOG, "{ status: active, access: { north: operator } }", "ben");
    assert_eq!(plan(&repository, "2027-06-01T00:00:00Z").0, ["reactivate_user ben@example.com"]);
}

#[test]
fn where_accounts_are_stripped_the_grace_counts_from_the_date_of_the_journal() {
    let repository = repository("{ extends: default, onboarding: create, offboarding: [strip, delete] }");
    declare(&repository, CATALOG, "{ status: absent }", "ben");
    repository.run(["apply", "--yes", "--at", SOON]).ends_with(0).prints("stripped of all access");
    let due = "2026-12-22T11:00:00Z";
    assert_eq!(
        plan(&repository, "2026-12-01T00:00:00Z"),
        (vec![], vec![("delete_user grace".to_owned(), SOON.into())])
    );
    assert_eq!(plan(&repository, due).0, ["delete_user ben@example.com"]);
    // The date goes along with a new key.
    declare(&repository, CATALOG, "{ previously: ben@example.com, status: absent }", "roy");
    assert_eq!(plan(&repository, due).0, ["rename_user roy@example.com", "delete_user roy@example.com"]);
    repository.run(["apply", "--yes", "--at", "2026-12-01T00:00:00Z"]).ends_with(0);
    assert_eq!(plan(&repository, due).0, ["delete_user roy@example.com"]);
    // A journal that was altered tells no date, and neither does one that is not there.
    let journal = ".rollcall/journal-local.jsonl";
    let lines = repository.read(journal);
    repository.write(journal, &lines.replace("2026-11-22T11:00:00Z", "2026-01-01T00:00:00Z"));
    assert_eq!(plan(&repository, due), (vec![], vec![("delete_user grace".to_owned(), serde_json::Value::Null)]));
    std::fs::remove_file(repository.file(journal)).expect("removed");
    assert_eq!(plan(&repository, due), (vec![], vec![("delete_user grace".to_owned(), serde_json::Value::Null)]));
}

#[test]
fn who_was_locked_out_is_not_let_in_under_another_key() {
    let repository = repository("{ extends: default }");
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0);
    declare(&repository, CATALOG, "{ previously: ben@example.com, access: { north: operator } }", "roy");
    assert_eq!(
        plan(&repository, "2026-11-23T00:00:00Z"),
        (vec![], vec![("invite_user decision".to_owned(), serde_json::Value::Null)])
    );
    // Stripped, renamed, and still out after that.
    let repository = self::repository("{ extends: default, onboarding: create, offboarding: [strip], allows: null }");
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0);
    declare(&repository, CATALOG, "{ previously: ben@example.com, access: { north: operator } }", "roy");
    let run = repository.run(["apply", "--yes"]);
    run.ends_with(0);
    declare(&repository, CATALOG, "{ access: { north: operator } }", "roy");
    let (ids, waits) = plan(&repository, "2027-11-23T00:00:00Z");
    assert_eq!((ids, waits[0].0.as_str()), (vec![], "add_membership decision"), "{run}");
}

#[test]
fn a_site_goes_although_somebody_who_reaches_all_has_an_old_grant_on_it() {
    let repository = Repository::empty();
    repository.write("rollcall.yaml", DEACTIVATES);
    let access = |site: &str| {
        format!(
            "organizations: {{ north: {{ sites: {{ pit-1: {{}}, pit-2: {site} }} }} }}\n\
             roles: {{ manager: {{ rank: 40, admin: true, site_access: all }} }}\n\
             users: {{ ana@example.com: {{ access: {{ north: manager }} }} }}\n"
        )
    };
    repository.write("access/a.yaml", &access("{}"));
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["invitations", "accept", "ana@example.com"]).ends_with(0);
    repository.sql(
        "INSERT INTO site_grants(user_id, organization_id, site_id) SELECT m.user_id, m.organization_id, s.id FROM \
         memberships m JOIN sites s ON s.organization_id = m.organization_id WHERE s.name = 'pit-2'",
    );
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository.write("access/a.yaml", &access("{ status: absent }"));
    repository.run(["apply", "--yes"]).ends_with(0).prints("1 site deleted");
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn who_has_a_default_site_through_another_site_can_be_imported_and_leave() {
    let repository = Repository::empty();
    repository.write("rollcall.yaml", DEACTIVATES);
    let catalog = "organizations: { north: { sites: { hall: { includes: [desk] }, desk: {} } } }\n\
                   roles: { manager: { rank: 40, admin: true }, viewer: { rank: 10 } }\n\
                   users:\n  ana@example.com: { access: { north: manager } }\n";
    let bo = "  bo@example.com: { access: { north: { role: viewer, sites: [hall], default_site: desk } } }\n";
    repository.write("access/a.yaml", &format!("{catalog}{bo}"));
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    for who in ["ana@example.com", "bo@example.com"] {
        repository.run(["invitations", "accept", who]).ends_with(0);
    }
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["import", "--out", "imported"]).ends_with(0);
    repository.run(["plan", "--manifests", "imported"]).ends_with(0).prints("no changes");
    repository.write("access/a.yaml", catalog);
    repository.run(["plan"]).ends_with(0).prints("- bo@example.com  deactivated");
}

/// Ana and Ben are invited, and all seats are taken by that.
#[test]
fn who_is_renamed_while_invited_is_counted_once() {
    let repository = repository("{ extends: default, seats: { max: 2, counts: [active, invited] } }");
    declare(&repository, CATALOG, "{ previously: ben@example.com, access: { north: operator } }", "roy");
    let document = repository.run(["plan", "--format", "json", "--at", SOON]).ends_with(0).json();
    let ids: Vec<&str> =
        document["actions"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["cancel_invitation ben@example.com", "invite_user roy@example.com"]);
    assert_eq!(document["deferred"].as_array().map(Vec::len), Some(0), "no second seat is needed: {document}");
    let people = &document["summary"]["people"];
    for what in ["join", "leave", "gain", "lose"] {
        assert_eq!(people[what], 0, "one person, who has what they had: {people}");
    }
    for guard in document["guards"].as_array().unwrap().iter().filter(|guard| guard["guard"] != "mails") {
        let is_about_people = ["removals", "deletions", "escalations"].contains(&guard["name"].as_str().unwrap());
        assert!(!is_about_people || guard["count"] == 0, "{guard}");
    }
    repository.run(["apply", "--yes", "--at", SOON]).ends_with(0);
    repository.run(["plan", "--at", SOON]).ends_with(0).prints("no changes");
}

/// The line stays in the manifest until somebody takes it out, whatever happens to the former name meanwhile.
#[test]
fn nobody_is_renamed_twice_where_the_former_key_stays_in_the_manifest() {
    for rules in [CREATES, "default"] {
        let repository = repository(rules);
        let roy = "{ previously: ben@example.com, access: { north: operator } }";
        declare(&repository, CATALOG, roy, "roy");
        repository.run(["plan", "--out", "saved.json", "--at", SOON]).ends_with(0);
        repository.run(["apply", "saved.json", "--at", SOON]).ends_with(3).tells("--yes");
        repository.run(["apply", "saved.json", "--yes", "--at", SOON]).ends_with(0);
        let people = || {
            let store = repository.store();
            let mut statement = store.prepare("SELECT key || ' ' || status FROM users ORDER BY key").unwrap();
            let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
            rows.collect::<Result<Vec<_>, _>>().unwrap()
        };
        let after = people();
        assert_eq!(after.len(), 2, "{after:?}");
        assert!(after[1].starts_with("roy@example.com "), "{after:?}");
        for _ in 0..2 {
            assert_eq!(plan(&repository, SOON), (vec![], vec![]));
            repository.run(["apply", "--yes", "--at", SOON]).ends_with(0).tells("rename-done");
        }
        let again = repository.run(["apply", "saved.json", "--yes", "--at", SOON]);
        again.ends_with(0);
        assert_eq!(people(), after, "{again}");
        // Somebody else gets the key that Roy had: that is no Roy, and nobody becomes one.
        repository.sql("INSERT INTO users (key, status) VALUES ('ben@example.com', 'active')");
        let before = people();
        for command in [&["plan"][..], &["apply", "--yes"], &["apply", "saved.json", "--yes"]] {
            repository.run(command).ends_with(3).tells("former-name").prints_nothing();
        }
        assert_eq!(people(), before);
        declare(&repository, CATALOG, "{ access: { north: operator } }\n  ben@example.com: { access: {} }", "roy");
        assert_eq!(plan(&repository, SOON), (vec![], vec![]));
    }
}

/// What is deleted with its holder waits for what takes it now, by whatever key, and not for the deletion of the account.
#[test]
fn a_deferred_deletion_of_a_user_whose_key_is_renamed_keeps_nothing_else_waiting() {
    let rules = "{ extends: default, onboarding: create, offboarding: [strip, delete] }";
    let repository = repository(rules);
    let catalog = CATALOG.replace("operator: { rank: 20 }", "operator: { status: absent }");
    declare(&repository, &catalog, "{ previously: ben@example.com, status: absent }", "roy");
    let (ids, waits) = plan(&repository, SOON);
    assert_eq!(ids, ["rename_user roy@example.com", "strip_user roy@example.com", "delete_role operator"]);
    assert_eq!(waits, [("delete_user grace".to_owned(), serde_json::Value::Null)]);
    repository.run(["apply", "--yes", "--at", SOON]).ends_with(0);
    // The grace counts from the day on which the person was stripped under the former key, or under the new one.
    assert_eq!(plan(&repository, "2026-12-22T10:59:59Z").1, [("delete_user grace".to_owned(), SOON.into())]);
    let late = "2026-12-22T11:00:00Z";
    assert_eq!(plan(&repository, late), (vec!["delete_user roy@example.com".to_owned()], vec![]));
    repository.run(["apply", "--yes", "--at", late]).ends_with(0);
    assert_eq!(plan(&repository, late), (vec![], vec![]), "nobody is renamed or made anew");
}
