//! The journal of a store: where it is, whether it is of this store, and what is odd about it.
//!
//! A store whose file was lost and made anew is empty, and a plan for it invites everybody once more. Its journal still
//! knows the old one, so that is asked before anything is shown or made.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::access::Access;
use super::edge;
use super::exit::{Failure, advised};
use super::files::{leads_out, make_folder};
use super::printer::Printer;
use crate::diagnostic::Code;
use crate::journal::{self, Glance, Head, Holder, Journal, JournalError, JournalledLockOut, Standing};
use crate::model::{ActionKind, Catalog, HalfChange, HalfChanged, List, LiveState, Membership, Names, Value, known};
use crate::plan::{Action, History, State, action_id};
use crate::settings::StoreKind;
use crate::store::Info;
use crate::store::sqlite::SqliteReader;

/// What stands in the name of a journal as it is: what is harmless in the name of a file.
const JOURNAL_NAME: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The folder of what rollcall keeps for itself, in the access repository.
pub(super) const FOLDER: &str = ".rollcall";

/// How long an apply waits for another one. Two pipelines that were started by two merges shall both do their work: one
/// that is refused at once leaves its change undone until somebody looks. More than this, and it is rather a prompt that
/// nobody answers.
const PATIENCE: Duration = Duration::from_mins(5);

/// A journal that is open for this run.
pub(super) struct Opened {
    pub(super) journal: Journal,
    pub(super) path: PathBuf,
    /// Whether another run had it before.
    pub(super) has_waited: bool,
}

/// The journal of the store with this name: `.rollcall/journal-NAME.jsonl` in the access repository.
///
/// # Errors
/// If the folder is a link out of the repository, to where a pull request could make it point.
pub(super) fn path(repository: &Path, store_name: &str) -> Result<PathBuf, Failure> {
    let folder = repository.join(FOLDER);
    if leads_out(&folder, repository) {
        let why =
            format!("`{}` is a link that leads out of the access repository, and is not followed", folder.display());
        return Err(Failure::failed(advised(why, "make it a folder")));
    }
    // Two names never share a journal.
    let name = percent_encoding::utf8_percent_encode(store_name, JOURNAL_NAME);
    Ok(folder.join(format!("journal-{name}.jsonl")))
}

/// Opens the journal, after the run that has it, if that ends soon. One run at a time, from the reading of the store to
/// the last write.
///
/// # Errors
/// If another run keeps it for too long, it can't be used, or a line was altered.
pub(super) fn open(access: &Access, printer: &Printer) -> Result<Opened, Failure> {
    let opened = open_as_it_is(access, None, printer)?;
    match alteration(&opened.path)? {
        None => Ok(opened),
        Some(altered) => Err(Failure::failed(anyhow::anyhow!(
            "{altered}; until then nothing is applied{}",
            who_is_locked_out(access, opened.journal.store())?
        ))),
    }
}

/// Like [`open`], for one action that an operator asks for: where a line was altered it is told, and the action can be
/// done. `meanwhile`: what else can be done, for who waits for another run.
pub(super) fn open_for_operator(
    access: &Access,
    meanwhile: Option<&str>,
    printer: &Printer,
) -> Result<Opened, Failure> {
    let opened = open_as_it_is(access, meanwhile, printer)?;
    if let Some(altered) = alteration(&opened.path)? {
        printer.warning(&format!("{altered}; what you ask for is done all the same, and `apply` refuses to run"));
    }
    Ok(opened)
}

