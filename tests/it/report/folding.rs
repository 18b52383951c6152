//! What a long plan folds, and what it never does.

use super::*;

#[test]
fn large_plans_fold_what_is_harmless_and_sum_what_is_not() {
    let mut draft = Draft::default();
    for index in 0..1_500 {
        let user = format!("user-{index:04}@example.com");
        let account = draft.account(known::ACTIVE, &[], &[]);
        draft.push(ActionKind::CreateUser, [&user, "", ""], None, Some(account));
        let was = draft.membership("operator", &[]);
        let gone = format!("gone-{index:04}@example.com");
        draft.push(ActionKind::RemoveMembership, [&gone, "north", ""], Some(was), None).risk = vec![Risk::Removal];
        let organization = format!("organization-{index:04}");
        let role = draft.membership("user", &[]);
        draft.push(ActionKind::AddMembership, ["ana@example.com", &organization, ""], None, Some(role));
    }
    let plan = draft.plan();
    let text = print(&draft, &plan, Style::default());
    let folded = "and 1,300 more: 1,300 additions (1,300 created); -v or --format json shows all";
    assert!(text.contains(folded), "{text}");
    let folded = "and 700 more organizations: 700 additions (700 memberships added); -v or --format json shows all";
    assert!(text.contains(folded), "{text}");
    assert!(
        (0..1_500).all(|index| text.contains(&format!("- gone-{index:04}@example.com"))),
        "removals are never folded"
    );
    assert!(text.find("gone-0000") < text.find("organization-0000"), "removals first");
    let verbose = print(&draft, &plan, Style { verbose: true, ..Style::default() });
    assert!(verbose.contains("gone-1499") && verbose.contains("organization-1499") && verbose.contains("user-1499"));
}

#[test]
fn what_waits_and_is_folded_is_summed_by_kind() {
    let mut draft = Draft::default();
    let mut plan = draft.plan();
    for index in 0..130 {
        let user = format!("user-{index:03}@example.com");
        let kind = if index < 110 { ActionKind::InviteUser } else { ActionKind::RemoveMembership };
        plan.deferred.push(deferred(&mut draft, kind, [&user, "", ""], WaitsFor::Seat));
    }
    let text = print(&draft, &plan, Style::default());
    let folded = "and 30 more: 10 invitations and 20 removals wait (use -v or --format json)";
    assert!(text.contains(folded), "{text}");
}

#[test]
fn what_takes_away_or_gives_power_is_never_folded() {
    let mut draft = Draft::default();
    for index in 0..5_200 {
        let organization = format!("organization-{index:04}");
        let was = draft.membership("operator", &[]);
        let action = draft.push(ActionKind::RemoveMembership, ["ana@example.com", &organization, ""], Some(was), None);
        action.risk = vec![if index < 5_100 { Risk::Removal } else { Risk::Escalation }];
    }
    let risks = [Risk::Escalation, Risk::Removal, Risk::LastAdmin, Risk::Irreversible, Risk::AccessReturns];
    for index in 0..1_500 {
        let user = format!("user-{index:04}@example.com");
        let action = draft.push(ActionKind::ReactivateUser, [&user, "", ""], None, None);
        action.risk = risks.get(index / 100).copied().into_iter().collect();
    }
    let plan = draft.plan();
    let text = print(&draft, &plan, Style::default());
    assert!((0..5_200).all(|index| text.contains(&format!("\norganization-{index:04}\n"))));
    assert!((0..500).all(|index| text.contains(&format!(" user-{index:04}@example.com"))));
    let folded = "and 800 more: 800 additions (800 reactivated); -v or --format json shows all";
    assert!(text.contains(folded), "{text}");
    let at = |text_of: &str| text.find(text_of).expect("printed");
    assert!(at("- user-0100") < at("! user-0000") && at("! user-0000") < at("+ user-0200"), "{text}");
    assert!(at("+ user-0400") < at("+ user-0500"), "{text}");
}

#[test]
fn what_touches_a_log_in_or_defines_a_role_is_never_folded() {
    let mut draft = Draft::default();
    for index in 0..600 {
        let user = format!("user-{index:03}@example.com");
        let field = if index < 300 { "given_name" } else { "email" };
        let (before, after) = (draft.facts(&[(field, "a")]), draft.facts(&[(field, "b")]));
        draft.push(ActionKind::UpdateUser, [&user, "", ""], Some(before), Some(after));
    }
    let plan = draft.plan();
    let text = print(&draft, &plan, Style::default());
    assert!((300..600).all(|index| text.contains(&format!("user-{index:03}@example.com  email a → b"))), "{text}");
    assert!(text.contains("and 100 more: 100 changes (100 profiles changed)"), "{text}");
    assert!(text.contains("300 accounts' addresses or two-factor authentication change"), "{text}");
}

#[test]
fn an_escalation_that_waits_is_never_folded() {
    let mut draft = Draft::default();
    let mut plan = draft.plan();
    for index in 0..130 {
        let user = format!("user-{index:03}@example.com");
        let mut entry = deferred(&mut draft, ActionKind::AddMembership, [&user, "north", ""], WaitsFor::Acceptance);
        let role = if index < 110 { "user" } else { "manager" };
        entry.after = Some(draft.membership(role, &[]));
        entry.risk = if index < 110 { Vec::new() } else { vec![Risk::Escalation] };
        plan.deferred.push(entry);
    }
    let text = print(&draft, &plan, Style::default());
    assert_eq!(text.matches("waits: manager of north (escalation)").count(), 20, "{text}");
    assert!(text.contains("and 10 more: 10 memberships wait (use -v or --format json)"), "{text}");
}
