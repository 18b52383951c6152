//! Live state: what the user store holds now, with evidence for each collection that the read was complete.

mod half;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::catalog::Catalog;
use super::fact::{Fact, Grant, Membership, Status, Value};
use super::name::{Name, Names, known};
pub use half::{HalfChange, HalfChanged, Seat};

/// A collection of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collection {
    /// Organizations and their fields.
    Organizations,
    /// Sites and their fields.
    Sites,
    /// Roles and their fields.
    Roles,
    /// Accounts with status and profile.
    Users,
    /// Memberships.
    Memberships,
    /// Site grants.
    Grants,
    /// Invitations.
    Invitations,
}

impl Collection {
    /// Every collection, in the order of this list.
    pub const ALL: [Self; 7] = [
        Self::Organizations,
        Self::Sites,
        Self::Roles,
        Self::Users,
        Self::Memberships,
        Self::Grants,
        Self::Invitations,
    ];

    /// The word used in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Organizations => "organizations",
            Self::Sites => "sites",
            Self::Roles => "roles",
            Self::Users => "users",
            Self::Memberships => "memberships",
            Self::Grants => "site grants",
            Self::Invitations => "invitations",
        }
    }
}

/// How much of a collection was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Completeness {
    /// All of it, with evidence: stable order, unique ids, counts agree, last page seen.
    #[default]
    Complete,
    /// A part, and why.
    Partial(String),
    /// Nothing, and why.
    Unreadable(String),
}

/// What was read of each collection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence(BTreeMap<Collection, Completeness>);

impl Evidence {
    /// Notes how much of a collection was read; the worse of two notes stands.
    pub fn note(&mut self, collection: Collection, completeness: Completeness) {
        let entry = self.0.entry(collection).or_default();
        let worse = match (&*entry, &completeness) {
            (Completeness::Complete, _) | (Completeness::Partial(_), Completeness::Unreadable(_)) => true,
            (Completeness::Partial(_) | Completeness::Unreadable(_), _) => false,
        };
        if worse {
            *entry = completeness;
        }
    }

    /// How much of a collection was read.
    #[must_use]
    pub fn of(&self, collection: Collection) -> &Completeness {
        self.0.get(&collection).unwrap_or(&Completeness::Complete)
    }

    /// The collections that were not read completely, with the reason.
    pub fn gaps(&self) -> impl Iterator<Item = (Collection, &str)> {
        self.0.iter().filter_map(|(&collection, completeness)| match completeness {
            Completeness::Complete => None,
            Completeness::Partial(why) | Completeness::Unreadable(why) => Some((collection, why.as_str())),
        })
    }

    /// Whether everything was read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.gaps().next().is_none()
    }
}

/// Where an invitation is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InvitationState {
    /// Made, and not sent.
    Suppressed,
    /// Sent, and not answered. It is expired once its end has passed.
    Pending,
    /// Accepted.
    Accepted,
    /// Declined by the person.
    Declined,
    /// Ended by time.
    Expired,
    /// Cancelled by an administrator.
    Cancelled,
}

impl InvitationState {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 6] =
        [Self::Suppressed, Self::Pending, Self::Accepted, Self::Declined, Self::Expired, Self::Cancelled];

    /// Whether it is over, and let nobody in.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        match self {
            Self::Declined | Self::Expired | Self::Cancelled => true,
            Self::Suppressed | Self::Pending | Self::Accepted => false,
        }
    }

    /// The word used in every format and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suppressed => "suppressed",
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// The newest invitation of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invitation {
    /// Where it is in its life, as the store has it.
    pub state: InvitationState,
    /// When it was sent.
    pub sent: Option<Timestamp>,
    /// When it ends by itself.
    pub ends: Option<Timestamp>,
}

impl Invitation {
    /// Where it is in its life at the time `at`.
    #[must_use]
    pub fn state_at(&self, at: Timestamp) -> InvitationState {
        match self.state {
            InvitationState::Pending if self.ends.is_some_and(|ends| ends <= at) => InvitationState::Expired,
            state => state,
        }
    }
}

/// An account as a store's adapter reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveRecord {
    /// The store's own, unchanging name of the account.
    pub id: Name,
    /// Its key as spelled in the store.
    pub key: Name,
    /// Its key as compared ([`crate::rules::Identity::normalize`]); `None` if it is no valid key.
    pub identity: Option<Name>,
    /// Its status.
    pub status: Status,
    /// Set fields, without the one that is the key.
    pub facts: Vec<Fact>,
    /// Memberships; one in [`known::PLATFORM`] if it has platform roles.
    pub memberships: Vec<Membership>,
    /// Site grants.
    pub grants: Vec<Grant>,
    /// Its newest invitation, if it ever had one.
    pub invitation: Option<Invitation>,
}

