//! Waivers where they are not as simple: tombstones, saved plans, runs that were cut off, other plans and other guards.

use std::fs;

use serde_json::Value;

use super::guards::{applied, declare, digest, guard, people, planned, repository, waiver};
use crate::support::cli::Repository;

fn status(repository: &Repository, key: &str) -> Option<String> {
    let found = repository.store().query_row("SELECT status FROM users WHERE key = ?1", [key], |row| row.get(0));
    found.ok()
}

#[test]
fn a_tombstone_hits_the_guard_of_deletions_and_is_waived_for_one_plan_only() {
    let repository = applied("", &people("north", 0..8));
    repository.edit("rollcall.yaml", "absent_users: deactivate", "absent_users: deactivate, grace: 0s");
    let gone = "p001@example.com: { status: absent }";
    repository.edit("access/people.yaml", "p001@example.com: { access: { north: operator } }", gone);
    let run = repository.run(["plan"]);
    run.ends_with(4).prints("deletions 1 of 0   REFUSED").prints("refused by guard `deletions`");
    let one = planned(&repository);
    let document = repository.run(["plan", "--format", "json"]).json();
    assert_eq!(guard(&document, "deletions", None)["refused"], true);
    assert_eq!(guard(&document, "removals", None)["refused"], false);
    repository.run(["apply", "--yes"]).ends_with(4);
    repository.run(["apply", "--yes", "--waive", &waiver("removals", &one)]).ends_with(4);
    assert_eq!(status(&repository, "p001@example.com").as_deref(), Some("active"));
    // One tombstone more, and it is another plan.
    repository.edit(
        "access/people.yaml",
        "p002@example.com: { access: { north: operator } }",
        "p002@example.com: { status: absent }",
    );
    repository.run(["apply", "--yes", "--waive", &waiver("deletions", &one)]).ends_with(5).tells("another one now");
    assert_eq!(status(&repository, "p001@example.com").as_deref(), Some("active"));
    let two = planned(&repository);
    repository.run(["apply", "--yes", "--waive", &waiver("deletions", &two)]).ends_with(0).prints("(waived)");
    assert_eq!((status(&repository, "p001@example.com"), status(&repository, "p002@example.com")), (None, None));
    repository.run(["plan"]).ends_with(0).prints("no changes");
    // The waiver is worth nothing for the next one.
    repository.edit(
        "access/people.yaml",
        "p003@example.com: { access: { north: operator } }",
        "p003@example.com: { status: absent }",
    );
    repository.run(["apply", "--yes", "--waive", &waiver("deletions", &two)]).ends_with(5);
    repository.run(["apply", "--yes"]).ends_with(4);
}

#[test]
fn within_the_grace_a_tombstone_deletes_nobody_and_no_guard_is_hit() {
    let repository = applied("", &people("north", 0..8));
    repository.edit(
        "access/people.yaml",
        "p001@example.com: { access: { north: operator } }",
        "p001@example.com: { status: absent }",
    );
    repository.run(["plan"]).ends_with(0).prints("deletions 0 of 0");
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(status(&repository, "p001@example.com").as_deref(), Some("inactive"));
}

/// A store in which 28 people shall go, and the plan of that, saved and refused.
fn saved() -> (Repository, String) {
    let repository = repository("", &people("north", 0..30));
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.sql("UPDATE invitations SET state = 'accepted'; UPDATE users SET status = 'active'");
    declare(&repository, &people("north", 0..2));
    let run = repository.run(["plan", "--out", "plan.json"]);
    let digest = planned(&repository);
    run.ends_with(4).prints(&format!("rollcall apply plan.json --waive removals={digest}\n"));
    (repository, digest)
}

