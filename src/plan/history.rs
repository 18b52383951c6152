//! In which state rollcall itself left things, by the actions that it carried out: the memory that tells a difference
//! that was held back from one that somebody made in the store.
//!
//! Facts stand under the subject of their actions, with the key of a user as it is compared. What an action leaves open
//! (what a deactivated account keeps, for example) is forgotten rather than guessed. Deliberately absent: where the
//! actions come from, which is the journal's business.

use std::borrow::Cow;
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
    /// Whether the store may have taken it, or what is beside the role, when it changed the role.
    may_be_gone: bool,
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
        if let Some(former) = former(action, &subject, compared) {
            self.rename(names, &former, &subject);
        }
        let nothing = State::default();
        let (from, to) = (before.as_ref().unwrap_or(&nothing), after.as_ref().unwrap_or(&nothing));
        match kind {
            ActionKind::CreateOrganization
            | ActionKind::CreateSite
            | ActionKind::CreateRole
            | ActionKind::GrantSite => {
                action.ended_grants().iter().for_each(|one| self.take(Subject { site: Some(one.site), ..subject }));
                self.put(subject, &to.facts, true);
            }
            ActionKind::UpdateOrganization
            | ActionKind::UpdateSite
            | ActionKind::UpdateRole
            | ActionKind::UpdateUser
            | ActionKind::ChangeAccess
            | ActionKind::ReactivateUser
            | ActionKind::ChangeSiteRole => self.put(subject, &to.facts, false),
            ActionKind::SendInvitation | ActionKind::ResendInvitation => {
                self.put(subject, &to.facts, false);
                self.put(subject, &[Fact::new(known::INVITATION, Value::Text(known::PENDING))], false);
            }
            ActionKind::ChangeRole | ActionKind::UpdateMembership => {
                self.put(subject, &to.facts, false);
                // The store may have taken sites away with the role.
                if *kind == ActionKind::ChangeRole {
                    let places = self.sites_in(subject).into_iter().chain([subject]);
                    for place in places {
                        if let Some(Some(left)) = self.left.get_mut(&place) {
                            left.may_be_gone = true;
                        }
                    }
                    self.grant(subject.user, &to.grants);
                } else if let Some(Some(left)) = self.left.get_mut(&subject) {
                    left.may_be_gone = false;
                }
            }
            ActionKind::DeleteOrganization
            | ActionKind::DeleteSite
            | ActionKind::DeleteRole
            | ActionKind::RevokeSite => self.take(subject),
            ActionKind::InviteUser | ActionKind::CreateUser => {
                self.forget(subject.user);
                self.put(subject, &to.facts, true);
                let invitation = match to.value(known::STATUS) {
                    Some(Value::Text(known::INVITED)) => Some(known::PENDING),
                    Some(Value::Text(known::PRELOADED)) => Some(known::NONE),
                    Some(Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_) | Value::Set(_)) | None => {
                        None
                    }
                };
                let invitation = invitation.map(|word| Fact::new(known::INVITATION, Value::Text(word)));
                self.put(subject, invitation.as_slice(), false);
                self.join(subject.user, &to.memberships);
                self.grant(subject.user, &to.grants);
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
            ActionKind::RenameUser => {}
            ActionKind::AddMembership => {
                self.end(subject.user, from);
                self.put(subject, &to.facts, true);
                self.grant(subject.user, &to.grants);
            }
            ActionKind::RemoveMembership => {
                self.end(subject.user, from);
                self.take(subject);
                for site in self.sites_in(subject) {
                    self.take(site);
                }
            }
        }
    }

    /// The same by the names that everything has after these actions, and how each of them that renames something stands
    /// to what was left. Keys in subjects are as compared.
    pub(super) fn renamed(
        &self,
        names: &Names,
        identity: &Identity,
        actions: &[Action],
    ) -> (Cow<'_, Self>, BTreeMap<Subject, Standing>) {
        let compared = |key: Name| names.find(&identity.normalize(names.text(key)).ok()?);
        let renames = actions.iter().filter_map(|action| {
            let user = action.subject.user.map(|key| compared(key).unwrap_or(key));
            let subject = Subject { user, ..action.subject };
            Some((former(action, &subject, compared)?, subject))
        });
        let mut renames: Vec<(Subject, Subject)> = renames.collect();
        // A site is spoken of by the name that its organization will have.
        renames.sort_by_key(|(_, to)| to.site.is_some());
        let mut history = Cow::Borrowed(self);
        let mut standings = BTreeMap::new();
        for (former, subject) in renames {
            let is_there = |subject: &Subject| history.left.get(subject).is_some_and(Option::is_some);
            let standing = match (is_there(&former), is_there(&subject)) {
                (_, true) => Standing::Undone,
                (true, false) => Standing::AsLeft,
                (false, false) => Standing::Untold,
            };
            standings.insert(subject, standing);
            // What was left by the new name already is known by it.
            if standing == Standing::AsLeft {
                history.to_mut().rename(names, &former, &subject);
            }
        }
        (history, standings)
    }

    /// Whether rollcall made the account of this user, whose key is as compared.
    pub(super) fn has_made(&self, user: Option<Name>) -> bool {
        let account = Subject { user, ..Subject::default() };
        user.is_some() && self.left.get(&account).is_some_and(|left| left.as_ref().is_some_and(|left| left.is_whole))
    }

    /// How the beginning of an action stands to what was left; the key in `subject` is as compared.
    pub(super) fn standing(&self, names: &Names, subject: &Subject, action: &Action) -> Standing {
        let left = self.left.get(subject);
        // Where a person has one membership at most, another one ends with it.
        if let (ActionKind::AddMembership, Some(before), None | Some(None)) = (action.kind, &action.before, left) {
            return self.standing_of_access(names, subject.user, before);
        }
        let Some(left) = left else { return Standing::Untold };
        match (left, &action.before, &action.after) {
            (None, None, _) => Standing::AsLeft,
            (None, Some(_), None) => Standing::Undone,
            (Some(left), None, _) if left.may_be_gone => Standing::AsLeft,
            (Some(left), None, Some(after)) if left.says(names, &after.facts) == Some(true) => Standing::Undone,
            (None, Some(_), Some(_)) | (Some(_), None, _) => Standing::Otherwise,
            (Some(left), Some(before), None) => match left.says(names, &before.facts) {
                Some(true) => Standing::AsLeft,
                Some(false) => Standing::Otherwise,
                None if before.facts.is_empty() => Standing::AsLeft,
                None => Standing::Untold,
            },
            (Some(left), Some(before), Some(after)) => {
                // What stays as it is says nothing: an account that is stripped keeps its status.
                let changed = |side: &State, other: &State| -> Vec<Fact> {
                    let is_changed = |fact: &&Fact| other.value(fact.field).is_some_and(|value| value != fact.value);
                    side.facts.iter().filter(is_changed).copied().collect()
                };
                let (from, to) = (changed(before, after), changed(after, before));
                let lost = |fact: &Fact| match fact.value {
                    Value::Set(list) => fact.field == known::EXTRA_ROLES && list.is_empty(),
                    Value::Null => fact.field == known::DEFAULT_SITE,
                    Value::Text(_) | Value::Bool(_) | Value::Number(_) => false,
                };
                if left.may_be_gone && !from.is_empty() && from.iter().all(lost) {
                    return Standing::AsLeft;
                }
                if from.is_empty() {
                    return self.standing_of_access(names, subject.user, before);
                }
                match (left.says(names, &to), left.says(names, &from)) {
                    (Some(true), _) => Standing::Undone,
                    (_, Some(true)) => Standing::AsLeft,
                    (Some(false), Some(false)) => Standing::Otherwise,
                    (_, None) | (None, _) => Standing::Untold,
                }
            }
        }
    }

    /// How all the access of an account, which is taken away, stands to what was left.
    fn standing_of_access(&self, names: &Names, user: Option<Name>, before: &State) -> Standing {
        let role = |role: Option<Name>| Fact::new(known::ROLE, role.map_or(Value::Null, Value::Text));
        let memberships = before.memberships.iter().map(|one| (member(user, one), role(one.role)));
        let grants = before.grants.iter().map(|one| (granted(user, one), role(one.role)));
        let standings = memberships.chain(grants).map(|(subject, role)| match self.left.get(&subject) {
            None => Standing::Untold,
            Some(None) => Standing::Undone,
            Some(Some(left)) => match left.says(names, &[role]) {
                Some(true) => Standing::AsLeft,
                Some(false) => Standing::Otherwise,
                None => Standing::Untold,
            },
        });
        let standings: Vec<Standing> = standings.collect();
        let worst = [Standing::Otherwise, Standing::Undone, Standing::Untold];
        worst.into_iter().find(|one| standings.contains(one)).unwrap_or(Standing::AsLeft)
    }

    fn put(&mut self, subject: Subject, facts: &[Fact], is_whole: bool) {
        let slot = self.left.entry(subject).or_default();
        if is_whole {
            *slot = Some(Left { is_whole, may_be_gone: false, facts: BTreeMap::new() });
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

    /// What is known of a user; each user's subjects stand together.
    fn of_user(&self, user: Option<Name>) -> Vec<Subject> {
        let first = Subject { user, ..Subject::default() };
        let all = self.left.range(first..).map(|(subject, _)| *subject);
        all.take_while(|subject| user.is_some() && subject.user == user).collect()
    }

    fn sites_in(&self, place: Subject) -> Vec<Subject> {
        let mut sites = self.of_user(place.user);
        sites.retain(|subject| subject.organization == place.organization && subject.site.is_some());
        sites
    }

    fn forget(&mut self, user: Option<Name>) {
        for subject in self.of_user(user) {
            self.left.remove(&subject);
        }
    }

    /// What was left of something, and of all that belongs to it or names it, goes to its new name.
    fn rename(&mut self, names: &Names, from: &Subject, to: &Subject) {
        if from == to {
            return;
        }
        if from.user.is_some() {
            self.forget(to.user);
            for subject in self.of_user(from.user) {
                let left = self.left.remove(&subject);
                self.left.extend(left.map(|left| (Subject { user: to.user, ..subject }, left)));
            }
            return;
        }
        let left = std::mem::take(&mut self.left);
        let (moved, stays): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|(subject, _)| renamed_subject(subject, from, to) != *subject);
        self.left.extend(stays.into_iter().filter(|(subject, _)| subject != to));
        self.left.extend(moved.into_iter().map(|(subject, left)| (renamed_subject(&subject, from, to), left)));
        let (Some(old), Some(new)) = (own_name(from), own_name(to)) else { return };
        for (subject, left) in self.left.iter_mut().filter_map(|(subject, left)| Some((subject, left.as_mut()?))) {
            // Names of sites are those of one organization, and what includes others includes such as it is itself.
            let is_alike = subject.user.is_none()
                && (subject.role.is_some(), subject.site.is_some()) == (to.role.is_some(), to.site.is_some());
            let is_here = to.role.is_some() || to.site.is_none() || subject.organization == to.organization;
            let fields: &[Name] = match (to.role, to.site) {
                (Some(_), _) => &[known::ROLE, known::EXTRA_ROLES],
                (None, Some(_)) => &[known::DEFAULT_SITE],
                (None, None) => &[],
            };
            let fields = fields.iter().chain(is_alike.then_some(&known::INCLUDES)).filter(|_| is_here);
            for &field in fields {
                let Some(value) = left.facts.get_mut(&field) else { continue };
                match *value {
                    Value::Text(text) if text == old => *value = Value::Text(new),
                    Value::Set(list) if names.elements(list).contains(&old) => {
                        let renamed = |&name: &Name| if name == old { new } else { name };
                        let elements: Vec<Name> = names.elements(list).iter().map(renamed).collect();
                        *value = Value::Set(names.list(&elements));
                    }
                    Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_) | Value::Set(_) => {}
                }
            }
        }
    }
}

