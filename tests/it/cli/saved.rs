//! Saved plans on the command line: written, read, applied, refused, stale.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::{Value, json};

use super::super::support::cli::Repository;

/// Ana and Ben, applied and in; then Ben gets a second site, Cara comes, and the plan of that is saved.
fn saved() -> Repository {
    let repository = Repository::applied();
    for user in ["ana", "ben"] {
        repository.run(["invitations", "accept", &format!("{user}@example.com")]).ends_with(0);
    }
    repository.edit("access/all.yaml", "sites: [pit-1]", "sites: [pit-1, pit-2]");
    let cara = "users:\n  cara@example.com: { access: { north: { role: operator, sites: [pit-1] } } }\n";
    repository.write("access/cara.yaml", cara);
    repository.run(["plan", "--out", "plan.json"]).ends_with(0).tells("rollcall apply plan.json");
    repository
}

fn document(repository: &Repository) -> Value {
    serde_json::from_str(&repository.read("plan.json")).expect("one document")
}

fn shown(repository: &Repository) -> String {
    let store = repository.store();
    let count: i64 = store.query_row("SELECT count(*) FROM site_grants", [], |row| row.get(0)).expect("grants");
    let users: String = store
        .query_row("SELECT group_concat(key || status, ' ' ORDER BY key) FROM users", [], |row| row.get(0))
        .expect("users");
    format!("{users} {count}")
}

#[test]
fn a_saved_plan_is_the_document_and_is_private() {
    let repository = saved();
    let plan =
        repository.run(["plan", "--format", "json", "--at", document(&repository)["basis"]["at"].as_str().unwrap()]);
    assert_eq!(plan.json(), document(&repository));
    let mode = fs::metadata(repository.file("plan.json")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let left: Vec<_> = fs::read_dir(repository.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".tmp")), "{left:?}");
    repository.run(["plan", "--out", "plan.json", "--detailed-exitcode"]).ends_with(2);
}

#[test]
fn a_folder_that_is_missing_is_told() {
    let repository = Repository::applied();
    let run = repository.run(["plan", "--out", "nodir/x.json"]);
    run.ends_with(1)
        .tells("the plan can't be saved in")
        .tells("the folder")
        .tells("nodir` is not there; make it first");
    assert!(!run.all().contains("os error"), "{run}");
    repository.write("file", "");
    repository.run(["plan", "--out", "file/x.json"]).ends_with(1).tells("is no folder");
}

#[test]
fn only_another_plan_is_written_over_and_no_link_is_followed() {
    let repository = saved();
    repository.write("notes.txt", "mine");
    repository.run(["plan", "--out", "notes.txt"]).ends_with(3).tells("something else than a saved plan is there");
    repository.write("json.json", "{}");
    repository.run(["plan", "--out", "json.json"]).ends_with(3);
    assert_eq!((repository.read("notes.txt"), repository.read("json.json")), ("mine".to_owned(), "{}".to_owned()));
    symlink(repository.file("plan.json"), repository.file("link.json")).expect("a link");
    symlink("nowhere.json", repository.file("dangling.json")).expect("a link");
    for link in ["link.json", "dangling.json", "access", "nowhere/plan.json"] {
        let code = if link == "nowhere/plan.json" { 1 } else { 3 };
        repository.run(["plan", "--out", link]).ends_with(code);
    }
    assert!(!repository.file("nowhere.json").exists());
    repository.run(["apply", "link.json", "--yes"]).ends_with(3).tells("no plain file");
}

