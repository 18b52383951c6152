//! What each command does.

use std::fs;

use serde_json::json;

use super::super::support::cli::Repository;

#[test]
fn init_writes_what_is_missing_and_overwrites_nothing() {
    let repository = Repository::empty();
    let run = repository.run(["init"]);
    run.ends_with(0).tells_nothing();
    for file in ["rollcall.yaml", "access/example.yaml", ".gitignore", ".rollcall/store.db"] {
        run.prints(&format!("made {file}"));
        assert!(repository.file(file).exists(), "{file}");
    }
    for file in ["rollcall.yaml", "access/example.yaml"] {
        assert!(repository.read(file).starts_with("# yaml-language-server: $schema="), "{file} names its schema");
    }
    assert_eq!(
        repository.read("schemas/manifest.schema.json"),
        repository.run(["schema", "manifest"]).out,
        "editors find the schema"
    );
    let store = fs::read(repository.file(".rollcall/store.db")).unwrap();
    repository.run(["init"]).ends_with(0).prints("everything is there already");
    assert!(fs::read(repository.file(".rollcall/store.db")).unwrap() == store);
    fs::remove_file(repository.file(".gitignore")).unwrap();
    repository.write("access/example.yaml", "");
    repository.run(["init"]).ends_with(0).prints("made .gitignore");
    assert_eq!(repository.read("access/example.yaml"), "");
    repository.run(["validate"]).ends_with(0);
}

#[test]
fn init_leaves_a_repository_with_manifests_alone() {
    let repository = Repository::empty();
    repository.write("access/mine.yaml", "users: {}\n");
    repository.run(["init"]).ends_with(0);
    assert!(!repository.file("access/example.yaml").exists());
}

