//! What a state or a change of it is in words.

use std::collections::BTreeMap;

use super::style::{Style, count, enumeration, name, number, path};
use crate::model::{ActionKind, Catalog, Fact, Grant, List, Membership, Name, Names, SiteAccess, Value, known};
use crate::plan::{Effects, Origin, Places, State};

/// What all lines of a report need.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) names: &'a Names,
    pub(super) catalog: Option<&'a Catalog>,
    /// What single actions come to for people; none where there is no plan.
    pub(super) effects: Option<&'a Effects>,
    pub(super) places: &'a dyn Places,
    pub(super) style: Style,
}

/// Access in one organization.
struct AccessIn {
    organization: Name,
    membership: Option<Membership>,
    sites: Vec<(Name, Option<Name>)>,
}

impl AccessIn {
    const fn new(organization: Name) -> Self {
        Self { organization, membership: None, sites: Vec::new() }
    }
}

/// How many sites, organizations or fields are named before they are only counted.
const NAMED: usize = 3;

impl Context<'_> {
    /// A name, safe to print.
    pub(super) fn name(&self, of: Name) -> String {
        name(self.names.text(of)).into_owned()
    }

    /// `pit-1, pit-2 and pit-3`, else `14 sites`.
    pub(super) fn sites(&self, sites: &[(Name, Option<Name>)]) -> String {
        if sites.len() > NAMED && !self.style.verbose {
            return count(sites.len(), "site", "sites");
        }
        let mut texts: Vec<(&str, String)> = sites
            .iter()
            .map(|&(site, role)| {
                let role = role.map(|role| format!(" as {}", self.name(role))).unwrap_or_default();
                (self.names.text(site), format!("{}{role}", self.name(site)))
            })
            .collect();
        texts.sort_unstable();
        let texts: Vec<String> = texts.into_iter().map(|(_, text)| text).collect();
        enumeration(&texts)
    }

    /// `ana@example.com, ben@example.com, kim@example.com and 4 more`.
    pub(super) fn people(&self, keys: &[Name]) -> String {
        let shown = if self.style.verbose || keys.len() <= NAMED { keys.len() } else { NAMED };
        let mut texts: Vec<String> = keys[..shown].iter().map(|&key| self.name(key)).collect();
        if shown < keys.len() {
            texts.push(format!("{} more", number(keys.len() - shown)));
        }
        enumeration(&texts)
    }

    /// `, every site (14)` where the role reaches them all.
    pub(super) fn reach(&self, organization: Name, role: Option<Name>) -> String {
        let Some(catalog) = self.catalog else { return String::new() };
        let all = catalog.role(role).is_some_and(|role| role.site_access == SiteAccess::All);
        match catalog.organizations.get(&organization) {
            Some(organization) if all => format!(", every site ({})", number(organization.sites.len())),
            Some(_) | None => String::new(),
        }
    }

    /// `operator of north-quarries, pit-1 and pit-2; user of south-quarries`. With `brief`, sites are only counted.
    pub(super) fn access(&self, memberships: &[Membership], grants: &[Grant], brief: bool) -> String {
        let mut places: BTreeMap<&str, AccessIn> = BTreeMap::new();
        for membership in memberships {
            let text = self.names.text(membership.organization);
            places.entry(text).or_insert_with(|| AccessIn::new(membership.organization)).membership = Some(*membership);
        }
        for grant in grants {
            let text = self.names.text(grant.organization);
            let place = places.entry(text).or_insert_with(|| AccessIn::new(grant.organization));
            place.sites.push((grant.site, grant.role));
        }
        let shown = if self.style.verbose { usize::MAX } else { NAMED };
        let left_out = places.len().saturating_sub(shown);
        let mut parts: Vec<String> = places.into_values().take(shown).map(|place| self.place(&place, brief)).collect();
        if left_out > 0 {
            parts.push(count(left_out, "more organization", "more organizations"));
        }
        parts.join("; ")
    }

    fn place(&self, place: &AccessIn, brief: bool) -> String {
        let &AccessIn { organization, membership, ref sites } = place;
        let role = membership.and_then(|membership| membership.role);
        let mut text = match role {
            Some(role) => self.name(role),
            None if membership.is_some() => "member".to_owned(),
            None => "sites".to_owned(),
        };
        text.push_str(&self.extra_roles(membership.map_or(List::EMPTY, |membership| membership.extra_roles)));
        if organization == known::PLATFORM {
            text.push_str(" on the whole platform");
            return text;
        }
        text.push_str(" of ");
        text.push_str(&self.name(organization));
        text.push_str(&self.reach(organization, role));
        if !sites.is_empty() {
            text.push_str(", ");
            text.push_str(&if brief { count(sites.len(), "site", "sites") } else { self.sites(sites) });
        }
        text
    }

    /// ` with a and b`, of extra roles.
    pub(super) fn extra_roles(&self, roles: List) -> String {
        if roles.is_empty() { String::new() } else { format!(" with {}", self.list(roles)) }
    }

    /// The members of a list, named.
    pub(super) fn list(&self, list: List) -> String {
        let texts: Vec<String> =
            self.names.sorted_texts(list).into_iter().map(|text| name(text).into_owned()).collect();
        enumeration(&texts)
    }

    /// `phone 1 → 2`, one for each field that differs, sorted; a count where there are many.
    pub(super) fn changes(&self, before: Option<&State>, after: Option<&State>) -> String {
        let facts = |state: Option<&State>| -> BTreeMap<&str, Value> {
            let facts = state.map_or(&[] as &[Fact], |state| &state.facts);
            facts.iter().map(|fact| (self.names.text(fact.field), fact.value)).collect()
        };
        let (before, after) = (facts(before), facts(after));
        let mut fields: Vec<&str> = before.keys().chain(after.keys()).copied().collect();
        fields.sort_unstable();
        fields.dedup();
        let value = |side: &BTreeMap<&str, Value>, field: &str| side.get(field).copied().unwrap_or(Value::Null);
        fields.retain(|field| value(&before, field) != value(&after, field));
        if fields.len() > NAMED && !self.style.verbose {
            let listed: Vec<String> = fields.iter().take(NAMED).map(|field| field_words(field)).collect();
            let others = count(fields.len() - NAMED, "other field", "other fields");
            return format!("{} and {others} change", listed.join(", "));
        }
        let texts: Vec<String> = fields
            .into_iter()
            .map(|field| {
                let change = self.change(value(&before, field), value(&after, field));
                format!("{} {change}", field_words(field))
            })
            .collect();
        texts.join(", ")
    }

    fn change(&self, before: Value, after: Value) -> String {
        if let (Value::Set(before), Value::Set(after)) = (before, after) {
            let (before, after) = (self.names.sorted_texts(before), self.names.sorted_texts(after));
            let only = |these: &[&str], those: &[&str], sign: char| -> Vec<String> {
                let missing = these.iter().filter(|text| !those.contains(text));
                missing.map(|text| format!("{sign}{}", name(text))).collect()
            };
            let mut parts = only(&before, &after, '-');
            parts.extend(only(&after, &before, '+'));
            return parts.join(" ");
        }
        format!("{} → {}", self.value(before), self.value(after))
    }

    pub(super) fn value(&self, value: Value) -> String {
        match value {
            Value::Null => "(none)".to_owned(),
            Value::Text(text) if self.names.text(text).is_empty() => "(empty)".to_owned(),
            Value::Text(text) => self.name(text),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Set(list) if list.is_empty() => "(empty)".to_owned(),
            Value::Set(list) => self.list(list),
        }
    }

    /// The role's name, or `no role`.
    pub(super) fn role(&self, role: Option<Name>) -> String {
        role.map_or_else(|| "no role".to_owned(), |role| self.name(role))
    }

    /// `access/north.yaml:14`, the first line of these; ` +2` where there are more.
    pub(super) fn origin<'o>(&self, origins: impl Iterator<Item = &'o Origin>) -> String {
        let mut places: Vec<(String, u32)> = origins
            .map(|origin| {
                let (file, line, _) = self.places.place(origin.position);
                (file, line)
            })
            .collect();
        places.sort_unstable();
        places.dedup();
        let Some((file, line)) = places.first() else { return String::new() };
        let more = places.len() - 1;
        let more = if more == 0 { String::new() } else { format!(" +{}", number(more)) };
        format!("{}:{line}{more}", path(file))
    }
}

