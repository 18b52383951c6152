//! Things of the catalog that refer to each other come to do so the other way round.
//!
//! Whatever comes to refer to something that leads back to it today waits until it does so no more: a change that fails,
//! or has to wait, leaves no two things that include each other. Deliberately absent: circles that are declared, which
//! are mistakes in the manifests.

use std::collections::BTreeSet;

use super::catalog_order::{Places, Waits, text};
use super::context::Context;
use super::draft::{Draft, Need};
use super::renames::update;
use crate::model::{ActionKind, CatalogKey, Name, Value, known};
use crate::plan::action::State;

/// Adds what drafts of the catalog need so that there is no circle at any time.
pub(super) fn settle(context: &Context<'_>, drafts: &mut [Draft], places: &Places, waits: &mut Waits) {
    let is_update =
        |kind| matches!(kind, ActionKind::UpdateOrganization | ActionKind::UpdateSite | ActionKind::UpdateRole);
    let mut sorted: Vec<usize> = (0..drafts.len()).filter(|&at| is_update(drafts[at].action.kind)).collect();
    sorted.sort_by(|&a, &b| text(context, &drafts[a]).cmp(&text(context, &drafts[b])));
    for field in [known::INCLUDES, known::PARENT] {
        let live = Live { context, field };
        for &at in &sorted {
            let Some(own) = drafts[at].action.subject.catalog_key() else { continue };
            let (before, after) = live.sides(&drafts[at]);
            let mut needed: BTreeSet<usize> = BTreeSet::new();
            for gained in after.difference(&before) {
                for by in live.all_from(*gained) {
                    let (kind, subject) = update(by);
                    let Some(&place) = places.get(&(kind, subject)).filter(|&&place| place != at) else { continue };
                    let (before, after) = live.sides(&drafts[place]);
                    let mut lost = before.difference(&after);
                    if lost.any(|&lost| live.all_from(lost).contains(&own)) {
                        needed.insert(place);
                    }
                }
            }
            let mut needed: Vec<usize> = needed.into_iter().collect();
            needed.sort_by(|&a, &b| text(context, &drafts[a]).cmp(&text(context, &drafts[b])));
            for place in needed {
                if !waits.has_to(place, at) {
                    waits.of[at].push(place);
                    let need = Need::Action(drafts[place].action.kind, drafts[place].action.subject);
                    drafts[at].needs.push(need);
                }
            }
        }
    }
}

/// What refers to what today by one field.
struct Live<'a> {
    context: &'a Context<'a>,
    field: Name,
}

impl Live<'_> {
    fn names(&self, value: Option<Value>) -> Vec<Name> {
        match value {
            Some(Value::Text(name)) => vec![name],
            Some(Value::Set(list)) => self.context.inputs.names.elements(list).to_vec(),
            Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => Vec::new(),
        }
    }

    /// What a change leads from and to.
    fn sides(&self, draft: &Draft) -> (BTreeSet<CatalogKey>, BTreeSet<CatalogKey>) {
        let side = |state: &Option<State>| -> BTreeSet<CatalogKey> {
            let names = self.names(state.as_ref().and_then(|state| state.value(self.field)));
            names.into_iter().filter_map(|name| other(draft.action.subject.catalog_key()?, name)).collect()
        };
        (side(&draft.action.before), side(&draft.action.after))
    }

    fn of(&self, key: CatalogKey) -> Vec<CatalogKey> {
        let catalog = &self.context.inputs.live.catalog;
        let names = match key {
            CatalogKey::Organization(name) => {
                let fields = catalog.organizations.get(&name).map(|organization| &organization.fields);
                self.names(fields.and_then(|fields| fields.get(&self.field)).copied())
            }
            CatalogKey::Site(of, site) => {
                let site = catalog.organizations.get(&of).and_then(|organization| organization.sites.get(&site));
                self.names(site.and_then(|site| site.fields.get(&self.field)).copied())
            }
            CatalogKey::Role(name) if self.field == known::INCLUDES => {
                self.names(catalog.roles.get(&name).map(|role| Value::Set(role.includes)))
            }
            CatalogKey::Role(_) => Vec::new(),
        };
        names.into_iter().filter_map(|name| other(key, name)).collect()
    }

    /// This, and whatever it leads to.
    fn all_from(&self, key: CatalogKey) -> BTreeSet<CatalogKey> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![key]);
        while let Some(key) = open.pop() {
            if seen.insert(key) {
                open.extend(self.of(key));
            }
        }
        seen
    }
}

/// What a name means in a field of this.
fn other(key: CatalogKey, name: Name) -> Option<CatalogKey> {
    (name != known::EMPTY).then_some(match key {
        CatalogKey::Organization(_) => CatalogKey::Organization(name),
        CatalogKey::Site(organization, _) => CatalogKey::Site(organization, name),
        CatalogKey::Role(_) => CatalogKey::Role(name),
    })
}
