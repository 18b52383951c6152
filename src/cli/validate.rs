//! `rollcall validate`: settings and manifests under the rules of the store, and policies on what is declared, without the
//! store.

use super::access::{Access, Lines};
use super::edge;
use super::exit::{Exit, Failure, advised};
use super::options::{Global, ReportFormat, Validate};
use super::printer::Printer;
use super::reports::Reports;
use super::secrets::missing_sink;
use crate::plan::lacking;
use crate::report::{count, sanitise};

pub(super) fn run(global: &Global, arguments: &Validate, printer: &Printer) -> Result<Exit, Failure> {
    let is_of_plan = |format| matches!(format, ReportFormat::Markdown | ReportFormat::Html);
    if arguments.report.iter().any(|report| is_of_plan(report.format)) {
        let why = "reports as markdown or html are ones of a plan";
        return Err(Failure::invalid(advised(why, "take --report github=FILE or gitlab=FILE, or run `rollcall plan`")));
    }
    Reports::new(global, &arguments.report, printer).run(|_| validate(global, arguments, printer))
}

fn validate(global: &Global, arguments: &Validate, printer: &Printer) -> Result<Exit, Failure> {
    // Whether manifests are valid never depends on the clock, but whether they keep to policies may.
    let Validate { at, report: _ } = arguments;
    let access = Access::load_for_manifests(global, printer)?;
    let mut declared = access.declared(global, printer)?;
    // Without a store nobody is there yet.
    declared.warnings.extend(lacking(&declared.names, &declared.desired, access.rules(), |_| None));
    declared.warnings.extend(missing_sink(&access, &declared));
    let verdicts = access.ask_declared(&mut declared, edge::now(*at));
    printer.only_diagnostics(&declared.warnings, &Lines::new(&declared.sources));
    if verdicts.refuse() {
        return Ok(Exit::Refused);
    }
    if !printer.is_json() {
        let catalog = &declared.desired.catalog;
        let roles = catalog.roles.values().filter(|role| !role.vendor).count();
        let valid = format!(
            "valid: {}, {}, {} (store {}, rules {})\n",
            count(declared.desired.len(), "user", "users"),
            count(catalog.organizations.len(), "organization", "organizations"),
            count(roles, "role", "roles"),
            sanitise(&access.store_name),
            sanitise(&access.store.rules_name),
        );
        if printer.prints_report() {
            printer.note(valid.trim_end());
        } else {
            printer.result(&valid);
        }
    }
    Ok(Exit::Done)
}
