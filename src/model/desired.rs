//! Desired state: what the manifests declare, every contribution with its origin.
//!
//! Rows are contributions and not results. A user has rows of their own and links to *sources* (teams, site grants);
//! [`UserView`] walks both, and `effective` folds what it finds into the access that the user should have.
//! The manifest floor fills the columns; names are resolved and checked there.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::catalog::{Catalog, CatalogKey};
use super::fact::{Fact, Status};
use super::live::{column, column_length};
use super::name::{List, Name};
use super::user_view::UserView;
use super::window::{WindowId, Windows};
use crate::diagnostic::{FileId, Position};

/// One declared place, or all declared names that a pattern matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// Exactly this name.
    Exact(Name),
    /// Every declared name that this pattern matches; `*` stands for any run of characters.
    Pattern(Name),
}

impl Selector {
    /// The pattern, if it is one.
    #[must_use]
    pub const fn pattern(self) -> Option<Name> {
        match self {
            Self::Exact(_) => None,
            Self::Pattern(pattern) => Some(pattern),
        }
    }
}

/// What one source says about one organization (or the organizations that a pattern matches).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessRow {
    /// Where.
    pub organization: Selector,
    /// Whether this row makes the user a member; a site grant, and `sites` without a role, do not.
    pub membership: bool,
    /// As what.
    pub role: Option<Name>,
    /// Roles beside the main one.
    pub extra_roles: List,
    /// The site preselected for the user.
    pub default_site: Option<Name>,
    /// The first of its site rows in [`Desired::sites`].
    pub sites_start: u32,
    /// How many site rows it has.
    pub sites_length: u32,
    /// The file that it stands in.
    pub file: FileId,
    /// Where it begins: the organization.
    pub offset: u32,
    /// Where its role stands; the same as `offset` where it has none.
    pub role_offset: u32,
    /// When it is in force.
    pub window: WindowId,
    /// What others manage.
    pub left_alone: LeftAlone,
}

/// What a source says is managed by others (`unmanaged`) in one organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[allow(clippy::struct_excessive_bools, reason = "a set of four parts of a membership")]
pub struct LeftAlone {
    /// The membership and all that hangs on it.
    pub membership: bool,
    /// Its role.
    pub role: bool,
    /// Its extra roles.
    pub extra_roles: bool,
    /// The grants on its sites, and the default site.
    pub sites: bool,
}

impl LeftAlone {
    /// Nothing is.
    pub const NOTHING: Self = Self { membership: false, role: false, extra_roles: false, sites: false };
    /// All of the membership is.
    pub const MEMBERSHIP: Self = Self { membership: true, role: true, extra_roles: true, sites: true };

    /// Whether anything is.
    #[must_use]
    pub const fn any(self) -> bool {
        self.membership || self.role || self.extra_roles || self.sites
    }

    /// What either says.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            membership: self.membership || other.membership,
            role: self.role || other.role,
            extra_roles: self.extra_roles || other.extra_roles,
            sites: self.sites || other.sites,
        }
    }
}

impl AccessRow {
    /// Where the row begins.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position::new(self.file, self.offset)
    }

    /// Where its role stands.
    #[must_use]
    pub const fn role_position(&self) -> Position {
        Position::new(self.file, self.role_offset)
    }
}

/// A site, or a pattern of sites, of an [`AccessRow`]; in the same file as its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteRow {
    /// Which site.
    pub site: Selector,
    /// With which role, where the store has roles on sites.
    pub role: Option<Name>,
    /// Where it stands in the file of its row.
    pub offset: u32,
}

/// A declared field of a user, in the same file as the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeclaredFact {
    /// Field and value.
    pub fact: Fact,
    /// Where the value stands.
    pub offset: u32,
}

/// The status that a manifest asks for. Left out, the account just exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeclaredStatus {
    /// Exists, and its invitation is not sent.
    Preloaded,
    /// Can log in; a pending invitation satisfies it.
    Active,
    /// Can't log in.
    Inactive,
    /// A tombstone: deleted, or closed where the store can't delete.
    Absent,
}

