//! One declared user as everything above looks at it, and what is wanted of the account at one time.

use jiff::Timestamp;

use super::desired::{AccessRow, DeclaredFact, DeclaredStatus, Desired, Leaver, Link, Previous};
use super::fact::Value;
use super::name::Name;
use super::window::Window;
use crate::diagnostic::Position;

/// One user of a [`Desired`] state.
#[derive(Debug, Clone, Copy)]
pub struct UserView<'a> {
    /// The whole, for what users share.
    pub desired: &'a Desired,
    /// The key as spelled.
    pub key: Name,
    /// The key as compared.
    pub identity: Name,
    /// Where the user is declared.
    pub position: Position,
    /// The status asked for.
    pub status: Option<DeclaredStatus>,
    /// Where that stands.
    pub status_position: Option<Position>,
    /// When the user as a whole is in force.
    pub window: Window,
    /// The key that the user had before.
    pub previous: Option<Previous>,
    /// Declared fields, sorted by handle.
    pub facts: &'a [DeclaredFact],
    /// Own access rows.
    pub rows: &'a [AccessRow],
    /// Teams and site grants that name the user.
    pub links: &'a [Link],
}

/// What the manifests want of an account as a whole, at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// That it exists; `None`, or with a status.
    Wanted(Option<DeclaredStatus>),
    /// Nothing yet: the user starts later.
    NotYet(Timestamp),
    /// That nobody can log in: the user has expired.
    Expired(Timestamp),
    /// That nobody can log in: the user is named under `inactive:`, and the day has come.
    Left(Leaver),
}

impl Standing {
    /// Whether somebody can log in with the account then.
    #[must_use]
    pub const fn lets_in(self) -> bool {
        match self {
            Self::Wanted(Some(DeclaredStatus::Active | DeclaredStatus::Preloaded) | None) => true,
            Self::Wanted(Some(DeclaredStatus::Inactive | DeclaredStatus::Absent))
            | Self::NotYet(_)
            | Self::Expired(_)
            | Self::Left(_) => false,
        }
    }
}

impl UserView<'_> {
    /// What is wanted of the account at this time. A tombstone outlasts everything; a leaver overrides the rest.
    #[must_use]
    pub fn standing(&self, at: Timestamp) -> Standing {
        let leavers = &self.desired.leavers;
        // Somebody who is renamed may still stand there under the old key.
        let by_former_key = || leavers.get(&self.previous?.identity);
        let leaver = leavers.get(&self.identity).or_else(by_former_key).copied();
        match (self.status, leaver) {
            (Some(DeclaredStatus::Absent), _) => Standing::Wanted(self.status),
            (_, Some(leaver)) if leaver.has_left(at) => Standing::Left(leaver),
            (Some(DeclaredStatus::Preloaded | DeclaredStatus::Active | DeclaredStatus::Inactive) | None, _) => {
                match self.window {
                    Window { expires: Some(expires), .. } if expires <= at => Standing::Expired(expires),
                    Window { starts: Some(starts), .. } if starts > at => Standing::NotYet(starts),
                    Window { .. } => Standing::Wanted(self.status),
                }
            }
        }
    }

    /// Whether the account ends whatever the day: named under `inactive:` at once, declared inactive, or a tombstone.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        let leaver = self.desired.leavers.get(&self.identity).is_some_and(|leaver| leaver.from.is_none());
        leaver || matches!(self.status, Some(DeclaredStatus::Inactive | DeclaredStatus::Absent))
    }

    /// The declared value of a field; `None` if the field is not managed.
    #[must_use]
    pub fn value(&self, field: Name) -> Option<Value> {
        self.facts.iter().find(|declared| declared.fact.field == field).map(|declared| declared.fact.value)
    }

    /// Where the value of a field stands; the user's own place if the field is not declared.
    #[must_use]
    pub fn value_position(&self, field: Name) -> Position {
        self.facts
            .iter()
            .find(|declared| declared.fact.field == field)
            .map_or(self.position, |declared| Position::new(self.position.file, declared.offset))
    }
}
