//! In what order the catalog changes, and by which name each change knows what the others rename.
//!
//! A rename is one action with whatever else changes of the object, and what is made is made with all of its fields, so
//! two of them can want each other first. A circle is broken at the reference that matters least: where something
//! belongs is only told. What something no longer refers to is called as it is at that time. Deliberately absent:
//! what is renamed (`renames`), and limits.

use std::collections::HashMap;

use super::catalog_circles as circles;
use super::context::Context;
use super::draft::{Change, Draft, Need};
use super::renames::update;
use crate::model::{ActionKind, CatalogKey, Value, known};
use crate::plan::action::{State, Subject};

/// Where the draft of an action on the catalog stands.
pub(super) type Places = HashMap<(ActionKind, Subject), usize>;

/// How an action names something of the catalog; what matters more comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// It is done to it or within it, or it gives or takes it.
    Within,
    /// It gives access through it.
    Includes,
    /// It says where it belongs.
    Parent,
    /// Something of the catalog does not refer to it any more.
    NoMore,
}

/// Something of the catalog that an action names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Used {
    pub(super) how: Use,
    pub(super) key: CatalogKey,
}

/// Makes everything wait for the renames of what it names, and nothing of the catalog for itself.
pub(super) fn settle(context: &Context<'_>, changes: &mut [Change]) {
    let Some((catalog, users)) = changes.split_first_mut() else { return };
    of_catalog(context, &mut catalog.drafts);
    let renames = &context.renamed.catalog;
    if renames.is_empty() {
        return;
    }
    for draft in users.iter_mut().flat_map(|change| &mut change.drafts) {
        let of_renames = used(context, draft).into_iter().filter(|Used { key, .. }| renames.contains_key(key));
        let needs = of_renames.map(|Used { key, .. }| update(key)).map(|(kind, subject)| Need::Action(kind, subject));
        draft.needs.extend(needs);
    }
}

fn of_catalog(context: &Context<'_>, drafts: &mut [Draft]) {
    let places: Places =
        drafts.iter().enumerate().map(|(at, draft)| ((draft.action.kind, draft.action.subject), at)).collect();
    let mut waits = Waits { of: drafts.iter().map(|draft| waits_of(&places, draft)).collect() };
    parents(context, drafts, &places, &mut waits);
    circles::settle(context, drafts, &places, &mut waits);
    if context.renamed.catalog.is_empty() {
        return;
    }
    let mut uses: Vec<(Use, usize, usize, CatalogKey)> = Vec::new();
    for (at, draft) in drafts.iter().enumerate() {
        for Used { how, key } in used(context, draft) {
            let rename = context.renamed.catalog.get(&key).and_then(|_| places.get(&update(key)).copied());
            uses.extend(rename.filter(|&rename| rename != at).map(|rename| (how, at, rename, key)));
        }
    }
    let text = |at: usize| text(context, &drafts[at]);
    uses.sort_by(|a, b| (a.0, text(a.1), text(a.2)).cmp(&(b.0, text(b.1), text(b.2))));
    for (how, at, rename, key) in uses {
        let is_circle = waits.has_to(rename, at);
        match how {
            Use::Includes | Use::Parent if is_circle => {}
            Use::NoMore if is_circle => call_as_today(context, &mut drafts[at], key),
            Use::Within | Use::Includes | Use::Parent | Use::NoMore => {
                waits.of[at].push(rename);
                let (kind, subject) = update(key);
                drafts[at].needs.push(Need::Action(kind, subject));
            }
        }
    }
}

/// What decides between drafts of the catalog.
pub(super) fn text<'a>(context: &Context<'a>, draft: &Draft) -> (&'static str, [Option<&'a str>; 3]) {
    let Subject { user: _, organization, site, role } = draft.action.subject;
    let names = context.inputs.names;
    (draft.action.kind.as_str(), [organization, site, role].map(|name| name.map(|name| names.text(name))))
}

/// What belongs to something that includes it, or is otherwise made after it, is made first.
fn parents(context: &Context<'_>, drafts: &mut [Draft], places: &Places, waits: &mut Waits) {
    let mut sorted: Vec<usize> = (0..drafts.len()).filter(|&at| !waits.of[at].is_empty()).collect();
    sorted.sort_by(|&a, &b| text(context, &drafts[a]).cmp(&text(context, &drafts[b])));
    for at in sorted {
        let parent =
            drafts[at].action.after.as_ref().and_then(|after| after.value(known::PARENT)).and_then(Value::text);
        let Some(need) = parent.map(Need::Organization) else { continue };
        let Some(made) = place_of(places, need).filter(|&made| made != at) else { continue };
        let Some(waiting) = waits.of[at].iter().position(|&other| other == made) else { continue };
        waits.of[at].swap_remove(waiting);
        if !waits.has_to(made, at) {
            waits.of[at].push(made);
        } else if let Some(need) = drafts[at].needs.iter().position(|&one| one == need) {
            drafts[at].needs.remove(need);
        }
    }
}

/// Which changes wait for which.
pub(super) struct Waits {
    pub(super) of: Vec<Vec<usize>>,
}

