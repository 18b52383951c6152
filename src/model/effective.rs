//! From contributions to access: the pieces that reach one user, and what they add up to.
//!
//! `language.md` §2 (patterns) and §3, 2 to 4 (exact access, sources add up, all sites). `explain` and the origins of
//! actions read the same pieces that the result is folded from.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use super::catalog::{Catalog, CatalogKey};
use super::desired::{AccessRow, Desired, LeftAlone, Selector, SourceId};
use super::fact::{Grant, Membership};
use super::name::{List, Name, Names};
use super::user_view::UserView;
use super::window::Window;
use crate::diagnostic::Position;

/// One contribution to one user in one place, after patterns were resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Where.
    pub organization: Name,
    /// A site grant if there is a site, else a membership, or what others manage of one.
    pub site: Option<Name>,
    /// Whether it makes the user a member; a site grant, and what only leaves something alone, do not.
    pub membership: bool,
    /// As what.
    pub role: Option<Name>,
    /// Extra roles, of a membership.
    pub extra_roles: List,
    /// The preselected site, of a membership; also on the grants of a source that gives sites and no membership.
    pub default_site: Option<Name>,
    /// The line that says so.
    pub position: Position,
    /// Where its role stands.
    pub role_position: Position,
    /// Through which team or site grant; `None` from the user's own access.
    pub source: Option<SourceId>,
    /// When it is in force.
    pub window: Window,
    /// What others manage of the membership.
    pub left_alone: LeftAlone,
    /// The pattern by which the organization was found, if the line has one: it includes later ones.
    pub organization_pattern: Option<Name>,
    /// The pattern by which the site was found.
    pub site_pattern: Option<Name>,
}

/// What is wrong, or odd, about what a user is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// Two roles in one place, and no rank decides.
    Roles(Piece, Piece),
    /// Two default sites in one organization.
    DefaultSites(Piece, Piece),
    /// The default site is not among the user's sites.
    DefaultSiteNotGranted(Piece),
    /// A grant, and no membership from any source.
    GrantWithoutMembership(Piece),
    /// What one source leaves to others (the first) is given by another source (the second).
    LeftAlone(Piece, Piece),
    /// A site without a role, listed under a role that reaches every site: nothing comes of it.
    SiteUnderAll(Piece),
}

/// The access that a user should have. Both lists are sorted by handle, without repetition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effective {
    /// Memberships; one in [`super::known::PLATFORM`] if there are platform roles.
    pub memberships: Vec<Membership>,
    /// Site grants. Where the membership reaches every site, only those with a role of their own.
    pub grants: Vec<Grant>,
    /// What others manage, by organization, sorted by handle.
    pub left_alone: Vec<(Name, LeftAlone)>,
}

impl UserView<'_> {
    /// What reaches this user at this time, from own rows, teams and site grants, replacing what is in `pieces`.
    pub fn pieces_at(&self, names: &Names, at: Timestamp, pieces: &mut Vec<Piece>) {
        self.pieces(names, pieces);
        pieces.retain(|piece| piece.window.holds(at));
    }

    /// Everything that reaches this user at any time, replacing what is in `pieces`.
    pub fn pieces(&self, names: &Names, pieces: &mut Vec<Piece>) {
        pieces.clear();
        let desired = self.desired;
        expand(desired, names, self.rows, None, pieces);
        let mut reached: Vec<SourceId> = Vec::new();
        for link in self.links {
            reached.extend_from_slice(&desired.source(link.source).closure);
        }
        reached.sort_unstable();
        reached.dedup();
        for source in reached {
            expand(desired, names, desired.rows_of(source), Some(source), pieces);
        }
    }
}

