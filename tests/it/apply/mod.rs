//! The executor, on a store that does what a script says.

mod open_intents;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use rollcall::apply::{
    self, ApplyError, ApplyReport, Options, Outcome, OutcomeWord, Progress, ReportDocument, Reset, RunEnd, Stop,
    Verdict,
};
use rollcall::guard::GuardedPlan;
use rollcall::journal::{Entry, Journal, LookedUp, Record, Run, Who};
use rollcall::model::{ActionKind, Names, Status};
use rollcall::plan::{ResetUser, StoreRef, action_id};
use rollcall::rules::Rules;

use crate::support::disk::Disk;
use crate::support::plans::unguarded;
use crate::support::scripted::{Account, Behaviour, Log, Request, Scripted, action, creation, plan};

/// Everything that a run needs, with a journal on a disk that outlives it.
#[derive(Default)]
struct Bench {
    names: Names,
    store: Scripted,
    disk: Disk,
    stop: Stop,
    log: Log,
    told: Vec<u32>,
}

fn clock() -> Timestamp {
    Timestamp::new(1_800_000_000, 0).unwrap()
}

impl Bench {
    fn new() -> Self {
        let log = Log::default();
        let store = Scripted::logging(&log);
        Self { store, disk: Disk::logging(&log), log, ..Self::default() }
    }

    fn create(&mut self, key: &str, needs: &[u32]) -> rollcall::plan::Action {
        creation(&mut self.names, &format!("{key}@example.com"), needs)
    }

    fn behaves(&mut self, key: &str, behaviour: Behaviour) {
        self.store.behaviours.insert(format!("{key}@example.com"), behaviour);
    }

    fn try_apply(&mut self, plan: &GuardedPlan) -> Result<ApplyReport, ApplyError> {
        let mut journal = self.disk.open().expect("a sound journal");
        self.apply_with(plan, &mut journal)
    }

    fn apply_with(&mut self, plan: &GuardedPlan, journal: &mut Journal) -> Result<ApplyReport, ApplyError> {
        let (who, rules) = (Who::default(), Rules::default());
        let options = Options { repeats: 2, wait: Duration::ZERO, ..Options::new("run-1", &who, &rules, &clock) };
        let Self { names, store, stop, told, log, .. } = self;
        let mut progress = |progress: Progress<'_>| match progress {
            Progress::LookedUp(intent) => log.push(format!("told {}", intent.id)),
            Progress::Settled { index, settled, total, .. } => {
                told.push(index);
                assert!(settled <= total);
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(apply::run(plan, names, store, journal, &options, stop, &mut progress))
    }

    fn apply(&mut self, plan: &GuardedPlan) -> ApplyReport {
        let report = self.try_apply(plan).expect("a run that begins");
        assert_eq!(report.outcomes.len(), plan.plan().actions.len());
        report
    }

    fn entries(&self) -> Vec<Entry> {
        let bytes = self.disk.bytes();
        let records = bytes.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice::<Record>(line).ok());
        records.map(|record| record.entry).collect()
    }
}

fn words(report: &ApplyReport) -> Vec<OutcomeWord> {
    report.outcomes.iter().map(Outcome::word).collect()
}

#[test]
fn intents_are_synced_before_effects_and_outcomes_before_they_are_told() {
    let mut bench = Bench::new();
    let actions = vec![bench.create("ana", &[]), bench.create("li", &[]), bench.create("ben", &[0])];
    let report = bench.apply(&plan(actions));
    assert_eq!(report.verdict(), Verdict::Complete);
    assert_eq!(
        bench.log.entries(),
        [
            "append",
            "sync",
            "execute create_user ana@example.com",
            "execute create_user li@example.com",
            "read",
            "append",
            "sync",
            "append",
            "sync",
            "execute create_user ben@example.com",
            "read",
            "append",
            "sync",
        ]
    );
    assert_eq!(bench.told, [0, 1, 2]);
}

#[test]
fn ready_actions_go_in_plan_order_and_needs_come_first() {
    let mut bench = Bench::new();
    bench.store.group = 1;
    let actions =
        vec![bench.create("d", &[]), bench.create("c", &[0]), bench.create("b", &[]), bench.create("a", &[1, 2])];
    bench.apply(&plan(actions));
    let executed = bench.log.executed();
    assert_eq!(executed, ["d", "c", "b", "a"].map(|key| format!("create_user {key}@example.com")));
}

