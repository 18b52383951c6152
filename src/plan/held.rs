//! What actions do, done to values: the access of one person after all actions for them, and the catalog after all of
//! its own.
//!
//! `people` compares the results. Deliberately absent: limits, order and everything else that decides which actions
//! there are.

use std::collections::BTreeMap;

use super::diff::Draft;
use super::{Action, Inputs, State};
use crate::model::{ActionKind, Catalog, Fact, Fields, Grant, List, LiveView, Membership, Name, Status, Value, known};
use crate::rules::{RoleChangeLoss, Rules};

/// Access of one person, as far as actions change it.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    pub(super) memberships: Vec<Membership>,
    pub(super) grants: Vec<Grant>,
}

/// What an executed change of the catalog is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Changed {
    Role(Name),
    NewSite(Name, Name),
    Site(Name, Name),
    Organization(Name),
}

impl Held {
    pub(super) fn of(live: &LiveView<'_>) -> Self {
        Self { memberships: live.memberships.to_vec(), grants: live.grants.to_vec() }
    }

    fn membership(&mut self, organization: Name) -> &mut Membership {
        let at = self.memberships.iter().position(|membership| membership.organization == organization);
        let at = at.unwrap_or_else(|| {
            let none = Membership { organization, role: None, extra_roles: List::EMPTY, default_site: None };
            self.memberships.push(none);
            self.memberships.len() - 1
        });
        &mut self.memberships[at]
    }

    /// Sets what a state says of a membership.
    fn set(&mut self, organization: Name, state: &State) {
        let membership = self.membership(organization);
        if let Some(role) = state.value(known::ROLE) {
            membership.role = role.text();
        }
        if let Some(Value::Set(roles)) = state.value(known::EXTRA_ROLES) {
            membership.extra_roles = roles;
        }
        if let Some(site) = state.value(known::DEFAULT_SITE) {
            membership.default_site = site.text();
        }
    }

    /// Does what an action for this person does to access. What comes or goes with the status alone is not done.
    pub(super) fn act(&mut self, rules: &Rules, action: &Action) {
        let organization = action.subject.organization.unwrap_or(known::PLATFORM);
        let is_it = |grant: &Grant| grant.organization == organization && Some(grant.site) == action.subject.site;
        let none = State::default();
        let state = action.after.as_ref().unwrap_or(&none);
        match action.kind {
            ActionKind::AddMembership | ActionKind::UpdateMembership => {
                for ended in action.ended_memberships() {
                    self.memberships.retain(|membership| membership.organization != ended.organization);
                    self.grants.retain(|grant| grant.organization != ended.organization);
                }
                self.set(organization, state);
            }
            ActionKind::ChangeRole => {
                if rules.role_change_loses(RoleChangeLoss::Sites) {
                    self.grants.retain(|grant| grant.organization != organization);
                }
                if rules.role_change_loses(RoleChangeLoss::ExtraRoles) {
                    self.membership(organization).extra_roles = List::EMPTY;
                }
                if !state.grants.is_empty() {
                    self.grants.retain(|grant| grant.organization != organization);
                    self.grants.extend_from_slice(&state.grants);
                }
                self.set(organization, state);
            }
            ActionKind::RemoveMembership => {
                self.memberships.retain(|membership| membership.organization != organization);
                self.grants.retain(|grant| grant.organization != organization);
            }
            ActionKind::GrantSite | ActionKind::ChangeSiteRole => {
                let ended = action.ended_grants();
                let is_ended = |grant: &Grant| {
                    ended.iter().any(|one| (one.organization, one.site) == (grant.organization, grant.site))
                };
                self.grants.retain(|grant| !is_it(grant) && !is_ended(grant));
                let site = action.subject.site;
                self.grants.extend(site.map(|site| Grant { organization, site, role: state.role() }));
            }
            ActionKind::RevokeSite => self.grants.retain(|grant| !is_it(grant)),
            ActionKind::InviteUser | ActionKind::CreateUser => {
                *self = Self { memberships: state.memberships.clone(), grants: state.grants.clone() };
            }
            ActionKind::CancelInvitation => *self = Self::default(),
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
            | ActionKind::DeactivateUser
            | ActionKind::ReactivateUser
            | ActionKind::SendInvitation
            | ActionKind::StripUser
            | ActionKind::CloseUser
            | ActionKind::DeleteUser
            | ActionKind::ResendInvitation => {}
        }
    }
}

