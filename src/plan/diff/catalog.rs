//! Organizations, sites and roles: what is declared and missing or different. What no manifest names stays.
//!
//! A draft needs the objects that it names, if this plan makes them. Deliberately absent: who is an admin by a role
//! that changes (`flips`), and any deletion.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::draft::{Change, Draft, Need, own_line};
use crate::diagnostic::Position;
use crate::model::{ActionKind, CatalogKey, Fact, Fields, List, Name, Names, Role, SiteAccess, Status, Value, known};
use crate::plan::action::{Risk, State, Subject};
use crate::plan::scope::Reach;
use crate::plan::{CatalogPolicy, Inputs, Unmanaged, WaitsFor};
use crate::rules::Sayable;

/// The drafts of the catalog, and what is left alone.
pub(super) fn diff(inputs: &Inputs<'_>, (reach, sayable): (&Reach<'_>, &Sayable<'_>)) -> (Change, Vec<Unmanaged>) {
    let mut change = Change::default();
    roles(inputs, &mut change);
    organizations(inputs, sayable, &mut change);
    let mut unmanaged = unmanaged(inputs, (reach, sayable));
    unmanaged.extend(change.drafts.iter().filter_map(|draft| held_elsewhere(inputs, reach, draft)));
    if inputs.policy.catalog == CatalogPolicy::Existing {
        change.drafts.retain(|draft| draft.action.before.is_none());
        for draft in &mut change.drafts {
            draft.waits_for = Some(WaitsFor::Catalog);
        }
    }
    // Only what people need is wanted here: whoever makes a draft adds it before, so that it can be left out as a whole.
    change.drafts.retain(|draft| reach.catalog(draft.action.kind, &draft.action.subject));
    (change, unmanaged)
}

fn roles(inputs: &Inputs<'_>, change: &mut Change) {
    for (&name, declared) in &inputs.desired.catalog.roles {
        let subject = Subject { role: Some(name), ..Subject::default() };
        let wanted = declared.facts(inputs.names);
        let mut draft = match inputs.live.catalog.roles.get(&name) {
            // The store makes one of the vendor's when somebody is first given it.
            None if declared.vendor => continue,
            None => {
                let set = wanted.into_iter().filter(|fact| fact.value != Value::Null).collect();
                Draft::new(ActionKind::CreateRole, subject, None, Some(State::of(set))).because("declared")
            }
            Some(live) => {
                let Some((before, after)) = changed(&live.facts(inputs.names), &wanted) else { continue };
                let mut draft =
                    Draft::new(ActionKind::UpdateRole, subject, Some(State::of(before)), Some(State::of(after)));
                draft.gains = widens(inputs, live, declared);
                draft.loses = widens(inputs, declared, live);
                if draft.gains {
                    draft.risk(Risk::Escalation);
                }
                if draft.loses {
                    draft.risk(Risk::Removal);
                }
                draft.because(if declared.vendor { "role differs from the rules" } else { "role differs" })
            }
        };
        draft.needs.extend(inputs.names.elements(declared.includes).iter().copied().map(Need::Role));
        finish(draft, declared.position, change);
    }
}

/// Whether holders of the role can do more as `to` than as `from`.
pub(in crate::plan) fn widens(inputs: &Inputs<'_>, from: &Role, to: &Role) -> bool {
    let has_more = |from, to| {
        let from = inputs.names.elements(from);
        inputs.names.elements(to).iter().any(|name| !from.contains(name))
    };
    (to.admin && !from.admin)
        || (to.site_access == SiteAccess::All && from.site_access == SiteAccess::Selected)
        || to.rank > from.rank
        || has_more(from.permissions, to.permissions)
        || has_more(from.includes, to.includes)
}

