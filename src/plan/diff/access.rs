//! The difference between the access that a user should have and the access that is live.
//!
//! Only what is in scope is compared: an organization that no manifest declares is left alone; at undeclared sites of
//! a declared one a declared user loses the grant (`language.md` §3, 4 and 7).

use super::context::Context;
use crate::model::{CatalogKey, Effective, Grant, List, Membership, Name, known};
use crate::rules::{RoleChangeLoss, grant_counts};

/// One difference in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Delta {
    /// Becomes a member.
    AddMembership(Membership),
    /// The membership ends, and these grants with it.
    RemoveMembership(Membership, Vec<Grant>),
    /// Another role; on the platform where the organization is [`known::PLATFORM`].
    ChangeRole { organization: Name, from: Option<Name>, to: Option<Name> },
    /// Other extra roles or another default site.
    UpdateMembership { from: Membership, to: Membership },
    /// A site more.
    GrantSite(Grant),
    /// Another role on a site.
    ChangeSiteRole { organization: Name, site: Name, from: Option<Name>, to: Option<Name> },
    /// A site less.
    RevokeSite(Grant),
}

impl Delta {
    /// Where it is.
    pub(super) const fn organization(&self) -> Name {
        match self {
            Self::AddMembership(membership) | Self::RemoveMembership(membership, _) => membership.organization,
            Self::ChangeRole { organization, .. } | Self::ChangeSiteRole { organization, .. } => *organization,
            Self::UpdateMembership { to, .. } => to.organization,
            Self::GrantSite(grant) | Self::RevokeSite(grant) => grant.organization,
        }
    }

    /// Whether it is one of site grants; the others are of memberships and their roles.
    pub(super) const fn is_about_sites(&self) -> bool {
        match self {
            Self::GrantSite(_) | Self::ChangeSiteRole { .. } | Self::RevokeSite(_) => true,
            Self::AddMembership(_)
            | Self::RemoveMembership(..)
            | Self::ChangeRole { .. }
            | Self::UpdateMembership { .. } => false,
        }
    }

    /// Whether the user can do something afterwards that they could not before.
    pub(super) fn gains(&self, context: &Context<'_>) -> bool {
        match self {
            Self::AddMembership(_) | Self::GrantSite(_) => true,
            Self::RemoveMembership(..) | Self::RevokeSite(_) => false,
            Self::ChangeRole { from, to, .. } | Self::ChangeSiteRole { from, to, .. } => context.escalates(*from, *to),
            Self::UpdateMembership { from, to } => context.adds(from.extra_roles, to.extra_roles),
        }
    }

    /// Whether the user can't do something afterwards that they could before.
    pub(super) fn loses(&self, context: &Context<'_>) -> bool {
        match self {
            Self::AddMembership(_) | Self::GrantSite(_) => false,
            Self::RemoveMembership(..) | Self::RevokeSite(_) => true,
            Self::ChangeRole { from, to, .. } | Self::ChangeSiteRole { from, to, .. } => context.loses(*from, *to),
            Self::UpdateMembership { from, to } => context.adds(to.extra_roles, from.extra_roles),
        }
    }

    /// Whether this is more than a plain gain (`rules.md`): a first access is an escalation only with `admin`, an
    /// extra role, or reach widened to all sites.
    pub(super) fn is_escalation(&self, context: &Context<'_>) -> bool {
        match self {
            Self::AddMembership(membership) => context.is_escalating_membership(membership),
            Self::GrantSite(grant) => context.is_admin_role(grant.role),
            Self::RemoveMembership(..) | Self::RevokeSite(_) => false,
            Self::ChangeRole { from: None, to, .. } => context.is_powerful(*to),
            Self::ChangeSiteRole { from: None, to, .. } => context.is_admin_role(*to),
            Self::ChangeRole { .. } | Self::ChangeSiteRole { .. } | Self::UpdateMembership { .. } => {
                self.gains(context)
            }
        }
    }
}