/// `given name`, of `given_name`.
fn field_words(field: &str) -> String {
    name(field).replace('_', " ")
}

/// What is done, for sums: `1 invited`, `2 sites granted`.
pub(super) const fn done(kind: ActionKind) -> (&'static str, &'static str) {
    match kind {
        ActionKind::CreateOrganization => ("organization created", "organizations created"),
        ActionKind::UpdateOrganization => ("organization changed", "organizations changed"),
        ActionKind::DeleteOrganization => ("organization deleted", "organizations deleted"),
        ActionKind::CreateSite => ("site created", "sites created"),
        ActionKind::UpdateSite => ("site changed", "sites changed"),
        ActionKind::DeleteSite => ("site deleted", "sites deleted"),
        ActionKind::CreateRole => ("role created", "roles created"),
        ActionKind::UpdateRole => ("role redefined", "roles redefined"),
        ActionKind::DeleteRole => ("role deleted", "roles deleted"),
        ActionKind::InviteUser => ("invited", "invited"),
        ActionKind::CreateUser => ("created", "created"),
        ActionKind::UpdateUser => ("profile changed", "profiles changed"),
        ActionKind::ChangeAccess => ("access field changed", "access fields changed"),
        ActionKind::RenameUser => ("renamed", "renamed"),
        ActionKind::DeactivateUser => ("deactivated", "deactivated"),
        ActionKind::StripUser => ("stripped of all access", "stripped of all access"),
        ActionKind::ReactivateUser => ("reactivated", "reactivated"),
        ActionKind::CloseUser => ("closed", "closed"),
        ActionKind::DeleteUser => ("deleted", "deleted"),
        ActionKind::SendInvitation => ("invitation sent", "invitations sent"),
        ActionKind::ResendInvitation => ("invitation sent again", "invitations sent again"),
        ActionKind::CancelInvitation => ("invitation cancelled", "invitations cancelled"),
        ActionKind::AddMembership => ("membership added", "memberships added"),
        ActionKind::ChangeRole => ("role changed", "roles changed"),
        ActionKind::UpdateMembership => ("membership changed", "memberships changed"),
        ActionKind::RemoveMembership => ("membership removed", "memberships removed"),
        ActionKind::GrantSite => ("site granted", "sites granted"),
        ActionKind::ChangeSiteRole => ("site role changed", "site roles changed"),
        ActionKind::RevokeSite => ("site revoked", "sites revoked"),
    }
}

