//! Onboarding, and accounts whose invitation is not accepted yet (`language.md` §3, 11).
//!
//! What goes with the first step is carried by it; the rest is drafted too and waits until the person accepts, unless
//! the store takes it before. Less than was offered, or an invitation that ended, leads to a new one where the rules
//! and the store can do that. Deliberately absent: accounts that are active or were (`user`).

use super::access::{Delta, deltas, membership_in};
use jiff::Timestamp;

use super::access_drafts::{Differences, access_drafts, grant_needs, membership_needs};
use super::admins::{self, Person};
use super::context::Context;
use super::draft::{Change, Counter, Draft, Need, account_state, own_line, status_state, user_subject};
use super::pending_told::{less_at_acceptance, less_than_offered, no_account, sent_already};
use super::{declined, fields, open, power};
use crate::model::{
    ActionKind, Collection, Completeness, DeclaredStatus, Effective, Fact, Grant, InvitationState, LeftAlone, List,
    LiveRecord, LiveState, LiveView, Membership, Name, Status, Topic, UserView, Value, known,
};
use crate::plan::action::{Risk, State};
use crate::plan::scope::Belongs;
use crate::plan::{CatalogPolicy, Inputs, Obstacle, WaitsFor};
use crate::rules::OnBoarding;

/// A declared person without an account.
pub(super) fn onboard(context: &Context<'_>, desired: &UserView<'_>) -> Change {
    let mut change = Change::default();
    let status = match (desired.status, context.inputs.rules.onboarding()) {
        // Nobody is let in to be locked out, or to be deleted.
        (Some(DeclaredStatus::Inactive | DeclaredStatus::Absent), _) => return change,
        (Some(DeclaredStatus::Preloaded), OnBoarding::Invite) => Status::Preloaded,
        (_, OnBoarding::Invite) => Status::Invited,
        (_, OnBoarding::Create) => Status::Active,
    };
    let cut_off = context.inputs.live.cut_off.get(&desired.identity).map(|record| still_there(context, record));
    let first = begin(context, desired, cut_off.as_ref().map(LiveRecord::view).as_ref(), status, &mut change);
    declined::hold(context, desired, &mut change.drafts[first as usize]);
    if !context.reach.accounts() {
        // Somebody else has to make the account; all access waits for that.
        change.drafts.truncate(1);
        for draft in &mut change.drafts {
            draft.waits_for = Some(WaitsFor::Decision);
            draft.obstacle = Some(Obstacle::NoAccount);
        }
        change.diagnostics.push(no_account(context, desired));
    }
    change
}

/// What an invitation that did not go out was to carry, as far as organizations, roles and sites are there today.
fn still_there(context: &Context<'_>, record: &LiveRecord) -> LiveRecord {
    let mut record = record.clone();
    let catalog = &context.inputs.live.catalog;
    let is_role = |role: Name| catalog.roles.contains_key(&role);
    record.memberships.retain(|one| {
        let is_place = one.organization == known::PLATFORM || catalog.organizations.contains_key(&one.organization);
        let extra_roles = context.inputs.names.elements(one.extra_roles);
        is_place && one.role.is_none_or(is_role) && extra_roles.iter().copied().all(is_role)
    });
    record.grants.retain(|one| catalog.has_site(one.organization, one.site) && one.role.is_none_or(is_role));
    record
}