#[test]
fn a_life_from_invitation_to_leaving() {
    let repository = Repository::small();
    repository.run(["plan"]).ends_with(0).prints("invited: manager of north, every site (2)").prints("people: 2 join");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["invitations", "list"]).ends_with(0).prints("ana@example.com").prints("pending");
    repository.run(["invitations", "accept", "ana@example.com"]).ends_with(0).prints("accepted");
    repository.run(["invitations", "accept", "ana@example.com"]).ends_with(0).prints("already");
    repository.run(["plan"]).ends_with(0).prints("no changes");

    // More access waits until the invitation is accepted.
    repository.edit("access/all.yaml", "sites: [pit-1]", "sites: [pit-1, pit-2]");
    repository.run(["plan"]).ends_with(0).prints("ben@example.com has not accepted").prints("no changes");
    repository.run(["invitations", "accept", "BEN@example.com"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("gains site pit-2").prints("1 gains access");
    repository.run(["apply", "--yes"]).ends_with(0).prints("1 action: 1 done");

    // A promotion, and its end.
    repository.edit("access/all.yaml", "{ role: operator, sites: [pit-1, pit-2] }", "manager");
    repository.run(["plan"]).ends_with(0).prints("operator → manager, every site (2)").prints("escalation");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository.edit("access/all.yaml", "  ben@example.com:\n    access: { north: manager }\n", "");
    let plan = repository.run(["plan", "--format", "json"]).json();
    assert_eq!(plan["actions"][0]["action"], "deactivate_user");
    assert_eq!(plan["summary"]["people"], json!({ "join": 0, "leave": 1, "gain": 0, "lose": 0 }));
    repository.run(["apply", "--yes"]).ends_with(0).prints("1 done");
    repository.run(["plan"]).ends_with(0).prints("no changes");

    // Back in the manifests, and still locked out until somebody says otherwise.
    repository.edit("access/all.yaml", "users:", "users:\n  ben@example.com:\n    access: { north: manager }");
    repository.run(["plan"]).ends_with(0).prints("only `status: active` undoes a deactivation").prints("no changes");
    repository.edit("access/all.yaml", "ben@example.com:", "ben@example.com:\n    status: active");
    repository.run(["plan"]).ends_with(0).prints("reactivated");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn the_last_admin_stays() {
    let repository = Repository::applied();
    repository.run(["invitations", "accept", "ana@example.com"]).ends_with(0);
    repository.edit("access/all.yaml", "{ north: manager }", "{ north: operator }");
    let run = repository.run(["plan"]);
    run.ends_with(0).prints("north would be left with too few admins without ana@example.com").prints("no changes");
}

#[test]
fn a_declined_invitation_is_not_renewed_by_itself() {
    let repository = Repository::applied();
    repository.run(["invitations", "decline", "ben@example.com"]).ends_with(0).prints("declined");
    let list = repository.run(["invitations", "list", "--format", "json"]).json();
    let of = |key: &str| list.as_array().unwrap().iter().find(|one| one["user"] == key).unwrap().clone();
    assert_eq!(of("ben@example.com")["state"], "declined");
    assert_eq!(of("ana@example.com")["state"], "pending");
    repository.run(["plan"]).ends_with(0).prints("declined").prints("no changes");
    repository.run(["invitations", "accept", "ben@example.com"]).ends_with(1).prints_nothing();
    repository.run(["invitations", "accept", "nobody@example.com"]).ends_with(1).tells("nobody@example.com");
    Repository::small().run(["invitations", "list"]).ends_with(0).prints("nobody was ever invited");
}

#[test]
fn what_somebody_edits_in_the_store_is_seen() {
    let repository = Repository::applied();
    // Without her nobody active would be left, and a guard would refuse that.
    repository.run(["invitations", "accept", "ana@example.com"]).ends_with(0);
    repository.sql(
        "INSERT INTO users (key, status, given_name) VALUES ('zoe@example.com', 'active', 'Zoe');
         INSERT INTO memberships (user_id, organization_id, role_id) SELECT u.id, o.id, r.id
           FROM users u, organizations o, roles r
           WHERE u.key = 'zoe@example.com' AND o.name = 'north' AND r.name = 'operator'",
    );
    repository.run(["plan"]).ends_with(0).prints("- zoe@example.com").prints("deactivated (was operator of north)");
    repository.run(["import", "--out", "seen"]).ends_with(0);
    repository.run(["plan", "--manifests", "seen"]).ends_with(0).prints("no changes");
    assert!(repository.read("seen/users.yaml").contains("zoe@example.com"));
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn import_then_plan_is_empty() {
    let repository = Repository::applied();
    let run = repository.run(["import", "--out", "new/folder"]);
    run.ends_with(0).prints("2 accounts written to new/folder (organizations.yaml, roles.yaml, users.yaml)");
    for file in ["organizations", "roles", "users"] {
        let text = repository.read(&format!("new/folder/{file}.yaml"));
        assert!(text.starts_with("# yaml-language-server: $schema="), "{text}");
    }
    repository.run(["plan", "--manifests", "new/folder"]).ends_with(0).prints("no changes");
}

#[test]
fn explain_finds_people_and_places() {
    let repository = Repository::applied();
    let run = repository.run(["explain", "ben@example.com"]);
    run.ends_with(0).tells_nothing().prints("access/all.yaml:10").prints("north   operator").prints("north/pit-1");
    assert_eq!(repository.run(["explain", "BEN@EXAMPLE.COM"]).out, run.out, "keys compare without case");
    let run = repository.run(["explain", "north"]);
    run.ends_with(0).prints("ana@example.com").prints("ben@example.com").prints("2 people");
    let run = repository.run(["explain", "north/pit-2"]);
    run.ends_with(0).prints("ana@example.com");
    assert!(!run.out.contains("ben@"), "{run}");
    repository.run(["explain", "ben@"]).ends_with(0).prints("ben@example.com");
    // A site that is none of an organization that is there: unknown, with those that are.
    for unknown in ["north/pit-9", "north/zz"] {
        let run = repository.run(["explain", unknown]);
        run.ends_with(1).prints(&format!("called exactly `{unknown}`")).prints("north/pit-1").prints("north/pit-2");
        let json = repository.run(["explain", unknown, "--format", "json"]);
        json.ends_with(1);
        assert!(json.json()["likely"].as_array().unwrap().contains(&"north/pit-2".into()), "{json}");
    }
    repository.run(["explain", "north/pit"]).ends_with(0).prints("north/pit-2");
    let run = repository.run(["explain", "xylophone"]);
    assert!(run.code == Some(1), "{run}");
    assert!(run.all().contains("xylophone"), "{run}");
}

#[test]
fn schemas_are_those_of_the_files() {
    let repository = Repository::empty();
    let names = repository.run(["schema"]);
    names.ends_with(0).tells_nothing();
    assert_eq!(names.out, "settings\nmanifest\nrules\nplan\napply-report\nreset-report\nexport\n");
    for name in names.out.lines() {
        let path = format!("{}/schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let run = repository.run(["schema", name]);
        assert!(run.ends_with(0).out == fs::read_to_string(&path).expect(&path), "{name}");
    }
}

#[test]
fn shells_get_their_completions() {
    let repository = Repository::empty();
    for (shell, word) in [("bash", "complete -F"), ("zsh", "#compdef rollcall"), ("fish", "complete -c rollcall")] {
        repository.run(["completions", shell]).ends_with(0).tells_nothing().prints(word).prints("invitations");
    }
}

#[test]
fn help_is_written_in_sentences() {
    let repository = Repository::empty();
    for command in [&["--help"][..], &["plan", "--help"], &["apply", "--help"], &["import", "--help"]] {
        let help = repository.run(command);
        for line in help.ends_with(0).out.lines() {
            assert!(line.chars().count() <= 100, "too long: {line}");
            let option = line.trim_start();
            if let Some((_, words)) = option.strip_prefix('-').and_then(|option| option.split_once("  ")) {
                let first = words.trim_start().chars().next();
                assert!(first.is_some_and(|first| first.is_uppercase() || !first.is_alphabetic()), "{line}");
            }
        }
    }
}

#[test]
fn a_clock_can_be_given() {
    let repository = Repository::small();
    repository.run(["apply", "--yes", "--at", "2026-01-01T00:00:00Z"]).ends_with(0);
    let list = repository.run(["invitations", "list", "--format", "json"]).json();
    assert_eq!(list[0]["sent"], "2026-01-01T00:00:00Z");
    assert_eq!(list[0]["ends"], "2026-01-08T00:00:00Z");
    assert_eq!(list[0]["state"], "expired", "today");
    repository.run(["plan", "--at", "2026-01-02T00:00:00Z"]).ends_with(0).prints("no changes");
    repository.run(["plan", "--at", "2026-02-02T00:00:00Z"]).ends_with(0).prints("expired").prints("no changes");
    repository.run(["validate", "--at", "2026-02-02T00:00:00Z"]).ends_with(0);
    repository.run(["explain", "north", "--at", "2026-02-02T00:00:00Z"]).ends_with(0);
}

#[test]
fn explanations_are_documents_where_json_is_asked_for() {
    let repository = Repository::applied();
    let document = |asked: &str| repository.run(["explain", asked, "--format", "json"]).ends_with(0).json();
    let ben = document("BEN@example.com");
    assert_eq!(ben["users"][0]["user"], "ben@example.com");
    assert_eq!(ben["users"][0]["live_status"], "invited");
    let place = &ben["users"][0]["access"][0];
    assert_eq!((&place["organization"], &place["site"]), (&json!("north"), &json!(null)));
    assert_eq!((&place["declared"]["role"], &place["live"]["role"]), (&json!("operator"), &json!("operator")));
    assert_eq!(place["because"][0]["line"], json!({ "file": "access/all.yaml", "line": 11, "column": 30 }));
    let north = document("north/pit-1");
    let holders = north["places"][0]["holders"].as_array().unwrap();
    assert_eq!(
        holders.iter().map(|holder| &holder["user"]).collect::<Vec<_>>(),
        ["ana@example.com", "ben@example.com"]
    );
    assert_eq!(document("ben@")["likely"], json!(["ben@example.com"]));
}

/// A preloaded account is none that gets a mail.
#[test]
fn preloaded_people_are_not_invited_yet() {
    let repository = Repository::small();
    repository.edit("access/all.yaml", "ben@example.com:", "ben@example.com:\n    status: preloaded");
    let plan = repository.run(["plan", "--format", "json"]).json();
    let of = |user: &str| {
        plan["actions"].as_array().unwrap().iter().find(|one| one["user"] == user).unwrap()["risk"].clone()
    };
    assert_eq!(of("ben@example.com"), json!([]));
    assert_eq!(of("ana@example.com"), json!(["escalation", "mail"]));
    let run = repository.run(["plan"]);
    run.prints("+ ben@example.com  preloaded: operator of north, pit-1").prints("1 invited, 1 preloaded");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "    status: preloaded\n", "");
    repository.run(["plan"]).ends_with(0).prints("invitation sent").prints("1 mail");
}

#[test]
fn machines_are_counted_on_neither_side() {
    let repository = Repository::small();
    repository.edit("access/all.yaml", "ben@example.com:", "ben@example.com:\n    kind: service");
    repository.run(["plan"]).prints("0 people live, 1 declared");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).prints("1 person live, 1 declared");
}

#[test]
fn one_thing_is_told_in_the_singular() {
    let repository = Repository::empty();
    repository.run(["init"]).ends_with(0);
    repository.run(["validate"]).ends_with(0).prints("valid: 1 user, 1 organization, 2 roles");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["import", "--out", "new"]).ends_with(0).prints("1 account written");
}

#[test]
fn a_platform_role_planted_in_the_store_is_taken_away() {
    let repository = Repository::applied();
    repository.sql("UPDATE users SET status = 'active'; UPDATE users SET role_id = 1 WHERE key = 'ben@example.com';");
    repository.run(["plan", "--detailed-exitcode"]).ends_with(2).prints("ben@example.com");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan", "--detailed-exitcode"]).ends_with(0).prints("no changes");
}

#[test]
fn somebody_invited_without_an_invitation_waits_for_a_decision() {
    let repository = Repository::applied();
    repository.sql("UPDATE invitations SET state = 'accepted' WHERE user_key = 'ben@example.com';");
    repository.run(["plan"]).ends_with(0).prints("waiting").prints("ben@example.com");
}

#[test]
fn init_writes_no_example_beside_a_store_that_is_there() {
    let old = Repository::applied();
    let repository = Repository::empty();
    fs::create_dir(repository.file(".rollcall")).unwrap();
    old.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    fs::copy(old.file(".rollcall/store.db"), repository.file(".rollcall/store.db")).unwrap();
    repository.run(["init"]).ends_with(0).prints("made rollcall.yaml");
    assert!(!repository.file("access/example.yaml").exists());
    repository.run(["import", "--out", "access"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
}
