//! Changes of a role's own `admin` field, which make or unmake admins of everybody who holds the role.
//!
//! Users are changed between the two: a role is made more first, and what counts on that waits for it; a role is made
//! less when everybody who leaves it has done so, takes the places of who holds it then, and only then do others come
//! to it (`lesser_roles`).

use std::collections::BTreeMap;

use super::access::membership_in;
use super::admin_roles::{AdminFlags, Flip};
use super::admins::{When, places, roles_of, won};
use super::context::Context;
use super::draft::{Change, Counter, Draft, Need};
use super::fields;
use crate::model::{ActionKind, Fact, List, LiveView, Membership, Name, Status, UserView, known};

/// Puts takes, gives and needs on the changes of roles.
pub(super) fn settle(context: &Context<'_>, changes: &mut [Change]) {
    let flips = context.roles.iter().filter_map(|(&role, flags)| Some((role, AdminFlags::flip(*flags)?)));
    for (role, flip) in flips {
        let Some(update) = changes.first().and_then(|catalog| {
            let is_update =
                |draft: &Draft| draft.action.kind == ActionKind::UpdateRole && draft.action.subject.role == Some(role);
            catalog.drafts.iter().position(is_update)
        }) else {
            continue;
        };
        let found = holders(context, changes, role, flip);
        for (change, organization, leaving) in &found.followers {
            follow(&mut changes[*change], leaving, role, *organization);
        }
        let draft = &mut changes[0].drafts[update];
        draft.takes = found.takes;
        draft.gives = found.gives;
        draft.needs.extend(found.needs);
    }
}

/// What a change of a role takes and gives, and what has to be done before it.
#[derive(Default)]
struct Holders {
    takes: Vec<Counter>,
    gives: Vec<Counter>,
    needs: Vec<Need>,
    /// Who wins a place by it that they lose afterwards: which change, where, and by which of its drafts.
    followers: Vec<(usize, Name, Vec<usize>)>,
}

/// One user on both sides, with what the plan does to them.
struct Sides<'a> {
    desired: Option<UserView<'a>>,
    live: Option<LiveView<'a>>,
    drafts: &'a [Draft],
    /// The place of the change that holds the drafts.
    change: usize,
}

fn holders(context: &Context<'_>, changes: &[Change], role: Name, flip: Flip) -> Holders {
    let inputs = context.inputs;
    let mut found = Holders::default();
    let mut touched: BTreeMap<Name, usize> = BTreeMap::new();
    for (at, change) in changes.iter().enumerate().skip(1) {
        if let Some(user) = change.drafts.iter().find_map(|draft| draft.action.subject.user) {
            touched.insert(user, at);
        }
    }
    let mut weigh_one = |desired: Option<UserView<'_>>, live: Option<LiveView<'_>>, key: Name| {
        let change = touched.get(&key).copied().unwrap_or_default();
        let drafts = if change == 0 { &[][..] } else { &changes[change].drafts };
        weigh(context, &Sides { desired, live, drafts, change }, role, flip, &mut found);
    };
    for desired in inputs.desired.users() {
        weigh_one(Some(desired), inputs.live.find(desired.identity), desired.key);
    }
    for live in inputs.live.users() {
        if live.identity.is_none_or(|identity| inputs.desired.find(identity).is_none()) {
            weigh_one(None, Some(live), live.key);
        }
    }
    found.needs.sort_unstable();
    found.needs.dedup();
    found
}

