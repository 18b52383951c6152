//! Reading a store where nothing may be written, not even beside it.
//!
//! SQLite keeps the locks of its readers in files beside the database, so a reader that may not write the folder (a
//! pipeline with no more rights than a plan needs, a mount that is read-only) can't have one. As long as there are no
//! changes beside the file it can be read without locks; that nobody changed it in the meantime is seen afterwards, and
//! then what was read is not used.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, OpenFlags};

use super::open::with_suffix;
use crate::store::{StoreError, Trouble};

/// What stands in the path of a URI as it is.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// The suffixes of files in which SQLite keeps changes beside its own.
const BESIDE: [&str; 2] = ["-wal", "-journal"];

/// What a file looks like that nobody writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    /// `None`: there are changes beside the file.
    fn of(path: &Path) -> io::Result<Option<Self>> {
        for suffix in BESIDE {
            match fs::metadata(with_suffix(path, suffix)) {
                Ok(metadata) if metadata.len() > 0 => return Ok(None),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let metadata = fs::metadata(path)?;
        Ok(Some(Self { length: metadata.len(), modified: metadata.modified().ok() }))
    }

    /// Whether the file is still the one that was opened.
    pub(super) fn check(self, path: &Path) -> Result<(), StoreError> {
        if matches!(Self::of(path), Ok(Some(now)) if now == self) {
            return Ok(());
        }
        let message = format!(
            "the store `{}` was changed while it was read, and this user can't lock it; try again, or let this user write \
             its folder",
            path.display()
        );
        Err(StoreError { message, is_invalid: false, trouble: Trouble::Other, source: None })
    }
}

/// Opens a file that can't be locked, if nothing beside it belongs to it.
pub(super) fn open(path: &Path) -> Result<(Connection, Stamp), StoreError> {
    let unreadable = |error: io::Error| {
        let message = format!("can't look at the store `{}`; see who may read it and its folder", path.display());
        StoreError::unavailable(message, error)
    };
    let Some(stamp) = Stamp::of(path).map_err(unreadable)? else {
        let has = |suffix: &str| fs::metadata(with_suffix(path, suffix)).is_ok_and(|beside| beside.len() > 0);
        let beside = BESIDE.iter().find(|suffix| has(suffix)).unwrap_or(&BESIDE[0]);
        let message = format!(
            "the store `{0}` has changes in the file `{0}{beside}` beside it, which only who may write its folder can \
             read; let this user write the folder (the file must be no link), or run `rollcall plan` once as a user who may",
            path.display()
        );
        return Err(StoreError { message, is_invalid: false, trouble: Trouble::Other, source: None });
    };
    let uri = format!("file:{}?immutable=1", percent_encode(path.as_os_str().as_encoded_bytes(), IN_PATH));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri, flags).map_err(|error| super::open::unreadable(path, error))?;
    Ok((connection, stamp))
}
