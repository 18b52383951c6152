//! What is wanted from a later day on: it waits for `start`, and nothing else waits for it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::context::Context;
use super::draft::{Change, Draft, own_line};
use super::user;
use crate::model::{ActionKind, DeclaredStatus, Effective, LiveView, Name, Piece, Standing, UserView, Value, known};
use crate::plan::WaitsFor;
use crate::plan::action::{State, Subject};

/// What one user has to wait for.
pub(super) fn diff(context: &Context<'_>, desired: &UserView<'_>, live: Option<&LiveView<'_>>) -> Change {
    match desired.standing(context.inputs.at) {
        Standing::NotYet(starts) => {
            let mut change = user::diff_from_start(context, desired, live);
            for draft in &mut change.drafts {
                wait(draft, starts);
            }
            change
        }
        Standing::Wanted(None | Some(DeclaredStatus::Active | DeclaredStatus::Preloaded)) => places(context, desired),
        Standing::Wanted(Some(DeclaredStatus::Inactive | DeclaredStatus::Absent))
        | Standing::Expired(_)
        | Standing::Left(_) => Change::default(),
    }
}

fn wait(draft: &mut Draft, starts: Timestamp) {
    draft.waits_for = Some(WaitsFor::Start);
    draft.wait = (None, Some(starts));
}

/// Memberships and grants that begin later, in places where the user has none by then.
fn places(context: &Context<'_>, desired: &UserView<'_>) -> Change {
    let inputs = context.inputs;
    let mut pieces: Vec<Piece> = Vec::new();
    desired.pieces(inputs.names, &mut pieces);
    let mut earliest: BTreeMap<(Name, Option<Name>), Piece> = BTreeMap::new();
    for piece in &pieces {
        if piece.window.has_begun(inputs.at) || !(piece.membership || piece.site.is_some()) {
            continue;
        }
        let first = earliest.entry((piece.organization, piece.site)).or_insert(*piece);
        if (piece.window.starts, piece.position) < (first.window.starts, first.position) {
            *first = *piece;
        }
    }
    let mut change = Change::default();
    if earliest.is_empty() {
        return change;
    }
    let today: Effective = inputs.effective(desired);
    for ((organization, site), piece) in earliest {
        let is_there = match site {
            None => today.memberships.iter().any(|membership| membership.organization == organization),
            Some(site) => today.grants.iter().any(|grant| (grant.organization, grant.site) == (organization, site)),
        };
        if let Some(starts) = piece.window.starts.filter(|_| !is_there) {
            let kind = if site.is_some() { ActionKind::GrantSite } else { ActionKind::AddMembership };
            let organization = Some(organization).filter(|&organization| organization != known::PLATFORM);
            let subject = Subject { user: Some(desired.key), organization, site, role: None };
            let after = State::field(known::ROLE, Value::optional_text(piece.role));
            let mut draft = Draft::new(kind, subject, None, Some(after));
            draft.action.origins = own_line(piece.position);
            wait(&mut draft, starts);
            change.push(draft);
        }
    }
    change
}
