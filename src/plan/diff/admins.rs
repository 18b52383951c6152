//! Who administers an organization, and what an action takes from or gives to that number.
//!
//! An admin place is held by an active account through the role of its membership, an extra role there, or an
//! attribute, where the rules or the catalog say `admin: true`. A role on a single site gives none: it could not
//! rescue an organization.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Context, Counter, Draft, Need};
use crate::model::{ActionKind, Fact, LiveView, Membership, Name, Names, Status, Value, known};
use crate::plan::Inputs;

/// Whether holders of a role administer users: as live, and as declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AdminFlags {
    live: Option<bool>,
    declared: Option<bool>,
}

impl AdminFlags {
    /// As it will be: as declared, or else as live.
    pub(super) const fn is_admin(self) -> bool {
        match (self.declared, self.live) {
            (Some(flag), _) | (None, Some(flag)) => flag,
            (None, None) => false,
        }
    }

    /// As it is today; a role that is not there yet counts as it will be.
    const fn was_admin(self) -> bool {
        match (self.live, self.declared) {
            (Some(flag), _) | (None, Some(flag)) => flag,
            (None, None) => false,
        }
    }
}

/// The flags of every role on either side.
pub(super) fn flags(inputs: &Inputs<'_>) -> BTreeMap<Name, AdminFlags> {
    let mut flags: BTreeMap<Name, AdminFlags> = BTreeMap::new();
    for (&role, live) in &inputs.live.catalog.roles {
        flags.insert(role, AdminFlags { live: Some(live.admin), declared: None });
    }
    for (&role, declared) in &inputs.desired.catalog.roles {
        let entry = flags.entry(role).or_insert(AdminFlags { live: None, declared: None });
        // What the vendor brings is as the rules say, on both sides.
        if declared.vendor {
            entry.live = Some(declared.admin);
        }
        entry.declared = Some(declared.admin);
    }
    flags
}

/// The ways in which an account is an admin of one organization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ways {
    role: bool,
    extra: bool,
    attribute: bool,
}

impl Ways {
    pub(super) const fn any(self) -> bool {
        self.role || self.extra || self.attribute
    }
}

impl Context<'_> {
    /// The ways in which a membership makes an active account an admin; `today` by live flags, else by future ones.
    pub(super) fn ways(&self, membership: Option<&Membership>, facts: &[Fact], today: bool) -> Ways {
        let Some(membership) = membership else { return Ways::default() };
        let is_admin = |role: Name| {
            self.roles.get(&role).is_some_and(|flags| if today { flags.was_admin() } else { flags.is_admin() })
        };
        let has = |fact: &Fact| !matches!(fact.value, Value::Null | Value::Bool(false));
        Ways {
            role: membership.role.is_some_and(is_admin),
            extra: !membership.extra_roles.is_empty()
                && self.inputs.names.elements(membership.extra_roles).iter().copied().any(is_admin),
            attribute: !self.admin_attributes.is_empty()
                && facts.iter().any(|fact| self.admin_attributes.contains(&fact.field) && has(fact)),
        }
    }

    /// Organizations of which this live account is an active admin today.
    pub(super) fn admin_places(&self, live: &LiveView<'_>) -> Vec<Name> {
        if live.status != Status::Active {
            return Vec::new();
        }
        let memberships = live.memberships.iter();
        let places = memberships.filter(|membership| self.ways(Some(membership), live.facts, true).any());
        places.map(|membership| membership.organization).collect()
    }
}

/// Active admins of each organization, in people.
pub(super) fn count(context: &Context<'_>) -> BTreeMap<Name, u32> {
    let mut admins: BTreeMap<Name, u32> = BTreeMap::new();
    for live in context.inputs.live.users() {
        for organization in context.admin_places(&live) {
            *admins.entry(organization).or_default() += 1;
        }
    }
    admins
}

