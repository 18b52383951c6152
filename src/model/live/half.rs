//! Changes of a role that were stopped between their two steps: what is gone, and what was to come in its place.

use std::collections::BTreeMap;

use super::{Grant, LiveState, LiveView, Membership, Name};

/// A membership, with its sites, that is gone and has not come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HalfChange {
    /// As it was.
    pub from: (Membership, Vec<Grant>),
    /// As it was to be.
    pub to: (Membership, Vec<Grant>),
}

/// Changes that were stopped half-way, by account, as its key is compared, and organization.
pub type HalfChanged = BTreeMap<(Name, Name), HalfChange>;

impl LiveState {
    /// This state as it was before the changes of roles that were stopped half-way, as far as they are still to be seen:
    /// what a plan saw that is to be gone on with. `None` where nothing is.
    #[must_use]
    pub fn before_half_changes(&self) -> Option<Self> {
        let mut is_other = false;
        let mut before = Self {
            catalog: self.catalog.clone(),
            evidence: self.evidence.clone(),
            locked_out: self.locked_out.clone(),
            locked_out_since: self.locked_out_since.clone(),
            cut_off: self.cut_off.clone(),
            declined: self.declined.clone(),
            waiting_lock_outs: self.waiting_lock_outs.clone(),
            newest_lock_out: self.newest_lock_out,
            ..Self::default()
        };
        for (row, raw) in self.users.iter().enumerate() {
            let LiveView { status, facts, memberships, grants, invitation, .. } = self.user(row);
            let (mut memberships, mut grants) = (memberships.to_vec(), grants.to_vec());
            for (organization, change) in self.half_changes_of(row) {
                is_other = true;
                grants.retain(|grant| grant.organization != organization);
                memberships.push(change.from.0);
                grants.extend(&change.from.1);
            }
            memberships.sort_unstable();
            grants.sort_unstable();
            before.push_columns(raw.id, raw.key, raw.identity, status, facts, &memberships, &grants, invitation);
        }
        before.inactive_since.clone_from(&self.inactive_since);
        before.password_since.clone_from(&self.password_since);
        is_other.then_some(before)
    }

    /// Of the account in this row: organizations to which it does not belong since a change was stopped.
    fn half_changes_of(&self, row: usize) -> impl Iterator<Item = (Name, &HalfChange)> {
        let user = self.user(row);
        let of_user = self.half_changed.iter().filter(move |((of, _), _)| Some(*of) == user.identity);
        of_user
            .filter(move |((_, organization), _)| user.membership(*organization).is_none())
            .map(|((_, organization), change)| (*organization, change))
    }
}
