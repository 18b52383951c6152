//! A pseudo-terminal on which a person sits, played by the test.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command};

use nix::pty::openpty;

/// A program that runs on a terminal of its own, and what stood on it.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: String,
}

impl Terminal {
    /// Starts a command of the shell, which reads from the terminal and writes to it. `setsid` (util-linux) makes the
    /// terminal the one whose keys send signals.
    pub(crate) fn start(folder: &Path, command: &str) -> Self {
        let pair = openpty(None, None).expect("a pseudo-terminal");
        let ours = |end: &std::os::fd::OwnedFd| end.try_clone().expect("a file descriptor");
        let child = Command::new("setsid")
            .args(["--ctty", "--wait", "sh", "-c", command])
            .current_dir(folder)
            .env("TERM", "dumb")
            .stdin(ours(&pair.slave))
            .stdout(ours(&pair.slave))
            .stderr(pair.slave)
            .spawn()
            .expect("setsid, of util-linux");
        Self { child, keyboard: File::from(pair.master), screen: String::new() }
    }

    /// Waits until this stands on the screen.
    pub(crate) fn shows(&mut self, text: &str) {
        while !self.screen.contains(text) {
            assert!(self.read(), "it ended without {text:?}: {}", self.screen);
        }
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("keys");
    }

    /// The exit code, and all that stood on the screen.
    pub(crate) fn ends(mut self) -> (Option<i32>, String) {
        while self.read() {}
        (self.child.wait().expect("an end").code(), self.screen)
    }

    /// Reads on; Linux tells the end of a terminal's last program as an error of input.
    fn read(&mut self) -> bool {
        let mut part = [0_u8; 4096];
        let length = self.keyboard.read(&mut part).unwrap_or(0);
        self.screen.push_str(&String::from_utf8_lossy(&part[..length]));
        length > 0
    }
}
