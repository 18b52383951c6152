//! `rollcall deactivate`: locks one account out, at once, in the way that the rules have.
//!
//! It is for three in the morning: the manifests need not be valid and no guard that counts people is asked. It
//! journals, verifies and reports as `apply` does. What it did stays: a status that is left out never lets anybody in
//! again, and where the store itself does not remember a lock-out the journal does.

use super::desk::Desk;
use super::exit::{Exit, Failure};
use super::options::{Deactivate, Global};
use super::printer::Printer;
use crate::model::{ActionKind, Status};
use crate::plan::{LockOut, Plan, WaitsFor, lock_out};

pub(super) fn run(global: &Global, arguments: &Deactivate, printer: &Printer) -> Result<Exit, Failure> {
    let mut desk = Desk::open(global, printer)?;
    let (identity, shown) = desk.who(&arguments.key)?;
    let (plan, without_admin) = match desk.ask(|inputs| lock_out(inputs, identity))? {
        LockOut::Already(status) => {
            already(printer, &shown, status);
            return Ok(Exit::Done);
        }
        LockOut::Planned { plan, without_admin } => (*plan, without_admin),
        refused => return Err(refusal(&shown, &refused)),
    };
    printer.note(&format!("{shown}: {}", intention(&plan)));
    if !without_admin.is_empty() {
        printer.warning(&format!(
            "{shown} is the last active admin of {}: nobody is left to administer users there; give somebody the role in \
             a manifest, and apply",
            desk.organizations(&without_admin)
        ));
    }
    desk.tell_who_would_undo_it(identity, &shown, printer);
    let (done, exit) = (done(&plan), desk.carry_out(plan, arguments.yes, printer)?);
    let Some(exit) = exit else { return Ok(Exit::Done) };
    if exit == Exit::Done {
        if !printer.is_json() {
            printer.result(&format!("{shown}: {done}\n"));
        }
        printer.note(&format!(
            "next: declare `status: inactive` for {shown}, or take the person out of the manifests, so that everybody \
             sees it; `status: active` lets the person in again, nothing else does"
        ));
    }
    Ok(exit)
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

pub(super) fn refusal(shown: &str, refused: &LockOut) -> Failure {
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
        LockOut::Waits(_) | LockOut::Unknown | LockOut::Already(_) | LockOut::Planned { .. } => {
            format!("this store has no way to lock {shown} out that could be undone; do it in the store")
        }
    };
    Failure::failed(anyhow::anyhow!(why))
}
