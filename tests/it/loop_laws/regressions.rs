//! What the generated worlds found once, kept by name.

use rollcall::plan::{AbsentUsers, CatalogPolicy, Policy};
use rollcall::rules;

use super::bench::Bench;
use super::settle;
use crate::support::memory::MemoryStore;

pub(super) const CATALOG: &str = "\
organizations:
  north: { sites: { pit-1: {}, pit-2: {} } }
  south: { sites: { pit-1: {} } }
roles:
  operator: { rank: 20 }
  viewer: { rank: 10 }
  manager: { rank: 40, admin: true, site_access: all }
  auditor: { admin: true, applies_to: [organization, extra] }
";

/// An empty store under these rules, with this declared beside the catalog.
pub(super) fn bench(rules: &str, users: &str) -> Bench<MemoryStore> {
    let rules = rules::parse(rules, "rules.yaml", &|name| Err(format!("there is no {name}"))).expect("rules");
    let policy = Policy {
        scope: rollcall::plan::Scope::ALL,
        locked_out: std::collections::BTreeSet::new(),
        left_since: std::collections::BTreeMap::new(),
        time_zone: jiff::tz::TimeZone::UTC,
        absent_users: AbsentUsers::Deactivate,
        catalog: CatalogPolicy::Create,
        grace: "30d".parse().expect("a period"),
        min_admins: 0,
        own_account: None,
        protected: Vec::new(),
    };
    let store = MemoryStore::new(rules.clone(), None);
    let mut bench = Bench::of(Vec::new(), rules, policy, store);
    declare(&mut bench, users);
    bench
}

/// The same, with an account behind the token.
pub(super) fn bench_of_self(own: &str, rules: &str, users: &str) -> Bench<MemoryStore> {
    let mut bench = bench(rules, users);
    bench.policy.own_account = Some(own.to_owned());
    bench
}

pub(super) fn declare(bench: &mut Bench<MemoryStore>, users: &str) {
    bench.files = vec![("access/all.yaml".to_owned(), format!("{CATALOG}users:\n{users}"))];
}

#[test]
fn nobody_is_invited_anew_for_what_an_invitation_can_not_carry() {
    let rules = "invitations: { carries: { organizations: 1, sites: 1, extra_roles: false } }";
    let users = "  ana@example.com: { status: preloaded, access: { north: operator, south: operator } }\n";
    let mut bench = bench(rules, users);
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, &users.replace("status: preloaded, ", ""));
    let (plan, shown) = settle(&mut bench).expect("nothing is left after the second run");
    assert_eq!(bench.ids(&plan), ["send_invitation ana@example.com"], "{shown}");
}

#[test]
fn a_role_that_is_changed_by_removing_and_adding_leaves_room_for_other_changes_of_the_membership() {
    let rules = "role_change: remove_then_add";
    let rules = format!("{rules}\nonboarding: create");
    let before = "  ana@example.com: { access: { north: { role: operator, sites: [pit-1, pit-2] } } }\n";
    let after = "  ana@example.com: { access: { north: { role: viewer, sites: { pit-1: viewer } } } }\n";
    let mut bench = bench(&rules, before);
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, after);
    let (_, shown) = settle(&mut bench).expect("a revocation and a role change go together");
    assert!(shown.contains("  at north/pit-1: viewer\n  in \"north\": viewer"), "{shown}");
    assert!(!shown.contains("at north/pit-2"), "{shown}");

    // The account is brought back in the same plan: reductions, activation, additions.
    let inactive = "  ana@example.com: { status: inactive, access: {} }\n";
    declare(&mut bench, inactive);
    settle(&mut bench).expect("nothing is left after the third run");
    for active in [
        "  ana@example.com: { status: active, access: { north: { role: operator, sites: [pit-2] } } }\n",
        "  ana@example.com: { status: active, access: { north: { role: viewer, sites: [pit-1] } } }\n",
    ] {
        declare(&mut bench, active);
        settle(&mut bench).expect("nothing is left after the account came back");
        declare(&mut bench, inactive);
        settle(&mut bench).expect("nothing is left after it went");
    }
}

