//! `rollcall schema`: the JSON Schemas of everything that people write and rollcall prints.

use clap::ValueEnum as _;
use serde_json::Value as Json;

use super::exit::Exit;
use super::options::{Schema, SchemaName};
use super::printer::Printer;
use crate::{apply, manifest, plan, rules, settings};

pub(super) fn run(arguments: &Schema, printer: &Printer) -> Exit {
    match arguments.name {
        Some(name) => printer.json(&schema(name)),
        None => {
            for name in SchemaName::value_variants().iter().filter_map(clap::ValueEnum::to_possible_value) {
                printer.result(&format!("{}\n", name.get_name()));
            }
        }
    }
    Exit::Done
}

/// The schema with this name.
pub(super) fn schema(name: SchemaName) -> Json {
    match name {
        SchemaName::Settings => settings::schema(),
        SchemaName::Manifest => manifest::schema().to_value(),
        SchemaName::Rules => rules::schema(),
        SchemaName::Plan => plan::schema(),
        SchemaName::ApplyReport => apply::schema(),
    }
}
