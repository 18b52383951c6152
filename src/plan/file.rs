//! Saved plans: the plan document, read back as what it is: hostile input.
//!
//! A file that came from a pull request may hold anything. It is read strictly: no unknown member, no unknown kind of
//! action, every name one that can be a name, every action of a sensible form that says no more than its kind does
//! (`says`), in an executable order, and a digest that is the one of its actions. What it says beyond what is done
//! (risks, causes, reasons, lines, sums) is not believed; of risks it is kept what was said, and so what was not. Deliberately absent: whether the plan still holds, which `saved` asks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::Value as Json;

use super::document::{ActionDocument, FORMAT, IncludesDocument, PlanDocument};
use super::documented::action_id;
use super::through::Through;
use super::{Action, Risk, State, StoreRef, Subject, digest, read_state, says, state_json};
use crate::model::{ActionKind, Grant, Name, Names, Topic, known};
use crate::rules::{Named, Rules, refuse_declared, refuse_key};

/// The largest plan file that is read, in bytes: a million actions have room in it.
pub const LARGEST_FILE: u64 = 1 << 30;

/// A saved plan, as far as it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedPlan {
    /// The store that it is for.
    pub store: StoreRef,
    /// What was approved: the digest of `actions`.
    pub digest: String,
    /// A hash of the rules that it was computed under.
    pub rules: String,
    /// The time for which it was computed.
    pub at: Timestamp,
    /// From when on it is stale.
    pub valid_until: Option<Timestamp>,
    /// What is done, in an executable order; without risks, reasons and lines.
    pub actions: Vec<Action>,
    /// By place in `actions`: what the file says is dangerous about it. Not believed; but of what it does not say nobody
    /// was told.
    pub(super) risks: Vec<Vec<Risk>>,
    /// What the file says of places that include others, likewise.
    pub(super) through: Through,
}

/// Why a file is no plan file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It is no plan document.
    #[error("it is no saved plan: {0}; make one with `rollcall plan --out FILE`")]
    NoPlan(String),
    /// Another version of the document.
    #[error("it has format {0}, and this version of rollcall reads format {FORMAT}; make the plan anew")]
    Format(u32),
    /// An action is none that a plan can have.
    #[error("its action {0} {1}; make the plan anew")]
    Action(String, String),
    /// The digest is not the one of its actions.
    #[error("its digest is not the one of its actions: the file was changed after it was made; make the plan anew")]
    Digest,
}

/// Whether a text is a plan document at all, of whatever content: what may be written over by another one.
#[must_use]
pub fn is_plan_file(text: &[u8]) -> bool {
    serde_json::from_slice::<PlanDocument>(text).is_ok_and(|document| document.format == FORMAT)
}

/// Reads a plan file.
///
/// # Errors
/// If it is not one that `plan --out` writes under these rules.
pub fn read_file(text: &[u8], names: &mut Names, rules: &Rules) -> Result<SavedPlan, FileError> {
    if let Some(what) = no_object(text) {
        return Err(FileError::NoPlan(what.to_owned()));
    }
    let document: PlanDocument = serde_json::from_slice(text).map_err(|error| FileError::NoPlan(told(&error)))?;
    if document.format != FORMAT {
        return Err(FileError::Format(document.format));
    }
    let mut actions: Vec<Action> = Vec::with_capacity(document.actions.len());
    let mut places: HashMap<&str, u32> = HashMap::with_capacity(document.actions.len());
    let mut done: BTreeSet<(ActionKind, Subject)> = BTreeSet::new();
    for (described, place) in document.actions.iter().zip(0_u32..) {
        let refused = |why: &str| FileError::Action(described.id.clone(), why.to_owned());
        let mut action = read_action(described, names, rules).map_err(|why| refused(&why))?;
        if action_id(names, action.kind, &action.subject) != described.id {
            return Err(refused("has an id that is not made of its names"));
        }
        if !done.insert((action.kind, action.subject)) {
            return Err(refused("is there twice"));
        }
        for need in &described.needs {
            let Some(&need) = places.get(need.as_str()) else {
                return Err(refused("needs something that does not stand before it"));
            };
            action.needs.push(need);
        }
        action.needs.sort_unstable();
        action.needs.dedup();
        places.insert(&described.id, place);
        actions.push(action);
    }
    let risks = document.actions.iter().map(|described| described.risk.clone()).collect();
    let mut through = Through::new();
    for IncludesDocument { organization, site, includes } in &document.basis.includes {
        let place = (names.intern(organization), site.as_deref().map(|site| names.intern(site)));
        through.entry(place).or_default().extend(includes.iter().map(|name| names.intern(name)));
    }
    let store = StoreRef::from(document.store);
    if digest(&store, names, &actions) != document.digest {
        return Err(FileError::Digest);
    }
    Ok(SavedPlan {
        store,
        digest: document.digest,
        rules: document.basis.rules,
        at: document.basis.at,
        valid_until: document.basis.valid_until,
        actions,
        risks,
        through,
    })
}

