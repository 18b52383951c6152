//! What a plan made now would refuse, hide or hold back.
//!
//! The principle of saved plans: one never does what a plan made now for the same actions would refuse, hide or hold
//! back; it may only do less. Whatever today's plan does in the same way is lawful by that. Of everything else it is
//! asked here whether the settings of today manage it, whether the manifests of today leave it to others or keep it,
//! whether somebody shall be kept out by now, and whether it was done by an earlier run and undone on purpose. What is
//! counted (seats, admins, people) is none of this: it is played by the plan's own actions, and judged by guards.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::super::diff::widens;
use super::super::forbidden::gives;
use super::super::saved_plan::is_same;
use super::super::scope::Reach;
use super::given::refused;
use super::{Action, Inputs, SavedPlan, State, Subject, beyond, declared};
use crate::model::{
    ActionKind, CatalogKey, DeclaredStatus, LeftAlone, LiveRecord, LiveView, Membership, Name, Standing, Status, Topic,
    UserView, Value, known,
};
use crate::plan::{AbsentUsers, CatalogPolicy, Deferred, Obstacle, Plan, WaitsFor, action_id};

/// What today's plan, settings and manifests say, and what earlier runs of the saved plan did.
pub(super) struct Today<'a> {
    inputs: &'a Inputs<'a>,
    reach: Reach<'a>,
    actions: &'a [Action],
    /// Those of the saved plan.
    saved: &'a [Action],
    wanted: HashMap<(ActionKind, Subject), &'a Action>,
    waiting: HashMap<(ActionKind, Subject), &'a Deferred>,
    /// Keys of declared users by those of before, all as compared.
    former: HashMap<Name, Name>,
    /// Users to whom a plan made now gives a new key, at once or later, by that key as compared.
    renamed: BTreeSet<Name>,
    /// By id: when an earlier run of the saved plan did it last.
    ran: &'a BTreeMap<String, Timestamp>,
    made: Timestamp,
}

impl<'a> Today<'a> {
    pub(super) fn new(
        saved: &'a SavedPlan,
        inputs: &'a Inputs<'a>,
        (today, ran): (&'a Plan, &'a BTreeMap<String, Timestamp>),
    ) -> Self {
        let former = inputs.desired.former_keys().map(|(user, previous)| (previous.identity, user.identity));
        let all = today.actions.iter().map(|action| (action.kind, action.subject));
        let all = all.chain(today.deferred.iter().map(|waiting| (waiting.kind, waiting.subject)));
        let renamed = all.filter(|(kind, _)| *kind == ActionKind::RenameUser);
        Self {
            former: former.collect(),
            renamed: renamed.filter_map(|(_, subject)| compared(inputs, subject.user?)).collect(),
            inputs,
            reach: Reach::new(inputs),
            actions: &today.actions,
            saved: &saved.actions,
            wanted: today.actions.iter().map(|action| ((action.kind, action.subject), action)).collect(),
            waiting: today.deferred.iter().map(|waiting| ((waiting.kind, waiting.subject), waiting)).collect(),
            ran,
            made: saved.at,
        }
    }

    /// Why a plan made now would not do this action, which is still to be done; `None` if nothing keeps it from that.
    pub(super) fn holds_back(&self, action: &Action) -> Option<String> {
        let is_wanted = self.wants(action);
        if is_wanted {
            return self.not_sent_anew(action).or_else(|| self.undone(action, is_wanted));
        }
        let refused = match action.kind.topic() {
            Topic::Catalog => self.catalog(action),
            Topic::Membership | Topic::SiteGrant => self.access(action).or_else(|| self.person(action)),
            Topic::Account | Topic::Fields => self.account(action).or_else(|| self.person(action)),
        };
        refused.or_else(|| self.waits(action)).or_else(|| self.undone(action, is_wanted))
    }

