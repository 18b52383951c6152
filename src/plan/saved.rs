//! Whether a saved plan still holds.
//!
//! Its actions are played in their order on a copy of what is live. Each has to find what it leads from, or else what
//! it leads to: then it was done before, by a run that was cut off, and so was all that it needs. What it takes of
//! seats and admin places has to be there: given by what it needs, or left over today. Deliberately absent: a choice.
//! What does not hold is told, and nothing is put in its place.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::assemble::is_given;
use super::balance::{Balances, Place};
use super::file::SavedPlan;
use super::played::{changed, record_of};
use super::shown::{Seen, Shown, keys_touched, misses, shows};
use super::{Action, Inputs, State, Subject};
use crate::model::{
    ActionKind, Catalog, LiveRecord, LiveState, LiveView, Membership, Name, Status, Topic, Value, known,
};

/// How a saved plan stands to what is live.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holding {
    /// Positions of the actions that were done already, sorted.
    pub done: Vec<u32>,
    /// Why it is stale, in the order of its actions; empty if it holds.
    pub changed: Vec<Changed>,
}

/// Why a saved plan does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The position of the action; `None` for the whole plan.
    pub action: Option<u32>,
    /// What the plan saw, and what is live.
    pub what: String,
}

/// Asks whether a saved plan holds for what is live. The store and the rules have to be those of the plan.
#[must_use]
pub fn holding(saved: &SavedPlan, inputs: &Inputs<'_>) -> Holding {
    let mut found = Holding::default();
    if let Some(what) = out_of_time(saved, inputs.at) {
        found.changed.push(Changed { action: None, what });
        return found;
    }
    let mut play = Play::new(saved, inputs);
    let done_before = play.done_before(&saved.actions);
    for (action, at) in saved.actions.iter().zip(0_u32..) {
        if done_before.contains(&at) {
            found.done.push(at);
            continue;
        }
        if let Some(what) = forbidden(action, inputs) {
            found.changed.push(Changed { action: Some(at), what });
            continue;
        }
        match play.step(action, at) {
            Step::Done => found.done.push(at),
            Step::ToDo => {}
            Step::Changed(what) => found.changed.push(Changed { action: Some(at), what }),
        }
    }
    found
}

fn out_of_time(saved: &SavedPlan, now: Timestamp) -> Option<String> {
    match saved.valid_until {
        Some(until) if until <= now => Some(format!("the plan was valid until {until}, and it is {now} now")),
        Some(_) | None if now < saved.at => {
            Some(format!("the plan was made at {}, and it is {now} here: check the clocks", saved.at))
        }
        Some(_) | None => None,
    }
}

/// What the settings of today keep an action from doing, whoever made the plan.
fn forbidden(action: &Action, inputs: &Inputs<'_>) -> Option<String> {
    let identity = |key| inputs.rules.identity.normalize(inputs.names.text(key)).ok();
    let mut identities = keys_touched(action).filter_map(identity).filter_map(|key| inputs.names.find(&key));
    // What these take is judged by value, by the planner and by the store itself.
    let by_value =
        matches!(action.kind, ActionKind::UpdateMembership | ActionKind::ChangeAccess | ActionKind::RenameUser);
    let is_own = |identity| inputs.is_own_account(identity) && !by_value && takes_away(action, inputs);
    identities.find_map(|identity| match (inputs.is_protected(identity), is_own(identity)) {
        (true, _) => Some("the settings protect this account".to_owned()),
        (false, true) => Some("it takes something from the account that rollcall itself uses".to_owned()),
        (false, false) => None,
    })
}

