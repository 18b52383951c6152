//! The embedded store, the journal and what stands beside them belong to one machine. In git they would belong to whoever
//! proposes a change: a store that comes with a pull request says whatever its author likes, and the next checkout puts
//! it in the place of the real one.

use std::path::{Path, PathBuf};

use super::access::Access;
use super::exit::{Failure, advised};
use super::git::Git;
use super::journal::FOLDER;
use super::printer::Printer;
use crate::diagnostic::shell_word;
use crate::settings::{Settings, StoreKind};

/// What SQLite and rollcall keep beside the file of a store.
const BESIDE: [&str; 5] = ["", "-wal", "-shm", "-journal", ".lock"];

/// What may be in git in that folder: it says nothing but that the rest stays out, or that the folder is there.
const HARMLESS: [&str; 2] = [".gitignore", ".gitkeep"];

/// Refuses to go on where git holds the store, its journal, or anything else that rollcall keeps for itself.
///
/// # Errors
/// If it does.
pub(super) fn refuse_tracked(access: &Access, printer: &Printer) -> Result<(), Failure> {
    let StoreKind::Sqlite { path } = &access.store.kind;
    if !Git::may_be_around(&access.repository) {
        return Ok(());
    }
    let git = Git::around(&access.repository);
    let unasked = || {
        let why = "git does not say whether it has the store or the journal, which belong to this machine alone";
        let help = "have `git` installed, and the access repository in a repository of it that this user owns, or that \
                    `safe.directory` names";
        Failure::failed(advised(why, help))
    };
    if !Git::is_installed() {
        printer.warning("`git` is not there to be asked whether it has the store or the journal");
        return Ok(());
    }
    let top = git.line(&["rev-parse", "--show-toplevel"]).ok_or_else(unasked)?;
    let store = access.store_path();
    // A folder on the way may be a link to another one of the repository.
    let real = store.parent().and_then(|folder| Some(folder.canonicalize().ok()?.join(store.file_name()?)));
    let is_inside = |file: &PathBuf| access.repository.join(file).starts_with(&top) || file.is_relative();
    let with_all = |file: &PathBuf| BESIDE.map(|suffix| PathBuf::from(format!("{}{suffix}", file.display()))).to_vec();
    let of_store = [Some(path), real.as_ref()].into_iter().flatten().filter(|file| is_inside(file)).map(with_all);
    let mut found = None;
    for places in of_store.chain([vec![PathBuf::from(FOLDER)]]) {
        // A submodule, or a link in the place of a folder.
        let folders = places.iter().flat_map(|place| place.ancestors().skip(1));
        let mut folders = folders.filter(|folder| folder.is_relative() && !folder.as_os_str().is_empty());
        if let Some(folder) = folders.find(|folder| git.has_entry(folder)) {
            found = Some(folder.display().to_string());
            break;
        }
        let tracked = git.tracked(&places).ok_or_else(unasked)?;
        let is_harmless = |name: &String| {
            Path::new(name).file_name().is_some_and(|name| HARMLESS.iter().any(|harmless| name == *harmless))
        };
        found = found.or_else(|| tracked.into_iter().find(|name| !is_harmless(name)));
    }
    let Some(found) = found else { return Ok(()) };
    let why = format!(
        "`{found}` is in git, and belongs to this machine alone: whoever proposes a change could put another one in the \
         place of the real one"
    );
    let is_in_folder = Path::new(&found).starts_with(FOLDER);
    let what = if is_in_folder { format!("-r {FOLDER}") } else { shell_word(&found) };
    let ignored = if is_in_folder { format!("{FOLDER}/") } else { found.clone() };
    let help = format!(
        "see who brought it; take it out with `git rm --cached {what}`, commit that, and have `/{ignored}` in `.gitignore`"
    );
    Err(Failure::failed(advised(why, help)))
}

/// Tells where the next `git add` would take a store or the journal.
pub(super) fn tell_not_ignored(settings: &Settings, repository: &Path, printer: &Printer) {
    if !Git::may_be_around(repository) {
        return;
    }
    let git = Git::around(repository);
    let stores = settings.stores.values().map(|store| match &store.kind {
        StoreKind::Sqlite { path } => path.clone(),
    });
    let mut files = stores.filter(|path| path.is_relative()).chain([PathBuf::from(FOLDER).join("journal")]);
    if let Some(file) = files.find(|file| git.would_add(file)) {
        let file = file.display();
        printer.warning(&format!(
            "git does not ignore `{file}`, which belongs to this machine alone: add `/{FOLDER}/`, and each store that is \
             elsewhere, to `.gitignore`"
        ));
    }
}
