//! The only place that prints: results to standard output, everything else to standard error, where what looks like a
//! secret is masked.

use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;
use tokio::runtime::Runtime;

use super::edge::{self, Interrupts};
use super::exit::Failure;
use super::options::{Colour, Format, Global, ReportFormat};
use crate::diagnostic::{Diagnostic, Severity, mask};
use crate::plan::DiagnosticDocument;
use crate::report::{Snippets, Style, diagnostics, sanitise, tally};
use crate::source::is_hidden;

/// Prints, in the way that the command line asks for.
pub(super) struct Printer {
    format: Format,
    colour: Colour,
    is_verbose: bool,
    is_quiet: bool,
    /// Whether a result could not be written.
    has_failed: Cell<bool>,
    /// Whether a document was printed: there is one a run, and no second.
    has_document: Cell<bool>,
    /// What was found, for reports of a run that ends without a plan.
    recorded: RefCell<Vec<DiagnosticDocument>>,
    /// The store that is meant, once that is known.
    store: RefCell<Option<String>>,
    /// Whether the reports of the run were made.
    has_reports: Cell<bool>,
}

/// What `--format json` prints where there is nothing but diagnostics.
#[derive(Serialize)]
struct DiagnosticsDocument {
    format: u32,
    diagnostics: Vec<DiagnosticDocument>,
}

impl Printer {
    pub(super) fn new(global: &Global) -> Self {
        Self {
            format: global.format,
            colour: global.color,
            is_verbose: global.verbose > 0,
            is_quiet: global.quiet,
            has_failed: Cell::new(false),
            has_document: Cell::new(false),
            recorded: RefCell::default(),
            store: RefCell::default(),
            has_reports: Cell::new(false),
        }
    }

    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether standard output is for a report, which is made at the end of the run.
    pub(super) fn prints_report(&self) -> bool {
        ReportFormat::of(self.format).is_some()
    }

    /// Remembers for which store the run is.
    pub(super) fn remember_store(&self, name: &str) {
        self.store.replace(Some(name.to_owned()));
    }

    /// The store that is meant, where that is known.
    pub(super) fn store(&self) -> Option<String> {
        self.store.borrow().clone()
    }

    /// What was found so far where that was the result.
    pub(super) fn recorded(&self) -> Vec<DiagnosticDocument> {
        self.recorded.borrow().clone()
    }

    /// Notes that the reports of the run are made.
    pub(super) fn reports_are_made(&self) {
        self.has_reports.set(true);
    }

    /// Whether they are.
    pub(super) const fn has_reports(&self) -> bool {
        self.has_reports.get()
    }

    /// How texts for standard output are written.
    pub(super) fn style(&self) -> Style {
        self.style_of(io::stdout().is_terminal())
    }