/// Whether an action takes access away, as far as that is seen from it alone.
pub(super) fn takes_away(action: &Action, inputs: &Inputs<'_>) -> bool {
    let role = |state: &Option<State>| state.as_ref().and_then(State::role);
    match action.kind {
        ActionKind::DeleteOrganization
        | ActionKind::DeleteSite
        | ActionKind::DeleteRole
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::CancelInvitation
        | ActionKind::RemoveMembership
        | ActionKind::RevokeSite
        | ActionKind::RenameUser
        | ActionKind::UpdateMembership
        | ActionKind::ChangeAccess
        | ActionKind::UpdateRole => true,
        ActionKind::ChangeRole | ActionKind::ChangeSiteRole => {
            let (from, to) = (role(&action.before), role(&action.after));
            inputs.rules.loses(&inputs.live.catalog, inputs.names, from, to)
        }
        ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::CreateRole
        | ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::UpdateUser
        | ActionKind::ReactivateUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::AddMembership
        | ActionKind::GrantSite => false,
    }
}

/// What an action comes to.
enum Step {
    Done,
    ToDo,
    Changed(String),
}

/// The copy of what is live on which actions are played.
struct Play<'a> {
    inputs: &'a Inputs<'a>,
    actions: &'a [Action],
    since: Timestamp,
    /// Accounts that actions changed, by identity; `None` where there is none any more.
    accounts: BTreeMap<Name, Option<LiveRecord>>,
    /// Accounts that the plan lets in again.
    reactivated: BTreeSet<Name>,
    balances: Balances<'a>,
    /// What is lent to [`Seen`], one action at a time.
    catalog: Catalog,
}

impl<'a> Play<'a> {
    fn new(saved: &'a SavedPlan, inputs: &'a Inputs<'a>) -> Self {
        let catalog = inputs.live.catalog.clone();
        let accounts = BTreeMap::new();
        let balances = Balances::of(inputs);
        let mut play = Self {
            inputs,
            actions: &saved.actions,
            since: saved.at,
            accounts,
            reactivated: BTreeSet::new(),
            balances,
            catalog,
        };
        let reactivations = saved.actions.iter().filter(|action| action.kind == ActionKind::ReactivateUser);
        play.reactivated = reactivations.filter_map(|action| play.identity(action.subject.user?)).collect();
        play
    }

    fn identity(&self, key: Name) -> Option<Name> {
        let names = self.inputs.names;
        self.inputs.rules.identity.normalize(names.text(key)).ok().and_then(|identity| names.find(&identity))
    }

    fn account(&self, identity: Name) -> Option<LiveRecord> {
        match self.accounts.get(&identity) {
            Some(account) => account.clone(),
            None => self.inputs.live.find(identity).map(record_of),
        }
    }

    fn touched(&self, action: &Action) -> BTreeSet<Name> {
        keys_touched(action).filter_map(|key| self.identity(key)).collect()
    }

    /// The touched accounts as a live state of their own, with the catalog that is lent to it.
    fn scene(&mut self, action: &Action) -> LiveState {
        let mut scene = LiveState::default();
        for identity in self.touched(action) {
            if self.inputs.live.ambiguous().contains(&identity) {
                // Nobody can tell which of them is meant.
                let rows = self.inputs.live.users().filter(|user| user.identity == Some(identity));
                rows.for_each(|user| scene.push(record_of(user)));
            } else if let Some(account) = self.account(identity) {
                scene.push(account);
            }
        }
        scene.evidence = self.inputs.live.evidence.clone();
        scene.catalog = std::mem::take(&mut self.catalog);
        scene
    }

    /// Actions that were certainly done though what they lead from seems to be there: an account stands again under a
    /// key that another action of the plan freed. So what it needs was done as well, whatever is there of that.
    fn done_before(&mut self, actions: &[Action]) -> BTreeSet<u32> {
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
            _ => return false,
        };
        let core = Action { after: Some(core), ..action.clone() };
        let place = action.subject.organization;
        let mut of_place = later.iter().filter(|later| {
            later.subject.user == action.subject.user && (place.is_none() || later.subject.organization == place)
        });
        of_place.any(|later| self.is_done(later)) && self.is_done(&core)
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
            _ => true,
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

