//! The schema that editors read and the walker that reads manifests accept and refuse the same, as far as a schema
//! can tell: names, references and what YAML itself forbids are beyond it.

use rollcall::diagnostic::Code;
use rollcall::manifest;
use rollcall::model::Names;
use rollcall::source::Sources;

use crate::manifest_cases::{cases, rules_of};

/// The manifest as JSON; `None` if it can't be said in JSON.
fn as_json(text: &str) -> Option<serde_json::Value> {
    let options = serde_yaml::options! { strict_booleans: true };
    serde_yaml::from_str_with_options(text, options).ok()
}

#[test]
fn schema_and_walker_agree() {
    let schema = serde_json::to_value(manifest::schema()).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let (mut compared, mut refused) = (0, 0);
    for case in cases() {
        let mut sources = Sources::folder(&case);
        let loaded = manifest::load(
            &mut Names::new(),
            manifest::Reading { rules: &rules_of(&case), time_zone: &jiff::tz::TimeZone::UTC },
            &mut sources,
            &["access".to_owned()],
        );
        for &file in &loaded.files {
            let path = sources.path(file).to_owned();
            let Some(json) = sources.text(file).as_deref().and_then(as_json) else { continue };
            if json.is_null() {
                continue;
            }
            let codes: Vec<Code> = loaded
                .diagnostics
                .iter()
                .filter(|diagnostic| diagnostic.primary.as_ref().is_some_and(|label| label.span.start.file == file))
                // The types of attributes stand in the rules of a store, which the schema does not know.
                .map(|diagnostic| match diagnostic.code {
                    Code::WrongType if diagnostic.message.starts_with("attribute ") => Code::NotInRules,
                    // How a number is written is gone where the schema looks.
                    Code::WrongType if diagnostic.message.contains("written") => Code::NotInRules,
                    code => code,
                })
                .collect();
            let valid = validator.is_valid(&json);
            let case = case.display();
            if codes.iter().any(|code| matches!(code, Code::UnknownKey | Code::WrongType)) {
                assert!(!valid, "{case}/{path}: the walker refuses it ({codes:?}), the schema does not");
            }
            if !valid {
                let errors: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
                let walker_refuses = codes.iter().any(|&code| code != Code::NotYetSupported);
                assert!(walker_refuses, "{case}/{path}: the schema refuses it, the walker does not: {errors:?}");
                refused += 1;
            }
            compared += 1;
        }
    }
    assert!(compared > 50 && refused > 5, "{compared} files compared, {refused} refused");
}
