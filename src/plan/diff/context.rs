//! What the diff of every user needs and is the same for all: the inputs, what follows from them, and the questions
//! about roles and access that they answer.

use std::collections::{BTreeMap, BTreeSet};

use super::admin_roles::{self, AdminFlags};
use super::definitions::Definitions;
use crate::model::{Effective, Grant, LeftAlone, List, LiveView, Membership, Name, UserView, known};
use crate::plan::Inputs;
use crate::plan::renamed::Renamed;
use crate::plan::scope::Reach;
use crate::rules::{Sayable, grant_counts};

/// The inputs, and what follows from them for every user.
pub(super) struct Context<'a> {
    pub(super) inputs: &'a Inputs<'a>,
    /// What is called otherwise in the store.
    pub(super) renamed: &'a Renamed,
    /// What a manifest could say of the live state.
    pub(super) sayable: Sayable<'a>,
    /// Live sites whose names no manifest can say, with their organizations.
    unsayable_sites: BTreeSet<(Name, Name)>,
    /// Roles whose holders administer users: as live, and as they will be.
    pub(super) roles: BTreeMap<Name, AdminFlags>,
    /// What roles give: as live, and as they will be.
    pub(super) definitions: Definitions,
    /// Attributes that make their holder an admin.
    pub(super) admin_attributes: Vec<Name>,
    /// Fields that a new account can't do without.
    pub(super) required: Vec<Name>,
    /// Whether the store is over its limit of seats today.
    pub(super) over_seats: bool,
    /// What is managed.
    pub(super) reach: Reach<'a>,
}

impl<'a> Context<'a> {
    /// What can be found out before any user is looked at.
    pub(super) fn new(inputs: &'a Inputs<'a>, renamed: &'a Renamed) -> Self {
        let rules = inputs.rules;
        // A name that is in no table is declared for nobody; the placeholder is a field that no user has.
        let name = |field: &str| inputs.names.find(field).unwrap_or(known::KEY);
        let required = rules.required_fields().map(|(field, _)| name(&field)).collect();
        let admin_attributes = rules.admin_attributes().filter_map(|field| inputs.names.find(&field)).collect();
        let limit = rules.seat_limit();
        let sayable = Sayable::new(inputs.names, rules, &inputs.live.catalog);
        let sites = inputs
            .live
            .catalog
            .organizations
            .iter()
            .flat_map(|(&name, organization)| organization.sites.keys().map(move |&site| (name, site)));
        let unsayable_sites = sites.filter(|&(organization, site)| !sayable.has_site(organization, site)).collect();
        Self {
            inputs,
            renamed,
            sayable,
            unsayable_sites,
            roles: admin_roles::flags(inputs),
            definitions: Definitions::new(inputs),
            admin_attributes,
            required,
            over_seats: limit.is_some_and(|limit| seats_taken(inputs) > limit),
            reach: Reach::new(inputs),
        }
    }
}