fn open_as_it_is(access: &Access, meanwhile: Option<&str>, printer: &Printer) -> Result<Opened, Failure> {
    let path = path(&access.repository, &access.store_name)?;
    path.parent().map_or(Ok(()), make_folder)?;
    let mut has_waited = false;
    let mut wait = |what: &str, path: &Path| {
        has_waited = true;
        let told = format!(
            "another run has the {what} `{}`{}; waiting for it to end, up to {} minutes",
            path.display(),
            who_has_it(path),
            PATIENCE.as_secs() / 60
        );
        match meanwhile {
            Some(meanwhile) => printer.warning(&format!("{told}; {meanwhile}")),
            None => printer.note(&told),
        }
    };
    let mut journal =
        Journal::open_within(&path, PATIENCE, &mut || wait("journal", &path)).map_err(|error| match error {
            JournalError::Locked(_) => Failure::failed(anyhow::anyhow!("{error}{}", who_has_it(&path))),
            error => unusable(error),
        })?;
    let holder = edge::holder();
    journal.held_by(&path, &holder);
    let store = access.store_path();
    let lock = journal::run_lock_of(&store);
    journal.have_store(&store, &holder, PATIENCE, &mut || wait("store", &lock)).map_err(|error| match error {
        JournalError::Locked(_) => Failure::failed(advised(
            format!("the store `{}` is in use by another run", store.display()),
            format!("wait for that run to end, then try again{}", who_has_it(&lock)),
        )),
        error => unusable(error),
    })?;
    Ok(Opened { journal, path, has_waited })
}

/// Who has the journal in `path`, and how that run is ended, as far as it is known.
fn who_has_it(path: &Path) -> String {
    // The other run says so right after it has it.
    let told = (0..5).find_map(|turn| {
        if turn > 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
        journal::holder(path)
    });
    let Some(Holder { process, command, since, who }) = told else {
        return " (which one is not known)".to_owned();
    };
    let by = who.actor.or(who.user).map(|user| format!(", by {user}")).unwrap_or_default();
    let job = who.job.map(|job| format!(", job {job}")).unwrap_or_default();
    format!(
        " (process {process}, `{command}`, since {since}{by}{job}; on its machine `kill {process}` ends it after the batch \
         in hand)"
    )
}

