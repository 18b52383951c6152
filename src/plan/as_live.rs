//! A desired state as if a store held it: what a change is compared with where no store may be asked.
//!
//! Everybody who may log in is active, and everybody has exactly what is declared and in force. What only a store knows
//! (who accepted, its ids, what nobody declared) is not guessed. Deliberately absent: what is compared with it.

use super::Inputs;
use crate::model::{
    DeclaredStatus, Effective, Invitation, InvitationState, LiveRecord, LiveState, Standing, Status, UserView, Value,
};
use crate::rules::OffBoarding;

/// What a store would hold in which all of the desired state of these inputs was done at their time; what is live in them
/// is not asked.
#[must_use]
pub fn as_live(inputs: &Inputs<'_>) -> LiveState {
    let mut live = LiveState::default();
    live.catalog.clone_from(&inputs.desired.catalog);
    for user in inputs.desired.users() {
        if let Some(record) = account(inputs, &user) {
            live.push(record);
        }
    }
    live
}

fn account(inputs: &Inputs<'_>, user: &UserView<'_>) -> Option<LiveRecord> {
    let (status, has_access) = match user.standing(inputs.at) {
        Standing::Wanted(None | Some(DeclaredStatus::Active)) => (Status::Active, true),
        Standing::Wanted(Some(DeclaredStatus::Preloaded)) => (Status::Preloaded, true),
        Standing::Wanted(Some(DeclaredStatus::Inactive)) | Standing::Expired(_) | Standing::Left(_) => {
            (out(inputs), false)
        }
        Standing::Wanted(Some(DeclaredStatus::Absent)) | Standing::NotYet(_) => return None,
    };
    let Effective { memberships, grants, left_alone: _ } =
        if has_access { inputs.effective(user) } else { Effective::default() };
    let key_field = inputs.rules.identity.key_field().as_str();
    let facts = user.facts.iter().map(|declared| declared.fact);
    let facts = facts.filter(|fact| fact.value != Value::Null && inputs.names.text(fact.field) != key_field);
    let is_preloaded = status == Status::Preloaded;
    Some(LiveRecord {
        id: user.key,
        key: user.key,
        identity: Some(user.identity),
        status,
        facts: facts.collect(),
        memberships,
        grants,
        invitation: is_preloaded.then_some(Invitation { state: InvitationState::Suppressed, sent: None, ends: None }),
    })
}

/// The status of an account that nobody may log in with any more, or that has no access left.
fn out(inputs: &Inputs<'_>) -> Status {
    match inputs.rules.reversible_offboarding() {
        Some(OffBoarding::Strip) => Status::Active,
        Some(OffBoarding::Deactivate | OffBoarding::Close | OffBoarding::Delete) | None => Status::Inactive,
    }
}
