//! The diff of one user: what has to be done with the account, by its status on both sides (`language.md` §3).
//!
//! Every pair of statuses has its answer here: onboard, compare, reactivate, off-board, or leave it to somebody's
//! decision. At the end protected users and the own account are held back, and risks are marked. Deliberately absent:
//! what differs in fields and access, and anything about other users.

use super::access::{deltas, membership_in};
use super::access_drafts::{Differences, access_drafts};
use super::admins::{self, Person};
use super::context::Context;
use super::draft::{Change, Counter, Draft, Need, own_line, status_state, user_subject};
use super::leaving::{Leaving, leave};
use super::lock_outs::{keep_locked_out, lock_out_again};
use super::pending_told::{ambiguous, kept_elsewhere, returns_with_more};
use super::{before_start, declined, endings, fields, open, pending, power, renames, scoped, undeclared, upcoming};
use crate::diagnostic::{Code, Diagnostic, Position};
use crate::model::{ActionKind, DeclaredStatus, LiveView, Membership, Name, Standing, Status, UserView, Value, known};
use crate::plan::action::Risk;
use crate::plan::locked_out::is_locked_out;
use crate::plan::{Obstacle, Unmanaged, WaitsFor};
use crate::rules::{KEPT_ELSEWHERE, OffBoarding};

/// Everything that one user, declared or live or both, needs today.
pub(super) fn diff(context: &Context<'_>, desired: Option<&UserView<'_>>, live: Option<&LiveView<'_>>) -> Change {
    let mut change = match desired {
        None => live.map(|live| undeclared::diff(context, live)).unwrap_or_default(),
        Some(desired) => match desired.standing(context.inputs.at) {
            Standing::Wanted(_) => {
                let mut change = declared(context, desired, live, Why::Declared);
                // Who is kept out has nothing that is left to others.
                let is_out = matches!(desired.status, Some(DeclaredStatus::Inactive | DeclaredStatus::Absent));
                if change.unmanaged.is_none() && !is_out {
                    change.unmanaged = live.and_then(|live| scoped::left_to_others(context, desired, live));
                }
                change.unsayable = live.and_then(|live| unsayable(context, desired, live));
                change
            }
            Standing::Expired(_) => declared(context, &inactive(desired), live, Why::Expired),
            Standing::Left(leaver) => declared(context, &inactive(desired), live, Why::Leaver(leaver.position)),
            // What is wanted from then on is told by `upcoming`.
            Standing::NotYet(_) => live.map_or_else(Change::default, |live| before_start(context, desired, live)),
        },
    };
    if let Some(desired) = desired {
        keep_locked_out(context, desired, live, &mut change);
    }
    if let Some(live) = live {
        lock_out_again(context, desired, live, &mut change);
        power::mark_ways_in(context, live, &mut change);
    }
    let identity = desired.map(|desired| desired.identity).or_else(|| live.and_then(|live| live.identity));
    finish(context, identity, &mut change);
    change
}

/// What a user who starts later loses already: only what gives waits for that day, and an invitation that could be
/// accepted before is none.
fn before_start(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>) -> Change {
    if live.status == Status::Invited {
        return declared(context, &inactive(desired), Some(live), Why::NotBegun);
    }
    let mut change = match (live.status, desired.status) {
        // While an account is inactive its access is not compared: what has to go before it comes back goes then.
        (Status::Inactive | Status::Closed, None | Some(DeclaredStatus::Active | DeclaredStatus::Preloaded)) => {
            let mut change = declared(context, desired, Some(live), Why::Declared);
            change.drafts.clear();
            change
        }
        (Status::Active, None | Some(DeclaredStatus::Active | DeclaredStatus::Preloaded)) => {
            let mut change = declared(context, desired, Some(live), Why::BeforeStart);
            renames::under_former_key(desired, live, &mut change);
            change
        }
        (
            Status::Active | Status::Inactive | Status::Closed | Status::Invited | Status::Preloaded,
            None
            | Some(
                DeclaredStatus::Active | DeclaredStatus::Preloaded | DeclaredStatus::Inactive | DeclaredStatus::Absent,
            ),
        ) => {
            let mut change = declared(context, desired, Some(live), Why::Declared);
            upcoming::keep(&mut change, upcoming::takes_away);
            change
        }
    };
    if live.status == Status::Active && change.drafts.is_empty() && change.diagnostics.is_empty() {
        let message = format!("`{}` is active before the day on which they start", live.key_text(context.inputs.names));
        let diagnostic = Diagnostic::warning(Code::ActiveBeforeStart, message)
            .at(desired.position, "nothing is taken away by `starts`")
            .help("write `status: inactive` until then, or take `starts` out");
        change.diagnostics.push(diagnostic);
    }
    change
}

