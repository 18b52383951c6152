//! `rollcall apply`: plans, asks, and does it.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use super::access::{Access, Declared};
use super::edge;
use super::exit::{Exit, Failure, advised};
use super::history::likely_cause;
use super::journal;
use super::lock_outs;
use super::mail::{self, Mails};
use super::options::{Apply, Global};
use super::plan::apply_command;
use super::printer::Printer;
use super::saved::{self, Saved};
use super::secrets;
use super::show::{show, show_aside, show_refusal};
use crate::apply::{
    self, ApplyError, ApplyReport, ClosedIntent, Options, Progress, ReportDocument, RunEnd, Stop, Verdict,
};
use crate::diagnostic::Code;
use crate::guard::{self, Guard, GuardedPlan, Refused, Ruling, is_digest, refusing};
use crate::journal::{Journal, LookedUp};
use crate::model::{LiveState, Names};
use crate::plan::{Plan, SavedPlan, yields};
use crate::report::{outcome_line, outcomes};
use crate::settings::StoreKind;
use crate::store::Info;
use crate::store::sqlite::SqliteStore;

/// Why nothing is applied that would leave somebody in whom an operator locked out.
const RETURNED: &str = "somebody whom an operator locked out is in again, the store does not know of the lock-out, and \
                        this plan does not take the person out; run `rollcall deactivate` with that key, then apply";

pub(super) fn run(global: &Global, arguments: &Apply, printer: &Printer) -> Result<Exit, Failure> {
    let Begun { access, mut declared, file, mut opened } = begin(global, arguments, printer)?;
    let waivers = &arguments.waive[..];
    let runtime = edge::runtime()?;
    let done = journal::done_unseen(&access, printer)?;
    let at = edge::now(arguments.at);
    let (info, mut live) = runtime.block_on(access.live(&mut declared.names, printer))?;
    journal::remember_cut_off(&access, &mut declared.names, (&info, &mut live), at)?;
    journal::check_store(&access, opened.journal.store(), &info.id)?;
    journal::tell_oddities(&mut opened, access.journal_seen(printer)?, printer)?;
    let mut journal = opened.journal;
    if arguments.at.is_some() && !info.capabilities.clock_can_be_set {
        let why = format!("store `{}` has a clock of its own", access.store_name);
        return Err(Failure::invalid(advised(why, "leave `--at` out")));
    }
    let mut saved = planned(&access, arguments, &mut declared, (file.as_ref(), &info, &live), at, printer)?;
    // What is done for one other person leaves nobody in who was not.
    let has_returned = saved.has_returned && access.target.is_none();
    let mut newest_lock_out = live.newest_lock_out;
    drop(live);
    let is_json = printer.is_json();
    let limits = &access.settings.guards;
    let rulings = guard::judge(&saved.plan, limits, waivers);
    if !is_json && saved.changed.is_empty() {
        show(printer, (&access, &declared), &saved.plan, &rulings, None);
        saved::tell_besides(printer, &saved.besides);
    }
    if printer.has_failed() {
        // A plan that nobody could see is not applied.
        return Ok(Exit::Failed);
    }
    if let Some(refused) = stale(&access, arguments, &mut declared, (file.is_some(), &mut saved), printer)? {
        return Ok(refused);
    }
    let to_do = saved::to_do(&saved.plan, &saved.done_before);
    if let Some(why) = journal::invited_twice(&declared.names, to_do, &done) {
        // A `yes` in a script has not seen it; a person who is asked, or who approved this plan, has.
        if arguments.yes && arguments.approved.is_none() {
            return Ok(not_begun(printer, &declared.names, &saved.plan, Exit::Failed, why));
        }
        printer.warning(&why);
    }
    if has_returned {
        return Ok(not_begun(printer, &declared.names, &saved.plan, Exit::Failed, RETURNED.to_owned()));
    }
    let asks = !saved.plan.actions.is_empty() && !arguments.yes && arguments.approved.is_none();
    if asks && !edge::has_terminal() {
        let help = "use --yes, or --approved with the digest of a reviewed plan";
        return Err(Failure::invalid(advised("there is no terminal to ask on", help)));
    }
    if rulings.iter().any(Ruling::is_refused) {
        return Ok(refused(&access, (global, arguments), &declared, &saved.plan, &rulings, printer));
    }
    if asks {
        // Nobody waits for a person who thinks, least of all `deactivate`.
        drop(journal);
        if is_json {
            show_aside(printer, (&access, &declared), &saved.plan, &rulings);
        }
        let Some(mut interrupts) = printer.asks(&question(saved.plan.actions.len()), &runtime)? else {
            let why = "nothing was changed".to_owned();
            return Ok(not_begun(printer, &declared.names, &saved.plan, Exit::Done, why));
        };
        journal = journal::open(&access, printer)?.journal;
        journal::check_store(&access, journal.store(), &info.id)?;
        let at = edge::now(arguments.at);
        let (now, newest) =
            runtime.block_on(plan_again((&access, arguments), &mut declared, file.as_ref(), at, printer))?;
        newest_lock_out = newest;
        if interrupts.has_come() {
            return Err(Failure::interrupted());
        }
        if let Some(stale) = changed_meanwhile(&declared, &saved.plan, &now, printer) {
            return Ok(stale);
        }
        saved = now;
    }
    let Saved { plan, done_before, besides, changed: _, has_returned: _ } = saved;
    // What the plan comes to can have changed with the store although its actions are the same.
    let guarded = match guard::check(plan, limits, waivers) {
        Ok(guarded) => guarded,
        Err(Refused::ByGuard { plan, rulings }) => {
            return Ok(refused(&access, (global, arguments), &declared, &plan, &rulings, printer));
        }
        Err(Refused::Stale { plan, waiver: _ }) => {
            let why = "a waiver is of another plan".to_owned();
            return Ok(not_begun(printer, &declared.names, &plan, Exit::Stale, why));
        }
    };
    let is_left_over = journal.open_intents().next().is_some() || access.count_due_mails(printer)? > 0;
    let (deferred, planned_at) = (guarded.plan().deferred.clone(), guarded.plan().at);
    let exit = if guarded.plan().actions.is_empty() && !is_left_over && !is_json {
        Exit::Done
    } else {
        let work = Work { guarded, done_before, besides, newest_lock_out };
        runtime.block_on(execute(&access, &mut declared, work, &mut journal, arguments.at, printer))?
    };
    if exit == Exit::Done && access.target.is_none() {
        runtime.block_on(lock_outs::settle(
            &access,
            &mut declared,
            (&deferred, planned_at, global.manifests.is_empty()),
            printer,
        ))?;
    }
    Ok(exit)
}

