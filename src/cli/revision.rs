//! What a git revision of the access repository says: its settings, the rule files that they name, and its manifests.
//!
//! All of it comes from git's objects ([`Git`]): nothing is checked out, and what is uncommitted does not count. A rule
//! file is taken from within the access repository only, as on disk. Deliberately absent: what is done with it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Component, Path};

use super::git::{Entry, Git};
use crate::document::MAX_LENGTH;
use crate::manifest::{self, Loaded, Reading};
use crate::model::Names;
use crate::rules::RuleFile;
use crate::settings::{self, FILE_NAME, Settings};
use crate::source::{Sources, dot_name};

/// Settings, and the texts that they were read from.
pub(super) struct SettingsOf {
    pub(super) settings: Settings,
    /// By name: `rollcall.yaml`, and the rule files.
    pub(super) texts: BTreeMap<String, String>,
}

/// Why a revision has no settings to go by.
pub(super) enum NoSettings {
    /// It has no such file, or none that can be read as text.
    Missing,
    /// They are not valid there; the first mistake, with its line.
    Invalid(String),
}

/// The settings of a revision, with the rule files that they name there.
pub(super) fn settings_of(git: &Git<'_>, revision: &str) -> Result<SettingsOf, NoSettings> {
    let text = git.text(revision, FILE_NAME).ok_or(NoSettings::Missing)?;
    if text.len() > MAX_LENGTH {
        return Err(NoSettings::Invalid(format!("{FILE_NAME} has more than {MAX_LENGTH} bytes")));
    }
    let texts = RefCell::new(BTreeMap::from([(FILE_NAME.to_owned(), text.clone())]));
    let read = |name: &str| {
        if !is_rule_file(name) {
            return Err("rule files are YAML files within the access repository".to_owned());
        }
        let text = git.text(revision, name).filter(|text| text.len() <= MAX_LENGTH);
        let text = text.ok_or_else(|| "it is not there".to_owned())?;
        texts.borrow_mut().insert(name.to_owned(), text.clone());
        Ok(RuleFile { name: name.to_owned(), text })
    };
    let settings = settings::parse(&text, &read)
        .map_err(|mistakes| NoSettings::Invalid(mistakes.first().map(ToString::to_string).unwrap_or_default()))?;
    Ok(SettingsOf { settings, texts: texts.into_inner() })
}

/// Whether a name can be that of a rule file: git would also find what lies beside the access repository.
fn is_rule_file(name: &str) -> bool {
    let path = Path::new(name);
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        && dot_name(path).is_none()
        && path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// What the manifests among these files of a revision declare, and where it stands; `None` where git can't tell.
pub(super) fn manifests_of(
    git: &Git<'_>,
    listed: &[Entry],
    (reading, paths): (Reading<'_>, &[String]),
    names: &mut Names,
) -> Option<(Loaded, Sources)> {
    let mut sources = Sources::memory(git.contents(listed)?);
    let loaded = manifest::load(names, reading, &mut sources, paths);
    Some((loaded, sources))
}