impl LiveRecord {
    /// A view of it, beside the rows of a state.
    #[must_use]
    pub fn view(&self) -> LiveView<'_> {
        let Self { id, key, identity, status, facts, memberships, grants, invitation } = self;
        let (id, key, identity, status, invitation) = (*id, *key, *identity, *status, *invitation);
        LiveView {
            row: usize::MAX,
            id,
            key,
            identity,
            status,
            facts,
            memberships,
            grants,
            invitation,
            inactive_since: None,
            password_since: None,
        }
    }
}

#[derive(Debug, Clone)]
struct LiveUser {
    id: Name,
    key: Name,
    identity: Option<Name>,
    status: Status,
    facts: u32,
    memberships: u32,
    grants: u32,
}

/// What a store holds.
#[derive(Debug, Clone, Default)]
pub struct LiveState {
    /// Organizations, sites and roles.
    pub catalog: Catalog,
    /// How much of it was read.
    pub evidence: Evidence,
    /// Whom an operator locked out, by key as compared, as far as the store remembers it beside the accounts.
    pub locked_out: BTreeSet<Name>,
    /// Since when, as far as the store knows it.
    pub locked_out_since: BTreeMap<Name, Timestamp>,
    /// By key as compared: what was to be carried by the invitation of somebody whose earlier one was cancelled for it,
    /// and who has no account now, since a run was cut off in between.
    pub cut_off: BTreeMap<Name, LiveRecord>,
    /// By key as compared: who has no account, and answered the last invitation with no.
    pub declined: BTreeSet<Name>,
    /// Those who are locked out for whom a `status: active` that manifests say may be older than the lock-out.
    pub waiting_lock_outs: BTreeSet<Name>,
    /// The number of the newest lock-out that the store remembers, 0 without any.
    pub newest_lock_out: i64,
    /// What is gone since a change of role was stopped between its two steps.
    pub half_changed: HalfChanged,
    users: Vec<LiveUser>,
    facts: Vec<Fact>,
    memberships: Vec<Membership>,
    grants: Vec<Grant>,
    invitations: BTreeMap<u32, Invitation>,
    inactive_since: BTreeMap<u32, Timestamp>,
    password_since: BTreeMap<u32, Timestamp>,
    /// Row plus one by identity, 0 for none.
    by_identity: Vec<u32>,
    ambiguous: Vec<Name>,
}

impl LiveState {
    /// Adds an account. The order of accounts does not matter; its facts are sorted here.
    pub fn push(&mut self, record: LiveRecord) {
        let LiveRecord { id, key, identity, status, mut facts, mut memberships, mut grants, invitation } = record;
        facts.retain(|fact| fact.value != Value::Null);
        facts.sort_unstable();
        memberships.sort_unstable();
        grants.sort_unstable();
        self.push_columns(id, key, identity, status, &facts, &memberships, &grants, invitation);
    }

    /// Adds an account from borrowed rows that are sorted already and hold no [`Value::Null`]: the fast way for
    /// readers of many.
    #[allow(clippy::too_many_arguments, reason = "the columns of one row; a struct of borrowed slices says no more")]
    pub fn push_columns(
        &mut self,
        id: Name,
        key: Name,
        identity: Option<Name>,
        status: Status,
        facts: &[Fact],
        memberships: &[Membership],
        grants: &[Grant],
        invitation: Option<Invitation>,
    ) {
        let row = column_length(&self.users);
        self.users.push(LiveUser {
            id,
            key,
            identity,
            status,
            facts: column_length(&self.facts),
            memberships: column_length(&self.memberships),
            grants: column_length(&self.grants),
        });
        self.facts.extend_from_slice(facts);
        self.memberships.extend_from_slice(memberships);
        self.grants.extend_from_slice(grants);
        if let Some(invitation) = invitation {
            self.invitations.insert(row, invitation);
        }
        let Some(identity) = identity else { return };
        if self.by_identity.len() <= identity.index() {
            self.by_identity.resize((identity.index() + 1).next_power_of_two(), 0);
        }
        let slot = &mut self.by_identity[identity.index()];
        if *slot == 0 {
            *slot = row + 1;
        } else {
            self.ambiguous.push(identity);
        }
    }

    /// Notes since when the account that was added last is inactive.
    pub fn note_inactive_since(&mut self, since: Timestamp) {
        if let Some(row) = column_length(&self.users).checked_sub(1) {
            self.inactive_since.insert(row, since);
        }
    }

    /// Notes since when the account in this row has its password.
    pub fn note_password_since(&mut self, row: usize, since: Timestamp) {
        if let Some(row) = u32::try_from(row).ok().filter(|_| row < self.users.len()) {
            self.password_since.insert(row, since);
        }
    }

