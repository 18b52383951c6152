//! Law 9: a saved plan does exactly what it says, or nothing; cut off anywhere, another run of it finishes it.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use rollcall::apply::Verdict;
use rollcall::plan::Plan;
use rollcall::store::Writer;

use super::bench::{Answers, Bench, memory, sqlite, texts};
use super::{History, counted, for_worlds};

/// Applied at once, whole: the same as the plan of now.
fn holds_untouched<S: Writer + Send>(bench: &mut Bench<S>) -> Result<Plan, TestCaseError> {
    let plan = bench.plan();
    let file = bench.file(&plan);
    let (saved, holding) = bench.holding(&file, &plan);
    let ids = bench.ids(&plan);
    prop_assert_eq!(&saved.digest, &plan.digest);
    prop_assert_eq!(holding.changed, vec![], "{:#?}\n{}\n{}", ids, texts(&bench.files), bench.shown());
    prop_assert_eq!(holding.done, Vec::<u32>::new(), "{:#?}", ids);
    Ok(plan)
}

/// Without the times at which invitations were sent and end: a run that was cut off is finished later.
fn timeless(shown: &str) -> String {
    let is_time = |word: &&str| word.contains("2026-") && word.contains('T');
    let line = |line: &str| line.split(' ').filter(|word| !is_time(word)).collect::<Vec<_>>().join(" ") + "\n";
    shown.lines().map(line).collect()
}

fn cut_off<S: Writer + Answers + History + Send>(
    mut whole: Bench<S>,
    mut bench: Bench<S>,
    cut: usize,
) -> TestCaseResult {
    let plan = holds_untouched(&mut whole)?;
    let report = whole.apply_plan(plan, &[], usize::MAX);
    prop_assert_eq!(report.verdict(), Verdict::Complete);
    let expected = (timeless(&whole.shown()), counted(whole.store.history()));

    let plan = bench.plan();
    let file = bench.file(&plan);
    let first = bench.apply_plan(plan, &[], cut);
    let done = first.outcomes.iter().filter(|outcome| outcome.is_achieved()).count();
    let today = bench.plan();
    let (saved, holding) = bench.holding(&file, &today);
    let ids: Vec<String> = saved.actions.iter().map(|action| bench.id(action)).collect();
    let shown = bench.shown();
    prop_assert!(
        holding.changed.is_empty(),
        "{:#?}\nafter {:?} of {ids:#?}\n{}\n{shown}",
        holding.changed,
        first.outcomes,
        texts(&bench.files)
    );
    prop_assert_eq!(holding.done.len(), done, "{:?} of {:#?} {:?}\n{}", holding.done, ids, first.outcomes, shown);
    let plan = bench.plan_of(&saved, &today, &holding.done);
    let report = bench.apply_plan(plan, &holding.done, usize::MAX);
    prop_assert_eq!(report.verdict(), Verdict::Complete, "{:?} {:?}", ids, report.outcomes);
    prop_assert_eq!((timeless(&bench.shown()), counted(bench.store.history())), expected, "{:#?}", ids);
    bench.verify_journal();
    Ok(())
}

#[test]
fn a_saved_plan_that_was_cut_off_is_finished_by_another_run_of_it() {
    for_worlds(0..40_usize, |world, cut| {
        let ((one, _a), (other, _b)) = (sqlite(&world), sqlite(&world));
        cut_off(Bench::new(&world, one), Bench::new(&world, other), cut)?;
        cut_off(Bench::new(&world, memory(&world)), Bench::new(&world, memory(&world)), cut)
    });
}

/// A plan file is hostile input: whatever is done to it, it is read or refused.
#[test]
fn changed_plan_files_are_read_or_refused() {
    for_worlds(prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), |world, changes| {
        let mut bench = Bench::new(&world, memory(&world));
        let plan = bench.plan();
        let file = bench.file(&plan);
        let mut text = file.clone();
        for (at, byte) in &changes {
            let at = at.index(text.len());
            match byte % 3 {
                0 => text[at] = *byte,
                1 => text.truncate(at.max(1)),
                _ => text.insert(at, byte % 128),
            }
        }
        if let Some(saved) = bench.read(&text) {
            prop_assert_eq!(&saved.digest, &plan.digest);
        }
        // Members exchanged between actions, with a digest that fits: refused, or asked without a panic.
        let mut document: serde_json::Value = serde_json::from_slice(&file).expect("a document");
        let actions = document["actions"].as_array_mut().expect("a list");
        let members = ["before", "after", "user", "organization", "site", "role", "needs", "else", "action"];
        for (at, byte) in &changes {
            if actions.is_empty() {
                break;
            }
            let (one, other) = (at.index(actions.len()), usize::from(*byte) % actions.len());
            let member = members[usize::from(*byte) % members.len()];
            let value = actions[other][member].clone();
            actions[one][member] = value;
        }
        bench.ask_forged(&document, &plan);
        Ok(())
    });
}

/// Somebody else changes the store meanwhile, by some actions of another plan.
#[test]
fn a_saved_plan_holds_in_all_of_its_actions_or_writes_nothing() {
    let (held, stale) = (Cell::new(0), Cell::new(0));
    for_worlds((0..12_usize, 0..40_usize, 0..3_usize, any::<bool>()), |world, (cut, row, how, accept)| {
        let (store, _folder) = sqlite(&world);
        let mut bench = Bench::new(&world, store);
        let plan = bench.plan();
        let file = bench.file(&plan);
        bench.disturb(cut);
        bench.vandalize(row, how);
        if accept {
            bench.everybody_accepts();
        }
        let today = bench.plan();
        let (saved, holding) = bench.holding(&file, &today);
        if !holding.changed.is_empty() {
            stale.set(stale.get() + 1);
            return Ok(());
        }
        held.set(held.get() + 1);
        let ids: Vec<String> = saved.actions.iter().map(|action| bench.id(action)).collect();
        let before = bench.shown();
        let plan = bench.plan_of(&saved, &today, &holding.done);
        let report = bench.apply_plan(plan, &holding.done, usize::MAX);
        prop_assert_eq!(
            report.verdict(),
            Verdict::Complete,
            "{:#?}\n{:?}\n{}\n{}",
            ids,
            report.outcomes,
            texts(&bench.files),
            before
        );
        Ok(())
    });
    assert!(held.get() > 0 && stale.get() > 0, "{} held, {} were stale", held.get(), stale.get());
}
