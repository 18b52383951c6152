//! What each kind of action on an account that is there does to the oracle.

use jiff::Timestamp;
use rollcall::model::{ActionKind, Grant, InvitationState, Names, Status, Value};
use rollcall::plan::Action;
use rollcall::rules::{DeleteAllowed, OffBoarding, RoleChangeLoss, SeatRefusal};
use rollcall::store::Effect;

use super::{
    Fields, MemoryStore, Outcome, all_same, conflict, failed, get, look, membership_fields, refused, status_fact,
    text_fact,
};
use crate::support::actions::V;

impl MemoryStore {
    #[allow(clippy::too_many_arguments, clippy::too_many_lines, reason = "one naive match over all kinds")]
    pub(super) fn on_user(
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
                    if action.fall_back != Some(ActionKind::CloseUser) {
                        return Err(refused());
                    }
                    self.strip(identity);
                    self.data.users.get_mut(identity).expect("a user").status = Status::Closed;
                    return Ok(Effect::Done);
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
                        let is_over = one.ends.is_some_and(|ends| ends <= at);
                        one.state = if is_over { InvitationState::Expired } else { InvitationState::Cancelled };
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
                for one in &planned.memberships {
                    let live = user.memberships.get(names.text(one.organization)).ok_or_else(conflict)?;
                    let is_here = |(place, _): &&(String, String)| place == names.text(one.organization);
                    if !all_same(&membership_fields(names, one), live)
                        || !user.grants.keys().filter(is_here).all(planned_at)
                    {
                        return Err(conflict());
                    }
                    self.check_own(identity)?;
                }
                let most = self.rules.most_organizations().filter(|_| !organization.is_empty());
                if most.is_some_and(|most| user.memberships.len() - planned.memberships.len() >= most as usize) {
                    return Err(refused());
                }
                self.put_membership(identity, organization, after.clone())?;
                let user = self.data.users.get_mut(identity).expect("a user");
                user.memberships.retain(|place, _| !planned_in(place));
                user.grants.retain(|(place, _), _| !planned_in(place));
                // The second step of a change of role brings the sites back.
                self.put_grants(names, identity, action)?;
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
                    self.put_grants(names, identity, action)?;
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
                let ended: Vec<(String, String)> = planned
                    .grants
                    .iter()
                    .map(|one| (organization.to_owned(), names.text(one.site).to_owned()))
                    .collect();
                let is_left = ended.iter().any(|one| user.grants.contains_key(one));
                match user.grants.get(&place) {
                    Some(live) if *live == role && !is_left => return Ok(Effect::AlreadyTrue),
                    Some(_) => return Err(conflict()),
                    None if member.is_none() => return Err(conflict()),
                    None if !ended.iter().all(|one| user.grants.contains_key(one)) => return Err(conflict()),
                    None => {
                        if !ended.is_empty() {
                            self.check_own(identity)?;
                        }
                        self.data.users.get_mut(identity).expect("a user").grants.retain(|one, _| !ended.contains(one));
                        self.put_grant(identity, organization, &place.1, role)?;
                    }
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
