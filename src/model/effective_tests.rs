//! Of the fold: pieces add up as the language says, whatever their order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Conflict, Effective, Piece, matches};
use crate::diagnostic::{FileId, Position};
use crate::model::{Catalog, LeftAlone, List, Name, Names, Organization, Role, Site, SiteAccess, Window};

/// Ranks of the roles `r0`, `r1`, …; the last reaches all sites.
const RANKS: [Option<i32>; 5] = [Some(1), Some(2), Some(2), None, Some(3)];

/// Organizations, sites and roles by number, of a small world.
struct World {
    names: Names,
    catalog: Catalog,
    organizations: Vec<Name>,
    sites: Vec<Name>,
    roles: Vec<Name>,
}

fn world() -> World {
    let mut names = Names::new();
    let mut catalog = Catalog::default();
    let organizations: Vec<Name> = (0..2).map(|number| names.intern(&format!("o{number}"))).collect();
    let sites: Vec<Name> = (0..2).map(|number| names.intern(&format!("s{number}"))).collect();
    let roles: Vec<Name> = (0..RANKS.len()).map(|number| names.intern(&format!("r{number}"))).collect();
    for &organization in &organizations {
        let sites = sites.iter().map(|&site| (site, Site::default())).collect();
        catalog.organizations.insert(organization, Organization { sites, ..Organization::default() });
    }
    for (&role, rank) in roles.iter().zip(RANKS) {
        catalog.roles.insert(role, Role { rank, ..Role::default() });
    }
    if let Some(role) = roles.last().and_then(|last| catalog.roles.get_mut(last)) {
        role.site_access = SiteAccess::All;
    }
    World { names, catalog, organizations, sites, roles }
}

fn piece(world: &World, organization: usize, site: Option<usize>, role: Option<usize>) -> Piece {
    let position = Position::new(FileId(0), 0);
    Piece {
        organization: world.organizations[organization],
        site: site.map(|site| world.sites[site]),
        role: role.map(|role| world.roles[role]),
        extra_roles: List::EMPTY,
        default_site: None,
        position,
        role_position: position,
        source: None,
        membership: site.is_none(),
        window: Window::ALWAYS,
        left_alone: LeftAlone::NOTHING,
        organization_pattern: None,
        site_pattern: None,
    }
}

/// The role of one place by the words of the language, in the plainest way; `Err` where roles contradict.
fn naive_role(world: &World, roles: &BTreeSet<Name>) -> Result<Option<Name>, ()> {
    let rank = |role: &Name| world.catalog.roles[role].rank;
    if roles.len() < 2 {
        return Ok(roles.first().copied());
    }
    if roles.iter().any(|role| rank(role).is_none()) {
        return Err(());
    }
    let highest = roles.iter().map(rank).max().flatten();
    let mut best = roles.iter().filter(|role| rank(role) == highest);
    match (best.next(), best.next()) {
        (Some(&role), None) => Ok(Some(role)),
        (Some(_) | None, _) => Err(()),
    }
}

proptest! {
    #[test]
    fn pieces_add_up_in_any_order_as_the_language_says(
        chosen in prop::collection::vec((0_usize..2, prop::option::of(0_usize..2), prop::option::of(0_usize..5)), 0..9),
    ) {
        let world = world();
        let mut pieces: Vec<Piece> =
            chosen.iter().map(|&(organization, site, role)| piece(&world, organization, site, role)).collect();
        let mut turned: Vec<Piece> = pieces.iter().rev().copied().collect();
        let (mut conflicts, mut other_conflicts) = (Vec::new(), Vec::new());
        let (mut effective, mut other) = (Effective::default(), Effective::default());
        effective.fold(&world.catalog, &world.names, &mut pieces, &mut conflicts);
        other.fold(&world.catalog, &world.names, &mut turned, &mut other_conflicts);

        let mut roles: BTreeMap<(Name, Option<Name>), BTreeSet<Name>> = BTreeMap::new();
        for piece in &pieces {
            roles.entry((piece.organization, piece.site)).or_default().extend(piece.role);
        }
        let is_member = |organization| roles.contains_key(&(organization, None));
        let contradiction = roles
            .iter()
            .any(|((organization, _), roles)| is_member(*organization) && naive_role(&world, roles).is_err());
        for conflicts in [&conflicts, &other_conflicts] {
            let told = conflicts.iter().any(|conflict| matches!(conflict, Conflict::Roles(..)));
            prop_assert_eq!(told, contradiction);
            let lacking = conflicts.iter().any(|conflict| matches!(conflict, Conflict::GrantWithoutMembership(_)));
            prop_assert_eq!(lacking, roles.keys().any(|&(organization, _)| !is_member(organization)));
        }
        if contradiction {
            return Ok(());
        }
        prop_assert_eq!(&effective, &other);
        let memberships: Vec<(Name, Option<Name>)> =
            effective.memberships.iter().map(|membership| (membership.organization, membership.role)).collect();
        let grants: Vec<(Name, Name, Option<Name>)> =
            effective.grants.iter().map(|grant| (grant.organization, grant.site, grant.role)).collect();
        let (mut expected, mut expected_grants) = (Vec::new(), Vec::new());
        for (&(organization, site), of_place) in &roles {
            let role = naive_role(&world, of_place).ok().flatten();
            match site {
                None => expected.push((organization, role)),
                Some(site) if is_member(organization) => {
                    let of_member = naive_role(&world, &roles[&(organization, None)]).ok().flatten();
                    if role.is_some() || of_member != world.roles.last().copied() {
                        expected_grants.push((organization, site, role));
                    }
                }
                Some(_) => {}
            }
        }
        prop_assert_eq!(memberships, expected);
        prop_assert_eq!(grants, expected_grants);
    }
}

#[test]
fn patterns_match_whole_names() {
    for (pattern, text, expected) in [
        ("*", "anything", true),
        ("*", "", true),
        ("pit-*", "pit-1", true),
        ("pit-*", "a-pit-1", false),
        ("*-1", "pit-1", true),
        ("a*b*c", "a-b-c", true),
        ("a*b*c", "acb", false),
        ("a*a", "a", false),
        ("pit", "pit", true),
        ("pit", "pit-1", false),
        ("*aab", "aaab", true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
    }
}
