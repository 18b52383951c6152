//! The sums of people against a reckoning of its own: who may reach what before the plan, and after all of it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rollcall::plan::{ImpactCourse, PeopleDocument, PersonImpactDocument, PlanDocument};
use serde_json::Value as Json;

use super::naive::{NaiveRole, NaiveStore, NaiveUser};
use super::planner::{actions, cases, run};
use crate::support::plans::usual_limits;
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

/// Who reaches what, on one side of a plan.
struct Side<'a> {
    store: &'a NaiveStore,
    reached: Reached,
}

/// By place: the names of the roles there.
type Places = BTreeMap<(String, String), BTreeSet<String>>;

impl Side<'_> {
    fn places(&self) -> Places {
        let named = |(place, roles): (&(String, String), &BTreeSet<Option<String>>)| {
            let extra = self.reached.extra.iter().filter(|(of, _)| (of, "") == (&place.0, place.1.as_str()));
            (place.clone(), roles.iter().flatten().chain(extra.map(|(_, role)| role)).cloned().collect())
        };
        self.reached.main.iter().map(named).collect()
    }
}

/// What the document says of one person on one side, place by place; only where it says that something is otherwise.
fn told(person: &PersonImpactDocument, store: &NaiveStore, is_after: bool) -> Places {
    let mut places = Places::new();
    for one in &person.organizations {
        let organization = one.organization.as_deref().map(without_new).unwrap_or_default();
        for place in &one.places {
            let Some(roles) = (if is_after { &place.after } else { &place.before }) else { continue };
            let sites: Vec<String> = match &place.sites {
                None => vec![String::new()],
                Some(_) if place.every_site => store.organizations[&organization].iter().cloned().collect(),
                Some(sites) => sites.iter().map(|site| without_new(site)).collect(),
            };
            assert_eq!(sites.len(), place.count as usize, "{person:?}");
            let roles: BTreeSet<String> = roles.iter().map(|role| without_new(role)).collect();
            places.extend(sites.into_iter().map(|site| ((organization.clone(), site), roles.clone())));
        }
    }
    places
}

/// Who reaches what afterwards that they did not before, and the other way round, against what the plan says.
fn impact_agrees(document: &PlanDocument, before: &NaiveStore, after: &NaiveStore) -> Result<(), TestCaseError> {
    let mut shifts: BTreeMap<(String, String), [u32; 2]> = BTreeMap::new();
    let of_person: BTreeMap<String, &PersonImpactDocument> =
        document.impact.people.iter().map(|person| (without_new(&person.user), person)).collect();
    prop_assert_eq!(of_person.len(), document.impact.people.len());
    let is_in = |user: &&NaiveUser| !["inactive", "closed"].contains(&user.status.as_str());
    for key in before.users.keys().chain(after.users.keys()).collect::<BTreeSet<_>>() {
        let person = of_person.get(key);
        let course = person.map_or(ImpactCourse::Stays, |person| person.course);
        let (was, is) = (before.users.get(key).filter(is_in), after.users.get(key).filter(is_in));
        let today = match was {
            Some(was) if was.status == "preloaded" && course == ImpactCourse::Stays => after,
            _ => before,
        };
        let side = |store, user: Option<&NaiveUser>| Side {
            store,
            reached: user.map(|user| reached(store, user)).unwrap_or_default(),
        };
        // Who joins could reach nothing, and who leaves can not any more.
        let from = side(today, was.filter(|_| course != ImpactCourse::Joins));
        let to = side(after, is.filter(|_| course != ImpactCourse::Leaves));
        let (then, now) = (from.places(), to.places());
        let (said_then, said_now) = match person {
            Some(person) => (told(person, from.store, false), told(person, to.store, true)),
            None => Default::default(),
        };
        for (said, real) in [(&said_then, &then), (&said_now, &now)] {
            prop_assert!(said.iter().all(|(place, roles)| real.get(place) == Some(roles)), "{key}: {said:?} {real:?}");
        }
        let missing = |of: &Places, other: &Places| -> BTreeSet<(String, String)> {
            of.keys().filter(|place| !other.contains_key(*place)).cloned().collect()
        };
        prop_assert_eq!(missing(&said_now, &said_then), missing(&now, &then), "{} gains", key);
        prop_assert_eq!(missing(&said_then, &said_now), missing(&then, &now), "{} loses", key);
        let fares = person.map_or((false, false), |person| (person.gains, person.loses));
        match course {
            ImpactCourse::Joins => prop_assert_eq!(fares, (true, false)),
            ImpactCourse::Leaves => prop_assert_eq!(fares, (false, true)),
            ImpactCourse::Stays => {
                let gains = gains((today, &from.reached), (after, &to.reached));
                prop_assert_eq!(fares, (gains, has_more((after, &to.reached), (today, &from.reached))), "{}", key);
            }
        }
        for (one, other, column) in [(&now, &then, 0), (&then, &now, 1)] {
            let places: BTreeSet<_> = other.keys().map(|(organization, _)| organization).collect();
            let new: BTreeSet<_> = one.keys().map(|(organization, _)| organization).collect();
            for organization in new.difference(&places) {
                shifts.entry(((*organization).clone(), String::new())).or_default()[column] += 1;
            }
            for site in missing(one, other).into_iter().filter(|(_, site)| !site.is_empty()) {
                shifts.entry(site).or_default()[column] += 1;
            }
        }
    }
    let place = |text: &Option<String>| text.as_deref().map(without_new).unwrap_or_default();
    let told: BTreeMap<(String, String), [u32; 2]> = document
        .impact
        .places
        .iter()
        .map(|one| ((place(&one.organization), place(&one.site)), [one.enter, one.exit]))
        .filter(|(_, counts)| *counts != [0, 0])
        .collect();
    prop_assert_eq!(told, shifts);
    Ok(())
}

