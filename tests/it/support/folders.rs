//! Folders of this repository: what is in them, and copies.

use std::fs;
use std::path::{Path, PathBuf};

/// A file or folder of this repository.
pub(crate) fn of_repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What is in a folder, sorted.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// The folders in a folder, sorted.
pub(crate) fn folders(parent: &Path) -> Vec<PathBuf> {
    entries(parent).into_iter().filter(|path| path.is_dir()).collect()
}

/// Everything below a folder, sorted.
pub(crate) fn tree(folder: &Path) -> Vec<PathBuf> {
    let below = |path: &PathBuf| if path.is_dir() { tree(path) } else { Vec::new() };
    let mut found: Vec<PathBuf> = entries(folder).iter().flat_map(below).collect();
    found.extend(entries(folder));
    found.sort();
    found
}

/// Copies what is in a folder into another one that is there.
pub(crate) fn copy(from: &Path, to: &Path) {
    for path in entries(from) {
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            fs::create_dir(&target).expect("a folder");
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a file");
        }
    }
}
