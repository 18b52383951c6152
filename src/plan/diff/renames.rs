//! The renames themselves, and that whatever uses a new name waits for them.
//!
//! The diff compares under the new names already (`plan::renamed`). Deliberately absent: whether something is renamed.

use super::context::Context;
use super::draft::{Change, Draft, Need, own_line, user_subject};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{ActionKind, CatalogKey, Fact, LiveView, Name, UserView, Value, known};
use crate::plan::WaitsFor;
use crate::plan::action::{Risk, State, Subject};

/// Gives an account its new key before everything else that is done with it; a cancelled invitation takes the old one
/// along. To be asked when the account was compared.
pub(super) fn user(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>, change: &mut Change) {
    let Some(previous) = context.renamed.users.get(&desired.identity) else { return };
    // The account goes with its invitation; who is invited anew is so under the new key.
    if change.drafts.iter().any(|draft| draft.action.kind == ActionKind::CancelInvitation) {
        for draft in &mut change.drafts {
            if draft.action.kind == ActionKind::CancelInvitation {
                draft.action.subject = user_subject(live.key);
            }
        }
        return;
    }
    let key = |key| Some(State::field(known::KEY, Value::Text(key)));
    let mut draft = Draft::new(ActionKind::RenameUser, user_subject(desired.key), key(live.key), key(desired.key))
        .because("renamed");
    draft.risk(Risk::Escalation);
    draft.action.origins = own_line(previous.position);
    if super::pending::is_pending(context, live) {
        let (old, new) = (context.inputs.names.text(live.key), context.inputs.names.text(desired.key));
        let message = format!("`{old}` is invited, and the invitation can't be cancelled");
        change.diagnostics.push(
            Diagnostic::warning(Code::WaitsForAcceptance, message)
                .at(previous.position, "")
                .help(format!("the account becomes `{new}` when the invitation is accepted")),
        );
        draft.wait = live.invitation.map_or((None, None), |invitation| (invitation.sent, invitation.ends));
        draft = draft.waiting(WaitsFor::Acceptance);
    }
    // A new key reaches the account everywhere, also where others manage it.
    if !context.reach.whole_account(live, true) {
        draft = draft.waiting(WaitsFor::Decision);
    }
    let others = change.drafts.len();
    let rename = change.push(draft);
    for draft in &mut change.drafts[..others] {
        draft.needs.push(Need::Own(rename));
    }
}

/// Adds the renames of the catalog, and makes every draft that uses a new name need them.
pub(super) fn catalog(context: &Context<'_>, changes: &mut [Change]) {
    let renames = &context.renamed.catalog;
    if renames.is_empty() {
        return;
    }
    let Some(first) = changes.first_mut() else { return };
    for (&key, previous) in renames {
        let (kind, subject) = update(key);
        let name = match key {
            CatalogKey::Organization(name) | CatalogKey::Site(_, name) | CatalogKey::Role(name) => name,
        };
        let is_it = |draft: &Draft| draft.action.kind == kind && draft.action.subject == subject;
        let place = first.drafts.iter().position(is_it);
        let place = place.unwrap_or_else(|| {
            first.push(Draft::new(kind, subject, Some(State::default()), Some(State::default())));
            first.drafts.len() - 1
        });
        let draft = &mut first.drafts[place];
        let sides = [(&mut draft.action.before, previous.name), (&mut draft.action.after, name)];
        for (state, name) in sides {
            state.get_or_insert_default().facts.push(Fact::new(known::KEY, Value::Text(name)));
        }
        draft.action.reason = "renamed";
        draft.action.origins = own_line(previous.position);
        draft.risk(Risk::Escalation);
    }
    for draft in changes.iter_mut().flat_map(|change| &mut change.drafts) {
        let own = (draft.action.kind, draft.action.subject);
        let used = used(context, draft);
        let needs = used.into_iter().filter(|key| renames.contains_key(key)).map(update);
        draft.needs.extend(needs.filter(|&need| need != own).map(|(kind, subject)| Need::Action(kind, subject)));
    }
}

const fn update(key: CatalogKey) -> (ActionKind, Subject) {
    let none = Subject { user: None, organization: None, site: None, role: None };
    match key {
        CatalogKey::Organization(name) => {
            (ActionKind::UpdateOrganization, Subject { organization: Some(name), ..none })
        }
        CatalogKey::Site(organization, site) => {
            (ActionKind::UpdateSite, Subject { organization: Some(organization), site: Some(site), ..none })
        }
        CatalogKey::Role(role) => (ActionKind::UpdateRole, Subject { role: Some(role), ..none }),
    }
}

/// What of the catalog an action names.
fn used(context: &Context<'_>, draft: &Draft) -> Vec<CatalogKey> {
    let Subject { organization, site, role, user } = draft.action.subject;
    let mut used: Vec<CatalogKey> = Vec::new();
    used.extend(organization.map(CatalogKey::Organization));
    used.extend(role.map(CatalogKey::Role));
    used.extend(organization.zip(site).map(|(organization, site)| CatalogKey::Site(organization, site)));
    let is_rename =
        user.is_none() && draft.action.after.as_ref().is_some_and(|after| after.value(known::KEY).is_some());
    // What a renamed object no longer refers to may be renamed after it.
    let before = draft.action.before.as_ref().filter(|_| !is_rename);
    for state in before.into_iter().chain(&draft.action.after) {
        for fact in &state.facts {
            let of: Box<dyn Fn(Name) -> Option<CatalogKey>> = match fact.field {
                known::ROLE | known::EXTRA_ROLES => Box::new(|name| Some(CatalogKey::Role(name))),
                known::DEFAULT_SITE => Box::new(move |site| Some(CatalogKey::Site(organization?, site))),
                known::PARENT | known::INCLUDES => Box::new(move |name| match (role, organization, site) {
                    (Some(_), _, _) => Some(CatalogKey::Role(name)),
                    (None, Some(organization), Some(_)) => Some(CatalogKey::Site(organization, name)),
                    (None, _, _) => Some(CatalogKey::Organization(name)),
                }),
                _ => continue,
            };
            match fact.value {
                Value::Text(name) => used.extend(of(name)),
                Value::Set(list) => {
                    used.extend(context.inputs.names.elements(list).iter().filter_map(|&name| of(name)));
                }
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        for membership in &state.memberships {
            used.push(CatalogKey::Organization(membership.organization));
            used.extend(membership.role.map(CatalogKey::Role));
            used.extend(context.inputs.names.elements(membership.extra_roles).iter().copied().map(CatalogKey::Role));
            used.extend(membership.default_site.map(|site| CatalogKey::Site(membership.organization, site)));
        }
        for grant in &state.grants {
            used.push(CatalogKey::Organization(grant.organization));
            used.push(CatalogKey::Site(grant.organization, grant.site));
            used.extend(grant.role.map(CatalogKey::Role));
        }
    }
    used.sort_unstable();
    used.dedup();
    used
}
