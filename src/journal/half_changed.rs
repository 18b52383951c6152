//! Changes of a role that were stopped between their two steps: the old membership is gone, the new one is not there.
//!
//! What manifests declare is added by the next plan in any case. What they leave to others is known here alone, so the
//! plan takes it from here. Access follows from it, so the journal is verified from its first line: one that was altered
//! tells nothing. Deliberately absent: what is live.

use std::collections::BTreeMap;
use std::io::{self, BufReader};
use std::path::Path;

use serde_json::Value as Json;

use super::describe::kind_of;
use super::record::{Ended, Entry, LookedUp};
use super::{JournalError, medium, verify};
use crate::model::ActionKind;
use crate::plan::Cause;
use crate::rules::Identity;

/// The changes of roles in the store with this identity, as described but for the key of a user who has
/// another one since, of which the first step was done, or may have
/// been, and the second one was not. None where there is no journal, or one that was altered.
///
/// # Errors
/// If it can't be read.
pub fn half_changed(path: &Path, store: &str, identity: &Identity) -> Result<Vec<Json>, JournalError> {
    // Most journals know of no such change, and need not be understood line by line.
    match medium::open_to_read(path).and_then(|file| medium::has_text(&mut BufReader::new(file), b"\"whole\":{")) {
        Ok(true) => {}
        Ok(false) => return Ok(Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(JournalError::Unreadable { path: path.display().to_string(), source }),
    }
    let mut found = Found::default();
    let read = verify(path, |record| {
        let (intent, is_done) = match &record.entry {
            Entry::Intent { store: of, action, then: _ } => {
                let step = if of == store { step(action) } else { None };
                found.tried.extend(step.map(|step| (record.seq, step)));
                return;
            }
            Entry::Outcome { intent, outcome, .. } => match outcome {
                Ended::Done | Ended::AlreadyTrue | Ended::Rewritten => (intent, true),
                Ended::Conflict | Ended::Refused | Ended::Failed => (intent, false),
                Ended::Unknown => return,
            },
            Entry::LookedUp { intent, found, .. } => match found {
                LookedUp::Achieved => (intent, true),
                LookedUp::NotAchieved => (intent, false),
                LookedUp::Changed | LookedUp::Unknown => return,
            },
            Entry::Over { store: of, user, organization } => {
                let is_of = |key: &str| identity.normalize(key).is_ok_and(|key| key == *user);
                if of == store {
                    found.forget(|(key, place)| is_of(key) && organization.as_ref().is_none_or(|one| one == place));
                }
                return;
            }
            Entry::Began(_)
            | Entry::Delivered { .. }
            | Entry::Resets { .. }
            | Entry::Released { .. }
            | Entry::Recovered { .. }
            | Entry::Missing { .. } => return,
        };
        if let Some(step) = found.tried.remove(intent).filter(|_| is_done) {
            found.note(step);
        }
    });
    match read {
        Ok(()) => {}
        Err(JournalError::Altered { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    // What has no end yet may have been done: if it was not, the membership is live, and that counts.
    let Found { tried, mut half } = found;
    let open = tried.into_values().filter_map(|step| match step {
        Step::Begins(place, whole) => Some((place, whole)),
        Step::Settles(_) | Step::Ends(_) | Step::Renames { .. } => None,
    });
    half.extend(open);
    Ok(half.into_values().collect())
}

/// What is known up to a line.
#[derive(Default)]
struct Found {
    /// What has no certain end, by the line of its intent.
    tried: BTreeMap<u64, Step>,
    half: BTreeMap<Place, Json>,
}

impl Found {
    /// Notes what was done.
    fn note(&mut self, step: Step) {
        match step {
            Step::Begins(place, whole) => drop(self.half.insert(place, whole)),
            Step::Settles(place) => self.forget(|of| *of == place),
            Step::Ends(user) => self.forget(|(of, _)| *of == user),
            Step::Renames { from, to } => {
                // Whoever had the key before is somebody else.
                self.forget(|(of, _)| *of == to);
                let half = std::mem::take(&mut self.half).into_iter();
                self.half = half.map(|(place, whole)| renamed(place, whole, (&from, &to))).collect();
                for step in self.tried.values_mut() {
                    if let Step::Begins(place, whole) = step {
                        (*place, *whole) = renamed(std::mem::take(place), whole.take(), (&from, &to));
                    }
                }
            }
        }
    }

    /// Forgets what was left, or may have been, in these places.
    fn forget(&mut self, is_meant: impl Fn(&Place) -> bool) {
        self.half.retain(|place, _| !is_meant(place));
        self.tried.retain(|_, step| match step {
            Step::Begins(place, _) => !is_meant(place),
            Step::Settles(_) | Step::Ends(_) | Step::Renames { .. } => true,
        });
    }
}

/// The same change under the key that the user has now.
fn renamed((user, organization): Place, mut whole: Json, (from, to): (&str, &str)) -> (Place, Json) {
    if user != from {
        return ((user, organization), whole);
    }
    whole["user"] = Json::from(to);
    ((to.to_owned(), organization), whole)
}

/// A user and an organization, as in the store.
type Place = (String, String);

/// What an action does to a membership that is half changed.
enum Step {
    /// The membership goes, so that another one can come.
    Begins(Place, Json),
    /// Somebody has decided about it.
    Settles(Place),
    /// This user has no access any more, wherever it was, or is another one under the same key, with the access that came
    /// with it.
    Ends(String),
    /// The user has another key.
    Renames { from: String, to: String },
}

fn step(action: &Json) -> Option<Step> {
    let text = |part: &str| action.get(part)?.as_str().map(str::to_owned);
    let user = text("user")?;
    let place = || Some((text("user")?, text("organization")?));
    match kind_of(action)? {
        ActionKind::RemoveMembership => Some(match action.get("whole") {
            Some(whole) => Step::Begins(place()?, whole.clone()),
            None => Step::Settles(place()?),
        }),
        ActionKind::AddMembership | ActionKind::ChangeRole => Some(Step::Settles(place()?)),
        ActionKind::DeactivateUser if action.get("cause").and_then(Json::as_str) == Some(Cause::Operator.as_str()) => {
            Some(Step::Ends(user))
        }
        ActionKind::InviteUser
        | ActionKind::CreateUser
        | ActionKind::StripUser
        | ActionKind::CloseUser
        | ActionKind::DeleteUser
        | ActionKind::CancelInvitation => Some(Step::Ends(user)),
        ActionKind::RenameUser => {
            let from = action.get("before")?.get("key")?.as_str()?.to_owned();
            Some(Step::Renames { from, to: user })
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
        | ActionKind::ReactivateUser
        | ActionKind::SendInvitation
        | ActionKind::ResendInvitation
        | ActionKind::UpdateMembership
        | ActionKind::GrantSite
        | ActionKind::ChangeSiteRole
        | ActionKind::RevokeSite => None,
    }
}