#[test]
fn a_waived_saved_plan_that_was_cut_off_is_finished_by_the_same_command() {
    let (repository, digest) = saved();
    let refused = repository.run(["apply", "plan.json", "--yes"]);
    refused.ends_with(4).prints(&format!("rollcall apply plan.json --yes --waive removals={digest}\n"));
    let other = format!("sha256:{}", "0".repeat(64));
    repository.run(["apply", "plan.json", "--yes", "--waive", &waiver("removals", &other)]).ends_with(5);
    repository.run(["apply", "plan.json", "--yes", "--waive", &waiver("mails", &digest)]).ends_with(4);
    // A part of it is done: today's plan is another one, and the saved one still is the one that was waived.
    repository.sql("UPDATE users SET status = 'inactive' WHERE key IN ('p005@example.com', 'p006@example.com')");
    assert_ne!(planned(&repository), digest);
    repository.run(["apply", "plan.json", "--yes"]).ends_with(4);
    let report = repository
        .run(["apply", "plan.json", "--yes", "--waive", &waiver("removals", &digest), "--format", "json"])
        .ends_with(0)
        .json();
    assert_eq!((&report["counts"]["done"], &report["counts"]["already_true"]), (&26.into(), &2.into()));
    assert_eq!(report["digest"], digest.as_str());
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

/// Without a file what is left over is another plan: who waived the whole of it has not seen this one, and the guards
/// judge the rest by itself.
#[test]
fn a_waived_plan_that_was_cut_off_and_not_saved_is_waived_anew() {
    let (repository, digest) = saved();
    repository.sql("UPDATE users SET status = 'inactive' WHERE key = 'p005@example.com'");
    let before = fs::read(repository.file(".rollcall/store.db")).unwrap();
    let run = repository.run(["apply", "--yes", "--waive", &waiver("removals", &digest)]);
    run.ends_with(5).tells("the plan is another one now").tells("review it again");
    assert!(fs::read(repository.file(".rollcall/store.db")).unwrap() == before, "nothing was written");
    let rest = planned(&repository);
    repository.run(["apply", "--yes", "--waive", &waiver("removals", &rest)]).ends_with(0);
}

#[test]
fn a_saved_plan_is_not_cut_down_by_a_target() {
    let (repository, _) = saved();
    let run = repository.run(["apply", "plan.json", "--yes", "--target", "p005@example.com"]);
    run.ends_with(3).tells("a saved plan is applied whole").tells("rollcall plan --target KEY --out FILE");
    repository.run(["plan", "--target", "p005@example.com", "--out", "one.json"]).ends_with(0);
    repository.run(["apply", "one.json", "--yes"]).ends_with(0).prints("1 action").prints("not in this plan");
    assert_eq!(status(&repository, "p005@example.com").as_deref(), Some("inactive"));
    assert_eq!(status(&repository, "p006@example.com").as_deref(), Some("active"));
}

/// The digest of a plan for one user is its own: a waiver of the whole plan is none of it, nor the other way round.
#[test]
fn a_target_is_judged_and_waived_by_its_own_plan() {
    let (repository, whole) = saved();
    repository.edit("rollcall.yaml", "manage:", "guards: { removals: { max_percent: 0, min_count: 0 } }\nmanage:");
    let target = ["--target", "p005@example.com"];
    let run = repository.run(["plan", "--format", "json"].iter().chain(&target));
    let document = run.ends_with(4).json();
    assert_eq!(guard(&document, "removals", None)["count"], 1);
    let one = digest(&run);
    let apply = |digest: &str| {
        let waived = waiver("removals", digest);
        repository.run(["apply", "--yes", "--waive", &waived].iter().chain(&target))
    };
    apply(&whole).ends_with(5);
    repository.run(["apply", "--yes", "--waive", &waiver("removals", &one)]).ends_with(5);
    repository.run(["plan"].iter().chain(&target)).prints("rollcall apply --target p005@example.com --waive removals=");
    apply(&one).ends_with(0);
    assert_eq!(status(&repository, "p006@example.com").as_deref(), Some("active"));
}

fn ids(plan: &Value) -> Vec<&str> {
    plan["actions"].as_array().expect("a list").iter().map(|one| one["id"].as_str().expect("an id")).collect()
}

#[test]
fn a_target_that_needs_the_place_of_somebody_else_brings_that_along() {
    // Ana leaves her place as the only admin, and Ben comes into it.
    let repository = applied("", "  ben@example.com: { access: { north: operator, south: operator } }\n");
    let text = repository.read("access/people.yaml").replace("manager", "-").replace("operator", "manager");
    repository.write("access/people.yaml", &text.replace('-', "operator"));
    let target = ["--target", "ana@example.com"];
    let plan = repository.run(["plan", "--format", "json"].iter().chain(&target)).ends_with(0).json();
    let found = ids(&plan);
    let at = |id: &str| found.iter().position(|one| *one == id).unwrap_or_else(|| panic!("{id}: {found:?}"));
    for place in ["north", "south"] {
        assert!(
            at(&format!("change_role ben@example.com {place}")) < at(&format!("change_role ana@example.com {place}"))
        );
    }
    assert_eq!(guard(&plan, "removals", None)["count"], 1, "{plan}");
    // The other way round nothing is needed: Ben comes without anybody's leave.
    let ben = repository.run(["plan", "--format", "json", "--target", "ben@example.com"]).ends_with(0).json();
    assert!(ids(&ben).iter().all(|id| id.contains("ben@")), "{ben}");
    repository.run(["apply", "--yes"].iter().chain(&target)).ends_with(0).prints("4 actions: 4 done");
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn a_target_that_needs_the_seat_of_somebody_else_brings_that_along_and_guards_judge_it() {
    let repository = applied(
        "",
        "  ben@example.com: { access: { north: operator } }\n  cleo@example.com: { access: { north: operator } }\n",
    );
    repository.edit(
        "rollcall.yaml",
        "rules: default",
        "rules: { extends: default, seats: { max: 3, counts: [active, invited] } }",
    );
    // Ben and Cleo go, Zoe and Max come; a seat for Zoe is that of one of them.
    declare(
        &repository,
        "  zoe@example.com: { access: { north: operator } }\n  max@example.com: { access: { north: operator } }\n",
    );
    let target = ["--target", "zoe@example.com"];
    let plan = repository.run(["plan", "--format", "json"].iter().chain(&target)).ends_with(0).json();
    let found = ids(&plan);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("deactivate_user") && found[1] == "invite_user zoe@example.com", "{found:?}");
    assert_eq!(guard(&plan, "removals", None)["count"], 1);
    assert_eq!(guard(&plan, "invitations", None)["count"], 1);
    // What comes along counts: the guards are asked about it, too.
    repository.edit("rollcall.yaml", "manage:", "guards: { removals: { max_percent: 0, min_count: 0 } }\nmanage:");
    let refused = repository.run(["apply", "--yes"].iter().chain(&target));
    refused.ends_with(4).prints("refused by guard `removals`: this plan removes 1 of 3 people");
    assert_eq!(status(&repository, "zoe@example.com"), None);
    repository.edit("rollcall.yaml", "max_percent: 0, min_count: 0", "max_percent: 50, min_count: 5");
    repository.run(["apply", "--yes"].iter().chain(&target)).ends_with(0).prints("2 actions: 2 done");
    assert_eq!(status(&repository, "max@example.com"), None);
    assert_eq!(status(&repository, "zoe@example.com").as_deref(), Some("invited"));
}

#[test]
fn a_lock_out_passes_manifests_that_do_not_parse_and_a_plan_that_is_refused_and_is_not_undone() {
    let (repository, _) = saved();
    let good = repository.read("access/people.yaml");
    // A plan that a guard refuses: the lock-out of one person is none of its business.
    repository.run(["apply", "--yes"]).ends_with(4);
    repository.run(["deactivate", "p000@example.com", "--yes"]).ends_with(0);
    // Manifests that do not parse, besides.
    repository.write("access/people.yaml", &format!("{good}  p999@example.com: [\n"));
    repository.run(["plan"]).ends_with(3);
    repository.run(["deactivate", "p001@example.com", "--yes"]).ends_with(0).tells("not valid");
    for key in ["p000@example.com", "p001@example.com"] {
        assert_eq!(status(&repository, key).as_deref(), Some("inactive"));
    }
    assert_eq!(status(&repository, "p005@example.com").as_deref(), Some("active"), "nobody else");
    repository.write("access/people.yaml", &good);
    repository.run(["apply", "--yes"]).ends_with(4);
    // The removals that were refused are waived, and both stay where they are.
    let digest = planned(&repository);
    repository.run(["apply", "--yes", "--waive", &waiver("removals", &digest)]).ends_with(0);
    let waiting = repository.run(["plan", "--format", "json"]).ends_with(0).json();
    assert_eq!(ids(&waiting), [""; 0]);
    let deferred = waiting["deferred"].as_array().expect("a list");
    for key in ["p000@example.com", "p001@example.com"] {
        assert_eq!(status(&repository, key).as_deref(), Some("inactive"));
        assert!(deferred.iter().any(|one| one["user"] == key && one["waits_for"] == "decision"), "{deferred:?}");
    }
    repository.run(["apply", "--yes"]).ends_with(0);
    assert_eq!(status(&repository, "p000@example.com").as_deref(), Some("inactive"));
}
