//! Power over others that an account has, keeps or gets back: roles with `admin`, and what counts like them.

use std::collections::BTreeSet;

use super::access::membership_in;
use super::admins::When;
use super::context::Context;
use super::draft::{Change, Draft};
use super::fields;
use crate::model::{
    ActionKind, Effective, Fact, Grant, List, LiveView, Membership, Name, Status, Topic, UserView, Value, known,
};
use crate::plan::action::Risk;
use crate::plan::{Inputs, Unmanaged};

/// Whether an account holds a role with `admin` today, anywhere, or an attribute that comes to the same where it is a
/// member.
fn administers(context: &Context<'_>, live: &LiveView<'_>) -> bool {
    let names = context.inputs.names;
    let is_admin = |role: Option<Name>| context.was_admin_role(role);
    let by_extra = |roles| names.elements(roles).iter().any(|&role| is_admin(Some(role)));
    live.memberships.iter().any(|membership| is_admin(membership.role) || by_extra(membership.extra_roles))
        || live.grants.iter().any(|grant| is_admin(grant.role))
        || (!live.memberships.is_empty() && fields::makes_admin(context, live.facts))
}

/// What gets no action: a user by this key, and what the account administers as long as it is active.
pub(super) fn left_alone(
    context: &Context<'_>,
    key: &str,
    live: Option<&LiveView<'_>>,
    reason: &'static str,
) -> Unmanaged {
    let live = live.filter(|live| live.status == Status::Active && administers(context, live));
    let kept = live.map(|live| kept_power(context, (live.memberships, live.grants), (live.memberships, live.facts)));
    match kept {
        // Among many who are left alone, those who administer others matter most.
        Some(kept) => Unmanaged::new("user", key.to_owned(), format!("keeps {kept}: {reason}")).always_told(),
        None => Unmanaged::new("user", key.to_owned(), reason),
    }
}

/// `keeps manager (admin) of north: `, where that is among what a declared person has and others manage.
pub(super) fn left_to_others(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>) -> String {
    if live.status != Status::Active || !administers(context, live) {
        return String::new();
    }
    let (mut memberships, mut grants) = (Vec::new(), Vec::new());
    for (organization, left) in context.inputs.effective(desired).left_alone {
        if let Some(&membership) = live.membership(organization) {
            let role = membership.role.filter(|_| left.membership || left.role);
            let is_left = left.membership || left.extra_roles;
            let extra_roles = if is_left { membership.extra_roles } else { List::EMPTY };
            memberships.push(Membership { role, extra_roles, ..membership });
        }
        if left.membership || left.sites {
            grants.extend(live.grants_in(organization).copied());
        }
    }
    let facts = fields::kept_by_others(context, desired, live);
    let kept = kept_power(context, (&memberships, &grants), (live.memberships, &facts));
    if kept.is_empty() { kept } else { format!("keeps {kept}: ") }
}

/// Marks as an escalation what changes the way into the account of somebody who administers others: whoever has that
/// administers them, too.
pub(super) fn mark_ways_in(context: &Context<'_>, live: &LiveView<'_>, change: &mut Change) {
    let Inputs { names, rules, .. } = context.inputs;
    let has_mfa = live.value(known::MFA) == Value::Bool(true);
    let opens = |draft: &&mut Draft| {
        let (before, after) = (draft.action.before.as_ref(), draft.action.after.as_ref());
        let value = |field: Name| before.and_then(|before| before.value(field)).unwrap_or(Value::Null);
        let mut facts = after.into_iter().flat_map(|after| &after.facts);
        let is_factor = |fact: &Fact| has_mfa && fact.value.is_set() && rules.is_second_factor(names.text(fact.field));
        draft.action.kind == ActionKind::UpdateUser
            && facts.any(|fact| {
                rules.opens_account(names.text(fact.field), (value(fact.field), fact.value)) || is_factor(fact)
            })
    };
    if administers(context, live) || fields::makes_admin(context, live.facts) {
        change.drafts.iter_mut().filter(opens).for_each(|draft| draft.risk(Risk::Escalation));
    }
}

