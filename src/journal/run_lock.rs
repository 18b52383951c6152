//! One run at a time in one store, whatever its journal: a file beside an embedded store that is locked as long as a run
//! goes on.
//!
//! Two clones of an access repository, or two names for one store, have a journal each. Both would read the store, and
//! each take the admin that the other leaves. Deliberately absent: stores that are not a file of this machine.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::holder::{Holder, HolderNote};
use super::medium::{self, FileMedium};
use super::{Journal, JournalError};

/// The file whose lock a run in this store has.
#[must_use]
pub fn run_lock_of(store: &Path) -> PathBuf {
    let mut path = store.as_os_str().to_owned();
    path.push(".lock");
    PathBuf::from(path)
}

/// A store that no other run can have as long as this value lives.
pub(super) struct RunLock {
    /// Gone before the lock is.
    _note: Option<HolderNote>,
    _file: FileMedium,
}

impl Journal {
    /// Has the embedded store in this file as long as the value lives, and leaves a note of who has it. Waits for
    /// another run as [`open_within`](Self::open_within) does.
    ///
    /// # Errors
    /// If another run keeps it for too long, or the file beside it is a link or no file.
    pub fn have_store(
        &mut self,
        store: &Path,
        holder: &Holder,
        patience: Duration,
        waiting: &mut dyn FnMut(),
    ) -> Result<(), JournalError> {
        let path = run_lock_of(store);
        match medium::open(&path, patience, waiting) {
            Ok((file, _)) => {
                self.store_lock = Some(RunLock { _note: HolderNote::leave(&path, holder), _file: file });
                Ok(())
            }
            // Where no file can be made beside it, the store can't be written either, and that is told by the store.
            Err(JournalError::Unreadable { source, .. })
                if matches!(source.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
