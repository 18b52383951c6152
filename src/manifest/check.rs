//! What can be seen only when all sources of one user are added up: roles that contradict each other, grants without a
//! membership, and users to whom nothing gives anything. Users are checked on all cores.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::check_time::NeverInForce;
use super::facts::{Reference, Target};
use super::known_names::KnownNames;
use super::resolve::span;
use crate::diagnostic::{Code, Diagnostic, Position, Severity};
use crate::model::{Conflict, Desired, Effective, Name, Names, Piece, Selector, SourceId, UserView};
use crate::rules::Rules;
use crate::source::{Mistakes, Sources};

/// How many users one thread takes at a time.
const CHUNK: usize = 4096;

/// What the checks look at.
pub(super) struct Check<'a> {
    pub(super) names: &'a Names,
    pub(super) desired: &'a Desired,
    pub(super) rules: &'a Rules,
    pub(super) sources: &'a Sources,
    /// By row of the user: whether the user says how it stands with access.
    pub(super) stated: &'a [bool],
    /// Where default sites stand, among others: rows keep no place of theirs.
    pub(super) references: &'a [Reference],
}

/// Where a conflict shows: many people in the same two teams make one mistake.
type Place = (Code, Position, Option<Position>);

/// Organizations with the sources that give a role there which reaches every site.
type ReachingAll = HashSet<(Name, Option<SourceId>)>;

/// What is wrong about what somebody is given.
enum Trouble {
    Conflict(Conflict),
    NeverInForce(NeverInForce),
}

/// A trouble, with the first person (by text of the key) that it hits, and how many it hits.
struct Hit {
    trouble: Trouble,
    user: Name,
    people: usize,
}

#[derive(Default)]
struct Found {
    mistakes: Mistakes,
    hits: HashMap<Place, Hit>,
}

