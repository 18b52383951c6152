//! Laws 1, 3, 5 and 6 of the planner, and how often it defers what could be done.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rollcall::model::Names;
use rollcall::plan::{PlanDocument, read_file};
use serde_json::Value as Json;

use super::naive::NaiveStore;
use super::world::{ORGANIZATIONS, World, turned_worlds};

/// Plans with more actions are not enumerated.
const ENUMERATED: usize = 12;

pub(super) fn actions(document: &PlanDocument) -> Vec<Json> {
    document.actions.iter().map(|action| serde_json::to_value(action).expect("an action is JSON")).collect()
}

/// For each action: the bits of its needs.
fn need_masks(actions: &[Json]) -> Vec<u32> {
    let place: BTreeMap<&str, usize> =
        actions.iter().enumerate().map(|(at, action)| (action["id"].as_str().expect("an id"), at)).collect();
    let masks = actions.iter().map(|action| {
        let needs = action["needs"].as_array().expect("needs");
        needs.iter().fold(0, |mask, need| mask | 1 << place[need.as_str().expect("an id")])
    });
    masks.collect()
}

pub(super) fn run<'a>(store: &NaiveStore, actions: impl Iterator<Item = &'a Json>) -> Result<NaiveStore, String> {
    let mut store = store.clone();
    for action in actions {
        store.execute(action).map_err(|error| format!("{}: {error}", action["id"]))?;
    }
    Ok(store)
}

fn closed_sets(masks: &[u32]) -> impl Iterator<Item = u32> + '_ {
    (0..1_u32 << masks.len())
        .filter(|set| masks.iter().enumerate().all(|(at, needs)| set & (1 << at) == 0 || set & needs == *needs))
}

fn chosen(actions: &[Json], set: u32) -> impl Iterator<Item = &Json> {
    actions.iter().enumerate().filter(move |(at, _)| set & (1 << at) != 0).map(|(_, action)| action)
}

fn law_1(world: &World, document: &PlanDocument) -> Result<NaiveStore, String> {
    let actions = actions(document);
    let after = run(&world.live, actions.iter())?;
    let again = world.plan(&after, 0);
    if again.actions.is_empty() {
        return Ok(after);
    }
    let ids: Vec<&String> = again.actions.iter().map(|action| &action.id).collect();
    Err(format!("a second plan is not empty: {ids:?}"))
}

fn law_5(world: &World, actions: &[Json]) -> Result<(), String> {
    for set in closed_sets(&need_masks(actions)) {
        let after = run(&world.live, chosen(actions, set))?;
        after.judge(&world.live, &world.bounds).map_err(|error| {
            let ids: Vec<&Json> = chosen(actions, set).map(|action| &action["id"]).collect();
            format!("{error} after {ids:?}")
        })?;
    }
    Ok(())
}

/// A removal needs somebody else's addition only where the slack is not enough for all removals.
fn law_6(world: &World, actions: &[Json]) -> Result<(), String> {
    let removals: Vec<&Json> = actions.iter().filter(|action| is_removal(action)).collect();
    let people: BTreeSet<&str> = removals.iter().filter_map(|action| action["user"].as_str()).collect();
    let live = world.live.plain();
    let is_rename = |action: &&Json| action["after"].get("key").is_some();
    // What is left if nothing but the removals of one person, or the changes of roles, is done.
    let alone = |user: Option<&str>| {
        let mut store = world.live.clone();
        for action in actions.iter().filter(is_rename).filter(|action| !is_removal(action)) {
            let _ = store.execute(action);
        }
        for action in removals.iter().filter(|action| action["user"].as_str() == user) {
            let _ = store.execute(action);
        }
        store.plain()
    };
    let lost = |store: &NaiveStore, place: &str| live.admins(place).saturating_sub(store.admins(place));
    for organization in ORGANIZATIONS {
        let slack = live.admins(organization).saturating_sub(world.bounds.min_admins);
        let (mut places, mut needing) = (lost(&alone(None), organization), 0_usize);
        for user in &people {
            let left = alone(Some(user));
            places += lost(&left, organization);
            // A removal that takes places in several organizations may need somebody because of another one.
            let only_here = ORGANIZATIONS.iter().map(|place| lost(&left, place)).sum::<usize>() == 1;
            if only_here && lost(&left, organization) == 1 && needs_an_addition(actions, &removals, user) {
                needing += 1;
            }
        }
        // Somebody who comes to a role that is made less loses the place by both together, and by neither alone.
        let mut together = world.live.clone();
        for action in actions.iter().filter(|action| is_rename(action) || is_removal(action)) {
            let _ = together.execute(action);
        }
        let together = together.plain();
        let most = places.max(lost(&together, organization)).saturating_sub(slack);
        if needing > most {
            return Err(format!("{needing} removals in {organization} need an addition, {most} would have to"));
        }
    }
    Ok(())
}

