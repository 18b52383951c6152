//! `rollcall import`: the live state, or a file of another program, as manifests, to begin with or to compare.

use std::fs;
use std::path::{Component, Path};

use anyhow::Context as _;
use serde::Serialize;

use super::access::{Access, Lines};
use super::edge;
use super::exit::{Exit, Failure, advised};
use super::files::{in_repository, write_all_new};
use super::import_file;
use super::options::{Global, Import};
use super::printer::Printer;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::manifest::{self, Unsayable, Written};
use crate::model::{LiveState, Names};
use crate::plan::{DiagnosticDocument, diagnostic_document, fit, unfinished, within_scope};
use crate::report::{count, sanitise, shortened};
use crate::source::{Sources, is_hidden};
use crate::store::Info;

/// What `--format json` prints.
#[derive(Serialize)]
struct ImportDocument {
    format: u32,
    accounts: usize,
    files: Vec<String>,
    left_out: Vec<LeftOutDocument>,
    /// Who was between two roles, and how that is written.
    notes: Vec<String>,
    /// What is wrong with the manifests as they were written: they are refused until it is mended.
    diagnostics: Vec<DiagnosticDocument>,
}

#[derive(Serialize)]
struct LeftOutDocument {
    kind: String,
    name: String,
    reason: String,
}

pub(super) fn run(global: &Global, arguments: &Import, printer: &Printer) -> Result<Exit, Failure> {
    let access = Access::load(global, printer)?;
    let folder = in_repository(&access.repository, &arguments.out)?;
    if holds_yaml(&folder).map_err(Failure::failed)? {
        let why = format!("`{}` holds YAML already, and nothing is overwritten", folder.display());
        return Err(Failure::invalid(advised(why, "name an empty folder")));
    }
    let mut notes = Vec::new();
    let written = if let (Some(file), Some(from)) = (&arguments.file, arguments.from) {
        import_file::read(&access, global, (file, from), arguments, printer)?
    } else {
        let mut names = Names::new();
        let live = whole(&access, &mut names, printer)?.1;
        // Whoever is between two roles is written as the change is to end: a manifest without it would end it.
        notes = tell_unfinished(&access, &names, &live);
        let live = live.after_half_changes().unwrap_or(live);
        manifest::write(&names, access.rules(), &within_scope(&names, live, &access.scope()))
    };
    for note in &notes {
        printer.note(note);
    }
    let texts: Vec<String> = written.files.iter().map(|(_, text)| with_way_to_schemas(text, &arguments.out)).collect();
    let files = written.files.iter().zip(&texts).map(|((name, _), text)| (name.as_str(), text.as_bytes()));
    write_all_new(&folder, files).map_err(Failure::failed)?;
    let (refused, sources) = refused(&access, arguments, &written);
    let exit = if refused.is_empty() { Exit::Done } else { Exit::Invalid };
    if printer.is_json() {
        let left_out = written.unsayable.iter().map(|left_out| LeftOutDocument {
            kind: left_out.kind.to_string(),
            name: left_out.name.clone(),
            reason: left_out.reason.clone(),
        });
        let files = written.files.iter().map(|(name, _)| arguments.out.join(name).to_string_lossy().into_owned());
        let (files, left_out) = (files.collect(), left_out.collect());
        let lines = Lines::new(&sources);
        let diagnostics = refused.iter().map(|one| diagnostic_document(one, &lines)).collect();
        let accounts = written.accounts;
        printer.json(&ImportDocument { format: 1, accounts, files, left_out, notes, diagnostics });
        return Ok(exit);
    }
    tell_left_out(&written.unsayable, printer);
    let files: Vec<&str> = written.files.iter().map(|(name, _)| name.as_str()).collect();
    printer.result(&format!(
        "{} written to {} ({}), {} left out\n",
        count(written.accounts, "account", "accounts"),
        sanitise(&arguments.out.to_string_lossy()),
        files.join(", "),
        count(written.unsayable.len(), "thing", "things")
    ));
    if exit != Exit::Done {
        printer.diagnostics(&refused, &Lines::new(&sources));
        let mend = if refused.iter().any(|one| one.code == Code::LookAlike) {
            "give one of these another name in the store and import again, or take one of them out of the manifests: it \
             counts as not declared from then on"
        } else {
            "mend it in the store and import again, or in the manifests: what is taken out of them counts as not declared \
             from then on"
        };
        printer.error(&anyhow::anyhow!(
            "the manifests in {} say what is live, and are refused as they stand; {mend}",
            sanitise(&arguments.out.to_string_lossy())
        ));
    }
    Ok(exit)
}

