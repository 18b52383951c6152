//! Whom an operator locked out, for where the store does not remember it: it may have been taken from a backup
//! (`contract.md` §5: a lock-out stays).
//!
//! A later run that lets the person in again, because a manifest says `status: active`, ends it. In a journal that was
//! altered nothing ends a lock-out from the altered line on: a line that anybody may have written lets nobody in.
//! A backup may be older than a rename before the lock-out, so each lock-out knows the keys that the account had.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Seek as _};
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::chain::Chain;
use super::describe::whole_of;
use super::medium;
use super::record::{Ended, Entry, LookedUp};
use super::{JournalError, Names, revive};
use crate::model::ActionKind;
use crate::plan::Cause;

/// A lock-out as the journal tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalledLockOut {
    /// Since when.
    pub since: Timestamp,
    /// Who did it, as far as that is known.
    pub by: Option<String>,
    /// The keys that the account had before, as in the store, as far as nobody else was let in under them since.
    pub former: BTreeSet<String>,
}

/// The keys, as in the store, of those whom an operator locked out of the store with this identity; nobody where there
/// is no journal.
///
/// # Errors
/// If it can't be read.
pub fn locked_out(path: &Path, store: &str) -> Result<BTreeMap<String, JournalledLockOut>, JournalError> {
    let unreadable = |source| JournalError::Unreadable { path: path.display().to_string(), source };
    let file = match medium::open_to_read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        opened => opened.map_err(unreadable)?,
    };
    let mut lines = BufReader::new(file);
    // Most journals tell of no operator, and need not be understood line by line.
    if !medium::has_text(&mut lines, b"\"operator\"").map_err(unreadable)? {
        return Ok(BTreeMap::new());
    }
    lines.rewind().map_err(unreadable)?;
    let mut tried: BTreeMap<u64, (Since, Step)> = BTreeMap::new();
    let mut by: Option<String> = None;
    let mut told = Told::default();
    // Whether a record is what was written is only known by the next one.
    let mut let_in: Option<String> = None;
    Chain::START.read(&path.display().to_string(), lines, |record, is_whole| {
        if let Some(user) = let_in.take().filter(|_| is_whole) {
            told.let_in(&user);
        }
        match &record.entry {
            Entry::Intent { store: of, action, then: _ } if of == store => {
                let since = || Since { at: record.at, by: by.clone() };
                // Adding a membership again is no way in where it is a step of a change of role.
                tried.extend(step(whole_of(action)).map(|step| (record.seq, (since(), step))));
            }
            Entry::Outcome { intent, outcome: Ended::Done | Ended::Rewritten | Ended::AlreadyTrue, .. }
            | Entry::LookedUp { intent, found: LookedUp::Achieved, .. } => match tried.remove(intent) {
                Some((since, Step::Out(user))) => told.locked_out(user, since),
                Some((_, Step::In(user))) => let_in = Some(user).filter(|_| is_whole),
                Some((_, Step::Renamed { from, to })) => told.renamed(from, to),
                None => {}
            },
            Entry::Began(run) => by = run.who.actor.clone().or_else(|| run.who.user.clone()),
            Entry::Intent { .. }
            | Entry::Outcome { .. }
            | Entry::LookedUp { .. }
            | Entry::Delivered { .. }
            | Entry::Resets { .. }
            | Entry::Released { .. }
            | Entry::Over { .. }
            | Entry::Recovered { .. }
            | Entry::Missing { .. } => {}
        }
    })?;
    if let Some(user) = let_in {
        told.let_in(&user);
    }
    Ok(told.locked)
}

/// When something was done, and by whom.
struct Since {
    at: Timestamp,
    by: Option<String>,
}

/// What the lines that were read so far tell.
#[derive(Default)]
struct Told {
    locked: BTreeMap<String, JournalledLockOut>,
    /// The keys that an account had before, by the one that it has.
    former: BTreeMap<String, BTreeSet<String>>,
}

impl Told {
    fn locked_out(&mut self, user: String, Since { at, by }: Since) {
        let former = self.former.get(&user).cloned().unwrap_or_default();
        self.locked.insert(user, JournalledLockOut { since: at, by, former });
    }

    /// Neither key lets the person in.
    fn renamed(&mut self, from: String, to: String) {
        let since = self.locked.get(&from).cloned();
        self.locked.extend(since.map(|since| (to.clone(), since)));
        let mut former = self.former.remove(&from).unwrap_or_default();
        former.remove(&to);
        former.insert(from);
        self.former.insert(to, former);
    }

    /// Whoever is in under a key is not who had it before.
    fn let_in(&mut self, user: &str) {
        self.locked.remove(user);
        for former in self.former.values_mut().chain(self.locked.values_mut().map(|locked| &mut locked.former)) {
            former.remove(user);
        }
    }
}

/// What an action did to whether somebody is locked out.
enum Step {
    Out(String),
    In(String),
    Renamed { from: String, to: String },
}

fn step(action: &Json) -> Option<Step> {
    let user = action.get("user")?.as_str()?.to_owned();
    let kind = revive(&mut Names::new(), action)?.kind;
    let is_operators = action.get("cause").and_then(Json::as_str) == Some(Cause::Operator.as_str());
    match kind {
        ActionKind::DeactivateUser | ActionKind::CancelInvitation | ActionKind::StripUser if is_operators => {
            Some(Step::Out(user))
        }
        ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::ReactivateUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::AddMembership
        | ActionKind::GrantSite => Some(Step::In(user)),
        ActionKind::RenameUser => {
            let from = action.get("before")?.get("key")?.as_str()?.to_owned();
            Some(Step::Renamed { from, to: user })
        }
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
        | ActionKind::ChangeAccess
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::CancelInvitation
        | ActionKind::ChangeRole
        | ActionKind::UpdateMembership
        | ActionKind::RemoveMembership
        | ActionKind::ChangeSiteRole
        | ActionKind::RevokeSite => None,
    }
}
