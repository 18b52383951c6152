//! `rollcall deactivate`: locks one account out, at once, in the way that the rules have.
//!
//! It is for three in the morning: the manifests need not be valid and no guard that counts people is asked. It
//! journals, verifies and reports as `apply` does. What it did stays: a status that is left out never lets anybody in
//! again, and where the store itself does not remember a lock-out the journal does.

use super::access::Access;
use super::desk::{Desk, Gone};
use super::exit::{Exit, Failure, advised};
use super::mail::Mails;
use super::options::{Deactivate, Global};
use super::printer::Printer;
use super::ways_out;
use crate::model::{ActionKind, Name, Status};
use crate::plan::{LockOut, Plan, WaitsFor, lock_out};
use crate::report::sanitise;
use crate::rules::KEPT_ELSEWHERE;

pub(super) fn run(global: &Global, arguments: &Deactivate, printer: &Printer) -> Result<Exit, Failure> {
    let key = &arguments.key;
    let access = match Access::load(global, printer) {
        Ok(access) => access,
        Err(failure) => {
            let exit = failure.exit;
            printer.failure(failure);
            if exit == Exit::Invalid {
                printer.help(&ways_out::good_settings(global));
            }
            printer.help(&ways_out::around(global, None, key, None));
            return Err(Failure::told(exit));
        }
    };
    let file = access.store_path();
    let outcome = open_desk(access, global, key, printer)
        .map_err(|failure| (failure, true))
        .and_then(|mut desk| lock_out_at(&mut desk, arguments, printer).map_err(|failure| (failure, false)));
    match outcome {
        Ok(exit) => {
            if matches!(exit, Exit::Failed | Exit::Partial) {
                printer.help(&ways_out::around(global, Some(&file), key, None));
            }
            Ok(exit)
        }
        // What was refused says itself what to do; what could not be done has to be done in another way.
        Err((failure, false)) if failure.exit != Exit::Failed => Err(failure),
        Err((failure, _)) => {
            let (exit, help) = (failure.exit, ways_out::around(global, Some(&file), key, Some(&failure)));
            printer.failure(failure);
            printer.help(&help);
            Err(Failure::told(exit))
        }
    }
}

/// The desk at which somebody is locked out: who waits for another run is told what else can be done.
pub(super) fn open_desk(access: Access, global: &Global, key: &str, printer: &Printer) -> Result<Desk, Failure> {
    let file = access.store_path();
    let meanwhile = format!("not to wait, do it in the store itself: {}", ways_out::in_store(global, Some(&file), key));
    Desk::of(access, global, Some(&meanwhile), printer)
}

/// Tells that a key has no account, and is not let in by itself. Whether it is so.
pub(super) fn is_out_already(desk: &Desk, key: &str, printer: &Printer) -> Result<bool, Failure> {
    let Some(Gone { how, is_locked_out }) = desk.gone(key, printer)? else { return Ok(false) };
    let shown = sanitise(key);
    if is_locked_out {
        if printer.is_json() {
            printer.json(&serde_json::json!({ "user": key, "status": null, "changed": false }));
        } else {
            printer.result(&format!("{shown} is locked out already: {how}\n"));
        }
        return Ok(true);
    }
    let why = format!("{shown} {how}; declare `status: inactive` where nobody shall invite that person again");
    Err(Failure::invalid(anyhow::anyhow!(why)))
}

