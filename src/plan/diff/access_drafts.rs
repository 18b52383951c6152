//! From differences in access to drafts, with their needs: nothing may dangle, whatever part of a plan is done.
//!
//! Each difference becomes one draft; `comes_before` says which of two of the same user has to be done first, and why.
//! Deliberately absent: what differs (`access`), and what needs other users (`admins`, `flips`).

use super::access::Delta;
use super::context::Context;
use super::draft::{Change, Draft, Need, own_line};
use super::fields;
use crate::model::{ActionKind, Fact, Grant, LiveView, Membership, Name, Piece, Status, UserView, Value, known};
use crate::plan::Inputs;
use crate::plan::action::{Origin, Risk, State, Subject};
use crate::rules::RoleChangeLoss;

/// The differences of one user that become drafts.
#[derive(Clone, Copy)]
pub(super) struct Differences<'a> {
    desired: &'a UserView<'a>,
    /// What is live of it, if anything is.
    live: Option<&'a LiveView<'a>>,
    activation: Option<u32>,
    deltas: &'a [Delta],
    /// How many memberships are added.
    additions: usize,
}

impl<'a> Differences<'a> {
    /// `live`: what is live of the user, if anything is. `activation`: the draft that makes the account, invites it, or
    /// makes it active again, if there is one.
    pub(super) fn new(
        desired: &'a UserView<'a>,
        live: Option<&'a LiveView<'a>>,
        activation: Option<u32>,
        deltas: &'a [Delta],
    ) -> Self {
        let additions = deltas.iter().filter(|delta| matches!(delta, Delta::AddMembership(_))).count();
        Self { desired, live, activation, deltas, additions }
    }

    /// Whether a site is granted today.
    fn is_granted(&self, organization: Name, site: Name) -> bool {
        self.live.into_iter().flat_map(|live| live.grants_in(organization)).any(|grant| grant.site == site)
    }
}

/// Adds a draft for each difference.
pub(super) fn access_drafts(context: &Context<'_>, whose: &Differences<'_>, change: &mut Change) {
    let deltas = whose.deltas;
    let mut pieces = Vec::new();
    if !deltas.is_empty() {
        whose.desired.pieces(context.inputs.names, &mut pieces);
    }
    let at = context.inputs.at;
    let (begun, later): (Vec<Piece>, Vec<Piece>) = pieces.into_iter().partition(|piece| piece.window.has_begun(at));
    let (holding, ended): (Vec<Piece>, Vec<Piece>) = begun.into_iter().partition(|piece| piece.window.holds(at));
    let first = change.drafts.len();
    // Whoever is an admin by an attribute already is one in every organization that is new.
    let is_admin = whose.live.is_some_and(|live| fields::makes_admin(context, live.facts));
    for delta in deltas {
        let earlier: Vec<&Delta> = deltas.iter().filter(|other| comes_before(context, whose, other, delta)).collect();
        let mut draft = draft(context, whose, delta, &earlier);
        draft.action.origins = origins(whose.desired, &holding, delta);
        if let Some(lines) = lines_of_end(whose.desired, &later, delta) {
            draft.action.origins = lines;
            draft = draft.because("starts later");
        }
        if let Some(lines) = lines_of_end(whose.desired, &ended, delta) {
            draft.action.origins = lines;
            draft = draft.because("expired");
        }
        draft.gains = delta.gains(context) && !is_reached_today(context, whose, delta);
        draft.loses = delta.loses(context) || loses_by_role_change(context, whose, delta);
        if delta.is_escalation(context) || (is_admin && matches!(delta, Delta::AddMembership(_))) {
            draft.risk(Risk::Escalation);
        }
        change.push(draft);
    }
    let place = |at: usize| u32::try_from(first + at).unwrap_or(u32::MAX);
    for (at, delta) in deltas.iter().enumerate() {
        for (other_at, other) in deltas.iter().enumerate() {
            if other_at != at && comes_before(context, whose, other, delta) {
                change.drafts[first + at].needs.push(Need::Own(place(other_at)));
            }
        }
    }
}