/// What would be done, for what waits: `1 grant`, `2 role changes`.
pub(super) const fn wanted(kind: ActionKind) -> (&'static str, &'static str) {
    match kind {
        ActionKind::CreateOrganization => ("new organization", "new organizations"),
        ActionKind::UpdateOrganization => ("organization change", "organization changes"),
        ActionKind::DeleteOrganization => ("organization deletion", "organization deletions"),
        ActionKind::CreateSite => ("new site", "new sites"),
        ActionKind::UpdateSite => ("site change", "site changes"),
        ActionKind::DeleteSite => ("site deletion", "site deletions"),
        ActionKind::CreateRole => ("new role", "new roles"),
        ActionKind::UpdateRole => ("role redefinition", "role redefinitions"),
        ActionKind::DeleteRole => ("role deletion", "role deletions"),
        ActionKind::InviteUser => ("invitation", "invitations"),
        ActionKind::CreateUser => ("new account", "new accounts"),
        ActionKind::UpdateUser => ("profile change", "profile changes"),
        ActionKind::ChangeAccess => ("access field change", "access field changes"),
        ActionKind::RenameUser => ("rename", "renames"),
        ActionKind::DeactivateUser => ("deactivation", "deactivations"),
        ActionKind::StripUser => ("removal of all access", "removals of all access"),
        ActionKind::ReactivateUser => ("reactivation", "reactivations"),
        ActionKind::CloseUser => ("closing", "closings"),
        ActionKind::DeleteUser => ("deletion", "deletions"),
        ActionKind::SendInvitation => ("sending of an invitation", "sendings of invitations"),
        ActionKind::ResendInvitation => ("new invitation mail", "new invitation mails"),
        ActionKind::CancelInvitation => ("cancellation", "cancellations"),
        ActionKind::AddMembership => ("membership", "memberships"),
        ActionKind::ChangeRole => ("role change", "role changes"),
        ActionKind::UpdateMembership => ("membership change", "membership changes"),
        ActionKind::RemoveMembership => ("removal", "removals"),
        ActionKind::GrantSite => ("grant", "grants"),
        ActionKind::ChangeSiteRole => ("site role change", "site role changes"),
        ActionKind::RevokeSite => ("revocation", "revocations"),
    }
}