/// Whether a removal of this person needs an action for somebody else that is no removal.
fn needs_an_addition(actions: &[Json], removals: &[&Json], user: &str) -> bool {
    let own = removals.iter().filter(|action| action["user"] == user);
    let mut needs = own.flat_map(|action| action["needs"].as_array().expect("needs"));
    needs.any(|need| {
        let needed = actions.iter().find(|action| action["id"] == *need).expect("a need is planned");
        needed["user"].as_str().is_some_and(|other| other != user) && !is_removal(needed)
    })
}

fn is_removal(action: &Json) -> bool {
    action["risk"].as_array().expect("risks").iter().any(|risk| risk == "removal")
}

/// Whether more can be done than `planned` and all of it, in any order, without breaking a bound: tries every order.
fn can_do_more(world: &World, actions: &[Json], planned: u32) -> bool {
    let masks = need_masks(actions);
    let mut seen: BTreeSet<u32> = BTreeSet::from([0]);
    let mut frontier: Vec<(u32, NaiveStore)> = vec![(0, world.live.clone())];
    while let Some((set, store)) = frontier.pop() {
        if set & planned == planned && set != planned {
            return true;
        }
        for (at, action) in actions.iter().enumerate() {
            let next = set | 1 << at;
            if next == set || set & masks[at] != masks[at] || seen.contains(&next) {
                continue;
            }
            let mut after = store.clone();
            let grows = |after: &NaiveStore| after.seats() > store.seats();
            let fits = |after: &NaiveStore| match world.bounds.seats {
                Some(limit) => !grows(after) || after.seats() <= limit,
                None => true,
            };
            if after.execute(action).is_ok() && fits(&after) && after.judge(&world.live, &world.bounds).is_ok() {
                seen.insert(next);
                frontier.push((next, after));
            }
        }
    }
    false
}

