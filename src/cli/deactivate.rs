//! `rollcall deactivate`: locks one account out, at once, in the way that the rules have.
//!
//! It is for three in the morning: the manifests need not be valid and no guard that counts people is asked. It
//! journals, verifies and reports as `apply` does. What it did stays: a status that is left out never lets anybody in
//! again, and where the store itself does not remember a lock-out the journal does.

use super::access::{Access, unknown_key};
use super::apply::{exit_of, run_guarded, tell};
use super::edge;
use super::exit::{Exit, Failure};
use super::journal;
use super::options::{Deactivate, Global};
use super::printer::Printer;
use crate::apply::ApplyReport;
use crate::diagnostic::has_errors;
use crate::guard;
use crate::manifest;
use crate::model::{ActionKind, DeclaredStatus, Desired, LiveState, Name, Names, Status};
use crate::plan::{Inputs, LockOut, Plan, StoreRef, WaitsFor, likely_keys, lock_out};
use crate::report::sanitise;
use crate::source::Sources;
use crate::store::Info;

pub(super) fn run(global: &Global, arguments: &Deactivate, printer: &Printer) -> Result<Exit, Failure> {
    let access = Access::load(global, printer)?;
    let runtime = edge::runtime()?;
    access.check_store_is_there(printer)?;
    let mut names = Names::new();
    let manifests = Manifests::read(&access, global, &mut names);
    let mut opened = journal::open(&access, printer)?;
    let (info, live) = runtime.block_on(access.live(&mut names, printer))?;
    journal::check_store(&access, opened.journal.store(), &info.id)?;
    journal::tell_oddities(&mut opened, access.journal_seen(printer)?, printer)?;

    let shown = sanitise(&arguments.key).into_owned();
    let Some(identity) = access.rules().identity.normalize(&arguments.key).ok().and_then(|key| names.find(&key)) else {
        return Err(unknown(&access, &manifests, &live, &names, &arguments.key));
    };
    let plan = match planned(&access, &info, &live, &names, identity)? {
        LockOut::Unknown => return Err(unknown(&access, &manifests, &live, &names, &arguments.key)),
        LockOut::Already(status) => {
            already(printer, &shown, status);
            return Ok(Exit::Done);
        }
        LockOut::Planned(plan) => *plan,
        refused @ (LockOut::Ambiguous | LockOut::OwnAccount | LockOut::Protected | LockOut::Waits(_)) => {
            return Err(refusal(&shown, &refused));
        }
    };
    printer.note(&format!("{shown}: {}", intention(&plan)));
    manifests.tell(identity, &shown, printer);
    if !arguments.yes {
        if !edge::has_terminal() {
            return Err(Failure::invalid(anyhow::anyhow!("there is no terminal to ask on; use --yes")));
        }
        if printer.asks("do it?", &runtime)?.is_none() {
            printer.note("nothing was changed");
            if printer.is_json() {
                let why = "nothing was changed".to_owned();
                printer.json(&ApplyReport::not_begun(edge::run_id(), plan.actions.len(), why).document(&names, &plan));
            }
            return Ok(Exit::Done);
        }
    }
    let Some(guarded) = guard::lock_out(plan) else {
        let why = format!("{shown} can't be locked out by one action; declare `status: inactive` and apply");
        return Err(Failure::failed(anyhow::anyhow!(why)));
    };
    let report = runtime.block_on(run_guarded(&access, &mut names, (&guarded, &[]), &mut opened.journal, None))?;
    tell(printer, &names, guarded.plan(), &report, Vec::new());
    let exit = exit_of(&report);
    if exit == Exit::Done {
        if !printer.is_json() {
            printer.result(&format!("{shown}: {}\n", done(guarded.plan())));
        }
        printer.note(&format!(
            "next: declare `status: inactive` for {shown}, or take the person out of the manifests, so that everybody \
             sees it; `status: active` lets the person in again, nothing else does"
        ));
    }
    Ok(exit)
}