    /// Whether today's plan does it in the same way.
    pub(super) fn wants(&self, action: &Action) -> bool {
        let wanted = self.wanted.get(&(action.kind, action.subject));
        wanted.is_some_and(|wanted| is_same(self.inputs.names, action, wanted))
    }

    /// Why an invitation is not cancelled: a plan made now sends another one at once, with what others gave, and the saved
    /// plan does not.
    fn not_sent_anew(&self, action: &Action) -> Option<String> {
        let is_new = |one: &&Action| {
            one.kind == ActionKind::InviteUser
                && one.subject.user.and_then(|key| compared(self.inputs, key)) == {
                    action.subject.user.and_then(|key| compared(self.inputs, key))
                }
        };
        let is_cancelled = action.kind == ActionKind::CancelInvitation;
        let is_left_out =
            is_cancelled && self.actions.iter().any(|one| is_new(&one)) && !self.saved.iter().any(|one| is_new(&one));
        is_left_out.then(|| "a plan made now sends another invitation in its place".to_owned())
    }

    /// Whether an earlier run of the saved plan did it: what it leads from is back, so somebody undid that on purpose.
    fn undone(&self, action: &Action, is_wanted: bool) -> Option<String> {
        let done = self.ran.get(&action_id(self.inputs.names, action.kind, &action.subject))?.as_second();
        // A plan that was made after that, with the same digest, has looked at it; within one second nobody can tell what
        // came first. What today's plan does not want either was undone, whatever the file says of its time.
        let is_since = done > self.made.as_second() || !is_wanted;
        is_since.then(|| "an earlier run of this plan did it, and it was undone since".to_owned())
    }

    /// What it waits for in today's plan. Seats and admins are counted by the saved plan's own actions.
    fn waits(&self, action: &Action) -> Option<String> {
        let waiting = self.waiting.get(&(action.kind, action.subject))?;
        match waiting.waits_for {
            WaitsFor::Seat | WaitsFor::Successor => self.stronger_role(waiting),
            WaitsFor::Decision if waiting.obstacle == Some(Obstacle::LockedOut) => Some(LOCKED_OUT.to_owned()),
            other => Some(format!("it has to wait by now, for {}", word(other))),
        }
    }

    /// The role that a plan made now makes less before anybody comes to it.
    fn stronger_role(&self, waiting: &Deferred) -> Option<String> {
        let Some(Obstacle::Redefinition(role)) = waiting.obstacle else { return None };
        let (declared, live) = (&self.inputs.desired.catalog.roles, &self.inputs.live.catalog.roles);
        let is_stronger = widens(self.inputs, declared.get(&role)?, live.get(&role)?);
        let name = self.inputs.names.text(role);
        is_stronger.then(|| format!("it has to wait by now, until role `{name}` is made less"))
    }

    /// Why somebody would come back with more than the manifests of today give: `account` is what there is when the saved
    /// plan is done.
    pub(super) fn comes_back(&self, action: &Action, account: &LiveRecord, saved: &[Action]) -> Option<String> {
        match action.kind {
            ActionKind::ReactivateUser | ActionKind::SendInvitation | ActionKind::ResendInvitation => {}
            _ => return None,
        }
        if let Some(wanted) = self.wanted.get(&(action.kind, action.subject)).filter(|_| self.wants(action)) {
            let needed = wanted.needs.iter().filter_map(|&need| self.actions.get(need as usize));
            let mut needed = needed.filter(|need| need.subject.user == action.subject.user);
            let is_done = |need: &Action| {
                let of_saved = |one: &&Action| (one.kind, one.subject) == (need.kind, need.subject);
                saved.iter().find(of_saved).is_some_and(|one| is_same(self.inputs.names, one, need))
            };
            let missing = needed.find(|need| !is_done(need))?;
            let missing = action_id(self.inputs.names, missing.kind, &missing.subject);
            return Some(format!("a plan made now does `{missing}` first"));
        }
        let declared = self.declared(action)?;
        let access = (&account.memberships[..], &account.grants[..]);
        beyond::of_account(access, &declared, self.inputs, |organization| self.reach.organization(organization))
    }

