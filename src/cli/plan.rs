//! `rollcall plan`: what would change. It opens the store for reading only, so it can't write (law 7).

use std::path::Path;

use super::access::{Access, Lines};
use super::against;
use super::edge;
use super::exit::{Exit, Failure, advised};
use super::history::likely_cause;
use super::journal;
use super::mail;
use super::options::{Global, Plan};
use super::printer::Printer;
use super::reports::Reports;
use super::saved;
use super::show::{document_of, show, show_refusal, show_reports};
use super::tracked;
use crate::diagnostic::{Code, shell_word};
use crate::guard::{self, Guard};
use crate::plan as planned;
use crate::report::Cause;

pub(super) fn run(global: &Global, arguments: &Plan, printer: &Printer) -> Result<Exit, Failure> {
    Reports::new(global, &arguments.report, printer).run(|reports| plan(global, arguments, reports, printer))
}

fn plan(global: &Global, arguments: &Plan, reports: &Reports<'_>, printer: &Printer) -> Result<Exit, Failure> {
    if let Some(revision) = &arguments.against {
        return against::run(global, arguments, revision, (reports, printer));
    }
    let mut access = Access::load_beside(global, arguments.base.as_deref(), printer)?;
    access.causes.clone_from(&arguments.cause);
    access.target.clone_from(&arguments.target);
    access.is_floor_waived = waives_floor(&arguments.waive)?;
    access.as_of = edge::other_time(arguments.at);
    tracked::refuse_tracked(&access, printer)?;
    let mut declared = access.declared(global, printer)?;
    let runtime = edge::runtime()?;
    let glance = journal::glance(&access.repository, &access.store_name, printer)?;
    journal::tell_alteration(&access, printer)?;
    let done = journal::done_unseen(&access, printer)?;
    let (info, mut live) = runtime.block_on(access.live(&mut declared.names, printer))?;
    journal::check_store(&access, glance.and_then(|glance| glance.store).as_deref(), &info.id)?;
    journal::look_over(&access, access.journal_seen(printer)?.as_ref(), printer)?;
    let at = edge::now(arguments.at);
    journal::remember_cut_off(&access, &mut declared.names, (&info, &mut live), at)?;
    access.recall(&mut declared, &info)?;
    let mut plan = access.plan(&declared, &info, &live, at, printer)?;
    let verdicts = access.ask_planned(&declared, &mut plan);
    if let Some(why) = journal::invited_twice(&declared.names, &plan.actions, &done) {
        printer.warning(&why);
    }
    let judgement = guard::judge_all(&plan, &access.settings.guards, verdicts, &[]);
    let waivers = if access.is_floor_waived { &[Guard::MinAdmins][..] } else { &[] };
    // A store with a clock of its own takes nothing that was planned for another time.
    let is_applicable = access.as_of.is_none() || info.capabilities.clock_can_be_set;
    let command = apply_command(global, (None, &access), waivers, &plan);
    show(printer, (&access, &declared), &plan, &judgement, Some(&*command).filter(|_| is_applicable));
    if let Some(file) = &arguments.out {
        let lines = Lines::new(&declared.sources);
        let document = document_of(&declared, &plan, &judgement, &lines);
        saved::write(&access, file, (&plan, &document), printer)?;
    }
    let due = access.count_due_mails(printer)?;
    if due > 0 {
        printer.note(&format!("mails that the next apply hands over: {due}"));
    }
    mail::tell_where_to(printer, &access, &plan);
    let is_refused = judgement.is_refused();
    let mut why = Cause::Unknown;
    if is_refused {
        let cause = likely_cause(&access, (global, at), &declared, &judgement.rulings, printer);
        let command = apply_command(global, (arguments.out.as_deref(), &access), waivers, &plan);
        show_refusal(printer, &declared, &plan, &judgement, &cause, &command);
        why = cause;
    }
    let apply = Some(&*command).filter(|_| is_applicable);
    let standing = || access.standing(&declared, &info, &live, at);
    show_reports(reports, (&access, &declared), &plan, (&judgement, &why), (apply, &standing))?;
    let has_returned =
        access.target.is_none() && plan.diagnostics.iter().any(|found| found.code == Code::LockOutForgotten);
    Ok(match (plan.gaps.is_empty() && !has_returned, plan.actions.is_empty()) {
        (false, _) => Exit::Failed,
        (true, _) if is_refused => Exit::Refused,
        (true, false) if arguments.detailed_exitcode => Exit::Changes,
        (true, _) => Exit::Done,
    })
}

/// Whether the floor of active admins is waived. No other guard shapes a plan, so no other can be waived from one.
pub(super) fn waives_floor(waived: &[Guard]) -> Result<bool, Failure> {
    if let Some(guard) = waived.iter().find(|&&guard| guard != Guard::MinAdmins) {
        let guard = guard.as_str();
        let why = format!("the plan is the same with and without `{guard}`");
        let help = format!("waive it where it is applied: rollcall apply --waive {guard}=DIGEST");
        return Err(Failure::invalid(advised(why, help)));
    }
    Ok(!waived.is_empty())
}

/// The command that applies what was planned with these options, with waivers of these guards for this plan.
/// `file`: the plan file that holds it, if it is saved.
pub(super) fn apply_command(
    global: &Global,
    (file, access): (Option<&Path>, &Access),
    waivers: &[Guard],
    plan: &planned::Plan,
) -> String {
    let mut words = vec!["rollcall".to_owned()];
    let repository = global.repository.to_string_lossy();
    if repository != "." {
        words.extend(["-C".to_owned(), shell_word(&repository)]);
    }
    words.push("apply".to_owned());
    words.extend(file.iter().map(|file| shell_word(&file.to_string_lossy())));
    // A saved plan is of its target, and of its causes, already.
    let target = access.target.as_ref().filter(|_| file.is_none());
    words.extend(target.iter().flat_map(|key| ["--target".to_owned(), shell_word(key)]));
    let review = access.review.as_ref().filter(|_| file.is_none());
    words.extend(review.iter().flat_map(|review| ["--base".to_owned(), shell_word(&review.revision)]));
    if review.is_some() && !access.causes.is_empty() {
        let causes: Vec<&str> = access.causes.iter().map(|cause| cause.as_str()).collect();
        words.extend(["--cause".to_owned(), causes.join(",")]);
    }
    words.extend(global.store.iter().flat_map(|store| ["--store".to_owned(), shell_word(store)]));
    words.extend(access.as_of.iter().flat_map(|at| ["--at".to_owned(), at.to_string()]));
    words.extend(global.manifests.iter().flat_map(|path| ["--manifests".to_owned(), shell_word(path)]));
    words.extend(waivers.iter().map(|guard| format!("--waive {}={}", guard.as_str(), plan.digest)));
    words.join(" ")
}
