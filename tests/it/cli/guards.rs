//! Guards on the command line: what refuses, how it is told, and how it is waived.

use std::fs;

use serde_json::Value;

use super::super::support::cli::{Repository, Run};

const SETTINGS: &str = "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: default } }\n\
                        manage: { absent_users: deactivate }\n";

const CATALOG: &str = "\
organizations:
  north: { sites: { pit-1: {}, pit-2: {}, pit-3: {} } }
  south: {}
roles:
  manager: { rank: 40, site_access: all, admin: true }
  operator: { rank: 20 }
";

pub(super) fn people(organization: &str, numbers: std::ops::Range<u32>) -> String {
    let person = |at| format!("  p{at:03}@example.com: {{ access: {{ {organization}: operator }} }}\n");
    numbers.map(person).collect::<Vec<String>>().concat()
}

/// A repository with a manager of both organizations and whoever else is declared.
pub(super) fn repository(settings: &str, users: &str) -> Repository {
    let repository = Repository::empty();
    repository.write("rollcall.yaml", &format!("{SETTINGS}{settings}"));
    repository.write("access/catalog.yaml", CATALOG);
    declare(&repository, users);
    repository.run(["init"]).ends_with(0);
    repository
}

pub(super) fn declare(repository: &Repository, users: &str) {
    let text = format!("users:\n  ana@example.com: {{ access: {{ north: manager, south: manager }} }}\n{users}");
    repository.write("access/people.yaml", &text);
}

/// Like [`repository`], applied, and everybody has accepted.
pub(super) fn applied(settings: &str, users: &str) -> Repository {
    let repository = repository(settings, users);
    repository.run(["apply", "--yes"]).ends_with(0);
    let keys = repository.run(["plan"]);
    keys.ends_with(0);
    let mut statement = repository.store();
    let keys: Vec<String> = {
        let transaction = statement.transaction().unwrap();
        let mut select = transaction.prepare("SELECT key FROM users WHERE status = 'invited' ORDER BY key").unwrap();
        let keys = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        drop(select);
        keys
    };
    for key in keys {
        repository.run(["invitations", "accept", &key]).ends_with(0);
    }
    repository.run(["apply", "--yes"]).ends_with(0);
    repository
}

pub(super) fn digest(run: &Run) -> String {
    run.json()["digest"].as_str().unwrap().to_owned()
}

pub(super) fn planned(repository: &Repository) -> String {
    digest(&repository.run(["plan", "--format", "json"]))
}

pub(super) fn guard<'a>(document: &'a Value, name: &str, organization: Option<&str>) -> &'a Value {
    let guards = document["guards"].as_array().unwrap();
    let is_it = |guard: &&Value| guard["name"] == name && guard["organization"].as_str() == organization;
    guards.iter().find(is_it).unwrap_or_else(|| panic!("no {name} of {organization:?} in {guards:#?}"))
}

pub(super) fn waiver(guard: &str, digest: &str) -> String {
    format!("{guard}={digest}")
}

