//! Who administers an organization, and what an action takes from or gives to that number.
//!
//! An admin place is held by an active account through the role of its membership, an extra role there, or an
//! attribute, where the rules or the catalog say `admin: true`. A role on a single site gives none: it could not
//! rescue an organization.

use std::collections::BTreeMap;

use super::access::membership_in;
use super::admin_roles::Flip;
use super::context::Context;
use super::draft::{Change, Counter, Draft, Need};
use super::fields;
use crate::model::{ActionKind, Effective, Fact, LiveView, Membership, Name, Status, UserView, known};
use crate::rules::RoleChangeLoss;

/// By which flags of the roles an account is judged, where a plan changes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// As they are.
    Today,
    /// As they are declared.
    InTheEnd,
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

    const fn both(self, other: Self) -> Self {
        Self {
            role: self.role && other.role,
            extra: self.extra && other.extra,
            attribute: self.attribute && other.attribute,
        }
    }

    const fn without_extra(self) -> Self {
        Self { extra: false, ..self }
    }

    const fn without(self, other: Self) -> Self {
        Self {
            role: self.role && !other.role,
            extra: self.extra && !other.extra,
            attribute: self.attribute && !other.attribute,
        }
    }
}

impl Context<'_> {
    /// The ways in which a membership makes an active account an admin.
    pub(super) fn ways(&self, membership: Option<&Membership>, facts: &[Fact], when: When) -> Ways {
        self.ways_by(membership, facts, |role| match when {
            When::Today => self.was_admin_role(Some(role)),
            When::InTheEnd => self.is_admin_role(Some(role)),
        })
    }

    /// The same for a membership that follows on another one (`now`), while users are changed: after a role is made more
    /// and before one is made less, unless the user comes to that afterwards.
    pub(super) fn ways_meanwhile(
        &self,
        (now, later): (Option<&Membership>, Option<&Membership>),
        facts: &[Fact],
    ) -> Ways {
        self.ways_by(later, facts, |role| {
            self.is_admin_role(Some(role)) || (self.was_admin_role(Some(role)) && !self.comes_after(now, later, role))
        })
    }

    /// The same for a membership that an account comes back with: when the roles that are made less are so.
    pub(super) fn ways_on_return(&self, membership: Option<&Membership>, facts: &[Fact]) -> Ways {
        self.ways_by(membership, facts, |role| self.was_admin_role(Some(role)) && self.is_admin_role(Some(role)))
    }

    fn ways_by(&self, membership: Option<&Membership>, facts: &[Fact], is_admin: impl Fn(Name) -> bool) -> Ways {
        let Some(membership) = membership else { return Ways::default() };
        Ways {
            role: membership.role.is_some_and(&is_admin),
            extra: !membership.extra_roles.is_empty()
                && self.inputs.names.elements(membership.extra_roles).iter().copied().any(&is_admin),
            attribute: !self.admin_attributes.is_empty()
                && facts.iter().any(|fact| self.admin_attributes.contains(&fact.field) && fact.value.is_set()),
        }
    }

    /// Whether this plan makes holders of the role admins.
    pub(super) fn is_raised(&self, role: Name) -> bool {
        self.roles.get(&role).is_some_and(|flags| flags.flip() == Some(Flip::Raised))
    }

    /// Organizations of which this live account is an active admin today.
    pub(super) fn admin_places(&self, live: &LiveView<'_>) -> Vec<Name> {
        if live.status != Status::Active {
            return Vec::new();
        }
        let memberships = live.memberships.iter();
        let places = memberships.filter(|membership| self.ways(Some(membership), live.facts, When::Today).any());
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

/// A declared person, as far as admin places go.
#[derive(Clone, Copy)]
pub(super) struct Person<'a> {
    pub(super) desired: &'a UserView<'a>,
    /// The account, if there is one.
    pub(super) live: Option<&'a LiveView<'a>>,
    /// The access that the person should have.
    pub(super) wanted: &'a Effective,
    /// The draft that makes the account active, if one does.
    pub(super) activation: Option<u32>,
    /// Whether the account comes back, and with it what it had.
    pub(super) comes_back: bool,
}

