//! Which names and files a store can have: settings that fit no store are told before anybody looks for it.

use std::path::{Component, Path, PathBuf};

use super::FILE_NAME;

/// A clause that follows what is refused, and the way out.
type Refusal = (&'static str, &'static str);

/// Why a text can't be the name of a store, if so.
pub(super) fn refuse_store_name(name: &str) -> Option<Refusal> {
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_' | '.');
    let is_name = !name.is_empty() && !name.starts_with(['.', '-']) && name.chars().all(is_part);
    (!is_name).then_some(("can't be the name of a store", "use letters, digits and `-`"))
}

/// Why a path can't be the one of an embedded store, if so: it is none, or it is of a file that is something else.
pub(super) fn refuse_path(path: &str, manifests: &[String]) -> Option<Refusal> {
    const ELSEWHERE: &str = "name a file of its own, such as `.rollcall/store.db`";
    if path.contains("://") {
        return Some(("is an address, and an embedded store is a file", ELSEWHERE));
    }
    if path.starts_with('~') || path.contains('$') || path.contains("{{") || path.contains('%') {
        let help = "write the path itself: nothing is filled in for `~`, `$NAME` and the like";
        return Some(("has a part that stands for something else", help));
    }
    if path.ends_with('/') || path.ends_with("/.") || matches!(path, "." | "..") {
        return Some(("is a folder, and an embedded store is a file", ELSEWHERE));
    }
    let file = normal(path);
    let is_yaml = file.extension().is_some_and(|ending| {
        ["yaml", "yml"].iter().any(|yaml| ending.to_str().is_some_and(|ending| ending.eq_ignore_ascii_case(yaml)))
    });
    if file == Path::new(FILE_NAME) || is_yaml {
        return Some(("is a YAML file, and no store", ELSEWHERE));
    }
    let mut parts = file.components().filter_map(|part| part.as_os_str().to_str());
    if parts.any(|part| part == ".git" || part == ".gitignore" || part == ".gitattributes") {
        return Some(("belongs to git", ELSEWHERE));
    }
    let is_journal = file.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("journal-"));
    if is_journal && file.starts_with(".rollcall") {
        return Some(("is a journal", ELSEWHERE));
    }
    let is_among_manifests = manifests.iter().map(|manifests| normal(manifests)).any(|manifests| {
        let below = file.strip_prefix(&manifests);
        !manifests.as_os_str().is_empty() && below.is_ok_and(|below| !is_hidden_file(below))
    });
    is_among_manifests.then_some(("stands among the manifests", ELSEWHERE))
}

/// The path without what does not change where it leads, as far as its text tells.
pub(super) fn normal(path: &str) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

/// Whether no reader of manifests looks at a file: it, or a folder above it, begins with a dot.
fn is_hidden_file(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str().to_str().is_some_and(|part| part.starts_with('.')))
}

#[cfg(test)]
mod tests {
    use super::{normal, refuse_path, refuse_store_name};
    use std::path::Path;

    #[test]
    fn what_is_no_store_is_refused() {
        let manifests = ["access".to_owned(), "more/teams.yaml".to_owned(), ".".to_owned()];
        for path in [
            "rollcall.yaml",
            "./rollcall.yaml",
            "access/users.yaml",
            "rules/ours.YML",
            ".gitignore",
            ".git/store.db",
            "access/store.db",
            "x/../access/store.db",
            "~/store.db",
            "$HOME/store.db",
            "postgres://host/db",
            ".rollcall/journal-local.jsonl",
            ".rollcall/",
            ".",
        ] {
            assert!(refuse_path(path, &manifests).is_some(), "{path}");
        }
        for path in
            ["store.db", ".rollcall/store.db", "/var/lib/a.db", "../a.db", "access/.rollcall/a.db", "accesses/a.db"]
        {
            assert_eq!(refuse_path(path, &manifests), None, "{path}");
        }
        assert_eq!(normal("./.rollcall/../.rollcall/store.db"), Path::new(".rollcall/store.db"));
        assert_eq!(normal("../a"), Path::new("../a"));
    }

    #[test]
    fn names_of_stores_are_single_words() {
        for name in ["local", "prod-2", "eu.west", "nord_süd"] {
            assert_eq!(refuse_store_name(name), None, "{name}");
        }
        for name in ["", ".", "../../x", "a/b c*", " a", "a\u{200b}", "-x"] {
            assert!(refuse_store_name(name).is_some(), "{name}");
        }
    }
}