/// Whether a grant only says what today's role reaches anyway: after a demotion it is no gain.
fn is_reached_today(context: &Context<'_>, whose: &Differences<'_>, delta: &Delta) -> bool {
    let Delta::GrantSite(Grant { organization, role: None, .. }) = delta else { return false };
    let today = whose.live.filter(|live| live.status == Status::Active).and_then(|live| live.membership(*organization));
    today.is_some_and(|today| context.definitions.reached_all(today.role))
}

/// Whether something else goes with the role: what the rules say is lost when it changes, also if it comes back.
fn loses_by_role_change(context: &Context<'_>, whose: &Differences<'_>, delta: &Delta) -> bool {
    let Delta::ChangeRole { organization, .. } = delta else { return false };
    let rules = context.inputs.rules;
    let Some(live) = whose.live.filter(|_| *organization != known::PLATFORM && !rules.role_change_rebuilds()) else {
        return false;
    };
    let has_extra = live.membership(*organization).is_some_and(|membership| !membership.extra_roles.is_empty());
    (has_extra && rules.role_change_loses(RoleChangeLoss::ExtraRoles))
        || (live.grants_in(*organization).next().is_some() && rules.role_change_loses(RoleChangeLoss::Sites))
}

/// Whether `other` has to be done before `delta` of the same user.
fn comes_before(context: &Context<'_>, whose: &Differences<'_>, other: &Delta, delta: &Delta) -> bool {
    let is_here = other.organization() == delta.organization();
    if is_here && context.inputs.rules.role_change_rebuilds() {
        // The membership goes and comes back with all that hangs on it: nothing else may change in it meanwhile.
        match (other, delta) {
            (Delta::ChangeRole { .. }, Delta::ChangeRole { .. }) => return false,
            (Delta::ChangeRole { from, to, .. }, one) => {
                return !precedes_rebuilding(context, whose, one, (*from, *to));
            }
            (one, Delta::ChangeRole { from, to, .. }) => return precedes_rebuilding(context, whose, one, (*from, *to)),
            (
                Delta::AddMembership(_)
                | Delta::RemoveMembership(..)
                | Delta::UpdateMembership { .. }
                | Delta::GrantSite(_)
                | Delta::ChangeSiteRole { .. }
                | Delta::RevokeSite(_),
                _,
            ) => {}
        }
    }
    match (other, delta) {
        // No grant without its membership.
        (Delta::AddMembership(_), Delta::GrantSite(_)) => is_here,
        // Under a role that reaches every site nothing is granted; what a role change loses is given after it.
        (Delta::ChangeRole { from, .. }, Delta::GrantSite(_)) => {
            is_here && (context.reaches_all(*from) || context.inputs.rules.role_change_loses(RoleChangeLoss::Sites))
        }
        (Delta::ChangeRole { from, to, .. }, Delta::UpdateMembership { to: updated, .. }) => {
            let is_widened = context.reaches_all(*to) && !context.reaches_all(*from);
            let is_missing = |site| !whose.is_granted(updated.organization, site);
            let is_reached_then = is_widened && updated.default_site.is_some_and(is_missing);
            is_here
                && (context.inputs.rules.role_change_loses(RoleChangeLoss::ExtraRoles)
                    || (is_reached_then && !precedes_activation(context, whose, delta)))
        }
        // A default site that only the old role reaches goes before that role does.
        (Delta::UpdateMembership { from: updated, to: later }, Delta::ChangeRole { from, to, .. }) => {
            is_here && loses_default_site(context, whose, (updated, later), (*from, *to))
        }
        // A default site is among the user's sites, before and after; a role that reaches every site reaches it too.
        (Delta::GrantSite(grant), Delta::UpdateMembership { to, .. }) => {
            let live = whose.live.and_then(|live| live.membership(to.organization));
            let is_reached = live.is_some_and(|live| context.reaches_all(live.role));
            let reaches = to.default_site.is_some_and(|site| comes_through(context, grant, site));
            is_here && reaches && !is_reached && !precedes_activation(context, whose, delta)
        }
        (Delta::UpdateMembership { from, to }, Delta::RevokeSite(grant)) => {
            let reaches = from.default_site.is_some_and(|site| goes_with(context, grant, site));
            is_here && reaches && !waits_for_site(context, whose, to)
        }
        // Where a person can have so many sites only, the old ones go first.
        (Delta::RevokeSite(_), Delta::GrantSite(grant)) => is_here && exceeds_sites(context, whose, grant.organization),
        // Where a person can be in so many organizations only, the old ones go first.
        (Delta::RemoveMembership(..), Delta::AddMembership(_)) => {
            let max = context.inputs.rules.most_organizations();
            let live = whose.live.into_iter().flat_map(|live| live.memberships);
            let live = live.filter(|membership| membership.organization != known::PLATFORM).count();
            max.is_some_and(|max| live + whose.additions > max as usize)
        }
        (
            Delta::AddMembership(_)
            | Delta::RemoveMembership(..)
            | Delta::ChangeRole { .. }
            | Delta::UpdateMembership { .. }
            | Delta::GrantSite(_)
            | Delta::ChangeSiteRole { .. }
            | Delta::RevokeSite(_),
            _,
        ) => false,
    }
}

