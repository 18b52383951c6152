//! What a run that was stopped half-way left to be gone on with, against what is declared: a membership between two roles,
//! and an invitation that was cancelled for another one. Whoever is not to have it any more does not get it back later.
//!
//! Deliberately absent: the journal, which remembers it.

use super::Inputs;
use crate::model::{DeclaredStatus, Name, Standing, UserView};

/// What was cut off and is wanted no more: keys as compared, with the organization where it was a membership there.
#[must_use]
pub fn over(inputs: &Inputs<'_>) -> Vec<(String, Option<String>)> {
    let text = |name: Name| inputs.names.text(name).to_owned();
    let half = inputs.live.half_changed.keys();
    let memberships = half.filter(|&&(user, organization)| !is_wanted(inputs, user, Some(organization)));
    let invitations = inputs.live.cut_off.keys().filter(|&&user| !is_wanted(inputs, user, None));
    memberships
        .map(|&(user, organization)| (text(user), Some(text(organization))))
        .chain(invitations.map(|&user| (text(user), None)))
        .collect()
}

/// Whether the manifests let the person in today who has this key, or had it, and into that organization.
fn is_wanted(inputs: &Inputs<'_>, identity: Name, organization: Option<Name>) -> bool {
    let is_in = |user: &UserView<'_>| {
        let lets_in = match user.standing(inputs.at) {
            Standing::Wanted(status) => !matches!(status, Some(DeclaredStatus::Inactive | DeclaredStatus::Absent)),
            Standing::NotYet(_) | Standing::Expired(_) | Standing::Left(_) => false,
        };
        let is_member = |organization| {
            inputs.effective(user).memberships.iter().any(|membership| membership.organization == organization)
        };
        lets_in && organization.is_none_or(is_member)
    };
    let is_formerly =
        || inputs.desired.former_keys().any(|(user, previous)| previous.identity == identity && is_in(&user));
    inputs.desired.find(identity).is_some_and(|user| is_in(&user)) || is_formerly()
}