/// What a text is by its beginning, if that is no object.
fn no_object(text: &[u8]) -> Option<&'static str> {
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => None,
        None => Some("it is empty"),
        Some(b'[') => Some("something else than a plan document is in it: a list, and no object"),
        Some(_) => Some("something else than a plan document is in it"),
    }
}

/// What is wrong with a text that is no plan, in words of plans and not of programs.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // How the types are called here is nobody's business.
    let is_of_types = ["invalid type", "invalid length", "invalid value"].iter().any(|word| text.starts_with(word));
    if is_of_types {
        let (line, column) = (error.line(), error.column());
        return format!("what stands at line {line}, column {column} is not what a plan has there");
    }
    text
}

fn read_action(described: &ActionDocument, names: &mut Names, rules: &Rules) -> Result<Action, String> {
    let kind = described.action;
    let refuse = |named: Named, text: &Option<String>| match text.as_deref() {
        None => Ok(()),
        Some(text) => match refuse_declared(named, text) {
            None => Ok(()),
            Some(why) => Err(format!("names a {} that {why}", named.as_str())),
        },
    };
    refuse(Named::Organization, &described.organization)?;
    refuse(Named::Site, &described.site)?;
    refuse(Named::Role, &described.role)?;
    let mut name = |text: &Option<String>| text.as_deref().map(|text| names.intern(text));
    let subject = Subject {
        user: name(&described.user),
        organization: name(&described.organization),
        site: name(&described.site),
        role: name(&described.role),
    };
    if !has_form(kind, subject) {
        return Err("is about something else than actions of its kind are".to_owned());
    }
    if let Some(key) = &described.user {
        check_key(key, names, rules)?;
    }
    let mut side = |members: &Option<BTreeMap<String, Json>>| match members {
        None => Ok(None),
        Some(members) => {
            let state = read_state(names, kind, subject, members);
            let state = state.ok_or_else(|| "has a state that no action has".to_owned())?;
            // Whoever looks at the file sees what the digest covers, to the last member.
            if state_json(names, &state) != Json::Object(members.clone().into_iter().collect()) {
                return Err("has a state that is not written as plans write it".to_owned());
            }
            Ok(Some(state))
        }
    };
    let (before, after) = (side(&described.before)?, side(&described.after)?);
    let is_elsewhere = |ended: &State| kind == ActionKind::GrantSite && !is_another_site(ended, subject);
    if !has_sides(kind, before.as_ref(), after.as_ref()) || before.as_ref().is_some_and(is_elsewhere) {
        return Err("leads from or to something that actions of its kind do not".to_owned());
    }
    // What is live may have names that nobody could declare.
    after.as_ref().map_or(Ok(()), |after| check_names(after, names))?;
    if kind.topic() == Topic::Catalog && !names_itself(subject, before.as_ref(), after.as_ref()) {
        return Err("renames something to another name than its own".to_owned());
    }
    let of_users = [&before, &after].into_iter().filter(|_| kind.topic() != Topic::Catalog);
    for state in of_users.flatten() {
        let key = state.value(known::KEY).and_then(crate::model::Value::text);
        if let Some(key) = key.map(|key| names.text(key).to_owned()) {
            check_key(&key, names, rules)?;
        }
    }
    // Whether the rules have it is asked with the rest.
    if described.fall_back.is_some_and(|other| (kind, other) != (ActionKind::DeleteUser, ActionKind::CloseUser)) {
        return Err("falls back to something that actions of its kind do not".to_owned());
    }
    let fall_back = described.fall_back;
    let action = Action { fall_back, reason: "as the saved plan says", ..Action::new(kind, subject, before, after) };
    says::refuse(&action, names, rules).map_or(Ok(action), Err)
}

/// Whether a change of the catalog that gives a new name gives the one of its subject.
fn names_itself(subject: Subject, before: Option<&State>, after: Option<&State>) -> bool {
    let key = |state: Option<&State>| state.and_then(|state| state.value(known::KEY)).map(crate::model::Value::text);
    let own = subject.role.or(subject.site).or(subject.organization);
    match (key(before), key(after)) {
        (None, None) => true,
        (Some(Some(old)), Some(new)) => new == own && Some(old) != own,
        (Some(_), _) | (None, Some(_)) => false,
    }
}

/// The key is one; its compared form gets a name, by which the live state is asked.
fn check_key(key: &str, names: &mut Names, rules: &Rules) -> Result<(), String> {
    let identity = rules.identity.normalize(key).map_err(|why| format!("names a user whose key {why}"))?;
    names.intern(&identity);
    refuse_key(&rules.identity, key).map_or(Ok(()), |why| Err(format!("names a user whose key {why}")))
}

