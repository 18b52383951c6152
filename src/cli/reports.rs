//! Reports for reviews: files of `--report FORMAT=FILE`, and what `--format markdown`, `github` and `gitlab` print.
//!
//! They are written whatever becomes of the run: where there is no plan, they hold what is wrong. A file appears whole,
//! and only in the place of another report.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use nix::fcntl::OFlag;

use super::exit::{Exit, Failure, advised};
use super::files::{beside, in_repository};
use super::options::{Format, Global, ReportFile, ReportFormat};
use super::printer::Printer;
use crate::report::{self, Annotation, MistakesText};
use crate::settings;

/// The reports that a run makes.
pub(super) struct Reports<'a> {
    global: &'a Global,
    files: &'a [ReportFile],
    printer: &'a Printer,
}

/// What a run ended with, made for whichever format asks for it.
pub(super) struct Told<'a> {
    /// As a comment.
    pub(super) markdown: &'a dyn Fn() -> String,
    /// As a page.
    pub(super) html: &'a dyn Fn() -> String,
    /// What to look at, line by line.
    pub(super) annotations: &'a dyn Fn() -> Vec<Annotation>,
}

impl ReportFormat {
    /// The report that a format of results is.
    pub(super) const fn of(format: Format) -> Option<Self> {
        match format {
            Format::Markdown => Some(Self::Markdown),
            Format::Html => Some(Self::Html),
            Format::Github => Some(Self::Github),
            Format::Gitlab => Some(Self::Gitlab),
            Format::Text | Format::Json | Format::Csv | Format::Xlsx => None,
        }
    }

    /// Whether a file is one, by how it begins.
    fn has_begun(self, head: &str) -> bool {
        match self {
            Self::Markdown => head.starts_with("<!-- rollcall"),
            Self::Html => head.starts_with("<!doctype html>") && head.contains("\"rollcall\""),
            Self::Github => head.starts_with("::"),
            Self::Gitlab => head.trim_start().starts_with('['),
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Markdown => "Markdown",
            Self::Html => "page",
            Self::Github => "workflow commands",
            Self::Gitlab => "Code Quality",
        }
    }
}

impl<'a> Reports<'a> {
    pub(super) const fn new(global: &'a Global, files: &'a [ReportFile], printer: &'a Printer) -> Self {
        Self { global, files, printer }
    }

    /// Runs a command that makes reports. Where it ends without having made them, they tell why.
    pub(super) fn run(&self, command: impl FnOnce(&Self) -> Result<Exit, Failure>) -> Result<Exit, Failure> {
        for ReportFile { format, file } in self.files {
            self.place(*format, file)?;
        }
        let outcome = command(self);
        if self.printer.has_reports() {
            return outcome;
        }
        let mut found = self.printer.recorded();
        if let Err(Failure { error: Some(error), code, place, .. }) = &outcome {
            found.push(Failure::document(error, *code, place.clone()));
        }
        let store = self.global.store.as_deref();
        let written = self.make(&Told {
            markdown: &|| {
                report::markdown_mistakes(MistakesText {
                    store: store.or(self.printer.store().as_deref()),
                    found: &found,
                })
            },
            html: &|| report::html_mistakes(store.or(self.printer.store().as_deref()), &found),
            annotations: &|| report::annotations_of(&found),
        });
        match (outcome, written) {
            (Ok(_), Err(failure)) => Err(failure),
            (outcome, Ok(())) => outcome,
            (outcome, Err(failure)) => {
                self.printer.failure(failure);
                outcome
            }
        }
    }

    /// Makes every report of the run.
    pub(super) fn make(&self, told: &Told<'_>) -> Result<(), Failure> {
        self.printer.reports_are_made();
        if let Some(format) = ReportFormat::of(self.global.format) {
            self.printer.result(&self.text(format, told));
        }
        for ReportFile { format, file } in self.files {
            let path = self.place(*format, file)?;
            let text = self.text(*format, told);
            write(&path, &text).with_context(|| cant(&path)).map_err(Failure::failed)?;
        }
        Ok(())
    }

    fn text(&self, format: ReportFormat, told: &Told<'_>) -> String {
        let repository = &self.global.repository;
        let is_here = repository == Path::new(".") || repository.is_absolute();
        let folder = if is_here { String::new() } else { repository.to_string_lossy().into_owned() };
        match format {
            ReportFormat::Markdown => (told.markdown)(),
            ReportFormat::Html => (told.html)(),
            ReportFormat::Github => report::github(&(told.annotations)(), &folder),
            ReportFormat::Gitlab => report::gitlab(&(told.annotations)(), &folder, settings::FILE_NAME),
        }
    }

    /// Where a report goes, if it may.
    fn place(&self, format: ReportFormat, file: &Path) -> Result<PathBuf, Failure> {
        let path = in_repository(&self.global.repository, file)?;
        let refused = |why: anyhow::Error| Failure::invalid(why.context(cant(&path)));
        if path.file_name().is_none() {
            return Err(refused(anyhow::anyhow!("it names no file")));
        }
        let is_yaml = |ending: &std::ffi::OsStr| ["yaml", "yml"].iter().any(|yaml| ending.eq_ignore_ascii_case(yaml));
        if path.extension().is_some_and(is_yaml) {
            let why = "it would be read as a manifest or as settings";
            return Err(refused(advised(why, "give the file another ending")));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            let why = format!("the folder `{}` is not there", folder.display());
            return Err(refused(advised(why, "make it first, or name a file elsewhere")));
        }
        if path.symlink_metadata().is_ok() && !is_report(&path, format) {
            let why = format!("something else than a report of rollcall is there (no {})", format.noun());
            return Err(refused(advised(why, "name another file, or remove it")));
        }
        Ok(path)
    }
}

fn cant(path: &Path) -> String {
    format!("the report can't be written to `{}`", path.display())
}

/// Whether a plain file holds a report of this format, or nothing.
fn is_report(path: &Path, format: ReportFormat) -> bool {
    const HEAD: u64 = 128;
    let is_plain = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    let open = || OpenOptions::new().read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).open(path);
    let mut head = Vec::new();
    let is_read = is_plain && open().is_ok_and(|file| file.take(HEAD).read_to_end(&mut head).is_ok());
    is_read && (head.is_empty() || format.has_begun(&String::from_utf8_lossy(&head)))
}

/// Writes a file, all of it or nothing.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = beside(path).ok_or_else(|| io::Error::other("it names no file"))?;
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    written.inspect_err(|error| {
        if error.kind() != io::ErrorKind::AlreadyExists {
            // What was begun is of no use to anybody.
            let _ = fs::remove_file(&beside);
        }
    })
}
