//! Dates on the command line: `--at` sets every clock of a run.

use crate::support::cli::Repository;

const MANIFEST: &str = "\
organizations:
  north: { sites: { pit-1: {}, pit-2: {} } }
roles:
  manager: { rank: 40, admin: true }
  viewer: { rank: 10 }
users:
  ana@example.com: { access: { north: { role: manager, sites: [pit-1] } } }
  ben@example.com: { expires: 2026-12-05, access: { north: { role: viewer, sites: [pit-1], expires: 2026-12-01 } } }
  kim@example.com: { starts: 2027-01-01, access: { north: viewer } }
  max@example.com: { access: { north: viewer } }
teams:
  audit:
    members: [ana@example.com]
    access: { north: { sites: [pit-2], starts: 2026-12-01, expires: 2026-12-10 } }
inactive:
  - gone@example.com
  - { user: max@example.com, from: 2026-12-03, reason: contract ends }
";

fn repository() -> Repository {
    let repository = Repository::small();
    repository.write("access/all.yaml", MANIFEST);
    repository.run(["apply", "--yes", "--at", "2026-11-22T10:00:00Z"]).ends_with(0);
    for user in ["ana", "ben", "max"] {
        repository.run(["invitations", "accept", &format!("{user}@example.com")]).ends_with(0);
    }
    repository
}

/// The ids of a plan's actions at a time, and what it lists besides.
fn plan(repository: &Repository, at: &str) -> (Vec<String>, serde_json::Value) {
    let document = repository.run(["plan", "--format", "json", "--at", at]).ends_with(0).json();
    let ids = document["actions"].as_array().unwrap().iter();
    (ids.map(|action| action["id"].as_str().unwrap().to_owned()).collect(), document)
}

#[test]
fn every_source_starts_and_expires_by_itself() {
    let repository = repository();
    let ids = |at: &str| plan(&repository, at).0;
    assert_eq!(ids("2026-11-30T23:59:59Z"), [""; 0]);
    assert_eq!(ids("2026-12-01T00:00:00Z"), ["grant_site ana@example.com north pit-2"]);
    assert_eq!(
        ids("2026-12-02T00:00:00Z"),
        ["remove_membership ben@example.com north", "grant_site ana@example.com north pit-2"]
    );
    assert_eq!(
        ids("2026-12-06T00:00:00Z"),
        [
            "deactivate_user ben@example.com",
            "deactivate_user max@example.com",
            "grant_site ana@example.com north pit-2"
        ]
    );
    assert_eq!(
        ids("2027-01-01T00:00:00Z"),
        ["deactivate_user ben@example.com", "deactivate_user max@example.com", "invite_user kim@example.com"]
    );
}

#[test]
fn a_plan_says_until_when_it_holds_what_ends_soon_and_what_starts_later() {
    let repository = repository();
    let (_, document) = plan(&repository, "2026-11-22T12:00:00Z");
    assert_eq!(document["basis"]["valid_until"], "2026-12-01T00:00:00Z");
    let ends: Vec<(&str, &str)> = document["expiring"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["user"].as_str().unwrap(), one["at"].as_str().unwrap()))
        .collect();
    assert_eq!(
        ends,
        [
            ("ben@example.com", "2026-12-02T00:00:00Z"),
            ("max@example.com", "2026-12-03T00:00:00Z"),
            ("ben@example.com", "2026-12-06T00:00:00Z")
        ]
    );
    let waits: Vec<(&str, &str)> = document["deferred"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["user"].as_str().unwrap(), one["waits_for"].as_str().unwrap()))
        .collect();
    assert_eq!(waits, [("ana@example.com", "start"), ("kim@example.com", "start")]);
    repository
        .run(["plan", "--at", "2026-11-22T12:00:00Z"])
        .prints("ben@example.com loses north at the end of 2026-12-01 (access/all.yaml:8)")
        .prints("max@example.com loses the account at the end of 2026-12-02 (access/all.yaml:17)")
        .prints("kim@example.com starts 2027-01-01: 1 invitation waits");
}

#[test]
fn what_has_expired_says_so_at_its_line() {
    let repository = repository();
    repository
        .run(["plan", "--at", "2026-12-04T00:00:00Z"])
        .prints("removed (was viewer, 1 site)        expired                 access/all.yaml:8")
        .prints("named under `inactive`  access/all.yaml:17");
}

