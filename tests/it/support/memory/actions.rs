//! What each kind of action does to the oracle.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rollcall::model::{ActionKind, Name, Names, Status, Value};
use rollcall::plan::Action;
use rollcall::rules::{OffBoarding, SeatRefusal};
use rollcall::store::Effect;

use super::rename::{Renamed, after_rename};
use super::{
    Fields, MemoryStore, Outcome, User, all_same, conflict, failed, fields, get, is_empty, look, membership_fields,
    refused, role_defaults, status_fact, text_fact,
};
use crate::support::actions::V;

impl MemoryStore {
    #[allow(clippy::too_many_lines, reason = "one naive match over all kinds")]
    pub(super) fn attempt(&mut self, names: &Names, action: &Action, at: Timestamp) -> Outcome {
        let text = |name: Option<Name>| name.map(|name| names.text(name).to_owned());
        let before = fields(names, action.before.as_ref());
        let after = fields(names, action.after.as_ref());
        let subject = action.subject;
        let (user, organization) = (text(subject.user), text(subject.organization));
        let (site, role) = (text(subject.site), text(subject.role));
        if let Some(user) = &user {
            let identity = self.rules.identity.normalize(user).ok();
            if identity.is_some() && identity == self.own && self.rules.denies_self(action.kind) {
                return Err(refused());
            }
        }
        let former = text_fact(names, action.before.as_ref(), "key");
        match action.kind {
            ActionKind::CreateOrganization => {
                let name = organization.ok_or_else(failed)?;
                Self::create_object(&mut self.data.organizations, name, after)
            }
            ActionKind::UpdateOrganization => {
                let renamed = match &former {
                    Some(old) => {
                        self.rename_object(&Renamed::Organization(organization.as_deref().ok_or_else(failed)?), old)?
                    }
                    None => false,
                };
                let live = self.data.organizations.get_mut(&organization.ok_or_else(failed)?).ok_or_else(conflict)?;
                let outcome = after_rename(renamed, look(&before, &after, live))?;
                live.extend(after);
                Ok(outcome)
            }
            ActionKind::DeleteOrganization => {
                let name = organization.ok_or_else(failed)?;
                let Some(live) = self.data.organizations.get(&name) else { return Ok(Effect::AlreadyTrue) };
                if !all_same(&before, live) {
                    return Err(conflict());
                }
                if self.data.sites.keys().any(|(other, _)| *other == name)
                    || self.data.users.values().any(|user| user.memberships.contains_key(&name))
                {
                    return Err(refused());
                }
                self.data.organizations.remove(&name);
                Ok(Effect::Done)
            }
            ActionKind::CreateSite => {
                let place = (organization.ok_or_else(failed)?, site.ok_or_else(failed)?);
                if !self.data.organizations.contains_key(&place.0) {
                    return Err(conflict());
                }
                Self::create_object(&mut self.data.sites, place, after)
            }
            ActionKind::UpdateSite => {
                let renamed = match &former {
                    Some(old) => self.rename_object(
                        &Renamed::Site(
                            organization.as_deref().ok_or_else(failed)?,
                            site.as_deref().ok_or_else(failed)?,
                        ),
                        old,
                    )?,
                    None => false,
                };
                let place = (organization.ok_or_else(failed)?, site.ok_or_else(failed)?);
                let live = self.data.sites.get_mut(&place).ok_or_else(conflict)?;
                let outcome = after_rename(renamed, look(&before, &after, live))?;
                live.extend(after);
                Ok(outcome)
            }
            ActionKind::DeleteSite => {
                let place = (organization.ok_or_else(failed)?, site.ok_or_else(failed)?);
                let Some(live) = self.data.sites.get(&place) else { return Ok(Effect::AlreadyTrue) };
                if !all_same(&before, live) {
                    return Err(conflict());
                }
                let site = V::from(place.1.as_str());
                let depends = |user: &User| {
                    let member = user.memberships.get(&place.0);
                    user.grants.contains_key(&place) || member.is_some_and(|m| get(m, "default_site") == site)
                };
                if self.data.users.values().any(depends) {
                    return Err(refused());
                }
                self.data.sites.remove(&place);
                Ok(Effect::Done)
            }
            ActionKind::CreateRole => {
                let mut all = role_defaults();
                all.extend(after.clone());
                let name = role.ok_or_else(failed)?;
                if let Some(live) = self.data.roles.get(&name) {
                    return if all_same(&after, live) { Ok(Effect::AlreadyTrue) } else { Err(conflict()) };
                }
                Self::create_object(&mut self.data.roles, name, all)
            }
            ActionKind::UpdateRole => {
                let renamed = match &former {
                    Some(old) => self.rename_object(&Renamed::Role(role.as_deref().ok_or_else(failed)?), old)?,
                    None => false,
                };
                let live = self.data.roles.get_mut(&role.ok_or_else(failed)?).ok_or_else(conflict)?;
                let outcome = after_rename(renamed, look(&before, &after, live))?;
                live.extend(after);
                Ok(outcome)
            }
            ActionKind::DeleteRole => {
                let name = role.ok_or_else(failed)?;
                let Some(live) = self.data.roles.get(&name) else { return Ok(Effect::AlreadyTrue) };
                if !all_same(&before, live) {
                    return Err(conflict());
                }
                let is = |value: &V| match value {
                    V::Text(text) => *text == name,
                    V::Set(texts) => texts.contains(&name),
                    V::Null | V::Bool(_) | V::Number(_) => false,
                };
                let has = |user: &User| {
                    user.grants.values().any(is)
                        || user.memberships.values().any(|m| is(&get(m, "role")) || is(&get(m, "extra_roles")))
                };
                let included = self.data.roles.iter().any(|(other, f)| *other != name && is(&get(f, "includes")));
                if included || self.data.users.values().any(has) {
                    return Err(refused());
                }
                self.data.roles.remove(&name);
                Ok(Effect::Done)
            }
            ActionKind::InviteUser | ActionKind::CreateUser => {
                self.create_user(names, action, &user.ok_or_else(failed)?, after, at)
            }
            ActionKind::RenameUser => {
                let old = text_fact(names, action.before.as_ref(), "key").ok_or_else(failed)?;
                self.rename(&old, &user.ok_or_else(failed)?)
            }
            ActionKind::DeleteUser
            | ActionKind::CancelInvitation
            | ActionKind::RemoveMembership
            | ActionKind::RevokeSite
            | ActionKind::UpdateUser
            | ActionKind::ChangeAccess
            | ActionKind::DeactivateUser
            | ActionKind::StripUser
            | ActionKind::ReactivateUser
            | ActionKind::CloseUser
            | ActionKind::SendInvitation
            | ActionKind::ResendInvitation
            | ActionKind::AddMembership
            | ActionKind::ChangeRole
            | ActionKind::UpdateMembership
            | ActionKind::GrantSite
            | ActionKind::ChangeSiteRole => {
                let way = match action.kind {
                    ActionKind::DeactivateUser => Some(OffBoarding::Deactivate),
                    ActionKind::StripUser => Some(OffBoarding::Strip),
                    ActionKind::CloseUser => Some(OffBoarding::Close),
                    ActionKind::DeleteUser => Some(OffBoarding::Delete),
                    _ => None,
                };
                if let (Some(way), Some(ways)) = (way, &self.rules.offboarding)
                    && !ways.contains(&way)
                {
                    return Err(refused());
                }
                let invites = matches!(action.kind, ActionKind::SendInvitation | ActionKind::ResendInvitation);
                if invites && self.rules.invitations.is_none() {
                    return Err(refused());
                }
                if action.kind == ActionKind::CancelInvitation && !self.rules.cancels_invitations() {
                    return Err(refused());
                }
                let identity = self.identity(&user.ok_or_else(failed)?)?;
                let gone_is_fine = matches!(
                    action.kind,
                    ActionKind::DeleteUser
                        | ActionKind::CancelInvitation
                        | ActionKind::RemoveMembership
                        | ActionKind::RevokeSite
                );
                if !self.data.users.contains_key(&identity) {
                    return Err(if gone_is_fine { Effect::AlreadyTrue } else { conflict() });
                }
                let organization = organization.unwrap_or_default();
                self.on_user(names, action, &identity, &organization, site.as_deref(), &before, &after, at)
            }
        }
    }

