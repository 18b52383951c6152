//! Whether the live state shows what an action leads from, or what it leads to.
//!
//! Three readers share this answer: the executor when it verifies a write, the look-up of an attempt whose end is
//! unknown, and the check whether a saved plan is stale. It is pure. What is missing from a collection that was read
//! only in part is not known to be missing.

mod switched;

use jiff::Timestamp;

use super::{Action, State, Subject};
use crate::model::{
    ActionKind, Collection, Completeness, Fact, Fields, Grant, InvitationState, LiveState, LiveView, Membership, Name,
    Names, Status, Value, known,
};
use crate::rules::Rules;

/// What is looked at.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// The names of the action and of the live state.
    pub names: &'a Names,
    /// How keys and values compare.
    pub rules: &'a Rules,
    /// What the store holds.
    pub live: &'a LiveState,
    /// When it was read.
    pub at: Timestamp,
    /// When the action was attempted, if it was: an invitation that was sent before was not sent again by it.
    pub since: Option<Timestamp>,
}

/// What the live state says about an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// What it leads to is there. An action that leads from and to the same shows this as well.
    After,
    /// What it leads from is still there.
    Before,
    /// What it leads to is there, but for values that are neither the wanted ones nor those from before: which.
    Rewritten(String),
    /// Something else is there: what.
    Other(String),
    /// What was read does not tell: why.
    Unknown(String),
}

/// The keys of the accounts that tell what became of an action.
pub fn keys_touched(action: &Action) -> impl Iterator<Item = Name> + use<> {
    let renamed = [&action.before, &action.after]
        .map(|state| state.as_ref().and_then(|state| state.value(known::KEY)).and_then(Value::text));
    let [before, after] = renamed;
    [action.subject.user, before, after].into_iter().flatten()
}

/// What the live state says about an action.
#[must_use]
pub fn shows(action: &Action, seen: &Seen<'_>) -> Shown {
    let (before, after) = (action.before.as_ref(), action.after.as_ref());
    let after = Expected { action, state: after, other: before, is_after: true, seen }.found();
    if after == Found::Same {
        return Shown::After;
    }
    let before = Expected { action, state: before, other: None, is_after: false, seen }.found();
    match (before, after) {
        (Found::Same, _) => Shown::Before,
        (Found::Unknown(why), _) | (_, Found::Unknown(why)) => Shown::Unknown(why),
        (_, Found::OtherValue(what)) => Shown::Rewritten(what),
        (_, Found::Different(what)) => Shown::Other(what),
        (_, Found::Same) => Shown::After,
    }
}

/// What keeps the live state from being what an action leads from, in words; `None` if it is that.
pub(super) fn misses(action: &Action, seen: &Seen<'_>) -> Option<String> {
    let before = action.before.as_ref();
    match (Expected { action, state: before, other: None, is_after: false, seen }).found() {
        Found::Same => None,
        Found::OtherValue(what) | Found::Different(what) | Found::Unknown(what) => Some(what),
    }
}

/// How what is live compares with one side of an action. The worse of two is the larger one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Same,
    /// A value is neither the expected one nor the one of the other side.
    OtherValue(String),
    /// Something is missing, or should not be there.
    Different(String),
    Unknown(String),
}

/// One side of an action, to be found in the live state.
struct Expected<'a> {
    action: &'a Action,
    state: Option<&'a State>,
    /// The other side: a value that is still this one was not changed.
    other: Option<&'a State>,
    is_after: bool,
    seen: &'a Seen<'a>,
}

/// An account, as far as the read tells.
enum Account<'a> {
    Present(LiveView<'a>),
    Absent,
    Unknown(String),
}

