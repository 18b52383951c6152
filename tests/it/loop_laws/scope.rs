//! Laws 1 and 4 in the loop with generated scopes, and that what is left to others (`unmanaged`) stays as it was: judged
//! by what the store shows before and after, on the embedded store and on the oracle.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use rollcall::model::{Grant, LeftAlone, LiveState, LiveView, Membership, Names};
use rollcall::store::Writer;

use super::bench::{Answers, Bench, memory, sqlite};
use super::world::{World, scopes};
use super::{for_worlds, import_changes_nothing, settle};
use crate::support::show::show;

/// An account by its key.
pub(super) fn account<'a>(names: &Names, live: &'a LiveState, key: &str) -> Option<LiveView<'a>> {
    names.find(key).and_then(|key| live.find(key))
}

fn place(names: &Names, account: &LiveView<'_>, organization: &str) -> (Option<Membership>, Vec<Grant>) {
    let Some(organization) = names.find(organization) else { return (None, Vec::new()) };
    (account.membership(organization).copied(), account.grants_in(organization).copied().collect())
}

pub(super) fn is_left_alone(names: &Names, world: &World, before: &LiveState, after: &LiveState) -> TestCaseResult {
    for (key, organization, left) in world.left_to_others() {
        let Some(was) = account(names, before, &key) else { continue };
        let is = account(names, after, &key);
        let (had, old_grants) = place(names, &was, organization);
        // An invitation may go, and another one not go out for now, if nothing is lost by that.
        let (has, new_grants) = is.map_or((None, Vec::new()), |is| place(names, &is, organization));
        let told = || format!("{key} in {organization}: {had:?} {old_grants:?} became {has:?} {new_grants:?}");
        let LeftAlone { membership, role, extra_roles, sites } = left;
        if membership {
            prop_assert!(had == has && old_grants == new_grants, "{}", told());
            continue;
        }
        let Some(had) = had else { continue };
        // An organization out of scope is nobody's to change, and is judged with the scope.
        let Some(has) = has else {
            return Err(TestCaseError::fail(told()));
        };
        prop_assert!(!role || had.role == has.role, "{}", told());
        prop_assert!(!extra_roles || had.extra_roles == has.extra_roles, "{}", told());
        prop_assert!(!sites || old_grants == new_grants, "{}", told());
        // What only the former role reached can't stay preselected.
        let is_same = had.default_site == has.default_site;
        let is_reached_only = old_grants.iter().all(|grant| Some(grant.site) != had.default_site);
        prop_assert!(!sites || is_same || (has.default_site.is_none() && is_reached_only), "{}", told());
    }
    Ok(())
}

/// The lines that show the catalog, of these kinds.
fn catalog(shown: &str, is_meant: impl Fn(&str, &str) -> bool) -> Vec<&str> {
    let words = |line: &str| {
        let mut words = line.split(' ');
        (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned())
    };
    let is_it = |line: &&str| {
        let (kind, name) = words(line);
        is_meant(&kind, &name)
    };
    shown.lines().filter(is_it).collect()
}

fn is_catalog_kept(world: &World, before: &str, after: &str) -> TestCaseResult {
    let is_catalog = |kind: &str| ["organization", "site", "role"].contains(&kind);
    if world.is_catalog_given() {
        let all = |shown| catalog(shown, |kind, _| is_catalog(kind));
        prop_assert_eq!(all(before), all(after));
    }
    let outside = |shown| {
        catalog(shown, |kind, name| {
            let organization = name.split('/').next().unwrap_or_default();
            (kind == "organization" || kind == "site") && !world.is_in_scope(organization)
        })
    };
    prop_assert_eq!(outside(before), outside(after));
    if world.has_list() {
        let after = catalog(after, |kind, _| kind == "role");
        for role in catalog(before, |kind, _| kind == "role") {
            prop_assert!(after.contains(&role), "{} was changed: {:?}", role, after);
        }
    }
    Ok(())
}

