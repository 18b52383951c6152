//! A plan on standard output, or beside it.

use super::access::{Declared, Lines};
use super::printer::Printer;
use crate::plan::{Plan, document};
use crate::report::{self, PlanText, Style};

/// Prints a plan. `apply` is the command that would apply it, where it is not being applied.
pub(super) fn show(printer: &Printer, declared: &Declared, plan: &Plan, apply: Option<&str>) {
    let lines = Lines::new(&declared.sources);
    if printer.is_json() {
        printer.json(&document(plan, &declared.names, &lines));
        return;
    }
    printer.diagnostics(&plan.diagnostics, &lines);
    printer.result(&text(declared, plan, &lines, apply, printer.style()));
}

/// Shows a plan to the person who is going to be asked, where standard output is for a document.
pub(super) fn show_aside(printer: &Printer, declared: &Declared, plan: &Plan) {
    let lines = Lines::new(&declared.sources);
    printer.diagnostics(&plan.diagnostics, &lines);
    printer.aside(&text(declared, plan, &lines, None, printer.style_aside()));
}

fn text(declared: &Declared, plan: &Plan, lines: &Lines<'_>, apply: Option<&str>, style: Style) -> String {
    report::plan(&PlanText {
        plan,
        names: &declared.names,
        catalog: Some(&declared.desired.catalog),
        places: lines,
        guards: &[],
        apply,
        style,
    })
}
