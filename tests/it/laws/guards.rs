//! Guards against a recount of their own: who of a store of maps has less after all actions of a plan, as JSON.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rollcall::guard::{Guard, Refused, Waived, Waiver, check, judge};
use rollcall::settings::{CountLimit, Guards, RemovalLimit};
use serde_json::Value as Json;

use super::naive::{NaiveStore, NaiveUser};
use super::people::{Reached, has_more, reached};
use super::planner::{actions, cases, run};
use super::world::{World, worlds};
use crate::support::plans::{Draft, usual_limits, without_policies};

/// People, losers, and active people before and after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    people: u32,
    lose: u32,
    active: u32,
    left: u32,
}

fn places(user: &NaiveUser) -> BTreeSet<String> {
    let granted = user.access.grants.keys().map(|(organization, _)| organization);
    user.access.memberships.keys().chain(granted).cloned().collect()
}

fn within(reached: &Reached, organization: &str) -> Reached {
    let main = reached.main.iter().filter(|((place, _), _)| place == organization);
    let extra = reached.extra.iter().filter(|(place, _)| place == organization);
    Reached {
        main: main.map(|(place, roles)| (place.clone(), roles.clone())).collect(),
        extra: extra.cloned().collect(),
    }
}

/// Whether all that is lost here are sites, and as many others come.
fn moves(from: (&NaiveStore, &Reached), to: (&NaiveStore, &Reached)) -> bool {
    let sites = |of: &Reached, other: &Reached| {
        let new = of.main.keys().filter(|place| !other.main.contains_key(*place));
        new.cloned().collect::<BTreeSet<_>>()
    };
    let (lost, gained) = (sites(from.1, to.1), sites(to.1, from.1));
    let stays = from.1.main.iter().filter(|(place, _)| !lost.contains(*place));
    let stays = Reached {
        main: stays.map(|(place, roles)| (place.clone(), roles.clone())).collect(),
        extra: from.1.extra.clone(),
    };
    let gained = gained.iter().filter(|(_, site)| !site.is_empty()).count();
    lost.iter().all(|(_, site)| !site.is_empty()) && gained >= lost.len() && !has_more(to, (from.0, &stays))
}

/// By organization, and of the store under the empty name.
fn recount(before: &NaiveStore, after: &NaiveStore, actions: &[Json]) -> BTreeMap<String, Count> {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let stripped =
        |key: &String| actions.iter().any(|action| action["action"] == "strip_user" && action["user"] == **key);
    let is_gone = |key: &String| after.users.get(key).is_none_or(|is| is.status == "inactive") || stripped(key);
    for (key, was) in before.users.iter().filter(|(_, was)| ["active", "invited"].contains(&was.status.as_str())) {
        let mut loses_somewhere = is_gone(key);
        for place in places(was) {
            let count = counts.entry(place.clone()).or_default();
            count.people += 1;
            let loses = is_gone(key) || {
                let then = within(&reached(before, was), &place);
                let now = within(&reached(after, &after.users[key]), &place);
                has_more((after, &now), (before, &then)) && !moves((before, &then), (after, &now))
            };
            count.lose += u32::from(loses);
            loses_somewhere |= loses;
        }
        let store = counts.entry(String::new()).or_default();
        store.people += 1;
        store.lose += u32::from(loses_somewhere);
    }
    for (store, is_after) in [(before, false), (after, true)] {
        for (_, user) in
            store.users.iter().filter(|(key, user)| user.status == "active" && !(is_after && stripped(key)))
        {
            for place in places(user).into_iter().chain([String::new()]) {
                let count = counts.entry(place).or_default();
                *(if is_after { &mut count.left } else { &mut count.active }) += 1;
            }
        }
    }
    counts
}