fn check_names(state: &State, names: &Names) -> Result<(), String> {
    let check = |named: Named, name: Option<Name>| {
        let refused =
            name.filter(|&name| name != known::PLATFORM).and_then(|name| refuse_declared(named, names.text(name)));
        refused.map_or(Ok(()), |why| Err(format!("names a {} that {why}", named.as_str())))
    };
    for membership in &state.memberships {
        check(Named::Organization, Some(membership.organization))?;
        check(Named::Role, membership.role)?;
        check(Named::Site, membership.default_site)?;
        names.elements(membership.extra_roles).iter().try_for_each(|&role| check(Named::Role, Some(role)))?;
    }
    for grant in &state.grants {
        check(Named::Organization, Some(grant.organization))?;
        check(Named::Site, Some(grant.site))?;
        check(Named::Role, grant.role)?;
    }
    Ok(())
}

/// Whether actions of this kind are about such a subject.
const fn has_form(kind: ActionKind, subject: Subject) -> bool {
    let Subject { user, organization, site, role } = subject;
    let (user, organization, site, role) = (user.is_some(), organization.is_some(), site.is_some(), role.is_some());
    match kind {
        ActionKind::CreateOrganization | ActionKind::UpdateOrganization | ActionKind::DeleteOrganization => {
            !user && organization && !site && !role
        }
        ActionKind::CreateSite | ActionKind::UpdateSite | ActionKind::DeleteSite => {
            !user && organization && site && !role
        }
        ActionKind::CreateRole | ActionKind::UpdateRole | ActionKind::DeleteRole => {
            !user && !organization && !site && role
        }
        ActionKind::InviteUser
        | ActionKind::CreateUser
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
        | ActionKind::CancelInvitation => user && !organization && !site && !role,
        // A role on the whole platform has no organization.
        ActionKind::AddMembership
        | ActionKind::ChangeRole
        | ActionKind::UpdateMembership
        | ActionKind::RemoveMembership => user && !site && !role,
        ActionKind::GrantSite | ActionKind::ChangeSiteRole | ActionKind::RevokeSite => {
            user && organization && site && !role
        }
    }
}

/// Whether a state is one membership with its sites: what ends where another one begins.
fn is_one_membership(state: &State) -> bool {
    let State { facts, memberships, grants } = state;
    let [membership] = &memberships[..] else { return false };
    let is_here = |grant: &Grant| grant.organization == membership.organization;
    facts.is_empty() && membership.organization != known::PLATFORM && grants.iter().all(is_here)
}

/// Whether a state is the grant of one other site of an organization: what ends where another one is granted.
fn is_another_site(state: &State, subject: Subject) -> bool {
    let State { facts, memberships, grants } = state;
    let [grant] = &grants[..] else { return false };
    let is_there = Some(grant.organization) == subject.organization && Some(grant.site) != subject.site;
    facts.is_empty() && memberships.is_empty() && is_there
}

/// Whether actions of this kind lead from and to such states.
fn has_sides(kind: ActionKind, before: Option<&State>, after: Option<&State>) -> bool {
    let is_bare = |state: Option<&State>| state.is_none_or(|state| state.memberships.is_empty());
    let says = |state: Option<&State>, field: Name| state.is_some_and(|state| state.value(field).is_some());
    let sides = match kind {
        ActionKind::CreateOrganization
        | ActionKind::CreateSite
        | ActionKind::CreateRole
        | ActionKind::InviteUser
        | ActionKind::CreateUser => before.is_none() && after.is_some(),
        ActionKind::GrantSite => after.is_some(),
        ActionKind::AddMembership => before.is_none_or(is_one_membership) && after.is_some(),
        ActionKind::DeleteOrganization
        | ActionKind::DeleteSite
        | ActionKind::DeleteRole
        | ActionKind::DeleteUser
        | ActionKind::RemoveMembership
        | ActionKind::RevokeSite => before.is_some() && after.is_none(),
        ActionKind::UpdateOrganization
        | ActionKind::UpdateSite
        | ActionKind::UpdateRole
        | ActionKind::UpdateUser
        | ActionKind::ChangeAccess
        | ActionKind::UpdateMembership
        | ActionKind::ChangeRole
        | ActionKind::ChangeSiteRole => before.is_some() && after.is_some(),
        ActionKind::RenameUser => says(before, known::KEY) && says(after, known::KEY),
        ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::ReactivateUser
        | ActionKind::CloseUser
        | ActionKind::SendInvitation => says(before, known::STATUS) && says(after, known::STATUS),
        ActionKind::ResendInvitation | ActionKind::CancelInvitation => {
            says(before, known::INVITATION) && says(after, known::INVITATION)
        }
    };
    let is_account = match kind.topic() {
        Topic::Account => true,
        Topic::Membership if kind == ActionKind::AddMembership => is_bare(after),
        Topic::Catalog | Topic::Fields | Topic::Membership | Topic::SiteGrant => is_bare(before) && is_bare(after),
    };
    sides && is_account
}
