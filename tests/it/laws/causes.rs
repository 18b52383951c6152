//! Why actions are there: laws about what a base tells, and about plans of some causes only.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use rollcall::plan::{Base, Cause, Chosen, Inputs, Plan, action_id, as_live, document, plan, plan_part, tell_causes};

use super::planner::{actions, cases, run};
use super::world::{Nowhere, World, turned_worlds, written};

/// The plan of a world, and the same with what another one, in its place, tells of causes; whether that one has nothing to
/// do. `None` where what the other declares does not go with the rules or with what is live.
fn compared(world: &World, base: &World) -> Option<(Plan, Plan, bool)> {
    world.with_inputs((&world.live, 0), base, |inputs, of_base| {
        let whole = plan(inputs).expect("worlds fit their rules");
        let other = plan(of_base).ok()?;
        let mut told = whole.clone();
        tell_causes(&mut told.actions, &Base { inputs: of_base, plan: &other, history: None, shift: 0 });
        Some((whole, told, other.actions.is_empty() && other.deferred.is_empty()))
    })
}

fn causes(plan: &Plan) -> BTreeSet<Cause> {
    plan.actions.iter().map(|action| action.cause).collect()
}

#[test]
fn against_itself_nothing_is_this_change() {
    let mut runner = TestRunner::new(Config { cases: cases(), ..Config::default() });
    let outcome = runner.run(&turned_worlds(), |world| {
        let (_, told, _) = compared(&world, &world).expect("a world fits itself");
        prop_assert!(!causes(&told).contains(&Cause::Manifest));
        prop_assert!(!causes(&told).contains(&Cause::Unknown));
        Ok(())
    });
    outcome.expect("nothing changed");
}

#[test]
fn where_the_base_wants_nothing_all_is_this_change() {
    let mut runner = TestRunner::new(Config { cases: cases(), ..Config::default() });
    let outcome = runner.run(&(turned_worlds(), turned_worlds()), |(world, base)| {
        // The store is as the base has it.
        let done = actions(&base.plan(&base.live, 0));
        let live = run(&base.live, done.iter()).map_err(TestCaseError::fail)?;
        let change = world.upon(live);
        if let Some((_, told, true)) = compared(&change, &base) {
            prop_assert!(causes(&told).is_subset(&BTreeSet::from([Cause::Manifest])), "{:?}", causes(&told));
        }
        Ok(())
    });
    outcome.expect("all of it is this change");
}

#[test]
fn causes_change_nothing_else_of_a_plan() {
    let mut runner = TestRunner::new(Config { cases: cases(), ..Config::default() });
    let outcome = runner.run(&(turned_worlds(), turned_worlds()), |(world, base)| {
        let Some((whole, mut told, _)) = compared(&world, &base) else { return Ok(()) };
        for action in &mut told.actions {
            action.cause = Cause::Unknown;
            action.restores.clear();
        }
        prop_assert_eq!(whole, told);
        Ok(())
    });
    outcome.expect("causes are remarks");
}

/// What stands in the place of a store is as its manifests have it: they would change nothing.
#[test]
fn what_is_declared_stands_as_if_it_were_live() {
    let mut runner = TestRunner::new(Config { cases: cases(), ..Config::default() });
    let outcome = runner.run(&turned_worlds(), |world| {
        let ids = world.with_inputs((&world.live, 0), &world, |inputs, _| {
            let live = as_live(inputs);
            let again = plan(&Inputs { live: &live, ..inputs.clone() }).map_err(|found| format!("{found:?}"))?;
            Ok::<_, String>(again.actions.iter().map(|one| action_id(inputs.names, one.kind, &one.subject)).collect())
        });
        let ids: Vec<String> = ids.map_err(TestCaseError::fail)?;
        prop_assert!(ids.is_empty(), "{:?}", ids);
        Ok(())
    });
    outcome.expect("nothing is left to do");
}

/// A plan of some of the actions does only these, all that they need with them, within the bounds of the whole.
#[test]
fn a_part_of_a_plan_stands_by_itself() {
    let mut runner = TestRunner::new(Config { cases: cases(), ..Config::default() });
    let outcome = runner.run(&(turned_worlds(), any::<u64>()), |(world, seed)| {
        let (whole, part) = world.with_inputs((&world.live, 0), &world, |inputs, _| {
            let whole = plan(inputs).expect("worlds fit their rules");
            let is_meant = |at: usize| seed.rotate_left(u32::try_from(at % 64).expect("small")) & 1 == 0;
            let meant: BTreeSet<_> = (0..whole.actions.len())
                .filter(|&at| is_meant(at))
                .map(|at| (whole.actions[at].kind, whole.actions[at].subject))
                .collect();
            let chosen = Chosen::of(&whole, |action| meant.contains(&(action.kind, action.subject)));
            let part = plan_part(inputs, Vec::new(), None, (&chosen, &whole)).expect("a part of what could be planned");
            for action in &part.actions {
                assert!(meant.contains(&(action.kind, action.subject)), "not chosen: {action:?}");
            }
            let deferred = part.deferred.iter().filter(|one| meant.contains(&(one.kind, one.subject))).count();
            assert_eq!(part.actions.len() + deferred, meant.len(), "what was chosen is done or waits");
            let written = |plan: &Plan| written(&document(plan, inputs.names, &Nowhere));
            (written(&whole), written(&part))
        });
        let (whole, part) = (actions(&whole), actions(&part));
        let after = run(&world.live, part.iter()).map_err(TestCaseError::fail)?;
        after.judge(&world.live, &world.bounds).map_err(TestCaseError::fail)?;
        if part.len() == whole.len() {
            prop_assert_eq!(whole, part);
        }
        Ok(())
    });
    outcome.expect("a part stands by itself");
}
