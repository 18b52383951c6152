//! Floor 1: the files of a run, and YAML with positions.
//!
//! [`Sources`] finds files, reads them, and keeps of each what it takes to say where something stands: content hash and
//! line table. [`Cursor`] walks over the YAML of one file and goes on after a mistake; [`Mistakes`] collects them.
//!
//! Deliberately absent: the texts themselves (a million users are 155 MB; a snippet reads its file again and is shown
//! only if the content is still the same), and any knowledge of what manifests mean.

mod breaking;
mod cursor;
mod file_names;
mod hidden;
mod layout;
mod lines;
mod mistakes;
mod text;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use cursor::{At, Cursor, Node, Outcome, Scalar, walk_over};
pub use hidden::{find_hidden, is_hidden};
pub use layout::{Placed, Shape};
pub use lines::Lines;
pub use mistakes::{MOST_OF_A_KIND, Mistakes};
pub use text::{NoText, text_of};
pub use walk::dot_name;

use crate::diagnostic::{Code, Diagnostic, FileId, Position, Severity, mask};

/// The largest file that is read, in bytes; well above a million users in one file.
pub const LARGEST_FILE: u64 = 512 << 20;

/// The most that all files of a run may hold together, in bytes; some millions of users.
pub const LARGEST_SUM: u64 = 1 << 30;

/// The most lines that a file, and all files of a run together, may have: where each begins is kept.
pub const MOST_LINES: usize = 50_000_000;

/// The name of the settings, which are no manifest.
pub const SETTINGS: &str = "rollcall.yaml";

/// The SHA-256 of a file's content.
pub type ContentHash = [u8; 32];

/// Where the files of a run come from.
#[derive(Debug, Clone)]
enum Origin {
    Folder(PathBuf),
    Memory(BTreeMap<String, Vec<u8>>),
}

/// The content of a file, as far as it is kept.
#[derive(Debug, Clone)]
pub struct Content {
    /// The SHA-256 of the bytes.
    pub hash: ContentHash,
    /// Where its lines begin.
    pub lines: Lines,
}

/// A file that can't be read as text.
#[derive(Debug, Clone)]
pub struct Unread {
    /// Why, and where.
    pub diagnostic: Box<Diagnostic>,
    /// Its lines, where it could be read and is no text: [`Sources::remember`] them, and the place can be told.
    pub content: Option<Content>,
}

#[derive(Debug, Clone)]
struct File {
    path: String,
    content: Option<Content>,
}

/// The files of one run: paths relative to the access repository, content hashes, line tables.
#[derive(Debug, Clone)]
pub struct Sources {
    origin: Origin,
    files: Vec<File>,
    by_path: BTreeMap<String, FileId>,
    /// Lines that may hold a secret.
    withheld: BTreeSet<(FileId, u32)>,
}

impl Sources {
    /// The files of an access repository on disk.
    #[must_use]
    pub fn folder(root: impl Into<PathBuf>) -> Self {
        Self::new(Origin::Folder(root.into()))
    }

    /// Files that are given as text, by path; for tests and for what is not on disk.
    #[must_use]
    pub fn memory<P: Into<String>, B: Into<Vec<u8>>>(files: impl IntoIterator<Item = (P, B)>) -> Self {
        Self::new(Origin::Memory(files.into_iter().map(|(path, bytes)| (path.into(), bytes.into())).collect()))
    }

    fn new(origin: Origin) -> Self {
        Self { origin, files: Vec::new(), by_path: BTreeMap::new(), withheld: BTreeSet::new() }
    }

    /// The number of the file with this path (relative to the access repository, with `/`), made if it is new. The
    /// file is neither looked for nor read.
    pub fn add(&mut self, path: &str) -> FileId {
        if let Some(&file) = self.by_path.get(path) {
            return file;
        }
        let file = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(File { path: path.to_owned(), content: None });
        self.by_path.insert(path.to_owned(), file);
        file
    }

    /// Finds the manifests in these files and folders: any `*.yaml` or `*.yml` below them, sorted by path, without dot
    /// files, dot folders and the settings.
    ///
    /// What can't be read, lies outside the access repository, or has nearly the name of a manifest is told in the
    /// diagnostics; so is a path without any manifest.
    pub fn find_manifests(&mut self, named: &[String]) -> (Vec<FileId>, Vec<Diagnostic>) {
        let found = match &self.origin {
            Origin::Folder(root) => walk::in_folder(root, named),
            Origin::Memory(files) => walk::in_memory(files.keys().map(String::as_str), named),
        };
        let mut diagnostics: Vec<Diagnostic> = Vec::new();
        for mistake in found.mistakes {
            let file = self.add(&mistake.path);
            let diagnostic = match mistake.severity {
                Severity::Error => Diagnostic::error(mistake.code, mistake.message),
                Severity::Warning => Diagnostic::warning(mistake.code, mistake.message),
            };
            diagnostics.push(diagnostic.at(Position::new(file, 0), "").help(mistake.help));
        }
        let files: Vec<FileId> = found.paths.iter().map(|path| self.add(path)).collect();
        (files, diagnostics)
    }

