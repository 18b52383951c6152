//! Reading of the settings file and of the rule files that it names: always inside the access repository.

use std::cell::RefCell;
use std::fs;
use std::path::{Component, Path};

use super::raw::RawSettings;
use super::{Settings, check};
use crate::diagnostic::Code;
use crate::document::{self, MAX_LENGTH, Mistake, Place};
use crate::rules::{ReadFile, RuleFile};

/// The name of the settings file, at the root of the access repository.
pub const FILE_NAME: &str = "rollcall.yaml";

/// Settings that can't be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Refused {
    /// All mistakes that were found; at least one.
    pub mistakes: Vec<Mistake>,
    /// The files that were read, so that a mistake can be shown in its line.
    pub files: Vec<RuleFile>,
}

/// Reads the settings of the access repository in this folder, with the rule files that they name.
///
/// # Errors
/// If the file is not there or can't be read, and all mistakes in it.
pub fn load(repository: &Path) -> Result<Settings, Refused> {
    let files = RefCell::new(Vec::new());
    let read = |name: &str| {
        let file = read_inside(repository, name)?;
        files.borrow_mut().push(file.clone());
        Ok(file)
    };
    let settings = match read(FILE_NAME) {
        Ok(file) => parse(&file.text, &read),
        Err(message) => {
            let help = "start with `rollcall init`, or name the access repository with -C DIR";
            Err(vec![Mistake::new(Code::Unreadable, FILE_NAME, Place::START, message).help(help)])
        }
    };
    settings.map_err(|mistakes| Refused { mistakes, files: files.take() })
}

/// The settings in a text. `read` reads the rule files that they name.
///
/// # Errors
/// All mistakes; the first only, where the text is not even of the right shape.
pub fn parse(text: &str, read: ReadFile<'_>) -> Result<Settings, Vec<Mistake>> {
    let (raw, document) = document::read::<RawSettings>(text, FILE_NAME).map_err(|mistake| vec![*mistake])?;
    check::check(raw, &document, read)
}

/// Reads a file of the access repository, named relative to its root; also through links it must stay inside.
fn read_inside(repository: &Path, name: &str) -> Result<RuleFile, String> {
    let shown = name.escape_debug();
    let outside = || format!("`{shown}` is outside of the access repository; keep it inside");
    let relative = Path::new(name);
    let inside = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside || name.contains('\0') {
        return Err(outside());
    }
    let unreadable = |error: std::io::Error| format!("`{shown}` can't be read: {error}");
    let root = repository.canonicalize().map_err(unreadable)?;
    let path = root.join(relative).canonicalize().map_err(unreadable)?;
    if !path.starts_with(&root) {
        return Err(outside());
    }
    let about = fs::metadata(&path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(format!("`{shown}` is not a file"));
    }
    if about.len() > MAX_LENGTH as u64 {
        return Err(format!("`{shown}` has {} bytes, at most {MAX_LENGTH} are read", about.len()));
    }
    let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => format!("`{shown}` is no UTF-8 text"),
        _ => unreadable(error),
    })?;
    let parts = relative.components().filter(|part| matches!(part, Component::Normal(_)));
    let name: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
    Ok(RuleFile { name: name.join("/"), text })
}
