//! Reading of the settings file and of the rule files that it names: always inside the access repository.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Component, Path};

use super::raw::RawSettings;
use super::{Readable, Settings, check};
use crate::diagnostic::Code;
use crate::document::{MAX_LENGTH, Mistake, Place, Read};
use crate::rules::{self, ReadFile, RuleFile};
use crate::source::{Lines, NoText, dot_name, text_of};

/// The name of the settings file, at the root of the access repository.
pub const FILE_NAME: &str = "rollcall.yaml";

/// Settings that can't be used, and why.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Refused {
    /// All mistakes that were found; at least one.
    pub mistakes: Vec<Mistake>,
    /// The files that were read, by name, so that a mistake can be shown in its line.
    pub files: Vec<(String, Vec<u8>)>,
    /// How manifests are read, where the settings say that all the same: their mistakes can be told in the same run.
    pub readable: Option<Box<Readable>>,
}

/// Reads the settings of the access repository in this folder, with the rule files that they name.
///
/// # Errors
/// If the file is not there or can't be read, and all mistakes in it.
pub fn load(repository: &Path) -> Result<Settings, Refused> {
    load_with_files(repository).map(|(settings, _)| settings)
}

/// The texts of the settings of the access repository in this folder, and of the rule files that they name, by name.
///
/// # Errors
/// As [`load`].
pub fn texts(repository: &Path) -> Result<BTreeMap<String, String>, Refused> {
    let (_, files) = load_with_files(repository)?;
    Ok(files.into_iter().map(|(name, bytes)| (name, String::from_utf8_lossy(&bytes).into_owned())).collect())
}

/// Files by name.
type Files = Vec<(String, Vec<u8>)>;

fn load_with_files(repository: &Path) -> Result<(Settings, Files), Refused> {
    let files = RefCell::new(Vec::new());
    let read = |name: &str| match read_inside(repository, name) {
        Ok(file) => {
            files.borrow_mut().push((file.name.clone(), file.text.clone().into_bytes()));
            Ok(file)
        }
        Err(unread) => {
            files.borrow_mut().extend(unread.bytes.iter().map(|bytes| (name.to_owned(), bytes.clone())));
            Err(unread)
        }
    };
    let read_rules = |name: &str| {
        read(name).map_err(|Unread { message, place, help, .. }| {
            let place =
                place.map_or(String::new(), |Place { line, column, .. }| format!(" at line {line}, column {column}"));
            format!("{message}{place}; {help}")
        })
    };
    let settings = match read(FILE_NAME) {
        Ok(file) => parse_telling(&file.text, &read_rules),
        Err(Unread { message, place, help, .. }) => {
            let is_there = repository.join(FILE_NAME).symlink_metadata().is_ok();
            let begin = "start with `rollcall init`, or name the access repository with -C DIR";
            let help = if is_there { help } else { begin };
            let place = place.unwrap_or(Place::START);
            Err((vec![Mistake::new(Code::Unreadable, FILE_NAME, place, message).help(help)], None))
        }
    };
    match settings {
        Ok(settings) => Ok((settings, files.take())),
        Err((mistakes, readable)) => Err(Refused { mistakes, files: files.take(), readable }),
    }
}

/// A file that could not be read as text.
struct Unread {
    message: String,
    help: &'static str,
    /// Where it stops to be text, and all of it.
    place: Option<Place>,
    bytes: Option<Vec<u8>>,
}

/// The settings in a text. `read` reads the rule files that they name.
///
/// # Errors
/// All mistakes: those of shape, and whatever else is wrong that does not follow from them.
pub fn parse(text: &str, read: ReadFile<'_>) -> Result<Settings, Vec<Mistake>> {
    parse_telling(text, read).map_err(|(mistakes, _)| mistakes)
}