/// Adds the creation or invitation, and what it does not carry. `former`: the account that was invited before, of
/// which what others manage goes along.
fn begin(
    context: &Context<'_>,
    desired: &UserView<'_>,
    former: Option<&LiveView<'_>>,
    status: Status,
    change: &mut Change,
) -> u32 {
    let rules = context.inputs.rules;
    let wanted = context.effective(desired, former);
    let carried = carried(context, &wanted);
    let carries_attributes = rules.carries().attributes();
    let mut facts = fields::new_account(context, desired);
    facts.extend(former.into_iter().flat_map(|former| fields::kept_by_others(context, desired, former)));
    facts.retain(|fact| {
        let field = context.inputs.names.text(fact.field);
        let waits = rules.is_access(field) || (status != Status::Active && field.starts_with("attributes."));
        // An account must not come into being that sees more than is declared, and be narrowed afterwards.
        carries_attributes || !waits || rules.narrows(field, fact.value)
    });
    let carried_facts = facts.clone();
    let is_undecided = open::account(context, desired, (&wanted, &carried_facts), change);
    facts.push(Fact::new(known::STATUS, Value::Text(status.name())));
    let kind = match rules.onboarding() {
        OnBoarding::Invite => ActionKind::InviteUser,
        OnBoarding::Create => ActionKind::CreateUser,
    };
    let after = State { facts, memberships: carried.memberships.clone(), grants: carried.grants.clone() };
    let mut draft = Draft::new(kind, user_subject(desired.key), None, Some(after));
    draft.gains = true;
    if rules.takes_seat(None, status) {
        draft.takes.push(Counter::Seat);
    }
    draft.needs = carried.memberships.iter().flat_map(|membership| membership_needs(context, membership)).collect();
    draft.needs.extend(carried.grants.iter().flat_map(grant_needs));
    if fields::opens_everything(context, desired)
        || power::lets_in(context, (&carried.memberships, &carried.grants), &carried_facts)
    {
        draft.risk(Risk::Escalation);
    }
    draft.action.origins = own_line(desired.position);
    if is_undecided {
        draft = draft.waiting(WaitsFor::Decision);
        draft.obstacle = Some(Obstacle::LeftToOthers);
    }
    let mut missing = fields::missing(context, desired);
    missing.extend(missing_access(context, (&wanted, &carried)));
    let begins = begins_later(context, desired).filter(|_| missing == ["access"]);
    if let Some(starts) = begins {
        draft = draft.waiting(WaitsFor::Start);
        draft.wait = (None, Some(starts));
    } else if !missing.is_empty() {
        draft = draft.waiting(WaitsFor::Field);
        draft.obstacle = Some(Obstacle::Fields(missing));
    }
    let first = change.push(draft.because("declared"));
    fields::complete_profile(context, desired, (first, status, &carried_facts), change);

    let from = change.drafts.len();
    fields::change_access(context, desired, &carried_facts, change);
    let rest = deltas(context, &wanted, &carried.memberships, &carried.grants);
    access_drafts(context, &Differences::new(desired, None, Some(first), &rest), change);
    let access = change.drafts.len() - rest.len();
    open::additions(context, (desired, None), &wanted, (&rest, access), change);
    for draft in &mut change.drafts[from..] {
        draft.needs.push(Need::Own(first));
        if status != Status::Active && !takes_while_pending(context, draft.action.kind) {
            draft.waits_for.get_or_insert(WaitsFor::Acceptance);
        }
    }
    if status == Status::Active {
        admins::settle(
            context,
            &Person { desired, live: None, wanted: &wanted, activation: Some(first), comes_back: false },
            change,
        );
    }
    first
}

/// When the first membership begins that has not begun yet.
fn begins_later(context: &Context<'_>, desired: &UserView<'_>) -> Option<Timestamp> {
    let inputs = context.inputs;
    let mut pieces = Vec::new();
    desired.pieces(inputs.names, &mut pieces);
    let later = pieces.iter().filter(|piece| piece.membership && !piece.window.has_begun(inputs.at));
    later.filter_map(|piece| piece.window.starts).min()
}

/// What an account or an invitation can't be without and a person is not given, by the keys of the manifest. Memberships
/// that others manage are not missed here.
fn missing_access(context: &Context<'_>, (wanted, carried): (&Effective, &Effective)) -> Option<String> {
    let rules = context.inputs.rules;
    let (organizations, sites) = rules.invitation_needs();
    let places = |of: &Effective| of.memberships.iter().filter(|one| one.organization != known::PLATFORM).count();
    let is_left = wanted.left_alone.iter().any(|(_, left_alone)| left_alone.membership);
    let lacks_one = !is_left && places(wanted) < rules.fewest_organizations() as usize;
    let memberships = || carried.memberships.iter().filter(|one| one.organization != known::PLATFORM);
    if memberships().count() < organizations || lacks_one {
        return Some("access".to_owned());
    }
    let reaches_all = memberships().any(|membership| context.reaches_all(membership.role));
    (carried.grants.len() < sites && !reaches_all).then(|| "sites".to_owned())
}

