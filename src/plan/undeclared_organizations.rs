//! Organizations that no manifest declares, and who keeps access there: what people read of places out of scope.
//!
//! Who leaves by this plan with all access, wherever it is, keeps none. Deliberately absent: anything that is done.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Inputs, Unmanaged};
use crate::model::{ActionKind, CatalogKey, LiveView, Name, Names, Status};

/// Who has access in an organization that no manifest declares.
#[derive(Default)]
struct Beyond {
    people: usize,
    /// Those who administer it.
    admins: Vec<Name>,
}

impl Beyond {
    /// `; admins: a, b, c and 2 more`, sorted by text.
    fn told(&self, names: &Names) -> String {
        const NAMED: usize = 5;
        let mut admins: Vec<&str> = self.admins.iter().map(|&key| names.text(key)).collect();
        admins.sort_unstable();
        let more = admins.len().saturating_sub(NAMED);
        admins.truncate(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        if admins.is_empty() { String::new() } else { format!("; admins: {}{more}", admins.join(", ")) }
    }
}

/// What is told of them beside these actions; the live state comes under the names that it will have.
pub(super) fn undeclared_organizations(inputs: &Inputs<'_>, actions: &[Action]) -> Vec<Unmanaged> {
    let names = inputs.names;
    let (declared, tombstones) = (&inputs.desired.catalog.organizations, &inputs.desired.tombstones);
    let is_gone = |name: Name| tombstones.contains_key(&CatalogKey::Organization(name));
    let live = inputs.live.catalog.organizations.keys().copied();
    let undeclared: Vec<Name> = live.filter(|name| !declared.contains_key(name) && !is_gone(*name)).collect();
    if undeclared.is_empty() {
        return Vec::new();
    }
    let people = people_beyond(inputs, &leavers(inputs, actions));
    let told = |name: Name| {
        let here = people.get(&name);
        let (people, admins) = here.map_or((0, String::new()), |here| (here.people, here.told(names)));
        let reason = match people {
            0 => Cow::from("no manifest names it"),
            1 => format!("no manifest names it, and 1 person keeps access there{admins}").into(),
            people => format!("no manifest names it, and {people} people keep access there{admins}").into(),
        };
        Unmanaged { people, ..Unmanaged::new("organization", names.text(name).to_owned(), reason) }
    };
    undeclared.into_iter().map(told).collect()
}

/// Whose account ends, by key as compared.
fn leavers(inputs: &Inputs<'_>, actions: &[Action]) -> BTreeSet<Name> {
    let ends = |action: &&Action| {
        matches!(
            action.kind,
            ActionKind::DeactivateUser
                | ActionKind::StripUser
                | ActionKind::CloseUser
                | ActionKind::DeleteUser
                | ActionKind::CancelInvitation
        )
    };
    let keys = actions.iter().filter(ends).filter_map(|action| action.subject.user);
    let identities = keys.filter_map(|key| inputs.rules.identity.normalize(inputs.names.text(key)).ok());
    identities.filter_map(|identity| inputs.names.find(&identity)).collect()
}

/// How many people have access in organizations that no manifest declares, and who administers them.
fn people_beyond(inputs: &Inputs<'_>, gone: &BTreeSet<Name>) -> BTreeMap<Name, Beyond> {
    let declared = &inputs.desired.catalog.organizations;
    let mut people = BTreeMap::new();
    let attributes: Vec<Name> =
        inputs.rules.admin_attributes().filter_map(|attribute| inputs.names.find(&attribute)).collect();
    let is_in = |live: &LiveView<'_>| {
        let is_gone = live.identity.is_some_and(|identity| gone.contains(&identity));
        !is_gone && !matches!(live.status, Status::Inactive | Status::Closed)
    };
    for live in inputs.live.users().filter(is_in) {
        let by_attribute = live.facts.iter().any(|fact| fact.value.is_set() && attributes.contains(&fact.field));
        for membership in live.memberships.iter().filter(|membership| !declared.contains_key(&membership.organization))
        {
            let here: &mut Beyond = people.entry(membership.organization).or_default();
            here.people += 1;
            let extra = inputs.names.elements(membership.extra_roles);
            let mut roles = membership.role.into_iter().chain(extra.iter().copied());
            if by_attribute || roles.any(|role| inputs.live.catalog.roles.get(&role).is_some_and(|role| role.admin)) {
                here.admins.push(live.key);
            }
        }
    }
    people
}