#[test]
fn another_way_to_administer_comes_before_a_role_that_is_changed_by_removing_and_adding() {
    let before = "  ana@example.com: { access: { north: { role: manager } } }\n";
    let after = "  ana@example.com: { access: { north: { role: viewer, extra_roles: [auditor] } } }\n";
    let mut bench = bench("role_change: remove_then_add\nonboarding: create", before);
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, after);
    let (plan, shown) = settle(&mut bench).expect("nothing waits in a circle");
    assert_eq!(bench.ids(&plan), ["update_membership ana@example.com north", "change_role ana@example.com north"]);
    assert!(shown.contains("in \"north\": viewer [\"auditor\"]"), "{shown}");
}

#[test]
fn a_default_site_that_a_new_role_reaches_waits_for_that_role() {
    let before = "  ana@example.com: { access: { north: { role: auditor } } }\n";
    let after = "  ana@example.com: { access: { north: { role: manager, default_site: pit-1 } } }\n";
    let mut bench = bench_of_self("ana@example.com", "onboarding: create", before);
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, after);
    let (plan, shown) = settle(&mut bench).expect("nothing is left after the second run");
    // An own account keeps what the new role may not contain, so its default site would be out of reach.
    assert_eq!(bench.ids(&plan), Vec::<String>::new(), "{shown}");
}

#[test]
fn an_account_comes_back_with_fewer_roles_and_a_default_site_that_is_granted_then() {
    let before = "  ana@example.com: { access: { north: { role: viewer, extra_roles: [auditor] } } }\n";
    let inactive = "  ana@example.com: { status: inactive, access: {} }\n";
    let after = "  ana@example.com: { status: active, access: { north: { role: viewer, sites: [pit-1], default_site: pit-1 } } }\n";
    let mut bench = bench("onboarding: create", before);
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, inactive);
    settle(&mut bench).expect("nothing is left after it went");
    declare(&mut bench, after);
    let (_, shown) = settle(&mut bench).expect("nothing waits in a circle");
    assert!(shown.contains("user ana@example.com = ana@example.com active"), "{shown}");
}

#[test]
fn an_account_comes_back_with_another_admin_role_that_is_neither_more_nor_less() {
    let user = |status: &str, role: &str| {
        format!("  ana@example.com: {{ status: {status}, access: {{ north: {{ role: {role} }} }} }}\n")
    };
    let mut bench = bench("onboarding: create", &user("active", "manager"));
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, &user("inactive", "manager"));
    settle(&mut bench).expect("nothing is left after it went");
    declare(&mut bench, &user("active", "auditor"));
    let (plan, _) = settle(&mut bench).expect("nothing waits in a circle");
    assert_eq!(bench.ids(&plan), ["change_role ana@example.com north", "reactivate_user ana@example.com"]);
}

#[test]
fn a_default_site_that_only_the_old_role_reaches_goes_before_that_role() {
    let rules = "onboarding: create";
    let users =
        "  li@example.com: { access: { south: { role: manager, extra_roles: [auditor], default_site: pit-1 } } }\n";
    let mut bench = bench(rules, users);
    bench.policy.min_admins = 1;
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, "  li@example.com: { access: { south: operator } }\n");
    let (plan, shown) = settle(&mut bench).expect("nothing is left after the second run");
    assert_eq!(
        bench.ids(&plan),
        ["update_membership li@example.com south"],
        "the role stays, with the place of the only admin: {shown}"
    );
}

#[test]
fn another_way_to_administer_and_a_default_site_do_not_wait_for_each_other() {
    let rules = "onboarding: create";
    let mut bench = bench(rules, "  ana@example.com: { access: { north: manager } }\n");
    bench.policy.min_admins = 1;
    settle(&mut bench).expect("nothing is left after the first run");
    let users = "  ana@example.com:\n    access:\n      north: { role: viewer, extra_roles: [auditor], sites: [pit-1], \
                 default_site: pit-1 }\n";
    declare(&mut bench, users);
    let (plan, shown) = settle(&mut bench).expect("nothing is left after the second run");
    assert_eq!(
        bench.ids(&plan),
        [
            "update_membership ana@example.com north",
            "change_role ana@example.com north",
            "grant_site ana@example.com north pit-1"
        ],
        "{shown}"
    );
}

