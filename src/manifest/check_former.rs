//! What is about to go or has gone by another name: leavers, tombstones, and the names that things had before.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::merge::Merged;
use super::resolve::span;
use crate::diagnostic::{Code, Diagnostic, FileId, Position};
use crate::model::{CatalogKey, DeclaredStatus, Leaver, Name, Previous};

/// So many undeclared leavers of one file are told of one by one.
const MOST_LEAVERS: usize = 5;

/// "a user", "an organization".
fn with_article(kind: &str) -> String {
    let article = if kind.starts_with('o') { "an" } else { "a" };
    format!("{article} {kind}")
}

impl Merged<'_> {
    /// Checks leavers and former names; to be asked when all files are in.
    pub(super) fn check_former(&mut self) {
        // What seems undeclared may stand in a file that was not read to its end.
        if !self.broken {
            self.undeclared_leavers();
        }
        self.leavers_with_two_dates();
        self.former_keys();
        self.former_catalog();
    }

    /// Whether nobody can log in with this key any more, by the manifests alone: named under `inactive:` at once,
    /// declared inactive, or a tombstone.
    pub(super) fn is_leaving(&self, identity: Name) -> bool {
        let is_leaver = || self.desired.leavers.get(&identity).is_some_and(|leaver| leaver.from.is_none());
        self.desired.find(identity).map_or_else(is_leaver, |user| user.is_leaving())
    }

    /// A reference to somebody who is leaving: nothing comes of it, and it can go.
    pub(super) fn leftover(&mut self, name: Name, identity: Name, position: Position) {
        let key = self.names.text(name);
        let tombstone = self.desired.find(identity).filter(|user| match user.status {
            Some(DeclaredStatus::Absent) => true,
            Some(DeclaredStatus::Active | DeclaredStatus::Inactive | DeclaredStatus::Preloaded) | None => false,
        });
        if let Some(user) = tombstone {
            let mistake = Diagnostic::error(Code::DeclaredAbsent, format!("user `{key}` is declared absent"))
                .at(span(position, key), "named here")
                .and(user.position, "absent here")
                .help("take one of the two out: whoever is deleted can be given nothing");
            return self.mistakes.push(mistake);
        }
        self.mistakes.push(
            Diagnostic::warning(Code::LeaverReferenced, format!("`{key}` is leaving and is still named here"))
                .at(span(position, key), "")
                .help("take the name out: nothing comes of it"),
        );
    }

    /// Many in one file are one warning: the list may come from a program that knows many more people.
    fn undeclared_leavers(&mut self) {
        let mut by_file: BTreeMap<FileId, Vec<Leaver>> = BTreeMap::new();
        // Who is named by a former key is declared under the new one.
        let former: BTreeSet<Name> = self.desired.former_keys().map(|(_, previous)| previous.identity).collect();
        for (&identity, &leaver) in &self.desired.leavers {
            if self.desired.find(identity).is_none() && !former.contains(&identity) {
                by_file.entry(leaver.position.file).or_default().push(leaver);
            }
        }
        for mut leavers in by_file.into_values() {
            leavers.sort_by_key(|leaver| leaver.position);
            let (told, others) = if leavers.len() > MOST_LEAVERS { (1, leavers.len() - 1) } else { (leavers.len(), 0) };
            for leaver in &leavers[..told] {
                let key = self.names.text(leaver.key);
                let message = match others {
                    0 => format!("`{key}` is named under `inactive` and declared nowhere"),
                    others => format!("`{key}` and {others} more are named under `inactive` and declared nowhere"),
                };
                self.mistakes.push(
                    Diagnostic::warning(Code::UndeclaredLeaver, message)
                        .at(span(leaver.position, key), "")
                        .help("nothing to do if the person is known to the store or has gone; else correct the key"),
                );
            }
        }
    }

    /// The earliest date counts, whatever else is written: somebody may have moved the day and forgotten the other line.
    fn leavers_with_two_dates(&mut self) {
        let others = std::mem::take(&mut self.other_leavers);
        let mut found: Vec<(Leaver, Leaver)> = Vec::new();
        for (identity, others) in others {
            let Some(&counts) = self.desired.leavers.get(&identity) else { continue };
            found.extend(others.into_iter().min_by_key(|other| other.position).map(|other| (other, counts)));
        }
        found.sort_by_key(|(other, _)| other.position);
        for (other, counts) in found {
            let key = self.names.text(other.key);
            self.mistakes.push(
                Diagnostic::warning(Code::LeaverTwice, format!("`{key}` is named under `inactive` with two dates"))
                    .at(span(other.position, key), "a later date")
                    .and(counts.position, "the earliest counts")
                    .help("keep the entry with the date that is meant"),
            );
        }
    }

    fn former_keys(&mut self) {
        let mut found: Vec<Diagnostic> = Vec::new();
        let mut claimed: HashMap<Name, Position> = HashMap::new();
        for user in self.desired.users() {
            let Some(previous) = user.previous else { continue };
            if previous.identity == user.identity {
                found.push(self.same_key(&previous));
                continue;
            }
            if let Some(declared) = self.desired.find(previous.identity) {
                found.push(self.still_declared("user", &previous, declared.position));
            }
            if let Some(first) = claimed.insert(previous.identity, previous.position) {
                found.push(self.claimed_twice("user", &previous, first));
            }
        }
        for mistake in found {
            self.mistakes.push(mistake);
        }
    }

    fn former_catalog(&mut self) {
        let mut found: Vec<Diagnostic> = Vec::new();
        let mut claimed: HashMap<CatalogKey, Position> = HashMap::new();
        let catalog = &self.desired.catalog;
        for (&key, previous) in &self.desired.renames {
            let (kind, former, declared) = match key {
                CatalogKey::Organization(_) => (
                    "organization",
                    CatalogKey::Organization(previous.identity),
                    catalog.organizations.get(&previous.identity).map(|organization| organization.position),
                ),
                CatalogKey::Site(organization, _) => (
                    "site",
                    CatalogKey::Site(organization, previous.identity),
                    catalog
                        .organizations
                        .get(&organization)
                        .and_then(|organization| organization.sites.get(&previous.identity))
                        .map(|site| site.position),
                ),
                CatalogKey::Role(_) => (
                    "role",
                    CatalogKey::Role(previous.identity),
                    catalog.roles.get(&previous.identity).map(|role| role.position),
                ),
            };
            let tombstone = self.desired.tombstones.get(&former).copied();
            if let Some(position) = declared.flatten().or(tombstone) {
                found.push(self.still_declared(kind, previous, position));
            }
            if let Some(first) = claimed.insert(former, previous.position) {
                found.push(self.claimed_twice(kind, previous, first));
            }
        }
        for mistake in found {
            self.mistakes.push(mistake);
        }
    }

    fn still_declared(&self, kind: &str, previous: &Previous, position: Position) -> Diagnostic {
        let name = self.names.text(previous.name);
        Diagnostic::error(
            Code::FormerName,
            format!("`{name}` is a former name here, and {} that is declared", with_article(kind)),
        )
        .at(span(previous.position, name), "former name here")
        .and(position, "declared here")
        .help("take out one of the two: a rename takes the old name away")
    }

    fn same_key(&self, previous: &Previous) -> Diagnostic {
        let name = self.names.text(previous.name);
        Diagnostic::warning(Code::RenameDone, format!("`{name}` is the same key in another spelling"))
            .at(span(previous.position, name), "")
            .help("take this line out: spelling alone is never changed")
    }

    fn claimed_twice(&self, kind: &str, previous: &Previous, first: Position) -> Diagnostic {
        let name = self.names.text(previous.name);
        let (first, second) =
            if first <= previous.position { (first, previous.position) } else { (previous.position, first) };
        Diagnostic::error(Code::FormerName, format!("`{name}` is the former name of more than one {kind}"))
            .at(span(second, name), "here again")
            .and(first, "first here")
            .help("keep `previously` with the one that it was")
    }
}
