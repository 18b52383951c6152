//! Which files are manifests.
//!
//! A folder is walked without following anything out of the access repository: a link or a `..` that leaves it is an
//! error, so that a pull request can't make somebody else's files part of the desired state.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::file_names::{Kind, is_yaml, kind_of};
use super::{SETTINGS, is_hidden};
use crate::diagnostic::{Code, Severity};

/// The deepest folder that is looked into, counted from the named one.
const DEEPEST: usize = 64;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Paths relative to the root, with `/`, sorted.
    pub(super) paths: BTreeSet<String>,
    /// What went wrong.
    pub(super) mistakes: Vec<Mistake>,
}

/// Something wrong with a path.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) severity: Severity,
    pub(super) path: String,
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) help: String,
}

impl Found {
    fn refuse(&mut self, path: &str, code: Code, message: String, help: &str) {
        let severity = Severity::Error;
        self.mistakes.push(Mistake { severity, path: path.to_owned(), code, message, help: help.to_owned() });
    }

    /// Tells of a file that is not read and whose name is nearly that of a manifest: whoever is declared in it would
    /// be missed.
    fn pass_over(&mut self, path: &str) {
        let message = format!("`{path}` is not read");
        match kind_of(path) {
            Kind::NearlyYaml => {
                let help = "manifests end in `.yaml` or `.yml`, in small plain letters: rename it";
                self.refuse(path, Code::IgnoredFile, message, help);
            }
            Kind::Json => {
                let help =
                    "manifests end in `.yaml` or `.yml`: rename it if it is one, else keep it elsewhere".to_owned();
                let (severity, code) = (Severity::Warning, Code::IgnoredFile);
                self.mistakes.push(Mistake { severity, path: path.to_owned(), code, message, help });
            }
            Kind::Yaml | Kind::Other => {}
        }
    }

    /// Tells of a path that is to hold manifests and holds none. What went wrong on the way is told already.
    fn expect_below(&mut self, path: &str, mistakes_before: usize) {
        let is_below = |found: &String| {
            path.is_empty() || found.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let has_errors = self.mistakes[mistakes_before..].iter().any(|mistake| mistake.severity == Severity::Error);
        if !has_errors && !self.paths.iter().any(is_below) {
            let shown = if path.is_empty() { "." } else { path };
            let message = format!("there is no manifest in `{shown}`");
            let help = "put one there, ending in `.yaml` or `.yml`, or name another folder in `manifests`; \
                        nobody is removed because of it";
            self.refuse(shown, Code::NoManifest, message, help);
        }
    }

    fn outside(&mut self, path: &str) {
        let message = format!("`{path}` leaves the access repository");
        self.refuse(path, Code::OutsideRepository, message, "keep manifests inside the access repository");
    }

    /// Takes a file as a manifest. One whose name nobody can read as it stands is told of, and read all the same.
    fn take(&mut self, path: &str) {
        let unseen = path.chars().find(|&character| character.is_control() || is_hidden(character));
        if let Some(character) = unseen {
            let code_point = u32::from(character);
            let message = format!("the name of `{path}` has the character U+{code_point:04X}, which can't be seen");
            self.refuse(path, Code::HiddenCharacter, message, "rename the file or the folder");
        }
        self.paths.insert(path.to_owned());
    }

    fn unreadable(&mut self, path: &str, error: &io::Error) {
        let message = format!("`{path}` can't be read: {error}");
        self.refuse(path, Code::Unreadable, message, "check that it exists and may be read");
    }
}

/// Finds manifests among paths that are not on disk.
pub(super) fn in_memory<'a>(paths: impl Iterator<Item = &'a str>, named: &[String]) -> Found {
    let mut found = Found::default();
    let mut scopes: Vec<String> = Vec::new();
    for name in named {
        match inside(name) {
            Some(path) => scopes.push(path),
            None => found.outside(name),
        }
    }
    let paths: Vec<&str> = paths.collect();
    for scope in &scopes {
        let mistakes_before = found.mistakes.len();
        let mut is_there = scope.is_empty();
        for path in &paths {
            let below = if scope.is_empty() { Some(*path) } else { path.strip_prefix(scope.as_str()) };
            let is_visible = match below {
                Some("") => true,
                Some(rest) if scope.is_empty() || rest.starts_with('/') => {
                    !rest.split('/').any(|part| part.starts_with('.')) && *path != SETTINGS
                }
                Some(_) | None => continue,
            };
            is_there = true;
            if is_visible && is_yaml(path) {
                found.take(path);
            } else if is_visible {
                found.pass_over(path);
            }
        }
        if is_there {
            found.expect_below(scope, mistakes_before);
        } else {
            found.unreadable(scope, &io::Error::from(io::ErrorKind::NotFound));
        }
    }
    found
}

