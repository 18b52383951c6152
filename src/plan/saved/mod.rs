//! Whether a saved plan still holds.
//!
//! The principle: a saved plan never does what a plan made now for the same actions would refuse, hide or hold back; it
//! may only do less. `today` asks that of each action that is still to be done.
//!
//! Its actions are played in their order on a copy of what is live. Each has to find what it leads from, or else what
//! it leads to: then it was done before, by a run that was cut off, and so was all that it needs. What it takes of
//! seats and admin places has to be there: given by what it needs, or left over today. Deliberately absent: a choice.
//! What does not hold is told, and nothing is put in its place.

mod balance;
mod beyond;
mod declared;
mod done_before;
mod given;
mod played;
mod rewound;
mod riskier;
mod today;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use balance::{Balances, Place};
use played::{changed, record_of};
use riskier::Told;
use today::Today;

use super::assemble::is_given;
use super::file::SavedPlan;
use super::forbidden::{forbidden, gives};
use super::saved_renames::SavedRenames;
use super::shown::{Seen, Shown, keys_touched, misses, shows};
use super::time::declared_change;
use super::{Action, Inputs, Plan, State, Subject};
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

/// Asks whether a saved plan holds for what is live, and beside what today's plan says. The store and the rules have to be
/// those of the plan. `ran`: when earlier runs of this plan did its actions, by id.
#[must_use]
pub fn holding(saved: &SavedPlan, today: &Plan, inputs: &Inputs<'_>, ran: &BTreeMap<String, Timestamp>) -> Holding {
    let mut found = Holding::default();
    if let Some(what) = out_of_time(saved, inputs) {
        found.changed.push(Changed { action: None, what });
        return found;
    }
    let renames = SavedRenames::of(inputs, &saved.actions);
    let viewed = renames.view(inputs);
    let mut play = Play::new(saved, &viewed, &renames);
    let done_before = play.done_before(&saved.actions);
    let of_today = Today::new(saved, &viewed, (today, ran));
    let wanted = saved.actions.iter().zip(0..).filter(|(action, _)| of_today.wants(action));
    play.wanted = wanted.map(|(_, at)| at).collect();
    let mut short = Vec::new();
    for (action, at) in saved.actions.iter().zip(0_u32..) {
        if done_before.contains(&at) {
            found.done.push(at);
            continue;
        }
        let step = play.step(action, at);
        // Whoever is protected: nothing is left to be done to them, and a role that is gone can't be compared.
        if matches!(step, Step::Done) {
            found.done.push(at);
            continue;
        }
        let what = match (forbidden(action, &viewed), &step) {
            (None, Step::Changed(what)) => Some(what.clone()),
            (what, _) => what.or_else(|| of_today.holds_back(action)),
        };
        match (what, step) {
            (Some(what), _) => found.changed.push(Changed { action: Some(at), what }),
            (None, Step::Short(what)) => short.push(Changed { action: Some(at), what }),
            (None, Step::ToDo | Step::Done | Step::Changed(_)) => {}
        }
    }
    if !short.is_empty() && !found.done.is_empty() {
        short = rewound::short(saved, (&viewed, &renames), &found.done).unwrap_or(short);
    }
    found.changed.append(&mut short);
    let risks = Told::new(saved, &viewed, today, &found.done);
    let told: BTreeSet<Option<u32>> = found.changed.iter().map(|changed| changed.action).collect();
    for (action, at) in saved.actions.iter().zip(0_u32..) {
        if told.contains(&Some(at)) || found.done.binary_search(&at).is_ok() {
            continue;
        }
        let account = action.subject.user.and_then(|key| play.identity(key)).and_then(|key| play.account(key));
        let what = account.and_then(|account| of_today.comes_back(action, &account, &saved.actions));
        let what = what.or_else(|| risks.more(action, at));
        found.changed.extend(what.map(|what| Changed { action: Some(at), what }));
    }
    found.changed.sort_by_key(|changed| changed.action);
    found
}

fn out_of_time(saved: &SavedPlan, inputs: &Inputs<'_>) -> Option<String> {
    let now = inputs.at;
    // The digest says nothing about time, so that a file could be made to hold for ever: the manifests are asked, too.
    let declared = declared_change(&Inputs { at: saved.at, ..inputs.clone() });
    match saved.valid_until.into_iter().chain(declared).min() {
        Some(until) if until <= now => Some(format!("the plan was valid until {until}, and it is {now} now")),
        Some(_) | None if now < saved.at => {
            Some(format!("the plan was made at {}, and it is {now} here: check the clocks", saved.at))
        }
        Some(_) | None => None,
    }
}

/// What an action comes to.
enum Step {
    Done,
    ToDo,
    Changed(String),
    /// Something that spans users is not there.
    Short(String),
}