#[test]
fn too_many_removals_are_refused_and_waived_for_one_plan_only() {
    let repository = repository("", &format!("{}{}", people("north", 0..30), people("south", 30..40)));
    repository.run(["apply", "--yes"]).ends_with(0).prints("guards     removals 0 of 0   invitations 41 of 200");
    declare(&repository, &format!("{}{}", people("north", 0..2), people("south", 30..40)));
    let before = fs::read(repository.file(".rollcall/store.db")).unwrap();
    let json = repository.run(["plan", "--format", "json"]);
    json.ends_with(4).tells("refused by guard `removals`");
    let document = json.json();
    let told = guard(&document, "removals", None);
    assert_eq!((&told["count"], &told["limit"], &told["refused"]), (&28.into(), &10.into(), &true.into()));
    let told = guard(&document, "removals", Some("north"));
    assert_eq!((&told["count"], &told["limit"], &told["refused"]), (&28.into(), &7.into(), &true.into()));
    let digest = digest(&json);

    let run = repository.run(["plan"]);
    run.ends_with(4).tells_nothing();
    let (_, tail) = run.out.split_once("\ndigest ").expect("a digest");
    insta::assert_snapshot!(tail.replace(&digest, "sha256:DIGEST"), @r"
    sha256:DIGEST

    refused by guard `removals`: this plan removes 28 of 41 people (68 %) or some of their access, at most 10 (25 %) may go at once
      north   28 of 31 people, at most 7
      which change is to blame can't be told: there is no git repository here to compare with
    If this is meant: rollcall apply --waive removals=sha256:DIGEST
    ");
    run.prints("removals 28 of 10   REFUSED");
    repository.run(["plan", "--detailed-exitcode"]).ends_with(4);

    let refused = repository.run(["apply", "--yes"]);
    refused
        .ends_with(4)
        .tells("refused by guard `removals`, so nothing is written")
        .prints("apply --yes --waive removals=");
    let report = repository.run(["apply", "--yes", "--format", "json"]);
    report.ends_with(4).tells("at most 10 (25 %)");
    assert_eq!(report.json()["digest"], digest.as_str(), "{report}");
    repository.run(["apply"]).ends_with(3);
    repository.run(["apply", "--approved", &digest]).ends_with(4);
    repository.run(["apply", "--yes", "--waive", &waiver("mails", &digest)]).ends_with(4);
    assert!(fs::read(repository.file(".rollcall/store.db")).unwrap() == before, "nothing was written");

    // One person more, and it is another plan.
    declare(&repository, &format!("{}{}", people("north", 0..3), people("south", 30..40)));
    let stale = repository.run(["apply", "--yes", "--waive", &waiver("removals", &digest)]);
    stale.ends_with(5).tells("another one now").tells(&digest);
    assert!(fs::read(repository.file(".rollcall/store.db")).unwrap() == before, "nothing was written");
    declare(&repository, &format!("{}{}", people("north", 0..2), people("south", 30..40)));
    repository.run(["apply", "--yes", "--waive", &waiver("removals", &digest)]).ends_with(0).prints("(waived)");
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

#[test]
fn waivers_are_judged_before_anything_is_read() {
    let repository = Repository::small();
    let digest = planned(&repository);
    for (waiver, words) in [
        (waiver("removal", &digest), "did you mean `removals`"),
        (waiver("all", &digest), "there is no guard `all`"),
        (waiver("self", &digest), "can't be waived"),
        ("removals".to_owned(), "names a guard and the digest of one plan"),
        ("removals=*".to_owned(), "is no digest"),
        ("removals=sha256:\u{1b}[2J".to_owned(), "is no digest"),
    ] {
        let run = repository.run(["apply", "--yes", "--waive", &waiver]);
        run.ends_with(3).prints_nothing().tells(words);
        assert!(!run.err.contains('\u{1b}'), "{run}");
    }
    repository.run(["plan", "--waive", "removals"]).ends_with(3).prints_nothing().tells("apply --waive removals=");
    repository.run(["plan", "--waive", "everything"]).ends_with(3).prints_nothing().tells("there is no guard");
    repository.edit("rollcall.yaml", "manage", "guards: { waive: [removals] }\nmanage");
    repository.run(["plan"]).ends_with(3).prints_nothing().tells("waive");
}

#[test]
fn every_counting_guard_refuses_and_is_waived() {
    let limits = "guards: { invitations: { max_count: 3 }, escalations: { max_count: 0 }, mails: { max_count: 2 } }\n";
    let repository = repository(limits, &people("north", 0..3));
    let run = repository.run(["plan"]);
    run.ends_with(4)
        .prints("invitations 4 of 3   REFUSED")
        .prints("refused by guard `invitations`: this plan invites 4 people, at most 3 may be invited at once")
        .prints("refused by guard `escalations`: this plan gives 1 person powers that matter, at most 0")
        .prints("refused by guard `mails`: this plan sends 4 mails, at most 2");
    let digest = planned(&repository);
    let waivers = ["invitations", "escalations", "mails"].map(|guard| format!(" --waive {guard}={digest}")).concat();
    run.prints(&format!("If this is meant: rollcall apply{waivers}\n"));
    for guards in [&["invitations", "mails"][..], &["escalations", "mails"], &["removals"]] {
        let mut words = vec!["apply".to_owned(), "--yes".to_owned()];
        words.extend(guards.iter().flat_map(|guard| ["--waive".to_owned(), waiver(guard, &digest)]));
        repository.run(words).ends_with(4);
    }
    let mut words = vec!["apply".to_owned(), "--yes".to_owned()];
    words.extend(
        ["invitations", "escalations", "mails"].iter().flat_map(|guard| ["--waive".to_owned(), waiver(guard, &digest)]),
    );
    repository.run(words).ends_with(0);
}

/// The way in for whoever begins with many people: nothing can be removed, and the refusal says how to go on.
#[test]
fn an_empty_store_takes_many_people_by_a_waiver() {
    let repository = repository("", &people("north", 0..250));
    let run = repository.run(["plan"]);
    run.ends_with(4).prints("refused by guard `invitations`: this plan invites 251 people, at most 200");
    let command = run.out.lines().find_map(|line| line.strip_prefix("If this is meant: rollcall ")).expect("a way");
    let words: Vec<&str> = command.split(' ').chain(["--yes"]).collect();
    repository.run(words).ends_with(0);
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

/// Adoption of a store that is full already: what import writes plans nothing, and what is lost in the move is refused.
#[test]
fn a_full_store_is_taken_over_by_import() {
    let repository = applied("", &people("north", 0..12));
    repository.run(["import", "--out", "imported"]).ends_with(0);
    repository.edit("rollcall.yaml", "version: 1", "version: 1\nmanifests: [imported]");
    repository.run(["plan", "--detailed-exitcode"]).ends_with(0).prints("no changes");
    // Somebody begins with the manifests instead of the import, and forgets nearly everybody.
    repository.edit("rollcall.yaml", "manifests: [imported]", "manifests: [access]");
    declare(&repository, &people("north", 0..1));
    repository.run(["plan"]).ends_with(4).prints("this plan removes 11 of 13 people (85 %)");
}

#[test]
fn nobody_left_is_refused_whatever_the_limit() {
    let limits = "guards: { removals: { max_percent: 100, min_count: 100 }, min_admins: 0 }\n";
    let repository = applied(limits, "  ben@example.com: { access: { south: operator } }\n");
    let all = repository.read("access/people.yaml");
    repository.write(
        "access/people.yaml",
        &all.replace(", south: manager", "").replace("south: operator", "north: operator"),
    );
    let run = repository.run(["plan"]);
    run.ends_with(4)
        .prints("refused by guard `removals`: too many in one organization\n  south   nobody active would be left of 2 people\n");
    let document = repository.run(["plan", "--format", "json"]).json();
    assert_eq!(guard(&document, "removals", Some("south"))["refused"], true);
    assert_eq!(guard(&document, "removals", None)["refused"], false);
    let digest = planned(&repository);
    repository.run(["apply", "--yes"]).ends_with(4);
    repository.run(["apply", "--yes", "--waive", &waiver("removals", &digest)]).ends_with(0);
}

#[test]
fn who_moves_is_shown_and_not_counted() {
    let at =
        |site: &str| format!("  ben@example.com: {{ access: {{ north: {{ role: operator, sites: [{site}] }} }} }}\n");
    let repository = applied("guards: { removals: { max_percent: 0, min_count: 0 } }\n", &at("pit-1"));
    declare(&repository, &at("pit-2"));
    repository.run(["plan"]).ends_with(0).prints("removals 0 of 0 (1 more moved)   invitations 0 of 200");
    declare(&repository, &at("pit-2, pit-3"));
    repository.run(["plan"]).ends_with(0);
    declare(&repository, &at(""));
    repository.run(["plan"]).ends_with(4).prints("removals 1 of 0   REFUSED");
    declare(&repository, "  ben@example.com: { access: { south: operator } }\n");
    repository.run(["plan"]).ends_with(4).prints("  north   1 of 2 people, at most 0\n");
}

#[test]
fn the_floor_of_admins_is_waived_in_the_plan_that_shows_it() {
    let repository = applied("", "  ben@example.com: { access: { north: operator, south: operator } }\n");
    repository.run(["plan"]).ends_with(0).prints("no changes");
    repository.edit("access/people.yaml", "north: manager", "north: operator");
    let kept = repository.run(["plan"]);
    kept.ends_with(0).prints("no changes").prints("waiting");
    let shown = repository.run(["plan", "--waive", "min_admins"]);
    let digest = digest(&repository.run(["plan", "--waive", "min_admins", "--format", "json"]));
    shown.ends_with(0).prints(&format!("rollcall apply --waive min_admins={digest} --approved {digest}"));
    repository.run(["apply", "--yes", "--approved", &digest]).ends_with(5);
    let other = format!("sha256:{}", "0".repeat(64));
    repository.run(["apply", "--yes", "--waive", &waiver("min_admins", &other)]).ends_with(5);
    repository.run(["apply", "--yes", "--waive", &waiver("min_admins", &digest)]).ends_with(0).prints("1 done");
    repository.run(["plan"]).ends_with(0).prints("no changes");
}

/// The role and the extra roles go at once where the rules say so, and what comes back comes later.
#[test]
fn extra_roles_that_are_lost_with_a_role_leave_no_organization_without_an_admin() {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: { extends: default, role_change: \
         replace, role_change_loses: [extra_roles] } } }\nmanage: { absent_users: report }\nguards: { min_admins: 1 }\n",
    );
    let access = |role: &str, extra: &str| {
        format!(
            "organizations: {{ north: {{}} }}\nroles:\n  manager: {{ rank: 40, admin: true, applies_to: [organization, \
             extra] }}\n  operator: {{ rank: 20, applies_to: [organization, extra] }}\nusers:\n  max@example.com: {{ \
             access: {{ north: {{ role: {role}, extra_roles: [{extra}] }} }} }}\n"
        )
    };
    repository.write("access/a.yaml", &access("manager", "manager"));
    repository.run(["init"]).ends_with(0);
    repository.run(["apply", "--yes"]).ends_with(0);
    repository.run(["invitations", "accept", "max@example.com"]).ends_with(0);
    for extra in ["operator", "manager"] {
        repository.write("access/a.yaml", &access("operator", extra));
        let plan = repository.run(["plan"]);
        plan.ends_with(0)
            .prints("no changes")
            .prints("north would be left with too few admins without max@example.com");
        plan.prints("`rollcall deactivate KEY` or `--waive min_admins`");
    }
}

