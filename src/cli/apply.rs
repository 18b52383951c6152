//! `rollcall apply`: plans, asks, and does it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use jiff::Timestamp;
use tokio::runtime::Runtime;

use super::access::{Access, Declared};
use super::cut_short::end_what_is_over;
use super::edge;
use super::execute::{exit_of, run_guarded, tell};
use super::exit::{Exit, Failure, advised};
use super::history::likely_cause;
use super::journal;
use super::lock_outs;
use super::mail::Mails;
use super::options::{Apply, Global};
use super::plan::apply_command;
use super::printer::Printer;
use super::saved::{self, Saved};
use super::show::{show, show_aside, show_refusal};
use super::tracked;
use crate::apply::ApplyReport;
use crate::guard::{self, Guard, Judgement, Refused, Verdicts, Waived, is_digest};
use crate::journal::Journal;
use crate::model::LiveState;
use crate::plan::{Plan, SavedPlan, comes_to_more};
use crate::store::Info;

/// Why nothing is applied that would leave somebody in whom an operator locked out.
const RETURNED: &str = "somebody whom an operator locked out is in again, the store does not know of the lock-out, and \
                        this plan does not take the person out; run `rollcall deactivate` with that key, then apply";

pub(super) fn run(global: &Global, arguments: &Apply, printer: &Printer) -> Result<Exit, Failure> {
    let (mut run, opened) = Run::begin(global, arguments, printer)?;
    let runtime = edge::runtime()?;
    let done = journal::done_unseen(&run.access, printer)?;
    let (looked, journal) = runtime.block_on(run.look_first(opened))?;
    let verdicts = looked.verdicts.clone();
    let judgement = guard::judge_all(&looked.saved.plan, &run.access.settings.guards, verdicts, &arguments.waive);
    if let Some(exit) = run.obstacle(&looked.saved, &judgement, &done)? {
        return Ok(exit);
    }
    let (looked, journal) = if run.asks(&looked.saved.plan) {
        // Nobody waits for a person who thinks, least of all `deactivate`.
        drop(journal);
        match run.ask(&runtime, &looked, &judgement)? {
            ControlFlow::Continue(again) => again,
            ControlFlow::Break(exit) => return Ok(exit),
        }
    } else {
        (looked, journal)
    };
    run.carry_out(&runtime, looked, journal)
}

/// One run of the command.
struct Run<'a> {
    global: &'a Global,
    arguments: &'a Apply,
    printer: &'a Printer,
    access: Access,
    declared: Declared,
    file: Option<SavedPlan>,
}

/// What a look at the store comes to.
struct Looked {
    info: Info,
    saved: Saved,
    /// What policies come to.
    verdicts: Verdicts,
    /// The newest lock-out of which the plan knows.
    newest_lock_out: i64,
}

impl<'a> Run<'a> {
    /// Reads settings, manifests and the saved plan, and takes the journal; another run may have to end first.
    fn begin(
        global: &'a Global,
        arguments: &'a Apply,
        printer: &'a Printer,
    ) -> Result<(Self, journal::Opened), Failure> {
        if arguments.file.is_some() && arguments.target.is_some() {
            let why = "a saved plan is applied whole, so `--target` can't cut it down";
            let help = "save the smaller one with `rollcall plan --target KEY --out FILE`";
            return Err(Failure::invalid(advised(why, help)));
        }
        let mut access = Access::load_beside(global, arguments.base.as_deref(), printer)?;
        access.causes.clone_from(&arguments.cause);
        access.target.clone_from(&arguments.target);
        access.is_target_whole = arguments.yes && arguments.approved.is_none();
        access.as_of = edge::other_time(arguments.at);
        access.is_floor_waived = arguments.waive.iter().any(|waiver| waiver.waived == Waived::Guard(Guard::MinAdmins));
        tracked::refuse_tracked(&access, printer)?;
        let mut declared = access.declared(global, printer)?;
        let mut file = saved::read(&access, arguments.file.as_deref(), &mut declared)?;
        access.check_store_is_there(printer)?;
        let opened = journal::open(&access, printer)?;
        if opened.has_waited {
            // What was read before the other run ended may be old.
            let now = Access::load_beside(global, arguments.base.as_deref(), printer)?;
            if now.settings != access.settings {
                let why = "the settings were changed while this run waited for another one";
                return Err(Failure::failed(advised(why, "run apply again")));
            }
            declared = access.declared(global, printer)?;
            // Names belong to the manifests that were read with them.
            file = saved::read(&access, arguments.file.as_deref(), &mut declared)?;
        }
        Ok((Self { global, arguments, printer, access, declared, file }, opened))
    }