/// The part of the wanted access that goes with the first step: first organizations in text order; in each the
/// default site of the membership, else the one marked `default`, else the first.
fn carried(context: &Context<'_>, wanted: &Effective) -> Effective {
    let carries = context.inputs.rules.carries();
    let names = context.inputs.names;
    let mut memberships: Vec<Membership> = wanted.memberships.clone();
    memberships.retain(|one| one.organization == known::PLATFORM || open::lacks(context, wanted, one).is_none());
    memberships.sort_by_key(|membership| names.text(membership.organization));
    let platform = usize::from(memberships.first().is_some_and(|first| first.organization == known::PLATFORM));
    memberships.truncate(carries.organizations().saturating_add(platform));
    if carries.organizations() == 0 {
        memberships.clear();
    }
    let mut grants = Vec::new();
    for membership in &mut memberships {
        let organization = membership.organization;
        let mut sites: Vec<Grant> = wanted.grants_in(organization).to_vec();
        sites.sort_by_key(|grant| {
            let is_chosen = membership.default_site == Some(grant.site);
            (!is_chosen, !is_default_site(context, organization, grant.site), names.text(grant.site))
        });
        sites.truncate(carries.sites());
        if membership.default_site.is_some_and(|site| !sites.iter().any(|grant| grant.site == site))
            && !context.reaches_all(membership.role)
        {
            membership.default_site = None;
        }
        if !carries.extra_roles() {
            membership.extra_roles = List::EMPTY;
        }
        grants.extend(sites);
    }
    memberships.sort_unstable();
    grants.sort_unstable();
    Effective { memberships, grants, left_alone: wanted.left_alone.clone() }
}

/// Whether nothing is lost of what others manage of this account if its invitation is cancelled: another one carries
/// all of it, and goes out for sure.
fn carries_left_alone(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>) -> bool {
    let wanted = context.effective(desired, Some(live));
    let carried = carried(context, &wanted);
    if !has_left_alone(context, desired, live) {
        return true;
    }
    if !is_sure(context, desired, &carried) {
        return false;
    }
    let here = |access: &Effective, organization| {
        let membership = membership_in(&access.memberships, organization).copied();
        let grants = access.grants.iter().filter(|grant| grant.organization == organization).copied();
        (membership, grants.collect::<Vec<Grant>>())
    };
    let is_carried = |&(organization, left_alone): &(Name, LeftAlone)| {
        let ((wanted, wanted_grants), (carried, carried_grants)) =
            (here(&wanted, organization), here(&carried, organization));
        let (Some(wanted), Some(carried)) = (wanted, carried) else { return wanted.is_none() };
        (!left_alone.extra_roles || wanted.extra_roles == carried.extra_roles)
            && (!left_alone.sites || (wanted.default_site == carried.default_site && wanted_grants == carried_grants))
    };
    let has_facts = !fields::kept_by_others(context, desired, live).is_empty();
    wanted.left_alone.iter().all(is_carried) && (!has_facts || context.inputs.rules.carries().attributes())
}

/// Whether an account has something that others manage.
fn has_left_alone(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>) -> bool {
    let is_live = |&(organization, _): &(Name, LeftAlone)| {
        live.membership(organization).is_some() || live.grants_in(organization).next().is_some()
    };
    context.inputs.effective(desired).left_alone.iter().any(is_live)
        || !fields::kept_by_others(context, desired, live).is_empty()
}

/// Whether nothing but a seat keeps a new invitation that carries this from going out.
fn is_sure(context: &Context<'_>, desired: &UserView<'_>, carried: &Effective) -> bool {
    let Inputs { names, policy, live: LiveState { catalog, .. }, .. } = context.inputs;
    let is_there = |membership: &Membership| {
        let Membership { organization, role, extra_roles, default_site: _ } = *membership;
        let mut roles = role.into_iter().chain(names.elements(extra_roles).to_vec());
        (organization == known::PLATFORM || catalog.organizations.contains_key(&organization))
            && roles.all(|role| catalog.roles.contains_key(&role))
    };
    let has_catalog = policy.catalog == CatalogPolicy::Create
        || (carried.memberships.iter().all(is_there)
            && carried.grants.iter().all(|grant| {
                catalog.has_site(grant.organization, grant.site)
                    && grant.role.is_none_or(|role| catalog.roles.contains_key(&role))
            }));
    has_catalog && fields::missing(context, desired).is_empty()
}

