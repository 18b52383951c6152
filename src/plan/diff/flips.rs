//! Changes of a role's own `admin` field, which make or unmake admins of everybody who holds the role.
//!
//! Users are changed between the two: a role is made more first, and what counts on that waits for it; a role is made
//! less last, when everybody who comes to it or leaves it has done so, and takes the places of who holds it then.

use std::collections::BTreeMap;

use super::admins::{AdminFlags, Flip, When, roles_of};
use super::user::effective;
use super::{Change, Context, Counter, Draft, Need, profile};
use crate::model::{ActionKind, LiveView, Membership, Name, Status, UserView, known};
use crate::rules::OnBoarding;

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
struct Person<'a> {
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
        person(context, &Person { desired: Some(desired), live, drafts: drafts(desired.key) }, role, flip, &mut found);
    }
    for live in inputs.live.users() {
        if live.identity.is_none_or(|identity| inputs.desired.find(identity).is_none()) {
            person(
                context,
                &Person { desired: None, live: Some(live), drafts: drafts(live.key) },
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

fn person(context: &Context<'_>, person: &Person<'_>, role: Name, flip: Flip, found: &mut Holders) {
    let Person { desired, live, drafts } = person;
    let is_active = live.is_some_and(|live| live.status == Status::Active);
    let today = live.map_or(&[][..], |live| live.memberships);
    let ends = drafts.iter().find(|draft| ends_account(draft.action.kind));
    let starts = drafts.iter().any(|draft| {
        draft.action.kind == ActionKind::ReactivateUser
            || (draft.action.kind == ActionKind::CreateUser && context.inputs.rules.onboarding() == OnBoarding::Create)
    });
    let wanted = match desired {
        Some(desired) if !drafts.is_empty() => effective(context, desired).memberships,
        Some(_) | None => Vec::new(),
    };
    let mut organizations: Vec<Name> = today.iter().chain(&wanted).map(|membership| membership.organization).collect();
    organizations.sort_unstable();
    organizations.dedup();
    let facts = live.map_or(&[][..], |live| live.facts);
    let facts_later =
        desired.as_ref().map_or_else(|| facts.to_vec(), |desired| profile::facts_after(context, desired, facts));
    for organization in organizations {
        let now = today.iter().find(|membership| membership.organization == organization);
        let here: Vec<Need> = drafts.iter().filter(|draft| touches(draft, organization)).map(need).collect();
        // Where the plan does nothing, what is live stays.
        let from = if here.is_empty() || !context.in_scope(organization) { today } else { &wanted };
        let later = from.iter().find(|membership| membership.organization == organization).copied();
        let holds = |membership: Option<&Membership>| {
            membership.is_some_and(|membership| roles_of(context, membership).contains(&role))
        };
        if !holds(now) && !holds(later.as_ref()) {
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
                let is_leaving = !holds(later.as_ref());
                let leaving =
                    drafts.iter().filter(|draft| takes_off(context, draft, now, organization, role)).map(need);
                found.needs.extend(if is_leaving { leaving.collect() } else { here });
                let counts = ends.is_none() && (is_active || starts);
                let before = context.ways(later.as_ref(), &facts_later, When::Meanwhile).any();
                let after = context.ways(later.as_ref(), &facts_later, When::InTheEnd).any();
                if counts && before && !after {
                    found.takes.push(counter);
                }
            }
        }
    }
}

/// Whether a draft takes its user off a role that the user has today in an organization.
fn takes_off(context: &Context<'_>, draft: &Draft, today: Option<&Membership>, organization: Name, role: Name) -> bool {
    let is_main = today.is_some_and(|today| today.role == Some(role));
    let is_extra = today.is_some_and(|today| context.inputs.names.elements(today.extra_roles).contains(&role));
    let is_whole = draft.action.kind == ActionKind::RemoveMembership || ends_account(draft.action.kind);
    let is_it = (draft.action.kind == ActionKind::ChangeRole && is_main)
        || (draft.action.kind == ActionKind::UpdateMembership && is_extra);
    touches(draft, organization) && (is_whole || is_it)
}

fn need(draft: &Draft) -> Need {
    Need::Action(draft.action.kind, draft.action.subject)
}

/// Whether a draft may change how its user is an admin of an organization.
fn touches(draft: &Draft, organization: Name) -> bool {
    let in_place = draft.action.subject.organization.unwrap_or(known::PLATFORM) == organization;
    let is_membership = matches!(
        draft.action.kind,
        ActionKind::AddMembership
            | ActionKind::ChangeRole
            | ActionKind::UpdateMembership
            | ActionKind::RemoveMembership
    );
    let is_whole =
        matches!(draft.action.kind, ActionKind::ChangeAccess | ActionKind::CreateUser | ActionKind::ReactivateUser);
    (is_membership && in_place) || is_whole || ends_account(draft.action.kind)
}

const fn ends_account(kind: ActionKind) -> bool {
    matches!(kind, ActionKind::DeactivateUser | ActionKind::StripUser | ActionKind::DeleteUser | ActionKind::CloseUser)
}