/// What can be done, by the store and the settings alone.
fn planned(access: &Access, info: &Info, live: &LiveState, names: &Names, identity: Name) -> Result<LockOut, Failure> {
    let policy = access.policy(info)?;
    let store = StoreRef { name: access.store_name.clone(), kind: info.kind.to_owned(), id: info.id.clone() };
    let desired = Desired::default();
    let at = edge::now(None);
    let rules = access.rules();
    Ok(lock_out(&Inputs { names, desired: &desired, live, rules, policy: &policy, store: &store, at }, identity))
}

fn intention(plan: &Plan) -> &'static str {
    match plan.actions.first().map(|action| action.kind) {
        Some(ActionKind::CancelInvitation) => "the invitation will be cancelled",
        Some(ActionKind::StripUser) => "all access will be taken away, since this store can't deactivate",
        Some(_) | None => "the account will be deactivated; its access stays in the store, and nobody can log in",
    }
}

fn done(plan: &Plan) -> &'static str {
    match plan.actions.first().map(|action| action.kind) {
        Some(ActionKind::CancelInvitation) => "invitation cancelled",
        Some(ActionKind::StripUser) => "all access taken away",
        Some(_) | None => "deactivated",
    }
}

fn already(printer: &Printer, shown: &str, status: Status) {
    if printer.is_json() {
        printer.json(&serde_json::json!({ "user": shown, "status": status.as_str(), "changed": false }));
        return;
    }
    printer.result(&match status {
        Status::Inactive => format!("{shown} is inactive already\n"),
        Status::Closed => format!("{shown} is closed already\n"),
        Status::Preloaded | Status::Invited => format!("{shown} has no invitation any more that could be accepted\n"),
        Status::Active => format!("{shown} has no access any more that could be taken\n"),
    });
}

fn refusal(shown: &str, refused: &LockOut) -> Failure {
    let why = match refused {
        LockOut::OwnAccount => format!(
            "{shown} is the account that rollcall itself uses (`guards.self`), and would lock itself out; do it in the \
             store, or with another account"
        ),
        LockOut::Protected => format!(
            "{shown} is protected (`guards.protected_users`); take the key out of that list if this has to be, or do it \
             in the store"
        ),
        LockOut::Ambiguous => {
            format!("more than one account has the key {shown}; do it in the store, or give all but one another key")
        }
        LockOut::Waits(WaitsFor::Acceptance) => {
            format!("the invitation of {shown} can't be cancelled in this store; do it once the person has accepted")
        }
        LockOut::Waits(_) | LockOut::Unknown | LockOut::Already(_) | LockOut::Planned(_) => {
            format!("this store has no way to lock {shown} out that could be undone; do it in the store")
        }
    };
    Failure::failed(anyhow::anyhow!(why))
}

fn unknown(access: &Access, manifests: &Manifests, live: &LiveState, names: &Names, key: &str) -> Failure {
    let nobody = Desired::default();
    let desired = manifests.desired.as_ref().unwrap_or(&nobody);
    let mut likely = likely_keys(key, desired, Some(live), names, &access.rules().identity);
    let identity = &access.rules().identity;
    likely.retain(|key| {
        let found = identity.normalize(key).ok().and_then(|key| names.find(&key));
        found.is_some_and(|key| live.find(key).is_some())
    });
    unknown_key(key, &likely)
}

/// The manifests, if they can be read. They only decide what is told.
struct Manifests {
    desired: Option<Desired>,
}

impl Manifests {
    fn read(access: &Access, global: &Global, names: &mut Names) -> Self {
        let paths = if global.manifests.is_empty() { &access.settings.manifests } else { &global.manifests };
        let mut sources = Sources::folder(&access.repository);
        let loaded = manifest::load(names, access.reading(), &mut sources, paths);
        Self { desired: (!has_errors(&loaded.diagnostics)).then_some(loaded.desired) }
    }

    fn tell(&self, identity: Name, shown: &str, printer: &Printer) {
        match &self.desired {
            None => printer.note(
                "the manifests are not valid, so whether they let this person in again with `status: active` is not known",
            ),
            Some(desired) => {
                if desired.find(identity).is_some_and(|user| user.status == Some(DeclaredStatus::Active)) {
                    printer.warning(&format!(
                        "{shown} is declared with `status: active`: the next apply lets the person in again; change that \
                         line first"
                    ));
                }
            }
        }
    }
}
