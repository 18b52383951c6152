//! Why actions are there: laws about what a base tells, and about plans of some causes only.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use rollcall::model::ActionKind;
use rollcall::plan::{
    Action, Base, Cause, Chosen, Inputs, Plan, Risk, State, action_id, as_live, document, plan, plan_part, state_json,
    tell_causes,
};
use serde_json::Value as Json;

use super::naive::NaiveStore;
use super::planner::{actions, cases, run};
use super::world::{Nowhere, World, turned_worlds, written};

/// The plan of a world, and the same with what another one, in its place, tells of causes; whether that one has nothing to
/// do. `None` where what the other declares does not go with the rules or with what is live.
fn compared(world: &World, base: &World) -> Option<(Plan, Plan, bool)> {
    world.with_inputs((&world.live, 0, &[]), base, |inputs, of_base, _| {
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
        let ids = world.with_inputs((&world.live, 0, &[]), &world, |inputs, _, _| {
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

/// A plan of some of the actions does only these, all that they need with them, within the bounds of the whole, and what
/// whoever it lets in again has too much.
#[test]
fn a_part_of_a_plan_stands_by_itself() {
    let mut runner = TestRunner::new(Config { cases: cases(), ..Config::default() });
    let outcome = runner.run(&(turned_worlds(), any::<u64>()), |(world, seed)| {
        let (whole, part) = world.with_inputs((&world.live, 0, &[]), &world, |inputs, _, _| {
            let whole = plan(inputs).expect("worlds fit their rules");
            let is_meant = |at: usize| seed.rotate_left(u32::try_from(at % 64).expect("small")) & 1 == 0;
            let meant: BTreeSet<_> = (0..whole.actions.len())
                .filter(|&at| is_meant(at))
                .map(|at| (whole.actions[at].kind, whole.actions[at].subject))
                .collect();
            let chosen = Chosen::of(&whole, |action| meant.contains(&(action.kind, action.subject)));
            let part = plan_part(inputs, Vec::new(), None, (&chosen, &whole)).expect("a part of what could be planned");
            let key = |action: &Action| (action.kind, action.subject);
            let lets_in = |need: &u32| {
                let needed = &whole.actions[*need as usize];
                needed.kind == ActionKind::ReactivateUser && meant.contains(&key(needed))
            };
            let is_reduced =
                |action: &&Action| action.risk.contains(&Risk::Removal) && action.needs.iter().any(lets_in);
            let reduced: Vec<_> = whole.actions.iter().filter(is_reduced).map(key).collect();
            let meant: BTreeSet<_> = meant.into_iter().chain(reduced).collect();
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

/// The causes of what is left to do in this store, against the same manifests, by the actions that rollcall did.
fn causes_after(world: &World, live: &NaiveStore, done: &[Json]) -> Vec<(String, Cause)> {
    world.with_inputs((live, 0, done), world, |inputs, of_base, history| {
        let whole = plan(inputs).expect("worlds fit their rules");
        let mut told = whole.clone();
        let base = Base { inputs: of_base, plan: &whole, history: Some(history), shift: 0 };
        tell_causes(&mut told.actions, &base);
        let id = |one: &Action| action_id(inputs.names, one.kind, &one.subject);
        let side = |side: &Option<State>| side.as_ref().map(|state| state_json(inputs.names, state).to_string());
        let told = told.actions.iter();
        told.map(|one| (format!("{} {:?} → {:?}", id(one), side(&one.before), side(&one.after)), one.cause)).collect()
    })
}

/// A world that rollcall made from nothing, as far as it could, and its actions.
fn made(world: &World) -> Result<(World, Vec<Json>), String> {
    let mut made = world.upon(NaiveStore::default());
    let mut done = Vec::new();
    for _ in 0..3 {
        let actions = actions(&made.plan(&made.live, 0));
        made = made.upon(run(&made.live, actions.iter())?);
        done.extend(actions);
    }
    Ok((made, done))
}

/// The same worlds in every run: what a journal can tell of rare ones (several renames and changes of a role at once) is
/// not exact yet.
fn steady() -> TestRunner {
    let config = Config { cases: cases().min(300), ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// What rollcall would have done itself, if it had been possible or the time had come.
const fn is_held_back(cause: Cause) -> bool {
    matches!(cause, Cause::Deferred | Cause::Expiry)
}

/// Where nobody but rollcall writes, nothing drifts: whatever part of a plan was done, the rest was held back.
#[test]
fn what_was_held_back_is_no_drift() {
    let mut runner = steady();
    let outcome = runner.run(&(turned_worlds(), turned_worlds(), any::<u64>()), |(first, then, seed)| {
        let (first, mut done) = made(&first).map_err(TestCaseError::fail)?;
        let change = then.upon(first.live.clone());
        let planned = change.with_inputs((&change.live, 0, &[]), &change, |inputs, _, _| plan(inputs).is_ok());
        if !planned {
            return Ok(());
        }
        let actions = actions(&change.plan(&change.live, 0));
        // A prefix is closed under needs.
        let length = usize::try_from(seed % (actions.len() as u64 + 1)).expect("small");
        let live = run(&change.live, actions[..length].iter()).map_err(TestCaseError::fail)?;
        done.extend_from_slice(&actions[..length]);
        let drift = causes_after(&change, &live, &done);
        let drift: Vec<_> = drift.into_iter().filter(|(_, cause)| !is_held_back(*cause)).collect();
        prop_assert!(
            drift.is_empty(),
            "{:?}\nafter {:?}",
            drift,
            done.iter().map(|one| (&one["id"], &one["after"])).collect::<Vec<_>>()
        );
        Ok(())
    });
    outcome.expect("nobody else wrote");
}

/// Where rollcall did all that it could, what is to be done after somebody else wrote is drift.
#[test]
fn what_somebody_else_did_is_drift() {
    let mut runner = steady();
    let outcome = runner.run(&(turned_worlds(), turned_worlds(), any::<u64>()), |(world, other, seed)| {
        let (world, done) = made(&world).map_err(TestCaseError::fail)?;
        // What could not be done as yet may become possible by what somebody else does.
        let is_done = |plan: &Plan| plan.actions.is_empty() && plan.deferred.is_empty();
        if !world
            .with_inputs((&world.live, 0, &[]), &world, |inputs, _, _| plan(inputs).is_ok_and(|plan| is_done(&plan)))
        {
            return Ok(());
        }
        let other = other.upon(world.live.clone());
        if !other.with_inputs((&other.live, 0, &[]), &other, |inputs, _, _| plan(inputs).is_ok()) {
            return Ok(());
        }
        let actions = actions(&other.plan(&other.live, 0));
        let length = usize::try_from(seed % (actions.len() as u64 + 1)).expect("small");
        let live = run(&other.live, actions[..length].iter()).map_err(TestCaseError::fail)?;
        let live = world.upon(live).live;
        if !world.with_inputs((&live, 0, &[]), &world, |inputs, _, _| plan(inputs).is_ok()) {
            return Ok(());
        }
        let others = causes_after(&world, &live, &done);
        // An invitation that goes out anew carries what drifted.
        let is_anew = |id: &str| id.starts_with("cancel_invitation ") || id.starts_with("invite_user ");
        let others: Vec<_> = others.into_iter().filter(|(id, cause)| *cause != Cause::Drift && !is_anew(id)).collect();
        prop_assert!(
            others.is_empty(),
            "{:?}\nafter {:?}",
            others,
            actions[..length].iter().map(|one| &one["id"]).collect::<Vec<_>>()
        );
        Ok(())
    });
    outcome.expect("somebody else wrote");
}
