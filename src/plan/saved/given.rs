//! Whether a manifest of today could give what an action leads to: only places and roles that are declared, and roles
//! that can be given there. Of an action that only takes, what was there before it is not asked.
//!
//! Deliberately absent: to whom.

use super::super::forbidden::gives;
use super::{Action, Inputs, State};
use crate::model::{ActionKind, Membership, Name, Topic, Value, known};

/// Where a role is given.
#[derive(Clone, Copy)]
enum Place {
    Organization,
    Site,
    Platform,
    Extra,
}

/// Why no manifest of today could give what an action gives, if none could.
pub(super) fn refused(action: &Action, inputs: &Inputs<'_>) -> Option<String> {
    let after = action.after.as_ref()?;
    let names = inputs.names;
    let organization = action.subject.organization.unwrap_or(known::PLATFORM);
    let mut sites: Vec<(Name, Name)> = Vec::new();
    let mut roles: Vec<(Name, Place)> = Vec::new();
    let mut member = |organization: Name, role: Option<Name>, extra: &[Name], site: Option<Name>| {
        let place = if organization == known::PLATFORM { Place::Platform } else { Place::Organization };
        roles.extend(role.map(|role| (role, place)));
        roles.extend(extra.iter().map(|&role| (role, Place::Extra)));
        sites.extend(site.map(|site| (organization, site)));
    };
    let default_site = after.value(known::DEFAULT_SITE).and_then(Value::text);
    match action.kind.topic() {
        Topic::Membership => {
            member(organization, after.role(), &extra_roles_of(after, inputs), default_site);
        }
        Topic::SiteGrant => {
            sites.extend(action.subject.site.map(|site| (organization, site)));
            roles.extend(after.role().map(|role| (role, Place::Site)));
        }
        Topic::Account if matches!(action.kind, ActionKind::InviteUser | ActionKind::CreateUser) => {
            for &Membership { organization, role, extra_roles, default_site } in &after.memberships {
                member(organization, role, &names.elements(extra_roles), default_site);
            }
        }
        Topic::Account | Topic::Fields | Topic::Catalog => return None,
    }
    for grant in &after.grants {
        sites.push((grant.organization, grant.site));
        roles.extend(grant.role.map(|role| (role, Place::Site)));
    }
    if let Some(before) = action.before.as_ref().filter(|_| !gives(action, inputs)) {
        let of_grants = before.grants.iter().filter_map(|grant| grant.role);
        let had: Vec<Name> = before.role().into_iter().chain(extra_roles_of(before, inputs)).chain(of_grants).collect();
        roles.retain(|(role, _)| !had.contains(role));
        let default_site = before.value(known::DEFAULT_SITE).and_then(Value::text);
        let had_site = |of: Name, site: Name| {
            let is_granted = before.grants.iter().any(|grant| (grant.organization, grant.site) == (of, site));
            is_granted || [default_site, action.subject.site].contains(&Some(site))
        };
        sites.retain(|&(of, site)| !had_site(of, site));
    }
    let catalog = &inputs.desired.catalog;
    if let Some((organization, site)) = sites.into_iter().find(|&(of, site)| !catalog.has_site(of, site)) {
        let (organization, site) = (names.text(organization), names.text(site));
        return Some(format!("no manifest declares the site `{organization}/{site}` any more"));
    }
    roles.into_iter().find_map(|(role, place)| {
        let text = names.text(role);
        let Some(declared) = catalog.roles.get(&role) else {
            return Some(format!("no manifest declares the role `{text}` any more"));
        };
        let applies = match place {
            Place::Organization => declared.applies_to.organization,
            Place::Site => declared.applies_to.site,
            Place::Platform => declared.applies_to.platform,
            Place::Extra => declared.applies_to.extra,
        };
        let can_be_given = declared.grantable && applies;
        (!can_be_given).then(|| format!("by the manifests of today the role `{text}` can't be given there"))
    })
}

fn extra_roles_of(state: &State, inputs: &Inputs<'_>) -> Vec<Name> {
    match state.value(known::EXTRA_ROLES) {
        Some(Value::Set(extra)) => inputs.names.elements(extra).to_vec(),
        Some(Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_)) | None => Vec::new(),
    }
}