/// The subject that something had before an action renames it; `None` of an action that does not. `to` has the key of a
/// user as compared.
fn former(action: &Action, to: &Subject, compared: impl FnOnce(Name) -> Option<Name>) -> Option<Subject> {
    let before = action.before.as_ref()?.value(known::KEY).and_then(Value::text)?;
    action.after.as_ref()?.value(known::KEY)?;
    Some(match *to {
        Subject { user: Some(_), .. } => Subject { user: Some(compared(before)?), ..*to },
        Subject { role: Some(_), .. } => Subject { role: Some(before), ..*to },
        Subject { site: Some(_), .. } => Subject { site: Some(before), ..*to },
        Subject { .. } => Subject { organization: Some(before), ..*to },
    })
}

fn own_name(subject: &Subject) -> Option<Name> {
    subject.role.or(subject.site).or(subject.organization)
}

/// A subject after something of the catalog that it is, or belongs to, was renamed.
fn renamed_subject(subject: &Subject, from: &Subject, to: &Subject) -> Subject {
    let mut renamed = *subject;
    match *from {
        Subject { role: Some(_), .. } if subject.role == from.role => renamed.role = to.role,
        Subject { role: Some(_), .. } => {}
        Subject { site: Some(_), .. } if (subject.organization, subject.site) == (from.organization, from.site) => {
            renamed.site = to.site;
        }
        Subject { site: Some(_), .. } => {}
        Subject { .. } if subject.organization == from.organization => renamed.organization = to.organization,
        Subject { .. } => {}
    }
    renamed
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