#[test]
fn a_role_that_only_becomes_an_admin_role_does_not_stand_in_for_one_while_it_is_rebuilt() {
    let rules = "{ onboarding: create, role_change: remove_then_add }";
    let before = "  ben@example.com: { access: { north: auditor } }\n";
    let mut bench = bench(rules, before);
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, "  ben@example.com: { access: { north: { role: operator, extra_roles: [auditor] } } }\n");
    for (_, text) in &mut bench.files {
        *text = text.replace("operator: { rank: 20 }", "operator: { rank: 20, admin: true }");
    }
    settle(&mut bench).expect("nothing waits in a circle");
}

#[test]
fn another_way_to_administer_comes_before_a_role_that_only_becomes_an_admin_role_is_taken_away() {
    let rules = "{ onboarding: create, role_change: remove_then_add }";
    let mut bench = bench(rules, "  zoe@example.com: { access: { south: operator } }\n");
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, "  zoe@example.com: { access: { south: { role: viewer, extra_roles: [auditor] } } }\n");
    for (_, text) in &mut bench.files {
        *text = text.replace("operator: { rank: 20 }", "operator: { rank: 20, admin: true }");
    }
    settle(&mut bench).expect("nothing waits in a circle");
}

#[test]
fn an_account_comes_back_with_a_role_that_does_not_reach_the_default_site() {
    let user = |status: &str, place: &str| {
        format!("  ben@example.com: {{ status: {status}, access: {{ north: {place} }} }}\n")
    };
    let mut bench = bench("onboarding: create", &user("active", "{ role: manager, default_site: pit-1 }"));
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, &user("inactive", "{ role: manager, default_site: pit-1 }"));
    settle(&mut bench).expect("nothing is left after it went");
    declare(&mut bench, &user("active", "{ role: operator }"));
    let (plan, _) = settle(&mut bench).expect("nothing waits in a circle");
    assert_eq!(
        bench.ids(&plan),
        [
            "update_membership ben@example.com north",
            "change_role ben@example.com north",
            "reactivate_user ben@example.com"
        ]
    );
}

#[test]
fn a_role_that_the_own_account_leaves_is_made_less_in_the_same_plan() {
    let user = |role: &str| format!("  li@example.com: {{ access: {{ north: {role} }} }}\n");
    let mut bench = bench_of_self("li@example.com", "onboarding: create", &user("operator"));
    for (_, text) in &mut bench.files {
        *text = text.replace("operator: { rank: 20 }", "operator: { rank: 20, admin: true }");
    }
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, &user("manager"));
    let (plan, _) = settle(&mut bench).expect("nothing is left after the second run");
    assert_eq!(bench.ids(&plan), ["change_role li@example.com north", "update_role operator"]);
}

#[test]
fn a_default_site_that_comes_with_another_way_to_administer_is_granted_before_a_role_is_rebuilt() {
    let rules = "{ onboarding: create, role_change: remove_then_add }";
    let mut bench = bench(rules, "  kim@example.com: { access: { north: auditor } }\n");
    settle(&mut bench).expect("nothing is left after the first run");
    let place = "{ role: operator, extra_roles: [auditor], sites: [pit-2], default_site: pit-2 }";
    declare(&mut bench, &format!("  kim@example.com: {{ access: {{ north: {place} }} }}\n"));
    let (plan, _) = settle(&mut bench).expect("nothing waits in a circle");
    assert_eq!(
        bench.ids(&plan),
        [
            "grant_site kim@example.com north pit-2",
            "update_membership kim@example.com north",
            "change_role kim@example.com north"
        ]
    );
}

#[test]
fn a_default_site_does_not_outlive_the_rebuilt_role_that_reached_it() {
    let rules = "{ onboarding: create, role_change: remove_then_add }";
    let place = "{ role: manager, extra_roles: [auditor], default_site: pit-1 }";
    let mut bench = bench(rules, &format!("  ben@example.com: {{ access: {{ north: {place} }} }}\n"));
    bench.policy.min_admins = 1;
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, "  ben@example.com: { access: { north: operator } }\n");
    let (plan, shown) = settle(&mut bench).expect("nothing is left after the second run");
    assert_eq!(
        bench.ids(&plan),
        ["update_membership ben@example.com north"],
        "the role stays, with the place of the only admin: {shown}"
    );
}

