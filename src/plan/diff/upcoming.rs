//! What is wanted from a later day on: it waits for `start`, and nothing else waits for it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::context::Context;
use super::draft::{Change, Draft, Need, own_line};
use super::user;
use crate::model::{
    ActionKind, DeclaredStatus, Effective, Fact, LiveView, Name, Piece, Standing, Status, UserView, Value, known,
};
use crate::plan::WaitsFor;
use crate::plan::action::{Risk, State, Subject};

/// What one user has to wait for.
pub(super) fn diff(context: &Context<'_>, desired: &UserView<'_>, live: Option<&LiveView<'_>>) -> Change {
    match desired.standing(context.inputs.at) {
        Standing::NotYet(starts) => {
            let mut change = user::diff_from_start(context, desired, live);
            // It was told there, and done, if it could be.
            change.diagnostics.clear();
            change.unmanaged = None;
            // Of an account that is out nothing was taken before: what is too much goes when it comes back.
            let is_out = live.is_some_and(|live| matches!(live.status, Status::Inactive | Status::Closed));
            keep(&mut change, |draft| is_out || !takes_away(draft));
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

/// Whether it only takes away.
pub(super) fn takes_away(draft: &Draft) -> bool {
    draft.loses && !draft.gains
}

/// Leaves out the drafts that are not wanted, and with them those that have to come after one of them.
pub(super) fn keep(change: &mut Change, is_wanted: impl Fn(&Draft) -> bool) {
    let mut is_kept: Vec<bool> = change.drafts.iter().map(&is_wanted).collect();
    let needs_lost = |draft: &Draft, is_kept: &[bool]| {
        draft.needs.iter().any(|need| matches!(need, Need::Own(at) if !is_kept[*at as usize]))
    };
    while let Some(lost) = (0..is_kept.len()).find(|&at| is_kept[at] && needs_lost(&change.drafts[at], &is_kept)) {
        is_kept[lost] = false;
    }
    let places: Vec<u32> = is_kept
        .iter()
        .scan(0, |next, &is_kept| {
            let place = *next;
            *next += u32::from(is_kept);
            Some(place)
        })
        .collect();
    let mut at = 0;
    change.drafts.retain_mut(|draft| {
        for need in &mut draft.needs {
            if let Need::Own(other) = need {
                *other = places[*other as usize];
            }
        }
        at += 1;
        is_kept[at - 1]
    });
}

fn wait(draft: &mut Draft, starts: Timestamp) {
    draft.waits_for = Some(WaitsFor::Start);
    draft.wait = (None, Some(starts));
}

/// What begins later: memberships and grants where the user has none by then, and in the other places whatever gives
/// more than the user has by then.
fn places(context: &Context<'_>, desired: &UserView<'_>) -> Change {
    let inputs = context.inputs;
    let mut pieces: Vec<Piece> = Vec::new();
    desired.pieces(inputs.names, &mut pieces);
    let begins_later = |piece: &Piece| !piece.window.has_begun(inputs.at) && (piece.membership || piece.site.is_some());
    let mut change = Change::default();
    if !pieces.iter().any(begins_later) {
        return change;
    }
    let today: Effective = inputs.effective(desired);
    let is_member = |organization: Name| today.memberships.iter().any(|one| one.organization == organization);
    // What is in force already and has no membership as yet begins with that.
    let memberships: Vec<Piece> =
        pieces.iter().copied().filter(|piece| piece.membership && begins_later(piece)).collect();
    pieces.retain_mut(|piece| {
        let is_held_back = piece.site.is_some() && piece.window.holds(inputs.at) && !is_member(piece.organization);
        let here = memberships.iter().filter(|one| is_held_back && one.organization == piece.organization);
        if let Some(first) = here.min_by_key(|one| one.window.starts) {
            let is_reached = piece.role.is_none() && context.reaches_all(first.role);
            piece.window.starts = first.window.starts;
            return !is_reached && !piece.window.starts.is_some_and(|starts| piece.window.has_ended(starts));
        }
        begins_later(piece)
    });
    pieces.sort_by_key(|piece| (piece.organization, piece.site, piece.window.starts, piece.position));
    for here in pieces.chunk_by(|a, b| (a.organization, a.site) == (b.organization, b.site)) {
        let mut held = here.first().and_then(|first| held(context, &today, first));
        for piece in here {
            for draft in additions(context, desired.key, piece, held.as_ref()) {
                change.push(draft);
            }
            let held = held.get_or_insert_with(Held::default);
            if held.role.is_none() || is_more(context, held.role, piece.role) {
                held.role = piece.role;
            }
            held.extra_roles.extend(inputs.names.elements(piece.extra_roles).iter().copied());
        }
    }
    change
}

/// What somebody has in one place by some time.
#[derive(Debug, Default)]
struct Held {
    role: Option<Name>,
    extra_roles: BTreeSet<Name>,
}

fn held(context: &Context<'_>, today: &Effective, place: &Piece) -> Option<Held> {
    match place.site {
        None => {
            let membership = today.memberships.iter().find(|one| one.organization == place.organization)?;
            let extra_roles = context.inputs.names.elements(membership.extra_roles).iter().copied().collect();
            Some(Held { role: membership.role, extra_roles })
        }
        Some(site) => {
            let grant = today.grants.iter().find(|one| (one.organization, one.site) == (place.organization, site))?;
            Some(Held { role: grant.role, extra_roles: BTreeSet::new() })
        }
    }
}

/// Whether a role adds to another one in the same place, and will take its place: of two the one of the higher rank
/// does.
fn is_more(context: &Context<'_>, from: Option<Name>, to: Option<Name>) -> bool {
    let rank = |role| context.inputs.desired.catalog.role(role).and_then(|role| role.rank);
    let is_below = matches!((rank(from), rank(to)), (Some(from), Some(to)) if to < from);
    to.is_some() && !is_below && context.escalates(from, to)
}

/// What a piece that begins later adds to what is held in its place by then.
fn additions(context: &Context<'_>, user: Name, piece: &Piece, held: Option<&Held>) -> Vec<Draft> {
    let names = context.inputs.names;
    let organization = Some(piece.organization).filter(|&organization| organization != known::PLATFORM);
    let subject = Subject { user: Some(user), organization, site: piece.site, role: None };
    let role = |role: Option<Name>| State::field(known::ROLE, Value::optional_text(role));
    let on_site = piece.site.is_some();
    let Some(held) = held else {
        let kind = if on_site { ActionKind::GrantSite } else { ActionKind::AddMembership };
        let mut after = role(piece.role);
        if !piece.extra_roles.is_empty() {
            after.facts.push(Fact::new(known::EXTRA_ROLES, Value::Set(piece.extra_roles)));
        }
        let mut draft = Draft::new(kind, subject, None, Some(after));
        let is_powerful = if on_site { context.is_admin_role(piece.role) } else { context.is_powerful(piece.role) };
        if is_powerful || !piece.extra_roles.is_empty() {
            draft.risk(Risk::Escalation);
        }
        return vec![begun_by(piece, draft)];
    };
    let mut drafts = Vec::new();
    if is_more(context, held.role, piece.role) {
        let kind = if on_site { ActionKind::ChangeSiteRole } else { ActionKind::ChangeRole };
        let mut draft = Draft::new(kind, subject, Some(role(held.role)), Some(role(piece.role)));
        draft.risk(Risk::Escalation);
        drafts.push(begun_by(piece, draft));
    }
    let extra = names.elements(piece.extra_roles);
    if extra.iter().any(|role| !held.extra_roles.contains(role)) {
        let list = |roles: &BTreeSet<Name>| Value::Set(names.list(&roles.iter().copied().collect::<Vec<_>>()));
        let after: BTreeSet<Name> = held.extra_roles.iter().chain(extra.iter()).copied().collect();
        let state = |roles| State::field(known::EXTRA_ROLES, list(roles));
        let kind = ActionKind::UpdateMembership;
        let mut draft = Draft::new(kind, subject, Some(state(&held.extra_roles)), Some(state(&after)));
        draft.risk(Risk::Escalation);
        drafts.push(begun_by(piece, draft));
    }
    drafts
}

fn begun_by(piece: &Piece, mut draft: Draft) -> Draft {
    draft.action.origins = own_line(piece.position);
    if let Some(starts) = piece.window.starts {
        wait(&mut draft, starts);
    }
    draft
}