/// Adds the pieces of one source's rows. Within a source, an exact name replaces patterns.
fn expand(desired: &Desired, names: &Names, rows: &[AccessRow], source: Option<SourceId>, pieces: &mut Vec<Piece>) {
    let mut exact: Vec<Name> = Vec::new();
    if rows.iter().any(|row| matches!(row.organization, Selector::Pattern(_))) {
        exact.extend(rows.iter().filter_map(|row| match row.organization {
            Selector::Exact(organization) => Some(organization),
            Selector::Pattern(_) => None,
        }));
        exact.sort_unstable();
    }
    for row in rows {
        match row.organization {
            Selector::Exact(organization) => expand_row(desired, names, row, organization, source, pieces),
            Selector::Pattern(pattern) => {
                let pattern = names.text(pattern);
                let declared = desired.catalog.organizations.keys().copied();
                // What is declared absent is given to nobody, and left alone like the rest.
                let absent = desired.tombstones.keys().filter_map(|key| match key {
                    CatalogKey::Organization(organization) => Some(*organization).filter(|_| row.left_alone.membership),
                    CatalogKey::Site(..) | CatalogKey::Role(_) => None,
                });
                for organization in declared.chain(absent) {
                    if matches(pattern, names.text(organization)) && exact.binary_search(&organization).is_err() {
                        expand_row(desired, names, row, organization, source, pieces);
                    }
                }
            }
        }
    }
}

fn expand_row(
    desired: &Desired,
    names: &Names,
    row: &AccessRow,
    organization: Name,
    source: Option<SourceId>,
    pieces: &mut Vec<Piece>,
) {
    let piece = Piece {
        organization,
        site: None,
        membership: row.membership,
        role: row.role,
        extra_roles: row.extra_roles,
        // Where a pattern names the organizations, a default site counts where it is declared.
        default_site: row.default_site.filter(|&site| {
            matches!(row.organization, Selector::Exact(_)) || desired.catalog.has_site(organization, site)
        }),
        position: row.position(),
        role_position: row.role_position(),
        source,
        window: desired.windows.get(row.window),
        left_alone: row.left_alone,
        organization_pattern: row.organization.pattern(),
        site_pattern: None,
    };
    if row.membership || row.left_alone.any() {
        pieces.push(piece);
    }
    let sites = desired.sites_of(row);
    // Many names beside a pattern must not make a square of their number.
    let mut exact: Vec<Name> = Vec::new();
    if sites.iter().any(|site| matches!(site.site, Selector::Pattern(_))) {
        exact.extend(sites.iter().filter_map(|site| match site.site {
            Selector::Exact(site) => Some(site),
            Selector::Pattern(_) => None,
        }));
        exact.sort_unstable();
    }
    for site_row in sites {
        let position = Position::new(row.file, site_row.offset);
        let mut push = |site| {
            pieces.push(Piece {
                site: Some(site),
                membership: false,
                left_alone: LeftAlone::NOTHING,
                site_pattern: site_row.site.pattern(),
                role: site_row.role,
                extra_roles: List::EMPTY,
                // A row that makes nobody a member has no other piece that could carry it.
                default_site: if row.membership { None } else { row.default_site },
                position,
                role_position: position,
                ..piece
            });
        };
        match site_row.site {
            // Where a pattern names the organizations, a site counts where it is declared.
            Selector::Exact(site) => {
                if matches!(row.organization, Selector::Exact(_)) || desired.catalog.has_site(organization, site) {
                    push(site);
                }
            }
            Selector::Pattern(pattern) => {
                let Some(declared) = desired.catalog.organizations.get(&organization) else { continue };
                let pattern = names.text(pattern);
                for &site in declared.sites.keys() {
                    if matches(pattern, names.text(site)) && exact.binary_search(&site).is_err() {
                        push(site);
                    }
                }
            }
        }
    }
}

impl Effective {
    /// What others manage in one organization.
    #[must_use]
    pub fn left_alone_in(&self, organization: Name) -> LeftAlone {
        let here = self.left_alone.binary_search_by_key(&organization, |&(of, _)| of);
        here.map_or(LeftAlone::NOTHING, |at| self.left_alone[at].1)
    }

    /// The site grants in an organization.
    #[must_use]
    pub fn grants_in(&self, organization: Name) -> &[Grant] {
        let from = self.grants.partition_point(|grant| grant.organization < organization);
        let rest = &self.grants[from..];
        &rest[..rest.partition_point(|grant| grant.organization == organization)]
    }

