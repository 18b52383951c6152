//! Floor 3: from manifests to desired state (`language.md` §2 and §3), and from live state to manifests (`write`).
//!
//! Files are read on all cores, each into facts over a table of names of its own (`read`); these are added up in the
//! order of paths (`merge`), users are linked to teams and site grants, names are looked up (`resolve`), and what
//! reaches each user is checked (`check`). A mistake never ends a run: all of them are told, sorted by place.
//!
//! Deliberately absent: the live state, the clock (whether manifests are valid never depends on it), and what a store
//! can do, apart from the types of its attributes and how keys compare.

mod canonical;
mod check;
mod check_former;
mod check_time;
mod cycles;
mod emit;
mod equal_grants;
mod facts;
mod known_names;
mod listed;
mod look_alike;
mod merge;
mod patterns;
mod read;
mod read_access;
mod read_catalog;
mod read_shared;
mod read_time;
mod read_users;
mod resolve;
pub mod schema;
mod suggest;
mod write;
mod write_users;

use std::collections::{HashMap, HashSet};

use jiff::tz::TimeZone;
use rayon::prelude::*;

use crate::diagnostic::{Code, Diagnostic, FileId, Severity, has_errors};
use crate::model::{Desired, Name, Names};
use crate::rules::{KeyCase, Rules};
use crate::source::{Content, LARGEST_FILE, LARGEST_SUM, MOST_LINES, Mistakes, Sources, Unread, is_hidden};
pub use canonical::canonical;
pub use merge::{role_of, vendor_roles};
pub use schema::schema;
pub use write::{MODELINE, Partial, Unsayable, Written, write, write_partial};

use facts::FileFacts;
use merge::Merged;

/// How many files, and how many bytes of them, are read before their facts are added up: enough to keep all cores
/// busy, few enough for memory.
const BATCH_FILES: usize = 128;
const BATCH_BYTES: u64 = 64 << 20;

/// What the manifests say.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The desired state; to be used only if there is no error.
    pub desired: Desired,
    /// Every mistake and remark, sorted by path, position and code.
    pub diagnostics: Vec<Diagnostic>,
    /// The manifests, sorted by path.
    pub files: Vec<FileId>,
    /// Whether all of every file was read: only then is known what nobody declares.
    pub is_whole: bool,
}

impl Loaded {
    /// Whether there is an error, so that nothing may be planned.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        has_errors(&self.diagnostics)
    }
}

/// What manifests are read with.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// How the store behaves.
    pub rules: &'a Rules,
    /// When a day begins and ends.
    pub time_zone: &'a TimeZone,
}

/// Reads all manifests in these files and folders (relative to the access repository), under the rules of a store.
///
/// Names go into `names`; hashes and line tables of the files are kept in `sources`, for places and snippets.
pub fn load(names: &mut Names, reading: Reading<'_>, sources: &mut Sources, paths: &[String]) -> Loaded {
    let rules = reading.rules;
    let (files, unreadable) = sources.find_manifests(paths);
    let mut merged = Merged::new(names, rules);
    for mistake in unreadable {
        // A file whose name is wrong is read all the same.
        merged.broken |= mistake.severity == Severity::Error && mistake.code != Code::HiddenCharacter;
        merged.mistakes.push(mistake);
    }
    read_all(&mut merged, reading, sources, &files);
    merged.resolve(sources);
    tell_keys_that_differ_by_case(&mut merged, rules);
    let Merged { names, mut desired, mut mistakes, broken, stated, references, .. } = merged;
    desired.shrink();
    // What a file that was not read may hold would be missed here.
    if !broken {
        let check = check::Check { names, desired: &desired, rules, sources, stated: &stated, references: &references };
        mistakes.append(check.users());
    }
    forget_what_follows_from_secrets(&mut mistakes);
    let mut diagnostics = mistakes.into_diagnostics();
    for diagnostic in &mut diagnostics {
        make_visible(diagnostic);
    }
    sort(&mut diagnostics, sources);
    Loaded { desired, diagnostics, files, is_whole: !broken }
}

fn read_all(merged: &mut Merged<'_>, reading: Reading<'_>, sources: &mut Sources, files: &[FileId]) {
    // One that is too large by itself is not read either, and told as such.
    let sizes = files.iter().map(|&file| sources.size(file)).filter(|&size| size <= LARGEST_FILE);
    if sizes.sum::<u64>() > LARGEST_SUM {
        return too_large(merged, "the manifests are larger than 1 GiB together");
    }
    let mut sum: u64 = 0;
    let mut lines: usize = 0;
    let mut waiting = files;
    while !waiting.is_empty() {
        let (batch, rest) = waiting.split_at(batch_length(sources, waiting));
        waiting = rest;
        let read: Vec<Result<(FileFacts, Content, u64), Unread>> = batch
            .par_iter()
            .map(|&file| {
                let (text, content) = sources.read(file)?;
                Ok((read::read(file, &text, reading), content, text.len() as u64))
            })
            .collect();
        for (&file, read) in batch.iter().zip(read) {
            match read {
                Ok((facts, content, length)) => {
                    sum += length;
                    lines += content.lines.count();
                    sources.remember(file, content);
                    merged.add(file, facts);
                }
                Err(Unread { diagnostic, content }) => {
                    merged.broken = true;
                    if let Some(content) = content {
                        sources.remember(file, content);
                    }
                    merged.mistakes.push(*diagnostic);
                }
            }
        }
        if sum > LARGEST_SUM {
            return too_large(merged, "the manifests are larger than 1 GiB together");
        }
        if lines > MOST_LINES {
            return too_large(merged, &format!("the manifests have more than {MOST_LINES} lines together"));
        }
    }
}

