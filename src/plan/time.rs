//! What time alone will change: until when a plan holds, and what ends soon.

use jiff::{SignedDuration, Timestamp};
use rayon::prelude::*;

use super::action::{Origin, State};
use super::scope::Reach;
use super::{Expiring, Inputs, PasswordDue};
use crate::model::{
    DeclaredStatus, Effective, Grant, InvitationState, LiveView, Name, Piece, SourceLabel, Standing, Status, UserView,
    Value, known,
};

/// What ends within this time is listed (`language.md` §3, 9).
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The first moment at which the same manifests and the same live state could give another plan.
pub(super) fn valid_until(inputs: &Inputs<'_>) -> Option<Timestamp> {
    let Inputs { desired, live, at, .. } = *inputs;
    let invitations = live.users().filter_map(|user| user.invitation).filter_map(|invitation| match invitation.state {
        InvitationState::Pending => invitation.ends,
        InvitationState::Suppressed
        | InvitationState::Accepted
        | InvitationState::Declined
        | InvitationState::Expired
        | InvitationState::Cancelled => None,
    });
    let graces = live.users().filter_map(|user| {
        let declared = desired.find(user.identity?)?;
        let is_absent = declared.status == Some(DeclaredStatus::Absent);
        Some(inputs.policy.grace.after(inputs.left_since(&declared, &user).filter(|_| is_absent)?))
    });
    declared_change(inputs).into_iter().chain(invitations).chain(graces).filter(|&moment| moment > at).min()
}

/// The first moment after that of the inputs at which the manifests alone mean something else.
pub(super) fn declared_change(inputs: &Inputs<'_>) -> Option<Timestamp> {
    let Inputs { desired, at, .. } = *inputs;
    let windows = desired.windows.iter().filter_map(|window| window.next_change(at));
    let leavers = desired.leavers.values().filter_map(|leaver| leaver.from);
    windows.chain(leavers).filter(|&moment| moment > at).min()
}

/// What declared users lose by time alone within 14 days, sorted by time, then by text.
pub(super) fn expiring(inputs: &Inputs<'_>) -> Vec<Expiring> {
    let Inputs { names, desired, at, .. } = *inputs;
    let Ok(until) = at.checked_add(SOON) else { return Vec::new() };
    let is_soon = |moment: Timestamp| at < moment && moment <= until;
    let any_window = desired.windows.iter().any(|window| window.expires.is_some_and(is_soon));
    let any_leaver = desired.leavers.values().any(|leaver| leaver.from.is_some_and(is_soon));
    if !any_window && !any_leaver {
        return Vec::new();
    }
    let of_user = |row: usize| of_user(inputs, &desired.user(row), &is_soon);
    let mut found: Vec<Expiring> = (0..desired.len()).into_par_iter().flat_map_iter(of_user).collect();
    found.extend(undeclared_leavers(inputs).filter(|one| is_soon(one.at)));
    let text = |name: Option<Name>| name.map(|name| names.text(name));
    found.sort_by(|a, b| {
        let key = |one: &Expiring| (one.at, text(Some(one.user)), text(one.organization), text(one.site));
        key(a).cmp(&key(b))
    });
    found
}

/// When those end who are named under `inactive` and nowhere else.
fn undeclared_leavers<'a>(inputs: &'a Inputs<'_>) -> impl Iterator<Item = Expiring> + 'a {
    let reach = Reach::new(inputs);
    inputs.desired.leavers.iter().filter_map(move |(&identity, leaver)| {
        let live = inputs.live.find(identity).filter(|_| inputs.desired.find(identity).is_none())?;
        let is_in = matches!(live.status, Status::Preloaded | Status::Invited | Status::Active);
        let is_meant = is_in && !reach.leaves_out_named(&live) && !inputs.is_protected(identity);
        let origins = vec![Origin { position: leaver.position, via: None }];
        let at = leaver.from.filter(|_| is_meant)?;
        Some(Expiring { user: live.key, organization: None, site: None, at, after: None, origins })
    })
}

/// Whose password is older than the rules allow, the oldest first, then by text. Only those of active people who are not
/// protected count: nobody else's can be reset.
pub(super) fn passwords_due(inputs: &Inputs<'_>) -> Vec<PasswordDue> {
    let Some(rotation) = inputs.rules.password_rotation() else { return Vec::new() };
    let is_managed = |live: &LiveView<'_>| {
        live.status == Status::Active
            && !live.is_service()
            && live.identity.is_some_and(|identity| !inputs.is_protected(identity))
    };
    let of = |live: LiveView<'_>| {
        let since = live.password_since?;
        Some(PasswordDue { user: live.key, since, due: rotation.after(since, &inputs.policy.time_zone) })
    };
    let mut found: Vec<PasswordDue> = inputs.live.users().filter(is_managed).filter_map(of).collect();
    found.retain(|one| one.due <= inputs.at);
    found.sort_by_key(|one| (one.due, inputs.names.text(one.user)));
    found
}

