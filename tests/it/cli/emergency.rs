//! In an emergency: `--target`, and `deactivate`, which stays whatever the next run finds declared.

use crate::support::cli::Repository;

fn with_people() -> Repository {
    let repository = Repository::applied();
    for key in ["ana@example.com", "ben@example.com"] {
        repository.run(["invitations", "accept", key]).ends_with(0);
    }
    repository
}

fn status(repository: &Repository, key: &str) -> String {
    repository.store().query_row("SELECT status FROM users WHERE key = ?1", [key], |row| row.get(0)).expect("a status")
}

#[test]
fn a_target_is_planned_alone_with_what_it_needs() {
    let repository = Repository::small();
    let plan = repository.run(["plan", "--target", "ben@example.com", "--format", "json"]).ends_with(0).json();
    let ids: Vec<&str> = plan["actions"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert!(ids.iter().any(|id| id.starts_with("invite_user")), "{ids:?}");
    assert!(ids.iter().any(|id| id.contains("create_site")), "{ids:?}");
    assert!(!ids.iter().any(|id| id.contains("ana") || id.contains("pit-2") || id.contains("manager")), "{ids:?}");
    let digest = plan["digest"].as_str().expect("a digest");
    repository.run(["apply", "--target", "ben@example.com", "--approved", digest]).ends_with(0);
    assert_eq!(status(&repository, "ben@example.com"), "invited");
    repository.run(["plan", "--target", "ben@example.com"]).ends_with(0).prints("no changes");
    // The next run does the rest and undoes nothing.
    let rest = repository.run(["plan"]);
    rest.ends_with(0);
    assert!(rest.out.contains("ana@example.com") && !rest.out.contains("ben@example.com"), "{rest}");
}

#[test]
fn an_unknown_key_is_answered_with_the_likely_ones() {
    let repository = with_people();
    repository.run(["plan", "--target", "bne@example.com"]).ends_with(3).tells("ben@example.com").prints_nothing();
    repository.run(["apply", "--target", "bne@example.com", "--yes"]).ends_with(3);
    repository.run(["deactivate", "bne@example.com", "--yes"]).ends_with(3).tells("ben@example.com").prints_nothing();
}

#[test]
fn a_lock_out_needs_no_valid_manifests_and_stays() {
    let repository = with_people();
    let good = repository.read("access/all.yaml");
    repository.write("access/all.yaml", "users: [\n");
    repository.run(["deactivate", "ben@example.com"]).ends_with(3).tells("--yes");
    let run = repository.run(["deactivate", "BEN@example.com", "--yes"]);
    run.ends_with(0).tells("status: inactive").tells("not valid");
    assert_eq!(status(&repository, "ben@example.com"), "inactive");
    assert!(repository.read(".rollcall/journal-local.jsonl").contains("deactivate_user"));
    repository.run(["deactivate", "ben@example.com"]).ends_with(0).prints("inactive already");
    repository.write("access/all.yaml", &good);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["apply", "--target", "ben@example.com", "--yes"]).ends_with(0);
    assert_eq!(status(&repository, "ben@example.com"), "inactive");
    let plan = repository.run(["plan", "--format", "json"]).json();
    assert_eq!(plan["deferred"][0]["waits_for"], "decision");
    repository.edit("access/all.yaml", "  ben@example.com:\n", "  ben@example.com:\n    status: active\n");
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(status(&repository, "ben@example.com"), "active");
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0).tells("`status: active`: the next apply");
}

#[test]
fn a_cancelled_invitation_is_not_sent_again() {
    let repository = Repository::applied();
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0).prints("cancelled");
    repository.run(["apply", "--yes"]).ends_with(0);
    let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    assert_eq!(plan["actions"].as_array().map(Vec::len), Some(0), "{plan}");
    assert_eq!(plan["deferred"][0]["waits_for"], "decision");
    repository.edit("access/all.yaml", "  ben@example.com:\n", "  ben@example.com:\n    status: active\n");
    repository.run(["apply", "--yes"]).ends_with(0).prints("invited");
}

#[test]
fn what_was_stripped_stays_so() {
    let repository = with_people();
    repository.edit(
        "rollcall.yaml",
        "rules: default",
        "rules: { extends: default, offboarding: [strip], allows: { delete: null } }",
    );
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    let plan = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    assert_eq!(plan["actions"].as_array().map(Vec::len), Some(0), "{plan}");
    assert!(!plan["deferred"].as_array().unwrap().is_empty(), "{plan}");
}

#[test]
fn the_last_admin_can_be_locked_out_and_what_is_protected_can_not() {
    let repository = with_people();
    repository.write(
        "rollcall.yaml",
        &format!(
            "{}guards: {{ self: ana@example.com, protected_users: [ben@example.com] }}\n",
            repository.read("rollcall.yaml")
        ),
    );
    repository.run(["deactivate", "ana@example.com", "--yes"]).ends_with(1).tells("guards.self");
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(1).tells("guards.protected_users");
    repository.edit("rollcall.yaml", "self: ana@example.com, protected_users: [ben@example.com]", "min_admins: 1");
    repository.run(["deactivate", "ana@example.com", "--yes"]).ends_with(0);
    assert_eq!(status(&repository, "ana@example.com"), "inactive");
}

#[test]
fn a_new_key_does_not_undo_a_lock_out() {
    let repository = Repository::applied();
    repository.run(["deactivate", "--yes", "ben@example.com"]).ends_with(0);
    repository.edit("access/all.yaml", "ben@example.com:\n", "bo@example.com:\n    previously: ben@example.com\n");
    let run = repository.run(["plan"]);
    run.ends_with(0).prints("no changes").prints("bo@example.com");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.edit("access/all.yaml", "    previously: ben", "    status: active\n    previously: ben");
    repository.run(["plan"]).ends_with(0).prints("invited");
}

#[test]
fn the_store_remembers_a_lock_out_without_the_journal() {
    let repository = Repository::applied();
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0).prints("invitation cancelled");
    std::fs::remove_file(repository.file(".rollcall/journal-local.jsonl")).expect("the journal");
    for _ in 0..2 {
        let run = repository.run(["apply", "--yes"]);
        assert!(!run.out.contains("invited"), "{}{}", run.out, run.err);
    }
    repository.run(["plan"]).prints("no changes").prints("ben@example.com was locked out");
    repository.edit("access/all.yaml", "ben@example.com:\n", "ben@example.com:\n    status: active\n");
    repository.run(["plan"]).prints("invited: operator of north");
}

#[test]
fn a_store_that_was_made_without_a_memory_of_lock_outs_gets_one() {
    let repository = Repository::applied();
    repository.sql("DROP TABLE lock_outs");
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository.run(["deactivate", "ben@example.com", "--yes"]).ends_with(0);
    std::fs::remove_file(repository.file(".rollcall/journal-local.jsonl")).expect("the journal");
    repository.run(["plan"]).ends_with(0).prints("no changes").prints("ben@example.com was locked out");
}