    // ---- the catalog

    fn catalog(&self, action: &Action) -> Option<String> {
        if self.inputs.policy.catalog == CatalogPolicy::Existing {
            return Some("the catalog is not managed by the settings of today".to_owned());
        }
        let key = action.subject.catalog_key()?;
        let desired = self.inputs.desired;
        let has_tombstone = desired.tombstones.contains_key(&key)
            || matches!(key, CatalogKey::Site(of, _) if desired.tombstones.contains_key(&CatalogKey::Organization(of)));
        let is_deletion = action.after.is_none();
        if is_deletion && !has_tombstone {
            return Some("no manifest has a tombstone for it any more".to_owned());
        }
        if !self.reach.catalog(action.kind, &action.subject) {
            return Some("it is out of scope by now".to_owned());
        }
        let is_declared = match key {
            CatalogKey::Organization(name) => desired.catalog.organizations.contains_key(&name),
            CatalogKey::Site(organization, site) => desired.catalog.has_site(organization, site),
            CatalogKey::Role(role) => desired.catalog.roles.contains_key(&role),
        };
        match (is_declared, key) {
            (true, _) => self.renames(key, action).or_else(|| beyond::of_catalog(action, self.inputs)),
            (false, _) if is_deletion => None,
            (false, CatalogKey::Organization(_)) => {
                Some("it is out of scope by now: no manifest declares it".to_owned())
            }
            (false, CatalogKey::Site(..) | CatalogKey::Role(_)) => {
                Some("no manifest declares it any more, so it is not changed".to_owned())
            }
        }
    }

    /// Why something is not called otherwise: the manifests of today may mean another thing by the name.
    fn renames(&self, key: CatalogKey, action: &Action) -> Option<String> {
        let former = former_name(action.before.as_ref())?;
        let is_said = self.inputs.desired.renames.get(&key).is_some_and(|previous| previous.name == former);
        let place = (action.kind, action.subject);
        let of_action = self.wanted.get(&place).and_then(|wanted| wanted.before.as_ref());
        let of_waiting = self.waiting.get(&place).and_then(|waiting| waiting.before.as_ref());
        let is_done_now = [of_action, of_waiting].into_iter().any(|before| former_name(before) == Some(former));
        match (is_said, is_done_now) {
            (true, true) => None,
            (true, false) => Some(NOT_RENAMED_NOW.to_owned()),
            (false, _) => Some(NOT_RENAMED.to_owned()),
        }
    }

    // ---- access

    fn access(&self, action: &Action) -> Option<String> {
        let organization = action.subject.organization.unwrap_or(known::PLATFORM);
        let ended = action.ended_memberships().iter().map(|ended| ended.organization);
        if let Some(place) = ended.chain([organization]).find(|&place| !self.reach.organization(place)) {
            return Some(self.out_of_scope(place));
        }
        let declared = self.declared(action)?;
        let left_alone = self.inputs.effective(&declared).left_alone;
        let is_kept = |ended: &Membership| left_alone.iter().any(|(place, _)| *place == ended.organization);
        if action.ended_memberships().iter().any(is_kept) {
            return Some(LEFT_TO_OTHERS.to_owned());
        }
        let here = left_alone.into_iter().find(|(of, _)| *of == organization);
        let LeftAlone { membership, role, extra_roles, sites } = here.map(|(_, left_alone)| left_alone)?;
        let says =
            |field: Name| [&action.before, &action.after].into_iter().flatten().any(|one| one.value(field).is_some());
        let is_left = match action.kind {
            ActionKind::UpdateMembership => {
                extra_roles && says(known::EXTRA_ROLES) || sites && says(known::DEFAULT_SITE)
            }
            ActionKind::GrantSite | ActionKind::ChangeSiteRole | ActionKind::RevokeSite => sites,
            // These may take everything with them that hangs on the membership.
            _ => role || extra_roles || sites,
        };
        (membership || is_left).then(|| LEFT_TO_OTHERS.to_owned())
    }