    fn style_of(&self, is_terminal: bool) -> Style {
        let colour = match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => is_terminal && edge::wants_colour(),
        };
        Style {
            colour,
            width: edge::columns().unwrap_or(Style::default().width),
            verbose: self.is_verbose,
            in_full: false,
            marks_names: false,
        }
    }

    /// A result.
    pub(super) fn result(&self, text: &str) {
        let mut out = io::stdout().lock();
        self.heed(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }

    /// A result that is for a program: as it is, but on a terminal with everything written out that could act on one.
    pub(super) fn file(&self, text: &str) {
        if io::stdout().is_terminal() {
            let lines: Vec<_> = text.lines().map(sanitise).collect();
            self.result(&format!("{}\n", lines.join("\n")));
        } else {
            self.result(text);
        }
    }

    /// A reader that has gone away is no error of ours; anything else is said once.
    fn heed(&self, written: io::Result<()>) {
        match written {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => {
                if !self.has_failed.replace(true) {
                    self.error(&anyhow::Error::new(error).context("the result can't be written to standard output"));
                }
            }
        }
    }

    /// Whether a result could not be written, so that nobody has seen it.
    pub(super) const fn has_failed(&self) -> bool {
        self.has_failed.get()
    }

    /// How texts for standard error are written.
    pub(super) fn style_aside(&self) -> Style {
        self.style_of(io::stderr().is_terminal())
    }

    /// What a person has to see where standard output is for a document.
    #[allow(clippy::unused_self, reason = "printing goes through the printer, whatever it needs to know")]
    pub(super) fn aside(&self, text: &str) {
        to_stderr(text);
    }

    /// A result as one JSON document.
    pub(super) fn json<T: Serialize>(&self, document: &T) {
        self.has_document.set(true);
        let mut out = Escaping(io::BufWriter::new(io::stdout().lock()));
        let written = serde_json::to_writer_pretty(&mut out, document).map_err(io::Error::from);
        let written = written.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
        drop(out);
        self.heed(written);
    }

    /// Something worth knowing that is no result: one line, whatever stands in it.
    pub(super) fn note(&self, text: &str) {
        if !self.is_quiet {
            to_stderr(&format!("{}\n", sanitise(&mask(text))));
        }
    }

    /// Something that somebody has to look after though the run goes on: one line, also where less was asked for.
    #[allow(clippy::unused_self, reason = "printing goes through the printer, whatever it needs to know")]
    pub(super) fn warning(&self, text: &str) {
        to_stderr(&format!("warning: {}\n", sanitise(&mask(text))));
    }

    /// What to do about an error: one line, also where less was asked for.
    #[allow(clippy::unused_self, reason = "printing goes through the printer, whatever it needs to know")]
    pub(super) fn help(&self, text: &str) {
        to_stderr(&format!("help: {}\n", sanitise(text)));
    }

    /// An error and its causes, once.
    #[allow(clippy::unused_self, reason = "printing goes through the printer, whatever it needs to know")]
    pub(super) fn error(&self, error: &anyhow::Error) {
        let causes: Vec<String> = error.chain().map(|cause| sanitise(&mask(&cause.to_string())).into_owned()).collect();
        to_stderr(&format!("error: {}\n", causes.join(": ")));
    }

    /// The end of a command that could not go on: for people, and as a document where one is asked for and none was
    /// printed.
    pub(super) fn failure(&self, failure: Failure) {
        let Failure { exit: _, error, code, place } = failure;
        let Some(error) = error else { return };
        self.error(&error);
        if self.is_json() && !self.has_document.get() {
            let diagnostics = vec![Failure::document(&error, code, place)];
            self.json(&DiagnosticsDocument { format: crate::plan::FORMAT, diagnostics });
        }
    }

    /// Diagnostics for people, with their lines; warnings are left out where less was asked for.
    pub(super) fn diagnostics(&self, found: &[Diagnostic], snippets: &dyn Snippets) {
        let shown: Vec<Diagnostic> =
            found.iter().filter(|found| !self.is_quiet || found.severity == Severity::Error).cloned().collect();
        if shown.is_empty() {
            return;
        }
        let style = self.style_aside();
        to_stderr(&format!("{}{}\n", diagnostics(&shown, snippets, style), tally(&shown)));
    }

    /// Diagnostics where they are the result: as a document, or for people.
    pub(super) fn only_diagnostics(&self, found: &[Diagnostic], snippets: &dyn Snippets) {
        let document = |found| crate::plan::diagnostic_document(found, &Placed(snippets));
        let diagnostics: Vec<DiagnosticDocument> = found.iter().map(document).collect();
        self.recorded.borrow_mut().extend_from_slice(&diagnostics);
        if self.is_json() {
            self.json(&DiagnosticsDocument { format: crate::plan::FORMAT, diagnostics });
        } else {
            self.diagnostics(found, snippets);
        }
    }

    /// Asks on the terminal; only `yes` and `y` are a yes, and signals are listened to from then on.
    ///
    /// # Errors
    /// If somebody interrupts the program instead of answering.
    #[allow(clippy::unused_self, reason = "printing goes through the printer, whatever it needs to know")]
    pub(super) fn asks(&self, question: &str, runtime: &Runtime) -> Result<Option<Interrupts>, Failure> {
        let mut interrupts = Interrupts::listen(runtime).map_err(Failure::failed)?;
        to_stderr(&format!("{question} [y/N] "));
        let Some(answer) = interrupts.read_line(runtime) else {
            to_stderr("\n");
            return Err(Failure::interrupted());
        };
        let is_yes = answer.is_ok_and(|answer| matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"));
        Ok(is_yes.then_some(interrupts))
    }
}

/// The end of a run that the program itself broke off; what the mistake was stands above.
pub(super) fn broken() {
    let why = "error: rollcall itself failed, and stopped where it was; what was begun stands in the journal: see with \
               `rollcall plan` what is left, and report the lines above as a mistake in rollcall, unless a limit of the \
               system on processes, files or memory was in the way\n";
    to_stderr(why);
}

/// A mistake on the command line. What somebody typed stands in it, so it is made harmless; colours only stay where
/// there is nothing to make harmless.
pub(super) fn usage(error: &clap::Error) {
    let plain = error.render().to_string();
    let masked = mask(&plain);
    let lines: Vec<_> = masked.lines().map(sanitise).collect();
    if lines.iter().zip(plain.lines()).all(|(safe, line)| safe == line) {
        let _ = error.print();
    } else {
        to_stderr(&format!("{}\n", lines.join("\n")));
    }
}

/// A mistake as a document, where no printer is there yet.
pub(super) fn failure_alone(diagnostic: DiagnosticDocument) {
    let document = DiagnosticsDocument { format: crate::plan::FORMAT, diagnostics: vec![diagnostic] };
    let mut out = io::stdout().lock();
    // Who reads nothing misses nothing.
    let _ =
        serde_json::to_writer_pretty(&mut out, &document).map_err(io::Error::from).and_then(|()| out.write_all(b"\n"));
}

fn to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Writes JSON so that no character of it moves a cursor or hides a text: such ones only stand in strings, and JSON has
/// another way to write them there.
struct Escaping<W>(W);

impl<W: io::Write> io::Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    /// What is written at once is whole characters: `serde_json` writes pieces of texts.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Ok(text) = std::str::from_utf8(bytes) else { return self.0.write_all(bytes) };
        let is_escaped = |character: char| is_hidden(character) || ('\u{7f}'..='\u{9f}').contains(&character);
        let mut rest = text;
        while let Some(at) = rest.find(is_escaped) {
            let (safe, unsafe_one) = rest.split_at(at);
            self.0.write_all(safe.as_bytes())?;
            let mut units = [0; 2];
            let Some(character) = unsafe_one.chars().next() else { break };
            for unit in character.encode_utf16(&mut units) {
                write!(self.0, "\\u{unit:04x}")?;
            }
            rest = &unsafe_one[character.len_utf8()..];
        }
        self.0.write_all(rest.as_bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Places of something that also has snippets.
struct Placed<'a>(&'a dyn Snippets);

impl crate::plan::Places for Placed<'_> {
    fn place(&self, position: crate::diagnostic::Position) -> (String, u32, u32) {
        self.0.place(position)
    }
}