/// The plan that is to be applied: today's, or the saved one beside it. One that was saved or approved, and whose run was
/// stopped between the two steps of a change of role, is asked as if that change had not begun: doing it from there takes
/// the second step, since the first one is true already.
fn planned(
    access: &Access,
    arguments: &Apply,
    declared: &mut Declared,
    (file, info, live): (Option<&SavedPlan>, &Info, &LiveState),
    at: Timestamp,
    printer: &Printer,
) -> Result<Saved, Failure> {
    let today = access.plan(declared, info, live, at, printer)?;
    let now = Saved::of(file, access, declared, (info, live), (today, at))?;
    if is_as_agreed(access, arguments, declared, (file.is_some(), &now))? {
        return Ok(now);
    }
    let Some(before) = live.before_half_changes() else { return Ok(now) };
    let today = access.plan(declared, info, &before, at, printer)?;
    let resumed = Saved::of(file, access, declared, (info, &before), (today, at))?;
    let is_agreed = is_as_agreed(access, arguments, declared, (file.is_some(), &resumed))?;
    Ok(if is_agreed { resumed } else { now })
}

/// Whether a plan is the one that was saved, or approved, or what is left of that; any is where nothing was.
fn is_as_agreed(
    access: &Access,
    arguments: &Apply,
    declared: &mut Declared,
    (is_saved, saved): (bool, &Saved),
) -> Result<bool, Failure> {
    match &arguments.approved {
        _ if !saved.changed.is_empty() => Ok(false),
        Some(approved) if !is_saved && *approved != saved.plan.digest => {
            saved::is_rest_of(access, approved, &mut declared.names, &saved.plan)
        }
        Some(_) | None => Ok(true),
    }
}