fn guards_agree(world: &World, limits: &Guards) -> Result<(), TestCaseError> {
    let document = world.judged(limits);
    let actions = actions(&document);
    let after = run(&world.live, actions.iter()).map_err(TestCaseError::fail)?;
    let counts = recount(&world.live, &after, &actions);
    for (place, count) in &counts {
        let RemovalLimit { max_percent, min_count } = limits.removals;
        let limit = (count.people * max_percent / 100).max(min_count.min(count.people.div_ceil(2)));
        let is_emptied = count.active > 0 && count.left == 0;
        let organization = Some(place.clone()).filter(|place| !place.is_empty());
        let told = document.guards.iter().find(|told| told.name == "removals" && told.organization == organization);
        let refused = count.lose > limit || is_emptied;
        match told {
            Some(told) => prop_assert_eq!(
                (told.count, told.limit, told.refused),
                (count.lose, limit, refused),
                "{:?} {:?}",
                place,
                count
            ),
            None => prop_assert!(count.lose == 0 && !refused, "{:?} {:?}", place, count),
        }
    }
    let is_known = |name: &Option<String>| name.as_ref().is_none_or(|name| counts.contains_key(name));
    prop_assert!(document.guards.iter().all(|told| is_known(&told.organization)));
    let invited: BTreeSet<&str> = actions
        .iter()
        .filter(|action| match action["action"].as_str() {
            Some("invite_user") => action["after"]["status"] == "invited",
            kind => kind == Some("send_invitation"),
        })
        .filter_map(|action| action["user"].as_str())
        .collect();
    let has_risk = |action: &&Json, risk: &str| action["risk"].as_array().expect("risks").iter().any(|has| has == risk);
    let mut escalated: BTreeSet<&str> = BTreeSet::new();
    for action in actions.iter().filter(|action| has_risk(action, "escalation")) {
        escalated.extend(action["user"].as_str());
        let affected = document.affected.iter().filter(|one| action["id"] == one.action.as_str());
        escalated.extend(affected.flat_map(|one| &one.gain).map(String::as_str));
    }
    let mails = actions.iter().filter(|action| has_risk(action, "mail")).count();
    for (name, count, most) in [
        ("invitations", invited.len(), limits.invitations.max_count),
        ("escalations", escalated.len(), limits.escalations.max_count),
        ("mails", mails, limits.mails.max_count),
        ("deletions", 0, limits.deletions.max_count),
    ] {
        let told = document.guards.iter().find(|told| told.name == name).expect("every guard tells");
        prop_assert_eq!(
            (told.count as usize, told.limit, told.refused),
            (count, most, count > most as usize),
            "{}",
            name
        );
    }
    Ok(())
}

#[test]
fn no_plan_passes_in_which_more_than_the_limit_lose() {
    let mut runner = TestRunner::new(Config { cases: cases(), ..Config::default() });
    let limits =
        (0..=100_u32, 0..5_u32, prop::collection::vec(0..5_u32, 4)).prop_map(|(max_percent, min_count, most)| {
            let most = |at: usize| CountLimit { max_count: most[at] };
            Guards {
                removals: RemovalLimit { max_percent, min_count },
                invitations: most(0),
                escalations: most(1),
                mails: most(2),
                deletions: most(3),
                ..usual_limits()
            }
        });
    runner.run(&(worlds(), limits), |(world, limits)| guards_agree(&world, &limits)).expect("the guards agree");
}

#[test]
fn one_deletion_is_too_many_unless_it_is_waived_for_this_plan() {
    let mut plan = Draft::default().plan();
    plan.census.deletions = 1;
    let limits = usual_limits();
    let rulings = judge(&plan, &limits, &[]);
    let refused: Vec<Guard> = rulings.iter().filter(|one| one.is_refused()).map(|one| one.guard).collect();
    assert_eq!(refused, [Guard::Deletions]);
    let waiver = |guard, digest: &str| Waiver { waived: Waived::Guard(guard), digest: digest.to_owned() };
    for guard in [Guard::Removals, Guard::Invitations, Guard::Escalations, Guard::Mails, Guard::MinAdmins] {
        let waivers = [waiver(guard, &plan.digest)];
        assert!(
            matches!(check(plan.clone(), &limits, without_policies(&plan), &waivers), Err(Refused::ByGuard { .. })),
            "{guard:?}"
        );
    }
    let waivers = [waiver(Guard::Deletions, &plan.digest)];
    assert!(check(plan.clone(), &limits, without_policies(&plan), &waivers).is_ok());
    let waivers = [waiver(Guard::Deletions, &plan.digest.replace('0', "1"))];
    let verdicts = without_policies(&plan);
    assert!(matches!(check(plan, &limits, verdicts, &waivers), Err(Refused::Stale { .. })));
}
