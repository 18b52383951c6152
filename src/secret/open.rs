//! Files that settings name, and those of our own: opened so that nothing that was put in their place holds us up.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::fcntl::OFlag;

/// What becomes of a link in the place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// It leads to the file.
    Followed,
    /// It is refused: what is opened would be wherever somebody made it lead.
    Refused,
}

/// Opens a file, and nothing else. A pipe is refused at once; without that, whoever opens it waits until somebody comes
/// to the other end.
pub fn open_file(path: &Path, options: &mut OpenOptions, links: Links) -> io::Result<File> {
    let refused = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why.to_owned());
    let no_links = match links {
        Links::Followed => OFlag::empty(),
        Links::Refused => OFlag::O_NOFOLLOW,
    };
    options.custom_flags((OFlag::O_NONBLOCK | no_links).bits());
    let is_link = || links == Links::Refused && path.symlink_metadata().is_ok_and(|found| found.is_symlink());
    let file = match options.open(path) {
        Err(_) if is_link() => return Err(refused("it is a link, which is not followed")),
        opened => opened?,
    };
    if !file.metadata()?.is_file() {
        return Err(refused("it is no file"));
    }
    Ok(file)
}
