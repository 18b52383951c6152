//! Where a person belongs to one organization at most, or has one site at most in it, going to another one is one action:
//! it adds the membership, or grants the site, and its `before` is the one that ends.
//!
//! It stands behind all that asks what begins and what ends, and puts the two drafts together. Where one of them waits
//! for something of its own, both stay as they are: nobody keeps access because the new one can't come.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::draft::{Change, Draft, Need};
use crate::model::{ActionKind, Fact, Grant, List, Membership, Name, Value, known};
use crate::plan::action::{Risk, State, Subject};

/// What ends, and what begins in its place.
#[derive(Debug, Clone, Copy)]
struct Switch {
    ends: ActionKind,
    begins: ActionKind,
    reason: &'static str,
}

const OF_ORGANIZATIONS: Switch = Switch {
    ends: ActionKind::RemoveMembership,
    begins: ActionKind::AddMembership,
    reason: "declared in another organization",
};

const OF_SITES: Switch =
    Switch { ends: ActionKind::RevokeSite, begins: ActionKind::GrantSite, reason: "another site is declared" };

/// An organization, or a site in it.
type Place = (Name, Option<Name>);

/// Puts the drafts together by which somebody goes from one organization, or from one site, to another.
pub(super) fn settle(context: &Context<'_>, changes: &mut [Change]) {
    let rules = context.inputs.rules;
    if rules.most_organizations() == Some(1) && rules.stores_memberships() {
        put_together(context, changes, OF_ORGANIZATIONS);
    }
    let most_sites = rules.sites.rules().and_then(|sites| sites.max);
    if most_sites == Some(1) && !rules.role_change_rebuilds() {
        put_together(context, changes, OF_SITES);
    }
}

fn put_together(context: &Context<'_>, changes: &mut [Change], switch: Switch) {
    let held = waited_for(changes, switch);
    let comes = arriving(context, changes);
    let mut switched: BTreeMap<Subject, Subject> = BTreeMap::new();
    for change in &mut *changes {
        for place in places(change, switch) {
            let Some((ends, begins)) = pair(change, switch, place) else { continue };
            compare(context, change, (ends, begins));
            if !can_join(change, (ends, begins), &comes) || (place.is_some() && !comes_alone(change, (ends, begins))) {
                continue;
            }
            let subject = change.drafts[ends].action.subject;
            if !held.contains(&subject) {
                switched.insert(subject, change.drafts[begins].action.subject);
                join(change, (ends, begins), switch);
            }
        }
    }
    for need in changes.iter_mut().flat_map(|change| &mut change.drafts).flat_map(|draft| &mut draft.needs) {
        if let Need::Action(kind, subject) = *need
            && kind == switch.ends
            && let Some(&to) = switched.get(&subject)
        {
            *need = Need::Action(switch.begins, to);
        }
    }
}

/// The organizations within which somebody goes from one site to another; of organizations it is one from any to any.
fn places(change: &Change, switch: Switch) -> Vec<Option<Name>> {
    if switch.ends == ActionKind::RemoveMembership {
        return vec![None];
    }
    let ends = change.drafts.iter().filter(|draft| draft.action.kind == switch.ends);
    let places: BTreeSet<Name> = ends.filter_map(|draft| draft.action.subject.organization).collect();
    places.into_iter().map(Some).collect()
}

/// What ends and something else waits for than a deletion: a role that is made less has to wait for no more.
fn waited_for(changes: &[Change], switch: Switch) -> BTreeSet<Subject> {
    let is_deletion = |draft: &&Draft| {
        matches!(draft.action.kind, ActionKind::DeleteOrganization | ActionKind::DeleteSite | ActionKind::DeleteRole)
    };
    let others = changes.iter().flat_map(|change| &change.drafts).filter(|draft| !is_deletion(draft));
    let ends = others.flat_map(|draft| &draft.needs).filter_map(|need| match *need {
        Need::Action(kind, subject) if kind == switch.ends => Some(subject),
        Need::Action(..)
        | Need::Own(_)
        | Need::Organization(_)
        | Need::Site(..)
        | Need::Role(_)
        | Need::RoleUpdate(_) => None,
    });
    ends.collect()
}

/// The organizations and sites that are there, or that this plan makes without having to wait.
fn arriving(context: &Context<'_>, changes: &[Change]) -> BTreeSet<Place> {
    let made = changes.first().into_iter().flat_map(|catalog| &catalog.drafts).filter(|draft| {
        matches!(draft.action.kind, ActionKind::CreateOrganization | ActionKind::CreateSite)
            && draft.waits_for.is_none()
    });
    let made = made.filter_map(|draft| Some((draft.action.subject.organization?, draft.action.subject.site)));
    let live = context.inputs.live.catalog.organizations.iter().flat_map(|(&name, organization)| {
        let sites = organization.sites.keys().map(move |&site| (name, Some(site)));
        std::iter::once((name, None)).chain(sites)
    });
    live.chain(made).collect()
}