/// Somebody declared who has sites that no manifest can say: they stay, and that is told.
fn unsayable(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>) -> Option<Unmanaged> {
    let mut grants = live.grants.iter().filter(|grant| context.is_unsayable(grant)).peekable();
    grants.peek()?;
    let wanted = context.effective(desired, Some(live));
    let reason = "has a site that no manifest can say, and keeps it; give the site another name in the store";
    let name = || context.inputs.names.text(desired.key).to_owned();
    grants.any(|grant| wanted.grants.contains(grant)).then(|| Unmanaged::new("user", name(), reason).always_told())
}

/// What a user who starts later will need.
pub(super) fn diff_from_start(context: &Context<'_>, desired: &UserView<'_>, live: Option<&LiveView<'_>>) -> Change {
    let live = live.filter(|live| live.status != Status::Invited);
    // From then on it is compared with what was kept until then.
    let comes = matches!(desired.status, None | Some(DeclaredStatus::Active | DeclaredStatus::Preloaded));
    let active = live.filter(|live| comes && live.status == Status::Active);
    let kept = active.map(|live| before_start::Kept::of(context, desired, live));
    let view = active.zip(kept.as_ref()).map(|(live, kept)| kept.view(live));
    let mut change = declared(context, desired, view.as_ref().or(live), Why::Declared);
    finish(context, Some(desired.identity), &mut change);
    change
}

fn finish(context: &Context<'_>, identity: Option<Name>, change: &mut Change) {
    if let Some(identity) = identity {
        hold_back(context, identity, change);
    }
    let waits = |draft: &Draft| draft.action.kind == ActionKind::ReactivateUser && draft.waits_for.is_some();
    if change.drafts.iter().any(waits) {
        change.diagnostics.retain(|found| found.code != Code::ReturnsWithMore);
    }
    for draft in &mut change.drafts {
        mark(context, draft);
    }
}

/// What an operator asks for who wants an invitation to go out.
pub(super) fn resend(context: &Context<'_>, live: &LiveView<'_>) -> Option<Change> {
    let mut change = Change::default();
    change.push(pending::resend(context, live)?);
    change.drafts.iter_mut().for_each(|draft| mark(context, draft));
    Some(change)
}

/// What an operator asks for who wants somebody to be invited again who declined, and has no account any more.
pub(super) fn invite_again(context: &Context<'_>, desired: &UserView<'_>) -> Option<Change> {
    let mut change = Change::default();
    change.push(declined::again(pending::onboard(context, desired))?);
    hold_back(context, desired.identity, &mut change);
    change.drafts.iter_mut().for_each(|draft| mark(context, draft));
    Some(change)
}

/// Why nobody shall log in with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// The status of the user says so, if any does.
    Declared,
    /// The user's time is over.
    Expired,
    /// The user's time has not begun.
    NotBegun,
    /// Nothing says so; the user's time has not begun, and what goes until then goes at once.
    BeforeStart,
    /// The user is named here, under `inactive:`.
    Leaver(Position),
}

/// A user whose own status does not count any more.
fn inactive<'a>(desired: &UserView<'a>) -> UserView<'a> {
    UserView { status: Some(DeclaredStatus::Inactive), ..*desired }
}

