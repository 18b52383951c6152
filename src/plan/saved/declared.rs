//! Whether an action leads to what the manifests of today declare: a saved plan writes no value that these do not have,
//! and takes nothing from anybody that these give.
//!
//! Asked of what today's plan does not do in the same way. Roles and places that an action gives beyond the manifests
//! are judged elsewhere (`beyond`), as is what these leave to others (`today`).

use super::{Action, Inputs, State};
use crate::model::{ActionKind, Effective, Fact, Grant, List, Membership, Name, UserView, Value, known};

/// Why what an action says of fields is not what the manifests of today declare of the user, if it is not.
pub(super) fn refuse_fields(action: &Action, declared: &UserView<'_>, inputs: &Inputs<'_>) -> Option<String> {
    let Inputs { names, rules, .. } = inputs;
    let makes = match action.kind {
        ActionKind::InviteUser | ActionKind::CreateUser => true,
        ActionKind::UpdateUser | ActionKind::ChangeAccess => false,
        ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::DeleteSite
        | ActionKind::CreateRole
        | ActionKind::UpdateRole
        | ActionKind::DeleteRole
        | ActionKind::RenameUser
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::ReactivateUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::CancelInvitation
        | ActionKind::AddMembership
        | ActionKind::ChangeRole
        | ActionKind::UpdateMembership
        | ActionKind::RemoveMembership
        | ActionKind::GrantSite
        | ActionKind::ChangeSiteRole
        | ActionKind::RevokeSite => return None,
    };
    let after = action.after.as_ref()?;
    let is_other = |fact: &&Fact| {
        if makes && fact.field == known::STATUS {
            return false;
        }
        let is_access = rules.is_access(names.text(fact.field));
        match declared.value(fact.field) {
            // What others gave goes along with an invitation.
            Some(Value::Text(known::UNMANAGED)) if is_access => false,
            Some(value) => {
                value != fact.value && !(is_access && rules.same_value(names, fact.field, value, fact.value))
            }
            None => !is_access || !rules.same_value(names, fact.field, Value::Null, fact.value),
        }
    };
    if let Some(other) = after.facts.iter().find(is_other) {
        return Some(format!("the manifests of today do not declare this `{}`", names.text(other.field)));
    }
    // An account without what the rules demand, or without what narrows it, is not made either.
    let is_demanded = |fact: &Fact| {
        let field = names.text(fact.field);
        let is_required = || rules.required_fields().any(|(required, _)| required == field);
        fact.value != Value::Null
            && fact.value != Value::Text(known::UNMANAGED)
            && !rules.is_set_by_others(field)
            && after.value(fact.field).is_none()
            && (rules.narrows(field, fact.value) || (rules.carries().attributes() && is_required()))
    };
    let mut facts = declared.facts.iter().map(|declared| declared.fact).filter(|_| makes);
    let missing = facts.find(is_demanded)?;
    Some(format!("it leaves out `{}`, without which nobody is let in", names.text(missing.field)))
}

/// Why the site that an action lets somebody begin with is not the declared one, if it is not.
pub(super) fn refuse_default_site(action: &Action, declared: &UserView<'_>, inputs: &Inputs<'_>) -> Option<String> {
    if !matches!(action.kind, ActionKind::AddMembership | ActionKind::ChangeRole) {
        return None;
    }
    let of = |state: Option<&State>| state.and_then(|state| state.value(known::DEFAULT_SITE)).and_then(Value::text);
    let site = of(action.after.as_ref()).filter(|&site| of(action.before.as_ref()) != Some(site))?;
    let place = action.subject.organization.unwrap_or(known::PLATFORM);
    let effective = inputs.effective(declared);
    let left_alone = effective.left_alone_in(place);
    let today = effective.memberships.iter().find(|membership| membership.organization == place);
    let is_declared = today.is_some_and(|today| today.default_site == Some(site));
    (!is_declared && !left_alone.membership && !left_alone.sites).then(|| NO_DEFAULT_SITE.to_owned())
}

const NO_DEFAULT_SITE: &str = "the manifests of today do not declare this default site";

