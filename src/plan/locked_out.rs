//! Whom an operator locked out, against what is declared: who gets nothing back, who is in again all the same, and what
//! a run that is over has to write down about it.
//!
//! Only `status: active` that a manifest says after a lock-out lets a person in again. When a line was written nobody
//! can tell, and the manifests that lie there at the time of a lock-out may be those of another day. So each lock-out
//! holds whether one may be older; that one waits until an apply has seen the manifests of the settings declare the
//! person without it, or an operator says that it counts. Deliberately absent: the store and the journal, which remember.

use jiff::Timestamp;

use super::{Deferred, Inputs, Plan, WaitsFor};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{ActionKind, DeclaredStatus, Desired, Fact, LiveView, Name, Status, UserView, Value};
use crate::rules::{KeyCase, OffBoarding};

/// The reason of what lets somebody in whom an operator had locked out.
pub const LET_IN: &str = "had been locked out by an operator";

/// A declared person who is locked out, by the present key or the former one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LockedOut {
    /// Whether `status: active` may be older than the lock-out.
    pub(super) waits: bool,
    /// Since when, as far as the store knows it.
    pub(super) since: Option<Timestamp>,
    /// Whether it is the present key that is locked out: an account of somebody else that takes it would let it in.
    pub(super) is_present: bool,
}

impl LockedOut {
    /// How this person is locked out; `None`: is not. `is_renamed`: what is live under the key is the account of another
    /// one, which is to take it.
    pub(super) fn of(inputs: &Inputs<'_>, desired: &UserView<'_>, is_renamed: bool) -> Option<Self> {
        if inputs.live.locked_out.is_empty() && inputs.policy.locked_out.is_empty() {
            return None;
        }
        // A new key does not let anybody in either.
        let former = desired.previous.map(|previous| previous.identity);
        let keys: Vec<Name> = [Some(desired.identity), former].into_iter().flatten().collect();
        let of_store = |key: &Name| inputs.live.locked_out.contains(key);
        // What the store has forgotten nobody knows the circumstances of.
        let of_journal = |key: &Name| inputs.policy.locked_out.contains(inputs.names.text(*key));
        let is_known = |key: &Name| of_store(key) || of_journal(key);
        let is_written_otherwise = || {
            let has_account = !is_renamed && inputs.live.find(desired.identity).is_some();
            !has_account && is_written_otherwise(inputs, desired)
        };
        let is_present = is_known(&desired.identity) || is_written_otherwise();
        if !is_present && !keys.iter().any(is_known) {
            return None;
        }
        let waits = |key: &Name| inputs.live.waiting_lock_outs.contains(key) || of_journal(key);
        let since = keys.iter().filter_map(|key| inputs.live.locked_out_since.get(key)).max().copied();
        Some(Self { waits: keys.iter().any(waits), since, is_present })
    }
}

/// Whether a person has the key of somebody who is locked out, but for small and capital letters.
fn is_written_otherwise(inputs: &Inputs<'_>, desired: &UserView<'_>) -> bool {
    if inputs.rules.identity.case() == KeyCase::Insensitive {
        return false;
    }
    let key = inputs.names.text(desired.identity);
    let is_key = |other: &str| other.chars().flat_map(char::to_lowercase).eq(key.chars().flat_map(char::to_lowercase));
    inputs.live.locked_out.iter().any(|&other| is_key(inputs.names.text(other)))
        || inputs.policy.locked_out.iter().any(|other| is_key(other))
}

/// Whether an operator locked out, by the journal, whoever has this account under any of these keys as compared, and the
/// account is in all the same: the store has forgotten it, as one does that was taken from a backup.
pub(super) fn is_back(inputs: &Inputs<'_>, live: &LiveView<'_>, keys: &[Name]) -> bool {
    !inputs.policy.locked_out.is_empty()
        && keys.iter().any(|&key| inputs.policy.locked_out.contains(inputs.names.text(key)))
        && is_in(inputs, live)
}