impl Expected<'_> {
    fn found(&self) -> Found {
        match self.action.kind {
            ActionKind::CreateOrganization
            | ActionKind::UpdateOrganization
            | ActionKind::DeleteOrganization
            | ActionKind::CreateSite
            | ActionKind::UpdateSite
            | ActionKind::DeleteSite
            | ActionKind::CreateRole
            | ActionKind::UpdateRole
            | ActionKind::DeleteRole => self.catalog(),
            ActionKind::RenameUser => self.renamed(),
            ActionKind::InviteUser
            | ActionKind::CreateUser
            | ActionKind::UpdateUser
            | ActionKind::ChangeAccess
            | ActionKind::DeactivateUser
            | ActionKind::ReactivateUser
            | ActionKind::CloseUser
            | ActionKind::DeleteUser
            | ActionKind::SendInvitation => self.account(),
            ActionKind::StripUser => self.stripped(),
            ActionKind::ResendInvitation | ActionKind::CancelInvitation => self.invitation(),
            ActionKind::AddMembership
            | ActionKind::ChangeRole
            | ActionKind::UpdateMembership
            | ActionKind::RemoveMembership => self.membership(),
            ActionKind::GrantSite | ActionKind::ChangeSiteRole | ActionKind::RevokeSite => self.grant(),
        }
    }

    fn text(&self, name: Option<Name>) -> &str {
        name.map_or("", |name| self.seen.names.text(name))
    }

    /// An absence that was expected or not, if the collection tells.
    fn absent(&self, collection: Collection, what: impl FnOnce() -> String) -> Found {
        match self.seen.live.evidence.of(collection) {
            Completeness::Partial(why) | Completeness::Unreadable(why) => {
                Found::Unknown(format!("{} were not read completely: {why}", collection.as_str()))
            }
            Completeness::Complete if self.state.is_none() => Found::Same,
            Completeness::Complete => Found::Different(format!("{} is not there", what())),
        }
    }

    // ---- catalog

    fn catalog(&self) -> Found {
        let (subject, live) = (self.called(), self.seen.live);
        let organization = subject.organization.and_then(|name| live.catalog.organizations.get(&name));
        if let Some(role) = subject.role {
            let what = || format!("role `{}`", self.text(Some(role)));
            return match live.catalog.roles.get(&role) {
                None => self.absent(Collection::Roles, what),
                Some(role) => {
                    let facts = role.facts(self.seen.names);
                    self.present(what, |field| value_of(&facts, field))
                }
            };
        }
        let in_fields = |fields: &Fields, field: Name| fields.get(&field).copied().unwrap_or(Value::Null);
        if let Some(name) = subject.site {
            let what = || format!("site `{}/{}`", self.text(subject.organization), self.text(Some(name)));
            return match organization.and_then(|organization| organization.sites.get(&name)) {
                None => self.absent(Collection::Sites, what),
                Some(site) => self.present(what, |field| in_fields(&site.fields, field)),
            };
        }
        let what = || format!("organization `{}`", self.text(subject.organization));
        match organization {
            None => self.absent(Collection::Organizations, what),
            Some(organization) => self.present(what, |field| in_fields(&organization.fields, field)),
        }
    }

    /// The subject under the name that it has on this side: a rename says both.
    fn called(&self) -> Subject {
        let subject = self.action.subject;
        match self.state.and_then(|state| state.value(known::KEY)).and_then(Value::text) {
            None => subject,
            Some(name) if subject.role.is_some() => Subject { role: Some(name), ..subject },
            Some(name) if subject.site.is_some() => Subject { site: Some(name), ..subject },
            Some(name) => Subject { organization: Some(name), ..subject },
        }
    }

    /// The subject is there: so it should be, with these facts.
    fn present(&self, what: impl FnOnce() -> String, live: impl Fn(Name) -> Value) -> Found {
        match self.state {
            None => Found::Different(format!("{} is there", what())),
            Some(state) => self.facts(&state.facts, live),
        }
    }

    /// Compares facts with what is live; the worst difference counts.
    fn facts(&self, facts: &[Fact], live: impl Fn(Name) -> Value) -> Found {
        let mut found = Found::Same;
        let is_catalog = self.action.subject.user.is_none();
        for fact in facts {
            // What has the name was found by it.
            if is_catalog && fact.field == known::KEY {
                continue;
            }
            let is = live(fact.field);
            if !self.is_readable(fact.field) || self.is_same(fact.field, fact.value, is) {
                continue;
            }
            let names = self.seen.names;
            let what = format!(
                "`{}` is {} and not {}",
                names.text(fact.field),
                value_text(names, is),
                value_text(names, fact.value)
            );
            let old = self.other.map_or(Value::Null, |other| other.value(fact.field).unwrap_or(Value::Null));
            let unchanged = fact.field == known::STATUS || self.is_same(fact.field, old, is);
            found = found.max(if unchanged { Found::Different(what) } else { Found::OtherValue(what) });
        }
        found
    }

    fn is_readable(&self, field: Name) -> bool {
        self.seen.rules.is_readable(self.seen.names.text(field))
    }

    fn is_same(&self, field: Name, expected: Value, live: Value) -> bool {
        // The person may have accepted in the meantime.
        let accepted = expected == Value::Text(known::INVITED) && live == Value::Text(known::ACTIVE);
        (field == known::STATUS && accepted) || self.seen.rules.same_value(self.seen.names, field, expected, live)
    }

    // ---- accounts

    fn find(&self, key: Name) -> Account<'_> {
        let Seen { names, rules, live, .. } = *self.seen;
        let text = names.text(key);
        let Ok(identity) = rules.identity.normalize(text) else {
            return Account::Unknown(format!("`{text}` is no valid key"));
        };
        // Whatever was read has its name in the table, so a key that is not in it was not read.
        let identity = names.find(&identity);
        if let Some(view) = identity.and_then(|identity| live.find(identity)) {
            return Account::Present(view);
        }
        if identity.is_some_and(|identity| live.ambiguous().contains(&identity)) {
            return Account::Unknown(format!("more than one account has the key `{text}`"));
        }
        match live.evidence.of(Collection::Users) {
            Completeness::Complete => Account::Absent,
            Completeness::Partial(why) | Completeness::Unreadable(why) => {
                Account::Unknown(format!("users were not read completely: {why}"))
            }
        }
    }

    fn subject(&self) -> Account<'_> {
        match self.action.subject.user {
            Some(key) => self.find(key),
            None => Account::Unknown("the action names no user".to_owned()),
        }
    }

    fn no_account(&self) -> Found {
        match self.state {
            None => Found::Same,
            Some(_) => Found::Different(format!("user `{}` is not there", self.text(self.action.subject.user))),
        }
    }

    fn account(&self) -> Found {
        let view = match self.subject() {
            Account::Present(view) => view,
            Account::Absent => return self.no_account(),
            Account::Unknown(why) => return Found::Unknown(why),
        };
        // What a store closes because it can't delete is ended as well.
        let closed_instead = self.action.fall_back == Some(ActionKind::CloseUser) && view.status == Status::Closed;
        match self.state {
            None if closed_instead => Found::Same,
            None => Found::Different(format!("user `{}` is there", self.text(self.action.subject.user))),
            Some(state) => self
                .facts(&state.facts, |field| self.account_value(view, field))
                .max(self.memberships(view, &state.memberships))
                .max(self.grants(view, &state.grants)),
        }
    }

    fn account_value(&self, view: LiveView<'_>, field: Name) -> Value {
        if field == known::STATUS {
            return Value::Text(view.status.name());
        }
        let is_key =
            field == known::KEY || self.seen.names.text(field) == self.seen.rules.identity.key_field().as_str();
        if is_key { self.key_value(view, field) } else { view.value(field) }
    }

    /// The key of an account. It is the expected one where the two are one key, whatever the spelling.
    fn key_value(&self, view: LiveView<'_>, field: Name) -> Value {
        let expected = self.state.and_then(|state| state.value(field)).and_then(Value::text);
        let normalized = |key| self.seen.rules.identity.normalize(self.seen.names.text(key)).ok();
        match expected {
            Some(expected) if normalized(expected).is_some() && normalized(expected) == normalized(view.key) => {
                Value::Text(expected)
            }
            Some(_) | None => Value::Text(view.key),
        }
    }

    fn renamed(&self) -> Found {
        let key = |state: Option<&State>| state.and_then(|state| state.value(known::KEY)).and_then(Value::text);
        let before = key(self.action.before.as_ref());
        let after = key(self.action.after.as_ref()).or(self.action.subject.user);
        let (Some(before), Some(after)) = (before, after) else {
            return Found::Unknown("the action names no keys".to_owned());
        };
        let (is, gone) = if self.is_after { (after, before) } else { (before, after) };
        let view = match self.find(is) {
            Account::Present(view) => view,
            Account::Absent => return self.no_account(),
            Account::Unknown(why) => return Found::Unknown(why),
        };
        match self.find(gone) {
            // Another spelling of the same key: one account, and the spelling tells.
            Account::Present(other) if other.row == view.row && view.key == is => Found::Same,
            Account::Present(other) => Found::Different(format!("user `{}` is there", self.seen.names.text(other.key))),
            Account::Absent => Found::Same,
            Account::Unknown(why) => Found::Unknown(why),
        }
    }

    fn stripped(&self) -> Found {
        let found = self.account();
        match self.subject() {
            Account::Present(view) if self.is_after && !(view.memberships.is_empty() && view.grants.is_empty()) => {
                found.max(Found::Different("access is left".to_owned()))
            }
            Account::Present(_) | Account::Absent | Account::Unknown(_) => found,
        }
    }

    fn invitation(&self) -> Found {
        let word = |state: Option<&State>| state.and_then(|state| state.value(known::INVITATION));
        let (Some(expected), before) = (word(self.state), word(self.action.before.as_ref())) else {
            return self.account();
        };
        let wants_pending = expected == Value::Text(known::PENDING);
        let invitation = match self.subject() {
            Account::Present(view) => view.invitation,
            // Who never was in is not there any more.
            Account::Absent if self.is_after && !wants_pending => return Found::Same,
            Account::Absent => return self.no_account(),
            Account::Unknown(why) => return Found::Unknown(why),
        };
        if let (None, Completeness::Partial(why) | Completeness::Unreadable(why)) =
            (invitation, self.seen.live.evidence.of(Collection::Invitations))
        {
            return Found::Unknown(format!("invitations were not read completely: {why}"));
        }
        let live = match invitation.map(|invitation| invitation.state_at(self.seen.at)) {
            Some(InvitationState::Accepted) => return Found::Different("the invitation was accepted".to_owned()),
            Some(InvitationState::Pending) => known::PENDING,
            Some(InvitationState::Declined | InvitationState::Expired | InvitationState::Cancelled) => known::ENDED,
            Some(InvitationState::Suppressed) | None => known::NONE,
        };
        // Stores keep whole seconds.
        let sent = invitation.and_then(|invitation| invitation.sent);
        let is_old =
            matches!((sent, self.seen.since), (Some(sent), Some(since)) if sent.as_second() < since.as_second());
        let is_it = match (self.is_after, wants_pending) {
            (false, _) => Value::Text(live) == expected,
            (true, true) => live == known::PENDING && !is_old,
            // Stores differ in whether they remember what ended: it is enough that it is not what it was.
            (true, false) => live != known::PENDING && before != Some(Value::Text(live)),
        };
        if is_it { Found::Same } else { Found::Different(format!("the invitation is {}", self.seen.names.text(live))) }
    }

    // ---- access

    fn membership(&self) -> Found {
        let organization = self.action.subject.organization.unwrap_or(known::PLATFORM);
        let what = || format!("the membership in `{}`", self.text(Some(organization)));
        let view = match self.subject() {
            Account::Present(view) => view,
            Account::Absent => return self.no_account(),
            Account::Unknown(why) => return Found::Unknown(why),
        };
        if let Some(before) = self.action.before.as_ref().filter(|_| !self.action.ended_memberships().is_empty()) {
            let ends = self.switched(view, before);
            if !self.is_after || ends != Found::Same {
                return ends;
            }
        }
        let Some(membership) = view.membership(organization) else {
            // Without a role on the platform there is nothing, and that may be what is expected.
            return match self.state {
                Some(state) if organization == known::PLATFORM => match self.absent(Collection::Memberships, what) {
                    Found::Unknown(why) => Found::Unknown(why),
                    Found::Same | Found::OtherValue(_) | Found::Different(_) => {
                        self.facts(&state.facts, |_| Value::Null)
                    }
                },
                Some(_) | None => self.absent(Collection::Memberships, what).max(self.grants_left(view)),
            };
        };
        self.present(what, |field| membership_value(membership, field)).max(self.state.map_or(Found::Same, |state| {
            self.memberships(view, &state.memberships).max(self.grants(view, &state.grants))
        }))
    }

    /// The end of a membership ends its grants.
    fn grants_left(&self, view: LiveView<'_>) -> Found {
        let left = self.action.subject.organization.and_then(|organization| view.grants_in(organization).next());
        match (self.state, left) {
            (None, Some(grant)) => Found::Different(format!("site `{}` is still granted", self.text(Some(grant.site)))),
            (Some(_), _) | (None, None) => Found::Same,
        }
    }

    fn grant(&self) -> Found {
        let subject = self.action.subject;
        let what = || format!("the grant of `{}/{}`", self.text(subject.organization), self.text(subject.site));
        let view = match self.subject() {
            Account::Present(view) => view,
            Account::Absent => return self.no_account(),
            Account::Unknown(why) => return Found::Unknown(why),
        };
        let is_it =
            |grant: &&Grant| Some(grant.organization) == subject.organization && Some(grant.site) == subject.site;
        let ended = self.action.ended_grants();
        if !ended.is_empty() {
            let ends = self.exchanged(view, ended, view.grants.iter().any(|grant| is_it(&grant)));
            if !self.is_after || ends != Found::Same {
                return ends;
            }
        }
        match view.grants.iter().find(is_it) {
            None => self.absent(Collection::Grants, what),
            Some(grant) => self.present(what, |_| Value::optional_text(grant.role)),
        }
    }

    /// These memberships, and whatever others.
    fn memberships(&self, view: LiveView<'_>, expected: &[Membership]) -> Found {
        let mut found = Found::Same;
        for expected in expected {
            let organization = self.text(Some(expected.organization));
            found = found.max(match view.membership(expected.organization) {
                Some(membership) if membership == expected => Found::Same,
                Some(_) => Found::OtherValue(format!("the membership in `{organization}` is another")),
                None if is_nothing(expected) => Found::Same,
                None => self.absent(Collection::Memberships, || format!("the membership in `{organization}`")),
            });
        }
        found
    }

    /// These grants, and whatever others.
    fn grants(&self, view: LiveView<'_>, expected: &[Grant]) -> Found {
        let mut found = Found::Same;
        for expected in expected {
            let is_it = |grant: &&Grant| grant.organization == expected.organization && grant.site == expected.site;
            let (organization, site) = (self.text(Some(expected.organization)), self.text(Some(expected.site)));
            found = found.max(match view.grants.iter().find(is_it) {
                Some(grant) if grant == expected => Found::Same,
                Some(_) => Found::OtherValue(format!("the grant of `{organization}/{site}` is another")),
                None => self.absent(Collection::Grants, || format!("the grant of `{organization}/{site}`")),
            });
        }
        found
    }
}

fn value_of(facts: &[Fact], field: Name) -> Value {
    facts.iter().find(|fact| fact.field == field).map_or(Value::Null, |fact| fact.value)
}

/// The platform is no place that one belongs to: without a role there is simply nothing.
fn is_nothing(membership: &Membership) -> bool {
    membership.organization == known::PLATFORM && membership.role.is_none() && membership.extra_roles.is_empty()
}

fn membership_value(membership: &Membership, field: Name) -> Value {
    match field {
        known::ROLE => Value::optional_text(membership.role),
        known::EXTRA_ROLES => Value::Set(membership.extra_roles),
        known::DEFAULT_SITE => Value::optional_text(membership.default_site),
        _ => Value::Null,
    }
}

fn value_text(names: &Names, value: Value) -> String {
    match value {
        Value::Null => "not set".to_owned(),
        Value::Text(text) => format!("`{}`", names.text(text)),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Set(list) => format!("[{}]", names.sorted_texts(list).join(", ")),
    }
}
