//! What a state or a change of it is in words.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::style::{Style, count, enumeration, number};
use crate::model::{
    ActionKind, Catalog, Desired, Grant, List, Membership, Name, Names, Role, SiteAccess, Status, Value, known,
};
use crate::plan::{Action, Effects, Origin, Places};
use crate::rules::Rules;

/// What all lines of a report need.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) names: &'a Names,
    pub(super) catalog: Option<&'a Catalog>,
    /// What the manifests declare, and the time of the plan.
    pub(super) declared: Option<(&'a Desired, Timestamp)>,
    /// Whose access is told, where it is what the manifests give.
    pub(super) whose: Option<Name>,
    /// How the store behaves; without it only fields of the language are known by what they mean.
    pub(super) rules: Option<&'a Rules>,
    /// In which days and hours are told.
    pub(super) zone: &'a TimeZone,
    /// What single actions come to for people; none where there is no plan.
    pub(super) effects: Option<&'a Effects>,
    pub(super) places: &'a dyn Places,
    pub(super) style: Style,
}

/// A site and the role on it.
type OnSite = (Name, Option<Name>);

/// Access in one organization.
struct AccessIn {
    organization: Name,
    membership: Option<Membership>,
    sites: Vec<OnSite>,
}

impl AccessIn {
    const fn new(organization: Name) -> Self {
        Self { organization, membership: None, sites: Vec::new() }
    }
}

/// How many people are named whom a change gives power, where there are more than twice as many.
const IN_FULL: usize = 50;

/// How many sites, organizations or fields are named before they are only counted.
pub(super) const NAMED: usize = 3;

/// `, every site (14)`.
pub(super) fn every_site(there: usize) -> String {
    if there == 0 { ", every site (none yet)".to_owned() } else { format!(", every site ({})", number(there)) }
}