#[test]
fn a_saved_plan_is_applied_and_again_does_nothing() {
    let repository = saved();
    repository.run(["apply", "plan.json"]).ends_with(3).tells("--yes");
    repository.run(["apply", "plan.json", "--yes"]).ends_with(0).prints("2 actions: 2 done");
    repository.run(["plan"]).ends_with(0).prints("no changes");
    let again = repository.run(["apply", "plan.json", "--yes", "--format", "json"]);
    let report = again.ends_with(0).json();
    assert_eq!(report["counts"], json!({ "already_true": 2 }));
    assert_eq!(report["digest"], document(&repository)["digest"]);
    assert_eq!((&report["changed"], &report["besides"]), (&json!([]), &json!([])));
    let digest = report["digest"].as_str().expect("a digest").to_owned();
    repository.run(["apply", "plan.json", "--approved", &digest]).ends_with(0);
    let other = format!("sha256:{}", "0".repeat(64));
    repository.run(["apply", "plan.json", "--approved", &other]).ends_with(5);
}

#[test]
fn what_today_would_do_besides_is_told_and_not_done() {
    let repository = saved();
    repository.write(
        "access/dan.yaml",
        "users:\n  dan@example.com: { access: { north: { role: operator, sites: [pit-2] } } }\n",
    );
    let run = repository.run(["apply", "plan.json", "--yes"]);
    run.ends_with(0).prints("not in this plan").prints("invite_user dan@example.com").prints("2 actions: 2 done");
    repository.run(["plan"]).ends_with(0).prints("dan@example.com");
    let report = repository.run(["apply", "plan.json", "--yes", "--format", "json"]).ends_with(0).json();
    assert_eq!(report["besides"], json!(["invite_user dan@example.com"]));
}

#[test]
fn a_stale_plan_writes_nothing_and_says_what_changed() {
    let repository = saved();
    repository.sql("UPDATE users SET status = 'inactive' WHERE key = 'ben@example.com'; DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE key = 'ben@example.com');");
    repository.sql(
        "INSERT INTO users (key, identity, status, created_at) VALUES ('cara@example.com', 'cara@example.com', 'inactive', '2026-11-22T09:00:00Z')",
    );
    let before = shown(&repository);
    let run = repository.run(["apply", "plan.json", "--yes"]);
    run.ends_with(5).prints("what changed since the plan was made").tells("nothing was written");
    run.prints("invite_user cara@example.com: user `cara@example.com` is there");
    let report = repository.run(["apply", "plan.json", "--yes", "--format", "json"]).ends_with(5).json();
    assert_eq!(report["verdict"], "nothing_written");
    let changed: Vec<&Value> = report["changed"].as_array().expect("a list").iter().map(|one| &one["id"]).collect();
    assert_eq!(changed, ["grant_site ben@example.com north pit-2", "invite_user cara@example.com"]);
    assert_eq!(report["counts"], json!({ "not_tried": 2 }));
    assert_eq!(shown(&repository), before);
}

#[test]
fn a_plan_ends_with_its_time() {
    let repository = saved();
    let plan = repository.read("plan.json");
    let with_end = |until: &str| {
        let mut document: Value = serde_json::from_str(&plan).expect("a document");
        document["basis"]["valid_until"] = json!(until);
        repository.write("plan.json", &document.to_string());
    };
    with_end("2099-01-01T00:00:00Z");
    repository.run(["apply", "plan.json", "--yes", "--at", "2099-01-01T00:00:00Z"]).ends_with(5).prints("valid until");
    repository
        .run(["apply", "plan.json", "--yes", "--at", "2001-01-01T00:00:00Z"])
        .ends_with(5)
        .prints("check the clocks");
    repository.run(["apply", "plan.json", "--yes", "--at", "2098-12-31T23:59:59Z"]).ends_with(0);
}