impl Check<'_> {
    /// Checks every user.
    pub(super) fn users(&self) -> Mistakes {
        let chunks = self.desired.len().div_ceil(CHUNK);
        let parts: Vec<Found> = (0..chunks).into_par_iter().map(|chunk| self.chunk(chunk, chunks)).collect();
        let mut mistakes = Mistakes::default();
        let mut hits: HashMap<Place, Hit> = HashMap::new();
        for part in parts {
            mistakes.append(part.mistakes);
            for (place, hit) in part.hits {
                self.add_hit(&mut hits, place, hit);
            }
        }
        let mut hits: Vec<(Place, Hit)> = hits.into_iter().collect();
        hits.sort_unstable_by_key(|&(place, _)| place);
        for ((code, ..), hit) in hits {
            // Those that would not be kept are not made.
            let severity = severity_of(&hit.trouble);
            if mistakes.keeps(code, severity) {
                mistakes.push(self.trouble(&hit));
            } else {
                mistakes.count(code, severity);
            }
        }
        mistakes
    }

    fn chunk(&self, chunk: usize, chunks: usize) -> Found {
        let mut found = Found::default();
        let known = KnownNames::new((self.names, self.rules), self.desired, self.sources, chunks);
        let (mut pieces, mut conflicts, mut effective) = (Vec::new(), Vec::new(), Effective::default());
        let start = chunk * CHUNK;
        for row in start..(start + CHUNK).min(self.desired.len()) {
            let user = self.desired.user(row);
            for own in user.rows {
                known.row(own, self.desired.sites_of(own), &mut found.mistakes);
            }
            user.pieces(self.names, &mut pieces);
            if pieces.is_empty() && !self.stated[row] && !self.has_pattern(&user) {
                self.no_access(&user, &mut found.mistakes);
            }
            if !user.is_leaving() {
                for never in self.never_in_force(&user, &pieces) {
                    let place = (Code::NeverInForce, never.piece.position, Some(never.needed));
                    let trouble = Trouble::NeverInForce(never);
                    self.add_hit(&mut found.hits, place, Hit { trouble, user: user.key, people: 1 });
                }
            }
            conflicts.clear();
            effective.fold(&self.desired.catalog, self.names, &mut pieces, &mut conflicts);
            // What still names somebody who is leaving is a warning of its own (`check_former`): nothing comes of it.
            if user.is_leaving() {
                conflicts.retain(|conflict| !matches!(conflict, Conflict::GrantWithoutMembership(_)));
            }
            let reaching_all = self.reaching_all(&conflicts, &pieces);
            for conflict in conflicts.drain(..) {
                if let Some(place) = self.place(&conflict, &reaching_all) {
                    self.add_hit(
                        &mut found.hits,
                        place,
                        Hit { trouble: Trouble::Conflict(conflict), user: user.key, people: 1 },
                    );
                }
            }
        }
        found
    }

    fn add_hit(&self, hits: &mut HashMap<Place, Hit>, place: Place, hit: Hit) {
        let Some(known) = hits.get_mut(&place) else {
            hits.insert(place, hit);
            return;
        };
        known.people += hit.people;
        if self.names.text(hit.user) < self.names.text(known.user) {
            known.user = hit.user;
            known.trouble = hit.trouble;
        }
    }

    /// Whether a source names places by a pattern for this user: that it matches nothing has a warning of its own.
    fn has_pattern(&self, user: &UserView<'_>) -> bool {
        let desired = self.desired;
        let through = user.links.iter().flat_map(|link| &desired.source(link.source).closure);
        let rows = through.flat_map(|&source| desired.rows_of(source)).chain(user.rows);
        let is_pattern = |selector: &Selector| matches!(selector, Selector::Pattern(_));
        rows.into_iter()
            .any(|row| is_pattern(&row.organization) || desired.sites_of(row).iter().any(|site| is_pattern(&site.site)))
    }

    fn no_access(&self, user: &UserView<'_>, mistakes: &mut Mistakes) {
        let gives = |declared: &crate::model::DeclaredFact| self.rules.is_access(self.names.text(declared.fact.field));
        if user.facts.iter().any(gives) {
            return;
        }
        let key = self.names.text(user.key);
        mistakes.push(
            Diagnostic::error(Code::NoAccessStated, format!("nothing gives `{key}` any access"))
                .at(span(user.position, key), "")
                .help("if that is meant, write `access: {}`"),
        );
    }

    /// Where a conflict shows; `None` if it is none after all, or follows from a mistake that is told elsewhere.
    fn place(&self, conflict: &Conflict, reaching_all: &ReachingAll) -> Option<Place> {
        let catalog = &self.desired.catalog;
        let is_declared = |piece: &Piece| match (piece.organization, piece.site) {
            (crate::model::known::PLATFORM, _) => true,
            (organization, None) => catalog.organizations.contains_key(&organization),
            (organization, Some(site)) => catalog.has_site(organization, site),
        };
        match conflict {
            Conflict::Roles(first, second) => {
                let known = |piece: &Piece| catalog.role(piece.role).is_some();
                let (earlier, later) = ordered(first.role_position, second.role_position);
                (known(first) && known(second)).then_some((Code::ConflictingRoles, later, Some(earlier)))
            }
            Conflict::DefaultSites(first, second) => {
                let (earlier, later) = ordered(first.position, second.position);
                Some((Code::ConflictingDefaultSites, later, Some(earlier)))
            }
            Conflict::DefaultSiteNotGranted(piece) => {
                let declared = piece.default_site.is_some_and(|site| catalog.has_site(piece.organization, site));
                (declared && !self.rules.gives_default_site()).then_some((
                    Code::DefaultSiteNotGranted,
                    piece.position,
                    None,
                ))
            }
            Conflict::GrantWithoutMembership(piece) => {
                is_declared(piece).then_some((Code::GrantWithoutMembership, piece.position, None))
            }
            Conflict::LeftAlone(leaving, giving) => {
                let (earlier, later) = ordered(leaving.position, giving.position);
                Some((Code::ConflictingUnmanaged, later, Some(earlier)))
            }
            Conflict::SiteUnderAll(piece) => {
                // A team that some join as managers lists its sites for the others.
                let same_source = reaching_all.contains(&(piece.organization, piece.source));
                same_source.then_some((Code::SitesUnderAll, piece.position, None))
            }
        }
    }

    /// Who gives a role that reaches every site, and where; looked for only if a conflict asks.
    fn reaching_all(&self, conflicts: &[Conflict], pieces: &[Piece]) -> ReachingAll {
        if !conflicts.iter().any(|conflict| matches!(conflict, Conflict::SiteUnderAll(_))) {
            return ReachingAll::new();
        }
        let reaches = |piece: &&Piece| piece.site.is_none() && self.desired.catalog.reaches_all(piece.role);
        pieces.iter().filter(reaches).map(|piece| (piece.organization, piece.source)).collect()
    }

    fn trouble(&self, hit: &Hit) -> Diagnostic {
        let user = self.names.text(hit.user);
        let who = match hit.people {
            1 => format!("`{user}`"),
            2 => format!("`{user}` and one more"),
            people => format!("`{user}` and {} more", people - 1),
        };
        match &hit.trouble {
            Trouble::Conflict(conflict) => self.conflict(conflict, &who),
            Trouble::NeverInForce(never) => self.tell_never_in_force(never, &who),
        }
    }

    fn conflict(&self, conflict: &Conflict, who: &str) -> Diagnostic {
        let text = |name: Name| self.names.text(name);
        let place = |piece: &Piece| match (piece.organization, piece.site) {
            (crate::model::known::PLATFORM, _) => "on the whole platform".to_owned(),
            (organization, None) => format!("in `{}`", text(organization)),
            (organization, Some(site)) => format!("on `{}/{}`", text(organization), text(site)),
        };
        let role = |piece: &Piece| piece.role.map_or("none", text);
        match conflict {
            Conflict::Roles(first, second) => {
                let (first, second) =
                    if first.role_position <= second.role_position { (first, second) } else { (second, first) };
                let message = format!(
                    "{who} would have two roles {}, and no rank decides: `{}` and `{}`",
                    place(first),
                    role(first),
                    role(second)
                );
                Diagnostic::error(Code::ConflictingRoles, message)
                    .at(self.role_span(second), role(second))
                    .and(self.role_span(first), role(first))
                    .help("keep one of them, or give the two roles different ranks")
            }
            Conflict::DefaultSites(first, second) => {
                let (first, second) = if first.position <= second.position { (first, second) } else { (second, first) };
                let site = |piece: &Piece| piece.default_site.map_or("none", text);
                let message = format!(
                    "{who} would have two default sites {}: `{}` and `{}`",
                    place(first),
                    site(first),
                    site(second)
                );
                Diagnostic::error(Code::ConflictingDefaultSites, message)
                    .at(self.default_site_span(second), site(second))
                    .and(self.default_site_span(first), site(first))
                    .help("keep one of them")
            }
            Conflict::DefaultSiteNotGranted(piece) => {
                let site = piece.default_site.map_or("", text);
                let message = format!("{who} would have the default site `{site}` without a grant on it");
                Diagnostic::error(Code::DefaultSiteNotGranted, message)
                    .at(self.default_site_span(piece), "")
                    .help("add the site to `sites`, or take another default site")
            }
            Conflict::GrantWithoutMembership(piece) => {
                let organization = text(piece.organization);
                let message = format!("{who} would have a grant {} and is no member of `{organization}`", place(piece));
                Diagnostic::error(Code::GrantWithoutMembership, message)
                    .at(piece.position, "")
                    .help("give a membership, from any source: with a role, or `{}` for one without")
            }
            Conflict::LeftAlone(leaving, giving) => {
                let message = format!("{who} is given something {} that another line leaves alone", place(giving));
                Diagnostic::error(Code::ConflictingUnmanaged, message)
                    .at(giving.position, "given here")
                    .and(leaving.position, "`unmanaged` here")
                    .help("keep one of them: what others manage can't be declared too")
            }
            Conflict::SiteUnderAll(piece) => {
                let organization = text(piece.organization);
                let message =
                    format!("these sites are listed under a role that reaches every site of `{organization}`");
                Diagnostic::warning(Code::SitesUnderAll, message)
                    .at(piece.position, "")
                    .help("leave them out: nothing comes of them")
            }
        }
    }

    /// Where the default site of a piece stands: after the place of its organization, and anywhere beside its sites.
    fn default_site_span(&self, piece: &Piece) -> crate::diagnostic::Span {
        let Some(site) = piece.default_site else { return piece.position.into() };
        let Position { file, offset: from } = piece.position;
        let is_it = |reference: &&Reference| {
            reference.file == file && reference.name == site && matches!(reference.target, Target::Site(_))
        };
        let stated = self.references.iter().filter(is_it).map(|reference| reference.offset);
        let nearest = match piece.site {
            None => stated.filter(|&offset| offset > from).min(),
            Some(_) => stated.min_by_key(|offset| offset.abs_diff(from)),
        };
        span(Position::new(file, nearest.unwrap_or(from)), self.names.text(site))
    }

    fn role_span(&self, piece: &Piece) -> crate::diagnostic::Span {
        // Of a grant only the place of its site is kept.
        if piece.site.is_some() {
            return piece.role_position.into();
        }
        span(piece.role_position, piece.role.map_or("", |role| self.names.text(role)))
    }
}

const fn severity_of(trouble: &Trouble) -> Severity {
    match trouble {
        Trouble::NeverInForce(_) | Trouble::Conflict(Conflict::SiteUnderAll(_)) => Severity::Warning,
        Trouble::Conflict(
            Conflict::Roles(..)
            | Conflict::DefaultSites(..)
            | Conflict::DefaultSiteNotGranted(_)
            | Conflict::GrantWithoutMembership(_)
            | Conflict::LeftAlone(..),
        ) => Severity::Error,
    }
}

fn ordered(first: Position, second: Position) -> (Position, Position) {
    if first <= second { (first, second) } else { (second, first) }
}