fn is_default_site(context: &Context<'_>, organization: Name, site: Name) -> bool {
    let declared = context.inputs.desired.catalog.organizations.get(&organization);
    declared
        .and_then(|organization| organization.sites.get(&site))
        .is_some_and(|site| site.fields.get(&known::DEFAULT) == Some(&Value::Bool(true)))
}

/// A declared person whose invitation is not accepted yet.
pub(super) fn compare(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>, change: &mut Change) {
    let state = live.invitation.map(|invitation| invitation.state_at(context.inputs.at));
    // Another invitation, or its end, is about all that the account has.
    let is_whole = context.reach.whole_account(live, true);
    // Accepted, and still invited: somebody edited the account, and nothing is pending that could let the person in.
    let ended = state.filter(|&state| state.has_ended() || state == InvitationState::Accepted);
    let stays_ended = ended.is_some_and(|state| !context.inputs.rules.renews(state));
    if live.status == Status::Invited && (stays_ended || is_forgotten(context, live)) {
        if !is_whole {
            return;
        }
        let is_less = carries_more(context, desired, live);
        if is_less {
            change.diagnostics.push(less_than_offered(context, desired));
        }
        let mut draft = renewal(context, desired, live).waiting(WaitsFor::Decision);
        draft.wait = (live.invitation.and_then(|invitation| invitation.sent), None);
        draft.obstacle = Some(state.map_or(Obstacle::NoInvitation(is_less), |state| Obstacle::Ended(state, is_less)));
        change.push(draft);
        return;
    }
    let wanted = context.effective(desired, Some(live));
    let differences = deltas(context, &wanted, live.memberships, live.grants);
    let from = change.drafts.len();
    let access = fields::change_live_access(context, desired, live, change);
    let takes = context.inputs.rules.pending_takes();
    let takes_delta = |delta: &Delta| if delta.is_about_sites() { takes.sites() } else { takes.role() };
    let is_less = access.is_some_and(|at| change.drafts[at as usize].loses && !takes.role())
        || differences.iter().any(|delta| delta.loses(context) && !takes_delta(delta));
    let is_unsent = live.status == Status::Preloaded;
    let goes_out = is_whole && is_unsent && desired.status != Some(DeclaredStatus::Preloaded);
    // What another invitation could not carry either is no reason for one: it waits for acceptance.
    let carried = deltas(context, &carried(context, &wanted), live.memberships, live.grants);
    let carries_access = access.is_some() && context.inputs.rules.carries().attributes();
    let could_carry_more = carries_access || differences.iter().any(|delta| carried.contains(delta));
    let is_anew = is_less || ((ended.is_some() || is_unsent) && could_carry_more);
    if is_anew {
        // Where nobody is invited by the rules, nobody can be invited anew; and a new invitation would not carry what
        // the person has in organizations that are out of scope, and not always all that others manage.
        let is_elsewhere = matches!(context.reach.belongs(live), Belongs::Partly | Belongs::Outside);
        let invites = is_whole
            && !is_elsewhere
            && context.inputs.rules.onboarding() == OnBoarding::Invite
            && carries_left_alone(context, desired, live);
        if invites && let Some(cancellation) = cancellation(context, desired.key, live) {
            change.drafts.truncate(from);
            let cancellation = cancellation.because("the invitation carries other access than is declared");
            return anew(context, desired, live, cancellation, change);
        }
        if is_less {
            change.diagnostics.push(less_at_acceptance(context, desired));
        }
    }
    if is_whole && !is_unsent && ended.is_none() && desired.status == Some(DeclaredStatus::Preloaded) {
        change.diagnostics.push(sent_already(context, desired));
    }
    let step = if goes_out {
        let mut draft = sending(context, desired.key, live).because("declared, and not sent yet");
        draft.action.origins = own_line(desired.position);
        Some(change.push(draft))
    } else if is_whole && ended.is_some() && !is_unsent {
        Some(change.push(renewal(context, desired, live)))
    } else {
        None
    };
    let first_delta = change.drafts.len();
    access_drafts(context, &Differences::new(desired, Some(live), step, &differences), change);
    open::additions(context, (desired, Some(live)), &wanted, (&differences, first_delta), change);
    let wait = live.invitation.map_or((None, None), |invitation| (invitation.sent, invitation.ends));
    for (draft, delta) in change.drafts[first_delta..].iter_mut().zip(&differences) {
        if !takes_delta(delta) && draft.waits_for.is_none() {
            draft.waits_for = Some(WaitsFor::Acceptance);
            draft.wait = wait;
        }
    }
    if let Some(at) = access.filter(|_| !takes.role()) {
        let draft = &mut change.drafts[at as usize];
        draft.waits_for = Some(WaitsFor::Acceptance);
        draft.wait = wait;
    }
    if let Some(step) = step {
        change.take_away_before(step, first_delta);
    }
}