#[test]
fn a_file_that_was_changed_is_refused() {
    let repository = saved();
    let plan = repository.read("plan.json");
    let before = shown(&repository);
    let refused = |text: &str, why: &str| {
        repository.write("plan.json", text);
        repository.run(["apply", "plan.json", "--yes"]).ends_with(3).tells(why);
    };
    refused(&plan.replace("\"operator\"", "\"manager\""), "the file was changed after it was made");
    refused(&plan.replace("\"digest\": \"sha256:", "\"digest\": \"sha256:0"), "the file was changed after it was made");
    refused(&plan.replace("\"format\": 1", "\"format\": 2"), "reads format 1");
    refused(&plan.replace("\"format\": 1", "\"format\": 1, \"more\": 1"), "unknown field");
    refused(&plan.replace("\"action\": \"grant_site\"", "\"action\": \"grant_everything\""), "unknown variant");
    refused(&plan.replace("\"needs\": []", "\"needs\": [\"grant_site nobody\"]"), "does not stand before it");
    refused("", "no saved plan");
    refused("[[[[", "no saved plan");
    refused(&"[".repeat(100_000), "no saved plan");
    repository.write("plan.json", &plan);
    let store = document(&repository)["store"]["id"].as_str().expect("an id").to_owned();
    refused(&plan.replace(&store, "another"), "the file was changed after it was made");
    let rules = document_rules(&plan);
    refused(&plan.replace(&rules, &"0".repeat(64)), "under other rules");
    assert_eq!(shown(&repository), before);
    repository.run(["apply", "nothing.json", "--yes"]).ends_with(3).tells("nothing.json");
}

fn document_rules(plan: &str) -> String {
    let document: Value = serde_json::from_str(plan).expect("a document");
    document["basis"]["rules"].as_str().expect("a hash").to_owned()
}

#[test]
fn a_plan_of_another_store_is_refused() {
    let (one, other) = (saved(), saved());
    other.write("plan.json", &one.read("plan.json"));
    other.run(["apply", "plan.json", "--yes"]).ends_with(3).tells("the plan is for the sqlite store");
}

/// A saved plan that renames an organization and one of its sites.
fn renaming() -> Repository {
    let repository = Repository::applied();
    let text =
        repository.read("access/all.yaml").replace("north", "east").replace("sites: [pit-1]", "sites: [pit-1, pit-9]");
    let text = text.replace("  east:\n", "  east:\n    previously: north\n");
    repository.write("access/all.yaml", &text.replace("pit-2: {}", "pit-9: { previously: pit-2 }"));
    repository.run(["plan", "--out", "plan.json"]).ends_with(0);
    repository
}

#[test]
fn a_plan_that_renames_something_of_the_catalog_is_saved_and_applied() {
    let repository = renaming();
    repository.run(["apply", "plan.json", "--yes"]).ends_with(0);
    repository.run(["plan", "--detailed-exitcode"]).ends_with(0).prints("no changes");
    let again = repository.run(["apply", "plan.json", "--yes", "--format", "json"]).ends_with(0).json();
    let actions = again["counts"]["already_true"].as_u64().expect("a count");
    assert_eq!(actions, 2, "{again}");
    // The same, approved by its digest.
    let repository = renaming();
    let digest = repository.run(["plan", "--format", "json"]).json()["digest"].as_str().unwrap().to_owned();
    repository.run(["apply", "--approved", &digest]).ends_with(0);
    repository.run(["plan", "--detailed-exitcode"]).ends_with(0).prints("no changes");
}

#[test]
fn what_a_run_that_was_cut_off_has_done_counts_for_no_guard_when_it_is_finished() {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: default } }\n\
         manage: { absent_users: report }\n",
    );
    let person = |number: u32| format!("  p{number:02}@example.com: {{ access: {{ north: operator }} }}\n");
    let people: Vec<String> = (0..25).map(person).collect();
    let people = people.concat();
    let manifest = format!("organizations: {{ north: {{}} }}\nroles: {{ operator: {{ rank: 20 }} }}\nusers:\n{people}");
    repository.write("access/all.yaml", &manifest);
    repository.run(["init"]).ends_with(0);
    repository.run(["plan", "--out", "plan.json"]).ends_with(0);
    repository.run(["apply", "plan.json", "--yes"]).ends_with(0);
    let again = repository.run(["apply", "plan.json", "--yes"]);
    again.ends_with(0).prints("already true");
    assert!(again.out.contains("escalations 0 of 20") && !again.out.contains("! p"), "{}", again.out);
}