#[test]
fn a_leaver_overrides_every_other_source_and_stays_out() {
    let repository = repository();
    repository.edit("access/all.yaml", "  max@example.com: {", "  max@example.com: { status: active,");
    repository.run(["apply", "--yes", "--at", "2026-12-03T00:00:00Z"]).ends_with(0).prints("max@example.com");
    assert_eq!(plan(&repository, "2026-12-03T00:00:01Z").0, [""; 0]);
    let explained = repository.run(["explain", "max@example.com", "--at", "2026-12-03T00:00:00Z"]);
    explained.ends_with(0).prints("named under `inactive`").prints("contract ends").prints("inactive in the store");
}

#[test]
fn a_leaver_whom_nobody_declares_is_deactivated_if_live_and_warned_about() {
    let repository = repository();
    let without = MANIFEST.replace("  max@example.com: { access: { north: viewer } }\n", "");
    repository.write("access/all.yaml", &without);
    repository.edit("rollcall.yaml", "absent_users: deactivate", "absent_users: report");
    assert_eq!(plan(&repository, "2026-12-01T12:00:00Z").0.len(), 1, "only the audit");
    let run = repository.run(["plan", "--at", "2026-12-03T00:00:00Z"]);
    run.ends_with(0).prints("max@example.com").prints("deactivated").tells("undeclared-leaver");
    assert!(plan(&repository, "2026-12-03T00:00:00Z").0.contains(&"deactivate_user max@example.com".to_owned()));
}

#[test]
fn days_begin_and_end_in_the_zone_of_the_settings() {
    let repository = repository();
    let settings = repository.read("rollcall.yaml");
    repository.write("rollcall.yaml", &format!("{settings}time_zone: Europe/Paris\n"));
    assert_eq!(plan(&repository, "2026-11-30T22:59:59Z").0, [""; 0]);
    assert_eq!(plan(&repository, "2026-11-30T23:00:00Z").0, ["grant_site ana@example.com north pit-2"]);
    let (_, document) = plan(&repository, "2026-11-22T12:00:00Z");
    assert_eq!(document["basis"]["valid_until"], "2026-11-30T23:00:00Z");
}

#[test]
fn whether_manifests_are_valid_does_not_depend_on_the_clock() {
    let repository = Repository::small();
    let masked = "\
organizations: { north: {} }
roles: { boss: { rank: 30 }, left: { rank: 10 }, right: { rank: 10 } }
users:
  ana@example.com: { access: { north: { role: boss, expires: 2026-12-01 } } }
teams:
  one: { members: [ana@example.com], access: { north: left } }
  two: { members: [ana@example.com], access: { north: right } }
";
    repository.write("access/all.yaml", masked);
    for at in ["2026-11-01T00:00:00Z", "2027-01-01T00:00:00Z"] {
        repository.run(["validate", "--at", at]).ends_with(3).tells("conflicting-roles").tells("access/all.yaml:7:");
    }
    repository.edit("access/all.yaml", ", expires: 2026-12-01", "");
    repository.run(["validate"]).ends_with(0);
}

#[test]
fn explain_says_until_when_and_from_when() {
    let repository = repository();
    let explain = |key: &str| repository.run(["explain", key, "--at", "2026-11-22T12:00:00Z"]);
    explain("ben@example.com").prints("until the end of 2026-12-05").prints("until the end of 2026-12-01");
    explain("ana@example.com").prints("from 2026-12-01, until the end of 2026-12-10");
    explain("kim@example.com").prints("from 2027-01-01");
    let run = repository.run(["explain", "north/pit-2", "--at", "2026-12-02T00:00:00Z"]);
    run.prints("ana@example.com").prints("until the end of 2026-12-10");
    let document = repository.run(["explain", "ben@example.com", "--format", "json"]).json();
    assert_eq!(document["users"][0]["expires"], "2026-12-06T00:00:00Z");
    assert_eq!(document["users"][0]["access"][0]["because"][0]["expires"], "2026-12-02T00:00:00Z");
}

/// Ana manages, Evi uses; both are in.
fn with_evi(more: &str) -> Repository {
    let repository = Repository::small();
    repository.edit(
        "access/all.yaml",
        "  ben@example.com:\n    access: { north: { role: operator, sites: [pit-1] } }\n",
        "  evi@example.com: { access: { north: { role: operator, sites: [pit-1] } } }\n",
    );
    repository.run(["apply", "--yes", "--at", "2026-11-22T10:00:00Z"]).ends_with(0);
    for user in ["ana", "evi"] {
        repository.run(["invitations", "accept", &format!("{user}@example.com")]).ends_with(0);
    }
    repository.write("access/more.yaml", more);
    repository
}

