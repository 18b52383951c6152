//! Plan files: `plan --out FILE` writes one, `apply FILE` reads it and asks whether it still holds.
//!
//! A file is written beside its name and then moved there, readable for its owner only, and never in the place of
//! anything but another plan file. A link is never followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use nix::fcntl::OFlag;
use serde_json::Value;

use super::access::{Access, Declared};
use super::edge;
use super::exit::{Exit, Failure, advised};
use super::files::{beside, in_repository};
use super::journal;
use super::printer::Printer;
use crate::apply::{ApplyReport, ReportChange, ReportDocument};
use crate::diagnostic::Code;
use crate::journal::{attempts_of, attempts_since, revive};
use crate::model::{LiveState, Names};
use crate::plan::{
    Action, Actions, Cause, Changed, ImpactPeople, LARGEST_FILE, Plan, PlanDocument, SavedPlan, StoreRef, action_id,
    besides, digest, is_plan_file, read_file,
};
use crate::report::sanitise;
use crate::store::Info;

const OTHER_STORE: &str = "select the store with --store, or make the plan anew";

/// A plan, and how it stands to today's, where it was saved.
pub(super) struct Saved {
    pub(super) plan: Plan,
    /// Positions of actions that an earlier run of it did.
    pub(super) done_before: Vec<u32>,
    /// Ids of what today's plan would do besides.
    pub(super) besides: Vec<String>,
    /// Why it is stale, if it is.
    pub(super) changed: Vec<Changed>,
    /// Whether somebody is in again of whose lock-out the store does not know.
    pub(super) has_returned: bool,
}

impl Saved {
    /// The plan of the file, or today's where there is none.
    pub(super) fn of(
        file: Option<&SavedPlan>,
        access: &Access,
        declared: &Declared,
        (info, live): (&Info, &LiveState),
        (today, at): (Plan, Timestamp),
    ) -> Result<Self, Failure> {
        let has_returned = today.diagnostics.iter().any(|found| found.code == Code::LockOutForgotten);
        let Some(saved) = file else {
            let (done_before, besides, changed) = (Vec::new(), Vec::new(), Vec::new());
            return Ok(Self { plan: today, done_before, besides, changed, has_returned });
        };
        let StoreRef { name: _, kind, id, address } = &saved.store;
        if (kind, id) != (&today.store.kind, &today.store.id) {
            let why = format!(
                "the plan is for the {} store {}, and `{}` is the {} store {}",
                sanitise(kind),
                sanitise(id),
                access.store_name,
                today.store.kind,
                today.store.id
            );
            return Err(Failure::invalid(advised(why, OTHER_STORE)));
        }
        // A copy of a store has the identity of the one that it was made of.
        if place(address) != place(&today.store.address) {
            let why = format!(
                "the plan is for the {kind} store at {}, and `{}` is the one at {} with the same identity, as a copy has \
                 it",
                sanitise(address),
                access.store_name,
                sanitise(&today.store.address)
            );
            return Err(Failure::invalid(advised(why, OTHER_STORE)));
        }
        if saved.rules != today.rules {
            let why = "the plan was made under other rules than the ones of this store";
            return Err(Failure::invalid(advised(why, "make the plan anew")));
        }
        let besides = besides(saved, &today, &declared.names);
        let (holding, plan) = access.hold(saved, declared, (info, live), (&today, at))?;
        // Whom today's plan would take out again, and this one does not.
        let is_in_it = |wanted: &Action| {
            plan.actions.iter().any(|action| (action.kind, action.subject) == (wanted.kind, wanted.subject))
        };
        let again = today.actions.iter().filter(|action| action.cause == Cause::Operator);
        let has_returned = has_returned || again.into_iter().any(|action| !is_in_it(action));
        Ok(Self { plan, done_before: holding.done, besides, changed: holding.changed, has_returned })
    }
}

/// The path of a store, however it is written.
fn place(address: &str) -> PathBuf {
    Path::new(address).components().filter(|part| *part != Component::CurDir).collect()
}

/// The actions of a plan that were not done before.
pub(super) fn to_do<'a>(plan: &'a Plan, done_before: &'a [u32]) -> impl Iterator<Item = &'a Action> {
    let is_open = |(at, _): &(u32, &Action)| done_before.binary_search(at).is_err();
    (0_u32..).zip(&plan.actions).filter(is_open).map(|(_, action)| action)
}

/// When earlier runs of the plan with this digest did its actions, the last time, by their ids.
pub(super) fn done_by(access: &Access, digest: &str) -> Result<BTreeMap<String, Timestamp>, Failure> {
    let path = journal::path(&access.repository, &access.store_name)?;
    let attempts = attempts_of(&path, digest).map_err(Failure::failed)?;
    let done = attempts.into_iter().filter_map(|attempt| Some((id_of(&attempt.action)?, attempt.done?)));
    Ok(done.collect())
}

fn id_of(described: &Value) -> Option<String> {
    described.get("id").and_then(Value::as_str).map(str::to_owned)
}

/// Whether this plan is what an approved one has left to do, after a run of it that was cut off: with what that run, and
/// those that went on with it, set out to do, it has the digest that was approved. Nothing that these did is in it: then
/// it would not be a rest, but something that was undone since.
pub(super) fn is_rest_of(access: &Access, approved: &str, names: &mut Names, plan: &Plan) -> Result<bool, Failure> {
    let path = journal::path(&access.repository, &access.store_name)?;
    let attempts = attempts_since(&path, approved).map_err(Failure::failed)?;
    let id = |names: &Names, action: &Action| action_id(names, action.kind, &action.subject);
    let mut actions = plan.actions.clone();
    let mut ids: BTreeSet<String> = actions.iter().map(|action| id(names, action)).collect();
    let done = attempts.iter().filter(|attempt| attempt.done.is_some());
    if done.filter_map(|attempt| id_of(&attempt.action)).any(|id| ids.contains(&id)) {
        return Ok(false);
    }
    for attempt in &attempts {
        let Some(action) = revive(names, &attempt.action) else { return Ok(false) };
        if ids.insert(id(names, &action)) {
            actions.push(action);
        }
    }
    Ok(!attempts.is_empty() && digest(&plan.store, names, &actions) == approved)
}

