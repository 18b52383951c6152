//! What happens to an account, in an organization, or to the catalog: the words of a line.

use std::collections::BTreeMap;

use super::style::{count, enumeration};
use super::words::{Context, done};
use crate::model::{ActionKind, Grant, List, Membership, Name, Status, Value, known};
use crate::plan::{Action, Cause, State};

/// What happens to an account, with the access that it gets.
pub(super) fn account(context: Context<'_>, actions: &[&Action]) -> String {
    let mut gained = State::default();
    let mut parts: Vec<String> = Vec::new();
    let mut joins = None;
    let preloaded = Value::Text(Status::Preloaded.name());
    for action in actions {
        let (before, after) = (action.before.as_ref(), action.after.as_ref());
        let ended = |word: &str| {
            let was = before.map(|state| context.access(&state.memberships, &state.grants, true));
            let was = was.filter(|was| !was.is_empty()).map(|was| format!(" (was {was})")).unwrap_or_default();
            let otherwise = action.fall_back.map(|kind| done(kind).0);
            let otherwise = otherwise.map(|word| format!(", or {word} if the store refuses")).unwrap_or_default();
            format!("{word}{was}{otherwise}")
        };
        match action.kind {
            ActionKind::InviteUser | ActionKind::CreateUser => {
                joins = Some(if after.and_then(|state| state.value(known::STATUS)) == Some(preloaded) {
                    "preloaded"
                } else if action.kind == ActionKind::InviteUser {
                    "invited"
                } else {
                    "created"
                });
                let access = after.into_iter();
                for state in access {
                    gained.memberships.extend_from_slice(&state.memberships);
                    gained.grants.extend_from_slice(&state.grants);
                }
            }
            ActionKind::AddMembership => match action.subject.organization {
                Some(organization) => gained.memberships.push(added(organization, after)),
                None => parts.push(format!("platform role {}", context.role(role(after)))),
            },
            ActionKind::GrantSite => {
                let site = action.subject.organization.zip(action.subject.site);
                gained.grants.extend(site.map(|(organization, site)| Grant { organization, site, role: role(after) }));
            }
            ActionKind::ReactivateUser => parts.push("reactivated".to_owned()),
            ActionKind::SendInvitation => parts.push("invitation sent".to_owned()),
            ActionKind::ResendInvitation => parts.push("invitation sent again".to_owned()),
            ActionKind::CancelInvitation => parts.push(ended("invitation cancelled")),
            ActionKind::DeactivateUser => parts.push(ended("deactivated")),
            ActionKind::StripUser => parts.push(ended("stripped of all access")),
            ActionKind::CloseUser => parts.push(ended("closed")),
            ActionKind::DeleteUser => parts.push(ended("deleted")),
            ActionKind::RenameUser => {
                let old = before.and_then(|state| state.value(known::KEY)).unwrap_or(Value::Null);
                parts.push(format!("renamed from {}", context.value(old)));
            }
            ActionKind::ChangeRole => {
                let roles = (context.role(role(before)), context.role(role(after)));
                parts.push(format!("platform role {} → {}", roles.0, roles.1));
            }
            ActionKind::RemoveMembership => parts.push(format!("loses platform role {}", context.role(role(before)))),
            ActionKind::UpdateUser
            | ActionKind::ChangeAccess
            | ActionKind::UpdateMembership
            | ActionKind::ChangeSiteRole
            | ActionKind::RevokeSite
            | ActionKind::CreateOrganization
            | ActionKind::UpdateOrganization
            | ActionKind::DeleteOrganization
            | ActionKind::CreateSite
            | ActionKind::UpdateSite
            | ActionKind::DeleteSite
            | ActionKind::CreateRole
            | ActionKind::UpdateRole
            | ActionKind::DeleteRole => parts.push(context.changes(before, after)),
        }
    }
    if let Some(word) = joins {
        let access = context.access(&gained.memberships, &gained.grants, false);
        let access = if access.is_empty() { String::new() } else { format!(": {access}") };
        parts.insert(0, format!("{word}{access}"));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

fn role(state: Option<&State>) -> Option<Name> {
    let state = state?;
    state.role().or_else(|| state.memberships.first().and_then(|membership| membership.role))
}

fn added(organization: Name, after: Option<&State>) -> Membership {
    let value = |field| after.and_then(|state| state.value(field));
    let extra_roles = match value(known::EXTRA_ROLES) {
        Some(Value::Set(list)) => list,
        Some(Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_)) | None => List::EMPTY,
    };
    let default_site = value(known::DEFAULT_SITE).and_then(Value::text);
    Membership { organization, role: role(after), extra_roles, default_site }
}

/// What happens to a user in an organization.
pub(super) fn membership(context: Context<'_>, actions: &[&Action]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut sites: BTreeMap<&str, Vec<(Name, Option<Name>)>> = BTreeMap::new();
    let mut becomes = false;
    for action in actions {
        let (before, after) = (action.before.as_ref(), action.after.as_ref());
        let Some(organization) = action.subject.organization else { continue };
        let mut site = |how: &'static str, role| {
            sites.entry(how).or_default().extend(action.subject.site.map(|site| (site, role)));
        };
        match action.kind {
            ActionKind::RemoveMembership => {
                let mut was = context.role(role(before));
                let grants = before.map_or(0, |state| state.grants.len());
                if grants > 0 {
                    was.push_str(", ");
                    was.push_str(&count(grants, "site", "sites"));
                }
                parts.push(format!("removed (was {was})"));
            }
            ActionKind::AddMembership => {
                becomes = true;
                let Membership { role, extra_roles, .. } = added(organization, after);
                let word = role.map_or_else(|| "a member".to_owned(), |role| context.name(role));
                let reach = context.reach(organization, role);
                parts.push(format!("becomes {word}{}{reach}", context.extra_roles(extra_roles)));
            }
            ActionKind::ChangeRole => {
                let reach = context.reach(organization, role(after));
                parts.push(format!("{} → {}{reach}", context.role(role(before)), context.role(role(after))));
            }
            ActionKind::GrantSite if action.cause == Cause::Drift => site("again", role(after)),
            ActionKind::GrantSite => site("gains", role(after)),
            ActionKind::RevokeSite => site("loses", None),
            ActionKind::ChangeSiteRole => {
                let on = action.subject.site.map(|site| context.name(site)).unwrap_or_default();
                parts.push(format!("{on}: {} → {}", context.role(role(before)), context.role(role(after))));
            }
            ActionKind::UpdateMembership
            | ActionKind::InviteUser
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
            | ActionKind::CancelInvitation
            | ActionKind::CreateOrganization
            | ActionKind::UpdateOrganization
            | ActionKind::DeleteOrganization
            | ActionKind::CreateSite
            | ActionKind::UpdateSite
            | ActionKind::DeleteSite
            | ActionKind::CreateRole
            | ActionKind::UpdateRole
            | ActionKind::DeleteRole => parts.push(context.changes(before, after)),
        }
    }
    for (how, verb, end) in [("loses", "loses ", ""), ("gains", "gains ", ""), ("again", "gains ", " again")] {
        let Some(sites) = sites.get(how) else { continue };
        let words = context.sites(sites);
        let kind = if sites.len() == 1 && !becomes { "site " } else { "" };
        if how == "gains" && becomes {
            parts.push(words);
        } else {
            parts.push(format!("{verb}{kind}{words}{end}"));
        }
    }
    parts.retain(|part| !part.is_empty());
    shorten(context, parts).join(", ")
}