/// Records that there is more than is read.
fn too_large(merged: &mut Merged<'_>, message: &str) {
    merged.broken = true;
    merged.mistakes.push(Diagnostic::error(Code::TooLarge, message).help("name fewer folders in `manifests`"));
}

/// How many of these files make the next batch: at least one.
fn batch_length(sources: &Sources, files: &[FileId]) -> usize {
    let mut bytes = 0;
    let fitting = files.iter().take(BATCH_FILES).take_while(|&&file| {
        bytes += sources.size(file);
        bytes <= BATCH_BYTES
    });
    fitting.count().max(1)
}

/// Where nobody states whether case makes two log-ins, two that differ by nothing else are an error. A leaver who differs
/// by nothing else from somebody who is declared is one too; where case is stated to count, it is worth a look.
fn tell_keys_that_differ_by_case(merged: &mut Merged<'_>, rules: &Rules) {
    if rules.identity.case() == KeyCase::Insensitive {
        return;
    }
    let is_stated = rules.identity.case.is_some();
    let mut by_lower: HashMap<String, (Name, crate::diagnostic::Position)> = HashMap::new();
    let mut found = Vec::new();
    for user in merged.desired.users() {
        let text = merged.names.text(user.key);
        let first = by_lower.insert(text.to_lowercase(), (user.key, user.position));
        if let Some((first, position)) = first.filter(|_| !is_stated) {
            let message = format!("the keys `{}` and `{text}` differ only by case", merged.names.text(first));
            found.push(
                Diagnostic::error(Code::DuplicateDeclaration, message)
                    .at(resolve::span(user.position, text), "")
                    .and(position, "first here")
                    .help("state `identity.case` in the rules, or keep one of them"),
            );
        }
    }
    // A leaver of another spelling would go on as if nobody had said anything.
    let undeclared = merged.desired.leavers.iter().filter(|&(&identity, _)| merged.desired.find(identity).is_none());
    for (_, leaver) in undeclared.filter(|_| !merged.broken) {
        let text = merged.names.text(leaver.key);
        if let Some(&(declared, position)) = by_lower.get(&text.to_lowercase()) {
            let declared = merged.names.text(declared);
            let message = format!("`{text}` under `inactive` and the declared key `{declared}` differ only by case");
            let of_code = if is_stated { Diagnostic::warning } else { Diagnostic::error };
            found.push(
                of_code(Code::LookAlike, message)
                    .at(resolve::span(leaver.position, text), "")
                    .and(position, "declared here")
                    .help(format!("write `{declared}` if that person leaves")),
            );
        }
    }
    for mistake in found {
        merged.mistakes.push(mistake);
    }
}

/// That a secret is no name of anything need not be told beside it.
fn forget_what_follows_from_secrets(mistakes: &mut Mistakes) {
    let place = |one: &Diagnostic| one.primary.as_ref().map(|label| label.span.start);
    let secrets: HashSet<_> = mistakes.iter().filter(|one| one.code == Code::SecretInClear).filter_map(place).collect();
    if !secrets.is_empty() {
        mistakes.forget(|one| one.code != Code::SecretInClear && place(one).is_some_and(|at| secrets.contains(&at)));
    }
}

/// Writes characters that can't be seen as escapes: messages repeat what people wrote, and must not carry on what is
/// wrong about it.
fn make_visible(diagnostic: &mut Diagnostic) {
    let Diagnostic { code: _, severity: _, message, primary, secondary, help } = diagnostic;
    let labels = primary.iter_mut().chain(secondary).map(|label| &mut label.text);
    for text in std::iter::once(message).chain(help).chain(labels) {
        shorten(text);
        if text.contains(|character: char| character.is_control() || is_hidden(character)) {
            let escape = |character: char| match character {
                hidden if hidden.is_control() || is_hidden(hidden) => hidden.escape_default().to_string(),
                other => other.to_string(),
            };
            *text = text.chars().map(escape).collect();
        }
    }
}

/// Cuts names that are longer than any line: a mistake must not repeat a whole file.
fn shorten(text: &mut String) {
    const LONGEST: usize = 160;
    if text.len() <= LONGEST || !text.split('`').skip(1).step_by(2).any(|name| name.chars().count() > LONGEST) {
        return;
    }
    let cut = |(index, part): (usize, &str)| {
        let count = part.chars().count();
        if index % 2 == 0 || count <= LONGEST {
            return part.to_owned();
        }
        let head: String = part.chars().take(LONGEST / 2).collect();
        let tail: String = part.chars().skip(count - LONGEST / 4).collect();
        format!("{head}…{tail}")
    };
    *text = text.split('`').enumerate().map(cut).collect::<Vec<_>>().join("`");
}

fn sort(diagnostics: &mut [Diagnostic], sources: &Sources) {
    diagnostics.sort_by_cached_key(|diagnostic| {
        let place = diagnostic.primary.as_ref().map(|label| label.span.start);
        (
            place.is_none(),
            place.map(|place| (sources.path(place.file).to_owned(), place.offset)),
            diagnostic.code.as_str(),
            diagnostic.message.clone(),
        )
    });
}
