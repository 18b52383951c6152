//! How accounts come, go and come back: onboarding, invitations, off-boarding, seats.
//!
//! Not stated is never a promise: what a store may not be able to do is not asked of it. Deliberately absent: what an
//! account can do while it is there (`access`, `fields`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Period;
use crate::model::{ActionKind, Status};

/// How people get an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnBoarding {
    /// An administrator makes it.
    Create,
    /// They are invited, and accept.
    Invite,
}

/// How much of the wanted access goes with the first step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Carries {
    /// How many organizations.
    pub organizations: Option<Amount>,
    /// How many sites in each of them.
    pub sites: Option<Amount>,
    /// Whether extra roles go with it.
    pub extra_roles: Option<bool>,
    /// Whether attributes go with it.
    pub attributes: Option<bool>,
}

/// A number, or `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Amount {
    /// So many.
    Number(u32),
    /// All there are.
    All(AllWord),
}

/// The word `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AllWord {
    /// `all`
    All,
}

impl Amount {
    /// All there are.
    pub const ALL: Self = Self::All(AllWord::All);

    /// As a count, where `all` is the largest.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Number(number) => number as usize,
            Self::All(AllWord::All) => usize::MAX,
        }
    }
}

impl Carries {
    /// How many organizations go with it: none if not stated.
    #[must_use]
    pub fn organizations(&self) -> usize {
        self.organizations.map_or(0, Amount::count)
    }

    /// How many sites of each organization go with it: none if not stated.
    #[must_use]
    pub fn sites(&self) -> usize {
        self.sites.map_or(0, Amount::count)
    }

    /// Whether extra roles go with it: not, if not stated.
    #[must_use]
    pub fn extra_roles(&self) -> bool {
        self.extra_roles.unwrap_or(false)
    }

    /// Whether attributes go with it: not, if not stated.
    #[must_use]
    pub fn attributes(&self) -> bool {
        self.attributes.unwrap_or(false)
    }
}

/// Whether a new account comes with a one-time secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CreationSecret {
    /// A generated one, which goes to the sink.
    Generated,
    /// None.
    None,
}

/// What a new account is made with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Creation {
    /// The access that goes with it: none if not stated.
    pub carries: Option<Carries>,
    /// The one-time secret.
    pub secret: Option<CreationSecret>,
}

/// What has to be equal for all people of one batch of invitations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchSame {
    /// Their organizations.
    Memberships,
    /// Their role.
    Role,
    /// Their sites.
    Sites,
    /// Their type of user.
    UserType,
    /// Whether it is sent.
    Send,
}

/// Which ended invitations are made again by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Renewal {
    /// None.
    Never,
    /// Those that ended by time.
    Expired,
    /// Those that the person declined.
    Declined,
    /// Either.
    Both,
}

/// What happens to a person who has an account already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExistingAccount {
    /// The access is there at once; the person is told.
    Told,
    /// The person has to accept.
    Asked,
}

/// What an invitation can't do without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Needs {
    /// Fewest organizations.
    pub organizations: Option<u32>,
    /// Fewest sites.
    pub sites: Option<u32>,
}

/// What can be changed while an invitation is pending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PendingTakes {
    /// Roles and memberships.
    pub role: Option<bool>,
    /// Site grants.
    pub sites: Option<bool>,
    /// Fields of the profile.
    pub profile: Option<bool>,
}

impl PendingTakes {
    /// Whether fields of the profile can be changed: not, if not stated.
    #[must_use]
    pub fn profile(&self) -> bool {
        self.profile.unwrap_or(false)
    }

    /// Whether roles and memberships can be changed: not, if not stated.
    #[must_use]
    pub fn role(&self) -> bool {
        self.role.unwrap_or(false)
    }

    /// Whether site grants can be changed: not, if not stated.
    #[must_use]
    pub fn sites(&self) -> bool {
        self.sites.unwrap_or(false)
    }
}

/// How invitations live.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Invitations {
    /// How long one can be accepted.
    pub ttl: Option<Period>,
    /// How many addresses one request may have.
    pub batch_max: Option<u32>,
    /// What has to be equal within a batch.
    pub batch_same: Option<Vec<BatchSame>>,
    /// Whether a person can be added without sending it.
    pub suppressible: Option<bool>,
    /// Whether it can be sent again.
    pub resend: Option<bool>,
    /// Whether it can be cancelled.
    pub cancel: Option<bool>,
    /// Whether the person can decline it.
    pub declinable: Option<bool>,
    /// Which ended ones are made again by themselves.
    pub renew: Option<Renewal>,
    /// What happens to a person who has an account.
    pub existing_account: Option<ExistingAccount>,
    /// The access that goes with it.
    pub carries: Option<Carries>,
    /// What it can't do without.
    pub needs: Option<Needs>,
    /// What can be changed while it is pending.
    pub pending_takes: Option<PendingTakes>,
}

/// A way to end an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OffBoarding {
    /// No log-in, everything kept.
    Deactivate,
    /// All access removed, the account left.
    Strip,
    /// Deleted.
    Delete,
    /// Ended for good, still listed.
    Close,
}

impl OffBoarding {
    /// Whether the account is still there afterwards and can be given back all that it had.
    pub(super) const fn is_reversible(self) -> bool {
        match self {
            Self::Deactivate | Self::Strip => true,
            Self::Delete | Self::Close => false,
        }
    }

    /// The action that does it.
    #[must_use]
    pub const fn action(self) -> ActionKind {
        match self {
            Self::Deactivate => ActionKind::DeactivateUser,
            Self::Strip => ActionKind::StripUser,
            Self::Delete => ActionKind::DeleteUser,
            Self::Close => ActionKind::CloseUser,
        }
    }
}

/// When an account can be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeleteAllowed {
    /// Whenever.
    Always,
    /// If nobody ever logged in with it.
    NeverUsed,
}

/// Which ways to end an account can be undone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Undo {
    /// A deactivation.
    pub deactivate: Option<bool>,
    /// A strip.
    pub strip: Option<bool>,
    /// A deletion.
    pub delete: Option<bool>,
    /// A closing.
    pub close: Option<bool>,
}

/// What an account has when it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Restores {
    /// Everything that it had.
    All,
    /// No access.
    None,
}

/// How accounts come back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Reactivation {
    /// What they have then.
    pub restores: Option<Restores>,
    /// Whether access can be changed while they are inactive.
    pub inactive_takes: Option<bool>,
}

/// What the store refuses when no seat is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeatRefusal {
    /// New accounts and invitations.
    Create,
    /// Accounts that come back.
    Activate,
}

/// How many accounts there may be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Seats {
    /// At most so many; `null`: no limit is stated, and the store may refuse.
    pub max: Option<u32>,
    /// Which accounts take a seat.
    pub counts: Option<Vec<Status>>,
    /// What is refused at the limit.
    pub refuses: Option<Vec<SeatRefusal>>,
}

/// What the store refuses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Denials {
    /// What nobody may do to their own account.
    #[serde(rename = "self")]
    pub own: Option<Vec<ActionKind>>,
}