/// The access of a person after these drafts of theirs; what comes with an activation, or goes along with a new key, is noted under
/// the key.
pub(super) fn after(
    inputs: &Inputs<'_>,
    live: &LiveView<'_>,
    drafts: &[&Draft],
    opens: &mut BTreeMap<Name, State>,
) -> Held {
    let mut held = Held::of(live);
    let rules = inputs.rules;
    if live.status == Status::Inactive && !rules.reactivation_restores() {
        held = Held::default();
    }
    let mut fields: Vec<Fact> = live.facts.to_vec();
    for draft in drafts {
        if let (
            ActionKind::ReactivateUser
            | ActionKind::SendInvitation
            | ActionKind::ResendInvitation
            | ActionKind::RenameUser,
            Some(user),
        ) = (draft.action.kind, draft.action.subject.user)
        {
            let Held { memberships, grants } = held.clone();
            opens.insert(user, State { facts: opened(inputs, &fields), memberships, grants });
        }
        if let (ActionKind::ChangeAccess | ActionKind::UpdateUser, Some(after)) =
            (draft.action.kind, &draft.action.after)
        {
            fields.retain(|fact| after.value(fact.field).is_none());
            fields.extend_from_slice(&after.facts);
        }
        held.act(rules, &draft.action);
    }
    held
}

/// Of the fields of an account, those that tell what it may do and where its mails go.
fn opened(inputs: &Inputs<'_>, fields: &[Fact]) -> Vec<Fact> {
    let is_told = |fact: &&Fact| {
        let field = inputs.names.text(fact.field);
        inputs.rules.is_access(field) || inputs.rules.is_admin_field(field) || inputs.rules.is_address(field)
    };
    fields.iter().filter(is_told).copied().collect()
}

/// Does to the catalog what an action says, whatever is declared by now; says what it is about if it may change
/// somebody's reach.
pub(super) fn change(inputs: &Inputs<'_>, catalog: &mut Catalog, draft: &Draft) -> Option<Changed> {
    let subject = draft.action.subject;
    let set = |fields: &mut Fields| {
        let facts = draft.action.after.iter().flat_map(|after| &after.facts);
        fields.extend(facts.map(|fact| (fact.field, fact.value)));
    };
    let includes = [&draft.action.before, &draft.action.after]
        .into_iter()
        .flatten()
        .any(|state| state.value(known::INCLUDES).is_some());
    match draft.action.kind {
        ActionKind::CreateRole | ActionKind::UpdateRole => {
            let role = subject.role?;
            let mut changed = catalog.roles.get(&role).cloned().unwrap_or_default();
            draft.action.after.iter().flat_map(|after| &after.facts).for_each(|fact| changed.set(inputs.names, *fact));
            catalog.roles.insert(role, changed);
            (draft.gains || draft.loses).then_some(Changed::Role(role))
        }
        ActionKind::CreateOrganization | ActionKind::UpdateOrganization => {
            let name = subject.organization?;
            set(&mut catalog.organizations.entry(name).or_default().fields);
            includes.then_some(Changed::Organization(name))
        }
        ActionKind::CreateSite | ActionKind::UpdateSite => {
            let (name, site) = (subject.organization?, subject.site?);
            let organization = catalog.organizations.entry(name).or_default();
            set(&mut organization.sites.entry(site).or_default().fields);
            if draft.action.kind == ActionKind::CreateSite {
                return Some(Changed::NewSite(name, site));
            }
            includes.then_some(Changed::Site(name, site))
        }
        ActionKind::DeleteRole => {
            catalog.roles.remove(&subject.role?);
            None
        }
        ActionKind::DeleteOrganization => {
            let name = subject.organization?;
            catalog.organizations.remove(&name);
            Some(Changed::Organization(name))
        }
        ActionKind::DeleteSite => {
            let (name, site) = (subject.organization?, subject.site?);
            catalog.organizations.get_mut(&name)?.sites.remove(&site);
            Some(Changed::Site(name, site))
        }
        ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::UpdateUser
        | ActionKind::ChangeAccess
        | ActionKind::RenameUser
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::ReactivateUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::CancelInvitation
        | ActionKind::AddMembership
        | ActionKind::ChangeRole
        | ActionKind::UpdateMembership
        | ActionKind::RemoveMembership
        | ActionKind::GrantSite
        | ActionKind::ChangeSiteRole
        | ActionKind::RevokeSite => None,
    }
}