/// What is wrong with manifests that were just written: everything in them can be said, and still not all of it beside
/// each other, and what is live may not fit the rules. What stands in a file of another program is judged with the
/// manifests that it joins.
fn refused(access: &Access, arguments: &Import, written: &Written) -> (Vec<Diagnostic>, Sources) {
    let out = arguments.out.to_string_lossy();
    let is_plain = arguments.out.components().all(|part| matches!(part, Component::Normal(_)))
        && !out.chars().any(|character| character.is_control() || is_hidden(character));
    let path = |name: &str| if is_plain { format!("{out}/{name}") } else { name.to_owned() };
    let files = written.files.iter().map(|(name, text)| (path(name), text.as_bytes()));
    let mut sources = Sources::memory(files);
    let paths: Vec<String> = written.files.iter().map(|(name, _)| path(name)).collect();
    let mut names = Names::new();
    let loaded = manifest::load(&mut names, access.reading(), &mut sources, &paths);
    let is_whole = arguments.file.is_none();
    let fits = if is_whole && !loaded.has_errors() { fit(&names, &loaded.desired, access.rules()) } else { Vec::new() };
    let mut found = loaded.diagnostics;
    found.extend(fits);
    found.retain(|one| one.severity == Severity::Error && (is_whole || one.code == Code::LookAlike));
    (found, sources)
}

/// A manifest whose first line leads to the schemas from this folder of the access repository; they are beside it from
/// a folder at the top.
fn with_way_to_schemas(text: &str, folder: &Path) -> String {
    let steps = folder.components().filter(|step| *step != Component::CurDir);
    if !steps.clone().all(|step| matches!(step, Component::Normal(_))) {
        return text.to_owned();
    }
    text.replacen("$schema=../", &format!("$schema={}", "../".repeat(steps.count())), 1)
}

/// What to say of people who are between two roles since a run was stopped: what is live is not what was meant.
fn tell_unfinished(access: &Access, names: &Names, live: &LiveState) -> Vec<String> {
    let listed = access.scope().organizations;
    let is_in_scope = |organization: &String| listed.as_ref().is_none_or(|listed| listed.contains(organization));
    let told = unfinished(names, live).into_iter().filter(|one| is_in_scope(&one.organization)).map(|one| {
        let written = if one.can_follow {
            "what was to come is written, and the next plan gives it: take it out where it is not wanted"
        } else {
            "nothing of it is written: declare what the person is to have there"
        };
        format!("{} {}; {written}", one.user, one.what)
    });
    told.map(|told| sanitise(&told).into_owned()).collect()
}

/// Everything live that the settings manage; nothing of a store that was read in part.
pub(super) fn all_in_scope(
    access: &Access,
    names: &mut Names,
    printer: &Printer,
) -> Result<(Info, LiveState), Failure> {
    let (info, live) = whole(access, names, printer)?;
    let live = within_scope(names, live, &access.scope());
    Ok((info, live))
}

/// Everything live; nothing of a store that was read in part.
fn whole(access: &Access, names: &mut Names, printer: &Printer) -> Result<(Info, LiveState), Failure> {
    let (info, live) = edge::runtime()?.block_on(access.live(names, printer))?;
    if !live.evidence.is_complete() {
        for (collection, why) in live.evidence.gaps() {
            printer.note(&format!("{} were read in part: {why}", collection.as_str()));
        }
        return Err(Failure::failed(anyhow::anyhow!("the store was read in part, so nothing is written")));
    }
    Ok((info, live))
}

/// A reason names at most one thing, and that is cut where it is longer than any sane name.
const LONGEST_REASON: usize = 250;

/// Tells what is left out of what was written.
pub(super) fn tell_left_out(left_out: &[Unsayable], printer: &Printer) {
    // Two that are cut in their middle would look the same.
    let style = printer.style_aside().telling_apart_texts(left_out.iter().map(|left_out| left_out.name.as_str()));
    for Unsayable { kind, name, reason } in left_out {
        printer.note(&format!("left out: {kind} {} {}", style.short(name), shortened(reason, LONGEST_REASON)));
    }
}

fn holds_yaml(folder: &Path) -> anyhow::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error).with_context(|| format!("`{}` can't be read", folder.display())),
    };
    for entry in entries {
        let path = entry.with_context(|| format!("`{}` can't be read", folder.display()))?.path();
        let is_yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        if is_yaml || (path.is_dir() && holds_yaml(&path)?) {
            return Ok(true);
        }
    }
    Ok(false)
}