    /// Reads a file as text, with its hash and line table. Takes `&self`, so that files can be read on all cores;
    /// [`Sources::remember`] then keeps the content.
    ///
    /// # Errors
    /// A diagnostic at the file: not there, too large, not UTF-8, or with a NUL character.
    pub fn read(&self, file: FileId) -> Result<(String, Content), Unread> {
        let path = self.path(file);
        let too_large = |message: String| {
            let diagnostic = Diagnostic::error(Code::TooLarge, message)
                .at(Position::new(file, 0), "")
                .help("split it: order and splitting mean nothing");
            Unread { diagnostic: Box::new(diagnostic), content: None }
        };
        let too_long = || too_large(format!("`{path}` is larger than 512 MiB"));
        // What is known to be too large is not read first; and it may grow meanwhile.
        if self.size(file) > LARGEST_FILE {
            return Err(too_long());
        }
        let bytes = self.bytes(file).map_err(|diagnostic| Unread { diagnostic, content: None })?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(too_long());
        }
        if bytes.len() > MOST_LINES && has_more_lines(&bytes, MOST_LINES) {
            return Err(too_large(format!("`{path}` has more than {MOST_LINES} lines")));
        }
        let hash = Sha256::digest(&bytes).into();
        match text_of(bytes) {
            Ok(text) => {
                let lines = Lines::of(&text);
                Ok((text, Content { hash, lines }))
            }
            Err((bytes, NoText { offset, why, help })) => {
                let place = Position::new(file, u32::try_from(offset).unwrap_or(u32::MAX));
                let diagnostic =
                    Diagnostic::error(Code::Unreadable, format!("`{path}` {why}")).at(place, "").help(help);
                let content = Some(Content { hash, lines: Lines::of_bytes(&bytes) });
                Err(Unread { diagnostic: Box::new(diagnostic), content })
            }
        }
    }

    /// Reads one file and keeps its hash and line table: for what is not read by the thousand.
    ///
    /// # Errors
    /// As [`Sources::read`].
    pub fn open(&mut self, path: &str) -> Result<(FileId, String), Box<Diagnostic>> {
        let file = self.add(path);
        match self.read(file) {
            Ok((text, content)) => {
                self.remember(file, content);
                Ok((file, text))
            }
            Err(Unread { diagnostic, content }) => {
                if let Some(content) = content {
                    self.remember(file, content);
                }
                Err(diagnostic)
            }
        }
    }

    /// How many bytes a file has; 0 if that can't be told. Reading finds out for certain.
    #[must_use]
    pub fn size(&self, file: FileId) -> u64 {
        match &self.origin {
            Origin::Memory(files) => files.get(self.path(file)).map_or(0, |bytes| bytes.len() as u64),
            Origin::Folder(root) => std::fs::metadata(root.join(self.path(file))).map_or(0, |metadata| metadata.len()),
        }
    }

    fn bytes(&self, file: FileId) -> Result<Vec<u8>, Box<Diagnostic>> {
        let path = self.path(file);
        let unreadable = |why: String| {
            let message = format!("`{path}` can't be read: {why}");
            Box::new(Diagnostic::error(Code::Unreadable, message).at(Position::new(file, 0), ""))
        };
        match &self.origin {
            Origin::Memory(files) => files.get(path).cloned().ok_or_else(|| unreadable("there is no such file".into())),
            Origin::Folder(root) => read_bounded(&root.join(path)).map_err(|error| unreadable(error.to_string())),
        }
    }

    /// Keeps the hash and line table of a file that was read.
    pub fn remember(&mut self, file: FileId, content: Content) {
        if let Some(file) = self.files.get_mut(file.0 as usize) {
            file.content = Some(content);
        }
    }

    /// Adds the files of another table, for places only: they are not found by path. Their numbers are higher here by what
    /// is returned.
    pub fn append(&mut self, other: &Self) -> u32 {
        let shift = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.files.extend(other.files.iter().cloned());
        shift
    }

    /// The path of a file relative to the access repository, with `/`; empty for a number of another run.
    #[must_use]
    pub fn path(&self, file: FileId) -> &str {
        self.files.get(file.0 as usize).map_or("", |file| &file.path)
    }

    /// The SHA-256 of a file's content, if it was read.
    #[must_use]
    pub fn hash(&self, file: FileId) -> Option<ContentHash> {
        self.content(file).map(|content| content.hash)
    }

    /// Path, line and column of a position; line and column from 1, the column in characters. In a file that could
    /// not be opened, everything is at its beginning.
    #[must_use]
    pub fn place(&self, position: Position) -> (String, u32, u32) {
        let (line, column) = self.content(position.file).map_or((1, 1), |content| content.lines.place(position.offset));
        // What somebody named by mistake may hold a secret.
        (mask(self.path(position.file)).into_owned(), line, column)
    }

    /// The bytes of the line of a position, without its end; `None` if the file was not read.
    #[must_use]
    pub fn line(&self, position: Position, text: &str) -> Option<Range<usize>> {
        let (start, next) = self.content(position.file)?.lines.line(position.offset);
        let start = start as usize;
        let line = text.get(start..next.map_or(text.len(), |next| next as usize))?;
        Some(start..start + line.trim_end_matches(['\n', '\r']).len())
    }

    /// Notes that a line (from 1) may hold a secret, and must not be shown.
    pub fn withhold(&mut self, file: FileId, line: u32) {
        self.withheld.insert((file, line));
    }

    /// Whether the line of a position must not be shown.
    #[must_use]
    pub fn is_withheld(&self, position: Position) -> bool {
        !self.withheld.is_empty() && self.withheld.contains(&(position.file, self.place(position).1))
    }

    /// The whole text of a file, for snippets. The file is read again: `None` if it is not any more what was read.
    #[must_use]
    pub fn text(&self, file: FileId) -> Option<String> {
        let before = self.hash(file)?;
        let (text, content) = self.read(file).ok()?;
        (content.hash == before).then_some(text)
    }

    fn content(&self, file: FileId) -> Option<&Content> {
        self.files.get(file.0 as usize)?.content.as_ref()
    }
}