/// What one user's drafts do to the admin places of one organization.
pub(super) struct PlaceChange<'a> {
    pub(super) organization: Name,
    /// The ways today.
    pub(super) before: Ways,
    /// The ways afterwards.
    pub(super) after: Ways,
    /// The role that the membership has afterwards, and its extra roles.
    pub(super) membership: Option<&'a Membership>,
    /// The draft that makes the account active, if one does.
    pub(super) activation: Option<u32>,
}

/// Puts takes, gives and needs on the drafts of one user for one organization.
pub(super) fn settle(context: &Context<'_>, change: &mut Change, place: &PlaceChange<'_>) {
    let PlaceChange { organization, before, after, membership, activation } = *place;
    let counter = Counter::Admin(organization);
    let of = |change: &Change, kinds: &[ActionKind]| -> Option<u32> {
        let found = change.drafts.iter().position(|draft| {
            let in_place = draft.action.subject.organization.unwrap_or(known::PLATFORM) == organization;
            kinds.contains(&draft.action.kind) && (in_place || draft.action.kind == ActionKind::ChangeAccess)
        });
        found.and_then(|at| u32::try_from(at).ok())
    };
    let by_role = of(change, &[ActionKind::ChangeRole, ActionKind::RemoveMembership, ActionKind::AddMembership]);
    let by_extra = of(change, &[ActionKind::UpdateMembership]);
    let by_attribute = of(change, &[ActionKind::ChangeAccess]);
    let ends = of(change, &[ActionKind::RemoveMembership]);
    if before.any() && !after.any() {
        // Every way goes; the last of the drafts, in a chain, takes the place.
        let mut chain: Vec<u32> = match ends {
            Some(end) => vec![end],
            None => [(before.role, by_role), (before.extra, by_extra), (before.attribute, by_attribute)]
                .into_iter()
                .filter_map(|(was, draft)| if was { draft } else { None })
                .collect(),
        };
        chain.dedup();
        for pair in chain.windows(2) {
            change.drafts[pair[1] as usize].needs.push(Need::Own(pair[0]));
        }
        if let Some(&last) = chain.last() {
            change.drafts[last as usize].takes.push(counter);
        }
        return;
    }
    let adds = [
        (after.role && !before.role, by_role),
        (after.extra && !before.extra, by_extra.or(by_role)),
        (after.attribute && !before.attribute, by_attribute),
    ];
    let adding: Vec<u32> = adds.into_iter().filter_map(|(adds, draft)| if adds { draft } else { None }).collect();
    if before.any() {
        // One way replaces another: the old one goes only when the new one is there.
        let keeps =
            (before.role && after.role) || (before.extra && after.extra) || (before.attribute && after.attribute);
        if !keeps && let Some(&new) = adding.first() {
            let drops = [(before.role, by_role), (before.extra, by_extra), (before.attribute, by_attribute)];
            for (_, draft) in drops.into_iter().filter(|(was, _)| *was) {
                if let Some(old) = draft.filter(|&old| old != new) {
                    change.drafts[old as usize].needs.push(Need::Own(new));
                }
            }
        }
        return;
    }
    if after.any() {
        // The first new way gives the place; with no new way it is the activation, or the role's own update.
        let Some(giver) = adding.first().copied().or(activation) else { return };
        change.drafts[giver as usize].gives.push(counter);
        if let Some(activation) = activation.filter(|&activation| activation != giver) {
            change.drafts[giver as usize].needs.push(Need::Own(activation));
        }
        for role in membership.into_iter().flat_map(|membership| roles_of(context, membership)) {
            if context.roles.get(&role).is_some_and(|flags| flags.is_admin() && !flags.was_admin()) {
                change.drafts[giver as usize].needs.push(Need::RoleUpdate(role));
            }
        }
    }
}

fn roles_of(context: &Context<'_>, membership: &Membership) -> Vec<Name> {
    let extra = context.inputs.names.elements(membership.extra_roles);
    membership.role.into_iter().chain(extra.iter().copied()).collect()
}

