//! Worlds in which things are renamed, and have tombstones.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rollcall::diagnostic::{FileId, Position};
use rollcall::model::{CatalogKey, Desired, Names};
use rollcall::rules::OffBoarding;

use super::grown::any_worlds;
use super::{ORGANIZATIONS, ROLES, SITES, USERS, World};
use crate::support::turnover::{self, turnover};

/// Everything that may get another name.
fn things() -> Vec<String> {
    let mut things: Vec<String> = USERS.iter().map(|user| turnover::user(&format!("{user}@example.com"))).collect();
    for organization in ORGANIZATIONS {
        things.push(turnover::organization(organization));
        things.extend(SITES.into_iter().map(|site| turnover::site(organization, site)));
    }
    things.extend(ROLES.into_iter().map(|(name, ..)| turnover::role(name)));
    things
}

/// Worlds in which things are renamed as well, and have tombstones.
pub(in super::super) fn turned_worlds() -> impl Strategy<Value = World> {
    let ends = prop::option::of(prop::sample::select(vec![OffBoarding::Delete, OffBoarding::Close]));
    (any_worlds(), turnover(things()), ends, prop::bool::ANY).prop_map(|(mut world, turnover, ends, has_grace)| {
        if turnover.organization_goes {
            world.organizations.remove("south");
        }
        if let Some(sites) = world.organizations.get_mut("north").filter(|_| turnover.site_goes) {
            sites.remove("pit-2");
        }
        if turnover.role_goes {
            world.roles.remove("viewer");
        }
        let (organizations, roles) = (world.organizations.clone(), world.roles.clone());
        for user in world.declared.values_mut() {
            let has_site = |place: &str, site: &str| organizations.get(place).is_some_and(|sites| sites.contains(site));
            user.access.memberships.retain(|place, _| organizations.contains_key(place));
            user.access.grants.retain(|(place, site), _| has_site(place, site));
            for (place, membership) in &mut user.access.memberships {
                membership.default_site = membership.default_site.take().filter(|site| has_site(place, site));
                membership.role = membership
                    .role
                    .take()
                    .map(|role| if roles.contains_key(&role) { role } else { "operator".to_owned() });
                membership.extra.retain(|role| roles.contains_key(role));
            }
        }
        let is_declared: BTreeSet<String> = world.declared.keys().cloned().collect();
        world.live = world.live.called(|kind, name| {
            let is_kept = kind == "user" && !is_declared.contains(name);
            if is_kept { name.to_owned() } else { turnover.live(&thing(kind, name), name) }
        });
        let of_settings = |key: &String| {
            let thing = turnover::user(key);
            let live = turnover.live(&thing, key);
            match (is_declared.contains(key), world.live.users.contains_key(&live)) {
                (false, _) => key.clone(),
                (true, true) => live,
                (true, false) => turnover.declared(&thing, key),
            }
        };
        world.bounds.own = world.bounds.own.as_ref().map(of_settings);
        world.bounds.protected = world.bounds.protected.iter().map(of_settings).collect();
        World { has_grace, ends, turnover, ..world }
    })
}

/// What a thing is called in a list of names.
pub(super) fn thing(kind: &str, name: &str) -> String {
    if kind.ends_with('/') { format!("{kind}{name}") } else { format!("{kind} {name}") }
}

impl World {
    /// What was declared is gone where there is turnover: under the name that it has.
    pub(super) fn tombstones(&self, names: &mut Names, desired: &mut Desired) {
        let position = Position::new(FileId(0), 5);
        let live =
            |names: &mut Names, kind: &str, name: &str| names.intern(&self.turnover.live(&thing(kind, name), name));
        if self.turnover.organization_goes {
            let organization = live(names, "organization", "south");
            desired.tombstones.insert(CatalogKey::Organization(organization), position);
        }
        if self.turnover.site_goes {
            let north = names.intern(&self.turnover.declared("organization north", "north"));
            let site = live(names, "site north/", "pit-2");
            desired.tombstones.insert(CatalogKey::Site(north, site), position);
        }
        if self.turnover.role_goes {
            let role = live(names, "role", "viewer");
            desired.tombstones.insert(CatalogKey::Role(role), position);
        }
    }
}