/// The sums of people and of guards are those of the persons.
fn impact_adds_up(document: &PlanDocument, before: &NaiveStore) -> Result<(), TestCaseError> {
    let people = &document.impact.people;
    let count = |is_one: &dyn Fn(&PersonImpactDocument) -> bool| {
        u32::try_from(people.iter().filter(|person| is_one(person)).count()).unwrap_or(u32::MAX)
    };
    let course = |course| count(&|person| person.course == course);
    let stays = |person: &PersonImpactDocument| person.course == ImpactCourse::Stays;
    let sums = PeopleDocument {
        join: course(ImpactCourse::Joins),
        leave: course(ImpactCourse::Leaves),
        gain: count(&|person| stays(person) && person.gains),
        lose: count(&|person| stays(person) && person.loses),
    };
    prop_assert_eq!(&sums, &document.summary.people);
    let guard = |name: &str| document.guards.iter().find(|told| told.name == name && told.organization.is_none());
    let is_counted = |person: &PersonImpactDocument| {
        let user = before.users.get(&without_new(&person.user));
        user.is_some_and(|user| ["active", "invited"].contains(&user.status.as_str()))
    };
    // Who has moved is shown, and not counted.
    let losers = count(&|person| person.loses && is_counted(person));
    prop_assert!(guard("removals").is_none_or(|told| told.count <= losers));
    for (name, count) in [("escalations", document.impact.escalations), ("mails", document.impact.mails)] {
        prop_assert!(guard(name).is_none_or(|told| told.count == count), "{name} {count}");
    }
    prop_assert_eq!(document.impact.escalations, count(&|person| person.escalation));
    Ok(())
}

fn sums_agree(world: &World) -> Result<(), TestCaseError> {
    let document = world.judged(&usual_limits());
    let actions = actions(&document);
    let after = run(&world.live, actions.iter()).map_err(TestCaseError::fail)?;
    let people = &document.summary.people;
    let told = [people.join, people.leave, people.gain, people.lose];
    let ids: Vec<&String> = document.actions.iter().map(|action| &action.id).collect();
    prop_assert_eq!(told, reckoned(&world.live.plain(), &after.plain(), &actions), "{:#?}", ids);
    impact_agrees(&document, &world.live.plain(), &after.plain())?;
    impact_adds_up(&document, &world.live.plain())?;
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