/// The first line of the journal in `path` that was altered, with all of the file read; `None` also where this user may
/// not read it, or there is none.
fn alteration(path: &Path) -> Result<Option<JournalError>, Failure> {
    match journal::verify_chain(path) {
        Err(altered @ JournalError::Altered { .. }) => Ok(Some(altered)),
        Err(JournalError::Unreadable { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        verified => if_readable(verified).map(|()| None),
    }
}

/// Warns of a line that was altered, where nothing is written anyway.
pub(super) fn tell_alteration(access: &Access, printer: &Printer) -> Result<(), Failure> {
    if let Some(altered) = alteration(&path(&access.repository, &access.store_name)?)? {
        printer.warning(&format!("{altered}; `apply` refuses to run until then"));
    }
    Ok(())
}

/// What to do for those whom an altered journal remembers as locked out, before it is moved away.
fn who_is_locked_out(access: &Access, store: Option<&str>) -> Result<String, Failure> {
    let locked_out = store.map_or_else(|| Ok(BTreeMap::new()), |store| journalled_lock_outs(access, store))?;
    if locked_out.is_empty() {
        return Ok(String::new());
    }
    let keys: Vec<String> = locked_out.into_keys().collect();
    Ok(format!(
        ". It remembers as locked out: {}; declare `status: inactive` for them before you move it away",
        keys.join(", ")
    ))
}

/// Tells what is odd about a journal, by what the store remembers of it: nothing that keeps an apply from going on, since
/// the plan was made from the store itself, and a store that does all of a batch or nothing shows what became of an
/// attempt. It is noted in the journal as well, so that an audit finds it.
pub(super) fn tell_oddities(opened: &mut Opened, seen: Option<Head>, printer: &Printer) -> Result<(), Failure> {
    let Opened { journal, path, has_waited: _ } = opened;
    let standing = tell_standing(journal, path, seen.as_ref(), printer)?;
    match (standing, seen) {
        (Some(Standing::Empty | Standing::Shorter | Standing::Other), Some(seen)) => journal.note_missing(seen),
        (Some(Standing::Same | Standing::Longer) | None, _) | (_, None) => {}
    }
    Ok(())
}

/// Tells what is odd about the journal before a plan is shown, which changes nothing; an apply would refuse, or tell it
/// too. Nothing where another run has it, which is about to change it, or where this user may not read it.
pub(super) fn look_over(access: &Access, seen: Option<&Head>, printer: &Printer) -> Result<(), Failure> {
    let path = path(&access.repository, &access.store_name)?;
    match Journal::look(&path) {
        Ok(Some(journal)) => {
            tell_standing(&journal, &path, seen, printer)?;
        }
        Err(JournalError::Unreadable { source, .. }) if source.kind() == ErrorKind::PermissionDenied => {}
        Ok(None) if path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) => {
            if let Some(Head { line, hash: _ }) = seen {
                printer.warning(&format!(
                    "there is no journal `{}`, and the store has seen line {line} of it; find out who removed it, or put \
                     it back from a backup: without it `apply` begins a new one, as in a fresh clone",
                    path.display()
                ));
            }
        }
        // Altered lines are looked for in the whole of it.
        Ok(None) | Err(JournalError::Altered { .. }) => {}
        Err(error) => {
            let error = anyhow::Error::new(error);
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            printer.warning(&format!("{}; until then apply refuses", causes.join(": ")));
        }
    }
    Ok(())
}

/// Warns of what is odd about a journal. How it stands to the last line that the store has seen, if it has.
fn tell_standing(
    journal: &Journal,
    path: &Path,
    seen: Option<&Head>,
    printer: &Printer,
) -> Result<Option<Standing>, Failure> {
    let shown = path.display();
    if let Some((first, last)) = journal.foreign_lines() {
        let lines = if first == last { format!("line {first}") } else { format!("lines {first} to {last}") };
        printer.warning(&format!(
            "{lines} at the end of the journal `{shown}` is not what rollcall wrote; a disk that was full leaves such a \
             line, else find out who changed the file: it stays there as evidence"
        ));
    }
    let Some(seen) = seen else { return Ok(None) };
    let line = seen.line;
    let standing = journal.standing(path, seen).map_err(unusable)?;
    match standing {
        Standing::Same => {}
        Standing::Longer => printer.warning(&format!(
            "the journal `{shown}` goes on after line {line}, the last one that the store has seen: a run was cut off, or \
             the store was taken from a backup; then what was done since is planned again, mails included"
        )),
        Standing::Empty => printer.warning(&format!(
            "the journal `{shown}` is empty or new, and the store has seen line {line} of it; keep the earlier one where \
             audits find it"
        )),
        Standing::Shorter => printer.warning(&format!(
            "the end of the journal `{shown}` is missing: the store has seen line {line} of it; see whether the disk \
             was full, find out who changed the file, or put it back from a backup"
        )),
        Standing::Other => printer.warning(&format!(
            "the journal `{shown}` is another one than the store has seen up to line {line}; find out who changed the \
             file, or whether somebody applies from another folder"
        )),
    }
    Ok(Some(standing))
}

/// Looks at the journal of a store without opening it for a run. One that this user may not read is told of and is no
/// obstacle: who plans may be allowed less than who applies.
pub(super) fn glance(repository: &Path, store_name: &str, printer: &Printer) -> Result<Option<Glance>, Failure> {
    match journal::glance(&path(repository, store_name)?) {
        Ok(found) => Ok(found),
        Err(JournalError::Unreadable { path, source }) if source.kind() == ErrorKind::PermissionDenied => {
            printer.note(&format!(
                "the journal `{path}` can't be read by this user, so whether it is of this store is not known"
            ));
            Ok(None)
        }
        Err(error) => Err(unusable(error)),
    }
}

/// What was done since the last line that the store has seen; to be asked before the store is read. Nothing where this
/// user may not read the journal.
pub(super) fn done_unseen(access: &Access, printer: &Printer) -> Result<BTreeSet<String>, Failure> {
    let Some(seen) = access.journal_seen(printer)? else { return Ok(BTreeSet::new()) };
    if_readable(journal::done_since(&path(&access.repository, &access.store_name)?, seen.line))
}

/// Whom an operator locked out by what the journal says, as their keys compare; nobody where this user may not read it.
pub(super) fn journalled_lock_outs(
    access: &Access,
    store: &str,
) -> Result<BTreeMap<String, JournalledLockOut>, Failure> {
    let found = if_readable(journal::locked_out(&path(&access.repository, &access.store_name)?, store))?;
    let compared = |(key, told): (String, _)| Some((access.rules().identity.normalize(&key).ok()?, told));
    Ok(found.into_iter().filter_map(compared).collect())
}

/// Whom an operator locked out, as their keys compare, where the store itself has forgotten it: it knows of none since
/// then. What has forgotten a lock-out may have forgotten renames before it, so the former keys stand for it, too.
pub(super) fn forgotten_lock_outs(
    access: &Access,
    store: &str,
) -> Result<BTreeMap<String, JournalledLockOut>, Failure> {
    let found = journalled_lock_outs(access, store)?;
    if found.is_empty() {
        return Ok(BTreeMap::new());
    }
    let StoreKind::Sqlite { .. } = access.store.kind;
    let remembered = SqliteReader::open(&access.store_path(), access.rules())?.list_lock_outs()?;
    let since = |at: String| at.parse().unwrap_or(Timestamp::MIN);
    let remembered: BTreeMap<String, Timestamp> = remembered.into_iter().map(|(key, at)| (key, since(at))).collect();
    let is_forgotten =
        |key: &str, told: &JournalledLockOut| remembered.get(key).is_none_or(|known| *known < told.since);
    let mut forgotten = BTreeMap::new();
    for (key, told) in found.into_iter().filter(|(key, told)| is_forgotten(key, told)) {
        let former = told.former.iter().filter_map(|key| access.rules().identity.normalize(key).ok());
        for key in former.filter(|key| is_forgotten(key, &told)) {
            forgotten.entry(key).or_insert_with(|| told.clone());
        }
        forgotten.insert(key, told);
    }
    Ok(forgotten)
}

/// Adds to what is live what the journal knows of invitations that were cancelled for others that did not go out: what
/// others manage of such an account is nowhere else. As long as the one that was cancelled could still be accepted;
/// nothing where this user may not read the journal.
pub(super) fn remember_cut_off(
    access: &Access,
    names: &mut Names,
    (info, live): (&Info, &mut LiveState),
    at: Timestamp,
) -> Result<(), Failure> {
    let path = path(&access.repository, &access.store_name)?;
    let found = if_readable(journal::cut_off(&path, &info.id, &access.rules().identity, names))?;
    for (user, cut_off) in found {
        cut_off.remember(&user, (names, live), access.rules(), at);
    }
    Ok(())
}

/// Memberships that are gone since a run was stopped between the two steps of a change of role, as they were to be, without
/// what this catalog has no more; nothing where this user may not read the journal.
pub(super) fn half_changed(
    access: &Access,
    (store, catalog): (&str, &Catalog),
    names: &mut Names,
) -> Result<HalfChanged, Failure> {
    let found = if_readable(journal::half_changed(
        &path(&access.repository, &access.store_name)?,
        store,
        &access.rules().identity,
    ))?;
    let mut half = HalfChanged::new();
    for whole in &found {
        let Some(Action { subject, before: Some(before), after: Some(after), .. }) = journal::revive(names, whole)
        else {
            continue;
        };
        let (Some(user), Some(organization)) = (subject.user, subject.organization) else { continue };
        let Ok(identity) = access.rules().identity.normalize(names.text(user)) else { continue };
        let side = |state: State| {
            let text = |field| state.value(field).and_then(Value::text);
            let extra_roles = match state.value(known::EXTRA_ROLES) {
                Some(Value::Set(list)) => list,
                Some(Value::Null | Value::Text(_) | Value::Bool(_) | Value::Number(_)) | None => List::EMPTY,
            };
            let (role, default_site) = (text(known::ROLE), text(known::DEFAULT_SITE));
            (Membership { organization, role, extra_roles, default_site }, state.grants)
        };
        let user = names.intern(&identity);
        half.insert((user, organization), HalfChange::of(side(before), side(after), catalog, names));
    }
    Ok(half)
}

/// Since when accounts are out by what runs did, as their keys compare; nothing where this user may not read the journal.
pub(super) fn left_since(access: &Access, store: &str) -> Result<BTreeMap<String, Timestamp>, Failure> {
    let path = path(&access.repository, &access.store_name)?;
    if_readable(journal::left_since(&path, store, &access.rules().identity))
}

/// In which state runs left things; nothing where there is no whole journal, or this user may not read it.
pub(super) fn left_states(access: &Access, store: &str, names: &mut Names) -> Result<Option<History>, Failure> {
    let path = path(&access.repository, &access.store_name)?;
    if_readable(journal::left_states(&path, store, &access.rules().identity, names))
}

/// What to say where a plan invites people who have been invited already, by what was done that the store does not know.
pub(super) fn invited_twice<'a>(
    names: &Names,
    actions: impl IntoIterator<Item = &'a Action>,
    done: &BTreeSet<String>,
) -> Option<String> {
    let brings_mail = |kind| {
        matches!(
            kind,
            ActionKind::InviteUser | ActionKind::CreateUser | ActionKind::SendInvitation | ActionKind::ResendInvitation
        )
    };
    let is_done =
        |action: &&Action| brings_mail(action.kind) && done.contains(&action_id(names, action.kind, &action.subject));
    let again = if done.is_empty() { 0 } else { actions.into_iter().filter(is_done).count() };
    (again > 0).then(|| {
        format!(
            "{} been invited already, as the journal says, and the store does not know of it: it was taken from a backup \
             that is older; put a newer one back, or review the plan and apply it with --approved",
            if again == 1 { "1 of these people has".to_owned() } else { format!("{again} of these people have") }
        )
    })
}

