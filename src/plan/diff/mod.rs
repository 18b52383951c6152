//! The diff: drafts of actions from desired and live state, user by user.
//!
//! The diff of one user is a function of that user's two views, the catalogs and the time; what spans users is only a
//! number that drafts take from or give to ([`Counter`]). `order` turns drafts into a plan. Deliberately absent:
//! input and output, `await`, and any choice about order.
//!
//! The files use each other one way only: `user` (what its status on both sides asks for) and `pending` (until an
//! invitation is accepted) put together what `access`, `access_drafts`, `fields` and `admins` find, `before_start` what
//! of that goes before the day on which a user starts; `flips` looks at all of it once more, `shield` at roles of those
//! who may lose nothing, and `lesser_roles` at those who come to a role that is made less; `switches` puts together what
//! is one change for the store; `apart` holds back what is there in another Unicode form; `declined` keeps an answer; `open` tells what the rules demand and others manage; `context`, `definitions`,
//! `admin_roles` and `draft` stand below them all.

mod access;
mod access_drafts;
mod admin_roles;
mod admins;
mod apart;
mod before_start;
mod catalog;
mod catalog_circles;
mod catalog_order;
mod context;
mod declined;
mod definitions;
mod draft;
mod endings;
mod fields;
mod flips;
mod leaving;
mod lesser_roles;
mod lock_outs;
mod open;
mod partial;
mod pending;
mod pending_told;
mod power;
mod renames;
mod scoped;
mod shield;
mod switches;
mod tombstones;
mod undeclared;
mod upcoming;
mod user;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

pub(super) use self::catalog::widens;
use self::context::{Context, seats_taken};
use self::definitions::Definitions;
pub(super) use self::draft::{Change, Counter, Draft, Need};
use super::renamed::Renamed;
use super::seats::taken_by_services;
use super::{Inputs, Unmanaged};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{ActionKind, Grant, LiveView, Membership, Name, UserView, known};

/// The drafts of everything, in no order, and the catalog's first.
pub(super) struct Drafts {
    /// One entry for the catalog, then one for each user that has something.
    pub(super) changes: Vec<Change>,
    /// What today's state leaves over of each counter, and by how much it is over its limit.
    pub(super) counters: BTreeMap<Counter, Balance>,
    /// Catalog objects that are left alone.
    pub(super) unmanaged: Vec<Unmanaged>,
}

/// What is left over, or missing, of a counter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Balance {
    /// How many there are today.
    pub(super) today: u32,
    /// How many may be taken.
    pub(super) slack: u32,
    /// How many have to be given before one may be taken.
    pub(super) debt: u32,
}

/// Compares everything.
pub(super) fn diff(inputs: &Inputs<'_>, renamed: &Renamed) -> Drafts {
    let mut held = BTreeSet::new();
    loop {
        let drafts = diff_holding(inputs, renamed, &held);
        // A role whose change has to wait makes nobody an admin: nobody's leaving takes a place by it.
        let waits = |draft: &&Draft| draft.action.kind == ActionKind::UpdateRole && draft.waits_for.is_some();
        let waiting = drafts.changes.first().into_iter().flat_map(|catalog| &catalog.drafts).filter(waits);
        let before = held.len();
        held.extend(waiting.filter_map(|draft| draft.action.subject.role));
        if held.len() == before {
            return drafts;
        }
    }
}

/// The same, where these roles stay what they are.
fn diff_holding(inputs: &Inputs<'_>, renamed: &Renamed, held: &BTreeSet<Name>) -> Drafts {
    let context = Context::new(inputs, renamed).holding(held);
    let (mut catalog, mut unmanaged) = catalog::diff(inputs, (&context.reach, &context.sayable));
    catalog.diagnostics.extend(over_seats(&context));
    apart::hold(inputs, &mut catalog);
    let live = inputs.live;
    let declared = (0..inputs.desired.len()).into_par_iter().filter_map(|row| {
        let desired = inputs.desired.user(row);
        let change = user::diff(&context, Some(&desired), live.find(desired.identity).as_ref());
        (!change.is_empty()).then_some(change)
    });
    let undeclared = (0..live.len()).into_par_iter().filter_map(|row| {
        let live = live.user(row);
        if live.identity.is_some_and(|identity| inputs.desired.find(identity).is_some()) {
            return None;
        }
        let change = user::diff(&context, None, Some(&live));
        (!change.is_empty()).then_some(change)
    });
    let mut changes: Vec<Change> = vec![catalog];
    changes.par_extend(declared);
    changes.par_extend(undeclared);
    tombstones::settle(&context, &mut changes);
    renames::catalog(&context, &mut changes);
    catalog_order::settle(&context, &mut changes);
    flips::settle(&context, &mut changes);
    shield::settle(&context, &mut changes);
    lesser_roles::settle(&context, &mut changes);
    if inputs.desired.windows.iter().len() > 1 {
        changes.par_extend((0..inputs.desired.len()).into_par_iter().filter_map(|row| {
            let desired = inputs.desired.user(row);
            let change = upcoming::diff(&context, &desired, live.find(desired.identity).as_ref());
            (!change.is_empty()).then_some(change)
        }));
    }
    if !live.evidence.is_complete() {
        for change in &mut changes {
            partial::withhold(change);
        }
    }
    switches::settle(&context, &mut changes);
    unmanaged.extend(changes.iter_mut().filter_map(|change| change.unmanaged.take()));
    unmanaged.extend(changes.iter_mut().filter_map(|change| change.unsayable.take()));
    let mut counters = balances(&context);
    // An organization without an admin today has nothing left over, and may yet be given one.
    for draft in changes.iter().flat_map(|change| &change.drafts) {
        for counter in draft.takes.iter().chain(&draft.gives).filter(|counter| matches!(counter, Counter::Admin(_))) {
            counters.entry(*counter).or_default();
        }
    }
    Drafts { changes, counters, unmanaged }
}

