//! Who was locked out by an operator has no access until a manifest says `status: active` after it.

use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::prelude::*;
use rollcall::model::{Name, Status, Value, known};
use rollcall::plan::{LockOut, LockOutNews, Obstacle, WaitsFor, lock_out, lock_out_news, says_active};
use rollcall::store::sqlite::{LockOutNote, SqliteStore};
use rollcall::store::{Effect, Writer as _};

use super::bench::{Bench, sqlite, texts};
use super::for_worlds;
use crate::support::now;

/// Locks an account out as `deactivate` does. Whether that could be done.
fn locks_out(bench: &mut Bench<SqliteStore>, identity: Name) -> bool {
    let (files, live) = (bench.files.clone(), bench.live().expect("a store that can be read"));
    let found = bench.with_inputs(&files, &live, |inputs| lock_out(inputs, identity));
    let (at, key) = (bench.at(), bench.names.text(identity).to_owned());
    match found {
        LockOut::Planned { plan, .. } => {
            let effects = now(bench.store.execute(&bench.names, &[&plan.actions[0]], at)).expect("a store");
            assert_eq!(effects, [Effect::Done]);
        }
        LockOut::Already(_) => {
            bench.store.note_lock_outs(&[(&key, LockOutNote::Holds { waits: true })], at).expect("a store");
        }
        LockOut::Unknown
        | LockOut::Ambiguous
        | LockOut::OwnAccount
        | LockOut::Protected
        | LockOut::KeptElsewhere
        | LockOut::Waits(_) => {
            return false;
        }
    }
    true
}

/// Applies, and writes down what it has seen of those who are locked out.
fn applies(bench: &mut Bench<SqliteStore>) {
    let deferred = bench.plan().deferred;
    bench.apply();
    let (files, live) = (bench.files.clone(), bench.live().expect("a store that can be read"));
    let news = bench.with_inputs(&files, &live, |inputs| lock_out_news(inputs, &deferred, true));
    let note = |news: &LockOutNews| match news {
        LockOutNews::Holds(waits) => LockOutNote::Holds { waits: *waits },
        LockOutNews::Decided => LockOutNote::Decided,
        LockOutNews::Ended => LockOutNote::Ended,
    };
    let notes: Vec<(&str, LockOutNote)> = news.iter().map(|(key, news)| (key.as_str(), note(news))).collect();
    let at = bench.at();
    bench.store.note_lock_outs(&notes, at).expect("a store");
}

/// Those of these accounts, and of the accounts that are declared to be theirs, with which somebody can do something.
fn in_again(bench: &mut Bench<SqliteStore>, keys: &BTreeSet<Name>) -> Vec<String> {
    let (files, live) = (bench.files.clone(), bench.live().expect("a store that can be read"));
    let at = bench.at();
    let heirs: Vec<Name> = bench.with_inputs(&files, &live, |inputs| {
        let heirs = inputs.desired.former_keys().filter(|(_, previous)| keys.contains(&previous.identity));
        heirs.map(|(user, _)| user.identity).collect()
    });
    let found = keys.iter().copied().chain(heirs).filter_map(|key| live.find(key));
    let is_in = found.filter(|user| match user.status {
        Status::Active => {
            let has_api = user.value(known::API_ENABLED) == Value::Bool(true);
            !user.memberships.is_empty() || !user.grants.is_empty() || has_api
        }
        Status::Invited | Status::Preloaded => {
            user.invitation.is_none_or(|invitation| !invitation.state_at(at).has_ended())
        }
        Status::Inactive | Status::Closed => false,
    });
    is_in.map(|user| user.key_text(&bench.names).to_owned()).collect()
}

#[test]
fn who_was_locked_out_has_no_access_until_a_manifest_says_active_after_it() {
    let (locked, let_in) = (Cell::new(0), Cell::new(0));
    for_worlds((0..40_usize, 0..3_usize), |world, (row, applied)| {
        let (store, _folder) = sqlite(&world);
        let mut bench = Bench::new(&world, store);
        for _ in 0..applied {
            applies(&mut bench);
        }
        let live = bench.live().expect("a store that can be read");
        if live.is_empty() {
            return Ok(());
        }
        let user = live.user(row % live.len());
        let Some(identity) = user.identity else { return Ok(()) };
        if !locks_out(&mut bench, identity) {
            return Ok(());
        }
        locked.set(locked.get() + 1);
        let said = {
            let (files, live) = (bench.files.clone(), bench.live().expect("a store that can be read"));
            bench.with_inputs(&files, &live, |inputs| says_active(inputs.desired, identity))
        };
        for _ in 0..3 {
            applies(&mut bench);
            bench.everybody_accepts();
            let keys = bench.live().expect("a store that can be read").locked_out;
            prop_assert!(keys.contains(&identity), "it was forgotten\n{}", bench.shown());
            let found = in_again(&mut bench, &keys);
            prop_assert!(found.is_empty(), "{found:?} are in\n{}\n{}", texts(&bench.files), bench.shown());
        }
        // A line that was said before counts once somebody says that it does.
        if said {
            let (key, at) = (bench.names.text(identity).to_owned(), bench.at());
            bench.store.note_lock_outs(&[(&key, LockOutNote::Decided)], at).expect("a store");
            let live = bench.live().expect("a store that can be read");
            let others: Vec<String> =
                live.waiting_lock_outs.iter().map(|&key| bench.names.text(key).to_owned()).collect();
            let notes: Vec<_> = others.iter().map(|key| (key.as_str(), LockOutNote::Decided)).collect();
            bench.store.note_lock_outs(&notes, at).expect("a store");
            let plan = bench.plan();
            let is_held =
                |obstacle: &Option<Obstacle>| matches!(obstacle, Some(Obstacle::LockedOut | Obstacle::LockedOutSince));
            let held = plan.deferred.iter().any(|one| one.waits_for == WaitsFor::Decision && is_held(&one.obstacle));
            prop_assert!(!held, "{:#?}\n{}", plan.deferred, texts(&bench.files));
            let_in.set(let_in.get() + 1);
        }
        Ok(())
    });
    assert!(locked.get() > 0, "these worlds lock nobody out");
    assert!(let_in.get() > 0 || super::cases() < 60, "these worlds let nobody in again");
}
