//! From YAML to one rule set: a chain of `extends`, laid over each other, then checked as a whole.
//!
//! Each document is read as the typed structure first, which finds mistakes with their place. What it states (the tree
//! of the document tells that from what it leaves out) is laid over what it extends as generic values: maps merge,
//! everything else replaces, `null` takes away. The result is typed once more, and checked.

use serde_json::{Map, Value};

use super::check::{self, Places};
use super::{InlineRules, Rules};
use crate::diagnostic::{Code, Diagnostic, FileId, Position, Span, names_a_secret};
use crate::document::{self, Document, LeftOut, Mistake, Node, Place, Read, Shape};
use crate::source::{self, Lines};

/// Built-in rule sets: name and YAML.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("actito", include_str!("sets/actito.yaml")),
    ("alteia", include_str!("sets/alteia.yaml")),
    ("cauca", include_str!("sets/cauca.yaml")),
    ("credivera", include_str!("sets/credivera.yaml")),
    (DEFAULT, include_str!("sets/default.yaml")),
    ("modulr", include_str!("sets/modulr.yaml")),
];

/// The name of the rule set that holds where none is named.
const DEFAULT: &str = "default";

/// The longest chain of `extends`.
const LONGEST_CHAIN: usize = 16;

/// A file as read: its name in messages, relative to the access repository, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFile {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Reads the file that a rule set is named after. The name is relative to the settings file. Whoever gives this
/// function sees to it that nothing outside of the access repository is read; the error is a message for people.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Result<RuleFile, String>;

/// What a built-in rule set is for: the first line of its YAML, which is a comment.
#[must_use]
pub fn about(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
}

impl Rules {
    /// The built-in rule set with this name.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        let (name, text) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name)?;
        parse(text, name, &|_| Err("a built-in rule set extends built-in ones only".to_owned())).ok()
    }
}

/// Whether a name is that of a file, and not of a built-in rule set.
fn is_file(name: &str) -> bool {
    name.contains(['/', '\\']) || [".yaml", ".yml"].iter().any(|end| name.ends_with(end))
}

/// The rule set that `settings` names at `path`: built in, or a file.
///
/// # Errors
/// All mistakes of the first document of the chain that has any, or all of the rule set as a whole.
pub fn load(name: &str, settings: &Document, path: &[&str], read: ReadFile<'_>) -> Result<Rules, Vec<Mistake>> {
    let mut chain = Chain::new(read);
    let file = chain.find(name, settings, path)?;
    chain.add_file(&file)?;
    chain.finish()
}

/// The rule set in a text. `file` is its name in messages.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, file: &str, read: ReadFile<'_>) -> Result<Rules, Vec<Mistake>> {
    let mut chain = Chain::new(read);
    chain.add_file(&RuleFile { name: file.to_owned(), text: text.to_owned() })?;
    chain.finish()
}

/// The rule set that stands in `settings` at `path`.
///
/// # Errors
/// As [`load`].
pub fn from_inline(
    rules: &InlineRules,
    settings: &Document,
    path: &[&str],
    read: ReadFile<'_>,
) -> Result<Rules, Vec<Mistake>> {
    let mut chain = Chain::new(read);
    let path: Vec<String> = path.iter().map(|&key| key.to_owned()).collect();
    chain.add(&rules.0, settings.clone(), path)?;
    chain.finish()
}

/// Reads a document that people write by hand: settings, or a rule set. Everything that is wrong about its YAML is told,
/// and everything about its shape, unless it can't be read as YAML at all.
#[must_use]
pub fn read_document<T: serde::de::DeserializeOwned>(text: &str, file: &str) -> Read<T> {
    if text.len() > document::MAX_LENGTH {
        return document::read_all(text, file, false);
    }
    let lines = Lines::of(text);
    let outcome = source::walk_over(FileId(0), text);
    let has_duplicates = !outcome.duplicate_keys.is_empty();
    let told = outcome.mistakes.into_diagnostics();
    // Where the end of a value is not known, neither is where a secret stands.
    let hides_source = names_a_secret(text);
    let of_yaml = |told: &Diagnostic| Mistake { hides_source, ..of_yaml(told, &lines, file) };
    let mut mistakes: Vec<Mistake> = told.iter().map(of_yaml).collect();
    let can_be_read =
        told.iter().all(|told| matches!(told.code, Code::DuplicateKey | Code::HiddenCharacter | Code::SecretInClear));
    if outcome.broken || !can_be_read {
        return Read::nothing(mistakes);
    }
    let mut read = document::read_all(text, file, has_duplicates);
    if !told.is_empty() && hides_source {
        read.mistakes.iter_mut().for_each(|mistake| mistake.hides_source = true);
        read.content = read.content.map(|(typed, document)| (typed, document.hidden()));
    }
    let is_told = |mistake: &Mistake| {
        let is_same = |told: &Mistake| {
            told.offset == mistake.offset || (told.code != Code::SecretInClear && told.line == mistake.line)
        };
        mistakes.iter().any(is_same)
    };
    let more: Vec<Mistake> = read.mistakes.into_iter().filter(|mistake| !is_told(mistake)).collect();
    mistakes.extend(more);
    mistakes.sort_by_key(|mistake| mistake.offset);
    Read { mistakes, ..read }
}