/// Adds what one user has to do with a role's change, organization by organization.
fn weigh(context: &Context<'_>, sides: &Sides<'_>, role: Name, flip: Flip, found: &mut Holders) {
    let Sides { desired, live, drafts, change: _ } = sides;
    // Every place ends with the first step of an end; what follows on that, a deletion, may wait for long.
    let first_end = drafts.iter().position(|draft| bearing(draft.action.kind) == Bearing::Ends);
    let is_later_end = |at: usize| bearing(drafts[at].action.kind) == Bearing::Ends && first_end != Some(at);
    let drafts = (0..drafts.len()).filter(|&at| !is_later_end(at)).map(|at| &drafts[at]);
    // What has to wait whatever else is done leaves everything as it is.
    let (blocked, drafts): (Vec<&Draft>, Vec<&Draft>) = drafts.partition(|draft| draft.waits_for.is_some());
    let is_active = live.is_some_and(|live| live.status == Status::Active);
    let today = live.map_or(&[][..], |live| live.memberships);
    let is_any = |wanted: Bearing| drafts.iter().any(|draft| bearing(draft.action.kind) == wanted);
    let (starts, ends) = (is_any(Bearing::Starts), is_any(Bearing::Ends));
    let wanted = match desired {
        Some(desired) if !drafts.is_empty() => context.effective(desired, live.as_ref()).memberships,
        Some(_) | None => Vec::new(),
    };
    let facts = live.map_or(&[][..], |live| live.facts);
    let is_held = blocked.iter().any(|draft| bearing(draft.action.kind) == Bearing::Fields);
    let facts_later = desired
        .as_ref()
        .filter(|_| !is_held)
        .map_or_else(|| facts.to_vec(), |desired| fields::admin_facts_after(context, desired, live.as_ref()));
    for organization in places(today, &wanted) {
        let now = membership_in(today, organization);
        // Where the plan does nothing, what is live stays.
        let is_touched = drafts.iter().any(|draft| touches(draft, organization));
        let from = if !is_touched || !context.in_scope(organization) { today } else { &wanted };
        // Whoever leaves stays declared where accounts are not managed.
        let leaves = |draft: &Draft| bearing(draft.action.kind) == Bearing::Leaves && touches(draft, organization);
        let later = membership_in(from, organization).filter(|_| !drafts.iter().copied().any(leaves));
        let later = without_blocked(&blocked, organization, now, later);
        let later = later.as_ref();
        // Who is let in by this plan comes to everything.
        let now = now.filter(|_| is_active);
        let place = Held { organization, now, later, facts_later: &facts_later, drafts: &drafts };
        if !holds(context, now, role) && !holds(context, later, role) {
            continue;
        }
        match flip {
            // Who is an admin already wins nothing.
            Flip::Raised if !is_active || context.ways(now, facts, When::Today).any() => {}
            Flip::Raised => raise(context, sides, &Held { later: later.filter(|_| !ends), ..place }, role, found),
            Flip::Dropped => {
                drop_role(context, &place, role, found);
                let before = context.ways_meanwhile((now, later), &facts_later).any();
                let after = context.ways(later, &facts_later, When::InTheEnd).any();
                if !ends && (is_active || starts) && before && !after {
                    found.takes.push(Counter::Admin(organization));
                }
            }
        }
    }
}

/// Somebody who holds a role in an organization, today or afterwards.
#[derive(Clone, Copy)]
struct Held<'a> {
    organization: Name,
    now: Option<&'a Membership>,
    later: Option<&'a Membership>,
    facts_later: &'a [Fact],
    /// What is done with the account, up to its end.
    drafts: &'a [&'a Draft],
}

impl Held<'_> {
    /// What takes them off the role that they hold today.
    fn leaving(&self, context: &Context<'_>, role: Name) -> Vec<&Draft> {
        let leaves = |draft: &&Draft| takes_off(context, draft, self.now, self.organization, role);
        self.drafts.iter().copied().filter(leaves).collect()
    }
}

/// What a role that is made more gives to somebody who is no admin here today.
fn raise(context: &Context<'_>, sides: &Sides<'_>, place: &Held<'_>, role: Name, found: &mut Holders) {
    let Held { organization, now, later, facts_later, .. } = *place;
    match won(context, (now, later), organization, sides.drafts) {
        // Whoever holds it all the while wins a place, once.
        Some(by) if by == role => found.gives.push(Counter::Admin(organization)),
        Some(_) => {}
        // Another change makes them an admin.
        None if context.ways_meanwhile((now, later), facts_later).any() => {}
        // Who leaves it leaves before if they can, and is an admin at no time.
        None => {
            let leaving = place.leaving(context, role);
            if leaving.iter().all(|draft| waits_for_nobody(draft, sides.drafts)) {
                found.needs.extend(leaving.into_iter().map(need));
            } else if first_raised(context, now) == Some(role) {
                let subjects: Vec<Need> = leaving.into_iter().map(need).collect();
                let places = (0..sides.drafts.len()).filter(|&at| subjects.contains(&need(&sides.drafts[at])));
                found.followers.push((sides.change, organization, places.collect()));
                found.gives.push(Counter::Admin(organization));
            }
        }
    }
}

/// The membership that is left where some of its changes have to wait.
fn without_blocked(
    blocked: &[&Draft],
    organization: Name,
    now: Option<&Membership>,
    later: Option<&Membership>,
) -> Option<Membership> {
    let mut left = later.copied();
    for draft in blocked.iter().filter(|draft| touches(draft, organization)) {
        match bearing(draft.action.kind) {
            Bearing::Joins | Bearing::Leaves => left = now.copied(),
            Bearing::Role => {
                left = left.map(|left| Membership { role: now.and_then(|now| now.role), ..left });
            }
            Bearing::ExtraRoles => {
                let extra_roles = now.map_or(List::EMPTY, |now| now.extra_roles);
                left = left.map(|left| Membership { extra_roles, ..left });
            }
            Bearing::Starts | Bearing::Ends | Bearing::Fields | Bearing::None => {}
        }
    }
    left
}

/// What has to be done before a role is made less: who leaves it only has to have left it, what else is done to them
/// does not matter. Who comes to it comes afterwards.
fn drop_role(context: &Context<'_>, place: &Held<'_>, role: Name, found: &mut Holders) {
    if context.comes_after(place.now, place.later, role) {
        return;
    }
    if holds(context, place.later, role) {
        let here = place.drafts.iter().filter(|draft| touches(draft, place.organization));
        found.needs.extend(here.map(|draft| need(draft)));
    } else {
        found.needs.extend(place.leaving(context, role).into_iter().map(need));
    }
}

