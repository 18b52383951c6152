//! Names that look like others and are written otherwise: `сорр` in Cyrillic beside `copp` in Latin, `x²` beside `x2`.
//!
//! Within a word, letters of several scripts are refused already. A name that is wholly in another script, or has
//! other forms of plain characters, is lawful, as long as nothing else that is declared looks the same (skeletons of
//! UTS 39 over the compatibility form; of addresses, the domain as people read it). Two names of ASCII are compared by
//! case alone, and that is a warning: `l` and `1`, `rn` and `m` stand in too many honest ones. Neither is a name
//! compared that is told already, for mixing scripts, for its form or for what nobody
//! sees in it.

use std::collections::{HashMap, HashSet};

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::merge::Merged;
use super::resolve::span;
use super::suggest::skeleton;
use crate::diagnostic::{Code, Diagnostic, Position};
use crate::rules::{mixed_script, readable};
use crate::source::find_hidden;

type Named<'a> = (&'a str, Position);

impl Merged<'_> {
    /// Records names of one kind that look alike.
    pub(super) fn check_look_alikes(&mut self) {
        let text = |name| self.names.text(name);
        let catalog = &self.desired.catalog;
        let mut found = Vec::new();
        let organizations = catalog.organizations.iter().filter_map(|(&name, one)| Some((text(name), one.position?)));
        catalog_names("organizations", organizations, &mut found);
        for organization in catalog.organizations.values() {
            let sites = organization.sites.iter().filter_map(|(&name, site)| Some((text(name), site.position?)));
            catalog_names("sites", sites, &mut found);
        }
        let roles = catalog.roles.iter().filter_map(|(&name, role)| Some((text(name), role.position?)));
        catalog_names("roles", roles, &mut found);
        let teams = self.teams.iter().map(|(&name, &team)| (text(name), self.desired.source(team).position));
        catalog_names("teams", teams, &mut found);
        // Whether case makes two keys, the rules of the store say.
        if self.desired.users().any(|user| !readable(text(user.key)).is_ascii()) {
            let users: Vec<Named<'_>> = self.desired.users().map(|user| (text(user.key), user.position)).collect();
            alike("users", users.iter().copied(), &mut found);
        }
        for mistake in found {
            self.mistakes.push(mistake);
        }
    }
}

fn catalog_names<'a>(kind: &str, named: impl Iterator<Item = Named<'a>> + Clone, found: &mut Vec<Diagnostic>) {
    differing_by_case(kind, named.clone(), found);
    alike(kind, named, found);
}

fn differing_by_case<'a>(kind: &str, named: impl Iterator<Item = Named<'a>>, found: &mut Vec<Diagnostic>) {
    let mut named: Vec<Named<'a>> = named.collect();
    named.sort_unstable_by_key(|&(_, position)| position);
    let mut first: HashMap<String, Named<'a>> = HashMap::with_capacity(named.len());
    for (text, position) in named {
        let (other, place) = *first.entry(text.to_lowercase()).or_insert((text, position));
        if other != text {
            let message = format!("two {kind} differ only by case: `{text}` and `{other}`");
            found.push(
                Diagnostic::warning(Code::LookAlike, message)
                    .at(span(position, text), "this one")
                    .and(span(place, other), "looks like this one")
                    .help("if one is meant, write it alike everywhere; else choose names that people can tell apart"),
            );
        }
    }
}

fn alike<'a>(kind: &str, named: impl Iterator<Item = Named<'a>> + Clone, found: &mut Vec<Diagnostic>) {
    let is_foreign = |text: &str| {
        let read = readable(text);
        !read.is_ascii() && mixed_script(&read).is_none() && find_hidden(text).is_none() && is_nfc(text)
    };
    let mut foreign: Vec<Named<'a>> = named.clone().filter(|(text, _)| is_foreign(text)).collect();
    if foreign.is_empty() {
        return;
    }
    foreign.sort_unstable_by_key(|&(_, position)| position);
    let mut by_look: HashMap<String, Named<'a>> = HashMap::new();
    let looks: Vec<String> = foreign.iter().map(|(text, _)| look(text)).collect();
    let wanted: HashSet<&str> = looks.iter().map(String::as_str).collect();
    let mut plain: Vec<Named<'a>> = named.filter(|(text, _)| readable(text).is_ascii()).collect();
    plain.sort_unstable_by_key(|&(_, position)| position);
    for (text, position) in plain {
        let look = look(text);
        if wanted.contains(look.as_str()) {
            by_look.entry(look).or_insert((text, position));
        }
    }
    for (&(text, position), look) in foreign.iter().zip(&looks) {
        let Some(&(other, first)) = by_look.get(look) else {
            by_look.insert(look.clone(), (text, position));
            continue;
        };
        // Names that differ by case are told as such, and one identity in two spellings as declared twice.
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

fn look(text: &str) -> String {
    let plain: String = readable(text).to_lowercase().nfkc().collect();
    skeleton(&plain)
}