/// The drafts of one person by which the only one of its kind ends, in this organization if one is named, and another
/// one begins.
fn pair(change: &Change, switch: Switch, place: Option<Name>) -> Option<(usize, usize)> {
    let only = |kind: ActionKind| {
        let is_it = |draft: &Draft| {
            let organization = draft.action.subject.organization;
            draft.action.kind == kind && organization.is_some() && (place.is_none() || organization == place)
        };
        let mut found = (0..change.drafts.len()).filter(|&at| is_it(&change.drafts[at]));
        found.next().filter(|_| found.next().is_none())
    };
    Some((only(switch.ends)?, only(switch.begins)?))
}

/// Whether a grant needs nothing but that the other one ends, and what that needs as well: it never holds that up.
fn comes_alone(change: &Change, (ends, begins): (usize, usize)) -> bool {
    let (end, begin) = (&change.drafts[ends], &change.drafts[begins]);
    let place = u32::try_from(ends).unwrap_or(u32::MAX);
    begin.takes.is_empty()
        && begin.needs.iter().all(|need| match need {
            Need::Organization(_) | Need::Site(..) => true,
            Need::Own(at) if *at == place => true,
            Need::Own(_) | Need::Role(_) | Need::RoleUpdate(_) | Need::Action(..) => end.needs.contains(need),
        })
}

/// Marks as an escalation what is more in the new organization than it was in the old one.
fn compare(context: &Context<'_>, change: &mut Change, (ends, begins): (usize, usize)) {
    let role = |state: &Option<State>| state.as_ref().and_then(State::role);
    let from = role(&change.drafts[ends].action.before);
    let to = role(&change.drafts[begins].action.after);
    if from.is_some() && to.is_some() && context.escalates(from, to) {
        change.drafts[begins].risk(Risk::Escalation);
    }
}

/// Whether both can be one action.
fn can_join(change: &Change, (ends, begins): (usize, usize), comes: &BTreeSet<Place>) -> bool {
    let is_ready = |at: usize| change.drafts[at].waits_for.is_none();
    let Subject { organization, site, .. } = change.drafts[begins].action.subject;
    let is_there = organization.is_some_and(|organization| comes.contains(&(organization, site)));
    let is_own = |at: usize| change.drafts[begins].needs.contains(&Need::Own(u32::try_from(at).unwrap_or(u32::MAX)));
    // What comes between the two, as an account that comes back does, keeps them apart.
    let end = Need::Own(u32::try_from(ends).unwrap_or(u32::MAX));
    let is_apart = (0..change.drafts.len()).any(|at| at != begins && change.drafts[at].needs.contains(&end));
    is_ready(ends) && is_ready(begins) && is_there && is_own(ends) && !is_apart
}

/// Puts the end of one into the draft that begins the other one, and takes the draft of the end out.
fn join(change: &mut Change, (ends, begins): (usize, usize), switch: Switch) {
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let end = change.drafts.remove(ends);
    let begins = if begins > ends { begins - 1 } else { begins };
    for need in change.drafts.iter_mut().flat_map(|draft| &mut draft.needs) {
        if let Need::Own(at) = need {
            *at = shifted(*at, place(ends), place(begins));
        }
    }
    let draft = &mut change.drafts[begins];
    draft.needs.retain(|need| *need != Need::Own(place(begins)));
    let needs = end.needs.into_iter().map(|need| match need {
        Need::Own(at) => Need::Own(shifted(at, place(ends), place(begins))),
        other => other,
    });
    draft.needs.extend(needs);
    draft.takes.extend(end.takes);
    draft.gives.extend(end.gives);
    draft.within.extend(end.within);
    draft.gains |= end.gains;
    draft.loses |= end.loses;
    for risk in end.action.risk {
        draft.risk(risk);
    }
    let Subject { organization, site, .. } = end.action.subject;
    draft.action.before = organization.zip(end.action.before).map(|(organization, state)| {
        let role = state.role();
        let State { facts, memberships: _, grants } = state;
        let (memberships, grants) = site.map_or_else(
            || (vec![membership(organization, &facts)], grants),
            |site| (Vec::new(), vec![Grant { organization, site, role }]),
        );
        State { facts: Vec::new(), memberships, grants }
    });
    draft.action.reason = switch.reason;
}

/// The place of a draft after one was taken out; who needed that one needs the one that it was put into.
const fn shifted(at: u32, out: u32, into: u32) -> u32 {
    if at == out {
        into
    } else if at > out {
        at - 1
    } else {
        at
    }
}

fn membership(organization: Name, facts: &[Fact]) -> Membership {
    let value = |field: Name| facts.iter().find(|fact| fact.field == field).map_or(Value::Null, |fact| fact.value);
    let extra_roles = match value(known::EXTRA_ROLES) {
        Value::Set(roles) => roles,
        Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_) => List::EMPTY,
    };
    let default_site = value(known::DEFAULT_SITE).text();
    Membership { organization, role: value(known::ROLE).text(), extra_roles, default_site }
}