    fn out_of_scope(&self, organization: Name) -> String {
        if organization == known::PLATFORM {
            return "roles on the whole platform are out of scope by now".to_owned();
        }
        format!("organization `{}` is out of scope by now", self.inputs.names.text(organization))
    }

    // ---- accounts

    /// Whether the account itself is managed.
    fn account(&self, action: &Action) -> Option<String> {
        let live = self.identities(action).into_iter().find_map(|identity| self.inputs.live.find(identity));
        let is_named = self.declared(action).is_some() || self.is_leaver(action);
        if action.kind == ActionKind::ChangeAccess {
            let is_managed = self.reach.access_fields(live.as_ref());
            return (!is_managed).then(|| "access that belongs to no organization is out of scope by now".to_owned());
        }
        if !self.reach.accounts() {
            return Some("accounts are not managed by the settings of today".to_owned());
        }
        let carried = action.after.iter().flat_map(|after| &after.memberships);
        let is_bare =
            |one: &Membership| one.organization == known::PLATFORM && one.role.is_none() && one.extra_roles.is_empty();
        let mut carried = carried.filter(|one| !is_bare(one)).map(|one| one.organization);
        if let Some(organization) = carried.find(|&of| !self.reach.organization(of)) {
            return Some(self.out_of_scope(organization));
        }
        let declared = self.declared(action);
        let makes = matches!(action.kind, ActionKind::InviteUser | ActionKind::CreateUser);
        // What others gave goes along with the invitation that this plan has begun to send anew, and with no other one.
        if makes
            && !self.has_cancelled(action)
            && declared.is_some_and(|declared| !self.inputs.effective(&declared).left_alone.is_empty())
        {
            return Some(LEFT_TO_OTHERS.to_owned());
        }
        if declared.is_some_and(|declared| self.reach.leaves_out(self.inputs.names, &declared, live.as_ref())) {
            return Some("the account has no membership in scope by now".to_owned());
        }
        let is_of_whole = match action.kind {
            ActionKind::InviteUser | ActionKind::CreateUser | ActionKind::UpdateUser => false,
            _ => live.is_some_and(|live| !self.reach.whole_account(&live, is_named)),
        };
        is_of_whole.then(|| "the account belongs to organizations that are out of scope by now".to_owned())
    }

    /// Whether the manifests and the settings of today have something else in mind with the person.
    fn person(&self, action: &Action) -> Option<String> {
        let Some(declared) = self.declared(action) else { return self.undeclared(action) };
        let standing = declared.standing(self.inputs.at);
        let gives = gives(action, self.inputs);
        if let Some(why) = self.kept_out(action, &declared, standing).filter(|_| gives) {
            return Some(why);
        }
        // What is less than before has to be something that can be given, too.
        let why = refused(action, self.inputs);
        let why = why.or_else(|| beyond::of_user(action, &declared, self.inputs).filter(|_| gives));
        if why.is_some() {
            return why;
        }
        let why = declared::refuse_fields(action, &declared, self.inputs);
        let why = why.or_else(|| declared::refuse_default_site(action, &declared, self.inputs));
        if let Some(why) = why.or_else(|| declared::keep(action, &declared, self.inputs)) {
            return Some(why);
        }
        let is_wanted = !matches!(
            standing,
            Standing::Left(_)
                | Standing::Expired(_)
                | Standing::Wanted(Some(DeclaredStatus::Inactive | DeclaredStatus::Absent))
        );
        let has_tombstone = standing == Standing::Wanted(Some(DeclaredStatus::Absent));
        match action.kind {
            ActionKind::DeleteUser | ActionKind::CloseUser if !has_tombstone => {
                Some("no manifest has a tombstone for it any more".to_owned())
            }
            ActionKind::RenameUser if !self.is_renamed(action, &declared) => Some(NOT_RENAMED.to_owned()),
            ActionKind::RenameUser if !self.renamed.contains(&declared.identity) => Some(NOT_RENAMED_NOW.to_owned()),
            ActionKind::DeactivateUser | ActionKind::StripUser if is_wanted => {
                Some("the manifests of today keep this account".to_owned())
            }
            ActionKind::CancelInvitation if is_wanted => Some("the manifests of today keep this invitation".to_owned()),
            ActionKind::ChangeAccess if is_left_alone(action, &declared) => Some(LEFT_TO_OTHERS.to_owned()),
            _ => None,
        }
    }