/// Whether a site that is granted brings another one: it is that, or includes it.
fn comes_through(context: &Context<'_>, grant: &Grant, site: Name) -> bool {
    let Grant { organization, site: granted, role: _ } = *grant;
    let Inputs { desired, names, .. } = context.inputs;
    granted == site || desired.catalog.sites_through(names, organization, granted).contains(&site)
}

/// Whether a site goes with one that is revoked: it is that, or is reached through it today.
fn goes_with(context: &Context<'_>, grant: &Grant, site: Name) -> bool {
    let Grant { organization, site: granted, role: _ } = *grant;
    let Inputs { live, names, .. } = context.inputs;
    granted == site || live.catalog.sites_through(names, organization, granted).contains(&site)
}

/// Whether a default site comes with a grant that itself has to wait until another one has gone.
fn waits_for_site(context: &Context<'_>, whose: &Differences<'_>, to: &Membership) -> bool {
    let brings = |delta: &Delta, site: Name| match delta {
        Delta::GrantSite(grant) => grant.organization == to.organization && comes_through(context, grant, site),
        Delta::AddMembership(_)
        | Delta::RemoveMembership(..)
        | Delta::ChangeRole { .. }
        | Delta::UpdateMembership { .. }
        | Delta::ChangeSiteRole { .. }
        | Delta::RevokeSite(_) => false,
    };
    let comes = |site: Name| whose.deltas.iter().any(|delta| brings(delta, site));
    to.default_site.is_some_and(comes) && exceeds_sites(context, whose, to.organization)
}

/// Whether somebody would have more sites in an organization than the rules allow, if what is granted came before what
/// is revoked.
fn exceeds_sites(context: &Context<'_>, whose: &Differences<'_>, organization: Name) -> bool {
    let rules = context.inputs.rules;
    let Some(max) = rules.sites.rules().and_then(|sites| sites.max).filter(|_| !rules.role_change_rebuilds()) else {
        return false;
    };
    let live = whose.live.into_iter().flat_map(|live| live.grants_in(organization)).count();
    let is_added = |delta: &&Delta| matches!(delta, Delta::GrantSite(grant) if grant.organization == organization);
    live + whose.deltas.iter().filter(is_added).count() > max as usize
}

/// Whether a difference is a reduction that comes before the account comes back.
fn precedes_activation(context: &Context<'_>, whose: &Differences<'_>, one: &Delta) -> bool {
    whose.activation.is_some() && context.inputs.rules.inactive_takes() && one.loses(context)
}