#[test]
fn an_empty_plan_touches_neither_store_nor_journal() {
    let mut bench = Bench::new();
    let report = bench.apply(&plan(Vec::new()));
    assert_eq!((report.verdict(), report.end), (Verdict::Complete, RunEnd::Whole));
    assert!(bench.log.entries().is_empty() && bench.disk.bytes().is_empty());
}

#[test]
fn each_effect_becomes_its_outcome_and_stands_in_the_journal() {
    for (behaviour, word, verdict) in [
        (Behaviour::Obeys, "done", Verdict::Complete),
        (Behaviour::FindsItTrue, "already_true", Verdict::Complete),
        (Behaviour::ClaimsItTrue, "failed", Verdict::NothingWritten),
        (Behaviour::Conflicts, "conflict", Verdict::NothingWritten),
        (Behaviour::Refuses, "refused", Verdict::NothingWritten),
        (Behaviour::Fails, "failed", Verdict::NothingWritten),
        (Behaviour::Lies, "failed", Verdict::Partial),
        (Behaviour::Rewrites, "rewritten", Verdict::Partial),
        (Behaviour::SaysItRewrites, "rewritten", Verdict::Partial),
        (Behaviour::LosesTheAnswer, "done", Verdict::Complete),
        (Behaviour::LosesTheQuestion, "failed", Verdict::NothingWritten),
    ] {
        let mut bench = Bench::new();
        bench.behaves("ana", behaviour);
        let actions = vec![bench.create("ana", &[])];
        let report = bench.apply(&plan(actions));
        let is = serde_json::to_value(report.outcomes[0].word()).unwrap();
        assert_eq!((is.as_str(), report.verdict()), (Some(word), verdict), "{behaviour:?}: {report:?}");
        let journalled = bench.entries().into_iter().find_map(|entry| match entry {
            Entry::Outcome { outcome, .. } => Some(serde_json::to_value(outcome).unwrap()),
            _ => None,
        });
        assert_eq!(journalled.as_ref().and_then(|word| word.as_str()), Some(word), "{behaviour:?}");
    }
}

#[test]
fn a_failure_skips_only_what_needs_it() {
    let mut bench = Bench::new();
    bench.behaves("a", Behaviour::Refuses);
    let actions = vec![
        bench.create("a", &[]),
        bench.create("b", &[]),
        bench.create("c", &[0]),
        bench.create("d", &[1]),
        bench.create("e", &[1, 2]),
    ];
    let report = bench.apply(&plan(actions));
    assert_eq!(
        report.outcomes,
        [
            Outcome::Refused("no".to_owned()),
            Outcome::Done,
            Outcome::Skipped { need: 0 },
            Outcome::Done,
            Outcome::Skipped { need: 2 },
        ]
    );
    assert_eq!((report.verdict(), report.end), (Verdict::Partial, RunEnd::Whole));
    let told: BTreeSet<u32> = bench.told.iter().copied().collect();
    assert_eq!((told.len(), bench.told.len()), (5, 5), "skipped ones are told as well, each once");
}

#[test]
fn what_was_accepted_but_not_applied_is_a_failure() {
    let mut bench = Bench::new();
    bench.behaves("ana", Behaviour::Lies);
    let actions = vec![bench.create("ana", &[]), bench.create("li", &[0])];
    let report = bench.apply(&plan(actions));
    assert_eq!(report.outcomes[0], Outcome::Failed("accepted but not applied".to_owned()));
    assert_eq!(report.outcomes[1], Outcome::Skipped { need: 0 });
    let reads = bench.log.entries().iter().filter(|entry| *entry == "read").count();
    assert_eq!(reads, 3, "a look and two repetitions");
}

#[test]
fn a_stale_read_is_repeated_until_it_shows_the_write() {
    let mut bench = Bench::new();
    bench.store.stale_reads = 2;
    let actions = vec![bench.create("ana", &[])];
    assert_eq!(bench.apply(&plan(actions)).outcomes, [Outcome::Done]);
    let mut bench = Bench::new();
    bench.store.stale_reads = 3;
    let actions = vec![bench.create("ana", &[])];
    assert_eq!(words(&bench.apply(&plan(actions))), [OutcomeWord::Failed], "patience ends");
}

#[test]
fn a_request_that_fails_as_a_whole_is_looked_up() {
    let mut bench = Bench::new();
    bench.store.group = 1;
    bench.store.requests.extend([Request::Fails, Request::FailsAfterwards]);
    let actions = vec![bench.create("ana", &[]), bench.create("ben", &[]), bench.create("li", &[])];
    let report = bench.apply(&plan(actions));
    let why = "the store is away: cable pulled; looked up: nothing was changed";
    assert_eq!(report.outcomes, [Outcome::Failed(why.to_owned()), Outcome::Done, Outcome::Done]);
    assert_eq!(bench.log.executed().len(), 3, "nothing is done twice");
}