    /// Why somebody who is declared shall not be let in, or get more, today.
    fn kept_out(&self, action: &Action, declared: &UserView<'_>, standing: Standing) -> Option<String> {
        let keys = self.identities(action).into_iter().chain(declared.previous.map(|previous| previous.identity));
        if declared.status != Some(DeclaredStatus::Active) && keys.into_iter().any(|key| self.is_locked_out(key)) {
            return Some(LOCKED_OUT.to_owned());
        }
        let sends = matches!(action.kind, ActionKind::SendInvitation | ActionKind::ResendInvitation)
            || action.kind == ActionKind::InviteUser && status(action) == Some(Status::Invited.name());
        let why = match standing {
            Standing::Left(_) => "the person is named under `inactive` by now",
            Standing::Expired(_) => "the person has expired by now",
            Standing::NotYet(_) => "the person has not begun by the manifests of today",
            Standing::Wanted(Some(DeclaredStatus::Inactive)) => "the person is declared `inactive` by now",
            Standing::Wanted(Some(DeclaredStatus::Absent)) => "the person is declared `absent` by now",
            Standing::Wanted(Some(DeclaredStatus::Preloaded)) if sends => {
                "the person is declared `preloaded` by now, so no invitation is sent"
            }
            Standing::Wanted(None | Some(DeclaredStatus::Preloaded)) if action.kind == ActionKind::ReactivateUser => {
                "somebody deactivated the account, and no manifest says `status: active` any more"
            }
            Standing::Wanted(None | Some(DeclaredStatus::Active | DeclaredStatus::Preloaded)) => return None,
        };
        Some(why.to_owned())
    }

    /// Why nothing is given to, or taken from, somebody whom no manifest names.
    fn undeclared(&self, action: &Action) -> Option<String> {
        let is_leaver = self.is_leaver(action);
        if gives(action, self.inputs) || action.kind == ActionKind::UpdateUser {
            let why = if is_leaver {
                "the person is named under `inactive` by now"
            } else {
                "no manifest names the person any more"
            };
            return Some(why.to_owned());
        }
        if let Some(why) = refused(action, self.inputs) {
            return Some(why);
        }
        if matches!(action.kind, ActionKind::DeleteUser | ActionKind::CloseUser) {
            return Some("no manifest has a tombstone for it any more".to_owned());
        }
        let live = self.identities(action).into_iter().find_map(|identity| self.inputs.live.find(identity));
        let live: LiveView<'_> = live.filter(|_| !is_leaver)?;
        if live.is_service() {
            return Some("no manifest names it any more, and service accounts are only reported".to_owned());
        }
        if self.inputs.policy.absent_users == AbsentUsers::Report {
            return Some("no manifest names the person, and by the settings of today that is only reported".to_owned());
        }
        self.reach.refuse_absent(&live).map(|why| format!("the account {why}"))
    }

    // ---- whom an action is about

    /// The keys of an action, as compared: two where it renames.
    fn identities(&self, action: &Action) -> Vec<Name> {
        super::keys_touched(action).filter_map(|key| compared(self.inputs, key)).collect()
    }