/// Many site roles that change make a long line: name the first few parts.
fn shorten(context: Context<'_>, mut parts: Vec<String>) -> Vec<String> {
    const PARTS: usize = 6;
    if parts.len() > PARTS && !context.style.verbose {
        let more = parts.len() - PARTS;
        parts.truncate(PARTS);
        parts.push(count(more, "more change", "more changes"));
    }
    parts
}

/// What happens to an organization with its sites, or to a role.
pub(super) fn catalog(context: Context<'_>, actions: &[&Action]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let (mut created, mut deleted) = (Vec::new(), Vec::new());
    for action in actions {
        let site = action.subject.site.map(|site| context.name(site)).unwrap_or_default();
        let changes = || context.changes(action.before.as_ref(), action.after.as_ref());
        match action.kind {
            ActionKind::CreateOrganization => parts.push("new organization".to_owned()),
            ActionKind::CreateRole => parts.push("new role".to_owned()),
            ActionKind::DeleteOrganization | ActionKind::DeleteRole => parts.push("deleted".to_owned()),
            ActionKind::CreateSite => created.push(site),
            ActionKind::DeleteSite => deleted.push(site),
            ActionKind::UpdateSite => parts.push(format!("{site}: {}", changes())),
            ActionKind::UpdateOrganization
            | ActionKind::UpdateRole
            | ActionKind::InviteUser
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
            | ActionKind::CancelInvitation
            | ActionKind::AddMembership
            | ActionKind::ChangeRole
            | ActionKind::UpdateMembership
            | ActionKind::RemoveMembership
            | ActionKind::GrantSite
            | ActionKind::ChangeSiteRole
            | ActionKind::RevokeSite => parts.push(changes()),
        }
    }
    for (mut sites, how) in [(deleted, "deleted"), (created, "created")] {
        sites.sort_unstable();
        let many = sites.len() > 3 && !context.style.verbose;
        match sites.len() {
            0 => {}
            number if many => parts.push(format!("{} {how}", count(number, "site", "sites"))),
            number => {
                let noun = if number == 1 { "site" } else { "sites" };
                parts.push(format!("{noun} {} {how}", enumeration(&sites)));
            }
        }
    }
    shorten(context, parts).join(", ")
}