fn declared(context: &Context<'_>, desired: &UserView<'_>, live: Option<&LiveView<'_>>, why: Why) -> Change {
    if scoped::is_out(context, desired, live) {
        return scoped::left_alone(context, desired.key, live, "has no membership in scope");
    }
    if live.is_some_and(|live| context.inputs.rules.keeps_elsewhere(live)) {
        let mut change = scoped::left_alone(context, desired.key, live, KEPT_ELSEWHERE);
        change.diagnostics.push(kept_elsewhere(context, desired));
        return change;
    }
    match live {
        Some(live) => {
            let mut change = both(context, desired, live, why);
            renames::user(context, desired, live, &mut change);
            change
        }
        None if context.inputs.live.ambiguous().contains(&desired.identity) => {
            Change { diagnostics: vec![ambiguous(context, desired)], ..Change::default() }
        }
        None => pending::onboard(context, desired),
    }
}

/// Protected users get no action; the account behind the token loses nothing.
fn hold_back(context: &Context<'_>, identity: Name, change: &mut Change) {
    if change.drafts.is_empty() {
        return;
    }
    let today = context.renamed.users.get(&identity).map(|previous| previous.identity);
    let is_any = |question: &dyn Fn(Name) -> bool| question(identity) || today.is_some_and(question);
    if is_any(&|identity| context.inputs.is_protected(identity)) {
        for draft in &mut change.drafts {
            draft.waits_for = Some(WaitsFor::Protected);
        }
    } else if is_any(&|identity| context.inputs.is_own_account(identity)) {
        // Under another key the settings would not know it any more.
        let is_lost = !context.inputs.is_own_account(identity);
        let rules = context.inputs.rules;
        for draft in &mut change.drafts {
            let is_lost = is_lost && draft.action.kind == ActionKind::RenameUser;
            if is_lost
                || draft.loses
                || rules.denies_self(draft.action.kind)
                || context.inputs.rebuilds(draft.action.kind, &draft.action.subject)
            {
                draft.waits_for = Some(WaitsFor::OwnAccount);
            }
        }
    }
}

/// Marks the risks that follow from the kind of action and from gain and loss.
pub(super) fn mark(context: &Context<'_>, draft: &mut Draft) {
    if draft.loses {
        draft.risk(Risk::Removal);
    }
    if context.inputs.mails(draft.action.kind, draft.action.subject.user)
        && !is_preloading(draft)
        && !is_recalled(draft)
    {
        draft.risk(Risk::Mail);
    }
}

/// Whether it makes an account whose invitation is kept back for now.
fn is_preloading(draft: &Draft) -> bool {
    let status = draft.action.after.as_ref().and_then(|after| after.value(known::STATUS));
    draft.action.kind == ActionKind::InviteUser && status == Some(Value::Text(Status::Preloaded.name()))
}

/// Whether it cancels an invitation that never went out: the person knows of none.
fn is_recalled(draft: &Draft) -> bool {
    let invitation = draft.action.before.as_ref().and_then(|before| before.value(known::INVITATION));
    draft.action.kind == ActionKind::CancelInvitation && invitation == Some(Value::Text(known::NONE))
}

