//! What single actions take of what spans users, and whether it is there: seats and admin places of a saved plan.
//!
//! The same account as in `order`: what is left over today is slack; while the store is above its limit of seats, the
//! first that give pay the excess. Who takes uses what the plan gave the same account, which can't be taken where it was
//! not given; then what its own needs gave, those of its needs among them, then slack, and nothing else: anybody else may
//! fail.

use std::collections::{BTreeMap, BTreeSet};

use super::{Accounts, Action, Inputs};
use crate::model::{ActionKind, Fact, LiveRecord, Membership, Name, Status, Value, known};
use crate::plan::reach::with_vendor;

/// One of what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// A seat of the store, taken.
    Seat,
    /// An active admin of an organization, there.
    Admin(Name),
}

/// What there is of one counter.
#[derive(Debug, Clone, Default)]
struct Purse {
    slack: u32,
    debt: u32,
    /// Tokens that actions gave.
    given: Vec<Token>,
}

/// Something that was given, with the positions of the actions of which each alone gives it.
#[derive(Debug, Clone)]
struct Token {
    user: Option<Name>,
    by: BTreeSet<u32>,
}

/// All counters, and by which roles and attributes people are counted.
pub(super) struct Balances<'a> {
    inputs: &'a Inputs<'a>,
    admin_roles: BTreeSet<Name>,
    admin_attributes: Vec<Name>,
    purses: BTreeMap<Place, Purse>,
}

impl<'a> Balances<'a> {
    /// What today's state leaves over.
    pub(super) fn of(inputs: &'a Inputs<'a>) -> Self {
        Self::before(inputs, &Accounts::new(), &[])
    }

    /// What a state leaves over that differs from today's in these accounts, and in whether these roles make admins.
    pub(super) fn before(inputs: &'a Inputs<'a>, changed: &Accounts, flips: &[(Name, bool)]) -> Self {
        let roles = with_vendor(&inputs.desired.catalog.roles, &inputs.live.catalog.roles);
        let admin_roles = roles.iter().filter(|(_, role)| role.admin).map(|(&name, _)| name);
        let admin_attributes = inputs.rules.admin_attributes().filter_map(|field| inputs.names.find(&field));
        let mut balances = Self {
            inputs,
            admin_roles: admin_roles.collect(),
            admin_attributes: admin_attributes.collect(),
            purses: BTreeMap::new(),
        };
        for &(role, is_admin) in flips {
            balances.flip(role, is_admin);
        }
        let mut counts: BTreeMap<Place, u32> = BTreeMap::new();
        let mut count = |status, memberships: &[Membership], facts: &[Fact]| {
            for place in balances.places_of(status, memberships, facts) {
                *counts.entry(place).or_default() += 1;
            }
        };
        for user in inputs.live.users() {
            if user.identity.is_none_or(|identity| !changed.contains_key(&identity)) {
                count(user.status, user.memberships, user.facts);
            }
        }
        for account in changed.values().flatten() {
            count(account.status, &account.memberships, &account.facts);
        }
        let limit = inputs.rules.seat_limit().unwrap_or(u32::MAX);
        let seats = counts.remove(&Place::Seat).unwrap_or_default();
        let (slack, debt) = (limit.saturating_sub(seats), seats.saturating_sub(limit));
        balances.purses.insert(Place::Seat, Purse { slack, debt, given: Vec::new() });
        for (place, count) in counts {
            // The floor is one of organizations; the platform has one only where it stands in their place.
            let has_floor = place != Place::Admin(known::PLATFORM) || !inputs.rules.has_organizations();
            let slack = if has_floor { count.saturating_sub(inputs.policy.min_admins) } else { count };
            balances.purses.insert(place, Purse { slack, ..Purse::default() });
        }
        balances
    }

    /// What an account counts for.
    pub(super) fn places(&self, account: &LiveRecord) -> Vec<Place> {
        self.places_of(account.status, &account.memberships, &account.facts)
    }

    fn places_of(&self, status: Status, memberships: &[Membership], facts: &[Fact]) -> Vec<Place> {
        let mut places = self.admin_places(status, memberships, facts);
        if self.inputs.rules.counts_seat(status) {
            places.push(Place::Seat);
        }
        places
    }

    fn flip(&mut self, role: Name, is_admin: bool) {
        if is_admin {
            self.admin_roles.insert(role);
        } else {
            self.admin_roles.remove(&role);
        }
    }

    fn admin_places(&self, status: Status, memberships: &[Membership], facts: &[Fact]) -> Vec<Place> {
        if status != Status::Active {
            return Vec::new();
        }
        let by_attribute = facts.iter().any(|fact| self.admin_attributes.contains(&fact.field) && fact.value.is_set());
        let is_admin = |membership: &&Membership| {
            let extra = self.inputs.names.elements(membership.extra_roles);
            let mut roles = membership.role.into_iter().chain(extra.iter().copied());
            by_attribute || roles.any(|role| self.admin_roles.contains(&role))
        };
        memberships.iter().filter(is_admin).map(|membership| Place::Admin(membership.organization)).collect()
    }

