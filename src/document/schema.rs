//! JSON Schemas of what people write and of what rollcall prints, for editors and other tools.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// What the `$id` of each schema begins with; nothing is fetched from there.
pub const SCHEMA_BASE: &str = "https://rollcall.example/schemas/";

/// The JSON Schema (draft 2020-12) of `T`, which people write: `file` is its name in `schemas/`. Defaults that say
/// nothing (`null`, or mappings of it) are left out.
#[must_use]
pub fn schema_of<T: JsonSchema>(file: &str, title: &str, description: &str) -> Value {
    named_schema::<T>(SchemaSettings::draft2020_12(), file, title, description)
}

/// The JSON Schema of `T`, which rollcall prints: every member is there, also one that is null.
#[must_use]
pub fn printed_schema_of<T: JsonSchema>(file: &str, title: &str, description: &str) -> Value {
    named_schema::<T>(SchemaSettings::draft2020_12().for_serialize(), file, title, description)
}

fn named_schema<T: JsonSchema>(settings: SchemaSettings, file: &str, title: &str, description: &str) -> Value {
    named(settings.into_generator().into_root_schema_for::<T>().to_value(), file, title, description)
}

/// A schema that begins with what it is.
#[must_use]
pub fn named(schema: Value, file: &str, title: &str, description: &str) -> Value {
    let Value::Object(rest) = schema else { return schema };
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("$id".to_owned(), format!("{SCHEMA_BASE}{file}").into());
    schema.insert("title".to_owned(), title.into());
    schema.insert("description".to_owned(), description.into());
    for (key, value) in rest {
        schema.entry(key).or_insert(value);
    }
    let mut schema = Value::Object(schema);
    without_empty_defaults(&mut schema);
    schema
}

/// Takes `null` out of a schema wherever nothing may be left empty; definitions that only `but` leads to stay.
pub fn refuse_nulls(schema: &mut Value, but: &str) {
    let mut seen: BTreeSet<String> = BTreeSet::from([but.to_owned()]);
    let mut definitions = match schema.get_mut("$defs").map(Value::take) {
        Some(Value::Object(definitions)) => definitions,
        Some(_) | None => Map::new(),
    };
    let mut waiting: Vec<String> = Vec::new();
    without_null(schema, &mut waiting);
    while let Some(name) = waiting.pop() {
        if seen.insert(name.clone())
            && let Some(definition) = definitions.get_mut(&name)
        {
            without_null(definition, &mut waiting);
        }
    }
    if let Some(place) = schema.get_mut("$defs") {
        *place = Value::Object(definitions);
    }
}

/// Takes `null` out of the types and choices of a schema, and notes what it refers to.
fn without_null(schema: &mut Value, referred: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::Array(types)) = fields.get_mut("type") {
                types.retain(|name| name != "null");
                if let [one] = types.as_slice() {
                    let one = one.clone();
                    fields.insert("type".to_owned(), one);
                }
            }
            if let Some(Value::Array(choices)) = fields.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
                if let [Value::Object(one)] = choices.as_slice() {
                    let one = one.clone();
                    fields.shift_remove("anyOf");
                    fields.extend(one);
                }
            }
            if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
                referred.extend(name.strip_prefix("#/$defs/").map(str::to_owned));
            }
            fields.values_mut().for_each(|value| without_null(value, referred));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| without_null(item, referred)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn without_empty_defaults(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            // Where `default` is a property of what is described, and not the keyword, its value is a schema.
            if fields.get("default").is_some_and(is_nothing) {
                fields.shift_remove("default");
            }
            fields.values_mut().for_each(without_empty_defaults);
        }
        Value::Array(items) => items.iter_mut().for_each(without_empty_defaults),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_nothing),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
