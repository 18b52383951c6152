//! The objects of the git repository around an access repository.
//!
//! `git` is only asked for objects (`symbolic-ref`, `rev-parse`, `ls-tree`, `cat-file`), whether it ignores a file, and
//! which files it has (`check-ignore` and `ls-files`, which look at the index): no work tree, no filters, hooks, pagers,
//! text conversions or signatures.
//! The configuration of the repository under review is not trusted: missing objects are not fetched, no transport is
//! allowed, and file-system monitors and hooks are off, so nothing that it names is run. What takes long, is large or is not there gives nothing.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::edge;
use crate::source;

/// How long it is asked at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// Files of one revision that hold more bytes together are not read.
const LARGEST: u64 = 64 << 20;

/// The same where a run is about a revision: as long, and as much, as the manifests of today may take.
const PATIENCE_OF_REVIEWS: Duration = Duration::from_mins(2);
const LARGEST_OF_REVIEWS: u64 = source::LARGEST_SUM;

/// A regular file of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    object: String,
    size: u64,
    pub(super) path: String,
}

/// The objects of the git repository around a folder.
pub(super) struct Git<'a> {
    repository: &'a Path,
    until: Instant,
    largest: u64,
}

impl<'a> Git<'a> {
    /// The repository around this folder.
    pub(super) fn around(repository: &'a Path) -> Self {
        Self { repository, until: Instant::now() + PATIENCE, largest: LARGEST }
    }

    /// The same, for a run that is about one of its revisions.
    pub(super) fn for_review(repository: &'a Path) -> Self {
        Self { repository, until: Instant::now() + PATIENCE_OF_REVIEWS, largest: LARGEST_OF_REVIEWS }
    }

    /// Whether there is the program.
    pub(super) fn is_installed() -> bool {
        let mut git = Command::new("git");
        git.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        git.status().is_ok()
    }

    /// Whether there may be one: git itself is not asked.
    pub(super) fn may_be_around(folder: &Path) -> bool {
        let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        whole.ancestors().any(|folder| folder.join(".git").symlink_metadata().is_ok())
    }

    /// Whether there is still time to ask.
    pub(super) fn has_time(&self) -> bool {
        Instant::now() < self.until
    }

    /// What the revision of today is called.
    pub(super) fn branch(&self) -> String {
        self.line(&["symbolic-ref", "--short", "-q", "HEAD"]).unwrap_or_else(|| "HEAD".to_owned())
    }

    /// Whether there are a program and a repository to ask.
    pub(super) fn is_there(&self) -> bool {
        self.line(&["rev-parse", "--git-dir"]).is_some()
    }

    /// Whether a revision is there.
    pub(super) fn has(&self, revision: &str) -> bool {
        self.line(&["rev-parse", "--verify", "-q", revision]).is_some()
    }

    /// The whole name of the commit that somebody calls so; `None` where there is none, or what is called is no single
    /// commit (a file of one, a range, a search).
    pub(super) fn commit(&self, revision: &str) -> Option<String> {
        if revision.is_empty() || revision.contains([':', '\0', '\n']) || revision.contains("..") {
            return None;
        }
        let wanted = format!("{revision}^{{commit}}");
        let found = self.line(&["rev-parse", "--verify", "-q", "--end-of-options", &wanted])?;
        let is_name = matches!(found.len(), 40 | 64) && found.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_name.then_some(found)
    }

    /// Whether the clone holds the last revisions only.
    pub(super) fn is_shallow(&self) -> bool {
        self.line(&["rev-parse", "--is-shallow-repository"]).is_some_and(|answer| answer == "true")
    }

    /// A text file of a revision.
    pub(super) fn text(&self, revision: &str, path: &str) -> Option<String> {
        let listed = self.list(revision, &[path.to_owned()])?;
        let bytes = self.contents(&listed)?.remove(path)?;
        String::from_utf8(bytes).ok()
    }

    /// The first line of what a command prints; `None` where it fails.
    pub(super) fn line(&self, arguments: &[&str]) -> Option<String> {
        let text = String::from_utf8(self.run(arguments, Vec::new(), 4_096)?).ok()?;
        text.lines().next().filter(|line| !line.is_empty()).map(str::to_owned)
    }

    /// Names of different things that are called so in short: git takes a tag before a branch.
    pub(super) fn namesakes(&self, revision: &str) -> Vec<String> {
        let name = revision.split(['~', '^', '@', '{']).next().unwrap_or_default();
        if name.is_empty() || name.starts_with("refs/") {
            return Vec::new();
        }
        let full = ["tags", "heads", "remotes"].map(|kind| format!("refs/{kind}/{name}"));
        full.into_iter().filter(|name| self.has(name)).collect()
    }

    /// Whether the next commit will hold this very path: as a file, a link or a submodule, and not as a folder.
    pub(super) fn has_entry(&self, path: &Path) -> bool {
        path.to_str().is_some_and(|path| self.has(&format!(":./{path}")))
    }

