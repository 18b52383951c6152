//! What a user who starts later keeps until then (`language.md` §3, 9): what goes, goes at once, and only what comes
//! waits for that day.
//!
//! So the difference between what is live and what is wanted is split: today from what is live to what is kept, on that
//! day from what is kept to what is wanted. What is kept gives nothing that is not there today. Deliberately absent:
//! what is told of the day itself (`upcoming`).

use super::access::{deltas, membership_in};
use super::access_drafts::{Differences, access_drafts};
use super::admins::{self, Person};
use super::context::Context;
use super::draft::Change;
use super::fields;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{DeclaredFact, Effective, Fact, Grant, LiveView, Membership, Name, UserView, known};

/// What is kept until the day comes.
pub(super) struct Kept {
    access: Effective,
    facts: Vec<Fact>,
    /// Whether something stays that is to go, since it can't be taken without giving something else.
    is_more: bool,
}

impl Kept {
    /// What is kept of an active account.
    pub(super) fn of(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>) -> Self {
        let wanted = context.effective(desired, Some(live));
        let (facts, mut is_more) = fields::kept_access(context, desired, live);
        let mut access = Effective { left_alone: wanted.left_alone.clone(), ..Effective::default() };
        for membership in live.memberships {
            let organization = membership.organization;
            let grants: Vec<Grant> = live.grants_in(organization).copied().collect();
            if !context.in_scope(organization) {
                access.memberships.push(*membership);
                access.grants.extend(grants);
                continue;
            }
            let Some(later) = membership_in(&wanted.memberships, organization) else { continue };
            let role = lesser(context, (membership.role, later.role), &mut is_more);
            let kept = kept_grants(context, (membership, &grants), (later, &wanted.grants), role, &mut is_more);
            let names = context.inputs.names;
            let (live_roles, wanted_roles) =
                (names.elements(membership.extra_roles), names.elements(later.extra_roles));
            let extra_roles: Vec<Name> =
                live_roles.iter().copied().filter(|role| wanted_roles.contains(role)).collect();
            let is_reached = |&site: &Name| context.reaches_all(role) || reaches(context, &kept, organization, site);
            let sites = [membership.default_site, later.default_site].into_iter().flatten();
            access.memberships.push(Membership {
                organization,
                role,
                extra_roles: names.list(&extra_roles),
                // What is preselected gives nothing; without it, that a site is preselected would hold its end back.
                default_site: membership.default_site.and_then(|_| sites.into_iter().find(is_reached)),
            });
            access.grants.extend(kept);
        }
        // Where memberships exist with the account, or nobody manages them, there are grants without one.
        let is_member = |grant: &&Grant| live.membership(grant.organization).is_some();
        let others = live.grants.iter().filter(|grant| !is_member(grant));
        access
            .grants
            .extend(others.filter(|grant| !context.in_scope(grant.organization) || wanted.grants.contains(grant)));
        access.memberships.sort_unstable();
        access.grants.sort_unstable();
        if context.inputs.rules.demands_membership() && has_place(live.memberships) && !has_place(&access.memberships) {
            // The last one can't just end; the account itself stays as it is.
            is_more = true;
            access.memberships = live.memberships.to_vec();
            access.grants = live.grants.to_vec();
        }
        Self { access, facts, is_more }
    }

    /// The account as it is until then.
    pub(super) fn view<'a>(&'a self, live: &LiveView<'a>) -> LiveView<'a> {
        LiveView { memberships: &self.access.memberships, grants: &self.access.grants, facts: &self.facts, ..*live }
    }
}

/// Takes from an active account what goes at once.
pub(super) fn reduce(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>, change: &mut Change) {
    let kept = Kept::of(context, desired, live);
    let offset = |field: Name| desired.value_position(field).offset;
    let is_access = |fact: &&Fact| context.inputs.rules.is_access(context.inputs.names.text(fact.field));
    let facts = kept.facts.iter().filter(is_access).map(|&fact| DeclaredFact { fact, offset: offset(fact.field) });
    let facts: Vec<DeclaredFact> = facts.collect();
    let view = UserView { facts: &facts, ..*desired };
    fields::change_live_access(context, &view, live, change);
    let deltas = deltas(context, &kept.access, live.memberships, live.grants);
    access_drafts(context, &Differences::new(&view, Some(live), None, &deltas), change);
    let person = Person { desired: &view, live: Some(live), wanted: &kept.access, activation: None, comes_back: false };
    admins::settle(context, &person, change);
    if kept.is_more {
        let message = format!(
            "`{}` keeps until the day on which they start what can't be taken without giving something else",
            live.key_text(context.inputs.names)
        );
        let diagnostic = Diagnostic::warning(Code::ActiveBeforeStart, message)
            .at(desired.position, "what is wanted instead waits for `starts`")
            .help("write `status: inactive` until then, or take `starts` out");
        change.diagnostics.push(diagnostic);
    }
}

/// Of two roles, the one that gives no more than the first.
fn lesser(context: &Context<'_>, (from, to): (Option<Name>, Option<Name>), is_more: &mut bool) -> Option<Name> {
    let is_widened = context.reaches_all(to) && !context.reaches_all(from);
    let is_won = context.is_admin_role(to) && !context.was_admin_role(from);
    if from == to || !(context.escalates(from, to) || is_widened || is_won) {
        return to;
    }
    *is_more |= context.loses(from, to);
    from
}

/// The sites in an organization that are kept under this role.
fn kept_grants(
    context: &Context<'_>,
    (today, live): (&Membership, &[Grant]),
    (later, wanted): (&Membership, &[Grant]),
    role: Option<Name>,
    is_more: &mut bool,
) -> Vec<Grant> {
    let organization = today.organization;
    let wanted: Vec<Grant> = wanted.iter().copied().filter(|grant| grant.organization == organization).collect();
    let is_wide = context.reaches_all(later.role);
    let mut kept = Vec::new();
    for grant in live {
        match wanted.iter().find(|wanted| wanted.site == grant.site) {
            Some(wanted) => {
                kept.push(Grant { role: lesser(context, (grant.role, wanted.role), is_more), ..*grant });
            }
            // Later the role reaches it.
            None if is_wide && !context.reaches_all(role) => kept.push(*grant),
            None => {}
        }
    }
    let was_reached = |grant: &Grant| {
        let through = |live: &&Grant| live.role == grant.role && through(context, live, grant.site);
        (grant.role.is_none() && context.reaches_all(today.role)) || live.iter().any(|live| through(&live))
    };
    let is_new = |grant: &&Grant| !live.iter().any(|live| live.site == grant.site);
    kept.extend(wanted.iter().filter(is_new).filter(|grant| was_reached(grant)));
    if context.reaches_all(role) {
        // What such a role reaches anyway is not compared.
        kept.retain(|grant| grant.role.is_some() || live.contains(grant));
    }
    kept
}

fn through(context: &Context<'_>, grant: &Grant, site: Name) -> bool {
    let catalog = &context.inputs.live.catalog;
    catalog.sites_through(context.inputs.names, grant.organization, grant.site).contains(&site)
}

fn reaches(context: &Context<'_>, grants: &[Grant], organization: Name, site: Name) -> bool {
    grants.iter().any(|grant| grant.organization == organization && through(context, grant, site))
}

fn has_place(memberships: &[Membership]) -> bool {
    memberships.iter().any(|membership| membership.organization != known::PLATFORM)
}