impl DeclaredStatus {
    /// The word used in manifests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preloaded => Status::Preloaded.as_str(),
            Self::Active => Status::Active.as_str(),
            Self::Inactive => Status::Inactive.as_str(),
            Self::Absent => "absent",
        }
    }
}

/// The number of a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// What a source is, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceLabel {
    /// A team.
    Team(Name),
    /// An entry of `site_grants`.
    SiteGrant,
}

/// A team or a site grant: rows that several users share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What it is.
    pub label: SourceLabel,
    /// The first of its rows in [`Desired::rows`].
    pub rows_start: u32,
    /// How many rows it has.
    pub rows_length: u32,
    /// What else its members have: teams that contain it and site grants that name one of these, itself included,
    /// sorted.
    pub closure: Vec<SourceId>,
    /// Where it is declared.
    pub position: Position,
}

/// That a user is in a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The source.
    pub source: SourceId,
    /// Where the user is named as its member, or names it.
    pub position: Position,
}

/// An entry under `inactive:`: overrides every other source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaver {
    /// The key as spelled.
    pub key: Name,
    /// From when on; `None`: at once.
    pub from: Option<Timestamp>,
    /// Why, in the words of the manifest.
    pub reason: Option<Name>,
    /// Where it stands.
    pub position: Position,
}

impl Leaver {
    /// Whether the day has come.
    #[must_use]
    pub fn has_left(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at)
    }
}

/// The name that something had before (`previously`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Previous {
    /// As spelled.
    pub name: Name,
    /// As compared; of organizations, sites and roles the same as spelled.
    pub identity: Name,
    /// Where it stands.
    pub position: Position,
}

/// A declared user as the manifest floor hands it over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredUser<'a> {
    /// The key as spelled.
    pub key: Name,
    /// The key as compared.
    pub identity: Name,
    /// Where the user is declared.
    pub position: Position,
    /// The status asked for, with its offset in the same file.
    pub status: Option<(DeclaredStatus, u32)>,
    /// When the user as a whole is in force.
    pub window: WindowId,
    /// The key that the user had before.
    pub previous: Option<Previous>,
    /// Declared fields.
    pub facts: &'a [DeclaredFact],
    /// Own access rows; a row of [`super::known::PLATFORM`] holds platform roles.
    pub rows: &'a [AccessRow],
    /// Teams and site grants that name the user, sorted.
    pub links: &'a [Link],
}

#[derive(Debug, Clone)]
struct User {
    key: Name,
    identity: Name,
    position: Position,
    status: Option<(DeclaredStatus, u32)>,
    window: WindowId,
    facts: u32,
    rows: u32,
    links: u32,
}

/// Everything that the manifests declare.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// Organizations, sites and roles; roles of the rules among them.
    pub catalog: Catalog,
    /// Site rows, to which access rows point.
    pub sites: Vec<SiteRow>,
    /// Rows of the sources, to which they point.
    pub rows: Vec<AccessRow>,
    /// Teams and site grants.
    pub sources: Vec<Source>,
    /// The windows that rows and users name.
    pub windows: Windows,
    /// Leavers by identity; of several entries the earliest.
    pub leavers: BTreeMap<Name, Leaver>,
    /// Organizations, sites and roles that are declared absent, with their places. They are not in the catalog.
    pub tombstones: BTreeMap<CatalogKey, Position>,
    /// Names that organizations, sites and roles had before, by today's.
    pub renames: BTreeMap<CatalogKey, Previous>,
    users: Vec<User>,
    facts: Vec<DeclaredFact>,
    user_rows: Vec<AccessRow>,
    links: Vec<Link>,
    /// By row.
    previous: HashMap<u32, Previous>,
    /// Row plus one by identity, 0 for none.
    by_identity: Vec<u32>,
}