/// Finds manifests below a folder.
pub(super) fn in_folder(root: &Path, named: &[String]) -> Found {
    let mut found = Found::default();
    let real_root = match root.canonicalize() {
        Ok(real) => real,
        Err(error) => {
            found.unreadable(&root.to_string_lossy(), &error);
            return found;
        }
    };
    let settings = real_root.join(SETTINGS).canonicalize().ok();
    let mut walk = Walk { root, real_root, settings, folders: BTreeSet::new(), has_come_back: false, found };
    for name in named {
        match inside(name) {
            Some(path) => {
                let mistakes_before = walk.found.mistakes.len();
                walk.has_come_back = false;
                walk.visit(&path, true, 0);
                // What was walked under another name has its manifests there.
                if !walk.has_come_back {
                    walk.found.expect_below(&path, mistakes_before);
                }
            }
            None => walk.found.outside(name),
        }
    }
    walk.found
}

struct Walk<'a> {
    root: &'a Path,
    real_root: PathBuf,
    /// The real path of the settings, where there are any.
    settings: Option<PathBuf>,
    /// Folders already walked by their real path: links can make circles.
    folders: BTreeSet<PathBuf>,
    /// Whether a folder was met that had been walked already.
    has_come_back: bool,
    found: Found,
}

impl Walk<'_> {
    /// Looks at one path; `named`: by the settings or the command line, and not found by walking.
    fn visit(&mut self, path: &str, named: bool, depth: usize) {
        let on_disk = self.root.join(path);
        let real = match on_disk.canonicalize() {
            Ok(real) => real,
            Err(error) => return self.found.unreadable(path, &error),
        };
        if !real.starts_with(&self.real_root) {
            return self.found.outside(path);
        }
        if let Some(part) = real.strip_prefix(&self.real_root).ok().and_then(dot_name) {
            let message = format!("`{path}` leads to `{part}`, and what begins with a dot is no manifest");
            let help = "keep manifests in files and folders of their own";
            return self.found.refuse(path, Code::OutsideRepository, message, help);
        }
        match fs::metadata(&real) {
            Err(error) => self.found.unreadable(path, &error),
            Ok(metadata) if metadata.is_dir() => {
                if depth > DEEPEST {
                    let message = format!("`{path}` lies more than {DEEPEST} folders deep");
                    self.found.refuse(path, Code::TooLarge, message, "use fewer folders within folders");
                } else if self.folders.insert(real.clone()) {
                    self.list(path, &real, depth);
                } else {
                    self.has_come_back = true;
                }
            }
            Ok(metadata) if metadata.is_file() => {
                if path != SETTINGS && is_yaml(path) && self.settings.as_ref() == Some(&real) {
                    // Somebody put a link there on purpose: neither read as what it is not nor passed over in silence.
                    let message = format!("`{path}` is the settings by another name, and these are no manifest");
                    self.found.refuse(path, Code::Unreadable, message, "take the link away");
                } else if is_yaml(path) && path != SETTINGS {
                    self.found.take(path);
                } else if named {
                    let message = format!("`{path}` is no manifest");
                    let help = "manifests are files named *.yaml or *.yml, other than rollcall.yaml";
                    self.found.refuse(path, Code::Unreadable, message, help);
                }
            }
            Ok(_) if named || is_yaml(path) => {
                let message = format!("`{path}` is neither a file nor a folder");
                let help = if named { "name a file or a folder" } else { "take it away" };
                self.found.refuse(path, Code::Unreadable, message, help);
            }
            Ok(_) => {}
        }
    }

    fn list(&mut self, path: &str, real: &Path, depth: usize) {
        let entries = match fs::read_dir(real) {
            Ok(entries) => entries,
            Err(error) => return self.found.unreadable(path, &error),
        };
        let mut children: Vec<String> = Vec::new();
        for entry in entries {
            match entry {
                Err(error) => self.found.unreadable(path, &error),
                Ok(entry) => {
                    let name = entry.file_name();
                    let shown = name.to_string_lossy();
                    if shown.starts_with('.') {
                        continue;
                    }
                    // Where a link leads that leads nowhere nobody knows: it may have been a folder of manifests.
                    let is_other_file = fs::metadata(entry.path()).is_ok_and(|metadata| !metadata.is_dir());
                    if is_other_file && !is_yaml(&shown) {
                        self.found.pass_over(&join(path, &shown));
                        continue;
                    }
                    if name.to_str().is_none() {
                        let message = format!("the name `{shown}` is not UTF-8 text");
                        self.found.refuse(&join(path, &shown), Code::Unreadable, message, "rename it");
                        continue;
                    }
                    children.push(join(path, &shown));
                }
            }
        }
        children.sort_unstable();
        for child in children {
            self.visit(&child, false, depth + 1);
        }
    }
}

/// The first part of a path that begins with a dot: secrets, git's own files and the like. Two dots do not count:
/// mounted volumes are swapped by links to such folders (Kubernetes' `..data`).
pub fn dot_name(path: &Path) -> Option<String> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_string_lossy()),
        Component::CurDir | Component::ParentDir | Component::RootDir | Component::Prefix(_) => None,
    });
    names.into_iter().find(|name| name.starts_with('.') && !name.starts_with("..")).map(Into::into)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The path without `.` and resolved `..`, relative to the root; `None` if it is absolute or leaves the root.