/// The settings in a text, or all mistakes and how manifests are read all the same.
fn parse_telling(text: &str, read: ReadFile<'_>) -> Result<Settings, (Vec<Mistake>, Option<Box<Readable>>)> {
    let Read { content, mistakes, left_out } = rules::read_document::<RawSettings>(text, FILE_NAME);
    let Some((raw, document)) = content else { return Err((mistakes, None)) };
    let (settings, readable) = check::check(raw, (&document, &left_out, text), read);
    let mistakes = match settings {
        Ok(settings) if mistakes.is_empty() => return Ok(settings),
        Ok(_) => mistakes,
        Err(more) => together(mistakes, more),
    };
    Err((mistakes, readable.map(Box::new)))
}

/// Mistakes of shape and those of meaning by place; those of rule files come after those of the settings.
fn together(mut mistakes: Vec<Mistake>, mut more: Vec<Mistake>) -> Vec<Mistake> {
    let hidden: Vec<(u32, u32)> = mistakes
        .iter()
        .filter(|told| matches!(told.code, Code::HiddenCharacter | Code::SecretInClear))
        .map(|told| (told.offset, told.offset.saturating_add(told.length)))
        .collect();
    // A name with a character that nobody sees is told as that, and so is a secret.
    let is_told = |one: &Mistake| hidden.iter().any(|&(start, end)| (start..=end).contains(&one.offset));
    more.retain(|one| one.file != FILE_NAME || !is_told(one));
    mistakes.extend(more);
    mistakes.sort_by(|a, b| {
        let is_beside = |one: &Mistake| one.file != FILE_NAME;
        is_beside(a).cmp(&is_beside(b)).then_with(|| a.file.cmp(&b.file)).then(a.offset.cmp(&b.offset))
    });
    mistakes
}

/// Reads a file of the access repository, named relative to its root; also through links it must stay inside.
fn read_inside(repository: &Path, name: &str) -> Result<RuleFile, Unread> {
    let shown = name.escape_debug();
    let refuse = |message: String, help| Unread { message, help, place: None, bytes: None };
    let outside = || refuse(format!("`{shown}` is outside of the access repository"), "keep it inside");
    let relative = Path::new(name);
    let inside = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside || name.contains('\0') {
        return Err(outside());
    }
    let unreadable = |error: std::io::Error| {
        refuse(format!("`{shown}` can't be read: {error}"), "check that it exists and may be read")
    };
    let root = repository.canonicalize().map_err(unreadable)?;
    let path = root.join(relative).canonicalize().map_err(unreadable)?;
    if !path.starts_with(&root) {
        return Err(outside());
    }
    let is_yaml = |path: &Path| path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    if let Some(part) = path.strip_prefix(&root).ok().and_then(dot_name) {
        let message =
            format!("`{shown}` leads to `{}`, and files that begin with a dot are not read", part.escape_debug());
        return Err(refuse(message, "keep it in a file and a folder of its own"));
    }
    if !is_yaml(relative) {
        return Err(refuse(format!("`{shown}` is no YAML file"), "name a file that ends in `.yaml` or `.yml`"));
    }
    let about = fs::metadata(&path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(refuse(format!("`{shown}` is not a file"), "name a file"));
    }
    let too_large = |length: u64| {
        let message = format!("`{shown}` has {length} bytes, at most {MAX_LENGTH} are read");
        refuse(message, "settings and rules are written by hand; look whether this is the right file")
    };
    if about.len() > MAX_LENGTH as u64 {
        return Err(too_large(about.len()));
    }
    // It may have grown since, or be of a kind that never ends.
    let mut bytes = Vec::new();
    let file = fs::File::open(&path).map_err(unreadable)?;
    file.take(MAX_LENGTH as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > MAX_LENGTH {
        return Err(too_large(bytes.len() as u64));
    }
    let text = text_of(bytes).map_err(|(bytes, NoText { offset, why, help })| {
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let (line, column) = Lines::of_bytes(&bytes).place(offset);
        let place = Some(Place { line, column, offset, length: 0 });
        Unread { message: format!("`{shown}` {why}"), help, place, bytes: Some(bytes) }
    })?;
    let parts = relative.components().filter(|part| matches!(part, Component::Normal(_)));
    let name: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
    Ok(RuleFile { name: name.join("/"), text })
}
