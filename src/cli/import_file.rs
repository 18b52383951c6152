//! `rollcall import --from csv|xlsx FILE`: people in a file of another program as manifests.

use std::path::{Component, Path};

use unicode_normalization::UnicodeNormalization as _;

use super::access::Access;
use super::desk::read_manifests;
use super::edge;
use super::exit::{Exit, Failure, advised};
use super::files::{in_repository, read_at_most};
use super::options::{From, Global, Import};
use super::printer::Printer;
use crate::diagnostic::{Position, Span};
use crate::exchange::{Batch, Imported, Known, LARGEST_CSV, LARGEST_XLSX, ListOptions, Refused, read_csv, read_xlsx};
use crate::manifest::Written;
use crate::model::Names;
use crate::plan::Places;
use crate::report::{Excerpt, Snippets};

/// The manifests of a file. Mistakes are printed with their rows and columns.
pub(super) fn read(
    access: &Access,
    global: &Global,
    (file, from): (&Path, From),
    arguments: &Import,
    printer: &Printer,
) -> Result<Written, Failure> {
    let path = in_repository(&access.repository, file)?;
    let shown = file.to_string_lossy();
    let read = |largest| read_at_most(&path, largest).map_err(Failure::failed);
    let rules = access.rules();
    let outcome = match from {
        From::Csv => {
            let options = list_options(arguments)?;
            let known = known(access, global, &arguments.out, printer)?;
            read_csv(rules, &shown, &read(LARGEST_CSV)?, &options, &known)
        }
        From::Xlsx => {
            let known = known(access, global, &arguments.out, printer)?;
            let batch = batch(access, arguments, &known)?;
            read_xlsx(rules, &shown, &read(LARGEST_XLSX)?, &batch, &known)
        }
    };
    match outcome {
        Ok(Imported { written, notes }) => {
            for note in notes {
                printer.note(&note);
            }
            Ok(written)
        }
        Err(refused) => {
            printer.only_diagnostics(&refused.diagnostics, &Rows(&refused));
            Err(Failure::told(Exit::Invalid))
        }
    }
}

/// What is declared already, where the new manifests join those that are there, and what the store holds, where it has
/// been made.
fn known(access: &Access, global: &Global, out: &Path, printer: &Printer) -> Result<Known, Failure> {
    let mut names = Names::new();
    let mut known = declared(access, global, out, &mut names, printer);
    if access.store_path().symlink_metadata().is_ok() {
        let (_, live) = edge::runtime()?.block_on(access.live(&mut names, printer))?;
        known.add_store(&names, access.rules(), &live);
    } else {
        access.check_store_is_there(printer)?;
    }
    Ok(known)
}

fn declared(access: &Access, global: &Global, out: &Path, names: &mut Names, printer: &Printer) -> Known {
    let parts = |path: &Path| -> Vec<_> {
        path.components().filter(|part| *part != Component::CurDir).map(|part| part.as_os_str().to_owned()).collect()
    };
    let paths = if global.manifests.is_empty() { &access.settings.manifests } else { &global.manifests };
    if !paths.iter().any(|path| parts(out).starts_with(&parts(Path::new(path)))) {
        return Known::default();
    }
    // The first import makes the folder.
    if paths.iter().all(|path| access.repository.join(path).symlink_metadata().is_err()) {
        return Known::default();
    }
    let Some(desired) = read_manifests(access, global, names) else {
        printer.note("the manifests are not valid, so what they declare already is declared again");
        return Known::default();
    };
    Known::declared(names, &desired)
}

fn list_options(arguments: &Import) -> Result<ListOptions, Failure> {
    let Import { organization, extra_role, status, user_type, role, site, send, suppress, sheet, .. } = arguments;
    refuse(
        "csv",
        &[
            ("--user-type", user_type.is_some()),
            ("--role", role.is_some()),
            ("--site", site.is_some()),
            ("--send", *send),
            ("--suppress", *suppress),
            ("--sheet", sheet.is_some()),
            ("--no-role", arguments.no_role),
            ("--no-site", arguments.no_site),
        ],
    )?;
    Ok(ListOptions {
        organization: organization.as_deref().map(composed),
        extra_roles: extra_role.iter().map(|role| composed(role)).collect(),
        statuses: status.clone(),
    })
}

/// A text of the command line in Unicode normalization form C, as manifests have it and files are read.
fn composed(text: &str) -> String {
    text.nfc().collect()
}

fn batch(access: &Access, arguments: &Import, known: &Known) -> Result<Batch, Failure> {
    let Import { organization, extra_role, status, user_type, role, site, send, suppress, sheet, .. } = arguments;
    refuse("xlsx", &[("--extra-role", !extra_role.is_empty()), ("--status", !status.is_empty())])?;
    let rules = access.rules();
    let option = |option: &Option<String>| option.as_deref().map(composed);
    let batch = Batch {
        user_type: option(user_type),
        role: option(role),
        organization: option(organization).unwrap_or_default(),
        site: option(site),
        is_sent: *send,
        sheet: sheet.clone(),
    };
    let lacks_site = arguments.no_site || rules.sites.rules().is_none() || batch.reaches_all_sites(rules, known);
    let wanted = [
        ("--role ROLE", role.is_some() || arguments.no_role),
        ("--organization ORG", organization.is_some()),
        ("--site SITE", site.is_some() || lacks_site),
        ("--send or --suppress", *send || *suppress || !rules.knows_invitations()),
    ];
    let missing: Vec<&str> = wanted.iter().filter(|(_, is_there)| !is_there).map(|(option, _)| *option).collect();
    let mut wrong: Vec<String> = missing.iter().map(|option| format!("{option} is missing")).collect();
    if !rules.knows_invitations() && (*send || *suppress) {
        wrong.push("--send and --suppress are for stores with invitations, and this one has none".to_owned());
    }
    // What is missing is told once.
    let is_told =
        |why: &String| missing.iter().any(|option| why.starts_with(option.split(' ').next().unwrap_or(option)));
    wrong.extend(batch.refuse(rules, known).into_iter().filter(|why| !is_told(why)));
    if wrong.is_empty() {
        return Ok(batch);
    }
    let what = "the file holds people and nothing else, so options say what holds for all of them";
    Err(Failure::invalid(anyhow::anyhow!(wrong.join("; ")).context(what)))
}

fn refuse(from: &str, options: &[(&str, bool)]) -> Result<(), Failure> {
    let given: Vec<&str> = options.iter().filter(|(_, is_given)| *is_given).map(|(option, _)| *option).collect();
    if given.is_empty() {
        return Ok(());
    }
    Err(Failure::invalid(advised(format!("{} can't be used with --from {from}", given.join(", ")), "leave it out")))
}

/// Rows in place of lines; a row is not printed.
struct Rows<'a>(&'a Refused);

impl Places for Rows<'_> {
    fn place(&self, position: Position) -> (String, u32, u32) {
        self.0.place(position)
    }
}

impl Snippets for Rows<'_> {
    fn excerpt(&self, _: Span) -> Option<Excerpt<'_>> {
        None
    }
}
