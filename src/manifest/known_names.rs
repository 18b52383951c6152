//! Whether names of roles, organizations and sites lead to something that is declared, and patterns to anything.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::resolve::span;
use super::suggest::{closest, listing, question};
use crate::diagnostic::{Code, Diagnostic, Position, Severity, Span};
use crate::model::{AccessRow, Catalog, CatalogKey, Desired, Fields, Name, Names, Selector, SiteRow, known, matches};
use crate::rules::{Rules, folded};
use crate::source::{Mistakes, Sources, find_hidden};

/// How a role is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoleUse {
    Organization,
    Site,
    Platform,
    Extra,
}

/// What is declared, for looking up.
pub(super) struct KnownNames<'a> {
    names: &'a Names,
    rules: &'a Rules,
    catalog: &'a Catalog,
    tombstones: &'a BTreeMap<CatalogKey, Position>,
    sources: &'a Sources,
    /// How many names "did you mean" may still look at.
    comparisons: Cell<usize>,
}

/// How many names "did you mean" looks at in one run, among those of the catalog.
const MOST_COMPARISONS: usize = 3_000_000;

impl<'a> KnownNames<'a> {
    /// For one of so many parts of a run: each has its share of the looking, so that what is suggested does not depend
    /// on which thread comes first.
    pub(super) fn new(
        (names, rules): (&'a Names, &'a Rules),
        desired: &'a Desired,
        sources: &'a Sources,
        parts: usize,
    ) -> Self {
        let Desired { catalog, tombstones, .. } = desired;
        Self { names, rules, catalog, tombstones, sources, comparisons: Cell::new(MOST_COMPARISONS / parts.max(1)) }
    }

