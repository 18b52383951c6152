//! Law 4 with generated scopes: nothing outside of the scope is touched, judged by comparing the store before and after.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rollcall::plan::Scope;

use super::naive::{NaiveStore, NaiveUser};
use super::planner::{actions, cases, run};
use super::world::{ORGANIZATIONS, USERS, World, worlds};

fn scopes() -> impl Strategy<Value = (Scope, Option<&'static str>, BTreeSet<&'static str>)> {
    let list = prop::option::weighted(0.7, prop::sample::subsequence(ORGANIZATIONS.to_vec(), 1..=2));
    let undeclared = prop::option::weighted(0.4, prop::sample::select(ORGANIZATIONS.to_vec()));
    let leavers = prop::sample::subsequence(USERS.to_vec(), 0..=3);
    (list, prop::bool::ANY, undeclared, leavers).prop_map(|(list, accounts, undeclared, leavers)| {
        let organizations = list.map(|list| list.into_iter().map(str::to_owned).collect::<BTreeSet<_>>());
        (Scope { organizations, accounts }, undeclared, leavers.into_iter().collect())
    })
}

/// What a user has outside of the scope.
fn outside(world: &World, user: &NaiveUser) -> NaiveUser {
    let mut user = user.clone();
    user.access.memberships.retain(|organization, _| !world.is_in_scope(organization));
    user.access.grants.retain(|(organization, _), _| !world.is_in_scope(organization));
    user
}

fn law_4(world: &World, after: &NaiveStore) -> Result<(), String> {
    let has_list = world.scope.organizations.is_some();
    let before = &world.live;
    for (key, was) in &before.users {
        let Some(is) = after.users.get(key) else {
            if !world.scope.accounts || !outside(world, was).access.memberships.is_empty() && has_list {
                return Err(format!("{key} is gone"));
            }
            continue;
        };
        // With a list, who neither has nor shall have a membership in it is out of scope, whoever names them.
        let is_inside = was.access.memberships.keys().any(|organization| world.is_in_scope(organization));
        if has_list && !is_inside && !world.is_given(key) && was != is {
            return Err(format!("{key} is out of scope and was touched: {was:?} → {is:?}"));
        }
        let (old, new) = (outside(world, was), outside(world, is));
        let (is_named, is_declared_inactive) = world.names(key);
        // Said in as many words, and all organizations are managed: then the account ends wherever it belongs.
        let is_explicit = !has_list && world.scope.accounts && is_named;
        if old.access != new.access && !(is_explicit && is_declared_inactive) {
            return Err(format!("{key} had {:?} outside of the scope, and has {:?}", old.access, new.access));
        }
        if !world.scope.accounts && (&was.status, &was.given_name) != (&is.status, &is.given_name) {
            return Err(format!("the account {key} was touched: {was:?} → {is:?}"));
        }
        if !old.access.memberships.is_empty() && !is_explicit && was.status != is.status {
            return Err(format!("{key} belongs elsewhere and is {} now", is.status));
        }
    }
    if !world.scope.accounts && after.users.len() != before.users.len() {
        return Err("an account was made or ended".to_owned());
    }
    for (organization, sites) in &before.organizations {
        if !world.is_in_scope(organization) && after.organizations.get(organization) != Some(sites) {
            return Err(format!("{organization} was touched"));
        }
    }
    if has_list && before.roles.iter().any(|(name, role)| after.roles.get(name) != Some(role)) {
        return Err("a role was changed".to_owned());
    }
    if after.organizations.keys().any(|name| !before.organizations.contains_key(name) && !world.is_in_scope(name)) {
        return Err("an organization out of scope was made".to_owned());
    }
    Ok(())
}

#[test]
fn nothing_outside_of_the_scope_is_touched() {
    let mut runner = TestRunner::new(Config { cases: cases(), ..Config::default() });
    let outcome = runner.run(&(worlds(), scopes()), |(world, (scope, undeclared, leavers))| {
        let world = world.scoped(scope, undeclared, leavers);
        let planned = actions(&world.plan(&world.live, 0));
        let after = run(&world.live, planned.iter()).map_err(TestCaseError::fail)?;
        law_4(&world, &after).map_err(|error| TestCaseError::fail(format!("law 4: {error}")))?;
        let again = world.plan(&after, 0);
        prop_assert!(again.actions.is_empty(), "law 1: {:?}", again.actions);
        Ok(())
    });
    outcome.expect("law 4 holds");
}

#[test]
fn from_a_partial_read_nothing_goes_and_nobody_comes() {
    let mut runner = TestRunner::new(Config { cases: cases() / 2, ..Config::default() });
    let outcome = runner.run(&(worlds(), scopes()), |(world, (scope, undeclared, leavers))| {
        let mut world = world.scoped(scope, undeclared, leavers);
        world.is_partial = true;
        let planned = actions(&world.plan(&world.live, 0));
        for action in &planned {
            let kind = action["action"].as_str().unwrap_or_default();
            let comes = ["invite_user", "create_user", "send_invitation", "resend_invitation", "reactivate_user"];
            let loses = action["risk"].as_array().expect("risks").iter().any(|risk| risk == "removal");
            prop_assert!(!loses && !comes.contains(&kind) && !kind.starts_with("create_"), "{}", action);
        }
        let after = run(&world.live, planned.iter()).map_err(TestCaseError::fail)?;
        law_4(&world, &after).map_err(|error| TestCaseError::fail(format!("law 4: {error}")))?;
        Ok(())
    });
    outcome.expect("law 4 holds for partial reads");
}