/// All differences of one user, in no order.
pub(super) fn deltas(
    context: &Context<'_>,
    desired: &Effective,
    memberships: &[Membership],
    grants: &[Grant],
) -> Vec<Delta> {
    if desired.memberships == memberships && desired.grants == grants {
        return Vec::new();
    }
    let rules = context.inputs.rules;
    let mut deltas = Vec::new();
    for organization in organizations(desired, memberships, grants) {
        if !context.in_scope(organization) {
            continue;
        }
        let wanted = membership_in(&desired.memberships, organization);
        let live = membership_in(memberships, organization);
        let wanted_grants: Vec<Grant> = in_organization(&desired.grants, organization).collect();
        let live_grants: Vec<Grant> = in_organization(grants, organization).collect();
        if organization == known::PLATFORM {
            let none = no_roles(organization);
            membership_deltas(live.unwrap_or(&none), wanted.unwrap_or(&none), &mut deltas);
            continue;
        }
        match (wanted, live) {
            (None, Some(live)) if rules.stores_memberships() => {
                deltas.push(Delta::RemoveMembership(*live, live_grants));
                continue;
            }
            (Some(wanted), None) if rules.stores_memberships() => deltas.push(Delta::AddMembership(*wanted)),
            (wanted, Some(live)) if loses_extra_roles(context, wanted, live) => {
                let bare = Membership { extra_roles: List::EMPTY, ..*live };
                membership_deltas(&bare, wanted.unwrap_or(&no_roles(organization)), &mut deltas);
            }
            (wanted, live) => {
                // A membership that exists with the account is one without a role where nobody says more.
                let none = no_roles(organization);
                membership_deltas(live.unwrap_or(&none), wanted.unwrap_or(&none), &mut deltas);
            }
        }
        let role = wanted.and_then(|membership| membership.role);
        let changes_role = live.is_some_and(|live| live.role != role);
        // A role that is changed by removing and adding carries all that hangs on it.
        let is_rebuilt = rules.role_change_rebuilds();
        let sites_are_lost = changes_role && !is_rebuilt && rules.role_change_loses(RoleChangeLoss::Sites);
        let live_grants: &[Grant] = if sites_are_lost { &[] } else { &live_grants };
        let counts = |grant: &Grant| {
            let site = CatalogKey::Site(organization, grant.site);
            // Also a grant that says nothing would keep a site from being deleted.
            grant_counts(grant, context.reaches_all(role)) || context.inputs.desired.tombstones.contains_key(&site)
        };
        // What can't be renamed is kept by whoever is to have it under the new name.
        let renamed = |grant: &Grant| context.renamed.kept_sites.get(&(organization, grant.site));
        let is_kept =
            |grant: &Grant| renamed(grant).is_some_and(|&site| wanted_grants.iter().any(|wanted| wanted.site == site));
        grant_deltas(&wanted_grants, live_grants, |grant| counts(grant) && !is_kept(grant), &mut deltas);
    }
    deltas
}

/// The membership in an organization, if there is one.
pub(super) fn membership_in(memberships: &[Membership], organization: Name) -> Option<&Membership> {
    memberships.iter().find(|membership| membership.organization == organization)
}

/// Whether the extra roles go with the role, and those that are wanted have to be given again.
fn loses_extra_roles(context: &Context<'_>, wanted: Option<&Membership>, live: &Membership) -> bool {
    let rules = context.inputs.rules;
    wanted.is_some_and(|wanted| wanted.role != live.role)
        && rules.role_change_loses(RoleChangeLoss::ExtraRoles)
        && !rules.role_change_rebuilds()
}

fn no_roles(organization: Name) -> Membership {
    Membership { organization, role: None, extra_roles: List::EMPTY, default_site: None }
}

fn organizations(desired: &Effective, memberships: &[Membership], grants: &[Grant]) -> Vec<Name> {
    let of_memberships = desired.memberships.iter().chain(memberships).map(|membership| membership.organization);
    let mut all: Vec<Name> =
        of_memberships.chain(desired.grants.iter().chain(grants).map(|grant| grant.organization)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn in_organization(grants: &[Grant], organization: Name) -> impl Iterator<Item = Grant> + '_ {
    grants.iter().copied().filter(move |grant| grant.organization == organization)
}

fn membership_deltas(live: &Membership, wanted: &Membership, deltas: &mut Vec<Delta>) {
    if live.role != wanted.role {
        deltas.push(Delta::ChangeRole { organization: wanted.organization, from: live.role, to: wanted.role });
    }
    if live.extra_roles != wanted.extra_roles || live.default_site != wanted.default_site {
        deltas.push(Delta::UpdateMembership { from: *live, to: *wanted });
    }
}

/// Under a role that reaches every site, grants without a role do not count: they are neither written nor revoked nor
/// compared.
fn grant_deltas(wanted: &[Grant], live: &[Grant], counts: impl Fn(&Grant) -> bool, deltas: &mut Vec<Delta>) {
    for &grant in wanted {
        match live.iter().find(|live| live.site == grant.site) {
            None => deltas.push(Delta::GrantSite(grant)),
            Some(live) if live.role != grant.role => deltas.push(Delta::ChangeSiteRole {
                organization: grant.organization,
                site: grant.site,
                from: live.role,
                to: grant.role,
            }),
            Some(_) => {}
        }
    }
    for &grant in live {
        let is_wanted = wanted.iter().any(|wanted| wanted.site == grant.site);
        if !is_wanted && counts(&grant) {
            deltas.push(Delta::RevokeSite(grant));
        }
    }
}
