//! What actions of each kind may say: the fields of their two states, what else these carry, and which values the rules
//! have for them.
//!
//! One action is one fact (`contract.md` §1). An action that said more than its kind does would have a store do what
//! nobody sees who looks for that kind, so a file with one is no plan file; what the planner makes is held against the
//! same table. Deliberately absent: whether anybody wants it (`saved`), and subjects and sides (`file`).

use std::collections::BTreeSet;

use super::{Action, State};
use crate::model::{ActionKind, Fact, Name, Names, Value, known};
use crate::rules::{OffBoarding, OnBoarding, Rules};
use crate::source::is_hidden;

/// Role, extra roles and default site: all that a membership says.
const MEMBERSHIP: &[Name] = &[known::DEFAULT_SITE, known::EXTRA_ROLES, known::ROLE];

/// The fields of which a state consists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fields {
    /// These, each of them.
    All(&'static [Name]),
    /// Those of these that change.
    Changed(&'static [Name]),
    /// The role, or all that hangs on it where the store changes a role by removing and adding.
    RoleOrMembership,
    /// The profile of a user.
    Profile,
    /// Access that belongs to no place: API and access attributes.
    Access,
    /// The status, and access that belongs to no place.
    StatusAndAccess,
    /// The status, and whatever an account may be made with.
    Account,
    /// Fields of an organization or a site.
    Place,
    /// Fields of a role.
    Role,
}

/// The two sides of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// Whether a state may carry memberships, and grants.
type Carries = (bool, bool);

/// What the states of actions of a kind consist of; asked of those that are there.
const fn form(kind: ActionKind, side: Side) -> (Fields, Carries) {
    const NOTHING: Carries = (false, false);
    const ALL: Carries = (true, true);
    const STATUS: Fields = Fields::All(&[known::STATUS]);
    match (kind, side) {
        (
            ActionKind::CreateOrganization
            | ActionKind::UpdateOrganization
            | ActionKind::DeleteOrganization
            | ActionKind::CreateSite
            | ActionKind::UpdateSite
            | ActionKind::DeleteSite,
            _,
        ) => (Fields::Place, NOTHING),
        (ActionKind::CreateRole | ActionKind::UpdateRole | ActionKind::DeleteRole, _) => (Fields::Role, NOTHING),
        (ActionKind::InviteUser | ActionKind::CreateUser, _) => (Fields::Account, ALL),
        (ActionKind::UpdateUser, _) => (Fields::Profile, NOTHING),
        (ActionKind::ChangeAccess, _) => (Fields::Access, NOTHING),
        (ActionKind::RenameUser, _) => (Fields::All(&[known::KEY]), NOTHING),
        (ActionKind::DeactivateUser | ActionKind::CloseUser | ActionKind::DeleteUser, Side::Before) => (STATUS, ALL),
        (ActionKind::StripUser, Side::Before) => (Fields::StatusAndAccess, ALL),
        (
            ActionKind::DeactivateUser | ActionKind::CloseUser | ActionKind::DeleteUser | ActionKind::StripUser,
            Side::After,
        )
        | (ActionKind::ReactivateUser | ActionKind::SendInvitation, _) => (STATUS, NOTHING),
        (ActionKind::CancelInvitation, Side::Before) => (Fields::All(&[known::INVITATION]), ALL),
        (ActionKind::CancelInvitation, Side::After) | (ActionKind::ResendInvitation, _) => {
            (Fields::All(&[known::INVITATION]), NOTHING)
        }
        // What ends where this begins is a membership with its sites, and says nothing besides.
        (ActionKind::AddMembership, Side::Before) => (Fields::All(&[]), ALL),
        (ActionKind::AddMembership, Side::After) => (Fields::All(MEMBERSHIP), NOTHING),
        (ActionKind::RemoveMembership, _) => (Fields::All(MEMBERSHIP), (false, true)),
        (ActionKind::ChangeRole, _) => (Fields::RoleOrMembership, (false, true)),
        (ActionKind::UpdateMembership, _) => (Fields::Changed(&[known::DEFAULT_SITE, known::EXTRA_ROLES]), NOTHING),
        // What ends where this begins is a site of the same organization, and says nothing besides.
        (ActionKind::GrantSite, Side::Before) => (Fields::All(&[]), (false, true)),
        (ActionKind::GrantSite | ActionKind::ChangeSiteRole | ActionKind::RevokeSite, _) => {
            (Fields::All(&[known::ROLE]), NOTHING)
        }
    }
}

/// Why an action is none that the planner makes under these rules, as a clause that follows it; `None` if it may be one.
pub(super) fn refuse(action: &Action, names: &Names, rules: &Rules) -> Option<String> {
    let judge = Judge { action, names, rules };
    if !judge.has_kind() {
        return Some("is of a kind that does not happen under the rules of this store".to_owned());
    }
    let sides = [(Side::Before, action.before.as_ref()), (Side::After, action.after.as_ref())];
    for (side, state) in sides {
        if let Some(why) = state.and_then(|state| judge.refuse_state(side, state)) {
            return Some(why);
        }
    }
    judge.refuse_change()
}

struct Judge<'a> {
    action: &'a Action,
    names: &'a Names,
    rules: &'a Rules,
}

