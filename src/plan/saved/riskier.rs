//! Whether an action of a saved plan is more than the people were told who looked at it.
//!
//! What a role gives, and what is reached through a site, is not in the digest, and can be something else by now. A file
//! is not believed in what it says of that; but of what it did not say nobody was told. Deliberately absent: what
//! makes an action dangerous that is declared today and was then (`diff`).

use std::collections::{BTreeSet, HashMap};

use super::super::held::change;
use super::super::saved_plan::{draft, is_same};
use super::super::through::{Through, given, through};
use super::{Action, Inputs, SavedPlan, State, Subject};
use crate::model::{ActionKind, Catalog, Name};
use crate::plan::{Plan, Risk};

/// What there is to compare with.
pub(super) struct Told<'a> {
    inputs: &'a Inputs<'a>,
    saved: &'a SavedPlan,
    /// The catalog as what is left of the saved plan makes it of the live one, and as a plan made now would.
    catalogs: [Catalog; 2],
    through: Through,
    /// The actions of a plan made now, where nothing of the saved one is done: afterwards an action may count as more
    /// by what the plan itself has given.
    today: HashMap<(ActionKind, Subject), &'a Action>,
}

impl<'a> Told<'a> {
    pub(super) fn new(saved: &'a SavedPlan, inputs: &'a Inputs<'a>, today: &'a Plan, done: &[u32]) -> Self {
        let is_open = |(at, _): &(u32, &Action)| done.binary_search(at).is_err();
        let open = || (0_u32..).zip(&saved.actions).filter(is_open).map(|(_, action)| action);
        let catalogs = [catalog(inputs, open()), catalog(inputs, today.actions.iter())];
        let through = through(inputs.names, &catalogs[0], open());
        let today = today.actions.iter().filter(|_| done.is_empty());
        let today = today.map(|action| ((action.kind, action.subject), action)).collect();
        Self { inputs, saved, catalogs, through, today }
    }

    /// What an action that is still to be done comes to by now, and nobody was told of.
    pub(super) fn more(&self, action: &Action, at: u32) -> Option<String> {
        const RISKS: [Risk; 3] = [Risk::Escalation, Risk::Removal, Risk::AccessReturns];
        let names = self.inputs.names;
        let told = self.saved.risks.get(at as usize).map_or(&[][..], Vec::as_slice);
        if !told.contains(&Risk::Escalation)
            && let Some(role) = self.catalogs.iter().find_map(|catalog| self.escalates(catalog, action))
        {
            let role = names.text(role);
            return Some(format!("it is an escalation by what role `{role}` gives by now; the plan did not say so"));
        }
        let wanted = self.today.get(&(action.kind, action.subject));
        let wanted = wanted.filter(|wanted| is_same(names, action, wanted));
        let risk = RISKS.into_iter().find(|risk| wanted.is_some_and(|wanted| wanted.risk.contains(risk)));
        if let Some(risk) = risk.filter(|risk| !told.contains(risk)) {
            let risk = risk.as_str();
            return Some(format!("a plan made now says of it that it has the risk `{risk}`; the plan did not say so"));
        }
        given(action).into_iter().find_map(|place| {
            let none = BTreeSet::new();
            let told = self.saved.through.get(&place).unwrap_or(&none);
            let own = place.1.unwrap_or(place.0);
            let more = self.through.get(&place)?.iter().find(|one| **one != own && !told.contains(one))?;
            let (own, more) = (names.text(own), names.text(*more));
            Some(format!("`{own}` includes `{more}` by now; the plan did not say so"))
        })
    }

    /// The role by which an action is an escalation in this catalog, if it is: as `diff` judges it, by names alone.
    fn escalates(&self, catalog: &Catalog, action: &Action) -> Option<Name> {
        let Inputs { names, rules, .. } = *self.inputs;
        let after = action.after.as_ref()?;
        let from = action.before.as_ref().and_then(State::role);
        let is_admin = |role: &Name| catalog.role(Some(*role)).is_some_and(|role| role.admin);
        let is_powerful = |role: &Name| {
            let mut roles = catalog.roles_through(names, *role).into_iter();
            roles.any(|role| is_admin(&role) || catalog.reaches_all(Some(role)))
        };
        let is_more = |to: &Name| {
            let is_known = catalog.role(from).is_some() && catalog.role(Some(*to)).is_some();
            is_known && rules.escalates(catalog, names, from, Some(*to))
        };
        match action.kind {
            ActionKind::InviteUser | ActionKind::CreateUser => {
                let mut members = after.memberships.iter().filter_map(|one| one.role);
                let mut granted = after.grants.iter().filter_map(|one| one.role);
                members.find(is_powerful).or_else(|| granted.find(is_admin))
            }
            ActionKind::AddMembership => after.role().filter(is_powerful),
            ActionKind::GrantSite => after.role().filter(is_admin),
            ActionKind::ChangeRole if from.is_none() => after.role().filter(is_powerful),
            ActionKind::ChangeSiteRole if from.is_none() => after.role().filter(is_admin),
            ActionKind::ChangeRole | ActionKind::ChangeSiteRole => after.role().filter(is_more),
            _ => None,
        }
    }
}

/// The live catalog after these actions. What they delete is there still: nobody comes to it.
fn catalog<'a>(inputs: &Inputs<'_>, actions: impl Iterator<Item = &'a Action>) -> Catalog {
    let mut catalog = inputs.live.catalog.clone();
    let vendor = inputs.desired.catalog.roles.iter().filter(|(_, role)| role.vendor);
    catalog.roles.extend(vendor.map(|(&name, role)| (name, role.clone())));
    for action in actions.filter(|action| action.subject.user.is_none() && action.after.is_some()) {
        change(inputs, &mut catalog, &draft(action));
    }
    catalog
}
