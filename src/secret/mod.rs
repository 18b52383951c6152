//! Floor 1: secrets by reference, and one-time secrets.
//!
//! Settings hold a [`SecretReference`], never a secret. [`resolve`] turns it into a [`Secret`] at the moment in which
//! something is sent to the server that wants it. A secret has no text for logs and errors, and an error names where it
//! was looked for and nothing that was found there.
//!
//! A [`OneTimeSecret`] is made here or shown once by a store, handed to a sink once, and forgotten. It can't be printed,
//! compared, copied or serialized, and its memory is wiped when it goes. A [`Sink`] takes it: a file that only its owner
//! reads ([`FileSink`]), or a command that is fed on standard input ([`CommandSink`]). Each takes one JSON line for each
//! secret ([`Delivery`]).
//!
//! Deliberately absent: the settings that name a reference or a sink, and any way to get a one-time secret back.

mod child;
mod command_sink;
mod file_sink;
mod generate;
mod one_time;
mod open;
mod reference;

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

pub use command_sink::CommandSink;
pub use file_sink::FileSink;
pub use generate::{NoRandomness, generate};
pub use one_time::{Delivery, OneTimeSecret, SecretKind, Sink, SinkError};
pub use open::{Links, open_file};
pub use reference::SecretReference;

/// The longest secret: a password or a token, no file that was named by mistake.
const LONGEST: u64 = 64 << 10;

/// A secret. What prints it prints nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself, for whoever needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// A secret that is not where its reference says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoSecret(String);

/// The secret that a reference names; files are relative to `repository`, and commands run in it. A line break at the
/// end is no part of a secret.
pub fn resolve(reference: &SecretReference, repository: &Path) -> Result<Secret, NoSecret> {
    let (place, found) = match reference {
        SecretReference::Env(name) => (format!("the variable `{name}`"), of_environment(name)),
        SecretReference::File(path) => (format!("the file `{}`", path.escape_debug()), of_file(&repository.join(path))),
        SecretReference::Command(command) => {
            let program = command.first().map(String::as_str).unwrap_or_default();
            (format!("the command `{}`", program.escape_debug()), of_command(command, repository, child::PATIENCE))
        }
    };
    let text = found.map_err(|why| NoSecret(format!("{place} yields no secret: {why}")))?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if text.is_empty() {
        return Err(NoSecret(format!("{place} yields no secret: it is empty")));
    }
    if text.contains(['\n', '\r', '\0']) {
        return Err(NoSecret(format!("{place} yields no secret: it holds more than one line")));
    }
    Ok(Secret(text.to_owned()))
}

#[allow(clippy::disallowed_methods, reason = "a reference names a variable of the environment")]
fn of_environment(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|error| match error {
        std::env::VarError::NotPresent => "it is not set".to_owned(),
        std::env::VarError::NotUnicode(_) => "it is no text".to_owned(),
    })
}

fn of_file(path: &Path) -> Result<String, String> {
    // A link is followed: that is how files of secrets are mounted.
    let file = open_file(path, OpenOptions::new().read(true), Links::Followed);
    text_of(file.map_err(|error| error.to_string())?)
}

fn of_command(command: &[String], repository: &Path, patience: Duration) -> Result<String, String> {
    let (program, arguments) = command.split_first().ok_or("there is none")?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(if repository.as_os_str().is_empty() { Path::new(".") } else { repository });
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let until = Instant::now() + patience;
    let mut child = child::start(&mut command).map_err(|error| error.to_string())?;
    let (send, printed) = mpsc::channel();
    let stdout = child.stdout.take();
    // A thread of its own: a command that prints nothing must not hold us up. Whoever prints without end finds the pipe
    // closed.
    thread::spawn(move || {
        let text = stdout.map_or_else(|| Err("it prints nothing".to_owned()), text_of);
        let _ = send.send(text);
    });
    let ended = child::wait(&mut child, until, &printed);
    if ended.is_err() {
        child::kill(&mut child);
    }
    let (printed, status) = ended.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => format!("it took longer than {} seconds, and was ended", patience.as_secs_f64()),
        _ => error.to_string(),
    })?;
    if !status.success() && printed.is_ok() {
        return Err(format!("it ended with {status}"));
    }
    printed
}

fn text_of(source: impl std::io::Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    source.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LONGEST {
        return Err("it is longer than any secret".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "it is no text".to_owned())
}

/// Bytes as hexadecimal digits: the form of tokens and of their hashes.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use std::time::{Duration, Instant};

    use super::child::demand_ended;
    use super::{SecretReference, of_command, resolve};

    #[test]
    fn secrets_are_found_where_references_say_and_never_told() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("password"), "hunter2\r\n").expect("written");
        let command = |line: &str| SecretReference::Command(["sh", "-c", line].map(str::to_owned).to_vec());
        for reference in
            [SecretReference::File("password".to_owned()), command("echo hunter2"), command("cat password")]
        {
            let secret = resolve(&reference, folder.path()).expect("a secret");
            assert_eq!(secret.expose(), "hunter2");
            assert!(!format!("{secret:?}").contains("hunter2"));
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_repeated() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("two"), "hunter2\nhunter3\n").expect("written");
        fs::write(folder.path().join("none"), "\n").expect("written");
        fs::write(folder.path().join("bytes"), b"hunter2\xff").expect("written");
        nix::unistd::mkfifo(&folder.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("made");
        let command = |line: &str| SecretReference::Command(["sh", "-c", line].map(str::to_owned).to_vec());
        for (reference, why) in [
            (SecretReference::File("two".to_owned()), "more than one line"),
            (SecretReference::File("none".to_owned()), "it is empty"),
            (SecretReference::File("bytes".to_owned()), "it is no text"),
            (SecretReference::File(".".to_owned()), "it is no file"),
            (SecretReference::File("pipe".to_owned()), "it is no file"),
            (SecretReference::File("nowhere".to_owned()), "No such file"),
            (SecretReference::Env("ROLLCALL_NOT_SET".to_owned()), "it is not set"),
            (command("echo hunter2; exit 3"), "exit status: 3"),
            (command("yes hunter2"), "longer than any secret"),
            (SecretReference::Command(vec!["no-such-program".to_owned()]), "No such file"),
        ] {
            let error = resolve(&reference, folder.path()).expect_err("no secret").to_string();
            assert!(error.contains(why), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        for script in ["sleep 600 & echo $! > child; wait", "sleep 600 & echo $! > child; echo hunter2"] {
            let command = ["sh", "-c", script].map(str::to_owned);
            let begun = Instant::now();
            let why = of_command(&command, folder.path(), Duration::from_millis(800)).expect_err("too long");
            assert!(why.contains("took longer than 0.8 seconds, and was ended"), "{why}");
            assert!(begun.elapsed() < Duration::from_mins(5), "it was waited for");
            demand_ended(folder.path());
        }
    }
}
