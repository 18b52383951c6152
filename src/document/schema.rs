//! JSON Schemas of what people write and of what rollcall prints, for editors and other tools.

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
