//! A saved plan as the plan that is guarded, shown and executed: its actions, with what today's state says of them.
//!
//! What a file says of risks, reasons and sums is not believed: an action that today's plan has too is told as there;
//! what nobody declares today counts as the most dangerous that its kind can be.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value as Json;

use super::action::Risk;
use super::batches::invitation_batches;
use super::diff::Draft;
use super::file::SavedPlan;
use super::forbidden::{gives, takes_away};
use super::mails::SharedMails;
use super::saved_renames::SavedRenames;
use super::{Action, Affected, Cause, Inputs, Plan, Subject, action_id, people, state_json};
use crate::model::{ActionKind, Name, Names, Topic, known};

/// The plan of exactly these actions. What today's plan says beyond its actions is left out, but for its warnings. What
/// an earlier run has `done` (positions, sorted) is still among them, and neither dangerous nor counted any more.
#[must_use]
pub fn plan_of_saved(saved: &SavedPlan, today: &Plan, inputs: &Inputs<'_>, done: &[u32]) -> Plan {
    // Its actions speak of everything by the names that it will have.
    let renames = SavedRenames::of(inputs, &saved.actions);
    let inputs = &renames.view(inputs);
    let of_today: HashMap<String, &Action> =
        today.actions.iter().map(|action| (id(inputs.names, action), action)).collect();
    let is_done = |at: u32| done.binary_search(&at).is_ok();
    // Of roles and reach that are not those of today's plan it can't say what is dangerous.
    let open = (0_u32..).zip(&saved.actions).filter(|&(at, _)| !is_done(at)).map(|(_, action)| action);
    let is_other_catalog = power_changes(inputs.names, open) != power_changes(inputs.names, today.actions.iter());
    let actions = (0_u32..).zip(&saved.actions).map(|(at, action)| match of_today.get(&id(inputs.names, action)) {
        _ if is_done(at) => Action { cause: Cause::Unknown, reason: "done already", ..action.clone() },
        Some(wanted) if is_same(inputs.names, action, wanted) => {
            let Action { cause, reason, .. } = **wanted;
            let (mut risk, origins) = (wanted.risk.clone(), wanted.origins.clone());
            if is_other_catalog {
                risk.extend(risks(action, inputs));
                risk.sort_unstable();
                risk.dedup();
            }
            Action { cause, risk, reason, origins, ..action.clone() }
        }
        Some(_) | None => Action { cause: Cause::Unknown, risk: risks(action, inputs), ..action.clone() },
    });
    let mut actions: Vec<Action> = actions.collect();
    let mut mails = SharedMails::new(inputs);
    for (_, action) in (0_u32..).zip(&mut actions).filter(|&(at, _)| !is_done(at)) {
        mails.settle(action);
    }
    let to_do = (0_u32..).zip(&actions).filter(|&(at, _)| !is_done(at));
    let drafts: Vec<Draft> = to_do.map(|(_, action)| draft(action)).collect();
    let (people, effects, mut census) = people::count(inputs, drafts.iter());
    census.short_of_admins.clone_from(&today.census.short_of_admins);
    let mut counts: BTreeMap<ActionKind, u32> = BTreeMap::new();
    for action in &actions {
        *counts.entry(action.kind).or_default() += 1;
    }
    Plan {
        digest: saved.digest.clone(),
        valid_until: saved.valid_until,
        people,
        effects,
        census,
        counts,
        batches: invitation_batches(inputs.rules, &actions),
        actions,
        deferred: Vec::new(),
        unmanaged: Vec::new(),
        expiring: Vec::new(),
        passwords_due: Vec::new(),
        ..today.clone()
    }
}

/// The ids of what today's plan does and the saved one does not, or does otherwise; in the order of today's plan.
#[must_use]
pub fn besides(saved: &SavedPlan, today: &Plan, names: &Names) -> Vec<String> {
    let of_saved: HashMap<String, &Action> = saved.actions.iter().map(|action| (id(names, action), action)).collect();
    let is_other =
        |action: &&Action| of_saved.get(&id(names, action)).is_none_or(|saved| !is_same(names, saved, action));
    today.actions.iter().filter(is_other).map(|action| id(names, action)).collect()
}

