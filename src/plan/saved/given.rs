//! Whether a manifest of today could give what an action gives: only places and roles that are declared, and roles that
//! can be given there.
//!
//! Deliberately absent: to whom.

use super::{Action, Inputs};
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
            let extra = match after.value(known::EXTRA_ROLES) {
                Some(Value::Set(extra)) => names.elements(extra).to_vec(),
                _ => Vec::new(),
            };
            member(organization, after.role(), &extra, default_site);
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
