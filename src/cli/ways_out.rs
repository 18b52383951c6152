//! What is left where `deactivate` can't do its work: at three in the morning nobody looks into a manual.
//!
//! Everything named here works without this program, and no later run undoes it.

use std::path::Path;

use super::options::Global;
use crate::diagnostic::shell_word;
use crate::report::sanitise;

/// Where `init` puts a store, in the access repository.
const USUAL_STORE: &str = ".rollcall/store.db";

/// How an account is locked out in the store itself; `file`: the file of an embedded store, where it is known.
pub(super) fn in_store(global: &Global, file: Option<&Path>, key: &str) -> String {
    let usual = global.repository.join(USUAL_STORE);
    let file = file.or_else(|| usual.is_file().then_some(&usual));
    let file = file.map_or_else(|| "FILE".to_owned(), |file| shell_word(&shown_path(file)));
    // What a shell or SQL would take for something else has to be typed by whoever knows how.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@.-_+".contains(c);
    let key = if key.chars().all(is_plain) { key } else { "KEY" };
    let hint = if file == "FILE" { " (FILE: the `path` of the store)" } else { "" };
    format!(
        "sqlite3 {file} \"UPDATE users SET status = 'inactive' WHERE key = '{key}' COLLATE NOCASE; SELECT changes();\"\
         {hint}, which prints 1 when it is done; in the store of a vendor, deactivate the account in the vendor's own \
         console. No later run undoes that; declare `status: inactive` afterwards"
    )
}

/// How settings that were good come back.
pub(super) fn good_settings(global: &Global) -> String {
    let repository = global.repository.to_string_lossy();
    let git = if repository == "." { "git".to_owned() } else { format!("git -C {}", shell_word(&repository)) };
    format!(
        "settings that were good before will do: `{git} log --oneline -- rollcall.yaml` lists their revisions, \
         `{git} checkout REVISION -- rollcall.yaml` brings one back; then run this again"
    )
}

fn shown_path(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    sanitise(&path.to_string_lossy()).into_owned()
}