/// What a run has before it looks at the store.
struct Begun {
    access: Access,
    declared: Declared,
    file: Option<SavedPlan>,
    opened: journal::Opened,
}

/// Reads settings, manifests and the saved plan, and takes the journal; another run may have to end first.
fn begin(global: &Global, arguments: &Apply, printer: &Printer) -> Result<Begun, Failure> {
    if arguments.file.is_some() && arguments.target.is_some() {
        let why = "a saved plan is applied whole, so `--target` can't cut it down";
        let help = "save the smaller one with `rollcall plan --target KEY --out FILE`";
        return Err(Failure::invalid(advised(why, help)));
    }
    let mut access = Access::load_for_manifests(global, printer)?;
    access.target.clone_from(&arguments.target);
    access.as_of = edge::other_time(arguments.at);
    access.is_floor_waived = arguments.waive.iter().any(|waiver| waiver.guard == Guard::MinAdmins);
    let mut declared = access.declared(global, printer)?;
    let mut file = saved::read(&access, arguments.file.as_deref(), &mut declared)?;
    access.check_store_is_there(printer)?;
    let opened = journal::open(&access, printer)?;
    if opened.has_waited {
        // What was read before the other run ended may be old.
        if Access::load(global, printer)?.settings != access.settings {
            let why = "the settings were changed while this run waited for another one";
            return Err(Failure::failed(advised(why, "run apply again")));
        }
        declared = access.declared(global, printer)?;
        // Names belong to the manifests that were read with them.
        file = saved::read(&access, arguments.file.as_deref(), &mut declared)?;
    }
    Ok(Begun { access, declared, file, opened })
}

/// Whether the plan can't be applied as it is: read in part, saved and not true any more, or another one than was
/// approved or waived. Tells so.
fn stale(
    access: &Access,
    arguments: &Apply,
    declared: &mut Declared,
    (is_saved, saved): (bool, &mut Saved),
    printer: &Printer,
) -> Result<Option<Exit>, Failure> {
    let Saved { plan, besides, changed, .. } = saved;
    if !plan.gaps.is_empty() {
        let why = "the store was read in part, so nothing is written".to_owned();
        return Ok(Some(not_begun(printer, &declared.names, plan, Exit::Failed, why)));
    }
    check_digests(arguments)?;
    if !changed.is_empty() {
        let (changed, besides) = (std::mem::take(changed), std::mem::take(besides));
        return Ok(Some(saved::tell_stale(printer, &declared.names, plan, changed, besides)));
    }
    let Some(why) = is_of_another_plan(arguments, plan) else { return Ok(None) };
    // A run that was broken off leaves the rest of an approved plan.
    let is_rest = match &arguments.approved {
        Some(approved) if !is_saved && arguments.waive.is_empty() => {
            saved::is_rest_of(access, approved, &mut declared.names, plan)?
        }
        Some(_) | None => false,
    };
    Ok((!is_rest).then(|| not_begun(printer, &declared.names, plan, Exit::Stale, why)))
}

/// Whether what a person said yes to is not what is to be done any more. Tells so.
fn changed_meanwhile(declared: &Declared, shown: &Plan, now: &Saved, printer: &Printer) -> Option<Exit> {
    if !now.changed.is_empty() {
        let (changed, besides) = (now.changed.clone(), now.besides.clone());
        return Some(saved::tell_stale(printer, &declared.names, &now.plan, changed, besides));
    }
    let is_same = now.plan.digest == shown.digest && now.plan.gaps.is_empty();
    (!is_same).then(|| {
        let why = "the store changed while you were deciding, so nothing was written; run apply again to see the new \
                   plan";
        not_begun(printer, &declared.names, &now.plan, Exit::Stale, why.to_owned())
    })
}

