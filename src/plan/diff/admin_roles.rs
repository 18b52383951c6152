//! Which roles make their holders admins: as live, as declared, and how the plan changes that.
//!
//! A role that is made more or less changes all who hold it, so a user is judged by both flags. Deliberately absent:
//! who holds a role (`admins`), and what a change of it needs (`flips`).

use std::collections::BTreeMap;

use crate::model::Name;
use crate::plan::Inputs;

/// Whether holders of a role administer users: as live, and as declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AdminFlags {
    live: Option<bool>,
    declared: Option<bool>,
}

impl AdminFlags {
    /// As it will be: as declared, or else as live.
    pub(super) const fn is_admin(self) -> bool {
        match (self.declared, self.live) {
            (Some(flag), _) | (None, Some(flag)) => flag,
            (None, None) => false,
        }
    }

    /// As it is, whatever is declared.
    pub(super) const fn held(self) -> Self {
        Self { declared: if self.live.is_some() { None } else { self.declared }, ..self }
    }

    /// How the plan changes the role's own field, of a role that is there.
    pub(super) const fn flip(self) -> Option<Flip> {
        match (self.live, self.is_admin()) {
            (Some(false), true) => Some(Flip::Raised),
            (Some(true), false) => Some(Flip::Dropped),
            (Some(true), true) | (Some(false), false) | (None, _) => None,
        }
    }

    /// As it is today; a role that is not there yet counts as it will be.
    pub(super) const fn was_admin(self) -> bool {
        match (self.live, self.declared) {
            (Some(flag), _) | (None, Some(flag)) => flag,
            (None, None) => false,
        }
    }
}

/// The flags of every role on either side.
pub(super) fn flags(inputs: &Inputs<'_>) -> BTreeMap<Name, AdminFlags> {
    let mut flags: BTreeMap<Name, AdminFlags> = BTreeMap::new();
    for (&role, live) in &inputs.live.catalog.roles {
        flags.insert(role, AdminFlags { live: Some(live.admin), declared: None });
    }
    for (&role, declared) in &inputs.desired.catalog.roles {
        let entry = flags.entry(role).or_insert(AdminFlags { live: None, declared: None });
        // What the vendor brings is there as the rules say, unless the store has it otherwise.
        if declared.vendor {
            entry.live.get_or_insert(declared.admin);
        }
        // Where roles are not changed, a live one stays what it is.
        if inputs.changes_roles() || entry.live.is_none() {
            entry.declared = Some(declared.admin);
        }
    }
    flags
}

/// How a plan changes the `admin` field of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flip {
    /// Its holders become admins.
    Raised,
    /// Its holders are admins no more.
    Dropped,
}