#[test]
fn more_access_in_a_place_where_there_is_some_waits_for_its_day_in_everybodys_sight() {
    let repository = with_evi(
        "roles: { chief: { rank: 60, admin: true }, helper: { rank: 5, applies_to: [organization, site, extra] } }\n\
         teams:\n  \
         guests: { members: [evi@example.com], access: { north: { role: manager, starts: 2026-12-27 } } }\n  \
         later: { members: [evi@example.com], access: { north: { role: chief, starts: 2027-12-27 } } }\n  \
         extra: { members: [evi@example.com], access: { north: { extra_roles: [helper], starts: 2026-12-28 } } }\n\
         site_grants: [{ site: north/pit-1, users: [evi@example.com], role: helper, starts: 2026-12-29 }]\n",
    );
    let (_, document) = plan(&repository, "2026-11-22T12:00:00Z");
    let waiting: Vec<(&str, &str)> = document["deferred"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|deferred| deferred["waits_for"] == "start")
        .map(|deferred| (deferred["action"].as_str().unwrap(), deferred["origins"][0]["file"].as_str().unwrap()))
        .collect();
    let more = "access/more.yaml";
    assert_eq!(
        waiting,
        [("change_role", more), ("change_role", more), ("update_membership", more), ("change_site_role", more)],
        "{}",
        document["deferred"]
    );
    let run = repository.run(["plan", "--at", "2026-11-22T12:00:00Z"]);
    run.ends_with(0).prints("evi@example.com").prints("2026-12-27");
}

#[test]
fn what_ends_and_leaves_something_less_is_not_said_to_be_lost() {
    let repository = with_evi(
        "teams: { t: { members: [evi@example.com], access: { north: viewer } } }\n\
                               roles: { viewer: { rank: 5 } }\n",
    );
    repository.edit("access/all.yaml", "sites: [pit-1] }", "sites: [pit-1], expires: 2026-12-01 }");
    let (_, document) = plan(&repository, "2026-11-24T12:00:00Z");
    let expiring = document["expiring"].as_array().unwrap();
    let places: Vec<(&str, &str)> = expiring
        .iter()
        .map(|one| (one["site"].as_str().unwrap_or(""), one["after"]["role"].as_str().unwrap_or("nothing")))
        .collect();
    assert_eq!(places, [("", "viewer"), ("pit-1", "nothing")], "{expiring:?}");
    let run = repository.run(["plan", "--at", "2026-11-24T12:00:00Z"]);
    run.prints("evi@example.com falls to viewer of north at the end of 2026-12-01").prints("loses north/pit-1");
    assert!(!run.out.contains("loses north at"), "{}", run.out);
}

#[test]
fn what_takes_away_does_not_wait_for_a_first_day() {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: default } }\n\
         manage: { absent_users: deactivate }\nguards: { removals: { max_percent: 100, min_count: 9 } }\n",
    );
    let people = |bo: &str, cy: &str, di: &str, ed: &str| {
        format!(
            "organizations: {{ north: {{}} }}\nroles: {{ manager: {{ rank: 40, admin: true }}, viewer: {{ rank: 10 }} }}\n\
             users:\n  ana@example.com: {{ access: {{ north: manager }} }}\n  bo@example.com: {bo}\n  \
             cy@example.com: {cy}\n  di@example.com: {di}\n  ed@example.com: {ed}\n"
        )
    };
    let same = "{ access: { north: manager } }";
    repository.write("access/a.yaml", &people(same, same, same, same));
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    for who in ["ana", "bo", "cy", "di"] {
        repository.run(["invitations", "accept", &format!("{who}@example.com")]).ends_with(0);
    }
    let later = "{ starts: 2031-01-01, access: { north: manager } }";
    let (bo, cy) = ("{ starts: 2031-01-01, status: inactive }", "{ starts: 2031-01-01, access: {} }");
    repository.write("access/a.yaml", &people(bo, cy, later, later));
    let plan = repository.run(["plan"]);
    plan.ends_with(0).prints("bo@example.com  deactivated").prints("cy@example.com  removed (was manager)");
    // Who has not accepted could do so too early; who is active stays, and that is said.
    plan.prints("ed@example.com  invitation cancelled").prints("ed@example.com starts 2031-01-01: 1 invitation waits");
    plan.tells("`di@example.com` is active before the day on which they start");
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes").prints("1 invitation waits");
    repository.run(["plan", "--at", "2031-01-02T00:00:00Z"]).ends_with(0).prints("ed@example.com  invited");
}

#[test]
fn a_time_has_a_zone_that_there_is() {
    let repository = Repository::small();
    for at in ["2026-12-01T00:00:00+25:00", "2026-12-01T00:00:00-2500", "2026-12-01T00:00:00"] {
        repository.run(["plan", "--at", at]).ends_with(3).tells("write a time with its zone");
    }
    repository.run(["plan", "--at", "2026-12-01T00:00:00+14:00"]).ends_with(0);
}
