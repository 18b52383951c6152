//! Changes of a role's own `admin` field, which make or unmake admins of everybody who holds the role.
//!
//! Users are changed between the two: a role is made more first, and what counts on that waits for it; a role is made
//! less last, when everybody who comes to it or leaves it has done so, and takes the places of who holds it then.

use std::collections::BTreeMap;

use super::access::membership_in;
use super::admin_roles::{AdminFlags, Flip};
use super::admins::{When, places, roles_of};
use super::context::Context;
use super::draft::{Change, Counter, Draft, Need};
use super::fields;
use crate::model::{ActionKind, LiveView, Membership, Name, Status, UserView, known};

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
}

/// One user on both sides, with what the plan does to them.
struct Sides<'a> {
    desired: Option<UserView<'a>>,
    live: Option<LiveView<'a>>,
    drafts: &'a [Draft],
}

fn holders(context: &Context<'_>, changes: &[Change], role: Name, flip: Flip) -> Holders {
    let inputs = context.inputs;
    let mut found = Holders::default();
    let mut touched: BTreeMap<Name, &Change> = BTreeMap::new();
    for change in changes.iter().skip(1) {
        if let Some(user) = change.drafts.iter().find_map(|draft| draft.action.subject.user) {
            touched.insert(user, change);
        }
    }
    let drafts = |key: Name| touched.get(&key).map_or(&[][..], |change| &change.drafts);
    for desired in inputs.desired.users() {
        let live = inputs.live.find(desired.identity);
        weigh(context, &Sides { desired: Some(desired), live, drafts: drafts(desired.key) }, role, flip, &mut found);
    }
    for live in inputs.live.users() {
        if live.identity.is_none_or(|identity| inputs.desired.find(identity).is_none()) {
            weigh(
                context,
                &Sides { desired: None, live: Some(live), drafts: drafts(live.key) },
                role,
                flip,
                &mut found,
            );
        }
    }
    found.needs.sort_unstable();
    found.needs.dedup();
    found
}

/// Adds what one user has to do with a role's change, organization by organization.
fn weigh(context: &Context<'_>, sides: &Sides<'_>, role: Name, flip: Flip, found: &mut Holders) {
    let Sides { desired, live, drafts } = sides;
    // Every place ends with the first step of an end; what follows on that, a deletion, may wait for long.
    let first_end = drafts.iter().position(|draft| bearing(draft.action.kind) == Bearing::Ends);
    let is_later_end = |at: usize| bearing(drafts[at].action.kind) == Bearing::Ends && first_end != Some(at);
    let drafts: Vec<&Draft> = (0..drafts.len()).filter(|&at| !is_later_end(at)).map(|at| &drafts[at]).collect();
    let is_active = live.is_some_and(|live| live.status == Status::Active);
    let today = live.map_or(&[][..], |live| live.memberships);
    let is_any = |wanted: Bearing| drafts.iter().any(|draft| bearing(draft.action.kind) == wanted);
    let (starts, ends) = (is_any(Bearing::Starts), is_any(Bearing::Ends));
    let wanted = match desired {
        Some(desired) if !drafts.is_empty() => context.effective(desired, live.as_ref()).memberships,
        Some(_) | None => Vec::new(),
    };
    let facts = live.map_or(&[][..], |live| live.facts);
    let facts_later = desired
        .as_ref()
        .map_or_else(|| facts.to_vec(), |desired| fields::admin_facts_after(context, desired, live.as_ref()));
    for organization in places(today, &wanted) {
        let now = membership_in(today, organization);
        let here: Vec<Need> = drafts.iter().copied().filter(|draft| touches(draft, organization)).map(need).collect();
        // Where the plan does nothing, what is live stays.
        let from = if here.is_empty() || !context.in_scope(organization) { today } else { &wanted };
        // Whoever leaves stays declared where accounts are not managed.
        let leaves = |draft: &Draft| bearing(draft.action.kind) == Bearing::Leaves && touches(draft, organization);
        let later = membership_in(from, organization).filter(|_| !drafts.iter().copied().any(leaves));
        let holds = |membership: Option<&Membership>| {
            membership.is_some_and(|membership| roles_of(context, membership).contains(&role))
        };
        if !holds(now) && !holds(later) {
            continue;
        }
        let counter = Counter::Admin(organization);
        match flip {
            // Whoever holds it today wins a place; who leaves it gives that back, as if it were there already.
            Flip::Raised => {
                let was = context.ways(now, facts, When::Today).any();
                if is_active && !was && context.ways(now, facts, When::Meanwhile).any() {
                    found.gives.push(counter);
                }
            }
            Flip::Dropped => {
                // Who leaves the role only has to have left it; what else is done to them does not matter.
                let is_leaving = !holds(later);
                let leaves_role = |draft: &&Draft| takes_off(context, draft, now, organization, role);
                let leaving = drafts.iter().copied().filter(leaves_role).map(need);
                found.needs.extend(if is_leaving { leaving.collect() } else { here });
                let counts = !ends && (is_active || starts);
                let before = context.ways(later, &facts_later, When::Meanwhile).any();
                let after = context.ways(later, &facts_later, When::InTheEnd).any();
                if counts && before && !after {
                    found.takes.push(counter);
                }
            }
        }
    }
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
