//! Who has no secret: one was made in the store, and nobody wrote that a sink took it.
//!
//! A run was killed between the two, or the sink failed. The journal never has the secret, so it is lost; what is left
//! is to say so until another one is made. Deliberately absent: whether the account is still there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use super::describe::{account_of, kind_of};
use super::record::{Ended, Entry, LookedUp, Record};
use super::{JournalError, medium};
use crate::model::ActionKind;
use crate::secret::SecretKind;

/// For how long after its intent a secret may have been made. The store takes the time at which it begins, right after
/// the intent; the rest is for a slow disk between the two.
const MADE_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// A secret that nobody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// It was not made before.
    pub since: Timestamp,
    /// It was not made later: one that was set after that is another one.
    pub until: Timestamp,
    /// The store's own id of the account, where it was noted.
    pub account: Option<String>,
}

/// The secrets that nobody has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undelivered {
    /// Whose secret it is, by key as in the store, and what it opens.
    pub lost: BTreeMap<(String, SecretKind), Lost>,
    /// The keys of everybody for whom the journal knows that a secret was to be made: an account with another key was made,
    /// or got its key, in another way.
    pub known: BTreeSet<String>,
}

/// The secrets of the store with this identity that were made, or may have been, and never handed over; none where there
/// is no journal.
///
/// # Errors
/// If it can't be read.
pub fn undelivered(path: &Path, store: &str) -> Result<Undelivered, JournalError> {
    const WORD: &[u8] = b"\"secret\"";
    let unreadable = |source| JournalError::Unreadable { path: path.display().to_string(), source };
    let file = match medium::open_to_read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Undelivered::default()),
        opened => opened.map_err(unreadable)?,
    };
    let mut lines = BufReader::new(file);
    let mut text = Vec::new();
    let mut found = Found::default();
    loop {
        text.clear();
        if lines.read_until(b'\n', &mut text).map_err(unreadable)? == 0 {
            break;
        }
        // Most journals know of no secret, and need not be understood line by line.
        if !found.any && !text.windows(WORD.len()).any(|part| part == WORD) {
            continue;
        }
        found.any = true;
        if let Some(record) = Record::parse(&text) {
            found.note(record, store);
        }
    }
    // Of what has no end at all nobody knows yet.
    let Found { tried, mut lacking, known, .. } = found;
    for Tried { step, at, is_open } in tried.into_values() {
        match step {
            Step::Yields { user, kind, account } if is_open => {
                let until = at.saturating_add(MADE_WITHIN).unwrap_or(at);
                lacking.insert((user, kind), Lost { since: at, until, account });
            }
            Step::Yields { .. } | Step::Renames { .. } | Step::Ends(_) | Step::TurnsApiOff(_) => {}
        }
    }
    Ok(Undelivered { lost: lacking, known })
}

#[derive(Default)]
struct Found {
    any: bool,
    tried: BTreeMap<u64, Tried>,
    lacking: BTreeMap<(String, SecretKind), Lost>,
    known: BTreeSet<String>,
}

struct Tried {
    step: Step,
    at: Timestamp,
    /// Whether nothing says yet what became of it.
    is_open: bool,
}

/// What an action does to who has a secret.
enum Step {
    Yields { user: String, kind: SecretKind, account: Option<String> },
    Renames { from: String, to: String },
    Ends(String),
    TurnsApiOff(String),
}