/// How many worlds: few in every run, many in the long one.
#[allow(clippy::disallowed_methods, reason = "the long run asks for more cases")]
pub(super) fn cases() -> u32 {
    std::env::var("ROLLCALL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(600)
}

#[test]
fn plans_keep_the_laws() {
    let mut runner = TestRunner::new(Config { cases: cases(), ..Config::default() });
    let outcome = runner.run(&(turned_worlds(), any::<u64>()), |(world, shuffle)| {
        let document = world.plan(&world.live, 0);
        let again = world.plan(&world.live, shuffle);
        let text = |document: &PlanDocument| serde_json::to_string_pretty(document).expect("JSON");
        let (one, other) = (text(&document), text(&again));
        let difference = similar::TextDiff::from_lines(&one, &other).unified_diff().context_radius(8).to_string();
        prop_assert!(difference.is_empty(), "law 3: other order, other bytes\n{}", difference);
        law_1(&world, &document).map_err(|error| TestCaseError::fail(format!("law 1: {error}")))?;
        let actions = actions(&document);
        law_6(&world, &actions).map_err(|error| TestCaseError::fail(format!("law 6: {error}")))?;
        if actions.len() <= ENUMERATED {
            law_5(&world, &actions).map_err(|error| TestCaseError::fail(format!("law 5: {error}")))?;
        }
        Ok(())
    });
    outcome.expect("the laws hold");
}

/// Whatever is planned says no more than actions of its kind do, so that a file with it is a plan file.
#[test]
fn every_plan_can_be_read_again_as_a_file() {
    let mut runner = TestRunner::new(Config { cases: cases(), ..Config::default() });
    let outcome = runner.run(&turned_worlds(), |world| {
        let document = world.plan(&world.live, 0);
        let text = serde_json::to_vec(&document).expect("JSON");
        let saved = read_file(&text, &mut Names::new(), &world.rules());
        let saved = saved.map_err(|error| TestCaseError::fail(format!("{error}\n{:#?}", document.actions)))?;
        prop_assert_eq!(saved.actions.len(), document.actions.len());
        Ok(())
    });
    outcome.expect("what is planned is read");
}

#[test]
fn hardly_anything_is_deferred_that_could_be_done() {
    #[derive(Debug, Clone, Copy, Default)]
    struct Tally {
        planned: u32,
        actions: usize,
        judged: u32,
        solvable: u32,
    }
    let tally = Cell::new(Tally::default());
    let mut runner = TestRunner::new(Config { cases: cases(), ..Config::default() });
    let outcome = runner.run(&turned_worlds(), |world| {
        let document = world.plan(&world.live, 0);
        let free = actions(&world.unlimited().plan(&world.live, 0));
        let mut sums = tally.get();
        sums.planned += 1;
        sums.actions += document.actions.len();
        if free.len() <= ENUMERATED && free.len() > document.actions.len() {
            sums.judged += 1;
            let is_planned = |action: &Json| document.actions.iter().any(|planned| planned.id == action["id"]);
            let planned = free.iter().enumerate().filter(|(_, action)| is_planned(action));
            let planned = planned.fold(0, |mask, (at, _)| mask | 1 << at);
            sums.solvable += u32::from(can_do_more(&world, &free, planned));
        }
        tally.set(sums);
        Ok(())
    });
    outcome.expect("brute force runs");
    let Tally { planned, actions, judged, solvable } = tally.get();
    println!(
        "{planned} worlds, {actions} actions; limits held something back in {judged} that brute force could judge, \
         {solvable} of them solvable ({:.2} % of worlds)",
        f64::from(solvable) * 100.0 / f64::from(planned)
    );
    assert!(judged > planned / 100, "the worlds hardly ever meet a limit");
    assert!(solvable * 100 < planned, "deferred although solvable in {solvable} of {planned} worlds");
}

/// After any part of a plan that is closed under needs, the next plan finishes the work (law 2, without a store).
#[test]
fn any_part_of_a_plan_is_finished_by_the_next() {
    let config = Config { cases: cases() / 4, ..Config::default() };
    let strategy = (turned_worlds(), any::<u32>());
    let outcome = TestRunner::new(config).run(&strategy, |(world, seed)| {
        let actions = actions(&world.plan(&world.live, 0));
        if actions.len() > ENUMERATED || actions.is_empty() {
            return Ok(());
        }
        let masks = need_masks(&actions);
        let sets: Vec<u32> = closed_sets(&masks).collect();
        let set = sets[seed as usize % sets.len()];
        let mut store = run(&world.live, chosen(&actions, set)).map_err(TestCaseError::fail)?;
        // Tokens that were spent on one thing may be missing for another: the second run has to settle it.
        let rest = self::actions(&world.plan(&store, 0));
        store = run(&store, rest.iter()).map_err(TestCaseError::fail)?;
        let last = world.plan(&store, 0);
        prop_assert!(last.actions.is_empty(), "left after a second run: {:?}", last.actions);
        Ok(())
    });
    outcome.expect("the next plan converges");
}
