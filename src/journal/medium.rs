//! What the journal is written to: a file, or what a test puts in its place.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;

use super::JournalError;

/// Takes bytes at its end, and makes them last.
pub trait Medium {
    /// Appends these bytes; after an error any part of them may be there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns once everything appended would survive a power cut.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file. Its lock is held as long as the value lives.
#[derive(Debug)]
pub struct FileMedium(File);

impl Medium for FileMedium {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// Opens and locks a file to append to; the second handle reads what is there.
pub(super) fn open(path: &Path) -> Result<(FileMedium, File), JournalError> {
    let text = || path.display().to_string();
    let unreadable = |source| JournalError::Unreadable { path: text(), source };
    let is_new = !path.exists();
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    // Who reads the journal learns who has access to what.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(unreadable)?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => JournalError::Locked(text()),
        TryLockError::Error(source) => unreadable(source),
    })?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, "it is no file")));
    }
    if is_new {
        sync_folder(path).map_err(unreadable)?;
    }
    let existing = File::open(path).map_err(unreadable)?;
    Ok((FileMedium(file), existing))
}

/// A new file is lost in a power cut unless its folder is synced as well.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        Some(_) | None => File::open(".")?.sync_all(),
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