fn organizations(inputs: &Inputs<'_>, sayable: &Sayable<'_>, change: &mut Change) {
    for (&name, declared) in &inputs.desired.catalog.organizations {
        let live = inputs.live.catalog.organizations.get(&name);
        let subject = Subject { organization: Some(name), ..Subject::default() };
        let kinds = (ActionKind::CreateOrganization, ActionKind::UpdateOrganization);
        let key = CatalogKey::Organization(name);
        let live_fields = live.map(|live| &live.fields);
        if let Some(mut draft) = object(sayable, (key, &declared.fields), live_fields, subject, kinds) {
            if let Some(Value::Text(parent)) = declared.fields.get(&known::PARENT)
                && *parent != known::EMPTY
            {
                draft.needs.push(Need::Organization(*parent));
            }
            if let Some(Value::Set(includes)) = declared.fields.get(&known::INCLUDES) {
                draft.needs.extend(inputs.names.elements(*includes).iter().copied().map(Need::Organization));
            }
            mark_reach(inputs, &mut draft);
            if live.is_none() && !inputs.rules.creates_organizations() {
                draft = draft.waiting(WaitsFor::Catalog);
            }
            finish(draft, declared.position, change);
        }
        for (&site, declared) in &declared.sites {
            let live = live.and_then(|live| live.sites.get(&site));
            let subject = Subject { organization: Some(name), site: Some(site), ..Subject::default() };
            let kinds = (ActionKind::CreateSite, ActionKind::UpdateSite);
            let key = CatalogKey::Site(name, site);
            let live = live.map(|live| &live.fields);
            let Some(mut draft) = object(sayable, (key, &declared.fields), live, subject, kinds) else { continue };
            draft.needs.push(Need::Organization(name));
            if let Some(Value::Set(includes)) = declared.fields.get(&known::INCLUDES) {
                draft.needs.extend(inputs.names.elements(*includes).iter().map(|&other| Need::Site(name, other)));
            }
            mark_reach(inputs, &mut draft);
            finish(draft, declared.position, change);
        }
    }
}

/// More reached through a site or an organization is an escalation for who has it, less a removal.
fn mark_reach(inputs: &Inputs<'_>, draft: &mut Draft) {
    if draft.action.before.is_none() {
        return;
    }
    let (before, after) =
        (included(inputs, draft.action.before.as_ref()), included(inputs, draft.action.after.as_ref()));
    draft.gains = after.iter().any(|site| !before.contains(site));
    draft.loses = before.iter().any(|site| !after.contains(site));
    if draft.gains {
        draft.risk(Risk::Escalation);
    }
    if draft.loses {
        draft.risk(Risk::Removal);
    }
}

/// An organization or a site: made, or its managed fields changed.
fn object(
    sayable: &Sayable<'_>,
    (key, declared): (CatalogKey, &Fields),
    live: Option<&Fields>,
    subject: Subject,
    (create, update): (ActionKind, ActionKind),
) -> Option<Draft> {
    let mut wanted: Vec<Fact> = declared.iter().map(|(&field, &value)| Fact::new(field, value)).collect();
    // What is reached through something is access: left out means none, where a manifest could say it.
    if live.is_some_and(|live| !keeps_includes(sayable, key, declared, live))
        && !declared.contains_key(&known::INCLUDES)
    {
        wanted.push(Fact::new(known::INCLUDES, Value::Set(List::EMPTY)));
    }
    let Some(live) = live else {
        let set = wanted.into_iter().filter(|fact| fact.value.is_set()).collect();
        return Some(Draft::new(create, subject, None, Some(State::of(set))).because("declared"));
    };
    let current: Vec<Fact> = wanted
        .iter()
        .map(|fact| Fact::new(fact.field, live.get(&fact.field).copied().unwrap_or(Value::Null)))
        .collect();
    let (before, after) = changed(&current, &wanted)?;
    Some(Draft::new(update, subject, Some(State::of(before)), Some(State::of(after))).because("fields differ"))
}

/// Whether what is reached through something is left alone: a manifest says nothing of it, and could not.
fn keeps_includes(sayable: &Sayable<'_>, key: CatalogKey, declared: &Fields, live: &Fields) -> bool {
    !declared.contains_key(&known::INCLUDES) && sayable.refuse_includes(key, live).is_some()
}