impl Waits {
    /// Whether the first has to wait for the second.
    pub(super) fn has_to(&self, first: usize, second: usize) -> bool {
        let (mut seen, mut open) = (vec![false; self.of.len()], vec![first]);
        while let Some(at) = open.pop() {
            if at == second {
                return true;
            }
            if !std::mem::replace(&mut seen[at], true) {
                open.extend(&self.of[at]);
            }
        }
        false
    }
}

fn waits_of(places: &Places, draft: &Draft) -> Vec<usize> {
    draft.needs.iter().filter_map(|&need| place_of(places, need)).collect()
}

fn place_of(places: &Places, need: Need) -> Option<usize> {
    let none = Subject::default();
    let place = match need {
        Need::Own(at) => return usize::try_from(at).ok(),
        Need::Organization(name) => (ActionKind::CreateOrganization, Subject { organization: Some(name), ..none }),
        Need::Site(of, site) => (ActionKind::CreateSite, Subject { organization: Some(of), site: Some(site), ..none }),
        Need::Role(role) => (ActionKind::CreateRole, Subject { role: Some(role), ..none }),
        Need::RoleUpdate(role) => (ActionKind::UpdateRole, Subject { role: Some(role), ..none }),
        Need::Action(kind, subject) => (kind, subject),
    };
    places.get(&place).copied()
}

/// What something no longer refers to is renamed after it.
fn call_as_today(context: &Context<'_>, draft: &mut Draft, key: CatalogKey) {
    let new = match key {
        CatalogKey::Organization(name) | CatalogKey::Site(_, name) | CatalogKey::Role(name) => name,
    };
    let Some(today) = context.renamed.catalog.get(&key).map(|previous| previous.identity) else { return };
    let facts = draft.action.before.iter_mut().flat_map(|before| &mut before.facts);
    for fact in facts.filter(|fact| matches!(fact.field, known::PARENT | known::INCLUDES)) {
        match &mut fact.value {
            Value::Text(name) if *name == new => *name = today,
            Value::Set(list) => {
                let names = context.inputs.names;
                let elements = names.elements(*list);
                let called = elements.iter().map(|&name| if name == new { today } else { name });
                *list = names.list(&called.collect::<Vec<_>>());
            }
            Value::Text(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// What of the catalog an action names.
pub(super) fn used(context: &Context<'_>, draft: &Draft) -> Vec<Used> {
    let Subject { organization, site, role, user } = draft.action.subject;
    let within = |key| Used { how: Use::Within, key };
    let mut used: Vec<Used> = Vec::new();
    used.extend(organization.map(CatalogKey::Organization).map(within));
    used.extend(role.map(CatalogKey::Role).map(within));
    used.extend(organization.zip(site).map(|(organization, site)| CatalogKey::Site(organization, site)).map(within));
    let is_catalog = user.is_none();
    let sides = [(&draft.action.before, is_catalog), (&draft.action.after, false)];
    for (state, is_no_more) in sides.into_iter().filter_map(|(state, no_more)| Some((state.as_ref()?, no_more))) {
        of_fields(context, draft.action.subject, state, |how, key| {
            used.push(Used { how: if is_no_more { Use::NoMore } else { how }, key });
        });
        for membership in &state.memberships {
            let extra_roles = context.inputs.names.elements(membership.extra_roles);
            used.push(within(CatalogKey::Organization(membership.organization)));
            used.extend(
                membership.role.into_iter().chain(extra_roles.iter().copied()).map(CatalogKey::Role).map(within),
            );
            let default_site = membership.default_site.map(|site| CatalogKey::Site(membership.organization, site));
            used.extend(default_site.map(within));
        }
        for grant in &state.grants {
            used.push(within(CatalogKey::Organization(grant.organization)));
            used.push(within(CatalogKey::Site(grant.organization, grant.site)));
            used.extend(grant.role.map(CatalogKey::Role).map(within));
        }
    }
    used.sort_unstable();
    used.dedup();
    used
}

fn of_fields(context: &Context<'_>, subject: Subject, state: &State, mut add: impl FnMut(Use, CatalogKey)) {
    let Subject { organization, site, role, .. } = subject;
    let object = |name| match (role, organization, site) {
        (Some(_), _, _) => CatalogKey::Role(name),
        (None, Some(organization), Some(_)) => CatalogKey::Site(organization, name),
        (None, _, _) => CatalogKey::Organization(name),
    };
    for fact in &state.facts {
        let of = |name| match fact.field {
            known::ROLE | known::EXTRA_ROLES => Some((Use::Within, CatalogKey::Role(name))),
            known::DEFAULT_SITE => Some((Use::Within, CatalogKey::Site(organization?, name))),
            known::PARENT => Some((Use::Parent, object(name))),
            known::INCLUDES => Some((Use::Includes, object(name))),
            _ => None,
        };
        let mut note = |name| of(name).into_iter().for_each(|(how, key)| add(how, key));
        match fact.value {
            Value::Text(name) => note(name),
            Value::Set(list) => context.inputs.names.elements(list).iter().for_each(|&name| note(name)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}