/// `manager (admin) of north, every site; mission_lead (admin) of south`: the places that somebody administers by these
/// roles, and by these attributes where they are a member.
fn kept_power(
    context: &Context<'_>,
    (memberships, grants): (&[Membership], &[Grant]),
    (places_of_facts, facts): (&[Membership], &[Fact]),
) -> String {
    const PLACES: usize = 3;
    let names = context.inputs.names;
    let mut places: Vec<String> = Vec::new();
    let place = |organization: Name| match organization {
        known::PLATFORM => "on the whole platform".to_owned(),
        organization => format!("of {}", names.text(organization)),
    };
    for membership in memberships {
        let extra = names.elements(membership.extra_roles);
        for role in membership.role.iter().chain(extra.iter()).filter(|role| context.was_admin_role(Some(**role))) {
            let all = if context.definitions.reached_all(Some(*role)) { ", every site" } else { "" };
            places.push(format!("{} (admin) {}{all}", names.text(*role), place(membership.organization)));
        }
    }
    let makes_admin = |fact: &&Fact| fact.value.is_set() && context.admin_attributes.contains(&fact.field);
    for fact in facts.iter().filter(makes_admin) {
        let field = names.text(fact.field);
        let attribute = field.strip_prefix("attributes.").unwrap_or(field);
        places.extend(places_of_facts.iter().map(|one| format!("{attribute} (admin) {}", place(one.organization))));
    }
    for grant in grants.iter().filter(|grant| context.was_admin_role(grant.role)) {
        let role = grant.role.map_or("", |role| names.text(role));
        places.push(format!("{role} (admin) {}/{}", place(grant.organization), names.text(grant.site)));
    }
    places.sort_unstable();
    let more = places.len().saturating_sub(PLACES);
    places.truncate(PLACES);
    if more > 0 {
        places.push(format!("{more} more"));
    }
    places.join("; ")
}

/// Whether an invitation with this access, or a new account, is an escalation.
pub(super) fn lets_in(context: &Context<'_>, (memberships, grants): (&[Membership], &[Grant]), facts: &[Fact]) -> bool {
    memberships.iter().any(|membership| context.is_escalating_membership(membership))
        || grants.iter().any(|grant| context.is_admin_role(grant.role))
        || facts.contains(&Fact::new(known::API_ENABLED, Value::Bool(true)))
        || fields::makes_admin(context, facts)
}

/// Marks as an escalation what sends an invitation with such access, for the first time or again: who is let in by it is
/// not in now.
pub(super) fn mark_offer(context: &Context<'_>, live: &LiveView<'_>, draft: &mut Draft) {
    if lets_in(context, (live.memberships, live.grants), live.facts) {
        draft.risk(Risk::Escalation);
    }
}

/// Whether access comes back that an invitation with it would be an escalation for. It comes back when its roles are made
/// less (`lesser_roles`).
pub(super) fn returns_power(
    context: &Context<'_>,
    (view, wanted): (&LiveView<'_>, &Effective),
    (change, first): (&Change, &BTreeSet<usize>),
) -> bool {
    let takes = context.inputs.rules.inactive_takes();
    let goes_before = |topic: Topic, organization: Name, site: Option<Name>| {
        let is_there = |draft: &Draft| {
            let subject = draft.action.subject;
            draft.action.kind.topic() == topic
                && (subject.organization.unwrap_or(known::PLATFORM), subject.site) == (organization, site)
        };
        takes && first.iter().any(|&at| is_there(&change.drafts[at]))
    };
    let is_power = |one: &Membership| {
        context.is_escalating_membership(one) || context.ways(Some(one), view.facts, When::InTheEnd).any()
    };
    // What goes before the account comes back does not come back with it.
    let comes_back = |one: &Membership| {
        if goes_before(Topic::Membership, one.organization, None) {
            membership_in(&wanted.memberships, one.organization).is_some_and(is_power)
        } else {
            is_power(one)
        }
    };
    let is_power_on_site = |grant: &Grant| {
        context.is_admin_role(grant.role) && !goes_before(Topic::SiteGrant, grant.organization, Some(grant.site))
    };
    view.memberships.iter().any(comes_back)
        || view.grants.iter().any(is_power_on_site)
        || returns_fields(context, view, (change, first))
}

/// Whether access in fields comes back that is an escalation where a new account is given it: the API, sight of everything,
/// and, where fields do not go with an account that is made, whatever is more than nothing.
fn returns_fields(context: &Context<'_>, view: &LiveView<'_>, (change, first): (&Change, &BTreeSet<usize>)) -> bool {
    let Inputs { names, rules, .. } = context.inputs;
    let goes_before =
        |at: &&usize| rules.inactive_takes() && change.drafts[**at].action.kind == ActionKind::ChangeAccess;
    let before = first.iter().find(goes_before).and_then(|&at| change.drafts[at].action.after.as_ref());
    let value = |field: Name| before.and_then(|after| after.value(field)).unwrap_or_else(|| view.value(field));
    let has_api = value(known::API_ENABLED) == Value::Bool(true);
    let opens_everything = rules.open_when_empty().any(|attribute| {
        let field = format!("attributes.{attribute}");
        rules.is_everything(&field, names.find(&field).map_or(Value::Null, value))
    });
    let is_more = |field: Name| {
        let is_counted = rules.is_access(names.text(field)) && field != known::API_ROUTES;
        is_counted && rules.value_escalates(names, field, Value::Null, value(field))
    };
    let goes_apart = !rules.carries().attributes();
    has_api || opens_everything || (goes_apart && view.facts.iter().any(|fact| is_more(fact.field)))
}
