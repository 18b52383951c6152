//! Which actions of a saved plan were done already though what they lead from seems to be there.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Play, Shown, State, all_needs, keys_touched};
use crate::model::{ActionKind, Name, Topic, Value, known};

impl Play<'_> {
    /// Actions that were certainly done though what they lead from seems to be there: an account stands again under a
    /// key that another action of the plan freed. So what it needs was done as well, whatever is there of that.
    pub(super) fn done_before(&mut self, actions: &[Action]) -> BTreeSet<u32> {
        let mut done = BTreeSet::new();
        let mut rebuilt: BTreeMap<u32, Vec<&Action>> = BTreeMap::new();
        let rebuilds =
            |action: &&Action| action.kind.topic() == Topic::SiteGrant || action.kind == ActionKind::UpdateMembership;
        for action in actions.iter().filter(rebuilds) {
            for &need in &action.needs {
                rebuilt.entry(need).or_default().push(action);
            }
        }
        for (at, action) in actions.iter().enumerate().rev() {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            let grants = rebuilt.get(&at).map_or(&[][..], Vec::as_slice);
            if self.is_done_in_part(action, grants) {
                done.insert(at);
            }
            if self.is_ended(action, actions) {
                done.insert(at);
                let is_own = |need: &&u32| actions[**need as usize].subject.user == action.subject.user;
                done.extend(all_needs(actions, action).iter().filter(is_own).copied());
            }
            let freed_by = self.freed_by(action, actions);
            if done.contains(&at) || freed_by.is_some_and(|by| self.is_done_after(action, by)) {
                done.insert(at);
                done.extend(action.needs.iter().copied());
            }
        }
        done
    }

    /// Whether an action was done of which later ones have changed parts since: what cannot have come from elsewhere is
    /// there, and so is what a later one leads to.
    fn is_done_in_part(&mut self, action: &Action, later: &[&Action]) -> bool {
        let Some(after) = &action.after else { return false };
        let core = match action.kind {
            ActionKind::ChangeRole | ActionKind::AddMembership => {
                State::field(known::ROLE, after.value(known::ROLE).unwrap_or(Value::Null))
            }
            ActionKind::InviteUser | ActionKind::CreateUser => State::of(after.facts.clone()),
            ActionKind::CreateOrganization
            | ActionKind::UpdateOrganization
            | ActionKind::DeleteOrganization
            | ActionKind::CreateSite
            | ActionKind::UpdateSite
            | ActionKind::DeleteSite
            | ActionKind::CreateRole
            | ActionKind::UpdateRole
            | ActionKind::DeleteRole
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
            | ActionKind::CancelInvitation
            | ActionKind::UpdateMembership
            | ActionKind::RemoveMembership
            | ActionKind::GrantSite
            | ActionKind::ChangeSiteRole
            | ActionKind::RevokeSite => return false,
        };
        let core = Action { after: Some(core), ..action.clone() };
        let place = action.subject.organization;
        let mut of_place = later.iter().filter(|later| {
            later.subject.user == action.subject.user && (place.is_none() || later.subject.organization == place)
        });
        of_place.any(|later| self.is_done(later)) && self.is_done(&core)
    }

    /// Whether the account that an action ends is gone, so that nothing is to be seen of what came before for it.
    fn is_ended(&mut self, action: &Action, actions: &[Action]) -> bool {
        let ends = matches!(action.kind, ActionKind::DeleteUser | ActionKind::CloseUser);
        let renames = |need: &Action| need.kind == ActionKind::RenameUser && need.subject.user == action.subject.user;
        // One that is still there by its former key is not gone.
        let is_renamed_yet = ends
            && all_needs(actions, action).into_iter().filter_map(|need| actions.get(need as usize)).all(|need| {
                let former = need.before.as_ref().and_then(|before| before.value(known::KEY)).and_then(Value::text);
                let former = former.filter(|_| renames(need)).and_then(|key| self.identity(key));
                former.is_none_or(|former| self.inputs.live.row_of(former).is_none())
            });
        is_renamed_yet && self.is_done(action)
    }

    fn is_done(&mut self, action: &Action) -> bool {
        let scene = self.scene(action);
        let is_done = self.shown(action, &scene) == Shown::After;
        self.catalog = scene.catalog;
        is_done
    }

    /// The need of an action that frees the key under which it makes an account.
    fn freed_by<'p>(&self, action: &Action, actions: &'p [Action]) -> Option<&'p Action> {
        let makes = matches!(action.kind, ActionKind::InviteUser | ActionKind::CreateUser | ActionKind::RenameUser);
        let identity = action.subject.user.filter(|_| makes).and_then(|key| self.identity(key))?;
        let frees = |need: &&Action| {
            let is_end = matches!(
                need.kind,
                ActionKind::CancelInvitation | ActionKind::RenameUser | ActionKind::DeleteUser | ActionKind::CloseUser
            );
            is_end && keys_touched(need).any(|key| self.identity(key) == Some(identity))
        };
        action.needs.iter().filter_map(|&need| actions.get(need as usize)).find(frees)
    }

    /// Whether an account is the one that an action makes, and not the one that `freed_by` takes from its key.
    fn is_done_after(&mut self, action: &Action, freed_by: &Action) -> bool {
        let account =
            |play: &Self, key: Option<Name>| key.and_then(|key| play.identity(key)).and_then(|key| play.account(key));
        let Some(made) = account(self, action.subject.user) else { return false };
        let is_freed = match freed_by.kind {
            // The new invitation was sent after the plan was made, and carries what it says.
            ActionKind::CancelInvitation => {
                let sent = made.invitation.and_then(|invitation| invitation.sent);
                let (memberships, grants) = self.added_since(action);
                let carried = action.after.as_ref().map(|after| (after.memberships.len(), after.grants.len()));
                let access = carried.map(|carried| (carried.0 + memberships, carried.1 + grants));
                let is_since = sent.is_none_or(|sent| sent.as_second() >= self.since.as_second());
                is_since && access == Some((made.memberships.len(), made.grants.len()))
            }
            ActionKind::RenameUser => account(self, freed_by.subject.user).is_some(),
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
            | ActionKind::DeactivateUser
            | ActionKind::StripUser
            | ActionKind::ReactivateUser
            | ActionKind::CloseUser
            | ActionKind::DeleteUser
            | ActionKind::SendInvitation
            | ActionKind::ResendInvitation
            | ActionKind::AddMembership
            | ActionKind::ChangeRole
            | ActionKind::UpdateMembership
            | ActionKind::RemoveMembership
            | ActionKind::GrantSite
            | ActionKind::ChangeSiteRole
            | ActionKind::RevokeSite => true,
        };
        is_freed && self.is_done(action)
    }

    /// How many memberships and grants other actions of the plan have added to the account that this one makes.
    fn added_since(&mut self, action: &Action) -> (usize, usize) {
        let actions = self.actions;
        let mut count = |kind| {
            let adds = actions.iter().filter(|one| one.kind == kind && one.subject.user == action.subject.user);
            adds.filter(|one| self.is_done(one)).count()
        };
        (count(ActionKind::AddMembership), count(ActionKind::GrantSite))
    }
}
