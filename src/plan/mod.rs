//! Floor 3: from desired and live state to an ordered, immutable plan.
//!
//! `fit` asks whether the store can have what is declared at all; `diff` drafts what each user and the catalog need;
//! `order` puts the drafts in a sequence that is safe at every step, by numbers only; `assemble` makes the plan of that,
//! and `document` what is printed and saved. `saved` asks whether a saved plan still holds. Deliberately absent: a
//! store, `await`, the clock, and choices that are left for later.

mod action;
mod as_live;
mod assemble;
mod base_document;
mod basis;
mod batches;
mod called_otherwise;
mod cause;
mod census;
mod chosen;
mod cut_short;
mod diff;
mod digest;
mod document;
mod documented;
mod explain;
mod explain_document;
mod explain_fields;
mod file;
mod fit;
mod forbidden;
mod held;
mod history;
mod impact;
mod impact_document;
mod inputs;
mod lock_out;
mod locked_out;
mod mails;
mod order;
mod people;
mod protection;
mod reach;
mod renamed;
mod resend;
mod reset;
mod same_person;
mod saved;
mod saved_plan;
mod saved_renames;
mod says;
mod scope;
mod search;
mod seats;
mod shown;
mod standing;
mod state_json;
mod state_read;
mod target;
mod through;
mod time;
mod undeclared_organizations;
mod unfinished;
mod written_otherwise;
mod yields;

pub use action::{Action, Cause, Origin, Risk, State, Subject};
pub use as_live::as_live;
pub use assemble::{plan, plan_fitted, plan_for, plan_part};
pub use base_document::{BaseDocument, ChangedSettingDocument, RestoresDocument};
pub use batches::InvitationForm;
pub use cause::{Base, causes, tell_causes};
pub use census::{Census, Headcount};
pub use chosen::Chosen;
pub use cut_short::over;
pub use digest::digest;
pub use document::{
    ActionDocument, AffectedDocument, BasisDocument, DeferredDocument, DiagnosticDocument, ExpiringDocument, FORMAT,
    GuardDocument, IncludesDocument, OriginDocument, PasswordDueDocument, PeopleDocument, PlanDocument, StoreDocument,
    SummaryDocument, UnmanagedDocument, schema,
};
pub use documented::{Actions, action_document, action_id, diagnostic_document, document};
pub use explain::{
    Access, Asked, Contribution, Holder, KnownLockOut, PlaceExplanation, PlaceHolders, Scene, UserExplanation,
    explain_place, explain_user,
};
pub use explain_document::{
    ExplainDocument, ExplainedAccess, ExplainedContribution, ExplainedField, ExplainedHolder, ExplainedLeaver,
    ExplainedLine, ExplainedPlace, ExplainedRole, ExplainedUser,
};
pub use explain_fields::{FieldExplanation, FieldSide};
pub use file::{FileError, LARGEST_FILE, SavedPlan, is_plan_file, read_file};
pub use fit::{fit, fit_singly, lacking, shared_with_live};
pub use history::History;
pub use impact::{Impact, ImpactCourse, OrganizationImpact, PersonImpact, PlaceImpact, Shift};
pub use impact_document::{
    ImpactDocument, ImpactFieldDocument, ImpactPeople, ImpactPlaceDocument, OrganizationImpactDocument,
    PersonImpactDocument, ShiftDocument,
};
pub use inputs::{AbsentUsers, CatalogPolicy, Inputs, Policy};
pub use lock_out::{LockOut, lock_out};
pub use locked_out::{LET_IN, LockOutNews, lock_out_news, returned, says_active};
pub use people::{Affected, Effects, SiteChange, Sites};
pub use protection::{broad_protection, unnamed_own_account, void_protection};
pub use resend::{Resend, resend};
pub use reset::{MeantByReset, NoReset, ResetOfAll, ResetUser, active_accounts, can_reset, meant_by};
pub use saved::{Changed, Holding, holding};
pub use saved_plan::{besides, comes_to_more, plan_of_saved};
pub use scope::{Scope, outside_scope, people_in_scope, within_scope};
pub use search::{Likely, asked, has_invalid_key, likely, likely_keys, only_user_like};
pub use shown::{Seen, Shown, keys_touched, shows};
pub use standing::{Standing, StandingIn, standing};
pub use state_json::state_json;
pub use state_read::read_state;
pub use unfinished::{Unfinished, lost_half_way, unfinished};
pub use yields::yields;

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Position};
use crate::model::{ActionKind, InvitationState, Name};

