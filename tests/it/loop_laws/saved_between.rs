//! Law 9 where somebody changes something between `plan --out` and `apply FILE`: a saved plan never does what a plan made
//! now for the same actions would refuse, hide or hold back; it may only do less. Judged by what the store shows before
//! and after, with the eyes of the laws of scope, and by nothing that the planner says.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use rollcall::guard::{Guard, judge};
use rollcall::model::{ActionKind, LiveState, Membership, Name, Names, Status, Topic};
use rollcall::plan::Plan;
use rollcall::store::Writer;

use super::bench::{Bench, sqlite, texts};
use super::for_worlds;
use super::scope::{account, is_left_alone, is_scope_kept};
use super::world::{scopes, worlds};
use crate::support::plans::usual_limits;

/// How much somebody with this status can do.
const fn worth(status: Status) -> u8 {
    match status {
        Status::Closed => 0,
        Status::Inactive => 1,
        Status::Preloaded => 2,
        Status::Invited => 3,
        Status::Active => 4,
    }
}

/// Whether somebody has nothing after that was not there before.
fn gains_nothing(names: &Names, key: &str, before: &LiveState, after: &LiveState) -> TestCaseResult {
    let Some(is) = account(names, after, key) else { return Ok(()) };
    let Some(was) = account(names, before, key) else {
        return Err(TestCaseError::fail(format!("{key} was let in")));
    };
    prop_assert!(worth(is.status) <= worth(was.status), "{} was {:?} and is {:?}", key, was.status, is.status);
    let rank = |role: Option<Name>| role.and_then(|role| before.catalog.roles.get(&role)).and_then(|role| role.rank);
    for now in is.memberships {
        let then: Option<&Membership> = was.membership(now.organization);
        let is_less = then.is_some_and(|then| then.role == now.role || rank(now.role) < rank(then.role));
        prop_assert!(is_less, "{} has {:?}, and had {:?}", key, now, then);
    }
    for grant in is.grants {
        let had = was.grants.iter().any(|had| (had.organization, had.site) == (grant.organization, grant.site));
        prop_assert!(had, "{} was granted {:?}", key, grant);
    }
    Ok(())
}

/// Applies a saved plan if it holds; the plan, if it did something.
fn applied<S: Writer + Send>(bench: &mut Bench<S>, file: &[u8]) -> Option<Plan> {
    let today = bench.plan();
    let (saved, holding) = bench.holding(file, &today);
    if !holding.changed.is_empty() {
        return None;
    }
    let plan = bench.plan_of(&saved, &today, &holding.done);
    let to_do = plan.actions.len() - holding.done.len();
    bench.apply_plan(plan.clone(), &holding.done, usize::MAX);
    (to_do > 0).then_some(plan)
}

/// What happens between the two commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The manifests say something else of people, roles and what includes what.
    Manifests,
    /// The settings manage less.
    Scope,
    /// Operators lock people out.
    LockOut,
    /// All of it.
    All,
}

