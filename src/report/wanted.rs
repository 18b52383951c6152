//! What waits, by name: `manager of north and south (escalation)`.
//!
//! Who approves a change of a manifest approves what waits as well: it is done by itself later, without being asked
//! about again. So escalations and admin roles are always named, the rest as far as there is room.

use std::collections::{BTreeMap, BTreeSet};

use super::style::{enumeration, number};
use super::words::{Context, NAMED};
use crate::model::{ActionKind, Name, known};
use crate::plan::{Deferred, Risk, State};

/// What is wanted in several places alike. The order is that of printing.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wish {
    is_harmless: bool,
    is_ordinary: bool,
    /// What stands before the places, and after them.
    words: (String, String),
}

impl Wish {
    const fn is_always_told(&self) -> bool {
        !self.is_harmless || !self.is_ordinary
    }
}

/// Whether any of these is an escalation.
pub(super) fn escalates(group: &[&Deferred]) -> bool {
    group.iter().any(|deferred| deferred.risk.contains(&Risk::Escalation))
}

/// What these come to, in one line; empty where there is nothing to add to their kinds.
pub(super) fn wishes(context: Context<'_>, group: &[&Deferred]) -> String {
    let mut wishes: BTreeMap<Wish, BTreeSet<String>> = BTreeMap::new();
    for deferred in group {
        if let Some((wish, place)) = wish(context, deferred) {
            wishes.entry(wish).or_default().extend(place);
        }
    }
    let mut left = 0;
    let mut others = 0;
    let mut parts: Vec<String> = Vec::new();
    for (wish, places) in wishes {
        others += usize::from(!wish.is_always_told());
        if wish.is_always_told() || others <= NAMED || context.style.verbose {
            let Wish { is_harmless, words: (before, after), .. } = wish;
            let risk = if is_harmless { "" } else { " (escalation)" };
            parts.push(format!("{before}{}{after}{risk}", folded(context, places.into_iter().collect())));
        } else {
            left += 1;
        }
    }
    if left > 0 {
        parts.push(format!("and {} more (use -v)", number(left)));
    }
    parts.join("; ")
}

/// `a, b, c and 4 more`.
pub(super) fn folded(context: Context<'_>, mut texts: Vec<String>) -> String {
    if texts.len() > NAMED && !context.style.verbose {
        let more = texts.len() - NAMED;
        texts.truncate(NAMED);
        texts.push(format!("{} more", number(more)));
    }
    enumeration(&texts)
}

fn role_of(state: Option<&State>) -> Option<Name> {
    state.and_then(State::role)
}

/// One deferred entry in words, and its place.
fn wish(context: Context<'_>, deferred: &Deferred) -> Option<(Wish, Option<String>)> {
    let Deferred { kind, subject, before, after, risk, .. } = deferred;
    let (before, after) = (before.as_ref(), after.as_ref());
    let organization =
        subject.organization.map_or_else(|| "the whole platform".to_owned(), |organization| context.name(organization));
    let site =
        subject.site.map_or_else(|| organization.clone(), |site| format!("{organization}/{}", context.name(site)));
    let role = subject.role.map(|role| context.name(role)).unwrap_or_default();
    let named = |state: Option<&State>| {
        let extra = state.and_then(|state| match state.value(known::EXTRA_ROLES) {
            Some(crate::model::Value::Set(list)) => Some(context.extra_roles(list)),
            Some(_) | None => None,
        });
        let role = role_of(state).map_or_else(|| "member".to_owned(), |role| context.name(role));
        format!("{role}{}", extra.unwrap_or_default())
    };
    let on_site =
        |state: Option<&State>| role_of(state).map(|role| format!(" as {}", context.name(role))).unwrap_or_default();
    let access = |state: Option<&State>| {
        let state = state?;
        let mut parts = context.comes_with(&state.facts);
        parts.insert(0, context.access(&state.memberships, &state.grants, false));
        parts.retain(|part| !part.is_empty());
        (!parts.is_empty()).then(|| parts.join(", "))
    };
    let (words, place) = match kind {
        ActionKind::InviteUser | ActionKind::CreateUser => ((access(after)?, String::new()), None),
        ActionKind::AddMembership if before.is_some() => {
            let in_place = access(before).map(|was| format!(" in place of {was}")).unwrap_or_default();
            ((format!("{}{in_place}, of ", named(after)), String::new()), Some(organization))
        }
        ActionKind::AddMembership | ActionKind::ChangeRole => {
            ((format!("{} of ", named(after)), String::new()), Some(organization))
        }
        ActionKind::RemoveMembership => {
            ((format!("no longer {} of ", named(before)), String::new()), Some(organization))
        }
        ActionKind::UpdateMembership => {
            ((format!("{} in ", context.changes(before, after)), String::new()), Some(organization))
        }
        ActionKind::GrantSite => {
            let ended = before.into_iter().flat_map(|before| &before.grants).map(|grant| context.name(grant.site));
            let in_place: Vec<String> = ended.map(|was| format!(" in place of {was}")).collect();
            (("site ".to_owned(), format!("{}{}", on_site(after), in_place.concat())), Some(site))
        }
        ActionKind::ChangeSiteRole => (
            (
                format!("{} on ", role_of(after).map_or_else(|| "no role".to_owned(), |role| context.name(role))),
                String::new(),
            ),
            Some(site),
        ),
        ActionKind::RevokeSite => (("no longer site ".to_owned(), on_site(before)), Some(site)),
        ActionKind::UpdateUser | ActionKind::ChangeAccess => ((context.changes(before, after), String::new()), None),
        ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::CancelInvitation => ((format!("takes away {}", access(before)?), String::new()), None),
        ActionKind::RenameUser => {
            let old = before.and_then(|state| state.value(known::KEY)).unwrap_or(crate::model::Value::Null);
            ((format!("the key was {}", context.value(old)), String::new()), None)
        }
        ActionKind::ReactivateUser | ActionKind::SendInvitation | ActionKind::ResendInvitation => return None,
        ActionKind::CreateOrganization => (("new organization ".to_owned(), String::new()), Some(organization)),
        ActionKind::DeleteOrganization => (("deletion of organization ".to_owned(), String::new()), Some(organization)),
        ActionKind::CreateSite => (("new site ".to_owned(), String::new()), Some(site)),
        ActionKind::DeleteSite => (("deletion of site ".to_owned(), String::new()), Some(site)),
        ActionKind::CreateRole => {
            let gives = after.map(|after| context.role_content(after)).unwrap_or_default();
            ((format!("new role {role}: {gives}"), String::new()), None)
        }
        ActionKind::DeleteRole => (("deletion of role ".to_owned(), String::new()), Some(role)),
        ActionKind::UpdateOrganization | ActionKind::UpdateSite => {
            ((String::new(), format!(": {}", context.changes(before, after))), Some(site))
        }
        ActionKind::UpdateRole => ((format!("role {role}: {}", context.changes(before, after)), String::new()), None),
    };
    let is_admin = role_of(after).is_some_and(|role| context.is_admin(role))
        || after.is_some_and(|after| {
            after.memberships.iter().filter_map(|membership| membership.role).any(|role| context.is_admin(role))
        });
    let is_harmless = !risk.contains(&Risk::Escalation);
    Some((Wish { is_harmless, is_ordinary: !is_admin, words }, place))
}
