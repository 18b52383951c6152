//! What is reached through the places that actions give: a site or an organization that includes others opens these, too.
//!
//! The digest of a plan says nothing of it, so that it is told beside. Deliberately absent: roles that reach every site.

use std::collections::{BTreeMap, BTreeSet};

use super::Action;

use crate::model::{ActionKind, Catalog, Fields, Grant, Membership, Name, Names, Value, known};

/// An organization, or a site of it.
type Place = (Name, Option<Name>);

/// By place that includes others: all that it opens, itself as well, sorted by name.
pub(super) type Through = BTreeMap<Place, BTreeSet<Name>>;

/// What these actions open beyond the places that they name, in this catalog.
pub(super) fn through<'a>(names: &Names, catalog: &Catalog, actions: impl Iterator<Item = &'a Action>) -> Through {
    let including = including(catalog);
    if including.is_empty() {
        return Through::new();
    }
    let places: BTreeSet<Place> = actions.flat_map(given).filter(|place| including.contains(place)).collect();
    let opened = |(organization, site): Place| match site {
        Some(site) => catalog.sites_through(names, organization, site),
        None => catalog.organizations_through(names, organization),
    };
    let opened = places.into_iter().map(|place| (place, opened(place).into_iter().collect::<BTreeSet<Name>>()));
    opened.filter(|(_, opened)| opened.len() > 1).collect()
}

/// The places that include others.
fn including(catalog: &Catalog) -> BTreeSet<Place> {
    let is_one = |fields: &Fields| fields.contains_key(&known::INCLUDES);
    let organizations = catalog.organizations.iter();
    let places = organizations.flat_map(|(&name, organization)| {
        let own = std::iter::once((None, &organization.fields));
        let sites = organization.sites.iter().map(|(&site, declared)| (Some(site), &declared.fields));
        own.chain(sites).filter(|(_, fields)| is_one(fields)).map(move |(site, _)| (name, site))
    });
    places.collect()
}

/// The places that an action gives.
pub(super) fn given(action: &Action) -> Vec<Place> {
    let mut places = Vec::new();
    let Some(after) = &action.after else { return places };
    match (action.kind, action.subject.organization) {
        (ActionKind::InviteUser | ActionKind::CreateUser, _) => {
            for &Membership { organization, role: _, extra_roles: _, default_site } in &after.memberships {
                places.push((organization, None));
                places.extend(default_site.map(|site| (organization, Some(site))));
            }
        }
        (ActionKind::AddMembership, Some(organization)) => places.push((organization, None)),
        (ActionKind::GrantSite, Some(organization)) => places.push((organization, action.subject.site)),
        (_, _) => {}
    }
    if let (ActionKind::AddMembership | ActionKind::UpdateMembership, Some(organization)) =
        (action.kind, action.subject.organization)
    {
        let default_site = after.value(known::DEFAULT_SITE).and_then(Value::text);
        places.extend(default_site.map(|site| (organization, Some(site))));
    }
    places.extend(after.grants.iter().map(|&Grant { organization, site, role: _ }| (organization, Some(site))));
    places
}