    /// The declared user whom an action is about, by the key that it leads to, or by the key of before.
    fn declared(&self, action: &Action) -> Option<UserView<'a>> {
        let desired = self.inputs.desired;
        let identity = self.identities(action).into_iter().next()?;
        desired.find(identity).or_else(|| desired.find(*self.former.get(&identity)?))
    }

    /// Whether an earlier run of the saved plan cancelled the invitation that this action sends anew.
    fn has_cancelled(&self, action: &Action) -> bool {
        let former = self.declared(action).and_then(|declared| declared.previous).map(|previous| previous.name);
        let cancelled = |user: Name| {
            let subject = Subject { user: Some(user), ..Subject::default() };
            self.ran.contains_key(&action_id(self.inputs.names, ActionKind::CancelInvitation, &subject))
        };
        action.subject.user.into_iter().chain(former).any(cancelled)
    }

    fn is_leaver(&self, action: &Action) -> bool {
        let leaver = |identity: &Name| self.inputs.desired.leavers.get(identity);
        let mut leavers = self.identities(action).into_iter().filter_map(|identity| leaver(&identity).copied());
        leavers.any(|leaver| leaver.from.is_none_or(|from| from <= self.inputs.at))
    }

    fn is_locked_out(&self, identity: Name) -> bool {
        let Inputs { names, live, policy, .. } = self.inputs;
        live.locked_out.contains(&identity) || policy.locked_out.contains(names.text(identity))
    }

    /// Whether a manifest of today says that the user whom an action gives a new key had the one of before.
    fn is_renamed(&self, action: &Action, declared: &UserView<'_>) -> bool {
        let former = former_name(action.before.as_ref()).and_then(|key| compared(self.inputs, key));
        let own = action.subject.user.and_then(|key| compared(self.inputs, key));
        former.is_some()
            && former == declared.previous.map(|previous| previous.identity)
            && own == Some(declared.identity)
    }
}

/// A key as it is compared.
fn compared(inputs: &Inputs<'_>, key: Name) -> Option<Name> {
    let Inputs { names, rules, .. } = inputs;
    rules.identity.normalize(names.text(key)).ok().and_then(|key| names.find(&key))
}

/// The name from which a rename leads.
fn former_name(before: Option<&State>) -> Option<Name> {
    before.and_then(|before| before.value(known::KEY)).and_then(Value::text)
}

/// Whether a manifest leaves a field that an action changes to others.
fn is_left_alone(action: &Action, declared: &UserView<'_>) -> bool {
    let mut facts = action.after.iter().flat_map(|after| &after.facts);
    facts.any(|fact| declared.value(fact.field) == Some(Value::Text(known::UNMANAGED)))
}

const NOT_RENAMED: &str = "no manifest says any more that it was called so (`previously`)";
const NOT_RENAMED_NOW: &str = "a plan made now does not rename it";
const LEFT_TO_OTHERS: &str = "a manifest of today leaves this to others (`unmanaged`)";
const LOCKED_OUT: &str = "an operator locked the person out, and no manifest says `status: active`";

fn status(action: &Action) -> Option<Name> {
    action.after.as_ref().and_then(|after| after.value(known::STATUS)).and_then(Value::text)
}

/// What something waits for, for people.
const fn word(waits_for: WaitsFor) -> &'static str {
    match waits_for {
        WaitsFor::Acceptance => "an invitation to be accepted",
        WaitsFor::Seat => "a seat",
        WaitsFor::Successor => "another admin",
        WaitsFor::Key => "a key that another account has",
        WaitsFor::Grace => "the time between deactivation and deletion",
        WaitsFor::Decision => "somebody's decision",
        WaitsFor::Start => "a day that has not come",
        WaitsFor::Catalog => "an organization, site or role that is not there",
        WaitsFor::Field => "a field that is missing",
        WaitsFor::Enrolment => "the person to enrol",
        WaitsFor::OwnAccount => "somebody else: it is about the account that rollcall itself uses",
        WaitsFor::Protected => "somebody else: the account is protected",
    }
}
