//! Making folders and files for whichever command needs them.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use super::exit::Failure;

/// Makes a folder and those above it, unless they are there.
pub(super) fn make_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| {
        Failure::failed(anyhow::Error::new(error).context(format!("the folder `{}` can't be made", folder.display())))
    })
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