impl Desired {
    /// Adds a user. Each identity is added once; the order of users does not matter.
    pub fn push(&mut self, user: &DeclaredUser<'_>) {
        let row = column_length(&self.users);
        self.users.push(User {
            key: user.key,
            identity: user.identity,
            position: user.position,
            status: user.status,
            window: user.window,
            facts: column_length(&self.facts),
            rows: column_length(&self.user_rows),
            links: column_length(&self.links),
        });
        self.previous.extend(user.previous.map(|previous| (row, previous)));
        let start = self.facts.len();
        self.facts.extend_from_slice(user.facts);
        self.facts[start..].sort_unstable();
        self.user_rows.extend_from_slice(user.rows);
        self.links.extend_from_slice(user.links);
        if self.by_identity.len() <= user.identity.index() {
            self.by_identity.resize((user.identity.index() + 1).next_power_of_two(), 0);
        }
        self.by_identity[user.identity.index()] = row + 1;
    }

    /// Sets the links of all users at once, replacing those that they were added with: who is in a team is known only
    /// when every file was read. Each link goes to the user in its row; one source counts once, where it is named
    /// first.
    pub fn set_links(&mut self, mut links: Vec<(u32, Link)>) {
        links.sort_unstable();
        links.dedup_by_key(|(row, link)| (*row, link.source));
        let mut waiting = links.iter().peekable();
        self.links = Vec::with_capacity(links.len());
        for (row, user) in (0_u32..).zip(&mut self.users) {
            user.links = column_length(&self.links);
            while let Some((_, link)) = waiting.next_if(|(of, _)| *of == row) {
                self.links.push(*link);
            }
        }
    }

    /// Gives back the memory that growing left over, once everything is in.
    pub fn shrink(&mut self) {
        self.sites.shrink_to_fit();
        self.rows.shrink_to_fit();
        self.sources.shrink_to_fit();
        self.users.shrink_to_fit();
        self.facts.shrink_to_fit();
        self.user_rows.shrink_to_fit();
        self.links.shrink_to_fit();
    }

    /// The row of the declared user with this identity.
    #[must_use]
    pub fn row_of(&self, identity: Name) -> Option<u32> {
        self.by_identity.get(identity.index())?.checked_sub(1)
    }

    /// How many users are declared.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether no user is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Every declared user, in no order that may be printed.
    #[must_use]
    pub fn users(&self) -> impl ExactSizeIterator<Item = UserView<'_>> {
        (0..self.users.len()).map(|row| self.user(row))
    }

    /// The user in this row.
    ///
    /// # Panics
    /// If `row` is not below [`Desired::len`].
    #[must_use]
    pub fn user(&self, row: usize) -> UserView<'_> {
        let user = &self.users[row];
        let next = self.users.get(row + 1);
        UserView {
            desired: self,
            key: user.key,
            identity: user.identity,
            position: user.position,
            status: user.status.map(|(status, _)| status),
            status_position: user.status.map(|(_, offset)| Position::new(user.position.file, offset)),
            window: self.windows.get(user.window),
            previous: u32::try_from(row).ok().and_then(|row| self.previous.get(&row)).copied(),
            facts: column(&self.facts, user.facts, next.map(|next| next.facts)),
            rows: column(&self.user_rows, user.rows, next.map(|next| next.rows)),
            links: column(&self.links, user.links, next.map(|next| next.links)),
        }
    }

    /// The declared user with this identity.
    #[must_use]
    pub fn find(&self, identity: Name) -> Option<UserView<'_>> {
        let row = self.by_identity.get(identity.index())?.checked_sub(1)?;
        Some(self.user(row as usize))
    }

    /// Users with the key that each had before, in no order that may be printed.
    pub fn former_keys(&self) -> impl Iterator<Item = (UserView<'_>, Previous)> {
        self.previous.iter().map(|(&row, &previous)| (self.user(row as usize), previous))
    }

    /// The site rows of an access row.
    #[must_use]
    pub fn sites_of(&self, row: &AccessRow) -> &[SiteRow] {
        &self.sites[row.sites_start as usize..(row.sites_start + row.sites_length) as usize]
    }

    /// A source.
    ///
    /// # Panics
    /// If there is no such source.
    #[must_use]
    pub fn source(&self, source: SourceId) -> &Source {
        &self.sources[source.0 as usize]
    }

    /// The rows of a source.
    #[must_use]
    pub fn rows_of(&self, source: SourceId) -> &[AccessRow] {
        let source = self.source(source);
        &self.rows[source.rows_start as usize..(source.rows_start + source.rows_length) as usize]
    }
}
