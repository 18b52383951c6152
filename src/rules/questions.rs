//! Questions about how accounts come, go and come back, with the careful answer where the vendor states nothing.

use super::{
    BatchSame, Carries, DeleteAllowed, KeyField, NamedField, OffBoarding, OnBoarding, PendingTakes, Period, Renewal,
    Requirement, RequirementValue, Restores, Rules, SeatRefusal,
};
use crate::model::{ActionKind, InvitationState, LiveView, Status, Value};

/// Why everything leaves an account alone that another application keeps.
pub const KEPT_ELSEWHERE: &str = "is a service account, which is managed elsewhere";

impl Rules {
    /// Whether a field makes its holder an admin, by its dotted name.
    #[must_use]
    pub fn is_admin_field(&self, field: &str) -> bool {
        self.attribute(field).is_some_and(|attribute| attribute.admin == Some(true))
    }

    /// Whether a field is an address to which mails of an account go, and so a way into it.
    #[must_use]
    pub fn is_address(&self, field: &str) -> bool {
        let is_needed = || matches!(self.mail_field(), NamedField::Field(mails) if mails == field);
        field == KeyField::Email.as_str() || (self.mail.needs.is_some() && is_needed())
    }

    /// Whether a change of a profile field changes the way into an account: the address to which its mails go, the login,
    /// or two-factor authentication that goes.
    #[must_use]
    pub fn opens_account(&self, field: &str, (from, to): (Value, Value)) -> bool {
        let is_name = field == KeyField::Login.as_str() || self.is_address(field);
        (is_name && from != to) || (field == "mfa" && from == Value::Bool(true) && to != from)
    }

    /// Whether somebody logs in by this field: the key, a log-in, an address, two-factor authentication.
    #[must_use]
    pub fn is_way_in(&self, field: &str) -> bool {
        let is_name = [KeyField::Login.as_str(), KeyField::Email.as_str(), "key", "mfa"].contains(&field);
        is_name || self.is_address(field)
    }

    /// Whether the rules want this field, or another one, of whoever has two-factor authentication: where the second
    /// factor may come from.
    #[must_use]
    pub fn is_second_factor(&self, field: &str) -> bool {
        let is_asked = |one: &Requirement| {
            one.when.get("mfa") == Some(&RequirementValue::Bool(true)) && one.any_of.iter().any(|any| any == field)
        };
        self.require.iter().flatten().any(is_asked)
    }

    /// How people get an account: by creation if not stated.
    #[must_use]
    pub fn onboarding(&self) -> OnBoarding {
        self.onboarding.unwrap_or(OnBoarding::Create)
    }

    /// The access that goes with the first step.
    #[must_use]
    pub fn carries(&self) -> Carries {
        match self.onboarding() {
            OnBoarding::Create => self.creation.carries,
            OnBoarding::Invite => self.invitations.as_ref().and_then(|invitations| invitations.carries),
        }
        .unwrap_or_default()
    }

    /// How many organizations and sites an invitation can't be without: none, if not stated.
    #[must_use]
    pub fn invitation_needs(&self) -> (usize, usize) {
        let needs = match self.onboarding() {
            OnBoarding::Create => None,
            OnBoarding::Invite => self.invitations.as_ref().and_then(|invitations| invitations.needs),
        }
        .unwrap_or_default();
        (needs.organizations.unwrap_or(0) as usize, needs.sites.unwrap_or(0) as usize)
    }

    /// Whether people can be invited at all.
    #[must_use]
    pub fn knows_invitations(&self) -> bool {
        self.invitations.is_some()
    }

    /// How long an invitation can be accepted: without end, if not stated.
    #[must_use]
    pub fn invitation_ttl(&self) -> Option<Period> {
        self.invitations.as_ref().and_then(|invitations| invitations.ttl)
    }

    /// Whether a pending invitation can be sent again: not, if not stated.
    #[must_use]
    pub fn resends_invitations(&self) -> bool {
        self.invitations.as_ref().is_some_and(|invitations| invitations.resend == Some(true))
    }

    /// How many people one batch of invitations takes, and what has to be equal for all of them: no limit and nothing,
    /// if not stated.
    #[must_use]
    pub fn invitation_batch(&self) -> (usize, &[BatchSame]) {
        let invitations = self.invitations.as_ref();
        let most =
            invitations.and_then(|invitations| invitations.batch_max).and_then(|most| usize::try_from(most).ok());
        let same = invitations.and_then(|invitations| invitations.batch_same.as_deref());
        (most.unwrap_or(usize::MAX), same.unwrap_or_default())
    }

    /// Whether a person can decline an invitation: so it is, if not stated.
    #[must_use]
    pub fn lets_decline(&self) -> bool {
        self.invitations.as_ref().is_none_or(|invitations| invitations.declinable != Some(false))
    }

    /// Whether the mail about an invitation offers to decline it: only where the vendor states that a person can.
    #[must_use]
    pub fn offers_decline(&self) -> bool {
        self.invitations.as_ref().is_some_and(|invitations| invitations.declinable == Some(true))
    }

    /// Whether a pending invitation can be cancelled: not, if not stated.
    #[must_use]
    pub fn cancels_invitations(&self) -> bool {
        self.invitations.as_ref().is_some_and(|invitations| invitations.cancel == Some(true))
    }

    /// Whether a person can be added without sending the invitation: not, if not stated.
    #[must_use]
    pub fn suppresses_invitations(&self) -> bool {
        self.invitations.as_ref().is_some_and(|invitations| invitations.suppressible == Some(true))
    }