/// The facts that differ, before and after; both lists have the same fields in the same order.
fn changed(before: &[Fact], after: &[Fact]) -> Option<(Vec<Fact>, Vec<Fact>)> {
    let differing = before
        .iter()
        .zip(after)
        .filter(|(before, after)| before.value != after.value && (before.value.is_set() || after.value.is_set()));
    let (before, after): (Vec<Fact>, Vec<Fact>) = differing.map(|(&before, &after)| (before, after)).unzip();
    (!after.is_empty()).then_some((before, after))
}

fn finish(mut draft: Draft, position: Option<Position>, change: &mut Change) {
    draft.action.origins = position.map(own_line).unwrap_or_default();
    change.push(draft);
}

/// What differs in what it lets people do, and is not changed: a role with a list of organizations; a role, or what an
/// organization or a site includes, where the catalog is left as it is.
fn held_elsewhere(inputs: &Inputs<'_>, reach: &Reach<'_>, draft: &Draft) -> Option<Unmanaged> {
    let Draft { action, .. } = draft;
    let Some(role) = action.subject.role else { return other_includes(inputs, reach, draft) };
    let reason = if !reach.catalog(action.kind, &action.subject) {
        "differs, and a role is not changed with a list of organizations"
    } else if inputs.policy.catalog == CatalogPolicy::Existing && action.kind == ActionKind::UpdateRole {
        "differs, and a role is not changed with `catalog: existing`"
    } else {
        return None;
    };
    Some(Unmanaged::new("role", inputs.names.text(role).to_owned(), reason))
}

/// A site or an organization through which people reach something else than is declared, where that stays so.
fn other_includes(inputs: &Inputs<'_>, reach: &Reach<'_>, draft: &Draft) -> Option<Unmanaged> {
    let Draft { action, gains, loses, .. } = draft;
    let is_left_alone = inputs.policy.catalog == CatalogPolicy::Existing && action.before.is_some();
    if !is_left_alone || !(*gains || *loses) || !reach.catalog(action.kind, &action.subject) {
        return None;
    }
    let included = |state: &Option<State>| included(inputs, state.as_ref());
    let (live, declared) = (included(&action.before), included(&action.after));
    let texts = |of: &[Name], but: &[Name]| {
        let mut texts: Vec<&str> =
            of.iter().filter(|name| !but.contains(name)).map(|&name| inputs.names.text(name)).collect();
        texts.sort_unstable();
        texts.join(", ")
    };
    let parts = [("also ", texts(&live, &declared)), ("not ", texts(&declared, &live))];
    let parts = parts.into_iter().filter(|(_, names)| !names.is_empty()).map(|(how, names)| format!("{how}{names}"));
    let reason = format!(
        "its `includes` differ (in the store {}), and are not changed with `catalog: existing`: what is reached through \
         it stays",
        parts.collect::<Vec<_>>().join("; ")
    );
    let (name, text) = (action.subject.organization?, |name| inputs.names.text(name));
    let unmanaged = match action.subject.site {
        Some(site) => Unmanaged::new("site", format!("{}/{}", text(name), text(site)), reason),
        None => Unmanaged::new("organization", text(name).to_owned(), reason),
    };
    Some(unmanaged.always_told())
}

/// What a state of a site or an organization includes.
fn included(inputs: &Inputs<'_>, state: Option<&State>) -> Vec<Name> {
    match state.and_then(|state| state.value(known::INCLUDES)) {
        Some(Value::Set(list)) => inputs.names.elements(list).to_vec(),
        Some(Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_)) | None => Vec::new(),
    }
}

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