#[test]
fn an_account_that_takes_nothing_while_inactive_comes_back_with_another_way_to_administer() {
    let rules = "{ onboarding: create, role_change: remove_then_add, reactivation: { inactive_takes: false } }";
    let user = |status: &str, place: &str| {
        format!("  zoe@example.com: {{ status: {status}, access: {{ north: {place} }} }}\n")
    };
    let mut bench = bench(rules, &user("active", "auditor"));
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, &user("inactive", "auditor"));
    settle(&mut bench).expect("nothing is left after it went");
    declare(&mut bench, &user("active", "{ role: operator, extra_roles: [auditor] }"));
    settle(&mut bench).expect("nothing waits in a circle");
}

#[test]
fn a_renamed_person_keeps_the_account_and_nobody_is_deactivated() {
    let mut bench = bench("onboarding: create", "  ana@example.com: { access: { north: operator } }\n");
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, "  roy@example.com: { previously: ana@example.com, access: { north: viewer } }\n");
    let (plan, shown) = settle(&mut bench).expect("nothing is left after the rename");
    assert_eq!(bench.ids(&plan), ["rename_user roy@example.com", "change_role roy@example.com north"], "{shown}");
    assert_eq!(plan.actions[1].needs, [0]);
    assert!(!shown.contains("ana@example.com"), "{shown}");
}

#[test]
fn a_person_who_is_renamed_while_invited_is_invited_anew() {
    let mut bench = bench("extends: default", "  ana@example.com: { access: { north: operator } }\n");
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, "  roy@example.com: { previously: ana@example.com, access: { north: operator } }\n");
    let (plan, shown) = settle(&mut bench).expect("nothing is left after the rename");
    assert_eq!(bench.ids(&plan), ["cancel_invitation ana@example.com", "invite_user roy@example.com"], "{shown}");
}

#[test]
fn the_catalog_is_renamed_and_memberships_stay() {
    let rules = "onboarding: create";
    let mut bench = bench(
        rules,
        "  ana@example.com: { access: { north: { role: operator, sites: [pit-1] } } }\n  ben@example.com: { access: { south: operator } }\n",
    );
    settle(&mut bench).expect("nothing is left after the first run");
    let catalog = CATALOG
        .replace("north: { sites: { pit-1: {}", "north-new: { previously: north, sites: { pit-9: { previously: pit-1 }")
        .replace("operator: { rank: 20 }", "driver: { previously: operator, rank: 20 }");
    let users = "users:\n  ana@example.com: { access: { north-new: { role: driver, sites: [pit-9, pit-2] } } }\n  \
                 ben@example.com: { access: { south: driver } }\n";
    bench.files = vec![("access/all.yaml".to_owned(), catalog + users)];
    let (plan, shown) = settle(&mut bench).expect("nothing is left after the renames");
    let mut ids = bench.ids(&plan);
    ids.sort_unstable();
    assert_eq!(
        ids,
        [
            "grant_site ana@example.com north-new pit-2",
            "update_organization north-new",
            "update_role driver",
            "update_site north-new pit-9",
        ],
        "{shown}"
    );
    assert!(shown.contains("in \"north-new\": driver"), "{shown}");
    assert!(shown.contains("at north-new/pit-9"), "{shown}");
}

#[test]
fn what_has_a_tombstone_goes_when_nobody_depends_on_it() {
    let mut bench = bench(
        "onboarding: create",
        "  ana@example.com: { access: { north: { role: operator, sites: [pit-1] }, south: viewer } }\n",
    );
    bench.policy.grace = "0s".parse().unwrap_or_else(|_| "0d".parse().expect("a period"));
    settle(&mut bench).expect("nothing is left after the first run");
    let catalog = "organizations:\n  north: { status: absent }\n  south: { sites: { pit-1: { status: absent } } }\nroles:\n  \
                   operator: { status: absent }\n  viewer: { rank: 10 }\n  manager: { status: absent }\n  auditor: { status: absent }\n";
    let users = "users:\n  ana@example.com: { access: { south: viewer } }\n";
    bench.files = vec![("access/all.yaml".to_owned(), format!("{catalog}{users}"))];
    let (plan, shown) = settle(&mut bench).expect("nothing is left after the deletions");
    let ids = bench.ids(&plan);
    for id in
        ["delete_organization north", "delete_site north pit-1", "delete_site south pit-1", "delete_role operator"]
    {
        assert!(ids.iter().any(|found| found == id), "{id}: {ids:?}\n{shown}");
    }
    assert!(!shown.contains("north"), "{shown}");
    let users = "users:\n  ana@example.com: { status: absent, access: {} }\n  ben@example.com: { access: {} }\n";
    bench.files = vec![("access/all.yaml".to_owned(), format!("{catalog}{users}"))];
    let (plan, shown) = settle(&mut bench).expect("nothing is left without a grace");
    let ids = bench.ids(&plan);
    assert!(ids.iter().any(|id| id == "delete_user ana@example.com"), "{ids:?}\n{shown}");
}

