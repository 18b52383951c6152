//! The sums of people against a reckoning of its own: who may reach what before the plan, and after all of it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value as Json;

use super::naive::{NaiveRole, NaiveStore, NaiveUser};
use super::planner::{actions, cases, run};
use crate::support::turnover::without_new;

use super::world::{World, turned_worlds};

/// Roles by organization and site; of a membership the main one and others apart.
#[derive(Default)]
pub(super) struct Reached {
    pub(super) main: BTreeMap<(String, String), BTreeSet<Option<String>>>,
    pub(super) extra: BTreeSet<(String, String)>,
}

pub(super) fn reached(store: &NaiveStore, user: &NaiveUser) -> Reached {
    let mut reached = Reached::default();
    for (organization, membership) in &user.access.memberships {
        reached.main.entry((organization.clone(), String::new())).or_default().insert(membership.role.clone());
        reached.extra.extend(membership.extra.iter().map(|role| (organization.clone(), role.clone())));
        if membership.role.as_ref().is_some_and(|role| role_of(store, role).all_sites) {
            for site in store.organizations.get(organization).into_iter().flatten() {
                reached.main.entry((organization.clone(), site.clone())).or_default().insert(None);
            }
        }
    }
    for (place, role) in &user.access.grants {
        reached.main.entry(place.clone()).or_default().insert(role.clone());
    }
    reached
}

/// The role with this name; one that is gone gives nothing.
fn role_of(store: &NaiveStore, name: &str) -> NaiveRole {
    store.roles.get(name).cloned().unwrap_or_default()
}

/// Whether a role of one store gives something that a role of another does not.
fn is_more(from: (&NaiveStore, &Option<String>), to: (&NaiveStore, &Option<String>)) -> bool {
    let (Some(to_name), from_name) = (to.1, from.1) else { return false };
    let Some(from_name) = from_name else { return true };
    let (from, to) = (role_of(from.0, from_name), role_of(to.0, to_name));
    let by_rank = if from_name == to_name {
        to.rank > from.rank
    } else {
        from.rank.is_none() || to.rank.is_none() || to.rank >= from.rank
    };
    by_rank || (to.admin && !from.admin) || (to.all_sites && !from.all_sites)
}

pub(super) fn has_more(from: (&NaiveStore, &Reached), to: (&NaiveStore, &Reached)) -> bool {
    has_more_by(from, to, |had, role| is_more((from.0, had), (to.0, role)))
}

/// Whether more is reached than before: also more than the role of before gives as it will be, if it is there by then.
fn gains(from: (&NaiveStore, &Reached), to: (&NaiveStore, &Reached)) -> bool {
    has_more_by(from, to, |had, role| {
        let is_there = had.as_ref().is_some_and(|had| to.0.roles.contains_key(had));
        is_more((from.0, had), (to.0, role)) || (is_there && is_more((to.0, had), (to.0, role)))
    })
}

fn has_more_by(
    from: (&NaiveStore, &Reached),
    to: (&NaiveStore, &Reached),
    is_role_more: impl Fn(&Option<String>, &Option<String>) -> bool,
) -> bool {
    let is_new = |place: &(String, String), role: &Option<String>| {
        let had = from.1.main.get(place);
        !had.into_iter().flatten().any(|had| !is_role_more(had, role))
    };
    to.1.main.iter().any(|(place, roles)| roles.iter().any(|role| is_new(place, role)))
        || to.1.extra.iter().any(|extra| {
            let role = Some(extra.1.clone());
            !from.1.extra.contains(extra) || is_more((from.0, &role), (to.0, &role))
        })
}

/// `join`, `leave`, `gain`, `lose`.
fn reckoned(before: &NaiveStore, after: &NaiveStore, actions: &[Json]) -> [u32; 4] {
    let mut sums = [0; 4];
    let keys: BTreeSet<&String> = before.users.keys().chain(after.users.keys()).collect();
    let is_in = |user: &&NaiveUser| !["inactive", "closed"].contains(&user.status.as_str());
    for key in keys {
        let is_any = |kinds: &[&str]| {
            let is_its = |action: &&Json| action["user"].as_str().map(without_new).as_ref() == Some(key);
            actions.iter().filter(is_its).any(|action| kinds.contains(&action["action"].as_str().unwrap_or_default()))
        };
        let (is_stripped, is_ended) = (is_any(&["strip_user"]), is_any(&["delete_user", "close_user"]));
        let (was, is) = (before.users.get(key).filter(is_in), after.users.get(key).filter(is_in));
        match (was, is) {
            // The end of an account is one more than its deactivation.
            (None, None) => sums[1] += u32::from(is_ended),
            (Some(_), Some(_)) if is_stripped => sums[1] += 1,
            (Some(_), None) => sums[1] += 1,
            (None, Some(_)) => sums[0] += 1,
            (Some(was), Some(is)) if was.status == "preloaded" && is.status == "invited" => sums[0] += 1,
            (Some(was), Some(is)) => {
                // What was not offered yet opens in the catalog of then.
                let today = if was.status == "preloaded" { after } else { before };
                let (was, is) = (reached(today, was), reached(after, is));
                sums[2] += u32::from(gains((today, &was), (after, &is)));
                sums[3] += u32::from(has_more((after, &is), (today, &was)));
            }
        }
    }
    sums
}

fn sums_agree(world: &World) -> Result<(), TestCaseError> {
    let document = world.plan(&world.live, 0);
    let actions = actions(&document);
    let after = run(&world.live, actions.iter()).map_err(TestCaseError::fail)?;
    let people = &document.summary.people;
    let told = [people.join, people.leave, people.gain, people.lose];
    let ids: Vec<&String> = document.actions.iter().map(|action| &action.id).collect();
    prop_assert_eq!(told, reckoned(&world.live.plain(), &after.plain(), &actions), "{:#?}", ids);
    // Whom a change of the catalog affects, the sums count.
    let gain: BTreeSet<&String> = document.affected.iter().flat_map(|one| &one.gain).collect();
    let lose: BTreeSet<&String> = document.affected.iter().flat_map(|one| &one.lose).collect();
    prop_assert!(gain.len() <= people.gain as usize && lose.len() <= people.lose as usize);
    Ok(())
}

#[test]
fn sums_of_people_are_who_reaches_what_before_and_after() {
    let mut runner = TestRunner::new(Config { cases: cases(), ..Config::default() });
    runner.run(&turned_worlds(), |world| sums_agree(&world)).expect("the sums agree");
}