#[test]
fn a_saved_plan_does_nothing_that_a_plan_made_now_would_refuse_hide_or_hold_back() {
    let held: Cell<[usize; 4]> = Cell::default();
    let idle: Cell<[usize; 4]> = Cell::default();
    let count = |cell: &Cell<[usize; 4]>, event: Event| {
        let mut counts = cell.get();
        counts[event as usize] += 1;
        cell.set(counts);
    };
    let events = prop::sample::select(vec![Event::Manifests, Event::Scope, Event::LockOut, Event::All]);
    let more = (worlds(), scopes(), events, prop::collection::vec(0..40_usize, 4), 0..3_usize);
    for_worlds(more, |world, (other, scope, event, rows, cut)| {
        let has = |one: Event| event == one || event == Event::All;
        let world = world.without_turnover().linked(&other);
        let mut later = if has(Event::Manifests) { world.declaring(&other) } else { world.clone() };
        if has(Event::Scope) {
            later = later.scoped(&scope);
        }
        let (store, _folder) = sqlite(&world);
        let mut bench = Bench::new(&world, store);
        let plan = bench.plan();
        // Small plans hold more often: beside the whole one, those for some people.
        let some: Vec<Plan> = rows.iter().map(|&row| bench.plan_of_one(&world.person(row))).collect();
        let mut files: Vec<Vec<u8>> = some.iter().map(|plan| bench.file(plan)).collect();
        files.push(bench.file(&plan));
        // Some of it may be done already, by this very plan.
        bench.apply_plan(plan, &[], cut);
        let mut locked_out = Vec::new();
        if has(Event::LockOut) {
            locked_out.extend(rows[..2].iter().filter_map(|&row| bench.lock_out(row)));
        }
        bench.become_of(&later);
        for file in files {
            let before = bench.live().expect("a store that can be read");
            let shown = bench.shown();
            let Some(plan) = applied(&mut bench, &file) else {
                count(&idle, event);
                continue;
            };
            count(&held, event);
            let after = bench.live().expect("a store that can be read");
            let judged = || {
                is_scope_kept(&bench.names, &later, &before, &after)?;
                is_left_alone(&bench.names, &later, &before, &after)?;
                let mut out = later.kept_out();
                out.extend(locked_out.iter().filter(|key| !later.is_let_in(key)).cloned());
                out.iter().try_for_each(|key| gains_nothing(&bench.names, key, &before, &after))
            };
            judged().map_err(|error| {
                let (ids, texts) = (bench.ids(&plan), texts(&bench.files));
                TestCaseError::fail(format!("{error}\n{ids:#?}\nlocked out: {locked_out:?}\n{texts}\n{shown}"))
            })?;
        }
        Ok(())
    });
    let (held, idle) = (held.get(), idle.get());
    let is_met = held.iter().chain(&idle).all(|&count| count > 0);
    assert!(is_met || super::cases() < 150, "{held:?} did something, {idle:?} did nothing");
}

/// What was done by the plan and undone by somebody is not done again by it.
#[test]
fn a_saved_plan_does_not_do_again_what_was_undone() {
    let undone = Cell::new(0);
    for_worlds((0..40_usize, 0..3_usize), |world, (row, how)| {
        let world = world.without_turnover();
        let (store, _folder) = sqlite(&world);
        let mut bench = Bench::new(&world, store);
        let plan = bench.plan();
        let file = bench.file(&plan);
        bench.apply_plan(plan, &[], usize::MAX);
        let live = bench.live().expect("a store that can be read");
        if !bench.vandalize(row, how) {
            return Ok(());
        }
        let key = live.user(row % live.len()).key_text(&bench.names).to_owned();
        let before = bench.live().expect("a store that can be read");
        applied(&mut bench, &file);
        let after = bench.live().expect("a store that can be read");
        undone.set(undone.get() + 1);
        gains_nothing(&bench.names, &key, &before, &after)
    });
    assert!(undone.get() > 0, "nothing was undone");
}

fn counts(plan: &Plan) -> BTreeMap<(Guard, Option<Name>), u32> {
    let rulings = judge(plan, &usual_limits(), &[]);
    rulings.iter().map(|ruling| ((ruling.guard, ruling.organization), ruling.count)).collect()
}

/// Changes of the catalog with people on it, of roles and of access: whatever the manifests say by now, guards count as
/// much as when the plan was made.
#[test]
fn guards_count_a_saved_plan_in_full_whatever_the_manifests_say_by_now() {
    let with_catalog = Cell::new(0);
    for_worlds((worlds(), any::<bool>()), |world, (other, is_reverted)| {
        let world = world.without_turnover().linked(&other);
        let (store, _folder) = sqlite(&world);
        let mut bench = Bench::new(&world, store);
        let plan = bench.plan();
        let file = bench.file(&plan);
        let expected = counts(&plan);
        if is_reverted {
            bench.files = bench.imported();
        } else {
            bench.become_of(&world.declaring(&other));
        }
        let today = bench.plan();
        let saved = bench.read(&file).expect("a plan file");
        let by_now = bench.plan_of(&saved, &today, &[]);
        let found = counts(&by_now);
        let is_catalog = |kind: ActionKind| kind.topic() == Topic::Catalog;
        with_catalog.set(with_catalog.get() + usize::from(plan.actions.iter().any(|action| is_catalog(action.kind))));
        for (of, count) in expected {
            let now = found.get(&of).copied().unwrap_or_default();
            prop_assert!(
                now >= count,
                "{:?} was {} and is {}\n{:#?}\n{}\n{}",
                of,
                count,
                now,
                bench.ids(&plan),
                texts(&world.manifests()),
                bench.shown()
            );
        }
        Ok(())
    });
    assert!(with_catalog.get() > 0, "no change of the catalog was met");
}