/// Why the manifests of today keep what an action takes from a declared user, if they do.
pub(super) fn keep(action: &Action, declared: &UserView<'_>, inputs: &Inputs<'_>) -> Option<String> {
    let kept = Kept { inputs, effective: inputs.effective(declared) };
    let place = action.subject.organization.unwrap_or(known::PLATFORM);
    let (before, after) = (action.before.as_ref(), action.after.as_ref());
    match action.kind {
        ActionKind::RemoveMembership => kept.membership(place),
        ActionKind::AddMembership => {
            action.ended_memberships().iter().find_map(|ended| kept.membership(ended.organization))
        }
        ActionKind::GrantSite => action.ended_grants().iter().find_map(|ended| kept.site(place, ended.site)),
        ActionKind::ChangeRole => kept.role(kept.today(place)?.role, (before, after)),
        ActionKind::ChangeSiteRole => {
            let grant = kept.grant(place, action.subject.site?)?;
            kept.role(grant.role, (before, after))
        }
        ActionKind::RevokeSite => kept.site(place, action.subject.site?),
        ActionKind::UpdateMembership => kept.rest(kept.today(place)?, (before?, after?)),
        ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::DeleteSite
        | ActionKind::CreateRole
        | ActionKind::UpdateRole
        | ActionKind::DeleteRole
        | ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::UpdateUser
        | ActionKind::ChangeAccess
        | ActionKind::RenameUser
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::ReactivateUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::CancelInvitation => None,
    }
}

/// Why a change of the catalog is not what the manifests of today declare, if it is not: `facts` are the declared ones.
pub(super) fn refuse_catalog(action: &Action, facts: &[Fact], inputs: &Inputs<'_>) -> Option<String> {
    let after = action.after.as_ref()?;
    let declared = |field: Name| facts.iter().find(|fact| fact.field == field).map(|fact| fact.value);
    let is_other = |fact: &&Fact| match (fact.field, declared(fact.field)) {
        (known::KEY, _) => false,
        (_, Some(value)) => value != fact.value,
        // What is reached through something is access: left out means none.
        (known::INCLUDES, None) => fact.value != Value::Set(List::EMPTY),
        (_, None) => true,
    };
    if let Some(other) = after.facts.iter().find(is_other) {
        return Some(format!("the manifests of today do not declare this `{}`", inputs.names.text(other.field)));
    }
    // Of a role that is made, what is left out has a default, which may be more than what is declared.
    let is_whole = action.kind != ActionKind::CreateRole;
    let missing = facts.iter().find(|fact| !is_whole && fact.value != Value::Null && after.value(fact.field).is_none());
    missing.map(|missing| format!("it leaves out `{}`, which a manifest declares", inputs.names.text(missing.field)))
}

/// What the manifests of today give somebody.
struct Kept<'a> {
    inputs: &'a Inputs<'a>,
    effective: Effective,
}

impl Kept<'_> {
    fn today(&self, organization: Name) -> Option<&Membership> {
        self.effective.memberships.iter().find(|membership| membership.organization == organization)
    }

    fn grant(&self, organization: Name, site: Name) -> Option<&Grant> {
        self.effective.grants_in(organization).iter().find(|grant| grant.site == site)
    }

    fn membership(&self, organization: Name) -> Option<String> {
        self.today(organization)?;
        Some(format!("the manifests of today keep the membership in `{}`", self.inputs.names.text(organization)))
    }

    fn site(&self, organization: Name, site: Name) -> Option<String> {
        self.grant(organization, site)?;
        let names = self.inputs.names;
        Some(format!("the manifests of today keep `{}/{}`", names.text(organization), names.text(site)))
    }

    /// A role that is less than the one of today, and than the one of before.
    fn role(&self, today: Option<Name>, (before, after): (Option<&State>, Option<&State>)) -> Option<String> {
        let Inputs { names, rules, desired, live, .. } = self.inputs;
        let (from, to) = (before.and_then(State::role), after.and_then(State::role));
        let takes = |from: Option<Name>| {
            from != to && [&desired.catalog, &live.catalog].iter().any(|catalog| rules.loses(catalog, names, from, to))
        };
        let today_text = || today.map_or("no role".to_owned(), |role| format!("`{}`", names.text(role)));
        (takes(today) && takes(from)).then(|| format!("the manifests of today give {}, which is more", today_text()))
    }

    /// Extra roles and the default site.
    fn rest(&self, today: &Membership, (before, after): (&State, &State)) -> Option<String> {
        let names = self.inputs.names;
        let roles = |state: &State| match state.value(known::EXTRA_ROLES) {
            Some(Value::Set(roles)) => names.elements(roles).to_vec(),
            Some(Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_)) | None => Vec::new(),
        };
        let (kept, left) = (names.elements(today.extra_roles).to_vec(), roles(after));
        if let Some(role) = roles(before).into_iter().find(|role| kept.contains(role) && !left.contains(role)) {
            return Some(format!("the manifests of today keep `{}`", names.text(role)));
        }
        let to = after.value(known::DEFAULT_SITE)?.text();
        (to != today.default_site).then(|| NO_DEFAULT_SITE.to_owned())
    }
}