    /// The files that the next commit will hold at these paths or below them; `None` where git does not tell, as of a
    /// path that is elsewhere.
    pub(super) fn tracked(&self, paths: &[PathBuf]) -> Option<Vec<String>> {
        let mut arguments = vec!["ls-files", "-z", "--"];
        arguments.extend(paths.iter().filter_map(|path| path.to_str()));
        let listed = self.run(&arguments, Vec::new(), self.largest)?;
        let names = listed.split(|&byte| byte == 0).filter(|name| !name.is_empty());
        Some(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
    }

    /// Whether the next `git add` would take a file.
    pub(super) fn would_add(&self, path: &Path) -> bool {
        let is_inside = self.line(&["rev-parse", "--is-inside-work-tree"]).is_some_and(|answer| answer == "true");
        is_inside && self.line(&["check-ignore", "--", &path.to_string_lossy()]).is_none()
    }

    /// The regular files of a revision below these paths, which are relative to the access repository.
    pub(super) fn list(&self, revision: &str, paths: &[String]) -> Option<Vec<Entry>> {
        // Links lead somewhere else.
        self.listed(revision, paths, |mode| matches!(mode, "100644" | "100755"))
    }

    /// The links among them, which are not followed.
    pub(super) fn links(&self, revision: &str, paths: &[String]) -> Option<Vec<Entry>> {
        self.listed(revision, paths, |mode| mode == "120000")
    }

    fn listed(&self, revision: &str, paths: &[String], is_meant: impl Fn(&str) -> bool) -> Option<Vec<Entry>> {
        let mut arguments = vec!["ls-tree", "-r", "-l", "-z", revision, "--"];
        arguments.extend(paths.iter().map(String::as_str));
        let listed = self.run(&arguments, Vec::new(), self.largest)?;
        let entries = listed.split(|&byte| byte == 0).filter_map(|line| {
            let (about, path) = str::from_utf8(line).ok()?.split_once('\t')?;
            let mut words = about.split_ascii_whitespace();
            let (mode, _, object, size) = (words.next()?, words.next()?, words.next()?, words.next()?);
            is_meant(mode)
                .then(|| Some(Entry { object: object.to_owned(), size: size.parse().ok()?, path: path.to_owned() }))?
        });
        Some(entries.collect())
    }

    /// The contents of these files by path.
    pub(super) fn contents(&self, listed: &[Entry]) -> Option<BTreeMap<String, Vec<u8>>> {
        let size = listed.iter().try_fold(0_u64, |sum, entry| sum.checked_add(entry.size))?;
        if size > self.largest {
            return None;
        }
        let asked: String = listed.iter().flat_map(|entry| [entry.object.as_str(), "\n"]).collect();
        // Before each content stands a line with the name of the object, its kind and its size; after it a line feed.
        let most = size + 128 * listed.len() as u64;
        let all = self.run(&["cat-file", "--batch"], asked.into_bytes(), most)?;
        let mut rest = &all[..];
        let mut contents = BTreeMap::new();
        for entry in listed {
            let end = rest.iter().position(|&byte| byte == b'\n')?;
            let header = str::from_utf8(&rest[..end]).ok()?;
            if header != format!("{} blob {}", entry.object, entry.size) {
                return None;
            }
            let length = usize::try_from(entry.size).ok()?;
            let content = rest.get(end + 1..end + 1 + length)?;
            contents.insert(entry.path.clone(), content.to_vec());
            rest = rest.get(end + length + 2..)?;
        }
        Some(contents)
    }

    /// What a command prints; `None` where it fails, prints more than `most` bytes, or time is up.
    fn run(&self, arguments: &[&str], input: Vec<u8>, most: u64) -> Option<Vec<u8>> {
        let mut child = self.command(arguments).spawn().ok()?;
        let outcome = self.talk(&mut child, input, most);
        // Whatever happened, nothing stays behind.
        if outcome.is_none() {
            let _ = child.kill();
        }
        let is_success = child.wait().is_ok_and(|status| status.success());
        outcome.filter(|_| is_success)
    }

    fn talk(&self, child: &mut Child, input: Vec<u8>, most: u64) -> Option<Vec<u8>> {
        let (mut stdin, stdout) = (child.stdin.take()?, child.stdout.take()?);
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = stdout.take(most + 1).read_to_end(&mut bytes);
            let _ = sender.send(read.is_ok().then_some(bytes));
        });
        let left = self.until.saturating_duration_since(Instant::now());
        receiver.recv_timeout(left).ok()?.filter(|bytes| bytes.len() as u64 <= most)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .args(["--no-optional-locks", "--no-pager"])
            // This one takes paths, and refuses to be told so.
            .args((arguments.first() != Some(&"check-ignore")).then_some("--literal-pathspecs"))
            // A folder of the repository under review may look like a git repository of its own.
            .args(["-c", "safe.bareRepository=explicit"])
            .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never"])
            .args(arguments)
            .current_dir(self.repository)
            .env_clear()
            .envs(edge::where_programs_are())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_ALLOW_PROTOCOL", "none")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command
    }
}