    /// What is there of an action, in all of the access that it is about.
    fn shown(&self, action: &Action, scene: &LiveState) -> Shown {
        let Inputs { names, rules, at, .. } = *self.inputs;
        let seen = Seen { names, rules, live: scene, at, since: Some(self.since) };
        let account = action.subject.user.and_then(|key| self.identity(key)).and_then(|key| scene.find(key));
        match shows(action, &seen) {
            Shown::After => Shown::After,
            Shown::Before if carries(action, account.as_ref()) => Shown::Before,
            Shown::Before => Shown::Other("the account has more access".to_owned()),
            Shown::Rewritten(_) | Shown::Other(_) => match misses(action, &seen) {
                None => Shown::Before,
                Some(what) => Shown::Other(what),
            },
            Shown::Unknown(why) => Shown::Unknown(why),
        }
    }

    fn step(&mut self, action: &Action, at: u32) -> Step {
        let scene = self.scene(action);
        let shown = self.shown(action, &scene);
        self.catalog = scene.catalog;
        match shown {
            Shown::After => Step::Done,
            Shown::Before => {
                let lacks = self.lacks(action);
                match lacks.or(self.play(action, at)) {
                    None => Step::ToDo,
                    Some(what) => Step::Changed(what),
                }
            }
            Shown::Rewritten(what) | Shown::Other(what) => {
                // Later actions are judged as if this one were done: one change is told once.
                self.play(action, at);
                Step::Changed(format!("{what}; the plan saw it otherwise"))
            }
            Shown::Unknown(why) => Step::Changed(why),
        }
    }

    /// What an action on access can't do without, though it does not lead from it, if it is not there.
    fn lacks(&self, action: &Action) -> Option<String> {
        match action.kind.topic() {
            Topic::Membership | Topic::SiteGrant => {}
            Topic::Catalog | Topic::Account | Topic::Fields => return None,
        }
        let names = self.inputs.names;
        let identity = action.subject.user.and_then(|key| self.identity(key))?;
        let Some(account) = self.account(identity) else {
            return Some("the account is not there any more".to_owned());
        };
        match account.status {
            Status::Closed => return Some("the account is closed".to_owned()),
            // Reductions come before a reactivation that may have had to wait.
            Status::Inactive
                if matches!(action.kind, ActionKind::AddMembership | ActionKind::GrantSite)
                    && !self.reactivated.contains(&identity) =>
            {
                return Some("the account is inactive, and the plan does not reactivate it".to_owned());
            }
            Status::Inactive | Status::Preloaded | Status::Invited | Status::Active => {}
        }
        let after = action.after.as_ref()?;
        let organization = action.subject.organization.unwrap_or(known::PLATFORM);
        let here = self.catalog.organizations.get(&organization);
        if organization != known::PLATFORM && here.is_none() {
            return Some(format!("organization `{}` is not there any more", names.text(organization)));
        }
        let default = after.value(known::DEFAULT_SITE).and_then(Value::text);
        let granted = after.grants.iter().map(|grant| grant.site);
        let mut sites = action.subject.site.into_iter().chain(default).chain(granted);
        if let Some(site) = sites.find(|site| here.is_some_and(|here| !here.sites.contains_key(site))) {
            let (organization, site) = (names.text(organization), names.text(site));
            return Some(format!("site `{organization}/{site}` is not there any more"));
        }
        let extra = match after.value(known::EXTRA_ROLES) {
            Some(Value::Set(roles)) => names.elements(roles).to_vec(),
            _ => Vec::new(),
        };
        let is_missing = |role: &Name| !self.catalog.roles.contains_key(role) && !is_given(self.inputs, *role);
        if let Some(role) = after.role().into_iter().chain(extra).find(is_missing) {
            return Some(format!("role `{}` is not there any more", names.text(role)));
        }
        let is_member = account.memberships.iter().any(|one| one.organization == organization);
        let is_grant = action.kind.topic() == Topic::SiteGrant;
        (is_grant && !is_member)
            .then(|| format!("the membership in `{}` is not there any more", names.text(organization)))
    }