/// Whether a difference in a membership comes before its role is changed by removing and adding; else it comes after:
/// what goes, so that the new role is never given with it and nobody keeps it where the new role has to wait; another way
/// to administer, a default site that only the old role reaches, and the grant on a new default site.
fn precedes_rebuilding(
    context: &Context<'_>,
    whose: &Differences<'_>,
    one: &Delta,
    roles: (Option<Name>, Option<Name>),
) -> bool {
    // Where an inactive account takes nothing, all of it comes afterwards, as with any active account.
    if whose.activation.is_some() && context.inputs.rules.inactive_takes() {
        return precedes_activation(context, whose, one);
    }
    let precedes = |from: &Membership, to: &Membership| {
        replaces_admin_role(context, (from, to), roles)
            || loses_default_site(context, whose, (from, to), roles)
            || loses_first(context, whose, (from, to))
    };
    match one {
        Delta::UpdateMembership { from, to } => precedes(from, to),
        Delta::GrantSite(grant) => whose.deltas.iter().any(|delta| match delta {
            Delta::UpdateMembership { from, to } => {
                let is_default = (to.organization, to.default_site) == (grant.organization, Some(grant.site));
                is_default && !context.reaches_all(roles.0) && precedes(from, to)
            }
            Delta::AddMembership(_)
            | Delta::RemoveMembership(..)
            | Delta::ChangeRole { .. }
            | Delta::GrantSite(_)
            | Delta::ChangeSiteRole { .. }
            | Delta::RevokeSite(_) => false,
        }),
        // What a role that reaches every site was granted besides is compared with what its holder has afterwards.
        Delta::RevokeSite(grant) => {
            let goes_first = |delta: &Delta| match delta {
                Delta::UpdateMembership { from, to } if from.organization == grant.organization => {
                    let leaves = from.default_site.is_some_and(|site| goes_with(context, grant, site));
                    !leaves || precedes(from, to)
                }
                Delta::AddMembership(_)
                | Delta::RemoveMembership(..)
                | Delta::ChangeRole { .. }
                | Delta::UpdateMembership { .. }
                | Delta::GrantSite(_)
                | Delta::ChangeSiteRole { .. }
                | Delta::RevokeSite(_) => true,
            };
            !context.reaches_all(roles.0) && !is_ever_admin(context, grant.role) && whose.deltas.iter().all(goes_first)
        }
        Delta::AddMembership(_)
        | Delta::RemoveMembership(..)
        | Delta::ChangeRole { .. }
        | Delta::ChangeSiteRole { .. } => false,
    }
}

/// Whether a membership loses extra roles, or a default site for one that is granted, and can be as it is to be under the
/// old role as well: none of the extra roles that go or come makes an admin.
fn loses_first(context: &Context<'_>, whose: &Differences<'_>, (from, to): (&Membership, &Membership)) -> bool {
    let names = context.inputs.names;
    let (had, has) = (names.elements(from.extra_roles), names.elements(to.extra_roles));
    let differs = |role: &&Name| !(had.contains(role) && has.contains(role));
    let makes_admin = had.iter().chain(has.iter()).filter(differs).any(|&role| is_ever_admin(context, Some(role)));
    let loses = context.adds(to.extra_roles, from.extra_roles) || to.default_site != from.default_site;
    let is_there = |site| Some(site) == from.default_site || whose.is_granted(to.organization, site);
    loses && !makes_admin && to.default_site.is_none_or(is_there)
}

/// Whether a role makes an admin, as it is or as it will be.
fn is_ever_admin(context: &Context<'_>, role: Option<Name>) -> bool {
    context.was_admin_role(role) || context.is_admin_role(role)
}

/// Whether extra roles make an admin of somebody whose role stops doing so. A role that becomes an admin role is one
/// already when users are changed; for whoever comes to it, one that is made less is none any more.
fn replaces_admin_role(
    context: &Context<'_>,
    (from, to): (&Membership, &Membership),
    roles: (Option<Name>, Option<Name>),
) -> bool {
    let extra = context.inputs.names.elements(to.extra_roles);
    let is_admin = |role: Option<Name>| is_ever_admin(context, role);
    let later = Membership { role: roles.1, ..*to };
    let comes_after = roles.1.is_some_and(|role| context.comes_after(Some(from), Some(&later), role));
    is_admin(roles.0)
        && (!context.was_admin_role(roles.1) || comes_after)
        && extra.iter().any(|&role| is_admin(Some(role)))
}

/// Whether a default site goes that nothing but the old role reaches.
fn loses_default_site(
    context: &Context<'_>,
    whose: &Differences<'_>,
    (from, to): (&Membership, &Membership),
    roles: (Option<Name>, Option<Name>),
) -> bool {
    let is_narrowed = context.reaches_all(roles.0) && !context.reaches_all(roles.1);
    let goes = |site| to.default_site != Some(site) && !whose.is_granted(from.organization, site);
    is_narrowed
        && from.default_site.is_some_and(goes)
        && !context.inputs.rules.role_change_loses(RoleChangeLoss::ExtraRoles)
}