/// Accounts that actions changed, by identity; `None` where there is none any more.
type Accounts = BTreeMap<Name, Option<LiveRecord>>;

/// The copy of what is live on which actions are played.
struct Play<'a> {
    inputs: &'a Inputs<'a>,
    renames: &'a SavedRenames,
    actions: &'a [Action],
    since: Timestamp,
    accounts: Accounts,
    /// The same for where the plan begins: none, unless it is played from before a run that was cut off.
    first: Accounts,
    /// Accounts that the plan lets in again.
    reactivated: BTreeSet<Name>,
    /// Actions, by place, that today's plan does in the same way.
    wanted: BTreeSet<u32>,
    balances: Balances<'a>,
    /// What is lent to [`Seen`], one action at a time.
    catalog: Catalog,
}

impl<'a> Play<'a> {
    fn new(saved: &'a SavedPlan, inputs: &'a Inputs<'a>, renames: &'a SavedRenames) -> Self {
        let catalog = inputs.live.catalog.clone();
        let accounts = Accounts::new();
        let balances = Balances::of(inputs);
        let mut play = Self {
            inputs,
            renames,
            actions: &saved.actions,
            since: saved.at,
            accounts,
            first: Accounts::new(),
            reactivated: BTreeSet::new(),
            wanted: BTreeSet::new(),
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

    /// What is there of an action, in all of the access that it is about.
    fn shown(&self, action: &Action, scene: &LiveState) -> Shown {
        let Inputs { names, rules, at, .. } = *self.inputs;
        let seen = Seen { names, rules, live: scene, at, since: Some(self.since) };
        let viewed = self.renames.viewed(names, action);
        let action = viewed.as_ref().unwrap_or(action);
        if let Some(open) = self.renames.to_do(self.inputs, action) {
            return misses(&open, &seen).map_or(Shown::Before, Shown::Other);
        }
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
                let lacks = self.lacks(action, at);
                match (lacks, self.play(action, at)) {
                    (Some(what), _) => Step::Changed(what),
                    (None, Some(what)) => Step::Short(what),
                    (None, None) => Step::ToDo,
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
    fn lacks(&self, action: &Action, at: u32) -> Option<String> {
        match action.kind.topic() {
            Topic::Membership | Topic::SiteGrant => {}
            Topic::Fields if action.kind == ActionKind::ChangeAccess => {}
            Topic::Catalog | Topic::Account | Topic::Fields => return None,
        }
        let names = self.inputs.names;
        let identity = action.subject.user.and_then(|key| self.identity(key))?;
        let Some(account) = self.account(identity) else {
            return Some("the account is not there any more".to_owned());
        };
        match account.status {
            Status::Closed => return Some("the account is closed".to_owned()),
            // Reductions come before a reactivation that may have had to wait; a role that is not declared any more may
            // be exchanged for a larger one then.
            Status::Inactive
                if gives(action, self.inputs)
                    && !self.reactivated.contains(&identity)
                    && !self.wanted.contains(&at) =>
            {
                return Some("the account is inactive, and the plan does not reactivate it".to_owned());
            }
            Status::Inactive | Status::Preloaded | Status::Invited | Status::Active => {}
        }
        let after = action.after.as_ref().filter(|_| action.kind.topic() != Topic::Fields)?;
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
            let needs = all_needs(self.actions, action);
            let (now, first) = (everybody(self.inputs, &self.accounts), everybody(self.inputs, &self.first));
            return self.balances.change_role((action, at), &needs, now, first);
        };
        self.play_account(action);
        let (after, user) = (places(self), self.identity(key));
        if before == after {
            if let Some(user) = user {
                self.balances.also_gives((action, user), at);
            }
            return None;
        }
        self.balances.spend((user, at), &all_needs(self.actions, action), &before, &after)
    }

    fn play_account(&mut self, action: &Action) {
        let Some(key) = action.subject.user else { return };
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

/// Everybody, where these accounts differ from what is live.
fn everybody<'a>(
    inputs: &'a Inputs<'a>,
    changed: &'a Accounts,
) -> impl Fn() -> Box<dyn Iterator<Item = LiveRecord> + 'a> {
    move || {
        let is_same = |user: &LiveView<'_>| user.identity.is_none_or(|identity| !changed.contains_key(&identity));
        let live = inputs.live.users().filter(is_same).map(record_of);
        Box::new(live.chain(changed.values().flatten().cloned()))
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
        ActionKind::AddMembership => {
            let ended = state.memberships.iter().flat_map(|ended| account.grants_in(ended.organization));
            ended.count() == state.grants.len()
        }
        // It ends the other one of the organization, and takes its place.
        ActionKind::GrantSite if !state.grants.is_empty() => {
            let here = organization.into_iter().flat_map(|organization| account.grants_in(organization));
            here.count() == state.grants.len()
        }
        _ => true,
    }
}
