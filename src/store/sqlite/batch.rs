//! How many actions make one request.

use crate::model::ActionKind;
use crate::plan::{Action, InvitationForm};
use crate::rules::Rules;

/// How many of the first of these actions make one request, `most` at most.
pub(super) fn size(rules: &Rules, ready: &[&Action], most: usize) -> usize {
    let (batch_max, same) = rules.invitation_batch();
    let mut form = None;
    let mut invited = 0;
    for (at, action) in ready.iter().take(most).enumerate() {
        let (ActionKind::InviteUser, Some(after)) = (action.kind, &action.after) else { continue };
        let other = InvitationForm::of(after, same);
        let is_same = form.as_ref().is_none_or(|form| *form == other);
        if at > 0 && (invited == batch_max || !is_same) {
            return at;
        }
        invited += 1;
        form = Some(other);
    }
    ready.len().min(most)
}