#[test]
fn a_saved_rename_that_somebody_else_began_is_finished_and_one_that_is_in_the_way_is_stale() {
    let repository = renaming();
    repository.sql("UPDATE organizations SET name = 'east' WHERE name = 'north'");
    repository.run(["apply", "plan.json", "--yes"]).ends_with(0).prints("1 done, 1 already true");
    repository.run(["plan", "--detailed-exitcode"]).ends_with(0).prints("no changes");
    for change in [
        "UPDATE organizations SET name = 'west' WHERE name = 'north'",
        "INSERT INTO organizations (name) VALUES ('east')",
        "INSERT INTO sites (organization_id, name) SELECT id, 'pit-9' FROM organizations WHERE name = 'north'",
    ] {
        let repository = renaming();
        repository.sql(change);
        // With both names live there is no plan at all, and so nothing to compare with.
        let run = repository.run(["apply", "plan.json", "--yes"]);
        assert!(run.code == Some(5) || run.code == Some(3) && run.err.contains("former-name"), "{run}");
        assert!(!repository.read(".rollcall/journal-local.jsonl").contains("pit-9"), "{run}");
    }
}

#[test]
fn a_saved_rename_to_another_name_than_its_own_is_refused() {
    let repository = renaming();
    let mut document: Value = serde_json::from_str(&repository.read("plan.json")).expect("a document");
    let actions = document["actions"].as_array_mut().expect("a list");
    let rename = actions.iter_mut().find(|one| one["id"] == "update_organization east").expect("a rename");
    rename["after"]["key"] = "west".into();
    repository.write("plan.json", &document.to_string());
    repository.run(["apply", "plan.json", "--yes"]).ends_with(3).tells("another name than its own");
}

#[test]
fn a_file_that_was_made_to_hold_for_ever_does_not_outlive_its_dates() {
    let repository = Repository::applied();
    repository.run(["invitations", "accept", "ben@example.com"]).ends_with(0);
    repository.edit("access/all.yaml", "sites: [pit-1]", "sites: [pit-1, pit-2], expires: 2026-12-01");
    let made = "2026-11-27T00:00:00Z";
    repository.run(["plan", "--out", "plan.json", "--at", made]).ends_with(0).prints("gains site pit-2");
    let mut document = document(&repository);
    document["basis"]["valid_until"] = Value::Null;
    repository.write("plan.json", &document.to_string());
    let late = ["apply", "plan.json", "--yes", "--at", "2026-12-05T00:00:00Z"];
    repository.run(late).ends_with(5).prints("the plan was valid until 2026-12-02");
    repository.run(["apply", "plan.json", "--yes", "--at", "2026-11-28T00:00:00Z"]).ends_with(0);
}

#[test]
fn a_role_that_is_exchanged_before_a_reactivation_that_waits_does_not_make_a_plan_stale() {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: { extends: default, seats: { max: 1, \
         counts: [active] }, reactivation: { inactive_takes: true } } } }\nmanage: { absent_users: deactivate }\n",
    );
    repository.write(
        "access/a.yaml",
        "organizations: { north: {} }\nroles: { manager: { rank: 40, admin: true } }\nusers:\n  ana@example.com: { \
         access: { north: manager } }\n  bo@example.com: { status: active, access: { north: manager } }\n",
    );
    repository.run(["init"]).ends_with(0);
    repository.sql(
        "INSERT INTO organizations(name) VALUES ('north'); INSERT INTO roles(name, rank, admin) VALUES ('manager', 40, \
         1), ('legacy', NULL, 0); INSERT INTO users(key, status) VALUES ('ana@example.com', 'active'), ('bo@example.com', \
         'inactive'); INSERT INTO memberships(user_id, organization_id, role_id) SELECT u.id, o.id, r.id FROM users u, \
         organizations o, roles r WHERE (u.key, r.name) IN (VALUES ('ana@example.com', 'manager'), ('bo@example.com', \
         'legacy'));",
    );
    repository
        .run(["plan", "--out", "p.json"])
        .ends_with(0)
        .prints("legacy → manager")
        .prints("no seat is free for bo");
    repository.run(["apply", "p.json", "--yes"]).ends_with(0).prints("1 done");
}