#[test]
fn whoever_belongs_to_an_organization_out_of_scope_is_not_invited_anew() {
    let mut bench = bench("extends: default", "  zoe@example.com: { status: preloaded, access: { south: manager } }\n");
    settle(&mut bench).expect("nothing is left after the first run");
    let catalog = CATALOG.replace("  south: { sites: { pit-1: {} } }\n", "");
    let users = "users:\n  zoe@example.com: { access: { north: viewer } }\n";
    bench.files = vec![("access/all.yaml".to_owned(), catalog + users)];
    let live = bench.live().expect("a store that can be read");
    let plan = bench.plan_for(&live);
    assert!(!bench.ids(&plan).iter().any(|id| id.starts_with("cancel_invitation")), "{:?}", bench.ids(&plan));
}

/// From one declaration to another by a saved plan that is cut off after each number of its actions.
fn cut_off_everywhere(rules: &str, min_admins: u32, before: &str, after: &str) {
    cut_off_everywhere_in(CATALOG, rules, min_admins, before, after);
}

/// The same, with another catalog afterwards.
fn cut_off_everywhere_in(catalog: &str, rules: &str, min_admins: u32, before: &str, after: &str) {
    let prepared = || {
        let mut bench = bench(rules, before);
        settle(&mut bench).expect("nothing is left after the first run");
        bench.files = vec![("access/all.yaml".to_owned(), format!("{catalog}users:\n{after}"))];
        bench.policy.min_admins = min_admins;
        bench
    };
    let actions = prepared().plan().actions.len();
    assert!(actions > 1, "there is something to cut");
    for cut in 0..actions {
        let mut bench = prepared();
        let plan = bench.plan();
        let (file, ids) = (bench.file(&plan), bench.ids(&plan));
        bench.apply_plan(plan, &[], cut);
        let today = bench.plan();
        let (_, holding) = bench.holding(&file, &today);
        assert_eq!(holding.changed, vec![], "after {cut} of {ids:#?}");
        assert_eq!(holding.done.len(), cut, "{ids:#?}");
    }
}

#[test]
fn an_admin_place_that_two_actions_each_alone_would_give_is_given_by_either() {
    let before =
        "  svc@example.com: { access: { south: operator } }\n  zoe@example.com: { access: { south: manager } }\n";
    let after = "  svc@example.com: { access: { south: { role: auditor, extra_roles: [auditor] } } }\n  \
                 zoe@example.com: { status: inactive, access: {} }\n";
    cut_off_everywhere("onboarding: create", 1, before, after);
}

#[test]
fn below_its_floor_an_organization_is_counted_as_before_the_run_that_was_cut_off() {
    let before = "  ana@example.com: { access: { south: operator } }\n  zoe@example.com: { access: { south: manager } }\n  \
                  kim@example.com: { access: { south: viewer } }\n";
    let after = "  ana@example.com: { access: { south: manager } }\n  zoe@example.com: { access: { south: viewer } }\n  \
                 kim@example.com: { access: { north: operator, south: operator } }\n";
    cut_off_everywhere("onboarding: create", 2, before, after);
}

#[test]
fn an_admin_place_that_a_role_gives_to_whoever_leaves_it_for_another_is_given_by_either() {
    let before =
        "  ben@example.com: { access: { south: auditor } }\n  zoe@example.com: { access: { south: operator } }\n";
    let after =
        "  ben@example.com: { status: inactive, access: {} }\n  zoe@example.com: { access: { south: auditor } }\n";
    let catalog = CATALOG.replace("operator: { rank: 20 }", "operator: { rank: 20, admin: true }");
    cut_off_everywhere_in(&catalog, "onboarding: create", 1, before, after);
}

