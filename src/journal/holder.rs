//! Who has a journal: a note beside it, for whoever waits for it.
//!
//! The lock is what counts; the note only tells. One that was left behind by a run that was killed is written over by
//! the next run, and is not read while nobody has the lock.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Who;
use super::medium::open_file;

/// No note is longer.
const LONGEST: u64 = 1 << 14;

/// A run that has a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The number of its process.
    pub process: u32,
    /// What was typed.
    pub command: String,
    /// When it took the journal.
    pub since: Timestamp,
    /// Who started it.
    pub who: Who,
}

/// Who has the journal in `path`, as far as that run could say so.
#[must_use]
pub fn holder(path: &Path) -> Option<Holder> {
    let file = open_file(&beside(path), OpenOptions::new().read(true)).ok()?;
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// A note that goes with the value.
pub(super) struct HolderNote(PathBuf);

impl HolderNote {
    pub(super) fn leave(path: &Path, holder: &Holder) -> Option<Self> {
        let beside = beside(path);
        let text = serde_json::to_vec(holder).ok()?;
        let mut file = open_file(&beside, OpenOptions::new().create(true).write(true).truncate(true)).ok()?;
        file.write_all(&text).ok()?;
        Some(Self(beside))
    }
}

impl Drop for HolderNote {
    fn drop(&mut self) {
        // One that stays misleads nobody: it is not read while nobody has the lock.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension("holder")
}
