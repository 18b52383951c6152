//! The settings of a run: read with all their mistakes told, and found again for mistakes that show only later.

use std::path::Path;

use super::access::Lines;
use super::exit::{Exit, Failure, advised_by};
use super::options::Global;
use super::printer::Printer;
use crate::diagnostic::{Code, Diagnostic, Position, Severity, Span};
use crate::manifest;
use crate::model::Names;
use crate::plan::fit_singly;
use crate::settings::{self, Readable, Refused, Settings};
use crate::source::Sources;

/// Reads the settings; their mistakes are printed with their lines.
pub(super) fn read_settings(repository: &Path, printer: &Printer) -> Result<Settings, Failure> {
    read_telling(repository, |refused| {
        let mut sources = Sources::memory(std::mem::take(&mut refused.files));
        printer.only_diagnostics(&placed(refused, &mut sources), &Lines::new(&sources));
    })
}

/// Reads the settings; their mistakes are printed, and those of the manifests beside them, where the settings say all
/// the same how manifests are read.
pub(super) fn read_settings_for_manifests(global: &Global, printer: &Printer) -> Result<Settings, Failure> {
    let repository = &global.repository;
    read_telling(repository, |refused| {
        let mut sources = Sources::folder(repository);
        let readable = refused.readable.take();
        let reading = readable.as_ref().and_then(|readable| Some((readable, readable.rules(global.store.as_deref())?)));
        let Some((readable, rules)) = reading else {
            sources = Sources::memory(std::mem::take(&mut refused.files));
            printer.only_diagnostics(&placed(refused, &mut sources), &Lines::new(&sources));
            return;
        };
        let mut found = placed(refused, &mut sources);
        let Readable { manifests, time_zone, .. } = &**readable;
        let paths = if global.manifests.is_empty() { manifests } else { &global.manifests };
        let reading = manifest::Reading { rules, time_zone };
        let mut names = Names::new();
        let mut loaded = manifest::load(&mut names, reading, &mut sources, paths);
        let fits = fit_singly(&names, &loaded.desired, rules, &loaded.diagnostics);
        loaded.diagnostics.extend(fits);
        // What is only odd can wait until the settings are mended, and where manifests are is theirs to say.
        loaded.diagnostics.retain(|one| one.severity == Severity::Error && one.code != Code::NoManifest);
        if global.manifests.is_empty() {
            place_in_settings(&mut loaded.diagnostics, &mut sources, repository, paths);
        }
        found.extend(loaded.diagnostics);
        printer.only_diagnostics(&found, &Lines::new(&sources));
    })
}

/// Reads the settings; `tell` prints what is wrong in them.
fn read_telling(repository: &Path, tell: impl FnOnce(&mut Refused)) -> Result<Settings, Failure> {
    if let Err(error) = std::fs::metadata(repository.join(settings::FILE_NAME)) {
        let place = repository.canonicalize().unwrap_or_else(|_| repository.to_owned());
        let (cause, advice) = match error.kind() {
            std::io::ErrorKind::NotFound if repository.is_dir() => {
                ("", "name the access repository with -C DIR, or begin one there with `rollcall init`")
            }
            std::io::ErrorKind::NotFound => ("; there is no such folder", "name the access repository with -C DIR"),
            _ => ("", "see to it that the folder and the file can be read"),
        };
        let why = format!("there is no {} to read in {}{cause}", settings::FILE_NAME, place.display());
        let failure = Failure::invalid(advised_by(error, why, advice));
        return Err(failure.with_code(Code::Unreadable).in_file(settings::FILE_NAME, None));
    }
    settings::load(repository).map_err(|mut refused| {
        tell(&mut refused);
        Failure::told(Exit::Invalid)
    })
}

/// The mistakes, each at its place in these files.
fn placed(refused: &Refused, sources: &mut Sources) -> Vec<Diagnostic> {
    let placed = refused.mistakes.iter().map(|mistake| {
        // One that is no text is told too, with its lines.
        sources.open(&mistake.file).ok();
        let file = sources.add(&mistake.file);
        if mistake.hides_source {
            sources.withhold(file, mistake.line);
        }
        mistake.diagnostic(file)
    });
    placed.collect()
}

/// Where something stands in the settings of this repository; `None` if they can't be read any more.
pub(super) fn span_in_settings(sources: &mut Sources, keys: &[&str], item: Option<usize>) -> Option<Span> {
    let (file, text) = sources.open(settings::FILE_NAME).ok()?;
    let place = settings::place_of(&text, keys, item)?;
    Some(Span::new(Position::new(file, place.offset), place.length))
}

/// A failure that is about what the settings say under these keys.
pub(super) fn about_settings(failure: Failure, repository: &Path, keys: &[&str]) -> Failure {
    let mut sources = Sources::folder(repository);
    let place = span_in_settings(&mut sources, keys, None).map(|span| {
        let (_, line, column) = sources.place(span.start);
        (line, column)
    });
    failure.with_code(Code::InvalidSettings).in_file(settings::FILE_NAME, place)
}

/// Tells of files and folders that the settings name, and that are not there or are no such thing, at the line that
/// names them: they have no lines themselves.
pub(super) fn place_in_settings(found: &mut [Diagnostic], sources: &mut Sources, repository: &Path, named: &[String]) {
    for (item, name) in named.iter().enumerate() {
        if repository.join(name).is_file() {
            continue;
        }
        let name = name.trim_start_matches("./").trim_end_matches('/');
        let is_of_it = |one: &Diagnostic, sources: &Sources| {
            one.primary.as_ref().is_some_and(|label| sources.path(label.span.start.file) == name)
        };
        if !found.iter().any(|one| is_of_it(one, sources)) {
            continue;
        }
        let Some(span) = span_in_settings(sources, &["manifests"], Some(item)) else { return };
        for one in found.iter_mut().filter(|one| is_of_it(one, sources)) {
            if let Some(label) = &mut one.primary {
                label.span = span;
            }
        }
    }
}