#[test]
fn a_default_site_does_not_outlive_its_grant_where_the_account_that_has_it_can_not_come_back() {
    let user = |status: &str, site: &str| {
        format!(
            "  ana@example.com: {{ {status}access: {{ north: {{ role: operator, sites: [{site}], default_site: {site} }} }} }}\n"
        )
    };
    for to in ["pit-2", "pit-1"] {
        let rules = "onboarding: create\nseats: { max: 1, counts: [active], refuses: [create, activate] }";
        let mut bench = bench(rules, &user("", "pit-1"));
        settle(&mut bench).expect("nothing is left after the first run");
        declare(&mut bench, "  ana@example.com: { status: inactive }\n  ben@example.com: { access: {} }\n");
        settle(&mut bench).expect("nothing is left after the second run");
        let ben = "  ben@example.com: { access: {} }\n";
        let ana = if to == "pit-2" {
            user("status: active, ", to)
        } else {
            "  ana@example.com: { status: active, access: { north: operator } }\n".to_owned()
        };
        declare(&mut bench, &format!("{ben}{ana}"));
        let (_, shown) = settle(&mut bench).expect("nothing is left after the third run");
        let granted = |site: &str| shown.contains(&format!("at north/{site}"));
        for site in ["pit-1", "pit-2"] {
            assert!(!shown.contains(&format!("[] {site}")) || granted(site), "{shown}");
        }
    }
}

#[test]
fn whoever_administers_two_organizations_is_counted_in_any_order() {
    let before =
        "  ana@example.com: { access: { south: manager } }\n  kim@example.com: { access: { north: manager } }\n";
    let after =
        "  ana@example.com: { access: { north: manager, south: manager } }\n  kim@example.com: { access: {} }\n";
    cut_off_everywhere("onboarding: create", 2, before, after);
}

#[test]
fn where_one_organization_is_allowed_going_to_another_one_is_one_action_and_never_a_circle() {
    let at = |organization: &str, role: &str| {
        format!("{{ access: {{ {organization}: {{ role: {role}, sites: [pit-1], default_site: pit-1 }} }} }}")
    };
    let users = |ana: &str, ben: &str| format!("  ana@example.com: {ana}\n  ben@example.com: {ben}\n");
    let (manager, operator) = (at("north", "manager"), at("north", "operator"));
    let before = users(&manager, &operator);
    let mut bench = bench("onboarding: create\nmemberships: { per_user: { max: 1 } }", &before);
    settle(&mut bench).expect("nothing is left after the first run");
    declare(&mut bench, &users(&manager, &at("south", "viewer")));
    let (plan, _) = settle(&mut bench).expect("nothing is left after the second run");
    assert_eq!(bench.ids(&plan), ["add_membership ben@example.com south", "grant_site ben@example.com south pit-1"]);
    // Whoever comes back loses first, then comes back, then gains: two actions.
    declare(&mut bench, &users(&manager, "{ status: inactive, access: {} }"));
    settle(&mut bench).expect("nothing is left after the third run");
    declare(&mut bench, &users(&manager, &operator.replacen("{ ", "{ status: active, ", 1)));
    let (plan, shown) = settle(&mut bench).expect("nothing waits in a circle");
    let ids = bench.ids(&plan);
    assert_eq!(ids.iter().filter(|id| id.contains("_membership ")).count(), 2, "{ids:?}\n{shown}");
    // Two who change places, and one of them is an admin.
    declare(&mut bench, &users(&at("south", "manager"), &at("north", "manager")));
    let (plan, _) = settle(&mut bench).expect("nothing is left after the last run");
    assert!(!bench.ids(&plan).iter().any(|id| id.starts_with("remove_membership")));
}

#[test]
fn what_others_manage_goes_along_after_a_kill_while_a_role_waits_for_its_new_name() {
    let before = "  li@example.com: { access: { north: manager, south: manager } }\n";
    let after = "  li@example.com: { access: { north: { role: unmanaged } } }\n";
    let catalog = CATALOG.replace("operator: {", "driver: { previously: operator,");
    cut_off_everywhere_in(&catalog, "{ extends: default, memberships: { role: { min: 1 } } }", 0, before, after);
}