/// What an account has in organizations that are not managed.
fn outside(names: &Names, world: &World, account: &LiveView<'_>) -> (Vec<Membership>, Vec<Grant>) {
    let is_out = |organization| !world.is_in_scope(names.text(organization));
    let memberships = account.memberships.iter().filter(|one| is_out(one.organization)).copied().collect();
    (memberships, account.grants.iter().filter(|one| is_out(one.organization)).copied().collect())
}

/// Law 4, as the store shows it.
pub(super) fn is_scope_kept(names: &Names, world: &World, before: &LiveState, after: &LiveState) -> TestCaseResult {
    is_catalog_kept(world, &show(before, names), &show(after, names))?;
    if world.leaves_accounts() {
        prop_assert_eq!(before.len(), after.len(), "an account was made or ended");
    }
    for was in before.users() {
        let key = was.key_text(names);
        let old = outside(names, world, &was);
        let (is_named, is_declared_inactive) = world.names(key);
        let is_elsewhere = !old.0.is_empty() || !old.1.is_empty();
        // Said in as many words, and all organizations are managed: then the account ends wherever it belongs.
        let is_explicit = !world.has_list() && !world.leaves_accounts() && is_named;
        let Some(is) = account(names, after, key) else {
            prop_assert!(!world.leaves_accounts() && (!is_elsewhere || is_explicit), "{} is gone", key);
            continue;
        };
        let is_same =
            (was.status, was.facts, was.memberships, was.grants) == (is.status, is.facts, is.memberships, is.grants);
        prop_assert!(is_same || is_named || !world.reports_absent(), "{} is reported and was touched", key);
        let new = outside(names, world, &is);
        prop_assert!(
            old == new || (is_explicit && is_declared_inactive),
            "{} had {:?} outside of the scope, and has {:?}",
            key,
            old,
            new
        );
        prop_assert!(!world.leaves_accounts() || (was.status, was.facts) == (is.status, is.facts), "{}", key);
        prop_assert!(!is_elsewhere || is_explicit || was.status == is.status, "{} belongs elsewhere", key);
    }
    Ok(())
}

/// Applies, lets everybody accept, applies again; whatever is not to be touched is compared at each step.
fn keeps<S: Writer + Answers + Send>(world: &World, store: S) -> Result<Vec<String>, TestCaseError> {
    let mut bench = Bench::new(world, store);
    let mut shown = vec![bench.shown()];
    import_changes_nothing(&mut bench)?;
    for _ in 0..2 {
        let before = bench.live().expect("a store that can be read");
        settle(&mut bench)?;
        let after = bench.live().expect("a store that can be read");
        is_scope_kept(&bench.names, world, &before, &after)?;
        is_left_alone(&bench.names, world, &before, &after)?;
        import_changes_nothing(&mut bench)?;
        shown.push(bench.shown());
        bench.everybody_accepts();
    }
    bench.verify_journal();
    Ok(shown)
}

#[test]
fn nothing_outside_of_a_scope_is_touched_and_then_nothing_is_left_to_do() {
    let seen = std::cell::RefCell::new(BTreeMap::<(bool, bool), usize>::new());
    for_worlds(scopes(), |world, scope| {
        let world = world.scoped(&scope);
        *seen.borrow_mut().entry((world.has_list(), world.leaves_accounts())).or_default() += 1;
        let (store, _folder) = sqlite(&world);
        let embedded = keeps(&world, store)?;
        prop_assert_eq!(embedded, keeps(&world, memory(&world))?);
        Ok(())
    });
    assert_eq!(seen.into_inner().len(), 4, "every kind of scope is met");
}

#[test]
fn what_is_left_to_others_stays_as_it_was() {
    let parts = std::cell::Cell::new(0);
    for_worlds(Just(()), |world, ()| {
        let world = world.without_turnover();
        parts.set(parts.get() + world.left_to_others().len());
        let (store, _folder) = sqlite(&world);
        let mut bench = Bench::new(&world, store);
        for _ in 0..2 {
            let before = bench.live().expect("a store that can be read");
            settle(&mut bench)?;
            let after = bench.live().expect("a store that can be read");
            is_left_alone(&bench.names, &world, &before, &after)?;
            bench.everybody_accepts();
        }
        Ok(())
    });
    assert!(parts.get() > 0, "these worlds leave nothing to others");
}