fn of_user(inputs: &Inputs<'_>, user: &UserView<'_>, is_soon: &impl Fn(Timestamp) -> bool) -> Vec<Expiring> {
    match user.standing(inputs.at) {
        Standing::Wanted(None | Some(DeclaredStatus::Active | DeclaredStatus::Preloaded)) => {}
        Standing::Wanted(Some(DeclaredStatus::Inactive | DeclaredStatus::Absent))
        | Standing::NotYet(_)
        | Standing::Expired(_)
        | Standing::Left(_) => return Vec::new(),
    }
    let leaver = inputs.desired.leavers.get(&user.identity);
    let last_day = leaver.and_then(|leaver| Some((leaver.from?, leaver.position)));
    let ends = user.window.expires.map(|expires| (expires, user.position));
    let whole = last_day.into_iter().chain(ends).min();
    let mut found = Vec::new();
    if let Some((at, position)) = whole.filter(|&(at, _)| is_soon(at)) {
        let origins = vec![Origin { position, via: None }];
        found.push(Expiring { user: user.key, organization: None, site: None, at, after: None, origins });
    }
    let mut pieces: Vec<Piece> = Vec::new();
    user.pieces(inputs.names, &mut pieces);
    if pieces.iter().any(|piece| piece.window.expires.is_some_and(is_soon)) {
        let before_whole = |at: Timestamp| whole.is_none_or(|(whole, _)| at < whole);
        found.extend(
            places(inputs, user, &mut pieces).into_iter().filter(|one| is_soon(one.at) && before_whole(one.at)),
        );
    }
    found
}

/// When each place that the user has today ends, or falls to a lesser role; grants that end with their membership are
/// not repeated.
fn places(inputs: &Inputs<'_>, user: &UserView<'_>, pieces: &mut [Piece]) -> Vec<Expiring> {
    pieces.sort_by_key(|piece| (piece.organization, piece.site, piece.window.starts));
    let today = inputs.effective(user);
    let mut found: Vec<Expiring> = Vec::new();
    for here in pieces.chunk_by(|a, b| (a.organization, a.site) == (b.organization, b.site)) {
        let Some(first) = here.first() else { continue };
        let (organization, site) = (first.organization, first.site);
        let Some(Held { role }) = held(&today, organization, site) else { continue };
        let Some(Loss { at, role, then }) = loss(inputs, user, here, role) else { continue };
        let of_membership =
            |one: &Expiring| one.organization == Some(organization) && one.site.is_none() && one.after.is_none();
        if site.is_some() && found.iter().any(|one| of_membership(one) && one.at <= at) {
            continue;
        }
        let ending = here.iter().filter(|piece| piece.role == role && piece.window.expires == Some(at));
        let mut origins: Vec<Origin> =
            ending.map(|piece| Origin { position: piece.position, via: via(inputs, piece) }).collect();
        origins.sort_unstable();
        origins.dedup();
        let after = then.map(|Held { role }| State::field(known::ROLE, Value::optional_text(role)));
        found.push(Expiring { user: user.key, organization: Some(organization), site, at, after, origins });
    }
    found
}

/// How a user loses something in one place.
struct Loss {
    at: Timestamp,
    /// The role until then.
    role: Option<Name>,
    /// What is held there afterwards, if anything is.
    then: Option<Held>,
}

/// The first loss in the place of these pieces. A role that is followed by another that is no less is no loss.
fn loss(inputs: &Inputs<'_>, user: &UserView<'_>, here: &[Piece], mut role: Option<Name>) -> Option<Loss> {
    let Inputs { names, desired, rules, .. } = *inputs;
    let first = here.first()?;
    let mut at = inputs.at;
    loop {
        let with_role = here.iter().filter(|piece| (piece.membership || piece.site.is_some()) && piece.role == role);
        at = end(with_role.copied(), at)?;
        let then = Inputs { at, ..inputs.clone() }.effective(user);
        match held(&then, first.organization, first.site) {
            Some(Held { role: next }) if next != role && !rules.loses(&desired.catalog, names, role, next) => {
                role = next;
            }
            then => return Some(Loss { at, role, then }),
        }
    }
}

/// What a user holds in one place.
struct Held {
    role: Option<Name>,
}

fn held(effective: &Effective, organization: Name, site: Option<Name>) -> Option<Held> {
    match site {
        None => {
            effective.memberships.iter().find(|one| one.organization == organization).map(|one| Held { role: one.role })
        }
        Some(site) => {
            let is_here = |one: &&Grant| (one.organization, one.site) == (organization, site);
            effective.grants.iter().find(is_here).map(|one| Held { role: one.role })
        }
    }
}

/// When contributions that stand in for each other are all over; `None`: never. They come sorted by their beginning.
fn end(pieces: impl Iterator<Item = Piece>, at: Timestamp) -> Option<Timestamp> {
    let mut end = at;
    for piece in pieces {
        let begins_in_time = piece.window.starts.is_none_or(|starts| starts <= end);
        if begins_in_time && !piece.window.has_ended(at) {
            end = end.max(piece.window.expires?);
        }
    }
    (end > at).then_some(end)
}

fn via(inputs: &Inputs<'_>, piece: &Piece) -> Option<SourceLabel> {
    piece.source.map(|source| inputs.desired.source(source).label)
}