/// The store that a plan is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreRef {
    /// Its name in the settings.
    pub name: String,
    /// Its kind, for example `sqlite`.
    pub kind: String,
    /// Its own identity.
    pub id: String,
    /// Where it is: the path of an embedded store as the settings have it, the address of a remote one. Not in the
    /// digest: two clones of a repository may have a store in different places.
    pub address: String,
}

impl StoreRef {
    /// The kind of what is no store: a git revision whose desired state stands in the place of what is live. Its id is the
    /// commit, its address the name of the revision. No store has this kind, so no digest of such a plan is that of another.
    pub const REVISION: &'static str = "git";

    /// Whether it is no store, but a revision.
    #[must_use]
    pub fn is_revision(&self) -> bool {
        self.kind == Self::REVISION
    }
}

/// What a deferred entry waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitsFor {
    /// The person has to accept an invitation.
    Acceptance,
    /// A seat.
    Seat,
    /// Another admin in the organization.
    Successor,
    /// A key that another account has.
    Key,
    /// The time between deactivation and deletion.
    Grace,
    /// Somebody has to decide.
    Decision,
    /// A day that has not come.
    Start,
    /// An organization, site or role that rollcall may not make.
    Catalog,
    /// A field that is missing.
    Field,
    /// The person has to enrol.
    Enrolment,
    /// It would take something from the account behind the token.
    #[serde(rename = "self")]
    OwnAccount,
    /// The account is protected.
    Protected,
}

impl WaitsFor {
    /// Every reason.
    pub const ALL: [Self; 12] = [
        Self::Acceptance,
        Self::Seat,
        Self::Successor,
        Self::Key,
        Self::Grace,
        Self::Decision,
        Self::Start,
        Self::Catalog,
        Self::Field,
        Self::Enrolment,
        Self::OwnAccount,
        Self::Protected,
    ];

    /// The word used in plans.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acceptance => "acceptance",
            Self::Seat => "seat",
            Self::Successor => "successor",
            Self::Key => "key",
            Self::Grace => "grace",
            Self::Decision => "decision",
            Self::Start => "start",
            Self::Catalog => "catalog",
            Self::Field => "field",
            Self::Enrolment => "enrolment",
            Self::OwnAccount => "self",
            Self::Protected => "protected",
        }
    }
}

/// What stands in the way of something that waits. Every list is sorted by text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The invitation ended in this way, and carries more than is declared.
    Ended(InvitationState, bool),
    /// The account is invited, and the store has no invitation of it, nor word of how one ended; it may carry more than
    /// is declared.
    NoInvitation(bool),
    /// An operator locked the account out.
    LockedOut,
    /// An operator locked the account out, and the line that lets the person in may be older than that.
    LockedOutSince,
    /// Somebody deactivated the account in the store.
    Deactivated,
    /// The account is inactive, and nobody undoes that by the rules.
    NotUndone,
    /// The account is closed.
    Closed,
    /// It has no account, and accounts are not managed.
    NoAccount,
    /// Accounts are not managed.
    NotManaged,
    /// The person also belongs to organizations out of scope, where it would be felt as well.
    Elsewhere,
    /// It would end the last membership, which the rules demand, of an account that is not managed.
    LastMembership,
    /// The rules demand something that is left to others, who have not given it.
    LeftToOthers,
    /// The person belongs to these organizations, which are out of scope, and to no more than so many at once.
    NoRoom(Vec<Name>),
    /// The account has a status in the store that the rules do not know.
    UnknownStatus,
    /// The rules have no way to off-board that can be undone.
    NothingReversible,
    /// The rules have no way to end an account for good.
    NoEnd,
    /// This role has to be changed first, which waits itself.
    Redefinition(Name),
    /// It is in the store already, in another Unicode form.
    Apart,
    /// It needs an action of a cause that was not asked for.
    OtherCause,
    /// Something has to be decided about these people first.
    Behind(Vec<Name>),
    /// These required fields have no value.
    Fields(Vec<String>),
    /// These organizations are short of admins; [`known::PLATFORM`](crate::model::known::PLATFORM) is the platform.
    Organizations(Vec<Name>),
    /// These people, or objects of the catalog, have it or depend on it.
    Dependents(Vec<Name>),
}

