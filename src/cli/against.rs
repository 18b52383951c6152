//! `rollcall plan --against REV`: two revisions compared with each other, for changes that no secret may be near.
//!
//! The desired state of the base stands in the place of what is live, so that text, JSON, sums and guards come from the
//! one planner. Nothing is opened but the access repository and the objects of its git: no store, no journal, no secret.
//! Such a plan can't be applied.

use std::collections::HashSet;

use super::access::{Access, Declared, Lines, refuse_nobody};
use super::edge;
use super::exit::{Exit, Failure};
use super::options::{Global, Plan as Arguments};
use super::plan::waives_floor;
use super::printer::Printer;
use super::reports::Reports;
use super::show::{show, show_reports};
use super::target::target;
use crate::guard;
use crate::model::{Desired, LiveState};
use crate::plan::{
    Base, Cause, Chosen, Inputs, Plan, Policy, Standing, StoreRef, as_live, broad_protection, lacking, plan_for,
    plan_part, standing, tell_causes, void_protection,
};
use crate::report::Cause as Unexplained;
use crate::store::Capabilities;

pub(super) fn run(
    global: &Global,
    arguments: &Arguments,
    revision: &str,
    (reports, printer): (&Reports<'_>, &Printer),
) -> Result<Exit, Failure> {
    let mut access = Access::load_beside(global, Some(revision), printer)?;
    access.is_against = true;
    access.target.clone_from(&arguments.target);
    access.is_floor_waived = waives_floor(&arguments.waive)?;
    access.as_of = edge::other_time(arguments.at);
    let declared = access.declared(global, printer)?;
    let Some(base) = &declared.base else { return Err(Failure::told(Exit::Invalid)) };
    let (mut plan, standing) = compare(&access, (&declared, base.demanded()?), arguments, printer)?;
    let verdicts = access.ask_planned(&declared, &mut plan);
    let judgement = guard::judge_all(&plan, &access.settings.guards, verdicts, &[]);
    show(printer, (&access, &declared), &plan, &judgement, None);
    let is_refused = judgement.is_refused();
    if is_refused {
        let refusing = judgement.refusing().join("`, `");
        printer.warning(&format!("a plan that does all of this would be refused by guard `{refusing}`"));
    }
    let standing = || standing.clone();
    show_reports(reports, (&access, &declared), &plan, (&judgement, &Unexplained::Unknown), (None, &standing))?;
    Ok(match plan.actions.is_empty() {
        _ if is_refused => Exit::Refused,
        false if arguments.detailed_exitcode => Exit::Changes,
        true | false => Exit::Done,
    })
}

/// What the change does to the state that the base declares, and what everybody reaches in that.
fn compare(
    access: &Access,
    (declared, base): (&Declared, &Desired),
    arguments: &Arguments,
    printer: &Printer,
) -> Result<(Plan, Vec<Standing>), Failure> {
    let (names, rules, at) = (&declared.names, access.rules(), edge::now(arguments.at));
    let capabilities = Capabilities { writes_catalog: true, clock_can_be_set: true };
    let Some(review) = &access.review else { return Err(Failure::told(Exit::Invalid)) };
    let store = StoreRef {
        name: access.store_name.clone(),
        kind: StoreRef::REVISION.to_owned(),
        id: review.commit.clone(),
        address: review.revision.clone(),
    };
    let policy = access.stated_policy(capabilities)?;
    let policy_of_base: Policy = access.as_at_base(review).stated_policy(capabilities)?;
    let nothing = LiveState::default();
    let store = &store;
    let of_base = Inputs { names, desired: base, live: &nothing, rules, policy: &policy_of_base, store, at };
    let live = as_live(&of_base);
    let of_base = Inputs { live: &live, ..of_base };
    let inputs = Inputs { names, desired: &declared.desired, live: &live, rules, policy: &policy, store, at };
    refuse_nobody(declared, &access.repository, &inputs, printer)?;
    let target = access.target.as_ref().map(|key| target(key, false, &inputs)).transpose()?;
    let mut before = declared.warnings.clone();
    before.extend(void_protection(&inputs));
    before.extend(broad_protection(&inputs));
    before.extend(lacking(names, &declared.desired, rules, |identity| live.find(identity)));
    let refused = |found: Vec<_>| {
        printer.only_diagnostics(&found, &Lines::new(&declared.sources));
        Failure::told(Exit::Invalid)
    };
    let mut whole = plan_for(&inputs, before, target).map_err(refused)?;
    let reached = standing(&inputs);
    let Ok(wanted) = plan_for(&of_base, Vec::new(), None) else { return Ok((whole, reached)) };
    // What the base would still do to its own state is not this change.
    tell_causes(&mut whole.actions, &Base { inputs: &of_base, plan: &wanted, history: None, shift: 0 });
    let waits: HashSet<_> = wanted.deferred.iter().map(|waits| (waits.kind, waits.subject, waits.waits_for)).collect();
    whole.deferred.retain(|one| !waits.contains(&(one.kind, one.subject, one.waits_for)));
    let chosen = Chosen::of(&whole, |action| matches!(action.cause, Cause::Manifest | Cause::Deferred));
    if chosen.len() == whole.actions.len() {
        return Ok((whole, reached));
    }
    let part = plan_part(&inputs, whole.diagnostics.clone(), target, (&chosen, &whole)).map_err(refused)?;
    Ok((part, reached))
}