    /// Whether an invitation in this state is made again by itself: none is, if not stated. One that somebody
    /// cancelled never is.
    #[must_use]
    pub fn renews(&self, state: InvitationState) -> bool {
        let renewal = self.invitations.as_ref().and_then(|invitations| invitations.renew).unwrap_or(Renewal::Never);
        match state {
            InvitationState::Declined => match renewal {
                Renewal::Declined | Renewal::Both => true,
                Renewal::Never | Renewal::Expired => false,
            },
            InvitationState::Expired => match renewal {
                Renewal::Expired | Renewal::Both => true,
                Renewal::Never | Renewal::Declined => false,
            },
            InvitationState::Suppressed
            | InvitationState::Pending
            | InvitationState::Accepted
            | InvitationState::Cancelled => false,
        }
    }

    /// What can be changed while an invitation is pending: nothing, if not stated.
    #[must_use]
    pub fn pending_takes(&self) -> PendingTakes {
        self.invitations.as_ref().and_then(|invitations| invitations.pending_takes).unwrap_or_default()
    }

    /// The kind of action that takes the log-in away, reversibly where the store can: the first allowed of
    /// deactivate and strip. `None`: the store has no reversible way.
    #[must_use]
    pub fn reversible_offboarding(&self) -> Option<OffBoarding> {
        self.offboarding.iter().flatten().copied().find(|way| way.is_reversible())
    }

    /// Whether this way to end an account is open: each is, if none is stated.
    #[must_use]
    pub fn allows_way(&self, way: OffBoarding) -> bool {
        self.offboarding.as_ref().is_none_or(|ways| ways.contains(&way))
    }

    /// The first stated of delete and close. `None`: nothing ends an account for good.
    #[must_use]
    pub fn final_offboarding(&self) -> Option<OffBoarding> {
        self.offboarding.iter().flatten().copied().find(|way| !way.is_reversible())
    }

    /// Whether an account that was used can't be deleted.
    #[must_use]
    pub fn keeps_used_accounts(&self) -> bool {
        self.allows.delete == Some(DeleteAllowed::NeverUsed)
    }

    /// Whether this list of accounts holds service users as well: it does, if not stated.
    #[must_use]
    pub fn holds_service_users(&self) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|kind| kind == "service"))
    }

    /// Whether an account is one that another application keeps: a service user in a list of people. It is left alone
    /// by everything, and reported.
    #[must_use]
    pub fn keeps_elsewhere(&self, view: &LiveView<'_>) -> bool {
        view.is_service() && !self.holds_service_users()
    }

    /// Whether closing is stated as a way to end an account.
    #[must_use]
    pub fn closes_accounts(&self) -> bool {
        self.offboarding.iter().flatten().any(|&way| way == OffBoarding::Close)
    }

    /// Whether the vendor says if an action of this kind can be undone. Of other actions than those that end an account
    /// nothing has to be stated.
    #[must_use]
    pub fn states_undo(&self, kind: ActionKind) -> bool {
        let stated = [
            (ActionKind::DeactivateUser, self.undo.deactivate),
            (ActionKind::StripUser, self.undo.strip),
            (ActionKind::DeleteUser, self.undo.delete),
            (ActionKind::CloseUser, self.undo.close),
        ];
        stated.iter().find(|(ending, _)| *ending == kind).is_none_or(|(_, stated)| stated.is_some())
    }

    /// Whether a kind of action can be undone: not, if not stated.
    #[must_use]
    pub fn can_undo(&self, way: OffBoarding) -> bool {
        let stated = match way {
            OffBoarding::Deactivate => self.undo.deactivate,
            OffBoarding::Strip => self.undo.strip,
            OffBoarding::Delete => self.undo.delete,
            OffBoarding::Close => self.undo.close,
        };
        stated == Some(true)
    }

    /// Whether an account that comes back has the access that it had: so it has, if not stated.
    #[must_use]
    pub fn reactivation_restores(&self) -> bool {
        self.reactivation.restores != Some(Restores::None)
    }

    /// Whether the access of an inactive account can be changed: not, if not stated.
    #[must_use]
    pub fn inactive_takes(&self) -> bool {
        self.reactivation.inactive_takes == Some(true)
    }

    /// The limit of accounts, where one is stated.
    #[must_use]
    pub fn seat_limit(&self) -> Option<u32> {
        self.seats.as_ref().and_then(|seats| seats.max)
    }

    /// Whether an account with this status takes a seat. Not stated: every account that is listed does.
    #[must_use]
    pub fn counts_seat(&self, status: Status) -> bool {
        match self.seats.as_ref().and_then(|seats| seats.counts.as_ref()) {
            Some(counts) => counts.contains(&status),
            None => true,
        }
    }

    /// Whether an account that goes from one status to another (`None`: it is not there) takes one of a limited number
    /// of seats.
    #[must_use]
    pub fn takes_seat(&self, from: Option<Status>, to: Status) -> bool {
        let counted = from.is_some_and(|from| self.counts_seat(from));
        self.seat_limit().is_some() && self.counts_seat(to) && !counted
    }

    /// Whether the store refuses this when no seat is left: it does, if not stated.
    #[must_use]
    pub fn refuses_at_limit(&self, refusal: SeatRefusal) -> bool {
        match self.seats.as_ref().and_then(|seats| seats.refuses.as_ref()) {
            Some(refuses) => refuses.contains(&refusal),
            None => true,
        }
    }

    /// Whether the store refuses this to the account behind the token.
    #[must_use]
    pub fn denies_self(&self, kind: ActionKind) -> bool {
        self.denials.own.iter().flatten().any(|&denied| denied == kind)
    }
}
