//! Whether an action gives more than the manifests of today do: what they have taken back since is not given by a plan
//! that was saved before.
//!
//! What the manifests of today leave to others is judged elsewhere (`today`), as are roles and places that nobody
//! declares any more (`given`). Deliberately absent: what an action takes away.

use super::{Action, Inputs, State, declared};
use crate::model::{
    ActionKind, Catalog, CatalogKey, Effective, Fact, Grant, Membership, Name, Topic, UserView, Value, known,
};

/// Why an action gives a declared user more than the manifests of today, if it does.
pub(super) fn of_user(action: &Action, declared: &UserView<'_>, inputs: &Inputs<'_>) -> Option<String> {
    let names = inputs.names;
    let after = action.after.as_ref()?;
    let had = action.before.as_ref();
    let organization = action.subject.organization.unwrap_or(known::PLATFORM);
    let wanted = Wanted { inputs, effective: inputs.effective(declared) };
    match action.kind.topic() {
        Topic::Membership => {
            let of = |state: Option<&State>, field: Name| state.and_then(|state| state.value(field));
            let had_extra = elements(inputs, of(had, known::EXTRA_ROLES));
            let mut extra = elements(inputs, of(Some(after), known::EXTRA_ROLES));
            extra.retain(|role| !had_extra.contains(role));
            let default_site = of(Some(after), known::DEFAULT_SITE)
                .filter(|_| of(had, known::DEFAULT_SITE) != of(Some(after), known::DEFAULT_SITE));
            let membership = Membership {
                organization,
                role: after.role().filter(|_| had.and_then(State::role) != after.role()),
                extra_roles: names.list(&extra),
                default_site: default_site.and_then(Value::text),
            };
            let kept = had.map_or(&[][..], |had| &had.grants);
            let new = after.grants.iter().filter(|grant| !kept.contains(grant));
            wanted.membership(&membership).or_else(|| new.copied().find_map(|grant| wanted.grant(&grant)))
        }
        Topic::SiteGrant => {
            let site = action.subject.site?;
            let given = Grant { organization, site, role: after.role() };
            wanted.grant(&given).or_else(|| wanted.not_itself(&given))
        }
        Topic::Account if matches!(action.kind, ActionKind::InviteUser | ActionKind::CreateUser) => {
            wanted.access((&after.memberships, &after.grants)).or_else(|| fields(&after.facts, declared, inputs))
        }
        Topic::Fields if action.kind == ActionKind::ChangeAccess => fields(&after.facts, declared, inputs),
        Topic::Account | Topic::Fields | Topic::Catalog => None,
    }
}

/// Why access that comes back with an account is more than the manifests of today give, if it is: in these organizations,
/// which the manifests manage.
pub(super) fn of_account(
    (memberships, grants): (&[Membership], &[Grant]),
    declared: &UserView<'_>,
    inputs: &Inputs<'_>,
    is_managed: impl Fn(Name) -> bool,
) -> Option<String> {
    let memberships: Vec<Membership> =
        memberships.iter().copied().filter(|membership| is_managed(membership.organization)).collect();
    let grants: Vec<Grant> = grants.iter().copied().filter(|grant| is_managed(grant.organization)).collect();
    let wanted = Wanted { inputs, effective: inputs.effective(declared) };
    wanted.access((&memberships, &grants))
}

/// Why a change of the catalog gives people more than the manifests of today, or is another one than these declare.
pub(super) fn of_catalog(action: &Action, inputs: &Inputs<'_>) -> Option<String> {
    let catalog = &inputs.desired.catalog;
    let of_declared: Vec<Fact> = match action.subject.catalog_key()? {
        CatalogKey::Role(role) => catalog.roles.get(&role)?.facts(inputs.names),
        CatalogKey::Organization(name) => of_fields(&catalog.organizations.get(&name)?.fields),
        CatalogKey::Site(name, site) => of_fields(&catalog.organizations.get(&name)?.sites.get(&site)?.fields),
    };
    let is_role = action.subject.role.is_some();
    let value = |field: Name| of_declared.iter().find(|fact| fact.field == field).map(|fact| fact.value);
    let is_more = |fact: &&Fact| {
        let today = value(fact.field);
        match (fact.field, fact.value) {
            (known::INCLUDES | known::PERMISSIONS, after) => {
                let today = elements(inputs, today);
                elements(inputs, Some(after)).iter().any(|name| !today.contains(name))
            }
            (known::ADMIN, after) if is_role => after == Value::Bool(true) && today != Some(after),
            (known::SITE_ACCESS, after) if is_role => after == Value::Text(known::ALL) && today != Some(after),
            (known::RANK, Value::Number(rank)) if is_role => {
                !matches!(today, Some(Value::Number(today)) if today >= rank)
            }
            _ => false,
        }
    };
    let more = action.after.as_ref()?.facts.iter().find(is_more);
    let told = |fact: &Fact| format!("the manifests of today give less by its `{}`", inputs.names.text(fact.field));
    more.map(told).or_else(|| declared::refuse_catalog(action, &of_declared, inputs))
}

