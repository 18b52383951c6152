//! What each kind of action does to the oracle.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rollcall::model::{ActionKind, Grant, InvitationState, Name, Names, Status, Value};
use rollcall::plan::Action;
use rollcall::rules::{DeleteAllowed, OffBoarding, RoleChangeLoss, SeatRefusal};
use rollcall::store::Effect;

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
        match action.kind {
            ActionKind::CreateOrganization => {
                let name = organization.ok_or_else(failed)?;
                Self::create_object(&mut self.data.organizations, name, after)
            }
            ActionKind::UpdateOrganization => {
                let live = self.data.organizations.get_mut(&organization.ok_or_else(failed)?).ok_or_else(conflict)?;
                look(&before, &after, live)?;
                live.extend(after);
                Ok(Effect::Done)
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
                let place = (organization.ok_or_else(failed)?, site.ok_or_else(failed)?);
                let live = self.data.sites.get_mut(&place).ok_or_else(conflict)?;
                look(&before, &after, live)?;
                live.extend(after);
                Ok(Effect::Done)
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
                let live = self.data.roles.get_mut(&role.ok_or_else(failed)?).ok_or_else(conflict)?;
                look(&before, &after, live)?;
                live.extend(after);
                Ok(Effect::Done)
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

    fn put_membership(&mut self, identity: &str, organization: &str, mut fields: Fields) -> Result<(), Effect> {
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

    fn put_grant(&mut self, identity: &str, organization: &str, site: &str, role: V) -> Result<(), Effect> {
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

    fn check_own(&self, identity: &str) -> Result<(), Effect> {
        if self.own.as_deref() == Some(identity) { Err(refused()) } else { Ok(()) }
    }

    /// Whether an access field of the own account would be less than before.
    fn check_own_access(&self, identity: &str, before: &Fields, after: &Fields) -> Result<(), Effect> {
        let mut names = Names::new();
        let loses = after.iter().any(|(field, to)| {
            let (from, to) = (get(before, field).intern(&mut names), to.intern(&mut names));
            let field = names.intern(field);
            self.rules.value_escalates(&names, field, to, from)
        });
        if loses { self.check_own(identity) } else { Ok(()) }
    }

    /// Whether the own account would have less than before.
    fn check_own_roles(&self, identity: &str, live: &Fields, after: &Fields) -> Result<(), Effect> {
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

    fn strip(&mut self, identity: &str) {
        let rules = self.rules.clone();
        let user = self.data.users.get_mut(identity).expect("a user");
        user.memberships.clear();
        user.grants.clear();
        user.fields.retain(|field, _| !rules.is_access(field));
    }

    #[allow(clippy::too_many_arguments, clippy::too_many_lines, reason = "one naive match over all kinds")]
    fn on_user(
        &mut self,
        names: &Names,
        action: &Action,
        identity: &str,
        organization: &str,
        site: Option<&str>,
        before: &Fields,
        after: &Fields,
        at: Timestamp,
    ) -> Outcome {
        let user = self.data.users.get(identity).cloned().expect("a user");
        let status_before = status_fact(names, action.before.as_ref());
        let check_status =
            || if status_before.is_some_and(|before| before != user.status) { Err(conflict()) } else { Ok(()) };
        let planned = action.before.clone().unwrap_or_default();
        let planned_in = |place: &str| planned.memberships.iter().any(|m| names.text(m.organization) == place);
        let planned_at = |(organization, site): &(String, String)| {
            let is = |grant: &Grant| names.text(grant.organization) == organization && names.text(grant.site) == site;
            planned.grants.iter().any(is)
        };
        let check_gained = || {
            let seen = user.memberships.keys().all(|place| planned_in(place)) && user.grants.keys().all(planned_at);
            if seen { Ok(()) } else { Err(conflict()) }
        };
        let word = match self.newest(user.id, at) {
            None | Some(InvitationState::Suppressed) => "none",
            Some(InvitationState::Pending) => "pending",
            Some(_) => "ended",
        };
        let word_before = text_fact(names, action.before.as_ref(), "invitation");
        let place = (organization.to_owned(), site.unwrap_or_default().to_owned());
        let is_organization = organization.is_empty() || self.data.organizations.contains_key(organization);
        let none = Fields::new();
        let member = user.memberships.get(organization).or(organization.is_empty().then_some(&none));
        match action.kind {
            ActionKind::UpdateUser | ActionKind::ChangeAccess => {
                look(before, after, &user.fields)?;
                if action.kind == ActionKind::ChangeAccess {
                    self.check_own_access(identity, before, after)?;
                }
                let known = |field: &str| {
                    field.starts_with("attributes.")
                        || field.starts_with("home.")
                        || field.starts_with("api.")
                        || ["given_name", "family_name", "phone", "name", "mfa", "kind", "language"].contains(&field)
                };
                if !after.keys().all(|field| known(field)) {
                    return Err(failed());
                }
                self.data.users.get_mut(identity).expect("a user").fields.extend(after.clone());
            }
            ActionKind::DeactivateUser => {
                if user.status == Status::Inactive {
                    return Ok(Effect::AlreadyTrue);
                }
                check_status()?;
                self.check_own(identity)?;
                self.set_status(identity, Status::Inactive)?;
            }
            ActionKind::StripUser => {
                let fields = user.fields.iter();
                let has_fields =
                    fields.filter(|(field, value)| **value != V::Null && self.rules.is_access(field)).count() > 0;
                if user.memberships.is_empty() && !has_fields {
                    return Ok(Effect::AlreadyTrue);
                }
                check_status()?;
                check_gained()?;
                self.check_own(identity)?;
                self.strip(identity);
            }
            ActionKind::ReactivateUser => {
                let to = status_fact(names, action.after.as_ref()).unwrap_or(Status::Active);
                if user.status == to {
                    return Ok(Effect::AlreadyTrue);
                }
                check_status()?;
                match user.status {
                    Status::Inactive => {}
                    Status::Closed if self.rules.can_undo(OffBoarding::Close) => {}
                    Status::Closed => return Err(refused()),
                    Status::Preloaded | Status::Invited | Status::Active => return Err(conflict()),
                }
                self.set_status(identity, to)?;
                if !self.rules.reactivation_restores() {
                    self.strip(identity);
                }
            }
            ActionKind::CloseUser => {
                if user.status == Status::Closed {
                    return Ok(Effect::AlreadyTrue);
                }
                check_status()?;
                check_gained()?;
                self.check_own(identity)?;
                self.strip(identity);
                self.set_status(identity, Status::Closed)?;
            }
            ActionKind::DeleteUser => {
                check_status()?;
                check_gained()?;
                self.check_own(identity)?;
                if self.rules.allows.delete == Some(DeleteAllowed::NeverUsed) && user.used {
                    return Err(refused());
                }
                self.end_invitations(user.id, InvitationState::Cancelled);
                self.data.users.remove(identity);
            }
            ActionKind::SendInvitation => {
                if user.status == Status::Invited {
                    return Ok(Effect::AlreadyTrue);
                }
                check_status()?;
                if user.status != Status::Preloaded {
                    return Err(conflict());
                }
                let seats = self.seats();
                self.data.users.get_mut(identity).expect("a user").status = Status::Invited;
                self.check_seats(seats, SeatRefusal::Create)?;
                self.data.invitations.retain(|one| one.user != user.id || one.state != InvitationState::Suppressed);
                self.invite(user.id, &user.key, Some(at));
            }
            ActionKind::ResendInvitation => {
                if user.status != Status::Invited {
                    return Err(conflict());
                }
                let differs = word_before.is_some_and(|before| before != word);
                if word == "pending" {
                    if differs {
                        return Ok(Effect::AlreadyTrue);
                    }
                    if self.rules.invitations.as_ref().and_then(|invitations| invitations.resend) != Some(true) {
                        return Err(refused());
                    }
                } else if differs {
                    return Err(conflict());
                }
                for one in self.data.invitations.iter_mut().filter(|one| one.user == user.id) {
                    if one.state == InvitationState::Pending {
                        one.state = InvitationState::Expired;
                    }
                }
                self.invite(user.id, &user.key, Some(at));
            }
            ActionKind::CancelInvitation => {
                let differs = word_before.is_some_and(|before| before != word);
                if user.used || !matches!(user.status, Status::Invited | Status::Preloaded) {
                    if differs {
                        return Err(conflict());
                    }
                    if word != "pending" {
                        return Ok(Effect::AlreadyTrue);
                    }
                    self.end_invitations(user.id, InvitationState::Cancelled);
                    return Ok(Effect::Done);
                }
                if differs {
                    return Err(conflict());
                }
                check_gained()?;
                let planned = action.before.iter().flat_map(|before| &before.memberships);
                let has_lost = planned.clone().any(|planned| {
                    let live = user.memberships.get(names.text(planned.organization));
                    live.is_none_or(|live| !all_same(&membership_fields(names, planned), live))
                });
                let granted = action.before.iter().flat_map(|before| &before.grants);
                let lacks_grant = granted.clone().any(|grant| {
                    let place = (names.text(grant.organization).to_owned(), names.text(grant.site).to_owned());
                    user.grants.get(&place) != Some(&V::of(names, Value::optional_text(grant.role)))
                });
                if has_lost || lacks_grant {
                    return Err(conflict());
                }
                self.check_own(identity)?;
                self.end_invitations(user.id, InvitationState::Cancelled);
                self.data.users.remove(identity);
            }
            ActionKind::AddMembership => {
                if !is_organization {
                    return Err(conflict());
                }
                match member {
                    Some(live) if all_same(after, live) => return Ok(Effect::AlreadyTrue),
                    Some(live) if organization.is_empty() => look(&none, after, live)?,
                    Some(_) => return Err(conflict()),
                    None => {}
                }
                self.put_membership(identity, organization, after.clone())?;
            }
            ActionKind::ChangeRole | ActionKind::UpdateMembership => {
                let live = member.ok_or_else(conflict)?;
                look(before, after, live)?;
                self.check_own_roles(identity, live, after)?;
                let mut fields = live.clone();
                fields.extend(after.clone());
                let role_changes = action.kind == ActionKind::ChangeRole && !organization.is_empty();
                if role_changes
                    && self.rules.role_change_loses(RoleChangeLoss::ExtraRoles)
                    && !after.contains_key("extra_roles")
                {
                    fields.remove("extra_roles");
                }
                self.put_membership(identity, organization, fields)?;
                if role_changes && self.rules.role_change_loses(RoleChangeLoss::Sites) {
                    let user = self.data.users.get_mut(identity).expect("a user");
                    user.grants.retain(|(place, _), _| place != organization);
                    for grant in action.after.iter().flat_map(|after| &after.grants) {
                        let role = V::of(names, Value::optional_text(grant.role));
                        let (organization, site) = (names.text(grant.organization), names.text(grant.site));
                        self.put_grant(identity, organization, site, role)?;
                    }
                }
            }
            ActionKind::RemoveMembership => {
                let Some(live) = user.memberships.get(organization) else { return Ok(Effect::AlreadyTrue) };
                let seen = user.grants.keys().filter(|(other, _)| other == organization).all(planned_at);
                if !all_same(before, live) {
                    return Err(conflict());
                }
                self.check_own(identity).and(if seen { Ok(()) } else { Err(conflict()) })?;
                let user = self.data.users.get_mut(identity).expect("a user");
                user.memberships.remove(organization);
                user.grants.retain(|(other, _), _| other != organization);
            }
            ActionKind::GrantSite => {
                if organization.is_empty() {
                    return Err(failed());
                }
                if !self.data.sites.contains_key(&place) {
                    return Err(conflict());
                }
                let role = get(after, "role");
                match user.grants.get(&place) {
                    Some(live) if *live == role => return Ok(Effect::AlreadyTrue),
                    Some(_) => return Err(conflict()),
                    None if member.is_none() => return Err(conflict()),
                    None => self.put_grant(identity, organization, &place.1, role)?,
                }
            }
            ActionKind::ChangeSiteRole => {
                let live = user.grants.get(&place).ok_or_else(conflict)?;
                let live = Fields::from([("role".to_owned(), live.clone())]);
                look(before, after, &live)?;
                self.check_own_roles(identity, &live, after)?;
                self.put_grant(identity, organization, &place.1, get(after, "role"))?;
            }
            ActionKind::RevokeSite => {
                let Some(live) = user.grants.get(&place) else { return Ok(Effect::AlreadyTrue) };
                if before.get("role").is_some_and(|role| role != live) {
                    return Err(conflict());
                }
                self.check_own(identity)?;
                self.data.users.get_mut(identity).expect("a user").grants.remove(&place);
            }
            other => unreachable!("{} is no action on an account that is there", other.as_str()),
        }
        Ok(Effect::Done)
    }
}
