//! Worlds that are generated: few people, often close to what is declared for them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rollcall::model::{DeclaredStatus, LeftAlone};
use rollcall::plan::Scope;

use super::super::naive::{Bounds, NaiveAccess, NaiveMembership, NaiveStore, NaiveUser};
use super::{NaiveDeclared, ORGANIZATIONS, ROLES, SITES, USERS, World, roles};
use crate::support::turnover::Turnover;

fn access(organizations: usize) -> impl Strategy<Value = NaiveAccess> {
    let membership = (0..4_usize, prop::option::weighted(0.2, 0..4_usize), prop::option::weighted(0.2, 0..2_usize));
    let place = prop::option::weighted(0.6, (membership, prop::collection::vec(prop::bool::ANY, 2)));
    prop::collection::vec(place, organizations).prop_map(|places| {
        let mut access = NaiveAccess::default();
        for (organization, place) in ORGANIZATIONS.iter().zip(places) {
            let Some(((role, extra, default_site), granted)) = place else { continue };
            let (role, _, _, all_sites) = ROLES[role];
            for (site, is_granted) in SITES.iter().zip(&granted) {
                if *is_granted && !all_sites {
                    access.grants.insert(((*organization).to_owned(), (*site).to_owned()), None);
                }
            }
            let default_site = default_site.filter(|&at| granted[at] || all_sites).map(|at| SITES[at].to_owned());
            let extra = extra.map(|at| ROLES[at].0.to_owned()).into_iter().collect();
            let membership = NaiveMembership { role: Some(role.to_owned()), extra, default_site };
            access.memberships.insert((*organization).to_owned(), membership);
        }
        access
    })
}

fn live_user() -> impl Strategy<Value = NaiveUser> {
    let status = prop_oneof![6 => Just("active"), 2 => Just("inactive"), 1 => Just("invited"), 1 => Just("preloaded")];
    (status, prop::option::of(Just("Ann".to_owned())), access(2)).prop_map(|(status, given_name, access)| NaiveUser {
        status: status.to_owned(),
        given_name,
        access,
    })
}

fn declared_user() -> impl Strategy<Value = NaiveDeclared> {
    let status = prop_oneof![
        6 => Just(None),
        2 => Just(Some(DeclaredStatus::Active)),
        1 => Just(Some(DeclaredStatus::Inactive)),
        1 => Just(Some(DeclaredStatus::Absent)),
    ];
    (status, prop::option::of(Just("Ann".to_owned())), access(3), left())
        .prop_map(|(status, given_name, access, left)| NaiveDeclared { status, given_name, access, left })
}

/// What a user leaves to others, by organization.
fn left() -> impl Strategy<Value = BTreeMap<String, LeftAlone>> {
    let some = |role, extra_roles, sites| LeftAlone { membership: false, role, extra_roles, sites };
    let left = prop_oneof![
        12 => Just(LeftAlone::NOTHING),
        1 => Just(LeftAlone::MEMBERSHIP),
        1 => Just(some(true, false, false)),
        1 => Just(some(false, true, false)),
        1 => Just(some(false, false, true)),
        1 => Just(some(true, true, true)),
    ];
    prop::collection::vec(left, ORGANIZATIONS.len()).prop_map(|left| {
        let named = ORGANIZATIONS.into_iter().map(str::to_owned).zip(left);
        named.filter(|(_, left)| left.any()).collect()
    })
}

/// Worlds in which nothing is renamed or has a tombstone.
pub(in super::super) fn worlds() -> impl Strategy<Value = World> {
    any_worlds().prop_map(|mut world| {
        let absent = world.declared.values_mut().filter(|user| user.status == Some(DeclaredStatus::Absent));
        absent.for_each(|user| user.status = Some(DeclaredStatus::Inactive));
        world
    })
}

/// Worlds of up to six people, two live organizations and a third that is only declared. A declared user is often
/// close to the live one, so that plans stay small.
pub(super) fn any_worlds() -> impl Strategy<Value = World> {
    let people = prop::collection::vec(
        (prop::option::weighted(0.8, live_user()), prop::option::weighted(0.8, declared_user()), 0..3_u8),
        USERS.len(),
    );
    let numbers = (prop::option::weighted(0.7, 1..6_usize), 0..3_usize, prop::option::of(0..6_usize), 0..12_usize);
    let switches = prop::collection::vec(prop::bool::weighted(0.4), 12);
    (people, numbers, switches).prop_map(|(people, (seats, min_admins, own, protected), on)| {
        let catalog = |count: usize| -> BTreeMap<String, BTreeSet<String>> {
            let sites = || SITES.iter().map(|site| (*site).to_owned()).collect();
            ORGANIZATIONS.iter().take(count).map(|name| ((*name).to_owned(), sites())).collect()
        };
        let mut users = BTreeMap::new();
        let mut declared = BTreeMap::new();
        for (key, (live, desired, closeness)) in USERS.iter().zip(people) {
            let key = format!("{key}@example.com");
            let desired = desired.map(|mut desired| {
                if let Some(live) = live.as_ref().filter(|_| closeness > 0) {
                    desired.access = live.access.clone();
                    if closeness == 2 {
                        desired.access.memberships.remove("south");
                        desired.access.grants.retain(|(organization, _), _| organization != "south");
                    }
                }
                desired
            });
            users.extend(live.map(|live| (key.clone(), live)));
            declared.extend(desired.map(|desired| (key, desired)));
        }
        let key = |at: usize| format!("{}@example.com", USERS[at]);
        World {
            live: NaiveStore {
                loses: (on[9] && on[6], on[10] && on[6]),
                organizations: catalog(2),
                roles: roles(on[0] && on[1]),
                users,
            },
            organizations: catalog(3),
            roles: roles(on[1] && on[2]),
            declared,
            invites: on[3],
            carries_one: on[4],
            cancels: !on[5],
            pending_takes: on[6],
            inactive_takes: !on[7],
            strips: on[8],
            reports_absent: on[0] && on[8],
            brings_roles: on[11],
            has_grace: false,
            ends: None,
            turnover: Turnover::default(),
            scope: Scope::ALL,
            leavers: BTreeSet::new(),
            is_partial: false,
            bounds: Bounds {
                seats,
                min_admins,
                own: own.map(key),
                protected: Some(protected).filter(|&at| at < USERS.len()).map(key).into_iter().collect(),
            },
        }
    })
}