fn lock_out_at(desk: &mut Desk, arguments: &Deactivate, printer: &Printer) -> Result<Exit, Failure> {
    if arguments.release {
        return release(desk, arguments, printer);
    }
    if let Some((identity, shown)) = desk.without_account(&arguments.key) {
        return lock_out_key(desk, (&arguments.key, identity, &shown), printer);
    }
    if is_out_already(desk, &arguments.key, printer)? {
        return Ok(Exit::Done);
    }
    let (identity, shown) = desk.who(&arguments.key)?;
    let (plan, without_admin) = match desk.ask(|inputs| lock_out(inputs, identity))? {
        LockOut::Already(status) => {
            desk.tell_who_would_undo_it(identity, &shown, printer);
            desk.remember_lock_out(identity)?;
            already(printer, &shown, status);
            return Ok(Exit::Done);
        }
        LockOut::Waits(WaitsFor::Acceptance) => {
            desk.tell_who_would_undo_it(identity, &shown, printer);
            desk.remember_lock_out(identity)?;
            let text =
                format!("the invitation of {shown} can't be cancelled in this store; it can't be accepted any more\n");
            told(printer, &shown, Some(Status::Invited), &text);
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
    let (done, exit) = (done(&plan), desk.carry_out(plan, arguments.yes, Mails::None, printer)?);
    let Some(exit) = exit else { return Ok(Exit::Done) };
    if exit == Exit::Done {
        if !printer.is_json() {
            printer.result(&format!("{shown}: {done}\n"));
        }
        printer.note(&format!(
            "next: declare `status: inactive` for {shown}, or take the person out of the manifests, so that everybody \
             sees it; only a `status: active` lets the person in again that is written after an apply has seen the \
             person declared without it"
        ));
    }
    Ok(exit)
}

/// Locks out somebody who has no account yet. Of two lock-outs the newer one counts: whatever was declared in between is
/// older.
fn lock_out_key(
    desk: &mut Desk,
    (key, identity, shown): (&str, Name, &str),
    printer: &Printer,
) -> Result<Exit, Failure> {
    match desk.ask(|inputs| lock_out(inputs, identity))? {
        refused @ (LockOut::OwnAccount | LockOut::Protected | LockOut::KeptElsewhere) => {
            return Err(refusal(shown, &refused));
        }
        LockOut::Unknown | LockOut::Ambiguous | LockOut::Already(_) | LockOut::Waits(_) | LockOut::Planned { .. } => {}
    }
    desk.tell_who_would_undo_it(identity, shown, printer);
    let text = match desk.gone(key, printer)? {
        Some(Gone { how, is_locked_out: true }) => format!("{shown} is locked out already: {how}\n"),
        Some(Gone { is_locked_out: false, .. }) | None => format!("{shown} has no account, and gets none\n"),
    };
    if desk.manifests.is_none() {
        let likely = desk.likely(key);
        let meant = if likely.is_empty() {
            String::new()
        } else {
            let shown: Vec<String> = likely.iter().map(|key| format!("`{}`", sanitise(key))).collect();
            format!(" if you meant {}, lock that key out as well", shown.join(", "))
        };
        printer.warning(&format!(
            "the manifests can't be read, and nobody in the store has the key {shown}; it is locked out as you wrote \
             it:{}",
            if meant.is_empty() { " check the spelling".to_owned() } else { meant }
        ));
    }
    desk.remember_lock_out(identity)?;
    told(printer, shown, None, &text);
    Ok(Exit::Done)
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
    let text = match status {
        Status::Inactive => format!("{shown} is inactive already\n"),
        Status::Closed => format!("{shown} is closed already\n"),
        Status::Preloaded | Status::Invited => format!("{shown} has no invitation any more that could be accepted\n"),
        Status::Active => format!("{shown} has no access any more that could be taken\n"),
    };
    told(printer, shown, Some(status), &text);
}

/// Tells that nothing had to be changed in the store.
fn told(printer: &Printer, shown: &str, status: Option<Status>, text: &str) {
    if printer.is_json() {
        let status = status.map(Status::as_str);
        printer.json(&serde_json::json!({ "user": shown, "status": status, "changed": false }));
    } else {
        printer.result(text);
    }
    printer.note(&format!("{shown} stays locked out: only `status: active` in a manifest lets the person in"));
}

/// Lets a `status: active` count that may be older than the lock-out.
fn release(desk: &mut Desk, arguments: &Deactivate, printer: &Printer) -> Result<Exit, Failure> {
    let shown = sanitise(&arguments.key);
    let Some((identity, is_remembered)) = desk.locked_out(&arguments.key)? else {
        return Err(Failure::invalid(anyhow::anyhow!("no operator locked {shown} out, so nothing is to be released")));
    };
    printer.note(&format!("{shown}: a `status: active` in the manifests will let the person in"));
    if !desk.agrees(arguments.yes, printer)? {
        printer.note("nothing was changed");
        return Ok(Exit::Done);
    }
    desk.release(identity, is_remembered)?;
    if printer.is_json() {
        printer.json(&serde_json::json!({ "user": shown, "status": null, "changed": true }));
    } else {
        printer.result(&format!("{shown}: `status: active` counts from now on\n"));
    }
    Ok(Exit::Done)
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
        LockOut::KeptElsewhere => {
            let why = format!("{shown} {KEPT_ELSEWHERE}: this store holds only people (`kinds` of the rules)");
            return Failure::invalid(advised(why, "do it in the application that keeps service accounts"));
        }
        LockOut::Ambiguous => {
            format!("more than one account has the key {shown}; do it in the store, or give all but one another key")
        }
        LockOut::Waits(WaitsFor::Acceptance) => {
            format!(
                "the rules of this store know no way to cancel an invitation: that of {shown} can't be cancelled; \
                 `rollcall deactivate` keeps it from being accepted"
            )
        }
        LockOut::Waits(_) | LockOut::Unknown | LockOut::Already(_) | LockOut::Planned { .. } => {
            format!("this store has no way to lock {shown} out that could be undone; do it in the store")
        }
    };
    Failure::failed(anyhow::anyhow!(why))
}