    fn create_object<K: Ord>(objects: &mut BTreeMap<K, Fields>, name: K, after: Fields) -> Outcome {
        match objects.get(&name) {
            Some(live) if all_same(&after, live) => Ok(Effect::AlreadyTrue),
            Some(_) => Err(conflict()),
            None => {
                objects.insert(name, after);
                Ok(Effect::Done)
            }
        }
    }

    fn create_user(&mut self, names: &Names, action: &Action, key: &str, mut fields: Fields, at: Timestamp) -> Outcome {
        let invited = action.kind == ActionKind::InviteUser;
        if invited && self.rules.invitations.is_none() {
            return Err(refused());
        }
        let default = if invited { Status::Invited } else { Status::Active };
        let status = status_fact(names, action.after.as_ref()).unwrap_or(default);
        if invited && !matches!(status, Status::Invited | Status::Preloaded) {
            return Err(failed());
        }
        fields.remove(self.rules.identity.key_field().as_str());
        let identity = self.identity(key)?;
        let after = action.after.clone().unwrap_or_default();
        let name = |name: Name| names.text(name).to_owned();
        let memberships: BTreeMap<String, Fields> =
            after.memberships.iter().map(|m| (name(m.organization), membership_fields(names, m))).collect();
        let grants: BTreeMap<(String, String), V> = after
            .grants
            .iter()
            .map(|grant| ((name(grant.organization), name(grant.site)), V::of(names, Value::optional_text(grant.role))))
            .collect();
        if let Some(live) = self.data.users.get(&identity) {
            let has = live.status == status
                && all_same(&fields, &live.fields)
                && memberships.iter().all(|(place, m)| {
                    let nothing = place.is_empty() && m.values().all(is_empty);
                    live.memberships.get(place).map_or(nothing, |l| all_same(m, l))
                })
                && grants.iter().all(|(place, role)| live.grants.get(place) == Some(role));
            return if has { Ok(Effect::AlreadyTrue) } else { Err(conflict()) };
        }
        let before = self.seats();
        self.data.next_id += 1;
        let id = self.data.next_id;
        let user = User {
            id,
            key: key.to_owned(),
            status,
            used: status == Status::Active,
            fields,
            memberships: BTreeMap::new(),
            grants: BTreeMap::new(),
        };
        self.data.users.insert(identity.clone(), user);
        self.check_seats(before, SeatRefusal::Create)?;
        if status == Status::Closed && !(memberships.is_empty() && grants.is_empty()) {
            return Err(refused());
        }
        for (organization, membership) in memberships {
            self.put_membership(&identity, &organization, membership)?;
        }
        for ((organization, site), role) in grants {
            self.put_grant(&identity, &organization, &site, role)?;
        }
        if invited {
            self.invite(id, key, (status == Status::Invited).then_some(at));
        }
        Ok(Effect::Done)
    }