fn inside(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{in_folder, in_memory, inside};
    use crate::diagnostic::Code;

    #[test]
    fn paths_stay_inside() {
        assert_eq!(inside("./access//a.yaml").as_deref(), Some("access/a.yaml"));
        assert_eq!(inside("access/../other").as_deref(), Some("other"));
        assert_eq!(inside("."), Some(String::new()));
        assert_eq!(inside("../x"), None);
        assert_eq!(inside("/etc"), None);
    }

    #[test]
    fn memory_and_folder_find_the_same() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let files = [
            "access/a.yaml",
            "access/deep/er/b.yml",
            "access/.hidden.yaml",
            "access/.git/c.yaml",
            "access/notes.txt",
            "accessory/d.yaml",
            "rollcall.yaml",
        ];
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            std::fs::write(path, "").expect("file");
        }
        for named in [vec!["access".to_owned()], vec![".".to_owned()]] {
            let on_disk = in_folder(folder.path(), &named);
            let in_memory = in_memory(files.into_iter(), &named);
            assert_eq!(on_disk.paths, in_memory.paths);
            assert!(on_disk.mistakes.is_empty() && in_memory.mistakes.is_empty());
        }
        assert_eq!(
            Vec::from_iter(in_folder(folder.path(), &["access".to_owned()]).paths),
            ["access/a.yaml", "access/deep/er/b.yml"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_settings_are_no_manifest_by_any_name() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("temporary folder");
        std::fs::create_dir(folder.path().join("access")).expect("folder");
        std::fs::write(folder.path().join("rollcall.yaml"), "").expect("file");
        symlink("../rollcall.yaml", folder.path().join("access/x.yaml")).expect("link");
        symlink("x.yaml", folder.path().join("access/y.yml")).expect("link");
        let found = in_folder(folder.path(), &[".".to_owned()]);
        assert!(found.paths.is_empty(), "{:?}", found.paths);
        let paths: Vec<&str> = found.mistakes.iter().map(|mistake| mistake.path.as_str()).collect();
        assert_eq!(paths, ["access/x.yaml", "access/y.yml"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_to_dot_files_are_errors_and_mounted_volumes_are_read() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("temporary folder");
        for (path, text) in [("access/a.yaml", ""), (".rollcall/secrets", "pw: x"), ("..2026_11_26/b.yaml", "")] {
            std::fs::create_dir_all(folder.path().join(path).parent().expect("parent")).expect("folder");
            std::fs::write(folder.path().join(path), text).expect("file");
        }
        symlink("../.rollcall/secrets", folder.path().join("access/x.yaml")).expect("link");
        symlink("../.rollcall", folder.path().join("access/linked")).expect("link");
        symlink("..2026_11_26", folder.path().join("..data")).expect("link");
        symlink("../..data/b.yaml", folder.path().join("access/b.yaml")).expect("link");
        let found = in_folder(folder.path(), &["access".to_owned(), ".rollcall".to_owned()]);
        assert_eq!(Vec::from_iter(found.paths), ["access/a.yaml", "access/b.yaml"]);
        let mistakes: Vec<(&str, Code)> =
            found.mistakes.iter().map(|mistake| (mistake.path.as_str(), mistake.code)).collect();
        let refused = ["access/linked", "access/x.yaml", ".rollcall"];
        assert_eq!(mistakes, refused.map(|path| (path, Code::OutsideRepository)));
    }

    #[cfg(unix)]
    #[test]
    fn links_out_are_errors_and_circles_end() {
        use std::os::unix::fs::symlink;
        let outside = tempfile::tempdir().expect("temporary folder");
        std::fs::write(outside.path().join("evil.yaml"), "").expect("file");
        let folder = tempfile::tempdir().expect("temporary folder");
        let access = folder.path().join("access");
        std::fs::create_dir(&access).expect("folder");
        std::fs::write(access.join("a.yaml"), "").expect("file");
        symlink(outside.path(), access.join("linked")).expect("link");
        symlink(outside.path().join("evil.yaml"), access.join("evil.yaml")).expect("link");
        symlink(&access, access.join("circle")).expect("link");
        symlink("nowhere.yaml", access.join("broken.yaml")).expect("link");
        let found = in_folder(folder.path(), &["access".to_owned(), "../x".to_owned(), "gone".to_owned()]);
        assert_eq!(Vec::from_iter(found.paths), ["access/a.yaml"]);
        let mut mistakes: Vec<(&str, Code)> =
            found.mistakes.iter().map(|mistake| (mistake.path.as_str(), mistake.code)).collect();
        mistakes.sort_unstable();
        assert_eq!(
            mistakes,
            [
                ("../x", Code::OutsideRepository),
                ("access/broken.yaml", Code::Unreadable),
                ("access/evil.yaml", Code::OutsideRepository),
                ("access/linked", Code::OutsideRepository),
                ("gone", Code::Unreadable),
            ]
        );
    }
}