/// Puts takes, gives and needs on the drafts of one user, organization by organization.
pub(super) fn settle(context: &Context<'_>, person: &Person<'_>, change: &mut Change) {
    let Person { desired, live, wanted, activation, comes_back } = *person;
    let live_memberships = live.map_or(&[][..], |live| live.memberships);
    let live_facts = live.map_or(&[][..], |live| live.facts);
    let is_active = live.is_some_and(|live| live.status == Status::Active);
    let facts_after = fields::admin_facts_after(context, desired, live);
    for organization in places(live_memberships, &wanted.memberships) {
        let now = membership_in(live_memberships, organization);
        let later = if context.in_scope(organization) { membership_in(&wanted.memberships, organization) } else { now };
        let today = match (is_active, comes_back) {
            (true, false) => context.ways(now, live_facts, When::Today),
            (true, true) => context.ways_on_return(now, live_facts),
            (false, _) => Ways::default(),
        };
        if is_active && !today.any() && won(context, (now, later), organization, &change.drafts).is_some() {
            continue;
        }
        let after = context.ways_meanwhile((now.filter(|_| is_active && !comes_back), later), &facts_after);
        settle_place(
            context,
            change,
            &PlaceChange {
                organization,
                today,
                after,
                membership: later,
                activation,
                loses_extra: loses_extra(context, &change.drafts, organization),
                loses_attribute: !fields::makes_admin(context, &facts_after),
            },
        );
    }
}

/// The draft that changes the role in an organization, where the extra roles are lost with it.
fn loses_extra(context: &Context<'_>, drafts: &[Draft], organization: Name) -> Option<u32> {
    let rules = context.inputs.rules;
    let is_lost = rules.role_change_loses(RoleChangeLoss::ExtraRoles) && !rules.role_change_rebuilds();
    let changes = |draft: &Draft| {
        draft.action.kind == ActionKind::ChangeRole
            && draft.action.subject.organization == Some(organization)
            && draft.waits_for.is_none()
    };
    let at = drafts.iter().position(changes).filter(|_| is_lost)?;
    u32::try_from(at).ok()
}

/// The role whose own change gives somebody a place in an organization who has none today: they hold it all the while.
///
/// Whoever leaves a role that becomes an admin role never had a place by it, and takes none.
pub(super) fn won(
    context: &Context<'_>,
    (now, later): (Option<&Membership>, Option<&Membership>),
    organization: Name,
    drafts: &[Draft],
) -> Option<Name> {
    let (now, later) = (now?, later?);
    let is_raised = |role: &Name| context.is_raised(*role);
    let main = now.role.filter(|role| later.role == Some(*role) && is_raised(role));
    if main.is_some() || loses_extra(context, drafts, organization).is_some() {
        return main;
    }
    let names = context.inputs.names;
    let (now, later) = (names.elements(now.extra_roles), names.elements(later.extra_roles));
    let both = now.iter().copied().filter(|role| later.contains(role) && is_raised(role));
    both.min_by_key(|&role| names.text(role))
}

/// The organizations of these memberships, sorted.
pub(super) fn places(some: &[Membership], others: &[Membership]) -> Vec<Name> {
    let mut organizations: Vec<Name> = some.iter().chain(others).map(|membership| membership.organization).collect();
    organizations.sort_unstable();
    organizations.dedup();
    organizations
}

/// What one user's drafts do to the admin places of one organization.
struct PlaceChange<'a> {
    organization: Name,
    /// The ways today.
    today: Ways,
    /// The ways afterwards.
    after: Ways,
    /// The role that the membership has afterwards, and its extra roles.
    membership: Option<&'a Membership>,
    /// The draft that makes the account active, if one does.
    activation: Option<u32>,
    /// The draft that changes the role, where that loses extra roles: they come back, if they do, after it.
    loses_extra: Option<u32>,
    /// Whether no attribute makes an admin of the person afterwards, wherever they belong.
    loses_attribute: bool,
}

