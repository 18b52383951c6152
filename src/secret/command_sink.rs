//! A command that is fed each secret on standard input.
//!
//! No shell runs it, what it prints goes nowhere, and its time is bounded. Before the first secret it is started with
//! `{"format":1,"probe":true}`, and has to end with 0 then as well.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::child::{self, PATIENCE};
use super::{Delivery, Sink, SinkError};

const PROBE: &[u8] = b"{\"format\":1,\"probe\":true}\n";

/// A command that takes secrets.
#[derive(Debug)]
pub struct CommandSink {
    /// The program and its arguments.
    words: Vec<String>,
    /// Where it is started.
    folder: PathBuf,
    /// How long it may take over one secret.
    patience: Duration,
}

impl CommandSink {
    /// This program with these arguments, started in this folder.
    #[must_use]
    pub fn new(words: Vec<String>, folder: PathBuf) -> Self {
        Self { words, folder, patience: PATIENCE }
    }

    /// Feeds it, and waits for its end.
    fn feed(&self, text: Zeroizing<Vec<u8>>) -> Result<(), SinkError> {
        let program = self.words.first().map(String::as_str).unwrap_or_default();
        let says = |what: &str| {
            format!(
                "the command for one-time secrets `{}` {what}; see to it, or name another sink",
                program.escape_debug()
            )
        };
        let mut command = Command::new(program);
        command.args(self.words.iter().skip(1)).current_dir(&self.folder);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = child::start(&mut command).map_err(|error| SinkError::of(says("can't be started"), error))?;
        let outcome = self.talk(&mut child, text);
        if outcome.is_err() {
            child::kill(&mut child);
        }
        let (fed, status) = outcome.map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => {
                let seconds = self.patience.as_secs_f64();
                SinkError::new(says(&format!("took longer than {seconds} seconds, and was ended")))
            }
            _ => SinkError::of(says("can't be waited for"), error),
        })?;
        if !status.success() {
            let how = match status.code() {
                Some(code) => format!("ended with {code}"),
                None => "was killed by a signal".to_owned(),
            };
            return Err(SinkError::new(says(&how)));
        }
        fed.map_err(|error| SinkError::of(says("did not read what it was fed"), error))
    }

    /// Whether it was fed all of it, and how it ended.
    fn talk(&self, child: &mut Child, text: Zeroizing<Vec<u8>>) -> io::Result<(io::Result<()>, ExitStatus)> {
        let until = Instant::now() + self.patience;
        let (send, fed) = mpsc::channel();
        let stdin = child.stdin.take();
        // A thread of its own: a command that reads nothing must not hold us up.
        thread::spawn(move || {
            let written = stdin.map_or(Ok(()), |mut stdin| stdin.write_all(&text));
            let _ = send.send(written);
        });
        child::wait(child, until, &fed)
    }
}

impl Sink for CommandSink {
    fn probe(&self) -> Result<(), SinkError> {
        self.feed(Zeroizing::new(PROBE.to_vec()))
    }

    fn deliver(&self, delivery: &Delivery<'_>) -> Result<(), SinkError> {
        self.feed(delivery.line())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use super::super::child::demand_ended;
    use super::CommandSink;
    use crate::secret::{Delivery, OneTimeSecret, SecretKind, Sink as _, generate};

    fn sink(folder: &std::path::Path, words: &[&str]) -> CommandSink {
        CommandSink::new(words.iter().map(|&word| word.to_owned()).collect(), folder.to_owned())
    }

    fn delivery(secret: &OneTimeSecret) -> Delivery<'_> {
        let at = jiff::Timestamp::UNIX_EPOCH;
        Delivery { store: "s", user: "ana", kind: SecretKind::Password, at, run: "r", secret }
    }

    #[test]
    fn it_is_fed_a_probe_and_then_each_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let sink = sink(folder.path(), &["sh", "-c", "cat >> taken; echo loud; echo louder >&2"]);
        let secret = generate(0, false).expect("randomness");
        sink.probe().expect("it runs");
        sink.deliver(&delivery(&secret)).expect("taken");
        let taken = fs::read_to_string(folder.path().join("taken")).expect("text");
        let lines: Vec<&str> = taken.lines().collect();
        assert_eq!(lines[0], "{\"format\":1,\"probe\":true}");
        assert!(lines.len() == 2 && lines[1].contains(secret.reveal()), "{taken}");
    }

    #[test]
    fn what_fails_says_how_and_never_the_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let secret = generate(0, false).expect("randomness");
        for (words, why) in [
            (&["sh", "-c", "cat; exit 3"][..], "ended with 3"),
            (&["sh", "-c", "kill -9 $$"], "killed by a signal"),
            (&["no-such-program-anywhere"], "can't be started"),
        ] {
            let error = sink(folder.path(), words).deliver(&delivery(&secret)).expect_err(why);
            let text = format!("{error} {error:?}");
            assert!(text.contains(why) && !text.contains(secret.reveal()), "{text}");
        }
    }

    #[test]
    fn what_takes_too_long_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "sleep 60 & echo $! > child; wait";
        let mut sink = sink(folder.path(), &["sh", "-c", script]);
        sink.patience = Duration::from_millis(800);
        let begun = Instant::now();
        let error = sink.probe().expect_err("too long").to_string();
        assert!(
            error.contains("took longer than 0.8 seconds, and was ended") && begun.elapsed() < Duration::from_secs(20),
            "{error}"
        );
        demand_ended(folder.path());
    }
}