/// The invitation of a preloaded account goes out.
fn sending(context: &Context<'_>, key: Name, live: &LiveView<'_>) -> Draft {
    let mut draft = Draft::new(
        ActionKind::SendInvitation,
        user_subject(key),
        Some(status_state(Status::Preloaded)),
        Some(status_state(Status::Invited)),
    );
    if context.inputs.rules.takes_seat(Some(Status::Preloaded), Status::Invited) {
        draft.takes.push(Counter::Seat);
    }
    draft.gains = true;
    power::mark_offer(context, live, &mut draft);
    draft
}

/// An invitation that has ended goes out again.
fn renewal(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>) -> Draft {
    let (before, reason) = if is_forgotten(context, live) {
        (known::NONE, "there is no invitation")
    } else {
        (known::ENDED, "the invitation has ended")
    };
    let mut draft = again(context, desired.key, live, before);
    draft.action.origins = own_line(desired.position);
    draft.because(reason)
}

/// An invitation goes out again, ended or not.
fn again(context: &Context<'_>, key: Name, live: &LiveView<'_>, before: Name) -> Draft {
    let mut draft = invitation_draft(ActionKind::ResendInvitation, key, before, known::PENDING);
    power::mark_offer(context, live, &mut draft);
    draft
}

/// The invitation of somebody who has not accepted goes out because an operator says so; `None` where the store sends
/// none again while it is pending.
pub(super) fn resend(context: &Context<'_>, live: &LiveView<'_>) -> Option<Draft> {
    let draft = if live.status == Status::Preloaded {
        sending(context, live.key, live)
    } else if is_forgotten(context, live) {
        again(context, live.key, live, known::NONE)
    } else if has_ended(context, live) {
        again(context, live.key, live, known::ENDED)
    } else if context.inputs.rules.resends_invitations() {
        again(context, live.key, live, known::PENDING)
    } else {
        return None;
    };
    Some(draft.because("asked for by an operator"))
}

/// Whether an action may be done while an invitation is pending, by the rules.
fn takes_while_pending(context: &Context<'_>, kind: ActionKind) -> bool {
    let takes = context.inputs.rules.pending_takes();
    match kind.topic() {
        Topic::SiteGrant => takes.sites(),
        Topic::Catalog | Topic::Account | Topic::Fields | Topic::Membership => takes.role(),
    }
}

/// Whether the newest invitation ended without letting the person in.
pub(super) fn has_ended(context: &Context<'_>, live: &LiveView<'_>) -> bool {
    live.invitation.is_some_and(|invitation| invitation.state_at(context.inputs.at).has_ended())
}

/// Whether somebody is invited of whom the store, which was read in full, has no invitation: nobody can accept one, and
/// how it ended is not known.
fn is_forgotten(context: &Context<'_>, live: &LiveView<'_>) -> bool {
    let is_read = context.inputs.live.evidence.of(Collection::Invitations) == &Completeness::Complete;
    live.status == Status::Invited && live.invitation.is_none() && is_read
}

/// Whether an invitation was sent, and can still be accepted.
pub(super) fn is_pending(context: &Context<'_>, live: &LiveView<'_>) -> bool {
    live.status == Status::Invited && !has_ended(context, live)
}