/// How many people have access in organizations that no manifest declares, and who administers them.
fn people_beyond(inputs: &Inputs<'_>) -> BTreeMap<Name, Beyond> {
    let declared = &inputs.desired.catalog.organizations;
    let mut people = BTreeMap::new();
    if inputs.live.catalog.organizations.keys().all(|name| declared.contains_key(name)) {
        return people;
    }
    let attributes: Vec<Name> =
        inputs.rules.admin_attributes().filter_map(|attribute| inputs.names.find(&attribute)).collect();
    for live in inputs.live.users().filter(|live| !matches!(live.status, Status::Inactive | Status::Closed)) {
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

/// What is told of something whose includes no manifest can say.
fn kept_includes(names: &Names, key: CatalogKey) -> Unmanaged {
    let reason = "its `includes` can't be said, and stay: what is reached through it is not managed";
    let text = |name| names.text(name).to_owned();
    match key {
        CatalogKey::Site(organization, site) => {
            Unmanaged::new("site", format!("{}/{}", names.text(organization), names.text(site)), reason)
        }
        CatalogKey::Organization(name) => Unmanaged::new("organization", text(name), reason),
        CatalogKey::Role(name) => Unmanaged::new("role", text(name), reason),
    }
    .always_told()
}

fn unmanaged(inputs: &Inputs<'_>, (reach, sayable): (&Reach<'_>, &Sayable<'_>)) -> Vec<Unmanaged> {
    let names = inputs.names;
    let text = |name: Name| names.text(name).to_owned();
    let mut unmanaged = Vec::new();
    let declared = &inputs.desired.catalog;
    let tombstones = &inputs.desired.tombstones;
    let people = people_beyond(inputs);
    for (&name, organization) in &inputs.live.catalog.organizations {
        if tombstones.contains_key(&CatalogKey::Organization(name)) {
            continue;
        }
        let Some(declared_one) = declared.organizations.get(&name) else {
            let here = people.get(&name);
            let (people, admins) = here.map_or((0, String::new()), |here| (here.people, here.told(names)));
            let reason = match people {
                0 => Cow::from("no manifest names it"),
                1 => format!("no manifest names it, and 1 person keeps access there{admins}").into(),
                people => format!("no manifest names it, and {people} people keep access there{admins}").into(),
            };
            unmanaged.push(Unmanaged { people, ..Unmanaged::new("organization", text(name), reason) });
            continue;
        };
        if let Some(reason) = reach.refuse_declared(name) {
            unmanaged.push(Unmanaged::new("organization", text(name), reason));
            continue;
        }
        let known_sites = &declared_one.sites;
        let pairs = known_sites.iter().filter_map(|(&site, declared)| {
            let key = CatalogKey::Site(name, site);
            Some((key, &declared.fields, &organization.sites.get(&site)?.fields))
        });
        let own = (CatalogKey::Organization(name), &declared_one.fields, &organization.fields);
        for (key, declared, live) in std::iter::once(own).chain(pairs) {
            if keeps_includes(sayable, key, declared, live) {
                unmanaged.push(kept_includes(names, key));
            }
        }
        let is_gone = |site: &Name| tombstones.contains_key(&CatalogKey::Site(name, *site));
        for &site in organization.sites.keys().filter(|site| !known_sites.contains_key(site) && !is_gone(site)) {
            let name = format!("{}/{}", names.text(name), names.text(site));
            unmanaged.push(Unmanaged::new("site", name, "no manifest names it"));
        }
    }
    for &name in inputs.live.catalog.roles.keys().filter(|name| !declared.roles.contains_key(name)) {
        if tombstones.contains_key(&CatalogKey::Role(name)) {
            continue;
        }
        unmanaged.push(Unmanaged::new("role", text(name), "no manifest names it"));
    }
    // One of the vendor's that no account ever had is not there to be deleted, and could be given by the rules.
    let is_whole = inputs.live.evidence.is_complete();
    for key in tombstones.keys().filter(|_| is_whole) {
        let CatalogKey::Role(name) = *key else { continue };
        if !inputs.live.catalog.roles.contains_key(&name) && inputs.rules.is_open_role(names.text(name)) {
            let reason = "declared absent and not in the store: keep the line, without it the role can be given again";
            unmanaged.push(Unmanaged::new("role", text(name), reason));
        }
    }
    unmanaged
}
