//! In which state rollcall itself left things, by the actions that it carried out: the memory that tells a difference
//! that was held back from one that somebody made in the store.
//!
//! Facts stand under the subject of their actions, with the key of a user as it is compared. What an action leaves open
//! (what a deactivated account keeps, for example) is forgotten rather than guessed. Deliberately absent: where the
//! actions come from, which is the journal's business.

use std::collections::BTreeMap;

use super::action::{Action, State, Subject};
use crate::model::{ActionKind, Fact, Grant, Membership, Name, Names, Value, known};
use crate::rules::Identity;

/// What rollcall left, and where.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// By subject; `None`: it was taken away.
    left: BTreeMap<Subject, Option<Left>>,
}

/// What is known of something that is there.
#[derive(Debug, Clone, Default)]
struct Left {
    /// Whether rollcall made it: then a field that is not among the facts is not set.
    is_whole: bool,
    facts: BTreeMap<Name, Value>,
}

/// How what is live stands to what rollcall left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// No action was about it.
    Untold,
    /// It is as it was left.
    AsLeft,
    /// It was left as the action would make it: somebody undid that.
    Undone,
    /// It was left in a third way.
    Otherwise,
}

impl History {
    /// Adds an action that was carried out, after all that were carried out before it.
    pub fn note(&mut self, names: &mut Names, identity: &Identity, action: &Action) {
        let Action { kind, subject, before, after, .. } = action;
        let mut compared = |key: Name| {
            let text = identity.normalize(names.text(key)).ok()?;
            Some(names.intern(&text))
        };
        let user = match subject.user {
            Some(key) => match compared(key) {
                Some(user) => Some(user),
                None => return,
            },
            None => None,
        };
        let subject = Subject { user, ..*subject };
        let nothing = State::default();
        let (from, to) = (before.as_ref().unwrap_or(&nothing), after.as_ref().unwrap_or(&nothing));
        match kind {
            ActionKind::CreateOrganization
            | ActionKind::CreateSite
            | ActionKind::CreateRole
            | ActionKind::GrantSite => {
                self.put(subject, &to.facts, true);
            }
            ActionKind::UpdateOrganization
            | ActionKind::UpdateSite
            | ActionKind::UpdateRole
            | ActionKind::UpdateUser
            | ActionKind::ChangeAccess
            | ActionKind::ReactivateUser
            | ActionKind::SendInvitation
            | ActionKind::ChangeSiteRole => self.put(subject, &to.facts, false),
            ActionKind::ChangeRole | ActionKind::UpdateMembership => {
                self.put(subject, &to.facts, false);
                // The store may have taken sites away with the role.
                if !from.grants.is_empty() {
                    self.forget_sites(subject);
                    self.grant(subject.user, &to.grants);
                }
            }
            ActionKind::DeleteOrganization
            | ActionKind::DeleteSite
            | ActionKind::DeleteRole
            | ActionKind::RevokeSite => self.take(subject),
            ActionKind::InviteUser | ActionKind::CreateUser => {
                self.forget(subject.user);
                self.put(subject, &to.facts, true);
                self.join(subject.user, &to.memberships);
                self.grant(subject.user, &to.grants);
            }
            ActionKind::RenameUser => {
                let former = from.value(known::KEY).and_then(Value::text).and_then(compared);
                self.rename(former, subject.user);
            }
            ActionKind::DeactivateUser | ActionKind::CloseUser => {
                let account = self.left.remove(&subject);
                self.forget(subject.user);
                self.left.extend(account.map(|account| (subject, account)));
                self.put(subject, &to.facts, false);
            }
            ActionKind::StripUser => {
                self.put(subject, &to.facts, false);
                self.end(subject.user, from);
            }
            ActionKind::DeleteUser => {
                self.forget(subject.user);
                self.take(subject);
            }
            ActionKind::CancelInvitation => self.forget(subject.user),
            ActionKind::ResendInvitation => {}
            ActionKind::AddMembership => {
                self.end(subject.user, from);
                self.put(subject, &to.facts, true);
                self.grant(subject.user, &to.grants);
            }
            ActionKind::RemoveMembership => {
                self.end(subject.user, from);
                self.take(subject);
                let sites = self.left.iter_mut().filter(|(one, _)| {
                    (one.user, one.organization) == (subject.user, subject.organization) && one.site.is_some()
                });
                sites.for_each(|(_, left)| *left = None);
            }
        }
    }

    /// Whether rollcall made the account of this user, whose key is as compared.
    pub(super) fn has_made(&self, user: Option<Name>) -> bool {
        let account = Subject { user, ..Subject::default() };
        user.is_some() && self.left.get(&account).is_some_and(|left| left.as_ref().is_some_and(|left| left.is_whole))
    }