fn both(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>, why: Why) -> Change {
    let mut change = Change::default();
    let (reason, position) = match why {
        Why::Declared | Why::BeforeStart => {
            let is_absent = desired.status == Some(DeclaredStatus::Absent);
            let reason = if is_absent { "declared absent" } else { "declared inactive" };
            (reason, desired.status_position.unwrap_or(desired.position))
        }
        Why::Expired => ("expired", desired.position),
        Why::NotBegun => ("starts later", desired.position),
        Why::Leaver(position) => ("named under `inactive`", position),
    };
    let leaves_others = why == Why::NotBegun;
    let leaving = Leaving { key: desired.key, reason, position: Some(position), leaves_others };
    if !context.reach.whole_account(live, true)
        && let Some(change) = scoped::instead(context, desired, live, &leaving)
    {
        return change;
    }
    if desired.status == Some(DeclaredStatus::Absent) {
        endings::absent(context, desired, live, &mut change);
        return change;
    }
    match (live.status, desired.status) {
        (Status::Closed | Status::Inactive, Some(DeclaredStatus::Inactive | DeclaredStatus::Absent)) => {
            fields::update_profile(context, desired, live, &mut change);
        }
        (Status::Closed, None | Some(DeclaredStatus::Active | DeclaredStatus::Preloaded)) => {
            decide(desired, live, "the account is closed", &mut change);
            change.drafts.iter_mut().for_each(|draft| draft.obstacle = Some(Obstacle::Closed));
        }
        (Status::Inactive, None | Some(DeclaredStatus::Preloaded)) => {
            // An emergency lock-out is never undone by default.
            fields::update_profile(context, desired, live, &mut change);
            decide(desired, live, "somebody deactivated the account in the store", &mut change);
        }
        (Status::Inactive, Some(DeclaredStatus::Active)) => reactivate(context, desired, live, &mut change),
        (Status::Active, Some(DeclaredStatus::Inactive | DeclaredStatus::Absent)) => {
            fields::update_profile(context, desired, live, &mut change);
            leave(context, live, &leaving, &mut change);
        }
        (Status::Active, None | Some(DeclaredStatus::Active | DeclaredStatus::Preloaded)) => {
            if why == Why::BeforeStart {
                before_start::reduce(context, desired, live, &mut change);
            } else {
                active(context, desired, live, &mut change);
            }
        }
        (Status::Preloaded | Status::Invited, Some(DeclaredStatus::Inactive | DeclaredStatus::Absent)) => {
            leave(context, live, &leaving, &mut change);
        }
        // Somebody gave it that status in the store: no answer will come, and nobody knows whether the person is in.
        (Status::Preloaded | Status::Invited, None | Some(DeclaredStatus::Active | DeclaredStatus::Preloaded))
            if !context.inputs.rules.knows_invitations() =>
        {
            decide(desired, live, "the rules know no invitations", &mut change);
            change.drafts.iter_mut().for_each(|draft| draft.obstacle = Some(Obstacle::UnknownStatus));
        }
        (Status::Preloaded | Status::Invited, None | Some(DeclaredStatus::Active | DeclaredStatus::Preloaded)) => {
            if context.renamed.users.contains_key(&desired.identity)
                && pending::is_pending(context, live)
                && pending::under_new_key(context, desired, live, &mut change)
            {
                return change;
            }
            fields::update_profile(context, desired, live, &mut change);
            pending::compare(context, desired, live, &mut change);
        }
    }
    change
}

/// The account stays as it is until somebody decides.
fn decide(desired: &UserView<'_>, live: &LiveView<'_>, reason: &'static str, change: &mut Change) {
    let mut draft = Draft::new(
        ActionKind::ReactivateUser,
        user_subject(desired.key),
        Some(status_state(live.status)),
        Some(status_state(Status::Active)),
    );
    draft.action.origins = own_line(desired.position);
    draft.obstacle = Some(Obstacle::Deactivated);
    change.push(draft.because(reason).waiting(WaitsFor::Decision));
}

/// An active account that stays one.
fn active(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>, change: &mut Change) {
    let wanted = context.effective(desired, Some(live));
    let has_none_left = !wanted.memberships.iter().any(|membership| membership.organization != known::PLATFORM)
        && live.memberships.iter().any(|membership| membership.organization != known::PLATFORM)
        && live.memberships.iter().all(|membership| context.in_scope(membership.organization));
    if has_none_left && context.inputs.rules.demands_membership() {
        let reason = "the last membership ends";
        let leaving = Leaving { key: desired.key, reason, position: Some(desired.position), leaves_others: true };
        return scoped::leave_if_managed(context, live, &leaving, change);
    }
    fields::update_profile(context, desired, live, change);
    let access = fields::change_live_access(context, desired, live, change);
    let deltas = deltas(context, &wanted, live.memberships, live.grants);
    if deltas.is_empty() && access.is_none() {
        return;
    }
    let from = change.drafts.len();
    access_drafts(context, &Differences::new(desired, Some(live), None, &deltas), change);
    open::additions(context, (desired, Some(live)), &wanted, (&deltas, from), change);
    admins::settle(
        context,
        &Person { desired, live: Some(live), wanted: &wanted, activation: None, comes_back: false },
        change,
    );
}

