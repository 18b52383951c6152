//! The diff: drafts of actions from desired and live state, user by user.
//!
//! The diff of one user is a function of that user's two views, the catalogs and the time; what spans users is only a
//! number that drafts take from or give to ([`Counter`]). `order` turns drafts into a plan. Deliberately absent:
//! input and output, `await`, and any choice about order.

mod access;
mod admins;
mod catalog;
mod flips;
mod grants;
mod pending;
mod profile;
mod user;

use std::collections::BTreeMap;

use jiff::Timestamp;
use rayon::prelude::*;

use super::action::{Action, Cause, Origin, Risk, State, Subject};
use super::{Inputs, Unmanaged, WaitsFor};
use crate::diagnostic::Diagnostic;
use crate::model::{ActionKind, Name, Status, Value, known};
use crate::rules::{OffBoarding, Sayable};

/// A number that spans users, of which a plan can't spend more than there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Counter {
    /// A seat of the store.
    Seat,
    /// An active admin of an organization, or of the platform.
    Admin(Name),
}

impl Counter {
    /// What waits for it is said to wait for this.
    pub(super) const fn waits_for(self) -> WaitsFor {
        match self {
            Self::Seat => WaitsFor::Seat,
            Self::Admin(_) => WaitsFor::Successor,
        }
    }
}

/// Something that has to be done before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Need {
    /// Another draft of the same user, by its place.
    Own(u32),
    /// The organization, if it is made by this plan.
    Organization(Name),
    /// The site, if it is made by this plan.
    Site(Name, Name),
    /// The role, if it is made by this plan.
    Role(Name),
    /// The role's own change, if this plan changes it.
    RoleUpdate(Name),
    /// The action of this kind on this subject.
    Action(ActionKind, Subject),
}

/// An action before it has an order.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// The action, as yet without needs.
    pub(super) action: Action,
    /// What has to be done before.
    pub(super) needs: Vec<Need>,
    /// What it takes from what spans users.
    pub(super) takes: Vec<Counter>,
    /// What it gives to it.
    pub(super) gives: Vec<Counter>,
    /// It has to wait in any case, and for what.
    pub(super) waits_for: Option<WaitsFor>,
    /// Since when it waits, and until when at most.
    pub(super) wait: (Option<Timestamp>, Option<Timestamp>),
    /// Somebody can do something that they could not.
    pub(super) gains: bool,
    /// Somebody can't do something that they could.
    pub(super) loses: bool,
}

impl Draft {
    pub(super) fn new(kind: ActionKind, subject: Subject, before: Option<State>, after: Option<State>) -> Self {
        Self {
            action: Action {
                kind,
                subject,
                before,
                after,
                fall_back: None,
                cause: Cause::Unknown,
                risk: Vec::new(),
                needs: Vec::new(),
                reason: "",
                origins: Vec::new(),
            },
            needs: Vec::new(),
            takes: Vec::new(),
            gives: Vec::new(),
            waits_for: None,
            wait: (None, None),
            gains: false,
            loses: false,
        }
    }

    /// Says that it has to wait, whatever else is done.
    fn waiting(mut self, waits_for: WaitsFor) -> Self {
        self.waits_for.get_or_insert(waits_for);
        self
    }

    fn because(mut self, reason: &'static str) -> Self {
        self.action.reason = reason;
        self
    }

    pub(super) fn risk(&mut self, risk: Risk) {
        if let Err(at) = self.action.risk.binary_search(&risk) {
            self.action.risk.insert(at, risk);
        }
    }
}

/// All drafts of one user, or of the catalog; [`Need::Own`] counts within it.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// The drafts.
    pub(super) drafts: Vec<Draft>,
    /// What is left alone.
    pub(super) unmanaged: Option<Unmanaged>,
    /// Mistakes that only show against what is live.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Change {
    fn is_empty(&self) -> bool {
        self.drafts.is_empty() && self.unmanaged.is_none() && self.diagnostics.is_empty()
    }

    /// Adds a draft and says where it stands.
    fn push(&mut self, draft: Draft) -> u32 {
        self.drafts.push(draft);
        u32::try_from(self.drafts.len() - 1).unwrap_or(u32::MAX)
    }
}