fn settle_place(context: &Context<'_>, change: &mut Change, place: &PlaceChange<'_>) {
    let by = By::of(change, place.organization);
    match (place.today.any(), place.after.any()) {
        (true, false) => end(change, by.losing(place), place),
        (true, true) if place.loses_extra.is_some() && !place.after.without_extra().any() => {
            // Whoever is an admin by extra roles alone is none until they are back.
            end(change, by.losing(place), place);
            begin(context, change, by, place);
        }
        (true, true) => replace(context, change, by, place),
        (false, true) => begin(context, change, by, place),
        (false, false) => {}
    }
}

/// The drafts of one user by which ways to be an admin of one organization come and go.
#[derive(Clone, Copy)]
struct By {
    role: Option<u32>,
    extra: Option<u32>,
    attribute: Option<u32>,
    /// The draft by which the membership begins, without which nothing else gives a place.
    join: Option<u32>,
    /// The draft by which the membership ends, with every way that it gives.
    end: Option<u32>,
}

impl By {
    fn of(change: &Change, organization: Name) -> Self {
        let first = |kinds: &[ActionKind]| -> Option<u32> {
            let found = change.drafts.iter().position(|draft| {
                let in_place = draft.action.subject.organization.unwrap_or(known::PLATFORM) == organization;
                kinds.contains(&draft.action.kind) && (in_place || draft.action.kind == ActionKind::ChangeAccess)
            });
            found.and_then(|at| u32::try_from(at).ok())
        };
        Self {
            role: first(&[ActionKind::ChangeRole, ActionKind::RemoveMembership, ActionKind::AddMembership]),
            extra: first(&[ActionKind::UpdateMembership]),
            attribute: first(&[ActionKind::ChangeAccess]),
            join: first(&[ActionKind::AddMembership]),
            end: first(&[ActionKind::RemoveMembership]),
        }
    }

    /// The same, where extra roles go with the role.
    fn losing(self, place: &PlaceChange<'_>) -> Self {
        Self { extra: place.loses_extra.or(self.extra), ..self }
    }

    /// The drafts by which these ways go.
    fn going(self, ways: Ways) -> impl Iterator<Item = u32> {
        let Self { role, extra, attribute, join: _, end: _ } = self;
        let drafts = [(ways.role, role), (ways.extra, extra), (ways.attribute, attribute)];
        drafts.into_iter().filter_map(|(is_way, draft)| draft.filter(|_| is_way))
    }

    /// The drafts by which these ways come. Extra roles may come with the membership itself.
    fn coming(self, ways: Ways) -> impl Iterator<Item = u32> {
        Self { extra: self.extra.or(self.role), ..self }.going(ways)
    }

    /// The drafts by which ways come that are not there today, the surest first.
    fn adding(self, change: &Change, place: &PlaceChange<'_>) -> Vec<u32> {
        let mut adding: Vec<u32> = self.coming(place.after.without(place.today)).collect();
        // One that takes something away may be held back; another way, if there is one, is surer.
        adding.sort_by_key(|&draft| change.drafts[draft as usize].loses);
        adding
    }
}

/// Every way goes; the last of the drafts, in a chain, takes the place.
fn end(change: &mut Change, by: By, place: &PlaceChange<'_>) {
    if let Some((first, last)) = either(change, by, place) {
        change.drafts[last as usize].needs.push(Need::Own(first));
        change.drafts[first as usize].takes.push(Counter::Admin(place.organization));
        return;
    }
    let mut chain: Vec<u32> = match by.end {
        Some(end) => vec![end],
        None => by.going(place.today).collect(),
    };
    chain.dedup();
    if let [first, second] = chain[..]
        && change.drafts[first as usize].needs.contains(&Need::Own(second))
    {
        chain.reverse();
    }
    for pair in chain.windows(2) {
        change.drafts[pair[1] as usize].needs.push(Need::Own(pair[0]));
    }
    if let Some(&last) = chain.last() {
        change.drafts[last as usize].takes.push(Counter::Admin(place.organization));
    }
}

