//! `rollcall init`: writes what is missing and overwrites nothing. Only this makes store files, and the one organization
//! of a store that is one.

use std::fs;

use serde::Serialize;

use super::access::check_links;
use super::exit::{Exit, Failure, advised};
use super::files::{make_folder, write_new};
use super::journal;
use super::options::{Global, SchemaName};
use super::printer::Printer;
use super::schema::schema;
use super::settings_file::read_settings;
use super::tracked::tell_not_ignored;
use crate::manifest::{self, Reading};
use crate::model::Names;
use crate::report::sanitise;
use crate::settings::{FILE_NAME, Settings, StoreKind, StoreSettings};
use crate::source::Sources;
use crate::store::sqlite::{SqliteReader, SqliteStore};

/// What `--format json` prints.
#[derive(Serialize)]
struct InitDocument {
    format: u32,
    made: Vec<String>,
}

const SETTINGS: &str = "\
# yaml-language-server: $schema=schemas/settings.schema.json
version: 1
manifests: [access]
store: local
stores:
  local:
    sqlite: { path: .rollcall/store.db } # a user store of its own, in one file
manage:
  organizations: all
  absent_users: report # `deactivate`: who is live and not declared can't log in any more
";

const MANIFEST: &str = "\
# yaml-language-server: $schema=../schemas/manifest.schema.json
# An example to change: one organization, two roles, one person.
organizations:
  example-works:
    name: Example Works
    sites:
      head-office: {}
roles:
  manager: { rank: 40, site_access: all, admin: true }
  member: { rank: 10 }
users:
  ana@example.com:
    given_name: Ana
    access:
      example-works: manager
";

const IGNORED: &str = "# The embedded store, the journal and secrets stay out of git.\n/.rollcall/\n";

pub(super) fn run(global: &Global, printer: &Printer) -> Result<Exit, Failure> {
    let repository = &global.repository;
    let mut made = Vec::new();
    let mut add = |name: &str, text: &str| -> Result<(), Failure> {
        if fs::symlink_metadata(repository.join(name)).is_ok() {
            return Ok(());
        }
        write_new(repository, name, text).map_err(Failure::failed)?;
        made.push(name.to_owned());
        Ok(())
    };
    let is_new = fs::symlink_metadata(repository.join(FILE_NAME)).is_err();
    add(FILE_NAME, SETTINGS)?;
    let settings = read_settings(repository, printer)?;
    for (name, store) in &settings.stores {
        check_links(&settings, (name, store), repository)?;
        let file = store.sqlite_path(repository);
        if journal::is_lost(&file) {
            journal::check_absent_store(&file, repository, name, printer)?;
        }
    }
    // Nobody's example belongs beside people who are there already.
    let has_store = settings.stores.values().any(|store| fs::symlink_metadata(store.sqlite_path(repository)).is_ok());
    let has_manifests = !Sources::folder(repository).find_manifests(&settings.manifests).0.is_empty();
    if is_new && !has_manifests && !has_store {
        add("access/example.yaml", MANIFEST)?;
    }
    if is_new {
        for (name, file) in [(SchemaName::Settings, "settings"), (SchemaName::Manifest, "manifest")] {
            let text = serde_json::to_string_pretty(&schema(name)).map_err(Failure::failed)?;
            add(&format!("schemas/{file}.schema.json"), &format!("{text}\n"))?;
        }
    }
    add(".gitignore", IGNORED)?;
    for (name, store) in &settings.stores {
        let StoreKind::Sqlite { path } = &store.kind;
        let file = store.sqlite_path(repository);
        if fs::symlink_metadata(&file).is_ok() {
            // What is there has to be the store: `init` overwrites nothing, and says so where it is something else.
            SqliteReader::open(&file, &store.rules)?;
            continue;
        }
        file.parent().map_or(Ok(()), make_folder)?;
        SqliteStore::create(&file, &store.rules.identity)?;
        made.push(format!("{} (store {name})", path.display()));
    }
    tell_not_ignored(&settings, repository, printer);
    let mut without = None;
    for (name, store) in settings.stores.iter().filter(|(_, store)| store.rules.organization_limit() == Some(1)) {
        match only_organization(global, &settings, (name, store)) {
            Ok(organization) => made.extend(organization.map(|made| format!("organization {made} (store {name})"))),
            Err(why) => without = without.or(Some(why)),
        }
    }
    if printer.is_json() {
        printer.json(&InitDocument { format: 1, made });
        return without.map_or(Ok(Exit::Done), Err);
    }
    for name in &made {
        printer.result(&format!("made {}\n", sanitise(name)));
    }
    if made.is_empty() && without.is_none() {
        printer.result("everything is there already\n");
    }
    without.map_or(Ok(Exit::Done), Err)
}

/// Makes the one organization of a store that is one: nothing else ever makes it. `None` where it is there.
fn only_organization(
    global: &Global,
    settings: &Settings,
    (name, store): (&str, &StoreSettings),
) -> Result<Option<String>, Failure> {
    let file = store.sqlite_path(&global.repository);
    if SqliteReader::open(&file, &store.rules)?.has_organization()? {
        return Ok(None);
    }
    let refused = |why: &str, help: &str| {
        let why = format!("the store {name} is one organization by its rules, and has none yet: {why}");
        Err(Failure::invalid(advised(why, format!("{help}, then run `rollcall init` again"))))
    };
    let mut names = Names::new();
    let reading = Reading { rules: &store.rules, time_zone: &settings.time_zone };
    let paths = if global.manifests.is_empty() { &settings.manifests } else { &global.manifests };
    let loaded = manifest::load(&mut names, reading, &mut Sources::folder(&global.repository), paths);
    if loaded.has_errors() {
        return refused("the manifests are not valid", "see `rollcall validate`");
    }
    let mut declared: Vec<&str> = loaded.desired.catalog.organizations.keys().map(|&name| names.text(name)).collect();
    declared.sort_unstable();
    match declared.as_slice() {
        [organization] => {
            let mut store = SqliteStore::open(&file, store.rules.clone(), None)?;
            store.make_only_organization(organization)?;
            Ok(Some((*organization).to_owned()))
        }
        [] => refused("no manifest declares it", "declare it under `organizations:`"),
        [first, second, ..] => {
            let why = format!("the manifests declare {} of them, such as `{first}` and `{second}`", declared.len());
            refused(&why, "declare one")
        }
    }
}
