//! Policies: each name, message and expression, with the place of a mistake within what may be many lines.

use std::collections::BTreeMap;

use super::check::{Found, has_unseen};
use super::raw::RawPolicy;
use crate::diagnostic::Code;
use crate::document::Place;
use crate::policy::{Policy, Unusable};

/// Every one of them is asked of everything.
const MOST: usize = 100;

const LONGEST_NAME: usize = 64;
const LONGEST_MESSAGE: usize = 300;

/// Policies that can be asked, sorted by name.
pub(super) fn check_policies(raw: BTreeMap<String, RawPolicy>, text: &str, found: &mut Found<'_>) -> Vec<Policy> {
    if raw.len() > MOST {
        let message = format!("{} policies are written, and at most {MOST} are asked", raw.len());
        let place = found.document.nearest(&["policies"]);
        found.add_at(place, Code::TooLarge, message, "write fewer");
        return Vec::new();
    }
    let mut policies = Vec::new();
    for (name, RawPolicy { of, require, message, severity }) in raw {
        let path = ["policies", name.as_str()];
        let is_part = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
        let is_name = name.starts_with(is_part) && name.chars().all(|character| is_part(character) || character == '-');
        if !is_name || name.len() > LONGEST_NAME {
            let message = format!("`{}` can't be the name of a policy", name.escape_debug());
            let help = "write at most 64 small letters, digits and `-`, such as `two-managers`";
            found.add(&path, message, help);
        }
        let said = message.trim();
        if said.is_empty() || said.len() > LONGEST_MESSAGE || has_unseen(said) {
            let problem = "the message of a policy is one line of 1 to 300 bytes, without invisible characters";
            let help = "say what holds where it is kept: `every organization has at least two managers`";
            found.add(&["policies", &name, "message"], problem, help);
        }
        match Policy::parse(&name, of, &require, (severity, said)) {
            Ok(policy) => policies.push(policy),
            Err(Unusable { offset, message, help }) => {
                let path = ["policies", name.as_str(), "require"];
                let message = format!("policy `{}` can't be asked: {message}", name.escape_debug());
                if found.document.find(&path).is_some() {
                    let place = within(text, found.document.nearest(&path), &require, offset);
                    found.add_at(place, Code::InvalidPolicy, message, &help);
                }
            }
        }
    }
    policies
}

/// The place of a byte of a value in the text of the document: the lines of the value are looked for one after the other,
/// as a block has them. The place of the whole value where it is written in another way than it reads.
fn within(text: &str, whole: Place, value: &str, offset: usize) -> Place {
    let start = whole.offset as usize;
    let Some(written) = text.get(start..) else { return whole };
    let line_start = value.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    let Some(lines) = value.get(..line_start) else { return whole };
    let Some(line) = value.get(line_start..).and_then(|rest| rest.lines().next()) else { return whole };
    let mut at = 0;
    for before in lines.lines().chain([line]) {
        let Some(further) = written.get(at..).and_then(|rest| rest.find(before)) else { return whole };
        at += further + if std::ptr::eq(before, line) { 0 } else { before.len() };
    }
    let offset = start + at + (offset - line_start);
    let Some(before) = text.get(..offset) else { return whole };
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    Place {
        line: number(before.matches('\n').count() + 1),
        column: number(before[line_start..].chars().count() + 1),
        offset: number(offset),
        length: 0,
    }
}