#[test]
fn an_end_that_nobody_can_tell_is_unknown() {
    let mut bench = Bench::new();
    bench.store.requests.push_back(Request::FailsAfterwards);
    bench.store.reads_fail = 3;
    let actions = vec![bench.create("ana", &[]), bench.create("li", &[0])];
    let report = bench.apply(&plan(actions));
    assert_eq!(words(&report), [OutcomeWord::Unknown, OutcomeWord::Skipped]);
    assert_eq!(report.verdict(), Verdict::Partial, "something may have been written");
}

#[test]
fn a_store_that_stays_away_ends_the_run() {
    let mut bench = Bench::new();
    bench.store.group = 1;
    bench.store.requests.extend([Request::Fails; 9]);
    let actions = ["a", "b", "c", "d", "e"].map(|key| bench.create(key, &[]));
    let report = bench.apply(&plan(actions.into()));
    assert_eq!(report.counts(), BTreeMap::from([(OutcomeWord::Failed, 3), (OutcomeWord::NotTried, 2)]));
    assert!(matches!(report.end, RunEnd::StoreOutOfReach(_)));
    assert_eq!(report.verdict(), Verdict::NothingWritten);

    let mut bench = Bench::new();
    bench.store.group = 1;
    let flaky = [Request::Fails, Request::Fails, Request::Works, Request::Fails, Request::Fails];
    bench.store.requests.extend(flaky);
    let actions = ["a", "b", "c", "d", "e"].map(|key| bench.create(key, &[]));
    assert_eq!(bench.apply(&plan(actions.into())).end, RunEnd::Whole, "only failures in a row count");
}

/// Nobody is left without a password in a store that is away, but for those with whom that was found out.
#[test]
fn a_store_that_stays_away_ends_a_run_of_resets() {
    let users = ["a", "b", "c", "d", "e"].map(|key| ResetUser { key: key.to_owned(), id: None });
    let reset = |requests: &[Request]| {
        let mut bench = Bench::new();
        bench.store.requests.extend(requests);
        let (who, rules) = (Who::default(), Rules::default());
        let options = Options { wait: Duration::ZERO, ..Options::new("run-1", &who, &rules, &clock) };
        let mut journal = bench.disk.open().expect("a sound journal");
        let [name, kind, id, address] = ["local", "sqlite", "1", "s.db"].map(str::to_owned);
        let reset = Reset { store: &StoreRef { name, kind, id, address }, users: &users, of_all: None };
        let Bench { names, store, stop, .. } = &mut bench;
        let run = apply::reset_passwords(reset, names, store, &mut journal, &options, stop);
        crate::support::now(run).expect("a run that begins")
    };
    let report = reset(&[Request::Fails; 9]);
    let words: Vec<OutcomeWord> = report.outcomes.iter().map(Outcome::word).collect();
    let [unknown, not_tried] = [OutcomeWord::Unknown, OutcomeWord::NotTried];
    assert_eq!(words, [unknown, unknown, unknown, not_tried, not_tried]);
    assert!(report.stopped_by.is_some_and(|why| why.contains("out of reach") && why.contains("cable pulled")));
    let flaky = [Request::Fails, Request::Fails, Request::Works, Request::Fails, Request::Fails];
    assert_eq!(reset(&flaky).stopped_by, None, "only failures in a row count");
}

#[test]
fn a_stop_finishes_the_batch_in_hand() {
    let mut bench = Bench::new();
    bench.store.group = 2;
    let stop = bench.stop.clone();
    bench.store.on_execute = Some(Box::new(move |request| {
        if request == 1 {
            stop.request();
        }
    }));
    let actions = ["a", "b", "c", "d", "e"].map(|key| bench.create(key, &[]));
    let report = bench.apply(&plan(actions.into()));
    assert_eq!(report.counts(), BTreeMap::from([(OutcomeWord::Done, 4), (OutcomeWord::NotTried, 1)]));
    assert!(report.is_interrupted());
    assert_eq!(report.verdict(), Verdict::Partial);
    assert_eq!(bench.disk.open().unwrap().open_intents().count(), 0, "what was begun is journalled");

    let mut bench = Bench::new();
    bench.stop.request();
    let actions = vec![bench.create("a", &[])];
    let report = bench.apply(&plan(actions));
    assert_eq!((report.verdict(), words(&report)), (Verdict::NothingWritten, vec![OutcomeWord::NotTried]));
    assert!(bench.disk.bytes().is_empty());
}