    /// The first look at the store; the journal must be the one that the store has seen.
    async fn look_first(&mut self, mut opened: journal::Opened) -> Result<(Looked, Journal), Failure> {
        let (at, info, live) = self.read().await?;
        journal::check_store(&self.access, opened.journal.store(), &info.id)?;
        journal::tell_oddities(&mut opened, self.access.journal_seen(self.printer)?, self.printer)?;
        if self.arguments.at.is_some() && !info.capabilities.clock_can_be_set {
            let why = format!("store `{}` has a clock of its own", self.access.store_name);
            return Err(Failure::invalid(advised(why, "leave `--at` out")));
        }
        Ok((self.planned(at, info, &live)?, opened.journal))
    }

    /// The store as it is now.
    async fn read(&mut self) -> Result<(Timestamp, Info, LiveState), Failure> {
        let at = edge::now(self.arguments.at);
        let (info, mut live) = self.access.live(&mut self.declared.names, self.printer).await?;
        journal::remember_cut_off(&self.access, &mut self.declared.names, (&info, &mut live), at)?;
        self.access.recall(&mut self.declared, &info)?;
        Ok((at, info, live))
    }

    /// The plan that is to be applied: today's, or the saved one beside it. One that was saved or approved, and whose
    /// run was stopped between the two steps of a change of role, is asked as if that change had not begun: doing it
    /// from there takes the second step, since the first one is true already.
    fn planned(&mut self, at: Timestamp, info: Info, live: &LiveState) -> Result<Looked, Failure> {
        let newest_lock_out = live.newest_lock_out;
        let mut saved = self.plan(at, &info, live)?;
        if !self.is_as_agreed(&saved)?
            && let Some(before) = live.before_half_changes()
        {
            let resumed = self.plan(at, &info, &before)?;
            if self.is_as_agreed(&resumed)? {
                saved = resumed;
            }
        }
        // Policies of today are asked, also of a plan that was saved or approved before.
        let verdicts = self.access.ask_planned(&self.declared, &mut saved.plan);
        Ok(Looked { info, saved, verdicts, newest_lock_out })
    }

    fn plan(&mut self, at: Timestamp, info: &Info, live: &LiveState) -> Result<Saved, Failure> {
        let today = self.access.plan(&self.declared, info, live, at, self.printer)?;
        Saved::of(self.file.as_ref(), &self.access, &self.declared, (info, live), (today, at))
    }

    /// Whether a plan is the one that was saved, or approved, or what is left of that; any is where nothing was.
    fn is_as_agreed(&mut self, saved: &Saved) -> Result<bool, Failure> {
        match &self.arguments.approved {
            _ if !saved.changed.is_empty() => Ok(false),
            Some(approved) if self.file.is_none() && *approved != saved.plan.digest => {
                saved::is_rest_of(&self.access, approved, &mut self.declared.names, &saved.plan)
            }
            Some(_) | None => Ok(true),
        }
    }

