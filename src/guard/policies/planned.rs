//! A plan and its actions, as values.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::facts::{Facts, gives_admin};
use super::{Declared, Thing};
use crate::model::{ActionKind, Catalog, List, Name, Value as Held, known};
use crate::plan::{Action, Census, ImpactCourse, People, PersonImpact, Plan, State, Subject, state_json};
use crate::policy::{ACTION, PLAN, Value};

pub(super) struct Planned<'a> {
    plan: &'a Plan,
    /// In the order of the plan.
    actions: Vec<Value>,
    value: Value,
}

impl<'a> Planned<'a> {
    pub(super) fn of(facts: &Facts<'_>, plan: &'a Plan) -> Self {
        let impact = &plan.effects.impact.people;
        let joining: BTreeSet<Name> =
            impact.iter().filter(|person| person.course == ImpactCourse::Joins).map(|person| person.user).collect();
        let administering = administering(facts, impact);
        let one = |action| action_value(facts, action, &joining, &administering);
        let actions: Vec<Value> = if facts.wants.actions { plan.actions.iter().map(one).collect() } else { Vec::new() };
        let People { join, leave, gain, lose } = plan.people;
        let Census { invited, escalated, mails, deletions, .. } = plan.census;
        let mut values = vec![Value::list(actions.clone())];
        let counts = [join, leave, gain, lose, invited, escalated, mails, deletions];
        values.extend(counts.into_iter().map(|count| Value::number(count.into())));
        Self { plan, actions, value: Value::record(&PLAN, values) }
    }

    pub(super) fn actions(&self, facts: &Facts<'_>) -> impl Iterator<Item = Thing> {
        self.plan.actions.iter().zip(&self.actions).map(|(action, value)| {
            let names = facts.declared.names;
            let user = action.subject.user.and_then(|user| facts.user(names.text(user)));
            let origin = action.origins.iter().map(|origin| origin.position).min();
            Thing {
                about: about(facts.declared, action),
                position: origin.or_else(|| user.as_ref().map(|(_, position)| *position)),
                variables: vec![("action", value.clone()), ("user", user.map_or_else(Value::null, |(value, _)| value))],
            }
        })
    }

    pub(super) fn plan(&self) -> Thing {
        Thing { about: "the plan".to_owned(), position: None, variables: vec![("plan", self.value.clone())] }
    }
}

/// `change_role ana@example.com north-quarries`
fn about(declared: &Declared<'_>, action: &Action) -> String {
    let Subject { user, organization, site, role } = action.subject;
    let parts = [user, organization, site, role].into_iter().flatten().map(|part| declared.names.text(part));
    std::iter::once(action.kind.as_str()).chain(parts.filter(|part| !part.is_empty())).collect::<Vec<_>>().join(" ")
}

fn action_value(
    facts: &Facts<'_>,
    action: &Action,
    joining: &BTreeSet<Name>,
    administering: &BTreeSet<(Name, Name)>,
) -> Value {
    let Declared { names, .. } = *facts.declared;
    let Action { kind, subject, before, after, cause, risk, .. } = action;
    let Subject { user, organization, site, role } = *subject;
    let text = |name: Option<Name>| Value::text_or_null(name.map(|name| names.text(name)));
    let state = |state: &Option<State>| match state {
        Some(state) if facts.wants.states => Value::json(&state_json(names, state)),
        Some(_) | None => Value::json(&Json::Object(Map::new())),
    };
    let role_of = |state: &Option<State>| state.as_ref().and_then(State::role);
    let in_place = |user: Name| organization.is_some_and(|place| administering.contains(&(user, place)));
    let anywhere =
        |user: Name| administering.range((user, known::PLATFORM)..).next().is_some_and(|(of, _)| *of == user);
    let becomes_admin = |user: Name| match kind {
        // Whoever is let in has what the account had, and what follows.
        ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::ReactivateUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation => anywhere(user),
        ActionKind::AddMembership | ActionKind::ChangeRole | ActionKind::UpdateMembership => in_place(user),
        ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::DeleteSite
        | ActionKind::CreateRole
        | ActionKind::UpdateRole
        | ActionKind::DeleteRole
        | ActionKind::UpdateUser
        | ActionKind::ChangeAccess
        | ActionKind::RenameUser
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::CancelInvitation
        | ActionKind::RemoveMembership
        | ActionKind::GrantSite
        | ActionKind::ChangeSiteRole
        | ActionKind::RevokeSite => false,
    };
    let is_admin = |state: &Option<State>| state.as_ref().is_some_and(|state| administers(facts, *subject, state));
    // Nobody holds a role that is only made.
    let gains_admin = *kind != ActionKind::CreateRole && is_admin(after) && !is_admin(before);
    Value::record(
        &ACTION,
        vec![
            Value::text(kind.as_str()),
            text(user),
            text(organization),
            text(site),
            text(role),
            text(role_of(before)),
            text(role_of(after)),
            state(before),
            state(after),
            Value::flag(gains_admin || user.is_some_and(becomes_admin)),
            Value::flag(user.is_some_and(|user| joining.contains(&user))),
            Value::texts(risk.iter().map(|risk| risk.as_str())),
            Value::text(cause.as_str()),
        ],
    )
}

/// Who becomes an admin of which organization, by a role there or one that it includes.
fn administering(facts: &Facts<'_>, people: &[PersonImpact]) -> BTreeSet<(Name, Name)> {
    let Declared { names, desired, .. } = *facts.declared;
    let is_admin = |roles: Option<List>| {
        let roles = roles.map(|roles| names.elements(roles).to_vec()).unwrap_or_default();
        roles.into_iter().any(|role| desired.catalog.makes_admin(names, role))
    };
    let of_person = |person: &PersonImpact| {
        let becomes = person.organizations.iter().filter(|one| {
            let is_given = one.places.iter().any(|place| is_admin(place.after) && !is_admin(place.before));
            one.admin == Some(true) || is_given
        });
        becomes.map(|one| (person.user, one.organization)).collect::<Vec<_>>()
    };
    people.iter().flat_map(of_person).collect()
}

/// Whether a state holds a role or a field that administers, or is that of a role that does.
fn administers(facts: &Facts<'_>, subject: Subject, state: &State) -> bool {
    let Declared { names, desired, rules, .. } = *facts.declared;
    let catalog: &Catalog = &desired.catalog;
    let is_admin = |role: Option<Name>| role.is_some_and(|role| catalog.makes_admin(names, role));
    let list = |value: Option<Held>| match value {
        Some(Held::Set(list)) => names.elements(list).to_vec(),
        Some(Held::Null | Held::Text(_) | Held::Bool(_) | Held::Number(_)) | None => Vec::new(),
    };
    let State { facts: fields, memberships, grants } = state;
    let is_of_role = subject.role.is_some();
    is_of_role && list(state.value(known::INCLUDES)).into_iter().any(|role| is_admin(Some(role)))
        || subject.user.is_some() && fields.iter().any(|&fact| gives_admin(rules, names, fact))
        || state.value(known::ADMIN) == Some(Held::Bool(true))
        || is_admin(state.role())
        || list(state.value(known::EXTRA_ROLES)).into_iter().any(|role| is_admin(Some(role)))
        || memberships.iter().any(|held| {
            is_admin(held.role) || names.elements(held.extra_roles).iter().any(|&role| is_admin(Some(role)))
        })
        || grants.iter().any(|grant| is_admin(grant.role))
}
