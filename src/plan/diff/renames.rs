//! The renames themselves.
//!
//! The diff compares under the new names already (`plan::renamed`). Deliberately absent: whether something is renamed,
//! and in what order the catalog changes (`catalog_order`).

use super::context::Context;
use super::draft::{Change, Draft, Need, own_line, user_subject};
use super::upcoming;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{ActionKind, CatalogKey, Fact, LiveView, UserView, Value, known};
use crate::plan::action::{Risk, State, Subject};
use crate::plan::{Obstacle, WaitsFor};

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
        draft.obstacle = Some(if context.reach.accounts() { Obstacle::Elsewhere } else { Obstacle::NotManaged });
    }
    let others = change.drafts.len();
    let rename = change.push(draft);
    for draft in &mut change.drafts[..others] {
        draft.needs.push(Need::Own(rename));
    }
}

/// What is done before the day on which somebody starts who gets a new key then: it is done under the former one.
pub(super) fn under_former_key(desired: &UserView<'_>, live: &LiveView<'_>, change: &mut Change) {
    let Some(rename) = change.drafts.iter().position(|draft| draft.action.kind == ActionKind::RenameUser) else {
        return;
    };
    let own = u32::try_from(rename).unwrap_or(u32::MAX);
    for draft in &mut change.drafts {
        draft.needs.retain(|need| *need != Need::Own(own));
        if draft.action.subject.user == Some(desired.key) {
            draft.action.subject.user = Some(live.key);
        }
    }
    upcoming::keep(change, |draft| draft.action.kind != ActionKind::RenameUser);
}

/// Adds the renames of the catalog.
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
}

/// The action that renames this.
pub(super) const fn update(key: CatalogKey) -> (ActionKind, Subject) {
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
