//! Who is in which team, and whether names lead somewhere, once all files are in.
//!
//! If a file was not read to its end, what seems unknown may be declared there: no unknown reference is told then.

use std::collections::BTreeMap;

use super::cycles::circles;
use super::facts::{Reference, Target};
use super::known_names::KnownNames;
use super::merge::Merged;
use crate::diagnostic::{Code, Diagnostic, Position, Severity, Span};
use crate::model::{Fields, Link, Name, Selector, Site, SourceId, SourceLabel, Value, known};
use crate::source::{Sources, find_hidden};

/// How many sources the closures of all sources may name together; real ones name a few each. A hostile tower of
/// teams would name the square of its height.
const MOST_IN_CLOSURES: usize = 5_000_000;

/// So many names of a circle are written out.
const LONGEST_CIRCLE: usize = 20;

/// How much work "did you mean" may take among users, in comparisons.
pub(super) const MOST_COMPARISONS: usize = 3_000_000;

impl Merged<'_> {
    /// Links users to sources, closes sources over nested teams, and checks references and circles.
    pub(super) fn resolve(&mut self, sources: &Sources) {
        self.link_users();
        self.check_former();
        self.close_sources();
        if self.check_work() {
            self.check_references(sources);
        }
        self.check_circles();
        self.check_default_sites();
        self.check_look_alikes();
    }

    fn link_users(&mut self) {
        let mut links: Vec<(u32, Link)> = Vec::with_capacity(self.members.len() + self.teams_of_users.len());
        let mut comparisons = MOST_COMPARISONS;
        for member in std::mem::take(&mut self.members) {
            let row = self.desired.row_of(member.identity);
            links.extend(row.map(|row| (row, Link { source: member.source, position: member.position })));
            if self.is_leaving(member.identity) {
                self.leftover(member.name, member.identity, member.position);
            } else if row.is_none() && !self.broken {
                self.unknown_user(member.name, member.position, &mut comparisons);
            }
        }
        for mention in std::mem::take(&mut self.teams_of_users) {
            match self.teams.get(&mention.team) {
                Some(&source) => {
                    if let Some(row) = self.desired.row_of(mention.by) {
                        links.push((row, Link { source, position: mention.position }));
                    }
                }
                None => self.unknown_team(mention.team, mention.position),
            }
        }
        self.desired.set_links(links);
    }

    fn unknown_user(&mut self, name: Name, position: Position, comparisons: &mut usize) {
        if !self.mistakes.keeps(Code::UnknownUser, Severity::Error) {
            return self.mistakes.count(Code::UnknownUser, Severity::Error);
        }
        let text = self.names.text(name);
        let mut help = None;
        if let Some(left) = comparisons.checked_sub(self.desired.len()) {
            *comparisons = left;
            help = super::suggest::closest(text, self.desired.users().map(|user| self.names.text(user.key)));
        }
        let help = match help {
            Some(close) => super::suggest::question(text, close),
            None => "declare the user under `users`".to_owned(),
        };
        let mistake = Diagnostic::error(Code::UnknownUser, format!("unknown user `{text}`"));
        self.mistakes.push(mistake.at(span(position, text), "").help(help));
    }

    fn unknown_team(&mut self, team: Name, position: Position) {
        if self.broken {
            return;
        }
        if !self.mistakes.keeps(Code::UnknownTeam, Severity::Error) {
            return self.mistakes.count(Code::UnknownTeam, Severity::Error);
        }
        let text = self.names.text(team);
        if find_hidden(text).is_some() {
            // The reader of the file has told it already.
            return;
        }
        let help = match self.team_comparisons.checked_sub(self.teams.len()) {
            Some(left) => {
                self.team_comparisons = left;
                super::known_names::help(
                    text,
                    "declared teams",
                    None,
                    self.teams.keys().map(|&team| self.names.text(team)),
                )
            }
            None => "correct the name, or declare it".to_owned(),
        };
        let mistake = Diagnostic::error(Code::UnknownTeam, format!("unknown team `{text}`"));
        self.mistakes.push(mistake.at(span(position, text), "").help(help));
    }

    /// What else the members of each source have: the teams that contain it, and the site grants that name one of
    /// these.
    fn close_sources(&mut self) {
        // What each source is contained in.
        let mut containers: Vec<Vec<usize>> = vec![Vec::new(); self.desired.sources.len()];
        for mention in std::mem::take(&mut self.teams_of_sources) {
            match self.teams.get(&mention.team) {
                Some(team) => containers[team.0 as usize].push(mention.by.0 as usize),
                None => self.unknown_team(mention.team, mention.position),
            }
        }
        let texts: Vec<&str> = self.desired.sources.iter().map(|source| self.label(source.label)).collect();
        let positions: Vec<Option<Position>> =
            self.desired.sources.iter().map(|source| Some(source.position)).collect();
        let found = tell_circles(Code::TeamCycle, "teams contain each other", &containers, &texts, &positions);
        let mut left = MOST_IN_CLOSURES;
        let mut seen: Vec<usize> = vec![usize::MAX; containers.len()];
        let mut too_large = None;
        for source in 0..containers.len() {
            let mut closure: Vec<SourceId> = Vec::new();
            let mut waiting = vec![source];
            while let Some(next) = waiting.pop() {
                if seen[next] == source {
                    continue;
                }
                seen[next] = source;
                closure.push(SourceId(u32::try_from(next).unwrap_or(u32::MAX)));
                waiting.extend_from_slice(&containers[next]);
            }
            closure.sort_unstable();
            closure.shrink_to_fit();
            let Some(still) = left.checked_sub(closure.len()) else {
                too_large = Some(self.desired.sources[source].position);
                break;
            };
            left = still;
            self.desired.sources[source].closure = closure;
        }
        for mistake in found {
            self.mistakes.push(mistake);
        }
        if let Some(position) = too_large {
            // What follows would walk along what is refused here.
            self.broken = true;
            self.mistakes.push(
                Diagnostic::error(Code::TooLarge, "teams contain one another too often")
                    .at(position, "")
                    .help("nest teams less deeply"),
            );
        }
    }

    fn label(&self, label: SourceLabel) -> &str {
        match label {
            SourceLabel::Team(team) => self.names.text(team),
            SourceLabel::SiteGrant => "a site grant",
        }
    }

    fn check_references(&mut self, sources: &Sources) {
        if self.broken {
            return;
        }
        let known = KnownNames::new((self.names, self.rules), &self.desired, sources, 1);
        let mistakes = &mut self.mistakes;
        for &Reference { target, name, file, offset } in &self.references {
            let position = Position::new(file, offset);
            match target {
                Target::AnyRole => known.role(name, position, None, mistakes),
                Target::ExtraRole => known.role(name, position, Some(super::known_names::RoleUse::Extra), mistakes),
                Target::SiteRole => known.role(name, position, Some(super::known_names::RoleUse::Site), mistakes),
                Target::Organization => {
                    known.organization(name, position, mistakes);
                }
                Target::Site(Selector::Exact(organization)) => {
                    known.site(organization, name, span(position, self.names.text(name)), mistakes);
                }
                Target::Site(Selector::Pattern(pattern)) => known.site_anywhere(pattern, name, position, mistakes),
            }
        }
        for row in &self.desired.rows {
            known.row(row, self.desired.sites_of(row), mistakes);
        }
    }

    /// Circles among roles that include each other, organizations and sites whose parents they are, and sites that
    /// include each other.
    fn check_circles(&mut self) {
        let catalog = &self.desired.catalog;
        let mut found = Vec::new();
        let roles: BTreeMap<Name, (Option<Position>, Vec<Name>)> = catalog
            .roles
            .iter()
            .map(|(&name, role)| (name, (role.position, self.names.elements(role.includes).to_vec())))
            .collect();
        found.extend(self.circles_of("roles include each other", &roles));
        let organizations = catalog.organizations.iter().map(|(&name, organization)| {
            let parent = organization.fields.get(&known::PARENT).and_then(|value| value.text());
            (name, (organization.position, parent.into_iter().collect()))
        });
        found.extend(self.circles_of("organizations are each other's parents", &organizations.collect()));
        let includes = catalog
            .organizations
            .iter()
            .map(|(&name, organization)| (name, (organization.position, self.included(&organization.fields))));
        found.extend(self.circles_of("organizations include each other", &includes.collect()));
        for organization in catalog.organizations.values() {
            let parents = organization.sites.iter().map(|(&name, site)| {
                let parent = site.fields.get(&known::PARENT).and_then(|value| value.text());
                (name, (site.position, parent.into_iter().collect()))
            });
            found.extend(self.circles_of("sites are each other's parents", &parents.collect()));
            let includes =
                organization.sites.iter().map(|(&name, site)| (name, (site.position, self.included(&site.fields))));
            found.extend(self.circles_of("sites include each other", &includes.collect()));
        }
        for mistake in found {
            self.mistakes.push(mistake);
        }
    }

    /// One site of an organization is the default one.
    fn check_default_sites(&mut self) {
        let mut found = Vec::new();
        for (&name, organization) in &self.desired.catalog.organizations {
            let is_default = |site: &&Site| site.fields.get(&known::DEFAULT) == Some(&Value::Bool(true));
            let mut places: Vec<(Position, &str)> = organization
                .sites
                .iter()
                .filter(|(_, site)| is_default(site))
                .filter_map(|(&site, declared)| Some((declared.position?, self.names.text(site))))
                .collect();
            places.sort_unstable();
            let Some((&(first, first_site), others)) = places.split_first() else { continue };
            for &(position, site) in others {
                let organization = self.names.text(name);
                let message =
                    format!("organization `{organization}` has two default sites: `{first_site}` and `{site}`");
                found.push(
                    Diagnostic::error(Code::ConflictingDefaultSites, message)
                        .at(span(position, site), "this one")
                        .and(span(first, first_site), "and this one")
                        .help("keep `default: true` with one of them"),
                );
            }
        }
        for mistake in found {
            self.mistakes.push(mistake);
        }
    }

    fn included(&self, fields: &Fields) -> Vec<Name> {
        match fields.get(&known::INCLUDES) {
            Some(Value::Set(list)) => self.names.elements(*list).to_vec(),
            Some(Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_)) | None => Vec::new(),
        }
    }

    fn circles_of(&self, what: &str, nodes: &BTreeMap<Name, (Option<Position>, Vec<Name>)>) -> Vec<Diagnostic> {
        if nodes.values().all(|(_, next)| next.is_empty()) {
            return Vec::new();
        }
        let names: Vec<Name> = nodes.keys().copied().collect();
        let edges: Vec<Vec<usize>> = nodes
            .values()
            .map(|(_, next)| next.iter().filter_map(|name| names.binary_search(name).ok()).collect())
            .collect();
        let texts: Vec<&str> = names.iter().map(|&name| self.names.text(name)).collect();
        let positions: Vec<Option<Position>> = nodes.values().map(|(position, _)| *position).collect();
        let mut found = tell_circles(Code::IncludeCycle, what, &edges, &texts, &positions);
        if let Some(at) = too_deep(&edges) {
            let mistake = Diagnostic::error(Code::TooLarge, format!("`{}` reaches too many others", texts[at]));
            let mistake = mistake.help("include fewer in one another: a few levels are enough");
            found.push(match positions[at] {
                Some(position) => mistake.at(span(position, texts[at]), ""),
                None => mistake,
            });
        }
        found
    }
}