/// Lists what today's plan would do and the saved one leaves out.
pub(super) fn tell_besides(printer: &Printer, besides: &[String]) {
    if besides.is_empty() {
        return;
    }
    let lines: Vec<String> = besides.iter().map(|id| format!("  {}", sanitise(id))).collect();
    printer.result(&format!("\nnot in this plan, and left to the next one:\n{}\n", lines.join("\n")));
}

/// Tells why a saved plan is stale; nothing was written.
pub(super) fn tell_stale(printer: &Printer, names: &Names, stale: &Saved) -> Exit {
    let Saved { plan, besides, changed, .. } = stale;
    let why = "the saved plan is stale, so nothing was written; make the plan anew";
    let changed = changed.iter().map(|Changed { action, what }| {
        let action = action.and_then(|at| plan.actions.get(at as usize));
        ReportChange { id: action.map(|action| action_id(names, action.kind, &action.subject)), what: what.clone() }
    });
    let changed: Vec<ReportChange> = changed.collect();
    if printer.is_json() {
        let report = ApplyReport::not_begun(edge::run_id(), plan.actions.len(), why.to_owned());
        printer.json(&ReportDocument { changed, besides: besides.clone(), ..report.document(names, plan) });
    } else {
        let line = |ReportChange { id, what }: &ReportChange| match id {
            Some(id) => format!("  {}: {}\n", sanitise(id), sanitise(what)),
            None => format!("  {}\n", sanitise(what)),
        };
        let lines: String = changed.iter().map(line).collect();
        printer.result(&format!("what changed since the plan was made:\n{lines}"));
        tell_besides(printer, besides);
    }
    printer.error(&anyhow::anyhow!(why));
    Exit::Stale
}

/// Reads the plan file, if one was named.
pub(super) fn read(
    access: &Access,
    file: Option<&Path>,
    declared: &mut Declared,
) -> Result<Option<SavedPlan>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let path = in_repository(&access.repository, file)?;
    let context = || format!("the plan file `{}` can't be used", path.display());
    let text = text(&path).with_context(context).map_err(Failure::invalid)?;
    let saved = read_file(&text, &mut declared.names, access.rules());
    saved.map(Some).map_err(|error| Failure::invalid(anyhow::Error::new(error).context(context())))
}

/// What is in a file of a sensible size that is no link.
fn text(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = path.symlink_metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    let too_large = || io::Error::other("it is larger than any plan");
    if metadata.len() > LARGEST_FILE {
        return Err(too_large());
    }
    let file = OpenOptions::new().read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).open(path)?;
    let mut text = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(too_large());
    }
    Ok(text)
}

/// Writes a plan file.
pub(super) fn write(
    access: &Access,
    file: &Path,
    (plan, document): (&Plan, &PlanDocument<Actions<'_>, ImpactPeople<'_>>),
    printer: &Printer,
) -> Result<(), Failure> {
    if !plan.gaps.is_empty() {
        printer.note("the store was read in part, so the plan is not saved");
        return Ok(());
    }
    let path = in_repository(&access.repository, file)?;
    let context = || format!("the plan can't be saved in `{}`", path.display());
    if is_among_manifests(access, &path) {
        let why = advised("it would be read as a manifest there", "name a file elsewhere, or one that ends in `.json`");
        return Err(Failure::invalid(why.context(context())));
    }
    if path.symlink_metadata().is_ok() && !text(&path).is_ok_and(|text| is_plan_file(&text)) {
        let why = advised("something else than a saved plan is there", "name another file, or remove it");
        return Err(Failure::invalid(why.context(context())));
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        let shown = folder.display();
        let why = if folder.exists() {
            anyhow::anyhow!("the folder `{shown}` is no folder")
        } else {
            advised(format!("the folder `{shown}` is not there"), "make it first, or name a file elsewhere")
        };
        return Err(Failure::failed(why.context(context())));
    }
    let beside =
        beside(&path).ok_or_else(|| Failure::invalid(anyhow::anyhow!("it names no file").context(context())))?;
    let written = (|| {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        let mut out = io::BufWriter::new(file);
        serde_json::to_writer_pretty(&mut out, document)?;
        out.write_all(b"\n")?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    })();
    written.map_err(|error: io::Error| {
        if error.kind() != io::ErrorKind::AlreadyExists {
            // What was begun is of no use to anybody.
            let _ = fs::remove_file(&beside);
        }
        Failure::failed(anyhow::Error::new(error).context(context()))
    })?;
    let at = access.as_of.map(|at| format!(" --at {at}")).unwrap_or_default();
    printer.note(&format!(
        "saved in {}; apply exactly this with: rollcall apply {}{at}",
        path.display(),
        file.display()
    ));
    Ok(())
}

/// Whether a file would be read as a manifest, by its name and by where it is.
fn is_among_manifests(access: &Access, path: &Path) -> bool {
    let is_yaml = path
        .extension()
        .is_some_and(|ending| ["yaml", "yml"].into_iter().any(|yaml| ending.eq_ignore_ascii_case(yaml)));
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = real(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")));
    let whole = path.file_name().map_or_else(|| folder.clone(), |name| folder.join(name));
    is_yaml && access.settings.manifests.iter().any(|below| whole.starts_with(real(&access.repository.join(below))))
}
