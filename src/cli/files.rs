//! Making folders and files for whichever command needs them.
//!
//! Nothing that is there is ever overwritten, and nothing is seen before it is whole.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::edge;
use super::exit::{Failure, advised};

/// The path of a file that is named relative to the access repository; in the folder itself as it was given.
///
/// # Errors
/// If a link in the repository, which a pull request may have put there, leads out of it on the way to the file.
pub(super) fn in_repository(repository: &Path, file: &Path) -> Result<PathBuf, Failure> {
    let path = if repository == Path::new(".") { file.to_owned() } else { repository.join(file) };
    let steps = file.ancestors().filter(|step| file.is_relative() && *step != Path::new(""));
    for step in steps.map(|step| repository.join(step)) {
        if leads_out(&step, repository) {
            let why = format!(
                "`{}` is a link that leads out of the access repository, or nowhere, and is not followed",
                step.display()
            );
            return Err(Failure::invalid(advised(why, "name another path")));
        }
    }
    Ok(path)
}

/// Whether this is a link to somewhere outside of the access repository, or to nothing.
pub(super) fn leads_out(path: &Path, repository: &Path) -> bool {
    if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
        return false;
    }
    match (path.canonicalize(), repository.canonicalize()) {
        (Ok(path), Ok(repository)) => !path.starts_with(repository),
        (Err(_), _) | (_, Err(_)) => true,
    }
}

/// Makes a folder and those above it, unless they are there.
pub(super) fn make_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| {
        Failure::failed(anyhow::Error::new(error).context(format!("the folder `{}` can't be made", folder.display())))
    })
}

/// The name under which a file is written before it gets its own.
pub(super) fn beside(path: &Path) -> Option<PathBuf> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name()?);
    name.push(format!(".{}.tmp", edge::run_id()));
    Some(path.with_file_name(name))
}

/// Puts a text in the place of a file's content, all of it or none: the file stays what it is to others, by its mode and
/// by links to it. Nothing is done where it does not hold `before` any more.
pub(super) fn replace(path: &Path, before: &str, text: &str) -> anyhow::Result<()> {
    let context = || format!("`{}` can't be written; it is as it was", path.display());
    let path = path.canonicalize().with_context(context)?;
    let beside = beside(&path).ok_or_else(|| anyhow::anyhow!("it names no file").context(context()))?;
    let mode = path.metadata().with_context(context)?.permissions();
    let written = (|| {
        let mut file = fs::File::create_new(&beside)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(mode)?;
        file.sync_all()?;
        if fs::read(&path)? == before.as_bytes() {
            fs::rename(&beside, &path)
        } else {
            Err(io::Error::other("somebody else has changed it in the meantime; run it again"))
        }
    })();
    written
        .inspect_err(|error| {
            if error.kind() != io::ErrorKind::AlreadyExists {
                // What was begun is of no use to anybody.
                let _ = fs::remove_file(&beside);
            }
        })
        .with_context(context)
}

/// Writes a file that is not there yet.
pub(super) fn write_new(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let path = folder.join(name);
    let context = || format!("`{}` can't be written", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(context)?;
    }
    let mut file = fs::File::create_new(&path).with_context(context)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(context)
}

/// Writes files that are not there yet: all of them, or none. A folder that is not there yet appears with all of them in
/// it, also where the program is killed.
pub(super) fn write_all_new<'a>(
    folder: &Path,
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> anyhow::Result<()> {
    let new_name = folder.file_name().filter(|_| folder.symlink_metadata().is_err());
    let Some(name) = new_name else { return add_new(folder, files) };
    let beside = folder.with_file_name(format!(".{}.{}.tmp", name.to_string_lossy(), edge::run_id()));
    let context = || format!("the folder `{}` can't be made; nothing was written", folder.display());
    fs::create_dir_all(&beside).with_context(context)?;
    let written = add_new(&beside, files).and_then(|()| fs::rename(&beside, folder).with_context(context));
    if written.is_err() {
        // What was begun is of no use to anybody.
        let _ = fs::remove_dir_all(&beside);
    }
    written
}

fn add_new<'a>(folder: &Path, files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> anyhow::Result<()> {
    let mut begun = Begun::default();
    let run = edge::run_id();
    fs::create_dir_all(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
        .with_context(|| format!("the folder `{}` can't be made", folder.display()))?;
    for (name, bytes) in files {
        let path = folder.join(name);
        let context = || format!("`{}` can't be written; nothing was written", path.display());
        if path.symlink_metadata().is_ok() {
            return Err(anyhow::anyhow!("it is there already, and nothing is overwritten").context(context()));
        }
        let beside = path.with_file_name(format!(".{}.{run}.tmp", begun.beside.len()));
        let mut file = fs::File::create_new(&beside).with_context(context)?;
        begun.beside.push((beside, path.clone()));
        file.write_all(bytes).and_then(|()| file.sync_all()).with_context(context)?;
    }
    for (beside, path) in &begun.beside {
        // A link, unlike a move, never takes the place of a file that somebody has made in the meantime.
        let placed = match fs::hard_link(beside, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists && path.symlink_metadata().is_err() => {
                fs::rename(beside, path)
            }
            other => other,
        };
        placed.with_context(|| format!("`{}` can't be written; nothing was written", path.display()))?;
        begun.placed.push(path.clone());
    }
    begun.placed.clear();
    Ok(())
}

/// Files that are being written. What is left of them goes with it.
#[derive(Default)]
struct Begun {
    beside: Vec<(PathBuf, PathBuf)>,
    placed: Vec<PathBuf>,
}

impl Drop for Begun {
    fn drop(&mut self) {
        for path in self.beside.iter().map(|(beside, _)| beside).chain(&self.placed) {
            // One that can't be removed has a name that says what it is.
            let _ = fs::remove_file(path);
        }
    }
}

/// What is in a file of at most so many bytes.
pub(super) fn read_at_most(path: &Path, largest: u64) -> anyhow::Result<Vec<u8>> {
    let context = || format!("`{}` can't be read", path.display());
    if !path.metadata().with_context(context)?.is_file() {
        return Err(anyhow::anyhow!("it is no file").context(context()));
    }
    let mut bytes = Vec::new();
    fs::File::open(path).with_context(context)?.take(largest + 1).read_to_end(&mut bytes).with_context(context)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > largest {
        let why = format!("it is larger than {} MiB", largest >> 20);
        return Err(advised(why, "split it, by organization for example").context(context()));
    }
    Ok(bytes)
}