/// `earlier` has been done before it.
fn draft(context: &Context<'_>, whose: &Differences<'_>, delta: &Delta, earlier: &[&Delta]) -> Draft {
    let user = Some(whose.desired.key);
    let organization = Some(delta.organization()).filter(|&organization| organization != known::PLATFORM);
    let subject = |site| Subject { user, organization, site, role: None };
    let role_state = |role: Option<Name>| State::field(known::ROLE, Value::optional_text(role));
    match delta {
        Delta::AddMembership(membership) => {
            let after = State::of(membership_facts(membership));
            let mut draft = Draft::new(ActionKind::AddMembership, subject(None), None, Some(after));
            draft.needs = membership_needs(context, membership);
            draft.because("declared")
        }
        Delta::RemoveMembership(membership, grants) => {
            let before = State { facts: membership_facts(membership), memberships: Vec::new(), grants: grants.clone() };
            Draft::new(ActionKind::RemoveMembership, subject(None), Some(before), None).because("not declared there")
        }
        Delta::ChangeRole { organization: place, from, to } => {
            let (mut before, mut after) = (role_state(*from), role_state(*to));
            if context.inputs.rules.role_change_rebuilds() {
                whole_membership(whose, *place, *to, earlier, &mut before, &mut after);
            }
            let mut draft = Draft::new(ActionKind::ChangeRole, subject(None), Some(before), Some(after));
            draft.needs.extend(to.map(Need::Role));
            // Where memberships come with the account, the organization may be missing all the same.
            draft.needs.extend(organization.map(Need::Organization));
            draft.because("role differs")
        }
        Delta::UpdateMembership { from, to } => {
            let changed = |of: &Membership| -> Vec<Fact> {
                let mut facts = Vec::new();
                if from.extra_roles != to.extra_roles {
                    facts.push(Fact::new(known::EXTRA_ROLES, Value::Set(of.extra_roles)));
                }
                if from.default_site != to.default_site {
                    facts.push(Fact::new(known::DEFAULT_SITE, Value::optional_text(of.default_site)));
                }
                facts
            };
            let (before, after) = (State::of(changed(from)), State::of(changed(to)));
            let mut draft = Draft::new(ActionKind::UpdateMembership, subject(None), Some(before), Some(after));
            draft.needs = membership_needs(context, &Membership { role: None, ..*to });
            draft.because("membership differs")
        }
        Delta::GrantSite(grant) => {
            let mut draft =
                Draft::new(ActionKind::GrantSite, subject(Some(grant.site)), None, Some(role_state(grant.role)));
            draft.needs = grant_needs(grant);
            draft.because("declared")
        }
        Delta::ChangeSiteRole { site, from, to, .. } => {
            let mut draft = Draft::new(
                ActionKind::ChangeSiteRole,
                subject(Some(*site)),
                Some(role_state(*from)),
                Some(role_state(*to)),
            );
            draft.needs.extend(to.map(Need::Role));
            draft.because("role differs")
        }
        Delta::RevokeSite(grant) => {
            Draft::new(ActionKind::RevokeSite, subject(Some(grant.site)), Some(role_state(grant.role)), None)
                .because("not declared there")
        }
    }
}

/// Role, extra roles and default site of a membership, as facts.
pub(super) fn membership_facts(membership: &Membership) -> Vec<Fact> {
    let Membership { organization: _, role, extra_roles, default_site } = *membership;
    vec![
        Fact::new(known::ROLE, Value::optional_text(role)),
        Fact::new(known::EXTRA_ROLES, Value::Set(extra_roles)),
        Fact::new(known::DEFAULT_SITE, Value::optional_text(default_site)),
    ]
}

