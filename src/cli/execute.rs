//! Execution of a guarded plan, with its report: what `apply` and the commands for one account have in common.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use super::access::Access;
use super::edge;
use super::exit::{Exit, Failure};
use super::mail::{self, Mails};
use super::printer::Printer;
use super::secrets;
use crate::apply::{
    self, ApplyError, ApplyReport, ClosedIntent, Options, Progress, ReportDocument, RunEnd, Stop, Verdict,
};
use crate::diagnostic::Code;
use crate::guard::GuardedPlan;
use crate::journal::{Journal, LookedUp};
use crate::model::Names;
use crate::plan::{Plan, yields};
use crate::report::{outcome_line, outcomes};
use crate::settings::StoreKind;
use crate::store::sqlite::SqliteStore;

/// The code with which a report ends.
pub(super) fn exit_of(report: &ApplyReport) -> Exit {
    match report.verdict() {
        Verdict::Complete => Exit::Done,
        Verdict::NothingWritten => Exit::Failed,
        Verdict::Partial => Exit::Partial,
    }
}

/// Executes what passed the guards, but for the actions that were done before, by their places; then mails go out.
/// Whoever was locked out since the lock-out with this number, of which the plan knew, is given nothing.
pub(super) async fn run_guarded(
    access: &Access,
    names: &mut Names,
    (guarded, done_before, newest_lock_out): (&GuardedPlan, &[u32], i64),
    journal: &mut Journal,
    (at, mails): (Option<Timestamp>, Mails<'_>),
) -> Result<ApplyReport, Failure> {
    let own = access.settings.guards.own_account.as_deref();
    let StoreKind::Sqlite { .. } = access.store.kind;
    let mut store = SqliteStore::open(&access.store_path(), access.rules().clone(), own)?;
    store.know_lock_outs(newest_lock_out);
    let stop = Stop::default();
    let listening = listen(stop.clone())
        .map_err(|error| Failure::failed(anyhow::Error::new(error).context("Ctrl-C can't be listened for")))?;
    let (who, run) = (edge::who(), edge::run_id());
    let clock = move || edge::now(at);
    let is_needed = guarded.plan().actions.iter().any(|action| yields(access.rules(), action).is_some());
    let sink = if is_needed { secrets::sink(access)? } else { None };
    let options =
        Options { done: done_before, secrets: sink.as_deref(), ..Options::new(&run, &who, access.rules(), &clock) };
    let before = journal.head();
    let mut report = apply::run(guarded, names, &mut store, journal, &options, &stop, &mut progress).await;
    if journal.head() != before {
        remember(access, &mut store, journal);
    }
    if let Ok(report) = &mut report {
        mail::deliver(access, &mut store, report, (mails, &clock), &stop);
    }
    listening.abort();
    report.map_err(|error| match error {
        ApplyError::Store(error) => Failure::from(error),
        ApplyError::Journal(error) => Failure::failed(error).with_code(Code::JournalUnusable),
        error @ ApplyError::Sink(_) => Failure::failed(error),
    })
}

/// Has the store keep the last line of the journal. What can't be remembered is told by the next run as a journal that
/// goes on after what the store has seen.
pub(super) fn remember(access: &Access, store: &mut SqliteStore, journal: &Journal) {
    let head = journal.head();
    if let Err(error) = store
        .wait_at_most(Duration::from_secs(1))
        .and_then(|()| store.remember_journal(&access.store_name, head.line, &head.hash))
    {
        tracing::warn!(%error, "the store can't keep the last line of the journal");
    }
}

/// Ctrl-C and SIGTERM end the run after the batch in hand, from the return of this function on.
pub(super) fn listen(stop: Stop) -> io::Result<JoinHandle<()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::warn!("stopping after the batch in hand");
        stop.request();
    }))
}

fn progress(progress: Progress<'_>) {
    match progress {
        Progress::LookedUp(intent) => {
            tracing::info!(id = intent.id, found = intent.found.as_str(), "an earlier run left this open");
        }
        Progress::Settled { index, outcome, settled, total } => {
            tracing::debug!(index, outcome = outcome.word().as_str(), settled, total, "settled");
        }
    }
}

/// Tells what was done, and what a saved plan leaves out.
pub(super) fn tell(
    printer: &Printer,
    access: &Access,
    names: &Names,
    plan: &Plan,
    report: &ApplyReport,
    besides: Vec<String>,
) {
    if !report.looked_up.is_empty() {
        printer.note(&looked_up(&report.looked_up));
    }
    secrets::tell_undelivered(access, &report.undelivered, printer);
    if printer.is_json() {
        printer.json(&ReportDocument { besides, ..report.document(names, plan) });
    } else {
        mail::tell_sent(printer, access, &report.mails);
        tell_outcomes(printer, names, plan, report);
    }
    mail::tell_left(printer, &report.mails);
}

fn tell_outcomes(printer: &Printer, names: &Names, plan: &Plan, report: &ApplyReport) {
    let style = printer.style().telling_apart(names);
    let lines: Vec<_> = plan
        .actions
        .iter()
        .zip(&report.outcomes)
        .map(|(action, outcome)| outcome_line((names, style), action, outcome.word(), outcome.detail()))
        .collect();
    // Where only mails of an earlier run went out there is nothing to list.
    if !lines.is_empty() || report.mails.is_empty() {
        printer.result(&format!("\n{}", outcomes(&lines, printer.style())));
    }
    match &report.end {
        RunEnd::Whole => {}
        RunEnd::NotBegun(why) if exit_of(report) == Exit::Done => printer.note(why),
        RunEnd::NotBegun(why) => printer.error(&anyhow::anyhow!(why.clone())),
        RunEnd::Interrupted => printer.error(&anyhow::anyhow!("interrupted: run apply again to go on")),
        RunEnd::StoreOutOfReach(why) => printer.error(&anyhow::anyhow!("the store is out of reach: {why}")),
        RunEnd::JournalBroken(why) => {
            printer.error(&anyhow::anyhow!("stopped, since nothing can be journalled: {why}"));
        }
    }
}

/// One sentence for all that an earlier run left open; `-v` names each.
pub(super) fn looked_up(closed: &[ClosedIntent]) -> String {
    let of = |found| closed.iter().filter(|intent| intent.found == found).count();
    let mut parts = Vec::new();
    for (found, words) in [
        (LookedUp::Achieved, "had been done"),
        (LookedUp::NotAchieved, "had not"),
        (LookedUp::Changed, "found something else there"),
        (LookedUp::Unknown, "could not be looked up"),
    ] {
        let count = of(found);
        if count > 0 {
            parts.push(format!("{count} {words}"));
        }
    }
    format!("an earlier run was cut off; of the actions that it left open {}", parts.join(", "))
}
