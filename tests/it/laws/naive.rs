//! A user store as simple as can be, that executes actions as their JSON says and is then judged.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::support::turnover::without_new;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct NaiveRole {
    pub(super) rank: Option<i64>,
    pub(super) admin: bool,
    pub(super) all_sites: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct NaiveMembership {
    pub(super) role: Option<String>,
    pub(super) extra: BTreeSet<String>,
    pub(super) default_site: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct NaiveAccess {
    pub(super) memberships: BTreeMap<String, NaiveMembership>,
    pub(super) grants: BTreeMap<(String, String), Option<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NaiveUser {
    pub(super) status: String,
    pub(super) given_name: Option<String>,
    pub(super) access: NaiveAccess,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct NaiveStore {
    /// What goes where a role changes: the grants in the organization, the extra roles.
    pub(super) loses: (bool, bool),
    pub(super) organizations: BTreeMap<String, BTreeSet<String>>,
    pub(super) roles: BTreeMap<String, NaiveRole>,
    pub(super) users: BTreeMap<String, NaiveUser>,
}

/// What the judge holds a store to.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    pub(super) seats: Option<usize>,
    pub(super) min_admins: usize,
    pub(super) own: Option<String>,
    pub(super) protected: BTreeSet<String>,
}

impl NaiveStore {
    pub(super) fn seats(&self) -> usize {
        self.users.values().filter(|user| ["active", "invited"].contains(&user.status.as_str())).count()
    }

    pub(super) fn admins(&self, organization: &str) -> usize {
        self.users.values().filter(|user| self.is_active_admin(user, organization)).count()
    }

    fn is_active_admin(&self, user: &NaiveUser, organization: &str) -> bool {
        let is_admin = |role: &String| self.roles.get(role).is_some_and(|role| role.admin);
        user.status == "active"
            && user
                .access
                .memberships
                .get(organization)
                .is_some_and(|membership| membership.role.iter().any(is_admin) || membership.extra.iter().any(is_admin))
    }

    /// Does what an action says, or says why it can't.
    pub(super) fn execute(&mut self, action: &Json) -> Result<(), String> {
        let text = |key: &str| action[key].as_str().map(str::to_owned);
        let (kind, after) = (action["action"].as_str().unwrap_or_default(), &action["after"]);
        let (user, organization, site, role) = (text("user"), text("organization"), text("site"), text("role"));
        match kind {
            "create_organization" => {
                self.organizations.insert(organization.ok_or("no organization")?, BTreeSet::new());
            }
            "create_site" => {
                let organization = organization.ok_or("no organization")?;
                let sites = self.organizations.get_mut(&organization).ok_or("site of no organization")?;
                sites.insert(site.ok_or("no site")?);
            }
            "update_organization" => {
                let (old, new) = renamed(action, &organization)?;
                let taken = self.organizations.contains_key(&new);
                let sites = self.organizations.remove(&old).filter(|_| !taken).ok_or("no organization to rename")?;
                self.organizations.insert(new.clone(), sites);
                self.map_access(
                    |place| if *place == old { new.clone() } else { place.clone() },
                    |_, site| site.clone(),
                );
            }
            "update_site" if after.get("key").is_some() => {
                let of = organization.ok_or("no organization")?;
                let (old, new) = renamed(action, &site)?;
                let sites = self.organizations.get_mut(&of).ok_or("site of no organization")?;
                if !sites.remove(&old) || !sites.insert(new.clone()) {
                    return Err("no site to rename, or another one there".to_owned());
                }
                let is_it = |place: &str, site: &str| place == of && site == old;
                self.map_access(
                    Clone::clone,
                    |place, site| if is_it(place, site) { new.clone() } else { site.clone() },
                );
            }
            "delete_organization" => {
                let sites = self.organizations.remove(&organization.ok_or("no organization")?);
                if !sites.ok_or("no organization to delete")?.is_empty() {
                    return Err("an organization with sites is deleted".to_owned());
                }
            }
            "delete_site" => {
                let sites = self.organizations.get_mut(&organization.ok_or("no organization")?);
                let is_gone = sites.ok_or("site of no organization")?.remove(&site.ok_or("no site")?);
                is_gone.then_some(()).ok_or("no site to delete")?;
            }
            "delete_role" => {
                self.roles.remove(&role.ok_or("no role")?).ok_or("no role to delete")?;
            }
            "rename_user" => {
                let (old, new) = renamed(action, &user)?;
                let user = self.users.remove(&old).ok_or("nobody to rename")?;
                if self.users.insert(new, user).is_some() {
                    return Err("somebody has the new key".to_owned());
                }
            }
            "delete_user" => {
                self.users.remove(&user.ok_or("no user")?).ok_or("nobody to delete")?;
            }
            "create_role" | "update_role" => {
                if after.get("key").is_some() {
                    let (old, new) = renamed(action, &role)?;
                    let entry = self.roles.remove(&old).ok_or("no role to rename")?;
                    if self.roles.insert(new.clone(), entry).is_some() {
                        return Err("there is a role of the new name".to_owned());
                    }
                    self.map_roles(|role| if *role == old { new.clone() } else { role.clone() });
                }
                let entry = self.roles.entry(role.ok_or("no role")?).or_default();
                if let Some(admin) = after["admin"].as_bool() {
                    entry.admin = admin;
                }
                if let Some(rank) = after.get("rank") {
                    entry.rank = rank.as_i64();
                }
                if let Some(access) = after["site_access"].as_str() {
                    entry.all_sites = access == "all";
                }
            }
            "invite_user" | "create_user" => {
                let key = user.ok_or("no user")?;
                if self.users.contains_key(&key) {
                    return Err(format!("{key} is there already"));
                }
                let user = NaiveUser {
                    status: after["status"].as_str().ok_or("no status")?.to_owned(),
                    given_name: after["given_name"].as_str().map(str::to_owned),
                    access: access_of(after),
                };
                self.users.insert(key, user);
            }
            "cancel_invitation" => {
                let key = user.ok_or("no user")?;
                self.users.remove(&key).ok_or("nobody to cancel")?;
            }
            _ => self.execute_on_user(kind, after, &user.ok_or("no user")?, organization, site)?,
        }
        Ok(())
    }

    fn execute_on_user(
        &mut self,
        kind: &str,
        after: &Json,
        key: &str,
        organization: Option<String>,
        site: Option<String>,
    ) -> Result<(), String> {
        let (loses_sites, loses_extra) = self.loses;
        let user = self.users.get_mut(key).ok_or(format!("{kind} of nobody: {key}"))?;
        let role_of = |json: &Json| json["role"].as_str().map(str::to_owned);
        let place = organization.unwrap_or_default();
        match kind {
            "update_user" => {
                if let Some(name) = after.get("given_name") {
                    user.given_name = name.as_str().map(str::to_owned);
                }
            }
            "deactivate_user" => user.status = "inactive".to_owned(),
            "reactivate_user" => user.status = "active".to_owned(),
            "send_invitation" => user.status = "invited".to_owned(),
            "close_user" => (user.status, user.access) = ("closed".to_owned(), NaiveAccess::default()),
            "strip_user" => user.access = NaiveAccess::default(),
            "add_membership" => {
                if user.access.memberships.insert(place.clone(), membership_of(after)).is_some() {
                    return Err(format!("{key} is a member of {place} already"));
                }
            }
            "change_role" => {
                let membership = user.access.memberships.get_mut(&place).ok_or("change_role of no membership")?;
                membership.role = role_of(after);
                if loses_extra {
                    membership.extra.clear();
                }
                if loses_sites {
                    user.access.grants.retain(|(organization, _), _| *organization != place);
                }
            }
            "update_membership" => {
                let membership = user.access.memberships.get_mut(&place).ok_or("update of no membership")?;
                if let Some(extra) = after.get("extra_roles") {
                    membership.extra = texts(extra);
                }
                if let Some(site) = after.get("default_site") {
                    membership.default_site = site.as_str().map(str::to_owned);
                }
            }
            "remove_membership" => {
                user.access.memberships.remove(&place).ok_or("removal of no membership")?;
                user.access.grants.retain(|(organization, _), _| *organization != place);
            }
            "grant_site" => {
                let place = (place, site.ok_or("no site")?);
                if user.access.grants.insert(place, role_of(after)).is_some() {
                    return Err("granted already".to_owned());
                }
            }
            "change_site_role" => {
                let grant = user.access.grants.get_mut(&(place, site.ok_or("no site")?)).ok_or("no grant")?;
                *grant = role_of(after);
            }
            "revoke_site" => {
                user.access.grants.remove(&(place, site.ok_or("no site")?)).ok_or("revoked what is not there")?;
            }
            other => return Err(format!("unexpected action {other}")),
        }
        Ok(())
    }

    fn map_access(&mut self, organization: impl Fn(&String) -> String, site: impl Fn(&String, &String) -> String) {
        for user in self.users.values_mut() {
            let access = std::mem::take(&mut user.access);
            for (place, mut membership) in access.memberships {
                membership.default_site = membership.default_site.map(|default| site(&place, &default));
                user.access.memberships.insert(organization(&place), membership);
            }
            let grants = access.grants.into_iter();
            let moved = grants.map(|((place, granted), role)| ((organization(&place), site(&place, &granted)), role));
            user.access.grants = moved.collect();
        }
    }

    fn map_roles(&mut self, role: impl Fn(&String) -> String) {
        for membership in self.users.values_mut().flat_map(|user| user.access.memberships.values_mut()) {
            membership.role = membership.role.as_ref().map(&role);
            membership.extra = membership.extra.iter().map(&role).collect();
        }
    }

    /// Everything with other names: those of users, organizations, sites (after their organization) and roles.
    pub(super) fn called(&self, name: impl Fn(&str, &str) -> String) -> Self {
        let mut store = self.clone();
        store.map_access(|place| name("organization", place), |place, site| name(&format!("site {place}/"), site));
        store.map_roles(|role| name("role", role));
        let sites = |place: &str, sites: &BTreeSet<String>| -> BTreeSet<String> {
            sites.iter().map(|site| name(&format!("site {place}/"), site)).collect()
        };
        store.organizations =
            self.organizations.iter().map(|(place, of)| (name("organization", place), sites(place, of))).collect();
        store.roles = self.roles.iter().map(|(role, fields)| (name("role", role), fields.clone())).collect();
        store.users = store.users.into_iter().map(|(key, user)| (name("user", &key), user)).collect();
        store
    }

    /// Everything under the names from before any rename.
    pub(super) fn plain(&self) -> Self {
        self.called(|_, name| without_new(name))
    }

    /// Law 5, judged against the state before the plan.
    pub(super) fn judge(&self, today: &Self, bounds: &Bounds) -> Result<(), String> {
        self.nothing_dangles()?;
        self.plain().keeps(&today.plain(), bounds)
    }

    fn keeps(&self, today: &Self, bounds: &Bounds) -> Result<(), String> {
        if let Some(limit) = bounds.seats
            && self.seats() > limit.max(today.seats())
        {
            return Err(format!("{} seats taken, limit {limit}, {} today", self.seats(), today.seats()));
        }
        for organization in today.organizations.keys().filter(|name| self.organizations.contains_key(*name)) {
            let floor = bounds.min_admins.min(today.admins(organization));
            if self.admins(organization) < floor {
                return Err(format!("{organization} has {} admins, floor {floor}", self.admins(organization)));
            }
        }
        for (key, before) in &today.users {
            let now = self.users.get(key);
            let is_any = |bound: &String| without_new(bound) == *key;
            if bounds.protected.iter().any(is_any) && now != Some(before) {
                return Err(format!("protected {key} was touched"));
            }
            if bounds.own.as_ref().is_some_and(is_any) {
                let now = now.ok_or("the own account is gone")?;
                let keeps = (before.status != "active" || now.status == "active")
                    && before.access.memberships.iter().all(|(place, membership)| {
                        now.access.memberships.get(place).is_some_and(|now| {
                            now.extra.is_superset(&membership.extra) && self.contains(&now.role, &membership.role)
                        })
                    });
                if !keeps {
                    return Err(format!("the own account lost something: {before:?} → {now:?}"));
                }
            }
        }
        Ok(())
    }

    fn contains(&self, now: &Option<String>, before: &Option<String>) -> bool {
        let rank = |role: &Option<String>| role.as_ref().and_then(|role| self.roles.get(role)?.rank);
        now == before || before.is_none() || rank(now) > rank(before)
    }

    fn nothing_dangles(&self) -> Result<(), String> {
        for (key, user) in &self.users {
            for (organization, membership) in &user.access.memberships {
                let Some(sites) = self.organizations.get(organization) else {
                    return Err(format!("{key} is a member of {organization}, which is not there"));
                };
                if membership.default_site.as_ref().is_some_and(|site| !sites.contains(site)) {
                    return Err(format!("the default site of {key} is not there"));
                }
                for role in membership.role.iter().chain(&membership.extra) {
                    if !self.roles.contains_key(role) {
                        return Err(format!("{key} has the role {role}, which is not there"));
                    }
                }
            }
            for (organization, site) in user.access.grants.keys() {
                let is_there = self.organizations.get(organization).is_some_and(|sites| sites.contains(site));
                if !is_there || !user.access.memberships.contains_key(organization) {
                    return Err(format!("the grant of {key} on {organization}/{site} dangles"));
                }
            }
        }
        Ok(())
    }
}

/// The name from before, and the new one.
fn renamed(action: &Json, subject: &Option<String>) -> Result<(String, String), String> {
    let old = action["before"]["key"].as_str().ok_or("a rename without a former name")?;
    let new = subject.clone().ok_or("a rename of nothing")?;
    let is_subject = action["after"]["key"] == new;
    is_subject.then(|| (old.to_owned(), new)).ok_or_else(|| "the new name is not the subject".to_owned())
}

fn texts(json: &Json) -> BTreeSet<String> {
    json.as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

fn membership_of(json: &Json) -> NaiveMembership {
    NaiveMembership {
        role: json["role"].as_str().map(str::to_owned),
        extra: texts(&json["extra_roles"]),
        default_site: json["default_site"].as_str().map(str::to_owned),
    }
}

fn access_of(json: &Json) -> NaiveAccess {
    let mut access = NaiveAccess::default();
    for (organization, entry) in json["access"].as_object().into_iter().flatten() {
        access.memberships.insert(organization.clone(), membership_of(entry));
        for (site, role) in entry["sites"].as_object().into_iter().flatten() {
            access.grants.insert((organization.clone(), site.clone()), role.as_str().map(str::to_owned));
        }
    }
    access
}