impl Judge<'_> {
    /// Whether the planner makes actions of this kind at all.
    fn has_kind(&self) -> bool {
        let Self { action, rules, .. } = self;
        let closes = rules.keeps_used_accounts() && rules.closes_accounts();
        let has_fall_back = action.fall_back.is_none_or(|_| action.kind == ActionKind::DeleteUser && closes);
        let has_kind = match action.kind {
            ActionKind::InviteUser => rules.onboarding() == OnBoarding::Invite,
            ActionKind::CreateUser => rules.onboarding() == OnBoarding::Create,
            ActionKind::CancelInvitation => rules.cancels_invitations(),
            ActionKind::StripUser => rules.reversible_offboarding() == Some(OffBoarding::Strip),
            // Whom an operator locked out is so also where the rules know no way.
            ActionKind::DeactivateUser => rules.reversible_offboarding() != Some(OffBoarding::Strip),
            ActionKind::DeleteUser => rules.final_offboarding() == Some(OffBoarding::Delete),
            ActionKind::CloseUser => rules.final_offboarding() == Some(OffBoarding::Close),
            ActionKind::CreateOrganization => rules.creates_organizations(),
            // A role that was put on a site by hand is taken away also where sites have none.
            ActionKind::ChangeSiteRole => {
                rules.has_site_roles() || action.after.as_ref().is_some_and(|after| after.role().is_none())
            }
            ActionKind::UpdateOrganization
            | ActionKind::DeleteOrganization
            | ActionKind::CreateSite
            | ActionKind::UpdateSite
            | ActionKind::DeleteSite
            | ActionKind::CreateRole
            | ActionKind::UpdateRole
            | ActionKind::DeleteRole
            | ActionKind::UpdateUser
            | ActionKind::ChangeAccess
            | ActionKind::RenameUser
            | ActionKind::ReactivateUser
            | ActionKind::SendInvitation
            | ActionKind::ResendInvitation
            | ActionKind::AddMembership
            | ActionKind::ChangeRole
            | ActionKind::UpdateMembership
            | ActionKind::RemoveMembership
            | ActionKind::RevokeSite => true,
            // One site takes the place of another one where a person has one at most.
            ActionKind::GrantSite => {
                let most = rules.sites.rules().and_then(|sites| sites.max);
                action.before.is_none() || (most == Some(1) && !rules.role_change_rebuilds())
            }
        };
        has_kind && has_fall_back
    }

    fn refuse_state(&self, side: Side, state: &State) -> Option<String> {
        let (fields, (memberships, grants)) = form(self.action.kind, side);
        if (!memberships && !state.memberships.is_empty()) || (!grants && !state.grants.is_empty()) {
            return Some("carries access that actions of its kind do not".to_owned());
        }
        if let Some(fact) = state.facts.iter().find(|fact| !self.may_say(fields, fact.field)) {
            return Some(format!("says something of `{}`, which actions of its kind do not", self.shown(fact.field)));
        }
        if let Some(&missing) = self.must_say(fields, state).iter().find(|&&field| state.value(field).is_none()) {
            return Some(format!("says nothing of `{}`, which actions of its kind do", self.shown(missing)));
        }
        // What is live may have any value.
        let is_misfit = |fact: &&Fact| side == Side::After && !self.fits(fields, **fact);
        let misfit = state.facts.iter().find(is_misfit)?;
        Some(format!("gives `{}` a value that it can't have", self.shown(misfit.field)))
    }

    /// A field as a message names it, whatever somebody wrote there.
    fn shown(&self, field: Name) -> String {
        self.names.text(field).escape_debug().to_string()
    }

    fn may_say(&self, fields: Fields, field: Name) -> bool {
        let text = self.names.text(field);
        let is_access = self.rules.is_access(text);
        let is_profile = || {
            !is_access
                && !self.rules.is_set_by_others(text)
                && self.rules.refuse_field(self.names, field, Value::Null).is_none()
        };
        match fields {
            Fields::All(fields) | Fields::Changed(fields) => fields.contains(&field),
            Fields::RoleOrMembership => MEMBERSHIP.contains(&field),
            Fields::Profile => is_profile() && self.rules.is_readable(text),
            Fields::Access => is_access,
            Fields::StatusAndAccess => field == known::STATUS || is_access,
            Fields::Account => field == known::STATUS || is_access || is_profile(),
            Fields::Place => {
                // What changes may have another name, too.
                let changes = matches!(self.action.kind, ActionKind::UpdateOrganization | ActionKind::UpdateSite);
                [known::NAME, known::KIND, known::PARENT, known::DEFAULT, known::INCLUDES].contains(&field)
                    || text.starts_with("attributes.")
                    || changes && field == known::KEY
            }
            Fields::Role => {
                const ROLE: [Name; 9] = [
                    known::NAME,
                    known::RANK,
                    known::INCLUDES,
                    known::PERMISSIONS,
                    known::SITE_ACCESS,
                    known::ADMIN,
                    known::PROTECTED,
                    known::GRANTABLE,
                    known::APPLIES_TO,
                ];
                ROLE.contains(&field) || self.action.kind == ActionKind::UpdateRole && field == known::KEY
            }
        }
    }

    /// The fields that cannot be left out.
    fn must_say(&self, fields: Fields, state: &State) -> &'static [Name] {
        match fields {
            Fields::All(fields) => fields,
            Fields::RoleOrMembership if self.rules.role_change_rebuilds() && is_whole(state) => MEMBERSHIP,
            // Only who changes a role by removing and adding carries more than the role.
            Fields::RoleOrMembership => &[known::ROLE],
            Fields::StatusAndAccess | Fields::Account => &[known::STATUS],
            Fields::Changed(_) | Fields::Profile | Fields::Access | Fields::Place | Fields::Role => &[],
        }
    }

    fn fits(&self, fields: Fields, fact: Fact) -> bool {
        let Fact { field, value } = fact;
        match value {
            Value::Text(text) if self.is_hidden(text) => return false,
            Value::Set(list) if self.names.elements(list).iter().any(|&text| self.is_hidden(text)) => return false,
            Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_) | Value::Set(_) => {}
        }
        let is_text = matches!(value, Value::Text(_));
        let is_set = matches!(value, Value::Set(_));
        let is_null = value == Value::Null;
        let has_rule = || self.rules.refuse_field(self.names, field, value).is_none();
        match (fields, field) {
            (_, known::STATUS) => self.statuses().contains(&value.text().unwrap_or(known::EMPTY)),
            (_, known::INVITATION) => [known::NONE, known::PENDING, known::ENDED].map(Value::Text).contains(&value),
            (Fields::Profile, _) => has_rule() && !is_null,
            (Fields::Access | Fields::StatusAndAccess, _) => is_null || has_rule(),
            // What others gave goes along as it is.
            (Fields::Account, _) => !is_null && (self.rules.is_access(self.names.text(field)) || has_rule()),
            (_, known::KEY) | (Fields::Place, known::NAME | known::KIND | known::PARENT) => is_text,
            (_, known::INCLUDES | known::PERMISSIONS | known::EXTRA_ROLES) => is_set,
            (Fields::Place, known::DEFAULT) | (Fields::Role, known::ADMIN | known::PROTECTED | known::GRANTABLE) => {
                matches!(value, Value::Bool(_))
            }
            (Fields::Place, _) => is_text || is_set,
            (Fields::Role, known::RANK) => is_null || matches!(value, Value::Number(_)),
            (Fields::Role, known::SITE_ACCESS) => matches!(value, Value::Text(known::ALL | known::SELECTED)),
            (Fields::Role, known::APPLIES_TO) => {
                const PLACES: [Name; 4] = [known::ORGANIZATION, known::SITE, known::PLATFORM_WORD, known::EXTRA];
                matches!(value, Value::Set(list) if self.names.elements(list).iter().all(|place| PLACES.contains(place)))
            }
            (Fields::Role | Fields::All(_) | Fields::Changed(_) | Fields::RoleOrMembership, _) => is_text || is_null,
        }
    }

    fn is_hidden(&self, text: Name) -> bool {
        self.names.text(text).chars().any(is_hidden)
    }

    /// The statuses to which actions of this kind lead.
    fn statuses(&self) -> &'static [Name] {
        match self.action.kind {
            ActionKind::InviteUser => &[known::INVITED, known::PRELOADED],
            // Whoever has such a status where there are no invitations has an account like any other.
            ActionKind::StripUser if !self.rules.knows_invitations() => {
                &[known::ACTIVE, known::INVITED, known::PRELOADED]
            }
            ActionKind::CreateUser | ActionKind::ReactivateUser | ActionKind::StripUser => &[known::ACTIVE],
            ActionKind::SendInvitation => &[known::INVITED],
            ActionKind::DeactivateUser => &[known::INACTIVE],
            ActionKind::CloseUser => &[known::CLOSED],
            ActionKind::CreateOrganization
            | ActionKind::UpdateOrganization
            | ActionKind::DeleteOrganization
            | ActionKind::CreateSite
            | ActionKind::UpdateSite
            | ActionKind::DeleteSite
            | ActionKind::CreateRole
            | ActionKind::UpdateRole
            | ActionKind::DeleteRole
            | ActionKind::UpdateUser
            | ActionKind::ChangeAccess
            | ActionKind::RenameUser
            | ActionKind::DeleteUser
            | ActionKind::ResendInvitation
            | ActionKind::CancelInvitation
            | ActionKind::AddMembership
            | ActionKind::ChangeRole
            | ActionKind::UpdateMembership
            | ActionKind::RemoveMembership
            | ActionKind::GrantSite
            | ActionKind::ChangeSiteRole
            | ActionKind::RevokeSite => &[],
        }
    }

    /// Why the two states don't go together.
    fn refuse_change(&self) -> Option<String> {
        let (Some(before), Some(after)) = (&self.action.before, &self.action.after) else { return None };
        let fields = |state: &State| state.facts.iter().map(|fact| fact.field).collect::<BTreeSet<Name>>();
        let value = |state: &State, field: Name| state.value(field).and_then(Value::text);
        let is_change = fields(before) == fields(after) && !after.facts.is_empty();
        let fits = match self.action.kind {
            ActionKind::UpdateOrganization
            | ActionKind::UpdateSite
            | ActionKind::UpdateRole
            | ActionKind::UpdateUser
            | ActionKind::ChangeAccess
            | ActionKind::UpdateMembership => is_change,
            // Nothing but the role changes with it, whatever is carried along.
            ActionKind::ChangeRole => {
                let same = |field: Name| before.value(field) == after.value(field);
                let is_rebuilt = self.rules.role_change_rebuilds() || !is_whole(before) && !is_whole(after);
                is_change
                    && is_rebuilt
                    && before.grants == after.grants
                    && same(known::EXTRA_ROLES)
                    && same(known::DEFAULT_SITE)
            }
            ActionKind::ReactivateUser => value(before, known::STATUS) == Some(known::INACTIVE),
            ActionKind::StripUser => {
                let status = value(before, known::STATUS);
                let is_in = status == Some(known::ACTIVE) || !self.rules.knows_invitations();
                is_in && status == value(after, known::STATUS)
            }
            ActionKind::SendInvitation => value(before, known::STATUS) == Some(known::PRELOADED),
            // Only an operator has one sent again that is pending.
            ActionKind::ResendInvitation => {
                (value(before, known::INVITATION), value(after, known::INVITATION))
                    == (Some(known::ENDED), Some(known::PENDING))
            }
            ActionKind::CancelInvitation => {
                let is_ended = value(before, known::INVITATION) == Some(known::ENDED);
                value(after, known::INVITATION) == Some(if is_ended { known::NONE } else { known::ENDED })
            }
            ActionKind::AddMembership => self.rules.most_organizations() == Some(1),
            ActionKind::RenameUser
            | ActionKind::DeactivateUser
            | ActionKind::CloseUser
            | ActionKind::ChangeSiteRole
            | ActionKind::CreateOrganization
            | ActionKind::DeleteOrganization
            | ActionKind::CreateSite
            | ActionKind::DeleteSite
            | ActionKind::CreateRole
            | ActionKind::DeleteRole
            | ActionKind::InviteUser
            | ActionKind::CreateUser
            | ActionKind::DeleteUser
            | ActionKind::RemoveMembership
            | ActionKind::GrantSite
            | ActionKind::RevokeSite => true,
        };
        (!fits).then(|| "leads from one thing to another that actions of its kind do not lead to".to_owned())
    }
}

/// Whether a state says more of a membership than its role.
fn is_whole(state: &State) -> bool {
    state.facts.len() > 1 || !state.grants.is_empty()
}
