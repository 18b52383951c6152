//! Changes of roles in two steps (ALT-5), killed anywhere: also between the steps, and also where a saved or an approved plan
//! is being done.

use super::repository::Repository;
use super::{digest, kill_everywhere, kill_everywhere_in, need_strace, traced};

const ROLES_IN_STEPS: &str = "\
organizations:
  quarries: { sites: { pit-1: {}, pit-2: {} } }
  mines: { sites: { shaft: {} } }
roles: { terrain: { applies_to: [extra] } }
users:
  ana@example.com: { access: { quarries: manager, mines: manager } }
  ben@example.com: { access: { quarries: { role: operator, sites: [pit-1], extra_roles: [terrain] }, mines: user } }
  cy@example.com: { access: { quarries: { role: operator, sites: unmanaged, extra_roles: unmanaged } } }
  di@example.com: { access: { quarries: { role: operator, sites: [pit-2] } } }
";

/// Roles of four people that are to change in two steps each, beside what others manage.
fn roles_in_steps() -> Repository {
    let settings = "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: alteia } }\n\
                    manage: { absent_users: report }\nguards: { removals: { max_percent: 100, min_count: 0 } }\n";
    let repository = Repository::of(settings, ROLES_IN_STEPS);
    let run = |arguments: &[&str]| {
        let ended = repository.run(arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.streams);
    };
    run(&["apply", "--yes"]);
    for user in ["ana", "ben", "cy", "di"] {
        run(&["invitations", "accept", &format!("{user}@example.com")]);
    }
    run(&["apply", "--yes"]);
    let others = "INSERT INTO site_grants (user_id, organization_id, site_id) SELECT u.id, s.organization_id, s.id
        FROM users u, sites s WHERE u.key = 'cy@example.com' AND s.name = 'pit-2';
        INSERT INTO extra_roles (user_id, organization_id, role_id) SELECT u.id, o.id, r.id
        FROM users u, organizations o, roles r WHERE u.key = 'cy@example.com' AND o.name = 'quarries' AND r.name = 'terrain'";
    let store = rusqlite::Connection::open(repository.path().join(".rollcall/store.db")).expect("a store");
    store.execute_batch(others).expect("what others manage");
    drop(store);
    let changed = ROLES_IN_STEPS.replace("operator", "contributor").replace("mines: user", "mines: operator");
    repository.write("access/all.yaml", &changed);
    repository
}

/// ALT-5: a stop between the two steps heals at the next run, what others manage included.
#[test]
fn alt_5_killed_anywhere_while_roles_change_in_two_steps_the_next_run_finishes() {
    kill_everywhere(&roles_in_steps());
}

/// The same of a plan that was saved, or approved by its digest: the same command heals what it left between two steps.
#[test]
fn alt_5_killed_anywhere_in_a_saved_plan_of_two_steps_the_same_command_finishes_it() {
    let repository = roles_in_steps();
    let plan = repository.run(&["plan", "--out", "plan.json"]);
    assert_eq!(plan.code, Some(0), "{}", plan.streams);
    kill_everywhere_in(&repository, &["apply", "plan.json", "--yes"]);
}

#[test]
fn alt_5_killed_anywhere_in_an_approved_plan_of_two_steps_the_same_command_finishes_it() {
    let repository = roles_in_steps();
    kill_everywhere_in(&repository, &["apply", "--approved", &digest(&repository)]);
}

/// The store of [`roles_in_steps`] where a run was killed when Cy's old membership was gone and the new one not there.
fn killed_in_between() -> Repository {
    need_strace();
    let template = roles_in_steps();
    let (_, calls) = traced(&template.copy(), &["apply", "--yes"], None);
    let killed = calls.iter().rev().find_map(|call| {
        let repository = template.copy();
        traced(&repository, &["apply", "--yes"], Some(call));
        let is_between = !repository.contents().has_grant("cy@example.com pit-2");
        is_between.then_some(repository)
    });
    killed.expect("a kill in between")
}