    /// Shows the plan, and how the run ends if it can't be done.
    fn obstacle(
        &mut self,
        saved: &Saved,
        judgement: &Judgement,
        done: &BTreeSet<String>,
    ) -> Result<Option<Exit>, Failure> {
        let plan = &saved.plan;
        if !self.printer.is_json() && saved.changed.is_empty() {
            show(self.printer, (&self.access, &self.declared), plan, judgement, None);
            saved::tell_besides(self.printer, &saved.besides);
        }
        if self.printer.has_failed() {
            // A plan that nobody could see is not applied.
            return Ok(Some(Exit::Failed));
        }
        if let Some(exit) = self.stale(saved)? {
            return Ok(Some(exit));
        }
        let to_do = saved::to_do(plan, &saved.done_before);
        if let Some(why) = journal::invited_twice(&self.declared.names, to_do, done) {
            // A `yes` in a script has not seen it; a person who is asked, or who approved this plan, has.
            if self.arguments.yes && self.arguments.approved.is_none() {
                return Ok(Some(self.not_begun(plan, Exit::Failed, why)));
            }
            self.printer.warning(&why);
        }
        // What is done for one other person leaves nobody in who was not.
        if saved.has_returned && self.access.target.is_none() {
            return Ok(Some(self.not_begun(plan, Exit::Failed, RETURNED.to_owned())));
        }
        if self.asks(plan) && !edge::has_terminal() {
            let help = "use --yes, or --approved with the digest of a reviewed plan";
            return Err(Failure::invalid(advised("there is no terminal to ask on", help)));
        }
        Ok(judgement.is_refused().then(|| self.refused(plan, judgement)))
    }

    /// Whether a person has to say yes first.
    fn asks(&self, plan: &Plan) -> bool {
        !plan.actions.is_empty() && !self.arguments.yes && self.arguments.approved.is_none()
    }

    /// How the run ends where the plan can't be applied as it is: read in part, saved and not true any more, or another
    /// one than was approved or waived.
    fn stale(&mut self, saved: &Saved) -> Result<Option<Exit>, Failure> {
        let plan = &saved.plan;
        if !plan.gaps.is_empty() {
            let why = "the store was read in part, so nothing is written".to_owned();
            return Ok(Some(self.not_begun(plan, Exit::Failed, why)));
        }
        check_digests(self.arguments)?;
        if !saved.changed.is_empty() {
            return Ok(Some(saved::tell_stale(self.printer, &self.declared.names, saved)));
        }
        let Some(why) = is_of_another_plan(self.arguments, plan) else { return Ok(None) };
        // A run that was broken off leaves the rest of an approved plan.
        let is_rest = match &self.arguments.approved {
            Some(approved) if self.file.is_none() && self.arguments.waive.is_empty() => {
                saved::is_rest_of(&self.access, approved, &mut self.declared.names, plan)?
            }
            Some(_) | None => false,
        };
        Ok((!is_rest).then(|| self.not_begun(plan, Exit::Stale, why)))
    }

    /// Asks, and after a yes reads the store again: what was shown must still be what is to be done.
    fn ask(
        &mut self,
        runtime: &Runtime,
        shown: &Looked,
        judgement: &Judgement,
    ) -> Result<ControlFlow<Exit, (Looked, Journal)>, Failure> {
        let plan = &shown.saved.plan;
        if self.printer.is_json() {
            show_aside(self.printer, (&self.access, &self.declared), plan, judgement);
        }
        let Some(mut interrupts) = self.printer.asks(&question(plan.actions.len()), runtime)? else {
            let why = "nothing was changed".to_owned();
            return Ok(ControlFlow::Break(self.not_begun(plan, Exit::Done, why)));
        };
        let journal = journal::open(&self.access, self.printer)?.journal;
        journal::check_store(&self.access, journal.store(), &shown.info.id)?;
        let (at, info, live) = runtime.block_on(self.read())?;
        let now = self.planned(at, info, &live)?;
        if interrupts.has_come() {
            return Err(Failure::interrupted());
        }
        if !now.saved.changed.is_empty() {
            return Ok(ControlFlow::Break(saved::tell_stale(self.printer, &self.declared.names, &now.saved)));
        }
        if now.saved.plan.digest != plan.digest || !now.saved.plan.gaps.is_empty() {
            let what = match plan.valid_until.filter(|&until| until <= at) {
                Some(until) => format!("the plan held until {until:.0}, and that came"),
                None => "the store changed".to_owned(),
            };
            let why =
                format!("{what} while you were deciding, so nothing was written; run apply again to see the new plan");
            return Ok(ControlFlow::Break(self.not_begun(&now.saved.plan, Exit::Stale, why)));
        }
        // What roles give, who holds them, and what sites include is not in the digest.
        if comes_to_more(&now.saved.plan, plan) {
            let why =
                "the plan comes to more since something changed while you were deciding, so nothing was written; \
                       run apply again to see what"
                    .to_owned();
            return Ok(ControlFlow::Break(self.not_begun(&now.saved.plan, Exit::Stale, why)));
        }
        Ok(ControlFlow::Continue((now, journal)))
    }