    /// The way out of an unknown name, while looking for it is not too much. `all`: each name, with that for people.
    fn help<'t>(
        &self,
        text: &str,
        what: impl FnOnce() -> String,
        count: usize,
        all: &(impl Iterator<Item = (&'t str, Option<&'t str>)> + Clone),
    ) -> String {
        let Some(left) = self.comparisons.get().checked_sub(count) else {
            return "correct the name, or declare it".to_owned();
        };
        self.comparisons.set(left);
        let names = all.clone().map(|(name, _)| name);
        let asked = folded(text);
        let called = || all.clone().find(|(_, called)| called.is_some_and(|called| folded(called) == asked));
        let meant = self.rules.meant(text, names.clone()).or_else(|| called().map(|(name, _)| name));
        help(text, &what(), meant, names)
    }

    /// The name for people.
    fn called(&self, fields: &Fields) -> Option<&'a str> {
        fields.get(&known::NAME).and_then(|name| name.text()).map(|name| self.names.text(name))
    }

    /// "roles declared in access/roles.yaml", where one file declares them all.
    fn declared_in(&self, what: &str, mut positions: impl Iterator<Item = Option<Position>>) -> String {
        let first = positions.next().flatten().map(|position| position.file);
        match first.filter(|&file| positions.all(|position| position.is_some_and(|other| other.file == file))) {
            Some(file) => format!("{what} declared in {}", self.sources.path(file)),
            None => format!("declared {what}"),
        }
    }

    /// What to say about something that is declared absent and is named all the same.
    fn gone(&self, key: CatalogKey, position: Position) -> Option<Diagnostic> {
        let tombstone = *self.tombstones.get(&key)?;
        let (what, text) = match key {
            CatalogKey::Organization(name) => ("organization", self.names.text(name)),
            CatalogKey::Site(_, name) => ("site", self.names.text(name)),
            CatalogKey::Role(name) => ("role", self.names.text(name)),
        };
        let mistake = Diagnostic::error(Code::DeclaredAbsent, format!("{what} `{text}` is declared absent"));
        let mistake = mistake.at(span(position, text), "named here").and(tombstone, "absent here");
        Some(mistake.help("take one of the two out: what is deleted can be given to nobody"))
    }

    /// Checks everything that an access row names.
    pub(super) fn row(&self, row: &AccessRow, sites: &[SiteRow], mistakes: &mut Mistakes) {
        if row.organization == Selector::Exact(known::PLATFORM) {
            if let Some(role) = row.role {
                self.role(role, row.role_position(), Some(RoleUse::Platform), mistakes);
            }
            return;
        }
        if let Some(role) = row.role {
            self.role(role, row.role_position(), Some(RoleUse::Organization), mistakes);
        }
        match row.organization {
            Selector::Exact(organization) => {
                if self.organization(organization, row.position(), mistakes) {
                    for site in sites {
                        let position = Position::new(row.file, site.offset);
                        match site.site {
                            Selector::Exact(name) => {
                                let (organization_text, text) = (self.names.text(organization), self.names.text(name));
                                // Of `ORG/SITE` only the place of the whole is kept.
                                let is_path = site.offset == row.offset;
                                let before = if is_path { organization_text.len() + 1 } else { 0 };
                                let length = u32::try_from(before + text.len()).unwrap_or(0);
                                self.site(organization, name, Span::new(position, length), mistakes);
                            }
                            Selector::Pattern(pattern) => {
                                self.site_pattern(&[organization], pattern, position, mistakes);
                            }
                        }
                    }
                }
            }
            Selector::Pattern(pattern) => {
                let text = self.names.text(pattern);
                let matched: Vec<Name> = self.matched_organizations(text).collect();
                if matched.is_empty() {
                    let what = "no declared organization";
                    return matches_nothing(text, what, row.position(), mistakes);
                }
                for site in sites {
                    let position = Position::new(row.file, site.offset);
                    match site.site {
                        Selector::Exact(name) => {
                            if !matched.iter().any(|&organization| self.catalog.has_site(organization, name)) {
                                let what = format!("no site of an organization that matches `{text}`");
                                matches_nothing(self.names.text(name), &what, position, mistakes);
                            }
                        }
                        Selector::Pattern(pattern) => self.site_pattern(&matched, pattern, position, mistakes),
                    }
                }
            }
        }
    }

    fn matched_organizations<'p>(&self, pattern: &'p str) -> impl Iterator<Item = Name> + use<'a, 'p> {
        let names = self.names;
        self.catalog.organizations.keys().copied().filter(move |&name| matches(pattern, names.text(name)))
    }

    fn site_pattern(&self, organizations: &[Name], pattern: Name, position: Position, mistakes: &mut Mistakes) {
        let text = self.names.text(pattern);
        let any = organizations.iter().filter_map(|organization| self.catalog.organizations.get(organization)).any(
            |organization| organization.sites.keys().any(|&site| text == "*" || matches(text, self.names.text(site))),
        );
        if !any {
            matches_nothing(text, "no declared site here", position, mistakes);
        }
    }

    /// Checks a role; `given`: as what, where that matters.
    pub(super) fn role(&self, role: Name, position: Position, given: Option<RoleUse>, mistakes: &mut Mistakes) {
        let text = self.names.text(role);
        let Some(declared) = self.catalog.roles.get(&role) else {
            if is_told(text) {
                return;
            }
            if !mistakes.keeps(Code::UnknownRole, Severity::Error) {
                return mistakes.count(Code::UnknownRole, Severity::Error);
            }
            if let Some(gone) = self.gone(CatalogKey::Role(role), position) {
                return mistakes.push(gone);
            }
            let what = || self.declared_in("roles", self.catalog.roles.values().map(|role| role.position));
            let called = |name: Name| self.names.text(name);
            let all = self.catalog.roles.iter().map(|(&name, role)| (called(name), role.name.map(called)));
            let help = self.help(text, what, self.catalog.roles.len(), &all);
            let mistake = Diagnostic::error(Code::UnknownRole, format!("unknown role `{text}`"));
            return mistakes.push(mistake.at(span(position, text), "").help(help));
        };
        let Some(given) = given else { return };
        let places = declared.applies_to;
        let (applies, place) = match given {
            RoleUse::Organization => (places.organization, "in an organization"),
            RoleUse::Site => (places.site, "on a site"),
            RoleUse::Platform => (places.platform, "on the whole platform"),
            RoleUse::Extra => (places.extra, "as an extra role"),
        };
        let (message, help) = if !declared.grantable {
            (format!("role `{text}` can't be given to anybody"), "take another role; this one is not `grantable`")
        } else if !applies {
            (format!("role `{text}` can't be given {place}"), "take another role, or change its `applies_to`")
        } else {
            return;
        };
        mistakes.push(Diagnostic::error(Code::RoleNotApplicable, message).at(span(position, text), "").help(help));
    }

    /// Checks an organization, and tells whether it is declared.
    pub(super) fn organization(&self, organization: Name, position: Position, mistakes: &mut Mistakes) -> bool {
        if self.catalog.organizations.contains_key(&organization) {
            return true;
        }
        if is_told(self.names.text(organization)) {
            return false;
        }
        if !mistakes.keeps(Code::UnknownOrganization, Severity::Error) {
            mistakes.count(Code::UnknownOrganization, Severity::Error);
            return false;
        }
        if let Some(gone) = self.gone(CatalogKey::Organization(organization), position) {
            mistakes.push(gone);
            return false;
        }
        let text = self.names.text(organization);
        let organizations = self.catalog.organizations.iter();
        let all = organizations.map(|(&name, declared)| (self.names.text(name), self.called(&declared.fields)));
        let mistake = Diagnostic::error(Code::UnknownOrganization, format!("unknown organization `{text}`"));
        let positions = self.catalog.organizations.values().map(|organization| organization.position);
        let what = || self.declared_in("organizations", positions);
        let help = self.help(text, what, self.catalog.organizations.len(), &all);
        mistakes.push(mistake.at(span(position, text), "").help(help));
        false
    }

    /// Checks a site of an organization; an unknown organization is told elsewhere.
    pub(super) fn site(&self, organization: Name, site: Name, place: Span, mistakes: &mut Mistakes) {
        let Some(declared) = self.catalog.organizations.get(&organization) else { return };
        if declared.sites.contains_key(&site) || is_told(self.names.text(site)) {
            return;
        }
        if !mistakes.keeps(Code::UnknownSite, Severity::Error) {
            return mistakes.count(Code::UnknownSite, Severity::Error);
        }
        if let Some(gone) = self.gone(CatalogKey::Site(organization, site), place.start) {
            return mistakes.push(gone);
        }
        let (text, of) = (self.names.text(site), self.names.text(organization));
        let all = declared.sites.iter().map(|(&name, site)| (self.names.text(name), self.called(&site.fields)));
        let mistake = Diagnostic::error(Code::UnknownSite, format!("organization `{of}` has no site `{text}`"));
        let help = self.help(text, || "its sites".to_owned(), declared.sites.len(), &all);
        mistakes.push(mistake.at(place, "").help(help));
    }

    /// Checks a site of the organizations that a pattern matches.
    pub(super) fn site_anywhere(&self, pattern: Name, site: Name, position: Position, mistakes: &mut Mistakes) {
        let pattern = self.names.text(pattern);
        if self.matched_organizations(pattern).any(|organization| self.catalog.has_site(organization, site)) {
            return;
        }
        let text = self.names.text(site);
        if is_told(text) {
            return;
        }
        let message = format!("no organization that matches `{pattern}` has a site `{text}`");
        let mistake = Diagnostic::error(Code::UnknownSite, message).at(span(position, text), "");
        mistakes.push(mistake.help("name a site that is declared"));
    }
}

/// Whether the reader of the file has told already what is wrong with this name: characters that nobody sees.
fn is_told(name: &str) -> bool {
    find_hidden(name).is_some()
}

fn matches_nothing(text: &str, what: &str, position: Position, mistakes: &mut Mistakes) {
    let message = format!("`{text}` matches {what}");
    mistakes.push(
        Diagnostic::warning(Code::PatternMatchesNothing, message)
            .at(position, "")
            .help("it gives nothing until something that it matches is declared"),
    );
}

/// The way out of an unknown name: what was probably meant, and what there is.
pub(super) fn help<'a>(
    text: &str,
    what: &str,
    meant: Option<&'a str>,
    all: impl Iterator<Item = &'a str> + Clone,
) -> String {
    let close = meant.or_else(|| closest(text, all.clone()));
    let listed = listing(all.collect());
    match (close, listed.is_empty()) {
        (Some(close), _) => format!("{} {what}: {listed}", question(text, close)),
        (None, false) => format!("{what}: {listed}"),
        (None, true) => format!("{what}: none"),
    }
}