#[test]
fn a_full_disk_at_any_call_leaves_no_effect_without_an_intent_and_the_next_run_converges() {
    let scenario = || {
        let mut bench = Bench::new();
        bench.store.group = 2;
        let actions = vec![
            bench.create("a", &[]),
            bench.create("b", &[]),
            bench.create("c", &[0]),
            bench.create("d", &[]),
            bench.create("e", &[3]),
        ];
        (bench, plan(actions))
    };
    let (mut bench, whole) = scenario();
    assert_eq!(bench.apply(&whole).verdict(), Verdict::Complete);
    let calls = bench.disk.calls();
    assert_eq!(calls, 12, "three batches, each with two appends and two syncs");
    for call in 0..calls {
        let (mut bench, whole) = scenario();
        bench.disk.fail_at(call);
        let report = bench.apply(&whole);
        assert!(matches!(&report.end, RunEnd::JournalBroken(why) if why.contains("can't be written")), "{report:?}");
        let synced = String::from_utf8(bench.disk.synced()).unwrap();
        for executed in bench.log.executed() {
            assert!(synced.contains(&format!("\"id\":\"{executed}\"")), "call {call}: {executed} has no intent");
        }
        assert_eq!(report.has_written, call >= 2, "call {call}");
        assert_eq!(report.verdict() == Verdict::NothingWritten, call < 2, "call {call}");

        // With what the disk has, or with what a power cut leaves, the next run looks up and finishes.
        for left in [bench.disk.bytes(), bench.disk.synced()] {
            let mut again = Bench::new();
            again.store.accounts = bench.store.accounts.clone();
            again.disk.set(&left);
            let missing: Vec<_> = ["a", "b", "c", "d", "e"]
                .into_iter()
                .filter(|key| !again.store.accounts.contains_key(&format!("{key}@example.com")))
                .map(str::to_owned)
                .collect();
            let rest = missing.iter().map(|key| again.create(key, &[])).collect();
            let report = again.apply(&plan(rest));
            assert_eq!(report.verdict(), Verdict::Complete, "call {call}");
            assert!(report.looked_up.iter().all(|intent| intent.found.closes()));
            assert_eq!(again.store.accounts.len(), 5);
            assert_eq!(again.disk.open().unwrap().open_intents().count(), 0);
            let told: BTreeSet<_> =
                report.looked_up.iter().filter(|intent| intent.found == LookedUp::Achieved).collect_ids();
            let done = |id: &&String| bench.log.executed().contains(id);
            assert!(told.iter().all(|id| done(&id)), "call {call}");
        }
    }
}

trait CollectIds {
    fn collect_ids(self) -> BTreeSet<String>;
}

impl<'a, I: Iterator<Item = &'a rollcall::apply::ClosedIntent>> CollectIds for I {
    fn collect_ids(self) -> BTreeSet<String> {
        self.map(|intent| intent.id.clone()).collect()
    }
}

#[test]
fn a_report_prints_and_fits_its_schema() {
    let mut bench = Bench::new();
    bench.behaves("a", Behaviour::Refuses);
    let actions = vec![bench.create("a", &[]), bench.create("b", &[0]), bench.create("c", &[])];
    let guarded = plan(actions);
    let report = bench.apply(&guarded);
    let document = report.document(&bench.names, guarded.plan());
    let json = serde_json::to_value(&document).unwrap();
    assert_eq!(json["verdict"], "partial");
    assert_eq!(json["counts"], serde_json::json!({ "done": 1, "refused": 1, "skipped": 1 }));
    assert_eq!(json["actions"][1]["needed"], "create_user a@example.com");
    assert_eq!(json["actions"][0]["detail"], "no");
    assert_eq!(json["actions"][0]["site"], serde_json::Value::Null);
    let schema = serde_json::to_value(apply::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&json));
    let mut lacking = json.clone();
    lacking.as_object_mut().unwrap().remove("stopped_by");
    assert!(!validator.is_valid(&lacking), "nothing optional is left out");
    assert_eq!(serde_json::from_value::<ReportDocument>(json).unwrap(), document);
}

