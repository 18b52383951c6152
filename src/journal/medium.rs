//! What the journal is written to: a file, or what a test puts in its place.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use super::JournalError;
use crate::secret::{self, Links};

/// How often a run that waits for another one looks whether that has ended.
const NAP: Duration = Duration::from_millis(100);

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

/// Of a journal that is only looked at.
pub(super) struct ReadOnly;

impl Medium for ReadOnly {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens and locks a file to append to; the second handle reads what is there. While another run has it, `waiting` is
/// told once, and the lock is waited for as long as `patience` says.
pub(super) fn open(
    path: &Path,
    patience: Duration,
    waiting: &mut dyn FnMut(),
) -> Result<(FileMedium, File), JournalError> {
    let unreadable = |source| JournalError::Unreadable { path: path.display().to_string(), source };
    let mut naps_left = patience.as_millis().div_ceil(NAP.as_millis());
    let mut is_told = false;
    loop {
        let is_new = !path.exists();
        let file = open_file(path, OpenOptions::new().create(true).append(true).read(true)).map_err(unreadable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(source)) => return Err(unreadable(source)),
            Err(TryLockError::WouldBlock) if naps_left == 0 => {
                return Err(JournalError::Locked(path.display().to_string()));
            }
            Err(TryLockError::WouldBlock) => {
                if !is_told {
                    waiting();
                    is_told = true;
                }
                naps_left -= 1;
                std::thread::sleep(NAP);
                continue;
            }
        }
        // Somebody may have moved it away in the meantime: a lock on that one would keep nobody out.
        if !is_at(&file, path).map_err(unreadable)? {
            continue;
        }
        if is_new {
            sync_folder(path).map_err(unreadable)?;
        }
        let existing = file.try_clone().map_err(unreadable)?;
        return Ok((FileMedium(file), existing));
    }
}

/// Opens a journal to read it, without a lock.
pub(super) fn open_to_read(path: &Path) -> io::Result<File> {
    open_file(path, OpenOptions::new().read(true))
}

/// Whether any line has this text.
pub(super) fn has_text(lines: &mut impl io::BufRead, wanted: &[u8]) -> io::Result<bool> {
    let mut text = Vec::new();
    loop {
        text.clear();
        if lines.read_until(b'\n', &mut text)? == 0 {
            return Ok(false);
        }
        if text.windows(wanted.len()).any(|part| part == wanted) {
            return Ok(true);
        }
    }
}

/// A journal is a file of its own: through a link its lines would go, or come from, wherever a pull request says.
pub(super) fn open_file(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // Who reads the journal learns who has access to what.
    secret::open_file(path, options.mode(0o600), Links::Refused)
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let here = file.metadata()?;
    match path.symlink_metadata() {
        Ok(there) => Ok((here.dev(), here.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
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