/// What is wanted but has to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferred {
    /// What would be done.
    pub kind: ActionKind,
    /// To whom or what.
    pub subject: Subject,
    /// What it waits for.
    pub waits_for: WaitsFor,
    /// How many are missing, of what is counted.
    pub shortfall: Option<u32>,
    /// Since when it waits, where that is known.
    pub since: Option<Timestamp>,
    /// When the wait ends by itself, where that is known (the end of an invitation).
    pub until: Option<Timestamp>,
    /// What stands in the way, where more is known of it.
    pub obstacle: Option<Obstacle>,
    /// What is set before, as in an action.
    pub before: Option<State>,
    /// What would be set after, as in an action.
    pub after: Option<State>,
    /// What would be dangerous about it, as in an action.
    pub risk: Vec<Risk>,
    /// The lines that want it.
    pub origins: Vec<Origin>,
}

/// What is live and gets no action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmanaged {
    /// `user`, `organization`, `site` or `role`.
    pub kind: &'static str,
    /// Its name: a key, a name, or `ORG/SITE`.
    pub name: String,
    /// Why it is left alone.
    pub reason: Cow<'static, str>,
    /// Whether it is told by name however long the list is: somebody whom the settings or a manifest shield from plans,
    /// who administers others, or who keeps what no manifest can say.
    pub is_always_told: bool,
    /// How many people have access in it and keep that beside this plan, where it is an organization that no manifest names.
    pub people: usize,
}

impl Unmanaged {
    /// Something that gets no action.
    #[must_use]
    pub fn new(kind: &'static str, name: String, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, name, reason: reason.into(), is_always_told: false, people: 0 }
    }

    /// The same, told by name however long the list is.
    #[must_use]
    pub fn always_told(self) -> Self {
        Self { is_always_told: true, ..self }
    }
}

/// What ends soon by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiring {
    /// Who loses it.
    pub user: Name,
    /// Where.
    pub organization: Option<Name>,
    /// On which site.
    pub site: Option<Name>,
    /// When.
    pub at: Timestamp,
    /// What is held in that place afterwards: a role that is less. `None`: nothing.
    pub after: Option<State>,
    /// The lines that say so.
    pub origins: Vec<Origin>,
}

/// A password that is older than the rules allow. A reset is a command, never an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordDue {
    /// Whose it is: the live key.
    pub user: Name,
    /// Since when no other one is known: it was set or reset then, or the account became active.
    pub since: Timestamp,
    /// When another one was due.
    pub due: Timestamp,
}

/// How people fare, each counted once in each column that fits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct People {
    /// Account created, invited or reactivated.
    pub join: u32,
    /// Account deactivated, stripped, closed or deleted, or invitation cancelled for good.
    pub leave: u32,
    /// Of all others: can do something that they could not.
    pub gain: u32,
    /// Of all others: can't do something that they could.
    pub lose: u32,
}

/// A plan: immutable, ordered, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The store that it is for.
    pub store: StoreRef,
    /// `sha256:` and 64 hex digits: what a reviewer approves (`contract.md` §2).
    pub digest: String,
    /// A hash of the merged meaning of the manifests, without origins.
    pub desired: String,
    /// A hash of the live state that it was computed against.
    pub live: String,
    /// A hash of the rules of the store.
    pub rules: String,
    /// The time for which it was computed.
    pub at: Timestamp,
    /// When it would be another one by time alone.
    pub valid_until: Option<Timestamp>,
    /// How many people are live.
    pub live_people: usize,
    /// How many people are declared.
    pub declared_people: usize,
    /// Collections of which only a part was read, with the reason.
    pub gaps: Vec<(&'static str, String)>,
    /// Who joins, leaves, gains, loses.
    pub people: People,
    /// What actions come to for people beyond what they say themselves.
    pub effects: Effects,
    /// What guards judge it by.
    pub census: Census,
    /// How many actions of each kind.
    pub counts: BTreeMap<ActionKind, u32>,
    /// How many requests its invitations make, where the rules limit what one takes; `None`: they do not.
    pub batches: Option<usize>,
    /// What is done, in an executable order.
    pub actions: Vec<Action>,
    /// What waits, sorted by text.
    pub deferred: Vec<Deferred>,
    /// What is left alone, sorted by text.
    pub unmanaged: Vec<Unmanaged>,
    /// What ends within 14 days, sorted by time.
    pub expiring: Vec<Expiring>,
    /// Whose password is older than the rules allow, the oldest first.
    pub passwords_due: Vec<PasswordDue>,
    /// Warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Where a line stands, for people; made by whoever knows the files.
pub trait Places {
    /// Path relative to the access repository, line and column, both from 1 (column in characters).
    fn place(&self, position: Position) -> (String, u32, u32);
}
