//! `rollcall rules`: the built-in rule sets, and the one that holds for a store.

use serde::Serialize;

use super::access::Access;
use super::exit::{Exit, Failure, advised};
use super::options::{Global, RulesArguments, RulesCommand};
use super::printer::Printer;
use crate::document;
use crate::report::sanitise;
use crate::rules::{self, BUILT_IN};

/// A built-in rule set as `--format json` lists it.
#[derive(Serialize)]
struct SetDocument {
    name: &'static str,
    about: &'static str,
}

pub(super) fn run(global: &Global, arguments: &RulesArguments, printer: &Printer) -> Result<Exit, Failure> {
    match &arguments.command {
        RulesCommand::List => {
            list(printer);
            Ok(Exit::Done)
        }
        RulesCommand::Show { name: Some(name) } => show(name, printer),
        RulesCommand::Show { name: None } => show_in_force(global, printer),
    }
}

fn list(printer: &Printer) {
    let sets = BUILT_IN.iter().map(|&(name, text)| SetDocument { name, about: rules::about(text) });
    if printer.is_json() {
        printer.json(&sets.collect::<Vec<_>>());
        return;
    }
    for SetDocument { name, about } in sets {
        printer.result(&format!("{name:<12}{about}\n"));
    }
}

/// The YAML of a built-in rule set, with its comments; as JSON what it comes to.
fn show(name: &str, printer: &Printer) -> Result<Exit, Failure> {
    let found = BUILT_IN.iter().find(|(built_in, _)| *built_in == name);
    let Some(((_, text), rules)) = found.and_then(|set| Some((set, rules::Rules::built_in(name)?))) else {
        let names = BUILT_IN.iter().map(|(name, _)| *name);
        let advice = match document::nearest(name, names.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("built in: {}", names.collect::<Vec<_>>().join(", ")),
        };
        let name = name.escape_debug();
        return Err(Failure::invalid(advised(format!("there is no built-in rule set `{name}`"), advice)));
    };
    if printer.is_json() {
        printer.json(&rules);
    } else {
        printer.result(text);
    }
    Ok(Exit::Done)
}

/// What holds for the selected store, with all that it extends. JSON in either format: that is YAML as well.
fn show_in_force(global: &Global, printer: &Printer) -> Result<Exit, Failure> {
    let access = Access::load(global, printer)?;
    let name = &access.store.rules_name;
    printer.note(&format!("the rules of store `{}`: {}", sanitise(&access.store_name), sanitise(name)));
    printer.json(access.rules());
    Ok(Exit::Done)
}
