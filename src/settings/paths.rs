//! Which names and files a store can have, and which files take secrets and mails: what could not be is told before
//! anybody looks for it.

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
    is_other_file(&file).or_else(|| is_among(&file, manifests)).map(|why| (why, ELSEWHERE))
}

/// Why a file can't take one-time secrets, if so; `stores` are the files of embedded stores.
pub(super) fn refuse_sink<'a>(
    path: &str,
    manifests: &[String],
    mut stores: impl Iterator<Item = &'a Path>,
) -> Option<Refusal> {
    let file = normal(path);
    let is_of_store = stores.any(|store| {
        let store = normal(&store.to_string_lossy());
        // SQLite keeps changes and locks beside its file, and rollcall a lock.
        ["", "-wal", "-shm", "-journal", ".lock"].iter().any(|suffix| {
            let mut name = store.clone().into_os_string();
            name.push(suffix);
            file == Path::new(&name)
        })
    });
    let of_store = is_of_store.then_some("belongs to a store");
    let why = of_store.or_else(|| is_other_file(&file)).or_else(|| is_among(&file, manifests));
    why.map(|why| (why, "name a file of its own, such as `.rollcall/secrets`"))
}

/// Why a folder can't take mails, if so.
pub(super) fn refuse_outbox(path: &str, manifests: &[String]) -> Option<Refusal> {
    let folder = normal(path);
    let why = if is_of_git(&folder) { Some("belongs to git") } else { is_among(&folder, manifests) };
    why.map(|why| (why, "name a folder of its own, such as `.rollcall/outbox`"))
}

/// What else a file is by its name, in words that follow it.
fn is_other_file(file: &Path) -> Option<&'static str> {
    let is_yaml = file.extension().is_some_and(|ending| {
        ["yaml", "yml"].iter().any(|yaml| ending.to_str().is_some_and(|ending| ending.eq_ignore_ascii_case(yaml)))
    });
    if file == Path::new(FILE_NAME) || is_yaml {
        return Some("is a YAML file, and read as such");
    }
    if is_of_git(file) {
        return Some("belongs to git");
    }
    let is_journal = file.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("journal-"));
    (is_journal && file.starts_with(".rollcall")).then_some("is a journal")
}

fn is_of_git(path: &Path) -> bool {
    let mut parts = path.components().filter_map(|part| part.as_os_str().to_str());
    parts.any(|part| part == ".git" || part == ".gitignore" || part == ".gitattributes")
}

/// Whether this stands where manifests are read.
fn is_among(file: &Path, manifests: &[String]) -> Option<&'static str> {
    let is_among = manifests.iter().map(|manifests| normal(manifests)).any(|manifests| {
        let below = file.strip_prefix(&manifests);
        !manifests.as_os_str().is_empty() && below.is_ok_and(|below| !is_hidden_file(below))
    });
    is_among.then_some("stands among the manifests")
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
    use super::{normal, refuse_outbox, refuse_path, refuse_sink, refuse_store_name};
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
    fn secrets_and_mails_go_to_no_file_of_another_kind() {
        let manifests = ["access".to_owned()];
        let store = Path::new("./.rollcall/store.db");
        for path in [
            ".rollcall/store.db",
            ".rollcall/store.db-wal",
            ".rollcall/../.rollcall/store.db.lock",
            ".rollcall/journal-local.jsonl",
            "rollcall.yaml",
            "access/base.yaml",
            "access/secrets",
            ".git/config",
        ] {
            assert!(refuse_sink(path, &manifests, std::iter::once(store)).is_some(), "{path}");
        }
        for path in [".rollcall/secrets", "/run/secrets/rollcall", "access/.secrets", "store.db"] {
            assert_eq!(refuse_sink(path, &manifests, std::iter::once(store)), None, "{path}");
        }
        for path in [".git/hooks", "access", "access/mails"] {
            assert!(refuse_outbox(path, &manifests).is_some(), "{path}");
        }
        for path in [".rollcall/outbox", "/var/spool/rollcall", "mails"] {
            assert_eq!(refuse_outbox(path, &manifests), None, "{path}");
        }
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
