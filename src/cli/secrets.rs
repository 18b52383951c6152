//! Where one-time secrets go, and who has none: the sink of the settings, looked at before anything is planned and
//! opened before anything is written.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::access::{Access, Declared, Lines};
use super::exit::{Exit, Failure, advised};
use super::git::Git;
use super::journal;
use super::printer::Printer;
use super::settings_file::about_settings;
use crate::diagnostic::{Code, Diagnostic, shell_word};
use crate::journal::{Lost, Undelivered, undelivered};
use crate::model::{LiveState, LiveView, Names, Status};
use crate::plan::{Plan, yields};
use crate::report::sanitise;
use crate::rules::PasswordReset;
use crate::secret::{CommandSink, FileSink, SecretKind, Sink};
use crate::settings;

const NAME_ONE: &str = "write `secrets: { sink: { file: .rollcall/secrets } }` into rollcall.yaml, or `{ command: […] }` \
                        in place of the file (rollcall keeps no secret and prints none)";

/// Refuses a plan that yields a secret where no sink can take it; the line that needs one is named.
pub(super) fn check(access: &Access, declared: &Declared, plan: &Plan, printer: &Printer) -> Result<(), Failure> {
    let Some((action, kind)) = plan.actions.iter().find_map(|action| Some((action, yields(access.rules(), action)?)))
    else {
        return Ok(());
    };
    if access.settings.secrets.is_some() {
        return sink(access).map(|_| ());
    }
    let user = action.subject.user.map(|user| declared.names.text(user)).unwrap_or_default();
    let what = match kind {
        SecretKind::Password => "a first password",
        SecretKind::Api => "an API secret",
    };
    let message = format!("`{}` gets {what}, and the settings name no sink that takes it", user.escape_debug());
    let mut found = Diagnostic::error(Code::NoSecretSink, message).help(NAME_ONE);
    if let Some(origin) = action.origins.first() {
        found = found.at(origin.position, "");
    }
    printer.only_diagnostics(&[found], &Lines::new(&declared.sources));
    Err(Failure::told(Exit::Invalid))
}

/// A warning where whoever is declared will need a sink, and the settings name none.
pub(super) fn missing_sink(access: &Access, declared: &Declared) -> Option<Diagnostic> {
    let is_needed = access.rules().creates_with_secret() && !declared.desired.is_empty();
    let message = "first passwords are handed over once, and the settings name no sink that takes them";
    (is_needed && access.settings.secrets.is_none())
        .then(|| Diagnostic::warning(Code::NoSecretSink, message).help(NAME_ONE))
}

/// The sink that the settings name, as far as it can be known without writing: a file that git would keep, that others
/// could read, or to which a link leads takes nothing.
pub(super) fn sink(access: &Access) -> Result<Option<Box<dyn Sink + Sync>>, Failure> {
    let repository = &access.repository;
    Ok(match &access.settings.secrets {
        None => None,
        Some(settings::Sink::Command(words)) => Some(Box::new(CommandSink::new(words.clone(), repository.clone()))),
        Some(settings::Sink::File(name)) => {
            let path = repository.join(name);
            let sink = FileSink::new(path.clone());
            let told = |failure| about_settings(failure, repository, &["secrets", "sink"]);
            sink.look().map_err(Failure::invalid).map_err(told)?;
            check_place(repository, Path::new(name), &path).map_err(told)?;
            Some(Box::new(sink))
        }
    })
}

/// The sink for a command that can't do without one.
pub(super) fn demanded_sink(access: &Access) -> Result<Box<dyn Sink + Sync>, Failure> {
    let none = || advised("the settings name no sink for one-time secrets", NAME_ONE);
    sink(access)?.ok_or_else(|| about_settings(Failure::invalid(none()), &access.repository, &["secrets"]))
}

/// Refuses a file that a link leads out of the access repository, or that git does not ignore.
fn check_place(repository: &Path, name: &Path, path: &Path) -> Result<(), Failure> {
    let refused = |why: &str, help: &str| {
        let path = path.display();
        let why = format!("the file of one-time secrets `{path}` (`secrets.sink.file`) is not used: {why}");
        Failure::invalid(advised(why, help))
    };
    let above = |path: &Path| path.ancestors().skip(1).find_map(|folder| named(folder).canonicalize().ok());
    let Some(folder) = above(path) else {
        return Err(refused("its folder can't be found", "make it, or name another file"));
    };
    if name.is_relative() {
        let is_inside = named(repository).canonicalize().is_ok_and(|repository| folder.starts_with(repository));
        let climbs = name.components().any(|part| matches!(part, Component::ParentDir));
        if !is_inside || climbs {
            return Err(refused(
                "it is outside of the access repository",
                "name it by its whole path if that is meant",
            ));
        }
    }
    let missing: PathBuf = path.components().skip(path.components().count().saturating_sub(1)).collect();
    let git = Git::around(&folder);
    let is_kept = match git.line(&["rev-parse", "--is-inside-work-tree"]).as_deref() {
        // What is tracked is not ignored, whatever `.gitignore` says.
        Some("true") => {
            let below = path.parent().and_then(|parent| named(parent).canonicalize().ok());
            let asked = below.map_or_else(|| path.to_owned(), |parent| parent.join(&missing));
            git.line(&["check-ignore", "--", &asked.to_string_lossy()]).is_none()
        }
        // Within `.git` itself nothing is kept.
        Some(_) => false,
        None => Git::may_be_around(&folder),
    };
    if is_kept {
        let why = "git does not ignore it, so that it could be committed";
        return Err(refused(why, "add it to `.gitignore`, or name a file elsewhere"));
    }
    Ok(())
}

