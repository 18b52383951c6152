//! What a plan is computed from. All of it comes in as values: no clock, no environment, no store.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::StoreRef;
use super::action::Subject;
use super::scope::Scope;
use crate::model::{
    ActionKind, Conflict, Desired, Effective, LiveState, LiveView, Name, Names, UserView, Value, known, matches,
};
use crate::rules::{NamedField, Period, Rules};

/// What happens to live people whom no manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbsentUsers {
    /// They are deactivated, or stripped where the store can't deactivate.
    Deactivate,
    /// They are listed and left alone.
    Report,
}

/// Whether organizations, sites and roles are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogPolicy {
    /// Those that are declared and missing are made.
    Create,
    /// They have to be there; what needs a missing one waits.
    Existing,
}

/// What the settings allow a plan to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What is managed.
    pub scope: Scope,
    /// What happens to live people whom no manifest names.
    pub absent_users: AbsentUsers,
    /// Whether organizations, sites and roles are written.
    pub catalog: CatalogPolicy,
    /// How long an account is inactive before it is deleted.
    pub grace: Period,
    /// Active admins that each organization keeps, in people.
    pub min_admins: u32,
    /// The account behind the token, as a key is compared ([`crate::rules::Identity::normalize`]).
    pub own_account: Option<String>,
    /// Patterns of keys, as compared, that get no action at all.
    pub protected: Vec<String>,
    /// Keys, as compared, of accounts that an operator locked out and whom the store itself does not keep out.
    pub locked_out: BTreeSet<String>,
    /// By key, as compared: since when accounts are out by what runs of rollcall did, for where the store has no date.
    pub left_since: BTreeMap<String, Timestamp>,
    /// In which months are counted.
    pub time_zone: TimeZone,
}

/// Everything that a plan is computed from.
#[derive(Clone)]
pub struct Inputs<'a> {
    /// The table of both sides' names.
    pub names: &'a Names,
    /// What the manifests declare.
    pub desired: &'a Desired,
    /// What the store holds.
    pub live: &'a LiveState,
    /// How the store behaves.
    pub rules: &'a Rules,
    /// What the settings allow.
    pub policy: &'a Policy,
    /// The store.
    pub store: &'a StoreRef,
    /// The time of the plan.
    pub at: Timestamp,
}

impl Inputs<'_> {
    /// Whether roles that are there are changed at all: with a list of organizations they are not, since they are held
    /// in others, too.
    pub(super) fn changes_roles(&self) -> bool {
        self.policy.catalog == CatalogPolicy::Create && self.policy.scope.organizations.is_none()
    }

    /// Whether the settings protect this account from every action.
    #[must_use]
    pub fn is_protected(&self, identity: Name) -> bool {
        let text = self.names.text(identity);
        self.policy.protected.iter().any(|pattern| matches(pattern, text))
    }

    /// Whether an action of this kind sends a mail to the user with this key: only to whoever will have the field that
    /// mails need.
    #[must_use]
    pub fn mails(&self, kind: ActionKind, key: Option<Name>) -> bool {
        self.rules.mails(kind, true) && self.rules.mails(kind, key.is_none_or(|key| self.has_mail_field(key)))
    }

    /// Whether mails reach the user with this key.
    pub(super) fn has_mail_field(&self, key: Name) -> bool {
        let field = match self.rules.mail_field() {
            NamedField::Field(field) => field,
            // Everybody has a status; roles and the parts of a field are nobody's address.
            NamedField::Role | NamedField::Status | NamedField::Parts(_) => return true,
        };
        if field == self.rules.identity.key_field().as_str() {
            return true;
        }
        let Some(field) = self.names.find(&field) else { return false };
        let identity = self.rules.identity.normalize(self.names.text(key));
        let Some(identity) = identity.ok().and_then(|identity| self.names.find(&identity)) else { return false };
        let declared = self.desired.find(identity).and_then(|user| user.value(field));
        let value = declared.or_else(|| self.live.find(identity).map(|user| user.value(field)));
        !matches!(value, None | Some(Value::Null | Value::Text(known::EMPTY)))
    }

    /// The access that the manifests give a user at the time of the plan.
    #[must_use]
    pub fn effective(&self, desired: &UserView<'_>) -> Effective {
        let (mut pieces, mut conflicts, mut effective) = (Vec::new(), Vec::new(), Effective::default());
        desired.pieces_at(self.names, self.at, &mut pieces);
        effective.fold(&self.desired.catalog, self.names, &mut pieces, &mut conflicts);
        // The source that gave the site may be over, or not have begun, while the one that prefers it is in force.
        if self.rules.sites.rules().and_then(|sites| sites.default_given) != Some(true) {
            for conflict in conflicts {
                if let Conflict::DefaultSiteNotGranted(piece) = conflict {
                    let here = effective.memberships.iter_mut().filter(|one| one.organization == piece.organization);
                    here.for_each(|membership| membership.default_site = None);
                }
            }
        }
        effective
    }

    /// From when on the grace of this account counts: the store's date, else the journal's.
    pub(super) fn left_since(&self, desired: &UserView<'_>, live: &LiveView<'_>) -> Option<Timestamp> {
        let by_journal = |identity: Name| self.policy.left_since.get(self.names.text(identity)).copied();
        let by_former_key = || desired.previous.and_then(|previous| by_journal(previous.identity));
        live.inactive_since.or_else(|| by_journal(desired.identity)).or_else(by_former_key)
    }

    /// Whether an action takes a membership away for a moment, to give it back with another role.
    #[must_use]
    pub fn rebuilds(&self, kind: ActionKind, subject: &Subject) -> bool {
        kind == ActionKind::ChangeRole && subject.organization.is_some() && self.rules.role_change_rebuilds()
    }

    /// Whether this is the account behind the token.
    #[must_use]
    pub fn is_own_account(&self, identity: Name) -> bool {
        self.policy.own_account.as_deref() == Some(self.names.text(identity))
    }
}
