//! `rollcall plan`: what would change. It opens the store for reading only, so it can't write (law 7).

use super::access::{Access, Declared, Lines};
use super::edge;
use super::exit::{Exit, Failure};
use super::options::{Global, Plan};
use super::printer::Printer;
use crate::plan::document;
use crate::report::{self, PlanText};

pub(super) fn run(global: &Global, arguments: &Plan, printer: &Printer) -> Result<Exit, Failure> {
    let access = Access::load(global, printer)?;
    let mut declared = access.declared(global, printer)?;
    let runtime = super::apply::runtime()?;
    let (info, live) = runtime.block_on(access.live(&mut declared.names))?;
    let plan = access.plan(&declared, &info, &live, edge::now(arguments.at), printer)?;
    show(printer, &declared, &plan, Some(&apply_command(global)));
    Ok(match (plan.gaps.is_empty(), plan.actions.is_empty()) {
        (false, _) => Exit::Failed,
        (true, false) if arguments.detailed_exitcode => Exit::Changes,
        (true, _) => Exit::Done,
    })
}

/// Prints a plan. `apply` is the command that would apply it, where it is not being applied.
pub(super) fn show(printer: &Printer, declared: &Declared, plan: &crate::plan::Plan, apply: Option<&str>) {
    let lines = Lines(&declared.sources);
    if printer.is_json() {
        printer.json(&document(plan, &declared.names, &lines));
        return;
    }
    printer.diagnostics(&plan.diagnostics, &lines);
    printer.result(&report::plan(&PlanText {
        plan,
        names: &declared.names,
        catalog: Some(&declared.desired.catalog),
        places: &lines,
        guards: &[],
        apply,
        style: printer.style(),
    }));
}

/// The command that applies what was planned with these options.
fn apply_command(global: &Global) -> String {
    let mut words = vec!["rollcall".to_owned()];
    let repository = global.repository.to_string_lossy();
    if repository != "." {
        words.extend(["-C".to_owned(), quoted(&repository)]);
    }
    words.push("apply".to_owned());
    words.extend(global.store.iter().flat_map(|store| ["--store".to_owned(), quoted(store)]));
    words.extend(global.manifests.iter().flat_map(|path| ["--manifests".to_owned(), quoted(path)]));
    words.join(" ")
}

/// A word as a shell needs it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