/// What is executed: a plan, what of it was done before, and what it leaves out.
struct Work {
    guarded: GuardedPlan,
    done_before: Vec<u32>,
    besides: Vec<String>,
    newest_lock_out: i64,
}

fn check_digests(arguments: &Apply) -> Result<(), Failure> {
    if let Some(approved) = arguments.approved.as_ref().filter(|approved| !is_digest(approved)) {
        let help = "it begins with sha256: and has 64 hex digits";
        return Err(Failure::invalid(advised(format!("`{}` is no digest", approved.escape_debug()), help)));
    }
    Ok(())
}

/// Whether what was approved or waived is another plan than this, in words.
fn is_of_another_plan(arguments: &Apply, plan: &Plan) -> Option<String> {
    let approved = arguments.approved.iter().map(|digest| ("approved".to_owned(), digest));
    let waived = arguments.waive.iter().map(|of| (format!("waived for `{}`", of.guard.as_str()), &of.digest));
    let other = approved.chain(waived).find(|(_, digest)| **digest != plan.digest);
    other.map(|(what, digest)| {
        format!("the plan is another one now: {digest} was {what}, it is {}; review it again", plan.digest)
    })
}

/// Says what guards refuse, why that may be, and how to waive it.
fn refused(
    access: &Access,
    (global, arguments): (&Global, &Apply),
    declared: &Declared,
    plan: &Plan,
    rulings: &[Ruling],
    printer: &Printer,
) -> Exit {
    let cause = likely_cause(access, (global, edge::now(arguments.at)), declared, rulings, printer);
    // Waivers of guards that do not refuse today are none of the command's business, but for the one that shaped it.
    let floor = if access.is_floor_waived { &[Guard::MinAdmins][..] } else { &[] };
    let mut command =
        apply_command(global, (arguments.file.as_deref(), arguments.target.as_deref(), access.as_of), floor, plan);
    if arguments.yes {
        command.push_str(" --yes");
    }
    show_refusal(printer, declared, plan, rulings, &cause, &command);
    let why = format!("refused by guard `{}`, so nothing is written", refusing(rulings).join("`, `"));
    not_begun(printer, &declared.names, plan, Exit::Refused, why)
}

fn question(actions: usize) -> String {
    if actions == 1 { "apply this action?".to_owned() } else { format!("apply these {actions} actions?") }
}

/// After a yes the store is read again: what was shown must still be what is to be done.
async fn plan_again(
    (access, arguments): (&Access, &Apply),
    declared: &mut Declared,
    file: Option<&SavedPlan>,
    at: Timestamp,
    printer: &Printer,
) -> Result<(Saved, i64), Failure> {
    let (info, mut live) = access.live(&mut declared.names, printer).await?;
    journal::remember_cut_off(access, &mut declared.names, (&info, &mut live), at)?;
    let now = planned(access, arguments, declared, (file, &info, &live), at, printer)?;
    Ok((now, live.newest_lock_out))
}

/// Tells why nothing of a plan was tried: in the report, or to people.
fn not_begun(printer: &Printer, names: &Names, plan: &Plan, exit: Exit, why: String) -> Exit {
    if exit == Exit::Done {
        printer.note(&why);
    } else {
        printer.error(&anyhow::anyhow!(why.clone()));
    }
    if printer.is_json() {
        printer.json(&ApplyReport::not_begun(edge::run_id(), plan.actions.len(), why).document(names, plan));
    }
    exit
}

async fn execute(
    access: &Access,
    declared: &mut Declared,
    work: Work,
    journal: &mut Journal,
    at: Option<Timestamp>,
    printer: &Printer,
) -> Result<Exit, Failure> {
    let Work { guarded, done_before, besides, newest_lock_out } = work;
    let work = (&guarded, &done_before[..], newest_lock_out);
    let report = run_guarded(access, &mut declared.names, work, journal, (at, Mails::All)).await?;
    tell(printer, access, &declared.names, guarded.plan(), &report, besides);
    Ok(exit_of(&report))
}

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
