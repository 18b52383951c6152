//! Actions: one change to one subject, and what a plan says about each.

use serde::{Deserialize, Serialize};

use crate::diagnostic::Position;
use crate::model::{ActionKind, CatalogKey, Fact, Grant, Membership, Name, SourceLabel, Value, known};

/// What is set on a subject before or after an action. Only what belongs to the kind of action is filled in:
///
/// | kind | facts | memberships, grants |
/// | --- | --- | --- |
/// | organizations, sites, roles, `update_user`, `change_access` | all set fields, or the changed ones | |
/// | `invite_user`, `create_user` | all set fields and `status` | what it carries |
/// | the end of an account | `status`, of `strip_user` access fields, too | all of its access, in `before` |
/// | `reactivate_user`, `send_invitation` | `status` | |
/// | `rename_user` | `key` | |
/// | `resend_invitation`, `cancel_invitation` | `invitation`: `none`, `pending` or `ended` | all of its access, in `before` of a cancellation |
/// | `add_membership`, `update_membership` | `role`, `extra_roles`, `default_site`, or the changed ones | of `add_membership`: in `before` the membership that ends, where a person has one at most |
/// | `remove_membership` | the same, in `before` | its grants, in `before` |
/// | `change_role`, `grant_site`, `change_site_role`, `revoke_site` | `role` | |
///
/// A role change that the store makes by removing and adding carries the whole membership on both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Fields and their values.
    pub facts: Vec<Fact>,
    /// Memberships of the account.
    pub memberships: Vec<Membership>,
    /// Site grants of the account, or of the membership.
    pub grants: Vec<Grant>,
}

impl State {
    /// A state of facts alone.
    #[must_use]
    pub fn of(facts: Vec<Fact>) -> Self {
        Self { facts, memberships: Vec::new(), grants: Vec::new() }
    }

    /// The state of one field.
    #[must_use]
    pub fn field(field: Name, value: Value) -> Self {
        Self::of(vec![Fact::new(field, value)])
    }

    /// The value of a field; `None` if this state says nothing about it.
    #[must_use]
    pub fn value(&self, field: Name) -> Option<Value> {
        self.facts.iter().find(|fact| fact.field == field).map(|fact| fact.value)
    }

    /// The role that it says, if any.
    #[must_use]
    pub fn role(&self) -> Option<Name> {
        self.value(known::ROLE).and_then(Value::text)
    }
}

/// Who or what an action is about; `None` where that is not part of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// The key of a user, as declared or else as live.
    pub user: Option<Name>,
    /// An organization.
    pub organization: Option<Name>,
    /// A site.
    pub site: Option<Name>,
    /// A role, of role actions only.
    pub role: Option<Name>,
}

impl Subject {
    /// What of the catalog it is, if no user is part of it.
    pub(super) fn catalog_key(&self) -> Option<CatalogKey> {
        match (self.user, self.role, self.organization, self.site) {
            (None, Some(role), _, _) => Some(CatalogKey::Role(role)),
            (None, None, Some(organization), Some(site)) => Some(CatalogKey::Site(organization, site)),
            (None, None, Some(organization), None) => Some(CatalogKey::Organization(organization)),
            (Some(_), _, _, _) | (None, None, None, _) => None,
        }
    }
}

/// Why a difference is there now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The manifests changed.
    Manifest,
    /// The store changed.
    Drift,
    /// A time has come.
    Expiry,
    /// Wanted before, possible only now.
    Deferred,
    /// An operator asked for it.
    Operator,
    /// There is nothing to compare with.
    Unknown,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 6] =
        [Self::Manifest, Self::Drift, Self::Expiry, Self::Deferred, Self::Operator, Self::Unknown];

    /// The word used in plans.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Drift => "drift",
            Self::Expiry => "expiry",
            Self::Deferred => "deferred",
            Self::Operator => "operator",
            Self::Unknown => "unknown",
        }
    }
}

/// What is dangerous about an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Somebody can do more than before in a way that matters.
    Escalation,
    /// Somebody loses something.
    Removal,
    /// It can't be undone.
    Irreversible,
    /// A mail goes out.
    Mail,
    /// An organization is left without an active admin.
    LastAdmin,
    /// Access that was there before comes back with an account.
    AccessReturns,
}

impl Risk {
    /// Every risk, in the order in which they are listed.
    pub const ALL: [Self; 6] =
        [Self::Escalation, Self::Removal, Self::Irreversible, Self::Mail, Self::LastAdmin, Self::AccessReturns];

    /// The word used in plans.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Escalation => "escalation",
            Self::Removal => "removal",
            Self::Irreversible => "irreversible",
            Self::Mail => "mail",
            Self::LastAdmin => "last_admin",
            Self::AccessReturns => "access_returns",
        }
    }
}

/// A line of a manifest that wants this, and through what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The line.
    pub position: Position,
    /// The team or site grant that it is a part of; `None` for the user's own access.
    pub via: Option<SourceLabel>,
}

/// One change to one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What is done.
    pub kind: ActionKind,
    /// To whom or what.
    pub subject: Subject,
    /// What is there before; `None` where the subject is not.
    pub before: Option<State>,
    /// What is there after; `None` where the subject is not.
    pub after: Option<State>,
    /// What is done instead if the store refuses.
    pub fall_back: Option<ActionKind>,
    /// Why now.
    pub cause: Cause,
    /// What is dangerous about it, sorted.
    pub risk: Vec<Risk>,
    /// Direct needs: positions in [`Plan::actions`](super::Plan::actions), all smaller than its own, sorted.
    pub needs: Vec<u32>,
    /// Why, in words.
    pub reason: &'static str,
    /// The lines that want it; empty where no line does.
    pub origins: Vec<Origin>,
    /// Of drift: the lines of the base that declare what it restores.
    pub restores: Vec<Origin>,
}

impl Action {
    /// An action of which nothing is said yet but what it does: not why, after what, and how dangerous it is.
    #[must_use]
    pub const fn new(kind: ActionKind, subject: Subject, before: Option<State>, after: Option<State>) -> Self {
        Self {
            kind,
            subject,
            before,
            after,
            fall_back: None,
            cause: Cause::Unknown,
            risk: Vec::new(),
            needs: Vec::new(),
            reason: "",
            origins: Vec::new(),
            restores: Vec::new(),
        }
    }

    /// Whether it gives its subject another name.
    #[must_use]
    pub fn renames(&self) -> bool {
        [&self.before, &self.after]
            .into_iter()
            .all(|side| side.as_ref().is_some_and(|state| state.value(known::KEY).is_some()))
    }

    /// The grants that end when this one begins, where a person has one site at most.
    #[must_use]
    pub fn ended_grants(&self) -> &[Grant] {
        match (self.kind, &self.before) {
            (ActionKind::GrantSite, Some(before)) => &before.grants,
            (_, _) => &[],
        }
    }

    /// The memberships that end when this one begins, where a person has one at most.
    #[must_use]
    pub fn ended_memberships(&self) -> &[Membership] {
        match (self.kind, &self.before) {
            (ActionKind::AddMembership, Some(before)) => &before.memberships,
            (_, _) => &[],
        }
    }
}