    fn rename(&mut self, old: &str, new: &str) -> Outcome {
        let (from, to) = (self.identity(old)?, self.identity(new)?);
        let Some(live) = self.data.users.get(&from) else {
            return if self.data.users.contains_key(&to) { Ok(Effect::AlreadyTrue) } else { Err(conflict()) };
        };
        if live.key == new {
            return Ok(Effect::AlreadyTrue);
        }
        if (from != to && self.data.users.contains_key(&to)) || self.rules.identity.is_immutable() {
            return Err(refused());
        }
        let mut user = self.data.users.remove(&from).expect("a user");
        new.clone_into(&mut user.key);
        self.data.users.insert(to, user);
        Ok(Effect::Done)
    }

    fn check_roles(&self, fields: &Fields) -> Result<(), Effect> {
        let mut roles = Vec::new();
        for field in ["role", "extra_roles"] {
            match get(fields, field) {
                V::Text(text) => roles.push(text),
                V::Set(texts) => roles.extend(texts),
                V::Null | V::Bool(_) | V::Number(_) => {}
            }
        }
        if roles.iter().all(|role| self.data.roles.contains_key(role)) { Ok(()) } else { Err(conflict()) }
    }

    pub(super) fn put_membership(
        &mut self,
        identity: &str,
        organization: &str,
        mut fields: Fields,
    ) -> Result<(), Effect> {
        if self.data.users.get(identity).is_some_and(|user| user.status == Status::Closed) {
            return Err(refused());
        }
        if !organization.is_empty() && !self.data.organizations.contains_key(organization) {
            return Err(conflict());
        }
        self.check_roles(&fields)?;
        if let V::Text(site) = get(&fields, "default_site") {
            let place = (organization.to_owned(), site);
            if organization.is_empty() {
                return Err(failed());
            }
            if !self.data.sites.contains_key(&place) {
                return Err(conflict());
            }
        }
        let user = self.data.users.get_mut(identity).expect("a user");
        fields.retain(|_, value| !is_empty(value));
        if organization.is_empty() && fields.is_empty() {
            user.memberships.remove("");
        } else {
            user.memberships.insert(organization.to_owned(), fields);
        }
        Ok(())
    }

