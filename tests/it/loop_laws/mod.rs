//! The laws of the whole loop, on generated worlds: manifests as text → desired state → plan → guard → apply, on the
//! embedded store and on the oracle, without and with faults.
//!
//! `ROLLCALL_CASES` sets how many worlds.

mod bench;
mod lock_outs;
mod raised_roles;
mod regressions;
mod saved;
mod saved_between;
mod scope;
mod turnover_regressions;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};
use rollcall::apply::{Outcome, Verdict};
use rollcall::model::{ActionKind, Collection, InvitationState};
use rollcall::plan::{Obstacle, Plan, Risk, WaitsFor};
use rollcall::store::sqlite::SqliteStore;
use rollcall::store::{Effect, Reader, Writer};

use crate::support::faulty::{Fault, Faulty};
use crate::support::memory::MemoryStore;
use crate::support::turnover::{UNDECLARED, without_new};
use bench::{Answers, Bench, Ran, memory, sqlite, texts};
use world::{World, worlds};

/// How many worlds: few in every run, many in the long one.
#[allow(clippy::disallowed_methods, reason = "the long run asks for more cases")]
fn cases() -> u32 {
    std::env::var("ROLLCALL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(60)
}

fn for_worlds<T: std::fmt::Debug>(more: impl Strategy<Value = T>, law: impl Fn(World, T) -> TestCaseResult) {
    let config = Config { cases: cases(), ..Config::default() };
    let outcome = TestRunner::new(config).run(&(worlds(), more), |(world, more)| law(world, more));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Applies without faults: all that was planned is done, and then there is nothing to do.
fn settle<S: Writer + Send>(bench: &mut Bench<S>) -> Result<(Plan, String), TestCaseError> {
    let manifests = texts(&bench.files);
    let Ran::Applied(plan, report) = bench.apply() else { panic!("the store can be read") };
    let ids = bench.ids(&plan);
    let outcomes: Vec<_> = ids.iter().zip(&report.outcomes).collect();
    prop_assert_eq!(report.verdict(), Verdict::Complete, "{:#?}\n{}", outcomes, manifests);
    let again = bench.plan();
    let shown = bench.shown();
    // Only a person who was locked out, or did not answer, or of whom others have to say something first, waits for a
    // decision, and a tombstone on what somebody has or of which the store can't get rid: needs in a circle would, too.
    let circles = again.deferred.iter().filter(|deferred| deferred.waits_for == WaitsFor::Decision);
    let circles = circles.filter(|deferred| {
        let user = deferred.subject.user;
        deferred.kind != ActionKind::ReactivateUser
            && deferred.kind != ActionKind::DeleteUser
            // What would follow a reactivation that nobody does by the rules waits with it.
            && deferred.obstacle != Some(Obstacle::NotUndone)
            && !user.is_some_and(|key| bench.undecided.contains(bench.names.text(key)))
            && !bench.is_held(deferred)
    });
    let circles: Vec<_> = circles.collect();
    prop_assert!(circles.is_empty(), "{circles:#?}\n{:#?}\n{manifests}\n{shown}", again.deferred);
    prop_assert!(again.actions.is_empty(), "left: {:?}\nafter: {ids:?}\n{manifests}\n{shown}", bench.ids(&again));
    Ok((*plan, shown))
}

fn import_changes_nothing<S: Writer + Send>(bench: &mut Bench<S>) -> TestCaseResult {
    let (plan, written) = bench.plan_after_import();
    let (ids, shown) = (bench.ids(&plan), bench.shown());
    prop_assert!(ids.is_empty(), "after import: {ids:?}\n{written}\n{shown}");
    Ok(())
}

fn loop_on<S: Writer + Answers + Send>(bench: &mut Bench<S>) -> Result<Vec<String>, TestCaseError> {
    let mut shown = vec![bench.shown()];
    import_changes_nothing(bench)?;
    shown.push(settle(bench)?.1);
    import_changes_nothing(bench)?;
    bench.everybody_accepts();
    shown.push(settle(bench)?.1);
    import_changes_nothing(bench)?;
    bench.verify_journal();
    Ok(shown)
}

#[test]
fn after_apply_and_after_import_nothing_is_left_to_do_and_both_stores_agree() {
    for_worlds(Just(()), |world, ()| {
        let (store, _folder) = sqlite(&world);
        let embedded = loop_on(&mut Bench::new(&world, store))?;
        let oracle = loop_on(&mut Bench::new(&world, memory(&world)))?;
        for (embedded, oracle) in embedded.iter().zip(&oracle) {
            prop_assert_eq!(embedded, oracle);
        }
        Ok(())
    });
}

/// Everything that a plan from a partial read must not do.
fn is_withheld(kind: ActionKind) -> bool {
    use ActionKind as Kind;
    match kind {
        Kind::CreateOrganization
        | Kind::CreateSite
        | Kind::CreateRole
        | Kind::DeleteOrganization
        | Kind::DeleteSite
        | Kind::DeleteRole
        | Kind::InviteUser
        | Kind::CreateUser
        | Kind::SendInvitation
        | Kind::ResendInvitation
        | Kind::CancelInvitation
        | Kind::DeactivateUser
        | Kind::StripUser
        | Kind::ReactivateUser
        | Kind::CloseUser
        | Kind::DeleteUser
        | Kind::RemoveMembership
        | Kind::RevokeSite => true,
        Kind::UpdateOrganization
        | Kind::UpdateSite
        | Kind::UpdateRole
        | Kind::UpdateUser
        | Kind::ChangeAccess
        | Kind::RenameUser
        | Kind::AddMembership
        | Kind::ChangeRole
        | Kind::UpdateMembership
        | Kind::GrantSite
        | Kind::ChangeSiteRole => false,
    }
}

#[test]
fn a_partial_read_removes_invites_creates_and_reactivates_nobody() {
    let withheld = std::cell::Cell::new(0_usize);
    for_worlds(0..2_usize, |world, skip| {
        let mut bench = Bench::new(&world, memory(&world));
        let whole = bench.plan();
        for collection in Collection::ALL {
            let live = bench.partial(collection, skip);
            let plan = bench.plan_for(&live);
            prop_assert!(!plan.gaps.is_empty());
            withheld.set(withheld.get() + whole.actions.len().saturating_sub(plan.actions.len()));
            for (action, id) in plan.actions.iter().zip(bench.ids(&plan)) {
                let is_removal = action.risk.contains(&Risk::Removal);
                prop_assert!(!is_removal && !is_withheld(action.kind), "{id} with a part of {collection:?}");
            }
        }
        Ok(())
    });
    assert!(withheld.get() > 0, "these worlds ask for nothing that is withheld");
}

/// What is shown of each account, and of its access in the undeclared organization.
fn accounts(shown: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut accounts: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    let mut key = String::new();
    for line in shown.lines() {
        if let Some(rest) = line.strip_prefix("user ") {
            rest.split(' ').next().unwrap_or_default().clone_into(&mut key);
            accounts.insert(key.clone(), (line.to_owned() + "\n", BTreeSet::new()));
        } else if line.starts_with("  ") {
            let (block, apart) = accounts.get_mut(&key).expect("an account");
            block.push_str(line);
            let is_apart = [format!("  in \"{UNDECLARED}\""), format!("  at {UNDECLARED}/")];
            apart.extend(is_apart.iter().any(|start| line.starts_with(start)).then(|| line.to_owned()));
        }
    }
    accounts
}

fn nothing_out_of_scope_was_touched(world: &World, before: &str, after: &str) -> TestCaseResult {
    let (before, after) = (&without_new(before), &without_new(after));
    let (was, is) = (accounts(before), accounts(after));
    let apart = |shown: &str| -> Vec<String> {
        let starts = [format!("organization {UNDECLARED}"), format!("site {UNDECLARED}/")];
        shown.lines().filter(|line| starts.iter().any(|start| line.starts_with(start))).map(str::to_owned).collect()
    };
    if !world.turnover.organization_goes {
        prop_assert_eq!(apart(before), apart(after));
    }
    for key in world.untouchable() {
        let key = without_new(&key);
        prop_assert_eq!(was.get(&key), is.get(&key), "{} was touched", key);
    }
    // One with a tombstone is declared: as gone.
    let was = if world.turnover.organization_goes { BTreeMap::new() } else { was };
    for (key, (block, there)) in &was {
        // An invitation is cancelled as a whole, and an account stripped as a whole.
        let is_kept = is.get(key).is_some_and(|(_, here)| here == there);
        prop_assert!(
            is_kept
                || block.contains(" invited ")
                || block.contains(" preloaded ")
                || !there.is_empty() && world.strips_absent()
                || world.is_ended(key),
            "the membership of {key} in {UNDECLARED} was touched\n{before}\n{after}"
        );
    }
    Ok(())
}

#[test]
fn what_is_out_of_scope_is_never_touched() {
    for_worlds(Just(()), |world, ()| {
        let (store, _folder) = sqlite(&world);
        let mut bench = Bench::new(&world, store);
        let before = bench.shown();
        bench.apply();
        let after = bench.shown();
        nothing_out_of_scope_was_touched(&world, &before, &after)
    });
}

fn some_fault() -> impl Strategy<Value = Fault> {
    let effect = prop_oneof![
        Just(Effect::Failed("a fault".to_owned())),
        Just(Effect::Refused("a fault".to_owned())),
        Just(Effect::Conflict("a fault".to_owned())),
        Just(Effect::Unknown("a fault".to_owned())),
    ];
    prop_oneof![
        Just(Fault::Error),
        Just(Fault::AnswerLost),
        (0..4_usize, effect).prop_map(|(at, effect)| Fault::Effect(at, effect)),
        prop::sample::select(Collection::ALL.to_vec()).prop_map(Fault::Partial),
        Just(Fault::Stale),
    ]
}

/// A store that tells its history of invitations: key and state, oldest first.
trait History {
    fn history(&self) -> Vec<(String, InvitationState)>;
}

impl History for SqliteStore {
    fn history(&self) -> Vec<(String, InvitationState)> {
        let all = self.list_invitations().expect("a store that can be read");
        all.into_iter().map(|invitation| (invitation.key, invitation.state)).collect()
    }
}

impl History for MemoryStore {
    fn history(&self) -> Vec<(String, InvitationState)> {
        self.invitations()
    }
}

fn counted(history: Vec<(String, InvitationState)>) -> BTreeMap<String, (usize, usize)> {
    let mut counted: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (key, state) in history {
        // Whoever is renamed is the same person.
        let (all, going) = counted.entry(without_new(&key)).or_default();
        *all += 1;
        *going += usize::from(matches!(state, InvitationState::Pending | InvitationState::Suppressed));
    }
    counted
}

/// The runs with faults end where a run without them does, and nobody is invited twice for one reason.
fn converges<S: Writer + History + Send>(
    world: &World,
    store: S,
    faults: &BTreeMap<usize, Fault>,
    undisturbed: &BTreeMap<String, (usize, usize)>,
) -> Result<String, TestCaseError> {
    let before = counted(store.history());
    let store = Faulty::new(store, world.rules().identity, faults.clone());
    let mut bench = Bench::new(world, store);
    let mut ended = Vec::new();
    loop {
        let is_done = match bench.apply() {
            Ran::Applied(plan, report) => {
                ended.push(format!("{:?} {:?}", bench.ids(&plan), report.outcomes));
                plan.actions.is_empty()
            }
            Ran::NotRead => {
                ended.push("not read".to_owned());
                false
            }
        };
        if is_done && bench.store.unspent().all(|(&call, _)| call > bench.store.calls() + 100) {
            break;
        }
        if is_done && bench.store.unspent().next().is_none() {
            break;
        }
        let runs = faults.len() + 8;
        prop_assert!(ended.len() <= runs, "not done after {runs} runs: {ended:#?}");
    }
    let again = bench.plan();
    prop_assert!(again.actions.is_empty(), "left: {:?}\n{ended:#?}", bench.ids(&again));
    bench.verify_journal();
    for (key, (all, going)) in counted(bench.store.inner.history()) {
        // Where seats are short, a run that breaks off may leave the seat to somebody who would not have had it: that
        // is one reason, beside those of the invitations from before.
        let already = before.get(&key).map_or(0, |&(all, _)| all);
        let most = undisturbed.get(&key).map_or(0, |&(most, _)| most);
        let most = if world.seats.is_some() { most.max(already + 1) } else { most };
        prop_assert!(going <= 1 && all <= most, "{key} was invited {all} times and not {most}\n{ended:#?}");
    }
    Ok(bench.shown())
}

#[test]
fn faults_anywhere_are_mended_by_the_next_runs_and_nobody_is_invited_twice() {
    for_worlds(prop::collection::btree_map(1..12_usize, some_fault(), 1..5), |world, faults| {
        let (store, _folder) = sqlite(&world);
        let mut bench = Bench::new(&world, store);
        bench.apply();
        let undisturbed = counted(bench.store.history());
        let (store, _other) = sqlite(&world);
        converges(&world, store, &faults, &undisturbed)?;
        converges(&world, memory(&world), &faults, &undisturbed)?;
        Ok(())
    });
}

fn fails_alone<S: Writer + Reader + Send>(world: &World, store: S, at: usize, call: usize) -> TestCaseResult {
    let fault = Fault::Effect(at, Effect::Failed("a fault".to_owned()));
    let mut bench = Bench::new(world, Faulty::new(store, world.rules().identity, [(call, fault)]));
    let Ran::Applied(plan, report) = bench.apply() else { panic!("the store can be read") };
    let ids = bench.ids(&plan);
    let failed: Vec<usize> = (0..ids.len()).filter(|&at| matches!(report.outcomes[at], Outcome::Failed(_))).collect();
    // The plan may have been too short for this fault.
    let Some(&first) = failed.first() else {
        prop_assert_eq!(report.verdict(), Verdict::Complete);
        return Ok(());
    };
    prop_assert_eq!(failed.len(), 1, "{:?} {:?}", ids, report.outcomes);
    prop_assert_ne!(report.verdict(), Verdict::Complete);
    let mut lost = BTreeSet::from([first]);
    for (at, action) in plan.actions.iter().enumerate() {
        let needs_lost = action.needs.iter().any(|&need| lost.contains(&(need as usize)));
        if needs_lost {
            lost.insert(at);
            let is_skipped = matches!(report.outcomes[at], Outcome::Skipped { .. });
            prop_assert!(is_skipped, "{} was not skipped: {:?}", ids[at], report.outcomes[at]);
        } else if at != first {
            prop_assert!(report.outcomes[at].is_achieved(), "{}: {:?}", ids[at], report.outcomes[at]);
        }
    }
    Ok(())
}

#[test]
fn a_failed_action_skips_only_what_needs_it() {
    for_worlds((0..5_usize, 2..6_usize), |world, (at, call)| {
        let (store, _folder) = sqlite(&world);
        fails_alone(&world, store, at, call)?;
        fails_alone(&world, memory(&world), at, call)
    });
}