/// A role that is not changed for now, since a protected person would lose by it, makes nobody an admin meanwhile.
#[test]
fn a_role_that_waits_to_become_an_admin_role_keeps_nobody_from_leaving() {
    let repository = Repository::empty();
    repository.write(
        "rollcall.yaml",
        "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: default } }\nmanage: { absent_users: \
         deactivate }\nguards: { min_admins: 0, protected_users: [pia@example.com], removals: { max_percent: 100 } }\n",
    );
    repository.write(
        "access/a.yaml",
        "organizations: { attic: {}, north: {} }\nroles:\n  operator: { rank: 20, admin: true }\n  viewer: { rank: 10 \
         }\n  auditor: { admin: true }\nusers:\n  sam@example.com: { access: {} }\n  ada@example.com: { access: { north: \
         auditor } }\n",
    );
    repository.run(["init"]).ends_with(0);
    repository.sql(
        "INSERT INTO organizations(name) VALUES ('attic'), ('north'); INSERT INTO roles(name, rank, admin, includes) \
         VALUES ('operator', 20, 0, '[\"viewer\"]'), ('viewer', 10, 0, '[]'), ('auditor', NULL, 1, '[]'); INSERT INTO \
         users(key, status) VALUES ('ada@example.com', 'active'), ('ana@example.com', 'active'), ('pia@example.com', \
         'active'), ('sam@example.com', 'active'); INSERT INTO memberships(user_id, organization_id, role_id) SELECT \
         u.id, o.id, r.id FROM users u, organizations o, roles r WHERE (u.key, o.name, r.name) IN (VALUES \
         ('ada@example.com', 'north', 'auditor'), ('ana@example.com', 'attic', 'operator'), ('pia@example.com', \
         'attic', 'operator'), ('sam@example.com', 'attic', 'auditor'));",
    );
    let applied = repository.run(["apply", "--yes"]);
    applied.ends_with(0).prints("ana@example.com  deactivated").prints("sam@example.com  removed (was auditor)");
    repository.run(["plan"]).ends_with(0).prints("no changes").prints("role operator is held by pia@example.com");
}
