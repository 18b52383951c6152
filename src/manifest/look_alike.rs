//! Names that look like others and are written with other letters: `сорр` in Cyrillic beside `copp` in Latin.
//!
//! Within a word, letters of several scripts are refused already. A name that is wholly in another script is lawful, as
//! long as nothing else that is declared looks the same (skeletons of UTS 39). Two names of ASCII are never compared:
//! `l` and `1`, `rn` and `m` stand in too many honest ones. Neither is a name that mixes scripts: that is told already.

use std::collections::{HashMap, HashSet};

use super::merge::Merged;
use super::resolve::span;
use super::suggest::skeleton;
use crate::diagnostic::{Code, Diagnostic, Position};
use crate::rules::mixed_script;

type Named<'a> = (&'a str, Position);

impl Merged<'_> {
    /// Records names of one kind that look alike.
    pub(super) fn check_look_alikes(&mut self) {
        let text = |name| self.names.text(name);
        let catalog = &self.desired.catalog;
        let mut found = Vec::new();
        let organizations = catalog.organizations.iter().filter_map(|(&name, one)| Some((text(name), one.position?)));
        alike("organizations", organizations, &mut found);
        for organization in catalog.organizations.values() {
            let sites = organization.sites.iter().filter_map(|(&name, site)| Some((text(name), site.position?)));
            alike("sites", sites, &mut found);
        }
        let roles = catalog.roles.iter().filter_map(|(&name, role)| Some((text(name), role.position?)));
        alike("roles", roles, &mut found);
        let teams = self.teams.iter().map(|(&name, &team)| (text(name), self.desired.source(team).position));
        alike("teams", teams, &mut found);
        if self.desired.users().any(|user| !text(user.key).is_ascii()) {
            let users: Vec<Named<'_>> = self.desired.users().map(|user| (text(user.key), user.position)).collect();
            alike("users", users.iter().copied(), &mut found);
        }
        for mistake in found {
            self.mistakes.push(mistake);
        }
    }
}

fn alike<'a>(kind: &str, named: impl Iterator<Item = Named<'a>> + Clone, found: &mut Vec<Diagnostic>) {
    let mut foreign: Vec<Named<'a>> =
        named.clone().filter(|(text, _)| !text.is_ascii() && mixed_script(text).is_none()).collect();
    if foreign.is_empty() {
        return;
    }
    foreign.sort_unstable_by_key(|&(_, position)| position);
    let mut by_look: HashMap<String, Named<'a>> = HashMap::new();
    let looks: Vec<String> = foreign.iter().map(|(text, _)| skeleton(&text.to_lowercase())).collect();
    let wanted: HashSet<&str> = looks.iter().map(String::as_str).collect();
    for (text, position) in named.filter(|(text, _)| text.is_ascii()) {
        let look = skeleton(&text.to_lowercase());
        if wanted.contains(look.as_str()) {
            by_look.entry(look).or_insert((text, position));
        }
    }
    for (&(text, position), look) in foreign.iter().zip(&looks) {
        let Some(&(other, first)) = by_look.get(look) else {
            by_look.insert(look.clone(), (text, position));
            continue;
        };
        // One identity in two spellings is told as declared twice.
        if other.to_lowercase() == text.to_lowercase() {
            continue;
        }
        let message = format!("two {kind} look alike and are written with different letters: `{text}` and `{other}`");
        found.push(
            Diagnostic::error(Code::LookAlike, message)
                .at(span(position, text), "this one")
                .and(first, "looks like this one")
                .help("correct the one that was meant to be the other, or choose names that people can tell apart"),
        );
    }
}
