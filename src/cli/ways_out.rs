//! What is left where `deactivate` can't do its work: at three in the morning nobody looks into a manual.
//!
//! Everything named here works without this program, and no later run undoes it.

use std::path::Path;

use super::exit::Failure;
use super::journal;
use super::options::Global;
use crate::diagnostic::{Code, shell_word};
use crate::report::sanitise;
use crate::store::{StoreError, Trouble};

/// Where `init` puts a store, in the access repository.
const USUAL_STORE: &str = ".rollcall/store.db";

/// The way around what keeps a lock-out from being done; `file`: the file of an embedded store, where it is known.
pub(super) fn around(global: &Global, file: Option<&Path>, key: &str, failure: Option<&Failure>) -> String {
    let statement = || in_store(global, file, key);
    match failure.map_or(Trouble::Other, |failure| trouble(failure, file)) {
        Trouble::NoStore => {
            let file = file.map_or_else(|| "the store".to_owned(), |file| format!("`{}`", shown_path(file)));
            format!(
                "nobody can be locked out in a file that is not the store: put the backup of {file} back (or correct its \
                 `path` in the settings), then run this again; in the store of a vendor, deactivate the account in the \
                 vendor's own console"
            )
        }
        Trouble::NoRoom => format!(
            "make room on the device first, then run this again; if that is not enough, it can be done in the store \
             itself, which needs some room as well: {}",
            statement()
        ),
        Trouble::Other => format!("it can be done in the store itself, without this program: {}", statement()),
    }
}

/// What it is that could not be done.
fn trouble(failure: &Failure, file: Option<&Path>) -> Trouble {
    let is_lost = || failure.code == Code::StoreUnusable && file.is_some_and(journal::is_lost);
    let Some(error) = &failure.error else { return Trouble::Other };
    for cause in error.chain() {
        if let Some(StoreError { trouble, .. }) = cause.downcast_ref() {
            return if is_lost() { Trouble::NoStore } else { *trouble };
        }
        let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        if matches!(kind, Some(std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)) {
            return Trouble::NoRoom;
        }
    }
    // What the journal knows of another store is told without a cause.
    if failure.code == Code::StoreUnusable { Trouble::NoStore } else { Trouble::Other }
}

/// How an account is locked out in the store itself, and that remembered as `deactivate` does it.
pub(super) fn in_store(global: &Global, file: Option<&Path>, key: &str) -> String {
    let usual = global.repository.join(USUAL_STORE);
    let file = file.or_else(|| usual.is_file().then_some(&usual));
    let file = file.map_or_else(|| "FILE".to_owned(), |file| shell_word(&shown_path(file)));
    // What a shell would take for something else within double quotes has to be typed by whoever knows how.
    let is_plain = |c: char| c.is_alphanumeric() || " @.-_+'#%&*/=?^{|}~".contains(c);
    let (quoted, spelled) = if key.chars().all(is_plain) {
        (key.replace('\'', "''"), shell_word(key))
    } else {
        ("KEY".to_owned(), "KEY".to_owned())
    };
    // Where the store keeps keys apart by their case, somebody else may have the other spelling.
    let whom = format!(
        "WHERE key = '{quoted}' COLLATE NOCASE AND (key = '{quoted}' OR (SELECT key_case FROM meta) <> 'sensitive') AND \
         status <> 'closed'"
    );
    let mut hints: Vec<&str> = Vec::new();
    hints.extend((file == "FILE").then_some("FILE: the `path` of the store"));
    hints.extend((quoted == "KEY").then_some("KEY: the key, each `'` in it doubled"));
    let hint = if hints.is_empty() { String::new() } else { format!(" ({})", hints.join("; ")) };
    format!(
        "sqlite3 {file} \"UPDATE users SET status = 'inactive' {whom}; SELECT changes(); INSERT OR REPLACE INTO lock_outs \
         (identity, at, user_id, number, waits) SELECT ifnull(identity, key), strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), id, \
         (SELECT ifnull(max(number), 0) + 1 FROM lock_outs), 1 FROM users {whom}\"{hint}, which prints how \
         many accounts that were (1, or more where several have that key), and 0 where nobody has it; in the store of a vendor, deactivate the account in the vendor's own console. No \
         later run undoes that, whatever the manifests say already; once `rollcall deactivate {spelled}` works again, run \
         it as well, so that the journal remembers it, and declare `status: inactive`"
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