    /// Folds pieces into access, replacing what `self` held. `pieces` is left sorted by place. Conflicts are added to
    /// `conflicts`; in a place with a conflict the first piece stands.
    pub fn fold(&mut self, catalog: &Catalog, names: &Names, pieces: &mut [Piece], conflicts: &mut Vec<Conflict>) {
        self.memberships.clear();
        self.grants.clear();
        self.left_alone.clear();
        // The order among pieces of one place must not depend on the splitting of files: it does not, since the fold
        // of a place gives the same for every order; the sort is stable so that messages follow the sources.
        pieces.sort_by_key(|piece| (piece.organization, piece.site));
        for in_organization in pieces.chunk_by(|a, b| a.organization == b.organization) {
            let memberships = in_organization.partition_point(|piece| piece.site.is_none());
            let (memberships, grants) = in_organization.split_at(memberships);
            let left_alone = fold_left_alone(in_organization, conflicts);
            if let Some(organization) = in_organization.first().map(|piece| piece.organization)
                && left_alone.any()
            {
                self.left_alone.push((organization, left_alone));
            }
            if left_alone.membership {
                continue;
            }
            let Some(first) = memberships.iter().find(|piece| piece.membership) else {
                conflicts.extend(memberships.iter().map(|&piece| Conflict::GrantWithoutMembership(piece)));
                // One of each source, so that every line that has to be mended is told.
                let mut told: HashSet<Option<SourceId>> = HashSet::new();
                let untold = grants.iter().filter(|grant| told.insert(grant.source));
                conflicts.extend(untold.map(|&grant| Conflict::GrantWithoutMembership(grant)));
                continue;
            };
            let membership = Membership {
                organization: first.organization,
                role: fold_roles(catalog, memberships, conflicts),
                extra_roles: fold_extra_roles(names, memberships),
                default_site: fold_default_sites(in_organization, conflicts),
            };
            let reaches_all = catalog.reaches_all(membership.role);
            for in_site in grants.chunk_by(|a, b| a.site == b.site) {
                let Some((first, site)) = in_site.first().and_then(|first| Some((first, first.site?))) else {
                    continue;
                };
                let role = fold_roles(catalog, in_site, conflicts);
                if reaches_all && role.is_none() {
                    conflicts.extend(in_site.iter().map(|&piece| Conflict::SiteUnderAll(piece)));
                } else {
                    self.grants.push(Grant { organization: first.organization, site, role });
                }
            }
            check_default_site((catalog, names), &membership, in_organization, conflicts);
            self.memberships.push(membership);
        }
    }
}

/// The default site is one that is granted, or one that is reached through a granted one.
fn check_default_site(
    (catalog, names): (&Catalog, &Names),
    membership: &Membership,
    pieces: &[Piece],
    conflicts: &mut Vec<Conflict>,
) {
    let Some(site) = membership.default_site else { return };
    let gives = |granted: Name| {
        granted == site || catalog.sites_through(names, membership.organization, granted).contains(&site)
    };
    let granted = pieces.iter().filter_map(|piece| piece.site).any(gives)
        || (catalog.reaches_all(membership.role) && catalog.has_site(membership.organization, site));
    if !granted {
        let piece = pieces.iter().find(|piece| piece.default_site == Some(site));
        conflicts.extend(piece.map(|&piece| Conflict::DefaultSiteNotGranted(piece)));
    }
}

/// What any source leaves to others; no other source may give something there.
fn fold_left_alone(pieces: &[Piece], conflicts: &mut Vec<Conflict>) -> LeftAlone {
    let mut all = LeftAlone::NOTHING;
    // What each combination of parts is contradicted by: the first line that gives one of them, and the first other.
    let mut givers: BTreeMap<LeftAlone, (Option<&Piece>, Option<&Piece>)> = BTreeMap::new();
    for leaving in pieces.iter().filter(|piece| piece.left_alone.any()) {
        all = all.or(leaving.left_alone);
        let (first, second) = *givers.entry(leaving.left_alone).or_insert_with(|| {
            let mut giving = pieces.iter().filter(|piece| gives(piece, leaving.left_alone));
            let first = giving.next();
            (first, giving.find(|piece| first.is_some_and(|first| first.position != piece.position)))
        });
        let other = if first.is_some_and(|first| first.position == leaving.position) { second } else { first };
        conflicts.extend(other.map(|&other| Conflict::LeftAlone(*leaving, other)));
    }
    all
}

