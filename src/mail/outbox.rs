//! The folder that takes mails where no server is named: one `.eml` file each, readable for its owner only.
//!
//! A file appears whole, under a name that says nothing but which invitation or reset it is about. One that is there already was
//! handed over by a run that ended before it could note so, and is left as it is.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A folder that takes mails.
pub(super) struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    /// Makes the folder, where it is not there yet, for its owner only.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        if !folder.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        }
        Ok(Self { folder })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Lays a mail into the folder.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.folder.join(format!("{name}.eml"));
        if path.symlink_metadata().is_ok() {
            return Ok(());
        }
        let beside = self.folder.join(format!(".{name}.tmp"));
        // What a run left that was killed is of no use to anybody.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&beside, &path)
        })();
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written
    }

    /// Makes the names of files last.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }
}