#[test]
fn a_plan_of_many_actions_takes_one_request_a_window() {
    let mut bench = Bench::new();
    let actions: Vec<_> = (0..20_000_u32)
        .map(|number| {
            let needs: &[u32] = if number % 2 == 1 { &[number - 1] } else { &[] };
            bench.create(&format!("user-{number}"), needs)
        })
        .collect();
    let report = bench.apply(&plan(actions));
    assert_eq!(report.counts(), BTreeMap::from([(OutcomeWord::Done, 20_000)]));
    let syncs = bench.log.entries().iter().filter(|entry| *entry == "sync").count();
    assert!(syncs <= 12, "{syncs} syncs");
}

/// The needs of an action, of which only earlier ones count, and what the store does with it.
fn scripts() -> impl Strategy<Value = Vec<(BTreeSet<u32>, u8)>> {
    prop::collection::vec((prop::collection::btree_set(0_u32..12, 0..4), 0_u8..14), 0..12)
}

fn behaviour(number: u8) -> Behaviour {
    match number {
        0 => Behaviour::FindsItTrue,
        1 => Behaviour::ClaimsItTrue,
        2 => Behaviour::Conflicts,
        3 => Behaviour::Refuses,
        4 => Behaviour::Fails,
        5 => Behaviour::Lies,
        6 => Behaviour::Rewrites,
        7 => Behaviour::SaysItRewrites,
        8 => Behaviour::LosesTheAnswer,
        9 => Behaviour::LosesTheQuestion,
        _ => Behaviour::Obeys,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Law 8, and law 5's premise: what is executed is closed under needs.
    #[test]
    fn every_action_has_one_outcome_and_only_dependents_are_skipped(
        script in scripts(),
        group in 0_usize..4,
        stale in 0_usize..3,
        requests in prop::collection::vec(0_u8..6, 0..6),
    ) {
        let mut bench = Bench::new();
        bench.store.group = group;
        bench.store.stale_reads = stale;
        bench.store.requests = requests.iter().map(|request| match request {
            0 => Request::Fails,
            1 => Request::FailsAfterwards,
            _ => Request::Works,
        }).collect();
        let mut actions = Vec::new();
        for (index, (needs, number)) in (0_u32..).zip(&script) {
            let needs: Vec<u32> = needs.iter().copied().filter(|&need| need < index).collect();
            let key = format!("user-{index}");
            bench.behaves(&key, behaviour(*number));
            actions.push(bench.create(&key, &needs));
        }
        let guarded = plan(actions);
        let report = bench.apply(&guarded);
        let actions = &guarded.plan().actions;
        let executed = bench.log.executed();
        let ids: Vec<String> = actions.iter().map(|action| action_id(&bench.names, action.kind, &action.subject)).collect();
        for (index, action) in actions.iter().enumerate() {
            let outcome = &report.outcomes[index];
            let times = executed.iter().filter(|id| **id == ids[index]).count();
            let failed: Vec<u32> = action.needs.iter().copied()
                .filter(|&need| {
                    let outcome = &report.outcomes[need as usize];
                    !outcome.is_achieved() && *outcome != Outcome::NotTried
                })
                .collect();
            match outcome {
                Outcome::Skipped { need } => {
                    prop_assert_eq!(times, 0);
                    prop_assert!(failed.contains(need));
                }
                Outcome::NotTried => {
                    prop_assert_eq!(times, 0);
                    prop_assert!(failed.is_empty());
                    prop_assert!(matches!(report.end, RunEnd::StoreOutOfReach(_)));
                }
                _ => {
                    prop_assert_eq!(times, 1);
                    prop_assert!(failed.is_empty());
                    let at = executed.iter().position(|id| *id == ids[index]).unwrap();
                    for &need in &action.needs {
                        prop_assert!(report.outcomes[need as usize].is_achieved());
                        let before = executed.iter().position(|id| *id == ids[need as usize]).unwrap();
                        prop_assert!(before < at);
                    }
                }
            }
            let is_told = bench.told.iter().filter(|&&told| told as usize == index).count();
            prop_assert_eq!(is_told, usize::from(*outcome != Outcome::NotTried));
            // What is reported as there is there, and what is not, is not.
            let is_there = bench.store.accounts.contains_key(&format!("user-{index}@example.com"));
            prop_assert_eq!(outcome.is_achieved(), is_there);
        }
        let intents = bench.entries().iter().filter(|entry| matches!(entry, Entry::Intent { .. })).count();
        let outcomes = bench.entries().iter().filter(|entry| matches!(entry, Entry::Outcome { .. })).count();
        prop_assert_eq!((intents, outcomes), (executed.len(), executed.len()));
        prop_assert_eq!(bench.disk.open().unwrap().open_intents().count(), 0);
    }
}
