//! The schemas in `schemas/` are those of the code, and they agree with the readers about what is allowed.

use std::fs;
use std::path::PathBuf;

use jsonschema::Validator;
use rollcall::{apply, exchange, manifest, plan, rules, settings};
use serde_json::Value;

use super::support::folders::folders;

/// Every schema that is handed out, by file name.
fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("apply-report.schema.json", value(apply::schema())),
        ("export.schema.json", value(exchange::schema())),
        ("manifest.schema.json", value(manifest::schema())),
        ("plan.schema.json", value(plan::schema())),
        ("reset-report.schema.json", value(apply::reset_schema())),
        ("rules.schema.json", value(rules::schema())),
        ("settings.schema.json", value(settings::schema())),
    ]
}

fn value(schema: impl serde::Serialize) -> Value {
    serde_json::to_value(schema).expect("a schema is JSON")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn validator(name: &str) -> Validator {
    let schema = schemas().into_iter().find(|(file, _)| *file == name).expect(name).1;
    jsonschema::draft202012::new(&schema).expect(name)
}

/// A document as an editor sees it, which knows nothing of our types.
fn as_json(text: &str) -> Value {
    let options = serde_yaml::options! { strict_booleans: true };
    serde_yaml::from_str_with_options(text, options).expect(text)
}

fn mistakes(validator: &Validator, text: &str) -> Vec<String> {
    validator.iter_errors(&as_json(text)).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn schemas_are_up_to_date() {
    let folder = root().join("schemas");
    let update = std::env::vars().any(|(name, value)| name == "UPDATE_SCHEMAS" && value == "1");
    for (name, schema) in schemas() {
        let text = serde_json::to_string_pretty(&schema).expect("a schema") + "\n";
        let path = folder.join(name);
        if update {
            fs::create_dir_all(&folder).expect("the folder of schemas");
            fs::write(&path, &text).expect("written");
        }
        let there = fs::read_to_string(&path).unwrap_or_default();
        assert!(there == text, "schemas/{name} is stale; run: UPDATE_SCHEMAS=1 cargo test --test it schemas");
    }
}

#[test]
fn schemas_say_what_they_are() {
    for (name, schema) in schemas() {
        let id = schema["$id"].as_str().unwrap_or_default();
        assert!(id.ends_with(name), "{name}: {id}");
        for key in ["$schema", "title", "description"] {
            assert!(schema[key].is_string(), "{name} lacks {key}");
        }
        jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn built_in_rule_sets_are_valid_by_the_schema() {
    let validator = validator("rules.schema.json");
    for (name, text) in rules::BUILT_IN {
        assert_eq!(mistakes(&validator, text), Vec::<String>::new(), "{name}");
    }
}

/// The settings of `language.md` §1.
const SETTINGS: &str = "\
version: 1
manifests: [access]
time_zone: Europe/Paris
store: local
stores:
  local:
    sqlite: { path: .rollcall/store.db }
    rules: default
  production:
    scim:
      url: https://id.example.com/scim/v2
      read_token:  { env: SCIM_READ_TOKEN }
      write_token: { env: SCIM_WRITE_TOKEN }
manage:
  organizations: all
  accounts: true
  absent_users: deactivate
  catalog: create
  grace: 30d
guards:
  removals:    { max_percent: 25, min_count: 5 }
  invitations: { max_count: 200 }
  escalations: { max_count: 20 }
  mails:       { max_count: 500 }
  deletions:   { max_count: 0 }
  min_admins: 1
  protected_users: [root@example.com, \"svc-*\"]
  self: ci-bot
secrets: { sink: { file: .rollcall/secrets } }
mail: { outbox: .rollcall/outbox, from: access@example.com }
";

#[test]
fn the_documented_settings_are_valid_by_the_schema() {
    let validator = validator("settings.schema.json");
    let smtp = "smtp: { host: mail.example.com, port: 465, tls: implicit, user: a, password: { env: P } }";
    let sink = "{ sink: { command: [pass, insert] } }";
    for text in [
        SETTINGS.to_owned(),
        SETTINGS.replace("outbox: .rollcall/outbox", smtp),
        SETTINGS.replace("{ sink: { file: .rollcall/secrets } }", sink),
        SETTINGS.replace("organizations: all", "organizations: [north]"),
        SETTINGS.replace("rules: default", "rules: { extends: default, seats: { max: 5 }, sites: false }"),
    ] {
        assert_eq!(mistakes(&validator, &text), Vec::<String>::new(), "{text}");
    }
}

/// What the reader refuses for its shape, the schema refuses as well, and the other way round.
#[test]
fn schema_and_reader_of_settings_agree() {
    let validator = validator("settings.schema.json");
    let small =
        "version: 1\nstores: { a: { sqlite: { path: a.db }, rules: default } }\nmanage: { absent_users: report }\n";
    let with_guard = |guard: &str| format!("{small}guards: {{ {guard} }}\n");
    let rules = |rules: &str| small.replace("default", rules);
    for (text, valid) in [
        (small.to_owned(), true),
        (small.replace("version: 1", "version: 2"), false),
        (small.replace("version: 1\n", ""), false),
        (small.replace("version", "versoin"), false),
        (small.replace("absent_users: report", ""), false),
        (small.replace("report", "delete"), false),
        (small.replace("report", "report, grace: 30 days"), false),
        (small.replace("report", "report, grace: 12h"), true),
        (small.replace("report", "report, organizations: some"), false),
        (with_guard("min_admins: 2"), true),
        (with_guard("min_admins: -1"), false),
        (with_guard("mails: 7"), false),
        (with_guard("removals: { max_percent: 101 }"), false),
        (with_guard("self: none"), true),
        (format!("{small}secrets: {{ sink: {{ file: a }} }}\n"), true),
        (format!("{small}secrets: {{ sink: hunter2 }}\n"), false),
        (rules("{ organizations: one }"), true),
        (rules("{ organizations: two }"), false),
        (rules("{ organizations: true }"), false),
        (rules("{ sites: true }"), false),
        (rules("{ sites: false }"), true),
        (rules("{ sites: { roles: yes } }"), false),
        (rules("{ identity: null }"), true),
        (rules("{ identity: { key: phone } }"), false),
        (rules("{ mail: { update: true, invite_user: null } }"), true),
        (rules("{ mail: { invite: true } }"), false),
        (rules("{ fields: { mobile: null } }"), true),
        (rules("{ fields: { mobile: { require: always } } }"), false),
        (rules("{ invitations: { carries: { sites: all } } }"), true),
        (rules("{ invitations: { carries: { sites: most } } }"), false),
        (rules("{ invitations: { ttl: 7 } }"), false),
        (rules("{ attributes: { a: { type: ordinal, values: [b, c], access: true } } }"), true),
        (rules("{ attributes: { a: { type: number } } }"), false),
        (rules("{ require: [{ when: { mfa: true, role: null }, any_of: [email], severity: warning }] }"), true),
        (rules("{ require: [{ when: {}, any_of: [email] }] }"), false),
        (rules("{ roles: { vendor: { a: { rank: 1, applies_to: [site] } } } }"), true),
        (rules("{ roles: { vendor: { a: { rank: high } } } }"), false),
        (rules("{ scope: { complete: all } }"), true),
        (rules("{ denials: { self: [deactivate_user] } }"), true),
    ] {
        let by_reader = settings::parse(&text, &|_| Err(String::new()));
        assert_eq!(by_reader.is_ok(), valid, "the reader: {text}{by_reader:#?}");
        let by_schema = mistakes(&validator, &text);
        assert_eq!(by_schema.is_empty(), valid, "the schema: {text}{by_schema:#?}");
    }
}

/// The settings of every example are valid, by the schema and by the reader.
#[test]
fn settings_of_examples_are_valid() {
    let validator = validator("settings.schema.json");
    let mut count = 0;
    for example in folders(&root().join("examples")) {
        let file = example.join(settings::FILE_NAME);
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(mistakes(&validator, &text), Vec::<String>::new(), "{}", file.display());
        settings::load(&example).unwrap_or_else(|refused| panic!("{refused}"));
        count += 1;
    }
    assert!(count > 0, "there are no examples");
}