    /// Does what an action on the catalog does, as far as others ask whether something is there.
    fn play_catalog(&mut self, action: &Action) {
        let Subject { organization, site, role, .. } = action.subject;
        let organizations = &mut self.catalog.organizations;
        match (action.kind, organization, site, role) {
            (ActionKind::CreateOrganization, Some(name), _, _) => {
                organizations.entry(name).or_default();
            }
            (ActionKind::CreateSite, Some(name), Some(site), _) => {
                organizations.entry(name).or_default().sites.entry(site).or_default();
            }
            (ActionKind::CreateRole, _, _, Some(role)) => {
                self.catalog.roles.entry(role).or_default();
            }
            (ActionKind::DeleteOrganization, Some(name), _, _) => {
                organizations.remove(&name);
            }
            (ActionKind::DeleteSite, Some(name), Some(site), _) => {
                organizations.get_mut(&name).and_then(|here| here.sites.remove(&site));
            }
            (ActionKind::DeleteRole, _, _, Some(role)) => {
                self.catalog.roles.remove(&role);
            }
            _ => {}
        }
    }

    /// Does the action to the copy. What it takes that is not there, if anything.
    fn play(&mut self, action: &Action, at: u32) -> Option<String> {
        let touched = self.touched(action);
        let places = |play: &Self| -> Vec<Place> {
            let accounts = touched.iter().filter_map(|&identity| play.account(identity));
            accounts.flat_map(|account| play.balances.places(&account)).collect()
        };
        let before = places(self);
        let Some(key) = action.subject.user else {
            self.play_catalog(action);
            let (accounts, inputs) = (&self.accounts, self.inputs);
            let everybody = || {
                let is_untouched =
                    |user: &LiveView<'_>| user.identity.is_none_or(|identity| !accounts.contains_key(&identity));
                let live = inputs.live.users().filter(is_untouched).map(record_of);
                live.chain(accounts.values().flatten().cloned())
            };
            return self.balances.change_role(action, at, &all_needs(self.actions, action), everybody);
        };
        self.play_account(action, key);
        let after = places(self);
        if before == after {
            self.balances.also_gives(action, at);
            return None;
        }
        self.balances.spend((action, at), &all_needs(self.actions, action), &before, &after)
    }

    fn play_account(&mut self, action: &Action, key: Name) {
        let Some(identity) = self.identity(key) else { return };
        let from = action.before.as_ref().and_then(|before| before.value(known::KEY)).and_then(Value::text);
        let from = from.filter(|_| action.kind == ActionKind::RenameUser).and_then(|key| self.identity(key));
        let account = self.account(from.unwrap_or(identity));
        if let Some(from) = from {
            self.accounts.insert(from, None);
        }
        let account = changed(self.inputs, action, (key, identity), account);
        self.accounts.insert(identity, account);
    }
}

/// All that an action needs, directly or not.
fn all_needs(actions: &[Action], action: &Action) -> Vec<u32> {
    let mut found: BTreeSet<u32> = BTreeSet::new();
    let mut open = action.needs.clone();
    while let Some(need) = open.pop() {
        if found.insert(need) {
            open.extend(actions.get(need as usize).into_iter().flat_map(|action| &action.needs));
        }
    }
    found.into_iter().collect()
}

/// Whether the account has the access that an action ends, and no more.
fn carries(action: &Action, account: Option<&LiveView<'_>>) -> bool {
    let (Some(state), Some(account)) = (&action.before, account) else { return true };
    let organization = action.subject.organization;
    match action.kind {
        ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::CancelInvitation => {
            let says = |membership: &&Membership| {
                let Membership { organization, role, extra_roles, default_site: _ } = membership;
                *organization != known::PLATFORM || role.is_some() || !extra_roles.is_empty()
            };
            let count = |memberships: &[Membership]| memberships.iter().filter(says).count();
            count(account.memberships) == count(&state.memberships) && account.grants.len() == state.grants.len()
        }
        ActionKind::RemoveMembership => {
            let here = organization.into_iter().flat_map(|organization| account.grants_in(organization));
            here.count() == state.grants.len()
        }
        _ => true,
    }
}