    /// How the beginning of an action stands to what was left; the key in `subject` is as compared.
    pub(super) fn standing(&self, names: &Names, subject: &Subject, action: &Action) -> Standing {
        let Some(left) = self.left.get(subject) else { return Standing::Untold };
        match (left, &action.before, &action.after) {
            (None, None, _) => Standing::AsLeft,
            (None, Some(_), None) => Standing::Undone,
            (Some(left), None, Some(after)) if left.says(names, &after.facts) == Some(true) => Standing::Undone,
            (None, Some(_), Some(_)) | (Some(_), None, _) => Standing::Otherwise,
            (Some(left), Some(before), None) => match left.says(names, &before.facts) {
                Some(true) => Standing::AsLeft,
                Some(false) => Standing::Otherwise,
                None if before.facts.is_empty() => Standing::AsLeft,
                None => Standing::Untold,
            },
            (Some(left), Some(before), Some(after)) => {
                // Of the end of an account `before` also has what goes with it.
                let changed: Vec<Fact> =
                    before.facts.iter().filter(|fact| after.value(fact.field).is_some()).copied().collect();
                match (left.says(names, &after.facts), left.says(names, &changed)) {
                    (Some(true), _) => Standing::Undone,
                    (_, Some(true)) => Standing::AsLeft,
                    (Some(false), Some(false)) => Standing::Otherwise,
                    (_, None) | (None, _) => Standing::Untold,
                }
            }
        }
    }

    fn put(&mut self, subject: Subject, facts: &[Fact], is_whole: bool) {
        let slot = self.left.entry(subject).or_default();
        if is_whole {
            *slot = Some(Left { is_whole, facts: BTreeMap::new() });
        }
        let left = slot.get_or_insert_with(Left::default);
        left.facts.extend(facts.iter().map(|fact| (fact.field, fact.value)));
    }

    fn take(&mut self, subject: Subject) {
        self.left.insert(subject, None);
    }

    fn join(&mut self, user: Option<Name>, memberships: &[Membership]) {
        for membership in memberships {
            let facts = [
                Fact::new(known::ROLE, membership.role.map_or(Value::Null, Value::Text)),
                Fact::new(known::EXTRA_ROLES, Value::Set(membership.extra_roles)),
                Fact::new(known::DEFAULT_SITE, membership.default_site.map_or(Value::Null, Value::Text)),
            ];
            self.put(member(user, membership), &facts, true);
        }
    }

    fn grant(&mut self, user: Option<Name>, grants: &[Grant]) {
        for grant in grants {
            let role = Fact::new(known::ROLE, grant.role.map_or(Value::Null, Value::Text));
            self.put(granted(user, grant), &[role], true);
        }
    }

    /// The memberships and grants of a state end.
    fn end(&mut self, user: Option<Name>, state: &State) {
        for membership in &state.memberships {
            self.take(member(user, membership));
        }
        for grant in &state.grants {
            self.take(granted(user, grant));
        }
    }

    fn forget(&mut self, user: Option<Name>) {
        self.left.retain(|subject, _| user.is_none() || subject.user != user);
    }

    fn forget_sites(&mut self, place: Subject) {
        self.left
            .retain(|one, _| one.site.is_none() || (one.user, one.organization) != (place.user, place.organization));
    }

    fn rename(&mut self, from: Option<Name>, to: Option<Name>) {
        if from.is_none() || from == to {
            return;
        }
        self.forget(to);
        let moved: Vec<Subject> = self.left.keys().filter(|subject| subject.user == from).copied().collect();
        for subject in moved {
            if let Some(left) = self.left.remove(&subject) {
                self.left.insert(Subject { user: to, ..subject }, left);
            }
        }
    }
}

impl Left {
    /// Whether it was left with these facts, as far as they are known; `None`: nothing is known of them.
    fn says(&self, names: &Names, facts: &[Fact]) -> Option<bool> {
        let told = facts.iter().filter_map(|fact| {
            let left = self.facts.get(&fact.field).copied().or(self.is_whole.then_some(Value::Null))?;
            Some(is_same(names, fact.field, left, fact.value))
        });
        let told: Vec<bool> = told.collect();
        (!told.is_empty()).then(|| told.iter().all(|&same| same))
    }
}

/// Whether a value is still the one that was left. Who was invited and accepted changed nothing that was declared.
fn is_same(names: &Names, field: Name, left: Value, live: Value) -> bool {
    match (left, live) {
        (Value::Set(left), Value::Set(live)) => names.sorted_texts(left) == names.sorted_texts(live),
        (Value::Set(list), Value::Null) | (Value::Null, Value::Set(list)) => names.sorted_texts(list).is_empty(),
        (Value::Text(known::INVITED | known::PRELOADED), Value::Text(known::ACTIVE)) => field == known::STATUS,
        (left, live) => left == live,
    }
}

const fn member(user: Option<Name>, membership: &Membership) -> Subject {
    Subject { user, organization: Some(membership.organization), site: None, role: None }
}

const fn granted(user: Option<Name>, grant: &Grant) -> Subject {
    Subject { user, organization: Some(grant.organization), site: Some(grant.site), role: None }
}