/// What the diff of every user needs and is the same for all.
pub(super) struct Context<'a> {
    pub(super) inputs: &'a Inputs<'a>,
    /// What a manifest could say of the live state.
    sayable: Sayable<'a>,
    /// Roles whose holders administer users: as live, and as they will be.
    roles: BTreeMap<Name, admins::AdminFlags>,
    /// Attributes that make their holder an admin.
    admin_attributes: Vec<Name>,
    /// Fields that a new account can't do without.
    required: Vec<Name>,
    /// Whether the store is over its limit of seats today.
    over_seats: bool,
}

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
pub(super) fn diff(inputs: &Inputs<'_>) -> Drafts {
    let context = Context::new(inputs);
    let (catalog, mut unmanaged) = catalog::diff(inputs);
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
    flips::settle(&context, &mut changes);
    if !live.evidence.is_complete() {
        for change in &mut changes {
            withhold(change);
        }
    }
    unmanaged.extend(changes.iter_mut().filter_map(|change| change.unmanaged.take()));
    let mut counters = balances(&context);
    // An organization without an admin today has nothing left over, and may yet be given one.
    for draft in changes.iter().flat_map(|change| &change.drafts) {
        for counter in draft.takes.iter().chain(&draft.gives).filter(|counter| matches!(counter, Counter::Admin(_))) {
            counters.entry(*counter).or_default();
        }
    }
    Drafts { changes, counters, unmanaged }
}

/// From a partial read: no removal, invitation, creation or reactivation, and nothing that needs one (law 4).
fn withhold(change: &mut Change) {
    let mut dropped: Vec<bool> = Vec::with_capacity(change.drafts.len());
    for draft in &change.drafts {
        dropped.push(draft.loses || needs_whole_read(draft.action.kind));
    }
    loop {
        let more: Vec<usize> = (0..change.drafts.len())
            .filter(|&at| !dropped[at])
            .filter(|&at| {
                change.drafts[at].needs.iter().any(|need| matches!(need, Need::Own(other) if dropped[*other as usize]))
            })
            .collect();
        if more.is_empty() {
            break;
        }
        for at in more {
            dropped[at] = true;
        }
    }
    let mut places = Vec::with_capacity(dropped.len());
    let mut next = 0;
    for &is_dropped in &dropped {
        places.push(next);
        next += u32::from(!is_dropped);
    }
    let mut at = 0;
    change.drafts.retain(|_| {
        at += 1;
        !dropped[at - 1]
    });
    for draft in &mut change.drafts {
        for need in &mut draft.needs {
            if let Need::Own(other) = need {
                *other = places[*other as usize];
            }
        }
    }
}

/// Kinds of actions that a partial read must not lead to, whether or not they take something away.
const fn needs_whole_read(kind: ActionKind) -> bool {
    match kind {
        ActionKind::CreateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::CreateSite
        | ActionKind::DeleteSite
        | ActionKind::CreateRole
        | ActionKind::DeleteRole
        | ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::RenameUser
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::ReactivateUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::CancelInvitation
        | ActionKind::RemoveMembership
        | ActionKind::RevokeSite => true,
        ActionKind::UpdateOrganization
        | ActionKind::UpdateSite
        | ActionKind::UpdateRole
        | ActionKind::UpdateUser
        | ActionKind::ChangeAccess
        | ActionKind::AddMembership
        | ActionKind::ChangeRole
        | ActionKind::UpdateMembership
        | ActionKind::GrantSite
        | ActionKind::ChangeSiteRole => false,
    }
}

impl<'a> Context<'a> {
    fn new(inputs: &'a Inputs<'a>) -> Self {
        let rules = inputs.rules;
        let required = profile::required_fields(inputs);
        let admin_attributes = rules
            .attributes
            .iter()
            .filter(|(_, attribute)| attribute.as_ref().is_some_and(|attribute| attribute.admin == Some(true)))
            .filter_map(|(name, _)| inputs.names.find(&format!("attributes.{name}")))
            .collect();
        let limit = rules.seat_limit();
        Self {
            inputs,
            sayable: Sayable::new(inputs.names, rules, &inputs.live.catalog),
            roles: admins::flags(inputs),
            admin_attributes,
            required,
            over_seats: limit.is_some_and(|limit| seats_taken(inputs) > limit),
        }
    }
}

fn seats_taken(inputs: &Inputs<'_>) -> u32 {
    let taken = inputs.live.users().filter(|user| inputs.rules.counts_seat(user.status)).count();
    u32::try_from(taken).unwrap_or(u32::MAX)
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

/// The facts of a status.
fn status_state(status: Status) -> State {
    State::field(known::STATUS, Value::Text(status.name()))
}

/// Marks what can't be undone.
fn mark_undo(context: &Context<'_>, draft: &mut Draft, way: OffBoarding) {
    if !context.inputs.rules.can_undo(way) {
        draft.risk(Risk::Irreversible);
    }
}

/// An origin at a place, through nothing.
fn own_line(position: crate::diagnostic::Position) -> Vec<Origin> {
    vec![Origin { position, via: None }]
}
