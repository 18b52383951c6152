//! `rollcall fmt`: entries of manifests in canonical order.

use similar::TextDiff;

use super::access::Lines;
use super::exit::{Exit, Failure};
use super::files::replace;
use super::options::{Fmt, Global};
use super::printer::Printer;
use super::settings_file::read_settings;
use crate::diagnostic::{Code, Diagnostic, FileId, Position, has_errors};
use crate::manifest;
use crate::report::{count, sanitise};
use crate::source::{Sources, Unread, walk_over};

/// How many lines around a change are shown.
const AROUND: usize = 3;

pub(super) fn run(global: &Global, arguments: &Fmt, printer: &Printer) -> Result<Exit, Failure> {
    let named = match &global.manifests[..] {
        [] => read_settings(&global.repository, printer)?.manifests,
        named => named.to_vec(),
    };
    let mut sources = Sources::folder(&global.repository);
    let (files, found) = sources.find_manifests(&named);
    let mut run =
        Run { global, is_check: arguments.check, schema: manifest::schema(), found, moved: 0, diff: String::new() };
    for &file in &files {
        run.file(&mut sources, file)?;
    }
    let Run { found, moved, diff, .. } = run;
    if printer.is_json() {
        printer.only_diagnostics(&found, &Lines::new(&sources));
    } else {
        printer.result(&diff);
        // What is told of files that were put in order is in the lines above.
        let others: Vec<Diagnostic> = found.iter().filter(|one| one.code != Code::NotCanonical).cloned().collect();
        printer.diagnostics(&others, &Lines::new(&sources));
        let files = count(files.len(), "file", "files");
        match (moved, arguments.check) {
            (0, _) if has_errors(&found) => {}
            (0, _) => printer.note(&format!("{files} in canonical order")),
            (_, true) => {
                let help = "put them in order with: rollcall fmt";
                printer.error(&anyhow::anyhow!("{moved} of {files} not in canonical order; {help}"));
            }
            (_, false) => printer.note(&format!("{moved} of {files} put in order")),
        }
    }
    Ok(if has_errors(&found) { Exit::Invalid } else { Exit::Done })
}

/// What becomes of the files.
struct Run<'a> {
    global: &'a Global,
    is_check: bool,
    schema: serde_json::Value,
    found: Vec<Diagnostic>,
    /// How many files are not in order, or were not.
    moved: usize,
    /// What people are shown of them.
    diff: String,
}

impl Run<'_> {
    /// Puts one file in order, or tells that it is not. One with a mistake in its YAML stays as it is.
    fn file(&mut self, sources: &mut Sources, file: FileId) -> Result<(), Failure> {
        let (text, content) = match sources.read(file) {
            Ok(read) => read,
            Err(Unread { diagnostic, content }) => {
                if let Some(content) = content {
                    sources.remember(file, content);
                }
                self.found.push(*diagnostic);
                return Ok(());
            }
        };
        sources.remember(file, content);
        let outcome = walk_over(file, &text);
        let is_wrong = outcome.mistakes.has_errors();
        self.found.extend(outcome.mistakes.into_diagnostics());
        // A file that says nothing has no order.
        let ordered = if is_wrong { None } else { manifest::canonical(&text, &self.schema) };
        let Some(ordered) = ordered.filter(|ordered| *ordered != text) else { return Ok(()) };
        self.moved += 1;
        let path = sources.path(file).to_owned();
        let first = text.lines().zip(ordered.lines()).take_while(|(was, is)| was == is);
        let offset = first.map(|(line, _)| line.len() + 1).sum::<usize>();
        let place = Position::new(file, u32::try_from(offset).unwrap_or(u32::MAX));
        if self.is_check {
            let diff = TextDiff::from_lines(text.as_str(), ordered.as_str());
            let mut unified = diff.unified_diff();
            unified.context_radius(AROUND).header(&path, &format!("{path} (in canonical order)"));
            for line in unified.to_string().lines() {
                self.diff.push_str(&sanitise(line));
                self.diff.push('\n');
            }
            let help = "put it in order with `rollcall fmt`";
            let message = format!("entries of `{path}` are not in canonical order");
            self.found.push(Diagnostic::error(Code::NotCanonical, message).at(place, "").help(help));
            return Ok(());
        }
        replace(&self.global.repository.join(&path), &text, &ordered).map_err(Failure::failed)?;
        self.diff.push_str(&sanitise(&path));
        self.diff.push('\n');
        let message = format!("entries of `{path}` were put in canonical order");
        self.found.push(Diagnostic::warning(Code::NotCanonical, message).at(place, ""));
        Ok(())
    }
}
