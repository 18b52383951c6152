//! What one file says, in columns of small facts over a table of names of its own, so that files are read on all cores
//! without a lock. `merge` carries them over into the shared table.

use std::ops::Range;

use jiff::Timestamp;

use crate::diagnostic::FileId;
use crate::model::{
    AccessRow, DeclaredFact, DeclaredStatus, Name, Names, Role, Selector, SiteRow, Value, WindowId, Windows,
};
use crate::source::Outcome;

/// Everything that one file declares.
#[derive(Default)]
pub(super) struct FileFacts {
    pub(super) names: Names,
    pub(super) outcome: Outcome,
    /// Whether it has no content at all: nothing, comments, null, or an empty mapping.
    pub(super) is_empty: bool,
    pub(super) organizations: Vec<OrganizationFact>,
    pub(super) roles: Vec<RoleFact>,
    pub(super) users: Vec<UserFact>,
    pub(super) teams: Vec<TeamFact>,
    pub(super) site_grants: Vec<SiteGrantFact>,
    pub(super) leavers: Vec<LeaverFact>,
    /// The windows that rows and users name.
    pub(super) windows: Windows,
    /// Declared fields of users.
    pub(super) facts: Vec<DeclaredFact>,
    /// Access of users, teams and site grants.
    pub(super) rows: Vec<AccessRow>,
    /// Sites of access rows.
    pub(super) sites: Vec<SiteRow>,
    /// Users and teams that something names.
    pub(super) mentions: Vec<Mention>,
    /// Names that have to be declared somewhere and whose place no row keeps.
    pub(super) references: Vec<Reference>,
}

pub(super) struct OrganizationFact {
    pub(super) name: Name,
    pub(super) offset: u32,
    pub(super) fields: Vec<(Name, Value)>,
    pub(super) sites: Vec<SiteFact>,
    pub(super) ending: Ending,
}

/// What an organization, a site or a role was called before, and whether it is to be deleted.
#[derive(Clone, Copy, Default)]
pub(super) struct Ending {
    pub(super) previous: Option<PreviousFact>,
    pub(super) is_absent: bool,
}

/// The name that something had before.
#[derive(Clone, Copy)]
pub(super) struct PreviousFact {
    /// As spelled.
    pub(super) name: Name,
    /// As compared.
    pub(super) identity: Name,
    pub(super) offset: u32,
}

pub(super) struct LeaverFact {
    pub(super) name: Name,
    pub(super) identity: Name,
    pub(super) offset: u32,
    pub(super) from: Option<Timestamp>,
    pub(super) reason: Option<Name>,
}

pub(super) struct SiteFact {
    pub(super) name: Name,
    pub(super) offset: u32,
    pub(super) fields: Vec<(Name, Value)>,
    pub(super) ending: Ending,
}

pub(super) struct RoleFact {
    pub(super) name: Name,
    pub(super) offset: u32,
    pub(super) role: Role,
    pub(super) ending: Ending,
}

pub(super) struct UserFact {
    pub(super) key: Name,
    pub(super) identity: Name,
    pub(super) offset: u32,
    pub(super) status: Option<(DeclaredStatus, u32)>,
    pub(super) window: WindowId,
    pub(super) previous: Option<PreviousFact>,
    pub(super) facts: Range<u32>,
    pub(super) rows: Range<u32>,
    pub(super) teams: Range<u32>,
    /// Whether the user says how it stands with access: by `access`, even an empty one, or by a status.
    pub(super) stated: bool,
}

pub(super) struct TeamFact {
    pub(super) name: Name,
    pub(super) offset: u32,
    pub(super) rows: Range<u32>,
    pub(super) members: Range<u32>,
    pub(super) teams: Range<u32>,
}

pub(super) struct SiteGrantFact {
    pub(super) offset: u32,
    pub(super) rows: Range<u32>,
    pub(super) users: Range<u32>,
    pub(super) teams: Range<u32>,
}

/// A user or a team, named by something else.
#[derive(Clone, Copy)]
pub(super) struct Mention {
    /// As spelled.
    pub(super) name: Name,
    /// As compared; of a team the same as spelled.
    pub(super) identity: Name,
    pub(super) offset: u32,
}

/// What a reference has to lead to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A role that may be given as an extra role.
    ExtraRole,
    /// A role that may be given on sites.
    SiteRole,
    /// Any role.
    AnyRole,
    /// An organization.
    Organization,
    /// A site of these organizations.
    Site(Selector),
}

#[derive(Clone, Copy)]
pub(super) struct Reference {
    pub(super) target: Target,
    pub(super) name: Name,
    pub(super) file: FileId,
    pub(super) offset: u32,
}

/// A part of a column as a slice.
pub(super) fn part<'a, T>(column: &'a [T], range: &Range<u32>) -> &'a [T] {
    &column[range.start as usize..range.end as usize]
}

/// The length of a column; files are bounded well below what would overflow.
pub(super) fn length<T>(column: &[T]) -> u32 {
    u32::try_from(column.len()).unwrap_or(u32::MAX)
}