/// A change of a role's own `admin` field makes or unmakes admins of everybody who keeps the role: the update takes
/// or gives their places, and waits until those who leave the role have left it.
pub(super) fn settle_role_updates(context: &Context<'_>, changes: &mut [Change]) {
    let flipped: BTreeSet<Name> = context
        .roles
        .iter()
        .filter(|(_, flags)| flags.live.is_some() && flags.is_admin() != flags.was_admin())
        .map(|(&role, _)| role)
        .collect();
    if flipped.is_empty() {
        return;
    }
    for role in flipped {
        let Some(update) = changes.first().and_then(|catalog| {
            catalog.drafts.iter().position(|draft| {
                draft.action.kind == ActionKind::UpdateRole && draft.action.subject.role == Some(role)
            })
        }) else {
            continue;
        };
        let (takes, gives, leavers) = holders(context, changes, role);
        let draft = &mut changes[0].drafts[update];
        draft.takes = takes;
        draft.gives = gives;
        // Everything that takes an account off the role stands before the update.
        draft.needs.extend(leavers);
    }
}

/// Places that the holders of a role lose or win by the role's own change, and the drafts that leave the role.
fn holders(context: &Context<'_>, changes: &[Change], role: Name) -> (Vec<Counter>, Vec<Counter>, Vec<Need>) {
    let inputs = context.inputs;
    let (mut takes, mut gives, mut needs) = (Vec::new(), Vec::new(), Vec::new());
    let mut touched: BTreeMap<Name, &Change> = BTreeMap::new();
    for change in changes.iter().skip(1) {
        if let Some(user) = change.drafts.iter().find_map(|draft| draft.action.subject.user) {
            touched.insert(user, change);
        }
    }
    for live in inputs.live.users().filter(|live| live.status == Status::Active) {
        let key = live.identity.and_then(|identity| inputs.desired.find(identity)).map_or(live.key, |user| user.key);
        for membership in live.memberships {
            if !roles_of(context, membership).contains(&role) {
                continue;
            }
            let drafts = touched.get(&key).map_or(&[][..], |change| &change.drafts);
            let leaving: Vec<Need> = drafts
                .iter()
                .filter(|draft| takes_off(draft, membership, role, inputs.names))
                .map(|draft| Need::Action(draft.action.kind, draft.action.subject))
                .collect();
            if !leaving.is_empty() {
                needs.extend(leaving);
                continue;
            }
            let before = context.ways(Some(membership), live.facts, true).any();
            let after = context.ways(Some(membership), live.facts, false).any();
            match (before, after) {
                (true, false) => takes.push(Counter::Admin(membership.organization)),
                (false, true) => gives.push(Counter::Admin(membership.organization)),
                (true, true) | (false, false) => {}
            }
        }
    }
    needs.sort_unstable();
    needs.dedup();
    (takes, gives, needs)
}

/// Whether a draft takes its user off `role` in the place of `membership`.
fn takes_off(draft: &Draft, membership: &Membership, role: Name, names: &Names) -> bool {
    let action = &draft.action;
    let in_place = action.subject.organization.unwrap_or(known::PLATFORM) == membership.organization;
    match action.kind {
        ActionKind::DeactivateUser | ActionKind::StripUser | ActionKind::DeleteUser | ActionKind::CloseUser => true,
        ActionKind::RemoveMembership => in_place,
        ActionKind::ChangeRole => in_place && membership.role == Some(role),
        ActionKind::UpdateMembership => {
            let extra = action.after.as_ref().and_then(|after| after.value(known::EXTRA_ROLES));
            let keeps = match extra {
                Some(Value::Set(list)) => names.elements(list).contains(&role),
                Some(Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_)) => false,
                None => true,
            };
            in_place && membership.role != Some(role) && !keeps
        }
        ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::DeleteSite
        | ActionKind::CreateRole
        | ActionKind::UpdateRole
        | ActionKind::DeleteRole
        | ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::UpdateUser
        | ActionKind::ChangeAccess
        | ActionKind::RenameUser
        | ActionKind::ReactivateUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::CancelInvitation
        | ActionKind::AddMembership
        | ActionKind::GrantSite
        | ActionKind::ChangeSiteRole
        | ActionKind::RevokeSite => false,
    }
}