/// The end of the membership and the loss of the attribute, where either alone takes the place: the first of them takes
/// it, and the other one waits for that. Nobody is to be an admin for a moment of where they go.
fn either(change: &Change, by: By, place: &PlaceChange<'_>) -> Option<(u32, u32)> {
    let by_attribute = Ways { attribute: true, ..Ways::default() };
    let (end, attribute) = (by.end?, by.attribute?);
    if place.today != by_attribute || !place.loses_attribute {
        return None;
    }
    let is_first = change.drafts[end as usize].needs.contains(&Need::Own(attribute));
    let comes = change.drafts.iter().any(|draft| draft.action.kind == ActionKind::AddMembership);
    let is_last = change.drafts[attribute as usize].needs.contains(&Need::Own(end));
    Some(if (comes || is_first) && !is_last { (attribute, end) } else { (end, attribute) })
}

/// One way may replace another: the old one goes only when the new one is there, and if that is there only by a role's
/// own change, when that is done.
fn replace(context: &Context<'_>, change: &mut Change, by: By, place: &PlaceChange<'_>) {
    // Ways of the later membership that do not wait for a role's own change, and do not come after it is made less.
    let sure = Ways { attribute: place.after.attribute, ..context.ways(place.membership, &[], When::Today) };
    let sure = sure.both(place.after);
    let is_lost = place.loses_extra.is_some();
    let sure = if is_lost { sure.without_extra() } else { sure };
    if place.today.both(sure).any() {
        return;
    }
    let new = by.coming(sure).next();
    // What comes after the role has changed can't be waited for by that change.
    let is_in_time = |draft: &u32| !is_lost || by.extra != Some(*draft);
    let first = new.or(by.adding(change, place).into_iter().find(is_in_time));
    for old in by.losing(place).going(place.today) {
        if let Some(new) = first.filter(|&new| new != old) {
            change.drafts[old as usize].needs.push(Need::Own(new));
        }
        if new.is_none() {
            wait_for_role_updates(context, &mut change.drafts[old as usize], place.membership);
        }
    }
}

/// The first new way gives the place; with no new way it is the activation, or the role's own update. A way that is
/// made before the account comes back becomes one when it comes back.
fn begin(context: &Context<'_>, change: &mut Change, by: By, place: &PlaceChange<'_>) {
    let PlaceChange { activation, membership, .. } = *place;
    if let Some(join) = by.join {
        // An attribute alone makes an admin of nothing: the place comes when both are there.
        let attribute = by.attribute.filter(|_| !place.after.role && !place.after.extra);
        change.drafts[join as usize].needs.extend(attribute.map(Need::Own));
    }
    let adding = by.join.map_or_else(|| by.adding(change, place), |join| vec![join]);
    let precedes =
        |&draft: &u32| activation.is_some_and(|at| change.drafts[at as usize].needs.contains(&Need::Own(draft)));
    let first = if adding.iter().any(precedes) { activation } else { adding.first().copied() };
    let Some(giver) = first.or(activation) else { return };
    change.drafts[giver as usize].gives.push(Counter::Admin(place.organization));
    if let Some(activation) = activation.filter(|&activation| activation != giver) {
        change.drafts[giver as usize].needs.push(Need::Own(activation));
    }
    wait_for_role_updates(context, &mut change.drafts[giver as usize], membership);
}

/// Makes a draft wait for the changes by which roles of this membership become admin roles.
pub(super) fn wait_for_role_updates(context: &Context<'_>, draft: &mut Draft, membership: Option<&Membership>) {
    for role in membership.into_iter().flat_map(|membership| roles_of(context, membership)) {
        if context.is_raised(role) {
            draft.needs.push(Need::RoleUpdate(role));
        }
    }
}

/// The role of a membership, and its extra roles.
pub(super) fn roles_of(context: &Context<'_>, membership: &Membership) -> Vec<Name> {
    let extra = context.inputs.names.elements(membership.extra_roles);
    membership.role.into_iter().chain(extra.iter().copied()).collect()
}
