//! Organizations, sites and roles that are in the store already, with their letters and accents apart (Unicode
//! normalization form D): nobody could tell a second one from them, so none is made until the first has another name.

use std::collections::BTreeMap;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::draft::Change;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{ActionKind, Name};
use crate::plan::{Inputs, Obstacle, WaitsFor};

/// Holds back what the drafts of the catalog would make a second time.
pub(super) fn hold(inputs: &Inputs<'_>, catalog: &mut Change) {
    let names = inputs.names;
    let live = &inputs.live.catalog;
    let declared = &inputs.desired.catalog;
    for draft in &mut catalog.drafts {
        let subject = draft.action.subject;
        let organization = subject.organization.and_then(|name| declared.organizations.get(&name));
        let found = match draft.action.kind {
            ActionKind::CreateOrganization => {
                let name = subject.organization;
                let position = organization.and_then(|organization| organization.position);
                name.map(|name| ("organization", name, position, apart(inputs, live.organizations.keys())))
            }
            ActionKind::CreateRole => subject.role.map(|name| {
                let position = declared.roles.get(&name).and_then(|role| role.position);
                ("role", name, position, apart(inputs, live.roles.keys()))
            }),
            ActionKind::CreateSite => subject.site.map(|name| {
                let position = organization.and_then(|one| one.sites.get(&name)).and_then(|site| site.position);
                let sites = subject.organization.and_then(|name| live.organizations.get(&name)).map(|one| &one.sites);
                ("site", name, position, apart(inputs, sites.into_iter().flat_map(|sites| sites.keys())))
            }),
            _ => None,
        };
        let Some((kind, name, position, apart)) = found else { continue };
        let text = names.text(name);
        if !apart.contains_key(text) {
            continue;
        }
        draft.waits_for = Some(WaitsFor::Decision);
        draft.obstacle = Some(Obstacle::Apart);
        let message = format!("{kind} `{text}` is in the store already, and has its letters and accents apart there");
        let found = Diagnostic::warning(Code::LookAlike, message).help(
            "write its name in the store with whole letters (Unicode normalization form C); no second one is made",
        );
        catalog.diagnostics.push(match position {
            Some(position) => found.at(position, "another name to the store"),
            None => found,
        });
    }
}

/// Names that are not in the form of a manifest, by that form.
fn apart<'n>(inputs: &Inputs<'_>, live: impl Iterator<Item = &'n Name>) -> BTreeMap<String, Name> {
    let text = |name: Name| inputs.names.text(name);
    live.filter(|&&name| !is_nfc(text(name))).map(|&name| (text(name).nfc().collect(), name)).collect()
}