impl Found {
    fn note(&mut self, record: Record, store: &str) {
        let Record { seq, at, entry, .. } = record;
        match entry {
            Entry::Intent { store: of, action, then: _ } => {
                let step = if of == store { step(&action) } else { None };
                if let Some(Step::Yields { user, .. } | Step::Renames { to: user, .. }) = &step {
                    self.known.insert(user.clone());
                }
                self.tried.extend(step.map(|step| (seq, Tried { step, at, is_open: true })));
            }
            Entry::Outcome { intent, outcome, .. } => match outcome {
                Ended::Done | Ended::Rewritten => self.end(intent, at, (true, false)),
                Ended::Unknown => self.end(intent, at, (false, false)),
                // Nothing was made by it.
                Ended::AlreadyTrue | Ended::Conflict | Ended::Refused | Ended::Failed => {
                    self.end(intent, at, (false, true));
                }
            },
            Entry::LookedUp { intent, found, .. } => match found {
                LookedUp::Achieved => self.end(intent, at, (true, false)),
                LookedUp::Changed | LookedUp::Unknown => self.end(intent, at, (false, false)),
                LookedUp::NotAchieved => self.end(intent, at, (false, true)),
            },
            Entry::Delivered { secret } => {
                if let Some(Tried { step: Step::Yields { user, kind, account }, .. }) = self.tried.remove(&secret) {
                    self.lacking.remove(&(user, kind));
                    // The same account, under the key that it had then.
                    let is_other = |of: SecretKind, lost: &Lost| of != kind || lost.account != account;
                    self.lacking.retain(|(_, of), lost| account.is_none() || is_other(*of, lost));
                }
            }
            Entry::Began(_)
            | Entry::Resets { .. }
            | Entry::Released { .. }
            | Entry::Over { .. }
            | Entry::Recovered { .. }
            | Entry::Missing { .. } => {}
        }
    }

    /// What becomes of an intent that was done, was certainly not, or neither, as is known at the time `at`.
    fn end(&mut self, intent: u64, at: Timestamp, (is_done, is_not_done): (bool, bool)) {
        let Some(tried) = self.tried.get_mut(&intent) else { return };
        tried.is_open = false;
        match &tried.step {
            Step::Yields { user, kind, account } if !is_not_done => {
                let (since, account) = (tried.at, account.clone());
                let until = since.saturating_add(MADE_WITHIN).map_or(at, |latest| latest.min(at));
                self.lacking.insert((user.clone(), *kind), Lost { since, until, account });
            }
            Step::Renames { from, to } if is_done => {
                for kind in SecretKind::ALL {
                    let lost = self.lacking.remove(&(from.clone(), kind));
                    self.lacking.extend(lost.map(|lost| ((to.clone(), kind), lost)));
                }
            }
            Step::Ends(user) if is_done => {
                for kind in SecretKind::ALL {
                    self.lacking.remove(&(user.clone(), kind));
                }
            }
            Step::TurnsApiOff(user) if is_done => {
                self.lacking.remove(&(user.clone(), SecretKind::Api));
            }
            Step::Yields { .. } | Step::Renames { .. } | Step::Ends(_) | Step::TurnsApiOff(_) => {}
        }
    }
}

fn step(action: &Json) -> Option<Step> {
    let text = |part: &Json| part.as_str().map(str::to_owned);
    let user = text(action.get("user")?)?;
    if let Some(kind) = action.get("secret").and_then(Json::as_str).and_then(SecretKind::from_word) {
        return Some(Step::Yields { user, kind, account: account_of(action).map(str::to_owned) });
    }
    match kind_of(action)? {
        ActionKind::RenameUser => Some(Step::Renames { from: text(action.get("before")?.get("key")?)?, to: user }),
        ActionKind::DeleteUser | ActionKind::CloseUser => Some(Step::Ends(user)),
        ActionKind::ChangeAccess => {
            let api = action.get("after")?.get("api")?.get("enabled")?;
            (api != &Json::Bool(true)).then_some(Step::TurnsApiOff(user))
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
        | ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::UpdateUser
        | ActionKind::DeactivateUser
        | ActionKind::StripUser
        | ActionKind::ReactivateUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::CancelInvitation
        | ActionKind::AddMembership
        | ActionKind::ChangeRole
        | ActionKind::UpdateMembership
        | ActionKind::RemoveMembership
        | ActionKind::GrantSite
        | ActionKind::ChangeSiteRole
        | ActionKind::RevokeSite => None,
    }
}