/// Whoever is out by an apply after the kill gets nothing back of what others managed.
#[test]
fn alt_5_what_was_stopped_half_way_is_over_for_who_leaves_in_between() {
    let killed = killed_in_between();
    let path = killed.path().join("access/all.yaml");
    let text = std::fs::read_to_string(&path).expect("a manifest");
    let cy =
        "  cy@example.com: { access: { quarries: { role: contributor, sites: unmanaged, extra_roles: unmanaged } } }\n";
    assert!(text.contains(cy), "{text}");
    for leaving in
        [String::new(), cy.replace("{ access", "{ status: inactive, access"), "inactive: [cy@example.com]\n".to_owned()]
    {
        let repository = killed.copy();
        let path = repository.path().join("access/all.yaml");
        let left =
            if leaving.starts_with("inactive") { format!("{text}{leaving}") } else { text.replace(cy, &leaving) };
        let settings = repository.path().join("rollcall.yaml");
        let deactivates = std::fs::read_to_string(&settings).expect("settings").replace("report", "deactivate");
        std::fs::write(&settings, deactivates).expect("settings");
        std::fs::write(&path, left).expect("a manifest");
        let ended = repository.run(&["apply", "--yes"]);
        assert_eq!(ended.code, Some(0), "{}", ended.streams);
        std::fs::write(&path, text.replace("sites: unmanaged, extra_roles: unmanaged", "sites: []"))
            .expect("a manifest");
        let ended = repository.run(&["apply", "--yes"]);
        assert_eq!(ended.code, Some(0), "{}", ended.streams);
        std::fs::write(&path, &text).expect("a manifest");
        let ended = repository.run(&["apply", "--yes"]);
        assert_eq!(ended.code, Some(0), "{}", ended.streams);
        let contents = repository.contents();
        assert!(!contents.has_grant("cy@example.com pit-2"), "{leaving}: {contents:?}");
    }
}

/// What others manage of a membership that is gone half-way comes back also where something is renamed in the same plan.
#[test]
fn alt_5_what_was_stopped_half_way_comes_back_beside_a_rename() {
    let killed = killed_in_between();
    let path = killed.path().join("access/all.yaml");
    let text = std::fs::read_to_string(&path).expect("a manifest");
    let renamed = text.replace("  di@example.com: {", "  dana@example.com: { previously: di@example.com,");
    assert_ne!(renamed, text);
    std::fs::write(&path, renamed).expect("a manifest");
    let contents = killed.assert_next_run_finishes("killed between the steps");
    assert!(contents.has_grant("cy@example.com pit-2"), "{contents:?}");
    assert!(contents.has_grant("dana@example.com pit-2"), "{contents:?}");
}

/// `import` in between: a manifest without the membership that is gone would end what the next apply gives back.
#[test]
fn alt_5_an_import_in_between_says_what_was_stopped_and_writes_how_it_was_to_end() {
    let killed = killed_in_between();
    let run = killed.run(&["import", "--out", "seen"]);
    assert_eq!(run.code, Some(0), "{}", run.streams);
    let told = "cy@example.com is not in quarries since a run was stopped while operator was to become contributor";
    assert!(run.streams.contains(told), "{}", run.streams);
    let users = std::fs::read_to_string(killed.path().join("seen/users.yaml")).expect("users");
    let cy = "  cy@example.com:\n    access:\n      quarries: { role: contributor, extra_roles: [terrain], sites: [pit-2] }\n";
    assert!(users.contains(cy), "{users}");
    let json = killed.run(&["import", "--out", "again", "--format", "json"]);
    assert!(json.streams.contains("\"cy@example.com is not in quarries since"), "{}", json.streams);
    // Accepted as it is, it gives all of it back.
    std::fs::remove_dir_all(killed.path().join("access")).expect("removed");
    std::fs::rename(killed.path().join("seen"), killed.path().join("access")).expect("renamed");
    std::fs::remove_dir_all(killed.path().join("again")).expect("removed");
    let contents = killed.assert_next_run_finishes("an import in between");
    assert!(contents.has_grant("cy@example.com pit-2"), "{contents:?}");
    // Afterwards there is nothing to tell.
    let run = killed.run(&["import", "--out", "seen"]);
    assert!(!run.streams.contains("stopped"), "{}", run.streams);
}

/// What was to come back with the new role and is gone meanwhile does not make every run fail: the rest comes, and it is
/// told.
#[test]
fn alt_5_what_is_gone_meanwhile_does_not_come_back_and_is_told() {
    let killed = killed_in_between();
    let path = killed.path().join("access/all.yaml");
    let text = std::fs::read_to_string(&path).expect("a manifest");
    std::fs::write(&path, text.replace("pit-2: {}", "").replace("[pit-2]", "[pit-1]")).expect("a manifest");
    killed.sql(
        "DELETE FROM site_grants WHERE site_id IN (SELECT id FROM sites WHERE name = 'pit-2');
         DELETE FROM sites WHERE name = 'pit-2'",
    );
    for command in [["plan"].as_slice(), &["apply", "--yes"]] {
        let run = killed.run(command);
        assert_eq!(run.code, Some(0), "{}", run.streams);
        let told = "warning[half-changed]: `cy@example.com` is not in quarries since a run was stopped while operator was \
                    to become contributor; site quarries/pit-2, which is not in the store any more, can't come with it";
        assert!(run.streams.contains(told), "{}", run.streams);
    }
    let plan = killed.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.code, Some(0), "{}", plan.streams);
    assert!(!plan.streams.contains("half-changed"), "{}", plan.streams);
    let contents = killed.contents();
    assert!(contents.memberships().contains(&"cy@example.com quarries contributor".to_owned()), "{contents:?}");
}