fn of_fields(fields: &crate::model::Fields) -> Vec<Fact> {
    fields.iter().map(|(&field, &value)| Fact::new(field, value)).collect()
}

fn elements(inputs: &Inputs<'_>, value: Option<Value>) -> Vec<Name> {
    match value {
        Some(Value::Set(list)) => inputs.names.elements(list).to_vec(),
        Some(Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_)) | None => Vec::new(),
    }
}

/// Why these access fields are more than the declared ones.
fn fields(facts: &[Fact], declared: &UserView<'_>, inputs: &Inputs<'_>) -> Option<String> {
    let Inputs { names, rules, .. } = inputs;
    let is_more = |fact: &&Fact| {
        let today = declared.value(fact.field).unwrap_or(Value::Null);
        rules.is_access(names.text(fact.field))
            && today != Value::Text(known::UNMANAGED)
            && rules.fields_escalate(names, &[(fact.field, today, fact.value)])
    };
    let more = facts.iter().find(is_more)?;
    Some(format!("the manifests of today give less by `{}`", names.text(more.field)))
}

/// What the manifests of today give somebody.
struct Wanted<'a> {
    inputs: &'a Inputs<'a>,
    effective: Effective,
}

impl Wanted<'_> {
    fn access(&self, (memberships, grants): (&[Membership], &[Grant])) -> Option<String> {
        let by_membership = memberships.iter().find_map(|membership| self.membership(membership));
        by_membership.or_else(|| grants.iter().find_map(|grant| self.grant(grant)))
    }

    fn catalog(&self) -> &Catalog {
        &self.inputs.desired.catalog
    }

    fn today(&self, organization: Name) -> Option<&Membership> {
        self.effective.memberships.iter().find(|membership| membership.organization == organization)
    }

    /// Why what a membership brings is more.
    fn membership(&self, given: &Membership) -> Option<String> {
        let Membership { organization, role, extra_roles, default_site } = *given;
        let left_alone = self.effective.left_alone_in(organization);
        if left_alone.membership {
            return None;
        }
        let names = self.inputs.names;
        let extra = names.elements(extra_roles);
        let place = || match organization {
            known::PLATFORM => "on the platform".to_owned(),
            organization => format!("in `{}`", names.text(organization)),
        };
        let Some(today) = self.today(organization) else {
            let is_bare = organization == known::PLATFORM && role.is_none() && extra.is_empty();
            return (!is_bare).then(|| format!("the manifests of today give nothing {}", place()));
        };
        if let Some(role) = role
            && !left_alone.role
            && self.inputs.rules.escalates(self.catalog(), names, today.role, Some(role))
        {
            let today = today.role.map_or("no role".to_owned(), |role| format!("`{}`", names.text(role)));
            let role = names.text(role);
            return Some(format!("the manifests of today give {today} {}, and not `{role}`", place()));
        }
        let had = names.elements(today.extra_roles);
        if let Some(&role) = extra.iter().find(|role| !left_alone.extra_roles && !had.contains(role)) {
            return Some(format!("the manifests of today do not give `{}` {}", names.text(role), place()));
        }
        let given = default_site.filter(|&site| {
            self.inputs.rules.gives_default_site() && today.default_site != Some(site) && !left_alone.sites
        });
        given.and_then(|site| self.grant(&Grant { organization, site, role: None }))
    }

    /// Why a site that is no more than what is given is not granted itself.
    fn not_itself(&self, given: &Grant) -> Option<String> {
        let Grant { organization, site, role: _ } = *given;
        let names = self.inputs.names;
        let is_itself = self.effective.grants_in(organization).iter().any(|wanted| wanted.site == site);
        let told = || {
            format!("the manifests of today give `{}/{}` in another way", names.text(organization), names.text(site))
        };
        (!is_itself).then(told)
    }

    /// Why a site is more.
    fn grant(&self, given: &Grant) -> Option<String> {
        let &Grant { organization, site, role } = given;
        let left_alone = self.effective.left_alone_in(organization);
        if left_alone.membership || left_alone.sites {
            return None;
        }
        let names = self.inputs.names;
        let by_role =
            role.is_none() && self.today(organization).is_some_and(|one| self.catalog().reaches_all(one.role));
        let covers = |wanted: &Grant| {
            self.catalog().sites_through(names, organization, wanted.site).contains(&site)
                && !self.inputs.rules.escalates(self.catalog(), names, wanted.role, role)
        };
        let is_given = by_role || self.effective.grants_in(organization).iter().any(covers);
        let (organization, site) = (names.text(organization), names.text(site));
        let role = role.map_or_else(String::new, |role| format!(" as `{}`", names.text(role)));
        (!is_given).then(|| format!("the manifests of today do not give `{organization}/{site}`{role}"))
    }
}
