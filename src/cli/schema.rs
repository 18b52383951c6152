//! `rollcall schema`: the JSON Schemas of everything that people write and rollcall prints.

use clap::ValueEnum as _;
use serde_json::Value as Json;

use super::exit::Exit;
use super::options::{Schema, SchemaName};
use super::printer::Printer;
use crate::{apply, exchange, manifest, plan, rules, settings};

pub(super) fn run(arguments: &Schema, printer: &Printer) -> Exit {
    if let Some(name) = arguments.name {
        printer.json(&schema(name));
        return Exit::Done;
    }
    let names = SchemaName::value_variants().iter().filter_map(clap::ValueEnum::to_possible_value);
    let names: Vec<String> = names.map(|name| name.get_name().to_owned()).collect();
    if printer.is_json() {
        printer.json(&names);
    } else {
        printer.result(&format!("{}\n", names.join("\n")));
    }
    Exit::Done
}

/// The schema with this name.
pub(super) fn schema(name: SchemaName) -> Json {
    match name {
        SchemaName::Settings => settings::schema(),
        SchemaName::Manifest => manifest::schema(),
        SchemaName::Rules => rules::schema(),
        SchemaName::Plan => plan::schema(),
        SchemaName::ApplyReport => apply::schema(),
        SchemaName::ResetReport => apply::reset_schema(),
        SchemaName::Export => exchange::schema(),
    }
}