fn has_more_lines(bytes: &[u8], most: usize) -> bool {
    bytes.iter().filter(|&&byte| byte == b'\n' || byte == b'\r').count() >= most
}

/// Reads at most one byte more than allowed, so that a file that grows, or never ends, fills no memory.
fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let file = std::fs::File::open(path)?;
    let length = file.metadata().map_or(0, |metadata| metadata.len()).min(LARGEST_FILE);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::Sources;
    use crate::diagnostic::{Code, Position};

    #[test]
    fn places_count_characters_and_lines() {
        let mut sources = Sources::memory([("a.yaml", "é: 1\r\nnaïve: ünï\rx\n")]);
        let file = sources.add("a.yaml");
        let (text, content) = sources.read(file).expect("readable");
        sources.remember(file, content);
        for (needle, line, column) in
            [("é", 1, 1), ("1", 1, 4), ("naïve", 2, 1), ("ün", 2, 8), ("ï\r", 2, 10), ("x", 3, 1)]
        {
            let offset = u32::try_from(text.find(needle).expect(needle)).expect("small");
            assert_eq!(sources.place(Position::new(file, offset)), ("a.yaml".into(), line, column), "{needle}");
        }
    }

    #[test]
    fn a_snippet_is_shown_only_of_what_was_read() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("a.yaml");
        std::fs::write(&path, "one\ntwo\n").expect("file");
        let mut sources = Sources::folder(folder.path());
        let (file, text) = sources.open("a.yaml").expect("readable");
        assert_eq!(text, "one\ntwo\n");
        assert_eq!(sources.text(file).as_deref(), Some("one\ntwo\n"));
        assert_eq!(sources.place(Position::new(file, 5)), ("a.yaml".into(), 2, 2));
        std::fs::write(&path, "one\nTWO\n").expect("file");
        assert_eq!(sources.text(file), None);
        assert_eq!(sources.place(Position::new(file, 5)), ("a.yaml".into(), 2, 2), "places stay");
    }

    #[test]
    fn what_is_no_text_is_told_with_its_name() {
        let mut sources = Sources::memory([("nul.yaml", b"a\0b".to_vec()), ("latin.yaml", b"a: \xe9".to_vec())]);
        for path in ["nul.yaml", "latin.yaml", "missing.yaml"] {
            let file = sources.add(path);
            let diagnostic = sources.read(file).expect_err(path);
            let diagnostic = diagnostic.diagnostic;
            assert_eq!(diagnostic.code, Code::Unreadable);
            assert!(diagnostic.message.contains(path), "{}", diagnostic.message);
        }
    }
}
