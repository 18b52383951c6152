//! Since when accounts are out by what runs of rollcall did: the date from which the grace counts where the store has
//! none (`language.md` §1, `manage.grace`).
//!
//! What follows from it can't be undone, so the journal is verified from its first line: one that was altered tells
//! nothing. Deliberately absent: how long the grace is.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::record::{Ended, Entry, LookedUp};
use super::{JournalError, Names, revive, verify};
use crate::model::{ActionKind, Value, known};
use crate::rules::Identity;

/// When each account of the store with this identity was deactivated or stripped, by its key as compared, if it was not
/// let in again by a later run. Nothing where there is no journal, or one that was altered.
///
/// # Errors
/// If it can't be read.
pub fn left_since(path: &Path, store: &str, identity: &Identity) -> Result<BTreeMap<String, Timestamp>, JournalError> {
    let mut tried: BTreeMap<u64, Step> = BTreeMap::new();
    let mut left: BTreeMap<String, Timestamp> = BTreeMap::new();
    let read = verify(path, |record| match &record.entry {
        Entry::Intent { store: of, action, then: _ } if of == store => {
            tried.extend(step(action, identity).map(|step| (record.seq, step)));
        }
        Entry::Outcome { intent, outcome: Ended::Done | Ended::Rewritten | Ended::AlreadyTrue, .. }
        | Entry::LookedUp { intent, found: LookedUp::Achieved, .. } => match tried.remove(intent) {
            // What was so before is not counted from anew.
            Some(Step::Out(user)) => drop(left.entry(user).or_insert(record.at)),
            Some(Step::In(user)) => drop(left.remove(&user)),
            Some(Step::Renamed(from, to)) => {
                let since = left.remove(&from);
                left.remove(&to);
                left.extend(since.map(|since| (to, since)));
            }
            None => {}
        },
        Entry::Intent { .. }
        | Entry::Outcome { .. }
        | Entry::LookedUp { .. }
        | Entry::Began(_)
        | Entry::Delivered { .. }
        | Entry::Resets { .. }
        | Entry::Released { .. }
        | Entry::Over { .. }
        | Entry::Recovered { .. }
        | Entry::Missing { .. } => {}
    });
    match read {
        Ok(()) => Ok(left),
        Err(JournalError::Altered { .. }) => Ok(BTreeMap::new()),
        Err(JournalError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

/// What an action did to whether somebody is out.
enum Step {
    Out(String),
    In(String),
    Renamed(String, String),
}

fn step(action: &Json, identity: &Identity) -> Option<Step> {
    let mut names = Names::new();
    let revived = revive(&mut names, action)?;
    let user = identity.normalize(names.text(revived.subject.user?)).ok()?;
    match revived.kind {
        ActionKind::DeactivateUser | ActionKind::StripUser => Some(Step::Out(user)),
        ActionKind::RenameUser => {
            let from = revived.before.as_ref().and_then(|before| before.value(known::KEY)).and_then(Value::text)?;
            Some(Step::Renamed(identity.normalize(names.text(from)).ok()?, user))
        }
        // Whoever is gone is nobody's account any more, and one with that key another one.
        ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::ReactivateUser
        | ActionKind::SendInvitation
        | ActionKind::AddMembership
        | ActionKind::ChangeRole
        | ActionKind::GrantSite
        | ActionKind::ChangeAccess
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::CancelInvitation => Some(Step::In(user)),
        ActionKind::CreateOrganization
        | ActionKind::UpdateOrganization
        | ActionKind::DeleteOrganization
        | ActionKind::CreateSite
        | ActionKind::UpdateSite
        | ActionKind::DeleteSite
        | ActionKind::CreateRole
        | ActionKind::UpdateRole
        | ActionKind::DeleteRole
        | ActionKind::UpdateUser
        | ActionKind::ResendInvitation
        | ActionKind::UpdateMembership
        | ActionKind::RemoveMembership
        | ActionKind::ChangeSiteRole
        | ActionKind::RevokeSite => None,
    }
}