fn of_yaml(told: &Diagnostic, lines: &Lines, file: &str) -> Mistake {
    let Diagnostic { code, severity: _, message, primary, secondary, help } = told;
    let span = primary.as_ref().map_or(Span::new(Position::new(FileId(0), 0), 0), |label| label.span);
    let (line, column) = lines.place(span.start.offset);
    let place = Place { line, column, offset: span.start.offset, length: span.length };
    let first = secondary.first().map(|label| lines.place(label.span.start.offset).0);
    let message = match first {
        Some(first) => format!("{message}, for the first time on line {first}"),
        None => message.clone(),
    };
    let mut mistake = Mistake::new(*code, file, place, message);
    mistake.help.clone_from(help);
    mistake
}

/// The JSON Schema of a rule set.
#[must_use]
pub fn schema() -> Value {
    let description = "How the system behind a user store behaves. Left out: as in the rule set that is extended \
                       (`default` if none is named). `null`: not stated by the vendor.";
    document::schema_of::<Rules>("rules.schema.json", "rollcall rule set", description)
}

/// A file in which the rule set stands under the key that it has in settings.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped {
    rules: InlineRules,
}

fn is_under_a_key(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
    lines.next().is_some_and(|line| line == "rules:" || line.starts_with("rules: "))
}

/// Whether a file holds blanks, comments and an empty mapping at most: what a broken write leaves of one.
fn says_nothing(text: &str) -> bool {
    let lines = text.trim_start_matches('\u{FEFF}').lines().map(str::trim);
    let mut said = lines.filter(|line| !line.is_empty() && !line.starts_with('#') && !matches!(*line, "---" | "..."));
    said.all(|line| matches!(line, "{}" | "{ }" | "~" | "null" | "rules:" | "rules: {}"))
}

/// The documents of a chain of `extends`, the most special first.
struct Chain<'a> {
    layers: Vec<(Value, Document, Vec<String>)>,
    names: Vec<String>,
    read: ReadFile<'a>,
    /// Mistakes of shape, so far.
    mistakes: Vec<Mistake>,
    /// What the documents lack because of them, each with its name.
    left_out: Vec<(String, LeftOut)>,
}

impl<'a> Chain<'a> {
    const fn new(read: ReadFile<'a>) -> Self {
        Self { layers: Vec::new(), names: Vec::new(), read, mistakes: Vec::new(), left_out: Vec::new() }
    }

    /// What could be read of a document; its mistakes are kept, and all of them are told where nothing could.
    fn read<T: serde::de::DeserializeOwned>(&mut self, file: &RuleFile) -> Result<(T, Document), Vec<Mistake>> {
        let Read { content, mistakes, left_out } = read_document::<T>(&file.text, &file.name);
        self.mistakes.extend(mistakes);
        self.left_out.push((file.name.clone(), left_out));
        content.ok_or_else(|| std::mem::take(&mut self.mistakes))
    }

    fn add_file(&mut self, file: &RuleFile) -> Result<(), Vec<Mistake>> {
        self.names.push(file.name.clone());
        if is_under_a_key(&file.text) {
            let (Wrapped { rules }, document) = self.read::<Wrapped>(file)?;
            return self.add(&rules.0, document, vec!["rules".to_owned()]);
        }
        let (rules, document) = self.read::<Rules>(file)?;
        self.add(&rules, document, Vec::new())
    }

    /// Adds a document, and all that it extends.
    fn add(&mut self, rules: &Rules, document: Document, path: Vec<String>) -> Result<(), Vec<Mistake>> {
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        let stated = match document.find(&keys) {
            // An empty document says nothing; it does not say that nothing is stated.
            Some(Node { shape: Shape::Null, .. }) | None => Value::Object(Map::new()),
            Some(node) => project(&serde_json::to_value(rules).unwrap_or_default(), node),
        };
        let mut extends_path = keys.clone();
        extends_path.push("extends");
        let next = match document.find(&extends_path) {
            None => Some(DEFAULT.to_owned()),
            Some(_) => rules.extends.clone(),
        };
        let next = match next.map(|name| self.find(&name, &document, &extends_path)).transpose() {
            Ok(next) => next,
            Err(mistakes) => {
                self.mistakes.extend(mistakes);
                return Err(std::mem::take(&mut self.mistakes));
            }
        };
        self.layers.push((stated, document, path));
        match next {
            Some(file) => self.add_file(&file),
            None => Ok(()),
        }
    }

