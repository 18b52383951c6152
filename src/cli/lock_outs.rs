//! What runs and operators write down about lock-outs: the store remembers them beside the accounts.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::access::{Access, Declared};
use super::edge;
use super::exit::Failure;
use super::journal;
use super::printer::Printer;
use crate::journal::JournalledLockOut;
use crate::model::{LiveState, Name, Names};
use crate::plan::{Deferred, Inputs, KnownLockOut, LockOutNews, lock_out_news};
use crate::settings::StoreKind;
use crate::store::sqlite::{LockOutNote, SqliteStore};
use crate::store::{Info, Reader as _, StoreError, Which};

/// Writes down what an apply, which was done, has seen of those who are locked out: whose lock-out the store has
/// forgotten, whom no line lets in, and who was let in. What can't be written is seen by the next one. `is_configured`:
/// the manifests are those that the settings name, and not others for this run.
pub(super) async fn settle(
    access: &Access,
    declared: &mut Declared,
    (deferred, at, is_configured): (&[Deferred], Timestamp, bool),
    printer: &Printer,
) -> Result<(), Failure> {
    let mut reader = access.reader(printer)?;
    let info = reader.info().await?;
    let policy = access.policy(&info)?;
    let forgotten: Vec<&str> = policy.locked_out.iter().map(String::as_str).collect();
    let live = reader.read(&mut declared.names, Which::Users(&forgotten)).await?;
    if live.locked_out.is_empty() && forgotten.is_empty() {
        return Ok(());
    }
    let store = access.store_ref(&info);
    let Declared { names, desired, .. } = declared;
    let rules = access.rules();
    let inputs = Inputs { names, desired, live: &live, rules, policy: &policy, store: &store, at };
    let news = lock_out_news(&inputs, deferred, is_configured);
    let notes: Vec<(&str, LockOutNote)> = news
        .iter()
        .map(|(key, news)| {
            let note = match news {
                LockOutNews::Holds(waits) => LockOutNote::Holds { waits: *waits },
                LockOutNews::Decided => LockOutNote::Decided,
                LockOutNews::Ended => LockOutNote::Ended,
            };
            (key.as_str(), note)
        })
        .collect();
    if notes.is_empty() {
        return Ok(());
    }
    if let Err(error) = write(access, &notes) {
        tracing::warn!(%error, "the store can't keep what this run has seen of lock-outs");
    }
    Ok(())
}

/// Writes these notes down, by keys as compared.
pub(super) fn write(access: &Access, notes: &[(&str, LockOutNote)]) -> Result<(), StoreError> {
    open(access)?.note_lock_outs(notes, edge::now(None))
}

/// Opens the store for writing.
pub(super) fn open(access: &Access) -> Result<SqliteStore, StoreError> {
    let StoreKind::Sqlite { .. } = access.store.kind;
    let own = access.settings.guards.own_account.as_deref();
    SqliteStore::open(&access.store_path(), access.rules().clone(), own)
}

/// What is known of everybody whom an operator locked out: by the store, and by the journal, which tells who did it.
pub(super) fn known(
    access: &Access,
    info: &Info,
    live: &LiveState,
    names: &mut Names,
) -> Result<BTreeMap<Name, KnownLockOut>, Failure> {
    let mut journalled = journal::journalled_lock_outs(access, &info.id)?;
    let mut known = BTreeMap::new();
    for &key in &live.locked_out {
        let since = live.locked_out_since.get(&key).copied();
        let told = journalled.remove(names.text(key));
        let by = told.and_then(|told| told.by);
        known.insert(key, KnownLockOut { since, by, waits: live.waiting_lock_outs.contains(&key) });
    }
    for (key, JournalledLockOut { since, by, .. }) in journal::forgotten_lock_outs(access, &info.id)? {
        known.insert(names.intern(&key), KnownLockOut { since: Some(since), by, waits: true });
    }
    Ok(known)
}
