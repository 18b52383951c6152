//! Live state → a list of people and their roles (`systems.md` ALT-10): a row a role.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::columns::{Column, of_list};
use super::formula::neutral;
use super::losses::Losses;
use super::roles::status_word;
use super::{Days, Exported};
use crate::manifest::Unsayable;
use crate::model::{InvitationState, LiveState, LiveView, Names};
use crate::rules::{KEPT_ELSEWHERE, Rules};

/// What stands between two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separator {
    /// As in RFC 4180.
    Comma,
    /// As spreadsheets expect it where the comma is a decimal sign. They take such a list for UTF-8 only if it begins
    /// with a byte-order mark.
    Semicolon,
}

/// Writes everybody; who has no access has one row without organization and role. All cells are quoted, so that no
/// program takes what stands in one for several.
#[must_use]
pub fn csv(
    names: &Names,
    rules: &Rules,
    live: &LiveState,
    (days, at): (&Days, Timestamp),
    separator: Separator,
) -> Exported<Vec<u8>> {
    let columns = of_list(rules);
    let mut people: BTreeMap<(&str, usize), LiveView<'_>> = BTreeMap::new();
    let mut losses = Losses::new(names, rules, &columns, &[]);
    let mut left_out = Vec::new();
    for view in live.users() {
        if rules.keeps_elsewhere(&view) {
            let name = view.key_text(names).to_owned();
            left_out.push(Unsayable { kind: "user", name, reason: KEPT_ELSEWHERE.to_owned() });
            continue;
        }
        losses.count_sites(&view);
        losses.count_fields(&view);
        people.insert((view.key_text(names), view.row), view);
    }
    left_out.sort();
    left_out.extend(losses.told());
    let (mark, between): (&[u8], u8) = match separator {
        Separator::Comma => (b"", b','),
        Separator::Semicolon => ("\u{feff}".as_bytes(), b';'),
    };
    let mut content = mark.to_vec();
    line(&mut content, between, columns.iter().map(|column| column.title().to_owned()));
    for ((key, _), view) in people {
        for (organization, role) in roles(names, &view) {
            let row = (key, organization, role);
            let cells = columns.iter().map(|&column| cell((names, rules), (days, at), &view, row, column));
            line(&mut content, between, cells);
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
    (names, rules): (&Names, &Rules),
    (days, at): (&Days, Timestamp),
    view: &LiveView<'_>,
    (key, organization, role): (&str, &str, &str),
    column: Column,
) -> String {
    let field = |field: &str| {
        let value = names.find(field).and_then(|field| view.value(field).text());
        value.map(|text| names.text(text).to_owned()).unwrap_or_default()
    };
    match column {
        column if column == Column::of_key(rules) => key.to_owned(),
        Column::Created => days.get(key).cloned().unwrap_or_default(),
        // Whether somebody can still answer is what the reader wants to know.
        Column::Status => {
            view.ended_invitation(at).map_or(status_word(view.status), InvitationState::as_str).to_owned()
        }
        Column::Company | Column::Organization => organization.to_owned(),
        Column::Role => role.to_owned(),
        Column::GivenName
        | Column::FamilyName
        | Column::FullName
        | Column::Email
        | Column::Login
        | Column::Mobile
        | Column::Language
        | Column::UsageVersion
        | Column::Location => column.field(rules).map(field).unwrap_or_default(),
        // No list is written with one.
        Column::Switch(_) => String::new(),
    }
}

fn line(content: &mut Vec<u8>, between: u8, cells: impl Iterator<Item = String>) {
    for (index, cell) in cells.enumerate() {
        content.extend((index > 0).then_some(between));
        content.push(b'"');
        content.extend_from_slice(neutral(&cell).replace('"', "\"\"").as_bytes());
        content.push(b'"');
    }
    content.extend_from_slice(b"\r\n");
}
