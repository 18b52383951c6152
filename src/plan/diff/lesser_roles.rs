//! Whoever comes to a role that this plan makes less comes to it when that is done: nobody has more meanwhile than is
//! declared.
//!
//! Where the change of the role itself has to wait for this person, that can't be; then what the role is today decides
//! the risk. It is looked at when all other needs are known. Deliberately absent: admin places (`admins`, `flips`), which
//! go by the same question ([`Context::comes_after`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::admins::roles_of;
use super::context::Context;
use super::draft::{Change, Draft, Need};
use crate::model::{ActionKind, List, LiveView, Membership, Name, Status, Value, known};
use crate::plan::action::{Risk, State, Subject};
use crate::plan::people::find;

/// Where a draft stands: of which change, and where in it.
type Place = (usize, usize);

impl Context<'_> {
    /// Whether somebody who comes to a role in an organization does so after it is made less.
    pub(super) fn comes_after(&self, now: Option<&Membership>, later: Option<&Membership>, role: Name) -> bool {
        self.definitions.narrowed.contains(&role) && later.is_some_and(|later| self.brings(now, later, role))
    }

    /// Whether a membership brings a role that gives more today than what the user has there.
    fn brings(&self, now: Option<&Membership>, later: &Membership, role: Name) -> bool {
        if now.is_some_and(|now| roles_of(self, now).contains(&role)) {
            return false;
        }
        let had = now.and_then(|now| now.role);
        let is_main = later.role == Some(role) && self.definitions.escalates_today(self.inputs, had, Some(role));
        is_main || self.inputs.names.elements(later.extra_roles).contains(&role)
    }
}

/// Puts the needs on the drafts by which people come to roles that are made less.
pub(super) fn settle(context: &Context<'_>, changes: &mut [Change]) {
    if context.definitions.narrowed.is_empty() {
        return;
    }
    let mut comings: Vec<(Place, Name)> = Vec::new();
    for (change, Change { drafts, .. }) in changes.iter().enumerate().skip(1) {
        for at in 0..drafts.len() {
            let narrowed = |role| context.definitions.narrowed_through(context.inputs, role);
            comings
                .extend(brought(context, drafts, at).into_iter().flat_map(narrowed).map(|role| ((change, at), role)));
        }
    }
    if comings.is_empty() {
        return;
    }
    let key = |&((change, at), role): &(Place, Name)| {
        let Draft { action, .. } = &changes[change].drafts[at];
        let Subject { user, organization, site, .. } = action.subject;
        let texts = [user, organization, site, Some(role)].map(|name| name.map(|name| context.inputs.names.text(name)));
        (texts, action.kind)
    };
    comings.sort_by(|a, b| key(a).cmp(&key(b)));
    comings.dedup();
    let places: HashMap<(ActionKind, Subject), Place> = changes
        .iter()
        .enumerate()
        .flat_map(|(change, drafts)| drafts.drafts.iter().enumerate().map(move |(at, draft)| ((change, at), draft)))
        .map(|(place, draft)| ((draft.action.kind, draft.action.subject), place))
        .collect();
    let mut before: BTreeMap<Name, BTreeSet<Place>> = BTreeMap::new();
    for (place, role) in comings {
        let update = Need::RoleUpdate(role);
        let is_circle = before.entry(role).or_insert_with(|| all_before(changes, &places, update)).contains(&place);
        let draft = &mut changes[place.0].drafts[place.1];
        if is_circle {
            draft.gains = true;
            draft.risk(Risk::Escalation);
            continue;
        }
        draft.needs.push(update);
        before.retain(|_, found| !found.contains(&place));
    }
}

/// What has to be done before something that is needed, and that itself.
fn all_before(changes: &[Change], places: &HashMap<(ActionKind, Subject), Place>, need: Need) -> BTreeSet<Place> {
    let none = Subject::default();
    let place_of = |change: usize, need: Need| {
        let key = match need {
            Need::Own(at) => return Some((change, at as usize)),
            Need::Organization(name) => (ActionKind::CreateOrganization, Subject { organization: Some(name), ..none }),
            Need::Site(of, site) => {
                (ActionKind::CreateSite, Subject { organization: Some(of), site: Some(site), ..none })
            }
            Need::Role(role) => (ActionKind::CreateRole, Subject { role: Some(role), ..none }),
            Need::RoleUpdate(role) => (ActionKind::UpdateRole, Subject { role: Some(role), ..none }),
            Need::Action(kind, subject) => (kind, subject),
        };
        places.get(&key).copied()
    };
    let mut found = BTreeSet::new();
    let mut open: Vec<Place> = place_of(0, need).into_iter().collect();
    while let Some(place) = open.pop() {
        if found.insert(place) {
            let needs = &changes[place.0].drafts[place.1].needs;
            open.extend(needs.iter().filter_map(|&need| place_of(place.0, need)));
        }
    }
    found
}