    /// The rule set with this name, wanted by `document` at `path`.
    fn find(&self, name: &str, document: &Document, path: &[&str]) -> Result<RuleFile, Vec<Mistake>> {
        // What was read says, and why it was not, ends in advice.
        let mistake = |message: String| match message.rsplit_once("; ") {
            Some((message, help)) => vec![document.mistake(Code::InvalidRules, path, message).help(help)],
            None => vec![document.mistake(Code::InvalidRules, path, message)],
        };
        let found = if is_file(name) {
            let file = (self.read)(name).map_err(mistake)?;
            if says_nothing(&file.text) {
                let shown = file.name.escape_debug();
                let message = format!("the rule file `{shown}` says nothing, so `{DEFAULT}` would hold");
                let help = format!("write the rules again, or `extends: {DEFAULT}` if that is meant");
                return Err(vec![Mistake::new(Code::InvalidRules, &file.name, Place::START, message).help(help)]);
            }
            file
        } else if let Some((name, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            RuleFile { name: (*name).to_owned(), text: (*text).to_owned() }
        } else {
            let message = format!("there is no built-in rule set `{}`", name.escape_debug());
            let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
            let help = document::nearest(name, names.iter().copied()).map_or_else(
                || format!("built in: {}; a file is named with its ending: `rules/NAME.yaml`", names.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(vec![document.mistake(Code::InvalidRules, path, message).help(help)]);
        };
        if self.names.contains(&found.name) {
            return Err(mistake(format!(
                "rule set `{}` extends itself: {}; take one `extends` out",
                found.name,
                self.cycle(&found.name)
            )));
        }
        if self.names.len() >= LONGEST_CHAIN {
            return Err(mistake(format!("more than {LONGEST_CHAIN} rule sets extend each other; write fewer of them")));
        }
        Ok(found)
    }

    fn cycle(&self, name: &str) -> String {
        let start = self.names.iter().position(|seen| seen == name).unwrap_or(0);
        let mut names: Vec<&str> = self.names[start..].iter().map(String::as_str).collect();
        names.push(name);
        names.join(" → ")
    }

    fn finish(mut self) -> Result<Rules, Vec<Mistake>> {
        let mut mistakes = std::mem::take(&mut self.mistakes);
        let left_out = std::mem::take(&mut self.left_out);
        let mut merged = Value::Object(Map::new());
        for (stated, _, _) in self.layers.iter().rev() {
            merge(&mut merged, stated);
        }
        let untyped = untyped_attributes(&merged);
        without_nulls(&mut merged);
        let places = Places::new(self.layers.into_iter().map(|(_, document, path)| (document, path)).collect());
        let rules: Rules = match serde_json::from_value(merged) {
            Ok(rules) => rules,
            Err(error) if mistakes.is_empty() => return Err(vec![places.mistake(&[], error.to_string())]),
            Err(_) => return Err(mistakes),
        };
        let rules = Rules { extends: None, ..rules };
        let mut of_meaning: Vec<Mistake> = untyped
            .iter()
            .map(|name| {
                let message = format!("attribute `{}` has no type", name.escape_debug());
                let types = "add `type`: bool, text, enum, ordinal, set or date";
                places.mistake(&["attributes", name], message).help(types)
            })
            .collect();
        of_meaning.extend(check::check(&rules, &places));
        let follows = |mistake: &Mistake| {
            let of_file = left_out.iter().filter(|(file, _)| *file == mistake.file);
            of_file.into_iter().any(|(_, left_out)| left_out.concerns_place(mistake.offset))
        };
        of_meaning.retain(|mistake| !follows(mistake));
        mistakes.extend(of_meaning);
        if mistakes.is_empty() { Ok(rules) } else { Err(mistakes) }
    }
}

/// Of a typed value, what the document states.
fn project(typed: &Value, node: &Node) -> Value {
    match (&node.shape, typed) {
        (Shape::Null, _) => Value::Null,
        (Shape::Map(entries), Value::Object(fields)) => entries
            .iter()
            .map(|(key, _, node)| (key.clone(), fields.get(key).map_or(Value::Null, |typed| project(typed, node))))
            .collect(),
        (Shape::Map(_) | Shape::Scalar | Shape::List(_), typed) => typed.clone(),
    }
}

/// Lays `over` on `base`: maps merge, everything else replaces.
fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, over) in over {
                match base.get_mut(key) {
                    Some(base) => merge(base, over),
                    None => {
                        base.insert(key.clone(), over.clone());
                    }
                }
            }
        }
        (base, over) => base.clone_from(over),
    }
}

/// Takes away what is not stated. Lists are left alone: in a condition `null` means "not set".
fn without_nulls(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|_, value| !value.is_null());
        fields.values_mut().for_each(without_nulls);
    }
}

fn untyped_attributes(merged: &Value) -> Vec<String> {
    let attributes = merged.get("attributes").and_then(Value::as_object).into_iter().flatten();
    let untyped = attributes.filter(|(_, rule)| rule.is_object() && rule.get("type").is_none_or(Value::is_null));
    untyped.map(|(name, _)| name.clone()).collect()
}