    /// Executes what passes the guards, and settles lock-outs and what was cut off where all of it was done.
    fn carry_out(mut self, runtime: &Runtime, looked: Looked, mut journal: Journal) -> Result<Exit, Failure> {
        let Looked { info, saved, verdicts, newest_lock_out } = looked;
        let Saved { plan, done_before, besides, changed: _, has_returned: _ } = saved;
        // What the plan comes to can have changed with the store although its actions are the same.
        let guarded = match guard::check(plan, &self.access.settings.guards, verdicts, &self.arguments.waive) {
            Ok(guarded) => guarded,
            Err(Refused::ByGuard { plan, judgement }) => return Ok(self.refused(&plan, &judgement)),
            Err(Refused::Stale { plan, waiver: _ }) => {
                let why = "a waiver is of another plan".to_owned();
                return Ok(self.not_begun(&plan, Exit::Stale, why));
            }
        };
        let is_left_over = journal.open_intents().next().is_some() || self.access.count_due_mails(self.printer)? > 0;
        let has_work = !guarded.plan().actions.is_empty() || is_left_over || self.printer.is_json();
        let exit = if has_work {
            let work = (&guarded, &done_before[..], newest_lock_out);
            let how = (self.arguments.at, Mails::All);
            let names = &mut self.declared.names;
            let report = runtime.block_on(run_guarded(&self.access, names, work, &mut journal, how))?;
            tell(self.printer, &self.access, names, guarded.plan(), &report, besides);
            exit_of(&report)
        } else {
            Exit::Done
        };
        if exit == Exit::Done && self.access.target.is_none() && self.access.causes.is_empty() {
            let plan = guarded.plan();
            let (at, is_configured) = (plan.at, self.global.manifests.is_empty());
            let settled = (&plan.deferred[..], at, is_configured);
            runtime.block_on(lock_outs::settle(&self.access, &mut self.declared, settled, self.printer))?;
            if is_configured {
                end_what_is_over(&self.access, &mut self.declared, (&info, at), &mut journal)?;
            }
        }
        Ok(exit)
    }

    /// Says what guards refuse, why that may be, and how to waive it.
    fn refused(&self, plan: &Plan, judgement: &Judgement) -> Exit {
        let Self { global, arguments, printer, access, declared, .. } = self;
        let cause = likely_cause(access, (global, edge::now(arguments.at)), declared, &judgement.rulings, printer);
        // Waivers of guards that do not refuse today are none of the command's business, but for the one that shaped it.
        let floor = if access.is_floor_waived { &[Guard::MinAdmins][..] } else { &[] };
        let mut command = apply_command(global, (arguments.file.as_deref(), access), floor, plan);
        if arguments.yes {
            command.push_str(" --yes");
        }
        show_refusal(printer, declared, plan, judgement, &cause, &command);
        let why = format!("refused by guard `{}`, so nothing is written", judgement.refusing().join("`, `"));
        self.not_begun(plan, Exit::Refused, why)
    }

    /// Tells why nothing of a plan was tried: in the report, or to people.
    fn not_begun(&self, plan: &Plan, exit: Exit, why: String) -> Exit {
        if exit == Exit::Done {
            self.printer.note(&why);
        } else {
            self.printer.error(&anyhow::anyhow!(why.clone()));
        }
        if self.printer.is_json() {
            let report = ApplyReport::not_begun(edge::run_id(), plan.actions.len(), why);
            self.printer.json(&report.document(&self.declared.names, plan));
        }
        exit
    }
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
    let waived = arguments.waive.iter().map(|of| (format!("waived for `{}`", of.waived), &of.digest));
    let other = approved.chain(waived).find(|(_, digest)| **digest != plan.digest);
    other.map(|(what, digest)| {
        format!("the plan is another one now: {digest} was {what}, it is {}; review it again", plan.digest)
    })
}

fn question(actions: usize) -> String {
    if actions == 1 { "apply this action?".to_owned() } else { format!("apply these {actions} actions?") }
}