/// Roles to which a draft brings its user, where they give more today than what the user has there.
fn brought(context: &Context<'_>, drafts: &[Draft], at: usize) -> Vec<Name> {
    let draft = &drafts[at];
    let Subject { user, organization, .. } = draft.action.subject;
    let live = user.and_then(|user| find(context.inputs, user));
    let organization = organization.unwrap_or(known::PLATFORM);
    let none = State::default();
    let names = context.inputs.names;
    let (before, after) = (draft.action.before.as_ref().unwrap_or(&none), draft.action.after.as_ref().unwrap_or(&none));
    let extra = |state: &State| match state.value(known::EXTRA_ROLES) {
        Some(Value::Set(roles)) => roles,
        Some(Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_)) | None => List::EMPTY,
    };
    match draft.action.kind {
        ActionKind::InviteUser | ActionKind::CreateUser => {
            let of_memberships = after.memberships.iter().flat_map(|membership| roles_of(context, membership));
            of_memberships.chain(after.grants.iter().filter_map(|grant| grant.role)).collect()
        }
        ActionKind::AddMembership | ActionKind::ChangeRole | ActionKind::UpdateMembership => {
            let live = live.filter(|live| live.status == Status::Active);
            let now = live.and_then(|live| live.membership(organization).copied());
            let had = names.elements(extra(before)).to_vec();
            let new: Vec<Name> =
                names.elements(extra(after)).iter().copied().filter(|role| !had.contains(role)).collect();
            let extra_roles = names.list(&new);
            let later = Membership { organization, role: after.role(), extra_roles, default_site: None };
            let mut roles = roles_of(context, &later);
            roles.retain(|&role| context.brings(now.as_ref(), &later, role));
            roles
        }
        ActionKind::ReactivateUser | ActionKind::SendInvitation | ActionKind::ResendInvitation => {
            live.map_or_else(Vec::new, |live| coming_back(context, &live, drafts, at))
        }
        ActionKind::GrantSite => after.role().into_iter().collect(),
        ActionKind::ChangeSiteRole => {
            let is_more = |to: &Name| context.definitions.escalates_today(context.inputs, before.role(), Some(*to));
            after.role().filter(is_more).into_iter().collect()
        }
        ActionKind::UpdateUser
        | ActionKind::ChangeAccess
        | ActionKind::RenameUser
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::CancelInvitation
        | ActionKind::RemoveMembership
        | ActionKind::RevokeSite
        | ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::DeleteSite
        | ActionKind::CreateRole
        | ActionKind::UpdateRole
        | ActionKind::DeleteRole => Vec::new(),
    }
}

/// Roles that an account has, and that come with it when it is let in: what is taken off before does not.
fn coming_back(context: &Context<'_>, live: &LiveView<'_>, drafts: &[Draft], at: usize) -> Vec<Name> {
    let lets_in = &drafts[at];
    if lets_in.action.kind == ActionKind::ReactivateUser && !context.inputs.rules.reactivation_restores() {
        return Vec::new();
    }
    let goes_before = |kinds: &[ActionKind], organization: Name, site: Option<Name>| {
        lets_in.needs.iter().any(|need| {
            let Need::Own(own) = need else { return false };
            let Draft { action, .. } = &drafts[*own as usize];
            let place = (action.subject.organization.unwrap_or(known::PLATFORM), action.subject.site);
            kinds.contains(&action.kind) && place == (organization, site)
        })
    };
    let mut roles = Vec::new();
    for membership in live.memberships {
        let goes = |kind| goes_before(&[kind], membership.organization, None);
        if !goes(ActionKind::RemoveMembership) {
            roles.extend(membership.role.filter(|_| !goes(ActionKind::ChangeRole)));
            roles.extend(context.inputs.names.elements(membership.extra_roles).iter().copied());
        }
    }
    let on_site = [ActionKind::ChangeSiteRole, ActionKind::RevokeSite];
    let grants = live.grants.iter().filter(|one| !goes_before(&on_site, one.organization, Some(one.site)));
    roles.extend(grants.filter_map(|grant| grant.role));
    roles
}