    /// How many accounts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is no account.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Every account, in no order that may be printed.
    #[must_use]
    pub fn users(&self) -> impl ExactSizeIterator<Item = LiveView<'_>> {
        (0..self.users.len()).map(|row| self.user(row))
    }

    /// The account in this row.
    ///
    /// # Panics
    /// If `row` is not below [`LiveState::len`].
    #[must_use]
    pub fn user(&self, row: usize) -> LiveView<'_> {
        let user = &self.users[row];
        let next = self.users.get(row + 1);
        LiveView {
            row,
            id: user.id,
            key: user.key,
            identity: user.identity.filter(|identity| !self.ambiguous.contains(identity)),
            status: user.status,
            facts: column(&self.facts, user.facts, next.map(|next| next.facts)),
            memberships: column(&self.memberships, user.memberships, next.map(|next| next.memberships)),
            grants: column(&self.grants, user.grants, next.map(|next| next.grants)),
            invitation: u32::try_from(row).ok().and_then(|row| self.invitations.get(&row)).copied(),
            inactive_since: u32::try_from(row).ok().and_then(|row| self.inactive_since.get(&row)).copied(),
            password_since: u32::try_from(row).ok().and_then(|row| self.password_since.get(&row)).copied(),
        }
    }

    /// The row of the account with this identity, unless there is none or more than one.
    #[must_use]
    pub fn row_of(&self, identity: Name) -> Option<usize> {
        let row = *self.by_identity.get(identity.index())?;
        let row = row.checked_sub(1)? as usize;
        (!self.ambiguous.contains(&identity)).then_some(row)
    }

    /// The account with this identity, unless there is none or more than one.
    #[must_use]
    pub fn find(&self, identity: Name) -> Option<LiveView<'_>> {
        self.row_of(identity).map(|row| self.user(row))
    }

    /// Identities that more than one account has.
    #[must_use]
    pub fn ambiguous(&self) -> &[Name] {
        &self.ambiguous
    }
}

/// One account of a [`LiveState`].
#[derive(Debug, Clone, Copy)]
pub struct LiveView<'a> {
    /// Its row.
    pub row: usize,
    /// The store's own name of it.
    pub id: Name,
    /// Its key as spelled.
    pub key: Name,
    /// Its key as compared; `None` if it is not valid or not unique.
    pub identity: Option<Name>,
    /// Its status.
    pub status: Status,
    /// Set fields, sorted by handle.
    pub facts: &'a [Fact],
    /// Memberships, sorted by handle.
    pub memberships: &'a [Membership],
    /// Site grants, sorted by handle.
    pub grants: &'a [Grant],
    /// The newest invitation.
    pub invitation: Option<Invitation>,
    /// Since when the account is inactive, where the store tells.
    pub inactive_since: Option<Timestamp>,
    /// Since when it has its password, where the rules limit that and the store tells.
    pub password_since: Option<Timestamp>,
}

impl<'a> LiveView<'a> {
    /// How the invitation of somebody who is not in yet has ended by the time `at`, if it has.
    #[must_use]
    pub fn ended_invitation(&self, at: Timestamp) -> Option<InvitationState> {
        let state = self.invitation.map(|invitation| invitation.state_at(at));
        state.filter(|state| self.status == Status::Invited && state.has_ended())
    }

    /// The value of a field, [`Value::Null`] if it is not set.
    #[must_use]
    pub fn value(&self, field: Name) -> Value {
        self.facts.iter().find(|fact| fact.field == field).map_or(Value::Null, |fact| fact.value)
    }

    /// Whether this is an account of a program.
    #[must_use]
    pub fn is_service(&self) -> bool {
        self.value(known::KIND) == Value::Text(known::SERVICE)
    }

    /// The membership in an organization.
    #[must_use]
    pub fn membership(&self, organization: Name) -> Option<&'a Membership> {
        self.memberships.iter().find(|membership| membership.organization == organization)
    }

    /// Whether a role is held anywhere: by a membership, beside one, or on a site.
    #[must_use]
    pub fn holds(&self, names: &Names, role: Name) -> bool {
        let by_membership = |membership: &Membership| {
            membership.role == Some(role) || names.elements(membership.extra_roles).contains(&role)
        };
        self.memberships.iter().any(by_membership) || self.grants.iter().any(|grant| grant.role == Some(role))
    }

    /// The grants in an organization.
    pub fn grants_in(&self, organization: Name) -> impl Iterator<Item = &'a Grant> + use<'a> {
        self.grants.iter().filter(move |grant| grant.organization == organization)
    }

    /// The key as spelled.
    #[must_use]
    pub fn key_text<'n>(&self, names: &'n Names) -> &'n str {
        names.text(self.key)
    }
}

pub(super) fn column_length<T>(column: &[T]) -> u32 {
    u32::try_from(column.len()).unwrap_or(u32::MAX)
}

pub(super) fn column<T>(column: &[T], start: u32, next: Option<u32>) -> &[T] {
    &column[start as usize..next.map_or(column.len(), |next| next as usize)]
}
