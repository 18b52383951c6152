//! The real binary in a folder of its own.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_rollcall");

/// An access repository in a temporary folder, and the binary to run in it.
pub(crate) struct Repository {
    folder: TempDir,
}

/// What a run printed and how it ended.
#[derive(Debug)]
pub(crate) struct Run {
    command: String,
    /// The exit code; `None` where a signal ended the process.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

const SETTINGS: &str = "version: 1\nstores: { local: { sqlite: { path: .rollcall/store.db }, rules: default } }\n\
                        manage: { absent_users: deactivate }\n";

const MANIFEST: &str = "\
organizations:
  north:
    sites: { pit-1: {}, pit-2: {} }
roles:
  manager: { rank: 40, site_access: all, admin: true }
  operator: { rank: 20 }
users:
  ana@example.com:
    access: { north: manager }
  ben@example.com:
    access: { north: { role: operator, sites: [pit-1] } }
";

impl Repository {
    /// A folder with nothing in it.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    /// Two people of one organization, declared and not applied; the store is made.
    pub(crate) fn small() -> Self {
        let repository = Self::empty();
        repository.write("rollcall.yaml", SETTINGS);
        repository.write("access/all.yaml", MANIFEST);
        repository.run(["init"]).ends_with(0);
        repository
    }

    /// Like [`small`](Self::small), applied.
    pub(crate) fn applied() -> Self {
        let repository = Self::small();
        repository.run(["apply", "--yes"]).ends_with(0);
        repository
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        fs::write(path, text).expect("written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Replaces a text that stands in the file.
    pub(crate) fn edit(&self, name: &str, old: &str, new: &str) {
        let text = self.read(name);
        assert!(text.contains(old), "{name} lacks {old}:\n{text}");
        self.write(name, &text.replacen(old, new, 1));
    }

    /// The store, as the `sqlite3` shell would open it.
    pub(crate) fn store(&self) -> Connection {
        Connection::open(self.file(".rollcall/store.db")).expect("the store")
    }

    /// Changes rows of the store by hand.
    pub(crate) fn sql(&self, statements: &str) {
        self.store().execute_batch(statements).unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    /// A command in this folder, with nothing in its environment that could change what it prints.
    pub(crate) fn command<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Command {
        let mut command = Command::new(BINARY);
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for name in ["COLUMNS", "NO_COLOR", "TERM", "RUST_LOG"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Run {
        Run::of(&mut self.command(arguments))
    }
}

impl Run {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self {
            command: format!("{command:?}"),
            code: status.code(),
            out: String::from_utf8(stdout).expect("text on standard output"),
            err: String::from_utf8(stderr).expect("text on standard error"),
        }
    }

    /// Demands an exit code.
    #[track_caller]
    pub(crate) fn ends_with(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self}");
        assert!(!self.err.contains("panicked"), "{self}");
        self
    }

    /// Demands a text on standard output.
    #[track_caller]
    pub(crate) fn prints(&self, text: &str) -> &Self {
        assert!(self.out.contains(text), "standard output lacks `{text}`\n{self}");
        self
    }

    /// Demands a text on standard error.
    #[track_caller]
    pub(crate) fn tells(&self, text: &str) -> &Self {
        assert!(self.err.contains(text), "standard error lacks `{text}`\n{self}");
        self
    }

    /// Demands that nothing was printed on standard output.
    #[track_caller]
    pub(crate) fn prints_nothing(&self) -> &Self {
        assert_eq!(self.out, "", "{self}");
        self
    }

    /// Demands that nothing was told on standard error.
    #[track_caller]
    pub(crate) fn tells_nothing(&self) -> &Self {
        assert_eq!(self.err, "", "{self}");
        self
    }

    /// Standard output as one JSON document and nothing else.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }

    /// Whatever was printed, on both streams.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, code, out, err } = self;
        write!(f, "{command}\nended with {code:?}\n--- standard output\n{out}\n--- standard error\n{err}")
    }
}
