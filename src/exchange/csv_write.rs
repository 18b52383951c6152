//! Live state → a list of people and their roles (`systems.md` ALT-10): a row a role.

use std::collections::BTreeMap;

use super::columns::{Column, LIST};
use super::formula::neutral;
use super::roles::status_word;
use super::{Days, Exported};
use crate::manifest::Unsayable;
use crate::model::{LiveState, LiveView, Names, known};
use crate::rules::{KEPT_ELSEWHERE, KeyField, Rules};

/// Writes everybody; who has no access has one row without organization and role. All cells are quoted, so that no
/// program takes what stands in one for several.
#[must_use]
pub fn csv(names: &Names, rules: &Rules, live: &LiveState, days: &Days) -> Exported<Vec<u8>> {
    let mut people: BTreeMap<(&str, usize), LiveView<'_>> = BTreeMap::new();
    let mut left_out = Vec::new();
    let mut with_sites: usize = 0;
    for view in live.users() {
        if rules.keeps_elsewhere(&view) {
            let name = view.key_text(names).to_owned();
            left_out.push(Unsayable { kind: "user", name, reason: KEPT_ELSEWHERE.to_owned() });
            continue;
        }
        with_sites += usize::from(!view.grants.is_empty());
        people.insert((view.key_text(names), view.row), view);
    }
    if with_sites > 0 {
        let name = format!("of {with_sites} accounts");
        left_out.push(Unsayable { kind: "sites", name, reason: "are nothing that such a list says".to_owned() });
    }
    left_out.sort();
    let mut content = Vec::new();
    line(&mut content, &LIST.map(|column| column.title().to_owned()));
    for ((key, _), view) in people {
        for (organization, role) in roles(names, &view) {
            line(&mut content, &LIST.map(|column| cell(names, rules, days, &view, (key, organization, role), column)));
        }
    }
    Exported { content, left_out }
}

/// Organization and role of each row of a person; one row at least.
fn roles<'n>(names: &'n Names, view: &LiveView<'_>) -> Vec<(&'n str, &'n str)> {
    let mut rows = Vec::new();
    for membership in view.memberships {
        let organization = names.text(membership.organization);
        let extra = names.sorted_texts(membership.extra_roles);
        if let Some(role) = membership.role {
            rows.push((organization, false, names.text(role)));
        } else if extra.is_empty() {
            rows.push((organization, false, ""));
        }
        rows.extend(extra.into_iter().map(|role| (organization, true, role)));
    }
    rows.sort_unstable();
    if rows.is_empty() {
        rows.push(("", false, ""));
    }
    rows.into_iter().map(|(organization, _, role)| (organization, role)).collect()
}

fn cell(
    names: &Names,
    rules: &Rules,
    days: &Days,
    view: &LiveView<'_>,
    (key, organization, role): (&str, &str, &str),
    column: Column,
) -> String {
    let field = |field: &str| {
        let value = names.find(field).and_then(|field| view.value(field).text());
        value.map(|text| names.text(text).to_owned()).unwrap_or_default()
    };
    match column {
        Column::Email => match rules.identity.key_field() {
            KeyField::Email => key.to_owned(),
            KeyField::Login => field(names.text(known::EMAIL)),
        },
        Column::Created => days.get(key).cloned().unwrap_or_default(),
        Column::Status => status_word(view.status).to_owned(),
        Column::Company | Column::Organization => organization.to_owned(),
        Column::Role => role.to_owned(),
        Column::GivenName | Column::FamilyName | Column::Language | Column::UsageVersion | Column::Location => {
            column.field(rules).map(field).unwrap_or_default()
        }
    }
}

fn line<const N: usize>(content: &mut Vec<u8>, cells: &[String; N]) {
    for (index, cell) in cells.iter().enumerate() {
        content.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
        content.extend_from_slice(neutral(cell).replace('"', "\"\"").as_bytes());
        content.push(b'"');
    }
    content.extend_from_slice(b"\r\n");
}
