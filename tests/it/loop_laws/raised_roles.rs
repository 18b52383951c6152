//! Roles that become admin roles while somebody leaves them, kept by name.

use super::bench::Bench;
use super::regressions::{bench, declare};
use super::settle;
use crate::support::memory::MemoryStore;

const RULES: &str = "onboarding: create";

fn raise_operator(bench: &mut Bench<MemoryStore>) {
    for (_, text) in &mut bench.files {
        *text = text.replace("operator: { rank: 20 }", "operator: { rank: 20, admin: true }");
    }
}

/// A store with this in it; then this is declared, and the role `operator` becomes an admin role.
fn raised(before: &str, after: &str) -> Bench<MemoryStore> {
    let mut bench = bench(RULES, before);
    settle(&mut bench).expect("nothing is left after the first run");
    bench.policy.min_admins = 1;
    declare(&mut bench, after);
    raise_operator(&mut bench);
    bench
}

#[test]
fn whoever_leaves_a_role_that_becomes_an_admin_role_goes_before_and_is_an_admin_at_no_time() {
    let ana = "  ana@example.com: { access: { north: manager } }\n";
    let mut bench = raised(&format!("{ana}  kim@example.com: {{ access: {{ north: operator }} }}\n"), ana);
    let (plan, shown) = settle(&mut bench).expect("nothing is left");
    assert_eq!(bench.ids(&plan), ["deactivate_user kim@example.com", "update_role operator"], "{shown}");
    assert_eq!(plan.actions[1].needs, [0]);
}

#[test]
fn the_only_holder_of_a_role_that_becomes_an_admin_role_leaves_without_a_successor() {
    let mut bench = raised("  kim@example.com: { access: { north: operator } }\n", "  {}\n");
    let (plan, shown) = settle(&mut bench).expect("nothing is left");
    assert_eq!(bench.ids(&plan), ["deactivate_user kim@example.com", "update_role operator"], "{shown}");
}

#[test]
fn whoever_gives_back_the_place_that_a_role_gave_needs_no_successor() {
    let before = "  ben@example.com: { access: { north: auditor, south: manager } }\n  \
                  zoe@example.com: { access: { north: operator, south: manager } }\n";
    let after = "  ben@example.com: { access: { south: manager } }\n  \
                 li@example.com: { access: { north: manager } }\n";
    let mut bench = raised(before, after);
    let (plan, shown) = settle(&mut bench).expect("nothing is left");
    let ids = bench.ids(&plan);
    let place = |id: &str| ids.iter().position(|one| one == id).unwrap_or_else(|| panic!("{id} in {ids:?}: {shown}"));
    let needs = |id: &str| -> Vec<&str> {
        plan.actions[place(id)].needs.iter().map(|&need| ids[need as usize].as_str()).collect()
    };
    assert_eq!(needs("deactivate_user zoe@example.com"), ["update_role operator"], "{ids:?}");
    assert!(
        needs("remove_membership ben@example.com north").contains(&"add_membership li@example.com north"),
        "{ids:?}"
    );
}

#[test]
fn who_can_not_leave_a_role_that_becomes_an_admin_role_counts_as_an_admin() {
    let manager = |who: &str| format!("  {who}@example.com: {{ access: {{ south: manager }} }}\n");
    let kim = |place: &str| format!("  kim@example.com: {{ access: {{ {place} }} }}\n");
    let before = manager("ben") + &manager("max") + &kim("south: operator");
    let mut bench = raised(&before, &kim(""));
    bench.policy.protected = vec!["kim@example.com".to_owned()];
    let (plan, shown) = settle(&mut bench).expect("nothing is left");
    let expected = ["update_role operator", "deactivate_user ben@example.com", "deactivate_user max@example.com"];
    let mut ids = bench.ids(&plan);
    ids.sort_by_key(|id| expected.iter().position(|one| one == id));
    assert_eq!(ids, expected, "{shown}");
}

#[test]
fn who_can_not_come_to_another_admin_role_counts_as_an_admin_by_the_role_that_becomes_one() {
    let before =
        "  ana@example.com: { access: { north: manager } }\n  li@example.com: { access: { north: operator } }\n";
    let mut bench = raised(before, "  li@example.com: { access: { north: manager } }\n");
    bench.policy.protected = vec!["li@example.com".to_owned()];
    let (plan, shown) = settle(&mut bench).expect("nothing is left");
    assert_eq!(bench.ids(&plan), ["update_role operator", "deactivate_user ana@example.com"], "{shown}");
    assert_eq!(plan.actions[1].needs, [0]);
}
