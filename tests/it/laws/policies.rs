//! Policies upon generated worlds: what one comes to depends neither on the order of policies, nor on which others are
//! asked, nor on the order of what is declared; and asking changes nothing of the plan.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rollcall::guard::{Declared, Judgement, Verdict, Verdicts, Waived, Waiver, ask, documents, judge, judge_all};
use rollcall::model::Names;
use rollcall::plan::{Plan, document, plan};
use rollcall::policy::{AskedOf, Policy, PolicySeverity};

use super::planner::cases;
use super::world::{Nowhere, World, worlds, written};
use crate::support::plans::usual_limits;

const POLICIES: [(&str, AskedOf, &str); 10] = [
    ("a", AskedOf::User, "user.memberships.all(m, m.sites.size() < 2)"),
    ("b", AskedOf::User, "user.status == \"active\" && !user.admin"),
    ("c", AskedOf::Membership, "membership.admin == (membership.role == \"manager\")"),
    ("d", AskedOf::Organization, "organization.members.filter(m, m.admin).size() >= 1"),
    ("e", AskedOf::Source, "source.expires == null || source.via != null"),
    ("f", AskedOf::Action, "!action.gives_admin && !(\"removal\" in action.risk)"),
    ("g", AskedOf::Action, "user == null || action.user == user.key"),
    ("h", AskedOf::Plan, "plan.joins <= 1 && plan.actions.all(a, a.kind != \"delete_user\")"),
    ("i", AskedOf::User, "user.fields.nothing == 1"),
    (
        "j",
        AskedOf::User,
        "user.sources.size() == 0 || user.sources[0].role == \"manager\" && user.sources[0].via == null",
    ),
];

fn policies() -> Vec<Policy> {
    let one = |(name, of, require): (&str, AskedOf, &str)| {
        Policy::parse(name, of, require, (PolicySeverity::Error, "it holds"))
            .unwrap_or_else(|why| panic!("{name}: {why}"))
    };
    POLICIES.into_iter().map(one).collect()
}

/// What each policy comes to, without places, and the plan before and after they were asked.
fn asked(world: &World, shuffle: u64, policies: &[Policy]) -> (Vec<Verdict>, String, String) {
    world.with_inputs((&world.live, shuffle, &[]), world, |inputs, _, _| {
        let plan = plan(inputs).expect("worlds fit their rules");
        let text = |plan| serde_json::to_string(&written(&document(plan, inputs.names, &Nowhere))).expect("json");
        let before = text(&plan);
        let declared = Declared { names: inputs.names, desired: inputs.desired, rules: inputs.rules, at: inputs.at };
        let verdicts = ask(policies, &declared, Some(&plan));
        let after = text(&plan);
        policies_take_nothing_from_guards(inputs.names, &plan, &verdicts);
        let mut all = verdicts.all().to_vec();
        all.iter_mut().flat_map(|verdict| &mut verdict.violations).for_each(|violation| violation.position = None);
        (all, before, after)
    })
}

/// Policies add to what guards say, and take nothing from it; the waiver of a policy lifts that one, and none that can't
/// be answered.
fn policies_take_nothing_from_guards(names: &Names, plan: &Plan, verdicts: &Verdicts) {
    let waivers: Vec<Waiver> = verdicts
        .all()
        .iter()
        .take(1)
        .map(|verdict| Waiver { waived: Waived::policy(&verdict.policy.name), digest: plan.digest.clone() })
        .collect();
    let alone = documents(names, &Judgement::from(judge(plan, &usual_limits(), &[])));
    for waivers in [&[][..], &waivers] {
        let judgement = judge_all(plan, &usual_limits(), verdicts.clone(), waivers);
        let (of_policies, of_guards): (Vec<_>, Vec<_>) =
            documents(names, &judgement).into_iter().partition(|one| one.name.starts_with("policies."));
        assert_eq!(alone, of_guards);
        for verdict in verdicts.all() {
            let name = Waived::policy(&verdict.policy.name);
            let is_waived = verdict.unanswered.is_none() && waivers.iter().any(|waiver| waiver.waived == name);
            let refused = verdict.refuses() && !is_waived;
            let document = of_policies.iter().find(|one| one.name == name.to_string()).expect("each is told");
            let unanswered = verdict.unanswered.as_ref().map(|of| u32::try_from(of.count).expect("few"));
            let found = (document.count as usize, document.refused, document.unanswered);
            assert_eq!(found, (verdict.violations.len(), refused, unanswered), "{name}");
        }
        let is_refused = alone.iter().chain(&of_policies).any(|one| one.refused);
        assert_eq!(judgement.is_refused(), is_refused);
    }
}

fn policies_are_asked_one_by_one(world: &World, shuffle: u64, turn: usize) -> Result<(), TestCaseError> {
    let all = policies();
    let (verdicts, before, after) = asked(world, 0, &all);
    prop_assert_eq!(&before, &after, "asking changes nothing");
    prop_assert_eq!(verdicts.len(), all.len());
    let mut turned = all.clone();
    turned.rotate_left(turn % all.len());
    turned.reverse();
    let (again, _, _) = asked(world, shuffle, &turned);
    prop_assert_eq!(&verdicts, &again, "the order of policies and of declarations");
    for (policy, together) in all.iter().zip(&verdicts) {
        let (alone, _, _) = asked(world, shuffle, std::slice::from_ref(policy));
        prop_assert_eq!(&alone[..], std::slice::from_ref(together), "alone");
    }
    Ok(())
}

#[test]
fn a_policy_changes_no_plan_and_sees_no_other() {
    let mut runner = TestRunner::new(Config { cases: cases(), ..Config::default() });
    let asked = |(world, shuffle, turn)| policies_are_asked_one_by_one(&world, shuffle, turn);
    runner.run(&(worlds(), 0_u64..100, 0_usize..10), asked).expect("policies see no other");
}