/// Whether a plan that does the same as the one that was shown comes to more by now: an action has a risk that it did not
/// have, somebody else's reach changes with the catalog, or a place that is given opens more.
#[must_use]
pub fn comes_to_more(now: &Plan, shown: &Plan) -> bool {
    let risks: HashMap<_, &[Risk]> =
        shown.actions.iter().map(|action| ((action.kind, action.subject), &action.risk[..])).collect();
    let is_riskier = |action: &Action| {
        let told = risks.get(&(action.kind, action.subject)).copied().unwrap_or_default();
        action.risk.iter().any(|risk| !told.contains(risk))
    };
    let affects_more = |(subject, now): (&Subject, &Affected)| {
        let told = shown.effects.affected.get(subject);
        let is_new = |people: &[Name], told: &[Name]| {
            let told: BTreeSet<Name> = told.iter().copied().collect();
            people.iter().any(|one| !told.contains(one))
        };
        told.is_none_or(|told| is_new(&now.gain, &told.gain) || is_new(&now.lose, &told.lose))
    };
    now.actions.iter().any(is_riskier)
        || now.effects.affected.iter().any(affects_more)
        || now
            .effects
            .through
            .iter()
            .any(|(place, opened)| shown.effects.through.get(place).is_none_or(|told| !opened.is_subset(told)))
}

fn id(names: &Names, action: &Action) -> String {
    action_id(names, action.kind, &action.subject)
}

/// Whether two actions of one id do the same: they lead to the same, and where what they lead from says whom or what they
/// reach (the former name of a rename, the membership or the site that another one ends), from the same.
pub(super) fn is_same(names: &Names, one: &Action, other: &Action) -> bool {
    let after = |action: &Action| action.after.as_ref().map(|state| state_json(names, state));
    let former = |action: &Action| action.before.as_ref().and_then(|before| before.value(known::KEY));
    let ended = |action: &Action| -> Vec<(Name, Option<Name>)> {
        let memberships = action.ended_memberships().iter().map(|membership| (membership.organization, None));
        memberships.chain(action.ended_grants().iter().map(|grant| (grant.organization, Some(grant.site)))).collect()
    };
    former(one) == former(other)
        && ended(one) == ended(other)
        && after(one) == after(other)
        && one.fall_back == other.fall_back
}

/// What of actions changes what roles can do, or what is reached through sites and organizations.
fn power_changes<'a>(names: &Names, actions: impl Iterator<Item = &'a Action>) -> BTreeMap<String, Option<Json>> {
    let says = |action: &Action, field| {
        [&action.before, &action.after].into_iter().flatten().any(|one| one.value(field).is_some())
    };
    let is_one = |action: &&Action| match action.kind {
        ActionKind::CreateRole | ActionKind::UpdateRole | ActionKind::DeleteRole => true,
        _ => action.kind.topic() == Topic::Catalog && says(action, known::INCLUDES),
    };
    let after = |action: &Action| action.after.as_ref().map(|state| state_json(names, state));
    actions.filter(is_one).map(|action| (id(names, action), after(action))).collect()
}

fn risks(action: &Action, inputs: &Inputs<'_>) -> Vec<Risk> {
    let is_final = matches!(
        action.kind,
        ActionKind::DeleteUser
            | ActionKind::CloseUser
            | ActionKind::DeleteOrganization
            | ActionKind::DeleteSite
            | ActionKind::DeleteRole
    );
    let mails = inputs.mails(action.kind, action.subject.user);
    let risks = [
        (gives(action, inputs), Risk::Escalation),
        (takes_away(action, inputs), Risk::Removal),
        (is_final, Risk::Irreversible),
        (mails, Risk::Mail),
        (action.kind == ActionKind::ReactivateUser, Risk::AccessReturns),
    ];
    risks.into_iter().filter(|&(is_risk, _)| is_risk).map(|(_, risk)| risk).collect()
}

/// The draft of an action that is judged by itself.
pub(super) fn draft(action: &Action) -> Draft {
    let loses = action.risk.contains(&Risk::Removal);
    Draft {
        action: action.clone(),
        needs: Vec::new(),
        takes: Vec::new(),
        gives: Vec::new(),
        returns: Vec::new(),
        within: Vec::new(),
        waits_for: None,
        wait: (None, None),
        obstacle: None,
        gains: !loses || action.risk.contains(&Risk::Escalation),
        loses,
    }
}
