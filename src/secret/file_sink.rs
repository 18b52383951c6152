//! A file that grows by a line for each secret, and that only its owner reads.
//!
//! It is refused where somebody else could read it, where it is a link or has a second name, and where it is no file: a
//! secret never goes to where somebody made the path lead.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::{Delivery, Links, Sink, SinkError, open_file};

/// A file of secrets.
#[derive(Debug)]
pub struct FileSink(PathBuf);

impl FileSink {
    /// The file at this path, made with the first secret if it is not there.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Looks at what is there, and makes and opens nothing.
    pub fn look(&self) -> Result<(), SinkError> {
        match fs::symlink_metadata(&self.0) {
            Ok(found) => check(&self.0, &found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(unusable(&self.0, error)),
        }
    }

    fn open(&self) -> Result<File, SinkError> {
        let path = &self.0;
        let is_new = fs::symlink_metadata(path).is_err();
        let mut options = OpenOptions::new();
        options.create(true).append(true).read(true).mode(0o600);
        let file = match open_file(path, &mut options, Links::Refused) {
            Ok(file) => file,
            Err(error) => {
                self.look()?;
                return Err(unusable(path, error));
            }
        };
        check(path, &file.metadata().map_err(|error| unusable(path, error))?)?;
        if is_new {
            // A new file is lost in a power cut unless its folder is synced as well.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let synced = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
            synced.map_err(|error| unusable(path, error))?;
        }
        Ok(file)
    }
}

impl Sink for FileSink {
    fn probe(&self) -> Result<(), SinkError> {
        let file = self.open()?;
        file.sync_all().map_err(|error| unusable(&self.0, error))
    }

    fn deliver(&self, delivery: &Delivery<'_>) -> Result<(), SinkError> {
        let mut file = self.open()?;
        let length = file.metadata().map_err(|error| unusable(&self.0, error))?.len();
        let written =
            end_line(&mut file).and_then(|()| file.write_all(&delivery.line())).and_then(|()| file.sync_all());
        written.map_err(|error| {
            // Half a line is of no use to anybody.
            let _ = file.set_len(length);
            unusable(&self.0, error)
        })
    }
}

/// Ends a line that was torn by a kill or a power cut.
fn end_line(file: &mut File) -> io::Result<()> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

fn unusable(path: &Path, error: io::Error) -> SinkError {
    SinkError::of(
        format!("the file of one-time secrets `{}` can't be written; mend that, or name another one", path.display()),
        error,
    )
}

fn check(path: &Path, found: &Metadata) -> Result<(), SinkError> {
    let refused = |why: &str| {
        Err(SinkError::new(format!("the file of one-time secrets `{}` is not used: {why}", path.display())))
    };
    if found.is_symlink() {
        return refused("it is a link, which is not followed; name the file itself");
    }
    if !found.is_file() {
        return refused("it is no file; name one that is, or that is not there yet");
    }
    if found.mode() & 0o077 != 0 {
        return refused("others than its owner may use it; take that away with `chmod 600`, and see who read it");
    }
    if found.nlink() > 1 {
        return refused("it has a second name (a hard link), under which others may read it; name another one");
    }
    if found.uid() != nix::unistd::geteuid().as_raw() {
        return refused("it belongs to another user; name one of your own");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::FileSink;
    use crate::secret::{Delivery, SecretKind, Sink as _, generate};

    fn deliver(path: &Path) -> Result<String, String> {
        let secret = generate(0, false).map_err(|error| error.to_string())?;
        let at = jiff::Timestamp::UNIX_EPOCH;
        let delivery = Delivery { store: "s", user: "ana", kind: SecretKind::Password, at, run: "r", secret: &secret };
        FileSink::new(path.to_owned()).deliver(&delivery).map_err(|error| error.to_string())?;
        Ok(secret.reveal().to_owned())
    }

    #[test]
    fn each_secret_is_a_line_of_a_file_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets");
        FileSink::new(path.clone()).look().expect("nothing is there");
        assert!(!path.exists(), "a look makes nothing");
        FileSink::new(path.clone()).probe().expect("usable");
        assert_eq!(fs::read(&path).expect("made"), b"");
        let secrets = [deliver(&path).expect("taken"), deliver(&path).expect("taken")];
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).expect("text");
        let read: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(
            read.iter().map(|line| line["secret"].as_str()).collect::<Vec<_>>(),
            secrets.each_ref().map(|s| Some(s.as_str()))
        );
    }

    #[test]
    fn a_torn_line_is_ended_and_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets");
        FileSink::new(path.clone()).probe().expect("usable");
        fs::write(&path, "{\"torn").expect("written");
        let secret = deliver(&path).expect("taken");
        let text = fs::read_to_string(&path).expect("text");
        assert_eq!(text.lines().next(), Some("{\"torn"));
        assert!(text.lines().nth(1).is_some_and(|line| line.contains(&secret)));
    }

    #[test]
    fn what_others_could_read_takes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| folder.path().join(name);
        fs::write(file("open"), "").expect("written");
        fs::set_permissions(file("open"), fs::Permissions::from_mode(0o640)).expect("set");
        std::os::unix::fs::symlink(file("elsewhere"), file("link")).expect("linked");
        fs::write(file("own"), "").expect("written");
        fs::set_permissions(file("own"), fs::Permissions::from_mode(0o600)).expect("set");
        fs::hard_link(file("own"), file("second")).expect("linked");
        fs::create_dir(file("folder")).expect("made");
        nix::unistd::mkfifo(&file("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("made");
        for (name, why) in [
            ("open", "chmod 600"),
            ("link", "is a link"),
            ("second", "second name"),
            ("folder", "no file"),
            ("pipe", "no file"),
            ("missing/secrets", "can't be written"),
        ] {
            let error = deliver(&file(name)).expect_err(name);
            assert!(error.contains(why), "{name}: {error}");
            let probed = FileSink::new(file(name)).probe().expect_err(name).to_string();
            assert_eq!(probed, error, "{name}");
        }
        assert!(!file("elsewhere").exists());
        assert_eq!(fs::read(file("open")).expect("there"), b"");
    }
}
