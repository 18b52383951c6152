//! A plan on standard output, or beside it.

use super::access::{Access, Declared, Lines};
use super::exit::Failure;
use super::printer::Printer;
use super::reports::{Reports, Told};
use crate::guard::{self, Judgement};
use crate::plan::{Actions, ImpactPeople, Plan, PlanDocument, Standing, diagnostic_document, document};
use crate::report::{self, Cause, HtmlText, PlanText, RefusalText, ReviewText, Style};

/// Prints a plan. `apply` is the command that would apply it, where it is not being applied.
pub(super) fn show(
    printer: &Printer,
    (access, declared): (&Access, &Declared),
    plan: &Plan,
    judgement: &Judgement,
    apply: Option<&str>,
) {
    if printer.is_json() {
        printer.json(&document_of(declared, plan, judgement, &Lines::new(&declared.sources)));
        return;
    }
    printer.diagnostics(&plan.diagnostics, &Lines::new(&declared.sources));
    if printer.prints_report() {
        return;
    }
    printer.result(&text((access, declared), plan, judgement, apply, printer.style()));
}

/// A plan with its guards, as it is printed and saved.
pub(super) fn document_of<'a>(
    declared: &'a Declared,
    plan: &'a Plan,
    judgement: &Judgement,
    lines: &'a Lines<'a>,
) -> PlanDocument<Actions<'a>, ImpactPeople<'a>> {
    let mut document = document(plan, &declared.names, lines);
    document.guards = guard::documents(&declared.names, judgement);
    let base = declared.base.as_ref();
    document.base = base.map(|base| base.document.telling(&declared.names, &plan.actions, lines));
    document
}

/// Shows a plan to the person who is going to be asked, where standard output is for a document.
pub(super) fn show_aside(
    printer: &Printer,
    (access, declared): (&Access, &Declared),
    plan: &Plan,
    judgement: &Judgement,
) {
    let lines = Lines::new(&declared.sources);
    printer.diagnostics(&plan.diagnostics, &lines);
    printer.aside(&text((access, declared), plan, judgement, None, printer.style_aside()));
}

/// Says what guards refuse, after everything else; `apply` is the command without the waivers that are missing.
pub(super) fn show_refusal(
    printer: &Printer,
    declared: &Declared,
    plan: &Plan,
    judgement: &Judgement,
    cause: &Cause,
    apply: &str,
) {
    let text = |style| report::refusal(&RefusalText { plan, names: &declared.names, judgement, cause, apply, style });
    if printer.is_json() || printer.prints_report() {
        printer.aside(&text(printer.style_aside()));
    } else {
        printer.result(&format!("\n{}", text(printer.style())));
    }
}

/// Makes the reports of a plan, as files and on standard output.
pub(super) fn show_reports(
    reports: &Reports<'_>,
    (access, declared): (&Access, &Declared),
    plan: &Plan,
    (judgement, cause): (&Judgement, &Cause),
    (apply, standing): (Option<&str>, &dyn Fn() -> Vec<Standing>),
) -> Result<(), Failure> {
    let lines = Lines::new(&declared.sources);
    let guards = guard::documents(&declared.names, judgement);
    let text = PlanText { guards: &guards, ..plan_text((access, declared), plan, &lines, apply) };
    let base = declared.base.as_ref().map(|base| &base.document);
    let review = ReviewText { text, judgement, cause, base };
    reports.make(&Told {
        markdown: &|| report::markdown(&review),
        html: &|| report::html(&HtmlText { review, standing: &standing(), snippets: &lines }),
        annotations: &|| {
            let found = plan.diagnostics.iter().map(|found| diagnostic_document(found, &lines));
            report::annotations(&review, &found.collect::<Vec<_>>())
        },
    })
}

fn text(
    (access, declared): (&Access, &Declared),
    plan: &Plan,
    judgement: &Judgement,
    apply: Option<&str>,
    style: Style,
) -> String {
    let lines = Lines::new(&declared.sources);
    let guards = guard::documents(&declared.names, judgement);
    let changed =
        declared.base.as_ref().map(|base| report::changed_settings(&base.document, style)).unwrap_or_default();
    let text = PlanText { guards: &guards, style, ..plan_text((access, declared), plan, &lines, apply) };
    changed + &report::plan(&text)
}

/// What every report of a plan needs; without guards.
fn plan_text<'a>(
    (access, declared): (&'a Access, &'a Declared),
    plan: &'a Plan,
    lines: &'a Lines<'a>,
    apply: Option<&'a str>,
) -> PlanText<'a> {
    PlanText {
        plan,
        names: &declared.names,
        catalog: Some(&declared.desired.catalog),
        desired: Some(&declared.desired),
        rules: Some(access.rules()),
        zone: &access.settings.time_zone,
        places: lines,
        guards: &[],
        apply,
        as_of: access.as_of,
        style: Style::default(),
    }
}