/// Whether a piece gives something that is left to others.
fn gives(piece: &Piece, left_alone: LeftAlone) -> bool {
    let LeftAlone { membership, role, extra_roles, sites } = left_alone;
    (membership && (piece.membership || piece.site.is_some()))
        || (role && piece.site.is_none() && piece.role.is_some())
        || (extra_roles && !piece.extra_roles.is_empty())
        || (sites && (piece.site.is_some() || piece.default_site.is_some()))
}

/// The strongest role: a role beats none, the higher rank beats the lower, and where no rank decides there is a
/// conflict. Roles below the strongest need not be comparable among each other by more than their ranks.
fn fold_roles(catalog: &Catalog, pieces: &[Piece], conflicts: &mut Vec<Conflict>) -> Option<Name> {
    let mut strongest: Option<(&Piece, Name)> = None;
    let mut rival: Option<&Piece> = None;
    for piece in pieces {
        let Some(role) = piece.role else { continue };
        let Some((_, best)) = strongest else {
            strongest = Some((piece, role));
            continue;
        };
        if role == best {
            continue;
        }
        let rank = |role| catalog.role(Some(role)).and_then(|role| role.rank);
        match (rank(best), rank(role)) {
            (Some(best), Some(challenger)) if challenger > best => {
                strongest = Some((piece, role));
                rival = None;
            }
            (Some(best), Some(challenger)) if challenger < best => {}
            (Some(_), Some(_)) => rival = Some(piece),
            // A missing rank can't be outranked by a third role either.
            (None, _) | (_, None) => {
                conflicts.extend(strongest.map(|(first, _)| Conflict::Roles(*first, *piece)));
                return Some(best);
            }
        }
    }
    let (first, role) = strongest?;
    if let Some(rival) = rival {
        conflicts.push(Conflict::Roles(*first, *rival));
    }
    conflicts.extend(rivals_at_times(catalog, pieces));
    Some(role)
}

/// Two roles of one rank that a higher one outranks only while that is in force: whether manifests are valid never
/// depends on the clock, so that is a conflict at any time.
fn rivals_at_times(catalog: &Catalog, pieces: &[Piece]) -> Option<Conflict> {
    if pieces.len() < 3 || pieces.iter().all(|piece| piece.window == Window::ALWAYS) {
        return None;
    }
    let rank = |piece: &Piece| catalog.role(piece.role).and_then(|role| role.rank);
    let always = pieces.iter().filter(|piece| piece.window == Window::ALWAYS).filter_map(rank).max();
    let mut ranked: Vec<(i32, &Piece)> = pieces.iter().filter_map(|piece| Some((rank(piece)?, piece))).collect();
    ranked.sort_by_key(|&(rank, _)| rank);
    let highest = ranked.last()?.0;
    ranked
        .chunk_by(|a, b| a.0 == b.0)
        // Those of the highest rank are judged already; what is always outranked never counts.
        .filter(|same| same[0].0 < highest && always.is_none_or(|always| same[0].0 >= always))
        .find_map(|same| {
            let (_, first) = same[0];
            let (_, rival) = same.iter().find(|(_, piece)| piece.role != first.role)?;
            Some(Conflict::Roles(*first, **rival))
        })
}

fn fold_extra_roles(names: &Names, pieces: &[Piece]) -> List {
    let mut lists = pieces.iter().map(|piece| piece.extra_roles).filter(|list| !list.is_empty());
    let Some(first) = lists.next() else { return List::EMPTY };
    let mut united: Vec<Name> = Vec::new();
    for list in lists.filter(|&list| list != first) {
        united.extend_from_slice(&names.elements(list));
    }
    if united.is_empty() {
        return first;
    }
    united.extend_from_slice(&names.elements(first));
    names.list(&united)
}

fn fold_default_sites(pieces: &[Piece], conflicts: &mut Vec<Conflict>) -> Option<Name> {
    let mut with_site = pieces.iter().filter(|piece| piece.default_site.is_some());
    let first = with_site.next()?;
    if let Some(other) = with_site.find(|piece| piece.default_site != first.default_site) {
        conflicts.push(Conflict::DefaultSites(*first, *other));
    }
    first.default_site
}

/// Whether `pattern` matches all of `text`; `*` stands for any run of characters, also an empty one.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else { return false };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
#[path = "effective_tests.rs"]
mod tests;