impl Context<'_> {
    /// A name, safe to print.
    pub(super) fn name(&self, of: Name) -> String {
        self.style.name(self.names.text(of)).into_owned()
    }

    /// `pit-1, pit-2 and pit-3`, else `14 sites`. A role on a site is never left out, only where it is held: `pit-1 as
    /// auditor and 13 sites as viewer`, those that administer first.
    pub(super) fn sites(&self, sites: &[OnSite]) -> String {
        let is_short = sites.len() <= NAMED || self.style.verbose;
        let mut by_role: BTreeMap<(bool, Option<&str>), Vec<OnSite>> = BTreeMap::new();
        for &(site, role) in sites {
            let is_admin = role.is_some_and(|role| self.is_admin(role));
            // Where all are named, they stand in the order of their names.
            let of = if is_short { (false, None) } else { (!is_admin, role.map(|role| self.names.text(role))) };
            by_role.entry(of).or_default().push((site, role));
        }
        let mut texts = Vec::new();
        for ((_, role), mut of_role) in by_role {
            if of_role.len() > NAMED && !is_short {
                let role = role.map(|role| format!(" as {}", self.style.name(role))).unwrap_or_default();
                texts.push(format!("{}{role}", count(of_role.len(), "site", "sites")));
                continue;
            }
            of_role.sort_unstable_by_key(|&(site, _)| self.names.text(site));
            texts.extend(of_role.into_iter().map(|(site, role)| {
                let role = role.map(|role| format!(" as {}", self.name(role))).unwrap_or_default();
                format!("{}{role}", self.name(site))
            }));
        }
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

    /// Everybody by name, whom a reader has to know of; among very many the first of them, and how many more.
    pub(super) fn everybody(&self, keys: &[Name]) -> String {
        let shown = if self.style.verbose || keys.len() <= 2 * IN_FULL { keys.len() } else { IN_FULL };
        let mut texts: Vec<String> = keys[..shown].iter().map(|&key| self.name(key)).collect();
        if shown < keys.len() {
            texts.push(format!("{} more (-v shows all)", number(keys.len() - shown)));
        }
        enumeration(&texts)
    }

    /// Whether holders of a role administer users.
    pub(super) fn is_admin(&self, role: Name) -> bool {
        self.definition(role).is_some_and(|role| role.admin)
    }

    /// What a role is: as declared, unless it stays what it is in the store.
    fn definition(&self, role: Name) -> Option<&Role> {
        let kept = self.effects.and_then(|effects| effects.kept_roles.get(&role));
        kept.or_else(|| self.catalog.and_then(|catalog| catalog.roles.get(&role)))
    }

    /// `, every site (14)` where the role reaches them all: those that there are, whoever names them.
    pub(super) fn reach(&self, organization: Name, role: Option<Name>) -> String {
        let Some(catalog) = self.catalog else { return String::new() };
        let all = role.and_then(|role| self.definition(role)).is_some_and(|role| role.site_access == SiteAccess::All);
        match catalog.organizations.get(&organization) {
            Some(declared) if all => {
                let there = self.effects.and_then(|effects| effects.site_counts.get(&organization)).copied();
                every_site(there.unwrap_or(declared.sites.len()))
            }
            Some(_) | None => String::new(),
        }
    }

    /// `operator of north-quarries, pit-1 and pit-2; user of south-quarries`. With `brief`, sites are only counted.
    pub(super) fn access(&self, memberships: &[Membership], grants: &[Grant], brief: bool) -> String {
        let mut places: BTreeMap<&str, AccessIn> = BTreeMap::new();
        // The whole platform is no place where nothing is held.
        let is_nothing =
            |one: &&Membership| one.organization == known::PLATFORM && one.role.is_none() && one.extra_roles.is_empty();
        for membership in memberships.iter().filter(|one| !is_nothing(one)) {
            let text = self.names.text(membership.organization);
            places.entry(text).or_insert_with(|| AccessIn::new(membership.organization)).membership = Some(*membership);
        }
        for grant in grants {
            let text = self.names.text(grant.organization);
            let place = places.entry(text).or_insert_with(|| AccessIn::new(grant.organization));
            place.sites.push((grant.site, grant.role));
        }
        let mut places: Vec<AccessIn> = places.into_values().collect();
        let shown = if self.style.verbose { places.len() } else { places.len().min(NAMED) };
        if shown < places.len() {
            let is_admin = |place: &AccessIn| {
                place.membership.and_then(|membership| membership.role).is_some_and(|role| self.is_admin(role))
            };
            places.sort_by_key(|place| !is_admin(place));
        }
        let mut parts: Vec<String> = places[..shown].iter().map(|place| self.place(place, brief)).collect();
        // A role is never left out, only where it is held.
        let mut left_out: BTreeMap<String, usize> = BTreeMap::new();
        for place in &places[shown..] {
            *left_out.entry(self.held(place)).or_default() += 1;
        }
        for (held, places) in left_out {
            parts.push(format!("{held} of {}", count(places, "more organization", "more organizations")));
        }
        parts.join("; ")
    }

    /// `manager with auditor`, the roles in one organization.
    fn held(&self, place: &AccessIn) -> String {
        let membership = place.membership;
        let role = match membership.and_then(|membership| membership.role) {
            Some(role) => self.name(role),
            None if membership.is_some() => "member".to_owned(),
            None => "sites".to_owned(),
        };
        format!("{role}{}", self.extra_roles(membership.map_or(List::EMPTY, |membership| membership.extra_roles)))
    }

    fn place(&self, place: &AccessIn, brief: bool) -> String {
        let &AccessIn { organization, membership, ref sites } = place;
        let role = membership.and_then(|membership| membership.role);
        let mut text = self.held(place);
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
        if membership.is_some() {
            text.push_str(&self.bounds(organization));
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
            self.names.sorted_texts(list).into_iter().map(|text| self.style.name(text).into_owned()).collect();
        enumeration(&texts)
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
        format!("{}:{line}{more}", self.style.path(file))
    }
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

/// What these actions do, counted: `2 invited`, `1 preloaded`. Who is only made known is not invited.
pub(super) fn counted<'a>(actions: impl Iterator<Item = &'a Action>) -> Vec<String> {
    let mut numbers: BTreeMap<(ActionKind, bool), usize> = BTreeMap::new();
    for action in actions {
        *numbers.entry((action.kind, is_preloading(action))).or_default() += 1;
    }
    let words = |(kind, is_preloading)| if is_preloading { ("preloaded", "preloaded") } else { done(kind) };
    let texts = numbers.into_iter().map(|(what, number)| (number, words(what)));
    texts.map(|(number, (one, many))| count(number, one, many)).collect()
}

/// Whether somebody is made known by this, and not invited yet.
pub(super) fn is_preloading(action: &Action) -> bool {
    let status = action.after.as_ref().and_then(|state| state.value(known::STATUS));
    matches!(action.kind, ActionKind::InviteUser | ActionKind::CreateUser)
        && status == Some(Value::Text(Status::Preloaded.name()))
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