/// Refuses a store of which its journal does not know.
pub(super) fn check_store(access: &Access, known: Option<&str>, id: &str) -> Result<(), Failure> {
    let Some(known) = known.filter(|known| *known != id) else { return Ok(()) };
    let file = access.store_path();
    let what = format!("the store `{}` is {id}, and its journal is of the store {known}", file.display());
    Err(lost(&what, &path(&access.repository, &access.store_name)?))
}

/// Whether nothing, or an empty file, stands in the place of a store.
pub(super) fn is_lost(file: &Path) -> bool {
    file.symlink_metadata().is_err() || file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
}

/// Refuses to begin a store, or to say that it has to be begun, where its journal knows of one.
pub(super) fn check_absent_store(file: &Path, repository: &Path, name: &str, printer: &Printer) -> Result<(), Failure> {
    let place = if file.symlink_metadata().is_ok() { "nothing in the store" } else { "no store at" };
    let what = match glance(repository, name, printer)? {
        None | Some(Glance { store: None, is_empty: true }) => return Ok(()),
        Some(Glance { store: Some(known), .. }) => {
            format!("there is {place} `{}`, and its journal is of the store {known}", file.display())
        }
        Some(Glance { store: None, is_empty: false }) => {
            format!("there is {place} `{}`, and its journal does not say of which store it is", file.display())
        }
    };
    Err(lost(&what, &path(repository, name)?))
}

/// What the journal says; nothing where this user may not read it: who plans may be allowed less than who applies.
pub(super) fn if_readable<T: Default>(found: Result<T, JournalError>) -> Result<T, Failure> {
    match found {
        Err(JournalError::Unreadable { source, .. }) if source.kind() == ErrorKind::PermissionDenied => {
            Ok(T::default())
        }
        found => found.map_err(unusable),
    }
}

/// The journal can't be used.
pub(super) fn unusable(error: JournalError) -> Failure {
    Failure::failed(error).with_code(Code::JournalUnusable)
}

fn lost(what: &str, journal: &Path) -> Failure {
    let help = format!(
        "with an empty one everybody would be invited again: put the store back from a backup, correct its `path` in the \
         settings, or move `{}` away if the store is really to begin anew",
        journal.display()
    );
    Failure::failed(advised(what, help)).with_code(Code::StoreUnusable)
}