/// What is too much and can't go before comes back for a moment: only where the catalog has, or is given, all that is
/// needed to take it away.
fn comes_back_first(change: &mut Change, activation: usize, reduction: usize) {
    let Draft { needs, waits_for, obstacle, .. } = &change.drafts[reduction];
    let of_catalog = |need: &&Need| match need {
        Need::Organization(_) | Need::Site(..) | Need::Role(_) | Need::RoleUpdate(_) => true,
        Need::Own(_) | Need::Action(..) => false,
    };
    let needs: Vec<Need> = needs.iter().filter(of_catalog).copied().collect();
    let (waits_for, obstacle) = (*waits_for, obstacle.clone());
    let draft = &mut change.drafts[activation];
    draft.risk(Risk::Escalation);
    draft.needs.extend(needs);
    if let (None, Some(waits_for)) = (draft.waits_for, waits_for) {
        (draft.waits_for, draft.obstacle) = (Some(waits_for), obstacle);
    }
}

/// Chained: reductions, activation, additions (`contract.md` §3).
fn reactivate(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>, change: &mut Change) {
    let rules = context.inputs.rules;
    fields::update_profile(context, desired, live, change);
    let restores = rules.reactivation_restores();
    let (memberships, grants) = if restores { (live.memberships, live.grants) } else { (&[][..], &[][..]) };
    let mut draft = Draft::new(
        ActionKind::ReactivateUser,
        user_subject(desired.key),
        Some(status_state(Status::Inactive)),
        Some(status_state(Status::Active)),
    );
    draft.gains = true;
    draft.risk(Risk::AccessReturns);
    draft.action.origins = own_line(desired.status_position.unwrap_or(desired.position));
    if rules.takes_seat(Some(Status::Inactive), Status::Active) {
        draft.takes.push(Counter::Seat);
    }
    // Whom an operator locked out by way of exception comes back by the same.
    if !rules.can_undo(OffBoarding::Deactivate) && !is_locked_out(context.inputs, desired.identity) {
        draft.waits_for = Some(WaitsFor::Decision);
        draft.obstacle = Some(Obstacle::NotUndone);
    }
    let activation = change.push(draft.because("declared active"));

    // What others gave and what does not come back is theirs to give again.
    let view = LiveView { memberships, grants, ..*live };
    let wanted = context.effective(desired, Some(&view));
    let access = fields::change_live_access(context, desired, live, change);
    let deltas = deltas(context, &wanted, memberships, grants);
    let from = change.drafts.len();
    access_drafts(context, &Differences::new(desired, Some(&view), Some(activation), &deltas), change);
    open::additions(context, (desired, Some(live)), &wanted, (&deltas, from), change);
    let later: Vec<usize> = (from..change.drafts.len()).chain(access.map(|at| at as usize)).collect();
    let first = change.reductions(&later);
    let mut returns_more = false;
    for at in later {
        if first.contains(&at) && rules.inactive_takes() {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            change.drafts[activation as usize].needs.push(Need::Own(at));
        } else {
            if change.drafts[at].loses {
                comes_back_first(change, activation as usize, at);
                returns_more = true;
            }
            change.drafts[at].needs.push(Need::Own(activation));
        }
    }
    if returns_more {
        change.diagnostics.push(returns_with_more(context, desired));
    }
    if power::returns_power(context, (&view, &wanted), (change, &first)) {
        change.drafts[activation as usize].risk(Risk::Escalation);
    }
    if rules.inactive_takes() {
        let person =
            Person { desired, live: Some(live), wanted: &wanted, activation: Some(activation), comes_back: false };
        return admins::settle(context, &person, change);
    }
    // Whatever comes back counts until it is taken away again.
    let active = LiveView { status: Status::Active, ..view };
    let is_admin = |membership: &&Membership| context.ways_on_return(Some(membership), live.facts).any();
    let mut places: Vec<Name> = memberships.iter().filter(is_admin).map(|membership| membership.organization).collect();
    for membership in memberships {
        let organization = membership.organization;
        let later = membership_in(&wanted.memberships, organization);
        let later = if context.in_scope(organization) { later } else { Some(membership) };
        let is_won = || admins::won(context, (Some(membership), later), organization, &change.drafts).is_some();
        if !places.contains(&organization) && is_won() {
            places.push(organization);
            admins::wait_for_role_updates(context, &mut change.drafts[activation as usize], Some(membership));
        }
    }
    change.drafts[activation as usize].gives.extend(places.into_iter().map(Counter::Admin));
    let person = Person { desired, live: Some(&active), wanted: &wanted, activation: None, comes_back: true };
    admins::settle(context, &person, change);
}