/// What a run that was cut off has done is undone in thought, to count admins as the plan did.
#[test]
fn a_plan_that_was_cut_off_behind_a_cancellation_and_a_new_admin_role_is_finished() {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: default } }\nmanage: { absent_users: \
         deactivate }\nguards: { removals: { max_percent: 100 } }\n",
    );
    repository.write(
        "access/a.yaml",
        "organizations: { north: {} }\nroles: { operator: { rank: 20, admin: true }, viewer: { rank: 10 } }\nusers:\n  \
         ben@example.com: { access: {} }\n  zoe@example.com: { access: { north: viewer } }\n",
    );
    repository.run(["init"]).ends_with(0);
    repository.sql(
        "INSERT INTO organizations(name) VALUES ('north'); INSERT INTO roles(name, rank, admin) VALUES ('operator', 20, \
         0), ('viewer', 10, 0); INSERT INTO users(key, status) VALUES ('ana@example.com', 'invited'), \
         ('ben@example.com', 'active'), ('zoe@example.com', 'active'); INSERT INTO invitations(user_id, user_key, state) \
         VALUES (1, 'ana@example.com', 'pending'); INSERT INTO memberships(user_id, organization_id, role_id) VALUES (2, \
         1, 1), (3, 1, 2);",
    );
    repository.run(["plan", "--out", "p.json"]).ends_with(0);
    // As far as the run came.
    repository.sql(
        "DELETE FROM invitations; DELETE FROM users WHERE key = 'ana@example.com'; UPDATE roles SET admin = 1 WHERE name \
         = 'operator'",
    );
    repository.run(["apply", "p.json", "--yes"]).ends_with(0).prints("1 done, 2 already true");
}

/// A copied file has the identity of the store that it was made of.
#[test]
fn a_plan_of_the_same_store_in_another_place_is_refused() {
    let repository = saved();
    assert_eq!(document(&repository)["store"]["address"], ".rollcall/store.db");
    repository.run(["plan"]).ends_with(0).prints(", .rollcall/store.db)");
    repository.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    fs::copy(repository.file(".rollcall/store.db"), repository.file(".rollcall/copy.db")).expect("a copy");
    let settings = repository.read("rollcall.yaml");
    repository.write("rollcall.yaml", &settings.replace("store.db", "copy.db"));
    let before = shown(&repository);
    let run = repository.run(["apply", "plan.json", "--yes"]);
    run.ends_with(3).tells(".rollcall/store.db").tells(".rollcall/copy.db").tells("make the plan anew");
    assert_eq!(shown(&repository), before);
    // Another way to write the same place is the same place.
    repository.write("rollcall.yaml", &settings.replace(".rollcall/store.db", "./.rollcall/store.db"));
    repository.run(["apply", "plan.json", "--yes"]).ends_with(0);
}

#[test]
fn no_plan_is_saved_where_it_would_be_read_as_a_manifest() {
    let repository = Repository::small();
    for file in ["access/plan.yaml", "access/plan.yml", "./access/../access/plan.yaml"] {
        let run = repository.run(["plan", "--out", file]);
        run.ends_with(3).tells("it would be read as a manifest there");
        assert!(!repository.file(file).exists());
    }
    for file in ["access/plan.json", "plan.yaml"] {
        repository.run(["plan", "--out", file]).ends_with(0);
        repository.run(["validate"]).ends_with(0);
    }
}