/// Whether an operator locked out, as the store itself remembers, whoever has this account under any of these keys, and
/// somebody gave access back by hand, where taking all of it is how people are locked out. A status that is set by hand
/// ends a lock-out; rows of access say nothing about it.
pub(super) fn is_given_back(inputs: &Inputs<'_>, live: &LiveView<'_>, keys: &[Name]) -> bool {
    inputs.rules.reversible_offboarding() == Some(OffBoarding::Strip)
        && live.status == Status::Active
        && keys.iter().any(|key| inputs.live.locked_out.contains(key))
        && !keys.iter().any(|&key| says_active(inputs.desired, key) && !inputs.live.waiting_lock_outs.contains(&key))
        && is_in(inputs, live)
}

/// Whether an operator locked out whoever has this key, as compared.
pub(super) fn is_locked_out(inputs: &Inputs<'_>, identity: Name) -> bool {
    inputs.live.locked_out.contains(&identity) || inputs.policy.locked_out.contains(inputs.names.text(identity))
}

/// Warnings of people whom an operator locked out, by the journal, and who can log in: the store has forgotten it, as one
/// does that was taken from a backup. None for whom the plan takes out again.
#[must_use]
pub fn returned(inputs: &Inputs<'_>, plan: &Plan) -> Vec<Diagnostic> {
    let is_taken_out = |key: Name| {
        plan.actions.iter().any(|action| {
            let ends = matches!(
                action.kind,
                ActionKind::DeactivateUser
                    | ActionKind::StripUser
                    | ActionKind::CloseUser
                    | ActionKind::DeleteUser
                    | ActionKind::CancelInvitation
            );
            ends && action.subject.user == Some(key)
        })
    };
    let live = inputs.policy.locked_out.iter().filter_map(|key| inputs.live.find(inputs.names.find(key)?));
    let back = live.filter(|live| is_in(inputs, live) && !is_taken_out(live.key));
    let of_store = inputs.live.locked_out.iter().filter_map(|&key| Some((key, inputs.live.find(key)?)));
    let given = of_store.filter(|(key, live)| is_given_back(inputs, live, &[*key]) && !is_taken_out(live.key));
    let given = given.map(|(_, live)| {
        let key = live.key_text(inputs.names);
        let message = format!("`{key}` was locked out by an operator, and has access again that somebody gave by hand");
        Diagnostic::warning(Code::LockOutForgotten, message).help(format!(
            "this plan can't take it: take it in the store, or let the person stay with `rollcall deactivate {key} \
             --release` and `status: active` in a manifest"
        ))
    });
    let back = back.map(|live| {
        let key = live.key_text(inputs.names);
        let message = format!("`{key}` was locked out by an operator, as the journal says, and is in again");
        Diagnostic::warning(Code::LockOutForgotten, message).help(format!(
            "the store does not know of it, as one does that was taken from a backup, and this plan can't take the person \
             out; lock the person out again with `rollcall deactivate {key}`, or let the person stay with `rollcall deactivate {key} --release` and \
             `status: active` in a manifest"
        ))
    });
    back.chain(given).collect()
}

/// Whether somebody can do something with the account.
pub(super) fn is_in(inputs: &Inputs<'_>, live: &LiveView<'_>) -> bool {
    match live.status {
        Status::Active => {
            inputs.rules.reversible_offboarding() != Some(OffBoarding::Strip)
                || !live.memberships.is_empty()
                || !live.grants.is_empty()
                || live.facts.iter().any(|fact| gives_access(inputs, *fact))
        }
        Status::Preloaded | Status::Invited => {
            !live.invitation.is_some_and(|invitation| invitation.state_at(inputs.at).has_ended())
        }
        Status::Inactive | Status::Closed => false,
    }
}