/// What the catalog has to hold before somebody is a member like this.
pub(super) fn membership_needs(context: &Context<'_>, membership: &Membership) -> Vec<Need> {
    let Membership { organization, role, extra_roles, default_site } = *membership;
    let mut needs: Vec<Need> = role.map(Need::Role).into_iter().collect();
    needs.extend(context.inputs.names.elements(extra_roles).iter().copied().map(Need::Role));
    if organization != known::PLATFORM {
        needs.push(Need::Organization(organization));
        needs.extend(default_site.map(|site| Need::Site(organization, site)));
    }
    needs
}

/// What the catalog has to hold before a site is granted like this.
pub(super) fn grant_needs(grant: &Grant) -> Vec<Need> {
    let Grant { organization, site, role } = *grant;
    let mut needs = vec![Need::Site(organization, site)];
    needs.extend(role.map(Need::Role));
    needs
}

/// A role that is changed by removing and adding carries all that hangs on it, as it is after what comes earlier.
fn whole_membership(
    whose: &Differences<'_>,
    place: Name,
    to: Option<Name>,
    earlier: &[&Delta],
    before: &mut State,
    after: &mut State,
) {
    let Some(live) = whose.live else { return };
    let Some(&membership) = live.membership(place) else { return };
    let mut from = membership;
    let mut grants: Vec<Grant> = live.grants_in(place).copied().collect();
    for delta in earlier {
        match delta {
            Delta::RevokeSite(gone) => grants.retain(|grant| grant.site != gone.site),
            Delta::ChangeSiteRole { site, to, .. } => {
                grants.iter_mut().filter(|grant| grant.site == *site).for_each(|grant| grant.role = *to);
            }
            Delta::UpdateMembership { to, .. } => from = Membership { role: from.role, ..*to },
            Delta::GrantSite(grant) => grants.push(*grant),
            Delta::AddMembership(_) | Delta::RemoveMembership(..) | Delta::ChangeRole { .. } => {}
        }
    }
    grants.sort_unstable();
    *before = State { facts: membership_facts(&from), memberships: Vec::new(), grants: grants.clone() };
    let kept = Membership { role: to, ..from };
    *after = State { facts: membership_facts(&kept), memberships: Vec::new(), grants };
}

/// The lines among these, which are not in force, that give what goes now on other days.
fn lines_of_end(desired: &UserView<'_>, others: &[Piece], delta: &Delta) -> Option<Vec<Origin>> {
    let site = match delta {
        Delta::RemoveMembership(..) => None,
        Delta::RevokeSite(grant) => Some(grant.site),
        Delta::AddMembership(_)
        | Delta::ChangeRole { .. }
        | Delta::UpdateMembership { .. }
        | Delta::GrantSite(_)
        | Delta::ChangeSiteRole { .. } => return None,
    };
    let is_here = |piece: &&Piece| {
        piece.organization == delta.organization() && piece.site == site && (piece.membership || site.is_some())
    };
    let lines = lines_of(desired, others.iter().filter(is_here));
    (!lines.is_empty()).then_some(lines)
}

fn lines_of<'p>(desired: &UserView<'_>, pieces: impl Iterator<Item = &'p Piece>) -> Vec<Origin> {
    let mut origins: Vec<Origin> = pieces
        .map(|piece| Origin {
            position: piece.position,
            via: piece.source.map(|source| desired.desired.source(source).label),
        })
        .collect();
    origins.sort_unstable();
    origins.dedup();
    origins
}

/// The lines that want a difference; what nobody wants any more points to where the user is declared.
fn origins(desired: &UserView<'_>, pieces: &[Piece], delta: &Delta) -> Vec<Origin> {
    let organization = delta.organization();
    let (site, role) = match delta {
        Delta::AddMembership(membership) => (None, membership.role),
        Delta::ChangeRole { to, .. } => (None, *to),
        Delta::UpdateMembership { .. } => (None, None),
        Delta::GrantSite(grant) => (Some(grant.site), grant.role),
        Delta::ChangeSiteRole { site, to, .. } => (Some(*site), *to),
        Delta::RemoveMembership(..) | Delta::RevokeSite(_) => return own_line(desired.position),
    };
    let here = pieces.iter().filter(|piece| piece.organization == organization && piece.site == site);
    let origins = lines_of(desired, here.filter(|piece| role.is_none() || piece.role == role));
    if origins.is_empty() { own_line(desired.position) } else { origins }
}
