//! Whose invitation was cancelled for another one that did not go out any more: a run was killed in between, or the
//! store refused the other one. What others manage of such an account is in no manifest and in the store no more; the
//! attempt has it.
//!
//! Access follows from it, so the journal is verified from its first line: one that was altered tells nothing.
//! Deliberately absent: how long that holds, and what of it is still wanted.

use std::collections::BTreeMap;
use std::io::{self, BufReader};
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::record::{Ended, Entry, LookedUp};
use super::{JournalError, Names, medium, revive, verify};
use crate::model::{ActionKind, LiveRecord, LiveState, Status, known};
use crate::plan::State;
use crate::rules::{Identity, Rules};

/// An invitation that was to go out in the place of a cancelled one.
#[derive(Debug, Clone, PartialEq)]
pub struct CutOff {
    /// When the other one was to be cancelled.
    pub at: Timestamp,
    /// All that it carries.
    pub state: State,
}

impl CutOff {
    /// Adds the account to what is live, as one that was cancelled, as long as its invitation could still be accepted at
    /// this time by the rules.
    pub fn remember(self, user: &str, (names, live): (&mut Names, &mut LiveState), rules: &Rules, at: Timestamp) {
        if rules.invitation_ttl().is_some_and(|ttl| ttl.after(self.at) <= at) {
            return;
        }
        let identity = names.intern(user);
        let State { mut facts, mut memberships, mut grants } = self.state;
        facts.retain(|fact| fact.field != known::STATUS);
        facts.sort_unstable();
        memberships.sort_unstable();
        grants.sort_unstable();
        let record = LiveRecord {
            id: identity,
            key: identity,
            identity: Some(identity),
            status: Status::Invited,
            facts,
            memberships,
            grants,
            invitation: None,
        };
        live.cut_off.insert(identity, record);
    }
}

/// By key as compared: the invitations of the store with this identity that did not go out. Nothing where there is no
/// journal, or one that was altered.
///
/// # Errors
/// If it can't be read.
pub fn cut_off(
    path: &Path,
    store: &str,
    identity: &Identity,
    names: &mut Names,
) -> Result<BTreeMap<String, CutOff>, JournalError> {
    // Most journals have none, and need not be understood line by line.
    match medium::open_to_read(path).and_then(|file| medium::has_text(&mut BufReader::new(file), b"\"then\":{")) {
        Ok(true) => {}
        Ok(false) => return Ok(BTreeMap::new()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(JournalError::Unreadable { path: path.display().to_string(), source }),
    }
    let mut tried: BTreeMap<u64, Step> = BTreeMap::new();
    let mut lost: BTreeMap<String, (Timestamp, Json)> = BTreeMap::new();
    let read = verify(path, |record| match &record.entry {
        Entry::Intent { store: of, action, then } if of == store => match then {
            // Whether it was cancelled is known by whether the account is there, if nothing tells how this ended.
            Some(then) => {
                if let Some(user) = user_of(then, identity) {
                    lost.insert(user.clone(), (record.at, then.clone()));
                    tried.insert(record.seq, Step::Cancelled(user));
                }
            }
            None if brings_somebody(action) => {
                tried.extend(user_of(action, identity).map(|user| (record.seq, Step::Invited(user))));
            }
            None => {}
        },
        Entry::Outcome { intent, outcome, .. } => {
            let is_done = match outcome {
                Ended::Done | Ended::Rewritten | Ended::AlreadyTrue => true,
                Ended::Conflict | Ended::Refused | Ended::Failed => false,
                // A look-up may tell later.
                Ended::Unknown => return,
            };
            forget(&mut lost, tried.remove(intent), is_done);
        }
        Entry::LookedUp { intent, found, .. } => match found {
            LookedUp::Achieved => forget(&mut lost, tried.remove(intent), true),
            LookedUp::NotAchieved | LookedUp::Changed => forget(&mut lost, tried.remove(intent), false),
            LookedUp::Unknown => {}
        },
        Entry::Over { store: of, user, organization: None } if of == store => drop(lost.remove(user)),
        Entry::Intent { .. }
        | Entry::Over { .. }
        | Entry::Began(_)
        | Entry::Delivered { .. }
        | Entry::Resets { .. }
        | Entry::Released { .. }
        | Entry::Recovered { .. }
        | Entry::Missing { .. } => {}
    });
    match read {
        Ok(()) => {}
        Err(JournalError::Altered { .. }) => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    }
    let mut revived = |(user, (at, then)): (String, (Timestamp, Json))| {
        let state = revive(names, &then)?.after?;
        Some((user, CutOff { at, state }))
    };
    Ok(lost.into_iter().filter_map(&mut revived).collect())
}

/// What an intent was about.
enum Step {
    /// The invitation of somebody who was to be invited anew under this key.
    Cancelled(String),
    /// An account for this key.
    Invited(String),
}

/// What was not cancelled is not lost, and what was made anew is not lost any more.
fn forget(lost: &mut BTreeMap<String, (Timestamp, Json)>, step: Option<Step>, is_done: bool) {
    match step {
        Some(Step::Cancelled(user)) if !is_done => drop(lost.remove(&user)),
        Some(Step::Invited(user)) if is_done => drop(lost.remove(&user)),
        Some(Step::Cancelled(_) | Step::Invited(_)) | None => {}
    }
}

fn user_of(action: &Json, identity: &Identity) -> Option<String> {
    identity.normalize(action.get("user")?.as_str()?).ok()
}

fn brings_somebody(action: &Json) -> bool {
    let kind = action.get("action").cloned().and_then(|kind| serde_json::from_value(kind).ok());
    matches!(kind, Some(ActionKind::InviteUser | ActionKind::CreateUser))
}