/// That more accounts take a seat than the rules have: whoever comes has to wait until enough are given back.
fn over_seats(context: &Context<'_>) -> Option<Diagnostic> {
    let inputs = context.inputs;
    let limit = inputs.rules.seat_limit().filter(|_| context.over_seats)?;
    let taken = seats_taken(inputs);
    let over = taken.saturating_sub(limit);
    let have = if over == 1 { "has" } else { "have" };
    let message = format!(
        "{taken} accounts take a seat, and this store has {limit}: {over} {have} to be given back before anybody else is \
         let in{}",
        taken_by_services(inputs).map(|services| format!("; {services}")).unwrap_or_default()
    );
    let help = "deactivate somebody, or correct `seats.max` of the rules if the subscription has more";
    Some(Diagnostic::warning(Code::OverSeats, message).help(help))
}

/// The draft that locks an account out, if there is anything left to take, and how many admins there are where it takes
/// one. No floor holds it back: all of them may be taken.
pub(super) fn lock_out_draft(inputs: &Inputs<'_>, live: &LiveView<'_>) -> (Change, BTreeMap<Counter, Balance>) {
    let renamed = Renamed::default();
    let context = Context::new(inputs, &renamed);
    let change = lock_outs::lock_out(&context, live);
    let admins = admins::count(&context);
    let takes = change.drafts.iter().flat_map(|draft| &draft.takes);
    let balances = takes.filter_map(|&counter| match counter {
        Counter::Admin(organization) => {
            let today = admins.get(&organization).copied().unwrap_or_default();
            Some((counter, Balance { today, slack: today.max(1), debt: 0 }))
        }
        Counter::Seat => None,
    });
    let balances = balances.collect();
    (change, balances)
}

/// The draft that sends an invitation again, or one that was held back; `None` where the store sends none again while
/// it is pending.
pub(super) fn resend_draft(inputs: &Inputs<'_>, live: &LiveView<'_>) -> Option<Change> {
    user::resend(&Context::new(inputs, &Renamed::default()), live)
}

/// The draft that invites somebody again who declined, and has no account any more; `None` where something else is in the
/// way.
pub(super) fn invite_again_draft(inputs: &Inputs<'_>, desired: &UserView<'_>) -> Option<Change> {
    user::invite_again(&Context::new(inputs, &Renamed::default()), desired)
}

/// Whether the invitation of this person carries something that is not declared.
pub(super) fn carries_more(inputs: &Inputs<'_>, desired: &UserView<'_>, live: &LiveView<'_>) -> bool {
    pending::carries_more(&Context::new(inputs, &Renamed::default()), desired, live)
}

/// The first role of this access, or one that it includes, that is more in the store than it is declared, and that a plan
/// makes less.
pub(super) fn more_than_declared(
    inputs: &Inputs<'_>,
    (memberships, grants): (&[Membership], &[Grant]),
) -> Option<Name> {
    let definitions = Definitions::new(inputs);
    let of_membership = |membership: &Membership| {
        let extra = inputs.names.elements(membership.extra_roles).to_vec();
        membership.role.into_iter().chain(extra).collect::<Vec<_>>()
    };
    let roles = memberships.iter().flat_map(of_membership).chain(grants.iter().filter_map(|grant| grant.role));
    roles.flat_map(|role| definitions.narrowed_through(inputs, role)).next()
}

/// What today's state leaves over, where no manifest is asked.
pub(super) fn balances_of(inputs: &Inputs<'_>) -> BTreeMap<Counter, Balance> {
    balances(&Context::new(inputs, &Renamed::default()))
}

/// What today's state leaves over of everything that is counted.
fn balances(context: &Context<'_>) -> BTreeMap<Counter, Balance> {
    let inputs = context.inputs;
    let mut balances = BTreeMap::new();
    if let Some(limit) = inputs.rules.seat_limit() {
        let taken = seats_taken(inputs);
        let balance = Balance { today: taken, slack: limit.saturating_sub(taken), debt: taken.saturating_sub(limit) };
        balances.insert(Counter::Seat, balance);
    }
    for (organization, admins) in admins::count(context) {
        // Below its floor an organization keeps as many as it has today (law 5): there is no debt to pay first.
        // The floor is one of organizations; the platform has one only where it stands in their place.
        let has_floor = organization != known::PLATFORM || !inputs.rules.has_organizations();
        let slack = if has_floor { admins.saturating_sub(inputs.policy.min_admins) } else { admins };
        balances.insert(Counter::Admin(organization), Balance { today: admins, slack, debt: 0 });
    }
    balances
}