impl Context<'_> {
    /// With these roles as they are, whatever is declared of them.
    pub(super) fn holding(mut self, roles: &BTreeSet<Name>) -> Self {
        for role in roles {
            if let Some(flags) = self.roles.get_mut(role) {
                *flags = flags.held();
            }
            self.definitions.hold(*role);
        }
        self
    }

    /// Whether `to` gives something that `from` does not.
    pub(super) fn escalates(&self, from: Option<Name>, to: Option<Name>) -> bool {
        self.definitions.escalates(self.inputs, from, to)
    }

    /// Whether `to` takes something away that `from` gives.
    pub(super) fn loses(&self, from: Option<Name>, to: Option<Name>) -> bool {
        self.definitions.loses(self.inputs, from, to)
    }

    /// Whether `to` has a role that `from` has not.
    pub(super) fn adds(&self, from: List, to: List) -> bool {
        let from = self.inputs.names.elements(from);
        self.inputs.names.elements(to).iter().any(|role| !from.contains(role))
    }

    /// Whether holders of the role administer users, as declared or, if it is not declared, as live.
    pub(super) fn is_admin_role(&self, role: Option<Name>) -> bool {
        role.is_some_and(|role| self.roles.get(&role).is_some_and(|flags| flags.is_admin()))
    }

    /// Whether holders of the role administer users today; a role that is not there yet counts as declared.
    pub(super) fn was_admin_role(&self, role: Option<Name>) -> bool {
        role.is_some_and(|role| self.roles.get(&role).is_some_and(|flags| flags.was_admin()))
    }

    /// Whether holders of the role reach every site, as declared or, if it is not declared, as live.
    pub(super) fn reaches_all(&self, role: Option<Name>) -> bool {
        let desired = &self.inputs.desired.catalog;
        if desired.role(role).is_some() {
            desired.reaches_all(role)
        } else {
            self.inputs.live.catalog.reaches_all(role)
        }
    }

    /// Whether a first access by this role is an escalation: it, or a role that it includes, gives power over others
    /// or reaches every site.
    pub(super) fn is_powerful(&self, role: Option<Name>) -> bool {
        role.is_some_and(|role| self.definitions.is_powerful(self.inputs, role))
    }

    /// Whether a new membership like this is an escalation.
    pub(super) fn is_escalating_membership(&self, membership: &Membership) -> bool {
        !membership.extra_roles.is_empty() || self.is_powerful(membership.role)
    }

    /// Whether memberships and grants of an organization are managed.
    pub(super) fn in_scope(&self, organization: Name) -> bool {
        self.reach.organization(organization)
    }

    /// What is left of an account that is to lose all that is managed, and stays: what others manage.
    pub(super) fn nothing_but_left_alone(&self, desired: &UserView<'_>, live: &LiveView<'_>) -> Effective {
        let mut nothing = Effective::default();
        for (organization, left_alone) in self.inputs.effective(desired).left_alone {
            if left_alone.membership {
                self.leave_alone(&mut nothing, (desired.identity, (organization, LeftAlone::MEMBERSHIP)), Some(live));
            }
        }
        nothing
    }

    /// The access that a user should have at the time of the plan; what others manage is as it is live, and told beside
    /// it. Conflicts were reported when the manifests were read.
    pub(super) fn effective(&self, desired: &UserView<'_>, live: Option<&LiveView<'_>>) -> Effective {
        let mut effective = self.inputs.effective(desired);
        for at in 0..effective.left_alone.len() {
            let left_alone = effective.left_alone[at];
            self.leave_alone(&mut effective, (desired.identity, left_alone), live);
        }
        if let Some(live) = live {
            self.leave_unsayable(&mut effective, live);
        }
        effective
    }

    /// Whether a grant is of a site that no manifest can say: that no line gives it says nothing about it
    /// (`language.md` §3, 12).
    pub(super) fn is_unsayable(&self, grant: &Grant) -> bool {
        self.unsayable_sites.contains(&(grant.organization, grant.site))
    }

    /// Keeps grants that nobody can declare as long as the membership lasts with which they come and go.
    fn leave_unsayable(&self, effective: &mut Effective, live: &LiveView<'_>) {
        if self.unsayable_sites.is_empty() {
            return;
        }
        for grant in live.grants.iter().filter(|grant| self.is_unsayable(grant)) {
            let is_here = |membership: &Membership| membership.organization == grant.organization;
            let membership = effective.memberships.iter().find(|membership| is_here(membership));
            let counts = membership.is_some_and(|one| grant_counts(grant, self.reaches_all(one.role)));
            if counts && !effective.grants.contains(grant) {
                effective.grants.push(*grant);
            }
        }
        effective.grants.sort_unstable();
    }

    /// Puts what is live into the access of one organization where others manage it.
    fn leave_alone(
        &self,
        effective: &mut Effective,
        (identity, (organization, left_alone)): (Name, (Name, LeftAlone)),
        live: Option<&LiveView<'_>>,
    ) {
        let today = live.and_then(|live| live.membership(organization));
        // What others manage comes back with a change of role that was stopped half-way.
        let half = live.and_then(|_| self.inputs.live.half_changed.get(&(identity, organization)));
        let half = half.filter(|_| today.is_none()).and_then(|change| change.to.as_ref());
        let today = today.or(half.map(|(membership, _)| membership));
        let kept = half.into_iter().flat_map(|(_, grants)| grants);
        let grants = live.into_iter().flat_map(|live| live.grants_in(organization)).chain(kept).copied();
        if left_alone.membership {
            effective.memberships.extend(today);
            effective.memberships.sort_unstable();
            effective.grants.extend(grants);
            return effective.grants.sort_unstable();
        }
        let wanted = effective.memberships.iter_mut().find(|one| one.organization == organization);
        let Some(wanted) = wanted else { return };
        if left_alone.role {
            wanted.role = today.and_then(|today| today.role);
        }
        if left_alone.extra_roles {
            wanted.extra_roles = today.map_or(List::EMPTY, |today| today.extra_roles);
        }
        if left_alone.sites {
            wanted.default_site = today.and_then(|today| today.default_site);
            effective.grants.extend(grants);
            effective.grants.sort_unstable();
        }
        let reaches_all = self.reaches_all(wanted.role);
        if reaches_all {
            // Only now is it known that the role reaches every site: what has no role of its own is not compared.
            effective.grants.retain(|grant| grant.organization != organization || grant.role.is_some());
        }
        // What only the role of today reaches can't stay preselected under the one that is declared.
        let is_narrowed = !reaches_all && self.reaches_all(today.and_then(|today| today.role));
        let is_granted = |site| effective.grants.iter().any(|one| (one.organization, one.site) == (organization, site));
        if left_alone.sites && is_narrowed && !wanted.default_site.is_none_or(is_granted) {
            wanted.default_site = None;
        }
    }
}

/// How many seats today's accounts take.
pub(super) fn seats_taken(inputs: &Inputs<'_>) -> u32 {
    let taken = inputs.live.users().filter(|user| inputs.rules.counts_seat(user.status)).count();
    u32::try_from(taken).unwrap_or(u32::MAX)
}