/// The first node from which on all that is reached, from each by itself, is more than a plan can follow.
fn too_deep(edges: &[Vec<usize>]) -> Option<usize> {
    let mut left = MOST_IN_CLOSURES;
    let mut seen: Vec<usize> = vec![usize::MAX; edges.len()];
    (0..edges.len()).find(|&start| {
        let mut waiting = vec![start];
        while let Some(next) = waiting.pop() {
            if std::mem::replace(&mut seen[next], start) == start {
                continue;
            }
            let Some(still) = left.checked_sub(1 + edges[next].len()) else { return true };
            left = still;
            waiting.extend_from_slice(&edges[next]);
        }
        false
    })
}

/// One error for each circle, at the node that is declared first.
fn tell_circles(
    code: Code,
    what: &str,
    edges: &[Vec<usize>],
    texts: &[&str],
    positions: &[Option<Position>],
) -> Vec<Diagnostic> {
    let mut mistakes = Vec::new();
    for mut circle in circles(edges) {
        if code == Code::TeamCycle {
            // The edges of teams lead to what contains them; people read it the other way round.
            circle.reverse();
        }
        let first = (0..circle.len()).min_by_key(|&at| positions[circle[at]]).unwrap_or(0);
        circle.rotate_left(first);
        let mut along: Vec<&str> = circle.iter().map(|&node| texts[node]).collect();
        along.extend(along.first().copied());
        let more = along.len().saturating_sub(LONGEST_CIRCLE);
        if more > 0 {
            along.drain(LONGEST_CIRCLE - 1..along.len() - 1);
        }
        let more = if more > 0 { format!(" ({more} more between the last two)") } else { String::new() };
        let mistake = Diagnostic::error(code, format!("{what}: {}{more}", along.join(", ")));
        let place = positions[circle[0]];
        let mistake = match place {
            Some(position) => mistake.at(span(position, texts[circle[0]]), ""),
            None => mistake,
        };
        let others = circle.iter().skip(1).take(LONGEST_CIRCLE).filter_map(|&at| Some((positions[at]?, texts[at])));
        let mistake = others.fold(mistake, |mistake, (position, text)| mistake.and(span(position, text), "and here"));
        mistakes.push(mistake.help("take one of them out of another"));
    }
    mistakes
}

/// The stretch of a name that stands at a position.
pub(super) fn span(position: Position, text: &str) -> Span {
    Span::new(position, u32::try_from(text.len()).unwrap_or(0))
}