/// Whether a field gives something: access that is set.
fn gives_access(inputs: &Inputs<'_>, fact: Fact) -> bool {
    let Inputs { rules, names, .. } = inputs;
    rules.is_access(names.text(fact.field)) && !rules.same_value(names, fact.field, Value::Null, fact.value)
}

/// What is to be written down about somebody who is locked out, once a run is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockOutNews {
    /// The store has to remember it: by its own account, or by a new key. Whether a `status: active` may be older.
    Holds(bool),
    /// The manifests do not say `status: active`: one that they say later counts.
    Decided,
    /// The person was let in.
    Ended,
}

/// What a run that was done, but for what is deferred, has seen of those who are locked out, by key as compared.
/// `settles`: the manifests are those that the settings name, so what they say of a person is what is declared.
#[must_use]
pub fn lock_out_news(inputs: &Inputs<'_>, deferred: &[Deferred], settles: bool) -> Vec<(String, LockOutNews)> {
    let text = |name: Name| inputs.names.text(name).to_owned();
    // Manifests that do not name the person say nothing about a line that stands elsewhere.
    let is_settled =
        |identity| settles && is_declared(inputs.desired, identity) && !says_active(inputs.desired, identity);
    let mut news = Vec::new();
    for &identity in &inputs.live.locked_out {
        if inputs.live.waiting_lock_outs.contains(&identity) {
            if is_settled(identity) {
                news.push((text(identity), LockOutNews::Decided));
            }
        } else if says_active(inputs.desired, identity) && !is_waited_for(inputs, deferred, identity) {
            news.push((text(identity), LockOutNews::Ended));
        }
    }
    for key in &inputs.policy.locked_out {
        let identity = inputs.names.find(key);
        let is_in = identity.and_then(|key| inputs.live.find(key)).is_some_and(|live| is_in(inputs, &live));
        if !is_in {
            news.push((key.clone(), LockOutNews::Holds(!identity.is_some_and(is_settled))));
        }
    }
    // Whoever is declared under a new key is locked out under that one, too, whatever becomes of the line.
    for (user, previous) in inputs.desired.former_keys() {
        let is_news = !inputs.live.locked_out.contains(&user.identity);
        if is_news && inputs.live.locked_out.contains(&previous.identity) && !says_active(inputs.desired, user.identity)
        {
            news.push((text(user.identity), LockOutNews::Holds(!settles)));
        }
    }
    news
}

/// Whether a manifest names the person who has this key, or had it, as a user or as a leaver.
pub(super) fn is_named(desired: &Desired, identity: Name) -> bool {
    is_declared(desired, identity) || desired.leavers.contains_key(&identity)
}

/// Whether a manifest names the person who has this key, or had it, as a user.
fn is_declared(desired: &Desired, identity: Name) -> bool {
    desired.find(identity).is_some() || desired.former_keys().any(|(_, previous)| previous.identity == identity)
}

/// Whether a manifest says `status: active` of the person who has this key, or had it.
#[must_use]
pub fn says_active(desired: &Desired, identity: Name) -> bool {
    let is_active = |user: &UserView<'_>| user.status == Some(DeclaredStatus::Active);
    desired.find(identity).is_some_and(|user| is_active(&user))
        || desired.former_keys().any(|(user, previous)| previous.identity == identity && is_active(&user))
}

/// Whether something that lets the person in is yet to come; an answer to an invitation is the person's.
fn is_waited_for(inputs: &Inputs<'_>, deferred: &[Deferred], identity: Name) -> bool {
    let compared = |key: Name| {
        let key = inputs.rules.identity.normalize(inputs.names.text(key)).ok();
        key.and_then(|key| inputs.names.find(&key))
    };
    let waiting = deferred.iter().filter(|deferred| deferred.waits_for != WaitsFor::Acceptance);
    let mut users = waiting.filter_map(|deferred| deferred.subject.user);
    users.any(|user| compared(user) == Some(identity))
}
