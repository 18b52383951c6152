//! What generated renames and tombstones found once, kept by name.

use super::bench::{Bench, Ran};
use super::regressions::{CATALOG, bench, bench_of_self, declare};
use super::settle;
use crate::support::memory::MemoryStore;

fn declare_all(bench: &mut Bench<MemoryStore>, text: &str) {
    bench.files = vec![("access/all.yaml".to_owned(), text.to_owned())];
}

fn nothing_else(catalog: &str) -> String {
    format!("{catalog}users:\n  ana@example.com: {{ access: {{}} }}\n")
}

/// A store with only this in its catalog, and the ids of what it takes to make it that.
fn catalog_becomes(before: &str, after: &str) -> (Vec<String>, String) {
    let mut bench = bench("onboarding: create", "");
    declare_all(&mut bench, &nothing_else(before));
    settle(&mut bench).expect("nothing is left after the first run");
    declare_all(&mut bench, &nothing_else(after));
    let (plan, shown) = settle(&mut bench).expect("nothing is left after the renames");
    (bench.ids(&plan), shown)
}

#[test]
fn renamed_sites_exchange_what_includes_the_other() {
    let (ids, shown) = catalog_becomes(
        "organizations: { north: { sites: { pit-1: { includes: [pit-2] }, pit-2: {} } } }\n",
        "organizations:\n  north:\n    sites:\n      old-1: { previously: pit-1, includes: [] }\n      \
         old-2: { previously: pit-2, includes: [old-1] }\n",
    );
    assert_eq!(ids, ["update_site north old-1", "update_site north old-2"]);
    assert!(shown.contains(r#"site north/old-2 {"includes": Set(["old-1"])}"#), "{shown}");
}

#[test]
fn renamed_organizations_exchange_their_parents_and_what_they_include() {
    let (ids, shown) = catalog_becomes(
        "organizations:\n  north: { parent: south, includes: [] }\n  south: { parent: \"\", includes: [north] }\n",
        "organizations:\n  up: { previously: north, parent: \"\", includes: [down] }\n  \
         down: { previously: south, parent: up, includes: [] }\n",
    );
    assert_eq!(ids, ["update_organization down", "update_organization up"]);
    assert!(shown.contains(r#"organization down {"includes": Set([]), "parent": Text("up")}"#), "{shown}");
    assert!(shown.contains(r#"organization up {"includes": Set(["down"]), "parent": Text("")}"#), "{shown}");
}

#[test]
fn a_renamed_organization_includes_a_new_one_that_belongs_to_it() {
    let (mut ids, shown) = catalog_becomes(
        "organizations: { north: {} }\n",
        "organizations:\n  up: { previously: north, includes: [mine] }\n  mine: { parent: up }\n",
    );
    ids.sort_unstable();
    assert_eq!(ids, ["create_organization mine", "update_organization up"]);
    assert!(shown.contains(r#"organization mine {"parent": Text("up")}"#), "{shown}");
}

#[test]
fn renamed_roles_exchange_what_includes_the_other() {
    let (ids, shown) = catalog_becomes(
        "roles: { reader: {}, writer: { includes: [reader] } }\norganizations: { north: {} }\n",
        "roles:\n  one: { previously: reader, includes: [two] }\n  two: { previously: writer }\norganizations: { north: {} }\n",
    );
    assert_eq!(ids, ["update_role two", "update_role one"]);
    assert!(shown.contains(r#""includes": Set(["two"])"#), "{shown}");
}

#[test]
fn who_is_stripped_and_deleted_takes_the_place_of_an_admin_once() {
    let rules = "{ onboarding: create, offboarding: [strip, delete] }";
    let admin = |key: &str| format!("  {key}@example.com: {{ access: {{ north: manager }} }}\n");
    let mut bench = bench(rules, &(admin("ana") + &admin("ben")));
    bench.policy.min_admins = 1;
    bench.policy.grace = "0d".parse().expect("a period");
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, &(admin("ana") + "  ben@example.com: { status: absent }\n"));
    let (plan, _) = settle(&mut bench).expect("nothing is left after the second run");
    assert_eq!(bench.ids(&plan), ["strip_user ben@example.com", "delete_user ben@example.com"]);
}

#[test]
fn who_is_stripped_and_deleted_leaves_a_seat() {
    let rules = "{ onboarding: create, offboarding: [strip, delete], seats: { max: 1, counts: [active] } }";
    let mut bench = bench(rules, "  ana@example.com: { access: { north: viewer } }\n");
    bench.policy.grace = "0d".parse().expect("a period");
    settle(&mut bench).expect("nothing is left after the first run");
    let users = "  ana@example.com: { status: absent }\n  ben@example.com: { access: { north: viewer } }\n";
    declare(&mut bench, users);
    let (plan, _) = settle(&mut bench).expect("nothing is left after the second run");
    assert!(bench.ids(&plan).contains(&"create_user ben@example.com".to_owned()), "{:?}", bench.ids(&plan));
}

#[test]
fn a_saved_plan_whose_deletions_were_done_is_finished() {
    let users = "  ana@example.com: { access: { north: viewer } }\n  ben@example.com: { access: { north: viewer } }\n";
    let mut bench = bench("onboarding: create", users);
    bench.policy.grace = "0d".parse().expect("a period");
    settle(&mut bench).expect("nothing is left after the first run");
    let users =
        "  roy@example.com: { previously: ana@example.com, status: absent }\n  ben@example.com: { access: {} }\n";
    declare(&mut bench, users);
    let plan = bench.plan();
    assert_eq!(
        bench.ids(&plan),
        [
            "remove_membership ben@example.com north",
            "rename_user roy@example.com",
            "deactivate_user roy@example.com",
            "delete_user roy@example.com"
        ]
    );
    let file = bench.file(&plan);
    let today = bench.plan();
    let (_, untouched) = bench.holding(&file, &today);
    assert_eq!((untouched.changed, untouched.done), (vec![], vec![]), "who is not renamed yet is not gone");
    bench.apply_plan(plan, &[], 4);
    let today = bench.plan();
    let (_, holding) = bench.holding(&file, &today);
    assert_eq!((holding.changed, holding.done), (vec![], vec![0, 1, 2, 3]));
}

#[test]
fn the_own_account_is_not_renamed_while_the_settings_know_it_by_its_former_key() {
    let mut bench = bench_of_self("ana@example.com", "onboarding: create", "  ana@example.com: { access: {} }\n");
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, "  roy@example.com: { previously: ana@example.com, access: {} }\n");
    let plan = bench.plan();
    assert_eq!(bench.ids(&plan), Vec::<String>::new());
    assert_eq!(plan.deferred[0].waits_for, rollcall::plan::WaitsFor::OwnAccount);
    bench.policy.own_account = Some("roy@example.com".to_owned());
    let Ran::Applied(plan, _) = bench.apply() else { panic!("the store can be read") };
    assert_eq!(bench.ids(&plan), ["rename_user roy@example.com"]);
}

#[test]
fn a_protected_person_is_not_renamed() {
    let mut bench = bench("onboarding: create", "  ana@example.com: { access: {} }\n");
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, "  roy@example.com: { previously: ana@example.com, access: { north: viewer } }\n");
    for pattern in ["ana@*", "roy@*"] {
        bench.policy.protected = vec![pattern.to_owned()];
        let plan = bench.plan();
        let waits: Vec<_> = plan.deferred.iter().map(|deferred| deferred.waits_for).collect();
        assert!(plan.actions.is_empty(), "{pattern}");
        assert_eq!(waits, [rollcall::plan::WaitsFor::Protected; 2], "{pattern}");
    }
}

#[test]
fn an_undeclared_member_holds_the_deletion_of_an_organization_back() {
    let users = "  ana@example.com: { access: { north: viewer } }\n  ben@example.com: { access: { south: viewer } }\n";
    let mut bench = bench("onboarding: create", users);
    bench.policy.absent_users = rollcall::plan::AbsentUsers::Report;
    settle(&mut bench).expect("nothing is left after the first run");
    let catalog = CATALOG.replace("north: { sites: { pit-1: {}, pit-2: {} } }", "north: { status: absent }");
    let ben = "users:\n  ben@example.com: { access: { south: viewer } }\n";
    declare_all(&mut bench, &format!("{catalog}{ben}"));
    let plan = bench.plan();
    assert_eq!(bench.ids(&plan), Vec::<String>::new());
    let waits: Vec<_> = plan.deferred.iter().map(|one| (one.kind.as_str(), one.waits_for.as_str())).collect();
    let decision = "decision";
    assert_eq!(waits, [("delete_organization", decision), ("delete_site", decision), ("delete_site", decision)]);
    // Who has gone from it, by a manifest, holds nothing back any more.
    declare_all(&mut bench, &format!("{catalog}{ben}  ana@example.com: {{ access: {{}} }}\n"));
    let (plan, _) = settle(&mut bench).expect("nothing is left after the member went");
    assert!(bench.ids(&plan).contains(&"delete_organization north".to_owned()), "{:?}", bench.ids(&plan));
}

#[test]
fn roles_that_come_to_include_the_other_way_round_never_include_each_other() {
    let mut bench = bench("onboarding: create", "  ana@example.com: { access: { north: operator } }\n");
    let users = "users:\n  ana@example.com: { access: { north: operator } }\n";
    let with = |operator: &str, viewer: &str| {
        let catalog =
            CATALOG.replace("operator: { rank: 20 }", &format!("operator: {{ rank: 20, includes: [{operator}] }}"));
        catalog.replace("viewer: { rank: 10 }", &format!("viewer: {{ rank: 10, includes: [{viewer}] }}")) + users
    };
    declare_all(&mut bench, &with("viewer", ""));
    settle(&mut bench).expect("nothing is left after the first run");
    declare_all(&mut bench, &with("", "operator"));
    // What a protected person has is not taken, so the other role waits as well.
    bench.policy.protected = vec!["ana@*".to_owned()];
    assert_eq!(bench.plan().actions, vec![]);
    bench.policy.protected = Vec::new();
    let (plan, _) = settle(&mut bench).expect("nothing is left after the second run");
    assert_eq!(bench.ids(&plan), ["update_role operator", "update_role viewer"]);
    assert_eq!(plan.actions[1].needs, [0]);
}

#[test]
fn a_role_is_made_less_when_its_holder_is_stripped_whatever_the_deletion_waits_for() {
    let rules = "{ onboarding: create, offboarding: [strip], allows: { delete: null } }";
    let user = |status: &str| format!("  max@example.com: {{ {status}access: {{ north: operator }} }}\n");
    let mut bench = bench(rules, &user(""));
    let all = |operator: &str, user: &str| {
        let catalog = CATALOG.replace("operator: { rank: 20 }", operator);
        format!("{catalog}users:\n  kim@example.com: {{ access: {{}} }}\n{user}")
    };
    declare_all(&mut bench, &all("operator: { rank: 20, admin: true }", &user("")));
    settle(&mut bench).expect("nothing is left after the first run");
    declare_all(&mut bench, &all("operator: { rank: 20 }", "  max@example.com: { status: absent, access: {} }\n"));
    let (plan, shown) = settle(&mut bench).expect("nothing is left after the second run");
    assert_eq!(bench.ids(&plan), ["strip_user max@example.com", "update_role operator"], "{shown}");
}

#[test]
fn a_site_stays_while_somebody_is_invited_anew_to_it() {
    let invited = "  ana@example.com: { access: { north: { role: operator, sites: [pit-2] } } }\n";
    let mut bench = bench("extends: default", invited);
    settle(&mut bench).expect("nothing is left after the first run");
    let catalog = CATALOG.replacen("pit-2: {}", "pit-2: { status: absent }", 1);
    let renamed = "  ana-new@example.com: { previously: ana@example.com, access: { north: unmanaged } }\n";
    declare_all(&mut bench, &format!("{catalog}users:\n{renamed}"));
    let plan = bench.plan();
    assert_eq!(bench.ids(&plan), ["cancel_invitation ana@example.com", "invite_user ana-new@example.com"]);
}

#[test]
fn a_role_that_comes_back_with_what_is_left_to_others_is_not_deleted() {
    let rules = "{ onboarding: create, role_change: replace, role_change_loses: [extra_roles] }";
    let before = "  max@example.com: { access: { north: { role: viewer, extra_roles: [viewer] } } }\n";
    let after = "  max@example.com: { access: { north: { role: operator, extra_roles: unmanaged } } }\n";
    let mut bench = bench(rules, before);
    let viewer = |bench: &mut Bench<MemoryStore>, to: &str| {
        bench.files.iter_mut().for_each(|(_, text)| *text = text.replace("viewer: { rank: 10 }", to));
    };
    viewer(&mut bench, "viewer: { rank: 10, applies_to: [organization, extra] }");
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, after);
    viewer(&mut bench, "viewer: { status: absent }");
    let (_, shown) = settle(&mut bench).expect("nothing is left after the second run");
    assert!(shown.contains("in \"north\": operator [\"viewer\"]") && shown.contains("role viewer"), "{shown}");
}

#[test]
fn a_default_site_that_stays_with_a_role_that_reaches_it_is_not_deleted() {
    let rules = "{ onboarding: create, role_change: replace, role_change_loses: [sites] }";
    let before = "  kim@example.com: { access: { north: { role: operator, sites: [pit-2], default_site: pit-2 } } }\n";
    let mut bench = bench(rules, before);
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, "  kim@example.com: { access: { north: { role: manager, sites: unmanaged } } }\n");
    bench.files.iter_mut().for_each(|(_, text)| *text = text.replace("pit-2: {}", "pit-2: { status: absent }"));
    let (plan, shown) = settle(&mut bench).expect("nothing is left after the second run");
    assert_eq!(bench.ids(&plan), ["change_role kim@example.com north"], "{shown}");
    assert!(shown.contains("site north/pit-2"), "{shown}");
}

#[test]
fn a_saved_plan_whose_last_action_deleted_the_role_that_the_own_account_left_is_done() {
    let with_legacy = |role: &str, legacy: &str| {
        format!("{CATALOG}  legacy: {legacy}\nusers:\n  zoe@example.com: {{ access: {{ south: {role} }} }}\n")
    };
    let mut bench = bench_of_self("zoe@example.com", "onboarding: create", "");
    declare_all(&mut bench, &with_legacy("legacy", "{ rank: 5 }"));
    settle(&mut bench).expect("nothing is left after the first run");
    declare_all(&mut bench, &with_legacy("viewer", "{ status: absent }"));
    let plan = bench.plan();
    let (file, ids) = (bench.file(&plan), bench.ids(&plan));
    assert_eq!(ids, ["change_role zoe@example.com south", "delete_role legacy"]);
    bench.apply_plan(plan, &[], ids.len());
    let today = bench.plan();
    let (_, holding) = bench.holding(&file, &today);
    assert_eq!((holding.changed, holding.done), (vec![], vec![0, 1]));
}

#[test]
fn who_leaves_a_role_that_the_same_saved_plan_makes_an_admin_role_takes_no_place() {
    let with = |operator: &str, place: &str| {
        let catalog = CATALOG.replace("operator: { rank: 20 }", &format!("operator: {operator}"));
        format!("{catalog}users:\n  max@example.com: {{ access: {{ north: {place} }} }}\n")
    };
    let mut bench = bench("onboarding: create", "");
    declare_all(&mut bench, &with("{ rank: 20, includes: [viewer] }", "operator"));
    settle(&mut bench).expect("nothing is left after the first run");
    declare_all(&mut bench, &with("{ rank: 20, admin: true }", "{ role: viewer, extra_roles: [auditor] }"));
    let plan = bench.plan();
    let (file, ids) = (bench.file(&plan), bench.ids(&plan));
    assert!(ids.contains(&"update_role operator".to_owned()), "{ids:?}");
    let (_, holding) = bench.holding(&file, &plan);
    assert_eq!(holding.changed, vec![], "{ids:?}");
}

#[test]
fn a_saved_plan_cancels_no_invitation_in_whose_place_a_plan_made_now_sends_another_one() {
    let of_ben = |text: &str| format!("{CATALOG}users:\n  ana@example.com: {{ access: {{}} }}\n{text}");
    let mut bench = bench("invitations: { pending_takes: { role: false, sites: false } }", "");
    let invited = "  ben@example.com: { access: { north: { role: manager, extra_roles: [auditor] } } }\n";
    declare_all(&mut bench, &of_ben(invited));
    settle(&mut bench).expect("nothing is left after the first run");
    declare_all(&mut bench, &of_ben("  ben@example.com: { status: absent }\n"));
    let plan = bench.plan();
    let (file, ids) = (bench.file(&plan), bench.ids(&plan));
    assert_eq!(ids, ["cancel_invitation ben@example.com"]);
    let by_now = "  ben@example.com: { access: { north: { role: operator, extra_roles: unmanaged } } }\n";
    declare_all(&mut bench, &of_ben(by_now));
    let today = bench.plan();
    assert_eq!(bench.ids(&today), ["cancel_invitation ben@example.com", "invite_user ben@example.com"]);
    let (_, holding) = bench.holding(&file, &today);
    assert_eq!(holding.changed.len(), 1, "what others gave would be lost: {holding:?}");
}
