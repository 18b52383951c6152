//! What a saved plan renames in the catalog, and the live state under these names: its actions use the new ones, as
//! those of today's plan do (`renamed`).
//!
//! A rename that is to be done finds the old name and not the new one. Deliberately absent: what the manifests rename.

use std::collections::BTreeMap;

use super::renamed::{Renamed, view};
use super::{Action, Inputs, State};
use crate::diagnostic::{FileId, Position};
use crate::model::{Catalog, CatalogKey, Fact, LiveState, Name, Names, Previous, Topic, Value, known};

/// Renames of the catalog that are still to be done.
pub(super) struct SavedRenames {
    renamed: Renamed,
    live: Option<LiveState>,
}

impl SavedRenames {
    /// The renames among these actions of which the old name is live, and the new one is not.
    pub(super) fn of(inputs: &Inputs<'_>, actions: &[Action]) -> Self {
        let mut catalog: BTreeMap<CatalogKey, Previous> = BTreeMap::new();
        let all = || actions.iter().filter_map(rename);
        // Organizations come first, so that a site is looked for where it is today.
        let is_organization = |key: &CatalogKey| matches!(key, CatalogKey::Organization(_));
        let sorted =
            all().filter(|(key, _)| is_organization(key)).chain(all().filter(|(key, _)| !is_organization(key)));
        for (key, old) in sorted {
            let today = |organization: Name| {
                let renamed = catalog.get(&CatalogKey::Organization(organization));
                renamed.map_or(organization, |previous| previous.identity)
            };
            let (is_old, is_new) = match key {
                CatalogKey::Organization(name) => (CatalogKey::Organization(old), CatalogKey::Organization(name)),
                CatalogKey::Site(of, name) => (CatalogKey::Site(today(of), old), CatalogKey::Site(today(of), name)),
                CatalogKey::Role(name) => (CatalogKey::Role(old), CatalogKey::Role(name)),
            };
            if is_live(&inputs.live.catalog, is_old) && !is_live(&inputs.live.catalog, is_new) {
                // No line of a manifest says so.
                let position = Position::new(FileId(0), 0);
                catalog.insert(key, Previous { name: old, identity: old, position });
            }
        }
        let renamed = Renamed { catalog, ..Renamed::default() };
        let live = (!renamed.catalog.is_empty()).then(|| view(inputs, &renamed));
        Self { renamed, live }
    }

    /// The same with the live state under the new names.
    pub(super) fn view<'a>(&'a self, inputs: &Inputs<'a>) -> Inputs<'a> {
        Inputs { live: self.live.as_ref().unwrap_or(inputs.live), ..inputs.clone() }
    }

    /// A change of the catalog in the view under the new names: it may call what it leads from by names of today.
    pub(super) fn viewed(&self, names: &Names, action: &Action) -> Option<Action> {
        let key = key_of(action).filter(|_| !self.renamed.catalog.is_empty())?;
        let side = |state: &Option<State>| {
            let state = state.as_ref()?;
            let facts = state.facts.iter().map(|fact| Fact::new(fact.field, self.called(names, key, *fact))).collect();
            Some(State { facts, ..state.clone() })
        };
        Some(Action { before: side(&action.before), after: side(&action.after), ..action.clone() })
    }

    /// What is left of a rename that is to be done, if this is one, in the view under the new names: its other fields.
    /// One that can't be done leads from what nobody has.
    pub(super) fn to_do(&self, viewed: &Inputs<'_>, action: &Action) -> Option<Action> {
        let (key, old) = rename(action)?;
        let is_open = self.renamed.catalog.contains_key(&key);
        let in_the_way = match key {
            CatalogKey::Organization(_) => CatalogKey::Organization(old),
            CatalogKey::Site(of, _) => CatalogKey::Site(of, old),
            CatalogKey::Role(_) => CatalogKey::Role(old),
        };
        if !is_open {
            // Both are there: this one was not renamed, and it can't be.
            let has_both = is_live(&viewed.live.catalog, in_the_way);
            return has_both.then(|| Action { before: None, ..action.clone() });
        }
        let mut rest = action.clone();
        for state in [&mut rest.before, &mut rest.after].into_iter().flatten() {
            state.facts.retain(|fact| fact.field != known::KEY);
        }
        Some(rest)
    }

    /// The value with new names in the place of those of today.
    fn called(&self, names: &Names, of: CatalogKey, fact: Fact) -> Value {
        if !matches!(fact.field, known::PARENT | known::INCLUDES) {
            return fact.value;
        }
        let new = |name: Name| {
            let is_it = |(key, previous): (&CatalogKey, &Previous)| match (of, *key) {
                (CatalogKey::Organization(_), CatalogKey::Organization(new))
                | (CatalogKey::Role(_), CatalogKey::Role(new)) => (previous.identity == name).then_some(new),
                (CatalogKey::Site(place, _), CatalogKey::Site(here, new)) => {
                    (place == here && previous.identity == name).then_some(new)
                }
                (CatalogKey::Organization(_) | CatalogKey::Site(..) | CatalogKey::Role(_), _) => None,
            };
            self.renamed.catalog.iter().find_map(is_it).unwrap_or(name)
        };
        match fact.value {
            Value::Text(name) => Value::Text(new(name)),
            Value::Set(list) => {
                let called: Vec<Name> = names.elements(list).iter().map(|&name| new(name)).collect();
                Value::Set(names.list(&called))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => fact.value,
        }
    }
}

/// What a change of the catalog renames, by its new name, and the old one.
fn rename(action: &Action) -> Option<(CatalogKey, Name)> {
    let old = action.before.as_ref().and_then(|before| before.value(known::KEY)).and_then(Value::text)?;
    Some((key_of(action)?, old))
}

/// What a change of the catalog is about.
fn key_of(action: &Action) -> Option<CatalogKey> {
    action.subject.catalog_key().filter(|_| action.kind.topic() == Topic::Catalog)
}

fn is_live(catalog: &Catalog, key: CatalogKey) -> bool {
    match key {
        CatalogKey::Organization(name) => catalog.organizations.contains_key(&name),
        CatalogKey::Site(organization, site) => catalog.has_site(organization, site),
        CatalogKey::Role(role) => catalog.roles.contains_key(&role),
    }
}