fn named(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// The secrets that were made in the store and never handed over, as the journal knows them; none where this user may
/// not read it.
pub(super) fn lost(access: &Access, store: &str) -> Result<Undelivered, Failure> {
    journal::if_readable(undelivered(&journal::path(&access.repository, &access.store_name)?, store))
}

/// A warning for everybody who can't log in, or can't use the API, since nobody has the secret.
pub(super) fn tell_lost(access: &Access, names: &Names, live: &LiveState, lost: &Undelivered) -> Vec<Diagnostic> {
    let people = lost.lost.iter().flat_map(|((key, kind), one)| {
        let of = holders((access, names, live), (key, *kind), one, &lost.known);
        of.into_iter().map(|user| (names.text(user.key), *kind))
    });
    let told = people.map(|(key, kind)| {
        let message = match kind {
            SecretKind::Password => format!(
                "`{}` has no password that anybody knows: a run made it, and as far as the journal knows no sink took it",
                key.escape_debug()
            ),
            SecretKind::Api => {
                format!(
                    "nobody knows the API secret of `{}`: a run made it, and as far as the journal knows no sink took it",
                    key.escape_debug()
                )
            }
        };
        Diagnostic::warning(Code::SecretLost, message).help(way_out(access, key, kind))
    });
    told.collect()
}

/// The active accounts that this secret of the user with this key opens: the one with the store's id, or with that key.
/// Where there is none the key was changed in the store, and it is whoever got a password just then under a key of which
/// the journal does not know. Not an account whose password is newer.
fn holders<'a>(
    (access, names, live): (&Access, &Names, &'a LiveState),
    (key, kind): (&str, SecretKind),
    lost: &Lost,
    known: &BTreeSet<String>,
) -> Vec<LiveView<'a>> {
    let is_still_it = |user: &LiveView<'_>| {
        let is_newer = kind == SecretKind::Password && user.password_since.is_some_and(|since| since > lost.until);
        user.status == Status::Active && !is_newer
    };
    let identity = access.rules().identity.normalize(key).ok().and_then(|key| names.find(&key));
    let by_id = lost.account.as_deref().and_then(|id| live.users().find(|user| names.text(user.id) == id));
    if let Some(user) = by_id.or_else(|| identity.and_then(|identity| live.find(identity))) {
        return Some(user).filter(is_still_it).into_iter().collect();
    }
    if kind != SecretKind::Password || lost.account.is_some() {
        return Vec::new();
    }
    let is_from_then = |user: &LiveView<'_>| {
        let is_unknown = !known.contains(names.text(user.key)) && !user.is_service();
        // Times in the store may be of whole seconds.
        let since = user.password_since.filter(|_| is_unknown);
        since.is_some_and(|since| since.as_second() >= lost.since.as_second() && since <= lost.until)
    };
    live.users().filter(|user| is_still_it(user) && is_from_then(user)).collect()
}

/// How somebody gets another secret.
pub(super) fn way_out(access: &Access, key: &str, kind: SecretKind) -> String {
    match (kind, access.rules().password_reset()) {
        (SecretKind::Password, PasswordReset::Generated | PasswordReset::ByPerson) => {
            format!("make another one: rollcall reset-password {}", shell_word(key))
        }
        (SecretKind::Password, PasswordReset::NotStated) => "set another one in the service itself".to_owned(),
        (SecretKind::Api, _) => {
            "declare `api: { enabled: false }`, apply, and turn it on again: that makes another one".to_owned()
        }
    }
}

/// Tells whose secrets a run has lost.
pub(super) fn tell_undelivered(access: &Access, lost: &[crate::apply::Undelivered], printer: &Printer) {
    for one in lost {
        let what = match one.kind {
            SecretKind::Password => "password",
            SecretKind::Api => "API secret",
        };
        let (user, way) = (sanitise(&one.user), way_out(access, &one.user, one.kind));
        printer.warning(&format!("the {what} of {user} was made and is lost: {}; {way}", one.why));
    }
}