/// A person who is renamed while invited is invited anew, where the store can cancel. Whether it can.
pub(super) fn under_new_key(
    context: &Context<'_>,
    desired: &UserView<'_>,
    live: &LiveView<'_>,
    change: &mut Change,
) -> bool {
    let invites = context.inputs.rules.onboarding() == OnBoarding::Invite && carries_left_alone(context, desired, live);
    let cancellation = cancellation(context, live.key, live).filter(|_| invites);
    let can = cancellation.is_some();
    if let Some(cancellation) = cancellation {
        anew(context, desired, live, cancellation.because("invited under the former key"), change);
    }
    can
}

fn invitation_draft(kind: ActionKind, user: Name, before: Name, after: Name) -> Draft {
    let state = |word| Some(State::field(known::INVITATION, Value::Text(word)));
    Draft::new(kind, user_subject(user), state(before), state(after))
}

/// The end of a pending or unsent invitation. Where the store can't cancel, it has to wait for the person's answer;
/// an invitation that ended by itself is none.
pub(super) fn cancellation(context: &Context<'_>, user: Name, live: &LiveView<'_>) -> Option<Draft> {
    let rules = context.inputs.rules;
    let state = live.invitation.map(|invitation| invitation.state_at(context.inputs.at));
    let before = match state {
        Some(InvitationState::Pending) => known::PENDING,
        None | Some(InvitationState::Suppressed | InvitationState::Accepted) => known::NONE,
        Some(InvitationState::Declined | InvitationState::Expired | InvitationState::Cancelled) => known::ENDED,
    };
    if !rules.cancels_invitations() {
        return None;
    }
    // What has ended already is only taken off the list.
    let after = if before == known::ENDED { known::NONE } else { known::ENDED };
    let mut draft = invitation_draft(ActionKind::CancelInvitation, user, before, after);
    if let Some(before) = &mut draft.action.before {
        let State { memberships, grants, .. } = account_state(live);
        (before.memberships, before.grants) = (memberships, grants);
    }
    draft.loses = true;
    if rules.counts_seat(live.status) {
        draft.gives.push(Counter::Seat);
    }
    Some(draft)
}

/// Less access, or another invitation, while one is pending: cancel, then invite anew.
fn anew(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>, cancellation: Draft, change: &mut Change) {
    let status = if desired.status == Some(DeclaredStatus::Preloaded) { Status::Preloaded } else { Status::Invited };
    let mut cancellation = cancellation;
    cancellation.action.origins = own_line(desired.position);
    let cancelled = change.push(cancellation);
    // The account is gone with its invitation: nothing of it is left to be updated.
    change.drafts.retain(|draft| draft.action.kind != ActionKind::UpdateUser);
    let cancelled = cancelled.min(u32::try_from(change.drafts.len() - 1).unwrap_or(u32::MAX));
    let invited = begin(context, desired, Some(live), status, change);
    change.drafts[invited as usize].needs.push(Need::Own(cancelled));
    let counts = |status| context.inputs.rules.counts_seat(status);
    let keeps = has_left_alone(context, desired, live);
    if counts(live.status) && counts(status) && (keeps || !context.over_seats) {
        // The seat passes from one to the other, and nobody else can take it between; over its limit a store lets
        // nobody in, not even in the place of somebody else.
        change.drafts[cancelled as usize].within.push(Counter::Seat);
        change.drafts[cancelled as usize].gives.retain(|&counter| counter != Counter::Seat);
        change.drafts[invited as usize].takes.retain(|&counter| counter != Counter::Seat);
    } else if !counts(live.status) && counts(status) && keeps {
        // Without a seat for the other, the one that carries what others manage stays.
        change.drafts[invited as usize].takes.retain(|&counter| counter != Counter::Seat);
        change.drafts[cancelled as usize].takes.push(Counter::Seat);
    }
}

/// Whether an invitation carries something that is not declared.
pub(super) fn carries_more(context: &Context<'_>, desired: &UserView<'_>, live: &LiveView<'_>) -> bool {
    let wanted = context.effective(desired, Some(live));
    deltas(context, &wanted, live.memberships, live.grants).iter().any(|delta| delta.loses(context))
}