    /// Notes that an action leads from one count to another. What it takes that is not there, if anything.
    pub(super) fn spend(
        &mut self,
        (user, at): (Option<Name>, u32),
        needs: &[u32],
        before: &[Place],
        after: &[Place],
    ) -> Option<String> {
        let mut changes: BTreeMap<Place, i64> = BTreeMap::new();
        // A seat is there to be taken, an admin to be had.
        let worth = |place: &Place| if *place == Place::Seat { -1 } else { 1 };
        for place in before {
            *changes.entry(*place).or_default() -= worth(place);
        }
        for place in after {
            *changes.entry(*place).or_default() += worth(place);
        }
        let mut short = None;
        for (place, change) in changes {
            let purse = self.purses.entry(place).or_default();
            let count = u32::try_from(change.unsigned_abs()).unwrap_or(u32::MAX);
            if change > 0 {
                let pays = purse.debt.min(count);
                purse.debt -= pays;
                let token = Token { user, by: BTreeSet::from([at]) };
                purse.given.extend((pays..count).map(|_| token.clone()));
            } else if change < 0 && !(0..count).all(|_| purse.take(user, needs)) {
                short.get_or_insert(place);
            }
        }
        short.map(|place| match place {
            Place::Seat => "it takes a seat that was free, and none is left".to_owned(),
            Place::Admin(known::PLATFORM) => "the platform would be left with too few active admins".to_owned(),
            Place::Admin(organization) => {
                let organization = self.inputs.names.text(organization);
                format!(
                    "`{organization}` would be left with fewer than {} active admins",
                    self.inputs.policy.min_admins
                )
            }
        })
    }

    /// Notes that an action makes somebody an admin who is one already by another action of the plan: either alone
    /// would do.
    pub(super) fn also_gives(&mut self, (action, user): (&Action, Name), at: u32) {
        let organization = action.subject.organization.unwrap_or(known::PLATFORM);
        let Some(after) = &action.after else { return };
        let is_admin = match (after.value(known::ROLE), after.value(known::EXTRA_ROLES)) {
            (Some(Value::Text(role)), _) if self.admin_roles.contains(&role) => true,
            (_, Some(Value::Set(extra))) => {
                self.inputs.names.elements(extra).iter().any(|role| self.admin_roles.contains(role))
            }
            (_, _) => false,
        };
        if is_admin {
            self.share(organization, user, at);
        }
    }

    /// The tokens of a user in an organization are given by this action as well.
    fn share(&mut self, organization: Name, user: Name, at: u32) {
        let tokens = self.purses.get_mut(&Place::Admin(organization)).into_iter().flat_map(|purse| &mut purse.given);
        for token in tokens.filter(|token| token.user == Some(user)) {
            token.by.insert(at);
        }
    }

    /// Notes what a change of the catalog does to everybody who holds the role, as the plan leaves them at this point
    /// (`now`), and as it found them (`first`).
    pub(super) fn change_role<I: Iterator<Item = LiveRecord>, F: Iterator<Item = LiveRecord>>(
        &mut self,
        (action, at): (&Action, u32),
        needs: &[u32],
        now: impl Fn() -> I,
        first: impl Fn() -> F,
    ) -> Option<String> {
        let role = action.subject.role?;
        let flag = action.after.as_ref().and_then(|after| after.value(known::ADMIN));
        let is_admin = match (action.kind, flag) {
            (ActionKind::DeleteRole, _) => false,
            (_, Some(flag)) => flag == Value::Bool(true),
            (_, None) => return None,
        };
        if is_admin == self.admin_roles.contains(&role) {
            return None;
        }
        let before: Vec<Vec<Place>> = now().map(|account| self.places(&account)).collect();
        self.flip(role, is_admin);
        let mut short = None;
        for (account, before) in now().zip(before) {
            let after = self.places(&account);
            let missing = self.spend((account.identity, at), needs, &before, &after);
            short = short.or(missing);
        }
        // Who held it first would be an admin by it, also if what moved them on is left out.
        for account in first().filter(|_| is_admin) {
            let holds = |membership: &&Membership| {
                membership.role == Some(role) || self.inputs.names.elements(membership.extra_roles).contains(&role)
            };
            let held = account.memberships.iter().filter(holds).filter(|_| account.status == Status::Active);
            let held: Vec<Name> = held.map(|membership| membership.organization).collect();
            for (organization, user) in held.into_iter().zip(account.identity.into_iter().cycle()) {
                self.share(organization, user, at);
            }
        }
        short
    }
}

impl Purse {
    /// Takes one, if there is one.
    fn take(&mut self, user: Option<Name>, needs: &[u32]) -> bool {
        let own = self.given.iter().position(|token| token.user.is_some() && token.user == user);
        let needed = || self.given.iter().position(|token| needs.iter().any(|need| token.by.contains(need)));
        if let Some(found) = own.or_else(needed) {
            self.given.swap_remove(found);
            return true;
        }
        let is_there = self.slack > 0;
        self.slack = self.slack.saturating_sub(1);
        is_there
    }
}