fn holds(context: &Context<'_>, membership: Option<&Membership>, role: Name) -> bool {
    membership.is_some_and(|membership| roles_of(context, membership).contains(&role))
}

/// The first of the roles of a membership that become admin roles.
fn first_raised(context: &Context<'_>, membership: Option<&Membership>) -> Option<Name> {
    let mut roles = membership.map(|membership| roles_of(context, membership)).unwrap_or_default();
    roles.retain(|&role| context.is_raised(role));
    roles.into_iter().min_by_key(|&role| context.inputs.names.text(role))
}

/// The drafts follow the change of a role, and the last of them takes the place that it gave.
fn follow(change: &mut Change, leaving: &[usize], role: Name, organization: Name) {
    for pair in leaving.windows(2) {
        change.drafts[pair[1]].needs.push(Need::Own(u32::try_from(pair[0]).unwrap_or(u32::MAX)));
    }
    if let Some(&last) = leaving.last() {
        change.drafts[last].needs.push(Need::RoleUpdate(role));
        change.drafts[last].takes.push(Counter::Admin(organization));
        change.drafts[last].returns.push((Counter::Admin(organization), role));
    }
}

/// Whether a draft can be done at once: neither it nor what it needs waits, takes from others, or counts on a role.
fn waits_for_nobody(draft: &Draft, own: &[Draft]) -> bool {
    draft.waits_for.is_none()
        && draft.takes.is_empty()
        && draft.needs.iter().all(|need| match need {
            Need::Own(other) => own.get(*other as usize).is_some_and(|other| waits_for_nobody(other, own)),
            Need::Organization(_) | Need::Site(..) | Need::Role(_) => true,
            Need::RoleUpdate(_) | Need::Action(..) => false,
        })
}

/// What an action on a user does to the places that the user has as an admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bearing {
    /// The account becomes active.
    Starts,
    /// The account ends, and every place with it.
    Ends,
    /// Attributes change.
    Fields,
    /// A membership begins.
    Joins,
    /// The role of a membership changes.
    Role,
    /// The extra roles of a membership change.
    ExtraRoles,
    /// A membership ends.
    Leaves,
    /// Nothing.
    None,
}

const fn bearing(kind: ActionKind) -> Bearing {
    match kind {
        ActionKind::CreateUser | ActionKind::ReactivateUser => Bearing::Starts,
        ActionKind::DeactivateUser | ActionKind::StripUser | ActionKind::CloseUser | ActionKind::DeleteUser => {
            Bearing::Ends
        }
        ActionKind::ChangeAccess => Bearing::Fields,
        ActionKind::AddMembership => Bearing::Joins,
        ActionKind::ChangeRole => Bearing::Role,
        ActionKind::UpdateMembership => Bearing::ExtraRoles,
        ActionKind::RemoveMembership => Bearing::Leaves,
        // Who is invited, or not yet, is no active admin; a role on a single site makes none.
        ActionKind::InviteUser
        | ActionKind::UpdateUser
        | ActionKind::RenameUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::CancelInvitation
        | ActionKind::GrantSite
        | ActionKind::ChangeSiteRole
        | ActionKind::RevokeSite
        | ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::DeleteSite
        | ActionKind::CreateRole
        | ActionKind::UpdateRole
        | ActionKind::DeleteRole => Bearing::None,
    }
}

/// Whether a draft may change how its user is an admin of an organization.
fn touches(draft: &Draft, organization: Name) -> bool {
    match bearing(draft.action.kind) {
        Bearing::Starts | Bearing::Ends | Bearing::Fields => true,
        Bearing::Joins | Bearing::Role | Bearing::ExtraRoles | Bearing::Leaves => {
            draft.action.subject.organization.unwrap_or(known::PLATFORM) == organization
        }
        Bearing::None => false,
    }
}

/// Whether a draft takes its user off a role that the user has today in an organization.
fn takes_off(context: &Context<'_>, draft: &Draft, today: Option<&Membership>, organization: Name, role: Name) -> bool {
    let is_main = today.is_some_and(|today| today.role == Some(role));
    let is_extra = today.is_some_and(|today| context.inputs.names.elements(today.extra_roles).contains(&role));
    touches(draft, organization)
        && match bearing(draft.action.kind) {
            Bearing::Ends | Bearing::Leaves => true,
            Bearing::Role => is_main,
            Bearing::ExtraRoles => is_extra,
            Bearing::Starts | Bearing::Fields | Bearing::Joins | Bearing::None => false,
        }
}

fn need(draft: &Draft) -> Need {
    Need::Action(draft.action.kind, draft.action.subject)
}