    /// The sites that an action carries.
    pub(super) fn put_grants(&mut self, names: &Names, identity: &str, action: &Action) -> Result<(), Effect> {
        for grant in action.after.iter().flat_map(|after| &after.grants) {
            let role = V::of(names, Value::optional_text(grant.role));
            self.put_grant(identity, names.text(grant.organization), names.text(grant.site), role)?;
        }
        Ok(())
    }

    pub(super) fn put_grant(&mut self, identity: &str, organization: &str, site: &str, role: V) -> Result<(), Effect> {
        self.check_roles(&Fields::from([("role".to_owned(), role.clone())]))?;
        let place = (organization.to_owned(), site.to_owned());
        if !self.data.sites.contains_key(&place) {
            return Err(conflict());
        }
        let user = self.data.users.get_mut(identity).expect("a user");
        if !user.memberships.contains_key(organization) {
            return Err(refused());
        }
        user.grants.insert(place, role);
        Ok(())
    }

    pub(super) fn check_own(&self, identity: &str) -> Result<(), Effect> {
        if self.own.as_deref() == Some(identity) { Err(refused()) } else { Ok(()) }
    }

    /// Whether an access field of the own account would be less than before.
    pub(super) fn check_own_access(&self, identity: &str, before: &Fields, after: &Fields) -> Result<(), Effect> {
        let mut names = Names::new();
        let loses = after.iter().any(|(field, to)| {
            let (from, to) = (get(before, field).intern(&mut names), to.intern(&mut names));
            let field = names.intern(field);
            self.rules.value_escalates(&names, field, to, from)
        });
        if loses { self.check_own(identity) } else { Ok(()) }
    }

    /// Whether the own account would have less than before.
    pub(super) fn check_own_roles(&self, identity: &str, live: &Fields, after: &Fields) -> Result<(), Effect> {
        if self.own.as_deref() != Some(identity) {
            return Ok(());
        }
        let mut names = Names::new();
        let catalog = self.catalog(&mut names);
        if let Some(to) = after.get("role") {
            let (from, to) = (get(live, "role").intern(&mut names).text(), to.intern(&mut names).text());
            if self.rules.loses(&catalog, &names, from, to) {
                return Err(refused());
            }
        }
        if let (V::Set(had), Some(to)) = (get(live, "extra_roles"), after.get("extra_roles")) {
            let kept = if let V::Set(kept) = to { kept.clone() } else { Vec::new() };
            if !had.iter().all(|role| kept.contains(role)) {
                return Err(refused());
            }
        }
        Ok(())
    }

    pub(super) fn strip(&mut self, identity: &str) {
        let rules = self.rules.clone();
        let user = self.data.users.get_mut(identity).expect("a user");
        user.memberships.clear();
        user.grants.clear();
        user.fields.retain(|field, _| !rules.is_access(field));
    }
}
